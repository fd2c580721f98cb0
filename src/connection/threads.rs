//! Implements bind_threads: pairs threads of this process with threads of the peer (wire.md, section 11).

use crate::protocol::{Request, Threads};
use crate::sync::thread_local;
use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers the threads, so that no address is disclosed to a peer.
static LAST: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static ID: u64 = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    /// For each connection for which this thread serves a request: the peer's thread that sent it. Without a
    /// destructor, so it is available until the thread has ended.
    static BOUND: ManuallyDrop<RefCell<Vec<(usize, u64)>>> = const { ManuallyDrop::new(RefCell::new(Vec::new())) };
}

/// Returns a number for this thread that is unique in the process.
pub(super) fn id() -> u64 {
    ID.with(|id| *id)
}

fn key<C>(connection: &Arc<C>) -> usize {
    Arc::as_ptr(connection) as usize
}

/// From this thread, to the peer's thread whose request it serves.
pub(super) fn here<C>(connection: &Arc<C>) -> Threads {
    let key = key(connection);
    let to = BOUND.with(|bound| bound.borrow().iter().rev().find(|(on, _)| *on == key).map_or(0, |(_, to)| *to));
    Threads { from: id(), to }
}

/// Returns whether a request is for any thread, or for this one.
#[inline(never)]
pub(super) fn is_for_here(request: &Request) -> bool {
    let to = request.id.threads().to;
    to == 0 || to == id()
}

/// Binds the requests of this thread to the peer's thread `from` while it exists.
pub(super) struct Binding;

pub(super) fn bind<C>(connection: &Arc<C>, from: u64) -> Binding {
    BOUND.with(|bound| bound.borrow_mut().push((key(connection), from)));
    Binding
}

impl Drop for Binding {
    fn drop(&mut self) {
        BOUND.with(|bound| {
            let mut bound = bound.borrow_mut();
            bound.pop();
            if bound.is_empty() {
                // The memory would leak when the thread ends.
                *bound = Vec::new();
            }
        });
    }
}
