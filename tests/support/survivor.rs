//! A session in the middle of its work, to be hurt.

use super::node::{int, tuple};
use super::pair::{Wire, payloads, push, sent, value_box};
use super::recording::{self, Kind};
use super::thing::{Thing, shape};
use rpyc::config::{Config, Dialect};
use rpyc::error::Exception;
use rpyc::protocol::{Body, Event, Protocol};
use rpyc::value::Value;
use std::sync::Arc;

/// A session that has lent its root and waits for answers, so that anything finds something to hurt.
pub fn busy(six: bool) -> Protocol<u32> {
    let dialect = if six { Dialect::V6 } else { Dialect::V5 };
    let mut shape = shape("demo_peer.DemoService", &["exposed_add", "exposed_label"]);
    shape.inspect = Value::tuple(vec![]);
    let root = Thing::new("root", &Arc::new(shape));
    let (mut wire, _) = Wire::with_root(dialect, Config { dialect, ..Config::default() }, &root);
    for token in 0..40 {
        wire.session.request(Body::Raw { handler: 1, args: &[] }, token).unwrap();
    }
    sent(&mut wire.session);
    wire.session
}

/// Takes in a message; whatever it is, the session ends in an error or goes on, and says only what makes sense.
pub fn survive(session: &mut Protocol<u32>, six: bool, payload: &[u8]) -> bool {
    push(session, &recording::frame(payload), usize::MAX);
    let mut events = 0;
    let mut over = false;
    while let Some(event) = session.next_event() {
        events += 1;
        match event {
            Event::Closed(_) => over = true,
            Event::Request(request) => session.raise(&request.id, &Exception::stop_iteration()),
            Event::Reply { .. } => {}
        }
    }
    assert!(events <= 1, "one message, {events} events");
    let said = payloads(&sent(session));
    assert!(said.len() <= 1, "one message, {} answers", said.len());
    for payload in &said {
        let (kind, _, body) = recording::open(payload, six);
        if over {
            assert_eq!((kind, body), (Kind::Request, tuple([int(2), value_box(tuple([]))])), "CLOSE is the last word");
        } else {
            assert_ne!(kind, Kind::Request);
        }
    }
    assert_eq!(over, session.is_closed());
    session.send_releases();
    sent(session);
    let counts = session.counts();
    assert_eq!((counts.imports, counts.serving), (0, 0), "nobody holds anything");
    assert!(counts.exports <= 1, "{counts:?}");
    drop(session.take_dropped());
    !over
}
