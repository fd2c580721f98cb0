//! The work allowed for finding cycles, in proportion to the references that peers have put into containers.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The number of references between containers that may be examined.
#[derive(Default)]
pub(super) struct Credit(AtomicUsize);

/// How often each reference of a peer may be examined.
const TIMES: usize = 4;

pub(super) static CREDIT: Credit = Credit(AtomicUsize::new(0));

impl Credit {
    /// Adds credit for references that a peer puts into containers.
    pub fn give(&self, references: usize) {
        self.0.fetch_add(references.saturating_mul(TIMES), Ordering::Relaxed);
    }

    /// Returns false if there is not enough credit.
    pub fn spend(&self, references: usize) -> bool {
        let less = |credit: usize| credit.checked_sub(references);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    pub fn left(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}
