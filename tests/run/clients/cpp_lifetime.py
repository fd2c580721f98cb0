"""A stock client of bindings/cpp/tests/lifetime.cpp, whose classes, functions and modules have no handle left: cpp_lifetime.py ADDRESS."""
import gc
import sys

import rpyc

failed = passed = 0


def check(what, got, want):
    global failed, passed
    if got == want:
        passed += 1
    else:
        failed += 1
        print("%s: got %r, want %r" % (what, got, want))


host, port = sys.argv[1].rsplit("/", 1)[1].rsplit(":", 1)
conn = rpyc.connect(host, int(port), config={"allow_public_attrs": True, "sync_request_timeout": 60})
root = conn.root
motors, racers = root.motor(), root.racer()
motor = motors(21)
check("method of an object of a class", motor.twice(), 42)
check("property", motor.speed, 21)
motor.speed = 5
check("property that was set", motor.speed, 5)
check("isinstance", isinstance(motor, motors), True)
racer = racers(3)
check("method of a derived class", racer.turbo(), 30)
check("method of its base", racer.twice(), 6)
# The class goes first, then its objects.
del motors, racers
gc.collect()
check("object of a class that is gone", motor.twice(), 10)
check("object of a derived class that is gone", racer.turbo(), 30)
function = root.function()
check("function", function(40, b=2), 42)
module = root.module()
check("function of a module", module.stop(), 3)
other = module.Motor(4)
del module
gc.collect()
check("object of a class of a module", other.twice(), 8)
check("generator", list(root.counted(3)), [3, 2, 1])
items = root.items()
items.append(4)
check("list", list(items), [1, 2, 3, 4])
bound = motor.twice
del motor
gc.collect()
check("bound method of an object that is gone", bound(), 10)
heard = []
check("callback", root.subscribe(heard.append), heard.append)
check("what it heard", heard, [1])
conn.close()
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed != 0)
