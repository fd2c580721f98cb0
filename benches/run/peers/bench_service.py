"""The service of the measurements on stock RPyC: bench_service.py ADDR, as bench_server."""
import os
import sys

import rpyc
from rpyc.utils.server import ThreadedServer


class Bench(rpyc.Service):
    def exposed_echo(self, x):
        return x

    def exposed_blob(self, data):
        return data

    def exposed_sink(self, data):
        return len(data)

    def exposed_callback(self, func, x):
        return func(x)

    def exposed_numbers(self, count):
        return list(range(count))

    def exposed_table(self, count):
        return {i: list(range(i * 10, i * 10 + 10)) for i in range(count)}


def main():
    kind, _, place = sys.argv[1].partition(":")
    if kind == "tcp":
        server = ThreadedServer(Bench, hostname="127.0.0.1", port=int(place))
    else:
        server = ThreadedServer(Bench, socket_path=place)
    server._listen()                                 # so that READY is true when it is printed
    print("READY pid=%d" % os.getpid(), flush=True)
    server.start()


main()
