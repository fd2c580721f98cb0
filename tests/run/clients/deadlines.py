#!/usr/bin/env python3
"""deadlines.py tcp://HOST:PORT: a C server that offers the native dialect hears nothing of how long a stock client waits."""
import sys

import rpyc


def main():
    host, _, port = sys.argv[1][len("tcp://"):].rpartition(":")
    conn = rpyc.connect(host, int(port), config={"sync_request_timeout": 600})
    left = conn.root.left
    checks = {
        "a method": conn.root.left() == -1,
        "a bound method": left() == -1,
        "a property": conn.root.limit == -1,
        "one that is not quick": conn.root.note() == -1,
        "async_": rpyc.async_(left)().value == -1,
        "timed": rpyc.timed(left, 600)().value == -1,
    }
    for name, good in checks.items():
        if not good:
            print("not so: " + name)
    failed = sum(not good for good in checks.values())
    print("%d passed, %d failed" % (len(checks) - failed, failed))
    conn.close()
    return failed > 0


sys.exit(main())
