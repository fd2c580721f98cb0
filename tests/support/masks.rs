//! All that our session says otherwise than Python's peers did: one list, each entry with its reason.

use super::node::{Node, int, text, tuple};
use super::recording::{Kind, Message, Recording, Side};
use std::collections::HashMap;

/// Something that our side said in a recording.
pub struct Said<'a> {
    pub recording: &'a Recording,
    pub us: Side,
    pub message: &'a Message,
    /// The request that it answers.
    pub asked: Option<&'a Message>,
    /// The session answered without being told what.
    pub by_session: bool,
    /// Our objects find their attributes themselves.
    pub dynamic: bool,
}

struct Mask {
    what: &'static str,
    why: &'static str,
    applies: fn(&Said<'_>) -> bool,
    /// What we say instead. None: nothing.
    instead: fn(&Said<'_>, Node) -> Option<Node>,
}

const MASKS: &[Mask] = &[
    Mask {
        what: "the version in exceptions",
        why: "we are not Python's rpyc; what stands before the first dot, which alone is looked at, is the same",
        applies: |said| is_full_exception(said),
        instead: |said, body| {
            let version = if said.recording.six { "6.0.2" } else { "5.3.1" };
            let ours = format!("{version} (librpyc {})", env!("CARGO_PKG_VERSION"));
            Some(with_attributes(body, |attributes| {
                attributes.last_mut().expect("_remote_version").1 = Node::Str(ours.clone())
            }))
        },
    },
    Mask {
        what: "add_note in exceptions that the session makes",
        why: "a method of CPython 3.11's own exceptions, with an address; no peer uses it",
        applies: |said| said.by_session && is_full_exception(said),
        instead: |_, body| Some(with_attributes(body, |attributes| attributes.retain(|(name, _)| name != "add_note"))),
    },
    Mask {
        what: "the traceback of exceptions that the session makes",
        why: "there is no Python stack; its last line is what we send",
        applies: |said| said.by_session && is_full_exception(said),
        instead: |_, mut body| {
            if let Node::Tuple(parts) = &mut body {
                let whole = parts[3].as_text().to_owned();
                if whole != "<traceback denied>" {
                    parts[3] = text(whole.trim_end().rsplit('\n').next().expect("a last line"));
                }
            }
            Some(body)
        },
    },
    Mask {
        what: "refused_by or missing_from in an AttributeError of the attribute rules",
        why: "the same exception as Python's, and which rule it was, or whose objects have no such name, in one attribute more",
        applies: |said| said.by_session && is_full_exception(said) && first_argument(said).starts_with("cannot access"),
        instead: |said, body| {
            let rule = match said.asked.map(|asked| asked.request().0) {
                Some(6) => "allow_setattr",
                Some(5) => "allow_delattr",
                _ if said.dynamic => "the attribute rules, whether it exists or not",
                _ => "the attribute rules",
            };
            let is = |name: &str| !said.dynamic && first_argument(said) == format!("cannot access '{name}'");
            let reason = match () {
                () if is("_x") => ("missing_from", "Thing"),
                () if is("nope") => ("missing_from", "DemoService"),
                () => ("refused_by", rule),
            };
            Some(with_attributes(body, |attributes| {
                attributes.insert(attributes.len() - 1, (reason.0.into(), text(reason.1)));
            }))
        },
    },
    Mask {
        what: "obj in the AttributeError for an operator that does not exist",
        why: "the repr of the class names where CPython defined it; elsewhere, too, we name no obj",
        applies: |said| said.by_session && is_full_exception(said) && first_argument(said).starts_with("type object"),
        instead: |_, body| {
            Some(with_attributes(body, |attributes| {
                attributes.iter_mut().find(|(name, _)| name == "obj").expect("obj").1 = Node::None;
            }))
        },
    },
    Mask {
        what: "INSTANCECHECK of an instance of a derived class",
        why: "wire.md 8: Python answers False for classes that it has not met on this connection; we know better",
        applies: |said| {
            said.asked.is_some_and(|asked| {
                asked.request().0 == 20
                    && format!("{:?}", asked.body).contains("demo_peer.Derived")
                    && !format!("{:?}", asked.body.items()[1].items()[1].items()[0]).contains("demo_peer.Derived")
            })
        },
        instead: |_, _| Some(tuple([int(1), Node::Bool(true)])),
    },
    Mask {
        what: "the DEL of an object that was never lent",
        why: "wire.md 7: Python builds a proxy for INSTANCECHECK and destroys it; we do not",
        applies: |said| {
            said.recording.name == "h_isinstance" && said.us == Side::Server && said.message.kind == Kind::Request
        },
        instead: |_, _| None,
    },
    Mask {
        what: "PICKLE",
        why: "our side of the recordings has allow_pickle off; what it answers when it is on, tests/run/classic.py looks at",
        applies: |said| said.asked.is_some_and(|asked| asked.request().0 == 14) && said.message.kind == Kind::Reply,
        instead: |said, _| {
            let version = format!("6.0.2 (librpyc {})", env!("CARGO_PKG_VERSION"));
            let denied = said.recording.server_config["include_local_traceback"] == false;
            let trace = if denied { "<traceback denied>" } else { "ValueError: pickling is disabled" };
            Some(tuple([
                tuple([text("builtins"), text("ValueError")]),
                tuple([text("pickling is disabled")]),
                tuple([tuple([text("_remote_version"), text(&version)])]),
                text(trace),
            ]))
        },
    },
    Mask {
        what: "a box with an invalid label",
        why: "our session cannot be made to write one; a PING without data stands in its place",
        applies: |said| {
            said.recording.name == "p_raw_errors"
                && said.us == Side::Client
                && said.message.kind == Kind::Request
                && format!("{:?}", said.message.body).contains(r#"Tuple([Int("9"), Int("1")])"#)
        },
        instead: |_, _| Some(tuple([int(1), tuple([int(1), tuple([])])])),
    },
];

/// Where Python compresses and we do not.
///
/// Python compresses everything above the threshold, also what becomes longer by it. architecture.md:
/// incompressible data is not compressed.
pub fn compresses(said: &Said<'_>) -> bool {
    said.message.compressed && said.message.frame.len() < 1 << 20
}

/// Modules of Python share one class; ours do not.
///
/// A shape has one name, so what is lent under the names of modules has a class id for each of them.
/// Only `isinstance` would compare them, with a module type that has no remote form.
pub fn names(recording: &mut Recording, us: Side) {
    let mut names: HashMap<String, String> = HashMap::new();
    for message in recording.frames.iter_mut().filter_map(|frame| frame.message.as_mut()) {
        own_classes(&mut message.body, us, &mut names);
    }
}

fn own_classes(node: &mut Node, us: Side, names: &mut HashMap<String, String>) {
    let (Node::Tuple(items) | Node::Slice(items) | Node::FrozenSet(items)) = node else { return };
    if let [Node::Str(name), Node::Id(class), _] = items.as_mut_slice() {
        if us.owns(class) && names.entry(class.clone()).or_insert_with(|| name.clone()) != name {
            class.push_str(&format!(" of {name}"));
        }
    }
    items.iter_mut().for_each(|item| own_classes(item, us, names));
}

/// What our session must say, where Python said this.
pub fn expected(said: &Said<'_>) -> Option<Node> {
    let mut body = said.message.body.clone();
    for mask in MASKS.iter().filter(|mask| (mask.applies)(said)) {
        assert!(!mask.why.is_empty());
        body = (mask.instead)(said, body)?;
    }
    Some(body)
}

/// The masks, each with whether it makes a difference here.
pub fn differences<'a>(said: &'a Said<'_>) -> impl Iterator<Item = (&'static str, bool)> + 'a {
    let body = || said.message.body.clone();
    MASKS.iter().map(move |mask| (mask.what, (mask.applies)(said) && (mask.instead)(said, body()) != Some(body())))
}

/// The kind of message that our session must send.
pub fn expected_kind(said: &Said<'_>) -> Kind {
    match said.asked.map(|asked| asked.request().0) {
        Some(14) => Kind::Exception,
        _ => said.message.kind,
    }
}

fn is_full_exception(said: &Said<'_>) -> bool {
    said.message.kind == Kind::Exception && matches!(&said.message.body, Node::Tuple(_))
}

fn first_argument<'a>(said: &'a Said<'_>) -> &'a str {
    match said.message.body.items()[1].items().first() {
        Some(Node::Str(text)) => text,
        _ => "",
    }
}

fn with_attributes(mut body: Node, change: impl FnOnce(&mut Vec<(String, Node)>)) -> Node {
    let Node::Tuple(parts) = &mut body else { panic!("an exception of four parts") };
    let pair = |node: &Node| (node.items()[0].as_text().to_owned(), node.items()[1].clone());
    let mut attributes: Vec<_> = parts[2].items().iter().map(pair).collect();
    change(&mut attributes);
    parts[2] = Node::Tuple(attributes.into_iter().map(|(name, value)| tuple([text(&name), value])).collect());
    body
}
