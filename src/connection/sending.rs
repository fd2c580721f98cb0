//! Sending: at once where it goes, and never without reading where it does not.

use super::limit::{Limit, Received};
use super::shared::{Guard, Inner, Key, Shared, gone};
use crate::error::{Error, Result};
use crate::transport::Transport;
use std::time::Duration;

/// How much may wait to be sent while another thread waits for the transport.
const QUEUE: usize = if cfg!(shuttle) { 500 } else { 1 << 20 };

impl Shared {
    /// Gathers the requests that follow, until `uncork` or until somebody waits.
    pub(super) fn cork(&self) -> Result<()> {
        self.check_fork()?;
        self.lock().corked = true;
        Ok(())
    }

    /// Sends what has been gathered.
    pub(super) fn uncork(&self) -> Result<()> {
        self.check_fork()?;
        let mut inner = self.lock();
        inner.corked = false;
        if let Some(end) = &inner.end {
            return Err(gone(end));
        }
        drop(self.flush(inner));
        Ok(())
    }

    /// Sends everything that waits.
    pub(super) fn flush_all(&self) {
        drop(self.flush(self.lock()));
    }

    /// Sends everything that waits. While the peer does not take it, what it sends is taken in.
    pub(super) fn flush<'a>(&'a self, mut inner: Guard<'a>) -> Guard<'a> {
        if inner.flushing {
            return self.await_room(inner);
        }
        while !inner.broken && !inner.session.outgoing().is_empty() {
            match send_once(&mut inner, &*self.transport) {
                Ok(()) => continue,
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => {
                    inner.broken = true;
                    break;
                }
            }
            inner.flushing = true;
            inner = self.stall(inner);
        }
        inner.flushing = false;
        inner
    }

    /// Sends what goes without waiting.
    pub(super) fn flush_some(&self, inner: &mut Inner) {
        while !inner.flushing && !inner.broken && !inner.session.outgoing().is_empty() {
            match send_once(inner, &*self.transport) {
                Ok(()) => {}
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(_) => inner.broken = true,
            }
        }
    }

    /// The transport takes nothing: waits for room, and takes in what arrives meanwhile, up to a limit.
    pub(super) fn stall<'a>(&'a self, mut inner: Guard<'a>) -> Guard<'a> {
        let limit = inner.session.config().limits.buffered;
        let mut incoming = None;
        if !inner.reading {
            if inner.session.incoming().buffered() >= limit {
                inner.broken = true;
                inner.failed = Some(Error::Limit(format!(
                    "the peer sends but does not receive: {limit} bytes wait to be read (max_buffered)"
                )));
                return inner;
            }
            inner.reading = true;
            incoming = Some(inner.session.take_incoming());
        }
        drop(inner);
        let ready = self.transport.poll(incoming.is_some(), true, Some(crate::transport::TICK)).unwrap_or_default();
        let mut end = false;
        if let (Some(incoming), true) = (&mut incoming, ready.read) {
            end = matches!(Limit::Now.receive(&*self.transport, incoming), Received::End);
        }
        let mut inner = self.lock();
        if let Some(incoming) = incoming {
            inner.reading = false;
            inner.session.put_incoming(incoming);
            if end {
                inner.session.end_of_stream();
                inner.broken = true;
            }
            self.leave(&mut inner);
        }
        if inner.end.is_some() {
            inner.broken = true;
        }
        inner
    }

    /// Another thread is waiting for the transport; more than a little must not pile up behind it.
    pub(super) fn await_room<'a>(&'a self, mut inner: Guard<'a>) -> Guard<'a> {
        while inner.flushing && inner.end.is_none() && inner.session.outgoing().len() > QUEUE {
            let mut limit = Limit::lazy(Some(Duration::from_millis(20)));
            (inner, _) = self.park(inner, Key::Transaction, &mut limit);
        }
        inner
    }
}

fn send_once(inner: &mut Inner, transport: &dyn Transport) -> std::io::Result<()> {
    const SLICES: usize = 64;
    let outgoing = inner.session.outgoing();
    let sent = match outgoing.whole() {
        Some(bytes) => transport.send(&[std::io::IoSlice::new(bytes)])?,
        None => {
            let mut slices = [std::io::IoSlice::new(&[]); SLICES];
            let n = outgoing.slices(&mut slices);
            transport.send(&slices[..n])?
        }
    };
    outgoing.advance(sent);
    Ok(())
}
