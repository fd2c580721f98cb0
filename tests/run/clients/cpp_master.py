"""A stock client that drives the slave of bindings/cpp/tests/classic.cpp: cpp_master.py ADDRESS."""
import io
import sys

import rpyc

failed = passed = 0


def check(what, got, want):
    global failed, passed
    if got == want:
        passed += 1
    else:
        failed += 1
        print("%s: got %r, want %r" % (what, got, want))


def raised(function, *args):
    try:
        return function(*args)
    except Exception as error:
        return "%s: %s" % (type(error).__name__, error.args[0])


host, port = sys.argv[1].rsplit("/", 1)[1].rsplit(":", 1)
conn = rpyc.classic.connect(host, int(port))
check("module", conn.modules.motor.speed, 3)
conn.modules.motor.speed = 8
check("an attribute that the master set", conn.eval("speed"), 8)
check("module on demand", conn.modules["made.on.demand"].__name__, "made.on.demand")
check("no module", raised(conn.root.getmodule, "nothing"), "ModuleNotFoundError: No module named 'nothing'")
conn.execute("five!")
check("executed", conn.eval("level"), 5)
check("no expression", raised(conn.eval, "1 + 1"), "SyntaxError: level or speed, not 1 + 1")
check("namespace", conn.namespace["x"], 1)
conn.namespace["y"] = 2
other = rpyc.classic.connect(host, int(port))
check("namespace of all", other.namespace["y"], 2)
other.close()
out = io.StringIO()
with rpyc.classic.redirected_stdio(conn):
    sys.stdout, kept = out, sys.stdout
    try:
        conn.modules.sys.stdout = out
        conn.execute("x")
    finally:
        sys.stdout = kept
check("redirected", out.getvalue(), "executed")
conn.execute("stop")
conn.close()
print("%d passed, %d failed" % (passed, failed))
sys.exit(1 if failed else 0)
