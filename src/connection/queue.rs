//! Queues of calls: what peers ask is read by the library's threads, and run by the application where it wants.

use super::seats::{Seat, Seats};
use super::shared::Shared;
use crate::error::{Error, Exception, Result};
use crate::fork;
use crate::objects::{deadline, resumed, time_limit, turn};
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

/// A call that waits for the application.
pub(super) struct Waiting {
    shared: Arc<Shared>,
    request: Request,
    due: Option<(Instant, Duration)>,
}

impl Waiting {
    /// Runs it here, or answers that it has waited too long. True: it ran.
    pub(super) fn run(self) -> bool {
        let Waiting { shared, request, due } = self;
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
        let call = calls.pop_front()?;
        let more = !calls.is_empty();
        if !more {
            self.calls.remove(&key);
        }
        self.len -= 1;
        Some((call, more))
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
        if state.len >= self.limit {
            let text = format!("the program is busy: {} calls wait already", state.len);
            return Err((request, Exception::builtin("RuntimeError", text)).into());
        }
        let due = state.timeout.and_then(|timeout| Some((Instant::now().checked_add(timeout)?, timeout)));
        let key = key(shared);
        state.len += 1;
        let calls = state.calls.entry(key).or_default();
        calls.push_back(Waiting { shared: shared.clone(), request, due });
        if calls.len() == 1 {
            state.turns.push_back(key);
        }
        if state.len == 1 {
            self.event.set();
        }
        state.wake_one();
        Ok(())
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
    pub(super) fn forget(&self, shared: &Arc<Shared>) -> Option<VecDeque<Waiting>> {
        let key = key(shared);
        let mut state = lock(&self.state);
        let calls = state.calls.remove(&key)?;
        state.len -= calls.len();
        state.turns.retain(|other| *other != key);
        self.settle(&state);
        Some(calls)
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
            ran += call.run() as usize;
            state = lock(&line.state);
        }
        Ok(ran)
    }

    /// Takes no more calls, and tells those who wait.
    fn close(&self) {
        let mut state = lock(&self.line.state);
        state.closed = true;
        state.len = 0;
        let turns = std::mem::take(&mut state.turns);
        let calls: Vec<Waiting> = turns.iter().filter_map(|key| state.calls.remove(key)).flatten().collect();
        self.line.event.set();
        state.wake_all();
        drop(state);
        for call in calls {
            call.shared.refuse(call.request, &Exception::builtin("RuntimeError", NO_MORE));
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
        let transport = &shared.transport;
        if transport.fileno().is_some() && transport.fileno() == transport.write_fileno() {
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
