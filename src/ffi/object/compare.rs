//! rpyc_object: truth and equality.

use crate::ffi::border::guard::guard;
use crate::ffi::border::handle::{self, rpyc_object, rpyc_value};
use crate::ffi::border::pointer::output;
use crate::ffi::border::status::{Failure, rpyc_status};
use crate::ffi::error::rpyc_error;
use crate::ffi::object::operations::reference;
use crate::objects::{equal, truth};

/// Is an object true, as Python's bool()? Its __bool__ says so, else its __len__; one that has neither is true.
///
/// @param object borrowed
/// @param truth_out whether it is; false on failure
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_REMOTE, RPYC_ERR_STOP_ITERATION, RPYC_ERR_TIMEOUT, RPYC_ERR_EOF,
///         RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_MALFORMED, RPYC_ERR_TYPE (__bool__ or __len__ answer with something else)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_truth(
    object: *mut rpyc_object,
    truth_out: *mut bool,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(truth_out, "truth_out")?;
            out.put(truth(reference(object, "object")?)?)
        })
    }
}

/// Is an object equal to a value, as Python's ==? Where its __eq__ knows no answer, that of the value is asked if it is an
/// object, and at last only an object itself is equal to it.
///
/// @param object borrowed
/// @param other consumed, on success and on every failure
/// @param equal_out whether they are; false on failure
/// @param error_out owned; may be NULL
/// @return as rpyc_object_truth; RPYC_ERR_TYPE (__eq__ answers with something that is neither bool nor object)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_equal(
    object: *mut rpyc_object,
    other: *mut rpyc_value,
    equal_out: *mut bool,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let other = handle::value_take(other);
            let out = output(equal_out, "equal_out")?;
            let this = reference(object, "object")?;
            out.put(equal(this, &other.ok_or_else(|| Failure::null("other"))?)?)
        })
    }
}
