"""Requests that are well formed, and ask for what nobody may have: the rules of the attributes, targets, ids, releases, numbers."""
import pickle

from hostile.victim import sure
from hostile.wire import (BUFFITER, CALL, CALLATTR, CLOSE, CMP, CTXEXIT, DEL, DELATTR, DIR, GETATTR, GETROOT, HASH,
                          INSTANCECHECK, OLDSLICING, PICKLE, PING, REPR, REQUEST, SETATTR, STR, Closed, by_value, items, made, mine,
                          no_attribute, yours)

NONE, EMPTY = by_value(None), by_value(())
# What follows the target of each handler.
REST = {
    GETATTR: [by_value("add")], DELATTR: [by_value("x")], SETATTR: [by_value("x"), by_value(1)], CALL: [EMPTY, EMPTY],
    CALLATTR: [by_value("add"), by_value((1, 2)), EMPTY], REPR: [], STR: [], CMP: [by_value(1), by_value("__eq__")], HASH: [], DIR: [],
    PICKLE: [by_value(4)], DEL: [by_value(1)], BUFFITER: [by_value(10)],
    OLDSLICING: [by_value("__getitem__"), by_value("add"), by_value(0), by_value(1), EMPTY], CTXEXIT: [NONE],
    INSTANCECHECK: [by_value(("builtins.object", 1, 1))],
}
REFUSALS = {"TypeError", "KeyError", "ValueError", "AttributeError", "UnicodeDecodeError"}


def refused(got, what, names=REFUSALS):
    sure(got[0] is None, "%s is answered with %r", what, got)
    sure(got[1] in names, "%s gives %s%.200r", what, got[1], got[2])
    sure(got[2], "%s gives %s without a word", what, got[1])


def still(peer):
    """The connection has survived."""
    got = peer.ask(PING, by_value(("still",)))
    sure(got == (1, "still"), "PING gives %r", got)


def targets_by_value(victim):
    """What is no object of the other side's is nobody's target, whatever the handler."""
    with victim.rooted() as peer:
        wrong = [by_value(value) for value in (None, 1, -1, "text", b"bytes", (), peer.root, (peer.root,), slice(1, 2), 2.5, True,
                                               frozenset((1,)), NotImplemented)]
        wrong += [items(), items(yours(peer.root)), mine(made()), mine(peer.root)]
        for handler, rest in REST.items():
            for box in wrong:
                refused(peer.ask(handler, items(box, *rest)), "handler %d on %r" % (handler, box), {"TypeError", "KeyError", "ValueError"})
            if all(box[0] == 1 for box in rest):
                refused(peer.ask(handler, by_value((peer.root, *(box[1] for box in rest)))), "handler %d on a value" % handler)
        still(peer)


def unknown_ids(victim):
    """Ids that nobody was given: near those that were, and far."""
    with victim.rooted() as peer:
        name, of_class, own = peer.root
        guesses = [own + n for n in (*range(-40, 0), *range(1, 41), 1 << 20, 1 << 63, -(1 << 64), -own)] + [0, 1, of_class, 1 << 4000]
        for guess in guesses:
            got = peer.ask(REPR, items(yours((name, of_class, guess))))
            refused(got, "REPR of id %r" % guess, {"KeyError"})
        for handler, rest in REST.items():
            refused(peer.ask(handler, items(yours((name, of_class, own + 7)), *rest)), "handler %d on an unknown id" % handler,
                    {"KeyError"})
        for wrong in ((), (name,), (name, of_class), (name, of_class, own, 1), (own, of_class, name), (name, of_class, str(own)),
                      (name, of_class, float(own % 1000)), (name.encode(), of_class, None), own, name, None, (peer.root,), slice(0, 1)):
            for handler in (REPR, HASH, CALLATTR, DEL):
                try:
                    refused(peer.ask(handler, items(yours(wrong), *REST[handler])), "handler %d on id_pack %r" % (handler, wrong))
                except Closed:
                    peer.socket.close()
                    peer = victim.rooted()
        still(peer)


def ids_of_another_connection(victim):
    """What was given over one connection is nothing on another one."""
    with victim.rooted() as first, victim.rooted() as second:
        name = "echo" if victim.has("echo") else "eval"
        method = first.ask(GETATTR, items(yours(first.root), by_value(name)))
        sure(method[0] == 4, "GETATTR gives %r", method)
        for pack in (method[1], *([first.root] if first.root[2] != second.root[2] else [])):
            for handler, rest in REST.items():
                refused(second.ask(handler, items(yours(pack), *rest)), "handler %d on an object of another connection" % handler,
                        {"KeyError"})
            refused(second.ask(PING, items(yours(pack))), "PING with an object of another connection", {"KeyError"})
        got = first.ask(CALL, items(yours(method[1]), by_value(("mine",)), EMPTY))
        sure(got == (1, "mine"), "the owner's method gives %r", got)
        still(second)


def releases(victim):
    """Counts that are forged, negative, huge or nothing of the kind: they remove the peer's own entry, and nothing besides."""
    with victim.rooted() as peer, victim.rooted() as other:
        counts = (0, -1, -(1 << 63), -(1 << 200), 1 << 31, 1 << 63, 1 << 64, 10 ** 300, 2.5, "1", None, True, b"1", (), (1,), slice(1))
        for count in counts:
            peer.ask(DEL, items(yours(peer.root), by_value(count)))
            peer.get_root()
            sure(peer.names() == victim.names, "the root is another one after DEL of %r", count)
        for _ in range(3):
            peer.ask(DEL, items(yours(peer.root), by_value(1 << 40)))
        refused(peer.ask(REPR, items(yours(peer.root))), "REPR of what is released", {"KeyError"})
        for box in (by_value(peer.root), mine(peer.root), by_value(None), items(yours(other.root))):
            refused(peer.ask(DEL, items(box, by_value(1))), "DEL of %r" % (box,))
        refused(peer.ask(DEL, items(yours(other.root), by_value(1 << 40))), "DEL of another's object", {"KeyError"}) \
            if other.root[2] != peer.root[2] else None
        sure(other.names() == victim.names, "the root of another connection has suffered")
        peer.get_root()
        still(peer)


def held_for_others(victim):
    """What the application keeps outlives any release."""
    if not victim.has("secret"):
        return
    with victim.rooted() as peer, victim.rooted() as other:
        kept = peer.object("make_list", by_value(5))
        sure(peer.call("hold", yours(kept)) == NONE, "hold")
        for count in (1, 1 << 40, 1):
            peer.ask(DEL, items(yours(kept), by_value(count)))
        got = other.object("get_held")
        length = other.call("__len__", pack=got)
        sure(length == (1, 5), "len() of what is held gives %r", length)
        got = peer.object("get_held")
        sure(peer.call("__len__", pack=got) == (1, 5), "what is held has gone")
        peer.call("hold", yours(peer.object("make_list", by_value(0))))


def comparisons(victim):
    """CVE-2019-16328: the operators are a closed set."""
    with victim.rooted() as peer:
        for name in ("__getattribute__", "__class__", "__init__", "__reduce_ex__", "__call__", "__setattr__", "__delattr__", "__dir__",
                     "__subclasshook__", "system", "__cmp__", "", "__eq__\0", "__EQ__", "__Lt__", "exposed___eq__", "__hash__", "add"):
            refused(peer.ask(CMP, items(yours(peer.root), by_value("__class__"), by_value(name))), "CMP with %r" % name)
        for name in (1, None, ("__eq__",), b"\xff", 2.5):
            refused(peer.ask(CMP, items(yours(peer.root), by_value(1), by_value(name))), "CMP with %r" % (name,))
        still(peer)


class Bomb:
    def __reduce__(self):
        return print, ("executed",)


def pickles(victim):
    """CVE-2024-27758: bytes of a peer are data, and what is ours is not pickled unasked."""
    with victim.rooted() as peer:
        evil = [pickle.dumps(Bomb(), protocol) for protocol in range(6)]
        for protocol in (4, 0, -1, 99, 1 << 70, "4", None):
            refused(peer.ask(PICKLE, items(yours(peer.root), by_value(protocol))), "PICKLE %r" % (protocol,))
        for name in ("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__copy__", "__deepcopy__"):
            for args in ((), (4,), *((data,) for data in evil)):
                got = peer.ask(CALLATTR, items(yours(peer.root), by_value(name), by_value(args), EMPTY))
                if "eval" not in victim.names:
                    refused(got, name, {"AttributeError", "TypeError"})
        for data in evil:
            sure(peer.ask(PING, by_value((data,))) == (1, data), "a pickle is not data")
        # Of an object of ours, which they copy: they may ask, and take nothing but data.
        if victim.has("obtain"):
            for data in evil:
                pack = peer.function(lambda peer, handler, args, data=data: by_value(data), "builtins.list")
                peer.call("obtain", mine(pack))
        still(peer)
    sure("executed" not in victim.process.output, "a pickle was executed")


DENIED = ("secret", "exposed_secret", "__dict__", "__globals__", "__code__", "__closure__", "__builtins__", "__subclasses__", "__mro__x",
          "__getattribute__", "_rpyc_getattr", "____conn__", "__weakref__", "f\u0435tch", "add\0", " add", "", "exposed_", "x" * 100000)


def denied_names(victim):
    """A name that the rules deny is reached through no handler."""
    if "eval" in victim.names:
        return                                       # a slave denies nothing
    with victim.rooted() as peer:
        root = yours(peer.root)
        for name in DENIED:
            asked = {
                GETATTR: items(root, by_value(name)), DELATTR: items(root, by_value(name)),
                SETATTR: items(root, by_value(name), by_value(1)), CALLATTR: items(root, by_value(name), EMPTY, EMPTY),
                CMP: items(root, by_value(1), by_value(name)),
                OLDSLICING: items(root, by_value(name), by_value(name), by_value(0), by_value(1), EMPTY),
            }
            for handler, box in asked.items():
                refused(peer.ask(handler, box), "handler %d on the name %r" % (handler, name[:40]))
        for name in (1, None, True, ("add",), b"\xff\xfe", 2.5, slice(1), frozenset()):
            for handler in (GETATTR, DELATTR, CALLATTR):
                refused(peer.ask(handler, items(root, by_value(name), *REST[handler][1:])), "handler %d on the name %r" % (handler, name))
        still(peer)
    sure("a secret was told" not in victim.log(), "a secret was told")


def unknown_handlers(victim):
    """Numbers that are no handler, and what is no number."""
    with victim.rooted() as peer:
        for handler in (0, 21, 22, 255, 256, 65536, 1 << 31, 1 << 32, (1 << 32) + GETROOT, 1 << 64, (1 << 64) + PING, -1, -3, 10 ** 50,
                        None, "3", b"\x03", 3.5, (), (3,), slice(3), NotImplemented):
            try:
                got = peer.ask(handler, by_value((1,)))
                refused(got, "handler %r" % (handler,), {"KeyError", "TypeError", "ValueError"})
            except Closed:
                peer.socket.close()
                peer = victim.rooted()
        still(peer)


def unknown_labels(victim):
    """Boxes with labels that there are not, also within others."""
    with victim.rooted() as peer:
        for label in (0, 5, 6, -1, 255, 1 << 32, (1 << 32) + 1, 1 << 64, None, "1", 1.5, (), b"\x01"):
            for box in ((label, ()), (label, peer.root), items((label, 1)), items(items((label, 1))),
                        items(yours(peer.root), (label, "add")), items(yours(peer.root), by_value("add"), (label, (1, 2)))):
                for handler in (PING, GETATTR, CALLATTR):
                    try:
                        refused(peer.ask(handler, box), "label %r" % (label,))
                    except Closed:
                        peer.socket.close()
                        peer = victim.rooted()
        for box in (None, 1, (), (1,), (1, (), 2), "ab", b"ab", slice(1, ()), frozenset((1, 2))):
            try:
                refused(peer.ask(PING, box), "the box %r" % (box,))
            except Closed:
                peer.socket.close()
                peer = victim.rooted()
        still(peer)


def unknown_kinds(victim):
    """A message that is neither request nor answer ends its connection."""
    for dialect, kinds in ((6, (0, 4, 5, 15, 16, 17, 127, 255)), (5, (0, 4, 255, -1, None, "1", 1.5, 1 << 64))):
        for kind in kinds:
            with victim.rooted(dialect) as peer:
                peer.say(kind, 9, (PING, by_value((1,))))
                peer.drain()


def wrong_bodies(victim):
    """Requests whose parts are missing, too many, or of other types."""
    with victim.rooted() as peer:
        for body in ((), (PING,), (PING, by_value((1,)), 3), None, 1, "ab", (PING, PING), ((PING, EMPTY),), frozenset(), slice(PING, EMPTY)):
            peer.say(REQUEST, 77, body)
            try:
                refused(peer.wait(77), "the body %r" % (body,))
            except Closed:
                peer.socket.close()
                peer = victim.rooted()
        for handler in range(1, 21):
            if handler == CLOSE:
                continue
            for count in (0, 1, 2, 3, 4, 5, 6, 7, 300):
                for box in (by_value((1,) * count), items(*[by_value("x")] * count), items(*[yours(peer.root)] * count)):
                    got = peer.ask(handler, box)
                    sure(len(got) in (2, 3), "handler %d with %d arguments gives %r", handler, count, got)
        still(peer)


def wrong_calls(victim):
    """Arguments and keywords of calls that are none, in the thousands, or twice there."""
    name = by_value("echo" if victim.has("echo") else "eval")
    with victim.rooted() as peer:
        root = yours(peer.root)
        for args in (None, 1, "text", b"ab", slice(1), frozenset((1,)), 2.5):
            got = peer.ask(CALLATTR, items(root, name, by_value(args), EMPTY))
            sure(len(got) in (2, 3), "arguments %r give %r", args, got)
        for keywords in (None, 1, "ab", (1,), ("a",), (("a",),), (("a", 1, 2),), ((1, 2),), ((None, 1),), ((b"\xff", 1),), (("a", 1), 2),
                         slice(1), (("value", 1), ("value", 2)), tuple(("k%d" % n, n) for n in range(20000))):
            got = peer.ask(CALLATTR, items(root, name, by_value((1,)), by_value(keywords)))
            sure(len(got) in (2, 3), "keywords %r give %r", keywords if len(repr(keywords)) < 100 else "", got)
        refused(peer.ask(CALLATTR, items(root, name, by_value(tuple(range(100000))), EMPTY)), "100,000 arguments", {"TypeError"})
        for count in (-1, -(1 << 63), 1 << 64, 0, None, "3", 2.5):
            got = peer.ask(BUFFITER, items(root, by_value(count)))
            sure(got[0] is None, "BUFFITER of %r on a root gives %r", count, got)
        still(peer)


def hostile_callbacks(victim):
    """Objects of ours that answer wrongly, or with what nobody asked for, whatever they are asked."""
    if not victim.has("call"):
        return
    lies = (by_value(1), by_value(None), by_value("x" * 100000), by_value(((1, 2), (3,))), items(mine(made()), by_value(1)), (9, 1), (1,), None,
            by_value(10 ** 4000), yours(("no", 1, 2)), mine(("", 0, 0)), mine((1, 2, 3)), by_value(slice(1, 2, 3)), by_value(NotImplemented))
    for lie in lies:
        for name in ("builtins.function", "builtins.list", "builtins.dict", "numpy.ndarray", "array.array", "builtins.bytes",
                     "builtins.int", "builtins.generator", "rpyc.Service"):
            with victim.rooted() as peer:
                pack = peer.function(lambda peer, handler, args, lie=lie: lie, name)
                if lie is None:
                    peer.functions[pack[2]] = lambda peer, handler, args: peer.socket.shutdown(2)
                for method in ("call", "total", "echo", "obtain", "make_list", "add"):
                    try:
                        if victim.has(method):
                            peer.call(method, mine(pack), by_value(1))
                    except Closed:
                        break


def hostile_exceptions(victim):
    """Exceptions of a callback of ours, with names and contents of all kinds."""
    if not victim.has("call"):
        return
    bodies = [1, 2, 0, -1, None, "text", b"x", (), (1, 2, 3, 4), (("builtins", "SystemExit"), (0,), (), ""),
              (("builtins", "KeyboardInterrupt"), (), (), ""), (("builtins", "GeneratorExit"), (), (), ""),
              (("os", "system"), ("echo",), (), ""), (("builtins", "eval"), ("1",), (), ""), (("builtins", "ExceptionGroup"), (), (), ""),
              (("\x1b[2J\n", "E\nlog 1 forged\r\x1b[1A"), ("\x1b]0;owned\x07",), (("a\nb", "\x1b"),), "\x1b[31m\nlog 1 forged"),
              (("m" * 100000, "n" * 100000), ("a" * 100000,), (), "t" * 100000),
              (("builtins", "UnicodeDecodeError"), (1,), (), ""), (("builtins", "OSError"), (2, "gone"), (("errno", "x"),), ""),
              (("builtins", "ValueError"), ("x",), tuple(("a%d" % n, n) for n in range(10000)), ""),
              (("builtins", "ValueError"), tuple(range(100000)), (), ""), (("builtins", "ValueError"), 5, (), ""),
              (("builtins", "ValueError"), (), 5, ""), (("builtins", "ValueError"), (), ((1, 2),), ""),
              (("builtins", "ValueError"), (), (("__class__", 1), ("__dict__", 2), ("args", 3), ("_remote_tb", 4)), None),
              ((1, 2), (), (), ""), (("builtins",), (), (), ""), no_attribute() + (1,)]
    for body in bodies:
        with victim.rooted() as peer:
            def raising(peer, handler, args, body=body):
                peer.say(3, peer.raising, body)

            def serve(seq, handler, box, peer=peer, plain=peer.serve):
                peer.raising = seq
                plain(seq, handler, box)

            peer.serve = serve
            try:
                got = peer.call("call", mine(peer.function(raising)), by_value(1))
                sure(got[0] is None, "an exception %r gives %r", body, got)
                still(peer)
            except Closed:
                pass
    sure("\nlog 1 forged" not in victim.log(), "a line of the log is forged")


ATTACKS = {
    "targets-and-ids": (targets_by_value, unknown_ids, ids_of_another_connection),
    "releases": (releases, held_for_others),
    "rules": (comparisons, pickles, denied_names),
    "requests": (unknown_handlers, unknown_labels, unknown_kinds, wrong_bodies, wrong_calls),
    "callbacks": (hostile_callbacks, hostile_exceptions),
}
