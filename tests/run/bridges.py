"""Objects of one peer that another passes on: whoever gets them can do with them what he can where stock Python passes them on."""
import json
import os
import re

from runner import ROOT, test

PEER = os.path.join(ROOT, "tests", "run", "clients", "bridges_peer.py")
MIDDLES = {"c": ["border/bridges"], "cpp": ["cpp/bridges"], "go": ["go/features", "middle"], "bare": ["border/bridges_bare"]}
# Of what else is not asked of each middle.
SHORT = ("map", "generator", "text file", "Fraction", "Vector", "dict", "managed", "callable", "derived", "list class", "Vector class")
LEAST = {(): 1200, SHORT: 350}                       # answers


def bare_dialect(version):
    """The option of a session that finds out nothing by itself."""
    return "dialect=5" if version < "6" else "dialect=6"


class Chain:
    """An owner, those who pass on what it has, and a user."""

    def __init__(self, case, version, rules, middles, things):
        self.case, self.python = case, [case.python(version), PEER]
        self.processes = []
        address = self.start([*self.python, "owner", rules])
        for middle in middles:
            program = [*self.python, "middle"]
            if middle != "stock":
                name, *first = MIDDLES[middle]
                program = [case.program(name), *first]
            more = ["tcp://127.0.0.1:0", bare_dialect(version)] if middle == "bare" else []
            address = self.start([*program, rules, address, *more])
        self.user = case.start([*self.python, "user", rules, address, *things])

    def start(self, command):
        process = self.case.start(command, env={"PYTHONHASHSEED": "0"})
        self.processes.append(process)
        return process.wait_for(r"^listening (\S+)$", self.case.left(60)).group(1)

    def answers(self):
        self.case.equal(self.user.wait(self.case.left(150)), 0, "exit code of the user")
        for process in reversed(self.processes):     # they end with their stdin
            process.popen.stdin.close()
            self.case.equal(process.wait(self.case.left(20)), 0, "exit code")
        return json.loads(self.user.output.splitlines()[-1])


def meant(question, stock, native):
    """What is meant to differ."""
    # A stock middle answers what it is asked about a class of another's with the list of methods of the object, which is true.
    if question.startswith("isinstance(") and (stock, native) == ("True", "False"):
        return True
    # It names an exception that it does not know anew at each step.
    stock, native = (re.sub(r"(?:rpyc\.core\.vinegar/|_pickle\.)+", "", json.dumps(text)) for text in (stock, native))
    return stock == native


def bridges(version, rules, middles, things=()):
    def function(case):
        chains = [Chain(case, version, rules, kinds, things) for kinds in (["stock"] * len(middles), middles)]
        stock, native = (chain.answers() for chain in chains)
        case.check(len(stock) >= LEAST[things] and stock.keys() == native.keys(), "only %d and %d answers" % (len(stock), len(native)))
        wrong = [question for question in stock if stock[question] != native[question]
                 and not meant(question, stock[question], native[question])]
        case.check(not wrong, "%d answers differ:\n%s" % (len(wrong), "\n".join(
            "%s: %s, but with stock in the middle %s" % (question, native[question], stock[question]) for question in wrong[:20])))
        case.note("%d answers" % len(native))
    return function


for stock_version in ("6.0.2", "5.3.1"):
    test("bridges.c.%s" % stock_version, 150)(bridges(stock_version, "public", ["c"]))
    for middle in MIDDLES:
        test("bridges.%s.default.%s" % (middle, stock_version), 90)(bridges(stock_version, "default", [middle], SHORT))
        test("bridges.%s.all.%s" % (middle, stock_version), 90)(bridges(stock_version, "all", [middle], SHORT))
    for pair in (["c", "cpp"], ["go", "stock"], ["stock", "c"], ["bare", "go"], ["go", "bare"], ["cpp", "bare"]):
        test("bridges.%s.%s" % ("-".join(pair), stock_version), 120)(bridges(stock_version, "public", pair, SHORT))
