//! Operations on local and remote objects: one request to the peer, or the operation itself for local ones.

use super::attributes::dynamic_name;
use super::call::{Answer, Call};
use super::class::ClassObject;
use super::defaults;
use super::dispatch;
use super::job::Job;
use super::no_wait;
use super::peer::{Outcome, Peer, ask_peer};
use super::promise::Promise;
use super::served;
use super::time_limit;
use crate::codec::pickle;
use crate::error::{Error, Exception, Result};
use crate::protocol::{Due, Name, Op};
use crate::value::{Ask, Local, Reference, Text, Value};
use std::sync::Arc;
use std::time::Duration;

/// Makes a request and waits for the reply.
#[inline]
pub fn ask(object: &Reference, ask: Ask<'_>) -> Result<Value> {
    match object {
        Reference::Remote(proxy) => ask_peer(proxy, ask),
        Reference::Local(target) => {
            let due = Due::awaited_by(no_wait::thread_number());
            let result = no_wait::asking(|| ask_here(target, ask, due, |answer| answer))?;
            if result.is_settled() {
                return no_wait::as_status(result.value());
            }
            let within = time_limit::here();
            let timeout = match &within {
                None => served::here().and_then(|peer| peer.timeout()),
                Some(within) => within.left(),
            };
            result.set_expiry(timeout);
            let _apart = time_limit::apart();
            no_wait::as_status(result.value())
        }
    }
}

/// Makes a request to a local object without waiting. The answer is passed to `then`.
pub fn ask_here_later(
    target: &Arc<dyn Local>,
    ask: Ask<'_>,
    timeout: Option<Duration>,
    then: impl FnOnce(Result<Value>) -> Result<Value> + Send + 'static,
) -> Promise {
    // No thread waits here, even if one waits elsewhere.
    let _back = no_wait::is_inside().then(no_wait::enter);
    let (due, _before) = no_wait::due_here();
    let promise = ask_here(target, ask, due, then);
    if timeout.is_some() && !promise.is_settled() {
        promise.set_expiry(timeout);
    }
    promise
}

fn ask_here(
    target: &Arc<dyn Local>,
    ask: Ask<'_>,
    due: Due,
    then: impl FnOnce(Result<Value>) -> Result<Value> + Send + 'static,
) -> Promise {
    let promise = Promise::local(ask.text());
    let settle = promise.clone();
    let answer = Answer::then(due, move |outcome: Outcome| settle.keep(then(outcome.map_err(Error::Remote))));
    ask_local(target, ask, Job { answer, origin: None });
    promise
}

/// A peer on whose behalf a request is made.
#[derive(Clone)]
pub struct Asker {
    pub(super) origin: Option<Arc<dyn Peer>>,
    pub(super) due: Due,
}

impl Asker {
    pub fn of(call: &Call) -> Asker {
        Asker { origin: call.peer().cloned(), due: call.due() }
    }
}

/// Makes a request on behalf of a peer, and continues with the answer. A local object sees the peer's connection,
/// applies its own rules if it has any, and may answer later; no thread waits for it.
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

/// Returns the operation as a peer would request it, or its value if nothing has to run.
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

/// Makes a request as application code does, to which the rules for peers do not apply, and continues with the answer.
/// The called code sees the peer's connection, and may answer later.
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

fn ask_local(target: &Arc<dyn Local>, ask: Ask<'_>, job: Job) {
    let op = match local_op(target, ask) {
        Ok(Ok(op)) => op,
        Ok(Err(value)) => return drop(job.answer.give(Ok(value))),
        Err(exception) => return drop(job.answer.give(Err(exception))),
    };
    dispatch::perform(job, target, op);
}

fn no_attribute(target: &Arc<dyn Local>, name: &str) -> Exception {
    Exception::builtin("AttributeError", target.shape().lacks(&format!("'{name}'")))
}

/// Returns the operation, or its value if nothing has to run. The rules for peers do not apply to local code.
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
    // Python's operators look up special methods in the type, and a class is not its own instance.
    let called = |name: &str| match name_of(name, true)? {
        Name::Member(index) if name.starts_with("__") && target.as_any().is::<ClassObject>() => {
            match defaults::class_member(index) {
                Some(_) => Err(no_attribute(target, name)),
                None => Ok(Name::Member(index)),
            }
        }
        found => Ok(found),
    };
    Ok(Ok(match ask {
        Ask::GetAttr(name) => Op::GetAttr(name_of(name, true)?),
        Ask::SetAttr(name, value) => Op::SetAttr(name_of(name, false)?, value.clone()),
        Ask::DelAttr(name) => Op::DelAttr(name_of(name, true)?),
        Ask::Call { args, keywords } => Op::Call { args: args.to_vec(), keywords: keywords.to_vec() },
        Ask::CallAttr { name, args, keywords } => {
            Op::CallAttr { name: called(name)?, args: args.to_vec(), keywords: keywords.to_vec() }
        }
        Ask::Repr => Op::Repr,
        Ask::Str => Op::Str,
        Ask::Hash => Op::Hash,
        Ask::Dir => Op::Dir,
        Ask::Compare(op, other) => Op::Compare { op, other: other.clone() },
        Ask::BuffIter(count) => Op::BuffIter { count: usize::try_from(count).unwrap_or(0) },
        Ask::Exit(failed) => {
            let exc = if failed { Value::Bool(true) } else { Value::None };
            Op::CallAttr { name: called("__exit__")?, args: vec![exc.clone(), exc, Value::None], keywords: Vec::new() }
        }
        Ask::Pickle(protocol) => {
            Op::Pickle { protocol: u8::try_from(protocol).unwrap_or(pickle::HIGHEST), numpy: protocol == -1 }
        }
        Ask::Inspect => return Ok(Err(target.shape().inspect.clone())),
    }))
}
