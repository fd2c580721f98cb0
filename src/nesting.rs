//! Limits the nesting of calls and values: by a count for each thread, and by the stack that is left.
//!
//! Every level takes a `Level`: a request of a peer that is served here, an operation on an object of this process, a
//! destructor or a callback that runs because of a message. Walks over values take a `step` for each container; if
//! there is no room for one, they continue without recursion (`value::Flat`). Values that die while another one is
//! dropped are dropped one after the other (`let_go`).
//!
//! If the stack pointer is outside of the thread's limits (coroutines, split stacks, alternate signal stacks), or if
//! the limits are unknown, only the count applies.

use crate::sync::thread_local;
use crate::transport::sys::stack_limits;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::mem::ManuallyDrop;

/// Maximum number of levels of a thread on which no request of a peer is served.
const WITHOUT_PEER: usize = 1000;
/// A quarter of a stack, within these bounds, is reserved for the innermost level: for the locals of its code, the
/// exception for requests beyond it, and the walks over values. Levels take up to 5 KiB, and such an exception takes 12
/// with everything that a profile inlines; tests/c_border/nesting.c fails if less than 2 are left.
const RESERVE: (usize, usize) = (16 << 10, 256 << 10);
/// Stack that a walk over a value needs beyond its containers. Unoptimised code needs more.
const WALK: usize = if cfg!(debug_assertions) { 96 << 10 } else { 12 << 10 };
/// Maximum depth of containers in a walk if the limits of the stack are unknown.
const UNKNOWN: usize = 64;
/// Maximum depth of nested destructors; those further in are run by the outermost.
const DESTRUCTORS: usize = 8;
/// Maximum depth of released objects whose destructors wait while others are released; those further in are dropped by
/// the innermost of these.
const GIVEN_BACK: usize = 4;

type Task = Box<dyn FnOnce()>;

struct Thread {
    /// The number of levels entered.
    depth: Cell<usize>,
    /// The maximum: max_serving of the connection whose request is served.
    most: Cell<usize>,
    /// The end of the stack, the end of the reserve above it, and the beginning of the stack. All 0 if unknown.
    low: Cell<usize>,
    floor: Cell<usize>,
    high: Cell<usize>,
    asked: Cell<bool>,
    /// The number of containers that a walk is in.
    walked: Cell<usize>,
    /// The depth of nested drops.
    drops: Cell<usize>,
    /// The depth of nested drops of released objects.
    given_back: Cell<usize>,
    /// Work is postponed, and is not being run.
    left: Cell<bool>,
}

thread_local! {
    static THREAD: Thread = const {
        Thread {
            depth: Cell::new(0),
            most: Cell::new(WITHOUT_PEER),
            low: Cell::new(0),
            floor: Cell::new(0),
            high: Cell::new(0),
            asked: Cell::new(false),
            walked: Cell::new(0),
            drops: Cell::new(0),
            given_back: Cell::new(0),
            left: Cell::new(false),
        }
    };
    /// Work that is postponed until there is room: code of the application, so it must never run where a lock may be
    /// held. Without a destructor, so it is available until the thread has ended.
    static LEFT: ManuallyDrop<RefCell<Vec<Task>>> = const { ManuallyDrop::new(RefCell::new(Vec::new())) };
    /// Released objects that wait to be dropped.
    static GIVEN: ManuallyDrop<RefCell<VecDeque<Task>>> = const { ManuallyDrop::new(RefCell::new(VecDeque::new())) };
    /// Values to be dropped by the outermost drop.
    static DYING: ManuallyDrop<RefCell<Vec<Task>>> = const { ManuallyDrop::new(RefCell::new(Vec::new())) };
}

/// Returns the approximate stack pointer.
#[inline(always)]
fn here() -> usize {
    let local = 0u8;
    std::hint::black_box(&raw const local).addr()
}

impl Thread {
    /// Returns whether less than the reserve is left.
    #[inline]
    fn is_short(&self) -> bool {
        let here = here();
        here.wrapping_sub(self.floor.get()) >= self.high.get().wrapping_sub(self.floor.get())
            && self.is_below(here, &self.floor)
    }

    /// Returns whether this address is on the stack, and below the mark.
    #[cold]
    #[inline(never)]
    fn is_below(&self, here: usize, mark: &Cell<usize>) -> bool {
        if !self.asked.replace(true) {
            if let Some(limits) = stack_limits() {
                let reserve = (limits.len() / 4).clamp(RESERVE.0, RESERVE.1).min(limits.len() / 2);
                self.low.set(limits.start);
                self.floor.set(limits.start + reserve);
                self.high.set(limits.end);
            }
        }
        (self.low.get()..mark.get()).contains(&here)
    }

    /// Returns how much of the stack is left; None if it is unknown.
    fn left(&self) -> Option<usize> {
        let here = here();
        self.is_below(here, &self.floor);
        (self.low.get()..self.high.get()).contains(&here).then(|| here - self.low.get())
    }
}

/// A level of nesting, while it exists.
pub struct Level {
    most: usize,
    drops: usize,
}

impl Level {
    /// Enters a level for a peer whose connection allows `most`.
    #[inline]
    pub fn enter(most: usize) -> Result<Level, TooDeep> {
        THREAD.with(|thread| {
            let depth = thread.depth.get();
            if depth >= most || thread.is_short() {
                return Err(TooDeep);
            }
            thread.depth.set(depth + 1);
            Ok(Level { most: thread.most.replace(most), drops: thread.drops.take() })
        })
    }

    /// Enters the outermost level of a thread whose stack is short already, for work that no other level can run. Work
    /// inside of it can be postponed.
    fn first(most: usize) -> Level {
        THREAD.with(|thread| {
            thread.depth.set(thread.depth.get() + 1);
            Level { most: thread.most.replace(most), drops: thread.drops.take() }
        })
    }

    /// Enters a level within a request that is being served, or on a thread that serves none.
    #[inline]
    pub fn enter_within() -> Result<Level, TooDeep> {
        Level::enter(THREAD.with(|thread| thread.most.get()))
    }
}

impl Level {
    /// Returns whether leaving it may run postponed work. Then no lock may be held.
    #[inline]
    pub fn has_rest(&self) -> bool {
        THREAD.with(|thread| thread.left.get())
    }
}

impl Drop for Level {
    #[inline]
    fn drop(&mut self) {
        THREAD.with(|thread| {
            thread.depth.set(thread.depth.get() - 1);
            thread.drops.set(self.drops);
            let most = thread.most.replace(self.most);
            if thread.left.get() {
                do_rest(most);
            }
        });
    }
}

/// Runs work that cannot be rejected one level deeper, for a peer whose connection allows `most`: at once or, without
/// room, when about half of the levels have been left.
#[inline]
pub fn deeper(most: usize, run: impl FnOnce() + 'static) {
    match Level::enter(most) {
        Ok(_level) => run(),
        Err(TooDeep) => later(most, run),
    }
}

/// Drops an object that a peer released, as `deeper` does. Destructors that wait for a peer which releases more
/// meanwhile have a limit of their own, because requests of the peer read there would be rejected otherwise.
pub fn give_back(most: usize, run: impl FnOnce() + 'static) {
    let inside = THREAD.with(|thread| thread.given_back.get());
    if inside >= GIVEN_BACK {
        return GIVEN.with(|given| given.borrow_mut().push_back(Box::new(run)));
    }
    let _given = Given::enter(inside + 1, inside);
    deeper(most, run);
    while let Some(next) = next_given() {
        deeper(most, next);
    }
}

/// Takes the next one. The last one frees the memory of the list.
fn next_given() -> Option<Task> {
    GIVEN.with(|given| {
        let mut given = given.borrow_mut();
        let next = given.pop_front()?;
        if given.is_empty() {
            *given = VecDeque::new();
        }
        Some(next)
    })
}

/// Restores the depth of drops of released objects.
struct Given(usize);

impl Given {
    fn enter(now: usize, before: usize) -> Given {
        THREAD.with(|thread| thread.given_back.set(now));
        Given(before)
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        THREAD.with(|thread| thread.given_back.set(self.0));
    }
}

/// Does the same as `deeper`, within a request that is being served.
pub fn within(run: impl FnOnce() + 'static) {
    deeper(THREAD.with(|thread| thread.most.get()), run)
}

#[cold]
#[inline(never)]
fn later(most: usize, run: impl FnOnce() + 'static) {
    // If no level will be left, the application's own code has used up the stack.
    if THREAD.with(|thread| thread.depth.get()) == 0 {
        let _level = Level::first(most);
        return run();
    }
    LEFT.with(|left| left.borrow_mut().push(Box::new(run)));
    THREAD.with(|thread| thread.left.set(true));
}

/// Takes the last item of a list. The last one of all frees the list's memory, which would leak when the thread ends.
fn take_last(list: &RefCell<Vec<Task>>) -> Option<Task> {
    let mut list = list.borrow_mut();
    let last = list.pop();
    if list.is_empty() {
        *list = Vec::new();
    }
    last
}

#[cold]
#[inline(never)]
fn do_rest(most: usize) {
    THREAD.with(|thread| {
        let depth = thread.depth.get();
        if depth > 0 && (depth > most / 2 || thread.is_short()) {
            return;
        }
        thread.left.set(false);
        while let Some(next) = LEFT.with(|left| take_last(left)) {
            let level = Level::enter(most).unwrap_or_else(|TooDeep| Level::first(most));
            next();
            thread.left.set(false);
            drop(level);
        }
    });
}

/// The maximum number of levels is reached, or the stack is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooDeep;

impl TooDeep {
    /// Makes the message for the caller. Call it at the place that was rejected.
    #[cold]
    #[inline(never)]
    pub fn text(self) -> String {
        let (depth, left) = THREAD.with(|thread| (thread.depth.get(), thread.is_short().then(|| thread.left())));
        match left.flatten() {
            Some(left) => format!("maximum recursion depth exceeded: {} KiB of the stack remain", left >> 10),
            None => format!("maximum recursion depth exceeded: {depth} nested calls (option max_serving)"),
        }
    }
}

/// Enters a container of a value, while the result exists. None if the stack is short: the walk must continue without
/// recursion.
#[inline]
pub fn step() -> Option<Step> {
    THREAD.with(|thread| {
        let walked = thread.walked.get();
        let here = here();
        let known = here.wrapping_sub(thread.low.get()) < thread.high.get().wrapping_sub(thread.low.get());
        let fits = if known { here - thread.low.get() >= WALK } else { !is_out_of_room(thread, walked) };
        fits.then(|| {
            thread.walked.set(walked + 1);
            Step(())
        })
    })
}

/// A container that a walk is in.
pub struct Step(());

impl Drop for Step {
    #[inline]
    fn drop(&mut self) {
        THREAD.with(|thread| thread.walked.set(thread.walked.get() - 1));
    }
}

/// Does the same as `step` if the limits of the stack are not known yet, or do not apply.
#[cold]
#[inline(never)]
fn is_out_of_room(thread: &Thread, walked: usize) -> bool {
    thread.left().map_or(walked >= UNKNOWN, |left| left < WALK)
}

/// Returns whether the stack is too short for a recursive walk to enter one more container.
pub fn is_short() -> bool {
    THREAD.with(|thread| thread.left().is_some_and(|left| left < WALK))
}

/// Drops a value whose drop may drop more of its kind, to any depth: at once or, deep inside of other such drops, by
/// the outermost one.
#[inline]
pub fn let_go<T: 'static>(dying: T) {
    let drops = THREAD.with(|thread| thread.drops.get());
    if drops >= DESTRUCTORS || drops > 0 && THREAD.with(Thread::is_short) {
        return DYING.with(|list| list.borrow_mut().push(Box::new(move || drop(dying))));
    }
    let _drops = Drops::enter(drops + 1, drops);
    drop(dying);
    if drops == 0 {
        while let Some(next) = DYING.with(|list| take_last(list)) {
            next();
        }
    }
}

/// Restores the depth of drops.
struct Drops(usize);

impl Drops {
    #[inline]
    fn enter(now: usize, before: usize) -> Drops {
        THREAD.with(|thread| thread.drops.set(now));
        Drops(before)
    }
}

impl Drop for Drops {
    #[inline]
    fn drop(&mut self) {
        THREAD.with(|thread| thread.drops.set(self.0));
    }
}

#[cfg(all(test, not(feature = "model")))]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn on_stack<R: Send + 'static>(size: usize, run: impl FnOnce() -> R + Send + 'static) -> R {
        std::thread::Builder::new().stack_size(size).spawn(run).unwrap().join().unwrap()
    }

    fn enter(most: usize, roomy: bool) -> usize {
        let room = [0u8; 4096];
        std::hint::black_box(&room);
        match Level::enter(most) {
            Ok(_level) => 1 + enter(most, roomy),
            Err(too_deep) => {
                let exception = too_deep.exception();
                assert!(exception.is_builtin("RecursionError"));
                assert_eq!(exception.summary().contains("max_serving"), roomy, "{}", exception.summary());
                0
            }
        }
    }

    #[test]
    fn levels_end_by_their_number_or_with_the_stack() {
        let first = on_stack(8 << 20, || (enter(50, true), enter(0, true), THREAD.with(|thread| thread.depth.get())));
        assert_eq!(first, (50, 0, 0));
        let levels = on_stack(1 << 20, || enter(100_000, false));
        assert!((20..5000).contains(&levels), "{levels}");
    }

    #[test]
    fn what_cannot_be_refused_comes_later() {
        on_stack(8 << 20, || {
            let ran = Arc::new(AtomicUsize::new(0));
            let held: Vec<Level> = (0..10).map(|_| Level::enter(10).unwrap()).collect();
            let count = ran.clone();
            deeper(10, move || count.store(1, Ordering::Relaxed));
            assert_eq!(ran.load(Ordering::Relaxed), 0);
            held.into_iter().rev().for_each(drop);
            assert_eq!(ran.load(Ordering::Relaxed), 1);
            let count = ran.clone();
            within(move || count.store(2, Ordering::Relaxed));
            assert_eq!(ran.load(Ordering::Relaxed), 2);
        });
    }

    thread_local! {
        static INSIDE: Cell<usize> = const { Cell::new(0) };
        static DEEPEST: Cell<usize> = const { Cell::new(0) };
        static RAN: Cell<usize> = const { Cell::new(0) };
    }

    /// Runs like a callback of a result that waits while the next result arrives.
    fn chain(more: usize) {
        RAN.set(RAN.get() + 1);
        INSIDE.set(INSIDE.get() + 1);
        DEEPEST.set(DEEPEST.get().max(INSIDE.get()));
        if more > 0 {
            deeper(1000, move || chain(more - 1));
        }
        INSIDE.set(INSIDE.get() - 1);
    }

    /// Runs a function with less than the reserve left, in no level.
    fn on_the_last_bytes(run: fn()) {
        let room = [0u8; 1024];
        std::hint::black_box(&room);
        if THREAD.with(Thread::is_short) {
            run()
        } else {
            on_the_last_bytes(run)
        }
        std::hint::black_box(&room);
    }

    #[test]
    fn what_cannot_be_refused_does_not_nest_where_the_stack_was_short_before() {
        let (ran, deepest) = on_stack(512 << 10, || {
            on_the_last_bytes(|| chain(100_000));
            (RAN.get(), DEEPEST.get())
        });
        // The outermost, and one that no other level could run.
        assert_eq!((ran, deepest), (100_001, 2));
    }

    fn give_back_within(levels: usize, deepest: &Arc<AtomicUsize>, ran: &Arc<AtomicUsize>) {
        let (deepest, ran) = (deepest.clone(), ran.clone());
        give_back(1000, move || {
            ran.fetch_add(1, Ordering::Relaxed);
            deepest.fetch_max(THREAD.with(|thread| thread.given_back.get()), Ordering::Relaxed);
            // As when a destructor waits, and more is released.
            for _ in 0..levels.min(2) {
                give_back_within(levels - 1, &deepest, &ran);
            }
        });
    }

    #[test]
    fn what_is_given_back_meanwhile_is_not_nested_without_limit() {
        let (deepest, ran) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        give_back_within(15, &deepest, &ran);
        assert_eq!((deepest.load(Ordering::Relaxed), ran.load(Ordering::Relaxed)), (GIVEN_BACK, 3 * (1 << 14) - 1));
        assert_eq!(THREAD.with(|thread| (thread.given_back.get(), thread.depth.get())), (0, 0));
    }

    #[test]
    fn a_drop_runs_nothing_that_was_put_off() {
        on_stack(8 << 20, || {
            let (ran, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let held: Vec<Level> = (0..10).map(|_| Level::enter(10).unwrap()).collect();
            let count = ran.clone();
            deeper(10, move || count.store(1, Ordering::Relaxed));
            assert!(held[0].has_rest());
            let_go((0..20).fold(None, |next, _| Some(Box::new(Link(next, dropped.clone())))));
            assert_eq!((dropped.load(Ordering::Relaxed), ran.load(Ordering::Relaxed)), (20, 0));
            held.into_iter().rev().for_each(drop);
            assert_eq!(ran.load(Ordering::Relaxed), 1);
        });
    }

    fn walk(levels: usize) -> usize {
        let room = [0u8; 1024];
        std::hint::black_box(&room);
        if levels == 0 { 0 } else { step().map_or(levels, |_step| walk(levels - 1)) }
    }

    #[test]
    fn walks_end_where_the_stack_is_short() {
        assert!((1..1000).contains(&on_stack(256 << 10, || walk(1000))));
        assert_eq!(on_stack(16 << 20, || walk(1000)), 0);
    }

    struct Link(Option<Box<Link>>, Arc<AtomicUsize>);

    impl Drop for Link {
        fn drop(&mut self) {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.take().into_iter().for_each(let_go);
        }
    }

    #[test]
    fn chains_are_dropped_without_recursion() {
        let count = Arc::new(AtomicUsize::new(0));
        let links = count.clone();
        on_stack(256 << 10, move || {
            let chain = (0..100_000).fold(None, |next, _| Some(Box::new(Link(next, links.clone()))));
            drop(chain);
        });
        assert_eq!(count.load(Ordering::Relaxed), 100_000);
    }
}
