#!/usr/bin/env python3
"""bytes_server.py [--plain]: a stock server whose one method gives its argument back; --plain: it never compresses.

Prints "PORT N" and ends with its standard input.
"""
import sys
import threading

import rpyc
from rpyc.core.channel import Channel
from rpyc.utils.server import ThreadedServer


class EchoService(rpyc.Service):
    def exposed_echo(self, value):
        return value


def main():
    if "--plain" in sys.argv[1:]:
        Channel.COMPRESSION_THRESHOLD = 1 << 40
    server = ThreadedServer(EchoService, hostname="127.0.0.1", port=0, logger=None)
    server.listener.listen()  # as start() will, which may come later than the client
    print("PORT %d" % server.port, flush=True)
    threading.Thread(target=server.start, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
