"""A stock server for bindings/cpp/tests/calling.cpp. It prints "PORT <number>"."""
import threading
import time

import rpyc
from rpyc.utils.server import ThreadedServer


class Item:
    def __init__(self, label):
        self.exposed_label = label
        self.entries = {}
        self.exposed_state = "new"

    def __str__(self):
        return "item " + self.exposed_label

    def __repr__(self):
        return "<item>"

    def __len__(self):
        return len(self.entries)

    def __getitem__(self, key):
        return self.entries[key]

    def __setitem__(self, key, value):
        self.entries[key] = value

    def __delitem__(self, key):
        del self.entries[key]

    def __contains__(self, key):
        return key in self.entries

    def __iter__(self):
        return iter(list(self.entries))

    def __lt__(self, other):
        return len(self.entries) < other

    def __enter__(self):
        self.exposed_state = "entered"
        return self

    def __exit__(self, kind, error, traceback):
        self.exposed_state = "left" if kind is None else "left with an error"
        return True

    def exposed_state_now(self):
        return self.exposed_state


class Service(rpyc.Service):
    def __init__(self):
        self.gates = {}

    def exposed_make(self, label):
        return Item(label)

    def exposed_item_class(self):
        return Item

    def exposed_list_class(self):
        return list

    def gate(self, name):
        return self.gates.setdefault(name, threading.Event())

    def exposed_slow(self, seconds, value):
        time.sleep(seconds)
        return value

    def exposed_call_me(self, function, times):
        """Calls from a thread of its own, when nobody waits for the server."""
        def run():
            for number in range(times):
                function(number)
        threading.Thread(target=run, daemon=True).start()

    def exposed_call_now(self, function, *args):
        return function(*args)

    def exposed_blob(self, size):
        return bytes(range(256)) * (size // 256)

    def exposed_text(self):
        return "no bytes"

    def exposed_give(self, view):
        """What a client's restricted view lets pass."""
        told = []
        for use in ("view.balance", "view.pay(5)", "view.secret", "setattr(view, 'owner', 'me')", "setattr(view, 'balance', 0)"):
            try:
                told.append(repr(eval(use, {"view": view})))
            except AttributeError:
                told.append("refused")
        return tuple(told)

    def exposed_change(self, items, table):
        """Changes a list and a dict of the client's as its own."""
        items.append("from Python")
        items[0] = 10
        del items[1]
        items.extend([7])
        table["python"] = len(items)
        del table["old"]
        return items[0], "new" in table, sum(1 for _ in table)

    def exposed_take(self, numbers, count):
        taken = [next(numbers) for _ in range(count)]
        return tuple(taken), tuple(numbers)

    def exposed_talk(self, generator):
        first = next(generator)
        return (first, generator.send("a"), generator.send("b"))

    def exposed_lines(self, file):
        with file as opened:
            first = opened.readline()
            return first, tuple(opened)


if __name__ == "__main__":
    config = {"allow_setattr": True, "allow_delattr": True, "allow_public_attrs": True}
    server = ThreadedServer(Service, hostname="127.0.0.1", port=0, protocol_config=config)
    server.listener.listen()  # as start() will, which may come later than the client
    print("PORT %d" % server.port, flush=True)
    server.start()
