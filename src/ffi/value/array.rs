//! Arrays of numbers: from C and to C.

use crate::ffi::border::boundary::ffi_boundary;
use crate::ffi::border::pointer::{self, output};
use crate::ffi::border::status::{Failure, RPYC_ERR_ARGUMENT, RPYC_ERR_NO_MEMORY, RPYC_ERR_TYPE, Result, rpyc_status};
use crate::ffi::border::types::{rpyc_error, rpyc_value};
use crate::ffi::border::userdata::{Userdata, rpyc_free_fn};
use crate::ffi::value::make::LentBytes;
use crate::value::{Array, Blob, Element, NoArray, Value};
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

/// Type of the numbers in an array, one of RPYC_ARRAY_...
pub type rpyc_array_type_id = i32;

/// int8_t
pub const RPYC_ARRAY_INT8: rpyc_array_type_id = 1;
/// uint8_t
pub const RPYC_ARRAY_UINT8: rpyc_array_type_id = 2;
/// int16_t
pub const RPYC_ARRAY_INT16: rpyc_array_type_id = 3;
/// uint16_t
pub const RPYC_ARRAY_UINT16: rpyc_array_type_id = 4;
/// int32_t
pub const RPYC_ARRAY_INT32: rpyc_array_type_id = 5;
/// uint32_t
pub const RPYC_ARRAY_UINT32: rpyc_array_type_id = 6;
/// int64_t
pub const RPYC_ARRAY_INT64: rpyc_array_type_id = 7;
/// uint64_t
pub const RPYC_ARRAY_UINT64: rpyc_array_type_id = 8;
/// float
pub const RPYC_ARRAY_FLOAT: rpyc_array_type_id = 9;
/// double
pub const RPYC_ARRAY_DOUBLE: rpyc_array_type_id = 10;

/// Makes an array with a copy of numbers. It is a snapshot.
///
/// It is passed by value between librpyc peers that agreed on native values. Any other peer gets a reference to a
/// sequence that the library keeps for it, whose type is named array.array.
///
/// @param type one of RPYC_ARRAY_...
/// @param data copied; may be NULL if the count is 0
/// @param count number of elements, not of bytes
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (unknown type, or impossible count), RPYC_ERR_NO_MEMORY
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_new_array(
    r#type: rpyc_array_type_id,
    data: *const c_void,
    count: usize,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let value_out = output(value_out, "value_out")?;
            let (element, size) = element_and_size(r#type, count)?;
            let array = Array::copy(element, pointer::bytes(data.cast(), size, "data")?);
            value_out.put_value(Value::Array(array.map_err(failure)?))
        })
    }
}

/// Makes an array from numbers in memory of the application, without a copy. They are sent from that memory.
///
/// The numbers must not change until the destructor runs. The destructor runs when the value, its clones and all values
/// that contain it have been freed and sent. Numbers whose address is not a multiple of their size are copied, and the
/// destructor runs at once.
///
/// ```c
/// const rpyc_array_type_id type = RPYC_ARRAY_DOUBLE;
/// double *samples = calloc(1000, sizeof *samples);
/// if (!rpyc_value_new_array_owned(type, samples, 1000, samples, free, &value, &error))
///     rpyc_value_free(value); // frees samples
/// ```
///
/// @param type one of RPYC_ARRAY_...
/// @param data borrowed until the destructor runs; may be NULL if the count is 0
/// @param count number of elements, not of bytes
/// @param userdata consumed, also on failure; passed to the destructor
/// @param userdata_free destructor of userdata: runs exactly once, on any thread, also on failure; may be NULL
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (unknown type, or impossible count), RPYC_ERR_NO_MEMORY
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_new_array_owned(
    r#type: rpyc_array_type_id,
    data: *const c_void,
    count: usize,
    userdata: *mut c_void,
    userdata_free: rpyc_free_fn,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the pointers are NULL or what the header asks for; the numbers stay until the destructor runs.
    unsafe {
        ffi_boundary(error_out, || {
            let userdata = Userdata::new(userdata, userdata_free);
            let value_out = output(value_out, "value_out")?;
            let (element, size) = element_and_size(r#type, count)?;
            let bytes = ptr::from_ref(pointer::bytes(data.cast(), size, "data")?);
            let blob = Blob::foreign(Arc::new(LentBytes { bytes, _userdata: userdata }));
            let array = Array::share(element, blob.ok_or_else(|| impossible(count))?);
            value_out.put_value(Value::Array(array.map_err(failure)?))
        })
    }
}

/// Gets the numbers of an array. They are in the byte order of this machine, at an address that is a multiple of their
/// size.
///
/// @param value borrowed; an array
/// @param type_out one of RPYC_ARRAY_...
/// @param data_out borrowed until this handle of the value is freed; never NULL on success
/// @param count_out number of elements, not of bytes
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_get_array(
    value: *const rpyc_value,
    type_out: *mut rpyc_array_type_id,
    data_out: *mut *const c_void,
    count_out: *mut usize,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let (type_out, data_out) = (output(type_out, "type_out"), output(data_out, "data_out"));
            let count_out = output(count_out, "count_out");
            let (type_out, data_out, count_out) = (type_out?, data_out?, count_out?);
            match &*pointer::value(value, "value")? {
                // The numbers lie behind the array, wherever that is.
                Value::Array(array) => {
                    let known = TYPES.iter().find(|(_, element)| *element == array.element());
                    type_out.put(known.map_or(0, |(id, _)| *id))?;
                    data_out.put(array.data().as_ptr().cast())?;
                    count_out.put(array.len())
                }
                other => {
                    let text = format!("value is of type '{}', not an array", other.type_name());
                    Err(Failure::new(RPYC_ERR_TYPE, text))
                }
            }
        })
    }
}

const TYPES: [(rpyc_array_type_id, Element); 10] = [
    (RPYC_ARRAY_INT8, Element::I8),
    (RPYC_ARRAY_UINT8, Element::U8),
    (RPYC_ARRAY_INT16, Element::I16),
    (RPYC_ARRAY_UINT16, Element::U16),
    (RPYC_ARRAY_INT32, Element::I32),
    (RPYC_ARRAY_UINT32, Element::U32),
    (RPYC_ARRAY_INT64, Element::I64),
    (RPYC_ARRAY_UINT64, Element::U64),
    (RPYC_ARRAY_FLOAT, Element::F32),
    (RPYC_ARRAY_DOUBLE, Element::F64),
];

fn element_and_size(number: rpyc_array_type_id, count: usize) -> Result<(Element, usize)> {
    let unknown = || Failure::new(RPYC_ERR_ARGUMENT, format_args!("type: unknown RPYC_ARRAY_... value {number}"));
    let (_, element) = *TYPES.iter().find(|(id, _)| *id == number).ok_or_else(unknown)?;
    Ok((element, count.checked_mul(element.size()).ok_or_else(|| impossible(count))?))
}

fn impossible(count: usize) -> Failure {
    Failure::new(RPYC_ERR_ARGUMENT, format_args!("data cannot have {count} numbers"))
}

fn failure(error: NoArray) -> Failure {
    let status = match error {
        NoArray::OutOfMemory { .. } => RPYC_ERR_NO_MEMORY,
        NoArray::Uneven { .. } => RPYC_ERR_ARGUMENT,
    };
    Failure::new(status, format_args!("data: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::border::status::{RPYC_ERR_NULL, RPYC_OK};
    use crate::ffi::border::userdata::counted::{Freed, free};
    use crate::ffi::error::{rpyc_error_free, rpyc_error_status};
    use crate::ffi::value::kind::{RPYC_VALUE_ARRAY, rpyc_value_clone, rpyc_value_free, rpyc_value_kind};
    use crate::ffi::value::make::rpyc_value_new_int;
    use crate::ffi::value::read::{rpyc_value_count, rpyc_value_item};
    use std::ptr::{null, null_mut};
    use std::slice;

    /// The numbers of an array, which must be doubles.
    unsafe fn doubles<'a>(value: *const rpyc_value) -> &'a [f64] {
        let (mut kind, mut data, mut count) = (0, null(), 0);
        // SAFETY: the value is live as long as the result is used, and holds doubles where its type says so.
        unsafe {
            assert_eq!(rpyc_value_get_array(value, &mut kind, &mut data, &mut count, null_mut()), RPYC_OK);
            assert_eq!((kind, rpyc_value_count(value)), (RPYC_ARRAY_DOUBLE, count));
            slice::from_raw_parts(data.cast(), count)
        }
    }

    #[test]
    fn copied_and_read() {
        let numbers = [1.0, -2.5, f64::INFINITY];
        let mut value = null_mut();
        // SAFETY: the pointers lead to what the header asks for, and the handles are live until they are freed.
        unsafe {
            let data = numbers.as_ptr().cast();
            assert_eq!(rpyc_value_new_array(RPYC_ARRAY_DOUBLE, data, 3, &mut value, null_mut()), RPYC_OK);
            assert_eq!(rpyc_value_kind(value), RPYC_VALUE_ARRAY);
            assert_eq!(doubles(value), numbers);
            assert_ne!(doubles(value).as_ptr(), numbers.as_ptr());
            assert!(rpyc_value_item(value, 0).is_null());
            let clone = rpyc_value_clone(value);
            assert_eq!(doubles(clone).as_ptr(), doubles(value).as_ptr());
            rpyc_value_free(clone);
            rpyc_value_free(value);
            for (id, element) in TYPES {
                assert_eq!(id, element as i32);
                assert_eq!(rpyc_value_new_array(id, null(), 0, &mut value, null_mut()), RPYC_OK);
                let (mut kind, mut data, mut count) = (0, null(), 9);
                assert_eq!(rpyc_value_get_array(value, &mut kind, &mut data, &mut count, null_mut()), RPYC_OK);
                assert!(kind == id && !data.is_null() && count == 0);
                rpyc_value_free(value);
            }
        }
    }

    #[test]
    fn lent_and_given_back() {
        let numbers = [1.0, 2.0, 3.0, 4.0, 5.0];
        let bytes: *const u8 = numbers.as_ptr().cast();
        let freed = Freed::new();
        let mut value = null_mut();
        // SAFETY: as above; the numbers outlive the values.
        unsafe {
            let new = rpyc_value_new_array_owned;
            let id = RPYC_ARRAY_DOUBLE;
            assert_eq!(new(id, bytes.cast(), 5, freed.pointer(), Some(free), &mut value, null_mut()), RPYC_OK);
            assert_eq!(doubles(value).as_ptr(), numbers.as_ptr());
            let clone = rpyc_value_clone(value);
            rpyc_value_free(value);
            assert_eq!(freed.count(), 0);
            rpyc_value_free(clone);
            assert_eq!(freed.count(), 1);
            // Not where a double may lie: copied at once.
            let odd = bytes.add(4).cast();
            assert_eq!(new(id, odd, 4, freed.pointer(), Some(free), &mut value, null_mut()), RPYC_OK);
            assert_eq!((doubles(value).len(), doubles(value).as_ptr().addr() % 8, freed.count()), (4, 0, 2));
            rpyc_value_free(value);
            for (id, count, wanted) in [(0, 1, RPYC_ERR_ARGUMENT), (id, usize::MAX, RPYC_ERR_ARGUMENT)] {
                let mut error = null_mut();
                assert_eq!(new(id, bytes.cast(), count, freed.pointer(), Some(free), &mut value, &mut error), wanted);
                assert!(value.is_null() && rpyc_error_status(error) == wanted);
                rpyc_error_free(error);
            }
            assert_eq!(new(id, null(), 1, freed.pointer(), Some(free), &mut value, null_mut()), RPYC_ERR_NULL);
            assert_eq!(freed.count(), 5);
        }
    }

    #[test]
    fn refused() {
        let mut value = null_mut();
        let data = 1.0f64;
        // SAFETY: as above.
        unsafe {
            for (id, data, count, wanted) in [
                (11, (&raw const data).cast(), 1, RPYC_ERR_ARGUMENT),
                (-1, null(), 0, RPYC_ERR_ARGUMENT),
                (RPYC_ARRAY_INT16, (&raw const data).cast(), usize::MAX / 2 + 1, RPYC_ERR_ARGUMENT),
                (RPYC_ARRAY_INT8, (&raw const data).cast(), usize::MAX, RPYC_ERR_ARGUMENT),
                (RPYC_ARRAY_DOUBLE, null(), 1, RPYC_ERR_NULL),
            ] {
                assert_eq!(rpyc_value_new_array(id, data, count, &mut value, null_mut()), wanted);
                assert!(value.is_null());
            }
            let number = rpyc_value_new_int(1);
            let (mut kind, mut data, mut count) = (5, std::ptr::dangling(), 5);
            let status = rpyc_value_get_array(number, &mut kind, &mut data, &mut count, null_mut());
            assert_eq!((status, kind, data, count), (RPYC_ERR_TYPE, 0, null(), 0));
        }
    }
}
