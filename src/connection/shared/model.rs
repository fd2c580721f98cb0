//! Gives the model of our threads (`tests/model`) what it needs beyond the public interface: the server's side of a
//! connection without a listener, and the state when no thread is inside.

use super::Shared;
use crate::config::Config;
use crate::connection::Connection;
use crate::error::Result;
use crate::objects::Class;
use crate::transport::Transport;
use std::sync::Arc;

impl Shared {
    /// Makes a connection as a server does for an accepted stream.
    pub fn accepted(transport: Arc<dyn Transport>, config: Config) -> Arc<Shared> {
        Connection::accepted_shared(transport, config.into())
    }

    /// Serves it as a server's thread does.
    pub fn serve_accepted(self: &Arc<Shared>, service: &Arc<Class>, stopping: impl Fn() -> bool) -> Result<()> {
        Connection::serve_accepted(self, service, stopping)
    }

    /// Stops it as a stopped server does.
    pub fn stop(self: &Arc<Shared>) {
        self.end();
    }

    /// Does to it what a server's watcher does.
    pub fn watched(&self) {
        self.take_in();
    }

    /// Returns whether its thread waits only for the peer.
    pub fn rests(&self) -> bool {
        self.is_resting()
    }

    /// Makes the handle that a hook of its service gets.
    pub fn handle(self: &Arc<Shared>) -> Connection {
        Connection::borrowed(self.clone())
    }

    /// Asserts that no state is left behind, when no thread is inside.
    pub fn assert_idle(&self) {
        let mut inner = self.lock();
        assert!(!inner.reader.reading, "nobody reads, but the bytes are taken out");
        assert!(!inner.writer.flushing, "nobody sends, but others would wait for him");
        assert_eq!(inner.reader.waiters.len(), 0, "threads that would be woken");
        assert!(inner.reader.arrived.is_empty(), "replies that nobody will look for");
        assert_eq!(inner.reader.batches.len(), 0, "batches that nobody runs");
        assert_eq!(inner.reader.bound.len(), 0, "requests for certain threads");
        assert_eq!(inner.writer.quick, 0, "quick methods that run");
        assert!(!self.activity().1, "application code that runs");
        assert!(
            inner.life.end.is_some() || inner.writer.broken || inner.protocol.outgoing().is_empty(),
            "bytes that were never sent"
        );
    }
}
