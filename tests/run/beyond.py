"""Messages beyond a limit: their senders hear of it, calls fail alone, and connections go on."""
import os
import re
import socket
import struct
import time

from behaviour import CLIENTS
from border import counted
from hostile_servers import SERVERS
from interop import listen_address
from runner import test

VERSIONS = ("6.0.2", "5.3.1")
PROGRAM = "border/beyond"
FRAME, INFLATED = 300000, 900000


def start(case, transport="tcp", **options):
    server = case.start([case.program(PROGRAM), "serve", listen_address(case, transport),
                         *("%s=%s" % item for item in options.items())])
    return server, server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)


def register(version):
    @test("beyond.python-client.%s" % version, 90)
    def client(case):
        server, address = start(case, max_frame=FRAME, max_inflated=INFLATED)
        script = os.path.join(CLIENTS, "beyond_client.py")
        place = address.split("//")[1]
        counted(case, case.run([case.python(version), script, place, str(FRAME), str(INFLATED)]).output)
        case.equal(server.wait(case.left(30)), 0, "exit code of the server")
        log = re.findall(r"^logged .*", server.output, re.M)
        case.check(len(log) >= 13, "%d messages are logged" % len(log))
        case.equal(sum("up to 3 references in it are not released" in line for line in log), 1, "references passed over")
        case.equal(sum("the references in it are released" in line for line in log), 3, "messages that were taken in")

    @test("beyond.python-server.%s" % version, 60)
    def answers(case):
        server = case.start([case.python(version), os.path.join(CLIENTS, "beyond_server.py")])
        port = server.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)
        counted(case, case.run([case.program(PROGRAM), "call", "tcp://127.0.0.1:" + port]).output)


for python in VERSIONS:
    register(python)


@test("beyond.300-megabytes", 120)
def megabytes(case):
    """With the limits of peers that are trusted."""
    server, address = start(case, profile="trusted")
    script = ("import rpyc, sys; c = rpyc.connect('127.0.0.1', int(sys.argv[1])); c._config['sync_request_timeout'] = 100\n"
              "try: c.root.size(bytes(300 << 20))\n"
              "except ValueError as e: print(str(e).splitlines()[0])\n"
              "print(c.root.size(1, 2)); c.root.stop()")
    done = case.run([case.python("6.0.2"), "-c", script, address.rsplit(":", 1)[1]])
    case.equal(done.output.splitlines(), ["the request was rejected: a compressed frame holds over 268435456 bytes (max_inflated)",
                                          "2"], "what the client hears")
    case.equal(server.wait(case.left(30)), 0, "exit code of the server")


LARGE = """
import os, sys, rpyc
from rpyc.core import consts
kind, address = sys.argv[1].split("://")
config = {"sync_request_timeout": 100}
if kind == "tcp":
    host, port = address.rsplit(":", 1)
    c = rpyc.connect(host, int(port), config=config)
else:
    c = rpyc.utils.factory.unix_connect(address, config=config)
for data in bytes(300 << 20), os.urandom(3 << 20):
    try:
        print(len(c.sync_request(consts.HANDLE_PING, data)))
    except Exception as e:
        print("%s: %s" % (type(e).__name__, str(e).splitlines()[0]))
print(c.sync_request(consts.HANDLE_PING, b"on"))
"""


def megabytes_to(name):
    """A client whose requests are far beyond the limits hears why, and goes on. Stock RPyC takes minutes to send what it cannot compress."""
    def function(case):
        server, address = SERVERS[name](case, ("max_frame=2000000",))
        done = case.run([case.python("6.0.2"), "-c", LARGE, address.replace("shm:", "unix:")])
        first, second, last = done.output.splitlines()
        for line, option in ((first, "max_inflated"), (second, "max_frame")):
            case.check(line.startswith("ValueError: the request was rejected: ") and "(%s)" % option in line, "the client hears %r" % line)
        case.equal(last, "b'on'", "what is asked then")
        case.stop(server)
    return function


for server_name in SERVERS:
    test("beyond.300-megabytes.%s" % server_name, 120)(megabytes_to(server_name))


@test("beyond.drip", 60)
def drip(case):
    """What is passed over must come in time, a byte now and then or not at all."""
    server, address = start(case, max_frame=1000, frame_timeout=0.3)
    place = ("127.0.0.1", int(address.rsplit(":", 1)[1]))
    for head, silent in ((b"\x01\x11\x57\x11\x51", False), (b"\x01\x11\x57\x11\x51", True), (b"\x01\x11", True)):
        with socket.create_connection(place) as stranger:
            stranger.settimeout(case.left(20))
            stranger.sendall(struct.pack(">IB", 3000, 0) + head)
            said, began = b"", time.monotonic()
            while time.monotonic() - began < 20:
                try:
                    if not silent:
                        stranger.sendall(b"\x00")
                        time.sleep(0.1)
                        stranger.setblocking(False)
                    more = stranger.recv(4096)
                    if not more:
                        break
                    said += more
                except BlockingIOError:
                    pass
                except ConnectionError:
                    break
                finally:
                    stranger.setblocking(True)
                    stranger.settimeout(case.left(20))
            case.check(time.monotonic() - began < 20, "the connection has ended")
            case.equal(b"frame_timeout" in said, len(head) > 2, "what is told")
    # HTTP is told from it at once.
    with socket.create_connection(place) as stranger:
        stranger.settimeout(case.left(20))
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        case.equal(stranger.recv(100), b"", "an end without words")
    case.run([case.python("6.0.2"), "-c", "import rpyc; rpyc.connect('127.0.0.1', %d).root.stop()" % place[1]])
    case.equal(server.wait(case.left(30)), 0, "exit code of the server")
