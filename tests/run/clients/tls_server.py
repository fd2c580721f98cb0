"""A stock server behind TLS: tls_server.py CERT KEY [CA]; with a CA, clients must have a certificate of it."""
import sys

import rpyc
from rpyc.utils.authenticators import SSLAuthenticator
from rpyc.utils.server import ThreadedServer


class Calculator(rpyc.Service):
    def exposed_add(self, a, b):
        return a + b

    def exposed_echo(self, value):
        return value

    def exposed_apply(self, function, *args):
        return function(*args)

    def exposed_cut(self):
        """Ends the stream in the middle of a message, without a close_notify."""
        channel = self.conn._channel
        channel.stream.sock.sendall(b"\0\0\0\x40\0half of a message")
        channel.stream.sock.shutdown(2)

    def on_connect(self, conn):
        self.conn = conn


certificate, key = sys.argv[1:3]
authenticator = SSLAuthenticator(key, certificate, ca_certs=sys.argv[3] if len(sys.argv) > 3 else None)
server = ThreadedServer(Calculator, hostname="127.0.0.1", port=0, authenticator=authenticator)
server.listener.listen()  # as start() will, which may come later than the client
print("PORT", server.port, flush=True)
server.start()
