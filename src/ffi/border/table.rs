//! Tables of the application, which say their own size: they can grow, and programs that were made for a shorter one go on
//! working.

use crate::ffi::border::pointer::{array, name};
use crate::ffi::border::status::{Failure, RPYC_ERR_ABI, Result};
use std::ffi::c_char;
use std::ptr;

/// Reads one table that begins with its size.
///
/// # Safety
/// The pointer is NULL or leads to a table of the size that it says; zeros are a valid `T`.
pub(crate) unsafe fn table<T: Copy>(table: *const T, least: usize, argument: &str, what: &str) -> Result<T> {
    if table.is_null() {
        return Err(Failure::null(argument));
    }
    // SAFETY: not NULL, so it begins with its size, and has that many bytes.
    let one = unsafe { entries(table, 1, table.cast::<usize>().read(), least, what) }?;
    one.first().copied().ok_or_else(|| Failure::null(argument))
}

/// # Safety
/// The pointer is NULL or leads to a NUL-terminated text.
pub(crate) unsafe fn optional<'a>(text: *const c_char, what: &str) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: the same is asked of our caller.
    unsafe { name(text, what) }.map(Some)
}

/// Refuses flags that have no meaning (yet): a program that was made for a later version of this library relies on them.
pub(crate) fn known_flags(flags: u64, known: u64, what: impl std::fmt::Display) -> Result<()> {
    match flags & !known {
        0 => Ok(()),
        unknown => Err(Failure::new(RPYC_ERR_ABI, format_args!("{what}: unknown flags {unknown:#x}"))),
    }
}

/// Reads the entries of a table whose size the application says: shorter ones are filled up with zeros, and what longer
/// ones have beyond must be zeros.
///
/// # Safety
/// The pointer is NULL or has `count` entries of `size` bytes; zeros are a valid `T`.
pub(crate) unsafe fn entries<T: Copy>(
    table: *const T,
    count: usize,
    size: usize,
    least: usize,
    what: &str,
) -> Result<Vec<T>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    if size < least || size > least + 4096 || size % align_of::<T>() != 0 {
        return Err(Failure::new(RPYC_ERR_ABI, format_args!("{what} cannot be of {size} bytes")));
    }
    // SAFETY: the same is asked of our caller.
    let raw = unsafe { array(table.cast::<u8>(), count.saturating_mul(size), what) }?;
    let entry = |bytes: &[u8]| {
        let mut entry = std::mem::MaybeUninit::<T>::zeroed();
        let n = bytes.len().min(size_of::<T>());
        // SAFETY: both are at least `n` bytes long; the rest is zeros, which our caller says is valid.
        unsafe {
            ptr::copy_nonoverlapping(bytes.as_ptr(), entry.as_mut_ptr().cast::<u8>(), n);
            entry.assume_init()
        }
    };
    if raw.chunks_exact(size).any(|bytes| bytes.iter().skip(size_of::<T>()).any(|byte| *byte != 0)) {
        return Err(Failure::new(RPYC_ERR_ABI, format_args!("{what}: members beyond those of this version are set")));
    }
    Ok(raw.chunks_exact(size).map(entry).collect())
}
