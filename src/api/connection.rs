//! Connections.

use super::class::Class;
use super::{Config, Object};
use crate::config::Dialect;
use crate::connection::{self, Connection as Inner};
use crate::error::Result;
use crate::objects::time_limit;
use crate::transport::{Address, Transport};
use crate::value::Value;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A connection to a peer. Clones are the same one; when the last is dropped, it is closed.
///
/// There is no thread behind it: whoever waits for an answer receives for all. What the peer asks of us is served meanwhile, and else
/// by [`serve`](Connection::serve) and its siblings.
#[derive(Clone)]
pub struct Connection(Inner);

impl Connection {
    /// Connects to an address: `tcp://HOST:PORT`, `unix:///PATH`, `exec:COMMAND`, `stdio:`.
    pub fn connect(address: &str) -> Result<Connection> {
        Connection::connect_with(address, &Config::default(), None)
    }

    /// Connects with settings, and with what the peer gets as our root.
    pub fn connect_with(address: &str, config: &Config, service: Option<&Class>) -> Result<Connection> {
        Inner::connect(&address.parse()?, service.map(Class::inner), config.0.clone()).map(Connection)
    }

    /// Connects over byte streams that `open` makes; a second one where the peer has to be asked in another dialect.
    pub fn connect_by(
        address: &Address,
        config: &Config,
        service: Option<&Class>,
        open: impl Fn(Option<Duration>) -> Result<Arc<dyn Transport>>,
    ) -> Result<Connection> {
        Inner::connect_by(address, &open, service.map(Class::inner), config.0.clone()).map(Connection)
    }

    /// A connection over a byte stream that is there.
    pub fn over(transport: Arc<dyn Transport>, config: &Config, service: Option<&Class>) -> Result<Connection> {
        Inner::new(transport, service.map(Class::inner), config.0.clone()).map(Connection)
    }

    /// Ends the waits on this connection that are there, or else the next one: each fails with `Error::Interrupted`, and what
    /// was asked may still be running. The connection goes on. It may be called in a signal handler. Threads of the library serve on.
    pub fn interrupt(&self) {
        self.0.interrupt();
    }

    /// The peer's root object: in Python `conn.root`. It is asked for once.
    pub fn root(&self) -> Result<Object> {
        self.0.root().map(Object)
    }

    /// Sends data and expects it back, within a time.
    pub fn ping(&self, data: &[u8], timeout: Option<Duration>) -> Result<()> {
        self.0.ping(Value::bytes(data), timeout)
    }

    /// Serves what the peer asks next, waiting for it at most so long (`None`: for ever). False: nothing came.
    pub fn serve(&self, timeout: Option<Duration>) -> Result<bool> {
        self.0.serve(timeout)
    }

    /// Serves the peer until the connection ends, which is no error.
    pub fn serve_all(&self) -> Result<()> {
        self.0.serve_all()
    }

    /// Serves the peer in a thread of the library, so that it can call us at any time.
    pub fn serve_in_background(&self) -> Result<Background> {
        self.0.serve_background(1, false).map(Background)
    }

    /// Gathers the requests that follow into one write, until [`flush`](Connection::flush) or something is waited for.
    pub fn cork(&self) -> Result<()> {
        self.0.cork()
    }

    /// Sends what was gathered.
    pub fn flush(&self) -> Result<()> {
        self.0.flush()
    }

    /// Changes an option from the next message on.
    pub fn set_option(&self, name: &str, text: &str) -> Result<()> {
        self.0.set_option(name, text)
    }

    /// Which messages the peer speaks.
    pub fn dialect(&self) -> Dialect {
        self.0.dialect()
    }

    /// Do lists and dicts travel by value? Only between two librpyc peers, if one of them asks for it.
    pub fn is_native(&self) -> bool {
        self.0.is_native()
    }

    /// Where the peer is.
    pub fn peer_name(&self) -> String {
        self.0.peer_name()
    }

    /// Tells the peer and ends the connection.
    pub fn close(&self) -> Result<()> {
        self.0.close()
    }

    /// Has it ended?
    pub fn is_closed(&self) -> bool {
        self.0.closed()
    }

    pub(super) fn of(inner: Inner) -> Connection {
        Connection(inner)
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.0
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<connection to {}>", self.peer_name())
    }
}

/// A thread that serves a connection. Dropping it stops that, without waiting.
pub struct Background(connection::Background);

impl Background {
    /// Has the thread end after what it is doing now. The connection stays open.
    pub fn stop(&self) -> Result<()> {
        self.0.stop()
    }

    /// Waits until it has ended. The error is how the connection ended, if it was neither closed nor stopped.
    pub fn join(&self) -> Result<()> {
        self.0.join()
    }
}

/// Runs `run`, in which this thread waits for answers no longer than `limit` in all: a request fails with `Error::Timeout` once
/// the time is up, instead of after `sync_request_timeout`, which may be shorter or longer. One within another can only shorten it.
/// Not limited are connecting, serving, closing and what `Pending` holds.
///
/// ```no_run
/// # fn main() -> rpyc::Result<()> {
/// use std::time::Duration;
/// let root = rpyc::Connection::connect("tcp://127.0.0.1:18861")?.root()?;
/// let answer = rpyc::timeout(Duration::from_secs(2), || root.call("slow", ()))?;
/// # let _ = answer;
/// # Ok(()) }
/// ```
pub fn timeout<R>(limit: Duration, run: impl FnOnce() -> R) -> R {
    struct End(usize);
    impl Drop for End {
        fn drop(&mut self) {
            time_limit::end(self.0);
        }
    }
    let _end = End(time_limit::begin(Some(limit)));
    run()
}
