"""The native dialect beside brine, between two C programs (docs/reference/native.md)."""
from lab import ONE, median, ratio, rounded

# mode of bench_native, how often, how often with --quick
MODES = (("small", 20000, 200), ("records", 300, 5), ("ints", 200, 3), ("arrays", 50, 2))
# what, native, the other way, what the other way is
TABLE = (
    ("an integer", "small.native", "small.brine", "brine"),
    ("100 records of 20 fields, a list of tuples", "records.native", "records.brine", "a tuple of tuples in brine"),
    ("10,000 integers of 40 bits, a list", "ints.native", "ints.brine", "a tuple in brine"),
    ("10,000 integers of 40 bits, an array", "ints.array", "ints.brine", "a tuple in brine"),
    ("1,000,000 doubles, an array", "arrays.native", "arrays.brine", "a tuple in brine"),
    ("1,000,000 doubles, an array", "arrays.native", "arrays.bytes", "the same as bytes"),
)
# Most of what the integers cost would be zlib.
ENV = {"BENCH_COMPRESS": "false"}


def once(lab):
    """The rows of all modes, on one server."""
    server = lab.server("native", "unix", ONE, ENV)
    try:
        rows = {}
        for mode, full, quick in MODES:
            command = [lab.case.program("bench_native"), server.addr, str(server.pid), mode, str(lab.number(full, quick))]
            rows.update(lab.run(command, ONE, ENV)[1])
        return rows
    finally:
        server.process.close()


def run(lab, say):
    say("native values")
    runs = [once(lab) for _ in range(lab.reps)]
    rows = []
    for title, native, other, what in TABLE:
        ours, theirs = ([one["%s.cpu" % name] for one in runs] for name in (native, other))
        rows.append({"title": title, "beside": what, "native_us": rounded(median(ours)), "other_us": rounded(median(theirs)),
                     "ratio": rounded(ratio(ours, theirs, False))})
    return rows
