//! Opens connections for the pool: the TLS handshake and the authenticator wait for the peer, so they run in threads of
//! their own, few at a time and each for a short while. The pool serves a connection afterwards.
//!
//! The others wait in a line. While there is one, an opening that has taken longer than `PATIENCE` is ended: peers that
//! say nothing delay others, but cannot keep them out.

use super::Pool;
use crate::connection::Shared;
use crate::error::{Error, Result};
use crate::log::Level;
use crate::panics;
use crate::server::Inner;
use crate::server::watcher::Summoned;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Instant, Mutex, lock};
use crate::transport::Transport;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Maximum number of threads that open connections.
const MOST: usize = 128;
/// How long an opening may take while others wait for a thread.
const PATIENCE: Duration = Duration::from_secs(1);

/// A connection whose peer has not proved anything yet.
pub(in crate::server) struct Opening {
    pub id: u64,
    pub transport: Arc<dyn Transport>,
    pub shared: Arc<Shared>,
}

/// An opening that has a thread.
struct Running {
    shared: Arc<Shared>,
    since: Instant,
    hung_up: AtomicBool,
    pool: Weak<Pool>,
}

#[derive(Default)]
pub struct Openings {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    line: VecDeque<Opening>,
    running: Vec<Arc<Running>>,
    /// The number of threads, including those that are being started.
    threads: usize,
}

impl State {
    /// Chooses the opening that must end for one in the line: the oldest whose time has passed.
    fn take_overdue(&self) -> Option<Arc<Running>> {
        let overdue = |running: &&Arc<Running>| {
            Instant::now().saturating_duration_since(running.since) >= PATIENCE
                && !running.hung_up.swap(true, Ordering::AcqRel)
        };
        if self.line.is_empty() {
            return None;
        }
        self.running.iter().find(overdue).cloned()
    }
}

impl Openings {
    /// Puts a connection in the line. Returns whether one more thread is needed.
    fn push(&self, opening: Opening) -> bool {
        let mut state = lock(&self.state);
        state.line.push_back(opening);
        let starts = state.threads < MOST && state.threads < state.line.len() + state.running.len();
        state.threads += starts as usize;
        // A thread that is started takes the first of the line.
        let overdue = if starts { None } else { state.take_overdue() };
        drop(state);
        overdue.into_iter().for_each(|running| running.shared.hang_up());
        starts
    }

    /// Takes the first of the line. None if this thread must end.
    fn next(&self, pool: &Arc<Pool>) -> Option<(Opening, Arc<Running>)> {
        let mut state = lock(&self.state);
        let Some(opening) = state.line.pop_front() else {
            state.threads -= 1;
            return None;
        };
        let running = Arc::new(Running {
            shared: opening.shared.clone(),
            since: Instant::now(),
            hung_up: AtomicBool::new(false),
            pool: Arc::downgrade(pool),
        });
        state.running.push(running.clone());
        Some((opening, running))
    }

    fn end(&self, running: &Arc<Running>) {
        lock(&self.state).running.retain(|one| !Arc::ptr_eq(one, running));
    }

    /// Called when a thread could not be started. Returns those that no other thread will open.
    fn lose_thread(&self) -> VecDeque<Opening> {
        let mut state = lock(&self.state);
        state.threads -= 1;
        if state.threads == 0 { std::mem::take(&mut state.line) } else { VecDeque::new() }
    }
}

impl Summoned for Running {
    fn is_due(&self, _at: Instant) {
        let Some(pool) = self.pool.upgrade() else { return };
        let overdue = lock(&pool.openings.state).take_overdue();
        overdue.into_iter().for_each(|running| running.shared.hang_up());
    }
}

impl Inner {
    /// Returns whether a connection is opened before it is served: the library or the application waits for its peer.
    pub(in crate::server) fn opens_first(&self) -> bool {
        self.config.application.authenticator.is_some() || self.source.has_handshake()
    }

    /// Opens a connection that was entered, and then has the pool serve it.
    pub(in crate::server) fn open_for_pool(self: &Arc<Inner>, pool: &Arc<Pool>, opening: Opening) -> Result<()> {
        if !pool.openings.push(opening) {
            return Ok(());
        }
        let (inner, own) = (self.clone(), pool.clone());
        let Err(e) = self.crew.spawn("rpyc-open", move || inner.open_all(&own)) else { return Ok(()) };
        let lost = pool.openings.lose_thread();
        if lost.is_empty() {
            // Fewer threads open too.
            return Ok(());
        }
        let error = Error::io("cannot start a thread that opens connections", e);
        lost.iter().for_each(|opening| self.reject(opening.id, &opening.shared, &error));
        Err(error)
    }

    fn open_all(self: &Arc<Inner>, pool: &Arc<Pool>) {
        while let Some((opening, running)) = pool.openings.next(pool) {
            let summoned: Weak<Running> = Arc::downgrade(&running);
            self.watcher.start();
            self.watcher.summon_at(running.since + PATIENCE, summoned);
            let opened = panics::inside(|| self.open_one(pool, &opening, &running));
            if opening.shared.is_forked() {
                // The authenticator forked: the line is the parent's.
                return;
            }
            if !matches!(opened, Ok(true)) {
                opened.err().into_iter().for_each(|text| self.config.application.logger.write(Level::Error, || text));
                opening.shared.end();
                self.leave(opening.id);
            }
            // Not before: until then the thread is not free for another.
            pool.openings.end(&running);
        }
    }

    /// Returns false if the connection must end.
    fn open_one(self: &Arc<Inner>, pool: &Arc<Pool>, opening: &Opening, running: &Running) -> bool {
        let Opening { id, transport, shared } = opening;
        let stopping = || self.stopping.load(Ordering::Acquire) || shared.is_closed();
        if stopping() || self.open_place(*id, shared).is_err() || stopping() {
            return false;
        }
        // From now on it is not ended for another; if it was chosen before, it ends.
        if running.hung_up.swap(true, Ordering::AcqRel) {
            return false;
        }
        // A failure has rejected it.
        let _ = self.hand_out(Some(pool), *id, &**transport, shared, true);
        true
    }
}
