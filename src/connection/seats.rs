//! Gives waiting threads places in which a signal handler finds the thread that it interrupted.
//!
//! A handler may not take a lock, allocate, or touch a thread-local value, which could be allocated by that. It
//! compares the number of its thread with those in the seats.

use crate::sync::Condvar;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::transport::thread_number;
use std::sync::{Arc, OnceLock};

/// Maximum number of waiting threads that a handler can find. Others are told within a tick.
const SEATS: usize = 8;

/// The place in which one thread waits.
#[derive(Default)]
pub(super) struct Seat {
    /// The thread's number; 0 if the seat is free.
    thread: AtomicU32,
    pub(super) wake: Condvar,
}

/// A seat that a thread has taken.
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
    /// Takes a seat for this thread, under the lock with which it will wait. If all seats that a handler can find are
    /// taken, it is another one.
    pub(super) fn take(&self) -> Seated {
        let seats = self.0.get_or_init(|| (0..SEATS).map(|_| Arc::default()).collect());
        let here = thread_number();
        let free =
            |seat: &&Arc<Seat>| seat.thread.compare_exchange(0, here, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        Seated(seats.iter().find(free).cloned().unwrap_or_default())
    }

    /// Finds the seat of the thread in which the signal handler runs, if it waits here.
    pub(super) fn own(&self) -> Option<&Seat> {
        let seats = self.0.get()?;
        let here = thread_number();
        seats.iter().find(|seat| seat.thread.load(Ordering::Acquire) == here).map(|seat| &**seat)
    }
}
