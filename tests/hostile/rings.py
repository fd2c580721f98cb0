"""An end of shm:///PATH by hand, in the place of a socket: sealed memory sent beside the first byte, slots, the switches
between ring and socket, and marks of sleepers. The layout is that of src/transport/shm/ring.rs; all of it can be forged."""
import array
import ctypes
import fcntl
import mmap
import os
import select
import socket
import struct
import time

SLOTS, ROOM, SIZE = 252, 60, 16 << 10
FORM = int.from_bytes(b"rpycshm\x01", "little")
TAKEN, MARKS, BELL, INVITED, FIRST = 64, 128, 132, 136, 256      # places of words, and of the first slot
AT_BELL, AT_SOCKET = 1, 2
LEAVE, RETURN = 0xff01, 0xff02
ADD_SEALS, SEALS = 1033, 1 | 2 | 4                   # F_ADD_SEALS; the seals themselves, shrinking, growing
FUTEX_WAKE = 1
SYS_FUTEX = {"x86_64": 202, "aarch64": 98}.get(os.uname().machine)
SLICE = 0.02                                         # seconds of sleep at the socket before the ring is looked at again
WRITE = 100                                          # slots that are written at once
SILENT = socket.MSG_NOSIGNAL
libc = ctypes.CDLL(None, use_errno=True)


def sealed(size=SIZE, seals=SEALS, form=FORM):
    """A descriptor of memory for a ring."""
    fd = os.memfd_create("ring", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.truncate(fd, size)
    os.pwrite(fd, struct.pack("=Q", form), 0)
    if seals:
        fcntl.fcntl(fd, ADD_SEALS, seals)
    return fd


class Ring:
    """The memory of one direction."""

    def __init__(self, fd):
        self.memory = mmap.mmap(fd, SIZE)
        self.words = memoryview(self.memory).cast("I")
        self.longs = memoryview(self.memory).cast("Q")

    def get(self, place):
        return self.words[place // 4]

    def set(self, place, value):
        self.words[place // 4] = value

    def tag(self, number):
        """The lap and the kind in a slot."""
        return divmod(self.get(FIRST + number % SLOTS * 64), 1 << 16)

    def content(self, number):
        at = FIRST + number % SLOTS * 64 + 4
        return self.memory[at:at + ROOM]

    def put(self, number, kind, content, lap=None):
        """Fills a slot, and then shows it."""
        at = FIRST + number % SLOTS * 64
        self.memory[at + 4:at + 4 + len(content)] = content
        lap = number // SLOTS + 1 if lap is None else lap
        self.set(at, (lap & 0xffff) << 16 | kind)

    def ring_bell(self):
        self.set(BELL, (self.get(BELL) + 1) & 0xffffffff)
        libc.syscall(SYS_FUTEX, ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(self.memory, BELL))), FUTEX_WAKE, 1 << 30,
                     None, None, 0)


class RingSocket:
    """What wire.Peer needs of a socket, for a client and for a server that a client has offered its ring to. The rings are used as
    soon as the other side allows it."""
    family = socket.AF_UNIX

    def __init__(self, connected, timeout, invites=True):
        self.socket = connected
        self.socket.setblocking(False)               # with a timeout Python would wait for input in spite of MSG_DONTWAIT
        self.timeout = timeout
        self.fd = sealed()
        self.own, self.peer = Ring(self.fd), None    # what we read, what the server reads
        self.own.set(INVITED, int(invites))
        self.sent, self.written, self.in_ring = 0, 0, False
        self.heard, self.used, self.taken = False, 0, 0
        self.reads_ring, self.skip, self.until = False, 0, None
        self.ahead, self.rest = b"", b""
        self.by_ring = [0, 0]                        # bytes that were written to and read from rings

    @classmethod
    def connect(cls, path, timeout):
        connected = socket.socket(socket.AF_UNIX)
        connected.settimeout(timeout)
        connected.connect(path)
        return cls(connected, timeout)

    # ------------------------------------------------------------ what sockets have
    def settimeout(self, seconds):
        self.timeout = seconds

    def setsockopt(self, *option):
        pass                                         # SO_LINGER has no meaning here

    def fileno(self):
        return self.socket.fileno()

    def shutdown(self, how):
        self.socket.shutdown(how)

    def close(self):
        self.socket.close()
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None

    # ------------------------------------------------------------ sending
    def sendall(self, data):
        data = memoryview(data).cast("B")
        while data:
            data = data[self.send(data):]

    def send(self, data):
        data = memoryview(data).cast("B")
        if not self.sent or not self.peer or not self.enter():
            return self.send_plainly(data)
        part = data[:ROOM * WRITE]
        self.write(part)
        return len(part)

    def send_plainly(self, data):
        if not select.select([], [self.socket], [], self.timeout)[1]:
            raise TimeoutError("the socket is full")
        fds = [] if self.sent or self.fd is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [self.fd]))]
        n = self.socket.sendmsg([data], fds, SILENT)
        self.sent += n
        return n

    def enter(self):
        """Whether the next bytes go into the ring; waits for room in it."""
        deadline = time.monotonic() + self.timeout
        while self.peer.get(INVITED) == 1:
            taken = self.peer.longs[TAKEN // 8]
            if self.in_ring and self.written - taken + WRITE < SLOTS:
                return True
            if not self.in_ring:
                if taken != self.written:
                    return False
                self.control(RETURN, self.sent)
                self.in_ring = True
                continue
            if time.monotonic() > deadline:
                raise TimeoutError("the ring is full")
            if self.ended():
                raise BrokenPipeError("the socket has ended")
            time.sleep(0.0002)
        if self.in_ring:
            self.control(LEAVE, self.sent)
            self.in_ring = False
        return False

    def ended(self):
        if not select.select([self.socket], [], [], 0)[0]:
            return False
        try:
            return not self.socket.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def control(self, kind, position):
        self.peer.put(self.written, kind, struct.pack("=Q", position))
        self.written += 1
        self.wake()

    def write(self, data):
        for at in range(0, len(data), ROOM):
            part = data[at:at + ROOM]
            self.peer.put(self.written, len(part), part)
            self.written += 1
            self.by_ring[0] += len(part)
        self.wake()

    def wake(self):
        marks = self.peer.get(MARKS)
        self.peer.set(MARKS, 0)
        if marks & AT_BELL:
            self.peer.ring_bell()
        if marks & AT_SOCKET or not marks:
            self.poke()

    def poke(self):
        """A byte without a meaning, for who sleeps at the socket. It may not be read while the stream is on the socket."""
        if self.in_ring:
            try:
                self.sent += self.socket.send(b"\0", SILENT)
            except BlockingIOError:
                pass

    # ------------------------------------------------------------ receiving
    def recv(self, size):
        deadline = time.monotonic() + self.timeout
        while True:
            got = self.from_ring(size) if self.reads_ring else self.from_socket(size)
            if got is not None:
                return got
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self.own.set(MARKS, AT_SOCKET)
            if self.own.tag(self.taken)[0] != (self.taken // SLOTS + 1) & 0xffff:
                select.select([self.socket], [], [], min(left, SLICE))

    def slot(self, kind):
        """The position in the next slot, if it is of this kind."""
        lap, found = self.own.tag(self.taken)
        if lap != (self.taken // SLOTS + 1) & 0xffff or found != kind:
            return None
        position = struct.unpack_from("=Q", self.own.content(self.taken))[0]
        self.step()
        return position

    def step(self):
        self.taken += 1
        self.own.longs[TAKEN // 8] = self.taken

    def come(self):
        """More bytes of the socket, in `ahead`; False at its end. None if nothing is there."""
        try:
            if self.heard:
                got = self.socket.recv(1 << 16)
            else:
                got, control, _, _ = self.socket.recvmsg(1 << 16, socket.CMSG_SPACE(16))
                self.heard = bool(got)
                for _, _, fds in control:
                    fd = array.array("i", fds[:4])[0]
                    self.peer = Ring(fd)
                    os.close(fd)
        except BlockingIOError:
            return None
        self.ahead += got
        return bool(got)

    def from_socket(self, size):
        come = self.come() if not self.ahead else True
        if self.until is None:
            self.until = self.slot(RETURN)
        dropped = min(self.skip, len(self.ahead))
        self.ahead, self.skip, self.used = self.ahead[dropped:], self.skip - dropped, self.used + dropped
        if not self.skip and self.until is not None and self.used == self.until:
            self.reads_ring, self.until = True, None
            return None
        most = size if self.until is None else min(size, self.until - self.used)
        got = b"" if self.skip else self.ahead[:most]
        self.ahead, self.used = self.ahead[len(got):], self.used + len(got)
        return got if got or come is False else None

    def from_ring(self, size):
        if not self.rest:
            position = self.slot(LEAVE)
            if position is not None:
                self.reads_ring, self.skip = False, position - self.used
                return None
            lap, count = self.own.tag(self.taken)
            if lap != (self.taken // SLOTS + 1) & 0xffff:
                # Wake-up bytes, unless the stream goes on there: then a slot says so, and they stay in `ahead`.
                before = len(self.ahead)
                come = self.come()
                self.used += before
                self.ahead = self.ahead[before:]
                if come is False and self.own.tag(self.taken)[0] == lap:
                    return b""
                return None
            self.rest = self.own.content(self.taken)[:count]
            self.by_ring[1] += count
            self.step()
        got, self.rest = self.rest[:size], self.rest[size:]
        return got
