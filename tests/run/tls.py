"""TLS: streams of the application over OpenSSL, and the library's own, with stock RPyC on the other side."""
import os
import subprocess

import certificates
from examples import VERSIONS
from prepare import LIBRARIES
from runner import ROOT, TARGET, test

CLIENTS = os.path.join(ROOT, "tests", "run", "clients")
OPENSSL = "openssl"


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
