//! When callers stop waiting: what came with a request, on the clock of this process.

use crate::protocol::{Due, RequestId};
use std::time::Duration;

/// Microseconds on a clock that began before the first request came.
#[cfg(not(feature = "model"))]
fn now() -> u64 {
    use crate::sync::Instant;
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    microseconds(Instant::now().saturating_duration_since(*START.get_or_init(Instant::now)))
}

#[cfg(feature = "model")]
fn now() -> u64 {
    microseconds(crate::sync::clock::passed())
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The same, for times that nobody else knows of.
pub fn clock() -> Duration {
    Duration::from_micros(now())
}

/// A request has come just now: what it says counts from here.
#[inline]
pub fn start(id: &mut RequestId) {
    let due = id.due();
    if due.is_set() {
        id.set_due(due.on_clock(now()));
    }
}

/// How many milliseconds are left, 0 only where none is. None: it is not known that there is an end.
pub fn left(due: Due) -> Option<u64> {
    due.microseconds().map(|due| due.saturating_sub(now()).div_ceil(1000))
}

#[inline]
pub fn has_passed(due: Due) -> bool {
    due.is_set() && left(due) == Some(0)
}
