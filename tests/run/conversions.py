"""Numbers, strings and bytes of objects, as CPython's own functions take them: what Python programs really send."""
import functools
import os

import cpp
import go
import memory
from behaviour import CLIENTS
from parameters import all_passed
from runner import test

VERSIONS = ("6.0.2", "5.3.1")


def stock_server(case, version, what):
    if what == "numpy":
        case.need("numpy")
    server = case.start([case.python(version), os.path.join(CLIENTS, "numbers_server.py"), what])
    return "tcp://127.0.0.1:" + server.wait_for(r"^PORT (\d+)$", case.left(60)).group(1)


def converted(version, what, before=lambda case: ()):
    def function(case):
        address = stock_server(case, version, what)
        all_passed(case, case.run([*before(case), case.program("border/numbers"), "call", address]))
    return function


for version in VERSIONS:
    for what in ("plain", "numpy"):
        test("conversion.c-client.%s.%s" % (what, version))(converted(version, what))


def of_binding(case, language):
    return go.program(case, "numbers") if language == "go" else case.program("cpp/numbers")


def client_of(version, program):
    """What a client of a binding makes of such objects."""
    def function(case):
        address = stock_server(case, version, "numpy")
        all_passed(case, case.run([program(case), "call", address]))
    return function


def service_of(version, program):
    """What a service of a binding takes of a stock client."""
    def function(case):
        case.need("numpy")
        server = case.start([program(case), "serve"])
        address = server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)
        all_passed(case, case.run([case.python(version), os.path.join(CLIENTS, "numbers_client.py"), address, "numpy"]))
    return function


for language in ("cpp", "go"):
    for version in VERSIONS:
        program = functools.partial(of_binding, language=language)
        test("conversion.%s-client.%s" % (language, version))(client_of(version, program))
        test("conversion.%s-service.%s" % (language, version))(service_of(version, program))


def sanitized(case, program):
    client_of(VERSIONS[0], lambda case: program)(case)
    service_of(VERSIONS[0], lambda case: program)(case)


test("cpp.sanitized.numbers", 600, long=True)(cpp.sanitized("numbers", sanitized))


@test("valgrind.conversion.c-client", memory.SECONDS)
def client_memory(case):
    converted(VERSIONS[0], "plain", memory.valgrind)(case)
    memory.check(case)


@test("valgrind.conversion.cpp-client", memory.SECONDS)
def cpp_client_memory(case):
    address = stock_server(case, VERSIONS[0], "plain")
    all_passed(case, case.run([*memory.valgrind(case), of_binding(case, "cpp"), "call", address]))
    memory.check(case)


MODES = ("threads", "pool", "queue", "loop", "session")


def typed(version, mode, what, limits=(), before=lambda case: ()):
    """A C service whose signatures have types, and a stock client."""
    def function(case):
        if what == "numpy":
            case.need("numpy")
        python = case.python(version)
        server = case.start([*before(case), case.program("border/typed_calls"), mode, *limits])
        address = server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)
        client = os.path.join(CLIENTS, "typed_client.py")
        all_passed(case, case.run([python, client, address, mode, what, *limits]))
    return function


for mode in MODES:
    for version in VERSIONS:
        test("conversion.typed-signatures.%s.%s" % (mode, version))(typed(version, mode, "numpy"))
    # The time for answers in seconds, and the most calls at once.
    test("conversion.typed-signatures.%s.limits" % mode)(typed(VERSIONS[0], mode, "plain", ("1", "8")))
