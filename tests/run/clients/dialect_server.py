#!/usr/bin/env python3
"""Stock servers of every kind, for clients that find out what they speak: dialect_server.py KIND [options]; prints the port
and what happens to it."""
import argparse
import logging
import os
import sys
import threading
import time

import rpyc
from rpyc.utils import server

options = argparse.ArgumentParser()
options.add_argument("kind", help="ThreadedServer, ThreadPoolServer, ForkingServer, OneShotServer, stdio")
options.add_argument("--port", type=int, default=0)
options.add_argument("--unix")
options.add_argument("--slow", type=float, default=0, help="seconds that on_connect takes")
options.add_argument("--calls-back", action="store_true", help="on_connect asks the client")
options = options.parse_args()


def say(text):
    # The standard output may be the protocol's.
    os.write(2 if options.kind == "stdio" else 1, (text + "\n").encode())


class Log(logging.Handler):
    def emit(self, record):
        if record.exc_info:
            say("TRACEBACK %r" % record.exc_info[1])


class Service(rpyc.Service):
    def on_connect(self, conn):
        say("CONNECTED")
        time.sleep(options.slow)
        if options.calls_back:
            say("CALLED BACK " + conn.root.whoami())

    def on_disconnect(self, conn):
        say("DISCONNECTED")

    def exposed_add(self, a, b):
        return a + b


class Sibling(server.ThreadedServer if options.kind == "stdio" else getattr(server, options.kind)):
    def _listen(self):
        super()._listen()
        # Not all versions know the port before, nor listen after they have said so.
        say("PORT %s" % self.port)


logging.getLogger().addHandler(Log())
logging.getLogger().setLevel(logging.DEBUG)
threading.excepthook = lambda failed: say("THREAD ENDED BY %r" % failed.exc_value)
if options.kind == "stdio":
    say("STARTED")
    rpyc.utils.factory.connect_stdpipes(Service).serve_all()
    sys.exit()
where = {"socket_path": options.unix} if options.unix else {"hostname": "127.0.0.1", "port": options.port}
Sibling(Service, **where).start()
say("ENDED")
