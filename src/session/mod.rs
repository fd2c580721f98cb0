//! A session that the application drives itself: it owns the bytes, the clock and the threads, and gets events.
//!
//! All that the layer of objects knows is used here too: classes, special methods, containers.
//! Methods of the application are not called: what is asked of them is put into a queue.

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

/// What the application gets to know.
pub enum Event {
    Request(Box<Asked>),
    Reply {
        token: u64,
        sequence: i64,
        outcome: Result<Value>,
    },
    /// Nobody holds the object of this number any more.
    Released(u64),
    /// Much waits to be sent, and must go before more is read.
    Send,
    /// Nothing follows but what is released.
    Closed(Error),
}

/// Who gets the answer to a request of ours.
enum Token {
    /// The application, which gave the number.
    Application(u64),
    /// Something of the library.
    Inside(Then),
}

pub struct Session {
    inner: Mutex<Protocol<Token>>,
    queue: Arc<Queue>,
    this: Weak<Session>,
    /// What our objects know of the session. Neither they nor calls keep that itself.
    door: Arc<Door>,
    /// What the application's clock showed at last, in milliseconds, plus one; 0: the application has not said it.
    time: AtomicU64,
    /// Silence is looked at on another clock.
    watched: AtomicBool,
    /// Objects of other peers that were sent here.
    bridges: Option<Arc<HostWrap>>,
    forks: u32,
}

/// The number of a request that was answered without being sent.
const NOT_SENT: i64 = -1;

type Guard<'a> = MutexGuard<'a, Protocol<Token>>;

/// Gives the lock back, and drops then what has died under it; what is to be logged is written so.
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
    /// `forwards`: objects of other peers may be sent, and the application asks them.
    pub fn new(config: Config, forwards: bool) -> Result<Arc<Session>> {
        if config.bind_threads {
            return Err(Error::Unsupported("a session knows no threads: bind_threads cannot be on".into()));
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

    /// Refuses in a forked child.
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
        // It may be the last of its kind, and then runs code of the application.
        drop(before);
        Ok(())
    }

    pub fn dialect(&self) -> Dialect {
        lock(&self.inner).dialect()
    }

    /// What the peer turned out to speak, when it was not understood.
    pub fn heard(&self) -> Dialect {
        lock(&self.inner).heard()
    }

    pub fn is_closed(&self) -> bool {
        lock(&self.inner).is_closed()
    }

    /// Takes in what has been received.
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

    /// Gives `f` what is to be sent next, and advances by what it tells.
    pub fn outgoing<R>(&self, f: impl FnOnce(&[u8]) -> (usize, R)) -> Result<R> {
        let mut protocol = self.protocol()?;
        protocol.send_releases();
        let mut slices = [IoSlice::new(&[])];
        protocol.outgoing().slices(&mut slices);
        let (sent, result) = f(&slices[0]);
        self.advance(protocol, sent);
        Ok(result)
    }

    /// Copies what is to be sent, as far as it fits.
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

    /// So many bytes have been sent.
    pub fn sent(&self, length: usize) -> Result<()> {
        let mut protocol = self.protocol()?;
        let waiting = protocol.outgoing().len();
        if length > waiting {
            return Err(Error::Argument(format!("{length} bytes cannot have been sent, {waiting} were there")));
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

    /// How much waits to be sent.
    pub fn waiting(&self) -> usize {
        lock(&self.inner).outgoing().len()
    }

    /// An event waits, or a whole message that gives perhaps one.
    pub fn has_message(&self) -> bool {
        !self.queue.is_empty() || lock(&self.inner).has_message()
    }

    /// The next event. None: nothing whole is here. An error once all has been said.
    pub fn next_event(&self) -> Result<Option<Event>> {
        Error::unless_forked(self.forks, "session")?;
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

    /// Every request of ours hears of the end, then the application.
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

    /// No answer will come.
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
                // What containers take is charged to the peer that this thread serves.
                if self.door.has_budget() {
                    served::serving(peer.clone(), || perform_apart(&target, op, Answer::Peer { peer, id }));
                } else {
                    perform_apart(&target, op, Answer::Peer { peer, id });
                }
            }
        }
    }

    /// Has the application ask the owner of an object of another peer.
    fn forward(&self, request: Request, owner: Arc<Proxy>) {
        let Request { id, target, op } = request;
        let due = id.due();
        let token = target.as_any().downcast_ref::<Bridge>().and_then(Bridge::token);
        let owner = (owner, token.unwrap_or_default());
        if let Op::Exists { question, name, access } = op {
            let this = self.this.clone();
            // As Python's hasattr: it is read. What fails otherwise fails so when it is used.
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
            // The object arrives all the same; whatever is asked of it says why its owner cannot be.
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

    /// The answer to `Op::Exists`.
    fn answer_exists(
        &self,
        id: RequestId,
        target: Arc<dyn Local>,
        question: Question,
        access: Box<Accessed>,
        exists: bool,
    ) -> Option<Request> {
        // What is refused may be the last of its kind, and must not be dropped under the lock.
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

    /// Sends a request; its answer comes as an event with the token.
    pub fn request(&self, body: Body<'_>, token: u64, deadline: Option<Duration>) -> Result<i64> {
        let mut protocol = self.protocol()?;
        let left = deadline.and_then(|deadline| Some(deadline.saturating_sub(self.time()?)));
        let sent = protocol.request_within(body, Token::Application(token), left);
        if let (Ok(sequence), Some(deadline)) = (&sent, deadline) {
            protocol.set_deadline(*sequence, deadline);
        }
        release(protocol);
        sent
    }

    /// An object that stands here for one of another peer, which the application knows by a number.
    pub fn stand_in(&self, object: &Arc<Proxy>, token: u64) -> Result<Arc<Bridge>> {
        let Some(bridges) = &self.bridges else {
            return Err(Error::State("the session was made without RPYC_SESSION_FORWARDS".into()));
        };
        if self.owns(object) {
            return Err(Error::Argument("the object is of the peer of this session".into()));
        }
        let told = || Some(objects::Token::new(token, &self.queue) as _);
        self.queue.object(token, || bridges.bridge_as(object, told))
    }

    /// The number of what stands here for an object of another peer.
    pub fn token_of_other(&self, object: &Arc<Proxy>) -> Option<u64> {
        self.bridges.as_ref()?.find(object)?.token()
    }

    /// Gives the session a number, by which objects of its peer tell that they are of it.
    pub fn set_id(&self, id: u64) {
        self.door.id.store(id, Ordering::Relaxed);
    }

    /// Converts values; the answer is an event with the token.
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

    /// Asks for the library's own ends. The time counts only where the application tells it.
    fn inquire(&self, object: &Arc<Proxy>, ask: &Ask<'_>, then: Then, timeout: Option<Duration>) {
        let mut protocol = match self.protocol() {
            Ok(protocol) if !protocol.is_closed() => protocol,
            Ok(protocol) => {
                drop(protocol);
                return then(Err(closed()));
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
                return then(Err(Error::Unsupported(format!("a session cannot ask for {}", ask.text()))));
            }
        };
        let deadline = timeout.and_then(|timeout| self.time()?.checked_add(timeout));
        // A token that was not taken is gone with its answer, so that is kept beside it.
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

    /// Was this object lent over this session?
    pub fn owns(&self, proxy: &Proxy) -> bool {
        Arc::ptr_eq(proxy.home(), lock(&self.inner).releases())
    }

    /// An answer that needs no peer comes like any other.
    pub fn answer_here(&self, token: u64, value: Value) -> Result<i64> {
        let protocol = self.protocol()?;
        if !protocol.is_open() {
            return Err(closed());
        }
        self.queue.push(Event::Reply { token, sequence: NOT_SENT, outcome: Ok(value) });
        Ok(NOT_SENT)
    }

    /// Nobody waits for this answer any more.
    pub fn forget(&self, sequence: i64) -> Result<()> {
        let mut protocol = self.protocol()?;
        protocol.forget(sequence);
        release(protocol);
        drop(self.queue.forget(sequence));
        Ok(())
    }

    /// The application's clock shows this. It never goes back.
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

    /// Looks how long the peer has been silent, on any clock; gives when to look again.
    pub fn watch_silence(&self, now: Duration, nothing_came: bool) -> Result<Option<Duration>> {
        let mut protocol = self.protocol()?;
        self.watched.store(true, Ordering::Relaxed);
        let skipping = protocol.is_skipping().then(|| {
            protocol.watch_skipping(now);
            // Where it has been given up, the next event is the end.
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

    /// Is it looked at on a clock of its own?
    fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    /// Ends the waiting for what is overdue; gives how many requests that were.
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

    /// Tells the peer that we are going, and ends.
    pub fn close(&self) -> Result<()> {
        let mut protocol = self.protocol()?;
        if !protocol.is_closed() {
            protocol.close();
        }
        release(protocol);
        Ok(())
    }

    /// The application's objects of a type that has a name.
    pub fn living(&self, token: u64) -> Option<Arc<dyn Local>> {
        self.queue.living(token).filter(|object| object.as_any().is::<Object>() || object.as_any().is::<Function>())
    }
}

/// The number of the session over which an object was lent; 0: it has none, or the object is of no session that lives.
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
        // Whoever asks from now on is told; so are those that asked and were not heard.
        for event in self.queue.close() {
            if let Event::Request(asked) = event {
                objects::refuse(asked.call);
            }
        }
    }
}

fn overdue() -> Error {
    Error::Timeout("the answer did not come in time; the peer may still be working on it".into())
}

fn closed() -> Error {
    Error::Closed("the session is closed".into())
}
