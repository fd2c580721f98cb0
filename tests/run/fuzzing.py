"""libFuzzer on each target of fuzz/, a minute for each: `make test-long`. What it finds lies in target/fuzz/found."""
import glob
import os
import re

from runner import ROOT, Failed, test

SECONDS = int(os.environ.get("SECONDS") or 60)
CARGO = os.environ.get("CARGO", "cargo")


def register(name):
    @test("fuzz.libfuzzer.%s" % name, SECONDS + 3600, long=True)
    def fuzz(case):
        done = case.run(["make", "--no-print-directory", "fuzz", "FUZZ=" + name, "SECONDS=%d" % SECONDS, "CARGO=" + CARGO],
                        codes=(0, 1, 2))
        said = done.output + done.read("err")
        if done.popen.returncode != 0:
            raise Failed("libFuzzer finds something, or cannot be built: " + said[-2000:])
        count = re.search(r"stat::number_of_executed_units: *(\d+)", said)
        case.check(count and int(count.group(1)) > 0, "nothing was executed: " + said[-500:])
        covered = re.findall(r"cov: (\d+)", said)
        case.note("%s executions, coverage %s" % (count.group(1), covered[-1] if covered else "unknown"))


for path in sorted(glob.glob(os.path.join(ROOT, "fuzz", "fuzz_targets", "*.rs"))):
    if os.path.basename(path) != "seeds.rs":
        register(os.path.basename(path)[:-3])
