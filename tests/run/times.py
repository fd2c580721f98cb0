"""Dates and times: copied of stock peers by any rules, converted as arguments, sent to stock clients, which find in them what they
find in those of a stock service."""
import functools
import os

import classic
import cpp
import go
import memory
from behaviour import CLIENTS
from parameters import all_passed
from runner import test

VERSIONS = ("6.0.2", "5.3.1")


def stock_server(case, version, *options):
    server = case.start([case.python(version), os.path.join(CLIENTS, "times_server.py"), *options])
    return "tcp://127.0.0.1:" + server.wait_for(r"^PORT (\d+)$", case.left(60)).group(1)


def client(version, program, *options, before=lambda case: ()):
    def function(case):
        all_passed(case, case.run([*before(case), program(case), "call", stock_server(case, version, *options)]))
    return function


def service(version, before=lambda case: ()):
    """The same questions to a native service and a stock one."""
    def function(case):
        server = case.start([*before(case), case.program("border/times"), "serve"])
        address = server.wait_for(r"^listening (\S+)$", case.left(60)).group(1)
        all_passed(case, case.run([case.python(version), os.path.join(CLIENTS, "times_client.py"), address]))
        case.equal(server.wait(case.left(30)), 0, "exit code of the service")
        all_passed(case, server)
    return function


def border(case):
    return case.program("border/times")


for version in VERSIONS:
    test("times.c-client.default-rules.%s" % version)(client(version, border))
    test("times.c-service.%s" % version)(service(version))
test("times.c-client.trusted", 60)(client(VERSIONS[0], border, "allow_pickle=true", "allow_public_attrs=true"))


@test("valgrind.times.c-client", memory.SECONDS)
def client_memory(case):
    client(VERSIONS[0], border, before=memory.valgrind)(case)
    memory.check(case)


@test("valgrind.times.c-service", memory.SECONDS)
def service_memory(case):
    service(VERSIONS[0], before=memory.valgrind)(case)
    memory.check(case)


def of_binding(case, language):
    return go.program(case, "times") if language == "go" else case.program("cpp/times")


def binding_service(version, program):
    """A stock client's own as arguments, and those of a service here."""
    def function(case):
        server = case.start([program(case), "serve"])
        address = server.wait_for(r"^listening (\S+)$", case.left(60)).group(1)
        all_passed(case, case.run([case.python(version), os.path.join(CLIENTS, "times_bindings.py"), address]))
    return function


for language in ("cpp", "go"):
    for version in VERSIONS:
        test("times.%s-client.%s" % (language, version))(client(version, functools.partial(of_binding, language=language)))
        test("times.%s-service.%s" % (language, version))(binding_service(version, functools.partial(of_binding, language=language)))


def sanitized(case, program):
    client(VERSIONS[0], lambda case: program)(case)
    binding_service(VERSIONS[0], lambda case: program)(case)


test("cpp.sanitized.times", 600, long=True)(cpp.sanitized("times", sanitized))


@test("times.go-deliver", 60)
def go_deliver(case):
    address = classic.start_classic_server(case, VERSIONS[0])
    all_passed(case, case.run([of_binding(case, "go"), "deliver", address]))
