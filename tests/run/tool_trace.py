"""`rpyc trace` and `rpyc replay` (docs/guide/tool.md) between unmodified peers of Python: what they print, save and play."""
import os
import random
import re
import select
import signal
import socket
import threading

from interop import SERVER, python_client, python_client_options, start_python_server
from ports import free_port
from runner import ROOT, shown, test
from tool import FILE, PROTOCOL, SPEAKS, USAGE, VERSIONS, binary, each_version, rpyc


def start_trace(case, to, *options):
    trace = case.start([binary(), "trace", "--listen", "tcp://127.0.0.1:0", "--to", to, *options])
    return trace, trace.wait_for(r"^listening (\S+)$", case.left(30)).group(1)


def stop_trace(case, trace):
    trace.signal(signal.SIGINT)
    case.equal(trace.wait(case.left(30)), 0, "exit code of rpyc trace")
    return trace.output.splitlines()


NAMED = (r" -> .* request +\d+ +GETROOT",
         r" <- .* reply +\d+ +my __main__\.InteropService#\d+ +\(to GETROOT\)",
         r" -> .* request +\d+ +GETATTR your \S+ 'add'",
         r" -> .* request +\d+ +CALL your builtins\.method#\d+ <echo> ",
         r" <- .* \d+\.\d{3} ms +exception \d+ +ZeroDivisionError: integer division or modulo by zero +\(to CALL your builtins\.method#\d+ <",
         r" <- .* request +\d+ +CALL your builtins\.function#\d+ \(",
         r" -> .* \d+\.\d{3} ms +reply +\d+ +.*\(to CALL your builtins\.function#",
         r" \[compressed, [\d.]+ k?B inflated\]",
         r"#1 closed after .*: \d{4} requests, \d\d exceptions, ")


@each_version("trace", 120)
def trace_interop(case, version):
    """All checks of the contract pass through the trace, which names the calls; replayed, it says the same again."""
    _server, address = start_python_server(case, version, "tcp")
    saved = os.path.join(case.folder, "saved")
    trace, listening = start_trace(case, address, "--save", saved)
    python_client(case, version, *python_client_options(listening))
    trace.wait_for(r"#1 closed after", case.left(30))
    lines = stop_trace(case, trace)
    text = "\n".join(lines)
    case.check(SPEAKS[version] in text, "the dialect is not told")
    for pattern in NAMED:
        case.check(re.search(pattern, text, re.M), "no line like %r" % pattern)
    case.check(" garbage " not in text and " ! " not in text, "there are faults")
    case.equal(rpyc(case, "replay", saved)[0].splitlines()[1:], lines[2:], "what replay prints")
    case.note("%d lines" % len(lines))


@test("tool.trace.several-connections", 120)
def trace_several(case):
    """Three clients at once, with all that the contract asks of each."""
    _server, address = start_python_server(case, "6.0.2", "tcp")
    trace, listening = start_trace(case, address)
    skipped = ["--skip", "objects-released", "--skip", "object-released-after-many-receptions"]
    clients = [case.start([case.python("6.0.2"), os.path.join(ROOT, "tests", "peers", "peer_client.py"),
                           *python_client_options(listening), *skipped]) for _ in range(3)]
    for client in clients:
        case.equal(client.wait(case.left()), 0, "exit code of peer_client.py")
    text = "\n".join(stop_trace(case, trace))
    for connection in (1, 2, 3):
        case.check(re.search(r" #%d -> .* request " % connection, text), "nothing of connection %d" % connection)


@test("tool.trace.both-dialects")
def trace_both(case):
    """Clients of either dialect on one trace; each connection is said to speak its own."""
    server = case.start([binary(), "serve", "tcp://127.0.0.1:0"])
    address = server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)
    trace, listening = start_trace(case, address)
    code = "import rpyc; c = rpyc.connect('127.0.0.1', %s); print(c.root.add(40, 2)); c.close()" % listening.rpartition(":")[2]
    for version in VERSIONS:
        case.equal(case.run([case.python(version), "-c", code]).output, "42\n", "a call through the trace")
    text = "\n".join(stop_trace(case, trace))
    for connection, version in enumerate(VERSIONS, 1):
        case.check(re.search(r" #%d %s$" % (connection, SPEAKS[version]), text, re.M), "the dialect of connection %d" % connection)
    case.stop(server)


@test("tool.trace.unix")
def trace_unix(case):
    """Unix sockets on both sides, and the tool itself as client and server."""
    own, theirs = ("unix://" + os.path.join(case.folder, name) for name in "ab")
    server = case.start([binary(), "serve", theirs])
    server.wait_for(r"^listening ", case.left(30))
    trace = case.start([binary(), "trace", "--listen", own, "--to", theirs, "--color=always"])
    trace.wait_for(r"^listening ", case.left(30))
    case.equal(rpyc(case, "call", own, "add", "40", "2")[0], "42\n", "a call through the trace")
    lines = stop_trace(case, trace)
    case.check(any("CALLATTR" in line and "'add' (40, 2)" in line and "\x1b[" in line for line in lines), "no call in colour")
    case.stop(server)


@test("tool.trace.child")
def trace_child(case):
    """The server is a command, one for each client, and ends when its client has gone."""
    command = "exec:" + shown([case.python("6.0.2"), SERVER, "--stdio"])
    trace, address = start_trace(case, command)
    case.equal(rpyc(case, "call", address, "add", "40", "2")[0], "42\n", "a call through the trace")
    trace.wait_for(r"#1 closed after", case.left(30))
    stop_trace(case, trace)


@test("tool.trace.garbage")
def trace_garbage(case):
    """What is not RPyC is shown as such, and passed on byte for byte, with the end of the stream."""
    sent = [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01", b"\xff" + os.urandom(400000),
            b"\0\0\0\5\0hello\n\0\0\0\3\1xyz\n", b"\0\0"]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        trace, address = start_trace(case, "tcp://127.0.0.1:%d" % listener.getsockname()[1])
        port = int(address.rpartition(":")[2])
        for data in sent:
            client = socket.create_connection(("127.0.0.1", port))
            server, _ = listener.accept()
            for one, other in ((client, server), (server, client)):
                one.settimeout(case.left())
                other.settimeout(case.left())
                writer = send_beside(one, data)
                got = b""
                while True:
                    more = other.recv(65536)
                    if not more:
                        break
                    got += more
                writer.join()
                case.check(got == data, "%d bytes became %d" % (len(data), len(got)))
            client.close()
            server.close()
        trace.wait_for(r"#5 closed", case.left(30))
    text = "\n".join(stop_trace(case, trace))
    case.check("|GET / HTTP/1.1" in text, "HTTP is not shown")
    case.check("begins a TLS handshake" in text, "TLS is not told")
    for connection in range(1, 6):
        for arrow in ("->", "<-"):
            found = len(re.findall(r"#%d %s .* garbage " % (connection, arrow), text))
            case.check(found >= 1, "no garbage %s on #%d" % (arrow, connection))
            case.check(found == 1 or connection == 4, "garbage %s on #%d is told %d times" % (arrow, connection, found))
    case.equal(sorted(re.findall(r"#3 [\d.]+ kB more of the (\w+) could not be read", text)), ["client", "server"], "what is not shown")
    case.check(re.search(r"#3 closed after .*, 2 faults", text), "faults of #3")


def send_beside(sender, data):
    """Sends and ends the direction, while somebody receives."""
    def send():
        sender.sendall(data)
        sender.shutdown(socket.SHUT_WR)
    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


@test("tool.trace.nobody-there")
def trace_nobody(case):
    """A server that is not there ends the client's connection, and is told; the trace goes on."""
    trace, address = start_trace(case, "tcp://127.0.0.1:%d" % free_port())
    rpyc(case, "ping", address, code=PROTOCOL)
    trace.wait_for(r"was rejected: cannot connect to .*refused", case.left(30))
    case.check(not trace.ended, "the trace has ended")
    stop_trace(case, trace)


@test("tool.trace.own-address")
def trace_own(case):
    """Nothing may come back to where it came from."""
    port = free_port()
    for listen, to in (("127.0.0.1", "127.0.0.1"), ("127.0.0.1", ""), ("0.0.0.0", "127.0.0.1"), ("0.0.0.0", "127.0.0.2")):
        listen, to = "tcp://%s:%d" % (listen, port), "tcp://%s:%d" % (to, port)
        case.check("the trace itself listens there" in rpyc(case, "trace", "--listen", listen, "--to", to, code=USAGE)[1], listen)
    path = os.path.join(case.folder, "own")
    case.check("itself listens" in rpyc(case, "trace", "--listen", path, "--to", "unix://" + path, code=USAGE)[1], "unix")


@test("tool.trace.nobody-reads")
def trace_unread(case):
    """A trace whose output is full and never read ends when it is asked to, and takes its socket's file away."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        fifo, own = (os.path.join(case.folder, "%s%d" % (name, number)) for name in ("fifo", "own"))
        os.mkfifo(fifo)
        with open(os.open(fifo, os.O_RDWR | os.O_NONBLOCK), "r+b", buffering=0) as output:
            trace = case.start(["sh", "-c", 'exec "$0" "$@" >"$FIFO"', binary(), "trace", "--listen", own, "--to", "/none"],
                               env={"FIFO": fifo})
            said = b""
            while b"tracing to" not in said:
                select.select([output], [], [], case.left())
                said += output.read(4096) or b""
            while output.write(b"x"):                # None when there is no room
                pass
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(own)
                trace.signal(number)
                case.equal(trace.wait(case.left()), 130, "exit code at signal %d" % number)
        case.check(not os.path.exists(own), "the socket's file is still there")


@test("tool.trace.no-room")
def trace_no_room(case):
    """A disk that takes no more output cuts off neither what is traced nor what is saved."""
    server = case.start([binary(), "serve", "tcp://127.0.0.1:0"])
    address = server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)
    fifo, saved = os.path.join(case.folder, "fifo"), os.path.join(case.folder, "saved")
    os.mkfifo(fifo)
    saving = case.start(["sh", "-c", 'cat "$0" >"$1"', fifo, saved])
    trace = case.start(["sh", "-c", 'trap "" XFSZ; ulimit -f 1; exec "$0" "$@"', binary(), "trace", "--listen", "tcp://127.0.0.1:0",
                        "--to", address, "--save", fifo])
    listening = trace.wait_for(r"^listening (\S+)$", case.left(30)).group(1)
    for number in range(3):
        case.equal(rpyc(case, "call", listening, "add", str(number), "2")[0], "%d\n" % (number + 2), "a call through the trace")
    trace.signal(signal.SIGINT)
    case.equal(trace.wait(case.left()), FILE, "exit code of the trace")
    case.equal(trace.read("err").count("cannot write the output"), 1, "stderr: %r" % trace.read("err"))
    case.equal(saving.wait(case.left()), 0, "exit code of cat")
    text = rpyc(case, "replay", saved)[0]
    case.check(len(re.findall(r"CALLATTR .* 'add' \(\d, 2\)", text)) >= 3, "what was saved: %s" % text)
    case.stop(server)


@test("tool.trace.unanswered")
def trace_unanswered(case):
    """A request that hangs is named when the trace is ended, and at the end of a replay."""
    server = case.start([binary(), "serve", "tcp://127.0.0.1:0"])
    address = server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)
    saved = os.path.join(case.folder, "saved")
    trace, listening = start_trace(case, address, "--save", saved)
    case.start([binary(), "call", listening, "sleep", "3000", "-t", "3000"])
    sequence = trace.wait_for(r"#1 -> .* request +(\d+) +CALLATTR .* 'sleep'", case.left(30)).group(1)
    for text in ("\n".join(stop_trace(case, trace)), rpyc(case, "replay", saved)[0]):
        named = r"#1 request %s of the client has no reply after [\d.]+ m?s: CALLATTR .*'sleep' \(3000,\)$" % sequence
        case.check(re.search(named, text, re.M), "it is not named in %s" % text)
        case.check(re.search(r"#1 still open after .*: \d+ requests, ", text), "no sums in %s" % text)


def record(case, version):
    """A short trace: its path, and the lines of its replay."""
    _server, address = start_python_server(case, version, "tcp")
    saved = os.path.join(case.folder, "saved")
    trace, listening = start_trace(case, address, "--save", saved, "-q")
    case.equal(rpyc(case, "call", listening, "add", "40", "2")[0], "42\n", "the call")
    trace.wait_for(r"#\d closed after", case.left(30))
    stop_trace(case, trace)
    return saved, rpyc(case, "replay", saved)[0].splitlines()


@test("tool.replay.cut", 120)
def replay_cut(case):
    """A file that was cut anywhere is printed up to there; one that is damaged ends with an error."""
    saved, whole = record(case, "6.0.2")
    with open(saved, "rb") as file:
        data = file.read()
    cut = os.path.join(case.folder, "cut")
    shown = set()
    for length in sorted({*range(len(data) - 1, len(data) // 2, -97), 200}):
        with open(cut, "wb") as file:
            file.write(data[:length])
        output, errors = rpyc(case, "replay", cut)
        lines = [line for line in output.splitlines() if not re.search("still open|has no reply|could not be read", line)]
        case.equal(lines[:-1], whole[:len(lines) - 1], "what is left of %d bytes" % length)
        case.check("is incomplete" in errors or not errors, "stderr: %r" % errors)
        shown.add(len(lines))
    case.check(len(shown) > 2, "all the cuts show the same")
    for at, said in ((5, "not a file of"), (11, "is not supported"), (24, None)):
        with open(cut, "wb") as file:
            file.write(data[:at] + bytes([data[at] ^ 0xff]) + data[at + 1:])
        if said:
            case.check(said in rpyc(case, "replay", cut, code=FILE)[1], "byte %d" % at)
    with open(cut, "wb") as file:
        file.write(data[:300] + 40 * b"\xff")
    case.check(re.search("has an invalid length|is broken", rpyc(case, "replay", cut, code=FILE)[1]), "a damaged record")
    dice = random.Random(1)
    for _ in range(100):                             # a byte that is another one: as much as can be had, or an error
        at = dice.randrange(len(data))
        with open(cut, "wb") as file:
            file.write(data[:at] + bytes([data[at] ^ dice.randrange(1, 256)]) + data[at + 1:])
        case.run([binary(), "replay", cut], codes=(0, FILE))


@test("tool.replay.pipe")
def replay_pipe(case):
    """A file that can be read once only."""
    saved, whole = record(case, "6.0.2")
    got = case.run(["sh", "-c", 'cat "$1" | "$0" replay /dev/stdin', binary(), saved]).output.splitlines()
    case.equal(got, whole, "what comes of a pipe")


@each_version("replay.as-server")
def replay_server(case, version):
    """A client that asks the same gets the same answers from the file, without the server."""
    saved, _ = record(case, version)
    played = case.start([binary(), "replay", saved, "--listen", "tcp://127.0.0.1:0"])
    address = played.wait_for(r"^listening (\S+)$", case.left(30)).group(1)
    case.equal(rpyc(case, "call", address, "add", "40", "2")[0], "42\n", "the call")
    case.equal(played.wait(case.left(30)), 0, "exit code of replay")


@test("tool.colour")
def colour(case):
    """Escape sequences only where they are asked for: the output of the tests is no terminal."""
    saved, _ = record(case, "6.0.2")
    for options, env, coloured in (((), {}, False), (("--color=always",), {}, True), (("--color", "never"), {}, False),
                                   (("--color=always",), {"NO_COLOR": "1"}, True)):
        output, _ = rpyc(case, "replay", saved, *options, env=env)
        case.equal("\x1b[" in output, coloured, "colour with %s" % " ".join(options))
    rpyc(case, "replay", saved, "--color=blue", code=USAGE)
