"""Peers that say nothing, or begin something and do not end it, towards servers whose limits of silence are short."""
import struct
import time
import zlib

from hostile.forged import EMPTY
from hostile.streams import pushed
from hostile.victim import PATIENCE, sure
from hostile.wire import CALLATTR, PING, REPLY, REQUEST, Closed, by_value, frame, items, made, message, mine, yours

BEGUN = ("handshake_timeout=1", "frame_timeout=1", "max_frame=100000")
IDLE = ("idle_timeout=2", "first_message_timeout=2")
FEW = ("max_connections=6",)
OF_ONE = ("max_connections_per_address=4",)


def told(victim, *names):
    """The log, where there is one, says which option it was."""
    text = victim.log()
    sure(not text or any(name in text for name in names), "the log names no option of %r:\n%s", names, text)


def beginnings():
    """Pieces of a first message, or of any."""
    whole = frame(message(REQUEST, 0, (PING, by_value(("x" * 5000,)))))
    beyond = frame(message(REQUEST, 0, (PING, by_value(("x" * 300000,)))))
    packed = zlib.compress(message(REQUEST, 0, (PING, by_value((bytes(range(256)) * 40,)))))
    return (whole[:1], whole[:4], whole[:5], whole[:6], whole[:3000], whole[:-1], frame(packed, 1)[:-20], struct.pack("!LB", 90000, 0),
            beyond[:6], beyond[:1000], beyond[:200000], struct.pack("!LB", 300000, 0) + b"\x01" * 1000, struct.pack("!LB", 3, 0))


def first_messages_begun(victim):
    """Each beginning as the first that is said: the connection ends, and one that says nothing at all stays."""
    silent = victim.connect()
    peers = [victim.connect() for _ in beginnings()]
    for peer, data in zip(peers, beginnings()):
        peer.send(data)
    victim.honest()
    for peer in peers:
        peer.drain()
        peer.socket.close()
    told(victim, "handshake_timeout")
    silent.get_root()
    silent.socket.close()


def messages_begun(victim):
    """The same of a peer that has spoken, also beyond what may be stored; whole messages before do not help."""
    peers = [victim.rooted(dialect) for dialect in (6, 5) for _ in beginnings()]
    spoken = victim.rooted()
    for peer, data in zip(peers, beginnings() * 2):
        peer.send(data)
    victim.honest()
    for peer in peers:
        peer.drain()
        peer.socket.close()
    told(victim, "frame_timeout")
    sure(spoken.ask(PING, by_value(("still",))) == (1, "still"), "one that has begun nothing was closed")
    spoken.socket.close()


def single_bytes(victim):
    """A byte now and then is no progress."""
    for peer in (victim.connect(), victim.rooted()):
        whole = frame(message(REQUEST, 0, (PING, by_value(("x" * 60000,)))))
        deadline = time.monotonic() + PATIENCE
        try:
            for byte in whole:
                peer.send(bytes([byte]))
                time.sleep(0.02)
                sure(time.monotonic() < deadline, "a drip is read for ever")
        except Closed:
            pass
        peer.socket.close()
    told(victim, "handshake_timeout", "frame_timeout")


def idle_peers(victim):
    """One that says nothing, one that has spoken and says nothing more; one whose call is served stays."""
    def served():
        asks = victim.rooted()
        asks.post(CALLATTR, items(yours(asks.root), by_value("call"), items(mine(made())), EMPTY), seq=9)
        return asks, *asks.receive()

    silent, spoken, asks = victim.connect(), victim.rooted(), None
    if victim.has("call"):
        asks, kind, seq, _ = victim.again(served)
    for peer in (silent, spoken):
        peer.drain()
        peer.socket.close()
    told(victim, "first_message_timeout", "idle_timeout")
    if asks:
        while kind != REQUEST:
            kind, seq, _ = asks.receive()
        asks.say(REPLY, seq, by_value(7))
        sure(asks.wait(9) == (1, 7), "a call that is served was cut off")
        asks.socket.close()


def idle_readers(victim):
    """One that asks for much, reads nothing, and falls silent."""
    peer = victim.rooted()
    ping = frame(message(REQUEST, 0, (PING, by_value((b"x" * 900,)))))
    pushed(peer, ping * 400, 12 << 20)
    # The end of the stream stands behind what it does not read.
    sure(victim.settle(victim.most()), "a peer that reads nothing stays")
    told(victim, "idle_timeout")
    peer.socket.close()


def open_at_last(victim, count):
    """This number of connections that have spoken, once those before have left."""
    peers, deadline = [], time.monotonic() + PATIENCE
    while len(peers) < count:
        sure(time.monotonic() < deadline, "only %d of %d connections are served", len(peers), count)
        peer = victim.connect()
        try:
            peer.get_root()
            peers.append(peer)
        except Closed:
            time.sleep(0.05)
    return peers


def all_places_taken(victim):
    """Silent ones, and such as have begun, take all places: each new one is served. Who has spoken stays."""
    most = int(victim.options["max_connections"])
    for data in (b"", frame(b"")[:5], frame(message(REQUEST, 0, (PING, by_value((1,)))))[:-1], b"\xff"):
        silent = [victim.connect() for _ in range(3 * most)]
        for peer in silent[-most:]:
            try:
                peer.send(data) if data else None
            except Closed:
                pass
        for _ in range(3):
            victim.honest()
        for peer in silent:
            peer.socket.close()
    spoken = open_at_last(victim, most)
    late = victim.connect()
    late.drain()
    late.socket.close()
    for peer in spoken:
        sure(peer.ask(PING, by_value(("still",))) == (1, "still"), "one that has spoken was closed")
        peer.socket.close()
    victim.honest()


def one_address(victim):
    """Connections of one address beyond its number are closed, those of others are not."""
    most = int(victim.options["max_connections_per_address"])
    spoken = open_at_last(victim, most)
    for _ in range(5):
        late = victim.connect()
        late.drain()
        late.socket.close()
    other = victim.connect(source="127.0.0.9")
    other.get_root()
    for peer in (*spoken, other):
        sure(peer.ask(PING, by_value(("still",))) == (1, "still"), "one within the number was closed")
        peer.socket.close()


ATTACKS = {"begun": (BEGUN, (first_messages_begun, messages_begun, single_bytes)), "idle": (IDLE, (idle_peers,))}
# Of servers whose output the library sends, in threads that wait.
SENDING = {"unread": (IDLE, (idle_readers,))}
# Of servers that accept by themselves.
PLACES = {"places": (FEW, (all_places_taken,)), "one-address": (OF_ONE, (one_address,))}
