"""A server under attack: what it holds before and after, and whether it still serves the next honest client."""
import os
import time

from hostile import wire
from hostile.wire import by_value

PAGE = os.sysconf("SC_PAGESIZE")
PATIENCE = 20.0                                      # seconds until a busy machine has given back what a peer held


class Hurt(Exception):
    """What must not be; the text says what."""


def sure(condition, text, *more):
    if not condition:
        raise Hurt(text % more if more else text)


class Victim:
    """Knows the process, what it listens on, and what its root offers."""

    def __init__(self, process, address, threads=True, options=()):
        self.process, self.address, self.has_threads = process, address, threads
        self.options = dict(option.split("=", 1) for option in options)
        self.turns_away = any("timeout" in name or "connections" in name for name in self.options)
        self.pid = process.popen.pid
        self.names = self.again(self.ask_names)
        self.honest()
        self.settle(None)
        self.before = self.held()
        self.logged = 0

    # ------------------------------------------------------------ peers
    def connect(self, dialect=6, source=None):
        return wire.connect(self.address, dialect, source)

    def rooted(self, dialect=6):
        """A peer that has the root."""
        return self.again(lambda: self.with_root(dialect))

    def ask_names(self):
        with self.with_root(6) as peer:
            return peer.names()

    def with_root(self, dialect):
        peer = self.connect(dialect)
        peer.get_root()
        return peer

    def again(self, function):
        """What a function gives, which may try again where places or silences are few."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return function()
            except wire.Closed:
                if not self.turns_away or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def has(self, *names):
        return all("exposed_" + name in self.names or name in self.names for name in names)

    def honest(self):
        """The next honest client is served; in which time."""
        began = time.monotonic()
        self.again(self.serves)
        return time.monotonic() - began

    def serves(self):
        with self.connect() as peer:
            peer.get_root()
            got = peer.ask(wire.PING, by_value(("hello",)))
            sure(got == (1, "hello"), "PING gives %r", got)
            if self.has("add"):
                got = peer.call("add", by_value(40), by_value(2))
                sure(got == (1, 42), "add(40, 2) gives %r", got)

    # ------------------------------------------------------------ what it holds
    def alive(self, what):
        sure(not self.process.ended, "%s ends the process: %s", what, self.process.popen.poll())

    def status(self, name):
        with open("/proc/%d/status" % self.pid, encoding="utf-8") as text:
            return next(int(line.split()[1]) for line in text if line.startswith(name + ":"))

    def held(self):
        """Threads and descriptors."""
        return self.status("Threads"), len(os.listdir("/proc/%d/fd" % self.pid))

    def resident(self):
        """Bytes."""
        with open("/proc/%d/statm" % self.pid, encoding="utf-8") as text:
            return int(text.read().split()[1]) * PAGE

    def in_use(self):
        """Bytes that its malloc has given out; None where it does not say."""
        if not self.has("in_use"):
            return None
        with self.rooted() as peer:
            return peer.call("in_use")[1]

    def most(self):
        """What it may hold afterwards. Threads of Go's runtime come and stay."""
        return self.before[0] if self.has_threads else 1 << 30, self.before[1]

    def settle(self, most):
        """Waits until threads and descriptors are no more than these, or, without these, until they stay."""
        deadline, last = time.monotonic() + PATIENCE, None
        while time.monotonic() < deadline:
            now = self.held()
            if now == last if most is None else all(one <= other for one, other in zip(now, most)):
                return True
            last = now
            time.sleep(0.05 if most is None else 0.005)
        return most is None

    def recovered(self, what):
        """After an attack: it lives, holds no more than before, and serves."""
        self.alive(what)
        served = self.honest()
        sure(self.settle(self.most()), "%s leaves (threads, descriptors) %r, before %r", what, self.held(), self.before)
        self.alive(what)
        return served

    def log(self):
        """What it has said since this was asked last, where it says it to standard error."""
        text = self.process.read("err")
        new, self.logged = text[self.logged:], len(text)
        return new
