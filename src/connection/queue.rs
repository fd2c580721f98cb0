//! Implements queues of calls: threads of the library read the peers' requests, and the application runs them in its
//! own threads.

use super::hooks::Beginning;
use super::seats::{Seat, Seats};
use super::shared::Shared;
use crate::error::{Error, Exception, Result};
use crate::fork;
use crate::objects::{Object, deadline, resumed, time_limit, turn};
use crate::protocol::Request;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::sync::{Instant, Mutex, lock, thread_local, wait_for};
use crate::transport::{Event, TICK};
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::os::fd::RawFd;
use std::sync::{Arc, Weak};
use std::time::Duration;

thread_local! {
    /// The queues whose calls this thread runs. Not available while destructors of thread-local data run at its end.
    static MINE: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    /// The queues of the calls that this thread is running, the innermost last.
    static RUNS: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// The message for callers after the end.
const NO_MORE: &str = "the application accepts no more calls";

/// The application's handle of a queue. When the last one is dropped, no more calls are accepted.
pub struct Queue {
    line: Arc<CallQueue>,
    counted: bool,
}

/// The state shared by handles and connections.
pub(super) struct CallQueue {
    number: u64,
    limit: usize,
    handles: AtomicUsize,
    state: Mutex<State>,
    /// The places in which threads wait for a call.
    seats: Seats,
    /// A connection was interrupted since the last check.
    alerted: AtomicBool,
    /// Set while calls are queued.
    event: Event,
    forks: u32,
}

#[derive(Default)]
struct State {
    /// The connections with queued calls, by address, in the order of their turns.
    turns: VecDeque<usize>,
    calls: HashMap<usize, VecDeque<Waiting>>,
    len: usize,
    /// The number of queued hooks, which the limit does not count.
    hooks: usize,
    /// The hooks of services are queued too.
    runs_hooks: bool,
    /// With `runs_hooks`: the number of running calls and hooks of each connection, and the ends of connections that
    /// wait until there are none.
    running: HashMap<usize, usize>,
    ends: HashMap<usize, Waiting>,
    timeout: Option<Duration>,
    closed: bool,
    /// The number of threads that wait for a call, and how often they were interrupted.
    waiting: usize,
    interrupts: usize,
    /// The threads among them that were not woken yet.
    asleep: Vec<Arc<Seat>>,
    /// The connections whose calls are queued here.
    attached: Vec<Weak<Shared>>,
}

/// A queued call, or a queued hook of a service.
pub(super) struct Waiting {
    shared: Arc<Shared>,
    job: Job,
    due: Option<(Instant, Duration)>,
    /// It is counted in `running`.
    counted: bool,
}

pub(super) enum Job {
    Call(Request),
    Begin(Beginning),
    /// The end, with the root whose hook is called.
    End(Option<Arc<Object>>),
}

/// A running call or hook.
pub(super) struct Running<'a> {
    queue: &'a CallQueue,
    shared: Arc<Shared>,
}

/// While it exists, this thread runs a call of a queue.
pub(super) struct Within;

impl Within {
    pub(super) fn new(queue: &CallQueue) -> Within {
        let _ = RUNS.try_with(|runs| runs.borrow_mut().push(queue.number));
        Within
    }
}

impl Drop for Within {
    fn drop(&mut self) {
        let _ = RUNS.try_with(|runs| runs.borrow_mut().pop());
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(end) = self.queue.finished(&self.shared) {
            end.run_now();
        }
    }
}

impl Waiting {
    /// Runs it here, or replies that it has waited too long. Returns whether it ran.
    pub(super) fn run(self, queue: &CallQueue) -> bool {
        let _within = Within::new(queue);
        let _running = self.counted.then(|| Running { queue, shared: self.shared.clone() });
        self.run_now()
    }

    fn run_now(self) -> bool {
        let Waiting { shared, job, due, counted: _ } = self;
        let request = match job {
            Job::Call(request) => request,
            Job::End(root) => {
                shared.end_here(root);
                return true;
            }
            Job::Begin(_) if shared.is_closed() => return false,
            Job::Begin(beginning) => {
                beginning.run(&shared);
                return true;
            }
        };
        if shared.is_closed() {
            return false;
        }
        if let Some((_, timeout)) = due.filter(|(due, _)| *due <= Instant::now()) {
            let text = format!("the call waited longer than {} s and was not run", timeout.as_secs_f64());
            shared.refuse(request, &Exception::builtin("TimeoutError", text));
            return false;
        }
        if deadline::has_passed(request.id.due()) {
            let text = "the caller's timeout expired before the call was run";
            shared.refuse(request, &Exception::builtin("TimeoutError", text));
            return false;
        }
        let inner = shared.lock();
        let inner = shared.run_here(inner, request);
        shared.finish_wait(inner);
        true
    }
}

impl State {
    /// Returns the deadline for calls that are queued now.
    fn due(&self) -> Option<(Instant, Duration)> {
        self.timeout.and_then(|timeout| Some((Instant::now().checked_add(timeout)?, timeout)))
    }

    fn wake_one(&mut self) {
        if let Some(seat) = self.asleep.pop() {
            seat.wake.notify_one();
        }
    }

    fn wake_all(&mut self) {
        self.asleep.drain(..).for_each(|seat| seat.wake.notify_one());
    }

    /// Takes the next call of the connection whose turn it is.
    fn next(&mut self) -> Option<Waiting> {
        let key = self.turns.pop_front()?;
        let (call, more) = self.take(key)?;
        if more {
            self.turns.push_back(key);
        }
        Some(call)
    }

    fn take(&mut self, key: usize) -> Option<(Waiting, bool)> {
        let calls = self.calls.get_mut(&key)?;
        let mut call = calls.pop_front()?;
        let more = !calls.is_empty();
        if !more {
            self.calls.remove(&key);
        }
        self.left(&call);
        call.counted = self.count(key);
        Some((call, more))
    }

    /// Counts one more running call of a connection. Returns false if counting is not needed.
    fn count(&mut self, key: usize) -> bool {
        if self.runs_hooks {
            *self.running.entry(key).or_default() += 1;
        }
        self.runs_hooks
    }

    /// Notes that an entry has left the queue.
    fn left(&mut self, waiting: &Waiting) {
        self.len -= 1;
        self.hooks -= !matches!(waiting.job, Job::Call(_)) as usize;
    }
}

fn key(shared: &Arc<Shared>) -> usize {
    Arc::as_ptr(shared) as usize
}

impl CallQueue {
    /// Returns whether this thread runs the queue's calls.
    #[inline]
    pub(super) fn is_here(&self) -> bool {
        MINE.try_with(|mine| mine.borrow().contains(&self.number)).unwrap_or(false)
    }

    fn mark_here(&self) {
        if !self.is_here() {
            let _ = MINE.try_with(|mine| mine.borrow_mut().push(self.number));
        }
    }

    /// Queues a call. If it is rejected, returns it with the exception for the caller.
    pub(super) fn push(
        &self,
        shared: &Arc<Shared>,
        request: Request,
    ) -> std::result::Result<(), Box<(Request, Exception)>> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err((request, Exception::builtin("RuntimeError", NO_MORE)).into());
        }
        if state.len - state.hooks >= self.limit {
            let text = format!("the application is busy: {} calls are waiting", state.len - state.hooks);
            return Err((request, Exception::builtin("RuntimeError", text)).into());
        }
        let due = state.due();
        self.enter(&mut state, Waiting { shared: shared.clone(), job: Job::Call(request), due, counted: false });
        Ok(())
    }

    /// Appends an entry to those of its connection.
    fn enter(&self, state: &mut State, waiting: Waiting) {
        let key = key(&waiting.shared);
        state.len += 1;
        state.hooks += !matches!(waiting.job, Job::Call(_)) as usize;
        let calls = state.calls.entry(key).or_default();
        calls.push_back(waiting);
        if calls.len() == 1 {
            state.turns.push_back(key);
        }
        if state.len == 1 {
            self.event.set();
        }
        state.wake_one();
    }

    pub(super) fn runs_hooks(&self) -> bool {
        lock(&self.state).runs_hooks
    }

    /// Returns whether the beginning of this connection is queued, so that nothing of it has run.
    pub(super) fn will_begin(&self, shared: &Shared) -> bool {
        let key = std::ptr::from_ref(shared) as usize;
        let first = |calls: &VecDeque<Waiting>| calls.front().is_some_and(|first| matches!(first.job, Job::Begin(_)));
        lock(&self.state).calls.get(&key).is_some_and(first)
    }

    /// Queues the beginning of a connection and returns its deadline. It is dropped if the queue has ended.
    pub(super) fn push_begin(&self, shared: &Arc<Shared>, beginning: Beginning) -> Option<Instant> {
        let mut state = lock(&self.state);
        if state.closed {
            drop(state);
            drop(beginning);
            return None;
        }
        let due = state.due();
        self.enter(&mut state, Waiting { shared: shared.clone(), job: Job::Begin(beginning), due, counted: false });
        due.map(|(due, _)| due)
    }

    /// Queues the end of a connection, until no call of it runs. In a thread of the queue, and after the end of the
    /// queue, it runs here.
    pub(super) fn push_end(&self, shared: &Arc<Shared>, root: Option<Arc<Object>>) {
        let mut state = lock(&self.state);
        let end = Waiting { shared: shared.clone(), job: Job::End(root), due: None, counted: false };
        if state.running.contains_key(&key(shared)) {
            state.ends.insert(key(shared), end);
        } else if state.closed || self.is_here() {
            drop(state);
            end.run_now();
        } else {
            self.enter(&mut state, end);
        }
    }

    /// Counts a call that a thread of the queue has read itself and runs at once. None if counting is not needed.
    pub(super) fn direct(&self, shared: &Arc<Shared>) -> Option<Running<'_>> {
        let counted = lock(&self.state).count(key(shared));
        counted.then(|| Running { queue: self, shared: shared.clone() })
    }

    /// Notes that a call or hook of a connection has ended. Returns the connection's end if it must run now because the
    /// queue accepts no more.
    fn finished(&self, shared: &Arc<Shared>) -> Option<Waiting> {
        let mut state = lock(&self.state);
        let running = state.running.get_mut(&key(shared))?;
        *running -= 1;
        if *running > 0 {
            return None;
        }
        state.running.remove(&key(shared));
        let end = state.ends.remove(&key(shared))?;
        if state.closed {
            return Some(end);
        }
        self.enter(&mut state, end);
        None
    }

    /// Takes the next call of this peer, for a thread that runs the queue's calls and waits for this connection.
    pub(super) fn take_nested(&self, shared: &Arc<Shared>) -> Option<Waiting> {
        if !self.is_here() {
            return None;
        }
        let key = key(shared);
        let mut state = lock(&self.state);
        let (call, more) = state.take(key)?;
        if !more {
            state.turns.retain(|other| *other != key);
        }
        self.settle(&state);
        Some(call)
    }

    /// Returns the number of calls that `take_nested` would return.
    pub(super) fn nested(&self, shared: &Shared) -> usize {
        let key = std::ptr::from_ref(shared) as usize;
        if self.is_here() { lock(&self.state).calls.get(&key).map_or(0, VecDeque::len) } else { 0 }
    }

    /// Removes the calls of a connection that has ended. Drop the result without a lock.
    pub(super) fn forget(&self, shared: &Arc<Shared>) -> VecDeque<Waiting> {
        let key = key(shared);
        let mut state = lock(&self.state);
        let Some(calls) = state.calls.remove(&key) else { return VecDeque::new() };
        calls.iter().for_each(|waiting| state.left(waiting));
        state.turns.retain(|other| *other != key);
        let (ends, calls): (VecDeque<_>, _) = calls.into_iter().partition(|waiting| matches!(waiting.job, Job::End(_)));
        ends.into_iter().for_each(|end| self.enter(&mut state, end));
        self.settle(&state);
        calls
    }

    /// Ends the waits for calls. Returns false if there are none.
    pub(super) fn interrupt(&self) -> bool {
        let mut state = lock(&self.state);
        state.interrupts = state.interrupts.wrapping_add(1);
        state.wake_all();
        state.waiting > 0
    }

    /// Notes that a connection of the queue was interrupted, perhaps by a signal handler. A thread that waits here will
    /// check, at once if the handler runs in it.
    pub(super) fn alert(&self) {
        self.alerted.store(true, Ordering::SeqCst);
        if let Some(seat) = self.seats.own() {
            seat.wake.notify_all();
        }
    }

    fn settle(&self, state: &State) {
        if state.len == 0 && !state.closed {
            self.event.clear();
        }
    }
}

impl Clone for Queue {
    fn clone(&self) -> Queue {
        if self.counted {
            self.line.handles.fetch_add(1, Ordering::Relaxed);
        }
        Queue { line: self.line.clone(), counted: self.counted }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // The locks of a parent may be held forever.
        let last = self.counted && self.line.handles.fetch_sub(1, Ordering::AcqRel) == 1;
        if last && fork::is_ours(self.line.forks) {
            self.close();
        }
    }
}

impl Queue {
    /// Makes a queue of at most `limit` calls.
    pub fn new(limit: usize) -> Result<Queue> {
        static LAST: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        if limit == 0 {
            return Err(Error::Argument("limit: must be at least 1".into()));
        }
        let line = CallQueue {
            number: LAST.fetch_add(1, std::sync::atomic::Ordering::Relaxed),
            limit,
            handles: AtomicUsize::new(1),
            state: Mutex::default(),
            seats: Seats::default(),
            alerted: AtomicBool::new(false),
            event: Event::new().map_err(|e| Error::io("cannot make an eventfd", e))?,
            forks: fork::generation(),
        };
        Ok(Queue { line: Arc::new(line), counted: true })
    }

    /// Gets the descriptor that is readable while calls are queued.
    pub fn fileno(&self) -> RawFd {
        self.line.event.fd()
    }

    /// Makes a handle that does not keep the queue open.
    pub fn uncounted(&self) -> Queue {
        Queue { line: self.line.clone(), counted: false }
    }

    /// Returns whether this thread is within one of the queue's calls or hooks.
    pub fn runs_here(&self) -> bool {
        RUNS.try_with(|runs| runs.borrow().contains(&self.line.number)).unwrap_or(false)
    }

    pub fn check_fork(&self) -> Result<()> {
        Error::unless_forked(self.line.forks, "queue")
    }

    /// Returns the number of queued calls.
    pub fn len(&self) -> usize {
        lock(&self.line.state).len
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sets the timeout of calls that are queued from now on. A call that waits longer is not run.
    pub fn set_timeout(&self, timeout: Option<Duration>) {
        lock(&self.line.state).timeout = timeout;
    }

    /// Sets whether the hooks of services are queued here too, from now on.
    pub fn set_hooks(&self, on: bool) {
        lock(&self.line.state).runs_hooks = on;
    }

    /// Runs calls in this thread, at most `most` (0: the number queued at the start), one of each connection in turn.
    /// Waits for the first at most `timeout`, or until the last counted handle is dropped. Returns the number of calls
    /// that ran.
    pub fn run(&self, most: usize, timeout: Option<Duration>) -> Result<usize> {
        self.check_fork()?;
        let _apart = time_limit::apart();
        let line = &self.line;
        line.mark_here();
        let mut state = lock(&line.state);
        if state.len == 0 && timeout != Some(Duration::ZERO) {
            drop(state);
            let _pause = turn::pause();
            let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
            state = lock(&line.state);
            let interrupts = state.interrupts;
            state.waiting += 1;
            let seated = line.seats.take();
            while state.len == 0 && !state.closed {
                let left = deadline.map_or(TICK, |deadline| deadline.saturating_duration_since(Instant::now()));
                let interrupted = state.interrupts != interrupts;
                if left.is_zero() || interrupted {
                    state.waiting -= 1;
                    return if interrupted { Err(interrupted_text()) } else { Ok(0) };
                }
                if line.alerted.swap(false, Ordering::SeqCst) {
                    let attached: Vec<_> = state.attached.iter().filter_map(Weak::upgrade).collect();
                    drop(state);
                    for shared in attached {
                        shared.take_interrupt();
                    }
                    state = lock(&line.state);
                    continue;
                }
                state.asleep.push(seated.seat().clone());
                state = wait_for(&seated.seat().wake, state, left.min(TICK));
                state.asleep.retain(|seat| !Arc::ptr_eq(seat, seated.seat()));
            }
            state.waiting -= 1;
            drop(seated);
            drop(state);
            drop(_pause);
            state = lock(&line.state);
        }
        let most = if most == 0 { state.len } else { most };
        let mut ran = 0;
        while ran < most {
            let Some(call) = state.next() else { break };
            line.settle(&state);
            drop(state);
            ran += call.run(line) as usize;
            state = lock(&line.state);
        }
        Ok(ran)
    }

    /// Accepts no more calls, and answers the queued ones with an exception.
    fn close(&self) {
        let mut state = lock(&self.line.state);
        state.closed = true;
        (state.len, state.hooks) = (0, 0);
        let turns = std::mem::take(&mut state.turns);
        let calls: Vec<Waiting> = turns.iter().filter_map(|key| state.calls.remove(key)).flatten().collect();
        self.line.event.set();
        state.wake_all();
        drop(state);
        for waiting in calls {
            match waiting.job {
                Job::Call(request) => waiting.shared.refuse(request, &Exception::builtin("RuntimeError", NO_MORE)),
                Job::Begin(_) => {}
                Job::End(_) => drop(waiting.run_now()),
            }
        }
    }

    /// Queues the calls of a connection from now on.
    pub(crate) fn attach(&self, shared: &Arc<Shared>) -> Result<()> {
        self.check_fork()?;
        shared.check_fork()?;
        let taken = || Error::State("the connection already has a queue".into());
        shared.alerts.make_special();
        shared.queue.set(self.line.clone()).map_err(|_| taken())?;
        let mut state = lock(&self.line.state);
        state.attached.retain(|shared| shared.strong_count() > 0);
        state.attached.push(Arc::downgrade(shared));
        drop(state);
        // A pair of pipes, or a stream in memory, cannot wake the reader: the queue's thread waits for room itself
        // there, and a reader notices the end in other ways.
        if shared.transport.can_interrupt() {
            let _ = shared.nudge.set(());
            shared.wakeful.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cold]
fn interrupted_text() -> Error {
    Error::Interrupted("the wait for calls was interrupted through a connection of the queue".into())
}

impl Shared {
    /// Answers a call that is not run, without waiting for the peer to receive.
    fn refuse(self: &Arc<Shared>, request: Request, exception: &Exception) {
        if resumed::is_resumed(&request) {
            return resumed::refuse(&request, exception);
        }
        let mut inner = self.lock();
        if inner.life.end.is_none() {
            inner.protocol.raise(&request.id, exception);
            self.flush_some(&mut inner);
            self.interrupt_reader(&mut inner);
        }
        drop(inner);
        drop(request);
    }
}
