//! Serves a connection in threads of the library: in the background, or in several threads at once.

use super::Connection;
use super::shared::Shared;
use super::state::Key;
use crate::error::{Error, Result};
use crate::objects::{Turn, turn};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Crew, Mutex, lock};
use crate::{fork, panics};
use std::sync::{Arc, Weak};

/// Threads that serve a connection in the background. Dropping it stops them without waiting.
pub struct Background {
    serving: Arc<Serving>,
}

struct Serving {
    crew: Arc<Crew>,
    stopping: AtomicBool,
    /// Used to stop the threads. Weak, because the running threads keep the connection alive.
    shared: Weak<Shared>,
    /// The error that ended the connection, unless it was closed.
    failed: Mutex<Option<Error>>,
    forks: u32,
}

impl Serving {
    fn work(&self, shared: &Arc<Shared>, key: Key) {
        let served = panics::inside(|| shared.serve_in_background(key, || self.stopping.load(Ordering::Acquire)));
        if let Ok(Err(error)) = served {
            if !matches!(error, Error::Eof(_) | Error::Closed(_)) {
                lock(&self.failed).get_or_insert(error);
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
        self.shared.check_made()?;
        self.shared.lock().reader.order = in_order.then(Turn::default);
        Ok(Arc::new(Serving {
            crew: Crew::new(),
            stopping: AtomicBool::new(false),
            shared: Arc::downgrade(&self.shared),
            failed: Mutex::default(),
            forks: fork::generation(),
        }))
    }

    /// Serves in `threads` new threads until the connection ends or they are stopped. Calls run as they arrive, as many
    /// at once as there are threads; with `in_order` one at a time, in the order of their arrival.
    pub fn serve_background(&self, threads: usize, in_order: bool) -> Result<Background> {
        let serving = self.start_serving(threads, in_order)?;
        spawn(&serving, &self.shared, threads)?;
        Ok(Background { serving })
    }

    /// Serves in this thread and in `threads` - 1 more, until the connection ends.
    pub fn serve_threaded(&self, threads: usize, in_order: bool) -> Result<()> {
        let serving = self.start_serving(threads, in_order)?;
        let background = Background { serving };
        let member = background.serving.crew.enter();
        spawn(&background.serving, &self.shared, threads - 1)?;
        background.serving.work(&self.shared, Key::Threaded);
        if matches!(&*lock(&background.serving.failed), Some(Error::Interrupted(_))) {
            background.serving.stop();
        }
        drop(member);
        background.join()
    }
}

fn spawn(serving: &Arc<Serving>, shared: &Arc<Shared>, threads: usize) -> Result<()> {
    for _ in 0..threads {
        let (own, shared) = (serving.clone(), shared.clone());
        if let Err(e) = serving.crew.spawn("rpyc-serve", move || own.work(&shared, Key::Background)) {
            serving.stop();
            return Err(Error::io("cannot start a serving thread", e));
        }
    }
    Ok(())
}

impl Background {
    /// Stops the threads after their current work, without waiting for it. The connection stays open.
    pub fn stop(&self) -> Result<()> {
        Error::unless_forked(self.serving.forks, "background serving")?;
        self.serving.stop();
        Ok(())
    }

    /// Waits until the threads have ended and have released everything. The error is how the connection ended, if it
    /// was neither closed nor stopped.
    pub fn join(&self) -> Result<()> {
        Error::unless_forked(self.serving.forks, "background serving")?;
        if self.serving.crew.is_here() {
            return Err(Error::Deadlock("a serving thread cannot wait for itself".into()));
        }
        let _pause = turn::pause();
        self.serving.crew.join();
        lock(&self.serving.failed).clone().map_or(Ok(()), Err)
    }

    /// Returns whether any of the threads still runs.
    pub fn is_running(&self) -> bool {
        fork::is_ours(self.serving.forks) && self.serving.crew.is_running()
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
        if let Some(shared) = self.shared.upgrade() {
            shared.wake_waiting(|key| matches!(key, Key::Background | Key::Threaded));
        }
    }
}
