//! Defines the state through which an event loop and the threads of its connection communicate.

use crate::sync::atomic::{AtomicBool, Ordering};
use crate::transport::Event;
use std::sync::Arc;

/// Whether an event loop drives the connection, and its progress.
#[derive(Default)]
pub(super) struct EventLoop {
    /// Set in non-blocking mode: only threads that wait for a reply wait for room to send.
    pub(super) looped: Option<Arc<Wake>>,
    /// One call of `process` has done enough; more work is left.
    pub(super) more: bool,
    /// The nesting depth of running calls of `process`. The loop gets its conditions again when the outermost has
    /// ended.
    pub(super) processing: usize,
}

impl EventLoop {
    #[inline]
    pub(super) fn is_on(&self) -> bool {
        self.looped.is_some()
    }

    /// Ends one `process`. The caller of the outermost checks the conditions itself.
    pub(super) fn end_processing(&mut self) {
        self.processing -= 1;
        if self.processing == 0 {
            if let Some(wake) = &self.looped {
                wake.clear();
            }
        }
    }
}

/// Wakes the loop when another thread has left work for it.
pub(super) struct Wake {
    pub(super) event: Event,
    pub(super) rung: AtomicBool,
}

impl Wake {
    pub(super) fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.event.set();
        }
    }

    pub(super) fn clear(&self) {
        if self.rung.load(Ordering::Acquire) {
            self.event.clear();
            // Last: a ring in between is seen by the loop, which gets its conditions again before it waits.
            self.rung.store(false, Ordering::Release);
        }
    }
}
