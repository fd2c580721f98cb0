//! Queues of calls: what peers ask is read by the library's threads, and run by the application where it wants.

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
    /// The queues whose calls this thread runs; gone when destructors of the application's own data run at its end.
    static MINE: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// What callers are told after the end.
const NO_MORE: &str = "the program takes no more calls";

/// The application's handle of a queue. When the last one goes, no more calls are taken.
pub struct Queue {
    line: Arc<CallQueue>,
    counted: bool,
}

/// What the handles and the connections share.
pub(super) struct CallQueue {
    number: u64,
    limit: usize,
    handles: AtomicUsize,
    state: Mutex<State>,
    /// Where threads wait for a call.
    seats: Seats,
    /// A connection has been interrupted since the last look.
    alerted: AtomicBool,
    /// Set while calls wait.
    event: Event,
    forks: u32,
}

#[derive(Default)]
struct State {
    /// Connections with calls that wait, by address: whose turn it is first.
    turns: VecDeque<usize>,
    calls: HashMap<usize, VecDeque<Waiting>>,
    len: usize,
    /// How many of them are hooks, which the limit does not count.
    hooks: usize,
    /// The hooks of services come here too.
    runs_hooks: bool,
    /// Where they do: how many calls and hooks of each connection run, and ends of connections that wait until none does.
    running: HashMap<usize, usize>,
    ends: HashMap<usize, Waiting>,
    timeout: Option<Duration>,
    closed: bool,
    /// Threads that wait for a call, and how often those were interrupted.
    waiting: usize,
    interrupts: usize,
    /// Those of them that nothing has woken yet.
    asleep: Vec<Arc<Seat>>,
    /// Connections whose calls wait here.
    attached: Vec<Weak<Shared>>,
}

/// What waits for the application: a call, or a hook of a service.
pub(super) struct Waiting {
    shared: Arc<Shared>,
    job: Job,
    due: Option<(Instant, Duration)>,
    /// It is among those that run.
    counted: bool,
}

pub(super) enum Job {
    Call(Request),
    Begin(Beginning),
    /// The end, with the root that is told of it.
    End(Option<Arc<Object>>),
}

/// A call or a hook, until it is over.
pub(super) struct Running<'a> {
    queue: &'a CallQueue,
    shared: Arc<Shared>,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(end) = self.queue.finished(&self.shared) {
            end.run_now();
        }
    }
}

impl Waiting {
    /// Runs it here, or answers that it has waited too long. True: it ran.
    pub(super) fn run(self, queue: &CallQueue) -> bool {
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
            let text = "the caller's time was up before its turn came: the call was not run";
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
    /// Until when what comes now may wait.
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

    /// The next call of the connection whose turn it is.
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

    /// One more of this connection runs. False: nobody asks.
    fn count(&mut self, key: usize) -> bool {
        if self.runs_hooks {
            *self.running.entry(key).or_default() += 1;
        }
        self.runs_hooks
    }

    /// It waits no longer.
    fn left(&mut self, waiting: &Waiting) {
        self.len -= 1;
        self.hooks -= !matches!(waiting.job, Job::Call(_)) as usize;
    }
}

fn key(shared: &Arc<Shared>) -> usize {
    Arc::as_ptr(shared) as usize
}

impl CallQueue {
    /// Is this a thread that runs the queue's calls?
    #[inline]
    pub(super) fn is_here(&self) -> bool {
        MINE.try_with(|mine| mine.borrow().contains(&self.number)).unwrap_or(false)
    }

    fn mark_here(&self) {
        if !self.is_here() {
            let _ = MINE.try_with(|mine| mine.borrow_mut().push(self.number));
        }
    }

    /// A call that came: it waits from now on, or comes back with what the caller is told.
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
            let text = format!("the program is busy: {} calls wait already", state.len - state.hooks);
            return Err((request, Exception::builtin("RuntimeError", text)).into());
        }
        let due = state.due();
        self.enter(&mut state, Waiting { shared: shared.clone(), job: Job::Call(request), due, counted: false });
        Ok(())
    }

    /// The last of its connection's line, from now on.
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

    /// Does the beginning of this connection wait, so that nothing of it has run?
    pub(super) fn will_begin(&self, shared: &Shared) -> bool {
        let key = std::ptr::from_ref(shared) as usize;
        let first = |calls: &VecDeque<Waiting>| calls.front().is_some_and(|first| matches!(first.job, Job::Begin(_)));
        lock(&self.state).calls.get(&key).is_some_and(first)
    }

    /// The beginning of a connection waits from now on, until the time that is given; after the end of the queue it is dropped.
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

    /// The end of a connection waits from now on, until no call of it runs; in a thread of the queue, and after its end, it
    /// runs here.
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

    /// A call that a thread of the queue has read itself and runs at once. None: nobody asks.
    pub(super) fn direct(&self, shared: &Arc<Shared>) -> Option<Running<'_>> {
        let counted = lock(&self.state).count(key(shared));
        counted.then(|| Running { queue: self, shared: shared.clone() })
    }

    /// Something of a connection is over. Gives its end, where that is to run now because the queue takes no more.
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

    /// For a thread that runs the queue's calls and waits for something on this connection: the next call of its peer.
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

    /// How many calls `take_nested` would give.
    pub(super) fn nested(&self, shared: &Shared) -> usize {
        let key = std::ptr::from_ref(shared) as usize;
        if self.is_here() { lock(&self.state).calls.get(&key).map_or(0, VecDeque::len) } else { 0 }
    }

    /// The connection has ended. What it had asked is given back, to be dropped without a lock.
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

    /// Ends the waits for calls; false: nobody waits.
    pub(super) fn interrupt(&self) -> bool {
        let mut state = lock(&self.state);
        state.interrupts = state.interrupts.wrapping_add(1);
        state.wake_all();
        state.waiting > 0
    }

    /// A connection of the queue is interrupted, perhaps by a signal handler: a thread that waits here will look, at once if
    /// it is the handler's own.
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
        // The locks of a parent may be held for ever.
        let last = self.counted && self.line.handles.fetch_sub(1, Ordering::AcqRel) == 1;
        if last && fork::is_ours(self.line.forks) {
            self.close();
        }
    }
}

impl Queue {
    /// A queue in which so many calls may wait.
    pub fn new(limit: usize) -> Result<Queue> {
        static LAST: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        if limit == 0 {
            return Err(Error::Argument("a queue in which no call may wait".into()));
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

    /// Readable while calls wait.
    pub fn fileno(&self) -> RawFd {
        self.line.event.fd()
    }

    /// A handle that does not keep it open.
    pub fn uncounted(&self) -> Queue {
        Queue { line: self.line.clone(), counted: false }
    }

    pub fn check_fork(&self) -> Result<()> {
        Error::unless_forked(self.line.forks, "queue")
    }

    /// How many calls wait.
    pub fn len(&self) -> usize {
        lock(&self.line.state).len
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How long a call may wait; those that come from now on and wait longer are not run.
    pub fn set_timeout(&self, timeout: Option<Duration>) {
        lock(&self.line.state).timeout = timeout;
    }

    /// Whether the hooks of services wait here too, from now on.
    pub fn set_hooks(&self, on: bool) {
        lock(&self.line.state).runs_hooks = on;
    }

    /// Runs calls in this thread, at most `most` (0: as many as wait at first), one of each connection in turn. Waits for
    /// the first at most so long, or until the last handle that counts has gone. Gives how many ran.
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

    /// Takes no more calls, and tells those who wait.
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

    /// Has the calls of a connection wait here from now on.
    pub(crate) fn attach(&self, shared: &Arc<Shared>) -> Result<()> {
        self.check_fork()?;
        shared.check_fork()?;
        let taken = || Error::State("the connection has a queue already".into());
        shared.alerts.make_special();
        shared.queue.set(self.line.clone()).map_err(|_| taken())?;
        let mut state = lock(&self.line.state);
        state.attached.retain(|shared| shared.strong_count() > 0);
        state.attached.push(Arc::downgrade(shared));
        drop(state);
        // Of a pair of pipes, or in memory, a reader notices by other ways that it is over.
        if shared.transport.can_interrupt() {
            let _ = shared.nudge.set(());
            shared.wakeful.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cold]
fn interrupted_text() -> Error {
    Error::Interrupted("the wait for calls was interrupted, by a connection of the queue".into())
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
