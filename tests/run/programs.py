"""Programs of the documents: those that are whole are run, and print what stands behind them; Go ones are vetted."""
import glob
import os
import re
import shutil

import go
import snippets
from runner import ROOT, TARGET, NotRun, test

LIBRARY = os.path.join(TARGET, "release")
PORT = "18861"                                       # in the texts; the test has a peer elsewhere
# Programs with tests of their own: readme.py, docs.readme-service, docs.classic-commands.
OWN = ("README.md", "docs/guide/classic.md")
# Which of the others do not end with 0, and why.
CODES = {("docs/reference/errors.md", 1): 1}         # it shows an exception
CPP, GO = (os.path.join(ROOT, "bindings", name) for name in ("cpp", "go"))

# What the documents' programs ask for; the classes of first-steps.md are taken from its text.
PEER = '''
import sys
import rpyc
from rpyc.utils.server import ThreadedServer

class InsufficientFunds(Exception):
    pass

InsufficientFunds.__module__ = "bank"

%s

class Peer(Shop):
    def exposed_withdraw(self, amount):
        error = InsufficientFunds("not enough")
        error.missing = amount
        raise error

    def exposed_echo(self, thing):
        return thing

    def exposed_add(self, a, b):
        return a + b

server = ThreadedServer(Peer, hostname="127.0.0.1", port=0, protocol_config={"allow_public_attrs": True})
server.listener.listen()  # as start() will, which may come later than the client
print("port", server.port, flush=True)
server.start()
'''


def pieces(language, folder=None):
    """(document, number, text, what it prints or None) of each piece in a language; with `folder`, of that folder's README too."""
    documents = snippets.documents()
    for path in sorted(glob.glob(os.path.join(folder, "**", "*.md"), recursive=True)) if folder else ():
        documents.append((os.path.relpath(path, ROOT), snippets.read(path)))
    pattern = (r"^```%s\n(.*?)^```\n(?:\n?[^\n`]*prints[^\n]*\n\n?"
               r"(?:(?: {4}[^\n]*\n)+\n)?```text\n(.*?)^```)?") % re.escape(language)
    for name, text in documents:
        for number, found in enumerate(re.finditer(pattern, text, re.MULTILINE | re.DOTALL), 1):
            yield name, number, found.group(1), found.group(2)


def peer(case):
    """The port of a Python server that has all that the documents ask for."""
    text = snippets.read("docs", "guide", "first-steps.md")
    first = re.search(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL).group(1)
    shop = re.search(r"^class Shop.*?(?=^\S)", first, re.MULTILINE | re.DOTALL).group(0)
    server = case.start([case.python("6.0.2"), "-c", PEER % shop])
    return server.wait_for(r"^port (\d+)$", case.left(30)).group(1)


def built(case):
    if not os.path.exists(os.path.join(LIBRARY, "librpyc.so")):
        raise NotRun("target/release/librpyc.so was not built")


def run(case, program, code, prints, what):
    """Runs a program to its end, with nothing on its standard input."""
    process = case.start([program])
    process.popen.stdin.close()
    ended = process.wait(case.left(60))
    case.equal(ended, code, "exit code of " + what)
    if prints is not None:
        case.equal(process.output, prints, "output of " + what)


@test("docs.programs-run", seconds=240)
def programs_run(case):
    built(case)
    port, count = peer(case), 0
    for name, number, text, prints in pieces("c"):
        if name in OWN or not re.search(r"^int main\(", text, re.MULTILINE):
            continue
        count += 1
        source = os.path.join(case.folder, "program-%d.c" % count)
        with open(source, "w", encoding="utf-8") as file:
            file.write(text.replace(PORT, port))
        case.run([shutil.which("cc"), *snippets.FLAGS, "-pthread", source, "-o", source[:-2], "-L" + LIBRARY, "-lrpyc",
                  "-Wl,-rpath," + LIBRARY])
        run(case, source[:-2], CODES.get((name, number), 0), prints, "program %d of %s" % (number, name))
    case.check(count >= 8, "only %d programs found" % count)
    case.note("%d programs" % count)


@test("docs.cpp-is-compiled")
def cpp_is_compiled(case):
    """tests/run/cpp.py compiles the C++ of the documents that it names; there is none elsewhere."""
    path = os.path.join(ROOT, "tests", "run", "cpp.py")
    named = snippets.read(path) if os.path.exists(path) else ""
    others = sorted({name for name, _, _, _ in pieces("cpp", CPP) if '"%s"' % name not in named})
    case.check(not others, "C++ that no test compiles: " + ", ".join(others))


def go_compiles(case):
    """Each piece is a whole file; it is built within the module that it is about."""
    built(case)
    count = 0
    with open(os.path.join(GO, "go.mod"), encoding="utf-8") as file:
        module = re.search(r"^module (\S+)", file.read(), re.MULTILINE).group(1)
    with open(os.path.join(case.folder, "go.mod"), "w", encoding="utf-8") as file:
        file.write("module pieces\n\ngo 1.19\n\nrequire %s v0.0.0\n\nreplace %s => %s\n" % (module, module, GO))
    for name, number, text, _ in pieces("go", GO):
        count += 1
        case.check(re.search(r"^package \w+", text, re.MULTILINE), "piece %d of Go in %s is no whole file" % (number, name))
        folder = os.path.join(case.folder, "piece%d" % count)
        os.mkdir(folder)
        with open(os.path.join(folder, "main.go"), "w", encoding="utf-8") as file:
            file.write(text)
    if not count:
        return case.note("no pieces")
    go.go(case, "vet", "./...", folder=case.folder)
    case.note("%d pieces" % count)


if os.path.exists(os.path.join(GO, "go.mod")):
    test("docs.go-compiles", seconds=600)(go_compiles)


@test("docs.index")
def index(case):
    """docs/README.md leads to every page."""
    text = snippets.read("docs", "README.md")
    base = os.path.join(ROOT, "docs")
    pages = {os.path.relpath(path, base) for path in glob.glob(os.path.join(base, "**", "*.md"), recursive=True)} - {"README.md"}
    missing = sorted(page for page in pages if "(%s)" % page not in text)
    case.check(not missing, "not in docs/README.md: " + ", ".join(missing))
