"""What a run found: as tables in the terminal and in docs/internals/performance.md, as JSON, and as curves."""
import json
import os
import re

import drawing
import growth
from lab import ROOT

DOCUMENT = os.path.join(ROOT, "docs", "internals", "performance.md")
FOLDER = os.path.join(ROOT, "docs", "internals", "performance")
PLACES = {"one": "one CPU", "free": "free", "two": "a CPU each"}
WHO = {"native": "C", "python": "Python"}
# What a kit of other libraries measured that does the same work with the same arguments, each beside raw sockets:
# echo TCP, echo Unix, nested callback (ratios), 256 outstanding (calls a second), 1 MiB echo (ratio), KiB for an idle connection
OTHERS = (
    ("Thrift 0.17.0", 1.19, 1.32, None, 662706, 8.60, 12.1),
    ("omniORB 4.2.5", 1.23, 1.25, 2.31, 109146, 2.33, 18.7),
    ("sd-bus 252", 1.89, 1.91, 1.91, 152818, 2.47, 4.06),
    ("tarpc 0.38.0", 2.47, 3.07, None, 373180, 6.66, 20.0),
    ("Ice 3.7.8", 3.41, None, 3.65, 177542, 3.50, 3.32),
    ("capnp-rpc (Rust) 0.27.3", 4.68, 4.67, 5.56, 123971, 3.36, 6.27),
    ("Cap'n Proto 0.9.2", 4.70, 5.29, 5.26, 83793, 5.39, 11.5),
    ("nng 1.5.2", 6.47, 9.00, None, 182868, 2.02, 3.80),
    ("gRPC 1.51.1", 7.15, 10.2, 4.22, 29651, 6.94, 19.6),
    ("RPyC 6.0.2", 14.8, 17.7, 23.2, 20222, 207, 23.8),
)


def figure(value, unit=""):
    if value is None:
        return "-"
    text = "{:,.0f}".format(value) if value >= 100 else "%.1f" % value if value >= 10 else "%.2f" % value
    return text + (" " + unit if unit else "")


def goal(row):
    if row["goal"] is None:
        return ""
    return {"ratio": "%g", "at most": "%g " + row["unit"]}[row["goal_is"]] % row["goal"]


def spread(row):
    """The smallest and the largest ratio of the repetitions."""
    ends = row.get("spread") or ()
    return " to ".join(figure(one) for one in ends) if len(ends) > 1 else ""


def verdict(row):
    if row.get("note"):
        return row["note"].split(":")[0]
    return {None: "", True: "met", False: "**missed**"}[row["met"]]


def table(head, rows, right):
    """A Markdown table; the columns from `right` on are numbers."""
    rule = ["---" if n < right else "---:" for n in range(len(head))]
    return ["| " + " | ".join(cells) + " |" for cells in (head, rule, *rows)]


def ratios(rows):
    head = ("work", "over", "placed", "raw sockets", "librpyc", "RPyC", "**ratio**", "spread", "RPyC's ratio", "goal", "")
    cells = []
    for row in rows:
        # Where two processes wake each other on CPUs of their own, it is luck how long that takes.
        luck = row["place"] == "free" and row["metric"] in ("lat", "cb")
        ratio = "" if luck or row["ratio"] is None else "**%s**" % figure(row["ratio"])
        unit = row["unit"]
        cells.append((row["title"], row["transport"], PLACES[row["place"]], figure(row["raw"], unit), figure(row["native"], unit),
                      figure(row["python"], unit), ratio, spread(row) if ratio else "", figure(row["ratio_python"]) if row["ratio_python"] else "",
                      goal(row), verdict(row)))
    return table(head, cells, 3)


def peers(rows):
    head = ("work", "over", "client", "server", "calls/s", "times those of Python with Python", "our part of the CPU time")
    cells = [(row["title"], row["transport"], WHO[row["client"]], WHO[row["server"]], figure(row["rate"]),
              figure(row["times_python"]), "%.0f %%" % (100 * row["our_cpu"]) if row["our_cpu"] is not None else "")
             for row in rows]
    return table(head, cells, 4)


def trips(rows):
    head = ("what", "server", "client", "how", "round trips", "messages nobody waits for")
    cells = [(row["title"], WHO[row["server"]], WHO[row["client"]], "`%s`" % row["how"] if row["how"] != "plain" else "`for`",
              "{:,}".format(row["round_trips"]), "{:,}".format(row["unawaited"])) for row in rows]
    return table(head, cells, 4)


def native(rows):
    head = ("there and back", "native", "beside it", "", "**ratio**")
    cells = [(row["title"], figure(row["native_us"], "us"), row["beside"], figure(row["other_us"], "us"),
              "**%s**" % figure(row["ratio"])) for row in rows]
    return table(head, cells, 1)


def others(found):
    """The other libraries, and librpyc as it was in this run."""
    rows = {(row["metric"], row["transport"]): row for row in found["ratios"] if row["place"] == "one"}
    memory = [one["points"][-1][1] for one in found["growth"]["connections_memory"] if one["name"] == "server" and one["points"]]
    own = ("**librpyc**", rows["lat", "tcp"]["ratio"], rows["lat", "unix"]["ratio"], rows["cb", "tcp"]["ratio"],
           rows["pipe256", "tcp"]["native"], rows["bulk_echo", "tcp"]["ratio"], memory[0] if memory else None)
    head = ("library", "echo, TCP", "echo, Unix", "nested callback", "256 outstanding, calls/s", "1 MiB echo",
            "KiB for an idle connection")
    return table(head, [(row[0], *map(figure, row[1:])) for row in (own, *OTHERS)], 1)


def made_by(found):
    machine = found["machine"]
    return ["Measured on %(date)s: %(cpus)d CPUs (%(cpu)s), Linux %(kernel)s, %(rustc)s, %(cc)s, RPyC %(rpyc)s." % machine,
            "", "One repetition." if found["repetitions"] == 1 else "Medians of %d repetitions." % found["repetitions"]]


def parts(found):
    """{name of a place in the document: lines}"""
    return {"made": made_by(found), "ratios": ratios(found["ratios"]), "peers": peers(found["python"]),
            "round-trips": trips(found["round_trips"]), "native": native(found["native"]), "others": others(found)}


def put(text, name, lines):
    """Replaces what stands between the two markers of a name."""
    begin, end = "<!-- bench: %s -->\n" % name, "<!-- bench: end -->\n"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(text):
        raise SystemExit("docs/internals/performance.md has no place for %s" % name)
    return pattern.sub(lambda _: begin + "\n" + "\n".join(lines) + "\n\n" + end, text)


def draw(found, folder):
    """One file for each curve; their names."""
    names = []
    for curve in growth.CURVES:
        series = found["growth"].get(curve.name)
        if series and any(one["points"] for one in series):
            names.append(curve.name + ".svg")
            with open(os.path.join(folder, names[-1]), "w", encoding="utf-8") as file:
                file.write(drawing.chart(curve.title, curve.x_title, curve.y_title, series, curve.name == "sizes"))
    return names


def save(found, folder):
    os.makedirs(folder, exist_ok=True)
    text = json.dumps(found, indent=1)
    # Points and repetitions on one line each.
    text = re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda m: "[" + re.sub(r"\s+", " ", m.group(1)) + "]", text)
    with open(os.path.join(folder, "data.json"), "w", encoding="utf-8") as file:
        file.write(text + "\n")
    return draw(found, folder)


def write_document(found):
    with open(DOCUMENT, encoding="utf-8") as file:
        text = file.read()
    for name, lines in parts(found).items():
        text = put(text, name, lines)
    with open(DOCUMENT, "w", encoding="utf-8") as file:
        file.write(text)


def show(found):
    """The same tables for a terminal, aligned."""
    for title, lines in (("librpyc beside raw sockets", ratios(found["ratios"])), ("with Python", peers(found["python"])),
                         ("round trips", trips(found["round_trips"])), ("native values", native(found["native"]))):
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if not line.startswith("| ---")]
        widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
        print("\n" + title)
        for row in rows:
            print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    print("\ncurves")
    for curve in growth.CURVES:
        for one in found["growth"].get(curve.name, []):
            points = "  ".join("%s:%s" % (drawing.x_label(x, curve.name == "sizes"), figure(y)) for x, y in one["points"])
            print("  %s, %s (%s): %s" % (curve.name, one["name"], curve.y_title, points))
