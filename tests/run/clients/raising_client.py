"""What a service's methods raise that fail inside: `raising_client.py PORT | twin`. The twin is the same service of stock RPyC."""
import socket
import sys
import threading
import time

import rpyc


class Twin(rpyc.Service):
    kept = []                                        # not an attribute: a class would bind it

    def on_connect(self, conn):
        self.conn = conn

    def exposed_keep(self, function):
        Twin.kept[:] = [function]

    def exposed_call_kept(self):
        return Twin.kept[0]()

    def exposed_kept(self):
        return Twin.kept[0]

    def exposed_dial(self, port):
        return rpyc.connect("127.0.0.1", port).closed

    def exposed_impatient(self, function):
        self.conn._config["sync_request_timeout"] = 0.2
        return function()


def twin():
    server = rpyc.ThreadedServer(Twin, hostname="127.0.0.1", port=0)
    threading.Thread(target=server.start, daemon=True).start()
    while not server.active:
        time.sleep(0.01)
    return server.port


def raised(function):
    try:
        return "nothing, but %r" % (function(),)
    except Exception as error:                       # noqa: BLE001
        number = getattr(error, "errno", None)
        return type(error).__name__ + ("" if number is None else " %d" % number)


port = twin() if sys.argv[1] == "twin" else int(sys.argv[1])
first, second = rpyc.connect("127.0.0.1", port), rpyc.connect("127.0.0.1", port)
first.root.keep(lambda: 7)
serving = rpyc.BgServingThread(first)
print("while it is there:", second.root.call_kept())
bridge = second.root.kept()
serving.stop()
first.close()
for _ in range(100):                                 # until the server has seen it
    if raised(second.root.call_kept) != "nothing, but 7":
        break
    time.sleep(0.05)
print("a callback of a client that left:", raised(second.root.call_kept))
print("its object, passed on:", raised(bridge))
with socket.socket() as nobody:
    nobody.bind(("127.0.0.1", 0))
    print("nobody listens:", raised(lambda: second.root.dial(nobody.getsockname()[1])))
print("too late:", raised(lambda: second.root.impatient(lambda: time.sleep(1))))
