"""Connecting without blocking (tests/c_border/connecting.c) to stock servers: by name and by address, and over TLS."""
import os

import border
import certificates
import tls
from ports import free_port
from runner import ROOT, test

SERVER = os.path.join(ROOT, "tests", "run", "clients", "client_server.py")
DIALECTS = (("6.0.2", "6"), ("6.0.2", "auto"), ("5.3.1", "5"))


def stock(version, dialect):
    def function(case):
        for where in (os.path.join(case.folder, "socket"), None):
            if where:
                address = "unix://" + where
            else:
                port = free_port()
                where, address = str(port), "tcp://localhost:%d" % port
            server = case.start([case.python(version), SERVER, where, os.path.join(case.folder, "executed")])
            server.wait_for(r"^ready$", case.left(30))
            border.run(case, "connecting", args=[address, "dialect", dialect])
    return function


def over_tls(version, dialect):
    def function(case):
        authority = certificates.Authority(case.folder)
        port = tls.stock_server(case, version, *authority.leaf("server"))
        border.run(case, "connecting", args=["tls://localhost:" + port, "dialect", dialect, "tls_ca", authority.ca])
        other = certificates.Authority(case.folder, "other")
        done = case.run([case.program("border/connecting"), "tls://localhost:" + port, "tls_ca", other.ca], codes=(1,))
        case.check("RPYC_ERR_ADDRESS" in done.read("err") and "unknown" in done.read("err"), done.read("err"))
    return function


for version_name, dialect_name in DIALECTS:
    test("connecting.%s.%s" % (version_name, dialect_name), 60)(stock(version_name, dialect_name))
    test("connecting.tls.%s.%s" % (version_name, dialect_name), 60)(over_tls(version_name, dialect_name))
