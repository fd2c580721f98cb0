"""Calls that nest without end: with stock peers, in a server's own methods, through bindings; each ends with RecursionError."""
import os

import border
import cpp
import go
import tool
from runner import ROOT, test

CLIENTS = os.path.join(ROOT, "tests", "run", "clients")
VERSIONS = ("6.0.2", "5.3.1")


def attack(case, version, address, *options):
    border.counted(case, case.run([case.python(version), os.path.join(CLIENTS, "nesting_client.py"), address, *options]).output)


def listening(server, case):
    return server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)


def register(version):
    @test("nesting.small-stacks.python-" + version, 120)
    def small_stacks(case):
        server = case.start([case.python(version), os.path.join(CLIENTS, "nesting_server.py")])
        port = server.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)
        border.run(case, "nesting", args=["tcp://127.0.0.1:" + port])

    for outcome, timeout in (("answered", "none"), ("late", "1"), ("left", "none")):
        @test("nesting.deferred-here.%s.python-%s" % (outcome, version), 60)
        def deferred_here(case, outcome=outcome, timeout=timeout):
            program = case.program(os.path.join("border", "local_deferred"))
            server = case.start([program, "tcp://127.0.0.1:0", timeout])
            client = os.path.join(CLIENTS, "local_deferred_client.py")
            border.counted(case, case.run([case.python(version), client, listening(server, case), outcome]).output)
            case.equal(server.wait(case.left(30)), 0, "exit code of the server")

    def against(name, start, *options):
        @test("nesting.%s.python-%s" % (name, version), 120)
        def function(case):
            attack(case, version, start(case), *options)

    def started(program):
        return lambda case: listening(case.start([case.program(program), "tcp://127.0.0.1:0"]), case)

    # What the bare server and that in Go take for a function is one of the peer.
    against("c-server", started("interop_server"))
    against("bare-server", started("bare_server"), "--others-only")
    against("cpp-server", lambda case: cpp.start_server(case)[1])
    against("go-server", lambda case: go.start_server(case, "tcp")[1], "--others-only")
    against("tool-server", lambda case: listening(case.start([tool.binary(), "serve"]), case))


for each in VERSIONS:
    register(each)
