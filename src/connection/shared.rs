//! Implements the state that all handles of a connection share.

#[cfg(feature = "model")]
mod model;

use super::before_closed::BeforeClosedHook;
use super::interrupt::Alerts;
use super::loop_state::Wake;
use super::queue::CallQueue;
use super::resting::Lookout;
use super::seats::Seats;
use super::state::{Guard, Inner, Token};
use crate::budget::Account;
use crate::config::{Application, Config, Limits, Release};
use crate::error::{Error, Result};
use crate::log::Level;
use crate::objects::{Class, HostWrap, Object, Peer};
use crate::protocol::Protocol;
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Mutex, lock};
use crate::transport::Transport;
use crate::value::{Releases, Value};
use std::ffi::c_void;
use std::sync::{Arc, OnceLock, Weak};

/// Data of the application that is dropped after the connection.
pub trait Attachment: Send + Sync {
    /// Returns the application's pointer.
    fn pointer(&self) -> *mut c_void;
}

pub struct Shared {
    pub(super) inner: Mutex<Inner>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) releases: Arc<Releases>,
    /// The peer's share of the memory budget.
    pub(super) account: Account,
    pub(super) closed: AtomicBool,
    /// The number of the application's handles, which keep the connection open.
    pub(super) handles: AtomicUsize,
    /// Our own root, until `release_root`.
    pub(super) service: Mutex<Option<Arc<Object>>>,
    pub(super) connected: AtomicBool,
    pub(super) bind_threads: bool,
    /// The queue for the calls of the peer, if the application runs them.
    pub(super) queue: OnceLock<Arc<CallQueue>>,
    /// Set with a queue: the reader is interrupted to send the rest of what the queue's thread could not send at once.
    pub(super) nudge: OnceLock<()>,
    /// Every reader can be woken: because of `nudge`, or by the option `interruptible`.
    pub(super) wakeful: AtomicBool,
    /// Checked by every waiting thread before each step.
    pub(super) alerts: Alerts,
    /// The places in which threads wait for the reader.
    pub(super) seats: Seats,
    /// Same as `EventLoop::looped`, readable without the lock.
    pub(super) has_loop: AtomicBool,
    pub(super) loop_wake: OnceLock<Arc<Wake>>,
    /// The option `release` is `now`.
    pub(super) release_now: AtomicBool,
    /// The options with which the connection was made.
    config: Arc<Config>,
    pub(super) before_closed: Option<BeforeClosedHook>,
    /// The result of the authenticator.
    credentials: OnceLock<Value>,
    /// The application's attachment.
    pub(super) attachment: Mutex<Option<Arc<dyn Attachment>>>,
    pub(super) forks: u32,
    /// The peer speaks first, so its first message shows the dialect.
    pub(super) accepted: bool,
    /// Upper half: how often code of the application was started. Lower half: how many times it runs now.
    pub(super) activity: AtomicU64,
    /// Watches the connection unless it rests (`resting`).
    pub(super) lookout: OnceLock<Arc<dyn Lookout>>,
    pub(super) sight: AtomicU8,
}

impl Shared {
    pub(super) fn new(transport: Arc<dyn Transport>, config: Arc<Config>, accepted: bool) -> Arc<Shared> {
        Shared::over(transport, Shared::protocol(config), accepted)
    }

    /// Makes a protocol that has no connection yet.
    pub(super) fn protocol(config: Arc<Config>) -> Protocol<Token> {
        let mut protocol = Protocol::new(config, None, Arc::new(HostWrap::default()));
        protocol.take_messages_singly();
        protocol
    }

    /// Makes the shared state for a protocol that may have begun.
    pub(super) fn over(transport: Arc<dyn Transport>, protocol: Protocol<Token>, accepted: bool) -> Arc<Shared> {
        let config = protocol.config().clone();
        let bind_threads = config.bind_threads;
        let release = config.release;
        let interruptible = config.interruptible;
        let spins = !config.spin.is_zero();
        if interruptible {
            transport.hang_bell();
        }
        let before_closed = config.application.before_closed.clone();
        let (releases, account) = (protocol.releases().clone(), protocol.account().clone());
        let shared = Arc::new(Shared {
            inner: Mutex::new(Inner::new(protocol)),
            transport,
            releases,
            account,
            closed: AtomicBool::new(false),
            handles: AtomicUsize::new(0),
            service: Mutex::new(None),
            connected: AtomicBool::new(false),
            bind_threads,
            queue: OnceLock::new(),
            nudge: OnceLock::new(),
            wakeful: AtomicBool::new(interruptible),
            alerts: Alerts::new(bind_threads || interruptible || spins),
            seats: Seats::default(),
            has_loop: AtomicBool::new(false),
            loop_wake: OnceLock::new(),
            release_now: AtomicBool::new(release == Release::Now),
            config,
            credentials: OnceLock::new(),
            before_closed: before_closed.map(BeforeClosedHook::new),
            attachment: Mutex::new(None),
            forks: crate::fork::generation(),
            accepted,
            activity: AtomicU64::new(0),
            lookout: OnceLock::new(),
            sight: AtomicU8::new(0),
        });
        let weak: Weak<Shared> = Arc::downgrade(&shared);
        shared.releases.set_owner(weak);
        shared.watch_releases(release);
        let name = shared.name();
        shared.lock().protocol.set_name(name);
        shared
    }

    #[inline]
    pub(super) fn lock(&self) -> Guard<'_> {
        lock(&self.inner)
    }

    /// Gets the name of the connection in messages: its connid, or its peer.
    pub fn name(&self) -> String {
        Shared::name_of(&*self.transport, self.config.connid.as_deref())
    }

    /// Gets the application's settings with which the connection was made.
    pub(super) fn application(&self) -> &Application {
        &self.config.application
    }

    /// Gets the options with which the connection was made.
    pub(super) fn first_config(&self) -> &Config {
        &self.config
    }

    /// Sets the result of the authenticator, once.
    pub(super) fn set_credentials(&self, credentials: Option<Value>) {
        credentials.into_iter().for_each(|credentials| drop(self.credentials.set(credentials)));
    }

    /// Gets the credentials of the peer: those of the authenticator, or those that the application set.
    pub(super) fn credentials(&self) -> &Value {
        self.credentials.get().unwrap_or(&self.application().credentials)
    }

    pub(super) fn name_of(transport: &dyn Transport, connid: Option<&str>) -> String {
        let peer = || {
            let name = transport.peer_name();
            name.strip_prefix("tcp://").or_else(|| name.strip_prefix("tls://")).map(str::to_owned).unwrap_or(name)
        };
        connid.map_or_else(peer, str::to_owned)
    }

    /// Fails in a forked child, where threads of the parent may hold the locks forever.
    #[inline]
    pub fn check_fork(&self) -> Result<()> {
        Error::unless_forked(self.forks, "connection")
    }

    /// Returns whether the connection was made in a parent of this process. Async-signal-safe.
    pub fn is_forked(&self) -> bool {
        !crate::fork::is_ours(self.forks)
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Gets the limits for values of this connection.
    pub fn limits(&self) -> Limits {
        self.with_protocol(|protocol| protocol.config().limits.clone())
    }

    /// Gets our own root on this connection.
    pub fn service(&self) -> Option<Arc<Object>> {
        lock(&self.service).clone()
    }

    /// Makes the root for this connection. Until it is installed, nothing can be requested or served.
    pub(super) fn make_root(self: &Arc<Shared>, service: &Arc<Class>) -> Arc<Object> {
        self.set_end(Some(Error::State("the connection is being made: its service has no instance yet".into())));
        let peer: Arc<dyn Peer> = self.clone();
        let root = service.root(Some(&peer));
        self.set_end(None);
        root
    }

    /// Sets or clears the error of later requests, unless the connection has ended: create may close it, and a server
    /// may be stopped at any time.
    fn set_end(&self, end: Option<Error>) {
        let mut inner = self.lock();
        if !self.is_closed() {
            inner.life.end = end;
        }
    }

    /// Fails if there is no root yet, so nothing can be served.
    pub(super) fn check_made(&self) -> Result<()> {
        match &self.lock().life.end {
            Some(error) if !self.is_closed() => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Gives the connection its root, unless create did so, and calls the service's hook.
    pub(super) fn install(self: &Arc<Shared>, root: Arc<Object>) {
        *lock(&self.service) = Some(root.clone());
        self.with_protocol(|protocol| {
            if protocol.root().is_none() {
                protocol.set_root(root.clone());
            }
        });
        if let Some(hook) = root.class().service().and_then(|service| service.on_connect.as_ref()) {
            let peer: Arc<dyn Peer> = self.clone();
            hook(&peer, &root);
        }
        self.connected.store(true, Ordering::SeqCst);
        // If the end came before, it could not call the hook.
        if self.closed.load(Ordering::SeqCst) {
            self.disconnected();
        }
    }

    /// Makes the error of requests from now on.
    pub(crate) fn ended(&self) -> Error {
        self.lock().life.gone()
    }

    /// Runs the protocol's part of a lookup on an object with dynamic attributes.
    pub(super) fn with_protocol<R>(&self, f: impl FnOnce(&mut Protocol<Token>) -> R) -> R {
        f(&mut self.lock().protocol)
    }

    /// Returns how often code of the application was started, and whether any is running. Two equal results with true
    /// mean that one call has been running for that time.
    pub(crate) fn activity(&self) -> (u32, bool) {
        let activity = self.activity.load(Ordering::Relaxed);
        ((activity >> 32) as u32, activity as u32 > 0)
    }

    /// Returns whether a call of the peer is running, queued, deferred or not sent yet. Never waits for the lock;
    /// returns true while it is held.
    pub(crate) fn is_serving(&self) -> bool {
        let unsent = |inner: &mut Inner| !inner.writer.broken && !inner.protocol.outgoing().is_empty();
        let waits = |mut inner: Guard<'_>| inner.protocol.counts().serving > 0 || unsent(&mut inner);
        self.activity().1 || crate::sync::try_lock(&self.inner).is_none_or(waits)
    }

    /// Returns whether the peer's first message is not complete. None while the lock is held, and until the service has
    /// been connected.
    pub(crate) fn awaits_first_message(&self) -> Option<bool> {
        let silent =
            |inner: Guard<'_>| inner.protocol.messages() == 0 && !inner.protocol.has_message() && !self.has_arrived();
        // While its hooks are queued nothing is served, but messages may have been received.
        let idle =
            self.connected.load(Ordering::Relaxed) || self.queue.get().is_some_and(|queue| queue.will_begin(self));
        if idle { crate::sync::try_lock(&self.inner).map(silent) } else { None }
    }

    /// Returns whether there is input to receive. Leaves it to the thread that waits for it.
    pub(crate) fn has_arrived(&self) -> bool {
        self.transport.shows_input()
    }

    /// Returns whether there is input that the descriptor does not show. The look may take it from there, where a pool waits
    /// for it; not while a thread receives, which would miss it.
    pub(super) fn holds_input(&self) -> bool {
        let holds = self.transport.holds_input();
        if holds {
            self.tell_pool();
        }
        holds
    }

    /// Prepares the stream of an accepted connection for messages: TLS has a handshake.
    pub(crate) fn open(&self) -> Result<()> {
        let limit = self.with_protocol(|protocol| protocol.config().handshake_timeout);
        self.transport.open(limit).map_err(|e| {
            let text = format!("{} is rejected: {e}", self.name());
            self.application().logger.write(Level::Warn, || text.clone());
            Error::Eof(text)
        })
    }

    /// Shuts the stream down. The thread that serves the connection finds the end.
    pub(crate) fn hang_up(&self) {
        self.transport.shutdown();
    }

    /// Returns whether complete messages are buffered that no `poll` of the descriptor shows.
    pub(super) fn has_message(&self) -> bool {
        if self.check_fork().is_err() {
            return false;
        }
        let inner = self.lock();
        !inner.reader.reading && (inner.protocol.has_message() || self.transport.holds_input())
    }
}
