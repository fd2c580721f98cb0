"""The other side of tests/c_border/stress.c: calls back as deep as it is asked, in the connection's one thread."""
import sys
import threading
import time

import rpyc
from rpyc.utils.server import ThreadedServer

# The calls of all threads of the peer nest in each other here.
sys.setrecursionlimit(1000000)
threading.stack_size(1 << 30)


class StressService(rpyc.Service):
    def exposed_bounce(self, levels, token, func):
        return token if levels == 0 else func(levels - 1, token, self.exposed_bounce) + 1

    def exposed_echo(self, value):
        return value

    def exposed_sleepy(self, value, milliseconds):
        time.sleep(milliseconds / 1000)
        return value


server = ThreadedServer(StressService, hostname="127.0.0.1", port=0, protocol_config={"sync_request_timeout": None})
server._listen()
server.listener.listen()  # as start() will, which may come later than the client
print("PORT %d" % server.port, flush=True)
server.start()
