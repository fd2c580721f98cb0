//! Implements connections: one protocol over one transport, driven by the threads that wait on it.

mod admission;
mod asking;
mod background;
mod batch;
mod before_closed;
mod convert;
mod dialing;
mod draining;
mod ending;
mod event_loop;
mod hints;
mod hooks;
mod interrupt;
mod limit;
mod loop_state;
mod obtain;
mod peer;
mod pooled;
mod queue;
mod reading;
mod releasing;
mod requests;
mod resting;
mod retrying;
mod seats;
mod sending;
mod serving;
mod shared;
mod state;
mod threads;
mod wait;

pub use asking::{ask_into, ask_later, ask_later_into, is_instance_later, shared_of};
pub use background::Background;
pub use batch::{Batch, PreparedCall};
pub use convert::{Patience, convert, convert_later};
pub use dialing::Connect;
pub(crate) use draining::{Requests, SETTLED};
pub use event_loop::Interest;
pub use loop_state::Driver;
pub use obtain::{obtain, obtain_array, obtain_value, pickled};
pub use pooled::Turned;
pub use queue::Queue;
pub use resting::Lookout;
pub use retrying::{FIRST_PAUSE, LONGEST_PAUSE, with_jitter};
pub use shared::{Attachment, Shared};
pub use wait::{wait_all, wait_any};

use crate::config::{Config, Dialect, Setting};
use crate::error::{Error, Result};
use crate::objects::{Class, Definition, Hook, Object, Peer, Promise, Refused, Service};
use crate::protocol::{Body, Counts, Handler, Protocol};
use crate::sync::{Instant, lock};
use crate::transport::{self, Address, Transport};
use crate::value::{Home, Local, Reference, Text, Value};
use dialing::{Dial, Found, keep_alive};
use limit::Limit;
use state::Token;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A handle of a connection. Freeing the application's last handle closes the connection. Handles that a service's
/// hooks and calls get do not keep it open, and neither do their clones.
pub struct Connection {
    shared: Arc<Shared>,
    counted: bool,
}

impl Clone for Connection {
    fn clone(&self) -> Connection {
        if self.counted {
            self.shared.handles.fetch_add(1, Ordering::Relaxed);
        }
        Connection { shared: self.shared.clone(), counted: self.counted }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.counted && self.shared.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.abort(true);
            self.shared.release_root();
        }
    }
}

impl Connection {
    /// Makes a connection over a transport. The peer gets an instance of `service` as our root.
    pub fn new(transport: Arc<dyn Transport>, service: Option<&Arc<Class>>, config: Config) -> Result<Connection> {
        let timeout = config.connect_timeout;
        Connection::over(transport, service, config, timeout)
    }

    /// Makes the shared part of a connection whose peer speaks first. It does not serve yet.
    pub(crate) fn accepted_shared(transport: Arc<dyn Transport>, config: Arc<Config>) -> Arc<Shared> {
        keep_alive(&*transport, &config);
        Shared::new(transport, config, true)
    }

    /// Gives an accepted connection its root and serves it until it ends, or until `stopping` is true between two
    /// messages.
    pub(crate) fn serve_accepted(
        shared: &Arc<Shared>,
        service: &Arc<Class>,
        stopping: impl Fn() -> bool,
    ) -> Result<()> {
        shared.open()?;
        if !shared.begin(service) {
            return Ok(());
        }
        if stopping() {
            return Ok(());
        }
        match shared.serve_until_stopped(stopping) {
            Err(Error::Eof(_) | Error::Closed(_)) => Ok(()),
            other => other,
        }
    }

    /// Authenticates the peer of an accepted connection, before anything is served. Waits for the peer.
    pub(crate) fn authenticate_accepted(shared: &Arc<Shared>) -> Result<()> {
        let config = shared.first_config();
        let timeout = config.handshake_timeout;
        let credentials = admission::admit(&shared.transport, config, true, timeout)?;
        shared.set_credentials(credentials);
        Ok(())
    }

    fn over(
        transport: Arc<dyn Transport>,
        service: Option<&Arc<Class>>,
        config: Config,
        timeout: Option<Duration>,
    ) -> Result<Connection> {
        keep_alive(&*transport, &config);
        let credentials = admission::admit(&transport, &config, false, timeout)?;
        Connection::install(transport, Shared::protocol(config.into()), service, (credentials, None))
    }

    /// Joins a protocol and its transport to a root of the service, and calls the service's hook.
    fn install(
        transport: Arc<dyn Transport>,
        protocol: Protocol<Token>,
        service: Option<&Arc<Class>>,
        (credentials, root_asked): (Option<Value>, Option<(i64, Option<Instant>)>),
    ) -> Result<Connection> {
        let shared = Shared::over(transport, protocol, false);
        shared.set_credentials(credentials);
        let root = shared.make_root(service.unwrap_or(&VOID_SERVICE));
        if root.state().is::<Refused>() {
            shared.end();
            return Err(Error::State(
                "the service rejected the connection: its create function returned no object".into(),
            ));
        }
        shared.handles.store(1, Ordering::Relaxed);
        shared.lock().references.root_asked = root_asked;
        let connection = Connection { shared, counted: true };
        connection.shared.install(root);
        Ok(connection)
    }

    /// Connects to an address. If the dialect is to be detected, the peer's root is fetched at once.
    pub fn connect(address: &Address, service: Option<&Arc<Class>>, config: Config) -> Result<Connection> {
        let tls = config.tls.clone();
        let transport = |timeout| transport::connect_with(address, timeout, &tls);
        Connection::connect_by(address, &transport, service, config)
    }

    /// Connects with transports that `connect` makes. A second one is made only if the address allows it, or if the
    /// option `connect_retry` does.
    pub fn connect_by(
        address: &Address,
        connect: &Connect<'_>,
        service: Option<&Arc<Class>>,
        config: Config,
    ) -> Result<Connection> {
        match config.connect_retry {
            None => Connection::connect_once(address, connect, service, config),
            time => {
                retrying::repeat(address, time, || Connection::connect_once(address, connect, service, config.clone()))
            }
        }
    }

    /// Connects and fetches the peer's root, and repeats both as the option `connect_retry` says, with `sleep` for the
    /// pauses.
    pub fn connect_with_root(
        address: &Address,
        connect: &Connect<'_>,
        service: Option<&Arc<Class>>,
        config: &Config,
        sleep: impl FnMut(Duration) -> Result<()>,
    ) -> Result<Connection> {
        retrying::repeat_by(address, config.connect_retry, sleep, || {
            let connection = Connection::connect_once(address, connect, service, config.clone())?;
            match connection.shared.fetch_root() {
                Err(Error::Remote(_)) | Ok(_) => Ok(connection),
                Err(error) => Err(error),
            }
        })
    }

    fn connect_once(
        address: &Address,
        connect: &Connect<'_>,
        service: Option<&Arc<Class>>,
        config: Config,
    ) -> Result<Connection> {
        if config.dialect != Dialect::Auto || matches!(address, Address::Descriptors { .. } | Address::Stdio) {
            let (timeout, start) = (config.connect_timeout, Instant::now());
            let transport = connect(timeout)?;
            let left = timeout.map(|timeout| timeout.saturating_sub(Instant::now().saturating_duration_since(start)));
            return Connection::over(transport, service, config, left);
        }
        let config = Arc::new(config);
        let Found { transport, protocol, credentials, root_asked } = Dial::new(address, connect, &config).find_out()?;
        let connection = Connection::install(transport, protocol, service, (credentials, Some(root_asked)))?;
        match connection.shared.fetch_root() {
            // A peer without a root reports that to every caller that requests the root; the connection is usable.
            Err(Error::Remote(_)) | Ok(_) => Ok(connection),
            Err(Error::Malformed(text)) if !connection.closed() => Err(Error::Dialect(format!(
                "the peer speaks an unknown dialect of RPyC, perhaps that of a fork: {text}"
            ))),
            Err(error) => Err(error),
        }
    }

    /// Makes another handle that keeps the connection open, if a handle of the application does. None for a connection
    /// that a server keeps open, and for one that no handle keeps open.
    pub fn holding(shared: Arc<Shared>) -> Option<Connection> {
        let mut seen = shared.handles.load(Ordering::Acquire);
        while seen > 0 {
            match shared.handles.compare_exchange_weak(seen, seen + 1, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(Connection { shared, counted: true }),
                Err(now) => seen = now,
            }
        }
        None
    }

    pub(crate) fn borrowed(shared: Arc<Shared>) -> Connection {
        Connection { shared, counted: false }
    }

    /// Gets the connection of a peer, for calls and hooks. None for a session, whose application does its own I/O.
    pub fn of(peer: &Arc<dyn Peer>) -> Option<Connection> {
        Shared::of(peer.clone()).map(Connection::borrowed)
    }

    /// Gets the connection that an object of the peer belongs to, likewise.
    pub fn of_home(home: &Arc<dyn Home>) -> Option<Connection> {
        Shared::of_home(home.clone()).map(Connection::borrowed)
    }

    /// Makes a hook of a service that gets the connection.
    pub fn hook(run: impl Fn(&Connection, &Arc<Object>) + Send + Sync + 'static) -> Hook {
        Box::new(move |peer, root| {
            if let Some(connection) = Connection::of(peer) {
                run(&connection, root);
            }
        })
    }

    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Gets the peer's root object. Requested once per connection.
    pub fn root(&self) -> Result<Reference> {
        self.shared.root()
    }

    /// Queues the calls of the peer.
    pub fn set_queue(&self, queue: &Queue) -> Result<()> {
        queue.attach(&self.shared)
    }

    /// Gets our own root, as the peer gets it.
    pub fn service(&self) -> Option<Arc<Object>> {
        self.shared.service()
    }

    /// Sends a CLOSE, waits at most `close_timeout` for the peer to end the stream, and ends the connection.
    pub fn close(&self) -> Result<()> {
        self.shared.close()
    }

    /// Ends the connection at once.
    pub fn abort(&self) {
        self.shared.end();
    }

    /// Ends all current waits, or the next one if there is none.
    pub fn interrupt(&self) {
        self.shared.interrupt();
    }

    pub fn closed(&self) -> bool {
        self.shared.is_closed()
    }

    pub fn fileno(&self) -> Option<i32> {
        self.shared.fileno()
    }

    pub fn peer_name(&self) -> String {
        self.shared.transport.peer_name()
    }

    pub fn attachment(&self) -> Option<Arc<dyn Attachment>> {
        lock(&self.shared.attachment).clone()
    }

    /// Keeps an attachment of the application until the connection is freed. It replaces the previous one.
    pub fn attach(&self, attachment: Arc<dyn Attachment>) {
        let before = lock(&self.shared.attachment).replace(attachment);
        drop(before);
    }

    /// Gets the credentials of the peer: those of the authenticator or of the application, else the certificate by which
    /// it has shown who it is, as DER, else None.
    pub fn credentials(&self) -> Value {
        match self.shared.credentials() {
            Value::None => self.peer_certificate().map_or(Value::None, |der| Value::bytes(&der)),
            given => given.clone(),
        }
    }

    /// The peer's certificate, as DER.
    pub fn peer_certificate(&self) -> Option<Vec<u8>> {
        self.shared.check_fork().is_ok().then(|| self.shared.transport.certificate()).flatten()
    }

    /// Gets the names of this end and of the peer: those that the application set, or those of the transport.
    pub fn endpoints(&self) -> (String, String) {
        match &self.shared.application().endpoints {
            Some((local, peer)) => (local.to_string(), peer.to_string()),
            None => (self.shared.transport.local_name(), self.shared.transport.peer_name()),
        }
    }

    /// Sets the object that the peer gets when it requests our root. The service's hooks are still called for its
    /// instance.
    pub fn set_root(&self, root: Arc<dyn Local>) {
        let before = self.shared.with_protocol(|protocol| protocol.set_root(root));
        drop(before);
    }

    /// Returns whether complete messages are buffered.
    pub fn has_message(&self) -> bool {
        self.shared.has_message()
    }

    /// Gets a descriptor that is writable when something can be sent.
    pub fn write_fileno(&self) -> Option<i32> {
        self.shared.transport.write_fileno()
    }

    /// Enables or disables non-blocking mode: then only a wait for a reply waits for the peer to receive.
    pub fn set_nonblocking(&self, on: bool) -> Result<()> {
        self.shared.set_nonblocking(on)
    }

    /// Gets a descriptor that is readable when another thread has left work for the event loop.
    pub fn wake_fileno(&self) -> Option<i32> {
        self.shared.wake_fileno()
    }

    /// Gets the conditions that the event loop must wait for.
    pub fn interest(&self) -> Interest {
        self.shared.interest()
    }

    /// Returns how long the event loop may wait. None is no limit.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.shared.next_deadline()
    }

    /// Handles every received message and sends what the transport accepts, without blocking. Returns false if nothing
    /// had arrived.
    pub fn process(&self) -> Result<bool> {
        self.shared.process()
    }

    /// Sends `data` and checks that the peer returns it.
    pub fn ping(&self, data: Value, timeout: Option<Duration>) -> Result<()> {
        let result = Promise::new(Arc::downgrade(&self.shared), "ping".into(), timeout);
        let args = [data];
        self.shared.async_request(Body::Raw { handler: Handler::Ping as i64, args: &args }, &result, None)?;
        match result.value() {
            Ok(echo) if echo.py_eq(&args[0]) => Ok(()),
            Ok(_) => Err(Error::Malformed("the reply to a ping does not match its data".into())),
            Err(error) => Err(error),
        }
    }

    /// Handles one message. Waits for it at most `timeout` (None is no limit). Returns false if none came.
    pub fn serve(&self, timeout: Option<Duration>) -> Result<bool> {
        self.shared.serve(Limit::lazy(timeout), false)
    }

    /// Does the same as `serve`, under RPyC's other name.
    pub fn poll(&self, timeout: Option<Duration>) -> Result<bool> {
        self.serve(timeout)
    }

    /// Handles every message that arrives within `timeout` (None: until the connection ends). Returns false if there
    /// was none.
    pub fn poll_all(&self, timeout: Option<Duration>) -> Result<bool> {
        let mut handled = false;
        match self.shared.serve_for(timeout, &mut handled) {
            Ok(()) | Err(Error::Eof(_) | Error::Closed(_)) => Ok(handled),
            Err(error) => Err(error),
        }
    }

    /// Serves until the connection ends. The end of the stream is not an error.
    pub fn serve_all(&self) -> Result<()> {
        match self.shared.serve_all() {
            Err(Error::Eof(_) | Error::Closed(_)) => Ok(()),
            other => other,
        }
    }

    pub fn sync_request(&self, handler: i64, args: &[Value]) -> Result<Value> {
        self.shared.sync_request(Body::Raw { handler, args }, None)
    }

    pub fn async_request(&self, handler: i64, args: &[Value], timeout: Option<Duration>) -> Result<Promise> {
        let result = Promise::new(Arc::downgrade(&self.shared), format!("request {handler}"), timeout);
        self.shared.async_request(Body::Raw { handler, args }, &result, None)?;
        Ok(result)
    }

    /// Gathers the following requests into one write. They are sent by `flush`, or before any wait.
    pub fn cork(&self) -> Result<()> {
        self.shared.cork()
    }

    /// Sends the gathered requests and ends the gathering.
    pub fn flush(&self) -> Result<()> {
        self.shared.uncork()
    }

    pub fn config(&self) -> Config {
        self.shared.with_protocol(|protocol| Config::clone(protocol.config()))
    }

    /// Changes an option, effective from the next message.
    pub fn set_option(&self, name: &str, text: &str) -> Result<()> {
        if Setting::named(name).is_some_and(|setting| !setting.changeable) {
            return Err(Error::State(format!("option '{name}' cannot be changed while the connection is open")));
        }
        let (spins, release) = self.shared.with_protocol(|protocol| {
            protocol.config_mut().set(name, text)?;
            Ok::<_, Error>((!protocol.config().spin.is_zero(), protocol.config().release))
        })?;
        if spins {
            self.shared.alerts.make_special();
        }
        if name == "release" {
            self.shared.set_release(release);
        }
        self.shared.disturb();
        self.shared.tell_pool();
        Ok(())
    }

    pub fn dialect(&self) -> Dialect {
        self.shared.with_protocol(|protocol| protocol.dialect())
    }

    pub fn is_native(&self) -> bool {
        self.shared.with_protocol(|protocol| protocol.is_native())
    }

    pub fn counts(&self) -> Counts {
        self.shared.with_protocol(|protocol| protocol.counts())
    }
}

/// The service of a side that has none.
static VOID_SERVICE: std::sync::LazyLock<Arc<Class>> = std::sync::LazyLock::new(|| {
    let service = Service {
        aliases: Vec::new(),
        create: Box::new(|_| Box::new(())),
        on_connect: None,
        on_disconnect: None,
        shared: false,
    };
    let definition = Definition { name: "VoidService".into(), service: Some(service), ..Definition::default() };
    Class::plain(Definition { doc: Some(Text::new("A service that offers nothing.")), ..definition })
});
