//! Implements how the reader of a ring waits, and how its writer wakes it.
//!
//! First it polls, where that can help; then it yields for a moment; then it sleeps. A sleeper sets a mark and checks
//! once more; the writer writes and then checks the mark. Each has a full fence between its two steps, so at least one
//! of them sees the other (Dekker's algorithm). Without the fences, both may miss it, also on x86.

use crate::sync::atomic::{AtomicU32, Ordering, fence};
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU32 as Count;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// A thread sleeps at the bell.
const AT_BELL: u32 = 1;
/// A thread or an event loop sleeps at the socket.
const AT_SOCKET: u32 = 2;

/// Number of yields before a thread sleeps.
const YIELDS: u32 = 20;
/// The same after `VAIN` waits without success.
const FEW_YIELDS: u32 = 2;
/// Maximum time of yielding, if other threads run long.
const YIELD_TIME: Duration = Duration::from_micros(100);
/// Number of waits without yields after other threads ran long.
const BAN: u32 = 100;
/// Number of waits without success that shorten the next ones.
const VAIN: u32 = 8;
/// Number of polls between two readings of the clock.
const LOOKS: u32 = 32;

/// Words in shared memory: the marks of sleepers, and the bell, whose number changes each time that it rings.
#[repr(C)]
#[derive(Default)]
pub struct Sleepers {
    marks: AtomicU32,
    bell: AtomicU32,
    #[cfg(feature = "model")]
    model: model::Futex,
}

impl Sleepers {
    /// Called by a writer after writing. `ring_socket` wakes the sleepers at the socket.
    #[inline]
    pub fn wake(&self, ring_socket: impl FnOnce()) {
        fence(Ordering::SeqCst);
        if self.marks.load(Ordering::Relaxed) != 0 {
            self.wake_marked(ring_socket);
        }
    }

    #[cold]
    fn wake_marked(&self, ring_socket: impl FnOnce()) {
        let marks = self.marks.swap(0, Ordering::SeqCst);
        if marks & AT_BELL != 0 {
            self.ring();
        }
        if marks & AT_SOCKET != 0 {
            ring_socket();
        }
    }

    /// Ends sleep at the bell.
    pub fn ring(&self) {
        self.bell.fetch_add(1, Ordering::SeqCst);
        self.wake_all();
    }

    /// Sleeps at the bell for at most `most`, unless `is_there`. An error means that a signal handler has run.
    pub fn sleep(&self, is_there: impl Fn() -> bool, most: Duration) -> io::Result<()> {
        let heard = self.bell.load(Ordering::SeqCst);
        self.marks.fetch_or(AT_BELL, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if is_there() { Ok(()) } else { self.await_bell(heard, most) }
    }

    /// Makes later writes show at the socket, once. Check for earlier ones afterwards.
    pub fn mark_socket(&self) {
        self.marks.fetch_or(AT_SOCKET, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    #[cfg(not(feature = "model"))]
    fn wake_all(&self) {
        super::kernel::futex_wake(&self.bell);
    }

    #[cfg(not(feature = "model"))]
    fn await_bell(&self, heard: u32, most: Duration) -> io::Result<()> {
        super::kernel::futex_wait(&self.bell, heard, most)
    }
}

/// The recent success of waiting without sleep.
#[derive(Default)]
pub(super) struct Patience {
    spins: Count,
    yields: Count,
    /// The number of waits without yields.
    banned: Count,
}

fn note(counter: &Count, vain: bool) {
    let before = counter.load(Relaxed);
    let now = if vain { before.saturating_add(1).min(VAIN) } else { 0 };
    if now != before {
        counter.store(now, Relaxed);
    }
}

fn is_vain(counter: &Count) -> bool {
    counter.load(Relaxed) >= VAIN
}

/// Returns whether the other side can run while this one polls. False on one CPU and with a quota of less than two, as
/// found at the first call.
fn can_spin() -> bool {
    static CPUS: OnceLock<bool> = OnceLock::new();
    *CPUS.get_or_init(|| std::thread::available_parallelism().is_ok_and(|cpus| cpus.get() > 1))
}

impl Patience {
    /// Polls for at most `time`.
    pub(super) fn spin(&self, is_there: impl Fn() -> bool, time: Duration) -> bool {
        if is_there() {
            return true;
        }
        if !can_spin() {
            return false;
        }
        let time = if is_vain(&self.spins) { time / 10 } else { time };
        let start = Instant::now();
        let found = loop {
            if (0..LOOKS).any(|_| {
                std::hint::spin_loop();
                is_there()
            }) {
                break true;
            }
            if start.elapsed() >= time {
                break false;
            }
        };
        note(&self.spins, !found);
        found
    }

    /// Yields a few times. If other threads run long, sleep is better for a while, because a woken thread is scheduled
    /// before them.
    pub(super) fn let_run(&self, is_there: impl Fn() -> bool) -> bool {
        let banned = self.banned.load(Relaxed);
        if banned > 0 {
            self.banned.store(banned - 1, Relaxed);
            return false;
        }
        let most = if is_vain(&self.yields) { FEW_YIELDS } else { YIELDS };
        let start = Instant::now();
        for _ in 0..most {
            std::thread::yield_now();
            if is_there() {
                note(&self.yields, false);
                return true;
            }
            if start.elapsed() >= YIELD_TIME {
                self.banned.store(BAN, Relaxed);
                return false;
            }
        }
        note(&self.yields, true);
        false
    }
}

/// Replaces the kernel's part for the model checker.
#[cfg(feature = "model")]
mod model {
    use super::Sleepers;
    use crate::sync::{Condvar, Mutex, atomic::Ordering, lock, wait_for};
    use std::io;
    use std::time::Duration;

    #[derive(Default)]
    pub struct Futex(Mutex<()>, Condvar);

    impl Sleepers {
        pub(super) fn wake_all(&self) {
            let _guard = lock(&self.model.0);
            self.model.1.notify_all();
        }

        pub(super) fn await_bell(&self, heard: u32, most: Duration) -> io::Result<()> {
            let guard = lock(&self.model.0);
            if self.bell.load(Ordering::SeqCst) == heard {
                drop(wait_for(&self.model.1, guard, most));
            }
            Ok(())
        }
    }
}
