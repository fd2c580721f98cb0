"""The whole programs of README.md and of the guides to C++ and Go are what they say: taken from the text, built and run."""
import os
import re
import shutil

import go
from runner import ROOT, TARGET, NotRun, test
from ports import free_port

# In the text; the tests take free ones: Python's server, and those in C, C++ and Go.
PORTS = ("18861", "18862", "18863", "18864")
ANSWER = "40 + 2 = 42"
CALL = """
import sys, time, rpyc
for _ in range(200):                                 # until it listens
    try:
        conn = rpyc.connect("127.0.0.1", int(sys.argv[1]))
        break
    except ConnectionRefusedError:
        time.sleep(0.05)
print(conn.root.add(40, 2))
"""


def blocks(language, *path):
    """The pieces of README.md, or of another document, in this language."""
    with open(os.path.join(ROOT, *(path or ("README.md",))), encoding="utf-8") as text:
        return re.findall(r"^```%s\n(.*?)^```" % language, text.read(), re.MULTILINE | re.DOTALL)


class Programs:
    """Programs of README.md in a folder, with free ports."""

    def __init__(self, case):
        self.case, self.ports = case, [str(free_port()) for _ in PORTS]
        self.library = os.path.join(TARGET, "release")
        if not os.path.exists(os.path.join(self.library, "librpyc.so")):
            raise NotRun("target/release/librpyc.so was not built")

    def write(self, name, text):
        self.case.check(any(port in text for port in PORTS), "%s of the text has no address" % name)
        for port, free in zip(PORTS, self.ports):
            text = text.replace(port, free)
        path = os.path.join(self.case.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def compile(self, compiler, *args):
        self.case.run([shutil.which(compiler), "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-pthread",
                       "-I" + os.path.join(ROOT, "include"), *args, "-L" + self.library, "-lrpyc",
                       "-Wl,-rpath," + self.library], folder=self.case.folder)

    def cpp(self, name, text):
        """The path of a program in C++."""
        self.write(name + ".cpp", text)
        self.compile("c++", "-std=c++17", "-I" + os.path.join(ROOT, "bindings", "cpp", "include"), name + ".cpp", "-o", name)
        return os.path.join(self.case.folder, name)

    def go(self, name, text):
        """The path of a program in Go."""
        self.write(os.path.join("m", name, "main.go"), text)
        with open(os.path.join(self.case.folder, "m", "go.mod"), "w", encoding="utf-8") as file:
            file.write(go.MODULE % go.FOLDER)
        path = os.path.join(self.case.folder, name)
        go.go(self.case, "build", "-o", path, "./" + name, folder=os.path.join(self.case.folder, "m"))
        return path

    def answers(self, program):
        self.case.equal(self.case.run([program]).output, ANSWER + "\n", "output of " + os.path.basename(program))

    def calculator(self):
        """Python's server, once it listens."""
        self.write("calculator.py", blocks("python")[0])
        self.case.start([self.case.python("6.0.2"), "calculator.py"], folder=self.case.folder)
        self.call(self.ports[0])

    def call(self, port):
        done = self.case.run([self.case.python("6.0.2"), "-c", CALL, port])
        self.case.equal(done.output, "42\n", "what a Python client is answered")

    def both_ways(self, program, port):
        """It calls Python's server, then Python calls it."""
        self.calculator()
        started = self.case.start([program])
        started.wait_for(r"^%s\b" % re.escape(ANSWER), self.case.left(30))
        self.call(port)


@test("readme.first-call")
def first_call(case):
    programs = Programs(case)
    programs.write("add.c", blocks("c")[0])
    programs.compile("cc", "-std=c11", "add.c", "-o", "add")
    programs.calculator()
    case.equal(case.run(["./add"], folder=case.folder).output, ANSWER + "\n", "output of add")


@test("readme.cpp", seconds=240)
def cpp(case):
    programs = Programs(case)
    programs.both_ways(programs.cpp("both", blocks("cpp")[0]), programs.ports[2])


@test("readme.go", seconds=240)
def go_program(case):
    programs = Programs(case)
    programs.both_ways(programs.go("both", blocks("go")[0]), programs.ports[3])


@test("docs.cpp-programs-run", seconds=240)
def cpp_guide(case):
    """The client against Python's server; a Python client of the service."""
    programs = Programs(case)
    client, service = (piece for piece in blocks("cpp", "docs", "guide", "cpp.md") if "int main" in piece)
    client, service = programs.cpp("client", client), programs.cpp("service", service.replace(PORTS[0], PORTS[1]))
    programs.calculator()
    programs.answers(client)
    case.start([service])
    programs.call(programs.ports[1])


@test("docs.go-programs-run", seconds=240)
def go_guide(case):
    """The client against Python's server; a Python client of the service; the client with functions against that service."""
    programs = Programs(case)
    client, service, _, _, functions = (piece for piece in blocks("go", "docs", "guide", "go.md") if "func main" in piece)
    client, functions = programs.go("client", client), programs.go("functions", functions.replace(PORTS[0], PORTS[1]))
    service = programs.go("service", service.replace(PORTS[0], PORTS[1]))
    programs.calculator()
    programs.answers(client)
    case.start([service])
    programs.call(programs.ports[1])
    case.equal(case.run([functions]).output, "1\n2\n3\n8\n", "output of the client with functions")


BOARD = """
notes = conn.root.notes()
notes.append("hello")
print(list(notes), isinstance(notes, list))
print([line for line in conn.root.manual()])
"""
DESK = """
settings, shown = conn.root.settings(), conn.root.shown()
settings.colour = "red"
print(settings.colour, settings.size, shown.exposed_colour)
for change in (lambda: setattr(shown, "exposed_colour", "blue"), lambda: shown.exposed_size):
    try:
        change()
    except AttributeError:
        print("refused")
"""


@test("docs.go-containers-and-rules-run", seconds=240)
def go_containers(case):
    """The services with live containers and with rules of their own, each used by Python."""
    with open(os.path.join(case.folder, "manual.txt"), "w", encoding="utf-8") as manual:
        manual.write("one\ntwo\n")
    _, _, board, desk, _ = (piece for piece in blocks("go", "docs", "guide", "go.md") if "func main" in piece)
    for name, service, client, output in (
            ("board", board, BOARD, "['welcome', 'hello'] True\n['one\\n', 'two\\n']\n"),
            ("desk", desk, DESK, "red None red\nrefused\nrefused\n")):
        programs = Programs(case)
        case.start([programs.go(name, service)], folder=case.folder)
        text = CALL.rsplit("print", 1)[0] + client
        done = case.run([case.python("6.0.2"), "-c", text, programs.ports[0]])
        case.equal(done.output, output, "what Python sees of " + name)
