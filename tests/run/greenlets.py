"""Native clients of a GeventServer of stock RPyC, where one thread serves all connections."""
import os

import go
import interop
from behaviour import CLIENTS
from runner import test

VERSION = "6.0.2"


def start(case):
    case.need("gevent")
    server = case.start([case.python(VERSION), os.path.join(CLIENTS, "gevent_server.py")])
    port = server.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)
    server.wait_until_listening(port, case.left(30))
    return server, "tcp://127.0.0.1:" + port


def register(language, client):
    @test("gevent.server.%s-client" % language)
    def one(case):
        server, address = start(case)
        client(case, address)
        case.check(not server.ended, "the server ended by itself")


register("c", interop.c_client)
register("go", go.client)


@test("gevent.server.four-clients")
def four(case):
    """Their calls and callbacks overlap. What counts the objects of the whole server is left out."""
    server, address = start(case)
    program = case.program("interop_client")
    names = [name for name in case.run([program, "--list"]).output.split() if "released" not in name]
    case.check(len(names) > 75, "only %d checks" % len(names))
    chosen = [word for name in names for word in ("--only", name)]
    clients = [case.start([program, address, *chosen]) for _ in range(4)]
    for client in clients:
        case.equal(client.wait(case.left(60)), 0, "exit code")
        case.equal(client.output.splitlines()[-1], "%d passed, 0 failed" % len(names), "last line")
    case.check(not server.ended, "the server ended by itself")
