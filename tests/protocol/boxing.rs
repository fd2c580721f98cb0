//! Boxes: what is sent is what Python sends, what is received may be any mixture.

use crate::support::node::{Node, int, text, tuple};
use crate::support::pair::{BOTH, Pair, Wire, mine, outcome, pack, proxy, remote, tuple_box, value_box, yours};
use crate::support::recording::{self, Kind};
use crate::support::thing::{Thing, shape, thing_of};
use rpyc::config::Config;
use rpyc::error::Error;
use rpyc::protocol::{Body, Op};
use rpyc::value::{Proxy, Reference, Text, Value};
use std::sync::Arc;

fn root() -> Arc<Thing> {
    Thing::new("root", &Arc::new(shape("mylib.Root", &[])))
}

/// A value with the box that Python makes of it. None: by value.
#[derive(Clone)]
struct Atom {
    value: Value,
    /// By value, or as a reference.
    node: Result<Node, Node>,
}

impl Atom {
    fn plain(value: Value, node: Node) -> Atom {
        Atom { value, node: Ok(node) }
    }

    fn boxed(&self) -> Node {
        match &self.node {
            Ok(node) => value_box(node.clone()),
            Err(boxed) => boxed.clone(),
        }
    }
}

/// `_box` of a tuple.
fn tuple_of(atoms: &[Atom]) -> Atom {
    let value = Value::tuple(atoms.iter().map(|atom| atom.value.clone()).collect());
    let plain: Result<Vec<Node>, _> = atoms.iter().map(|atom| atom.node.clone()).collect();
    let node = match plain {
        Ok(nodes) => Ok(tuple(nodes)),
        Err(_) => Err(tuple_box(atoms.iter().map(Atom::boxed).collect::<Vec<_>>())),
    };
    Atom { value, node }
}

/// All tuples of up to three of these, and each of them once more inside of another.
fn mixtures(atoms: &[Atom]) -> Vec<Atom> {
    let mut all = vec![tuple_of(&[])];
    for a in atoms {
        all.push(tuple_of(std::slice::from_ref(a)));
        for b in atoms {
            all.push(tuple_of(&[a.clone(), b.clone()]));
            all.push(tuple_of(&[a.clone(), tuple_of(std::slice::from_ref(b)), a.clone()]));
            for c in atoms {
                all.push(tuple_of(&[a.clone(), b.clone(), c.clone()]));
                all.push(tuple_of(&[tuple_of(&[tuple_of(&[a.clone(), b.clone()]), c.clone()]), b.clone()]));
            }
        }
    }
    all
}

/// A session that lent an object and a class, and got an object and a class.
fn acquainted(dialect: rpyc::config::Dialect) -> (Wire, Node, Vec<Atom>) {
    let (mut wire, root) = Wire::with_root(dialect, Config::default(), &root());
    let shape = Arc::new(shape("mylib.Thing", &[]));
    let thing = Thing::new("thing", &shape).value();
    let class = Thing::class("class", crate::support::thing::shape("builtins.type", &[]), &shape).value();
    let own = wire.lend(&root, &thing);
    let own_class = wire.lend(&root, &class);
    let theirs = pack("builtins.list", 94_823_733_205_184, 140_737_488_355_328);
    let their_class = pack("far.Class", -5, 0);
    let args = tuple_box([tuple_box([mine(&theirs), mine(&their_class)])]);
    let request = wire.host(7, tuple_box([yours(&root), args, value_box(tuple([]))]));
    let Op::Call { args, .. } = &request.op else { panic!("{:?}", request.op) };
    let [Value::Tuple(got)] = args.as_slice() else { panic!("{args:?}") };
    let got = got.clone();
    wire.session.reply(&request.id, &Value::None).unwrap();
    wire.said();
    let slice = Value::slice(Value::Int(1), Value::None, Value::Int(-1));
    let atoms = vec![
        Atom::plain(Value::Int(-49), int(-49)),
        Atom::plain(Value::str("caf\u{e9}"), text("caf\u{e9}")),
        Atom::plain(slice, Node::Slice(vec![int(1), Node::None, int(-1)])),
        Atom { value: thing, node: Err(own) },
        Atom { value: class, node: Err(own_class) },
        Atom { value: got[0].clone(), node: Err(yours(&theirs)) },
        Atom { value: got[1].clone(), node: Err(yours(&their_class)) },
    ];
    (wire, root, atoms)
}

#[test]
fn every_mixture_is_boxed_as_python_boxes_it() {
    for dialect in BOTH {
        let (mut wire, root, atoms) = acquainted(dialect);
        let mixtures = mixtures(&atoms);
        assert!(mixtures.len() > 700);
        for mixture in &mixtures {
            // As an argument of ours.
            wire.session.request(Body::Raw { handler: 1, args: std::slice::from_ref(&mixture.value) }, 0).unwrap();
            let (kind, _, body) = wire.only_said();
            let args = tuple_of(std::slice::from_ref(mixture));
            assert_eq!((kind, body), (Kind::Request, tuple([int(1), args.boxed()])));
            // As an answer of ours.
            let request = wire.host(9, tuple_box([yours(&root)]));
            wire.session.reply(&request.id, &mixture.value).unwrap();
            assert_eq!(wire.only_said().2, mixture.boxed());
        }
        assert_eq!(wire.session.counts().exports, 3, "nothing was lent but the root, the object and its class");
        assert_eq!(wire.session.counts().imports, 2);
    }
}

#[test]
fn calls_are_boxed_alike_in_every_form() {
    for dialect in BOTH {
        let (mut wire, _, atoms) = acquainted(dialect);
        let Value::Ref(Reference::Remote(target)) = &atoms[5].value else { panic!() };
        let target_atom = &atoms[5];
        let named = |name: &str, atom: &Atom| tuple_of(&[Atom::plain(Value::str(name), text(name)), atom.clone()]);
        let mut keywords = vec![vec![]];
        for a in &atoms {
            keywords.push(vec![("a", a.clone())]);
            keywords.extend(atoms.iter().map(|b| vec![("a", a.clone()), ("\u{e9}", b.clone())]));
        }
        let mut argument_lists = vec![vec![]];
        for a in &atoms {
            argument_lists.extend(atoms.iter().map(|b| vec![a.clone(), b.clone()]));
        }
        for args in &argument_lists {
            for keywords in &keywords {
                let pairs: Vec<Atom> = keywords.iter().map(|(name, atom)| named(name, atom)).collect();
                let (args_atom, keywords_atom) = (tuple_of(args), tuple_of(&pairs));
                let values: Vec<Value> = args.iter().map(|atom| atom.value.clone()).collect();
                let keywords: Vec<(Text, Value)> =
                    keywords.iter().map(|(name, atom)| (Text::new(name), atom.value.clone())).collect();
                let name = Atom::plain(Value::str("run"), text("run"));
                let session = &mut wire.session;
                session.request(Body::Call { target, args: &values, keywords: &keywords }, 0).unwrap();
                let raw = [target_atom.value.clone(), args_atom.value.clone(), keywords_atom.value.clone()];
                session.request(Body::Raw { handler: 7, args: &raw }, 0).unwrap();
                session.request(Body::CallAttr { target, name: "run", args: &values, keywords: &keywords }, 0).unwrap();
                let raw = [&raw[..1], std::slice::from_ref(&name.value), &raw[1..]].concat();
                session.request(Body::Raw { handler: 8, args: &raw }, 0).unwrap();
                let call = tuple_of(&[target_atom.clone(), args_atom.clone(), keywords_atom.clone()]);
                let method = tuple_of(&[target_atom.clone(), name, args_atom, keywords_atom]);
                let bodies: Vec<Node> = wire.said().into_iter().map(|(_, _, body)| body).collect();
                let [call, method] = [tuple([int(7), call.boxed()]), tuple([int(8), method.boxed()])];
                assert_eq!(bodies, [call.clone(), call, method.clone(), method]);
            }
        }
    }
}

#[test]
fn questions_by_id_pack() {
    let (mut wire, _, atoms) = acquainted(BOTH[0]);
    let [target, class] = [&atoms[5], &atoms[6]].map(|atom| proxy(atom.value.clone()));
    let packs = [&target, &class].map(|proxy| Node::decode(&proxy.id_pack).0);
    wire.session.request(Body::Inspect { target: &target }, 0).unwrap();
    wire.session.request(Body::InstanceCheck { class: &class, other: &target.id_pack }, 0).unwrap();
    let bodies: Vec<Node> = wire.said().into_iter().map(|(_, _, body)| body).collect();
    assert_eq!(bodies[0], tuple([int(16), value_box(tuple([packs[0].clone()]))]));
    assert_eq!(bodies[1], tuple([int(20), tuple_box([yours(&packs[1]), value_box(packs[0].clone())])]));
}

/// What nobody but a hand-made peer would write is understood all the same.
#[test]
fn unusual_boxes_are_understood() {
    let (mut wire, root, _) = acquainted(BOTH[0]);
    let v = |node: Node| value_box(node);
    for (sent, back) in [
        (tuple_box([v(int(1)), v(int(2))]), v(tuple([int(1), int(2)]))),
        (tuple_box([]), v(tuple([]))),
        (tuple_box([tuple_box([tuple_box([])])]), v(tuple([tuple([tuple([])])]))),
        (tuple_box([v(int(1)), tuple_box([yours(&root)])]), tuple_box([v(int(1)), tuple_box([mine(&root)])])),
    ] {
        assert_eq!(wire.ask(1, tuple_box([sent])), back);
    }
    // The whole argument tuple, too.
    assert_eq!(wire.ask(1, tuple_box([v(int(1))])), wire_value(1));
    assert_eq!(wire.ask(1, v(tuple([int(1)]))), wire_value(1));
}

fn wire_value(n: i64) -> Node {
    value_box(int(n))
}

/// Longer forms of an id_pack mean the same object.
#[test]
fn an_id_pack_is_known_in_every_spelling() {
    for dialect in BOTH {
        let (mut wire, root, _) = acquainted(dialect);
        let spell = |pack: &Node, long: bool| {
            let [Node::Str(name), class, instance] = pack.items() else { panic!() };
            let mut out = if long { vec![0x15, 0, 0, 0, 3] } else { vec![0x14, 3] };
            out.extend([0x08, 0x0f]);
            out.extend((name.len() as u32).to_be_bytes());
            out.extend(name.bytes());
            for id in [class, instance] {
                let Node::Int(digits) = id else { panic!() };
                out.extend([0x16, digits.len() as u8]);
                out.extend(digits.bytes());
            }
            out
        };
        let request = |label: u8, pack: &[u8], seq: u8| {
            // PING of one reference.
            let mut body = vec![0x11, 0x51, 0x11, 0x52, 0x10, 0x11, 0x50 + label];
            body.extend(pack);
            let head = if dialect == BOTH[0] { vec![1, 0x11, 0x50 + seq] } else { vec![0x12, 0x51, 0x50 + seq] };
            [head, body].concat()
        };
        let theirs = pack("far.Thing", 7, 99);
        for spelled in [theirs.encode(), spell(&theirs, false), spell(&theirs, true)] {
            wire.feed(&request(4, &spelled, 5));
            assert!(wire.event().is_none());
            assert_eq!(wire.only_said().2, yours(&theirs), "sent back in the usual form");
        }
        for spelled in [root.encode(), spell(&root, false), spell(&root, true)] {
            wire.feed(&request(3, &spelled, 6));
            assert!(wire.event().is_none());
            assert_eq!(wire.only_said().2, mine(&root));
        }
        // While it is held, every spelling is the same proxy.
        let first = wire.host(11, tuple_box([yours(&root), mine(&theirs), value_box(text("__eq__"))]));
        let Op::Compare { other, .. } = &first.op else { panic!() };
        let held = proxy(other.clone());
        wire.session.reply(&first.id, &Value::None).unwrap();
        wire.said();
        drop(first);
        wire.session.send_releases();
        wire.said();
        for spelled in [spell(&theirs, false), spell(&theirs, true)] {
            wire.feed(&request(4, &spelled, 5));
            assert!(wire.event().is_none());
            wire.said();
        }
        assert_eq!(wire.session.counts().imports, 1);
        drop(held);
        wire.session.send_releases();
        let release = tuple([int(15), tuple_box([yours(&theirs), value_box(int(6))])]);
        assert_eq!(wire.only_said().2, release, "every reception, in whatever spelling, in one release");
    }
}

#[test]
fn ids_of_peers_may_be_any_numbers() {
    let (mut wire, root, _) = acquainted(BOTH[0]);
    let big = |sign: &str| Node::Int(format!("{sign}{}", "123456789".repeat(10)));
    let long = "x".repeat(10_000);
    for name in ["far.Thing", "", "no dots", ".", "caf\u{e9}.\u{1f600}", &long] {
        for class in [int(0), int(-1), big(""), int(i64::MAX)] {
            for instance in [int(0), int(1), int(i64::MIN), big("-")] {
                let theirs = tuple([text(name), class.clone(), instance.clone()]);
                let request = wire.host(11, tuple_box([yours(&root), mine(&theirs), value_box(text("__eq__"))]));
                let Op::Compare { other, .. } = &request.op else { panic!() };
                let proxy = proxy(other.clone());
                assert_eq!(&*proxy.type_name, name);
                assert_eq!(&*proxy.id_pack, theirs.encode());
                assert_eq!(&*proxy.class_id, class.encode());
                assert_eq!(proxy.is_class, instance == int(0));
                wire.session.reply(&request.id, &remote(&proxy)).unwrap();
                assert_eq!(wire.only_said().2, yours(&theirs));
            }
        }
    }
}

/// The same name with another id is another object, whatever else is alike.
#[test]
fn proxies_are_kept_apart_by_the_whole_id_pack() {
    let (mut wire, root, _) = acquainted(BOTH[1]);
    let packs = [pack("a.B", 1, 2), pack("a.B", 1, 3), pack("a.B", 2, 2), pack("a.C", 1, 2), pack("a.B", 1, 0)];
    let boxes: Vec<Node> = packs.iter().chain(&packs).map(mine).collect();
    let request = wire.host(7, tuple_box([yours(&root), tuple_box(boxes), value_box(tuple([]))]));
    let Op::Call { args, .. } = &request.op else { panic!() };
    let proxies: Vec<Arc<Proxy>> = args.iter().cloned().map(proxy).collect();
    for (i, a) in proxies.iter().enumerate() {
        for (k, b) in proxies.iter().enumerate() {
            assert_eq!(Arc::ptr_eq(a, b), i % 5 == k % 5);
        }
    }
}

#[test]
fn values_arrive_as_they_were_sent() {
    let deep = (0..60).fold(Value::Int(1), |inner, _| Value::tuple(vec![inner]));
    let big = Value::int_from_text(&[b"-".as_slice(), &[b'7'; 4000]].concat(), 4300).unwrap();
    let values = [
        Value::None,
        Value::Bool(true),
        Value::Ellipsis,
        Value::NotImplemented,
        Value::Int(i64::MIN),
        big,
        Value::Float(-0.0),
        Value::Float(f64::from_bits(0x7ff8_0000_0000_0077)),
        Value::Complex(1.0, f64::INFINITY),
        Value::str(&"\u{1f600}".repeat(20_000)),
        Value::bytes(&recording::noise("values", 100_000)),
        Value::bytes(&[0; 3001]),
        Value::frozenset(vec![Value::Int(3), Value::str("x"), Value::tuple(vec![])]).unwrap(),
        Value::slice(
            Value::tuple(vec![Value::None]),
            Value::str("b"),
            Value::slice(Value::None, Value::None, Value::None),
        ),
        deep,
    ];
    for dialect in BOTH {
        for piece in [1, 7, 4096, usize::MAX] {
            for compress in [true, false] {
                let mut pair = Pair::with(dialect, Config { compress, ..Config::default() }, None);
                pair.piece = piece;
                for value in values.iter().chain([&Value::tuple(values.to_vec())]) {
                    let back = pair.ask(Body::Raw { handler: 1, args: std::slice::from_ref(value) }).unwrap();
                    assert_eq!(back, *value);
                }
            }
        }
    }
}

/// A stream of zlib that was given up half way must not spoil the next one.
#[test]
fn what_follows_an_incompressible_message_arrives() {
    let mut pair = Pair::with(BOTH[0], Config::default(), None);
    for (seed, size) in [("a", 3001), ("values", 9000), ("x", 9000), ("y", 20_000), ("values", 1 << 20)] {
        for next in [3001, 8000, 9000] {
            for value in [Value::bytes(&recording::noise(seed, size)), Value::bytes(&vec![0; next])] {
                assert_eq!(pair.ask(Body::Raw { handler: 1, args: std::slice::from_ref(&value) }).unwrap(), value);
            }
        }
    }
}

#[test]
fn an_object_comes_home_as_itself() {
    for dialect in BOTH {
        let server = root();
        let mut pair = Pair::new(dialect, &server);
        let theirs = pair.root();
        let ours = Thing::new("mine", &Arc::new(shape("mylib.Mine", &[])));
        let both = Value::tuple(vec![ours.value(), remote(&theirs), Value::tuple(vec![Value::Int(1), ours.value()])]);
        let back = pair.ask(Body::Raw { handler: 1, args: std::slice::from_ref(&both) }).unwrap();
        assert_eq!(back, both, "references are equal when they are the same object");
        let request = pair.host(Body::Call { target: &theirs, args: &[both], keywords: &[] });
        assert_eq!(thing_of(&request.target).label, "root");
        let Op::Call { args, .. } = &request.op else { panic!() };
        let Value::Tuple(items) = &args[0] else { panic!() };
        match &**items {
            [Value::Ref(Reference::Remote(a)), Value::Ref(Reference::Local(root)), Value::Tuple(inner)] => {
                assert_eq!(thing_of(root).label, "root");
                assert!(matches!(&**inner, [Value::Int(1), Value::Ref(Reference::Remote(b))] if Arc::ptr_eq(a, b)));
            }
            other => panic!("{other:?}"),
        }
        let first = items[0].clone();
        let back = pair.reply(&request, &first).unwrap();
        assert!(matches!(back, Value::Ref(Reference::Local(back)) if std::ptr::eq(thing_of(&back), &*ours)));
    }
}

/// What has no form of its own is wrapped, or refused.
#[test]
fn lists_travel_as_objects() {
    let list = Value::List([Value::Int(1)].into());
    for dialect in BOTH {
        let (mut wire, root, atoms) = acquainted(dialect);
        let before = wire.session.counts().exports;
        let mixed = Value::tuple(vec![list.clone(), Value::Int(2), list.clone()]);
        let Node::Tuple(parts) = wire.lend(&root, &mixed) else { panic!() };
        let [first, two, second] = parts[1].items() else { panic!("{parts:?}") };
        assert_eq!((&parts[0], two), (&int(2), &value_box(int(2))));
        for wrapped in [first, second] {
            assert_eq!((&wrapped.items()[0], &wrapped.items()[1].items()[0]), (&int(4), &text("builtins.list")));
        }
        assert_ne!(first, second, "each sending makes an object");
        assert_eq!(wire.session.counts().exports, before + 2);
        let one = wire.ask(15, tuple_box([yours(&first.items()[1]), value_box(int(1))]));
        assert_eq!(one, value_box(Node::None));
        assert_eq!(wire.session.counts().exports, before + 1);
        assert_eq!(wire.session.take_dropped().len(), 1, "nobody else holds it");
        // These the test's host has no wrapping for.
        let proxy_of_another =
            remote(&Pair::new(dialect, &crate::support::thing::Thing::new("r", &Arc::new(shape("a.B", &[])))).root());
        let frozen = Value::frozenset(vec![atoms[3].value.clone()]).unwrap();
        let slice = Value::slice(atoms[5].value.clone(), Value::None, Value::None);
        for (bad, name) in
            [(Value::Dict([].into()), "dict"), (frozen, "frozenset"), (slice, "slice"), (proxy_of_another, "a.B")]
        {
            for value in [bad.clone(), Value::tuple(vec![atoms[3].value.clone(), bad.clone()])] {
                match wire.session.request(Body::Raw { handler: 1, args: &[value] }, 0) {
                    Err(Error::Unsupported(text)) => assert_eq!(text, format!("a {name} cannot be sent here")),
                    other => panic!("{other:?}"),
                }
            }
        }
        assert!(wire.said().is_empty());
    }
}

#[test]
fn a_proxy_is_used_only_where_it_belongs() {
    let mut here = Pair::new(BOTH[0], &root());
    let mut there = Pair::new(BOTH[0], &root());
    let [ours, foreign] = [here.root(), there.root()];
    let text = "the object belongs to another connection";
    for body in [
        Body::Call { target: &foreign, args: &[], keywords: &[] },
        Body::CallAttr { target: &foreign, name: "x", args: &[], keywords: &[] },
        Body::Inspect { target: &foreign },
        Body::InstanceCheck { class: &foreign, other: &ours.id_pack },
    ] {
        assert!(matches!(here.client.request(body, 1), Err(Error::Argument(found)) if found == text));
    }
    assert!(here.client.outgoing().is_empty());
    assert_eq!(here.client.counts().pending, 0);
}

#[test]
fn frames_arrive_in_any_pieces_together_or_alone() {
    for piece in [1, 2, 3, 5, 64, usize::MAX] {
        let mut pair = Pair::new(BOTH[0], &root());
        pair.piece = piece;
        for i in 0..20 {
            pair.client.request(Body::Raw { handler: 1, args: &[Value::Int(i)] }, 77).unwrap();
        }
        pair.to_server();
        assert!(pair.server.next_event().is_none());
        pair.to_client();
        for i in 0..20 {
            assert_eq!(outcome(&mut pair.client).unwrap(), Value::Int(i));
        }
        assert!(pair.client.next_event().is_none());
    }
}
