"""Services in all their forms, and restricted views of objects, with stock RPyC at the other end."""
import os

import memory
from behaviour import CLIENTS
from parameters import all_passed
from runner import test

VERSIONS = ("6.0.2", "5.3.1")


def served(program, *args, before=()):
    """A C server; (process, its address)."""
    def start(case):
        server = case.start([*before, case.program("border/" + program), "serve", "tcp://127.0.0.1:0", *args])
        return server, server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)
    return start


def with_client(version, name, lines=()):
    """The client connects three times; the service prints these lines for each time."""
    def function(case):
        case.python(version)
        server, address = served("services", name)(case)
        all_passed(case, case.run([case.python(version), os.path.join(CLIENTS, "services_client.py"), address, name]))
        for line in lines:
            server.wait_for(r"^%s$" % line, case.left(20), 3)
    return function


def of_server(version, script, program):
    def function(case):
        server = case.start([case.python(version), os.path.join(CLIENTS, script)])
        port = server.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)
        all_passed(case, case.run([case.program("border/" + program), "call", "tcp://127.0.0.1:" + port]))
    return function


def views(version, before=lambda case: ()):
    def function(case):
        case.python(version)
        server, address = served("restricted_views", before=before(case))(case)
        all_passed(case, case.run([case.python(version), os.path.join(CLIENTS, "restricted_client.py"), address]))
        case.equal(server.wait(case.left(20)), 0, "exit code of the server")
    return function


for version in VERSIONS:
    test("service.on-connect-and-on-disconnect.%s" % version)(
        with_client(version, "Guest", (r"a client of Python left: RPYC_ERR_(?:EOF|CLOSED), closed", "destroyed")))
    test("service.root-per-connection.%s" % version)(with_client(version, "Chooser", ("the instance is told",)))
    for name in ("Foobar", "CalculatorService", "Myservice"):
        test("service.names.%s.%s" % (name, version))(with_client(version, name))
    test("service.both-sides-and-void.%s" % version)(of_server(version, "services_server.py", "services"))
    test("restricted.python-client.%s" % version)(views(version))
    test("restricted.python-server.%s" % version)(of_server(version, "restricted_server.py", "restricted_views"))


def hooks_in_a_queue(version, before=lambda case: ()):
    """A program of one thread: what its service does happens there, in order."""
    def function(case):
        case.python(version)
        server, address = served("queue_hooks", before=before(case))(case)
        all_passed(case, case.run([case.python(version), os.path.join(CLIENTS, "queue_hooks_client.py"), address]))
        case.equal(server.wait(case.left(20)), 0, "exit code of the server")
    return function


for version in VERSIONS:
    test("service.hooks-in-a-queue.%s" % version)(hooks_in_a_queue(version))
test("valgrind.hooks-in-a-queue", memory.SECONDS)(hooks_in_a_queue("6.0.2", memory.valgrind))


@test("valgrind.restricted", memory.SECONDS)
def views_memory(case):
    views(VERSIONS[0], memory.valgrind)(case)
    memory.check(case)
