"""Drives a slave that hands out a class of C++ or Go, Motor(speed, name="m"), by the names that a master types: slave_names.py ADDRESS."""
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


def raised(function, *args, **kwargs):
    try:
        return function(*args, **kwargs)
    except Exception as error:
        return type(error).__name__


class Twin:
    """What Python itself would have there."""

    def __init__(self, speed, name="m"):
        self.speed, self.name = speed, name

    def faster(self, by=1):
        self.speed += by
        return self.speed

    def show_name(self):
        return self.name


def asked(Motor):
    motor = Motor(3)
    yield motor.speed, motor.faster(), motor.faster(4), motor.faster(by=2), motor.show_name()
    motor.speed = 20
    yield motor.speed, motor.faster(by=1)
    yield [Motor(speed=1).speed, Motor(1, "x").show_name(), Motor(1, name="y").show_name(), Motor(name="z", speed=2).show_name()]
    yield [raised(Motor), raised(Motor, 1, "a", 2), raised(Motor, 1, speed=1), raised(Motor, 1, nothing=2), raised(motor.faster, up=1)]
    yield raised(lambda: motor.nothing), hasattr(motor, "speed"), hasattr(motor, "nothing")


host, port = sys.argv[1].rsplit("/", 1)[1].rsplit(":", 1)
conn = rpyc.classic.connect(host, int(port))
for number, (got, want) in enumerate(zip(asked(conn.modules.motor.Motor), asked(Twin), strict=True)):
    check("as in Python, %d" % number, got, want)
shared = conn.modules.motor.shared
check("an object in a module", (shared.speed, shared.show_name(), rpyc.async_(shared.faster)(2).value), (7, "shared", 9))
check("builtins", conn.builtins.answer, 42)
conn.execute("y")
check("executed", (conn.namespace["y"], conn.eval("y")), (True, True))
check("no module", raised(conn.root.getmodule, "nothing"), "ModuleNotFoundError")
conn.close()
print("%d passed, %d failed" % (passed, failed))
sys.exit(1 if failed else 0)
