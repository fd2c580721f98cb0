#!/usr/bin/env python3
"""bridges_peer.py owner RULES | middle RULES OWNER | user RULES MIDDLE [THING...]: objects that others pass on, and what becomes of them.

`owner` makes them, `middle` passes on what the owner has, `user` says what it can do with each. Servers print
"listening ADDRESS" and end with their stdin. The user prints a line of JSON: the answer to each question.
"""
import array
import collections
import contextlib
import copy
import datetime
import decimal
import enum
import fractions
import io
import itertools
import json
import math
import operator
import os
import pathlib
import re
import sys
import tempfile
import threading
import types

import rpyc
from rpyc.core import consts
from rpyc.utils.classic import obtain
from rpyc.utils.server import ThreadedServer

RULES = {
    "default": {},
    "public": {"allow_public_attrs": True, "allow_setattr": True, "allow_delattr": True, "allow_pickle": True},
    "all": {"allow_all_attrs": True, "allow_setattr": True, "allow_delattr": True, "allow_pickle": True},
}


class Vector:
    """What numpy's arrays have of special methods."""
    __array_priority__ = 10

    def __init__(self, items=(1.0, 2.0, 3.0)):
        self.items = list(items)
        self.exposed_shape = (len(self.items),)

    def _each(self, other, function):
        others = other.items if isinstance(other, Vector) else [other] * len(self.items)
        return Vector([function(*pair) for pair in zip(self.items, others)])

    def __add__(self, other):
        return self._each(other, operator.add)

    __radd__ = __add__

    def __rsub__(self, other):
        return self._each(other, lambda a, b: b - a)

    def __iadd__(self, other):
        self.items = [item + other for item in self.items]
        return self

    def __neg__(self):
        return Vector([-item for item in self.items])

    def __matmul__(self, other):
        return sum(a * b for a, b in zip(self.items, other))

    def __eq__(self, other):
        return self._each(other, operator.eq)

    __hash__ = None

    def __len__(self):
        return len(self.items)

    def __getitem__(self, at):
        return self.items[at]

    def __setitem__(self, at, item):
        self.items[at] = item

    def __bool__(self):
        raise ValueError("The truth value of an array with more than one element is ambiguous.")

    def __repr__(self):
        return "Vector(%r)" % self.items


class Color(enum.Enum):
    RED = 1


class Manager:
    def __enter__(self):
        return self

    def __exit__(self, kind, _value, _traceback):
        return kind is not None

    exposed_name = "manager"


@contextlib.contextmanager
def managed():
    try:
        yield "managed"
    except TypeError:                                # what an error becomes on its way
        pass


class Anything:
    def __getattr__(self, name):
        if name.startswith("exposed_any"):
            return name
        raise AttributeError(name)


class Derived(list):
    """A list of its own."""
    exposed_extra = "extra"


class Callable:
    """Can be called."""

    def __call__(self, *args, **kwargs):
        return args, sorted(kwargs.items())

    @property
    def exposed_value(self):
        return 7


# As peers know them; __main__ would be another module there.
for klass in (Vector, Color, Manager, Anything, Derived, Callable):
    klass.__module__ = "bridges"
sys.modules["bridges"] = types.ModuleType("bridges")


def opened(mode):
    file = tempfile.TemporaryFile(mode)
    file.write("one\ntwo\n" if mode == "w+" else b"one\ntwo\n")
    file.seek(0)
    return file


def counter(stop):
    yield from range(stop)


MAKERS = {
    "map": lambda: map(abs, [-1, 2, -3]),
    "zip": lambda: zip([1, 2], "ab"),
    "enumerate": lambda: enumerate("ab"),
    "reversed": lambda: reversed([1, 2, 3]),
    "chain": lambda: itertools.chain([1], [2]),
    "generator": lambda: counter(3),
    "text file": lambda: opened("w+"),
    "binary file": lambda: opened("w+b"),
    "BytesIO": lambda: io.BytesIO(b"one\ntwo"),
    "Fraction": lambda: fractions.Fraction(1, 3),
    "Decimal": lambda: decimal.Decimal("1.5"),
    "Vector": Vector,
    "array": lambda: array.array("d", [1, 2, 3]),
    "list": lambda: [1, 2, [3]],
    "dict": lambda: {"a": 1, 2: [3]},
    "set": lambda: {1, 2},
    "bytearray": lambda: bytearray(b"abc"),
    "memoryview": lambda: memoryview(b"abc"),
    "range": lambda: range(2, 8, 3),
    "deque": lambda: collections.deque([1, 2]),
    "defaultdict": lambda: collections.defaultdict(list, a=[1]),
    "date": lambda: datetime.date(2020, 1, 2),
    "timedelta": lambda: datetime.timedelta(1, 2),
    "enum": lambda: Color.RED,
    "path": lambda: pathlib.PurePosixPath("/a/b"),
    "pattern": lambda: re.compile("a(b*)"),
    "match": lambda: re.match("a(b*)", "abb"),
    "manager": Manager,
    "managed": managed,
    "anything": Anything,
    "derived": lambda: Derived([1, 2]),
    "callable": Callable,
    "function": lambda: counter,
    "builtin": lambda: len,
    "method": lambda: Vector().__len__,
    "partial": lambda: operator.itemgetter(0),
    "exception": lambda: ValueError("x", 3),
    "exception class": lambda: KeyError,
    "list class": lambda: list,
    "dict class": lambda: dict,
    "Vector class": lambda: Vector,
    "object": object,
    "mappingproxy": lambda: types.MappingProxyType({"a": 1}),
    "lock": threading.Lock,
    "module": lambda: math,
}


def with_(thing):
    with thing as entered:
        return told(entered)


def raising_with(thing):
    with thing:
        raise KeyError("inside")
    return "swallowed"


def set_item(thing, key, item):
    thing[key] = item
    return told(thing)


def delete_item(thing, key):
    del thing[key]
    return told(thing)


def set_attribute(thing):
    thing.exposed_shape = 5
    return thing.exposed_shape


def delete_attribute(thing):
    del thing.exposed_shape
    return hasattr(thing, "shape")


def inspected(thing):
    conn, pack = (object.__getattribute__(thing, name) for name in ("____conn__", "____id_pack__"))
    return sorted(conn.sync_request(consts.HANDLE_INSPECT, pack))


PROBES = {
    "type": lambda t: (type(t).__module__, type(t).__name__),
    "id_pack": lambda t: (t.____id_pack__[0], t.____id_pack__[2] == 0),
    "inspect": inspected,
    "methods": lambda t: sorted(name for name in dir(type(t)) if callable(getattr(type(t), name, None))),
    "__class__": lambda t: t.__class__,
    "dir": lambda t: sorted(dir(t)),
    "list": list,
    "twice": lambda t: (list(t), list(t)),
    "next": next,
    "next default": lambda t: [next(t, "end") for _ in range(5)],
    "iter": lambda t: iter(t) is t,
    "buffiter": lambda t: list(rpyc.buffiter(t, 2)),
    "reversed": lambda t: list(reversed(t)),
    "bool": bool,
    "len": len,
    "hint": operator.length_hint,
    "call": lambda t: t(),
    "call 1": lambda t: t(2),
    "call list": lambda t: t([1, 2]),
    "call keywords": lambda t: t(1, b=2),
    "+ 1": lambda t: t + 1,
    "1 +": lambda t: 1 + t,
    "- 1": lambda t: t - 1,
    "1 -": lambda t: 1 - t,
    "* 2": lambda t: t * 2,
    "2 *": lambda t: 2 * t,
    "+ self": lambda t: t + t,
    "/ 2": lambda t: t / 2,
    "/ str": lambda t: t / "c",
    "// 2": lambda t: t // 2,
    "** 2": lambda t: t ** 2,
    "divmod": lambda t: divmod(t, 2),
    "@": lambda t: t @ [1, 2, 3],
    "|": lambda t: t | {3},
    "&": lambda t: t & {1},
    "| dict": lambda t: t | {"b": 2},
    "+= 1": lambda t: operator.iadd(t, 1),
    "+= list": lambda t: operator.iadd(t, [4]),
    "-": operator.neg,
    "abs": abs,
    "round": lambda t: round(t, 1),
    "int": int,
    "float": float,
    "floor": math.floor,
    "trunc": math.trunc,
    "str": str,
    "repr": repr,
    "bytes": bytes,
    "format": "{}".format,
    "hash": lambda t: hash(t) == hash(t),
    "fspath": os.fspath,
    "== self": lambda t: t == t,
    "== 1": lambda t: t == 1,
    "!= list": lambda t: t != [1, 2],
    "< 2": lambda t: t < 2,
    ">= list": lambda t: t >= [0],
    "1 in": lambda t: 1 in t,
    "in str": lambda t: "one\n" in t,
    "[0]": lambda t: t[0],
    "[-1]": lambda t: t[-1],
    "[1:]": lambda t: t[1:],
    "['a']": lambda t: t["a"],
    "['zz']": lambda t: t["zz"],
    "[0] =": lambda t: set_item(t, 0, 2),
    "['b'] =": lambda t: set_item(t, "b", [2]),
    "del [0]": lambda t: delete_item(t, 0),
    "del ['a']": lambda t: delete_item(t, "a"),
    "with": with_,
    "with raising": raising_with,
    "shape": lambda t: t.shape,
    "extra": lambda t: t.extra,
    "value": lambda t: t.value,
    "any": lambda t: t.anyone,
    "none": lambda t: t.nobody,
    "private": lambda t: t._private,
    "shape =": set_attribute,
    "del shape": delete_attribute,
    "read": lambda t: t.read(),
    "readline": lambda t: t.readline(),
    "numerator": lambda t: t.numerator,
    "append": lambda t: (t.append(9), told(t)),
    "keys": lambda t: list(t.keys()),
    "items": lambda t: sorted(t.items(), key=str),
    "get": lambda t: t.get("a"),
    "name": lambda t: t.name,
    "sqrt": lambda t: t.sqrt(4),
    "year": lambda t: t.year,
    "group": lambda t: t.group(1),
    "__len__": lambda t: t.__len__(),
    "__next__": lambda t: t.__next__(),
    "__iter__": lambda t: list(t.__iter__()),
    "__name__": lambda t: t.__name__,
    "__doc__": lambda t: t.__doc__,
    "__module__": lambda t: t.__class__.__module__,
    "__radd__": lambda t: t.__radd__(1),
    "isinstance list": lambda t: isinstance(t, list),
    "isinstance mapping": lambda t: isinstance(t, collections.abc.Mapping),
    "isinstance iterator": lambda t: isinstance(t, collections.abc.Iterator),
    "isinstance hashable": lambda t: isinstance(t, collections.abc.Hashable),
    "isinstance type": lambda t: isinstance(t, type),
    "isinstance of it": lambda t: isinstance([], t),
    "isinstance exception": lambda t: isinstance(t, Exception),
    "sorted": lambda t: sorted(t, key=str),
    "sum": sum,
    "max": max,
    "dict()": dict,
    "unpack": lambda t: (lambda *a: a)(*t),
    "unpack **": lambda t: sorted((lambda **a: a)(**t)),
    "join": ",".join,
    "obtain": obtain,
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
    "json": json.dumps,
    "raise": lambda t: exec("raise t", {"t": t}),
    "Fraction()": fractions.Fraction,
}


def told(value, depth=3):
    """A value in words that are the same in every process."""
    if hasattr(type(value), "____conn__") and depth:
        pack = value.____id_pack__
        return ["remote", pack[0], pack[2] == 0, told(answer(repr, value), depth - 1)]
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *(told(item, depth) for item in value)]
    return masked(repr(value))


def masked(text):
    text = re.sub(r"0x[0-9a-f]+", "0x", text)
    return re.sub(r"(name|fd)=\d+", r"\1=N", text)


def answer(function, *args):
    try:
        return function(*args)
    except BaseException as e:  # pylint: disable=broad-except
        lines = str(e).split("\n\n========= Remote Traceback")[0].splitlines()
        return "%s: %s" % (type(e).__name__, re.sub(r"\(?'[\w.]*', \d+, \d+\)?", "(id_pack)", masked(lines[0] if lines else "")))


HELPERS = {
    "make": lambda name: MAKERS[name](),
    "probe": lambda name, thing: repr(told(answer(PROBES[name], thing))),
    "instance": isinstance,
}


class OwnerService(rpyc.Service):
    def exposed_ask(self, name, *args):
        return HELPERS[name](*args)


class MiddleService(rpyc.Service):
    owner = None

    def exposed_ask(self, *args):
        return MiddleService.owner.ask(*args)


def connect(address, rules):
    host, _, port = address.replace("tcp://", "").rpartition(":")
    return rpyc.connect(host, int(port), config=dict(RULES[rules], sync_request_timeout=20))


def serve(service, rules):
    server = ThreadedServer(service, hostname="127.0.0.1", port=0, protocol_config=RULES[rules])
    server.listener.listen()  # as start() will, which may come later than the client
    threading.Thread(target=server.start, daemon=True).start()
    print("listening tcp://127.0.0.1:%d" % server.port, flush=True)
    sys.stdin.read()


# What is asked of each. Its type, what it has, how it is copied and what it is an instance of is asked of all.
ALL = ("type", "id_pack", "inspect", "methods", "dir", "repr", "hash", "bool", "len", "iter", "+ 1", "obtain", "deepcopy",
       "isinstance list", "isinstance iterator", "__class__", "none", "private", "== self")
ASKED = {
    "map": "list,twice,next,next default,buffiter,with,__next__,sum,unpack,hint",
    "zip": "list,buffiter,dict()",
    "enumerate": "list,next",
    "reversed": "list,hint",
    "chain": "list,next",
    "generator": "list,next default,name",
    "text file": "list,next,with,with raising,read,readline,in str,call",
    "binary file": "list,read,bytes",
    "BytesIO": "read,with,list",
    "Fraction": "1 +,- 1,1 -,* 2,+ self,/ 2,// 2,** 2,divmod,-,abs,round,int,float,floor,trunc,== 1,< 2,numerator,format,__radd__,Fraction()",
    "Decimal": "1 +,2 *,round,int,float,< 2,format",
    "Vector": "1 +,- 1,1 -,+ self,+= 1,-,@,[0],[-1],[1:],[0] =,1 in,list,reversed,max,sorted,shape,shape =,del shape,__len__,__iter__,format",
    "array": "list,[0],[1:],+ self,append,bytes,1 in",
    "list": "[0],[1:],* 2,2 *,+ self,+= list,[0] =,del [0],1 in,append,sorted,isinstance hashable,join,!= list,>= list,json,copy",
    "dict": "['a'],['zz'],['b'] =,del ['a'],| dict,keys,items,get,dict(),unpack **,isinstance mapping,reversed",
    "set": "|,&,1 in,list",
    "bytearray": "[0],+= list,bytes,append",
    "memoryview": "[0],[1:],bytes,with",
    "range": "list,[1:],reversed,1 in",
    "deque": "list,append,reversed,[0]",
    "defaultdict": "['zz'],items",
    "date": "- 1,year,format,< 2",
    "timedelta": "* 2,2 *,/ 2,abs,-",
    "enum": "name,value",
    "path": "/ str,fspath,name,str",
    "pattern": "shape",
    "match": "[0],group",
    "manager": "with,with raising,name",
    "managed": "with,with raising,call",
    "anything": "any",
    "derived": "extra,list,append,[0]",
    "callable": "call,call 1,call keywords,value",
    "function": "call 1,__name__,__doc__",
    "builtin": "call list,__name__",
    "method": "call,__name__",
    "partial": "call list",
    "exception": "str,raise,isinstance exception",
    "exception class": "call 1,isinstance type",
    "list class": "call,call list,isinstance of it,__name__",
    "Vector class": "call,call list,isinstance of it,__module__",
    "object": "str",
    "mappingproxy": "['a'],keys,| dict",
    "lock": "with",
    "module": "sqrt",
}
# Of owner and user; they have no ids and no lists of methods at home.
AT_HOME = ("inspect", "id_pack", "reversed range")


def both_ways(root, things):
    """What the user can do with the owner's objects, and the owner with the user's."""
    answers = {}
    for thing in things:
        asked = ASKED[thing]
        for probe in [*ALL, *asked.split(",")]:
            made = answer(lambda: root.ask("make", thing))
            answers["%s: %s" % (thing, probe)] = told(answer(PROBES[probe], made))
        # The other way is the same code, with the sides changed.
        for probe in set(["type", "repr", "obtain", *asked.split(",")[:3]]) - set(AT_HOME):
            answers["%s: %s, back" % (thing, probe)] = answer(lambda: root.ask("probe", probe, MAKERS[thing]()))
    return answers


def classes(root, things):
    """isinstance, with classes and objects of the owner's and the user's."""
    answers = {}
    for thing in {"map", "Fraction", "list", "derived", "dict", "Vector", "exception"} & set(things):
        for klass in ("list class", "Vector class", "exception class"):
            def ask(how, function):
                answers["isinstance(%s, %s), %s" % (thing, klass, how)] = told(answer(function))
            made, kind = root.ask("make", thing), root.ask("make", klass)
            ask("here", lambda: isinstance(made, kind))
            ask("there", lambda: root.ask("instance", made, kind))
            ask("theirs of ours", lambda: root.ask("instance", made, MAKERS[klass]()))
            ask("ours of theirs", lambda: root.ask("instance", MAKERS[thing](), kind))
            ask("ours", lambda: root.ask("instance", MAKERS[thing](), MAKERS[klass]()))
    return answers


def main():
    kind, rules = sys.argv[1:3]
    if kind == "owner":
        serve(OwnerService, rules)
    elif kind == "middle":
        MiddleService.owner = connect(sys.argv[3], rules).root
        serve(MiddleService, rules)
    else:
        conn = connect(sys.argv[3], rules)
        things = sys.argv[4:] or list(ASKED)
        answers = both_ways(conn.root, things)
        answers.update(classes(conn.root, things))
        print(json.dumps(answers))


if __name__ == "__main__":
    main()
