"""The library as it is shipped: what it exports and needs, and that a program can be linked with either form of it."""
import filecmp
import os
import re
import shutil
import sys

from runner import ROOT, TARGET, NotRun, test

SHIPPED = ("librpyc.so", "librpyc.a", "rpyc")
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


@test("library.no-places")
def no_places(case):
    """What is shipped does not say where it was built, nor in whose home the sources were."""
    places = [place.encode() + b"/" for place in {ROOT, os.path.realpath(ROOT), os.path.expanduser("~"), TARGET}]
    for name in SHIPPED:
        with open(built(name), "rb") as file:
            content = file.read()
        found = [place.decode() for place in places if place in content]
        case.check(not found, "%s holds %s" % (name, ", ".join(found)))


@test("library.reproducible", 1800, long=True)
def reproducible(case):
    """Another clone in another folder gives the same bytes."""
    clone = os.path.join(case.folder, "clone")
    case.run(["git", "clone", "-q", ROOT, clone])
    dirty = case.run(["git", "status", "--porcelain", "--", "src", "Makefile", "Cargo.toml", "Cargo.lock", "build.rs"]).output
    case.check(not dirty, "not committed, so not cloned:\n" + dirty)
    case.run(["make", "library"], env={"MAKEFLAGS": "", "CARGO_TARGET_DIR": os.path.join(clone, "target")}, folder=clone)
    for name in SHIPPED:
        same = filecmp.cmp(built(name), os.path.join(clone, "target", "release", name), shallow=False)
        case.check(same, "%s is another one in another folder" % name)


@test("library.notices")
def notices(case):
    """THIRD-PARTY-NOTICES.txt is what Cargo.lock says, and names every crate whose code is in the library."""
    case.run([sys.executable, os.path.join(ROOT, "packaging", "notices.py"), "check", "THIRD-PARTY-NOTICES.txt"])
    with open(os.path.join(ROOT, "THIRD-PARTY-NOTICES.txt"), encoding="utf-8") as file:
        titles = re.findall(r"^=+\n([\w-]+)", file.read(), re.MULTILINE)
    named = {title.replace("-", "_") for title in titles}
    if "rustls_webpki" in named:
        named.add("webpki")                          # what that crate calls itself
    # The parts of std itself, and the two names that code of ours has.
    named |= {"std", "core", "alloc", "std_detect", "panic_unwind", "unwind", "compiler_builtins", "rpyc", "librpyc", "proc_macro"}
    symbols = case.run([case.tool("nm"), "-C", built("librpyc.so")]).output
    crates = set(re.findall(r"^[0-9a-f]+ [tTwW] <?([a-z]\w*)::", symbols, re.MULTILINE))
    case.check({"std", "rpyc", "zlib_rs"} <= crates, "too few crates are found: " + ", ".join(sorted(crates)))
    case.check(crates <= named, "no notice for: " + ", ".join(sorted(crates - named)))


@test("library.environment", 120)
def environment(case):
    """No variable is read, and each thread has a stack size of its own: std would ask RUST_MIN_STACK for it."""
    watch, watched = os.path.join(case.folder, "watch.so"), os.path.join(case.folder, "watched")
    source = os.path.join(ROOT, "tests", "c_preload", "getenv.c")
    case.run([shutil.which("cc"), "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", source, "-o", watch, "-ldl"])
    variables = {"LD_PRELOAD": watch, "WATCHED": watched, "RUST_MIN_STACK": str(1 << 19), "RUST_BACKTRACE": "1", "RUST_LOG": "trace"}
    for program in ("serving", "call_queue", "event_loop", "deadlines", "embedding", "fork_transports", "every_function_null"):
        case.run([case.program("border/" + program)], env=variables)
    with open(watched, encoding="utf-8") as file:
        said = [line.split() for line in file]
    read = sorted({name for what, name in said if what == "READS"})
    case.check(not read, "it reads " + ", ".join(read))
    sizes = {int(size) for what, size in said if what == "THREAD"}
    case.equal(sizes, {8 << 20}, "stack sizes of threads")
    case.note("%d threads" % sum(what == "THREAD" for what, _ in said))
