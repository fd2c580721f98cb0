"""Takes of a server's memory what it gets: a peer meets MemoryError, others go on, and all of it comes back.
Arguments: host:port, the server's max_total_memory in bytes."""
import gc
import sys
import time

import rpyc

PASSED = FAILED = 0
MIB = 1 << 20
HOST, PORT = sys.argv[1].rsplit(":", 1)
TOTAL = int(sys.argv[2])


def check(what, good, told=""):
    global PASSED, FAILED
    PASSED, FAILED = PASSED + bool(good), FAILED + (not good)
    if not good:
        print("not so:", what, told)


def until_refused(what, function, most):
    """How often it goes well before a MemoryError."""
    for count in range(most):
        try:
            function()
        except MemoryError:
            check(what, True)
            return count
        except Exception as error:
            check(what, False, "%s: %s" % (type(error).__name__, str(error).splitlines()[:1]))
            return count
    check(what + " is refused", False, most)
    return most


def connect():
    return rpyc.connect(HOST, int(PORT), config={"sync_request_timeout": 60})


def used(other):
    """Bytes in use, once what was released has arrived."""
    gc.collect()
    seen = other.root.used()
    for _ in range(50):
        time.sleep(0.02)
        last, seen = seen, other.root.used()
        if last == seen:
            break
    return seen


def held(share):
    """Does the server hold about this part of its budget, and no more?"""
    now = used(quiet) - before
    check("what is held", now < TOTAL * share * 1.15 + 2 * MIB, "%d of %d" % (now, TOTAL))
    return now


def honest(connection):
    """A peer that takes little is served."""
    small = connection.root.list()
    small.extend(range(100))
    check("others go on", connection.root.echo(b"x" * 2000) == b"x" * 2000 and small[99] == 99)


quiet = connect()
conn = connect()
honest(conn)
before = used(quiet)
piece = TOTAL // 64

# Values that are kept in lists and dicts.
numbers, table = conn.root.list(), conn.root.dict()
count = until_refused("bytes in a list", lambda: numbers.append(bytes(piece)), 64)
check("it got its share", 20 <= count <= 33, count)
check("they are there", len(numbers) == count)
check("it is half", held(0.5) > TOTAL * 0.3)
honest(quiet)
numbers.clear()
count = until_refused("after it was emptied", lambda: numbers.append((None,) * (piece // 40)), 64)
check("it got its share again", 10 <= count <= 33, count)
numbers.clear()
keys = iter(range(1 << 30))
until_refused("values in a dict", lambda: table.__setitem__(next(keys), bytes(piece)), 64)
check("what is set again is not counted twice", table.clear() is None)
for _ in range(40):
    table["key" * 1000] = bytes(piece)
table.clear()

# What operations make.
numbers.extend(range(1000))
for what, operation in (("a product", lambda: numbers.__mul__(TOTAL // 40000)), ("in place", lambda: numbers.__imul__(TOTAL // 40000)),
                        ("reflected", lambda: numbers.__rmul__(TOTAL // 40000))):
    check(what, until_refused(what, operation, 1) == 0)
check("it is as it was", len(numbers) == 1000)
kept = []
half = TOTAL // 40000 // 8
until_refused("sums", lambda: kept.append(numbers.__mul__(half).__add__(numbers)), 20)
held(0.5)
del kept[:]
until_refused("copies", lambda: kept.append(numbers.__mul__(half)[1:]), 20)
honest(quiet)
del kept[:]
numbers.clear()
until_refused("lists in a list", lambda: numbers.append(conn.root.list()) or numbers.extend(numbers.__mul__(3)), 40)
numbers.clear()
check("a text of it", True)

# Objects that it holds: a method is another object each time.
methods = []
until_refused("methods", lambda: methods.append(numbers.append), 65000)
check("as many as there is room for", len(methods) >= TOTAL // 2 // 320 // 2, len(methods))
held(0.5)
honest(quiet)
del methods[:]

# A second one has its share beside the first.
second = connect()
first, other = conn.root.list(), second.root.list()
until_refused("the first", lambda: first.append(bytes(piece)), 64)
count = until_refused("the second", lambda: other.append(bytes(piece)), 64)
check("the second got a share", 8 <= count <= 20, count)
held(0.75)
honest(quiet)

# It all comes back, also where a connection just ends.
conn._channel.close()
second.close()
del first, other, numbers, table
conn = connect()
after = used(quiet)
check("memory is back", abs(after - before) <= before * 0.1 + 65536, "%d before, %d after" % (before, after))
again = conn.root.list()
count = until_refused("and can be taken again", lambda: again.append(bytes(piece)), 64)
check("as much as before", 20 <= count <= 33, count)
conn.root.stop()
print("%d passed, %d failed" % (PASSED, FAILED))
sys.exit(FAILED != 0)
