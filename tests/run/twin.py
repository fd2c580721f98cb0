"""Random programs of operations: by a stock client on a stock service and its native copy in C, C++, Go and over bare sessions; by a
stock client and native ones in C, C++ and Go on a stock service; and by a stock client on a stock service with and without native
ones in the middle: tests/twin. SEEDS=20000 in the environment runs as many, SEEDS=100-200 these."""
import os
import re

import cpp
from runner import ROOT, test

VERSIONS = ("6.0.2", "5.3.1")
MAIN = os.path.join(ROOT, "tests", "twin", "main.py")
SEEDS = {"serve": 160, "pool": 20, "queue": 20, "drive": 160, "drive-cpp": 60, "drive-go": 60, "bridge": 100,
         "bridge-cpp": 40, "bridge-go": 70, "bridge-two": 40, "cpp": 50, "go": 50, "bare": 40}
NAMES = {"serve": "native-service", "pool": "pooled-service", "queue": "queued-service",
         "drive": "native-client", "drive-cpp": "client-in-cpp", "drive-go": "client-in-go",
         "bridge": "native-bridge", "bridge-cpp": "bridge-in-cpp", "bridge-go": "bridge-in-go",
         "bridge-two": "bridge-in-go-behind-cpp", "cpp": "service-in-cpp", "go": "service-in-go", "bare": "service-over-sessions"}
PROGRAMS = {"drive-cpp": ["cpp/twin"], "drive-go": ["go/twin"], "bridge-cpp": ["cpp/twin"], "bridge-go": ["go/twin"],
            "bridge-two": ["go/twin", "cpp/twin"], "cpp": ["cpp/twin"], "go": ["go/twin"], "bare": ["twin_bare"]}
ASKED = os.environ.get("SEEDS", "")
SECONDS = 240 if not ASKED else 24 * 3600


def seeds(mode):
    """First and last."""
    asked = ASKED or str(SEEDS[mode])
    return asked if "-" in asked else "1-" + asked


def run(case, version, mode, native):
    done = case.run([case.python(version), MAIN, native, mode, seeds(mode)], codes=(0, 1))
    found = re.fullmatch(r"(\d+ operations of \d+ programs), 0 failed", done.output.splitlines()[-1])
    case.check(found, "there are differences")
    case.note(found.group(1))


def register(version, mode):
    @test("twin.%s.%s" % (NAMES[mode], version), SECONDS)
    def twin(case):
        programs = PROGRAMS.get(mode, ["twin"])
        if "go/twin" in programs:
            case.need("go")
        run(case, version, mode, ",".join(case.program(name) for name in programs))


for python in VERSIONS:
    for way in NAMES:
        register(python, way)


def sanitized(case, program):
    for mode in ("cpp", "bridge-cpp"):
        run(case, VERSIONS[0], mode, program)


test("cpp.sanitized.twin", 900, long=True)(cpp.sanitized("twin", sanitized))
