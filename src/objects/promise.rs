//! Pending results, of a peer or of this process: RPyC's AsyncResult.

use super::peer::Peer;
use super::served;
use super::turn;
use crate::error::{Error, Result};
use crate::nesting;
use crate::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use crate::sync::{Condvar, Instant, Mutex, MutexGuard, lock, wait_for};
use crate::value::Value;
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

pub type Callback = Box<dyn FnOnce(&Promise) + Send>;

/// Checks a value that has arrived. An error replaces it.
pub(crate) type Judge = Box<dyn FnOnce(&Value) -> Result<()> + Send>;

/// The result of an asynchronous request. All clones are one result.
#[derive(Clone)]
pub struct Promise(Arc<Promised>);

const UNSENT: i64 = i64::MIN;

/// The outcome is set.
const SETTLED: u32 = 1;
/// `more` exists, and the settling thread must look at it.
const RICH: u32 = 2;

/// Most results are only requested and answered; these take no lock.
pub(crate) struct Promised {
    /// None: a result of this process.
    peer: Option<Weak<dyn Peer>>,
    /// SETTLED and RICH.
    marks: AtomicU32,
    /// The sequence number of the request; UNSENT before it is sent.
    seq: AtomicI64,
    /// Written once, by the first of: the reader, or a thread that cancels.
    outcome: OnceLock<Result<Value>>,
    /// State that few results need.
    more: OnceLock<Box<More>>,
}

/// State of a result with a timeout or callbacks, or for which a thread of this process waits.
#[derive(Default)]
struct More {
    state: Mutex<State>,
    /// For results of this process, which no connection settles.
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    callbacks: VecDeque<Callback>,
    judge: Option<Judge>,
    /// A thread is running the callbacks, and will also run those that are added meanwhile.
    running: bool,
    expiry: Option<Instant>,
    /// The timeout that was set.
    within: Duration,
    what: String,
    /// The reply arrived after the timeout and was dropped.
    late: bool,
    /// Connections that are read by threads waiting for a result of this process.
    read: Vec<Weak<dyn Peer>>,
}

impl State {
    fn expired_text(&self, name: &str) -> String {
        let what = if self.what.is_empty() { "the request" } else { &self.what };
        let seconds = self.within.as_secs_f64();
        format!(
            "the result expired: {what} on {name} did not reply in {seconds} s; it may still be running, and a late reply is dropped"
        )
    }

    fn limit(&mut self, timeout: Option<Duration>) {
        self.within = timeout.unwrap_or_default();
        self.expiry = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    }

    /// True: the caller must run the callbacks.
    fn begin_running(&mut self) -> bool {
        let begins = !self.running && !self.callbacks.is_empty();
        self.running |= begins;
        begins
    }
}

/// What the settling thread must do.
#[must_use]
pub(crate) struct Settled {
    /// The caller must `run_callbacks`.
    pub run: bool,
    /// A value that is not kept, because it was late or rejected. Dropping it may run application code.
    pub refused: Option<Result<Value>>,
}

impl Promise {
    /// A result that a peer's reply settles. It expires `timeout` from now.
    pub(crate) fn new(peer: Weak<impl Peer + 'static>, what: String, timeout: Option<Duration>) -> Promise {
        let promise = Promise::with(Some(peer));
        if timeout.is_some() || !what.is_empty() {
            let mut state = promise.rich();
            state.what = what;
            state.limit(timeout);
        }
        promise
    }

    /// A settled result.
    pub(crate) fn settled(outcome: Result<Value>) -> Promise {
        let promise = Promise::with(None);
        // Nobody else can have settled it.
        let _ = promise.0.outcome.set(outcome);
        promise.0.marks.store(SETTLED, Ordering::Release);
        promise
    }

    /// A result that this process settles with `settle`.
    pub(crate) fn local(what: String) -> Promise {
        let promise = Promise::with(None);
        if !what.is_empty() {
            promise.rich().what = what;
        }
        promise
    }

    fn with(peer: Option<Weak<dyn Peer>>) -> Promise {
        let (marks, seq) = (AtomicU32::new(0), AtomicI64::new(UNSENT));
        Promise(Arc::new(Promised { peer, marks, seq, outcome: OnceLock::new(), more: OnceLock::new() }))
    }

    /// For handles of the C interface.
    #[cfg_attr(debug_assertions, allow(dead_code))]
    pub(crate) fn into_inner(self) -> Arc<Promised> {
        self.0
    }

    #[cfg_attr(debug_assertions, allow(dead_code))]
    pub(crate) fn from_inner(inner: Arc<Promised>) -> Promise {
        Promise(inner)
    }

    /// Checks the value before it is kept, unless it has arrived. A rejected value is not kept.
    pub(crate) fn judged_by(&self, judge: Judge) {
        self.rich().judge = Some(judge);
    }

    /// Creates the rare state. From now on the settling thread takes its lock.
    fn rich(&self) -> MutexGuard<'_, State> {
        let state = lock(&self.0.more.get_or_init(Box::default).state);
        self.0.marks.fetch_or(RICH, Ordering::AcqRel);
        state
    }

    /// The rare state, if it exists.
    fn more(&self) -> Option<&More> {
        self.0.more.get().map(|more| &**more)
    }

    pub(crate) fn sent(&self, seq: i64) {
        self.0.seq.store(seq, Ordering::Relaxed);
    }

    /// Identifies the result among those that exist.
    pub(crate) fn address(&self) -> usize {
        self.as_ptr() as usize
    }

    pub(crate) fn as_ptr(&self) -> *const Promised {
        Arc::as_ptr(&self.0)
    }

    #[inline]
    pub(crate) fn is_settled(&self) -> bool {
        self.0.marks.load(Ordering::Acquire) & SETTLED != 0
    }

    /// Returns whether settling only has to store the outcome.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.0.marks.load(Ordering::Acquire) & RICH == 0
    }

    /// Drops a reference. Returns what the last one leaves, because dropping that may run application code.
    pub(crate) fn leave(self) -> Option<Result<Value>> {
        Arc::into_inner(self.0)?.outcome.into_inner()
    }

    /// Settles with a reply. Returns what is not kept.
    #[inline]
    pub(crate) fn settle(&self, outcome: Result<Value>) -> Settled {
        match self.0.marks.load(Ordering::Acquire) & RICH {
            0 => self.put(outcome),
            _ => self.settle_rich(outcome),
        }
    }

    /// Settles if it is the first. Serves a thread that has made the result rich meanwhile.
    #[inline]
    fn put(&self, outcome: Result<Value>) -> Settled {
        if let Err(outcome) = self.0.outcome.set(outcome) {
            return Settled { run: false, refused: Some(outcome) };
        }
        let before = self.0.marks.fetch_or(SETTLED, Ordering::AcqRel);
        Settled { run: before & RICH != 0 && self.tell(&mut self.rich()), refused: None }
    }

    /// Wakes the threads that wait here. True: the callbacks must be run.
    fn tell(&self, state: &mut State) -> bool {
        if let (true, Some(more)) = (self.is_local(), self.more()) {
            more.arrived.notify_all();
        }
        state.begin_running()
    }

    #[inline(never)]
    fn settle_rich(&self, mut outcome: Result<Value>) -> Settled {
        let mut state = self.rich();
        if self.is_settled() {
            return Settled { run: false, refused: Some(outcome) };
        }
        if state.expiry.is_some_and(|expiry| expiry <= Instant::now()) {
            state.late = true;
            return Settled { run: false, refused: Some(outcome) };
        }
        let mut refused = None;
        if let Some(judge) = state.judge.take() {
            if let Some(error) = outcome.as_ref().ok().and_then(|value| judge(value).err()) {
                refused = Some(std::mem::replace(&mut outcome, Err(error)));
            }
        }
        if let Err(outcome) = self.0.outcome.set(outcome) {
            return Settled { run: false, refused: Some(outcome) };
        }
        self.0.marks.fetch_or(SETTLED, Ordering::AcqRel);
        Settled { run: self.tell(&mut state), refused }
    }

    /// A result of this process was settled: wakes the threads that read connections meanwhile. No lock is held.
    pub(crate) fn tell_readers(&self) {
        let Some(more) = self.more() else { return };
        let read = std::mem::take(&mut lock(&more.state).read);
        read.iter().filter_map(Weak::upgrade).for_each(|peer| peer.wake_for(self));
    }

    /// Settles a result of this process.
    pub(crate) fn keep(&self, outcome: Result<Value>) {
        let settled = self.settle(outcome);
        self.tell_readers();
        drop(settled.refused);
        if settled.run {
            self.run_callbacks_within();
        }
    }

    /// Runs the callbacks in order of registration, including those registered meanwhile.
    pub(crate) fn run_callbacks(&self) {
        loop {
            let mut state = self.rich();
            let Some(callback) = state.callbacks.pop_front() else {
                state.running = false;
                return;
            };
            drop(state);
            callback(self);
        }
    }

    /// The same, one level deeper.
    pub(crate) fn run_callbacks_within(&self) {
        let this = self.clone();
        nesting::within(move || this.run_callbacks());
    }

    /// Cancels the result: a later reply is dropped. False: it was settled.
    pub fn cancel(&self) -> bool {
        if self.is_settled() {
            return false;
        }
        let text = match self.rich().what.as_str() {
            "" => "the request was cancelled; it may still be running".to_owned(),
            what => format!("{what} was cancelled; it may still be running"),
        };
        let Settled { run, refused: None } = self.put(Err(Error::Cancelled(text))) else { return false };
        if let Some(peer) = self.peer() {
            peer.wake_for(self);
        }
        self.tell_readers();
        if run {
            self.run_callbacks_within();
        }
        true
    }

    /// Returns whether the result is settled, after handling received messages without waiting.
    pub fn ready(&self) -> bool {
        if self.is_settled() || self.expiry_passed() {
            return self.is_settled();
        }
        if let Some(peer) = self.peer() {
            while !self.is_settled() && peer.clone().serve_arrived() {}
        }
        self.is_settled()
    }

    fn expiry_passed(&self) -> bool {
        self.expiry().is_some_and(|expiry| expiry <= Instant::now())
    }

    /// Returns the remaining time; None without a timeout or after it.
    pub(crate) fn time_left(&self, now: Instant) -> Option<Duration> {
        let expiry = self.expiry()?;
        Some(expiry.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }

    /// Settled with an exception.
    pub fn error(&self) -> bool {
        self.ready() && matches!(self.0.outcome.get(), Some(Err(_)))
    }

    /// The timeout passed without a reply.
    pub fn expired(&self) -> bool {
        !self.ready() && self.expiry_passed()
    }

    /// Waits for the result, which may be an exception, and serves the peer meanwhile.
    pub fn wait(&self) -> Result<()> {
        if !self.is_settled() {
            self.await_answer()?;
        }
        match self.0.outcome.get() {
            Some(Err(error)) if !matches!(error, Error::Remote(_)) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    fn await_answer(&self) -> Result<()> {
        let Some(peer) = &self.0.peer else { return self.await_here() };
        let Some(peer) = peer.upgrade() else {
            // The connection existed and has been freed.
            return match self.is_settled() {
                true => Ok(()),
                false => Err(Error::Closed("the connection ended before the reply".into())),
            };
        };
        peer.check_fork()?;
        if peer.clone().wait_for(self, self.expiry())? {
            return Ok(());
        }
        if peer.is_closed() && !self.expiry_passed() {
            return Err(peer.ended());
        }
        let text = self.rich().expired_text(&peer.name());
        Err(Error::Timeout(text))
    }

    /// Waits for something of this process.
    fn await_here(&self) -> Result<()> {
        let _pause = turn::pause();
        if let Some(peer) = served::here() {
            self.rich().read.push(Arc::downgrade(&peer));
            // The answer may be a message of the peer that this thread serves.
            let settled = peer.clone().wait_for(self, self.expiry())?;
            if !settled && peer.is_closed() && !self.expiry_passed() {
                return Err(peer.ended());
            }
        }
        let mut state = self.rich();
        while !self.is_settled() {
            let left = match state.expiry {
                None => Duration::from_secs(3600),
                Some(expiry) => expiry.saturating_duration_since(Instant::now()),
            };
            if left.is_zero() {
                return Err(Error::Timeout(state.expired_text("an object of this process")));
            }
            let Some(more) = self.more() else { break };
            state = wait_for(&more.arrived, state, left);
        }
        Ok(())
    }

    /// Returns the outcome if it is settled.
    pub(crate) fn outcome(&self) -> Option<Result<Value>> {
        if self.is_settled() { self.0.outcome.get().cloned() } else { None }
    }

    /// Waits for the outcome and returns it.
    pub fn value(&self) -> Result<Value> {
        if !self.is_settled() {
            self.await_answer()?;
        }
        self.outcome().unwrap_or_else(|| Err(Error::State("the reply has not arrived".into())))
    }

    /// Runs `callback` once when the result is settled; at once if it is, or after the callbacks that are running. None
    /// runs after the timeout.
    pub fn add_callback(&self, callback: Callback) {
        let mut state = self.rich();
        state.callbacks.push_back(callback);
        let run = self.is_settled() && state.begin_running();
        drop(state);
        if run {
            self.run_callbacks_within();
        }
    }

    /// Returns whether waiting is useless: settled, expired, or the connection has ended.
    pub(crate) fn is_done(&self) -> bool {
        self.is_settled() || self.expiry_passed() || self.0.peer.as_ref().is_some_and(|peer| peer.strong_count() == 0)
    }

    /// A result of this process, not of a connection.
    pub(crate) fn is_local(&self) -> bool {
        self.0.peer.is_none()
    }

    /// The peer whose reply settles it.
    pub(crate) fn peer(&self) -> Option<Arc<dyn Peer>> {
        self.0.peer.as_ref()?.upgrade()
    }

    pub(crate) fn expiry(&self) -> Option<Instant> {
        if self.0.marks.load(Ordering::Acquire) & RICH == 0 {
            return None;
        }
        lock(&self.more()?.state).expiry
    }

    /// Sets the timeout, counted from now. Without effect if the reply was already too late.
    pub fn set_expiry(&self, timeout: Option<Duration>) {
        let mut state = self.rich();
        if !state.late {
            state.limit(timeout);
        }
    }

    /// The sequence number of the request, once it was sent.
    pub fn seq(&self) -> Option<i64> {
        Some(self.0.seq.load(Ordering::Relaxed)).filter(|seq| *seq != UNSENT)
    }
}
