"""Authentication before the first frame: tests/c_border/authentication.c against stock RPyC, both ways, and against peers that cheat."""
import concurrent.futures
import hmac
import os
import socket

from examples import FOLDER, LISTENING
from runner import TARGET, test

KEY = "correct horse battery"
VERSIONS = ("6.0.2", "5.3.1")
HELLO = b"\0\0\0\x28\0RPYCSEC1"
# A request for the root, as stock clients of both dialects send it first.
STOCK = """
import sys, rpyc
sys.path.insert(0, sys.argv[1])
import secret
host, port = sys.argv[2][len("tcp://"):].split(":")
for key in sys.argv[3:]:
    try:
        conn = secret.connect(host, int(port), key.encode()) if key else rpyc.connect(host, int(port))
        print("I am", conn.root.who())
        assert conn.root.echo("x" * 100000) == "x" * 100000
        conn.close()
    except (secret.AuthenticationError, EOFError, ConnectionError) as error:
        print("refused", type(error).__name__)
"""
STOCK_SERVER = """
import sys, rpyc, logging
sys.path.insert(0, sys.argv[1])
import secret

class Who(rpyc.Service):
    def on_connect(self, conn):
        self.conn = conn
    def exposed_who(self):
        return repr(self.conn._config["credentials"])

authenticator = secret.Authenticator(sys.argv[2].encode()) if sys.argv[2] else None
logging.basicConfig(level=logging.CRITICAL)
server = rpyc.ThreadedServer(Who, hostname="127.0.0.1", port=0, authenticator=authenticator)
print("listening tcp://127.0.0.1:%d" % server.port, flush=True)
server.start()
"""


def start_server(case, how, *options, address="tcp://127.0.0.1:0"):
    server = case.start([case.program("border/authentication"), "serve", address, how, *options, *getattr(case, "pool", ())])
    return server, server.wait_for(LISTENING, case.left(30)).group(1)


def pooled(function):
    """The same with a server whose connections share one thread."""
    def run(case):
        case.pool = ("pool_threads=1",)
        function(case)
    return run


def call(case, address, how, *options):
    done = case.run([case.program("border/authentication"), "call", address, how, *options])
    return done.output.splitlines()


def end(case, server):
    server.popen.stdin.close()
    case.equal(server.wait(case.left()), 0, "exit code of the server:\n" + server.output + server.read("err"))


def port_of(address):
    host, port = address[len("tcp://"):].split(":")
    return host, int(port)


def stock_client(version):
    def function(case):
        server, address = start_server(case, "secret:" + KEY)
        done = case.run([case.python(version), "-c", STOCK, os.path.join(FOLDER, "peers"), address, KEY, "another secret", "", KEY])
        lines = done.output.splitlines()
        case.equal(lines[0], "I am {'authentication': 'secret'}", "the first client")
        case.check(lines[1].startswith("refused ") and lines[2].startswith("refused "), "refusals: %r" % lines)
        case.equal(lines[3:], [lines[0]], "the last client")
        server.wait_for("the client has another secret", case.left(10))
        server.wait_for("does not begin with the authentication", case.left(10))
        # A native client, in the dialect that it finds out.
        case.equal(call(case, address, "secret:" + KEY), ["I am {'authentication': 'secret'}", "it is {'authentication': 'secret'}"], "native")
        end(case, server)
    return function


def stock_server(version):
    def function(case):
        def start(key):
            server = case.start([case.python(version), "-c", STOCK_SERVER, os.path.join(FOLDER, "peers"), key])
            return server.wait_for(LISTENING, case.left(30)).group(1)

        address = start(KEY)
        for options in ([], ["dialect=" + version[0]]):
            got = call(case, address, "secret:" + KEY, *options)
            case.equal(got, ["I am {'authentication': 'secret'}", "it is {'authentication': 'secret'}"], "the right secret")
        got = call(case, address, "secret:another secret ...")
        case.check(got[0].startswith("failed RPYC_ERR_AUTHENTICATION ") and "is the secret that of the server?" in got[0], got[0])
        # A server without authentication ends the stream instead of waiting for more.
        got = call(case, start(""), "secret:" + KEY)
        case.check(got[0].startswith("failed RPYC_ERR_AUTHENTICATION ") and "does the server expect a secret?" in got[0], got[0])
    return function


for _version in VERSIONS:
    test("authentication.stock-client." + _version)(stock_client(_version))
    test("authentication.stock-server." + _version)(stock_server(_version))
    test("authentication.pool.stock-client." + _version)(pooled(stock_client(_version)))


@test("authentication.own-callback")
def own_callback(case):
    """The first frame comes in the same segment as the last bytes of the authentication, which are read exactly."""
    server, address = start_server(case, "word")
    case.equal(call(case, address, "word"), ["I am 'Ann'", "it is 'the server'"], "native client")
    got = call(case, address, "none")
    case.check(got[0].startswith("failed RPYC_ERR_EOF"), got)
    with socket.create_connection(port_of(address)) as sock:
        sock.sendall(b"Ma6ik\5Carol" + root_request())
        case.check(sock.recv(5), "a reply")
    server.wait_for("created for 'Carol'", case.left(10))
    server.wait_for("wrong magic word", case.left(10))
    end(case, server)


def root_request():
    """GETROOT of rpyc 6: kind, (seq, handler, args)."""
    return b"\0\0\0\x05\0\x01\x11\x50\x53\x02\n"


def proofs(key, client, server):
    return [hmac.new(key.encode(), b"RPYCSEC1 " + side + client + server, "sha256").digest() for side in (b"client", b"server")]


@test("authentication.hostile", 60)
def hostile(case):
    """Cut anywhere, garbage, replay, reflection, one byte after the other; the server serves others all the while."""
    server, address = start_server(case, "secret:" + KEY, "handshake_timeout=3")
    place = port_of(address)

    def connect():
        sock = socket.create_connection(place)
        sock.settimeout(10)
        return sock

    def drain(sock):
        got = b""
        try:
            while part := sock.recv(4096):
                got += part
        except ConnectionError:
            pass
        return got

    refused = 0
    slow = [connect() for _ in range(20)]
    # Whole, to be replayed and cut.
    with connect() as sock:
        sock.sendall(HELLO + bytes(32) + b"\n")
        hello = sock.recv(46, socket.MSG_WAITALL)
        case.equal((hello[:13], hello[45:]), (HELLO, b"\n"), "the server's hello")
        mine, theirs = proofs(KEY, bytes(32), hello[13:45])
        sock.sendall(mine + root_request())
        case.equal(sock.recv(32, socket.MSG_WAITALL), theirs, "the server's proof")
        case.check(sock.recv(5), "a reply to the first request")
    opening = HELLO + bytes(32) + b"\n"
    wrong = [opening + mine,                                       # replayed: the server's nonce is another
             opening + bytes(32), b"\xff" * 46, b"GET / HTTP/1.1\r\n\r\n", HELLO[:-1] + b"2" + bytes(33),
             HELLO + bytes(32) + b"x", root_request()]
    for data in wrong:
        with connect() as sock:
            sock.sendall(data)
            answer = drain(sock)
            case.check(theirs not in answer and len(answer) in (0, 46), "%r gave %r" % (data, answer))
            refused += 1
    # Reflection: what the server says is sent back to it, its nonce, and its proof as ours.
    with connect() as sock:
        sock.sendall(opening)
        hello = sock.recv(46, socket.MSG_WAITALL)
        sock.sendall(proofs(KEY, bytes(32), hello[13:45])[1])
        case.equal(drain(sock), b"", "after a proof of the other side")
        refused += 1
    for cut in range(0, 78, 7):
        with connect() as sock:
            sock.sendall((opening + mine)[:cut])
            sock.shutdown(socket.SHUT_WR)
            drain(sock)
            refused += 1
    case.equal(call(case, address, "secret:" + KEY)[:1], ["I am {'authentication': 'secret'}"], "another client meanwhile")
    # The silent ones are ended in time.
    with concurrent.futures.ThreadPoolExecutor(len(slow)) as pool:
        case.equal(set(pool.map(drain, slow)), {b""}, "what silent clients get")
    refused += len(slow)
    # One byte after the other does not extend the time.
    with connect() as sock:
        sock.settimeout(0.3)
        try:
            for byte in opening:
                sock.sendall(bytes([byte]))
                try:
                    if sock.recv(1) == b"":
                        break
                except socket.timeout:
                    continue
            else:
                case.check(False, "46 bytes in 14 s were read")
        except ConnectionError:
            pass
        refused += 1
    server.wait_for("handshake_timeout", case.left(10))
    end(case, server)
    case.equal(server.output.count("authentication failed"), refused, "logged refusals")


@test("authentication.limits")
def limits(case):
    """Authenticators that sleep delay nobody; those that sleep too long are refused; an unauthenticated peer makes room."""
    server, address = start_server(case, "sleep:400")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: call(case, address, "none")[0], range(8)))
    case.equal(set(got), {"I am 1"}, "clients of a slow authenticator")
    end(case, server)
    server, address = start_server(case, "sleep:400", "handshake_timeout=0.2")
    got = call(case, address, "none")
    case.check(got[0].startswith("failed RPYC_ERR_EOF"), got)
    end(case, server)
    server, address = start_server(case, "secret:" + KEY, "max_connections=2")
    silent = [socket.create_connection(port_of(address)) for _ in range(2)]
    for sock in silent:
        sock.sendall(HELLO)
    case.equal(call(case, address, "secret:" + KEY)[0], "I am {'authentication': 'secret'}", "with all places taken")
    case.equal(silent[0].recv(1), b"", "the oldest unauthenticated peer")
    for sock in silent:
        sock.close()
    end(case, server)


test("authentication.pool.own-callback")(pooled(own_callback))
test("authentication.pool.hostile", 60)(pooled(hostile))
test("authentication.pool.limits")(pooled(limits))


@test("authentication.cheating-server", 60)
def cheating_server(case):
    """Servers that reflect, replay, stop anywhere, and never answer: each with an error of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = "tcp://127.0.0.1:%d" % listener.getsockname()[1]

        def against(serve, *options):
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                client = pool.submit(call, case, address, "secret:" + KEY, *options)
                sock, _ = listener.accept()
                with sock:
                    sock.settimeout(10)
                    serve(sock)
                    return client.result()[0]

        def reflect(sock):
            sock.sendall(sock.recv(46, socket.MSG_WAITALL))

        def reflect_proof(sock):
            sock.recv(46, socket.MSG_WAITALL)
            sock.sendall(HELLO + bytes(32) + b"\n")
            sock.sendall(sock.recv(32, socket.MSG_WAITALL))

        def version(sock):
            sock.sendall(HELLO[:-1] + b"2" + bytes(33))

        case.check("sent back the challenge" in against(reflect), "reflection")
        case.check("the server has another secret" in against(reflect_proof), "reflection of the proof")
        case.check("version '2'" in against(version), "another version")
        case.check("does not begin with" in against(lambda sock: sock.sendall(root_request())), "RPyC")
        got = against(lambda sock: None, "connect_timeout=0.5")
        case.check(got.startswith("failed RPYC_ERR_TIMEOUT") and "connect_timeout" in got, got)
        for cut in range(0, 46, 9):
            def stop(sock, cut=cut):
                sock.recv(46, socket.MSG_WAITALL)
                sock.sendall((HELLO + bytes(32) + b"\n")[:cut])
                sock.shutdown(socket.SHUT_WR)
            got = against(stop)
            case.check(got.startswith("failed RPYC_ERR_AUTHENTICATION ") and "ended the stream" in got, "%d: %s" % (cut, got))


@test("authentication.unix")
def unix(case):
    """Users and groups by the kernel's word, over Unix sockets and shared memory; nobody over TCP."""
    uid, gid = os.geteuid(), os.getegid()
    path = os.path.join(case.folder, "s")
    for scheme in ("unix", "shm"):
        for how, good in (("user:%d" % uid, True), ("group:%d" % gid, True), ("user:%d" % (uid + 1), False), ("group:4294967294", False)):
            server, address = start_server(case, how, address="%s://%s" % (scheme, path))
            got = call(case, address, "none")[0]
            case.check(got.startswith("I am {'uid': %d, 'gid': %d, 'pid': " % (uid, gid)) if good
                       else got.startswith("failed RPYC_ERR_EOF"), "%s %s: %s" % (scheme, how, got))
            end(case, server)
        # The client can demand a user too.
        server, address = start_server(case, "none", address="%s://%s" % (scheme, path))
        case.check(call(case, address, "user:%d" % uid)[1].startswith("it is {'uid': %d," % uid), "the server's user")
        case.check("is allowed" in call(case, address, "user:%d" % (uid + 1))[0], "another user")
        end(case, server)
    server, address = start_server(case, "user:%d" % uid)
    case.check(call(case, address, "none")[0].startswith("failed RPYC_ERR_EOF"), "TCP")
    server.wait_for("not at a Unix socket", case.left(10))
    end(case, server)


@test("authentication.tool")
def tool(case):
    """`--secret-file` on both sides; a newline at its end does not count."""
    rpyc = os.path.join(TARGET, "release", "rpyc")
    paths = {}
    for name, text in (("good", KEY), ("line", KEY + "\n"), ("bad", KEY + "!"), ("short", "short")):
        paths[name] = os.path.join(case.folder, name)
        with open(paths[name], "w", encoding="ascii") as file:
            file.write(text)
    server = case.start([rpyc, "serve", "tcp://127.0.0.1:0", "--secret-file", paths["good"]])
    address = server.wait_for(LISTENING, case.left(30)).group(1)
    add = [rpyc, "call", address, "add", "40", "2"]
    case.equal(case.run([*add, "--secret-file", paths["line"]]).output, "42\n", "with the secret")
    for name in ("bad", "short", None):
        done = case.run([*add, *(["--secret-file", paths[name]] if name else [])], codes=(1, 2, 3, 4, 5))
        case.check(not done.output, "%s: %r" % (name, done.output))
