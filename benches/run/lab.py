"""What all measurements need: the programs, where they run, and their rows."""
import itertools
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(HERE)), "tests", "run"))

import prepare                                       # noqa: E402
import runner                                        # noqa: E402
from runner import ROOT                              # noqa: E402

PEERS = os.path.join(HERE, "peers")
VERSION = "6.0.2"                                    # of the stock RPyC that is measured beside
UNSUPPORTED = 3                                      # exit code: the library has no such option
CLIENT_SECONDS = 240
ONE, FREE, TWO = "one", "free", "two"                # both on one CPU; where the scheduler puts them; a CPU for each


class Unsupported(Exception):
    """The library, or the machine, does not have what is to be measured."""


class Server:
    """A server that runs, and how it is reached."""

    def __init__(self, process, addr, pid):
        self.process, self.addr, self.pid = process, addr, pid


class Lab:
    """Starts programs and reads their rows. Kinds of programs: native, raw, python."""

    def __init__(self, quick, tools=None, reps=None):
        self.quick = quick
        self.reps = reps or (1 if quick else 5)
        self.case = runner.Case(3600, tools or prepare.prepare("bench"))
        self.cpus = sorted(os.sched_getaffinity(0))
        self.servers = itertools.count(1)            # two paths are counted at once: next() is atomic

    def close(self):
        self.case.close()
        shutil.rmtree(self.case.folder, ignore_errors=True)

    def number(self, full, quick):
        return quick if self.quick else full

    # ------------------------------------------------------------------ programs
    def pin(self, place, side):
        """What stands before a command so that it runs in its place."""
        if place == FREE:
            return []
        if place == TWO and len(self.cpus) < 2:
            raise Unsupported("this machine has one CPU")
        return ["taskset", "-c", str(self.cpus[1 if place == TWO and side == "client" else 0])]

    def command(self, kind, side):
        if kind == "python":
            return [self.case.python(VERSION), os.path.join(PEERS, "bench_%s.py" % {"server": "service"}.get(side, "caller"))]
        return [self.case.program({"native": "bench_", "raw": "raw_"}[kind] + side)]

    def address(self, transport):
        if transport == "tcp":
            return "tcp:%d" % free_port()
        return "%s:%s" % (transport, os.path.join(self.case.folder, "s%d" % next(self.servers)))

    def server(self, kind, transport="tcp", place=FREE, env=None, before=()):
        addr = self.address(transport)
        process = self.case.start([*self.pin(place, "server"), *before, *self.command(kind, "server"), addr], env=env)
        try:
            ready = process.wait_for(r"^READY pid=(\d+)", 60)
        except runner.Failed as why:
            if process.popen.poll() == UNSUPPORTED:
                raise Unsupported(process.read("err").strip()) from None
            raise runner.Failed("%s: %s" % (why, process.read("err").strip()[-400:])) from None
        return Server(process, addr, int(ready.group(1)))

    def run(self, command, place=FREE, env=None):
        """Runs a client to its end; what it printed, and its rows as {metric: number}."""
        process = self.case.start([*self.pin(place, "client"), *command], env=env)
        code = process.wait(CLIENT_SECONDS)
        errors = process.read("err").strip()
        if code == UNSUPPORTED:
            raise Unsupported(errors)
        if code != 0:
            process.close()
            raise runner.Failed("%s ended with %s: %s" % (runner.shown(command), code, errors[-400:]))
        output = process.output
        return output, dict((metric, float(value)) for metric, value in re.findall(r"^(\S+)\t(\S+)\t", output, re.M))

    def pair(self, server_kind, client_kind, mode, transport="tcp", place=FREE, env=None):
        """The rows of one client with one server; mode is MODE COUNT [WINDOW]."""
        server = self.server(server_kind, transport, place, env)
        try:
            command = [*self.command(client_kind, "client"), server.addr, str(server.pid), *map(str, mode)]
            return self.run(command, place, env)[1]
        finally:
            server.process.close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def repeat(lab, kinds, measure, reps=None):
    """{kind: [what measure(kind) gave, for each repetition]}; every other repetition goes backwards through the kinds."""
    got = {kind: [] for kind in kinds}
    for repetition in range(reps or lab.reps):
        for kind in kinds if repetition % 2 == 0 else reversed(kinds):
            got[kind].append(measure(kind))
    return got


def median(numbers):
    return statistics.median(numbers) if numbers else None


def ratios(ours, theirs, rate):
    """Times dearer than theirs, of each pair. With `rate`, more is cheaper."""
    return [b / a if rate else a / b for a, b in zip(ours, theirs) if a and b]


def ratio(ours, theirs, rate):
    return median(ratios(ours, theirs, rate))


def rounded(value):
    """Four digits are more than these figures are worth."""
    return None if value is None else float("%.4g" % value)


def first_line(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30).stdout.splitlines()[0]
    except (OSError, IndexError, subprocess.TimeoutExpired):
        return "unknown"


def rustc():
    """What the compiler beside cargo calls itself, such as "rustc 1.95.0 (...)"."""
    return first_line([os.path.join(os.path.dirname(os.environ.get("CARGO", "")), "rustc"), "-V"])


def machine():
    """What a reader must know of the machine to judge the figures."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        found = re.search(r"^model name\s*: (.*)$", file.read(), re.M)
        model = found.group(1) if found else platform.machine()
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cpus": len(os.sched_getaffinity(0)),
        "cpu": model,
        "kernel": platform.release().split("-")[0],
        "rustc": rustc(),
        "cc": first_line(["cc", "--version"]),
        "rpyc": VERSION,
    }
