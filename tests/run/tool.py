"""The program `rpyc` (docs/guide/tool.md) against unmodified RPyC: each command that asks or serves, and its exit codes."""
import os
import re
import signal
import socket
import time

from interop import start_python_server
from ports import free_port
from runner import ROOT, TARGET, NotRun, test

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
    trips = [re.fullmatch(r"1000 bytes: seq=(\d) time=\d+\.\d{3} ms", line) for line in lines[1:4]]
    case.check(all(trips) and [one.group(1) for one in trips] == ["1", "2", "3"], "round trips: %r" % lines[1:4])
    case.check("3 sent, 3 received, 0% lost" in lines[4], "the sum is %r" % lines[4])
    case.check(re.match(r"round trip: min \S+ ms, avg \S+ ms, max \S+ ms", lines[5]), "the last line is %r" % lines[5])


@test("tool.ping.interrupted")
def ping_interrupted(case):
    """Ctrl-C ends an endless ping with its sum."""
    _server, address = start_python_server(case, "6.0.2", "tcp")
    process = case.start([binary(), "ping", address, "-c", "0", "-i", "0.01"])
    process.wait_for(r"seq=5 ", case.left(30))
    process.signal(signal.SIGINT)
    case.equal(process.wait(case.left(30)), 0, "exit code")
    case.check(re.search(r"received, 0% lost", process.output), "no sum: %r" % process.output[-200:])


@test("tool.ping.silent-server")
def ping_silent(case):
    """Ctrl-C ends a ping that waits for a server, before its first answer and later, when it still sums up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = case.start([binary(), "ping", "127.0.0.1:%d" % listener.getsockname()[1], "-t", "1000"])
        peer, _ = listener.accept()
        peer.settimeout(case.left())
        peer.recv(1)                                 # what it waits for an answer to
        process.signal(signal.SIGINT)
        case.equal(process.wait(case.left(30)), 130, "exit code before the first answer")
        case.check("interrupted before" in process.read("err"), "it is not told: %r" % process.read("err"))
        peer.close()
    server, address = start_python_server(case, "6.0.2", "tcp")
    process = case.start([binary(), "ping", address, "-c", "0", "-i", "0.01", "-W", "1000"])
    process.wait_for(r"seq=5 ", case.left(30))
    server.signal(signal.SIGSTOP)
    before = None
    while process.output != before:                  # until it waits, most likely
        before = process.output
        time.sleep(0.5)
    process.signal(signal.SIGINT)
    case.check(process.wait(case.left(30)) in (0, RAISED), "it does not end")
    case.equal(len(re.findall(r"\d+ sent, \d+ received", process.output)), 1, "sums")


@test("tool.ping.long-pause")
def ping_pause(case):
    """More seconds than the clock has."""
    _server, address = start_python_server(case, "6.0.2", "tcp")
    process = case.start([binary(), "ping", address, "-i", "1e19", "-W", "1e19"])
    process.wait_for(r"seq=1 ", case.left(30))
    process.signal(signal.SIGINT)
    case.equal(process.wait(case.left(30)), 0, "exit code")


@each_version("dir")
def directory(case, version):
    _server, address = start_python_server(case, version, "tcp")
    root, _ = rpyc(case, "dir", address)
    case.check("The service of contract.md." in root, "no doc of the root")
    case.check(re.search(r"^add +method$", root, re.M), "no method add")
    case.check(re.search(r"^contract +int +1$", root, re.M), "no attribute contract")
    case.check(re.search(r"^\(\d+ more names are denied", root, re.M), "nothing about names that are refused")
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
    case.check("passed by value" in rpyc(case, "get", address, "contract.x", code=USAGE)[1], "contract.x")
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
    case.check("not a classic server" in rpyc(case, "eval", address, "1", code=RAISED)[1], "not said")


# ---------------------------------------------------------------------- what goes wrong
@test("tool.errors")
def errors(case):
    """What was wrong, where, and what to do; each kind with its exit code."""
    port = str(free_port())
    for args, code, said in ((("ping", "localhost:" + port), CONNECT, ("Connection refused", "Does the server run")),
                             (("ping", "localhost"), USAGE, ("'localhost' is not an address", "HOST:PORT")),
                             (("ping",), USAGE, ("the address is missing", "usage: rpyc ping ADDR")),
                             (("get", "localhost:1", "a..b"), USAGE, ("path 'a..b'", "expected a name (at 2)")),
                             (("call", "localhost:1", "f", "[1"), USAGE, ("argument '[1'", "expected ',' or ']'")),
                             (("ping", "no-such-host.invalid:1"), CONNECT, ("cannot look up", "Is the name of the host right")),
                             (("ping", "localhost:1", "-s", str(2**64 - 1)), USAGE, ("--size: expected at most", "max_frame")),
                             (("ping", "localhost:1", "-s", str(10**11)), USAGE, ("--size: expected at most", "max_frame")),
                             (("ping", "--what", "x"), USAGE, ("there is no option --what",)),
                             (("ping", "x:1", "-o", "no=1"), USAGE, ("unknown option 'no'",)),
                             (("pong",), USAGE, ("there is no command 'pong'",)),
                             (("help", "pong"), USAGE, ("there is no command 'pong'",)),
                             (("trace", "--listen", ":0"), USAGE, ("--to is missing",)),
                             (("replay", os.path.join(case.folder, "none")), FILE, ("cannot read", "No such file")),
                             (("replay", os.path.join(ROOT, "LICENSE")), FILE, ("not a file of",))):
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
        case.check("tcp://%s does not speak RPyC" % address in asked.read("err"), "HTTP: %r" % asked.read("err"))
        peer.close()
        asked = case.start([binary(), "ping", address, "-t", "20"])
        peer, _ = listener.accept()
        peer.close()
        case.equal(asked.wait(case.left()), PROTOCOL, "exit code for one that hangs up")
        asked = case.start([binary(), "ping", address, "-t", "0.5"])
        peer, _ = listener.accept()
        case.equal(asked.wait(case.left()), PROTOCOL, "exit code for one that is silent")
        case.check("no reply was received" in asked.read("err"), "it is not said that no reply was received: %r" % asked.read("err"))
        peer.close()


@test("tool.errors.reasons", 120)
def reasons(case):
    """The remedy fits the kind of address and the reason; a peer that has replied is not suspected of being no server."""
    none, stale, file = (os.path.join(case.folder, name) for name in ("none", "stale", "file"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(stale)
    open(file, "w", encoding="utf-8").close()
    for address, said in ((none, "no socket at this path"), ("shm://" + none, "no socket at this path"), (stale, "may be left from one"),
                          (file, "may be left from one"), ("unix://@no-such-name", "under this name"),
                          ("127.0.0.1:%d" % free_port(), "listen on this address and port")):
        text = rpyc(case, "ping", address, code=CONNECT)[1]
        case.check(said in text and "0.0.0.0" not in text, "%s: %r" % (address, text))
    server = case.start([binary(), "serve", "tcp://127.0.0.1:0"])
    address = server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)
    for dialect in ("auto", "5", "6"):
        for seconds in ("1", "5", "25"):             # the root is not replied to within the first on a busy machine, perhaps
            text = rpyc(case, "call", address, "sleep", "300", "-t", seconds, "--dialect", dialect, code=PROTOCOL)[1]
            if "Is it an RPyC server" not in text:
                break
        case.check("--timeout" in text and "Is it an RPyC server" not in text, "a slow call: %r" % text)
    server, address = start_python_server(case, "6.0.2", "tcp", "--classic")
    code = "(__import__('builtins').print('begun', flush=True), __import__('time').sleep(300))"
    waiting = case.start([binary(), "eval", address, code])
    server.wait_for(r"^begun$", case.left(30))
    server.signal(signal.SIGKILL)
    server.wait(case.left(30))
    case.equal(waiting.wait(case.left(30)), PROTOCOL, "exit code when the server is killed")
    case.check("TLS" not in waiting.read("err") and "crashed" in waiting.read("err"), "killed: %r" % waiting.read("err"))


@test("tool.full-queue")
def full_queue(case):
    """A server that takes no connection in time is not there: its queue of connections is full."""
    path = os.path.join(case.folder, "full")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(0)
        queued = []
        while True:
            queued.append(socket.socket(socket.AF_UNIX))
            queued[-1].setblocking(False)
            try:
                queued[-1].connect(path)
            except BlockingIOError:
                break
        said = rpyc(case, "ping", path, "-t", "0.5", code=CONNECT)[1]
        case.check("Does the server run" in said and "was made" not in said, "it said %r" % said)
        for one in queued:
            one.close()


@test("tool.wrong-dialect")
def wrong_dialect(case):
    for version, other in (("6.0.2", "5"), ("5.3.1", "6")):
        _server, address = start_python_server(case, version, "tcp")
        said = rpyc(case, "call", address, "add", "1", "2", "--dialect", other, code=PROTOCOL)[1]
        case.check("Without --dialect it is detected" in said, "--dialect %s at %s: %r" % (other, version, said))


@test("tool.nobody-listens")
def nobody_listens(case):
    """What cannot be told, as nobody takes it, changes no exit code."""
    for args, code in (((), USAGE), (("ping", "localhost"), USAGE), (("replay", "/none"), FILE)):
        case.run(["sh", "-c", 'exec "$0" "$@" 2>/dev/full', binary(), *args], codes=(code,))
    case.run(["sh", "-c", 'exec "$0" help >/dev/full 2>/dev/full', binary()], codes=(FILE,))


EVIL = """
import rpyc
from rpyc.utils.server import ThreadedServer

class Evil:
    exposed_name = 1
    def __repr__(self):
        return "repr \\x1b[2J \\x9b1m"

exposed = type("Class\\x1b[31m", (Evil,), {"__doc__": "doc \\x1b[2J\\nsecond \\x1b[2J"})()

class Service(rpyc.Service):
    exposed_thing = exposed
    def exposed_make(self):
        return exposed
    def exposed_fail(self):
        raise ValueError("text \\x1b]0;title\\x07")

server = ThreadedServer(Service, hostname="127.0.0.1", port=0, protocol_config={"allow_public_attrs": True})
server.listener.listen()  # as start() will, which may come later than the client
print("port", server.port, flush=True)
server.start()
"""


@test("tool.control-characters")
def control_characters(case):
    """A peer cannot move the cursor of who looks at it."""
    server = case.start([case.python("6.0.2"), "-c", EVIL])
    address = "127.0.0.1:" + server.wait_for(r"^port (\d+)$", case.left(30)).group(1)
    trace = case.start([binary(), "trace", "--listen", "tcp://127.0.0.1:0", "--to", address])
    address = trace.wait_for(r"^listening (\S+)$", case.left(30)).group(1)
    case.equal(rpyc(case, "call", address, "make")[0], "repr \\x1b[2J \\x9b1m\n", "repr")
    said = [*rpyc(case, "call", address, "fail", code=RAISED), *rpyc(case, "dir", address), *rpyc(case, "dir", "-a", address, "make()")]
    trace.signal(signal.SIGINT)
    case.equal(trace.wait(case.left()), 0, "exit code of the trace")
    said.append(trace.output)
    for text, holds in zip(said, ("", "\\x1b]0;title\\x07", "Class\\x1b[31m", "", "doc \\x1b[2J", "", "Class\\x1b[31m#")):
        case.check(holds in text, "%r is not in %r" % (holds, text))
        case.check(not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text), "a control character in %r" % text)


@test("tool.help")
def helps(case):
    case.check(re.fullmatch(r"rpyc \d+\.\d+\.\d+\n", rpyc(case, "--version")[0]), "--version")
    general = rpyc(case, "--help")[0]
    case.equal(rpyc(case, "help")[0], general, "rpyc help")
    commands = re.findall(r"^  ([a-z]+) ", general, re.M)
    case.check(len(commands) == 12, "commands: %r" % commands)
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


def serve_sleeping(case):
    """A server in a call that lasts: its process."""
    server = case.start([binary(), "serve", "tcp://127.0.0.1:0"])
    address = server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)
    case.start([binary(), "call", address, "sleep", "3000", "-t", "3000"])
    server.wait_for(r"^connected ", case.left(30))
    time.sleep(0.5)                                  # the call is on its way; if it comes later, the test is easier
    return server


@test("tool.serve.ends-while-a-call-runs", 120)
def serve_ends(case):
    """After the time that a call has; at a second signal at once."""
    case.stop(serve_sleeping(case), 60)
    for _ in range(10):                              # on a busy machine it may end by itself before the second signal
        server = serve_sleeping(case)
        server.signal(signal.SIGTERM)
        time.sleep(0.5)
        server.signal(signal.SIGTERM)
        code = server.wait(case.left())
        if code == 130:
            return
        case.equal(code, 0, "exit code")
    case.check(False, "a second signal never ended it")
