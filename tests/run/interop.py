"""The interop contract (tests/peers/contract.md): C against the unmodified RPyC of three generations, and C against C."""
import os
import re
import socket

from prepare import VERSIONS
from runner import PEERS, Inapplicable, shown, test

CLIENT, SERVER = os.path.join(PEERS, "peer_client.py"), os.path.join(PEERS, "peer_server.py")
CHECKS = 83                                          # of peer_client.py
LEAST_C_CHECKS = 83                                  # of interop_client, which says itself how many it has
BIND_THREADS = ("6.0.2", "5.3.1")                    # RPyC has it from 5.3.1 on
TRANSPORTS = ("tcp", "tcp6", "unix", "stdio")


def need_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError as error:
        raise Inapplicable("this machine has no IPv6 loopback: %s" % error.strerror) from None


def listen_address(case, transport):
    """What a C server is told to listen on."""
    if transport == "tcp6":
        need_ipv6()
    path = os.path.join(case.folder, "s")
    return {"tcp": "tcp://127.0.0.1:0", "tcp6": "tcp://[::1]:0", "unix": "unix://" + path, "shm": "shm://" + path}[transport]


def start_c_server(case, address, *options, before=()):
    """Starts interop_server; (process, the address to connect to)."""
    server = case.start([*before, case.program("interop_server"), address, *options])
    return server, server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)


def start_python_server(case, version, transport, *options):
    """Starts peer_server.py; (process, the address to connect to). It ends with its stdin."""
    to_path = ["--unix", os.path.join(case.folder, "p")]
    extra = {"tcp": [], "tcp6": ["--ipv6", "--host", "::1"], "unix": to_path, "shm": to_path}[transport]
    if transport == "tcp6":
        need_ipv6()
    server = case.start([case.python(version), SERVER, *extra, *options])
    line = server.wait_for(r"^(PORT|UNIX) (\S+)$", case.left(30))
    server.wait_until_listening(line.group(2), case.left(30))
    host = "[::1]" if transport == "tcp6" else "127.0.0.1"
    scheme = "shm" if transport == "shm" else "unix"
    return server, scheme + "://" + line.group(2) if line.group(1) == "UNIX" else "tcp://%s:%s" % (host, line.group(2))


def python_client_options(address):
    """The options of peer_client.py that lead to an address."""
    path = re.fullmatch(r"(?:unix|shm)://(.+)", address)
    if path:
        return ["--unix", path.group(1)]
    host, port = re.fullmatch(r"tcp://\[?(.+?)\]?:(\d+)", address).groups()
    return ["--host", host, "--port", port] + (["--ipv6"] if ":" in host else [])


def python_client(case, version, *options):
    """Runs peer_client.py, all of whose checks must pass."""
    done = case.run([case.python(version), CLIENT, *options])
    case.equal(done.output.splitlines()[-1], "%d passed, 0 failed" % CHECKS, "last line of peer_client.py")


def c_client(case, address, *options, before=(), program="interop_client"):
    """Runs interop_client, all of whose checks must pass."""
    done = case.run([*before, case.program(program), address, *options])
    last = [line for line in done.output.splitlines() if re.match(r"\d+ passed", line)][-1:]
    found = re.fullmatch(r"(\d+) passed, 0 failed", last[0] if last else "")
    case.check(found, "last line of interop_client: %s" % (last or "none"))
    case.check(int(found.group(1)) >= LEAST_C_CHECKS, "interop_client made only %s checks" % found.group(1))
    case.note(found.group(1) + " checks")


def c_server_python_client(version, transport, *options):
    extra = ["--bind-threads"] if "bind_threads=true" in options else []

    def function(case):
        case.python(version)
        if transport == "stdio":
            command = shown([case.program("interop_server"), "stdio:", *options])
            return python_client(case, version, "--stdio", command, *extra)
        server, address = start_c_server(case, listen_address(case, transport), *options)
        python_client(case, version, *python_client_options(address), *extra)
        case.stop(server)
    return function


def python_server_c_client(version, transport, *options):
    extra = ["--bind-threads"] if options else []

    def function(case):
        if transport == "stdio":
            command = shown([case.python(version), SERVER, "--stdio", *extra])
            # It is run once, so what an older one speaks has to be said.
            older = [] if version == "6.0.2" else ["--set", "dialect=5"]
            return c_client(case, "exec:" + command, *options, *older)
        server, address = start_python_server(case, version, transport, *extra)
        c_client(case, address, *options)
        case.check(not server.ended, "the Python server ended by itself")
    return function


def c_server_c_client(transport, *options):
    def function(case):
        if transport == "stdio":
            return c_client(case, "exec:" + shown([case.program("interop_server"), "stdio:", *options]), *options)
        server, address = start_c_server(case, listen_address(case, transport), *options)
        c_client(case, address, *options)
        case.stop(server)
    return function


def bare_server_python_client(version, transport):
    """The server half over sessions, with sockets of its own."""
    def function(case):
        case.python(version)
        if transport == "stdio":
            return python_client(case, version, "--stdio", shown([case.program("bare_server"), "stdio:"]))
        server = case.start([case.program("bare_server"), listen_address(case, transport)])
        address = server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)
        python_client(case, version, *python_client_options(address))
        case.stop(server)
    return function


def python_server_bare_client(version, transport):
    """The client half over sessions, with sockets of its own."""
    def function(case):
        server, address = start_python_server(case, version, transport)
        c_client(case, address, program="bare_client")
        case.check(not server.ended, "the Python server ended by itself")
    return function


def unlike_dialects(case):
    """One server takes a client of either dialect on each of its connections, one after the other and at once."""
    server, address = start_c_server(case, listen_address(case, "tcp"))
    clients = [case.start([case.python(version), CLIENT, *python_client_options(address), "--skip", "objects-released",
                           "--skip", "object-released-after-many-receptions"]) for version in ("6.0.2", "5.3.1")]
    for client in clients:
        case.equal(client.wait(case.left()), 0, "exit code of peer_client.py")
        case.equal(client.output.splitlines()[-1], "%d passed, 0 failed" % (CHECKS - 2), "last line of peer_client.py")
    case.stop(server)


for transport in TRANSPORTS:
    for version in VERSIONS:
        test("interop.c-server.python-client.%s.%s" % (version, transport))(c_server_python_client(version, transport))
for transport in TRANSPORTS:
    for version in VERSIONS:
        test("interop.python-server.c-client.%s.%s" % (version, transport))(python_server_c_client(version, transport))
for transport in TRANSPORTS:
    test("interop.c-server.c-client.%s" % transport)(c_server_c_client(transport))
for version in VERSIONS:
    for transport in ("tcp", "unix", "stdio"):
        test("interop.bare-server.python-client.%s.%s" % (version, transport))(bare_server_python_client(version, transport))
    for transport in ("tcp", "unix"):
        test("interop.python-server.bare-client.%s.%s" % (version, transport))(python_server_bare_client(version, transport))
for version in BIND_THREADS:                         # a stock peer finds a Unix socket
    test("interop.c-server.python-client.%s.shm" % version)(c_server_python_client(version, "shm"))
    test("interop.python-server.c-client.%s.shm" % version)(python_server_c_client(version, "shm"))
test("interop.c-server.c-client.shm")(c_server_c_client("shm"))
test("interop.c-server.c-client.shm-spinning")(c_server_c_client("shm", "--set", "spin_us=50"))
test("interop.bind-threads.c-server.c-client.shm")(c_server_c_client("shm", "--set", "bind_threads=true"))
test("interop.c-server.both-dialects-at-once")(unlike_dialects)
for version in BIND_THREADS:
    test("interop.bind-threads.c-server.python-client.%s" % version)(
        c_server_python_client(version, "tcp", "--set", "bind_threads=true"))
    test("interop.bind-threads.python-server.c-client.%s" % version)(
        python_server_c_client(version, "tcp", "--set", "bind_threads=true"))
test("interop.bind-threads.c-server.c-client")(c_server_c_client("tcp", "--set", "bind_threads=true"))
