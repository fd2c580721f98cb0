"""Peers that say they are native, and lie in that form: skeletons that are cut, parts that are missing, deadlines that are none."""
import random
import struct

from hostile.forged import EMPTY, REFUSALS, refused, still
from hostile.victim import sure
from hostile.wire import CALLATTR, GETATTR, PING, REQUEST, Closed, by_value, items, made, mine, yours

OFFER = ("librpyc", 1, 3)
REFUSED = REFUSALS | {"RecursionError"}              # where the stack is small, before the limit
# What no reader may take: contents of a native box.
WRONG = (
    b"", b"\xff", 1, None, (), b"\x0d\x03\x00\x00\x00\x00", b"\x0d\x03\x00", b"\x0d\xfd" + b"\xff" * 8, b"\x0e\x01\x0d\x00\x00",
    b"\x08\xfc\xff\xff\xff\xff", b"\x05\x031_0", b"\x05\x04abcd", b"\x05\x00", b"\x08\x02\xff\xfe", b"\x0a\x01" * 3000 + b"\x00",
    b"\x0d\x01" * 100000 + b"\x00", b"\x0d\x01" * 1000000 + b"\x00", b"\x0b\x00\x00", b"\x0b" * 100000, b"\x0f\x63\x08" + bytes(8),
    b"\x0f\x0a\x07" + bytes(7), b"\x0f\x0a\xfd" + b"\xff" * 8, b"\x11", b"\x12", b"\x13\x0a", b"\x00\x00", b"\x0c\x01\x0d\x00",
    (b"\x13\x0a", b"\x00" + bytes(7)), (b"\x13\x0a", b"\x08" + bytes(8)), (b"\x13\x63", b"\x00" + bytes(8)), (b"\x12",), (b"\x12", b""),
    (b"\x12", b"\x07"), (b"\x12", b"\x00x", b"\x00y"), (b"\x11", b"\x00\xff\xfe"), (b"\x12", 5), (5, b"\x00"), (b"\x00", b"\x00"), b"\x03\x02",
    b"\x03\xff", b"\x14", b"\xfb\x04\x00", b"\x0d\xfd\x00\x00\x00\x01\x00\x00\x00\x00", b"\x07" + bytes(15), b"\x06" + bytes(7),
    b"\x10\x04\x01\x50", b"\x10\x09\x00", b"\x10\x04\xfd" + b"\xff" * 8, b"\x0e\xfd" + b"\xff" * 8,
)
# Of a list, a dict, an array and text: what mutants are made of.
GOOD = (
    b"\x0d\x04\x04\x02\x04\x01\x00\x03\x01", b"\x0e\x02\x08\x01a\x04\x02\x04\x04\x0d\x01\x00", b"\x0f\x0a\x10" + struct.pack("<dd", 1.5, 2.5),
    b"\x0a\x03\x06" + bytes(8) + b"\x07" + bytes(16) + b"\x09\x03abc", b"\x0c\x02\x04\x02\x08\x01x", b"\x0b\x04\x02\x00\x04\x04",
    b"\x05\x1e" + b"1" * 30, (b"\x0d\x02\x12\x13\x0a", b"\x01\x00xyz", b"\x00" + bytes(16)),
)


def agreed(victim, dialect=6):
    """A peer that has agreed on the native dialect."""
    peer = victim.rooted(dialect)
    got = peer.ask(PING, by_value((OFFER,)))
    sure(got == by_value((*OFFER, "agreed")), "the offer is answered with %r", got)
    return peer


def malformed_natives(victim):
    """Each of them as an argument, and within others: the request fails, or its connection does."""
    for dialect in (6, 5):
        peer = agreed(victim, dialect)
        for content in WRONG:
            box = (5, content)
            for args in (items(box), items(items(by_value(1), box)), items(yours(peer.root), by_value("add"), items(box, box), EMPTY)):
                try:
                    refused(peer.ask(CALLATTR if len(args[1]) == 4 else PING, args), repr(content)[:60], REFUSED)
                except Closed:
                    peer.socket.close()
                    peer = agreed(victim, dialect)
        still(peer)
        peer.socket.close()


def natives_without_leave(victim):
    """Native boxes and deadlines of one who never agreed."""
    with victim.rooted() as peer:
        for content in GOOD:
            got = peer.ask(PING, items((5, content)))
            sure(got[0] is None and "label" in str(got[2]), "a native box without leave gives %r", got)
        got = peer.ask((PING, 1000), by_value((1,)))
        sure(got[0] is None, "a deadline without leave gives %r", got)
        for offer in (("librpyc",), ("librpyc", 0, 3), ("librpyc", -1, 3), ("librpyc", 1, 0), ("librpyc", 1, -1), ("librpyc", "1", 3), ("librpyc", 1, None),
                      ("librpyc", 1, 1 << 70), ("librpyc", 1 << 70, 3), ("librpyc", 1, 3, "agreed"), (b"librpyc", 1, 3), ("LIBRPYC", 1, 3)):
            sure(peer.ask(PING, by_value((offer,)))[0] == 1, "the offer %r", offer)
        still(peer)


def odd_deadlines(victim):
    """Deadlines of all sizes and types."""
    peer = agreed(victim)
    for deadline in (0, 1, 1 << 43, (1 << 43) + 1, -1, 1 << 63, 1 << 64, 10 ** 300, None, "5", 1.5, (), (1, 2), slice(1), True):
        for handler in (PING, GETATTR, 99, None, "4", 1 << 40, (PING, 1)):
            box = items(yours(peer.root), by_value("add")) if handler == GETATTR else by_value((1,))
            try:
                peer.say(REQUEST, 900, ((handler, deadline), box))
                peer.wait(900)
            except Closed:
                peer.socket.close()
                peer = agreed(victim)
    still(peer)
    peer.socket.close()


def native_mutants(victim):
    """Good ones with a few bytes changed, by value and with objects of ours in them."""
    rng = random.Random(5)
    peer = agreed(victim)
    for n in range(400):
        content = rng.choice(GOOD)
        parts = list(content) if isinstance(content, tuple) else [content]
        at = rng.randrange(len(parts))
        part = bytearray(parts[at])
        for _ in range(rng.randrange(1, 4)):
            place = rng.randrange(len(part) + 1)
            part[place:place + rng.randrange(2)] = bytes(rng.choice((0, 1, 4, 8, 13, 14, 16, 0xfb, 0xfd, 0xff, rng.randrange(256)))
                                                         for _ in range(rng.randrange(2)))
        parts[at] = bytes(part)
        try:
            got = peer.ask(PING, items((5, tuple(parts) if len(parts) > 1 else parts[0]), mine(made())))
            sure(len(got) in (2, 3), "mutant %d gives %r", n, got)
        except Closed:
            peer.socket.close()
            peer = agreed(victim)
    peer.socket.close()


ATTACKS = {"natives": (malformed_natives, natives_without_leave, odd_deadlines, native_mutants)}
