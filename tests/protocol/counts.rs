//! Who holds what, and how often: lending, releasing, and everything that crosses on the way.

use crate::support::node::{Node, int, text, tuple};
use crate::support::pair::{
    BOTH, Pair, Wire, mine, nothing, outcome, pack, proxy, remote, summary, tuple_box, value_box, yours,
};
use crate::support::recording::Kind;
use crate::support::thing::{Thing, shape};
use rpyc::config::Config;
use rpyc::error::Error;
use rpyc::protocol::{Body, Event, Op};
use rpyc::value::{Reference, Value};
use std::sync::{Arc, Weak};
use std::time::Duration;

fn root() -> Arc<Thing> {
    Thing::new("root", &Arc::new(shape("mylib.Root", &[])))
}

fn thing() -> Arc<Thing> {
    Thing::new("thing", &Arc::new(shape("mylib.Thing", &[])))
}

fn wires() -> impl Iterator<Item = (Wire, Node)> {
    BOTH.into_iter().map(|dialect| Wire::with_root(dialect, Config::default(), &root()))
}

fn del(target: &Node, count: i64) -> Node {
    tuple_box([yours(target), value_box(int(count))])
}

const DONE: fn() -> Node = || value_box(Node::None);

#[test]
fn an_object_is_kept_until_all_its_references_are_back() {
    for (mut wire, root) in wires() {
        for (lendings, releases) in
            [(1, vec![1]), (3, vec![3]), (3, vec![1, 1, 1]), (5, vec![2, 3]), (2, vec![0, -7, 2])]
        {
            let object = thing();
            let weak: Weak<Thing> = Arc::downgrade(&object);
            let value = object.value();
            let packs: Vec<Node> = (0..lendings).map(|_| wire.lend(&root, &value).items()[1].clone()).collect();
            drop((value, object));
            assert!(packs.iter().all(|pack| *pack == packs[0]), "one object, one id");
            for (i, count) in releases.iter().enumerate() {
                assert_eq!(wire.session.counts().exports, 2);
                assert!(!wire.session.has_dropped() && weak.strong_count() == 1);
                // Leaving the count out means one.
                let args = if *count == 1 { tuple_box([yours(&packs[0])]) } else { del(&packs[0], *count) };
                assert_eq!(wire.ask(15, args), DONE());
                assert_eq!(wire.session.has_dropped(), i + 1 == releases.len());
            }
            assert_eq!(wire.session.counts().exports, 1);
            assert_eq!(weak.strong_count(), 1, "the host drops it, not the session");
            assert_eq!(wire.session.take_dropped().len(), 1);
            assert_eq!(weak.strong_count(), 0);
            assert_eq!(wire.refused(15, del(&packs[0], 1)).0, "KeyError");
            assert_eq!(wire.session.counts().overdrawn, 0);
        }
    }
}

#[test]
fn two_in_one_message_count_twice() {
    for (mut wire, root) in wires() {
        let object = thing().value();
        let boxed = wire.lend(&root, &Value::tuple(vec![object.clone(), Value::tuple(vec![object])]));
        let pack = boxed.items()[1].items()[0].items()[1].clone();
        assert_eq!(boxed, tuple_box([mine(&pack), tuple_box([mine(&pack)])]));
        assert_eq!(wire.ask(15, del(&pack, 1)), DONE());
        assert_eq!((wire.session.counts().exports, wire.session.has_dropped()), (2, false));
        assert_eq!(wire.ask(15, del(&pack, 1)), DONE());
        assert_eq!((wire.session.counts().exports, wire.session.has_dropped()), (1, true));
    }
}

#[test]
fn a_release_of_too_many_ends_the_object_and_no_more() {
    for (mut wire, root) in wires() {
        let object = thing();
        for (i, count) in [2, 100, i64::MAX].into_iter().enumerate() {
            let pack = wire.lend(&root, &object.value()).items()[1].clone();
            assert_eq!(wire.ask(15, del(&pack, count)), DONE());
            assert_eq!(wire.session.counts().overdrawn, i as u64 + 1);
            assert_eq!(wire.session.counts().exports, 1);
            assert_eq!(wire.session.take_dropped().len(), 1);
            assert_eq!(Arc::strong_count(&object), 1, "the owner still has it");
        }
        // Counts beyond 64 bits, and no counts at all.
        let pack = wire.lend(&root, &object.value()).items()[1].clone();
        for bad in [Node::Int("9".repeat(30)), text("1"), Node::None, Node::Bool(true), Node::Float(0)] {
            let (_, body) = wire.refused(15, tuple_box([yours(&pack), value_box(bad)]));
            assert_eq!(summary(&body), "TypeError: a reference count is an int");
        }
        assert_eq!(wire.session.counts().exports, 2);
        assert_eq!(wire.session.counts().overdrawn, 3);
    }
}

#[test]
fn the_root_comes_and_goes_like_any_object() {
    for (mut wire, pack) in wires() {
        assert_eq!(wire.ask(15, del(&pack, 1)), DONE());
        assert_eq!(wire.session.counts().exports, 0);
        assert_eq!(wire.refused(9, tuple_box([yours(&pack)])).0, "KeyError");
        let again = wire.ask(3, value_box(tuple([]))).items()[1].clone();
        assert_eq!(again, pack, "an object has one id for its life");
    }
}

#[test]
fn ids_are_never_used_again() {
    // Nor on another connection.
    let mut seen = std::collections::HashSet::new();
    for (mut wire, root) in wires() {
        let kept = thing();
        let mut of_kept = None;
        for i in 0..300 {
            // The same object, and ever new ones, which may come to live at an old address.
            let object = if i % 3 == 0 { kept.clone() } else { thing() };
            let pack = wire.lend(&root, &object.value()).items()[1].clone();
            let known = i % 3 == 0 && of_kept.is_some();
            assert_eq!(seen.insert(pack.items()[2].as_int()), !known, "{pack:?}");
            if i % 3 == 0 {
                assert_eq!(*of_kept.get_or_insert(pack.clone()), pack, "an object keeps its id");
            }
            assert_eq!(wire.ask(15, del(&pack, 1)), DONE());
            drop(wire.session.take_dropped());
        }
        let classes = &kept.value();
        let Value::Ref(Reference::Local(object)) = classes else { panic!() };
        let class = || Thing::class("class", shape("builtins.type", &[]), object.shape());
        let mut ids = std::collections::HashSet::new();
        for _ in 0..10 {
            let pack = wire.lend(&root, &class().value()).items()[1].clone();
            assert_eq!(pack.items()[2], int(0));
            ids.insert(pack.items()[1].as_int());
            assert_eq!(wire.ask(15, del(&pack, 1)), DONE());
            drop(wire.session.take_dropped());
        }
        assert_eq!(ids.len(), 1, "a class keeps its id");
        assert!(seen.is_disjoint(&ids));
        let instance = wire.lend(&root, &kept.value()).items()[1].clone();
        assert!(ids.contains(&instance.items()[1].as_int()), "its instances have the class's id");
    }
}

/// An application may make more than one object of one class; to the peer they are the same.
#[test]
fn all_objects_of_one_class_are_one() {
    for (mut wire, root) in wires() {
        let instances = Arc::new(shape("mylib.Thing", &[]));
        let class = || Thing::class("class", shape("builtins.type", &[]), &instances);
        let (first, second) = (class(), class());
        let packs = [&first, &second, &first].map(|class| wire.lend(&root, &class.value()).items()[1].clone());
        assert!(packs[0] == packs[1] && packs[1] == packs[2]);
        assert_eq!(wire.session.counts().exports, 2);
        assert_eq!(wire.ask(15, del(&packs[0], 2)), DONE());
        assert_eq!(wire.session.counts().exports, 2);
        wire.host(9, tuple_box([yours(&packs[0])]));
        assert_eq!(wire.ask(15, del(&packs[0], 1)), DONE());
        assert_eq!(wire.session.counts().exports, 1);
        drop(wire.session.take_dropped());
        drop((first, second));
        // What comes to live at an old address is not taken for the class.
        for _ in 0..50 {
            let pack = wire.lend(&root, &thing().value()).items()[1].clone();
            assert_ne!(pack.items()[2], int(0));
        }
    }
}

#[test]
fn a_reference_of_the_peers_own_changes_no_count() {
    for dialect in BOTH {
        let mut pair = Pair::new(dialect, &root());
        let root = pair.root();
        for _ in 0..5 {
            let back = pair.ask(Body::Raw { handler: 1, args: &[Value::Int(1)] }).unwrap();
            assert_eq!(back, Value::Int(1));
            pair.host(Body::Call { target: &root, args: &[remote(&root), remote(&root)], keywords: &[] });
        }
        assert_eq!(pair.server.counts().exports, 1);
        drop(root);
        pair.client.send_releases();
        pair.to_server();
        nothing(pair.server.next_event());
        assert_eq!((pair.server.counts().exports, pair.server.counts().overdrawn), (0, 0));
    }
}

#[test]
fn one_release_gives_back_all_receptions() {
    for dialect in BOTH {
        let mut pair = Pair::new(dialect, &root());
        let first = pair.root();
        for _ in 0..6 {
            assert!(Arc::ptr_eq(&pair.root(), &first), "one object, one proxy");
        }
        assert_eq!(pair.client.counts().imports, 1);
        pair.client.send_releases();
        assert!(pair.client.outgoing().is_empty(), "nothing has died");
        drop(first);
        assert_eq!(pair.client.releases().len(), 1);
        pair.client.send_releases();
        assert_eq!((pair.client.counts().imports, pair.client.counts().pending), (0, 1));
        assert!(pair.client.releases().is_empty());
        pair.to_server();
        nothing(pair.server.next_event());
        assert_eq!((pair.server.counts().exports, pair.server.counts().overdrawn), (0, 0));
        pair.to_client();
        nothing(pair.client.next_event());
        assert_eq!(pair.client.counts().pending, 0, "the answer is awaited by nobody, but not forgotten");
    }
}

#[test]
fn releases_ride_behind_the_next_request() {
    for dialect in BOTH {
        let (mut wire, root) = Wire::with_root(dialect, Config::default(), &root());
        let packs: Vec<Node> = (0..3).map(|i| pack("far.Thing", 5, 100 + i)).collect();
        let boxes: Vec<Node> = packs.iter().map(mine).collect();
        drop(wire.host(7, tuple_box([yours(&root), tuple_box(boxes), value_box(tuple([]))])));
        assert!(wire.session.outgoing().is_empty(), "no write of their own");
        assert_eq!(wire.session.request(Body::Raw { handler: 1, args: &[Value::Int(1)] }, 5).unwrap(), 0);
        let said = wire.said();
        assert_eq!(said[0], (Kind::Request, int(0), tuple([int(1), value_box(tuple([int(1)]))])));
        let mut released: Vec<Node> = said[1..].iter().map(|(_, _, body)| body.clone()).collect();
        released.sort_by_key(|body| format!("{body:?}"));
        let expected: Vec<Node> = packs.iter().map(|pack| tuple([int(15), del(pack, 1)])).collect();
        assert_eq!(released, expected);
        assert_eq!(said[1..].iter().map(|(_, seq, _)| seq.as_int()).collect::<Vec<_>>(), [1, 2, 3]);
        // Their answers are no events.
        for seq in [3, 1, 2] {
            wire.feed_message(Kind::Reply, &int(seq), &DONE());
        }
        wire.feed_message(Kind::Reply, &int(0), &value_box(int(1)));
        assert!(matches!(wire.event(), Some(Event::Reply { seq: 0, token: 5, outcome: Ok(Value::Int(1)) })));
        nothing(wire.event());
        assert_eq!(wire.session.counts().pending, 0);
    }
}

/// The server lends an object again while the release of the first time is on its way.
#[test]
fn a_release_and_a_reference_that_cross() {
    for dialect in BOTH {
        let mut pair = Pair::new(dialect, &root());
        let root = pair.root();
        let object = thing();
        let request = pair.host(Body::Call { target: &root, args: &[], keywords: &[] });
        let first = proxy(pair.reply(&request, &object.value()).unwrap());
        // Asked for once more, then let go; the server answers before it has read the release.
        let request = pair.host(Body::Call { target: &root, args: &[], keywords: &[] });
        let id_pack = first.id_pack.clone();
        drop(first);
        pair.client.send_releases();
        pair.server.reply(&request.id, &object.value()).unwrap();
        pair.to_server();
        nothing(pair.server.next_event());
        assert_eq!(pair.server.counts().exports, 2, "the second reference holds it");
        pair.to_client();
        let again = proxy(outcome(&mut pair.client).unwrap());
        assert_eq!(again.id_pack, id_pack, "it was never gone");
        nothing(pair.client.next_event());
        let request = pair.host(Body::Call { target: &again, args: &[], keywords: &[] });
        assert_eq!(crate::support::thing::thing_of(&request.target).label, "thing");
        drop((request, again));
        pair.client.send_releases();
        pair.to_server();
        nothing(pair.server.next_event());
        assert_eq!((pair.server.counts().exports, pair.server.counts().overdrawn), (1, 0));
    }
}

/// The proxy has died, its release has not been sent, and the object comes again: one release gives back both.
#[test]
fn an_object_that_comes_again_before_its_release_was_sent() {
    for dialect in BOTH {
        let mut pair = Pair::new(dialect, &root());
        let root = pair.root();
        let object = thing();
        let receive = |pair: &mut Pair, times: usize| {
            let request = pair.host(Body::Call { target: &root, args: &[], keywords: &[] });
            let all = Value::tuple(vec![object.value(); times]);
            let Value::Tuple(items) = pair.reply(&request, &all).unwrap() else { panic!() };
            proxy(items[0].clone())
        };
        let first = receive(&mut pair, 2);
        let weak = Arc::downgrade(&first);
        pair.client.send_releases();
        drop(first);
        assert_eq!((weak.strong_count(), pair.client.releases().len()), (0, 1));
        // Two answers bring it; the first proxy dies before the second answer is read, and its release waits.
        let ask = |pair: &mut Pair| pair.host(Body::Call { target: &root, args: &[], keywords: &[] });
        let (one, two) = (ask(&mut pair), ask(&mut pair));
        nothing(pair.server.next_event());
        assert_eq!(pair.server.counts().exports, 1);
        for request in [&one, &two] {
            pair.server.reply(&request.id, &object.value()).unwrap();
            pair.to_client();
            drop(proxy(outcome(&mut pair.client).unwrap()));
        }
        assert_eq!((pair.client.releases().len(), pair.client.counts().imports), (1, 2));
        pair.client.send_releases();
        assert_eq!(pair.client.counts().imports, 1);
        pair.to_server();
        nothing(pair.server.next_event());
        assert_eq!((pair.server.counts().exports, pair.server.counts().overdrawn), (1, 0));
    }
}

#[test]
fn late_answers_release_what_they_bring() {
    for dialect in BOTH {
        let mut pair = Pair::new(dialect, &root());
        let root = pair.root();
        for expired in [false, true] {
            let request = pair.host(Body::Call { target: &root, args: &[], keywords: &[] });
            let rpyc::protocol::Seq::Int(seq) = request.id.seq else { panic!() };
            if expired {
                pair.client.set_deadline(seq, Duration::from_secs(1));
                assert_eq!(pair.client.expire(Duration::from_secs(1)), Some((seq, 77)));
            } else {
                assert_eq!(pair.client.forget(seq), Some(77));
                assert_eq!(pair.client.forget(seq), None);
            }
            let object = thing();
            let twice = Value::tuple(vec![object.value(), object.value()]);
            pair.server.reply(&request.id, &twice).unwrap();
            assert_eq!(pair.server.counts().exports, 2);
            pair.to_client();
            nothing(pair.client.next_event());
            assert_eq!(pair.client.releases().len(), 1);
            pair.client.send_releases();
            pair.to_server();
            nothing(pair.server.next_event());
            assert_eq!((pair.server.counts().exports, pair.server.counts().overdrawn), (1, 0));
            pair.to_client();
            nothing(pair.client.next_event());
            assert_eq!(pair.client.counts().pending, 0);
        }
    }
}

/// Too deep, too big, or of no form: the peer is told, and nothing stays lent.
#[test]
fn an_answer_that_cannot_be_sent_becomes_an_exception() {
    let huge = Value::int_from_text(&[b'1'; 5000], 6000).unwrap();
    let deep = (0..200).fold(Value::None, |inner, _| Value::tuple(vec![inner]));
    for (mut wire, root) in wires() {
        let object = thing();
        let deep_boxes = (0..200).fold(object.value(), |inner, _| Value::tuple(vec![inner]));
        let kept = wire.lend(&root, &object.value()).items()[1].clone();
        let other = thing();
        for (bad, name, what) in [
            (Value::Dict([].into()), "TypeError", "a dict cannot be sent here"),
            (huge.clone(), "ValueError", "an int of 5000 digits cannot be sent: the limit is 4300 (max_digits)"),
            (deep.clone(), "ValueError", "a value nested over 128 levels cannot be sent (max_depth)"),
            (deep_boxes.clone(), "ValueError", "cannot send the value: it is nested too deep (max_depth)"),
        ] {
            let request = wire.host(9, tuple_box([yours(&root)]));
            let all = Value::tuple(vec![object.value(), other.value(), object.value(), bad]);
            let error = wire.session.reply(&request.id, &all).expect_err("it cannot be sent");
            assert_eq!(error.to_string(), what);
            let rpyc::protocol::Seq::Int(seq) = request.id.seq else { panic!() };
            let (found, body) = wire.exception(seq);
            assert_eq!(found, name);
            assert_eq!(summary(&body), format!("{name}: the result cannot be sent: {what}"));
            assert_eq!(wire.session.counts().exports, 2);
            assert_eq!(wire.session.counts().serving, 0);
            assert_eq!(wire.session.counts().overdrawn, 0);
            drop(wire.session.take_dropped());
        }
        assert_eq!(Arc::strong_count(&other), 1);
        assert_eq!(wire.ask(15, del(&kept, 1)), DONE());
        assert_eq!(wire.session.counts().exports, 1, "it was lent once, and no more");
        assert_eq!(wire.session.counts().overdrawn, 0);
    }
}

#[test]
fn a_refused_request_gives_back_what_it_brought() {
    for (mut wire, root) in wires() {
        let theirs = pack("far.Thing", 7, 99);
        let unknown = pack("mylib.Thing", 999, 999);
        for args in [
            tuple_box([yours(&unknown), tuple_box([mine(&theirs), mine(&theirs)]), value_box(tuple([]))]),
            tuple_box([yours(&root), tuple_box([tuple([int(9), int(1)]), mine(&theirs), mine(&theirs)])]),
            tuple_box([yours(&root), mine(&theirs), mine(&theirs), value_box(int(1)), value_box(int(2))]),
            tuple_box([mine(&theirs), value_box(tuple([])), mine(&theirs)]),
            tuple_box([yours(&root), value_box(tuple([])), tuple_box([mine(&theirs), mine(&theirs)])]),
        ] {
            wire.refused(7, args);
            assert_eq!(wire.session.counts().serving, 0);
            wire.session.send_releases();
            let counts: i64 =
                wire.said().iter().map(|(_, _, body)| body.items()[1].items()[1].items()[1].items()[1].as_int()).sum();
            assert_eq!(counts, 2);
            assert_eq!(wire.session.counts().imports, 0);
        }
    }
}

#[test]
fn at_the_end_everything_comes_back() {
    for dialect in BOTH {
        let mut pair = Pair::new(dialect, &root());
        let root = pair.root();
        let objects: Vec<Arc<Thing>> = (0..100).map(|_| thing()).collect();
        let request = pair.host(Body::Call { target: &root, args: &[], keywords: &[] });
        let all = Value::tuple(objects.iter().map(|object| object.value()).collect());
        let received = pair.reply(&request, &all).unwrap();
        drop((all, request));
        assert_eq!(pair.client.counts().imports, 101);
        pair.server.end_of_stream();
        assert!(matches!(pair.server.next_event(), Some(Event::Closed(Error::Eof(_)))));
        assert_eq!(pair.server.counts().exports, 0);
        let dropped = pair.server.take_dropped();
        assert_eq!(dropped.len(), 101);
        drop(dropped);
        assert!(objects.iter().all(|object| Arc::strong_count(object) == 1));
        // Proxies may outlive their session; nobody is told of their end.
        let Value::Tuple(items) = received else { panic!() };
        let kept = items[..50].to_vec();
        drop(items);
        assert_eq!(pair.client.releases().len(), 50);
        pair.client.abandon();
        assert_eq!((pair.client.counts().imports, pair.client.releases().len()), (0, 0));
        drop(kept);
        pair.client.send_releases();
        assert!(pair.client.outgoing().is_empty());
        drop(pair);
        assert_eq!(&*root.type_name, "mylib.Root");
        drop(root);
    }
}

/// Objects in a request of ours are lent like those in an answer.
#[test]
fn arguments_are_lent_until_the_peer_releases_them() {
    for dialect in BOTH {
        let mut pair = Pair::new(dialect, &root());
        let root = pair.root();
        let callback = thing();
        let request = pair.host(Body::Call { target: &root, args: &[callback.value()], keywords: &[] });
        let Op::Call { args, .. } = &request.op else { panic!() };
        let theirs = proxy(args[0].clone());
        assert_eq!(pair.client.counts().exports, 1);
        // The callback is called while the call is served.
        pair.server.request(Body::Call { target: &theirs, args: &[Value::Int(5)], keywords: &[] }, 77).unwrap();
        pair.to_client();
        let Some(Event::Request(nested)) = pair.client.next_event() else { panic!() };
        assert_eq!(crate::support::thing::thing_of(&nested.target).label, "thing");
        pair.client.reply(&nested.id, &Value::Int(10)).unwrap();
        pair.to_server();
        assert_eq!(outcome(&mut pair.server).unwrap(), Value::Int(10));
        assert_eq!(pair.reply(&request, &Value::Int(15)).unwrap(), Value::Int(15));
        drop((request, theirs, nested));
        pair.server.send_releases();
        pair.to_client();
        nothing(pair.client.next_event());
        assert_eq!(pair.client.counts().exports, 0);
        drop(pair.client.take_dropped());
        assert_eq!(Arc::strong_count(&callback), 1);
    }
}
