//! How much work may be spent on looking for circles: in proportion to what peers have brought into containers.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many references between containers may be looked at.
#[derive(Default)]
pub(super) struct Credit(AtomicUsize);

/// How often a reference that a peer has brought is looked at.
const TIMES: usize = 4;

pub(super) static CREDIT: Credit = Credit(AtomicUsize::new(0));

impl Credit {
    /// A peer brings references into containers; this is their number.
    pub fn give(&self, references: usize) {
        self.0.fetch_add(references.saturating_mul(TIMES), Ordering::Relaxed);
    }

    /// False: there are not as many.
    pub fn spend(&self, references: usize) -> bool {
        let less = |credit: usize| credit.checked_sub(references);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    pub fn left(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}
