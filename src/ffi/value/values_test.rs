//! Values made and read as C does it.

use crate::ffi::border::handle;
use crate::ffi::border::status::*;
use crate::ffi::border::types::{rpyc_error, rpyc_object, rpyc_value};
use crate::ffi::border::userdata::counted::{Freed, free};
use crate::ffi::error::{rpyc_error_free, rpyc_error_message, rpyc_error_status};
use crate::ffi::object::identity::{rpyc_object_free, rpyc_object_same};
use crate::ffi::value::kind::*;
use crate::ffi::value::make::*;
use crate::ffi::value::read::*;
use crate::value::{PeerClass, Proxy, Reference, Releases, Value};
use std::ffi::{CStr, c_char};
use std::ptr::{null, null_mut};
use std::slice;
use std::sync::Arc;

type Status = rpyc_status;
type Handle = *mut rpyc_value;

/// Calls a constructor; the value, or the status with the message.
fn make(call: impl FnOnce(*mut Handle, *mut *mut rpyc_error) -> Status) -> Result<Handle, (Status, String)> {
    let (mut value, mut error) = (std::ptr::dangling_mut(), std::ptr::dangling_mut());
    let status = call(&mut value, &mut error);
    if status == RPYC_OK {
        assert!(error.is_null() && !value.is_null());
        return Ok(value);
    }
    assert!(value.is_null());
    Err((status, told(status, error)))
}

/// The message of an error, which is freed.
fn told(status: Status, error: *mut rpyc_error) -> String {
    // SAFETY: the error is live until it is freed here.
    unsafe {
        assert_eq!(rpyc_error_status(error), status);
        let text = CStr::from_ptr(rpyc_error_message(error)).to_str().unwrap().to_owned();
        rpyc_error_free(error);
        text
    }
}

/// Calls a getter with an output that holds something before.
fn read<T>(before: T, call: impl FnOnce(*mut T, *mut *mut rpyc_error) -> Status) -> (Result<(), (Status, String)>, T) {
    let (mut out, mut error) = (before, std::ptr::dangling_mut());
    let status = call(&mut out, &mut error);
    match status {
        RPYC_OK => {
            assert!(error.is_null());
            (Ok(()), out)
        }
        _ => (Err((status, told(status, error))), out),
    }
}

fn int_text(text: &CStr) -> Result<Handle, (Status, String)> {
    // SAFETY: the text ends with NUL.
    make(|value, error| unsafe { rpyc_value_new_int_text(text.as_ptr(), usize::MAX, value, error) })
}

fn int_bytes(bytes: &[u8]) -> Result<Handle, (Status, String)> {
    // SAFETY: as many bytes as are said.
    make(|value, error| unsafe { rpyc_value_new_int_bytes(bytes.as_ptr(), bytes.len(), value, error) })
}

fn str(text: &str) -> Handle {
    // SAFETY: as many bytes as are said.
    make(|value, error| unsafe { rpyc_value_new_str(text.as_ptr().cast(), text.len(), value, error) }).unwrap()
}

/// Bytes whose destructor counts.
fn lent(freed: &Freed) -> Handle {
    let data = c"lent".as_ptr().cast();
    // SAFETY: the bytes are constants.
    make(|value, error| unsafe { rpyc_value_new_bytes_owned(data, 4, freed.pointer(), Some(free), value, error) })
        .unwrap()
}

fn int(n: i64) -> Handle {
    rpyc_value_new_int(n)
}

type Container = unsafe extern "C" fn(*const Handle, usize, *mut Handle, *mut *mut rpyc_error) -> Status;

fn container(new: Container, items: &[Handle]) -> Result<Handle, (Status, String)> {
    // SAFETY: as many items as are said, all given up.
    make(|value, error| unsafe { new(items.as_ptr(), items.len(), value, error) })
}

fn drop_value(value: Handle) {
    // SAFETY: owned, and given up.
    unsafe { rpyc_value_free(value) };
}

fn repr(value: *const rpyc_value) -> String {
    // SAFETY: the value is live.
    unsafe { handle::value_get(value) }.unwrap().repr()
}

fn repr_once(value: Handle) -> String {
    let text = repr(value);
    drop_value(value);
    text
}

#[test]
fn simple_values() {
    assert_eq!(repr_once(rpyc_value_new_none()), "None");
    assert_eq!(repr_once(rpyc_value_new_not_implemented()), "NotImplemented");
    assert_eq!(repr_once(rpyc_value_new_ellipsis()), "Ellipsis");
    assert_eq!(repr_once(rpyc_value_new_bool(0)), "False");
    assert_eq!(repr_once(rpyc_value_new_bool(-7)), "True");
    assert_eq!(repr_once(rpyc_value_new_int(i64::MIN)), i64::MIN.to_string());
    assert_eq!(repr_once(rpyc_value_new_uint(u64::MAX)), u64::MAX.to_string());
    assert_eq!(repr_once(rpyc_value_new_float(-0.0)), "-0.0");
    assert_eq!(repr_once(rpyc_value_new_complex(1.0, -2.0)), "(1-2j)");
}

#[test]
fn bools_and_ints() {
    let truth = rpyc_value_new_bool(1);
    // SAFETY: immediates live for ever.
    unsafe {
        assert_eq!(read(false, |out, error| rpyc_value_get_bool(truth, out, error)), (Ok(()), true));
        assert_eq!(read(9, |out, error| rpyc_value_get_int(truth, out, error)), (Ok(()), 1));
        assert_eq!(read(9, |out, error| rpyc_value_get_uint(truth, out, error)), (Ok(()), 1));
        assert_eq!(read(9.0, |out, error| rpyc_value_get_float(truth, out, error)), (Ok(()), 1.0));
        let (error, out) = read(true, |out, error| rpyc_value_get_bool(int(1), out, error));
        assert_eq!((error.unwrap_err().0, out), (RPYC_ERR_TYPE, false));
    }
    for n in [0, 1, -1, 1 << 61, -(1 << 61), i64::MAX, i64::MIN] {
        let value = int(n);
        // SAFETY: the value is live.
        unsafe {
            assert_eq!(read(9, |out, error| rpyc_value_get_int(value, out, error)), (Ok(()), n));
            let (result, out) = read(9, |out, error| rpyc_value_get_uint(value, out, error));
            assert_eq!(
                (result.map_err(|e| e.0), out),
                if n < 0 { (Err(RPYC_ERR_RANGE), 0) } else { (Ok(()), n as u64) }
            );
            assert_eq!(read(9.0, |out, error| rpyc_value_get_float(value, out, error)), (Ok(()), n as f64));
        }
        drop_value(value);
    }
    let large = rpyc_value_new_uint(1 << 63);
    // SAFETY: the value is live.
    unsafe {
        assert_eq!(read(9, |out, error| rpyc_value_get_uint(large, out, error)), (Ok(()), 1 << 63));
        let (result, out) = read(9, |out, error| rpyc_value_get_int(large, out, error));
        let message = "value is 9223372036854775808, which does not fit in an int64_t";
        assert_eq!((result, out), (Err((RPYC_ERR_RANGE, message.into())), 0));
    }
    drop_value(large);
}

#[test]
fn big_ints_both_ways() {
    let cases: [(&CStr, &[u8]); 5] = [
        (c"0", &[0]),
        (c"-1", &[0xff]),
        (c"128", &[0x80, 0]),
        (c"18446744073709551616", &[0, 0, 0, 0, 0, 0, 0, 0, 1]),
        (c"-9223372036854775809", &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff]),
    ];
    for (text, bytes) in cases {
        for value in [int_text(text).unwrap(), int_bytes(bytes).unwrap()] {
            // SAFETY: the values are live until they are freed.
            unsafe {
                let digits = make(|out, error| rpyc_value_get_int_text(value, out, error)).unwrap();
                assert!(rpyc_value_str_equal(digits, text.as_ptr()));
                drop_value(digits);
                let octets = make(|out, error| rpyc_value_get_int_bytes(value, out, error)).unwrap();
                let (mut data, mut length) = (null(), 0);
                assert_eq!(rpyc_value_get_bytes(octets, &mut data, &mut length, null_mut()), RPYC_OK);
                assert_eq!(slice::from_raw_parts(data, length), bytes);
                drop_value(octets);
            }
            drop_value(value);
        }
    }
    assert_eq!(repr_once(int_bytes(&[]).unwrap()), "0");
    assert_eq!(int_text(c"1_0").unwrap_err(), (RPYC_ERR_ARGUMENT, "digits: not a decimal integer".into()));
    assert_eq!(int_text(c"").unwrap_err().0, RPYC_ERR_ARGUMENT);
    let text = str("no number");
    // SAFETY: the value is live.
    unsafe {
        assert_eq!(make(|out, error| rpyc_value_get_int_text(text, out, error)).unwrap_err().0, RPYC_ERR_TYPE);
        assert_eq!(make(|out, error| rpyc_value_get_int_bytes(text, out, error)).unwrap_err().0, RPYC_ERR_TYPE);
    }
    drop_value(text);
}

#[test]
fn the_longest_ints() {
    let digits = |count: usize| std::ffi::CString::new("9".repeat(count)).unwrap();
    let most = int_text(&digits(4300)).unwrap();
    assert_eq!(int_text(&digits(4301)).unwrap_err().0, RPYC_ERR_LIMIT);
    // SAFETY: the values are live until they are freed.
    unsafe {
        let octets = make(|out, error| rpyc_value_get_int_bytes(most, out, error)).unwrap();
        let (mut data, mut length) = (null(), 0);
        assert_eq!(rpyc_value_get_bytes(octets, &mut data, &mut length, null_mut()), RPYC_OK);
        let mut bytes = slice::from_raw_parts(data, length).to_vec();
        let same = int_bytes(&bytes).unwrap();
        assert!(rpyc_value_equal(most, same));
        drop_value(same);
        // One more is 10^4300.
        for byte in &mut bytes {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
        assert_eq!(int_bytes(&bytes).unwrap_err().0, RPYC_ERR_LIMIT);
        assert_eq!(int_bytes(&vec![1; 1 << 20]).unwrap_err().0, RPYC_ERR_LIMIT);
        assert_eq!(repr_once(int_bytes(&vec![0xff; 1 << 20]).unwrap()), "-1");
        let (result, out) = read(9.0, |out, error| rpyc_value_get_float(most, out, error));
        assert_eq!(result.unwrap_err(), (RPYC_ERR_RANGE, "value has 4300 digits and does not fit in a double".into()));
        assert_eq!(out, 0.0);
        drop_value(octets);
    }
    drop_value(most);
}

#[test]
fn floats() {
    let nan = f64::from_bits(0x7ff8_0000_dead_beef);
    for x in [0.5, -0.0, f64::INFINITY, f64::MAX, nan] {
        let value = rpyc_value_new_float(x);
        let both = rpyc_value_new_complex(x, -x);
        // SAFETY: the values are live until they are freed.
        unsafe {
            let (result, out) = read(9.0, |out, error| rpyc_value_get_float(value, out, error));
            assert_eq!((result, out.to_bits()), (Ok(()), x.to_bits()));
            assert_eq!(complex(value).map(|(re, im)| (re.to_bits(), im)), Ok((x.to_bits(), 0.0)));
            let wanted = Ok((x.to_bits(), (-x).to_bits()));
            assert_eq!(complex(both).map(|(re, im)| (re.to_bits(), im.to_bits())), wanted);
            let (result, _) = read(9.0, |out, error| rpyc_value_get_float(both, out, error));
            assert_eq!(result.unwrap_err(), (RPYC_ERR_TYPE, "value is of type 'complex', not float".into()));
        }
        drop_value(value);
        drop_value(both);
    }
    let text = str("1.0");
    // SAFETY: the value is live.
    unsafe {
        assert_eq!(complex(int(3)), Ok((3.0, 0.0)));
        assert_eq!(complex(text), Err(RPYC_ERR_TYPE));
        let mut real = 9.0;
        assert_eq!(rpyc_value_get_complex(int(3), &mut real, null_mut(), null_mut()), RPYC_ERR_NULL);
        assert_eq!(real, 0.0);
        let mut imaginary = 9.0;
        assert_eq!(rpyc_value_get_complex(int(3), null_mut(), &mut imaginary, null_mut()), RPYC_ERR_NULL);
        assert_eq!(imaginary, 0.0);
    }
    drop_value(text);
}

unsafe fn complex(value: *const rpyc_value) -> Result<(f64, f64), Status> {
    let (mut real, mut imaginary) = (9.0, 9.0);
    // SAFETY: the value is live.
    match unsafe { rpyc_value_get_complex(value, &mut real, &mut imaginary, null_mut()) } {
        RPYC_OK => Ok((real, imaginary)),
        status => {
            assert_eq!((real, imaginary), (0.0, 0.0));
            Err(status)
        }
    }
}

/// The bytes that a str or bytes value lends; how it is asked depends on its kind.
unsafe fn borrowed<'a>(value: *const rpyc_value) -> Result<&'a [u8], Status> {
    let (mut text, mut data, mut length) = (null::<c_char>(), null::<u8>(), 9);
    // SAFETY: the value is checked.
    unsafe {
        let status = match rpyc_value_kind(value) {
            RPYC_VALUE_STR => rpyc_value_get_str(value, &mut text, &mut length, null_mut()),
            _ => rpyc_value_get_bytes(value, &mut data, &mut length, null_mut()),
        };
        assert_eq!(status == RPYC_OK, !text.is_null() || !data.is_null());
        if status != RPYC_OK {
            assert_eq!(length, 0);
            return Err(status);
        }
        Ok(slice::from_raw_parts(if data.is_null() { text.cast() } else { data }, length))
    }
}

#[test]
fn text_and_bytes() {
    for text in ["", "na\u{ef}ve \u{20ac}", "with\0nul", &"long ".repeat(1000)] {
        let value = str(text);
        // SAFETY: the values are live until they are freed.
        unsafe {
            assert_eq!(borrowed(value), Ok(text.as_bytes()));
            assert_eq!(rpyc_value_count(value), text.len());
            assert!(rpyc_value_item(value, 0).is_null());
            let data = text.as_ptr().cast();
            let bytes = make(|out, error| rpyc_value_new_bytes(data, text.len(), out, error)).unwrap();
            assert_eq!(borrowed(bytes), Ok(text.as_bytes()));
            assert_eq!(rpyc_value_count(bytes), text.len());
            let (mut place, mut length) = (null(), 9);
            assert_eq!(rpyc_value_get_str(bytes, &mut place, &mut length, null_mut()), RPYC_ERR_TYPE);
            assert_eq!((place, length), (null(), 0));
            let (mut place, mut length) = (null(), 9);
            assert_eq!(rpyc_value_get_bytes(value, &mut place, &mut length, null_mut()), RPYC_ERR_TYPE);
            assert_eq!((place, length), (null(), 0));
            assert_eq!(rpyc_value_get_bytes(bytes, &mut place, null_mut(), null_mut()), RPYC_ERR_NULL);
            assert_eq!(rpyc_value_get_bytes(bytes, null_mut(), &mut length, null_mut()), RPYC_ERR_NULL);
            drop_value(bytes);
        }
        drop_value(value);
    }
    // SAFETY: NULL where it is allowed, and texts that end with NUL.
    unsafe {
        let new = |text, length| make(|out, error| rpyc_value_new_str(text, length, out, error));
        assert_eq!(repr_once(new(c"zt".as_ptr(), usize::MAX).unwrap()), "'zt'");
        assert_eq!(repr_once(new(null(), 0).unwrap()), "''");
        assert_eq!(new(null(), 1).unwrap_err(), (RPYC_ERR_NULL, "text is NULL".into()));
        assert_eq!(new(null(), usize::MAX).unwrap_err().0, RPYC_ERR_NULL);
        assert_eq!(new(c"ab\xed\xa0\x80".as_ptr(), usize::MAX).unwrap_err().0, RPYC_ERR_UTF8);
        let new = |data, length| make(|out, error| rpyc_value_new_bytes(data, length, out, error));
        assert_eq!(repr_once(new(null(), 0).unwrap()), "b''");
        assert_eq!(new(null(), 1).unwrap_err().0, RPYC_ERR_NULL);
        assert_eq!(new(c"".as_ptr().cast(), usize::MAX).unwrap_err().0, RPYC_ERR_ARGUMENT);
        assert_eq!(borrowed(int(1)), Err(RPYC_ERR_TYPE));
    }
}

#[test]
fn lent_bytes_are_not_copied_and_freed_once() {
    let freed = Freed::new();
    let data = [7u8; 100];
    let start = data.as_ptr().cast();
    // SAFETY: the data outlives the values, which are freed once.
    unsafe {
        let new = |data, length, out, error| {
            rpyc_value_new_bytes_owned(data, length, freed.pointer(), Some(free), out, error)
        };
        let value = make(|out, error| new(start, 100, out, error)).unwrap();
        assert_eq!(borrowed(value).unwrap().as_ptr(), data.as_ptr());
        let clone = rpyc_value_clone(value);
        drop_value(value);
        let tuple = container(rpyc_value_new_tuple, &[clone]).unwrap();
        assert_eq!(borrowed(rpyc_value_item(tuple, 0)).unwrap().as_ptr(), data.as_ptr());
        assert_eq!(freed.count(), 0);
        drop_value(tuple);
        assert_eq!(freed.count(), 1);

        assert_eq!(repr_once(make(|out, error| new(null(), 0, out, error)).unwrap()), "b''");
        assert_eq!(freed.count(), 2);
        assert_eq!(make(|out, error| new(null(), 1, out, error)).unwrap_err().0, RPYC_ERR_NULL);
        assert_eq!(freed.count(), 3);
        assert_eq!(make(|out, error| new(start, usize::MAX, out, error)).unwrap_err().0, RPYC_ERR_ARGUMENT);
        assert_eq!(freed.count(), 4);
        assert_eq!(make(|out, error| new(start, 1 << 50, out, error)).unwrap_err().0, RPYC_ERR_ARGUMENT);
        assert_eq!(freed.count(), 5);
        assert_eq!(new(start, 4, null_mut(), null_mut()), RPYC_ERR_NULL);
        assert_eq!(freed.count(), 6);
        let unfreed = make(|out, error| rpyc_value_new_bytes_owned(start, 4, null_mut(), None, out, error));
        assert_eq!(repr_once(unfreed.unwrap()), r"b'\x07\x07\x07\x07'");
    }
}

#[test]
fn containers() {
    let items = || [int(1), str("two"), int(1)];
    let cases: [(Container, &str); 3] = [
        (rpyc_value_new_tuple, "(1, 'two', 1)"),
        (rpyc_value_new_list, "[1, 'two', 1]"),
        (rpyc_value_new_frozenset, "frozenset({1, 'two'})"),
    ];
    for (new, wanted) in cases {
        let value = container(new, &items()).unwrap();
        assert_eq!(repr(value), wanted);
        // SAFETY: the value is live until it is freed.
        unsafe {
            let count = rpyc_value_count(value);
            assert_eq!(count, wanted.split(',').count());
            assert!(rpyc_value_str_equal(rpyc_value_item(value, 1), c"two".as_ptr()));
            for past in [count, count + 1, usize::MAX] {
                assert!(rpyc_value_item(value, past).is_null());
            }
            assert!(rpyc_value_key(value, 0).is_null());
            assert!(rpyc_value_lookup(value, c"two".as_ptr()).is_null());
            drop_value(value);
            let empty = make(|out, error| new(null(), 0, out, error)).unwrap();
            assert_eq!(rpyc_value_count(empty), 0);
            assert!(rpyc_value_item(empty, 0).is_null());
            drop_value(empty);
            assert_eq!(make(|out, error| new(null(), 1, out, error)).unwrap_err().0, RPYC_ERR_NULL);
            assert_eq!(make(|out, error| new(null(), usize::MAX, out, error)).unwrap_err().0, RPYC_ERR_ARGUMENT);
        }
    }
    let list = || container(rpyc_value_new_list, &[]).unwrap();
    let refused = container(rpyc_value_new_frozenset, &[int(1), list()]).unwrap_err();
    assert_eq!(refused, (RPYC_ERR_TYPE, "items: unhashable type: 'list'".into()));
}

#[test]
fn a_tuple_may_take_the_place_of_its_item() {
    let mut value = int(5);
    // SAFETY: one item, given up; the result is freed.
    unsafe {
        let place: *mut Handle = &mut value;
        assert_eq!(rpyc_value_new_tuple(place, 1, place, null_mut()), RPYC_OK);
    }
    assert_eq!(repr_once(value), "(5,)");
}

#[test]
fn slices() {
    // SAFETY: the parts are NULL or given up, the values checked until they are freed.
    unsafe {
        let new = |parts: [Handle; 3]| {
            make(|out, error| rpyc_value_new_slice(parts[0], parts[1], parts[2], out, error)).unwrap()
        };
        let value = new([int(1), null_mut(), str("x")]);
        assert_eq!(repr(value), "slice(1, None, 'x')");
        assert_eq!(rpyc_value_count(value), 3);
        assert!(rpyc_value_str_equal(rpyc_value_item(value, 2), c"x".as_ptr()));
        assert!(rpyc_value_item(value, 3).is_null());
        drop_value(value);
        assert_eq!(repr_once(new([null_mut(); 3])), "slice(None, None, None)");
    }
}

fn dict(keys: &[Handle], values: &[Handle]) -> Result<Handle, (Status, String)> {
    assert_eq!(keys.len(), values.len());
    // SAFETY: as many items as are said, all given up.
    make(|out, error| unsafe { rpyc_value_new_dict(keys.as_ptr(), values.as_ptr(), keys.len(), out, error) })
}

#[test]
fn dicts() {
    let keys = [str("a"), int(1), rpyc_value_new_bool(1), str("a")];
    let value = dict(&keys, &[int(10), int(20), int(30), int(40)]).unwrap();
    assert_eq!(repr(value), "{'a': 40, 1: 30}");
    // SAFETY: the value is live until it is freed.
    unsafe {
        assert_eq!(rpyc_value_count(value), 2);
        assert!(rpyc_value_str_equal(rpyc_value_key(value, 0), c"a".as_ptr()));
        assert_eq!(repr(rpyc_value_key(value, 1)), "1");
        assert_eq!(repr(rpyc_value_item(value, 1)), "30");
        assert!(rpyc_value_key(value, 2).is_null() && rpyc_value_item(value, 2).is_null());
        assert_eq!(repr(rpyc_value_lookup(value, c"a".as_ptr())), "40");
        assert!(rpyc_value_lookup(value, c"1".as_ptr()).is_null());
        assert!(rpyc_value_lookup(value, null()).is_null());
    }
    drop_value(value);
    assert_eq!(repr_once(dict(&[], &[]).unwrap()), "{}");
    let list = container(rpyc_value_new_list, &[]).unwrap();
    let refused = dict(&[int(1), list], &[int(1), int(2)]).unwrap_err();
    assert_eq!(refused, (RPYC_ERR_TYPE, "keys[1] is a 'list' that cannot be hashed".into()));
    let [nan, same] = [rpyc_value_new_float(f64::NAN), rpyc_value_new_float(f64::NAN)];
    assert_eq!(repr_once(dict(&[nan, same], &[int(1), int(2)]).unwrap()), "{nan: 1, nan: 2}");
}

#[test]
fn many_keys() {
    let count = 1000;
    let keys: Vec<Handle> = (0..2 * count).map(|n| int(n % count)).collect();
    let values: Vec<Handle> = (0..2 * count).map(int).collect();
    let value = dict(&keys, &values).unwrap();
    // SAFETY: the value is live until it is freed.
    unsafe {
        assert_eq!(rpyc_value_count(value), count as usize);
        for n in [0, 1, count - 1] {
            assert_eq!(repr(rpyc_value_key(value, n as usize)), n.to_string());
            assert_eq!(repr(rpyc_value_item(value, n as usize)), (n + count).to_string());
        }
    }
    drop_value(value);
}

#[test]
fn keywords() {
    let new = |names: &[*const c_char], values: &[Handle]| {
        // SAFETY: as many as are said; the values are given up.
        make(|out, error| unsafe { rpyc_value_new_keywords(names.as_ptr(), values.as_ptr(), names.len(), out, error) })
    };
    let [a, b, bad] = [c"a", c"b", c"\xff"].map(CStr::as_ptr);
    assert_eq!(repr_once(new(&[a, b], &[int(1), str("x")]).unwrap()), "{'a': 1, 'b': 'x'}");
    assert_eq!(repr_once(new(&[], &[]).unwrap()), "{}");
    let freed = Freed::new();
    let two = || [lent(&freed), lent(&freed)];
    assert_eq!(new(&[a, a], &two()).unwrap_err(), (RPYC_ERR_ARGUMENT, "names[1]: duplicate name 'a'".into()));
    assert_eq!(new(&[a, null()], &two()).unwrap_err(), (RPYC_ERR_NULL, "names[1] is NULL".into()));
    assert_eq!(new(&[a, bad], &two()).unwrap_err().0, RPYC_ERR_UTF8);
    assert_eq!(freed.count(), 6);
    assert_eq!(new(&[a, b], &[null_mut(), lent(&freed)]).unwrap_err(), (RPYC_ERR_NULL, "values[0] is NULL".into()));
    // SAFETY: as many as are said; the values are given up.
    unsafe {
        let values = two();
        assert_eq!(rpyc_value_new_keywords(null(), values.as_ptr(), 2, null_mut(), null_mut()), RPYC_ERR_NULL);
        let values = two();
        let mut out = null_mut();
        assert_eq!(rpyc_value_new_keywords(null(), values.as_ptr(), 2, &mut out, null_mut()), RPYC_ERR_NULL);
    }
    assert_eq!(freed.count(), 11);
}

#[test]
fn what_is_consumed_is_consumed_on_every_path() {
    let freed = Freed::new();
    let one = || lent(&freed);
    let hole = null_mut();
    let mut counted = 0;
    let mut expect = |more: usize| {
        counted += more;
        assert_eq!(freed.count(), counted);
    };
    for new in [rpyc_value_new_tuple as Container, rpyc_value_new_list, rpyc_value_new_frozenset] {
        let items = [one(), one()];
        // SAFETY: two items, given up.
        assert_eq!(unsafe { new(items.as_ptr(), 2, null_mut(), null_mut()) }, RPYC_ERR_NULL);
        expect(2);
        assert_eq!(container(new, &[one(), hole, one()]).unwrap_err(), (RPYC_ERR_NULL, "items[1] is NULL".into()));
        expect(2);
    }
    let list = container(rpyc_value_new_list, &[one()]).unwrap();
    assert_eq!(container(rpyc_value_new_frozenset, &[list, one()]).unwrap_err().0, RPYC_ERR_TYPE);
    expect(2);
    // SAFETY: everything is given up.
    unsafe {
        assert_eq!(rpyc_value_new_slice(one(), one(), one(), null_mut(), null_mut()), RPYC_ERR_NULL);
        expect(3);
        let (keys, values) = ([one(), one()], [one(), one()]);
        let (some, none) = ((keys.as_ptr(), values.as_ptr()), null());
        assert_eq!(rpyc_value_new_dict(some.0, some.1, 2, null_mut(), null_mut()), RPYC_ERR_NULL);
        expect(4);
        let mut out = null_mut();
        let keys = [one(), one()];
        assert_eq!(rpyc_value_new_dict(keys.as_ptr(), none, 2, &mut out, null_mut()), RPYC_ERR_NULL);
        expect(2);
        let values = [one(), one()];
        assert_eq!(rpyc_value_new_dict(none, values.as_ptr(), 2, &mut out, null_mut()), RPYC_ERR_NULL);
        expect(2);
    }
    assert_eq!(dict(&[one(), hole], &[one(), one()]).unwrap_err().1, "keys[1] is NULL");
    expect(3);
    assert_eq!(dict(&[one(), int(1)], &[hole, one()]).unwrap_err().1, "values[0] is NULL");
    expect(2);
    let list = container(rpyc_value_new_list, &[one()]).unwrap();
    assert_eq!(dict(&[one(), list], &[one(), one()]).unwrap_err().0, RPYC_ERR_TYPE);
    expect(4);
}

#[test]
fn nesting_has_an_end() {
    let freed = Freed::new();
    let mut value = lent(&freed);
    for _ in 0..Value::MAX_DEPTH {
        value = container(rpyc_value_new_tuple, &[value]).unwrap();
    }
    // SAFETY: the value is live.
    let [again, other, last] = std::array::from_fn(|_| unsafe { rpyc_value_clone(value) });
    let refused = container(rpyc_value_new_list, &[value]).unwrap_err();
    assert_eq!(refused, (RPYC_ERR_LIMIT, "a value of more than 1000 levels".into()));
    assert_eq!(dict(&[again], &[int(1)]).unwrap_err().0, RPYC_ERR_LIMIT);
    assert_eq!(dict(&[int(1)], &[other]).unwrap_err().0, RPYC_ERR_LIMIT);
    // SAFETY: the part is given up.
    let refused = make(|out, error| unsafe { rpyc_value_new_slice(last, null_mut(), null_mut(), out, error) });
    assert_eq!(refused.unwrap_err().0, RPYC_ERR_LIMIT);
    assert_eq!(freed.count(), 1);
}

#[test]
fn objects() {
    let home = Arc::new(Releases::default());
    let class = Arc::new(PeerClass::new("builtins.list", &[2], false, &home));
    let proxy = || Proxy::new([1].into(), class.clone(), 1);
    let object: *mut rpyc_object = handle::new(Reference::Remote(Arc::new(proxy())).into());
    // SAFETY: the handles live until they are freed.
    unsafe {
        let value = make(|out, error| rpyc_value_new_object(object, out, error)).unwrap();
        assert_eq!(rpyc_value_kind(value), RPYC_VALUE_OBJECT);
        let mut same: *mut rpyc_object = null_mut();
        assert_eq!(rpyc_value_get_object(value, &mut same, null_mut()), RPYC_OK);
        assert!(rpyc_object_same(same, object));
        rpyc_object_free(object);
        drop_value(value);
        assert!(home.is_empty());
        rpyc_object_free(same);
        assert_eq!(home.len(), 1);

        assert_eq!(rpyc_value_get_object(int(1), &mut same, null_mut()), RPYC_ERR_TYPE);
        assert!(same.is_null());
        let refused = make(|out, error| rpyc_value_new_object(null(), out, error)).unwrap_err();
        assert_eq!(refused, (RPYC_ERR_NULL, "object is NULL".into()));
    }
}

#[test]
fn null_in_getters() {
    let value = str("x");
    // SAFETY: NULL is allowed; the value is live until it is freed.
    unsafe {
        let wanted = Err((RPYC_ERR_NULL, "value is NULL".to_owned()));
        assert_eq!(read(true, |out, error| rpyc_value_get_bool(null(), out, error)), (wanted.clone(), false));
        assert_eq!(read(9, |out, error| rpyc_value_get_int(null(), out, error)), (wanted.clone(), 0));
        assert_eq!(read(9, |out, error| rpyc_value_get_uint(null(), out, error)), (wanted.clone(), 0));
        assert_eq!(read(9.0, |out, error| rpyc_value_get_float(null(), out, error)), (wanted, 0.0));
        assert_eq!(borrowed(null()), Err(RPYC_ERR_NULL));
        assert_eq!(rpyc_value_get_int(int(1), null_mut(), null_mut()), RPYC_ERR_NULL);
        assert_eq!(rpyc_value_get_bool(value, null_mut(), null_mut()), RPYC_ERR_NULL);
        assert_eq!(rpyc_value_get_object(value, null_mut(), null_mut()), RPYC_ERR_NULL);
        assert_eq!(rpyc_value_count(null()), 0);
        assert!(rpyc_value_item(null(), 0).is_null());
        assert!(rpyc_value_key(null(), 0).is_null());
        assert!(rpyc_value_lookup(null(), c"x".as_ptr()).is_null());
        assert_eq!(rpyc_value_count(int(1)), 0);
        assert!(rpyc_value_item(int(1), 0).is_null());
    }
    drop_value(value);
}
