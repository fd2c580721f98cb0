"""Memory that cannot be had, under RLIMIT_AS: a status of the library or a MemoryError of the peer, and the process goes on."""
import os

from behaviour import CLIENTS
from border import counted
from interop import listen_address
from runner import test

PROGRAM = "border/exhaustion"


@test("exhaustion.values", 60)
def values(case):
    counted(case, case.run([case.program(PROGRAM), "values"]).output)


def register(version):
    @test("exhaustion.python-client.%s" % version, 120)
    def client(case):
        server = case.start([case.program(PROGRAM), "serve", listen_address(case, "tcp")])
        address = server.wait_for(r"^listening tcp://(\S+)$", case.left(30)).group(1)
        counted(case, case.run([case.python(version), os.path.join(CLIENTS, "exhaustion_client.py"), address]).output)
        case.equal(server.wait(case.left(30)), 0, "exit code of the server")


for python in ("6.0.2", "5.3.1"):
    register(python)
