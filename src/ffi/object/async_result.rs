//! rpyc_async_result: answers that nobody had to wait for.

use crate::connection::{wait_all, wait_any};
use crate::ffi::border::boundary::{self, ffi_boundary, ffi_boundary_or};
#[cfg(debug_assertions)]
use crate::ffi::border::handle;
use crate::ffi::border::pointer::{array, output, present};
use crate::ffi::border::status::{Failure, RPYC_ERR_ARGUMENT, Result, rpyc_status};
use crate::ffi::border::time::timeout;
use crate::ffi::border::types::{rpyc_async_result, rpyc_error, rpyc_value};
use crate::ffi::border::userdata::{Userdata, rpyc_free_fn};
use crate::objects::Promise;
#[cfg(not(debug_assertions))]
use crate::objects::Promised;
use std::ffi::c_void;
use std::mem::ManuallyDrop;
#[cfg(not(debug_assertions))]
use std::sync::Arc;

// A handle is the counted result itself. In debug builds it is a box around it, as other handles are, so that freed ones are told.
#[cfg(debug_assertions)]
impl handle::Handle for rpyc_async_result {
    type Inner = Promise;
    const WORD: [u8; 8] = *b"asyncres";
}

/// A handle that its holder owns.
#[inline]
pub(crate) fn result_new(result: Promise) -> *mut rpyc_async_result {
    #[cfg(debug_assertions)]
    return handle::new(result);
    #[cfg(not(debug_assertions))]
    return Arc::into_raw(result.into_inner()).cast_mut().cast();
}

/// Takes back what a handle stands for. None for NULL.
///
/// # Safety
/// The handle is NULL or from `result_new`, and not used any more.
#[inline]
unsafe fn result_take(result: *mut rpyc_async_result) -> Option<Promise> {
    #[cfg(debug_assertions)]
    // SAFETY: the same is asked of our caller.
    return unsafe { handle::take(result) };
    #[cfg(not(debug_assertions))]
    // SAFETY: a live handle comes from `Arc::into_raw` in `result_new`, and is given up.
    return (!result.is_null()).then(|| Promise::from_inner(unsafe { Arc::from_raw(result.cast::<Promised>()) }));
}

/// What a handle stands for, which goes on living with the handle. None for NULL.
///
/// # Safety
/// The handle is NULL or from `result_new`, and lives as long as the answer is used.
#[inline]
unsafe fn result_get(result: *const rpyc_async_result) -> Option<ManuallyDrop<Promise>> {
    #[cfg(debug_assertions)]
    // SAFETY: the same is asked of our caller; the copy is not dropped.
    return unsafe { handle::as_ref(result).map(|result| ManuallyDrop::new(std::ptr::read(result))) };
    #[cfg(not(debug_assertions))]
    // SAFETY: a live handle comes from `Arc::into_raw` in `result_new`; the copy is not dropped.
    return (!result.is_null())
        .then(|| ManuallyDrop::new(Promise::from_inner(unsafe { Arc::from_raw(result.cast::<Promised>()) })));
}

/// # Safety
/// As for `result_get`.
unsafe fn result_require(result: *const rpyc_async_result, argument: &str) -> Result<ManuallyDrop<Promise>> {
    // SAFETY: the same is asked of our caller.
    unsafe { result_get(result) }.ok_or_else(|| match result.is_null() {
        true => Failure::null(argument),
        false => Failure::new(RPYC_ERR_ARGUMENT, format_args!("{argument} was freed before, or is of another type")),
    })
}

/// Lends a handle for the time of a call.
fn result_lend<R>(result: &Promise, f: impl FnOnce(*mut rpyc_async_result) -> R) -> R {
    #[cfg(debug_assertions)]
    return handle::lend(result.clone(), f);
    #[cfg(not(debug_assertions))]
    return f(result.as_ptr().cast_mut().cast());
}

/// Told that an answer has come. The result is lent for the call.
///
/// It runs once, in the thread that read the answer, or in the one that registered it when the answer was there already.
/// It does not run for an answer that came after the result expired.
pub type rpyc_async_callback = Option<unsafe extern "C" fn(result: *mut rpyc_async_result, userdata: *mut c_void)>;

/// Another handle of the same result.
///
/// @param result borrowed
/// @return owned; free it with rpyc_async_result_free; NULL for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_async_result_clone(result: *const rpyc_async_result) -> *mut rpyc_async_result {
    // SAFETY: the contract of the border.
    ffi_boundary_or(std::ptr::null_mut(), || {
        unsafe { result_get(result) }.map_or(std::ptr::null_mut(), |result| result_new(Promise::clone(&result)))
    })
}

/// Frees a handle. The request goes on; when its answer comes, callbacks run, and it is dropped.
///
/// @param result consumed; NULL does nothing
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_async_result_free(result: *mut rpyc_async_result) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { result_take(result) }));
}

/// # Safety
/// The handle is NULL or live.
unsafe fn ask(result: *mut rpyc_async_result, question: impl FnOnce(&Promise) -> bool) -> bool {
    // SAFETY: the same is asked of our caller.
    ffi_boundary_or(false, || unsafe { result_get(result) }.is_some_and(|result| question(&result)))
}

/// Has the answer come? As in RPyC, messages that have arrived are handled first, without waiting.
///
/// @param result borrowed
/// @return false also for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_async_result_ready(result: *mut rpyc_async_result) -> bool {
    // SAFETY: the contract of the border.
    unsafe { ask(result, Promise::ready) }
}

/// Has the answer come, and is it an exception?
///
/// @param result borrowed
/// @return false also for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_async_result_error(result: *mut rpyc_async_result) -> bool {
    // SAFETY: the contract of the border.
    unsafe { ask(result, Promise::error) }
}

/// Has the time gone by without an answer?
///
/// @param result borrowed
/// @return false also for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_async_result_expired(result: *mut rpyc_async_result) -> bool {
    // SAFETY: the contract of the border.
    unsafe { ask(result, Promise::expired) }
}

/// Waits until the answer is here or the time is over; requests of the peer are served meanwhile.
///
/// @param result borrowed
/// @param error_out owned; may be NULL
/// @return RPYC_OK (an answer or an exception came), RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_TIMEOUT,
///         RPYC_ERR_CANCELLED, RPYC_ERR_WAIT_INTERRUPTED, connection errors
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_async_result_wait(
    result: *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(result_require(result, "result")?.wait()?)) }
}

/// Waits as rpyc_async_result_wait does, and gives the answer. It may be asked for again.
///
/// @param result borrowed
/// @param value_out owned; free it with rpyc_value_free
/// @param error_out owned; may be NULL; an exception of the peer arrives here
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_CANCELLED
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_async_result_value(
    result: *mut rpyc_async_result,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(value_out, "value_out")?;
            out.put_value(result_require(result, "result")?.value()?)
        })
    }
}

/// Gives a request up: the result fails with RPYC_ERR_CANCELLED at once, its callbacks run in this thread, and an answer that
/// comes later is dropped. RPyC cannot tell the peer, which goes on. Threads that wait for the result wake up.
///
/// @param result borrowed
/// @return true if it was given up now; false if the answer was here already, if it was given up before, and for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_async_result_cancel(result: *mut rpyc_async_result) -> bool {
    // SAFETY: the contract of the border.
    unsafe { ask(result, Promise::cancel) }
}

/// # Safety
/// The pointer is NULL or leads to so many handles, each NULL or live.
unsafe fn several(results: *const *mut rpyc_async_result, count: usize) -> Result<Vec<Promise>> {
    // SAFETY: the same is asked of our caller.
    unsafe {
        let handles = array(results, count, "results")?;
        handles.iter().map(|result| Ok(Promise::clone(&*result_require(*result, "results")?))).collect()
    }
}

/// Waits until there is something to be had from one of several results: its answer, an exception, or that it has expired or
/// its connection has ended. They may belong to several connections, whose requests are served meanwhile.
///
/// @param results borrowed, and so are the handles in it
/// @param count results, at least one
/// @param timeout_ms milliseconds; -1: no limit but their own
/// @param index_out which one it is; the first of several
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (no results), RPYC_ERR_TIMEOUT (none of them in time), RPYC_ERR_FORKED,
///         RPYC_ERR_WAIT_INTERRUPTED
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_async_result_wait_any(
    results: *const *mut rpyc_async_result,
    count: usize,
    timeout_ms: i64,
    index_out: *mut usize,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(index_out, "index_out")?;
            let results = several(results, count)?;
            if results.is_empty() {
                return Err(Failure::new(RPYC_ERR_ARGUMENT, "there is no result to wait for"));
            }
            out.put(wait_any(&results, timeout(timeout_ms))?)
        })
    }
}

/// Waits until there is nothing left to wait for from any of several results: each has its answer, an exception, has expired,
/// or its connection has ended. They may belong to several connections, whose requests are served meanwhile.
///
/// @param results borrowed, and so are the handles in it; may be NULL for none
/// @param count results
/// @param timeout_ms milliseconds; -1: no limit but their own
/// @param error_out owned; may be NULL
/// @return RPYC_OK (ask each for what came of it), RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (an impossible count), RPYC_ERR_TIMEOUT
///         (not all of them in time), RPYC_ERR_FORKED, RPYC_ERR_WAIT_INTERRUPTED
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_async_result_wait_all(
    results: *const *mut rpyc_async_result,
    count: usize,
    timeout_ms: i64,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(wait_all(&several(results, count)?, timeout(timeout_ms))?)) }
}

/// Has a callback run when the answer comes; at once if it is here. Several run in the order of registration, one after the
/// other: one that is added while others run, also by one of them, runs behind them, in their thread.
///
/// @param result borrowed
/// @param callback the callback
/// @param userdata passed to it
/// @param userdata_free ends userdata, after the callback ran or when it never will; may be NULL
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_async_result_add_callback(
    result: *mut rpyc_async_result,
    callback: rpyc_async_callback,
    userdata: *mut c_void,
    userdata_free: rpyc_free_fn,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let userdata = Userdata::new(userdata, userdata_free);
            // The callback may run at once, and free this very handle.
            let result = Promise::clone(&*result_require(result, "result")?);
            let callback = present(callback, "callback")?;
            result.add_callback(Box::new(move |result| {
                result_lend(result, |lent| boundary::outside(|| callback(lent, userdata.pointer())));
            }));
            Ok(())
        })
    }
}

/// Sets the time within which the answer must come, counted from now.
///
/// @param result borrowed
/// @param timeout_ms milliseconds; -1: no limit
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_async_result_set_expiry(
    result: *mut rpyc_async_result,
    timeout_ms: i64,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            result_require(result, "result")?.set_expiry(timeout(timeout_ms));
            Ok(())
        })
    }
}
