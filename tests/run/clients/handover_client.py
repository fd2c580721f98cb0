"""Many short clients of one server, while it is restarted: handover_client.py ADDRESS CLIENTS THREADS SERVERS. Prints a line for each
share of the clients, one share for each server, and goes on until so many servers have answered."""
import itertools
import sys
import threading
import time

import rpyc
from rpyc.core import SocketStream
from rpyc.utils.factory import connect_stream

address, clients, threads, expected = sys.argv[1], *map(int, sys.argv[2:5])
host, port = address.removeprefix("tcp://").rsplit(":", 1)
lock, numbers, deadline = threading.Lock(), itertools.count(), time.monotonic() + 150
failures, servers, done = [], set(), 0


def one(number):
    connection = rpyc.connect(host, int(port))
    try:
        for _ in range(3):
            assert connection.root.add(number, 1) == number + 1
        return connection.root.pid()
    finally:
        connection.close()


def work():
    global done
    while True:
        with lock:
            number = next(numbers)
            if number >= clients and (len(servers) >= expected or time.monotonic() > deadline):
                return
        try:
            pid = one(number)
        except Exception as e:
            failures.append("%s: %s" % (type(e).__name__, e))
            pid = None
        with lock:
            if pid and pid not in servers:
                servers.add(pid)
                print("answered", len(servers), flush=True)
            done += 1
            if done % (clients // expected) == 0:
                print("done", done, flush=True)


workers = [threading.Thread(target=work) for _ in range(threads)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print("failures", len(failures), failures[:3])
print("servers", len(servers))
