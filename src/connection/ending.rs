//! Implements the end of a connection: waiting threads get an error, exported objects are released, the service's hook
//! runs once.

use super::limit::Limit;
use super::shared::Shared;
use super::state::{Guard, Inner, Key, Token};
use crate::config::{BeforeClosed, Dialect};
use crate::error::{Error, Exception, Result};
use crate::log::Level;
use crate::objects::turn;
use crate::protocol::Protocol;
use crate::sync::atomic::Ordering;
use crate::sync::lock;
use crate::transport::Transport;
use crate::value::Home;
use std::sync::{Arc, PoisonError};

/// Ends the connection if this thread panics while it exists: the state may be inconsistent.
pub(super) struct PanicGuard<'a> {
    shared: &'a Shared,
    /// The thread was panicking already when the guard was made, so the panic is not of this scope.
    unwinding: bool,
}

impl Drop for PanicGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        if std::thread::panicking() && !self.unwinding {
            // A second panic during the first would abort the process.
            let _ = crate::panics::inside(|| self.shared.panicked());
        }
    }
}

impl Shared {
    #[inline]
    pub(super) fn panic_guard(&self) -> PanicGuard<'_> {
        PanicGuard { shared: self, unwinding: std::thread::panicking() }
    }

    #[cold]
    fn panicked(&self) {
        let Some(shared) = self.releases.owner().and_then(Shared::of_home) else { return };
        let mut inner = shared.lock();
        inner.reader.reading = false;
        inner.writer.flushing = false;
        // The pending output may end in the middle of a message.
        inner.writer.broken = true;
        drop(shared.finish(inner, Error::Closed("the connection was closed after a panic".into())));
    }

    /// Ends the connection: waiting threads get the error, exported objects are released, the service's hook runs.
    #[inline(never)]
    pub(super) fn finish<'a>(self: &'a Arc<Shared>, mut inner: Guard<'a>, error: Error) -> Guard<'a> {
        if self.closed.load(Ordering::Acquire) {
            return inner;
        }
        self.flush_some(&mut inner);
        let error = match error {
            Error::Eof(_) if inner.life.closing => Error::Closed("the connection was closed".into()),
            Error::Eof(text) => lost(&*self.transport, &self.name(), &text),
            other => other,
        };
        let error = inner.life.end.insert(error).clone();
        self.closed.store(true, Ordering::SeqCst);
        let overdrawn = inner.protocol.counts().overdrawn;
        inner.protocol.abandon();
        let pending = inner.protocol.take_pending();
        let died = inner.take_died();
        let mut cycle_candidates = std::mem::take(&mut inner.references.cycle_candidates);
        let bound = std::mem::take(&mut inner.reader.bound);
        let queued = self.queue.get().map(|queue| queue.forget(self));
        inner.tell_loop();
        let root = inner.references.peer_root.take();
        inner.reader.wake(|_| true);
        let gone = inner.life.gone();
        drop(inner);
        self.transport.shutdown();
        self.report(&error, overdrawn);
        for (_, token) in pending {
            if let Token::Async(result) = token {
                if result.settle(Err(gone.clone())).run {
                    result.run_callbacks();
                }
            }
        }
        drop((died, bound, queued, root));
        cycle_candidates.collect();
        self.disconnected();
        let mut inner = self.lock();
        inner.references.cycle_candidates.join(cycle_candidates);
        inner
    }

    /// Logs an error of the peer.
    fn report(&self, error: &Error, overdrawn: u64) {
        let level = match error {
            Error::Eof(_) | Error::Closed(_) => Level::Debug,
            Error::Exit(_) => Level::Info,
            _ => Level::Warn,
        };
        self.application().logger.write(level, || format!("the connection with {} ended: {error}", self.name()));
        if overdrawn > 0 {
            self.application().logger.write(Level::Warn, || {
                let peer = self.name();
                format!("{peer} released more references than it held, {overdrawn} times")
            });
        }
    }

    /// Releases our root after the end, when the application has no handle left: its state may contain an uncounted
    /// handle, and thereby this connection.
    pub(super) fn release_root(&self) {
        let used = self.handles.load(Ordering::SeqCst) > 0 || self.connected.load(Ordering::SeqCst);
        if used || !self.is_closed() || self.check_fork().is_err() {
            return;
        }
        let service = lock(&self.service).take();
        let root = self.with_protocol(Protocol::take_root);
        drop((service, root));
    }

    /// Handles an exception of a callback that is not sent to the peer: the connection ends, and the thread that serves
    /// gets it.
    #[cold]
    pub(super) fn leave_with(&self, mut inner: Guard<'_>, exception: &Exception) {
        inner.protocol.close();
        self.flush_some(&mut inner);
        inner.life.failed = Some(Box::new(Error::Exit(exception.clone())));
        self.alerts.has_failed();
        inner.tell_loop();
        drop(inner);
        // Wakes the thread that receives; it finds the error.
        self.transport.shutdown();
    }

    /// Runs the application's before_closed hook with the peer's root. As in RPyC, an error because the peer has gone
    /// is ignored.
    fn before_closed(self: &Arc<Shared>, hook: &BeforeClosed) -> Result<()> {
        let home: Arc<dyn Home> = self.clone();
        let done = self.root().and_then(|root| hook(&home, &root));
        match done {
            Err(Error::Eof(_) | Error::Closed(_) | Error::Stale(_) | Error::Timeout(_)) => Ok(()),
            Err(_) if self.with_protocol(|protocol| protocol.config().close_catchall) => Ok(()),
            done => done,
        }
    }

    /// Runs the before_closed hook, sends CLOSE, waits for the peer to end the stream, and ends.
    pub(super) fn close(self: &Arc<Shared>) -> Result<()> {
        let Some(hook) = &self.before_closed else { return self.close_now() };
        self.check_fork()?;
        let Some(_running) = hook.enter() else { return Ok(()) };
        let told = if self.is_closed() { Ok(()) } else { self.before_closed(&hook.run) };
        told.and(self.close_now())
    }

    /// Sends CLOSE, waits for the peer to end the stream, and ends.
    fn close_now(self: &Arc<Shared>) -> Result<()> {
        self.check_fork()?;
        let _guard = self.panic_guard();
        let _pause = turn::pause();
        let mut inner = self.lock();
        if inner.life.end.is_some() {
            drop(self.finish(inner, Error::Closed("the connection was closed".into())));
            return Ok(());
        }
        let waits = inner.protocol.dialect() == Dialect::V6 && inner.protocol.is_open();
        inner.life.closing = true;
        inner.protocol.close();
        let mut limit = Limit::lazy(Some(inner.protocol.config().close_timeout));
        if !inner.writer.flushing {
            (inner, _) = self.flush_within(inner, &mut limit);
        }
        let enough = |_: &mut Inner, _| (!waits).then_some(());
        (inner, _) = self.wait_until(inner, Key::Transaction, &mut limit, enough);
        drop(self.finish(inner, Error::Closed("the connection was closed".into())));
        Ok(())
    }

    /// Ends without waiting. With `tell`, CLOSE is sent if the transport accepts it at once.
    pub(super) fn abort(self: &Arc<Shared>, tell: bool) {
        if self.check_fork().is_err() {
            return;
        }
        let mut inner = self.lock();
        inner.life.closing = true;
        if tell {
            inner.protocol.close();
            self.flush_some(&mut inner);
        }
        drop(self.finish(inner, Error::Closed("the connection was closed".into())));
    }

    /// Frees cycles of containers that were still in use when the connection ended.
    pub(super) fn collect(&self) {
        let mut cycle_candidates = std::mem::take(&mut self.lock().references.cycle_candidates);
        if !cycle_candidates.is_empty() && self.check_fork().is_ok() {
            cycle_candidates.collect();
            self.lock().references.cycle_candidates.join(cycle_candidates);
        }
    }

    /// Ends at once, without a CLOSE.
    pub(crate) fn end(self: &Arc<Shared>) {
        self.abort(false);
    }
}

impl Drop for Shared {
    /// Calls that were running when the connection ended held containers until now.
    fn drop(&mut self) {
        // Without the lock: in a forked child, a thread of the parent may hold it forever.
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut cycle_candidates = std::mem::take(&mut inner.references.cycle_candidates);
        if !cycle_candidates.is_empty() && self.check_fork().is_ok() {
            cycle_candidates.collect();
        }
    }
}

/// Makes the error for a connection with the peer `name`, whose stream has ended with `how`, or for the transport's own
/// reason.
pub(super) fn lost(transport: &dyn Transport, name: &str, how: &str) -> Error {
    let lost = |how: &str| {
        Error::Eof(format!(
            "lost the connection with {name}: {how}; connect again, and request the root and all objects again"
        ))
    };
    match transport.failure() {
        None => lost(how),
        Some(Error::Eof(why)) => lost(&why),
        Some(error) => error,
    }
}
