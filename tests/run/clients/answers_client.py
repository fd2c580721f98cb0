"""Asks a stock service and tests/c_border/answers the same: answers_client.py ADDRESS [OPTION=VALUE...]. The options are those
that the server over there was started with."""
import sys
import threading
import time

import rpyc
from rpyc.core import consts
from rpyc.core.netref import syncreq
from rpyc.utils.server import ThreadedServer

from answers_server import Answers

checks = failures = 0


def check(good, what):
    global checks, failures
    checks += 1
    if not good:
        failures += 1
        print("not so: %s" % (what,))


def shown(value):
    if isinstance(value, (bool, int, float, str, type(None), type(NotImplemented))):
        return repr(value)
    return "an object"


def outcome(function):
    try:
        return shown(function())
    except Exception as error:
        text = str(error).split("\n\n========")[0]
        return type(error).__name__, "cannot access" in text


def compare(what, function):
    stock, native = [outcome(lambda: function(root)) for root in roots]
    check(stock == native, "%s: stock %r, native %r" % (what, stock, native))


options = dict(option.split("=") for option in sys.argv[2:])
config = {name: value == "true" for name, value in options.items()}
server = ThreadedServer(Answers(), port=0, hostname="127.0.0.1", protocol_config=config)
threading.Thread(target=server.start, daemon=True).start()
while not server.active:
    time.sleep(.01)
host, port = sys.argv[1][len("tcp://"):].rsplit(":", 1)
connections = [rpyc.connect("127.0.0.1", server.port), rpyc.connect(host, int(port))]
roots = [connection.root for connection in connections]
get = lambda target, name: syncreq(target, consts.HANDLE_GETATTR, name)
call = lambda target, name: syncreq(target, consts.HANDLE_CALLATTR, name, (), ())
put = lambda target, name, value: syncreq(target, consts.HANDLE_SETATTR, name, value)
delete = lambda target, name: syncreq(target, consts.HANDLE_DELATTR, name)

# Attributes that no table has: with has_dynamic, and with get_dynamic alone.
NAMES = ["x", "y", "exposed_y", "both", "exposed_both", "_p", "_q", "f", "__len__", "nothing", "exposed_nothing", "_nothing",
         "__iter__", "__bool__", "__array__", "_repr_html_", "__fspath__", "my_x"]
for which in (0, 1):
    for name in NAMES:
        compare("hasattr %s" % name, lambda root: hasattr(root.bag(which), name))
        compare("get %s" % name, lambda root: get(root.bag(which), name))
        compare("call %s" % name, lambda root: call(root.bag(which), name))
        compare("delete %s" % name, lambda root: delete(root.bag(which), name))
        compare("set %s" % name, lambda root: put(root.bag(which), name, 5))

        def round_trip(root):
            one = root.bag(which)
            results = [outcome(lambda: put(one, name, 5)), outcome(lambda: get(one, name)), outcome(lambda: delete(one, name)),
                       outcome(lambda: get(one, name)), outcome(lambda: delete(one, name))]
            return repr(results)
        compare("round trip of %s" % name, round_trip)
    compare("len", lambda root: len(root.bag(which)))
    compare("truth", lambda root: bool(root.bag(which)))
check(roots[1].own_view() == "++++-+-++- ++-+-+-++- " or config, "what own code finds: %r" % roots[1].own_view())

# Whatever __eq__, __lt__ and __contains__ answer with.


class Truth:
    def __init__(self, truth):
        self.truth = truth

    def __bool__(self):
        return self.truth


class Fails:
    def __bool__(self):
        raise LookupError("no truth")


ANSWERS = [True, False, 1, 0, 2, -1, 0.0, 0.5, "", "text", None, NotImplemented, (), (0,), b"", b"x", 10 ** 30, Truth(True), Truth(False),
           [], [0], "own empty list", Fails(), float("nan"), frozenset(), frozenset((1,))]
for answer in ANSWERS:
    for text in ("o == 5", "o != 5", "5 == o", "5 != o", "o < 5", "5 > o", "o > 5", "5 in o", "5 not in o", "o == o", "o != o",
                 "bool(o == 5)", "o.__ne__(5)", "o.__eq__(5)"):
        compare("%s with %r" % (text, answer), lambda root: eval(text, {"o": root.odd(answer)}))
    if answer is not NotImplemented:
        for text in ("5 in l", "l.index(5)", "l.count(5)", "l.remove(5)", "l.index(7)", "l.sort()"):
            compare("%s with %r" % (text, answer), lambda root: eval(text, {"l": root.in_list(answer)}))

# Own rules of an object.
for name in NAMES + ["my_f", "my_", "my_nothing"]:
    for what, do in (("get", get), ("call", call), ("set", lambda o, name: put(o, name, 5)), ("delete", delete)):
        compare("%s %s by own rules" % (what, name), lambda root: do(root.ruled(), name))
for text in ("o.my_x", "o.x", "hasattr(o, 'my_x')", "hasattr(o, 'x')", "o.my_f()", "o.f()"):
    compare(text, lambda root: eval(text, {"o": root.ruled()}))
for text in ("o.my_y = 4; r = o.my_y", "o.y = 4", "del o.my_x; r = hasattr(o, 'my_x')", "del o.x", "del o.my_x; del o.my_x"):
    def run(root):
        names = {"o": root.ruled()}
        exec(text, names)
        return names.get("r")
    compare(text, run)

# Deleting what a table has.
for text in ("del o.p; r = o.p", "del o.p; del o.p", "del o.p; o.p = 3; r = o.p", "del o.e; r = o.e", "del o.exposed_e; r = o.e", "del o.fixed",
             "del o.method", "del o.exposed_method", "del o.nothing", "del o.__class__", "del o.__len__", "del o.__init__"):
    def remove(root):
        names = {"o": root.plain()}
        exec(text, names)
        return names.get("r")
    compare(text, remove)

if config.get("allow_exposed_attrs", True):
    roots[1].quit()
for connection in connections:
    connection.close()
print("%d passed, %d failed" % (checks - failures, failures))
sys.exit(failures > 0)
