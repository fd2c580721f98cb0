"""TLS record by record against a server of this library: tls_wire.py PORT CA CHECK, with the stock brine."""
import socket
import ssl
import struct
import sys

from rpyc.core import brine

PORT, CA = int(sys.argv[1]), sys.argv[2]
PING = 1


class Peer:
    """A client that takes in one record at a time."""

    def __init__(self, newest=ssl.TLSVersion.TLSv1_3, oldest=ssl.TLSVersion.TLSv1_2):
        context = ssl.create_default_context(cafile=CA)
        context.minimum_version, context.maximum_version = oldest, newest
        if newest < ssl.TLSVersion.TLSv1_2:
            context.set_ciphers("ALL:@SECLEVEL=0")
        self.socket = socket.create_connection(("127.0.0.1", PORT))
        self.socket.settimeout(20)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self.empty = 0
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.flush()
                self.incoming.write(self.record())
        self.flush()

    def flush(self):
        self.socket.sendall(self.outgoing.read())

    def exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def record(self):
        header = self.exactly(5)
        return header + self.exactly(struct.unpack(">H", header[3:])[0])

    def send(self, data):
        self.tls.write(data)
        self.flush()

    def receive(self):
        """The contents of the next record that has any."""
        while True:
            self.incoming.write(self.record())
            try:
                return self.tls.read(1 << 20)
            except ssl.SSLWantReadError:
                self.empty += 1


def ping(number, data):
    body = b"\x01" + brine.dump((number, (PING, (2, ((1, data),)))))
    return struct.pack(">LB", len(body), 0) + body + b"\n"


def replies(peer, count):
    """Reads as many replies, and checks that none begins in a record of another."""
    left, frames, bodies = b"", 0, []
    while frames < count:
        data = peer.receive()
        begins = not left
        left += data
        while len(left) >= 5:
            length, _ = struct.unpack(">LB", left[:5])
            if len(left) < length + 6:
                break
            frames += 1
            bodies.append(left[5:5 + length])
            left = left[length + 6:]
            assert not left, "a record contains the end of one message and the beginning of another"
        assert begins or frames, "nothing complete"
    return bodies


def records():
    """Many messages in one record get replies in records of their own, of every size."""
    peer = Peer()
    sizes = [1, 7, 100, 3000, 16380, 16384, 20000, 65536, 70000]
    small = b"".join(ping(number, b"x" * 5) for number in range(300))
    peer.send(small)
    assert len(replies(peer, 300)) == 300
    for number, size in enumerate(sizes):
        peer.send(ping(1000 + number, b"y" * size))
        replies(peer, 1)
    peer.send(b"".join(ping(2000 + number, b"z" * (size // 10)) for number, size in enumerate(sizes * 20)))
    replies(peer, len(sizes) * 20)
    assert not peer.empty, "%d records without a message: session tickets?" % peer.empty


def pieces():
    """A record that arrives byte by byte, and a message in records of one byte."""
    peer = Peer()
    peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.tls.write(ping(1, b"piece"))
    for byte in peer.outgoing.read():
        peer.socket.sendall(bytes([byte]))
    replies(peer, 1)
    for byte in ping(2, b"piece"):
        peer.send(bytes([byte]))
    replies(peer, 1)


def abrupt():
    """The end of the stream without a close_notify: between messages, and in one."""
    for rest in (b"", ping(2, b"half")[:10]):
        peer = Peer()
        peer.send(ping(1, b""))
        replies(peer, 1)
        if rest:
            peer.send(rest)
        peer.socket.close()


def broken():
    """Records that are too large, changed on the way, or not of TLS: the connection ends."""
    for data in (b"\x17\x03\x03\xff\xff" + b"x" * 70000, b"\x17\x03\x03\x00\x20" + b"x" * 32, b"GET / HTTP/1.0\r\n\r\n", b"\x00" * 100):
        peer = Peer()
        peer.send(ping(1, b""))
        replies(peer, 1)
        try:
            peer.socket.sendall(data)
            while peer.socket.recv(4096):
                pass
        except ConnectionError:
            pass


def old():
    """A handshake of TLS 1.1 fails."""
    try:
        Peer(ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1)
    except ssl.SSLError as error:
        # The server's alert, not a refusal by this side.
        assert "ALERT" in str(error), error
    else:
        raise AssertionError("TLS 1.1 is accepted")


def only_13():
    """With tls_min_version=1.3 a handshake of TLS 1.2 fails."""
    try:
        Peer(ssl.TLSVersion.TLSv1_2)
    except ssl.SSLError as error:
        assert "ALERT_PROTOCOL_VERSION" in str(error), error
    else:
        raise AssertionError("TLS 1.2 is accepted")
    peer = Peer()
    peer.send(ping(1, b""))
    replies(peer, 1)


globals()[sys.argv[3]]()
print("good")
