"""Programs: lists of operations on numbered slots, which a stock client runs as source and a native one as tuples."""
import array
import collections.abc
import decimal
import fractions
import io
import numbers
import operator
import re
import types
from collections import namedtuple

import rpyc
from rpyc.core.netref import BaseNetref

import things

ROOT = 0                                             # the slot of the service
# Types whose repr tells what is in them, and has no address.
TELLING = ("builtins.list", "builtins.dict", "builtins.dict_keys", "builtins.dict_values", "builtins.dict_items", "things.Item",
           "things.SubItem")
# Methods of exceptions, whose repr a stock peer sends along as if it were an attribute.
METHODS = ("add_note", "with_traceback")
NAMES = {"make": things.make, "within": things.within, "rpyc": rpyc, "things": things, "array": array, "decimal": decimal,
         "fractions": fractions, "operator": operator, "collections": collections, "io": io, "numbers": numbers, "types": types}
PLAIN = (type(None), bool, int, float, complex, str, bytes, frozenset, slice, type(...), type(NotImplemented))


# ---------------------------------------------------------------- expressions
class Value(namedtuple("Value", "text")):
    """Plain data, as source."""
    def source(self):
        return self.text

    def encoded(self):
        return "value", eval(self.text)

    def slots(self):
        return ()


class Slot(namedtuple("Slot", "number")):
    def source(self):
        return "root" if self.number == ROOT else "v%d" % self.number

    def encoded(self):
        return "slot", self.number

    def slots(self):
        return (self.number,)


class Tuple(namedtuple("Tuple", "items")):
    def source(self):
        return "(%s)" % "".join(item.source() + ", " for item in self.items)

    def encoded(self):
        return ("tuple",) + tuple(item.encoded() for item in self.items)

    def slots(self):
        return tuple(slot for item in self.items for slot in item.slots())


class Make(namedtuple("Make", "kind items")):
    """A thing of the client's own."""
    def source(self):
        return "make(%s)" % ", ".join([repr(self.kind)] + [item.source() for item in self.items])

    def encoded(self):
        return ("make", self.kind) + tuple(item.encoded() for item in self.items)

    def slots(self):
        return tuple(slot for item in self.items for slot in item.slots())


class Source(namedtuple("Source", "text parts")):
    """What only Python can say; {0}, {1} are expressions."""
    def source(self):
        return "(%s)" % self.text.format(*(part.source() for part in self.parts))

    def slots(self):
        return tuple(slot for part in self.parts for slot in part.slots())


FORMS = {
    "item": "{0}[{1}]", "store": "{0}[{1}] = {2}", "delete": "del {0}[{1}]", "has": "{1} in {0}", "len": "len({0})",
    "bool": "bool({0})", "str": "str({0})", "repr": "repr({0})", "hash": "hash({0})", "iter": "iter({0})", "next": "next({0})",
    "tuple": "tuple({0})", "equal": "bool({0} == {1})", "make": "{0}",
}


class Operation(namedtuple("Operation", "kind name target args named slot")):
    """`kind` is one of FORMS, call, method, get, set, del, compare, or source; what comes of it goes into `slot`."""

    def source(self):
        target, args = self.target.source(), [arg.source() for arg in self.args]
        all_args = ", ".join(args + ["%s=%s" % (name, value.source()) for name, value in self.named])
        if self.kind == "call":
            return "%s(%s)" % (target, all_args)
        if self.kind in ("method", "compare"):
            return "%s.%s(%s)" % (target, self.name, all_args)
        if self.kind == "get":
            return "%s.%s" % (target, self.name)
        if self.kind == "set":
            return "%s.%s = %s" % (target, self.name, args[0])
        if self.kind == "del":
            return "del %s.%s" % (target, self.name)
        return (self.name if self.kind == "source" else FORMS[self.kind]).format(target, *args)

    def is_statement(self):
        return self.kind in ("set", "del", "store", "delete")

    def statement(self):
        return self.source() if self.is_statement() else "v%d = %s" % (self.slot, self.source())

    def encoded(self):
        return (self.kind, self.name, self.target.encoded(), tuple(arg.encoded() for arg in self.args),
                tuple((name, value.encoded()) for name, value in self.named), self.slot)

    def uses(self):
        return [slot for part in (self.target, *self.args, *(value for _, value in self.named)) for slot in part.slots()]


class Program(namedtuple("Program", "seed open operations")):
    """`open`: whether the client's own objects show public names."""

    def script(self, port):
        """The program for a shell of Python in tests/twin; `port` is that of either server."""
        config = {"allow_public_attrs": True, "allow_setattr": True, "allow_delattr": True} if self.open else {}
        lines = ["# in tests/twin", "import array, collections.abc, decimal, fractions, io, numbers, operator, types, rpyc, things", "from things import make, within", "client = rpyc.connect('127.0.0.1', %s, config=%r)" % (port, config),
                 "root = client.root"]
        lines += [operation.statement() for operation in self.operations]
        return "\n".join(lines)


# ---------------------------------------------------------------- what comes of an operation
def type_name(value):
    if isinstance(value, BaseNetref):
        return value.____id_pack__[0]
    kind = value if isinstance(value, type) else type(value)
    return "%s.%s" % (kind.__module__, kind.__name__)


def tidied(text):
    """Without addresses; sets print their items in any order."""
    def items_in_order(found):
        items = found.group(1)
        return found.group(0) if ": " in items else "{%s}" % ", ".join(sorted(items.split(", ")))
    return re.sub(r"\{([^{}]*)\}", items_in_order, re.sub(r"\b0x[0-9a-f]{6,}", "0x", text))


def described_error(error, slots):
    kind = type(error)
    # RPyC makes classes of the exceptions that it does not know.
    own = kind.__module__ != "builtins" and not kind.__module__.startswith("rpyc.core.vinegar")
    name = "%s.%s" % (kind.__module__, kind.__name__) if own else kind.__name__
    attributes = sorted((name, repr(value)) for name, value in vars(error).items()
                        if name[:1] != "_" and name not in METHODS)
    # A traceback of the peer is the last part of the text of a stock exception, not of its arguments.
    return "raises", name, tuple(described(arg, slots, False) for arg in error.args), tuple(attributes)


def shown(value, slots):
    try:
        if type_name(value) in ("builtins.set", "builtins.frozenset"):
            return ", ".join(sorted(tidied(repr(item)) for item in value))
        return tidied(repr(value)) if type_name(value) in TELLING else None
    except Exception as error:
        return described_error(error, slots)


def described(value, slots, look=True):
    if type(value) is tuple:
        return "tuple", tuple(described(item, slots, look) for item in value)
    if type(value) in PLAIN:
        return "value", type(value).__name__, tidied(repr(value))
    same = [number for number, other in slots.items() if other is value]
    return "object", type_name(value), shown(value, slots) if look else None, min(same, default=-1)


class Stock:
    """Programs run by a stock client."""

    def __init__(self, host, port, opened, middles=0):
        config = {"sync_request_timeout": 60}
        if opened:
            config.update(allow_public_attrs=True, allow_setattr=True, allow_delattr=True)
        self.connection = rpyc.connect(host, port, config=config)
        root = self.connection.root
        for _ in range(middles):
            root = root.behind()
        self.slots = {ROOT: root}
        self.names = {"root": self.slots[ROOT], **NAMES}

    def run(self, operation):
        value = None
        try:
            if operation.is_statement():
                exec(operation.source(), self.names)
            else:
                value = eval(operation.source(), self.names)
        except Exception as error:
            return described_error(error, self.slots)
        result = described(value, self.slots)
        self.slots[operation.slot] = value
        self.names["v%d" % operation.slot] = value
        return result

    def has(self, slot):
        return slot in self.slots

    def type_of(self, expression):
        """The type of what a slot holds; of other expressions it is not told."""
        return type_name(self.slots[expression.number]) if isinstance(expression, Slot) else ""

    def holds_data(self, expression):
        """Operations on data are none of RPyC's business."""
        return isinstance(expression, Slot) and type(self.slots[expression.number]) in PLAIN + (tuple,)

    def close(self):
        self.slots.clear()
        self.names.clear()
        self.connection.close()


class Native:
    """Programs run by the native client, over the connection that drives it."""

    def __init__(self, driver, address):
        self.driver, self.filled = driver, {ROOT}
        driver.root.open(address)

    def run(self, operation):
        try:
            result = described_by_native(self.driver.root.run(*operation.encoded()))
        except EOFError:
            raise
        except Exception as error:                   # the driver's own; nothing that the program did
            return "driver", repr(error)
        if result[0] not in ("raises", "fails"):
            self.filled.add(operation.slot)
        return result

    def has(self, slot):
        return slot in self.filled

    def close(self):
        self.driver.root.close()


def described_by_native(described_there):
    kind = described_there[0]
    if kind == "tuple":
        return "tuple", tuple(described_by_native(item) for item in described_there[1])
    if kind == "value":
        return described(described_there[1], {})
    if kind == "raises":
        _, module, name, args, attributes = described_there
        builtin = module == "builtins"
        shown_there = sorted((name, repr(value)) for name, value in attributes if name[0] != "_" and name not in METHODS)
        return ("raises", name if builtin else "%s.%s" % (module, name), tuple(described(arg, {}, False) for arg in args),
                () if builtin else tuple(shown_there))
    if kind == "fails":
        return described_there
    _, name, text, same, _remote = described_there
    if name == "builtins.set" and text[:1] != ("raises",):
        if text[:1] == ("items",):                   # where plain data has no repr of its own
            text = [item if kind == "repr" else repr(item) for kind, item in text[1]]
        text = ", ".join(sorted(map(tidied, text)))
    elif isinstance(text, tuple):
        text = described_by_native(text)
    return "object", name, text if text is None or isinstance(text, tuple) else tidied(text), same
