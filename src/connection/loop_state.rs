//! Defines the state through which an event loop and the threads of its connection communicate.

use crate::error::{Error, Result};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::transport::Event;
use std::os::fd::RawFd;
use std::sync::{Arc, Weak};
use std::time::Duration;

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
    /// In a pool: the peer accepts no output.
    pub(super) stall: Option<Stall>,
}

/// How long the peer of a pooled connection has accepted nothing.
pub(super) struct Stall {
    pub(super) since: Duration,
    pub(super) waiting: usize,
    pub(super) received: Option<u64>,
}

impl EventLoop {
    #[inline]
    pub(super) fn is_on(&self) -> bool {
        self.looped.is_some()
    }

    /// Returns whether an event loop of the application drives the connection, and not a pool.
    #[cold]
    pub(super) fn is_of_application(&self) -> bool {
        matches!(self.looped.as_deref(), Some(Wake::Event { .. }))
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

/// Drives connections like a loop, with threads of the library: a pool of a server.
pub trait Driver: Send + Sync {
    /// Called when the connection has work, or may have. Called under the lock of the connection.
    fn summon(&self);
}

/// Wakes the loop when another thread has left work for it.
pub(super) enum Wake {
    Event { event: Event, rung: AtomicBool },
    Pool(Weak<dyn Driver>),
}

impl Wake {
    pub(super) fn event() -> Result<Wake> {
        let event = Event::new().map_err(|e| Error::io("cannot make an eventfd", e))?;
        Ok(Wake::Event { event, rung: AtomicBool::new(false) })
    }

    pub(super) fn fd(&self) -> Option<RawFd> {
        match self {
            Wake::Event { event, .. } => Some(event.fd()),
            Wake::Pool(_) => None,
        }
    }

    pub(super) fn ring(&self) {
        match self {
            Wake::Event { event, rung } => {
                if !rung.swap(true, Ordering::AcqRel) {
                    event.set();
                }
            }
            Wake::Pool(driver) => {
                if let Some(driver) = driver.upgrade() {
                    driver.summon();
                }
            }
        }
    }

    fn clear(&self) {
        if let Wake::Event { event, rung } = self {
            if rung.load(Ordering::Acquire) {
                event.clear();
                // Last: a ring in between is seen by the loop, which gets its conditions again before it waits.
                rung.store(false, Ordering::Release);
            }
        }
    }
}
