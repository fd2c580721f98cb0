//! rpyc_queue: calls of peers, run by the application in its own thread.

use crate::connection::Queue;
use crate::ffi::border::boundary::{ffi_boundary, ffi_boundary_or};
use crate::ffi::border::handle::{self, Handle};
use crate::ffi::border::pointer::output;
use crate::ffi::border::status::{Result, rpyc_status};
use crate::ffi::border::time::timeout;
use crate::ffi::border::types::{rpyc_connection, rpyc_error, rpyc_queue, rpyc_server};
use crate::ffi::connection::lifetime::checked;
use crate::ffi::service::server;
use std::ptr;

impl Handle for rpyc_queue {
    type Inner = Queue;
    const WORD: [u8; 8] = *b"callqueu";
}

/// # Safety
/// The handle is NULL or a live queue, as long as is said of the result.
unsafe fn usable<'a>(queue: *const rpyc_queue) -> Result<&'a Queue> {
    // SAFETY: the same is asked of our caller.
    let queue = unsafe { handle::require(queue, "queue") }?;
    queue.check_fork()?;
    Ok(queue)
}

/// Makes a queue.
///
/// @param limit how many calls may wait in it, of all connections together; a caller beyond that gets RuntimeError at once.
///        Of one connection there are never more than max_serving
/// @param queue_out owned; free it with rpyc_queue_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (a limit of 0), RPYC_ERR_IO (no descriptor can be had)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_queue_new(
    limit: usize,
    queue_out: *mut *mut rpyc_queue,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(queue_out, "queue_out")?;
            out.put(handle::new(Queue::new(limit)?))
        })
    }
}

/// Another handle of the same queue.
///
/// @param queue borrowed
/// @return owned; free it with rpyc_queue_free; NULL for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_queue_clone(queue: *const rpyc_queue) -> *mut rpyc_queue {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || {
        unsafe { handle::as_ref(queue) }.map_or(ptr::null_mut(), |queue| handle::new(queue.clone()))
    })
}

/// Frees a handle. With the last one, those whose calls wait get RuntimeError, and so do all who call later.
///
/// @param queue consumed; NULL does nothing
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_queue_free(queue: *mut rpyc_queue) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(queue) }));
}

/// The descriptor that is readable while calls wait.
///
/// @param queue borrowed
/// @return borrowed, as long as the queue lives; not to be read or closed; -1 for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_queue_fileno(queue: *const rpyc_queue) -> i32 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(-1, || unsafe { handle::as_ref(queue) }.map_or(-1, Queue::fileno))
}

/// How many calls wait, and hooks with rpyc_queue_set_hooks().
///
/// @param queue borrowed
/// @return 0 also for NULL, and in a forked child
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_queue_length(queue: *const rpyc_queue) -> usize {
    // SAFETY: the contract of the border.
    ffi_boundary_or(0, || unsafe { usable(queue) }.map_or(0, Queue::len))
}

/// Limits how long a call may wait. One that has waited longer when its turn comes is answered with TimeoutError and not
/// run; so is one whose caller has stopped waiting by then, as far as that is known (rpyc_call_time_left).
///
/// @param queue borrowed
/// @param timeout_ms milliseconds, for calls that come from now on; -1: no limit, as at first
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_queue_set_timeout(
    queue: *mut rpyc_queue,
    timeout_ms: i64,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            usable(queue)?.set_timeout(timeout(timeout_ms));
            Ok(())
        })
    }
}

/// Has the queue run the hooks of services too, so that the application's own thread makes and tells them.
///
/// For connections that a server accepts, create and on_connect run in the queue before the first call, and the peer's
/// requests wait until then. They do not count against the limit of the queue. The connection is closed instead when the peer
/// has gone meanwhile, the time of rpyc_queue_set_timeout() is over, the server is stopped or the queue is freed.
///
/// on_disconnect runs in the queue when the last call that was running has returned, and behind it the instance is destroyed,
/// unless the application still holds it or a handle of the connection. It has no time limit and is never left out: those that
/// wait when the last handle of the queue is freed run in that thread, and later ones in the thread that ends the connection.
/// In a thread of the queue that ends a connection outside of its calls, it runs at once.
///
/// Connections that the application makes itself have run create and on_connect before they can be given a queue.
///
/// @param queue borrowed
/// @param on 1, or 0 as at first: threads of the library run them. Hooks whose time comes from now on
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_queue_set_hooks(
    queue: *mut rpyc_queue,
    on: i32,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            usable(queue)?.set_hooks(on != 0);
            Ok(())
        })
    }
}

/// Runs calls that wait, in this thread, one of each connection in turn; those of one connection in the order of their
/// arrival.
///
/// From its first time on, this thread is one of the queue's: while it waits for something on a connection of the queue, it
/// runs what that connection's peer calls meanwhile.
///
/// @param queue borrowed
/// @param most how many calls at most; 0: as many as wait at first
/// @param timeout_ms milliseconds to wait for the first; -1: no limit; 0: only what is here. It ends when the last handle
///        is freed
/// @param ran_out how many were run, hooks included; may be NULL
/// @param error_out owned; may be NULL
/// @return RPYC_OK (also when none came), RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_WAIT_INTERRUPTED
///
/// Threads: any thread; usually always the same. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_queue_run(
    queue: *mut rpyc_queue,
    most: usize,
    timeout_ms: i64,
    ran_out: *mut usize,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let mut unused = 0;
            let out = output(if ran_out.is_null() { &mut unused } else { ran_out }, "ran_out")?;
            // A call may free this very handle, and with the last one it is over.
            let queue = usable(queue)?.uncounted();
            out.put(queue.run(most, timeout(timeout_ms))?)
        })
    }
}

/// Has all calls that come over a server's connections wait in a queue; each connection's thread reads them. It holds for
/// connections that are accepted from now on. Hooks (create, on_connect, on_disconnect) and destructors run in threads of
/// the server as before, but for rpyc_queue_set_hooks().
///
/// @param server borrowed
/// @param queue copied reference; the server does not keep it open
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (the server has a queue)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_set_queue(
    server: *mut rpyc_server,
    queue: *const rpyc_queue,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(server::checked(server)?.set_queue(usable(queue)?)?)) }
}

/// Has the calls that come over a connection wait in a queue. They are read by whoever serves the connection:
/// rpyc_connection_serve_background does it in a thread of the library.
///
/// @param connection borrowed
/// @param queue copied reference; the connection does not keep it open
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (the connection has a queue)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_set_queue(
    connection: *mut rpyc_connection,
    queue: *const rpyc_queue,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(checked(connection)?.set_queue(usable(queue)?)?)) }
}
