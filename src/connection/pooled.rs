//! Implements connections that the pool of a server drives. They are driven as by an event loop, in turns of few
//! messages; a thread that waits within a call reads the connection itself, as all waiting threads do.

use super::event_loop::{Interest, Work};
use super::loop_state::{Driver, Stall, Wake};
use super::resting::{RESTING, SEEN, UNSEEN};
use super::shared::Shared;
use super::state::{Guard, Inner, unlock_and_drop};
use super::wait::{Step, Waited, step_until};
use crate::error::{Error, Result};
use crate::objects::{Class, deadline, time_limit, turn};
use crate::sync::Instant;
use crate::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How long the messages of one connection are handled while others may wait. A call that has begun is not cut off.
const QUANTUM: Duration = Duration::from_millis(1);

/// How a turn has ended.
pub enum Turned {
    /// There is more to do.
    More,
    /// There is nothing to do before one of these conditions, or before the time has passed.
    Rests(Interest, Option<Duration>),
    /// The connection has ended, or must.
    Over(Result<()>),
}

impl Shared {
    /// Gives an accepted connection its root and calls the service's hook. Returns false if the connection is refused.
    pub(crate) fn begin_accepted(self: &Arc<Shared>, service: &Arc<Class>) -> bool {
        let _pause = turn::pause();
        self.begin(service)
    }

    /// Registers the pool that will drive the connection.
    pub(crate) fn enter_pool(&self, driver: Weak<dyn Driver>) {
        // Nobody else has the connection yet.
        let _ = self.loop_wake.set(Arc::new(Wake::Pool(driver)));
        // Requests of the application beyond the bound wait, as with other connections of a server.
        let _ = self.nudge.set(());
    }

    /// Lets the pool drive the connection from now on: it has been begun.
    pub(crate) fn join_pool(&self) {
        let mut inner = self.lock();
        self.has_loop.store(true, Ordering::Relaxed);
        inner.event_loop.looped = self.loop_wake.get().cloned();
    }

    /// Has the pool look at the connection: its options have changed.
    #[cold]
    pub(super) fn tell_pool(&self) {
        if let Some(wake) = self.loop_wake.get().filter(|wake| matches!(***wake, Wake::Pool(_))) {
            wake.ring();
        }
    }

    /// Called by the pool at the beginning of a turn, before anything is read.
    pub(crate) fn awakes(self: &Arc<Shared>) {
        if self.sight.load(Ordering::Acquire) != SEEN && self.sight.swap(SEEN, Ordering::AcqRel) == UNSEEN {
            self.lookout.get().into_iter().for_each(|lookout| lookout.look_again(self));
        }
    }

    /// Called by the pool at the end of a turn, before others may begin one.
    pub(crate) fn rests_in_pool(&self) {
        self.sight.store(RESTING, Ordering::Release);
    }

    /// Frees the unused memory of the buffers, unless a thread uses them.
    #[cold]
    pub(super) fn free_buffers(&self) {
        if let Some(mut inner) = crate::sync::try_lock(&self.inner) {
            if !inner.reader.reading {
                inner.protocol.give_back();
            }
        }
    }

    /// Handles some messages and sends what the transport accepts, without waiting for either. `stopping` ends the
    /// turns between two messages.
    pub(crate) fn take_turn(self: &Arc<Shared>, stopping: impl Fn() -> bool) -> Turned {
        if let Err(error) = self.check_fork() {
            return Turned::Over(Err(error));
        }
        let _guard = self.panic_guard();
        let _pause = turn::pause();
        let _apart = time_limit::apart();
        let mut inner = self.lock();
        inner.event_loop.processing += 1;
        inner.event_loop.more = false;
        let mut work = Work::new(&mut inner, Instant::now().checked_add(QUANTUM));
        let step = |inner| {
            let (inner, step) = self.process_once(inner, &mut work);
            work.steps += matches!(step, Step::Handled | Step::Reply(_)) as u64;
            (inner, step)
        };
        let look = |inner: &mut Inner, step| match step {
            // The process was forked by the code that ran.
            Step::Handled if self.is_forked() => Some(self.check_fork()),
            Step::Handled => (stopping() && inner.protocol.counts().serving == 0).then_some(Ok(())),
            _ => None,
        };
        let (mut inner, waited) = step_until(inner, Step::Retry, step, look);
        inner.event_loop.end_processing();
        match waited {
            Waited::Found(Ok(())) => {
                self.finish_wait(inner);
                Turned::Over(Ok(()))
            }
            Waited::Found(forked) => Turned::Over(forked),
            _ => self.turned(inner),
        }
    }

    /// Finds out what the connection needs after a turn.
    fn turned(self: &Arc<Shared>, mut inner: Guard<'_>) -> Turned {
        inner.hand_over_processed();
        inner.event_loop.more |= self.transport.holds_input() && inner.has_room_to_receive();
        let stall = self.watch_output(&mut inner);
        let turned = match &inner.life.end {
            Some(Error::Eof(_) | Error::Closed(_)) => Turned::Over(Ok(())),
            Some(error) => Turned::Over(Err(error.clone())),
            None => match self.deadline_of(&mut inner) {
                Some(Duration::ZERO) => Turned::More,
                left => Turned::Rests(self.interest_of(&mut inner), left.into_iter().chain(stall).min()),
            },
        };
        unlock_and_drop(inner);
        turned
    }

    /// Ends the connection, in its next turn, if the peer accepts no output: as a thread that waits for room to send
    /// does, when too much input is buffered, or after `idle_timeout`. Returns the time that is left.
    fn watch_output(&self, inner: &mut Inner) -> Option<Duration> {
        let waiting = inner.protocol.outgoing().len();
        if waiting == 0 || inner.writer.broken || inner.life.end.is_some() || inner.life.failed.is_some() {
            inner.event_loop.stall = None;
            return None;
        }
        let limit = inner.protocol.config().limits.buffered;
        if inner.is_full() && !inner.reader.reading && !inner.protocol.incoming().has_room(limit) {
            let why = format!("the peer sends but does not receive: {limit} bytes wait to be read (max_buffered)");
            self.give_up_sending(inner, why);
            return None;
        }
        let most = inner.protocol.config().idle_timeout?;
        let (now, received) = (deadline::clock(), inner.protocol.received());
        let before = inner.event_loop.stall.take();
        let same = before.filter(|stall| waiting >= stall.waiting && received == stall.received);
        let since = same.map_or(now, |stall| stall.since);
        inner.event_loop.stall = Some(Stall { since, waiting, received });
        let left = most.saturating_sub(now.saturating_sub(since));
        if left.is_zero() {
            self.give_up_sending(inner, "the peer receives nothing for too long (idle_timeout)".into());
        }
        Some(left)
    }
}
