//! Servers.

use super::{Class, Config};
use crate::error::Result;
use crate::server::Server as Inner;
use std::fmt;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// A server: it accepts connections and serves each in a thread of its own. When the last clone is dropped, it stops.
#[derive(Clone)]
pub struct Server(Inner);

impl Server {
    /// A server that listens at an address, `tcp://HOST:PORT` (port 0: a free one) or `unix:///PATH`, and offers a service.
    pub fn bind(address: &str, service: &Class) -> Result<Server> {
        Server::bind_with(address, service, &Config::default())
    }

    /// A server whose connections have these settings.
    pub fn bind_with(address: &str, service: &Class, config: &Config) -> Result<Server> {
        Inner::new(&address.parse()?, service.inner(), config.0.clone()).map(Server)
    }

    /// Where it listens, with the real port.
    pub fn address(&self) -> String {
        self.0.address()
    }

    /// Accepts in this thread, until the server is stopped.
    pub fn serve(&self) -> Result<()> {
        self.0.serve()
    }

    /// Accepts in a thread of its own.
    pub fn start(&self) -> Result<()> {
        self.0.start()
    }

    /// How many connections there are.
    pub fn connection_count(&self) -> usize {
        self.0.connection_count()
    }

    /// With more connections than this, the oldest is closed of which no message has come (option `make_room`), else the new one; 0 is
    /// no limit.
    pub fn set_max_connections(&self, count: usize) {
        self.0.set_max_connections(count);
    }

    /// Accepts no more, waits at most so long for calls that are running, then ends all connections.
    pub fn stop(&self, grace: Duration) {
        self.0.stop(grace);
    }

    /// Stops gracefully: accepts no more, answers all requests that have been received, and ends each connection on
    /// which nothing has arrived for `idle`. At the limit the rest is ended. Returns the number of connections on which
    /// a request had no reply then.
    pub fn drain(&self, idle: Duration, limit: Option<Duration>) -> Result<usize> {
        self.0.drain(idle, limit)
    }

    /// Duplicates the listening socket, for a process that makes its server with the address `fd:N`. From then on
    /// stopping does not shut the socket down, and the file of a Unix socket stays.
    pub fn pass_socket(&self) -> Result<OwnedFd> {
        self.0.pass_socket()
    }

    /// Waits until it has been stopped and its threads have ended.
    pub fn join(&self) -> Result<()> {
        self.0.join()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<server at {}>", self.address())
    }
}
