//! Lists of this process that peers can change: an rpyc_object that Python peers see as builtins.list.

use crate::ffi::border::boundary::{ffi_boundary, ffi_boundary_or};
use crate::ffi::border::handle::{self, ObjectHandle};
use crate::ffi::border::pointer::{output, present, take_values};
use crate::ffi::border::status::{Failure, RPYC_ERR_RANGE, RPYC_ERR_TYPE, Result, rpyc_status};
use crate::ffi::border::types::{rpyc_error, rpyc_object, rpyc_value};
use crate::ffi::object::operation::reference;
use crate::objects::List;
use crate::objects::Object;
use crate::value::{Reference, Value};

/// The list behind an object.
///
/// # Safety
/// The handle is NULL or live as long as is said of the result.
unsafe fn list<'a>(object: *const rpyc_object) -> Result<&'a List> {
    // SAFETY: the same is asked of our caller.
    let list = match unsafe { reference(object, "list") }? {
        Reference::Local(local) => local.as_any().downcast_ref::<Object>().and_then(List::of),
        Reference::Remote(_) => None,
    };
    list.ok_or_else(|| Failure::new(RPYC_ERR_TYPE, "object: expected a list of rpyc_list_new()"))
}

fn out_of_range(index: i64) -> Failure {
    Failure::new(RPYC_ERR_RANGE, format_args!("the list has no item {index}"))
}

/// Makes a list that this process and its peers share: a change by one of them is seen by all.
///
/// A Python peer uses it like a list of a Python server, under the attribute rules of the connection: methods such as
/// append are public names. All functions for objects work on it too.
///
/// @param items consumed (each value), also on failure; NULL for none
/// @param count number of items
/// @param list_out owned, free with rpyc_object_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL (also for an item), RPYC_ERR_ARGUMENT (count is out of range)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_list_new(
    items: *const *mut rpyc_value,
    count: usize,
    list_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let items = take_values(items, count, "items");
            let out = output(list_out, "list_out")?;
            out.put(handle::new(ObjectHandle::from(Reference::Local(List::object(items?)))))
        })
    }
}

/// Gets the number of items of a list.
///
/// @param list borrowed
/// @return 0 also for NULL and for an object not made by rpyc_list_new()
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_list_count(list: *const rpyc_object) -> usize {
    // SAFETY: the contract of the border.
    ffi_boundary_or(0, || unsafe { self::list(list) }.map_or(0, List::count))
}

/// Gets an item of a list.
///
/// @param list borrowed
/// @param index from 0; -1 is the last item
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (not made by rpyc_list_new()), RPYC_ERR_RANGE
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_list_get(
    list: *const rpyc_object,
    index: i64,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(value_out, "value_out")?;
            out.put_value(self::list(list)?.get(index).ok_or_else(|| out_of_range(index))?)
        })
    }
}

/// Replaces an item of a list.
///
/// @param list borrowed
/// @param index from 0; -1 is the last item
/// @param value consumed, also on failure
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (not made by rpyc_list_new()), RPYC_ERR_RANGE
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_list_set(
    list: *mut rpyc_object,
    index: i64,
    value: *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let value = handle::value_take(value);
            let list = self::list(list)?;
            let value = present(value, "value")?;
            if list.set(index, value) { Ok(()) } else { Err(out_of_range(index)) }
        })
    }
}

/// Appends a value to a list.
///
/// @param list borrowed
/// @param value consumed, also on failure
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (not made by rpyc_list_new())
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_list_append(
    list: *mut rpyc_object,
    value: *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let value = handle::value_take(value);
            let list = self::list(list)?;
            list.append(present(value, "value")?);
            Ok(())
        })
    }
}

/// Inserts a value before an item of a list.
///
/// @param list borrowed
/// @param index from 0; negative ones count from the end; an index beyond an end means that end, as in Python
/// @param value consumed, also on failure
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (not made by rpyc_list_new())
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_list_insert(
    list: *mut rpyc_object,
    index: i64,
    value: *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let value = handle::value_take(value);
            let list = self::list(list)?;
            list.insert(index, present(value, "value")?);
            Ok(())
        })
    }
}

/// Removes an item from a list.
///
/// @param list borrowed
/// @param index from 0; -1 is the last item
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (not made by rpyc_list_new()), RPYC_ERR_RANGE
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_list_remove(
    list: *mut rpyc_object,
    index: i64,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let before = self::list(list)?.pop(index);
            before.map(drop).ok_or_else(|| out_of_range(index))
        })
    }
}

/// Removes all items from a list.
///
/// @param list borrowed
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (not made by rpyc_list_new())
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_list_clear(list: *mut rpyc_object, error_out: *mut *mut rpyc_error) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            self::list(list)?.clear();
            Ok(())
        })
    }
}

/// Copies the current items into a value of kind list.
///
/// @param list borrowed
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (not made by rpyc_list_new())
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_list_snapshot(
    list: *const rpyc_object,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(value_out, "value_out")?;
            out.put_value(Value::List(self::list(list)?.snapshot().into()))
        })
    }
}
