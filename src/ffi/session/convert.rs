//! rpyc_session: conversions, which may take several requests.

use crate::ffi::border::boundary::ffi_boundary;
use crate::ffi::border::status::{Failure, RPYC_ERR_ARGUMENT, rpyc_status};
use crate::ffi::border::time::timeout;
use crate::ffi::border::types::{rpyc_error, rpyc_session, rpyc_value};
use crate::ffi::session::event::checked;
use crate::ffi::value::convert::wanted;
use crate::ffi::value::kind::rpyc_value_kind_id;
use crate::value::{Reference, Value};

/// Converts several values as rpyc_value_convert_all() does.
///
/// The result is one reply event: a tuple of the converted values, or the error of the first value that cannot be
/// converted. The peer is asked for all objects among them in one burst of requests. Conversions that need further
/// requests send them while events are taken.
///
/// @param session borrowed
/// @param token returned in the reply event, whose sequence is -1
/// @param values borrowed (each value), none of them NULL; objects of a peer must belong to this session; may be NULL
///         if count is 0
/// @param kinds copied; kinds[i] is the target of values[i]; may be NULL if count is 0
/// @param count number of values
/// @param deadline_ms milliseconds on the application's clock, see rpyc_session_expire(); it has an effect once a time
///         was set; -1 for none
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ARGUMENT (unknown kind, or an object of another session),
///         RPYC_ERR_CLOSED
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_convert(
    session: *mut rpyc_session,
    token: u64,
    values: *const *const rpyc_value,
    kinds: *const rpyc_value_kind_id,
    count: usize,
    deadline_ms: i64,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let session = checked(session)?;
            let values = wanted(values, kinds, count)?;
            let is_foreign = |value: &Value| match value {
                Value::Ref(Reference::Remote(proxy)) => !session.bare.owns(proxy),
                _ => false,
            };
            if values.iter().any(|(value, _)| is_foreign(value)) {
                let text = "the object belongs to another session or connection";
                return Err(Failure::new(RPYC_ERR_ARGUMENT, text));
            }
            Ok(session.bare.convert(values, token, timeout(deadline_ms))?)
        })
    }
}
