//! Waiting for several asynchronous results, also of several connections.

use super::async_result::AsyncResult;
use super::limit::Limit;
use super::serial;
use super::served;
use super::shared::Shared;
use crate::error::{Error, Result};
use crate::sync::Instant;
use crate::transport;
use std::sync::Arc;
use std::time::Duration;

/// Results of several connections are looked at again after this time, if nothing has come before. It bounds what is not seen
/// by polling: another thread that reads, a stream in memory, a result of this process.
const TURN: Duration = Duration::from_millis(5);

/// Waits until one of them has nothing left to wait for, and tells which; the first of several.
pub fn wait_any(results: &[AsyncResult], timeout: Option<Duration>) -> Result<usize> {
    let first = || results.iter().position(AsyncResult::is_done);
    wait_until(results, &|| first().is_some(), timeout)?;
    first().ok_or_else(|| Error::Argument("there is no result to wait for".into()))
}

/// Waits until none of them has anything left to wait for.
pub fn wait_all(results: &[AsyncResult], timeout: Option<Duration>) -> Result<()> {
    wait_until(results, &|| results.iter().all(AsyncResult::is_done), timeout)
}

fn wait_until(results: &[AsyncResult], done: &dyn Fn() -> bool, timeout: Option<Duration>) -> Result<()> {
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let _pause = serial::pause();
    loop {
        if done() {
            return Ok(());
        }
        let waiting: Vec<&AsyncResult> = results.iter().filter(|result| !result.is_done()).collect();
        if waiting.is_empty() && !results.is_empty() {
            // The last has come since the first look.
            continue;
        }
        if waiting.is_empty() || deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            let text = format!("{} of {} requests have not been answered in time", waiting.len(), results.len());
            return Err(Error::Timeout(text));
        }
        let until = waiting.iter().filter_map(|result| result.expiry()).chain(deadline).min();
        let mut connections: Vec<Arc<Shared>> = Vec::new();
        // What answers a result of this process may be a message of the peer that this thread serves.
        // Its end is the end of the waiting, where nothing else can bring an answer.
        let served = waiting.iter().any(|result| result.is_local()).then(served::here).flatten();
        if let Some(shared) = served.as_ref().filter(|shared| shared.is_closed()) {
            if waiting.iter().all(|result| result.is_local()) {
                return Err(shared.ended());
            }
        }
        for shared in
            waiting.iter().filter_map(|result| result.shared()).chain(served.filter(|shared| !shared.is_closed()))
        {
            if !connections.iter().any(|known| Arc::ptr_eq(known, &shared)) {
                shared.check_fork()?;
                connections.push(shared);
            }
        }
        match &connections[..] {
            [shared] if !waiting.iter().any(|result| result.is_local()) => {
                shared.wait_for_results(done, Limit::at(until));
            }
            several => take_turns(several, done, until),
        }
    }
}

/// Handles what has come on each connection, and waits a moment for more.
fn take_turns(connections: &[Arc<Shared>], done: &dyn Fn() -> bool, until: Option<Instant>) {
    for shared in connections {
        while !done() && shared.serve(Limit::Now, false).unwrap_or(false) {}
    }
    if done() {
        return;
    }
    let left = until.map_or(TURN, |until| until.saturating_duration_since(Instant::now()).min(TURN));
    transport::await_input(connections.iter().filter_map(|shared| shared.transport.fileno()), left);
}
