"""What a run found: as tables in the terminal and in docs/performance.md, as JSON, and as curves."""
import json
import os
import re

import drawing
import growth
from lab import ROOT

DOCUMENT = os.path.join(ROOT, "docs", "performance.md")
FOLDER = os.path.join(ROOT, "docs", "performance")
PLACES = {"one": "one CPU", "free": "free", "two": "a CPU each"}
WHO = {"native": "C", "python": "Python"}


def figure(value, unit=""):
    if value is None:
        return "-"
    text = "{:,.0f}".format(value) if value >= 100 else "%.1f" % value if value >= 10 else "%.2f" % value
    return text + (" " + unit if unit else "")


def goal(row):
    if row["goal"] is None:
        return ""
    text = {"ratio": "%g", "at most": "%g " + row["unit"], "figure": "{:,} ".format(row["goal"]) + row["unit"]}[row["goal_is"]]
    return text % row["goal"] if "%" in text else text


def verdict(row):
    if row.get("note"):
        return row["note"].split(":")[0]
    return {None: "", True: "met", False: "**missed**"}[row["met"]]


def table(head, rows, right):
    """A Markdown table; the columns from `right` on are numbers."""
    rule = ["---" if n < right else "---:" for n in range(len(head))]
    return ["| " + " | ".join(cells) + " |" for cells in (head, rule, *rows)]


def ratios(rows):
    head = ("work", "over", "placed", "raw sockets", "librpyc", "RPyC", "**ratio**", "RPyC's ratio", "goal", "")
    cells = []
    for row in rows:
        # Where two processes wake each other on CPUs of their own, it is luck how long that takes.
        luck = row["place"] == "free" and row["metric"] in ("lat", "cb")
        ratio = "" if luck or row["ratio"] is None else "**%s**" % figure(row["ratio"])
        unit = row["unit"]
        cells.append((row["title"], row["transport"], PLACES[row["place"]], figure(row["raw"], unit), figure(row["native"], unit),
                      figure(row["python"], unit), ratio, figure(row["ratio_python"]) if row["ratio_python"] else "",
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


def made_by(found):
    machine = found["machine"]
    return ["Measured on %(date)s: %(cpus)d CPUs (%(cpu)s), Linux %(kernel)s, %(rustc)s, %(cc)s, RPyC %(rpyc)s." % machine,
            "", "Medians of %d repetitions." % found["repetitions"]]


def parts(found):
    """{name of a place in the document: lines}"""
    return {"made": made_by(found), "ratios": ratios(found["ratios"]), "peers": peers(found["python"]),
            "round-trips": trips(found["round_trips"])}


def put(text, name, lines):
    """Replaces what stands between the two markers of a name."""
    begin, end = "<!-- bench: %s -->\n" % name, "<!-- bench: end -->\n"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(text):
        raise SystemExit("docs/performance.md has no place for %s" % name)
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
                         ("round trips", trips(found["round_trips"]))):
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
