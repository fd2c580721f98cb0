#!/usr/bin/env python3
"""reflection.py server | NATIVE STOCK: what functions, classes and objects say of themselves, asked of tests/c_border/reflection.c and of
its stock twin, which is the server."""
import inspect
import pydoc
import sys
import threading
import types

import rpyc
from rpyc.core import consts
from rpyc.utils.server import ThreadedServer

results = []
SIGNATURES = ("()", "(a)", "(a, b=2)", "(a, /, b, *, c)", "(*args, **kwargs)", "(a, b='x', *rest, c=None, **named)", "(*, only=(1, 2))")


class Base:
    """A base."""

    def hello(self, name, greeting='hi', *rest, loud=False, **more):
        """Greets."""


class Thing(Base):
    def move(self, x, y=0, /, *, fast):
        """Moves it."""

    def __len__(self):
        return 3

    @property
    def size(self):
        """How large it is."""
        return 3


Base.__module__ = Thing.__module__ = "things"
Thing.move.__module__ = "things"
sys.modules["things"] = types.ModuleType("things")


class ReflectionService(rpyc.Service):
    def exposed_base(self):
        return Base

    def exposed_thing_class(self):
        return Thing

    def exposed_thing(self):
        return Thing()

    def exposed_function(self, signature):
        space = {"__name__": "librpyc"}
        exec("def function%s:\n    'What it does.'" % signature, space)
        return space["function"]


def get(proxy, name):
    """What the peer answers, also of names that proxies have themselves."""
    conn = object.__getattribute__(proxy, "____conn__")
    return conn.sync_request(consts.HANDLE_GETATTR, proxy, name)


def names(classes):
    return [get(cls, "__name__") for cls in classes]


def questions(root):
    """What is asked, by name."""
    base, cls, thing = root.base(), root.thing_class(), root.thing()
    asked = {}
    for signature in SIGNATURES:
        function = root.function(signature)
        asked["signature " + signature] = lambda f=function: str(inspect.signature(f))
        asked["parameters " + signature] = lambda f=function: [
            (p.name, str(p.kind), p.default) for p in inspect.signature(f).parameters.values()]
        asked["help " + signature] = lambda f=function: pydoc.plain(pydoc.render_doc(f)).splitlines()[1:]
        asked["names " + signature] = lambda f=function: [get(f, name) for name in ("__name__", "__qualname__", "__doc__")]
        asked["defaults " + signature] = lambda f=function: (get(f, "__defaults__"), str(get(f, "__kwdefaults__")))
    asked["a bound method"] = lambda: str(inspect.signature(thing.hello))
    asked["another"] = lambda: str(inspect.signature(thing.move))
    asked["its function"] = lambda: str(inspect.signature(get(thing.move, "__func__")))
    asked["its object"] = lambda: get(thing.move, "__self__") == thing
    asked["its name"] = lambda: [get(thing.move, name) for name in ("__name__", "__qualname__", "__module__")]
    asked["a method of a class"] = lambda: str(inspect.signature(cls.move))
    asked["help of a method"] = lambda: pydoc.plain(pydoc.render_doc(thing.move)).splitlines()[1:]
    for what, of in (("base", base), ("class", cls)):
        asked[what + ": names"] = lambda of=of: [get(of, name) for name in ("__name__", "__qualname__", "__module__", "__doc__")]
        asked[what + ": bases"] = lambda of=of: (names(get(of, "__bases__")), names(get(of, "__mro__")))
        asked[what + ": dict"] = lambda of=of: sorted(set(get(of, "__dict__").keys()) - {"__dict__", "__weakref__"})
        asked[what + ": class"] = lambda of=of: (get(get(of, "__class__"), "__name__"), repr(of.__class__))
        asked[what + ": dir"] = lambda of=of: [name for name in ("hello", "move", "size", "__len__", "absent") if name in dir(of)]
    asked["what it has"] = lambda: type(get(cls, "__dict__")["size"]).__name__.split(".")[-1]
    asked["class of an object"] = lambda: (get(get(thing, "__class__"), "__name__"), get(thing, "__class__") == cls)
    asked["by the proxy"] = lambda: thing.__class__.__name__
    asked["module of an object"] = lambda: get(thing, "__module__")
    asked["dict of an object"] = lambda: dict(get(thing, "__dict__"))
    asked["isinstance"] = lambda: (isinstance(thing, cls), isinstance(thing, get(thing, "__class__")))
    asked["doc"] = lambda: (get(base, "__doc__"), get(thing, "__doc__"))
    asked["absent"] = lambda: [hasattr(thing, name) for name in ("__code__", "__mro__", "__func__")]
    return asked


def answer(function):
    try:
        return function()
    except Exception as e:  # pylint: disable=broad-except
        return "%s: %s" % (type(e).__name__, (str(e).splitlines() or [""])[0])


def connect(address):
    host, _, port = address.replace("tcp://", "").rpartition(":")
    return rpyc.connect(host, int(port))


def main():
    if sys.argv[1] == "server":
        server = ThreadedServer(ReflectionService, hostname="127.0.0.1", port=0, protocol_config={"allow_all_attrs": True})
        server.listener.listen()  # as start() will, which may come later than the client
        threading.Thread(target=server.start, daemon=True).start()
        print("listening tcp://127.0.0.1:%d" % server.port, flush=True)
        sys.stdin.read()
        return 0
    native, stock = (questions(connect(address).root) for address in sys.argv[1:3])
    for question, function in native.items():
        got, wanted = answer(function), answer(stock[question])
        results.append(got == wanted)
        if got != wanted:
            print("%s: %r, but a stock server says %r" % (question, got, wanted), file=sys.stderr)
    print("%d passed, %d failed" % (sum(results), len(results) - sum(results)))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
