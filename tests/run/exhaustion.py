"""Memory that cannot be had, under RLIMIT_AS: a status of the library or a MemoryError of the peer, and the process goes on."""
import os
import sys

from behaviour import CLIENTS
from border import counted
from interop import listen_address
from runner import test

PROGRAM = "border/exhaustion"


@test("exhaustion.values", 60)
def values(case):
    counted(case, case.run([case.program(PROGRAM), "values"]).output)


@test("exhaustion.written", 60)
def written(case):
    counted(case, case.run([case.program(PROGRAM), "written"]).output)


def register(version):
    @test("exhaustion.python-client.%s" % version, 120)
    def client(case):
        server = case.start([case.program(PROGRAM), "serve", listen_address(case, "tcp")])
        address = server.wait_for(r"^listening tcp://(\S+)$", case.left(30)).group(1)
        counted(case, case.run([case.python(version), os.path.join(CLIENTS, "exhaustion_client.py"), address]).output)
        case.equal(server.wait(case.left(30)), 0, "exit code of the server")


for python in ("6.0.2", "5.3.1"):
    register(python)


def start(case, transport, *options):
    server = case.start([case.program(PROGRAM), "serve", listen_address(case, transport), *options])
    return server, server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)


BUDGET = 8 << 20


def register_budget(version):
    @test("exhaustion.budget.%s" % version, 120)
    def budget(case):
        """A server with a budget for all its connections."""
        server, address = start(case, "tcp", "max_total_memory=%d" % BUDGET)
        script = os.path.join(CLIENTS, "budget_client.py")
        counted(case, case.run([case.python(version), script, address.split("//")[1], str(BUDGET)]).output)
        case.equal(server.wait(case.left(30)), 0, "exit code of the server")


for python in ("6.0.2", "5.3.1"):
    register_budget(python)


PROFILES = (("tcp", (), True), ("tcp", ("profile=trusted",), False), ("unix", (), False), ("unix", ("profile=untrusted",), True),
            ("tcp", ("max_inflated=100000000", "max_frame=100000000"), False))
PROFILE = """
import os, sys, rpyc
from rpyc.utils.factory import unix_connect
where = sys.argv[1]
conn = unix_connect(where) if "/" in where else rpyc.connect(*where.split(":"))
conn._config["sync_request_timeout"] = 60
try:
    print(conn.root.size(bytes(70 << 20)))
except ValueError as error:
    print("67108864" in str(error))
if sys.argv[2:]:
    data = bytes(range(256)) * (60 << 12)
    print(conn.root.echo(data) == data)
conn.root.stop()
"""


@test("exhaustion.profiles", 120)
def profiles(case):
    """Which limits a server has without further options, and that 60 MiB pass with the narrowest."""
    for at, (transport, options, narrow) in enumerate(PROFILES):
        server, address = start(case, transport, *options)
        echo = ["echo"] if at == 0 else []
        done = case.run([case.python("6.0.2"), "-c", PROFILE, address.split("//")[1], *echo])
        wanted = ["True" if narrow else str(70 << 20)] + ["True" for _ in echo]
        case.equal(done.output.splitlines(), wanted, "%s %s" % (transport, options))
        case.equal(server.wait(case.left(30)), 0, "exit code of the server")


def most_memory(name, seconds, long, *runs):
    @test("exhaustion.most-memory." + name, seconds, long=long)
    def measured(case):
        """What peers can take of a server at most, and that it comes back."""
        for run in runs:
            done = case.run([sys.executable, os.path.join(CLIENTS, "most_memory.py"), case.program(PROGRAM), *run.split()], seconds)
            case.note("; ".join(line.strip() for line in done.output.splitlines()))


most_memory("short", 60, False, "all 4 max_total_memory=67108864", "methods 20000 max_total_memory=67108864",
            "nets 200 max_total_memory=67108864")
most_memory("with-the-defaults", 3600, True, "all 1", "all 10", "all 100", "bombs 4", "methods 1000000", "nets 1100")
