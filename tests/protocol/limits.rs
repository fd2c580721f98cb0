//! Bounds on what a peer can make us hold or do, and on what we ask of it.

use crate::support::node::{Node, int, text, tuple};
use crate::support::pair::{
    BOTH, Message, Wire, closed, mine, nothing, pack, payloads, push, sent, session, summary, tuple_box, value_box,
    yours,
};
use crate::support::recording::{self, Kind};
use crate::support::thing::{Thing, shape};
use rpyc::budget::Budget;
use rpyc::config::{Config, Dialect, Limits};
use rpyc::error::{Error, Exception};
use rpyc::protocol::{Body, Event};
use rpyc::value::Value;
use std::sync::Arc;
use std::time::Duration;

fn limited(change: impl Fn(&mut Limits)) -> Config {
    let mut config = Config::default();
    change(&mut config.limits);
    config
}

fn root() -> Arc<Thing> {
    Thing::new("root", &Arc::new(shape("mylib.Root", &[])))
}

/// What the peer hears of a request beyond a limit; the session goes on.
fn refused_for_good(wire: &mut Wire, handler: i64, args: Node) -> String {
    let (name, body) = wire.refused(handler, args);
    assert_eq!(name, "ValueError");
    assert_eq!(wire.ask(1, value_box(tuple([int(5)]))), value_box(int(5)), "it goes on");
    let text = summary(&body);
    text.strip_prefix("ValueError: the request was rejected: ").unwrap_or_else(|| panic!("{text}")).to_owned()
}

/// What our call hears whose answer is beyond a limit; the session goes on.
fn fails_alone(wire: &mut Wire, kind: Kind, body: Node) -> String {
    let seq = wire.session.request(Body::Raw { handler: 1, args: &[] }, 9).unwrap();
    wire.said();
    wire.feed_message(kind, &int(seq), &body);
    let text = match wire.event() {
        Some(Event::Reply { seq: answered, token: 9, outcome: Err(Error::Limit(text)) }) if answered == seq => text,
        _ => panic!("not an answer beyond a limit"),
    };
    assert_eq!(wire.ask(1, value_box(tuple([int(5)]))), value_box(int(5)), "it goes on");
    text
}

fn things(n: usize) -> Vec<Value> {
    let shape = Arc::new(shape("mylib.Thing", &[]));
    (0..n).map(|_| Thing::new("thing", &shape).value()).collect()
}

#[test]
fn objects_lent_to_the_peer() {
    for dialect in BOTH {
        let (mut wire, root) = Wire::with_root(dialect, limited(|limits| limits.exports = 4), &root());
        let text = "the peer holds 4 exported objects (max_exports)";
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
        // One too many, behind one that is held anyway; one that is never looked at.
        let too_many = || call(&[theirs[1].clone(), theirs[0].clone(), theirs[1].clone()]);
        wire.request(7, too_many());
        nothing(wire.event());
        let said = wire.said();
        let released = |said: &[Message]| -> Vec<Node> {
            let dels = said.iter().filter(|(kind, _, body)| *kind == Kind::Request && body.items()[0] == int(15));
            dels.map(|(_, _, body)| body.items()[1].items()[1].items()[0].items()[1].clone()).collect()
        };
        assert_eq!(released(&said), [theirs[0].items()[1].clone(), theirs[1].items()[1].clone()]);
        assert!(summary(&said[2].2).ends_with("the peer exported more than 3 objects (max_imports)"), "{said:?}");
        let seq = wire.session.request(Body::Raw { handler: 1, args: &[] }, 9).unwrap();
        wire.said();
        wire.feed_message(Kind::Reply, &int(seq), &too_many().items()[1].items()[1].clone());
        assert!(matches!(wire.event(), Some(Event::Reply { outcome: Err(Error::Limit(_)), .. })));
        assert_eq!(released(&wire.said()).len(), 2);
        assert_eq!(wire.session.counts().imports, 3);
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
            Err(Error::Limit(text)) => assert_eq!(text, "2 requests wait for a reply (max_pending)"),
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
        let deep = || tuple_box([boxes(21, value_box(int(1)))]);
        assert_eq!(refused_for_good(&mut wire, 1, deep()), "boxes nested over 20 levels (max_depth)");
        assert_eq!(fails_alone(&mut wire, Kind::Reply, deep()), "boxes nested over 20 levels (max_depth)");
        // Values in values.
        for (levels, fits) in [(20, true), (21, false)] {
            let (mut wire, _) = Wire::with_root(dialect, config.clone(), &root());
            let value = (0..levels).fold(int(1), |inner, _| tuple([inner]));
            let args = tuple_box([value_box(value)]);
            match fits {
                true => drop(wire.ask(1, args)),
                false => assert!(refused_for_good(&mut wire, 1, args).contains("max_depth")),
            }
        }
        // What is skipped because it is wrong anyway is bounded, too.
        let (mut wire, _) = Wire::with_root(dialect, config.clone(), &root());
        let deep = (0..21).fold(int(1), |inner, _| tuple([inner]));
        assert!(refused_for_good(&mut wire, 1, tuple_box([tuple([int(9), deep])])).contains("max_depth"));
        // Ours.
        let mut session = session(Config { dialect, ..config.clone() }, None);
        let object = &things(1)[0];
        let with_object = |levels: usize| (0..levels).fold(object.clone(), |inner, _| Value::tuple(vec![inner]));
        let mut ask = |value: Value| session.request(Body::Raw { handler: 1, args: &[value] }, 1);
        ask(nested(20)).expect("20 levels");
        assert!(matches!(ask(nested(21)), Err(Error::Limit(_))));
        ask(with_object(20)).expect("20 levels");
        match ask(with_object(21)) {
            Err(Error::Limit(text)) => assert_eq!(text, "cannot send the value: it is nested too deep (max_depth)"),
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
    nothing(session.next_event());
    let said = recording::open(&payloads(&sent(&mut session))[0], true);
    assert!(summary(&said.2).ends_with("boxes nested over 1000 levels (max_depth)"), "{said:?}");
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
        (|limits| limits.items = 100, tuple_box([items(90)]), tuple_box([items(101)]), "max_items"),
        (|limits| limits.memory = 10_000, words(40), words(60), "max_memory"),
        // Frame: kind, seq, handler and boxes around the text.
        (|limits| limits.frame = 3000, text_of(2980), text_of(3000), "max_frame"),
    ];
    for dialect in BOTH {
        for (limit, fits, too_much, option) in &cases {
            let (mut wire, _) = Wire::with_root(dialect, limited(limit), &root());
            wire.ask(1, fits.clone());
            let refused = refused_for_good(&mut wire, 1, too_much.clone());
            assert!(refused.contains(option), "{refused}");
            let failed = fails_alone(&mut wire, Kind::Reply, too_much.clone());
            assert!(failed.contains(option), "{failed}");
            // As an exception, whatever its form.
            let failed = fails_alone(&mut wire, Kind::Exception, too_much.clone());
            assert!(failed.contains(option), "{failed}");
            // Nobody waits for it.
            wire.feed_message(Kind::Reply, &int(77), too_much);
            nothing(wire.event());
            wire.ask(1, fits.clone());
        }
    }
}

/// From whose message it is cannot be read, or there is too much of it: that is the end, and the peer hears what can be said.
#[test]
fn messages_that_end_the_session() {
    let frame_of = |head: &[u8], size: u32| [&size.to_be_bytes()[..], &[0], head].concat();
    let request = |six: bool| recording::close(Kind::Request, &int(7), &tuple([int(1), int(1)]), six);
    for dialect in BOTH {
        let six = dialect != BOTH[1];
        let config = limited(|limits| limits.frame = 3000);
        // Over four times the limit: nothing of the rest is waited for.
        let (mut wire, _) = Wire::with_root(dialect, config.clone(), &root());
        push(&mut wire.session, &frame_of(&request(six), 12_001), 1);
        match closed(wire.event()) {
            Error::Limit(text) => {
                assert_eq!(text, "a frame of 12001 bytes exceeds the limit of 3000 (max_frame)")
            }
            other => panic!("{other:?}"),
        }
        let said = wire.said();
        assert_eq!(said.len(), 2, "the exception and CLOSE: {said:?}");
        assert_eq!((said[0].0, &said[0].1), (Kind::Exception, &int(7)));
        assert!(summary(&said[0].2).ends_with("12001 bytes exceeds the limit of 3000 (max_frame)"), "{said:?}");
        // Not the beginning of a message; that is seen at once.
        for garbage in [&b"HTTP/1.1"[..], &[3, 1, 0, 1], &[0x12, 0x59, 0x50, 0x50], &[]] {
            let (mut wire, _) = Wire::with_root(dialect, config.clone(), &root());
            push(&mut wire.session, &frame_of(garbage, 5000), 2);
            match (wire.event(), garbage) {
                (Some(Event::Closed(Error::Limit(_))), [_, ..]) => {}
                // Nothing can be said yet.
                (None, []) => wire.session.watch_skipping(Duration::from_secs(1)),
                _ => panic!("{garbage:?}"),
            }
        }
        // What is cut, with a clock of the application.
        let (mut wire, _) = Wire::with_root(dialect, config.clone(), &root());
        push(&mut wire.session, &frame_of(&request(six), 4000), 3);
        nothing(wire.event());
        for (second, late) in [(5, false), (34, false), (35, true)] {
            wire.session.watch_skipping(Duration::from_secs(second));
            assert_eq!(wire.session.skip_deadline(), Some(Duration::from_secs(35)));
            match (wire.event(), late) {
                (None, false) => push(&mut wire.session, &[0], 1),
                (Some(Event::Closed(Error::Limit(text))), true) => assert!(text.contains("frame_timeout"), "{text}"),
                _ => panic!("{second}"),
            }
        }
        assert_eq!((wire.said()[0].0, wire.session.is_skipping()), (Kind::Exception, false));
        // One that goes on may take as long as it needs.
        let large = limited(|limits| limits.frame = 100_000);
        let (mut wire, _) = Wire::with_root(dialect, large, &root());
        push(&mut wire.session, &frame_of(&request(six), 390_000), 3);
        let mut left = 390_001 - request(six).len();
        for round in 0.. {
            nothing(wire.event());
            wire.session.watch_skipping(Duration::from_secs(29 * round));
            if left == 0 {
                break;
            }
            let some = left.min(17_000);
            push(&mut wire.session, &vec![0; some], some);
            left -= some;
        }
        assert_eq!((wire.only_said().0, wire.session.is_open()), (Kind::Exception, true));
        // The other dialect is said to be that.
        let mut wire = Wire::new(dialect, Config { dialect, ..config.clone() }, None);
        push(&mut wire.session, &frame_of(&request(!six), 3001), 50);
        push(&mut wire.session, &vec![0; 3001], 50);
        assert!(matches!(closed(wire.event()), Error::Dialect(_)));
    }
}

/// Whole messages behind one that is passed over, in pieces of any size, compressed or not.
#[test]
fn what_follows_a_message_beyond_a_limit() {
    let mut state = 1u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u8
    };
    let noise: Vec<u8> = (0..40_000).map(|_| noise()).collect();
    for (compress, option) in [(false, "max_frame"), (true, "max_frame"), (true, "max_inflated")] {
        for piece in [1, 2, 5, 1000, 100_000] {
            let config = match option {
                "max_frame" => limited(|limits| limits.frame = 11_000),
                _ => limited(|limits| limits.inflated = 20_000),
            };
            let mut wire = Wire::new(BOTH[0], config, None);
            let mut sender = session(Config { compress, ..Config::default() }, None);
            // Half of it can be compressed.
            let mut data = noise.clone();
            data[..20_000].fill(0);
            for args in [&[Value::Int(1)][..], &[Value::bytes(&data)], &[Value::Int(3)]] {
                sender.request(Body::Raw { handler: 1, args }, 1).unwrap();
            }
            let bytes = sent(&mut sender);
            let mut said = Vec::new();
            for bytes in bytes.chunks(piece) {
                push(&mut wire.session, bytes, piece);
                while wire.session.has_message() {
                    nothing(wire.event());
                }
                said.extend(wire.said());
            }
            let kinds: Vec<(Kind, i64)> = said.iter().map(|(kind, seq, _)| (*kind, seq.as_int())).collect();
            assert_eq!(kinds, [(Kind::Reply, 0), (Kind::Exception, 1), (Kind::Reply, 2)], "{option} by {piece}");
            assert!(summary(&said[1].2).contains(option), "{said:?}");
            assert_eq!(wire.session.incoming().buffered(), 0);
        }
    }
}

/// Those that were read before the limit are given back.
#[test]
fn references_in_a_message_beyond_a_limit() {
    for dialect in BOTH {
        for (limit, option) in [
            ((|limits| limits.frame = 3000) as fn(&mut Limits), "max_frame"),
            (|limits| limits.bytes = 3000, "max_bytes"),
        ] {
            let (mut wire, root) = Wire::with_root(dialect, limited(limit), &root());
            let theirs: Vec<Node> = (0..3).map(|i| mine(&pack("x.Y", 7, 100 + i))).collect();
            let args = tuple_box(theirs.into_iter().chain([value_box(text(&"x".repeat(3001)))]).collect::<Vec<_>>());
            let refused = refused_for_good(&mut wire, 7, tuple_box([yours(&root), args, value_box(tuple([]))]));
            assert!(refused.contains(option));
            assert_eq!(wire.session.counts().imports, if option == "max_frame" { 0 } else { 3 });
            wire.session.send_releases();
            assert_eq!(wire.session.counts().imports, 0);
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
            (None, false) => {
                let said = recording::open(&payloads(&sent(&mut receiver))[0], true);
                assert!(summary(&said.2).contains("max_inflated"), "{said:?}");
            }
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
    assert!(refused_for_good(&mut wire, 1, number(41)).contains("max_digits"));
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

#[test]
fn a_peer_that_falls_silent_holds_no_budget() {
    let budget = Budget::new(64 << 20);
    let root = root();
    let mut wire = Wire::with_root(Dialect::V6, Config { budget: Some(budget.clone()), ..Config::default() }, &root).0;
    let before = budget.taken();
    let many = || tuple(vec![Node::None; 100_000]);
    // An answer of the protocol's own, a refusal, an answer that nobody waits for, one that is taken.
    assert_eq!(wire.ask(1, value_box(tuple([many()]))), value_box(many()));
    assert_eq!(budget.taken(), before);
    wire.refused(77, value_box(tuple([many()])));
    assert_eq!(budget.taken(), before);
    wire.feed_message(Kind::Reply, &int(4321), &value_box(many()));
    assert!(wire.event().is_none());
    assert_eq!(budget.taken(), before);
    let seq = wire.session.request(Body::Raw { handler: 1, args: &[] }, 9).unwrap();
    wire.said();
    wire.feed_message(Kind::Reply, &int(seq), &value_box(many()));
    assert!(matches!(wire.event(), Some(Event::Reply { outcome: Ok(_), .. })));
    assert_eq!(budget.taken(), before);
    // A request has it until it is answered.
    let pack = wire.ask(3, value_box(tuple([])));
    let request = wire.host(7, tuple_box([yours(&pack.items()[1]), value_box(tuple([many()])), value_box(tuple([]))]));
    assert!(budget.taken() > before + 1_000_000);
    wire.session.reply(&request.id, &Value::None).unwrap();
    drop(request);
    assert_eq!(budget.taken(), before);
}
