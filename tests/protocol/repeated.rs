//! A method that is called again and again is not looked up again; nothing else may differ.

use crate::support::node::{Node, int, text, tuple};
use crate::support::pair::{BOTH, Wire, closed, mine, pack, summary, tuple_box, value_box, yours};
use crate::support::recording::Kind;
use crate::support::thing::{Thing, shape, thing_of};
use rpyc::config::{Config, Dialect};
use rpyc::error::Exception;
use rpyc::protocol::{Name, Op, Request, Seq};
use rpyc::value::{Reference, Shape, Value};
use std::sync::Arc;

const METHODS: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

fn many_methods() -> Arc<Shape> {
    let names = METHODS.map(|name| format!("exposed_{name}"));
    Arc::new(shape("mylib.Root", &names.each_ref().map(String::as_str)))
}

fn call(target: &Node, name: &str, args: Node, keywords: Node) -> Node {
    tuple_box([yours(target), value_box(text(name)), args, keywords])
}

fn none() -> Node {
    value_box(tuple([]))
}

/// What was asked for, and of whom.
fn asked(request: &Request) -> (String, String) {
    let Op::CallAttr { name: Name::Member(index), .. } = &request.op else { panic!("{:?}", request.op) };
    let name = request.target.shape().member_name(*index).unwrap().to_string();
    (thing_of(&request.target).label.clone(), name)
}

fn answer(wire: &mut Wire, request: &Request) {
    wire.session.reply(&request.id, &Value::None).unwrap();
    assert_eq!(wire.only_said().0, Kind::Reply);
}

fn wires() -> impl Iterator<Item = (Wire, Node)> {
    BOTH.into_iter().map(|dialect| Wire::with_root(dialect, Config::default(), &Thing::new("root", &many_methods())))
}

#[test]
fn every_call_reaches_its_own_method() {
    for (mut wire, root) in wires() {
        let other = Thing::new("other", &many_methods());
        let other = wire.lend(&root, &other.value()).items()[1].clone();
        // Runs of one method, and all of them in turn, on two objects.
        let turns = METHODS.iter().flat_map(|name| [*name; 3]).chain(METHODS).chain(METHODS.into_iter().rev());
        for (i, name) in turns.enumerate() {
            for (label, target) in [("root", &root), ("other", &other)] {
                let args = [value_box(tuple([int(i as i64)])), tuple_box([mine(&pack("x.Y", 70, i as i64 + 1))])];
                let keywords = [none(), value_box(tuple([tuple([text("k"), int(7)])])), tuple_box([])];
                let request = wire.host(8, call(target, name, args[i % 2].clone(), keywords[i % 3].clone()));
                assert_eq!(asked(&request), (label.to_owned(), format!("exposed_{name}")));
                let Op::CallAttr { args, keywords, .. } = &request.op else { panic!() };
                match args.as_slice() {
                    [Value::Int(n)] => assert_eq!(*n, i as i64),
                    [Value::Ref(Reference::Remote(proxy))] => assert_eq!(&*proxy.type_name, "x.Y"),
                    other => panic!("{other:?}"),
                }
                assert_eq!(keywords.len(), usize::from(i % 3 == 1));
                answer(&mut wire, &request);
            }
        }
    }
}

#[test]
fn a_method_of_a_released_object_is_gone() {
    for (mut wire, root) in wires() {
        let object = Thing::new("thing", &many_methods());
        let first = wire.lend(&root, &object.value()).items()[1].clone();
        for _ in 0..3 {
            let request = wire.host(8, call(&first, "a", none(), none()));
            answer(&mut wire, &request);
        }
        assert_eq!(wire.ask(15, tuple_box([yours(&first), value_box(int(1))])), value_box(Node::None));
        drop(wire.session.take_dropped());
        assert_eq!(Arc::strong_count(&object), 1, "nothing holds it in secret");
        assert_eq!(wire.refused(8, call(&first, "a", none(), none())).0, "KeyError");
        // Lent once more, it is what it was.
        let second = wire.lend(&root, &object.value()).items()[1].clone();
        assert_eq!(second, first);
        let request = wire.host(8, call(&second, "a", none(), none()));
        assert_eq!(asked(&request).0, "thing");
    }
}

#[test]
fn the_rules_hold_at_every_call() {
    for (mut wire, root) in wires() {
        let request = wire.host(8, call(&root, "a", none(), none()));
        answer(&mut wire, &request);
        wire.session.config_mut().allow_getattr = false;
        assert_eq!(wire.refused(8, call(&root, "a", none(), none())).0, "AttributeError");
        wire.session.config_mut().allow_getattr = true;
        let request = wire.host(8, call(&root, "a", none(), none()));
        answer(&mut wire, &request);
        wire.session.config_mut().set("allow_exposed_attrs", "false").unwrap();
        assert_eq!(wire.refused(8, call(&root, "a", none(), none())).0, "AttributeError");
    }
}

#[test]
fn a_repeated_call_that_is_wrong_is_refused() {
    for (mut wire, root) in wires() {
        let ok = call(&root, "a", none(), none());
        let unknown = pack("mylib.Root", 999, 999);
        let wrong = [
            (call(&root, "a", value_box(int(5)), none()), "TypeError: argument after * must be a tuple, not int"),
            (call(&root, "a", none(), value_box(int(5))), "TypeError: argument after * must be a tuple, not int"),
            (
                call(&root, "a", none(), value_box(tuple([int(1)]))),
                "TypeError: keywords are pairs of a str and a value",
            ),
            (
                call(&root, "a", tuple_box([yours(&unknown)]), none()),
                "KeyError: [Tuple([Str(\"mylib.Root\"), Int(\"999\"), Int(\"999\")])]",
            ),
            (call(&root, "a", tuple_box([tuple([int(9), int(1)])]), none()), "ValueError: invalid label 9"),
            (call(&root, "a", none(), tuple([int(9), int(1)])), "ValueError: invalid label 9"),
        ];
        for (bad, text) in wrong {
            let request = wire.host(8, ok.clone());
            answer(&mut wire, &request);
            assert_eq!(summary(&wire.refused(8, bad).1), text);
            assert_eq!(wire.session.counts().serving, 0);
        }
    }
}

#[test]
fn repeated_calls_are_counted_like_others() {
    for dialect in BOTH {
        let mut config = Config::default();
        config.limits.serving = 3;
        let (mut wire, root) = Wire::with_root(dialect, config, &Thing::new("root", &many_methods()));
        let ok = call(&root, "a", none(), none());
        let requests: Vec<Request> = (0..3).map(|_| wire.host(8, ok.clone())).collect();
        assert_eq!(wire.session.counts().serving, 3);
        assert_eq!(wire.refused(8, ok.clone()).0, "RecursionError");
        for request in &requests {
            wire.session.raise(&request.id, &Exception::stop_iteration());
            let Seq::Int(seq) = request.id.seq else { panic!() };
            assert_eq!(wire.only_said(), (Kind::Exception, int(seq), int(1)));
        }
        wire.host(8, ok);
    }
}

/// After our CLOSE the application is not asked any more, and at the end it gets back everything.
#[test]
fn nothing_is_remembered_at_the_end() {
    for dialect in [Dialect::V6, Dialect::V5] {
        let object = Thing::new("root", &many_methods());
        let (mut wire, root) = Wire::with_root(dialect, Config::default(), &object);
        let ok = call(&root, "a", none(), none());
        let request = wire.host(8, ok.clone());
        answer(&mut wire, &request);
        drop(request);
        wire.session.close();
        wire.said();
        let seq = wire.request(8, ok);
        assert!(wire.event().is_none());
        assert_eq!(wire.exception(seq).0, "EOFError");
        wire.session.end_of_stream();
        closed(wire.event());
        drop(wire.session.take_dropped());
        assert_eq!(Arc::strong_count(&object), 2, "ours, and the session's root");
        assert!(wire.event().is_none());
    }
}
