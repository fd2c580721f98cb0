//! Implements batches: many calls that are sent together, whose results are reported one by one or kept.

mod calls;
mod run;

pub use calls::{Calls, PreparedCall};

use super::shared::Shared;
use crate::error::{Error, Result};
use crate::sync::{Mutex, MutexGuard, lock};
use crate::value::{Text, Value};
use run::{RunBatch, StopBatch};
use std::sync::Arc;
use std::time::Duration;

/// Default for the maximum number of calls without a reply.
const WINDOW: usize = 256;

/// Calls that are added one by one and run together. After a run, new calls can be added.
pub struct Batch {
    window: usize,
    forks: u32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The calls added since the last run.
    calls: Calls,
    running: Option<Running>,
    /// The results of the last run, unless they were reported.
    results: Option<Vec<Result<Value>>>,
}

#[derive(Clone)]
struct Running {
    stop: Arc<StopBatch>,
    shared: Option<Arc<Shared>>,
}

impl State {
    fn check_idle(&self) -> Result<()> {
        match self.running {
            None => Ok(()),
            Some(_) => Err(Error::State("the batch is running".into())),
        }
    }
}

/// Ends a run on every path, with the results that are kept.
struct Ending<'a> {
    batch: &'a Batch,
    results: Option<Vec<Result<Value>>>,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.batch.state);
        let running = state.running.take();
        state.results = self.results.take();
        drop(state);
        // It may be the last reference to its connection.
        drop(running);
    }
}

impl Batch {
    /// Makes a batch with at most `window` calls without a reply; 0 is the default.
    pub fn new(window: usize) -> Batch {
        let window = if window == 0 { WINDOW } else { window };
        Batch { window, forks: crate::fork::generation(), state: Mutex::default() }
    }

    /// Locks the state. Fails after a fork, because a thread of the parent may hold the lock forever.
    fn lock(&self) -> Result<MutexGuard<'_, State>> {
        Error::unless_forked(self.forks, "batch")?;
        Ok(lock(&self.state))
    }

    /// Adds calls, each with an equal share of the arguments, and each with all keywords. Drops the results of the last
    /// run.
    pub fn add(
        &self,
        method: &Arc<PreparedCall>,
        calls: usize,
        mut args: impl ExactSizeIterator<Item = Value>,
        keywords: &[(Text, Value)],
    ) -> Result<()> {
        let mut state = self.lock()?;
        state.check_idle()?;
        let results = state.results.take();
        let added = state.calls.add(method, calls, &mut args, keywords);
        // Dropping these may run code of the application.
        drop(state);
        drop((results, args));
        added
    }

    /// Makes the added calls. With `tell`, each result is reported in this thread and none is kept. The error is that
    /// of the calls without a reply.
    pub fn run(&self, timeout: Option<Duration>, tell: Option<&mut dyn FnMut(usize, Result<Value>)>) -> Result<()> {
        let mut state = self.lock()?;
        state.check_idle()?;
        let before = state.results.take();
        let calls = std::mem::take(&mut state.calls);
        let stop = Arc::new(StopBatch::default());
        state.running = Some(Running { stop: stop.clone(), shared: calls.shared().cloned() });
        drop(state);
        drop(before);
        let mut ending = Ending { batch: self, results: None };
        let run = RunBatch { calls: &calls, window: self.window, timeout, stop: &stop };
        let Some(tell) = tell else {
            let mut results: Vec<Result<Value>> = Vec::new();
            results.resize_with(calls.len(), || Err(Error::State("the batch has no result for the call".into())));
            let result = run.run(&mut |index, outcome| {
                if let Some(place) = results.get_mut(index) {
                    *place = outcome;
                }
            });
            ending.results = Some(results);
            return result;
        };
        run.run(tell)
    }

    /// Gets the result of a call of the last run.
    pub fn value(&self, index: usize) -> Result<Value> {
        let state = self.lock()?;
        state.check_idle()?;
        let Some(results) = &state.results else {
            let text = "the batch has no results: it has not been run, calls were added since, or a callback received the results";
            return Err(Error::State(text.into()));
        };
        let missing = || Error::Argument(format!("index: expected less than {}, got {index}", results.len()));
        results.get(index).ok_or_else(missing)?.clone()
    }

    /// Cancels the current run. Returns false if there is none, or if it was cancelled before.
    pub fn cancel(&self) -> bool {
        let running = self.lock().ok().and_then(|state| state.running.clone());
        running.is_some_and(|running| running.stop.stop(running.shared.as_ref()))
    }
}
