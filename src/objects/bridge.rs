//! Bridges: objects of one peer that are lent to another. What is asked of them is passed on.

use super::instance;
use super::job::Job;
use super::peer::{Outcome, ask_peer, outcome};
use crate::error::{Error, Exception};
use crate::ids::Id;
use crate::protocol::{Name, Op, Slicing};
use crate::value::{Ask, Local, Proxy, Shape, Text, Value};
use std::sync::Arc;

/// An object of one peer, lent to another: what is asked of it is passed on.
pub(super) struct Bridge {
    proxy: Arc<Proxy>,
    shape: Arc<Shape>,
    /// The id of its class, or of itself where it is one.
    class: Arc<Id>,
}

/// Its attributes are known to its owner alone. Our own rules decide about their names first, then those of the owner.
fn bridge_shape(proxy: &Proxy) -> Arc<Shape> {
    const LISTED: [&str; 14] = [
        "__call__",
        "__iter__",
        "__next__",
        "__len__",
        "__bool__",
        "__getitem__",
        "__setitem__",
        "__delitem__",
        "__contains__",
        "__enter__",
        "__int__",
        "__float__",
        "__index__",
        "__format__",
    ];
    let listed = LISTED.map(|name| Value::tuple(vec![Value::str(name), Value::None]));
    let mut shape = Shape::new(Text::new(&proxy.type_name), Vec::new(), Vec::new());
    shape.inspect = Value::Tuple(listed.into());
    shape.dynamic = true;
    shape.says_missing = true;
    Arc::new(shape)
}

impl Bridge {
    pub(super) fn new(proxy: &Arc<Proxy>) -> Bridge {
        Bridge { shape: bridge_shape(proxy), class: proxy.home().class_id(&proxy.class_id), proxy: proxy.clone() }
    }

    pub(super) fn perform(&self, job: Job, op: Op) {
        let outcome = match (pass_on(&self.proxy, &op), op) {
            // The object arrives all the same; whatever is asked of it says why its owner cannot be.
            (Err(_), Op::Inspect) => Ok(self.shape.inspect.clone()),
            (outcome, _) => outcome,
        };
        let _ = job.answer.give(outcome);
    }

    pub(super) fn has(&self, name: &str) -> bool {
        has_attr(&self.proxy, name)
    }
}

impl Local for Bridge {
    fn shape(&self) -> &Arc<Shape> {
        &self.shape
    }

    fn id(&self) -> u64 {
        if self.proxy.is_class { self.class_id() } else { self.proxy.id.get() }
    }

    fn class_id(&self) -> u64 {
        self.class.get()
    }

    /// Its name is all that is known of them.
    fn instances(&self) -> Option<&Arc<Shape>> {
        self.proxy.is_class.then_some(&self.shape)
    }

    fn stands_for(&self) -> Option<&Arc<Proxy>> {
        Some(&self.proxy)
    }
}

/// Has the object that a proxy stands for an attribute of this name? As Python's `hasattr` it tries to get it; where that
/// fails otherwise, so will the access, and says why.
fn has_attr(proxy: &Arc<Proxy>, name: &str) -> bool {
    match ask_peer(proxy, Ask::GetAttr(name)) {
        Err(Error::Remote(exception)) => !exception.is_builtin("AttributeError"),
        _ => true,
    }
}

/// Passes an operation on to the object that a proxy stands for, on its own connection.
fn pass_on(proxy: &Arc<Proxy>, op: &Op) -> Outcome {
    outcome(match op {
        Op::GetAttr(name) => ask_peer(proxy, Ask::GetAttr(text(name))),
        Op::SetAttr(name, value) => ask_peer(proxy, Ask::SetAttr(text(name), value)),
        Op::DelAttr(name) => ask_peer(proxy, Ask::DelAttr(text(name))),
        Op::Call { args, keywords } => ask_peer(proxy, Ask::Call { args, keywords }),
        // A class or value of the peer that asks tells its owner nothing more than that there was an error.
        Op::CallAttr { name, args, .. } if text(name) == "__exit__" && args.len() == 3 => {
            ask_peer(proxy, Ask::Exit(!matches!(args.first(), None | Some(Value::None | Value::Bool(false)))))
        }
        Op::CallAttr { name, args, keywords } => ask_peer(proxy, Ask::CallAttr { name: text(name), args, keywords }),
        Op::Repr => ask_peer(proxy, Ask::Repr),
        Op::Str => ask_peer(proxy, Ask::Str),
        Op::Hash => ask_peer(proxy, Ask::Hash),
        Op::Dir => ask_peer(proxy, Ask::Dir),
        Op::Inspect => ask_peer(proxy, Ask::Inspect),
        Op::InstanceCheck(instance) => instance::of_peer(proxy, instance),
        Op::Compare { op, other } => ask_peer(proxy, Ask::Compare(*op, other)),
        Op::BuffIter { count } => ask_peer(proxy, Ask::BuffIter(i64::try_from(*count).unwrap_or(i64::MAX))),
        Op::Pickle { numpy: true, .. } => ask_peer(proxy, Ask::Pickle(-1)),
        Op::Pickle { protocol, .. } => ask_peer(proxy, Ask::Pickle(i8::try_from(*protocol).unwrap_or(-1))),
        Op::OldSlicing(slicing) => return old_slicing(proxy, slicing),
        Op::Exists { .. } => {
            return Err(Exception::builtin("TypeError", "the object does not support this"));
        }
    })
}

/// As Python's `__getslice__` and siblings: any error of the first method leads to the second.
fn old_slicing(proxy: &Arc<Proxy>, slicing: &Slicing) -> Outcome {
    let Slicing { attempt, fallback, start, stop, args } = slicing;
    let call = |name: &Result<Name, Exception>, mut first: Vec<Value>| {
        first.extend_from_slice(args);
        let name = name.as_ref().map_err(Exception::clone)?;
        outcome(ask_peer(proxy, Ask::CallAttr { name: text(name), args: &first, keywords: &[] }))
    };
    // What the rules refuse is no error of the method.
    attempt.as_ref().map_err(Exception::clone)?;
    let last = if let Value::None = stop { Value::Int(i64::MAX) } else { stop.clone() };
    call(attempt, vec![Value::slice(start.clone(), stop.clone(), Value::None)])
        .or_else(|_| call(fallback, vec![start.clone(), last]))
}

/// A bridge has no members: its names are those that the peer gave.
fn text(name: &Name) -> &str {
    match name {
        Name::Own(text) | Name::Dynamic(text) => text.as_str(),
        Name::Member(_) => "",
    }
}
