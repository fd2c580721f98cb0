"""nesting_releases_client.py ADDRESS: gets long chains of objects from tests/c_border/nesting_releases.c and gives them back; all of
their links end, and the connection lives on. Counts what it checks."""
import gc
import sys
import threading
import time

from rpyc.utils.factory import connect

LENGTH = 20000
passed = failed = 0


def check(good, what):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print("not so:", what, flush=True)


def main():
    host, port = sys.argv[1][6:].rsplit(":", 1)
    conn = connect(host, int(port), config={"sync_request_timeout": None})
    root = conn.root
    calls = 0

    def called():
        nonlocal calls
        calls += 1

    root.ask(called)
    for kind, length, ends in (("handles", LENGTH, LENGTH), ("calls", LENGTH, LENGTH), ("mixed", LENGTH, LENGTH), ("lists", LENGTH, 1),
                               ("single", 3000, 3000)):
        before = root.ended()
        head = root.chain(kind, length)
        check(root.ended() == before, "%s: the peer holds them" % kind)
        del head
        gc.collect()
        # Destructors that ask this side wait meanwhile; none of these questions is refused.
        until = time.monotonic() + 60
        while root.ended() - before < ends and time.monotonic() < until:
            conn.poll(0.01)
        check(root.ended() - before == ends, "%s: %d of %d have ended" % (kind, root.ended() - before, ends))
    while root.asked() < 3000 and time.monotonic() < until:
        conn.poll(0.01)
    check((calls, root.asked()) == (3000, 3000), "%d calls of destructors, %d were answered" % (calls, root.asked()))
    conn.close()


sys.setrecursionlimit(100000)
threading.stack_size(512 << 20)
thread = threading.Thread(target=main)
thread.start()
thread.join()
print("%d passed, %d failed" % (passed, failed))
sys.exit(bool(failed or not passed))
