"""A stock server with what stands for numbers, strings and bytes: numbers_server.py plain|numpy; prints its port.

What the C client makes of each object is compared with what CPython's own functions make of it here."""
import rpyc
from rpyc.utils.server import ThreadedServer

from number_things import NATIVE, THINGS, MyFloat, Slow


class Numbers(rpyc.Service):
    def exposed_count(self):
        return len(THINGS)

    def exposed_thing(self, index):
        return THINGS[index]

    def exposed_things(self, count):
        """As many numbers, all of them objects."""
        return tuple(MyFloat(n) for n in range(count))

    def exposed_slow(self):
        """A number for which 0.2 seconds are too few."""
        return Slow()

    def exposed_name(self, index):
        return repr(THINGS[index])[:60].encode("ascii", "replace").decode()

    def exposed_native(self, index, kind):
        """("value", it) or ("error", the exception's name)."""
        try:
            return "value", NATIVE[kind](THINGS[index])
        except Exception as error:
            return "error", type(error).__name__


server = ThreadedServer(Numbers, hostname="127.0.0.1", port=0)
server.listener.listen()
print("PORT %d" % server.port, flush=True)
server.start()
