//! Operations on objects, wherever they live: one request each to the peer, or done here for our own.

use super::apart::{self, Apart};
use super::async_result::AsyncResult;
use super::attributes::dynamic_name;
use super::call::{Answer, Call};
use super::dispatch::{self, Job, Outcome};
use super::instance;
use super::served;
use super::shared::Shared;
use crate::codec::frame::{Room, fill};
use crate::error::{Error, Exception, Result};
use crate::session::{Body, CompareOp, Due, Handler, Name, Op};
use crate::value::{Local, Proxy, Reference, Text, Value};
use std::sync::Arc;
use std::time::Duration;

/// What is asked of an object.
#[derive(Clone, Copy)]
pub enum Ask<'a> {
    GetAttr(&'a str),
    SetAttr(&'a str, &'a Value),
    DelAttr(&'a str),
    Call {
        args: &'a [Value],
        keywords: &'a [(Text, Value)],
    },
    CallAttr {
        name: &'a str,
        args: &'a [Value],
        keywords: &'a [(Text, Value)],
    },
    Repr,
    Str,
    Hash,
    Dir,
    Compare(CompareOp, &'a Value),
    BuffIter(i64),
    /// Leaves a context, normally or with an error.
    Exit(bool),
    Inspect,
}

impl Ask<'_> {
    fn text(&self) -> String {
        match self {
            Ask::GetAttr(name) | Ask::SetAttr(name, _) | Ask::DelAttr(name) => format!("attribute {name}"),
            Ask::CallAttr { name, .. } => format!("{name}()"),
            Ask::Call { .. } => "a call".into(),
            Ask::Repr => "repr".into(),
            Ask::Str => "str".into(),
            Ask::Hash => "hash".into(),
            Ask::Dir => "dir".into(),
            Ask::Compare(op, _) => op.name().into(),
            Ask::BuffIter(_) => "iteration".into(),
            Ask::Exit(_) => "__exit__".into(),
            Ask::Inspect => "inspect".into(),
        }
    }
}

/// Asks and waits for the answer.
#[inline]
pub fn ask(object: &Reference, ask: Ask<'_>) -> Result<Value> {
    ask_into(object, ask, None)
}

/// Asks and waits for the answer. Bytes that fit come to lie in the room.
#[inline]
pub fn ask_into(object: &Reference, ask: Ask<'_>, room: Option<Box<dyn Room>>) -> Result<Value> {
    match object {
        Reference::Remote(proxy) => {
            let shared = shared_of(proxy)?;
            with_body(object, proxy, &ask, |body| shared.sync_request(body, room))
        }
        Reference::Local(_) => {
            let result = apart::asking(|| ask_later_into(object, ask, None, room))??;
            if !result.is_settled() {
                let served = served::here();
                result.set_expiry(served.and_then(|shared| shared.lock().session.config().sync_request_timeout));
            }
            result.value()
        }
    }
}

/// Asks without waiting.
pub fn ask_later(object: &Reference, ask: Ask<'_>, timeout: Option<Duration>) -> Result<AsyncResult> {
    // Nobody waits here, wherever that is.
    let _back = apart::is_inside().then(apart::enter);
    ask_later_into(object, ask, timeout, None)
}

/// Asks without waiting. Bytes that fit come to lie in the room.
pub fn ask_later_into(
    object: &Reference,
    ask: Ask<'_>,
    timeout: Option<Duration>,
    room: Option<Box<dyn Room>>,
) -> Result<AsyncResult> {
    match object {
        Reference::Remote(proxy) => {
            let shared = shared_of(proxy)?;
            let result = AsyncResult::new(&shared, String::new(), timeout);
            if timeout.is_some() {
                result.describe(|| ask.text());
            }
            with_body(object, proxy, &ask, |body| shared.async_request(body, &result, room))?;
            Ok(result)
        }
        Reference::Local(target) => {
            let result = AsyncResult::local(ask.text());
            let settle = result.clone();
            let answer = Answer::then(Due::NEVER, move |outcome: Outcome| {
                let outcome = outcome.map_err(Error::Remote);
                let outcome = match room {
                    Some(room) => outcome.map(|value| fill(room, value).0),
                    None => outcome,
                };
                let run = settle.settle(outcome).0;
                settle.tell_readers();
                if run {
                    settle.run_callbacks_within();
                }
            });
            ask_local(target, ask, Job { answer, origin: None });
            Ok(result)
        }
    }
}

/// A peer on whose behalf something is asked.
#[derive(Clone)]
pub struct Asker {
    pub(super) origin: Option<Arc<Shared>>,
    pub(super) due: Due,
}

impl Asker {
    pub fn of(call: &Call) -> Asker {
        Asker { origin: call.shared().cloned(), due: call.due() }
    }
}

/// Asks on behalf of a peer, and goes on with the answer. An object of ours sees the connection of the peer, decides by rules
/// of its own where it has them, and may answer later; no thread waits for it.
pub fn ask_then(call: Asker, object: &Reference, ask: Ask<'_>, then: impl FnOnce(Result<Value>) + Send + 'static) {
    let Reference::Local(target) = object else { return then(self::ask(object, ask)) };
    match op_for(target, ask) {
        Ok(Ok(op)) => {
            let answer = Answer::then(call.due, move |outcome: Outcome| then(outcome.map_err(Error::Remote)));
            dispatch::perform(Job { answer, origin: call.origin }, target, op);
        }
        Ok(Err(value)) => then(Ok(value)),
        Err(exception) => then(Err(Error::Remote(exception))),
    }
}

/// The operation as a peer would ask for it, or its value where nothing has to run.
fn op_for(target: &Arc<dyn Local>, ask: Ask<'_>) -> Result<Result<Op, Value>, Exception> {
    let shape = target.shape();
    let name_of = |name: &str, own: bool, exists: bool| match shape.member(name.as_bytes()) {
        _ if own => Ok(Name::Own(Text::new(name))),
        Some(index) => Ok(Name::Member(index)),
        None if shape.dynamic && !exists => Ok(Name::Dynamic(Text::new(name))),
        None if shape.dynamic => dynamic_name(target, name).ok_or_else(|| no_attribute(target, name)),
        None => Err(no_attribute(target, name)),
    };
    match ask {
        Ask::GetAttr(name) => Ok(Ok(Op::GetAttr(name_of(name, shape.own_get, true)?))),
        Ask::SetAttr(name, value) => Ok(Ok(Op::SetAttr(name_of(name, shape.own_set, false)?, value.clone()))),
        ask => local_op(target, ask),
    }
}

/// Asks as code of the host does, which is not held to the rules for peers, and goes on with the answer. What runs sees the
/// connection of the peer, and may answer later.
pub(super) fn ask_own_then(
    call: Asker,
    object: &Reference,
    ask: Ask<'_>,
    then: impl FnOnce(Result<Value>) + Send + 'static,
) {
    let Reference::Local(target) = object else { return then(self::ask(object, ask)) };
    let answer = Answer::then(call.due, move |outcome: Outcome| then(outcome.map_err(Error::Remote)));
    ask_local(target, ask, Job { answer, origin: call.origin });
}

/// The connection over which an object was lent.
#[inline]
pub fn shared_of(proxy: &Proxy) -> Result<Arc<Shared>> {
    Shared::of_releases(proxy.home()).ok_or_else(|| no_connection(proxy))
}

#[cold]
fn no_connection(proxy: &Proxy) -> Error {
    match proxy.home().owner() {
        Some(owner) if owner.is::<Apart>() => {
            Error::State("the object belongs to a bare session: ask for it there, with rpyc_session_ask".into())
        }
        _ => Error::Closed("the object's connection is gone".into()),
    }
}

fn with_body<R>(
    object: &Reference,
    target: &Arc<Proxy>,
    ask: &Ask<'_>,
    send: impl FnOnce(Body<'_>) -> Result<R>,
) -> Result<R> {
    let this = || Value::Ref(object.clone());
    match *ask {
        Ask::Call { args, keywords } => send(Body::Call { target, args, keywords }),
        Ask::CallAttr { name, args, keywords } => send(Body::CallAttr { target, name, args, keywords }),
        Ask::Inspect => send(Body::Inspect { target }),
        Ask::GetAttr(name) => send(raw_body(Handler::GetAttr, &[this(), Value::str(name)])),
        Ask::DelAttr(name) => send(raw_body(Handler::DelAttr, &[this(), Value::str(name)])),
        Ask::SetAttr(name, value) => send(raw_body(Handler::SetAttr, &[this(), Value::str(name), value.clone()])),
        Ask::Repr => send(raw_body(Handler::Repr, &[this()])),
        Ask::Str => send(raw_body(Handler::Str, &[this()])),
        Ask::Hash => send(raw_body(Handler::Hash, &[this()])),
        Ask::Dir => send(raw_body(Handler::Dir, &[this()])),
        Ask::Compare(op, other) => send(raw_body(Handler::Cmp, &[this(), other.clone(), Value::str(op.name())])),
        Ask::BuffIter(count) => send(raw_body(Handler::BuffIter, &[this(), Value::Int(count)])),
        Ask::Exit(failed) => {
            // A class cannot be sent from here as Python sends it; any true value says that there was an error.
            let exc = if failed { Value::Bool(true) } else { Value::None };
            send(raw_body(Handler::CtxExit, &[this(), exc]))
        }
    }
}

fn raw_body(handler: Handler, args: &[Value]) -> Body<'_> {
    Body::Raw { handler: handler as i64, args }
}

fn ask_local(target: &Arc<dyn Local>, ask: Ask<'_>, job: Job) {
    let op = match local_op(target, ask) {
        Ok(Ok(op)) => op,
        Ok(Err(value)) => return drop(job.answer.give(Ok(value))),
        Err(exception) => return drop(job.answer.give(Err(exception))),
    };
    dispatch::perform(job, target, op);
}

fn no_attribute(target: &Arc<dyn Local>, name: &str) -> Exception {
    let text = format!("'{}' object has no attribute '{name}'", target.shape().class_name());
    Exception::builtin("AttributeError", text)
}

/// The operation, or its value where nothing has to run. Our own code is not held to the rules for peers.
fn local_op(target: &Arc<dyn Local>, ask: Ask<'_>) -> Result<Result<Op, Value>, Exception> {
    let name_of = |name: &str, exists: bool| {
        let shape = target.shape();
        match shape.member(name.as_bytes()).or_else(|| shape.member(format!("exposed_{name}").as_bytes())) {
            Some(index) => Ok(Name::Member(index)),
            None if shape.own_get => Ok(Name::Own(Text::new(name))),
            None if shape.dynamic && !exists => Ok(Name::Dynamic(Text::new(name))),
            None if shape.dynamic => dynamic_name(target, name).ok_or_else(|| no_attribute(target, name)),
            None => Err(no_attribute(target, name)),
        }
    };
    Ok(Ok(match ask {
        Ask::GetAttr(name) => Op::GetAttr(name_of(name, true)?),
        Ask::SetAttr(name, value) => Op::SetAttr(name_of(name, false)?, value.clone()),
        Ask::DelAttr(name) => Op::DelAttr(name_of(name, true)?),
        Ask::Call { args, keywords } => Op::Call { args: args.to_vec(), keywords: keywords.to_vec() },
        Ask::CallAttr { name, args, keywords } => {
            Op::CallAttr { name: name_of(name, true)?, args: args.to_vec(), keywords: keywords.to_vec() }
        }
        Ask::Repr => Op::Repr,
        Ask::Str => Op::Str,
        Ask::Hash => Op::Hash,
        Ask::Dir => Op::Dir,
        Ask::Compare(op, other) => Op::Compare { op, other: other.clone() },
        Ask::BuffIter(count) => Op::BuffIter { count: usize::try_from(count).unwrap_or(0) },
        Ask::Exit(failed) => {
            let exc = if failed { Value::Bool(true) } else { Value::None };
            Op::CallAttr {
                name: name_of("__exit__", true)?,
                args: vec![exc.clone(), exc, Value::None],
                keywords: Vec::new(),
            }
        }
        Ask::Inspect => return Ok(Err(target.shape().inspect.clone())),
    }))
}

pub(super) fn outcome(result: Result<Value>) -> Outcome {
    result.map_err(Exception::from)
}

/// Calls an object of a peer on behalf of another.
pub(super) fn call_as_outcome(proxy: &Arc<Proxy>, args: &[Value], keywords: &[(Text, Value)]) -> Outcome {
    outcome(ask(&Reference::Remote(proxy.clone()), Ask::Call { args, keywords }))
}

pub(super) fn buffiter_as_outcome(proxy: &Arc<Proxy>, count: usize) -> Outcome {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    outcome(ask(&Reference::Remote(proxy.clone()), Ask::BuffIter(count)))
}

/// Has the object that a proxy stands for an attribute of this name? As Python's `hasattr` it tries to get it; where that
/// fails otherwise, so will the access, and says why.
pub(super) fn has_attr(proxy: &Arc<Proxy>, name: &str) -> bool {
    match ask(&Reference::Remote(proxy.clone()), Ask::GetAttr(name)) {
        Err(Error::Remote(exception)) => !exception.is_builtin("AttributeError"),
        _ => true,
    }
}

/// Passes an operation on to the object that a proxy stands for, on its own connection.
pub(super) fn pass_on(proxy: &Arc<Proxy>, op: &Op) -> Outcome {
    let object = Reference::Remote(proxy.clone());
    let text = |name: &Name| match name {
        Name::Own(text) | Name::Dynamic(text) => text.as_str().to_owned(),
        Name::Member(_) => String::new(),
    };
    outcome(match op {
        Op::GetAttr(name) => ask(&object, Ask::GetAttr(&text(name))),
        Op::SetAttr(name, value) => ask(&object, Ask::SetAttr(&text(name), value)),
        Op::DelAttr(name) => ask(&object, Ask::DelAttr(&text(name))),
        Op::Call { args, keywords } => ask(&object, Ask::Call { args, keywords }),
        Op::CallAttr { name, args, keywords } => ask(&object, Ask::CallAttr { name: &text(name), args, keywords }),
        Op::Repr => ask(&object, Ask::Repr),
        Op::Str => ask(&object, Ask::Str),
        Op::Hash => ask(&object, Ask::Hash),
        Op::Dir => ask(&object, Ask::Dir),
        Op::Inspect => ask(&object, Ask::Inspect),
        Op::InstanceCheck(instance) => instance::of_peer(proxy, instance),
        Op::Compare { op, other } => ask(&object, Ask::Compare(*op, other)),
        Op::BuffIter { count } => return buffiter_as_outcome(proxy, *count),
        Op::OldSlicing(_) | Op::Exists { .. } | Op::Pickle { .. } => {
            return Err(Exception::builtin("TypeError", "the object does not support this"));
        }
    })
}
