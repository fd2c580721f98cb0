"""Stands between an RPyC client and its server, and counts the messages: counting_proxy.py LISTEN_PORT SERVER_PORT.

Takes one connection; prints READY when it listens, and when the connection has ended one line of JSON with what the client
sent: requests by handler, replies, and bytes both ways. It takes frames apart with RPyC's own brine.
"""
import collections
import json
import os
import socket
import struct
import sys
import threading
import zlib

from rpyc.core import brine, consts

HANDLERS = {value: name[7:].lower() for name, value in vars(consts).items() if name.startswith("HANDLE_")}
HEADER = struct.Struct("!LB")


class Direction:
    """One direction of the connection: passes on what comes, and counts the messages in it."""

    def __init__(self, source, target):
        self.source, self.target = source, target
        self.requests, self.answers, self.bytes = collections.Counter(), 0, 0
        self.buffer = b""

    def run(self):
        while True:
            try:
                data = self.source.recv(1 << 16)
            except ConnectionResetError:
                data = b""
            if not data:
                break
            self.target.sendall(data)
            self.bytes += len(data)
            self.buffer += data
            self.take()
        try:
            self.target.shutdown(socket.SHUT_WR)
        except OSError:
            pass                                     # it has ended by itself

    def take(self):
        while len(self.buffer) >= HEADER.size:
            length, compressed = HEADER.unpack_from(self.buffer)
            end = HEADER.size + length + 1           # a newline ends the frame
            if len(self.buffer) < end:
                return
            body = self.buffer[HEADER.size:end - 1]
            self.buffer = self.buffer[end:]
            self.count(zlib.decompress(body) if compressed else body)

    def count(self, message):
        if message[0] != consts.MSG_REQUEST:
            self.answers += 1
            return
        _seq, (handler, _args) = brine.load(message[1:])
        self.requests[HANDLERS.get(handler, str(handler))] += 1


def main():
    listen, server = int(sys.argv[1]), int(sys.argv[2])
    with socket.create_server(("127.0.0.1", listen)) as listener:
        print("READY pid=%d" % os.getpid(), flush=True)
        client, _ = listener.accept()
    upstream = socket.create_connection(("127.0.0.1", server))
    for one in (client, upstream):
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    there, back = Direction(client, upstream), Direction(upstream, client)
    thread = threading.Thread(target=back.run)
    thread.start()
    there.run()
    thread.join()
    print(json.dumps({"requests": there.requests, "answers": there.answers, "asked_back": back.requests,
                      "bytes_there": there.bytes, "bytes_back": back.bytes}), flush=True)


main()
