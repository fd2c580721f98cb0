//! Implements the one loop of threads that wait for an event of a connection, and waiting for asynchronous results,
//! also of several connections.

use super::limit::Limit;
use super::shared::Shared;
use super::state::{Guard, Inner, Key, unlock_and_drop};
use crate::config::Dialect;
use crate::error::{Error, Result};
use crate::objects::{Promise, served, time_limit, turn};
use crate::sync::Instant;
use crate::transport;
use crate::value::Value;
use std::sync::Arc;
use std::time::Duration;

/// The interval at which results of several connections are checked again. It bounds the delay of events that polling
/// does not show: another thread that reads, a stream in memory, a result of this process.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// How long an accepting side waits for the peer to show its dialect before it sends first.
const FIRST_WORD: Duration = Duration::from_millis(200);

/// The result of one step of a waiting thread.
pub(super) enum Step {
    /// The reply to the request of its key.
    Reply(Result<Value>),
    /// A message was handled.
    Handled,
    /// Nothing yet; check again.
    Retry,
    /// Bytes were received, and no other thread has held the lock meanwhile.
    Received,
    /// This thread must stop waiting.
    Interrupted,
    /// The time is up. For a thread that never waits: there is no more work for it.
    TimedOut,
}

/// How a wait ended.
pub(super) enum Waited<R> {
    Found(R),
    /// The connection has ended.
    Ended,
    TimedOut,
    Interrupted,
}

impl Shared {
    /// Takes steps until `look` finds the awaited event, the connection has ended, or the time is up. `look` gets the
    /// result of each step, and is called once before the first. It is called under the lock: it runs no code of the
    /// application.
    #[inline(always)]
    pub(super) fn wait_until<'a, R>(
        self: &'a Arc<Shared>,
        inner: Guard<'a>,
        key: Key,
        limit: &mut Limit,
        look: impl FnMut(&mut Inner, Step) -> Option<R>,
    ) -> (Guard<'a>, Waited<R>) {
        step_until(inner, Step::Retry, |inner| self.step(inner, key, limit), look)
    }

    /// Waits until `result` is complete, the limit is reached or the connection has ended. Returns whether it is
    /// complete; fails if this thread was interrupted.
    pub(super) fn wait_for_result(self: &Arc<Shared>, result: &Promise, limit: Limit) -> Result<bool> {
        if self.check_fork().is_ok() {
            self.wait_while(Key::Async(result.address()), limit, || !result.is_settled())?;
        }
        Ok(result.is_settled())
    }

    /// Waits until `done` is true, which is called after each new result, or until the limit is reached or the
    /// connection has ended.
    fn wait_for_results(self: &Arc<Shared>, done: &dyn Fn() -> bool, limit: Limit) -> Result<()> {
        self.wait_while(Key::Results, limit, || !done())
    }

    fn wait_while(self: &Arc<Shared>, key: Key, mut limit: Limit, missing: impl Fn() -> bool) -> Result<()> {
        let _guard = self.panic_guard();
        let _pause = turn::pause();
        let _apart = time_limit::apart();
        let look = |_: &mut Inner, _| (!missing()).then_some(());
        let mut inner = self.lock();
        self.enter_wait(&mut inner)?;
        match self.wait_until(inner, key, &mut limit, look) {
            (inner, Waited::TimedOut) => give_up_wait(inner),
            (mut inner, Waited::Found(())) => {
                if inner.protocol.has_message() {
                    inner = self.settle_more(inner);
                }
                self.finish_wait(inner);
            }
            (inner, Waited::Ended) => self.finish_wait(inner),
            (inner, Waited::Interrupted) => {
                give_up_wait(inner);
                return Err(self.interrupted());
            }
        }
        Ok(())
    }

    /// Waits on the accepting side for the peer's first message, which shows its dialect.
    #[cold]
    pub(super) fn await_first_word<'a>(self: &'a Arc<Shared>, inner: Guard<'a>) -> Guard<'a> {
        let known = |inner: &mut Inner, _| (inner.protocol.dialect() != Dialect::Auto).then_some(());
        let mut limit = Limit::lazy(Some(FIRST_WORD));
        let (mut inner, waited) = self.wait_until(inner, Key::Transaction, &mut limit, known);
        if let Waited::Interrupted = waited {
            // The next wait is interrupted instead.
            self.alerts.interrupt();
        }
        inner.hand_over_reader();
        inner
    }

    /// Ends a wait: sends the pending output, passes the reader role, and drops what has died.
    #[inline]
    pub(super) fn finish_wait<'a>(&'a self, mut inner: Guard<'a>) {
        if !inner.protocol.outgoing().is_empty() {
            inner = self.flush(inner);
        }
        give_up_wait(inner);
    }

    /// Wakes the threads that wait for an event that came without a message, the reader included.
    pub(super) fn wake_waiting(&self, which: impl Fn(Key) -> bool) {
        let mut inner = self.lock();
        inner.reader.wake(|waiter| which(waiter.key));
        if inner.reader.interruptible.is_some_and(&which) {
            self.transport.interrupt();
        }
    }

    /// Wakes the threads that wait for a result that came without a message.
    pub(super) fn wake_for(&self, result: &Promise) {
        let address = result.address();
        self.wake_waiting(|key| key == Key::Async(address) || key == Key::Results);
    }
}

/// Takes steps until `look` finds something in a result, the connection has ended, or the time is up.
#[inline(always)]
pub(super) fn step_until<'a, R>(
    mut inner: Guard<'a>,
    mut step: Step,
    mut next: impl FnMut(Guard<'a>) -> (Guard<'a>, Step),
    mut look: impl FnMut(&mut Inner, Step) -> Option<R>,
) -> (Guard<'a>, Waited<R>) {
    loop {
        let (timed_out, interrupted) = (matches!(step, Step::TimedOut), matches!(step, Step::Interrupted));
        if let Some(found) = look(&mut inner, step) {
            return (inner, Waited::Found(found));
        }
        if inner.life.end.is_some() {
            return (inner, Waited::Ended);
        }
        if timed_out {
            return (inner, Waited::TimedOut);
        }
        if interrupted {
            return (inner, Waited::Interrupted);
        }
        (inner, step) = next(inner);
    }
}

/// Ends the wait of a thread whose time is up. It does not wait for its output to be sent either.
#[inline]
pub(super) fn give_up_wait(mut inner: Guard<'_>) {
    inner.hand_over_reader();
    unlock_and_drop(inner);
}

/// Waits until one of the results is complete, and returns its index, the lowest of several.
pub fn wait_any(results: &[Promise], timeout: Option<Duration>) -> Result<usize> {
    let first = || results.iter().position(Promise::is_done);
    wait_for_several(results, &|| first().is_some(), timeout)?;
    first().ok_or_else(|| Error::Argument("results: expected at least one".into()))
}

/// Waits until all of the results are complete.
pub fn wait_all(results: &[Promise], timeout: Option<Duration>) -> Result<()> {
    wait_for_several(results, &|| results.iter().all(Promise::is_done), timeout)
}

fn wait_for_several(results: &[Promise], done: &dyn Fn() -> bool, timeout: Option<Duration>) -> Result<()> {
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let _pause = turn::pause();
    loop {
        if done() {
            return Ok(());
        }
        let waiting: Vec<&Promise> = results.iter().filter(|result| !result.is_done()).collect();
        if waiting.is_empty() && !results.is_empty() {
            // The last was completed after the first check.
            continue;
        }
        if waiting.is_empty() || deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            let text = format!("{} of {} requests had no reply in time", waiting.len(), results.len());
            return Err(Error::Timeout(text));
        }
        let until = waiting.iter().filter_map(|result| result.expiry()).chain(deadline).min();
        let mut connections: Vec<Arc<Shared>> = Vec::new();
        // A result of this process may depend on a message of the peer that this thread serves. The end of that peer
        // ends the wait, unless another connection can bring it.
        let served = waiting.iter().any(|result| result.is_local()).then(served::here).flatten().and_then(Shared::of);
        if let Some(shared) = served.as_ref().filter(|shared| shared.is_closed()) {
            if waiting.iter().all(|result| result.is_local()) {
                return Err(shared.ended());
            }
        }
        for shared in waiting
            .iter()
            .filter_map(|result| result.peer().and_then(Shared::of))
            .chain(served.filter(|shared| !shared.is_closed()))
        {
            if !connections.iter().any(|known| Arc::ptr_eq(known, &shared)) {
                shared.check_fork()?;
                connections.push(shared);
            }
        }
        match &connections[..] {
            [shared] if !waiting.iter().any(|result| result.is_local()) => {
                shared.wait_for_results(done, Limit::at(until))?;
            }
            several => take_turns(several, done, until)?,
        }
    }
}

/// Handles what has arrived on each connection, and waits a moment for more.
fn take_turns(connections: &[Arc<Shared>], done: &dyn Fn() -> bool, until: Option<Instant>) -> Result<()> {
    for shared in connections {
        while !done() && shared.serve(Limit::Now, false).unwrap_or(false) {}
    }
    if done() {
        return Ok(());
    }
    if let Some(shared) = connections.iter().find(|shared| shared.take_interrupt()) {
        return Err(shared.interrupted());
    }
    let left = until.map_or(LOOK_AGAIN, |until| until.saturating_duration_since(Instant::now()).min(LOOK_AGAIN));
    transport::await_input(connections.iter().filter_map(|shared| shared.transport.fileno()), left);
    Ok(())
}
