//! C data from values.

use crate::ffi::border::boundary::{self, ffi_boundary, ffi_boundary_or};
use crate::ffi::border::handle;
use crate::ffi::border::pointer::{self, output};
use crate::ffi::border::status::{Failure, RPYC_ERR_RANGE, RPYC_ERR_TYPE, Result, rpyc_status};
use crate::ffi::border::types::{rpyc_error, rpyc_object, rpyc_value};
use crate::ffi::value::convert;
use crate::value::Value;
use std::borrow::Cow;
use std::ffi::c_char;
use std::fmt;
use std::ptr;

#[cold]
fn not_a(value: &Value, wanted: &str) -> Failure {
    let hint = convert::hint(value, wanted);
    Failure::new(RPYC_ERR_TYPE, format_args!("value is of type '{}', not {wanted}{hint}", value.type_name()))
}

fn no_room(value: &Value, place: impl fmt::Display) -> Failure {
    let digits = match value {
        Value::BigInt(n) => n.digits(),
        _ => 0,
    };
    match digits {
        0..=40 => {
            Failure::new(RPYC_ERR_RANGE, format_args!("value is {}, which does not fit in {place}", value.repr()))
        }
        _ => Failure::new(RPYC_ERR_RANGE, format_args!("value has {digits} digits and does not fit in {place}")),
    }
}

/// Gets a bool from a value.
///
/// @param value borrowed; a bool
/// @param out the bool
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_get_bool(
    value: *const rpyc_value,
    out: *mut bool,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(out, "out")?;
            match *pointer::value(value, "value")? {
                Value::Bool(truth) => out.put(truth),
                ref other => Err(not_a(other, "bool")),
            }
        })
    }
}

/// Gets an int or a bool from a value as an int64_t.
///
/// @param value borrowed; an int or bool
/// @param out the number
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind), RPYC_ERR_RANGE (does not fit)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_get_int(
    value: *const rpyc_value,
    out: *mut i64,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    if let (Some(n), false) = (handle::immediate_int(value), out.is_null()) {
        // SAFETY: `out` is not NULL, and `error_out` is NULL or can be written to.
        return unsafe {
            out.write(n);
            boundary::no_error(error_out)
        };
    }
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(out, "out")?;
            let value = pointer::value(value, "value")?;
            out.put(value.to_i64().ok_or_else(|| no_int(&value, "an int64_t"))?)
        })
    }
}

/// Gets an int that is not negative, or a bool, from a value as a uint64_t.
///
/// @param value borrowed; an int or bool
/// @param out the number
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind), RPYC_ERR_RANGE (does not fit)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_get_uint(
    value: *const rpyc_value,
    out: *mut u64,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(out, "out")?;
            let value = pointer::value(value, "value")?;
            out.put(value.to_u64().ok_or_else(|| no_int(&value, "a uint64_t"))?)
        })
    }
}

fn no_int(value: &Value, place: &str) -> Failure {
    match value {
        Value::Int(_) | Value::BigInt(_) => no_room(value, place),
        _ => not_a(value, "int"),
    }
}

/// Gets an int of any size, or a bool, from a value as decimal digits.
///
/// @param value borrowed; an int or bool
/// @param text_out owned, free with rpyc_value_free(): a str
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_get_int_text(
    value: *const rpyc_value,
    text_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let text_out = output(text_out, "text_out")?;
            let value = pointer::value(value, "value")?;
            text_out.put_value(Value::Str(value.int_to_text().ok_or_else(|| not_a(&value, "int"))?))
        })
    }
}

/// Gets an int of any size, or a bool, from a value in two's complement, least significant byte first, with the fewest
/// bytes.
///
/// @param value borrowed; an int or bool
/// @param bytes_out owned, free with rpyc_value_free(): a bytes value of at least one byte
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_get_int_bytes(
    value: *const rpyc_value,
    bytes_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let bytes_out = output(bytes_out, "bytes_out")?;
            let value = pointer::value(value, "value")?;
            bytes_out.put_value(Value::Bytes(value.int_to_le_bytes().ok_or_else(|| not_a(&value, "int"))?.into()))
        })
    }
}

/// Gets a float, int or bool from a value as a double. An int is rounded to the nearest double, as by Python's float().
///
/// @param value borrowed; a float, int or bool
/// @param out the number
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind), RPYC_ERR_RANGE (an int beyond the range of double)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_get_float(
    value: *const rpyc_value,
    out: *mut f64,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(out, "out")?;
            out.put(float(&*pointer::value(value, "value")?, "float")?)
        })
    }
}

fn float(value: &Value, wanted: &str) -> Result<f64> {
    let number = value.to_f64().ok_or_else(|| not_a(value, wanted))?;
    match value {
        Value::BigInt(_) if number.is_infinite() => Err(no_room(value, "a double")),
        _ => Ok(number),
    }
}

/// Gets a complex, float, int or bool from a value as two doubles. The imaginary part is 0 unless the value is a
/// complex.
///
/// @param value borrowed; a complex, float, int or bool
/// @param real_out the real part
/// @param imaginary_out the imaginary part
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind), RPYC_ERR_RANGE (an int beyond the range of double)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_get_complex(
    value: *const rpyc_value,
    real_out: *mut f64,
    imaginary_out: *mut f64,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let (real_out, imaginary_out) = (output(real_out, "real_out"), output(imaginary_out, "imaginary_out"));
            let (real_out, imaginary_out) = (real_out?, imaginary_out?);
            let (real, imaginary) = match *pointer::value(value, "value")? {
                Value::Complex(real, imaginary) => (real, imaginary),
                ref other => (float(other, "complex")?, 0.0),
            };
            real_out.put(real)?;
            imaginary_out.put(imaginary)
        })
    }
}

/// Gets the content of a str.
///
/// ```c
/// const char *text = NULL;
/// size_t size = 0;
/// if (!rpyc_value_get_str(value, &text, &size, &error))
///     printf("%.*s\n", (int)size, text);
/// ```
///
/// @param value borrowed; a str
/// @param text_out borrowed until this handle of the value is freed; UTF-8, not NUL-terminated, may contain NUL
/// @param length_out length in bytes
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_get_str(
    value: *const rpyc_value,
    text_out: *mut *const c_char,
    length_out: *mut usize,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let (text_out, length_out) = (output(text_out, "text_out"), output(length_out, "length_out"));
            let (text_out, length_out) = (text_out?, length_out?);
            // A str is never an immediate: its bytes lie where the handle leads.
            match pointer::value(value, "value")? {
                Cow::Borrowed(Value::Str(text)) => {
                    text_out.put(text.as_bytes().as_ptr().cast())?;
                    length_out.put(text.as_bytes().len())
                }
                other => Err(not_a(&other, "str")),
            }
        })
    }
}

/// Gets the content of a bytes value.
///
/// Numbers in received bytes can be read in place. Received bytes of 64 KiB or more are aligned to 64 bytes, and
/// shorter ones to 8 bytes. As an exception, bytes of length 30 or less whose length is not a multiple of 8 are stored
/// in the value itself, aligned to 4 or 2 bytes if the length is a multiple of that. Bytes that this process made have
/// the alignment with which they were made.
///
/// @param value borrowed; a bytes value
/// @param data_out borrowed until this handle of the value is freed
/// @param length_out length in bytes
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_get_bytes(
    value: *const rpyc_value,
    data_out: *mut *const u8,
    length_out: *mut usize,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let (data_out, length_out) = (output(data_out, "data_out"), output(length_out, "length_out"));
            let (data_out, length_out) = (data_out?, length_out?);
            match pointer::value(value, "value")? {
                Cow::Borrowed(Value::Bytes(bytes)) => {
                    data_out.put(bytes.as_ptr())?;
                    length_out.put(bytes.len())
                }
                other => Err(not_a(&other, "bytes")),
            }
        })
    }
}

/// Gets the object that a value refers to.
///
/// @param value borrowed; an object
/// @param object_out owned, free with rpyc_object_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_get_object(
    value: *const rpyc_value,
    object_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let object_out = output(object_out, "object_out")?;
            match *pointer::value(value, "value")? {
                Value::Ref(ref reference) => object_out.put(handle::new(reference.clone().into())),
                ref other => Err(not_a(other, "object")),
            }
        })
    }
}

/// Returns the number of elements in a value: items of a tuple, list, frozenset, dict or array, the 3 parts of a slice,
/// or bytes of a str or bytes value.
///
/// @param value borrowed; may be NULL
/// @return the number; 0 for NULL and for other kinds
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_count(value: *const rpyc_value) -> usize {
    // SAFETY: the contract of the border.
    ffi_boundary_or(0, || match unsafe { handle::value_get(value) }.as_deref() {
        Some(Value::Str(text)) => text.as_bytes().len(),
        Some(Value::Bytes(bytes)) => bytes.len(),
        Some(Value::Dict(pairs)) => pairs.len(),
        Some(Value::Array(array)) => array.len(),
        Some(value) => items(value).len(),
        None => 0,
    })
}

/// Gets an item of a tuple, list or frozenset, one of start, stop and step of a slice, or the value of one pair of a
/// dict.
///
/// The numbers of an array are not values; rpyc_value_get_array() gets them.
///
/// ```c
/// for (size_t at = 0; at < rpyc_value_count(value); ++at) {
///     int64_t number = 0;
///     if (rpyc_value_get_int(rpyc_value_item(value, at), &number, &error))
///         break;
///     printf("%d\n", (int)number);
/// }
/// ```
///
/// @param value borrowed; may be NULL
/// @param index from 0 to rpyc_value_count() - 1
/// @return borrowed until this handle of the value is freed; NULL past the end, for NULL and for other kinds
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_item(value: *const rpyc_value, index: usize) -> *const rpyc_value {
    // SAFETY: NULL or a live value, in which the result lies.
    unsafe {
        lend_from(value, |value| match value {
            Value::Dict(pairs) => pairs.get(index).map(|(_, value)| value),
            _ => items(value).get(index),
        })
    }
}

/// Gets the key of one pair of a dict. The order of the pairs is unspecified.
///
/// ```c
/// for (size_t at = 0; at < rpyc_value_count(value); ++at) {
///     rpyc_value *key = rpyc_value_repr(rpyc_value_key(value, at));
///     const char *text = NULL;
///     size_t size = 0;
///     if (!rpyc_value_get_str(key, &text, &size, NULL))
///         printf("%.*s\n", (int)size, text);
///     rpyc_value_free(key);
/// }
/// ```
///
/// @param value borrowed; may be NULL
/// @param index from 0 to rpyc_value_count() - 1
/// @return borrowed until this handle of the value is freed; NULL past the end, for NULL and for other kinds
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_key(value: *const rpyc_value, index: usize) -> *const rpyc_value {
    // SAFETY: NULL or a live value, in which the result lies.
    unsafe {
        lend_from(value, |value| match value {
            Value::Dict(pairs) => pairs.get(index).map(|(key, _)| key),
            _ => None,
        })
    }
}

/// Gets the value of a dict for a str key. The search is linear.
///
/// @param value borrowed; may be NULL
/// @param key copied, NUL-terminated UTF-8; may be NULL
/// @return borrowed until this handle of the value is freed; NULL if there is no such key, for NULL and for other kinds
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_lookup(value: *const rpyc_value, key: *const c_char) -> *const rpyc_value {
    // SAFETY: NULL or a checked value, in which the result lies; NULL or NUL-terminated.
    unsafe {
        lend_from(value, |value| {
            let Value::Dict(pairs) = value else { return None };
            let wanted = pointer::text_bytes(key, pointer::ZT, "key").ok()?;
            let mut pairs = pairs.iter();
            let found = pairs.find(|(key, _)| matches!(key, Value::Str(text) if text.as_bytes() == wanted));
            found.map(|(_, value)| value)
        })
    }
}

fn items(value: &Value) -> &[Value] {
    match value {
        Value::Tuple(items) | Value::FrozenSet(items) | Value::List(items) => items,
        Value::Slice(parts) => &parts[..],
        _ => &[],
    }
}

/// Borrows a value that is inside another one.
///
/// # Safety
/// The handle is NULL or a live value, and the result is not used after it is freed.
unsafe fn lend_from(value: *const rpyc_value, find: impl FnOnce(&Value) -> Option<&Value>) -> *const rpyc_value {
    // SAFETY: the same is asked of our caller.
    ffi_boundary_or(ptr::null(), || match unsafe { handle::value_get(value) } {
        Some(Cow::Borrowed(value)) => find(value).map_or(ptr::null(), handle::value_lend),
        // Nothing lies in an immediate.
        _ => ptr::null(),
    })
}
