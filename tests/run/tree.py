"""Rules for the sources that a compiler does not know: layers, where unsafe code may stand, and the size of files."""
import glob
import os
import re

from prepare import quiet
from runner import ROOT, Inapplicable, NotRun, test

# From below to above; each may use those before it. What is not named here lies beside all of them.
LAYERS = ("value", "codec", "protocol", "objects", "connection", "session", "server", "classic", "api", "ffi")
# The transport is a leaf: it uses no layer, and the layers that wait may use it.
USES_TRANSPORT = ("transport", "objects", "connection", "server", "classic", "api", "ffi")
CARGO = os.environ.get("CARGO", "cargo")
CLANG_FORMAT = "14"                                  # Debian 12 has it
UNSAFE = ("ffi", "transport")
MOST_LINES = 700


def sources():
    """(path below src, text) of each Rust file."""
    base = os.path.join(ROOT, "src")
    for path in sorted(glob.glob(os.path.join(base, "**", "*.rs"), recursive=True)):
        with open(path, encoding="utf-8") as file:
            yield os.path.relpath(path, base), file.read()


def code(text):
    """Without comments and the tests at the end, which may use anything."""
    text = re.sub(r"//[^\n]*", "", text)
    return re.split(r"#\[cfg\(test\)\]\s*mod \w+ \{", text)[0]


def layer_of(path):
    return re.split(r"[/.]", path)[0]


@test("tree.layers")
def layers(case):
    wrong = []
    for path, text in sources():
        own = layer_of(path)
        for used in set(re.findall(r"\bcrate::(\w+)", code(text))):
            up = own in LAYERS and used in LAYERS and LAYERS.index(used) > LAYERS.index(own)
            leaf = own == "transport" and used in LAYERS
            reaches = used == "transport" and own not in USES_TRANSPORT and own in LAYERS
            beside = own == "ffi" and used == "api"
            if up or leaf or reaches or beside:
                wrong.append("%s uses %s" % (path, used))
    case.check(not wrong, "; ".join(wrong))


@test("tree.tool-uses-the-api")
def tool_uses_the_api(case):
    """The program `rpyc` names nothing of the crate that is hidden from Rust programs."""
    shown = next(text for path, text in sources() if path == os.path.join("api", "mod.rs"))
    functions = re.findall(r"^pub use connection::\{.*?\b([a-z]\w*)\}", shown, re.MULTILINE)
    shown = {*re.findall(r"^pub mod (\w+)", shown, re.MULTILINE), *functions}
    used = {(path, name) for path, text in sources() if path.startswith("bin") for name in modules_of_crate(code(text))}
    case.check({name for _, name in used} & shown, "nothing is found")
    wrong = ["%s uses rpyc::%s" % one for one in sorted(used) if one[1] not in shown]
    case.check(not wrong, "; ".join(wrong))


def modules_of_crate(text):
    """What follows `rpyc::` in small letters, in braces too."""
    for path in re.findall(r"\brpyc::(\{.*?\};|\w+)", text, re.DOTALL):
        yield from re.findall(r"(?:^|[{,])\s*([a-z]\w*)", path)


@test("tree.unsafe-code")
def unsafe_code(case):
    wrong, unargued = [], []
    for path, text in sources():
        if not re.search(r"\bunsafe\b", code(text).replace("unsafe_code", "")):
            continue
        if layer_of(path) not in UNSAFE:
            wrong.append(path)
        lines = text.splitlines()
        for number, line in enumerate(lines):
            if re.search(r"\bunsafe (\{|impl)", line.split("//")[0]):
                before = "\n".join(lines[max(0, number - 8):number + 2])
                if "SAFETY:" not in before:
                    unargued.append("%s:%d" % (path, number + 1))
    case.check(not wrong, "unsafe code in " + ", ".join(wrong))
    case.check(not unargued, "no SAFETY comment at " + ", ".join(unargued))


@test("tree.size-of-files")
def size_of_files(case):
    large = ["%s has %d lines" % (path, text.count("\n")) for path, text in sources() if text.count("\n") > MOST_LINES]
    case.check(not large, "; ".join(large))


def component(case, subcommand, name):
    """A part of Rust's toolchain; rustup fetches it where it is missing."""
    asks = [CARGO, subcommand, "--version"]
    if quiet(asks):
        case.note("installed %s (rustup component add)" % name)
        why = quiet(["rustup", "component", "add", name]) or quiet(asks)
        if why:
            raise NotRun("%s is missing: %s" % (name, why))


@test("tree.formatted", seconds=300)
def formatted(case):
    component(case, "fmt", "rustfmt")
    case.run([CARGO, "fmt", "--check"])


@test("tree.formatted.c-and-cpp", seconds=300)
def formatted_c(case):
    case.need("clang-format")
    version = re.search(r"version (\d+)", case.run(["clang-format", "--version"]).output).group(1)
    if version != CLANG_FORMAT:
        raise Inapplicable("clang-format %s breaks lines in other places than %s" % (version, CLANG_FORMAT))
    case.run(["make", "--no-print-directory", "format-check"], env={"MAKEFLAGS": ""})


@test("tree.clippy", seconds=600)
def clippy(case):
    component(case, "clippy", "clippy")
    for what in (["--all-targets", "--features", "tool"], ["--features", "model", "--test", "model"]):
        case.run([CARGO, "clippy", "--locked", *what, "--", "-D", "warnings"])
