//! Which dialect is spoken, and what is said of one that is not understood.

use crate::support::node::{Node, int, text, tuple};
use crate::support::pair::{BOTH, Pair, closed, nothing, payloads, push, sent, session, tuple_box, value_box};
use crate::support::recording::{self, Kind};
use crate::support::thing::{Thing, shape};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use rpyc::config::{Config, Dialect};
use rpyc::error::Error;
use rpyc::protocol::{Body, Protocol};
use rpyc::value::Value;
use std::io::Write;
use std::sync::Arc;

const GETROOT: Body<'_> = Body::Raw { handler: 3, args: &[] };

fn message(dialect: Dialect, body: Node) -> Vec<u8> {
    recording::frame(&recording::close(Kind::Request, &int(0), &body, dialect == Dialect::V6))
}

fn ping(dialect: Dialect) -> Vec<u8> {
    message(dialect, tuple([int(1), value_box(tuple([int(5)]))]))
}

fn first_byte(session: &mut Protocol<u32>) -> u8 {
    let said = payloads(&sent(session));
    assert_eq!(said.len(), 1);
    said[0][0]
}

fn speaking(dialect: Dialect) -> Protocol<u32> {
    session(Config { dialect, ..Config::default() }, None)
}

#[test]
fn an_answer_has_the_dialect_of_the_question() {
    for heard in BOTH {
        for configured in [Dialect::Auto, heard] {
            let mut session = speaking(configured);
            assert_eq!((session.dialect(), session.heard()), (configured, Dialect::Auto));
            push(&mut session, &ping(heard), 1);
            nothing(session.next_event());
            assert_eq!((session.dialect(), session.heard()), (heard, heard));
            assert_eq!(first_byte(&mut session), if heard == Dialect::V6 { 2 } else { 0x12 });
            // Requests, too.
            session.request(GETROOT, 1).unwrap();
            assert_eq!(first_byte(&mut session), if heard == Dialect::V6 { 1 } else { 0x12 });
        }
    }
}

#[test]
fn who_speaks_first_speaks_as_configured_or_as_6() {
    for (configured, first) in [(Dialect::Auto, 1), (Dialect::V6, 1), (Dialect::V5, 0x12)] {
        let mut session = speaking(configured);
        session.request(GETROOT, 1).unwrap();
        assert_eq!(first_byte(&mut session), first);
        assert_eq!(session.dialect(), if first == 1 { Dialect::V6 } else { Dialect::V5 });
    }
}

#[test]
fn the_other_dialect_is_named() {
    let too_old =
        "the peer speaks the dialect of rpyc 5.3 and older, not that of 6.0; set the option dialect to 5 (or auto)";
    let too_new = "the peer speaks the dialect of rpyc 6.0 and later, not that of 5.3 and older; set the option dialect to 6 (or auto)";
    let configure = too_old.strip_suffix(" (or auto)").unwrap();
    for (configured, spoken, heard, expected) in [
        (Dialect::V6, false, Dialect::V5, too_old),
        (Dialect::V5, false, Dialect::V6, too_new),
        (Dialect::Auto, true, Dialect::V5, configure),
        (Dialect::V6, true, Dialect::V5, too_old),
        (Dialect::V5, true, Dialect::V6, too_new),
    ] {
        let mut session = speaking(configured);
        if spoken {
            session.request(GETROOT, 1).unwrap();
            sent(&mut session);
        }
        push(&mut session, &ping(heard), usize::MAX);
        match closed(session.next_event()) {
            Error::Dialect(text) => assert_eq!(text, expected),
            other => panic!("{other:?}"),
        }
        assert_eq!(session.heard(), heard);
        // A peer that spoke first is told which dialect this is, as by stock servers; otherwise it knows.
        match (spoken, configured) {
            (true, _) => assert!(session.outgoing().is_empty()),
            (false, Dialect::V5) => assert_eq!(first_byte(&mut session), 0x12),
            (false, _) => assert_eq!(first_byte(&mut session), 1),
        }
        assert_eq!(session.take_pending().len(), usize::from(spoken));
    }
    // It may not change its mind either.
    for first in BOTH {
        let mut session = speaking(Dialect::Auto);
        push(&mut session, &ping(first), usize::MAX);
        nothing(session.next_event());
        let other = if first == Dialect::V6 { Dialect::V5 } else { Dialect::V6 };
        push(&mut session, &ping(other), usize::MAX);
        assert!(matches!(closed(session.next_event()), Error::Dialect(_)));
    }
}

/// The first byte decides, whatever it is.
#[test]
fn every_first_byte() {
    for byte in 0..=255u8 {
        let mut session = speaking(Dialect::Auto);
        push(&mut session, &recording::frame(&[byte]), 1);
        let error = closed(session.next_event());
        let heard = match byte {
            1..=3 => Dialect::V6,
            0x12 | 0x14 | 0x15 => Dialect::V5,
            _ => Dialect::Auto,
        };
        assert_eq!(session.heard(), heard, "{byte:#x}");
        match (byte, &error) {
            (0, Error::Malformed(text)) => {
                assert_eq!(text, "not a message of RPyC; set the option bind_threads equally at both ends")
            }
            (_, Error::Malformed(text)) if heard == Dialect::Auto => {
                assert_eq!(*text, format!("not a message of RPyC: it starts with byte {byte:#04x}"));
            }
            (_, Error::Malformed(text)) => assert!(text.starts_with("brine: "), "{byte:#x} {text}"),
            (_, other) => panic!("{byte:#x} {other:?}"),
        }
    }
}

#[test]
fn bind_threads_on_one_side_only() {
    for dialect in BOTH {
        let on = Config { bind_threads: true, ..Config::default() };
        let mut bound = session(Config { dialect, ..on.clone() }, None);
        bound.request(GETROOT, 1).unwrap();
        let bytes = sent(&mut bound);
        let mut plain = speaking(Dialect::Auto);
        push(&mut plain, &bytes, usize::MAX);
        let text = closed(plain.next_event()).to_string();
        assert_eq!(text, "not a message of RPyC; set the option bind_threads equally at both ends");
        // The other way round, the message is short, or its 17th byte is anything.
        let mut bound = session(on.clone(), None);
        push(&mut bound, &message(dialect, tuple([int(3), value_box(tuple([]))])), usize::MAX);
        let text = closed(bound.next_event()).to_string();
        assert_eq!(text, "a message without thread ids; set the option bind_threads equally at both ends");
        let mut bound = session(on, None);
        push(&mut bound, &message(dialect, tuple([int(1), value_box(tuple([long_text()]))])), usize::MAX);
        let text = closed(bound.next_event()).to_string();
        assert_eq!(text, "not a message of RPyC: it starts with byte 0x61");
    }
}

/// So long that it reaches over what would be the thread ids.
fn long_text() -> Node {
    text(&"a".repeat(30))
}

/// References of 3.x and 4.0 in the envelope of 5.3; in that of 6.0 they are only wrong.
#[test]
fn old_references_are_named_only_where_they_can_be() {
    let old = tuple([int(139_870_625), text("Thing"), text("demo")]);
    for dialect in BOTH {
        for (label, pack) in [(4, old.clone()), (3, int(139_870_625)), (3, text("mylib.Root")), (3, int(5))] {
            let mut session = speaking(Dialect::Auto);
            let boxed = tuple([int(label), pack.clone()]);
            push(&mut session, &message(dialect, tuple([int(1), tuple_box([boxed])])), usize::MAX);
            if dialect == Dialect::V5 {
                match closed(session.next_event()) {
                    Error::Dialect(text) => {
                        assert!(
                            text.contains("rpyc 3.x or 4.0") && text.contains("rpyc 4.1 or later is needed"),
                            "{text}"
                        );
                    }
                    other => panic!("{other:?}"),
                }
                assert!(session.outgoing().is_empty());
            } else {
                nothing(session.next_event());
                let said = payloads(&sent(&mut session));
                let (kind, _, body) = recording::open(&said[0], true);
                assert_eq!(kind, Kind::Exception);
                let name = if label == 3 { "KeyError" } else { "TypeError" };
                assert_eq!(body.items()[0].items()[1], text(name));
            }
        }
    }
}

#[test]
fn two_sessions_understand_each_other_in_both() {
    let root = Thing::new("root", &Arc::new(shape("mylib.Root", &[])));
    for dialect in BOTH {
        for bind_threads in [false, true] {
            let config = Config { bind_threads, ..Config::default() };
            let mut pair = Pair::with(dialect, config, Some(root.clone()));
            assert_eq!(&*pair.root().type_name, "mylib.Root");
            assert_eq!((pair.client.dialect(), pair.server.dialect()), (dialect, dialect));
            let back = pair.ask(Body::Raw { handler: 1, args: &[Value::str("x")] }).unwrap();
            assert_eq!(back, Value::str("x"));
        }
    }
}

fn deflated_frame(payload: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(payload).unwrap();
    let mut out = recording::frame(&encoder.finish().unwrap());
    out[4] = 1;
    out
}

/// The beginning of the first message tells the dialect, whatever of it is here.
#[test]
fn the_first_word_is_heard_without_being_taken() {
    for dialect in BOTH {
        for bind_threads in [false, true] {
            for compressed in [false, true] {
                let body = tuple([int(1), value_box(tuple([long_text()]))]);
                let mut payload = recording::close(Kind::Request, &int(0), &body, dialect == Dialect::V6);
                if bind_threads {
                    payload.splice(0..0, [7; 16]);
                }
                let plain = recording::frame(&payload);
                let deflated = deflated_frame(&payload);
                let bytes = if compressed { deflated } else { plain };
                let mut session = session(Config { bind_threads, ..Config::default() }, None);
                // Empty frames are passed over.
                push(&mut session, &recording::frame(&[]), usize::MAX);
                let mut heard = None;
                for (at, byte) in bytes.iter().enumerate() {
                    push(&mut session, &[*byte], usize::MAX);
                    let word = session.first_word().unwrap();
                    assert!(heard.is_none() || word == heard, "at {at}");
                    heard = word;
                }
                assert_eq!(heard, Some(dialect));
                assert_eq!((session.dialect(), session.heard()), (Dialect::Auto, Dialect::Auto));
                nothing(session.next_event());
                assert_eq!(session.heard(), dialect);
            }
        }
    }
    for strange in [&[0][..], &[4], b"HTTP/1.1 400 Bad Request", &[0x16, 3, 1]] {
        let mut session = speaking(Dialect::Auto);
        push(&mut session, &recording::frame(strange), usize::MAX);
        assert!(matches!(session.first_word(), Err(Error::Malformed(_))));
    }
    let mut session = speaking(Dialect::Auto);
    push(&mut session, b"HTTP/1.1 400 Bad Request", usize::MAX);
    assert!(matches!(session.first_word(), Err(Error::Limit(_))));
}

/// What cannot be understood is not said.
#[test]
fn no_close_before_the_dialect_is_known() {
    let mut session = speaking(Dialect::Auto);
    session.close();
    assert!(session.outgoing().is_empty());
    assert!(!session.is_open());
    for dialect in BOTH {
        let mut session = speaking(dialect);
        session.close();
        assert_eq!(first_byte(&mut session), if dialect == Dialect::V6 { 1 } else { 0x12 });
        let mut session = speaking(Dialect::Auto);
        push(&mut session, &ping(dialect), usize::MAX);
        nothing(session.next_event());
        sent(&mut session);
        session.close();
        assert_eq!(first_byte(&mut session), if dialect == Dialect::V6 { 1 } else { 0x12 });
    }
}
