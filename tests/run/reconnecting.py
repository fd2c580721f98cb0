"""Clients that connect again (tests/c_border/client.c and those of the bindings), with servers that are killed in the middle of
calls: no call is executed twice, and every reply that the client got was to a call that was executed."""
import collections
import os
import re
import signal

import border
from ports import free_port
from runner import ROOT, test

SERVER = os.path.join(ROOT, "tests", "run", "clients", "client_server.py")
CLIENTS = {"c": "border/client", "cpp": "cpp/reconnecting", "go": "go/reconnecting"}
RESTARTS, THREADS = 4, 8


def numbers(path):
    with open(path, encoding="ascii") as file:
        return collections.Counter(int(line) for line in file)


def killed(language, version, kind):
    def function(case):
        if language == "go":
            case.need("go")
        executed, answered = os.path.join(case.folder, "executed"), os.path.join(case.folder, "answered")
        port = free_port()
        where = str(port) if kind == "tcp" else os.path.join(case.folder, "socket")
        address = "tcp://127.0.0.1:%d" % port if kind == "tcp" else "unix://" + where

        def serve():
            native = [case.program("border/client"), "serve", address, executed]
            server = case.start(native if version == "native" else [case.python(version), SERVER, where, executed])
            server.wait_for(r"^ready$", case.left(30))
            return server

        server = serve()
        client = case.start([case.program(CLIENTS[language]), "restarts", address, str(RESTARTS), str(THREADS), answered])
        for generation in range(1, RESTARTS + 1):
            client.wait_for(r"^up %d$" % generation, case.left(60))
            server.signal(signal.SIGKILL)
            server.wait(case.left(10))
            server = serve()
        case.equal(client.wait(case.left(60)), 0, "exit code of the client")
        ran, replies = numbers(executed), numbers(answered)
        case.equal([number for number, times in ran.items() if times > 1], [], "calls executed twice")
        case.equal([number for number in replies if not ran[number]], [], "replies to calls that were not executed")
        uncertain = int(re.search(r"^uncertain (\d+)$", client.output, re.MULTILINE).group(1))
        case.check(len(ran) <= len(replies) + uncertain, "calls that failed were sent once")
        case.note("%d calls, %d uncertain" % (len(replies), uncertain))
    return function


@test("client.forked")
def forked(case):
    border.run(case, "client", args=["forked"])


for version in ("6.0.2", "5.3.1", "native"):
    for kind in ("tcp", "unix"):
        test("client.killed.c.%s.%s" % (version, kind), 120)(killed("c", version, kind))


@test("client.cpp")
def of_cpp(case):
    border.counted(case, case.run([case.program("cpp/reconnecting")]).output)


for language in ("cpp", "go"):
    for version, kind in (("6.0.2", "tcp"), ("5.3.1", "unix"), ("native", "unix")):
        test("client.killed.%s.%s.%s" % (language, version, kind), 120)(killed(language, version, kind))
