"""classic_nesting.py ADDRESS: a master that has a slave call it back without end, by each way that there is. Each ends with RecursionError,
the connection lives on, and another master is served. Counts what it checks."""
import sys
import threading

import rpyc

passed = failed = 0


def check(good, what):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print("not so:", what, flush=True)


def refused(what, function, *args):
    try:
        got = function(*args)
    except RecursionError as error:
        check(True, error)
    except BaseException as error:  # whatever it is
        check(False, "%s: RecursionError, not %r" % (what, error))
    else:
        check(False, "%s: RecursionError, not %r" % (what, got))


def main():
    host, port = sys.argv[1][6:].rsplit(":", 1)

    def connect():
        conn = rpyc.classic.connect(host, int(port))
        conn._config["sync_request_timeout"] = None
        return conn

    conn = connect()
    call = conn.modules.my.call
    deepest = {}

    def without_end(what, function):
        """Calls the function, which is to have this called once more."""
        def again():
            deepest[what] = deepest.get(what, 0) + 1
            return function()
        conn.namespace["again"] = conn.namespace["importer"] = again
        refused(what, function)
        check(deepest[what] > 50, "%s: %d levels" % (what, deepest[what]))
        check(call(lambda: 7) == 7 and conn.ping() is None, "%s: the connection lives on" % what)
        other = connect()
        check(other.modules.my.call(lambda: 8) == 8, "%s: another one is served" % what)
        other.close()

    def again():
        return call(again)

    refused("one frame", call, *[call] * 3000)
    refused("a function", again)
    without_end("call", lambda: call(conn.namespace["again"]))
    without_end("eval", lambda: conn.eval("again"))
    without_end("execute", lambda: conn.execute("again"))
    without_end("getmodule", lambda: conn.root.getmodule("more"))
    # Through the slave's own objects: its eval is given to its call.
    without_end("eval by call", lambda: call(conn.root.eval, "again"))

    class Key:
        """Each look at it in the slave's dict asks for it once more."""
        def __hash__(self):
            return conn.namespace.__contains__(self)

        def __eq__(self, other):
            return self in conn.namespace

    try:
        conn.namespace[Key()] = Key()
        conn.namespace.get(Key())
    except Exception:  # whichever it is
        pass
    check(conn.ping() is None, "the connection lives on after all")
    conn.close()


sys.setrecursionlimit(100000)
threading.stack_size(512 << 20)
thread = threading.Thread(target=main)
thread.start()
thread.join()
print("%d passed, %d failed" % (passed, failed))
sys.exit(bool(failed or not passed))
