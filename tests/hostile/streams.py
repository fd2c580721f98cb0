"""Bytes that are no messages, or too many: malformed values, headers without a body, bombs, floods, and ends of all kinds."""
import json
import os
import random
import socket
import struct
import time
import zlib

from hostile.forged import EMPTY, refused, still
from hostile.victim import sure
from hostile.wire import (CALLATTR, CLOSE, DEL, EXCEPTION, GETATTR, GETROOT, INSPECT, PING, REPLY, REQUEST, Closed, Hang, Raw, by_value, dump,
                          frame, items, made, message, mine, nested, no_attribute, yours)

DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data")
MIB = 1 << 20


# ---------------------------------------------------------------- malformed values
def vectors():
    """(name, brine) of what must not be taken for a value."""
    with open(os.path.join(DATA, "brine.json"), encoding="utf-8") as file:
        data = json.load(file)
    rejected = [one for one in data["accepted"] if one.get("advice", "").startswith("reject")]
    return [(one["name"], Raw(bytes.fromhex(one["hex"]))) for one in data["malformed"] + rejected]


def malformed_arguments(victim):
    """Every malformed vector as the last thing of a request, where one that is cut ends with its message: in both dialects."""
    for dialect in (6, 5):
        peer, lost = victim.rooted(dialect), 0
        for name, raw in vectors():
            for box in (by_value((raw,)), items(by_value(raw)), items(yours(peer.root), by_value("echo"), by_value((raw,)))):
                try:
                    refused(peer.ask(CALLATTR if len(box[1]) == 3 else PING, box), name)
                except Closed:
                    lost += 1
                    peer.socket.close()
                    peer = victim.rooted(dialect)
        still(peer)
        peer.socket.close()
        # What is wrong ends its request, or else its connection, which the log tells.
        told = victim.log()
        sure(not lost or not told or told.count("log ") >= lost, "%d connections ended, and the log says\n%s", lost, told)


def malformed_elsewhere(victim):
    """The vectors in the place of each other part of a message."""
    places = (
        lambda raw, _: bytes([REQUEST]) + raw,                            # seq and body
        lambda raw, _: raw,                                               # all of it
        lambda raw, _: message(REQUEST, 3, raw),
        lambda raw, _: message(REQUEST, 3, (raw, EMPTY)),
        lambda raw, _: message(REQUEST, 3, (PING, raw)),
        lambda raw, root: message(REQUEST, 3, (GETATTR, items((3, raw), by_value("x")))),
        lambda raw, root: message(REQUEST, 3, (CALLATTR, items(yours(root), by_value("echo"), EMPTY, by_value(raw)))),
        lambda raw, _: message(REQUEST, 3, (PING, items(mine((raw, 1, 2))))),
        lambda raw, _: message(REPLY, 3, raw),
        lambda raw, _: message(REPLY, 3, (1, raw)),
        lambda raw, _: message(REPLY, 3, (4, ("x", 1, raw))),
        lambda raw, _: message(EXCEPTION, 3, raw),
        lambda raw, _: message(EXCEPTION, 3, (("builtins", "ValueError"), raw, (), "")),
        lambda raw, _: message(raw, 3, (PING, EMPTY), dialect=5),
        lambda raw, _: message(REQUEST, raw, (PING, EMPTY), dialect=5),
    )
    for name, raw in vectors():
        peer = victim.rooted()
        for place in places:
            try:
                peer.send(frame(place(raw, peer.root)))
            except Closed:
                peer.socket.close()
                peer = victim.rooted()
        # It answers, or it ends: it does not hang.
        try:
            peer.ask(PING, by_value((name,)))
        except Closed:
            pass
        peer.socket.close()


# ---------------------------------------------------------------- frames
def silent_headers(victim):
    """Frames of 4 GiB that are announced, and never come: memory is that of what has come."""
    before, peers = victim.resident(), []
    for flag in (0, 1, 255):
        for length in (0xffffffff, 0x80000000, 0x7fffffff, 256 * MIB, 256 * MIB + 1, 64 * MIB, 3):
            peer = victim.connect()
            peer.send(struct.pack("!LB", length, flag) + b"\x01"[:length])
            peers.append(peer)
    victim.honest()
    grown = victim.resident() - before
    sure(grown < 24 * MIB, "%d bytes are taken for what is only announced", grown)
    for peer in peers:
        peer.reset()


def drips(victim):
    """A request that comes a byte at a time, of several connections at once, is answered in the end."""
    whole = frame(message(REQUEST, 0, (PING, by_value(("drip",)))))
    peers = [victim.connect() for _ in range(5)]
    for byte in whole[:-1]:
        for peer in peers:
            peer.send(bytes([byte]))
    victim.honest()
    for peer in peers:
        peer.send(whole[-1:])
        sure(peer.wait(0) == (1, "drip"), "a drip is not answered")
        peer.socket.close()


def odd_frames(victim):
    """What the format allows: empty frames, any flusher, any flag; and compressed bodies that are none."""
    with victim.rooted() as peer:
        peer.send(frame(b"") * 20000)
        peer.send(frame(message(REQUEST, 900, (PING, by_value((1,)))), tail=b"\x00"))
        sure(peer.wait(900) == (1, 1), "any flusher will do")
        packed = zlib.compress(message(REQUEST, 901, (PING, by_value((2,)))))
        for flag in (1, 2, 128, 255):
            peer.send(frame(packed, flag))
            sure(peer.wait(901) == (1, 2), "any flag will do")
    good = message(REQUEST, 0, (PING, by_value((1,))))
    packed = zlib.compress(good)
    raw = zlib.compressobj(wbits=-15)
    raw = raw.compress(good) + raw.flush()
    wrong = (b"", b"\x78", packed[:-5], packed[:4], b"\x00" + packed, packed[:-4] + b"\xff\xff\xff\xff", raw, good, b"\x78\xbb" + packed[2:],
             b"\x1f\x8b\x08" + packed, zlib.compress(b""), zlib.compress(packed), bytes(range(256)), b"\x78\x9c" + b"\xff" * 3000)
    for body in wrong:
        with victim.rooted() as peer:
            try:
                peer.send(frame(body, 1))
                peer.ask(PING, by_value((1,)))
            except Closed:
                pass


def squeezed(head, unit, count):
    """A zlib stream of head, and of unit repeated `count` times: blocks are repeated as they are, so that it costs next to nothing."""
    block = unit * (MIB // len(unit))
    packer = zlib.compressobj(9)
    first = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    again = zlib.compressobj(9, wbits=-15)
    again = again.compress(block) + again.flush(zlib.Z_FULL_FLUSH)
    times = count * len(unit) // MIB
    check = zlib.adler32(head)
    for _ in range(times):
        check = zlib.adler32(block, check)
    return first + again * times + b"\x03\x00" + struct.pack("!L", check)


def bombs(victim):
    """Small frames that inflate to more than the limit, or to values that take much more than their bytes."""
    def request(count):
        return message(REQUEST, 0, (PING, Raw(b"\x11\x51\x10\x15" + struct.pack("!L", count))))

    for body in (squeezed(message(REQUEST, 0, (PING, Raw(b"\x11\x51\x10\x0f" + struct.pack("!L", 300 * MIB)))), bytes(64), 5 * MIB),
                 squeezed(request(8 * MIB), b"\x02", 8 * MIB), squeezed(request(MIB), b"\x10\x50", MIB),
                 squeezed(b"\x01", b"\x10", 20 * MIB)):
        with victim.rooted() as peer:
            try:
                peer.send(frame(body, 1))
                peer.wait(0)
            except Closed:
                pass
        victim.honest()


# ---------------------------------------------------------------- floods
def pushed(peer, data, most, patience=0.3):
    """Sends without reading, until nothing is taken any more; how much went out."""
    sent = 0
    peer.socket.settimeout(patience)
    try:
        while sent < most:
            sent += peer.socket.send(memoryview(data)[sent % len(data):])
    except (TimeoutError, OSError):
        pass
    return sent


def unread_answers(victim):
    """Requests without end from one that reads no answer: it is slowed down, and takes a bounded memory."""
    ping = frame(message(REQUEST, 0, (PING, by_value((b"x" * 900,)))))
    before = victim.resident()
    peers = [victim.rooted() for _ in range(3)]
    for peer in peers:
        pushed(peer, ping * 400, 100 * MIB)
    grown = victim.resident() - before
    sure(grown < 128 * MIB, "%d bytes are kept for three that read nothing", grown)
    victim.honest()
    for peer in peers:
        peer.reset()


def floods(victim):
    """Short requests in the ten thousands, read to the end; all are answered, in their number."""
    with victim.rooted() as peer:
        count, got = 20000, 0
        burst = b"".join(frame(message(REQUEST, 10 + n % 100, (PING, by_value((n % 100,))))) for n in range(1000))
        peer.socket.settimeout(20)
        for _ in range(count // 1000):
            peer.send(burst)
            for _ in range(1000):
                kind, seq, box = peer.receive()
                got += kind == REPLY and box == (1, seq - 10)
        sure(got == count, "%d of %d pings are answered", got, count)
        # References that are never given back, in a number that any limit allows.
        name = by_value("add" if victim.has("add") else "eval")
        burst = b"".join(frame(message(REQUEST, 5, (GETATTR, items(yours(peer.root), name)))) for _ in range(500))
        for _ in range(10):
            peer.send(burst)
            for _ in range(500):
                peer.receive()
        still(peer)


def crowds(victim):
    """Connections by the hundred that are silent, half open, or leave at once."""
    peers = [victim.connect() for _ in range(150)]
    victim.honest()
    for n, peer in enumerate(peers):
        if n % 3 == 0:
            peer.reset()
        elif n % 3 == 1:
            peer.socket.shutdown(socket.SHUT_WR)
        else:
            peer.socket.close()
    for peer in peers[1::3]:
        peer.drain()
        peer.socket.close()


# ---------------------------------------------------------------- answers and ends
def unasked_answers(victim):
    """Answers that nobody waits for, answers twice, and references in them: these are given back."""
    with victim.rooted() as peer:
        packs = [made() for _ in range(20)]
        for n, pack in enumerate(packs):
            peer.say(REPLY, 1000 + n, items(mine(pack), by_value(n)))
        for seq in (0, -1, 1 << 63, 1 << 64, 10 ** 300, None, "x", b"x", 1.5, (), (1, (2,)), slice(1, 2), frozenset((1,)), True):
            peer.say(REPLY, seq, by_value(1))
            peer.say(EXCEPTION, seq, no_attribute())
            peer.say(EXCEPTION, seq, 1)
        still(peer)
        deadline = time.monotonic() + 20
        given_back = set()
        while len(given_back) < len(packs) and time.monotonic() < deadline:
            still(peer)
            given_back = {args[1][0][1] for handler, args in peer.asked if handler == DEL}
        sure(given_back == set(packs), "%d of %d references are given back", len(given_back), len(packs))
    if not victim.has("call"):
        return
    for twice in (by_value(5), items(mine(made())), (9, 9), None):
        with victim.rooted() as peer:
            def answers(peer, handler, args, twice=twice):
                for _ in range(3):
                    peer.say(REPLY, peer.served, by_value(7))
                    if twice is None:
                        peer.say(EXCEPTION, peer.served, no_attribute())
                    else:
                        peer.say(REPLY, peer.served, twice)

            def serve(seq, handler, box, peer=peer, plain=peer.serve):
                peer.served = seq
                plain(seq, handler, box)

            peer.serve = serve
            try:
                sure(peer.call("call", mine(peer.function(answers))) == (1, 7), "the first answer counts")
                still(peer)
            except Closed:
                sure(twice == (9, 9), "the connection ends at an answer too many: %r" % (twice,))


def odd_numbers(victim):
    """Requests with numbers of all types, which come back as they are, and the same number twice at once."""
    with victim.rooted() as peer:
        for seq in (-1, 1 << 63, 1 << 64, 10 ** 300, None, "x" * 300, b"x", 1.5, (), (1, ("2", None)), slice(1, 2), True, Ellipsis):
            try:
                sure(peer.ask(PING, by_value((1,)), seq=seq) == (1, 1), "the number %r", seq)
            except Closed:
                peer.socket.close()
                peer = victim.rooted()
        for _ in range(2):
            peer.post(PING, by_value(("same",)), seq=5)
        for _ in range(2):
            sure(peer.wait(5) == (1, "same"), "the same number twice")
        peer.socket.close()


def changed_dialects(victim):
    """A peer that changes its dialect in the middle, to any that there is, is not served any more."""
    for first, second in ((6, 5), (5, 6)):
        for kind, body in ((REQUEST, (PING, by_value((1,)))), (REPLY, by_value(1)), (EXCEPTION, 1), (REQUEST, (GETROOT, EMPTY))):
            with victim.rooted(first) as peer:
                peer.say(kind, 5, body, dialect=second)
                peer.drain()
    # Both at once, and one whose ids are those of rpyc 4.0 and before.
    for dialects in ((6, 5, 6), (5, 6, 5)):
        with victim.connect() as peer:
            try:
                for dialect in dialects:
                    peer.say(REQUEST, 1, (GETROOT, EMPTY), dialect=dialect)
            except Closed:
                pass                                 # a socket of this machine accepts nothing once its other end is closed
            peer.drain()
    with victim.rooted(5) as peer:
        try:
            got = peer.ask(GETATTR, items((3, peer.root[2]), by_value("add")))
            sure(got[0] is None, "an object by its number gives %r", got)
            peer.post(INSPECT, by_value((peer.root[0],)))
            peer.drain()
        except Closed:
            pass


def ends(victim):
    """Connections that end in the middle of anything, and closes that are no closes."""
    whole = frame(message(REQUEST, 0, (PING, by_value(("x" * 100,)))))
    for cut in (0, 1, 4, 5, 6, 20, len(whole) - 1, len(whole)):
        for leave in ("reset", "close", "half"):
            peer = victim.connect()
            peer.send(whole[:cut])
            if leave == "reset":
                peer.reset()
            elif leave == "close":
                peer.socket.close()
            else:
                peer.socket.shutdown(socket.SHUT_WR)
                peer.drain()
                peer.socket.close()
    for body in ((CLOSE, EMPTY), (CLOSE, by_value((1, 2))), (CLOSE, items(mine(made()))), (CLOSE, None), (CLOSE,)):
        with victim.rooted() as peer:
            for _ in range(3):
                try:
                    peer.say(REQUEST, 1, body)
                except Closed:
                    pass
            if body == (CLOSE, EMPTY):
                peer.drain()
    if victim.has("call"):
        # Gone while a call of theirs waits for us.
        for _ in range(10):
            peer = victim.rooted()
            peer.post(CALLATTR, items(yours(peer.root), by_value("call"), items(mine(made())), EMPTY))
            peer.receive()
            peer.reset()


# ---------------------------------------------------------------- nesting
def deep_values(victim):
    """Values within values, of every kind, in every place, to a million levels: refused with the limit, and nothing overflows."""
    kinds = {
        "tuple": lambda n: nested(b"\x10", n), "long tuple": lambda n: nested(b"\x15\0\0\0\1", n),
        "frozenset": lambda n: nested(b"\x1a\x10", n), "str": lambda n: nested(b"\x08", n, b"\x0aa"),
        "slice": lambda n: Raw(b"\x19\x12" * n + b"\0" + b"\0\0" * n),
    }
    for name, kind in kinds.items():
        peer = victim.rooted()
        for levels in (100, 129, 500, 5000, 1000000):
            for box in (by_value((kind(levels),)), items(by_value(kind(levels))), items(items(by_value((kind(levels),)))),
                        items(mine((kind(levels), 1, 2))), items(yours((kind(levels), 1, 2)))):
                try:
                    got = peer.ask(PING, box)
                    sure(got[0] is None or levels == 100, "a %s of %d levels gives %r", name, levels, got[:1])
                except Closed:
                    peer.socket.close()
                    peer = victim.rooted()
        peer.socket.close()
        for levels in (500, 1000000):
            raw = kind(levels)
            for payload in (message(REQUEST, raw, (PING, EMPTY)), message(REQUEST, 1, (raw, EMPTY)), message(REPLY, 1, (1, raw)),
                            message(EXCEPTION, 1, (("builtins", "ValueError"), (raw,), (), "")), message(raw, 1, 1, dialect=5),
                            message(REQUEST, 1, raw), bytes([REQUEST]) + raw):
                with victim.rooted() as peer:
                    try:                             # the connection may end before all is sent
                        peer.send(frame(payload))
                        peer.ask(PING, by_value((1,)))
                    except Closed:
                        pass


def deep_boxes(victim):
    """Boxes within boxes."""
    with victim.rooted() as peer:
        for levels in (50, 200, 1000, 100000, 1000000):
            for inner in (dump(by_value(None)), dump(mine(made())), dump(yours(peer.root))):
                raw = Raw(b"\x11\x52\x10" * levels + inner)
                try:
                    got = peer.ask(PING, raw)
                    sure(got[0] is None or levels == 50, "boxes of %d levels give %r", levels, got[:1])
                except Closed:
                    peer.socket.close()
                    peer = victim.rooted()
        still(peer)


def endless_callbacks(victim):
    """Calls that call back, that call, without end: it ends with RecursionError, and all of them come back."""
    if not victim.has("call"):
        return
    with victim.rooted() as peer:
        waiting, pack = [], made()
        root = yours(peer.root)

        def go_on():
            peer.post(CALLATTR, items(root, by_value("call"), items(mine(pack)), EMPTY))

        def serve(seq, handler, box, plain=peer.serve):
            if handler in (CALLATTR, 7):
                waiting.append(seq)
                go_on()
            else:
                plain(seq, handler, box)

        peer.serve = serve
        go_on()
        names, left = [], 1
        while left:
            kind, seq, body = peer.receive()
            if kind == REQUEST:
                left += body[0] in (CALLATTR, 7)
                peer.take(seq, *body)
                continue
            left -= 1
            if kind == EXCEPTION and seq >= 0:
                names.append(body[0][1])
            if left:
                peer.say(EXCEPTION, waiting.pop(), (("builtins", "RecursionError"), ("deep",), (), ""))
        sure(names and set(names) == {"RecursionError"}, "the calls end with %s", set(names))
        sure(len(names) > 3, "only %d levels", len(names))
        still(peer)


# ---------------------------------------------------------------- mutants
def recordings():
    """What clients of stock RPyC said, frame by frame."""
    folder, sessions = os.path.join(DATA, "sessions"), []
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            frames = json.load(file)["frames"]
        said = [bytes.fromhex(one["hex"]) for one in frames if one["dir"] == "c>s" and "hex" in one]
        if said:
            sessions.append((name, said))
    return sessions


def mutated(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        at = rng.randrange(len(data))
        kind = rng.randrange(6)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at] = rng.randrange(256)
        elif kind == 2:
            del data[at:at + rng.randrange(1, 5)]
        elif kind == 3:
            data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 4)))
        elif kind == 4:
            data[at:at] = data[at:at + rng.randrange(1, 30)]
        else:
            data[at] = rng.choice((0, 1, 2, 3, 0x0f, 0x10, 0x15, 0x17, 0x19, 0x1a, 0x50, 0xef, 0xff))
        if not data:
            return b"\0"
    return bytes(data)


def mutants(victim, count, seed):
    """Recordings with a few bytes changed: whole payloads in good frames, and frames that are broken themselves."""
    rng, sessions = random.Random(seed), recordings()
    peer, left = None, 0
    for n in range(count):
        if not left:
            if peer:
                peer.reset()
            peer, left, said = victim.connect(), 4, rng.choice(sessions)[1]
        left -= 1
        whole = rng.choice(said)
        try:
            if rng.randrange(4):
                body = mutated(rng, whole[5:-1]) if len(whole) > 6 else b"\0"
                peer.send(frame(body, whole[4]))
            else:
                peer.send(mutated(rng, whole))
            peer.send(rng.choice(said))
        except Closed:
            left = 0
        except Hang:
            raise Hang("mutant %d of seed %d is not taken" % (n, seed)) from None
        if n % 500 == 499:
            victim.alive("mutant %d of seed %d" % (n, seed))
            victim.honest()
    if peer:
        peer.reset()


ATTACKS = {
    "malformed": (malformed_arguments, malformed_elsewhere),
    "frames": (silent_headers, drips, odd_frames),
    "bombs": (bombs,),
    "floods": (unread_answers, floods, crowds),
    "answers": (unasked_answers, odd_numbers, changed_dialects, ends),
    "nesting": (deep_values, deep_boxes, endless_callbacks),
}
