//! An operation on a local object, before it reaches application code, and its outcome.

use super::call::{Answer, Call};
use super::class::{Member, Method, Object};
use super::no_wait;
use super::peer::{Outcome, Peer};
use super::turn::Turn;
use crate::error::Exception;
use crate::value::{Local, Value};
use std::sync::Arc;

/// An operation on a local object, and the destination of its answer.
pub(super) struct Job {
    pub answer: Answer,
    /// The requesting peer, if the answer is not addressed to it.
    pub origin: Option<Arc<dyn Peer>>,
}

impl Job {
    pub(super) fn give(self, outcome: Outcome) {
        // If the answer could not be sent, the peer has been told; an ended connection needs none.
        let _ = self.answer.give(outcome);
    }

    pub(super) fn fail(self, name: &str, text: impl AsRef<str>) {
        self.give(Err(Exception::builtin(name, text)));
    }

    /// The requesting peer, wherever the answer is sent.
    pub fn origin(&self) -> Option<Arc<dyn Peer>> {
        self.origin.as_ref().or(self.answer.peer()).cloned()
    }

    /// The same origin, with an answer that first passes through `f`.
    pub fn map(self, f: impl FnOnce(Outcome) -> Outcome + Send + 'static) -> Job {
        let origin = self.origin();
        let answer = self.answer;
        let answer = Answer::through(answer.due(), move |outcome| answer.give(f(outcome)));
        Job { answer, origin }
    }

    /// Splits off a job. `f` gets its outcome together with this one.
    pub fn then(self, f: impl FnOnce(Job, Outcome) + Send + 'static) -> Job {
        let origin = self.origin();
        let due = self.answer.due();
        // The application may answer in the thread that takes its events.
        let inside = no_wait::is_inside();
        let go_on = move |outcome| {
            let _back = (inside && !no_wait::is_inside()).then(no_wait::enter);
            f(self, outcome);
        };
        Job { answer: Answer::then(due, go_on), origin }
    }
}

pub(super) fn downcast<T: Local>(target: &Arc<dyn Local>) -> Option<Arc<T>> {
    // `Arc<dyn Local>` cannot be downcast; every local object can return a handle to itself.
    target.clone().into_any_arc().downcast::<T>().ok()
}

#[inline(always)]
pub(super) fn take_turn(turn: Option<Turn>, run: &Method, call: Call) {
    match turn {
        None => run(call),
        Some(turn) => run_in_turn(&turn, run, call),
    }
}

#[inline(never)]
fn run_in_turn(turn: &Turn, run: &Method, call: Call) {
    turn.run(|| run(call));
}

/// Calls a hook of the application: a getter, a setter, or own rules.
pub(super) fn ask(job: Job, object: &Arc<Object>, member: Option<&Arc<Member>>, run: &Method, args: Vec<Value>) {
    let Job { answer, origin } = job;
    let call = Call::new(answer, origin, object.clone(), member.cloned(), args, Vec::new());
    take_turn(object.turn.clone(), run, call);
}
