//! rpyc_serving: threads of the library that serve a connection.

use crate::connection::Background;
use crate::ffi::border::boundary::{ffi_boundary, ffi_boundary_or};
use crate::ffi::border::handle::{self, Handle};
use crate::ffi::border::pointer::output;
use crate::ffi::border::status::{Failure, RPYC_ERR_ARGUMENT, Result, rpyc_status};
use crate::ffi::border::types::{rpyc_connection, rpyc_error, rpyc_serving};
use crate::ffi::connection::lifetime::held;
use std::sync::Arc;

impl Handle for rpyc_serving {
    type Inner = Arc<Background>;
    const WORD: [u8; 8] = *b"serving\0";
}

/// Flag of rpyc_connection_serve_background(): calls of the connection run one after the other, in the order of their
/// arrival. The next call begins when the one before has returned or waits in a function of the library. A call that
/// waited continues when no other one runs. Without this flag, calls run at once, as many as there are threads.
pub const RPYC_SERVE_IN_ORDER: i32 = 1;

fn is_in_order(flags: i32) -> Result<bool> {
    match flags {
        0 => Ok(false),
        RPYC_SERVE_IN_ORDER => Ok(true),
        _ => Err(Failure::new(RPYC_ERR_ARGUMENT, "flags: unknown bits are set")),
    }
}

/// Serves a connection in threads of the library, until it ends or rpyc_serving_stop() is called. The threads do not
/// keep the connection open.
///
/// @param connection borrowed
/// @param threads number of threads, 1 to 1024; with RPYC_SERVE_IN_ORDER at least two, so that the peer is read while
///         a call runs
/// @param flags 0 or RPYC_SERVE_IN_ORDER, which applies to all threads that serve the connection, from now on
/// @param serving_out owned, free with rpyc_serving_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ARGUMENT, RPYC_ERR_IO (no thread could be started),
///         RPYC_ERR_STATE (in create of a service)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_serve_background(
    connection: *mut rpyc_connection,
    threads: usize,
    flags: i32,
    serving_out: *mut *mut rpyc_serving,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(serving_out, "serving_out")?;
            let connection = held(connection)?;
            out.put(handle::new(Arc::new(connection.serve_background(threads, is_in_order(flags)?)?)))
        })
    }
}

/// Serves a connection until it ends, in this thread and in others that the library starts.
///
/// @param connection borrowed
/// @param threads number of threads including this one, 1 to 1024
/// @param flags as for rpyc_connection_serve_background()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK if the peer or this side closed the connection; RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ARGUMENT,
///         RPYC_ERR_IO (no thread could be started), RPYC_ERR_MALFORMED, RPYC_ERR_LIMIT, RPYC_ERR_DIALECT,
///         RPYC_ERR_STATE (in create of a service), RPYC_ERR_WAIT_INTERRUPTED
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_serve_threaded(
    connection: *mut rpyc_connection,
    threads: usize,
    flags: i32,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(held(connection)?.serve_threaded(threads, is_in_order(flags)?)?)) }
}

/// Gets another handle of the same threads.
///
/// @param serving borrowed
/// @return owned, free with rpyc_serving_free(); NULL for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_serving_clone(serving: *const rpyc_serving) -> *mut rpyc_serving {
    // SAFETY: the contract of the border.
    ffi_boundary_or(std::ptr::null_mut(), || {
        unsafe { handle::as_ref(serving) }.map_or(std::ptr::null_mut(), |serving| handle::new(serving.clone()))
    })
}

/// Frees a handle. Freeing the last handle stops the threads, as rpyc_serving_stop() does, without waiting for them.
///
/// @param serving consumed; NULL does nothing
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_serving_free(serving: *mut rpyc_serving) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(serving) }));
}

/// Returns whether any of the threads is still running.
///
/// @param serving borrowed
/// @return false also for NULL, and in a forked child
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_serving_is_running(serving: *const rpyc_serving) -> bool {
    // SAFETY: the contract of the border.
    ffi_boundary_or(false, || unsafe { handle::as_ref(serving) }.is_some_and(|serving| serving.is_running()))
}

/// Tells the threads to end and does not wait for that. A thread that runs a call ends after it; a thread that waits
/// for the peer ends at once. The connection stays open.
///
/// @param serving borrowed
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_serving_stop(serving: *mut rpyc_serving, error_out: *mut *mut rpyc_error) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(handle::require(serving, "serving")?.stop()?)) }
}

/// Waits until all threads have ended, because they were stopped or because the connection has ended.
///
/// @param serving borrowed
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_DEADLOCK (called by one of these threads); if the
///         connection failed, RPYC_ERR_MALFORMED, RPYC_ERR_LIMIT, RPYC_ERR_DIALECT
///
/// Threads: not from a callback. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_serving_join(serving: *mut rpyc_serving, error_out: *mut *mut rpyc_error) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let serving = handle::require(serving, "serving")?.clone();
            Ok(serving.join()?)
        })
    }
}
