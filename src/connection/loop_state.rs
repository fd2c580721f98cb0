//! What an event loop and the threads of its connection leave for one another.

use crate::sync::atomic::{AtomicBool, Ordering};
use crate::transport::Event;
use std::sync::Arc;

/// Whether an event loop drives the connection, and how far it is.
#[derive(Default)]
pub(super) struct EventLoop {
    /// Nobody but those who wait for an answer waits for room to send.
    pub(super) looped: Option<Arc<Wake>>,
    /// The loop has been given enough to do for once; there is more.
    pub(super) more: bool,
    /// So often `process` is running, one in the other; the loop asks again what to wait for when it has ended.
    pub(super) processing: usize,
}

impl EventLoop {
    #[inline]
    pub(super) fn is_on(&self) -> bool {
        self.looped.is_some()
    }

    /// One `process` has ended. Who called the outermost looks by itself at what was rung for.
    pub(super) fn end_processing(&mut self) {
        self.processing -= 1;
        if self.processing == 0 {
            if let Some(wake) = &self.looped {
                wake.clear();
            }
        }
    }
}

/// What tells a loop that another thread left something for it to do.
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
            // Last: who rings in between is seen by the loop, which asks again before it waits.
            self.rung.store(false, Ordering::Release);
        }
    }
}
