//! Every operation as an asynchronous request.

use crate::connection::is_instance_later;
use crate::ffi::border::boundary::ffi_boundary;
use crate::ffi::border::handle::value_take;
use crate::ffi::border::pointer::{name, present};
use crate::ffi::border::status::rpyc_status;
use crate::ffi::border::types::{rpyc_async_result, rpyc_error, rpyc_object, rpyc_value};
use crate::ffi::object::operation::{Arguments, answer_later, compare_op, operation_async, reference, special};
use crate::value::Ask;
use std::ffi::c_char;

/// Sends the request of rpyc_object_get_attr() without waiting for the reply.
///
/// @param object borrowed
/// @param attribute copied, NUL-terminated
/// @param timeout_ms time limit for the reply in milliseconds; -1 for no limit
/// @param result_out owned, free with rpyc_async_result_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, sending errors, RPYC_ERR_UTF8
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_get_attr_async(
    object: *mut rpyc_object,
    attribute: *const c_char,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        operation_async((object, "object"), timeout_ms, result_out, error_out, |later| {
            later.ask(Ask::GetAttr(name(attribute, "attribute")?))
        })
    }
}

/// Sends the request of rpyc_object_set_attr() without waiting for the reply.
///
/// ```c
/// rpyc_async_result *result = NULL;
/// if (!rpyc_object_set_attr_async(object, "color", rpyc_str("red"), 1000, &result, &error))
///     rpyc_async_result_wait(result, &error);
/// rpyc_async_result_free(result);
/// ```
///
/// @param object borrowed
/// @param attribute copied, NUL-terminated
/// @param value consumed, also on failure
/// @param timeout_ms time limit for the reply in milliseconds; -1 for no limit
/// @param result_out owned, free with rpyc_async_result_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, sending errors, RPYC_ERR_UTF8
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_set_attr_async(
    object: *mut rpyc_object,
    attribute: *const c_char,
    value: *mut rpyc_value,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        let value = value_take(value);
        operation_async((object, "object"), timeout_ms, result_out, error_out, |later| {
            let attribute = name(attribute, "attribute")?;
            later.ask(Ask::SetAttr(attribute, &present(value, "value")?))
        })
    }
}

/// Sends the request of rpyc_object_del_attr() without waiting for the reply.
///
/// @param object borrowed
/// @param attribute copied, NUL-terminated
/// @param timeout_ms time limit for the reply in milliseconds; -1 for no limit
/// @param result_out owned, free with rpyc_async_result_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, sending errors, RPYC_ERR_UTF8
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_del_attr_async(
    object: *mut rpyc_object,
    attribute: *const c_char,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        operation_async((object, "object"), timeout_ms, result_out, error_out, |later| {
            later.ask(Ask::DelAttr(name(attribute, "attribute")?))
        })
    }
}

/// Sends the request of rpyc_object_call() without waiting for the reply.
///
/// @param object borrowed
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
pub unsafe extern "C" fn rpyc_object_call_async(
    object: *mut rpyc_object,
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
                answer_later((object, "object"), timeout_ms, result_out, |later| later.ask(arguments?.call()))
            })
        })
    }
}

/// Sends the request of rpyc_object_call_method() without waiting for the reply.
///
/// ```c
/// rpyc_async_result *result = NULL;
/// if (!rpyc_object_call_method_async(object, "compute", NULL, 0, NULL, -1, &result, &error)) {
///     // do something else meanwhile
///     if (!rpyc_async_result_value(result, &value, &error)) // waits for the reply
///         rpyc_value_free(value);
/// }
/// rpyc_async_result_free(result);
/// ```
///
/// @param object borrowed
/// @param method copied, NUL-terminated
/// @param args each value consumed, also on failure
/// @param count number of arguments
/// @param keywords consumed, also on failure: a dict with str keys, see rpyc_value_new_keywords(); NULL for none
/// @param timeout_ms time limit for the reply in milliseconds; -1 for no limit
/// @param result_out owned, free with rpyc_async_result_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, sending errors, RPYC_ERR_UTF8, RPYC_ERR_TYPE (keywords is not a dict with str keys)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_call_method_async(
    object: *mut rpyc_object,
    method: *const c_char,
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
                answer_later((object, "object"), timeout_ms, result_out, |later| {
                    let arguments = arguments?;
                    later.ask(arguments.call_method(name(method, "method")?))
                })
            })
        })
    }
}

/// Sends the request of rpyc_object_str() without waiting for the reply.
///
/// @param object borrowed
/// @param timeout_ms time limit for the reply in milliseconds; -1 for no limit
/// @param result_out owned, free with rpyc_async_result_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, sending errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_str_async(
    object: *mut rpyc_object,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { operation_async((object, "object"), timeout_ms, result_out, error_out, |later| later.ask(Ask::Str)) }
}

/// Sends the request of rpyc_object_repr() without waiting for the reply.
///
/// @param object borrowed
/// @param timeout_ms time limit for the reply in milliseconds; -1 for no limit
/// @param result_out owned, free with rpyc_async_result_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, sending errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_repr_async(
    object: *mut rpyc_object,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { operation_async((object, "object"), timeout_ms, result_out, error_out, |later| later.ask(Ask::Repr)) }
}

/// Sends the request of rpyc_object_hash() without waiting for the reply.
///
/// @param object borrowed
/// @param timeout_ms time limit for the reply in milliseconds; -1 for no limit
/// @param result_out owned, free with rpyc_async_result_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, sending errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_hash_async(
    object: *mut rpyc_object,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { operation_async((object, "object"), timeout_ms, result_out, error_out, |later| later.ask(Ask::Hash)) }
}

/// Sends the request of rpyc_object_compare() without waiting for the reply.
///
/// @param object borrowed
/// @param op RPYC_LT, RPYC_LE, RPYC_EQ, RPYC_NE, RPYC_GT or RPYC_GE
/// @param other consumed, also on failure
/// @param timeout_ms time limit for the reply in milliseconds; -1 for no limit
/// @param result_out owned, free with rpyc_async_result_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, sending errors, RPYC_ERR_ARGUMENT (unknown op)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_compare_async(
    object: *mut rpyc_object,
    op: i32,
    other: *mut rpyc_value,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        let other = value_take(other);
        operation_async((object, "object"), timeout_ms, result_out, error_out, |later| {
            let op = compare_op(op)?;
            later.ask(Ask::Compare(op, &present(other, "other")?))
        })
    }
}

/// Sends the request of rpyc_object_dir() without waiting for the reply.
///
/// @param object borrowed
/// @param timeout_ms time limit for the reply in milliseconds; -1 for no limit
/// @param result_out owned, free with rpyc_async_result_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, sending errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_dir_async(
    object: *mut rpyc_object,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { operation_async((object, "object"), timeout_ms, result_out, error_out, |later| later.ask(Ask::Dir)) }
}

/// Sends the request of rpyc_object_inspect() without waiting for the reply.
///
/// @param object borrowed
/// @param timeout_ms time limit for the reply in milliseconds; -1 for no limit
/// @param result_out owned, free with rpyc_async_result_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, sending errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_inspect_async(
    object: *mut rpyc_object,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { operation_async((object, "object"), timeout_ms, result_out, error_out, |later| later.ask(Ask::Inspect)) }
}

/// Sends the request of rpyc_object_is_instance() without waiting for the reply.
///
/// @param object borrowed
/// @param class_ borrowed; a class
/// @param timeout_ms time limit for the reply in milliseconds; -1 for no limit
/// @param result_out owned, free with rpyc_async_result_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, sending errors, RPYC_ERR_TYPE (class_ is not a class)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_is_instance_async(
    object: *mut rpyc_object,
    class_: *mut rpyc_object,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        operation_async((object, "object"), timeout_ms, result_out, error_out, |later| {
            Ok(is_instance_later(later.object, reference(class_, "class_")?, later.limit)?)
        })
    }
}

/// Sends the request of rpyc_object_length() without waiting for the reply.
///
/// ```c
/// rpyc_async_result *result = NULL;
/// int64_t length = 0;
/// if (!rpyc_object_length_async(object, 1000, &result, &error) &&
///     !rpyc_async_result_value(result, &value, &error))
///     rpyc_take_int(value, &length, &error); // frees value
/// rpyc_async_result_free(result);
/// ```
///
/// @param object borrowed
/// @param timeout_ms time limit for the reply in milliseconds; -1 for no limit
/// @param result_out owned, free with rpyc_async_result_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, sending errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_length_async(
    object: *mut rpyc_object,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        operation_async((object, "object"), timeout_ms, result_out, error_out, |later| {
            later.ask(special("__len__", &[]))
        })
    }
}

/// Sends the request of rpyc_object_get_item() without waiting for the reply.
///
/// ```c
/// rpyc_async_result *results[2] = {NULL, NULL}; // both requests are sent before the first reply
/// rpyc_object_get_item_async(object, rpyc_int(0), 1000, &results[0], NULL);
/// rpyc_object_get_item_async(object, rpyc_int(1), 1000, &results[1], NULL);
/// for (int at = 0; at < 2; ++at) {
///     if (!rpyc_async_result_value(results[at], &value, NULL))
///         rpyc_value_free(value);
///     rpyc_async_result_free(results[at]);
/// }
/// ```
///
/// @param object borrowed
/// @param key consumed, also on failure
/// @param timeout_ms time limit for the reply in milliseconds; -1 for no limit
/// @param result_out owned, free with rpyc_async_result_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, sending errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_get_item_async(
    object: *mut rpyc_object,
    key: *mut rpyc_value,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        let key = value_take(key);
        operation_async((object, "object"), timeout_ms, result_out, error_out, |later| {
            later.ask(special("__getitem__", &[present(key, "key")?]))
        })
    }
}

/// Sends the request of rpyc_object_set_item() without waiting for the reply.
///
/// @param object borrowed
/// @param key consumed, also on failure
/// @param value consumed, also on failure
/// @param timeout_ms time limit for the reply in milliseconds; -1 for no limit
/// @param result_out owned, free with rpyc_async_result_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, sending errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_set_item_async(
    object: *mut rpyc_object,
    key: *mut rpyc_value,
    value: *mut rpyc_value,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        let key = value_take(key);
        let value = value_take(value);
        operation_async((object, "object"), timeout_ms, result_out, error_out, |later| {
            later.ask(special("__setitem__", &[present(key, "key")?, present(value, "value")?]))
        })
    }
}

/// Sends the request of rpyc_object_del_item() without waiting for the reply.
///
/// @param object borrowed
/// @param key consumed, also on failure
/// @param timeout_ms time limit for the reply in milliseconds; -1 for no limit
/// @param result_out owned, free with rpyc_async_result_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, sending errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_del_item_async(
    object: *mut rpyc_object,
    key: *mut rpyc_value,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        let key = value_take(key);
        operation_async((object, "object"), timeout_ms, result_out, error_out, |later| {
            later.ask(special("__delitem__", &[present(key, "key")?]))
        })
    }
}

/// Sends the request of rpyc_object_contains() without waiting for the reply. The object must have `__contains__`: its
/// items are not requested one by one.
///
/// @param object borrowed
/// @param item consumed, also on failure
/// @param timeout_ms time limit for the reply in milliseconds; -1 for no limit
/// @param result_out owned, free with rpyc_async_result_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, sending errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_contains_async(
    object: *mut rpyc_object,
    item: *mut rpyc_value,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        let item = value_take(item);
        operation_async((object, "object"), timeout_ms, result_out, error_out, |later| {
            later.ask(special("__contains__", &[present(item, "item")?]))
        })
    }
}

/// Sends the request of rpyc_object_iter() without waiting for the reply.
///
/// @param object borrowed
/// @param timeout_ms time limit for the reply in milliseconds; -1 for no limit
/// @param result_out owned, free with rpyc_async_result_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, sending errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_iter_async(
    object: *mut rpyc_object,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        operation_async((object, "object"), timeout_ms, result_out, error_out, |later| {
            later.ask(special("__iter__", &[]))
        })
    }
}

/// Sends the request of rpyc_object_next() without waiting for the reply.
///
/// @param iterator borrowed; an iterator
/// @param timeout_ms time limit for the reply in milliseconds; -1 for no limit
/// @param result_out owned, free with rpyc_async_result_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, sending errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_next_async(
    iterator: *mut rpyc_object,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        operation_async((iterator, "iterator"), timeout_ms, result_out, error_out, |later| {
            later.ask(special("__next__", &[]))
        })
    }
}

/// Sends the request of rpyc_object_next_chunk() without waiting for the reply.
///
/// @param iterator borrowed; an iterator
/// @param count maximum number of items
/// @param timeout_ms time limit for the reply in milliseconds; -1 for no limit
/// @param result_out owned, free with rpyc_async_result_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, sending errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_next_chunk_async(
    iterator: *mut rpyc_object,
    count: i64,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        operation_async((iterator, "iterator"), timeout_ms, result_out, error_out, |later| {
            later.ask(Ask::BuffIter(count))
        })
    }
}

/// Sends the request of rpyc_object_enter() without waiting for the reply.
///
/// @param object borrowed
/// @param timeout_ms time limit for the reply in milliseconds; -1 for no limit
/// @param result_out owned, free with rpyc_async_result_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, sending errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_enter_async(
    object: *mut rpyc_object,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        operation_async((object, "object"), timeout_ms, result_out, error_out, |later| {
            later.ask(special("__enter__", &[]))
        })
    }
}

/// Sends the request of rpyc_object_exit() without waiting for the reply.
///
/// @param object borrowed
/// @param error borrowed; the error that ended the block; NULL for none
/// @param timeout_ms time limit for the reply in milliseconds; -1 for no limit
/// @param result_out owned, free with rpyc_async_result_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, sending errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_exit_async(
    object: *mut rpyc_object,
    error: *const rpyc_error,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        operation_async((object, "object"), timeout_ms, result_out, error_out, |later| {
            later.ask(Ask::Exit(!error.is_null()))
        })
    }
}
