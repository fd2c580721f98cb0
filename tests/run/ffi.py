"""The library through the foreign function interfaces of Python and LuaJIT, against stock RPyC, both ways (bindings/examples-ffi)."""
import os
import sys

from examples import FOLDER, LISTENING, compare
from runner import ROOT, TARGET, NotRun, test

EXAMPLES = os.path.join(ROOT, "bindings", "examples-ffi")
LIBRARY = os.path.join(TARGET, "release", "librpyc.so")
VERSIONS = ("6.0.2", "5.3.1")
LANGUAGES = ("ctypes", "luajit")
CALLED = ["add(40, 2) = 42", "apply(triple, 14) = 42", "divide(1, 0) raised ZeroDivisionError: cannot divide by zero"]


def command(case, language):
    if not os.path.exists(LIBRARY):
        raise NotRun("target/release/librpyc.so was not built")
    if language == "ctypes":
        return [sys.executable, os.path.join(EXAMPLES, "calculator.py")]
    return [case.tool("luajit"), os.path.join(EXAMPLES, "calculator.lua")]


def start(case, args):
    process = case.start(args, env={"LIBRPYC": LIBRARY})
    return process, process.wait_for(LISTENING, case.left(30)).group(1)


def calls(language, version):
    """It calls a Python server, which calls a function of it back; what the server raises arrives."""
    def function(case):
        own = command(case, language)
        _server, address = start(case, [case.python(version), os.path.join(FOLDER, "peers", "calculator_server.py"),
                                        "tcp://127.0.0.1:0"])
        done = case.run([*own, "call", address], env={"LIBRPYC": LIBRARY})
        case.equal(done.output.splitlines(), CALLED, "output")
    return function


def serves(language, version):
    """A Python client uses it as it does the calculator in C: same answers, same errors, its functions called back."""
    def function(case):
        server, address = start(case, [*command(case, language), "serve", "tcp://127.0.0.1:0"])
        done = case.run([case.python(version), os.path.join(FOLDER, "peers", "calculator_client.py"), address])
        compare(case, done.output, "expected/calculator_client.txt")
        server.popen.stdin.close()
        case.equal(server.wait(case.left()), 0, "exit code of the server")
    return function


# Numbers that do not fit in 64 bits, or in the 53 of a double, by their exact answers.
LIMITS = """
import sys, rpyc
host, port = sys.argv[1][len("tcp://"):].split(":")
conn = rpyc.connect(host, int(port))
most, least = 2**63 - 1, -2**63
for name, args, want in (("add", (4611686018427387905, 0), 4611686018427387905), ("add", (most, 0), most), ("add", (most, 1), OverflowError),
                         ("add", (least, -1), OverflowError), ("add", (least, most), -1), ("power", (10, 18), 10**18), ("power", (3, 39), 3**39),
                         ("power", (10, 30), OverflowError), ("power", (2, -1), ValueError), ("power", (2, 10**9), ValueError),
                         ("power", (-2, 3), -8), ("power", (0, 62), 0), ("power", (-1, 61), -1), ("power", (2, 62), 2**62),
                         ("power", (least, 1), least), ("power", (least, 2), OverflowError), ("power", (5, 0), 1)):
    try:
        got = getattr(conn.root, name)(*args)
    except (OverflowError, ValueError) as error:
        got = error
    well = isinstance(got, want) if isinstance(want, type) else got == want
    assert well, (name, args, got, want)
conn.close()
print("well")
"""


def limits(language):
    def function(case):
        server, address = start(case, [*command(case, language), "serve", "tcp://127.0.0.1:0"])
        case.equal(case.run([case.python("6.0.2"), "-c", LIMITS, address]).output, "well\n", "the client")
        server.popen.stdin.close()
        case.equal(server.wait(case.left()), 0, "exit code of the server")
    return function


for language in LANGUAGES:
    test("ffi.%s.limits" % language)(limits(language))
    for version in VERSIONS:
        test("ffi.%s.calls.%s" % (language, version))(calls(language, version))
        test("ffi.%s.serves.%s" % (language, version))(serves(language, version))
