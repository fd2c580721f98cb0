"""Peers of shm:// that break its own rules: descriptors of other things, slots that cannot come, positions that lie, and memory that is
changed while it is read."""
import array
import itertools
import os
import random
import resource
import socket
import struct
import time

from hostile.forged import EMPTY
from hostile.rings import (AT_BELL, AT_SOCKET, BELL, FIRST, FORM, INVITED, LEAVE, MARKS, RETURN, ROOM, SEALS, SILENT, SIZE, SLOTS, TAKEN, sealed)
from hostile.victim import sure
from hostile.wire import CLOSE, GETROOT, PING, REQUEST, Closed, Hang, by_value, frame, message

PATIENCE = 20.0
ASK = frame(message(REQUEST, 0, (PING, by_value((5,)))))


def path(victim):
    return victim.address[len("shm://"):]


def ringed(victim):
    """A peer whose ring is in use in both directions. A server that never waits does not invite to its ring, so it gets time to."""
    peer, deadline = victim.rooted(), time.monotonic() + PATIENCE
    for n in itertools.count():
        sure(peer.ask(PING, by_value((n,))) == (1, n), "PING %d", n)
        if all(peer.socket.by_ring):
            return peer
        sure(time.monotonic() < deadline, "the rings are not used: %r", peer.socket.by_ring)
        time.sleep(0.001 * min(n, 20))


def begun(victim, fds, data=ASK, rights=True):
    """A plain socket on which these descriptors were sent with the first bytes."""
    plain = socket.socket(socket.AF_UNIX)
    plain.settimeout(PATIENCE)
    plain.connect(path(victim))
    control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if rights else []
    plain.sendmsg([data], control, SILENT)
    return plain


def handed(plain):
    """The first bytes of the answer, and the number of descriptors beside them."""
    got, control, _, _ = plain.recvmsg(1 << 12, socket.CMSG_SPACE(64))
    fds = [fd for _, _, data in control for fd in array.array("i", data[:len(data) // 4 * 4])]
    for fd in fds:
        os.close(fd)
    return got, len(fds)


def strange_descriptors(victim):
    """None, too many, and those of other things: all goes over the socket, and nothing is kept."""
    reader, writer = os.pipe()
    null, folder = os.open("/dev/null", os.O_RDWR), os.open("/", os.O_RDONLY)
    # One that sends bytes without end, in the place of memory.
    noise = os.open("/dev/zero", os.O_RDWR)
    good = [sealed() for _ in range(5)]
    wrong = [sealed(seals=0), sealed(seals=3), sealed(seals=SEALS | 8), sealed(SIZE - 4096), sealed(SIZE * 2), sealed(0), sealed(form=0),
             sealed(form=FORM + (1 << 56))]
    for fds in ([], [null], [folder], [noise], [reader], [writer], [0], *([one] for one in wrong), good[:2], good, [good[0]] * 200,
                [null, good[0]], [good[0], null]):
        plain = begun(victim, fds, rights=bool(fds))
        got, count = handed(plain)
        sure(got and count == 0, "%d descriptors are handed over for %r", count, fds)
        # Then plainly on; late ones are closed.
        for _ in range(3):
            plain.sendmsg([ASK], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [good[0], null]))], SILENT)
            sure(plain.recv(1 << 12), "no answer over the socket")
        plain.close()
    # The same memory on two connections, and its own ring handed back to who made it.
    first, second = begun(victim, [good[0]]), begun(victim, [good[0]])
    for plain in (first, second):
        plain.recv(1)
        plain.close()
    plain = begun(victim, [good[1]])
    _, control, _, _ = plain.recvmsg(1 << 12, socket.CMSG_SPACE(64))
    own = array.array("i", control[0][2][:4])[0]
    for fd in (own, *good, *wrong, reader, writer, null, folder, noise):
        os.close(fd)
    for _ in range(50):
        plain.send(b"\0\0\0\0\0\n")
    plain.close()


def first_bytes(victim):
    """The descriptor beside a part of a message, beside an end, and beside garbage."""
    fd = sealed()
    for data in (ASK[:1], ASK[:7], b"\xff" * 50, b"GET / HTTP/1.0\r\n\r\n", ASK * 300, frame(message(REQUEST, 0, (CLOSE, EMPTY)))):
        for leaves in (True, False):
            plain = begun(victim, [fd], data)
            if leaves:
                plain.close()
                continue
            plain.shutdown(socket.SHUT_WR)
            try:
                while plain.recv(1 << 16):
                    pass
            except OSError:
                pass
            plain.close()
    os.close(fd)


def ends(peer, what):
    """The connection ends, whatever comes before."""
    try:
        peer.socket.socket.setblocking(True)
        peer.socket.socket.settimeout(PATIENCE)
        while peer.socket.socket.recv(1 << 16):
            pass
    except TimeoutError:
        raise Hang("%s does not end the connection" % what) from None
    except OSError:
        pass
    peer.socket.close()


def said(victim, text, log=""):
    """Whether the log says so, which may come a moment later."""
    deadline = time.monotonic() + PATIENCE
    while text not in log and time.monotonic() < deadline:
        time.sleep(0.005)
        log += victim.log()
    return text in log


def impossible_slots(victim):
    """What no writer writes ends the connection, and the log says what was wrong."""
    cases = {
        "a slot of invalid length": [(kind, None) for kind in (0, 61, 255, 0x7fff, 0xff00, 0xff03, 0xffff)],
        "a slot of another lap": [(5, lap) for lap in (2, 3, 0x8000, 0xffff)],
        "a switch to the socket at a position that was already read": [(LEAVE, None)],
        "a return to the ring without a switch to the socket": [(RETURN, None)],
    }
    for text, several in cases.items():
        for kind, lap in several:
            peer = ringed(victim)
            ring = peer.socket
            victim.log()
            ring.peer.put(ring.written, kind, bytes(ROOM), lap)
            ring.wake()
            ends(peer, text)
            victim.honest()
            sure(said(victim, "the shared memory is broken: " + text), "the log does not say %r", text)
    # On the way back from the socket.
    for kind, position in ((RETURN, 0), (LEAVE, 0), (LEAVE, 1 << 63), (5, 0)):
        peer = ringed(victim)
        ring = peer.socket
        ring.control(LEAVE, ring.sent)
        ring.in_ring = False
        ring.peer.put(ring.written, kind, struct.pack("=Q", position))
        ring.socket.send(ASK[:5])
        ends(peer, "kind %x after it was left" % kind)


def far_positions(victim):
    """Positions that are never reached: the stream is silent from then on, and ends with the socket."""
    for leave, back in ((1 << 62, None), ((1 << 64) - 1, None), (None, (1 << 64) - 1), (None, 1 << 40)):
        peer = ringed(victim)
        ring = peer.socket
        ring.control(LEAVE, ring.sent if leave is None else leave)
        if back is not None:
            ring.control(RETURN, back)
        for _ in range(50):
            ring.socket.send(ASK, SILENT)
        victim.honest()
        peer.socket.close()


def lies_of_the_reader(victim):
    """What the server reads of our reading: positions, marks, invitations."""
    def lie(place, value, longs=False):
        def tell(ring):
            if longs:
                ring.own.longs[place // 8] = value
            else:
                ring.own.set(place, value)
        return tell

    for tell in (*(lie(TAKEN, value, True) for value in (0, 1 << 20, 1 << 63, (1 << 64) - 1)), *(lie(INVITED, value) for value in (0, 2, 1 << 31)),
                 *(lie(MARKS, value) for value in (AT_BELL, AT_SOCKET, 3, 0xffffffff)), lie(BELL, 0xffffffff), lie(0, 0, True)):
        peer = ringed(victim)
        ring = peer.socket
        try:
            for n in range(600):
                ring.step = lambda: None             # what is taken is not told
                tell(ring)
                ring.sendall(frame(message(REQUEST, n, (PING, by_value((bytes(50),))))))
        except (OSError, Closed):
            pass
        victim.honest()
        peer.socket.close()


def changed_while_read(victim, seed=5, rounds=40):
    """Random writes everywhere in both rings, between honest messages."""
    rng = random.Random(seed)
    for _ in range(rounds):
        peer = ringed(victim)
        ring = peer.socket
        try:
            for n in range(60):
                memory = rng.choice((ring.own, ring.peer))
                if rng.randrange(3):
                    slot = FIRST // 4 + rng.choice((ring.written, ring.taken, rng.randrange(SLOTS))) % SLOTS * 16
                    memory.words[slot + rng.choice((0, 0, 1, 2, 15))] = rng.choice((0, 1 << 16 | 60, 1 << 16 | LEAVE, 1 << 16 | RETURN, rng.getrandbits(32)))
                else:
                    memory.words[rng.randrange(64)] = rng.choice((0, 1, rng.getrandbits(8), rng.getrandbits(32)))
                ring.settimeout(0.2)
                ring.sendall(frame(message(REQUEST, n, (PING, by_value((bytes(rng.randrange(200)),))))))
        except (OSError, Closed):
            pass
        if rng.randrange(2):
            ring.socket.close()
        peer.socket.close()
    victim.honest()


def many_connections(victim):
    """Rings by the hundred, silent, and gone without a word."""
    peers = [ringed(victim) for _ in range(100)]
    victim.honest()
    for n, peer in enumerate(peers):
        if n % 2:
            peer.post(PING, by_value((bytes(20000),)))
        peer.socket.close()


def with_limit(victim, which, limit, function):
    """Runs a function while the server has such a limit."""
    before = resource.prlimit(victim.pid, which)
    resource.prlimit(victim.pid, which, (limit, before[1]))
    try:
        return function()
    finally:
        resource.prlimit(victim.pid, which, before)


def served(victim, count):
    """How many peers are served at once, whatever way; each is closed again."""
    peers, good = [], 0
    for _ in range(count):
        try:
            peer = victim.connect()
            peers.append(peer)
            peer.ask(GETROOT, patience=1.0)
            for n in range(3):
                sure(peer.ask(PING, by_value((n,)), patience=1.0) == (1, n), "PING %d", n)
            good += 1
        except (Closed, Hang, OSError):
            break                                    # no descriptor or no thread for it, which ends none of the others
    for peer in peers[:good]:
        sure(peer.ask(PING, by_value(("on",))) == (1, "on"), "the others are served on")
    for peer in peers:
        peer.socket.close()
    return good


def without_descriptors(victim):
    """The server has descriptors for sockets, and then none for memory, and then none at all."""
    for more in range(1, 9):
        # Numbers below the limit are free where descriptors were closed.
        good = with_limit(victim, resource.RLIMIT_NOFILE, victim.held()[1] + more, lambda: served(victim, 12))
        victim.settle(victim.most())
        sure(good < 12, "the limit has no effect")
    victim.honest()
    ringed(victim).socket.close()


def without_memory(victim):
    """Its address space is used up at different places."""
    size = victim.status("VmSize") << 10
    for more in range(0, 200 << 10, 12 << 10):
        with_limit(victim, resource.RLIMIT_AS, size + more, lambda: served(victim, 3))
        victim.alive("no memory for rings")
        victim.settle(victim.most())
    victim.honest()


ATTACKS = {"memory": (strange_descriptors, first_bytes, impossible_slots, far_positions, lies_of_the_reader, changed_while_read,
                      many_connections),
           "starved": (without_descriptors, without_memory)}
