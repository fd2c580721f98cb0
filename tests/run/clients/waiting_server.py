"""The other side of tests/c_border/waiting.c and its siblings: answers late, calls back, counts."""
import threading
import time

import rpyc
from rpyc.utils.server import ThreadedServer

calls = []
opened = {}


def gate(name):
    return opened.setdefault(name, threading.Event())


class WaitingService(rpyc.Service):
    def exposed_echo(self, value):
        return value

    def exposed_slow(self, seconds, value=None):
        calls.append("slow")
        time.sleep(seconds)
        return value

    def exposed_hold(self, name, value=None):
        """Answers when the gate is opened, over another connection."""
        calls.append("hold")
        gate(name).wait(60)
        return value

    def exposed_open(self, name):
        gate(name).set()

    def exposed_call(self, func, *args):
        return func(*args)

    def exposed_call_and_tell(self, func, *args):
        try:
            return repr(func(*args))
        except BaseException as error:
            return type(error).__name__

    def exposed_numbers(self):
        return [1, 2, 3]

    def exposed_calls(self):
        return len(calls)


if __name__ == "__main__":
    server = ThreadedServer(WaitingService, hostname="127.0.0.1", port=0, protocol_config={"sync_request_timeout": None})
    server._listen()
    server.listener.listen()  # as start() will, which may come later than the client
    print("PORT %d" % server.port, flush=True)
    server.start()
