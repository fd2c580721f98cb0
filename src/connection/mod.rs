//! Connections: one protocol over one transport, driven by whoever waits on it.

mod asking;
mod background;
mod batch;
mod before_closed;
mod convert;
mod dialing;
mod ending;
mod event_loop;
mod hints;
mod hooks;
mod interrupt;
mod limit;
mod loop_state;
mod obtain;
mod peer;
mod queue;
mod reading;
mod releasing;
mod requests;
mod resting;
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
pub use event_loop::Interest;
pub use obtain::{obtain, obtain_array, obtain_value, pickled};
pub use queue::Queue;
pub use resting::Lookout;
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

/// A handle of a connection. The last one of the user's closes it; those given to a service's hooks and calls
/// do not keep it open, nor do their clones.
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
    /// A connection over a transport, with what the peer gets as our root.
    pub fn new(transport: Arc<dyn Transport>, service: Option<&Arc<Class>>, config: Config) -> Result<Connection> {
        Connection::over(transport, service, config)
    }

    /// The inside of a connection whose peer speaks first; it serves nothing yet.
    pub(crate) fn accepted_shared(transport: Arc<dyn Transport>, config: Arc<Config>) -> Arc<Shared> {
        keep_alive(&*transport, &config);
        Shared::new(transport, config, true)
    }

    /// Gives an accepted connection its root and serves it until it ends, or `stopping` says so between two messages.
    pub(crate) fn serve_accepted(
        shared: &Arc<Shared>,
        service: &Arc<Class>,
        stopping: impl Fn() -> bool,
    ) -> Result<()> {
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

    fn over(transport: Arc<dyn Transport>, service: Option<&Arc<Class>>, config: Config) -> Result<Connection> {
        keep_alive(&*transport, &config);
        Connection::install(transport, Shared::protocol(config.into()), service, None)
    }

    /// Gives a protocol and its transport the root of the service, which is told.
    fn install(
        transport: Arc<dyn Transport>,
        protocol: Protocol<Token>,
        service: Option<&Arc<Class>>,
        root_asked: Option<(i64, Option<Instant>)>,
    ) -> Result<Connection> {
        let shared = Shared::over(transport, protocol, false);
        let root = shared.make_root(service.unwrap_or(&VOID_SERVICE));
        if root.state().is::<Refused>() {
            shared.end();
            return Err(Error::State("the service has turned the connection away: its create gave nothing".into()));
        }
        shared.handles.store(1, Ordering::Relaxed);
        shared.lock().references.root_asked = root_asked;
        let connection = Connection { shared, counted: true };
        connection.shared.install(root);
        Ok(connection)
    }

    /// Connects to an address. With the dialect left to be found out, the peer's root is fetched at once.
    pub fn connect(address: &Address, service: Option<&Arc<Class>>, config: Config) -> Result<Connection> {
        let transport = |timeout| transport::connect(address, timeout);
        Connection::connect_by(address, &transport, service, config)
    }

    /// As `connect`, with transports to the address that `connect` makes, a second one only where the address allows it.
    pub fn connect_by(
        address: &Address,
        connect: &Connect<'_>,
        service: Option<&Arc<Class>>,
        config: Config,
    ) -> Result<Connection> {
        if config.dialect != Dialect::Auto || matches!(address, Address::Descriptors { .. } | Address::Stdio) {
            return Connection::new(connect(config.connect_timeout)?, service, config);
        }
        let config = Arc::new(config);
        let Found { transport, protocol, root_asked } = Dial::new(address, connect, &config).find_out()?;
        let connection = Connection::install(transport, protocol, service, Some(root_asked))?;
        match connection.shared.fetch_root() {
            // What a peer without a root answers is the business of those who ask for it.
            Err(Error::Remote(_)) | Ok(_) => Ok(connection),
            Err(Error::Malformed(text)) if !connection.closed() => Err(Error::Dialect(format!(
                "the peer speaks an unknown dialect of RPyC, perhaps that of a fork of it: {text}"
            ))),
            Err(error) => Err(error),
        }
    }

    /// One more handle that keeps the connection open, where one of the user's does so. None for a connection that a
    /// server keeps open, and for one that no handle keeps open any more.
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

    /// The connection of a peer, as calls and hooks know it. None for a session, whose application does its own I/O.
    pub fn of(peer: &Arc<dyn Peer>) -> Option<Connection> {
        Shared::of(peer.clone()).map(Connection::borrowed)
    }

    /// The same, as objects of the peer know it.
    pub fn of_home(home: &Arc<dyn Home>) -> Option<Connection> {
        Shared::of_home(home.clone()).map(Connection::borrowed)
    }

    /// A hook of a service that gets the connection.
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

    /// The peer's root object; asked for once.
    pub fn root(&self) -> Result<Reference> {
        self.shared.root()
    }

    /// Leaves the calls of the peer to a queue.
    pub fn set_queue(&self, queue: &Queue) -> Result<()> {
        queue.attach(&self.shared)
    }

    /// Our own root, as the peer gets it.
    pub fn service(&self) -> Option<Arc<Object>> {
        self.shared.service()
    }

    /// Tells the peer, waits at most `close_timeout` for it to end the stream, and ends.
    pub fn close(&self) -> Result<()> {
        self.shared.close()
    }

    /// Ends at once.
    pub fn abort(&self) {
        self.shared.end();
    }

    /// Ends the waits that are there, or else the next one.
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

    /// Keeps something of the application's as long as the connection, in the place of what was kept.
    pub fn attach(&self, attachment: Arc<dyn Attachment>) {
        let before = lock(&self.shared.attachment).replace(attachment);
        drop(before);
    }

    pub fn credentials(&self) -> &Value {
        &self.shared.application().credentials
    }

    /// This end and the peer's: what the application said of them, or what the transport says.
    pub fn endpoints(&self) -> (String, String) {
        match &self.shared.application().endpoints {
            Some((local, peer)) => (local.to_string(), peer.to_string()),
            None => (self.shared.transport.local_name(), self.shared.transport.peer_name()),
        }
    }

    /// What the peer gets from now on when it asks for our root. The service's hooks stay those of its instance.
    pub fn set_root(&self, root: Arc<dyn Local>) {
        let before = self.shared.with_protocol(|protocol| protocol.set_root(root));
        drop(before);
    }

    /// Whole messages wait in our own buffer.
    pub fn has_message(&self) -> bool {
        self.shared.has_message()
    }

    /// A descriptor that is writable when something can be sent.
    pub fn write_fileno(&self) -> Option<i32> {
        self.shared.transport.write_fileno()
    }

    /// For event loops: nothing waits for the peer to receive any more, but who waits for its answer.
    pub fn set_nonblocking(&self, on: bool) -> Result<()> {
        self.shared.set_nonblocking(on)
    }

    /// Readable when another thread has left something for the loop to do.
    pub fn wake_fileno(&self) -> Option<i32> {
        self.shared.wake_fileno()
    }

    /// What the loop is to wait for.
    pub fn interest(&self) -> Interest {
        self.shared.interest()
    }

    /// How long the loop may wait; None: for ever.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.shared.next_deadline()
    }

    /// Handles what has arrived and sends what goes, without waiting. False: nothing had arrived.
    pub fn process(&self) -> Result<bool> {
        self.shared.process()
    }

    /// Sends `data` and expects it back.
    pub fn ping(&self, data: Value, timeout: Option<Duration>) -> Result<()> {
        let result = Promise::new(Arc::downgrade(&self.shared), "ping".into(), timeout);
        let args = [data];
        self.shared.async_request(Body::Raw { handler: Handler::Ping as i64, args: &args }, &result, None)?;
        match result.value() {
            Ok(echo) if echo.py_eq(&args[0]) => Ok(()),
            Ok(_) => Err(Error::Malformed("the peer answered a ping with something else".into())),
            Err(error) => Err(error),
        }
    }

    /// Handles one message, waiting for it at most so long (None: for ever). False: none came.
    pub fn serve(&self, timeout: Option<Duration>) -> Result<bool> {
        self.shared.serve(Limit::lazy(timeout), false)
    }

    /// As `serve`, under RPyC's other name.
    pub fn poll(&self, timeout: Option<Duration>) -> Result<bool> {
        self.serve(timeout)
    }

    /// Handles all messages that come within this time (None: until the connection ends). False: there was none.
    pub fn poll_all(&self, timeout: Option<Duration>) -> Result<bool> {
        let mut handled = false;
        match self.shared.serve_for(timeout, &mut handled) {
            Ok(()) | Err(Error::Eof(_) | Error::Closed(_)) => Ok(handled),
            Err(error) => Err(error),
        }
    }

    /// Serves until the connection ends. The end itself is no error.
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

    /// Gathers the requests that follow into one write: they leave with `flush`, or before anything is waited for.
    pub fn cork(&self) -> Result<()> {
        self.shared.cork()
    }

    /// Sends what was gathered since `cork`, and ends it.
    pub fn flush(&self) -> Result<()> {
        self.shared.uncork()
    }

    pub fn config(&self) -> Config {
        self.shared.with_protocol(|protocol| Config::clone(protocol.config()))
    }

    /// Changes an option from the next message on.
    pub fn set_option(&self, name: &str, text: &str) -> Result<()> {
        if Setting::named(name).is_some_and(|setting| !setting.changeable) {
            return Err(Error::State(format!("option '{name}' cannot be changed while the connection lives")));
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

/// The root of a side that offers nothing.
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
