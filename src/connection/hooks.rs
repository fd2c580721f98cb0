//! Runs the hooks of a service: in the thread that begins or ends the connection or, if the application's queue has
//! them, among the calls of that queue.

use super::queue::CallQueue;
use super::shared::Shared;
use crate::log::Level;
use crate::objects::{Class, Object, Peer, Refused};
use crate::sync::atomic::Ordering;
use crate::sync::{Condvar, Instant, Mutex, lock, wait_for};
use std::sync::Arc;
use std::time::Duration;

/// The interval at which a thread that waits for the queue checks whether the peer has gone.
const LOOK: Duration = Duration::from_secs(1);

/// The result of `create` and `on_connect`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Begun {
    Served,
    /// `create` refused the connection.
    Refused,
    /// The queue was closed, or the connection ended before.
    NotRun,
}

/// The result for which the serving thread waits.
#[derive(Default)]
struct Outcome {
    begun: Mutex<Option<Begun>>,
    changed: Condvar,
}

impl Outcome {
    fn wait(&self, timeout: Duration) -> Option<Begun> {
        let begun = lock(&self.begun);
        if begun.is_some() { *begun } else { *wait_for(&self.changed, begun, timeout) }
    }
}

/// A service that is still to be created. If it is dropped before, it reports `NotRun`.
pub(super) struct Beginning {
    service: Arc<Class>,
    outcome: Arc<Outcome>,
}

impl Beginning {
    pub(super) fn run(self, shared: &Arc<Shared>) {
        let begun = shared.begin_here(&self.service);
        self.settle(begun);
    }

    fn settle(&self, begun: Begun) {
        lock(&self.outcome.begun).get_or_insert(begun);
        self.outcome.changed.notify_all();
    }
}

impl Drop for Beginning {
    fn drop(&mut self) {
        self.settle(Begun::NotRun);
    }
}

impl Shared {
    /// Gets the queue, if it runs the hooks.
    fn queue_of_hooks(&self) -> Option<&Arc<CallQueue>> {
        self.queue.get().filter(|queue| queue.runs_hooks())
    }

    /// Gives an accepted connection its root and calls the service's hook. Returns false if the connection is refused.
    pub(super) fn begin(self: &Arc<Shared>, service: &Arc<Class>) -> bool {
        let begun = match self.queue_of_hooks() {
            // A thread of the queue would wait for itself.
            Some(queue) if !queue.is_here() => self.begin_in(queue, service),
            _ => self.begin_here(service),
        };
        if begun == Begun::Refused {
            self.application().logger.write(Level::Info, || format!("{} was rejected by the service", self.name()));
        }
        begun == Begun::Served
    }

    fn begin_here(self: &Arc<Shared>, service: &Arc<Class>) -> Begun {
        // For example a server that was stopped during the authentication has ended it.
        if self.is_closed() {
            return Begun::NotRun;
        }
        let root = self.make_root(service);
        if root.state().is::<Refused>() {
            return Begun::Refused;
        }
        self.install(root);
        Begun::Served
    }

    /// Waits until a thread of the queue has run the hooks, or until the peer or the queue is gone.
    fn begin_in(self: &Arc<Shared>, queue: &Arc<CallQueue>, service: &Arc<Class>) -> Begun {
        let outcome = Arc::new(Outcome::default());
        let beginning = Beginning { service: service.clone(), outcome: outcome.clone() };
        let mut due = queue.push_begin(self, beginning);
        let mut late = false;
        loop {
            let left = due.map_or(LOOK, |due| due.saturating_duration_since(Instant::now()).min(LOOK));
            if let Some(begun) = outcome.wait(left) {
                if begun == Begun::NotRun && late {
                    self.application()
                        .logger
                        .write(Level::Warn, || format!("{} was rejected: its hooks were not run in time", self.name()));
                }
                return begun;
            }
            late |= due.take_if(|due| *due <= Instant::now()).is_some();
            if late || self.is_abandoned() {
                // A queued beginning is dropped, which reports `NotRun`; a running one is waited for.
                drop(queue.forget(self));
            }
        }
    }

    /// Calls the service's hook at the end of the connection, once. If the queue runs the hooks, it does so after the
    /// last call.
    pub(super) fn disconnected(self: &Arc<Shared>) {
        // The thread that sets `connected` checks afterwards whether the connection has ended. The root is set before,
        // and until `connected` is false again: after the swap, another thread may release it.
        if !self.connected.load(Ordering::SeqCst) {
            return;
        }
        let root = self.service();
        if !self.connected.swap(false, Ordering::SeqCst) {
            return;
        }
        match self.queue_of_hooks() {
            Some(queue) => queue.push_end(self, root),
            None => self.end_here(root),
        }
    }

    /// Calls the service's on_disconnect and releases the service.
    pub(super) fn end_here(self: &Arc<Shared>, root: Option<Arc<Object>>) {
        if let Some(root) = &root {
            if let Some(hook) = root.class().service().and_then(|service| service.on_disconnect.as_ref()) {
                let peer: Arc<dyn Peer> = self.clone();
                hook(&peer, root);
            }
        }
        drop(root);
        self.release_root();
    }
}
