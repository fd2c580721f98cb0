"""Line charts as SVG: logarithmic axes, readable on light and on dark ground."""
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 640, 340
LEFT, RIGHT, TOP, BOTTOM = 66, 26, 62, 50
# Each is told from the others, and from both grounds.
COLOURS = ("#2a78c8", "#d9731a", "#2f9e5b", "#a855c8")
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #444; }
  .title { font-size: 14px; font-weight: 600; fill: #222; }
  .grid { stroke: #8884; stroke-width: 1; }
  .axis { stroke: #888; stroke-width: 1; }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
  @media (prefers-color-scheme: dark) { text { fill: #bbb; } .title { fill: #eee; } }
"""


def number(value):
    """A tick: 20, 0.5, 10k, 1M."""
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return "%g%s" % (value / unit, letter)
    return "%g" % value


def size(value):
    """A tick in bytes."""
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if value >= unit:
            return "%g %s" % (value / unit, name)
    return "%g" % value


def ticks(low, high):
    """1, 2 and 5 of each decade where there are few, else the decades."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if math.log10(high / low) < 2.2 else (1,)
    return [step * 10.0 ** decade for decade in decades for step in steps if low <= step * 10.0 ** decade <= high * 1.0001]


class Axis:
    """Places numbers between two ends, by their logarithms; what is not positive stands at the low end."""

    def __init__(self, low, high, start, end):
        self.low, self.high, self.start, self.end = low, high, start, end

    def at(self, value):
        part = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        return self.start + part * (self.end - self.start)


def y_range(values):
    """At least a decade, so that flat looks flat."""
    low, high = min(values) / 1.3, max(values) * 1.3
    middle = math.sqrt(low * high)
    return min(low, middle / 10 ** 0.5), max(high, middle * 10 ** 0.5)


def x_label(value, bytes_on_x):
    return size(value) if bytes_on_x else number(value)


def chart(title, x_title, y_title, series, bytes_on_x=False):
    """The text of an SVG. series: [{"name": ..., "points": [[x, y], ...]}]."""
    series = [one for one in series if one["points"]]
    xs = sorted({x for one in series for x, _ in one["points"]})
    low = max(xs[0], 1)
    x_axis = Axis(low, max(xs[-1], low * 2), LEFT, WIDTH - RIGHT)
    y_axis = Axis(*y_range([y for one in series for _, y in one["points"]]), HEIGHT - BOTTOM, TOP)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s">' % (
        WIDTH, HEIGHT, escape(title, {'"': "&quot;"})), "<style>%s</style>" % STYLE]
    out.append('<text class="title" x="%d" y="20">%s</text>' % (LEFT, escape(title)))
    for tick in ticks(y_axis.low, y_axis.high):
        y = y_axis.at(tick)
        out.append('<line class="grid" x1="%d" y1="%.1f" x2="%d" y2="%.1f"/>' % (LEFT, y, WIDTH - RIGHT, y))
        out.append('<text x="%d" y="%.1f" text-anchor="end">%s</text>' % (LEFT - 8, y + 4, number(tick)))
    for x in xs:
        place = x_axis.at(x)
        out.append('<line class="grid" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/>' % (place, TOP, place, HEIGHT - BOTTOM))
        out.append('<text x="%.1f" y="%d" text-anchor="middle">%s</text>' % (
            place, HEIGHT - BOTTOM + 18, x_label(x, bytes_on_x)))
    out.append('<path class="axis" fill="none" d="M%d %dV%dH%d"/>' % (LEFT, TOP, HEIGHT - BOTTOM, WIDTH - RIGHT))
    out.append('<text x="%.0f" y="%d" text-anchor="middle">%s</text>' % (
        (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, escape(x_title)))
    out.append('<text transform="translate(16 %.0f) rotate(-90)" text-anchor="middle">%s</text>' % (
        (TOP + HEIGHT - BOTTOM) / 2, escape(y_title)))
    legend = LEFT
    for one, colour in zip(series, COLOURS):
        places = [(x_axis.at(x), y_axis.at(y)) for x, y in one["points"]]
        out.append('<path class="line" stroke="%s" d="M%s"/>' % (colour, "L".join("%.1f %.1f" % place for place in places)))
        for (x, y), (_, value) in zip(places, one["points"]):
            out.append('<circle cx="%.1f" cy="%.1f" r="3" fill="%s"><title>%.4g</title></circle>' % (x, y, colour, value))
        out.append('<rect x="%d" y="34" width="14" height="4" rx="2" fill="%s"/>' % (legend, colour))
        out.append('<text x="%d" y="41">%s</text>' % (legend + 20, escape(one["name"])))
        legend += 34 + 7 * len(one["name"])
    return "\n".join([*out, "</svg>", ""])
