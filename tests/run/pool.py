"""The pooled server (pool_threads): what an idle connection takes, threads, and the contract of tests/peers over it. The rules of its
threads are in tests/pool.rs, hostile and silent peers with the other kinds of servers."""
import os
import resource
import time

import interop
import silence
from runner import Inapplicable, test

POOL = ("--set", "pool_threads=2")
MOST_BYTES = 4096                                    # of an idle connection over TCP, where there are ten thousand
TABLES = 1 << 20                                     # for all together: tables and heaps, which grow in steps
MOST_THREADS = 2 + 4                                 # the pool, and: main, its signals, watcher, a thread that ends
BASE = 200                                           # connections before the first look: the allocator's and the threads' own memory


def status(server, name):
    with open("/proc/%d/status" % server.popen.pid) as lines:
        return int(next(line.split()[1] for line in lines if line.startswith(name + ":")))


def rested(server):
    """Bytes that are resident, when they do not change any more."""
    before, same = 0, 0
    while same < 4:
        time.sleep(0.5)
        now = status(server, "VmRSS")
        before, same = now, same + 1 if now == before else 0
    return before << 10


def room_for(descriptors):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < descriptors:
        raise Inapplicable("%d descriptors are needed, the limit is %d" % (descriptors, hard))
    if soft != resource.RLIM_INFINITY and soft < descriptors:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, hard))


def idle(count):
    def function(case):
        room_for(count + BASE + 200)
        server, address = interop.start_c_server(case, "tcp://127.0.0.1:0", *POOL)
        ask = silence.ping(3)

        def more(number):
            ones = [silence.connect(address) for _ in range(number)]
            for one in ones:
                one.sendall(ask)
            expected = [silence.answer(one) for one in ones]
            case.check(len(set(expected)) == 1, "the answers differ")
            return ones

        ones = more(BASE)
        before = rested(server)
        ones += more(count)
        each = (rested(server) - before) / count
        case.note("%.0f bytes for each of %d" % (each, count))
        case.check(each <= MOST_BYTES + (TABLES / count if count < 10000 else 0), "%.0f bytes for each idle connection" % each)
        case.check(status(server, "Threads") <= MOST_THREADS, "%d threads" % status(server, "Threads"))
        # All that rests is served when it speaks again, by the same few threads.
        for one in ones:
            one.sendall(ask)
        for one in ones:
            silence.answer(one)
        case.check(status(server, "Threads") <= MOST_THREADS, "%d threads" % status(server, "Threads"))
        for one in ones:
            one.close()
        interop.c_client(case, address)
        case.stop(server)
    return function


test("pool.idle-connections", 120)(idle(2000))
test("pool.ten-thousand-idle-connections", 300, long=True)(idle(10000))
for version in ("6.0.2", "5.3.1"):
    test("pool.python-client.%s" % version)(interop.c_server_python_client(version, "tcp", *POOL))
test("pool.c-client")(interop.c_server_c_client("unix", *POOL))
test("pool.c-client.shm")(interop.c_server_c_client("shm", *POOL))
