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

/// Receives the outcome of one call of a batch.
///
/// It runs in the thread that called rpyc_batch_run(), one call at a time, and with no lock held: it may call any function,
/// also for the same connection and the same batch.
///
/// index is the number of the call, counted from 0 in the order of adding; value is borrowed for the call, and NULL if the
/// call failed; error is borrowed for the call, and NULL if it did not. rpyc_value_clone() and rpyc_error_clone() keep them.
pub type rpyc_batch_fn = Option<
    unsafe extern "C" fn(index: usize, value: *const rpyc_value, error: *const rpyc_error, userdata: *mut c_void),
>;

/// Prepares a method of an object for many calls: the object and the name are encoded once. Nothing is sent.
///
/// @param object borrowed; the prepared method keeps the object, and as any object it does not keep the connection open
/// @param method copied; NUL-terminated; NULL: the object itself is called
/// @param prepared_out owned; free it with rpyc_prepared_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_CLOSED (nothing is left of the connection), RPYC_ERR_STATE (an
///         object of a session)
///
/// Threads: any thread. Since 0.1.
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

/// Returns another handle of the same prepared method.
///
/// @param prepared borrowed
/// @return owned; free it with rpyc_prepared_free; NULL for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_prepared_clone(prepared: *const rpyc_prepared) -> *mut rpyc_prepared {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || {
        unsafe { handle::as_ref(prepared) }.map_or(ptr::null_mut(), |prepared| handle::new(prepared.clone()))
    })
}

/// Frees a handle.
///
/// @param prepared consumed; NULL does nothing
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_prepared_free(prepared: *mut rpyc_prepared) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(prepared) }));
}

/// Calls a prepared method, as rpyc_object_call_method does.
///
/// @param prepared borrowed
/// @param args consumed, on success and on every failure
/// @param count number of args
/// @param keywords consumed; a dict with text keys, see rpyc_value_new_keywords; NULL for none
/// @param value_out owned; free it with rpyc_value_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (keywords are no dict with text keys)
///
/// Threads: any thread. Since 0.1.
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

/// Calls a prepared method without waiting for the answer, as rpyc_object_call_method_async does.
///
/// @param prepared borrowed
/// @param args consumed, on success and on every failure
/// @param count number of args
/// @param keywords consumed; a dict with text keys, see rpyc_value_new_keywords; NULL for none
/// @param timeout_ms milliseconds within which the answer must come; -1: no limit
/// @param result_out owned; free it with rpyc_async_result_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, sending errors, RPYC_ERR_TYPE (keywords are no dict with text keys)
///
/// Threads: any thread. Since 0.1.
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

/// Makes an empty batch: a list of calls to objects of one connection, which rpyc_batch_run() sends together. Nothing is
/// allocated for a single call, and a burst of calls takes the connection's lock once and is sent in one write.
///
/// The calls are sent in the order of adding, and on a peer that handles one request after the other they run in it.
/// At most `window` of them have been sent and have no answer yet: that bounds what the peer and this side keep, and a peer
/// that does not receive is not sent more.
///
/// @param window calls; 0: 256. The option max_pending bounds it too.
/// @param batch_out owned; free it with rpyc_batch_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: any thread. Since 0.1.
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

/// Returns another handle of the same batch.
///
/// @param batch borrowed
/// @return owned; free it with rpyc_batch_free; NULL for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_batch_clone(batch: *const rpyc_batch) -> *mut rpyc_batch {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || {
        unsafe { handle::as_ref(batch) }.map_or(ptr::null_mut(), |batch| handle::new(batch.clone()))
    })
}

/// Frees a handle. A run that is under way goes on. Calls that were added and not run are dropped with the last handle.
///
/// @param batch consumed; NULL does nothing
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_batch_free(batch: *mut rpyc_batch) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(batch) }));
}

/// Adds one call to a batch. Nothing is sent before rpyc_batch_run(). The results of the last run are dropped.
///
/// @param batch borrowed
/// @param prepared borrowed; of the same connection as those before, or of an object of this process
/// @param args consumed, on success and on every failure
/// @param count number of args
/// @param keywords consumed; a dict with text keys, see rpyc_value_new_keywords; NULL for none
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (the batch is running), RPYC_ERR_ARGUMENT (of another
///         connection, or an impossible count), RPYC_ERR_TYPE (keywords are no dict with text keys), RPYC_ERR_CLOSED (nothing is left of the
///         connection), RPYC_ERR_LIMIT (2^32 calls), RPYC_ERR_NO_MEMORY
///
/// Threads: any thread. Since 0.1.
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

/// Adds many calls of one method to a batch, as rpyc_batch_add does: all of them, or none if it fails.
///
/// @param batch borrowed
/// @param prepared borrowed
/// @param args consumed, on success and on every failure; calls times count values: first those of the first call
/// @param count number of args of each call
/// @param calls how many calls
/// @param error_out owned; may be NULL
/// @return as rpyc_batch_add
///
/// Threads: any thread. Since 0.1.
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

/// Makes the calls that were added since the last run, and waits until each is over; requests of the peer are served
/// meanwhile, those too that it makes before it answers.
///
/// A call that fails does not end the batch: an exception of the peer, and an argument that cannot be sent, which sends
/// nothing of that call, are its own outcome, and the others go on. What ends the batch is the status: then the
/// calls without an answer fail with that status, and the message of each says whether it was sent. One that was sent may still be
/// running, and a late answer is dropped. No call is sent in part.
///
/// With a callback, it is called exactly once for each call, in the order in which answers arrive, and nothing is kept. Without
/// one, rpyc_batch_value() gives the results after this function has returned, also if it failed.
///
/// @param batch borrowed; it may be freed while this function runs, also by the callback
/// @param timeout_ms milliseconds within which all calls must be over; -1: no limit but that of
///        rpyc_timeout_begin(); the option sync_request_timeout does not count
/// @param callback called in this thread; NULL: keep the results
/// @param userdata borrowed until this function returns; given to the callback
/// @param error_out owned; may be NULL
/// @return RPYC_OK (each call has an outcome of its own), RPYC_ERR_NULL, RPYC_ERR_STATE (the batch is running already, and no
///         callback is called), RPYC_ERR_FORKED, RPYC_ERR_TIMEOUT, RPYC_ERR_CANCELLED (rpyc_batch_cancel),
///         RPYC_ERR_WAIT_INTERRUPTED, connection errors
///
/// Threads: any thread. Since 0.1.
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

/// Gets the result of one call of the last run. It may be asked for again, until a call is added, or the batch is run anew.
///
/// @param batch borrowed
/// @param index the number of the call, from 0 in the order of adding
/// @param value_out owned; free it with rpyc_value_free
/// @param error_out owned; may be NULL; the error of that call arrives here
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (there is no such call), RPYC_ERR_STATE (there are no results, or the batch is
///         running), request errors, RPYC_ERR_CANCELLED
///
/// Threads: any thread. Since 0.1.
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

/// Gives up the run of a batch that is under way: no further call is sent, those without an answer fail with RPYC_ERR_CANCELLED,
/// and rpyc_batch_run() returns it. RPyC cannot tell the peer, which goes on with what it was sent.
///
/// @param batch borrowed
/// @return true if it was given up now; false if it does not run, if it was given up before, and for NULL
///
/// Threads: any thread, also in the callback of the batch. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_batch_cancel(batch: *mut rpyc_batch) -> bool {
    // SAFETY: the contract of the border.
    ffi_boundary_or(false, || unsafe { handle::as_ref(batch) }.is_some_and(|batch| batch.clone().cancel()))
}
