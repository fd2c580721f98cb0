//! Sleep at a ring in shared memory: no message is missed, however writer and reader meet.
//!
//! The checker runs all atomics in one order, so this is about the steps and their order; that there are full fences between
//! them is seen in the code.

use crate::scheduler::{Time, check};
use rpyc::sync::atomic::{AtomicU32, Ordering::SeqCst};
use rpyc::sync::{Condvar, Mutex, lock, thread, wait};
use rpyc::transport::Sleepers;
use std::sync::Arc;
use std::time::Duration;

const MESSAGES: u32 = 3;

/// A ring of which only the number of its messages is left, and a socket.
#[derive(Default)]
struct Ring {
    written: AtomicU32,
    sleepers: Sleepers,
    socket: (Mutex<u32>, Condvar),
}

impl Ring {
    fn write(&self) {
        self.written.fetch_add(1, SeqCst);
        self.sleepers.wake(|| {
            *lock(&self.socket.0) += 1;
            self.socket.1.notify_all();
        });
    }

    fn has(&self, count: u32) -> bool {
        self.written.load(SeqCst) >= count
    }

    fn sleep_at_socket(&self, is_there: impl Fn() -> bool) {
        self.sleepers.mark_socket();
        if is_there() {
            return;
        }
        let mut bytes = lock(&self.socket.0);
        while *bytes == 0 {
            bytes = wait(&self.socket.1, bytes);
        }
        *bytes -= 1;
    }
}

fn started(write: impl Fn(&Ring) + Send + 'static) -> (Arc<Ring>, thread::JoinHandle<()>) {
    let ring: Arc<Ring> = Arc::default();
    let theirs = ring.clone();
    (ring, thread::spawn(move || (0..MESSAGES).for_each(|_| write(&theirs))))
}

#[test]
fn who_sleeps_at_the_bell_misses_nothing() {
    check(Time::Stands, || {
        let (ring, writer) = started(Ring::write);
        for count in 1..=MESSAGES {
            while !ring.has(count) {
                ring.sleepers.sleep(|| ring.has(count), Duration::from_secs(1)).unwrap();
            }
        }
        writer.join().unwrap();
    });
}

#[test]
fn who_sleeps_at_the_socket_misses_nothing() {
    check(Time::Stands, || {
        let (ring, writer) = started(Ring::write);
        for count in 1..=MESSAGES {
            while !ring.has(count) {
                ring.sleep_at_socket(|| ring.has(count));
            }
        }
        writer.join().unwrap();
    });
}

/// One at the bell and one at the socket, as a thread that reads beside an event loop: both are woken for the last message.
#[test]
fn two_who_sleep_are_both_woken() {
    check(Time::Stands, || {
        let (ring, writer) = started(Ring::write);
        let other = ring.clone();
        let looper = thread::spawn(move || {
            while !other.has(MESSAGES) {
                other.sleep_at_socket(|| other.has(MESSAGES));
            }
        });
        while !ring.has(MESSAGES) {
            ring.sleepers.sleep(|| ring.has(MESSAGES), Duration::from_secs(1)).unwrap();
        }
        writer.join().unwrap();
        looper.join().unwrap();
    });
}

#[test]
fn a_shutdown_wakes_who_sleeps() {
    check(Time::Stands, || {
        let (ring, writer) = started(|ring| {
            ring.written.fetch_add(1, SeqCst);
            ring.sleepers.ring();
        });
        while !ring.has(MESSAGES) {
            ring.sleepers.sleep(|| ring.has(MESSAGES), Duration::from_secs(1)).unwrap();
        }
        writer.join().unwrap();
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_the_second_look_a_message_is_missed() {
    check(Time::Stands, || {
        let (ring, writer) = started(Ring::write);
        while !ring.has(MESSAGES) {
            ring.sleepers.sleep(|| false, Duration::from_secs(1)).unwrap();
        }
        writer.join().unwrap();
    });
}
