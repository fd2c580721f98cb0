//! Starts the threads of the library, and groups them into crews: counted, and joined until they have released
//! everything.

use super::thread::{Builder, JoinHandle};
use super::{Arc, Condvar, Mutex, lock, thread_local, wait};
use crate::fork;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU64, Ordering};

/// The stack size of each thread that the library starts, that of a program's first thread: calls nest, up to
/// `max_serving`. Without an explicit size std would read the environment, which the library does not do.
pub const STACK: usize = 8 << 20;

/// The number of the last started thread. Threads of the application have none.
static LAST: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The number of this thread, if the library started it.
    static NUMBER: Cell<u64> = const { Cell::new(0) };
    /// The crews of this thread. Without a destructor, so it is available until the thread has ended.
    static CREWS: ManuallyDrop<RefCell<Vec<usize>>> = const { ManuallyDrop::new(RefCell::new(Vec::new())) };
}

/// A started thread. Dropping it detaches the thread.
pub struct Started {
    /// None once it has been taken.
    thread: Option<JoinHandle<()>>,
    number: u64,
    forks: u32,
}

impl Started {
    /// Starts a thread of the library. It inherits the signal mask of the thread that starts it, as the guide
    /// documents.
    pub fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<Started> {
        let number = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        let thread = Builder::new().name(name.into()).stack_size(STACK).spawn(move || {
            NUMBER.with(|here| here.set(number));
            run();
        })?;
        Ok(Started { thread: Some(thread), number, forks: fork::generation() })
    }

    /// Waits until the system has freed the thread too. A thread does not wait for itself, nor a forked child for the
    /// parent's threads.
    fn join(mut self) {
        if self.is_ours() && self.number != NUMBER.with(Cell::get) {
            // Its panic has been logged already.
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
            // In a forked child its memory may belong to another thread.
            std::mem::forget(self.thread.take());
        }
    }
}

/// Threads that do one work together. Every thread can wait for them, except they themselves.
pub struct Crew {
    state: Mutex<State>,
    changed: Condvar,
    forks: u32,
}

#[derive(Default)]
struct State {
    /// The number of threads, including those of the application.
    count: usize,
    /// The threads of the library, by their numbers.
    own: HashMap<u64, Started>,
    /// The thread that ended last. It joins the one before it, so that only one is left.
    ended: Option<Started>,
    /// A thread is joining it.
    joining: bool,
}

impl Crew {
    pub fn new() -> Arc<Crew> {
        Arc::new(Crew { state: Mutex::default(), changed: Condvar::new(), forks: fork::generation() })
    }

    /// Makes this thread a member of the crew while the result exists.
    pub fn enter(self: &Arc<Crew>) -> Member {
        lock(&self.state).count += 1;
        Member::begin(self.clone(), false)
    }

    /// Starts one more thread. What it works with is dropped before it counts as ended.
    pub fn spawn(self: &Arc<Crew>, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        // Under the lock, so that it is registered before it ends.
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

    /// Frees the unused stack of this thread, if the library started it.
    pub fn trim_stack() {
        if NUMBER.with(Cell::get) != 0 {
            #[cfg(not(feature = "model"))]
            crate::transport::sys::give_back_stack();
        }
    }

    /// Returns whether this thread is a member.
    pub fn is_here(&self) -> bool {
        let this = std::ptr::from_ref(self) as usize;
        CREWS.with(|crews| crews.borrow().contains(&this))
    }

    pub fn is_running(&self) -> bool {
        lock(&self.state).count > 0
    }

    /// Waits until there are no threads and they have released everything. Does nothing in a member, nor in a forked
    /// child.
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

/// One thread of a crew. Its end is registered last: by then it holds nothing of the crew's work or of the application.
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
                // The memory would leak when the thread ends.
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
