"""The examples of examples-c/loops: other event loops than poll and epoll, if their headers can be had."""
import os
import subprocess

import examples
from prepare import LOOPS
from runner import ROOT, TARGET, test

FOLDER = os.path.join(ROOT, "examples-c", "loops")


def flags(package):
    return subprocess.run(["pkg-config", "--cflags", "--libs", package], capture_output=True, text=True,
                          check=True).stdout.split()


def loop(name, package, version):
    def function(case):
        case.need(package)
        program, release = os.path.join(case.folder, name), os.path.join(TARGET, "release")
        case.run([os.environ.get("CC", "cc"), "-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-pthread",
                  "-I" + os.path.join(ROOT, "include"), os.path.join(FOLDER, name + ".c"), "-o", program,
                  "-L" + release, "-lrpyc", "-Wl,-rpath," + release, *flags(package)])
        peer = case.start([case.python(version), os.path.join(ROOT, "examples-c", "peers", "ticker_server.py"),
                           "tcp://127.0.0.1:0"])
        address = peer.wait_for(examples.LISTENING, case.left(30)).group(1)
        done = case.run([program, address])
        examples.compare(case, done.output, "expected/18_epoll_loop.txt")
        case.check(not done.read("err"), "it wrote to stderr")
    return function


for package, (_, program_name) in LOOPS.items():
    for python in examples.VERSIONS:
        test("example.%s.%s" % (program_name, python), 90)(loop(program_name, package, python))
