"""What a stock peer's timing would punish: a stalled write (it hangs up after 3 s) and two answers in a row (Nagle's delay); and
objects of one Python that C lends to another."""
import os
import re

from interop import listen_address, start_c_server, start_python_server
from runner import ROOT, test

CLIENTS = os.path.join(ROOT, "tests", "run", "clients")
ROUNDS = 200
# A delayed acknowledgement costs 44 ms and a plain round well under one; a release is one more message for Python.
MOST_RATIO = 20
# Python compresses and decompresses it meanwhile.
MOST_LONG_RATIO = 120


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
        ratio, long_ratio = (float(re.search(r"^%s ([\d.]+)$" % name, done.output, re.MULTILINE).group(1))
                             for name in ("ratio", "long ratio"))
        case.note("a round with a release costs %.1f plain ones, one with 70 kB there and back %.1f" % (ratio, long_ratio))
        case.check(ratio < MOST_RATIO, "a release makes a round %.0f times dearer" % ratio)
        case.check(long_ratio < MOST_LONG_RATIO, "70 kB make a round %.0f times dearer" % long_ratio)
    return function


def fresh_callbacks(version):
    def function(case):
        _server, address = start_c_server(case, listen_address(case, "tcp"))
        done = case.run([case.python(version), os.path.join(CLIENTS, "fresh_callbacks.py"), address, str(ROUNDS)])
        ratio = float(re.search(r"^ratio ([\d.]+)$", done.output, re.MULTILINE).group(1))
        case.note("a call with a new function costs %.1f with the same one" % ratio)
        case.check(ratio < MOST_RATIO, "a new function makes a call %.0f times dearer" % ratio)
    return function


def bridge(version, mode):
    rules = {"default": ["open"], "open": ["open", "allow_public_attrs=true", "allow_setattr=true", "allow_delattr=true"],
             "open-strict": ["strict", "allow_public_attrs=true", "allow_setattr=true", "allow_delattr=true"]}[mode]

    def function(case):
        owner = case.start([case.python(version), os.path.join(CLIENTS, "bridge_owner.py"), rules[0]])
        port = owner.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)
        lender = case.start([case.program("border/bridge"), "tcp://127.0.0.1:" + port, *rules[1:]])
        address = lender.wait_for(r"^listening tcp://(\S+)$", case.left(30)).group(1)
        done = case.run([case.python(version), os.path.join(CLIENTS, "bridge_user.py"), address, mode])
        case.check(re.fullmatch(r"1\d passed, 0 failed\n", done.output), "the user says %r" % done.output)
        for process in (lender, owner):              # they end with their stdin
            process.popen.stdin.close()
            case.equal(process.wait(case.left(20)), 0, "exit code")
        case.check(lender.output.endswith(" passed, 0 failed\n"), "the lender says %r" % lender.output)
    return function


for version in ("6.0.2", "5.3.1"):
    test("behaviour.long-handler-keeps-its-client.%s" % version, 90)(long_handler(version))
    for mode in ("default", "open", "open-strict"):
        test("behaviour.bridge-%s.%s" % (mode, version), 60)(bridge(version, mode))
    test("behaviour.fresh-callbacks-are-cheap.%s" % version, 60, alone=True)(fresh_callbacks(version))
    test("behaviour.release-before-a-call-is-cheap.%s" % version, 60, alone=True)(release_then_call(version))
