//! Runs the application's hook before a connection is closed, in one thread at a time.

use super::threads;
use crate::config::BeforeClosed;
use crate::objects::turn;
use crate::sync::{Condvar, Mutex, lock, wait};

/// The application's hook, and the number of the thread that runs it, or 0.
pub(super) struct BeforeClosedHook {
    pub(super) run: BeforeClosed,
    thread: Mutex<u64>,
    done: Condvar,
}

/// Marks the thread that runs the hook.
pub(super) struct Running<'a>(&'a BeforeClosedHook);

impl BeforeClosedHook {
    pub(super) fn new(run: BeforeClosed) -> BeforeClosedHook {
        BeforeClosedHook { run, thread: Mutex::default(), done: Condvar::new() }
    }

    /// Waits while another thread runs the hook. None if this thread runs it already.
    pub(super) fn enter(&self) -> Option<Running<'_>> {
        let here = threads::id();
        let mut thread = lock(&self.thread);
        if *thread == here {
            return None;
        }
        if *thread != 0 {
            drop(thread);
            let _pause = turn::pause();
            thread = lock(&self.thread);
            while *thread != 0 {
                thread = wait(&self.done, thread);
            }
            *thread = here;
            drop(thread);
            return Some(Running(self));
        }
        *thread = here;
        Some(Running(self))
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        *lock(&self.0.thread) = 0;
        self.0.done.notify_all();
    }
}
