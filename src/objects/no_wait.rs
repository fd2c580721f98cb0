//! Work for the peer of a session that the application drives itself, on the very thread that takes the session's events.
//!
//! What is asked of the application there lies in a queue until that thread takes it, so it must not wait for the answer.

use crate::error::{Error, Result};
use std::cell::Cell;

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
        Place::Refused => Err(Error::State("an object of a session cannot be waited for here".into())),
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
