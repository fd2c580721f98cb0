//! Decides which thread reads, which runs requests and which waits.
//!
//! For the state table, see `docs/internals/architecture.md`. In short: a thread that waits while no other is receiving
//! takes `incoming` and receives; all others park. Messages are taken from the buffer under the lock; code of the
//! application runs without it. A thread that stops waiting wakes another waiter, so that there is a reader whenever a
//! thread waits.

use super::limit::{Limit, Received};
use super::queue::{CallQueue, Within};
use super::sending::{CORK_LIMIT, MAX_PENDING_OUTPUT};
use super::shared::Shared;
use super::state::{Guard, Inner, Key, Token, Waiter, unlock_and_drop};
use super::threads;
use super::wait::Step;
use crate::codec::frame::Incoming;
use crate::error::{Exception, Result};
use crate::nesting::{self, Level, TooDeep};
use crate::objects::{Promise, Settled, Turn, deadline, dispatch, resumed, served};
use crate::protocol::{self, Request};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::wait_for;
use crate::transport::TICK;
use crate::value::Value;
use std::sync::Arc;

impl Shared {
    /// Does one step for a waiting thread: takes a buffered message, receives, or parks.
    pub(super) fn step<'a>(
        self: &'a Arc<Shared>,
        mut inner: Guard<'a>,
        key: Key,
        limit: &mut Limit,
    ) -> (Guard<'a>, Step) {
        loop {
            if !self.is_usual(&mut inner) {
                let step;
                (inner, step) = self.see_to_rest(inner, key, limit);
                if let Some(step) = step {
                    return (inner, step);
                }
            }
            if !inner.protocol.is_vacant() {
                let step;
                (inner, step) = self.take_message(inner, key);
                if let Some(step) = step {
                    return (inner, step);
                }
            }
            let step;
            (inner, step) = match self.receives_simply(&mut inner, key, limit) {
                true => self.receive_simply(inner, limit),
                false => self.receive(inner, key, limit),
            };
            if !matches!(step, Step::Received) || inner.life.end.is_some() {
                return (inner, step);
            }
        }
    }

    /// Returns whether there is nothing to do before the next message: no alert, no special connection, no pending
    /// output, no other reader.
    #[inline(always)]
    fn is_usual(&self, inner: &mut Inner) -> bool {
        self.alerts.is_usual() && !(inner.reader.reading | inner.writer.broken) && inner.protocol.outgoing().is_empty()
    }

    /// Returns whether a receive needs no other work around it: no releases, no expiry, no thread to be woken, no other
    /// reply expected, nothing to drop.
    #[inline(always)]
    fn receives_simply(&self, inner: &mut Inner, key: Key, limit: &Limit) -> bool {
        let awaited = matches!(key, Key::Reply(_)) as usize;
        let simple_key = matches!(key, Key::Reply(_) | Key::Transaction | Key::Accepted);
        let reader = &inner.reader;
        let simple = simple_key
            & (inner.protocol.pending() <= awaited)
            & ((reader.servers == 0) | (inner.protocol.imports() == 0))
            & !reader.idle
            & reader.conversions.is_empty();
        simple
            && self.is_usual(inner)
            && limit.is_long()
            && self.releases.is_empty()
            && !inner.has_died()
            && inner.protocol.is_vacant()
    }

    /// Receives as `receive` does, if `receives_simply`.
    #[inline(always)]
    fn receive_simply<'a>(self: &'a Arc<Shared>, mut inner: Guard<'a>, limit: &mut Limit) -> (Guard<'a>, Step) {
        let mut incoming = inner.protocol.take_incoming();
        inner.reader.reading = true;
        inner.reader.mid_frame = false;
        drop(inner);
        let received = limit.receive_patiently(&*self.transport, &mut incoming);
        let inner = self.put_back(incoming);
        match received {
            Received::Bytes if inner.reader.conversions.is_empty() => (inner, Step::Received),
            received => self.look_around(inner, received, false, false),
        }
    }

    /// Does the work before the next message. None if there is no more.
    #[inline(never)]
    fn see_to_rest<'a>(
        self: &'a Arc<Shared>,
        mut inner: Guard<'a>,
        key: Key,
        limit: &mut Limit,
    ) -> (Guard<'a>, Option<Step>) {
        if self.alerts.any() {
            let step;
            (inner, step) = self.attend(inner, key, limit);
            if step.is_some() {
                return (inner, step);
            }
        }
        if self.bind_threads {
            if let Some(request) = inner.reader.take_bound() {
                return (self.run(inner, request), Some(Step::Handled));
            }
        }
        if let Some(queue) = self.queue.get() {
            if let Some(call) = queue.take_nested(self) {
                drop(inner);
                call.run(queue);
                return (self.lock(), Some(Step::Handled));
            }
        }
        if inner.writer.broken {
            // It will never be sent, and requests that are still handled add to it.
            inner.protocol.outgoing().discard();
        }
        let waiting = inner.protocol.outgoing().len();
        // Bounds the replies to a peer that sends requests faster than it receives.
        let most = if inner.writer.flushing {
            MAX_PENDING_OUTPUT
        } else if inner.reader.reading && inner.writer.corked {
            0
        } else {
            CORK_LIMIT
        };
        if waiting > most {
            let (inner, sent) = self.flush_within(inner, limit);
            return (inner, Some(sent.step()));
        }
        if inner.reader.reading {
            let (inner, step) = self.park(inner, key, limit);
            return (inner, Some(step));
        }
        (inner, None)
    }

    /// Handles the next buffered message, if there is one.
    #[inline(always)]
    pub(super) fn take_message<'a>(self: &'a Arc<Shared>, mut inner: Guard<'a>, key: Key) -> (Guard<'a>, Option<Step>) {
        if let Key::Reply(seq) = key {
            match inner.protocol.usual_reply(seq) {
                Some((Token::Sync, value)) => return (inner, Some(Step::Reply(Ok(value)))),
                Some((Token::Async(result), value)) => {
                    return (self.settle(inner, result, Ok(value)), Some(Step::Handled));
                }
                Some((Token::Batch { run, index }, value)) => {
                    inner.arrive(run, index, Ok(value));
                    return (inner, Some(Step::Handled));
                }
                None => {}
            }
        }
        let taken = inner.protocol.messages();
        let step = match inner.protocol.next_event() {
            Some(protocol::Event::Reply { seq, token: Token::Sync, outcome }) => {
                if key == Key::Reply(seq) {
                    return (inner, Some(Step::Reply(outcome)));
                }
                inner.reader.arrived.push((seq, outcome));
                inner.reader.wake(|waiter| waiter.key == Key::Reply(seq));
                Step::Handled
            }
            Some(protocol::Event::Reply { token: Token::Async(result), outcome, .. }) => {
                inner = self.settle(inner, result, outcome);
                Step::Handled
            }
            Some(protocol::Event::Reply { token: Token::Batch { run, index }, outcome, .. }) => {
                inner.arrive(run, index, outcome);
                Step::Handled
            }
            Some(protocol::Event::Request(mut request)) if self.bind_threads && !threads::is_for_here(&request) => {
                deadline::start(&mut request.id);
                let thread = request.id.threads().to;
                inner.reader.bound.push_back(request);
                inner.reader.wake(|waiter| waiter.thread == thread);
                inner.tell_loop();
                Step::Retry
            }
            Some(protocol::Event::Request(mut request)) => {
                deadline::start(&mut request.id);
                inner = self.run(inner, request);
                Step::Handled
            }
            Some(protocol::Event::Closed(error)) => {
                inner = self.finish(inner, error);
                Step::Retry
            }
            // The protocol has answered a message itself.
            None if inner.protocol.messages() != taken => Step::Handled,
            None => return (inner, None),
        };
        (inner, Some(step))
    }

    /// Receives bytes, as the only thread that does.
    #[inline(never)]
    pub(super) fn receive<'a>(
        self: &'a Arc<Shared>,
        mut inner: Guard<'a>,
        key: Key,
        limit: &mut Limit,
    ) -> (Guard<'a>, Step) {
        let ride = self.ride(&mut inner, key, limit);
        if inner.has_died() {
            self.rode(&mut inner);
            // This may run code of the application, which must find a reader.
            inner.hand_over_reader();
            unlock_and_drop(inner);
            return (self.lock(), Step::Retry);
        }
        if !inner.protocol.outgoing().is_empty() && !inner.writer.broken && !inner.writer.flushing {
            // Other threads may read meanwhile, and bring the message for which this one waits.
            let (inner, sent) = self.flush_within(inner, limit);
            return (inner, sent.step());
        }
        // Unacknowledged replies, besides the awaited one, would delay the peer's next message (Nagle's algorithm).
        let awaited = matches!(key, Key::Reply(_) | Key::Async(_)) as usize;
        let mid_frame = inner.protocol.incoming().is_mid_frame();
        inner.reader.mid_frame = mid_frame || inner.protocol.is_skipping();
        let more_expected = inner.protocol.pending() > awaited || mid_frame;
        if inner.protocol.is_skipping() && inner.is_too_slow() {
            return (inner, Step::Retry);
        }
        // It is overdue unless more is available already.
        let overdue = mid_frame && inner.protocol.is_overdue(deadline::clock());
        let broken = inner.writer.broken;
        let spin = inner.protocol.config().spin;
        let interruptible = match key {
            Key::Background | Key::Threaded | Key::Async(_) | Key::Results | Key::Batch(_) => true,
            Key::Reply(_) | Key::Transaction | Key::Accepted | Key::Writable => self.wakeful.load(Ordering::Relaxed),
        };
        if interruptible {
            inner.reader.interruptible = Some(key);
        }
        let mut most = ride.or_else(|| interruptible.then_some(TICK));
        if !inner.reader.conversions.is_empty() {
            most = inner.reader.next_expiry().map(|left| left.min(most.unwrap_or(TICK))).or(most);
        }
        if inner.reader.idle && !(interruptible || more_expected || broken) && self.may_rest(&inner, key) {
            return (self.rest(inner, ride), Step::Retry);
        }
        if inner.reader.idle {
            inner.protocol.give_back();
        }
        let mut incoming = inner.protocol.take_incoming();
        inner.reader.reading = true;
        drop(inner);
        if more_expected {
            self.transport.quick_ack();
        }
        let transport = &*self.transport;
        let spun = if spin.is_zero() || broken || overdue { None } else { limit.spin(spin, transport, &mut incoming) };
        let received = match spun {
            Some(received) => received,
            None if broken || overdue => Limit::Now.receive(transport, &mut incoming),
            None => match most {
                Some(most) => limit.receive_unless(transport, &mut incoming, most),
                None => limit.receive(transport, &mut incoming),
            },
        };
        let mut inner = self.put_back(incoming);
        if interruptible {
            inner.reader.interruptible = None;
            inner.reader.nudged = false;
        }
        let step;
        (inner, step) = self.look_around(inner, received, broken, overdue);
        if ride.is_some() {
            self.rode(&mut inner);
        }
        (inner, step)
    }

    /// Does the work after a receive. `broken` and `overdue` mean that it did not wait.
    #[inline(never)]
    fn look_around<'a>(
        self: &'a Arc<Shared>,
        mut inner: Guard<'a>,
        received: Received,
        broken: bool,
        overdue: bool,
    ) -> (Guard<'a>, Step) {
        inner.reader.idle = matches!(received, Received::Nothing);
        let mut others_ran = false;
        if !inner.reader.conversions.is_empty() {
            (inner, others_ran) = self.expire_conversions(inner);
        }
        let step = match received {
            Received::Bytes if others_ran => Step::Retry,
            Received::Bytes => Step::Received,
            Received::Nothing | Received::TimedOut if broken => {
                inner.protocol.end_of_stream();
                Step::Retry
            }
            Received::Nothing | Received::TimedOut if inner.is_silent_too_long() || overdue => Step::Retry,
            Received::Nothing => Step::Retry,
            Received::TimedOut => Step::TimedOut,
            Received::End => {
                inner.protocol.end_of_stream();
                Step::Retry
            }
        };
        (inner, step)
    }

    /// Puts the buffer of received bytes back after a receive.
    #[inline(always)]
    pub(super) fn put_back(&self, incoming: Box<Incoming>) -> Guard<'_> {
        let mut inner = self.lock();
        inner.reader.reading = false;
        inner.protocol.put_incoming(incoming);
        if inner.life.end.is_some() && inner.has_died() {
            // After the end no other thread would drop it.
            unlock_and_drop(inner);
            return self.lock();
        }
        inner
    }

    /// Waits until another thread brings the awaited event or passes the reader role.
    #[inline(never)]
    pub(super) fn park<'a>(&'a self, mut inner: Guard<'a>, key: Key, limit: &mut Limit) -> (Guard<'a>, Step) {
        let thread = if self.bind_threads { threads::id() } else { 0 };
        let runs = self.queue.get().is_some_and(|queue| queue.is_here());
        let seated = self.seats.take();
        let waiter = Arc::new(Waiter {
            key,
            thread,
            runs,
            woken: AtomicBool::new(false),
            interrupted: AtomicBool::new(false),
            seat: seated.seat().clone(),
        });
        inner.reader.waiters.push(waiter.clone());
        loop {
            if self.alerts.is_interrupted() && key.can_end() {
                // By a handler in this thread, or by another thread meanwhile.
                inner.reader.waiters.retain(|other| !Arc::ptr_eq(other, &waiter));
                self.tell_waiting(&mut inner, false);
                return (inner, Step::Interrupted);
            }
            let Some(timeout) = limit.remaining() else {
                inner.reader.waiters.retain(|other| !Arc::ptr_eq(other, &waiter));
                return (inner, Step::TimedOut);
            };
            // A resting thread does not see an interrupt.
            let timeout = if self.is_resting() { timeout.min(TICK) } else { timeout };
            inner = wait_for(&seated.seat().wake, inner, timeout);
            if waiter.woken.load(Ordering::Relaxed) {
                let interrupted = waiter.interrupted.load(Ordering::Relaxed);
                return (inner, if interrupted { Step::Interrupted } else { Step::Retry });
            }
        }
    }

    /// Runs a request, or queues it. Other threads continue reading meanwhile.
    pub(super) fn run<'a>(self: &'a Arc<Shared>, inner: Guard<'a>, request: Request) -> Guard<'a> {
        match self.queue.get() {
            Some(queue) if !queue.is_here() => self.leave_to(queue, inner, request),
            Some(queue) => {
                let running = queue.direct(self);
                let within = Within::new(queue);
                let inner = self.run_here(inner, request);
                drop(within);
                if running.is_none() {
                    return inner;
                }
                drop(inner);
                drop(running);
                self.lock()
            }
            None => self.run_here(inner, request),
        }
    }

    #[inline(never)]
    fn leave_to<'a>(self: &'a Arc<Shared>, queue: &CallQueue, mut inner: Guard<'a>, request: Request) -> Guard<'a> {
        let Err(refused) = queue.push(self, request) else {
            inner.reader.wake(|waiter| waiter.runs && waiter.key != Key::Writable);
            return inner;
        };
        let (request, refusal) = *refused;
        self.turn_down(inner, request, &refusal)
    }

    /// Answers a request that is not run.
    #[cold]
    #[inline(never)]
    fn turn_down<'a>(&'a self, mut inner: Guard<'a>, request: Request, why: &Exception) -> Guard<'a> {
        if resumed::is_resumed(&request) {
            self.finish_wait(inner);
            resumed::refuse(&request, why);
            drop(request);
            return self.lock();
        }
        inner.protocol.raise(&request.id, why);
        self.flush_some(&mut inner);
        // It may contain objects that must not be dropped under the lock.
        drop(inner);
        drop(request);
        self.lock()
    }

    #[cold]
    #[inline(never)]
    fn turn_down_deep<'a>(&'a self, inner: Guard<'a>, request: Request, too_deep: TooDeep) -> Guard<'a> {
        self.turn_down(inner, request, &too_deep.exception())
    }

    /// Runs a request in this thread, unless it is nested too deep.
    #[inline(always)]
    pub(super) fn run_here<'a>(self: &'a Arc<Shared>, mut inner: Guard<'a>, request: Request) -> Guard<'a> {
        let level = match Level::enter(inner.protocol.config().limits.serving) {
            Ok(level) => level,
            Err(too_deep) => return self.turn_down_deep(inner, request, too_deep),
        };
        let quick = dispatch::is_quick(&request);
        if quick {
            inner.writer.quick += 1;
        } else if !inner.protocol.outgoing().is_empty() {
            inner = self.flush(inner);
        }
        let turn = inner.reader.order.as_ref().map(Turn::line_up);
        inner.hand_over_reader();
        // Written under the lock only.
        self.activity.store(self.activity.load(Ordering::Relaxed).wrapping_add((1 << 32) + 1), Ordering::Relaxed);
        match turn {
            None => {
                unlock_and_drop(inner);
                self.serve_bound(request);
            }
            Some(turn) => self.serve_in_turn(inner, &turn, request),
        }
        let mut inner = self.lock();
        inner.writer.quick -= quick as usize;
        if level.has_rest() {
            inner = self.leave_level(inner, level);
        } else {
            drop(level);
        }
        self.activity.store(self.activity.load(Ordering::Relaxed).wrapping_sub(1), Ordering::Relaxed);
        inner
    }

    /// Runs work, such as destructors, that was postponed until the nesting is less deep. Called without the lock.
    #[cold]
    #[inline(never)]
    fn leave_level<'a>(&'a self, inner: Guard<'a>, level: Level) -> Guard<'a> {
        self.finish_wait(inner);
        drop(level);
        self.lock()
    }

    #[inline(never)]
    fn serve_in_turn<'a>(self: &'a Arc<Shared>, mut inner: Guard<'a>, turn: &Turn, request: Request) {
        // Destructors may wait for calls that come later in the order.
        let waste = inner.take_died();
        drop(inner);
        turn.run(|| {
            drop(waste);
            self.serve_bound(request);
        });
    }

    #[inline(always)]
    fn serve_bound(self: &Arc<Shared>, request: Request) {
        let bound = self.bind_threads.then(|| threads::bind(self, request.id.threads().from));
        served::serving(self.clone(), || dispatch::serve(self.clone(), request));
        drop(bound);
    }

    #[inline(never)]
    pub(super) fn settle<'a>(&'a self, mut inner: Guard<'a>, result: Promise, outcome: Result<Value>) -> Guard<'a> {
        let Settled { run, refused } = result.settle(outcome);
        if !inner.reader.waiters.is_empty() {
            let address = result.address();
            inner.reader.wake(|waiter| waiter.key == Key::Async(address) || waiter.key == Key::Results);
        }
        if let Some(refused) = refused {
            // This may be the last reference, and its callbacks have destructors of the application.
            inner.references.late.push((Some(result.clone()), refused));
        }
        if !run {
            if let Some(outcome) = result.leave() {
                inner.references.late.push((None, outcome));
            }
            return inner;
        }
        let most = inner.protocol.config().limits.serving;
        self.finish_wait(inner);
        nesting::deeper(most, move || result.run_callbacks());
        self.lock()
    }

    /// Settles the results of buffered replies that follow the awaited one, up to the first other message, so that a
    /// later wait for them returns at once. It runs no code of the application, except a callback that is being added
    /// at this moment.
    #[inline(never)]
    pub(super) fn settle_more<'a>(&'a self, mut inner: Guard<'a>) -> Guard<'a> {
        let plain = |token: &Token| matches!(token, Token::Async(result) if result.is_plain());
        while let Some((token, value)) = inner.protocol.next_answer(plain) {
            let Token::Async(result) = token else { break };
            inner = self.settle(inner, result, Ok(value));
        }
        inner
    }

    /// Returns whether the peer has gone. While code of the application runs there may be no reader that would notice.
    pub(super) fn is_abandoned(&self) -> bool {
        // After a fork, the input belongs to the parent.
        if self.is_closed() || self.check_fork().is_err() {
            return true;
        }
        self.take_in();
        self.lock().protocol.is_at_end_of_stream()
    }

    /// Receives what has arrived without handling it, for a connection whose application code runs long.
    pub(crate) fn take_in(&self) {
        if self.check_fork().is_err() {
            return;
        }
        let Some(mut inner) = crate::sync::try_lock(&self.inner) else { return };
        let limit = inner.protocol.config().limits.buffered;
        if inner.reader.reading || inner.life.end.is_some() || !inner.protocol.incoming().has_room(limit) {
            return;
        }
        let mut incoming = inner.protocol.take_incoming();
        inner.reader.reading = true;
        drop(inner);
        let mut end = false;
        loop {
            match Limit::Now.receive(&*self.transport, &mut incoming) {
                Received::Bytes if incoming.has_room(limit) => {}
                Received::End => {
                    end = true;
                    break;
                }
                _ => break,
            }
        }
        let mut inner = self.put_back(incoming);
        self.pass_on();
        if end {
            inner.protocol.end_of_stream();
        }
        inner.hand_over_reader();
    }
}
