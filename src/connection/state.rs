//! What the lock of a connection guards, in parts: the protocol, who reads, what is being written, the connection's life,
//! references that are on their way. The event loop's part is in `event_loop.rs`.

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

/// What is attached to a request of ours.
pub(super) enum Token {
    /// A thread waits for it, and looks into `arrived`.
    Sync,
    Async(Promise),
    /// A call of a batch: which run of which, and which call of it.
    Batch {
        run: u32,
        index: u32,
    },
}

impl Token {
    /// How long the answer is waited for; None: there is no end.
    #[cold]
    pub(super) fn time_left(&self, config: &Config) -> Option<Duration> {
        match self {
            Token::Sync | Token::Batch { .. } => config.sync_request_timeout,
            Token::Async(result) => Some(result.expiry()?.saturating_duration_since(Instant::now())),
        }
    }
}

/// What a waiting thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Reply(i64),
    /// The address of an asynchronous result.
    Async(usize),
    /// One of several asynchronous results: whoever waits looks which.
    Results,
    /// Answers to a batch, by the number of its run.
    Batch(u32),
    /// Anything that happens.
    Transaction,
    /// The same, for the thread of a server, which serves until the connection ends, whoever is interrupted.
    Accepted,
    /// The same, for a thread of the library that serves in the background, which also may be told to stop.
    Background,
    /// The same, for the thread that has called `serve_threaded`.
    Threaded,
    /// That less waits to be sent. It reads nothing.
    Writable,
}

pub(super) struct Waiter {
    pub(super) key: Key,
    pub(super) thread: u64,
    /// It runs the calls of the connection's queue.
    pub(super) runs: bool,
    pub(super) woken: AtomicBool,
    /// It is to stop waiting.
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

/// Who receives, who waits for what that brings, and who serves.
#[derive(Default)]
pub(super) struct Reader {
    /// A thread is receiving; the protocol's `incoming` is with it.
    pub(super) reading: bool,
    /// What the reader waits for, if something else than a message can end that: then its receiving can be interrupted.
    pub(super) interruptible: Option<Key>,
    /// The reader has been told that something is left to be sent (`Shared::interrupt_reader`).
    pub(super) nudged: bool,
    /// Nothing has come for a tick.
    pub(super) idle: bool,
    pub(super) waiters: Vec<Arc<Waiter>>,
    /// Replies whose threads have not looked yet.
    pub(super) arrived: Vec<(i64, Result<Value>)>,
    /// Batches that run, with answers of which has not been told, and the number of the last one.
    pub(super) batches: Vec<Arrivals>,
    pub(super) batch_runs: u32,
    /// Requests that are for certain threads (bind_threads).
    pub(super) bound: VecDeque<Request>,
    /// Threads that serve until the end: one of them will read, if nobody else does.
    pub(super) servers: usize,
    /// The number of the one that began last.
    pub(super) server_thread: u64,
    /// Calls come one after the other, in the order of their arrival.
    pub(super) order: Option<Turn>,
    /// Calls whose arguments are being converted, and until when.
    pub(super) conversions: Vec<(Instant, Weak<dyn Conversion>)>,
}

/// Answers of a batch that runs.
pub(super) struct Arrivals {
    pub(super) run: u32,
    pub(super) answers: Vec<(u32, Result<Value>)>,
}

/// What is on its way to the peer, beside the bytes themselves.
#[derive(Default)]
pub(super) struct Writer {
    /// Requests are being gathered: they leave with `uncork`, before any wait, or when there are many.
    pub(super) corked: bool,
    /// A thread is waiting until the transport takes more, and will send all there is.
    pub(super) flushing: bool,
    /// The transport refuses to send. What had arrived before is still read.
    pub(super) broken: bool,
    /// Quick methods that are running; their answers leave together.
    pub(super) quick: usize,
}

#[derive(Default)]
pub(super) struct Life {
    pub(super) closing: bool,
    /// Why the connection has to end, found where it could not be ended.
    pub(super) failed: Option<Box<Error>>,
    pub(super) end: Option<Error>,
}

impl Life {
    /// The error of those who come after the end.
    pub(super) fn gone(&self) -> Error {
        match &self.end {
            Some(Error::Closed(_)) => Error::Closed("the connection is closed; connect again".into()),
            Some(other) => other.clone(),
            None => Error::Closed("the connection ended before the answer".into()),
        }
    }
}

/// The releases that wait, as the threads that serve see them.
#[derive(Default)]
pub(super) struct Riding {
    /// The reader comes back after `RIDE`, and need not be woken.
    pub(super) alert: bool,
    /// The reader is woken by the first release.
    pub(super) watched: bool,
    /// When those that wait must leave, and what tells whether it is still those.
    pub(super) due: Option<(u64, Instant)>,
}

/// References that go, come or are kept, beside the protocol's tables.
#[derive(Default)]
pub(super) struct References {
    pub(super) peer_root: Option<Value>,
    /// The peer's root was asked for when its dialect was found out: the request, and until when its answer is waited for.
    pub(super) root_asked: Option<(i64, Option<Instant>)>,
    pub(super) riding: Riding,
    /// Results whose answers came too late, and answers that nobody holds, to be dropped without the lock.
    pub(super) late: Vec<(Option<Promise>, Result<Value>)>,
    /// Containers that the peer has given back; the end of the connection frees those that hold only one another.
    pub(super) cycle_candidates: CycleCandidates,
}

impl Reader {
    /// The reply to a request, if another thread has read it.
    #[inline]
    pub(super) fn take_arrived(&mut self, seq: i64) -> Option<Result<Value>> {
        let at = self.arrived.iter().position(|(arrived, _)| *arrived == seq)?;
        Some(self.arrived.swap_remove(at).1)
    }

    /// A request for this thread, or for any.
    #[inline(never)]
    pub(super) fn take_bound(&mut self) -> Option<Request> {
        let at = self.bound.iter().position(threads::is_for_here)?;
        self.bound.remove(at)
    }

    /// When the time of the first conversion is up, counted from now. Those that are over are forgotten.
    #[cold]
    pub(super) fn next_expiry(&mut self) -> Option<Duration> {
        self.conversions.retain(|(_, conversion)| conversion.strong_count() > 0);
        let first = self.conversions.iter().map(|(until, _)| *until).min()?;
        Some(first.saturating_duration_since(Instant::now()))
    }

    /// A thread begins to serve until the end.
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

    /// Wakes the one that has waited longest and can read.
    fn wake_next(&mut self) {
        if let Some(at) = self.waiters.iter().position(|waiter| waiter.key != Key::Writable) {
            self.waiters.remove(at).wake();
        }
    }
}

/// What has died under the lock. Dropping it may run code of the application.
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

    /// Has anything died that must not be dropped here?
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

    /// Has a message that is passed over taken too long? Then that ends the connection as the next thing.
    #[cold]
    pub(super) fn is_too_slow(&mut self) -> bool {
        self.protocol.watch_skipping(deadline::clock());
        self.protocol.has_message()
    }

    /// Nothing has come: has the peer been silent for too long? Then that ends the connection as the next thing.
    #[inline]
    pub(super) fn is_silent_too_long(&mut self) -> bool {
        self.protocol.may_fall_silent() && self.protocol.watch_silence(deadline::clock())
    }

    /// How long the peer may be silent from now on.
    pub(super) fn silence_left(&mut self) -> Option<Duration> {
        if !self.protocol.may_fall_silent() {
            return None;
        }
        let now = deadline::clock();
        self.protocol.note_silence(now);
        self.protocol.silence_deadline().map(|until| until.saturating_sub(now))
    }

    /// An answer to a call of a batch. Nobody waits for it any more: it is dropped.
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

    /// Whoever stops waiting hands the reading to another.
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

/// Gives the lock back, and drops then what has died under it.
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
