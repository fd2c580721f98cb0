"""Measures the most memory that one peer and many peers can take of a C server with its defaults on tcp.

most_memory.py PROGRAM [CONNECTIONS [OPTION=VALUE...]]: PROGRAM is the built tests/c_border/exhaustion.c. Each connection takes
what it gets: bytes and tuples in lists, products of lists, methods, a frame that does not end. Prints the resident memory of the
server at its highest, and what malloc says is in use while all of it is held and after the connections have ended.
"""
import re
import subprocess
import sys
import time

import rpyc

MIB = 1 << 20


def start(program, options):
    server = subprocess.Popen([program, "serve", "tcp://127.0.0.1:0", *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True)
    return server, int(re.search(r":(\d+)$", server.stdout.readline().strip()).group(1))


def resident(server, name):
    with open("/proc/%d/status" % server.pid, encoding="ascii") as status:
        return int(re.search(name + r":\s+(\d+) kB", status.read()).group(1)) / 1024


def take(connection):
    """Everything that one peer can get."""
    kept = [connection.root.list() for _ in range(3)]
    for make in (bytes, lambda size: (None,) * (size // 40)):
        size = 32 * MIB
        while size >= 4096:
            try:
                kept[0].append(make(size))
            except (MemoryError, ValueError):
                size //= 4
    kept[1].append(None)
    for count in (1 << 24, 1 << 22, 1 << 20, 1 << 16):
        try:
            kept.append(kept[1].__mul__(count))
        except MemoryError:
            pass
    try:
        for _ in range(70000):
            kept.append(kept[2].append)
    except (MemoryError, ValueError):
        pass
    return kept


def begin_frame(connection):
    """A message that is announced, and nearly comes."""
    sock = connection._channel.stream.sock
    sock.settimeout(20)
    try:
        sock.sendall((60 * MIB).to_bytes(4, "big") + b"\0\x01\x11\x57\x11\x51" + bytes(60 * MIB - 6))
    except OSError:
        pass


def measure(program, count, options):
    server, port = start(program, options)
    quiet = rpyc.connect("127.0.0.1", port)
    connections = [rpyc.connect("127.0.0.1", port, config={"sync_request_timeout": 120}) for _ in range(count)]
    before = quiet.root.used()
    kept = [take(connection) for connection in connections]
    held = quiet.root.used()
    for connection in connections:
        begin_frame(connection)
    held = max(held, quiet.root.used())
    good = quiet.root.echo(b"x" * 5000) == b"x" * 5000
    print("%3d peers: %5.0f MiB in use, %5.0f MiB resident at most; others are %s" %
          (count, (held - before) / MIB, resident(server, "VmHWM"), "served" if good else "not served"))
    for connection in connections:
        connection._channel.close()
    del kept
    time.sleep(1)
    print("           %5.1f MiB in use afterwards, %5.1f before" % (quiet.root.used() / MIB, before / MIB))
    quiet.root.stop()
    server.wait(60)


if __name__ == "__main__":
    for peers in ([int(sys.argv[2])] if len(sys.argv) > 2 else (1, 100)):
        measure(sys.argv[1], peers, sys.argv[3:])
