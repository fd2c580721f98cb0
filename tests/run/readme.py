"""The programs of README.md are what it says: they are taken from its text, built and run."""
import os
import re
import shutil

from runner import ROOT, TARGET, NotRun, test
from syscalls import free_port

PORT = "18861"                                       # in the text; the test takes a free one


def block(language):
    """The first piece of README.md in this language."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as text:
        return re.search(r"^```%s\n(.*?)^```" % language, text.read(), re.MULTILINE | re.DOTALL).group(1)


@test("readme.first-call")
def first_call(case):
    library = os.path.join(TARGET, "release")
    if not os.path.exists(os.path.join(library, "librpyc.so")):
        raise NotRun("target/release/librpyc.so was not built")
    port = str(free_port())
    for name, language in (("calculator.py", "python"), ("add.c", "c")):
        text = block(language)
        case.check(PORT in text, "README.md's %s has no port %s" % (name, PORT))
        with open(os.path.join(case.folder, name), "w", encoding="utf-8") as file:
            file.write(text.replace(PORT, port))
    case.run([shutil.which("cc"), "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I" + os.path.join(ROOT, "include"),
              "add.c", "-o", "add", "-L" + library, "-lrpyc", "-Wl,-rpath," + library], folder=case.folder)
    server = case.start([case.python("6.0.2"), "calculator.py"], folder=case.folder)
    for _ in range(200):                             # until the server listens
        done = case.run(["./add"], folder=case.folder, codes=(0, 1))
        if done.popen.returncode == 0:
            break
        case.check(not server.ended, "the server of README.md ended")
        server.wait(0.05)
    case.equal(done.output, "40 + 2 = 42\n", "output of add")
