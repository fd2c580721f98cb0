#!/usr/bin/env python3
"""native_array.py tcp://HOST:PORT: an array of a C server, as a Python client sees it, and Python's lists there."""
import array
import sys

import rpyc

NUMBERS = [-1, 0, 1, 256, 4096]


def main():
    host, _, port = sys.argv[1][len("tcp://"):].rpartition(":")
    conn = rpyc.connect(host, int(port))
    numbers = conn.root.make()
    checks = {
        "len": len(numbers) == 5,
        "items": [numbers[0], numbers[-1]] == [-1, 4096],
        "iteration": list(numbers) == NUMBERS,
        "a slice": list(numbers[1:4:2]) == [0, 256] and list(numbers[::-1]) == NUMBERS[::-1],
        "in": 256 in numbers and 257 not in numbers,
        "repr": repr(numbers) == repr(array.array("h", NUMBERS)),
        "bytes": array.array(numbers.typecode, numbers.tobytes()) == array.array("h", NUMBERS),
        "itemsize": numbers.itemsize == 2,
        "tolist": list(numbers.tolist()) == NUMBERS,
        "the class": isinstance(numbers, array.array),
        "a list of ours": conn.root.kind([1, 2]) == "ref" and conn.root.echo(NUMBERS) is NUMBERS,
    }
    try:
        numbers[5]
        checks["index"] = False
    except IndexError as error:
        checks["index"] = "array index out of range" in str(error)
    try:
        numbers["x"]
        checks["type"] = False
    except TypeError:
        checks["type"] = True
    try:
        numbers[0] = 1
        checks["read-only"] = False
    except (AttributeError, TypeError):
        checks["read-only"] = True
    conn.close()
    for name, good in checks.items():
        if not good:
            print("not so:", name)
    bad = sum(not good for good in checks.values())
    print("%d passed, %d failed" % (len(checks) - bad, bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
