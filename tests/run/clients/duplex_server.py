"""A stock ClassicService, whose clients are driven too: duplex_server.py; prints its port."""
from rpyc.core.service import ClassicService
from rpyc.utils.server import ThreadedServer


class Duplex(ClassicService):
    def on_connect(self, conn):
        super().on_connect(conn)
        self.namespace["master"] = conn


server = ThreadedServer(Duplex, hostname="127.0.0.1", port=0)
server.listener.listen()  # as start() will, which may come later than the client
print("PORT %d" % server.port, flush=True)
server.start()
