"""A server whose method calls what it is given, with itself as the argument. Prints its port."""
import sys
import threading

import rpyc
from rpyc.utils.server import ThreadedServer


class Bouncing(rpyc.Service):
    def exposed_bounce(self, function):
        return function(self.exposed_bounce)

    def exposed_echo(self, *values):
        return values


sys.setrecursionlimit(100000)
threading.stack_size(256 << 20)
server = ThreadedServer(Bouncing, hostname="127.0.0.1", port=0)
print("PORT %d" % server.port, flush=True)
server.start()
