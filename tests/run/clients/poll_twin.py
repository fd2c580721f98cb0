"""poll_twin.py LIBRPYC: poll, serve and poll_all of a connection of librpyc and of a stock one, in the same situations.

Each gets a stock peer over a socket pair; what the functions answer must be the same, and what they have served.
"""
import ctypes
import socket
import sys
import threading
import time
from ctypes import byref, c_bool, c_char_p, c_int64, c_void_p

import rpyc
from rpyc.core.stream import SocketStream

lib = ctypes.CDLL(sys.argv[1])
lib.rpyc_error_message.restype, lib.rpyc_error_message.argtypes = c_char_p, [c_void_p]
PING = 1
SIX = int(rpyc.version.version[0]) >= 6
checks, failures = 0, 0


def check(got, want, what):
    global checks, failures
    checks += 1
    if got != want:
        failures += 1
        print("%s: %r instead of %r" % (what, got, want), file=sys.stderr)


class Native:
    """A connection of librpyc with the methods of a stock one."""

    def __init__(self, sock):
        self.handle = c_void_p()
        transport, config = c_void_p(), c_void_p()
        new = lib.rpyc_config_new
        new.restype = c_void_p
        config = c_void_p(new())
        lib.rpyc_config_set(config, b"dialect", b"6" if SIX else b"5", None)
        self.sock = sock
        self.must(lib.rpyc_transport_new_fd(sock.fileno(), sock.fileno(), 0, byref(transport), None))
        self.must(lib.rpyc_connection_new(transport, None, config, byref(self.handle), None))
        lib.rpyc_config_free(config)

    @staticmethod
    def must(status):
        if status:
            raise RuntimeError("status %d" % status)

    def ask(self, name, timeout):
        handled, error = c_bool(), c_void_p()
        ms = -1 if timeout is None else int(timeout * 1000)
        status = getattr(lib, name)(self.handle, c_int64(ms), byref(handled), byref(error))
        text = (lib.rpyc_error_message(error) or b"").decode()
        lib.rpyc_error_free(error)
        if status == EOF:
            raise EOFError(text)
        self.must(status)
        return handled.value

    def poll(self, timeout=0):
        return self.ask("rpyc_connection_poll", timeout)

    def serve(self, timeout=1):
        return self.ask("rpyc_connection_serve", timeout)

    def poll_all(self, timeout=0):
        return self.ask("rpyc_connection_poll_all", timeout)

    def process(self):
        handled = c_bool()
        status = lib.rpyc_connection_process(self.handle, byref(handled), None)
        if status == EOF:
            raise EOFError
        return handled.value

    def free(self):
        lib.rpyc_connection_free(self.handle)


class Stock:
    def __init__(self, sock):
        self.conn = rpyc.connect_stream(SocketStream(sock))
        self.poll, self.serve, self.poll_all = self.conn.poll, self.conn.serve, self.conn.poll_all

    def free(self):
        self.conn._channel.close()


def status_named(name):
    lib.rpyc_status_name.restype = c_char_p
    return next(n for n in range(1000) if lib.rpyc_status_name(n) == name)


class Peer:
    """The stock side: sends messages that ask for nothing but an answer."""

    def __init__(self, sock):
        self.sock, self.conn = sock, rpyc.connect_stream(SocketStream(sock))
        self.asked = []

    def send(self, count=1):
        self.asked += [self.conn.async_request(PING, "x") for _ in range(count)]

    def send_later(self, count, gap):
        def run():
            for _ in range(count):
                time.sleep(gap)
                self.send()
        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def served(self):
        """How many were answered, when the other side does nothing any more."""
        while self.conn.poll(0.05):
            pass
        return sum(one.ready for one in self.asked)

    def end(self):
        """Says that nothing more comes; answers can still be sent."""
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        thread = threading.Thread(target=self.conn.close)
        thread.start()
        return thread


def said(function, *args):
    try:
        return function(*args)
    except EOFError:
        return "EOF"


def nothing(peer, conn):
    return [conn.poll(0), conn.poll(0.01), conn.serve(0), conn.poll_all(0), conn.poll_all(0.05)]


def one_by_one(peer, conn):
    peer.send(3)
    return [conn.poll(0), peer.served(), conn.serve(5), peer.served(), conn.poll(5), peer.served(), conn.poll(0)]


def all_at_once(peer, conn):
    peer.send(3)
    return [conn.poll_all(0.2), peer.served(), conn.poll(0), conn.poll_all(0.05)]


def during_the_interval(peer, conn):
    thread = peer.send_later(4, 0.1)
    said_so = conn.poll_all(2)
    thread.join()
    return [said_so, peer.served(), conn.poll(0)]


def end_behind_messages(peer, conn):
    peer.send(2)
    peer.end()
    return [said(conn.poll, 5), said(conn.serve, 5), said(conn.poll, 5), said(conn.poll_all, 0), said(conn.serve, 0)]


def end_behind_messages_all(peer, conn):
    peer.send(2)
    peer.end()
    return [said(conn.poll_all, 5), said(conn.poll_all, 5), said(conn.poll_all, 0), said(conn.poll, 5)]


def end_for_ever(peer, conn):
    peer.send(2)
    peer.end()
    return [said(conn.poll_all, None), said(conn.poll_all, None)]


def end_alone(peer, conn):
    peer.end()
    return [said(conn.poll, 5), said(conn.poll, 0)]


def end_alone_serve(peer, conn):
    peer.end()
    return [said(conn.serve, 5), said(conn.serve, 5)]


def end_alone_all(peer, conn):
    peer.end()
    return [said(conn.poll_all, 0), said(conn.poll_all, 5), said(conn.poll, 0)]


def close_behind_messages(peer, conn):
    peer.send(2)
    thread = peer.close()
    answers = [said(conn.serve, 5), said(conn.serve, 5), said(conn.poll, 5), said(conn.poll, 0)]
    thread.join()
    return answers


def close_all(peer, conn):
    thread = peer.close()
    answers = [said(conn.poll_all, 5), said(conn.poll_all, 0)]
    thread.join()
    return answers


# Before rpyc 6, who closes does not wait, and what stock cannot answer any more it does not count as served.
SITUATIONS = [close_behind_messages] if SIX else []
SITUATIONS += [nothing, one_by_one, all_at_once, during_the_interval, end_behind_messages, end_behind_messages_all,
              end_for_ever, end_alone, end_alone_serve, end_alone_all, close_all]


def twins():
    for situation in SITUATIONS:
        answers = []
        for kind in (Stock, Native):
            left, right = socket.socketpair()
            peer, conn = Peer(left), kind(right)
            answers.append(situation(peer, conn))
            conn.free()
            peer.conn._channel.close()
        check(answers[1], answers[0], situation.__name__)


def what_has_arrived():
    """With 0: all that is here, of which stock takes one."""
    left, right = socket.socketpair()
    peer, conn = Peer(left), Native(right)
    peer.send(5)
    check([conn.poll_all(0), peer.served(), conn.poll_all(0)], [True, 5, False], "poll_all(0)")
    peer.send(70)
    check(conn.process(), True, "process")
    check([conn.process(), peer.served(), conn.process()], [True, 75, False], "the second process")
    peer.end()
    check([said(conn.process), said(conn.process)], ["EOF", "EOF"], "process at the end")
    conn.free()


def flood():
    """A peer that never stops sending: each function comes back all the same, and says that there is more."""
    left, right = socket.socketpair()
    peer, conn = Peer(left), Native(right)
    left.setblocking(True)
    recorder, other = socket.socketpair()
    one = rpyc.connect_stream(SocketStream(recorder))
    one.async_request(PING, "x")
    message = other.recv(1000)
    left.sendall(message)
    conn.poll(5)
    answer = len(left.recv(1000))
    over = threading.Event()
    answered = 0

    # So many are under way at once that it never ends, and not more than the connection is ready to keep.
    def ask():
        asked = 0
        while not over.is_set():
            if asked - answered < 20000:
                left.sendall(message * 2000)
                asked += 2000
            else:
                time.sleep(0.0005)

    def take():
        nonlocal answered
        received = 0
        while not over.is_set():
            received += len(left.recv(1 << 20))
            answered = received // answer

    def run(work):
        try:
            work()
        except OSError:
            pass
    threads = [threading.Thread(target=run, args=[work], daemon=True) for work in (ask, take)]
    for thread in threads:
        thread.start()
    for seconds in (3, 0.1, 0):
        while not conn.poll_all(seconds):
            pass                                     # on a busy machine the peer is late, and sooner or later there is something
    check(conn.poll(5), True, "poll in a flood")
    lib.rpyc_connection_set_nonblocking(conn.handle, 1, None)
    lib.rpyc_connection_next_deadline.restype = c_int64
    while not conn.process() or lib.rpyc_connection_next_deadline(conn.handle) or lib.rpyc_connection_interest(conn.handle) != 3:
        pass                                         # else it is told, sooner or later, that there is more
    over.set()
    left.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join()
    conn.free()


EOF, BACKPRESSURE = status_named(b"RPYC_ERR_EOF"), status_named(b"RPYC_ERR_BACKPRESSURE")
twins()
what_has_arrived()
flood()
print("%d passed, %d failed" % (checks - failures, failures))
sys.exit(1 if failures or not checks else 0)
