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
/// @param limit largest number of calls waiting in the queue, of all connections together; a caller beyond it gets
///         RuntimeError at once. One connection has at most max_serving calls in it
/// @param queue_out owned, free with rpyc_queue_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (limit is 0), RPYC_ERR_IO (no descriptor available)
///
/// Threads: any. Since: 0.1.
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

/// Gets another handle of the same queue.
///
/// @param queue borrowed
/// @return owned, free with rpyc_queue_free(); NULL for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_queue_clone(queue: *const rpyc_queue) -> *mut rpyc_queue {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || {
        unsafe { handle::as_ref(queue) }.map_or(ptr::null_mut(), |queue| handle::new(queue.clone()))
    })
}

/// Frees a handle. After the last one is freed, callers of waiting calls get RuntimeError, and so do all later
/// callers.
///
/// @param queue consumed; NULL does nothing
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_queue_free(queue: *mut rpyc_queue) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(queue) }));
}

/// Gets the descriptor that is readable while calls wait.
///
/// @param queue borrowed
/// @return borrowed, as long as the queue lives; not to be read or closed; -1 for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_queue_fileno(queue: *const rpyc_queue) -> i32 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(-1, || unsafe { handle::as_ref(queue) }.map_or(-1, Queue::fileno))
}

/// Gets the number of waiting calls; with rpyc_queue_set_hooks() also of waiting hooks.
///
/// @param queue borrowed
/// @return 0 also for NULL, and in a forked child
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_queue_length(queue: *const rpyc_queue) -> usize {
    // SAFETY: the contract of the border.
    ffi_boundary_or(0, || unsafe { usable(queue) }.map_or(0, Queue::len))
}

/// Limits how long a call may wait. A call that has waited longer is not run when its turn comes; its caller gets
/// TimeoutError. The same applies to a call whose caller has stopped waiting, as far as that is known
/// (rpyc_call_time_left()).
///
/// @param queue borrowed
/// @param timeout_ms milliseconds, for calls that arrive from now on; -1 for no limit, the default
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any. Since: 0.1.
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

/// Makes the queue run the hooks of services too, so that they run in the application's own thread.
///
/// For connections that a server accepts, create and on_connect run in the queue before the first call. The peer's
/// requests wait until then. These hooks do not count against the limit of the queue. The connection is closed instead
/// if the peer has disconnected meanwhile, the time of rpyc_queue_set_timeout() has passed, the server is stopped or
/// the queue is freed.
///
/// on_disconnect runs in the queue when the last running call has returned. After it the instance is destroyed, unless
/// the application still holds it or a handle of the connection. on_disconnect has no time limit and is never skipped.
/// If it is waiting when the last handle of the queue is freed, it runs in that thread; later ones run in the thread
/// that ends the connection. If a thread of the queue ends a connection outside of its calls, it runs at once.
///
/// Connections that the application makes itself have run create and on_connect before they can be given a queue.
///
/// @param queue borrowed
/// @param on 1 runs hooks in the queue; 0, the default, runs them in threads of the library. Applies to hooks that
///         become due from now on
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any. Since: 0.1.
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

/// Runs waiting calls in this thread, one of each connection in turn. Calls of one connection run in the order of
/// their arrival.
///
/// After the first call of this function, the thread belongs to the queue: while it waits for something on a
/// connection of the queue, it runs what that connection's peer calls meanwhile.
///
/// @param queue borrowed
/// @param most largest number of calls to run; 0 for the number that wait at the beginning
/// @param timeout_ms milliseconds to wait for the first call; -1 for no limit; 0 to run only calls that have arrived.
///         The wait also ends when the last handle of the queue is freed
/// @param ran_out number of calls run, hooks included; may be NULL
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK (also if no call arrived), RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_WAIT_INTERRUPTED
///
/// Threads: any; usually always the same. Since: 0.1.
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

/// Puts all calls from a server's connections into a queue; each connection's thread reads them. Applies to
/// connections that are accepted from now on. Hooks (create, on_connect, on_disconnect) and destructors still run in
/// threads of the server, unless rpyc_queue_set_hooks() is used.
///
/// @param server borrowed
/// @param queue copied (a reference); the server does not keep it open
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (the server has a queue already)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_set_queue(
    server: *mut rpyc_server,
    queue: *const rpyc_queue,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(server::checked(server)?.set_queue(usable(queue)?)?)) }
}

/// Puts the calls from a connection into a queue. The thread that serves the connection reads them:
/// rpyc_connection_serve_background() does it in a thread of the library.
///
/// ```c
/// rpyc_queue *queue = NULL;
/// rpyc_serving *serving = NULL;
/// if (!rpyc_queue_new(100, &queue, &error) &&
///     !rpyc_connection_set_queue(connection, queue, &error) &&
///     !rpyc_connection_serve_background(connection, 1, 0, &serving, &error))
///     while (!rpyc_connection_closed(connection))
///         rpyc_queue_run(queue, 0, 100, NULL, NULL); // the peer's calls run here
/// rpyc_serving_free(serving);
/// rpyc_queue_free(queue);
/// ```
///
/// @param connection borrowed
/// @param queue copied (a reference); the connection does not keep it open
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (the connection has a queue already)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_set_queue(
    connection: *mut rpyc_connection,
    queue: *const rpyc_queue,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(checked(connection)?.set_queue(usable(queue)?)?)) }
}
