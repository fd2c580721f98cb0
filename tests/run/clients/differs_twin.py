"""differs_twin.py PROGRAM: differs_peer as the server, asked the same as a stock service, and as the client of a stock server.

What docs/guide/python.md does not name as a difference must be the same; what it names, is looked at here or in other tests.
"""
import collections
import enum
import gc
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

import rpyc
from rpyc.core.netref import syncreq
from rpyc.utils.helpers import buffiter
from rpyc.utils.server import ThreadedServer, ThreadPoolServer

PROGRAM = sys.argv[1]
checks, failures = 0, 0


def check(got, want, what):
    global checks, failures
    checks += 1
    if got != want:
        failures += 1
        print("%s:\n    %r instead of\n    %r" % (what, got, want), file=sys.stderr)


class Counted:
    """An iterator that counts what it has given."""
    given = 0

    def __iter__(self):
        return self

    def __next__(self):
        Counted.given += 1
        return Counted.given - 1


class Homeless(Exception):
    __module__ = None


class ThingService(rpyc.Service):
    conn = None

    def on_connect(self, conn):
        self.conn = conn

    def exposed_back(self, value):
        return value

    def exposed_raises(self, name):
        raise getattr(__import__("builtins"), name)("text")

    def exposed_frozen(self, item):
        return frozenset([item])

    def exposed_caller(self):
        return self.conn.root.get_service_name()

    def exposed_counted(self):
        Counted.given = 0
        return Counted()

    def exposed_given(self):
        return Counted.given

    def exposed_fail(self):
        return 1 // 0

    def exposed_homeless(self):
        raise Homeless(7)


ThingService.__module__ = "nowhere"                  # no module of the client
BUILTINS = vars(__import__("builtins"))
# One ends the connection; the constructors of the others take more than a text.
NOT_RAISED = ("KeyboardInterrupt", "UnicodeDecodeError", "UnicodeEncodeError", "UnicodeTranslateError",
              "BaseExceptionGroup", "ExceptionGroup")
RAISED = sorted({kind.__name__ for kind in BUILTINS.values() if isinstance(kind, type) and issubclass(kind, BaseException)})
Pair = collections.namedtuple("Pair", "a b")
Number = enum.IntEnum("Number", "one two")
thing = object()
ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def said(conn, function):
    """What comes of it, without what is an address or a class of CPython's own."""
    try:
        return ADDRESS.sub("", repr(function(conn, conn.root)))
    except BaseException as error:
        attributes = {name: getattr(error, name, None) for name in dir(error) if not name.startswith("_")}
        for own in ("args", "with_traceback", "add_note", "refused_by", "missing_from"):
            attributes.pop(own, None)
        return "%s%r %r" % (type(error).__name__, error.args, sorted(attributes.items()))


def raised(name):
    return lambda conn, root: root.raises(name)


QUESTIONS = {
    "a lone surrogate": lambda conn, root: root.back("\ud800"),
    "after it": lambda conn, root: root.back("\U0001f600\0"),
    "an int of a subclass": lambda conn, root: root.back(Number.two) is Number.two,
    "a tuple of a subclass": lambda conn, root: type(root.back(Pair(1, 2))) is Pair,
    "an object in a tuple": lambda conn, root: root.back((thing, 1))[0] is thing,
    "an object in a frozenset": lambda conn, root: list(root.back(frozenset([thing]))) == [thing],
    "an object in a frozenset made there": lambda conn, root: (list(root.frozen(thing)) == [thing], len(root.frozen(thing))),
    "an object in a slice": lambda conn, root: root.back(slice(thing)).start is thing,
    "4300 digits": lambda conn, root: root.back(10 ** 4299) == 10 ** 4299,
    "minus zero": lambda conn, root: root.back(-0.0),
    "the name of a method as bytes": lambda conn, root: callable(conn.sync_request(4, root, b"back")),
    "a name that is an int": lambda conn, root: conn.sync_request(4, root, 5),
    "a handler that there is not": lambda conn, root: conn.sync_request(99, root),
    "CALLATTR without keywords": lambda conn, root: conn.sync_request(8, root, "back", (1,)),
    "a ping of a reference": lambda conn, root: conn.ping([1]),
    "aliases": lambda conn, root: (root.get_service_name(), root.get_service_aliases()),
    "callable": lambda conn, root: (callable(root), callable(root.back)),
    "a call": lambda conn, root: root(),
    "len": lambda conn, root: len(root),
    "iter": lambda conn, root: iter(root),
    "truth": lambda conn, root: bool(root),
    "equality": lambda conn, root: (root == 5, root != root, root == root, root.back == root.back),
    "order": lambda conn, root: root < 5,
    "an operator": lambda conn, root: root + 1,
    "a format": lambda conn, root: format(root, ">3"),
    "pickle": lambda conn, root: syncreq(root, 14, 2),
    "a missing attribute": lambda conn, root: root.nothing,
    "setting": lambda conn, root: setattr(root, "x", 1),
    "deleting": lambda conn, root: delattr(root, "back"),
    "setting on a method": lambda conn, root: setattr(root.back, "x", 1),
    "the caller's root": lambda conn, root: root.caller(),
    "the root twice": lambda conn, root: conn.root is root,
}
if int(rpyc.version.version[0]) < 5:
    del QUESTIONS["a format"]                        # __format__ is no safe attribute there
QUESTIONS.update({"raising " + name: raised(name) for name in RAISED if name not in NOT_RAISED})


for handler in range(1, 26):
    if handler not in (2, 15):                       # CLOSE, and DEL, of which nothing may be missing
        QUESTIONS["handler %d with nothing" % handler] = lambda conn, root, handler=handler: conn.sync_request(handler)
        QUESTIONS["handler %d with too much" % handler] = lambda conn, root, handler=handler: conn.sync_request(handler, root, *"abcdefg")
# What differs, and what both say.
DIFFERENCES = {
    "an address": (lambda conn, root: " at 0x" in repr(root), "True", "False"),
    "the name and the count of arguments": (
        lambda conn, root: root.back(1, 2),
        "TypeError('ThingService.exposed_back() takes 2 positional arguments but 3 were given',) []",
        "TypeError('back() takes 1 positional argument but 2 were given',) []"),
    "a name that is not known": (
        lambda conn, root: root.back(1, other=2),
        'TypeError("ThingService.exposed_back() got an unexpected keyword argument \'other\'",) []',
        'TypeError("back() got an unexpected keyword argument \'other\'",) []'),
    "arguments that are no tuple": (
        lambda conn, root: conn.sync_request(7, root.back, b"a"),
        "97", "TypeError('argument after * must be a tuple, not bytes',) []"),
    "a handler that is True": (lambda conn, root: conn.sync_request(True, "x"), "'x'", "KeyError(True,) []"),
    "a target by value": (
        lambda conn, root: conn.sync_request(9, "x"),
        '"\'x\'"', "TypeError('the target of a request must be an object that was exported over this connection',) []"),
    "a comparison that is none": (
        lambda conn, root: conn.sync_request(11, root, 1, "back"),
        "1", "AttributeError(\"type object 'ThingService' has no attribute 'back'\",) [('name', 'back'), ('obj', None)]"),
}


def stock_server(**options):
    server = ThreadedServer(ThingService, **options)
    threading.Thread(target=server.start, daemon=True).start()
    while not server.active:
        time.sleep(0.01)
    return server


def twins():
    stock = stock_server(hostname="127.0.0.1", port=0)
    native = subprocess.Popen([PROGRAM, "serve", "tcp://:0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    address = native.stdout.readline().split()[1]
    check(re.sub(r"\d+$", "", address), "tcp://127.0.0.1:", "an address without a host is loopback")
    conns = [rpyc.connect("127.0.0.1", port) for port in (stock.port, int(address.rsplit(":", 1)[1]))]
    for what, function in QUESTIONS.items():
        want, got = [said(conn, function) for conn in conns]
        check(got, want, what)
    for what, (function, stock_says, native_says) in DIFFERENCES.items():
        check([said(conn, function) for conn in conns], [stock_says, native_says], what)
    gc.collect()
    for conn in conns:
        conn.close()
    native.stdin.close()
    check((native.stdout.read().split(",")[1:], native.wait()), ([" 0 failed\n"], 0), "the end of the server")
    stock.close()


def other_client():
    stock = stock_server(hostname="127.0.0.1", port=0)
    done = subprocess.run([PROGRAM, "call", "tcp://127.0.0.1:%d" % stock.port], stdout=subprocess.PIPE, text=True)
    check((done.returncode, done.stdout.split(",")[1:]), (0, [" 0 failed\n"]), "the client")
    conn = rpyc.connect("127.0.0.1", stock.port, keepalive=7)
    fd = socket.socket(fileno=os.dup(conn.fileno()))
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE), (6, socket.TCP_KEEPIDLE), (6, socket.TCP_KEEPINTVL), (6, socket.TCP_KEEPCNT),
               (6, socket.TCP_NODELAY)]
    check([fd.getsockopt(*option) for option in options], [1, 7, 7, 5, 0], "what the stock connection has set")
    items = buffiter(conn.root.counted())
    check((next(items), conn.root.given()), (0, 10), "buffiter")
    items.close()
    fd.close()
    conn.close()
    try:
        check(conn.fileno(), None, "a descriptor after the end")
    except EOFError:
        check(conn.poll_all(), False, "poll_all after the end")
    stock.close()


def stock_alone():
    """What is said of RPyC in Python, to find out when it changes."""
    everywhere = ThreadedServer(ThingService, port=0)
    check(everywhere.host, "0.0.0.0", "hostname=None")
    everywhere.listener.close()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "s")
        first = ThreadedServer(ThingService, socket_path=path)
        first.close()
        check(os.path.exists(path), True, "the file of a socket stays")
        try:
            check(ThreadedServer(ThingService, socket_path=path), None, "it is taken")
        except OSError as error:
            check(error.strerror, "Address already in use", "it is in the way")


class PooledService(rpyc.Service):
    connecting, served, go_on = [], [], threading.Event()

    def on_connect(self, conn):
        self.connecting.append(threading.current_thread())
        if len(self.connecting) == 1:
            self.go_on.wait(60)

    def exposed_note(self):
        self.served.append(threading.current_thread())


def pool():
    """What is said of thread pools."""
    server = ThreadPoolServer(PooledService, hostname="127.0.0.1", port=0)
    check((server.nbthreads, server.request_batch_size), (20, 10), "the size of a pool")
    accepting = threading.Thread(target=server.start, daemon=True)
    accepting.start()
    while not server.active:
        time.sleep(0.01)
    conns = [rpyc.connect("127.0.0.1", server.port) for _ in range(2)]
    time.sleep(0.2)
    check(PooledService.connecting, [accepting], "a slow on_connect keeps the others waiting")
    PooledService.go_on.set()
    for conn in conns:
        conn.root.note()
    check(PooledService.connecting, [accepting] * 2, "on_connect in the thread that accepts")
    check(accepting in PooledService.served, False, "calls in threads of the pool")
    server.close()
    stays = socket.socket(fileno=os.dup(conns[1].fileno()))
    stays.settimeout(0.3)
    ended = False
    try:
        while stays.recv(100):  # answers to what was let go of
            pass
        ended = True
    except socket.timeout:
        pass
    check(ended, False, "close() leaves the streams of clients open")
    stays.close()


twins()
other_client()
pool()
stock_alone()
print("%d passed, %d failed" % (checks - failures, failures))
sys.exit(1 if failures or not checks else 0)
