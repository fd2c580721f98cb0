//! Ends connections of a server between two requests, so that every request that was received gets its reply.

use super::shared::Shared;
use super::state::Guard;
use crate::error::Error;
use crate::sync::try_lock;
use std::sync::Arc;
use std::time::Duration;

/// What a server that is being stopped finds on a connection.
pub(crate) enum Requests {
    /// The connection has ended.
    Ended,
    /// A request was received that has no reply yet, or has begun to arrive, or a reply is not sent yet.
    Open,
    /// A thread is working on the connection, perhaps for a moment.
    Unclear,
    /// Everything received was handled: the number of messages so far.
    Handled(u64),
}

impl Shared {
    /// Looks whether a request is open. Never waits: a locked connection is busy.
    pub(crate) fn open_requests(&self) -> Requests {
        if self.is_closed() {
            return Requests::Ended;
        }
        match try_lock(&self.inner) {
            Some(mut inner) => self.find_requests(&mut inner),
            None => Requests::Unclear,
        }
    }

    fn find_requests(&self, inner: &mut Guard<'_>) -> Requests {
        if inner.life.end.is_some() {
            return Requests::Ended;
        }
        let unsent = !inner.writer.broken && (!inner.protocol.outgoing().is_empty() || self.transport.is_under_way());
        let begun = match inner.reader.reading {
            // The buffer is with the thread that receives.
            true => inner.reader.mid_frame,
            false => inner.protocol.incoming().is_mid_frame() || inner.protocol.is_skipping(),
        };
        let buffered = begun || inner.protocol.has_message() || !inner.reader.bound.is_empty();
        let running = self.activity().1 || inner.protocol.counts().serving > 0;
        let arrived = || self.has_arrived() || !inner.reader.reading && self.holds_input();
        if unsent || buffered || running || arrived() {
            return Requests::Open;
        }
        Requests::Handled(inner.protocol.messages())
    }

    /// Ends the connection if no request is open, and returns whether it has ended.
    pub(crate) fn end_between_requests(self: &Arc<Shared>) -> bool {
        if self.is_closed() || self.check_fork().is_err() {
            return true;
        }
        let Some(mut inner) = try_lock(&self.inner) else { return false };
        if let Requests::Open = self.find_requests(&mut inner) {
            return false;
        }
        inner.life.closing = true;
        drop(self.finish(inner, Error::Closed("the server was stopped".into())));
        true
    }
}

#[cfg(all(test, not(feature = "model")))]
impl Shared {
    /// Runs something while the connection is locked.
    pub(crate) fn while_locked(&self, run: impl FnOnce()) {
        let _inner = self.lock();
        run();
    }
}

/// The shortest time without input after which a connection is idle: a thread may just have received a message.
pub(crate) const SETTLED: Duration = Duration::from_millis(20);
