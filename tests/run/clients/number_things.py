"""Objects that stand for numbers, strings and bytes, and what CPython's own functions make of them; of numpy if argv says so."""
import enum
import math
import operator
import sys
import time
from collections import UserString
from decimal import Decimal
from fractions import Fraction

numpy = None
if "numpy" in sys.argv:
    import numpy


class Level(enum.IntEnum):
    HIGH = 3


class Flag(enum.IntFlag):
    A, B = 1, 4


class Color(str, enum.Enum):
    RED = "red \u00e9"

    def __str__(self):
        return "Color.RED"


class Shape(enum.Enum):
    SQUARE = 4


class MyInt(int):
    def __str__(self):
        return "no number"


class MyFloat(float):
    pass


class MyStr(str):
    def __getattr__(self, name):
        raise AttributeError("no attribute " + name)


class MyBytes(bytes):
    pass


class OnlyIndex:
    def __index__(self):
        return 1 << 70


class OnlyFloat:
    def __float__(self):
        return 2.5


class Both:
    def __float__(self):
        return 0.25

    def __index__(self):
        return 8

    def __bool__(self):
        return False


class WrongTypes:
    def __float__(self):
        return 1

    def __index__(self):
        return 1.5

    def __bool__(self):
        return 1


class Raising:
    def __float__(self):
        raise OSError("no float today")

    __index__ = __bool__ = __float__


class Missing:
    """Its methods are there, and fail as if they were not."""
    def __float__(self):
        return self.nothing

    __index__ = __bool__ = __float__


class Getting:
    """A sequence that gives str and bytes, and is neither."""
    def __getitem__(self, key):
        return "a str"

    def __len__(self):
        return 0


class Slices(str):
    """Its slices are of its own type."""
    def __getitem__(self, key):
        return Slices(str.__getitem__(self, key))


class Slow:
    def __float__(self):
        time.sleep(0.5)
        return 1.0

    def __index__(self):
        time.sleep(0.5)
        return 1


THINGS = [Level.HIGH, Flag.A | Flag.B, Color.RED, Shape.SQUARE, MyInt(-7), MyInt(1 << 80), MyInt(10 ** 400), MyFloat(0.1), MyStr("text"),
          MyStr(""), MyBytes(b"\0\xff"), MyBytes(), OnlyIndex(), OnlyFloat(), Both(), WrongTypes(), Raising(), Missing(),
          Getting(), Decimal("1.25"), Decimal("sNaN"), Decimal(0), Fraction(1, 3), UserString("user"), bytearray(b"array"), memoryview(b"view"),
          [], [1.0], {}, object(), float, Level, len, sys, complex, 3, -2.5, True, None, "plain", b"plain", 10 ** 400, 2j, (), (1,), ...]
if numpy:
    THINGS += [numpy.float64(3), numpy.float64("nan"), numpy.float32(0.1), numpy.float16(-2), numpy.longdouble(0.5), numpy.int64(-5),
               numpy.int8(7), numpy.uint64(2 ** 64 - 1), numpy.bool_(True), numpy.bool_(False), numpy.complex128(1 + 2j),
               numpy.str_("n\u00fc"), numpy.bytes_(b"np"), numpy.datetime64("2020-01-01"), numpy.array(2.5), numpy.array(4),
               numpy.array([6]), numpy.array([1, 2]), numpy.array("s"), numpy.void(b"abcd")]


def copied(kind, thing):
    if not isinstance(thing, kind) or type(kind.__getitem__(thing, slice(None))) is not type(thing[:]):
        raise TypeError("no %s" % kind.__name__)
    return kind(kind.__getitem__(thing, slice(None)))


def real(thing):
    # numpy's str_ and bytes_ have a __float__ that their type's slot does not use; netrefs find the attribute, and so do we.
    if isinstance(thing, (str, bytes)) and hasattr(thing, "__float__"):
        return thing.__float__()
    return math.ldexp(thing, 0)


# CPython's own: a float is what PyFloat_AsDouble gives, which knows no str.
NATIVE = {"int": lambda thing: int(operator.index(thing)), "float": real, "bool": bool,
          "str": lambda thing: copied(str, thing), "bytes": lambda thing: copied(bytes, thing)}
