//! Receives from connections whose application code runs long: a stock client gives up a write that makes no progress
//! for 3 seconds, and a thread that serves a call does not read.

use crate::connection::{Lookout, Shared};
use crate::log::{self, Level};
use crate::sync::{Condvar, Crew, Instant, Mutex, MutexGuard, lock, wait, wait_for};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How long code runs before the watcher reads from its connection.
const BUSY_WAIT: Duration = Duration::from_millis(50);
/// The interval of checks while no code runs long.
const CALM: Duration = Duration::from_secs(1);
/// How long freeing a server waits for code of the application that runs in the watcher's thread.
const PATIENCE: Duration = Duration::from_secs(1);

pub struct Watcher {
    /// Has its one thread.
    crew: Arc<Crew>,
    state: Mutex<State>,
    changed: Condvar,
}

/// Something that is told when a time has passed.
pub trait Summoned: Send + Sync {
    /// Called in the thread of the watcher, at or after the time.
    fn is_due(&self, at: Instant);
}

/// An entry of the heap, ordered by time.
struct Due {
    at: Instant,
    target: Weak<dyn Summoned>,
}

impl PartialEq for Due {
    fn eq(&self, other: &Due) -> bool {
        self.at == other.at
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Due) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Due) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

#[derive(Default)]
struct State {
    watched: Vec<Watched>,
    /// The times at which connections of a pool need a turn, the next first.
    due: BinaryHeap<Reverse<Due>>,
    /// It has been started; a failed start is tried again.
    started: bool,
    /// Its thread holds connections.
    looking: bool,
    stopped: bool,
}

struct Watched {
    shared: Weak<Shared>,
    /// The number of starts of its code at the last check.
    seen: u32,
}

impl State {
    /// Returns true if it is the first connection.
    fn add(&mut self, shared: &Arc<Shared>) -> bool {
        self.watched.push(Watched { shared: Arc::downgrade(shared), seen: 0 });
        self.watched.len() == 1
    }

    /// Takes the entries whose time has passed.
    fn take_due(&mut self) -> Vec<(Instant, Arc<dyn Summoned>)> {
        let mut taken = Vec::new();
        if self.due.is_empty() {
            return taken;
        }
        let now = Instant::now();
        while self.due.peek().is_some_and(|Reverse(first)| first.at <= now) {
            let Some(Reverse(due)) = self.due.pop() else { break };
            taken.extend(due.target.upgrade().map(|target| (due.at, target)));
        }
        taken
    }

    /// Returns the time until the next entry.
    fn time_left(&self) -> Option<Duration> {
        self.due.peek().map(|Reverse(first)| first.at.saturating_duration_since(Instant::now()))
    }
}

impl Lookout for Watcher {
    fn look_again(&self, shared: &Arc<Shared>) {
        if lock(&self.state).add(shared) {
            self.changed.notify_all();
        }
    }
}

impl Watcher {
    pub fn new() -> Arc<Watcher> {
        Arc::new(Watcher { crew: Crew::new(), state: Mutex::default(), changed: Condvar::new() })
    }

    /// Watches a connection until it is freed, except while it rests. The first one starts the thread.
    pub fn watch(self: &Arc<Watcher>, shared: &Arc<Shared>) {
        shared.set_lookout(self.clone());
        let mut state = lock(&self.state);
        let first = state.add(shared);
        drop(state);
        self.start();
        if first {
            self.changed.notify_all();
        }
    }

    /// Starts the thread, unless it has been started.
    pub fn start(self: &Arc<Watcher>) {
        let mut state = lock(&self.state);
        if state.started {
            return;
        }
        let watcher = self.clone();
        let failed = self.crew.spawn("rpyc-watch", move || watcher.run()).err();
        state.started = failed.is_none();
        drop(state);
        if let Some(e) = failed {
            log::write(Level::Error, || format!("cannot watch connections during long calls: {e}"));
        }
    }

    /// Tells `target` when the time has passed. The watcher has been started.
    pub fn summon_at(&self, at: Instant, target: Weak<dyn Summoned>) {
        let mut state = lock(&self.state);
        let first = state.due.peek().is_none_or(|Reverse(first)| at < first.at);
        state.due.push(Reverse(Due { at, target }));
        drop(state);
        if first {
            self.changed.notify_all();
        }
    }

    pub fn stop(&self) {
        lock(&self.state).stopped = true;
        self.changed.notify_all();
    }

    /// Waits until its thread holds no connection and, if it was stopped, until the thread has ended and released
    /// everything.
    pub fn join(&self) {
        let mut state = lock(&self.state);
        while state.looking {
            state = wait(&self.changed, state);
        }
        self.join_stopped(state);
    }

    /// Does the same, but soon stops waiting for a thread that runs code of the application, because that may wait for
    /// us.
    pub fn join_soon(&self) {
        let end = Instant::now() + PATIENCE;
        let mut state = lock(&self.state);
        while state.looking {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = wait_for(&self.changed, state, left);
        }
        self.join_stopped(state);
    }

    fn join_stopped(&self, state: MutexGuard<'_, State>) {
        if state.stopped {
            drop(state);
            self.crew.join();
        }
    }

    /// Returns whether this is its thread. Destructors that run there may be code of the application.
    pub fn is_here(&self) -> bool {
        self.crew.is_here()
    }

    fn run(&self) {
        let mut state = lock(&self.state);
        while !state.stopped {
            let (mut all, mut long, mut tended) = (Vec::new(), Vec::new(), Vec::new());
            let mut busy = false;
            state.watched.retain_mut(|watched| {
                let Some(shared) = watched.shared.upgrade() else { return false };
                let (started, running) = shared.activity();
                let open = !shared.is_closed() && !shared.leaves_sight(started == watched.seen);
                busy |= running;
                let is_long = open && running && started == watched.seen;
                watched.seen = started;
                match is_long {
                    true => long.push(shared),
                    false if open && shared.is_tended() => tended.push(shared),
                    false => all.push(shared),
                }
                open
            });
            let idle = state.watched.is_empty();
            let due = state.take_due();
            state.looking = true;
            drop(state);
            due.iter().for_each(|(at, target)| target.is_due(*at));
            for shared in &long {
                shared.take_in();
                shared.release_waiting();
                shared.send_waiting();
            }
            tended.iter().for_each(|shared| shared.tend());
            // This may drop the last reference, which runs code of the application.
            drop((all, long, tended, due));
            state = lock(&self.state);
            state.looking = false;
            self.changed.notify_all();
            if state.stopped {
                break;
            }
            let calm = idle && state.watched.is_empty();
            let interval = (!calm).then_some(if busy { BUSY_WAIT } else { CALM });
            state = match interval.into_iter().chain(state.time_left()).min() {
                None => wait(&self.changed, state),
                Some(Duration::ZERO) => state,
                Some(time) => wait_for(&self.changed, state, time),
            };
        }
    }
}
