//! The line of connections that need a turn, and the rule that one thread at a time gives a connection its turns.
//!
//! A connection is armed (the poller reports its readiness once), in line, or in turn. A thread that finds it in turn
//! leaves a mark, and whoever gives the turn puts it in line again. So nothing that happens to it is lost:
//!
//! | state | ready, or work is left | its turn ends |
//! | --- | --- | --- |
//! | `ARMED` | in turn, by the thread that took the report; in line, if it was summoned | |
//! | `IN_LINE` | nothing: its turn comes | |
//! | `IN_TURN` | `AGAIN` | armed, before the state changes: then `ARMED` |
//! | `AGAIN` | nothing | `IN_LINE` |

use crate::sync::atomic::{AtomicU8, Ordering};
use crate::sync::{Mutex, lock};
use std::collections::VecDeque;

/// The room that an empty line keeps.
const KEPT: usize = 64;

const ARMED: u8 = 0;
const IN_LINE: u8 = 1;
const IN_TURN: u8 = 2;
const AGAIN: u8 = 3;

/// Whether a connection needs a turn, or has one.
pub struct Standing(AtomicU8);

impl Standing {
    /// Of a connection that is put in line at once.
    pub fn in_line() -> Standing {
        Standing(AtomicU8::new(IN_LINE))
    }

    fn change(&self, next: impl Fn(u8) -> u8) -> u8 {
        let change = |now| Some(next(now));
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, change).unwrap_or_else(|now| now)
    }

    /// Called for a report of the poller. Returns whether this thread gives it its turn.
    pub fn take(&self) -> bool {
        let before = self.change(|now| match now {
            ARMED => IN_TURN,
            IN_TURN => AGAIN,
            other => other,
        });
        before == ARMED
    }

    /// Called when work was left to it. Returns whether this thread must put it in line.
    pub fn summon(&self) -> bool {
        let before = self.change(|now| match now {
            ARMED => IN_LINE,
            IN_TURN => AGAIN,
            other => other,
        });
        before == ARMED
    }

    /// Its place in line has come.
    pub fn begin(&self) {
        self.0.store(IN_TURN, Ordering::Release);
    }

    /// Ends its turn, after it was armed. Returns false if it needs another; then it must be put in line.
    pub fn end(&self) -> bool {
        let before = self.change(|now| if now == AGAIN { IN_LINE } else { ARMED });
        before != AGAIN
    }

    /// Ends its turn although there is more to do; it must be put in line.
    pub fn again(&self) {
        self.0.store(IN_LINE, Ordering::Release);
    }
}

/// The connections in line, by their numbers.
#[derive(Default)]
pub struct Line(Mutex<VecDeque<u64>>);

impl Line {
    /// Puts one at the end. `ring` is called if the line was empty.
    pub fn push(&self, number: u64, ring: impl FnOnce()) {
        let mut line = lock(&self.0);
        line.push_back(number);
        if line.len() == 1 {
            ring();
        }
    }

    /// Takes the first. `hush` is called when no other is left.
    pub fn pop(&self, hush: impl FnOnce()) -> Option<u64> {
        let mut line = lock(&self.0);
        let first = line.pop_front();
        if line.is_empty() {
            hush();
            line.shrink_to(KEPT);
        }
        first
    }
}
