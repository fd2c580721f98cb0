"""The examples of examples-c, each run as its README says, with what it prints compared."""
import collections
import os
import re

from runner import ROOT, Failed, test

FOLDER = os.path.join(ROOT, "examples-c")
VERSIONS = ("6.0.2", "5.3.1")                        # that the Python peers are written for
LISTENING = r"^listening (\S+)$"
Row = collections.namedtuple("Row", "program role peer expected")


def rows():
    """The rows of run.tsv."""
    with open(os.path.join(FOLDER, "run.tsv"), encoding="utf-8") as table:
        return [Row(*line.rstrip("\n").split("\t")) for line in table if line.strip() and not line.startswith("#")]


def compare(case, got, expected, address=None):
    """What was printed against the file, line by line."""
    with open(os.path.join(FOLDER, expected), encoding="utf-8") as file:
        want = file.read()
    if address:
        got = got.replace(address, "ADDRESS")
    for number, (a, b) in enumerate(zip(got.splitlines() + [None], want.splitlines() + [None]), 1):
        if a != b:
            raise Failed("line %d is %r, not %r as in %s" % (number, a, b, expected))
    case.equal(len(got.splitlines()), len(want.splitlines()), "number of lines")


def peer_command(case, row, version):
    if row.peer.endswith(".py"):
        return [case.python(version), os.path.join(FOLDER, row.peer)]
    return [case.program(row.peer)]


def as_client(case, row, version, before):
    peer = case.start(peer_command(case, row, version) + ["tcp://127.0.0.1:0"])
    address = peer.wait_for(LISTENING, case.left(30)).group(1)
    done = case.run([*before, case.program(row.program), address])
    compare(case, done.output, row.expected, address)
    if not row.peer.endswith(".py"):
        case.stop(peer)
    return [done]


def as_server(case, row, version, before):
    server = case.start([*before, case.program(row.program), "tcp://127.0.0.1:0"])
    address = server.wait_for(LISTENING, case.left(30)).group(1)
    done = case.run(peer_command(case, row, version) + [address])
    compare(case, done.output, "expected/%s.txt" % os.path.basename(row.peer)[:-3])
    if row.role == "server":
        case.stop(server)
    case.equal(server.wait(case.left()), 0, "exit code of the server")
    compare(case, server.output, row.expected, address)
    return [server, done]


def as_parent(case, row, version, before):
    done = case.run([*before, case.program(row.program), "exec:" + " ".join(peer_command(case, row, version)),
                     *([] if version == "6.0.2" else ["5"])])
    compare(case, done.output, row.expected)
    return [done]


def alone(case, row, _version, before):
    done = case.run([*before, case.program(row.program)])
    compare(case, done.output, row.expected)
    return [done]


ROLES = {"client": as_client, "server": as_server, "once": as_server, "child": as_parent, "alone": alone}


def run(case, row, version, before=()):
    """Runs one row; every process but a Python server must end well, and say nothing on stderr."""
    for process in ROLES[row.role](case, row, version, before):
        case.check(not process.read("err"), "%s wrote to stderr" % process.args[0])


def versions(row):
    return VERSIONS if row.peer.endswith(".py") else (None,)


def title(row, version):
    peer = re.sub(r"^peers/|\.py$", "", row.peer)
    return row.program + ("" if row.peer == "-" else "." + peer) + ("" if version is None else "." + version)


def register():
    try:
        table = rows()
    except (OSError, TypeError) as error:
        trouble = str(error)

        @test("example.table")
        def unreadable(_case):
            raise Failed("examples-c/run.tsv: " + trouble)
        return
    sources = {name[:-2] for name in os.listdir(FOLDER) if name.endswith(".c")}

    @test("example.each-is-in-the-table")
    def complete(case):
        case.equal({row.program for row in table}, sources, "programs of run.tsv")

    for row in table:
        for version in versions(row):
            test("example." + title(row, version))(lambda case, row=row, version=version: run(case, row, version))
