//! Timeouts that the application sets for a section of code of one thread, similar to Go's context with a timeout.

use crate::error::{Error, Result};
use crate::sync::{Instant, thread_local};
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

thread_local! {
    /// The timeouts that this thread has begun and not ended, innermost last. None ends later than the one around it.
    static BEGUN: RefCell<Vec<TimeLimit>> = const { RefCell::new(Vec::new()) };
}

/// Set by the first timeout of the process, so that requests skip the search without one.
static USED: AtomicBool = AtomicBool::new(false);

/// The deadline of a section.
#[derive(Clone, Copy)]
pub struct TimeLimit {
    /// None: no deadline.
    deadline: Option<Instant>,
    given: Duration,
}

impl TimeLimit {
    /// Fails if no time is left; `what` is then not requested.
    pub fn check(&self, what: impl FnOnce() -> String) -> Result<()> {
        match self.left() {
            Some(Duration::ZERO) => {
                let seconds = self.given.as_secs_f64();
                Err(Error::Timeout(format!("{} was not sent: the timeout of {seconds} s had expired", what())))
            }
            _ => Ok(()),
        }
    }

    /// Returns the remaining time, None without a deadline.
    pub fn left(&self) -> Option<Duration> {
        Some(self.deadline?.saturating_duration_since(Instant::now()))
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Returns the timeout that was set.
    pub fn given(&self) -> Duration {
        self.given
    }
}

/// Begins a section in which this thread waits at most for `timeout`. Returns the argument for `end`.
pub fn begin(timeout: Option<Duration>) -> usize {
    USED.store(true, Ordering::Relaxed);
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let mut limit = TimeLimit { deadline, given: timeout.unwrap_or_default() };
    BEGUN.with(|begun| {
        let mut begun = begun.borrow_mut();
        if let Some(outer) =
            begun.last().filter(|outer| outer.deadline.is_some_and(|outer| deadline.is_none_or(|own| outer < own)))
        {
            limit = *outer;
        }
        begun.push(limit);
        begun.len() - 1
    })
}

/// Ends a section and those begun within it.
pub fn end(began: usize) {
    BEGUN.with(|begun| begun.borrow_mut().truncate(began));
}

/// Returns whether any thread has ever begun a section.
#[inline(always)]
pub(crate) fn is_used() -> bool {
    USED.load(Ordering::Relaxed)
}

/// Returns the innermost timeout of this thread.
#[inline]
pub(crate) fn here() -> Option<TimeLimit> {
    if is_used() { innermost() } else { None }
}

#[cold]
fn innermost() -> Option<TimeLimit> {
    BEGUN.with(|begun| begun.borrow().last().copied())
}

/// Suspends the timeouts of this thread while it serves calls of peers, to which they do not apply.
#[must_use]
pub(crate) struct Apart(Vec<TimeLimit>);

#[inline]
pub(crate) fn apart() -> Option<Apart> {
    USED.load(Ordering::Relaxed).then(set_apart)
}

#[cold]
fn set_apart() -> Apart {
    Apart(BEGUN.with(|begun| begun.take()))
}

impl Drop for Apart {
    fn drop(&mut self) {
        BEGUN.with(|begun| begun.replace(std::mem::take(&mut self.0)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_limits_only_shorten() {
        assert!(here().is_none());
        let long = begin(Some(Duration::from_secs(100)));
        let longer = begin(Some(Duration::from_secs(200)));
        assert!(here().unwrap().left().unwrap() <= Duration::from_secs(100));
        assert_eq!(here().unwrap().given(), Duration::from_secs(100));
        begin(None);
        assert!(here().unwrap().left().is_some());
        begin(Some(Duration::ZERO));
        assert!(here().unwrap().check(|| "it".into()).is_err());
        // Inner sections that were not ended are removed.
        end(longer);
        assert!(here().unwrap().check(|| "it".into()).is_ok());
        {
            let _apart = apart();
            assert!(here().is_none());
            begin(Some(Duration::ZERO));
        }
        assert_eq!(here().unwrap().given(), Duration::from_secs(100));
        end(long);
        end(long + 7);
        assert!(here().is_none());
        let forever = begin(None);
        assert!(here().unwrap().left().is_none() && here().unwrap().check(|| "it".into()).is_ok());
        end(forever);
    }
}
