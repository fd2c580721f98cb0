"""A stock server that asks each client for its root when it connects: services_server.py; prints its port."""
import rpyc
from rpyc.utils.server import ThreadedServer


class AskingService(rpyc.Service):
    told = ""                                        # nothing yet

    def on_connect(self, conn):
        self.conn = conn
        self.told = "%s %r" % (conn.root.get_service_name(), tuple(conn.root.get_service_aliases()))

    def exposed_peer(self):
        return self.told

    def exposed_through_you(self, n):
        return self.conn.root.twice(n)


server = ThreadedServer(AskingService, hostname="127.0.0.1", port=0)
server.listener.listen()  # as start() will, which may come later than the client
print("PORT %d" % server.port, flush=True)
server.start()
