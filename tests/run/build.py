"""The library and the C programs are built, without a warning."""
import os

from runner import ROOT, test

GOALS = (("all", 900), ("interop-programs", 120), ("bench-programs", 120), ("examples", 120), ("border-programs", 120),
         ("cpp-programs", 900))


def register(goal, seconds):
    @test("build." + goal, seconds)
    def build(case):
        # -k: one program that does not compile leaves the others to be tested.
        case.run(["make", "-k", "-j%d" % (os.cpu_count() or 1), "--no-print-directory", goal], env={"MAKEFLAGS": ""}, folder=ROOT)


for goal, seconds in GOALS:
    register(goal, seconds)
