//! Makes the ids of objects and classes that peers see: counted for the whole process, from a random start.
//!
//! A Python process that forwards objects identifies them by these numbers only, whatever connection they came over, so
//! no two processes may use the same ones. An id is never an address, and none is used for a second object.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// The first id of this process; 0 before it is drawn.
static FIRST: AtomicU64 = AtomicU64::new(0);
/// The number of ids used.
static GIVEN: AtomicU64 = AtomicU64::new(0);

/// All starts have 18 digits, which are read and written fast, and are in a range of 59 bits. Counting does not reach
/// 19 digits.
const LOWEST: u64 = 100_000_000_000_000_000;

/// The id of an object or a class, drawn when it is first requested.
#[derive(Default)]
pub struct Id(AtomicU64);

impl Id {
    pub const fn new() -> Id {
        Id(AtomicU64::new(0))
    }

    /// Makes an id of a number that `next` returned, which the application knows. Any other number is replaced by a new
    /// one.
    pub const fn of(drawn: u64) -> Id {
        Id(AtomicU64::new(drawn))
    }

    /// Returns the id. It is the same as long as the process exists. In a forked child the object is another one than
    /// the parent's, and has another number.
    #[inline]
    pub fn get(&self) -> u64 {
        let known = self.0.load(Ordering::Acquire);
        if is_of_this_process(known) { known } else { self.draw(known) }
    }

    #[cold]
    fn draw(&self, known: u64) -> u64 {
        let id = next();
        // If two threads draw at once, the first one counts.
        self.0.compare_exchange(known, id, Ordering::AcqRel, Ordering::Acquire).map_or_else(|first| first, |_| id)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Returns whether the id was drawn since the process began, or was forked. (`GIVEN` is 0 at first, so 0 was not.)
#[inline]
fn is_of_this_process(id: u64) -> bool {
    // A thread that has an id sees it counted, because it was stored after that.
    id.wrapping_sub(FIRST.load(Ordering::Relaxed)) < GIVEN.load(Ordering::Relaxed)
}

/// Returns an unused number.
pub fn next() -> u64 {
    let first = match FIRST.load(Ordering::Acquire) {
        0 => start(),
        first => first,
    };
    first + GIVEN.fetch_add(1, Ordering::Relaxed)
}

/// Draws the first id. The keys of `RandomState` come from the system; a forked child inherits them, but has another
/// process id and time.
#[cold]
fn start() -> u64 {
    let own = (std::process::id(), crate::fork::generation(), SystemTime::now());
    let first = LOWEST + (RandomState::new().hash_one(own) >> 5);
    FIRST.compare_exchange(0, first, Ordering::AcqRel, Ordering::Acquire).map_or_else(|first| first, |_| first)
}

/// Resets the numbers in a forked child, which draws anew. Async-signal-safe.
pub fn forked() {
    GIVEN.store(0, Ordering::Relaxed);
    FIRST.store(0, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::sync::Barrier;

    #[test]
    fn ids_are_large_and_never_given_twice() {
        let ids: Vec<u64> = (0..1000).map(|_| Id::new().get()).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 1000);
        assert!(ids.iter().all(|id| (LOWEST..10 * LOWEST).contains(id)), "{ids:?}");
    }

    #[test]
    fn what_was_drawn_before_is_kept_and_nothing_else() {
        let drawn = next();
        assert_eq!((Id::of(drawn).get(), Id::of(drawn).get()), (drawn, drawn));
        for foreign in [0, 1, drawn.wrapping_sub(1 << 60), u64::MAX] {
            let id = Id::of(foreign).get();
            assert!(id > drawn && id != foreign, "{foreign} gives {id}");
        }
    }

    #[test]
    fn threads_that_ask_for_one_id_at_once_get_the_same() {
        let (ids, barrier): (Vec<Id>, _) = ((0..1000).map(|_| Id::new()).collect(), Barrier::new(4));
        let ask = || {
            barrier.wait();
            ids.iter().map(Id::get).collect::<Vec<u64>>()
        };
        let all: Vec<Vec<u64>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(all.iter().all(|some| *some == all[0]));
        assert_eq!(all[0].iter().collect::<HashSet<_>>().len(), 1000);
    }
}
