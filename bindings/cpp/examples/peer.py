"""The Python side of the C++ examples.

    peer.py                     serves client, callbacks, async and coroutines; prints "listening ADDRESS"; ends with its stdin
    peer.py tcp://HOST:PORT     uses the server of server.cpp
"""
import re
import sys
import threading
import time

import rpyc
from rpyc.utils.server import ThreadedServer


class ExampleService(rpyc.Service):
    def __init__(self):
        self.exposed_stock = {"apples": 3}

    def exposed_add(self, a, b):
        return a + b

    def exposed_divide(self, a, b):
        return a / b

    def exposed_halve(self, numbers):
        return [number / 2 for number in numbers]

    def exposed_greet(self, name="stranger"):
        return "Hello, " + name

    def exposed_count_to(self, last, tell):
        for number in range(1, last + 1):
            tell(number)

    def exposed_fill(self, basket):
        basket.put("bread")
        basket.put("cheese")
        return len(basket)

    def exposed_squares(self, count):
        return (n * n for n in range(count))

    def exposed_slow(self, delay, value):
        time.sleep(delay)
        return value

    def exposed_square(self, number):
        return number ** 2


def serve():
    server = ThreadedServer(ExampleService, hostname="127.0.0.1", port=0)
    server.listener.listen()  # as start() will, which may come later than the client
    threading.Thread(target=server.start, daemon=True).start()
    print("listening tcp://127.0.0.1:%d" % server.port, flush=True)
    sys.stdin.read()


def use(address):
    host, port = re.fullmatch(r"tcp://(.+):(\d+)", address).groups()
    conn = rpyc.connect(host, int(port))
    root = conn.root
    print(root.add(40, 2), root.add(b=2, a=1))
    print(root.divide(7, b=2), list(root.halve([1, 2])))
    print(root.greet(), "/", root.greet("Ann"))
    for call in (lambda: root.add("forty", 2), lambda: root.add(1), lambda: root.divide(1, 0)):
        try:
            call()
        except Exception as error:
            print("%s: %s" % (type(error).__name__, error.args[0]))
    print(root.calls, "calls")
    conn.close()


if __name__ == "__main__":
    use(sys.argv[1]) if len(sys.argv) > 1 else serve()
