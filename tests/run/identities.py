"""Objects and classes of several peers in one: C and unmodified RPyC at each place of the chain."""
import os
import re

from runner import ROOT, test

CLIENTS = os.path.join(ROOT, "tests", "run", "clients")


class Cast:
    """The processes of a test."""

    def __init__(self, case, version):
        self.case, self.version, self.servers = case, version, []

    def program(self, kind):
        if kind == "native":
            return [self.case.program("border/identities")]
        return [self.case.python(self.version), os.path.join(CLIENTS, "identities_peer.py")]

    def start(self, kind, *args):
        process = self.case.start(self.program(kind) + list(args))
        self.servers.append((kind, process))
        return process, process.wait_for(r"^listening (\S+)$", self.case.left(40)).group(1)

    def address(self, kind, *args):
        return self.start(kind, *args)[1]

    def check(self, *args):
        script = [self.case.python(self.version), os.path.join(CLIENTS, "identities_client.py")]
        done = self.case.run(script + list(args))
        self.case.check(re.fullmatch(r"[1-9]\d* passed, 0 failed\n", done.output), "the client says %r" % done.output)

    def end(self):
        """Servers end with their stdin; what stands last is asked first."""
        for kind, process in reversed(self.servers):
            process.popen.stdin.close()
            self.case.equal(process.wait(self.case.left(20)), 0, "exit code")
            if kind == "native":
                self.case.check(process.output.endswith(" passed, 0 failed\n"), "it says %r" % process.output)


def two_servers(version, kind, third):
    def function(case):
        cast = Cast(case, version)
        addresses = [cast.address(kind, "server", name) for name in ("left", "right")]
        cast.check("two-servers", *addresses, cast.address(third, "server", "third"), "left", "right")
        cast.end()
    return function


def forked(version, third):
    def function(case):
        cast = Cast(case, version)
        process, parent = cast.start("native", "fork", "parent")
        child = process.wait_for(r"^child listening (\S+)$", case.left(40)).group(1)
        cast.check("two-servers", parent, child, cast.address(third, "server", "third"), "parent", "child of parent")
        cast.end()
    return function


def two_connections(version, kind):
    def function(case):
        cast = Cast(case, version)
        cast.check("two-connections", cast.address(kind, "server", "it"), kind)
        cast.end()
    return function


def hall(version):
    def function(case):
        cast = Cast(case, version)
        address = cast.address("stock", "hall")
        clients = [case.start(cast.program("native") + ["client", address, name]) for name in ("ann", "bob")]
        cast.check("hall", address)
        cast.end()
        for client in clients:
            case.equal(client.wait(case.left(20)), 0, "exit code")
    return function


def forked_clients(version):
    """A client that forks after it has lent something; the child lends the same to the same peer."""
    def function(case):
        cast = Cast(case, version)
        address = cast.address("stock", "hall")
        client = case.start(cast.program("native") + ["clients", address, "ann", "bob"])
        cast.check("hall", address)
        cast.end()
        case.equal(client.wait(case.left(20)), 0, "exit code")
    return function


def liar(version):
    def function(case):
        cast = Cast(case, version)
        cast.check("liar", *[cast.address(kind, "server", "it") for kind in ("native", "stock")])
        cast.end()
    return function


def chain(version, owner, middles=1):
    def function(case):
        cast = Cast(case, version)
        address = nearest = cast.address(owner, "server", "owner")
        for _ in range(middles):
            nearest = cast.address("native", "middle", nearest)
        cast.check("chain", nearest, address, str(middles))
        cast.end()
    return function


def cross(version):
    def function(case):
        cast = Cast(case, version)
        addresses = [cast.address("stock", "server", name) for name in ("one", "other")]
        cast.check("cross", *[cast.address(kind, "middle", *addresses) for kind in ("native", "stock")])
        cast.end()
    return function


for stock in ("6.0.2", "5.3.1"):
    for kind_of_third in ("native", "stock"):
        test("identities.two-servers-%s.%s" % (kind_of_third, stock), 90)(two_servers(stock, "native", kind_of_third))
        test("identities.forked-%s.%s" % (kind_of_third, stock), 90)(forked(stock, kind_of_third))
        test("identities.two-connections-%s.%s" % (kind_of_third, stock), 90)(two_connections(stock, kind_of_third))
    test("identities.two-servers-oracle.%s" % stock, 90)(two_servers(stock, "stock", "stock"))
    test("identities.two-clients.%s" % stock, 90)(hall(stock))
    test("identities.forked-clients.%s" % stock, 90)(forked_clients(stock))
    test("identities.liar.%s" % stock, 90)(liar(stock))
    test("identities.chain-stock.%s" % stock, 90)(chain(stock, "stock"))
    test("identities.chain-native.%s" % stock, 90)(chain(stock, "native"))
    test("identities.long-chain.%s" % stock, 120)(chain(stock, "stock", 2))
    test("identities.cross.%s" % stock, 120)(cross(stock))
