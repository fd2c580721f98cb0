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

/// Calls of the connection run one after the other, in the order of their arrival. The next one begins when the one before
/// has returned, or waits in a function of the library; it goes on when it is alone again. Without this, as many calls run
/// at once as there are threads.
pub const RPYC_SERVE_IN_ORDER: i32 = 1;

fn is_in_order(flags: i32) -> Result<bool> {
    match flags {
        0 => Ok(false),
        RPYC_SERVE_IN_ORDER => Ok(true),
        _ => Err(Failure::new(RPYC_ERR_ARGUMENT, "flags that do not exist")),
    }
}

/// Serves a connection in threads of the library, until it ends or rpyc_serving_stop is called. It does not keep the connection
/// open.
///
/// @param connection borrowed
/// @param threads how many, 1 to 1024. With RPYC_SERVE_IN_ORDER, take two at least, so that the peer is read while a call runs
/// @param flags 0 or RPYC_SERVE_IN_ORDER; it holds for all threads that serve the connection, from now on
/// @param serving_out owned; free it with rpyc_serving_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ARGUMENT, RPYC_ERR_IO (no thread can be had), RPYC_ERR_STATE (in
///         create of a service)
///
/// Threads: any thread. Since 0.1.
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

/// Serves a connection in several threads until it ends: in this one, and in others that the library makes.
///
/// @param connection borrowed
/// @param threads how many, this one included; 1 to 1024
/// @param flags as for rpyc_connection_serve_background
/// @param error_out owned; may be NULL
/// @return RPYC_OK when the peer or this side closed it; RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ARGUMENT,
///         RPYC_ERR_IO (no thread can be had), RPYC_ERR_MALFORMED, RPYC_ERR_LIMIT, RPYC_ERR_DIALECT, RPYC_ERR_STATE (in create
///         of a service), RPYC_ERR_WAIT_INTERRUPTED
///
/// Threads: any thread. Since 0.1.
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

/// Another handle of the same threads.
///
/// @param serving borrowed
/// @return owned; free it with rpyc_serving_free; NULL for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_serving_clone(serving: *const rpyc_serving) -> *mut rpyc_serving {
    // SAFETY: the contract of the border.
    ffi_boundary_or(std::ptr::null_mut(), || {
        unsafe { handle::as_ref(serving) }.map_or(std::ptr::null_mut(), |serving| handle::new(serving.clone()))
    })
}

/// Frees a handle. With the last one the threads stop, as after rpyc_serving_stop; this does not wait for them.
///
/// @param serving consumed; NULL does nothing
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_serving_free(serving: *mut rpyc_serving) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(serving) }));
}

/// Do any of the threads still run?
///
/// @param serving borrowed
/// @return false also for NULL, and in a forked child
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_serving_is_running(serving: *const rpyc_serving) -> bool {
    // SAFETY: the contract of the border.
    ffi_boundary_or(false, || unsafe { handle::as_ref(serving) }.is_some_and(|serving| serving.is_running()))
}

/// Has the threads end when they have done what they are doing, and does not wait for that. A thread that waits for the peer
/// ends at once. The connection stays open.
///
/// @param serving borrowed
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_serving_stop(serving: *mut rpyc_serving, error_out: *mut *mut rpyc_error) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(handle::require(serving, "serving")?.stop()?)) }
}

/// Waits until the threads have ended, because they were stopped or the connection is over, and nothing of them is left.
///
/// @param serving borrowed
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_DEADLOCK (called by one of these threads), and how the connection
///         ended: RPYC_ERR_MALFORMED, RPYC_ERR_LIMIT, RPYC_ERR_DIALECT
///
/// Threads: not from a callback. Since 0.1.
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
