//! rpyc_object: copies of plain data.

use crate::connection::obtain;
use crate::ffi::border::guard::guard;
use crate::ffi::border::handle::{rpyc_object, rpyc_value};
use crate::ffi::border::pointer::output;
use crate::ffi::border::status::rpyc_status;
use crate::ffi::error::rpyc_error;
use crate::ffi::object::operations::reference;
use crate::value::Bounds;

/// The limits of a copy, 0 standing for the default.
pub(crate) fn bounds(max_depth: usize, max_items: usize, max_bytes: usize) -> Bounds {
    let or = |given: usize, default: usize| if given == 0 { default } else { given };
    Bounds { depth: or(max_depth, 100), items: or(max_items, 1 << 20), bytes: or(max_bytes, 64 << 20) }
}

/// Copies an object that is plain data into a value: lists, dicts, tuples, sets and frozensets, ranges and views of dicts,
/// with all that is in them.
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
/// @param max_bytes bytes of all texts, bytes and long ints together; 0 for 67108864
/// @param value_out owned
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_REMOTE, RPYC_ERR_STOP_ITERATION, RPYC_ERR_TIMEOUT, RPYC_ERR_EOF,
///         RPYC_ERR_CLOSED, RPYC_ERR_MALFORMED, RPYC_ERR_LIMIT (it is larger or deeper than this),
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
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(value_out, "value_out")?;
            let this = reference(object, "object")?;
            out.put_value(obtain(this, &bounds(max_depth, max_items, max_bytes))?)
        })
    }
}
