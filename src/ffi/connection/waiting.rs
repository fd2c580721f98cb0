//! How long a thread waits.

use crate::ffi::border::boundary::ffi_boundary_or;
use crate::ffi::border::time::timeout;
use crate::objects::time_limit;

/// Limits the time in which this thread waits for answers, until rpyc_timeout_end(): every synchronous request that it makes
/// meanwhile, by whatever function and on whatever connection, fails with RPYC_ERR_TIMEOUT once the time is up, instead of after
/// sync_request_timeout, which may be shorter or longer. The time runs from this call on, for all of them together; a request
/// that is made when it is up is not sent. The connection goes on, and a late answer is dropped.
///
///     size_t limit = rpyc_timeout_begin(2000);
///     status = rpyc_object_call_method(root, "slow", NULL, 0, NULL, &value, &error);
///     rpyc_timeout_end(limit);
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
