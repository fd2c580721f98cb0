"""TLS: streams of the application over OpenSSL, and the library's own, with stock RPyC on the other side."""
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time

import certificates
from examples import VERSIONS
from prepare import LIBRARIES
from runner import ROOT, TARGET, Inapplicable, test

CLIENTS = os.path.join(ROOT, "tests", "run", "clients")
OPENSSL = "openssl"
SILENT = 300                                         # more than twice as many as threads for handshakes


def stock_server(case, version, *files):
    server = case.start([case.python(version), os.path.join(CLIENTS, "tls_server.py"), *files])
    return server.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)


def stock_client(case, version, *args):
    done = case.run([case.python(version), os.path.join(CLIENTS, "tls_client.py"), *args])
    case.equal(done.output, "good\n", "what the client prints")


def openssl_stream(case):
    """The example over OpenSSL, compiled."""
    case.need(OPENSSL)
    case.tool("openssl")
    program, release = os.path.join(case.folder, "openssl_stream"), os.path.join(TARGET, "release")
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", OPENSSL], capture_output=True, text=True, check=True).stdout.split()
    case.run([os.environ.get("CC", "cc"), "-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-pthread",
              "-I" + os.path.join(ROOT, "include"), os.path.join(ROOT, "examples-c", "tls", "openssl_stream.c"), "-o", program,
              "-L" + release, "-lrpyc", "-Wl,-rpath," + release, *flags])
    return program


def example_client(version):
    def function(case):
        program = openssl_stream(case)
        authority = certificates.Authority(case.folder)
        port = stock_server(case, version, *authority.leaf("server"))
        done = case.run([program, "connect", "localhost", port, authority.ca])
        case.equal(done.output, "40 + 2 = 42\n", "what it prints")
        case.check(not done.read("err"), "it wrote to stderr")
        other = certificates.Authority(case.folder, "other")
        refused = case.run([program, "connect", "localhost", port, other.ca], codes=(1,))
        case.check("certificate verify failed" in refused.read("err"), "an unknown authority is refused")
    return function


def example_server(version):
    def function(case):
        program = openssl_stream(case)
        authority = certificates.Authority(case.folder)
        server = case.start([program, "serve", *authority.leaf("server")])
        port = server.wait_for(r"^listening 127.0.0.1 (\d+)$", case.left(30)).group(1)
        stock_client(case, version, port, authority.ca)
        case.equal(server.wait(case.left(30)), 0, "exit code of the server")
        case.check(not server.read("err"), "it wrote to stderr")
    return function


assert OPENSSL in LIBRARIES
for version_name in VERSIONS:
    test("example.openssl_stream.client.%s" % version_name, 90)(example_client(version_name))
    test("example.openssl_stream.server.%s" % version_name, 90)(example_server(version_name))


# ---------------------------------------------------------------- TLS of the library
def ours(case, *args, codes=(0,)):
    return case.run([case.program("border/tls"), *args], codes=codes)


def counted(case, output):
    case.check(output.splitlines()[-1].endswith(" passed, 0 failed"), output)


def our_server(case, *options):
    server = case.start([case.program("border/tls"), "serve", *options, *getattr(case, "pool", ())])
    return server, server.wait_for(r"^listening tls://127.0.0.1:(\d+)$", case.left(30)).group(1)


def pooled(function):
    """The same with a server whose connections share one thread."""
    def run(case):
        case.pool = ("pool_threads=1",)
        function(case)
    return run


def identity(pair):
    return ["tls_cert=" + pair[0], "tls_key=" + pair[1]]


def client_of_stock(version):
    def function(case):
        authority = certificates.Authority(case.folder)
        port = stock_server(case, version, *authority.leaf("server"))
        # By name and by address, by authority and by pin; whatever the dialect, which takes a second connection.
        counted(case, ours(case, "client", "tls://localhost:" + port, "tls_ca=" + authority.ca).output)
        pair = authority.self_signed("own")
        port = stock_server(case, version, *pair)
        counted(case, ours(case, "client", "tls://127.0.0.1:" + port, "tls_pin=" + certificates.fingerprint(pair[0]),
                           "tls_min_version=1.3").output)
        # Clients must show who they are.
        port = stock_server(case, version, *authority.leaf("server"), authority.ca)
        counted(case, ours(case, "client", "tls://127.0.0.1:" + port, "tls_ca=" + authority.ca, *identity(authority.leaf("client"))).output)
        told = ours(case, "refused", "tls://127.0.0.1:" + port, "tls_ca=" + authority.ca).output
        case.check("RPYC_OK" not in told and "connected" not in told, told)
    return function


def server_of_stock(version):
    def function(case):
        authority = certificates.Authority(case.folder)
        server, port = our_server(case, *identity(authority.leaf("server")))
        stock_client(case, version, port, authority.ca)
        case.stop(server)
        counted(case, server.output)
        server, port = our_server(case, *identity(authority.leaf("server")), "tls_client_certs=required", "tls_ca=" + authority.ca)
        stock_client(case, version, port, authority.ca, *authority.leaf("client"))
        case.stop(server)
        counted(case, server.output)
    return function


def native(case):
    """Our client and our server, with keys of each form, and the tool."""
    authority = certificates.Authority(case.folder)
    pkcs1 = authority.leaf("rsa", kind="rsa")
    certificates.openssl("rsa", "-in", pkcs1[1], "-traditional", "-out", pkcs1[1] + ".pkcs1")
    sec1 = authority.leaf("ec")
    certificates.openssl("pkcs8", "-topk8", "-nocrypt", "-in", sec1[1], "-out", sec1[1] + ".pkcs8")
    for pair in (sec1, (sec1[0], sec1[1] + ".pkcs8"), (pkcs1[0], pkcs1[1] + ".pkcs1")):
        with open(pair[1], encoding="utf-8") as file:
            case.check("PRIVATE KEY" in file.readline(), "a key")
        server, port = our_server(case, *identity(pair))
        with open(authority.ca, encoding="utf-8") as file:
            pem = file.read()
        counted(case, ours(case, "client", "tls://localhost:" + port, "tls_ca_pem=" + pem).output)
        case.stop(server)
    tool = os.path.join(TARGET, "release", "rpyc")
    server = case.start([tool, "serve", "tls://127.0.0.1:0", "--cert", sec1[0], "--key", sec1[1]])
    port = server.wait_for(r"^listening tls://127.0.0.1:(\d+)$", case.left(30)).group(1)
    for options in (["--ca", authority.ca], ["--pin", certificates.fingerprint(sec1[0])]):
        case.check(not case.run([tool, "ping", "-c", "1", *options, "tls://localhost:" + port]).read("err"), "no warning")
    warned = case.run([tool, "ping", "-c", "1", "--insecure", "tls://localhost:" + port]).read("err")
    case.check("not verified" in warned, warned)
    case.run([tool, "ping", "-c", "1", "tls://localhost:" + port], codes=(2, 3, 4))
    case.stop(server)


def refusals(case):
    """What is refused, each with a text of its own."""
    authority, other = certificates.Authority(case.folder), certificates.Authority(case.folder, "other")
    trusted = "tls_ca=" + authority.ca

    def told(pair, host, *options, serving=()):
        server, port = our_server(case, *identity(pair), *serving)
        text = ours(case, "refused", "tls://%s:%s" % (host, port), *options).output.strip()
        case.stop(server)
        return text

    def expect(text, what):
        case.check(what in text and "connected" not in text, "expected '%s' in '%s'" % (what, text))

    good = authority.leaf("good")
    expect(told(authority.leaf("old", end="20210101000000Z"), "localhost", trusted), "has expired")
    expect(told(authority.leaf("new", begin="20980101000000Z"), "localhost", trusted), "is not valid yet")
    expect(told(authority.leaf("elsewhere", alt="DNS:elsewhere"), "localhost", trusted), "is not for the name 'localhost'")
    expect(told(authority.leaf("name", alt="DNS:localhost"), "127.0.0.1", trusted), "is not for the IP address 127.0.0.1")
    expect(told(good, "localhost", "tls_ca=" + other.ca), "is issued by an unknown authority")
    own = authority.self_signed("own")
    text = told(own, "localhost", trusted)
    expect(text, "is self-signed")
    expect(text, certificates.fingerprint(own[0]))
    expect(told(own, "localhost", "tls_ca=" + own[0]), "is self-signed")
    expect(told(good, "localhost", "tls_pin=" + certificates.fingerprint(own[0])), "is not the one of tls_pin")
    expect(told(good, "localhost"), "cannot verify the server: set tls_ca")
    expect(told(good, "localhost", trusted, "tls_ca=/nonexistent"), "tls_ca: cannot read")
    expect(told(good, "localhost", "tls_ca=" + good[1]), "got none")
    expect(told(good, "localhost", "tls_pin=12"), "tls_pin: expected a SHA-256")
    case.equal(told(authority.leaf("elsewhere"), "localhost", trusted, "tls_server_name=localhost"), "connected", "by another name")
    case.equal(told(own, "localhost", "tls_insecure_no_verification=true"), "connected", "without verification")
    # Certificates of clients.
    required = ("tls_client_certs=required", trusted)
    expect(told(good, "localhost", trusted, serving=required), "it demands a certificate of this side")
    case.equal(told(good, "localhost", trusted, *identity(good), serving=required), "connected", "with a certificate")
    case.equal(told(good, "localhost", trusted, serving=("tls_client_certs=optional", trusted)), "connected", "an optional one")
    expect(told(good, "localhost", trusted, *identity(other.leaf("stranger")), serving=required), "is unknown there")


def wrong_files(case):
    authority = certificates.Authority(case.folder)
    good, other = authority.leaf("good"), authority.leaf("other")
    encrypted = authority.path("encrypted.key")
    certificates.openssl("pkcs8", "-topk8", "-in", good[1], "-out", encrypted, "-passout", "pass:secret")
    old = authority.version_1("old")
    for options, what in (([], "set tls_cert and tls_key"), (["tls_cert=" + good[0]], "tls_key is not"),
                          (identity((good[0], encrypted)), "is encrypted"), (identity((good[0], other[1])), "the key is not that"),
                          (identity((good[1], good[1])), "got none"), (identity(old), "has version 1"), (identity((good[0], good[0])), "expected a private key"),
                          ([*identity(good), "tls_client_certs=required"], "and none is set")):
        told = ours(case, "serve", *options, codes=(1,)).output
        case.check(what in told, "expected '%s' in '%s'" % (what, told))


def strangers(case):
    """Plain text, garbage, cut handshakes and silence: each is rejected by itself, and others are served meanwhile."""
    authority = certificates.Authority(case.folder)
    server, port = our_server(case, *identity(authority.leaf("server")), "handshake_timeout=1")
    address = ("127.0.0.1", int(port))
    silent = [socket.create_connection(address) for _ in range(100)]
    hello = ssl_hello()
    for data in (b"\0\0\0\x10\0" + b"x" * 17, b"GET / HTTP/1.0\r\n\r\n", os.urandom(300), b"\x16\x03\x01\xff\xff" + b"\1" * 70000):
        with socket.create_connection(address) as one:
            one.settimeout(20)
            try:
                one.sendall(data)
                while one.recv(4096):
                    pass
            except ConnectionError:
                pass
    for cut in range(0, len(hello), 23):
        with socket.create_connection(address) as one:
            one.sendall(hello[:cut])
    with socket.create_connection(address) as slow:
        slow.settimeout(20)
        try:
            # A byte now and then does not keep it open.
            for byte in hello:
                slow.sendall(bytes([byte]))
                time.sleep(0.02)
            slow.recv(1)
        except OSError:
            pass
    counted(case, ours(case, "client", "tls://localhost:" + port, "tls_ca=" + authority.ca).output)
    for one in silent:
        one.settimeout(20)
        # After an alert it is closed.
        while one.recv(100):
            pass
        one.close()
    server.wait_for(r"^log .*is rejected: TLS: the client does not speak TLS", case.left(10))
    server.wait_for(r"^log .*no TLS handshake within 1 s", case.left(10))
    case.stop(server)
    counted(case, server.output)


def ssl_hello():
    """What a client sends first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def plain(case):
    """TLS to a port that has none: both sides say so."""
    tool = os.path.join(TARGET, "release", "rpyc")
    authority = certificates.Authority(case.folder)
    server = case.start([tool, "serve", "tcp://127.0.0.1:0"])
    port = server.wait_for(r"^listening tcp://127.0.0.1:(\d+)$", case.left(30)).group(1)
    told = ours(case, "refused", "tls://localhost:" + port, "tls_ca=" + authority.ca).output
    case.check("TLS handshake" in told and "does it speak TLS?" in told, told)
    case.stop(server)


def cut_records(case):
    """Between the two of us, a proxy that hands on one byte, or a few, at a time."""
    authority = certificates.Authority(case.folder)
    server, port = our_server(case, *identity(authority.leaf("server")))
    for size in (1, 7, 1000):
        listening = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=proxy, args=(listening, int(port), size), daemon=True).start()
        command = [case.program("border/tls"), "refused" if size == 1 else "client", "tls://localhost:%d" % listening.getsockname()[1],
                   "tls_ca=" + authority.ca]
        output = case.run(command).output
        case.equal(output, "connected\n", "byte by byte") if size == 1 else counted(case, output)
        listening.close()
    case.stop(server)
    counted(case, server.output)


def proxy(listening, port, size):
    one, _ = listening.accept()
    other = socket.create_connection(("127.0.0.1", port))

    def hand_on(source, target):
        try:
            while data := source.recv(1 << 16):
                if size >= 1000:
                    target.sendall(data)
                    continue
                target.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                # Long ones would take all day.
                for at in range(0, min(len(data), 4000), size):
                    target.sendall(data[at:min(at + size, 4000)])
                target.sendall(data[4000:])
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
    threading.Thread(target=hand_on, args=(other, one), daemon=True).start()
    hand_on(one, other)


def by_record(*checks, options=()):
    """Checks of tests/run/clients/tls_wire.py; afterwards an ordinary client is still served."""
    def function(case):
        authority = certificates.Authority(case.folder)
        server, port = our_server(case, *identity(authority.leaf("server")), *options)
        for check in checks:
            done = case.run([case.python("6.0.2"), os.path.join(CLIENTS, "tls_wire.py"), port, authority.ca, check])
            case.equal(done.output, "good\n", check)
        counted(case, ours(case, "client", "tls://localhost:" + port, "tls_ca=" + authority.ca).output)
        case.stop(server)
        counted(case, server.output)
    return function


def renegotiation(case):
    """A client of TLS 1.2 that renegotiates is refused; one of 1.3 that changes keys is not."""
    case.tool("openssl")
    authority = certificates.Authority(case.folder)
    server, port = our_server(case, *identity(authority.leaf("server")))
    for version, command, expected in (("-tls1_2", "R", "RENEGOTIATING"), ("-tls1_3", "K", "KEYUPDATE")):
        told = subprocess.run(["openssl", "s_client", version, "-connect", "127.0.0.1:" + port, "-CAfile", authority.ca],
                              input=command + "\n", capture_output=True, text=True, timeout=case.left(30), check=False)
        case.check(expected in told.stdout + told.stderr, told.stdout + told.stderr)
        refused = "no renegotiation" in told.stderr.replace("_", " ").lower()
        case.equal(refused, command == "R", told.stderr)
    counted(case, ours(case, "client", "tls://localhost:" + port, "tls_ca=" + authority.ca).output)
    case.stop(server)
    counted(case, server.output)


def system_roots(case):
    """The system's authorities, read from the fixed place, which is another file for this test only."""
    place = "/etc/ssl/certs/ca-certificates.crt"
    if not os.path.exists(place) or subprocess.run(["unshare", "-rm", "true"], check=False).returncode:
        raise Inapplicable("no %s, or no namespaces for an own one" % place)
    authority = certificates.Authority(case.folder)
    server, port = our_server(case, *identity(authority.leaf("server")))
    command = [case.program("border/tls"), "refused", "tls://localhost:" + port, "tls_system_roots=true"]
    told = case.run(command).output
    case.check("is issued by an unknown authority" in told, told)
    mounted = ["unshare", "-rm", "sh", "-c", 'mount --bind "$0" %s && exec "$@"' % place, authority.ca]
    case.equal(case.run([*mounted, *command]).output, "connected\n", "with the system's roots")
    # Without them the file counts for nothing, whatever the environment says.
    told = case.run(["env", "SSL_CERT_FILE=" + authority.ca, *mounted, *command[:3]]).output
    case.check("cannot verify the server: set tls_ca" in told, told)
    case.stop(server)
    counted(case, server.output)


def reload(case):
    """Certificate, key and authority of a running server change; files that cannot be used change nothing."""
    first, second = certificates.Authority(case.folder, "first"), certificates.Authority(case.folder, "second")
    place = {name: os.path.join(case.folder, "current-" + name) for name in ("cert", "key", "ca")}

    def put(name, path):
        shutil.copy(path, place[name] + ".new")
        os.replace(place[name] + ".new", place[name])

    def told(authority, client):
        options = ["tls_ca=" + authority.ca, *identity(client)]
        return ours(case, "refused", "tls://localhost:" + port, *options).output

    one, two = first.leaf("one"), second.leaf("two")
    for name, path in zip(("cert", "key", "ca"), (*one, first.ca)):
        put(name, path)
    server, port = our_server(case, *identity((place["cert"], place["key"])), "tls_client_certs=required", "tls_ca=" + place["ca"])
    case.equal(told(first, one), "connected\n", "the first pair")
    put("cert", two[0])
    case.equal(told(first, one), "connected\n", "with half of the new pair")
    server.wait_for(r"^log a TLS server keeps its earlier certificates: .*the key is not that of the certificate", case.left(10))
    put("key", two[1])
    case.equal(told(second, one), "connected\n", "the second pair")
    case.check("unknown authority" in told(first, one), "the first pair is still used")
    put("ca", second.ca)
    case.equal(told(second, two), "connected\n", "a client of the second authority")
    case.check("unknown there" in told(second, one), "a client of the first authority is still accepted")
    os.remove(place["key"])
    case.equal(told(second, two), "connected\n", "without a key")
    server.wait_for(r"^log a TLS server keeps its earlier certificates: tls_key: cannot read", case.left(10))
    case.stop(server)
    counted(case, server.output)


def slow_handshakes(case):
    """More silent peers than there are threads for handshakes, and no time limit: others are still served."""
    authority = certificates.Authority(case.folder)
    server, port = our_server(case, *identity(authority.leaf("server")), "handshake_timeout=none")
    silent = [socket.create_connection(("127.0.0.1", int(port))) for _ in range(SILENT)]
    for one in silent[::2]:
        one.sendall(ssl_hello()[:100])
    counted(case, ours(case, "client", "tls://localhost:" + port, "tls_ca=" + authority.ca, "connect_timeout=60").output)
    threads = len(os.listdir("/proc/%d/task" % server.popen.pid))
    case.check(threads < SILENT // 2 + 20, "%d threads" % threads)
    for one in silent:
        one.close()
    case.stop(server)
    counted(case, server.output)


for version_name in VERSIONS:
    test("tls.pool.python-" + version_name, 90)(pooled(server_of_stock(version_name)))
    test("tls.client.python-" + version_name, 90)(client_of_stock(version_name))
    test("tls.server.python-" + version_name, 90)(server_of_stock(version_name))
test("tls.native", 90)(native)
test("tls.refusals", 120)(refusals)
test("tls.wrong-files", 90)(wrong_files)
test("tls.strangers", 90)(strangers)
test("tls.plain", 90)(plain)
test("tls.cut-records", 90)(cut_records)
test("tls.records", 60)(by_record("records", "pieces"))
test("tls.ends", 60)(by_record("abrupt", "broken", "old"))
test("tls.minimum-version", 60)(by_record("only_13", options=("tls_min_version=1.3",)))
test("tls.renegotiation", 60)(renegotiation)
test("tls.system-roots", 60)(system_roots)
test("tls.reload", 60)(reload)
test("tls.pool.slow-handshakes", 120)(pooled(slow_handshakes))
test("tls.pool.strangers", 90)(pooled(strangers))
test("tls.pool.cut-records", 90)(pooled(cut_records))
test("tls.pool.records", 60)(pooled(by_record("records", "pieces")))
test("tls.pool.ends", 60)(pooled(by_record("abrupt", "broken", "old")))
test("tls.pool.renegotiation", 60)(pooled(renegotiation))
