//! BUFFITER: several items of an iterator in one answer.

use super::call::Answer;
use super::class::Object;
use super::dispatch::{self, Job, Outcome, perform};
use crate::error::Exception;
use crate::session::{Name, Op};
use crate::sync::{Mutex, lock};
use crate::value::{Local, Reference, Value};
use std::sync::Arc;

/// Where the answer of one step goes when it may come at once or later.
enum Slot {
    Empty,
    Filled(Outcome),
    Waiting(Box<dyn FnOnce(Outcome) + Send>),
    Done,
}

/// So many items are given at once where a peer asks for all that there are.
const MOST: usize = 1 << 20;

/// Answers with the next `count` items of an iterator, or the first of an iterable.
pub(super) fn buffered(job: Job, object: Arc<Object>, count: usize) {
    let class = object.class();
    if class.find("__next__").is_some() {
        return step(job, object, Vec::new(), count);
    }
    let Some(iter) = class.find("__iter__").cloned() else {
        let text = format!("'{}' object is not iterable", class.shape().class_name());
        let _ = job.answer.give(Err(Exception::builtin("TypeError", text)));
        return;
    };
    let job = job.then(move |job, outcome| match outcome {
        Ok(Value::Ref(Reference::Local(iterator))) => match dispatch::downcast::<Object>(&iterator) {
            Some(iterator) if iterator.class().find("__next__").is_some() => step(job, iterator, Vec::new(), count),
            _ => no_iterator(job, iterator.shape().class_name()),
        },
        Ok(Value::Ref(Reference::Remote(proxy))) => {
            let _ = job.answer.give(super::remote::buffiter_as_outcome(&proxy, count));
        }
        Ok(Value::Tuple(items) | Value::List(items)) => {
            let _ = job.answer.give(Ok(Value::Tuple(items.iter().take(count).cloned().collect())));
        }
        Ok(other) => no_iterator(job, other.type_name()),
        Err(exception) => {
            let _ = job.answer.give(Err(exception));
        }
    });
    dispatch::invoke(job, object, iter, Vec::new(), Vec::new());
}

fn no_iterator(job: Job, type_name: &str) {
    let _ = job.answer.give(Err(non_iterator(type_name)));
}

fn non_iterator(type_name: &str) -> Exception {
    Exception::builtin("TypeError", format!("iter() returned non-iterator of type '{type_name}'"))
}

/// Rejects what `__iter__` answered with where it is an iterable of ours, whose items BUFFITER would begin anew each time.
pub(super) fn check_iterator(iterator: &Reference) -> Result<(), Exception> {
    let Reference::Local(local) = iterator else { return Ok(()) };
    match local.as_any().downcast_ref::<Object>().is_some_and(|object| object.class().find("__next__").is_some()) {
        true => Ok(()),
        false => Err(non_iterator(local.shape().class_name())),
    }
}

/// Fetches until there is enough. Answers that come at once do not deepen the stack.
fn step(job: Job, iterator: Arc<Object>, mut items: Vec<Value>, count: usize) {
    let target: Arc<dyn Local> = iterator.clone();
    let Some(next) = iterator.class().shape().member(b"__next__") else {
        return no_iterator(job, iterator.class().shape().class_name());
    };
    while items.len() < count {
        if items.len() >= MOST {
            let _ = job.answer.give(Err(Exception::builtin("MemoryError", "")));
            return;
        }
        let slot = Arc::new(Mutex::new(Slot::Empty));
        let fill = slot.clone();
        let answer = Answer::then(job.answer.due(), move |outcome| {
            let mut slot = lock(&fill);
            match std::mem::replace(&mut *slot, Slot::Done) {
                Slot::Waiting(f) => {
                    drop(slot);
                    f(outcome);
                }
                _ => *slot = Slot::Filled(outcome),
            }
        });
        let origin = job.origin();
        let op = Op::CallAttr { name: Name::Member(next), args: Vec::new(), keywords: Vec::new() };
        perform(Job { answer, origin }, &target, op);
        let mut filled = lock(&slot);
        match std::mem::replace(&mut *filled, Slot::Done) {
            Slot::Filled(Ok(item)) => items.push(item),
            Slot::Filled(Err(end)) if end.is_builtin("StopIteration") => break,
            Slot::Filled(Err(exception)) => {
                drop(filled);
                let _ = job.answer.give(Err(exception));
                return;
            }
            _ => {
                *filled = Slot::Waiting(Box::new(move |outcome| match outcome {
                    Ok(item) => {
                        items.push(item);
                        step(job, iterator, items, count)
                    }
                    Err(end) if end.is_builtin("StopIteration") => {
                        let _ = job.answer.give(Ok(Value::tuple(items)));
                    }
                    Err(exception) => {
                        let _ = job.answer.give(Err(exception));
                    }
                }));
                return;
            }
        }
    }
    let _ = job.answer.give(Ok(Value::tuple(items)));
}
