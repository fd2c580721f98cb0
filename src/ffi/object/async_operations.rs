//! rpyc_object: every operation as an asynchronous request.

use crate::connection::{ask_later, is_instance_later};
use crate::ffi::border::guard::guard;
use crate::ffi::border::handle::{self, rpyc_object, rpyc_value};
use crate::ffi::border::pointer::{Values, name, output};
use crate::ffi::border::status::{Failure, rpyc_status};
use crate::ffi::connection::lifetime::timeout;
use crate::ffi::error::rpyc_error;
use crate::ffi::object::async_result::rpyc_async_result;
use crate::ffi::object::operations::{Arguments, compare_op, reference};
use crate::value::Ask;
use std::ffi::c_char;

/// As rpyc_object_get_attr, without waiting for the answer.
///
/// @param object borrowed
/// @param attribute copied; NUL-terminated
/// @param timeout_ms milliseconds within which the answer must come; -1: no limit
/// @param result_out owned; free it with rpyc_async_result_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_BACKPRESSURE,
///         RPYC_ERR_UTF8
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_get_attr_async(
    object: *mut rpyc_object,
    attribute: *const c_char,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(result_out, "result_out")?;
            let this = reference(object, "object")?;
            let attribute = name(attribute, "attribute")?;
            out.put(handle::new(ask_later(this, Ask::GetAttr(attribute), timeout(timeout_ms))?))
        })
    }
}

/// As rpyc_object_set_attr, without waiting for the answer.
///
/// @param object borrowed
/// @param attribute copied; NUL-terminated
/// @param value consumed, on success and on every failure
/// @param timeout_ms milliseconds within which the answer must come; -1: no limit
/// @param result_out owned; free it with rpyc_async_result_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_BACKPRESSURE,
///         RPYC_ERR_UTF8
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_set_attr_async(
    object: *mut rpyc_object,
    attribute: *const c_char,
    value: *mut rpyc_value,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let value = handle::value_take(value);
            let out = output(result_out, "result_out")?;
            let this = reference(object, "object")?;
            let attribute = name(attribute, "attribute")?;
            let value = value.ok_or_else(|| Failure::null("value"))?;
            out.put(handle::new(ask_later(this, Ask::SetAttr(attribute, &value), timeout(timeout_ms))?))
        })
    }
}

/// As rpyc_object_del_attr, without waiting for the answer.
///
/// @param object borrowed
/// @param attribute copied; NUL-terminated
/// @param timeout_ms milliseconds within which the answer must come; -1: no limit
/// @param result_out owned; free it with rpyc_async_result_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_BACKPRESSURE,
///         RPYC_ERR_UTF8
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_del_attr_async(
    object: *mut rpyc_object,
    attribute: *const c_char,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(result_out, "result_out")?;
            let this = reference(object, "object")?;
            let attribute = name(attribute, "attribute")?;
            out.put(handle::new(ask_later(this, Ask::DelAttr(attribute), timeout(timeout_ms))?))
        })
    }
}

/// As rpyc_object_call, without waiting for the answer.
///
/// @param object borrowed
/// @param args consumed, on success and on every failure
/// @param count number of args
/// @param keywords consumed; a dict with text keys, see rpyc_value_new_keywords; NULL for none
/// @param timeout_ms milliseconds within which the answer must come; -1: no limit
/// @param result_out owned; free it with rpyc_async_result_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_BACKPRESSURE,
///         RPYC_ERR_TYPE (keywords are no dict with text keys)
///
/// Threads: any thread. Since 0.1.
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
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let mut values = Values::default();
            let (args, keywords) = (values.take(args, count, "args"), handle::value_take(keywords));
            let out = output(result_out, "result_out")?;
            let this = reference(object, "object")?;
            let arguments = Arguments::of(args, keywords)?;
            out.put(handle::new(ask_later(this, arguments.call(), timeout(timeout_ms))?))
        })
    }
}

/// As rpyc_object_call_method, without waiting for the answer.
///
/// @param object borrowed
/// @param method copied; NUL-terminated
/// @param args consumed, on success and on every failure
/// @param count number of args
/// @param keywords consumed; a dict with text keys, see rpyc_value_new_keywords; NULL for none
/// @param timeout_ms milliseconds within which the answer must come; -1: no limit
/// @param result_out owned; free it with rpyc_async_result_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_BACKPRESSURE,
///         RPYC_ERR_UTF8, RPYC_ERR_TYPE (keywords are no dict with text keys)
///
/// Threads: any thread. Since 0.1.
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
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let mut values = Values::default();
            let (args, keywords) = (values.take(args, count, "args"), handle::value_take(keywords));
            let out = output(result_out, "result_out")?;
            let this = reference(object, "object")?;
            let arguments = Arguments::of(args, keywords)?;
            let method = name(method, "method")?;
            out.put(handle::new(ask_later(this, arguments.call_method(method), timeout(timeout_ms))?))
        })
    }
}

/// As rpyc_object_str, without waiting for the answer.
///
/// @param object borrowed
/// @param timeout_ms milliseconds within which the answer must come; -1: no limit
/// @param result_out owned; free it with rpyc_async_result_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_BACKPRESSURE
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_str_async(
    object: *mut rpyc_object,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(result_out, "result_out")?;
            let this = reference(object, "object")?;
            out.put(handle::new(ask_later(this, Ask::Str, timeout(timeout_ms))?))
        })
    }
}

/// As rpyc_object_repr, without waiting for the answer.
///
/// @param object borrowed
/// @param timeout_ms milliseconds within which the answer must come; -1: no limit
/// @param result_out owned; free it with rpyc_async_result_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_BACKPRESSURE
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_repr_async(
    object: *mut rpyc_object,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(result_out, "result_out")?;
            let this = reference(object, "object")?;
            out.put(handle::new(ask_later(this, Ask::Repr, timeout(timeout_ms))?))
        })
    }
}

/// As rpyc_object_hash, without waiting for the answer.
///
/// @param object borrowed
/// @param timeout_ms milliseconds within which the answer must come; -1: no limit
/// @param result_out owned; free it with rpyc_async_result_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_BACKPRESSURE
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_hash_async(
    object: *mut rpyc_object,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(result_out, "result_out")?;
            let this = reference(object, "object")?;
            out.put(handle::new(ask_later(this, Ask::Hash, timeout(timeout_ms))?))
        })
    }
}

/// As rpyc_object_compare, without waiting for the answer.
///
/// @param object borrowed
/// @param op RPYC_LT, RPYC_LE, RPYC_EQ, RPYC_NE, RPYC_GT or RPYC_GE
/// @param other consumed, on success and on every failure
/// @param timeout_ms milliseconds within which the answer must come; -1: no limit
/// @param result_out owned; free it with rpyc_async_result_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_BACKPRESSURE,
///         RPYC_ERR_ARGUMENT
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_compare_async(
    object: *mut rpyc_object,
    op: i32,
    other: *mut rpyc_value,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let other = handle::value_take(other);
            let out = output(result_out, "result_out")?;
            let this = reference(object, "object")?;
            let op = compare_op(op)?;
            let other = other.ok_or_else(|| Failure::null("other"))?;
            out.put(handle::new(ask_later(this, Ask::Compare(op, &other), timeout(timeout_ms))?))
        })
    }
}

/// As rpyc_object_dir, without waiting for the answer.
///
/// @param object borrowed
/// @param timeout_ms milliseconds within which the answer must come; -1: no limit
/// @param result_out owned; free it with rpyc_async_result_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_BACKPRESSURE
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_dir_async(
    object: *mut rpyc_object,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(result_out, "result_out")?;
            let this = reference(object, "object")?;
            out.put(handle::new(ask_later(this, Ask::Dir, timeout(timeout_ms))?))
        })
    }
}

/// As rpyc_object_inspect, without waiting for the answer.
///
/// @param object borrowed
/// @param timeout_ms milliseconds within which the answer must come; -1: no limit
/// @param result_out owned; free it with rpyc_async_result_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_BACKPRESSURE
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_inspect_async(
    object: *mut rpyc_object,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(result_out, "result_out")?;
            let this = reference(object, "object")?;
            out.put(handle::new(ask_later(this, Ask::Inspect, timeout(timeout_ms))?))
        })
    }
}

/// As rpyc_object_is_instance, without waiting for the answer.
///
/// @param object borrowed
/// @param klass borrowed; a class
/// @param timeout_ms milliseconds within which the answer must come; -1: no limit
/// @param result_out owned; free it with rpyc_async_result_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_BACKPRESSURE,
///         RPYC_ERR_TYPE (klass is not a class)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_is_instance_async(
    object: *mut rpyc_object,
    klass: *mut rpyc_object,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(result_out, "result_out")?;
            let this = reference(object, "object")?;
            let klass = reference(klass, "klass")?;
            out.put(handle::new(is_instance_later(this, klass, timeout(timeout_ms))?))
        })
    }
}

/// As rpyc_object_length, without waiting for the answer.
///
/// @param object borrowed
/// @param timeout_ms milliseconds within which the answer must come; -1: no limit
/// @param result_out owned; free it with rpyc_async_result_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_BACKPRESSURE
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_length_async(
    object: *mut rpyc_object,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(result_out, "result_out")?;
            let this = reference(object, "object")?;
            out.put(handle::new(ask_later(
                this,
                Ask::CallAttr { name: "__len__", args: &[], keywords: &[] },
                timeout(timeout_ms),
            )?))
        })
    }
}

/// As rpyc_object_get_item, without waiting for the answer.
///
/// @param object borrowed
/// @param key consumed, on success and on every failure
/// @param timeout_ms milliseconds within which the answer must come; -1: no limit
/// @param result_out owned; free it with rpyc_async_result_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_BACKPRESSURE
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_get_item_async(
    object: *mut rpyc_object,
    key: *mut rpyc_value,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let key = handle::value_take(key);
            let out = output(result_out, "result_out")?;
            let this = reference(object, "object")?;
            let key = key.ok_or_else(|| Failure::null("key"))?;
            out.put(handle::new(ask_later(
                this,
                Ask::CallAttr { name: "__getitem__", args: &[key], keywords: &[] },
                timeout(timeout_ms),
            )?))
        })
    }
}

/// As rpyc_object_set_item, without waiting for the answer.
///
/// @param object borrowed
/// @param key consumed, on success and on every failure
/// @param value consumed, on success and on every failure
/// @param timeout_ms milliseconds within which the answer must come; -1: no limit
/// @param result_out owned; free it with rpyc_async_result_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_BACKPRESSURE
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_set_item_async(
    object: *mut rpyc_object,
    key: *mut rpyc_value,
    value: *mut rpyc_value,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let key = handle::value_take(key);
            let value = handle::value_take(value);
            let out = output(result_out, "result_out")?;
            let this = reference(object, "object")?;
            let key = key.ok_or_else(|| Failure::null("key"))?;
            let value = value.ok_or_else(|| Failure::null("value"))?;
            out.put(handle::new(ask_later(
                this,
                Ask::CallAttr { name: "__setitem__", args: &[key, value], keywords: &[] },
                timeout(timeout_ms),
            )?))
        })
    }
}

/// As rpyc_object_del_item, without waiting for the answer.
///
/// @param object borrowed
/// @param key consumed, on success and on every failure
/// @param timeout_ms milliseconds within which the answer must come; -1: no limit
/// @param result_out owned; free it with rpyc_async_result_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_BACKPRESSURE
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_del_item_async(
    object: *mut rpyc_object,
    key: *mut rpyc_value,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let key = handle::value_take(key);
            let out = output(result_out, "result_out")?;
            let this = reference(object, "object")?;
            let key = key.ok_or_else(|| Failure::null("key"))?;
            out.put(handle::new(ask_later(
                this,
                Ask::CallAttr { name: "__delitem__", args: &[key], keywords: &[] },
                timeout(timeout_ms),
            )?))
        })
    }
}

/// As rpyc_object_contains, without waiting for the answer, and of objects with `__contains__` alone.
///
/// @param object borrowed
/// @param item consumed, on success and on every failure
/// @param timeout_ms milliseconds within which the answer must come; -1: no limit
/// @param result_out owned; free it with rpyc_async_result_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_BACKPRESSURE
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_contains_async(
    object: *mut rpyc_object,
    item: *mut rpyc_value,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let item = handle::value_take(item);
            let out = output(result_out, "result_out")?;
            let this = reference(object, "object")?;
            let item = item.ok_or_else(|| Failure::null("item"))?;
            out.put(handle::new(ask_later(
                this,
                Ask::CallAttr { name: "__contains__", args: &[item], keywords: &[] },
                timeout(timeout_ms),
            )?))
        })
    }
}

/// As rpyc_object_iter, without waiting for the answer.
///
/// @param object borrowed
/// @param timeout_ms milliseconds within which the answer must come; -1: no limit
/// @param result_out owned; free it with rpyc_async_result_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_BACKPRESSURE
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_iter_async(
    object: *mut rpyc_object,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(result_out, "result_out")?;
            let this = reference(object, "object")?;
            out.put(handle::new(ask_later(
                this,
                Ask::CallAttr { name: "__iter__", args: &[], keywords: &[] },
                timeout(timeout_ms),
            )?))
        })
    }
}

/// As rpyc_object_next, without waiting for the answer.
///
/// @param iterator borrowed; an iterator
/// @param timeout_ms milliseconds within which the answer must come; -1: no limit
/// @param result_out owned; free it with rpyc_async_result_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_BACKPRESSURE
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_next_async(
    iterator: *mut rpyc_object,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(result_out, "result_out")?;
            let this = reference(iterator, "iterator")?;
            out.put(handle::new(ask_later(
                this,
                Ask::CallAttr { name: "__next__", args: &[], keywords: &[] },
                timeout(timeout_ms),
            )?))
        })
    }
}

/// As rpyc_object_next_chunk, without waiting for the answer.
///
/// @param iterator borrowed; an iterator
/// @param count how many items at most
/// @param timeout_ms milliseconds within which the answer must come; -1: no limit
/// @param result_out owned; free it with rpyc_async_result_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_BACKPRESSURE
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_next_chunk_async(
    iterator: *mut rpyc_object,
    count: i64,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(result_out, "result_out")?;
            let this = reference(iterator, "iterator")?;
            out.put(handle::new(ask_later(this, Ask::BuffIter(count), timeout(timeout_ms))?))
        })
    }
}

/// As rpyc_object_enter, without waiting for the answer.
///
/// @param object borrowed
/// @param timeout_ms milliseconds within which the answer must come; -1: no limit
/// @param result_out owned; free it with rpyc_async_result_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_BACKPRESSURE
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_enter_async(
    object: *mut rpyc_object,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(result_out, "result_out")?;
            let this = reference(object, "object")?;
            out.put(handle::new(ask_later(
                this,
                Ask::CallAttr { name: "__enter__", args: &[], keywords: &[] },
                timeout(timeout_ms),
            )?))
        })
    }
}

/// As rpyc_object_exit, without waiting for the answer.
///
/// @param object borrowed
/// @param error borrowed; why the block is left; NULL: normally
/// @param timeout_ms milliseconds within which the answer must come; -1: no limit
/// @param result_out owned; free it with rpyc_async_result_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_BACKPRESSURE
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_exit_async(
    object: *mut rpyc_object,
    error: *const rpyc_error,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(result_out, "result_out")?;
            let this = reference(object, "object")?;
            let failed = !error.is_null();
            out.put(handle::new(ask_later(this, Ask::Exit(failed), timeout(timeout_ms))?))
        })
    }
}
