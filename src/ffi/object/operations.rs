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

/// Is it less?
pub const RPYC_LT: i32 = 0;
/// Is it less or equal?
pub const RPYC_LE: i32 = 1;
/// Is it equal?
pub const RPYC_EQ: i32 = 2;
/// Is it unequal?
pub const RPYC_NE: i32 = 3;
/// Is it greater?
pub const RPYC_GT: i32 = 4;
/// Is it greater or equal?
pub const RPYC_GE: i32 = 5;

/// An attribute of an object. The peer's rules decide which names it gives.
///
/// @param object borrowed
/// @param attribute copied; NUL-terminated
/// @param value_out owned; free it with rpyc_value_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8
///
/// Threads: any thread. Since 0.1.
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
/// @param attribute copied; NUL-terminated
/// @param value consumed, on success and on every failure
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8
///
/// Threads: any thread. Since 0.1.
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
/// @param attribute copied; NUL-terminated
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8
///
/// Threads: any thread. Since 0.1.
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
/// @param object borrowed
/// @param args consumed, on success and on every failure
/// @param count number of args
/// @param keywords consumed; a dict with text keys, see rpyc_value_new_keywords; NULL for none
/// @param value_out owned; free it with rpyc_value_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (keywords are no dict with text keys)
///
/// Threads: any thread. Since 0.1.
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

/// Calls a method of an object, in one request.
///
/// @param object borrowed
/// @param method copied; NUL-terminated
/// @param args consumed, on success and on every failure
/// @param count number of args
/// @param keywords consumed; a dict with text keys, see rpyc_value_new_keywords; NULL for none
/// @param value_out owned; free it with rpyc_value_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_TYPE (keywords are no dict with text keys)
///
/// Threads: any thread. Since 0.1.
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

/// Calls an object, or a method of it, with arguments that are one tuple already, such as those of a call that is passed on.
///
/// @param object borrowed
/// @param method copied; NUL-terminated; NULL: the object itself is called
/// @param args consumed, on success and on every failure; a tuple; NULL for none
/// @param keywords consumed; a dict with text keys, see rpyc_value_new_keywords; NULL for none
/// @param value_out owned; free it with rpyc_value_free
/// @param error_out owned; may be NULL
/// @return as rpyc_object_call_method; RPYC_ERR_TYPE also where args are no tuple
///
/// Threads: any thread. Since 0.1.
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
                    let text = format!("args are a tuple, not {}", other.type_name());
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

/// The text of an object, as Python's str().
///
/// @param object borrowed
/// @param text_out owned; free it with rpyc_value_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_str(
    object: *mut rpyc_object,
    text_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { operation((object, "object"), (text_out, "text_out"), error_out, |this| ask_value(this, Ask::Str)) }
}

/// The representation of an object, as Python's repr().
///
/// @param object borrowed
/// @param text_out owned; free it with rpyc_value_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_repr(
    object: *mut rpyc_object,
    text_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { operation((object, "object"), (text_out, "text_out"), error_out, |this| ask_value(this, Ask::Repr)) }
}

/// The hash of an object, an int.
///
/// @param object borrowed
/// @param hash_out owned; free it with rpyc_value_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_hash(
    object: *mut rpyc_object,
    hash_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { operation((object, "object"), (hash_out, "hash_out"), error_out, |this| ask_value(this, Ask::Hash)) }
}

/// Compares an object with a value: a bool, NotImplemented where its class does not compare the two, or whatever it answers.
///
/// @param object borrowed
/// @param op RPYC_LT, RPYC_LE, RPYC_EQ, RPYC_NE, RPYC_GT or RPYC_GE
/// @param other consumed, on success and on every failure
/// @param result_out owned; free it with rpyc_value_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_ARGUMENT
///
/// Threads: any thread. Since 0.1.
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

/// The names of an object's attributes, as Python's dir(): a tuple of texts.
///
/// @param object borrowed
/// @param names_out owned; free it with rpyc_value_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_dir(
    object: *mut rpyc_object,
    names_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { operation((object, "object"), (names_out, "names_out"), error_out, |this| ask_value(this, Ask::Dir)) }
}

/// The methods of an object: a tuple of pairs (name, doc), doc a text or None.
///
/// @param object borrowed
/// @param methods_out owned; free it with rpyc_value_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors
///
/// Threads: any thread. Since 0.1.
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

/// Is an object true, as Python's bool()? Its __bool__ says so, else its __len__; one that has neither is true.
///
/// @param object borrowed
/// @param truth_out whether it is; false on failure
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (__bool__ or __len__ answer with something else)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_truth(
    object: *mut rpyc_object,
    truth_out: *mut bool,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { operation((object, "object"), (truth_out, "truth_out"), error_out, |this| Ok(truth(this)?)) }
}

/// Is an object equal to a value, as Python's ==? Where its __eq__ knows no answer, that of the value is asked if it is an
/// object, and at last only an object itself is equal to it.
///
/// @param object borrowed
/// @param other consumed, on success and on every failure
/// @param equal_out whether they are; false on failure
/// @param error_out owned; may be NULL
/// @return as rpyc_object_truth; RPYC_ERR_TYPE (__eq__ answers with something that is neither bool nor object)
///
/// Threads: any thread. Since 0.1.
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
