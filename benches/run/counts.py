#!/usr/bin/env python3
"""Counts the instructions of the hot paths, and the cache lines that their code lies in; `make bench-count` calls it.

    counts.py [--bless] [PATH...]

callgrind counts what client and server execute outside the kernel, in a short and in a long run; the difference, for one
call, is compared with the baseline of the compiler, benches/counts/VERSION.json. So are the lines of code (64 bytes each) that a
call goes through: it is these, more than instructions, that a call costs. The exit code is 0 unless instructions have grown
by more than 5 % or lines by half. Without a baseline for the compiler nothing is compared, and that is said. --bless makes
what was counted the baseline. It measures the library that `make` builds.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import sys

sys.dont_write_bytecode = True

import footprint
import lab as laboratory
from lab import ROOT, first_line, rustc
from runner import Failed, NotRun

FOLDER = os.path.join(ROOT, "benches", "counts")
# path of paths_client: how often in the short and in the long run
PATHS = {"call": (500, 2500), "callback": (500, 1500), "pipeline": (1280, 8960), "batch": (8192, 24576),
         "text": (500, 2500), "attribute": (500, 2500), "bytes": (500, 2500)}
SIDES = ("client", "server")
# What is counted, and what it is called in tables.
KINDS = {"instructions": "instructions a call", "lines": "lines of code a call"}
# Times the baseline. Which lines are touched depends on how the scheduler cuts the work, now and then by a third.
MOST = {"instructions": 1.05, "lines": 1.5}
AGAIN = 3                                            # how often what seems grown is counted once more
# What depends on how the scheduler cuts the work, or on the seed of a hash table: the least is what the code needs.
RUNS = {"pipeline": 2, "batch": 2, "callback": 2}


def callgrind(tool):
    # Two threads of a process never run at once under valgrind; "fair" lets none of them starve.
    return [tool, "--tool=callgrind", "--dump-instr=yes", "--callgrind-out-file={files}.callgrind", "--fair-sched=try",
            "--log-file={files}.valgrind"]


def collected(process):
    """What a process has executed that has ended: the number in valgrind's log, and how often each line of code was."""
    found = re.search(r"Collected : (\d+)", process.read("valgrind"))
    if not found:
        raise Failed("callgrind counted nothing: " + process.read("valgrind").strip()[-300:])
    return int(found.group(1)), footprint.executed(process.files + ".callgrind")


def run(lab, tool, path, count):
    """What each side executed for so many calls, from its start to its end."""
    server = lab.server("native", "unix", before=callgrind(tool))
    client = lab.case.start([*callgrind(tool), lab.case.program("paths_client"), server.addr, path, str(count)])
    if client.wait(100) != 0:
        raise Failed("paths_client %s: %s" % (path, client.read("err").strip()[-300:]))
    server.process.signal(15)
    server.process.wait(20)
    result = collected(client), collected(server.process)
    server.process.close()
    return result


def per_call(lab, tool, path):
    """{kind: {side: how many one call takes}}"""
    short, long = PATHS[path]
    calls = long - short
    least = {}
    for _ in range(RUNS.get(path, 1)):
        few, many = run(lab, tool, path, short), run(lab, tool, path, long)
        for side, a, b in zip(SIDES, few, many):
            for kind, number in (("instructions", (b[0] - a[0]) / calls), ("lines", footprint.lines(a[1], b[1], calls))):
                least[kind, side] = min(number, least.get((kind, side), number))
    return {kind: {side: round(least[kind, side]) for side in SIDES} for kind in KINDS}


def count_all(lab, paths):
    """{kind: {path: {side: number}}}, two paths at a time."""
    tool = shutil.which("valgrind")
    if not tool:
        raise NotRun("valgrind is not installed")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        each = dict(zip(paths, pool.map(lambda path: per_call(lab, tool, path), paths)))
    return {kind: {path: each[path][kind] for path in paths} for kind in KINDS}


def compiler():
    """The version that names the baseline, such as 1.95.0."""
    words = rustc().split()
    return words[1] if len(words) > 1 else "unknown"


def compare(counts, baseline, say):
    """Prints old and new; the names of what has grown."""
    return [one for kind in KINDS for one in compare_kind(kind, counts[kind], baseline.get(kind, {}), say)]


def compare_kind(kind, counts, baseline, say):
    grown = []
    say("%-22s %10s %10s" % (KINDS[kind], "baseline", "now"))
    for path, sides in counts.items():
        for side, now in sides.items():
            before = baseline.get(path, {}).get(side)
            change = "new" if before is None else "%+.1f %%" % (100 * (now / before - 1))
            if before is not None and now > before * MOST[kind]:
                grown.append("%s of %s, %s: %d, was %d (%s)" % (kind, path, side, now, before, change))
                change += "  GROWN"
            elif before is not None and now * MOST[kind] < before:
                change += "  (BLESS=1 keeps the gain)"
            say("%-22s %10s %10d  %s" % (path + ", " + side, "-" if before is None else before, now, change))
    return grown


def again(lab, counts, paths):
    """Counts some paths once more, on a machine that may have been busy: the least is what the code needs."""
    for kind, found in count_all(lab, paths).items():
        for path, sides in found.items():
            counts[kind][path] = {side: min(number, counts[kind][path][side]) for side, number in sides.items()}


def check(lab, paths, say, twice=False):
    """(what has grown, the counts); nothing has where there is no baseline. What seems to have grown is counted again."""
    version = compiler()
    counts = count_all(lab, paths)
    if twice:
        again(lab, counts, paths)
    try:
        with open(os.path.join(FOLDER, version + ".json"), encoding="utf-8") as file:
            baseline = json.load(file)
    except FileNotFoundError:
        say("NOT COMPARED: there is no benches/counts/%s.json for this compiler; `make bench-count BLESS=1` makes it" % version)
        compare(counts, {}, say)
        return None, counts
    for _ in range(0 if twice else AGAIN):
        suspects = [path for path in paths if compare({kind: {path: counts[kind][path]} for kind in KINDS}, baseline, lambda row: None)]
        if not suspects:
            break
        again(lab, counts, suspects)
    return compare(counts, baseline, say), counts


def bless(counts):
    version = compiler()
    os.makedirs(FOLDER, exist_ok=True)
    path = os.path.join(FOLDER, version + ".json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"rustc": version, "valgrind": first_line(["valgrind", "--version"]), **counts}, file, indent=2)
        file.write("\n")
    print("wrote " + os.path.relpath(path, ROOT))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bless", action="store_true", help="what is counted becomes the baseline")
    parser.add_argument("paths", nargs="*", choices=[[], *PATHS], metavar="PATH", help="one of " + ", ".join(PATHS))
    options = parser.parse_args()
    if options.bless and options.paths:
        parser.error("the baseline is made of all paths")
    lab = laboratory.Lab(True, laboratory.prepare.Tools())
    try:
        grown, counts = check(lab, options.paths or list(PATHS), print, twice=options.bless)
    except (Failed, NotRun) as why:
        sys.exit("bench-count: %s" % why)
    finally:
        lab.close()
    if options.bless:
        bless(counts)
    elif grown:
        for one in grown:
            print("GROWN TOO MUCH: " + one)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
