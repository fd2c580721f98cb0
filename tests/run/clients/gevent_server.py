#!/usr/bin/env python3
"""The server of tests/peers as a GeventServer of stock RPyC: one thread, a greenlet for each connection. Until its stdin ends."""
import os
import sys

import gevent.monkey

gevent.monkey.patch_all()

import gevent.os                                        # noqa: E402

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "peers"))

import peer_server                                      # noqa: E402
from rpyc.utils.server import GeventServer              # noqa: E402


def ends():
    while gevent.os.tp_read(0, 1000):
        pass
    os._exit(0)


peer_server.ThreadedServer = GeventServer
gevent.spawn(ends)
sys.argv.append("--keep")
peer_server.main()
