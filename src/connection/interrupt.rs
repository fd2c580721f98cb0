//! Interrupting those who wait, from a signal handler or any thread.
//!
//! The handler takes no lock and cannot know who waits. It leaves a mark, at which every thread that waits looks before each
//! step; the first one that sees it knows under the lock who else is there, and tells them. A step is a tick at most, and ends
//! at once in the thread that a signal has reached, which the handler also finds where it waits for others (`seats`), or where
//! there is a bell to ring.

use super::limit::Limit;
use super::shared::Shared;
use super::state::{Guard, Inner, Key};
use super::wait::Step;
use crate::error::{Error, Result};
use crate::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

/// The connection has failed where it could not be ended (`Life::failed`).
const FAILED: u32 = 1;
/// Those who wait are to stop, and nobody has told them yet.
const INTERRUPTED: u32 = 2;
/// The thread that reads is to stop waiting.
const READER: u32 = 4;
/// And there was nobody else to be told.
const ALONE: u32 = 8;
/// The thread that waits for room to send is to stop waiting.
const WRITER: u32 = 16;

/// The connection has what few have, for ever: bound threads, a queue, waits that can be woken, spinning. It stands here because
/// then one look tells that there is none of all these.
const SPECIAL: u32 = 32;

/// What those who wait look at before each step, without the lock.
pub(super) struct Alerts(AtomicU32);

impl Alerts {
    /// For a connection that is special from the beginning.
    pub(super) fn new(special: bool) -> Alerts {
        Alerts(AtomicU32::new(if special { SPECIAL } else { 0 }))
    }

    /// From now on the connection is special.
    pub(super) fn make_special(&self) {
        self.raise(SPECIAL);
    }

    /// Is there no alert, on a connection that is not special?
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

    /// For whoever waits next, by a thread that was told and could not tell its caller.
    pub(super) fn interrupt(&self) {
        self.raise(INTERRUPTED);
    }

    fn raise(&self, alerts: u32) {
        self.0.fetch_or(alerts, Ordering::SeqCst);
    }

    /// Takes some back, and tells which of them there were.
    fn take(&self, alerts: u32) -> u32 {
        self.0.fetch_and(!alerts, Ordering::SeqCst) & alerts
    }
}

impl Key {
    /// Can this wait be interrupted? Not that of a thread of the library, which serves on.
    pub(super) fn can_end(self) -> bool {
        !matches!(self, Key::Accepted | Key::Background)
    }
}

impl Shared {
    /// Ends the waits that are there, or else the next one. It takes no lock and allocates nothing.
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

    /// Before a step: the connection has failed, or somebody is to stop waiting. None: this thread goes on.
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
        // Who only looks at what is here does not wait.
        if limit.is_now() {
            return (inner, None);
        }
        // Under the lock since it has received: this is the thread that was told.
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
            // There will be somebody.
            self.alerts.interrupt();
        }
        (inner, None)
    }

    /// Was the thread that read told to stop? One that cannot passes it on.
    fn was_told(&self, key: Key) -> bool {
        let told = self.alerts.take(READER | ALONE);
        if told & READER != 0 && !key.can_end() && told & ALONE != 0 {
            self.alerts.interrupt();
        }
        told & READER != 0 && key.can_end()
    }

    /// A thread has read that does not wait: what it was told is for the next one.
    #[inline]
    pub(super) fn pass_on(&self) {
        if self.alerts.any() && self.alerts.take(READER | ALONE) & ALONE != 0 {
            self.alerts.interrupt();
        }
    }

    /// Tells all others who wait here; false: there is nobody. With `alone`, the caller does not stop itself.
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

    /// A thread begins to wait that may have been interrupted before, if that was meant for nobody else.
    #[inline]
    pub(super) fn enter_wait(&self, inner: &mut Inner) -> Result<()> {
        if self.alerts.is_interrupted() { self.enter_interrupted(inner) } else { Ok(()) }
    }

    #[cold]
    #[inline(never)]
    fn enter_interrupted(&self, inner: &mut Inner) -> Result<()> {
        // After the end, that is told.
        if self.tell_waiting(inner, true) || inner.life.end.is_some() {
            return Ok(());
        }
        inner.hand_over_reader();
        Err(Error::Interrupted(format!("interrupted before anything was asked of {}", self.name())))
    }

    /// Is this thread, which waits for room to send, to stop? What was not told to anybody yet stays for those who wait.
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

    /// For a thread that looks at several connections in turn: is it to stop?
    pub(super) fn take_interrupt(&self) -> bool {
        self.alerts.is_interrupted() && {
            let mut inner = self.lock();
            self.tell_waiting(&mut inner, false);
            true
        }
    }

    /// What is said where nothing was asked, or what was asked goes on.
    #[cold]
    pub(super) fn interrupted(&self) -> Error {
        Error::Interrupted(format!("the wait on {} was interrupted", self.name()))
    }
}

/// Whether a thread stops waiting for room to send.
pub(super) enum Stop {
    No,
    /// Whoever waits is to be told, perhaps this thread in its next step.
    Unsaid,
    Told,
}
