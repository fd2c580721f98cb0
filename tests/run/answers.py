"""Small answers: a C server and its stock twin are asked the same, and a C client asks stock RPyC."""
import os

from behaviour import CLIENTS
from border import counted
from runner import test

VERSIONS = ("6.0.2", "5.3.1")
RULES = {
    "default": (),
    "writing": ("allow_setattr=true", "allow_delattr=true"),
    "public": ("allow_public_attrs=true", "allow_setattr=true", "allow_delattr=true"),
    "all": ("allow_all_attrs=true", "allow_setattr=true", "allow_delattr=true"),
    "no-safe": ("allow_safe_attrs=false",),
}


def register(version, rules, options):
    @test("answers.as-stock.%s.%s" % (rules, version), 90)
    def answers(case):
        server = case.start([case.program("border/answers"), "serve", "tcp://127.0.0.1:0", *options])
        address = server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)
        script = os.path.join(CLIENTS, "answers_client.py")
        counted(case, case.run([case.python(version), script, address, *options]).output)
        case.equal(server.wait(case.left(30)), 0, "exit code of the server")
        counted(case, server.output)


def register_client(version):
    @test("answers.of-python.%s" % version, 60)
    def of_python(case):
        server = case.start([case.python(version), os.path.join(CLIENTS, "answers_server.py")])
        port = server.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)
        counted(case, case.run([case.program("border/answers"), "call", "tcp://127.0.0.1:" + port]).output)


for python in VERSIONS:
    for name, settings in RULES.items():
        register(python, name, settings)
    register_client(python)
