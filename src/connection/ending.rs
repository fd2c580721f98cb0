//! The end of a connection: everybody is told, everything lent comes back, the service's hook runs once.

use super::limit::Limit;
use super::shared::{Guard, Key, Shared, Step, Token, gone};
use super::{Connection, serial};
use crate::config::Dialect;
use crate::error::{Error, Result};
use crate::log::{self, Level};
use crate::sync::atomic::Ordering;
use std::sync::Arc;

impl Shared {
    /// The end: everybody is told, everything lent comes back, the service's hook runs.
    pub(super) fn finish<'a>(self: &'a Arc<Shared>, mut inner: Guard<'a>, error: Error) -> Guard<'a> {
        if self.closed.load(Ordering::Acquire) {
            return inner;
        }
        self.flush_some(&mut inner);
        let error = match error {
            Error::Eof(_) if inner.closing => Error::Closed("the connection was closed".into()),
            other => other,
        };
        let error = inner.end.get_or_insert(error).clone();
        self.closed.store(true, Ordering::Release);
        let overdrawn = inner.session.counts().overdrawn;
        inner.session.abandon();
        let pending = inner.session.take_pending();
        let waste = inner.take_waste();
        let bound = std::mem::take(&mut inner.bound);
        let root = inner.peer_root.take();
        for waiter in inner.waiters.drain(..) {
            waiter.woken.store(true, Ordering::Relaxed);
            waiter.wake.notify_one();
        }
        drop(inner);
        self.transport.shutdown();
        self.report(&error, overdrawn);
        for (_, token) in pending {
            if let Token::Async(result) = token {
                result.settle(Err(gone(&error))).into_iter().for_each(|callback| callback(&result));
            }
        }
        drop((waste, bound, root));
        self.disconnected();
        self.lock()
    }

    /// What the peer did wrong, for the log.
    fn report(&self, error: &Error, overdrawn: u64) {
        if !matches!(error, Error::Eof(_) | Error::Closed(_)) {
            log::write(Level::Warn, || format!("the connection with {} ended: {error}", self.transport.peer_name()));
        }
        if overdrawn > 0 {
            log::write(Level::Warn, || {
                let peer = self.transport.peer_name();
                format!("{peer} gave back more references than it had been lent, {overdrawn} times")
            });
        }
    }

    pub(super) fn disconnected(self: &Arc<Shared>) {
        if self.connected.swap(false, Ordering::AcqRel) {
            if let Some(root) = self.service.get() {
                if let Some(hook) = root.class().service().and_then(|service| service.on_disconnect.as_ref()) {
                    hook(&Connection::borrowed(self.clone()), root);
                }
            }
        }
    }

    /// Tells the peer, waits for it to end the stream, and ends.
    pub(super) fn close(self: &Arc<Shared>) -> Result<()> {
        self.check_fork()?;
        let _pause = serial::pause();
        let mut inner = self.lock();
        if inner.end.is_some() {
            drop(self.finish(inner, Error::Closed("the connection was closed".into())));
            return Ok(());
        }
        let waits = inner.session.dialect() != Dialect::V5 && inner.session.is_open();
        inner.closing = true;
        inner.session.close();
        let mut limit = Limit::lazy(Some(inner.session.config().close_timeout));
        if !inner.flushing {
            (inner, _) = self.flush_within(inner, &mut limit);
        }
        while waits && inner.end.is_none() {
            let step;
            (inner, step) = self.advance(inner, Key::Transaction, &mut limit);
            if let Step::TimedOut = step {
                break;
            }
        }
        drop(self.finish(inner, Error::Closed("the connection was closed".into())));
        Ok(())
    }

    /// Ends without waiting for anybody. With `tell`, CLOSE is sent if it goes at once.
    pub(super) fn abort(self: &Arc<Shared>, tell: bool) {
        if self.check_fork().is_err() {
            return;
        }
        let mut inner = self.lock();
        inner.closing = true;
        if tell {
            inner.session.close();
            self.flush_some(&mut inner);
        }
        drop(self.finish(inner, Error::Closed("the connection was closed".into())));
    }

    /// Ends at once, and tells nobody.
    pub(crate) fn end(self: &Arc<Shared>) {
        self.abort(false);
    }
}
