//! The connection that a thread serves. It is read while application code waits for something of this process.

use super::peer::Peer;
use crate::sync::thread_local;
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::sync::Arc;

thread_local! {
    /// The innermost one. Without a destructor, it exists as long as the thread.
    static SERVED: ManuallyDrop<Cell<Option<Arc<dyn Peer>>>> = const { ManuallyDrop::new(Cell::new(None)) };
}

/// Restores the previous connection.
struct Back<'a> {
    place: &'a Cell<Option<Arc<dyn Peer>>>,
    before: Option<Arc<dyn Peer>>,
}

impl Drop for Back<'_> {
    #[inline]
    fn drop(&mut self) {
        self.place.set(self.before.take());
    }
}

/// Runs `run` while this thread serves the connection.
#[inline(always)]
pub(crate) fn serving(peer: Arc<dyn Peer>, run: impl FnOnce()) {
    SERVED.with(|served| {
        let _back = Back { place: served, before: served.replace(Some(peer)) };
        run();
    });
}

/// Returns the connection whose message this thread is handling.
pub(crate) fn here() -> Option<Arc<dyn Peer>> {
    SERVED.with(|served| {
        let here = served.take();
        served.set(here.clone());
        here
    })
}
