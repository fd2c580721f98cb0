"""stdio_isolated.py PROGRAM: a program that talks RPyC over its standard streams and prints, called by stock RPyC and calling it."""
import os
import socket
import subprocess
import sys

import rpyc
from rpyc.core.stream import PipeStream, SocketStream
from rpyc.utils.factory import connect_subproc

PROGRAM = sys.argv[1]
LINES = ["from printf", "from puts", "from write", "from a child"]
checks, failures = 0, 0


def check(good, what):
    global checks, failures
    checks += 1
    if not good:
        failures += 1
        print("not so: " + what, file=sys.stderr)


class Said(rpyc.Service):
    def __init__(self):
        super().__init__()
        self.said = []

    def exposed_say(self, text):
        self.said.append(text)
        return 0


def use(conn, what, again=True, before_close=lambda: None):
    for _ in range(3):
        check(conn.root.noisy() == 0, what + ": noisy")
    check(conn.root.descriptors() == 0, what + ": descriptors")
    if again:
        check(conn.root.again() == 0, what + ": a second use")
    before_close()
    conn.close()


def ended(child, what, printed=4):
    """What the child printed, in each way, is on its standard error."""
    error = child.communicate(timeout=60)[1] if child.stderr else None
    check(child.wait(60) == 0, what + ": exit code %d" % child.returncode)
    if error is not None:
        lines = error.decode().splitlines()
        check(all(lines.count(line) == printed for line in LINES), "%s: standard error is %r" % (what, lines))
        check(any(line.endswith(" 0 failed") for line in lines), "%s: last words on standard error" % what)


def over_pipes(mode, what, nonblocking=False, **options):
    options.setdefault("stderr", subprocess.PIPE)
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    if nonblocking:
        os.set_blocking(theirs_in, False)
        os.set_blocking(theirs_out, False)
    child = subprocess.Popen(options.pop("command", [PROGRAM, mode]), stdin=theirs_in, stdout=theirs_out, **options)
    conn = rpyc.connect_stream(PipeStream(os.fdopen(ours_in, "rb"), os.fdopen(ours_out, "wb")))

    def flags():
        for fd in (theirs_in, theirs_out):
            check(os.get_blocking(fd) != nonblocking, what + ": flags")
            os.close(fd)
    use(conn, what, mode == "serve", flags)
    ended(child, what)


def over_socket(what, stderr):
    ours, theirs = socket.socketpair()
    child = subprocess.Popen([PROGRAM, "serve"], stdin=theirs, stdout=theirs, stderr=theirs if stderr == "same" else stderr)
    theirs.close()
    use(rpyc.connect_stream(SocketStream(ours)), what)
    ended(child, what)


def child_calls(what, **options):
    service = Said()
    child = subprocess.Popen([PROGRAM, "call", "6" if int(rpyc.version.version[0]) >= 6 else "5"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    conn = rpyc.connect_stream(PipeStream(child.stdout, child.stdin), service)
    conn.serve_all()
    check(service.said == ["hello"] * 3, "%s: said %r" % (what, service.said))
    error = child.stderr.read().decode().splitlines()
    check(child.wait(60) == 0, what + ": exit code")
    check(all(error.count(line) == 3 for line in LINES), "%s: standard error is %r" % (what, error))


over_pipes("serve", "pipes")
over_pipes("descriptors", "fd:0,1")
over_pipes("serve", "pipes that do not block", nonblocking=True)
over_pipes("serve", "no standard error", command=["/bin/sh", "-c", "exec '%s' serve 2>&-" % PROGRAM], stderr=None)
over_pipes("serve", "standard error as standard output", stderr=subprocess.STDOUT)
over_socket("socket", subprocess.PIPE)
over_socket("socket for all three", "same")
child_calls("called by the child")

done = subprocess.run([PROGRAM, "own", PROGRAM], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
check(done.returncode == 0 and done.stdout.decode().endswith(" 0 failed\n"), "exec: %r" % done.stderr)
check(LINES[0] not in done.stdout.decode() and done.stderr.decode().splitlines().count(LINES[0]) >= 3, "exec: what is printed")
done = subprocess.run([PROGRAM, "closed"], stdout=subprocess.PIPE, timeout=60)
check(done.returncode == 0 and done.stdout.decode().endswith(" 0 failed\n"), "descriptor 0 is closed")
use(connect_subproc([PROGRAM, "serve"], rpyc.VoidService), "connect_subproc")
print("%d passed, %d failed" % (checks - failures, failures))
sys.exit(1 if failures or not checks else 0)
