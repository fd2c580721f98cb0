//! Implements the pool: a few threads that serve all connections of a server.
//!
//! All descriptors are in one epoll set, each of them reported once until it is armed again. A thread of the pool takes
//! one report, gives that connection a turn (about a millisecond, at most 64 messages, then the others are next), arms
//! it and takes the next. Work that other threads leave to a connection (output that the peer does not accept yet, a
//! release, a passed time limit) puts it in line, and an eventfd in the set tells that the line is not empty.
//!
//! While application code runs in all threads, new requests wait in the sockets: that is the bound. A thread that waits
//! for a reply, in a callback, reads that connection itself, whoever's it is, and runs what its peer requests
//! meanwhile. So replies and nested requests need no free thread, and threads that wait on one another's connections
//! read for one another. A reply that the peer does not accept waits without a thread, for the descriptor to be
//! writable. A deferred answer leaves the thread when its handler returns.
//!
//! A peer's TLS handshake and its authentication come before, in other threads (`opening`).
//!
//! Time limits are in a heap of the server's watcher, one entry of each connection that has one. The watcher also reads
//! for connections whose code runs long, and frees the buffers of those that rest; it looks at active ones only.

pub mod line;
mod opening;
mod worker;

use super::watcher::{Summoned, Watcher};
use crate::connection::{Driver, Shared};
use crate::fork;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Crew, Instant, Mutex, lock};
use crate::transport::{Event, Poller, Transport};
use line::{Line, Standing};
pub(super) use opening::Opening;
use opening::Openings;
use std::collections::HashMap;
use std::io;
use std::os::fd::RawFd;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// The number of the bell in the set. Connections count from 1.
const BELL: u64 = 0;
/// How long a thread waits before it frees its unused stack.
const PAUSE: Duration = Duration::from_secs(1);

pub struct Pool {
    threads: usize,
    poller: Poller,
    bell: Event,
    line: Line,
    state: Mutex<State>,
    openings: Openings,
    /// No more connections are accepted: the threads end after the last connection.
    closing: AtomicBool,
    forks: u32,
}

#[derive(Default)]
struct State {
    connections: HashMap<u64, Arc<Pooled>>,
    /// The number of threads.
    running: usize,
}

/// A connection of the pool.
pub struct Pooled {
    id: u64,
    shared: Arc<Shared>,
    fd: RawFd,
    pool: Weak<Pool>,
    standing: Standing,
    /// Its service was created.
    begun: AtomicBool,
    /// Its entry in the heap of time limits.
    due: Mutex<Option<Instant>>,
}

impl Driver for Pooled {
    fn summon(&self) {
        if self.standing.summon() {
            if let Some(pool) = self.pool.upgrade() {
                pool.put_in_line(self.id);
            }
        }
    }
}

impl Summoned for Pooled {
    fn is_due(&self, at: Instant) {
        let mut due = lock(&self.due);
        let current = due.take_if(|due| *due <= at).is_some();
        drop(due);
        if current {
            self.summon();
        }
    }
}

/// Returns the descriptor of a transport that has one for both directions.
fn watchable(transport: &dyn Transport) -> Option<RawFd> {
    transport.fileno().filter(|fd| transport.write_fileno() == Some(*fd))
}

/// Returns whether the pool can probably serve a transport.
pub(super) fn suits(transport: &dyn Transport) -> bool {
    watchable(transport).is_some()
}

impl Pool {
    pub fn new(threads: usize) -> io::Result<Pool> {
        let (poller, bell) = (Poller::new()?, Event::new()?);
        poller.watch(&bell, BELL)?;
        Ok(Pool {
            threads,
            poller,
            bell,
            line: Line::default(),
            state: Mutex::default(),
            openings: Openings::default(),
            closing: AtomicBool::new(true),
            forks: fork::generation(),
        })
    }

    /// Adds a connection and puts it in line. Returns false if its transport has no descriptor for both directions, or
    /// none that can be watched: then it needs a thread of its own.
    fn add(self: &Arc<Pool>, id: u64, transport: &dyn Transport, shared: &Arc<Shared>) -> bool {
        let Some(fd) = watchable(transport) else { return false };
        let pooled = Arc::new(Pooled {
            id,
            shared: shared.clone(),
            fd,
            pool: Arc::downgrade(self),
            standing: Standing::in_line(),
            begun: AtomicBool::new(false),
            due: Mutex::default(),
        });
        let driver: Weak<Pooled> = Arc::downgrade(&pooled);
        lock(&self.state).connections.insert(id, pooled);
        if self.poller.add(fd, id).is_err() {
            lock(&self.state).connections.remove(&id);
            return false;
        }
        shared.enter_pool(driver);
        true
    }

    fn remove(&self, pooled: &Pooled) {
        self.poller.remove(pooled.fd);
        let mut state = lock(&self.state);
        let removed = state.connections.remove(&pooled.id);
        self.ring_at_end(&state);
        drop(state);
        drop(removed);
    }

    /// Wakes all threads if they must end. The bell is not hushed then.
    fn ring_at_end(&self, state: &State) {
        if self.is_over(state) {
            self.bell.set();
        }
    }

    fn is_over(&self, state: &State) -> bool {
        self.closing.load(Ordering::Acquire) && state.connections.is_empty()
    }

    fn put_in_line(&self, id: u64) {
        self.line.push(id, || self.bell.set());
    }

    /// Begins to accept: the threads wait for connections.
    pub fn open(&self) {
        self.closing.store(false, Ordering::Release);
    }

    /// Lets the threads end after the last connection.
    pub fn close(&self) {
        let state = lock(&self.state);
        self.closing.store(true, Ordering::Release);
        self.ring_at_end(&state);
    }

    /// Starts the threads that are missing.
    fn start(self: &Arc<Pool>, crew: &Arc<Crew>, work: impl Fn() + Clone + Send + 'static) -> io::Result<()> {
        loop {
            let mut state = lock(&self.state);
            if state.running >= self.threads {
                return Ok(());
            }
            state.running += 1;
            drop(state);
            let work = work.clone();
            if let Err(e) = crew.spawn("rpyc-serve", work) {
                let mut state = lock(&self.state);
                state.running -= 1;
                // Fewer threads serve too.
                return if state.running > 0 { Ok(()) } else { Err(e) };
            }
        }
    }

    /// Waits for the connection whose turn is next. None if this thread must end.
    fn next(&self) -> Option<Arc<Pooled>> {
        let mut timeout = Some(PAUSE);
        loop {
            // In a forked child, which has the set of its parent: it takes nothing from it.
            if !fork::is_ours(self.forks) || self.ends() {
                return None;
            }
            match self.poller.wait(timeout) {
                Ok(Some(BELL)) => {
                    if let Some(pooled) = self.first_in_line() {
                        return Some(pooled);
                    }
                }
                Ok(Some(id)) => {
                    let pooled = lock(&self.state).connections.get(&id).cloned();
                    if let Some(pooled) = pooled.filter(|pooled| pooled.standing.take()) {
                        return Some(pooled);
                    }
                }
                Ok(None) => {
                    if timeout.take().is_some() {
                        Crew::trim_stack();
                    }
                }
                // For example no memory in the kernel.
                Err(_) => crate::sync::thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    fn first_in_line(&self) -> Option<Arc<Pooled>> {
        let hush = || {
            let state = lock(&self.state);
            if !self.is_over(&state) {
                self.bell.clear();
            }
        };
        let id = self.line.pop(hush)?;
        let pooled = lock(&self.state).connections.get(&id).cloned()?;
        pooled.standing.begin();
        Some(pooled)
    }

    /// Returns whether this thread ends, because there are no more connections.
    fn ends(&self) -> bool {
        if !self.closing.load(Ordering::Acquire) {
            return false;
        }
        let mut state = lock(&self.state);
        let ends = self.is_over(&state);
        state.running -= ends as usize;
        ends
    }
}

impl Pooled {
    /// Has it summoned when the time has passed. It has one entry in the heap, unless a shorter time is added.
    fn set_due(self: &Arc<Pooled>, left: Option<Duration>, watcher: &Watcher) {
        let Some(at) = left.and_then(|left| Instant::now().checked_add(left)) else { return };
        let mut due = lock(&self.due);
        if due.is_some_and(|due| due <= at) {
            return;
        }
        *due = Some(at);
        drop(due);
        let summoned: Weak<Pooled> = Arc::downgrade(self);
        watcher.summon_at(at, summoned);
    }
}
