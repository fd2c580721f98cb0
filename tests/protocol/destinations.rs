//! Long answers that are received into memory of the application: which go there, in which pieces, and what becomes of the
//! memory.

use crate::support::node::{Node, int, text, tuple};
use crate::support::pair::{BOTH, Wire, value_box};
use crate::support::recording::{self, Kind};
use rpyc::codec::frame::{Destination, Expected, Incoming, Target, fill};
use rpyc::config::{Config, Limits};
use rpyc::connection::Connection;
use rpyc::error::Error;
use rpyc::protocol::{Body, Event};
use rpyc::transport::{Ready, Transport, pair};
use rpyc::value::{Blob, Value};
use std::io::{self, IoSlice};
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What has become of a room.
#[derive(Default)]
struct Fate {
    kept: AtomicUsize,
    given_up: AtomicUsize,
    dropped: AtomicUsize,
}

impl Fate {
    fn is(&self, kept: usize, given_up: usize, dropped: usize) -> bool {
        (self.kept.load(SeqCst), self.given_up.load(SeqCst), self.dropped.load(SeqCst)) == (kept, given_up, dropped)
    }
}

struct Memory {
    bytes: Vec<u8>,
    fate: Arc<Fate>,
}

struct Kept(Memory, usize);

impl Destination for Memory {
    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    fn keep(self: Box<Self>, len: usize) -> Blob {
        self.fate.kept.fetch_add(1, SeqCst);
        Blob::foreign(Arc::new(Kept(*self, len))).unwrap()
    }

    fn give_up(&mut self) {
        self.fate.given_up.fetch_add(1, SeqCst);
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.fate.dropped.fetch_add(1, SeqCst);
    }
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.0.bytes[..self.1]
    }
}

/// A room, where it lies, and what becomes of it.
fn room(capacity: usize) -> (Box<dyn Destination>, *const u8, Arc<Fate>) {
    let memory = Memory { bytes: vec![b'-'; capacity], fate: Arc::default() };
    let (at, fate) = (memory.bytes.as_ptr(), memory.fate.clone());
    (Box::new(memory), at, fate)
}

fn data(len: usize, salt: usize) -> Vec<u8> {
    (0..len).map(|i| ((i + salt) % 251) as u8).collect()
}

const LONG: usize = 70_000;
const PREFIX: &[u8] = b"so it begins";

/// A frame of the prefix, a length and data.
fn framed(prefix: &[u8], announced: usize, data: &[u8]) -> Vec<u8> {
    recording::frame(&[prefix, &(announced as u32).to_be_bytes(), data].concat())
}

/// What came in a frame.
enum Got {
    Plain(Vec<u8>),
    InRoom(i64, Blob),
}

/// Receives as a transport and a session do, in pieces of the given sizes and then as much as there is room for. Tells
/// also how many bytes went straight to a room.
fn receive(incoming: &mut Incoming, mut bytes: &[u8], pieces: impl IntoIterator<Item = usize>) -> (Vec<Got>, usize) {
    let mut pieces = pieces.into_iter();
    let (mut got, mut straight) = (Vec::new(), 0);
    while !bytes.is_empty() {
        let before = incoming.buffered();
        let Target { room, buffer, max } = incoming.target();
        let size = pieces.next().unwrap_or(usize::MAX).min(bytes.len()).min(room.len() + max);
        let (now, later) = bytes.split_at(size);
        let (first, rest) = now.split_at(size.min(room.len()));
        room[..first.len()].copy_from_slice(first);
        assert!(buffer.capacity() - buffer.len() >= rest.len());
        buffer.extend_from_slice(rest);
        straight += first.len();
        incoming.received(size);
        assert_eq!(incoming.buffered(), before + size);
        bytes = later;
        while let Some(payload) = incoming.next_frame().unwrap() {
            got.push(match payload.is_elsewhere() {
                false => Got::Plain(incoming.bytes(&payload).to_vec()),
                true => {
                    let direct = payload.elsewhere().unwrap().unwrap();
                    let key = direct.key;
                    let Value::Bytes(bytes) = direct.into_value() else { panic!("bytes") };
                    Got::InRoom(key, bytes)
                }
            });
        }
        assert_eq!(incoming.is_mid_frame(), incoming.buffered() > 0);
    }
    (got, straight)
}

fn expecting(prefix: &[u8], most: usize, capacity: usize) -> (Incoming, *const u8, Arc<Fate>) {
    let mut incoming = Incoming::new(&Limits::default());
    let (room, at, fate) = room(capacity);
    incoming.expect(Expected::new(7, prefix.to_vec(), most, room));
    (incoming, at, fate)
}

/// In two pieces, cut anywhere around the header, the prefix, the length, and at the end; with other frames around it.
#[test]
fn every_cut() {
    let long = data(LONG, 1);
    let frame = framed(PREFIX, LONG, &long);
    let stream = [&recording::frame(b"before")[..], &frame, &recording::frame(b"after")].concat();
    let begin = stream.len() - frame.len() - 11;
    let ends = stream.len() - 24..stream.len();
    for cut in (1..begin + 60).chain([30_000, 66_000]).chain(ends) {
        for tail in [1, usize::MAX] {
            let (mut incoming, at, fate) = expecting(PREFIX, LONG, LONG);
            let (got, straight) =
                receive(&mut incoming, &stream, [cut.min(9000), cut.saturating_sub(9000).max(1), tail]);
            let [Got::Plain(before), Got::InRoom(7, bytes), Got::Plain(after)] = &got[..] else { panic!("{cut}") };
            assert!(
                before == b"before" && after == b"after" && bytes.as_slice() == long && bytes.as_ptr() == at,
                "{cut}"
            );
            // Only what came along with the beginning was copied.
            assert!(straight >= LONG - 33_000, "{cut}: {straight}");
            assert!(incoming.buffered() == 0 && !incoming.expects() && fate.is(1, 0, 0), "{cut}");
            drop(got);
            assert!(fate.is(1, 0, 1), "{cut}");
        }
    }
}

#[test]
fn byte_by_byte_and_pushed() {
    let long = data(LONG, 2);
    let stream = [framed(PREFIX, LONG, &long), recording::frame(b"after")].concat();
    let (mut incoming, at, _) = expecting(PREFIX, LONG, LONG);
    let (got, straight) = receive(&mut incoming, &stream, std::iter::repeat_n(1, stream.len()));
    assert!(
        matches!(&got[..], [Got::InRoom(7, bytes), Got::Plain(_)] if bytes.as_slice() == long && bytes.as_ptr() == at)
    );
    assert_eq!(straight, LONG);

    let (mut incoming, at, _) = expecting(PREFIX, LONG, LONG);
    for piece in stream.chunks(10_007) {
        incoming.push(piece);
    }
    let direct = incoming.next_frame().unwrap().unwrap().elsewhere().unwrap().unwrap();
    assert!(matches!(direct.into_value(), Value::Bytes(bytes) if bytes.as_slice() == long && bytes.as_ptr() == at));
    let after = incoming.next_frame().unwrap().unwrap();
    assert_eq!(incoming.bytes(&after), b"after");
}

/// Nearly the prefix, nearly the length, too long, too short, compressed: an ordinary frame, and the room is left.
#[test]
fn what_is_not_foreseen_goes_elsewhere() {
    let long = data(LONG, 3);
    let mut cases = Vec::new();
    for at in 0..PREFIX.len() {
        let mut prefix = PREFIX.to_vec();
        prefix[at] ^= 1;
        cases.push((framed(&prefix, LONG, &long), LONG, LONG));
    }
    let good = framed(PREFIX, LONG, &long);
    cases.push((framed(PREFIX, LONG - 1, &long), LONG, LONG));
    cases.push((framed(PREFIX, LONG + 1, &long), LONG + 1, LONG + 1));
    cases.push((framed(PREFIX, u32::MAX as usize, &long), LONG, LONG));
    cases.push((good.clone(), LONG - 1, LONG));
    cases.push((good.clone(), LONG, LONG - 1));
    cases.push((recording::frame(&data(LONG, 4)), LONG, LONG));
    cases.push((framed(PREFIX, 60_000, &long[..60_000]), LONG, LONG));
    for (at, (frame, most, capacity)) in cases.iter().enumerate() {
        for piece in [1, 9, 100, 5000] {
            let (mut incoming, _, fate) = expecting(PREFIX, *most, *capacity);
            let (got, straight) = receive(&mut incoming, frame, std::iter::repeat_n(piece, 30));
            let [Got::Plain(payload)] = &got[..] else { panic!("{at}") };
            assert!(*payload == frame[5..frame.len() - 1] && straight == 0, "{at}");
            assert!(incoming.expects() && incoming.take_destination(8).is_none(), "{at}");
            assert!(incoming.take_destination(7).is_some() && !incoming.expects() && fate.is(0, 0, 1), "{at}");
        }
    }
    // The same bytes in a frame that says it is compressed.
    let mut frame = good;
    frame[4] = 1;
    let (mut incoming, ..) = expecting(PREFIX, LONG, LONG);
    incoming.push(&frame);
    assert!(incoming.next_frame().is_err());
    // Nothing matches where it is not known how an answer begins.
    let (mut incoming, ..) = expecting(b"", LONG, LONG);
    let (got, _) = receive(&mut incoming, &framed(b"", LONG, &long), []);
    assert!(matches!(&got[..], [Got::Plain(_)]) && incoming.expects());
}

#[test]
fn of_two_large_frames_each_finds_its_room() {
    let (first, second) = (data(LONG, 5), data(LONG + 9, 6));
    let stream = [framed(b"first", LONG, &first), framed(b"second", LONG + 9, &second)].concat();
    for piece in [1, 7, 3000, usize::MAX] {
        let pieces = || std::iter::repeat_n(piece, 40);
        for (prefix, which) in [(&b"first"[..], 0), (b"second", 1)] {
            let (mut incoming, at, _) = expecting(prefix, 2 * LONG, 2 * LONG);
            let (got, _) = receive(&mut incoming, &stream, pieces());
            let (rooms, plain): (Vec<_>, Vec<_>) = got.iter().partition(|got| matches!(got, Got::InRoom(..)));
            assert_eq!((got.len(), rooms.len(), plain.len()), (2, 1, 1));
            let wanted = [&first, &second][which];
            assert!(matches!(&got[which], Got::InRoom(7, bytes) if bytes.as_slice() == wanted && bytes.as_ptr() == at));
        }
        let mut incoming = Incoming::new(&Limits::default());
        let (one, here, _) = room(LONG + 9);
        let (other, there, _) = room(LONG);
        incoming.expect(Expected::new(2, b"second".to_vec(), LONG + 9, one));
        incoming.expect(Expected::new(1, b"first".to_vec(), LONG, other));
        let (got, _) = receive(&mut incoming, &stream, pieces());
        let [Got::InRoom(1, a), Got::InRoom(2, b)] = &got[..] else { panic!("{piece}") };
        assert!(a.as_slice() == first && b.as_slice() == second && (a.as_ptr(), b.as_ptr()) == (there, here));
    }
}

#[test]
fn all_rooms_come_back_also_from_the_middle() {
    let (mut incoming, _, fate) = expecting(PREFIX, LONG, LONG);
    let (other, _, other_fate) = room(5);
    incoming.expect(Expected::new(8, b"other".to_vec(), 5, other));
    receive(&mut incoming, &framed(PREFIX, LONG, &data(LONG, 7))[..50_000], [100]);
    assert!(incoming.is_mid_frame() && incoming.take_destination(7).is_none());
    assert_eq!(incoming.take_destinations().len(), 2);
    assert!(fate.is(0, 0, 1) && other_fate.is(0, 0, 1) && !incoming.expects());
}

#[test]
fn filling() {
    for (capacity, value, fits) in [
        (3, Value::bytes(b"abc"), true),
        (0, Value::bytes(b""), true),
        (2, Value::bytes(b"abc"), false),
        (9, Value::str("abc"), false),
    ] {
        let (room, at, fate) = room(capacity);
        let (filled, left) = fill(room, value.clone());
        assert!(filled.py_eq(&value) && left.is_some() != fits);
        assert!(matches!(&filled, Value::Bytes(bytes) if bytes.as_ptr() == at) == fits);
        drop((filled, left));
        assert!(fate.is(fits as usize, 0, 1));
    }
}

fn ping(wire: &mut Wire, capacity: usize) -> (i64, *const u8, Arc<Fate>) {
    let seq = wire.session.request(Body::Raw { handler: 1, args: &[] }, 5).unwrap();
    let (room, at, fate) = room(capacity);
    wire.session.receive_into(seq, room);
    (seq, at, fate)
}

fn reply(wire: &Wire, seq: i64, value: Node) -> Vec<u8> {
    recording::frame(&recording::close(Kind::Reply, &int(seq), &value_box(value), wire.six))
}

/// The value of the reply to `seq`.
fn answer(wire: &mut Wire, seq: i64) -> Value {
    match wire.event() {
        Some(Event::Reply { seq: answered, token: 5, outcome: Ok(value) }) if answered == seq => value,
        _ => panic!("no answer to {seq}"),
    }
}

/// Long ones are received there, in both dialects and with numbers of any length; short ones are copied.
#[test]
fn bytes_that_fit_lie_in_the_room() {
    for dialect in BOTH {
        for (before, size) in [(0, LONG), (0, 10), (0, 0), (200, LONG), (70_000, LONG + 1), (3, 5000)] {
            let mut wire = Wire::new(dialect, Config { dialect, ..Config::default() }, None);
            for _ in 0..before {
                let seq = wire.session.request(Body::Raw { handler: 1, args: &[] }, 5).unwrap();
                wire.session.forget(seq);
            }
            let (seq, at, fate) = ping(&mut wire, LONG + 1);
            assert_eq!(seq, before);
            let bytes = data(size, 8);
            let frame = reply(&wire, seq, Node::Bytes(bytes.clone()));
            wire.session.incoming().push(&frame[..8]);
            assert!(wire.event().is_none());
            let (_, straight) = receive(wire.session.incoming(), &frame[8..frame.len() - 1], []);
            assert_eq!(straight > 0, size > 60_000, "{dialect:?} {before} {size}");
            wire.session.incoming().push(b"\n");
            let value = answer(&mut wire, seq);
            assert!(matches!(&value, Value::Bytes(got) if got.as_slice() == bytes && got.as_ptr() == at));
            assert!(fate.is(1, 0, 0) && !wire.session.has_dropped());
            drop(value);
            assert!(fate.is(1, 0, 1));
        }
    }
}

#[test]
fn a_room_that_is_not_needed_is_given_up() {
    for dialect in BOTH {
        let mut wire = Wire::new(dialect, Config { dialect, ..Config::default() }, None);
        for value in [int(5), text("abc"), Node::Bytes(data(11, 9)), Node::Bytes(data(LONG, 9)), tuple([int(1)])] {
            let (seq, _, fate) = ping(&mut wire, 10);
            let frame = reply(&wire, seq, value);
            wire.session.incoming().push(&frame);
            answer(&mut wire, seq);
            // It is free at once, and dropped by whoever may run code of the application.
            assert!(fate.is(0, 1, 0) && wire.session.has_dropped());
            assert_eq!(wire.session.take_destinations().len(), 1);
            assert!(fate.is(0, 1, 1) && !wire.session.has_dropped());
        }
        let (seq, _, fate) = ping(&mut wire, 10);
        let raised = tuple([tuple([text("builtins"), text("ValueError")]), tuple([]), tuple([]), text("")]);
        wire.feed_message(Kind::Exception, &int(seq), &raised);
        assert!(matches!(wire.event(), Some(Event::Reply { outcome: Err(Error::Remote(_)), .. })));
        assert!(fate.is(0, 1, 0));
    }
}

#[test]
fn a_longer_answer_than_allowed_is_refused_with_a_room_too() {
    let limits = Limits { bytes: LONG - 1, ..Limits::default() };
    let mut wire = Wire::new(BOTH[0], Config { limits, ..Config::default() }, None);
    let (seq, _, fate) = ping(&mut wire, LONG);
    let frame = reply(&wire, seq, Node::Bytes(data(LONG, 1)));
    wire.session.incoming().push(&frame);
    let refused = |event| matches!(event, Some(Event::Reply { outcome: Err(Error::Limit(_)), .. }));
    assert!(refused(wire.event()));
    assert!(fate.is(0, 1, 0) && wire.session.take_destinations().len() == 1);
    // The same where the message is passed over.
    let limits = Limits { frame: LONG - 1, ..Limits::default() };
    let mut wire = Wire::new(BOTH[0], Config { limits, ..Config::default() }, None);
    let (seq, _, fate) = ping(&mut wire, LONG);
    let frame = reply(&wire, seq, Node::Bytes(data(LONG, 1)));
    frame.chunks(1000).for_each(|piece| wire.session.incoming().push(piece));
    assert!(refused(wire.event()));
    assert!(fate.is(0, 1, 0) && wire.session.take_destinations().len() == 1);
}

/// Who stops waiting in the middle leaves the room to what is being received; before and after, it is free.
#[test]
fn forgotten_before_in_the_middle_and_behind() {
    for dialect in BOTH {
        let mut wire = Wire::new(dialect, Config { dialect, ..Config::default() }, None);
        let (seq, _, fate) = ping(&mut wire, LONG);
        wire.session.forget(seq);
        assert!(fate.is(0, 1, 0) && wire.session.take_destinations().len() == 1);
        let frame = reply(&wire, seq, Node::Bytes(data(LONG, 1)));
        wire.session.incoming().push(&frame);
        assert!(wire.event().is_none());

        let (seq, _, fate) = ping(&mut wire, LONG);
        let frame = reply(&wire, seq, Node::Bytes(data(LONG, 2)));
        let (first, rest) = frame.split_at(50_000);
        receive(wire.session.incoming(), first, [100]);
        assert_eq!(wire.session.forget(seq), Some(5));
        assert!(wire.event().is_none() && fate.is(0, 0, 0) && !wire.session.has_dropped());
        wire.session.incoming().push(rest);
        assert!(wire.event().is_none() && fate.is(0, 1, 0) && wire.session.has_dropped());
        assert_eq!(wire.session.take_destinations().len(), 1);
        assert!(fate.is(0, 1, 1));
        // The stream goes on behind it.
        let (seq, at, _) = ping(&mut wire, LONG);
        let frame = reply(&wire, seq, Node::Bytes(data(LONG, 3)));
        wire.session.incoming().push(&frame);
        assert!(matches!(answer(&mut wire, seq), Value::Bytes(bytes) if bytes.as_ptr() == at));
    }
}

/// While a thread receives, requests are made and forgotten, and the connection may end.
#[test]
fn while_the_received_bytes_are_elsewhere() {
    let mut wire = Wire::new(BOTH[0], Config::default(), None);
    let (early, _, early_fate) = ping(&mut wire, LONG);
    let incoming = wire.session.take_incoming();
    let (forgotten, _, forgotten_fate) = ping(&mut wire, LONG);
    let (late, at, late_fate) = ping(&mut wire, LONG);
    wire.session.forget(forgotten);
    wire.session.forget(early);
    wire.session.put_incoming(incoming);
    assert!(early_fate.is(0, 1, 0) && forgotten_fate.is(0, 1, 0) && late_fate.is(0, 0, 0));
    assert_eq!(wire.session.take_destinations().len(), 2);
    let frame = reply(&wire, late, Node::Bytes(data(LONG, 3)));
    wire.session.incoming().push(&frame);
    assert!(matches!(answer(&mut wire, late), Value::Bytes(bytes) if bytes.as_ptr() == at));

    for elsewhere in [false, true] {
        let mut wire = Wire::new(BOTH[0], Config::default(), None);
        let (seq, _, middle) = ping(&mut wire, LONG);
        let frame = reply(&wire, seq, Node::Bytes(data(LONG, 3)));
        receive(wire.session.incoming(), &frame[..40_000], [50]);
        let incoming = elsewhere.then(|| wire.session.take_incoming());
        let (_, _, waiting) = ping(&mut wire, LONG);
        wire.session.abandon();
        assert!(waiting.is(0, 1, 0) && middle.is(0, !elsewhere as usize, 0));
        if let Some(incoming) = incoming {
            wire.session.put_incoming(incoming);
        }
        assert!(middle.is(0, 1, 0) && wire.session.take_destinations().len() == 2);
        assert!(waiting.is(0, 1, 1) && middle.is(0, 1, 1));
    }
}

/// Notes where it was asked to receive to.
struct Noting {
    inner: Arc<dyn Transport>,
    into: Mutex<Vec<(usize, usize)>>,
}

impl Transport for Noting {
    fn recv(&self, buf: &mut Vec<u8>, max: usize, wait: bool) -> io::Result<usize> {
        self.inner.recv(buf, max, wait)
    }

    fn recv_into(&self, room: &mut [u8], buf: &mut Vec<u8>, max: usize, wait: bool) -> io::Result<usize> {
        let at = room.as_ptr() as usize;
        let n = self.inner.recv_into(room, buf, max, wait)?;
        self.into.lock().unwrap().push((at, n.min(room.len())));
        Ok(n)
    }

    fn send(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.inner.send(bufs)
    }

    fn poll(&self, read: bool, write: bool, timeout: Option<Duration>) -> io::Result<Ready> {
        self.inner.poll(read, write, timeout)
    }

    fn shutdown(&self) {
        self.inner.shutdown();
    }

    fn fileno(&self) -> Option<RawFd> {
        None
    }

    fn peer_name(&self) -> String {
        "noting".into()
    }

    fn local_name(&self) -> String {
        "noting".into()
    }
}

/// The transport puts all of a long answer where it stays, but for what came with its beginning.
#[test]
fn nothing_is_copied() {
    const SIZE: usize = 1 << 20;
    let (left, right) = pair();
    let noting = Arc::new(Noting { inner: left, into: Mutex::default() });
    let config = Config { compress: false, ..Config::default() };
    let client = Connection::new(noting.clone(), None, config.clone()).unwrap();
    let server = Connection::new(right, None, config).unwrap();
    let serving = thread::spawn(move || server.serve_all().unwrap());
    let (room, at, fate) = room(SIZE);
    let sent = Value::bytes(&data(SIZE, 1));
    let body = Body::Raw { handler: 1, args: std::slice::from_ref(&sent) };
    let got = client.shared().sync_request(body, Some(room)).unwrap();
    assert!(got.py_eq(&sent) && matches!(&got, Value::Bytes(bytes) if bytes.as_ptr() == at));
    let into = std::mem::take(&mut *noting.into.lock().unwrap());
    let mut next = at as usize + SIZE - into.iter().map(|(_, n)| n).sum::<usize>();
    assert!(next - (at as usize) < 64 * 1024, "{} bytes were copied", next - at as usize);
    for (place, n) in into {
        assert_eq!(place, next);
        next += n;
    }
    assert_eq!(next, at as usize + SIZE);
    drop(got);
    assert!(fate.is(1, 0, 1));
    // Without a room there is none.
    assert!(client.shared().sync_request(body, None).unwrap().py_eq(&sent));
    assert!(noting.into.lock().unwrap().is_empty());
    client.close().unwrap();
    serving.join().unwrap();
}

/// A transport that knows no better fills rooms all the same.
#[test]
fn transports_without_a_way_of_their_own() {
    struct Plain(Arc<dyn Transport>);
    impl Transport for Plain {
        fn recv(&self, buf: &mut Vec<u8>, max: usize, wait: bool) -> io::Result<usize> {
            self.0.recv(buf, max, wait)
        }
        fn send(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
            self.0.send(bufs)
        }
        fn poll(&self, read: bool, write: bool, timeout: Option<Duration>) -> io::Result<Ready> {
            self.0.poll(read, write, timeout)
        }
        fn shutdown(&self) {}
        fn fileno(&self) -> Option<RawFd> {
            None
        }
        fn peer_name(&self) -> String {
            String::new()
        }
        fn local_name(&self) -> String {
            String::new()
        }
    }
    for plain in [true, false] {
        let (left, right) = pair();
        let left: Arc<dyn Transport> = if plain { Arc::new(Plain(left)) } else { left };
        right.send(&[IoSlice::new(b"abcdefghij")]).unwrap();
        let (mut room, mut buf) = ([b'.'; 4], b"+".to_vec());
        assert_eq!(left.recv_into(&mut room[..2], &mut buf, 1, false).unwrap(), if plain { 1 } else { 3 });
        let done = if plain { 1 } else { 2 };
        assert!(left.recv_into(&mut room[done..], &mut buf, 100, true).unwrap() > 0);
        let (wanted, behind) = if plain { (b"abcd", &b"+efghij"[..]) } else { (b"abde", &b"+cfghij"[..]) };
        assert!(room == *wanted && buf == behind);
        let nothing = left.recv_into(&mut room, &mut buf, 1, false).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
    }
}
