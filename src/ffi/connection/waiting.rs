//! How long a thread waits, and ending that.

use crate::ffi::border::boundary::ffi_boundary_or;
use crate::ffi::border::handle;
use crate::ffi::border::status::{RPYC_ERR_FORKED, RPYC_ERR_NULL, RPYC_OK, rpyc_status};
use crate::ffi::border::time::timeout;
use crate::ffi::border::types::rpyc_connection;
use crate::objects::time_limit;

/// Begins a time limit for the synchronous requests of the calling thread. It ends with rpyc_timeout_end().
///
/// Every synchronous request that the thread makes meanwhile, with any function and on any connection, fails with
/// RPYC_ERR_TIMEOUT when the time has passed. The limit replaces sync_request_timeout, which may be shorter or longer.
/// The time counts from this call, for all requests together. A request made after that time is not sent. The
/// connection remains usable, and a late reply is dropped.
///
/// ```c
/// const size_t limit = rpyc_timeout_begin(2000);
/// rpyc_status status = rpyc_object_call_method(object, "slow", NULL, 0, NULL, &value, &error);
/// rpyc_timeout_end(limit);
/// ```
///
/// A limit inside another one can only shorten it. It does not apply to connecting, serving, closing and asynchronous
/// results, which have limits of their own, nor to requests that this thread serves for a peer while it waits. Native
/// peers are told the remaining time, see rpyc_call_time_left().
///
/// @param timeout_ms milliseconds; -1 for no limit, in place of sync_request_timeout; 0 lets every request fail
/// @return the limit, for rpyc_timeout_end() in the same thread
///
/// Threads: any; the limit applies to the calling thread only. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rpyc_timeout_begin(timeout_ms: i64) -> usize {
    ffi_boundary_or(0, || time_limit::begin(timeout(timeout_ms)))
}

/// Ends a time limit of this thread, and those begun inside it that have not been ended.
///
/// @param limit result of rpyc_timeout_begin()
///
/// Threads: the thread that began the limit. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rpyc_timeout_end(limit: usize) {
    ffi_boundary_or((), || time_limit::end(limit));
}

/// Ends all current waits on a connection, or the next one if there is none: each fails with
/// RPYC_ERR_WAIT_INTERRUPTED. May be called in a signal handler. The connection remains usable: the request may still
/// be running at the peer, and a late reply is dropped.
///
/// The function ends synchronous requests, batches, waits for asynchronous results (which may be waited for again),
/// waits for calls of the connection's queue, and functions that serve in a thread of the application. If no thread
/// waits, the next request is not sent. Of nested waits in one thread, the innermost ends; the outer one gets as its
/// reply the answer of the callback. A close ends at once, with RPYC_OK.
///
/// Not ended are functions that do not wait: those with a timeout of 0, rpyc_connection_process(), and asynchronous
/// requests. Not ended either are threads that the library started, servers, waits for this process only, and
/// connecting.
///
/// A wait ends at once in the thread in which the signal handler runs (among threads that wait for the one that
/// receives, in the first eight). With the option interruptible, and with threads that serve in the background, it
/// ends at once in every thread. Otherwise it ends within a second. Over a pair in memory, the thread that receives
/// always needs up to a second.
///
/// @param connection borrowed; must not be freed meanwhile
/// @return RPYC_OK, also if the connection has ended; RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any, and signal handlers; errno is preserved. Since: 0.1.
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
