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
pub(crate) struct Back(Option<Arc<dyn Peer>>);

impl Drop for Back {
    #[inline]
    fn drop(&mut self) {
        SERVED.with(|served| served.set(self.0.take()));
    }
}

/// As long as the result lives, this thread serves the connection.
#[inline]
pub(crate) fn enter(peer: Arc<dyn Peer>) -> Back {
    Back(SERVED.with(|served| served.replace(Some(peer))))
}

/// The connection whose message this thread is about.
pub(crate) fn here() -> Option<Arc<dyn Peer>> {
    SERVED.with(|served| {
        let here = served.take();
        served.set(here.clone());
        here
    })
}
