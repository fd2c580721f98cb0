"""Stock RPyC looks at the services of tests/c_border/services.c: services_client.py ADDRESS CLASS"""
import re
import sys

import rpyc

checks = failures = 0


def equal(got, want, what):
    global checks, failures
    checks += 1
    if got != want:
        failures += 1
        print("not so: %s is %r, not %r" % (what, want, got))


class Me(rpyc.Service):
    def exposed_whoami(self):
        return "a client of Python"


class Foobar(rpyc.Service):
    ALIASES = ["foo", "Bar", "lalaland"]


class CalculatorService(rpyc.Service):
    pass


class Myservice(rpyc.Service):
    pass


def connect():
    return rpyc.connect(HOST, int(PORT), service=Me)


def names(name):
    """As a class of Python of the same name and aliases."""
    conn, twin = connect(), globals()[name]
    equal(conn.root.get_service_name(), twin.get_service_name(), "the name")
    equal(tuple(conn.root.get_service_aliases()), twin.get_service_aliases(), "the aliases")
    equal(hasattr(conn.root, "nothing"), False, "whether it has what is nowhere")
    try:
        conn.root.nothing()
    except AttributeError as error:
        equal(error.args, ("cannot access 'nothing'",), "the refusal of a name that is nowhere")
        equal((hasattr(error, "refused_by"), hasattr(error, "missing_from")), (False, True), "what tells it from others")
    conn.close()


def Guest(_name):
    conns = [connect() for _ in range(3)]
    for conn in conns:
        # Asked in on_connect, through this connection, which was opened there for public names.
        equal(conn.root.name(), "a client of Python", "what the service knows")
        equal(conn.root.public_name(), "a client of Python", "a public name")
    for conn in conns:
        conn.close()


def Chooser(_name):
    conns = []
    for _ in range(3):
        conns.append(connect())
        conns[-1].ping()                             # so that the service meets them in this order
    counter, view, again = conns
    equal(counter.root.add(5), 5, "the counter")
    equal(view.root.read(), 5, "what the view shows")
    equal(again.root.add(2), 7, "the counter, on another connection")
    equal(view.root.read(), 7, "what the view shows")
    for name in ("add", "exposed_add", "exposed_read", "__doc__", "_private"):
        try:
            getattr(view.root, name)
        except AttributeError as error:
            equal((str(error).split("\n")[0], getattr(error, "refused_by", None)), (name, "restricted: not readable"), "the refusal")
        else:
            equal(name == "__doc__", True, "%s is refused" % name)     # which a netref answers itself
    for conn in conns:
        conn.close()


ADDRESS, NAME = sys.argv[1:]
HOST, PORT = re.fullmatch(r"tcp://(.+):(\d+)", ADDRESS).groups()
globals().get(NAME if NAME in ("Guest", "Chooser") else "names")(NAME)
print("%d passed, %d failed" % (checks - failures, failures))
sys.exit(1 if failures or not checks else 0)
