#!/usr/bin/env python3
"""Stock RPyC uses the calculator in C, examples-c/02_server.c, at the address in argv[1]: tcp://HOST:PORT."""
import pydoc
import sys

import rpyc

host, _, port = sys.argv[1].rpartition("/")[2].rpartition(":")
conn = rpyc.connect(host, int(port))
calculator = conn.root

print("rpyc %s from PyPI, connected to %s" % (rpyc.__version__, calculator))

print("dir():")
names = [name for name in dir(calculator) if name.startswith("exposed_") and "service" not in name]
print("   " + " ".join(names))
assert {"exposed_add", "exposed_power", "exposed_divide", "exposed_apply"} <= set(names)

print("help():")
page = pydoc.plain(pydoc.render_doc(calculator)).splitlines()
for number, line in enumerate(page):
    if "exposed_add(" in line or "exposed_divide(" in line:
        print("   " + line + "\n   " + page[number + 1])
assert any("The sum of two integers." in line for line in page)

print("calls:")
assert calculator.add(40, 2) == 42
assert calculator.power(2, exponent=10) == 1024
assert calculator.divide(7, 2) == 3.5
print("   add(40, 2) == 42, power(2, exponent=10) == 1024, divide(7, 2) == 3.5")

print("a callback, from C into Python:")
seen = []
assert calculator.apply(lambda value: seen.append(value) or value.upper(), "hello from python") == "HELLO FROM PYTHON"
assert seen == ["hello from python"]
print("   apply(lambda, 'hello from python') == 'HELLO FROM PYTHON'")

print("exceptions:")
for text, call, wanted in [
    ("divide(1, 0)", lambda: calculator.divide(1, 0), ZeroDivisionError),
    ("add(1, 2, 3)", lambda: calculator.add(1, 2, 3), TypeError),
    ("add('1', 2)", lambda: calculator.add("1", 2), TypeError),
    ("apply(a lambda that raises KeyError)", lambda: calculator.apply(lambda key: {}[key], "gone"), KeyError),
    ("calculator.methods", lambda: calculator.methods, AttributeError),
]:
    try:
        call()
    except wanted as e:
        print("   %s raised %s: %s" % (text, wanted.__name__, e.args[0]))
    else:
        sys.exit("%s raised nothing" % text)

conn.close()
