//! Runs a batch. The thread that runs it sends the calls in bursts, reads their replies, and reports each. No other
//! thread runs code of the application for it, and none does so under the lock.

use super::calls::{Calls, ListedCall};
use crate::config::Dialect;
use crate::connection::interrupt::Stop;
use crate::connection::limit::Limit;
use crate::connection::sending::CORK_LIMIT;
use crate::connection::shared::Shared;
use crate::connection::state::{Arrivals, Guard, Inner, Key, Token, unlock_and_drop};
use crate::connection::threads;
use crate::connection::wait::{Step, give_up_wait};
use crate::error::{Error, Result};
use crate::objects::{TimeLimit, time_limit, turn};
use crate::protocol::Body;
use crate::sync::Instant;
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use crate::transport::TICK;
use crate::value::Value;
use std::sync::Arc;
use std::time::Duration;

/// Maximum number of results reported before new replies are taken.
const TOLD_AT_ONCE: usize = 256;

/// Cancels a running batch, from any thread.
#[derive(Default)]
pub struct StopBatch {
    stopped: AtomicBool,
    /// The number of the run on its connection, once it has one.
    run: AtomicU32,
}

impl StopBatch {
    /// Returns false if it was stopped before.
    pub fn stop(&self, calls: Option<&Arc<Shared>>) -> bool {
        let first = !self.stopped.swap(true, Ordering::SeqCst);
        if let (true, Some(shared)) = (first, calls.filter(|shared| shared.check_fork().is_ok())) {
            let run = self.run.load(Ordering::SeqCst);
            shared.wake_waiting(|key| key == Key::Batch(run));
        }
        first
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }
}

/// The inputs of a run.
pub struct RunBatch<'a> {
    pub calls: &'a Calls,
    /// Maximum number of calls without a reply.
    pub window: usize,
    pub timeout: Option<Duration>,
    pub stop: &'a StopBatch,
}

/// The progress of a run.
struct Progress<'a, 'b> {
    batch: &'a RunBatch<'a>,
    tell: &'b mut dyn FnMut(usize, Result<Value>),
    /// The index of the next call to be sent.
    next: usize,
    /// The number of calls without a reply.
    open: usize,
    /// Whether each call was reported.
    told: Vec<bool>,
    /// Results that are not reported yet.
    arrived: Vec<(u32, Result<Value>)>,
    limit: Limit,
    within: Option<TimeLimit>,
    deadline: Option<Instant>,
}

impl RunBatch<'_> {
    /// Makes the calls and reports each exactly once, in the order in which they end. The error is that of the calls
    /// without a reply: a timeout, a cancelled batch, an interrupt, or the end of the connection.
    pub fn run(&self, tell: &mut dyn FnMut(usize, Result<Value>)) -> Result<()> {
        let within = time_limit::here();
        let own = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let deadline = own.into_iter().chain(within.and_then(|within| within.deadline())).min();
        let mut progress = Progress {
            batch: self,
            tell,
            next: 0,
            open: 0,
            told: vec![false; self.calls.len()],
            arrived: Vec::new(),
            limit: Limit::at(deadline),
            within,
            deadline,
        };
        let _apart = time_limit::apart();
        let result = match self.calls.shared() {
            Some(shared) => shared.run_batch(&mut progress),
            None => progress.run_here(),
        };
        if let Err(error) = &result {
            progress.fail_rest(error);
        }
        result
    }
}

impl Progress<'_, '_> {
    fn is_complete(&self) -> bool {
        self.next >= self.batch.calls.len() && self.open == 0 && self.arrived.is_empty()
    }

    fn tell(&mut self, index: usize, outcome: Result<Value>) {
        if let Some(told) = self.told.get_mut(index) {
            if !std::mem::replace(told, true) {
                (self.tell)(index, outcome);
            }
        }
    }

    /// Returns the reason for which no further call is made, if there is one.
    fn stopped(&self) -> Result<()> {
        if self.batch.stop.is_stopped() {
            return Err(Error::Cancelled("the batch was cancelled".into()));
        }
        if self.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(self.late());
        }
        Ok(())
    }

    fn late(&self) -> Error {
        let given = self.batch.timeout.or(self.within.map(|within| within.given())).unwrap_or_default();
        Error::Timeout(format!("the batch did not finish in {} s", given.as_secs_f64()))
    }

    /// Reports the calls without a reply. A call that was sent may still be running.
    fn fail_rest(&mut self, error: &Error) {
        for index in 0..self.told.len() {
            let how = if index < self.next { "; this call may still be running" } else { "; this call was not sent" };
            self.tell(index, Err(with_more(error, how)));
        }
    }

    /// Returns whether the next call is of an object of this process.
    fn next_local(&self) -> bool {
        self.batch.calls.get(self.next).is_some_and(|call| call.method.remote.is_none())
    }

    fn call_local(&mut self) {
        let calls = self.batch.calls;
        if let Some(ListedCall { method, args, keywords }) = calls.get(self.next) {
            let index = self.next;
            self.next += 1;
            self.tell(index, method.call(args, keywords));
        }
    }

    /// Runs a batch without a peer.
    fn run_here(&mut self) -> Result<()> {
        while self.next_local() {
            self.stopped()?;
            self.call_local();
        }
        Ok(())
    }

    /// Puts calls behind the pending output, up to the window and the limits.
    fn put_calls(&mut self, shared: &Arc<Shared>, inner: &mut Inner, run: u32) {
        let calls = self.batch.calls;
        if self.next >= calls.len() || self.open > self.batch.window / 2 {
            return;
        }
        if shared.bind_threads {
            inner.protocol.set_threads(threads::here(shared));
        }
        let most = inner.protocol.config().limits.pending;
        let limited = inner.protocol.sends_deadlines();
        while self.open < self.batch.window {
            let Some(ListedCall { method, args, keywords }) = calls.get(self.next) else { return };
            let Some(call) = &method.remote else { return };
            // Other requests may use up the limit. Then replies to this batch make room, if any are outstanding.
            if inner.protocol.outgoing().len() > CORK_LIMIT || self.open > 0 && inner.protocol.pending() >= most {
                return;
            }
            let token = Token::Batch { run, index: self.next as u32 };
            let sent = if limited {
                let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
                inner.protocol.request_within(Body::Prepared { call, args, keywords }, token, left)
            } else {
                inner.protocol.request(Body::Prepared { call, args, keywords }, token)
            };
            match sent {
                Ok(_) => self.open += 1,
                Err(error) => self.arrived.push((self.next as u32, Err(error))),
            }
            self.next += 1;
        }
    }

    /// Takes the replies that have arrived.
    fn take_arrived(&mut self, inner: &mut Inner, run: u32) {
        if let Some(arrivals) = inner.arrivals(run).filter(|arrivals| !arrivals.answers.is_empty()) {
            self.open -= arrivals.answers.len().min(self.open);
            match self.arrived.is_empty() {
                true => std::mem::swap(&mut self.arrived, &mut arrivals.answers),
                false => self.arrived.append(&mut arrivals.answers),
            }
        }
    }

    /// Reports them. No lock is held.
    fn tell_arrived(&mut self) {
        let mut arrived = std::mem::take(&mut self.arrived);
        for (index, outcome) in arrived.drain(..) {
            self.tell(index as usize, outcome);
        }
        self.arrived = arrived;
    }
}

/// Makes the error of one call among several that end together.
fn with_more(error: &Error, how: &str) -> Error {
    let more = |text: &str| format!("{text}{how}");
    match error {
        Error::Timeout(text) => Error::Timeout(more(text)),
        Error::Cancelled(text) => Error::Cancelled(more(text)),
        Error::Interrupted(text) => Error::Interrupted(more(text)),
        Error::Closed(text) => Error::Closed(more(text)),
        Error::Eof(text) => Error::Eof(more(text)),
        Error::Stale(text) => Error::Stale(more(text)),
        other => other.clone(),
    }
}

impl Shared {
    fn run_batch(self: &Arc<Shared>, progress: &mut Progress<'_, '_>) -> Result<()> {
        self.check_fork()?;
        progress.stopped()?;
        let _guard = self.panic_guard();
        let _pause = turn::pause();
        let mut inner = self.lock();
        self.enter_wait(&mut inner)?;
        if self.accepted && inner.protocol.dialect() == Dialect::Auto && !inner.event_loop.is_of_application() {
            inner = self.await_first_word(inner);
        }
        inner.reader.batch_runs = inner.reader.batch_runs.wrapping_add(1);
        let run = inner.reader.batch_runs;
        inner.reader.batches.push(Arrivals { run, answers: Vec::new() });
        progress.batch.stop.run.store(run, Ordering::SeqCst);
        let (mut inner, result) = self.run_started(inner, progress, run);
        // Later replies are dropped.
        if let Some(at) = inner.reader.batches.iter().position(|arrivals| arrivals.run == run) {
            let arrivals = inner.reader.batches.swap_remove(at);
            progress.arrived.extend(arrivals.answers);
        }
        match result {
            Ok(()) => self.finish_wait(inner),
            Err(_) => give_up_wait(inner),
        }
        progress.tell_arrived();
        result
    }

    fn run_started<'a>(
        self: &'a Arc<Shared>,
        mut inner: Guard<'a>,
        progress: &mut Progress<'_, '_>,
        run: u32,
    ) -> (Guard<'a>, Result<()>) {
        let key = Key::Batch(run);
        loop {
            progress.take_arrived(&mut inner, run);
            if inner.life.end.is_some() {
                let gone = inner.life.gone();
                // Nothing was sent at all.
                let gone = if progress.next == 0 { self.stale(gone) } else { gone };
                return (inner, if progress.is_complete() { Ok(()) } else { Err(gone) });
            }
            if progress.batch.stop.is_stopped() || progress.next_local() {
                if let Err(error) = progress.stopped() {
                    return (inner, Err(error));
                }
            }
            progress.put_calls(self, &mut inner, run);
            let stuck = !self.send_now(&mut inner);
            let more = !stuck && inner.protocol.has_message() && progress.arrived.len() < TOLD_AT_ONCE;
            if progress.next_local() || !(progress.arrived.is_empty() || more) {
                // A report may take long, so another thread reads meanwhile.
                inner.hand_over_reader();
                unlock_and_drop(inner);
                progress.tell_arrived();
                if progress.next_local() && progress.stopped().is_ok() {
                    progress.call_local();
                }
                inner = self.lock();
                continue;
            }
            if progress.is_complete() {
                return (inner, Ok(()));
            }
            let step;
            (inner, step) = match stuck {
                true => self.send_or_read(inner, key, &mut progress.limit),
                false => self.step(inner, key, &mut progress.limit),
            };
            match step {
                Step::TimedOut => {
                    progress.take_arrived(&mut inner, run);
                    let late = if progress.open == 0 && progress.next >= progress.batch.calls.len() {
                        Ok(())
                    } else {
                        Err(progress.late())
                    };
                    return (inner, late);
                }
                Step::Interrupted => {
                    let interrupted = self.interrupted();
                    return (inner, Err(interrupted));
                }
                Step::Handled | Step::Retry | Step::Received | Step::Reply(_) => {}
            }
        }
    }

    /// Called when the output cannot be sent at once. Handles received messages, or else waits for room and receives.
    /// So the replies that a peer sends before it receives the rest are reported and do not accumulate here.
    #[cold]
    #[inline(never)]
    fn send_or_read<'a>(self: &'a Arc<Shared>, mut inner: Guard<'a>, key: Key, limit: &mut Limit) -> (Guard<'a>, Step) {
        let special = self.alerts.any() || self.bind_threads || self.queue.get().is_some();
        if special || inner.writer.broken || inner.writer.flushing {
            return self.step(inner, key, limit);
        }
        if !inner.reader.reading {
            let step;
            (inner, step) = self.take_message(inner, key);
            if let Some(step) = step {
                return (inner, step);
            }
        }
        self.flush_some(&mut inner);
        if inner.writer.broken || inner.protocol.outgoing().is_empty() {
            return (inner, Step::Retry);
        }
        let Some(left) = limit.remaining_to_send() else { return (inner, Step::TimedOut) };
        inner.writer.flushing = true;
        let read = !inner.reader.reading;
        inner = self.wait_writable(inner, left.min(TICK));
        inner.writer.flushing = false;
        inner.reader.wake(|waiter| waiter.key == Key::Writable);
        match self.stops_sending(read) {
            Stop::Told => (inner, Step::Interrupted),
            Stop::No | Stop::Unsaid => (inner, Step::Retry),
        }
    }
}
