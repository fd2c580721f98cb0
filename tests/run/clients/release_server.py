"""release_server.py: makes objects whose end it counts, keeps callbacks of its clients, and drops these later."""
import threading
import time
import weakref

import rpyc
from rpyc.utils.server import ThreadedServer

ended = 0
kept = []


class Thing:
    def exposed_number(self):
        return 7


def count():
    global ended
    ended += 1


class Service(rpyc.Service):
    def exposed_make(self):
        thing = Thing()
        weakref.finalize(thing, count)
        return thing

    def exposed_ended(self):
        return ended

    def exposed_keep(self, callback):
        kept.append(callback)

    def exposed_drop(self, seconds):
        """Drops the callbacks when this call has been answered for a while."""
        def later():
            time.sleep(seconds)
            kept.clear()
        threading.Thread(target=later, daemon=True).start()


server = ThreadedServer(Service, port=0, hostname="127.0.0.1")
print("PORT %d" % server.port, flush=True)
server.start()
