//! How long a thread waits, and ending that.

use crate::ffi::border::boundary::ffi_boundary_or;
use crate::ffi::border::handle;
use crate::ffi::border::status::{RPYC_ERR_FORKED, RPYC_ERR_NULL, RPYC_OK, rpyc_status};
use crate::ffi::border::time::timeout;
use crate::ffi::border::types::rpyc_connection;
use crate::objects::time_limit;

/// Limits the time in which this thread waits for answers, until rpyc_timeout_end(): every synchronous request that it makes
/// meanwhile, by whatever function and on whatever connection, fails with RPYC_ERR_TIMEOUT once the time is up, instead of after
/// sync_request_timeout, which may be shorter or longer. The time runs from this call on, for all of them together; a request
/// that is made when it is up is not sent. The connection goes on, and a late answer is dropped.
///
///    size_t limit = rpyc_timeout_begin(2000);
///    status = rpyc_object_call_method(root, "slow", NULL, 0, NULL, &value, &error);
///    rpyc_timeout_end(limit);
///
/// A limit within another one can only shorten it. Not limited are connecting, serving, closing and asynchronous results,
/// which have limits of their own, and what this thread serves for a peer while it waits. Native peers are told the time that
/// is left, see rpyc_call_time_left().
///
/// @param timeout_ms milliseconds; -1: no limit, instead of sync_request_timeout; 0: every request fails
/// @return for rpyc_timeout_end(), in this thread
///
/// Threads: any thread; for this one alone. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rpyc_timeout_begin(timeout_ms: i64) -> usize {
    ffi_boundary_or(0, || time_limit::begin(timeout(timeout_ms)))
}

/// Ends a time limit of this thread, with those that were begun within it and not ended.
///
/// @param limit what rpyc_timeout_begin() returned
///
/// Threads: the thread that began it. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rpyc_timeout_end(limit: usize) {
    ffi_boundary_or((), || time_limit::end(limit));
}

/// Ends the waits on a connection that are there, or else the next one: each fails with RPYC_ERR_WAIT_INTERRUPTED. May be called in a
/// signal handler. The connection goes on: what was asked may still be running at the peer, and a late answer is dropped.
///
/// Ended are synchronous requests, batches, waits for asynchronous results (which may be waited for again), for calls of the connection's
/// queue, and functions that serve in a thread of the application. The next one, where nobody waits, is not sent. Of waits that
/// are nested in one thread, the innermost ends; what the callback makes of it, the outer one gets as its answer. Closing ends at
/// once, with RPYC_OK. What does not wait goes on: functions with a timeout of 0, rpyc_connection_process(), asynchronous requests;
/// and so do threads that the library started, servers, waits for nothing but this process, and connecting.
///
/// A wait ends at once in the thread in which the signal handler runs (of threads that wait for the one that receives, in the first
/// eight); with the option interruptible, and with threads that serve in the background, in every thread; otherwise within a
/// second. Over a pair in memory the thread that receives always needs up to a second.
///
/// @param connection borrowed; must not be freed meanwhile
/// @return RPYC_OK, also where the connection has ended; RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any thread, and signal handlers, which see errno as before. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_interrupt(connection: *const rpyc_connection) -> rpyc_status {
    // What stands around other functions is nothing for a signal handler, and nothing here can panic.
    // SAFETY: the contract of the border.
    let Some(connection) = (unsafe { handle::as_ref(connection) }) else { return RPYC_ERR_NULL };
    if connection.shared().is_forked() {
        return RPYC_ERR_FORKED;
    }
    // SAFETY: the thread's own errno, which is there as long as the thread.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let before = unsafe { errno.read() };
    connection.interrupt();
    // SAFETY: as above.
    unsafe { errno.write(before) };
    RPYC_OK
}
