"""Stock Python against the Go program `features`: go_features.py ADDRESS FOLDER [--other]."""
import os
import sys
import threading

import rpyc

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def connect(address):
    if address.startswith("unix://"):
        return rpyc.utils.factory.unix_connect(address[len("unix://"):], rpyc.Service, CONFIG)
    host, port = address[len("tcp://"):].rsplit(":", 1)
    return rpyc.connect(host, int(port), config=CONFIG)


CONFIG = {"allow_public_attrs": True, "sync_request_timeout": 60}


def equal(got, want):
    assert got == want, "got %r, want %r" % (got, want)


def raises(kind, function, *args):
    try:
        result = function(*args)
    except kind as error:
        return error
    raise AssertionError("no %s but %r" % (kind.__name__, result))


class Local(object):
    """What Python sends."""


@check
def live_list(c):
    items = c.root.list()
    assert isinstance(items, list)
    equal(list(items), [1, "two", 3.5])
    items.append((4, "x"))
    items.extend([5, 6])
    items[0] = None
    equal(c.root.items(), "[<nil> two 3.5 [4 x] 5 6]")
    equal(len(items), 6)
    equal(items[-1], 6)
    equal(list(items[1:4]), ["two", 3.5, (4, "x")])
    equal(list(items[::-2]), [6, (4, "x"), "two"])
    equal(items.pop(), 6)
    equal(items.pop(0), None)
    items.insert(1, b"in")
    items.insert(-100, "first")
    items.remove(3.5)
    equal(list(items), ["first", "two", b"in", (4, "x"), 5])
    equal([items.index(5), items.count("two"), 5.0 in items, "no" in items], [4, 1, True, False])
    del items[1:3]
    equal(repr(items), "['first', (4, 'x'), 5]")
    equal(str(items), "['first', (4, 'x'), 5]")
    items[1:2] = [1, 2, 3]
    equal(items == ["first", 1, 2, 3, 5], True)
    equal(items == ["first"], False)
    items[::2] = ["a", "b", "c"]
    equal(list(items), ["a", 1, "b", 3, "c"])
    items.reverse()
    equal(list(reversed(items)), ["a", 1, "b", 3, "c"])
    items.clear()
    equal(len(items), 0)
    for bad in (raises(IndexError, items.pop), raises(IndexError, items.__getitem__, 5), raises(ValueError, items.remove, 1),
                raises(TypeError, items.__getitem__, "x"), raises(ValueError, items.index, 1)):
        assert bad.args
    items.extend([3, 1, 2])
    items.sort()
    equal(list(items), [1, 2, 3])
    items.sort(key=lambda item: -item)
    equal(list(items), [3, 2, 1])
    items.sort(key=lambda item: -item, reverse=True)
    equal(list(items), [1, 2, 3])
    items.append("x")
    raises(TypeError, items.sort)
    equal(list(items.copy()), [1, 2, 3, "x"])
    raises(ValueError, items.__setitem__, slice(None, None, 2), [1])
    raises(ValueError, items.__getitem__, slice(None, None, 0))
    equal(list(items[10:]), [])
    equal(list(items[-2**40:2**40:2**40]), [1])
    local = Local()
    items[0] = local
    assert items[0] is local
    assert items.index(local) == 0
    items.clear()


@check
def live_list_as_argument(c):
    items = c.root.list()
    items.extend(range(5))
    equal(c.root.sum(items), 10)
    assert c.root.is_home(items, c.root.dict())
    items.clear()


@check
def one_id_on_all_connections(c):
    def things(connection):
        root = connection.root
        return [root, root.list(), root.dict(), root.account(), root.table()]

    def ids(held):
        return [object.__getattribute__(thing, "____id_pack__") for thing in held]
    other = connect(sys.argv[1])
    try:
        mine, theirs = things(c), things(other)
        before = ids(mine)
        equal(ids(theirs), before)
        equal(len({pack[2] for pack in before}), 5)
        # What one lets go of, another goes on to hold.
        del mine
        c.ping()
        mine = things(c)
        equal(ids(mine), before)
        apart = [c.root.ruled(), other.root.ruled()]
        equal(len(set(ids(apart))), 2)
    finally:
        other.close()
    equal(ids(things(c)), before)


@check
def live_list_of_many(c):
    items = c.root.list()

    def add(number):
        other = connect(sys.argv[1])
        try:
            mine = other.root.list()
            for i in range(50):
                mine.append((number, i))
        finally:
            other.close()
    threads = [threading.Thread(target=add, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(sorted(items), sorted((n, i) for n in range(4) for i in range(50)))
    items.clear()


@check
def live_dict(c):
    d = c.root.dict()
    assert isinstance(d, dict)
    equal(d["a"], 1)
    d["b"] = "two"
    d[3] = None
    d[3.0] = "three"
    d[(1, "t")] = "tuple"
    equal(c.root.entries(), "[{a 1} {b two} {3 three} {[1 t] tuple}]")
    equal([len(d), d[True + 2], d[(1.0, "t")], "b" in d, "z" in d], [4, "three", "tuple", True, False])
    equal(list(d), ["a", "b", 3, (1, "t")])
    equal(list(d.keys()), list(d))
    equal(list(d.values()), [1, "two", "three", "tuple"])
    equal(sorted(d.items(), key=str)[0], ("a", 1))
    equal([d.get("a"), d.get("z"), d.get("z", 0)], [1, None, 0])
    equal([d.setdefault("a", 9), d.setdefault("s", 8)], [1, 8])
    equal(d.pop("s"), 8)
    equal(d.pop("s", None), None)
    raises(KeyError, d.pop, "s")
    equal(d.popitem(), ((1, "t"), "tuple"))
    d.update({"u": 1}, v=2)
    d.update(w=3)
    del d["b"]
    equal(repr(d), "{'a': 1, 3: 'three', 'u': 1, 'v': 2, 'w': 3}")
    equal(d == {"a": 1, 3: "three", "u": 1, "v": 2, "w": 3}, True)
    equal(d == {"a": 1}, False)
    raises(KeyError, d.__getitem__, "no")
    raises(KeyError, d.__delitem__, "no")
    raises(TypeError, d.__setitem__, [1], 1)
    for i in range(200):
        d[i] = i
    for i in range(190):
        del d[i]
    equal(list(d)[-1], 199)
    d.clear()
    equal(len(d), 0)
    raises(KeyError, d.popitem)
    d["a"] = 1


@check
def snapshots_come_home(c):
    items, d = c.root.snapshots()
    equal(items[1], "two")
    equal(c.root.snapshots_home(items, d, (6, 7)), "[1 two [3 <nil>] true [4 5] 1.5 [98]] map[x:1 y:2] [6 7]")
    raises(TypeError, c.root.snapshots_home, d, items, (6, 7))


@check
def infinite_iterable_is_refused(c):
    def endless():
        while True:
            yield 1
    error = raises(Exception, c.root.sum, endless())
    assert "WithFetchLimit" in str(error), error
    equal(c.root.sum([1, 2]), 3)


@check
def binary_file(c):
    path = os.path.join(sys.argv[2], "file")
    f = c.root.file(path)
    equal([f.readable(), f.writable(), f.seekable(), f.closed, f.isatty()], [True, True, True, False, False])
    equal(f.write(b"one\ntwo\nthree"), 13)
    f.flush()
    equal(f.tell(), 13)
    equal(f.seek(0), 0)
    equal(f.read(2), b"on")
    equal(f.readline(), b"e\n")
    equal(f.tell(), 4)
    equal(f.readline(2), b"tw")
    f.seek(2, 1)
    equal(f.read(), b"three")
    equal(f.read(), b"")
    f.seek(-5, 2)
    f.write(b"T")
    f.seek(0)
    equal([line for line in f], [b"one\n", b"two\n", b"Three"])
    raises(TypeError, f.write, "text")
    raises(ValueError, f.seek, 0, 9)
    with f as entered:
        equal(entered.closed, False)
    equal(f.closed, True)
    raises(ValueError, f.read)
    f.close()
    with open(path, "rb") as mine:
        equal(mine.read(), b"one\ntwo\nThree")


@check
def text_file(c):
    f = c.root.lines()
    equal([f.readable(), f.writable(), f.seekable()], [True, False, True])
    equal(f.read(2), "\xe9\xe9")
    equal(list(f), ["n\n", "twee\n", "drie"])
    raises(Exception, f.write, "x")
    f.seek(0)
    equal(f.readline(1), "\xe9")
    equal(list(f.readlines()), ["\xe9n\n", "twee\n", "drie"])
    out = c.root.output()
    print("h\xe9llo", 5, file=out)
    out.writelines(["a", "b"])
    equal(c.root.written(), "h\xe9llo 5\nab")
    raises(Exception, out.read)
    raises(TypeError, out.write, b"x")


@check
def file_of_python(c):
    path = os.path.join(sys.argv[2], "mine")
    with open(path, "w+b") as f:
        f.write(b"content " * 20000)
        f.seek(0)
        equal(c.root.read_all(f), "content " * 20000)
    with open(path, "rb") as f:
        equal(f.read(), b"CONTENT " * 20000)


@check
def own_rules(c):
    r = c.root.ruled()
    equal(r.log, "")
    r.x = 5
    r.exposed_y = "z"
    del r.x
    equal(r.log, "x=5,exposed_y=z,del x")
    equal(r.log_and_more, r.log)
    equal(r.hello("you"), "hello you")
    equal(raises(AttributeError, getattr, r, "other").args[0], "no other")
    equal(raises(AttributeError, setattr, r, "fixed", 1).args[0], "fixed is fixed")
    raises(AttributeError, lambda: r.get_attr_rpy_c("x"))
    raises(Exception, getattr, r, "panics")
    equal(r.hello("again"), "hello again")


@check
def dynamic_attributes(c):
    t = c.root.table()
    t.colour = "red"
    t.size = (1, 2)
    equal([t.colour, t.exposed_size], ["red", (1, 2)])
    equal(list(t.names()), ["exposed_colour", "exposed_size"])
    del t.colour
    raises(AttributeError, getattr, t, "colour")
    raises(AttributeError, getattr, t, "never")
    raises(AttributeError, getattr, t, "_private")
    equal(list(t.names()), ["exposed_size"])


@check
def restricted_view(c):
    v, account = c.root.view(), c.root.account()
    equal(v.owner, "Ada")
    equal(v.deposit(5), 15)
    equal(v.deposit(amount=5), 20)
    v.note = "written"
    equal(account.note, "written")
    equal(raises(AttributeError, getattr, v, "note").refused_by, "restricted: not readable")
    equal(raises(AttributeError, setattr, v, "owner", "me").refused_by, "restricted: not writable")
    raises(AttributeError, delattr, v, "note")
    raises(AttributeError, lambda: v.secret())
    raises(AttributeError, lambda: v.object)
    equal(c.root.is_view(v), True)
    equal(account.secret(), "secret")
    mine = c.root.view_of(Text("abc"))
    equal(mine.upper(), "ABC")
    raises(AttributeError, lambda: mine.lower())


class Text(object):
    def __init__(self, text):
        self.text = text

    def exposed_upper(self):
        return self.text.upper()

    def exposed_lower(self):
        return self.text.lower()


@check
def obtained(c):
    equal(c.root.obtain({"a": [1, {2}], "b": (3, None)}), "[{a [1 [2]]} {b [3 <nil>]}]")
    raises(TypeError, c.root.obtain, [Local()])
    endless = []
    endless.append(endless)
    raises(Exception, c.root.obtain, endless)


@check
def calls_overlap(c):
    arrived = []
    everybody = threading.Event()

    def wait(number):
        arrived.append(number)
        if len(arrived) == 4:
            everybody.set()
        assert everybody.wait(30)
        return number * number
    # Requests that were started together are all under way, in order; this side serves each while it waits in another.
    equal(c.root.overlap(lambda number: (arrived.append(number), number * 2)[1], 5), (0, 2, 4, 6, 8))
    equal(arrived, [0, 1, 2, 3, 4])


@check
def methods_come_home(c):
    account = c.root.account()
    deposit, before = account.deposit, account.deposit(0)
    equal(c.root.call_home(deposit, 5), before + 5)
    equal(c.root.call_home(c.root.sum, [1, 2]), 3)
    equal(c.root.call_home(lambda value: value * 2, 4), 8)


@check
def passed_between_connections(c):
    if "--other" not in sys.argv:
        return
    shared = c.root.pass_("shared")
    assert c.root.pass_("shared") is shared or shared == c.root.pass_("shared")
    equal(shared.label, "shared")
    equal(shared.get(), "shared")
    raises(AttributeError, getattr, shared, "hidden")
    assert c.root.is_other(shared)
    numbers = c.root.pass_("numbers")
    equal([len(numbers), numbers[1], list(numbers)], [3, 8, [7, 8, 9]])
    numbers[1] = 80
    equal(numbers[1], 80)
    equal(repr(numbers), "[7, 80, 9]")
    function = c.root.pass_("function")
    equal(function(20, b=22), 42)
    raises(ZeroDivisionError, function, 1, 0, 0)
    # And the other way: the other server calls a function of ours.
    equal(c.root.pass_on("apply", lambda x: x + 1), 42)
    local = Local()
    assert c.root.pass_on("echo", local) is local


def main():
    failed = 0
    for function in CHECKS:
        connection = connect(sys.argv[1])
        try:
            function(connection)
            print("%s ok" % function.__name__)
        except Exception as error:  # noqa: all are told
            import traceback
            traceback.print_exc()
            failed += 1
            print("%s FAIL %s: %s" % (function.__name__, type(error).__name__, error))
        finally:
            connection.close()
    print("%d passed, %d failed" % (len(CHECKS) - failed, failed))
    sys.exit(1 if failed else 0)


main()
