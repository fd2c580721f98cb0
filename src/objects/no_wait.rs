//! Work for the peer of a session that the application drives, in the thread that takes the session's events.
//!
//! A request to the application is queued until that thread takes it, so the thread must not wait for the reply.

use crate::error::{Error, Exception, Result};
use crate::protocol::Due;
use crate::value::Value;
use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

/// States why a thread does not wait for an object of a session whose events it takes, and the remedy.
const OWN_EVENTS: &str = "this thread takes the events of the object's session, so it cannot wait for the object: use the \
    _async function and take events until the result is ready, or ask in another thread";

/// Returns the number of this thread among those that have waited or taken events, from 1.
#[inline]
pub fn thread_number() -> u32 {
    thread_local!(static NUMBER: Cell<u32> = const { Cell::new(0) });
    match NUMBER.get() {
        0 => {
            static LAST: AtomicU32 = AtomicU32::new(0);
            // Numbers are reused after 2^32 threads. 0 is never used.
            NUMBER.set(LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1).max(1));
            NUMBER.get()
        }
        known => known,
    }
}

thread_local!(static AWAITED: Cell<bool> = const { Cell::new(false) });

/// While it exists, this thread waits for the requests that it makes, or does not.
pub struct Awaited(bool);

impl Drop for Awaited {
    fn drop(&mut self) {
        AWAITED.set(self.0);
    }
}

/// Begins requests that this thread will wait for together.
pub fn await_all() -> Awaited {
    Awaited(AWAITED.replace(true))
}

/// Returns the deadline for one of them. It does not apply to requests that the application makes meanwhile.
pub(super) fn due_here() -> (Due, Awaited) {
    let before = Awaited(AWAITED.replace(false));
    (if before.0 { Due::awaited_by(thread_number()) } else { Due::NEVER }, before)
}

/// The exception of a request for which the waiting thread itself would have to take the event.
pub fn own_events() -> Exception {
    Exception::builtin("RuntimeError", OWN_EVENTS)
}

/// Converts that exception to its status, also after it has passed through other code.
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

/// Returns whether the error states that the application cannot be asked here.
pub(super) fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::State(text) if is_inside() || text == OWN_EVENTS)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Elsewhere,
    /// Working for such a peer.
    Serving,
    /// Making a request that this thread waits for.
    Asking,
    /// A request to the application was rejected.
    Refused,
}

thread_local!(static PLACE: Cell<Place> = const { Cell::new(Place::Elsewhere) });

/// Restores the previous state.
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

/// Makes requests that this thread will wait for. Fails if the application would have to be asked.
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

/// Returns whether the application may be asked through its queue: not if this thread would wait for it.
pub fn may_ask() -> bool {
    let may = matches!(PLACE.get(), Place::Elsewhere | Place::Serving);
    if !may {
        PLACE.set(Place::Refused);
    }
    may
}
