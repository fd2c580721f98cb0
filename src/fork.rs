//! Detects forks by a counter that the child's handler of `pthread_atfork` increments; asking the system would cost a
//! call each time. The C interface installs the handler.

use std::sync::atomic::{AtomicU32, Ordering};

static FORKS: AtomicU32 = AtomicU32::new(0);

/// Returns the number of forks so far. Objects that must stay in their process store it.
#[inline]
pub fn generation() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// Counts a fork, in the child. Async-signal-safe.
pub fn count() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// Returns whether an object was made in this process, and not in the parent before a fork.
#[inline]
pub fn is_ours(made: u32) -> bool {
    made == generation()
}
