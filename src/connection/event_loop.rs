//! Implements connections of an event loop: the conditions to wait for, and handling of messages without blocking.

use super::limit::{Limit, Received};
use super::loop_state::{EventLoop, Wake};
use super::shared::Shared;
use super::state::{Guard, Inner, Key, Token, unlock_and_drop};
use super::threads;
use super::wait::{Step, Waited, step_until};
use crate::error::{Error, Result};
use crate::objects::{deadline, time_limit};
use crate::sync::Instant;
use crate::sync::atomic::Ordering;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

/// Maximum number of receives in one call, so that one busy peer does not block the loop.
const ROUNDS: usize = 16;
/// Maximum number of messages handled in one call, except those of one receive that the protocol answers itself.
const MESSAGES: u64 = 64;

/// The work of one call of `process`.
pub(super) struct Work {
    rounds: usize,
    pub(super) steps: u64,
    /// The number of messages taken before it.
    messages: u64,
    /// No further message is handled then.
    until: Option<Instant>,
}

impl Work {
    pub(super) fn new(inner: &mut Inner, until: Option<Instant>) -> Work {
        Work { rounds: 0, steps: 0, messages: inner.protocol.messages(), until }
    }

    fn is_done(&self, messages: u64) -> bool {
        let late = |until| self.steps > 0 && Instant::now() >= until;
        self.steps >= MESSAGES || messages.wrapping_sub(self.messages) >= MESSAGES || self.until.is_some_and(late)
    }
}

/// The conditions that the loop must wait for on the descriptors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    pub read: bool,
    pub write: bool,
}

impl Inner {
    /// Wakes the loop because its conditions may have changed.
    pub(super) fn tell_loop(&mut self) {
        let EventLoop { looped, processing, .. } = &self.event_loop;
        if let Some(wake) = looped.as_ref().filter(|_| *processing == 0) {
            wake.ring();
        }
    }

    /// Passes the reader role to another waiting thread. The loop is not woken for changes that it sees itself.
    pub(super) fn hand_over_processed(&mut self) {
        if !self.reader.waiters.is_empty() {
            self.hand_over_reader();
        }
    }

    pub(super) fn is_full(&mut self) -> bool {
        let limit = self.protocol.config().limits.queued;
        !self.writer.broken && self.protocol.outgoing().len() > limit
    }

    pub(super) fn has_room_to_receive(&mut self) -> bool {
        let limit = self.protocol.config().limits.buffered;
        !self.protocol.is_at_end_of_stream() && self.protocol.incoming().has_room(limit)
    }
}

impl Shared {
    /// Enables or disables non-blocking mode: then only threads that wait for a reply wait for the peer to receive.
    pub(super) fn set_nonblocking(&self, on: bool) -> Result<()> {
        self.check_fork()?;
        if matches!(self.loop_wake.get().map(Arc::as_ref), Some(Wake::Pool(_))) {
            return Err(Error::State("the pool of a server drives the connection".into()));
        }
        if on && self.loop_wake.get().is_none() {
            let _ = self.loop_wake.set(Arc::new(Wake::event()?));
        }
        let wake = self.loop_wake.get().filter(|_| on).cloned();
        let mut inner = self.lock();
        self.has_loop.store(on, Ordering::Relaxed);
        match (wake, inner.event_loop.is_on()) {
            (Some(wake), false) => inner.event_loop.looped = Some(wake),
            (None, true) => {
                inner.event_loop.looped = None;
                // No other thread would send the rest.
                unlock_and_drop(self.flush(inner));
            }
            _ => {}
        }
        Ok(())
    }

    /// Gets the descriptor at which the application waits. Data that it does not show is handled without waiting for
    /// it.
    pub(super) fn fileno(&self) -> Option<RawFd> {
        let fd = self.transport.fileno();
        if !self.is_forked() && self.transport.holds_input() {
            self.lock().event_loop.more = true;
        }
        fd
    }

    pub(super) fn wake_fileno(&self) -> Option<RawFd> {
        self.lock().event_loop.looped.as_ref().and_then(|wake| wake.fd())
    }

    /// Rejects a request of the loop if the output queue is full.
    pub(super) fn check_room(&self) -> Result<()> {
        let mut inner = self.lock();
        if !inner.event_loop.is_of_application() || inner.life.end.is_some() {
            return Ok(());
        }
        if inner.is_full() {
            self.flush_some(&mut inner);
            if inner.is_full() {
                inner.tell_loop();
                return Err(full(&mut inner));
            }
        }
        Ok(())
    }

    pub(super) fn interest(&self) -> Interest {
        self.interest_of(&mut self.lock())
    }

    pub(super) fn interest_of(&self, inner: &mut Inner) -> Interest {
        if inner.life.end.is_some() || inner.writer.broken {
            return Interest { read: true, write: false };
        }
        let read = !inner.reader.reading && inner.has_room_to_receive();
        // If more work is left, the loop must return at once: the descriptor is writable.
        let more = inner.event_loop.more && !inner.reader.reading && !inner.is_full();
        let write = more || !inner.writer.flushing && !inner.protocol.outgoing().is_empty();
        Interest { read, write }
    }

    /// Returns how long the loop may wait before it calls `process` without an event. None is no limit.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.deadline_of(&mut self.lock())
    }

    pub(super) fn deadline_of(&self, inner: &mut Inner) -> Option<Duration> {
        if inner.life.end.is_some() {
            return Some(Duration::ZERO);
        }
        let ready = !inner.reader.reading
            && (inner.writer.broken
                || !inner.is_full()
                    && (inner.event_loop.more || inner.protocol.has_message() || inner.protocol.is_at_end_of_stream()));
        let bound = inner.reader.bound.iter().any(threads::is_for_here);
        if ready || bound || inner.life.failed.is_some() {
            return Some(Duration::ZERO);
        }
        let skip = inner.protocol.skip_deadline().map(|until| until.saturating_sub(deadline::clock()));
        // A loop that does not read cannot measure silence.
        let silence = if !inner.reader.reading && inner.has_room_to_receive() { inner.silence_left() } else { None };
        let releases = self.release_deadline(inner);
        let now = Instant::now();
        let expiries = inner.protocol.waiting().filter_map(|token| match token {
            Token::Async(result) => result.time_left(now),
            Token::Sync | Token::Batch { .. } => None,
        });
        expiries.chain(releases).chain(skip).chain(silence).min()
    }

    /// Sends what the transport accepts and handles received messages, up to `MESSAGES`, without blocking. Returns
    /// whether there was any.
    pub(super) fn process(self: &Arc<Shared>) -> Result<bool> {
        self.check_fork()?;
        let _guard = self.panic_guard();
        let _apart = time_limit::apart();
        let mut inner = self.lock();
        inner.event_loop.processing += 1;
        inner.event_loop.more = false;
        let mut work = Work::new(&mut inner, None);
        let step = |inner| {
            let (inner, step) = self.process_once(inner, &mut work);
            work.steps += matches!(step, Step::Handled | Step::Reply(_)) as u64;
            (inner, step)
        };
        let (mut inner, waited) = step_until(inner, Step::Retry, step, |_, _| None::<()>);
        let handled = work.steps > 0;
        let error = match waited {
            Waited::Ended if !handled => inner.life.end.clone(),
            Waited::TimedOut if inner.is_full() => Some(full(&mut inner)),
            _ => None,
        };
        inner.event_loop.end_processing();
        inner.hand_over_processed();
        unlock_and_drop(inner);
        error.map_or(Ok(handled), Err)
    }

    /// Does one step of `process`.
    pub(super) fn process_once<'a>(self: &'a Arc<Shared>, mut inner: Guard<'a>, work: &mut Work) -> (Guard<'a>, Step) {
        if let Some(error) = inner.life.failed.take() {
            return (self.finish(inner, *error), Step::Retry);
        }
        if work.is_done(inner.protocol.messages()) {
            inner.event_loop.more = true;
            self.flush_some(&mut inner);
            return (inner, Step::TimedOut);
        }
        if self.bind_threads {
            if let Some(request) = inner.reader.take_bound() {
                return (self.run(inner, request), Step::Handled);
            }
        }
        if !inner.reader.conversions.is_empty() {
            inner = self.expire_conversions(inner).0;
        }
        self.ride_in_loop(&mut inner);
        self.flush_some(&mut inner);
        if inner.writer.broken {
            inner.protocol.outgoing().discard();
        }
        if inner.reader.reading {
            return (inner, Step::TimedOut);
        }
        if !inner.is_full() {
            let step;
            (inner, step) = self.take_message(inner, Key::Transaction);
            if let Some(step) = step {
                return (inner, step);
            }
        }
        if inner.has_died() {
            inner.hand_over_processed();
            unlock_and_drop(inner);
            return (self.lock(), Step::Retry);
        }
        if work.rounds == ROUNDS {
            inner.event_loop.more = true;
            return (inner, Step::TimedOut);
        }
        if !inner.has_room_to_receive() || inner.protocol.has_message() && !inner.is_full() {
            return (inner, Step::TimedOut);
        }
        if inner.protocol.is_skipping() && inner.is_too_slow() {
            return (inner, Step::Retry);
        }
        work.rounds += 1;
        let mut incoming = inner.protocol.take_incoming();
        inner.reader.reading = true;
        drop(inner);
        let received = Limit::Now.receive(&*self.transport, &mut incoming);
        let mut inner = self.put_back(incoming);
        self.pass_on();
        let step = match received {
            Received::Bytes => Step::Received,
            Received::End => {
                inner.protocol.end_of_stream();
                Step::Retry
            }
            Received::Nothing | Received::TimedOut if inner.writer.broken => {
                inner.protocol.end_of_stream();
                Step::Retry
            }
            Received::Nothing | Received::TimedOut if inner.is_silent_too_long() => Step::Retry,
            Received::Nothing | Received::TimedOut => Step::TimedOut,
        };
        (inner, step)
    }
}

#[cold]
fn full(inner: &mut Inner) -> Error {
    let waiting = inner.protocol.outgoing().len();
    Error::Backpressure(format!(
        "the peer does not receive: {waiting} bytes wait to be sent (max_queued); wait until the descriptor is writable"
    ))
}
