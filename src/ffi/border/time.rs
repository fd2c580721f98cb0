//! Times as the header has them: milliseconds, -1 being without limit.

use crate::objects::Call;
use std::time::Duration;

/// A time limit as the header has it: -1, or any negative number, is none.
pub(crate) fn timeout(milliseconds: i64) -> Option<Duration> {
    u64::try_from(milliseconds).ok().map(Duration::from_millis)
}

/// As rpyc_call_time_left gives it.
pub(crate) fn time_left(call: &Call) -> i64 {
    call.time_left().map_or(-1, |left| i64::try_from(left).unwrap_or(i64::MAX))
}
