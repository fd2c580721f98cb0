"""The Rust tests, and the model of the threads: their counts are added to the rest."""
import os
import re
import signal
import subprocess
import threading
import time

from runner import ROOT, TAIL

CARGO = os.environ.get("CARGO", "cargo")
# name, command
PARTS = (
    ("cargo-test", (CARGO, "test", "--locked", "--features", "tool", "--no-fail-fast")),
    ("model", ("make", "--no-print-directory", "model")),
)
SECONDS = 1500
PART_OF_OTHERS = "other tests run it as a process of their own"      # the reason of an #[ignore] that leaves nothing out


def run(name, command, results):
    """Runs a part and adds what it counts; each failing and each ignored test is named."""
    started = time.monotonic()
    env = dict(os.environ, CARGO_TERM_COLOR="never", RUST_BACKTRACE="0", CARGO=CARGO, MAKEFLAGS="")
    env.pop("BLESS", None)                           # nothing that is committed is rewritten here
    try:
        child = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True)
    except OSError as error:
        results.failed.append((name, "cannot start %s: %s" % (command[0], error.strerror)))
        return results.say(name, "FAIL", 0.0, error.strerror)
    over = threading.Event()

    def end():
        over.set()
        os.killpg(child.pid, signal.SIGKILL)

    clock = threading.Timer(SECONDS, end)
    clock.start()
    try:
        lines, counted, failed = count(name, child, results)
        code = child.wait()
    finally:
        clock.cancel()
    if over.is_set() or not counted or code != 0 and not failed:
        why = "did not end in %d s" % SECONDS if over.is_set() else "ended with %d and %d tests" % (code, counted)
        results.failed.append((name, why))
        results.say(name, "FAIL", time.monotonic() - started, why)
        failed = True
    if failed:
        why = failures(lines)
        print("\n".join("    | " + line for line in why))
        results.reports.append((name, why))
    results.slow.append((time.monotonic() - started, name))


def failures(lines):
    """What the failing tests and the compiler's errors say, or the end of all where there is nothing of that."""
    found, inside = [], False
    for line in lines:
        if re.match(r"---- .* stdout ----|error", line):
            inside = True
        elif re.match(r"test result:|     Running |   Doc-tests |warning", line):
            inside = False
        if inside:
            found.append(line)
    return found[:400] or lines[-TAIL:]


def count(name, child, results):
    """Reads the output to its end: the lines, how many tests ran, and whether one failed."""
    lines, binary, since, counted, failed = [], "", time.monotonic(), 0, False
    for line in child.stdout:
        line = line.rstrip("\n")
        lines.append(line)
        running = re.match(r"     Running (?:unittests )?(\S+)|   Doc-tests (\S+)", line)
        if running:
            binary, since = running.group(1) or "documentation of " + running.group(2), time.monotonic()
        one = re.match(r"test (.+) \.\.\. (FAILED|ignored)(?:, (.+))?", line)
        if one and one.group(2) == "FAILED":
            failed = True
            results.failed.append(("%s %s %s" % (name, binary, one.group(1)), "see above"))
        elif one and one.group(3) != PART_OF_OTHERS:
            results.not_run.append(("%s %s %s" % (name, binary, one.group(1)), one.group(3) or "it is marked #[ignore]"))
        total = re.match(r"test result: (ok|FAILED)\. (\d+) passed; (\d+) failed", line)
        if total and total.group(2) + total.group(3) != "00":
            results.passed += int(total.group(2))
            counted += int(total.group(2)) + int(total.group(3))
            results.say("%s %s" % (name, binary), "ok" if total.group(1) == "ok" else "FAIL", time.monotonic() - since,
                        "%s passed, %s failed" % (total.group(2), total.group(3)))
    return lines, counted, failed
