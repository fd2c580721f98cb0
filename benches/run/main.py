#!/usr/bin/env python3
"""Measures what calls cost; `make bench` calls it.

    main.py [--quick] [--reps N] [--out FOLDER] [--again]

Prints the tables, and keeps figures and curves in docs/internals/performance and docs/internals/performance.md. With --quick everything is done
in small numbers, to see that it still can be: the figures mean nothing, and go to target/bench-quick. The exit code is 0 when
every row is there. --again measures nothing: it makes tables and curves from the figures that are kept.
"""
import argparse
import json
import os
import signal
import sys
import time

sys.dont_write_bytecode = True

import against_python
import against_raw
import growth
import lab as laboratory
import native_values
import report
from runner import TARGET, Failed, NotRun


def missing(found):
    """The rows that there must be and are not."""
    rows = {(row["metric"], row["transport"], row["place"]): row for row in found["ratios"]}
    wanted = [(metric.name, metric.transport, place) for metric in against_raw.METRICS for place in ("one", "free")]
    wanted += [("attr", "tcp", "one"), ("attr_nodelay", "tcp", "one"), *(("spin", transport, "two") for transport in against_raw.TRANSPORTS)]
    lacking = ["%s %s %s" % key for key in wanted
               if key not in rows or not (rows[key].get("note") or (rows[key]["native"] or 0) > 0)]
    pairs = {(row["metric"], row["transport"], row["server"], row["client"]): row["rate"] for row in found["python"]}
    for name, _title, _native, _python, transport in against_python.CALLS:
        for server, client in against_python.PAIRS:
            if not pairs.get((name, transport, server, client)):
                lacking.append("%s of %s with %s" % (name, client, server))
    trips = sum(1 for row in found["round_trips"] if row["round_trips"] > 0)
    if trips != 10:
        lacking.append("%d round trips of 10" % trips)
    lacking += ["native values: " + row["title"] for row in found["native"] if not (row["ratio"] or 0) > 0]
    for curve in growth.CURVES:
        points = [point for one in found["growth"].get(curve.name, []) for point in one["points"]]
        if not points or any(y <= 0 for _, y in points):
            lacking.append("the curve " + curve.name)
    return lacking


def measure(lab):
    def say(what):
        print("  %6.1f s  %s" % (time.monotonic() - started, what), file=sys.stderr, flush=True)

    started = time.monotonic()
    found = {"machine": laboratory.machine(), "quick": lab.quick, "repetitions": lab.reps}
    found["ratios"] = against_raw.run(lab, say)
    found["python"] = against_python.calls(lab, say)
    found["round_trips"] = against_python.round_trips(lab, say)
    found["native"] = native_values.run(lab, say)
    found["growth"] = growth.run(lab, say)
    found["seconds"] = round(time.monotonic() - started)
    return found


def fresh(options):
    # So that the programs end with this one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: ended by SIGTERM"))
    lab = laboratory.Lab(options.quick, reps=options.reps)
    try:
        return measure(lab)
    except (Failed, NotRun) as why:
        sys.exit("bench: %s" % why)
    finally:
        lab.close()


def kept(folder):
    with open(os.path.join(folder, "data.json"), encoding="utf-8") as file:
        return json.load(file)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small numbers; keeps nothing in docs")
    parser.add_argument("--reps", type=int, help="repetitions; 5, or 1 with --quick")
    parser.add_argument("--out", help="keeps figures and curves in this folder, and leaves docs alone")
    parser.add_argument("--again", action="store_true", help="tables and curves from the figures of the last run")
    options = parser.parse_args()
    folder = options.out or (os.path.join(TARGET, "bench-quick") if options.quick else report.FOLDER)
    found = kept(folder) if options.again else fresh(options)
    curves = report.save(found, folder)
    report.show(found)
    if folder == report.FOLDER:
        report.write_document(found)
    lacking = missing(found)
    for what in lacking:
        print("MISSING " + what)
    print("\n%d rows, %d curves in %s, %d s; %d missing" % (
        sum(len(found[part]) for part in ("ratios", "python", "round_trips", "native")), len(curves), os.path.relpath(folder),
        found["seconds"], len(lacking)))
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
