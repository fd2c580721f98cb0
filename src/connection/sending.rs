//! Sends at once what the transport accepts, and receives while it accepts nothing.

use super::interrupt::Stop;
use super::limit::{Limit, Received};
use super::shared::Shared;
use super::state::{Guard, Inner, Key, unlock_and_drop};
use super::wait::Step;
use crate::error::{Error, Result};
use crate::objects::deadline;
use crate::transport::{TICK, Transport};
use std::time::Duration;

/// Maximum pending output while another thread waits for the transport.
pub(super) const MAX_PENDING_OUTPUT: usize = if cfg!(feature = "model") { 500 } else { 1 << 20 };
/// Maximum output that is gathered while requests are corked.
pub(super) const CORK_LIMIT: usize = if cfg!(feature = "model") { 300 } else { 256 << 10 };
/// How long a writer waits for room while another thread reads: that thread may stop reading without telling.
const BLIND_WAIT: Duration = Duration::from_millis(50);

impl Shared {
    /// Gathers the following requests, until `uncork` or until a thread waits.
    pub(super) fn cork(&self) -> Result<()> {
        self.check_fork()?;
        self.lock().writer.corked = true;
        Ok(())
    }

    /// Does the same for a burst of the library. Returns false if the application gathers already; then it decides when
    /// to send.
    pub(super) fn cork_unless_corked(&self) -> bool {
        self.check_fork().is_ok() && !std::mem::replace(&mut self.lock().writer.corked, true)
    }

    /// Sends what was gathered.
    pub(super) fn uncork(&self) -> Result<()> {
        self.check_fork()?;
        let mut inner = self.lock();
        inner.writer.corked = false;
        if inner.life.end.is_some() {
            return Err(inner.life.gone());
        }
        inner.protocol.send_releases();
        unlock_and_drop(self.flush(inner));
        Ok(())
    }

    /// Sends all pending output.
    pub(super) fn flush_all(&self) {
        unlock_and_drop(self.flush(self.lock()));
    }

    /// Sends all pending output if the transport accepts it at once and in one piece. Otherwise the rest stays pending.
    #[inline]
    pub(super) fn send_now(&self, inner: &mut Inner) -> bool {
        if inner.writer.flushing | inner.writer.broken {
            return false;
        }
        let outgoing = inner.protocol.outgoing();
        match outgoing.whole() {
            Some([]) => true,
            Some(bytes) => match self.transport.send(&[std::io::IoSlice::new(bytes)]) {
                Ok(sent) => {
                    outgoing.advance(sent);
                    outgoing.is_empty()
                }
                Err(_) => false,
            },
            None => false,
        }
    }

    /// Sends all pending output. While the peer does not accept it, received bytes are buffered.
    #[inline(never)]
    pub(super) fn flush<'a>(&'a self, inner: Guard<'a>) -> Guard<'a> {
        self.flush_inline(inner)
    }

    /// Does the same. This is the path of most replies.
    #[inline(always)]
    pub(super) fn flush_inline<'a>(&'a self, mut inner: Guard<'a>) -> Guard<'a> {
        if self.send_now(&mut inner) { inner } else { self.flush_later(inner) }
    }

    /// Does the same if the transport does not accept it at once.
    #[inline(never)]
    fn flush_later<'a>(&'a self, mut inner: Guard<'a>) -> Guard<'a> {
        if inner.event_loop.is_on() {
            self.flush_some(&mut inner);
            inner.tell_loop();
            return inner;
        }
        if self.leave_rest(&mut inner) {
            return inner;
        }
        self.flush_and_tell(inner)
    }

    /// Sends all pending output without a limit of time. If this is interrupted, the next waiting thread is told.
    fn flush_and_tell<'a>(&'a self, inner: Guard<'a>) -> Guard<'a> {
        let (inner, sent) = self.flush_within(inner, &mut Limit::Forever);
        if let Sent::Interrupted = sent {
            self.alerts.interrupt();
        }
        inner
    }

    /// A thread that runs a queue has calls of other peers to run: it sends what the transport accepts, and the reader
    /// sends the rest. Returns false if this is another thread, or if there is no reader.
    fn leave_rest(&self, inner: &mut Inner) -> bool {
        let here = inner.reader.servers > 0
            && self.nudge.get().is_some()
            && self.queue.get().is_some_and(|queue| queue.is_here());
        if here {
            self.flush_some(inner);
            self.interrupt_reader(inner);
        }
        here
    }

    /// Tells the reader that output is pending.
    pub(super) fn interrupt_reader(&self, inner: &mut Inner) {
        if inner.writer.flushing || inner.reader.nudged || !inner.writer.broken && inner.protocol.outgoing().is_empty()
        {
            return;
        }
        if self.nudge.get().is_some() {
            inner.reader.nudged = true;
            self.transport.interrupt();
        }
    }

    /// Bounds the pending requests of a thread that runs a queue: beyond the bound it waits like other threads.
    #[cold]
    pub(super) fn bound_rest<'a>(&'a self, mut inner: Guard<'a>) -> Guard<'a> {
        if !inner.event_loop.is_of_application() && inner.protocol.outgoing().len() > MAX_PENDING_OUTPUT {
            inner = self.flush_and_tell(inner);
            // A pool may have found that this thread sends.
            inner.tell_loop();
        }
        inner
    }

    /// Does the same, up to a limit of time.
    #[inline(never)]
    pub(super) fn flush_within<'a>(&'a self, mut inner: Guard<'a>, limit: &mut Limit) -> (Guard<'a>, Sent) {
        let mut sent = Sent::All;
        if inner.writer.flushing {
            (inner, sent) = self.await_writer(inner, limit);
            // The other thread did not send everything.
            if inner.writer.flushing || !matches!(sent, Sent::All) {
                return (inner, sent);
            }
        }
        let mut stall = None;
        while !inner.writer.broken && !inner.protocol.outgoing().is_empty() {
            match send_once(&mut inner, &*self.transport) {
                Ok(()) => {
                    stall = None;
                    continue;
                }
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => self.disturb(),
                Err(_) => {
                    inner.writer.broken = true;
                    self.disturb();
                    break;
                }
            }
            if is_stalled_for_long(&mut inner, &mut stall) {
                self.give_up_sending(&mut inner, "the peer received nothing for too long (idle_timeout)".into());
                break;
            }
            let Some(left) = limit.remaining_to_send() else {
                sent = Sent::Late;
                break;
            };
            inner.writer.flushing = true;
            let read = !inner.reader.reading;
            inner = self.wait_writable(inner, left.min(TICK));
            match self.stops_sending(read) {
                Stop::No => {}
                Stop::Unsaid => {
                    sent = Sent::Partly;
                    break;
                }
                Stop::Told => {
                    sent = Sent::Interrupted;
                    break;
                }
            }
            if inner.protocol.outgoing().len() <= MAX_PENDING_OUTPUT {
                inner.reader.wake(|waiter| waiter.key == Key::Writable);
            }
        }
        if inner.writer.flushing {
            inner.writer.flushing = false;
            inner.reader.wake(|waiter| waiter.key == Key::Writable);
        }
        (inner, sent)
    }

    /// Sends what the transport accepts without blocking.
    pub(super) fn flush_some(&self, inner: &mut Inner) {
        while !inner.writer.flushing && !inner.writer.broken && !inner.protocol.outgoing().is_empty() {
            match send_once(inner, &*self.transport) {
                Ok(()) => {}
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => return self.disturb(),
                Err(_) => {
                    inner.writer.broken = true;
                    self.disturb();
                }
            }
        }
    }

    /// Does the same from a thread that must not wait for the lock.
    pub(crate) fn send_waiting(&self) {
        if self.check_fork().is_ok() {
            if let Some(mut inner) = crate::sync::try_lock(&self.inner) {
                self.flush_some(&mut inner);
            }
        }
    }

    /// Marks the connection as failed for sending, with the reason.
    #[cold]
    pub(super) fn give_up_sending(&self, inner: &mut Inner, why: String) {
        inner.writer.broken = true;
        inner.life.failed = Some(Box::new(Error::Limit(why)));
        self.alerts.has_failed();
        inner.tell_loop();
    }

    /// Waits for room in the transport, and buffers received bytes meanwhile, up to a limit.
    pub(super) fn wait_writable<'a>(&'a self, mut inner: Guard<'a>, time: Duration) -> Guard<'a> {
        let limit = inner.protocol.config().limits.buffered;
        let mut incoming = None;
        if !inner.reader.reading {
            if !inner.protocol.incoming().has_room(limit) {
                let why = format!("the peer sends without receiving: {limit} bytes wait to be read (max_buffered)");
                self.give_up_sending(&mut inner, why);
                return inner;
            }
            inner.reader.reading = true;
            incoming = Some(inner.protocol.take_incoming());
        }
        drop(inner);
        let time = if incoming.is_some() { time } else { time.min(BLIND_WAIT) };
        let ready = self.transport.poll(incoming.is_some(), true, Some(time)).unwrap_or_default();
        let mut end = false;
        if let (Some(incoming), true) = (&mut incoming, ready.read) {
            end = matches!(Limit::Now.receive(&*self.transport, incoming), Received::End);
        }
        let mut inner;
        if let Some(incoming) = incoming {
            inner = self.put_back(incoming);
            if end {
                inner.protocol.end_of_stream();
                inner.writer.broken = true;
            }
            inner.hand_over_reader();
        } else {
            inner = self.lock();
        }
        if inner.life.end.is_some() {
            inner.writer.broken = true;
        }
        inner
    }

    /// Waits while another thread waits for the transport, if the pending output is above its limit.
    fn await_writer<'a>(&'a self, mut inner: Guard<'a>, limit: &mut Limit) -> (Guard<'a>, Sent) {
        while inner.writer.flushing && inner.life.end.is_none() && inner.protocol.outgoing().len() > MAX_PENDING_OUTPUT
        {
            if limit.remaining_to_send().is_none() {
                return (inner, Sent::Late);
            }
            let mut forever = Limit::Forever;
            let limit = if let Limit::Now = limit { &mut forever } else { &mut *limit };
            let step;
            (inner, step) = self.park(inner, Key::Writable, limit);
            if let Step::Interrupted = step {
                return (inner, Sent::Interrupted);
            }
        }
        (inner, Sent::All)
    }
}

/// The result of sending.
pub(super) enum Sent {
    /// Everything that can be sent here was sent.
    All,
    /// The time was up; output is still pending.
    Late,
    /// This thread must stop waiting; output is still pending.
    Interrupted,
    /// Output is still pending. A thread must stop waiting, and none was told yet.
    Partly,
}

impl Sent {
    /// Converts to the step of a waiting thread.
    pub(super) fn step(self) -> Step {
        match self {
            Sent::All | Sent::Partly => Step::Retry,
            Sent::Late => Step::TimedOut,
            Sent::Interrupted => Step::Interrupted,
        }
    }
}

/// Measures how long the transport has accepted nothing: since when, and the number of bytes received by then.
struct Stall {
    since: Duration,
    /// None while a thread receives.
    received: Option<u64>,
}

/// Returns whether the peer has neither received nor sent anything for the time that it may be idle.
#[cold]
fn is_stalled_for_long(inner: &mut Inner, stall: &mut Option<Stall>) -> bool {
    let Some(most) = inner.protocol.config().idle_timeout else { return false };
    let (received, now) = (inner.protocol.received(), deadline::clock());
    match stall {
        Some(stall) if received == stall.received => now.saturating_sub(stall.since) >= most,
        _ => {
            *stall = Some(Stall { since: now, received });
            false
        }
    }
}

fn send_once(inner: &mut Inner, transport: &dyn Transport) -> std::io::Result<()> {
    const SLICES: usize = 64;
    let outgoing = inner.protocol.outgoing();
    let send = || match outgoing.whole() {
        Some(bytes) => transport.send(&[std::io::IoSlice::new(bytes)]),
        None => {
            let mut slices = [std::io::IoSlice::new(&[]); SLICES];
            let n = outgoing.slices(&mut slices);
            transport.send(&slices[..n])
        }
    };
    let sent = match send() {
        Err(e) if e.kind() == std::io::ErrorKind::WouldBlock && transport.widen(outgoing.len()) => send()?,
        sent => sent?,
    };
    outgoing.advance(sent);
    Ok(())
}
