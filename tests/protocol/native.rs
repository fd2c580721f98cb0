//! The native dialect: who agrees on it and who does not, and what then travels by value.

use crate::support::node::{Node, int, text, tuple};
use crate::support::pair::{
    BOTH, Pair, Wire, closed, mine, nothing, outcome, pack, proxy, remote, tuple_box, value_box, yours,
};
use crate::support::recording::Kind;
use crate::support::thing::{Thing, shape, thing_of};
use proptest::prelude::*;
use rpyc::config::{Config, Dialect, Limits, Native};
use rpyc::error::Error;
use rpyc::protocol::{Body, Due, Event, Op, Protocol};
use rpyc::value::{Array, Element, Local, Reference, Value};
use std::sync::Arc;
use std::time::Duration;

fn root() -> Arc<Thing> {
    Thing::new("root", &Arc::new(shape("mylib.Root", &[])))
}

fn native(native: Native, dialect: Dialect) -> Config {
    Config { native, dialect, ..Config::default() }
}

/// Two sessions with an option each.
fn pair(client: Native, server: Native, dialect: Dialect) -> Pair {
    let mut pair = Pair::with(dialect, native(server, Dialect::Auto), Some(root()));
    pair.client = crate::support::pair::session(native(client, dialect), None);
    pair
}

/// The features that we offer: native boxes, deadlines, and dates and times.
const OURS: i64 = 7;

fn offer(version: i64, features: i64) -> Node {
    tuple([text("librpyc"), int(version), int(features)])
}

fn agreed(version: i64, features: i64) -> Node {
    tuple([text("librpyc"), int(version), int(features), text("agreed")])
}

/// A native box around a skeleton.
fn native_box(skeleton: &[u8]) -> Node {
    tuple([int(5), Node::Bytes(skeleton.to_vec())])
}

fn list(items: Vec<Value>) -> Value {
    Value::List(items.into())
}

fn everything() -> Value {
    let numbers: Vec<u8> = (0..1000u32).flat_map(|n| f64::from(n).to_ne_bytes()).collect();
    let dict = Value::Dict(
        [
            (Value::str("list"), list(vec![Value::Int(1), list(vec![]), Value::None])),
            (Value::str("array"), Value::Array(Array::copy(Element::F64, &numbers).unwrap())),
            (
                Value::Int(-1),
                Value::tuple(vec![Value::from(u64::MAX), Value::Float(0.5), Value::Bytes(vec![1; 5000].into())]),
            ),
        ]
        .into(),
    );
    list(vec![dict])
}

/// The peer of a session that has the option on says whatever a test wants to the offer.
fn answered_with(answer: Option<Node>) -> Wire {
    let mut wire = Wire::new(Dialect::V6, native(Native::On, Dialect::V6), Some(root()));
    wire.session.request(Body::Raw { handler: 3, args: &[] }, 77).unwrap();
    let said = wire.said();
    assert_eq!(said.len(), 2, "{said:?}");
    assert_eq!(said[0].2, tuple([int(1), value_box(tuple([offer(1, OURS)]))]));
    assert_eq!(said[1].2, tuple([int(3), value_box(tuple([]))]));
    if let Some(answer) = answer {
        wire.feed_message(Kind::Reply, &said[0].1, &answer);
    }
    wire.feed_message(Kind::Reply, &said[1].1, &mine(&pack("far.Root", 5, 6)));
    wire
}

#[test]
fn they_agree_if_one_wants_it_and_the_other_may() {
    use Native::{Accept, Off, On};
    for dialect in BOTH {
        for (client, server, wanted) in [
            (On, On, true),
            (On, Accept, true),
            (On, Off, false),
            (Accept, On, false),
            (Accept, Accept, false),
            (Off, On, false),
            (Off, Off, false),
        ] {
            let mut pair = pair(client, server, dialect);
            let root = pair.root();
            assert_eq!((pair.client.is_native(), pair.server.is_native()), (wanted, wanted), "{client:?} {server:?}");
            let request = pair.host(Body::Call { target: &root, args: &[everything()], keywords: &[] });
            let Op::Call { args, .. } = &request.op else { panic!("{:?}", request.op) };
            match wanted {
                true => assert_eq!(*args, [everything()]),
                false => assert!(matches!(args.as_slice(), [Value::Ref(Reference::Remote(_))]), "{args:?}"),
            }
            let got = pair.reply(&request, &list(vec![Value::Int(1)])).unwrap();
            assert_eq!(matches!(got, Value::List(_)), wanted);
        }
    }
}

/// The second one to speak may be the one that wants it.
#[test]
fn a_server_asks_with_its_own_first_request() {
    let mut pair = pair(Native::Accept, Native::On, Dialect::V6);
    pair.root();
    pair.server.request(Body::Raw { handler: 3, args: &[] }, 77).unwrap();
    pair.to_client();
    nothing(pair.client.next_event());
    pair.to_server();
    assert_eq!(outcome(&mut pair.server).unwrap(), Value::None);
    assert!(pair.client.is_native() && pair.server.is_native());
}

#[test]
fn both_ask_at_once() {
    let mut pair = pair(Native::On, Native::On, Dialect::V6);
    pair.server = crate::support::pair::session(native(Native::On, Dialect::V6), Some(root()));
    for session in [&mut pair.client, &mut pair.server] {
        session.request(Body::Raw { handler: 3, args: &[] }, 77).unwrap();
    }
    pair.to_server();
    pair.to_client();
    nothing(pair.server.next_event());
    nothing(pair.client.next_event());
    assert!(pair.client.is_native() && pair.server.is_native());
    pair.to_server();
    pair.to_client();
    assert_eq!(outcome(&mut pair.server).unwrap(), Value::None);
    let root = proxy(outcome(&mut pair.client).unwrap());
    let request = pair.host(Body::Call { target: &root, args: &[list(vec![])], keywords: &[] });
    assert!(matches!(&request.op, Op::Call { args, .. } if *args == [list(vec![])]));
}

#[test]
fn nothing_is_asked_by_default() {
    assert_eq!(Config::default().native, Native::Accept);
    let mut wire = Wire::new(Dialect::V6, Config::default(), None);
    wire.session.request(Body::Raw { handler: 3, args: &[] }, 0).unwrap();
    assert_eq!(wire.only_said().2, tuple([int(3), value_box(tuple([]))]));
    let (mut wire, _) = Wire::with_root(Dialect::V6, native(Native::Off, Dialect::V6), &root());
    assert_eq!(wire.ask(1, value_box(tuple([offer(1, 1)]))), value_box(offer(1, 1)), "off is Python's echo");
    assert!(!wire.session.is_native());
}

#[test]
fn it_is_asked_once() {
    let mut wire = answered_with(Some(value_box(offer(1, OURS))));
    let root = wire.event();
    assert!(matches!(root, Some(Event::Reply { token: 77, .. })));
    wire.session.request(Body::Raw { handler: 3, args: &[] }, 0).unwrap();
    wire.only_said();
}

#[test]
fn a_python_peer_notices_nothing() {
    let refusal = tuple([tuple([text("builtins"), text("TypeError")]), tuple([]), tuple([]), text("no")]);
    let harmless = [
        value_box(offer(1, OURS)),
        value_box(Node::None),
        value_box(tuple([])),
        value_box(tuple([int(1), int(1), int(1), text("agreed")])),
        value_box(tuple([text("other"), int(1), int(1), text("agreed")])),
        mine(&pack("far.Thing", 1, 2)),
    ];
    for answer in harmless {
        let mut wire = answered_with(Some(answer.clone()));
        let Some(Event::Reply { token: 77, outcome: Ok(root), .. }) = wire.event() else { panic!("{answer:?}") };
        assert!(!wire.session.is_native());
        let root = proxy(root);
        let args = [list(vec![Value::Int(1)])];
        wire.session.request(Body::Call { target: &root, args: &args, keywords: &[] }, 0).unwrap();
        let said = wire.said();
        let call = said[0].2.items()[1].items()[1].items();
        assert_eq!(call[1].items()[1].items()[0].items()[0], int(4), "a reference: {call:?}");
    }
    // An exception is no agreement either.
    let mut wire = Wire::new(Dialect::V6, native(Native::On, Dialect::V6), None);
    wire.session.request(Body::Raw { handler: 3, args: &[] }, 77).unwrap();
    let said = wire.said();
    wire.feed_message(Kind::Exception, &said[0].1, &refusal);
    nothing(wire.event());
    assert!(wire.session.is_open() && !wire.session.is_native());
}

#[test]
fn an_answer_that_makes_no_sense_is_the_end() {
    for answer in [agreed(2, 1), agreed(0, 1), offer(2, 1), offer(1, 0), offer(1, 1), tuple([text("librpyc")])] {
        let mut wire = answered_with(Some(value_box(answer.clone())));
        let error = closed(wire.event());
        assert!(matches!(&error, Error::Malformed(text) if text.contains("the offer of native values")), "{error:?}");
    }
    let mut wire = answered_with(Some(value_box(agreed(1, 0))));
    assert!(matches!(wire.event(), Some(Event::Reply { token: 77, .. })));
    assert!(!wire.session.is_native(), "a peer that wants none of it");
    let mut wire = answered_with(None);
    assert!(matches!(wire.event(), Some(Event::Reply { token: 77, .. })));
    assert!(!wire.session.is_native(), "a peer that says nothing");
}

#[test]
fn offers_of_other_versions() {
    for (data, answer) in [
        (offer(1, 1), agreed(1, 1)),
        (offer(7, 1), agreed(1, 1)),
        (offer(1, 0xff), agreed(1, OURS)),
        (offer(1, 3), agreed(1, 3)),
        (offer(1, OURS), agreed(1, OURS)),
        (tuple([text("librpyc"), int(2), int(7), text("more")]), agreed(1, OURS)),
        (offer(0, 1), offer(0, 1)),
        (offer(1, 2), offer(1, 2)),
        (tuple([text("librpyc"), int(1)]), tuple([text("librpyc"), int(1)])),
        (tuple([text("other"), int(1), int(1)]), tuple([text("other"), int(1), int(1)])),
        (text("librpyc"), text("librpyc")),
    ] {
        let (mut wire, _) = Wire::with_root(Dialect::V6, Config::default(), &root());
        assert_eq!(wire.ask(1, value_box(tuple([data.clone()]))), value_box(answer.clone()));
        assert_eq!(wire.session.is_native(), answer != data, "{data:?}");
        assert_eq!(wire.session.sends_deadlines(), answer == agreed(1, OURS) || answer == agreed(1, 3), "{data:?}");
    }
}

#[test]
fn a_native_value_that_was_not_agreed_on() {
    for dialect in BOTH {
        let (mut wire, root) = Wire::with_root(dialect, Config::default(), &root());
        let args = || tuple_box([yours(&root), tuple_box([native_box(&[13, 0])]), value_box(tuple([]))]);
        let (name, body) = wire.refused(7, args());
        assert_eq!(name, "ValueError");
        assert!(crate::support::pair::summary(&body).contains("not negotiated"), "{body:?}");
        assert!(wire.session.is_open());
        // And once it is.
        wire.ask(1, value_box(tuple([offer(1, 1)])));
        let request = wire.host(7, args());
        assert!(matches!(&request.op, Op::Call { args, .. } if *args == [list(vec![])]));
    }
    // As an answer it is an error of the request.
    let mut wire = answered_with(Some(value_box(offer(1, OURS))));
    assert!(matches!(wire.event(), Some(Event::Reply { token: 77, .. })));
    // The peer has our offer, so that it might send one; a plain session has made none.
    let mut wire = Wire::new(Dialect::V6, Config::default(), None);
    let seq = wire.session.request(Body::Raw { handler: 3, args: &[] }, 77).unwrap();
    wire.said();
    wire.feed_message(Kind::Reply, &int(seq), &native_box(&[13, 0]));
    let Some(Event::Reply { outcome: Err(Error::Malformed(text)), .. }) = wire.event() else { panic!() };
    assert!(text.contains("not negotiated"), "{text}");
}

#[test]
fn one_that_cannot_be_read_is_the_end() {
    for skeleton in [&[][..], &[13], &[13, 1], &[99], &[0, 0], &[17], &[14, 1, 13, 0, 0]] {
        let (mut wire, root) = Wire::with_root(Dialect::V6, Config::default(), &root());
        wire.ask(1, value_box(tuple([offer(1, 1)])));
        wire.request(7, tuple_box([yours(&root), tuple_box([native_box(skeleton)]), value_box(tuple([]))]));
        let error = closed(wire.event());
        assert!(matches!(&error, Error::Malformed(text) if text.contains("native value")), "{error:?}");
    }
}

#[test]
fn references_in_it_are_counted_and_released() {
    for dialect in BOTH {
        let mut pair = pair(Native::On, Native::Accept, dialect);
        let root = pair.root();
        let thing = Thing::new("thing", &Arc::new(shape("mylib.Thing", &[])));
        let args = [list(vec![thing.value(), Value::tuple(vec![thing.value(), remote(&root)])])];
        let request = pair.host(Body::Call { target: &root, args: &args, keywords: &[] });
        assert_eq!((pair.client.counts().exports, pair.server.counts().imports), (1, 1));
        let Op::Call { args, .. } = &request.op else { panic!("{:?}", request.op) };
        let [Value::List(items)] = args.as_slice() else { panic!("{args:?}") };
        let [theirs, Value::Tuple(inner)] = &**items else { panic!("{items:?}") };
        assert_eq!(inner[0], *theirs);
        let Value::Ref(Reference::Local(ours)) = &inner[1] else { panic!("{inner:?}") };
        assert_eq!(thing_of(ours).label, "root");
        // Back in a dict: the same object.
        let answer = Value::Dict([(Value::str("it"), theirs.clone())].into());
        let Value::Dict(got) = pair.reply(&request, &answer).unwrap() else { panic!("no dict") };
        let Value::Ref(Reference::Local(back)) = &got[0].1 else { panic!("{got:?}") };
        assert!(std::ptr::addr_eq(Arc::as_ptr(back), Arc::as_ptr(&thing)));
        drop((got, answer, request));
        pair.server.send_releases();
        pair.to_client();
        nothing(pair.client.next_event());
        assert_eq!((pair.client.counts().exports, pair.server.counts().imports), (0, 0));
        assert_eq!(pair.client.counts().overdrawn, 0);
    }
}

#[test]
fn what_fails_half_way_lends_nothing() {
    let mut pair = pair(Native::On, Native::Accept, Dialect::V6);
    let root = pair.root();
    let thing = Thing::new("thing", &Arc::new(shape("mylib.Thing", &[])));
    let elsewhere = crate::support::pair::Pair::new(Dialect::V6, &self::root()).root();
    let deep = (0..200).fold(Value::None, |inner, _| list(vec![inner]));
    for bad in [deep, remote(&elsewhere)] {
        let args = [list(vec![thing.value(), bad])];
        assert!(pair.client.request(Body::Call { target: &root, args: &args, keywords: &[] }, 77).is_err());
        assert_eq!(pair.client.counts().exports, 0);
        assert!(pair.client.outgoing().is_empty());
    }
    // The connection goes on, and an unsendable answer is an exception for the peer.
    let request = pair.host(Body::Call { target: &root, args: &[], keywords: &[] });
    let too_deep = (0..200).fold(Value::None, |inner, _| list(vec![inner]));
    assert!(matches!(pair.server.reply(&request.id, &too_deep), Err(Error::Limit(_))));
    pair.to_client();
    assert!(matches!(outcome(&mut pair.client), Err(Error::Remote(_))));
}

#[test]
fn an_unknown_object_in_it_is_an_exception() {
    let (mut wire, root) = Wire::with_root(Dialect::V6, Config::default(), &root());
    wire.ask(1, value_box(tuple([offer(1, 1)])));
    // [reference 3 to ("x", 77, 77)], then one with the label 9.
    let mut skeleton = vec![13, 1, 16, 3, 6, 0x12];
    skeleton.extend([0x08, 0x0a, b'x', 77 + 80, 77 + 80]);
    for (label, wanted) in [(3, "KeyError"), (9, "ValueError")] {
        skeleton[3] = label;
        let args = tuple_box([native_box(&skeleton)]);
        let (name, _) = wire.refused(7, tuple_box([yours(&root), args, value_box(tuple([]))]));
        assert_eq!(name, wanted);
    }
    assert!(wire.session.is_open());
}

#[test]
fn small_values_stay_what_they_are() {
    let mut pair = pair(Native::On, Native::Accept, Dialect::V6);
    let root = pair.root();
    let args = [Value::Int(1), Value::tuple(vec![Value::str("two"), root_value(&root)])];
    pair.client.request(Body::Call { target: &root, args: &args, keywords: &[] }, 77).unwrap();
    let native = crate::support::pair::sent(&mut pair.client);
    let mut stock = Pair::new(Dialect::V6, &self::root());
    let other_root = stock.root();
    let args = [Value::Int(1), Value::tuple(vec![Value::str("two"), root_value(&other_root)])];
    stock.client.request(Body::Call { target: &other_root, args: &args, keywords: &[] }, 77).unwrap();
    // But for the number, which is one higher after the offer, and the roots' ids.
    let mut other = crate::support::pair::sent(&mut stock.client);
    assert_eq!(root.id_pack.len(), other_root.id_pack.len());
    for at in 0..other.len() - root.id_pack.len() {
        if other[at..].starts_with(&other_root.id_pack) {
            other[at..][..root.id_pack.len()].copy_from_slice(&root.id_pack);
        }
    }
    assert_eq!(native[..7], other[..7]);
    assert_eq!((native[7], &native[8..]), (other[7] + 1, &other[8..]));
}

fn root_value(root: &Arc<rpyc::value::Proxy>) -> Value {
    remote(root)
}

fn with_threads() -> Protocol<u32> {
    let config = Config { bind_threads: true, ..native(Native::On, Dialect::V6) };
    let root: Arc<dyn Local> = root();
    crate::support::pair::session(config, Some(root))
}

#[test]
fn with_bound_threads_too() {
    let mut pair = Pair { client: with_threads(), server: with_threads(), piece: 7 };
    let root = pair.root();
    assert!(pair.client.is_native() && pair.server.is_native());
    let request = pair.host(Body::Call { target: &root, args: &[everything()], keywords: &[] });
    assert!(matches!(&request.op, Op::Call { args, .. } if *args == [everything()]));
}

/// A request beyond a limit of the server: the client hears which one, and both go on.
fn refused(pair: &mut Pair, words: &str) {
    assert!(pair.server.next_event().is_none());
    pair.to_client();
    match pair.client.next_event() {
        Some(Event::Reply { token: 77, outcome: Err(Error::Remote(e)), .. }) => {
            assert!(e.is_builtin("ValueError") && e.summary().contains(words), "{}", e.summary());
        }
        _ => panic!("no exception"),
    }
    assert!(pair.server.is_open() && pair.client.is_open());
}

#[test]
fn limits_hold() {
    let limits = Limits { items: 100, ..Limits::default() };
    let mut pair = pair(Native::On, Native::Accept, Dialect::V6);
    pair.server = crate::support::pair::session(Config { limits, ..Config::default() }, Some(root()));
    let root = pair.root();
    let args = [list(vec![Value::None; 101])];
    pair.client.request(Body::Call { target: &root, args: &args, keywords: &[] }, 77).unwrap();
    pair.to_server();
    refused(&mut pair, "items: 101");
}

/// A list of Nones takes forty times the bytes that it has in a message.
#[test]
fn memory_is_counted_for_a_message() {
    for (lists, memory) in [(1, 2_000_000), (40, 2_000_000), (1, 1_000)] {
        let limits = Limits { memory, ..Limits::default() };
        let mut pair = pair(Native::On, Native::Accept, Dialect::V6);
        pair.server = crate::support::pair::session(Config { limits, ..Config::default() }, Some(root()));
        let root = pair.root();
        let args: Vec<Value> = (0..lists).map(|_| list(vec![Value::None; 2000])).collect();
        pair.client.request(Body::Call { target: &root, args: &args, keywords: &[] }, 77).unwrap();
        pair.to_server();
        if lists == 1 && memory > 1_000_000 {
            assert!(matches!(pair.server.next_event(), Some(Event::Request(_))));
            continue;
        }
        refused(&mut pair, "max_memory");
    }
}

/// What the peer hears of how long a request is waited for.
fn heard(pair: &mut Pair, body: Body<'_>, left: Option<Duration>) -> Option<u64> {
    pair.client.request_within(body, 77, left).expect("a request");
    pair.to_server();
    let Some(Event::Request(request)) = pair.server.next_event() else { panic!("no request") };
    pair.reply(&request, &Value::None).unwrap();
    request.id.due().microseconds().map(|left| left / 1000)
}

#[test]
fn a_request_says_how_long_its_caller_waits() {
    let thing = Thing::new("a", &Arc::new(shape("mylib.Thing", &["exposed_name"])));
    for dialect in BOTH {
        let mut pair = pair(Native::On, Native::Accept, dialect);
        pair.server = crate::support::pair::session(native(Native::Accept, Dialect::Auto), Some(thing.clone()));
        let root = pair.root();
        assert!(pair.client.sends_deadlines() && pair.server.sends_deadlines());
        let call = Body::Call { target: &root, args: &[Value::Int(1)], keywords: &[] };
        let method = Body::CallAttr { target: &root, name: "name", args: &[Value::Int(1)], keywords: &[] };
        let args = [remote(&root), Value::str("name")];
        let read = Body::Raw { handler: 4, args: &args };
        let args = [remote(&root)];
        let text = Body::Raw { handler: 9, args: &args };
        for body in [call, method, read, text] {
            // Twice, because calls that are known already are read in another way.
            for _ in 0..2 {
                for (left, wanted) in [
                    (None, None),
                    (Some(Duration::from_millis(30_000)), Some(30_000)),
                    (Some(Duration::ZERO), Some(0)),
                    (Some(Duration::from_nanos(1)), Some(1)),
                    (Some(Duration::from_micros(1_001)), Some(2)),
                    (Some(Duration::from_millis(1 << 43)), Some(1 << 43)),
                    (Some(Duration::from_millis(1 << 43) + Duration::from_nanos(1)), None),
                    (Some(Duration::MAX), None),
                ] {
                    assert_eq!(heard(&mut pair, body, left), wanted, "{left:?}");
                }
            }
        }
        // The application's own time of a request comes in no message.
        let request = pair.host(call);
        assert_eq!(request.id.due(), Due::NEVER);
        assert_eq!(request.id.due().on_clock(5), Due::NEVER);
        assert_eq!(Due::new(3).on_clock(5), Due::new(8));
        assert!(Due::new(3).on_clock(u64::MAX).microseconds() > Some(u64::MAX / 2));
    }
}

#[test]
fn what_runs_no_code_of_the_host_has_no_deadline() {
    let mut pair = pair(Native::On, Native::Accept, Dialect::V6);
    let root = pair.root();
    let left = Some(Duration::from_secs(5));
    let numbered = |body: Body<'_>, pair: &mut Pair| {
        pair.client.request_within(body, 77, left).unwrap();
        let bytes = crate::support::pair::sent(&mut pair.client);
        let message = crate::support::recording::open(&crate::support::pair::payloads(&bytes)[0], true);
        crate::support::pair::push(&mut pair.server, &bytes, 3);
        nothing(pair.server.next_event());
        pair.to_client();
        outcome(&mut pair.client).unwrap();
        message.2.items()[0].clone()
    };
    assert_eq!(numbered(Body::Inspect { target: &root }, &mut pair), int(16));
    assert_eq!(numbered(Body::Raw { handler: 1, args: &[Value::Int(7)] }, &mut pair), int(1));
    assert_eq!(numbered(Body::Raw { handler: 3, args: &[] }, &mut pair), int(3));
}

/// The same bytes as if there were no deadlines.
#[test]
fn nobody_else_hears_of_deadlines() {
    use Native::{Accept, Off, On};
    for (client, server) in [(On, Off), (Accept, On), (Accept, Accept), (Off, On)] {
        for dialect in BOTH {
            let mut pair = pair(client, server, dialect);
            let root = pair.root();
            let body = Body::CallAttr { target: &root, name: "name", args: &[Value::Int(1)], keywords: &[] };
            pair.client.request_within(body, 77, Some(Duration::from_secs(5))).unwrap();
            let limited = crate::support::pair::sent(&mut pair.client);
            pair.client.request(body, 77).unwrap();
            let plain = crate::support::pair::sent(&mut pair.client);
            let opened = |bytes: &[u8]| {
                crate::support::recording::open(&crate::support::pair::payloads(bytes)[0], dialect == Dialect::V6).2
            };
            assert_eq!(opened(&limited), opened(&plain));
            assert_eq!(limited.len(), plain.len());
        }
    }
}

/// One that knows native boxes alone, in either part.
#[test]
fn a_peer_without_deadlines() {
    let mut wire = answered_with(Some(value_box(agreed(1, 1))));
    let Some(Event::Reply { outcome: Ok(root), .. }) = wire.event() else { panic!("no root") };
    let far = proxy(root);
    assert!(wire.session.is_native() && !wire.session.sends_deadlines());
    let body = Body::Call { target: &far, args: &[], keywords: &[] };
    wire.session.request_within(body, 77, Some(Duration::from_secs(5))).unwrap();
    assert_eq!(wire.only_said().2.items()[0], int(7));
    // It has heard of ours, and may use them.
    let args = value_box(tuple([]));
    wire.feed_message(Kind::Request, &int(900), &tuple([tuple([int(3), int(5)]), args]));
    nothing(wire.event());
    assert_eq!(wire.only_said().0, Kind::Reply);

    for agree in [None, Some(1)] {
        let (mut wire, root) = Wire::with_root(Dialect::V6, Config::default(), &self::root());
        if let Some(features) = agree {
            assert_eq!(wire.ask(1, value_box(tuple([offer(1, features)]))), value_box(agreed(1, features)));
        }
        assert!(!wire.session.sends_deadlines());
        let args = tuple_box([yours(&root), value_box(tuple([])), value_box(tuple([]))]);
        wire.feed_message(Kind::Request, &int(900), &tuple([tuple([int(7), int(5)]), args]));
        nothing(wire.event());
        let (name, body) = wire.exception(900);
        assert_eq!(name, "KeyError", "as RPyC says: there is no such handler");
        assert_eq!(body.items()[1], tuple([tuple([int(7), int(5)])]));
        assert!(wire.session.is_open());
    }
}

#[test]
fn a_deadline_that_cannot_be_is_the_end() {
    for (deadline, wanted) in [
        (int(-1), "is negative: -1 ms"),
        (int(i64::MIN), "is negative"),
        (int((1 << 43) + 1), "is too far away: 8796093022209 ms"),
        (int(i64::MAX), "is too far away"),
        (Node::Int("9".repeat(300)), "is too far away: 99999"),
        (text("soon"), "is not an int of milliseconds but a str"),
        (Node::None, "is not an int of milliseconds but a NoneType"),
        (Node::Bool(true), "is not an int of milliseconds but a bool"),
        (Node::Float(1.5f64.to_bits()), "is not an int of milliseconds but a float"),
    ] {
        for handler in [1, 3, 7, 8, 99] {
            let (mut wire, root) = Wire::with_root(Dialect::V6, Config::default(), &root());
            wire.ask(1, value_box(tuple([offer(1, OURS)])));
            let args = tuple_box([yours(&root), value_box(tuple([])), value_box(tuple([]))]);
            wire.feed_message(Kind::Request, &int(9), &tuple([tuple([int(handler), deadline.clone()]), args]));
            let error = closed(wire.event());
            assert!(matches!(&error, Error::Malformed(text) if text.contains(wanted)), "{error:?}");
        }
    }
    // Of the other things that may stand there, RPyC's own words.
    for number in [tuple([]), tuple([int(1)]), tuple([int(1), int(2), int(3)]), text("x")] {
        let (mut wire, _) = Wire::with_root(Dialect::V6, Config::default(), &root());
        wire.ask(1, value_box(tuple([offer(1, OURS)])));
        wire.feed_message(Kind::Request, &int(9), &tuple([number, value_box(tuple([]))]));
        nothing(wire.event());
        assert_eq!(wire.exception(9).0, "KeyError");
    }
}

/// On a stack that is too short for a value.
fn on_short_stack<R: Send>(run: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| {
        std::thread::Builder::new().stack_size(256 << 10).spawn_scoped(scope, run).unwrap().join().unwrap()
    })
}

#[test]
fn what_the_stack_is_too_short_for_is_given_back() {
    for dialect in BOTH {
        let mut pair = pair(Native::On, Native::On, dialect);
        pair.server.config_mut().limits.depth = Value::MAX_DEPTH;
        pair.client.config_mut().limits.depth = Value::MAX_DEPTH;
        let far = pair.root();
        let things: Vec<Arc<Thing>> =
            (0..4).map(|_| Thing::new("thing", &Arc::new(shape("mylib.Thing", &[])))).collect();
        let [first, inside, within, last] = [0, 1, 2, 3].map(|at| things[at].value());
        let all_kinds = Value::tuple(vec![everything(), Value::slice(Value::None, Value::Int(1), within)]);
        let deep = (0..900).fold(all_kinds, |inner, level| match level % 3 {
            0 => list(vec![inner, Value::Float(0.5)]),
            1 => Value::Dict([(Value::str("key"), inner), (Value::Bool(true), Value::Complex(1.0, 2.0))].into()),
            _ => Value::tuple(vec![Value::bytes(b"bytes"), inner]),
        });
        let frozen = Value::frozenset(vec![Value::from(u64::MAX), inside]).unwrap();
        // What comes twice is counted twice; the root is the peer's own.
        let message = list(vec![first, deep, frozen, last.clone(), last, remote(&far)]);
        let before = (pair.client.counts(), pair.server.counts());
        pair.client
            .request(Body::Call { target: &far, args: std::slice::from_ref(&message), keywords: &[] }, 77)
            .unwrap();
        assert_eq!(pair.client.counts().exports, before.0.exports + 4);
        pair.to_server();
        let server = &mut pair.server;
        on_short_stack(|| nothing(server.next_event()));
        pair.to_client();
        let error = outcome(&mut pair.client).unwrap_err();
        assert!(matches!(&error, Error::Remote(exception) if exception.is_builtin("RecursionError")), "{error:?}");
        pair.server.send_releases();
        pair.to_client();
        nothing(pair.client.next_event());
        drop(pair.client.take_dropped());
        let counts = pair.client.counts();
        assert_eq!((counts.exports, counts.overdrawn), (before.0.exports, 0));
        pair.to_server();
        nothing(pair.server.next_event());
        assert_eq!(pair.server.counts(), before.1);
        // Where there is room it is read.
        let request = pair.host(Body::Call { target: &far, args: &[Value::None, message], keywords: &[] });
        assert!(matches!(&request.op, Op::Call { args, .. } if args.len() == 2));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_bytes_do_harm(skeleton in proptest::collection::vec(prop_oneof![0..21u8, any::<u8>()], 0..80)) {
        let (mut wire, root) = Wire::with_root(Dialect::V6, Config::default(), &root());
        wire.ask(1, value_box(tuple([offer(1, 1)])));
        wire.request(7, tuple_box([yours(&root), tuple_box([native_box(&skeleton)]), value_box(tuple([]))]));
        match wire.event() {
            Some(Event::Request(request)) => drop(wire.session.reply(&request.id, &Value::None)),
            Some(Event::Closed(_)) => prop_assert!(wire.session.is_closed()),
            Some(Event::Reply { .. }) => prop_assert!(false, "an answer to nothing"),
            None => prop_assert!(wire.session.is_open()),
        }
    }
}
