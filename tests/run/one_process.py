"""librpyc and stock RPyC as servers and as clients in one process of Python, which forks and interrupts."""
import os
import re

from behaviour import CLIENTS
from runner import TARGET, test

LEAST = 8 * 6 * 30                                   # pings


@test("one-process.6.0.2")
def one_process(case):
    library = os.path.join(TARGET, "release", "librpyc.so")
    done = case.run([case.python("6.0.2"), "-W", "ignore", os.path.join(CLIENTS, "one_process.py"), library, case.folder])
    found = re.fullmatch(r"(\d+) pings", done.output.strip())
    case.check(found and int(found.group(1)) >= LEAST, done.output)
    case.note(found.group(1) + " pings")
