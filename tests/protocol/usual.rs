//! Messages of the usual form are read and written without detours. With the option `debug` every message takes the long way: both
//! ways must come to the same, whatever the message.

use crate::support::node::{Node, int, text, tuple};
use crate::support::pair::{Wire, mine, pack, proxy, sent, tuple_box, value_box, yours};
use crate::support::recording::{self, Kind};
use crate::support::thing::{Thing, shape};
use rpyc::config::{Config, Dialect};
use rpyc::protocol::{Body, Event, Handler};
use rpyc::value::{Text, Value};
use std::sync::Arc;

fn config(debug: bool) -> Config {
    let mut config = Config { debug, ..Config::default() };
    config.limits.digits = 12;
    config.limits.bytes = 40;
    config.limits.items = 8;
    config
}

fn told(event: Option<Event<u32>>) -> String {
    match event {
        None => "nothing".into(),
        Some(Event::Request(request)) => format!("{:?} {:?}", request.id, request.op),
        Some(Event::Reply { seq, token, outcome }) => format!("{seq} {token} {outcome:?}"),
        Some(Event::Closed(error)) => format!("closed: {error}"),
    }
}

/// A server that has served these, and whose peer says this then: what it tells, and what it sends.
fn served(debug: bool, root: &Arc<Thing>, before: &[Vec<u8>], payload: &[u8]) -> (Vec<String>, Vec<u8>) {
    let mut wire = Wire::with_root(Dialect::V6, config(debug), root).0;
    for payload in before {
        wire.feed(payload);
        if let Some(Event::Request(request)) = wire.event() {
            wire.session.reply(&request.id, &Value::None).unwrap();
        }
    }
    sent(&mut wire.session);
    wire.feed(payload);
    // What comes behind it is still understood, or not.
    wire.feed(before.first().unwrap());
    let events = [(); 3].map(|()| told(wire.event())).to_vec();
    (events, sent(&mut wire.session))
}

/// Each byte becomes others, and each beginning stands alone.
fn mutants(payload: &[u8]) -> Vec<Vec<u8>> {
    let mut mutants: Vec<Vec<u8>> = (0..payload.len()).map(|end| payload[..end].to_vec()).collect();
    for (at, byte) in payload.iter().enumerate() {
        for other in [byte.wrapping_add(1), byte.wrapping_sub(1), 0x00, 0x02, 0x0e, 0x11, 0x16, 0x18, 0x50, 0xff] {
            let mut mutant = payload.to_vec();
            mutant[at] = other;
            mutants.push(mutant);
        }
    }
    let longer = [payload, &[0x50]].concat();
    mutants.extend([payload.to_vec(), longer]);
    mutants
}

#[test]
fn requests_are_read_alike_both_ways() {
    let root = Thing::new("root", &Arc::new(shape("mylib.Root", &["exposed_add", "exposed_name"])));
    let pack = Wire::with_root(Dialect::V6, config(false), &root).1;
    let request = |seq: i64, handler: i64, args: Node| {
        recording::close(Kind::Request, &int(seq), &tuple([int(handler), args]), true)
    };
    let none = || value_box(tuple([]));
    let call = |args: Node| request(1234, 8, tuple_box([yours(&pack), value_box(text("add")), args, none()]));
    let seeds = [
        call(none()),
        call(value_box(tuple([int(5), int(-123_456), int(1_234_567_890_123)]))),
        call(value_box(tuple([text("abc"), Node::None, tuple([int(1), int(2)])]))),
        request(5, 7, tuple_box([yours(&pack), value_box(tuple([int(1000)])), none()])),
        request(99_999, 4, tuple_box([yours(&pack), value_box(text("name"))])),
    ];
    for seed in &seeds {
        for payload in mutants(seed) {
            let short = served(false, &root, &seeds, &payload);
            assert_eq!(short, served(true, &root, &seeds, &payload), "{payload:02x?}");
        }
    }
}

/// A client that waits for three answers, and gets this.
fn answered(debug: bool, payload: &[u8], usual: bool) -> (Vec<String>, Vec<u8>) {
    let mut wire = Wire::new(Dialect::V6, Config { dialect: Dialect::V6, ..config(debug) }, None);
    for token in 70..73 {
        wire.session.request(Body::Raw { handler: Handler::Ping as i64, args: &[Value::None] }, token).unwrap();
    }
    sent(&mut wire.session);
    wire.feed(payload);
    // One that is awaited by its number is taken so.
    let first = match usual.then(|| wire.session.usual_reply(2)).flatten() {
        Some((token, value)) => told(Some(Event::Reply { seq: 2, token, outcome: Ok(value) })),
        None => told(wire.event()),
    };
    (vec![first, told(wire.event()), format!("{:?}", wire.session.counts())], sent(&mut wire.session))
}

#[test]
fn answers_are_read_alike_both_ways() {
    let answer = |seq: i64, body: Node| recording::close(Kind::Reply, &int(seq), &body, true);
    let seeds = [
        answer(2, value_box(int(7))),
        answer(2, value_box(int(-1_234_567))),
        answer(1, value_box(text("abcdefgh"))),
        answer(2, value_box(tuple([int(1), int(2), Node::None]))),
        answer(2, tuple_box([value_box(int(1))])),
        answer(1234, value_box(int(1))),
        recording::close(Kind::Exception, &int(2), &int(1), true),
    ];
    for seed in &seeds {
        for payload in mutants(seed) {
            let long = answered(true, &payload, false);
            assert_eq!(answered(false, &payload, false), long, "{payload:02x?}");
            assert_eq!(answered(false, &payload, true), long, "{payload:02x?}");
        }
    }
}

fn values() -> Vec<Value> {
    let int = |n: i64| Value::Int(n);
    vec![
        Value::None,
        int(0),
        int(159),
        int(160),
        int(-49),
        int(i64::MIN),
        int(1_000_000_000_000),
        Value::Bool(true),
        Value::Float(1.5),
        Value::str("abc"),
        Value::str(&"long ".repeat(100)),
        Value::bytes(&[7; 20_000]),
        Value::tuple(vec![int(1), Value::tuple(vec![Value::str("x")])]),
    ]
}

#[test]
fn messages_are_written_alike_both_ways() {
    let client = |debug| {
        let mut wire = Wire::new(Dialect::V6, Config { dialect: Dialect::V6, ..config(debug) }, None);
        wire.session.request(Body::Raw { handler: 3, args: &[] }, 77).unwrap();
        wire.feed_message(Kind::Reply, &int(0), &mine(&pack("x.Root", 7, 8)));
        let Some(Event::Reply { outcome: Ok(root), .. }) = wire.event() else { panic!("no root") };
        (wire, proxy(root))
    };
    let [(mut short, short_root), (mut long, long_root)] = [client(false), client(true)];
    let keyword = [(Text::new("k"), Value::Int(5))];
    for name in ["", "a", "add", "a name beyond sixteen letters", &"x".repeat(300)] {
        for value in values() {
            for count in 0..6 {
                let args = vec![value.clone(); count];
                for keywords in [&[][..], &keyword] {
                    let send = |wire: &mut Wire, target: &_| {
                        let body = Body::CallAttr { target, name, args: &args, keywords };
                        let seq = wire.session.request(body, 77).map_err(|error| error.to_string());
                        (seq, sent(&mut wire.session), wire.session.counts().pending)
                    };
                    assert_eq!(send(&mut short, &short_root), send(&mut long, &long_root), "{name} {args:?}");
                }
            }
        }
    }
    let root = Thing::new("root", &Arc::new(shape("mylib.Root", &["exposed_add"])));
    let server = |debug| Wire::with_root(Dialect::V6, config(debug), &root);
    let [(mut short, pack), (mut long, _)] = [server(false), server(true)];
    for value in values() {
        let answer = |wire: &mut Wire| {
            let none = || value_box(tuple([]));
            let request = wire.host(8, tuple_box([yours(&pack), value_box(text("add")), none(), none()]));
            let answered = wire.session.reply(&request.id, &value).map_err(|error| error.to_string());
            (answered, sent(&mut wire.session))
        };
        assert_eq!(answer(&mut short), answer(&mut long), "{value:?}");
    }
}

#[test]
fn an_attribute_that_is_read_again_is_the_same() {
    let root = Thing::new("root", &Arc::new(shape("mylib.Root", &["exposed_name", "exposed_other"])));
    let (mut wire, pack) = Wire::with_root(Dialect::V6, Config::default(), &root);
    let get = |name: &str| tuple_box([yours(&pack), value_box(text(name))]);
    for name in ["name", "other", "name", "name", "other"] {
        let request = wire.host(4, get(name));
        let rpyc::protocol::Op::GetAttr(rpyc::protocol::Name::Member(member)) = request.op else { panic!() };
        assert_eq!(&*request.target.shape().member_name(member).unwrap().to_string(), &format!("exposed_{name}"));
        wire.session.reply(&request.id, &Value::None).unwrap();
        wire.said();
    }
    // The rules hold at every look, and a call of it is another thing.
    let request =
        wire.host(8, tuple_box([yours(&pack), value_box(text("name")), value_box(tuple([])), value_box(tuple([]))]));
    assert!(matches!(request.op, rpyc::protocol::Op::CallAttr { .. }));
    wire.session.config_mut().allow_getattr = false;
    assert_eq!(wire.refused(4, get("name")).0, "AttributeError");
}
