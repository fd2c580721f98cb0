"""Calls that nest without end: with stock peers, in a server's own methods, through bindings; each ends with RecursionError."""
import os

import border
import cpp
import go
import tool
from runner import ROOT, test

CLIENTS = os.path.join(ROOT, "tests", "run", "clients")
VERSIONS = ("6.0.2", "5.3.1")
LEAST_CHECKS = 11                                    # of the C++ program


def attack(case, version, address, *options):
    border.counted(case, case.run([case.python(version), os.path.join(CLIENTS, "nesting_client.py"), address, *options]).output)


def listening(server, case):
    return server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)


def ended(case, process):
    """It ends with its stdin, and by itself."""
    process.popen.stdin.close()
    case.equal(process.wait(case.left(30)), 0, "exit code of " + process.args[0])


def driven(case, version, slave, env=None):
    """A stock master has a slave call it back without end."""
    server = case.start([*slave, "tcp://127.0.0.1:0"], env=env)
    border.counted(case, case.run([case.python(version), os.path.join(CLIENTS, "classic_nesting.py"), listening(server, case)]).output)
    ended(case, server)


def with_middle(case, owner, kib, run):
    """Runs something with the address of what stands in front of a server."""
    middle = case.start([case.program(os.path.join("border", "nesting_middle")), owner, kib])
    run(listening(middle, case))
    ended(case, middle)


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

    @test("nesting.releases.python-" + version, 180)
    def releases(case):
        for kib in ("128", "8192"):
            server = case.start([case.program(os.path.join("border", "nesting_releases")), "tcp://127.0.0.1:0", kib])
            client = os.path.join(CLIENTS, "nesting_releases_client.py")
            border.counted(case, case.run([case.python(version), client, listening(server, case)]).output)
            case.equal(server.wait(case.left(30)), 0, "exit code of the server with %s KiB" % kib)

    for name, options in (("c-slave", ["border/classic_nesting"]), ("cpp-slave", ["cpp/nesting", "--slave"])):
        @test("nesting.classic.%s.python-%s" % (name, version), 180)
        def classic_slave(case, options=options):
            driven(case, version, [case.program(options[0]), *options[1:]])

    @test("nesting.bridged.python-c-c.python-" + version, 180)
    def python_to_c(case):
        owner = started("interop_server")(case)
        for kib, least in (("128", "5"), ("1024", "50"), ("8192", "100")):
            with_middle(case, owner, kib, lambda address, least=least: attack(case, version, address, "--others-only", least))

    @test("nesting.bridged.c-c-python.python-" + version, 180)
    def c_to_python(case):
        server = case.start([case.python(version), os.path.join(CLIENTS, "nesting_server.py")])
        owner = "tcp://127.0.0.1:" + server.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)
        for kib in ("128", "1024", "8192"):
            with_middle(case, owner, kib, lambda address: border.run(case, "nesting", args=[address]))

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


def sanitized(case, program):
    """With the sanitizer's own stack for locals, and without."""
    for own in ("0", "1"):
        env = {"ASAN_OPTIONS": "detect_stack_use_after_return=" + own}
        cpp.all_pass(case, case.run([program], env=env), LEAST_CHECKS)
    driven(case, "6.0.2", [program, "--slave"], env)


for each in VERSIONS:
    register(each)
test("nesting.cpp", 120)(lambda case: cpp.all_pass(case, case.run([case.program("cpp/nesting")]), LEAST_CHECKS))
test("cpp.sanitized.nesting", 600)(cpp.sanitized("nesting", sanitized))
