//! The model finds what it is there to find.

use crate::fixture::sleep;
use crate::scheduler::{Time, check};
use rpyc::sync::{Condvar, Mutex, clock, lock, thread, wait, wait_for};
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_wait_ends_at_its_limit_and_no_time_is_lost() {
    check(Time::Passes(SECOND * 3), || {
        let other = thread::spawn(|| sleep(SECOND * 2));
        sleep(SECOND * 3);
        other.join().unwrap();
        assert_eq!(clock::passed(), SECOND * 3);
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_wait_that_nobody_ends_is_a_deadlock() {
    check(Time::Stands, || sleep(SECOND));
}

/// The waiter looks, then waits, and lets go of the lock between.
fn lost_wake_up(end: impl Fn(&Condvar, &Mutex<bool>) + Send + Copy + 'static) {
    let state = Arc::new((Mutex::new(false), Condvar::new()));
    let other = state.clone();
    let waker = thread::spawn(move || {
        *lock(&other.0) = true;
        other.1.notify_one();
    });
    let seen = *lock(&state.0);
    if !seen {
        end(&state.1, &state.0);
    }
    waker.join().unwrap();
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_lost_wake_up_is_a_deadlock() {
    check(Time::Stands, || lost_wake_up(|condvar, mutex| drop(wait(condvar, lock(mutex)))));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_limit_does_not_hide_a_lost_wake_up() {
    check(Time::Stands, || lost_wake_up(|condvar, mutex| drop(wait_for(condvar, lock(mutex), SECOND))));
}
