//! Forks are noticed by a counter that the child's side of `pthread_atfork` raises; asking the system would cost a
//! call each time. The C border installs the handler.

use std::sync::atomic::{AtomicU32, Ordering};

static FORKS: AtomicU32 = AtomicU32::new(0);

/// The number of forks so far, for what must stay in the process that made it.
#[inline]
pub fn generation() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// This process has just been made by a fork. Async-signal-safe.
pub fn count() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// Was it made in this process, and not in the parent before a fork?
#[inline]
pub fn is_ours(made: u32) -> bool {
    made == generation()
}
