#!/usr/bin/env python3
"""What a profile of the compiler is made of, beside the interop contract: every hot path, some thousand times.

Times do not matter; it runs with counters built in. packaging/profile/profile.py calls it.
"""
import sys

sys.dont_write_bytecode = True

import counts
import lab as laboratory

CALLS, WINDOW = 20000, 256
MODES = (("lat", CALLS), ("cb", CALLS // 2), ("pipe", CALLS, WINDOW), ("batch", CALLS, WINDOW), ("bulk", 200))


def run(lab):
    for transport in ("unix", "tcp"):
        for mode in MODES:
            lab.pair("native", "native", mode, transport)
        for path in counts.PATHS:
            server = lab.server("native", transport)
            lab.run([lab.case.program("paths_client"), server.addr, path, str(CALLS // 4)])
            server.process.close()
    # Half of a conversation each, with stock Python at the other end.
    lab.pair("python", "native", ("lat", CALLS // 10))
    lab.pair("native", "python", ("lat", CALLS // 10))


def main():
    lab = laboratory.Lab(True)
    try:
        run(lab)
    finally:
        lab.close()


if __name__ == "__main__":
    main()
