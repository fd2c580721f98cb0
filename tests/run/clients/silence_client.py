"""A stock client of tests/c_border/silence.c.

    silence_client.py ADDRESS                  is served
    silence_client.py ADDRESS idle             with idle_timeout=1: what is no idleness, then what is
    silence_client.py ADDRESS stubborn PATH    calls a handler that goes on when its peer is gone
"""
import sys
import time

import rpyc

host, port = sys.argv[1].removeprefix("tcp://").rsplit(":", 1)
kind = sys.argv[2] if len(sys.argv) > 2 else ""
end = time.monotonic() + 10
while True:
    # One more attempt where the threads of a server are late to see that there is room.
    try:
        connection = rpyc.connect(host, int(port))
        root = connection.root
        break
    except (OSError, EOFError):
        if time.monotonic() > end:
            raise
        time.sleep(0.2)
if kind == "stubborn":
    root.stubborn(sys.argv[3], lambda: 1)
elif kind == "idle":
    # A call that takes long on either side, and one now and then.
    assert root.slow(1700) == 1700
    assert root.call_back(lambda: time.sleep(1.7) or 7) == 7
    for _ in range(4):
        time.sleep(0.4)
        assert root.echo(1) == 1
    print("served", flush=True)
    end = time.monotonic() + 15
    try:
        # The server says that it closes, and ends the stream.
        while not connection.closed and time.monotonic() < end:
            connection.poll(1)
        print("ended" if connection.closed else "still there")
    except EOFError:
        print("ended")
else:
    assert root.echo((1, "x")) == (1, "x")
    print("served", flush=True)
