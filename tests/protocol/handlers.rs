//! Every handler: what reaches the application, what the session answers by itself, what it refuses.

use crate::support::node::{Node, int, text, tuple};
use crate::support::pair::{BOTH, Wire, closed, mine, pack, summary, tuple_box, value_box, yours};
use crate::support::recording::Kind;
use crate::support::thing::{Thing, shape, thing_of};
use rpyc::config::Config;
use rpyc::error::{Error, Exception};
use rpyc::protocol::{Handler, Name, Op};
use rpyc::value::{CompareOp, Local, Reference, Shape, Text, Value};
use std::sync::Arc;

const MEMBERS: &[&str] = &["exposed_add", "__len__", "__exit__", "__eq__", "__getitem__", "__getslice__", "hidden"];

fn root() -> Arc<Thing> {
    let mut shape = shape("mylib.Calculator", MEMBERS);
    shape.inspect = Value::tuple(vec![Value::tuple(vec![Value::str("__len__"), Value::None])]);
    Thing::new("root", &Arc::new(shape))
}

fn wires() -> impl Iterator<Item = (Wire, Node, Arc<Thing>)> {
    BOTH.into_iter().map(|dialect| {
        let root = root();
        let config = Config { allow_setattr: true, allow_delattr: true, ..Config::default() };
        let (wire, pack) = Wire::with_root(dialect, config, &root);
        (wire, pack, root)
    })
}

fn none() -> Node {
    value_box(tuple([]))
}

fn name(name: &Name, object: &Arc<dyn Local>) -> String {
    match name {
        Name::Member(index) => object.shape().member_name(*index).unwrap().to_string(),
        Name::Own(name) => format!("own {name}"),
        Name::Dynamic(name) => format!("dynamic {name}"),
    }
}

#[test]
fn the_numbers_of_the_handlers() {
    assert_eq!(Handler::ALL.map(|handler| handler as u8).to_vec(), (1..=20).collect::<Vec<u8>>());
    assert_eq!(Handler::from_number(7), Some(Handler::Call));
    assert_eq!(Handler::from_number(20), Some(Handler::InstanceCheck));
    for number in [0, 21, -1, i64::MIN, i64::MAX] {
        assert_eq!(Handler::from_number(number), None);
    }
}

#[test]
fn ping_sends_everything_back() {
    for (mut wire, root, _) in wires() {
        for data in [Node::None, text("x"), int(5), tuple([int(1), text("two"), Node::Bytes(b"three".to_vec())])] {
            assert_eq!(wire.ask(1, value_box(tuple([data.clone()]))), value_box(data.clone()));
            assert_eq!(wire.ask(1, tuple_box([value_box(data.clone())])), value_box(data));
        }
        // Their object comes home as theirs, ours as ours.
        let theirs = pack("x.Y", 70, 71);
        assert_eq!(wire.ask(1, tuple_box([mine(&theirs)])), yours(&theirs));
        assert_eq!(wire.ask(1, tuple_box([yours(&root)])), mine(&root));
        let mixed = tuple_box([mine(&theirs), value_box(int(1)), tuple_box([yours(&root), value_box(tuple([]))])]);
        let back = tuple_box([yours(&theirs), value_box(int(1)), tuple_box([mine(&root), value_box(tuple([]))])]);
        assert_eq!(wire.ask(1, tuple_box([mixed])), back);
        wire.session.send_releases();
        let release = tuple([int(15), tuple_box([yours(&theirs), value_box(int(2))])]);
        assert_eq!(wire.only_said().2, release, "both receptions in one release");
    }
}

#[test]
fn getroot_gives_the_same_object_each_time() {
    for (mut wire, root, object) in wires() {
        assert_eq!(root.items()[0], text("mylib.Calculator"));
        assert_ne!(root.items()[2], int(0), "an instance");
        assert_ne!(root.items()[1], root.items()[2], "class and instance have ids of their own");
        assert_eq!(wire.ask(3, none()), mine(&root));
        assert_eq!(wire.session.counts().exports, 1);
        let other = Thing::new("other", object.shape());
        wire.session.set_root(other.clone());
        let new = wire.ask(3, none()).items()[1].clone();
        assert_eq!(new.items()[..2], root.items()[..2], "the same class");
        assert_ne!(new.items()[2], root.items()[2]);
        assert!(Arc::ptr_eq(wire.session.root().unwrap(), &(other as Arc<dyn Local>)));
    }
    let mut wire = Wire::new(BOTH[0], Config::default(), None);
    assert_eq!(wire.ask(3, none()), value_box(Node::None));
}

#[test]
fn attributes() {
    for (mut wire, root, object) in wires() {
        let get = wire.host(4, tuple_box([yours(&root), value_box(text("add"))]));
        assert_eq!(thing_of(&get.target).label, object.label);
        assert!(matches!(&get.op, Op::GetAttr(n) if name(n, &get.target) == "exposed_add"));
        wire.session.reply(&get.id, &Value::Int(3)).unwrap();
        assert_eq!(wire.only_said().2, value_box(int(3)));

        let set = wire.host(6, tuple_box([yours(&root), value_box(text("add")), value_box(int(9))]));
        match &set.op {
            Op::SetAttr(n, Value::Int(9)) => assert_eq!(name(n, &set.target), "exposed_add"),
            op => panic!("{op:?}"),
        }
        wire.session.reply(&set.id, &Value::None).unwrap();
        assert_eq!(wire.only_said().2, value_box(Node::None));

        let del = wire.host(5, tuple_box([yours(&root), value_box(text("exposed_add"))]));
        assert!(matches!(&del.op, Op::DelAttr(n) if name(n, &del.target) == "exposed_add"));
        wire.session.raise(&del.id, &Exception::builtin("AttributeError", "no"));
        assert_eq!(wire.exception(3).0, "AttributeError");
        assert_eq!(wire.session.counts().serving, 0);
    }
}

#[test]
fn calls() {
    for (mut wire, root, _) in wires() {
        let theirs = pack("builtins.function", 70, 71);
        let scale = tuple([text("scale"), int(2)]);
        let keyword_with_reference = tuple_box([value_box(text("key")), mine(&theirs)]);
        // Arguments and keywords of every form.
        let positional =
            [none(), value_box(tuple([int(1), int(2)])), tuple_box([yours(&root), mine(&theirs)]), tuple_box([])];
        let named = [
            None,
            Some(none()),
            Some(value_box(tuple([scale.clone()]))),
            Some(tuple_box([keyword_with_reference.clone(), value_box(scale.clone())])),
            Some(tuple_box([tuple_box([value_box(text("scale")), value_box(int(2))])])),
        ];
        for (i, args) in positional.iter().enumerate() {
            for (k, keywords) in named.iter().enumerate() {
                for method in [false, true] {
                    let mut boxes = vec![yours(&root)];
                    boxes.extend(method.then(|| value_box(text("add"))));
                    boxes.push(args.clone());
                    boxes.extend(keywords.clone());
                    let request = wire.host(if method { 8 } else { 7 }, tuple_box(boxes));
                    let (args, keywords) = match &request.op {
                        Op::Call { args, keywords } if !method => (args, keywords),
                        Op::CallAttr { name: n, args, keywords } if method => {
                            assert_eq!(name(n, &request.target), "exposed_add");
                            (args, keywords)
                        }
                        op => panic!("{op:?}"),
                    };
                    match (i, args.as_slice()) {
                        (0 | 3, []) | (1, [Value::Int(1), Value::Int(2)]) => {}
                        (2, [Value::Ref(Reference::Local(own)), Value::Ref(Reference::Remote(proxy))]) => {
                            assert_eq!(thing_of(own).label, "root");
                            assert_eq!(&*proxy.type_name, "builtins.function");
                        }
                        other => panic!("{other:?}"),
                    }
                    let names: Vec<&str> = keywords.iter().map(|(name, _)| name.as_str()).collect();
                    match (k, keywords.as_slice()) {
                        (0 | 1, []) => {}
                        (2 | 4, [(_, Value::Int(2))]) => assert_eq!(names, ["scale"]),
                        (3, [(_, Value::Ref(Reference::Remote(_))), (_, Value::Int(2))]) => {
                            assert_eq!(names, ["key", "scale"])
                        }
                        other => panic!("{other:?}"),
                    }
                    wire.session.raise(&request.id, &Exception::stop_iteration());
                    assert_eq!(wire.only_said(), (Kind::Exception, seq(&request.id), int(1)));
                }
            }
        }
    }
}

fn seq(id: &rpyc::protocol::RequestId) -> Node {
    match id.seq {
        rpyc::protocol::Seq::Int(n) => int(n),
        _ => panic!("another seq"),
    }
}

#[test]
fn of_two_keywords_with_one_name_the_last_counts() {
    for (mut wire, root, _) in wires() {
        let pair = |name: &str, value: i64| tuple([text(name), int(value)]);
        let keywords = value_box(tuple([pair("a", 1), pair("b", 2), pair("a", 3)]));
        let request = wire.host(7, tuple_box([yours(&root), none(), keywords]));
        match request.op {
            Op::Call { keywords, .. } => {
                let expected = [("a", 3), ("b", 2)].map(|(name, value)| (Text::new(name), Value::Int(value)));
                assert_eq!(keywords, expected);
            }
            op => panic!("{op:?}"),
        }
        // Also among many.
        let many: Vec<Node> = (0..5000).map(|i| pair(&format!("k{}", i % 1000), i)).collect();
        let request = wire.host(7, tuple_box([yours(&root), none(), value_box(tuple(many))]));
        match request.op {
            Op::Call { keywords, .. } => {
                let expected: Vec<_> = (0..1000).map(|i| (Text::from(format!("k{i}")), Value::Int(4000 + i))).collect();
                assert_eq!(keywords, expected);
            }
            op => panic!("{op:?}"),
        }
    }
}

#[test]
fn questions_without_arguments() {
    for (mut wire, root, _) in wires() {
        for (handler, is) in [
            (9, (|op: &Op| matches!(op, Op::Repr)) as fn(&Op) -> bool),
            (10, |op| matches!(op, Op::Str)),
            (12, |op| matches!(op, Op::Hash)),
            (13, |op| matches!(op, Op::Dir)),
        ] {
            let request = wire.host(handler, tuple_box([yours(&root)]));
            assert!(is(&request.op), "{handler}: {:?}", request.op);
            wire.session.reply(&request.id, &Value::str("answer")).unwrap();
            assert_eq!(wire.only_said().2, value_box(text("answer")));
        }
    }
}

#[test]
fn comparison() {
    for (mut wire, root, _) in wires() {
        for op in CompareOp::ALL {
            // Every type has all of them, as in Python, whether its table lists them or not.
            let request = wire.host(11, tuple_box([yours(&root), value_box(int(1)), value_box(text(op.name()))]));
            assert!(matches!(&request.op, Op::Compare { op: found, other: Value::Int(1) } if *found == op));
            wire.session.reply(&request.id, &Value::NotImplemented).unwrap();
            assert_eq!(wire.only_said().2, value_box(Node::NotImplemented));
        }
        let mut refused = |boxes: Vec<Node>| summary(&wire.refused(11, tuple_box(boxes)).1);
        let other = value_box(int(1));
        let missing = "AttributeError: type object 'Calculator' has no attribute";
        assert_eq!(refused(vec![yours(&root), other.clone()]), format!("{missing} '__cmp__'"));
        for safe in ["__len__", "exposed_add", "add", "__call__x"] {
            let got = refused(vec![yours(&root), other.clone(), value_box(text(safe))]);
            let expected = match safe {
                "__call__x" => "AttributeError: cannot access '__call__x'".to_owned(),
                name => format!("{missing} '{name}'"),
            };
            assert_eq!(got, expected);
        }
        wire.session.config_mut().allow_safe_attrs = false;
        let eq = tuple_box([yours(&root), other.clone(), value_box(text("__eq__"))]);
        assert_eq!(summary(&wire.refused(11, eq.clone()).1), "AttributeError: cannot access '__eq__'");
        wire.session.config_mut().allow_safe_attrs = true;
        wire.session.config_mut().allow_getattr = false;
        assert_eq!(summary(&wire.refused(11, eq).1), "AttributeError: cannot access '__eq__'");
    }
}

#[test]
fn pickle_is_refused_unless_it_is_allowed() {
    for (mut wire, root, _) in wires() {
        let (_, body) = wire.refused(14, tuple_box([yours(&root), value_box(int(4))]));
        assert_eq!(summary(&body), "ValueError: pickling is disabled");
        wire.session.config_mut().allow_pickle = true;
        let (_, body) = wire.refused(14, tuple_box([yours(&root), value_box(int(6))]));
        assert_eq!(summary(&body), "ValueError: pickle protocol must be <= 5");
        let (_, body) = wire.refused(14, tuple_box([yours(&root), value_box(text("4"))]));
        assert_eq!(summary(&body), "TypeError: 'str' object cannot be interpreted as an integer");
    }
}

#[test]
fn inspect_tells_what_the_shape_says() {
    for (mut wire, root, object) in wires() {
        let listed = value_box(tuple([tuple([text("__len__"), Node::None])]));
        assert_eq!(wire.ask(16, value_box(tuple([root.clone()]))), listed);
        assert_eq!(wire.ask(16, tuple_box([value_box(root.clone())])), listed);
        let mut class_shape = shape("builtins.type", &[]);
        class_shape.inspect = Value::tuple(vec![]);
        let class = wire.lend(&root, &Thing::class("class", class_shape, object.shape()).value()).items()[1].clone();
        assert_eq!(class, tuple([root.items()[0].clone(), root.items()[1].clone(), int(0)]));
        assert_eq!(wire.ask(16, value_box(tuple([class.clone()]))), none());
        // A class has no number but the one of the class.
        let twice = pack("mylib.Calculator", class.items()[1].as_int(), class.items()[1].as_int());
        let others = [pack("mylib.Calculator", 1, 99), pack("other.Name", 1, 2), int(5), Node::None, tuple([])];
        for unknown in others.into_iter().chain([twice]) {
            if !wire.six && unknown == int(5) {
                // That is how peers before 4.1 ask.
                continue;
            }
            let (name, body) = wire.refused(16, value_box(tuple([unknown.clone()])));
            assert_eq!((name.as_str(), &body.items()[1]), ("KeyError", &tuple([unknown])));
        }
        let (_, body) = wire.refused(16, tuple_box([yours(&root)]));
        assert_eq!(summary(&body), "TypeError: id_pack: expected a tuple by value");
    }
}

#[test]
fn buffiter() {
    for (mut wire, root, _) in wires() {
        for (asked, given) in [(0, 0), (1, 1), (1000, 1000), (i64::MAX, 1 << 20)] {
            let request = wire.host(17, tuple_box([yours(&root), value_box(int(asked))]));
            assert!(matches!(request.op, Op::BuffIter { count } if count == given), "{:?}", request.op);
            wire.session.reply(&request.id, &Value::tuple(vec![])).unwrap();
            assert_eq!(wire.only_said().2, none());
        }
        let request = wire.host(17, tuple_box([yours(&root), value_box(Node::None)]));
        assert!(matches!(request.op, Op::BuffIter { count: usize::MAX }), "{:?}", request.op);
        wire.session.reply(&request.id, &Value::tuple(vec![])).unwrap();
        wire.said();
        for bad in [value_box(int(-5)), value_box(text("5")), mine(&pack("builtins.int", 7, 8))] {
            let (_, body) = wire.refused(17, tuple_box([yours(&root), bad]));
            assert!(summary(&body).starts_with("ValueError: Stop argument for islice()"), "{body:?}");
        }
    }
}

#[test]
fn oldslicing_resolves_both_names() {
    let ask = |wire: &mut Wire, root: &Node, attempt: &str, fallback: &str| {
        let boxes = [
            yours(root),
            value_box(text(attempt)),
            value_box(text(fallback)),
            value_box(int(1)),
            value_box(Node::None),
            value_box(tuple([text("v")])),
        ];
        let request = wire.host(18, tuple_box(boxes));
        let Op::OldSlicing(slicing) = &request.op else { panic!("{:?}", request.op) };
        let rpyc::protocol::Slicing { attempt, fallback, start, stop, args } = &**slicing;
        assert_eq!((start, stop, args.as_slice()), (&Value::Int(1), &Value::None, &[Value::str("v")][..]));
        let show = |found: &Result<Name, Exception>| match found {
            Ok(found) => name(found, &request.target),
            Err(refusal) => refusal.summary(),
        };
        let shown = (show(attempt), show(fallback));
        wire.session.reply(&request.id, &Value::None).unwrap();
        wire.said();
        shown
    };
    for (mut wire, root, _) in wires() {
        let (attempt, fallback) = ask(&mut wire, &root, "__getitem__", "__getslice__");
        assert_eq!((attempt.as_str(), fallback.as_str()), ("__getitem__", "__getslice__"));
        let (attempt, fallback) = ask(&mut wire, &root, "hidden", "__delslice__");
        assert_eq!(attempt, "AttributeError: cannot access 'hidden'");
        assert_eq!(fallback, "AttributeError: 'Calculator' object has no attribute '__delslice__'");
        // Of what only the application knows, the plain name if it is allowed, else the exposed one.
        let mut dynamic = shape("mylib.Dynamic", &["exposed_both"]);
        dynamic.dynamic = true;
        let dynamic = wire.lend(&root, &Thing::new("dynamic", &Arc::new(dynamic)).value()).items()[1].clone();
        let (attempt, fallback) = ask(&mut wire, &dynamic, "__getitem__", "cut");
        assert_eq!((attempt.as_str(), fallback.as_str()), ("dynamic __getitem__", "dynamic exposed_cut"));
        let (attempt, fallback) = ask(&mut wire, &dynamic, "both", "exposed_x");
        assert_eq!((attempt.as_str(), fallback.as_str()), ("exposed_both", "dynamic exposed_x"));
    }
}

#[test]
fn ctxexit_calls_exit_with_none_or_not() {
    for (mut wire, root, _) in wires() {
        let error = pack("builtins.ValueError", 70, 0);
        for (exc, given) in [
            (value_box(Node::None), "[None, None, None]"),
            (mine(&error), "[Ref(<remote builtins.ValueError>), Ref(<remote builtins.ValueError>), None]"),
        ] {
            let request = wire.host(19, tuple_box([yours(&root), exc]));
            match &request.op {
                Op::CallAttr { name: n, args, keywords } => {
                    assert_eq!(name(n, &request.target), "__exit__");
                    assert_eq!(format!("{args:?}"), given);
                    assert!(keywords.is_empty());
                }
                op => panic!("{op:?}"),
            }
            wire.session.reply(&request.id, &Value::Bool(false)).unwrap();
            assert_eq!(wire.only_said().2, value_box(Node::Bool(false)));
        }
        wire.session.config_mut().allow_safe_attrs = false;
        let (_, body) = wire.refused(19, tuple_box([yours(&root), value_box(Node::None)]));
        assert_eq!(summary(&body), "AttributeError: cannot access '__exit__'");
    }
}

#[test]
fn instancecheck_is_truthful() {
    for (mut wire, root, _) in wires() {
        let base = Arc::new(shape("mylib.Base", &[]));
        let derived = |name: &str, bases: &[&Arc<Shape>]| {
            Arc::new(Shape::new(Text::new(name), bases.iter().map(|base| (*base).clone()).collect(), vec![]))
        };
        let middle = derived("mylib.Middle", &[&base]);
        let leaf = derived("mylib.Leaf", &[&Arc::new(shape("mylib.Mixin", &[])), &middle]);
        let namesake = Arc::new(shape("mylib.Base", &[]));
        let shapes = [&base, &middle, &leaf, &namesake];
        let lend = |wire: &mut Wire, thing: Arc<Thing>| wire.lend(&root, &thing.value()).items()[1].clone();
        let classes = shapes.map(|s| lend(&mut wire, Thing::class("class", shape("builtins.type", &[]), s)));
        let objects = shapes.map(|s| lend(&mut wire, Thing::new("object", s)));
        let is_a = [
            [true, true, true, false],
            [false, true, true, false],
            [false, false, true, false],
            [false, false, false, true],
        ];
        for (class, row) in classes.iter().zip(is_a) {
            for (object, expected) in objects.iter().zip(row) {
                let answer = wire.ask(20, tuple_box([yours(class), value_box(object.clone())]));
                assert_eq!(answer, value_box(Node::Bool(expected)), "{object:?} {class:?}");
            }
            // A class is no instance of another, and what we do not know is none.
            for other in [&classes[0], &pack("x.Y", 1, 2), &pack("mylib.Base", 999, 999)] {
                let answer = wire.ask(20, tuple_box([yours(class), value_box(other.clone())]));
                assert_eq!(answer, value_box(Node::Bool(false)));
            }
        }
        let (_, body) = wire.refused(20, tuple_box([yours(&objects[0]), value_box(objects[1].clone())]));
        assert_eq!(summary(&body), "TypeError: isinstance() arg 2 must be a type, a tuple of types, or a union");
        let (_, body) = wire.refused(20, tuple_box([yours(&classes[0]), value_box(int(5))]));
        assert_eq!(summary(&body), "TypeError: an id_pack is a str and two ints");
        let (_, body) = wire.refused(20, tuple_box([yours(&classes[0]), yours(&objects[0])]));
        assert_eq!(summary(&body), "TypeError: id_pack: expected a tuple by value");
    }
}

#[test]
fn close_ends_it_without_an_answer() {
    for (mut wire, _, object) in wires() {
        wire.request(2, none());
        assert!(matches!(closed(wire.event()), Error::Eof(text) if text == "the peer closed the connection"));
        assert!(wire.said().is_empty() && wire.event().is_none());
        assert_eq!(wire.session.counts().exports, 0);
        assert_eq!(wire.session.take_dropped().len(), 1);
        assert_eq!(Arc::strong_count(&object), 2, "ours, and the session's root");
    }
}

#[test]
fn the_number_of_a_request_comes_back_as_it_was() {
    for (mut wire, root, _) in wires() {
        let many = [
            int(0),
            int(-5),
            int(i64::MAX),
            int(i64::MIN),
            Node::Int("99999999999999999999999".into()),
            Node::None,
            Node::Bool(true),
            text("seq"),
            Node::Bytes(vec![0; 300]),
            Node::Float(1.5f64.to_bits()),
            Node::Float(f64::NAN.to_bits() | 77),
            tuple([int(1), tuple([text("x")])]),
            Node::Slice(vec![int(1), Node::None, Node::Ellipsis]),
            Node::FrozenSet(vec![int(3), int(1), int(2)]),
        ];
        for seq in &many {
            wire.feed_message(Kind::Request, seq, &tuple([int(1), value_box(tuple([int(5)]))]));
            assert!(wire.event().is_none());
            assert_eq!(wire.only_said(), (Kind::Reply, seq.clone(), value_box(int(5))));
            // The application's answers, too.
            wire.feed_message(Kind::Request, seq, &tuple([int(9), tuple_box([yours(&root)])]));
            let Some(rpyc::protocol::Event::Request(request)) = wire.event() else { panic!("no request") };
            wire.session.raise(&request.id, &Exception::stop_iteration());
            assert_eq!(wire.only_said(), (Kind::Exception, seq.clone(), int(1)));
        }
    }
}
