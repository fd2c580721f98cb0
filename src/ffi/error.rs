//! rpyc_error: what went wrong, as C reads it.

use crate::error::Exception;
use crate::ffi::border::boundary::{ffi_boundary, ffi_boundary_or};
use crate::ffi::border::handle;
use crate::ffi::border::pointer;
use crate::ffi::border::report::{Raised, Report};
use crate::ffi::border::status::{self, Failure, RPYC_ERR_ARGUMENT, RPYC_ERR_PANIC, RPYC_OK, rpyc_status};
use crate::ffi::border::types::{rpyc_error, rpyc_value};
use crate::value::Value;
use std::ffi::{CStr, CString, c_char};
use std::ptr;

/// Reads something of an error; `empty` for NULL.
///
/// # Safety
/// The handle is NULL or a live error, and what is read of it is not used after it is freed.
unsafe fn read<T>(error: *const rpyc_error, empty: T, reader: impl FnOnce(&Report) -> Option<T>) -> T
where
    T: Copy,
{
    // SAFETY: the same is asked of our caller.
    ffi_boundary_or(empty, || unsafe { handle::as_ref(error) }.and_then(reader).unwrap_or(empty))
}

/// Makes an error of the application's own, so that its functions can report as those of this library do:
/// `return rpyc_error_new(RPYC_ERR_ARGUMENT, NULL, "no such row", error_out);`
///
/// @param status what the error says and this function returns; RPYC_OK and what is no status of this header become
///        RPYC_ERR_ARGUMENT
/// @param type copied; NUL-terminated; the type that a peer is to see when the error is passed on with
///        rpyc_call_raise_error, as of rpyc_call_raise; NULL: what that function says of the status
/// @param message copied; NUL-terminated; NULL: the name of the status
/// @param error_out owned; may be NULL
/// @return status; RPYC_ERR_UTF8 for a type or message that is none
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_new(
    status: rpyc_status,
    r#type: *const c_char,
    message: *const c_char,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let known = status != RPYC_OK && status::name(status).is_some();
            let status = if known { status } else { RPYC_ERR_ARGUMENT };
            let message = match message.is_null() {
                true => status::name(status).unwrap_or_default().to_string_lossy().into_owned(),
                false => pointer::name(message, "message")?.to_owned(),
            };
            let exception = match r#type.is_null() {
                true => None,
                false => Some(Exception::named(pointer::name(r#type, "type")?, vec![Value::str(&message)])),
            };
            Err(Failure { status, message, exception, silent: false })
        })
    }
}

/// Copies an error, for instance one that is borrowed for a callback.
///
/// @param error borrowed
/// @return owned; free it with rpyc_error_free; NULL for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_clone(error: *const rpyc_error) -> *mut rpyc_error {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || {
        unsafe { handle::as_ref(error) }.map_or(ptr::null_mut(), |report| handle::new(report.clone()))
    })
}

/// Frees an error and all texts that were borrowed from it.
///
/// @param error consumed; NULL does nothing
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_free(error: *mut rpyc_error) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(error) }));
}

/// The status of an error: the one that the function returned which gave the error.
///
/// @param error borrowed; may be NULL
/// @return a status; RPYC_OK for NULL
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_status(error: *const rpyc_error) -> rpyc_status {
    // SAFETY: the contract of the border.
    ffi_boundary_or(RPYC_ERR_PANIC, || unsafe { handle::as_ref(error) }.map_or(RPYC_OK, |error| error.status))
}

/// What went wrong, for people to read: for an exception its type and text as Python prints them, without the traceback;
/// for RPYC_ERR_DENIED also the rule, and what there is to be done.
///
/// @param error borrowed; may be NULL
/// @return borrowed until the error is freed; NUL-terminated UTF-8 (a NUL within is replaced by U+FFFD); "" for NULL,
///         and never NULL
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_message(error: *const rpyc_error) -> *const c_char {
    // SAFETY: the contract of the border.
    unsafe { read(error, c"".as_ptr(), |error| Some(error.message.as_ptr())) }
}

/// What rpyc_error_message() says, as it can be printed or logged: on one line, with escapes as Python writes them (`\n`,
/// `\x1b`, `\u202e`) in place of control characters, line separators and marks that turn the direction of writing.
///
/// The text of an exception is the peer's own. Compare and pass on what rpyc_error_message() says, and show this.
///
/// @param error borrowed; may be NULL
/// @return borrowed until the error is freed; NUL-terminated UTF-8; "" for NULL, and never NULL
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_describe(error: *const rpyc_error) -> *const c_char {
    // SAFETY: the contract of the border.
    unsafe { read(error, c"".as_ptr(), |error| Some(error.description().as_ptr())) }
}

/// The module of an exception's type, such as "builtins".
///
/// @param error borrowed; may be NULL
/// @return borrowed until the error is freed; NUL-terminated UTF-8; NULL unless the error is an exception
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_type_module(error: *const rpyc_error) -> *const c_char {
    // SAFETY: the contract of the border.
    unsafe { read_raised(error, |raised| Some(&raised.module)) }
}

/// The name of an exception's type, such as "ValueError".
///
/// @param error borrowed; may be NULL
/// @return borrowed until the error is freed; NUL-terminated UTF-8; NULL unless the error is an exception
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_type_name(error: *const rpyc_error) -> *const c_char {
    // SAFETY: the contract of the border.
    unsafe { read_raised(error, |raised| Some(&raised.name)) }
}

/// The traceback of an exception, as the peer sent it: where in its program the exception was raised.
///
/// The peer decides what it tells; Python sends "<traceback denied>" with include_local_traceback off.
///
/// @param error borrowed; may be NULL
/// @return borrowed until the error is freed; NUL-terminated UTF-8 of many lines; NULL unless the error is an exception
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_traceback(error: *const rpyc_error) -> *const c_char {
    // SAFETY: the contract of the border.
    unsafe { read_raised(error, |raised| Some(&raised.traceback)) }
}

/// The arguments of an exception, Python's `args`.
///
/// They are plain data: what could not travel by value came as its repr (RPyC wire: exceptions).
///
/// @param error borrowed; may be NULL
/// @return an owned tuple, freed with rpyc_value_free(); NULL unless the error is an exception
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_args(error: *const rpyc_error) -> *mut rpyc_value {
    let tuple = |error: &Report| Some(handle::value_new(Value::tuple(error.exception()?.args.clone())));
    // SAFETY: the contract of the border.
    unsafe { read(error, ptr::null_mut(), tuple) }
}

/// The arguments and attributes of an exception at once, packed: a tuple of a tuple and a dict. For bindings of other
/// languages; see rpyc_session_ask_packed.
///
/// @param error borrowed; may be NULL
/// @return an owned bytes value, freed with rpyc_value_free(); NULL unless the error is an exception
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_packed(error: *const rpyc_error) -> *mut rpyc_value {
    let packed = |error: &Report| {
        let exception = error.exception()?;
        let mut packed = Vec::new();
        crate::ffi::border::packed::put_call(&mut packed, &exception.args, &exception.attributes);
        Some(handle::value_new(Value::Bytes(packed.into())))
    };
    // SAFETY: the contract of the border.
    unsafe { read(error, ptr::null_mut(), packed) }
}

/// How many attributes came with an exception, such as the errno of an OSError.
///
/// @param error borrowed; may be NULL
/// @return a number; 0 unless the error is an exception
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_attribute_count(error: *const rpyc_error) -> usize {
    // SAFETY: the contract of the border.
    unsafe { read(error, 0, |error| Some(error.exception()?.attributes.len())) }
}

/// The name of an exception's attribute.
///
/// @param error borrowed; may be NULL
/// @param index from 0 to rpyc_error_attribute_count() - 1
/// @return borrowed until the error is freed; NUL-terminated UTF-8; NULL past the end
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_attribute_name(error: *const rpyc_error, index: usize) -> *const c_char {
    // SAFETY: the contract of the border.
    unsafe { read_raised(error, |raised| raised.names.get(index)) }
}

/// An attribute of an exception.
///
/// @param error borrowed; may be NULL
/// @param name copied; NUL-terminated UTF-8; may be NULL
/// @return owned, freed with rpyc_value_free(); NULL if there is no such attribute
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_attribute(error: *const rpyc_error, name: *const c_char) -> *mut rpyc_value {
    let find = |error: &Report| {
        // SAFETY: the contract of the border.
        let name = unsafe { pointer::name(name, "name") }.ok()?;
        let raised = error.raised.as_ref()?;
        // Python sets them one after the other: the last one stays.
        let at = raised.names.iter().rposition(|other| other.as_bytes() == name.as_bytes())?;
        let (_, value) = raised.exception.attributes.get(at)?;
        Some(handle::value_new(value.clone()))
    };
    // SAFETY: the contract of the border.
    unsafe { read(error, ptr::null_mut(), find) }
}

/// The application's own code of an exception's type, from rpyc_config_register_exception or the resolver.
///
/// @param error borrowed; may be NULL
/// @return the code; 0 if the type has none, or the options of the connection do not let it be told apart
///
/// Threads: one thread at a time per handle; the resolver may run. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_code(error: *const rpyc_error) -> i32 {
    // SAFETY: the contract of the border.
    unsafe { read(error, 0, |error| error.exception()?.code()) }
}

/// What the program is to give exit() for RPYC_ERR_EXIT and RPYC_ERR_INTERRUPTED, as Python would: the number that
/// SystemExit was raised with, 0 for none, 1 for anything else, 130 for KeyboardInterrupt.
///
/// @param error borrowed; may be NULL
/// @return the code; 0 for NULL, 1 for every other error
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_exit_code(error: *const rpyc_error) -> i32 {
    let code = |error: &Report| match error.exception() {
        Some(exception) if exception.ends_program() => Some(exception.exit_code()),
        _ => Some(1),
    };
    // SAFETY: the contract of the border.
    unsafe { read(error, 0, code) }
}

/// Is an error an exception of this type? Types derived from it are not counted: what a type derives from does not travel.
///
/// @param error borrowed; may be NULL
/// @param name copied; NUL-terminated: the type's name ("ValueError"), or module and name ("bank.InsufficientFunds")
/// @return whether it is; false for NULL and for errors that are not exceptions
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_is(error: *const rpyc_error, name: *const c_char) -> bool {
    let is = |error: &Report| {
        // SAFETY: the contract of the border.
        let wanted = unsafe { pointer::name(name, "name") }.ok()?.as_bytes();
        let raised = error.raised.as_ref()?;
        let [module, name] = [&raised.module, &raised.name].map(|text| text.as_bytes());
        let qualified = || wanted.strip_prefix(module)?.strip_prefix(b".");
        Some(wanted == name || qualified() == Some(name))
    };
    // SAFETY: the contract of the border.
    unsafe { read(error, false, is) }
}

/// Lends a text of an exception.
///
/// # Safety
/// The handle is NULL or a live error, and the text is not used after it is freed.
unsafe fn read_raised(error: *const rpyc_error, reader: impl FnOnce(&Raised) -> Option<&CString>) -> *const c_char {
    let lend = |error: &Report| reader(error.raised.as_ref()?).map(|text| CStr::as_ptr(text));
    // SAFETY: the same is asked of our caller.
    unsafe { read(error, ptr::null(), lend) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::ffi::border::boundary::ffi_boundary;

    use crate::ffi::border::status::{RPYC_ERR_REMOTE, RPYC_ERR_TIMEOUT};
    use crate::ffi::value::kind::rpyc_value_free;
    use crate::ffi::value::read::{rpyc_value_count, rpyc_value_get_int, rpyc_value_item};
    use crate::value::Text;

    fn made(error: Error) -> *mut rpyc_error {
        let mut made = ptr::null_mut();
        // SAFETY: the place lives here.
        assert_ne!(unsafe { ffi_boundary(&mut made, || Err(error.into())) }, RPYC_OK);
        made
    }

    /// The text behind a pointer; None for NULL.
    unsafe fn text(pointer: *const c_char) -> Option<String> {
        // SAFETY: NULL or a live text that ends with NUL.
        (!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer) }.to_str().unwrap().to_owned())
    }

    #[test]
    fn an_exception_in_all_its_parts() {
        let mut exception = Exception::with_args("bank", "Broke", vec![Value::str("no\0money"), Value::Int(100)]);
        exception.traceback = Text::new("Traceback\n  line\0 1\n");
        exception.attributes =
            [("balance", 30), ("code", 1), ("balance", 31)].map(|(name, n)| (Text::new(name), Value::Int(n))).into();
        let error = made(Error::Remote(exception));
        // SAFETY: the error is live until it is freed below, and so is what is read of it.
        unsafe {
            assert_eq!(rpyc_error_status(error), RPYC_ERR_REMOTE);
            assert_eq!(text(rpyc_error_message(error)).unwrap(), r"bank.Broke: ('no\x00money', 100)");
            assert_eq!(text(rpyc_error_type_module(error)).unwrap(), "bank");
            assert_eq!(text(rpyc_error_type_name(error)).unwrap(), "Broke");
            assert_eq!(text(rpyc_error_traceback(error)).unwrap(), "Traceback\n  line\u{fffd} 1\n");
            let args = rpyc_error_args(error);
            assert_eq!(rpyc_value_count(args), 2);
            let mut n = 0;
            assert_eq!(rpyc_value_get_int(rpyc_value_item(args, 1), &mut n, ptr::null_mut()), RPYC_OK);
            assert_eq!(n, 100);
            rpyc_value_free(args);
            assert_eq!(rpyc_error_attribute_count(error), 3);
            assert_eq!(text(rpyc_error_attribute_name(error, 1)).unwrap(), "code");
            assert!(rpyc_error_attribute_name(error, 3).is_null());
            let balance = rpyc_error_attribute(error, c"balance".as_ptr());
            assert_eq!(rpyc_value_get_int(balance, &mut n, ptr::null_mut()), RPYC_OK);
            assert_eq!(n, 31);
            rpyc_value_free(balance);
            assert!(rpyc_error_attribute(error, c"other".as_ptr()).is_null());
            assert!(rpyc_error_attribute(error, ptr::null()).is_null());
            for (name, is) in [
                (c"Broke", true),
                (c"bank.Broke", true),
                (c"builtins.Broke", false),
                (c".Broke", false),
                (c"bankBroke", false),
                (c"bank", false),
                (c"", false),
                (c"\xff", false),
            ] {
                assert_eq!(rpyc_error_is(error, name.as_ptr()), is, "{name:?}");
            }
            assert!(!rpyc_error_is(error, ptr::null()));
            rpyc_error_free(error);
        }
    }

    #[test]
    fn an_error_of_our_own() {
        let error = made(Error::Timeout("no\0answer".into()));
        // SAFETY: the error is live until it is freed below.
        unsafe {
            assert_eq!(rpyc_error_status(error), RPYC_ERR_TIMEOUT);
            assert_eq!(text(rpyc_error_message(error)).unwrap(), "no\u{fffd}answer");
            no_exception(error);
            rpyc_error_free(error);
        }
    }

    #[test]
    fn null_is_no_error() {
        let error = ptr::null_mut();
        // SAFETY: NULL is allowed.
        unsafe {
            assert_eq!(rpyc_error_status(error), RPYC_OK);
            assert_eq!(text(rpyc_error_message(error)).unwrap(), "");
            no_exception(error);
            rpyc_error_free(error);
        }
    }

    unsafe fn no_exception(error: *const rpyc_error) {
        // SAFETY: NULL or a live error.
        unsafe {
            assert!(rpyc_error_type_module(error).is_null());
            assert!(rpyc_error_type_name(error).is_null());
            assert!(rpyc_error_traceback(error).is_null());
            assert!(rpyc_error_args(error).is_null());
            assert_eq!(rpyc_error_attribute_count(error), 0);
            assert!(rpyc_error_attribute_name(error, 0).is_null());
            assert!(rpyc_error_attribute(error, c"x".as_ptr()).is_null());
            assert!(!rpyc_error_is(error, c"".as_ptr()));
        }
    }

    #[test]
    fn an_error_can_be_passed_on() {
        let error = made(Error::Remote(Exception::builtin("KeyError", "pear")));
        // SAFETY: the error is given up.
        let report = unsafe { handle::take(error) }.unwrap();
        assert_eq!((report.status, report.text()), (RPYC_ERR_REMOTE, "KeyError: 'pear'"));
        assert!(report.into_raised().is_builtin("KeyError"));
        let error = made(Error::Limit("much".into()));
        // SAFETY: as above.
        assert!(unsafe { handle::take(error) }.unwrap().exception().is_none());
    }
}
