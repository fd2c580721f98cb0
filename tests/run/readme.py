"""The programs of README.md are what it says: they are taken from its text, built and run, against stock Python."""
import os
import re
import shutil

import go
from runner import ROOT, TARGET, NotRun, test
from syscalls import free_port

PORTS = ("18861", "18862")                           # in the text; the tests take free ones: Python's server, ours
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


def blocks(language):
    """The pieces of README.md in this language."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as text:
        return re.findall(r"^```%s\n(.*?)^```" % language, text.read(), re.MULTILINE | re.DOTALL)


class Programs:
    """Programs of README.md in a folder, with free ports."""

    def __init__(self, case):
        self.case, self.ports = case, [str(free_port()) for _ in PORTS]
        self.library = os.path.join(TARGET, "release")
        if not os.path.exists(os.path.join(self.library, "librpyc.so")):
            raise NotRun("target/release/librpyc.so was not built")

    def write(self, name, text):
        self.case.check(any(port in text for port in PORTS), "README.md's %s has no port" % name)
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

    def calculator(self):
        """Python's server, once it listens."""
        self.write("calculator.py", blocks("python")[0])
        self.case.start([self.case.python("6.0.2"), "calculator.py"], folder=self.case.folder)
        self.call(self.ports[0])

    def call(self, port):
        done = self.case.run([self.case.python("6.0.2"), "-c", CALL, port])
        self.case.equal(done.output, "42\n", "what a Python client is answered")

    def both_ways(self, program):
        """It calls Python's server, then Python calls it."""
        self.calculator()
        started = self.case.start([program])
        started.wait_for(r"^%s\b" % re.escape(ANSWER), self.case.left(30))
        self.call(self.ports[1])


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
    programs.write("both.cpp", blocks("cpp")[0])
    programs.compile("c++", "-std=c++17", "-I" + os.path.join(ROOT, "bindings", "cpp", "include"), "both.cpp", "-o", "both")
    programs.both_ways(os.path.join(case.folder, "both"))


@test("readme.go", seconds=240)
def go_program(case):
    programs = Programs(case)
    programs.write("m/main.go", blocks("go")[0])
    folder = os.path.join(case.folder, "m")
    with open(os.path.join(folder, "go.mod"), "w", encoding="utf-8") as file:
        file.write(go.MODULE % go.FOLDER)
    go.go(case, "build", "-o", os.path.join(case.folder, "both"), folder=folder)
    programs.both_ways(os.path.join(case.folder, "both"))
