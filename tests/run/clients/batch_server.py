"""The other side of tests/c_border/batch_peer.c: a stock server, or one that answers in odd ways.

    batch_server.py                       a stock service
    batch_server.py reversed              answers 50 calls at once, the last one first, and each twice
    batch_server.py deaf                  never reads after the root was asked for
    batch_server.py ends                  answers 10 calls and is gone
"""
import os
import socket
import sys

import rpyc
from rpyc.core import brine, consts
from rpyc.core.channel import Channel
from rpyc.core.stream import SocketStream
from rpyc.utils.server import ThreadedServer


class BatchService(rpyc.Service):
    def exposed_echo(self, value, *, plus=0):
        return value + plus

    def exposed_raise_odd(self, value):
        if value % 2:
            raise ValueError("odd", value)
        return value

    def exposed_call(self, func, value):
        """Asks the caller back before it answers."""
        return func(value)

    def exposed_long(self, value):
        return b"x" * 300000

    def exposed_die(self):
        os._exit(0)


MODERN = int(rpyc.version.version[0]) >= 6


def load(data):
    """(kind, number, (handler, arguments))"""
    return (data[0], *brine.load(data[1:])) if MODERN else brine.load(data)


def dump(kind, number, boxed):
    return bytes([kind]) + brine.dump((number, boxed)) if MODERN else brine.dump((kind, number, boxed))


def unboxed(box):
    label, value = box
    return tuple(map(unboxed, value)) if label == consts.LABEL_TUPLE else value


def odd(mode, listener):
    """Reads requests by hand."""
    channel = Channel(SocketStream(listener.accept()[0]))
    waiting = []

    def answer(number, value, label=consts.LABEL_VALUE):
        channel.send(dump(consts.MSG_REPLY, number, (label, value)))

    while True:
        _, number, (handler, args) = load(channel.recv())
        if handler == consts.HANDLE_GETROOT:
            answer(number, ("batch_server.Odd", 7, 8), consts.LABEL_REMOTE_REF)
            if mode == "deaf":
                sys.stdin.read()
                return
        elif handler == consts.HANDLE_CALLATTR:
            _, _, (value,), _ = unboxed(args)
            waiting.append((number, value))
            if mode == "ends":
                answer(number, value)
                if len(waiting) == 10:
                    return
            elif len(waiting) == 50:
                for number, value in reversed(waiting):
                    answer(number, value)
                    answer(number, value + 1000)
                waiting = []
        else:
            answer(number, None)


def main():
    if len(sys.argv) > 1:
        listener = socket.create_server(("127.0.0.1", 0))
        print("PORT %d" % listener.getsockname()[1], flush=True)
        return odd(sys.argv[1], listener)
    server = ThreadedServer(BatchService, hostname="127.0.0.1", port=0, protocol_config={"allow_public_attrs": True})
    server._listen()
    server.listener.listen()  # as start() will, which may come later than the client
    print("PORT %d" % server.port, flush=True)
    server.start()


if __name__ == "__main__":
    main()
