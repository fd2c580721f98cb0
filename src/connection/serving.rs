//! Serves the requests of the peer: one message, all within a time, or all until the end.

use super::limit::Limit;
use super::shared::Shared;
use super::state::{Guard, Inner, Key};
use super::threads;
use super::wait::{Step, Waited, give_up_wait};
use crate::error::Result;
use crate::objects::{time_limit, turn};
use crate::sync::Instant;
use std::sync::Arc;
use std::time::Duration;

impl Shared {
    /// Handles one message of the peer. Returns false if none came in time. With `again`, the caller returns at once,
    /// so replies to a burst may be sent together.
    pub(super) fn serve(self: &Arc<Shared>, mut limit: Limit, again: bool) -> Result<bool> {
        self.check_fork()?;
        let _guard = self.panic_guard();
        let _pause = turn::pause();
        let _apart = time_limit::apart();
        // A message that makes the connection end does not count as handled: its error is returned.
        let handled =
            |inner: &mut Inner, step| (matches!(step, Step::Handled) && inner.life.failed.is_none()).then_some(());
        let mut inner = self.lock();
        if !limit.is_now() {
            self.enter_wait(&mut inner)?;
        }
        let waited;
        (inner, waited) = self.wait_until(inner, Key::Transaction, &mut limit, handled);
        match (&waited, &inner.life.end) {
            (Waited::Ended, Some(end)) => return Err(end.clone()),
            (Waited::Interrupted, _) => {
                give_up_wait(inner);
                return Err(self.interrupted());
            }
            _ => {}
        }
        if !(again && inner.protocol.has_message()) {
            inner = self.flush(inner);
        }
        give_up_wait(inner);
        Ok(matches!(waited, Waited::Found(())))
    }

    /// Handles all messages that arrive within `timeout`, and sets `handled` if there was any.
    pub(super) fn serve_for(self: &Arc<Shared>, timeout: Option<Duration>, handled: &mut bool) -> Result<()> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        while timeout != Some(Duration::ZERO) && deadline.is_none_or(|deadline| Instant::now() < deadline) {
            if !self.serve(Limit::at(deadline), true)? {
                break;
            }
            *handled = true;
        }
        // Only what was received by then: a peer that keeps sending must not extend the time.
        self.check_fork()?;
        let (mark, mut left) = {
            let inner = self.lock();
            let queued = self.queue.get().map_or(0, |queue| queue.nested(self));
            let bound = inner.reader.bound.iter().filter(|request| threads::is_for_here(request)).count();
            let received = inner.protocol.received();
            (received.map(|received| received + self.transport.available() as u64), queued + bound)
        };
        let mut first = timeout == Some(Duration::ZERO);
        let more = |inner: Guard<'_>| {
            inner.life.end.is_none() && mark.is_some_and(|mark| inner.protocol.may_have_message_before(mark))
        };
        while first || left > 0 || more(self.lock()) {
            first = false;
            if !self.serve(Limit::Now, true)? {
                break;
            }
            *handled = true;
            left = left.saturating_sub(1);
        }
        if *handled {
            self.flush_all();
        }
        Ok(())
    }

    /// Handles messages until the connection ends, and returns that error.
    pub(super) fn serve_all(self: &Arc<Shared>) -> Result<()> {
        self.serve_between(Key::Transaction, || false)
    }

    /// Does the same for a server, which can also be `stopping` between two messages.
    pub(super) fn serve_until_stopped(self: &Arc<Shared>, stopping: impl Fn() -> bool) -> Result<()> {
        self.serve_between(Key::Accepted, stopping)
    }

    fn serve_between(self: &Arc<Shared>, key: Key, stopping: impl Fn() -> bool) -> Result<()> {
        let check_fork = || self.check_fork();
        self.serve_until(key, |inner, step| match step {
            Step::Handled => match check_fork() {
                Err(error) => Some(Err(error)),
                // Queued or deferred calls have no reply yet.
                Ok(()) => (stopping() && inner.protocol.counts().serving == 0).then_some(Ok(())),
            },
            _ => None,
        })
    }

    /// Handles messages until the connection ends, and returns that error, or until `stopping` is true. `wake_waiting`
    /// makes it check that. `key` tells whether this is a thread of the library.
    pub(super) fn serve_in_background(self: &Arc<Shared>, key: Key, stopping: impl Fn() -> bool) -> Result<()> {
        self.serve_until(key, |_, _| stopping().then_some(Ok(())))
    }

    fn serve_until(
        self: &Arc<Shared>,
        key: Key,
        look: impl FnMut(&mut Inner, Step) -> Option<Result<()>>,
    ) -> Result<()> {
        self.check_fork()?;
        let _guard = self.panic_guard();
        let _pause = turn::pause();
        let _apart = time_limit::apart();
        let mut inner = self.lock();
        if !matches!(key, Key::Accepted | Key::Background) {
            self.enter_wait(&mut inner)?;
        }
        inner.reader.begin_serving();
        match self.wait_until(inner, key, &mut Limit::Forever, look) {
            (mut inner, Waited::Found(Ok(()))) => {
                inner.reader.servers -= 1;
                self.finish_wait(inner);
                Ok(())
            }
            (_, Waited::Found(error)) => error,
            (mut inner, Waited::Interrupted) => {
                inner.reader.servers -= 1;
                give_up_wait(inner);
                Err(self.interrupted())
            }
            (inner, _) => inner.life.end.clone().map_or(Ok(()), Err),
        }
    }
}
