//! Where threads wait for others, so that a signal handler finds the one that it has interrupted.
//!
//! A handler may take no lock, allocate nothing, and touch no thread-local value, which could be allocated by that. It compares
//! the number of its thread with those of the seats.

use crate::sync::Condvar;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::transport::thread_number;
use std::sync::{Arc, OnceLock};

/// How many threads that wait at the same time a handler can find. Others are told within a tick.
const SEATS: usize = 8;

/// Where one thread waits.
#[derive(Default)]
pub(super) struct Seat {
    /// The thread's number; 0: nobody's.
    thread: AtomicU32,
    pub(super) wake: Condvar,
}

/// A thread that has a seat.
pub(super) struct Seated(Arc<Seat>);

impl Seated {
    pub(super) fn seat(&self) -> &Arc<Seat> {
        &self.0
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        self.0.thread.store(0, Ordering::Release);
    }
}

/// The seats of a connection or of a queue.
#[derive(Default)]
pub(super) struct Seats(OnceLock<Box<[Arc<Seat>]>>);

impl Seats {
    /// Takes a seat for this thread, under the lock with which it will wait: one that a handler finds, if there is one.
    pub(super) fn take(&self) -> Seated {
        let seats = self.0.get_or_init(|| (0..SEATS).map(|_| Arc::default()).collect());
        let here = thread_number();
        let free =
            |seat: &&Arc<Seat>| seat.thread.compare_exchange(0, here, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        Seated(seats.iter().find(free).cloned().unwrap_or_default())
    }

    /// In a signal handler: where the thread that it runs in waits, if it does so here.
    pub(super) fn own(&self) -> Option<&Seat> {
        let seats = self.0.get()?;
        let here = thread_number();
        seats.iter().find(|seat| seat.thread.load(Ordering::Acquire) == here).map(|seat| &**seat)
    }
}
