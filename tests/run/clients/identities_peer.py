#!/usr/bin/env python3
"""tests/c_border/identities.c as stock RPyC: identities_peer.py server NAME | middle OWNER [OTHER] | hall.

`hall` keeps what clients register. Prints "listening ADDRESS", and ends with its stdin.
"""
import sys
import threading
import types

import rpyc
from rpyc.utils.server import ThreadedServer

NAME = sys.argv[-1]
owners, members = [], []


class Base:
    def exposed_name(self):
        return NAME


class Derived(Base):
    pass


# As peers know them; __main__ would be another module there.
Base.__module__ = Derived.__module__ = "identities"
sys.modules["identities"] = types.ModuleType("identities")
sys.modules["identities"].Base, sys.modules["identities"].Derived = Base, Derived
KLASSES = {"Base": Base, "Derived": Derived, "list": list, "dict": dict, "object": object}
kept = Base()


class IdentityService(rpyc.Service):
    def exposed_thing(self, name):
        return owners[0].thing(name) if owners else kept if name == "kept" else KLASSES[name]()

    def exposed_thing_of_other(self, name):
        return owners[1].thing(name)

    def exposed_klass(self, name):
        return owners[0].klass(name) if owners else KLASSES[name]

    def exposed_klass_of_other(self, name):
        return owners[1].klass(name)

    def exposed_own_list(self):
        return [1]

    def exposed_check_instance(self, thing, klass):
        return isinstance(thing, klass)

    def exposed_ask_owner(self, thing, klass):
        return owners[0].check_instance(thing, klass)

    def exposed_names(self, one, other):
        return one.name(), other.name()

    def exposed_register(self, function):
        members.append(function)

    def exposed_members(self):
        return tuple(members)


def connect(address):
    host, _, port = address.replace("tcp://", "").rpartition(":")
    return rpyc.connect(host, int(port))


def main():
    if sys.argv[1] == "middle":
        owners.extend(connect(address).root for address in (sys.argv[2], sys.argv[-1]))
    server = ThreadedServer(IdentityService, hostname="127.0.0.1", port=0)
    server.listener.listen()  # as start() will, which may come later than the client
    threading.Thread(target=server.start, daemon=True).start()
    print("listening tcp://127.0.0.1:%d" % server.port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
