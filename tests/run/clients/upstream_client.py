"""The client's half of what RPyC's own tests check, against tests/c_border/upstream: upstream_client.py ADDRESS PART."""
import gc
import os
import subprocess
import sys
import threading
import time

import rpyc
from rpyc.utils.factory import connect_subproc

ADDRESS, PART = sys.argv[1:3]
HOST, PORT = ADDRESS[len("tcp://"):].rsplit(":", 1) if ADDRESS.startswith("tcp") else ("", 0)
checks = failures = 0


def check(good, what):
    global checks, failures
    checks += 1
    if not good:
        failures += 1
        print("not so: %s" % (what,))


def raises(kind, function, *args):
    try:
        result = function(*args)
    except kind as error:
        check(True, "")
        return error
    check(False, "%s is raised, not %r given" % (kind.__name__, result))


def connect(**config):
    return rpyc.connect(HOST, int(PORT), config=config)


def until(question, what):
    for _ in range(600):
        if question():
            break
        time.sleep(.05)
    check(question(), what)


def restricted(conn):
    one = conn.root.get_one()
    check(one.foo() == "foo" and one.bar() == "bar" and one.__add__("bar") == "foobar", "the names of the list")
    check(one._privy() == "privy" and one.exposed_foobar() == "Fee Fie Foe Foo", "private names too")
    raises(AttributeError, lambda: one.spam)
    raises(AttributeError, lambda: one.nothing)


def attr_access(conn, rule):
    restricted(conn)
    if rule == "no-exposed":
        raises(AttributeError, lambda: conn.root.Thing())
        return
    thing = conn.root.Thing()
    check(thing.foobar() == "Fee Fie Foe Foo" and thing.exposed_foobar() == "Fee Fie Foe Foo", "exposed, with and without prefix")
    if rule == "no-safe":
        raises(AttributeError, lambda: thing + "bar")
    else:
        check(thing + "bar" == "foobar", "a safe operator")
    for name, rules in (("foo", ("all", "public")), ("bar", ("all", "public")), ("spam", ("all", "public")), ("_privy", ("all",))):
        if rule in rules:
            check(getattr(thing, name)() == name.lstrip("_"), "%s is allowed" % name)
        else:
            raises(AttributeError, getattr, thing, name)
    if rule == "all":
        check(thing.__add__("bar") == "foobar", "an operator by its name")


def no_exposed(_):
    # Nothing of the service can be reached by its own name; quit is called as it is written.
    conn = connect()
    error = raises(AttributeError, lambda: conn.root.get_one())
    check("cannot access" in str(error), "the denial says so: %s" % error)
    raises(AttributeError, lambda: conn.root.exposed_get_one())


def custom_service(conn):
    root = conn.root
    check(root.get_service_name() == "UPSTREAM" and tuple(root.get_service_aliases()) == ("UPSTREAM",), "name and aliases")
    check(root.connections() == (1, 0), "on_connect ran")
    second = connect()
    check(second.root.connections() == (2, 0), "for each connection")
    second.close()
    until(lambda: root.connections() == (2, 1), "on_disconnect ran")
    check(root.distance((2, 7), (5, 11)) == 7 and root.exposed_distance((0, 0), (1.5, 0)) == 1.5, "tuples of numbers")
    for name in ("distance", "exposed_distance", "getlist", "exposed_getlist"):
        check(callable(getattr(root, name)), "%s is there" % name)
    raises(AttributeError, lambda: root.foobar())
    raises(AttributeError, setattr, root, "new", 1)
    check([n * 2 for n in root.getlist()] == [2, 4, 6], "iteration over a remote list")
    check(root.getlist() == root.getlist() and len(root.getlist() * 2) == 6, "its operators")


def context_managers(conn):
    with_this = conn.root.context(3)
    with with_this as value:
        check(value == 20 and with_this.seen() == (1, 0, 0), "entered, and not left")
    check(with_this.seen() == (1, 0, 1), "left without an error")

    class Mine(Exception):
        pass

    with_this = conn.root.context(4)

    def use():
        with with_this as value:
            check(value == 21 and with_this.seen() == (1, 0, 0), "entered")
            raise Mine()

    raises(Mine, use)
    check(with_this.seen() == (1, 1, 1), "left with an error, which is not swallowed")


def remote_exception(conn, denied):
    check(conn.root.remote_assert(True) is None, "what holds")
    error = raises(AssertionError, conn.root.remote_assert, False)
    if denied:
        check(error._remote_tb == "<traceback denied>", error._remote_tb)
        check(getattr(error, "_remote_version", "<version denied>") == "<version denied>", "no version")
    else:
        check("AssertionError" in error._remote_tb and "WARNING" not in error._remote_tb, error._remote_tb)
        check(rpyc.version.__version__[0] == "5" or error._remote_version not in (None, "<version denied>"), "a version")
    error = raises(ValueError, conn.root.int, "foo")
    check(error.args == ("invalid literal for int() with base 10",), "its arguments")


def asynchronous(conn):
    sleep, to_int = rpyc.async_(conn.root.sleep), rpyc.async_(conn.root.int)
    result = sleep(300)
    check(not result.ready and not result.expired, "it goes on")
    result.wait()
    check(result.ready and not result.expired and not result.error and result.value is None, "it is there")
    result = sleep(3000)
    result.set_expiry(.5)
    started = time.monotonic()
    raises(rpyc.AsyncResultTimeout, result.wait)
    check(.4 <= time.monotonic() - started and result.expired, "it expired")
    visited = []
    result = sleep(200)
    result.add_callback(lambda r: visited.append(("f", r.ready, r.error)))
    result.add_callback(lambda r: visited.append(("g", r is result)))
    result.wait()
    check(visited == [("f", True, False), ("g", True)], "callbacks in their order: %s" % visited)
    result.add_callback(lambda r: visited.append("late"))
    check(visited[2:] == ["late"], "a late one runs at once")
    timed = rpyc.timed(conn.root.sleep, 1.5)
    check(timed(100).value is None, "in time")
    late = timed(4000)
    raises(rpyc.AsyncResultTimeout, lambda: late.value)
    result = to_int("foo")
    result.wait()
    check(result.error, "an exception is an error")
    raises(ValueError, lambda: result.value)
    check(to_int("7").value == 7, "and a value is not")
    results = [sleep(500 - 50 * n) for n in range(8)]
    until(lambda: all(r.ready for r in results), "many at once, answered by threads in the opposite order")


def caller_gone(conn):
    code = "import rpyc, sys; c = rpyc.connect(%r, %d); a = rpyc.async_(c.root.linger)(); a.ready; print('on', flush=True); a.wait()"
    child = subprocess.Popen([sys.executable, "-c", code % (HOST, int(PORT))], stdout=subprocess.PIPE)
    check(child.stdout.readline() == b"on\n", "the caller waits")
    until(lambda: conn.root.connections()[0] == 2, "the caller is connected")
    time.sleep(.3)
    check(conn.root.gone() == 0, "nobody is gone")
    child.kill()
    child.wait()
    until(lambda: conn.root.gone() == 1, "the call sees that its caller is gone")
    until(lambda: conn.root.connections()[1] == 1, "and the service that the connection is over")


def refcount(conn):
    dummy = conn.root.Dummy
    d1, d2, d3, d4 = [dummy(name) for name in ("d1", "d2", "d3", "d4")]
    copy = d2
    gone = conn.root.deleted()
    del d1, d3
    gc.collect()
    until(lambda: sorted(gone) == ["d1", "d3"], "two are gone")
    del d2
    gc.collect()
    conn.ping()
    check(sorted(gone) == ["d1", "d3"], "one is held by another name")
    del copy
    gc.collect()
    until(lambda: sorted(gone) == ["d1", "d2", "d3"], "now it is gone")
    conn.ping()
    check("d4" not in gone and d4 is not None, "the last one is held")


def threads(conn):
    background = rpyc.BgServingThread(conn)
    calls = []
    invoker = conn.root.Invoker(calls.append, 50)
    check([conn.root.foo(n) for n in range(4)] == [0, 17, 34, 51], "calls meanwhile")
    until(lambda: len(calls) >= 5, "it called back")
    invoker.stop()
    conn.ping()
    time.sleep(.2)
    stopped = len(calls)
    check(calls == list(range(stopped)), "each once, in their order")
    time.sleep(.3)
    check(len(calls) == stopped, "and no more when it is stopped")
    answers = []
    workers = [threading.Thread(target=lambda n=n: answers.append(conn.root.distance((0, 0), (n, 0)))) for n in range(8)]
    [worker.start() for worker in workers]
    [worker.join() for worker in workers]
    check(sorted(answers) == list(range(8)), "each thread has its own answer")
    background.stop()


def classic():
    conn = connect_subproc([ADDRESS, "stdio:"], rpyc.SlaveService)
    path = conn.root.getmodule("host").path
    path.append("xxx")
    path.append("yyy")
    check(path.pop(-1) == "yyy" and list(path) == ["xxx"] and isinstance(path, list), "a list in a module of a slave on pipes")
    check(conn.root.eval("count") == 10, "eval")
    names = conn.root.namespace
    names["x"] = 5
    check(names["x"] == 5 and "x" in names and dict(names) == {"x": 5}, "the namespace")
    path.extend(range(10000))
    check(list(rpyc.buffiter(path)) == ["xxx", *range(10000)], "buffiter")
    del path[1:]
    raises(ImportError, conn.root.getmodule, "test_badmagic")
    proc = conn.proc
    conn.close()
    check(proc.wait() == 0, "the slave ended well")


PARTS = {"custom-service": custom_service, "context-managers": context_managers, "async": asynchronous, "caller-gone": caller_gone,
         "refcount": refcount, "threads": threads}
if PART == "classic":
    classic()
else:
    conn = connect()
    if PART.startswith("attr-access"):
        rule = PART[len("attr-access-"):]
        if rule == "no-exposed":
            no_exposed(conn)
        else:
            attr_access(conn, rule)
    elif PART.startswith("remote-exception"):
        remote_exception(conn, PART.endswith("denied"))
    else:
        PARTS[PART](conn)
    if PART != "attr-access-no-exposed":
        conn.root.quit()
    conn.close()
print("%d passed, %d failed" % (checks - failures, failures))
sys.exit(failures > 0)
