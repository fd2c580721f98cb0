"""The library, the C programs and the fuzz targets are built, without a warning."""
import os
import re

from prepare import OLDEST_RUST
from runner import ROOT, TARGET, test

GOALS = (("all", 900), ("interop-programs", 120), ("twin-program", 120), ("soak-program", 120), ("bench-programs", 120), ("examples", 120), ("border-programs", 120),
         ("cpp-programs", 900), ("fuzz-check", 900))


def register(goal, seconds):
    @test("build." + goal, seconds)
    def build(case):
        # -k: one program that does not compile leaves the others to be tested.
        case.run(["make", "-k", "-j%d" % (os.cpu_count() or 1), "--no-print-directory", goal], env={"MAKEFLAGS": ""}, folder=ROOT)


for goal, seconds in GOALS:
    register(goal, seconds)


@test("build.oldest-rust", 1500)
def oldest_rust(case):
    """Library, program and tests compile with the oldest compiler that Cargo.toml promises, and the unit tests pass."""
    path, version, _packages = OLDEST_RUST
    case.need("rust-" + version)
    with open(os.path.join(ROOT, "Cargo.toml"), encoding="utf-8") as file:
        case.check('rust-version = "%s"' % version in file.read(), "Cargo.toml does not promise Rust " + version)
    env = {"RUSTC": path, "CARGO_TARGET_DIR": os.path.join(TARGET, "oldest"), "RUSTFLAGS": "-Dwarnings"}
    cargo = [os.environ.get("CARGO", "cargo")]
    case.run([*cargo, "check", "--locked", "--features", "tool", "--all-targets"], env=env)
    case.run([*cargo, "test", "--locked", "--lib"], env=env)


@test("library.profile", 900)
def profile(case):
    """Says how much of the hot code the compiler's profile does not fit any more; `make release-check` demands a fresh one."""
    done = case.run(["make", "--no-print-directory", "profile-check"], env={"MAKEFLAGS": ""}, codes=(0, 2), folder=ROOT)
    said = re.search(r"^(there is no profile for .*|the profile does not fit .*)$", done.output, re.M)
    case.check(said, "profile-check says nothing of the profile: " + (done.output + done.read("err"))[-500:])
    case.note(said.group(1) + ("" if done.popen.returncode == 0 else ": STALE, `make profile` makes it again"))
