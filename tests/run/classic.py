"""Classic mode: C as master of stock rpyc_classic servers, and stock Python clients as masters of C."""
import os
import re
import socket

from prepare import VERSIONS
from runner import ROOT, test

CLIENTS = os.path.join(ROOT, "tests", "run", "clients")


def start_classic_server(case, version):
    """Starts an unmodified rpyc_classic.py; its address."""
    python = case.python(version)
    script = os.path.join(os.path.dirname(python), "rpyc_classic.py")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = case.start([python, script, "--host", "127.0.0.1", "--port", port])
    while True:
        case.check(not server.ended, "rpyc_classic.py ended by itself")
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return "tcp://127.0.0.1:%d" % port
        except OSError:
            case.check(case.left() > 0, "rpyc_classic.py does not listen")


def all_passed(case, done):
    lines = done.output.splitlines()
    found = re.fullmatch(r"([1-9]\d*) passed, 0 failed", lines[-1] if lines else "")
    case.check(found, "the last line is %r" % (lines[-1:],))
    case.note(found.group(1) + " checks")


def master(version):
    def function(case):
        program = case.program("border/classic_client")
        address = start_classic_server(case, version)
        all_passed(case, case.run([program, address, case.folder]))
    return function


for version in VERSIONS:
    test("classic.c-master.%s" % version, 90)(master(version))
