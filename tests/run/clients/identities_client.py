#!/usr/bin/env python3
"""Holds objects and classes of several peers (tests/c_border/identities.c, identities_peer.py), and passes them on:

identities_client.py two-servers ONE OTHER THIRD NAME NAME | two-connections SERVER native|stock | hall HALL
                     | chain MIDDLE OWNER LENGTH | cross MIDDLE ORACLE
"""
import sys
import time

import rpyc
from rpyc.core import consts, netref

results = []
open_connections = []


def check(name, good):
    results.append(bool(good))
    if not good:
        print("not so: " + name, file=sys.stderr)


def connect(address):
    host, _, port = address.replace("tcp://", "").rpartition(":")
    open_connections.append(rpyc.connect(host, int(port)))
    return open_connections[-1]


def answer(function, *args):
    try:
        return function(*args)
    except Exception as e:  # pylint: disable=broad-except
        return type(e).__name__


def id_pack(proxy):
    return object.__getattribute__(proxy, "____id_pack__")


def two_servers(one, other, third, *names):
    one, other, third = connect(one).root, connect(other).root, connect(third).root
    for thing in ("Base", "Derived", "kept", "kept"):
        pair = [server.thing(thing) for server in (one, other)]
        check("%s: each is itself" % thing, third.names(*pair) == names)
        check("%s: in the other order" % thing, third.names(*pair[::-1]) == names[::-1])
        check("%s: the ids differ" % thing, len({id_pack(x)[part] for x in pair for part in (1, 2)}) == 4)
    # Whoever gets them, his own among them or not.
    everybody = {names[0]: one, names[1]: other, "third": third}
    for whose, host in everybody.items():
        for left in everybody:
            for right in everybody:
                if whose in (left, right) and id_pack(host)[0].startswith("__main__."):
                    continue  # a stock host has its own without a proxy, which knows exposed_name alone
                pair = [everybody[name].thing("kept") for name in (left, right)]
                check("%s gets %s and %s" % (whose, left, right), host.names(*pair) == (left, right))
    methods = [server.thing("kept").name for server in (one, other)]
    check("bound methods", tuple(method() for method in methods) == names)
    for klass in ("Base", "Derived"):
        classes = [server.klass(klass) for server in (one, other)]
        check("classes of one name are two", id_pack(classes[0]) != id_pack(classes[1]))
        check("constructing", third.names(classes[0](), classes[1]()) == names)
        check("its own", answer(third.check_instance, one.thing(klass), classes[0]) is True)
        check("not the other's", answer(third.check_instance, one.thing(klass), classes[1]) is not True)


def two_connections(server, kind):
    connections = [connect(server), connect(server)]
    one, other = (connection.root for connection in connections)
    for klass in ("Base", "Derived"):
        check("one class id on both", id_pack(one.klass(klass)) == id_pack(other.klass(klass)))
        check("isinstance across them", isinstance(one.thing(klass), other.klass(klass)))
        check("isinstance across them, back", isinstance(other.thing(klass), one.klass(klass)))
        check("isinstance on one", isinstance(one.thing(klass), one.klass(klass)))
        check("a class is no instance", not isinstance(one.klass(klass), other.klass(klass)))
        check("asked there", one.check_instance(one.thing(klass), one.klass(klass)))
        check("constructed here, of the class there", isinstance(one.klass(klass)(), other.klass(klass)))
    check("a base is not of the derived class", not isinstance(one.thing("Base"), other.klass("Derived")))
    # Python knows only classes that it has met.
    check("derived", isinstance(one.thing("Derived"), one.klass("Base")) is (kind == "native"))
    check("derived, across", not isinstance(one.thing("Derived"), other.klass("Base")))
    kept = [connection.thing("kept") for connection in (one, other, one)]
    check("an object has one id everywhere", len({id_pack(x) for x in kept}) == 1)
    check("one proxy for each connection", kept[0] is kept[2] and kept[0] is not kept[1])
    things = [connection.thing("Base") for connection in (one, other) * 20]
    ids = {number for thing in things for number in id_pack(thing)[1:]}
    check("every object has an id of its own", len(ids) == 41 and all(0 < number < 1 << 63 for number in ids))
    functions = [thing.name for thing in things]
    check("and so has every method", len({id_pack(function) for function in functions}) == 40)
    check("the class of methods has one", len({id_pack(function)[1] for function in functions}) == 1)
    # What was lent to one is nothing to the other, which has been told its id.
    known = id_pack(one.thing("Base"))
    foreign = [thing for thing in things[::2] if thing is not None][0]
    for pack in (id_pack(foreign), (known[0], known[1], known[2] + 1), (known[0], known[1], 1), (known[0], known[1] + 1, 0)):
        check("a guess", answer(connections[1].sync_request, consts.HANDLE_INSPECT, pack) == "KeyError")
        stolen = netref.class_factory(pack, ())(connections[1], pack)
        check("a guess, asked", answer(repr, stolen) == "KeyError")
        object.__setattr__(stolen, "____refcount__", 0)
    check("unharmed", all(thing.name() == things[0].name() for thing in things))


def hall(address):
    root = connect(address).root
    end = time.time() + 30
    while len(root.members()) < 2 and time.time() < end:
        time.sleep(0.02)
    check("two that registered stay two", sorted(member() for member in root.members()) == ["ann", "bob"])
    one, other = root.members()
    check("they have ids of their own", not {id_pack(one)[2]} & {id_pack(other)[2]} and id_pack(one) != id_pack(other))


def chain(middle, owner, length):
    through, direct, beside = connect(middle).root, connect(owner).root, connect(owner).root
    stock = answer(direct.klass, "list") != "KeyError" and answer(direct.thing, "list") is not None \
        and id_pack(direct.klass("list"))[0] == "builtins.list"
    names = ["Base", "Derived"] + (["list", "dict"] if stock else [])
    for thing in names:
        for klass in names + (["object"] if stock else []):
            what = "a %s in %s: " % (thing, klass)
            wanted = isinstance(direct.thing(thing), direct.klass(klass))
            check(what + "as the owner says", isinstance(through.thing(thing), through.klass(klass)) is wanted)
            check(what + "as C says", through.check_instance(through.thing(thing), through.klass(klass)) is wanted)
            # Next to the middle stands the owner, to which they come home, or one more who has to ask.
            truth = direct.check_instance(direct.thing(thing), direct.klass(klass)) if length == "1" else wanted
            check(what + "as the owner decides", through.ask_owner(through.thing(thing), through.klass(klass)) is truth)
            wanted = isinstance(direct.thing(thing), beside.klass(klass))
            check(what + "two connections", isinstance(through.thing(thing), through.klass_of_other(klass)) is wanted)
            check(what + "C, two connections",
                  through.check_instance(through.thing(thing), through.klass_of_other(klass)) is wanted)
            check(what + "the object directly", isinstance(direct.thing(thing), through.klass(klass)) is wanted)
    for klass in names:
        proxy = through.klass(klass)
        check("it is a class", id_pack(proxy)[2] == 0 and id_pack(proxy)[0] == id_pack(direct.klass(klass))[0])
        check("it is the class of its instances", id_pack(proxy)[1] == id_pack(through.thing(klass))[1])
        check("it stays the same", proxy is through.klass(klass))
        made = proxy()
        check("it constructs", id_pack(made)[0] == id_pack(proxy)[0] and isinstance(made, proxy))
        check("it is no instance of itself", not isinstance(proxy, proxy) and not isinstance(proxy, through.klass_of_other(klass)))
        check("its text", repr(proxy) == repr(direct.klass(klass)))
        check("an instance is no class", answer(isinstance, made, through.thing("Base")) == "TypeError")
    thing = through.thing("Base")
    check("what it can do is asked of its owner", bool(thing) and answer(len, thing) == "TypeError")
    check("a class as well", bool(through.klass("Base")))
    check("its method", thing.name() == direct.thing("Base").name())
    if stock:
        check("a list of ours", isinstance([1], through.klass("list")) and not isinstance([1], through.klass("dict")))
        check("C, a list of C's", through.check_instance(through.own_list(), through.klass("list")) is True)
        check("C, a list of ours", through.check_instance([1], through.klass("list")) is True)
        check("C, no dict", through.check_instance([1], through.klass("dict")) is False)
    # Through the middle to the owner, which gets a class of its own back.
    check("handed back", direct.check_instance(direct.thing("Base"), direct.klass("Base")))


def cross(middle, oracle):
    """An object of one server and a class of another, given to the first: as with Python in the middle."""
    middle, oracle = connect(middle).root, connect(oracle).root

    def ask(root, things, thing, klass):
        return answer(root.ask_owner, getattr(root, things)(thing), root.klass_of_other(klass))

    for things in ("thing", "thing_of_other"):
        for thing in ("Base", "Derived", "list", "dict"):
            for klass in ("Base", "Derived", "list", "dict", "object"):
                got, wanted = ask(middle, things, thing, klass), ask(oracle, things, thing, klass)
                # A stock middle answers what it is asked about another's class with the list of the object's methods.
                if things == "thing_of_other" and wanted is True:
                    wanted = got
                check("%s(%s) in %s: %r, not %r" % (things, thing, klass, got, wanted), got == wanted)
    check("the example", ask(middle, "thing", "list", "list") is True)


class Answer:
    def __init__(self, name, *said):
        self.said = said
        setattr(type(self), name, lambda me: said[0])


def liar(native, oracle):
    """What the owner of a class answers is what isinstance takes the truth of, be it what it may."""
    lies = [True, False, None, 0, 2, -1.5, 0.0, "", "no", b"", (), (0,), frozenset(), NotImplemented, ..., object(), [], [0], {}, {1: 2},
            range(0), range(3), Base, len]
    for name, said in (("__bool__", False), ("__bool__", True), ("__len__", 0), ("__len__", 3), ("__len__", -1), ("__bool__", 7)):
        lies.append(type("Lie", (Answer,), {})(name, said))
    for lie in lies:
        answers = []
        for server in (native, oracle):
            root = connect(server).root
            conn = open_connections[-1]
            conn._HANDLERS = dict(conn._HANDLERS)
            conn._HANDLERS[consts.HANDLE_INSTANCECHECK] = lambda *_: lie
            answers.append(answer(root.check_instance, Thing(), Base))
        check("the answer %r: %r, not %r" % (lie, *answers), answers[0] == answers[1])
    for wrong in (KeyError("x"), TypeError("x"), AttributeError("x"), StopIteration()):
        for server in (native, oracle):
            root = connect(server).root
            conn = open_connections[-1]
            conn._HANDLERS = dict(conn._HANDLERS)

            def fail(*_):
                raise wrong
            conn._HANDLERS[consts.HANDLE_INSTANCECHECK] = fail
            check("%r comes through" % wrong, answer(root.check_instance, Thing(), Base) == type(wrong).__name__)


class Base:
    pass


class Thing:
    pass


MODES = {"liar": liar, "two-servers": two_servers, "two-connections": two_connections, "hall": hall, "chain": chain, "cross": cross}


def main():
    MODES[sys.argv[1]](*sys.argv[2:])
    for connection in open_connections:
        connection.close()
    print("%d passed, %d failed" % (sum(results), len(results) - sum(results)))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
