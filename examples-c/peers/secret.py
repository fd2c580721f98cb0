"""Authentication by a shared secret for stock RPyC, the other side of rpyc_config_set_secret().

    server:  rpyc.ThreadedServer(Service, port=18861, authenticator=secret.Authenticator(key)).start()
    client:  connection = secret.connect("localhost", 18861, key)
"""
import hashlib
import hmac
import os

import rpyc
from rpyc.utils.authenticators import AuthenticationError

HELLO = b"\0\0\0\x28\0RPYCSEC1"


def receive(sock, size):
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise AuthenticationError("the peer ended the stream")
        data += part
    return data


def receive_hello(sock):
    hello = receive(sock, 46)
    if hello[:13] != HELLO or hello[45:] != b"\n":
        raise AuthenticationError("the peer does not authenticate itself by a secret")
    return hello[13:45]


def proof(key, side, client, server):
    return hmac.new(key, b"RPYCSEC1 " + side + client + server, hashlib.sha256).digest()


class Authenticator:
    """The authenticator of a server."""

    def __init__(self, key, timeout=10):
        self.key, self.timeout = key, timeout

    def __call__(self, sock):
        sock.settimeout(self.timeout)
        client, server = receive_hello(sock), os.urandom(32)
        sock.sendall(HELLO + server + b"\n")
        if not hmac.compare_digest(receive(sock, 32), proof(self.key, b"client", client, server)):
            raise AuthenticationError("the client has another secret")
        sock.sendall(proof(self.key, b"server", client, server))
        sock.settimeout(None)
        return sock, {"authentication": "secret"}


def authenticate(sock, key, timeout=10):
    """The client's part, on a connected socket."""
    sock.settimeout(timeout)
    client = os.urandom(32)
    sock.sendall(HELLO + client + b"\n")
    server = receive_hello(sock)
    if server == client:
        raise AuthenticationError("the peer reflects our challenge")
    sock.sendall(proof(key, b"client", client, server))
    if not hmac.compare_digest(receive(sock, 32), proof(key, b"server", client, server)):
        raise AuthenticationError("the server has another secret")
    sock.settimeout(None)


def connect(host, port, key, service=rpyc.VoidService, config={}):
    stream = rpyc.SocketStream.connect(host, port)
    try:
        authenticate(stream.sock, key)
    except BaseException:
        stream.close()
        raise
    return rpyc.connect_stream(stream, service, config)
