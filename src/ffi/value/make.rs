//! Values from C data.

use crate::budget::{self, NoMemory};
use crate::config::Limits;
use crate::ffi::border::boundary::{ffi_boundary, ffi_boundary_or};
use crate::ffi::border::handle;
use crate::ffi::border::pointer::{self, output, take_values};
use crate::ffi::border::status::{Failure, RPYC_ERR_ARGUMENT, RPYC_ERR_LIMIT, RPYC_ERR_TYPE, Result, rpyc_status};
use crate::ffi::border::types::{rpyc_error, rpyc_object, rpyc_value};
use crate::ffi::border::userdata::{Userdata, rpyc_free_fn};
use crate::value::{Blob, IntTextError, Text, Value};
use std::collections::{HashMap, HashSet};
use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::Arc;

fn new(value: impl FnOnce() -> Value) -> *mut rpyc_value {
    ffi_boundary_or(ptr::null_mut(), || handle::value_new(value()))
}

/// Makes Python's None.
///
/// @return owned, free with rpyc_value_free(); never NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rpyc_value_new_none() -> *mut rpyc_value {
    new(|| Value::None)
}

/// Makes Python's NotImplemented, the result of a comparison or an operator that does not support the other operand.
///
/// @return owned, free with rpyc_value_free(); never NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rpyc_value_new_not_implemented() -> *mut rpyc_value {
    new(|| Value::NotImplemented)
}

/// Makes Python's Ellipsis.
///
/// @return owned, free with rpyc_value_free(); never NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rpyc_value_new_ellipsis() -> *mut rpyc_value {
    new(|| Value::Ellipsis)
}

/// Makes a bool.
///
/// @param value 0 for False, anything else for True
/// @return owned, free with rpyc_value_free(); never NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rpyc_value_new_bool(value: i32) -> *mut rpyc_value {
    new(|| Value::Bool(value != 0))
}

/// Makes an int.
///
/// @param value any number
/// @return owned, free with rpyc_value_free(); never NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rpyc_value_new_int(value: i64) -> *mut rpyc_value {
    handle::int_immediate(value).unwrap_or_else(|| new(|| Value::Int(value)))
}

/// Makes an int from an unsigned number.
///
/// @param value any number
/// @return owned, free with rpyc_value_free(); never NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rpyc_value_new_uint(value: u64) -> *mut rpyc_value {
    new(|| Value::from(value))
}

/// Makes a float. All bits are kept, also those of a NaN (RPyC wire: brine).
///
/// @param value any number
/// @return owned, free with rpyc_value_free(); never NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rpyc_value_new_float(value: f64) -> *mut rpyc_value {
    new(|| Value::Float(value))
}

/// Makes a complex number.
///
/// @param real the real part
/// @param imaginary the imaginary part
/// @return owned, free with rpyc_value_free(); never NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rpyc_value_new_complex(real: f64, imaginary: f64) -> *mut rpyc_value {
    new(|| Value::Complex(real, imaginary))
}

/// Makes an int of any size from decimal digits.
///
/// The limit is 4300 digits, the number that Python peers accept (RPyC wire: brine).
///
/// ```c
/// const char *digits = "-123456789012345678901234567890";
/// if (!rpyc_value_new_int_text(digits, RPYC_NUL_TERMINATED, &value, &error))
///     rpyc_object_call_method(object, "set", &value, 1, NULL, NULL, &error);
/// ```
///
/// @param digits copied: an optional sign, then decimal digits and nothing else
/// @param length length of digits in bytes, or RPYC_NUL_TERMINATED
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (not a decimal number), RPYC_ERR_LIMIT (too many digits)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_new_int_text(
    digits: *const c_char,
    length: usize,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let value_out = output(value_out, "value_out")?;
            let digits = pointer::text_bytes(digits, length, "digits")?;
            let value = Value::int_from_text(digits, Limits::default().digits).map_err(|error| match error {
                IntTextError::Malformed => Failure::new(RPYC_ERR_ARGUMENT, format_args!("digits: {error}")),
                IntTextError::TooLong { .. } => Failure::new(RPYC_ERR_LIMIT, format_args!("digits: {error}")),
            })?;
            value_out.put_value(value)
        })
    }
}

/// Makes an int of any size from two's complement, least significant byte first.
///
/// The limit is 4300 decimal digits, the number that Python peers accept (RPyC wire: brine).
///
/// @param little_endian copied: the number, whose sign is the top bit of the last byte; may be NULL for no bytes, which
///        make 0
/// @param length length in bytes
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (impossible length), RPYC_ERR_LIMIT (too many digits)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_new_int_bytes(
    little_endian: *const u8,
    length: usize,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let value_out = output(value_out, "value_out")?;
            let bytes = pointer::bytes(little_endian, length, "little_endian")?;
            value_out.put_value(int_from_bytes(bytes)?)
        })
    }
}

fn int_from_bytes(bytes: &[u8]) -> Result<Value> {
    let limit = Limits::default().digits;
    let too_long = || {
        let message = format!("little_endian: an integer of more than {limit} digits, the most that peers accept");
        Failure::new(RPYC_ERR_LIMIT, message)
    };
    // Bytes that only repeat the sign are not counted.
    let fill = if bytes.last().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
    let significant = bytes.len() - bytes.iter().rev().take_while(|byte| **byte == fill).count();
    // Turning a huge number into digits takes long, so it is refused by its size first: a byte is at least 2.4 digits.
    if significant > limit / 12 * 5 + 1 {
        return Err(too_long());
    }
    match Value::int_from_le_bytes(bytes) {
        Value::BigInt(n) if n.digits() > limit => Err(too_long()),
        value => Ok(value),
    }
}

/// Makes a str.
///
/// ```c
/// if (!rpyc_value_new_str("caf\xc3\xa9", RPYC_NUL_TERMINATED, &value, &error))
///     printf("%zu bytes\n", rpyc_value_count(value));
/// rpyc_value_free(value);
/// ```
///
/// @param text copied: UTF-8, which may contain NUL; may be NULL if length is 0
/// @param length length of text in bytes, or RPYC_NUL_TERMINATED
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (impossible length), RPYC_ERR_NO_MEMORY
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_new_str(
    text: *const c_char,
    length: usize,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let value_out = output(value_out, "value_out")?;
            let text = pointer::text(text, length, "text")?;
            value_out.put_value(Value::Str(Text::try_new(text).map_err(|_| NoMemory { bytes: text.len() })?))
        })
    }
}

/// Makes a bytes value with a copy of data.
///
/// @param data copied; may be NULL if length is 0
/// @param length length in bytes
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (impossible length), RPYC_ERR_NO_MEMORY
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_new_bytes(
    data: *const c_void,
    length: usize,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let value_out = output(value_out, "value_out")?;
            let bytes = pointer::bytes(data.cast(), length, "data")?;
            value_out.put_value(Value::Bytes(Blob::try_copy(bytes).map_err(|_| NoMemory { bytes: length })?))
        })
    }
}

/// Makes a bytes value from memory of the application, without a copy. It is sent from that memory.
///
/// The memory must not change until the destructor runs. The destructor runs when the value, its clones and all values
/// that contain it have been freed and sent.
///
/// ```c
/// static rpyc_status wrap(void *data, size_t length, rpyc_value **value_out, rpyc_error **error)
/// {
///     return rpyc_value_new_bytes_owned(data, length, data, free, value_out, error);
/// }
/// ```
///
/// @param data borrowed until the destructor runs; may be NULL if length is 0
/// @param length length in bytes
/// @param userdata consumed, also on failure; passed to the destructor
/// @param userdata_free destructor of userdata: runs exactly once, on any thread, also on failure; may be NULL
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (impossible length)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_new_bytes_owned(
    data: *const c_void,
    length: usize,
    userdata: *mut c_void,
    userdata_free: rpyc_free_fn,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the pointers are NULL or what the header asks for; the bytes stay until the destructor runs.
    unsafe {
        ffi_boundary(error_out, || {
            let userdata = Userdata::new(userdata, userdata_free);
            let value_out = output(value_out, "value_out")?;
            let bytes = ptr::from_ref(pointer::bytes(data.cast(), length, "data")?);
            let too_long = || Failure::new(RPYC_ERR_ARGUMENT, format_args!("data cannot be {length} bytes long"));
            let blob = Blob::foreign(Arc::new(LentBytes { bytes, _userdata: userdata })).ok_or_else(too_long)?;
            value_out.put_value(Value::Bytes(blob))
        })
    }
}

/// Bytes of the application, which stay until its userdata is dropped.
pub(crate) struct LentBytes {
    pub bytes: *const [u8],
    pub _userdata: Userdata,
}

// SAFETY: the bytes do not change, and the header tells the application that they are read on several threads.
unsafe impl Send for LentBytes {}
// SAFETY: as above.
unsafe impl Sync for LentBytes {}

impl AsRef<[u8]> for LentBytes {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the userdata lives as long as this, and so do the bytes.
        unsafe { &*self.bytes }
    }
}

/// Makes a tuple.
///
/// @param items each value consumed, also on failure; may be NULL for none
/// @param count number of items
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL (also for an item), RPYC_ERR_ARGUMENT (impossible count), RPYC_ERR_LIMIT (nested more
///         than 1000 levels deep), RPYC_ERR_NO_MEMORY
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_new_tuple(
    items: *const *mut rpyc_value,
    count: usize,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        container(items, count, value_out, error_out, |items| {
            budget::check(size_of_val(&*items))?;
            Ok(Value::tuple(items))
        })
    }
}

/// Makes a slice, as in Python's x[start:stop:step].
///
/// ```c
/// rpyc_value *slice = NULL; // of object[2:10]
/// if (!rpyc_value_new_slice(rpyc_int(2), rpyc_int(10), NULL, &slice, &error))
///     rpyc_object_get_item(object, slice, &value, &error);
/// rpyc_value_free(value);
/// ```
///
/// @param start consumed, also on failure; NULL for None
/// @param stop consumed, also on failure; NULL for None
/// @param step consumed, also on failure; NULL for None
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_LIMIT (nested more than 1000 levels deep)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_new_slice(
    start: *mut rpyc_value,
    stop: *mut rpyc_value,
    step: *mut rpyc_value,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let parts = [start, stop, step].map(|part| handle::value_take(part).unwrap_or_default());
            let value_out = output(value_out, "value_out")?;
            check_depth(&parts)?;
            value_out.put_value(Value::Slice(parts.into()))
        })
    }
}

/// Makes a frozenset. The first of several equal items is kept.
///
/// @param items each value consumed, also on failure; may be NULL for none
/// @param count number of items
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL (also for an item), RPYC_ERR_TYPE (an item that is not hashable: list, dict, slice),
///         RPYC_ERR_ARGUMENT (impossible count), RPYC_ERR_LIMIT (nested more than 1000 levels deep), RPYC_ERR_NO_MEMORY
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_new_frozenset(
    items: *const *mut rpyc_value,
    count: usize,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        container(items, count, value_out, error_out, |items| {
            budget::check(count.saturating_mul(SET_ITEM))?;
            Value::frozenset(items).map_err(|error| Failure::new(RPYC_ERR_TYPE, format_args!("items: {error}")))
        })
    }
}

/// Makes a list. It is a snapshot: the receiver cannot change the sender's list.
///
/// A Python peer gets a reference to a list that the library keeps for it. rpyc_list_new() makes a list that peers
/// share.
///
/// @param items each value consumed, also on failure; may be NULL for none
/// @param count number of items
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL (also for an item), RPYC_ERR_ARGUMENT (impossible count), RPYC_ERR_LIMIT (nested more
///         than 1000 levels deep), RPYC_ERR_NO_MEMORY
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_new_list(
    items: *const *mut rpyc_value,
    count: usize,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        container(items, count, value_out, error_out, |items| {
            budget::check(size_of_val(&*items))?;
            Ok(Value::List(items.into()))
        })
    }
}

/// Makes a dict. It is a snapshot: the receiver cannot change the sender's dict.
///
/// A Python peer gets a reference to a dict that the library keeps for it. Of several equal keys the first is kept,
/// with the last value.
///
/// ```c
/// rpyc_value *keys[2] = {rpyc_str("x"), rpyc_str("y")};
/// rpyc_value *values[2] = {rpyc_int(1), rpyc_int(2)};
/// if (!rpyc_value_new_dict(keys, values, 2, &value, &error)) // consumes all four, also on failure
///     printf("%zu entries\n", rpyc_value_count(value));
/// rpyc_value_free(value);
/// ```
///
/// @param keys each value consumed, also on failure; may be NULL for none
/// @param values each value consumed, also on failure: values[i] belongs to keys[i]; may be NULL for none
/// @param count number of keys, and of values
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL (also for an item), RPYC_ERR_TYPE (a key that is not hashable: list, dict, slice),
///         RPYC_ERR_ARGUMENT (impossible count), RPYC_ERR_LIMIT (nested more than 1000 levels deep), RPYC_ERR_NO_MEMORY
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_new_dict(
    keys: *const *mut rpyc_value,
    values: *const *mut rpyc_value,
    count: usize,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let (keys, values) = (take_values(keys, count, "keys"), take_values(values, count, "values"));
            let value_out = output(value_out, "value_out")?;
            let (keys, values) = (keys?, values?);
            budget::check(count.saturating_mul(DICT_ENTRY))?;
            check_depth(&keys)?;
            check_depth(&values)?;
            value_out.put_value(dict(keys.into_iter().zip(values))?)
        })
    }
}

/// Makes a dict with str keys, as needed for keyword arguments and for the attributes of an exception.
///
/// ```c
/// const char *names[1] = {"timeout"};
/// rpyc_value *values[1] = {rpyc_int(5)};
/// rpyc_value *keywords = NULL;
/// if (!rpyc_value_new_keywords(names, values, 1, &keywords, &error)) // open(timeout=5)
///     rpyc_object_call_method(object, "open", NULL, 0, keywords, &value, &error);
/// rpyc_value_free(value);
/// ```
///
/// @param names copied, each NUL-terminated UTF-8; may be NULL for none
/// @param values each value consumed, also on failure: values[i] belongs to names[i]; may be NULL for none
/// @param count number of names, and of values
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL (also for a name or a value), RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (impossible count, or
///         a duplicate name), RPYC_ERR_LIMIT (nested more than 1000 levels deep), RPYC_ERR_NO_MEMORY
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_new_keywords(
    names: *const *const c_char,
    values: *const *mut rpyc_value,
    count: usize,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let values = take_values(values, count, "values");
            let value_out = output(value_out, "value_out")?;
            let names = pointer::array(names, count, "names")?;
            let values = values?;
            check_depth(&values)?;
            budget::check(count.saturating_mul(DICT_ENTRY))?;
            let mut seen = HashSet::with_capacity(count);
            let mut pairs = budget::vector(count)?;
            for (at, (name, value)) in names.iter().zip(values).enumerate() {
                let name = pointer::name(*name, &format!("names[{at}]"))?;
                if !seen.insert(name) {
                    return Err(Failure::new(RPYC_ERR_ARGUMENT, format_args!("names[{at}]: duplicate name '{name}'")));
                }
                pairs.push((Value::Str(Text::new(name)), value));
            }
            value_out.put_value(Value::Dict(pairs.into()))
        })
    }
}

/// Makes a value that refers to an object. An object is passed by reference.
///
/// @param object borrowed; the caller still frees it
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_new_object(
    object: *const rpyc_object,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let value_out = output(value_out, "value_out")?;
            value_out.put_value(Value::Ref(handle::require(object, "object")?.reference.clone()))
        })
    }
}

/// What making a dict takes for each entry: pairs in a vector that grows by doubling, in the value, and their places.
const DICT_ENTRY: usize = 5 * size_of::<Value>() + 96;
/// The same for an item of a set.
const SET_ITEM: usize = 4 * size_of::<Value>();

/// Makes a value of an array of items, which are consumed.
///
/// # Safety
/// As for `take_values` and `output`.
#[cfg_attr(debug_assertions, track_caller)]
unsafe fn container(
    items: *const *mut rpyc_value,
    count: usize,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
    make: impl FnOnce(Vec<Value>) -> Result<Value>,
) -> rpyc_status {
    // SAFETY: the same is asked of our caller.
    unsafe {
        ffi_boundary(error_out, || {
            let items = take_values(items, count, "items");
            let value_out = output(value_out, "value_out")?;
            let items = items?;
            check_depth(&items)?;
            value_out.put_value(make(items)?)
        })
    }
}

/// Rejects values that would be nested deeper than the stack allows, once they are in one more value.
fn check_depth(items: &[Value]) -> Result<()> {
    match items.iter().all(|item| item.depth_at_most(Value::MAX_DEPTH - 1)) {
        true => Ok(()),
        false => Err(Failure::new(RPYC_ERR_LIMIT, format_args!("a value of more than {} levels", Value::MAX_DEPTH))),
    }
}

/// As Python's: of equal keys the first stays, with the last value.
fn dict(pairs: impl Iterator<Item = (Value, Value)>) -> Result<Value> {
    let mut unique: Vec<(Value, Value)> = Vec::new();
    let mut places: HashMap<u64, Vec<usize>> = HashMap::new();
    for (index, (key, value)) in pairs.enumerate() {
        if !key.hashable() {
            let message = format!("keys[{index}] is a '{}' that cannot be hashed", key.type_name());
            return Err(Failure::new(RPYC_ERR_TYPE, message));
        }
        let same_hash = places.entry(key.py_hash()).or_default();
        match same_hash.iter().find_map(|at| unique.get(*at).filter(|pair| pair.0.py_eq(&key)).map(|_| *at)) {
            Some(at) => unique[at].1 = value,
            None => {
                same_hash.push(unique.len());
                unique.push((key, value));
            }
        }
    }
    Ok(Value::Dict(unique.into()))
}
