#!/usr/bin/env python3
"""arrays_server.py [--public]: a stock server that gives arrays of numbers; with default rules, or with
allow_public_attrs and allow_pickle. Prints "PORT N" and ends with its standard input.

Without numpy there are only Python's own arrays.
"""
import array
import sys
import threading

import rpyc
from rpyc.utils.server import ThreadedServer

try:
    import numpy
except ImportError:
    numpy = None
try:
    import pandas
except ImportError:
    pandas = None


def arrays():
    """What is given, by name."""
    given = {
        "array_d": array.array("d", [0.5, -1.5, 2.5]),
        "array_i": array.array("i", range(1000)),
        "array_l": array.array("l", [-5, 6]),
        "array_u": array.array("u", "ab"),
        "array_empty": array.array("h"),
        "view_bytes": memoryview(b"abc"),
        "view_doubles": memoryview(array.array("d", [1.5, 2.5])),
        "view_matrix": memoryview(bytes(range(6))).cast("B", (2, 3)),
        "bytearray": bytearray(range(256)),
        "nested": {"list": [array.array("b", [1, 2]), bytearray(b"xy")], "tuple": (memoryview(b"z"),)},
    }
    if numpy:
        given.update({
            "doubles": numpy.arange(2000) / 2.0,
            "floats": numpy.array([0.5, 1.5], "f4"),
            "halves": numpy.array([0.5, -2.0, 65504.0], "f2"),
            "ints": numpy.arange(-3, 3),
            "bytes": numpy.arange(5, dtype="u1"),
            "big_endian": numpy.array([1, 2, 300], ">i4"),
            "unsigned": numpy.array([2 ** 64 - 1], "u8"),
            "truths": numpy.array([True, False]),
            "matrix": numpy.arange(6.0).reshape(2, 3),
            "transposed": numpy.arange(6.0).reshape(2, 3).T,
            "cube": numpy.arange(24, dtype="i2").reshape(2, 3, 4),
            "strided": numpy.arange(10.0)[::3],
            "single": numpy.array(2.5),
            "empty": numpy.zeros((0,)),
            "empty_rows": numpy.zeros((2, 0)),
            "complex": numpy.array([1 + 2j, 3]),
            "objects": numpy.array([1, "two", [3.0]], dtype=object),
            "texts": numpy.array(["a", "b"]),
            "words": [numpy.str_("word"), numpy.bytes_(b"bytes"), {numpy.str_("key"): numpy.str_("")}],
            "numbers": [numpy.float64(0.5), numpy.int32(7), numpy.bool_(True), numpy.float32(0.25), numpy.uint8(255)],
            "keys": {numpy.int64(1): numpy.float64(2.0)},
            "long": numpy.arange(100000.0),
            "own_items": numpy.empty(2, dtype=object),
        })
        given["own_items"][:] = [given["own_items"]] * 2
    if pandas:
        frame = pandas.DataFrame({"x": [1.5, 2.5], "s": ["a", "b"]})
        given.update({"column": frame["x"], "strings": frame["s"], "names": frame.columns, "rows": frame.index})
    return given


class ArraysService(rpyc.Service):
    def exposed_give(self, name):
        return arrays()[name]

    def exposed_has_numpy(self):
        return numpy is not None

    def exposed_numpy_of(self, given):
        """What numpy makes of an array of the client's, in how many requests: its type, shape and sum."""
        conn = object.__getattribute__(given, "____conn__")
        before = next(conn._seqcounter)
        made = numpy.asarray(given)
        requests = next(conn._seqcounter) - before - 1
        made[:1] = made[:1]  # it can be written to
        return (made.dtype.str, made.shape, float(made.sum()), requests)

    def exposed_copies_of(self, given):
        """What the other ways give."""
        made = array.array(given.typecode, given.tobytes())
        return (rpyc.classic.obtain(given) == list(made), sum(given) == sum(made), len(given) == len(made))


def main():
    config = {"allow_public_attrs": True, "allow_pickle": True} if "--public" in sys.argv[1:] else {}
    server = ThreadedServer(ArraysService, hostname="127.0.0.1", port=0, logger=None, protocol_config=config)
    server.listener.listen()  # as start() will, which may come later than the client
    print("PORT %d" % server.port, flush=True)
    threading.Thread(target=server.start, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
