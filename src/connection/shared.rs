//! What all handles of a connection share, and who reads, who runs, who waits.
//!
//! The state table stands in `docs/architecture.md`. In short: whoever waits and finds nobody receiving takes
//! `incoming` out and receives; all others park. Messages are taken from the buffer under the lock; code of the
//! host runs without it. Whoever stops waiting wakes another waiter, so that reading never stops while
//! somebody waits.

#[cfg(shuttle)]
mod model;

use super::async_result::AsyncResult;
use super::class::Object;
use super::limit::{Limit, Received};
use super::serial;
use super::wrap::HostWrap;
use super::{Connection, dispatch, threads};
use crate::config::{Config, Dialect};
use crate::error::{Error, Exception, Result};
use crate::session::{Body, Event, Request, RequestId, Session, Threads};
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Condvar, Mutex, MutexGuard, lock, wait_for};
use crate::transport::Transport;
use crate::value::{Releases, Value};
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

/// What is attached to a request of ours.
pub(super) enum Token {
    /// A thread waits for it, and looks into `arrived`.
    Sync,
    Async(AsyncResult),
}

/// What a waiting thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Reply(i64),
    /// The address of an asynchronous result.
    Async(usize),
    /// Anything that happens.
    Transaction,
}

/// One round of waiting.
pub(super) enum Step {
    /// The reply that the key names.
    Mine(Result<Value>),
    /// A message was handled.
    Did,
    /// Nothing yet; look again.
    Again,
    TimedOut,
}

pub(super) struct Waiter {
    key: Key,
    thread: u64,
    woken: AtomicBool,
    wake: Condvar,
}

pub(super) struct Inner {
    pub(super) session: Session<Token>,
    /// A thread is receiving; the session's `incoming` is with it.
    reading: bool,
    /// A thread is waiting until the transport takes more, and will send all there is.
    flushing: bool,
    /// Requests are being gathered: they leave with `uncork`, before any wait, or when there are many.
    corked: bool,
    /// The transport refuses to send. What had arrived before is still read.
    broken: bool,
    /// Why the connection has to end, found where it could not be ended.
    failed: Option<Error>,
    closing: bool,
    waiters: Vec<Arc<Waiter>>,
    /// Replies whose threads have not looked yet.
    arrived: Vec<(i64, Result<Value>)>,
    /// Requests that are for certain threads (bind_threads).
    bound: VecDeque<Request>,
    /// Quick methods that are running; their answers leave together.
    quick: usize,
    pub(super) peer_root: Option<Value>,
    end: Option<Error>,
}

pub(super) type Guard<'a> = MutexGuard<'a, Inner>;

pub struct Shared {
    inner: Mutex<Inner>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) releases: Arc<Releases>,
    closed: AtomicBool,
    /// Handles of the user that keep the connection open.
    pub(super) handles: AtomicUsize,
    service: OnceLock<Arc<Object>>,
    connected: AtomicBool,
    bind_threads: bool,
    forks: u32,
    /// The peer speaks first, so its first message tells the dialect.
    accepted: bool,
    /// How often code of the host was started, in the upper half, and how many times it runs now, in the lower.
    activity: AtomicU64,
}

/// How much may wait to be sent while another thread waits for the transport.
const QUEUE: usize = 1 << 20;
/// How much is gathered at most while requests are corked.
const CORKED: usize = 256 << 10;
/// How long a side that accepted waits for the peer to show its dialect before it speaks first.
const FIRST_WORD: Duration = Duration::from_millis(200);

impl Shared {
    pub(super) fn new(transport: Arc<dyn Transport>, config: Config, accepted: bool) -> Arc<Shared> {
        let bind_threads = config.bind_threads;
        let session = Session::new(config, None, Arc::new(HostWrap::default()));
        let releases = session.releases().clone();
        let shared = Arc::new(Shared {
            inner: Mutex::new(Inner {
                session,
                reading: false,
                flushing: false,
                corked: false,
                broken: false,
                failed: None,
                closing: false,
                waiters: Vec::new(),
                arrived: Vec::new(),
                bound: VecDeque::new(),
                quick: 0,
                peer_root: None,
                end: None,
            }),
            transport,
            releases,
            closed: AtomicBool::new(false),
            handles: AtomicUsize::new(0),
            service: OnceLock::new(),
            connected: AtomicBool::new(false),
            bind_threads,
            forks: crate::fork::generation(),
            accepted,
            activity: AtomicU64::new(0),
        });
        let weak: Weak<Shared> = Arc::downgrade(&shared);
        shared.releases.set_owner(Box::new(weak));
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

    /// After a fork, locks may be held for ever by threads that are not here.
    #[inline]
    pub fn check_fork(&self) -> Result<()> {
        crate::fork::check(self.forks, "connection")
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Our own root on this connection.
    pub fn service(&self) -> Option<&Arc<Object>> {
        self.service.get()
    }

    /// Gives the connection its root and tells the service.
    pub(super) fn install(self: &Arc<Shared>, root: Arc<Object>) {
        let _ = self.service.set(root.clone());
        self.lock().session.set_root(root.clone());
        self.connected.store(true, Ordering::Release);
        if let Some(hook) = root.class().service().and_then(|service| service.on_connect.as_ref()) {
            hook(&Connection::borrowed(self.clone()), &root);
        }
    }

    /// Sends a request and leaves the lock in the caller's hand.
    fn start<'a>(self: &'a Arc<Shared>, body: Body<'_>, token: Token) -> Result<(Guard<'a>, i64)> {
        self.check_fork()?;
        let mut inner = self.lock();
        if self.accepted && inner.session.dialect() == Dialect::Auto {
            inner = self.await_first_word(inner);
        }
        if let Some(end) = &inner.end {
            return Err(gone(end));
        }
        if self.bind_threads {
            inner.session.set_threads(threads::here(self));
        }
        let seq = inner.session.request(body, token)?;
        if !inner.corked || inner.session.outgoing().len() > CORKED {
            inner = self.flush(inner);
        }
        Ok((inner, seq))
    }

    /// Sends a request and waits for its answer; requests of the peer are served meanwhile.
    pub fn sync_request(self: &Arc<Shared>, body: Body<'_>) -> Result<Value> {
        let _pause = serial::pause();
        let (mut inner, seq) = self.start(body, Token::Sync)?;
        let timeout = inner.session.config().sync_request_timeout;
        let mut limit = Limit::lazy(timeout);
        loop {
            if !inner.arrived.is_empty() {
                if let Some(at) = inner.arrived.iter().position(|(arrived, _)| *arrived == seq) {
                    let (_, outcome) = inner.arrived.swap_remove(at);
                    self.leave(&mut inner);
                    return outcome;
                }
            }
            if let Some(end) = &inner.end {
                return Err(gone(end));
            }
            let step;
            (inner, step) = self.advance(inner, Key::Reply(seq), &mut limit);
            match step {
                Step::Mine(outcome) => {
                    self.leave(&mut inner);
                    return outcome;
                }
                Step::TimedOut => {
                    inner.session.forget(seq);
                    self.leave(&mut inner);
                    drop(inner);
                    return Err(Error::Timeout(self.expired_text(&body, timeout)));
                }
                Step::Did | Step::Again => {}
            }
        }
    }

    pub(super) fn expired_text(&self, body: &Body<'_>, timeout: Option<Duration>) -> String {
        let what = match body {
            Body::CallAttr { name, .. } => format!("{name}()"),
            Body::Call { target, .. } => format!("a call of {}", target.type_name),
            Body::Raw { handler, .. } => format!("request {handler}"),
            Body::Inspect { .. } => "inspect".to_owned(),
            Body::InstanceCheck { .. } => "isinstance".to_owned(),
        };
        let seconds = timeout.unwrap_or_default().as_secs_f64();
        format!("{what} on {} did not answer in {seconds} s; it may still be running", self.transport.peer_name())
    }

    /// Sends a request whose answer `result` will hold.
    pub(super) fn async_request(self: &Arc<Shared>, body: Body<'_>, result: &AsyncResult) -> Result<()> {
        let _pause = serial::pause();
        let (inner, seq) = self.start(body, Token::Async(result.clone()))?;
        result.sent(seq);
        drop(inner);
        Ok(())
    }

    /// Waits until `result` is there, the limit is reached or the connection has ended. True: it is there.
    pub(super) fn wait_for_result(self: &Arc<Shared>, result: &AsyncResult, mut limit: Limit) -> bool {
        if self.check_fork().is_err() {
            return result.is_settled();
        }
        let _pause = serial::pause();
        let mut inner = self.lock();
        loop {
            if result.is_settled() || inner.end.is_some() {
                self.leave(&mut inner);
                return result.is_settled();
            }
            let step;
            (inner, step) = self.advance(inner, Key::Async(result.address()), &mut limit);
            if let Step::TimedOut = step {
                self.leave(&mut inner);
                return result.is_settled();
            }
        }
    }

    /// Handles one message of the peer. False: none came in time.
    pub(super) fn serve(self: &Arc<Shared>, mut limit: Limit) -> Result<bool> {
        self.check_fork()?;
        let _pause = serial::pause();
        let mut inner = self.lock();
        loop {
            if let Some(end) = &inner.end {
                return Err(end.clone());
            }
            let step;
            (inner, step) = self.advance(inner, Key::Transaction, &mut limit);
            let handled = match step {
                Step::Mine(_) | Step::Again => continue,
                Step::Did => true,
                Step::TimedOut => false,
            };
            if !inner.session.has_message() {
                inner = self.flush(inner);
            }
            self.leave(&mut inner);
            return Ok(handled);
        }
    }

    /// Does one thing that brings a waiting thread further: takes a message that is here, receives, or parks.
    fn advance<'a>(self: &'a Arc<Shared>, mut inner: Guard<'a>, key: Key, limit: &mut Limit) -> (Guard<'a>, Step) {
        if self.bind_threads {
            if let Some(request) = self.take_bound(&mut inner) {
                return (self.run(inner, request), Step::Did);
            }
        }
        if let Some(error) = inner.failed.take() {
            return (self.finish(inner, error), Step::Did);
        }
        if inner.reading {
            if inner.corked && !inner.session.outgoing().is_empty() {
                inner = self.flush(inner);
                return (inner, Step::Again);
            }
            return self.park(inner, key, limit);
        }
        match inner.session.next_event() {
            Some(Event::Reply { seq, token: Token::Sync, outcome }) => {
                if key == Key::Reply(seq) {
                    return (inner, Step::Mine(outcome));
                }
                inner.arrived.push((seq, outcome));
                wake(&mut inner, |waiter| waiter.key == Key::Reply(seq));
                (inner, Step::Did)
            }
            Some(Event::Reply { token: Token::Async(result), outcome, .. }) => (self.settle(inner, result, outcome), Step::Did),
            Some(Event::Request(request)) if self.bind_threads && !threads::is_for_here(&request) => {
                let thread = request.id.threads.to;
                inner.bound.push_back(request);
                wake(&mut inner, |waiter| waiter.thread == thread);
                (inner, Step::Again)
            }
            Some(Event::Request(request)) => (self.run(inner, request), Step::Did),
            Some(Event::Closed(error)) => (self.finish(inner, error), Step::Did),
            None => self.receive(inner, limit),
        }
    }

    fn take_bound(&self, inner: &mut Inner) -> Option<Request> {
        let at = inner.bound.iter().position(threads::is_for_here)?;
        inner.bound.remove(at)
    }

    /// Waits for bytes, as the only one who does.
    fn receive<'a>(self: &'a Arc<Shared>, mut inner: Guard<'a>, limit: &mut Limit) -> (Guard<'a>, Step) {
        if !self.releases.is_empty() {
            inner.session.send_releases();
        }
        if !inner.session.outgoing().is_empty() && !inner.broken {
            inner = self.flush(inner);
            // Others may have read meanwhile.
            if inner.reading || inner.end.is_some() || inner.session.has_message() {
                return (inner, Step::Again);
            }
        }
        let more_expected = inner.session.pending() > 1 || inner.session.incoming().is_mid_frame();
        let broken = inner.broken;
        let mut incoming = inner.session.take_incoming();
        let dropped = inner.session.take_dropped();
        inner.reading = true;
        drop(inner);
        drop(dropped);
        if more_expected {
            self.transport.quick_ack();
        }
        let received = if broken { Limit::Now.receive(&*self.transport, &mut incoming) } else { limit.receive(&*self.transport, &mut incoming) };
        let mut inner = self.lock();
        inner.reading = false;
        inner.session.put_incoming(incoming);
        let step = match received {
            Received::Bytes => Step::Again,
            Received::Nothing if broken => {
                inner.session.end_of_stream();
                Step::Again
            }
            Received::Nothing => Step::Again,
            Received::TimedOut => Step::TimedOut,
            Received::End => {
                inner.session.end_of_stream();
                Step::Again
            }
        };
        (inner, step)
    }

    /// Waits for another thread to bring what this one waits for, or to hand over the reading.
    fn park<'a>(&'a self, mut inner: Guard<'a>, key: Key, limit: &mut Limit) -> (Guard<'a>, Step) {
        let thread = if self.bind_threads { threads::id() } else { 0 };
        let waiter = Arc::new(Waiter { key, thread, woken: AtomicBool::new(false), wake: Condvar::new() });
        inner.waiters.push(waiter.clone());
        loop {
            let Some(timeout) = limit.remaining() else {
                inner.waiters.retain(|other| !Arc::ptr_eq(other, &waiter));
                return (inner, Step::TimedOut);
            };
            inner = wait_for(&waiter.wake, inner, timeout);
            if waiter.woken.load(Ordering::Relaxed) {
                return (inner, Step::Again);
            }
        }
    }

    /// Whoever stops waiting hands the reading to another.
    fn leave(&self, inner: &mut Inner) {
        if !inner.reading && !inner.waiters.is_empty() {
            let waiter = inner.waiters.remove(0);
            waiter.woken.store(true, Ordering::Relaxed);
            waiter.wake.notify_one();
        }
    }

    /// Runs a request. Others go on reading meanwhile.
    fn run<'a>(self: &'a Arc<Shared>, mut inner: Guard<'a>, request: Request) -> Guard<'a> {
        let quick = dispatch::is_quick(&request);
        if quick {
            inner.quick += 1;
        } else if !inner.session.outgoing().is_empty() {
            inner = self.flush(inner);
        }
        self.leave(&mut inner);
        let dropped = inner.session.take_dropped();
        drop(inner);
        drop(dropped);
        self.activity.fetch_add((1 << 32) + 1, Ordering::Relaxed);
        let bound = self.bind_threads.then(|| threads::bind(self, request.id.threads.from));
        dispatch::serve(self, request);
        drop(bound);
        self.activity.fetch_sub(1, Ordering::Relaxed);
        let mut inner = self.lock();
        inner.quick -= quick as usize;
        inner
    }

    fn settle<'a>(&'a self, mut inner: Guard<'a>, result: AsyncResult, outcome: Result<Value>) -> Guard<'a> {
        let callbacks = result.settle(outcome);
        let address = result.address();
        wake(&mut inner, |waiter| waiter.key == Key::Async(address));
        if callbacks.is_empty() {
            return inner;
        }
        self.leave(&mut inner);
        drop(inner);
        callbacks.into_iter().for_each(|callback| callback(&result));
        self.lock()
    }

    /// Answers a request of the peer, from any thread.
    #[inline]
    pub(super) fn answer(&self, id: &RequestId, result: Result<Value, Exception>) -> Result<()> {
        self.check_fork()?;
        let mut inner = self.lock();
        if inner.end.is_some() {
            return Err(Error::Closed("the connection ended before the answer".into()));
        }
        if self.bind_threads {
            inner.session.set_threads(Threads { from: threads::id(), to: id.threads.from });
        }
        let sent = match &result {
            Ok(value) => inner.session.reply(id, value),
            Err(exception) => {
                inner.session.raise(id, exception);
                Ok(())
            }
        };
        // Answers to a burst leave together, but only while the one who reads comes back at once.
        if inner.quick == 0 || inner.reading || !inner.session.has_message() {
            inner = self.flush(inner);
        }
        if inner.session.has_dropped() {
            let dropped = inner.session.take_dropped();
            drop(inner);
            drop(dropped);
        }
        sent
    }

    /// The session's part of a lookup on an object with dynamic attributes.
    pub(super) fn with_session<R>(&self, f: impl FnOnce(&mut Session<Token>) -> R) -> R {
        f(&mut self.lock().session)
    }

    /// Gathers the requests that follow, until `uncork` or until somebody waits.
    pub(super) fn cork(&self) -> Result<()> {
        self.check_fork()?;
        self.lock().corked = true;
        Ok(())
    }

    /// Sends what has been gathered.
    pub(super) fn uncork(&self) -> Result<()> {
        self.check_fork()?;
        let mut inner = self.lock();
        inner.corked = false;
        if let Some(end) = &inner.end {
            return Err(gone(end));
        }
        drop(self.flush(inner));
        Ok(())
    }

    /// Sends everything that waits.
    pub(super) fn flush_all(&self) {
        drop(self.flush(self.lock()));
    }

    /// Sends everything that waits. While the peer does not take it, what it sends is taken in.
    fn flush<'a>(&'a self, mut inner: Guard<'a>) -> Guard<'a> {
        if inner.flushing {
            return self.await_room(inner);
        }
        while !inner.broken && !inner.session.outgoing().is_empty() {
            match send_once(&mut inner, &*self.transport) {
                Ok(()) => continue,
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => {
                    inner.broken = true;
                    break;
                }
            }
            inner.flushing = true;
            inner = self.stall(inner);
        }
        inner.flushing = false;
        inner
    }

    /// Sends what goes without waiting.
    pub(super) fn flush_some(&self, inner: &mut Inner) {
        while !inner.flushing && !inner.broken && !inner.session.outgoing().is_empty() {
            match send_once(inner, &*self.transport) {
                Ok(()) => {}
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(_) => inner.broken = true,
            }
        }
    }

    /// The transport takes nothing: waits for room, and takes in what arrives meanwhile, up to a limit.
    fn stall<'a>(&'a self, mut inner: Guard<'a>) -> Guard<'a> {
        let limit = inner.session.config().limits.buffered;
        let mut incoming = None;
        if !inner.reading {
            if inner.session.incoming().buffered() >= limit {
                inner.broken = true;
                inner.failed = Some(Error::Limit(format!(
                    "the peer sends but does not receive: {limit} bytes wait to be read (max_buffered)"
                )));
                return inner;
            }
            inner.reading = true;
            incoming = Some(inner.session.take_incoming());
        }
        drop(inner);
        let ready = self.transport.poll(incoming.is_some(), true, Some(crate::transport::TICK)).unwrap_or_default();
        let mut end = false;
        if let (Some(incoming), true) = (&mut incoming, ready.read) {
            end = matches!(Limit::Now.receive(&*self.transport, incoming), Received::End);
        }
        let mut inner = self.lock();
        if let Some(incoming) = incoming {
            inner.reading = false;
            inner.session.put_incoming(incoming);
            if end {
                inner.session.end_of_stream();
                inner.broken = true;
            }
            self.leave(&mut inner);
        }
        if inner.end.is_some() {
            inner.broken = true;
        }
        inner
    }

    /// Another thread is waiting for the transport; more than a little must not pile up behind it.
    fn await_room<'a>(&'a self, mut inner: Guard<'a>) -> Guard<'a> {
        while inner.flushing && inner.end.is_none() && inner.session.outgoing().len() > QUEUE {
            let mut limit = Limit::lazy(Some(Duration::from_millis(20)));
            (inner, _) = self.park(inner, Key::Transaction, &mut limit);
        }
        inner
    }

    fn await_first_word<'a>(self: &'a Arc<Shared>, mut inner: Guard<'a>) -> Guard<'a> {
        let mut limit = Limit::lazy(Some(FIRST_WORD));
        while inner.session.dialect() == Dialect::Auto && inner.end.is_none() {
            let step;
            (inner, step) = self.advance(inner, Key::Transaction, &mut limit);
            if let Step::TimedOut = step {
                break;
            }
        }
        inner
    }

    /// Takes in what has arrived without handling it, for a connection whose host code runs long.
    pub(crate) fn take_in(&self) {
        let Some(mut inner) = crate::sync::try_lock(&self.inner) else { return };
        let limit = inner.session.config().limits.buffered;
        if inner.reading || inner.end.is_some() || inner.session.incoming().buffered() >= limit {
            return;
        }
        let mut incoming = inner.session.take_incoming();
        inner.reading = true;
        drop(inner);
        let mut end = false;
        loop {
            match Limit::Now.receive(&*self.transport, &mut incoming) {
                Received::Bytes if incoming.buffered() < limit => {}
                Received::End => {
                    end = true;
                    break;
                }
                _ => break,
            }
        }
        let mut inner = self.lock();
        inner.reading = false;
        inner.session.put_incoming(incoming);
        if end {
            inner.session.end_of_stream();
        }
        self.leave(&mut inner);
    }

    /// The end: everybody is told, everything lent comes back, the service's hook runs.
    fn finish<'a>(self: &'a Arc<Shared>, mut inner: Guard<'a>, error: Error) -> Guard<'a> {
        if self.closed.load(Ordering::Acquire) {
            return inner;
        }
        self.flush_some(&mut inner);
        let error = match error {
            Error::Eof(_) if inner.closing => Error::Closed("the connection was closed".into()),
            other => other,
        };
        let error = inner.end.get_or_insert(error).clone();
        self.closed.store(true, Ordering::Release);
        inner.session.abandon();
        let pending = inner.session.take_pending();
        let dropped = inner.session.take_dropped();
        let bound = std::mem::take(&mut inner.bound);
        let root = inner.peer_root.take();
        for waiter in inner.waiters.drain(..) {
            waiter.woken.store(true, Ordering::Relaxed);
            waiter.wake.notify_one();
        }
        drop(inner);
        self.transport.shutdown();
        for (_, token) in pending {
            if let Token::Async(result) = token {
                result.settle(Err(gone(&error))).into_iter().for_each(|callback| callback(&result));
            }
        }
        drop((dropped, bound, root));
        self.disconnected();
        self.lock()
    }

    fn disconnected(self: &Arc<Shared>) {
        if self.connected.swap(false, Ordering::AcqRel) {
            if let Some(root) = self.service.get() {
                if let Some(hook) = root.class().service().and_then(|service| service.on_disconnect.as_ref()) {
                    hook(&Connection::borrowed(self.clone()), root);
                }
            }
        }
    }

    /// Tells the peer, waits for it to end the stream, and ends.
    pub(super) fn close(self: &Arc<Shared>) -> Result<()> {
        self.check_fork()?;
        let _pause = serial::pause();
        let mut inner = self.lock();
        if inner.end.is_some() {
            drop(self.finish(inner, Error::Closed("the connection was closed".into())));
            return Ok(());
        }
        let waits = inner.session.dialect() != Dialect::V5 && inner.session.is_open();
        inner.closing = true;
        inner.session.close();
        inner = self.flush(inner);
        let mut limit = Limit::lazy(Some(inner.session.config().close_timeout));
        while waits && inner.end.is_none() {
            let step;
            (inner, step) = self.advance(inner, Key::Transaction, &mut limit);
            if let Step::TimedOut = step {
                break;
            }
        }
        drop(self.finish(inner, Error::Closed("the connection was closed".into())));
        Ok(())
    }

    /// Ends without waiting for anybody. With `tell`, CLOSE is sent if it goes at once.
    pub(super) fn abort(self: &Arc<Shared>, tell: bool) {
        if self.check_fork().is_err() {
            return;
        }
        let mut inner = self.lock();
        inner.closing = true;
        if tell {
            inner.session.close();
            self.flush_some(&mut inner);
        }
        drop(self.finish(inner, Error::Closed("the connection was closed".into())));
    }

    /// Ends at once, and tells nobody.
    pub(crate) fn end(self: &Arc<Shared>) {
        self.abort(false);
    }

    /// Has code of the host been running for the peer since the last look, and how often was it started? Two looks that
    /// are alike, with code running, tell that it runs long.
    pub(crate) fn activity(&self) -> (u32, bool) {
        let activity = self.activity.load(Ordering::Relaxed);
        ((activity >> 32) as u32, activity as u32 > 0)
    }

    /// Sends the releases of dropped objects, if many wait and nobody is busy with the connection.
    pub fn release_soon(&self) {
        const MANY: usize = 64;
        if self.releases.len() >= MANY && self.check_fork().is_ok() {
            if let Some(mut inner) = crate::sync::try_lock(&self.inner) {
                inner.session.send_releases();
                self.flush_some(&mut inner);
            }
        }
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

fn send_once(inner: &mut Inner, transport: &dyn Transport) -> std::io::Result<()> {
    const SLICES: usize = 64;
    let outgoing = inner.session.outgoing();
    let sent = match outgoing.whole() {
        Some(bytes) => transport.send(&[std::io::IoSlice::new(bytes)])?,
        None => {
            let mut slices = [std::io::IoSlice::new(&[]); SLICES];
            let n = outgoing.slices(&mut slices);
            transport.send(&slices[..n])?
        }
    };
    outgoing.advance(sent);
    Ok(())
}

fn wake(inner: &mut Inner, which: impl Fn(&Waiter) -> bool) {
    inner.waiters.retain(|waiter| {
        if !which(waiter) {
            return true;
        }
        waiter.woken.store(true, Ordering::Relaxed);
        waiter.wake.notify_one();
        false
    });
}

/// The error of those who come after the end.
fn gone(end: &Error) -> Error {
    match end {
        Error::Closed(_) => Error::Closed("the connection is closed".into()),
        other => other.clone(),
    }
}

