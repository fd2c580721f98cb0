"""The C++ binding: it compiles everywhere, its own tests, its examples, and the interop contract in C++ on either side."""
import os
import re
import shutil

import interop
import memory
from prepare import VERSIONS
from runner import ROOT, Failed, shown, test

FOLDER = os.path.join(ROOT, "bindings", "cpp")
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wshadow", "-Wconversion", "-pthread",
          "-I" + os.path.join(ROOT, "include"), "-I" + os.path.join(FOLDER, "include")]
COMPILERS = ("g++", "clang++")
STANDARDS = ("17", "20", "23")
SPELLED = {"23": "2b"}                               # as compilers took it before C++23 was there
LEAST_CHECKS = 83                                    # of the client
LISTENING = r"^listening (\S+)$"
EXAMPLES = ("client", "callbacks", "async", "coroutines")


def compiler(case, name):
    case.need(name)
    return shutil.which(name)


def compiles(name, standard):
    def function(case):
        case.run([compiler(case, name), "-std=c++" + SPELLED.get(standard, standard), *STRICT, "-fsyntax-only",
                  os.path.join(FOLDER, "tests", "binding.cpp")])
    return function


def size_of_files(case):
    """No file of the binding is larger than those of the library may be."""
    large = []
    for folder, _folders, names in os.walk(FOLDER):
        for name in names:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                lines = file.read().count("\n")
            if lines > 700:
                large.append("%s has %d lines" % (name, lines))
    case.check(not large, "; ".join(large))


def all_pass(case, process, least):
    last = process.output.splitlines()[-1:]
    found = re.fullmatch(r"(\d+) passed, 0 failed", last[0] if last else "")
    case.check(found, "the last line is %s" % last)
    case.check(int(found.group(1)) >= least, "only %s checks" % found.group(1))
    case.note(found.group(1) + " checks")


def binding(case, before=()):
    all_pass(case, case.run([*before, case.program("cpp/binding")]), 25)


# ---------------------------------------------------------------- the interop contract
def start_server(case, address="tcp://127.0.0.1:0", before=()):
    server = case.start([*before, case.program("cpp/interop_server"), address])
    return server, server.wait_for(LISTENING, case.left(30)).group(1)


def run_client(case, address, before=()):
    # Under valgrind without the two that hash megabytes.
    less = ["-bulk-compressible", "-bulk-incompressible"] if before else []
    all_pass(case, case.run([*before, case.program("cpp/interop_client"), address, *less]), LEAST_CHECKS - len(less))


def server_python_client(version, transport):
    def function(case):
        if transport == "stdio":
            return interop.python_client(case, version, "--stdio", shown([case.program("cpp/interop_server"), "stdio:"]))
        server, address = start_server(case, interop.listen_address(case, transport))
        interop.python_client(case, version, *interop.python_client_options(address))
        case.stop(server)
    return function


def python_server_client(version):
    def function(case):
        server, address = interop.start_python_server(case, version, "tcp")
        run_client(case, address)
        case.check(not server.ended, "the Python server ended by itself")
    return function


def server_client(case, before=()):
    server, address = start_server(case, before=before)
    run_client(case, address, before)
    case.stop(server, 60)


def c_server_client(case):
    server, address = interop.start_c_server(case, interop.listen_address(case, "tcp"))
    run_client(case, address)
    case.stop(server)


# ---------------------------------------------------------------- examples
def compare(process, name):
    with open(os.path.join(FOLDER, "examples", "expected", name + ".txt"), encoding="utf-8") as file:
        want = file.read()
    if process.output != want:
        raise Failed("%s printed %r, not %r" % (name, process.output, want))


def example(name, version):
    def function(case):
        peer = case.start([case.python(version), os.path.join(FOLDER, "examples", "peer.py")])
        address = peer.wait_for(LISTENING, case.left(30)).group(1)
        compare(case.run([case.program("cpp/" + name), address]), name)
    return function


def example_server(version):
    def function(case):
        server = case.start([case.program("cpp/server"), "tcp://127.0.0.1:0"])
        address = server.wait_for(LISTENING, case.left(30)).group(1)
        compare(case.run([case.python(version), os.path.join(FOLDER, "examples", "peer.py"), address]), "server")
        case.stop(server)
        case.equal(server.output.splitlines()[-1], "stopped", "last line of the server")
    return function


# ---------------------------------------------------------------- documents
def snippets(case):
    """Every piece of C++ in the documents compiles: those that include rpyc.hpp alone, the others as insides of functions."""
    whole, inside = [], ["#include <rpyc.hpp>\n#include <iostream>\n#include <thread>\nusing namespace std::chrono_literals;\n"]
    for name in ("README.md", "docs/cpp.md"):
        with open(os.path.join(ROOT, name), encoding="utf-8") as file:
            for piece in re.findall(r"^```cpp\n(.*?)^```", file.read(), re.MULTILINE | re.DOTALL):
                if "#include <rpyc.hpp>" in piece:
                    whole.append(piece)
                else:
                    inside.append("void snippet_%d(const rpyc::Connection &conn, const rpyc::Object &root, rpyc::Service &service) {\n"
                                  "(void)conn, (void)root, (void)service;\n%s}\n" % (len(inside), piece))
    for number, piece in enumerate([*whole, "".join(inside)]):
        source = os.path.join(case.folder, "snippet-%d.cpp" % number)
        with open(source, "w", encoding="utf-8") as file:
            file.write(piece)
        case.run([compiler(case, "g++"), "-std=c++20", *STRICT, "-Wno-unused", "-Wno-shadow", "-fsyntax-only", source])
    case.check(len(whole) >= 4 and len(inside) >= 8, "only %d and %d pieces found" % (len(whole), len(inside)))
    case.note("%d pieces" % (len(whole) + len(inside) - 1))


for compiler_name in COMPILERS:
    for standard_name in STANDARDS:
        test("cpp.compiles.%s.c++%s" % (compiler_name, standard_name), seconds=240)(compiles(compiler_name, standard_name))
test("cpp.size-of-files")(size_of_files)
test("cpp.binding", seconds=120)(binding)
for version_name in VERSIONS:
    test("cpp.interop.cpp-server.python-client.%s.tcp" % version_name)(server_python_client(version_name, "tcp"))
    test("cpp.interop.python-server.cpp-client.%s.tcp" % version_name)(python_server_client(version_name))
test("cpp.interop.cpp-server.python-client.6.0.2.unix")(server_python_client("6.0.2", "unix"))
test("cpp.interop.cpp-server.python-client.6.0.2.stdio")(server_python_client("6.0.2", "stdio"))
test("cpp.interop.cpp-server.cpp-client")(server_client)
test("cpp.interop.c-server.cpp-client")(c_server_client)
for example_name in EXAMPLES:
    for version_name in ("6.0.2", "5.3.1"):
        test("cpp.example.%s.%s" % (example_name, version_name))(example(example_name, version_name))
for version_name in ("6.0.2", "5.3.1"):
    test("cpp.example.server.%s" % version_name)(example_server(version_name))
test("cpp.docs", seconds=400)(snippets)
memory.add("cpp.binding", lambda case: binding(case, memory.valgrind(case)))
memory.add("cpp.interop-server.interop-client", lambda case: server_client(case, memory.valgrind(case)))
