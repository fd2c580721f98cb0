//! The line of a pool: one thread at a time gives a connection its turn, and no readiness and no work is lost.

use crate::scheduler::{Time, check};
use rpyc::server::pool::line::{Line, Standing};
use rpyc::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use rpyc::sync::{Arc, Condvar, Mutex, lock, thread, wait};

const CONNECTIONS: usize = 2;
/// How often the peer of each connection sends, and how often other threads leave work to it.
const INPUTS: u32 = 2;
const WORKS: u32 = 2;

/// In the place of the kernel: reports each armed connection once when it has input.
#[derive(Default)]
struct Reports {
    armed: [bool; CONNECTIONS],
    input: [u32; CONNECTIONS],
    reported: Vec<usize>,
    bell: bool,
    done: bool,
}

struct Fake {
    reports: Mutex<Reports>,
    changed: Condvar,
    line: Line,
    standings: [Standing; CONNECTIONS],
    in_turn: [AtomicBool; CONNECTIONS],
    work: [AtomicU32; CONNECTIONS],
    handled: AtomicU32,
}

enum Next {
    Reported(usize),
    Bell,
    Done,
}

impl Fake {
    fn new() -> Fake {
        let fake = Fake {
            reports: Mutex::default(),
            changed: Condvar::new(),
            line: Line::default(),
            standings: [(); CONNECTIONS].map(|()| Standing::in_line()),
            in_turn: Default::default(),
            work: Default::default(),
            handled: AtomicU32::new(0),
        };
        (0..CONNECTIONS).for_each(|at| fake.put_in_line(at));
        fake
    }

    fn with<R>(&self, change: impl FnOnce(&mut Reports) -> R) -> R {
        let result = change(&mut lock(&self.reports));
        self.changed.notify_all();
        result
    }

    fn put_in_line(&self, at: usize) {
        self.line.push(at as u64, || self.with(|reports| reports.bell = true));
    }

    fn arm(&self, at: usize) {
        self.with(|reports| match reports.input[at] {
            0 => reports.armed[at] = true,
            _ => reports.reported.push(at),
        });
    }

    fn send(&self, at: usize) {
        self.with(|reports| {
            reports.input[at] += 1;
            if std::mem::take(&mut reports.armed[at]) {
                reports.reported.push(at);
            }
        });
    }

    /// Leaves work, as under the lock of a connection.
    fn leave(&self, at: usize) {
        self.work[at].fetch_add(1, Ordering::SeqCst);
        if self.standings[at].summon() {
            self.put_in_line(at);
        }
    }

    fn next(&self) -> Next {
        let mut reports = lock(&self.reports);
        loop {
            if reports.done {
                return Next::Done;
            }
            if let Some(at) = reports.reported.pop() {
                return Next::Reported(at);
            }
            if reports.bell {
                return Next::Bell;
            }
            reports = wait(&self.changed, reports);
        }
    }

    fn work(&self) {
        loop {
            match self.next() {
                Next::Done => return,
                Next::Reported(at) if self.standings[at].take() => self.turn(at),
                Next::Reported(_) => {}
                Next::Bell => {
                    if let Some(number) = self.line.pop(|| self.with(|reports| reports.bell = false)) {
                        self.standings[number as usize].begin();
                        self.turn(number as usize);
                    }
                }
            }
        }
    }

    fn turn(&self, at: usize) {
        assert!(!self.in_turn[at].swap(true, Ordering::SeqCst), "two threads give a turn");
        let input = self.with(|reports| std::mem::take(&mut reports.input[at]));
        let work = self.work[at].swap(0, Ordering::SeqCst);
        let handled = self.handled.fetch_add(input + work, Ordering::SeqCst) + input + work;
        if handled == CONNECTIONS as u32 * (INPUTS + WORKS) {
            self.with(|reports| reports.done = true);
        }
        self.arm(at);
        self.in_turn[at].store(false, Ordering::SeqCst);
        if !self.standings[at].end() {
            self.put_in_line(at);
        }
    }
}

/// A schedule in which something is lost does not end: the checker reports a deadlock.
#[test]
fn nothing_that_happens_to_a_connection_is_lost() {
    check(Time::Stands, || {
        let fake = Arc::new(Fake::new());
        let mut threads = Vec::new();
        for _ in 0..2 {
            let fake = fake.clone();
            threads.push(thread::spawn(move || fake.work()));
        }
        for at in 0..CONNECTIONS {
            let (sender, leaver) = (fake.clone(), fake.clone());
            threads.push(thread::spawn(move || (0..INPUTS).for_each(|_| sender.send(at))));
            threads.push(thread::spawn(move || (0..WORKS).for_each(|_| leaver.leave(at))));
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}
