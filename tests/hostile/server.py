"""A hostile server: for each connection one kind of request is answered with one lie, and all others as an honest server would.

    server.py [--slow SECONDS] [--names COUNT] [--shm PATH]

Prints "listening ADDRESS", then serves until its standard input ends. --slow answers each request that late, --names gives the
root as many names."""
import os
import socket
import struct
import sys
import threading
import time
import zlib

sys.dont_write_bytecode = True
sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from hostile.natives import OFFER, WRONG
from hostile.rings import RingSocket
from hostile.wire import (BUFFITER, CALL, CALLATTR, CLOSE, CMP, CTXEXIT, DEL, DELATTR, DIR, EXCEPTION, GETATTR, GETROOT, HASH, INSPECT,
                          INSTANCECHECK, PATIENCE, PICKLE, PING, REPLY, REPR, REQUEST, SETATTR, STR, Closed, Hang, Peer, Raw, by_value, dump, frame,
                          items, made, message, mine, nested, no_attribute, opened, yours)

ROOT = ("honest.Service", 1 << 45, (1 << 45) + 1)
METHODS = tuple((name, None) for name in (
    "__call__", "__iter__", "__next__", "__len__", "__bool__", "__getitem__", "__setitem__", "__delitem__", "__contains__", "__enter__",
    "__exit__", "__int__", "__float__", "__index__", "__str__", "__bytes__", "__eq__", "__lt__", "__hash__", "work"))
STOP = "the end of an iteration"                      # in the place of a box
AGREED = by_value((*OFFER, "agreed"))


# ---------------------------------------------------------------- an honest answer
def honest(peer, handler, args):
    """The box of the answer to a request; raises Closed at CLOSE."""
    if handler == PING:
        return by_value(args[0])
    if handler in (GETROOT,):
        return mine(ROOT)
    if handler == INSPECT:
        return by_value(METHODS)
    if handler in (STR, REPR):
        return by_value("honest")
    if handler == HASH:
        return by_value(12345)
    if handler == DIR:
        return by_value(("work", "x", *("name%d" % n for n in range(peer.names))))
    if handler == CMP:
        return by_value(True)
    if handler == BUFFITER:
        peer.given = not getattr(peer, "given", False)
        return by_value((1, 2, 3) if peer.given else ())
    if handler == GETATTR:
        return mine(made("builtins.method")) if args[1] in ("eval", "execute", "getmodule", "work") else by_value(7)
    if handler == CALLATTR:
        if args[1] == "__next__":
            peer.items = getattr(peer, "items", 0) + 1
            return by_value(1) if peer.items % 4 else STOP
        return called(args)
    if handler == CALL:
        return by_value(3)
    return by_value(False if handler in (CTXEXIT, INSTANCECHECK) else None)


def called(args):
    name = args[1]
    if name in ("__len__", "__int__", "__index__", "__hash__"):
        return by_value(3)
    if name in ("__iter__", "__enter__", "getmodule"):
        return mine(made("builtins.generator" if name == "__iter__" else "honest.Thing"))
    return by_value({"__float__": 1.5, "__str__": "s", "__bytes__": b"s", "__bool__": True, "__contains__": True}.get(name, 5))


# ---------------------------------------------------------------- lies
def reply(box):
    return lambda peer, seq, honest: peer.say(REPLY, seq, box)


def raises(body):
    return lambda peer, seq, honest: peer.say(EXCEPTION, seq, body)


def sends(make):
    def lie(peer, seq, honest):
        peer.send(make(peer, seq, honest))
        raise Closed("garbage was sent")
    return lie


def payload(body):
    return sends(lambda peer, seq, honest: frame(body))


def twice(peer, seq, honest):
    for box in (honest, honest, by_value(None), items(mine(made()))):
        peer.say(REPLY, seq, box)
    peer.say(EXCEPTION, seq, no_attribute())


def others_first(peer, seq, honest):
    for wrong in (seq + 1, seq + 1000, -1, 1 << 64, None, "x", (), True):
        peer.say(REPLY, wrong, items(mine(made()), by_value(1)))
        peer.say(EXCEPTION, wrong, no_attribute())
    peer.say(REPLY, seq, honest)


def floods_with_pings(peer, seq, honest):
    peer.send(b"".join(frame(message(REQUEST, 50000 + n, (PING, by_value(("x" * 50,))), peer.dialect)) for n in range(3000)))
    peer.say(REPLY, seq, honest)


def asks_first(peer, seq, honest):
    """Questions, forged ones too, before it answers."""
    unknown = yours(("x.Y", 1, 2))
    for n, (handler, box) in enumerate((
            (GETROOT, by_value(())), (INSPECT, by_value((ROOT,))), (DEL, items(unknown, by_value(1 << 40))), (CALL, items(unknown)),
            (99, by_value(())), (PING, items(mine(made()))), (GETATTR, items(by_value(1), by_value("x"))), (PICKLE, items(unknown, by_value(4))),
            (REPR, items(mine(ROOT))), (PING, (77, 1)), (BUFFITER, items(unknown, by_value(-1))), (PING, by_value((1, 2, 3))))):
        peer.say(REQUEST, 70000 + n, (handler, box))
    peer.say(REPLY, seq, honest)


def is_silent(peer, seq, honest):
    time.sleep(0.7)
    raise Closed("silent")


def leaves(peer, seq, honest):
    peer.reset()
    raise Closed("left")


def closes(peer, seq, honest):
    peer.say(REQUEST, 1, (CLOSE, by_value(())))
    raise Closed("closed")


def changes_dialect(peer, seq, honest):
    peer.say(REPLY, seq, honest, dialect=5 if peer.dialect == 6 else 6)


def bomb(peer, seq, honest):
    block = zlib.compressobj(9, wbits=-15)
    block = block.compress(bytes(1 << 20)) + block.flush(zlib.Z_FULL_FLUSH)
    peer.send(frame(b"\x78\x9c" + block * 300, 1))
    raise Closed("bombed")


LIES = [
    *(reply(by_value(value)) for value in (
        None, True, 5, -1, 10 ** 400, 2.5, float("nan"), 1j, "text", "x" * 70000, b"", b"bytes" * 1000, (), (1,), ((("a",),),),
        tuple(range(20000)), (("a", 1, 2),), ((1, None),), (None,), (b"\xff",), slice(1, None), frozenset((1, 2)), NotImplemented, Ellipsis,
        "\x1b[31m\nforged", ("librpyc", 1, 3, "agreed"), ("librpyc",), ("librpyc", 0, -1, "agreed"), ("librpyc", 1 << 70, 1 << 70, "agreed"))),
    *(reply(box) for box in (
        (9, 1), None, 1, (), (1,), (1, 2, 3), items(), items(by_value(1), (9, 9)), yours(("x", 1, 2)), yours(ROOT), yours((1, 2, 3)), mine(()),
        mine(("x", 1)), mine((1, 2, 3)), mine(("", 0, 0)), mine(("x" * 50000, 1, 2)), mine(("\x1b[2J\nx.y", 10 ** 300, -(10 ** 300))),
        items(*[mine(made()) for _ in range(200)]), items(items(items(mine(made())))))),
    *((lambda peer, seq, honest, name=name: peer.say(REPLY, seq, mine(made(name)))) for name in (
        "builtins.list", "builtins.dict", "builtins.set", "numpy.ndarray", "numpy.float64", "array.array", "builtins.bytes", "builtins.memoryview",
        "builtins.type", "builtins.int", "builtins.str", "builtins.generator", "builtins.function", "builtins.module", "pandas.core.frame.DataFrame")),
    lambda peer, seq, honest: peer.say(REPLY, seq, mine(("builtins.type", 1 << 50, 0))),
    *(raises(body) for body in (
        1, 0, None, "text", (), (1, 2, 3, 4), (("builtins", "ValueError"), ("x",), (), ""), (("builtins", "AttributeError"), ("x",), (), None),
        (("builtins", "StopIteration"), (), (), ""), (("builtins", "StopAsyncIteration"), (), (), ""), (("builtins", "SystemExit"), (0,), (), ""),
        (("builtins", "KeyboardInterrupt"), (), (), ""), (("os", "system"), ("echo executed",), (), ""), (("\n", "\x1b"), ("\r",), (("\n", 1),), "\x1b"),
        (("builtins", "RecursionError"), (), (), ""), (("builtins", "UnicodeDecodeError"), (1, 2), (), ""), (("", ""), (), (), ""),
        (("m", "n"), tuple(range(5000)), tuple(("a%d" % n, n) for n in range(5000)), "t" * 50000), ((1, 2), 3, 4, 5))),
    twice, others_first, floods_with_pings, asks_first, is_silent, leaves, closes, changes_dialect,
    payload(b"\x07"), payload(b"\x02"), payload(b"\x02\x11\x50"), payload(b"\xff" * 100), payload(b"\x12"), payload(b"HTTP/1.1 400 Bad Request"),
    payload(b"\x02" + nested(b"\x10", 100000)), payload(b"\x02\x11\x50" + b"\x11\x52\x10" * 100000 + dump(by_value(None))),
    payload(b"\x03" + nested(b"\x19", 100000)),
    sends(lambda peer, seq, honest: struct.pack("!LB", 0xffffffff, 0) + b"\x02\x11"),
    sends(lambda peer, seq, honest: struct.pack("!LB", 0xffffffff, 1) + b"\x78\x9c"),
    sends(lambda peer, seq, honest: frame(message(REPLY, seq, honest, peer.dialect))[:-4]),
    sends(lambda peer, seq, honest: frame(b"not zlib", 1)),
    sends(lambda peer, seq, honest: b"HTTP/1.0 400 Bad Request\r\n\r\n"), sends(lambda peer, seq, honest: os.urandom(500)),
    *(lambda peer, seq, honest, n=n: peer.say(REPLY, seq, Raw(dump(honest)[:n])) for n in (0, 1, 2)),
    *(reply((5, content)) for content in WRONG[::2]),
    bomb,
]
ASKED = (GETROOT, PING, CALLATTR, GETATTR, CALL, STR, REPR, HASH, DIR, INSPECT, CMP, BUFFITER, INSTANCECHECK, CTXEXIT, SETATTR, DELATTR, PICKLE,
         DEL, CLOSE)
PLANS = [(handler, lie) for lie in LIES for handler in ASKED]


class Liar(Peer):
    """Serves one connection."""

    def __init__(self, sock, plan, slow, names):
        super().__init__(sock)
        (self.handler, self.lie), self.slow, self.names, self.lies = plan, slow, names, 0

    def serve(self, seq, handler, box):
        handler = handler[0] if isinstance(handler, tuple) else handler      # a native one, with its deadline
        args = opened(box)
        if self.slow:
            time.sleep(self.slow)
        answer = honest(self, handler, args) if handler != CLOSE else by_value(None)
        if handler == PING and args and isinstance(args[0], tuple) and args[0][:1] == ("librpyc",):
            answer = AGREED                          # it says that it is native, whatever it then sends
        # References in answers to DEL make more DELs: without an end that would be all that happens.
        self.lies += handler == self.handler
        if handler == self.handler and (handler != DEL or self.lies < 20):
            return self.lie(self, seq, by_value(None) if answer == STOP else answer)
        if handler == CLOSE:
            raise Closed("CLOSE")
        return self.say(EXCEPTION, seq, 1) if answer == STOP else self.say(REPLY, seq, answer)

    def take(self, seq, handler, box):
        self.serve(seq, handler, box)

    def run(self):
        with self:
            try:
                self.fill(6, time.monotonic() + 10)
                self.dialect = 6 if self.buffer[5] in (1, 2, 3) else 5
                while True:
                    kind, seq, body = self.receive(10)
                    if kind == REQUEST:
                        self.take(seq, *body)
            except (Closed, Hang, OSError, ValueError, IndexError, TypeError, KeyError, struct.error):
                pass                                 # also what it does not understand itself


def main():
    options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
    slow, names, only = float(options.get("--slow", 0)), int(options.get("--names", 0)), options.get("--plan")
    step, path = int(options.get("--step", 1)), options.get("--shm")
    if path:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(100)
        print("listening shm://" + path, flush=True)
    else:
        listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        print("listening tcp://127.0.0.1:%d" % listener.getsockname()[1], flush=True)
    print("plans %d" % len(PLANS), flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    number = 0 if only in (None, "honest") else int(only)
    while True:
        sock = listener.accept()[0]
        sock = RingSocket(sock, PATIENCE) if path else sock
        plan = (None, None) if only == "honest" else PLANS[number % len(PLANS)]
        number += step if only is None else 0
        # One at a time would do, but for clients that connect twice to find the dialect out.
        threading.Thread(target=Liar(sock, plan, slow, names).run, daemon=True).start()


if __name__ == "__main__":
    main()
