"""What a stock peer's timing would punish: a stalled write (it hangs up after 3 s) and two answers in a row (Nagle's delay)."""
import os
import re

from interop import listen_address, start_c_server, start_python_server
from runner import ROOT, test

CLIENTS = os.path.join(ROOT, "tests", "run", "clients")
ROUNDS = 200
# A delayed acknowledgement costs 44 ms and a plain round well under one; a release is one more message for Python.
MOST_RATIO = 20


def long_handler(version):
    def function(case):
        case.python(version)
        server, address = start_c_server(case, listen_address(case, "tcp"))
        done = case.run([case.python(version), os.path.join(CLIENTS, "long_handler.py"), address])
        case.check(done.output.endswith("1 passed, 0 failed\n"), "the client lost its connection")
        case.stop(server)
    return function


def release_then_call(version):
    def function(case):
        case.python(version)
        _server, address = start_python_server(case, version, "tcp")
        done = case.run([case.program("border/release_then_call"), address, str(ROUNDS)])
        ratio = float(re.search(r"^ratio ([\d.]+)$", done.output, re.MULTILINE).group(1))
        case.note("a round with a release costs %.1f plain ones" % ratio)
        case.check(ratio < MOST_RATIO, "a release makes a round %.0f times dearer" % ratio)
    return function


for version in ("6.0.2", "5.3.1"):
    test("behaviour.long-handler-keeps-its-client.%s" % version, 90)(long_handler(version))
    test("behaviour.release-before-a-call-is-cheap.%s" % version, 60, alone=True)(release_then_call(version))
