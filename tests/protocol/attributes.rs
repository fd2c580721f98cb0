//! The attribute rules, compared with those of Python in every combination of settings, objects and names.

use crate::support::node::{Node, int, text, tuple};
use crate::support::pair::{Wire, mine, pack, summary, tuple_box, value_box, yours};
use crate::support::recording::Kind;
use crate::support::thing::{Thing, shape, thing_of};
use rpyc::config::{Config, Dialect};
use rpyc::protocol::{Event, Name, Op, Question, Request};
use rpyc::value::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Every type has them, whether its shape lists them or not.
const OPERATORS: [&str; 6] = ["__lt__", "__le__", "__eq__", "__ne__", "__gt__", "__ge__"];

/// What Python's `_check_attr` answers: the attribute to be used, or None for "cannot access".
fn python(config: &Config, allowed: bool, has: &dyn Fn(&str) -> bool, name: &str) -> Option<String> {
    if !allowed {
        return None;
    }
    let prefix = if config.allow_exposed_attrs { &*config.exposed_prefix } else { "" };
    let mut plain = config.allow_all_attrs;
    plain |= config.allow_exposed_attrs && name.starts_with(prefix);
    plain |= config.allow_safe_attrs && config.safe_attrs.contains(name);
    plain |= config.allow_public_attrs && !name.starts_with('_');
    let exposed = format!("{prefix}{name}");
    let has_exposed = !prefix.is_empty() && has(&exposed);
    match (plain, has_exposed) {
        (true, false) => Some(name.to_owned()),
        (true, true) if has(name) => Some(name.to_owned()),
        (_, true) => Some(exposed),
        (false, false) => None,
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Handler {
    Get,
    Set,
    Del,
    Call,
}

impl Handler {
    fn number(self) -> i64 {
        [4, 6, 5, 8][self as usize]
    }

    fn args(self, target: &Node, name: &str) -> Node {
        let more = match self {
            Handler::Get | Handler::Del => vec![],
            Handler::Set => vec![value_box(int(5))],
            Handler::Call => vec![value_box(tuple([int(6)])), value_box(tuple([tuple([text("k"), int(7)])]))],
        };
        tuple_box([vec![yours(target), value_box(text(name))], more].concat())
    }

    /// The name in the operation, which must be of the right kind and complete.
    fn check(self, op: Op) -> Name {
        match (self, op) {
            (Handler::Get, Op::GetAttr(name)) | (Handler::Del, Op::DelAttr(name)) => name,
            (Handler::Set, Op::SetAttr(name, Value::Int(5))) => name,
            (Handler::Call, Op::CallAttr { name, args, keywords }) => {
                assert_eq!(args, [Value::Int(6)]);
                assert_eq!(keywords, [("k".into(), Value::Int(7))]);
                name
            }
            (handler, op) => panic!("{handler:?}: {op:?}"),
        }
    }
}

/// An object of which some attributes stand in its shape and the rest are found by itself.
struct Subject {
    thing: Arc<Thing>,
    pack: Node,
    exists: BTreeSet<String>,
}

impl Subject {
    fn all(wire: &mut Wire, root: &Node, prefix: &str, name: &str) -> Vec<Subject> {
        let exposed = format!("{prefix}{name}");
        let mut subjects = Vec::new();
        for attributes in [vec![], vec![name], vec![&*exposed], vec![name, &*exposed]] {
            for (dynamic, in_shape) in [(false, 2), (true, 0), (true, 1), (true, 2)] {
                let members: Vec<&str> = attributes.iter().rev().take(in_shape).copied().collect();
                let mut shape = shape("mylib.Subject", &members);
                shape.dynamic = dynamic;
                let thing = Thing::with_attributes("subject", &Arc::new(shape), attributes.iter().copied());
                let pack = wire.lend(root, &thing.value()).items()[1].clone();
                let exists = attributes.iter().map(|name| (*name).to_owned()).collect();
                subjects.push(Subject { thing, pack, exists });
            }
        }
        subjects
    }
}

/// Answers what is asked about existence, truthfully.
fn settle(wire: &mut Wire, mut request: Request, asking: Handler) -> Option<Request> {
    let mut asked = Vec::new();
    while let Op::Exists { question, name, access } = request.op {
        assert!(!asked.contains(&question), "asked twice");
        asked.push(question);
        let values = match asking {
            Handler::Set => vec![Value::Int(5)],
            Handler::Call => vec![Value::Int(6), Value::Int(7)],
            Handler::Get | Handler::Del => vec![],
        };
        assert_eq!(access.values(), values);
        assert!(request.target.shape().dynamic && request.target.shape().member(name.as_bytes()).is_none());
        let exists = thing_of(&request.target).has(name.as_str());
        request = wire.session.answer_exists(request.id, request.target, question, access, exists)?;
    }
    Some(request)
}

fn check(wire: &mut Wire, subject: &Subject, handler: Handler, name: &str) {
    let config = wire.session.config().clone();
    let (allowed, switch) = match handler {
        Handler::Get | Handler::Call => (config.allow_getattr, "allow_getattr"),
        Handler::Set => (config.allow_setattr, "allow_setattr"),
        Handler::Del => (config.allow_delattr, "allow_delattr"),
    };
    let expected = python(&config, allowed, &|name| subject.exists.contains(name), name);
    let shape = subject.thing.value();
    let shape = match &shape {
        Value::Ref(rpyc::value::Reference::Local(object)) => object.shape().clone(),
        _ => unreachable!(),
    };
    let at = || format!("{handler:?} {name:?} of {:?}, {shape:?}, {config:?}", subject.exists);
    let seq = wire.request(handler.number(), handler.args(&subject.pack, name));
    let request = match wire.event() {
        Some(Event::Request(request)) => settle(wire, request, handler),
        None => None,
        _ => panic!("the end"),
    };
    let Some(request) = request else {
        assert_eq!(wire.session.counts().serving, 0, "{}", at());
        let (_, body) = wire.exception(seq);
        let attributes = body.items()[2].items();
        match expected {
            None => {
                assert_eq!(summary(&body), format!("AttributeError: cannot access '{name}'"), "{}", at());
                // What a peer can see in INSPECT, and nothing more: that there is no such name.
                let known = |name: &str| shape.member(name.as_bytes()).is_some();
                let open = shape.dynamic || known(name) || known(&format!("{}{name}", config.exposed_prefix));
                let reason = match (open || OPERATORS.contains(&name), allowed, shape.dynamic) {
                    (false, ..) => ("missing_from", "Subject"),
                    (true, false, _) => ("refused_by", switch),
                    (true, true, false) => ("refused_by", "the attribute rules"),
                    (true, true, true) => ("refused_by", "the attribute rules, whether it exists or not"),
                };
                let reason = tuple([text(reason.0), text(reason.1)]);
                assert_eq!(attributes[2], reason, "{}", at());
                assert!(!attributes[3..].iter().any(|other| other.items()[0] == text("refused_by")), "{}", at());
                assert_eq!(attributes[..2], [tuple([text("name"), Node::None]), tuple([text("obj"), Node::None])]);
            }
            Some(used) => {
                let missing = format!("AttributeError: 'Subject' object has no attribute '{used}'");
                assert_eq!(summary(&body), missing, "{}", at());
                // What is set need not exist before.
                assert!(!shape.dynamic || !matches!(handler, Handler::Set), "{}", at());
                assert!(!subject.exists.contains(&used), "{}", at());
                assert_eq!(attributes[..2], [tuple([text("name"), text(&used)]), tuple([text("obj"), Node::None])]);
            }
        }
        return;
    };
    let found = match handler.check(request.op) {
        Name::Member(index) => shape.member_name(index).expect("a member").to_string(),
        Name::Dynamic(name) => {
            assert!(shape.dynamic && shape.member(name.as_bytes()).is_none(), "{}", at());
            assert!(matches!(handler, Handler::Set) || subject.exists.contains(name.as_str()), "{}", at());
            name.to_string()
        }
        Name::Own(name) => panic!("{name}"),
    };
    assert_eq!(Some(found), expected, "{}", at());
    wire.session.reply(&request.id, &Value::None).expect("a reply");
    assert_eq!(wire.only_said().0, Kind::Reply);
}

#[test]
fn the_rules_are_those_of_python() {
    let root = Thing::new("root", &Arc::new(shape("mylib.Root", &[])));
    let mut checked = 0;
    let long = "a_prefix_of_over_ninety_six_bytes_which_is_more_than_anybody_has_ever_used_for_this_purpose_so_far_";
    let names = ["label", "__len__", "_hidden", "exposed_label", "weird", "", "__eq__"];
    for (prefix, names) in [("exposed_", &names[..]), ("", &names[..3]), ("x", &["x", "xx"]), (long, &names[..1])] {
        for name in names {
            let (mut wire, root) = Wire::with_root(Dialect::V6, Config::default(), &root);
            let subjects = Subject::all(&mut wire, &root, prefix, name);
            let config = wire.session.config_mut();
            config.exposed_prefix = prefix.into();
            let default = config.safe_attrs.clone();
            for bits in 0..1u32 << 8 {
                let on = |bit: u32| bits & 1 << bit != 0;
                let config = wire.session.config_mut();
                config.allow_safe_attrs = on(0);
                config.allow_exposed_attrs = on(1);
                config.allow_public_attrs = on(2);
                config.allow_all_attrs = on(3);
                config.allow_getattr = on(4);
                config.allow_setattr = on(5);
                config.allow_delattr = on(6);
                config.safe_attrs =
                    if on(7) { Arc::new(BTreeSet::from(["weird".to_owned()])) } else { default.clone() };
                for subject in &subjects {
                    for handler in [Handler::Get, Handler::Set, Handler::Del, Handler::Call] {
                        check(&mut wire, subject, handler, name);
                        checked += 1;
                    }
                }
            }
        }
    }
    assert_eq!(checked, (7 + 3 + 2 + 1) * 256 * 16 * 4);
}

/// RPyC's `_rpyc_getattr` and siblings: the object decides, whatever the settings are.
#[test]
fn an_object_with_rules_of_its_own() {
    let root = Thing::new("root", &Arc::new(shape("mylib.Root", &[])));
    let forbidding =
        Config { allow_getattr: false, allow_safe_attrs: false, allow_exposed_attrs: false, ..Config::default() };
    let (mut wire, root) = Wire::with_root(Dialect::V6, forbidding, &root);
    for (get, set, del) in [(true, false, false), (false, true, false), (false, false, true), (true, true, true)] {
        let mut own = shape("mylib.Own", &["exposed_label", "label"]);
        (own.own_get, own.own_set, own.own_del) = (get, set, del);
        let target = wire.lend(&root, &Thing::new("own", &Arc::new(own)).value()).items()[1].clone();
        for (handler, own) in [(Handler::Get, get), (Handler::Call, get), (Handler::Set, set), (Handler::Del, del)] {
            for name in ["label", "_x", "exposed_label", "__class__", ""] {
                let args = handler.args(&target, name);
                if own {
                    let request = wire.host(handler.number(), args);
                    match handler.check(request.op) {
                        Name::Own(found) => assert_eq!(found.as_str(), name),
                        other => panic!("{other:?}"),
                    }
                    wire.session.reply(&request.id, &Value::None).unwrap();
                    wire.said();
                } else {
                    let (_, body) = wire.refused(handler.number(), args);
                    assert_eq!(summary(&body), format!("AttributeError: cannot access '{name}'"));
                }
            }
        }
        // Leaving a with block calls __exit__ by the rules for reading.
        let exit = tuple_box([yours(&target), value_box(Node::None)]);
        if get {
            let request = wire.host(19, exit);
            assert!(matches!(&request.op, Op::CallAttr { name: Name::Own(name), .. } if name.as_str() == "__exit__"));
            wire.session.reply(&request.id, &Value::None).unwrap();
            wire.said();
        } else {
            assert_eq!(wire.refused(19, exit).0, "AttributeError");
        }
    }
}

#[test]
fn the_prefix_may_change_while_the_connection_lives() {
    let root = Thing::new("root", &Arc::new(shape("mylib.Root", &["exposed_old", "remote_new"])));
    let (mut wire, root) = Wire::with_root(Dialect::V5, Config::default(), &root);
    let get = |wire: &mut Wire, name: &str| {
        let seq = wire.request(4, tuple_box([yours(&root), value_box(text(name))]));
        match wire.event() {
            Some(Event::Request(request)) => {
                wire.session.reply(&request.id, &Value::None).unwrap();
                assert_eq!(wire.only_said().0, Kind::Reply);
                true
            }
            _ => {
                assert_eq!(wire.exception(seq).0, "AttributeError");
                false
            }
        }
    };
    assert!(get(&mut wire, "old") && get(&mut wire, "exposed_old"));
    assert!(!get(&mut wire, "new") && !get(&mut wire, "remote_new"));
    wire.session.config_mut().exposed_prefix = "remote_".into();
    assert!(!get(&mut wire, "old") && !get(&mut wire, "exposed_old"));
    assert!(get(&mut wire, "new") && get(&mut wire, "remote_new"));
}

/// While an object looks for a name, its answers may change; the rules hold all the same.
#[test]
fn the_answer_to_exists_decides() {
    let root = Thing::new("root", &Arc::new(shape("mylib.Root", &[])));
    let (mut wire, root) = Wire::with_root(Dialect::V6, Config::default(), &root);
    let mut dynamic = shape("mylib.Dynamic", &[]);
    dynamic.dynamic = true;
    let target = wire.lend(&root, &Thing::new("dynamic", &Arc::new(dynamic)).value()).items()[1].clone();
    let ask = |wire: &mut Wire, name: &str, answers: &[(Question, &str, bool)]| {
        let mut request = Some(wire.host(4, tuple_box([yours(&target), value_box(text(name))])));
        for (question, name, exists) in answers {
            let Request { id, target, op } = request.take().expect("a question");
            let Op::Exists { question: asked, name: about, access } = op else { panic!("{op:?}") };
            assert_eq!((asked, about.as_str()), (*question, *name));
            request = wire.session.answer_exists(id, target, asked, access, *exists);
        }
        let found = request.map(|request| {
            let Op::GetAttr(Name::Dynamic(name)) = request.op else { panic!("{:?}", request.op) };
            wire.session.reply(&request.id, &Value::None).unwrap();
            name.to_string()
        });
        assert_eq!(wire.only_said().0, if found.is_some() { Kind::Reply } else { Kind::Exception });
        assert_eq!(wire.session.counts().serving, 0);
        found
    };
    use Question::{Exposed, Plain};
    assert_eq!(ask(&mut wire, "x", &[(Exposed, "exposed_x", true)]).as_deref(), Some("exposed_x"));
    assert_eq!(ask(&mut wire, "x", &[(Exposed, "exposed_x", false)]), None);
    let len = "__len__";
    let plain = |exists| [(Exposed, "exposed___len__", false), (Plain, len, exists)];
    assert_eq!(ask(&mut wire, len, &plain(true)).as_deref(), Some(len));
    assert_eq!(ask(&mut wire, len, &plain(false)), None);
    assert_eq!(ask(&mut wire, len, &[(Exposed, "exposed___len__", true), (Plain, len, true)]).as_deref(), Some(len));
    let shadowed = ask(&mut wire, len, &[(Exposed, "exposed___len__", true), (Plain, len, false)]);
    assert_eq!(shadowed.as_deref(), Some("exposed___len__"));
    // A reference in a refused request is released like any other.
    let args = tuple_box([yours(&target), value_box(text("y")), mine(&pack("x.Y", 70, 71))]);
    let (name, _) = wire.refused(6, args);
    assert_eq!(name, "AttributeError");
    wire.session.send_releases();
    assert_eq!(wire.said().len(), 1);
}
