"""Servers with a budget for all of their connections: peers that take all they can get meet MemoryError, others are served
meanwhile, and all of it comes back."""
import struct
import time

from hostile.forged import still
from hostile.streams import MIB, squeezed
from hostile.victim import sure
from hostile.wire import DEL, EXCEPTION, GETATTR, PING, REQUEST, Closed, Raw, by_value, frame, items, message, mine, made, yours

BUDGET = 8 * MIB
OPTIONS = ("max_total_memory=%d" % BUDGET, "allow_public_attrs=true")
# Beside the budget: what is free for each connection, the program's own, and what an allocator keeps.
SLACK = 24 * MIB
NAMED = "max_total_memory"


def out_of_memory(got, what):
    """MemoryError, whose text says which option it was."""
    sure(got[0] is None and got[1] == "MemoryError", "%s gives %r", what, got[:2])
    sure(NAMED in str(got[2]), "%s does not name the option: %r", what, got[2])


def bounded(victim, before, what):
    grown = victim.resident() - before
    sure(grown < BUDGET + SLACK, "%s: %d bytes more are resident", what, grown)
    victim.honest()


def echoed(size, seq=0):
    """A request with this number of bytes, which come back."""
    return frame(message(REQUEST, seq, (PING, by_value((Raw(b"\x0f" + struct.pack("!L", size) + bytes(size)),)))))


def frames_that_do_not_end(victim):
    """Twenty requests of 3 MiB each that lack their last byte: two thirds of what is sent is not kept, and its senders are told so."""
    before, whole, peers = victim.resident(), echoed(3 * MIB), []
    for _ in range(20):
        peer = victim.rooted()
        peer.send(whole[:-1])
        peers.append(peer)
    bounded(victim, before, "frames that do not end")
    outcomes = {}
    for peer in peers[1:]:
        try:
            peer.send(whole[-1:])
            got = peer.wait(0)
            if got[0] is None:
                out_of_memory(got, "a frame")
            outcomes[got[0] is None] = 1
            still(peer)
        except Closed:
            outcomes[None] = 1
        peer.socket.close()
    sure(True in outcomes, "nobody met MemoryError: %r", outcomes)
    peers[0].reset()
    victim.honest()


def bombs_at_once(victim):
    """Four small frames at once that inflate to 64 MB, and four that become values of as much."""
    before = victim.resident()
    for body in (squeezed(message(REQUEST, 0, (PING, Raw(b"\x11\x51\x10\x0f" + struct.pack("!L", 60 * MIB)))), bytes(64), MIB),
                 squeezed(message(REQUEST, 0, (PING, Raw(b"\x11\x51\x10\x15" + struct.pack("!L", MIB)))), b"\x02", MIB)):
        peers = [victim.rooted() for _ in range(4)]
        for peer in peers:
            peer.send(frame(body, 1))
        for peer in peers:
            try:
                out_of_memory(peer.wait(0), "a bomb")
                still(peer)
            except Closed:
                pass
            peer.socket.close()
        bounded(victim, before, "bombs")


def answers_that_nobody_reads(victim):
    """Eight peers that have a MiB sent back, again and again, and read nothing."""
    before, whole, peers = victim.resident(), echoed(MIB), []
    for _ in range(8):
        peer = victim.rooted()
        peer.socket.settimeout(0.2)
        try:
            for _ in range(12):
                peer.socket.sendall(whole)
        except (TimeoutError, OSError):
            pass
        peers.append(peer)
    bounded(victim, before, "answers that nobody reads")
    for peer in peers:
        peer.reset()
    victim.honest()


def references_without_end(victim):
    """Methods of the root, each another object, and none given back, of three peers."""
    peers = [victim.rooted() for _ in range(3)]
    for peer in peers:
        name = by_value("add" if victim.has("add") else "eval")
        burst = b"".join(frame(message(REQUEST, 5, (GETATTR, items(yours(peer.root), name)))) for _ in range(200))
        told = None
        for _ in range(150):
            peer.send(burst)
            for _ in range(200):
                kind, _, body = peer.receive()
                if kind == EXCEPTION:
                    told = told or (None, body[0][1], body[1])
            if told:
                break
        if told is None:
            # Where a method is the same object each time.
            continue
        out_of_memory(told, "a method too many")
        still(peer)
    victim.honest()
    for peer in peers:
        peer.reset()


def lent_without_end(victim):
    """References to objects of ours in a list of theirs, which has to remember each."""
    if not victim.has("secret"):
        return
    peers = [victim.rooted() for _ in range(3)]
    for peer in peers:
        pack, got, rounds = peer.object("make_list", by_value(0)), (1, None), 0
        while got[0] is not None:
            got = peer.call("append", items(*[mine(made()) for _ in range(500)]), pack=pack)
            rounds += 1
            sure(rounds < BUDGET // 50000, "there is no end")
        out_of_memory(got, "an object too many")
        still(peer)
    victim.honest()
    for peer in peers:
        peer.reset()
    victim.honest()


def kept_values(victim):
    """Bytes that peers have kept in lists, tuples that become large, and products of a list."""
    if not victim.has("secret"):
        return
    before = victim.resident()
    peers = [victim.rooted() for _ in range(3)]
    for peer in peers:
        pack = peer.object("make_list", by_value(0))
        got, rounds = (1, None), 0
        while got[0] is not None:
            got, rounds = peer.call("append", by_value(bytes(200000)), pack=pack), rounds + 1
            sure(rounds < 2 * BUDGET // 200000, "there is no end")
        out_of_memory(got, "a value too many")
        got = peer.call("append", by_value((None,) * 200000), pack=pack)
        out_of_memory(got, "a tuple")
        numbers = peer.object("make_list", by_value(1000))
        for name in ("__mul__", "__imul__", "__rmul__"):
            # Of ten million items.
            out_of_memory(peer.call(name, by_value(10000), pack=numbers), name)
        still(peer)
    bounded(victim, before, "values that are kept")
    for peer in peers[:2]:
        peer.reset()
    # What is given back can be taken again.
    peer, deadline = peers[2], time.monotonic() + 20
    peer.ask(DEL, items(yours(pack), by_value(1)))
    pack = peer.object("make_list", by_value(0))
    while peer.call("append", by_value(bytes(2 * MIB)), pack=pack)[0] is None:
        sure(time.monotonic() < deadline, "memory does not come back")
        time.sleep(0.05)
    peer.socket.close()


ATTACKS = {"budget": (OPTIONS, (frames_that_do_not_end, bombs_at_once, answers_that_nobody_reads, references_without_end, lent_without_end,
                                kept_values))}
