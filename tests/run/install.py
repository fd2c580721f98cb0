"""Installed like any other library: what `make install` puts where, and programs that are built with it in each way and run."""
import functools
import glob
import os
import re
import shutil
import stat
import threading
import zlib

from prepare import quiet
from runner import ROOT, TARGET, Failed, NotRun, test

PROGRAM = "12_pair"                                  # the consumer: client and server in one process
LOCK = threading.Lock()
# Of the program rpyc.
COMPLETIONS = ("usr/share/bash-completion/completions/rpyc", "usr/share/zsh/site-functions/_rpyc", "usr/share/fish/vendor_completions.d/rpyc.fish")


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def write(case, name, text):
    with open(os.path.join(case.folder, name), "w", encoding="utf-8") as file:
        file.write(text)


VERSION = re.search(r'^version = "(.*)"', read(ROOT, "Cargo.toml"), re.MULTILINE).group(1)
CPP = os.path.join(ROOT, "bindings", "cpp", "include")


def make(*goals):
    """A command for what installs; with it, cargo cannot be reached, as for root on the machine of somebody who has built."""
    return ["make", "--no-print-directory", "CARGO=false", "CARGO_TARGET_DIR=" + TARGET, *goals]


@functools.lru_cache(maxsize=None)
def staged():
    """The folder with an installed library, in which all tests look; made once. It was moved since: nothing may know its place."""
    if not os.path.exists(os.path.join(TARGET, "release", "librpyc.a")):
        raise NotRun("target/release/librpyc.a was not built")
    folder = os.path.join(TARGET, "stage")
    shutil.rmtree(folder, ignore_errors=True)
    why = quiet(make("-C", ROOT, "install", "PREFIX=" + os.path.join(folder, "first")))
    if why:
        raise Failed("make install: " + why)
    os.rename(os.path.join(folder, "first"), os.path.join(folder, "moved"))
    return os.path.join(folder, "moved")


def stage():
    with LOCK:
        return staged()


def pkg_config(case, *args, root=None):
    """What pkg-config says of the staged library, or of one below another root."""
    if root:
        where = {"PKG_CONFIG_SYSROOT_DIR": root, "PKG_CONFIG_LIBDIR": glob.glob(root + "/usr/lib/*/pkgconfig")[0]}
    else:
        args, where = ("--define-prefix", *args), {"PKG_CONFIG_LIBDIR": os.path.join(stage(), "lib", "pkgconfig")}
    return case.run([case.tool("pkg-config"), *args, "rpyc"], env=where).output.split()


def compiled(case, *args, name="consumer", source=os.path.join(ROOT, "examples-c", PROGRAM + ".c"), compiler=None, flags=("-std=c11",)):
    program = os.path.join(case.folder, name)
    case.run([compiler or shutil.which("cc"), *flags, "-Wall", "-Werror", "-pthread", source, "-o", program, *args])
    return program


def needed(case, program):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", case.run([case.tool("readelf"), "-d", "-W", program]).output)


def runs(case, program, library=None):
    """The consumer does what it does in the examples' test."""
    env = {"LD_LIBRARY_PATH": library} if library else {"LD_LIBRARY_PATH": ""}
    done = case.run([program], env=env)
    case.equal(done.output, read(ROOT, "examples-c", "expected", PROGRAM + ".txt"), "output of the consumer")


def tree(folder):
    """Each file below the folder with what it is: its mode, or where a link leads."""
    found = {}
    for path in glob.glob(os.path.join(glob.escape(folder), "**"), recursive=True):
        name = os.path.relpath(path, folder)
        if os.path.islink(path):
            found[name] = os.readlink(path)
        elif os.path.isfile(path):
            found[name] = stat.S_IMODE(os.stat(path).st_mode)
    return found


@test("install.files")
def files(case):
    """What is put where, for the PREFIX and LIBDIR of a distribution, and that uninstalling removes just that."""
    stage()
    places = ["DESTDIR=" + case.folder + "/root", "PREFIX=/usr", "LIBDIR=lib64"]
    other = os.path.join(case.folder, "root", "usr", "include", "other.h")
    os.makedirs(os.path.dirname(other))
    write(case, other, "")
    before = tree(os.path.join(case.folder, "root"))
    case.run(make("install", *places))
    got = tree(os.path.join(case.folder, "root"))
    full = "librpyc.so." + VERSION
    want = {"usr/lib64/" + full: 0o755, "usr/lib64/librpyc.so.0": full, "usr/lib64/librpyc.so": "librpyc.so.0"}
    plain = ["usr/lib64/librpyc.a", "usr/lib64/pkgconfig/rpyc.pc", "usr/lib64/cmake/rpyc/rpycConfig.cmake",
             "usr/lib64/cmake/rpyc/rpycConfigVersion.cmake", "usr/include/rpyc.h", "usr/include/rpyc_helpers.h"]
    plain += ["usr/include/" + name for name in tree(CPP)]
    plain += ["usr/share/doc/librpyc/LICENSE", "usr/share/doc/librpyc/THIRD-PARTY-NOTICES.txt"]
    plain += ["usr/share/man/man%s/%s" % (name[-1], name) for name in tree(os.path.join(ROOT, "docs", "man"))]
    functions = [line.split()[0] for line in read(ROOT, "include", "symbols.txt").splitlines() if not line.startswith("#")]
    plain += ["usr/share/man/man3/%s.3" % name for name in functions]
    want.update({name: 0o644 for name in plain}, **before)
    if os.path.exists(os.path.join(TARGET, "release", "rpyc")):
        want["usr/bin/rpyc"] = 0o755
        want.update(dict.fromkeys(COMPLETIONS, 0o644))
    case.equal(got, want, "installed files")
    for name in functions:
        page = read(case.folder, "root", "usr/share/man/man3", name + ".3").strip()
        described = page.startswith(".so man3/") and read(case.folder, "root", "usr/share/man", page[len(".so "):])
        case.check(described and "\n.Fn %s" % name in described, "man %s: %s" % (name, page[:80]))
    text = read(case.folder, "root", "usr/lib64/pkgconfig/rpyc.pc")
    case.check(case.folder not in text and "prefix=/usr\nlibdir=${prefix}/lib64\n" in text, "rpyc.pc has wrong places:\n" + text)
    case.check("\nVersion: %s\n" % VERSION in text, "rpyc.pc has another version")
    case.run(make("uninstall", *places))
    case.equal(tree(os.path.join(case.folder, "root")), before, "files after make uninstall")
    case.note("%d files" % (len(got) - len(before)))
    case.run(make("install", *places))
    case.run(make("uninstall", *places, "CARGO_TARGET_DIR=" + case.folder + "/cleaned"))
    case.equal(tree(os.path.join(case.folder, "root")), before, "files after make clean and make uninstall")


@test("install.umask")
def umask(case):
    """All users can read what was installed, whatever the umask of who installs."""
    stage()
    root = os.path.join(case.folder, "root")
    case.run(["sh", "-c", 'umask 077; exec "$@"', "sh", *make("install", "DESTDIR=" + root)])
    for folder, _, names in os.walk(os.path.join(root, "usr")):
        case.equal(stat.S_IMODE(os.stat(folder).st_mode), 0o755, "mode of " + folder)
        case.check(all(os.stat(os.path.join(folder, name)).st_mode & 0o044 == 0o044 for name in names), "a file in " + folder)


@test("install.places")
def places_refused(case):
    """Places with which pkg-config would say something else are refused, and nothing is installed."""
    stage()
    root = os.path.join(case.folder, "root")
    for place in ("PREFIX=/opt/a b", "PREFIX=/opt/a&b", "PREFIX=opt", "LIBDIR=lib|64", "BINDIR=/usr/b\\in"):
        done = case.run(make("install", "DESTDIR=" + root, place), codes=(2,))
        case.check(re.search(r"it must begin with /|can be in it", done.read("err")), "%s: %r" % (place, done.read("err")))
        case.check(not os.path.exists(root), place + " was installed")


@test("install.pkg-config-shared")
def shared(case):
    program = compiled(case, *pkg_config(case, "--cflags", "--libs"))
    case.check("librpyc.so.0" in needed(case, program), "the program does not need librpyc.so.0")
    runs(case, program, os.path.join(stage(), "lib"))


@test("install.pkg-config-static")
def static(case):
    """A program that needs no library at all, which tests Libs.private, and one that has only this library inside."""
    program = compiled(case, "-static", *pkg_config(case, "--static", "--cflags", "--libs"))
    case.equal(needed(case, program), [], "libraries that the static program needs")
    runs(case, program)
    libs = [word.replace("-lrpyc", "-l:librpyc.a") for word in pkg_config(case, "--static", "--cflags", "--libs")]
    program = compiled(case, *libs, name="mixed")
    case.check(not any("rpyc" in name for name in needed(case, program)), "the program needs the shared library")
    runs(case, program)


# Another Rust library that a program may hold: it keeps data, and catches a panic of its own.
NEIGHBOUR = """
use std::collections::HashMap;

#[unsafe(no_mangle)]
pub extern "C" fn neighbour_count(numbers: i32) -> i32 {
    std::panic::set_hook(Box::new(|_| ()));
    let map: HashMap<i32, String> = (0..numbers).map(|n| (n, n.to_string())).collect();
    let caught = std::panic::catch_unwind(|| if map.len() > 2 { panic!("{}", map.len()) });
    caught.map_or(map.len() as i32, |()| -1)
}
"""
BESIDE = """
#define main consumer_main
#include "%s"
#undef main

int neighbour_count(int numbers);

int main(void)
{
    if (neighbour_count(20) != 20 || neighbour_count(2) != -1)
        return 9;
    return consumer_main();
}
"""


@test("install.static-beside-rust")
def beside(case):
    """The installed archive shows the header's functions alone, so two Rust runtimes meet in one program."""
    archive = os.path.join(stage(), "lib", "librpyc.a")
    symbols = case.run([case.tool("nm"), "-g", "--defined-only", archive]).output
    shown = sorted(line.split()[2] for line in symbols.splitlines() if len(line.split()) == 3)
    listed = sorted(line.split()[0] for line in read(ROOT, "include", "symbols.txt").splitlines() if line.startswith("rpyc_"))
    case.equal(shown, listed, "symbols of the archive")
    write(case, "neighbour.rs", NEIGHBOUR)
    write(case, "beside.c", BESIDE % os.path.join(ROOT, "examples-c", PROGRAM + ".c"))
    rustc = os.path.join(os.path.dirname(shutil.which(os.environ.get("CARGO", "cargo")) or ""), "rustc")
    case.run([rustc, "--edition", "2024", "--crate-type", "staticlib", "neighbour.rs", "-o", "libneighbour.a"], folder=case.folder)
    source, neighbour = os.path.join(case.folder, "beside.c"), os.path.join(case.folder, "libneighbour.a")
    flags = pkg_config(case, "--static", "--cflags", "--libs")
    program = compiled(case, *[word.replace("-lrpyc", "-l:librpyc.a") for word in flags], neighbour, source=source)
    runs(case, program)


CMAKE = """
cmake_minimum_required(VERSION 3.13)
project(consumer C)
find_package(rpyc 9.1 QUIET CONFIG)
if(rpyc_FOUND)
    message(FATAL_ERROR "a version that does not fit was found")
endif()
find_package(rpyc %s REQUIRED CONFIG)
find_package(rpyc REQUIRED CONFIG)
find_package(Threads REQUIRED)
add_executable(shared %s)
target_link_libraries(shared PRIVATE rpyc::rpyc Threads::Threads)
add_executable(static %s)
target_link_libraries(static PRIVATE rpyc::static Threads::Threads)
"""


@test("install.cmake", seconds=120)
def cmake(case):
    """find_package and both targets, for a tree that was moved after it was installed; the program finds the library itself."""
    source = os.path.join(ROOT, "examples-c", PROGRAM + ".c")
    write(case, "CMakeLists.txt", CMAKE % (VERSION.rsplit(".", 1)[0], source, source))
    tool = case.tool("cmake")
    case.run([tool, "-S", case.folder, "-B", case.folder + "/build", "-DCMAKE_PREFIX_PATH=" + stage()])
    case.run([tool, "--build", case.folder + "/build"])
    case.check("librpyc.so.0" in needed(case, case.folder + "/build/shared"), "the shared program does not need librpyc.so.0")
    case.check("librpyc.so.0" not in needed(case, case.folder + "/build/static"), "the static program needs librpyc.so.0")
    runs(case, case.folder + "/build/shared")
    runs(case, case.folder + "/build/static")


@test("install.debian", seconds=180)
def debian(case):
    """The packages, unpacked below another root, are enough to build and run a program."""
    stage()
    if not shutil.which("dpkg-deb"):
        raise NotRun("there is no dpkg-deb on this machine")
    case.run(make("deb", "DEB_LEVEL=0"))             # compressed in no time
    packages = {re.match(r"[a-z-]+\d*", os.path.basename(path)).group(0): path for path in glob.glob(TARGET + "/deb/*.deb")}
    case.check({"librpyc0", "librpyc-dev"} <= set(packages), "packages: " + ", ".join(packages))
    root = os.path.join(case.folder, "root")
    for name, path in packages.items():
        fields = case.run(["dpkg-deb", "-f", path, "Package", "Version", "Depends"]).output
        want = r"Package: %s\nVersion: %s-1\nDepends: .*%s" % (name, re.escape(VERSION), "librpyc0" if name == "librpyc-dev" else "libc6")
        case.check(re.match(want, fields), "fields of %s:\n%s" % (name, fields))
        case.run(["dpkg-deb", "-x", path, root])
        case.run(["dpkg-deb", "-e", path, os.path.join(case.folder, name)])
        sums = case.run(["md5sum", "--quiet", "-c", os.path.join(case.folder, name, "md5sums")], folder=root)
        case.equal(sums.output, "", "files with another sum")
        case.equal(read(root, "usr/share/doc", name, "THIRD-PARTY-NOTICES.txt"), read(ROOT, "THIRD-PARTY-NOTICES.txt"), "notices of " + name)
    if os.path.exists(os.path.join(TARGET, "release", "rpyc")):
        has = glob.glob(os.path.join(root, "usr/bin/rpyc")) + glob.glob(os.path.join(root, "usr/share/man/man1/rpyc.1.gz"))
        has += [name for name in COMPLETIONS if os.path.getsize(os.path.join(root, name))]
        case.check("librpyc-bin" in packages and len(has) == 5, "the program: %s in %s" % (has, ", ".join(packages)))
    listed = read(case.folder, "librpyc0", "symbols")
    case.equal(listed.count("@Base"), read(ROOT, "include", "symbols.txt").count("\nrpyc_"), "symbols of librpyc0")
    library = os.path.dirname(glob.glob(root + "/usr/lib/*/librpyc.so.0")[0])
    program = compiled(case, *pkg_config(case, "--cflags", "--libs", root=root))
    runs(case, program, library)


@test("install.cargo-c")
def cargo_c(case):
    """What Cargo.toml tells cargo-c agrees with what make install does."""
    import json
    text = case.run([os.environ.get("CARGO", "cargo"), "metadata", "--no-deps", "--offline", "--format-version=1"], folder=ROOT).output
    package = json.loads(text)["packages"][0]
    told = package["metadata"]["capi"]
    case.equal(package["features"]["capi"], [], "feature capi")
    case.check(glob.glob(os.path.join(ROOT, told["install"]["include"]["asset"][0]["from"])), "no header fits the asset")
    soname = "librpyc.so." + ".".join(package["version"].split(".")[:told["library"]["version_suffix_components"]])
    case.check(os.path.exists(os.path.join(stage(), "lib", soname)), "cargo-c would install " + soname)
    case.check(os.path.exists(os.path.join(stage(), "lib", "pkgconfig", told["pkg_config"]["filename"] + ".pc")), "another .pc file")


PYTHON_SERVER = """
import rpyc
from rpyc.utils.server import ThreadedServer

class Calculator(rpyc.Service):
    def exposed_add(self, a, b):
        return a + b

server = ThreadedServer(Calculator, hostname="127.0.0.1", port=0)
server.listener.listen()  # as start() will, which may come later than the client
print("port", server.port, flush=True)
server.start()
"""


def calculator(case):
    """The address of a Python server."""
    server = case.start([case.python("6.0.2"), "-c", PYTHON_SERVER])
    return "tcp://127.0.0.1:" + server.wait_for(r"^port (\d+)$", case.left(30)).group(1)


CPP_PROGRAM = """
#include <cstdint>
#include <iostream>
#include <rpyc.hpp>

int main(int, char **argv)
{
    auto connection = rpyc::connect(argv[1]);
    std::int64_t sum = connection.root().call("add", 40, 2);
    std::cout << sum << std::endl;
}
"""


def cpp(case):
    """C++ finds its header where C finds its own."""
    write(case, "consumer.cpp", CPP_PROGRAM)
    program = compiled(case, *pkg_config(case, "--cflags", "--libs"), source=os.path.join(case.folder, "consumer.cpp"),
                       compiler=case.tool("c++"), flags=("-std=c++17",))
    done = case.run([program, calculator(case)], env={"LD_LIBRARY_PATH": os.path.join(stage(), "lib")})
    case.equal(done.output, "42\n", "output of the consumer")


GO_PROGRAM = """package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"%s"
)

func main() {
	ctx := context.Background()
	conn, err := rpyc.Dial(ctx, os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	sum, err := rpyc.Call[int64](ctx, conn.Root(), "add", 40, 2)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sum)
}
"""
GO_MODULE = "module consumer\n\ngo 1.19\n\nrequire %s v0.0.0\n\nreplace %s => %s\n"


def go(case):
    """A Go module of its own, which cgo builds with what pkg-config says."""
    tool, module = case.tool("go"), re.search(r"^module (\S+)", read(GO, "go.mod"), re.MULTILINE).group(1)
    write(case, "main.go", GO_PROGRAM % module)
    write(case, "go.mod", GO_MODULE % (module, module, GO))
    wrapper = os.path.join(case.folder, "pkg-config")
    write(case, wrapper, '#!/bin/sh\nexec "%s" --define-prefix "$@"\n' % case.tool("pkg-config"))
    os.chmod(wrapper, 0o755)
    library = os.path.join(stage(), "lib")
    # Not what go has in its cache from elsewhere, where pkg-config said something else.
    env = {"CGO_CFLAGS": "-O2 -g -DRPYC_STAGE=%d" % zlib.crc32(library.encode()), "PKG_CONFIG": wrapper, "PKG_CONFIG_LIBDIR": os.path.join(library, "pkgconfig"), "GOPROXY": "off", "GOFLAGS": "-mod=mod",
           "GO111MODULE": "on", "CGO_ENABLED": "1"}
    case.run([tool, "build", "-o", "consumer", "."], env=env, folder=case.folder)
    done = case.run([os.path.join(case.folder, "consumer"), calculator(case)], env={"LD_LIBRARY_PATH": library})
    case.equal(done.output, "42\n", "output of the consumer")


GO = os.path.join(ROOT, "bindings", "go")
if os.path.exists(os.path.join(CPP, "rpyc.hpp")):
    test("install.cpp", seconds=180)(cpp)
if os.path.exists(os.path.join(GO, "go.mod")):
    test("install.go", seconds=300)(go)
