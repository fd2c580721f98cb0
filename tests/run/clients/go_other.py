"""The server whose objects a Go program passes on to its own clients."""
import sys

import rpyc
from rpyc.utils.server import ThreadedServer


class Item(object):
    exposed_label = "shared"
    hidden = "no"

    def exposed_get(self):
        return self.exposed_label


class Other(rpyc.Service):
    ITEM = Item()
    NUMBERS = [7, 8, 9]

    def exposed_shared(self):
        return self.ITEM

    def exposed_numbers(self):
        return self.NUMBERS

    def exposed_function(self):
        def function(a, b, by=1):
            return (a + b) // by
        return function

    def exposed_apply(self, function):
        return function(41)

    def exposed_echo(self, value):
        return value


server = ThreadedServer(Other, hostname="127.0.0.1", port=0)
server.listener.listen()  # which start() does later
print("listening tcp://127.0.0.1:%d" % server.port)
sys.stdout.flush()
server.start()
