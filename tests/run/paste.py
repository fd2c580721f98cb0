"""The commands of README.md and of guides, pasted as they stand: one shell, the pages' own files, no line left out but those
that install."""
import os
import re

import go
import install
import snippets
from readme import ANSWER, PORTS
from runner import ROOT, TARGET, NotRun, test
from ports import free_port

SUFFIXES = {"c": "c", "python": "py", "cpp": "cpp", "go": "go"}
# What a fresh machine is told to install; the tests have it.
INSTALLS = ("make", "sudo ", "python3 -m venv", "venv/bin/pip ")
# Programs that serve until they are stopped, which a reader does with Ctrl-C.
SERVES = ("./main", "PKG_CONFIG_PATH=$PWD/../c/pkgconfig go run .")


def page(*path):
    """(files by name, lines for the shell) of a document: each fence is the file that is named last before it."""
    text = snippets.read(*path)
    files, lines, named = {}, [], ""
    for part in re.findall(r"^```\w*\n.*?^```\n|(?:^ {4}[^\n]*\n)+|^[^\n]*\n", text, re.MULTILINE | re.DOTALL):
        fence = re.match(r"```(\w+)\n(.*)```\n", part, re.DOTALL)
        if fence and fence.group(1) in SUFFIXES:
            names = re.findall(r"`([\w./-]+\.%s)`" % SUFFIXES[fence.group(1)], named)
            if names:
                files[names[-1]] = fence.group(2)
            named = ""
        elif part.startswith("    "):
            lines += [line[4:].split("   # ")[0] for line in part.splitlines()]
        else:
            named += part
    return files, [line for line in lines if not line.startswith(INSTALLS)]


def paste(case, path, links, env, ports=PORTS):
    """A shell that has run all lines of a page in a folder with its files and these links."""
    files, lines = page(*path)
    free = {port: str(free_port()) for port in ports}
    for name, place in links.items():
        os.makedirs(os.path.dirname(os.path.join(case.folder, name)), exist_ok=True)
        os.symlink(place, os.path.join(case.folder, name))
    script = "\n".join(line + " &" if line in SERVES else line for line in lines) + "\necho pasted\nwait\n"
    for port, own in free.items():
        script = script.replace(port, own)
        files = {name: text.replace(port, own) for name, text in files.items()}
    for name, text in files.items():
        path = os.path.join(case.folder, name)
        if os.path.realpath(path) != os.path.join(os.path.realpath(case.folder), name):
            continue                                 # a file of the clone, of which the page shows a part
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    shell = case.start(["/bin/sh", "-e", "-c", script], env=env, folder=case.folder)
    shell.wait_for(r"^pasted$", case.left())
    case.note("%d lines" % len(lines))
    return shell


def python(case):
    """The folder of the virtual environment with stock RPyC."""
    return os.path.dirname(os.path.dirname(case.python("6.0.2")))


def library():
    if not os.path.exists(os.path.join(TARGET, "release", "rpyc")):
        raise NotRun("target/release/rpyc was not built")


def installed(case):
    """The environment of a machine with the library installed: `make install` to a folder, for pkg-config and the loader."""
    case.need("pkg-config")
    place = install.stage()
    tools = os.path.join(case.folder, "bin")
    os.mkdir(tools)
    with open(os.path.join(tools, "pkg-config"), "w", encoding="utf-8") as file:
        file.write('#!/bin/sh\nexec %s --define-prefix "$@"\n' % case.tool("pkg-config"))     # the folder was moved
    os.chmod(os.path.join(tools, "pkg-config"), 0o755)
    return {"PATH": os.pathsep.join((tools, os.path.join(place, "bin"), os.environ["PATH"])),
            "PKG_CONFIG_LIBDIR": os.path.join(place, "lib", "pkgconfig"), "LD_LIBRARY_PATH": os.path.join(place, "lib")}


@test("readme.commands", seconds=300)
def readme(case):
    """Python, C, C++ and Go, each once, in a folder that has what a clone has after `make demo`."""
    library()
    for tool in ("go", "pkg-config"):
        case.need(tool)
    links = {"include": os.path.join(ROOT, "include"), "bindings": os.path.join(ROOT, "bindings"),
             "target/release": os.path.join(TARGET, "release"), "target/c": os.path.join(TARGET, "c"),
             ".venvs": os.path.dirname(python(case))}
    env = dict(go.environment())
    del env["PKG_CONFIG_PATH"]                       # the page sets it
    shell = paste(case, ("README.md",), links, env)
    for _ in range(600):
        if shell.output.count(ANSWER) == 3:
            break
        shell.wait(0.1)
    case.equal(shell.output.count(ANSWER), 3, "answers to C, C++ and Go")
    case.equal(len(re.findall(r"^42$", shell.output, re.MULTILINE)), 1, "answers to Python")


@test("docs.single-threaded-server-commands", seconds=120)
def single_threaded_server(case):
    library()
    case.program("20_single_thread")
    links = {"target": TARGET, "examples-c": os.path.join(ROOT, "examples-c"), ".venvs": os.path.dirname(python(case))}
    shell = paste(case, ("docs", "guide", "single-threaded-server.md"), links, {})
    case.check("good ends: 10\nbalance: 50500\n" in shell.output, "the client does not end well")


@test("docs.first-steps-commands", seconds=240)
def first_steps(case):
    links = {"venv": python(case)}
    shell = paste(case, ("docs", "guide", "first-steps.md"), links, installed(case))
    for said in re.findall(r"^```text\n(.*?)^```", snippets.read("docs", "guide", "first-steps.md"), re.MULTILINE | re.DOTALL):
        case.check(said in shell.output, "the programs do not print %r" % said)


@test("docs.session-commands", seconds=120)
def session(case):
    shell = paste(case, ("docs", "guide", "session.md"), {}, installed(case))
    case.check(ANSWER in shell.output, "the client is not answered")


@test("docs.authentication-commands", seconds=120)
def authentication(case):
    """The tool and stock RPyC call a server that demands a secret."""
    links = {"venv": python(case), "secret.py": os.path.join(ROOT, "examples-c", "peers", "secret.py")}
    shell = paste(case, ("docs", "guide", "authentication.md"), links, installed(case))
    for answer in ("42", "23"):
        case.check(re.search("^%s$" % answer, shell.output, re.MULTILINE), "no call is answered with " + answer)


@test("docs.classic-commands", seconds=120)
def classic(case):
    shell = paste(case, ("docs", "guide", "classic.md"), {"venv": python(case)}, installed(case), ports=("18812",))
    case.check(re.search("^a/b$", shell.output, re.MULTILINE), "the master does not print the path")


@test("docs.tls-commands", seconds=120)
def tls(case):
    """A CA, a server and a client are made as the page says; then a server that demands certificates of its clients."""
    case.need("openssl")
    shell = paste(case, ("docs", "guide", "tls.md"), {}, installed(case))
    for answer in ("42", "23"):
        case.check(re.search("^%s$" % answer, shell.output, re.MULTILINE), "no call is answered with " + answer)
