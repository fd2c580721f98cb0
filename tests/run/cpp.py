"""The C++ binding: it compiles everywhere, its own tests, its examples, and the interop contract in C++ on either side."""
import glob
import os
import re
import shutil

import border
import classic
import interop
import memory
from prepare import VERSIONS
from runner import ROOT, TARGET, Failed, shown, test

FOLDER = os.path.join(ROOT, "bindings", "cpp")
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wshadow", "-Wconversion", "-pthread",
          "-I" + os.path.join(ROOT, "include"), "-I" + os.path.join(FOLDER, "include")]
COMPILERS = ("g++", "clang++")
STANDARDS = ("17", "20", "23")
WHOLE = (("g++", "17"), ("clang++", "23"))
SPELLED = {"23": "2b"}                               # as compilers took it before C++23 was there
LEAST_CHECKS = 83                                    # of the client
CLIENTS = os.path.join(ROOT, "tests", "run", "clients")
LISTENING = r"^listening (\S+)$"
EXAMPLES = ("client", "callbacks", "async", "coroutines")


def compiler(case, name):
    case.need(name)
    return shutil.which(name)


def compiles(name, standard, sources="*", options=()):
    """Tests of the binding compile without a warning."""
    def function(case):
        for source in sorted(glob.glob(os.path.join(FOLDER, "tests", sources + ".cpp"))):
            case.run([compiler(case, name), "-std=c++" + SPELLED.get(standard, standard), *STRICT, *options, "-fsyntax-only", source])
    return function


# What compiles and would read memory that is gone, or drop what it was given, is refused by the compiler.
REFUSED = {
    "a view of a value that ends": 'void f(const rpyc::Object &o) { auto text = o.call("x").as<std::string_view>(); (void)text; }',
    "bytes of a value that ends": 'void f(const rpyc::Object &o) { const rpyc::bytes_view bytes = o.call("x"); (void)bytes; }',
    "a container of views": 'void f(const rpyc::Value &v) { (void)v.as<std::vector<std::string_view>>(); }',
    "a future of a view": 'void f(const rpyc::Future<rpyc::Value> &v) { (void)v.as<std::string_view>(); }',
    "a call that ends before its future": 'rpyc::Future<int> g(rpyc::Call &);\nvoid f(rpyc::Service &s) { s.expose("g", g); }',
    "a generator with a reference": 'rpyc::Generator<int> g(const std::string &);\nvoid f(rpyc::Service &s) { s.expose("g", g); }',
    "an argument to be changed": 'void f(rpyc::Service &s) { s.expose("g", [](std::string &text) { text = "x"; }); }',
    "text of a value that ends": 'void f(const rpyc::Object &o) { const std::string_view text = o.call("x").text(); (void)text; }',
    "text of an attribute": 'void f(const rpyc::Object &o) { const std::string_view text = o.attr("x"); (void)text; }',
    "text of an attribute's value": 'void f(const rpyc::Object &o) { const std::string_view text = o.attr("x").text(); (void)text; }',
    "a view of what a call gives": 'void f(const rpyc::Object &o) { const rpyc::View view = o.call("x"); (void)view; }',
    "assigning to what a call gives": 'void f(const rpyc::Object &o) { o.call("x") = 5; }',
    "assigning to an object that a call gives": 'void f(const rpyc::Connection &c) { c.root() = rpyc::Object(); }',
    "adding to an attribute": 'void f(const rpyc::Object &o) { o.attr("x") += 5; }',
    "reading an attribute for nothing": 'void f(const rpyc::Object &o) { o.attr("x"); }',
    "reading an item for nothing": 'void f(const rpyc::Object &o) { o["x"]; }',
    "an optional of another type": 'void f(const rpyc::Object &o) { const std::optional<std::vector<int>> v = o.call("x"); (void)v; }',
    "a connection that ends at once": 'void f() { rpyc::connect("tcp://127.0.0.1:1"); }',
    "threads that end at once": 'void f(const rpyc::Connection &c) { c.serve_background(); }',
    "a deferred call that is dropped": 'void f(rpyc::Service &s) { s.expose("g", [](rpyc::Call &call) { call.defer(); }); }',
    "a redirection that ends at once": 'void f(const rpyc::Classic &c) { c.redirect([](std::string_view) {}); }',
    "a reference to a chain's temporary": 'void f() { auto &s = rpyc::Service("S").doc("d"); (void)s; }',
    "a reference to a temporary's options": 'void f() { auto &c = rpyc::Config().set("debug", true); (void)c; }',
    "on_connect of another shape": 'void f(rpyc::Service &s) { s.on_connect([](int, const rpyc::Connection &) {}); }',
    "a unique pointer that stays": 'struct T {};\nvoid f(const rpyc::Object &o, std::unique_ptr<T> &p) { o.call("x", p); }',
    "lists in a list without their name": 'void f(const rpyc::Object &o) { o.call("x", {{1, 2}, {3, 4}}); }',
    "awaiting in a generator": 'rpyc::Generator<int> g(rpyc::Future<int> f) { co_yield co_await f; }',
}


def refused(case):
    # The headers are compiled once for all of them.
    options = [compiler(case, "g++"), "-std=c++20", *STRICT]
    headers = os.path.join(case.folder, "headers.hpp")
    with open(headers, "w", encoding="utf-8") as file:
        file.write("#include <rpyc.hpp>\n")
    case.run([*options, "-x", "c++-header", headers, "-o", headers + ".gch"])
    for number, (what, text) in enumerate(REFUSED.items()):
        source = os.path.join(case.folder, "refused-%d.cpp" % number)
        with open(source, "w", encoding="utf-8") as file:
            file.write('#include "headers.hpp"\n' + text + "\n")
        told = case.run([*options, "-fsyntax-only", "-Winvalid-pch", source], codes=(1,)).read("err")
        case.check("error: " in told and "No such file" not in told and "pch" not in told, "%s: %s" % (what, told[:500]))


# Where there is no conversion, the message is short and names rpyc::Convert, of a type alone and inside of others.
INSIDE = ("Foo", "Class", "std::vector<Foo>", "std::map<std::string, Foo>", "std::optional<Foo>", "std::tuple<int, Foo>", "std::variant<int, Foo>")
UNKNOWN = {
    "an argument": 'void f(const rpyc::Object &o, TYPE &x) { o.call("x", 1, x); }',
    "an argument of an asynchronous call": 'void f(const rpyc::Object &o, TYPE &x) { (void)o.async_call("x", x); }',
    "a keyword": 'void f(const rpyc::Object &o, TYPE &x) { o.call("x", rpyc::kw("a") = x); }',
    "a value": 'void f(TYPE &x) { const rpyc::Value v(x); (void)v; }',
    "an attribute": 'void f(const rpyc::Object &o, TYPE &x) { o.set_attr("x", x); }',
    "an attribute that is assigned": 'void f(const rpyc::Object &o, TYPE &x) { o.attr("x") = x; }',
    "an item that is assigned": 'void f(const rpyc::Object &o, TYPE &x) { o["x"] = x; }',
    "what a call gives": 'void f(const rpyc::Object &o) { (void)o.call("x").as<TYPE>(); }',
    "what an attribute is": 'void f(const rpyc::Object &o) { (void)o.attr("x").as<TYPE>(); }',
    "a result": 'void f(rpyc::Service &s, TYPE (*g)()) { s.expose("g", g); }',
    "a parameter": 'void f(rpyc::Service &s, void (*g)(TYPE)) { s.expose("g(x)", g); }',
    "a property": 'struct C { TYPE x; };\nvoid f(rpyc::Class<C> &c) { c.property("x", &C::x); }',
    "a function": 'void f(void (*g)(TYPE)) { (void)rpyc::function("g", g); }',
    "a variable of what a call gives": 'void f(const rpyc::Object &o) { TYPE x = o.call("x"); (void)x; }',
    "a variable in parentheses": 'void f(const rpyc::Object &o) { TYPE x(o.call("x")); (void)x; }',
    "a variable that is assigned to": 'void f(const rpyc::Value &v, TYPE &x) { x = v; }',
    "a variable of an attribute": 'void f(const rpyc::Object &o) { const TYPE &x = o.attr("x"); (void)x; }',
    "a variable of an item": 'TYPE f(const rpyc::Object &o) { return o["x"]; }',
    "an argument in C++": 'void g(TYPE);\nvoid f(const rpyc::Object &o) { g(o.call("x")); }',
    "a cast": 'void f(rpyc::View v) { (void)static_cast<TYPE>(v); }',
    "a loop": 'void f(const rpyc::Object &o) { for (TYPE x : o) (void)x; }',
    "a future": 'void f(const rpyc::Object &o) { rpyc::Future<TYPE> x = o.async_call("x"); (void)x; }',
    "a future that is converted": 'void f(const rpyc::Object &o) { (void)o.async_call("x").as<TYPE>(); }',
    "what a continuation takes": 'void f(const rpyc::Object &o) { (void)o.async_call("x").then([](TYPE) {}); }',
    "a parameter of a callback": 'void f(const rpyc::Object &o) { o.call("x", [](TYPE) {}); }',
    "a result of a callback": 'void f(const rpyc::Object &o, const std::function<TYPE()> &g) { o.call("x", g); }',
    "a parameter of a function of the peer": 'void f(const rpyc::Value &v) { (void)v.as<std::function<int(TYPE)>>(); }',
    "a parameter of a constructor": 'struct C {};\nvoid f(rpyc::Class<C> &c) { c.constructor("C(x)", [](TYPE) { return std::make_shared<C>(); }); }',
    "an item of a generator": 'void f() { (void)rpyc::generator([]() -> std::optional<TYPE> { return {}; }); }',
}
FOO = "struct Foo { int a; }; class Class { public: Class(); explicit Class(const char *); private: std::string text_; };\n"
LONGEST = 15


def short_message(name):
    def function(case):
        headers = os.path.join(FOLDER, "include", "rpyc.hpp")
        options = [compiler(case, name), "-std=c++17", "-Wall", "-I" + os.path.join(ROOT, "include"), "-I" + os.path.join(FOLDER, "include")]
        made = os.path.join(case.folder, "rpyc.hpp." + ("gch" if name == "g++" else "pch"))
        case.run([*options, "-w", "-x", "c++-header", headers, "-o", made])
        before = ["-I" + case.folder] if name == "g++" else ["-include-pch", made]
        for number, (what, text) in enumerate(UNKNOWN.items()):
            # Those inside of others: one way each. A variant takes a value by itself where one of its types does.
            for inside in INSIDE if number in (7, 9) else INSIDE[1:-1] if number == 13 else INSIDE[:1]:
                source = os.path.join(case.folder, "unknown.cpp")
                with open(source, "w", encoding="utf-8") as file:
                    file.write("#include <rpyc.hpp>\n" + FOO + text.replace("TYPE", inside) + "\n")
                told = case.run([options[0], *before, *options[1:], "-fsyntax-only", source], codes=(1,)).read("err")
                lines = told.count("\n")
                case.check(lines <= LONGEST and "error: " in told and re.search(r"rpyc(::|_)Convert", told) and re.search("unknown.cpp:[34]:", told),
                           "%s of type %s: %d lines: %s" % (what, inside, lines, told[:3000]))
    return function


def linked(case, name, objects, options=()):
    """Links a program of the case's own."""
    program, release = os.path.join(case.folder, name), os.path.join(TARGET, "release")
    case.run([compiler(case, "g++"), *options, "-pthread", "-o", program, *objects, "-L" + release, "-lrpyc", "-Wl,-rpath," + release])
    return program


def two_parts(case):
    """A program of two parts that both include the headers, by different compilers in different standards."""
    objects = []
    for name, standard, part in (("g++", "17", "one"), ("clang++", "20", "two")):
        objects.append(os.path.join(case.folder, part + ".o"))
        case.run([compiler(case, name), "-std=c++" + standard, *STRICT, "-c", "-o", objects[-1], os.path.join(FOLDER, "tests", "odr", part + ".cpp")])
    case.equal(case.run([linked(case, "parts", objects)]).output, "4 6 2 1 1\n", "what it prints")


def sanitized(name, run):
    """A test's program once more, with g++'s sanitizers in all of its C++, leaks included."""
    def function(case):
        options = ["-std=c++20", "-O0", "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
        source = os.path.join(case.folder, name + ".o")
        case.run([compiler(case, "g++"), *options, *STRICT, "-c", "-o", source, os.path.join(FOLDER, "tests", name + ".cpp")])
        run(case, linked(case, name, [source], options))
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


def alone(name, least):
    """One of its tests that needs no peer."""
    def function(case, program=None, before=()):
        all_pass(case, case.run([*before, program or case.program("cpp/" + name)]), least)
    return function


binding, types, robust, lifetime = alone("binding", 27), alone("types", 15), alone("robust", 15), alone("lifetime", 10)
batch = alone("batch", 5)


# ---------------------------------------------------------------- with stock Python
def calling(case, version, program=None, before=()):
    """What a client does beyond the interop contract."""
    server = case.start([case.python(version), os.path.join(CLIENTS, "cpp_server.py")])
    port = server.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)
    all_pass(case, case.run([*before, program or case.program("cpp/calling"), "tcp://127.0.0.1:" + port, case.folder]), 22)


def served(case, version, program=None, before=()):
    """What services and objects are beyond the interop contract."""
    server = case.start([*before, program or case.program("cpp/served"), "tcp://127.0.0.1:0"])
    addresses = server.wait_for(r"^listening (\S+) (\S+)$", case.left(60)).groups()
    all_pass(case, case.run([case.python(version), os.path.join(CLIENTS, "cpp_client.py"), *addresses]), 46)
    case.equal(server.wait(case.left(60)), 0, "exit code of the server")


def outlived(case, version, program=None, before=()):
    """Classes, functions and modules whose handles are gone, called by stock Python."""
    server = case.start([*before, program or case.program("cpp/lifetime"), "tcp://127.0.0.1:0"])
    address = server.wait_for(LISTENING, case.left(60)).group(1)
    all_pass(case, case.run([case.python(version), os.path.join(CLIENTS, "cpp_lifetime.py"), address]), 16)
    server.popen.stdin.close()
    case.equal(server.wait(case.left(60)), 0, "exit code of the server")


def lifetime_and_peer(case, program):
    lifetime(case, program)
    outlived(case, "6.0.2", program)


def master(case, version, program=None, before=()):
    address = classic.start_classic_server(case, version)
    all_pass(case, case.run([*before, program or case.program("cpp/classic"), address, case.folder]), 6)


def slave(case, version, program=None, before=()):
    server = case.start([*before, program or case.program("cpp/classic"), "--slave", "tcp://127.0.0.1:0"])
    address = server.wait_for(LISTENING, case.left(60)).group(1)
    all_pass(case, case.run([case.python(version), os.path.join(CLIENTS, "cpp_master.py"), address]), 9)
    case.equal(server.wait(case.left(60)), 0, "exit code of the slave")


def names(case, version, program=None, before=()):
    server = case.start([*before, program or case.program("cpp/classic"), "--names", "tcp://127.0.0.1:0"])
    address = server.wait_for(LISTENING, case.left(60)).group(1)
    all_pass(case, case.run([case.python(version), os.path.join(CLIENTS, "slave_names.py"), address]), 9)
    case.equal(server.wait(case.left(60)), 0, "exit code of the slave")


def idle_release(server):
    def function(case):
        _server, address = border.release_server(case, server)
        border.counted(case, case.run([case.program("cpp/idle"), "release", address]).output)
    return function


def stdio(version):
    def function(case):
        script = os.path.join(CLIENTS, "stdio_bindings.py")
        border.counted(case, case.run([case.python(version), script, case.program("cpp/idle")]).output)
    return function


for peer in (*VERSIONS[:2], "c"):
    test("cpp.idle-release.with-%s" % peer, 120)(idle_release(peer))
for version in VERSIONS[:2]:
    test("cpp.stdio-isolated.python-%s" % version, 60)(stdio(version))


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


# ---------------------------------------------------------------- the table of functions
def every_function(case):
    """Each function of the library is called by the binding, or its guide says why not: not both."""
    called = ""
    for path in glob.glob(os.path.join(FOLDER, "include", "**", "*.hpp"), recursive=True):
        with open(path, encoding="utf-8") as file:
            called += re.sub(r"/\*.*?\*/|//[^\n]*", "", file.read(), flags=re.DOTALL)
    with open(os.path.join(ROOT, "docs", "guide", "cpp.md"), encoding="utf-8") as file:
        left = re.findall(r"`(rpyc_\w+)(\.\.\.)?`", file.read().split("## C functions without a binding", 1)[1])
    with open(os.path.join(ROOT, "include", "symbols.txt"), encoding="utf-8") as file:
        names = [line.split()[0] for line in file if line.startswith("rpyc_")]
    for name in names:
        uses = re.search(r"\b%s\b" % name, called) is not None
        told = any(name.startswith(text) if more else name == text for text, more in left)
        case.check(uses != told, "%s is %s" % (name, "called and left to C" if uses else "neither called nor left to C"))
    case.note("%d functions, %d left to C" % (len(names), sum(any(name.startswith(text) if more else name == text for text, more in left) for name in names)))


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
    for name in ("README.md", "docs/guide/cpp.md", "docs/guide/authentication.md"):
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
        # All in the oldest and in the newest, by one compiler each, and in C++20 where they are built; what uses most in the others.
        test("cpp.compiles.%s.c++%s" % (compiler_name, standard_name), seconds=480)(
            compiles(compiler_name, standard_name, "*" if (compiler_name, standard_name) in WHOLE else "binding"))
test("cpp.size-of-files")(size_of_files)
test("cpp.every-function")(every_function)
test("cpp.compiles.g++.without-rtti", seconds=480)(compiles("g++", "20", "binding", ["-fno-rtti"]))
test("cpp.refused", seconds=480)(refused)
for compiler_name in COMPILERS:
    test("cpp.short-message." + compiler_name, seconds=480)(short_message(compiler_name))
test("cpp.two-parts-of-a-program", seconds=480)(two_parts)
test("cpp.binding", seconds=120)(binding)
test("cpp.types", seconds=120)(types)
test("cpp.robust", seconds=120)(robust)
test("cpp.lifetime", seconds=120)(lifetime)
test("cpp.batch", seconds=120)(batch)
for name, function in (("calling", calling), ("served", served), ("classic-master", master), ("classic-slave", slave), ("classic-names", names)):
    for version_name in ("6.0.2", "5.3.1"):
        test("cpp.%s.%s" % (name, version_name), seconds=120)(lambda case, function=function, version=version_name: function(case, version))
    test("cpp.sanitized." + name, seconds=600, long=True)(sanitized(name.split("-")[0], lambda case, program, function=function: function(case, "6.0.2", program)))
test("cpp.sanitized.binding", seconds=600, long=True)(sanitized("binding", binding))
test("cpp.sanitized.types", seconds=600)(sanitized("types", types))
test("cpp.sanitized.robust", seconds=600)(sanitized("robust", robust))
test("cpp.sanitized.batch", seconds=600)(sanitized("batch", batch))
test("cpp.sanitized.lifetime", seconds=600)(sanitized("lifetime", lifetime_and_peer))
for version_name in ("6.0.2", "5.3.1"):
    test("cpp.outlived." + version_name, seconds=120)(lambda case, version=version_name: outlived(case, version))
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
test("cpp.docs", seconds=480)(snippets)
memory.add("cpp.binding", lambda case: binding(case, before=memory.valgrind(case)))
memory.add("cpp.lifetime", lambda case: lifetime(case, before=memory.valgrind(case)))
memory.add("cpp.calling", lambda case: calling(case, "6.0.2", before=memory.valgrind(case)))
memory.add("cpp.interop-server.interop-client", lambda case: server_client(case, memory.valgrind(case)))
