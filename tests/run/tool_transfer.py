"""`rpyc upload` and `rpyc download` with stock classic servers, and bars of progress, which only terminals get."""
import os
import pty
import subprocess

from interop import start_python_server
from runner import test
from tool import FILE, RAISED, USAGE, binary, each_version, rpyc
from tool_trace import start_trace, stop_trace


def write(case, name, data):
    path = os.path.join(case.folder, name)
    with open(path, "wb") as file:
        file.write(data)
    return path


@each_version("transfer")
def transfer(case, version):
    """Files of several sizes there and back, byte for byte; what goes wrong is told with its place."""
    _server, address = start_python_server(case, version, "tcp", "--classic")
    there, back = (os.path.join(case.folder, name) for name in ("there", "back"))
    for size in (0, 1, (256 << 10) - 1, 256 << 10, 3 * (256 << 10) + 5):
        data = os.urandom(size)
        case.equal(rpyc(case, "upload", address, write(case, "from", data), there), ("", ""), "output of upload")
        case.equal(rpyc(case, "download", address, there, back), ("", ""), "output of download")
        for path in (there, back):
            with open(path, "rb") as file:
                case.check(file.read() == data, "%s of %d bytes is another one" % (path, size))
    case.check("cannot read /none" in rpyc(case, "upload", address, "/none", there, code=FILE)[1], "no such file here")
    case.check("FileNotFoundError" in rpyc(case, "upload", address, there, "/none/x", code=RAISED)[1], "no such folder there")
    case.check("FileNotFoundError" in rpyc(case, "download", address, "/none", back, code=RAISED)[1], "no such file there")
    case.check("cannot write /none/x" in rpyc(case, "download", address, there, "/none/x", code=FILE)[1], "no such folder here")
    case.check("only files" in rpyc(case, "upload", address, case.folder, there, code=FILE)[1], "a folder")
    case.check("file to write is missing" in rpyc(case, "upload", address, there, code=USAGE)[1], "no third word")


@test("tool.transfer.not-classic")
def not_classic(case):
    _server, address = start_python_server(case, "6.0.2", "tcp")
    said = rpyc(case, "upload", address, write(case, "from", b"x"), "/none/x", code=RAISED)[1]
    case.check("not a classic server" in said, "it said %r" % said)


def on_a_terminal(case, *args):
    """What a command writes to stderr, which is a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([binary(), *args], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs,
                               env=dict(os.environ, TERM="xterm"))
    os.close(theirs)
    seen = b""
    try:
        while True:
            try:
                more = os.read(ours, 65536)
            except OSError:                          # the end, on Linux
                break
            if not more:
                break
            seen += more
        case.equal(process.wait(case.left(30)), 0, "exit code")
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return seen.decode()


@test("tool.progress")
def progress(case):
    """A bar for transfers and for long replays, whose name cannot move the cursor; none with --quiet and elsewhere."""
    _server, address = start_python_server(case, "6.0.2", "tcp", "--classic")
    there, saved = (os.path.join(case.folder, name) for name in ("there", "saved"))
    path = write(case, "from\x1b[2J", os.urandom(3 << 20))
    for command in (("upload", address, path, there), ("download", address, there, os.path.join(case.folder, "back"))):
        seen = on_a_terminal(case, *command)
        case.check("[" in seen and "100%" in seen and "3145.7 kB" in seen and seen.endswith("\n"), "%s: %r" % (command[0], seen))
        case.check("\x1b[2J" not in seen, "a control character of the name: %r" % seen)
        case.equal(on_a_terminal(case, *command, "--quiet"), "", "with --quiet")
        case.equal(rpyc(case, *command), ("", ""), "not on a terminal")
    server = case.start([binary(), "serve", "tcp://127.0.0.1:0"])
    trace, listening = start_trace(case, server.wait_for(r"^listening (\S+)$", case.left(30)).group(1), "-q", "--save", saved)
    rpyc(case, "call", listening, "echo", "@bytes:" + path, "--json", "-o", "compress=false")
    trace.wait_for(r"#1 closed after", case.left(30))
    stop_trace(case, trace)
    seen = on_a_terminal(case, "replay", saved)
    case.check("%" in seen and seen.endswith("\r\x1b[K"), "the bar of the replay goes at its end: %r" % seen)
    case.equal(on_a_terminal(case, "replay", saved, "-q"), "", "a quiet replay")
    with open(saved, "rb") as whole:
        cut = write(case, "cut", whole.read(1000))
    case.check("%" not in on_a_terminal(case, "replay", cut), "a bar for a short replay")
