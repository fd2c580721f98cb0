"""Stock RPyC with the views of tests/c_border/restricted_views.c, beside its own of a like object: restricted_client.py ADDRESS"""
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


class Player:
    volume, serial = 3, 7

    def play(self):
        return "playing"

    def erase(self):
        return "erased"


def attempt(function, *args):
    try:
        return function(*args)
    except Exception as error:
        return type(error).__name__, str(error).split("\n")[0]


def look(view):
    """All that can be seen of a view."""
    seen = [attempt(getattr, view, name) for name in ("volume", "serial")]
    seen += [attempt(lambda: view.play()), attempt(lambda: view.erase()), attempt(lambda: view.exposed_play())]
    seen += [attempt(setattr, view, "volume", 5), attempt(getattr, view, "volume"), attempt(setattr, view, "volume", 3)]
    seen += [attempt(setattr, view, name, 5) for name in ("serial", "other", "erase")]
    seen += [attempt(getattr, view, name) for name in ("other", "_private", "__dict__x", "exposed_volume")]
    return seen


host, port = re.fullmatch(r"tcp://(.+):(\d+)", sys.argv[1]).groups()
conn = rpyc.connect(host, int(port), config={"allow_public_attrs": True, "allow_setattr": True})
# What rpyc.restricted itself gives, without a connection: the same names, the same answers.
names = {"volume", "play", "serial"}
stock = look(rpyc.restricted(Player(), names, {"volume"}))
mine = look(conn.root.view())
mine[1] = 7                                          # the C object's serial is its volume
equal(mine, stock, "a view of an object of C")
player = Player()
equal(look(conn.root.view_of(player)), stock, "a view of an object of ours, held by C")
error = None
try:
    conn.root.view().erase
except AttributeError as caught:
    error = caught
equal(getattr(error, "refused_by", None), "restricted: not readable", "the rule")
equal(attempt(delattr, conn.root.view(), "volume")[0], "AttributeError", "deleting")
conn.close()
print("%d passed, %d failed" % (checks - failures, failures))
sys.exit(1 if failures or not checks else 0)
