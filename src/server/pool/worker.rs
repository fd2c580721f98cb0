//! The threads of the pool: they begin connections, give them turns, and end them.

use super::{Pool, Pooled};
use crate::connection::{Shared, Turned};
use crate::error::{Error, Result};
use crate::log::Level;
use crate::panics;
use crate::server::Inner;
use crate::sync::atomic::Ordering;
use crate::transport::Transport;
use std::sync::Arc;

impl Inner {
    /// Has the pool serve a connection that was entered. Returns false if it needs a thread of its own.
    pub(in crate::server) fn pool_serves(
        self: &Arc<Inner>,
        pool: &Arc<Pool>,
        id: u64,
        transport: &dyn Transport,
        shared: &Arc<Shared>,
    ) -> Result<bool> {
        if !pool.add(id, transport, shared) {
            return Ok(false);
        }
        let (inner, own) = (self.clone(), pool.clone());
        if let Err(e) = pool.start(&self.crew, move || inner.work(&own)) {
            let removed = super::lock(&pool.state).connections.remove(&id);
            removed.iter().for_each(|pooled| pool.remove(pooled));
            return Err(Error::io("cannot start a thread that serves", e));
        }
        pool.put_in_line(id);
        Ok(true)
    }

    fn work(self: &Arc<Inner>, pool: &Arc<Pool>) {
        while let Some(pooled) = pool.next() {
            match panics::inside(|| self.give_turn(pool, &pooled)) {
                Ok(false) => {}
                Ok(true) => self.dismiss(pool, &pooled),
                Err(text) => {
                    self.config.application.logger.write(Level::Error, || text);
                    self.dismiss(pool, &pooled);
                }
            }
        }
    }

    /// Ends a connection for the server.
    fn dismiss(&self, pool: &Pool, pooled: &Pooled) {
        if pooled.shared.is_forked() {
            return;
        }
        pooled.shared.end();
        pool.remove(pooled);
        self.leave(pooled.id);
    }

    /// Gives a connection its turn. Returns whether it is over.
    fn give_turn(&self, pool: &Pool, pooled: &Arc<Pooled>) -> bool {
        let (shared, standing) = (&pooled.shared, &pooled.standing);
        let stopping = || self.stopping.load(Ordering::Acquire);
        if !pooled.begun.load(Ordering::Relaxed) {
            if shared.is_closed() || !self.begin_pooled(pooled) || stopping() {
                return true;
            }
            pooled.begun.store(true, Ordering::Relaxed);
        }
        shared.awakes();
        match shared.take_turn(stopping) {
            // The connection has logged its error.
            Turned::Over(_) => return true,
            Turned::More => {
                standing.again();
                pool.put_in_line(pooled.id);
                return false;
            }
            Turned::Rests(interest, left) => {
                pooled.set_due(left, &self.watcher);
                shared.rests_in_pool();
                let armed = match interest.read || interest.write {
                    true => pool.poller.arm(pooled.fd, interest.read, interest.write, pooled.id),
                    // Another thread reads, and summons it afterwards.
                    false => Ok(()),
                };
                if armed.is_err() {
                    return true;
                }
            }
        }
        if !standing.end() {
            pool.put_in_line(pooled.id);
        }
        false
    }

    fn begin_pooled(&self, pooled: &Pooled) -> bool {
        let shared = &pooled.shared;
        self.begin_place(pooled.id, shared);
        if !shared.begin_accepted(&self.service) {
            return false;
        }
        shared.join_pool();
        true
    }
}
