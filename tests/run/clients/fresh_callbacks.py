#!/usr/bin/env python3
"""fresh_callbacks.py tcp://HOST:PORT ROUNDS: what a call costs that passes a new function each time, beside one that passes the same.

The function is released after each call; a release that is answered at the wrong moment makes the next call wait for
a delayed acknowledgement (44 ms). Prints "ratio N", of medians.
"""
import statistics
import sys
import time

import rpyc


def median(call, rounds):
    times = []
    for number in range(rounds):
        start = time.perf_counter()
        assert call(number) == number
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main():
    host, _, port = sys.argv[1][len("tcp://"):].rpartition(":")
    rounds = int(sys.argv[2])
    conn = rpyc.connect(host, int(port))
    call = conn.root.call
    same = lambda number: number                     # noqa: E731
    median(lambda number: call(same, number), rounds)
    plain = median(lambda number: call(same, number), rounds)
    fresh = median(lambda number: call(lambda given: given, number), rounds)
    conn.close()
    print("ratio %.2f" % (fresh / plain))


if __name__ == "__main__":
    main()
