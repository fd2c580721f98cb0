//! Serving: one message, all that come within a time, or all until the end.

use super::limit::Limit;
use super::shared::{Guard, Key, Shared, Step, release};
use super::{serial, threads};
use crate::error::Result;
use crate::sync::Instant;
use std::sync::Arc;
use std::time::Duration;

impl Shared {
    /// Handles one message of the peer. False: none came in time. With `again`, the caller comes back at once, and
    /// answers to a burst may leave together.
    pub(super) fn serve(self: &Arc<Shared>, mut limit: Limit, again: bool) -> Result<bool> {
        self.check_fork()?;
        let _alarm = self.alarm();
        let _pause = serial::pause();
        let mut inner = self.lock();
        loop {
            if let Some(end) = &inner.end {
                return Err(end.clone());
            }
            let step;
            (inner, step) = self.advance(inner, Key::Transaction, &mut limit);
            let handled = match step {
                Step::Mine(_) | Step::Again | Step::Received | Step::Ended => continue,
                Step::Did => {
                    if let Some(error) = inner.failed.take() {
                        inner = self.finish(inner, error);
                        continue;
                    }
                    true
                }
                Step::TimedOut => false,
            };
            if !(again && inner.session.has_message()) {
                inner = self.flush(inner);
            }
            self.leave(&mut inner);
            release(inner);
            return Ok(handled);
        }
    }

    /// Handles all messages that come within this time, and tells whether there was any.
    pub(super) fn serve_for(self: &Arc<Shared>, timeout: Option<Duration>, handled: &mut bool) -> Result<()> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        while timeout != Some(Duration::ZERO) && deadline.is_none_or(|deadline| Instant::now() < deadline) {
            if !self.serve(Limit::at(deadline), true)? {
                break;
            }
            *handled = true;
        }
        // What had come by then; a peer that goes on sending does not keep us.
        self.check_fork()?;
        let (mark, mut left) = {
            let inner = self.lock();
            let queued = self.queue.get().map_or(0, |queue| queue.nested(self));
            let bound = inner.bound.iter().filter(|request| threads::is_for_here(request)).count();
            let received = inner.session.received();
            (received.map(|received| received + self.transport.available() as u64), queued + bound)
        };
        let mut first = timeout == Some(Duration::ZERO);
        let more = |inner: Guard<'_>| {
            inner.end.is_none() && mark.is_some_and(|mark| inner.session.may_have_message_before(mark))
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

    /// Handles messages until the connection ends, which is the error, or `stopping` says so.
    pub(super) fn serve_all(self: &Arc<Shared>, stopping: impl Fn() -> bool) -> Result<()> {
        self.check_fork()?;
        let _alarm = self.alarm();
        let _pause = serial::pause();
        let mut inner = self.lock();
        inner.servers += 1;
        inner.server_thread = threads::id();
        loop {
            if let Some(end) = &inner.end {
                return Err(end.clone());
            }
            let step;
            (inner, step) = self.advance(inner, Key::Transaction, &mut Limit::Forever);
            if let Step::Did = step {
                self.check_fork()?;
                // Calls that are queued or deferred have no answer yet.
                if stopping() && inner.session.counts().serving == 0 {
                    inner.servers -= 1;
                    self.depart(inner);
                    return Ok(());
                }
            }
        }
    }
}
