//! What is asked of an object: attributes, calls, texts, comparison.

use crate::ffi::border::boundary::ffi_boundary;
use crate::ffi::border::handle::value_take;
use crate::ffi::border::pointer::{name, present};
use crate::ffi::border::status::{Failure, RPYC_ERR_TYPE, rpyc_status};
use crate::ffi::border::types::{rpyc_error, rpyc_object, rpyc_value};
use crate::ffi::object::operation::{Arguments, answer, ask_value, compare_op, operation, operation_without_answer};
use crate::objects::{ask, equal, truth};
use crate::value::Ask;
use crate::value::CompareOp;
use crate::value::Value;
use std::ffi::c_char;

/// Less than
pub const RPYC_LT: i32 = 0;
/// Less than or equal
pub const RPYC_LE: i32 = 1;
/// Equal
pub const RPYC_EQ: i32 = 2;
/// Not equal
pub const RPYC_NE: i32 = 3;
/// Greater than
pub const RPYC_GT: i32 = 4;
/// Greater than or equal
pub const RPYC_GE: i32 = 5;

/// Gets an attribute of an object. The owner's attribute rules decide which names can be read.
///
/// ```c
/// int64_t count = 0;
/// if (!rpyc_object_get_attr(object, "count", &value, &error))
///     rpyc_take_int(value, &count, &error); // frees value
/// ```
///
/// @param object borrowed
/// @param attribute copied, NUL-terminated
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_get_attr(
    object: *mut rpyc_object,
    attribute: *const c_char,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        operation((object, "object"), (value_out, "value_out"), error_out, |this| {
            ask_value(this, Ask::GetAttr(name(attribute, "attribute")?))
        })
    }
}

/// Sets an attribute of an object.
///
/// @param object borrowed
/// @param attribute copied, NUL-terminated
/// @param value consumed, also on failure
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_set_attr(
    object: *mut rpyc_object,
    attribute: *const c_char,
    value: *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        let value = value_take(value);
        operation_without_answer((object, "object"), error_out, |this| {
            let attribute = name(attribute, "attribute")?;
            Ok(ask(this, Ask::SetAttr(attribute, &present(value, "value")?))?)
        })
    }
}

/// Deletes an attribute of an object.
///
/// @param object borrowed
/// @param attribute copied, NUL-terminated
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_del_attr(
    object: *mut rpyc_object,
    attribute: *const c_char,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        operation_without_answer((object, "object"), error_out, |this| {
            Ok(ask(this, Ask::DelAttr(name(attribute, "attribute")?))?)
        })
    }
}

/// Calls an object.
///
/// ```c
/// rpyc_value *args[2] = {rpyc_int(2), rpyc_int(10)};
/// int64_t power = 0;
/// if (!rpyc_object_call(object, args, 2, NULL, &value, &error)) // consumes args, also on failure
///     rpyc_take_int(value, &power, &error);
/// ```
///
/// @param object borrowed
/// @param args each value consumed, also on failure
/// @param count number of arguments
/// @param keywords consumed, also on failure: a dict with str keys, see rpyc_value_new_keywords(); NULL for none
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (keywords is not a dict with str keys)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_call(
    object: *mut rpyc_object,
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
                answer((object, "object"), (value_out, "value_out"), |this| ask_value(this, arguments?.call()))
            })
        })
    }
}

/// Calls a method of an object in one request.
///
/// ```c
/// rpyc_value *args[1] = {rpyc_str("hello")};
/// if (rpyc_object_call_method(object, "shout", args, 1, NULL, &value, &error))
///     fprintf(stderr, "%s\n", rpyc_error_describe(error));
/// rpyc_value_free(value);
/// ```
///
/// @param object borrowed
/// @param method copied, NUL-terminated
/// @param args each value consumed, also on failure
/// @param count number of arguments
/// @param keywords consumed, also on failure: a dict with str keys, see rpyc_value_new_keywords(); NULL for none
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_TYPE (keywords is not a dict with str keys)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_call_method(
    object: *mut rpyc_object,
    method: *const c_char,
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
                answer((object, "object"), (value_out, "value_out"), |this| {
                    let arguments = arguments?;
                    ask_value(this, arguments.call_method(name(method, "method")?))
                })
            })
        })
    }
}

/// Calls an object, or a method of it, with arguments that are already a tuple, such as those of a call that is
/// forwarded.
///
/// @param object borrowed
/// @param method copied, NUL-terminated; NULL to call the object itself
/// @param args consumed, also on failure: a tuple; NULL for none
/// @param keywords consumed, also on failure: a dict with str keys, see rpyc_value_new_keywords(); NULL for none
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return as rpyc_object_call_method, and RPYC_ERR_TYPE also if args is not a tuple
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_call_tuple(
    object: *mut rpyc_object,
    method: *const c_char,
    args: *mut rpyc_value,
    keywords: *mut rpyc_value,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        let (args, keywords) = (value_take(args), value_take(keywords));
        operation((object, "object"), (value_out, "value_out"), error_out, |this| {
            let args = match args {
                None => Default::default(),
                Some(Value::Tuple(items)) => items,
                Some(other) => {
                    let text = format!("args: expected a tuple, got {}", other.type_name());
                    return Err(Failure::new(RPYC_ERR_TYPE, text));
                }
            };
            let arguments = Arguments::of(Ok(&args[..]), keywords)?;
            match method.is_null() {
                true => ask_value(this, arguments.call()),
                false => ask_value(this, arguments.call_method(name(method, "method")?)),
            }
        })
    }
}

/// Gets the string form of an object, as Python's str().
///
/// @param object borrowed
/// @param text_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_str(
    object: *mut rpyc_object,
    text_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { operation((object, "object"), (text_out, "text_out"), error_out, |this| ask_value(this, Ask::Str)) }
}

/// Gets the representation of an object, as Python's repr().
///
/// @param object borrowed
/// @param text_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_repr(
    object: *mut rpyc_object,
    text_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { operation((object, "object"), (text_out, "text_out"), error_out, |this| ask_value(this, Ask::Repr)) }
}

/// Gets the hash of an object, as Python's hash(): an int.
///
/// @param object borrowed
/// @param hash_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_hash(
    object: *mut rpyc_object,
    hash_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { operation((object, "object"), (hash_out, "hash_out"), error_out, |this| ask_value(this, Ask::Hash)) }
}

/// Compares an object with a value. The result is a bool, NotImplemented if its class does not support the comparison,
/// or whatever else its method returns.
///
/// ```c
/// bool less = false;
/// rpyc_value *result = NULL;
/// if (!rpyc_object_compare(object, RPYC_LT, rpyc_int(10), &result, &error) &&
///     rpyc_value_kind(result) == RPYC_VALUE_BOOL)
///     rpyc_value_get_bool(result, &less, &error);
/// rpyc_value_free(result);
/// ```
///
/// @param object borrowed
/// @param op RPYC_LT, RPYC_LE, RPYC_EQ, RPYC_NE, RPYC_GT or RPYC_GE
/// @param other consumed, also on failure
/// @param result_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_ARGUMENT (unknown op)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_compare(
    object: *mut rpyc_object,
    op: i32,
    other: *mut rpyc_value,
    result_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        let other = value_take(other);
        operation((object, "object"), (result_out, "result_out"), error_out, |this| {
            let op = compare_op(op)?;
            ask_value(this, Ask::Compare(op, &present(other, "other")?))
        })
    }
}

/// Gets the names of an object's attributes, as Python's dir().
///
/// @param object borrowed
/// @param names_out owned, free with rpyc_value_free(): a tuple of str
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_dir(
    object: *mut rpyc_object,
    names_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { operation((object, "object"), (names_out, "names_out"), error_out, |this| ask_value(this, Ask::Dir)) }
}

/// Gets the methods of an object.
///
/// @param object borrowed
/// @param methods_out owned, free with rpyc_value_free(): a tuple of pairs (name, doc), in which doc is a str or None
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_inspect(
    object: *mut rpyc_object,
    methods_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        operation((object, "object"), (methods_out, "methods_out"), error_out, |this| ask_value(this, Ask::Inspect))
    }
}

/// Evaluates Python's bool(object): `__bool__`, otherwise `__len__`, otherwise true.
///
/// @param object borrowed
/// @param truth_out the result; false on failure
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (`__bool__` or `__len__` returned an unexpected type)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_truth(
    object: *mut rpyc_object,
    truth_out: *mut bool,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { operation((object, "object"), (truth_out, "truth_out"), error_out, |this| Ok(truth(this)?)) }
}

/// Evaluates Python's object == other.
///
/// If `__eq__` of the object returns NotImplemented and other is an object, `__eq__` of other is called. If that
/// returns NotImplemented too, the two are equal if they are the same object.
///
/// @param object borrowed
/// @param other consumed, also on failure
/// @param equal_out the result; false on failure
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return as rpyc_object_truth, and RPYC_ERR_TYPE also if `__eq__` returns neither a bool nor an object
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_equal(
    object: *mut rpyc_object,
    other: *mut rpyc_value,
    equal_out: *mut bool,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        let other = value_take(other);
        operation((object, "object"), (equal_out, "equal_out"), error_out, |this| {
            Ok(equal(this, &present(other, "other")?)?)
        })
    }
}

/// The constants are those of the session.
const _: () = {
    let numbers = [RPYC_LT, RPYC_LE, RPYC_EQ, RPYC_NE, RPYC_GT, RPYC_GE];
    let mut at = 0;
    while at < numbers.len() {
        assert!(numbers[at] == at as i32 && CompareOp::ALL[at] as i32 == numbers[at]);
        at += 1;
    }
};
