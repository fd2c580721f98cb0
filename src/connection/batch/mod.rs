//! Batches: many calls that leave together, and whose answers are told one by one or kept.

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

/// How many calls at most are on their way, where the application does not say.
const WINDOW: usize = 256;

/// Calls that are added one by one and run together. After a run it takes the next ones.
pub struct Batch {
    window: usize,
    forks: u32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Added since the last run.
    calls: Calls,
    running: Option<Running>,
    /// Of the last run, unless they were told.
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

/// The end of a run, whatever it was, with the results that are kept.
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
        // It may be the last that knows its connection.
        drop(running);
    }
}

impl Batch {
    /// At most `window` of its calls are on their way; 0: the usual number.
    pub fn new(window: usize) -> Batch {
        let window = if window == 0 { WINDOW } else { window };
        Batch { window, forks: crate::fork::generation(), state: Mutex::default() }
    }

    /// After a fork, the lock may be held for ever by a thread that is not here.
    fn lock(&self) -> Result<MutexGuard<'_, State>> {
        Error::unless_forked(self.forks, "batch")?;
        Ok(lock(&self.state))
    }

    /// Adds calls, each with an equal share of the arguments, and all of them with the keywords. What was kept of the last run is
    /// dropped.
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
        // What is left of all these may run code of the application when it is dropped.
        drop(state);
        drop((results, args));
        added
    }

    /// Makes the calls that were added. With `tell`, each is told, in this thread, and nothing is kept. The error is of those
    /// that have no answer.
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

    /// What has become of a call of the last run.
    pub fn value(&self, index: usize) -> Result<Value> {
        let state = self.lock()?;
        state.check_idle()?;
        let Some(results) = &state.results else {
            let text = "the batch has no results: it has not been run, calls were added since, or they were told to a callback";
            return Err(Error::State(text.into()));
        };
        let missing = || Error::Argument(format!("index: expected less than {}, got {index}", results.len()));
        results.get(index).ok_or_else(missing)?.clone()
    }

    /// Gives the run up that is under way. False: there is none, or it was given up before.
    pub fn cancel(&self) -> bool {
        let running = self.lock().ok().and_then(|state| state.running.clone());
        running.is_some_and(|running| running.stop.stop(running.shared.as_ref()))
    }
}
