"""Lists, dicts and generators of ours in hostile hands: factors, slices, keys and comparisons that lie, changes while they are used."""
import time

from hostile.forged import EMPTY, still
from hostile.streams import MIB
from hostile.victim import sure
from hostile.wire import (BUFFITER, CALLATTR, CMP, DEL, HASH, REPR, STR, Closed, by_value, items, mine, yours)

HUGE = (16777215, 16777216, 1 << 31, (1 << 63) - 1, 1 << 64, -1, -(1 << 63), 10 ** 300)


def ask(peer, pack, name, *boxes):
    """A method of an object of theirs: an answer, of whatever kind."""
    return peer.call(name, *boxes, pack=pack)


def length(peer, pack):
    got = ask(peer, pack, "__len__")
    sure(got[0] == 1 and isinstance(got[1], int), "len() gives %r", got)
    return got[1]


def growth(victim):
    """A few bytes that ask for a list of gigabytes: MemoryError, or what the limits allow, which is given back."""
    for name in ("__mul__", "__rmul__", "__imul__"):
        for factor in HUGE:
            with victim.rooted() as peer:
                pack = peer.object("make_list", by_value(1000))
                got = ask(peer, pack, name, by_value(factor))
                if factor > 1 << 20:
                    sure(got[0] is None, "%s of %d gives %r", name, factor, got)
                    sure(got[1] in ("MemoryError", "OverflowError"), "%s of %d raises %s", name, factor, got[1])
    with victim.rooted() as peer:
        pack = peer.object("make_list", by_value(1))
        for _ in range(60):
            got = ask(peer, pack, "__iadd__", yours(pack))
            if got[0] is None:
                break
        sure(got[0] is None and got[1] == "MemoryError", "a list is doubled without end: %r", got)
    with victim.rooted() as peer:
        for other in ("extend", "__iadd__"):
            pack = peer.object("make_list", by_value(3))
            endless = peer.function(lambda peer, handler, args: by_value((1,) * 10000) if handler == BUFFITER else mine(endless)
                                    if args[:1] == ("__iter__",) else by_value(1), "builtins.generator")
            peer.post(CALLATTR, items(yours(pack), by_value(other), items(mine(endless)), EMPTY))
            deadline = time.monotonic() + 0.5
            try:
                while time.monotonic() < deadline:
                    kind, seq, body = peer.receive(1)
                    if kind != 1:
                        break
                    peer.take(seq, *body)
            except Exception:                        # what is cut off in the middle leaves with its connection
                pass
            peer.reset()
            victim.honest()
            peer = victim.rooted()
        peer.socket.close()


def slices(victim):
    """Indices and slices of all sizes and types, to read, set and delete."""
    with victim.rooted() as peer:
        numbers = (0, 1, -1, 5, *HUGE)
        parts = [slice(a, b, c) for a in (None, 0, 1 << 64, -1) for b in (None, 3, -(1 << 64)) for c in (None, 0, -1, 1 << 63, -(1 << 63))]
        odd = [None, "1", 1.5, (), b"", NotImplemented, slice("a", None), slice(1.5, 2), slice(slice(1), 2), True]
        for index in (*numbers, *parts, *odd):
            pack = peer.object("make_list", by_value(10))
            for name, more in (("__getitem__", ()), ("__setitem__", (by_value((7, 8, 9)),)), ("__setitem__", (yours(pack),)),
                               ("insert", (by_value(1),)), ("pop", ()), ("__delitem__", ()), ("__contains__", ()), ("index", ()), ("count", ())):
                got = ask(peer, pack, name, by_value(index), *more)
                sure(len(got) in (2, 3), "%s of %r gives %r", name, index, got)
            sure(0 <= length(peer, pack) < 60, "a list has %d items", length(peer, pack))
        still(peer)


def sorting(victim):
    """sort with a key of theirs that lies, raises, changes the list, or is never answered."""
    def asked(change, released=False):
        with victim.rooted() as peer:
            pack = peer.object("make_list", by_value(20))
            calls = []

            def key(peer, handler, args):
                calls.append(args)
                return change(peer, pack, len(calls))

            keywords = items(items(by_value("key"), mine(peer.function(key))))
            try:
                got = peer.ask(CALLATTR, items(yours(pack), by_value("sort"), EMPTY, keywords))
                sure(len(got) in (2, 3), "sort gives %r", got)
                if not released:
                    length(peer, pack)
                still(peer)
            except Closed:
                pass

    def changing(name, *boxes):
        def change(peer, pack, n):
            got = ask(peer, pack, name, *boxes)
            sure(len(got) in (2, 3), "%s in sort gives %r", name, got)
            return by_value(-n)
        return change

    asked(lambda peer, pack, n: by_value((n * 7919) % 13))
    asked(lambda peer, pack, n: by_value(None if n % 2 else "text"))
    asked(lambda peer, pack, n: by_value(float("nan")))
    asked(lambda peer, pack, n: (9, 9))
    asked(lambda peer, pack, n: mine(peer.function(lambda peer, handler, args: by_value(n % 3 == 0))))
    asked(lambda peer, pack, n: mine(peer.function(lambda peer, handler, args: by_value("lies"))))
    for name, *boxes in (("clear",), ("append", by_value(1)), ("pop",), ("sort",), ("reverse",), ("__delitem__", by_value(slice(None))),
                         ("extend", by_value((1, 2, 3)))):
        asked(changing(name, *boxes))

    def leave(peer, pack, n):
        if n > 5:
            peer.reset()
            raise Closed("left")
        return by_value(n)

    asked(leave)

    def release(peer, pack, n):
        peer.post(DEL, items(yours(pack), by_value(1 << 40)))
        return by_value(n)

    asked(release, True)


def lying_items(victim):
    """Items and keys of theirs, whose __eq__, __hash__, __lt__ and __repr__ lie, raise, and change the container meanwhile."""
    answers = (
        lambda peer, pack, handler, args: by_value(True), lambda peer, pack, handler, args: by_value(None),
        lambda peer, pack, handler, args: by_value(10 ** 400), lambda peer, pack, handler, args: by_value("x"),
        lambda peer, pack, handler, args: by_value(NotImplemented), lambda peer, pack, handler, args: (9, 9),
        lambda peer, pack, handler, args: yours(pack), lambda peer, pack, handler, args: mine(peer.function(lambda *_: by_value(1))),
        lambda peer, pack, handler, args: by_value(len(repr(ask(peer, pack, "clear")))),
        lambda peer, pack, handler, args: by_value(len(repr(ask(peer, pack, "pop")))),
        lambda peer, pack, handler, args: by_value(len(repr(peer.ask(HASH, items(yours(pack)))))),
        lambda peer, pack, handler, args: by_value(peer.ask(DEL, items(yours(pack), by_value(9)))[0] is None),
    )
    for answer in answers:
        for maker in ("make_list", "make_dict"):
            with victim.rooted() as peer:
                pack = peer.object(maker, *((by_value(5),) if maker == "make_list" else ()))
                liars = [mine(peer.function(lambda peer, handler, args, pack=pack: answer(peer, pack, handler, args), name))
                         for name in ("evil.Liar", "builtins.int", "builtins.list")]
                try:
                    abuse(peer, pack, maker, liars)
                    still(peer)
                except Closed:
                    pass


def abuse(peer, pack, maker, liars):
    names = [("append", 1), ("__contains__", 1), ("index", 1), ("count", 1), ("remove", 1), ("__eq__", 1), ("__lt__", 1), ("__add__", 1),
             ("__mul__", 1), ("insert", 2), ("__setitem__", 2), ("extend", 1)] if maker == "make_list" else \
            [("__setitem__", 2), ("__contains__", 1), ("get", 1), ("pop", 1), ("setdefault", 2), ("__eq__", 1), ("update", 1), ("__or__", 1),
             ("__delitem__", 1), ("fromkeys", 1)]
    for name, count in names:
        for n in range(3):
            got = ask(peer, pack, name, *[liars[(n + m) % 3] for m in range(count)])
            sure(len(got) in (2, 3), "%s gives %r", name, got)
    for handler in (REPR, STR):
        peer.ask(handler, items(yours(pack)))
    for other in liars:
        peer.ask(CMP, items(yours(pack), other, by_value("__eq__")))
        peer.ask(CMP, items(yours(pack), other, by_value("__lt__")))
    for name in ("keys", "values", "items", "__iter__", "__reversed__", "copy", "sort"):
        got = ask(peer, pack, name)
        if got[0] == 4:
            peer.ask(REPR, items(yours(got[1])))
            peer.ask(BUFFITER, items(yours(got[1]), by_value(5)))
            peer.ask(CMP, items(yours(got[1]), liars[0], by_value("__eq__")))


def changed_while_used(victim):
    """Iterators of what has become another one meanwhile, or is released."""
    with victim.rooted() as peer:
        for maker, change in (("make_list", "clear"), ("make_list", "append"), ("make_dict", "clear"), ("make_dict", "__setitem__"),
                              ("make_list", "release"), ("make_dict", "release")):
            pack = peer.object(maker, *((by_value(50),) if maker == "make_list" else ()))
            kept = [ask(peer, pack, name) for name in ("__iter__", "__reversed__", "keys", "values", "items")]
            kept = [box[1] for box in kept if box[0] == 4]
            for one in list(kept):
                got = ask(peer, one, "__iter__")
                kept += [got[1]] if got[0] == 4 else []
            for one in kept:
                ask(peer, one, "__next__")
            if change == "release":
                peer.ask(DEL, items(yours(pack), by_value(1 << 30)))
            else:
                ask(peer, pack, change, *{"append": [by_value(1)], "__setitem__": [by_value(9), by_value(9)]}.get(change, []))
            for one in kept:
                for count in (0, 1, 1000, -1, *HUGE):
                    peer.ask(BUFFITER, items(yours(one), by_value(count)))
                for name in ("__next__", "__len__", "__length_hint__", "__contains__", "send", "throw", "close"):
                    ask(peer, one, name, *([by_value(1)] if name in ("__contains__", "send", "throw") else []))
                peer.ask(REPR, items(yours(one)))
        for count in (1, 1 << 62, -5):
            pack = peer.object("gen", by_value(count))
            for most in (0, 100000, -1):
                peer.ask(BUFFITER, items(yours(pack), by_value(most)))
        still(peer)


def within_themselves(victim):
    """Lists and dicts that hold themselves and one another, and long chains of them: printed, compared, hashed and left behind."""
    before = victim.in_use()
    for _ in range(2):
        with victim.rooted() as peer:
            pack = peer.object("make_list", by_value(2))
            ask(peer, pack, "append", yours(pack))
            other = peer.object("make_dict")
            ask(peer, other, "__setitem__", by_value("self"), yours(other))
            ask(peer, other, "__setitem__", by_value("list"), yours(pack))
            ask(peer, pack, "append", yours(other))
            twin = ask(peer, pack, "copy")[1]
            for one in (pack, other):
                for handler in (REPR, STR, HASH):
                    peer.ask(handler, items(yours(one)))
                for second in (pack, other, twin):
                    for name in ("__eq__", "__lt__"):
                        peer.ask(CMP, items(yours(one), yours(second), by_value(name)))
                ask(peer, one, "__contains__", yours(other))
            chain = peer.object("make_list", by_value(0))
            for _ in range(300):
                outer = peer.object("make_list", by_value(0))
                ask(peer, outer, "append", yours(chain))
                peer.ask(DEL, items(yours(chain), by_value(1)))
                chain = outer
            for handler in (REPR, STR):
                peer.ask(handler, items(yours(chain)))
            peer.ask(CMP, items(yours(chain), yours(chain), by_value("__eq__")))
            peer.ask(CMP, items(yours(chain), yours(pack), by_value("__eq__")))
            still(peer)
    grown = (victim.in_use() or 0) - (before or 0)
    sure(grown < MIB, "%d bytes are left of lists within themselves", grown)


ATTACKS = {
    "containers": (growth, slices, changed_while_used, within_themselves),
    "lying-items": (sorting, lying_items),
}
