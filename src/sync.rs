//! Provides locks, condition variables, atomics, threads and the time: those of std or, in the model of our threads
//! (feature `model`, `tests/model`), those of shuttle and a clock that stops until no other thread can continue.

#[cfg(feature = "model")]
pub mod clock;
mod crew;

pub use crew::{Crew, Member, STACK, Started};

pub use std::sync::Arc;

#[cfg(not(feature = "model"))]
pub use std::{
    sync::{Condvar, Mutex, MutexGuard, atomic},
    thread, thread_local,
    time::Instant,
};

#[cfg(feature = "model")]
pub use {
    clock::{Condvar, Instant},
    shuttle::{
        sync::{Mutex, MutexGuard, atomic},
        thread, thread_local,
    },
};

use std::sync::{PoisonError, TryLockError};
use std::time::Duration;

/// Locks `mutex`, also after a holder panicked: application code never runs under a lock of the library, and a failed
/// state must remain reachable.
#[inline]
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks `mutex` unless another thread holds it.
pub fn try_lock<T: ?Sized>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Waits for a notification. Spurious wake-ups are possible.
pub fn wait<'a, T>(condvar: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condvar.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

/// Waits for a notification for at most `timeout`. Spurious wake-ups are possible.
#[cfg(not(feature = "model"))]
pub fn wait_for<'a, T>(condvar: &Condvar, guard: MutexGuard<'a, T>, timeout: Duration) -> MutexGuard<'a, T> {
    condvar.wait_timeout(guard, timeout).unwrap_or_else(PoisonError::into_inner).0
}

#[cfg(feature = "model")]
pub fn wait_for<'a, T>(condvar: &Condvar, guard: MutexGuard<'a, T>, timeout: Duration) -> MutexGuard<'a, T> {
    let _alarm = clock::Alarm::set(condvar, timeout);
    wait(condvar, guard)
}
