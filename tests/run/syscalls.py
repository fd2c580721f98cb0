"""System calls of a synchronous call between two C programs: one to write and one to read, on each side."""
import os
import re

from border import release_server
from ports import free_port
from runner import test

SHORT, LONG = 1000, 11000                            # two runs, so that starting and ending cancel out
MOST_WRITES = 1.05                                   # a release whose call is late on a busy machine leaves by itself
MOST = 2.02                                          # a call; the rest is room for what a busy machine adds now and then


def counts(process):
    """{system call: how often} of a table that strace -c wrote."""
    rows = [line.split() for line in process.read("strace").splitlines()]
    return {row[-1]: int(row[3]) for row in rows if len(row) > 4 and re.fullmatch(r"[\d.]+", row[0]) and row[-1] != "total"}


def traced(case, args, env=None):
    return case.start([case.tool("strace"), "-f", "-c", "-o", "{files}.strace", *args], env=env)


def measure(case, transport, calls):
    """The counts of both sides for so many calls."""
    address = "tcp:%d" % free_port() if transport == "tcp" else "unix:" + os.path.join(case.folder, "s%d" % calls)
    server = traced(case, [case.program("bench_server"), address])
    ready = server.wait_for(r"^READY pid=(\d+)", case.left(30))
    client = traced(case, [case.program("bench_client"), address, ready.group(1), "lat", str(calls)], {"BENCH_NO_WARM": "1"})
    case.equal(client.wait(case.left()), 0, "exit code of bench_client")
    server.signal(15, group=True)
    case.check(server.wait(case.left(20)) is not None, "bench_server does not end")
    return counts(client), counts(server)


def per_call(short, long):
    """{system call: how often in each call}, the rare ones left out."""
    each = {name: (count - short.get(name, 0)) / (LONG - SHORT) for name, count in long.items()}
    return {name: count for name, count in each.items() if abs(count) >= 0.005}


def register(transport):
    @test("syscalls.%s" % transport, 180, alone=True)
    def two_a_call(case):
        case.tool("strace")
        case.program("bench_client")
        short, long = measure(case, transport, SHORT), measure(case, transport, LONG)
        for side, before, after in zip(("client", "server"), short, long):
            each = per_call(before, after)
            text = ", ".join("%s %.3f" % item for item in sorted(each.items()))
            case.note("%s: %s" % (side, text))
            total = sum(after.values()) - sum(before.values())
            case.check(total > LONG - SHORT, "strace saw only %d calls of the %s" % (total, side))
            case.check(total <= MOST * (LONG - SHORT), "%d calls of the %s need %d system calls: %s"
                       % (LONG - SHORT, side, total, text))


for transport in ("tcp", "unix"):
    register(transport)


def sent(table, kind):
    """How often was something sent, or another thread woken through a descriptor."""
    names = ("sendto", "sendmsg") if kind == "loop" else ("sendto", "sendmsg", "write", "writev")
    return sum(count for name, count in table.items() if name in names)


def register_releases(kind):
    @test("syscalls.releases.%s" % kind, 180, alone=True)
    def one_write_a_call(case):
        """A loop that obtains an object and frees it writes once for each call, whoever serves: the release rides along."""
        case.tool("strace")
        _server, address = release_server(case, "6.0.2")
        short, long = 200, 2200
        tables = []
        for count in (short, long):
            client = traced(case, [case.program("border/idle_release"), "calls", kind, address, str(count)])
            case.equal(client.wait(case.left()), 0, "exit code of the client")
            tables.append(counts(client))
        writes = sent(tables[1], kind) - sent(tables[0], kind)
        case.note("%.3f writes for each call" % (writes / (long - short)))
        case.check(writes >= 0.9 * (long - short), "strace saw only %d writes" % writes)
        case.check(writes <= MOST_WRITES * (long - short), "%d calls need %d writes" % (long - short, writes))


for kind in ("none", "background", "serve-all", "loop"):
    register_releases(kind)
