"""The texts of errors: each kind has a status of its own, and a sentence that says what to do (docs/reference/errors.md)."""
import os

from behaviour import CLIENTS
from parameters import all_passed
from runner import test


def of_case(name, version):
    def function(case):
        server = case.start([case.python(version), os.path.join(CLIENTS, "errors_server.py")])
        port = server.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)
        all_passed(case, case.run([case.program("border/errors"), name, "tcp://127.0.0.1:" + port]))
    return function


for name in ("timeout", "expired-result", "lost-connection", "closed", "refused-attribute", "nobody-there"):
    test("errors.%s" % name)(of_case(name, "6.0.2"))
test("errors.wrong-dialect")(of_case("wrong-dialect", "5.3.1"))
