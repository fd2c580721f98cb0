//! What all handles of a connection share, and the requests that go over it.

#[cfg(feature = "model")]
mod model;

use super::async_result::AsyncResult;
use super::class::Object;
use super::ending::Leaving;
use super::event_loop::{Looped, Wake};
use super::limit::Limit;
use super::live::Suspects;
use super::queue::Line;
use super::releasing::Riding;
use super::serial::{self, Turn};
use super::wrap::HostWrap;
use super::{Connection, threads};
use crate::codec::frame::{Incoming, Room};
use crate::config::{BeforeClosed, Config, Dialect, Host, Limits, Release};
use crate::error::{Error, Exception, Result};
use crate::log::{Logger, Notes};
use crate::nesting;
use crate::session::{Body, Handler, Request, RequestId, Session, Threads};
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Condvar, Instant, Mutex, MutexGuard, lock};
use crate::transport::Transport;
use crate::value::{Blob, Local, Releases, Value};
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

/// What is attached to a request of ours.
pub(super) enum Token {
    /// A thread waits for it, and looks into `arrived`.
    Sync,
    Async(AsyncResult),
}

impl Token {
    /// How long the answer is waited for; None: there is no end.
    #[cold]
    fn time_left(&self, config: &Config) -> Option<Duration> {
        match self {
            Token::Sync => config.sync_request_timeout,
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
    /// Anything that happens.
    Transaction,
    /// The same, for a thread that serves in the background, which also may be told to stop.
    Background,
    /// That less waits to be sent. It reads nothing.
    Room,
}

/// One round of waiting.
pub(super) enum Step {
    /// The reply that the key names.
    Mine(Result<Value>),
    /// A message was handled.
    Did,
    /// The connection has ended, and nothing else happened.
    Ended,
    /// Nothing yet; look again.
    Again,
    /// Bytes came, and nobody else has looked at anything meanwhile.
    Received,
    TimedOut,
}

pub(super) struct Waiter {
    pub(super) key: Key,
    pub(super) thread: u64,
    /// It runs the calls of the connection's queue.
    pub(super) runs: bool,
    pub(super) woken: AtomicBool,
    pub(super) wake: Condvar,
}

pub(super) struct Inner {
    pub(super) session: Session<Token>,
    /// A thread is receiving; the session's `incoming` is with it.
    pub(super) reading: bool,
    /// What the reader waits for, if something else than a message can end that: then its receiving can be interrupted.
    pub(super) interruptible: Option<Key>,
    /// Threads that serve until the end: one of them will read, if nobody else does.
    pub(super) servers: usize,
    /// The number of the one that began last.
    pub(super) server_thread: u64,
    /// The reader has been told that something is left to be sent (`Shared::nudge`).
    pub(super) nudged: bool,
    /// A thread is waiting until the transport takes more, and will send all there is.
    pub(super) flushing: bool,
    /// Nothing has come for a tick.
    pub(super) idle: bool,
    pub(super) riding: Riding,
    /// Requests are being gathered: they leave with `uncork`, before any wait, or when there are many.
    pub(super) corked: bool,
    /// The transport refuses to send. What had arrived before is still read.
    pub(super) broken: bool,
    /// Why the connection has to end, found where it could not be ended.
    pub(super) failed: Option<Error>,
    pub(super) closing: bool,
    /// An event loop drives the connection: nobody but those who wait for an answer waits for room to send.
    pub(super) looped: Option<Looped>,
    /// The loop has been given enough to do for once; there is more.
    pub(super) more: bool,
    /// So often `process` is running, one in the other; the loop asks again what to wait for when it has ended.
    pub(super) processing: usize,
    /// Calls come one after the other, in the order of their arrival.
    pub(super) order: Option<Turn>,
    pub(super) waiters: Vec<Arc<Waiter>>,
    /// Replies whose threads have not looked yet.
    pub(super) arrived: Vec<(i64, Result<Value>)>,
    /// Requests that are for certain threads (bind_threads).
    pub(super) bound: VecDeque<Request>,
    /// Quick methods that are running; their answers leave together.
    pub(super) quick: usize,
    /// Results whose answers came too late, and answers that nobody holds, to be dropped without the lock.
    pub(super) late: Vec<(Option<AsyncResult>, Result<Value>)>,
    /// Containers that the peer has given back; the end of the connection frees those that hold only one another.
    pub(super) suspects: Suspects,
    pub(super) peer_root: Option<Value>,
    /// The peer's root was asked for when its dialect was found out: the request, and until when its answer is waited for.
    pub(super) root_asked: Option<(i64, Option<Instant>)>,
    pub(super) end: Option<Error>,
}

/// What has died under the lock. Dropping it may run code of the host.
pub(super) struct Waste {
    _objects: Vec<Arc<dyn Local>>,
    _sent: Vec<Blob>,
    _late: Vec<(Option<AsyncResult>, Result<Value>)>,
    _rooms: Vec<Box<dyn Room>>,
    _notes: Notes,
}

impl Inner {
    #[inline]
    pub(super) fn has_waste(&mut self) -> bool {
        self.session.has_dropped() || !self.late.is_empty() || self.session.outgoing().has_spent()
    }

    /// The reply to a request, if another thread has read it.
    #[inline]
    fn take_arrived(&mut self, seq: i64) -> Option<Result<Value>> {
        let at = self.arrived.iter().position(|(arrived, _)| *arrived == seq)?;
        Some(self.arrived.swap_remove(at).1)
    }

    pub(super) fn take_waste(&mut self) -> Waste {
        let objects = self.session.take_dropped();
        objects.iter().for_each(|object| self.suspects.add(object));
        Waste {
            _objects: objects,
            _sent: self.session.outgoing().take_spent(),
            _late: std::mem::take(&mut self.late),
            _rooms: self.session.take_rooms(),
            _notes: self.session.take_notes(),
        }
    }
}

/// Gives the lock back, and drops then what has died under it.
#[inline]
pub(super) fn release(mut inner: Guard<'_>) {
    if inner.has_waste() {
        release_waste(inner);
    }
}

#[inline(never)]
fn release_waste(mut inner: Guard<'_>) {
    let most = inner.session.config().limits.serving;
    let waste = inner.take_waste();
    drop(inner);
    nesting::deeper(most, move || drop(waste));
}

pub(super) type Guard<'a> = MutexGuard<'a, Inner>;

pub struct Shared {
    pub(super) inner: Mutex<Inner>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) releases: Arc<Releases>,
    pub(super) closed: AtomicBool,
    /// Handles of the user that keep the connection open.
    pub(super) handles: AtomicUsize,
    pub(super) service: OnceLock<Arc<Object>>,
    pub(super) connected: AtomicBool,
    pub(super) bind_threads: bool,
    /// Calls of the peer are left to it, for the host to run where it wants.
    pub(super) queue: OnceLock<Arc<Line>>,
    /// With a queue: the reader is interrupted to send what the queue's thread could not send at once.
    pub(super) nudge: OnceLock<()>,
    /// As `Inner::looped`, to be seen without the lock.
    pub(super) has_loop: AtomicBool,
    pub(super) loop_wake: OnceLock<Arc<Wake>>,
    /// The option `release` is `now`.
    pub(super) release_now: AtomicBool,
    connid: Option<Arc<str>>,
    pub(super) logger: Logger,
    /// What the host runs before it closes the connection, and who runs it now.
    pub(super) before_closed: Option<BeforeClosed>,
    pub(super) leaving: Leaving,
    pub(super) credentials: Value,
    pub(super) endpoints: Option<(Arc<str>, Arc<str>)>,
    pub(super) forks: u32,
    /// The peer speaks first, so its first message tells the dialect.
    pub(super) accepted: bool,
    /// How often code of the host was started, in the upper half, and how many times it runs now, in the lower.
    pub(super) activity: AtomicU64,
}

/// How much is gathered at most while requests are corked.
pub(super) const CORKED: usize = if cfg!(feature = "model") { 300 } else { 256 << 10 };
/// So many releases are not kept waiting for a message to ride behind.
pub(super) const RELEASES: usize = 64;
/// How long a side that accepted waits for the peer to show its dialect before it speaks first.
pub(super) const FIRST_WORD: Duration = Duration::from_millis(200);

impl Shared {
    pub(super) fn new(transport: Arc<dyn Transport>, config: Config, accepted: bool) -> Arc<Shared> {
        Shared::over(transport, Shared::session(config), accepted)
    }

    /// A session that has no connection yet.
    pub(super) fn session(config: Config) -> Session<Token> {
        let mut session = Session::new(config, None, Arc::new(HostWrap::default()));
        session.take_messages_singly();
        session
    }

    /// With a session that may have begun.
    pub(super) fn over(transport: Arc<dyn Transport>, session: Session<Token>, accepted: bool) -> Arc<Shared> {
        let config = session.config();
        let bind_threads = config.bind_threads;
        let connid = config.connid.clone();
        let release = config.release;
        let Host { logger, credentials, endpoints, before_closed, .. } = config.host.clone();
        let releases = session.releases().clone();
        let shared = Arc::new(Shared {
            inner: Mutex::new(Inner {
                session,
                reading: false,
                interruptible: None,
                servers: 0,
                server_thread: 0,
                nudged: false,
                flushing: false,
                idle: false,
                riding: Riding::default(),
                corked: false,
                broken: false,
                failed: None,
                closing: false,
                looped: None,
                more: false,
                processing: 0,
                order: None,
                waiters: Vec::new(),
                arrived: Vec::new(),
                bound: VecDeque::new(),
                quick: 0,
                late: Vec::new(),
                suspects: Suspects::default(),
                peer_root: None,
                root_asked: None,
                end: None,
            }),
            transport,
            releases,
            closed: AtomicBool::new(false),
            handles: AtomicUsize::new(0),
            service: OnceLock::new(),
            connected: AtomicBool::new(false),
            bind_threads,
            queue: OnceLock::new(),
            nudge: OnceLock::new(),
            has_loop: AtomicBool::new(false),
            loop_wake: OnceLock::new(),
            release_now: AtomicBool::new(release == Release::Now),
            connid,
            logger,
            before_closed,
            leaving: Leaving::default(),
            credentials,
            endpoints,
            forks: crate::fork::generation(),
            accepted,
            activity: AtomicU64::new(0),
        });
        let weak: Weak<Shared> = Arc::downgrade(&shared);
        shared.releases.set_owner(Box::new(weak));
        shared.watch_releases(release);
        let name = shared.name();
        shared.lock().session.set_name(name);
        shared
    }

    /// The connection over which an object was lent.
    pub fn of_releases(releases: &Releases) -> Option<Arc<Shared>> {
        releases.owner()?.downcast_ref::<Weak<Shared>>()?.upgrade()
    }

    #[inline]
    pub(super) fn lock(&self) -> Guard<'_> {
        lock(&self.inner)
    }

    /// What messages call the connection: its connid, or its peer.
    pub fn name(&self) -> String {
        Shared::name_of(&*self.transport, self.connid.as_deref())
    }

    pub(super) fn name_of(transport: &dyn Transport, connid: Option<&str>) -> String {
        let peer = || {
            let name = transport.peer_name();
            name.strip_prefix("tcp://").map(str::to_owned).unwrap_or(name)
        };
        connid.map_or_else(peer, str::to_owned)
    }

    /// After a fork, locks may be held for ever by threads that are not here.
    #[inline]
    pub fn check_fork(&self) -> Result<()> {
        Error::unless_forked(self.forks, "connection")
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// What bounds the values of this connection.
    pub fn limits(&self) -> Limits {
        self.with_session(|session| session.config().limits.clone())
    }

    /// Our own root on this connection.
    pub fn service(&self) -> Option<&Arc<Object>> {
        self.service.get()
    }

    /// Gives the connection its root and tells the service.
    pub(super) fn install(self: &Arc<Shared>, root: Arc<Object>) {
        let _ = self.service.set(root.clone());
        drop(self.with_session(|session| session.set_root(root.clone())));
        if let Some(hook) = root.class().service().and_then(|service| service.on_connect.as_ref()) {
            hook(&Connection::borrowed(self.clone()), &root);
        }
        self.connected.store(true, Ordering::SeqCst);
        // The end may have come already, and then found nobody to tell.
        if self.closed.load(Ordering::SeqCst) {
            self.disconnected();
        }
    }

    /// Puts a request behind what waits to be sent, and leaves the lock in the caller's hand.
    #[inline]
    fn start<'a>(self: &'a Arc<Shared>, body: Body<'_>, token: Token) -> Result<(Guard<'a>, i64)> {
        self.check_fork()?;
        let mut inner = self.lock();
        if self.accepted && inner.session.dialect() == Dialect::Auto && inner.looped.is_none() {
            inner = self.await_first_word(inner);
        }
        if let Some(end) = &inner.end {
            return Err(gone(end));
        }
        if self.bind_threads {
            inner.session.set_threads(threads::here(self));
        }
        let seq = if inner.session.sends_deadlines() {
            let left = token.time_left(inner.session.config());
            inner.session.request_within(body, token, left)?
        } else {
            inner.session.request(body, token)?
        };
        Ok((inner, seq))
    }

    /// Sends a request and waits for its answer; requests of the peer are served meanwhile. Bytes that fit come to lie
    /// in the room.
    pub fn sync_request(self: &Arc<Shared>, body: Body<'_>, room: Option<Box<dyn Room>>) -> Result<Value> {
        let _alarm = self.alarm();
        let _pause = serial::pause();
        let (mut inner, seq) = self.start(body, Token::Sync)?;
        if let Some(room) = room {
            inner.session.receive_into(seq, room);
        }
        let mut limit = Limit::lazy(inner.session.config().sync_request_timeout);
        let mut late = false;
        if !inner.corked && !self.send_now(&mut inner) {
            (inner, late) = self.flush_within(inner, &mut limit);
        }
        self.await_reply(inner, seq, &body, limit, late)
    }

    /// Waits for the answer to a request; requests of the peer are served meanwhile.
    #[inline(always)]
    fn await_reply<'a>(
        self: &'a Arc<Shared>,
        mut inner: Guard<'a>,
        seq: i64,
        body: &Body<'_>,
        mut limit: Limit,
        late: bool,
    ) -> Result<Value> {
        loop {
            if !inner.arrived.is_empty() {
                if let Some(outcome) = inner.take_arrived(seq) {
                    self.depart(inner);
                    return outcome;
                }
            }
            if let Some(end) = &inner.end {
                return Err(gone(end));
            }
            let mut step = Step::TimedOut;
            if !late {
                (inner, step) = self.advance(inner, Key::Reply(seq), &mut limit);
            }
            match step {
                Step::Mine(outcome) => {
                    self.depart(inner);
                    return outcome;
                }
                Step::TimedOut => {
                    // It may have come while nothing could be sent.
                    let too_late = inner.take_arrived(seq);
                    let timeout = inner.session.config().sync_request_timeout;
                    inner.session.forget(seq);
                    self.leave(&mut inner);
                    release(inner);
                    drop(too_late);
                    return Err(Error::Timeout(expired_text(body, &self.name(), timeout)));
                }
                Step::Did | Step::Ended | Step::Again | Step::Received => {}
            }
        }
    }

    /// Waits for the peer's root, if it was asked for when the dialect was found out.
    #[cold]
    pub(super) fn await_root(self: &Arc<Shared>) -> Option<Result<Value>> {
        let _alarm = self.alarm();
        let _pause = serial::pause();
        let mut inner = self.lock();
        let (seq, deadline) = inner.root_asked.take()?;
        Some(self.await_reply(inner, seq, &GET_ROOT, Limit::at(deadline), false))
    }

    /// Sends a request whose answer `result` will hold. Bytes that fit come to lie in the room.
    pub(super) fn async_request(
        self: &Arc<Shared>,
        body: Body<'_>,
        result: &AsyncResult,
        room: Option<Box<dyn Room>>,
    ) -> Result<()> {
        let _alarm = self.alarm();
        let _pause = serial::pause();
        if self.has_loop.load(Ordering::Relaxed) {
            self.check_room()?;
        }
        let (mut inner, seq) = self.start(body, Token::Async(result.clone()))?;
        result.sent(seq);
        if let Some(room) = room {
            inner.session.receive_into(seq, room);
        }
        if !inner.corked || inner.session.outgoing().len() > CORKED {
            inner = self.flush(inner);
            if self.nudge.get().is_some() {
                inner = self.bound_rest(inner);
            }
        }
        release(inner);
        Ok(())
    }

    /// Waits until `result` is there, the limit is reached or the connection has ended. True: it is there.
    pub(super) fn wait_for_result(self: &Arc<Shared>, result: &AsyncResult, mut limit: Limit) -> bool {
        if self.check_fork().is_err() {
            return result.is_settled();
        }
        let _alarm = self.alarm();
        let _pause = serial::pause();
        let mut inner = self.lock();
        loop {
            if result.is_settled() || inner.end.is_some() {
                self.depart(inner);
                return result.is_settled();
            }
            let step;
            (inner, step) = self.advance(inner, Key::Async(result.address()), &mut limit);
            if let Step::TimedOut = step {
                self.leave(&mut inner);
                release(inner);
                return result.is_settled();
            }
        }
    }

    /// Waits until `done` says so, which is asked after each result that comes; or until the limit is reached or the
    /// connection has ended.
    pub(super) fn wait_for_results(self: &Arc<Shared>, done: &dyn Fn() -> bool, mut limit: Limit) {
        let _alarm = self.alarm();
        let _pause = serial::pause();
        let mut inner = self.lock();
        loop {
            if done() || inner.end.is_some() {
                return self.depart(inner);
            }
            let step;
            (inner, step) = self.advance(inner, Key::Results, &mut limit);
            if let Step::TimedOut = step {
                self.leave(&mut inner);
                return release(inner);
            }
        }
    }

    /// A result is there that no message brought.
    pub(super) fn wake_for(&self, result: &AsyncResult) {
        let address = result.address();
        self.wake_waiting(|key| key == Key::Async(address) || key == Key::Results);
    }

    /// Answers a request of the peer, from any thread.
    #[inline]
    pub(super) fn answer(self: &Arc<Shared>, id: &RequestId, result: Result<Value, Exception>) -> Result<()> {
        self.check_fork()?;
        let _alarm = self.alarm();
        let mut inner = self.lock();
        if inner.end.is_some() {
            return Err(Error::Closed("the connection ended before the answer".into()));
        }
        if self.bind_threads {
            inner.session.set_threads(Threads { from: threads::id(), to: id.threads().from });
        }
        let sent = match &result {
            Ok(value) => inner.session.reply(id, value),
            Err(exception) if exception.ends_program() && stays_here(inner.session.config(), exception) => {
                self.leave_with(inner, exception);
                return Ok(());
            }
            Err(exception) => {
                inner.session.raise(id, exception);
                Ok(())
            }
        };
        // With bind_threads another thread of the peer handles them, perhaps before this answer, which may name the objects.
        if !self.bind_threads && !self.releases.is_empty() {
            inner.session.send_releases();
        }
        // Answers to a burst leave together, but only while the one who reads comes back at once.
        if inner.quick == 0 || inner.reading || !inner.session.has_message() {
            inner = self.flush(inner);
        }
        release(inner);
        sent
    }

    /// The received bytes come back from a thread that has received.
    #[inline]
    pub(super) fn put_back(&self, incoming: Box<Incoming>) -> Guard<'_> {
        let mut inner = self.lock();
        inner.reading = false;
        inner.session.put_incoming(incoming);
        if inner.end.is_some() && inner.has_waste() {
            // After the end nobody else would drop it.
            release(inner);
            return self.lock();
        }
        inner
    }

    /// Why requests fail from now on.
    pub(super) fn ended(&self) -> Error {
        match &self.lock().end {
            Some(end) => gone(end),
            None => Error::Closed("the connection ended before the answer".into()),
        }
    }

    /// The session's part of a lookup on an object with dynamic attributes.
    pub(super) fn with_session<R>(&self, f: impl FnOnce(&mut Session<Token>) -> R) -> R {
        f(&mut self.lock().session)
    }

    /// Has code of the host been running for the peer since the last look, and how often was it started? Two looks that
    /// are alike, with code running, tell that it runs long.
    pub(crate) fn activity(&self) -> (u32, bool) {
        let activity = self.activity.load(Ordering::Relaxed);
        ((activity >> 32) as u32, activity as u32 > 0)
    }

    /// Has a call of the peer no answer yet, or one that has not left: a call that runs, is queued or was deferred? Waits for
    /// no lock; while somebody has it, the answer is yes.
    pub(crate) fn is_serving(&self) -> bool {
        let unsent = |inner: &mut Inner| !inner.broken && !inner.session.outgoing().is_empty();
        let waits = |mut inner: Guard<'_>| inner.session.counts().serving > 0 || unsent(&mut inner);
        self.activity().1 || crate::sync::try_lock(&self.inner).is_none_or(waits)
    }

    /// Whole messages are here that no `poll` of the descriptor will show.
    pub(super) fn has_message(&self) -> bool {
        if self.check_fork().is_err() {
            return false;
        }
        let inner = self.lock();
        !inner.reading && inner.session.has_message()
    }
}

/// Asks for the peer's root.
pub(super) const GET_ROOT: Body<'static> = Body::Raw { handler: Handler::GetRoot as i64, args: &[] };

/// What is said of a request that the peer `name` has not answered.
pub(super) fn expired_text(body: &Body<'_>, name: &str, timeout: Option<Duration>) -> String {
    let what = match body {
        Body::CallAttr { name, .. } => format!("{name}()"),
        Body::Call { target, .. } => format!("a call of {}", target.type_name),
        Body::Raw { handler, .. } => format!("request {handler}"),
        Body::Inspect { .. } => "inspect".to_owned(),
        Body::InstanceCheck { .. } => "isinstance".to_owned(),
    };
    let seconds = timeout.unwrap_or_default().as_secs_f64();
    format!("{what} on {name} did not answer in {seconds} s; it may still be running")
}

/// What is said of a connection that the peer `name` has ended.
pub(super) fn lost_text(name: &str, how: &str) -> String {
    format!("lost the connection with {name}: {how}; connect again, and get the root and all objects anew")
}

/// Does an exception that a callback raised concern this side alone, and not the peer?
fn stays_here(config: &Config, exception: &Exception) -> bool {
    match exception.is_builtin("SystemExit") {
        true => config.propagate_system_exit_locally,
        false => config.propagate_keyboard_interrupt_locally,
    }
}

/// The error of those who come after the end.
pub(super) fn gone(end: &Error) -> Error {
    match end {
        Error::Closed(_) => Error::Closed("the connection is closed; connect again".into()),
        other => other.clone(),
    }
}
