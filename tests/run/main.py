#!/usr/bin/env python3
"""Builds everything and runs all tests; `make test` calls it.

    main.py [--list] [--long] [--no-build] [--repeat N] [--workers N] [NAME...]

With NAMEs only the tests whose names hold one of them are run. The last line is "N passed, N failed". A test that cannot
be run here (no root to install a tool, no network) is named at the end and fails the run unless ALLOW_NOT_RUN is 1.
--repeat with --workers finds tests that hold by luck: more at a time than there are processors.
"""
import argparse
import concurrent.futures
import os
import sys
import time

sys.dont_write_bytecode = True

import prepare
import runner

# In the order in which they run: each registers its tests.
import imports                                       # noqa: F401
import tree                                          # noqa: F401
import build                                         # noqa: F401
import library                                       # noqa: F401
import install                                       # noqa: F401
import abi                                           # noqa: F401
import rust
import crate                                         # noqa: F401
import answers                                          # noqa: F401
import twin                                          # noqa: F401
import border                                        # noqa: F401
import interop                                       # noqa: F401
import identities                                      # noqa: F401
import bridges                                       # noqa: F401
import chains                                        # noqa: F401
import reflection                                    # noqa: F401
import examples
import loops                                         # noqa: F401
import readme                                       # noqa: F401
import paste                                        # noqa: F401
import snippets                                      # noqa: F401
import programs                                      # noqa: F401
import words                                         # noqa: F401
import pages                                         # noqa: F401
import reference                                     # noqa: F401
import behaviour                                     # noqa: F401
import beyond                                       # noqa: F401
import exhaustion                                   # noqa: F401
import native                                        # noqa: F401
import parameters                                    # noqa: F401
import services                                      # noqa: F401
import conversions                                   # noqa: F401
import times                                         # noqa: F401
import tls                                           # noqa: F401
import errors                                        # noqa: F401
import dialects                                      # noqa: F401
import classic                                       # noqa: F401
import tool                                          # noqa: F401
import tool_trace                                    # noqa: F401
import tool_shells                                    # noqa: F401
import tool_transfer                                  # noqa: F401
import tool_json                                      # noqa: F401
import tool_page                                      # noqa: F401
import ffi                                           # noqa: F401
import statuses                                      # noqa: F401
import syscalls                                      # noqa: F401
import benches                                       # noqa: F401
import upstream                                      # noqa: F401
import go                                            # noqa: F401
import greenlets                                        # noqa: F401
import one_process                                      # noqa: F401
import memory
import authentication                                 # noqa: F401
import silence                                        # noqa: F401
import handover                                      # noqa: F401
import pool                                           # noqa: F401
import staying                                       # noqa: F401
import reconnecting                                  # noqa: F401
import connecting                                    # noqa: F401
import soak                                          # noqa: F401
import cpp                                           # noqa: F401
import nesting                                       # noqa: F401
import hostile_servers                               # noqa: F401
import hostile_clients                               # noqa: F401
import fuzzing                                       # noqa: F401

WORKERS = 3                                          # many tests wait more than they work
SHORT = 160                                          # characters of a line in the summary
REPORTED = 40                                        # lines of each failed test that are said again at the end


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="print the names only")
    parser.add_argument("--long", action="store_true", help="only the tests that take too long for every run")
    parser.add_argument("--no-build", action="store_true", help="take the programs as they are")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="run them N times")
    parser.add_argument("--workers", type=int, default=WORKERS, metavar="N", help="as many at a time (%d)" % WORKERS)
    parser.add_argument("names", nargs="*", metavar="NAME")
    return parser.parse_args()


def run_all(options, tools, results):
    """First what builds, then the Rust tests, then the rest a few at a time, and last what must be alone."""
    def wanted(name):
        return not options.names or any(part in name for part in options.names)

    def chosen(one):
        return wanted(one.name) and (one.long == options.long or bool(options.names) and not options.long)

    # Named tests need the programs, but no other compiler.
    first = [one for one in runner.TESTS if one.name.startswith("build.")
             and (wanted(one.name) or one.name not in ("build.oldest-rust", "build.fuzz-check"))]
    rest = [one for one in runner.TESTS if not one.name.startswith("build.") and chosen(one)] * options.repeat
    for one in [] if options.no_build else first:
        results.run(one, tools)
    for name, command in rust.PARTS:
        if wanted(name) and not options.long:
            rust.run(name, command, results)
    with concurrent.futures.ThreadPoolExecutor(options.workers) as pool:
        # list: an exception in a worker is raised here
        list(pool.map(lambda one: results.run(one, tools), [one for one in rest if not one.alone]))
    for one in rest:
        if one.alone:
            results.run(one, tools)


def main():
    options = arguments()
    examples.register()
    memory.register()
    if options.list:
        for one in runner.TESTS:
            print(one.name)
        for name, _command in rust.PARTS:
            print(name)
        return 0
    started = time.monotonic()
    allowed = os.environ.get("ALLOW_NOT_RUN") == "1"
    results = runner.Results()
    tools = prepare.prepare("test")
    print("prepared in %.1f s" % (time.monotonic() - started), flush=True)

    run_all(options, tools, results)

    # Once more at the end, where whoever reads the end of a long log finds it.
    for name, lines in results.reports:
        print("\n%s FAILED:" % name)
        print("\n".join("    | " + line for line in lines[-REPORTED:]))
    print()
    print("the slowest: " + ", ".join("%s %.0f s" % (name, seconds) for seconds, name in sorted(results.slow)[:-8:-1]))
    print("all: %.0f s" % (time.monotonic() - started))
    reports = dict(results.reports)
    for name, why in results.failed:
        print("FAILED   %s: %s" % (name, why))
        print("".join("    | %s\n" % line[:SHORT] for line in runner.reasons(reports.get(name, ()))), end="")
    for name, why in results.inapplicable:
        print("not on this machine: %s: %s" % (name, why))
    if results.not_run:
        print("=" * 100)
        for name, why in results.not_run:
            print("NOT RUN  %s: %s" % (name, why))
        print("%d tests were NOT RUN%s" % (len(results.not_run), ", which ALLOW_NOT_RUN=1 lets pass" if allowed
                                           else " and count as failed; ALLOW_NOT_RUN=1 would let that pass"))
        print("=" * 100)
    failed = len(results.failed) + (0 if allowed else len(results.not_run))
    print("%d passed, %d failed" % (results.passed, failed), flush=True)
    return 1 if failed or not results.passed else 0


if __name__ == "__main__":
    sys.exit(main())
