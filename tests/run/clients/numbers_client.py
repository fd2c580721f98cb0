"""A stock client of a service of C++ or Go that takes numbers, strings and bytes: numbers_client.py ADDRESS [numpy].

What arrives is compared with what CPython's own functions make of each object."""
import sys

import rpyc

from number_things import NATIVE, THINGS, Level, MyFloat, MyStr

HOST, PORT = sys.argv[1][len("tcp://"):].rsplit(":", 1)
PLAIN = (int, float, bool, str, bytes, complex, tuple, type(None), type(...))
ARRAYS = ("bytearray", "memoryview", "ndarray")     # which become bytes as a whole
passed = failed = 0


def check(good, *what):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print("not so:", *what, file=sys.stderr)


def outcome(function, *args, **named):
    try:
        return "value", function(*args, **named)
    except Exception as error:
        return "error", type(error).__name__


def same(ours, native):
    if ours == native:
        return type(ours[1]) is type(native[1])
    return ours[1] != ours[1] and native[1] != native[1]


def one_by_one(root):
    for thing in THINGS:
        if type(thing) in PLAIN:
            continue
        for kind, function in NATIVE.items():
            if kind == "bytes" and type(thing).__name__ in ARRAYS:
                continue
            native = outcome(function, thing)
            if kind == "int" and native[0] == "value" and not -2 ** 63 <= native[1] < 2 ** 63:
                native = "error", "OverflowError"
            ours = outcome(getattr(root, kind), thing)
            check(same(ours, native), kind, "of", repr(thing)[:60], "is", ours, "and natively", native)


def together(root):
    check(root.floats((Level.HIGH, 1, MyFloat(2.5))) == (3.0, 1.0, 2.5), "items of a tuple")
    check(root.floats([Level.HIGH] * 1000) == (3.0,) * 1000, "items of a list")
    check(root.floats(MyFloat(n) for n in range(100)) == tuple(map(float, range(100))), "items of a generator")
    check(outcome(root.floats, (1, MyStr("2"))) == ("error", "TypeError"), "an item that is no number")
    check(root.named(MyFloat(1.5)) == (1.5, 2, 0.5), "defaults")
    check(root.named(Level.HIGH, Level.HIGH, c=Level.HIGH) == (3.0, 3, 3.0), "positions and a keyword")
    check(root.named(b=Level.HIGH, a=MyFloat(0.25)) == (0.25, 3, 0.5), "keywords")
    check(outcome(root.named, 1, MyFloat(2)) == ("error", "TypeError"), "a float is no int")
    try:
        root.named(1, MyFloat(2))
    except TypeError as error:
        check("named() argument 'b' must be int, not " in str(error), "the argument is named:", error)
    check(root.length(MyStr("four")) == 4, "text that is only looked at")
    check(root.maybe(None) is None and root.maybe(Level.HIGH) == 3.0, "one that may be None")
    check(root.apply(lambda n: MyFloat(n / 2), Level.HIGH) == 1.5, "what a callback returns")


def fields(root):
    point = root.point()
    point.x = Level.HIGH
    point.label = MyStr("here")
    check((point.x, point.label) == (3.0, "here"), "fields", point.x, point.label)
    try:
        point.x = "far"
        check(False, "a str became a number")
    except TypeError:
        check(point.x == 3.0, "a field stays")


conn = rpyc.connect(HOST, int(PORT), config={"allow_public_attrs": True})
one_by_one(conn.root)
together(conn.root)
fields(conn.root)
conn.close()
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed != 0)
