//! Ids of objects and classes, as peers see them: counted for the whole process, from a random start.
//!
//! A Python process keys what it passes on by these numbers alone, whatever connection it came over, so no two processes
//! may count alike. They are never an address, and none is used for a second object.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// The first id of this process; 0: not drawn yet.
static FIRST: AtomicU64 = AtomicU64::new(0);
/// How many have been given out.
static GIVEN: AtomicU64 = AtomicU64::new(0);

/// All starts have 18 digits, which are read and written fast, and lie in a range of 59 bits. Counting gets to no 19th.
const LOWEST: u64 = 100_000_000_000_000_000;

/// The id of an object or a class, drawn when somebody asks for it.
#[derive(Default)]
pub struct Id(AtomicU64);

impl Id {
    pub const fn new() -> Id {
        Id(AtomicU64::new(0))
    }

    /// One that `next` has drawn, for what the application knows by it; instead of any other number one is drawn.
    pub const fn of(drawn: u64) -> Id {
        Id(AtomicU64::new(drawn))
    }

    /// The same number as long as the process lives. In a forked child, where the object is another one than the parent's,
    /// it is another number.
    #[inline]
    pub fn get(&self) -> u64 {
        let known = self.0.load(Ordering::Acquire);
        if is_of_this_process(known) { known } else { self.draw(known) }
    }

    #[cold]
    fn draw(&self, known: u64) -> u64 {
        let id = next();
        // Of two threads that draw at once the first counts.
        self.0.compare_exchange(known, id, Ordering::AcqRel, Ordering::Acquire).map_or_else(|first| first, |_| id)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Was it given out since the process began, or was forked? (Nothing is 0 more than the first, so 0 was not.)
#[inline]
fn is_of_this_process(id: u64) -> bool {
    // Whoever knows an id sees that it has been counted: it was stored after that.
    id.wrapping_sub(FIRST.load(Ordering::Relaxed)) < GIVEN.load(Ordering::Relaxed)
}

/// A number that nobody else has.
pub fn next() -> u64 {
    let first = match FIRST.load(Ordering::Acquire) {
        0 => start(),
        first => first,
    };
    first + GIVEN.fetch_add(1, Ordering::Relaxed)
}

/// Draws the first id. The keys of `RandomState` come from the system; a forked child inherits them, but not its number
/// nor the time.
#[cold]
fn start() -> u64 {
    let own = (std::process::id(), crate::fork::generation(), SystemTime::now());
    let first = LOWEST + (RandomState::new().hash_one(own) >> 5);
    FIRST.compare_exchange(0, first, Ordering::AcqRel, Ordering::Acquire).map_or_else(|first| first, |_| first)
}

/// This process has just been made by a fork: it draws anew. Async-signal-safe.
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
