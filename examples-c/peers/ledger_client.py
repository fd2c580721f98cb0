"""Ten clients of 19_call_queue at once, each in a process of its own."""
import subprocess
import sys

from address import connect

CLIENTS = 10


def work():
    conn = connect()
    root = conn.root
    for amount in range(1, 101):
        root.deposit(amount)
    # The callback asks something itself while the program waits for it.
    assert root.report(lambda balance: (root.deposit(0) >= balance, "seen")[1]) == "seen"
    conn.close()


if sys.argv[-1] == "one":
    del sys.argv[-1]
    work()
else:
    clients = [subprocess.Popen([sys.executable, __file__, *sys.argv[1:], "one"]) for _ in range(CLIENTS)]
    print("good ends:", sum(client.wait() == 0 for client in clients))
    conn = connect()
    print("balance:", conn.root.report(lambda balance: balance))
    conn.close()
