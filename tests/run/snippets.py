"""The documents keep their word: C in them compiles, the names, files, options and statuses in them are those of the project."""
import collections
import glob
import os
import re
import shutil

import rust
from readme import PORTS
from runner import ROOT, TARGET, TESTS, NotRun, test

MARK = "/* compiled by the tests */\n"
CLIENT_PORT, SERVICE_PORT = PORTS[:2]                # in README.md; the test takes a free one
FLAGS = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-I" + os.path.join(ROOT, "include")]


def documents():
    """(path below the project, text) of README.md, docs and the like."""
    names = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "examples-c/README.md", "tests/README.md",
             "bindings/examples-ffi/README.md", "bindings/cpp/examples/README.md"]
    names += [os.path.relpath(path, ROOT) for path in sorted(glob.glob(os.path.join(ROOT, "docs", "**", "*.md"), recursive=True))]
    return [(name, read(name)) for name in names]


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def programs(text):
    """The pieces of C in a document."""
    return re.findall(r"^```c\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def rows(text, heading):
    """The cells of each row of the tables below a heading, up to the next one."""
    part = re.search(r"^## %s\n(.*?)(?=^## |\Z)" % re.escape(heading), text, re.MULTILINE | re.DOTALL).group(1)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("|")]


@test("docs.programs-compile")
def compile_all(case):
    count = 0
    for name, text in documents():
        for piece in programs(text):
            case.check(piece.startswith(MARK), "a piece of C in %s does not begin with %s" % (name, MARK.strip()))
            count += 1
            source = os.path.join(case.folder, "%s-%d.c" % (name.replace("/", "-"), count))
            with open(source, "w", encoding="utf-8") as file:
                file.write(piece)
            case.run([shutil.which("cc"), *FLAGS, "-fsyntax-only", source])
    case.check(count >= 5, "only %d programs found" % count)
    case.note("%d programs" % count)


@test("docs.readme-service")
def readme_service(case):
    """The service of README.md, called as README.md says."""
    library = os.path.join(TARGET, "release")
    if not os.path.exists(os.path.join(library, "librpyc.so")):
        raise NotRun("target/release/librpyc.so was not built")
    text = read("README.md")
    piece, command = programs(text)[1], re.search(r"python -c '(.*%s.*)'" % SERVICE_PORT, text).group(1)
    case.check(SERVICE_PORT in piece and CLIENT_PORT not in piece, "README.md's service has no port " + SERVICE_PORT)
    with open(os.path.join(case.folder, "service.c"), "w", encoding="utf-8") as file:
        file.write(piece.replace(SERVICE_PORT, "0"))
    case.run([shutil.which("cc"), *FLAGS, "service.c", "-o", "service", "-L" + library, "-lrpyc", "-Wl,-rpath," + library],
             folder=case.folder)
    server = case.start(["./service"], folder=case.folder)
    port = server.wait_for(r"^listening tcp://127\.0\.0\.1:(\d+)$", case.left(30)).group(1)
    done = case.run([case.python("6.0.2"), "-c", command.replace(SERVICE_PORT, port)])
    case.equal(done.output, "42\n", "output of Python")


@test("docs.session-client")
def session_client(case):
    """The client of docs/guide/session.md, with the interop server of Python."""
    library = os.path.join(TARGET, "release")
    if not os.path.exists(os.path.join(library, "librpyc.so")):
        raise NotRun("target/release/librpyc.so was not built")
    (piece,) = programs(read("docs", "guide", "session.md"))
    server = case.start([case.python("6.0.2"), os.path.join(ROOT, "tests", "peers", "peer_server.py")])
    port = server.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)
    server.wait_until_listening(port, case.left(30))
    case.check(CLIENT_PORT in piece, "the client of session.md has no port " + CLIENT_PORT)
    with open(os.path.join(case.folder, "client.c"), "w", encoding="utf-8") as file:
        file.write(piece.replace(CLIENT_PORT, port))
    case.run([shutil.which("cc"), *FLAGS, "client.c", "-o", "client", "-L" + library, "-lrpyc", "-Wl,-rpath," + library],
             folder=case.folder)
    case.equal(case.run(["./client"], folder=case.folder).output, "40 + 2 = 42\n", "output of the client")


@test("docs.names-exist")
def names_exist(case):
    """Every rpyc_ and RPYC_ name in the documents is one of the header; one that ends with _ or ... begins one."""
    headers = read("include", "rpyc.h") + read("include", "rpyc_helpers.h")
    headers += read("bindings", "cpp", "include", "rpyc", "coroutine.hpp")
    header = set(re.findall(r"\b(?:rpyc|RPYC)_\w+", headers))
    wrong = []
    for name, text in documents():
        if name.endswith("CHANGELOG.md"):       # it tells old names, in the first column of a table
            text = re.sub(r"^\| [^|]*\|", "|", text, flags=re.MULTILINE)
        for word, open_end in re.findall(r"(?<![\w/])((?:rpyc|RPYC)_[A-Za-z0-9_]+)(\.\.\.)?", text):
            known = word in header or (open_end or word.endswith("_")) and any(one.startswith(word) for one in header)
            if not known:
                wrong.append("%s in %s" % (word, name))
    case.check(not wrong, "not in the header: " + ", ".join(wrong))


# The files that have a place in architecture.md.
PLACED = ("src/**/*.rs", "bindings/cpp/include/**/*.hpp", "bindings/go/*.go")


def placed():
    """The tables of the section "Source files": rows of tables, under a line that begins with their folder."""
    text = read("docs", "internals", "architecture.md")
    part = re.search(r"^## Source files\n(.*?)^## ", text, re.MULTILINE | re.DOTALL).group(1)
    folder = ""
    for line in part.splitlines():
        heading = re.match(r"`(src/\w+|bindings/[\w/]+)`", line)
        folder = heading.group(1) + "/" if heading else folder
        for name in re.findall(r"`([\w/]+\.(?:rs|hpp|go))`", line.split("|")[1] if line.startswith("|") else line):
            if line.startswith("|") or line.startswith("`src/"):
                yield name if name.startswith("src/") else folder + name


@test("docs.each-file-has-its-place")
def each_file_has_its_place(case):
    """The tables of architecture.md name the source files, all of them once and no others."""
    files = {os.path.relpath(path, ROOT) for pattern in PLACED
             for path in glob.glob(os.path.join(ROOT, pattern), recursive=True) if not path.endswith("_test.go")}
    table = collections.Counter(placed())
    case.check(not files - set(table), "not in architecture.md: " + ", ".join(sorted(files - set(table))))
    case.check(not set(table) - files, "in architecture.md and nowhere else: " + ", ".join(sorted(set(table) - files)))
    twice = [name for name, count in table.items() if count > 1]
    case.check(not twice, "more than once in architecture.md: " + ", ".join(twice))


@test("docs.each-part-of-the-tests")
def each_part(case):
    """tests/README.md has a row for each part of the tests, and for no other."""
    rows_of_parts = re.findall(r"^\| (`.*?) \|", read("tests", "README.md"), re.MULTILINE)
    said = {word.rstrip(".") for row in rows_of_parts for word in re.findall(r"`([\w-]+\.?)`", row.split("(in")[0])}
    said -= {"cargo-test", "model"}                  # of cargo, not of the modules beside this one
    parts = {one.name.partition(".")[0] for one in TESTS}
    case.equal(sorted(said), sorted(parts), "the parts of tests/README.md")


def anchors(path):
    """What links can name in a document: its headings in small letters, without punctuation; with -1 the second of a name."""
    text = re.sub(r"^```.*?^```", "", read(path), flags=re.MULTILINE | re.DOTALL)
    found = collections.Counter()
    names = set()
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        name = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        names.add("%s-%d" % (name, found[name]) if found[name] else name)
        found[name] += 1
    return names


@test("docs.files-exist")
def files_exist(case):
    """Every file that a document names with its folder exists, and every link leads somewhere, to a heading too."""
    wrong = []
    for name, text in documents():
        for path in re.findall(r"`((?:src|tests|docs|include|examples-c|demo)/[\w./-]+\.\w+)`", text):
            if not os.path.exists(os.path.join(ROOT, path)):
                wrong.append("%s in %s" % (path, name))
        prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)     # lambdas look like links
        prose = re.sub(r"`[^`\n]*`", "", prose)
        for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", prose):
            place = os.path.join(ROOT, os.path.dirname(name), target) if target else os.path.join(ROOT, name)
            if "://" in target:
                continue
            if not os.path.exists(place):
                wrong.append("%s in %s" % (target, name))
            elif anchor and anchor not in anchors(place):
                wrong.append("%s#%s in %s" % (target, anchor, name))
    case.check(not wrong, "; ".join(wrong))


@test("docs.options-and-limits")
def options_and_limits(case):
    """The options of security.md with their defaults are those of the header, and all limits are among them."""
    header = dict(re.findall(r"^ \* - (\w+)=(\S+?):", read("include", "rpyc.h"), re.MULTILINE))
    text = read("docs", "guide", "security.md")
    table = {}
    for heading in ("Attribute rules", "Limits", "Information in exceptions"):
        for row in rows(text, heading):
            option = re.fullmatch(r"`(\w+)`", row[0])
            if option:
                table[option.group(1)] = row[1]
    wrong = ["%s=%s" % (option, value) for option, value in table.items() if header.get(option) != value]
    case.check(not wrong, "not the defaults of the header: " + ", ".join(wrong))
    missing = {option for option in header if option.startswith(("max_", "allow_", "include_"))} - set(table)
    case.check(not missing, "missing: " + ", ".join(sorted(missing)))


@test("docs.statuses")
def statuses(case):
    """errors.md says of each status what to do, in the order of the header."""
    header = re.findall(r"^#define (RPYC_(?:OK|ERR_\w+)) \d+$", read("include", "rpyc.h"), re.MULTILINE)
    table = [row[0].strip("`") for row in rows(read("docs", "reference", "errors.md"), "Statuses") if row[0].startswith("`")]
    case.equal(table, header, "statuses of errors.md")


@test("docs.glibc")
def glibc(case):
    """The library needs no later glibc than README.md says."""
    library = os.path.join(TARGET, "release", "librpyc.so")
    if not os.path.exists(library):
        raise NotRun("target/release/librpyc.so was not built")
    symbols = case.run([case.tool("readelf"), "--dyn-syms", "-W", library]).output
    needed = max(tuple(map(int, version.split("."))) for version in re.findall(r"@GLIBC_([\d.]+)", symbols))
    said = re.search(r"needs glibc ([\d.]+\d)", read("README.md")).group(1)
    case.check(needed <= tuple(map(int, said.split("."))), "it needs glibc %s" % ".".join(map(str, needed)))
    case.note("glibc " + ".".join(map(str, needed)))


@test("docs.promises-have-tests")
def promises(case):
    """Every test that docs/guide/security.md names for a promise is one of the runner's. A name that ends in a point is a part of them."""
    names = {one.name for one in TESTS} | {name for name, _command in rust.PARTS}
    _before, found, text = read("docs", "guide", "security.md").partition("\n## Promises and tests\n")
    case.check(found, "there is no such section")
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    rows = [row for row in rows if row[0].strip() != "promise" and set(row[0].strip()) != {"-"}]
    case.check(len(rows) >= 10, "only %d promises" % len(rows))
    for promise, tests in rows:
        given = re.findall(r"`([^`]+)`", tests)
        case.check(given, "no test keeps:%s" % promise)
        for name in given:
            known = any(one.startswith(name) for one in names) if name.endswith(".") else name in names
            case.check(known, "there is no test '%s', which is to keep:%s" % (name, promise))
    case.note("%d promises" % len(rows))
