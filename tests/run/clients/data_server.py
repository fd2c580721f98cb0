"""A stock service with default rules that lends containers: data_server.py; prints its port."""
import rpyc
from rpyc.utils.server import ThreadedServer


class Data(rpyc.Service):
    def exposed_nested(self):
        return {1: [2, [3, {4: (5, [6, 7])}]]}

    def exposed_wide(self):
        return [[n, None] for n in range(2000)]

    def exposed_loop(self):
        loop = {}
        loop[1] = [loop]
        return loop

    def exposed_numbers(self):
        return (n for n in range(1000))

    def exposed_heavy(self):
        text = bytes(1 << 19)
        return [[text] for n in range(400)]


server = ThreadedServer(Data, hostname="127.0.0.1", port=0)
server.listener.listen()  # as start() will, which may come later than the client
print("PORT %d" % server.port, flush=True)
server.start()
