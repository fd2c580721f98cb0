//! How a session ends: by our CLOSE, by the peer's, by the end of the stream.

use crate::support::node::{Node, int, text, tuple};
use crate::support::pair::{
    BOTH, Pair, Wire, closed, mine, nothing, outcome, pack, push, session, tuple_box, value_box, yours,
};
use crate::support::recording::{self, Kind};
use crate::support::thing::{Thing, shape};
use rpyc::config::Config;
use rpyc::error::{Error, Exception};
use rpyc::protocol::{Body, Event, Op, Request};
use rpyc::value::{Reference, Value};
use std::sync::Arc;

fn root() -> Arc<Thing> {
    Thing::new("root", &Arc::new(shape("mylib.Root", &["exposed_add"])))
}

fn none() -> Node {
    value_box(tuple([]))
}

fn wires() -> impl Iterator<Item = (Wire, Node)> {
    BOTH.into_iter().map(|dialect| Wire::with_root(dialect, Config::default(), &root()))
}

fn ask(wire: &mut Wire, token: u32) -> i64 {
    wire.session.request(Body::Raw { handler: 1, args: &[Value::Int(token.into())] }, token).unwrap()
}

#[test]
fn close_is_said_once_and_is_the_last_request() {
    for (mut wire, _) in wires() {
        let first = ask(&mut wire, 5);
        wire.said();
        assert!(wire.session.is_open());
        wire.session.close();
        assert_eq!(wire.only_said(), (Kind::Request, int(first + 1), tuple([int(2), none()])));
        assert!(!wire.session.is_open() && !wire.session.is_closed());
        wire.session.close();
        match wire.session.request(Body::Raw { handler: 1, args: &[] }, 6) {
            Err(Error::Closed(text)) => assert_eq!(text, "the connection is closed"),
            other => panic!("{other:?}"),
        }
        wire.session.send_releases();
        assert!(wire.said().is_empty());
        nothing(wire.event());
    }
}

/// What was asked before may still be answered, on either side.
#[test]
fn answers_cross_a_close() {
    for (mut wire, root) in wires() {
        let waiting = ask(&mut wire, 5);
        let raised = ask(&mut wire, 6);
        let lost = ask(&mut wire, 7);
        wire.said();
        let request = wire.host(9, tuple_box([yours(&root)]));
        let other = wire.host(10, tuple_box([yours(&root)]));
        wire.session.close();
        wire.said();
        wire.session.reply(&request.id, &Value::str("repr")).unwrap();
        assert_eq!(wire.only_said().2, value_box(text("repr")));
        wire.session.raise(&other.id, &Exception::stop_iteration());
        assert_eq!(wire.only_said().2, int(1));
        wire.feed_message(Kind::Reply, &int(waiting), &value_box(int(1)));
        assert!(matches!(wire.event(), Some(Event::Reply { token: 5, outcome: Ok(_), .. })));
        wire.feed_message(Kind::Exception, &int(raised), &int(1));
        assert!(matches!(wire.event(), Some(Event::Reply { token: 6, outcome: Err(_), .. })));
        // A stock peer may answer CLOSE, too.
        wire.feed_message(Kind::Reply, &int(lost + 1), &value_box(Node::None));
        nothing(wire.event());
        wire.session.end_of_stream();
        assert!(matches!(closed(wire.event()), Error::Eof(text) if text == "the peer ended the stream"));
        assert_eq!(wire.session.take_pending(), [(lost, 7)]);
    }
}

/// After our CLOSE everything is answered that needs no code of the application; the application is not asked any more.
#[test]
fn requests_that_cross_a_close() {
    for (mut wire, root) in wires() {
        let object = Thing::new("thing", &Arc::new(shape("mylib.Thing", &[])));
        let lent = wire.lend(&root, &object.value()).items()[1].clone();
        wire.session.close();
        wire.said();
        assert_eq!(wire.ask(1, value_box(tuple([int(5)]))), value_box(int(5)));
        assert_eq!(wire.ask(16, value_box(tuple([lent.clone()]))), value_box(Node::None));
        assert_eq!(wire.ask(15, tuple_box([yours(&lent), value_box(int(1))])), value_box(Node::None));
        assert_eq!(wire.session.take_dropped().len(), 1);
        let theirs = mine(&pack("x.Y", 70, 71));
        for (handler, more) in [
            (4, vec![value_box(text("add"))]),
            (7, vec![tuple_box([theirs]), none()]),
            (8, vec![value_box(text("add")), none(), none()]),
            (9, vec![]),
            (13, vec![]),
            (17, vec![value_box(int(5))]),
        ] {
            let (name, body) = wire.refused(handler, tuple_box([vec![yours(&root)], more].concat()));
            assert_eq!((name.as_str(), &body.items()[1]), ("EOFError", &tuple([text("connection closed")])));
        }
        assert_eq!(wire.session.counts().serving, 0);
        // Never CLOSE for CLOSE.
        wire.request(2, none());
        assert!(matches!(closed(wire.event()), Error::Eof(text) if text == "the peer closed the connection"));
        assert!(wire.said().is_empty());
    }
}

#[test]
fn the_end_of_the_stream() {
    for (mut wire, root) in wires() {
        let seqs = [ask(&mut wire, 5), ask(&mut wire, 6)];
        wire.said();
        let request = wire.host(9, tuple_box([yours(&root)]));
        // What came before it is heard first.
        wire.feed_message(Kind::Reply, &int(seqs[0]), &value_box(int(1)));
        wire.session.end_of_stream();
        assert!(matches!(wire.event(), Some(Event::Reply { token: 5, .. })));
        assert!(matches!(closed(wire.event()), Error::Eof(text) if text == "the peer ended the stream"));
        nothing(wire.event());
        assert!(wire.session.is_closed() && !wire.session.is_open() && !wire.session.has_message());
        assert_eq!(wire.session.take_pending(), [(seqs[1], 6)]);
        assert!(wire.session.take_pending().is_empty());
        // Nobody can hear an answer.
        assert!(matches!(
            wire.session.reply(&request.id, &Thing::new("x", &Arc::new(shape("x.Y", &[]))).value()),
            Err(Error::Closed(_))
        ));
        wire.session.raise(&request.id, &Exception::stop_iteration());
        assert!(matches!(wire.session.request(Body::Raw { handler: 1, args: &[] }, 1), Err(Error::Closed(_))));
        wire.session.close();
        wire.session.send_releases();
        assert!(wire.session.outgoing().is_empty());
        assert_eq!((wire.session.counts().exports, wire.session.counts().serving), (0, 0));
    }
}

#[test]
fn the_end_of_the_stream_inside_a_message() {
    let whole = recording::frame(&recording::close(
        Kind::Request,
        &int(0),
        &tuple([int(1), value_box(tuple([text("x")]))]),
        true,
    ));
    for cut in 0..=whole.len() {
        let mut session = session(Config::default(), None);
        push(&mut session, &whole[..cut], 3);
        nothing(session.next_event());
        session.end_of_stream();
        let text = closed(session.next_event()).to_string();
        if cut == 0 || cut == whole.len() {
            assert_eq!(text, "the peer ended the stream");
        } else {
            assert_eq!(text, "the peer ended the stream inside a message");
        }
        assert_eq!(session.outgoing().is_empty(), cut < whole.len());
    }
}

#[test]
fn the_peers_close_ends_it_at_once() {
    for (mut wire, root) in wires() {
        let waiting = ask(&mut wire, 5);
        wire.said();
        let request = wire.host(9, tuple_box([yours(&root)]));
        wire.request(2, none());
        wire.request(1, value_box(tuple([int(5)])));
        assert!(matches!(closed(wire.event()), Error::Eof(text) if text == "the peer closed the connection"));
        nothing(wire.event());
        assert!(wire.said().is_empty(), "no answer to it, nor to what came after it");
        assert_eq!(wire.session.take_pending(), [(waiting, 5)]);
        assert!(matches!(wire.session.reply(&request.id, &Value::None), Err(Error::Closed(_))));
    }
}

/// CLOSE may come with whatever arguments; it is the end.
#[test]
fn a_close_of_any_form() {
    for args in
        [none(), tuple_box([]), value_box(tuple([int(1)])), value_box(Node::None), tuple([int(9), int(1)]), int(5)]
    {
        for (mut wire, _) in wires() {
            wire.request(2, args.clone());
            closed(wire.event());
            assert!(wire.said().is_empty());
        }
    }
}

#[test]
fn both_close_at_once() {
    for dialect in BOTH {
        let mut pair = Pair::new(dialect, &root());
        let root = pair.root();
        pair.client.close();
        pair.server.close();
        pair.to_server();
        pair.to_client();
        for session in [&mut pair.client, &mut pair.server] {
            assert!(matches!(closed(session.next_event()), Error::Eof(_)));
            assert!(session.outgoing().is_empty());
            assert_eq!((session.counts().exports, session.counts().imports), (0, 0));
        }
        drop(root);
    }
}

#[test]
fn a_session_that_is_abandoned() {
    for (mut wire, root) in wires() {
        let waiting = ask(&mut wire, 5);
        wire.said();
        let request = wire.host(9, tuple_box([yours(&root)]));
        wire.request(1, value_box(tuple([int(5)])));
        wire.session.abandon();
        assert!(wire.session.is_closed());
        nothing(wire.event());
        wire.session.end_of_stream();
        nothing(wire.event());
        assert_eq!(wire.session.take_pending(), [(waiting, 5)]);
        assert!(matches!(wire.session.reply(&request.id, &Value::None), Err(Error::Closed(_))));
        assert!(wire.said().is_empty());
        assert_eq!(wire.session.take_dropped().len(), 1);
    }
}

/// The stream makes no sense any more: the peer is told so, if we know how, and all is over.
#[test]
fn what_cannot_be_read_is_followed_by_close() {
    for (mut wire, _) in wires() {
        let waiting = ask(&mut wire, 5);
        wire.said();
        let head = if wire.six { &[1u8, 0x07][..] } else { &[0x12, 0x51, 0x50, 0x07] };
        wire.feed(head);
        assert!(matches!(closed(wire.event()), Error::Malformed(_)));
        assert_eq!(wire.only_said(), (Kind::Request, int(waiting + 1), tuple([int(2), none()])));
        assert_eq!(wire.session.take_pending(), [(waiting, 5)]);
        assert_eq!(wire.session.counts().exports, 0);
    }
    // A stranger is told nothing.
    for stranger in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"SSH-2.0-OpenSSH_9.2p1\r\n"]
    {
        let mut session = session(Config::default(), Some(root()));
        push(&mut session, stranger, 4);
        // Most of these announce a frame that is too long; TLS one that never ends.
        session.end_of_stream();
        closed(session.next_event());
        assert!(session.outgoing().is_empty());
    }
}

#[test]
fn calls_back_and_forth_to_any_depth() {
    for dialect in BOTH {
        let mut pair = Pair::new(dialect, &root());
        pair.piece = 5;
        let root = pair.root();
        let callback = Thing::new("callback", &Arc::new(shape("mylib.Callback", &[])));
        let mut served: Vec<(bool, Request)> = Vec::new();
        let depth = 40;
        let mut theirs = None;
        for level in 0..depth {
            let args = [Value::Int(level), callback.value()];
            if level % 2 == 0 {
                let request = pair.host(Body::Call { target: &root, args: &args, keywords: &[] });
                let Op::Call { args, .. } = &request.op else { panic!() };
                let Value::Ref(Reference::Remote(proxy)) = &args[1] else { panic!() };
                theirs = Some(proxy.clone());
                served.push((true, request));
            } else {
                let target = theirs.clone().unwrap();
                pair.server.request(Body::Call { target: &target, args: &args[..1], keywords: &[] }, 77).unwrap();
                pair.to_client();
                let Some(Event::Request(request)) = pair.client.next_event() else { panic!() };
                served.push((false, request));
            }
        }
        for (by_server, request) in served.into_iter().rev() {
            let answer = if by_server {
                pair.server.reply(&request.id, &Value::Int(1)).unwrap();
                pair.to_client();
                outcome(&mut pair.client)
            } else {
                pair.client.reply(&request.id, &Value::Int(1)).unwrap();
                pair.to_server();
                outcome(&mut pair.server)
            };
            assert_eq!(answer.unwrap(), Value::Int(1));
        }
        assert_eq!((pair.client.counts().pending, pair.server.counts().pending), (0, 0));
        assert_eq!((pair.client.counts().serving, pair.server.counts().serving), (0, 0));
    }
}

/// A call whose connection ends in the middle is not waited for any more, whether the application answers it later or
/// never.
#[test]
fn the_end_serves_no_call() {
    for (mut wire, root) in wires() {
        let answered = wire.host(9, tuple_box([yours(&root)]));
        let raised = wire.host(10, tuple_box([yours(&root)]));
        assert_eq!(wire.session.counts().serving, 2);
        wire.session.end_of_stream();
        closed(wire.event());
        assert_eq!(wire.session.counts().serving, 0);
        assert!(matches!(wire.session.reply(&answered.id, &Value::None), Err(Error::Closed(_))));
        wire.session.raise(&raised.id, &Exception::stop_iteration());
        assert_eq!(wire.session.counts().serving, 0);
    }
    for (mut wire, root) in wires() {
        wire.host(9, tuple_box([yours(&root)]));
        wire.session.abandon();
        assert_eq!(wire.session.counts().serving, 0);
    }
}
