//! Handles and what they stand for. Nothing else turns one into the other.
//!
//! A value handle is an immediate or the address of a `Value`: of a box of its own if it is owned, of one that lies in
//! another value if it is borrowed. Immediates carry their value in the address: its lowest bit is set, which is so for no
//! address of a `Value`. Every other handle is the address of a box that `new` made.

use crate::ffi::border::status::{Failure, RPYC_ERR_ARGUMENT, Result};
use crate::ffi::border::types::{rpyc_object, rpyc_value};
#[cfg(debug_assertions)]
use crate::log::{self, Level};
use crate::value::{Reference, Value};
use std::borrow::Cow;
use std::ffi::CString;
use std::ptr;
use std::sync::OnceLock;

/// The data behind an rpyc_object.
pub(crate) struct ObjectHandle {
    pub reference: Reference,
    /// Made on first use.
    pub type_name: OnceLock<CString>,
}

impl From<Reference> for ObjectHandle {
    fn from(reference: Reference) -> ObjectHandle {
        ObjectHandle { reference, type_name: OnceLock::new() }
    }
}

impl Handle for rpyc_object {
    type Inner = ObjectHandle;
    const WORD: [u8; 8] = *b"object\0\0";
}

const TAG_BITS: u32 = 2;
const TAG: usize = 0b11;
const INT: usize = 0b01;
const CONSTANT: usize = 0b11;

const NONE: usize = 0;
const NOT_IMPLEMENTED: usize = 1;
const ELLIPSIS: usize = 2;
const FALSE: usize = 3;
const TRUE: usize = 4;

const _: () = assert!(align_of::<Value>() > TAG);

/// A handle that its holder owns.
#[inline]
pub(crate) fn value_new(value: Value) -> *mut rpyc_value {
    match immediate_of(&value) {
        Some(address) => {
            // It owns nothing that would have to be dropped.
            std::mem::forget(value);
            ptr::without_provenance_mut(address)
        }
        None => Box::into_raw(Box::new(value)).cast(),
    }
}

/// Takes the value back from a handle that its holder owned. None for NULL.
///
/// # Safety
/// The handle is NULL or from `value_new`, and not used any more.
#[inline]
pub(crate) unsafe fn value_take(handle: *mut rpyc_value) -> Option<Value> {
    match immediate(handle) {
        Some(value) => Some(value),
        None if handle.is_null() => None,
        // SAFETY: an address that is no immediate comes from `Box::into_raw` in `value_new`, and is given up.
        None => Some(*unsafe { Box::from_raw(handle.cast::<Value>()) }),
    }
}

/// The value of a handle, owned or borrowed. None for NULL. An immediate gives an owned value, any other handle the one
/// at its address.
///
/// # Safety
/// The handle is NULL or from `value_new` or `value_lend`, and lives as long as is said of the result.
#[inline]
pub(crate) unsafe fn value_get<'a>(handle: *const rpyc_value) -> Option<Cow<'a, Value>> {
    match immediate(handle) {
        Some(value) => Some(Cow::Owned(value)),
        // SAFETY: an address that is no immediate is NULL or that of a live `Value`, which nobody changes.
        None => unsafe { handle.cast::<Value>().as_ref() }.map(Cow::Borrowed),
    }
}

/// A borrowed handle for a value inside another one.
#[inline]
pub(crate) fn value_lend(value: &Value) -> *const rpyc_value {
    ptr::from_ref(value).cast()
}

#[inline]
fn immediate_of(value: &Value) -> Option<usize> {
    let constant = match value {
        Value::Int(n) => {
            let n = isize::try_from(*n).ok()?;
            let address = n << TAG_BITS;
            return (address >> TAG_BITS == n).then_some(address as usize | INT);
        }
        Value::None => NONE,
        Value::NotImplemented => NOT_IMPLEMENTED,
        Value::Ellipsis => ELLIPSIS,
        Value::Bool(false) => FALSE,
        Value::Bool(true) => TRUE,
        _ => return None,
    };
    Some(constant << TAG_BITS | CONSTANT)
}

#[inline]
fn immediate(handle: *const rpyc_value) -> Option<Value> {
    let address = handle.addr();
    match address & TAG {
        INT => Some(Value::Int((address as isize >> TAG_BITS) as i64)),
        CONSTANT => match address >> TAG_BITS {
            NOT_IMPLEMENTED => Some(Value::NotImplemented),
            ELLIPSIS => Some(Value::Ellipsis),
            FALSE => Some(Value::Bool(false)),
            TRUE => Some(Value::Bool(true)),
            _ => Some(Value::None),
        },
        _ => None,
    }
}

/// The int that a handle carries in its address.
#[inline]
pub(crate) fn immediate_int(handle: *const rpyc_value) -> Option<i64> {
    (handle.addr() & TAG == INT).then(|| (handle.addr() as isize >> TAG_BITS) as i64)
}

/// Whether dropping a handle does nothing: it is NULL, or has its value in its address.
#[inline]
pub(crate) fn is_nothing(handle: *const rpyc_value) -> bool {
    handle.is_null() || handle.addr() & TAG != 0
}

/// The handle that carries an int in its address, where it fits.
#[inline]
pub(crate) fn int_immediate(n: i64) -> Option<*mut rpyc_value> {
    immediate_of(&Value::Int(n)).map(ptr::without_provenance_mut)
}

/// A type of handles other than values.
pub(crate) trait Handle {
    /// The data behind such a handle.
    type Inner;
    /// In debug builds a word in front of the data, which detects freed handles and those of other types.
    #[cfg_attr(not(debug_assertions), allow(dead_code))]
    const WORD: [u8; 8];
}

/// The memory at the address of a handle; the word is first, so that it can be checked for any type.
#[repr(C)]
struct Boxed<T> {
    #[cfg(debug_assertions)]
    word: [u8; 8],
    inner: T,
}

/// A handle that its holder owns.
pub(crate) fn new<H: Handle>(inner: H::Inner) -> *mut H {
    let boxed = Boxed {
        #[cfg(debug_assertions)]
        word: H::WORD,
        inner,
    };
    Box::into_raw(Box::new(boxed)).cast()
}

/// Makes a handle that is borrowed for a call, without a box of its own.
pub(crate) fn lend<H: Handle, R>(inner: H::Inner, f: impl FnOnce(*mut H) -> R) -> R {
    let mut boxed = Boxed {
        #[cfg(debug_assertions)]
        word: H::WORD,
        inner,
    };
    f((&raw mut boxed).cast())
}

/// Takes the data out of a handle. None for NULL.
///
/// # Safety
/// The handle is NULL or from `new`, and not used any more.
pub(crate) unsafe fn take<H: Handle>(handle: *mut H) -> Option<H::Inner> {
    // SAFETY: the same is asked of our caller.
    let boxed = unsafe { checked(handle) }?;
    #[cfg(debug_assertions)]
    // SAFETY: a live handle is the address of a `Boxed`.
    unsafe {
        (&raw mut (*boxed).word).write_volatile(*b"freed\0\0\0");
    }
    // SAFETY: a live handle comes from `Box::into_raw` in `new`, and is given up.
    Some(unsafe { Box::from_raw(boxed) }.inner)
}

/// The data behind a handle. None for NULL.
///
/// # Safety
/// The handle is NULL or from `new`, and lives as long as is said of the result.
pub(crate) unsafe fn as_ref<'a, H: Handle>(handle: *const H) -> Option<&'a H::Inner>
where
    H::Inner: 'a,
{
    // SAFETY: a live handle is the address of a `Boxed`.
    unsafe { checked(handle.cast_mut()).map(|boxed| &(*boxed).inner) }
}

/// The data behind a handle, which must not be NULL.
///
/// # Safety
/// The handle is NULL or from `new`, and lives as long as is said of the result.
pub(crate) unsafe fn require<'a, H: Handle>(handle: *const H, argument: &str) -> Result<&'a H::Inner>
where
    H::Inner: 'a,
{
    // SAFETY: the same is asked of our caller.
    unsafe { as_ref(handle) }.ok_or_else(|| no_handle(handle, argument))
}

/// The data behind a unique handle, which must not be NULL, for changing it.
///
/// # Safety
/// The handle is NULL or from `new`, lives as long as is said of the result, and is used by nobody else meanwhile.
pub(crate) unsafe fn require_mut<'a, H: Handle>(handle: *mut H, argument: &str) -> Result<&'a mut H::Inner>
where
    H::Inner: 'a,
{
    // SAFETY: a live handle is the address of a `Boxed`, and used only here.
    unsafe { checked(handle).map(|boxed| &mut (*boxed).inner) }.ok_or_else(|| no_handle(handle, argument))
}

#[cold]
fn no_handle<H: Handle>(handle: *const H, argument: &str) -> Failure {
    match handle.is_null() {
        true => Failure::null(argument),
        false => Failure::new(RPYC_ERR_ARGUMENT, format_args!("{argument} was already freed, or is of another type")),
    }
}

/// The address behind a handle; None for NULL, and in debug builds also if it is not a live handle of this type.
///
/// # Safety
/// The handle is NULL or from `new`.
unsafe fn checked<H: Handle>(handle: *mut H) -> Option<*mut Boxed<H::Inner>> {
    let boxed = handle.cast::<Boxed<H::Inner>>();
    if boxed.is_null() {
        return None;
    }
    #[cfg(debug_assertions)]
    {
        // SAFETY: memory of a freed handle may be gone, which only a debugger's allocator would tell; else it is a word.
        let word = unsafe { (&raw const (*boxed).word).read_volatile() };
        if word != H::WORD {
            log::write(Level::Error, || {
                let [word, wanted] = [word, H::WORD].map(|word| word.escape_ascii().to_string());
                format!("a handle of type {wanted} was already freed, or is of type {word}")
            });
            return None;
        }
    }
    Some(boxed)
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(debug_assertions)]
    fn what_is_no_handle_is_told_in_debug_builds() {
        use super::*;
        use crate::ffi::border::status::RPYC_OK;
        use crate::ffi::border::types::{rpyc_config, rpyc_error};
        use crate::ffi::config::{rpyc_config_free, rpyc_config_new};
        use crate::ffi::error::{rpyc_error_free, rpyc_error_status};
        let config = rpyc_config_new();
        // What lies there does not matter, as long as it can be read.
        let mut freed = [0u64; 64];
        freed[0] = u64::from_ne_bytes(*b"freed\0\0\0");
        // SAFETY: each pointer leads to enough memory to look for a word in.
        unsafe {
            for handle in [freed.as_ptr().cast::<rpyc_error>(), config.cast_const().cast()] {
                assert_eq!(rpyc_error_status(handle), RPYC_OK);
                assert!(as_ref(handle).is_none());
                let failure = require(handle, "error").err().unwrap();
                assert_eq!(failure.status, RPYC_ERR_ARGUMENT);
                assert_eq!(failure.message, "error was already freed, or is of another type");
                rpyc_error_free(handle.cast_mut());
            }
            assert!(as_ref::<rpyc_config>(config).is_some());
            rpyc_config_free(config);
        }
    }
}
