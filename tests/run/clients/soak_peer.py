"""Stock peers for the soak: the same operations as tests/soak/soak.c, as a client and as a server.

    soak_peer.py serve                        prints "PORT N"
    soak_peer.py call ADDRESS SEED COUNT      COUNT random operations, 0: until it is killed
    soak_peer.py stay ADDRESS                 a connection that stays: for "work" on standard input some operations, for "count"
                                              "holds N M": objects that the peer holds of ours, and we of the peer
"""
import gc
import random
import sys
import threading

import rpyc
from rpyc.utils.server import ThreadedServer

KEPT = 16
PUBLIC = {"allow_public_attrs": True, "sync_request_timeout": None}


class SoakService(rpyc.Service):
    def __init__(self):
        self.slots = {}

    def exposed_echo(self, x):
        return x

    def exposed_apply(self, func, x):
        return func(x)

    def exposed_keep(self, slot, func):
        self.slots[slot] = func

    def exposed_kept(self, slot, x):
        return self.slots[slot](x)

    def exposed_fail(self, text):
        raise ValueError(text)

    def exposed_numbers(self, n):
        return list(range(n))

    def exposed_total(self, numbers):
        return sum(numbers)


def serve():
    server = ThreadedServer(SoakService, hostname="127.0.0.1", port=0, protocol_config=PUBLIC)
    server._listen()
    server.listener.listen(64)
    print("PORT %d" % server.port, flush=True)
    server.start()


def adder(more):
    def add(x):
        if x < 0:
            raise ValueError("negative")
        return x + more
    return add


class Client:
    def __init__(self, address, seed):
        host, port = address.removeprefix("tcp://").rsplit(":", 1)
        self.connection = rpyc.connect(host, int(port), config=PUBLIC)
        self.root, self.draw, self.held = self.connection.root, random.Random(seed), {}

    def one(self):
        x, slot = self.draw.randrange(1000000), self.draw.randrange(KEPT)
        kind = self.draw.randrange(8)
        if kind == 0:
            sent = (b"x" * self.draw.choice((0, 1, 30, 300, 4000, 40000)), x, 0.5, "y", None)
            return self.root.echo(sent) == sent
        if kind == 1:
            return self.root.apply(adder(slot), x) == x + slot
        if kind == 2:
            return self.raises(self.root.apply, adder(0), -1)
        if kind == 3:
            self.held[slot] = x + 1
            return self.root.keep(slot, adder(x + 1)) is None
        if kind == 4:
            return slot not in self.held or self.root.kept(slot, x) == x + self.held[slot]
        if kind == 5:
            return self.raises(self.root.fail, "a failure that was asked for")
        if kind == 6:
            count = x % 300
            numbers = self.root.numbers(count)
            return len(numbers) == count and sum(numbers) == count * (count - 1) // 2
        return self.root.total(list(range(slot))) == slot * (slot - 1) // 2

    @staticmethod
    def raises(func, *args):
        try:
            func(*args)
        except ValueError:
            return True
        return False

    def several(self, count):
        done = 0
        while not count or done < count:
            if not self.one():
                sys.exit("a wrong answer")
            done += 1


def stay(address):
    client = Client(address, 1)
    for line in sys.stdin:
        if line == "work\n":
            client.several(40)
            for slot in range(KEPT):
                client.root.keep(slot, len)
                client.held.pop(slot, None)
            print("worked", flush=True)
            continue
        gc.collect()
        client.connection.ping()
        client.connection.ping()
        print("holds %d %d" % (len(client.connection._local_objects._dict), len(client.connection._proxy_cache)), flush=True)


if sys.argv[1] == "serve":
    # It ends with whoever started it.
    threading.Thread(target=serve, daemon=True).start()
    sys.stdin.read()
elif sys.argv[1] == "call":
    Client(sys.argv[2], int(sys.argv[3])).several(int(sys.argv[4]))
else:
    stay(sys.argv[2])
