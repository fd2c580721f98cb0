"""Tests as functions, each with a name, a time limit, and processes that end with it."""
import collections
import glob
import itertools
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TARGET = os.environ.get("TARGET") or os.environ.get("CARGO_TARGET_DIR") or os.path.join(ROOT, "target")
TARGET = os.path.abspath(os.path.join(ROOT, TARGET))
PEERS = os.path.join(ROOT, "tests", "peers")
TAIL = 60                                            # lines of a process shown when a test fails


class Failed(Exception):
    """The test failed; the text says how."""


class NotRun(Exception):
    """The test could not be run: something that it needs cannot be had here."""


class Inapplicable(NotRun):
    """The test says nothing on a machine like this one; that is told, and is no failure."""


Test = collections.namedtuple("Test", "name function seconds alone long")
TESTS = []


def test(name, seconds=60, alone=False, long=False):
    """Registers a test that must end within `seconds`; it is called with a Case, with no other beside it if `alone`, and only
    when it is asked for by name if it is `long`."""
    def register(function):
        TESTS.append(Test(name, function, seconds, alone, long))
        return function
    return register


def listens(place):
    """Does somebody listen there, at a TCP port or a Unix socket's path? As the kernel's lists tell it: no connection is made."""
    for name, state, own in (("tcp", 3, 1), ("tcp6", 3, 1), ("unix", 3, 7)):
        try:
            with open("/proc/net/" + name, encoding="utf-8", errors="replace") as text:
                rows = [line.split() for line in text.read().splitlines()[1:]]
        except FileNotFoundError:
            continue
        for row in rows:
            if name == "unix":
                found = row[own:] == [place] and row[state] == "00010000"
            else:
                found = place.isdigit() and row[own].endswith(":%04X" % int(place)) and row[state] == "0A"
            if found:
                return True
    return False


def shown(args):
    return " ".join(arg if re.fullmatch(r"[\w./:=@%+,\[\]-]+", arg) else repr(arg) for arg in map(str, args))


class Process:
    """A program that was started, in a process group of its own, with what it prints in files."""

    def __init__(self, args, files, env=None, folder=ROOT):
        self.args, self.files = [str(arg) for arg in args], files
        with open(files + ".out", "wb") as output, open(files + ".err", "wb") as errors:
            try:
                self.popen = subprocess.Popen(self.args, stdin=subprocess.PIPE, stdout=output, stderr=errors,
                                              cwd=folder, env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1", **(env or {})),
                                              start_new_session=True)
            except OSError as error:
                raise Failed("cannot start %s: %s" % (self.args[0], error.strerror)) from None

    def read(self, kind):
        """What it printed so far: "out", "err", or other files that it writes."""
        texts = []
        for path in sorted(glob.glob(glob.escape(self.files) + "." + kind + "*")):
            with open(path, encoding="utf-8", errors="replace") as text:
                texts.append(text.read())
        return "".join(texts)

    @property
    def output(self):
        return self.read("out")

    @property
    def ended(self):
        return self.popen.poll() is not None

    def wait(self, seconds):
        """The exit code, or None when the time is over."""
        try:
            return self.popen.wait(max(seconds, 0))
        except subprocess.TimeoutExpired:
            return None

    def wait_for(self, pattern, seconds, count=1):
        """The match of the first output line that fits, or of the one that is the `count`th of them."""
        end = time.monotonic() + seconds
        while True:
            ended = self.ended
            found = next(itertools.islice(re.finditer(pattern, self.output, re.MULTILINE), count - 1, None), None)
            if found:
                return found
            if ended:
                raise Failed("%s ended with %d before it printed '%s'" % (self.args[0], self.popen.returncode, pattern))
            if time.monotonic() > end:
                raise Failed("%s did not print '%s' in %d s" % (self.args[0], pattern, seconds))
            time.sleep(0.01)

    def wait_until_listening(self, place, seconds):
        """For servers that say their port or path before they listen."""
        end = time.monotonic() + seconds
        while not listens(place):
            if self.ended or time.monotonic() > end:
                raise Failed("%s does not listen" % self.args[0])
            time.sleep(0.01)

    def signal(self, number, group=False):
        if not self.ended:
            (os.killpg if group else os.kill)(self.popen.pid, number)

    def close(self):
        """Ends it and all that it started, if need be by force."""
        if self.popen.stdin:
            try:
                self.popen.stdin.close()
            except OSError:
                pass
        try:
            os.killpg(self.popen.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.popen.wait()


class Case:
    """What one running test has: a folder, a deadline, processes."""

    def __init__(self, seconds, tools):
        self.deadline = time.monotonic() + seconds
        self.tools = tools
        self.folder = tempfile.mkdtemp(prefix="librpyc-")    # short: a Unix socket's path has 107 bytes at most
        self.processes, self.notes = [], []
        # Also those that were put away. Threads of one test may start processes at once: next() of a count is atomic.
        self.numbers = itertools.count(1)

    def left(self, most=None):
        left = self.deadline - time.monotonic()
        return left if most is None else min(left, most)

    def note(self, text):
        """A figure or a word that is printed behind the result."""
        self.notes.append(text)

    def check(self, condition, text):
        if not condition:
            raise Failed(text)

    def equal(self, got, want, what):
        if got != want:
            raise Failed("%s: got %r, want %r" % (what, got, want))

    # ------------------------------------------------------------------ what the test needs
    def program(self, name):
        """The path of a C program that the build made."""
        path = os.path.join(TARGET, "c", name)
        if not os.access(path, os.X_OK):
            raise NotRun("target/c/%s was not built" % name)
        return path

    def need(self, name):
        if name in self.tools.missing:
            raise NotRun(self.tools.missing[name])

    def tool(self, name):
        self.need(name)
        return shutil.which(name)

    def python(self, version):
        """The interpreter that has this version of RPyC."""
        path = self.tools.pythons.get(version)
        if not path:
            raise NotRun(self.tools.missing["rpyc-" + version])
        return path

    # ------------------------------------------------------------------ processes
    def start(self, args, env=None, folder=ROOT):
        files = os.path.join(self.folder, "process-%d" % next(self.numbers))
        # {files}: for programs that write a file of their own, which Process.read finds.
        process = Process([str(arg).replace("{files}", files) for arg in args], files, env, folder)
        self.processes.append(process)
        return process

    def run(self, args, seconds=None, env=None, folder=ROOT, codes=(0,)):
        """Runs a program to its end; the process, whose exit code is one of `codes`."""
        process = self.start(args, env, folder)
        code = process.wait(self.left(seconds))
        if code is None:
            process.close()
            raise Failed("did not end in time: %s" % shown(args))
        if code not in codes:
            how = "was killed by %s" % signal.Signals(-code).name if code < 0 else "ended with %d" % code
            raise Failed("%s: %s" % (how, shown(args)))
        return process

    def stop(self, process, seconds=20, codes=(0,)):
        """Asks a server to end (SIGTERM) and waits for it."""
        self.check(not process.ended, "%s ended by itself with %s" % (process.args[0], process.popen.returncode))
        process.signal(signal.SIGTERM)
        code = process.wait(self.left(seconds))
        self.check(code is not None, "%s does not end when it gets SIGTERM" % process.args[0])
        self.check(code in codes, "%s ended with %s" % (process.args[0], code))

    def close(self):
        for process in reversed(self.processes):
            process.close()

    def report(self):
        """The last lines of all that ran."""
        for process in self.processes:
            yield "$ %s  [%s]" % (shown(process.args), process.popen.returncode)
            for kind in ("out", "err", "valgrind"):
                # A program that checks much says "... ok" for all that is well.
                lines = [line for line in process.read(kind).splitlines() if not line.endswith(" ok")]
                if lines:
                    yield "%s:" % kind
                if len(lines) > TAIL:
                    yield "... (%d lines before)" % (len(lines) - TAIL)
                yield from lines[-TAIL:]


def reasons(lines, most=6):
    """The few lines of a report that most likely say why a test failed."""
    telling = [line for line in lines if re.search(r"--- FAIL|_test\.go:|DATA RACE|panic|Traceback|Error\b|assert|ERROR SUMMARY: [1-9]", line)]
    return telling[:most] or list(lines)[-most:]


class Results:
    """What came of all tests."""

    def __init__(self):
        self.passed, self.failed, self.not_run, self.inapplicable, self.slow = 0, [], [], [], []
        self.reports = []                            # of those that failed: name, lines
        self.lock = threading.Lock()

    def say(self, name, result, seconds, text="", lines=()):
        """One line for a test, and what else there is to say of it."""
        print("\n".join(["%-58s %-8s %6.1f s  %s" % (name, result, seconds, text), *("    | " + line for line in lines)]),
              flush=True)
        self.slow.append((seconds, name))

    def run(self, one, tools):
        """Runs one registered test; several threads may do so at once."""
        started = time.monotonic()
        case = Case(one.seconds, tools)
        lines, text = [], ""
        try:
            one.function(case)
            result, text = "ok", "; ".join(case.notes)
        except NotRun as why:
            result, text = "NOT RUN", str(why)
            kind = self.inapplicable if isinstance(why, Inapplicable) else self.not_run
        except Exception as why:                     # a fault of the test itself fails that test
            result, kind = "FAIL", self.failed
            text = str(why) if isinstance(why, Failed) else repr(why)
            lines = list(case.report())
        finally:
            case.close()
        with self.lock:
            if result == "ok":
                self.passed += 1
            else:
                kind.append((one.name, text))
                if lines:
                    self.reports.append((one.name, lines))
            self.say(one.name, result, time.monotonic() - started, text, lines)
        shutil.rmtree(case.folder, ignore_errors=True)
