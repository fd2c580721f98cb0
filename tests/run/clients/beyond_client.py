"""A stock client that sends too much to tests/c_border/beyond.c: beyond_client.py HOST:PORT MAX_FRAME MAX_INFLATED."""
import os
import sys

import rpyc
from rpyc.core import consts

passed = failed = 0


def check(good, what):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print("not so: %s" % (what,), flush=True)


def refused(option, function, *args):
    """The call fails with the limit's name, and the connection goes on."""
    try:
        function(*args)
    except ValueError as e:
        check("the request was rejected: " in str(e) and "(%s)" % option in str(e), str(e))
    except BaseException as e:
        check(False, repr(e))
    else:
        check(False, "%s was not refused" % option)


def main(address, max_frame, max_inflated):
    host, port = address.rsplit(":", 1)
    connection = rpyc.connect(host, int(port), config={"allow_all_attrs": True})
    root = connection.root
    echo = lambda data: connection.sync_request(consts.HANDLE_PING, data)  # noqa: E731
    for _ in range(2):
        refused("max_frame", echo, os.urandom(max_frame))
        refused("max_frame", root.size, os.urandom(max_frame * 3))
        # Compressed by stock, and from its own beginning it is told whose it is.
        half = os.urandom(max_frame) + bytes(max_frame)
        refused("max_frame", root.size, half)
        refused("max_inflated", root.size, bytes(max_inflated + 1))
        deep = 1
        for _ in range(140):
            deep = (deep,)
        refused("max_depth", root.size, deep)
        check(root.size(1, 2) == 2, "it goes on")
    # References in what is passed over are logged; those of a message that was taken in are given back.
    refused("max_frame", root.size, [1], [2], os.urandom(max_frame), [3])
    held = [[n] for n in range(3)]
    before = len(connection._local_objects._dict)
    refused("max_depth", root.size, held[0], deep, held[1], held[2])
    check(root.size() == 0 and root.size() == 0, "releases come with the answers")
    connection.ping()
    check(len(connection._local_objects._dict) == before, "%d objects are held" % len(connection._local_objects._dict))
    # The answer of this side is too large for the server: its call of our function fails alone, and the server passes that on.
    try:
        root.relay(lambda data: os.urandom(max_frame + 1), 1)
        check(False, "the answer was taken")
    except Exception as e:
        check(type(e).__name__ == "ValueError" and "max_frame" in str(e), repr(e))
    check(root.relay(lambda data: data + 1, 1) == 2, "it goes on")
    many = [rpyc.async_(root.size)(*args) for args in ((1,), (os.urandom(max_frame),), (1, 2, 3))]
    check((many[0].value, many[2].value) == (1, 3), "those around it are answered")
    refused("max_frame", lambda: many[1].value)
    root.stop()
    connection.close()
    print("%d passed, %d failed" % (passed, failed))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
