//! Interrupts waiting threads, from a signal handler or any thread.
//!
//! The handler takes no lock and cannot know which threads wait. It sets a flag that every waiting thread checks before
//! each step. The first thread that sees it finds the others under the lock and tells them. A step takes a tick at
//! most. It ends at once in the thread that received the signal, which the handler also finds if it waits for others
//! (`seats`), and in a transport that can be woken (`ring`).

use super::limit::Limit;
use super::shared::Shared;
use super::state::{Guard, Inner, Key};
use super::wait::Step;
use crate::error::{Error, Result};
use crate::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

/// The connection has failed where it could not be ended (`Life::failed`).
const FAILED: u32 = 1;
/// Waiting threads must stop, and none has been told yet.
const INTERRUPTED: u32 = 2;
/// The reader must stop waiting.
const READER: u32 = 4;
/// And there was no other thread to be told.
const ALONE: u32 = 8;
/// The thread that waits for room to send must stop waiting.
const WRITER: u32 = 16;

/// The connection has a rare feature, from then on: bound threads, a queue, waits that can be woken, spinning. It is a
/// flag here so that one test excludes all of them.
const SPECIAL: u32 = 32;

/// The flags that waiting threads check before each step, without the lock.
pub(super) struct Alerts(AtomicU32);

impl Alerts {
    /// Makes the flags; `special` for a connection that has a rare feature from the beginning.
    pub(super) fn new(special: bool) -> Alerts {
        Alerts(AtomicU32::new(if special { SPECIAL } else { 0 }))
    }

    /// Marks the connection as special.
    pub(super) fn make_special(&self) {
        self.raise(SPECIAL);
    }

    /// Returns whether no flag is set and the connection is not special.
    #[inline(always)]
    pub(super) fn is_usual(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    #[inline]
    pub(super) fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) & !SPECIAL != 0
    }

    #[inline]
    pub(super) fn is_interrupted(&self) -> bool {
        self.0.load(Ordering::Relaxed) & INTERRUPTED != 0
    }

    pub(super) fn has_failed(&self) {
        self.raise(FAILED);
    }

    /// Sets the flag for the next waiting thread. Called by a thread that was told and could not report it to its
    /// caller.
    pub(super) fn interrupt(&self) {
        self.raise(INTERRUPTED);
    }

    fn raise(&self, alerts: u32) {
        self.0.fetch_or(alerts, Ordering::SeqCst);
    }

    /// Clears flags and returns those that were set.
    fn take(&self, alerts: u32) -> u32 {
        self.0.fetch_and(!alerts, Ordering::SeqCst) & alerts
    }
}

impl Key {
    /// Returns whether this wait can be interrupted. A serving thread of the library is not.
    pub(super) fn can_end(self) -> bool {
        !matches!(self, Key::Accepted | Key::Background)
    }
}

impl Shared {
    /// Ends all current waits, or the next one if there is none. It takes no lock and allocates nothing.
    pub fn interrupt(&self) {
        self.alerts.interrupt();
        self.transport.ring();
        if let Some(seat) = self.seats.own() {
            seat.wake.notify_all();
        }
        if let Some(queue) = self.queue.get() {
            queue.alert();
        }
    }

    /// Handles the flags before a step: the connection has failed, or a thread must stop waiting. None if this thread
    /// continues.
    #[cold]
    #[inline(never)]
    pub(super) fn attend<'a>(
        self: &'a Arc<Shared>,
        mut inner: Guard<'a>,
        key: Key,
        limit: &Limit,
    ) -> (Guard<'a>, Option<Step>) {
        if self.alerts.take(FAILED) != 0 {
            if let Some(error) = inner.life.failed.take() {
                return (self.finish(inner, *error), Some(Step::Retry));
            }
        }
        // A thread that only checks what is available does not wait.
        if limit.is_now() {
            return (inner, None);
        }
        // The lock was held since the receive, so this is the thread that was told.
        if !inner.reader.reading && self.was_told(key) {
            return (inner, Some(Step::Interrupted));
        }
        if !self.alerts.is_interrupted() {
            return (inner, None);
        }
        let others = self.tell_waiting(&mut inner, !key.can_end());
        if key.can_end() {
            return (inner, Some(Step::Interrupted));
        }
        if !others {
            // For a thread that waits later.
            self.alerts.interrupt();
        }
        (inner, None)
    }

    /// Returns whether the reader was told to stop. If its wait cannot end, it passes the flag on.
    fn was_told(&self, key: Key) -> bool {
        let told = self.alerts.take(READER | ALONE);
        if told & READER != 0 && !key.can_end() && told & ALONE != 0 {
            self.alerts.interrupt();
        }
        told & READER != 0 && key.can_end()
    }

    /// Called after a read by a thread that does not wait: leaves the flag to the next one.
    #[inline]
    pub(super) fn pass_on(&self) {
        if self.alerts.any() && self.alerts.take(READER | ALONE) & ALONE != 0 {
            self.alerts.interrupt();
        }
    }

    /// Tells all other waiting threads. Returns false if there is none. With `alone`, the caller does not stop itself.
    pub(super) fn tell_waiting(&self, inner: &mut Inner, alone: bool) -> bool {
        self.alerts.take(INTERRUPTED);
        let mut told = inner.reader.waiters.iter().any(|waiter| waiter.key.can_end());
        inner.reader.wake(|waiter| {
            let ends = waiter.key.can_end();
            waiter.interrupted.fetch_or(ends, Ordering::Relaxed);
            ends
        });
        if let Some(queue) = self.queue.get() {
            told |= queue.interrupt();
        }
        if inner.writer.flushing {
            // It may be the reader, too.
            self.alerts.raise(WRITER);
            told = true;
        } else if inner.reader.reading && !self.is_resting() {
            self.alerts.raise(if told || !alone { READER } else { READER | ALONE });
            if inner.reader.interruptible.is_some() {
                self.transport.interrupt();
            }
            told = true;
        }
        told
    }

    /// Begins a wait. It is interrupted at once if an earlier interrupt was told to no other thread.
    #[inline]
    pub(super) fn enter_wait(&self, inner: &mut Inner) -> Result<()> {
        if self.alerts.is_interrupted() { self.enter_interrupted(inner) } else { Ok(()) }
    }

    #[cold]
    #[inline(never)]
    fn enter_interrupted(&self, inner: &mut Inner) -> Result<()> {
        // After the end, its error is reported instead.
        if self.tell_waiting(inner, true) || inner.life.end.is_some() {
            return Ok(());
        }
        inner.hand_over_reader();
        Err(Error::Interrupted(format!("interrupted before a request was sent to {}", self.name())))
    }

    /// Returns whether this thread, which waits for room to send, must stop. An interrupt that was not told to any
    /// thread is left to the waiting threads.
    pub(super) fn stops_sending(&self, was_reader: bool) -> Stop {
        if !self.alerts.any() {
            return Stop::No;
        }
        let told = if was_reader { WRITER | READER | ALONE } else { WRITER };
        if self.alerts.take(told) & (WRITER | READER) != 0 {
            return Stop::Told;
        }
        if self.alerts.is_interrupted() { Stop::Unsaid } else { Stop::No }
    }

    /// Takes an interrupt, for a thread that checks several connections in turn. Returns whether it must stop.
    pub(super) fn take_interrupt(&self) -> bool {
        self.alerts.is_interrupted() && {
            let mut inner = self.lock();
            self.tell_waiting(&mut inner, false);
            true
        }
    }

    /// Makes the error of an interrupted wait that belongs to no request, or whose request continues.
    #[cold]
    pub(super) fn interrupted(&self) -> Error {
        Error::Interrupted(format!("the wait on {} was interrupted", self.name()))
    }
}

/// Whether a thread stops waiting for room to send.
pub(super) enum Stop {
    No,
    /// Waiting threads must be told, perhaps this thread in its next step.
    Unsaid,
    Told,
}
