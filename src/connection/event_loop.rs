//! Connections of an event loop: what to wait for, and handling what came without ever waiting.

use super::limit::{Limit, Received};
use super::shared::{Guard, Inner, Key, Shared, Step, Token, release};
use super::threads;
use crate::error::{Error, Result};
use crate::sync::Instant;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::transport::Event;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

/// So often at most it is received in one go, so that one busy peer does not hold up the loop.
const ROUNDS: usize = 16;
/// So many messages are handled in one go, but for those of one receive that the session answers itself.
const MESSAGES: u64 = 64;

/// That an event loop drives a connection.
pub(super) struct Looped {
    wake: Arc<Wake>,
}

/// What tells a loop that another thread left something for it to do.
pub(super) struct Wake {
    event: Event,
    rung: AtomicBool,
}

impl Wake {
    pub(super) fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.event.set();
        }
    }

    fn clear(&self) {
        if self.rung.load(Ordering::Acquire) {
            self.event.clear();
            // Last: who rings in between is seen by the loop, which asks again before it waits.
            self.rung.store(false, Ordering::Release);
        }
    }
}

/// What one call of `process` has done.
struct Work {
    rounds: usize,
    steps: u64,
    /// How many messages had been taken before it.
    messages: u64,
}

/// What the loop is to wait for on the descriptors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    pub read: bool,
    pub write: bool,
}

impl Inner {
    /// What the loop waits for may have changed.
    pub(super) fn tell_loop(&mut self) {
        if let Some(looped) = self.looped.as_ref().filter(|_| self.processing == 0) {
            looped.wake.ring();
        }
    }

    fn is_full(&mut self) -> bool {
        let limit = self.session.config().limits.queued;
        !self.broken && self.session.outgoing().len() > limit
    }

    fn has_room_to_receive(&mut self) -> bool {
        let limit = self.session.config().limits.buffered;
        !self.session.is_at_end_of_stream() && self.session.incoming().has_room(limit)
    }
}

impl Shared {
    /// From now on nothing waits for the peer to receive, but threads that wait for its answer.
    pub(super) fn set_nonblocking(&self, on: bool) -> Result<()> {
        self.check_fork()?;
        if on && self.loop_wake.get().is_none() {
            let event = Event::new().map_err(|e| Error::io("cannot make an eventfd", e))?;
            let _ = self.loop_wake.set(Arc::new(Wake { event, rung: AtomicBool::new(false) }));
        }
        let wake = self.loop_wake.get().filter(|_| on).cloned();
        let mut inner = self.lock();
        self.has_loop.store(on, Ordering::Relaxed);
        match (wake, inner.looped.is_some()) {
            (Some(wake), false) => inner.looped = Some(Looped { wake }),
            (None, true) => {
                inner.looped = None;
                // What was left over has nobody else.
                release(self.flush(inner));
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn wake_fileno(&self) -> Option<RawFd> {
        self.lock().looped.as_ref().map(|looped| looped.wake.event.fd())
    }

    /// Refuses a request of a loop for which there is no room.
    pub(super) fn check_room(&self) -> Result<()> {
        let mut inner = self.lock();
        if inner.looped.is_none() || inner.end.is_some() {
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
        let mut inner = self.lock();
        if inner.end.is_some() || inner.broken {
            return Interest { read: true, write: false };
        }
        let read = !inner.reading && inner.has_room_to_receive();
        // A loop that was given enough for once comes back at once: the descriptor can be written to.
        let more = inner.more && !inner.reading && !inner.is_full();
        let write = more || !inner.flushing && !inner.session.outgoing().is_empty();
        Interest { read, write }
    }

    /// How long the loop may wait before it calls `process` without anything having come; None: for ever.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let mut inner = self.lock();
        if inner.end.is_some() {
            return Some(Duration::ZERO);
        }
        let ready = !inner.reading
            && (inner.broken
                || !inner.is_full()
                    && (inner.more || inner.session.has_message() || inner.session.is_at_end_of_stream()));
        let bound = inner.bound.iter().any(threads::is_for_here);
        if ready || bound || inner.failed.is_some() {
            return Some(Duration::ZERO);
        }
        let releases = self.release_deadline(&mut inner);
        let now = Instant::now();
        let expiries = inner.session.waiting().filter_map(|token| match token {
            Token::Async(result) => result.time_left(now),
            Token::Sync => None,
        });
        expiries.chain(releases).min()
    }

    /// Sends what goes and handles what has arrived, up to `MESSAGES`, without waiting for anything. True: there was something.
    pub(super) fn process(self: &Arc<Shared>) -> Result<bool> {
        self.check_fork()?;
        let _alarm = self.alarm();
        let mut inner = self.lock();
        inner.processing += 1;
        inner.more = false;
        let mut handled = false;
        let mut work = Work { rounds: 0, steps: 0, messages: inner.session.messages() };
        let outcome = loop {
            if let Some(end) = &inner.end {
                break if handled { Ok(()) } else { Err(end.clone()) };
            }
            let step;
            (inner, step) = self.process_once(inner, &mut work);
            match step {
                Some(Step::Did | Step::Mine(_)) => {
                    handled = true;
                    work.steps += 1;
                }
                Some(_) => {}
                None if inner.is_full() => break Err(full(&mut inner)),
                None => break Ok(()),
            }
        };
        inner.processing -= 1;
        if inner.processing == 0 {
            if let Some(looped) = &inner.looped {
                looped.wake.clear();
            }
        }
        self.leave_processed(&mut inner);
        release(inner);
        outcome.map(|()| handled)
    }

    /// Another thread that waits reads from now on. The loop need not be told of what it will see itself.
    fn leave_processed(&self, inner: &mut Inner) {
        if !inner.waiters.is_empty() {
            self.leave(inner);
        }
    }

    /// One thing of many. None: there is nothing more that can be done without waiting.
    fn process_once<'a>(self: &'a Arc<Shared>, mut inner: Guard<'a>, work: &mut Work) -> (Guard<'a>, Option<Step>) {
        if let Some(error) = inner.failed.take() {
            return (self.finish(inner, error), Some(Step::Ended));
        }
        if work.steps >= MESSAGES || inner.session.messages().wrapping_sub(work.messages) >= MESSAGES {
            inner.more = true;
            self.flush_some(&mut inner);
            return (inner, None);
        }
        if self.bind_threads {
            if let Some(request) = self.take_bound(&mut inner) {
                return (self.run(inner, request), Some(Step::Did));
            }
        }
        self.ride_in_loop(&mut inner);
        self.flush_some(&mut inner);
        if inner.broken {
            inner.session.outgoing().discard();
        }
        if inner.reading {
            return (inner, None);
        }
        if !inner.is_full() {
            let step;
            (inner, step) = self.take_message(inner, Key::Transaction);
            if step.is_some() {
                return (inner, step);
            }
        }
        if inner.has_waste() {
            self.leave_processed(&mut inner);
            release(inner);
            return (self.lock(), Some(Step::Again));
        }
        if work.rounds == ROUNDS {
            inner.more = true;
            return (inner, None);
        }
        if !inner.has_room_to_receive() || inner.session.has_message() && !inner.is_full() {
            return (inner, None);
        }
        work.rounds += 1;
        let mut incoming = inner.session.take_incoming();
        inner.reading = true;
        drop(inner);
        let received = Limit::Now.receive(&*self.transport, &mut incoming);
        let mut inner = self.put_back(incoming);
        let step = match received {
            Received::Bytes => Some(Step::Received),
            Received::End => {
                inner.session.end_of_stream();
                Some(Step::Again)
            }
            Received::Nothing | Received::TimedOut if inner.broken => {
                inner.session.end_of_stream();
                Some(Step::Again)
            }
            Received::Nothing | Received::TimedOut => None,
        };
        (inner, step)
    }
}

#[cold]
fn full(inner: &mut Inner) -> Error {
    let waiting = inner.session.outgoing().len();
    Error::Backpressure(format!(
        "the peer does not receive: {waiting} bytes wait to be sent (max_queued); wait until the descriptor is writable"
    ))
}
