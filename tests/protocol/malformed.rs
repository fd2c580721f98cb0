//! Messages that no peer should send: what is answered, what is the end, and that nothing worse happens.

use crate::support::node::{Node, int, text, tuple};
use crate::support::pair::{
    BOTH, Wire, closed, mine, nothing, pack, push, session, summary, tuple_box, value_box, yours,
};
use crate::support::recording::{self, Kind, load};
use crate::support::survivor::{busy, survive};
use crate::support::thing::{Thing, shape};
use rpyc::config::Config;
use rpyc::error::Error;
use rpyc::value::Value;
use std::sync::Arc;

fn root() -> Arc<Thing> {
    let mut shape = shape("demo_peer.DemoService", &["exposed_add", "exposed_label"]);
    shape.inspect = Value::tuple(vec![]);
    Thing::new("root", &Arc::new(shape))
}

/// Requests that make no sense, but leave the stream readable: an exception, and life goes on.
#[test]
fn requests_that_are_answered() {
    for dialect in BOTH {
        let (mut wire, root) = Wire::with_root(dialect, Config::default(), &root());
        let too_few = "ValueError: not enough values to unpack (expected 2, got";
        let cases = [
            // The body.
            (Node::None, "TypeError: cannot unpack non-iterable object".to_owned()),
            (int(5), "TypeError: cannot unpack non-iterable object".to_owned()),
            (text("ab"), "TypeError: cannot unpack non-iterable object".to_owned()),
            (tuple([]), format!("{too_few} 0)")),
            (tuple([int(1)]), format!("{too_few} 1)")),
            (tuple([int(1), int(2), int(3)]), "ValueError: too many values to unpack (expected 2)".to_owned()),
            // The box of the arguments.
            (tuple([int(1), Node::None]), "TypeError: cannot unpack non-iterable object".to_owned()),
            (tuple([int(1), tuple([])]), format!("{too_few} 0)")),
            (tuple([int(1), tuple([int(1)])]), format!("{too_few} 1)")),
            (tuple([int(1), tuple([int(0), tuple([])])]), "ValueError: invalid label 0".to_owned()),
            (tuple([int(1), tuple([int(5), tuple([])])]), "ValueError: invalid label 5".to_owned()),
            (tuple([int(1), tuple([text("1"), tuple([])])]), "ValueError: invalid label '1'".to_owned()),
            (tuple([int(1), tuple([Node::Bool(true), tuple([])])]), "ValueError: invalid label True".to_owned()),
            (
                tuple([int(1), tuple([Node::Int("9".repeat(20)), int(1)])]),
                format!("ValueError: invalid label {}", "9".repeat(20)),
            ),
            (
                tuple([int(1), value_box(int(5))]),
                "TypeError: the arguments of a request are a tuple (label 1 holds something else)".to_owned(),
            ),
            (
                tuple([int(1), tuple([int(2), text("ab")])]),
                "TypeError: the arguments of a request are a tuple (label 2 holds something else)".to_owned(),
            ),
            (
                tuple([int(1), yours(&root)]),
                "TypeError: the arguments of a request are a tuple (label 3 holds something else)".to_owned(),
            ),
            (
                tuple([int(1), mine(&root)]),
                "TypeError: the arguments of a request are a tuple (label 4 holds something else)".to_owned(),
            ),
            // An argument.
            (tuple([int(1), tuple_box([int(5)])]), "TypeError: cannot unpack non-iterable object".to_owned()),
            (tuple([int(1), tuple_box([tuple([])])]), format!("{too_few} 0)")),
            (tuple([int(1), tuple_box([tuple([int(9), int(1)])])]), "ValueError: invalid label 9".to_owned()),
            (
                tuple([int(1), tuple_box([tuple([int(2), int(1)])])]),
                "TypeError: 'int' object is not a tuple of boxes".to_owned(),
            ),
            (
                tuple([int(1), tuple_box([tuple_box([tuple([int(2), Node::None])])])]),
                "TypeError: 'NoneType' object is not a tuple of boxes".to_owned(),
            ),
            (tuple([int(1), tuple_box([mine(&tuple([]))])]), "TypeError: an id_pack is a str and two ints".to_owned()),
            (tuple([int(1), tuple_box([mine(&Node::None)])]), "TypeError: an id_pack is a str and two ints".to_owned()),
            (
                tuple([int(1), tuple_box([mine(&tuple([text("x.Y"), int(1), text("2")]))])]),
                "TypeError: an id_pack is a str and two ints".to_owned(),
            ),
            (
                tuple([int(1), tuple_box([mine(&tuple([text("x.Y"), Node::Bool(true), int(2)]))])]),
                "TypeError: an id_pack is a str and two ints".to_owned(),
            ),
            (
                tuple([int(1), tuple_box([mine(&tuple([Node::Bytes(b"x.Y".to_vec()), int(1), int(2)]))])]),
                "TypeError: an id_pack is a str and two ints".to_owned(),
            ),
            (
                tuple([int(1), tuple_box([mine(&tuple([text("x.Y"), int(1), int(2), int(3)]))])]),
                "TypeError: an id_pack is a str and two ints".to_owned(),
            ),
        ];
        for (i, (body, expected)) in cases.into_iter().enumerate() {
            wire.feed_message(Kind::Request, &int(i as i64), &body);
            nothing(wire.event());
            assert_eq!(summary(&wire.exception(i as i64).1), expected, "{body:?}");
        }
        assert_eq!(wire.ask(1, value_box(tuple([int(5)]))), value_box(int(5)));
        assert_eq!(wire.session.counts().imports, 0);
    }
}

/// Only the first fault is told, and everything behind it is read all the same.
#[test]
fn the_first_fault_counts() {
    let (mut wire, _) = Wire::with_root(BOTH[0], Config::default(), &root());
    let unknown = pack("x.Y", 1, 2);
    let bad = tuple([int(9), int(1)]);
    for (boxes, expected) in [
        ([yours(&unknown), bad.clone(), mine(&pack("x.Z", 7, 8))], "KeyError"),
        ([bad.clone(), yours(&unknown), mine(&pack("x.Z", 7, 8))], "ValueError"),
        ([value_box(int(1)), bad, yours(&unknown)], "TypeError"),
    ] {
        assert_eq!(wire.refused(7, tuple_box(boxes)).0, expected);
    }
    wire.session.send_releases();
    let release = tuple([int(15), tuple_box([yours(&pack("x.Z", 7, 8)), value_box(int(2))])]);
    assert_eq!(wire.only_said().2, release);
}

/// These are the end, with an error that says what and where.
#[test]
fn messages_that_end_the_session() {
    let request = |body: Node| tuple([int(0), body]).encode();
    let six = |kind: u8, rest: &[u8]| [&[kind], rest].concat();
    let v5 = |items: &[Node]| tuple(items).encode();
    let cut = |mut bytes: Vec<u8>| {
        bytes.pop();
        bytes
    };
    let ping = tuple([int(1), value_box(tuple([text("some text")]))]);
    for (payload, expected) in [
        (six(1, &[]), "brine: the input ends at offset 1, where a value was expected"),
        (six(1, &[0x07]), "brine: unknown tag 0x07 at offset 1"),
        (six(1, &int(5).encode()), "brine: expected a tuple at offset 1, got an int"),
        (six(1, &tuple([]).encode()), "message: expected a tuple of 2, got one of 0"),
        (six(1, &tuple([int(0), int(1), int(2)]).encode()), "message: expected a tuple of 2, got one of 3"),
        (six(1, &cut(request(ping.clone()))), "brine: a str of 9 bytes at offset 8 is cut after 8"),
        (six(2, &cut(request(value_box(text("some text"))))), "brine: a str of 9 bytes at offset 5 is cut after 8"),
        (six(3, &cut(request(text("some text")))), "brine: a str of 9 bytes at offset 3 is cut after 8"),
        (
            six(1, &[0x11, 0x50, 0x11, 0x51, 0x11, 0x51, 0x10, 0x08, 0x0a, 0xff]),
            "brine: the byte at offset 10 is not UTF-8",
        ),
        (
            six(1, &[0x11, 0x50, 0x11, 0x51, 0x11, 0x51, 0x15, 0xff, 0xff, 0xff, 0xff]),
            "brine: a tuple of 4294967295 items at offset 7 with 0 bytes left",
        ),
        (six(1, &[0x11, 0x09, 0x51]), "brine: a long of Python 2 (tag 0x09) at offset 2; rpyc 4.1 or later is needed"),
        (v5(&[int(0), int(0), ping.clone()]), "a message that is not a request, reply or exception"),
        (v5(&[int(4), int(0), ping.clone()]), "a message that is not a request, reply or exception"),
        (v5(&[text("x"), int(0), ping.clone()]), "brine: expected an int at offset 1, got a str"),
        (vec![0x14, 0x02, 0x51, 0x50], "message: expected a tuple of 3, got one of 2"),
        (cut(v5(&[int(1), int(0), ping])), "brine: a str of 9 bytes at offset 8 is cut after 8"),
    ] {
        let mut session = session(Config::default(), None);
        push(&mut session, &recording::frame(&payload), 2);
        match closed(session.next_event()) {
            Error::Malformed(text) => assert_eq!(text, expected, "{payload:02x?}"),
            other => panic!("{payload:02x?}: {other:?}"),
        }
        nothing(session.next_event());
    }
}

#[test]
fn broken_compression() {
    for (body, expected) in [(&b"not zlib"[..], "a compressed frame is broken"), (&[0x78, 0x01], "it is truncated")] {
        let mut frame = recording::frame(body);
        frame[4] = 1;
        let mut session = session(Config::default(), None);
        push(&mut session, &frame, 3);
        match closed(session.next_event()) {
            Error::Malformed(text) => assert!(text.contains(expected), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}

/// A keep-alive, any flusher, any flag for "compressed", bytes behind the message: all this is no matter.
#[test]
fn what_is_tolerated() {
    let (mut wire, _) = Wire::with_root(BOTH[0], Config::default(), &root());
    push(&mut wire.session, &recording::frame(&[]).repeat(3), 4);
    nothing(wire.event());
    let ping = recording::close(Kind::Request, &int(9), &tuple([int(1), value_box(tuple([int(5)]))]), true);
    let mut odd = recording::frame(&[&ping[..], b"trailing"].concat());
    *odd.last_mut().unwrap() = b'x';
    push(&mut wire.session, &odd, 1);
    nothing(wire.event());
    assert_eq!(wire.only_said(), (Kind::Reply, int(9), value_box(int(5))));
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, &ping).unwrap();
    let mut compressed = recording::frame(&encoder.finish().unwrap());
    for flag in [1, 2, 255] {
        compressed[4] = flag;
        push(&mut wire.session, &compressed, 5);
        nothing(wire.event());
        assert_eq!(wire.only_said(), (Kind::Reply, int(9), value_box(int(5))));
    }
}

/// Every recorded message with every single byte replaced by others, and cut at every place.
#[test]
fn damaged_recordings() {
    let mut survived = 0;
    let mut ended = 0;
    for name in ["p_raw_errors", "z_legacy_5.3.1", "e_classic_slave"] {
        let recording = load(name);
        let messages = recording.frames.iter().filter_map(|frame| frame.message.as_ref());
        let mut payloads: Vec<Vec<u8>> = messages.map(|message| recording::payload(&message.frame)).collect();
        payloads.sort_by_key(|payload| (payload.len(), payload.clone()));
        payloads.dedup_by_key(|payload| payload.len());
        let mut session = busy(recording.six);
        for payload in payloads.iter().filter(|payload| payload.len() < 400) {
            let cuts = (0..payload.len()).map(|at| payload[..at].to_vec());
            let damages = (0..payload.len()).flat_map(|at| {
                [0x00, 0x01, 0x02, 0x03, 0x09, 0x0f, 0x11, 0x15, 0x17, 0x50, 0x53, 0x54, 0xff, payload[at] ^ 1].map(
                    |byte| {
                        let mut damaged = payload.clone();
                        damaged[at] = byte;
                        damaged
                    },
                )
            });
            for damaged in cuts.chain(damages) {
                if survive(&mut session, recording.six, &damaged) {
                    survived += 1;
                } else {
                    ended += 1;
                    session = busy(recording.six);
                }
            }
        }
    }
    assert!(survived > 5_000 && ended > 5_000, "{survived} {ended}");
}
