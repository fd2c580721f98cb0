//! Peers that fall silent, on a clock of the test's own.

use crate::support::node::{int, text, tuple};
use crate::support::pair::{BOTH, Wire, closed, nothing, push, tuple_box, value_box, yours};
use crate::support::recording::{self, Kind};
use crate::support::thing::{Thing, shape};
use rpyc::config::{Config, Dialect};
use rpyc::error::Error;
use rpyc::protocol::Body;
use rpyc::value::Value;
use std::sync::Arc;
use std::time::Duration;

fn at(milliseconds: u64) -> Duration {
    // The clock began long before.
    Duration::from_secs(100_000) + Duration::from_millis(milliseconds)
}

fn root() -> Arc<Thing> {
    Thing::new("root", &Arc::new(shape("mylib.Root", &[])))
}

/// The host has looked at this time, and found nothing more to receive.
fn look(wire: &mut Wire, milliseconds: u64) {
    wire.session.watch_silence(at(milliseconds));
}

fn goes_on(wire: &mut Wire, milliseconds: u64) {
    look(wire, milliseconds);
    nothing(wire.event());
}

fn ends(wire: &mut Wire, milliseconds: u64, option: &str) {
    look(wire, milliseconds);
    match closed(wire.event()) {
        Error::Limit(text) => assert!(text.ends_with(&format!("({option})")), "{text}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(wire.session.silence_deadline(), None);
    look(wire, milliseconds + 1_000_000);
    assert!(wire.event().is_none(), "once");
}

/// A ping of this number of bytes.
fn ping(wire: &Wire, length: usize) -> Vec<u8> {
    let body = tuple([int(1), value_box(tuple([text(&"x".repeat(length))]))]);
    recording::frame(&recording::close(Kind::Request, &int(99), &body, wire.six))
}

#[test]
fn a_first_message_that_has_begun_has_its_time() {
    for dialect in BOTH {
        for begun in 1..9 {
            let mut wire = Wire::new(dialect, Config::default(), Some(root()));
            goes_on(&mut wire, 0);
            assert_eq!(wire.session.silence_deadline(), None, "a peer that says nothing is left in peace");
            goes_on(&mut wire, 500_000_000);
            let whole = ping(&wire, 50);
            push(&mut wire.session, &whole[..begun], 1);
            nothing(wire.event());
            goes_on(&mut wire, 500_000_100);
            assert_eq!(wire.session.silence_deadline(), Some(at(500_010_100)));
            goes_on(&mut wire, 500_010_099);
            ends(&mut wire, 500_010_100, "handshake_timeout");
        }
    }
}

#[test]
fn a_message_that_has_begun_goes_on_or_ends_the_connection() {
    for dialect in BOTH {
        let (mut wire, _) = Wire::with_root(dialect, Config::default(), &root());
        let long = ping(&wire, 200_000);
        push(&mut wire.session, &long[..100], 100);
        nothing(wire.event());
        goes_on(&mut wire, 0);
        // Some bytes now and then are not enough, whatever the host was told meanwhile.
        push(&mut wire.session, &long[100..8000], 100);
        nothing(wire.event());
        goes_on(&mut wire, 29_999);
        // 16 KiB in all are.
        push(&mut wire.session, &long[8000..16_500], 100);
        nothing(wire.event());
        goes_on(&mut wire, 30_000);
        assert_eq!(wire.session.silence_deadline(), Some(at(60_000)));
        push(&mut wire.session, &long[16_500..32_000], 100);
        nothing(wire.event());
        goes_on(&mut wire, 59_999);
        ends(&mut wire, 60_000, "frame_timeout");
        assert_eq!(wire.said().len(), 1, "CLOSE");
    }
}

#[test]
fn what_is_whole_ends_the_counting() {
    for dialect in BOTH {
        let (mut wire, _) = Wire::with_root(dialect, Config::default(), &root());
        let one = ping(&wire, 10);
        push(&mut wire.session, &one[..7], 7);
        goes_on(&mut wire, 0);
        push(&mut wire.session, &one[7..], 7);
        // A host that comes late finds it whole.
        assert!(!wire.session.watch_silence(at(1_000_000)));
        nothing(wire.event());
        wire.said();
        goes_on(&mut wire, 2_000_000);
        // The next one has a time of its own.
        push(&mut wire.session, &one[..7], 7);
        goes_on(&mut wire, 2_029_000);
        push(&mut wire.session, &[&one[7..], &one[..7]].concat(), 3);
        nothing(wire.event());
        wire.said();
        goes_on(&mut wire, 2_058_000);
        goes_on(&mut wire, 2_087_999);
        ends(&mut wire, 2_088_000, "frame_timeout");
    }
}

#[test]
fn without_limits_a_drip_is_read_for_ever() {
    let config = Config { frame_timeout: None, handshake_timeout: None, ..Config::default() };
    let mut wire = Wire::new(Dialect::V6, config, Some(root()));
    let one = ping(&wire, 10);
    for (number, byte) in one[..one.len() - 1].iter().enumerate() {
        push(&mut wire.session, &[*byte], 1);
        goes_on(&mut wire, number as u64 * 1_000_000_000);
        assert_eq!(wire.session.silence_deadline(), None);
    }
}

#[test]
fn a_first_message_is_waited_for_as_long_as_is_said() {
    let config = Config { first_message_timeout: Some(Duration::from_secs(5)), ..Config::default() };
    for dialect in BOTH {
        let mut wire = Wire::new(dialect, config.clone(), Some(root()));
        goes_on(&mut wire, 0);
        assert_eq!(wire.session.silence_deadline(), Some(at(5000)));
        goes_on(&mut wire, 4999);
        let one = ping(&wire, 10);
        push(&mut wire.session, &one[..9], 9);
        ends(&mut wire, 5000, "first_message_timeout");
        // Who has spoken once may be silent.
        let mut wire = Wire::new(dialect, config.clone(), Some(root()));
        goes_on(&mut wire, 0);
        push(&mut wire.session, &one, 9);
        nothing(wire.event());
        assert_eq!(wire.session.silence_deadline(), None);
        goes_on(&mut wire, 1_000_000_000);
    }
}

#[test]
fn who_is_idle_too_long_is_let_go() {
    let config = Config { idle_timeout: Some(Duration::from_secs(60)), ..Config::default() };
    for dialect in BOTH {
        let (mut wire, pack) = Wire::with_root(dialect, config.clone(), &root());
        goes_on(&mut wire, 0);
        goes_on(&mut wire, 59_999);
        let one = ping(&wire, 10);
        push(&mut wire.session, &one, 100);
        nothing(wire.event());
        wire.said();
        goes_on(&mut wire, 60_000);
        assert_eq!(wire.session.silence_deadline(), Some(at(120_000)));
        goes_on(&mut wire, 119_999);
        // A call that is being served, for however long.
        let request = wire.host(7, tuple_box([yours(&pack), value_box(tuple([])), value_box(tuple([]))]));
        goes_on(&mut wire, 120_000);
        goes_on(&mut wire, 900_000);
        wire.session.reply(&request.id, &Value::None).unwrap();
        wire.said();
        goes_on(&mut wire, 959_999);
        // A request of ours that the peer has not answered.
        wire.session.request(Body::Raw { handler: 1, args: &[] }, 9).unwrap();
        goes_on(&mut wire, 959_999);
        goes_on(&mut wire, 5_000_000);
        let seq = wire.said()[0].1.clone();
        wire.feed_message(Kind::Reply, &seq, &value_box(int(1)));
        assert!(wire.event().is_some());
        goes_on(&mut wire, 5_000_001);
        goes_on(&mut wire, 5_060_000);
        ends(&mut wire, 5_060_001, "idle_timeout");
    }
}

#[test]
fn options_may_change_while_it_is_silent() {
    let (mut wire, _) = Wire::with_root(Dialect::V6, Config::default(), &root());
    goes_on(&mut wire, 0);
    wire.session.config_mut().idle_timeout = Some(Duration::from_secs(1));
    goes_on(&mut wire, 10);
    ends(&mut wire, 1000, "idle_timeout");
}

#[test]
fn a_heartbeat_finds_a_peer_that_is_gone() {
    for dialect in BOTH {
        let config = Config {
            heartbeat: Some(Duration::from_secs(20)),
            heartbeat_timeout: Duration::from_secs(5),
            ..Config::default()
        };
        let (mut wire, _) = Wire::with_root(dialect, config, &root());
        wire.said();
        goes_on(&mut wire, 0);
        assert_eq!(wire.session.silence_deadline(), Some(at(20_000)));
        goes_on(&mut wire, 19_999);
        assert_eq!(wire.said().len(), 0);
        goes_on(&mut wire, 20_000);
        assert_eq!(wire.said().len(), 1, "PING");
        assert_eq!(wire.session.silence_deadline(), Some(at(25_000)));
        // Any input shows that the peer is there.
        let request = ping(&wire, 1);
        push(&mut wire.session, &request, 100);
        nothing(wire.event());
        wire.said();
        goes_on(&mut wire, 24_000);
        assert_eq!(wire.session.silence_deadline(), Some(at(44_000)));
        // The first PING has no reply: it is not repeated, but its time begins anew.
        goes_on(&mut wire, 44_000);
        assert_eq!(wire.said().len(), 0);
        goes_on(&mut wire, 48_999);
        ends(&mut wire, 49_000, "heartbeat_timeout");
    }
}

#[test]
fn a_heartbeat_waits_for_the_first_message_and_for_requests() {
    for dialect in BOTH {
        let config = Config { heartbeat: Some(Duration::from_secs(20)), ..Config::default() };
        let mut wire = Wire::new(dialect, config.clone(), Some(root()));
        goes_on(&mut wire, 0);
        assert_eq!(wire.session.silence_deadline(), None, "the peer's dialect is not known");
        let (mut wire, _) = Wire::with_root(dialect, config, &root());
        goes_on(&mut wire, 0);
        wire.session.request(Body::Raw { handler: 1, args: &[Value::from("a long call")] }, 7).unwrap();
        wire.said();
        for minute in 1..10 {
            goes_on(&mut wire, minute * 60_000);
        }
        assert_eq!(wire.said().len(), 0, "a peer that is busy with a request need not read");
    }
}
