#!/usr/bin/env python3
"""What conversions cost: each scalar type of numpy and each container, in C, C++ and Go, both ways; `make bench-conversions` calls it.

    conversions.py [--quick] [--write]

It is the stock peer itself and counts the requests in both directions. Prints tables in markdown, and with --write puts them into
docs/internals/performance.md. Runs with a Python that has rpyc and numpy; --quick does each thing once, to see that it still can be.
"""
import argparse
import array
import os
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True

import numpy
import rpyc
from rpyc.core import consts
from rpyc.core.protocol import Connection
from rpyc.utils.server import ThreadedServer

try:
    import pandas
except ImportError:
    pandas = None

TARGET = os.environ["TARGET"]
LANGUAGES = {"C": "conversions", "C++": "cpp/conversions", "Go": "go/conversions"}
MANY = 2000
DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "internals", "performance.md")
BEGIN, END = "<!-- bench: conversions -->", "<!-- bench: end -->"

# Name: what is given, and what the languages make of it: C, then C++ and Go.
SCALARS = {
    "bool_": (numpy.bool_(True), "bool"), "int8": (numpy.int8(-7), "int"), "int16": (numpy.int16(-7), "int"),
    "int32": (numpy.int32(-7), "int"), "int64": (numpy.int64(-7), "int"), "uint8": (numpy.uint8(7), "int"),
    "uint16": (numpy.uint16(7), "int"), "uint32": (numpy.uint32(7), "int"), "uint64": (numpy.uint64(2 ** 64 - 1), "uint"),
    "float16": (numpy.float16(2.5), "float"), "float32": (numpy.float32(2.5), "float"), "float64": (numpy.float64(2.5), "float"),
    "longdouble": (numpy.longdouble(2.5), "float"), "complex64": (numpy.complex64(1 + 2j), "complex"),
    "complex128": (numpy.complex128(1 + 2j), "complex"), "str_": (numpy.str_("text"), "str"), "bytes_": (numpy.bytes_(b"data"), "bytes"),
    "datetime64": (numpy.datetime64("2026-01-01"), "int"), "timedelta64": (numpy.timedelta64(7, "s"), "int"),
}
FLOATS = [n / 2 for n in range(MANY)]
CONTAINERS = {
    "ndarray": (numpy.array(FLOATS), "floats"), "array.array": (array.array("d", FLOATS), "floats"),
    "memoryview": (memoryview(array.array("d", FLOATS)), "floats"), "bytearray": (bytearray(MANY), "bytes"),
    "list": (FLOATS, "floats"), "tuple": (tuple(FLOATS), "floats"), "dict": (dict(enumerate(FLOATS)), "map"), "set": (set(FLOATS), "set"),
}
if pandas is not None:
    CONTAINERS["DataFrame, a column"] = (pandas.DataFrame({"x": FLOATS})["x"], "floats")

# What Python makes of what is given to it: a kind, what the program does, and how often.
WAYS = [
    ("float", "x", lambda x: x), ("tuple", "x", lambda x: x), ("array", "numpy.asarray(x)", numpy.asarray),
    ("array", "numpy.frombuffer(x.tobytes(), x.typecode)", lambda x: numpy.frombuffer(x.tobytes(), x.typecode)),
    ("array", "list(x)", list), ("list", "list(x)", list), ("list", "obtain(x)", rpyc.classic.obtain), ("list", "numpy.asarray(x)", numpy.asarray),
    ("dict", "obtain(x)", rpyc.classic.obtain),
]


class Counted(Connection):
    """Counts the requests of both sides, but for those that free objects."""
    requests = 0

    def _async_request(self, handler, *args, **named):
        if handler != consts.HANDLE_DEL:
            Counted.requests += 1
        return super()._async_request(handler, *args, **named)

    def _dispatch_request(self, seq, raw_args):
        if raw_args[0] != consts.HANDLE_DEL:
            Counted.requests += 1
        return super()._dispatch_request(seq, raw_args)


class Giver(rpyc.Service):
    _protocol = Counted

    def exposed_give(self, name):
        return (SCALARS.get(name) or CONTAINERS[name.replace("_", " ").replace("DataFrame a", "DataFrame, a")])[0]


def said(us, requests):
    time_text = "%.0f ms" % (us / 1000) if us >= 10000 else "%.2f ms" % (us / 1000)
    return "%d, %s" % (requests, time_text)


def servers():
    """Addresses of a server with default rules, and of one with public names."""
    for public in (False, True):
        server = ThreadedServer(Giver, hostname="127.0.0.1", port=0, protocol_config={"allow_public_attrs": public})
        threading.Thread(target=server.start, daemon=True).start()
        yield "tcp://127.0.0.1:%d" % server.port


class Program:
    """A native program, in one of its two uses."""

    def __init__(self, language, *args):
        self.language = language
        self.process = subprocess.Popen([os.path.join(TARGET, "c", LANGUAGES[language]), *args], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def convert(self, name, kind, count):
        """Requests and microseconds of one conversion, or why there is none."""
        self.ask(name, kind, 1)
        before = Counted.requests
        us, _, text = self.ask(name, kind, count).partition(" ")
        return (text, None) if us == "-" else ((Counted.requests - before) / count, float(us))

    def ask(self, name, kind, count):
        self.process.stdin.write("%s %s %d\n" % (name.replace(",", "").replace(" ", "_"), kind, count))
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit("%s: the program has ended" % self.language)
        return line.strip()

    def close(self):
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()


def kind_for(language, name, kind):
    """C has one conversion for each kind of value, and copies everything else."""
    if language != "C":
        return kind
    return {"uint": "int"}.get(kind, kind if name in SCALARS else "obtain")


def from_python(address, things, count):
    """{name: {language: cell}}: results of calls."""
    rows = {}
    for language in LANGUAGES:
        program = Program(language, "call", address)
        for name, (_, kind) in things.items():
            found = program.convert(name, kind_for(language, name, kind), count)
            rows.setdefault(name, {})[language] = "none" if found[1] is None else said(found[1], found[0])
        program.close()
    return rows


def service(language):
    program = Program(language, "serve")
    host, port = program.process.stdout.readline().split("tcp://", 1)[1].rsplit(":", 1)
    connection = rpyc.connect(host.strip(), int(port), service=type("Client", (rpyc.VoidService,), {"_protocol": Counted}),
                              config={"allow_pickle": True, "allow_public_attrs": True, "sync_request_timeout": 120})
    return program, connection


def timed(function, count):
    function()
    before, best = Counted.requests, 1e9
    for _ in range(count):
        start = time.monotonic()
        function()
        best = min(best, time.monotonic() - start)
    return best * 1e6, (Counted.requests - before) / count


def as_arguments(count):
    """The same scalars as arguments of typed functions, from a stock client."""
    rows = {}
    for language in LANGUAGES:
        program, connection = service(language)
        for name, (value, kind) in SCALARS.items():
            if kind == "complex":                    # signatures have no such type
                continue
            take = getattr(connection.root, "take_" + {"uint": "int"}.get(kind, kind))
            try:
                outcome = said(*timed(lambda: take(value), count))
            except OverflowError:
                outcome = "OverflowError"
            except TypeError:
                outcome = "none"
            rows.setdefault(name, {})[language] = outcome
        connection.close()
        program.close()
    return rows


def to_python(count):
    rows = {}
    for language in LANGUAGES:
        program, connection = service(language)
        for name, text, function in WAYS:
            try:
                outcome = said(*timed(lambda: function(connection.root.give(name)), count))
            except (TypeError, ValueError) as error:
                outcome = type(error).__name__
            rows.setdefault("%s: `%s`" % (name, text), {})[language] = outcome
        connection.close()
        program.close()
    return rows


def table(title, rows, first):
    lines = [title, "", "| %s | %s |" % (first, " | ".join(LANGUAGES)), "| --- |" + " --- |" * len(LANGUAGES)]
    lines += ["| %s | %s |" % (name, " | ".join(cells[language] for language in LANGUAGES)) for name, cells in rows.items()]
    return lines + [""]


def write(lines):
    with open(DOCUMENT, encoding="utf-8") as file:
        before, rest = file.read().split(BEGIN)
    with open(DOCUMENT, "w", encoding="utf-8") as file:
        file.write("%s%s\n\n%s\n%s%s" % (before, BEGIN, "\n".join(lines), END, rest.split(END, 1)[1]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    many, few = (1, 1) if options.quick else (200, 5)
    default, public = servers()
    lines = ["numpy %s, RPyC %s. Each cell has the requests of both sides, the call itself among them, and the shortest time." % (numpy.__version__, rpyc.__version__), ""]
    lines += table("Scalars of numpy, as results", from_python(default, SCALARS, many), "numpy")
    lines += table("Scalars of numpy, as arguments of typed functions", as_arguments(many), "numpy")
    lines += table("Containers of %d numbers, default rules" % MANY, from_python(default, CONTAINERS, few), "Python")
    lines += table("Containers of %d numbers, public names" % MANY, from_python(public, CONTAINERS, few), "Python")
    lines += table("%d numbers to Python" % MANY, to_python(few), "given, and what Python does")
    print("\n".join(lines))
    if options.write:
        write(lines)


if __name__ == "__main__":
    main()
