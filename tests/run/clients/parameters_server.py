"""The twin of tests/c_border/parameters_server.c, of stock RPyC: parameters_server.py [NAME=TEXT...]; prints its port."""
import builtins
import sys
import time
import types

import rpyc
from rpyc.utils.server import ThreadedServer

shop = types.ModuleType("shop")
sys.modules["shop"] = shop


class SoldOut(Exception):
    pass


SoldOut.__module__ = "shop"
SoldOut.__qualname__ = "SoldOut"
shop.SoldOut = SoldOut
NOTES = []


class Thing:
    public, exposed_shown, _private, x_tag = 1, 2, 3, 9

    def __init__(self):
        self.public = 1

    def __len__(self):
        return 5

    def exposed_twice(self, n):
        return 2 * n


thing = Thing()


class Parameters(rpyc.Service):
    def on_connect(self, conn):
        self.conn = conn

    def exposed_thing(self):
        return thing

    def exposed_cls(self):
        return Thing

    def exposed_public(self):
        return thing.__dict__.get("public", -1)

    def exposed_raise_it(self, name, arg):
        module, _, name = name.rpartition(".")
        raise getattr(sys.modules[module or "builtins"], name)(arg)

    def exposed_raise_with(self, name, args):
        raise getattr(builtins, name)(*args)

    def exposed_list(self):
        return [1, 2, 3]

    def exposed_credentials(self):
        return self.conn._config["credentials"]

    def exposed_endpoints(self):
        return tuple("%s:%d" % end[:2] for end in self.conn._config["endpoints"])

    def exposed_option(self, name):
        return str(self.conn._config[name])

    def exposed_call_back(self, function):
        return function(21)

    # For the client in C.
    def exposed_sleep(self, seconds):
        time.sleep(seconds)
        return "awake"

    def exposed_note(self, text):
        NOTES.append(text)

    def exposed_notes(self):
        return " ".join(NOTES)

    def exposed_stop(self):
        sys.stdout.flush()
        server.close()


CONFIG = {}
for option in sys.argv[1:]:
    name, text = option.split("=", 1)
    CONFIG[name] = set(text.split()) if name == "safe_attrs" else {"true": True, "false": False}.get(text, text)
credentials = CONFIG.pop("credentials", None)
authenticator = (lambda sock: (sock, credentials)) if credentials else None
server = ThreadedServer(Parameters, hostname="127.0.0.1", port=0, protocol_config=CONFIG, authenticator=authenticator)
server.listener.listen()  # as start() will, which may come later than the client
print("PORT %d" % server.port, flush=True)
server.start()
