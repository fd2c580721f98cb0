"""Which lines of the processor's cache the code of a run lies in, read from what callgrind wrote with --dump-instr=yes."""
import collections
import re

LINE = 64                                            # bytes
# Code that runs less often than this for each call is not the path's.
OFTEN = 0.25

# "(3) /lib/x.so", later "(3)" alone.
NAMED = re.compile(r"\((\d+)\)(?: (.+))?$")


class Costs:
    """Reads one file: its addresses are absolute, or relative to the one before."""

    def __init__(self):
        self.executed = collections.Counter()        # (object, line): instructions
        self.names, self.object, self.address = {}, None, 0
        self.calls = False

    def name(self, text):
        number, name = NAMED.match(text).groups()
        if name:
            self.names[number] = name
        return self.names[number]

    def read(self, file):
        for row in file:
            key, equals, rest = row.rstrip("\n").partition("=")
            if equals and key in ("ob", "cob"):
                name = self.name(rest)
                self.object = name if key == "ob" else self.object
            elif equals and key == "calls":
                self.calls = True                    # the next row has what the callee cost
            elif row[:1] in "0+-*":
                self.cost(row.split())
        return self.executed

    def cost(self, fields):
        where = fields[0]
        if where.startswith("0x"):
            self.address = int(where, 16)
        elif where != "*":
            self.address += int(where)
        if not self.calls and len(fields) > 2:
            self.executed[self.object, self.address // LINE] += int(fields[2])
        self.calls = False


def executed(path):
    """{(object, line): instructions} of a run."""
    with open(path, encoding="utf-8") as file:
        return Costs().read(file)


def lines(few, many, calls):
    """How many lines the additional calls have gone through."""
    return sum((count - few.get(line, 0)) / calls > OFTEN for line, count in many.items())
