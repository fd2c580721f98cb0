//! The log callback.

use super::error::rpyc_error;
use super::guard::{guard, outside};
use super::status::{Failure, RPYC_ERR_ARGUMENT, rpyc_status};
use super::userdata::{Userdata, rpyc_free_fn};
use crate::log::{self, Level};
use std::ffi::{c_char, c_void};
use std::sync::Arc;

/// Something that the library could not do, or a mistake of the host that no status can tell.
pub const RPYC_LOG_ERROR: i32 = 1;
/// Something that a peer did which it should not do.
pub const RPYC_LOG_WARN: i32 = 2;
/// Connections that come and go.
pub const RPYC_LOG_INFO: i32 = 3;
/// Details for those who look for a fault.
pub const RPYC_LOG_DEBUG: i32 = 4;

/// Gets the messages of the log: `message` is borrowed for the call, UTF-8 of `length` bytes, not NUL-terminated.
///
/// It runs on whatever thread has something to say, on several at once too. What its own calls of the library would log is
/// left out.
pub type rpyc_log_fn =
    Option<unsafe extern "C" fn(level: i32, message: *const c_char, length: usize, userdata: *mut c_void)>;

/// Sets the one log callback of the process, in place of the one before, whose destructor runs when its last call has
/// returned. Without one nothing is logged.
///
/// @param max_level RPYC_LOG_ERROR to RPYC_LOG_DEBUG: messages up to this level; 0 for none
/// @param callback may be NULL: no more messages
/// @param userdata consumed; given to the callback and the destructor
/// @param userdata_free the destructor: runs exactly once, also if this function fails; may be NULL
/// @param error_out owned; may be NULL
/// @return RPYC_OK; RPYC_ERR_ARGUMENT for another level, which leaves the callback before in its place
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_set_log_callback(
    max_level: i32,
    callback: rpyc_log_fn,
    userdata: *mut c_void,
    userdata_free: rpyc_free_fn,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the pointers are NULL or what the header asks for.
    unsafe {
        guard(error_out, || {
            let userdata = Userdata::new(userdata, userdata_free);
            let level = match max_level {
                0 => None,
                RPYC_LOG_ERROR => Some(Level::Error),
                RPYC_LOG_WARN => Some(Level::Warn),
                RPYC_LOG_INFO => Some(Level::Info),
                RPYC_LOG_DEBUG => Some(Level::Debug),
                _ => return Err(Failure::new(RPYC_ERR_ARGUMENT, format_args!("max_level is {max_level}, not 0 to 4"))),
            };
            log::set(level.zip(callback).map(|(max, callback)| {
                let receiver = move |level: Level, text: &str| {
                    let text_of = text.as_ptr().cast();
                    outside(|| callback(level as i32, text_of, text.len(), userdata.pointer()));
                };
                (max, Arc::new(receiver) as log::Receiver)
            }));
            Ok(())
        })
    }
}
