"""The crate as Rust programs use it: the examples against stock RPyC, what its pages leave undescribed, what it raises."""
import glob
import os
import re
import threading

from readme import blocks
from runner import ROOT, TARGET, test

CARGO = os.environ.get("CARGO", "cargo")
VERSIONS = ("6.0.2", "5.3.1")
SECONDS = 900                                        # for whoever comes first, and compiles
CLIENTS = os.path.join(ROOT, "tests", "run", "clients")
GUIDE = ("docs", "guide", "rust.md")
BUILDING = threading.Lock()


def cargo(case, *args, env=()):
    with BUILDING:
        case.run([CARGO, *args, "--locked"], env=dict(env, CARGO_TARGET_DIR=TARGET, CARGO_TERM_COLOR="never"))


def example(case, name):
    """The path of an example, as cargo makes it."""
    cargo(case, "build", "--examples")
    return os.path.join(TARGET, "debug", "examples", name)


def written(case, name, text):
    path = os.path.join(case.folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


@test("rust.guide")
def guide(case):
    """The programs of the guide are the examples."""
    programs = blocks("rust", *GUIDE)
    case.equal(len(programs), 2, "programs in the guide")
    for name, text in zip(("client", "server"), programs):
        with open(os.path.join(ROOT, "examples", name + ".rs"), encoding="utf-8") as file:
            code = re.sub(r"^//!.*\n\n", "", file.read())
        case.equal(text, code, "the %s of the guide" % name)


CALLED = """40 + 2 = 42
book: Ivanhoe
book: Emma
a copy: ['Ivanhoe', 'Emma']
mapped: (6, 6)
ZeroDivisionError: division by zero
later: 3
later: 7
"""


@test("rust.client", SECONDS)
def client(case):
    """The client of the guide with the guide's server of stock RPyC."""
    program, (server, _) = example(case, "client"), blocks("python", *GUIDE)
    case.check("18861" in server, "the guide's server has no port")
    for version in VERSIONS:
        text = server.replace("port=18861", "port=0").replace("server.start()", "print('PORT', server.port, flush=True)\nserver.start()")
        python = case.start([case.python(version), written(case, "calculator.py", text)])
        port = python.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)
        python.wait_until_listening(port, case.left(30))
        case.equal(case.run([program, "tcp://127.0.0.1:" + port]).output, CALLED, "output with rpyc " + version)


SERVED = """ann 500
750
ValueError: a deposit is more than nothing
2
heard ['a', 'b']
KeyError: 'not for me'
{'x': 1}
TypeError: open() argument 'cents': expected an int, got a value of type str
"""


@test("rust.server", SECONDS)
def server(case):
    """The server of the guide with the guide's client of stock RPyC."""
    program, (_, text) = example(case, "server"), blocks("python", *GUIDE)
    ours = case.start([program, "tcp://127.0.0.1:0"])
    port = ours.wait_for(r"^listening tcp://127\.0\.0\.1:(\d+)$", case.left(30)).group(1)
    case.check("18862" in text, "the guide's client has no port")
    path = written(case, "client.py", text.replace("18862", port))
    for version in VERSIONS:
        case.equal(case.run([case.python(version), path]).output, SERVED, "output of rpyc " + version)


@test("rust.raises", SECONDS)
def raises(case):
    """Errors of the library inside of a method are the exceptions that stock RPyC's methods raise."""
    ours = case.start([example(case, "raising")])
    port = ours.wait_for(r"^listening tcp://127\.0\.0\.1:(\d+)$", case.left(30)).group(1)
    path = os.path.join(CLIENTS, "raising_client.py")
    for version in VERSIONS:
        twin = case.run([case.python(version), path, "twin"]).output
        case.equal(case.run([case.python(version), path, port]).output, twin, "what rpyc %s gets" % version)
        case.check("EOFError" in twin and "TimeoutError" in twin, "the twin raises otherwise: " + twin)
    done = case.run([case.python("6.0.2"), "-c", """
import rpyc
conn = rpyc.connect("127.0.0.1", %s)
for _ in range(2):
    try:
        conn.root.panics()
    except RuntimeError as error:
        print(str(error).splitlines()[0])
""" % port])
    case.equal(done.output, "panics() panicked\n" * 2, "what a panic becomes")


def undescribed(page):
    """What a page of rustdoc shows without a word, of the item's own."""
    with open(page, encoding="utf-8") as file:
        text = file.read()
    if 'http-equiv="refresh"' in text:
        return
    text = re.split(r'id="(?:trait-implementations|foreign-impls|synthetic-implementations|implementors)"', text)[0]
    top = re.search(r'<section id="main-content".*?(?=<h2|</section>)', text, re.DOTALL)
    if not top or 'class="docblock"' not in top.group(0):
        yield "itself"
    for summary, name in re.findall(r'(<summary>)?<section id="((?:method|tymethod|associatedconstant)\.[^"]+)"', text):
        if not summary:
            yield name
    for _, name, rest in re.findall(r'<(section|span) id="((?:variant|structfield)\.[^"]+)".*?</\1>(?=(.{0,60}))', text, re.DOTALL):
        if "docblock" not in rest:
            yield name


@test("rust.described", SECONDS)
def described(case):
    """cargo doc warns of nothing, and each public item has a description."""
    folder = os.path.join(TARGET, "doc-checked")
    cargo(case, "doc", "--no-deps", "--lib", "--target-dir", folder, env={"RUSTDOCFLAGS": "-D warnings -D missing_docs"})
    base = os.path.join(folder, "doc", "rpyc")
    pages = [page for page in glob.glob(os.path.join(base, "**", "*.html"), recursive=True) if os.path.basename(page) != "all.html"]
    wrong = ["%s: %s" % (os.path.relpath(page, base), item) for page in sorted(pages) for item in undescribed(page)]
    case.check(not wrong, "not described: " + "; ".join(wrong))
    shown = {os.path.relpath(page, base) for page in pages}
    for page in ("struct.Connection.html", "struct.Object.html", "struct.Class.html", "struct.Call.html", "enum.Value.html",
                 "struct.Server.html", "enum.Error.html"):
        case.check(page in shown, "there is no page " + page)
    inside = [page for page in shown if re.match(r"(session|connection|codec|ffi|server)/", page)]
    inside = [page for page in inside if 'http-equiv="refresh"' not in open(os.path.join(base, page), encoding="utf-8").read()]
    case.check(not inside, "the inside is shown: " + ", ".join(inside))
    case.note("%d pages" % len(pages))
