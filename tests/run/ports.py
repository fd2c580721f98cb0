"""A TCP port of this host for a server that a test starts later."""
import random
import socket

# Below the ports that connections get, so that none of another test takes it before the server does.
FIRST, LAST = 15000, 32000


def free_port():
    while True:
        port = random.randrange(FIRST, LAST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass
