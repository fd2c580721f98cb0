"""Many short clients of one server, while it is restarted: handover_client.py ADDRESS CLIENTS THREADS. Prints a line for each quarter."""
import sys
import threading

import rpyc
from rpyc.core import SocketStream
from rpyc.utils.factory import connect_stream

address, clients, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
host, port = address.removeprefix("tcp://").rsplit(":", 1)
lock, numbers = threading.Lock(), iter(range(clients))
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
            number = next(numbers, None)
        if number is None:
            return
        try:
            pid = one(number)
        except Exception as e:
            failures.append("%s: %s" % (type(e).__name__, e))
            pid = None
        with lock:
            servers.add(pid)
            done += 1
            if done % (clients // 4) == 0:
                print("done", done, flush=True)


workers = [threading.Thread(target=work) for _ in range(threads)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print("failures", len(failures), failures[:3])
print("servers", len(servers - {None}))
