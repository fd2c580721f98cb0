"""What the functions return, and what the header says that they return; whose each output is.

A debug build of the library tells each status with the place in its sources (src/ffi/border/record.rs). Tests of the border,
of interop and of hostile peers run once more with such a build in the place of the library."""
import concurrent.futures
import os
import re
import shutil

import runner
from runner import ROOT, TARGET, Case, Failed, test

HEADER = os.path.join(ROOT, "include", "rpyc.h")
CARGO = os.environ.get("CARGO", "cargo")
# The function returns what it is given.
ANY_STATUS = {"rpyc_error_new"}
ALWAYS = {"RPYC_OK", "RPYC_ERR_PANIC"}
GROUPS = ("connection errors", "sending errors", "request errors")


# ---------------------------------------------------------------------- the header
def header():
    with open(HEADER, encoding="utf-8") as file:
        return file.read()


def numbers(text):
    """The name of each status by its number."""
    return {int(number): name for name, number in re.findall(r"^#define (RPYC_OK|RPYC_ERR_\w+) (\d+)$", text, re.MULTILINE)}


def functions(text):
    """(declaration, documentation) of each function, by its name."""
    found = {}
    for doc, declaration in re.findall(r"/\*\*((?:(?!\*/).)*)\*/\s*([^;{}#/]+\([^;{}]*\));", text, re.DOTALL):
        name = re.search(r"\b(rpyc_\w+)\(", declaration)
        if name and not declaration.startswith("typedef"):
            found[name.group(1)] = " ".join(declaration.split()), re.sub(r"\n \*[ ]?", "\n", doc)
    return found


def part(doc, tag):
    """The texts behind a tag such as @return."""
    return [" ".join(text.split()) for text in re.findall(r"^@%s\b(.*?)(?=^@|^$|\Z)" % tag, doc, re.DOTALL | re.MULTILINE)]


def groups(text):
    """The statuses of the groups that the header's top defines."""
    top = " ".join(re.sub(r"\n \*[ ]?", "\n", text[:text.index("*/")]).split())
    found = {}
    for group in GROUPS:
        said = re.search(r"%s\s+are ([^.]*)\." % group.capitalize(), top)
        if not said:
            raise Failed("the top of the header does not define " + group)
        found[group] = set(re.findall(r"RPYC_ERR_\w+", said.group(1)))
        for other in GROUPS:
            if other in said.group(1):
                found[group] |= found[other]
    return found


def documented(text):
    """The statuses that each function may return, by what the header says."""
    every, known = functions(text), groups(text)
    returns = {name: part(doc, "return") for name, (declaration, doc) in every.items() if declaration.startswith("rpyc_status ")}

    def of(name, asked=()):
        if name in asked or name not in returns:
            raise Failed("%s refers to %s, which says nothing" % (asked[-1] if asked else "?", name))
        said = " ".join(returns[name])
        statuses = set(re.findall(r"RPYC_(?:OK|ERR_\w+)", said))
        for group, members in known.items():
            if group in said:
                statuses |= members
        for other in re.findall(r"\b(?:as|what) (rpyc_\w+)\b(?! says)", said):
            statuses |= of(other, (*asked, name))
        return statuses
    return {name: of(name) | ALWAYS for name in returns}


# ---------------------------------------------------------------------- the sources
def function_at(lines, number):
    """The function of the header in which a line lies; None: it lies in no such function."""
    for line in reversed(lines[:number]):
        found = re.match(r'pub (?:unsafe )?extern "C" fn (rpyc_\w+)\(', line)
        if found:
            return found.group(1)
        if line == "}":
            return None
    return None


def undocumented(recorded, said, names):
    """What was returned and is not documented: lines to read. `recorded`: (function, number of a status)."""
    return sorted("%s returned %s" % (function, names.get(number, number)) for function, number in recorded
                  if function not in ANY_STATUS and names.get(number) not in said.get(function, ()))


class Watched(Case):
    """Runs all programs with a debug build of the library that tells its statuses."""

    def __init__(self, seconds, tools, preloaded, told):
        super().__init__(seconds, tools)
        self.env = {"LD_PRELOAD": preloaded, "STATUSES": told}

    def start(self, args, env=None, folder=ROOT):
        return super().start(args, {**self.env, **(env or {})}, folder)


def debug_library(case):
    # As the Rust tests have built it.
    case.run([CARGO, "test", "--locked", "--features", "tool", "--no-run", "--test", "header"])
    path = os.path.join(TARGET, "debug", "deps", "librpyc.so")
    case.check(os.path.exists(path), "target/debug/deps/librpyc.so was not built")
    listener = os.path.join(case.folder, "statuses.so")
    source = os.path.join(ROOT, "tests", "c_preload", "statuses.c")
    case.run([shutil.which("cc"), "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread", source, "-o", listener])
    return listener + ":" + path


def read(case, path):
    """(function, number of a status) of all that was told."""
    texts, recorded = {}, set()
    with open(path, encoding="utf-8") as file:
        told = {tuple(line.split()) for line in file}
    for place, line, status in told:
        if place not in texts:
            with open(os.path.join(ROOT, place), encoding="utf-8") as file:
                texts[place] = file.read().splitlines()
        function = function_at(texts[place], int(line))
        case.check(function, "%s:%s is in no function of the header" % (place, line))
        recorded.add((function, int(status)))
    return recorded


# ---------------------------------------------------------------------- what is compared
# Slow without saying more, or with a library of their own, or by a user who cannot write what is told.
LEFT_OUT = ("border.poll-as-stock", "border.nesting", "border.lifetimes", ".4.1.5.", ".unix", ".tcp6", "small-stacks.",
            "border.shared-memory-of-another-user")
TOLD = ("border.", "interop.", "errors.", "classic.", "hostile.lies-to.c-client", "hostile.callbacks.c-server", "hostile.callbacks.queue",
        "hostile.natives.c-server", "hostile.answers.c-server")
LEAST_FUNCTIONS = 200                                # that the tests together call
WORKERS = 4


def watched_tests():
    return [one for one in runner.TESTS if one.name.startswith(TOLD) and not one.long
            and not any(part in one.name + "." for part in LEFT_OUT)]


@test("statuses.as-documented", 600, alone=True)
def as_documented(case):
    """What functions returned in these tests is what the header says."""
    preloaded, told = debug_library(case), os.path.join(case.folder, "told")
    wrong = []

    def run(one):
        watched = Watched(one.seconds * 2, case.tools, preloaded, told)
        try:
            one.function(watched)
        except runner.NotRun as why:
            wrong.append(runner.NotRun("%s: %s" % (one.name, why)))
        except Failed as why:
            wrong.append(Failed("%s, with a debug build: %s\n%s" % (one.name, why, "\n".join(watched.report()))))
        finally:
            watched.close()
            shutil.rmtree(watched.folder, ignore_errors=True)

    chosen = watched_tests()
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(run, chosen))
    for why in wrong:
        raise why
    text, recorded = header(), read(case, told)
    names = numbers(text)
    found = undocumented(recorded, documented(text), names)
    case.check(not found, "not documented: " + "; ".join(found))
    called = {function for function, _ in recorded}
    case.check(len(called) >= LEAST_FUNCTIONS, "only %d functions were heard of" % len(called))
    # A header that lacks one of them is found out.
    less = undocumented(recorded, documented(text.replace("RPYC_ERR_DENIED", "nothing")), names)
    case.check("rpyc_object_get_attr returned RPYC_ERR_DENIED" in less, "what is missing in a header is not found: %s" % less)
    case.note("%d functions, %d pairs, in %d tests" % (len(called), len(recorded), len(chosen)))


def handles(parameters):
    """(type of handle, name) of each output that is a handle."""
    return re.findall(r"\b(rpyc_\w+) \*\*(\w+_out)\b", parameters)


def unfreed(text):
    """Owned handles that are given out without a word on what frees them: lines to read."""
    every = functions(text)
    wrong = []
    for name, (declaration, doc) in every.items():
        outputs = [(kind, out, [said.split(" ", 1)[1] for said in part(doc, "param") if said.startswith(out + " ")])
                   for kind, out in handles(declaration.split("(", 1)[1]) if out != "error_out"]
        returned = re.match(r"(?:struct )?(rpyc_\w+) \*rpyc_", declaration)
        if returned:
            outputs.append((returned.group(1), "what it returns", part(doc, "return")))
        for kind, what, said in outputs:
            said = " ".join(said)
            free = kind + "_free"
            if not re.match(r"borrowed|lent|userdata", said) and (free not in said or free not in every):
                wrong.append("%s: %s is not said to be freed with %s" % (name, what, free))
    return wrong


@test("statuses.owned-outputs")
def owned_outputs(case):
    """Each owned handle that a function gives names the function that frees it; errors do that once, at the top."""
    text = header()
    wrong = unfreed(text)
    case.check(not wrong, "; ".join(wrong))
    case.check("owned: free it with rpyc_error_free" in " ".join(text.replace("\n *", "\n").split()), "nothing frees errors")
    less = unfreed(text.replace("rpyc_object_free", "nothing"))
    case.check(any(line.startswith("rpyc_connection_root: root_out") for line in less), "what is missing is not found")
    case.note("%d functions" % len(functions(text)))


# They mean that a function asks the peer or waits for it.
OF_REQUESTS = {"RPYC_ERR_REMOTE", "RPYC_ERR_TIMEOUT", "RPYC_ERR_BACKPRESSURE"}


def wrongly_const(text):
    """Functions that ask the peer, or wait, through a handle that is const: lines to read. Values are always const."""
    said = documented(text)
    wrong = []
    for name, (declaration, _) in functions(text).items():
        receiver = re.search(r"\(const (rpyc_\w+) \*(\w+)[,)]", declaration)
        if receiver and receiver.group(1) not in ("rpyc_config", "rpyc_value") and said.get(name, set()) & OF_REQUESTS:
            wrong.append("%s: %s is const" % (name, receiver.group(2)))
    return wrong


@test("statuses.const-receivers")
def const_receivers(case):
    """A function whose handle is const asks nobody, as the top of the header says."""
    text = header()
    wrong = wrongly_const(text)
    case.check(not wrong, "; ".join(wrong))
    more = wrongly_const(re.sub(r"(rpyc_object_length\()rpyc_object", r"\1const rpyc_object", text))
    case.equal(more, ["rpyc_object_length: object is const"], "what is found in a header that is wrong")
