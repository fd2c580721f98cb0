//! BUFFITER: several items of an iterator in one reply.

use super::call::Answer;
use super::class::Object;
use super::dispatch::{self, perform};
use super::job::{Job, downcast};
use super::peer::{self, Outcome, ask_peer};
use super::promise::Promise;
use crate::budget::{Charge, SMALL};
use crate::error::{Error, Exception};
use crate::protocol::{Name, Op};
use crate::value::{Ask, Local, Reference, Value};
use std::sync::Arc;

/// Maximum number of items in one reply, if the peer requests more.
const MAX_ITEMS: usize = 1 << 20;

/// Items of one reply, and the part of the budget that they take.
struct Gathered {
    items: Vec<Value>,
    weight: usize,
    charge: Charge,
}

impl Gathered {
    fn of(job: &Job) -> Gathered {
        let account = job.origin().map(|peer| peer.account()).unwrap_or_default();
        Gathered { items: Vec::new(), weight: 0, charge: Charge::new(&account) }
    }

    /// Returns whether another item fits.
    fn has_room(&mut self) -> bool {
        let (len, capacity) = (self.items.len(), self.items.capacity());
        let more = if len < capacity { 0 } else { capacity.max(16) };
        // They will be copied into a tuple.
        let size = 2 * (capacity + more) * size_of::<Value>() + self.weight;
        let paid = size <= self.charge.bytes().max(SMALL) || self.charge.set(size + SMALL);
        len < MAX_ITEMS && paid && self.items.try_reserve_exact(more.max(1)).is_ok()
    }

    fn push(&mut self, item: Value) {
        self.weight += item.weight();
        self.items.push(item);
    }
}

/// Answers with the next `count` items of an iterator, or the first ones of an iterable.
pub(super) fn buffered(job: Job, object: Arc<Object>, count: usize) {
    let class = object.class();
    if class.find("__next__").is_some() {
        let gathered = Gathered::of(&job);
        return step(job, object, gathered, count);
    }
    let Some(iter) = class.find("__iter__").cloned() else {
        return job.fail("TypeError", format!("'{}' object is not iterable", class.shape().class_name()));
    };
    let job = job.then(move |job, outcome| match outcome {
        Ok(Value::Ref(Reference::Local(iterator))) => match downcast::<Object>(&iterator) {
            Some(iterator) if iterator.class().find("__next__").is_some() => {
                let gathered = Gathered::of(&job);
                step(job, iterator, gathered, count);
            }
            _ => no_iterator(job, iterator.shape().class_name()),
        },
        Ok(Value::Ref(Reference::Remote(proxy))) => {
            job.give(peer::outcome(ask_peer(&proxy, Ask::BuffIter(i64::try_from(count).unwrap_or(i64::MAX)))));
        }
        Ok(Value::Tuple(items) | Value::List(items)) => {
            job.give(Ok(Value::Tuple(items.iter().take(count).cloned().collect())));
        }
        Ok(other) => no_iterator(job, other.type_name()),
        Err(exception) => job.give(Err(exception)),
    });
    dispatch::invoke(job, object, iter, Vec::new(), Vec::new());
}

fn no_iterator(job: Job, type_name: &str) {
    job.give(Err(non_iterator(type_name)));
}

fn non_iterator(type_name: &str) -> Exception {
    Exception::builtin("TypeError", format!("iter() returned non-iterator of type '{type_name}'"))
}

/// Rejects an iterable of this process as the result of `__iter__`: BUFFITER would begin it again each time.
pub(super) fn check_iterator(iterator: &Reference) -> Result<(), Exception> {
    let Reference::Local(local) = iterator else { return Ok(()) };
    match local.as_any().downcast_ref::<Object>().is_some_and(|object| object.class().find("__next__").is_some()) {
        true => Ok(()),
        false => Err(non_iterator(local.shape().class_name())),
    }
}

/// Fetches until there are enough. Immediate answers do not deepen the stack.
fn step(job: Job, iterator: Arc<Object>, mut gathered: Gathered, count: usize) {
    let target: Arc<dyn Local> = iterator.clone();
    let Some(next) = iterator.class().shape().member(b"__next__") else {
        return no_iterator(job, iterator.class().shape().class_name());
    };
    while gathered.items.len() < count {
        if !gathered.has_room() {
            return job.give(Err(Exception::builtin("MemoryError", "")));
        }
        let next = next_of(&job, &target, next);
        match next.outcome() {
            Some(Ok(item)) => gathered.push(item),
            Some(Err(end)) if is_end(&end) => break,
            Some(Err(error)) => return job.give(Err(error.into())),
            None => {
                return next.add_callback(Box::new(move |next| match next.outcome() {
                    Some(Ok(item)) => {
                        gathered.push(item);
                        step(job, iterator, gathered, count)
                    }
                    Some(Err(error)) if !is_end(&error) => job.give(Err(error.into())),
                    _ => job.give(Ok(Value::tuple(gathered.items))),
                }));
            }
        }
    }
    job.give(Ok(Value::tuple(gathered.items)));
}

/// Handles the answer of `__next__`, immediate or later.
fn next_of(job: &Job, iterator: &Arc<dyn Local>, next: u32) -> Promise {
    let promise = Promise::local(String::new());
    let keep = promise.clone();
    let answer = Answer::then(job.answer.due(), move |outcome: Outcome| keep.keep(outcome.map_err(Error::Remote)));
    let op = Op::CallAttr { name: Name::Member(next), args: Vec::new(), keywords: Vec::new() };
    perform(Job { answer, origin: job.origin() }, iterator, op);
    promise
}

fn is_end(error: &Error) -> bool {
    matches!(error, Error::Remote(exception) if exception.is_builtin("StopIteration"))
}
