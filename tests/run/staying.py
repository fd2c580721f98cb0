"""Clients that stay connected (tests/c_border/staying.c) with stock servers that are killed, stopped and started again."""
import os
import re
import signal

from ports import free_port
from runner import ROOT, test

SERVER = os.path.join(ROOT, "tests", "run", "clients", "staying_server.py")
RESTARTS = 4                                         # of each dialect
KINDS = ("serve", "background", "loop")


def serving(case, version, port="0"):
    server = case.start([case.python(version), SERVER, port])
    return server, server.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)


def restarted(version, restarts):
    """The server is killed in the middle of calls; the client connects again by itself, and every reply is right."""
    def function(case):
        server, port = serving(case, version, str(free_port()))
        client = case.start([case.program("border/staying"), "restarts", "tcp://127.0.0.1:" + port, str(restarts)])
        for number in range(1, restarts + 1):
            client.wait_for(r"^up ", case.left(30), number)
            server.signal(signal.SIGKILL)
            server.wait(case.left(10))
            server, _ = serving(case, version, port)
        case.equal(client.wait(case.left(60)), 0, "exit code of the client")
        lost = int(re.search(r"^lost (\d+)$", client.output, re.MULTILINE).group(1))
        case.equal(lost, restarts, "connections lost")
        case.note("%d restarts" % restarts)
    return function


def beating(version, kind):
    """A peer that is there answers the heartbeat; one that is stopped is found although nothing is called."""
    def function(case):
        server, port = serving(case, version)
        client = case.start([case.program("border/staying"), "heartbeat", "tcp://127.0.0.1:" + port, kind])
        client.wait_for(r"^connected", case.left(30))
        server.wait_for(r"^pings 1$", case.left(30))
        case.check("ended" not in client.output, "the peer answers")
        server.signal(signal.SIGSTOP)
        client.wait_for(r"^ended RPYC_ERR_LIMIT$", case.left(30))
        server.signal(signal.SIGCONT)
        case.equal(client.wait(case.left(20)), 0, "exit code of the client")
    return function


for version in ("6.0.2", "5.3.1"):
    test("staying.server-is-restarted." + version)(restarted(version, RESTARTS))
    for kind in KINDS if version == "6.0.2" else ("loop",):
        test("staying.heartbeat.%s.%s" % (kind, version))(beating(version, kind))
