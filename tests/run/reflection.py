"""What functions, classes and objects say of themselves to a client that may use all attributes, beside a stock server."""
import os

import border
from runner import ROOT, test

SCRIPT = os.path.join(ROOT, "tests", "run", "clients", "reflection.py")


def reflection(version):
    def function(case):
        servers = [case.start(command) for command in ([case.program("border/reflection")], [case.python(version), SCRIPT, "server"])]
        addresses = [server.wait_for(r"^listening (\S+)$", case.left(30)).group(1) for server in servers]
        border.counted(case, case.run([case.python(version), SCRIPT, *addresses]).output)
        for server in servers:                       # they end with their stdin
            server.popen.stdin.close()
            case.equal(server.wait(case.left(20)), 0, "exit code")
        border.counted(case, servers[0].output)
    return function


for stock in ("6.0.2", "5.3.1"):
    test("reflection.as-stock.%s" % stock, 60)(reflection(stock))
