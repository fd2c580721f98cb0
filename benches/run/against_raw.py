"""librpyc on both sides beside plain sockets that do the same work, with stock RPyC in the same run."""
import collections
import re

from lab import FREE, ONE, TWO, Unsupported, median, ratio, ratios, repeat, rounded

# `row` of what the programs print; `rate`: more is cheaper. `goal` is a ratio to raw sockets. Beside shared memory the raw
# programs use a Unix socket. `raw_mode`: what they do where they have no mode of this name, with its row.
Metric = collections.namedtuple("Metric", "name title transport mode rows rate unit goal raw_mode")


def one(name, title, transport, mode, row, goal=None, rate=False, unit="us", raw_mode=None):
    return Metric(name, title, transport, mode, row, rate, unit, goal, raw_mode)


METRICS = (
    one("lat", "synchronous echo", "tcp", "lat", "lat.mean", 1.10),
    one("lat", "synchronous echo", "unix", "lat", "lat.mean", 1.15),
    one("lat", "synchronous echo", "shm", "lat", "lat.mean", 0.55),
    one("cb", "call with one nested callback", "tcp", "cb", "cb.mean", 1.20),
    one("cb", "call with one nested callback", "unix", "cb", "cb.mean", 1.25),
    one("cb", "call with one nested callback", "shm", "cb", "cb.mean"),
    one("pipe64", "pipelined, 64 outstanding", "tcp", "pipe64", "pipe64.rate", None, True, "calls/s"),
    one("pipe256", "pipelined, 256 outstanding", "tcp", "pipe256", "pipe256.rate", None, True, "calls/s"),
    one("pipe256", "pipelined, 256 outstanding", "unix", "pipe256", "pipe256.rate", None, True, "calls/s"),
    one("pipe256", "pipelined, 256 outstanding", "shm", "pipe256", "pipe256.rate", None, True, "calls/s"),
    one("batch256", "batch, 256 outstanding", "tcp", "batch256", "batch.rate", None, True, "calls/s", "pipe256"),
    one("batch256", "batch, 256 outstanding", "unix", "batch256", "batch.rate", None, True, "calls/s", "pipe256"),
    one("batch256", "batch, 256 outstanding", "shm", "batch256", "batch.rate", None, True, "calls/s", "pipe256"),
    one("bulk_echo", "1 MiB there and back", "tcp", "bulk", "bulk_echo.rate", 1.1, True, "MiB/s"),
    one("bulk_send", "1 MiB there", "tcp", "bulk", "bulk_send.rate", None, True, "MiB/s"),
    one("bulk_echo", "1 MiB there and back", "unix", "bulk", "bulk_echo.rate", 1.1, True, "MiB/s"),
    one("bulk_send", "1 MiB there", "unix", "bulk", "bulk_send.rate", None, True, "MiB/s"),
    one("bulk_echo", "1 MiB there and back", "shm", "bulk", "bulk_echo.rate", None, True, "MiB/s"),
    one("bulk_send", "1 MiB there", "shm", "bulk", "bulk_send.rate", None, True, "MiB/s"),
)
TRANSPORTS = ("tcp", "unix", "shm")
ATTR_GOAL_US = 70
SPIN_GOALS = {"tcp": None, "unix": 1.2, "shm": 0.27}
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
    name, window = re.fullmatch(r"([a-z]+)(\d*)", mode).groups()
    return [name, counts["pipe" if name == "batch" else name], *([window] if window else [])]


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
        met = ours <= metric.goal
    return {
        "metric": metric.name, "title": metric.title, "transport": metric.transport, "place": place, "unit": metric.unit,
        "raw": rounded(median(raw)), "native": rounded(figure), "python": rounded(median(python)),
        "ratio": rounded(ours), "spread": [rounded(one) for one in sorted(ratios(native, raw, metric.rate))[::max(1, len(raw) - 1)]],
        "ratio_python": rounded(ratio(python, raw, metric.rate)),
        "goal": metric.goal if place == ONE else None, "goal_is": "ratio", "met": met,
        "repetitions": {kind: [rounded(value) for value in values] for kind, values in figures.items()},
    }


def kinds_of(transport, mode, place):
    """Stock RPyC has neither shared memory nor batches."""
    if place == ONE and transport != "shm" and not mode.startswith("batch"):
        return "raw", "native", "python"
    return "raw", "native"


def measure_mode(lab, transport, mode, place):
    """The rows of the metrics that one run of a mode gives."""
    metrics = [metric for metric in METRICS if (metric.mode, metric.transport) == (mode, transport)]
    raw_mode = metrics[0].raw_mode

    def pair(kind):
        return lab.pair(kind, kind, arguments(lab, raw_mode if kind == "raw" and raw_mode else mode, kind), transport, place)

    got = repeat(lab, kinds_of(transport, mode, place), pair)
    for metric in metrics:
        rows = {"raw": raw_mode + ".rate"} if raw_mode else {}
        figures = {kind: [run[rows.get(kind, metric.rows)] for run in runs] for kind, runs in got.items()}
        yield result(metric, place, figures)


def measure(lab, say):
    """The rows of METRICS, on one CPU and free."""
    rows = []
    for place in (ONE, FREE):
        for transport in TRANSPORTS:
            for mode in dict.fromkeys(metric.mode for metric in METRICS if metric.transport == transport):
                say("%s %s %s" % (mode, transport, place))
                rows += measure_mode(lab, transport, mode, place)
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
    goal = SPIN_GOALS[transport]
    metric = one("spin", "synchronous echo, both spinning", transport, "lat", "lat.mean", goal)
    row = {"metric": "spin", "title": metric.title, "transport": transport, "place": TWO, "unit": "us", "raw": None,
           "native": None, "python": None, "ratio": None, "ratio_python": None, "goal": goal, "goal_is": "ratio",
           "met": None}
    try:
        got = repeat(lab, ("raw", "native"), lambda kind: lab.pair(
            kind, kind, arguments(lab, "lat", kind), transport, TWO, {"BENCH_SPIN": SPIN_US}))
    except Unsupported as why:
        return dict(row, note="not supported: %s" % why)
    figures = {kind: [run[metric.rows] for run in runs] for kind, runs in got.items()}
    met = None
    row = result(metric, TWO, figures)
    if goal is not None:
        met = row["ratio"] <= goal
    return dict(row, goal=goal, met=met)


def run(lab, say):
    return [*measure(lab, say), *measure_attr(lab, say), *(measure_spin(lab, say, transport) for transport in TRANSPORTS)]
