//! Pointers of the application: texts, bytes and arrays that come in, places for results.

use crate::budget;
use crate::ffi::border::handle;
use crate::ffi::border::status::{Failure, RPYC_ERR_ARGUMENT, RPYC_ERR_UTF8, Result};
use crate::ffi::border::types::rpyc_value;
use crate::value::Value;
use std::ffi::{CStr, c_char};
use std::fmt;
use std::mem::MaybeUninit;
use std::{ptr, slice};

/// RPYC_NUL_TERMINATED: as a length, the string ends with NUL. The header's copy is in cbindgen.toml, as cbindgen cannot
/// evaluate `usize::MAX`.
pub(crate) const ZT: usize = usize::MAX;

/// Strings up to this length are mostly names.
const SHORT: usize = 16;

/// A place for a result. It is empty until something is put there.
#[must_use]
pub(crate) struct Output<T>(*mut T);

/// What a place for a result holds at first.
pub(crate) trait Empty {
    const EMPTY: Self;
}

/// Empties a place for a result.
///
/// # Safety
/// The pointer is NULL or can be written to, as long as the result lives.
pub(crate) unsafe fn output<T: Empty>(pointer: *mut T, argument: &str) -> Result<Output<T>> {
    if pointer.is_null() {
        return Err(Failure::null(argument));
    }
    // SAFETY: not NULL, so it can be written to.
    unsafe { pointer.write(T::EMPTY) };
    Ok(Output(pointer))
}

impl<T> Output<T> {
    /// Puts the result there. Always Ok, so that it can be the last expression of a body.
    pub(crate) fn put(self, result: T) -> Result<()> {
        // SAFETY: `output` was promised that the pointer can be written to while this lives.
        unsafe { self.0.write(result) };
        Ok(())
    }
}

impl Output<*mut rpyc_value> {
    pub(crate) fn put_value(self, result: Value) -> Result<()> {
        self.put(handle::value_new(result))
    }
}

impl<T> Empty for *mut T {
    const EMPTY: *mut T = ptr::null_mut();
}

impl<T> Empty for *const T {
    const EMPTY: *const T = ptr::null();
}

impl Empty for bool {
    const EMPTY: bool = false;
}

impl Empty for i32 {
    const EMPTY: i32 = 0;
}

impl Empty for i64 {
    const EMPTY: i64 = 0;
}

impl Empty for u64 {
    const EMPTY: u64 = 0;
}

impl Empty for usize {
    const EMPTY: usize = 0;
}

impl Empty for f64 {
    const EMPTY: f64 = 0.0;
}

/// Bytes by pointer and length; NULL is allowed for none.
///
/// # Safety
/// The pointer is NULL or has that many bytes, which stay as they are as long as is said of the result.
pub(crate) unsafe fn bytes<'a>(pointer: *const u8, length: usize, argument: &str) -> Result<&'a [u8]> {
    if isize::try_from(length).is_err() {
        return Err(Failure::new(RPYC_ERR_ARGUMENT, format_args!("{argument} cannot be {length} bytes long")));
    }
    match (pointer.is_null(), length) {
        (true, 0) => Ok(&[]),
        (true, _) => Err(Failure::null(argument)),
        // SAFETY: not NULL, so it has `length` bytes, which is a possible length.
        (false, _) => Ok(unsafe { slice::from_raw_parts(pointer, length) }),
    }
}

/// Text by pointer and length, or RPYC_NUL_TERMINATED; still to be looked at.
///
/// # Safety
/// As for `bytes`; with RPYC_NUL_TERMINATED the pointer is NULL or leads to a NUL.
pub(crate) unsafe fn text_bytes<'a>(pointer: *const c_char, length: usize, argument: &str) -> Result<&'a [u8]> {
    match length {
        ZT if pointer.is_null() => Err(Failure::null(argument)),
        // SAFETY: not NULL, so it leads to a NUL.
        ZT => Ok(unsafe { CStr::from_ptr(pointer) }.to_bytes()),
        // SAFETY: the same is asked of our caller.
        _ => unsafe { bytes(pointer.cast(), length, argument) },
    }
}

/// UTF-8 by pointer and length, or RPYC_NUL_TERMINATED.
///
/// # Safety
/// As for `text_bytes`.
pub(crate) unsafe fn text<'a>(pointer: *const c_char, length: usize, argument: &str) -> Result<&'a str> {
    // SAFETY: the same is asked of our caller.
    let bytes = unsafe { text_bytes(pointer, length, argument) }?;
    if bytes.len() < SHORT && bytes.iter().all(u8::is_ascii) {
        // SAFETY: ASCII is UTF-8, and for a short name this is found out faster.
        return Ok(unsafe { std::str::from_utf8_unchecked(bytes) });
    }
    std::str::from_utf8(bytes).map_err(|error| {
        Failure::new(RPYC_ERR_UTF8, format_args!("{argument} is not UTF-8 at byte {}", error.valid_up_to()))
    })
}

/// An identifier: UTF-8 that ends with NUL.
///
/// # Safety
/// The pointer is NULL or leads to a NUL, over bytes that stay as they are as long as is said of the result.
pub(crate) unsafe fn name<'a>(pointer: *const c_char, argument: &str) -> Result<&'a str> {
    // SAFETY: the same is asked of our caller.
    unsafe { text(pointer, ZT, argument) }
}

/// An array by pointer and count; NULL is allowed for none.
///
/// # Safety
/// The pointer is NULL or has that many items, which stay as they are as long as is said of the result.
pub(crate) unsafe fn array<'a, T>(pointer: *const T, count: usize, argument: &str) -> Result<&'a [T]> {
    if count.checked_mul(size_of::<T>()).is_none_or(|size| isize::try_from(size).is_err()) {
        return Err(Failure::new(RPYC_ERR_ARGUMENT, format_args!("{argument} cannot have {count} items")));
    }
    match (pointer.is_null(), count) {
        (true, 0) => Ok(&[]),
        (true, _) => Err(Failure::null(argument)),
        // SAFETY: not NULL, so it has `count` items, which is a possible count.
        (false, _) => Ok(unsafe { slice::from_raw_parts(pointer, count) }),
    }
}

/// Consumes the values of an array, all of them also when one is NULL.
///
/// # Safety
/// As for `array`; each item is NULL or owned by the caller, who gives it up.
pub(crate) unsafe fn take_values(pointer: *const *mut rpyc_value, count: usize, argument: &str) -> Result<Vec<Value>> {
    // SAFETY: the same is asked of our caller.
    let handles = unsafe { array(pointer, count, argument) }?;
    let mut missing = None;
    let mut values = match budget::vector(count) {
        Ok(values) => values,
        Err(error) => {
            // SAFETY: each is NULL or owned, and given up.
            handles.iter().for_each(|handle| drop(unsafe { handle::value_take(*handle) }));
            return Err(error.into());
        }
    };
    for (at, handle) in handles.iter().enumerate() {
        // SAFETY: NULL or owned, and given up.
        match unsafe { handle::value_take(*handle) } {
            Some(value) => values.push(value),
            None => missing = missing.or(Some(at)),
        }
    }
    match missing {
        None => Ok(values),
        Some(at) => Err(missing_item(argument, at)),
    }
}

/// A value that must not be NULL, kept.
///
/// # Safety
/// As for `handle::value_get`.
pub(crate) unsafe fn value<'a>(
    handle: *const rpyc_value,
    argument: impl fmt::Display,
) -> Result<std::borrow::Cow<'a, Value>> {
    // SAFETY: the same is asked of our caller.
    unsafe { handle::value_get(handle) }.ok_or_else(|| Failure::null(argument))
}

/// What was consumed, which must not have been NULL.
pub(crate) fn present<T>(taken: Option<T>, argument: &str) -> Result<T> {
    taken.ok_or_else(|| Failure::null(argument))
}

/// Where consumed values lie: a few here, more on the heap.
pub(crate) struct Values {
    few: [MaybeUninit<Value>; INLINE_VALUES],
    /// How many of `few` there are.
    count: usize,
    many: Vec<Value>,
}

impl Default for Values {
    #[inline]
    fn default() -> Values {
        Values { few: [const { MaybeUninit::uninit() }; INLINE_VALUES], count: 0, many: Vec::new() }
    }
}

impl Drop for Values {
    #[inline]
    fn drop(&mut self) {
        for place in self.few.iter_mut().take(self.count) {
            // SAFETY: the first `count` places have been written, and each is dropped once.
            unsafe {
                if !place.assume_init_ref().owns_nothing() {
                    place.assume_init_drop();
                }
            }
        }
    }
}

const INLINE_VALUES: usize = 4;

impl Values {
    /// As `take_values`, without an allocation for a few.
    ///
    /// # Safety
    /// As for `take_values`.
    #[inline]
    pub unsafe fn take(&mut self, pointer: *const *mut rpyc_value, count: usize, argument: &str) -> Result<&[Value]> {
        let Some(places) = self.few.get_mut(..count) else {
            // SAFETY: the same is asked of our caller.
            self.many = unsafe { take_values(pointer, count, argument) }?;
            return Ok(&self.many);
        };
        // SAFETY: the same is asked of our caller.
        let handles = unsafe { array(pointer, count, argument) }?;
        let mut missing = None;
        for (at, (place, handle)) in places.iter_mut().zip(handles).enumerate() {
            // SAFETY: NULL or owned, and given up.
            let taken = unsafe { handle::value_take(*handle) };
            if taken.is_none() {
                missing = missing.or(Some(at));
            }
            place.write(taken.unwrap_or_default());
        }
        self.count = count;
        match missing {
            // SAFETY: so many places have just been written.
            None => Ok(unsafe { slice::from_raw_parts(self.few.as_ptr().cast::<Value>(), count) }),
            Some(at) => Err(missing_item(argument, at)),
        }
    }
}

#[cold]
#[inline(never)]
fn missing_item(argument: &str, at: usize) -> Failure {
    Failure::null(format_args!("{argument}[{at}]"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::border::status::RPYC_ERR_NULL;
    use crate::ffi::border::userdata::counted::{Freed, free};
    use crate::ffi::value::make::rpyc_value_new_bytes_owned;

    fn refused<T>(result: Result<T>) -> (i32, String) {
        let failure = result.err().expect("a refusal");
        (failure.status, failure.message)
    }

    #[test]
    fn outputs_are_emptied_and_filled() {
        let mut number = 5i64;
        // SAFETY: the place lives here.
        drop(unsafe { output(&mut number, "out") }.unwrap());
        assert_eq!(number, 0);
        // SAFETY: as above.
        unsafe { output(&mut number, "out") }.unwrap().put(7).unwrap();
        assert_eq!(number, 7);
        // SAFETY: NULL is allowed.
        let nowhere = unsafe { output::<bool>(ptr::null_mut(), "out") };
        assert_eq!(refused(nowhere), (RPYC_ERR_NULL, "out is NULL".into()));
    }

    #[test]
    fn texts() {
        let letters = c"abc\xff".as_ptr();
        // SAFETY: NULL, or text that ends with NUL and is as long as is said.
        unsafe {
            assert_eq!(text(letters, 2, "x").unwrap(), "ab");
            assert_eq!(text_bytes(letters, ZT, "x").unwrap(), b"abc\xff");
            assert_eq!(text(ptr::null(), 0, "x").unwrap(), "");
            assert_eq!(name(c"".as_ptr(), "x").unwrap(), "");
            assert_eq!(refused(name(letters, "x")), (RPYC_ERR_UTF8, "x is not UTF-8 at byte 3".into()));
            assert_eq!(refused(text(ptr::null(), 1, "x")), (RPYC_ERR_NULL, "x is NULL".into()));
            assert_eq!(refused(name(ptr::null(), "x")).0, RPYC_ERR_NULL);
            assert_eq!(refused(text(letters, ZT - 1, "x")).0, RPYC_ERR_ARGUMENT);
            assert_eq!(refused(bytes(letters.cast(), ZT, "x")).0, RPYC_ERR_ARGUMENT);
            assert_eq!(refused(array(&1u64, usize::MAX / 8, "x")).0, RPYC_ERR_ARGUMENT);
            assert_eq!(refused(array(&1u64, usize::MAX, "x")).0, RPYC_ERR_ARGUMENT);
            assert_eq!(refused(array(ptr::null::<u64>(), 1, "x")).0, RPYC_ERR_NULL);
            assert!(array(ptr::null::<u64>(), 0, "x").unwrap().is_empty());
        }
    }

    #[test]
    fn arrays_are_consumed_also_with_a_hole() {
        let freed = Freed::new();
        let owned = || {
            let mut value = ptr::null_mut();
            // SAFETY: the bytes are constants, the places checked here.
            let status = unsafe {
                let data = [7u8; 40].as_ptr().cast();
                rpyc_value_new_bytes_owned(data, 0, freed.pointer(), Some(free), &mut value, ptr::null_mut())
            };
            assert_eq!(status, 0);
            value
        };
        let items = [owned(), ptr::null_mut(), owned(), ptr::null_mut()];
        // SAFETY: each item is owned and given up, or NULL.
        let taken = unsafe { take_values(items.as_ptr(), items.len(), "items") };
        assert_eq!(refused(taken), (RPYC_ERR_NULL, "items[1] is NULL".into()));
        assert_eq!(freed.count(), 2);
        let items = [owned(), owned()];
        // SAFETY: as above.
        let taken = unsafe { take_values(items.as_ptr(), items.len(), "items") }.unwrap();
        assert_eq!((taken.len(), freed.count()), (2, 2));
        drop(taken);
        assert_eq!(freed.count(), 4);
        for (count, hole) in [(3, true), (INLINE_VALUES, false), (INLINE_VALUES + 1, false), (INLINE_VALUES + 2, true)]
        {
            let before = freed.count();
            let items: Vec<_> = (0..count).map(|at| if hole && at == 1 { ptr::null_mut() } else { owned() }).collect();
            let mut values = Values::default();
            // SAFETY: as above.
            let taken = unsafe { values.take(items.as_ptr(), items.len(), "items") };
            match hole {
                true => assert_eq!(refused(taken.map(<[Value]>::len)), (RPYC_ERR_NULL, "items[1] is NULL".into())),
                false => assert_eq!((taken.unwrap().len(), freed.count()), (count, before)),
            }
            drop(values);
            assert_eq!(freed.count(), before + count - hole as usize);
        }
    }
}
