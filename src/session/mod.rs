//! Implements a session: the application does the I/O, and has the clock and the threads; the session returns events.
//!
//! Classes, special methods and containers work as on a connection. The methods of the application are not called; the
//! requests for them are queued as events.

mod door;
mod objects;

pub use objects::{
    Access, Asked, Asks, by_name, callable, construct, function, is_over, member, object, root, token_of,
};

use crate::config::{Config, Dialect};
use crate::error::{Error, Result};
use crate::fork;
use crate::objects::{
    Answer, Bridge, Call, DataWrap, Forward, Function, HostWrap, Object, Outcome, Peer, Target, convert_then, deadline,
    forward, perform_apart, served,
};
use crate::protocol::{
    self, Access as Accessed, Body, Handler, OUTPUT_HIGH_WATER, Op, Protocol, Question, Request, RequestId, Wrap,
};
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard, lock};
use crate::value::{Ask, Local, Proxy, Reference, Then, Value};
use door::Door;
use objects::Queue;
use std::io::IoSlice;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// An event for the application.
pub enum Event {
    Request(Box<Asked>),
    Reply {
        token: u64,
        sequence: i64,
        outcome: Result<Value>,
    },
    /// The last reference to the object of this number was released.
    Released(u64),
    /// Too much output is pending. It must be sent before more is read.
    Send,
    /// The session has ended. Only `Released` events follow.
    Closed(Error),
}

/// The receiver of the reply to a request of ours.
enum Token {
    /// The application, with the number that it set.
    Application(u64),
    /// A function of the library.
    Inside(Then),
}

pub struct Session {
    inner: Mutex<Protocol<Token>>,
    queue: Arc<Queue>,
    this: Weak<Session>,
    /// The part of the session that our objects and calls refer to. They do not keep the session itself.
    door: Arc<Door>,
    /// The last time of the application's clock, in milliseconds, plus one. 0 if it was not set.
    time: AtomicU64,
    /// Silence is measured on another clock.
    watched: AtomicBool,
    /// Objects of other peers that were exported to this one.
    bridges: Option<Arc<HostWrap>>,
    forks: u32,
}

/// The sequence number of a request that was answered without being sent.
const NOT_SENT: i64 = -1;

type Guard<'a> = MutexGuard<'a, Protocol<Token>>;

/// Releases the lock, then drops the values that died under it and writes the log messages.
fn release(mut protocol: Guard<'_>) {
    if protocol.has_dropped() || protocol.outgoing().has_spent() {
        let waste = (
            protocol.take_dropped(),
            protocol.outgoing().take_spent(),
            protocol.take_destinations(),
            protocol.take_notes(),
        );
        drop(protocol);
        drop(waste);
    }
}

impl Session {
    /// Makes a session. With `forwards`, objects of other peers may be sent, and the application forwards their
    /// requests.
    pub fn new(config: Config, forwards: bool) -> Result<Arc<Session>> {
        if config.bind_threads {
            return Err(Error::Unsupported("option 'bind_threads' is not supported by rpyc_session".into()));
        }
        if config.application.authenticator.is_some() {
            let text = "rpyc_session does not support an authenticator: authenticate the peer before, on the stream";
            return Err(Error::Unsupported(text.into()));
        }
        let bridges = forwards.then(|| Arc::new(HostWrap::default()));
        let wrap: Arc<dyn Wrap> = match &bridges {
            Some(bridges) => bridges.clone(),
            None => Arc::new(DataWrap),
        };
        let mut protocol = Protocol::new(config, None, wrap);
        protocol.set_name("a session".into());
        Ok(Arc::new_cyclic(|this: &Weak<Session>| {
            let door = Arc::new(Door::new(this.clone(), protocol.config(), protocol.account().clone()));
            let weak: Weak<Door> = Arc::downgrade(&door);
            protocol.releases().set_owner(weak);
            Session {
                inner: Mutex::new(protocol),
                queue: Arc::default(),
                this: this.clone(),
                door,
                time: AtomicU64::new(0),
                watched: AtomicBool::new(false),
                bridges,
                forks: fork::generation(),
            }
        }))
    }

    /// Locks the protocol. Fails in a forked child.
    fn protocol(&self) -> Result<Guard<'_>> {
        Error::unless_forked(self.forks, "session")?;
        Ok(lock(&self.inner))
    }

    pub fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    pub fn set_root(&self, root: Arc<Object>) -> Result<()> {
        let mut protocol = self.protocol()?;
        let before = protocol.set_root(root);
        release(protocol);
        // It may be the last reference; dropping it runs code of the application.
        drop(before);
        Ok(())
    }

    pub fn dialect(&self) -> Dialect {
        lock(&self.inner).dialect()
    }

    /// Returns the dialect of the peer, if it was not understood.
    pub fn heard(&self) -> Dialect {
        lock(&self.inner).heard()
    }

    pub fn is_closed(&self) -> bool {
        lock(&self.inner).is_closed()
    }

    /// Adds received bytes.
    pub fn feed(&self, bytes: &[u8]) -> Result<()> {
        let mut protocol = self.protocol()?;
        if protocol.is_closed() {
            return Err(closed());
        }
        protocol.incoming().push(bytes);
        Ok(())
    }

    pub fn end_of_stream(&self) -> Result<()> {
        self.protocol()?.end_of_stream();
        Ok(())
    }

    /// Passes the next bytes to be sent to `f`, and marks as sent the number that it returns.
    pub fn outgoing<R>(&self, f: impl FnOnce(&[u8]) -> (usize, R)) -> Result<R> {
        let mut protocol = self.protocol()?;
        protocol.send_releases();
        let mut slices = [IoSlice::new(&[])];
        protocol.outgoing().slices(&mut slices);
        let (sent, result) = f(&slices[0]);
        self.advance(protocol, sent);
        Ok(result)
    }

    /// Copies pending output, up to the length of `room`.
    pub fn take(&self, mut room: &mut [u8]) -> Result<usize> {
        let mut taken = 0;
        while !room.is_empty() {
            let step = self.outgoing(|bytes| {
                let n = bytes.len().min(room.len());
                if let (Some(to), Some(from)) = (room.get_mut(..n), bytes.get(..n)) {
                    to.copy_from_slice(from);
                }
                (n, n)
            })?;
            if step == 0 {
                break;
            }
            taken += step;
            room = room.split_at_mut(step).1;
        }
        Ok(taken)
    }

    /// Marks the first `length` bytes as sent.
    pub fn sent(&self, length: usize) -> Result<()> {
        let mut protocol = self.protocol()?;
        let waiting = protocol.outgoing().len();
        if length > waiting {
            return Err(Error::Argument(format!(
                "length: expected at most {waiting}, the bytes to be sent, got {length}"
            )));
        }
        self.advance(protocol, length);
        Ok(())
    }

    fn advance(&self, mut protocol: Guard<'_>, sent: usize) {
        if sent > 0 {
            protocol.outgoing().advance(sent);
        }
        release(protocol);
    }

    /// Returns the number of bytes pending.
    pub fn waiting(&self) -> usize {
        lock(&self.inner).outgoing().len()
    }

    /// Returns whether an event is queued, or a complete message is buffered, which may give one.
    pub fn has_message(&self) -> bool {
        !self.queue.is_empty() || lock(&self.inner).has_message()
    }

    /// Returns the next event. None if no complete message is available; an error after the last event.
    pub fn next_event(&self) -> Result<Option<Event>> {
        Error::unless_forked(self.forks, "session")?;
        self.queue.taken_here();
        loop {
            if let Some(event) = self.queue.pop() {
                return Ok(Some(event));
            }
            let mut protocol = lock(&self.inner);
            if protocol.is_closed() {
                release(protocol);
                return Err(closed());
            }
            if protocol.outgoing().len() > OUTPUT_HIGH_WATER && protocol.has_message() {
                release(protocol);
                return Ok(Some(Event::Send));
            }
            let event = protocol.next_event();
            if let (true, Some(now)) = (protocol.is_skipping() && !self.is_watched(), self.time()) {
                protocol.watch_skipping(now);
            }
            let more = event.is_none() && protocol.has_message();
            release(protocol);
            match event {
                None if more => {}
                None if self.queue.is_empty() => return Ok(None),
                None => {}
                Some(protocol::Event::Request(mut request)) => {
                    deadline::start(&mut request.id);
                    self.serve(request);
                }
                Some(protocol::Event::Reply { seq, token: Token::Application(token), outcome }) => {
                    return Ok(Some(Event::Reply { token, sequence: seq, outcome }));
                }
                Some(protocol::Event::Reply { token: Token::Inside(then), outcome, .. }) => then(outcome),
                Some(protocol::Event::Closed(error)) => self.end(error),
            }
        }
    }

    /// Fails every request of ours, then queues the end for the application.
    fn end(&self, error: Error) {
        self.queue.end();
        let mut protocol = lock(&self.inner);
        let pending = protocol.take_pending();
        release(protocol);
        for (sequence, token) in pending {
            self.fail(sequence, token, error.clone());
        }
        self.queue.push(Event::Closed(error));
    }

    /// Fails one request without a reply.
    fn fail(&self, sequence: i64, token: Token, error: Error) {
        match token {
            Token::Application(token) => drop(self.queue.push(Event::Reply { token, sequence, outcome: Err(error) })),
            Token::Inside(then) => then(Err(error)),
        }
    }

    fn serve(&self, request: Request) {
        if let Some(owner) = request.target.stands_for().cloned() {
            return self.forward(request, owner);
        }
        let Request { id, target, op } = request;
        let due = id.due();
        let this = self.this.clone();
        match op {
            Op::Exists { question, name, access } => {
                let object = target.clone().into_any_arc().downcast::<Object>();
                let continued = move |outcome: Outcome| {
                    let exists = matches!(outcome, Ok(Value::Bool(true)));
                    let Some(this) = this.upgrade() else { return Ok(()) };
                    this.check_fork()?;
                    let next = this.answer_exists(id, target, question, access, exists);
                    next.into_iter().for_each(|request| this.serve(request));
                    Ok(())
                };
                match object {
                    Ok(object) if token_of(&*object).is_some() => {
                        let answer = Answer::through(due, continued);
                        objects::ask_exists(Call::question(answer, object, vec![Value::Str(name)]));
                    }
                    _ => drop(continued(Ok(Value::Bool(false)))),
                }
            }
            op => {
                let peer: Arc<dyn Peer> = self.door.clone();
                // The memory of containers is charged to the peer that this thread serves.
                if self.door.has_budget() {
                    served::serving(peer.clone(), || perform_apart(&target, op, Answer::Peer { peer, id }));
                } else {
                    perform_apart(&target, op, Answer::Peer { peer, id });
                }
            }
        }
    }

    /// Makes the application forward a request to the owner of an object of another peer.
    fn forward(&self, request: Request, owner: Arc<Proxy>) {
        let Request { id, target, op } = request;
        let due = id.due();
        let token = target.as_any().downcast_ref::<Bridge>().and_then(Bridge::token);
        let owner = (owner, token.unwrap_or_default());
        if let Op::Exists { question, name, access } = op {
            let this = self.this.clone();
            // As in Python's hasattr, the attribute is read. Only AttributeError means false; other errors appear again
            // at its use.
            let answer = Answer::through(due, move |outcome| {
                let exists = !matches!(&outcome, Err(error) if error.is_builtin("AttributeError"));
                let Some(this) = this.upgrade() else { return Ok(()) };
                this.check_fork()?;
                this.answer_exists(id, target, question, access, exists).into_iter().for_each(|next| this.serve(next));
                Ok(())
            });
            return objects::forward(
                &self.queue,
                owner,
                Forward::new(Handler::GetAttr, name.as_str(), Vec::new()),
                answer,
            );
        }
        let peer: Arc<dyn Peer> = self.door.clone();
        let mut answer = Answer::Peer { peer, id };
        if let Op::Inspect = op {
            // The object is received in any case; a later request to it reports why its owner cannot be reached.
            let (given, known) = (answer, target.shape().inspect.clone());
            answer = Answer::through(due, move |outcome| given.give(outcome.or(Ok(known))));
        }
        match forward(&owner.0, op) {
            Ok(forward) => objects::forward(&self.queue, owner, forward, answer),
            Err(outcome) => drop(answer.give(outcome)),
        }
    }

    fn check_fork(&self) -> Result<()> {
        Error::unless_forked(self.forks, "session")
    }

    /// Passes the result of an `Op::Exists` to the protocol.
    fn answer_exists(
        &self,
        id: RequestId,
        target: Arc<dyn Local>,
        question: Question,
        access: Box<Accessed>,
        exists: bool,
    ) -> Option<Request> {
        // A denied object may be the last reference, which must not be dropped under the lock.
        let _kept = (target.clone(), access.values());
        let mut protocol = self.protocol().ok()?;
        let next = protocol.answer_exists(id, target, question, access, exists);
        release(protocol);
        next
    }

    fn answer(&self, id: &RequestId, outcome: Outcome) -> Result<()> {
        let mut protocol = self.protocol()?;
        let result = match &outcome {
            Ok(value) => protocol.reply(id, value),
            Err(exception) => {
                protocol.raise(id, exception);
                Ok(())
            }
        };
        release(protocol);
        result
    }

    /// Sends a request. Its reply is an event with the token.
    pub fn request(&self, body: Body<'_>, token: u64, deadline: Option<Duration>) -> Result<i64> {
        let mut protocol = self.protocol()?;
        if protocol.is_closed() && body.asks_object() {
            return Err(stale());
        }
        let left = deadline.and_then(|deadline| Some(deadline.saturating_sub(self.time()?)));
        let sent = protocol.request_within(body, Token::Application(token), left);
        if let (Ok(sequence), Some(deadline)) = (&sent, deadline) {
            protocol.set_deadline(*sequence, deadline);
        }
        release(protocol);
        sent
    }

    /// Makes an object that represents one of another peer. The application knows it by the token.
    pub fn stand_in(&self, object: &Arc<Proxy>, token: u64) -> Result<Arc<Bridge>> {
        let Some(bridges) = &self.bridges else {
            return Err(Error::State("the session was made without RPYC_SESSION_FORWARDS".into()));
        };
        if self.owns(object) {
            return Err(Error::Argument("the object belongs to the peer of this session".into()));
        }
        let told = || Some(objects::Token::new(token, &self.queue) as _);
        self.queue.object(token, || bridges.bridge_as(object, told))
    }

    /// Returns the token of the object that represents `object` here.
    pub fn token_of_other(&self, object: &Arc<Proxy>) -> Option<u64> {
        self.bridges.as_ref()?.find(object)?.token()
    }

    /// Sets the number that identifies the session of an object, see `id_of`.
    pub fn set_id(&self, id: u64) {
        self.door.id.store(id, Ordering::Relaxed);
    }

    /// Converts values. The result is an event with the token.
    pub fn convert(&self, values: Vec<(Value, Target)>, token: u64, deadline: Option<Duration>) -> Result<()> {
        if self.protocol()?.is_closed() {
            return Err(closed());
        }
        let left = deadline.and_then(|deadline| Some(deadline.saturating_sub(self.time()?)));
        let queue = self.queue.clone();
        convert_then(values, left, move |converted| {
            let outcome = converted.map(Value::tuple).map_err(|(_, error)| error);
            drop(queue.push(Event::Reply { token, sequence: NOT_SENT, outcome }));
        });
        Ok(())
    }

    /// Sends a request of the library itself. The timeout is effective only if the application sets the time.
    fn inquire(&self, object: &Arc<Proxy>, ask: &Ask<'_>, then: Then, timeout: Option<Duration>) {
        let mut protocol = match self.protocol() {
            Ok(protocol) if !protocol.is_closed() => protocol,
            Ok(protocol) => {
                drop(protocol);
                return then(Err(stale()));
            }
            Err(error) => return then(Err(error)),
        };
        let raw;
        let body = match *ask {
            Ask::CallAttr { name, args, keywords } => Body::CallAttr { target: object, name, args, keywords },
            Ask::Inspect => Body::Inspect { target: object },
            Ask::GetAttr(attribute) => {
                raw = [Value::Ref(Reference::Remote(object.clone())), Value::str(attribute)];
                Body::Raw { handler: Handler::GetAttr as i64, args: &raw }
            }
            _ => {
                drop(protocol);
                return then(Err(Error::Unsupported(format!("a session cannot send {}", ask.text()))));
            }
        };
        let deadline = timeout.and_then(|timeout| self.time()?.checked_add(timeout));
        // A token that was not accepted is dropped with its closure, so the closure is kept beside it.
        let place = Arc::new(Mutex::new(Some(then)));
        let answer = place.clone();
        let token = Token::Inside(Box::new(move |outcome| {
            let then = lock(&answer).take();
            if let Some(then) = then {
                then(outcome);
            }
        }));
        let sent = protocol.request_within(body, token, timeout.filter(|_| deadline.is_some()));
        if let (Ok(sequence), Some(deadline)) = (&sent, deadline) {
            protocol.set_deadline(*sequence, deadline);
        }
        release(protocol);
        if let Err(error) = sent {
            let then = lock(&place).take();
            if let Some(then) = then {
                then(Err(error));
            }
        }
    }

    /// Returns whether an object was imported over this session.
    pub fn owns(&self, proxy: &Proxy) -> bool {
        Arc::ptr_eq(proxy.home(), lock(&self.inner).releases())
    }

    /// Queues the result of a request that needs no peer, like any other reply.
    pub fn answer_here(&self, token: u64, value: Value) -> Result<i64> {
        let protocol = self.protocol()?;
        if !protocol.is_open() {
            return Err(closed());
        }
        self.queue.push(Event::Reply { token, sequence: NOT_SENT, outcome: Ok(value) });
        Ok(NOT_SENT)
    }

    /// Gives up a request. Its reply is dropped.
    pub fn forget(&self, sequence: i64) -> Result<()> {
        let mut protocol = self.protocol()?;
        protocol.forget(sequence);
        release(protocol);
        drop(self.queue.forget(sequence));
        Ok(())
    }

    /// Sets the time of the application's clock. An earlier time than before is ignored.
    pub fn set_time(&self, now: Duration) {
        let milliseconds = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.time.fetch_max(milliseconds.saturating_add(1), Ordering::Relaxed);
    }

    fn time(&self) -> Option<Duration> {
        self.time.load(Ordering::Relaxed).checked_sub(1).map(Duration::from_millis)
    }

    pub fn next_deadline(&self) -> Option<Duration> {
        let mut protocol = lock(&self.inner);
        let silence = self.time().filter(|_| protocol.may_fall_silent()).and_then(|now| {
            protocol.note_silence(now);
            protocol.silence_deadline()
        });
        protocol.next_deadline().into_iter().chain(silence).min()
    }

    /// Checks the silence of the peer, on any clock. Returns when to check again.
    pub fn watch_silence(&self, now: Duration, nothing_came: bool) -> Result<Option<Duration>> {
        let mut protocol = self.protocol()?;
        self.watched.store(true, Ordering::Relaxed);
        let skipping = protocol.is_skipping().then(|| {
            protocol.watch_skipping(now);
            // If the skipping has been given up, the next event is the end.
            protocol.skip_deadline().unwrap_or(now)
        });
        let mut silence = None;
        if protocol.may_fall_silent() {
            if nothing_came {
                protocol.watch_silence(now);
            } else {
                protocol.note_silence(now);
            }
            silence = protocol.silence_deadline();
        }
        Ok(skipping.into_iter().chain(silence).min())
    }

    /// Returns whether silence is measured on a clock of its own.
    fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    /// Fails the requests whose deadline has passed, and returns their number.
    pub fn expire(&self, now: Duration) -> Result<usize> {
        let mut protocol = self.protocol()?;
        self.set_time(now);
        if protocol.is_skipping() && !self.is_watched() {
            protocol.watch_skipping(now);
        }
        if protocol.may_fall_silent() {
            protocol.watch_silence(now);
        }
        let mut count = 0;
        let mut inside = Vec::new();
        while let Some((sequence, token)) = protocol.expire(now) {
            match token {
                Token::Inside(_) => inside.push((sequence, token)),
                Token::Application(_) => {
                    self.fail(sequence, token, overdue());
                    count += 1;
                }
            }
        }
        release(protocol);
        for (sequence, token) in inside {
            self.fail(sequence, token, overdue());
        }
        Ok(count)
    }

    /// Sends CLOSE and ends the session.
    pub fn close(&self) -> Result<()> {
        let mut protocol = self.protocol()?;
        if !protocol.is_closed() {
            protocol.close();
        }
        release(protocol);
        Ok(())
    }

    /// Gets an object of the application by its token, if its type has a name.
    pub fn living(&self, token: u64) -> Option<Arc<dyn Local>> {
        self.queue.living(token).filter(|object| object.as_any().is::<Object>() || object.as_any().is::<Function>())
    }
}

/// Returns the number of the session over which an object was imported. 0 if it has none, or if the session was freed.
pub fn id_of(proxy: &Proxy) -> u64 {
    let door = proxy.home().owner().and_then(|home| home.into_any_arc().downcast::<Door>().ok());
    door.map_or(0, |door| door.id.load(Ordering::Relaxed))
}

impl Drop for Session {
    fn drop(&mut self) {
        if fork::is_ours(self.forks) {
            let mut protocol = lock(&self.inner);
            protocol.abandon();
            release(protocol);
        }
        self.queue.end();
        // Later requests get an error; so do the queued ones that the application did not take.
        for event in self.queue.close() {
            if let Event::Request(asked) = event {
                objects::refuse(asked.call);
            }
        }
    }
}

fn overdue() -> Error {
    Error::Timeout("no reply in time; the request may still be running".into())
}

/// Of an object.
fn stale() -> Error {
    Error::Stale("the object's session is closed; get the object again, over a new one".into())
}

fn closed() -> Error {
    Error::Closed("the session is closed".into())
}
