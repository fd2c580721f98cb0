//! How long a thread waits for answers, where the application has said so for a stretch of its code: Go's context with a
//! timeout, for one thread.

use crate::error::{Error, Result};
use crate::sync::{Instant, thread_local};
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

thread_local! {
    /// Those that this thread has begun and not ended, innermost last; each ends no later than the one around it.
    static BEGUN: RefCell<Vec<TimeLimit>> = const { RefCell::new(Vec::new()) };
}

/// Requests look for limits only from the first one of the process on.
static USED: AtomicBool = AtomicBool::new(false);

/// Until when answers are waited for.
#[derive(Clone, Copy)]
pub struct TimeLimit {
    /// None: for ever.
    deadline: Option<Instant>,
    given: Duration,
}

impl TimeLimit {
    /// What is left of it; the error: nothing, and `what` is not asked.
    pub fn check(&self, what: impl FnOnce() -> String) -> Result<()> {
        match self.left() {
            Some(Duration::ZERO) => {
                let seconds = self.given.as_secs_f64();
                Err(Error::Timeout(format!("{} was not sent: the timeout of {seconds} s had expired", what())))
            }
            _ => Ok(()),
        }
    }

    /// None: there is no end.
    pub fn left(&self) -> Option<Duration> {
        Some(self.deadline?.saturating_duration_since(Instant::now()))
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The time that it was given.
    pub fn given(&self) -> Duration {
        self.given
    }
}

/// From now on this thread waits no longer than until `timeout` from now, or without end. Gives what `end` takes.
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

/// Ends a limit, and those that were begun within it.
pub fn end(began: usize) {
    BEGUN.with(|begun| begun.borrow_mut().truncate(began));
}

/// Has any thread ever limited its waiting?
#[inline(always)]
pub(crate) fn is_used() -> bool {
    USED.load(Ordering::Relaxed)
}

/// What this thread's application has said, if it has.
#[inline]
pub(crate) fn here() -> Option<TimeLimit> {
    if is_used() { innermost() } else { None }
}

#[cold]
fn innermost() -> Option<TimeLimit> {
    BEGUN.with(|begun| begun.borrow().last().copied())
}

/// While it lives, this thread has no limits: what it serves while it waits is not the application's that began them.
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
        // Those within it were forgotten.
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
