"""What both ends of the twin can make and send, as things.c makes it."""
import enum
import os
import tempfile
import types


PLAIN = (type(None), bool, int, float, complex, str, bytes, tuple, frozenset, slice, type(...), type(NotImplemented))


def held(value):
    """Operations on plain data are none of the protocol's business."""
    if type(value) in PLAIN:
        raise TypeError("no object")
    return value


class Refusal(Exception):
    """An exception that no client knows."""


class Number(int):
    """A number that RPyC sends by reference, like all subclasses of plain types."""


class Real(float):
    pass


class Text(str):
    pass


class Data(bytes):
    pass


class Pair(tuple):
    pass


class Level(enum.IntEnum):
    LOW = 1


class Item:
    """An object with a rank, anything under a label, and slots."""
    __slots__ = ("_rank", "_label", "_slots")        # a table has no attribute but its own

    def __init__(self, rank=0):
        self._rank, self._label, self._slots = 0, None, {}
        self.exposed_rank = rank

    @property
    def exposed_rank(self):
        return self._rank

    @exposed_rank.setter
    def exposed_rank(self, rank):
        if type(rank) is not int:
            raise TypeError("rank must be an int")
        if not -1000 <= rank <= 1000:
            raise ValueError("rank out of range")
        self._rank = rank

    @property
    def exposed_label(self):
        return self._label

    @exposed_label.setter
    def exposed_label(self, label):
        self._label = label

    @exposed_label.deleter
    def exposed_label(self):
        self._label = None

    @property
    def exposed_fixed(self):
        return "fixed"

    def exposed_get(self):
        return self._label

    def exposed_set(self, value):
        self._label = value
        return self

    def exposed_swap(self, value):
        old, self._label = self._label, value
        return old

    def exposed_remember(self, *args, **kwargs):
        self._label = (args, tuple(sorted(kwargs.items())))
        return self._label

    def exposed_mix(self, a, b=2, *rest, c=3, **named):
        return a, b, rest, c, tuple(sorted(named.items()))

    def exposed_fail(self, value=None):
        raise ValueError(value)

    def exposed_refuse(self):
        error = Refusal("refused", self._rank)
        error.rank = self._rank
        raise error

    def exposed_call(self, *args, **kwargs):
        return held(self._label)(*args, **kwargs)

    def exposed_slots(self):
        return self._slots

    def __repr__(self):
        return "<Item %d>" % self._rank

    def __str__(self):
        return "item %d" % self._rank

    def __hash__(self):
        return hash(self._rank)

    def __eq__(self, other):
        return self._rank == other._rank if type(other) in (Item, SubItem) else NotImplemented

    def __lt__(self, other):
        return self._rank < other._rank if type(other) in (Item, SubItem) else NotImplemented

    def __bool__(self):
        return self._rank != 0

    def __index__(self):
        return self._rank

    def __add__(self, other):
        return self._rank, other

    def __radd__(self, other):
        return other, self._rank

    def __neg__(self):
        return Item(-self._rank)

    def __call__(self, *args, **kwargs):
        return self._rank, args, tuple(sorted(kwargs.items()))

    def __len__(self):
        return len(self._slots)

    def __iter__(self):
        return iter(self._slots)

    def __contains__(self, key):
        return key in self._slots

    def __getitem__(self, key):
        return self._slots[key]

    def __setitem__(self, key, value):
        self._slots[key] = value

    def __delitem__(self, key):
        del self._slots[key]

    def __enter__(self):
        self._label = "entered"
        return self

    def __exit__(self, kind, value, traceback):
        self._label = "left" if kind is None else "failed"
        return bool(self._rank)


class SubItem(Item):
    """An Item that knows more."""
    __slots__ = ()

    def exposed_get(self):
        return "sub", self._label

    def exposed_own(self):
        return "own"


class Bare:
    """An object without anything that Python does not give it."""
    __slots__ = ()

    def exposed_nothing(self):
        return None


class Bag:
    """Attributes that are made by setting them."""

    def __getattr__(self, name):
        if name[:1] == "_" or name[:8] == "exposed_":
            raise AttributeError(name)
        return "no " + name


def pair(a, b=None):
    return a, b


def boom(*args):
    raise ValueError(*args)


def stop():
    raise StopIteration


def ask(function, *args, **kwargs):
    return held(function)(*args, **kwargs)


def within(context, function=None):
    with context as entered:
        return function(entered) if function else entered


def adder(base):
    def add(value, *more):
        return base, value, more
    return add


def counter():
    count = 0

    def tick(*args):
        nonlocal count
        count += 1
        return count
    return tick


def generator(*items):
    for item in items:
        if isinstance(item, str) and item == "raise":
            raise LookupError("raise")
        yield item


def file(mode, content):
    """A descriptor and untranslated lines, as in C."""
    descriptor, path = tempfile.mkstemp()
    os.unlink(path)
    os.write(descriptor, content.encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return open(descriptor, mode, **({} if "b" in mode else {"newline": "\n", "encoding": "utf-8"}))


def another(function):
    """Makes functions that are the same but for their identity."""
    def made():
        copy = types.FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)
        copy.__module__ = function.__module__
        return copy
    return made


MAKERS = {
    "list": lambda *items: list(items), "dict": lambda *pairs: dict(pairs), "set": lambda *items: set(items),
    "generator": generator, "counter": counter, "pair": another(pair), "boom": another(boom), "stop": another(stop),
    "ask": another(ask), "adder": adder, "Item": Item, "SubItem": SubItem, "Bag": Bag, "Bare": Bare,
    "Item class": lambda: Item, "SubItem class": lambda: SubItem, "file": file, "mixed": lambda: (1, [1, 2], (Item(3), {})),
}


def make(kind, *args):
    return MAKERS[kind](*args)
