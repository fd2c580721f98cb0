//! Which connection a thread serves: where code of the application waits for something of this process, that one is read meanwhile.

use super::peer::Peer;
use crate::sync::thread_local;
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::sync::Arc;

thread_local! {
    /// The innermost. Without a destructor it is there as long as the thread.
    static SERVED: ManuallyDrop<Cell<Option<Arc<dyn Peer>>>> = const { ManuallyDrop::new(Cell::new(None)) };
}

/// Puts back what was served before.
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

/// While `run` does, this thread serves the connection.
#[inline(always)]
pub(crate) fn serving(peer: Arc<dyn Peer>, run: impl FnOnce()) {
    SERVED.with(|served| {
        let _back = Back { place: served, before: served.replace(Some(peer)) };
        run();
    });
}

/// The connection whose message this thread is about.
pub(crate) fn here() -> Option<Arc<dyn Peer>> {
    SERVED.with(|served| {
        let here = served.take();
        served.set(here.clone());
        here
    })
}
