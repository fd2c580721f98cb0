//! Implements a server: it accepts connections and serves each in a thread of its own, or all in a pool of threads.

mod places;
pub mod pool;
mod room;
mod source;
mod stop;
#[cfg(not(feature = "model"))]
mod watcher;
#[cfg(feature = "model")]
pub mod watcher;

use crate::config::Config;
use crate::connection::{Connection, Queue, Shared};
use crate::error::{Error, Result};
use crate::log::Level;
use crate::objects::{Class, Object};
use crate::panics;
use crate::sync::{Condvar, Crew, Member, Mutex, lock, thread, wait_for};
use crate::transport::{Address, Listener, Transport};
use pool::{Opening, Pool};
use room::{Origin, Place};
use source::Source;
use std::collections::BTreeMap;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use watcher::Watcher;

/// A handle of a server. Dropping the last one stops it.
pub struct Server {
    inner: Arc<Inner>,
}

struct Inner {
    source: Source,
    service: Arc<Class>,
    config: Arc<Config>,
    max_connections: AtomicUsize,
    /// The queue for the calls of all connections.
    queue: OnceLock<Queue>,
    stopping: AtomicBool,
    /// No connection is accepted any more; those that exist go on.
    draining: AtomicBool,
    handles: AtomicUsize,
    /// The number of connections that the authenticator refused.
    unauthenticated: AtomicU64,
    state: Mutex<State>,
    /// Notified when a connection has ended.
    changed: Condvar,
    /// The threads that accept and serve, including those of the application.
    crew: Arc<Crew>,
    watcher: Arc<Watcher>,
    /// The threads that serve all connections, if each has no thread of its own.
    pool: Option<Arc<Pool>>,
    /// Keeps the root that all connections share as long as the server.
    _shared_root: Option<Arc<Object>>,
}

#[derive(Default)]
struct State {
    /// In the order of their arrival.
    connections: BTreeMap<u64, Place>,
    last: u64,
    /// The number of connections that are being closed to make room.
    leaving: usize,
    /// The origins of the connections for which a place was found, and which are not in `connections` yet.
    coming: Vec<Option<Origin>>,
    /// `serve` or `start` has been called.
    started: bool,
    /// The number of threads that accept. Each may have a connection that is not in `connections` yet.
    accepting: usize,
}

impl State {
    fn open(&self) -> usize {
        self.connections.len() + self.coming.len() - self.leaving
    }
}

impl Clone for Server {
    fn clone(&self) -> Server {
        self.inner.handles.fetch_add(1, Ordering::Relaxed);
        Server { inner: self.inner.clone() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.inner.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.inner.shut_down();
            if !self.inner.watcher.is_here() {
                self.inner.watcher.join_soon();
            }
        }
    }
}

impl Server {
    /// Makes a server that listens. It accepts nothing before `serve` or `start`.
    pub fn new(address: &Address, service: &Arc<Class>, mut config: Config) -> Result<Server> {
        // Before the descriptor of `fd:N` is taken over: a failure leaves it to its owner.
        let pool = Server::pool_of(&config)?;
        let listener = Listener::bind_with(address, config.reuse_port, &config.tls)?;
        // `fd:N` may be a TCP socket.
        if let Address::Tcp { .. } | Address::Tls { .. } = listener.address() {
            config.expect_strangers();
        }
        Ok(Server::over(Source::Listener(Box::new(listener)), service, config, pool))
    }

    /// Makes a server without a listener, for streams that the application accepts itself.
    pub fn unbound(service: &Arc<Class>, mut config: Config) -> Result<Server> {
        config.expect_strangers();
        let pool = Server::pool_of(&config)?;
        Ok(Server::over(Source::application()?, service, config, pool))
    }

    /// Makes the pool that the options ask for.
    fn pool_of(config: &Config) -> Result<Option<Arc<Pool>>> {
        match config.pool_threads {
            0 => Ok(None),
            _ if config.bind_threads => {
                let text = "bind_threads needs a thread for each connection: it cannot be used with pool_threads";
                Err(Error::Argument(text.into()))
            }
            threads => Ok(Some(Arc::new(Pool::new(threads).map_err(|e| Error::io("cannot make a pool", e))?))),
        }
    }

    fn over(source: Source, service: &Arc<Class>, config: Config, pool: Option<Arc<Pool>>) -> Server {
        let shared_root = service.service().filter(|hooks| hooks.shared).map(|_| service.root(None));
        let inner = Inner {
            source,
            service: service.clone(),
            max_connections: AtomicUsize::new(config.max_connections),
            config: Arc::new(config),
            queue: OnceLock::new(),
            stopping: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            handles: AtomicUsize::new(1),
            unauthenticated: AtomicU64::new(0),
            state: Mutex::default(),
            _shared_root: shared_root,
            changed: Condvar::new(),
            crew: Crew::new(),
            watcher: Watcher::new(),
            pool,
        };
        Server { inner: Arc::new(inner) }
    }

    /// Returns the address with the real port. Empty if the server does not listen.
    pub fn address(&self) -> String {
        self.inner.source.address()
    }

    /// Gets the descriptor to which a signal handler may write to end `serve`.
    pub fn stop_fd(&self) -> RawFd {
        self.inner.source.stop_fd()
    }

    pub fn connection_count(&self) -> usize {
        lock(&self.inner.state).open()
    }

    /// Returns the number of connections that were refused by the authenticator, including those out of time.
    pub fn authentication_failures(&self) -> u64 {
        self.inner.unauthenticated.load(Ordering::Relaxed)
    }

    /// Sets the maximum number of connections; 0 is no limit. Beyond it, the oldest connection without a message is
    /// closed, or else the new one.
    pub fn set_max_connections(&self, count: usize) {
        self.inner.max_connections.store(count, Ordering::Relaxed);
    }

    /// Queues the calls of connections that are accepted from now on.
    pub fn set_queue(&self, queue: &Queue) -> Result<()> {
        queue.check_fork()?;
        // The server's handle does not keep the queue open.
        self.inner.queue.set(queue.uncounted()).map_err(|_| Error::State("the server already has a queue".into()))
    }

    /// Accepts in this thread until the server is stopped.
    pub fn serve(&self) -> Result<()> {
        // The application may free this handle during the call.
        let inner = self.inner.clone();
        let _member = inner.begin(true)?;
        inner.accept_all();
        Ok(())
    }

    /// Accepts in a thread of its own.
    pub fn start(&self) -> Result<()> {
        let _member = self.inner.begin(true)?;
        let inner = self.inner.clone();
        self.inner.crew.spawn("rpyc-accept", move || inner.accept_all()).map_err(|e| {
            lock(&self.inner.state).started = false;
            self.inner.pool.iter().for_each(|pool| pool.close());
            Error::io("cannot start an accepting thread", e)
        })
    }

    /// Serves a stream that the application accepted, in a thread of the server.
    pub fn add_transport(&self, transport: Arc<dyn Transport>) -> Result<()> {
        let inner = self.inner.clone();
        if inner.is_stopped() {
            transport.shutdown();
            return Err(Error::State("the server has been stopped".into()));
        }
        let _member = inner.crew.enter();
        inner.spawn(transport)
    }

    /// Accepts one connection and serves it in this thread until it ends.
    pub fn serve_one(&self) -> Result<()> {
        let inner = self.inner.clone();
        let _member = inner.begin(false)?;
        let accepting = stop::Accepting::new(&inner);
        match inner.source.accept() {
            Ok(Some(transport)) => {
                let origin = inner.origin_of(&*transport);
                let (id, shared) = inner.enter(transport, origin, false);
                drop(accepting);
                inner.serve_connection(id, &shared, false)
            }
            Ok(None) => Ok(()),
            Err(e) => Err(Error::io("cannot accept", e)),
        }
    }

    /// Stops accepting, waits at most `grace` for running calls, then ends all connections.
    pub fn stop(&self, grace: Duration) {
        let inner = self.inner.clone();
        inner.stopping.store(true, Ordering::Release);
        inner.source.stop();
        // None: the deadline is not representable, so there is none.
        let deadline = Instant::now().checked_add(grace);
        let in_time = || deadline.is_none_or(|deadline| Instant::now() < deadline);
        let own = inner.is_here();
        // Hooks of connections that end may run in this thread.
        let _member = inner.crew.enter();
        let mut state = lock(&inner.state);
        while !own
            && in_time()
            && state.connections.values().any(|place| !place.shared.is_closed() && place.shared.is_serving())
        {
            state = wait_for(&inner.changed, state, Duration::from_millis(10).min(grace));
        }
        drop(state);
        inner.shut_down();
    }

    /// Waits until the server has been stopped and its threads have ended.
    pub fn join(&self) -> Result<()> {
        let inner = self.inner.clone();
        if inner.is_here() {
            return Err(Error::Deadlock("a server's own thread cannot wait for the server".into()));
        }
        let started = || lock(&inner.state).started;
        let accepted = started();
        inner.crew.join();
        if accepted && started() {
            // It accepts no more, and every accepted connection has ended.
            inner.watcher.stop();
        }
        inner.watcher.join();
        Ok(())
    }
}

impl Inner {
    /// Returns whether this thread runs code for a connection of the server: waiting for the server would deadlock.
    fn is_here(&self) -> bool {
        self.crew.is_here() || self.watcher.is_here() || self.queue.get().is_some_and(Queue::runs_here)
    }

    fn begin(&self, for_all: bool) -> Result<Member> {
        if self.is_stopped() {
            return Err(Error::State("the server has been stopped".into()));
        }
        let mut state = lock(&self.state);
        if state.started {
            return Err(Error::State("the server is already accepting".into()));
        }
        state.started = for_all;
        if for_all {
            self.pool.iter().for_each(|pool| pool.open());
        }
        Ok(self.crew.enter())
    }

    fn accept_all(self: &Arc<Inner>) {
        let _accepting = stop::Accepting::new(self);
        self.accept_until_stopped();
        self.pool.iter().for_each(|pool| pool.close());
    }

    fn accept_until_stopped(self: &Arc<Inner>) {
        let (mut failing, mut attempts) = (None, 0u64);
        loop {
            match self.source.accept() {
                Ok(Some(transport)) => {
                    if failing.take().is_some() {
                        self.config.application.logger.write(Level::Info, || {
                            format!("connections are accepted again, after {attempts} attempts")
                        });
                    }
                    attempts = 0;
                    // The error was logged by `spawn`.
                    let _ = self.spawn(transport);
                }
                Ok(None) => break,
                Err(_) if self.is_stopped() => break,
                // For example too many open files: it has paused, and the next attempt may succeed.
                Err(e) => {
                    attempts += 1;
                    let why = Some((e.kind(), e.raw_os_error()));
                    if failing != why {
                        failing = why;
                        self.config
                            .application
                            .logger
                            .write(Level::Error, || format!("cannot accept connections: {e}"));
                    }
                }
            }
        }
    }

    fn spawn(self: &Arc<Inner>, transport: Arc<dyn Transport>) -> Result<()> {
        let origin = self.origin_of(&*transport);
        if let Err(why) = self.find_place(origin, || thread::sleep(places::PAUSE)) {
            let text = format!("{} was rejected: {why}", transport.peer_name());
            self.config.application.logger.write(Level::Warn, || text.clone());
            transport.shutdown();
            return Err(Error::Limit(text));
        }
        // Registered before its thread runs, so that `join` and the limit count it.
        let (id, shared) = self.enter(transport.clone(), origin, true);
        match self.pool.as_ref().filter(|_| pool::suits(&*transport)) {
            Some(pool) if self.opens_first() => self.open_for_pool(pool, Opening { id, transport, shared }),
            pool => self.hand_out(pool, id, &*transport, &shared, false),
        }
    }

    /// Has a connection that was entered served by the pool, or by a thread of its own. `opened`: it has proved itself.
    /// A failure rejects it.
    fn hand_out(
        self: &Arc<Inner>,
        pool: Option<&Arc<Pool>>,
        id: u64,
        transport: &dyn Transport,
        shared: &Arc<Shared>,
        opened: bool,
    ) -> Result<()> {
        // Without a descriptor that a pool can watch, it needs a thread.
        let in_pool = pool.map_or(Ok(false), |pool| self.pool_serves(pool, id, transport, shared));
        let handed = in_pool.and_then(|in_pool| match in_pool {
            true => Ok(()),
            false => {
                let (own, inner) = (shared.clone(), self.clone());
                let serve = move || {
                    // The error was logged.
                    let _ = inner.serve_connection(id, &own, opened);
                };
                self.crew.spawn("rpyc-serve", serve).map_err(|e| Error::io("cannot start a serving thread", e))
            }
        });
        handed.inspect_err(|e| self.reject(id, shared, e))
    }

    fn reject(&self, id: u64, shared: &Arc<Shared>, why: &Error) {
        self.config.application.logger.write(Level::Error, || format!("{} was rejected: {why}", shared.name()));
        shared.end();
        self.leave(id);
    }

    /// Does what comes before the instance of the service, in every kind of server.
    fn begin_place(&self, id: u64, shared: &Arc<Shared>) {
        lock(&self.state).connections.entry(id).and_modify(|place| place.begun = true);
        self.watcher.watch(shared);
    }

    fn serve_connection(self: &Arc<Inner>, id: u64, shared: &Arc<Shared>, opened: bool) -> Result<()> {
        let served = panics::inside(|| {
            if !opened {
                self.open_place(id, shared)?;
            }
            self.begin_place(id, shared);
            let stopping = || self.stopping.load(Ordering::Acquire);
            Connection::serve_accepted(shared, &self.service, stopping)
        });
        shared.end();
        self.leave(id);
        served.unwrap_or_else(|text| {
            self.config.application.logger.write(Level::Error, || text.clone());
            Err(Error::State(text))
        })
    }

    /// Does the handshake of the stream and runs the authenticator, if there are any. Until both have accepted the
    /// peer, the connection may be closed to make room.
    fn open_place(&self, id: u64, shared: &Arc<Shared>) -> Result<()> {
        lock(&self.state).connections.entry(id).and_modify(|place| place.begun = true);
        if !self.opens_first() {
            return Ok(());
        }
        let opened = shared.open().and_then(|()| {
            Connection::authenticate_accepted(shared).inspect_err(|why| {
                self.unauthenticated.fetch_add(1, Ordering::Relaxed);
                // The reason contains the peer's name.
                self.config.application.logger.write(Level::Warn, || format!("authentication failed: {why}"));
            })
        });
        lock(&self.state).connections.entry(id).and_modify(|place| place.proving = false);
        opened
    }

    /// Shuts the sockets down without a CLOSE, as Python's servers do.
    fn shut_down(&self) {
        self.stopping.store(true, Ordering::Release);
        self.source.stop();
        let open: Vec<Arc<Shared>> = lock(&self.state).connections.values().map(|place| place.shared.clone()).collect();
        for shared in open {
            shared.end();
        }
        self.pool.iter().for_each(|pool| pool.close());
        self.watcher.stop();
        self.changed.notify_all();
    }
}

#[cfg(all(test, not(feature = "model")))]
mod tests {
    use super::*;
    use crate::connection::Attachment;
    use crate::objects::{Call, Definition, Member as ClassMember, Method, Service};
    use crate::transport::{Ready, pair};
    use std::ffi::c_void;
    use std::io::{self, IoSlice};
    use std::sync::mpsc;

    /// A transport that delays the watcher of a server while it receives.
    struct Slow {
        inner: Arc<dyn Transport>,
        watched: Mutex<mpsc::Sender<()>>,
        go_on: Mutex<mpsc::Receiver<()>>,
    }

    impl Transport for Slow {
        fn recv(&self, buf: &mut Vec<u8>, max: usize, wait: bool) -> io::Result<usize> {
            if thread::current().name() == Some("rpyc-watch") {
                let _ = lock(&self.watched).send(());
                let _ = lock(&self.go_on).recv();
            }
            self.inner.recv(buf, max, wait)
        }

        fn send(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
            self.inner.send(bufs)
        }

        fn poll(&self, read: bool, write: bool, timeout: Option<Duration>) -> io::Result<Ready> {
            self.inner.poll(read, write, timeout)
        }

        fn shutdown(&self) {
            self.inner.shutdown();
        }

        fn fileno(&self) -> Option<RawFd> {
            self.inner.fileno()
        }

        fn peer_name(&self) -> String {
            "slow".into()
        }

        fn local_name(&self) -> String {
            "slow".into()
        }
    }

    /// An attachment whose destructor waits for its server.
    struct Joins(Arc<Mutex<Option<Server>>>, Mutex<mpsc::Sender<(Option<String>, Result<()>)>>);

    impl Drop for Joins {
        fn drop(&mut self) {
            if let Some(server) = lock(&self.0).take() {
                let here = thread::current().name().map(str::to_owned);
                let _ = lock(&self.1).send((here, server.join()));
            }
        }
    }

    impl Attachment for Joins {
        fn pointer(&self) -> *mut c_void {
            std::ptr::null_mut()
        }
    }

    #[test]
    fn a_destructor_on_the_watchers_thread_does_not_wait_for_itself() {
        let (ended, outcome) = mpsc::channel();
        let (watched, watching) = mpsc::channel();
        let (release, go_on) = mpsc::channel();
        let (finish, finished) = mpsc::channel::<()>();
        let server = Arc::new(Mutex::new(None));
        let held = server.clone();
        let finished = Mutex::new(finished);
        let run: Method = Arc::new(move |mut call: Call| {
            let _ = lock(&finished).recv();
            let _ = call.reply(crate::value::Value::None);
        });
        let class = Class::new(Definition {
            name: "Long".into(),
            members: vec![ClassMember::method("exposed_long", None, None, run).unwrap()],
            service: Some(Service {
                aliases: Vec::new(),
                create: Box::new(move |peer| {
                    let joins = Joins(held.clone(), Mutex::new(ended.clone()));
                    Connection::of(peer.unwrap()).unwrap().attach(Arc::new(joins));
                    Box::new(())
                }),
                on_connect: None,
                on_disconnect: None,
                shared: false,
            }),
            ..Definition::default()
        })
        .unwrap();
        let address = Address::Tcp { host: String::new(), port: 0 };
        let made = Server::new(&address, &class, Config::default()).unwrap();
        let inner = made.inner.clone();
        *lock(&server) = Some(made.clone());
        let (ours, theirs) = pair();
        let slow = Slow { inner: ours, watched: Mutex::new(watched), go_on: Mutex::new(go_on) };
        let serving = thread::spawn(move || {
            let (id, shared) = inner.enter(Arc::new(slow), None, false);
            let _ = inner.serve_connection(id, &shared, false);
        });
        let client = Connection::new(theirs, None, Config::default()).unwrap();
        let root = client.root().unwrap();
        let ask = crate::value::Ask::CallAttr { name: "long", args: &[], keywords: &[] };
        let result = crate::connection::ask_later(&root, ask, None).unwrap();
        // The watcher holds the connection. The connection ends, so the watcher drops the last reference.
        watching.recv().unwrap();
        made.stop(Duration::ZERO);
        finish.send(()).unwrap();
        serving.join().unwrap();
        drop(release);
        let (thread, joined) = outcome.recv().unwrap();
        assert_eq!(thread.as_deref(), Some("rpyc-watch"));
        assert!(matches!(joined, Err(Error::Deadlock(_))));
        assert!(result.value().is_err());
        made.join().unwrap();
    }
}
