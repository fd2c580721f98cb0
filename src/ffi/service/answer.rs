//! rpyc_call: answering.

use crate::error::Exception;
use crate::ffi::border::boundary::ffi_boundary_status;
use crate::ffi::border::handle;
use crate::ffi::border::pointer::{bytes, name, present, take_values, text};
use crate::ffi::border::status::{Failure, RPYC_ERR_TYPE, Result, rpyc_status};
use crate::ffi::border::types::{rpyc_call, rpyc_error, rpyc_object, rpyc_value};
use crate::ffi::service::call::checked;
use crate::value::{Blob, Text, Value};
use std::ffi::{c_char, c_void};

/// Answers with a value.
///
/// @param call borrowed
/// @param value consumed, on success and on every failure; NULL: None
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_STATE (answered already), RPYC_ERR_CLOSED (the caller is gone), RPYC_ERR_TYPE
///         and RPYC_ERR_LIMIT (the value cannot be sent: the caller has been told)
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_return(call: *mut rpyc_call, value: *mut rpyc_value) -> rpyc_status {
    ffi_boundary_status(|| {
        // SAFETY: the contract of the border.
        let value = unsafe { handle::value_take(value) }.unwrap_or_default();
        // SAFETY: as above.
        Ok(unsafe { checked(call) }?.reply(value)?)
    })
}

/// Answers with a bool.
///
/// @param call borrowed
/// @param value 0: False; otherwise True
/// @return as rpyc_call_return
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_return_bool(call: *mut rpyc_call, value: i32) -> rpyc_status {
    // SAFETY: the contract of the border.
    ffi_boundary_status(|| Ok(unsafe { checked(call) }?.reply(Value::Bool(value != 0))?))
}

/// Answers with an int.
///
/// @param call borrowed
/// @param value the answer
/// @return as rpyc_call_return
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_return_int(call: *mut rpyc_call, value: i64) -> rpyc_status {
    // SAFETY: the contract of the border.
    ffi_boundary_status(|| Ok(unsafe { checked(call) }?.reply(Value::Int(value))?))
}

/// Answers with a float.
///
/// @param call borrowed
/// @param value the answer
/// @return as rpyc_call_return
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_return_float(call: *mut rpyc_call, value: f64) -> rpyc_status {
    // SAFETY: the contract of the border.
    ffi_boundary_status(|| Ok(unsafe { checked(call) }?.reply(Value::Float(value))?))
}

/// Answers with a text.
///
/// @param call borrowed
/// @param text copied; UTF-8
/// @param length bytes, or RPYC_NUL_TERMINATED
/// @return as rpyc_call_return, and RPYC_ERR_UTF8 (not answered)
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_return_str(call: *mut rpyc_call, text: *const c_char, length: usize) -> rpyc_status {
    // SAFETY: the contract of the border.
    ffi_boundary_status(|| unsafe {
        let call = checked(call)?;
        Ok(call.reply(Value::Str(Text::new(self::text(text, length, "text")?)))?)
    })
}

/// Answers with bytes.
///
/// @param call borrowed
/// @param data copied
/// @param length bytes
/// @return as rpyc_call_return
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_return_bytes(
    call: *mut rpyc_call,
    data: *const c_void,
    length: usize,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    ffi_boundary_status(|| unsafe {
        let call = checked(call)?;
        Ok(call.reply(Value::Bytes(Blob::copy(bytes(data.cast(), length, "data")?)))?)
    })
}

/// Answers with an object.
///
/// @param call borrowed
/// @param object copied reference
/// @return as rpyc_call_return
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_return_object(call: *mut rpyc_call, object: *const rpyc_object) -> rpyc_status {
    // SAFETY: the contract of the border.
    ffi_boundary_status(|| unsafe {
        let call = checked(call)?;
        let object = handle::require(object, "object")?;
        Ok(call.reply(Value::Ref(object.reference.clone()))?)
    })
}

/// The module and name of "ValueError" or "module.Name".
fn type_of(full: &str) -> (&str, &str) {
    full.rsplit_once('.').unwrap_or(("builtins", full))
}

/// Answers with an exception that has one argument, its message.
///
/// @param call borrowed
/// @param name copied; a builtin of Python such as "ValueError", or "module.Name"; "StopIteration" ends an iteration
/// @param message copied; NULL: no arguments
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_STATE (answered already), RPYC_ERR_CLOSED
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_raise(
    call: *mut rpyc_call,
    name: *const c_char,
    message: *const c_char,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    ffi_boundary_status(|| unsafe {
        let call = checked(call)?;
        let (module, name) = type_of(self::name(name, "name")?);
        let args = match message.is_null() {
            true => Vec::new(),
            false => vec![Value::str(self::name(message, "message")?)],
        };
        Ok(call.raise(Exception::with_args(module, name, args))?)
    })
}

/// Answers with an exception that has any arguments and attributes. What cannot travel by value arrives as its repr.
///
/// Builtin types whose constructors make attributes of their arguments get those as in Python: an OSError with 2 and two texts is a
/// FileNotFoundError with errno, strerror and filename. Attributes that are given stay as they are.
///
/// @param call borrowed
/// @param module copied; NULL: "builtins"
/// @param name copied; the class's name
/// @param args consumed, on success and on every failure
/// @param count number of args
/// @param attributes consumed; a dict with text keys; NULL: none
/// @return as rpyc_call_raise, and RPYC_ERR_TYPE (attributes are no such dict)
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_raise_with(
    call: *mut rpyc_call,
    module: *const c_char,
    name: *const c_char,
    args: *const *mut rpyc_value,
    count: usize,
    attributes: *mut rpyc_value,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    ffi_boundary_status(|| unsafe {
        let (args, attributes) = (take_values(args, count, "args"), handle::value_take(attributes));
        let call = checked(call)?;
        let module = if module.is_null() { "builtins" } else { self::name(module, "module")? };
        let mut exception = Exception::with_args(module, self::name(name, "name")?, args?);
        exception.attributes = named(attributes)?;
        Ok(call.raise(exception)?)
    })
}

fn named(attributes: Option<Value>) -> Result<Vec<(Text, Value)>> {
    let wrong = || Failure::new(RPYC_ERR_TYPE, "attributes are a dict with text keys");
    match attributes {
        None | Some(Value::None) => Ok(Vec::new()),
        Some(Value::Dict(entries)) => entries
            .iter()
            .map(|(key, value)| match key {
                Value::Str(key) => Ok((key.clone(), value.clone())),
                _ => Err(wrong()),
            })
            .collect(),
        Some(_) => Err(wrong()),
    }
}

/// Answers with an error: a remote exception passes on as it is, with its traceback; other errors become what stock Python
/// raises for the same. A timeout becomes a TimeoutError, the end of a connection an EOFError, RPYC_ERR_IO and RPYC_ERR_ADDRESS an
/// OSError, RPYC_ERR_UNSAFE a PermissionError, RPYC_ERR_TYPE a TypeError, RPYC_ERR_RANGE an OverflowError, RPYC_ERR_NO_MEMORY a MemoryError; RPYC_ERR_ARGUMENT,
/// RPYC_ERR_MALFORMED and RPYC_ERR_LIMIT a ValueError; anything else a RuntimeError.
///
/// @param call borrowed
/// @param error consumed, on success and on every failure
/// @return as rpyc_call_raise
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_raise_error(call: *mut rpyc_call, error: *mut rpyc_error) -> rpyc_status {
    // SAFETY: the contract of the border.
    ffi_boundary_status(|| unsafe {
        let report = handle::take(error);
        let call = checked(call)?;
        let report = present(report, "error")?;
        Ok(call.raise(report.into_raised())?)
    })
}
