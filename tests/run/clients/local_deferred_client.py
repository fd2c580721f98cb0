"""local_deferred_client.py ADDRESS (answered|late|left): has a service call its own method, which is answered by `settle`, or never."""
import sys

import rpyc
from rpyc.utils.factory import connect

host, port = sys.argv[1][6:].rsplit(":", 1)
conn = connect(host, int(port), config={"sync_request_timeout": None})
root = conn.root
passed = failed = 0


def check(good, what):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print("not so:", what, flush=True)


call = rpyc.async_(root.call)
pending = call(root.defer)
if sys.argv[2] == "answered":
    # The server reads on while its own call waits.
    check(root.settle(7), "the call waits")
    check(pending.value == 7, "the answer came")
    again = call(root.defer)
    check(conn.ping() is None and root.settle(1) and again.value == 1, "another waits, and is answered")
    check(not root.settle(2), "nothing is left")
elif sys.argv[2] == "late":
    try:
        check(False, "TimeoutError, not %r" % (pending.value,))
    except Exception as error:
        check("Timeout" in type(error).__name__, "TimeoutError, not %r" % error)
    check(root.settle(3), "the connection lives on")
else:
    conn.ping()
    check(True, "the server ends, though its call is never answered")
conn.close()
print("%d passed, %d failed" % (passed, failed))
sys.exit(bool(failed or not passed))
