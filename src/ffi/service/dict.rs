//! Dicts of this process that peers can change: an rpyc_object that Python peers see as builtins.dict.

use crate::error::{Error, Exception};
use crate::ffi::border::boundary::{ffi_boundary, ffi_boundary_or};
use crate::ffi::border::handle::{self, ObjectHandle};
use crate::ffi::border::pointer::{output, present, take_values};
use crate::ffi::border::status::{Failure, RPYC_ERR_TYPE, Result, rpyc_status};
use crate::ffi::border::types::{rpyc_error, rpyc_object, rpyc_value};
use crate::ffi::object::operation::reference;
use crate::objects::Dict;
use crate::objects::Object;
use crate::value::{Reference, Value};

/// The dict behind an object.
///
/// # Safety
/// The handle is NULL or live as long as is said of the result.
unsafe fn dict<'a>(object: *const rpyc_object) -> Result<&'a Dict> {
    // SAFETY: the same is asked of our caller.
    let dict = match unsafe { reference(object, "dict") }? {
        Reference::Local(local) => local.as_any().downcast_ref::<Object>().and_then(Dict::of),
        Reference::Remote(_) => None,
    };
    dict.ok_or_else(|| Failure::new(RPYC_ERR_TYPE, "object: expected a dict of rpyc_dict_new()"))
}

/// A key that cannot be one is the caller's mistake.
fn refused(exception: Exception) -> Failure {
    match exception.args.first() {
        Some(Value::Str(text)) if exception.is_builtin("TypeError") => Failure::new(RPYC_ERR_TYPE, text.as_str()),
        _ => Error::Remote(exception).into(),
    }
}

/// Makes a dict that this process and its peers share: a change by one of them is seen by all.
///
/// A Python peer uses it like a dict of a Python server, under the attribute rules of the connection: methods such as
/// keys are public names. All functions for objects work on it too. Entries keep the order of insertion. An object as
/// a key is compared by identity.
///
/// ```c
/// rpyc_value *keys[1], *values[1];
/// rpyc_object *dict = NULL;
/// keys[0] = rpyc_str("answer");
/// values[0] = rpyc_int(42);
/// if (!rpyc_dict_new(keys, values, 1, &dict, &error)) // consumes the key and the value
///     rpyc_dict_set(dict, rpyc_str("question"), rpyc_none(), &error);
/// rpyc_object_free(dict);
/// ```
///
/// @param keys consumed (each value), also on failure; NULL for none
/// @param values consumed (each value), also on failure; values[i] belongs to keys[i]
/// @param count number of keys, and of values
/// @param dict_out owned, free with rpyc_object_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL (also for an item), RPYC_ERR_ARGUMENT (count is out of range), RPYC_ERR_TYPE (a key
///         that Python cannot hash)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_dict_new(
    keys: *const *mut rpyc_value,
    values: *const *mut rpyc_value,
    count: usize,
    dict_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let (keys, values) = (take_values(keys, count, "keys"), take_values(values, count, "values"));
            let out = output(dict_out, "dict_out")?;
            let made = Dict::object(keys?.into_iter().zip(values?).collect()).map_err(refused)?;
            out.put(handle::new(ObjectHandle::from(Reference::Local(made))))
        })
    }
}

/// Gets the number of entries of a dict.
///
/// @param dict borrowed
/// @return 0 also for NULL and for an object not made by rpyc_dict_new()
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_dict_count(dict: *const rpyc_object) -> usize {
    // SAFETY: the contract of the border.
    ffi_boundary_or(0, || unsafe { self::dict(dict) }.map_or(0, Dict::count))
}

/// Gets the value of a key.
///
/// @param dict borrowed
/// @param key consumed, also on failure
/// @param value_out owned, free with rpyc_value_free(); NULL, with RPYC_OK, if the dict does not have the key
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (not made by rpyc_dict_new(), or a key that Python cannot hash)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_dict_get(
    dict: *const rpyc_object,
    key: *mut rpyc_value,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let key = handle::value_take(key);
            let out = output(value_out, "value_out")?;
            let dict = self::dict(dict)?;
            match dict.get(&present(key, "key")?).map_err(refused)? {
                Some(value) => out.put_value(value),
                None => Ok(()),
            }
        })
    }
}

/// Sets the value of a key.
///
/// @param dict borrowed
/// @param key consumed, also on failure
/// @param value consumed, also on failure
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (not made by rpyc_dict_new(), or a key that Python cannot hash)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_dict_set(
    dict: *mut rpyc_object,
    key: *mut rpyc_value,
    value: *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let (key, value) = (handle::value_take(key), handle::value_take(value));
            let dict = self::dict(dict)?;
            let key = present(key, "key")?;
            dict.set(key, present(value, "value")?).map_err(refused)
        })
    }
}

/// Removes a key and its value from a dict.
///
/// @param dict borrowed
/// @param key consumed, also on failure
/// @param found_out whether the dict had the key
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (not made by rpyc_dict_new(), or a key that Python cannot hash)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_dict_delete(
    dict: *mut rpyc_object,
    key: *mut rpyc_value,
    found_out: *mut bool,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let key = handle::value_take(key);
            let out = output(found_out, "found_out")?;
            let dict = self::dict(dict)?;
            let before = dict.remove(&present(key, "key")?).map_err(refused)?;
            out.put(before.is_some())
        })
    }
}

/// Removes all entries from a dict.
///
/// @param dict borrowed
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (not made by rpyc_dict_new())
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_dict_clear(dict: *mut rpyc_object, error_out: *mut *mut rpyc_error) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            self::dict(dict)?.clear();
            Ok(())
        })
    }
}

/// Copies the current entries into a value of kind dict, for iterating with rpyc_value_key() and rpyc_value_item().
///
/// ```c
/// size_t i;
/// if (!rpyc_dict_snapshot(object, &value, &error))
///     for (i = 0; i < rpyc_value_count(value); i++)
///         rpyc_dict_set(object, rpyc_value_clone(rpyc_value_key(value, i)), rpyc_none(), &error);
/// rpyc_value_free(value);
/// ```
///
/// @param dict borrowed
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (not made by rpyc_dict_new())
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_dict_snapshot(
    dict: *const rpyc_object,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(value_out, "value_out")?;
            out.put_value(Value::Dict(self::dict(dict)?.snapshot().into()))
        })
    }
}
