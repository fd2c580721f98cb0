"""Calls tests/c_border/batch_peer --serve: batch_client.py PORT. Its method runs a batch of calls of a function of ours."""
import sys

import rpyc

conn = rpyc.connect("127.0.0.1", int(sys.argv[1]))
seen = []


def func(n):
    seen.append(n)
    if n == 7:
        conn.root  # asks for something in the middle of the burst
        raise KeyError(n)
    return n + conn.root.run(lambda k: k, 3) if n == 5 else n


total = conn.root.run(func, 100)
# One raised, and one asked for a batch within: 0 + 1 + 2 more.
assert total == sum(range(100)) - 7 + 1000000 + 3, total
assert sorted(seen) == list(range(100)), seen
print("good")
