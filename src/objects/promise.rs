//! Answers that are still to come, from a peer or from something of this process: RPyC's AsyncResult.

use super::peer::Peer;
use super::served;
use super::turn;
use crate::error::{Error, Result};
use crate::nesting;
use crate::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use crate::sync::{Condvar, Instant, Mutex, lock, wait_for};
use crate::value::Value;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

pub type Callback = Box<dyn FnOnce(&Promise) + Send>;

/// The answer to a request that nobody had to wait for. All clones are one result.
#[derive(Clone)]
pub struct Promise(Arc<Inner>);

const UNSENT: i64 = i64::MIN;

struct Inner {
    /// None: something of this process keeps it.
    peer: Option<Weak<dyn Peer>>,
    settled: AtomicBool,
    /// It has, or had, a time within which the answer must come; else nobody looks for one.
    limited: AtomicBool,
    /// The number of the request; UNSENT before it is sent.
    seq: AtomicI64,
    state: Mutex<State>,
    /// For results of this process, which no connection brings.
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    outcome: Option<Result<Value>>,
    callbacks: VecDeque<Callback>,
    /// A thread runs them, one after the other, and goes on with those that are added meanwhile.
    running: bool,
    expiry: Option<Instant>,
    /// The time that it was given.
    within: Duration,
    what: String,
    /// The answer came after the time was up, and is gone.
    late: bool,
    /// Connections that are read by threads that wait for a result of this process.
    read: Vec<Weak<dyn Peer>>,
}

impl State {
    fn expired_text(&self, name: &str) -> String {
        let what = if self.what.is_empty() { "the request" } else { &self.what };
        let seconds = self.within.as_secs_f64();
        format!(
            "the result expired: {what} on {name} did not answer in {seconds} s; it may still be running, and a late answer is dropped"
        )
    }
}

impl Promise {
    /// One that a peer's answer keeps. It expires after `timeout`, counted from now.
    pub(crate) fn new(peer: Weak<impl Peer + 'static>, what: String, timeout: Option<Duration>) -> Promise {
        let expiry = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let within = timeout.unwrap_or_default();
        Promise::with(Some(peer), false, State { expiry, within, what, ..State::default() })
    }

    /// One that is kept.
    pub(crate) fn settled(outcome: Result<Value>) -> Promise {
        Promise::with(None, true, State { outcome: Some(outcome), ..State::default() })
    }

    /// One that something of this process will keep with `settle`.
    pub(crate) fn local(what: String) -> Promise {
        Promise::with(None, false, State { what, ..State::default() })
    }

    fn with(peer: Option<Weak<dyn Peer>>, settled: bool, state: State) -> Promise {
        let (settled, limited) = (AtomicBool::new(settled), AtomicBool::new(state.expiry.is_some()));
        let (seq, state, arrived) = (AtomicI64::new(UNSENT), Mutex::new(state), Condvar::new());
        Promise(Arc::new(Inner { peer, settled, limited, seq, state, arrived }))
    }

    pub(crate) fn sent(&self, seq: i64) {
        self.0.seq.store(seq, Ordering::Relaxed);
    }

    /// Which result it is, among those that live.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }

    #[inline]
    pub(crate) fn is_settled(&self) -> bool {
        self.0.settled.load(Ordering::Acquire)
    }

    /// Lets go of it. What the last one leaves behind is given back, since dropping it may run code of the application.
    pub(crate) fn leave(self) -> Option<Result<Value>> {
        let inner = Arc::into_inner(self.0)?;
        lock(&inner.state).outcome.take()
    }

    /// The answer has come; true: the caller has to `run_callbacks`. One that comes too late is given back.
    #[must_use]
    pub(crate) fn settle(&self, outcome: Result<Value>) -> (bool, Option<Result<Value>>) {
        let mut state = lock(&self.0.state);
        if self.is_settled() {
            return (false, Some(outcome));
        }
        if state.expiry.is_some_and(|expiry| expiry <= Instant::now()) {
            state.late = true;
            return (false, Some(outcome));
        }
        (self.put(&mut state, outcome), None)
    }

    fn put(&self, state: &mut State, outcome: Result<Value>) -> bool {
        state.outcome = Some(outcome);
        state.running = !state.callbacks.is_empty();
        self.0.settled.store(true, Ordering::Release);
        if self.is_local() {
            self.0.arrived.notify_all();
        }
        state.running
    }

    /// A result of this process has come: whoever reads a connection meanwhile looks again. No lock is held here.
    pub(crate) fn tell_readers(&self) {
        let read = std::mem::take(&mut lock(&self.0.state).read);
        read.iter().filter_map(Weak::upgrade).for_each(|peer| peer.wake_for(self));
    }

    /// Something of this process has the answer.
    pub(crate) fn keep(&self, outcome: Result<Value>) {
        let run = self.settle(outcome).0;
        self.tell_readers();
        if run {
            self.run_callbacks_within();
        }
    }

    /// Runs the callbacks in the order in which they were registered, those too that are registered meanwhile.
    pub(crate) fn run_callbacks(&self) {
        loop {
            let mut state = lock(&self.0.state);
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

    /// Gives the answer up: nobody waits for it any more, and what comes is dropped. False: it is here already.
    pub fn cancel(&self) -> bool {
        let mut state = lock(&self.0.state);
        if self.is_settled() {
            return false;
        }
        let text = match state.what.as_str() {
            "" => "the request was cancelled; it may still be running".to_owned(),
            what => format!("{what} was cancelled; it may still be running"),
        };
        let run = self.put(&mut state, Err(Error::Cancelled(text)));
        drop(state);
        if let Some(peer) = self.peer() {
            peer.wake_for(self);
        }
        self.tell_readers();
        if run {
            self.run_callbacks_within();
        }
        true
    }

    /// Is the answer here? Handles first what has arrived, without waiting.
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

    /// How long its time still is; None when it has no limit, or is over.
    pub(crate) fn time_left(&self, now: Instant) -> Option<Duration> {
        let expiry = lock(&self.0.state).expiry?;
        Some(expiry.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }

    /// The answer is here, and it is an exception.
    pub fn error(&self) -> bool {
        self.ready() && matches!(lock(&self.0.state).outcome, Some(Err(_)))
    }

    /// The time is up and there was no answer.
    pub fn expired(&self) -> bool {
        !self.ready() && self.expiry_passed()
    }

    /// Waits for the answer, which may be an exception; requests of the peer are served meanwhile.
    pub fn wait(&self) -> Result<()> {
        if !self.is_settled() {
            self.await_answer()?;
        }
        match &lock(&self.0.state).outcome {
            Some(Err(error)) if !matches!(error, Error::Remote(_)) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    fn await_answer(&self) -> Result<()> {
        let Some(peer) = &self.0.peer else { return self.await_here() };
        let Some(peer) = peer.upgrade() else {
            // There was a connection, and nothing of it is left.
            return match self.is_settled() {
                true => Ok(()),
                false => Err(Error::Closed("the connection ended before the answer".into())),
            };
        };
        peer.check_fork()?;
        if peer.clone().wait_for(self, self.expiry())? {
            return Ok(());
        }
        if peer.is_closed() && !self.expiry_passed() {
            return Err(peer.ended());
        }
        Err(Error::Timeout(lock(&self.0.state).expired_text(&peer.name())))
    }

    /// Waits for something of this process.
    fn await_here(&self) -> Result<()> {
        let _pause = turn::pause();
        if let Some(peer) = served::here() {
            lock(&self.0.state).read.push(Arc::downgrade(&peer));
            // What answers may be a message of the peer that this thread serves.
            let settled = peer.clone().wait_for(self, self.expiry())?;
            if !settled && peer.is_closed() && !self.expiry_passed() {
                return Err(peer.ended());
            }
        }
        let mut state = lock(&self.0.state);
        while !self.is_settled() {
            let left = match state.expiry {
                None => Duration::from_secs(3600),
                Some(expiry) => expiry.saturating_duration_since(Instant::now()),
            };
            if left.is_zero() {
                return Err(Error::Timeout(state.expired_text("an object of this process")));
            }
            state = wait_for(&self.0.arrived, state, left);
        }
        Ok(())
    }

    /// Takes the outcome out, if it is there.
    pub(crate) fn take(&self) -> Option<Result<Value>> {
        if !self.is_settled() {
            return None;
        }
        lock(&self.0.state).outcome.take()
    }

    /// Waits for the answer and gives it.
    pub fn value(&self) -> Result<Value> {
        if !self.is_settled() {
            self.await_answer()?;
        }
        lock(&self.0.state).outcome.clone().unwrap_or_else(|| Err(Error::State("the answer has not come".into())))
    }

    /// Looks at the value that has come. One that is refused is dropped, and the error stands in its place.
    pub(crate) fn judge(&self, look: impl FnOnce(&Value) -> Result<()>) {
        let mut state = lock(&self.0.state);
        let Some(Ok(value)) = &state.outcome else { return };
        if let Err(error) = look(value) {
            let refused = state.outcome.replace(Err(error));
            drop(state);
            drop(refused);
        }
    }

    /// Runs `callback` once, when the answer comes; at once if it is here, or behind those that run just now. None is run
    /// after the time is up.
    pub fn add_callback(&self, callback: Callback) {
        let mut state = lock(&self.0.state);
        state.callbacks.push_back(callback);
        if !self.is_settled() || state.running {
            return;
        }
        state.running = true;
        drop(state);
        self.run_callbacks_within();
    }

    /// Is there nothing to wait for any more: an answer, the end of its time, the end of its connection?
    pub(crate) fn is_done(&self) -> bool {
        self.is_settled() || self.expiry_passed() || self.0.peer.as_ref().is_some_and(|peer| peer.strong_count() == 0)
    }

    /// Something of this process gives it, and no connection.
    pub(crate) fn is_local(&self) -> bool {
        self.0.peer.is_none()
    }

    /// Whose answer keeps it.
    pub(crate) fn peer(&self) -> Option<Arc<dyn Peer>> {
        self.0.peer.as_ref()?.upgrade()
    }

    pub(crate) fn expiry(&self) -> Option<Instant> {
        if self.0.limited.load(Ordering::Acquire) { lock(&self.0.state).expiry } else { None }
    }

    /// Sets the time within which the answer must come, counted from now. It changes nothing when that has come too late.
    pub fn set_expiry(&self, timeout: Option<Duration>) {
        let mut state = lock(&self.0.state);
        if !state.late {
            state.within = timeout.unwrap_or_default();
            state.expiry = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
            self.0.limited.store(true, Ordering::Release);
        }
    }

    /// The number of the request, once it has been sent.
    pub fn seq(&self) -> Option<i64> {
        Some(self.0.seq.load(Ordering::Relaxed)).filter(|seq| *seq != UNSENT)
    }
}
