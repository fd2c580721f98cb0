"""Gives tests/c_border/beyond.c answers that are too large for it; prints its port."""
import os

import rpyc
from rpyc.utils.server import ThreadedServer


class Service(rpyc.Service):
    def exposed_noise(self, size):
        return os.urandom(size)

    def exposed_zeros(self, size):
        return bytes(size)

    def exposed_failing(self, size):
        raise ValueError(os.urandom(size))


if __name__ == "__main__":
    server = ThreadedServer(Service, hostname="localhost", port=0)
    print("PORT %d" % server.port, flush=True)
    server.start()
