#!/usr/bin/env python3
"""long_handler.py tcp://HOST:PORT: writes 20 MB to an interop server while a call of this connection runs for 12 s there.

A stock client closes the connection when a write makes no progress for 3 s, so the server has to read all the while.
"""
import hashlib
import os
import sys

import rpyc

SECONDS, SIZE = 12, 20 * 1000 * 1000


def main():
    host, _, port = sys.argv[1][len("tcp://"):].rpartition(":")
    conn = rpyc.connect(host, int(port), config={"sync_request_timeout": 60})
    slow, digest = rpyc.async_(conn.root.slow), rpyc.async_(conn.root.digest)
    data = os.urandom(SIZE)                          # does not compress
    late = slow(SECONDS, "late")
    hashed = digest(data)                            # returns when all of it is written
    late.set_expiry(60)
    hashed.set_expiry(60)
    good = late.value == "late" and hashed.value == hashlib.sha256(data).hexdigest() and not conn.closed
    good = good and conn.root.add(1, 2) == 3
    conn.close()
    print("%d passed, %d failed" % (good, not good))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
