//! rpyc_value: kinds, counting, comparing.

use crate::ffi::border::boundary::ffi_boundary_or;
use crate::ffi::border::handle;
use crate::ffi::border::pointer;
use crate::ffi::border::types::rpyc_value;
use crate::value::{Temporal, Value};
use std::ffi::c_char;
use std::ptr;

/// Kind of a value, one of RPYC_VALUE_...
pub type rpyc_value_kind_id = i32;

/// None
pub const RPYC_VALUE_NONE: rpyc_value_kind_id = 0;
/// NotImplemented
pub const RPYC_VALUE_NOT_IMPLEMENTED: rpyc_value_kind_id = 1;
/// Ellipsis, Python's "..."
pub const RPYC_VALUE_ELLIPSIS: rpyc_value_kind_id = 2;
/// bool: True or False
pub const RPYC_VALUE_BOOL: rpyc_value_kind_id = 3;
/// int: an integer of any size
pub const RPYC_VALUE_INT: rpyc_value_kind_id = 4;
/// float: a double
pub const RPYC_VALUE_FLOAT: rpyc_value_kind_id = 5;
/// complex: two doubles
pub const RPYC_VALUE_COMPLEX: rpyc_value_kind_id = 6;
/// str: a UTF-8 string
pub const RPYC_VALUE_STR: rpyc_value_kind_id = 7;
/// bytes
pub const RPYC_VALUE_BYTES: rpyc_value_kind_id = 8;
/// tuple: values in order
pub const RPYC_VALUE_TUPLE: rpyc_value_kind_id = 9;
/// slice: three values, start, stop and step
pub const RPYC_VALUE_SLICE: rpyc_value_kind_id = 10;
/// frozenset: values of which no two are equal
pub const RPYC_VALUE_FROZENSET: rpyc_value_kind_id = 11;
/// list: values in order. A Python peer gets a reference to a list of them.
pub const RPYC_VALUE_LIST: rpyc_value_kind_id = 12;
/// dict: keys with values. A Python peer gets a reference to a dict of them.
pub const RPYC_VALUE_DICT: rpyc_value_kind_id = 13;
/// Reference to an object of the peer or of this process
pub const RPYC_VALUE_OBJECT: rpyc_value_kind_id = 14;
/// Array of numbers of one type, contiguous in memory. A Python peer gets a reference to a sequence of them.
pub const RPYC_VALUE_ARRAY: rpyc_value_kind_id = 15;
/// date: a calendar day. A Python peer gets a reference to it.
pub const RPYC_VALUE_DATE: rpyc_value_kind_id = 16;
/// time: a time of day. A Python peer gets a reference to it.
pub const RPYC_VALUE_TIME: rpyc_value_kind_id = 17;
/// datetime: a calendar day and a time of day. A Python peer gets a reference to it.
pub const RPYC_VALUE_DATETIME: rpyc_value_kind_id = 18;
/// timedelta: a duration. A Python peer gets a reference to it.
pub const RPYC_VALUE_TIMEDELTA: rpyc_value_kind_id = 19;
/// timezone: a timezone with a fixed offset. A Python peer gets a reference to it.
pub const RPYC_VALUE_TIMEZONE: rpyc_value_kind_id = 20;

/// Makes another handle for a value. Large contents are shared, not copied.
///
/// @param value borrowed; may be NULL
/// @return owned, free with rpyc_value_free(); NULL for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_clone(value: *const rpyc_value) -> *mut rpyc_value {
    ffi_boundary_or(ptr::null_mut(), || {
        // SAFETY: the contract of the border.
        unsafe { handle::value_get(value) }.map_or(ptr::null_mut(), |value| handle::value_new(value.into_owned()))
    })
}

/// Frees a handle of a value, and everything that was borrowed from this handle.
///
/// When the last handle of a remote reference is freed, the peer is told that its object is no longer used. When the
/// last handle of bytes in memory of the application is freed, their destructor runs.
///
/// @param value consumed; NULL does nothing
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_free(value: *mut rpyc_value) {
    if handle::is_nothing(value) {
        return;
    }
    // SAFETY: owned by the caller, who gives it up.
    ffi_boundary_or((), || drop(unsafe { handle::value_take(value) }));
}

/// Returns the kind of a value.
///
/// ```c
/// switch (rpyc_value_kind(value)) {
/// case RPYC_VALUE_TUPLE:
///     printf("a tuple of %zu items\n", rpyc_value_count(value));
///     break;
/// case RPYC_VALUE_OBJECT:
///     printf("a reference to an object\n");
///     break;
/// default:
///     break;
/// }
/// ```
///
/// @param value borrowed; may be NULL
/// @return one of RPYC_VALUE_...; -1 for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_kind(value: *const rpyc_value) -> rpyc_value_kind_id {
    // SAFETY: the contract of the border.
    ffi_boundary_or(-1, || unsafe { handle::value_get(value) }.map_or(-1, |value| kind(&value)))
}

fn kind(value: &Value) -> rpyc_value_kind_id {
    match value {
        Value::None => RPYC_VALUE_NONE,
        Value::NotImplemented => RPYC_VALUE_NOT_IMPLEMENTED,
        Value::Ellipsis => RPYC_VALUE_ELLIPSIS,
        Value::Bool(_) => RPYC_VALUE_BOOL,
        Value::Int(_) | Value::BigInt(_) => RPYC_VALUE_INT,
        Value::Float(_) => RPYC_VALUE_FLOAT,
        Value::Complex(..) => RPYC_VALUE_COMPLEX,
        Value::Str(_) => RPYC_VALUE_STR,
        Value::Bytes(_) => RPYC_VALUE_BYTES,
        Value::Tuple(_) => RPYC_VALUE_TUPLE,
        Value::Slice(_) => RPYC_VALUE_SLICE,
        Value::FrozenSet(_) => RPYC_VALUE_FROZENSET,
        Value::List(_) => RPYC_VALUE_LIST,
        Value::Dict(_) => RPYC_VALUE_DICT,
        Value::Ref(_) => RPYC_VALUE_OBJECT,
        Value::Array(_) => RPYC_VALUE_ARRAY,
        Value::Temporal(Temporal::Date(_)) => RPYC_VALUE_DATE,
        Value::Temporal(Temporal::Time(_)) => RPYC_VALUE_TIME,
        Value::Temporal(Temporal::DateTime(..)) => RPYC_VALUE_DATETIME,
        Value::Temporal(Temporal::Delta(_)) => RPYC_VALUE_TIMEDELTA,
        Value::Temporal(Temporal::Zone(_)) => RPYC_VALUE_TIMEZONE,
    }
}

/// Returns whether two values are equal, without a request to a peer.
///
/// Plain data is compared as by Python's ==, so 1, 1.0 and True are equal. Objects are equal if they are the same
/// object.
///
/// @param left borrowed; may be NULL
/// @param right borrowed; may be NULL
/// @return whether the values are equal; false if one is NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_equal(left: *const rpyc_value, right: *const rpyc_value) -> bool {
    ffi_boundary_or(false, || {
        // SAFETY: each is NULL or a checked value.
        let (left, right) = unsafe { (handle::value_get(left), handle::value_get(right)) };
        left.zip(right).is_some_and(|(left, right)| left.py_eq(&right))
    })
}

/// Returns whether a value is a str with a given content.
///
/// @param value borrowed; may be NULL
/// @param text copied, NUL-terminated UTF-8; may be NULL
/// @return whether it is; false for NULL and for other kinds
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_str_equal(value: *const rpyc_value, text: *const c_char) -> bool {
    ffi_boundary_or(false, || {
        // SAFETY: NULL or a checked value, NULL or NUL-terminated.
        let (value, text) = unsafe { (handle::value_get(value), pointer::text_bytes(text, pointer::ZT, "text")) };
        matches!((value.as_deref(), text), (Some(Value::Str(a)), Ok(b)) if a.as_bytes() == b)
    })
}

/// Formats a value as Python's repr() does, without a request to a peer.
///
/// An object is shown by the name of its type, with control characters escaped. rpyc_object_repr() asks the object
/// itself.
///
/// @param value borrowed; may be NULL
/// @return owned, free with rpyc_value_free(): a str; NULL for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_repr(value: *const rpyc_value) -> *mut rpyc_value {
    ffi_boundary_or(ptr::null_mut(), || {
        // SAFETY: the contract of the border.
        let value = unsafe { handle::value_get(value) };
        value.map_or(ptr::null_mut(), |value| handle::value_new(value.repr().into()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Id;
    use crate::value::{Array, Element, Local, Reference, Shape};
    use std::sync::Arc;

    struct Thing(Arc<Shape>, Id);

    impl Local for Thing {
        fn shape(&self) -> &Arc<Shape> {
            &self.0
        }

        fn id(&self) -> u64 {
            self.1.get()
        }
    }

    fn every_kind() -> Vec<Value> {
        let items = || vec![Value::Int(1), Value::str("two")];
        vec![
            Value::None,
            Value::NotImplemented,
            Value::Ellipsis,
            Value::Bool(true),
            Value::Int(5),
            Value::Float(0.5),
            Value::Complex(1.0, -2.0),
            Value::str("text"),
            Value::bytes(b"bytes"),
            Value::tuple(items()),
            Value::slice(Value::Int(1), Value::None, Value::Int(2)),
            Value::frozenset(items()).unwrap(),
            Value::List(items().into()),
            Value::Dict([(Value::Int(1), Value::str("one"))].into()),
            Value::Ref(Reference::Local(Arc::new(Thing(Arc::default(), Id::new())))),
            Value::Array(Array::copy(Element::F32, &[0; 8]).unwrap()),
            Value::Temporal(Temporal::from_parts((1, 5, 0, 0, 0)).unwrap()),
            Value::Temporal(Temporal::from_parts((2, 0, 5, 0, 0)).unwrap()),
            Value::Temporal(Temporal::from_parts((3, 5, 5, 0, 1)).unwrap()),
            Value::Temporal(Temporal::from_parts((4, -5, 5, 0, 0)).unwrap()),
            Value::Temporal(Temporal::from_parts((5, 0, 0, 5, 0)).unwrap()),
        ]
    }

    #[test]
    fn every_kind_is_itself_through_a_handle() {
        for (wanted, value) in every_kind().into_iter().enumerate() {
            let handle = handle::value_new(value.clone());
            // SAFETY: the handles are live until they are freed.
            unsafe {
                assert_eq!(rpyc_value_kind(handle), wanted as i32);
                let other = rpyc_value_clone(handle);
                assert!(rpyc_value_equal(handle, other));
                rpyc_value_free(handle);
                assert_eq!(rpyc_value_kind(other), wanted as i32);
                let repr = rpyc_value_repr(other);
                let text = format!("{}\0", value.repr());
                assert!(rpyc_value_str_equal(repr, text.as_ptr().cast()));
                rpyc_value_free(repr);
                assert_eq!(handle::value_take(other).unwrap(), value);
            }
        }
        assert_eq!(kind(&Value::from(u64::MAX)), RPYC_VALUE_INT);
    }

    #[test]
    fn immediates_at_their_edges() {
        let edge = 1i64 << 61;
        let cases = [
            (0, true),
            (-1, true),
            (1, true),
            (edge - 1, true),
            (-edge, true),
            (edge, false),
            (-edge - 1, false),
            (i64::MAX, false),
            (i64::MIN, false),
        ];
        for (number, immediate) in cases {
            let handle = handle::value_new(Value::Int(number));
            assert_eq!(handle.addr() & 1 == 1, immediate && usize::BITS == 64, "{number}");
            // SAFETY: the handle is live, and then given up.
            unsafe {
                assert_eq!(*handle::value_get(handle).unwrap(), Value::Int(number));
                assert_eq!(handle::value_take(handle), Some(Value::Int(number)));
            }
        }
        let constants = [Value::None, Value::NotImplemented, Value::Ellipsis, Value::Bool(false), Value::Bool(true)];
        for value in constants {
            let handle = handle::value_new(value.clone());
            assert_eq!(handle.addr() & 1, 1);
            // SAFETY: an immediate is always live.
            assert_eq!(unsafe { handle::value_take(handle) }, Some(value));
        }
    }

    #[test]
    fn a_lent_value_is_the_one_within() {
        let tuple = Value::tuple(vec![Value::Int(1), Value::None]);
        let Value::Tuple(items) = &tuple else { unreachable!() };
        for item in items.iter() {
            let handle = handle::value_lend(item);
            // SAFETY: the tuple lives, and the clone is freed.
            unsafe {
                assert_eq!(handle::value_get(handle).as_deref(), Some(item));
                let clone = rpyc_value_clone(handle);
                assert!(rpyc_value_equal(clone, handle));
                rpyc_value_free(clone);
            }
        }
    }

    #[test]
    fn equality_is_pythons() {
        let pairs = [(Value::Int(1), Value::Float(1.0), true), (Value::Int(1), Value::str("1"), false)];
        for (left, right, wanted) in pairs {
            let [left, right] = [left, right].map(handle::value_new);
            // SAFETY: the handles are live until they are freed.
            unsafe {
                assert_eq!(rpyc_value_equal(left, right), wanted);
                assert_eq!(rpyc_value_equal(right, left), wanted);
                rpyc_value_free(left);
                rpyc_value_free(right);
            }
        }
    }

    #[test]
    fn null_is_no_value() {
        let one = handle::value_new(Value::str("one"));
        // SAFETY: NULL is allowed; the value lives until it is freed.
        unsafe {
            rpyc_value_free(ptr::null_mut());
            assert!(rpyc_value_clone(ptr::null()).is_null());
            assert_eq!(rpyc_value_kind(ptr::null()), -1);
            assert!(!rpyc_value_equal(ptr::null(), ptr::null()));
            assert!(!rpyc_value_equal(one, ptr::null()));
            assert!(!rpyc_value_str_equal(ptr::null(), c"".as_ptr()));
            assert!(!rpyc_value_str_equal(one, ptr::null()));
            assert!(rpyc_value_str_equal(one, c"one".as_ptr()));
            assert!(!rpyc_value_str_equal(one, c"on".as_ptr()));
            assert!(rpyc_value_repr(ptr::null()).is_null());
            rpyc_value_free(one);
        }
    }
}
