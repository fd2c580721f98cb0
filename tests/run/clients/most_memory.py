"""Measures the most memory that peers can take of a C server with its defaults on tcp, and checks that it is bounded and comes back.

most_memory.py PROGRAM WHAT COUNT [OPTION=VALUE...]: PROGRAM is the built tests/c_border/exhaustion.c. WHAT is

    all       COUNT connections take what they get: bytes and tuples in lists, products of lists, methods, a frame that does not end
    bombs     COUNT connections send frames of 6 KiB, again and again, that inflate to 6 MiB, and become values of 40 times as much
    nets      three connections, one after the other, make COUNT lists each that all hold all of them, and leave
    methods   one connection asks for COUNT methods, each of which is another object, and gives none back

Prints what malloc says is in use while all of it is held and after the connections have ended, and the resident memory at its highest.
"""
import os
import re
import struct
import subprocess
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

from hostile.streams import squeezed
from hostile.wire import EXCEPTION, GETATTR, REQUEST, Closed, Hang, Raw, by_value, connect, dump, frame, items, message, yours

MIB = 1 << 20
TOTAL = 1 << 30                                      # max_total_memory of servers on tcp
# What each connection has free of charge, and what it takes by itself.
FREE = 640 << 10
FAILED = 0


def check(good, *what):
    global FAILED
    FAILED += not good
    if not good:
        print("not so:", *what)


class Server:
    def __init__(self, program, options):
        self.process = subprocess.Popen([program, "serve", "tcp://127.0.0.1:0", *options], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.address = re.search(r"\S+$", self.process.stdout.readline().strip()).group(0)
        self.total = dict(option.split("=") for option in options).get("max_total_memory", TOTAL)
        self.quiet = self.connect()
        # Every path has been gone once: what the library keeps for the next message is there.
        bomb(self.quiet)
        self.serves()
        self.before = self.used()

    def connect(self):
        peer = connect(self.address)
        peer.get_root()
        return peer

    def used(self):
        """Bytes in use, as malloc counts."""
        return self.quiet.call("used")[1]

    def resident(self):
        """MiB at the highest."""
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as status:
            return int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1)) >> 10

    def serves(self):
        return self.quiet.call("echo", by_value(b"x" * 5000)) == (1, b"x" * 5000)

    def comes_back(self):
        """Memory is back to within a tenth, once what the last connections had is freed."""
        deadline = time.monotonic() + 30
        while abs(self.used() - self.before) > self.before // 10 + (64 << 10) and time.monotonic() < deadline:
            time.sleep(0.1)
        after = self.used()
        print("    %.2f MiB in use afterwards, %.2f before" % (after / MIB, self.before / MIB))
        check(abs(after - self.before) <= self.before // 10 + (64 << 10), after, "bytes are in use afterwards, before", self.before)

    def end(self):
        self.comes_back()
        self.quiet.call("stop")
        check(self.process.wait(60) == 0, "the server ends with", self.process.returncode)


# A tuple of empty tuples, for a handler that there is not.
ITEMS = 6 * MIB
BOMB = squeezed(message(REQUEST, 0, (99, Raw(b"\x11\x51\x10\x15" + struct.pack("!L", ITEMS)))), b"\x02", ITEMS)


def bomb(peer):
    peer.send(frame(BOMB, 1))
    peer.wait(0)


def refused(got):
    return got[0] is None and got[1] in ("MemoryError", "ValueError", "KeyError")


# Values of about this size in memory.
KINDS = (lambda size: Raw(b"\x0f" + struct.pack("!L", size) + bytes(size)),
         lambda size: Raw(b"\x15" + struct.pack("!L", size // 40) + bytes(size // 40)))
# Where it is of no use to try more, since others have taken that.
BIGGEST = [32 * MIB]


def take_values(peer):
    pack, biggest = peer.object("list"), 0
    for kind in KINDS:
        size = BIGGEST[0]
        while size >= 4096:
            if refused(peer.call("append", by_value(kind(size)), pack=pack)):
                size //= 2
            else:
                biggest = max(biggest, size)
    BIGGEST[0] = max(2 * biggest, 4096)


def take_products(peer):
    pack = peer.object("list")
    peer.call("append", by_value(1), pack=pack)
    for count in (1 << 24, 1 << 22, 1 << 20, 1 << 16):
        peer.call("__mul__", by_value(count), pack=pack)


def take_methods(peer, most):
    """How many it gets."""
    pack, got = peer.object("list"), 0
    burst = b"".join(frame(message(REQUEST, 5, (GETATTR, items(yours(pack), by_value("append"))))) for _ in range(200))
    for _ in range(most // 200):
        peer.send(burst)
        answers = [peer.receive()[0] for _ in range(200)]
        got += 200 - answers.count(EXCEPTION)
        if EXCEPTION in answers and most < 100000:
            break
    return got


def begin_frame(peer):
    """A message that is announced, and nearly comes."""
    peer.socket.settimeout(0.5)
    try:
        peer.socket.sendall(struct.pack("!LB", 60 * MIB, 0) + b"\x01\x11\x57\x11\x51" + bytes(60 * MIB - 6))
    except OSError:
        pass


def everything(server, count):
    peers = [server.connect() for _ in range(count)]
    for take in (take_values, take_products, lambda peer: take_methods(peer, 70000)):
        for peer in peers:
            take(peer)
    for peer in peers[:10]:
        begin_frame(peer)
    held = server.used() - server.before
    print("%d peers: %d MiB in use, %d MiB resident at most" % (count, held >> 20, server.resident()))
    check(held < int(server.total) + count * FREE, held, "bytes are in use")
    check(server.serves(), "others are not served")
    for peer in peers:
        peer.reset()


def bombs(server, count):
    peers, outcomes = [server.connect() for _ in range(count)], []
    for _ in range(5):
        for peer in peers:
            peer.send(frame(BOMB, 1))
        for peer in peers:
            outcomes.append(peer.wait(0))
        check(server.serves(), "others are not served")
    most = server.resident()
    print("%d bombs of %d bytes at once: %d MiB resident at most" % (count, len(BOMB), most))
    check(all(refused(outcome) for outcome in outcomes), "bombs are answered with", outcomes[0][:2])
    check(most << 20 < int(server.total) + 64 * MIB, most, "MiB were resident")
    for peer in peers:
        peer.reset()


def methods(server, count):
    peer = server.connect()
    got = take_methods(peer, count)
    held = server.used() - server.before
    print("%d methods asked for, %d given: %d MiB in use, %d MiB resident at most" % (count, got, held >> 20, server.resident()))
    check(held < 64 * MIB, held, "bytes are in use")
    check(server.serves(), "others are not served")
    peer.reset()


def nets(server, count):
    for _ in range(3):
        peer = server.connect()
        lists = [peer.object("list") for _ in range(count)]
        everything = Raw(dump(items(*map(yours, lists))))
        for pack in lists:
            got = peer.call("extend", everything, pack=pack)
            if got[0] is None:
                check(False, "a net is refused:", got)
                break
        held = server.used() - server.before
        print("%d references in a net: %d MiB in use, %d MiB resident at most" % (count * count, held >> 20, server.resident()))
        peer.reset()
        server.comes_back()


if __name__ == "__main__":
    running = Server(sys.argv[1], sys.argv[4:])
    try:
        {"all": everything, "bombs": bombs, "nets": nets, "methods": methods}[sys.argv[2]](running, int(sys.argv[3]))
    except (Closed, Hang) as why:
        check(False, sys.argv[2], "ends:", why)
    running.end()
    sys.exit(FAILED != 0)
