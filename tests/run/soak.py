"""The soak: servers and clients of C, C++ and Go that stay, while peers of every kind come, work, go and are killed
(tests/soak/soak.c, bindings/cpp/tests/soak.cpp, bindings/go/internal/soak).

After every round, when all peers are gone, memory, threads, descriptors and objects are compared with those after the first rounds.
`make soak` runs it for SOAK_MINUTES (60), `make test` for a short time. Both print what has changed.
"""
import os
import random
import re
import time

from runner import ROOT, Failed, test

PEER = os.path.join(ROOT, "tests", "run", "clients", "soak_peer.py")
DIALECTS = ("6.0.2", "5.3.1")
PROGRAMS = {"C": "soak", "C++": "cpp/soak", "Go": "go/soak"}
LANGUAGES = tuple(PROGRAMS)
SEED = int(os.environ.get("SOAK_SEED", "1"))
WARM = 3                                             # rounds, until every path has been gone once
# What may differ between two looks at a process at rest, in bytes: streams of zlib that are kept for the next connection, buffers of
# stdio.
SLACK_IN_USE = 1 << 20


# What threads keep in glibc's caches counts as in use, grows to its bound for hours, and would hide what does not.
NO_CACHES = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}


class Staying:
    """A process that stays, and tells how it is."""

    def __init__(self, case, program, steady, *args):
        self.process = case.start([case.program(program), *args], env=NO_CACHES)
        self.steady, self.reports = steady, 0

    def say(self, text):
        self.process.popen.stdin.write((text + "\n").encode())
        self.process.popen.stdin.flush()

    def report(self):
        self.reports += 1
        self.say("report")
        end = time.monotonic() + 120
        while time.monotonic() < end and not self.process.ended:
            # A line that is still being written has no end yet.
            lines = re.findall(r"^report (.*)\n", self.process.output, re.MULTILINE)
            if len(lines) >= self.reports:
                return {name: int(number) for name, number in (pair.split("=") for pair in lines[-1].split())}
            time.sleep(0.02)
        raise Failed("no report; it %s" % ("has ended" if self.process.ended else "hangs"))

    def settled(self, case, most=None):
        """A report as soon as nothing runs any more: threads end after their connections, three times the same number of them, and
        not more than `most`."""
        end = time.monotonic() + case.left(120)
        threads = []
        while True:
            now = self.report()
            threads.append(now["threads"])
            still = len(set(threads[-3:])) == 1 and len(threads) >= 3 and threads[-1] <= (most or threads[-1])
            if still and now["running"] == 0 and now["connections"] == self.steady and now["objects"] == self.steady:
                return now
            if time.monotonic() > end:
                raise Failed("does not come to rest: %s" % now)
            time.sleep(0.1)


class Soak:
    def __init__(self, case, seed):
        self.case, self.draw, self.seeds = case, random.Random(seed), seed << 32
        self.killed, self.peers, self.rounds = 0, 0, 0
        self.stayers, self.addresses = {}, {}
        for language in LANGUAGES:
            server = Staying(case, PROGRAMS[language], len(DIALECTS), "serve", "tcp://127.0.0.1:0")
            self.stayers[language + " server"] = server
            self.addresses[language] = server.process.wait_for(r"^listening (\S+)$", 20).group(1)
        for language in LANGUAGES:
            client = self.stayers[language + " client"] = Staying(case, PROGRAMS[language], 0, "churn")
            client.process.wait_for("^ready$", 20)
        # Connections that stay: what they hold is counted by their Python side.
        self.stays = [case.start([case.python(version), PEER, "stay", address])
                      for address in self.addresses.values() for version in DIALECTS]

    def seed(self):
        self.seeds += 1
        return str(self.seeds)

    def clients(self):
        """Commands of clients: the server, how many operations, and whether native values are spoken. One of each pair is killed."""
        for number, language in enumerate(LANGUAGES):
            stock = self.case.python(DIALECTS[(self.rounds + number) % len(DIALECTS)])
            yield [stock, PEER, "call"], self.addresses[language], 60, []
            for caller, native in (("C", []), (language, ["native"])) if language != "C" else (("C", ["native"]), ("C++", []), ("Go", [])):
                yield [self.case.program(PROGRAMS[caller]), "call"], self.addresses[language], 400, native

    def start_server(self, number):
        """One of the servers that our clients use, which are killed."""
        if number < len(DIALECTS):
            server = self.case.start([self.case.python(DIALECTS[number]), PEER, "serve"])
            return server, "tcp://127.0.0.1:" + server.wait_for(r"^PORT (\d+)$", 20).group(1)
        language = LANGUAGES[self.rounds % len(LANGUAGES)]
        server = self.case.start([self.case.program(PROGRAMS[language]), "serve", "tcp://127.0.0.1:0"])
        return server, server.wait_for(r"^listening (\S+)$", 20).group(1)

    def round(self):
        self.rounds += 1
        working, doomed = [], []
        for command, address, count, native in self.clients():
            for kind, many in ((working, count), (doomed, 0)):
                kind.append(self.case.start([*command, address, self.seed(), str(many), *native]))
                self.peers += 1
        servers = [self.start_server(number) for number in range(len(DIALECTS) + 1)]
        for _server, address in servers:
            for language in LANGUAGES:
                for count in ("200", "0"):
                    self.stayers[language + " client"].say("%s %s %s" % (address, self.seed(), count))
        time.sleep(0.5 + self.draw.random())
        for process in doomed:
            self.kill(process)
        for process in working:
            code = process.wait(120)
            if code != 0:
                raise Failed("a client ended with %s: %s" % (code, process.read("err")[-2000:]))
        for server, _address in servers:
            self.kill(server)
        for process in working + doomed + [server for server, _address in servers]:
            self.forget(process)

    def kill(self, process):
        process.signal(9)
        process.wait(10)
        self.killed += 1

    def forget(self, process):
        """An hour has thousands of them, with a descriptor and two files each."""
        process.close()
        self.case.processes.remove(process)
        for kind in (".out", ".err"):
            os.unlink(process.files + kind)

    def ask_stays(self, order, answer):
        """What each connection that stays says to an order."""
        for process in self.stays:
            process.popen.stdin.write((order + "\n").encode())
            process.popen.stdin.flush()
        end = time.monotonic() + 120
        for process in self.stays:
            while len(answers := re.findall(answer, process.output, re.MULTILINE)) <= self.looks:
                if process.ended or time.monotonic() > end:
                    raise Failed("a connection that stays does not answer: %s" % process.read("err")[-2000:])
                time.sleep(0.02)
            yield answers[-1]

    looks = 0

    def look(self, first):
        """What the connections that stay hold, both ways, and how those who stay are."""
        for _worked in self.ask_stays("work", "^worked\n"):
            pass
        # The garbage of a server in Go is collected for its report.
        looks = {who: stayer.settled(self.case, first and first[who]["threads"]) for who, stayer in self.stayers.items()}
        for who, now in looks.items():
            if now["wrong"]:
                raise Failed("%s: %d wrong answers: %s" % (who, now["wrong"], self.stayers[who].process.read("err")[-2000:]))
        held = list(self.ask_stays("count", r"^holds (\d+ \d+)\n"))
        self.looks += 1
        return held, looks


def compare(before, now, who):
    for what in ("threads", "descriptors", "connections", "objects"):
        if now[what] != before[what]:
            raise Failed("%s: %s were %d and are %d" % (who, what, before[what], now[what]))
    if now["in_use"] > before["in_use"] * 1.1 + SLACK_IN_USE:
        raise Failed("%s: memory in use was %d bytes and is %d" % (who, before["in_use"], now["in_use"]))


def soak(case, seconds, log=None):
    run = Soak(case, SEED)
    end = time.monotonic() + seconds
    first = None
    while time.monotonic() < end or run.rounds <= WARM:
        run.round()
        held, looks = run.look(first and first[1])
        if log:
            log.write("%d %s %s\n" % (run.rounds, held, looks))
            log.flush()
        if run.rounds <= WARM:
            first = (held, looks)
            continue
        case.equal(held, first[0], "objects that the connections which stay hold")
        for who, now in looks.items():
            compare(first[1][who], now, who)
    for who, now in looks.items():
        before = first[1][who]
        case.note("%s: in use %d to %d, resident %d to %d KiB, %d threads, %d descriptors" % (
            who, before["in_use"], now["in_use"], before["resident"] >> 10, now["resident"] >> 10, now["threads"], now["descriptors"]))
    case.note("%d rounds, %d peers of the server, %d killed" % (run.rounds, run.peers, run.killed))


@test("soak.short", 200)
def short(case):
    soak(case, float(os.environ.get("SOAK_SHORT", "110")))


@test("soak.long", 24 * 3600, long=True)
def long(case):
    soak(case, 60 * float(os.environ.get("SOAK_MINUTES", "60")))
