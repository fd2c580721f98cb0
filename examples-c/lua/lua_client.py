"""Drives lua_slave with stock RPyC: python3 lua_client.py ADDRESS. Says what it does not find as it should be."""
import re
import sys

import rpyc

checks = failures = 0


def check(good, what):
    global checks, failures
    checks += 1
    if not good:
        failures += 1
        print("not so: " + what)


def raises(kind, function, *args):
    try:
        function(*args)
    except kind as error:
        return str(error) or repr(error)
    check(False, "%s is raised" % kind.__name__)
    return ""


host, port = re.fullmatch(r"tcp://\[?(.+?)\]?:(\d+)", sys.argv[1]).groups()
conn = rpyc.classic.connect(host, int(port))

# Evaluating and executing.
check(conn.eval("6 * 7") == 42, "eval")
check(conn.eval("1, 'two', 3.5, true, nil") == (1, "two", 3.5, True, None), "several results are a tuple")
check(conn.eval("'\\xff'") == b"\xff", "what is no UTF-8 is bytes")
conn.execute("function add(a, b) return a + b end  counter = 0")
check(conn.eval("add(40, 2)") == 42, "a function that was executed")
check("attempt to" in raises(RuntimeError, conn.eval, "nil + 1"), "an error of Lua")
check("near" in raises(RuntimeError, conn.execute, "this is not Lua"), "a syntax error")

# The namespace: Lua's globals.
check(conn.namespace["add"](1, 2) == 3, "a global function")
conn.namespace["answer"] = 5
check(conn.eval("answer + 1") == 6, "a global that Python has set")
conn.execute("answer = answer * 2")
check(conn.namespace["answer"] == 10, "a global that Lua has changed")
check("answer" in conn.namespace and "nothing" not in conn.namespace, "in")
del conn.namespace["answer"]
raises(KeyError, lambda: conn.namespace["answer"])

# Modules, under their names and nested.
check(conn.modules.math.floor(2.7) == 2, "modules.math")
check(conn.modules["string"].rep("ab", 3) == "ababab", "modules[...]")
check(conn.modules.math.pi == conn.eval("math.pi"), "an attribute of a module")
raises(ImportError, lambda: conn.modules["no_such_module"])
raises(AttributeError, lambda: conn.modules.math.nothing)
if hasattr(rpyc.core.service.ModuleNamespace, "__contains__"):
    check("math" in conn.modules and "no_such_module" not in conn.modules, "in modules")

# Tables and functions as live objects.
table = conn.eval("{10, 20, 30, name = 'Ada', inner = {deep = {1}}}")
check(table[1] == 10 and table["name"] == "Ada" and table.name == "Ada", "reading")
check(len(table) == 3, "length")
table[4] = 40
table.name = "Grace"
table["list"] = (1, 2, 3)
conn.namespace["t"] = table
check(conn.eval("t[4]") == 40 and conn.eval("t.name") == "Grace" and conn.eval("t.list[3]") == 3, "changing")
check(conn.eval("t.inner.deep[1]") == table.inner.deep[1] == 1, "nested tables")
check(sorted(str(key) for key in table) == ["1", "2", "3", "4", "inner", "list", "name"], "iteration")
check(("name", "Grace") in [tuple(pair) for pair in table.items() if isinstance(pair[1], str)], "items()")
del table["name"]
raises(AttributeError, lambda: table.name)
check(conn.eval("t") == table and table != conn.eval("{}"), "equality")
check(str(table).startswith("table: "), "its text")
make = conn.eval("function(n) return function() n = n + 1 return n end end")
count = make(5)
check((count(), count(), count()) == (6, 7, 8), "a closure")
check(conn.namespace["add"].__call__(2, 3) == 5, "__call__")

# Callbacks: Lua calls Python.
check(conn.eval("function(f, x) return f(f(x)) end")(lambda x: x * 10, 3) == 300, "Lua calls a function of Python")
seen = []
conn.eval("function(add) for i = 1, 3 do add(i) end end")(seen.append)
check(seen == [1, 2, 3], "Lua fills a list of Python")
check("no good" in raises(RuntimeError, conn.eval("function(f) f() end"), lambda: (_ for _ in ()).throw(ValueError("no good"))),
      "an exception goes through Lua")
check(conn.eval("function(f) local ok, e = pcall(f) return ok, e end")(lambda: 1 / 0)[0] is False, "Lua catches it")


def down(n):
    return 0 if n == 0 else 1 + conn.eval("function(f, n) return f(n) end")(down, n - 1)


check(down(20) == 20, "calls nested both ways")
check(conn.eval("function(t) return #t, t[1], tostring(t) end")([7, 8])[:1] == (2,), "a list of Python in Lua")
sample = {"key": 1}
check(conn.eval("function(d) d.update(d) return d end")(sample) is sample, "an object of Python comes home as itself")

# Copies of plain data.
delivered = rpyc.classic.deliver(conn, {"a": [1, (2, "three")], "b": None})
check(delivered["a"][1] == (2, "three"), "deliver")
check(rpyc.classic.obtain(delivered) == {"a": [1, (2, "three")], "b": None}, "obtain of what was delivered")
raises(Exception, rpyc.classic.deliver, conn, int)
check(rpyc.classic.obtain(conn.eval("{1, 2}").values()) == [1, 2], "obtain of a list")


class Odd:
    pass


check("STACK_GLOBAL" in raises(Exception, rpyc.classic.deliver, conn, {"x": Odd()}), "only plain data is delivered")

# Its standard streams.
printed = []


class Output:
    def write(self, text):
        printed.append(text)

    def flush(self):
        pass


before, sys.stdout = sys.stdout, Output()
try:
    with rpyc.classic.redirected_stdio(conn):
        conn.execute("print('from Lua', 1)")
finally:
    sys.stdout = before
check("".join(printed) == "from Lua\t1\n", "print goes to the sys.stdout that was set: %r" % printed)

# The other way round, as ClassicService allows: Lua drives Python.
check(conn.eval("py.eval('2 ** 10')") == 1024, "Lua evaluates Python")
conn.execute("py.execute('import json\\nshared = {}')")
check(conn.eval("py.module('os.path').join('a', 'b')") == "a/b", "Lua imports a module of Python")
check(conn.eval("py.module('json').dumps(py.eval('[1, 2]'))") == "[1, 2]", "objects of Python come home")
check("ZeroDivisionError" in raises(RuntimeError, conn.eval, "py.eval('1 / 0')"), "an exception of Python in Lua")
check(conn.root.getconn().closed is False, "getconn")
conn.close()
print("%d passed, %d failed" % (checks - failures, failures))
sys.exit(1 if failures else 0)
