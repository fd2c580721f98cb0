//! What the model of our threads (`tests/model`) needs beyond the public interface: a server's side of a connection
//! without a listener, and a look inside when nobody is in there.

use super::Shared;
use crate::config::Config;
use crate::connection::Connection;
use crate::error::Result;
use crate::objects::Class;
use crate::transport::Transport;
use std::sync::Arc;

impl Shared {
    /// A connection as a server makes it of one that it accepted.
    pub fn accepted(transport: Arc<dyn Transport>, config: Config) -> Arc<Shared> {
        Connection::accepted_shared(transport, config.into())
    }

    /// What a server's thread does with it.
    pub fn serve_accepted(self: &Arc<Shared>, service: &Arc<Class>, stopping: impl Fn() -> bool) -> Result<()> {
        Connection::serve_accepted(self, service, stopping)
    }

    /// What a server does that is stopped.
    pub fn stop(self: &Arc<Shared>) {
        self.end();
    }

    /// What a server's watcher does to it.
    pub fn watched(&self) {
        self.take_in();
    }

    /// Does its thread wait for nothing but the peer?
    pub fn rests(&self) -> bool {
        self.is_resting()
    }

    /// What a hook of its service gets.
    pub fn handle(self: &Arc<Shared>) -> Connection {
        Connection::borrowed(self.clone())
    }

    /// Nobody is in here, so nothing may be left behind.
    pub fn assert_idle(&self) {
        let mut inner = self.lock();
        assert!(!inner.reader.reading, "nobody reads, but the bytes are taken out");
        assert!(!inner.writer.flushing, "nobody sends, but others would wait for him");
        assert_eq!(inner.reader.waiters.len(), 0, "threads that would be woken");
        assert!(inner.reader.arrived.is_empty(), "replies that nobody will look for");
        assert_eq!(inner.reader.batches.len(), 0, "batches that nobody runs");
        assert_eq!(inner.reader.bound.len(), 0, "requests for certain threads");
        assert_eq!(inner.writer.quick, 0, "quick methods that run");
        assert!(!self.activity().1, "code of the host that runs");
        assert!(
            inner.life.end.is_some() || inner.writer.broken || inner.protocol.outgoing().is_empty(),
            "bytes that were never sent"
        );
    }
}
