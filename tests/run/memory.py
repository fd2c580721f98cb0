"""Valgrind over C programs: no error, nothing lost, in the examples, the border programs and an interop run of each side."""
import os
import re

import border
import examples
import interop
import native
import readme as readme_programs
from runner import ROOT, test

ERRORS = 99
SECONDS = 240
# Not those that fork: in their children all that the parent's threads hold is lost. Valgrind keeps its own limit of descriptors,
# and does not follow a program from stack to stack.
BORDER = [name for name in border.programs() if name not in ("fork", "fork_bridge", "fork_release", "fork_serving", "accept_limit", "nesting")]


def valgrind(case):
    """What stands before a program."""
    return [case.tool("valgrind"), "--leak-check=full", "--show-leak-kinds=definite,indirect,possible",
            "--errors-for-leak-kinds=definite,indirect,possible", "--error-exitcode=%d" % ERRORS, "--num-callers=40",
            "--log-file={files}.valgrind-%p"]


def check(case):
    """Every process under valgrind has ended with a clean report."""
    reports = [process.read("valgrind") for process in case.processes if "valgrind" in process.args[0]]
    case.check(reports, "nothing ran under valgrind")
    for report in reports:                           # with those of its forked children
        case.check(re.search("ERROR SUMMARY: 0 errors", report) and not re.search("ERROR SUMMARY: [1-9]", report),
                   "valgrind found errors or leaks")


def interop_server(case):
    server, address = interop.start_c_server(case, interop.listen_address(case, "tcp"), before=valgrind(case))
    interop.python_client(case, "6.0.2", "--timeout", "100", *interop.python_client_options(address))
    case.stop(server, 60)


def interop_client(case):
    _server, address = interop.start_python_server(case, "6.0.2", "tcp")
    interop.c_client(case, address, before=valgrind(case))


def interop_both(case):
    address = interop.listen_address(case, "unix")
    server, address = interop.start_c_server(case, address, before=valgrind(case))
    interop.c_client(case, address, before=valgrind(case))
    case.stop(server, 60)


def readme(case, full):
    """The programs of README.md in C and C++; without `full` with valgrind's defaults, as a reader runs them."""
    before = valgrind(case) if full else [case.tool("valgrind"), "--log-file={files}.valgrind-%p"]
    programs = readme_programs.Programs(case)
    programs.write("add.c", readme_programs.blocks("c")[0])
    programs.compile("cc", "-std=c11", "add.c", "-o", "add")
    both = programs.cpp("both", readme_programs.blocks("cpp")[0])
    programs.calculator()
    case.equal(case.run([*before, "./add"], folder=case.folder).output, readme_programs.ANSWER + "\n", "output of add")
    if full:
        return                                       # the other is ended by a signal, and its threads hold what is theirs
    served = case.start([*before, both])
    served.wait_for("^" + re.escape(readme_programs.ANSWER), case.left(60))
    programs.call(programs.ports[2])
    case.stop(served, 60, (-15,))


def native_both(case):
    native.run_pair(case, "on", "accept", "native", "unix", before=valgrind(case))


def add(name, function):
    @test("valgrind." + name, SECONDS)
    def checked(case):
        case.tool("valgrind")
        function(case)
        check(case)


def register():
    for name in BORDER:
        add("border." + name, lambda case, name=name: border.run(case, name, before=valgrind(case)))
    add("interop-server.python-client", interop_server)
    add("interop-client.python-server", interop_client)
    add("interop-server.interop-client", interop_both)
    add("native-server.native-client", native_both)
    add("readme", lambda case: readme(case, True))
    add("readme.defaults", lambda case: readme(case, False))
    try:
        table = examples.rows()
    except (OSError, TypeError):
        return                                       # said by the examples themselves
    for row in table:
        version = examples.versions(row)[0]
        add("example." + examples.title(row, None),
            lambda case, row=row, version=version: examples.run(case, row, version, before=valgrind(case)))
