//! Defines the data that a connection's lock guards, in parts: the protocol, the reader, the writer, the connection's
//! life, references in transit. The event loop's part is in `loop_state.rs`.

use super::loop_state::EventLoop;
use super::seats::Seat;
use super::threads;
use crate::codec::frame::Destination;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::log::Notes;
use crate::nesting;
use crate::objects::{Conversion, CycleCandidates, Promise, Turn, deadline};
use crate::protocol::{Protocol, Request};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Instant, MutexGuard};
use crate::value::{Blob, Local, Value};
use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// The token of a request of ours.
pub(super) enum Token {
    /// A thread waits for the reply in `arrived`.
    Sync,
    Async(Promise),
    /// A call of a batch: the number of the run, and the index of the call.
    Batch {
        run: u32,
        index: u32,
    },
}

impl Token {
    /// Returns the timeout of the reply; None is no limit.
    #[cold]
    pub(super) fn time_left(&self, config: &Config) -> Option<Duration> {
        match self {
            Token::Sync | Token::Batch { .. } => config.sync_request_timeout,
            Token::Async(result) => Some(result.expiry()?.saturating_duration_since(Instant::now())),
        }
    }
}

/// The condition that a waiting thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Reply(i64),
    /// The address of an asynchronous result.
    Async(usize),
    /// One of several asynchronous results. The waiting thread checks which.
    Results,
    /// Replies to a batch, by the number of its run.
    Batch(u32),
    /// Any event.
    Transaction,
    /// Any event, for the thread of a server, which serves until the connection ends and ignores interrupts.
    Accepted,
    /// Any event, for a background thread of the library, which can also be stopped.
    Background,
    /// Any event, for the thread that called `serve_threaded`.
    Threaded,
    /// Less output is pending. It does not read.
    Writable,
}

pub(super) struct Waiter {
    pub(super) key: Key,
    pub(super) thread: u64,
    /// It runs the calls of the connection's queue.
    pub(super) runs: bool,
    pub(super) woken: AtomicBool,
    pub(super) interrupted: AtomicBool,
    pub(super) seat: Arc<Seat>,
}

impl Waiter {
    fn wake(&self) {
        self.woken.store(true, Ordering::Relaxed);
        self.seat.wake.notify_one();
    }
}

pub(super) struct Inner {
    pub(super) protocol: Protocol<Token>,
    pub(super) reader: Reader,
    pub(super) writer: Writer,
    pub(super) life: Life,
    pub(super) references: References,
    pub(super) event_loop: EventLoop,
}

/// The threads that receive, wait and serve.
#[derive(Default)]
pub(super) struct Reader {
    /// A thread is receiving and has taken the protocol's `incoming`.
    pub(super) reading: bool,
    /// While it waits: a message had begun to arrive before.
    pub(super) mid_frame: bool,
    /// The reader's key, if an event other than a message can end its wait: then its receiving can be interrupted.
    pub(super) interruptible: Option<Key>,
    /// The reader was told that output is pending (`Shared::interrupt_reader`).
    pub(super) nudged: bool,
    /// Nothing has arrived for a tick.
    pub(super) idle: bool,
    pub(super) waiters: Vec<Arc<Waiter>>,
    /// Replies that their threads have not taken yet.
    pub(super) arrived: Vec<(i64, Result<Value>)>,
    /// Running batches with their unreported replies, and the number of the last one.
    pub(super) batches: Vec<Arrivals>,
    pub(super) batch_runs: u32,
    /// Requests for certain threads (bind_threads).
    pub(super) bound: VecDeque<Request>,
    /// Threads that serve until the end. One of them reads if no other thread does.
    pub(super) servers: usize,
    /// The number of the last of them.
    pub(super) server_thread: u64,
    /// Set if calls are served one at a time, in the order of their arrival.
    pub(super) order: Option<Turn>,
    /// Calls whose arguments are being converted, with their deadlines.
    pub(super) conversions: Vec<(Instant, Weak<dyn Conversion>)>,
}

/// Replies to a running batch.
pub(super) struct Arrivals {
    pub(super) run: u32,
    pub(super) answers: Vec<(u32, Result<Value>)>,
}

/// The state of sending, except the bytes.
#[derive(Default)]
pub(super) struct Writer {
    /// Requests are being gathered. They are sent by `uncork`, before any wait, or when there are many.
    pub(super) corked: bool,
    /// A thread waits until the transport accepts more, and will send all pending output.
    pub(super) flushing: bool,
    /// The transport cannot send any more. Data that arrived before is still read.
    pub(super) broken: bool,
    /// The number of running quick methods. Their replies are sent together.
    pub(super) quick: usize,
}

#[derive(Default)]
pub(super) struct Life {
    pub(super) closing: bool,
    /// The reason for which the connection must end, found where it could not be ended.
    pub(super) failed: Option<Box<Error>>,
    pub(super) end: Option<Error>,
}

impl Life {
    /// Makes the error for requests after the end.
    pub(super) fn gone(&self) -> Error {
        match &self.end {
            Some(Error::Closed(_)) => Error::Closed("the connection is closed; connect again".into()),
            Some(other) => other.clone(),
            None => Error::Closed("the connection ended before the reply".into()),
        }
    }
}

/// The pending releases, for the threads that serve.
#[derive(Default)]
pub(super) struct Riding {
    /// The reader returns after `RIDE` and need not be woken.
    pub(super) alert: bool,
    /// The first release wakes the reader.
    pub(super) watched: bool,
    /// The deadline of the pending releases, and a mark that changes when they do.
    pub(super) due: Option<(u64, Instant)>,
}

/// References in transit, beside the protocol's tables.
#[derive(Default)]
pub(super) struct References {
    pub(super) peer_root: Option<Value>,
    /// The request for the peer's root that detected the dialect, with the deadline of its reply.
    pub(super) root_asked: Option<(i64, Option<Instant>)>,
    pub(super) riding: Riding,
    /// Results whose replies came too late, and replies that nobody takes, to be dropped after unlocking.
    pub(super) late: Vec<(Option<Promise>, Result<Value>)>,
    /// Containers that the peer has released. The end of the connection frees those that are only referred to by one
    /// another.
    pub(super) cycle_candidates: CycleCandidates,
}

impl Reader {
    /// Takes the reply to a request, if another thread has read it.
    #[inline]
    pub(super) fn take_arrived(&mut self, seq: i64) -> Option<Result<Value>> {
        let at = self.arrived.iter().position(|(arrived, _)| *arrived == seq)?;
        Some(self.arrived.swap_remove(at).1)
    }

    /// Takes a request for this thread, or for any.
    #[inline(never)]
    pub(super) fn take_bound(&mut self) -> Option<Request> {
        let at = self.bound.iter().position(threads::is_for_here)?;
        self.bound.remove(at)
    }

    /// Returns the time until the first conversion expires. Removes finished ones.
    #[cold]
    pub(super) fn next_expiry(&mut self) -> Option<Duration> {
        self.conversions.retain(|(_, conversion)| conversion.strong_count() > 0);
        let first = self.conversions.iter().map(|(until, _)| *until).min()?;
        Some(first.saturating_duration_since(Instant::now()))
    }

    /// Registers a thread that serves until the end.
    pub(super) fn begin_serving(&mut self) {
        self.servers += 1;
        self.server_thread = threads::id();
    }

    pub(super) fn wake(&mut self, which: impl Fn(&Waiter) -> bool) {
        self.waiters.retain(|waiter| {
            let woken = which(waiter);
            if woken {
                waiter.wake();
            }
            !woken
        });
    }

    /// Wakes the longest waiter that can read.
    fn wake_next(&mut self) {
        if let Some(at) = self.waiters.iter().position(|waiter| waiter.key != Key::Writable) {
            self.waiters.remove(at).wake();
        }
    }
}

/// Drop only after unlocking: destructors run application code.
pub(super) struct DropLater {
    _objects: Vec<Arc<dyn Local>>,
    _sent: Vec<Blob>,
    _late: Vec<(Option<Promise>, Result<Value>)>,
    _rooms: Vec<Box<dyn Destination>>,
    _notes: Notes,
}

impl Inner {
    pub(super) fn new(protocol: Protocol<Token>) -> Inner {
        Inner {
            protocol,
            reader: Reader::default(),
            writer: Writer::default(),
            life: Life::default(),
            references: References::default(),
            event_loop: EventLoop::default(),
        }
    }

    /// Returns whether anything has died that must not be dropped under the lock.
    #[inline]
    pub(super) fn has_died(&mut self) -> bool {
        self.protocol.has_dropped() | !self.references.late.is_empty() | self.protocol.outgoing().has_spent()
    }

    pub(super) fn take_died(&mut self) -> DropLater {
        let objects = self.protocol.take_dropped();
        objects.iter().for_each(|object| self.references.cycle_candidates.add(object));
        DropLater {
            _objects: objects,
            _sent: self.protocol.outgoing().take_spent(),
            _late: std::mem::take(&mut self.references.late),
            _rooms: self.protocol.take_destinations(),
            _notes: self.protocol.take_notes(),
        }
    }

    /// Returns whether a skipped message has taken too long. Then the next event ends the connection.
    #[cold]
    pub(super) fn is_too_slow(&mut self) -> bool {
        self.protocol.watch_skipping(deadline::clock());
        self.protocol.has_message()
    }

    /// Called when nothing has arrived. Returns whether the peer has been silent too long; then the next event ends the
    /// connection.
    #[inline]
    pub(super) fn is_silent_too_long(&mut self) -> bool {
        self.protocol.may_fall_silent() && self.protocol.watch_silence(deadline::clock())
    }

    /// Returns how long the peer may still be silent.
    pub(super) fn silence_left(&mut self) -> Option<Duration> {
        if !self.protocol.may_fall_silent() {
            return None;
        }
        let now = deadline::clock();
        self.protocol.note_silence(now);
        self.protocol.silence_deadline().map(|until| until.saturating_sub(now))
    }

    /// Stores the reply to a call of a batch. Drops it if the run has ended.
    pub(super) fn arrive(&mut self, run: u32, index: u32, outcome: Result<Value>) {
        match self.reader.batches.iter_mut().find(|arrivals| arrivals.run == run) {
            Some(arrivals) => arrivals.answers.push((index, outcome)),
            None => self.references.late.push((None, outcome)),
        }
        if !self.reader.waiters.is_empty() {
            self.reader.wake(|waiter| matches!(waiter.key, Key::Batch(waiting) if waiting == run));
        }
    }

    pub(super) fn arrivals(&mut self, run: u32) -> Option<&mut Arrivals> {
        self.reader.batches.iter_mut().find(|arrivals| arrivals.run == run)
    }

    /// Passes the reader role to the longest waiter.
    #[inline(always)]
    pub(super) fn hand_over_reader(&mut self) {
        if self.event_loop.is_on() || !self.reader.waiters.is_empty() {
            self.hand_over_to_some();
        }
    }

    #[inline(never)]
    fn hand_over_to_some(&mut self) {
        if self.reader.reading {
            return;
        }
        if self.reader.waiters.is_empty() {
            return self.tell_loop();
        }
        self.reader.wake_next();
    }
}

pub(super) type Guard<'a> = MutexGuard<'a, Inner>;

/// Unlocks, then drops the values that died under the lock.
#[inline]
pub(super) fn unlock_and_drop(mut inner: Guard<'_>) {
    if inner.has_died() {
        unlock_and_drop_some(inner);
    }
}

#[inline(never)]
fn unlock_and_drop_some(mut inner: Guard<'_>) {
    let most = inner.protocol.config().limits.serving;
    let died = inner.take_died();
    drop(inner);
    nesting::give_back(most, move || drop(died));
}
