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

/// Makes an error of the application and returns its status, so that functions of the application can report errors as
/// those of this library do.
///
/// ```c
/// static rpyc_status check_row(size_t row, size_t rows, rpyc_error **error_out)
/// {
///     if (row < rows)
///         return RPYC_OK;
///     return rpyc_error_new(RPYC_ERR_ARGUMENT, "LookupError", "no such row", error_out);
/// }
/// ```
///
/// @param status status of the error, which this function returns; RPYC_OK and unknown statuses become
///        RPYC_ERR_ARGUMENT
/// @param type copied, NUL-terminated: the exception type that a peer gets when the error is passed on with
///        rpyc_call_raise_error(), in the form of rpyc_call_raise(); NULL for the type that rpyc_call_raise_error()
///        documents for the status
/// @param message copied, NUL-terminated; NULL for the name of the status
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return status, or RPYC_ERR_UTF8 (type or message is not UTF-8)
///
/// Threads: any. Since: 0.1.
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

/// Copies an error, for example one that is borrowed for a callback.
///
/// @param error borrowed
/// @return owned, free with rpyc_error_free(); NULL for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_clone(error: *const rpyc_error) -> *mut rpyc_error {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || {
        unsafe { handle::as_ref(error) }.map_or(ptr::null_mut(), |report| handle::new(report.clone()))
    })
}

/// Frees an error and every string that was borrowed from it.
///
/// @param error consumed; NULL does nothing
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_free(error: *mut rpyc_error) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(error) }));
}

/// Gets the status of an error. It is the status that the failed function returned.
///
/// @param error borrowed; may be NULL
/// @return the status; RPYC_OK for NULL
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_status(error: *const rpyc_error) -> rpyc_status {
    // SAFETY: the contract of the border.
    ffi_boundary_or(RPYC_ERR_PANIC, || unsafe { handle::as_ref(error) }.map_or(RPYC_OK, |error| error.status))
}

/// Gets the message of an error.
///
/// For an exception it is the type and the message as Python prints them, without the traceback. For RPYC_ERR_DENIED it
/// also names the rule and the remedy.
///
/// @param error borrowed; may be NULL
/// @return borrowed until the error is freed, NUL-terminated UTF-8 (an embedded NUL is replaced by U+FFFD); never NULL;
///         "" for NULL
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_message(error: *const rpyc_error) -> *const c_char {
    // SAFETY: the contract of the border.
    unsafe { read(error, c"".as_ptr(), |error| Some(error.message.as_ptr())) }
}

/// Gets the message of an error in a form that is safe to print or log.
///
/// It is rpyc_error_message() on one line. Control characters, line separators and marks that change the writing
/// direction are escaped as in Python (`\n`, `\x1b`, `\u202e`).
///
/// The message of an exception comes from the peer. Show the result of this function; compare and pass on the result of
/// rpyc_error_message().
///
/// @param error borrowed; may be NULL
/// @return borrowed until the error is freed, NUL-terminated UTF-8; never NULL; "" for NULL
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_describe(error: *const rpyc_error) -> *const c_char {
    // SAFETY: the contract of the border.
    unsafe { read(error, c"".as_ptr(), |error| Some(error.description().as_ptr())) }
}

/// Gets the module of an exception's type, such as "builtins".
///
/// @param error borrowed; may be NULL
/// @return borrowed until the error is freed, NUL-terminated UTF-8; NULL unless the error is an exception
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_type_module(error: *const rpyc_error) -> *const c_char {
    // SAFETY: the contract of the border.
    unsafe { read_raised(error, |raised| Some(&raised.module)) }
}

/// Gets the name of an exception's type, such as "ValueError".
///
/// @param error borrowed; may be NULL
/// @return borrowed until the error is freed, NUL-terminated UTF-8; NULL unless the error is an exception
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_type_name(error: *const rpyc_error) -> *const c_char {
    // SAFETY: the contract of the border.
    unsafe { read_raised(error, |raised| Some(&raised.name)) }
}

/// Gets the traceback of an exception as the peer sent it. It shows where in the peer's program the exception was
/// raised.
///
/// The peer decides what it contains. Python sends "<traceback denied>" if include_local_traceback is off.
///
/// @param error borrowed; may be NULL
/// @return borrowed until the error is freed, NUL-terminated UTF-8 of several lines; NULL unless the error is an
///         exception
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_traceback(error: *const rpyc_error) -> *const c_char {
    // SAFETY: the contract of the border.
    unsafe { read_raised(error, |raised| Some(&raised.traceback)) }
}

/// Gets the arguments of an exception, Python's `args`.
///
/// They are plain data. An argument that cannot be passed by value is replaced by its repr (RPyC wire: exceptions).
///
/// @param error borrowed; may be NULL
/// @return owned, free with rpyc_value_free(): a tuple; NULL unless the error is an exception
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_args(error: *const rpyc_error) -> *mut rpyc_value {
    let tuple = |error: &Report| Some(handle::value_new(Value::tuple(error.exception()?.args.clone())));
    // SAFETY: the contract of the border.
    unsafe { read(error, ptr::null_mut(), tuple) }
}

/// Gets the arguments and attributes of an exception in one packed value: a tuple of a tuple and a dict.
///
/// It is meant for language bindings; see rpyc_session_ask_packed().
///
/// @param error borrowed; may be NULL
/// @return owned, free with rpyc_value_free(): a bytes value; NULL unless the error is an exception
///
/// Threads: one at a time per handle. Since: 0.1.
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

/// Returns the number of attributes that an exception has, such as the errno of an OSError.
///
/// ```c
/// for (size_t at = 0; at < rpyc_error_attribute_count(error); ++at)
///     printf("%s\n", rpyc_error_attribute_name(error, at));
/// ```
///
/// @param error borrowed; may be NULL
/// @return the number; 0 unless the error is an exception
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_attribute_count(error: *const rpyc_error) -> usize {
    // SAFETY: the contract of the border.
    unsafe { read(error, 0, |error| Some(error.exception()?.attributes.len())) }
}

/// Gets the name of an attribute of an exception by index.
///
/// @param error borrowed; may be NULL
/// @param index from 0 to rpyc_error_attribute_count() - 1
/// @return borrowed until the error is freed, NUL-terminated UTF-8; NULL past the end
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_attribute_name(error: *const rpyc_error, index: usize) -> *const c_char {
    // SAFETY: the contract of the border.
    unsafe { read_raised(error, |raised| raised.names.get(index)) }
}

/// Gets an attribute of an exception by name.
///
/// ```c
/// int64_t number = 0;
/// rpyc_value *attribute = rpyc_error_attribute(error, "errno");
/// if (attribute && !rpyc_value_get_int(attribute, &number, NULL))
///     fprintf(stderr, "errno of the peer: %d\n", (int)number);
/// rpyc_value_free(attribute);
/// ```
///
/// @param error borrowed; may be NULL
/// @param name copied, NUL-terminated UTF-8; may be NULL
/// @return owned, free with rpyc_value_free(); NULL if there is no such attribute
///
/// Threads: one at a time per handle. Since: 0.1.
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

/// Gets the application's code for an exception's type, from rpyc_config_register_exception() or the resolver.
///
/// @param error borrowed; may be NULL
/// @return the code; 0 if the type has none, or if the options of the connection do not let the type be identified
///
/// Threads: one at a time per handle; the resolver may run. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_code(error: *const rpyc_error) -> i32 {
    // SAFETY: the contract of the border.
    unsafe { read(error, 0, |error| error.exception()?.code()) }
}

/// Gets the exit code for RPYC_ERR_EXIT and RPYC_ERR_INTERRUPTED, to be passed to exit().
///
/// It is the code that Python would use. For SystemExit it is the number that the exception was raised with, 0 for None
/// and 1 for anything else. For KeyboardInterrupt it is 130.
///
/// @param error borrowed; may be NULL
/// @return the code; 0 for NULL, 1 for every other error
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_error_exit_code(error: *const rpyc_error) -> i32 {
    let code = |error: &Report| match error.exception() {
        Some(exception) if exception.ends_program() => Some(exception.exit_code()),
        _ => Some(1),
    };
    // SAFETY: the contract of the border.
    unsafe { read(error, 0, code) }
}

/// Returns whether an error is an exception of a type. An exception of a derived type does not match, because base
/// classes are not sent.
///
/// @param error borrowed; may be NULL
/// @param name copied, NUL-terminated: the name of the type ("ValueError"), or its module and name
///        ("bank.InsufficientFunds")
/// @return whether the type matches; false for NULL and for errors that are not exceptions
///
/// Threads: one at a time per handle. Since: 0.1.
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

/// Borrows a string of an exception.
///
/// # Safety
/// The handle is NULL or a live error, and the string is not used after it is freed.
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
