"""Stock RPyC drives tests/c_border/classic_slave: classic_master.py ADDRESS [--client], --client for a ClassicClient."""
import datetime
import math
import pickle
import random
import re
import sys
import zoneinfo

import rpyc
from rpyc.core import consts
from rpyc.core.service import ClassicClient

import time_things

VALUES = 150                                         # random values, each in all protocols
checks = failures = 0


def check(good, what):
    global checks, failures
    checks += 1
    if not good:
        failures += 1
        print("not so: %s" % (what,))


def raises(kind, function, *args):
    try:
        function(*args)
    except kind as error:
        check(True, "")
        return str(error)
    check(False, "%s is raised" % kind.__name__)
    return ""


def same(a, b):
    """Equal and of the same types all through; NaN is NaN, and -0.0 not 0.0."""
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(map(same, a.values(), b.values()))
    if isinstance(a, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    return a == b


def random_value(rnd, depth, hashable=False, protocol=5):
    kinds = ["none", "bool", "int", "big", "float", "str", "complex", "ellipsis", "bytes", "tuple", "frozenset"]
    if not hashable:
        kinds += ["list", "dict"]
    kind = rnd.choice(kinds if depth else kinds[:9])
    if kind == "none":
        return None
    if kind == "complex":
        return complex(rnd.random(), -rnd.random())
    if kind == "ellipsis":
        return ...
    if kind == "bool":
        return rnd.random() < .5
    if kind == "int":
        return rnd.choice([0, 1, -1, 127, 128, 255, 256, 65535, 65536, -2**31, 2**31 - 1, 2**31, -2**63, 2**63 - 1, rnd.randrange(10**9)])
    if kind == "big":
        return rnd.choice([-1, 1]) * rnd.getrandbits(rnd.randrange(1, 2000))
    if kind == "float":
        return rnd.choice([0.0, -0.0, 1.5, -1e300, 5e-324, float("inf"), float("-inf"), float("nan"), rnd.random()])
    if kind == "str":
        letters = "ab\\\n\r\0\x1a'\"\x7f\x80\xff\u0100\u20ac\ud7ff\ue000\uffff\U00010000\U0010ffff"
        return "".join(rnd.choice(letters) for _ in range(rnd.choice([0, 1, 5, 300])))
    if kind == "bytes":
        return bytes(rnd.randrange(256) for _ in range(rnd.choice([0, 1, 40, 300])))
    count = rnd.choice([0, 1, 2, 3, 4, 30])
    if kind == "tuple":
        return tuple(random_value(rnd, depth - 1, hashable, protocol) for _ in range(count))
    if kind == "frozenset":
        # Items of NaN or tuples of it would be found only by identity.
        return frozenset(rnd.choice([rnd.randrange(100), str(rnd.randrange(100)), None]) for _ in range(count))
    if kind == "list":
        return [random_value(rnd, depth - 1, False, protocol) for _ in range(count)]
    return {rnd.choice([rnd.randrange(10**6), str(rnd.randrange(10**6))]): random_value(rnd, depth - 1, False, protocol)
            for _ in range(count)}


host, port = re.fullmatch(r"tcp://(.+?):(\d+)", sys.argv[1]).groups()
if "--client" in sys.argv:
    conn = rpyc.connect(host, int(port), service=ClassicClient)
else:
    conn = rpyc.classic.connect(host, int(port))

check(conn.root.get_service_name() == "TOYSLAVE" if hasattr(conn.root, "get_service_name") else True, "the service's name")
check(conn.modules["my.math"].pi == 3.25 and conn.modules["my.math"].twice(21) == 42, "a module of the table")
conn.modules["my.math"].pi = 4
check(conn.modules["my.math"].pi == 4 and conn.builtins.getattr(conn.modules["my.math"], "pi") == 4, "a module's attribute is set")
check(conn.modules.late.__name__ == "late" and "asked" in conn.modules.late.__doc__, "a module of the hook")
check(conn.root.getmodule(("my", "math")) == conn.modules["my.math"], "a name in parts")
raises(ImportError, lambda: conn.modules["nothing"])
raises(AttributeError, lambda: conn.modules.late.nothing)
check("twice" in dir(conn.modules["my.math"]), "dir of a module")
check(repr(conn.modules.late) == "<module 'late' (librpyc)>", "repr of a module")
check("my.math" in conn.modules and "late" in conn.modules and "nothing" not in conn.modules, "in modules")
later = rpyc.async_(conn.modules["importlib.util"]._find_spec_from_path)("later")
conn.root.getmodule("now")
later.set_expiry(20)
check(later.value == "later", "an import that is answered later leaves the thread that serves free")
check(conn.builtins.len([1, 2]) == 2 and conn.builtins.repr("a") == "'a'" and conn.builtins.hasattr(conn.modules.sys, "path") is False,
      "builtins")
check(conn.modules.sys.platform == "native", "sys")
builtins = conn.builtins
check(builtins.answer == 42 and builtins.dir == 1, "what the slave adds to builtins")
check({"answer", "dir", "len", "__name__"} <= set(dir(builtins)) and len(dir(builtins)) == len(set(dir(builtins))), "and dir() of both")
builtins.answer = 43
check(builtins.answer == 43, "what a master sets comes first")
del builtins.answer
check(builtins.answer == 42, "and is taken away again")
raises(AttributeError, lambda: builtins.sorted)
check(builtins.getattr(conn.modules.late, "nothing", 5) == 5 and builtins.getattr(5, "nothing", None) is None, "getattr with a default")
check(raises(AttributeError, builtins.getattr, 5, "nothing").startswith("'int' object has no attribute 'nothing'"), "and without")
check(builtins.str() == "" and builtins.str("a") == "a", "str without an argument")
check(raises(TypeError, builtins.len, 5).startswith("object of type 'int' has no len()"), "len of a number")
check(raises(TypeError, builtins.len, conn.modules.late).startswith("object of type 'module' has no len()"), "len of an object")
guarded = conn.modules["my.math"].guarded
check(conn.builtins.getattr(guarded, "open") == 7 and conn.builtins.hasattr(guarded, "open"), "an object's own rules")
raises(AttributeError, conn.builtins.getattr, guarded, "secret")
raises(AttributeError, conn.builtins.setattr, guarded, "secret", 1)
check(conn.builtins.hasattr(guarded, "secret") is False, "what an object's own rules hide is not there for builtins")

conn.execute("answer=42")
check(conn.eval("answer") == 42 and conn.namespace["answer"] == 42, "execute, eval and the namespace")
raises(KeyError, conn.eval, "nothing")
raises(SyntaxError, conn.execute, "what")
conn.namespace["live"] = [1]
check(conn.eval("live") == [1], "an object of the master comes home")
check(sorted(conn.namespace) == ["answer", "live"] and len(conn.namespace) == 2 and "live" in conn.namespace, "as a dict")
check(conn.namespace.get("no", 5) == 5 and conn.namespace.pop("answer") == 42 and "answer" not in conn.namespace, "get, pop")
check([key for key, _ in conn.namespace.items()] == ["live"], "items")
conn.namespace["plain"] = 1
del conn.namespace["live"]
check(rpyc.classic.obtain(conn.namespace) == {"plain": 1}, "obtain of the namespace")
del conn.namespace["plain"]
raises(KeyError, lambda: conn.namespace["live"])
raises(TypeError, conn.namespace.__setitem__, [], 2)
conn.namespace.update((("b", 1),), c=2)
conn.namespace.update((("d", 3),))
check(rpyc.classic.obtain(conn.namespace) == {"b": 1, "c": 2, "d": 3}, "update of the namespace")
copied = conn.namespace.copy()
check(conn.namespace.popitem() == ("d", 3) and list(conn.namespace) == ["b", "c"], "popitem takes the last")
check(len(copied) == 3 and copied != conn.namespace, "a copy stays as it was")
check(conn.namespace.setdefault("b", 9) == 1 and conn.namespace.setdefault("e") is None and conn.namespace["e"] is None, "setdefault")
check(sorted(conn.namespace.keys() & {"b", "zz"}) == ["b"] and sorted(conn.namespace.keys() - ["e"]) == ["b", "c"], "names as a set")
check(rpyc.classic.obtain(conn.namespace | copied) == {"b": 1, "c": 2, "e": None, "d": 3}, "a namespace and another")
check(list(reversed(conn.namespace)) == ["e", "c", "b"], "backwards")
check(conn.eval("b") == 1 and dict(conn.namespace) == {"b": 1, "c": 2, "e": None}, "eval sees it, and dict() copies it")
conn.namespace.clear()
raises(KeyError, conn.namespace.popitem)
check(conn.root.getconn().closed is False and conn.root.getconn().fileno() > 0, "getconn")

heard = []


class Output:
    def write(self, text):
        heard.append(text)


if "--client" not in sys.argv:
    before, sys.stdout = sys.stdout, Output()
    try:
        with rpyc.classic.redirected_stdio(conn):
            conn.execute("say hello")
    finally:
        sys.stdout = before
    check(heard == ["hello"], "redirected_stdio")
    check(conn.modules.sys.stdout is None, "and given back")
    heard.clear()
    before, sys.stdout = sys.stdout, Output()
    try:
        rpyc.classic.interact(conn, {"greeting": "a prompt"})
    finally:
        sys.stdout = before
    check(heard == ["a prompt"] and "_rinteract" in conn.namespace, "interact: %r" % heard)
    # What needs an interpreter, or modules that only the host could give, is an exception that says so.
    missing = (ImportError, AttributeError)
    for function, args in ((rpyc.classic.teleport_function, (lambda: 1,)), (rpyc.classic.upload_package, (rpyc, "/nowhere/rpyc")),
                           (rpyc.classic.upload_file, (__file__, "/nowhere/file")), (rpyc.classic.download, ("/nowhere/file", "file")),
                           (rpyc.classic.pm, ())):
        try:
            function(conn, *args)
            check(False, "%s has nothing to work with" % function.__name__)
        except missing as error:
            check("late" in str(error) or str(error) in ("os", "open", "pdb") or "open" in str(error), "%s: %r" % (function.__name__, error))

# What a module says of itself.
late, stock = conn.modules["my.math"], __import__("math")
check(late.__name__ == "my.math" and late.__doc__ is None and late.__class__.__name__ == stock.__class__.__name__, "names of a module")
check(set(late.__dict__) >= {"twice", "pi", "__name__", "__doc__"} and late.__dict__["pi"] == late.pi, "__dict__ of a module: %s" % (late.__dict__,))
check(conn.modules.builtins.__dict__["answer"] == 42 and "len" in conn.modules.builtins.__dict__, "__dict__ of builtins")
late.added = 5
check(late.__dict__["added"] == 5 and "added" in dir(late), "and what a master adds")
del late.added

# Pickles: ours are read by Python, Python's by us, in every protocol.
loads = conn.modules["rpyc.lib.compat"].pickle.loads
dumps = conn.modules["rpyc.lib.compat"].pickle.dumps
rnd = random.Random(4711)
for _ in range(VALUES):
    for protocol in range(6):
        value = random_value(rnd, 4, False, protocol)
        there = loads(pickle.dumps(value, protocol))
        if isinstance(there, rpyc.BaseNetref):
            back = pickle.loads(conn.sync_request(consts.HANDLE_PICKLE, there, protocol))
        else:
            back = pickle.loads(dumps(there, protocol))
        check(same(back, value), "protocol %d: %r became %r" % (protocol, value, back))
# What has no form of its own below protocol 3 and 4 is still written for those who ask.
for value in (b"\x00\xff", frozenset([1, "x"]), slice(1, None, 2), 2.5 - 1j, NotImplemented, Ellipsis, (b"", [frozenset()])):
    for protocol in range(6):
        check(pickle.loads(dumps(value, protocol)) == value, "protocol %d: %r" % (protocol, value))
check(rpyc.classic.obtain(rpyc.classic.deliver(conn, {"a": [1, {2: (3,)}]})) == {"a": [1, {2: (3,)}]}, "deliver and obtain")
berlin = zoneinfo.ZoneInfo("Europe/Berlin")
for value in time_things.THINGS + [time_things.THINGS, {time_things.THINGS[11]: (time_things.THINGS[15],)}]:
    there = rpyc.classic.deliver(conn, value)
    back = rpyc.classic.obtain(there)
    check(type(back) is type(value) and repr(back) == repr(value), "deliver and obtain of %r: %r" % (value, back))
    for protocol in range(6):
        # A fold is written from protocol 4 on, as Python does, and read whatever the protocol is.
        back = pickle.loads(dumps(loads(pickle.dumps(value, protocol)), protocol))
        check(repr(back).replace(", fold=1", "") == repr(value).replace(", fold=1", ""), "protocol %d: %r became %r" % (protocol, value, back))
check("GLOBAL" in raises(Exception, rpyc.classic.deliver, conn, datetime.datetime(2026, 1, 1, tzinfo=berlin)), "a zone of the database")
class Later(datetime.datetime):
    pass
check("GLOBAL" in raises(Exception, rpyc.classic.deliver, conn, Later(2026, 1, 1)), "a subclass is refused")
shared = [1]
there = rpyc.classic.deliver(conn, [shared, shared, {"k": (shared, {2: 3})}, {5}])
there[0].append(4)
there[2]["k"][1][2] = [6]
there[2]["k"][1][2].append(7)
there[3].add(8)
there.append("end")
back = rpyc.classic.obtain(there)
check(back == [[1, 4], [1, 4], {"k": ([1, 4], {2: [6, 7]})}, {5, 8}, "end"], "what is delivered can be changed: %r" % back)
check(back[0] is back[1] is back[2]["k"][0] and type(back[3]) is set, "what is shared stays so")
for protocol in range(6):
    back = pickle.loads(conn.sync_request(consts.HANDLE_PICKLE, there, protocol))
    check(back[0] is back[1] is back[2]["k"][0] and back[3] == {5, 8} and len(back) == 5, "in protocol %d: %r" % (protocol, back))
loop = [0]
loop.append((loop, {"me": loop}))
there = rpyc.classic.deliver(conn, loop)
there.append(1)
for protocol in range(6):
    back = pickle.loads(conn.sync_request(consts.HANDLE_PICKLE, there, protocol))
    check(back[1][0] is back and back[1][1]["me"] is back and back[2] == 1, "what holds itself, in protocol %d" % protocol)
there.clear()
dag = []
for _ in range(100):
    dag = [dag, dag]
back = rpyc.classic.obtain(rpyc.classic.deliver(conn, dag))
depth = 0
while back:
    check(back[0] is back[1], "the two are one")
    back, depth = back[0], depth + 1
check(depth == 100, "shared on %d levels" % depth)
for protocol in range(6):
    there = loads(pickle.dumps([slice(1, None, 2), ..., 2j, bytearray(b"x\xff"), b"", set(), {1}, range(1, 9, 3), range(0)], protocol))
    check([*there][:5] == [slice(1, None, 2), ..., 2j, b"x\xff", b""], "what has names, in protocol %d" % protocol)
    check([*there[5]] == [] and [*there[6]] == [1] and [*there[7]] == [1, 4, 7] and [*there[8]] == [], "sets and ranges, in protocol %d" % protocol)
check("GLOBAL at byte" in raises(Exception, rpyc.classic.deliver, conn, [len]), "a name is refused")
deep = ()
for _ in range(300):
    deep = (deep,)
check("levels" in raises(Exception, rpyc.classic.deliver, conn, deep), "depth is bounded")
raises(ValueError, conn.sync_request, consts.HANDLE_PICKLE, loads(pickle.dumps([1], 4)), 6)
check(pickle.loads(conn.sync_request(consts.HANDLE_PICKLE, loads(pickle.dumps([1], 4)), -1)) == [1], "the highest protocol")
raises(TypeError, conn.sync_request, consts.HANDLE_PICKLE, conn.modules.late, 4)
raises(EOFError, conn.root.getconn().close)
check(conn.closed, "the slave has closed its end")
conn.close()
print("%d passed, %d failed" % (checks - failures, failures))
sys.exit(1 if failures else 0)
