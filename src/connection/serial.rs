//! Turns of serial objects: calls for one object one at a time, except while their holder waits.

use crate::sync::{Condvar, Mutex, lock, thread_local, wait};
use std::cell::RefCell;
use std::sync::Arc;

/// The turn of one object.
#[derive(Clone, Default)]
pub struct Turn(Arc<Inner>);

#[derive(Default)]
struct Inner {
    taken: Mutex<bool>,
    free: Condvar,
}

thread_local! {
    /// The turns that this thread holds, innermost last.
    static HELD: RefCell<Vec<Turn>> = const { RefCell::new(Vec::new()) };
}

impl Turn {
    fn take(&self) {
        let mut taken = lock(&self.0.taken);
        while *taken {
            taken = wait(&self.0.free, taken);
        }
        *taken = true;
    }

    fn give_back(&self) {
        *lock(&self.0.taken) = false;
        self.0.free.notify_one();
    }

    /// Runs `f` when it is this object's turn.
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        // A call of one's own object, made within its turn, belongs to that turn.
        if HELD.with(|held| held.borrow().iter().any(|mine| Arc::ptr_eq(&mine.0, &self.0))) {
            return f();
        }
        self.take();
        HELD.with(|held| held.borrow_mut().push(self.clone()));
        let _end = End(self);
        f()
    }
}

struct End<'a>(&'a Turn);

impl Drop for End<'_> {
    fn drop(&mut self) {
        HELD.with(|held| held.borrow_mut().pop());
        self.0.give_back();
    }
}

/// While it lives, this thread waits for somebody else and holds no turn.
pub struct Pause(Vec<Turn>);

#[inline]
pub fn pause() -> Option<Pause> {
    let held = HELD.with(|held| if held.borrow().is_empty() { Vec::new() } else { held.take() });
    if held.is_empty() {
        return None;
    }
    held.iter().for_each(Turn::give_back);
    Some(Pause(held))
}

impl Drop for Pause {
    fn drop(&mut self) {
        let held = std::mem::take(&mut self.0);
        held.iter().for_each(Turn::take);
        HELD.with(|mine| mine.replace(held));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;

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
