"""Three programs in a row, of which the middle or the end fails, raises, leaves or is killed: the user of a native middle is told what
the user of a stock one is told. LARGE=1 sends 300 MB both ways too."""
import json
import os
import re
import tempfile

from bridges import MIDDLES, bare_dialect
from runner import ROOT, TARGET, Failed, test

PEER = os.path.join(ROOT, "tests", "run", "clients", "chains.py")
LARGE = bool(os.environ.get("LARGE"))
KINDS = list(MIDDLES)
SERVERS = [kind for kind in KINDS if kind != "bare"]
LEAST = 24                                           # answers


def middle_of(case, kind, version, owner, *listen):
    """The command of a middle: `listen` is its address, and options of a native one."""
    if kind == "stock":
        return [case.python(version), PEER, "middle", owner, *listen[:1]]
    name, *first = MIDDLES[kind]
    if kind == "bare":
        listen = [*(listen or ["tcp://127.0.0.1:0"]), bare_dialect(version)]
    return [case.program(name), *first, "public", owner, *listen]


def listening(case, command):
    """A server that is started, and its address."""
    server = case.start(command)
    return server, server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)


def answers_through(case, middles, version, schemes=None):
    """What the user is told through these, which listen at such addresses: the one next to the owner first."""
    python = case.python(version)
    folder = tempfile.mkdtemp(dir=case.folder)
    places = ["%s://%s/%d" % (scheme, folder, number) for number, scheme in enumerate(schemes)] if schemes else [None] * (len(middles) + 1)
    owner, address = listening(case, [python, PEER, "owner", *filter(None, places[:1])])
    for kind, place in zip(middles, places[1:]):
        middle, address = listening(case, middle_of(case, kind, version, address, *filter(None, [place])))
    user = case.run([python, PEER, "user", address, owner.popen.pid, middle.popen.pid, *(["quick"] if "go" in middles else [])])
    for process in case.processes:
        process.close()
    return json.loads(user.output.splitlines()[-1])


def same(answer):
    """Without the modules that each step puts before the name of an exception that it does not know."""
    return re.sub(r"(?:bank\.)+Refused", "bank.Refused", json.dumps(answer))


def compare(stock, native, middles):
    """Whether the same was told as with stock middles."""
    for question in native.keys() | stock.keys():
        what = "%s, with %s between" % (question, " and ".join(middles))
        if question == "all is given back" and "go" in middles:
            continue                                 # it gives back when its collector runs
        if question.startswith("large "):            # beyond the default limits, which stock has not
            if native[question][0] != "builtins.ValueError":
                raise Failed("%s: %r" % (what, native[question]))
        elif same(native.get(question)) != same(stock.get(question)):
            raise Failed("%s: got %r, want %r" % (what, native.get(question), stock.get(question)))


def chains(version, rows, schemes=None):
    """The same questions through each row of middles, and as many stock ones."""
    def function(case):
        stock = {}
        for middles in rows:
            if len(middles) not in stock:
                stock[len(middles)] = answers_through(case, ["stock"] * len(middles), version, schemes)
                case.check(len(stock[len(middles)]) >= LEAST, "only %d answers" % len(stock[len(middles)]))
            compare(stock[len(middles)], answers_through(case, middles, version, schemes), middles)
        case.note("%d answers through each of %d" % (LEAST, len(rows)))
    return function


ONE = [[kind] for kind in KINDS]
TWO = [["c", "cpp"], ["cpp", "go"], ["go", "c"]]         # all of which offer rings
SECONDS = 1200 if LARGE else 150
for stock_version in ("6.0.2", "5.3.1"):
    is_old = stock_version != "6.0.2"
    test("chains.%s" % stock_version, SECONDS, long=is_old)(chains(stock_version, ONE))
    test("chains.unix.%s" % stock_version, SECONDS, long=is_old)(chains(stock_version, ONE, ("unix", "unix")))
    test("chains.natives.%s" % stock_version, SECONDS, long=is_old)(chains(stock_version, [*TWO, ["bare", "go"], ["cpp", "bare"]]))
    # Between two native ones the rings are used.
    test("chains.shm.%s" % stock_version, SECONDS, long=is_old)(chains(stock_version, TWO, ("unix", "shm", "shm")))


# ---------------------------------------------------------------- limits, silence and interrupts through a native middle
LIMITS = ["max_frame=65536", "max_inflated=262144", "max_memory=1048576", "max_exports=100"]
SILENCE = ["max_connections=4", "frame_timeout=1", "handshake_timeout=1", "sync_request_timeout=2"]
LIBRARY = os.path.join(TARGET, "release", "librpyc.so")


def passes(version, kind, what, options=(), scheme=None, more=()):
    """What chains_limits.py says of such a middle."""
    def function(case):
        python = case.python(version)
        _owner, address = listening(case, [python, PEER, "owner"])
        place = "%s://%s/m" % (scheme, case.folder) if scheme else "tcp://127.0.0.1:0"
        middle, address = listening(case, middle_of(case, kind, version, address, place, *options))
        done = case.run([python, os.path.join(os.path.dirname(PEER), "chains_limits.py"), what, address, *more])
        case.note(done.output.splitlines()[-1])
        middle.popen.stdin.close()
        case.equal(middle.wait(case.left(30)), 0, "exit code of the middle")
    return function


for middle_kind in KINDS:
    for stock_version in ("6.0.2", "5.3.1"):
        test("chains.limits.%s.%s" % (middle_kind, stock_version), 90)(passes(stock_version, middle_kind, "limits", LIMITS))
        if middle_kind in SERVERS:
            test("chains.silence.%s.%s" % (middle_kind, stock_version), 90)(passes(stock_version, middle_kind, "silence", SILENCE))
    test("chains.interrupts.%s" % middle_kind, 90)(passes("6.0.2", middle_kind, "interrupts", more=[LIBRARY]))
    if middle_kind in SERVERS:
        test("chains.interrupts.shm.%s" % middle_kind, 90)(passes("6.0.2", middle_kind, "interrupts", scheme="shm", more=[LIBRARY]))
