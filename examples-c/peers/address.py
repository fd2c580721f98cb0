"""Lets a stock RPyC script take librpyc's addresses: tcp://HOST:PORT and unix:///PATH."""
import sys

import rpyc
from rpyc.utils.server import ThreadedServer


def serve(service, **config):
    """Serves at the address in argv[1] until it is terminated; the first line says where."""
    address = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:18861"
    if address.startswith("unix://"):
        server = ThreadedServer(service, socket_path=address[7:], protocol_config=config)
    else:
        host, _, port = address[6:].rpartition(":")
        server = ThreadedServer(service, hostname=host.strip("[]"), ipv6="[" in host, port=int(port),
                                protocol_config=config)
        address = "tcp://%s:%d" % (host, server.port)
    server._listen()
    print("listening " + address, flush=True)
    server.start()


def connect(service=rpyc.VoidService, **config):
    """Connects to the address in argv[1]."""
    address = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:18861"
    if address.startswith("unix://"):
        return rpyc.utils.factory.unix_connect(address[7:], service=service, config=config)
    host, _, port = address[6:].rpartition(":")
    return rpyc.connect(host.strip("[]"), int(port), ipv6="[" in host, service=service, config=config)
