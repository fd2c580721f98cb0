"""librpyc on both sides beside plain sockets that do the same work, with stock RPyC in the same run."""
import collections

from lab import FREE, ONE, TWO, Unsupported, median, ratio, repeat, rounded

# `row` of what the programs print; `rate`: more is cheaper. `goal` is a ratio to raw sockets, or a number of its own unit.
Metric = collections.namedtuple("Metric", "name title transport mode rows rate unit goal goal_is")


def one(name, title, transport, mode, row, goal=None, rate=False, unit="us", goal_is="ratio"):
    return Metric(name, title, transport, mode, row, rate, unit, goal, goal_is)


METRICS = (
    one("lat", "synchronous echo", "tcp", "lat", "lat.mean", 1.10),
    one("lat", "synchronous echo", "unix", "lat", "lat.mean", 1.12),
    one("cb", "call with one nested callback", "tcp", "cb", "cb.mean", 1.25),
    one("cb", "call with one nested callback", "unix", "cb", "cb.mean"),
    one("pipe64", "pipelined, 64 outstanding", "tcp", "pipe64", "pipe64.rate", None, True, "calls/s"),
    one("pipe256", "pipelined, 256 outstanding", "tcp", "pipe256", "pipe256.rate", 1_500_000, True, "calls/s", "figure"),
    one("pipe256", "pipelined, 256 outstanding", "unix", "pipe256", "pipe256.rate", None, True, "calls/s"),
    one("bulk_echo", "1 MiB there and back", "tcp", "bulk", "bulk_echo.rate", 1.2, True, "MiB/s"),
    one("bulk_send", "1 MiB there", "tcp", "bulk", "bulk_send.rate", None, True, "MiB/s"),
    one("bulk_echo", "1 MiB there and back", "unix", "bulk", "bulk_echo.rate", None, True, "MiB/s"),
    one("bulk_send", "1 MiB there", "unix", "bulk", "bulk_send.rate", None, True, "MiB/s"),
)
ATTR_GOAL_US = 70
SPIN_GOAL = 1.3
SPIN_US = "50"


def arguments(lab, mode, kind):
    """MODE COUNT [WINDOW] of a client: work for about half a second each."""
    slow = kind == "python"
    counts = {
        "lat": lab.number(4000 if slow else 50000, 300 if slow else 1000),
        "cb": lab.number(1500 if slow else 20000, 100 if slow else 500),
        "bulk": lab.number(8 if slow else 150, 2 if slow else 5),
        "pipe": lab.number(10000 if slow else 1000000 if kind == "raw" else 400000, 1000 if slow else 10000),
    }
    name = "pipe" if mode.startswith("pipe") else mode
    return [name, counts[name], *([mode[4:]] if name == "pipe" else [])]


def result(metric, place, figures):
    """One row of the table, from {kind: [figure of each repetition]}."""
    raw, native, python = (figures.get(kind, []) for kind in ("raw", "native", "python"))
    if metric.name.startswith("bulk") and raw:
        # How fast the kernel copies depends on where buffers happen to lie: the best raw rate is the limit.
        raw = [max(raw)] * len(raw)
    ours = ratio(native, raw, metric.rate)
    figure = median(native)
    met = None
    if metric.goal is not None and place == ONE:
        met = ours <= metric.goal if metric.goal_is == "ratio" else figure >= metric.goal
    return {
        "metric": metric.name, "title": metric.title, "transport": metric.transport, "place": place, "unit": metric.unit,
        "raw": rounded(median(raw)), "native": rounded(figure), "python": rounded(median(python)),
        "ratio": rounded(ours), "ratio_python": rounded(ratio(python, raw, metric.rate)),
        "goal": metric.goal if place == ONE else None, "goal_is": metric.goal_is, "met": met,
        "repetitions": {kind: [rounded(value) for value in values] for kind, values in figures.items()},
    }


def measure(lab, say):
    """The rows of METRICS, on one CPU and free; one run of a mode may give several of them."""
    rows = []
    for place in (ONE, FREE):
        for transport in ("tcp", "unix"):
            for mode in dict.fromkeys(metric.mode for metric in METRICS if metric.transport == transport):
                kinds = ("raw", "native", "python") if place == ONE else ("raw", "native")
                say("%s %s %s" % (mode, transport, place))
                got = repeat(lab, kinds, lambda kind: lab.pair(
                    kind, kind, arguments(lab, mode, kind), transport, place))
                for metric in METRICS:
                    if (metric.mode, metric.transport) == (mode, transport):
                        figures = {kind: [run[metric.rows] for run in runs] for kind, runs in got.items()}
                        rows.append(result(metric, place, figures))
    return rows


def measure_attr(lab, say):
    """obj.method(x) on a stock Python server over TCP, beside RPyC's client as it is and with TCP_NODELAY."""
    say("attr tcp")
    modes = {"native": ("lat", lab.number(3000, 200)), "attr": ("attr", lab.number(1000, 20)),
             "attr_nodelay": ("attr_nodelay", lab.number(60, 5))}
    got = repeat(lab, modes, lambda kind: lab.pair(
        "python", "native" if kind == "native" else "python", modes[kind], "tcp", ONE), min(lab.reps, 3))
    medians = {kind: [run[modes[kind][0] + ".p50"] for run in runs] for kind, runs in got.items()}
    figure = median(medians["native"])
    rows = []
    for kind, title in (("attr", "obj.method(x) on a stock Python server, median"),
                        ("attr_nodelay", "the same, RPyC's client with TCP_NODELAY")):
        rows.append({
            "metric": kind, "title": title, "transport": "tcp", "place": ONE, "unit": "us", "raw": None,
            "native": rounded(figure), "python": rounded(median(medians[kind])), "ratio": None, "ratio_python": None,
            "goal": ATTR_GOAL_US, "goal_is": "at most", "met": figure <= ATTR_GOAL_US,
            "repetitions": {"native": [rounded(x) for x in medians["native"]], "python": [rounded(x) for x in medians[kind]]},
        })
    return rows


def measure_spin(lab, say, transport):
    """Both sides ask again and again before they sleep, on a CPU each, beside raw sockets that only ask."""
    say("spin " + transport)
    metric = one("spin", "synchronous echo, both spinning", transport, "lat", "lat.mean", SPIN_GOAL)
    row = {"metric": "spin", "title": metric.title, "transport": transport, "place": TWO, "unit": "us", "raw": None,
           "native": None, "python": None, "ratio": None, "ratio_python": None, "goal": SPIN_GOAL, "goal_is": "ratio",
           "met": None}
    try:
        got = repeat(lab, ("raw", "native"), lambda kind: lab.pair(
            kind, kind, arguments(lab, "lat", kind), transport, TWO, {"BENCH_SPIN": SPIN_US}))
    except Unsupported as why:
        return dict(row, note="not supported: %s" % why)
    figures = {kind: [run[metric.rows] for run in runs] for kind, runs in got.items()}
    row = dict(result(metric, TWO, figures), goal=SPIN_GOAL)
    row["met"] = row["ratio"] <= SPIN_GOAL
    return row


def run(lab, say):
    return [*measure(lab, say), *measure_attr(lab, say), *(measure_spin(lab, say, transport) for transport in ("tcp", "unix"))]
