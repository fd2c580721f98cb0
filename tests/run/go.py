"""The Go binding: its own tests, with and without the race detector; the interop contract against Python and C; the documents."""
import functools
import os
import re
import shutil
import subprocess

import border
import classic
import interop
from prepare import VERSIONS
from runner import ROOT, TARGET, Failed, NotRun, test

FOLDER = os.path.join(ROOT, "bindings", "go")
PROGRAMS = os.path.join(TARGET, "c", "go")
CLIENTS = os.path.join(ROOT, "tests", "run", "clients")
PYTHONS = ("6.0.2", "5.3.1")
TRANSPORTS = ("tcp", "unix")
LEAST_CHECKS = 84                                    # of the Go client: the 83 of the contract, and one of its own
MODULE = "module snippet\n\ngo 1.19\n\nrequire rpyc v0.0.0\n\nreplace rpyc => %s\n"


@functools.lru_cache(None)
def key():
    """What tells this library and its header from others in go's cache."""
    return subprocess.run(["make", "-s", "--no-print-directory", "CARGO_TARGET_DIR=" + TARGET, "go-key"], cwd=ROOT, check=True,
                          env=dict(os.environ, MAKEFLAGS=""), capture_output=True, text=True).stdout.strip()


def environment():
    """For the go command: the library of this tree, and no network."""
    return {"CGO_CFLAGS": key(), "PKG_CONFIG_PATH": os.path.join(TARGET, "c", "pkgconfig"), "GOPROXY": "off", "GOFLAGS": "", "GOWORK": "off",
            "GOTOOLCHAIN": "local"}


def go(case, *args, folder=FOLDER, seconds=None):
    for tool in ("go", "pkg-config"):
        case.need(tool)
    if not os.path.exists(os.path.join(TARGET, "c", "pkgconfig", "rpyc.pc")):
        raise NotRun("target/c/pkgconfig/rpyc.pc was not written (make go-programs)")
    return case.run(["go", *args], seconds, environment(), folder)


def program(case, name):
    case.need("go")
    path = os.path.join(PROGRAMS, name)
    if not os.access(path, os.X_OK):
        raise NotRun("target/c/go/%s was not built" % name)
    return path


@test("build.go-programs", seconds=600)
def build(case):
    for tool in ("go", "pkg-config"):
        case.need(tool)
    case.run(["make", "--no-print-directory", "go-programs"], env={"MAKEFLAGS": ""}, folder=ROOT)


@test("go.vet", seconds=300)
def vet(case):
    go(case, "vet", "./...")


@test("go.formatted")
def formatted(case):
    case.need("go")
    gofmt = shutil.which("gofmt") or os.path.join(case.run(["go", "env", "GOROOT"]).output.strip(), "bin", "gofmt")
    case.equal(case.run([gofmt, "-l", "."], folder=FOLDER).output, "", "files that gofmt would change")


@test("go.tests", seconds=300)
def tests(case):
    done = go(case, "test", "-count=1", "-v", "./...")
    passed = re.findall(r"^--- PASS: (\w+)", done.output, re.MULTILINE)
    case.check(any(name.startswith("Example") for name in passed), "no example ran")
    threads = re.search(r"(\d+ threads for \d+ waiting calls)", done.output)
    case.check(threads, "the test of thousands of goroutines did not run")
    case.note("%d tests; %s" % (len(passed), threads.group(1)))


@test("go.tests-with-race-detector", seconds=600)
def race(case):
    go(case, "test", "-count=1", "-race", "./...")


@test("go.module-of-a-user", seconds=300)
def consumer(case):
    """The programs of the documents compile in a module of their own, whole ones also as programs."""
    folder = os.path.join(case.folder, "m")
    os.mkdir(folder)
    with open(os.path.join(folder, "go.mod"), "w", encoding="utf-8") as file:
        file.write(MODULE % FOLDER)
    count = 0
    for name in ("README.md", "docs/guide/go.md", "docs/reference/conversions.md"):
        path = os.path.join(ROOT, name)
        if not os.path.exists(path):
            continue
        with open(path, encoding="utf-8") as file:
            pieces = re.findall(r"^```go\n(.*?)^```", file.read(), re.MULTILINE | re.DOTALL)
        for piece in pieces:
            count += 1
            package = os.path.join(folder, "p%d" % count)
            os.mkdir(package)
            if not piece.startswith("package "):
                raise Failed("a piece of Go in %s is not a whole file" % name)
            with open(os.path.join(package, "main.go"), "w", encoding="utf-8") as file:
                file.write(piece)
    case.check(count >= 5, "only %d pieces of Go in the documents" % count)
    go(case, "vet", "./...", folder=folder)
    go(case, "build", "-o", os.path.join(case.folder, "bin") + os.sep, "./...", folder=folder)
    case.note("%d pieces" % count)


def start_server(case, transport, *options):
    server = case.start([program(case, "server"), interop.listen_address(case, transport), *options])
    return server, server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)


def client(case, address):
    done = case.run([program(case, "client"), address])
    found = re.fullmatch(r"(\d+) passed, 0 failed", done.output.splitlines()[-1])
    case.check(found, "the last line is %r" % done.output.splitlines()[-1:])
    case.check(int(found.group(1)) >= LEAST_CHECKS, "only %s checks" % found.group(1))
    case.note(found.group(1) + " checks")


def go_server_python_client(version, transport, *options):
    def function(case):
        case.python(version)
        server, address = start_server(case, transport, *options)
        interop.python_client(case, version, *interop.python_client_options(address))
        case.stop(server)
    return function


def python_server_go_client(version, transport):
    def function(case):
        server, address = interop.start_python_server(case, version, transport)
        client(case, address)
        case.check(not server.ended, "the Python server ended by itself")
    return function


for transport in TRANSPORTS:
    for version in PYTHONS if transport == "unix" else VERSIONS:
        test("go.server.python-client.%s.%s" % (version, transport), 120)(go_server_python_client(version, transport))
        test("go.python-server.client.%s.%s" % (version, transport), 120)(python_server_go_client(version, transport))
for version in PYTHONS:
    test("go.serial-server.python-client.%s" % version, 120)(go_server_python_client(version, "tcp", "serial"))


def features(version):
    """What the binding has beyond the contract: Python uses it, and a second Python server has objects that are passed on."""
    def function(case):
        python = case.python(version)
        other = case.start([python, os.path.join(CLIENTS, "go_other.py")])
        address = other.wait_for(r"^listening (\S+)$", case.left(60)).group(1)
        server = case.start([program(case, "features"), "serve", "tcp://127.0.0.1:0", address])
        address = server.wait_for(r"^listening (\S+)$", case.left(60)).group(1)
        classic.all_passed(case, case.run([python, os.path.join(CLIENTS, "go_features.py"), address, case.folder, "--other"]))
        case.check(not other.ended, "the other server ended by itself")
        case.stop(server)
    return function


def idle_release(server):
    """Objects that a client lets go of end at the peer while nothing else is sent."""
    def function(case):
        _server, address = border.release_server(case, server)
        border.counted(case, case.run([program(case, "features"), "release", address]).output)
    return function


def stdio(version):
    """A Go program that talks over its standard streams prints all the same."""
    def function(case):
        script = os.path.join(CLIENTS, "stdio_bindings.py")
        border.counted(case, case.run([case.python(version), script, program(case, "features")]).output)
    return function


for peer in (*PYTHONS, "c"):
    test("go.idle-release.with-%s" % peer, 120)(idle_release(peer))
for version in PYTHONS:
    test("go.stdio-isolated.python-%s" % version, 60)(stdio(version))


def classic_client(version):
    """Go is master of a stock rpyc_classic.py."""
    def function(case):
        address = classic.start_classic_server(case, version)
        classic.all_passed(case, case.run([program(case, "features"), "classic", address, case.folder]))
    return function


def slave(version, prefix):
    """A stock master drives a Go service by plain names: they have no prefix, or one that is the connection's."""
    def function(case):
        server = case.start([program(case, "features"), "slave", "tcp://127.0.0.1:0", prefix])
        address = server.wait_for(r"^listening (\S+)$", case.left(60)).group(1)
        classic.all_passed(case, case.run([case.python(version), os.path.join(CLIENTS, "slave_names.py"), address]))
        case.stop(server)
    return function


for version in VERSIONS:
    test("go.slave-names.%s" % version, 60)(slave(version, ""))
    test("go.slave-names.%s.prefix" % version, 60)(slave(version, "my_"))
    test("go.server.python-features.%s" % version, 120)(features(version))
    test("go.classic-server.client.%s" % version, 120)(classic_client(version))


@test("go.server.go-client", 120)
def go_go(case):
    server, address = start_server(case, "tcp")
    client(case, address)
    case.stop(server)


@test("go.server.c-client", 120)
def go_server_c_client(case):
    server, address = start_server(case, "tcp")
    interop.c_client(case, address)
    case.stop(server)


@test("go.c-server.client", 120)
def c_server_go_client(case):
    server, address = interop.start_c_server(case, interop.listen_address(case, "tcp"))
    client(case, address)
    case.stop(server)
