"""Peers that fall silent (tests/c_border/silence.c): before, in and after their messages, many of them at once; and handlers whose peer
is gone. Times are short where the option is set, and the defaults are tried on a clock of the test's own (tests/protocol/silence.rs).
"""
import os
import socket
import struct
import time

from runner import ROOT, test

CLIENT = os.path.join(ROOT, "tests", "run", "clients", "silence_client.py")
PROGRAM = "border/silence"
KINDS = ("threads", "pool", "one", "own", "loop")
SECONDS = 8                                          # until whatever is waited for has certainly come


def start(case, kind, *options, address="tcp://127.0.0.1:0"):
    if kind == "pool":
        kind, options = "threads", ("pool_threads=2", *options)
    server = case.start([case.program(PROGRAM), kind, address, *options])
    return server, server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)


def connect(address, source=None):
    if address.startswith("unix://"):
        one = socket.socket(socket.AF_UNIX)
        one.connect(address.removeprefix("unix://"))
    else:
        host, port = address.removeprefix("tcp://").rsplit(":", 1)
        one = socket.create_connection((host, int(port)), source_address=source and (source, 0))
    one.settimeout(SECONDS)
    return one


def frame(payload):
    return struct.pack("!LB", len(payload), 0) + payload + b"\n"


def ping(length=0, number=0):
    """A request of rpyc 6: kind, (seq, (handler, args)), with so many bytes to be sent back."""
    data = b"x" * length
    text = bytes((0x0e, length)) + data if length < 256 else b"\x0f" + struct.pack("!L", length) + data
    # (seq, (1, (2, ((1, data),)))): handler 1 is PING, whose arguments are boxed.
    return frame(b"\x01\x11" + bytes((0x50 + number,)) + b"\x11\x51" + b"\x11\x52\x10\x11\x51" + text)


def answer(one):
    """One whole frame."""
    head = read(one, 5)
    size = struct.unpack("!LB", head)[0]
    return read(one, size + 1)[:-1]


def read(one, length):
    data = b""
    while len(data) < length:
        piece = one.recv(length - len(data))
        if not piece:
            raise EOFError("the server ended the stream after %r" % data[:50])
        data += piece
    return data


def is_open(one, seconds=0.0):
    one.settimeout(seconds or 0.001)
    try:
        return one.recv(1, socket.MSG_PEEK) != b""
    except (TimeoutError, BlockingIOError):
        return True
    except OSError:
        return False
    finally:
        one.settimeout(SECONDS)


def ends(case, one, what):
    """The server ends the stream; CLOSE may come before."""
    try:
        while one.recv(65536):
            pass
    except TimeoutError:
        case.check(False, "%s: the connection is still there" % what)
    except OSError:
        pass


def serves(case, server, address, versions=("6.0.2",)):
    """Honest clients are served."""
    for version in versions:
        done = case.run([case.python(version), CLIENT, address])
        case.equal(done.output, "served\n", "the client of " + version)
    case.check(not server.ended, "the server has ended")


def count(case, server, number):
    """This number of connections is open, after a while."""
    end = time.monotonic() + case.left(10)
    while True:
        said = server.output.count("connections ")
        server.popen.stdin.write(b"\n")
        server.popen.stdin.flush()
        while server.output.count("connections ") == said or not server.output.endswith("\n"):
            case.check(case.left() > 1, "the server does not answer")
            time.sleep(0.01)
        last = [line for line in server.output.splitlines() if line.startswith("connections ")][-1]
        if last == "connections %d" % number:
            return
        case.check(time.monotonic() < end, "%s, not %d" % (last, number))
        time.sleep(0.05)


@test("silence.silent-sockets-lock-nobody-out", 60)
def lock_out(case):
    server, address = start(case, "threads", "max_connections=5")
    silent = [connect(address) for _ in range(5)]
    count(case, server, 5)
    serves(case, server, address, ("6.0.2", "5.3.1"))
    ends(case, silent[0], "the oldest")
    server.wait_for(r"^log .* was closed for a new connection", 5)
    case.check(all(is_open(one) for one in silent[2:]), "more were closed than was needed")
    # Whoever has begun a message and not ended it has said nothing yet.
    silent[2].sendall(ping(10)[:-1])
    others = [connect(address) for _ in range(5)]
    ends(case, silent[2], "the drip")
    for one in silent + others:
        one.close()
    count(case, server, 0)
    serves(case, server, address)


@test("silence.who-has-spoken-stays", 60)
def stays(case):
    server, address = start(case, "threads", "max_connections=3")
    spoken = [connect(address) for _ in range(3)]
    for one in spoken:
        one.sendall(ping(3))
        answer(one)
    late = connect(address)
    ends(case, late, "one too many")
    server.wait_for(r"^log .* was rejected: 3 connections are open$", 5)
    for one in spoken:
        one.sendall(ping(3, 1))
        answer(one)
    spoken[0].close()
    count(case, server, 2)
    silent = connect(address)
    count(case, server, 3)
    fresh = connect(address)
    fresh.sendall(ping(3))
    answer(fresh)
    ends(case, silent, "the only silent one")


@test("silence.no-room-is-made-with-the-option", 60)
def no_room(case):
    server, address = start(case, "threads", "max_connections=2", "make_room=false")
    silent = [connect(address) for _ in range(2)]
    count(case, server, 2)
    ends(case, connect(address), "one too many")
    case.check(all(is_open(one) for one in silent), "a silent one was closed")


def begun(kind):
    def function(case):
        """A first message that has begun, one that drips, and one that goes on."""
        server, address = start(case, kind, "handshake_timeout=1", "frame_timeout=2")
        one = connect(address)
        case.check(is_open(one, 1.5), "a peer that has said nothing was closed")
        one.sendall(ping(200)[:7])
        ends(case, one, "the beginning of a first message")
        server.wait_for(r"^log .*was not continued for 1 s \(handshake_timeout\)|^ended RPYC_ERR_LIMIT", SECONDS)
    return function


def goes_on(case, kind):
    """A message goes on, however slowly, where 16 KiB come in time; if this process is held up for longer itself, once more."""
    while True:
        server, address = start(case, kind, "frame_timeout=1")
        one = connect(address)
        one.sendall(ping(3))
        answer(one)
        long, longest, before = ping(80000), 0, time.monotonic()
        try:
            for at in range(0, len(long), 20000):
                one.sendall(long[at:at + 20000])
                time.sleep(0.4)
                longest, before = max(longest, time.monotonic() - before), time.monotonic()
            answer(one)
            return server, address, one
        except (OSError, EOFError):
            longest = max(longest, time.monotonic() - before)
            case.check(longest > 0.9, "a message that goes on ended its connection")


def drips(kind):
    def function(case):
        server, address, one = goes_on(case, kind)
        start_of_drip = time.monotonic()
        try:
            for byte in ping(40000):
                one.sendall(bytes((byte,)))
                time.sleep(0.05)
                if time.monotonic() - start_of_drip > SECONDS:
                    case.check(False, "a drip is read for ever")
        except OSError:
            pass
        ends(case, one, "the drip")
        server.wait_for(r"^log .*was not continued for 1 s \(frame_timeout\)|^ended RPYC_ERR_LIMIT", SECONDS)
    return function


def idle(kind):
    def function(case):
        server, address = start(case, kind, "idle_timeout=1")
        done = case.run([case.python("6.0.2"), CLIENT, address, "idle"])
        case.equal(done.output, "served\nended\n", "the client")
        server.wait_for(r"^log .*\(idle_timeout\)|^ended RPYC_ERR_LIMIT", SECONDS)
    return function


def first(kind):
    def function(case):
        server, address = start(case, kind, "first_message_timeout=1")
        one = connect(address)
        ends(case, one, "a peer that says nothing")
        server.wait_for(r"^log .*\(first_message_timeout\)|^ended RPYC_ERR_LIMIT", SECONDS)
        if kind in ("threads", "pool"):
            two = connect(address)
            two.sendall(ping(3))
            answer(two)
            case.check(is_open(two, 2.5), "one that has spoken was closed")
    return function


for kind in KINDS:
    test("silence.first-message-begun." + kind, 60)(begun(kind))
    test("silence.drip." + kind, 60)(drips(kind))
    test("silence.idle." + kind, 60)(idle(kind))
    test("silence.no-first-message." + kind, 60)(first(kind))


@test("silence.connections-of-one-address", 60)
def per_address(case):
    server, address = start(case, "threads", "max_connections_per_address=2")
    two = [connect(address) for _ in range(2)]
    count(case, server, 2)
    ends(case, connect(address), "a third of one address")
    server.wait_for(r"^log .* was rejected: 2 connections are open from its address", 5)
    other = [connect(address, "127.0.0.2") for _ in range(2)]
    count(case, server, 4)
    two[0].close()
    count(case, server, 3)
    serves(case, server, address)
    case.check(all(is_open(one) for one in [two[1], *other]), "others were closed")
    server, address = start(case, "threads", "max_connections_per_address=2",
                            address="unix://" + os.path.join(case.folder, "socket"))
    many = [connect(address) for _ in range(6)]
    count(case, server, 6)
    case.check(all(is_open(one) for one in many), "Unix sockets have no addresses")


@test("silence.handlers-whose-peer-is-gone", 60)
def handlers(case):
    """What docs/guide/security.md says of them."""
    server, address = start(case, "threads", "max_connections=1")
    path = os.path.join(case.folder, "go")
    client = case.start([case.python("6.0.2"), CLIENT, address, "stubborn", path])
    server.wait_for("^handler runs$", 20)
    client.signal(9)
    server.wait_for("^handler is cancelled$", 20)
    # What it asks of the peer fails.
    server.wait_for("^asking gives RPYC_ERR_(EOF|CLOSED)$", 20)
    # It holds its place, its thread and its instance, and nothing takes them from it.
    count(case, server, 1)
    ends(case, connect(address), "one too many")
    case.check("is freed" not in server.output, "the instance is gone before its handler")
    open(path, "w", encoding="utf-8").close()
    server.wait_for("^returning gives ", 20)
    server.wait_for("^peer is gone$", 20)
    server.wait_for("^instance is freed$", 20)
    count(case, server, 0)
    serves(case, server, address)
