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

/// Takes the result out of a handle. None for NULL.
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

/// The result of a handle, which still owns it. None for NULL.
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
        false => Failure::new(RPYC_ERR_ARGUMENT, format_args!("{argument} was already freed, or is of another type")),
    })
}

/// Borrows a handle for the time of a call.
fn result_lend<R>(result: &Promise, f: impl FnOnce(*mut rpyc_async_result) -> R) -> R {
    #[cfg(debug_assertions)]
    return handle::lend(result.clone(), f);
    #[cfg(not(debug_assertions))]
    return f(result.as_ptr().cast_mut().cast());
}

/// Called when a reply has arrived. The result is borrowed for the call.
///
/// It runs once, in the thread that read the reply, or in the thread that registered it if the reply had arrived
/// before. It does not run for a reply that arrives after the result expired.
pub type rpyc_async_callback = Option<unsafe extern "C" fn(result: *mut rpyc_async_result, userdata: *mut c_void)>;

/// Makes another handle for a result.
///
/// @param result borrowed
/// @return owned, free with rpyc_async_result_free(); NULL for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_async_result_clone(result: *const rpyc_async_result) -> *mut rpyc_async_result {
    // SAFETY: the contract of the border.
    ffi_boundary_or(std::ptr::null_mut(), || {
        unsafe { result_get(result) }.map_or(std::ptr::null_mut(), |result| result_new(Promise::clone(&result)))
    })
}

/// Frees a handle of a result. The request continues. When its reply arrives, the callbacks run and the reply is
/// dropped.
///
/// @param result consumed; NULL does nothing
///
/// Threads: any. Since: 0.1.
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

/// Returns whether the reply has arrived. As in RPyC, received messages are handled first, without waiting.
///
/// @param result borrowed
/// @return whether the reply has arrived; false for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_async_result_ready(result: *mut rpyc_async_result) -> bool {
    // SAFETY: the contract of the border.
    unsafe { ask(result, Promise::ready) }
}

/// Returns whether the reply has arrived and is an exception.
///
/// @param result borrowed
/// @return whether it is; false for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_async_result_error(result: *mut rpyc_async_result) -> bool {
    // SAFETY: the contract of the border.
    unsafe { ask(result, Promise::error) }
}

/// Returns whether the time limit has passed without a reply.
///
/// @param result borrowed
/// @return whether it has; false for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_async_result_expired(result: *mut rpyc_async_result) -> bool {
    // SAFETY: the contract of the border.
    unsafe { ask(result, Promise::expired) }
}

/// Waits until the reply has arrived or the time limit has passed. The peer's requests are served meanwhile.
///
/// @param result borrowed
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK (a value or an exception arrived), RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_TIMEOUT,
///         RPYC_ERR_CANCELLED, RPYC_ERR_WAIT_INTERRUPTED, connection errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_async_result_wait(
    result: *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(result_require(result, "result")?.wait()?)) }
}

/// Waits as rpyc_async_result_wait() does, and gets the value of the reply. It can be called repeatedly.
///
/// @param result borrowed
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL; receives an exception of the peer
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_CANCELLED
///
/// Threads: any. Since: 0.1.
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

/// Cancels a request. The result fails with RPYC_ERR_CANCELLED at once, its callbacks run in this thread, and threads
/// that wait for it wake up.
///
/// RPyC has no message to tell the peer, which continues. A reply that arrives later is dropped.
///
/// @param result borrowed
/// @return true if the request was cancelled; false if the reply had arrived or it was cancelled before, and for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_async_result_cancel(result: *mut rpyc_async_result) -> bool {
    // SAFETY: the contract of the border.
    unsafe { ask(result, Promise::cancel) }
}

/// # Safety
/// The pointer is NULL or leads to `count` handles, each NULL or live.
unsafe fn several(results: *const *mut rpyc_async_result, count: usize) -> Result<Vec<Promise>> {
    // SAFETY: the same is asked of our caller.
    unsafe {
        let handles = array(results, count, "results")?;
        handles.iter().map(|result| Ok(Promise::clone(&*result_require(*result, "results")?))).collect()
    }
}

/// Waits until one of several results is done: it has its reply or an exception, it has expired, or its connection has
/// ended.
///
/// The results may belong to several connections, whose requests are served meanwhile.
///
/// ```c
/// rpyc_async_result *results[2] = {NULL, NULL};
/// size_t first = 0;
/// if (!rpyc_object_call_method_async(object, "slow", NULL, 0, NULL, 5000, &results[0], &error) &&
///     !rpyc_object_call_method_async(object, "fast", NULL, 0, NULL, 5000, &results[1], &error) &&
///     !rpyc_async_result_wait_any(results, 2, -1, &first, &error))
///     rpyc_async_result_value(results[first], &value, &error);
/// rpyc_value_free(value);
/// rpyc_async_result_free(results[0]);
/// rpyc_async_result_free(results[1]);
/// ```
///
/// @param results borrowed, as are the handles in it
/// @param count number of results, at least 1
/// @param timeout_ms time limit in milliseconds; -1 for no limit but those of the results
/// @param index_out index of the result that is done; the first of several
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (no results), RPYC_ERR_TIMEOUT (none of them in time),
///         RPYC_ERR_FORKED, RPYC_ERR_WAIT_INTERRUPTED
///
/// Threads: any. Since: 0.1.
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
                return Err(Failure::new(RPYC_ERR_ARGUMENT, "results: expected at least one"));
            }
            out.put(wait_any(&results, timeout(timeout_ms))?)
        })
    }
}

/// Waits until all of several results are done: each has its reply or an exception, has expired, or its connection has
/// ended.
///
/// The results may belong to several connections, whose requests are served meanwhile.
///
/// @param results borrowed, as are the handles in it; may be NULL for none
/// @param count number of results
/// @param timeout_ms time limit in milliseconds; -1 for no limit but those of the results
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK (rpyc_async_result_value() gets each one's outcome), RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (impossible
///         count), RPYC_ERR_TIMEOUT (not all of them in time), RPYC_ERR_FORKED, RPYC_ERR_WAIT_INTERRUPTED
///
/// Threads: any. Since: 0.1.
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

/// Registers a callback that runs when the reply arrives, or at once if it has arrived.
///
/// Several callbacks run in the order of registration, one after the other. One that is added while others run, also by
/// one of them, runs after them in their thread.
///
/// ```c
/// static void print_result(rpyc_async_result *result, void *label)
/// {
///     rpyc_value *value = NULL;
///     double number = 0;
///
///     if (!rpyc_async_result_value(result, &value, NULL) &&
///         !rpyc_take_float(value, &number, NULL)) // frees value
///         printf("%s: %g\n", (const char *)label, number);
/// }
///
/// static rpyc_status watch(rpyc_async_result *result, rpyc_error **error_out)
/// {
///     return rpyc_async_result_add_callback(result, print_result, "total", NULL, error_out);
/// }
/// ```
///
/// @param result borrowed
/// @param callback called once
/// @param userdata consumed, also on failure; passed to the callback
/// @param userdata_free destructor of userdata: runs after the callback has run, or when it can never run; may be NULL
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: any. Since: 0.1.
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

/// Sets the time limit for the reply, counted from now.
///
/// @param result borrowed
/// @param timeout_ms time limit in milliseconds; -1 for no limit
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: any. Since: 0.1.
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
