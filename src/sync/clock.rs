//! Implements the time of the model. One thread keeps it, which the model's scheduler runs when no other can run: then
//! the clock advances to the next moment for which a thread waits. So a wait that ends by its timeout and not by a
//! notification shows as time that has passed, and one without a timeout as a deadlock.

use super::{Mutex, MutexGuard, lock, thread};
use shuttle::sync::Condvar as Signal;
use std::cell::{Cell, RefCell};
use std::ops::Add;
use std::sync::{Arc, LockResult};
use std::time::Duration;

/// Waits of this length have no limit.
const NEVER: Duration = Duration::from_secs(3600);

std::thread_local! {
    /// All threads of one model are coroutines of one real thread.
    static CLOCK: RefCell<Option<Arc<Clock>>> = const { RefCell::new(None) };
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Time since the model began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(Duration);

impl Instant {
    pub fn now() -> Instant {
        Instant(NOW.get())
    }

    pub fn checked_add(self, duration: Duration) -> Option<Instant> {
        self.0.checked_add(duration).map(Instant)
    }

    pub fn saturating_duration_since(self, earlier: Instant) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, duration: Duration) -> Instant {
        Instant(self.0 + duration)
    }
}

/// A condition variable that the clock can notify too.
#[derive(Clone, Default)]
pub struct Condvar(Arc<Signal>);

impl Condvar {
    pub fn new() -> Condvar {
        Condvar::default()
    }

    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.0.wait(guard)
    }

    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}

struct Clock {
    state: Mutex<State>,
    changed: Signal,
}

struct State {
    alarms: Vec<(u64, Duration, Condvar)>,
    last: u64,
    stopped: bool,
}

/// While it exists, a thread waits to be woken at some time.
pub struct Alarm(Option<u64>);

impl Alarm {
    pub fn set(condvar: &Condvar, timeout: Duration) -> Alarm {
        let clock = CLOCK.with_borrow(Option::clone).filter(|_| timeout < NEVER);
        Alarm(clock.map(|clock| {
            let mut state = lock(&clock.state);
            state.last += 1;
            let number = state.last;
            state.alarms.push((number, NOW.get() + timeout, condvar.clone()));
            clock.changed.notify_one();
            number
        }))
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let (Some(number), Some(clock)) = (self.0, CLOCK.with_borrow(Option::clone)) {
            lock(&clock.state).alarms.retain(|(other, ..)| *other != number);
        }
    }
}

impl Clock {
    /// Wakes the threads that wait for the next moment, up to `end`. Beyond that the clock stops, so that a deadlock is
    /// detected.
    fn run(&self, end: Duration) {
        let mut state = lock(&self.state);
        while !state.stopped {
            let next = state.alarms.iter().min_by_key(|(_, due, _)| *due).filter(|(_, due, _)| *due <= end);
            match next.map(|(_, due, condvar)| (*due, condvar.clone())) {
                Some((due, condvar)) => {
                    drop(state);
                    NOW.set(NOW.get().max(due));
                    // A thread that is not asleep yet misses this; its alarm stays, and is the next again.
                    condvar.notify_all();
                    state = lock(&self.state);
                }
                None => state = self.changed.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner()),
            }
        }
    }
}

/// Runs `model` with a clock that ends at `end`. The clock is the first thread that is started.
pub fn run(end: Duration, model: impl FnOnce()) {
    let state = State { alarms: Vec::new(), last: 0, stopped: false };
    let clock = Arc::new(Clock { state: Mutex::new(state), changed: Signal::new() });
    NOW.set(Duration::ZERO);
    CLOCK.set(Some(clock.clone()));
    let running = clock.clone();
    let thread = thread::spawn(move || running.run(end));
    model();
    lock(&clock.state).stopped = true;
    clock.changed.notify_one();
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    CLOCK.set(None);
}

/// Returns the time that has passed.
pub fn passed() -> Duration {
    NOW.get()
}
