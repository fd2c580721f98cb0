//! Bridges: objects of one peer that are passed to another. Requests are forwarded to the owner.

use super::instance;
use super::job::Job;
use super::peer::{Outcome, ask_peer, outcome};
use crate::error::{Error, Exception};
use crate::ids::Id;
use crate::protocol::{Handler, Keywords, Name, Op, Slicing};
use crate::value::{Ask, Local, Proxy, Shape, Text, Value};
use std::sync::Arc;

/// The application's token of a bridge; dropped with it.
pub trait Known: Send + Sync {
    fn number(&self) -> u64;
}

/// An object of one peer that was passed to another. Requests are forwarded to the owner.
pub struct Bridge {
    proxy: Arc<Proxy>,
    shape: Arc<Shape>,
    /// The id of its class; of itself if it is a class.
    class: Arc<Id>,
    /// The application's token, if it has one.
    token: Option<Box<dyn Known>>,
}

/// Only the owner knows its attributes. The local rules for their names are applied first, then those of the owner.
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
    pub(super) fn new(proxy: &Arc<Proxy>, token: Option<Box<dyn Known>>) -> Bridge {
        Bridge {
            shape: bridge_shape(proxy),
            class: proxy.home().class_id(&proxy.class_id),
            proxy: proxy.clone(),
            token,
        }
    }

    /// Returns the token of the application.
    pub fn token(&self) -> Option<u64> {
        self.token.as_ref().map(|token| token.number())
    }

    pub(super) fn perform(&self, job: Job, op: Op) {
        let outcome = match (pass_on(&self.proxy, &op), op) {
            // The object is sent all the same; requests to it fail with the reason.
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

    /// Only the name of its members is known.
    fn instances(&self) -> Option<&Arc<Shape>> {
        self.proxy.is_class.then_some(&self.shape)
    }

    fn stands_for(&self) -> Option<&Arc<Proxy>> {
        Some(&self.proxy)
    }
}

/// Returns whether the object of a proxy has an attribute. Reads it, like Python's `hasattr`; after any other failure
/// the access fails in the same way and reports the reason.
fn has_attr(proxy: &Arc<Proxy>, name: &str) -> bool {
    match ask_peer(proxy, Ask::GetAttr(name)) {
        Err(Error::Remote(exception)) => !exception.is_builtin("AttributeError"),
        _ => true,
    }
}

/// Forwards an operation to the object of a proxy, over its own connection.
fn pass_on(proxy: &Arc<Proxy>, op: &Op) -> Outcome {
    outcome(match op {
        Op::GetAttr(name) => ask_peer(proxy, Ask::GetAttr(text(name))),
        Op::SetAttr(name, value) => ask_peer(proxy, Ask::SetAttr(text(name), value)),
        Op::DelAttr(name) => ask_peer(proxy, Ask::DelAttr(text(name))),
        Op::Call { args, keywords } => ask_peer(proxy, Ask::Call { args, keywords }),
        Op::CallAttr { name, args, .. } if is_exit(name, args) => ask_peer(proxy, Ask::Exit(has_failed(args))),
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

/// As Python's `__getslice__` and others: after any error of the first method, the second is called.
fn old_slicing(proxy: &Arc<Proxy>, slicing: &Slicing) -> Outcome {
    let Slicing { attempt, fallback, start, stop, args } = slicing;
    let call = |name: &Result<Name, Exception>, mut first: Vec<Value>| {
        first.extend_from_slice(args);
        let name = name.as_ref().map_err(Exception::clone)?;
        outcome(ask_peer(proxy, Ask::CallAttr { name: text(name), args: &first, keywords: &[] }))
    };
    // A denial by the rules is not an error of the method.
    attempt.as_ref().map_err(Exception::clone)?;
    let last = if let Value::None = stop { Value::Int(i64::MAX) } else { stop.clone() };
    call(attempt, vec![Value::slice(start.clone(), stop.clone(), Value::None)])
        .or_else(|_| call(fallback, vec![start.clone(), last]))
}

/// A bridge has no members; it has the names that the peer sent.
fn text(name: &Name) -> &str {
    match name {
        Name::Own(text) | Name::Dynamic(text) => text.as_str(),
        Name::Member(_) => "",
    }
}

/// A request to the owner that the application makes: the arguments without the object and the name.
pub struct Forward {
    pub handler: Handler,
    pub name: Text,
    pub args: Vec<Value>,
    pub keywords: Keywords,
}

impl Forward {
    pub fn new(handler: Handler, name: &str, args: Vec<Value>) -> Forward {
        Forward { handler, name: Text::new(name), args, keywords: Vec::new() }
    }
}

/// Returns the request to the owner of a bridge, if the application makes it; otherwise its outcome.
pub fn forward(proxy: &Arc<Proxy>, op: Op) -> Result<Forward, Outcome> {
    let plain = |handler| Forward::new(handler, "", Vec::new());
    Ok(match op {
        Op::GetAttr(name) => Forward::new(Handler::GetAttr, text(&name), Vec::new()),
        Op::SetAttr(name, value) => Forward::new(Handler::SetAttr, text(&name), vec![value]),
        Op::DelAttr(name) => Forward::new(Handler::DelAttr, text(&name), Vec::new()),
        Op::Call { args, keywords } => Forward { args, keywords, ..plain(Handler::Call) },
        Op::CallAttr { name, args, .. } if is_exit(&name, &args) => {
            let error = if has_failed(&args) { Value::Bool(true) } else { Value::None };
            Forward::new(Handler::CtxExit, "", vec![error])
        }
        Op::CallAttr { name, args, keywords } => {
            Forward { keywords, ..Forward::new(Handler::CallAttr, text(&name), args) }
        }
        Op::Repr => plain(Handler::Repr),
        Op::Str => plain(Handler::Str),
        Op::Hash => plain(Handler::Hash),
        Op::Dir => plain(Handler::Dir),
        Op::Inspect => plain(Handler::Inspect),
        Op::Compare { op, other } => Forward::new(Handler::Cmp, op.name(), vec![other]),
        Op::Pickle { protocol, numpy } => {
            Forward::new(Handler::Pickle, "", vec![Value::Int(if numpy { -1 } else { protocol.into() })])
        }
        Op::BuffIter { count } => {
            Forward::new(Handler::BuffIter, "", vec![Value::Int(i64::try_from(count).unwrap_or(i64::MAX))])
        }
        Op::InstanceCheck(instance) => {
            let other = instance::asked_of(proxy, *instance).map_err(outcome)?;
            Forward::new(Handler::InstanceCheck, "", vec![other])
        }
        Op::OldSlicing(slicing) => {
            let Slicing { attempt, start, stop, args, .. } = *slicing;
            let name = attempt.map_err(Err)?;
            let mut first = vec![Value::slice(start, stop, Value::None)];
            first.extend(args);
            Forward::new(Handler::CallAttr, text(&name), first)
        }
        // The application reads the attribute instead.
        Op::Exists { name, .. } => Forward::new(Handler::GetAttr, name.as_str(), Vec::new()),
    })
}

fn is_exit(name: &Name, args: &[Value]) -> bool {
    text(name) == "__exit__" && args.len() == 3
}

/// When a context ends with a class or value of the peer, the owner only learns that there was an error.
fn has_failed(args: &[Value]) -> bool {
    !matches!(args.first(), None | Some(Value::None | Value::Bool(false)))
}
