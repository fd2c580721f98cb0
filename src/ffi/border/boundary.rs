//! What stands between C and Rust in every function: panics end here, forks are noticed, errors are handed out.

use crate::ffi::border::handle;
#[cfg(debug_assertions)]
use crate::ffi::border::record;
use crate::ffi::border::report::Report;
use crate::ffi::border::status::{Failure, RPYC_ERR_PANIC, RPYC_OK, Result, rpyc_status};
use crate::ffi::border::types::rpyc_error;
use crate::log::{self, Level};
use crate::panics;
use crate::{fork, ids};
use std::ptr;
use std::sync::Once;

static READY: Once = Once::new();

/// Runs the body of a function that can fail. `error_out` is emptied first, and gets the error if there is one.
///
/// # Safety
/// `error_out` is NULL or can be written to.
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) unsafe fn ffi_boundary(error_out: *mut *mut rpyc_error, body: impl FnOnce() -> Result<()>) -> rpyc_status {
    // SAFETY: the same is asked of our caller.
    unsafe { no_error(error_out) };
    let status = match catch(body).unwrap_or_else(Err) {
        Ok(()) => RPYC_OK,
        // SAFETY: as above.
        Err(failure) => unsafe { write_error(error_out, failure) },
    };
    #[cfg(debug_assertions)]
    record::status(std::panic::Location::caller(), status);
    status
}

/// The end of a function in which nothing can fail, and empties `error_out`.
///
/// # Safety
/// `error_out` is NULL or can be written to.
#[inline]
pub(crate) unsafe fn no_error(error_out: *mut *mut rpyc_error) -> rpyc_status {
    if !error_out.is_null() {
        // SAFETY: not NULL, so it can be written to.
        unsafe { error_out.write(ptr::null_mut()) };
    }
    RPYC_OK
}

/// Runs the body of a function that answers with a status alone.
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn ffi_boundary_status(body: impl FnOnce() -> Result<()>) -> rpyc_status {
    // SAFETY: NULL is allowed.
    unsafe { ffi_boundary(ptr::null_mut(), body) }
}

/// Runs the body of a function that cannot fail; `empty` is the answer after a panic.
pub(crate) fn ffi_boundary_or<T>(empty: T, body: impl FnOnce() -> T) -> T {
    catch(body).unwrap_or(empty)
}

pub(crate) use crate::panics::outside;

/// # Safety
/// `error_out` is NULL or can be written to.
#[cold]
unsafe fn write_error(error_out: *mut *mut rpyc_error, failure: Failure) -> rpyc_status {
    let status = failure.status;
    if !error_out.is_null() && !failure.silent {
        // SAFETY: not NULL, so it can be written to.
        unsafe { error_out.write(handle::new(Report::from(failure))) };
    }
    status
}

#[inline]
fn catch<T>(body: impl FnOnce() -> T) -> Result<T> {
    if !READY.is_completed() {
        prepare();
    }
    panics::inside(body).map_err(panicked)
}

#[cold]
fn prepare() {
    panics::silence();
    // SAFETY: the handler is a function that may run in a forked child: it does no more than to count.
    // It fails only for lack of memory; forks then go unnoticed.
    READY.call_once(|| unsafe {
        libc::pthread_atfork(None, None, Some(count_fork));
    });
}

extern "C" fn count_fork() {
    fork::count();
    ids::forked();
}

#[cold]
fn panicked(text: String) -> Failure {
    log::write(Level::Error, || text.clone());
    Failure::new(RPYC_ERR_PANIC, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::ffi::border::status::RPYC_ERR_TIMEOUT;
    use crate::ffi::error::{rpyc_error_free, rpyc_error_message, rpyc_error_status};
    use std::cell::Cell;
    use std::ffi::CStr;
    use std::panic;
    use std::sync::{Arc, Mutex};

    /// Runs a body and tells the status, and status and message of the error.
    fn run(body: impl FnOnce() -> Result<()>) -> (rpyc_status, Option<(rpyc_status, String)>) {
        let mut error = ptr::dangling_mut();
        // SAFETY: the pointer lives here, and the error is freed once.
        unsafe {
            let status = ffi_boundary(&mut error, body);
            let told = (!error.is_null()).then(|| {
                let message = CStr::from_ptr(rpyc_error_message(error)).to_str().unwrap().to_owned();
                (rpyc_error_status(error), message)
            });
            rpyc_error_free(error);
            (status, told)
        }
    }

    #[test]
    fn errors_are_handed_out() {
        assert_eq!(run(|| Ok(())), (RPYC_OK, None));
        let late = || Err(Error::Timeout("late".into()).into());
        assert_eq!(run(late), (RPYC_ERR_TIMEOUT, Some((RPYC_ERR_TIMEOUT, "late".into()))));
        assert_eq!(ffi_boundary_status(late), RPYC_ERR_TIMEOUT);
        assert_eq!(ffi_boundary_or(7, || 8), 8);
    }

    #[test]
    fn panics_end_at_the_border() {
        let (status, error) = run(|| panic!("number {}", 5));
        assert_eq!(status, RPYC_ERR_PANIC);
        let (status, message) = error.unwrap();
        assert_eq!(status, RPYC_ERR_PANIC);
        assert!(message.ends_with(": number 5") && message.contains("boundary.rs:"), "{message}");
        let (_, error) = run(|| panic::panic_any(5u8));
        assert!(error.unwrap().1.ends_with(": without a text"));
        assert_eq!(ffi_boundary_status(|| panic!("static")), RPYC_ERR_PANIC);
        assert_eq!(ffi_boundary_or(7, || panic!()), 7);
        assert_eq!(run(|| Ok(())), (RPYC_OK, None));
    }

    #[test]
    fn guards_nest() {
        let inner = Cell::new(None);
        let outer = run(|| {
            inner.set(Some(outside(|| {
                assert!(!panics::is_inside());
                run(|| panic!("inner"))
            })));
            assert!(panics::is_inside());
            Ok(())
        });
        assert_eq!(outer, (RPYC_OK, None));
        assert_eq!(inner.take().unwrap().0, RPYC_ERR_PANIC);
        assert!(!panics::is_inside());
    }

    /// Hooks belong to the process: the test runs by itself in a process of its own.
    #[test]
    fn the_hook_is_silent_only_inside() {
        const CHILD: &str = "RPYC_TEST_HOOK_CHILD";
        if std::env::var_os(CHILD).is_none() {
            let output = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["the_hook_is_silent_only_inside", "--nocapture", "--test-threads=1"])
                .env(CHILD, "1")
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && text.contains("1 passed"), "{text}");
            assert!(!text.contains("panic within"), "{text}");
            return;
        }
        let heard = Arc::new(Mutex::new(Vec::new()));
        let sink = heard.clone();
        panic::set_hook(Box::new(move |info| {
            let text = info.payload().downcast_ref::<&str>().unwrap_or(&"?");
            sink.lock().unwrap().push((*text).to_owned());
        }));
        assert_eq!(ffi_boundary_status(|| panic!("panic within")), RPYC_ERR_PANIC);
        let callback = || {
            let catch = panic::catch_unwind(|| outside(|| panic!("in a callback")));
            assert!(catch.is_err() && panics::is_inside());
            Ok(())
        };
        assert_eq!(ffi_boundary_status(callback), RPYC_OK);
        assert!(panic::catch_unwind(|| panic!("outside")).is_err());
        assert!(std::thread::spawn(|| panic!("elsewhere")).join().is_err());
        assert_eq!(*heard.lock().unwrap(), ["in a callback", "outside", "elsewhere"]);
    }

    #[test]
    fn a_fork_is_noticed_in_the_child_alone() {
        ffi_boundary_or((), || ());
        let before = fork::generation();
        // SAFETY: the child does nothing but read an atomic and leave.
        let status = unsafe {
            let child = libc::fork();
            assert!(child >= 0);
            if child == 0 {
                libc::_exit(if fork::generation() == before { 1 } else { 42 });
            }
            let mut status = 0;
            assert_eq!(libc::waitpid(child, &mut status, 0), child);
            status
        };
        assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 42, "{status}");
        assert!(fork::is_ours(before));
    }
}
