#!/usr/bin/env python3
"""bridge_owner.py open|strict: a server whose objects C lends on. Prints its address; ends with its stdin."""
import sys
import threading

import rpyc
from rpyc.utils.server import ThreadedServer

OPEN = {"allow_all_attrs": True, "allow_setattr": True, "allow_delattr": True}


class Thing:
    def __init__(self):
        self.public = "public"
        self.exposed_value = 1
        self._private = "private"

    def exposed_hello(self, name, greeting="hello"):
        return "%s %s" % (greeting, name)

    def plain(self):
        return "plain"

    def __len__(self):
        return 7

    def __getitem__(self, key):
        return key * 2

    def __enter__(self):
        return 3

    def __exit__(self, *_exc):
        return None


class Owner(rpyc.Service):
    def exposed_thing(self):
        return Thing()


def main():
    server = ThreadedServer(Owner, hostname="127.0.0.1", port=0, protocol_config=OPEN if sys.argv[1] == "open" else {})
    threading.Thread(target=server.start, daemon=True).start()
    server.listener.listen()  # as start() will, which may come later than the client
    print("PORT %d" % server.port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
