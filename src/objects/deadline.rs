//! Deadlines of callers, received with requests and converted to the clock of this process.

use crate::protocol::{Due, RequestId};
use std::time::Duration;

/// Microseconds on a clock that started before the first request.
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

/// The same for times that are not sent.
pub fn clock() -> Duration {
    Duration::from_micros(now())
}

/// The remaining time counts from now, when the request arrives.
#[inline]
pub fn start(id: &mut RequestId) {
    let due = id.due();
    if due.is_set() {
        id.set_due(due.on_clock(now()));
    }
}

/// Returns the remaining milliseconds, 0 only if none is left. None: no deadline is known.
pub fn left(due: Due) -> Option<u64> {
    due.microseconds().map(|due| due.saturating_sub(now()).div_ceil(1000))
}

#[inline]
pub fn has_passed(due: Due) -> bool {
    due.is_set() && left(due) == Some(0)
}
