"""The library as it is shipped: what it exports and needs, and that a program can be linked with either form of it."""
import os
import re
import shutil

from runner import ROOT, TARGET, NotRun, test

SYSTEM = {"libc.so.6", "libgcc_s.so.1", "libm.so.6", "ld-linux-x86-64.so.2"}
# What a static link needs besides, as `rustc --print native-static-libs` says.
STATIC_NEEDS = ["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc"]


def built(name):
    path = os.path.join(TARGET, "release", name)
    if not os.path.exists(path):
        raise NotRun("target/release/%s was not built" % name)
    return path


@test("library.exports")
def exports(case):
    symbols = case.run([case.tool("nm"), "-D", "--defined-only", built("librpyc.so")]).output
    got = sorted(line.split()[2] for line in symbols.splitlines())
    with open(os.path.join(ROOT, "include", "symbols.txt"), encoding="utf-8") as file:
        want = sorted(line.split()[0] for line in file if not line.startswith("#"))
    odd = sorted(set(got) ^ set(want))
    case.check(not odd, "not both exported and in include/symbols.txt: " + ", ".join(odd))
    case.note("%d functions" % len(got))


@test("library.name-and-needs")
def name_and_needs(case):
    dynamic = case.run([case.tool("readelf"), "-d", "-W", built("librpyc.so")]).output
    case.check("Library soname: [librpyc.so.0]" in dynamic, "the soname is not librpyc.so.0")
    case.check("NODELETE" in dynamic, "it could be unloaded")
    foreign = set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)) - SYSTEM
    case.check(not foreign, "it needs " + ", ".join(sorted(foreign)))
    case.equal(os.path.realpath(built("librpyc.so.0")), os.path.realpath(built("librpyc.so")), "librpyc.so.0")


@test("library.static-link")
def static_link(case):
    source = os.path.join(ROOT, "tests", "c_border", "poll_pending.c")
    program = os.path.join(case.folder, "program")
    case.run([shutil.which("cc"), "-std=c11", "-I" + os.path.join(ROOT, "include"), source, "-o", program,
              built("librpyc.a"), *STATIC_NEEDS])
    done = case.run([program])
    case.check(re.search(r"^[1-9]\d* passed, 0 failed$", done.output, re.MULTILINE), "the program's checks failed")
    needs = case.run([case.tool("readelf"), "-d", "-W", program]).output
    case.check("librpyc" not in needs, "the program needs the shared library all the same")
