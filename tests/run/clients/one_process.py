#!/usr/bin/env python3
"""one_process.py LIBRARY FOLDER: servers and clients of librpyc and of stock RPyC, all in this process, from eight threads, with
forks and interrupts between. Prints how many pings went well, or what did not."""
import ctypes
import os
import random
import signal
import sys
import threading
import time

import rpyc
from rpyc.utils.factory import unix_connect
from rpyc.utils.server import ThreadedServer

POINTER, SIZE = ctypes.c_void_p, ctypes.c_size_t
FORKED, INTERRUPTED = 6, 107
THREADS, ROUNDS, PINGS = 8, 6, 30


class ClassTable(ctypes.Structure):
    """rpyc_class_table of 64-bit machines; later members are appended."""
    _fields_ = [("struct_size", SIZE), ("method_size", SIZE), ("property_size", SIZE), ("flags", ctypes.c_uint64), ("name", ctypes.c_char_p),
                ("rest", ctypes.c_uint64 * 22)]


def library(path):
    lib = ctypes.CDLL(path)
    text, ms = ctypes.c_char_p, ctypes.c_int64
    for name, types in {
            "config_set": [POINTER, text, text, POINTER], "class_new": [POINTER] * 5, "server_new": [text] + [POINTER] * 4,
            "server_start": [POINTER] * 2, "server_address": [POINTER], "server_stop": [POINTER, ms, POINTER], "server_free": [POINTER],
            "connect": [text] + [POINTER] * 4, "connection_ping": [POINTER, text, SIZE, ms, POINTER], "connection_root": [POINTER] * 3,
            "connection_interrupt": [POINTER], "connection_free": [POINTER], "object_free": [POINTER]}.items():
        getattr(lib, "rpyc_" + name).argtypes = types
    lib.rpyc_config_new.restype, lib.rpyc_server_address.restype = POINTER, text
    return lib


def made(function, *args):
    """What a function gives by its last output."""
    out = POINTER()
    status = function(*args, ctypes.byref(out), None)
    if status:
        raise SystemExit("status %d of %s" % (status, function.__name__))
    return out


class Program:
    def __init__(self, lib, folder):
        self.lib, self.faults, self.good = lib, [], 0
        self.path = os.path.join(folder, "r")
        table = ClassTable(ctypes.sizeof(ClassTable), 40, 0, 0, b"one.Service")
        service = made(lib.rpyc_class_new, ctypes.byref(table), None, None)
        config = lib.rpyc_config_new()
        lib.rpyc_config_set(config, b"max_total_memory", b"20000000", None)
        addresses = ["shm://" + self.path, "unix://" + os.path.join(folder, "u"), "tcp://127.0.0.1:0"]
        self.servers = [made(lib.rpyc_server_new, address.encode(), service, config) for address in addresses]
        for server in self.servers:
            lib.rpyc_server_start(server, None)
        stock = ThreadedServer(rpyc.Service, hostname="127.0.0.1", port=0)
        stock.listener.listen()
        threading.Thread(target=stock.start, daemon=True).start()
        self.addresses = [lib.rpyc_server_address(server) for server in self.servers] + [b"tcp://127.0.0.1:%d" % stock.port]

    def ping(self, connection, size, *what, allowed=()):
        status = self.lib.rpyc_connection_ping(connection, os.urandom(size), size, 20000, None)
        self.good += not status
        if status and status not in allowed:
            self.faults.append((status, size, *what))

    def fork(self, connection, root):
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            status = self.lib.rpyc_connection_ping(connection, b"x", 1, 2000, None)
            self.lib.rpyc_connection_interrupt(connection)
            self.lib.rpyc_object_free(root)
            self.lib.rpyc_connection_free(connection)
            os._exit(status)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code != FORKED:
            self.faults.append(("a child", code))

    def work(self, seed):
        dice = random.Random(seed)
        for _ in range(ROUNDS):
            address = dice.choice(self.addresses)
            connection = made(self.lib.rpyc_connect, address, None, None)
            root = made(self.lib.rpyc_connection_root, connection)
            for _ in range(PINGS):
                self.ping(connection, dice.choice((0, 10, 59, 60, 1000, 16000, 200000)), address)
            what = dice.randrange(4)
            if what == 0:
                stock = unix_connect(self.path)
                stock.ping()
                stock.close()
            elif what == 1:
                self.fork(connection, root)
            elif what == 2:
                self.lib.rpyc_connection_interrupt(connection)
                self.ping(connection, 1, "interrupted", allowed=(INTERRUPTED,))
            self.ping(connection, 1, "after", what)
            self.lib.rpyc_object_free(root)
            self.lib.rpyc_connection_free(connection)

    def held(self):
        with open("/proc/self/maps", encoding="utf-8") as maps:
            return len(os.listdir("/proc/self/fd")), sum("memfd:" in line for line in maps)


def main(path, folder):
    program = Program(library(path), folder)
    program.work(0)
    wanted = program.held()[0], 0
    threads = [threading.Thread(target=program.work, args=(seed,)) for seed in range(1, THREADS + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    deadline = time.monotonic() + 20
    while any(now > most for now, most in zip(program.held(), wanted)) and time.monotonic() < deadline:
        time.sleep(0.02)
    held = program.held()
    if any(now > most for now, most in zip(held, wanted)):
        program.faults.append(("descriptors and rings", held, wanted))
    for server in program.servers:
        program.lib.rpyc_server_stop(server, 1000, None)
        program.lib.rpyc_server_free(server)
    print(program.faults or "%d pings" % program.good, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
