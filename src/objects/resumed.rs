//! Resumed calls, in the form of requests, so that they can be passed between threads and queued.

use crate::error::Exception;
use crate::protocol::{Due, Op, Request, RequestId, Seq, Threads};
use crate::sync::{Mutex, lock};
use crate::value::{Local, Shape};
use std::sync::{Arc, LazyLock};

/// Resumes the call; with an exception, raises that in the caller.
type GoOn = Box<dyn FnOnce(Option<Exception>) + Send>;

struct Resumed(Mutex<Option<GoOn>>);

static SHAPE: LazyLock<Arc<Shape>> = LazyLock::new(Arc::default);

impl Local for Resumed {
    fn shape(&self) -> &Arc<Shape> {
        &SHAPE
    }

    /// Never exported, so no peer knows it.
    fn id(&self) -> u64 {
        0
    }
}

/// A resumed call has its own answer. Of the request's id, only the threads and the deadline are used.
pub(super) fn request(threads: Threads, due: Due, go_on: impl FnOnce(Option<Exception>) + Send + 'static) -> Request {
    let mut id = RequestId::new(Seq::Int(-1), threads);
    if due.is_set() {
        id.set_due(due);
    }
    let target = Arc::new(Resumed(Mutex::new(Some(Box::new(go_on)))));
    Request { id, target, op: Op::Call { args: Vec::new(), keywords: Vec::new() } }
}

fn take(target: &dyn Local) -> Option<Option<GoOn>> {
    let resumed = target.as_any().downcast_ref::<Resumed>()?;
    Some(lock(&resumed.0).take())
}

/// Resumes the call. Returns false for other requests.
pub(super) fn run(target: &dyn Local) -> bool {
    let taken = take(target);
    let is_resumed = taken.is_some();
    taken.flatten().into_iter().for_each(|go_on| go_on(None));
    is_resumed
}

/// Returns whether the request is a resumed call, which must then be rejected with `refuse`, without a lock.
pub(crate) fn is_resumed(request: &Request) -> bool {
    request.target.as_any().is::<Resumed>()
}

pub(crate) fn refuse(request: &Request, why: &Exception) {
    take(&*request.target).flatten().into_iter().for_each(|go_on| go_on(Some(why.clone())));
}
