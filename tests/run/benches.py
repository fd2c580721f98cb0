"""The measurements: that they still measure, and that the hot paths need no more instructions than they did."""
import glob
import json
import os
import re
import sys
import xml.etree.ElementTree

from runner import ROOT, TARGET, Inapplicable, test

BENCHES = os.path.join(ROOT, "benches", "run")
SVG = "{http://www.w3.org/2000/svg}"
# Of data.json: what tells its rows apart, and how many of them there are.
ROWS = {"ratios": (("metric", "transport", "place"), 43), "python": (("metric", "transport", "client", "server"), 12),
        "round_trips": (("work", "server", "client", "how"), 10)}
CURVES = {"connections", "connections_memory", "references", "references_memory", "references_time", "outstanding", "threads",
          "sizes"}


def program(case, name, *options, codes=(0,)):
    return case.run([sys.executable, os.path.join(BENCHES, name), *options], env={"TARGET": TARGET}, codes=codes)


def check_svg(case, path, series):
    """It is an SVG in which every series has its line and every point its mark."""
    root = xml.etree.ElementTree.parse(path).getroot()
    name = os.path.basename(path)
    case.equal(root.tag, SVG + "svg", name)
    case.equal(sum(one.get("class") == "line" for one in root.iter(SVG + "path")), len(series), "lines of " + name)
    case.equal(len(list(root.iter(SVG + "circle"))), sum(len(one["points"]) for one in series), "points of " + name)


@test("bench.quick", 240, alone=True)
def quick(case):
    """`make bench QUICK=1`: every program checks its answers, every row is there. No time is looked at."""
    case.program("bench_client")
    folder = os.path.join(case.folder, "bench")
    done = program(case, "main.py", "--quick", "--out", folder)
    with open(os.path.join(folder, "data.json"), encoding="utf-8") as file:
        found = json.load(file)
    for part, (keys, count) in ROWS.items():
        case.equal(len({tuple(row[key] for key in keys) for row in found[part]}), count, "rows of " + part)
    case.equal(set(found["growth"]), CURVES, "curves")
    case.equal({os.path.basename(path)[:-4] for path in glob.glob(os.path.join(folder, "*.svg"))}, CURVES, "SVG files")
    for name, series in found["growth"].items():
        check_svg(case, os.path.join(folder, name + ".svg"), series)
    for row in found["round_trips"]:
        # An item for each request would be more; a container of 1000 cannot come in one.
        most = {"plain": 1100}.get(row["how"], 60)
        case.check(1 < row["round_trips"] < most, "%(work)s of %(client)s by %(how)s takes %(round_trips)d round trips" % row)
    case.note(done.output.splitlines()[-1].split(" in ")[0])


# What a conversion needs: the call, and a request for a number, two for a text.
REQUESTS = {"str_": "3", "bytes_": "3", "complex64": None, "complex128": None, "datetime64": None, "timedelta64": None}


@test("bench.conversions", 240, alone=True)
def conversions(case):
    """`make bench-conversions QUICK=1`: every scalar of numpy and every container, in three languages and both ways."""
    for name in ("conversions", "cpp/conversions", "go/conversions"):
        case.program(name)
    case.need("numpy")
    done = case.run([case.python("6.0.2"), os.path.join(BENCHES, "conversions.py"), "--quick"], env={"TARGET": TARGET})
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.output.splitlines() if line.startswith("| ")]
    rows = [row for row in rows if not row[0].startswith("-")]
    case.check(len(rows) >= 19 + 17 + 8 + 8 + 9 + 5 and all(len(row) == 4 for row in rows), "%d rows" % len(rows))
    for name, *cells in [row for row in rows if re.fullmatch(r"\w+\d|\w+_|longdouble", row[0])]:
        wanted = REQUESTS.get(name, "2")
        for cell in cells:
            told = cell.split(",")[0]
            case.check(told == (wanted or "none") or (name, told) == ("uint64", "OverflowError"), "%s: %s" % (name, cell))
    for name, *cells in rows:
        case.check("none" not in cells or name in REQUESTS, "%s: %s" % (name, cells))
    case.note("%d conversions" % (3 * len(rows)))


@test("counts", 150, alone=True)
def counts(case):
    """`make bench-count`: no hot path needs 5 % more instructions, or half more lines of code, than the compiler's baseline says."""
    case.program("paths_client")
    case.tool("valgrind")
    done = program(case, "counts.py", codes=(0, 1))
    lines = done.output.splitlines()
    case.equal(sum(", client " in line or ", server " in line for line in lines if not line.startswith("GROWN")), 28, "rows")
    grown = [line for line in lines if line.startswith("GROWN")]
    case.check(not grown, "; ".join(grown))
    case.check(done.popen.returncode == 0, "it ended with 1")
    if lines[0].startswith("NOT COMPARED"):
        raise Inapplicable("\n".join(lines))
    case.note("%d counts compared" % 28)
