"""stdio_bindings.py PROGRAM: a program in Go or C++ that serves at its standard streams and prints, called by stock RPyC over pipes and a socket."""
import socket
import subprocess
import sys

import rpyc
from rpyc.core.stream import PipeStream, SocketStream

passed, failed = 0, 0


def check(good, what):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print("not so: " + what, file=sys.stderr)


def use(conn, child, what):
    for _ in range(3):
        check(conn.root.noisy() == 0, what + ": noisy")
    check(conn.root.again() is True, what + ": a second use")
    conn.close()
    error = child.stderr.read().decode().splitlines()
    check(child.wait(30) == 0, what + ": exit code")
    for line, times in (("from Println", 3), ("from println", 3), ("from a child", 3), ("0", 3), ("at the end", 1)):
        check(error.count(line) == times, "%s: standard error is %r" % (what, error))


command = [sys.argv[1], "stdio", "-"]
child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
use(rpyc.connect_stream(PipeStream(child.stdout, child.stdin)), child, "pipes")
ours, theirs = socket.socketpair()
child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE)
theirs.close()
use(rpyc.connect_stream(SocketStream(ours)), child, "socket")
print("%d passed, %d failed" % (passed, failed))
sys.exit(1 if failed or not passed else 0)
