"""Lists, dicts and arrays by value between two C programs, and nothing of it towards Python's RPyC (docs/reference/native.md)."""
import os

from behaviour import CLIENTS
from interop import listen_address, start_python_server
from runner import test

PROGRAM = "border/native_peers"
DEADLINES = "border/deadlines"
# The option of the client, that of the server, and what comes of it.
PAIRS = (("on", "accept", "native"), ("on", "on", "native"), ("on", "off", "stock"), ("accept", "on", "stock"), ("off", "on", "stock"))
VERSIONS = ("6.0.2", "5.3.1", "4.1.5")


def start_server(case, option, transport="tcp", before=()):
    server = case.start([*before, case.program(PROGRAM), "serve", listen_address(case, transport), option])
    return server, server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)


def all_passed(case, output):
    lines = output.splitlines()
    case.check(lines and lines[-1].endswith(" passed, 0 failed"), "the last line is %r" % (lines[-1:],))
    case.note(lines[-1])


def run_pair(case, client, server, outcome, transport, before=()):
    process, address = start_server(case, server, transport, before)
    done = case.run([*before, case.program(PROGRAM), "call", address, client, "c", outcome])
    all_passed(case, done.output)
    case.stop(process, 60)
    return process


def c_pair(client, server, outcome, transport):
    def function(case):
        process = run_pair(case, client, server, outcome, transport)
        case.equal(process.wait(case.left()), 0, "exit code of the server")
    return function


def python_server(version):
    def function(case):
        _server, address = start_python_server(case, version, "tcp")
        done = case.run([case.program(PROGRAM), "call", address, "on", "python", "stock"])
        all_passed(case, done.output)
    return function


def python_client(version):
    def function(case):
        process, address = start_server(case, "on")
        done = case.run([case.python(version), os.path.join(CLIENTS, "native_array.py"), address])
        all_passed(case, done.output)
        case.stop(process)
        case.equal(process.wait(case.left()), 0, "exit code of the server")
    return function


def deadlines_to_python(version):
    def function(case):
        _server, address = start_python_server(case, version, "tcp")
        all_passed(case, case.run([case.program(DEADLINES), "python", address, "6" if version > "6" else "5"]).output)
    return function


def deadlines_of_python(version):
    def function(case):
        server = case.start([case.program(DEADLINES), "serve", listen_address(case, "tcp")])
        address = server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)
        all_passed(case, case.run([case.python(version), os.path.join(CLIENTS, "deadlines.py"), address]).output)
        case.stop(server)
        case.equal(server.wait(case.left()), 0, "exit code of the server")
    return function


for client, server, outcome in PAIRS:
    test("native.c-%s-c-%s" % (client, server), 60)(c_pair(client, server, outcome, "tcp"))
test("native.unix", 60)(c_pair("on", "accept", "native", "unix"))
test("native.shm", 60)(c_pair("on", "accept", "native", "shm"))
for version in VERSIONS:
    test("native.c-python.%s" % version, 60)(python_server(version))
    test("native.python-c.%s" % version, 60)(python_client(version))
    test("native.deadlines.c-python.%s" % version, 60)(deadlines_to_python(version))
    test("native.deadlines.python-c.%s" % version, 60)(deadlines_of_python(version))
