//! Turns of serial objects: one call of an object runs at a time, except while its holder waits.

use crate::sync::{Condvar, Mutex, lock, thread_local, wait};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::mem::ManuallyDrop;
use std::sync::Arc;

/// The turn of one object, or a place in its queue if calls run in order.
#[derive(Clone, Default)]
pub struct Turn(Arc<Inner>, Option<u64>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    free: Condvar,
}

#[derive(Default)]
struct State {
    taken: bool,
    /// The places of waiting threads, and the last place that was assigned.
    line: BTreeSet<u64>,
    last: u64,
}

impl State {
    /// Takes the turn unless it is taken or another place precedes.
    fn take(&mut self, place: Option<u64>) -> bool {
        let first = place.is_none() || self.line.first().is_none_or(|first| place <= Some(*first));
        if self.taken || !first {
            return false;
        }
        if let Some(place) = place {
            self.line.remove(&place);
        }
        self.taken = true;
        true
    }
}

thread_local! {
    /// The turns that this thread holds, innermost last. Without a destructor, it exists as long as the thread.
    static HELD: ManuallyDrop<RefCell<Vec<Turn>>> = const { ManuallyDrop::new(RefCell::new(Vec::new())) };
}

impl Turn {
    /// Takes a place at the end of the queue, which runs after all earlier ones.
    pub fn line_up(&self) -> Turn {
        let mut state = lock(&self.0.state);
        state.last += 1;
        let place = state.last;
        state.line.insert(place);
        Turn(self.0.clone(), Some(place))
    }

    fn take(&self) {
        let mut state = lock(&self.0.state);
        // A thread that held the turn before returns to its old place.
        state.line.extend(self.1);
        while !state.take(self.1) {
            state = wait(&self.0.free, state);
        }
    }

    fn try_take(&self) -> bool {
        lock(&self.0.state).take(self.1)
    }

    fn give_back(&self) {
        lock(&self.0.state).taken = false;
        match self.1 {
            None => self.0.free.notify_one(),
            // Only the first of the waiting threads can take it, so all are woken.
            Some(_) => self.0.free.notify_all(),
        }
    }

    /// Waits for the object's turn and runs `f`.
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        // A nested call of the same object belongs to the turn that this thread holds.
        if HELD.with(|held| held.borrow().iter().any(|mine| Arc::ptr_eq(&mine.0, &self.0))) {
            return f();
        }
        if !self.try_take() {
            // The holder of this turn may be waiting for one of this thread's turns.
            let mut turns = pause().map(Pause::into_turns).unwrap_or_default();
            turns.push(self.clone());
            take_all(&turns);
            turns.pop();
            HELD.with(|held| held.replace(turns));
        }
        HELD.with(|held| held.borrow_mut().push(self.clone()));
        let _end = End(self);
        f()
    }
}

/// Takes several turns. Holds none of them while it waits for one, so two threads never wait for each other.
fn take_all(turns: &[Turn]) {
    let Some(mut awaited) = turns.first() else { return };
    loop {
        awaited.take();
        let here = |turn: &&Turn| Arc::ptr_eq(&turn.0, &awaited.0);
        let Some(at) = turns.iter().position(|turn| !here(&turn) && !turn.try_take()) else { return };
        turns.iter().take(at).filter(|turn| !here(turn)).for_each(Turn::give_back);
        awaited.give_back();
        let Some(taken) = turns.get(at) else { return };
        awaited = taken;
    }
}

struct End<'a>(&'a Turn);

impl Drop for End<'_> {
    fn drop(&mut self) {
        HELD.with(|held| {
            let mut held = held.borrow_mut();
            held.pop();
            if held.is_empty() {
                // The vector would leak when the thread ends.
                *held = Vec::new();
            }
        });
        self.0.give_back();
    }
}

/// While it exists, this thread waits for something else and holds no turn.
pub struct Pause(Vec<Turn>);

#[inline]
pub fn pause() -> Option<Pause> {
    if HELD.with(|held| held.borrow().is_empty()) { None } else { pause_some() }
}

#[cold]
#[inline(never)]
fn pause_some() -> Option<Pause> {
    let held = HELD.with(|held| held.take());
    held.iter().for_each(Turn::give_back);
    Some(Pause(held))
}

impl Pause {
    /// Ends the pause without taking the turns again.
    fn into_turns(mut self) -> Vec<Turn> {
        std::mem::take(&mut self.0)
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        let held = std::mem::take(&mut self.0);
        if !held.is_empty() {
            take_all(&held);
            HELD.with(|mine| mine.replace(held));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;

    #[test]
    fn nested_turns_in_opposite_order_do_not_block_each_other() {
        let (left, right) = (Turn::default(), Turn::default());
        let both = Arc::new(std::sync::Barrier::new(2));
        let threads = [(left.clone(), right.clone()), (right, left)].map(|(outer, inner)| {
            let both = both.clone();
            std::thread::spawn(move || {
                outer.run(|| {
                    both.wait();
                    inner.run(|| HELD.with(|held| assert_eq!(held.borrow().len(), 2)));
                    // Two threads that take both turns again, in opposite order.
                    inner.run(|| {
                        let pause = pause();
                        both.wait();
                        drop(pause);
                    });
                });
                HELD.with(|held| assert!(held.borrow().is_empty()));
            })
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }

    #[test]
    fn the_turn_is_given_up_while_its_holder_waits() {
        let turn = Turn::default();
        let other = turn.clone();
        let (entered, wait_entered) = mpsc::channel();
        let (go, wait_go) = mpsc::channel::<()>();
        let ran = Arc::new(AtomicBool::new(false));
        let ran_in_thread = ran.clone();
        turn.run(|| {
            let thread = std::thread::spawn(move || {
                entered.send(()).unwrap();
                other.run(|| ran_in_thread.store(true, Ordering::SeqCst));
                go.send(()).unwrap();
            });
            wait_entered.recv().unwrap();
            assert!(!ran.load(Ordering::SeqCst));
            let pause = pause();
            assert!(pause.is_some());
            wait_go.recv().unwrap();
            drop(pause);
            assert!(ran.load(Ordering::SeqCst));
            thread.join().unwrap();
        });
    }
}
