"""The client of the measurements on stock RPyC: bench_caller.py ADDR SERVER_PID MODE COUNT [WINDOW], as bench_client.

Its own modes are attr (obj.method(x), with the attribute fetched for each call), attr_nodelay (the same, connected with
TCP_NODELAY), and iterate, buffiter, copy and
buffcopy (a list of COUNT integers, or a dict of COUNT lists, fetched once, plainly or with RPyC's buffiter).
"""
import collections
import random
import sys
import time

import rpyc
from rpyc.utils.helpers import buffiter

BULK = 1 << 20


def emit(group, part, value, unit):
    print("%s.%s\t%.7g\t%s" % (group, part, value, unit), flush=True)


def cpu_us(pid):
    """User and system time of a process; 0 is this one."""
    if not pid:
        return time.process_time_ns() * 1e-3
    # MAKE_PROCESS_CPUCLOCK of the kernel: what clock_getcpuclockid(3) gives
    return time.clock_gettime_ns((~pid << 3) | 2) * 1e-3


class Mark:
    """What both processes have used up to now."""

    def __init__(self, server):
        self.server = server
        self.client_us, self.server_us = cpu_us(0), cpu_us(server) if server else 0
        self.start = time.perf_counter_ns()

    def end(self, group, count):
        ns = time.perf_counter_ns() - self.start
        client, server = cpu_us(0) - self.client_us, cpu_us(self.server) - self.server_us if self.server else 0
        emit(group, "rate", count * 1e9 / ns, "calls/s")
        emit(group, "cpu", (client + server) / count, "us/call")
        emit(group, "cpu_client", client / count, "us/call")
        emit(group, "cpu_server", server / count, "us/call")


def expect(got, wanted):
    if got != wanted:
        sys.exit("wrong answer: %r" % (got,))


def latency(group, call, count, server, warm):
    for i in range(warm):
        expect(call(i), i)
    times, mark = [], Mark(server)
    last = time.perf_counter_ns()
    for i in range(count):
        expect(call(i), i)
        now = time.perf_counter_ns()
        times.append(now - last)
        last = now
    mark.end(group, count)
    times.sort()
    emit(group, "mean", sum(times) / count * 1e-3, "us")
    emit(group, "p50", times[count // 2] * 1e-3, "us")
    emit(group, "p99", times[count * 99 // 100] * 1e-3, "us")


def bulk(group, call, count, server):
    for _ in range(count // 10 + 3):
        expect(call(), BULK)
    start = time.perf_counter_ns()
    for _ in range(count):
        expect(call(), BULK)
    emit(group, "rate", count * 1e9 / (time.perf_counter_ns() - start), "MiB/s")


def pipe(call, count, window):
    results = collections.deque()
    sent = got = 0
    while got < count:
        if len(results) <= window // 2:
            while sent < count and len(results) < window:
                results.append(call(sent))
                sent += 1
        expect(results.popleft().value, got)
        got += 1


def plain(remote):
    return list(remote)


def buffered(remote):
    return list(buffiter(remote))


def iterate(root, count, fetch):
    expect(fetch(root.numbers(count)), list(range(count)))


def copy(root, count, fetch):
    remote = root.table(count)
    expect({key: fetch(remote[key]) for key in fetch(remote)},
           {i: list(range(i * 10, i * 10 + 10)) for i in range(count)})


def main():
    addr, server, mode, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    kind, _, place = addr.partition(":")
    if kind == "unix":
        conn = rpyc.utils.factory.unix_connect(place)
    elif mode == "attr_nodelay":
        conn = rpyc.connect_stream(rpyc.SocketStream.connect("127.0.0.1", int(place), nodelay=True))
    else:
        conn = rpyc.connect("127.0.0.1", int(place))
    root = conn.root
    if mode == "lat":
        latency("lat", root.echo, count, server, max(count // 10, 200))          # the method, fetched once
    elif mode in ("attr", "attr_nodelay"):
        latency(mode, lambda x: root.echo(x), count, server, 5)                  # fetched for each call
    elif mode == "cb":
        callback = root.callback
        latency("cb", lambda x: callback(lambda y: y, x), count, server, max(count // 10, 100))
    elif mode == "pipe":
        window, call = int(sys.argv[5]), rpyc.async_(root.echo)
        pipe(call, count // 10 + 200, window)
        mark = Mark(server)
        pipe(call, count, window)
        mark.end("pipe%d" % window, count)
    elif mode == "bulk":
        data, blob, sink = random.Random(1).randbytes(BULK), root.blob, root.sink
        bulk("bulk_echo", lambda: len(blob(data)), count, server)
        bulk("bulk_send", lambda: sink(data), count, server)
    elif mode in ("iterate", "copy"):
        (iterate if mode == "iterate" else copy)(root, count, plain)
    elif mode in ("buffiter", "buffcopy"):
        (iterate if mode == "buffiter" else copy)(root, count, buffered)
    else:
        sys.exit("there is no mode " + mode)
    conn.close()


main()
