"""Connecting to stock servers of every kind and version, with the dialect left to be found out. No server may wait for a
timeout: the client's is an hour."""
import os
import re
import socket
import time

import interop
from behaviour import CLIENTS
from border import counted
from prepare import VERSIONS
from runner import shown, test
from tool import PROTOCOL, rpyc

SERVER = os.path.join(CLIENTS, "dialect_server.py")
KINDS = ("ThreadedServer", "ThreadPoolServer", "ForkingServer", "OneShotServer")
DIALECT = {"6.0.2": "6", "5.3.1": "5", "4.1.5": "5"}
OLDER = [version for version in VERSIONS if DIALECT[version] == "5"]


def serve(case, version, kind, *options):
    """Starts a server; (process, its address)."""
    server = case.start([case.python(version), SERVER, kind, *options])
    place = server.wait_for(r"^PORT (\S+)$", case.left(30)).group(1)
    return server, "unix://" + place if place.startswith("/") else "tcp://127.0.0.1:" + place


def client(case, *args):
    done = case.run([case.program("border/dialects"), *map(str, args)])
    counted(case, done.output)
    return done


def happened(case, server, what, least, most=None):
    """How often a line came, once it has come often enough."""
    while len(re.findall("^" + what, server.output, re.M)) < least:
        case.check(case.left() > 1, "%s came less than %d times: %s" % (what, least, server.output))
        time.sleep(0.01)
    count = len(re.findall("^" + what, server.output, re.M))
    case.check(count <= (least if most is None else most), "%s came %d times" % (what, count))


def connects(version, kind):
    """Three connections. Only the first to an older server costs it an attempt in the wrong dialect, and its log a
    traceback; the others go by what was found."""
    def function(case):
        server, address = serve(case, version, kind)
        client(case, "works", address, DIALECT[version], 3)
        attempts = 3 if DIALECT[version] == "6" else 4
        happened(case, server, "CONNECTED", attempts)
        happened(case, server, "DISCONNECTED", attempts)
        # A child of a forking server logs it twice.
        happened(case, server, "TRACEBACK", attempts - 3, 2 * (attempts - 3))
    return function


def one_shot(*options):
    """A server for one connection. Of the older ones nobody can find out what they speak without using them up: that is
    said, and with the option it works."""
    def of(version):
        def function(case):
            server, address = serve(case, version, "OneShotServer", *options)
            if DIALECT[version] == "6":
                client(case, "works", address, "6")
            else:
                client(case, "told", address, "5", serve(case, version, "OneShotServer", *options)[1])
            server.wait_for("^(ENDED|DISCONNECTED)$", case.left(30))
            happened(case, server, "CONNECTED", 1)
        return function
    return of


def slow(version, kind):
    """While on_connect takes its time, a server of either version is silent; whichever answers in the end is right."""
    def function(case):
        server, address = serve(case, version, kind, "--slow", "1.5")
        client(case, "works", address, DIALECT[version])
        case.check(not server.ended, "the server ended")
    return function


def called_back(version):
    def function(case):
        server, address = serve(case, version, "ThreadedServer", "--calls-back")
        client(case, "called-back", address, DIALECT[version])
        happened(case, server, "CALLED BACK a client of C", 2)
    return function


def unix(version, kind):
    def function(case):
        path = os.path.join(case.folder, "socket")
        client(case, "works", serve(case, version, kind, "--unix", path)[1], DIALECT[version], 2)
    return function


def child(version):
    """A command is run once for each connection, whatever it speaks."""
    def function(case):
        address = "exec:" + shown([case.python(version), SERVER, "stdio"])
        if DIALECT[version] == "6":
            done, starts = client(case, "works", address, "6", 2), 2
        else:
            done, starts = client(case, "told", address, "5", address), 2
        case.equal(done.read("err").count("STARTED"), starts, "starts of the command")
    return function


def classic_child(version):
    """One that speaks first shows its dialect before it is spoken to."""
    def function(case):
        program = os.path.join(os.path.dirname(case.python(version)), "rpyc_classic.py")
        client(case, "classic", "exec:" + shown([case.python(version), program, "-m", "stdio"]), DIALECT[version])
    return function


def many(version, kind):
    def function(case):
        server, address = serve(case, version, kind)
        client(case, "works", address, DIALECT[version], 200)
        happened(case, server, "TRACEBACK", 0, 1)
    return function


def at_once(version, kind, how):
    """Connections of many threads, and of processes that fork between them."""
    def function(case):
        server, address = serve(case, version, kind)
        client(case, how, address, DIALECT[version], *(["pool"] if kind == "ThreadPoolServer" else []))
        case.check(not server.ended, "the server ended")
    return function


@test("dialects.another-version-on-the-same-port", 120)
def changing(case):
    """What is remembered of an address is no more than a hint."""
    port = "0"
    clients = None
    for version, kind in (("6.0.2", "ThreadedServer"), ("5.3.1", "ThreadPoolServer"), ("6.0.2", "ThreadPoolServer"),
                          ("4.1.5", "ThreadedServer"), ("5.3.1", "ForkingServer"), ("6.0.2", "ForkingServer")):
        server, address = serve(case, version, kind, "--port", port)
        port = address.rpartition(":")[2]
        clients = clients or case.start([case.program("border/dialects"), "changing", address])
        before = clients.output.count("done")
        clients.popen.stdin.write(b"%s\n" % DIALECT[version].encode())
        clients.popen.stdin.flush()
        while clients.output.count("done") == before:
            case.check(not clients.ended and case.left() > 1, "no connection to %s of %s" % (kind, version))
            time.sleep(0.01)
        server.signal(9, group=True)
        server.wait(case.left(10))
    clients.popen.stdin.close()
    case.equal(clients.wait(case.left(10)), 0, "exit code of the client")
    counted(case, clients.output)


def ended_early(version, how, program=("border/dialects", "serve", "tcp://127.0.0.1:0", "0")):
    """A server that ends a connection before the client has spoken: its user gets EOFError, as from a stock server."""
    def function(case):
        script = ("import socket, sys\nimport rpyc\n"
                  "address = ('127.0.0.1', int(sys.argv[1]))\n"
                  "held = socket.create_connection(address) if sys.argv[2] == 'is-full' else None\n"
                  "conn = rpyc.connect(*address, config={'sync_request_timeout': None})\n"
                  "print('CONNECTED', flush=True)\n"
                  "sys.stdin.readline()\n"
                  "try:\n    print('the root came: %r' % conn.root)\n"
                  "except Exception as error:\n    print('it is', type(error).__name__)\n")
        python = case.python(version)
        server = case.start([case.program(program[0]), *program[1:], how])
        port = server.wait_for(r"^listening tcp://127.0.0.1:(\d+)$", case.left(30)).group(1)
        user = case.start([python, "-c", script, port, how])
        user.wait_for("^CONNECTED$", case.left(30))
        if how == "is-stopped":
            server.popen.stdin.write(b"go on\n")
            server.popen.stdin.flush()
            case.equal(server.wait(case.left(30)), 0, "exit code of the server")
        user.popen.stdin.write(b"go on\n")
        user.popen.stdin.flush()
        said = user.wait_for("^(it is|the root came).*", case.left(30)).group(0)
        case.equal(said, "it is EOFError", "what the user of rpyc got")
    return function


@test("dialects.nobody-answers")
def silent(case):
    """Neither dialect: the timeout holds for both together."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client(case, "silent", "tcp://127.0.0.1:%d" % listener.getsockname()[1], "0")


@test("dialects.no-rpyc")
def foreign(case):
    """Servers of other protocols, and one that hangs up."""
    script = ("import socket, sys\n"
              "listener = socket.create_server(('127.0.0.1', 0))\n"
              "print('PORT %d' % listener.getsockname()[1], flush=True)\n"
              "while True:\n"
              "    peer = listener.accept()[0]\n"
              "    peer.recv(1)\n"
              "    peer.sendall(eval(sys.argv[1]))\n"
              "    peer.close()\n")
    for said in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x15\x03\x01\x00\x02\x02\x46", b"\0\0\0\1\0\4\n", b""):
        server = case.start([case.python("6.0.2"), "-c", script, repr(said)])
        port = server.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)
        client(case, "foreign", "tcp://127.0.0.1:" + port, "0")


@test("dialects.fork-of-rpyc")
def unknown(case):
    """One whose references have another form is named as such."""
    script = ("import socket\n"
              "listener = socket.create_server(('127.0.0.1', 0))\n"
              "print('PORT %d' % listener.getsockname()[1], flush=True)\n"
              "peer = listener.accept()[0]\n"
              "peer.recv(100)\n"
              # A reply whose reference has four items.
              "peer.sendall(bytes.fromhex('0000000c 00 02 11 50 11 54 13 08 0a 61 51 52 53') + b'\\n')\n"
              "peer.recv(100)\n")
    server = case.start([case.python("6.0.2"), "-c", script])
    port = server.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)
    said = rpyc(case, "call", "tcp://127.0.0.1:" + port, "add", "1", "2", code=PROTOCOL)[1]
    case.check("unknown dialect" in said, "it said %r" % said)


def tool(version):
    def function(case):
        for kind in KINDS[:2]:
            output = rpyc(case, "call", serve(case, version, kind)[1], "add", "40", "2")[0]
            case.equal(output.strip(), "42", "what %s answered" % kind)
        if DIALECT[version] == "5":
            said = rpyc(case, "call", serve(case, version, KINDS[3])[1], "add", "40", "2", code=PROTOCOL)[1]
            case.check("--dialect 5" in said, "it said %r" % said)
        address = serve(case, version, KINDS[3])[1]
        case.equal(rpyc(case, "call", address, "add", "40", "2", "--dialect", DIALECT[version])[0].strip(), "42", "sum")
    return function


def contract(version, program):
    """The interop contract with a pool of threads at the other end."""
    def function(case):
        server = case.start([case.python(version), os.path.join(CLIENTS, "pooled_server.py"), interop.SERVER])
        port = server.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)
        server.wait_until_listening(port, case.left(30))
        done = case.run([case.program(program), "tcp://127.0.0.1:" + port])
        case.check(re.search(r"^[1-9]\d* passed, 0 failed$", done.output, re.M), "it ended with %r" % done.output[-200:])
    return function


@test("dialects.native-server-that-is-told-one")
def told(case):
    """It says which it speaks to whoever speaks another, as a stock server does, before it ends the connection."""
    for more in ([], ["--set", "pool_threads=2"]):
        for dialect, other, versions in (("5", "6", "6.0 and later"), ("6", "5", "5.3 and older")):
            server, address = interop.start_c_server(case, "tcp://127.0.0.1:0", "--set", "dialect=" + dialect, *more)
            client(case, "works", address, dialect, 3)
            said = rpyc(case, "ping", address, "--dialect", other, code=PROTOCOL)[1]
            case.check("set the option dialect to " + dialect in said or "--dialect " + dialect in said,
                       "to %s it said %r" % (versions, said))
            case.stop(server)


test("dialects.contract-over-a-pool.cpp.5.3.1", 120)(contract("5.3.1", "cpp/interop_client"))
test("dialects.contract-over-a-pool.go.4.1.5", 120)(contract("4.1.5", "go/client"))
for version in VERSIONS:
    for kind in KINDS[:3]:
        for how in ("threads", "forks"):
            test("dialects.%s.%s.%s" % (how, kind, version), 90)(at_once(version, kind, how))
        test("dialects.%s.%s" % (kind, version))(connects(version, kind))
        test("dialects.slow.%s.%s" % (kind, version))(slow(version, kind))
    test("dialects.OneShotServer.%s" % version)(one_shot()(version))
    test("dialects.slow.OneShotServer.%s" % version)(one_shot("--slow", "1.5")(version))
    test("dialects.called-back.%s" % version)(called_back(version))
    test("dialects.child.%s" % version)(child(version))
    test("dialects.classic-child.%s" % version)(classic_child(version))
    test("dialects.tool.%s" % version)(tool(version))
    for how in ("closes", "refuses", "is-full", "is-stopped"):
        test("dialects.server-%s.%s" % (how, version))(ended_early(version, how))
    test("dialects.many.%s" % version, 120)(many(version, "ThreadedServer"))
for version in OLDER:
    test("dialects.unix.ThreadedServer.%s" % version)(unix(version, "ThreadedServer"))
# That of 4.1.5 knows no Unix sockets.
test("dialects.unix.ThreadPoolServer.5.3.1")(unix("5.3.1", "ThreadPoolServer"))
