"""staying_server.py PORT: a stock server at a port (0: a free one) that is killed, stopped and started again. Prints "PORT N", and
"pings N" for each PING."""
import sys

import rpyc
from rpyc.utils.server import ThreadedServer

pings = 0
plain = rpyc.Connection._handle_ping


def counted(self, data):
    global pings
    pings += 1
    print("pings %d" % pings, flush=True)
    return plain(self, data)


class StayingService(rpyc.Service):
    def exposed_echo(self, value):
        return value


rpyc.Connection._handle_ping = counted
server = ThreadedServer(StayingService, hostname="127.0.0.1", port=int(sys.argv[1]), logger=None)
server.listener.listen()  # as start() will, which may come later than the client
print("PORT %d" % server.port, flush=True)
server.start()
