"""Three programs in a row, of which the middle or the end fails, raises, leaves or is killed: the user of a native middle is told what
the user of a stock one is told. LARGE=1 sends 300 MB both ways too."""
import json
import os
import re

from bridges import MIDDLES
from runner import ROOT, test

PEER = os.path.join(ROOT, "tests", "run", "clients", "chains.py")
LARGE = bool(os.environ.get("LARGE"))
KINDS = [kind for kind in MIDDLES if kind != "bare"]  # which takes one client
LEAST = 24                                           # answers


def middle_of(case, kind, version, owner):
    if kind == "stock":
        return [case.python(version), PEER, "middle", owner]
    name, *first = MIDDLES[kind]
    return [case.program(name), *first, "public", owner, *([version[0]] if kind == "bare" else [])]


def answers_through(case, kind, version):
    """What the user is told with such a middle."""
    python = case.python(version)
    listening = r"^listening (\S+)$"
    owner = case.start([python, PEER, "owner"])
    middle = case.start(middle_of(case, kind, version, owner.wait_for(listening, case.left(30)).group(1)))
    address = middle.wait_for(listening, case.left(30)).group(1)
    user = case.run([python, PEER, "user", address, owner.popen.pid, middle.popen.pid, *(["quick"] if kind == "go" else [])])
    return json.loads(user.output.splitlines()[-1])


def same(answer):
    """Without the modules that each step puts before the name of an exception that it does not know."""
    return re.sub(r"(?:bank\.)+Refused", "bank.Refused", json.dumps(answer))


def register(version):
    @test("chains.%s" % version, 120 if not LARGE else 1200, long=version != "6.0.2")
    def chains(case):
        stock = answers_through(case, "stock", version)
        case.check(len(stock) >= LEAST, "only %d answers" % len(stock))
        for kind in KINDS:
            native = answers_through(case, kind, version)
            case.equal(native.keys(), stock.keys(), "questions with " + kind)
            if kind == "go":                         # which gives back when its collector runs
                del native["all is given back"]
            for question in native:
                if question.startswith("large "):    # beyond the default limits, which stock has not
                    case.equal(native[question][0], "builtins.ValueError", "%s, with %s in the middle" % (question, kind))
                    continue
                case.equal(same(native[question]), same(stock[question]), "%s, with %s in the middle" % (question, kind))
        case.note("%d answers of each of %d" % (len(stock), len(KINDS)))


for stock_version in ("6.0.2", "5.3.1"):
    register(stock_version)
