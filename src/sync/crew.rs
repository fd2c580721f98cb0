//! The threads that the library starts, and crews of them: counted, and joined until nothing of them is left.

use super::thread::{Builder, JoinHandle};
use super::{Arc, Condvar, Mutex, lock, thread_local, wait};
use crate::fork;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU64, Ordering};

/// The stack of each thread that the library starts, as large as that of a program's first thread: calls nest, up to
/// `max_serving`. Without a size of ours std takes that of the environment, which we do not read.
pub const STACK: usize = 8 << 20;

/// The number of the thread that was started last. Those of the application have none.
static LAST: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The number of this thread, if the library has started it.
    static NUMBER: Cell<u64> = const { Cell::new(0) };
    /// The crews of which this thread is. Without a destructor it is there as long as the thread.
    static CREWS: ManuallyDrop<RefCell<Vec<usize>>> = const { ManuallyDrop::new(RefCell::new(Vec::new())) };
}

/// A thread that has been started. Whoever lets go of it leaves it to itself.
pub struct Started {
    /// None once it has been taken.
    thread: Option<JoinHandle<()>>,
    number: u64,
    forks: u32,
}

impl Started {
    /// Every thread of the library begins here. It inherits the signal mask of the thread that starts it, as the guide
    /// says.
    pub fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<Started> {
        let number = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        let thread = Builder::new().name(name.into()).stack_size(STACK).spawn(move || {
            NUMBER.with(|here| here.set(number));
            run();
        })?;
        Ok(Started { thread: Some(thread), number, forks: fork::generation() })
    }

    /// Waits until the system has done with it too. A thread does not wait for itself, nor a forked child for its parent's.
    fn join(mut self) {
        if self.is_ours() && self.number != NUMBER.with(Cell::get) {
            // Its panic has been told already.
            let _ = self.thread.take().map(JoinHandle::join);
        }
    }

    fn is_ours(&self) -> bool {
        fork::is_ours(self.forks)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if !self.is_ours() {
            // In a forked child its memory may be another thread's by now.
            std::mem::forget(self.thread.take());
        }
    }
}

/// Threads that do one work together. All can wait for them, but they themselves.
pub struct Crew {
    state: Mutex<State>,
    changed: Condvar,
    forks: u32,
}

#[derive(Default)]
struct State {
    /// How many there are, those of the application too.
    count: usize,
    /// Those of ours, by their numbers.
    own: HashMap<u64, Started>,
    /// The one that ended last, which waits for the one before it; so a single one is left.
    ended: Option<Started>,
    /// Somebody waits for it.
    joining: bool,
}

impl Crew {
    pub fn new() -> Arc<Crew> {
        Arc::new(Crew { state: Mutex::default(), changed: Condvar::new(), forks: fork::generation() })
    }

    /// This thread is one of the crew as long as the result lives.
    pub fn enter(self: &Arc<Crew>) -> Member {
        lock(&self.state).count += 1;
        Member::begin(self.clone(), false)
    }

    /// Starts one more. What it works with is gone before it counts as ended.
    pub fn spawn(self: &Arc<Crew>, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        // Under the lock, so that it is known before it ends.
        let mut state = lock(&self.state);
        let crew = self.clone();
        let run = move || {
            let _last = Member::begin(crew, true);
            work();
        };
        let started = Started::spawn(name, run)?;
        state.count += 1;
        state.own.insert(started.number, started);
        Ok(())
    }

    /// Gives back what the stack of this thread has taken beyond what lies on it, if the library has started it.
    pub fn trim_stack() {
        if NUMBER.with(Cell::get) != 0 {
            #[cfg(not(feature = "model"))]
            crate::transport::sys::give_back_stack();
        }
    }

    /// Is this thread one of them?
    pub fn is_here(&self) -> bool {
        let this = std::ptr::from_ref(self) as usize;
        CREWS.with(|crews| crews.borrow().contains(&this))
    }

    pub fn is_running(&self) -> bool {
        lock(&self.state).count > 0
    }

    /// Waits until there are none, and nothing of them is left. For their own it does nothing, nor in a forked child.
    pub fn join(&self) {
        if self.is_here() || !fork::is_ours(self.forks) {
            return;
        }
        let mut state = lock(&self.state);
        while state.count > 0 || state.joining {
            state = wait(&self.changed, state);
        }
        if let Some(last) = state.ended.take() {
            state.joining = true;
            drop(state);
            last.join();
            lock(&self.state).joining = false;
            self.changed.notify_all();
        }
    }
}

/// One thread of a crew. That it ends is told last: by then it holds nothing of the crew's work any more, nor of the
/// application.
pub struct Member {
    crew: Arc<Crew>,
    own: bool,
}

impl Member {
    fn begin(crew: Arc<Crew>, own: bool) -> Member {
        CREWS.with(|crews| crews.borrow_mut().push(Arc::as_ptr(&crew) as usize));
        Member { crew, own }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let this = Arc::as_ptr(&self.crew) as usize;
        CREWS.with(|crews| {
            let mut crews = crews.borrow_mut();
            if let Some(at) = crews.iter().rposition(|crew| *crew == this) {
                crews.remove(at);
            }
            if crews.is_empty() {
                // A thread that ends would leak its memory.
                *crews = Vec::new();
            }
        });
        let mut state = lock(&self.crew.state);
        state.count -= 1;
        let own = if self.own { state.own.remove(&NUMBER.with(Cell::get)) } else { None };
        let before = own.and_then(|own| state.ended.replace(own));
        drop(state);
        self.crew.changed.notify_all();
        before.into_iter().for_each(Started::join);
    }
}
