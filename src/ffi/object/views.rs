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

/// Copies an object that is plain data into a value: lists, dicts, tuples, sets and frozensets, ranges and views of dicts,
/// arrays, with all that is in them.
///
/// An array of numbers becomes a value of kind RPYC_VALUE_ARRAY: numpy.ndarray, array.array, memoryview; one of several
/// dimensions lists of arrays, for which rpyc_object_obtain_array() is better. numpy's numbers become int, float and bool,
/// arrays of truths lists, other arrays of numpy what its tolist() gives; a bytearray becomes bytes. Where the peer gives
/// public names (allow_public_attrs, classic servers), the bytes of an array come in one piece, in two bursts of requests.
/// Elsewhere its items are asked for, and each of numpy's numbers, all in one burst.
///
/// All requests for one level of nesting leave in one burst (two where there are dicts; a burst has at most 16384 requests),
/// so that the time it takes grows with the depth and not with the number of items. Nothing is asked of the peer but what
/// RPyC's servers allow with their default settings. Sets become frozensets; an OrderedDict, defaultdict or Counter a dict,
/// a deque a list. An object that is changed meanwhile may be copied in part as it was before.
///
/// @param object borrowed
/// @param max_depth levels of nesting, a list of numbers being one; 0 for 100
/// @param max_items items of all containers together, counted as if nothing were shared, those of a dict twice; 0 for
///        1048576. One container has less than 1048576 items in any case
/// @param max_bytes bytes of all texts, bytes, arrays and long ints together; 0 for 67108864
/// @param value_out owned; free it with rpyc_value_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors; RPYC_ERR_LIMIT also where it is larger or deeper than this;
///         RPYC_ERR_TYPE (something in it is no plain data, or a container holds itself)
///
/// Threads: any thread. Since 0.1.
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

/// Copies an array of numbers with its shape: a numpy.ndarray of any number of dimensions, an array.array, a memoryview or a
/// bytearray. The requests are those of rpyc_object_obtain().
///
/// Floats of 16 bits become floats of 32, truths 0 and 1 of RPYC_ARRAY_UINT8. The byte order is that of this machine,
/// whatever numpy's is there; array.array and memoryview are taken to have the byte order of this machine. An array that has no
/// items and does not tell its type is one of doubles; without its type, which the peer's rules may hide, an array.array or
/// memoryview has doubles or int64_t.
///
/// @param object borrowed
/// @param max_bytes of all numbers together; 0 for 67108864
/// @param array_out owned, of kind RPYC_VALUE_ARRAY, with the last index varying fastest; free it with rpyc_value_free
/// @param shape_out owned, a tuple of ints: the length in each dimension, none for a single number; may be NULL; free it with
///        rpyc_value_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors; RPYC_ERR_LIMIT also where it is larger than this;
///         RPYC_ERR_TYPE (it is another object, or its items are not numbers of one type)
///
/// Threads: any thread. Since 0.1.
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

/// Makes a view of an object that lets peers use some of its attributes and no others, whatever the attribute rules say;
/// RPyC's restricted().
///
/// What the view lets pass is done with the object as this program would do it: of an object of ours, the name is found with
/// and without "exposed_" in front; a peer's object is asked, and its owner's rules hold. A name that the view does not let
/// pass gives the AttributeError of RPyC, with the attribute refused_by. Methods are read, so their names stand among the
/// readable ones. Unlike in Python, what is readable is not also writable unless it is said.
///
/// @param object copied reference; of this process or of a peer
/// @param readable copied; names that may be read; NULL: none
/// @param readable_count number of these
/// @param writable copied; names that may be set; NULL: none
/// @param writable_count number of these
/// @param view_out owned; free it with rpyc_object_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8
///
/// Threads: any thread. Since 0.1.
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
/// The pointer is NULL or has so many entries, each NULL or a NUL-terminated text.
unsafe fn names(list: *const *const c_char, count: usize, argument: &str) -> Result<BTreeSet<String>> {
    // SAFETY: the same is asked of our caller.
    unsafe { array(list, count, argument)?.iter().map(|text| Ok(name(*text, argument)?.to_owned())).collect() }
}
