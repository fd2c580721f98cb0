//! Bounds on what a peer can make us hold or do, and on what we ask of it.

use crate::support::node::{Node, int, text, tuple};
use crate::support::pair::{
    BOTH, Wire, closed, mine, nothing, pack, push, sent, session, summary, tuple_box, value_box, yours,
};
use crate::support::recording::{self, Kind};
use crate::support::thing::{Thing, shape};
use rpyc::config::{Config, Limits};
use rpyc::error::{Error, Exception};
use rpyc::protocol::{Body, Event};
use rpyc::value::Value;
use std::sync::Arc;

fn limited(change: impl Fn(&mut Limits)) -> Config {
    let mut config = Config::default();
    change(&mut config.limits);
    config
}

fn root() -> Arc<Thing> {
    Thing::new("root", &Arc::new(shape("mylib.Root", &[])))
}

fn things(n: usize) -> Vec<Value> {
    let shape = Arc::new(shape("mylib.Thing", &[]));
    (0..n).map(|_| Thing::new("thing", &shape).value()).collect()
}

#[test]
fn objects_lent_to_the_peer() {
    for dialect in BOTH {
        let (mut wire, root) = Wire::with_root(dialect, limited(|limits| limits.exports = 4), &root());
        let text = "the peer holds 4 of our objects (max_exports)";
        let request = wire.host(9, tuple_box([yours(&root)]));
        match wire.session.reply(&request.id, &Value::tuple(things(4))) {
            Err(Error::Limit(found)) => assert_eq!(found, text),
            other => panic!("{other:?}"),
        }
        let (name, body) = wire.exception(1);
        assert_eq!(
            (name.as_str(), summary(&body)),
            ("ValueError", format!("ValueError: the result cannot be sent: {text}"))
        );
        assert_eq!(wire.session.counts().exports, 1);
        let three = things(3);
        let lent = wire.lend(&root, &Value::tuple(three.clone()));
        assert_eq!(wire.session.counts().exports, 4);
        // What is lent already may go again.
        wire.lend(&root, &Value::tuple(three));
        let one = things(1);
        match wire.session.request(Body::Raw { handler: 1, args: &one }, 1) {
            Err(Error::Limit(found)) => assert_eq!(found, text),
            other => panic!("{other:?}"),
        }
        assert!(wire.said().is_empty());
        let first = lent.items()[1].items()[0].items()[1].clone();
        assert_eq!(wire.ask(15, tuple_box([yours(&first), value_box(int(2))])), value_box(Node::None));
        wire.session.request(Body::Raw { handler: 1, args: &one }, 1).expect("room again");
    }
}

#[test]
fn objects_lent_by_the_peer() {
    for dialect in BOTH {
        let (mut wire, root) = Wire::with_root(dialect, limited(|limits| limits.imports = 3), &root());
        let theirs: Vec<Node> = (0..4).map(|i| mine(&pack("x.Y", 7, 100 + i))).collect();
        let call = |objects: &[Node]| tuple_box([yours(&root), tuple_box(objects), value_box(tuple([]))]);
        let held = wire.host(7, call(&theirs[..3]));
        let more = wire.host(7, call(&theirs[..3]));
        assert_eq!(wire.session.counts().imports, 3);
        drop((held, more));
        // Dead ones count until their release is sent.
        wire.session.send_releases();
        wire.said();
        let three = wire.host(7, call(&theirs[1..]));
        wire.request(7, call(&theirs[..1]));
        assert_eq!(closed(wire.event()).to_string(), "the peer lent more than 3 objects (max_imports)");
        drop(three);
    }
}

#[test]
fn requests_that_wait_for_an_answer() {
    for dialect in BOTH {
        let (mut wire, _) = Wire::with_root(dialect, limited(|limits| limits.pending = 2), &root());
        let ask = |wire: &mut Wire| wire.session.request(Body::Raw { handler: 1, args: &[] }, 5);
        assert_eq!((ask(&mut wire).unwrap(), ask(&mut wire).unwrap()), (0, 1));
        match ask(&mut wire) {
            Err(Error::Limit(text)) => assert_eq!(text, "2 requests wait for an answer (max_pending)"),
            other => panic!("{other:?}"),
        }
        assert_eq!(wire.said().len(), 2);
        wire.feed_message(Kind::Reply, &int(1), &value_box(int(1)));
        assert!(matches!(wire.event(), Some(Event::Reply { seq: 1, .. })));
        assert_eq!(ask(&mut wire).unwrap(), 2);
        assert_eq!(wire.session.forget(0), Some(5));
        assert_eq!(ask(&mut wire).unwrap(), 3);
        ask(&mut wire).expect_err("two wait again");
    }
}

#[test]
fn requests_in_service() {
    for dialect in BOTH {
        let (mut wire, root) = Wire::with_root(dialect, limited(|limits| limits.serving = 2), &root());
        let repr = || tuple_box([yours(&root)]);
        let first = wire.host(9, repr());
        let second = wire.host(9, repr());
        let (name, body) = wire.refused(9, repr());
        assert_eq!(name, "RecursionError");
        assert_eq!(
            summary(&body),
            "RecursionError: maximum recursion depth exceeded: 2 requests are being served (option max_serving)"
        );
        // What the session answers by itself is never too much.
        assert_eq!(wire.ask(1, value_box(tuple([int(5)]))), value_box(int(5)));
        wire.session.reply(&first.id, &Value::None).unwrap();
        wire.said();
        let third = wire.host(9, repr());
        wire.refused(9, repr());
        wire.session.raise(&second.id, &Exception::stop_iteration());
        wire.session.raise(&third.id, &Exception::stop_iteration());
        wire.said();
        assert_eq!(wire.session.counts().serving, 0);
    }
}

#[test]
fn depth() {
    let nested = |levels: usize| (0..levels).fold(Value::Int(1), |inner, _| Value::tuple(vec![inner]));
    let boxes = |levels: usize, inner: Node| (0..levels).fold(inner, |inner, _| tuple_box([inner]));
    for dialect in BOTH {
        let config = limited(|limits| limits.depth = 20);
        // Boxes in boxes, from the peer; the outermost is the argument tuple.
        let (mut wire, _) = Wire::with_root(dialect, config.clone(), &root());
        wire.ask(1, tuple_box([boxes(20, value_box(int(1)))]));
        wire.request(1, tuple_box([boxes(21, value_box(int(1)))]));
        match closed(wire.event()) {
            Error::Limit(text) => assert_eq!(text, "boxes nested over 20 levels (max_depth)"),
            other => panic!("{other:?}"),
        }
        // Values in values.
        for (levels, fits) in [(20, true), (21, false)] {
            let (mut wire, _) = Wire::with_root(dialect, config.clone(), &root());
            let value = (0..levels).fold(int(1), |inner, _| tuple([inner]));
            wire.request(1, tuple_box([value_box(value)]));
            match (wire.event(), fits) {
                (None, true) => assert_eq!(wire.only_said().0, Kind::Reply),
                (Some(Event::Closed(Error::Limit(_))), false) => {}
                _ => panic!("{levels} levels"),
            }
        }
        // What is skipped because it is wrong anyway is bounded, too.
        let (mut wire, _) = Wire::with_root(dialect, config.clone(), &root());
        let deep = (0..21).fold(int(1), |inner, _| tuple([inner]));
        wire.request(1, tuple_box([tuple([int(9), deep])]));
        assert!(matches!(closed(wire.event()), Error::Limit(_)));
        // Ours.
        let mut session = session(Config { dialect, ..config.clone() }, None);
        let object = &things(1)[0];
        let with_object = |levels: usize| (0..levels).fold(object.clone(), |inner, _| Value::tuple(vec![inner]));
        let mut ask = |value: Value| session.request(Body::Raw { handler: 1, args: &[value] }, 1);
        ask(nested(20)).expect("20 levels");
        assert!(matches!(ask(nested(21)), Err(Error::Limit(_))));
        ask(with_object(20)).expect("20 levels");
        match ask(with_object(21)) {
            Err(Error::Limit(text)) => assert_eq!(text, "a value is nested too deep to be sent (max_depth)"),
            other => panic!("{other:?}"),
        }
    }
}

/// However high the setting: the stack of a thread has its end.
#[test]
fn depth_is_bounded_whatever_the_setting() {
    let config = limited(|limits| limits.depth = usize::MAX);
    let levels = 200_000;
    // (2, ((2, ((2, ...
    let mut boxes = [0x11, 0x52, 0x10].repeat(levels);
    boxes.extend([0x11, 0x51, 0x51]);
    let mut session = session(config, None);
    let payload = [&[1, 0x11, 0x50, 0x11, 0x51][..], &boxes].concat();
    push(&mut session, &recording::frame(&payload), usize::MAX);
    assert_eq!(closed(session.next_event()).to_string(), "boxes nested over 1000 levels (max_depth)");
    let thing = things(1).remove(0);
    let deep = (0..1500).fold(thing, |inner, _| Value::tuple(vec![inner]));
    let mut ours = crate::support::pair::session(limited(|limits| limits.depth = usize::MAX), None);
    assert!(matches!(ours.request(Body::Raw { handler: 1, args: &[deep] }, 1), Err(Error::Limit(_))));
}

#[test]
fn sizes() {
    let text_of = |n: usize| value_box(tuple([text(&"x".repeat(n))]));
    let number_of = |n: usize| value_box(tuple([Node::Int("7".repeat(n))]));
    let items = |n: usize| value_box(tuple(vec![int(1); n]));
    type Case = (fn(&mut Limits), Node, Node, &'static str);
    let words = |n: usize| value_box(tuple([tuple(vec![text(&"x".repeat(100)); n])]));
    let cases: [Case; 5] = [
        (|limits| limits.bytes = 100, text_of(100), text_of(101), "max_bytes"),
        (|limits| limits.digits = 100, number_of(100), number_of(101), "max_digits"),
        // All tuples of the message count: kind, seq, handler and boxes around the items.
        (|limits| limits.items = 100, tuple_box([items(90)]), tuple_box([items(99)]), "max_items"),
        (|limits| limits.memory = 10_000, words(40), words(60), "max_memory"),
        // Frame: kind, seq, handler and boxes around the text.
        (|limits| limits.frame = 3000, text_of(2980), text_of(3000), "max_frame"),
    ];
    for dialect in BOTH {
        for (limit, fits, too_much, option) in &cases {
            let (mut wire, _) = Wire::with_root(dialect, limited(limit), &root());
            wire.ask(1, fits.clone());
            wire.request(1, too_much.clone());
            match closed(wire.event()) {
                Error::Limit(text) => assert!(text.contains(option), "{text}"),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn what_a_compressed_message_holds() {
    let config = limited(|limits| limits.inflated = 50_000);
    let mut sender = session(Config::default(), None);
    for (size, fits) in [(49_000, true), (50_001, false)] {
        sender.request(Body::Raw { handler: 1, args: &[Value::bytes(&vec![0; size])] }, 1).unwrap();
        let bytes = sent(&mut sender);
        assert!(bytes[4] == 1 && bytes.len() < 1000);
        let mut receiver = session(config.clone(), None);
        push(&mut receiver, &bytes, 100);
        match (receiver.next_event(), fits) {
            (None, true) => assert!(!receiver.outgoing().is_empty()),
            (Some(Event::Closed(Error::Limit(text))), false) => assert!(text.contains("max_inflated"), "{text}"),
            _ => panic!("{size}"),
        }
    }
}

/// Settings may change while the session lives; they hold from the next message on.
#[test]
fn limits_that_change() {
    let (mut wire, _) = Wire::with_root(BOTH[0], limited(|limits| limits.digits = 10), &root());
    wire.session.config_mut().limits.digits = 50;
    let number = |n: usize| value_box(tuple([Node::Int("7".repeat(n))]));
    assert_eq!(wire.ask(1, number(50)), value_box(Node::Int("7".repeat(50))));
    wire.session.config_mut().set("max_digits", "40").unwrap();
    wire.request(1, number(41));
    assert!(matches!(closed(wire.event()), Error::Limit(_)));
    let (mut wire, root) = Wire::with_root(BOTH[1], limited(|limits| limits.serving = 0), &root());
    wire.refused(9, tuple_box([yours(&root)]));
    wire.session.config_mut().set("max_serving", "1").unwrap();
    wire.host(9, tuple_box([yours(&root)]));
    nothing(wire.event());
}

/// A peer that asks and asks and takes no answers must not fill the memory: answers wait to be sent, questions to be read.
#[test]
fn answers_that_nobody_takes() {
    for dialect in BOTH {
        let (mut wire, root) = Wire::with_root(dialect, Config { compress: false, ..Config::default() }, &root());
        let count = 100;
        let data = text(&"x".repeat(10_000));
        for i in 0..count {
            wire.request(1, value_box(tuple([int(i)])));
            wire.request(1, value_box(tuple([data.clone()])));
        }
        wire.request(9, tuple_box([yours(&root)]));
        let mut rounds = 0;
        let mut answers = Vec::new();
        let request = loop {
            let event = wire.event();
            assert!(wire.session.outgoing().len() < 300_000, "{}", wire.session.outgoing().len());
            answers.extend(wire.said());
            match event {
                Some(Event::Request(request)) => break request,
                None => assert!(wire.session.has_message(), "there is more"),
                _ => panic!("the end"),
            }
            rounds += 1;
        };
        assert!(rounds > 1 && rounds < 20, "{rounds}");
        let seqs: Vec<i64> = answers.iter().map(|(_, seq, _)| seq.as_int()).collect();
        assert_eq!(seqs, (1..=2 * count).collect::<Vec<_>>(), "each one, in its order");
        assert!(matches!(request.op, rpyc::protocol::Op::Repr) && !wire.session.has_message());
    }
}
