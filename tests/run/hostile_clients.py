"""Clients of hostile servers (tests/hostile/server.py): whatever is answered, each operation ends with a value or an error, and the
client lives, with no more memory and descriptors than before. PLANS=all takes every lie with every request."""
import json
import os
import re
import sys

import go
import tool
from runner import ROOT, test

SERVER = os.path.join(ROOT, "tests", "hostile", "server.py")
MIB = 1 << 20
# Each lie is told by one connection; the steps have no factor in common with their number.
ALL = os.environ.get("PLANS") == "all"
ROUNDS = 205
# Exit codes of the tool that say what went wrong.
TOLD = (0, 1, 4)


def start_server(case, *options):
    server = case.start([sys.executable, SERVER, *options])
    address = server.wait_for(r"^listening (\S+)$", case.left(60)).group(1)
    return server, address, int(server.wait_for(r"^plans (\d+)$", case.left(30)).group(1))


def lied_to(case, program, step, *options, rounds=ROUNDS, shm=False):
    """Runs a client that makes a connection for each round, and counts its checks."""
    over = (lambda name: ("--shm", os.path.join(case.folder, name))) if shm else lambda _: ()
    server, address, plans = start_server(case, "--step", step if not ALL else 1, *over("l"))
    rounds = plans if ALL else rounds
    done = case.run([program, address, rounds, *options])
    case.check(not server.ended, "the hostile server ended")
    last = done.output.splitlines()[-1]
    found = re.fullmatch(r"(\d+) passed, 0 failed", last)
    case.check(found and int(found.group(1)) > 5 * rounds, "the last line is %r" % last)
    case.note("%d connections, %s checks" % (rounds, found.group(1)))
    # Then nobody lies, and all is well.
    _, address, _ = start_server(case, "--plan", "honest", *over("h"))
    done = case.run([program, address, 3, *options])
    case.check(re.search(r"RPYC_ERR_(EOF|IO|LIMIT|DIALECT)", done.output) is None, "an honest server is not understood")
    return done


def in_use(case, step, *options, **more):
    lied_to(case, case.program("border/hostile_client"), step, *options, **more)
    ten, end = map(int, re.search(r"^in use: (\d+), (\d+)$", case.processes[1].output, re.M).groups())
    case.check(end - ten < MIB, "%d bytes more are in use than after ten connections" % (end - ten))


SECONDS = 300 if not ALL else 3600
test("hostile.lies-to.c-client", SECONDS)(lambda case: in_use(case, 7))
test("hostile.lies-to.c-client-on-small-stacks", SECONDS)(lambda case: in_use(case, 17, "128"))
test("hostile.lies-to.c-client-over-shm", SECONDS)(lambda case: in_use(case, 43, rounds=ROUNDS // 2, shm=True))
test("hostile.lies-to.cpp-client", SECONDS)(lambda case: lied_to(case, case.program("cpp/hostile"), 29, rounds=ROUNDS // 2))


@test("hostile.lies-to.go-client", SECONDS)
def go_client(case):
    case.need("go")
    lied_to(case, go.program(case, "hostile"), 31, rounds=ROUNDS // 2)


@test("hostile.lies-to.bare-client", SECONDS)
def bare_client(case):
    """The checks of interop over sessions: they fail, and say so."""
    _, address, plans = start_server(case, "--step", 239)
    for _ in range(-(-plans // 239)):
        case.run([case.program("bare_client"), address], codes=(0, 1))


@test("hostile.lies-to.tool", SECONDS)
def tool_as_client(case):
    """What it prints of a peer's texts steers no terminal and is valid JSON, and its exit code says how it ended."""
    _, address, plans = start_server(case, "--step", 31)
    commands = (("dir",), ("call", "work", "1"), ("get", "x"), ("ping", "-c", "1", "-W", "0.5"), ("dir", "x"), ("eval", "1"))
    for n in range(-(-plans // 31)):
        name, *rest = commands[n % len(commands)]
        ending = ("-t", "0.5") if name != "ping" else ()
        json_too = ("--json",) if n // len(commands) % 2 else ()
        done = case.run([tool.binary(), name, address, *rest, *ending, *json_too], codes=TOLD)
        if json_too:
            for line in done.output.splitlines():
                json.loads(line)
            case.check(done.output, "%s --json prints no document" % name)
        for text in (done.output, done.read("err")):
            case.check(not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text), "%s prints control characters: %r" % (name, text[:300]))
        case.check(done.popen.returncode == 0 or done.read("err"), "%s fails without a word" % name)


@test("hostile.many-names.tool", 120)
def many_names(case):
    """`rpyc dir` of an object with 50,000 names, each of which is answered late, gives up after a time for all of them."""
    _, address, _ = start_server(case, "--plan", "honest", "--names", 50000, "--slow", 0.02)
    done = case.run([tool.binary(), "dir", address, "-t", "2"], 60, codes=(4,))
    case.check(re.search(r"the peer took more than 4 s; \d+ of 50002 names were requested", done.read("err")), done.read("err"))
    # What came in time is printed.
    case.check(re.search(r"^x  +int +7$", done.output, re.M), "nothing is printed")
    _, address, _ = start_server(case, "--plan", "honest", "--names", 50000)
    names = case.run([tool.binary(), "dir", address, "--names"]).output.split()
    case.equal(len(names), 50002, "names")
