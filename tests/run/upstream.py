"""What RPyC's own tests check, with a native program as the server: a C server, and unmodified Python as its client."""
import os

from border import counted
from prepare import VERSIONS
from runner import ROOT, test

CLIENT = os.path.join(ROOT, "tests", "run", "clients", "upstream_client.py")
# Part of the client, and the options of the server.
PARTS = [
    ("attr-access-default",),
    ("attr-access-all", "allow_all_attrs=true"),
    ("attr-access-public", "allow_public_attrs=true"),
    ("attr-access-no-safe", "allow_safe_attrs=false"),
    ("attr-access-no-exposed", "allow_exposed_attrs=false"),
    ("custom-service",),
    ("context-managers",),
    ("remote-exception",),
    ("remote-exception-denied", "include_local_traceback=false", "include_local_version=false"),
    ("async",),
    ("caller-gone",),
    ("refcount",),
    ("threads",),
]


def register(version, part, options):
    @test("upstream.%s.%s" % (part, version), 120)
    def upstream(case):
        server = case.start([case.program("border/upstream"), "tcp://127.0.0.1:0", *options])
        address = server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)
        counted(case, case.run([case.python(version), CLIENT, address, part]).output)
        if part == "attr-access-no-exposed":
            return                                   # no client can tell it to end
        case.equal(server.wait(case.left(30)), 0, "exit code of the server")
        counted(case, server.output)


def register_classic(version):
    @test("upstream.classic.%s" % version, 60)
    def classic(case):
        program = case.program("border/upstream")
        counted(case, case.run([case.python(version), CLIENT, program, "classic"]).output)


for version in VERSIONS[:2]:
    for name, *settings in PARTS:
        register(version, name, settings)
    register_classic(version)
