"""RPyC's wire with the standard library alone: brine, frames, boxes and messages, each of which can be forged."""
import itertools
import socket
import struct
import sys
import time
import zlib

from hostile.rings import RingSocket

(PING, CLOSE, GETROOT, GETATTR, DELATTR, SETATTR, CALL, CALLATTR, REPR, STR, CMP, HASH, DIR, PICKLE, DEL, INSPECT, BUFFITER,
 OLDSLICING, CTXEXIT, INSTANCECHECK) = range(1, 21)
REQUEST, REPLY, EXCEPTION = 1, 2, 3
PATIENCE = 30.0                                      # seconds for an answer, on a machine that is busy with other things
IDS = itertools.count(7 << 40)                       # of objects of ours

if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(0)


class Closed(Exception):
    """The stream has ended, or the peer says that it closes."""


class Hang(Exception):
    """Nothing comes, or nothing is taken, for longer than can be."""


class Raw(bytes):
    """Bytes that stand in brine as they are."""


# ---------------------------------------------------------------- brine
def counted(value, short, long):
    return bytes([short, len(value)]) + value if len(value) < 256 else struct.pack("!BL", long, len(value)) + value


def dump(value):
    """Brine of a value in its shortest form."""
    if isinstance(value, Raw):
        return bytes(value)
    for known, tag in ((None, 0), (True, 3), (False, 4), (NotImplemented, 5), (Ellipsis, 6)):
        if value is known:
            return bytes([tag])
    if isinstance(value, int):
        return bytes([value + 80]) if -48 <= value < 160 else counted(str(value).encode(), 0x16, 0x17)
    if isinstance(value, float):
        return b"\x18" + struct.pack("!d", value)
    if isinstance(value, complex):
        return b"\x1b" + struct.pack("!dd", value.real, value.imag)
    if isinstance(value, bytes):
        return b"\x01" if not value else bytes([9 + len(value)]) + value if len(value) <= 4 else counted(value, 0x0e, 0x0f)
    if isinstance(value, str):
        return b"\x08" + dump(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, tuple):
        n = len(value)
        head = b"\x02" if not n else bytes([15 + n]) if n <= 4 else bytes([0x14, n]) if n < 256 else struct.pack("!BL", 0x15, n)
        return head + b"".join(map(dump, value))
    if isinstance(value, frozenset):
        return b"\x1a" + dump(tuple(value))
    if isinstance(value, slice):
        return b"\x19" + dump((value.start, value.stop, value.step))
    raise TypeError(value)


def nested(tags, levels, inner=b"\x00"):
    """Brine of something within a number of tags."""
    return Raw(tags * levels + inner)


class Reader:
    """Brine to values."""

    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def take(self, count):
        self.at += count
        if self.at > len(self.data):
            raise ValueError("cut short")
        return self.data[self.at - count:self.at]

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def many(self, count):
        return tuple(self.value() for _ in range(count))

    def value(self):
        tag = self.take(1)[0]
        if 0x20 <= tag < 0xf0:
            return tag - 80
        if tag in CONSTANTS:
            return CONSTANTS[tag]
        if 0x0a <= tag <= 0x0d:
            return self.take(tag - 9)
        if 0x10 <= tag <= 0x13:
            return self.many(tag - 15)
        if tag in READ:
            return READ[tag](self)
        raise ValueError("unknown tag %02x" % tag)


CONSTANTS = {0: None, 1: b"", 2: (), 3: True, 4: False, 5: NotImplemented, 6: Ellipsis}
READ = {
    0x08: lambda r: r.value().decode("utf-8", "replace"),
    0x0e: lambda r: r.take(*r.number("!B")),
    0x0f: lambda r: r.take(*r.number("!L")),
    0x14: lambda r: r.many(*r.number("!B")),
    0x15: lambda r: r.many(*r.number("!L")),
    0x16: lambda r: int(r.take(*r.number("!B"))),
    0x17: lambda r: int(r.take(*r.number("!L"))),
    0x18: lambda r: r.number("!d")[0],
    0x19: lambda r: slice(*r.value()),
    0x1a: lambda r: frozenset(r.value()),
    0x1b: lambda r: complex(*r.number("!dd")),
}


# ---------------------------------------------------------------- frames and boxes
def frame(payload, flag=0, length=None, tail=b"\n"):
    return struct.pack("!LB", len(payload) if length is None else length, flag) + payload + tail


def message(kind, seq, body, dialect=6):
    return bytes([kind]) + dump((seq, body)) if dialect == 6 else dump((kind, seq, body))


def by_value(value):
    return (1, value)


def items(*boxes):
    return (2, boxes)


def yours(pack):
    return (3, pack)


def mine(pack):
    return (4, pack)


def made(name="builtins.function"):
    """The id_pack of a new object of ours."""
    return (name, next(IDS), next(IDS))


def opened(box):
    """What is in a box: values as they are, references as their boxes."""
    label, inside = box
    return inside if label == 1 else tuple(map(opened, inside)) if label == 2 else box


def no_attribute(name="no"):
    return (("builtins", "AttributeError"), (name,), (), "")


class Peer:
    """One connection, with what was heard of the other side."""

    def __init__(self, sock, dialect=6):
        self.socket, self.dialect = sock, dialect
        self.seq, self.buffer, self.answers = 0, bytearray(), {}
        self.asked = []                              # requests of the other side: (handler, opened arguments)
        self.functions = {}                          # what ours do: instance id to a function of the arguments
        self.root = None
        sock.settimeout(PATIENCE)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    # ------------------------------------------------------------ bytes
    def send(self, data):
        try:
            self.socket.sendall(data)
        except TimeoutError:
            raise Hang("nothing is taken") from None
        except OSError as error:
            raise Closed(str(error)) from None

    def say(self, kind, seq, body, dialect=None):
        self.send(frame(message(kind, seq, body, dialect or self.dialect)))

    def fill(self, count, deadline):
        while len(self.buffer) < count:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                got = self.socket.recv(1 << 16)
            except TimeoutError:
                raise Hang("nothing comes") from None
            except OSError as error:
                raise Closed(str(error)) from None
            finally:
                self.socket.settimeout(PATIENCE)
            if not got:
                raise Closed("end of stream")
            self.buffer += got

    def receive(self, patience=PATIENCE):
        """The next message: kind, seq, body."""
        deadline = time.monotonic() + patience
        self.fill(5, deadline)
        length, flag = struct.unpack_from("!LB", self.buffer)
        self.fill(6 + length, deadline)
        payload = bytes(self.buffer[5:5 + length])
        del self.buffer[:6 + length]
        payload = zlib.decompress(payload) if flag else payload
        if payload[0] in (REQUEST, REPLY, EXCEPTION):
            return (payload[0], *Reader(payload, 1).value())
        return Reader(payload).value()

    # ------------------------------------------------------------ requests
    def post(self, handler, box=(1, ()), seq=None):
        """Sends a request; its number."""
        if seq is None:
            seq, self.seq = self.seq, self.seq + 1
        self.say(REQUEST, seq, (handler, box))
        return seq

    def wait(self, seq, patience=PATIENCE):
        """The box of the reply, or (None, name of the exception, its arguments); serves what is asked meanwhile."""
        deadline = time.monotonic() + patience
        while repr(seq) not in self.answers:
            kind, got, body = self.receive(max(deadline - time.monotonic(), 0.001))
            if kind == REQUEST:
                self.take(got, *body)
            elif kind == REPLY:
                self.answers[repr(got)] = body
            else:
                self.answers[repr(got)] = (None, "StopIteration", ()) if body == 1 else (None, body[0][1], body[1])
        return self.answers.pop(repr(seq))

    def ask(self, handler, box=(1, ()), seq=None, patience=PATIENCE):
        return self.wait(self.post(handler, box, seq), patience)

    def take(self, seq, handler, box):
        """A request of the other side."""
        self.asked.append((handler, box))
        if handler == CLOSE:
            raise Closed("CLOSE")
        self.serve(seq, handler, box)

    def serve(self, seq, handler, box):
        """Answers: objects of ours are functions, or nothing."""
        args = opened(box)
        if handler == INSPECT:
            self.say(REPLY, seq, by_value((("__call__", None), ("__iter__", None), ("__next__", None))))
        elif handler == DEL:
            self.say(REPLY, seq, by_value(None))
        elif handler == PING:
            self.say(REPLY, seq, box[1][0] if box[0] == 2 else by_value(args[0]))
        elif handler in (CALL, CALLATTR, HASH, CMP, BUFFITER, REPR, STR, DIR) and args[0][1][2] in self.functions:
            self.answer(seq, self.functions[args[0][1][2]], handler, args[1:])
        else:
            self.say(EXCEPTION, seq, no_attribute())

    def answer(self, seq, function, handler, args):
        result = function(self, handler, args)
        if result is not None:                       # None: it has said something itself
            self.say(REPLY, seq, result)

    def function(self, run, name="builtins.function"):
        """The id_pack of an object of ours; run(peer, handler, arguments) gives the box of each answer."""
        pack = made(name)
        self.functions[pack[2]] = run
        return pack

    # ------------------------------------------------------------ what honest peers do
    def get_root(self):
        """The id_pack of the other side's root."""
        box = self.ask(GETROOT)
        if box[0] != 4:
            raise ValueError("GETROOT: %r" % (box,))
        self.root = box[1]
        return self.root

    def names(self, pack=None):
        """What INSPECT lists of an object."""
        return {name for name, _ in self.ask(INSPECT, by_value((pack or self.root,)))[1]}

    def call(self, name, *boxes, pack=None):
        """The box of the answer of a method."""
        return self.ask(CALLATTR, items(yours(pack or self.root), by_value(name), (2, boxes), by_value(())))

    def object(self, name, *boxes, pack=None):
        """The id_pack of the object that a method gives."""
        box = self.call(name, *boxes, pack=pack)
        if box[0] != 4:
            raise ValueError("%s gives %r" % (name, box))
        return box[1]

    # ------------------------------------------------------------ ends
    def drain(self, patience=PATIENCE):
        """Reads on to the end of the stream; what came."""
        got, deadline = bytes(self.buffer), time.monotonic() + patience
        try:
            while time.monotonic() < deadline:
                self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
                more = self.socket.recv(1 << 18)
                if not more:
                    return got
                got = (got + more)[-(1 << 16):]
        except TimeoutError:
            pass
        except OSError:
            return got
        raise Hang("the stream does not end")

    def reset(self):
        """Leaves without a word, and with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def connect(address, dialect=6, source=None):
    if address.startswith("shm://"):
        return Peer(RingSocket.connect(address[len("shm://"):], PATIENCE), dialect)
    host, port = address.split("://")[-1].rsplit(":", 1)
    return Peer(socket.create_connection((host, int(port)), PATIENCE, source and (source, 0)), dialect)
