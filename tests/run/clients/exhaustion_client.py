"""Asks the server of c_border/exhaustion.c for more than its memory has room for: MemoryError, and it goes on.
Arguments: host:port."""
import os
import sys

import rpyc
from rpyc.core import consts

PASSED = FAILED = 0
MIB = 1 << 20


def check(what, good):
    global PASSED, FAILED
    PASSED, FAILED = PASSED + bool(good), FAILED + (not good)
    if not good:
        print("not so:", what)


def refused(what, function):
    try:
        function()
        check(what + " is refused", False)
    except MemoryError:
        check(what, True)
    except Exception as error:
        check("%s is a MemoryError, not %s: %s" % (what, type(error).__name__, str(error).splitlines()[:1]), False)


host, port = sys.argv[1].rsplit(":", 1)
conn = rpyc.connect(host, int(port), config={"sync_request_timeout": 60})
root = conn.root
second = rpyc.connect(host, int(port))
numbers, other = root.list(), second.root
numbers.append(1)
noise = os.urandom(24 * MIB)
conn._channel.compress = False
check("well", root.size(noise) == len(noise))
held = root.list()
held.append(noise[:12 * MIB])
root.short(8)
for turn in range(2):
    # Where zlib would only take time.
    conn._channel.compress = False
    refused("a message", lambda: root.size(noise))
    conn._channel.compress = True
    refused("a message that inflates", lambda: root.size(bytes(24 * MIB)))
    refused("a tuple", lambda: root.size((None,) * (MIB // 4)))
    refused("bytes that are made there", lambda: root.made(6 * MIB))
    refused("a tuple that is made there", lambda: root.made(3 * MIB, True))
    refused("a list that is repeated", lambda: numbers.__mul__(1 << 19))
    refused("one in place", lambda: numbers.__imul__(1 << 19))
    refused("one that is extended", lambda: numbers.extend((None,) * (MIB // 4)))
    refused("a pickle", lambda: conn.sync_request(consts.HANDLE_PICKLE, held, 4))
    check("it is as it was", root.size(b"12345") == 5 and len(numbers) < 1 << 20)
    numbers.clear()
    numbers.append(1)
    check("another", other.size(b"123") == 3)
root.short(0)
conn._channel.compress = False
check("afterwards", root.size(noise) == len(noise) and len(numbers * (1 << 19)) == 1 << 19)
check("a pickle afterwards", len(conn.sync_request(consts.HANDLE_PICKLE, held, 4)) > 12 * MIB)
root.stop()
conn.close()
second.close()
print("%d passed, %d failed" % (PASSED, FAILED))
sys.exit(FAILED != 0)
