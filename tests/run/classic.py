"""Classic mode: C as master of stock rpyc_classic servers, and stock Python clients as masters of C."""
import os
import re
import shutil
import socket

import memory
from ports import free_port
from prepare import LUA_HEADERS, VERSIONS
from runner import ROOT, TARGET, test

CLIENTS = os.path.join(ROOT, "tests", "run", "clients")
LUA = os.path.join(ROOT, "examples-c", "lua")


def start_classic_server(case, version):
    """Starts an unmodified rpyc_classic.py; its address."""
    python = case.python(version)
    script = os.path.join(os.path.dirname(python), "rpyc_classic.py")
    port = free_port()
    server = case.start([python, script, "--host", "127.0.0.1", "--port", port])
    while True:
        case.check(not server.ended, "rpyc_classic.py ended by itself")
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return "tcp://127.0.0.1:%d" % port
        except OSError:
            case.check(case.left() > 0, "rpyc_classic.py does not listen")


def all_passed(case, done):
    lines = done.output.splitlines()
    found = re.fullmatch(r"([1-9]\d*) passed, 0 failed", lines[-1] if lines else "")
    case.check(found, "the last line is %r" % (lines[-1:],))
    case.note(found.group(1) + " checks")


def master(version):
    def function(case):
        program = case.program("border/classic_client")
        address = start_classic_server(case, version)
        all_passed(case, case.run([program, address, case.folder]))
    return function


@test("classic.c-master-of-pandas", 90)
def master_of_pandas(case):
    """A DataFrame is made of a dict of C."""
    case.need("pandas")
    address = start_classic_server(case, VERSIONS[0])
    done = case.run([case.program("border/classic_client"), address, case.folder])
    all_passed(case, done)
    case.check("with pandas" in done.output, "the program did not find pandas")


def slave(version, *options):
    """A stock client drives a C slave."""
    def function(case):
        server = case.start([case.program("border/classic_slave"), "tcp://127.0.0.1:0"])
        address = server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)
        all_passed(case, case.run([case.python(version), os.path.join(CLIENTS, "classic_master.py"), address, *options]))
        case.equal(server.wait(case.left(30)), 0, "exit code of the slave")
        all_passed(case, server)
    return function


def reflection(version):
    """The same questions to a slave in C and a stock one."""
    def function(case):
        native = case.start([case.program("border/classic_slave"), "tcp://127.0.0.1:0"])
        address = native.wait_for(r"^listening (\S+)$", case.left(30)).group(1)
        script = os.path.join(CLIENTS, "slave_reflection.py")
        all_passed(case, case.run([case.python(version), script, address, start_classic_server(case, version)]))
    return function


# What such a slave has: the library's own modules and namespace, and no interpreter.
PLAIN = """
import sys, rpyc
conn = rpyc.classic.connect("127.0.0.1", int(sys.argv[1].rsplit(":", 1)[1]))
def name_of(function, *args):
    try:
        return function(*args)
    except Exception as error:
        return "%s: %s" % (type(error).__name__, error.args[0])
print(name_of(conn.eval, "1"))
print(name_of(conn.execute, "x = 1"))
print(name_of(conn.root.getmodule, "os"))
conn.namespace["x"] = 5
print(conn.namespace["x"], conn.modules.sys.platform)
"""


def slave_without_interpreter(version):
    def function(case):
        server = case.start([case.program("border/classic_slave"), "tcp://127.0.0.1:0", "--plain"])
        address = server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)
        client = case.run([case.python(version), "-c", PLAIN, address])
        case.equal(client.read("out").splitlines(), [
            "NotImplementedError: this slave does not evaluate code", "NotImplementedError: this slave does not execute code",
            "ModuleNotFoundError: No module named 'os'", "5 native"], "what the master is told")
        case.equal(server.wait(case.left(30)), 0, "exit code of the slave")
    return function


def lua(version, before=lambda case: ()):
    """The example of examples-c/lua: a stock client drives Lua."""
    def function(case):
        case.need("lua5.4")
        program = os.path.join(case.folder, "lua_slave")
        release = os.path.join(TARGET, "release")
        case.run([shutil.which("cc"), "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-pthread", "-g",
                  "-I" + os.path.join(ROOT, "include"), "-I" + LUA_HEADERS, os.path.join(LUA, "lua_slave.c"), "-o", program,
                  "-L" + release, "-lrpyc", "-llua5.4", "-Wl,-rpath," + release])
        server = case.start([*before(case), program, "tcp://127.0.0.1:0"])
        address = server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)
        all_passed(case, case.run([case.python(version), os.path.join(LUA, "lua_client.py"), address]))
        case.equal(server.wait(case.left(30)), 0, "exit code of the slave")
        case.check(not server.read("err"), "the slave wrote to stderr")
    return function


def of_server(version, script, program):
    """A C program against one of the servers in CLIENTS."""
    def function(case):
        server = case.start([case.python(version), os.path.join(CLIENTS, script)])
        port = server.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)
        all_passed(case, case.run([case.program("border/" + program), "tcp://127.0.0.1:" + port]))
    return function


for version in VERSIONS:
    test("classic.c-master.%s" % version, 90)(master(version))
    test("classic.c-slave.%s" % version, 90)(slave(version))
    test("classic.reflection-of-a-slave.%s" % version, 60)(reflection(version))
    test("classic.slave-without-an-interpreter.%s" % version, 60)(slave_without_interpreter(version))
    test("classic.lua-slave.%s" % version, 90)(lua(version))
    test("classic.obtain-with-default-rules.%s" % version, 60)(of_server(version, "data_server.py", "obtain"))
    test("classic.duplex.%s" % version, 60)(of_server(version, "duplex_server.py", "classic_duplex"))
test("classic.c-slave.client-that-offers-nothing", 90)(slave(VERSIONS[0], "--client"))


@test("valgrind.classic.lua-slave", memory.SECONDS)
def lua_memory(case):
    lua(VERSIONS[0], memory.valgrind)(case)
    memory.check(case)


@test("valgrind.classic.c-master", memory.SECONDS)
def master_memory(case):
    address = start_classic_server(case, VERSIONS[0])
    all_passed(case, case.run([*memory.valgrind(case), case.program("border/classic_client"), address, case.folder]))
    memory.check(case)
