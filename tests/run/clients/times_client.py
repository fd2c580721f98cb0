"""Asks a native service about its dates and times what it asks of the same objects of a stock service, by default rules and by
those of programs that trust each other: times_client.py NATIVE_ADDRESS VERSION."""
import copy
import operator
import pickle
import re
import sys
import threading
from datetime import date, datetime, time, timedelta, timezone

import rpyc
from rpyc.utils.classic import obtain
from rpyc.utils.server import ThreadedServer

from time_things import THINGS

checks = failures = 0


def check(good, text):
    global checks, failures
    checks += 1
    if not good:
        failures += 1
        print("not so: " + text, file=sys.stderr)


class Twin(rpyc.Service):
    def exposed_thing(self, index):
        return THINGS[index]

    def exposed_typed(self, value):
        return repr(value)


NAMES = ["year", "month", "day", "hour", "minute", "second", "microsecond", "fold", "days", "seconds", "microseconds",
         "min", "max", "resolution", "utc"]
CALLS = ["isoformat", "toordinal", "weekday", "isoweekday", "total_seconds", "timestamp", "tzname", "dst", "ctime"]
OBJECTS = ["date", "time", "timetz", "utcoffset"]
COMPARE = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge, operator.add, operator.sub, operator.truediv,
           operator.floordiv, operator.mod, divmod]
FACTORS = (2, -3, 0, 7, 10**9, 10**30, True, 1.5, -0.3, 0.0, 1e-5, 1e300, 1e-300, float("nan"), float("inf"))


class Two:
    def __index__(self):
        return 2


# Arguments of replace(), by place and by name.
REPLACED = [((), {}), ((2021,), {}), ((2021, 3), {}), ((1, 2, 3), {}), ((1, 2, 3, 4), {}), ((1, 2, 3, 4, 5), {}), ((1, 2, 3, 4, None), {}),
            ((1, 2, 3, 4, None, 1), {}), ((1, 2, 3, 4, 5, 6, 7, None), {}), ((1, 2, 3, 4, 5, 6, 7, None, 1), {}),
            ((1, 2, 3, 4, 5, 6, 7, None, 1, 2), {}), (("a",), {}), ((1.5,), {}), ((None,), {}), ((Two(), Two()), {}), ((10**30,), {}),
            ((2**31,), {}), ((-2**31 - 1,), {}), ((1,), {"year": 2}), ((1,), {"hour": 2}), ((1,), {"nothing": 2}), ((1, 2, 3), {"nothing": 4}),
            ((), {"nothing": 1}), ((), {"day": 1, "nothing": 2}), ((), {"hour": 1, "nothing": 2}), ((), {"tzinfo": 5}), ((), {"tzinfo": "x"}),
            ((), {"tzinfo": None}), ((), {"tzinfo": timezone.utc}), ((), {"tzinfo": date(1, 1, 1)}), ((), {"fold": 1}), ((), {"fold": 2}),
            ((), {"fold": -1, "hour": 99}), ((), {"fold": True}), ((), {"fold": "x"}), ((), {"a": 1, "b": 2, "c": 3, "d": 4})] + [
    ((), {name: number}) for name, numbers in (("year", (0, 4, 10000)), ("month", (0, 2, 13)), ("day", (0, 31, Two())), ("hour", (-1, 24, 5)),
                                               ("minute", (60, 0)), ("second", (60, None)), ("microsecond", (10**6, -1, 7)))
    for number in numbers]


def said(ask):
    """The same with the words of an exception."""
    try:
        return str(ask())
    except Exception as error:
        return "raises %s: %s" % (type(error).__name__, str(error).splitlines()[0])


def outcome(ask):
    """A value by value, all else as text; or what kind of exception there is."""
    try:
        value = ask()
    except Exception as error:
        return "raises " + type(error).__name__
    return value if type(value) in (int, float, bool, str, type(None)) else str(value)


def questions(public):
    yield "repr", repr
    yield "str", str
    yield "format", "{}".format
    yield "type", lambda thing: type(thing).__module__ + "." + type(thing).__name__
    yield "bool", bool
    for name in NAMES:
        yield name, lambda thing, name=name: getattr(thing, name)
    for name in CALLS + OBJECTS:
        yield name + "()", lambda thing, name=name: getattr(thing, name)()
    if public:
        yield "tzinfo", lambda thing: thing.tzinfo
        yield "the offset of tzinfo", lambda thing: thing.tzinfo.utcoffset(None)
        yield "isoformat(minutes)", lambda thing: thing.isoformat(timespec="minutes")
        yield "isoformat(_, milliseconds)", lambda thing: thing.isoformat("_", "milliseconds")
        yield "isoformat(years)", lambda thing: thing.isoformat(timespec="years")
    for number in (2, -3, 0, 10**9, True):
        yield "times %r" % number, lambda thing, number=number: thing * number
        yield "%r times" % number, lambda thing, number=number: number * thing
    for number in (2, 0.0):
        for op in (operator.truediv, operator.floordiv, operator.mod, divmod):
            yield "%s by %r" % (op.__name__, number), lambda thing, op=op, number=number: op(thing, number)
    for sign in (operator.neg, operator.pos, operator.abs):
        yield sign.__name__, sign
    for other in (None, 5, "text"):
        yield "== %r" % other, lambda thing, other=other: thing == other
        yield "< %r" % other, lambda thing, other=other: thing < other
        yield "+ %r" % other, lambda thing, other=other: thing + other


# What the guide says that a native service does not give.
ABSENT = ("timetuple", "utctimetuple", "isocalendar", "fromisoformat", "strftime")
# What a native service gives although default rules hide it from the clients of a stock one.
HIDDEN = set(NAMES) | {name + "()" for name in CALLS + OBJECTS}


def config_of(kind):
    if kind == "default":
        return {}
    return {"allow_public_attrs": True, "allow_pickle": True}


def compared(kind, native, twin):
    mine = [native.root.thing(index) for index in range(len(THINGS))]
    stock = [twin.root.thing(index) for index in range(len(THINGS))]
    for index, (a, b) in enumerate(zip(mine, stock)):
        for name in ABSENT:
            check(not hasattr(a, name), "%r has %s" % (THINGS[index], name))
        for name, ask in questions(kind != "default"):
            left, right = outcome(lambda: ask(a)), outcome(lambda: ask(b))
            if name == "timestamp()" and THINGS[index].__class__ is datetime and THINGS[index].tzinfo is None:
                continue  # a naive one has none in librpyc: its local time is that of another machine
            if kind == "default" and name in HIDDEN and right == "raises AttributeError":
                # Given, as the fields of our arrays are: what it is of the real one.
                right = outcome(lambda: ask(THINGS[index]))
            check(left == right, "%s of %r: %r, of a stock service %r" % (name, THINGS[index], left, right))
        for other in range(index % 3, len(THINGS) if kind == "default" else 0, 3):
            if {type(THINGS[index]), type(THINGS[other])} == {date, datetime}:
                continue  # before 3.13, date's methods take a datetime for a date where they are called by themselves
            for op in COMPARE:
                left = outcome(lambda: op(a, mine[other]))
                right = outcome(lambda: op(b, stock[other]))
                check(left == right, "%s of %r and %r: %r, of a stock service %r"
                      % (op.__name__, THINGS[index], THINGS[other], left, right))
        check((hash(a) == hash(mine[index])) and len({a, native.root.thing(index)}) == 1, "hash of %r" % THINGS[index])
    if kind == "default":
        return
    for index, thing in enumerate(THINGS):
        for name, take in ("obtain", obtain), ("deepcopy", copy.deepcopy), ("pickle", lambda one: pickle.loads(pickle.dumps(one))):
            ours = take(mine[index])
            check(type(ours) is type(thing) and repr(ours) == repr(thing), "%s of %r: %r" % (name, thing, ours))
        check(isinstance(mine[index], type(thing)) == isinstance(stock[index], type(thing)), "isinstance of %r" % thing)
    reckoned(mine, stock)
    everything = obtain(native.root.everything())
    check(repr(everything) == repr([THINGS, tuple(THINGS)]), "a list of all: %r" % everything)


def reckoned(mine, stock):
    """replace() and astimezone() of what has them, with the words of their exceptions, and those of divisions."""
    for thing, a, b in zip(THINGS, mine, stock):
        if hasattr(thing, "replace"):
            for args, named in REPLACED:
                left, right = said(lambda: repr(a.replace(*args, **named))), said(lambda: repr(b.replace(*args, **named)))
                if rpyc.__version__ < "6" and isinstance(named.get("tzinfo"), (date, timezone)):
                    # There the type of a netref of the client has the name "type".
                    left = re.sub("not type 'datetime[.](date|timezone)'", "not type 'type'", left)
                check(left == right, "replace%r %r of %r: %s, of a stock service %s" % (args, named, thing, left, right))
        if getattr(thing, "tzinfo", None) is not None:
            for other, c, d in zip(THINGS, mine, stock):
                if type(other) is timezone:
                    left, right = said(lambda: repr(a.replace(tzinfo=c))), said(lambda: repr(b.replace(tzinfo=d)))
                    check(left == right, "%r in %r: %s, of a stock service %s" % (thing, other, left, right))
                if type(other) is timezone and type(thing) is datetime:
                    left, right = said(lambda: repr(a.astimezone(c))), said(lambda: repr(b.astimezone(d)))
                    check(left == right, "%r as in %r: %s, of a stock service %s" % (thing, other, left, right))
        if type(thing) is datetime:
            for args, named in ((5,), {}), ((1, 2), {}), ((), {"zone": None}):
                left, right = said(lambda: a.astimezone(*args, **named)), said(lambda: b.astimezone(*args, **named))
                check(left == right, "astimezone%r %r of %r: %s, of a stock service %s" % (args, named, thing, left, right))
        if type(thing) is timedelta:
            for number in FACTORS + (timedelta(0), "x"):
                for op in (operator.mul, operator.truediv, operator.floordiv, operator.mod, divmod):
                    left, right = said(lambda: op(a, number)), said(lambda: op(b, number))
                    check(left == right, "%s of %r and %r: %s, of a stock service %s"
                          % (op.__name__, thing, number, left, right))


def arguments(native):
    """What a C service with types in its signatures makes of a stock client's own."""
    for thing in THINGS:
        if type(thing) is timezone:
            continue
        name = type(thing).__name__
        check(getattr(native.root, "typed_" + name)(thing) == repr(thing), "%r as an argument" % thing)
        check(getattr(native.root, "typed_" + name)(value=thing) == repr(thing), "%r by keyword" % thing)
    for name, wrong in ("date", 5), ("datetime", date(2026, 1, 1)), ("date", datetime(2026, 1, 1)), ("time", "12:00"), ("timedelta", 1.5), \
            ("datetime", None):
        try:
            getattr(native.root, "typed_" + name)(wrong)
            said = ""
        except TypeError as error:
            said = str(error)
        check("argument 'value' must be %s, not " % name in said, "%r for a %s: %r" % (wrong, name, said))
    made = native.root.Meeting(datetime(2026, 1, 1, 10), "1.5", 2)
    check(made.text() == "2026-01-01 10:00:00 1.5 2.0", "a constructor converts: %r" % made.text())
    try:
        said = repr(native.root.Meeting("today", "", 0))
    except TypeError as error:
        said = str(error)
    check("Meeting() argument 'at' must be datetime, not str" in said, "what a constructor says: %r" % said)
    try:
        said = repr(native.root.Meeting(datetime(2026, 1, 1), "", "many"))
    except TypeError as error:
        said = str(error)
    check("Meeting() argument 'hours' must be float, not str" in said, "what a constructor says: %r" % said)


address = sys.argv[1].rsplit(":", 1)
for kind in ("default", "public"):
    server = ThreadedServer(Twin, hostname="127.0.0.1", port=0, protocol_config=config_of(kind))
    server.listener.listen()
    threading.Thread(target=server.start, daemon=True).start()
    twin = rpyc.connect("127.0.0.1", server.port)
    native = rpyc.connect("127.0.0.1", int(address[1]))
    native.root.rules(kind)
    compared(kind, native, twin)
    if kind == "default":
        arguments(native)
    twin.close()
    native.close()
    server.close()
native = rpyc.connect("127.0.0.1", int(address[1]))
native.root.stop()
print("%d passed, %d failed" % (checks - failures, failures))
sys.exit(failures or not checks)
