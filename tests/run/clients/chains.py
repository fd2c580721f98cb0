#!/usr/bin/env python3
"""chains.py owner [ADDRESS] | middle OWNER [ADDRESS] | user MIDDLE PID-OF-OWNER PID-OF-MIDDLE [quick]: what goes wrong between two programs with
a third between.

Servers print "listening ADDRESS" and end with their stdin. The user prints a line of JSON: the answer to each question."""
import gc
import json
import os
import re
import signal
import sys
import threading
import time

import rpyc
from rpyc.utils.server import ThreadedServer

CONFIG = {"allow_public_attrs": True, "sync_request_timeout": 60}
LARGE = 300 << 20
live, kept, seen = {}, [], []


class Refused(Exception):
    """One that only the owner knows."""


Refused.__module__ = "bank"


def refuse(code=7):
    error = Refused("no", code)
    error.code, error.text = code, "é\n"
    raise error


class Counted:
    """Counts what is held of it."""

    def __init__(self, name):
        self.name = name
        live[name] = live.get(name, 0) + 1

    def __del__(self):
        live[self.name] -= 1

    def refuse(self, code):
        refuse(code)


class Context(Counted):
    def __enter__(self):
        seen.append("enter")
        return self

    def __exit__(self, kind, value, trace):
        seen.append("exit %s" % (kind and kind.__name__))
        return kind is not None and kind.__name__ == "KeyError"


def generate(count):
    held = Counted("generator")
    try:
        for n in range(count):
            if n == 50:
                refuse(n)
            yield n
    finally:
        seen.append("finally")
        del held


def nested(function, depth):
    return depth if depth == 0 else function(lambda: nested(function, depth - 1))


class Owner(rpyc.Service):
    def exposed_ask(self, what, *args):
        return getattr(self, what)(*args)

    def refuse(self, code):
        refuse(code)

    def counted(self):
        return Counted("object")

    def generator(self, count):
        return generate(count)

    def context(self):
        return Context("context")

    def keep(self, function):
        kept.append(function)

    def call_kept(self, number):
        try:
            return "%s" % kept[number](5)
        except Exception as error:
            return type(error).__name__

    def call(self, function, *args):
        return function(*args)

    def catch(self, function):
        try:
            return function()
        except ValueError as error:
            return "caught %s %s" % (error.args, getattr(error, "code", None))

    def objects(self):
        gc.collect()
        return live.get("object", 0)

    def seen(self):
        taken = tuple(seen)
        del seen[:]
        return taken

    def make(self, size):
        return bytes(size)

    def noise(self, size):
        return os.urandom(size)

    def size(self, data):
        return len(data)

    def negative(self, number):
        return -number

    def doze(self, seconds):
        time.sleep(seconds)
        return seconds

    def nap(self, seconds):
        time.sleep(seconds)
        return "slept"


class Middle(rpyc.Service):
    owner = None

    def exposed_ask(self, *args):
        return self.owner.root.ask(*args)


def serve(service, address=None):
    where = {"socket_path": path_of(address)} if address else {"hostname": "127.0.0.1", "port": 0}
    server = ThreadedServer(service, protocol_config=CONFIG, **where)
    server.listener.listen()
    print("listening %s" % (address or "tcp://127.0.0.1:%d" % server.port), flush=True)
    threading.Thread(target=server.start, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


def path_of(address):
    return re.fullmatch(r"(?:unix|shm)://(.+)", address).group(1)


def connect(address):
    if not address.startswith("tcp:"):
        return rpyc.utils.factory.unix_connect(path_of(address), config=CONFIG)
    host, port = re.fullmatch(r"tcp://(.+):(\d+)", address).groups()
    return rpyc.connect(host, int(port), config=CONFIG)


# ---------------------------------------------------------------- what the user asks
answers = {}


def told(error):
    """What is known of an exception, without the names that stock peers put before those that they do not know."""
    name = re.sub(r"rpyc\.core\.vinegar/", "", "%s.%s" % (type(error).__module__, type(error).__name__))
    return [name, [a for a in error.args if isinstance(a, (int, str))] if "bank" in name else "", getattr(error, "code", None),
            getattr(error, "text", None)]


def asks(question, function):
    try:
        answers[question] = function()
    except Exception as error:
        answers[question] = told(error)


def until(function, wanted, seconds):
    """The value of a function, as soon as it is the wanted one."""
    deadline = time.monotonic() + seconds
    while (got := function()) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    return got


def exceptions(ask):
    asks("raised by the owner", lambda: ask("refuse", 3))
    asks("raised by an object", lambda: ask("counted").refuse(4))
    asks("still asked", lambda: ask("size", b"123"))

    def wrong():
        error = ValueError("wrong", 5)
        error.code = 9
        raise error

    asks("raised by a callback", lambda: ask("call", wrong))
    asks("caught by the owner", lambda: ask("catch", wrong))
    asks("through and back", lambda: ask("call", lambda: ask("refuse", 8)))
    asks("nested", lambda: nested(lambda function: ask("call", function), 12))


def abandoned(ask, seconds):
    generator = ask("generator", 40)
    asks("begun", lambda: [next(generator) for _ in range(3)])
    del generator
    generator = ask("generator", 60)
    asks("fails in the middle", lambda: [n for n in generator])
    asks("after that", lambda: next(generator, "ended"))
    del generator
    asks("closed", lambda: [next(g := ask("generator", 9)), g.close(), next(g, "ended")])
    context = ask("context")
    asks("entered", lambda: bool(context.__enter__()))
    del context
    ask("seen")
    for kind in (KeyError, ValueError):
        def within(kind=kind):
            with ask("context"):
                raise kind("x")
        asks("%s in a context" % kind.__name__, within)
        asks("seen of %s" % kind.__name__, lambda: ask("seen"))
    several = [ask("counted") for _ in range(50)]
    asks("first", lambda: several[0].name)
    del several
    asks("all is given back", lambda: until(lambda: ask("objects") <= 1, True, seconds))  # one may be in a traceback


def kept_callbacks(ask, address):
    other = connect(address)
    other.root.ask("keep", lambda n: n * 2)
    result = rpyc.async_(ask)("call_kept", 0)
    deadline = time.monotonic() + 30
    while not result.ready and time.monotonic() < deadline:
        other.serve(0.05)
    asks("called later", lambda: result.value)
    other.close()
    time.sleep(1)
    asks("called after its client has gone", lambda: ask("call_kept", 0))
    asks("asked after that", lambda: ask("size", b"12"))


def large(ask):
    asks("large request", lambda: ask("size", bytes(LARGE)))
    asks("after it", lambda: ask("size", b"1"))
    asks("large reply", lambda: len(ask("make", LARGE)))
    asks("after the reply", lambda: ask("size", b"1"))


def killed(ask, owner, middle):
    thing = ask("counted")
    napping = rpyc.async_(ask)("nap", 60)
    time.sleep(0.5)
    os.kill(owner, signal.SIGKILL)
    asks("a call in the middle of it", lambda: napping.value)
    asks("an object of the dead", lambda: thing.refuse(1))
    asks("the dead", lambda: ask("size", b"1"))
    os.kill(middle, signal.SIGKILL)
    asks("without the middle", lambda: ask("size", b"1"))
    asks("an object without the middle", lambda: thing.refuse(1))


def main(kind, *args):
    if kind == "owner":
        serve(Owner, *args)
    if kind == "middle":
        Middle.owner = connect(args[0])
        rpyc.utils.helpers.BgServingThread(Middle.owner)
        serve(Middle, *args[1:])
    address, owner, process, *quick = args
    ask = connect(address).root.ask
    exceptions(ask)
    abandoned(ask, 0 if quick else 20)
    kept_callbacks(ask, address)
    if os.environ.get("LARGE"):
        large(ask)
    killed(ask, int(owner), int(process))
    print(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
