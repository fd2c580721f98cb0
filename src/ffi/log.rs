//! The log callback.

use crate::ffi::border::boundary::{ffi_boundary, outside};
use crate::ffi::border::status::{Failure, RPYC_ERR_ARGUMENT, Result, rpyc_status};
use crate::ffi::border::types::rpyc_error;
use crate::ffi::border::userdata::{Userdata, rpyc_free_fn};
use crate::log::{self, Level};
use std::ffi::{c_char, c_void};
use std::sync::Arc;

/// The library failed to do something, or the application made a mistake, and no status can report it.
pub const RPYC_LOG_ERROR: i32 = 1;
/// A peer did something that it should not do, or was rejected.
pub const RPYC_LOG_WARN: i32 = 2;
/// Events of normal operation.
pub const RPYC_LOG_INFO: i32 = 3;
/// Details for debugging.
pub const RPYC_LOG_DEBUG: i32 = 4;

/// Receives a message of the log. `message` is borrowed for the call: UTF-8, `length` bytes, not NUL-terminated.
///
/// It runs in the thread that logs the message, and in several threads at once. Messages about its own calls of the
/// library are omitted.
pub type rpyc_log_fn =
    Option<unsafe extern "C" fn(level: i32, message: *const c_char, length: usize, userdata: *mut c_void)>;

/// Sets the log callback of the process, and replaces the previous one.
///
/// The destructor of the previous callback runs when its last call has returned. Without a callback nothing is logged.
/// A connection can have a callback of its own; see rpyc_config_set_logger().
///
/// @param max_level RPYC_LOG_ERROR to RPYC_LOG_DEBUG: messages up to this level are passed; 0 for none
/// @param callback NULL to log nothing
/// @param userdata consumed, also on failure; passed to the callback and the destructor
/// @param userdata_free destructor of userdata: runs exactly once, also on failure; may be NULL
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_ARGUMENT (unknown level; the previous callback stays)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_set_log_callback(
    max_level: i32,
    callback: rpyc_log_fn,
    userdata: *mut c_void,
    userdata_free: rpyc_free_fn,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let userdata = Userdata::new(userdata, userdata_free);
            let level = level_of(max_level)?;
            log::set(level.zip(receiver(callback, userdata)));
            Ok(())
        })
    }
}

/// None: no messages at all.
pub(crate) fn level_of(max_level: i32) -> Result<Option<Level>> {
    Ok(match max_level {
        0 => None,
        RPYC_LOG_ERROR => Some(Level::Error),
        RPYC_LOG_WARN => Some(Level::Warn),
        RPYC_LOG_INFO => Some(Level::Info),
        RPYC_LOG_DEBUG => Some(Level::Debug),
        _ => return Err(Failure::new(RPYC_ERR_ARGUMENT, format_args!("max_level: expected 0 to 4, got {max_level}"))),
    })
}

pub(crate) fn receiver(callback: rpyc_log_fn, userdata: Userdata) -> Option<log::Receiver> {
    let callback = callback?;
    Some(Arc::new(move |level: Level, text: &str| {
        let text_of = text.as_ptr().cast();
        // SAFETY: the application's function, called as its type says.
        outside(|| unsafe { callback(level as i32, text_of, text.len(), userdata.pointer()) });
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::border::boundary::ffi_boundary_status;
    use crate::ffi::border::status::{RPYC_ERR_PANIC, RPYC_OK};
    use crate::log::tests::{alone, until};
    use std::ptr;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread::{self, ThreadId};

    /// What a callback of the test gets as userdata.
    struct Heard {
        ours: ThreadId,
        messages: Mutex<Vec<(i32, String)>>,
        freed: AtomicUsize,
    }

    unsafe extern "C" fn hear(level: i32, message: *const c_char, length: usize, userdata: *mut c_void) {
        // SAFETY: the userdata of the test, and a message of this length.
        let (heard, message) =
            unsafe { (&*userdata.cast::<Heard>(), std::slice::from_raw_parts(message.cast::<u8>(), length)) };
        assert_eq!(heard.freed.load(Ordering::SeqCst), 0);
        if thread::current().id() == heard.ours {
            let text = String::from_utf8(message.to_vec()).unwrap();
            heard.messages.lock().unwrap().push((level, text));
            // Nothing of what is done here comes back here.
            log::write(Level::Error, || "an echo".into());
        }
    }

    unsafe extern "C" fn freed(userdata: *mut c_void) {
        // SAFETY: the userdata of the test.
        unsafe { &*userdata.cast::<Heard>() }.freed.fetch_add(1, Ordering::SeqCst);
    }

    #[test]
    fn a_callback_gets_what_is_logged_until_it_is_replaced() {
        let _alone = alone();
        let heard = Heard { ours: thread::current().id(), messages: Mutex::default(), freed: AtomicUsize::new(0) };
        let userdata = (&raw const heard).cast_mut().cast::<c_void>();
        let count = || heard.freed.load(Ordering::SeqCst);
        // SAFETY: the userdata outlives its destructor, which has run when the test ends.
        let set =
            |level, callback| unsafe { rpyc_set_log_callback(level, callback, userdata, Some(freed), ptr::null_mut()) };
        assert_eq!(set(RPYC_LOG_WARN, Some(hear)), RPYC_OK);
        log::write(Level::Warn, || "caf\u{e9}".into());
        log::write(Level::Info, || unreachable!("it is not wanted"));
        assert_eq!(ffi_boundary_status(|| panic!("a logged panic")), RPYC_ERR_PANIC);
        {
            let messages = heard.messages.lock().unwrap();
            assert_eq!((messages.len(), &messages[0]), (2, &(RPYC_LOG_WARN, "caf\u{e9}".to_owned())));
            assert_eq!(messages[1].0, RPYC_LOG_ERROR);
            assert!(messages[1].1.ends_with(": a logged panic"), "{messages:?}");
        }
        assert_eq!(count(), 0);
        // SAFETY: NULL everywhere is allowed.
        let none = unsafe { rpyc_set_log_callback(0, None, ptr::null_mut(), None, ptr::null_mut()) };
        assert_eq!(none, RPYC_OK);
        assert!(until(|| count() == 1));
        log::write(Level::Error, || unreachable!("nobody listens"));

        // The destructor also runs for what is refused or not needed.
        for (level, callback, wanted) in [
            (5, Some(hear as unsafe extern "C" fn(_, _, _, _)), RPYC_ERR_ARGUMENT),
            (-1, None, RPYC_ERR_ARGUMENT),
            (0, Some(hear as _), RPYC_OK),
            (RPYC_LOG_DEBUG, None, RPYC_OK),
        ] {
            let before = count();
            assert_eq!((set(level, callback), count()), (wanted, before + 1));
        }
        assert_eq!(heard.messages.lock().unwrap().len(), 2);
    }
}
