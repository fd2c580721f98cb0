#!/usr/bin/env python3
"""bridge_user.py HOST:PORT default|open|open-strict: uses an object that C lends on.

"default": C has the default rules, and the owner allows all; "open": both allow much; "open-strict": C allows much, and the
owner has the default rules.
"""
import sys

import rpyc

results = []


def check(name, good):
    results.append(bool(good))
    if not good:
        print("not so: " + name, file=sys.stderr)


def refused(function):
    try:
        function()
    except AttributeError as e:
        return "cannot access" in str(e)
    return False


def main():
    host, _, port = sys.argv[1].rpartition(":")
    mode = sys.argv[2]
    conn = rpyc.connect(host, int(port))
    thing = conn.root.lend()
    check("an exposed method", thing.hello("you") == "hello you" and thing.exposed_hello("me") == "hello me")
    check("keywords", thing.hello("you", greeting="bye") == "bye you")
    check("a method by itself", thing.hello.__call__("x") == "hello x")
    check("an exposed value", thing.value == 1 and thing.exposed_value == 1)
    check("special methods", len(thing) == 7 and thing["ab"] == "abab")
    with thing as entered:
        check("a context", entered == 3)
    check("equality and hash", thing == thing and hash(thing) == hash(thing))
    check("its text", "Thing object" in repr(thing))
    check("its names", "plain" in dir(thing))
    check("what begins with _", refused(lambda: thing._private))
    check("what goes back is known there", conn.root.take_back(thing, (thing, 1)) == 7)
    if mode == "open":
        check("a public value", thing.public == "public")
        check("a public method", thing.plain() == "plain")
        thing.exposed_value = 5
        check("setting", thing.value == 5)
        del thing.exposed_value
        check("deleting", not hasattr(thing, "value"))
        try:
            thing.absent
            check("what is absent", False)
        except AttributeError as e:
            check("what is absent", "absent" in str(e))
    else:
        check("a public value", refused(lambda: thing.public))
        check("a public method", refused(lambda: thing.plain()))
        check("setting", refused(lambda: setattr(thing, "exposed_value", 5)))
        check("deleting", refused(lambda: delattr(thing, "exposed_value")))
        check("what is absent", refused(lambda: thing.absent))
        check("nothing has changed", thing.value == 1)
    conn.close()
    print("%d passed, %d failed" % (sum(results), len(results) - sum(results)))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
