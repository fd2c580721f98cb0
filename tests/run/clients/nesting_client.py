"""nesting_client.py ADDRESS [--others-only [LEAST]]: has the methods `call` and `echo` of a server nest without end, in itself and
with this side, and counts what it checks; --others-only: its `call` takes only functions of others; LEAST: levels that there are at
least, 50. Each nesting ends with RecursionError, and server and connection live on."""
import sys
import threading

from rpyc.utils.factory import connect

passed = failed = 0


def check(good, what):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print("not so:", what, flush=True)


def refused(call, *args):
    try:
        got = call(*args)
    except RecursionError as error:
        check(True, error)
    except BaseException as error:  # whatever it is
        check(False, "RecursionError, not %r" % error)
    else:
        check(False, "RecursionError, not %r" % (got,))


def open_connection(address):
    host, port = address[6:].rsplit(":", 1)
    return connect(host, int(port), config={"sync_request_timeout": None})


def main():
    conn = open_connection(sys.argv[1])
    root = conn.root
    call = root.call
    deepest = 0

    def again():
        nonlocal deepest
        deepest += 1
        return call(again)

    def alive():
        check(call(lambda: 7) == 7 and conn.ping() is None, "the connection lives on")

    if len(sys.argv) == 2:
        refused(call, *[call] * 3000)
        alive()
    refused(again)
    check(deepest >= int((sys.argv[3:] or ["50"])[0]), "%d levels" % deepest)
    alive()
    if hasattr(root, "echo"):
        value = 7
        for _ in range(90):
            value = (value,)
        check(root.echo(value) == value, "a deep value")
    other = open_connection(sys.argv[1])
    check(other.root.call(lambda: 7) == 7, "the server lives on")
    other.close()
    conn.close()


sys.setrecursionlimit(100000)
threading.stack_size(512 << 20)
thread = threading.Thread(target=main)
thread.start()
thread.join()
print("%d passed, %d failed" % (passed, failed))
sys.exit(bool(failed or not passed))
