"""Servers that are restarted under load (tests/c_border/handover.c): the successor takes over the listening socket, no client is refused."""
import os
import re

from runner import ROOT, TARGET, test

CLIENT = os.path.join(ROOT, "tests", "run", "clients", "handover_client.py")
CLIENTS, THREADS = 1000, 20
TOOL = os.path.join(TARGET, "release", "rpyc")


def restarted(version, address, clients, restarts):
    """Clients come all the time, and each server has a share of them before it is restarted."""
    def function(case):
        python = case.python(version)
        server = case.start([case.program("border/handover"), "serve", address])
        address_of = server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)
        client = case.start([python, CLIENT, address_of, str(clients), str(THREADS), str(restarts + 1)])
        for number in range(1, restarts + 1):
            client.wait_for(r"^done %d$" % (clients // (restarts + 1) * number), case.left())
            client.wait_for(r"^answered %d$" % number, case.left())
            server.popen.stdin.write(b"\n")
            server.popen.stdin.flush()
            server.wait_for(r"^listening \S+$", case.left(30), number + 1)
        case.equal(client.wait(case.left()), 0, "exit code of the clients")
        case.check(re.search(r"^failures 0 ", client.output, re.MULTILINE), "no client fails: %r" % client.output[-500:])
        found = int(re.search(r"^servers (\d+)$", client.output, re.MULTILINE).group(1))
        case.equal(found, restarts + 1, "servers that have answered")
        server.popen.stdin.close()
        case.equal(server.wait(case.left(60)), 0, "exit code of the servers")
        case.equal(len(re.findall(r"^drained \d+ .* cut 0$", server.output, re.MULTILINE)), restarts + 1, "drains without loss")
        case.note("%d clients, %d restarts" % (clients, restarts))
    return function


for version in ("6.0.2", "5.3.1"):
    test("handover.clients.%s" % version, 90)(restarted(version, "tcp://127.0.0.1:0", CLIENTS if version[0] == "6" else CLIENTS // 5, 3))


test("handover.hundred-restarts", 180)(restarted("6.0.2", "tcp://127.0.0.1:0", 5 * CLIENTS, 100))


# As systemd starts a service: the socket is descriptor 3, and clients can connect before the service runs.
ACTIVATE = """
import os, socket, sys
with socket.create_server(("127.0.0.1", 0)) as listener:
    print("port", listener.getsockname()[1], flush=True)
    sys.stdin.readline()
    os.dup2(listener.fileno(), 3)
    os.set_inheritable(3, True)
    os.execve(sys.argv[1], [sys.argv[1], "serve"], dict(os.environ, LISTEN_PID=str(os.getpid()), LISTEN_FDS=sys.argv[2]))
"""


def activated(case, sockets):
    python = case.python("6.0.2")
    server = case.start([python, "-c", ACTIVATE, TOOL, sockets])
    return python, server, server.wait_for(r"^port (\d+)$", case.left(30)).group(1)


def go_on(server):
    server.popen.stdin.write(b"\n")
    server.popen.stdin.flush()


@test("handover.socket-activation")
def activation(case):
    """The tool takes the socket of LISTEN_FDS; a client that came before the start is served."""
    python, server, port = activated(case, "1")
    client = case.start([python, "-c", "import rpyc; print(rpyc.connect('127.0.0.1', %s).root.add(40, 2))" % port])
    go_on(server)
    server.wait_for(r"^listening tcp://127\.0\.0\.1:%s$" % port, case.left(30))
    case.equal(client.wait(case.left(30)), 0, "exit code of the client")
    case.equal(client.output.strip(), "42", "answer")
    case.stop(server)


@test("handover.several-sockets-are-refused")
def several(case):
    _, server, _ = activated(case, "2")
    go_on(server)
    case.equal(server.wait(case.left(30)), 2, "exit code of the tool")
    case.check("expected one socket, got 2" in server.read("err"), "the error names the number: %r" % server.read("err"))
