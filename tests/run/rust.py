"""All Rust tests, as one part: their counts are added to the rest."""
import os
import re
import subprocess
import threading
import time

from runner import ROOT, TAIL

NAME = "cargo-test"
SECONDS = 1500


def run(results):
    """Runs `cargo test` and adds what it counts; each failing and each ignored test is named."""
    started = time.monotonic()
    cargo = os.environ.get("CARGO", "cargo")
    env = dict(os.environ, CARGO_TERM_COLOR="never")
    env.pop("BLESS", None)                           # nothing that is committed is rewritten here
    try:
        child = subprocess.Popen([cargo, "test", "--locked", "--no-fail-fast"], cwd=ROOT, env=env, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    except OSError as error:
        results.failed.append((NAME, "cannot start %s: %s" % (cargo, error.strerror)))
        return results.say(NAME, "FAIL", 0.0, error.strerror)
    clock = threading.Timer(SECONDS, child.kill)
    clock.start()
    try:
        lines, failed = count(child, results)
        code = child.wait()
    finally:
        clock.cancel()
    if code != 0 and not failed:
        why = "did not end in %d s" % SECONDS if code < 0 else "ended with %d" % code
        results.failed.append((NAME, why))
        results.say(NAME, "FAIL", time.monotonic() - started, why)
    if code != 0:
        for line in failures(lines):
            print("    | " + line)
    results.slow.append((time.monotonic() - started, NAME))


def failures(lines):
    """What the failing tests printed, or the end of all where none got to run."""
    found, inside = [], False
    for line in lines:
        if re.match(r"---- .* stdout ----", line):
            inside = True
        elif re.match(r"test result:|     Running |   Doc-tests ", line):
            inside = False
        if inside or line.startswith("error"):
            found.append(line)
    return found[:400] or lines[-TAIL:]


def count(child, results):
    """Reads the output to its end; the lines, and whether a test failed."""
    lines, binary, since, failed = [], "", time.monotonic(), False
    for line in child.stdout:
        line = line.rstrip("\n")
        lines.append(line)
        running = re.match(r"     Running (?:unittests )?(\S+)|   Doc-tests (\S+)", line)
        if running:
            binary, since = running.group(1) or "documentation of " + running.group(2), time.monotonic()
        one = re.match(r"test (.+) \.\.\. (FAILED|ignored)", line)
        if one and one.group(2) == "FAILED":
            failed = True
            results.failed.append(("%s %s %s" % (NAME, binary, one.group(1)), "see above"))
        elif one:
            results.not_run.append(("%s %s %s" % (NAME, binary, one.group(1)), "it is marked #[ignore]"))
        total = re.match(r"test result: (ok|FAILED)\. (\d+) passed; (\d+) failed", line)
        if total:
            results.passed += int(total.group(2))
            results.say("%s %s" % (NAME, binary), "ok" if total.group(1) == "ok" else "FAIL", time.monotonic() - since,
                        "%s passed, %s failed" % (total.group(2), total.group(3)))
    return lines, failed
