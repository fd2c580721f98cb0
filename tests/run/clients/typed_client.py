"""A stock client of typed_calls.c: typed_client.py ADDRESS MODE plain|numpy. What arrives is compared with CPython's own functions."""
import enum
import math
import operator
import sys
import time
import warnings
from decimal import Decimal
from fractions import Fraction

import rpyc

ADDRESS, MODE, WHAT = sys.argv[1:4]
HOST, PORT = ADDRESS[len("tcp://"):].rsplit(":", 1)
passed = failed = 0


def check(good, what):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print("not so: %s" % (what,), file=sys.stderr)


def raised(function, *args, **named):
    try:
        return None, function(*args, **named)
    except Exception as error:
        return type(error).__name__, str(error).splitlines()[0]


class Level(enum.IntEnum):
    HIGH = 3


class Color(str, enum.Enum):
    RED = "red"


class MyFloat(float):
    pass


class MyBytes(bytes):
    pass


class Raising:
    def __float__(self):
        raise OSError("no float today")


class Big:
    def __index__(self):
        return 10 ** 400


class Falsy:
    def __len__(self):
        return 0


class Number:
    """One that does something when it is asked."""
    def __init__(self, value, action):
        self.value, self.action = value, action

    def __float__(self):
        self.action()
        return self.value


conn = rpyc.connect(HOST, int(PORT))
root = conn.root

# ---- what arrives
numbers = [3, 2.5, True, Level.HIGH, MyFloat(0.1), Decimal("1.5"), Fraction(1, 4)]
others = [Raising(), Big(), object(), "3", b"3", None, 10 ** 400, float, [1.0], Falsy(), ...]
if WHAT == "numpy":
    import numpy
    warnings.simplefilter("ignore")  # numpy's, of what is lost of a complex number
    numbers += [numpy.float64(3), numpy.float32(0.1), numpy.int64(-7), numpy.uint8(7), numpy.bool_(True), numpy.array(2.0)]
    others += [numpy.complex128(1), numpy.array([1, 2]), numpy.datetime64("2020-01-01")]
KINDS = {"f": lambda x: math.ldexp(x, 0), "i": lambda x: int(operator.index(x)), "b": bool}
for x in numbers + others:
    for kind, native in KINDS.items():
        args = {"i": 1, "f": 1.5, "b": True, "s": "s", "y": b"y"}
        args[kind] = x
        got, want = raised(root.all, **args), raised(native, x)
        if want[0]:
            check(got[0] == want[0], "%s of %r: %r, natively %r" % (kind, x, got, want))
            if want[0] == "TypeError" and type(x).__module__ != "numpy":  # whose methods say it in words of their own
                check("all() argument '%s' must be" % kind in got[1], "the message of %s of %r: %r" % (kind, x, got))
        else:
            expected = tuple({**args, kind: want[1]}.values())
            names = list(args)
            item = got[1][names.index(kind)] if not got[0] else None
            check(not got[0] and type(item) is type(want[1]) and item == want[1] and tuple(got[1]) == expected,
                  "%s of %r: %r, natively %r" % (kind, x, got, want))
check(root.all(Level.HIGH, Level.HIGH, Falsy(), Color.RED, MyBytes(b"b")) == (3, 3.0, False, "red", b"b"), "all together")
check(root.set(MyFloat(7)) == (7.0, 1), "a default")
check(root.set(MyFloat(7), count=Level.HIGH) == (7.0, 3), "a keyword")
check(type(root.set(1)[0]) is float, "an int becomes a float")
check(root.optional(None) == (None, None, 5, None), "defaults are not converted")
check(root.optional(Level.HIGH, None, Color.RED, MyBytes(b"x")) == (3.0, None, "red", b"x"), "what may be None")
check(raised(root.optional, 1, 2, None)[0] == "TypeError", "None is no str")
check(raised(root.set, None)[0] == "TypeError", "None is no float")
values, named = root.rest(1, Level.HIGH, MyFloat(2), a=Level.HIGH, b=True)
check(tuple(values) == (1.0, 3.0, 2.0) and all(type(value) is float for value in values), "*values: %r" % (values,))
check({key: named[key] for key in named} == {"a": 3, "b": 1}, "**named: %r" % (named,))
check(raised(root.rest, 1, "x")[0] == "TypeError", "*values that do not fit")
check(raised(root.rest, a=2.5)[0] == "TypeError", "**named that do not fit")
check(root.other(1, 2, 3)[:2] == (1, 2), "other annotations say nothing")
check(root.quick(MyFloat(4)) == (4.0,), "a quick method")
check(raised(root.untyped, MyFloat(4))[0] == "TypeError" and "rpyc_value_convert" in raised(root.untyped, MyFloat(4))[1], "an accessor says who asks")
check(raised(root.set)[0] == "TypeError" and raised(root.set, 1, 2, 3)[0] == "TypeError", "other misfits")
method, function = root.set, root.function()
check(method(MyFloat(1)) == (1.0, 1) and function(MyFloat(1)) == (1.0,), "methods and functions as values")

# ---- all arguments are asked in one burst: the second question is here while the first is answered
seen = []
look = Number(1.0, lambda: seen.append(conn._channel.poll(2)))
check(root.rest(look, MyFloat(2), MyFloat(3))[0] == (1.0, 2.0, 3.0) and seen == [True], "one burst: %r" % seen)

# ---- nobody waits: another call of the same connection overtakes
inner = []
check(root.set(Number(5.0, lambda: inner.append(root.runs()))) == (5.0, 1) and len(inner) == 1, "a call within a conversion")
later = rpyc.async_(root.set)(Number(6.0, lambda: inner.append(root.set(2.5)[0])))
check(root.runs() >= 0 and later.value == (6.0, 1) and inner[-1] == 2.5, "a call overtakes a conversion")
nested = Number(1.0, lambda: None)
for _ in range(5):
    nested = Number(1.0, lambda deeper=nested: root.set(deeper))
check(root.set(nested) == (1.0, 1), "conversions within conversions")

# ---- so many at once: the options sync_request_timeout and max_serving, where the program was given them
if len(sys.argv) > 4:
    before = root.runs()
    quiet = rpyc.connect(HOST, int(PORT)) if MODE in ("threads", "pool", "queue") else conn
    later = rpyc.async_(quiet.root.set)
    many = [later(Number(1.0, lambda: None)) for _ in range(30)]
    time.sleep(1.5)  # nobody answers the questions meanwhile
    outcomes = [raised(lambda: result.value)[0] for result in many]
    check(outcomes.count("RecursionError") == 22, "max_serving: %r" % outcomes)
    check(set(outcomes) == {"RecursionError", "TypeError"}, "sync_request_timeout: %r" % outcomes)
    check(root.runs() == before, "none of them ran")
    check(root.set(MyFloat(1)) == (1.0, 1), "the connection goes on")

# ---- a disconnect drops what is being converted
if MODE != "session":
    before = root.runs()
if MODE in ("threads", "pool", "queue"):
    leaving = rpyc.connect(HOST, int(PORT))
    rpyc.async_(leaving.root.set)(Number(1.0, lambda: None))
    rpyc.async_(leaving.root.set)(Number(1.0, leaving.close))
    try:
        leaving.serve(5)
        leaving.serve(0.1)
    except EOFError:
        pass
    leaving.close()
    time.sleep(0.3)
    check(root.runs() <= before + 1, "what was left does not run")
    check(root.set(MyFloat(1)) == (1.0, 1), "others go on")
conn.close()
conn = rpyc.connect(HOST, int(PORT))
check(conn.root.set(MyFloat(2)) == (2.0, 1), "the next connection")
conn.close()
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed != 0)
