//! Requests of ours: their numbers, their answers, their deadlines, and what becomes of those that fail.

use crate::support::node::{Node, int, text, tuple};
use crate::support::pair::{
    BOTH, Pair, Wire, nothing, outcome, push, remote, sent, session, tuple_box, value_box, yours,
};
use crate::support::recording::{self, Kind};
use crate::support::thing::{Thing, shape};
use rpyc::config::{Config, Dialect};
use rpyc::error::{Error, Exception};
use rpyc::protocol::{Body, Event, Threads};
use rpyc::value::{Text, Value};
use std::sync::Arc;
use std::time::Duration;

fn root() -> Arc<Thing> {
    Thing::new("root", &Arc::new(shape("mylib.Root", &[])))
}

fn ping(wire: &mut Wire, token: u32) -> i64 {
    wire.session.request(Body::Raw { handler: 1, args: &[Value::Int(token.into())] }, token).unwrap()
}

#[test]
fn numbers_count_up_and_answers_find_their_request_in_any_order() {
    for dialect in BOTH {
        let mut wire = Wire::new(dialect, Config { dialect, ..Config::default() }, None);
        let count = 500;
        let seqs: Vec<i64> = (0..count).map(|i| ping(&mut wire, 1000 + i)).collect();
        assert_eq!(seqs, (0..i64::from(count)).collect::<Vec<_>>());
        let said: Vec<i64> = wire.said().iter().map(|(_, seq, _)| seq.as_int()).collect();
        assert_eq!(said, seqs);
        // A permutation: 500 and 7 have no common divisor.
        for (done, i) in (0..count).map(|i| i * 7 % count).enumerate() {
            assert_eq!(wire.session.pending(), count as usize - done);
            wire.feed_message(Kind::Reply, &int(i.into()), &value_box(int(i.into())));
            match wire.event() {
                Some(Event::Reply { seq, token, outcome: Ok(Value::Int(n)) }) => {
                    assert_eq!((seq, token, n), (i.into(), 1000 + i, i.into()));
                }
                _ => panic!("{i}"),
            }
        }
        assert_eq!(wire.session.pending(), 0);
    }
}

#[test]
fn answers_that_nobody_asked_for_are_read_and_dropped() {
    for dialect in BOTH {
        let mut wire = Wire::new(dialect, Config { dialect, ..Config::default() }, None);
        assert_eq!(ping(&mut wire, 5), 0);
        wire.said();
        let unknown =
            [int(1), int(-1), int(i64::MAX), Node::None, text("0"), Node::Int("9".repeat(40)), Node::Float(0)];
        let raised = tuple([tuple([text("m"), text("E")]), tuple([]), tuple([]), text("")]);
        for seq in &unknown {
            wire.feed_message(Kind::Reply, seq, &value_box(int(1)));
            wire.feed_message(Kind::Exception, seq, &raised);
            nothing(wire.event());
        }
        wire.feed_message(Kind::Reply, &int(0), &value_box(int(1)));
        assert!(matches!(wire.event(), Some(Event::Reply { seq: 0, .. })));
        wire.feed_message(Kind::Reply, &int(0), &value_box(int(1)));
        nothing(wire.event());
        assert!(wire.said().is_empty());
    }
}

/// Bytes, counts, numbers, the dialect: all is as if nothing had been asked.
#[test]
fn a_request_that_cannot_be_sent_leaves_no_trace() {
    let huge = Value::int_from_text(&[b'1'; 5000], 6000).unwrap();
    let deep = (0..200).fold(Value::None, |inner, _| Value::tuple(vec![inner]));
    for bad in [Value::Dict([].into()), huge, deep] {
        let mut session = session(Config::default(), None);
        let object = Thing::new("thing", &Arc::new(shape("mylib.Thing", &[])));
        let args = [object.value(), Value::bytes(&[7; 100_000]), bad.clone()];
        for _ in 0..3 {
            session.request(Body::Raw { handler: 1, args: &args }, 1).expect_err("it cannot be sent");
            assert!(session.outgoing().is_empty());
            assert_eq!(session.counts(), Default::default());
            assert_eq!(session.dialect(), Dialect::Auto, "nothing was said in any dialect");
            assert_eq!(Arc::strong_count(&object), 2 + usize::from(session.has_dropped()));
            assert_eq!(session.take_dropped().len(), 1);
        }
        assert!(session.take_pending().is_empty());
        // The peer may still be of the old dialect.
        push(
            &mut session,
            &recording::frame(&recording::close(Kind::Request, &int(0), &tuple([int(3), value_box(tuple([]))]), false)),
            9,
        );
        nothing(session.next_event());
        assert_eq!(session.dialect(), Dialect::V5);
        sent(&mut session);
        // What was lent before and what waits stays.
        assert_eq!(session.request(Body::Raw { handler: 1, args: &args[..1] }, 1).unwrap(), 0);
        let waiting = session.outgoing().len();
        let before = session.counts();
        session.request(Body::Raw { handler: 1, args: &args }, 1).expect_err("it cannot be sent");
        assert_eq!((session.counts(), session.outgoing().len()), (before, waiting));
        assert_eq!(session.request(Body::Raw { handler: 1, args: &args[..1] }, 1).unwrap(), 1);
        let said = crate::support::pair::payloads(&sent(&mut session));
        assert_eq!(said.len(), 2);
        let seqs: Vec<Node> = said.iter().map(|payload| recording::open(payload, false).1).collect();
        assert_eq!(seqs, [int(0), int(1)]);
    }
}

#[test]
fn exceptions_arrive_as_they_are() {
    for dialect in BOTH {
        let mut pair = Pair::new(dialect, &root());
        let root = pair.root();
        let mut raise = |exception: &Exception| {
            let request = pair.host(Body::Call { target: &root, args: &[], keywords: &[] });
            pair.server.raise(&request.id, exception);
            pair.to_client();
            match outcome(&mut pair.client) {
                Err(Error::Remote(raised)) => raised,
                other => panic!("{other:?}"),
            }
        };
        let stop = raise(&Exception::with_args("builtins", "StopIteration", vec![Value::str("dropped")]));
        assert!(stop.is_builtin("StopIteration") && stop.args.is_empty() && stop.attributes.is_empty());
        let mut given = Exception::with_args("mylib", "MyError", vec![Value::Int(1), Value::str("two"), remote(&root)]);
        given.attributes = vec![
            ("code".into(), Value::Int(42)),
            ("list".into(), Value::List([Value::Int(1), Value::str("x")].into())),
            ("args".into(), Value::str("never")),
            ("_remote_version".into(), Value::str("never")),
            ("long".into(), Value::List(vec![Value::Int(1234567); 5000].into())),
            ("huge".into(), Value::int_from_text(&[b'1'; 5000], 6000).unwrap()),
        ];
        given.traceback = "line 1\nline 2".into();
        let raised = raise(&given);
        assert_eq!((raised.module.as_str(), raised.name.as_str()), ("mylib", "MyError"));
        assert_eq!(raised.args[..2], given.args[..2]);
        assert!(
            matches!(&raised.args[2], Value::Str(text) if text.as_str().contains("mylib.Root")),
            "{:?}",
            raised.args
        );
        let version = format!(
            "{} (librpyc {})",
            if dialect == Dialect::V5 { "5.3.1" } else { "6.0.2" },
            env!("CARGO_PKG_VERSION")
        );
        let names: Vec<&str> = raised.attributes.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["code", "list", "long", "huge", "_remote_version"]);
        assert_eq!(raised.attributes[0].1, Value::Int(42));
        assert_eq!(raised.attributes[1].1, Value::str("[1, 'x']"));
        assert!(matches!(&raised.attributes[2].1, Value::Str(text) if text.as_str().len() == 1000));
        assert!(matches!(&raised.attributes[3].1, Value::Str(text) if text.as_str().len() == 1000));
        assert_eq!(raised.attributes[4].1, Value::str(&version));
        assert_eq!(raised.traceback.as_str(), "line 1\nline 2");
        // Without a traceback of its own, its last line.
        assert_eq!(raise(&Exception::builtin("KeyError", "k")).traceback.as_str(), "KeyError: 'k'");
    }
}

#[test]
fn traceback_and_version_can_be_denied() {
    for dialect in BOTH {
        let config = Config { include_local_traceback: false, include_local_version: false, ..Config::default() };
        let (mut wire, root) = Wire::with_root(dialect, config, &root());
        let (_, body) = wire.refused(4, tuple_box([yours(&root), value_box(text("x"))]));
        let parts = body.items();
        assert_eq!(parts[3], text("<traceback denied>"));
        assert_eq!(parts[2].items().last().unwrap(), &tuple([text("_remote_version"), text("<version denied>")]));
    }
}

#[test]
fn the_version_can_be_another_one() {
    for (dialect, include_local_version, sent) in
        BOTH.iter().flat_map(|dialect| [(*dialect, true, "9.8.7"), (*dialect, false, "<version denied>")])
    {
        let config = Config { remote_version: Some("9.8.7".into()), include_local_version, ..Config::default() };
        let (mut wire, root) = Wire::with_root(dialect, config, &root());
        let (_, body) = wire.refused(4, tuple_box([yours(&root), value_box(text("x"))]));
        assert_eq!(body.items()[2].items().last().unwrap(), &tuple([text("_remote_version"), text(sent)]));
    }
}

#[test]
fn exceptions_of_any_form_end_their_request() {
    for dialect in BOTH {
        let mut wire = Wire::new(dialect, Config { dialect, ..Config::default() }, None);
        let class = || tuple([text("builtins"), text("ValueError")]);
        let mut answer = |body: Node| {
            let seq = ping(&mut wire, 9);
            wire.said();
            wire.feed_message(Kind::Exception, &int(seq), &body);
            match wire.event() {
                Some(Event::Reply { token: 9, outcome: Err(error), .. }) => error,
                _ => panic!("{body:?}"),
            }
        };
        assert!(answer(int(1)).is_stop_iteration());
        match answer(text("spam")) {
            Error::Remote(raised) => assert_eq!((raised.module.as_str(), raised.name.as_str()), ("", "spam")),
            other => panic!("{other:?}"),
        }
        // The least, and a traceback that is none.
        for traceback in [text(""), Node::None] {
            let error = answer(tuple([class(), tuple([]), tuple([]), traceback]));
            assert!(
                matches!(error, Error::Remote(raised) if raised.is_builtin("ValueError") && raised.args.is_empty())
            );
        }
        // A module that is none.
        for (module, said) in [(Node::None, "None"), (int(5), "5")] {
            let error = answer(tuple([tuple([module, text("E")]), tuple([]), tuple([]), text("")]));
            assert!(
                matches!(error, Error::Remote(raised) if raised.module.as_str() == said && raised.name.as_str() == "E")
            );
        }
        for bad in [
            int(2),
            Node::None,
            tuple([]),
            tuple([class(), tuple([]), tuple([])]),
            tuple([class(), tuple([]), tuple([]), text(""), Node::None]),
            tuple([tuple([text("builtins")]), tuple([]), tuple([]), text("")]),
            tuple([tuple([text("builtins"), int(1)]), tuple([]), tuple([]), text("")]),
            tuple([class(), int(1), tuple([]), text("")]),
            tuple([class(), tuple([]), tuple([int(1)]), text("")]),
            tuple([class(), tuple([]), tuple([tuple([int(1), int(2)])]), text("")]),
        ] {
            match answer(bad) {
                Error::Malformed(text) => assert_eq!(text, "the peer sent an exception of unknown form"),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn an_answer_that_cannot_be_understood_is_the_error_of_its_request() {
    for dialect in BOTH {
        let mut wire = Wire::new(dialect, Config { dialect, ..Config::default() }, None);
        for (bad, why) in [
            (tuple([int(9), int(1)]), "ValueError: invalid label 9"),
            (tuple([int(2), int(1)]), "TypeError: 'int' object is not a tuple of boxes"),
            (Node::None, "TypeError: cannot unpack non-iterable object"),
            (tuple([int(1)]), "ValueError: not enough values to unpack (expected 2, got 1)"),
            (tuple([int(1), int(2), int(3)]), "ValueError: too many values to unpack (expected 2)"),
            (yours(&tuple([text("x.Y"), int(1), int(2)])), "KeyError: ('x.Y', 1, 2)"),
        ] {
            let seq = ping(&mut wire, 9);
            wire.said();
            wire.feed_message(Kind::Reply, &int(seq), &bad);
            match wire.event() {
                Some(Event::Reply { token: 9, outcome: Err(Error::Malformed(text)), .. }) => {
                    assert_eq!(text, format!("the reply cannot be decoded: {why}"));
                    assert!(!why.starts_with("KeyError"));
                }
                Some(Event::Reply { token: 9, outcome: Err(Error::UnknownObject(text)), .. }) => {
                    assert_eq!(text, format!("the reply refers to an object that was not exported: {why}"));
                    assert!(why.starts_with("KeyError"));
                }
                _ => panic!("{bad:?}"),
            }
        }
    }
}

#[test]
fn deadlines_pass_in_their_order() {
    let mut session = session(Config::default(), None);
    let seconds = Duration::from_secs;
    let mut ask = |token: u32| session.request(Body::Raw { handler: 1, args: &[] }, token).unwrap();
    let seqs: Vec<i64> = (0..5).map(&mut ask).collect();
    assert_eq!(session.next_deadline(), None);
    for (seq, deadline) in seqs.iter().zip([30, 10, 20, 10, 40]) {
        session.set_deadline(*seq, seconds(deadline));
    }
    assert_eq!(session.next_deadline(), Some(seconds(10)));
    assert_eq!(session.expire(seconds(9)), None);
    // Two at one time: the older first.
    assert_eq!(session.expire(seconds(10)), Some((1, 1)));
    assert_eq!(session.expire(seconds(10)), Some((3, 3)));
    assert_eq!(session.expire(seconds(10)), None);
    assert_eq!(session.next_deadline(), Some(seconds(20)));
    assert_eq!(session.forget(2), Some(2));
    // One that is forgotten is passed over.
    assert_eq!(session.expire(seconds(35)), Some((0, 0)));
    assert_eq!(session.expire(seconds(35)), None);
    assert_eq!(session.next_deadline(), Some(seconds(40)));
    assert_eq!(session.take_pending(), [(4, 4)]);
    assert_eq!(session.expire(seconds(100)), None);
    assert_eq!(session.next_deadline(), None);
}

/// The deadlines of requests that were answered in time do not pile up.
#[test]
fn deadlines_of_answered_requests_are_forgotten() {
    let mut pair = Pair::new(BOTH[0], &root());
    let far = Duration::from_secs(3600);
    let waiting = pair.client.request(Body::Raw { handler: 99, args: &[] }, 5).unwrap();
    pair.client.set_deadline(waiting, far);
    for _ in 0..1000 {
        let seq = pair.client.request(Body::Raw { handler: 1, args: &[Value::None] }, 77).unwrap();
        // Before all that waits, so that it is looked at first.
        pair.client.set_deadline(seq, far - Duration::from_secs(1));
        sent(&mut pair.client);
        push(
            &mut pair.client,
            &recording::frame(&recording::close(Kind::Reply, &int(seq), &value_box(int(1)), true)),
            99,
        );
        assert_eq!(outcome(&mut pair.client).unwrap(), Value::Int(1));
    }
    assert_eq!(pair.client.expire(far), Some((waiting, 5)));
    assert_eq!((pair.client.expire(far), pair.client.next_deadline()), (None, None));
}

/// Events come one by one, in the order of the messages, each when it is asked for.
#[test]
fn events_come_in_the_order_of_the_messages() {
    for dialect in BOTH {
        let config = Config { dialect, ..Config::default() };
        let (mut wire, root) = Wire::with_root(dialect, config, &root());
        let first = ping(&mut wire, 1);
        let second = ping(&mut wire, 2);
        wire.said();
        wire.feed_message(Kind::Reply, &int(second), &value_box(text("second")));
        wire.request(9, tuple_box([yours(&root)]));
        wire.request(1, value_box(tuple([int(5)])));
        wire.feed_message(Kind::Exception, &int(first), &int(1));
        wire.request(10, tuple_box([yours(&root)]));
        wire.request(2, value_box(tuple([])));
        assert!(wire.session.has_message());
        let before = wire.session.messages();
        assert!(matches!(wire.event(), Some(Event::Reply { token: 2, .. })));
        assert_eq!(wire.session.messages(), before + 1, "one at a time");
        assert!(wire.said().is_empty());
        let Some(Event::Request(repr)) = wire.event() else { panic!() };
        assert!(wire.said().is_empty(), "the PING behind it has not been looked at");
        assert!(matches!(wire.event(), Some(Event::Reply { token: 1, outcome: Err(_), .. })));
        assert_eq!(wire.only_said().2, value_box(int(5)));
        let Some(Event::Request(str)) = wire.event() else { panic!() };
        assert!(wire.session.has_message());
        // Answers in any order, as long as the session lives.
        wire.session.reply(&str.id, &Value::str("str")).unwrap();
        wire.session.reply(&repr.id, &Value::str("repr")).unwrap();
        let said: Vec<Node> = wire.said().into_iter().map(|(_, _, body)| body).collect();
        assert_eq!(said, [value_box(text("str")), value_box(text("repr"))]);
        assert!(matches!(wire.event(), Some(Event::Closed(Error::Eof(_)))));
        assert!(!wire.session.has_message());
        nothing(wire.event());
        assert_eq!(wire.session.messages(), before + 6);
    }
}

/// 16 bytes before the message: who sent it, and for whom.
#[test]
fn bound_threads() {
    for dialect in BOTH {
        let config = Config { dialect, bind_threads: true, ..Config::default() };
        let object = root();
        let mut session = session(config, Some(object));
        let six = dialect == Dialect::V6;
        let message = |from: u64, to: u64, kind: Kind, seq: i64, body: Node| {
            let head = [from.to_be_bytes(), to.to_be_bytes()].concat();
            [head, recording::close(kind, &int(seq), &body, six)].concat()
        };
        let said = |session: &mut rpyc::protocol::Protocol<u32>| -> Vec<(u64, u64, Kind, Node)> {
            let read = |bytes: &[u8]| u64::from_be_bytes(bytes.try_into().unwrap());
            let bytes = sent(session);
            let open = |payload: Vec<u8>| {
                let (kind, _, body) = recording::open(&payload[16..], six);
                (read(&payload[..8]), read(&payload[8..16]), kind, body)
            };
            crate::support::pair::payloads(&bytes).into_iter().map(open).collect()
        };
        // An answer goes to the thread that asked, whatever was set for requests.
        session.set_threads(Threads { from: 11, to: 22 });
        let ask = |from: u64, handler: i64, args: Node| message(from, 0, Kind::Request, 5, tuple([int(handler), args]));
        push(&mut session, &recording::frame(&ask(u64::MAX, 3, value_box(tuple([])))), 5);
        nothing(session.next_event());
        let answers = said(&mut session);
        assert_eq!((answers.len(), answers[0].0, answers[0].1), (1, 11, u64::MAX));
        let target = answers[0].3.items()[1].clone();
        push(&mut session, &recording::frame(&ask(33, 9, tuple_box([yours(&target)]))), 5);
        let Some(Event::Request(request)) = session.next_event() else { panic!() };
        assert_eq!(request.id.threads(), Threads { from: 33, to: 0 });
        // Requests go to the thread that is set; releases, too.
        session.request(Body::Raw { handler: 1, args: &[] }, 1).unwrap();
        session.set_threads(Threads { from: 44, to: 55 });
        session.request(Body::Raw { handler: 1, args: &[] }, 1).unwrap();
        session.raise(&request.id, &Exception::stop_iteration());
        // CLOSE is for whichever thread is free.
        session.close();
        let heads: Vec<(u64, u64, Kind)> = said(&mut session).into_iter().map(|(a, b, kind, _)| (a, b, kind)).collect();
        let (request, exception) = (Kind::Request, Kind::Exception);
        assert_eq!(heads, [(11, 22, request), (44, 55, request), (44, 33, exception), (44, 0, request)]);
        // Too short for the ids.
        push(&mut session, &recording::frame(&[0; 15]), 5);
        match session.next_event() {
            Some(Event::Closed(Error::Malformed(text))) => {
                assert_eq!(text, "a message without thread ids; set the option bind_threads equally at both ends");
            }
            _ => panic!("no error"),
        }
    }
}

#[test]
fn keywords_of_ours_keep_their_order_and_names() {
    let mut pair = Pair::new(BOTH[0], &root());
    let root = pair.root();
    let keywords: Vec<(Text, Value)> =
        ["z", "a", "\u{1f600}", "", "z2"].iter().zip(0..).map(|(name, i)| (Text::new(name), Value::Int(i))).collect();
    for name in ["run", "", "caf\u{e9}"] {
        let request = pair.host(Body::Call { target: &root, args: &[Value::str(name)], keywords: &keywords });
        match &request.op {
            rpyc::protocol::Op::Call { args, keywords: found } => {
                assert_eq!((args[0].clone(), found), (Value::str(name), &keywords))
            }
            op => panic!("{op:?}"),
        }
        pair.reply(&request, &Value::None).unwrap();
    }
}

/// The settings of compression hold from the next message on.
#[test]
fn compression_follows_its_options() {
    let mut wire = Wire::new(Dialect::V6, Config { dialect: Dialect::V6, ..Config::default() }, None);
    let words: String = (0..2000).map(|n| format!("{} ", n * n % 977)).collect();
    let mut send = |options: &[(&str, &str)], text: &str| {
        for (name, value) in options {
            wire.session.config_mut().set(name, value).unwrap();
        }
        wire.session.request(Body::Raw { handler: 1, args: &[Value::str(text)] }, 1).unwrap();
        let bytes = sent(&mut wire.session);
        (bytes[4] == 1, bytes.len())
    };
    assert!(!send(&[], &words[..2900]).0);
    assert!(send(&[], &words[..3100]).0);
    assert!(send(&[("compression_threshold", "100")], &"abcdefgh ".repeat(20)).0);
    assert!(!send(&[("compression_threshold", "100000")], &words).0);
    let (fast, small) =
        (send(&[("compression_threshold", "100")], &words), send(&[("compression_level", "9")], &words));
    assert!(fast.0 && small.0 && small.1 < fast.1, "{fast:?} {small:?}");
    assert!(!send(&[("compress", "false")], &words).0);
    assert!(wire.session.config_mut().set("compression_level", "10").is_err());
}
