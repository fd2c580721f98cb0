//! Copies of objects, and restricted views of them.

use crate::connection::{obtain, obtain_array};
use crate::ffi::border::boundary::ffi_boundary;
use crate::ffi::border::handle;
use crate::ffi::border::pointer::{array, name, output};
use crate::ffi::border::status::{Result, rpyc_status};
use crate::ffi::border::types::{rpyc_error, rpyc_object, rpyc_value};
use crate::ffi::object::operation::{operation, reference};
use crate::objects::restricted;
use crate::value::{Bounds, Value};
use std::collections::BTreeSet;
use std::ffi::c_char;

/// The limits of a copy, 0 standing for the default.
pub(crate) fn bounds(max_depth: usize, max_items: usize, max_bytes: usize) -> Bounds {
    let or = |given: usize, default: usize| if given == 0 { default } else { given };
    Bounds { depth: or(max_depth, 100), items: or(max_items, 1 << 20), bytes: or(max_bytes, 64 << 20) }
}

/// Copies an object that is plain data into a value, with all that it contains: lists, dicts, tuples, sets and
/// frozensets, ranges, views of dicts, and arrays.
///
/// An array of numbers (numpy.ndarray, array.array, memoryview) becomes a value of kind RPYC_VALUE_ARRAY. One of
/// several dimensions becomes a list of arrays; rpyc_object_obtain_array() is better for it. numpy scalars become
/// int, float and bool. Arrays of booleans become lists. Other arrays of numpy become the result of their tolist(). A
/// bytearray becomes bytes.
///
/// Sets become frozensets. An OrderedDict, defaultdict or Counter becomes a dict, a deque a list. If an object is
/// changed meanwhile, parts of its former state can be in the copy.
///
/// If the peer allows access to public names (allow_public_attrs, classic servers), the bytes of an array are sent in
/// one piece, with two bursts of requests. Otherwise its items are requested, and each numpy scalar, all in one
/// burst.
///
/// All requests for one level of nesting are sent in one burst, or in two if there are dicts. A burst has at most 16384
/// requests. The time therefore depends on the depth and not on the number of items. The requests need no more than the
/// default settings of RPyC's servers allow.
///
/// ```c
/// rpyc_status status = rpyc_object_obtain(object, 0, 100000, 0, &value, &error);
/// if (status == RPYC_OK && rpyc_value_kind(value) == RPYC_VALUE_DICT)
///     printf("%zu entries\n", rpyc_value_count(value));
/// else if (status == RPYC_ERR_LIMIT)
///     fprintf(stderr, "too large to copy\n");
/// rpyc_value_free(value);
/// ```
///
/// @param object borrowed
/// @param max_depth maximum levels of nesting, in which a list of numbers is one; 0 for 100
/// @param max_items maximum number of items of all containers together. Shared containers are counted each time, and an
///        entry of a dict counts twice; 0 for 1048576. A single container has fewer than 1048576 items in any case
/// @param max_bytes maximum size in bytes of all strings, bytes, arrays and long ints together; 0 for 67108864
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_LIMIT (also if the copy exceeds these limits),
///         RPYC_ERR_TYPE (a part is not plain data, or a container contains itself)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_obtain(
    object: *mut rpyc_object,
    max_depth: usize,
    max_items: usize,
    max_bytes: usize,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        operation((object, "object"), (value_out, "value_out"), error_out, |this| {
            Ok(handle::value_new(obtain(this, &bounds(max_depth, max_items, max_bytes))?))
        })
    }
}

/// Copies an array of numbers and its shape: a numpy.ndarray of any number of dimensions, an array.array, a memoryview
/// or a bytearray. It sends the same requests as rpyc_object_obtain().
///
/// Floats of 16 bits become floats of 32 bits. Booleans become 0 and 1 of RPYC_ARRAY_UINT8. The result has the byte
/// order of this machine, whatever that of the numpy array is. array.array and memoryview are assumed to have the byte
/// order of this machine.
///
/// An empty array whose type is unknown becomes one of doubles. If the peer's rules hide the type of an array.array or
/// memoryview, the result has doubles or int64_t.
///
/// ```c
/// rpyc_value *array = NULL, *shape = NULL;
/// if (!rpyc_object_obtain_array(object, 0, &array, &shape, &error))
///     printf("%zu numbers in %zu dimensions\n", rpyc_value_count(array), rpyc_value_count(shape));
/// rpyc_value_free(shape);
/// rpyc_value_free(array);
/// ```
///
/// @param object borrowed
/// @param max_bytes maximum size in bytes of all numbers together; 0 for 67108864
/// @param array_out owned, free with rpyc_value_free(): a value of kind RPYC_VALUE_ARRAY, in which the last index
///        varies fastest
/// @param shape_out owned, free with rpyc_value_free(): a tuple of ints, the length of each dimension, empty for a
///        single number; may be NULL
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_LIMIT (also if the array exceeds max_bytes), RPYC_ERR_TYPE
///         (another object, or items that are not numbers of one type)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_obtain_array(
    object: *mut rpyc_object,
    max_bytes: usize,
    array_out: *mut *mut rpyc_value,
    shape_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let array_out = output(array_out, "array_out")?;
            let shape_out = if shape_out.is_null() { None } else { Some(output(shape_out, "shape_out")?) };
            let (array, shape) = obtain_array(reference(object, "object")?, &bounds(0, 0, max_bytes))?;
            if let Some(shape_out) = shape_out {
                let lengths = shape.into_iter().map(|length| Value::from(length as u64)).collect();
                shape_out.put_value(Value::Tuple(lengths))?;
            }
            array_out.put_value(Value::Array(array))
        })
    }
}

/// Makes a view of an object that gives peers access to some of its attributes and to no others, whatever the attribute
/// rules are. It is RPyC's restricted().
///
/// Access to a listed name is performed as by this program. For an object of this process the name is searched with and
/// without the prefix "exposed_". For a remote object the request is forwarded to its owner, whose rules apply. Access
/// to any other name raises the AttributeError that RPyC raises, with the attribute refused_by.
///
/// Methods are read, so list them among the readable names. Unlike in Python, a readable name is not also writable
/// unless it is listed as writable.
///
/// ```c
/// const char *readable[2] = {"name", "describe"};
/// const char *writable[1] = {"name"};
/// rpyc_object *view = NULL;
/// if (!rpyc_object_restricted(object, readable, 2, writable, 1, &view, &error))
///     rpyc_value_new_object(view, &value, &error); // pass this instead of object
/// rpyc_value_free(value);
/// rpyc_object_free(view);
/// ```
///
/// @param object copied: a reference is kept; an object of this process or of a peer
/// @param readable copied: names that can be read; NULL for none
/// @param readable_count number of readable names
/// @param writable copied: names that can be set; NULL for none
/// @param writable_count number of writable names
/// @param view_out owned, free with rpyc_object_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_restricted(
    object: *const rpyc_object,
    readable: *const *const c_char,
    readable_count: usize,
    writable: *const *const c_char,
    writable_count: usize,
    view_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(view_out, "view_out")?;
            let object = handle::require(object, "object")?;
            let readable = names(readable, readable_count, "readable")?;
            let writable = names(writable, writable_count, "writable")?;
            out.put(handle::new(restricted(object.reference.clone(), readable, writable).into()))
        })
    }
}

/// # Safety
/// The pointer is NULL or has `count` entries, each NULL or a NUL-terminated string.
unsafe fn names(list: *const *const c_char, count: usize, argument: &str) -> Result<BTreeSet<String>> {
    // SAFETY: the same is asked of our caller.
    unsafe { array(list, count, argument)?.iter().map(|text| Ok(name(*text, argument)?.to_owned())).collect() }
}
