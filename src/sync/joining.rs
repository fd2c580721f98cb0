//! Threads of the library that somebody may wait for, until nothing of them is left.

use super::thread::{Builder, JoinHandle};
use super::thread_local;
use crate::fork;
use std::cell::Cell;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of the thread that was started last. Those of the host have none.
static LAST: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static HERE: Cell<u64> = const { Cell::new(0) };
}

/// The number of this thread, if the library has started it.
pub fn here() -> u64 {
    HERE.with(Cell::get)
}

/// A thread that has been started. Whoever lets go of it leaves it to itself.
pub struct Started {
    /// None once it has been taken.
    thread: Option<JoinHandle<()>>,
    number: u64,
    forks: u32,
}

impl Started {
    pub fn spawn(builder: Builder, run: impl FnOnce() + Send + 'static) -> io::Result<Started> {
        let number = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        let thread = builder.spawn(move || {
            HERE.with(|here| here.set(number));
            run();
        })?;
        Ok(Started { thread: Some(thread), number, forks: fork::generation() })
    }

    pub fn number(&self) -> u64 {
        self.number
    }

    /// Waits until the system has done with it too. A thread does not wait for itself, nor a forked child for its parent's.
    pub fn join(mut self) {
        if self.is_ours() && self.number != here() {
            // Its panic has been told already.
            let _ = self.thread.take().map(JoinHandle::join);
        }
    }

    fn is_ours(&self) -> bool {
        fork::is_ours(self.forks)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if !self.is_ours() {
            // In a forked child its memory may be another thread's by now.
            std::mem::forget(self.thread.take());
        }
    }
}
