//! rpyc_prepared: a method that is encoded once. rpyc_batch: many calls that are sent together.

use crate::connection::{Batch, PreparedCall};
use crate::ffi::border::boundary::{self, ffi_boundary, ffi_boundary_or};
use crate::ffi::border::handle::{self, Handle, value_lend, value_new, value_take};
use crate::ffi::border::pointer::{Values, name, output, take_values};
use crate::ffi::border::report::Report;
use crate::ffi::border::status::{Failure, RPYC_ERR_ARGUMENT, rpyc_status};
use crate::ffi::border::time::timeout;
use crate::ffi::border::types::{rpyc_async_result, rpyc_batch, rpyc_error, rpyc_object, rpyc_prepared, rpyc_value};
use crate::ffi::object::async_result::result_new;
use crate::ffi::object::operation::{Arguments, keyword_pairs, reference};
use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::Arc;

impl Handle for rpyc_prepared {
    type Inner = Arc<PreparedCall>;
    const WORD: [u8; 8] = *b"prepared";
}

impl Handle for rpyc_batch {
    type Inner = Arc<Batch>;
    const WORD: [u8; 8] = *b"batch\0\0\0";
}

/// Receives the result of one call of a batch.
///
/// It runs in the thread that called rpyc_batch_run(), for one call at a time, with no lock held. It may call any
/// function, also for the same connection and the same batch.
///
/// `index` is the number of the call, counted from 0 in the order of rpyc_batch_add(). `value` is borrowed for the
/// call, and NULL if the call failed. `error` is borrowed for the call, and NULL if the call succeeded. Use
/// rpyc_value_clone() and rpyc_error_clone() to keep them.
pub type rpyc_batch_fn = Option<
    unsafe extern "C" fn(index: usize, value: *const rpyc_value, error: *const rpyc_error, userdata: *mut c_void),
>;

/// Prepares a method of an object for many calls: the object and the name are encoded once. Nothing is sent.
///
/// @param object borrowed; the prepared method keeps the object, but like any object it does not keep the connection
///        open
/// @param method copied, NUL-terminated; NULL to call the object itself
/// @param prepared_out owned, free with rpyc_prepared_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_STALE (the connection is gone), RPYC_ERR_STATE (an object
///         of a session)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_prepared_new(
    object: *mut rpyc_object,
    method: *const c_char,
    prepared_out: *mut *mut rpyc_prepared,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(prepared_out, "prepared_out")?;
            let object = reference(object, "object")?;
            let method = if method.is_null() { None } else { Some(name(method, "method")?) };
            out.put(handle::new(Arc::new(PreparedCall::new(object, method)?)))
        })
    }
}

/// Makes another handle for a prepared method.
///
/// @param prepared borrowed
/// @return owned, free with rpyc_prepared_free(); NULL for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_prepared_clone(prepared: *const rpyc_prepared) -> *mut rpyc_prepared {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || {
        unsafe { handle::as_ref(prepared) }.map_or(ptr::null_mut(), |prepared| handle::new(prepared.clone()))
    })
}

/// Frees a handle of a prepared method.
///
/// @param prepared consumed; NULL does nothing
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_prepared_free(prepared: *mut rpyc_prepared) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(prepared) }));
}

/// Calls a prepared method, as rpyc_object_call_method() does.
///
/// ```c
/// rpyc_prepared *square = NULL;
/// int64_t result = 0;
/// if (!rpyc_prepared_new(object, "square", &square, &error)) {
///     rpyc_value *args[1] = {rpyc_int(12)};
///     if (!rpyc_prepared_call(square, args, 1, NULL, &value, &error))
///         rpyc_take_int(value, &result, &error);
/// }
/// rpyc_prepared_free(square);
/// ```
///
/// @param prepared borrowed
/// @param args each value consumed, also on failure
/// @param count number of arguments
/// @param keywords consumed, also on failure: a dict with str keys, see rpyc_value_new_keywords(); NULL for none
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (keywords is not a dict with str keys)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_prepared_call(
    prepared: *mut rpyc_prepared,
    args: *const *mut rpyc_value,
    count: usize,
    keywords: *mut rpyc_value,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            Arguments::take(args, count, keywords, |arguments| {
                let out = output(value_out, "value_out")?;
                let prepared = handle::require(prepared, "prepared")?;
                let arguments = arguments?;
                out.put(value_new(prepared.call(arguments.args(), arguments.keywords())?))
            })
        })
    }
}

/// Calls a prepared method without waiting for the reply, as rpyc_object_call_method_async() does.
///
/// @param prepared borrowed
/// @param args each value consumed, also on failure
/// @param count number of arguments
/// @param keywords consumed, also on failure: a dict with str keys, see rpyc_value_new_keywords(); NULL for none
/// @param timeout_ms time limit for the reply in milliseconds; -1 for no limit
/// @param result_out owned, free with rpyc_async_result_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, sending errors, RPYC_ERR_TYPE (keywords is not a dict with str keys)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_prepared_call_async(
    prepared: *mut rpyc_prepared,
    args: *const *mut rpyc_value,
    count: usize,
    keywords: *mut rpyc_value,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            Arguments::take(args, count, keywords, |arguments| {
                let out = output(result_out, "result_out")?;
                let prepared = handle::require(prepared, "prepared")?;
                let arguments = arguments?;
                let limit = timeout(timeout_ms);
                out.put(result_new(prepared.call_later(arguments.args(), arguments.keywords(), limit)?))
            })
        })
    }
}

/// Makes an empty batch: a list of calls to objects of one connection, which rpyc_batch_run() sends together.
///
/// Nothing is allocated for a single call. A burst of calls takes the connection's lock once, and is sent with one
/// write.
///
/// The calls are sent in the order in which they were added. A peer that handles one request after the other runs them
/// in that order. At most `window` calls are sent and not yet answered. This bounds what the peer and this process
/// store, and nothing more is sent to a peer that does not receive.
///
/// @param window maximum number of calls that are sent and not yet answered; 0 for 256. The option max_pending is a
///        limit too.
/// @param batch_out owned, free with rpyc_batch_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_batch_new(
    window: usize,
    batch_out: *mut *mut rpyc_batch,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || output(batch_out, "batch_out")?.put(handle::new(Arc::new(Batch::new(window)))))
    }
}

/// Makes another handle for a batch.
///
/// @param batch borrowed
/// @return owned, free with rpyc_batch_free(); NULL for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_batch_clone(batch: *const rpyc_batch) -> *mut rpyc_batch {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || {
        unsafe { handle::as_ref(batch) }.map_or(ptr::null_mut(), |batch| handle::new(batch.clone()))
    })
}

/// Frees a handle of a batch. A run in progress continues. Freeing the last handle drops the calls that were added and
/// not run.
///
/// @param batch consumed; NULL does nothing
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_batch_free(batch: *mut rpyc_batch) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(batch) }));
}

/// Adds one call to a batch. Nothing is sent before rpyc_batch_run(). The results of the last run are dropped.
///
/// @param batch borrowed
/// @param prepared borrowed; of the same connection as the others, or of an object of this process
/// @param args each value consumed, also on failure
/// @param count number of arguments
/// @param keywords consumed, also on failure: a dict with str keys, see rpyc_value_new_keywords(); NULL for none
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (the batch is running), RPYC_ERR_ARGUMENT (another
///         connection, or impossible count), RPYC_ERR_TYPE (keywords is not a dict with str keys), RPYC_ERR_STALE (the
///         connection is gone), RPYC_ERR_LIMIT (2^32 calls), RPYC_ERR_NO_MEMORY
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_batch_add(
    batch: *mut rpyc_batch,
    prepared: *const rpyc_prepared,
    args: *const *mut rpyc_value,
    count: usize,
    keywords: *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let mut values = Values::default();
            let (args, keywords) = (values.take(args, count, "args"), value_take(keywords));
            let batch = handle::require(batch, "batch")?;
            let prepared = handle::require(prepared, "prepared")?;
            let keywords = keyword_pairs(keywords)?;
            Ok(batch.add(prepared, 1, args?.iter().cloned(), &keywords)?)
        })
    }
}

/// Adds several calls of one method to a batch, as rpyc_batch_add() does. If it fails, none of them is added.
///
/// @param batch borrowed
/// @param prepared borrowed
/// @param args each value consumed, also on failure: calls * count values, those of the first call first
/// @param count number of arguments of each call
/// @param calls number of calls
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return as rpyc_batch_add
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_batch_add_many(
    batch: *mut rpyc_batch,
    prepared: *const rpyc_prepared,
    args: *const *mut rpyc_value,
    count: usize,
    calls: usize,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let all = count.checked_mul(calls).ok_or_else(|| {
                Failure::new(RPYC_ERR_ARGUMENT, format_args!("args cannot have {calls} times {count} items"))
            })?;
            let args = take_values(args, all, "args");
            let batch = handle::require(batch, "batch")?;
            let prepared = handle::require(prepared, "prepared")?;
            Ok(batch.add(prepared, calls, args?.into_iter(), &[])?)
        })
    }
}

/// Makes the calls that were added since the last run, and waits until each has a result. The peer's requests are
/// served meanwhile, also those that it makes before it replies.
///
/// A failed call does not end the run. An exception of the peer is the result of that call. So is an argument that
/// cannot be sent: nothing of that call is sent. Any other failure ends the run, and is returned. The calls without a
/// reply then fail with the same status, and the message of each says whether the call was sent. A call that was sent
/// may still be running, and its reply is dropped. No call is sent in part.
///
/// A callback is called exactly once for each call, in the order of the replies, and no result is kept. Without a
/// callback, rpyc_batch_value() gets the results after this function has returned, also if it failed.
///
/// ```c
/// static void count_failures(size_t index, const rpyc_value *value, const rpyc_error *failure,
///                            void *count)
/// {
///     (void)index, (void)value;
///     if (failure)
///         ++*(size_t *)count;
/// }
///
/// static rpyc_status run(rpyc_batch *batch, rpyc_error **error_out)
/// {
///     size_t failures = 0;
///     rpyc_status status = rpyc_batch_run(batch, 10000, count_failures, &failures, error_out);
///
///     if (!status)
///         printf("%zu calls failed\n", failures);
///     return status;
/// }
/// ```
///
/// @param batch borrowed; it may be freed while this function runs, also by the callback
/// @param timeout_ms time limit for all calls in milliseconds; -1 for no limit but that of rpyc_timeout_begin(). The
///        option sync_request_timeout has no effect.
/// @param callback called in this thread; NULL to keep the results
/// @param userdata borrowed until this function returns; passed to the callback
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK (each call has a result of its own), RPYC_ERR_NULL, RPYC_ERR_STATE (the batch is already running,
///         and no callback is called), RPYC_ERR_FORKED, RPYC_ERR_TIMEOUT, RPYC_ERR_CANCELLED (by rpyc_batch_cancel()),
///         RPYC_ERR_WAIT_INTERRUPTED, connection errors, RPYC_ERR_STALE (the connection had ended; no call was sent)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_batch_run(
    batch: *mut rpyc_batch,
    timeout_ms: i64,
    callback: rpyc_batch_fn,
    userdata: *mut c_void,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            // The callback may free this very handle.
            let batch = handle::require(batch, "batch")?.clone();
            let limit = timeout(timeout_ms);
            let Some(callback) = callback else { return Ok(batch.run(limit, None)?) };
            let mut tell = |index: usize, outcome| match outcome {
                Ok(value) => {
                    boundary::outside(|| callback(index, value_lend(&value), ptr::null(), userdata));
                }
                Err(error) => {
                    let report = Report::from(Failure::from(error));
                    handle::lend(report, |error: *mut rpyc_error| {
                        boundary::outside(|| callback(index, ptr::null(), error, userdata));
                    });
                }
            };
            Ok(batch.run(limit, Some(&mut tell))?)
        })
    }
}

/// Gets the result of one call of the last run. It can be called repeatedly, until a call is added or the batch is run
/// again.
///
/// ```c
/// static double sum_of_results(rpyc_batch *batch, size_t count)
/// {
///     double sum = 0, x = 0;
///
///     for (size_t at = 0; at < count; ++at) {
///         rpyc_value *value = NULL;
///         if (!rpyc_batch_value(batch, at, &value, NULL) && !rpyc_take_float(value, &x, NULL))
///             sum += x;
///     }
///     return sum;
/// }
/// ```
///
/// @param batch borrowed
/// @param index the number of the call, from 0 in the order of rpyc_batch_add()
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL; receives the error of that call
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (no such call), RPYC_ERR_STATE (no results, or the batch is
///         running), request errors, RPYC_ERR_CANCELLED
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_batch_value(
    batch: *mut rpyc_batch,
    index: usize,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(value_out, "value_out")?;
            out.put(value_new(handle::require(batch, "batch")?.value(index)?))
        })
    }
}

/// Cancels the run of a batch. No further call is sent, the calls without a reply fail with RPYC_ERR_CANCELLED, and
/// rpyc_batch_run() returns it.
///
/// RPyC has no message to tell the peer, which continues with the calls that it was sent.
///
/// @param batch borrowed
/// @return true if the run was cancelled; false if the batch is not running or was cancelled before, and for NULL
///
/// Threads: any, also in the callback of the batch. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_batch_cancel(batch: *mut rpyc_batch) -> bool {
    // SAFETY: the contract of the border.
    ffi_boundary_or(false, || unsafe { handle::as_ref(batch) }.is_some_and(|batch| batch.clone().cancel()))
}
