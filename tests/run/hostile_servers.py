"""Raw bytes against servers of every kind (tests/hostile): after each attack the server lives, holds no more threads, descriptors
and memory than before, and serves the next honest client. MUTANTS=100000 sends as many mutants, SEED=7 others."""
import os
import sys

import cpp
import go
import tool
from runner import ROOT, Failed, test

sys.path.append(os.path.join(ROOT, "tests"))

from hostile import budgets, containers, contents, forged, natives, silences, streams
from hostile.victim import Hurt, Victim
from hostile.wire import Closed, Hang

MIB = 1 << 20
MUTANTS = int(os.environ.get("MUTANTS") or 10000)
SEED = int(os.environ.get("SEED") or 1)
MOST_IN_USE = 8 * MIB                                # that malloc counts after attacks, beyond what it counted before
# With what the allocator keeps for later: heaps of threads, which the library does not trim.
MOST_RESIDENT = 640 * MIB


def attacked(kind, program="hostile_server", more=()):
    return lambda case, options: started(case, [case.program("border/" + program), kind, "tcp://127.0.0.1:0", *more, *options])


def over_shm(kind):
    """The peers of these write to rings, and read them."""
    return lambda case, options: started(case, [case.program("border/hostile_server"), kind, "shm://" + os.path.join(case.folder, "p"), *options])


def flagged(flag, command):
    """Options that stand behind a flag each."""
    return lambda case, options: started(case, [*command(case), *[word for option in options for word in (flag, option)]])


def started(case, command):
    server = case.start(command)
    return server, server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)


# "small-stacks": threads of the application, with stacks of 128 KiB. "loop", "sessions": one thread of it for all connections.
# Loops receive up to max_buffered of each peer that reads nothing.
SERVERS = {
    "c-server": attacked("server"), "shm-server": over_shm("server"), "shm-queue": over_shm("queue"), "queue": attacked("queue"), "slave": attacked("slave"), "small-stacks": attacked("small"),
    "pool": attacked("server", more=("pool_threads=3",)),
    "loop": attacked("loop", more=("max_buffered=%d" % (16 * MIB),)), "sessions": attacked("sessions", "hostile_sessions"),
    "bare-server": flagged("--set", lambda case: [case.program("bare_server"), "tcp://127.0.0.1:0"]),
    "cpp-server": flagged("--set", lambda case: [case.program("cpp/interop_server"), "tcp://127.0.0.1:0"]),
    "go-server": lambda case, options: go.start_server(case, "tcp", *options),
    "tool-server": flagged("-o", lambda case: [tool.binary(), "serve"]),
}
# Those that give lists and dicts of the library.
WITH_CONTAINERS = ("c-server", "pool", "queue", "small-stacks", "loop", "sessions")
# Those whose connections are accepted by the library.
ACCEPTING = ("c-server", "pool", "queue", "slave", "cpp-server", "go-server", "tool-server")

# What is about the threads of a pool: the rest is in `make test-long`.
IN_POOL = ("releases", "rules", "floods", "begun", "idle", "unread", "places", "answers", "mutants")
# What is short over shared memory, where the peer's end is in Python, likewise.
OVER_SHM = ("targets-and-ids", "rules", "requests", "malformed", "frames", "answers", "mutants", "memory")


def attack(case, name, functions, options=()):
    """Runs attacks, and looks after each of them."""
    server, address = SERVERS[name](case, options)
    try:
        # Threads of Go's runtime come and stay.
        victim = Victim(server, address, name != "go-server", options)
        in_use, slowest = victim.in_use(), 0.0
        for what, function in functions:
            try:
                function(victim)
            except Closed as why:
                raise Hurt("%s: the connection ends: %s" % (what, why)) from None
            except Hang as why:
                victim.alive(what)
                raise Hurt("%s: %s" % (what, why)) from None
            slowest = max(slowest, victim.recovered(what))
        if in_use is not None:
            grown = victim.in_use() - in_use
            case.check(grown < MOST_IN_USE, "%d bytes more are in use than before" % grown)
        case.check(victim.resident() < MOST_RESIDENT, "%d bytes are resident" % victim.resident())
    except Hurt as why:
        raise Failed(str(why)) from None
    case.note("%d MiB; honest clients wait %.0f ms" % (victim.resident() >> 20, slowest * 1000))
    case.stop(server)


def is_long(server, group):
    short = {"shm-queue": (), "shm-server": OVER_SHM, "pool": IN_POOL}.get(server)
    return short is not None and group not in short


def register(server, group, functions, options=()):
    @test("hostile.%s.%s" % (group, server), 120, long=is_long(server, group))
    def run(case):
        attack(case, server, [(function.__name__.replace("_", " "), function) for function in functions], options)


def register_mutants(server):
    @test("hostile.mutants.%s" % server, 120 + MUTANTS // 50, long=is_long(server, "mutants"))
    def run(case):
        each = -(-MUTANTS // len(SERVERS))
        seed = SEED * 1000 + list(SERVERS).index(server)
        attack(case, server, [("mutants of seed %d" % seed, lambda victim: streams.mutants(victim, each, seed))])
        case.note("%d mutants" % each)


for each in SERVERS:
    for attacks in (forged.ATTACKS, streams.ATTACKS, natives.ATTACKS):
        for subject, several in attacks.items():
            register(each, subject, several)
    for subject, several in containers.ATTACKS.items() if each in WITH_CONTAINERS else ():
        # Whose methods have public names.
        register(each, subject, several, ("allow_public_attrs=true",))
    for subject, several in contents.ATTACKS.items() if each.startswith("shm-") else ():
        register(each, subject, several)
    register_mutants(each)
    for subject, (options, several) in {**budgets.ATTACKS, **silences.ATTACKS, **(silences.PLACES if each in ACCEPTING else {}),
                                          **(silences.SENDING if each in (*ACCEPTING, "small-stacks") else {})}.items():
        register(each, subject, several, options)
