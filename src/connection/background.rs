//! Threads of the library that serve a connection: in the background, or several at once.

use super::Connection;
use super::shared::Shared;
use super::state::Key;
use crate::error::{Error, Result};
use crate::objects::{Turn, turn};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Condvar, Mutex, STACK, Started, lock, thread, thread_local, wait};
use crate::{fork, panics};
use std::cell::RefCell;
use std::sync::Arc;

thread_local! {
    /// The background servings whose threads this one is of.
    static HERE: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Threads that serve a connection in the background. Dropping it stops them, without waiting.
pub struct Background {
    serving: Arc<Serving>,
}

struct Serving {
    stopping: AtomicBool,
    state: Mutex<State>,
    ended: Condvar,
    forks: u32,
}

struct State {
    /// Threads that have not ended.
    running: usize,
    /// Those that were started, until somebody has waited for them.
    threads: Vec<Started>,
    /// Somebody waits for them just now.
    joining: bool,
    /// Of whom to tell when they are to stop; gone with the last of them.
    shared: Option<Arc<Shared>>,
    /// How the connection ended, unless it was closed.
    failed: Option<Error>,
}

/// One of the threads. It is told last that it has ended: by then it holds nothing of the connection any more.
struct Worker(Arc<Serving>);

impl Drop for Worker {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.running -= 1;
        let last = if state.running == 0 { state.shared.take() } else { None };
        drop(state);
        // It may run code of the host.
        drop(last);
        let this = Arc::as_ptr(&self.0) as usize;
        HERE.with(|here| here.borrow_mut().retain(|other| *other != this));
        self.0.ended.notify_all();
    }
}

impl Serving {
    fn work(self: &Arc<Serving>, shared: &Arc<Shared>) {
        let this = Arc::as_ptr(self) as usize;
        HERE.with(|here| here.borrow_mut().push(this));
        let served = panics::inside(|| shared.serve_in_background(|| self.stopping.load(Ordering::Acquire)));
        if let Ok(Err(error)) = served {
            if !matches!(error, Error::Eof(_) | Error::Closed(_)) {
                lock(&self.state).failed.get_or_insert(error);
            }
        }
    }
}

impl Connection {
    fn start_serving(&self, threads: usize, in_order: bool) -> Result<Arc<Serving>> {
        self.shared.check_fork()?;
        if threads == 0 || threads > 1024 {
            return Err(Error::Argument("a connection is served by 1 to 1024 threads".into()));
        }
        self.shared.lock().reader.order = in_order.then(Turn::default);
        let state = State {
            running: threads,
            threads: Vec::new(),
            joining: false,
            shared: Some(self.shared.clone()),
            failed: None,
        };
        Ok(Arc::new(Serving {
            stopping: AtomicBool::new(false),
            state: Mutex::new(state),
            ended: Condvar::new(),
            forks: fork::generation(),
        }))
    }

    /// Serves in `threads` threads of their own, until the connection ends or they are stopped. Calls run as they come, as many
    /// at once as there are threads, or one after the other in the order of their arrival.
    pub fn serve_background(&self, threads: usize, in_order: bool) -> Result<Background> {
        let serving = self.start_serving(threads, in_order)?;
        spawn(&serving, &self.shared, threads)?;
        Ok(Background { serving })
    }

    /// Serves in this thread and in `threads` - 1 more, until the connection ends.
    pub fn serve_threaded(&self, threads: usize, in_order: bool) -> Result<()> {
        let serving = self.start_serving(threads, in_order)?;
        let background = Background { serving };
        let worker = Worker(background.serving.clone());
        spawn(&background.serving, &self.shared, threads - 1)?;
        background.serving.work(&self.shared);
        drop(worker);
        background.join()
    }
}

fn spawn(serving: &Arc<Serving>, shared: &Arc<Shared>, threads: usize) -> Result<()> {
    // All are counted already, those too that cannot be had.
    let workers: Vec<Worker> = (0..threads).map(|_| Worker(serving.clone())).collect();
    for worker in workers {
        let (own, shared) = (serving.clone(), shared.clone());
        let run = move || {
            let _last = worker;
            // These go before that, and with them perhaps what the host lent.
            let (own, shared) = (own, shared);
            own.work(&shared);
        };
        match Started::spawn(thread::Builder::new().name("rpyc-serve".into()).stack_size(STACK), run) {
            Ok(thread) => lock(&serving.state).threads.push(thread),
            Err(e) => {
                serving.stop();
                return Err(Error::io("cannot start a thread that serves", e));
            }
        }
    }
    Ok(())
}

impl Background {
    /// Has the threads end after what they are doing now, without waiting for that. The connection stays open.
    pub fn stop(&self) -> Result<()> {
        Error::unless_forked(self.serving.forks, "background serving")?;
        self.serving.stop();
        Ok(())
    }

    /// Waits until the threads have ended, and nothing of them is left. The error is how the connection ended, if it was neither closed nor stopped.
    pub fn join(&self) -> Result<()> {
        Error::unless_forked(self.serving.forks, "background serving")?;
        let this = Arc::as_ptr(&self.serving) as usize;
        if HERE.with(|here| here.borrow().contains(&this)) {
            return Err(Error::Deadlock("a thread that serves cannot wait for itself".into()));
        }
        let _pause = turn::pause();
        let mut state = lock(&self.serving.state);
        while state.running > 0 || state.joining {
            state = wait(&self.serving.ended, state);
        }
        let threads = std::mem::take(&mut state.threads);
        if !threads.is_empty() {
            state.joining = true;
            drop(state);
            threads.into_iter().for_each(Started::join);
            state = lock(&self.serving.state);
            state.joining = false;
            self.serving.ended.notify_all();
        }
        state.failed.clone().map_or(Ok(()), Err)
    }

    /// Do any of the threads still run?
    pub fn is_running(&self) -> bool {
        fork::is_ours(self.serving.forks) && lock(&self.serving.state).running > 0
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

impl Serving {
    fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        let shared = lock(&self.state).shared.clone();
        if let Some(shared) = shared {
            shared.wake_waiting(|key| key == Key::Background);
        }
    }
}
