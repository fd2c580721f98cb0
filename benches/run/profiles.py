#!/usr/bin/env python3
"""Where the instructions of a hot path go, function by function, on both sides: profiles.py [--top N] PATH

callgrind counts a short and a long run; the differences, for one call, are shown. Functions that the compiler put into others
are told apart by the lines that they come from. PATH is one of those of counts.py.
"""
import argparse
import collections
import re
import shutil
import sys

sys.dont_write_bytecode = True

import counts
import lab as laboratory
from runner import Failed, NotRun

# "815,163 ( 4.32%)  src/connection/reading.rs:rpyc::...::advance [/.../librpyc.so]"
LINE = re.compile(r"^\s*([\d,]+) \(\s*[\d.]+%\)\s+([^:]*):(.*?)(?: \[.*\])?$")


def functions(lab, process):
    """{(file, function): instructions} of a process that has ended."""
    done = lab.case.run([shutil.which("callgrind_annotate"), "--threshold=100", "--auto=no", process.files + ".callgrind"])
    found = collections.Counter()
    for line in done.output.splitlines():
        match = LINE.match(line)
        if match and "PROGRAM TOTALS" not in line:
            number, file, function = match.groups()
            found["/".join(file.rsplit("/", 2)[-2:]), short(function)] += int(number.replace(",", ""))
    return found


def short(function):
    """A Rust name without the types that it is made for."""
    previous, function = None, re.sub(r"'\d+$", "", function)          # callgrind's number for a recursion
    while previous != function:
        previous, function = function, re.sub(r"<[^<>]*>", "", function)
    return re.sub(r"^.*?(\w+(?:::\w+)?)(?:::\{\{closure\}\})*$", r"\1", function.replace("::::", "::").strip(":"))


def run(lab, tool, path, count):
    """The functions of client and server for so many calls."""
    before = [part for part in counts.callgrind(tool) if part != "--dump-instr=yes"]
    server = lab.server("native", "unix", before=before)
    client = lab.case.start([*before, lab.case.program("paths_client"), server.addr, path, str(count)])
    if client.wait(100) != 0:
        raise Failed("paths_client %s: %s" % (path, client.read("err").strip()[-300:]))
    server.process.signal(15)
    server.process.wait(20)
    return functions(lab, client), functions(lab, server.process)


def show(side, few, many, calls, top):
    each = {name: (number - few.get(name, 0)) / calls for name, number in many.items()}
    print("\n%s: %.0f instructions a call" % (side, sum(each.values())))
    for (file, function), number in sorted(each.items(), key=lambda item: -item[1])[:top]:
        print("  %7.1f  %-46s %s" % (number, function[:46], file))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--top", type=int, default=30, help="functions of each side; 30")
    parser.add_argument("path", choices=counts.PATHS, metavar="PATH")
    options = parser.parse_args()
    tool = shutil.which("valgrind")
    if not tool:
        sys.exit("valgrind is not installed")
    lab = laboratory.Lab(True, laboratory.prepare.Tools())
    try:
        short_run, long_run = counts.PATHS[options.path]
        few, many = run(lab, tool, options.path, short_run), run(lab, tool, options.path, long_run)
        for side, a, b in zip(counts.SIDES, few, many):
            show(side, a, b, long_run - short_run, options.top)
    except (Failed, NotRun) as why:
        sys.exit("profiles: %s" % why)
    finally:
        lab.close()


if __name__ == "__main__":
    main()
