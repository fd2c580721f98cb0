"""The C programs of tests/c_border: what the border does with misuse, signals, forks and the rest."""
import glob
import os
import re

import prepare
from runner import ROOT, TARGET, Inapplicable, test

# They need a peer, and are used elsewhere.
NOT_ALONE = {"answers", "arrays", "background_client", "batch_peer", "beyond", "bridge", "bridges", "bridges_bare", "buffers_peer", "classic_client", "classic_nesting", "classic_slave", "dialects", "differs_peer", "errors", "exhaustion", "handover", "hostile_server", "hostile_sessions", "hostile_client", "identities", "idle_release", "local_deferred", "native_peers", "nesting_middle", "nesting_releases", "numbers", "parameters_client", "parameters_server", "reflection", "release_then_call", "restricted_views", "services", "staying", "stdio", "tls", "typed_calls", "upstream", "waiting"}


def programs():
    names = {os.path.basename(path)[:-2] for path in glob.glob(os.path.join(ROOT, "tests", "c_border", "*.c"))}
    return sorted((names - NOT_ALONE) | {"every_function_null"})


def run(case, name, before=(), args=()):
    """Runs one of them; its last line counts its checks, none of which may fail."""
    counted(case, case.run([*before, case.program(os.path.join("border", name)), *args]).output)


def counted(case, output):
    """The last line of a program counts its checks."""
    lines = output.splitlines()
    found = re.fullmatch(r"([1-9]\d*) passed, 0 failed", lines[-1] if lines else "")
    case.check(found, "the last line is %r" % (lines[-1:],))
    case.note(found.group(1) + " checks")


def register(name):
    @test("border." + name, 90)
    def border(case):
        run(case, name)


@test("border.shared-memory-of-another-user")
def another_user(case):
    if os.geteuid() != 0:
        raise Inapplicable("only root can become another user")
    run(case, "shared_memory", args=["other-user"])


def register_buffers(version, plain):
    @test("border.buffers.python-%s%s" % (version, "-plain" if plain else ""), 90)
    def buffers(case):
        script = os.path.join(ROOT, "tests", "run", "clients", "bytes_server.py")
        server = case.start([case.python(version), script, *(["--plain"] if plain else [])])
        port = server.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)
        run(case, "buffers_peer", args=["tcp://127.0.0.1:" + port, "5"])


def register_alignment(version, plain):
    @test("border.alignment.python-%s%s" % (version, "-plain" if plain else ""), 90)
    def alignment(case):
        script = os.path.join(ROOT, "tests", "run", "clients", "bytes_server.py")
        server = case.start([case.python(version), script, *(["--plain"] if plain else [])])
        port = server.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)
        run(case, "alignment", args=["tcp://127.0.0.1:" + port])


ARRAYS = {"c": "border/arrays", "cpp": "cpp/arrays", "go": "go/arrays"}


def register_arrays(language, version, rules, numpy):
    @test("arrays.%s.%s.%s-rules.%s" % (language, "of-numpy" if numpy else "of-python", rules, version), 60)
    def arrays(case):
        python = case.python(version)
        if numpy:
            case.need("numpy")
        script = os.path.join(ROOT, "tests", "run", "clients", "arrays_server.py")
        server = case.start([python, script, *(["--public"] if rules == "public" else [])])
        port = server.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)
        if language == "go":
            case.need("go")
        pandas = numpy and language == "c" and version in prepare.EXTRAS["pandas"]
        if pandas:
            case.need("pandas")
        counted(case, case.run([case.program(ARRAYS[language]), "tcp://127.0.0.1:" + port, rules, str(int(numpy) + pandas)]).output)


def register_containers(version):
    @test("containers.like-those-of-stock-python.%s" % version, 120)
    def containers(case):
        server = case.start([case.program("border/containers"), "tcp://127.0.0.1:0"])
        address = server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)
        script = os.path.join(ROOT, "tests", "run", "clients", "containers_client.py")
        counted(case, case.run([case.python(version), script, address]).output)
        case.equal(server.wait(case.left(30)), 0, "exit code of the server")
        counted(case, server.output)


def register_streams(version):
    @test("containers.streams.%s" % version, 120)
    def streams(case):
        server = case.start([case.program("border/containers"), "tcp://127.0.0.1:0", "stream"])
        address = server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)
        script = os.path.join(ROOT, "tests", "run", "clients", "streams_client.py")
        counted(case, case.run([case.python(version), script, address, str(server.popen.pid)]).output)
        case.equal(server.wait(case.left(30)), 0, "exit code of the server")


def register_background(version):
    @test("border.background.python-" + version, 90)
    def background(case):
        script = os.path.join(ROOT, "examples-c", "peers", "ticker_server.py")
        server = case.start([case.python(version), script, "tcp://127.0.0.1:0"])
        run(case, "background_client", args=[server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)])


def waiting_server(case, version):
    server = case.start([case.python(version), os.path.join(ROOT, "tests", "run", "clients", "waiting_server.py")])
    return "tcp://127.0.0.1:" + server.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)


def register_waiting(version):
    @test("border.waiting.python-" + version, 90)
    def waiting(case):
        run(case, "waiting", args=[waiting_server(case, version)])


def register_batch(version):
    script = os.path.join(ROOT, "tests", "run", "clients", "batch_server.py")

    def served(case, *mode):
        server = case.start([case.python(version), script, *mode])
        return "tcp://127.0.0.1:" + server.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)

    @test("border.batch.python-" + version, 90)
    def batch(case):
        run(case, "batch_peer", args=[served(case)])

    for mode in ("reversed", "deaf", "ends"):
        @test("border.batch.python-%s-%s" % (version, mode), 90)
        def batch_odd(case, mode=mode):
            run(case, "batch_peer", args=[served(case, mode), mode, version[0]])

    @test("border.batch.for-python-" + version, 90)
    def batch_for(case):
        server = case.start([case.program("border/batch_peer"), "--serve"])
        port = server.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)
        client = os.path.join(ROOT, "tests", "run", "clients", "batch_client.py")
        case.check(case.run([case.python(version), client, port]).output == "good\n", "the client")


def register_stress(version):
    @test("border.stress.python-" + version, 150)
    def stress(case):
        script = os.path.join(ROOT, "tests", "run", "clients", "stress_server.py")
        server = case.start([case.python(version), script])
        port = server.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)
        run(case, "stress", args=["6", "tcp://127.0.0.1:" + port])


def register_idle_release(server):
    @test("border.idle-release.with-" + server, 180)
    def idle_release(case):
        peer, address = release_server(case, server)
        run(case, "idle_release", args=[address])
        case.check(peer.popen.poll() is None, "the server has ended")


def release_server(case, server):
    """What makes objects whose end it counts: stock Python of a version, or "c"."""
    if server == "c":
        peer = case.start([case.program("border/idle_release"), "serve"])
        return peer, peer.wait_for(r"^listening (\S+)$", case.left(30)).group(1)
    peer = case.start([case.python(server), os.path.join(ROOT, "tests", "run", "clients", "release_server.py")])
    return peer, "tcp://127.0.0.1:" + peer.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)


def register_poll_twin(version):
    @test("border.poll-as-stock.python-" + version, 120)
    def poll_twin(case):
        library = os.path.join(TARGET, "release", "librpyc.so")
        case.check(os.path.exists(library), "target/release/librpyc.so was not built")
        script = os.path.join(ROOT, "tests", "run", "clients", "poll_twin.py")
        counted(case, case.run([case.python(version), script, library]).output)


def register_stdio(version):
    @test("border.stdio-isolated.python-" + version, 120)
    def stdio(case):
        script = os.path.join(ROOT, "tests", "run", "clients", "stdio_isolated.py")
        counted(case, case.run([case.python(version), script, case.program("border/stdio")]).output)


def register_differs(version):
    @test("border.differs.python-" + version, 120)
    def differs(case):
        script = os.path.join(ROOT, "tests", "run", "clients", "differs_twin.py")
        counted(case, case.run([case.python(version), script, case.program("border/differs_peer")]).output)


for server in ("6.0.2", "5.3.1", "c"):
    register_idle_release(server)
for python in ("6.0.2", "5.3.1", "4.1.5"):
    register_poll_twin(python)
    register_stdio(python)
    register_differs(python)
for program in programs():
    register(program)
for python in ("6.0.2", "5.3.1"):
    register_background(python)
    register_stress(python)
    register_waiting(python)
    register_batch(python)
    register_containers(python)
    register_streams(python)
    for without_compression in (False, True):
        register_buffers(python, without_compression)
        register_alignment(python, without_compression)
    for rules in ("default", "public"):
        for with_numpy in (False, True):
            for language in ARRAYS:
                register_arrays(language, python, rules, with_numpy)
