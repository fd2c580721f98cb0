//! Sends the requests of this side and waits for their replies; sends the replies to the peer's.

use super::limit::Limit;
use super::sending::CORK_LIMIT;
use super::shared::Shared;
use super::state::{Guard, Inner, Key, Token, unlock_and_drop};
use super::threads;
use super::wait::{Step, Waited, give_up_wait, step_until};
use crate::codec::frame::Destination;
use crate::config::{Config, Dialect};
use crate::error::{Error, Exception, Result};
use crate::objects::{Promise, TimeLimit, time_limit, turn};
use crate::protocol::{Body, Handler, RequestId, Threads};
use crate::sync::atomic::Ordering;
use crate::value::{Reference, Value};
use std::sync::Arc;
use std::time::Duration;

/// The request for the peer's root.
pub(super) const GET_ROOT: Body<'static> = Body::Raw { handler: Handler::GetRoot as i64, args: &[] };

impl Shared {
    /// Puts a request behind the pending output, and returns with the lock held.
    #[inline(always)]
    fn start<'a>(
        self: &'a Arc<Shared>,
        body: Body<'_>,
        token: Token,
        waits: bool,
        left: impl FnOnce(&Token, &Config) -> Option<Duration>,
    ) -> Result<(Guard<'a>, i64)> {
        self.check_fork()?;
        let mut inner = self.lock();
        if waits {
            self.enter_wait(&mut inner)?;
        }
        if self.accepted && inner.protocol.dialect() == Dialect::Auto && !inner.event_loop.is_of_application() {
            inner = self.await_first_word(inner);
        }
        if inner.life.end.is_some() {
            return Err(self.not_sent(&inner, &body));
        }
        if self.bind_threads {
            inner.protocol.set_threads(threads::here(self));
        }
        let seq = if inner.protocol.sends_deadlines() {
            let left = left(&token, inner.protocol.config());
            inner.protocol.request_within(body, token, left)?
        } else {
            inner.protocol.request(body, token)?
        };
        Ok((inner, seq))
    }

    /// Makes the error of a request after the end. That of an object says that nothing was sent.
    #[cold]
    fn not_sent(&self, inner: &Inner, body: &Body<'_>) -> Error {
        let gone = inner.life.gone();
        if body.asks_object() { self.stale(gone) } else { gone }
    }

    /// Makes the error of a request to an object that was not sent because the connection had ended with `gone`.
    #[cold]
    pub(super) fn stale(&self, gone: Error) -> Error {
        match gone {
            // The connection is still being made.
            _ if !self.is_closed() => gone,
            Error::Exit(_) => gone,
            Error::Eof(text) => Error::Stale(text),
            Error::Closed(_) => Error::Stale(
                "the object's connection has ended; connect again, and request the root and all objects again".into(),
            ),
            other => Error::Stale(format!("the object's connection has ended: {other}")),
        }
    }

    /// Sends a request and waits for its reply. Requests of the peer are served meanwhile. A bytes reply that fits is
    /// received into the buffer.
    pub fn sync_request(self: &Arc<Shared>, body: Body<'_>, room: Option<Box<dyn Destination>>) -> Result<Value> {
        if time_limit::is_used() {
            return self.request_limited(body, room);
        }
        self.request_within(body, room, None)
    }

    /// Does the same within the timeout that the application set for this thread, if it did.
    #[cold]
    #[inline(never)]
    fn request_limited(self: &Arc<Shared>, body: Body<'_>, room: Option<Box<dyn Destination>>) -> Result<Value> {
        let Some(within) = time_limit::here() else { return self.request_within(body, room, None) };
        within.check(|| format!("{} to {}", body_text(&body), self.name()))?;
        let _apart = time_limit::apart();
        self.request_within(body, room, Some(within))
    }

    #[inline(always)]
    fn request_within(
        self: &Arc<Shared>,
        body: Body<'_>,
        room: Option<Box<dyn Destination>>,
        within: Option<TimeLimit>,
    ) -> Result<Value> {
        let _guard = self.panic_guard();
        let _pause = turn::pause();
        let (mut inner, seq) = match &within {
            None => self.start(body, Token::Sync, true, Token::time_left)?,
            Some(within) => self.start(body, Token::Sync, true, |_, _| within.left())?,
        };
        if let Some(room) = room {
            inner.protocol.receive_into(seq, room);
        }
        let mut limit = match &within {
            None => Limit::lazy(inner.protocol.config().sync_request_timeout),
            Some(within) => Limit::at(within.deadline()),
        };
        let mut first = Step::Retry;
        if !inner.writer.corked && !self.send_now(&mut inner) {
            let sent;
            (inner, sent) = self.flush_within(inner, &mut limit);
            first = sent.step();
        }
        self.await_reply(inner, seq, &body, within, limit, first)
    }

    /// Waits for the reply to a request. Requests of the peer are served meanwhile. `first` is the result of sending
    /// it.
    #[inline(always)]
    fn await_reply<'a>(
        self: &'a Arc<Shared>,
        inner: Guard<'a>,
        seq: i64,
        body: &Body<'_>,
        within: Option<TimeLimit>,
        mut limit: Limit,
        first: Step,
    ) -> Result<Value> {
        let (mut inner, mut first) = (inner, first);
        if matches!(first, Step::Retry) && inner.reader.arrived.is_empty() && inner.life.end.is_none() {
            (inner, first) = self.step(inner, Key::Reply(seq), &mut limit);
            if let Step::Reply(outcome) = first {
                self.finish_wait(inner);
                return outcome;
            }
        }
        self.await_longer(inner, seq, body, within, limit, first)
    }

    /// Continues to wait if the first step did not bring it.
    #[inline(never)]
    fn await_longer<'a>(
        self: &'a Arc<Shared>,
        inner: Guard<'a>,
        seq: i64,
        body: &Body<'_>,
        within: Option<TimeLimit>,
        mut limit: Limit,
        first: Step,
    ) -> Result<Value> {
        let step = |inner| self.step(inner, Key::Reply(seq), &mut limit);
        // Another thread may have read it, at any step.
        let look = |inner: &mut Inner, step| match step {
            Step::Reply(outcome) => Some(outcome),
            Step::Interrupted => None,
            _ if inner.reader.arrived.is_empty() => None,
            _ => inner.reader.take_arrived(seq),
        };
        match step_until(inner, first, step, look) {
            (inner, Waited::Found(outcome)) => {
                self.finish_wait(inner);
                outcome
            }
            (inner, Waited::Ended) => Err(end_of_request(inner, seq)),
            (inner, Waited::TimedOut) => Err(self.expire(inner, seq, body, within)),
            (inner, Waited::Interrupted) => Err(self.give_up(inner, seq, body)),
        }
    }

    #[cold]
    fn expire(&self, mut inner: Guard<'_>, seq: i64, body: &Body<'_>, within: Option<TimeLimit>) -> Error {
        let timeout = match within {
            None => inner.protocol.config().sync_request_timeout,
            Some(within) => Some(within.given()),
        };
        inner.protocol.forget(seq);
        give_up_wait(inner);
        Error::Timeout(expired_text(body, &self.name(), timeout))
    }

    /// Gives up the request of an interrupted thread. A later reply is dropped.
    #[cold]
    fn give_up(&self, mut inner: Guard<'_>, seq: i64, body: &Body<'_>) -> Error {
        inner.protocol.forget(seq);
        // It may have arrived just now.
        let late = inner.reader.take_arrived(seq);
        give_up_wait(inner);
        drop(late);
        let name = self.name();
        Error::Interrupted(format!("{} on {name} was interrupted; it may still be running", body_text(body)))
    }

    /// Waits for the peer's root, if it was requested to detect the dialect.
    #[cold]
    pub(super) fn await_root(self: &Arc<Shared>) -> Option<Result<Value>> {
        let _guard = self.panic_guard();
        let _pause = turn::pause();
        let mut inner = self.lock();
        let (seq, deadline) = inner.references.root_asked.take()?;
        Some(self.await_reply(inner, seq, &GET_ROOT, None, Limit::at(deadline), Step::Retry))
    }

    /// Sends a request whose reply `result` gets. A bytes reply that fits is received into the buffer.
    pub(super) fn async_request(
        self: &Arc<Shared>,
        body: Body<'_>,
        result: &Promise,
        room: Option<Box<dyn Destination>>,
    ) -> Result<()> {
        let _guard = self.panic_guard();
        let _pause = turn::pause();
        if self.has_loop.load(Ordering::Relaxed) {
            self.check_room()?;
        }
        let (mut inner, seq) = self.start(body, Token::Async(result.clone()), false, Token::time_left)?;
        result.sent(seq);
        if let Some(room) = room {
            inner.protocol.receive_into(seq, room);
        }
        if !inner.writer.corked || inner.protocol.outgoing().len() > CORK_LIMIT {
            inner = self.flush(inner);
            if self.nudge.get().is_some() {
                inner = self.bound_rest(inner);
            }
        }
        unlock_and_drop(inner);
        Ok(())
    }

    pub(super) fn fetch_root(self: &Arc<Shared>) -> Result<Value> {
        if let Some(root) = self.lock().references.peer_root.clone() {
            return Ok(root);
        }
        let asked = self.await_root();
        let root = asked.unwrap_or_else(|| self.sync_request(GET_ROOT, None))?;
        let mut inner = self.lock();
        if !self.is_closed() {
            inner.references.peer_root = Some(root.clone());
        }
        Ok(root)
    }

    /// Gets the peer's root object. Requested once per connection.
    pub(super) fn root(self: &Arc<Shared>) -> Result<Reference> {
        match self.fetch_root()? {
            Value::Ref(root) => Ok(root),
            other => Err(Error::Type(format!("the peer's root: expected an object, got {}", other.type_name()))),
        }
    }

    /// Replies to a request of the peer, from any thread.
    #[inline]
    pub(super) fn answer(&self, id: &RequestId, result: Result<Value, Exception>) -> Result<()> {
        self.check_fork()?;
        let _guard = self.panic_guard();
        let mut inner = self.lock();
        if inner.life.end.is_some() {
            return Err(Error::Closed("the connection ended before the reply".into()));
        }
        if self.bind_threads {
            inner.protocol.set_threads(Threads { from: threads::id(), to: id.threads().from });
        }
        let sent = match &result {
            Ok(value) => inner.protocol.reply(id, value),
            Err(exception) if exception.ends_program() && stays_here(inner.protocol.config(), exception) => {
                self.leave_with(inner, exception);
                return Ok(());
            }
            Err(exception) => {
                inner.protocol.raise(id, exception);
                Ok(())
            }
        };
        // With bind_threads, another thread of the peer handles them, perhaps before this reply, which may name the
        // objects.
        if !self.bind_threads && !self.releases.is_empty() {
            inner.protocol.send_releases();
        }
        // Replies to a burst are sent together, but only while the reader returns at once.
        let more = !inner.protocol.is_vacant() && inner.protocol.has_message();
        if (inner.writer.quick == 0) | inner.reader.reading || !more {
            inner = self.flush_inline(inner);
        }
        unlock_and_drop(inner);
        sent
    }
}

/// Returns the error of a request without a reply. Drops a reply that arrived just before the end for an interrupted
/// thread.
#[cold]
fn end_of_request(mut inner: Guard<'_>, seq: i64) -> Error {
    let late = inner.reader.take_arrived(seq);
    let gone = inner.life.gone();
    drop(inner);
    drop(late);
    gone
}

/// Makes the message for a request that the peer `name` did not reply to in time.
pub(super) fn expired_text(body: &Body<'_>, name: &str, timeout: Option<Duration>) -> String {
    let what = body_text(body);
    let seconds = timeout.unwrap_or_default().as_secs_f64();
    format!("{what} on {name} did not reply in {seconds} s; it may still be running")
}

/// Describes a request, for messages.
fn body_text(body: &Body<'_>) -> String {
    match body {
        Body::CallAttr { name, .. } => format!("{name}()"),
        Body::Prepared { call, .. } => call.text(),
        Body::Call { target, .. } => format!("a call of {}", target.type_name),
        Body::Raw { handler, .. } => format!("request {handler}"),
        Body::Inspect { .. } => "inspect".to_owned(),
        Body::InstanceCheck { .. } => "isinstance".to_owned(),
    }
}

/// Returns whether an exception of a callback stays in this process and is not sent to the peer.
fn stays_here(config: &Config, exception: &Exception) -> bool {
    match exception.is_builtin("SystemExit") {
        true => config.propagate_system_exit_locally,
        false => config.propagate_keyboard_interrupt_locally,
    }
}
