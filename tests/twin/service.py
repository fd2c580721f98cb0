"""The stock service of the twin, as service.c has it: it serves until its standard input ends, and prints "PORT n"."""
import builtins
import os
import sys
import threading
import time

sys.dont_write_bytecode = True

import rpyc
from rpyc.core.netref import BaseNetref
from rpyc.utils.server import ThreadedServer

import things
from things import held

RULES = {
    "strict": {"allow_public_attrs": False, "allow_setattr": False, "allow_delattr": False, "allow_pickle": False},
    "public": {"allow_public_attrs": True, "allow_setattr": True, "allow_delattr": True, "allow_pickle": False},
    "pickle": {"allow_public_attrs": True, "allow_setattr": True, "allow_delattr": True, "allow_pickle": True},
}


def own_name(value, name):
    """Code of C reaches members of its own objects without the prefix, by names that are texts."""
    if type(name) is not str:
        raise TypeError("a name is a str")
    return "exposed_" + name if not isinstance(value, BaseNetref) and hasattr(value, "exposed_" + name) else name


class TwinService(rpyc.Service):
    def __init__(self):
        self._kept = {}

    def on_connect(self, connection):
        self._connection = connection

    def exposed_rules(self, name):
        self._connection._config.update(RULES[name])

    def exposed_make(self, kind, *args):
        return things.make(kind, *args)

    def exposed_echo(self, value):
        return value

    def exposed_mix(self, a, b=2, *rest, c=3, **named):
        return a, b, rest, c, tuple(sorted(named.items()))

    def exposed_strict(self, a, /, b, *, c):
        return a, b, c

    def exposed_fail(self, name, *args):
        own_name(self, name)
        raise getattr(builtins, name)(*args)

    def exposed_keep(self, key, value):
        self._kept[key] = value

    def exposed_kept(self, key):
        return self._kept[key]

    def exposed_drop(self, key):
        del self._kept[key]

    def exposed_invoke(self, key, *args, **kwargs):
        return held(self._kept[key])(*args, **kwargs)

    def exposed_call(self, function, *args, **kwargs):
        return held(function)(*args, **kwargs)

    def exposed_attempt(self, function, *args):
        held(function)
        try:
            return "returned", function(*args)
        except Exception as error:
            return "raised", type(error).__name__, tuple(error.args)

    def exposed_each(self, function, items):
        held(function)
        made = []
        made.extend(items)
        return tuple(function(item) for item in made)

    def exposed_method(self, value, name, *args):
        return getattr(held(value), own_name(value, name))(*args)

    def exposed_get(self, value, name):
        return getattr(held(value), own_name(value, name))

    def exposed_put(self, value, name, new):
        setattr(held(value), own_name(value, name), new)

    def exposed_remove(self, value, name):
        delattr(held(value), own_name(value, name))

    def exposed_len(self, value):
        return len(held(value))

    def exposed_item(self, value, key):
        return held(value)[key]

    def exposed_store(self, value, key, new):
        held(value)[key] = new

    def exposed_delete(self, value, key):
        del held(value)[key]

    def exposed_has(self, value, key):
        return key in held(value)

    def exposed_iterate(self, value):
        return tuple(iter(held(value)))

    def exposed_show(self, value):
        return repr(held(value))

    def exposed_text(self, value):
        return str(held(value))

    def exposed_hash(self, value):
        return hash(held(value))

    def exposed_truth(self, value):
        return bool(held(value))

    def exposed_equal(self, value, other):
        return bool(held(value) == other)

    def exposed_same(self, value, other):
        return held(value) is other

    def exposed_within(self, value, function, *args):
        held(function)
        with held(value) as entered:
            function(entered, *args)
        return "after"


def main():
    TwinService.__module__ = "service"
    server = ThreadedServer(TwinService, port=0, hostname="127.0.0.1", protocol_config=RULES["public"])
    threading.Thread(target=server.start, daemon=True).start()
    while not server.active:
        time.sleep(.01)
    print("PORT %d" % server.port, flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
