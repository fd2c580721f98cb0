"""Cost per call against what there is much of: connections, references, outstanding requests, threads, bytes."""
import collections
import resource

from lab import FREE, ONE, median, rounded

# full and quick say how far it goes.
Curve = collections.namedtuple("Curve", "name title x_title y_title full quick points")
Series = collections.namedtuple("Series", "name points")


def decades(last):
    at, points = 1, []
    while at <= last:
        points.append(at)
        at *= 10
    return points


def sizes(last):
    return [size for size in (0, 16, 256, 4096, 1 << 16, 1 << 20, 1 << 24, 1 << 26) if size <= last]


def doublings(last):
    return [1 << n for n in range(last.bit_length())]


CURVES = (
    Curve("connections", "Connections, one in use", "open connections", "us a call", 10_000, 100, decades),
    Curve("connections_memory", "Memory of an idle connection", "open connections", "KiB each", 10_000, 100, None),
    Curve("references", "Live references", "references held", "us a call", 1_000_000, 1000, decades),
    Curve("references_memory", "Memory of a reference", "references held", "bytes each", 1_000_000, 1000, None),
    Curve("references_time", "Lending and releasing references, both sides together", "references held", "us each",
          1_000_000, 1000, None),
    Curve("outstanding", "Outstanding requests", "requests on their way", "us a call", 10_000, 100, decades),
    Curve("threads", "Threads on one connection", "threads", "us a call, all together", 16, 4, doublings),
    Curve("sizes", "Size of a message, there and back", "bytes", "us a call", 1 << 26, 1 << 16, sizes),
)


def points_of(lab, name):
    curve = next(curve for curve in CURVES if curve.name == name)
    return curve.points(lab.number(curve.full, curve.quick))


def medians(lab, measure, reps):
    """{metric: median} of what measure() gives as {metric: number}."""
    runs = [measure() for _ in range(reps)]
    return {metric: median([run[metric] for run in runs if metric in run]) for metric in runs[0]}


def grown(lab, what, count, place=ONE):
    """The rows of growth_client, on a server of its own."""
    server = lab.server("native", "tcp", place)
    try:
        calls = lab.number(20000, 1000)
        return lab.run([lab.case.program("growth_client"), server.addr, str(server.pid), what, str(count), str(calls)], place)[1]
    finally:
        server.process.close()


def curve(*series):
    """[(name, [(x, y)])] without the points that were not measured."""
    return [{"name": name, "points": [[x, rounded(y)] for x, y in points if y is not None]} for name, points in series]


def connections(lab, say, reps):
    got = {}
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]                    # the programs take all that they may
    for count in points_of(lab, "connections"):
        if files != resource.RLIM_INFINITY and count > files - 100:
            say("growth connections %d: left out, only %d files may be open" % (count, files))
            continue
        say("growth connections %d" % count)
        got[count] = medians(lab, lambda: grown(lab, "connections", count), reps)
    kib = [(count, {side: run.get("memory_" + side) for side in ("client", "server")}) for count, run in got.items()]
    return {
        "connections": curve(("one call", [(count, run["call"]) for count, run in got.items()])),
        "connections_memory": curve(*((side, [(count, of[side] and of[side] / 1024) for count, of in kib])
                                      for side in ("server", "client"))),
    }


def references(lab, say, reps):
    got = {}
    for count in points_of(lab, "references"):
        say("growth references %d" % count)
        got[count] = medians(lab, lambda: grown(lab, "references", count), reps)
    many = {count: run for count, run in got.items() if count >= 1000}       # below, pages and not references are counted
    return {
        "references": curve(("the same object", [(count, run["call"]) for count, run in got.items()]),
                            ("any of them", [(count, run["call_any"]) for count, run in got.items()])),
        "references_memory": curve(
            ("server, which lends", [(count, run["memory_server"]) for count, run in many.items()]),
            ("client, which holds", [(count, run["memory_client"]) for count, run in many.items()])),
        "references_time": curve(
            ("lending", [(count, run["lend"]) for count, run in many.items()]),
            ("releasing", [(count, run["release"]) for count, run in many.items()])),
    }


def outstanding(lab, say, reps):
    lines = []
    for kind in ("native", "raw"):
        points = []
        for window in points_of(lab, "outstanding"):
            say("growth outstanding %s %d" % (kind, window))
            count = min(lab.number(400000, 5000), lab.number(20000, 500) * window)
            run = medians(lab, lambda: lab.pair(kind, kind, ["pipe", count, window], "tcp", ONE), reps)
            points.append((window, 1e6 / run["pipe%d.rate" % window]))
        lines.append(("librpyc" if kind == "native" else "raw sockets", points))
    return {"outstanding": curve(*lines)}


def threads(lab, say, reps):
    lines = []
    for name, place in (("one CPU", ONE), ("free", FREE)):
        points = []
        for count in points_of(lab, "threads"):
            say("growth threads %d, %s" % (count, name))
            points.append((count, medians(lab, lambda: grown(lab, "threads", count, place), reps)["call"]))
        lines.append((name, points))
    return {"threads": curve(*lines)}


def messages(lab, say, reps):
    lines = []
    for name, kind, env in (("librpyc", "native", {}), ("librpyc, compress=false", "native", {"BENCH_COMPRESS": "false"}),
                            ("raw sockets", "raw", {})):
        points = []
        for size in points_of(lab, "sizes"):
            say("growth size %d, %s" % (size, name))
            count = max(3, min(lab.number(5000, 100), (256 << 20) // (size + 1)))
            run = medians(lab, lambda: lab.pair(kind, kind, ["size", count, size], "tcp", ONE, env), reps)
            points.append((size, run["size.time"]))
        lines.append((name, points))
    return {"sizes": curve(*lines)}


def run(lab, say):
    """{name of a curve: its series}"""
    reps = 1 if lab.quick else min(lab.reps, 3)
    found = {}
    for part in (connections, references, outstanding, threads, messages):
        found.update(part(lab, say, reps))
    return found
