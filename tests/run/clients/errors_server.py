"""A stock server with which things go wrong: errors_server.py; prints its port."""
import os
import time

import rpyc
from rpyc.utils.server import ThreadedServer


class Troubles(rpyc.Service):
    secret = 1

    def exposed_add(self, a, b):
        time.sleep(8)
        return a + b

    def exposed_vanish(self):
        os._exit(0)


server = ThreadedServer(Troubles, hostname="127.0.0.1", port=0)
server.listener.listen()  # as start() will, which may come later than the client
print("PORT %d" % server.port, flush=True)
server.start()
