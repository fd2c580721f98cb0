"""Connects several times to a C service whose hooks run in its own thread: queue_hooks_client.py ADDRESS."""
import re
import sys

import rpyc

host, port = re.fullmatch(r"tcp://(.*):(\d+)", sys.argv[1]).groups()
CALLS, VISITS = 3, 4

passed = failed = 0


def check(good, what):
    global passed, failed
    passed += bool(good)
    failed += not good
    if not good:
        print("not so:", what, file=sys.stderr)


for number in range(VISITS):
    conn = rpyc.connect(host, int(port))
    for _ in range(CALLS):
        check(conn.root.call() == 0, "everything has run in the program's own thread")
    if number % 2:
        conn.close()
    else:
        try:
            conn.root.leave()
        except EOFError:
            check(True, "the call ended the connection")
conn = rpyc.connect(host, int(port))
conn.root.call()
order = conn.root.stop()
# An end may be told behind the next beginning, never within a call.
check(order.startswith("CN" + "AE" * (CALLS + 1)), order)
check(order.count("C") == order.count("N") == VISITS + 1 and order.count("AE") == order.count("A"), order)
check(order.count("LD") == order.count("D") >= VISITS - 1, order)
print("%d passed, %d failed" % (passed, failed))
