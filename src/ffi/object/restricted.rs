//! Restricted views of objects.

use crate::ffi::border::guard::guard;
use crate::ffi::border::handle::{self, rpyc_object};
use crate::ffi::border::pointer::{array, name, output};
use crate::ffi::border::status::{Result, rpyc_status};
use crate::ffi::error::rpyc_error;
use crate::objects::restricted;
use std::collections::BTreeSet;
use std::ffi::c_char;

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
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(view_out, "view_out")?;
            let object = handle::get(object, "object")?;
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
