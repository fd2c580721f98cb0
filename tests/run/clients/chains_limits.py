#!/usr/bin/env python3
"""chains_limits.py limits MIDDLE | silence MIDDLE | interrupts MIDDLE LIBRPYC: a user of tests/run/clients/chains.py's owner through a native
middle with small limits, beside silent peers, or whose waits are interrupted."""
import ctypes
import os
import random
import socket
import sys
import threading
import time
from ctypes import byref, c_char_p, c_int64, c_size_t, c_void_p

import rpyc

from chains import connect, until

PATIENCE = 30
checks = failures = 0


def check(good, what):
    global checks, failures
    checks += 1
    if not good:
        failures += 1
        print("not so: %s" % what, file=sys.stderr)


def refused(what, function, kinds, words):
    """Whether an exception of one of these kinds names the option."""
    try:
        value = function()
    except Exception as error:
        text = str(error)
        check(isinstance(error, kinds), "%s: raises %s" % (what, type(error).__name__))
        check(any(word in text for word in words), "%s: says %r" % (what, text[:300]))
    else:
        check(False, "%s: is %.100r" % (what, value))


def limits(address):
    """max_frame 64 KiB, max_inflated 256 KiB, max_memory 1 MiB, max_exports 100."""
    user, other = connect(address), connect(address)
    ask = user.root.ask
    noise = os.urandom(200000)
    frame = (ValueError, ("max_frame",))
    for turn in range(3):
        refused("a large request", lambda: ask("size", noise), *frame)
        check(ask("size", b"123") == 3, "asked after a large request")
        refused("a large reply", lambda: ask("noise", 200000), *frame)
        check(ask("size", b"1234") == 4, "asked after a large reply")
        refused("a large reply of a callback", lambda: ask("call", lambda: noise), *frame)
        refused("a large bomb", lambda: ask("size", bytes(1000000)), ValueError, ("max_inflated",))
        refused("a large bomb as a reply", lambda: ask("make", 1000000), ValueError, ("max_inflated",))
        refused("many items", lambda: ask("size", tuple(range(60000))), (ValueError, MemoryError), ("max_memory", "max_frame", "max_inflated"))
        check(ask("catch", lambda: int("x")).startswith("caught"), "an exception after a limit")
        check(other.root.ask("size", b"12") == 2, "another client")
    held = []
    refused("many objects", lambda: [held.append(ask("counted")) for _ in range(200)], (ValueError, MemoryError), ("max_exports",))
    check(90 <= len(held) <= 100, "%d objects are given" % len(held))
    check(held[0].name == "object" and held[-1].name == "object", "those that were given work")
    check(other.root.ask("size", b"12") == 2, "another client beside many objects")
    del held[:]
    check(until(lambda: given(ask), True, PATIENCE), "an object after all were released")
    user.close()
    check(other.root.ask("size", b"12") == 2, "another client after the end")


def given(ask):
    """Whether there is room for an object again. A release may be on its way."""
    try:
        return ask("counted").name == "object"
    except (ValueError, MemoryError):
        return False


def has_ended(stream):
    """Whether the peer has closed a connection."""
    try:
        return stream.recv(1, socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def served(address):
    """A client that connects until it is served: none makes room while the server's thread looks at a silent one."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            client = connect(address)
            check(client.root.ask("size", b"12") == 2, "a new client is served")
            return client
        except (EOFError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def told_of(function):
    try:
        return function()
    except Exception as error:
        return type(error).__name__


def silence(address):
    """max_connections 4, frame_timeout and handshake_timeout 1, idle_timeout none."""
    host, port = address[len("tcp://"):].rsplit(":", 1)
    user = connect(address)
    ask = user.root.ask
    thing = ask("counted")
    half = socket.create_connection((host, int(port)))
    half.sendall(b"\x00\x00\x10\x00\x00" + b"x" * 100)
    check(ask("call", lambda: len(thing.name)) == 6, "called beside half a message")
    silent = [socket.create_connection((host, int(port))) for _ in range(12)]
    # Old ones made room, or new ones got none because the old ones had only just come.
    closed = until(lambda: sum(has_ended(one) for one in silent) >= 9, True, PATIENCE)
    check(closed, "silent peers beyond max_connections are closed")
    check(until(lambda: has_ended(half), True, PATIENCE), "half a message is not waited for")
    check(ask("call", lambda: len(thing.name)) == 6, "called beside silent peers")
    late = served(address)
    # One that stops in the middle of a callback: who calls it through the middle waits no longer than its limit.
    stopped = served(address)
    stopped.root.ask("keep", lambda n: n)
    started = time.monotonic()
    told = told_of(lambda: ask("call_kept", 0))      # the middle waits as long for the owner as the owner does for it
    check(told in ("TimeoutError", "AsyncResultTimeout"), "a callback of a client that serves nothing: %s" % told)
    check(time.monotonic() - started < PATIENCE, "it is not waited for")
    check(ask("size", b"1") == 1 and late.root.ask("size", b"1") == 1, "asked after it")
    check(thing.name == "object", "the object is still there")


class Native:
    """A connection of librpyc, by the functions of C."""

    def __init__(self, path, address):
        self.lib = ctypes.CDLL(path)
        self.lib.rpyc_error_message.restype = self.lib.rpyc_status_name.restype = c_char_p
        self.lib.rpyc_value_new_int.restype = c_void_p
        config, self.handle, self.root = c_void_p(), c_void_p(), c_void_p()
        self.lib.rpyc_config_new.restype = c_void_p
        config = c_void_p(self.lib.rpyc_config_new())
        for option in (b"sync_request_timeout", b"60"), (b"interruptible", b"true"):
            self.must(self.lib.rpyc_config_set(config, *option, None))
        self.must(self.lib.rpyc_connect(address.encode(), None, config, byref(self.handle), None))
        self.must(self.lib.rpyc_connection_root(self.handle, byref(self.root), None))
        self.lib.rpyc_config_free(config)

    def must(self, status):
        if status:
            raise RuntimeError(self.name(status))

    def name(self, status):
        return (self.lib.rpyc_status_name(status) or b"").decode()

    def ask(self, what, number):
        """What ask(what, number) gives as an int, or the name of a status."""
        text, value = c_void_p(), c_void_p()
        self.must(self.lib.rpyc_value_new_str(what.encode(), c_size_t(len(what)), byref(text), None))
        args = (c_void_p * 2)(text, self.lib.rpyc_value_new_int(c_int64(number)))
        status = self.lib.rpyc_object_call_method(self.root, b"ask", args, c_size_t(2), None, byref(value), None)
        if status:
            return self.name(status)
        got = c_int64(-1)
        self.lib.rpyc_value_get_int(value, byref(got), None)
        self.lib.rpyc_value_free(value)
        return got.value

    def interrupt(self):
        self.must(self.lib.rpyc_connection_interrupt(self.handle))

    def close(self):
        self.lib.rpyc_object_free(self.root)
        self.must(self.lib.rpyc_connection_close(self.handle, None))
        self.lib.rpyc_connection_free(self.handle)


def interrupts(address, path):
    """A native user's waits through a native middle end at once; late answers are dropped, and the right ones arrive."""
    native = Native(path, address)
    check(native.ask("negative", 5) == -5, "asked first")
    for _ in range(3):
        timer = threading.Timer(0.1, native.interrupt)
        timer.start()
        check(native.ask("doze", 1) == "RPYC_ERR_WAIT_INTERRUPTED", "a long call is interrupted")
        timer.join()
        check(native.ask("negative", 7) == -7, "asked after an interrupt")
    over, draw = threading.Event(), random.Random(7)

    def storm():
        while not over.is_set():
            time.sleep(draw.random() * draw.choice((0.004, 0.1)))    # on a busy machine an answer takes longer than the first
            native.interrupt()

    thread = threading.Thread(target=storm)
    thread.start()
    answers = {"right": 0, "RPYC_ERR_WAIT_INTERRUPTED": 0}
    started = time.monotonic()
    number = 0
    while time.monotonic() - started < PATIENCE and min(answers.values()) < 100:
        number += 1
        got = native.ask("negative", number)
        got = "right" if got == -number else got
        answers[got] = answers.get(got, 0) + 1
    over.set()
    thread.join()
    check(min(answers.values()) > 0 and len(answers) == 2, "answers in a storm: %r" % answers)
    # One that came after the last wait ends the next one.
    last = [native.ask("negative", 1) for _ in range(2)][-1]
    check(last == -1, "asked after the storm: %r" % last)
    native.close()
    other = connect(address)
    check(other.root.ask("size", b"12") == 2, "another client")
    check(until(lambda: other.root.ask("objects"), 0, PATIENCE) == 0, "nothing is held")


{"limits": limits, "silence": silence, "interrupts": interrupts}[sys.argv[1]](*sys.argv[2:])
print("%d passed, %d failed" % (checks - failures, failures))
sys.exit(1 if failures or not checks else 0)
