//! Which connection a thread serves: where code of the application waits for something of this process, that one is read meanwhile.

use super::shared::Shared;
use crate::sync::thread_local;
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::sync::Arc;

thread_local! {
    /// The innermost. Without a destructor it is there as long as the thread.
    static SERVED: ManuallyDrop<Cell<Option<Arc<Shared>>>> = const { ManuallyDrop::new(Cell::new(None)) };
}

/// Puts back what was served before.
pub(super) struct Back(Option<Arc<Shared>>);

impl Drop for Back {
    #[inline]
    fn drop(&mut self) {
        SERVED.with(|served| served.set(self.0.take()));
    }
}

/// As long as the result lives, this thread serves the connection.
#[inline]
pub(super) fn enter(shared: &Arc<Shared>) -> Back {
    Back(SERVED.with(|served| served.replace(Some(shared.clone()))))
}

/// The connection whose message this thread is about.
pub(super) fn here() -> Option<Arc<Shared>> {
    SERVED.with(|served| {
        let here = served.take();
        served.set(here.clone());
        here
    })
}
