//! Work for the peer of a session that the application drives itself, on the very thread that takes the session's events.
//!
//! What is asked of the application there lies in a queue until that thread takes it, so it must not wait for the answer.

use crate::error::{Error, Exception, Result};
use crate::protocol::Due;
use crate::value::Value;
use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

/// Says why a thread does not wait for an object of a session whose events it takes itself, and what to do.
const OWN_EVENTS: &str = "this thread takes the events of the object's session, so it cannot wait for the object: use the \
    _async function and take events until the result is ready, or ask in another thread";

/// The number of this thread among those that have waited or taken events, from 1.
#[inline]
pub fn thread_number() -> u32 {
    thread_local!(static NUMBER: Cell<u32> = const { Cell::new(0) });
    match NUMBER.get() {
        0 => {
            static LAST: AtomicU32 = AtomicU32::new(0);
            // After four thousand millions of threads a number is used again, and 0 never.
            NUMBER.set(LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1).max(1));
            NUMBER.get()
        }
        known => known,
    }
}

thread_local!(static AWAITED: Cell<bool> = const { Cell::new(false) });

/// While it lives, what is asked is awaited by this thread, or is not.
pub struct Awaited(bool);

impl Drop for Awaited {
    fn drop(&mut self) {
        AWAITED.set(self.0);
    }
}

/// Begins to ask what this thread will wait for, all together.
pub fn await_all() -> Awaited {
    Awaited(AWAITED.replace(true))
}

/// How long one of them is waited for. What the application asks meanwhile is another matter.
pub(super) fn due_here() -> (Due, Awaited) {
    let before = Awaited(AWAITED.replace(false));
    (if before.0 { Due::awaited_by(thread_number()) } else { Due::NEVER }, before)
}

/// What a request gets whose answer the thread waits for that would have to take it.
pub fn own_events() -> Exception {
    Exception::builtin("RuntimeError", OWN_EVENTS)
}

/// Turns that back into a status, however far it has come.
pub(super) fn as_status(outcome: Result<Value>) -> Result<Value> {
    match outcome {
        Err(Error::Remote(exception)) if is_own_events(&exception) => Err(Error::State(OWN_EVENTS.into())),
        outcome => outcome,
    }
}

fn is_own_events(exception: &Exception) -> bool {
    exception.is_builtin("RuntimeError")
        && matches!(exception.args.first(), Some(Value::Str(text)) if text.as_str() == OWN_EVENTS)
}

/// Does the error say that the application cannot be asked here?
pub(super) fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::State(text) if is_inside() || text == OWN_EVENTS)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Elsewhere,
    /// In work for such a peer.
    Serving,
    /// And what is asked now is waited for.
    Asking,
    /// And the application was to be asked.
    Refused,
}

thread_local!(static PLACE: Cell<Place> = const { Cell::new(Place::Elsewhere) });

/// Puts back what was before.
pub(super) struct Back(Place);

impl Drop for Back {
    fn drop(&mut self) {
        PLACE.set(self.0);
    }
}

pub(super) fn enter() -> Back {
    Back(PLACE.replace(Place::Serving))
}

pub(super) fn is_inside() -> bool {
    PLACE.get() != Place::Elsewhere
}

/// Asks for what will be waited for. The error: the application was to be asked, and cannot hear of it.
pub(super) fn asking<R>(ask: impl FnOnce() -> R) -> Result<R> {
    if !is_inside() {
        return Ok(ask());
    }
    let _back = Back(PLACE.replace(Place::Asking));
    let result = ask();
    match PLACE.get() {
        Place::Refused => Err(Error::State("cannot wait for an object of a session here".into())),
        _ => Ok(result),
    }
}

/// May the application be asked through a queue? Not where this thread would wait for it.
pub fn may_ask() -> bool {
    let may = matches!(PLACE.get(), Place::Elsewhere | Place::Serving);
    if !may {
        PLACE.set(Place::Refused);
    }
    may
}
