"""The program `rpyc` (docs/tool.md) against unmodified RPyC: each command, its exit codes, and the trace between Python's peers."""
import os
import random
import re
import signal
import socket
import threading

from interop import SERVER, python_client, python_client_options, start_python_server
from runner import ROOT, TARGET, NotRun, shown, test

VERSIONS = ("6.0.2", "5.3.1")
SPEAKS = {"6.0.2": "speaks the protocol of rpyc 6", "5.3.1": "speaks the protocol of rpyc 4.1 to 5.3"}
RAISED, USAGE, CONNECT, PROTOCOL, FILE = 1, 2, 3, 4, 5


def binary():
    path = os.path.join(TARGET, "release", "rpyc")
    if not os.access(path, os.X_OK):
        raise NotRun("target/release/rpyc was not built")
    return path


def rpyc(case, *args, code=0, env=None):
    """Runs the tool; what it printed on stdout and stderr."""
    done = case.run([binary(), *args], codes=(code,), env=env)
    return done.output, done.read("err")


def start_trace(case, to, *options):
    trace = case.start([binary(), "trace", "--listen", "tcp://127.0.0.1:0", "--to", to, *options])
    return trace, trace.wait_for(r"^listening (\S+)$", case.left(30)).group(1)


def stop_trace(case, trace):
    trace.signal(signal.SIGINT)
    case.equal(trace.wait(case.left(30)), 0, "exit code of rpyc trace")
    return trace.output.splitlines()


def each_version(name, seconds=60):
    def register(function):
        for version in VERSIONS:
            test("tool.%s.%s" % (name, version), seconds)(lambda case, version=version: function(case, version))
        return function
    return register


# ---------------------------------------------------------------------- asking
@each_version("ping")
def ping(case, version):
    _server, address = start_python_server(case, version, "tcp")
    output, _ = rpyc(case, "ping", address, "-c", "3", "-i", "0.01", "-s", "1000")
    lines = output.splitlines()
    case.check(SPEAKS[version] in lines[0], "the first line is %r" % lines[0])
    trips = [re.fullmatch(r"1000 bytes back: seq=(\d) time=\d+\.\d{3} ms", line) for line in lines[1:4]]
    case.check(all(trips) and [one.group(1) for one in trips] == ["1", "2", "3"], "round trips: %r" % lines[1:4])
    case.check("3 sent, 3 came back, 0% lost" in lines[4], "the sum is %r" % lines[4])
    case.check(re.match(r"round trip: min \S+ ms, avg \S+ ms, max \S+ ms", lines[5]), "the last line is %r" % lines[5])


@test("tool.ping.interrupted")
def ping_interrupted(case):
    """Ctrl-C ends an endless ping with its sum."""
    _server, address = start_python_server(case, "6.0.2", "tcp")
    process = case.start([binary(), "ping", address, "-c", "0", "-i", "0.01"])
    process.wait_for(r"seq=5 ", case.left(30))
    process.signal(signal.SIGINT)
    case.equal(process.wait(case.left(30)), 0, "exit code")
    case.check(re.search(r"came back, 0% lost", process.output), "no sum: %r" % process.output[-200:])


@each_version("dir")
def directory(case, version):
    _server, address = start_python_server(case, version, "tcp")
    root, _ = rpyc(case, "dir", address)
    case.check("The service of contract.md." in root, "no doc of the root")
    case.check(re.search(r"^add +method$", root, re.M), "no method add")
    case.check(re.search(r"^contract +int +1$", root, re.M), "no attribute contract")
    case.check(re.search(r"^\(\d+ more names are refused", root, re.M), "nothing about names that are refused")
    item, _ = rpyc(case, "dir", address, "make('x')")
    case.check(re.search(r"^get +method +Gives the label\.$", item, re.M), "no doc of get")
    case.check(re.search(r"^label +str +'x'$", item, re.M), "no label")
    names, _ = rpyc(case, "dir", "-n", address, "make('x')")
    case.check({"get", "label", "rename"} <= set(names.split()), "names: %r" % names)
    case.check("hidden" in rpyc(case, "dir", "--all", address, "make('x')")[0], "--all does not show what is refused")


@each_version("get")
def get(case, version):
    _server, address = start_python_server(case, version, "tcp")
    for path, want in (("contract", "1"), ("make('x').label", "'x'"), ("make_dict()['b']", "(2, 3)"),
                       ("make_list(3)", "[0, 1, 2]"), ("shared().get", None), ("sample('huge')", "1" + 300 * "0")):
        got = rpyc(case, "get", address, path)[0]
        case.check(got == want + "\n" if want else "Item" in got, "%s gave %r" % (path, got))
    case.check("came by value" in rpyc(case, "get", address, "contract.x", code=PROTOCOL)[1], "contract.x")
    case.check("AttributeError" in rpyc(case, "get", address, "nothing_like_it", code=RAISED)[1], "nothing_like_it")
    case.check("expected ']'" in rpyc(case, "get", address, "make[0", code=USAGE)[1], "make[0")


@each_version("call")
def call(case, version):
    _server, address = start_python_server(case, version, "tcp")
    for args, want in ((("add", "40", "2"), "42"), (("add", "'a'", "b='b'"), "'ab'"), (("add", "-1", "-2.5"), "-3.5"),
                       (("add", "--text", "a", "b"), "'ab'"), (("echo", "(1, b'x', None, {2: [3]})"), "(1, b'x', None, {2: [3]})"),
                       (("echo", "{1, 2}"), "frozenset({1, 2})"), (("concat", "1", "2", "b=3", "a=4"), "(1, (2,), (('a', 4), ('b', 3)))"),
                       (("make('x').get",), "'x'"), (("mixed",), "(1, 'two', <Item three>, (4, [5, 6]), None)"),
                       (("adder(40)", "2"), "42"), (("nothing",), "None")):
        case.equal(rpyc(case, "call", address, *args)[0], want + "\n", "call %s" % " ".join(args))
    output, errors = rpyc(case, "call", address, "divide", "1", "0", code=RAISED)
    case.equal(output, "", "stdout of a call that fails")
    case.check("exposed_divide" in errors, "no remote traceback: %r" % errors)
    case.check(errors.rstrip().endswith("ZeroDivisionError: integer division or modulo by zero"), "the last line: %r" % errors[-200:])
    _, errors = rpyc(case, "call", address, "echo", "hello", code=USAGE)
    case.check("'hello'" in errors and "--text" in errors, "no hint: %r" % errors)


@each_version("classic")
def classic(case, version):
    _server, address = start_python_server(case, version, "tcp", "--classic")
    case.equal(rpyc(case, "eval", address, "6 * 7")[0], "42\n", "eval")
    case.equal(rpyc(case, "eval", address, "[1, {'a': (2,)}]")[0], "[1, {'a': (2,)}]\n", "eval of a list")
    case.equal(rpyc(case, "exec", address, "import os; os.environ['TRIED'] = 'yes'")[0], "", "exec")
    case.equal(rpyc(case, "eval", address, "__import__('os').environ['TRIED']")[0], "'yes'\n", "what exec left")
    case.check("NameError" in rpyc(case, "eval", address, "there_is_none", code=RAISED)[1], "no NameError")
    listing = rpyc(case, "dir", address, "getmodule('shutil')")[0]
    case.check(re.search(r"^copyfile\(src, dst, \*, follow_symlinks=True\) +function", listing, re.M), "no signature of copyfile")


@test("tool.eval.not-classic")
def eval_not_classic(case):
    _server, address = start_python_server(case, "6.0.2", "tcp")
    case.check("no classic server" in rpyc(case, "eval", address, "1", code=RAISED)[1], "not said")


# ---------------------------------------------------------------------- what goes wrong
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@test("tool.errors")
def errors(case):
    """What was wrong, where, and what to do; each kind with its exit code."""
    port = str(free_port())
    for args, code, said in ((("ping", "localhost:" + port), CONNECT, ("Connection refused", "Does the server run")),
                             (("ping", "localhost"), USAGE, ("'localhost' is no address", "HOST:PORT")),
                             (("ping",), USAGE, ("the address is missing", "usage: rpyc ping ADDR")),
                             (("get", "localhost:1", "a..b"), USAGE, ("path 'a..b'", "expected a name (at 2)")),
                             (("call", "localhost:1", "f", "[1"), USAGE, ("argument '[1'", "expected ',' or ']'")),
                             (("ping", "--what", "x"), USAGE, ("there is no option --what",)),
                             (("ping", "x:1", "-o", "no=1"), USAGE, ("no option named 'no'",)),
                             (("pong",), USAGE, ("there is no command 'pong'",)),
                             (("help", "pong"), USAGE, ("there is no command 'pong'",)),
                             (("trace", "--listen", ":0"), USAGE, ("--to is missing",)),
                             (("replay", os.path.join(case.folder, "none")), FILE, ("cannot read", "No such file")),
                             (("replay", os.path.join(ROOT, "LICENSE")), FILE, ("is no trace",))):
        output, text = rpyc(case, *args, code=code)
        case.equal(output, "", "stdout of %s" % " ".join(args))
        case.check(all(one in text for one in said), "rpyc %s said %r" % (" ".join(args), text))


@test("tool.not-rpyc")
def not_rpyc(case):
    """A server that speaks something else, one that is silent, and one that hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = "127.0.0.1:%d" % listener.getsockname()[1]
        asked = case.start([binary(), "ping", address, "-t", "20"])
        peer, _ = listener.accept()
        peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        case.equal(asked.wait(case.left()), PROTOCOL, "exit code for HTTP")
        peer.close()
        asked = case.start([binary(), "ping", address, "-t", "20"])
        peer, _ = listener.accept()
        peer.close()
        case.equal(asked.wait(case.left()), PROTOCOL, "exit code for one that hangs up")
        asked = case.start([binary(), "ping", address, "-t", "0.5"])
        peer, _ = listener.accept()
        case.equal(asked.wait(case.left()), PROTOCOL, "exit code for one that is silent")
        case.check("no answer came" in asked.read("err"), "it is not said that no answer came: %r" % asked.read("err"))
        peer.close()


@test("tool.help")
def helps(case):
    case.check(re.fullmatch(r"rpyc \d+\.\d+\.\d+\n", rpyc(case, "--version")[0]), "--version")
    general = rpyc(case, "--help")[0]
    case.equal(rpyc(case, "help")[0], general, "rpyc help")
    commands = re.findall(r"^  ([a-z]+) ", general, re.M)
    case.check(len(commands) == 9, "commands: %r" % commands)
    with open(os.path.join(ROOT, "docs", "man", "rpyc.1"), encoding="utf-8") as file:
        manual = file.read()
    for command in commands:
        text = rpyc(case, "help", command)[0]
        case.check(text.startswith("usage: rpyc %s" % command), "help %s: %r" % (command, text[:60]))
        case.equal(rpyc(case, command, "--help")[0], text, "rpyc %s --help" % command)
        for option in re.findall(r"^  (?:-\w, )?--([a-z]+)", text, re.M):
            case.check("Fl -%s" % option in manual, "rpyc.1 has no --%s of %s" % (option, command))


# ---------------------------------------------------------------------- serving
@each_version("serve")
def serve(case, version):
    """The service to try things with, used by a Python client."""
    server = case.start([binary(), "serve", "tcp://127.0.0.1:0"])
    port = server.wait_for(r"^listening tcp://127\.0\.0\.1:(\d+)$", case.left(30)).group(1)
    code = ("import rpyc; c = rpyc.connect('127.0.0.1', %s); r = c.root; l = [1]\n"
            "assert r.add(40, 2) == 42 and r.add('a', b='b') == 'ab' and r.echo(l) is l and r.zeros(5) == bytes(5)\n"
            "assert r.call(lambda *a: a, 1, 2) == (1, 2) and r.sleep(0.01, 'x') == 'x'\n"
            "for args in (('KeyError', 'k'),):\n"
            "    try: r.fail(*args); assert False\n"
            "    except KeyError as e: assert e.args == ('k',)\n"
            "try: r.add(1, 'x'); assert False\n"
            "except TypeError as e: assert \"argument 'b'\" in str(e), e\n"
            "c.close(); print('well')") % port
    case.equal(case.run([case.python(version), "-c", code]).output, "well\n", "the client")
    case.stop(server)
    case.check(re.search(r"^connected .*\n(.*\n)*disconnected ", server.output, re.M), "connections are not told: %r" % server.output)


# ---------------------------------------------------------------------- tracing
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
    sent = [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01", os.urandom(400000),
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
            case.check(re.search(r"#%d %s .* garbage " % (connection, arrow), text), "no garbage %s on #%d" % (arrow, connection))


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
    trace.wait_for(r"is turned away: cannot connect to .*refused", case.left(30))
    case.check(not trace.ended, "the trace has ended")
    stop_trace(case, trace)


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
        lines = output.splitlines()
        case.equal(lines[:-1], whole[:len(lines) - 1], "what is left of %d bytes" % length)
        case.check("was cut" in errors or not errors, "stderr: %r" % errors)
        shown.add(len(lines))
    case.check(len(shown) > 2, "all the cuts show the same")
    for at, said in ((5, "is no trace"), (11, "has version"), (24, None)):
        with open(cut, "wb") as file:
            file.write(data[:at] + bytes([data[at] ^ 0xff]) + data[at + 1:])
        if said:
            case.check(said in rpyc(case, "replay", cut, code=FILE)[1], "byte %d" % at)
    with open(cut, "wb") as file:
        file.write(data[:300] + 40 * b"\xff")
    case.check(re.search("is announced|is broken", rpyc(case, "replay", cut, code=FILE)[1]), "a damaged record")
    dice = random.Random(1)
    for _ in range(100):                             # a byte that is another one: as much as can be had, or an error
        at = dice.randrange(len(data))
        with open(cut, "wb") as file:
            file.write(data[:at] + bytes([data[at] ^ dice.randrange(1, 256)]) + data[at + 1:])
        case.run([binary(), "replay", cut], codes=(0, FILE))


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
