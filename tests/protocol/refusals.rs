//! Requests that are refused: in the words of Python, and without the application.

use crate::support::node::{Node, int, text, tuple};
use crate::support::pair::{BOTH, Wire, mine, pack, summary, tuple_box, value_box, yours};
use crate::support::recording::Kind;
use crate::support::thing::{Thing, shape};
use rpyc::config::Config;
use rpyc::protocol::Event;
use rpyc::value::Value;
use std::sync::Arc;

fn wires() -> impl Iterator<Item = (Wire, Node)> {
    let root = Thing::new("root", &Arc::new(shape("mylib.Calculator", &["exposed_add", "__len__"])));
    BOTH.into_iter().map(move |dialect| Wire::with_root(dialect, Config::default(), &root))
}

fn none() -> Node {
    value_box(tuple([]))
}

/// Python's own texts, for too few and too many arguments.
#[test]
fn wrong_numbers_of_arguments() {
    let takes = |handler: &str, n: &str| format!("Connection._handle_{handler}() takes {n} but 8 were given");
    let missing = |handler: &str, list: &str| {
        let n = list.split("'").count() / 2;
        let s = if n == 1 { "" } else { "s" };
        format!("Connection._handle_{handler}() missing {n} required positional argument{s}: {list}")
    };
    let handlers = [
        (1, "ping", "2 positional arguments", "'data'"),
        (3, "getroot", "1 positional argument", ""),
        (4, "getattr", "3 positional arguments", "'obj' and 'name'"),
        (5, "delattr", "3 positional arguments", "'obj' and 'name'"),
        (6, "setattr", "4 positional arguments", "'obj', 'name', and 'value'"),
        (7, "call", "from 3 to 4 positional arguments", "'obj' and 'args'"),
        (8, "callattr", "from 4 to 5 positional arguments", "'obj', 'name', and 'args'"),
        (9, "repr", "2 positional arguments", "'obj'"),
        (10, "str", "2 positional arguments", "'obj'"),
        (11, "cmp", "from 3 to 4 positional arguments", "'obj' and 'other'"),
        (12, "hash", "2 positional arguments", "'obj'"),
        (13, "dir", "2 positional arguments", "'obj'"),
        (14, "pickle", "3 positional arguments", "'obj' and 'proto'"),
        (15, "del", "from 2 to 3 positional arguments", "'obj'"),
        (16, "inspect", "2 positional arguments", "'id_pack'"),
        (17, "buffiter", "3 positional arguments", "'obj' and 'count'"),
        (18, "oldslicing", "7 positional arguments", "'obj', 'attempt', 'fallback', 'start', 'stop', and 'args'"),
        (19, "ctxexit", "3 positional arguments", "'obj' and 'exc'"),
        (20, "instancecheck", "3 positional arguments", "'obj' and 'other_id_pack'"),
    ];
    for (mut wire, root) in wires() {
        for (handler, text, most, all) in handlers {
            let seven = vec![Node::None; 7];
            let (name, body) = wire.refused(handler, value_box(tuple(seven)));
            assert_eq!((name.as_str(), summary(&body)), ("TypeError", format!("TypeError: {}", takes(text, most))));
            if !all.is_empty() {
                let (_, body) = wire.refused(handler, none());
                assert_eq!(summary(&body), format!("TypeError: {}", missing(text, all)));
            }
        }
        let (_, body) = wire.refused(6, tuple_box([yours(&root), value_box(text("add"))]));
        assert_eq!(summary(&body), format!("TypeError: {}", missing("setattr", "'value'")));
        assert_eq!(wire.session.counts().exports, 1, "a wrong DEL releases nothing");
        let (name, _) = wire.refused(15, tuple_box([yours(&root), value_box(int(1)), value_box(int(1))]));
        assert_eq!((name.as_str(), wire.session.counts().exports), ("TypeError", 1));
    }
}

/// Only objects that were lent on this connection can be asked for anything.
#[test]
fn targets() {
    for (mut wire, root) in wires() {
        let no_target = "TypeError: the target of a request must be an object that was exported over this connection";
        let more = |handler: i64| match handler {
            4 | 5 => vec![value_box(text("add"))],
            6 => vec![value_box(text("add")), value_box(int(1))],
            7 => vec![none()],
            8 => vec![value_box(text("add")), none()],
            11 | 14 | 15 | 17 | 19 => vec![value_box(int(1))],
            18 => vec![value_box(text("a")), value_box(text("b")), value_box(int(1)), value_box(int(1)), none()],
            20 => vec![value_box(root.clone())],
            _ => vec![],
        };
        for handler in [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20] {
            for bad in
                [value_box(int(5)), value_box(root.clone()), mine(&pack("x.Y", 70, 71)), tuple_box([yours(&root)])]
            {
                let boxes = [vec![bad], more(handler)].concat();
                assert_eq!(summary(&wire.refused(handler, tuple_box(boxes)).1), no_target, "{handler}");
            }
            let ids = [root.items()[1].clone(), root.items()[2].clone()];
            let [class, instance] = [&ids[0], &ids[1]].map(Node::as_int);
            for unknown in [
                pack("mylib.Calculator", class, instance + 100),
                pack("mylib.Calculator", class + 100, instance),
                pack("mylib.Other", class, instance),
                pack("mylib.Calculator", class, 0),
                pack("mylib.Calculator", instance, 0),
                pack("mylib.Calculator", class, -instance),
                tuple([text("mylib.Calculator"), ids[0].clone(), Node::Int("1".repeat(40))]),
                tuple([Node::Bytes(b"mylib.Calculator".to_vec()), ids[0].clone(), ids[1].clone()]),
                tuple([text("mylib.Calculator"), ids[0].clone()]),
                tuple([]),
                Node::None,
            ] {
                let boxes = [vec![yours(&unknown)], more(handler)].concat();
                let (name, body) = wire.refused(handler, tuple_box(boxes));
                assert_eq!((name.as_str(), &body.items()[1]), ("KeyError", &tuple([unknown])), "{handler}");
            }
        }
        // A number as a reference is the mark of old dialects, but those never have the envelope of 6.0.
        if wire.six {
            let (name, body) = wire.refused(9, tuple_box([yours(&int(5))]));
            assert_eq!((name.as_str(), &body.items()[1]), ("KeyError", &tuple([int(5)])));
        }
        wire.session.send_releases();
        let release = tuple([int(15), tuple_box([yours(&pack("x.Y", 70, 71)), value_box(int(16))])]);
        assert_eq!(wire.only_said().2, release, "each refused reference was counted, and is given back");
        assert_eq!(wire.session.counts().exports, 1);
    }
}

#[test]
fn handlers_that_do_not_exist() {
    for (mut wire, _) in wires() {
        let big = Node::Int("123456789012345678901234567890".into());
        for number in [int(0), int(21), int(-1), int(99), int(1 << 40), big, text("x"), Node::None, tuple([int(1)])] {
            wire.feed_message(Kind::Request, &int(7), &tuple([number.clone(), none()]));
            assert!(wire.event().is_none());
            let (name, body) = wire.exception(7);
            assert_eq!((name.as_str(), &body.items()[1]), ("KeyError", &tuple([number])));
        }
        // The arguments are looked at first, as in Python.
        wire.feed_message(Kind::Request, &int(7), &tuple([int(99), tuple([int(9), int(1)])]));
        assert!(wire.event().is_none());
        assert_eq!(summary(&wire.exception(7).1), "ValueError: invalid label 9");
    }
}

#[test]
fn arguments_that_are_no_arguments() {
    for (mut wire, root) in wires() {
        let mut call =
            |args: Node, keywords: Node| summary(&wire.refused(7, tuple_box([yours(&root), args, keywords])).1);
        assert_eq!(call(value_box(int(5)), none()), "TypeError: argument after * must be a tuple, not int");
        assert_eq!(call(value_box(text("ab")), none()), "TypeError: argument after * must be a tuple, not str");
        let theirs = mine(&pack("builtins.list", 70, 71));
        assert_eq!(call(theirs, none()), "TypeError: argument after * must be a tuple, not builtins.list");
        for bad in [
            value_box(tuple([int(5)])),
            value_box(tuple([tuple([text("a")])])),
            value_box(tuple([tuple([text("a"), int(1), int(2)])])),
            value_box(tuple([tuple([Node::Bytes(b"a".to_vec()), int(1)])])),
            tuple_box([mine(&pack("builtins.list", 70, 71))]),
        ] {
            assert_eq!(call(none(), bad), "TypeError: keywords are pairs of a str and a value");
        }
        assert_eq!(wire.session.counts().serving, 0);
    }
}

#[test]
fn names_are_text_or_utf8_in_bytes() {
    for (mut wire, root) in wires() {
        let mut ask = |name: Node| {
            let args = tuple_box([yours(&root), name]);
            let seq = wire.request(4, args);
            match wire.event() {
                Some(Event::Request(request)) => {
                    wire.session.reply(&request.id, &Value::None).unwrap();
                    wire.said();
                    "allowed".to_owned()
                }
                None => summary(&wire.exception(seq).1),
                _ => panic!("the end"),
            }
        };
        assert_eq!(ask(value_box(text("add"))), "allowed");
        assert_eq!(ask(value_box(Node::Bytes(b"add".to_vec()))), "allowed");
        assert_eq!(
            ask(value_box(Node::Bytes(b"\xff".to_vec()))),
            r#"UnicodeDecodeError: [Str("utf-8"), Bytes([255]), Int("0"), Int("1"), Str("invalid start byte")]"#
        );
        for other in [int(5), Node::None, Node::Bool(true), tuple([text("add")])] {
            assert_eq!(ask(value_box(other)), "TypeError: name must be a string");
        }
        assert_eq!(ask(mine(&pack("builtins.str", 5, 6))), "TypeError: name must be a string");
        assert_eq!(ask(tuple_box([value_box(text("add"))])), "TypeError: name must be a string");
        assert_eq!(ask(value_box(text(""))), "AttributeError: cannot access ''");
        assert_eq!(ask(value_box(text("caf\u{e9} '\"\n"))), "AttributeError: cannot access 'caf\u{e9} \\'\"\\n'");
    }
}
