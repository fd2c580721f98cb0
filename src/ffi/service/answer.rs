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
/// @param value consumed, also on failure; NULL for None
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_STATE (answered already), RPYC_ERR_CLOSED (the caller has gone),
///         RPYC_ERR_TYPE and RPYC_ERR_LIMIT (the value cannot be sent; the caller has been told)
///
/// Threads: one at a time per handle. Since: 0.1.
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
/// @param value 0 for False, otherwise True
/// @return as rpyc_call_return
///
/// Threads: one at a time per handle. Since: 0.1.
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
/// Threads: one at a time per handle. Since: 0.1.
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
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_return_float(call: *mut rpyc_call, value: f64) -> rpyc_status {
    // SAFETY: the contract of the border.
    ffi_boundary_status(|| Ok(unsafe { checked(call) }?.reply(Value::Float(value))?))
}

/// Answers with a str.
///
/// @param call borrowed
/// @param text copied; UTF-8
/// @param length number of bytes, or RPYC_NUL_TERMINATED
/// @return as rpyc_call_return, and RPYC_ERR_UTF8 (the call is not answered)
///
/// Threads: one at a time per handle. Since: 0.1.
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
/// @param length number of bytes
/// @return as rpyc_call_return
///
/// Threads: one at a time per handle. Since: 0.1.
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
/// @param object copied (a reference)
/// @return as rpyc_call_return
///
/// Threads: one at a time per handle. Since: 0.1.
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

/// Answers with an exception that has its message as the only argument.
///
/// @param call borrowed
/// @param name copied; a builtin of Python such as "ValueError", or "module.Name"; "StopIteration" ends an iteration
/// @param message copied; NULL for no arguments
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_STATE (answered already), RPYC_ERR_CLOSED
///
/// Threads: one at a time per handle. Since: 0.1.
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

/// Answers with an exception that has any arguments and attributes. Those that cannot be passed by value arrive as
/// their repr.
///
/// For builtin types whose constructors set attributes from their arguments, these attributes are set as in Python: an
/// OSError with 2 and two strings is a FileNotFoundError with errno, strerror and filename. Given attributes are not
/// changed.
///
/// ```c
/// static void open_table(rpyc_call *call, void *self)
/// {
///     rpyc_value *args[3];
///
///     (void)self;
///     args[0] = rpyc_int(2); // ENOENT
///     args[1] = rpyc_str("No such file or directory");
///     args[2] = rpyc_str("/data/table");
///     rpyc_call_raise_with(call, NULL, "OSError", args, 3, NULL); // a FileNotFoundError
/// }
/// ```
///
/// @param call borrowed
/// @param module copied; NULL for "builtins"
/// @param name copied; name of the class
/// @param args consumed (each value), also on failure
/// @param count number of args
/// @param attributes consumed, also on failure; a dict with str keys; NULL for none
/// @return as rpyc_call_raise, and RPYC_ERR_TYPE (attributes are not a dict with str keys)
///
/// Threads: one at a time per handle. Since: 0.1.
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
    let wrong = || Failure::new(RPYC_ERR_TYPE, "attributes: expected a dict with str keys");
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

/// Answers with an error.
///
/// A remote exception is passed on unchanged, with its traceback. Another error becomes the exception that stock
/// Python raises for the same condition:
///
/// - a timeout: TimeoutError
/// - the end of a connection: EOFError
/// - RPYC_ERR_IO and RPYC_ERR_ADDRESS: OSError
/// - RPYC_ERR_UNSAFE: PermissionError
/// - RPYC_ERR_TYPE: TypeError
/// - RPYC_ERR_RANGE: OverflowError
/// - RPYC_ERR_NO_MEMORY: MemoryError
/// - RPYC_ERR_ARGUMENT, RPYC_ERR_MALFORMED and RPYC_ERR_LIMIT: ValueError
/// - any other: RuntimeError
///
/// ```c
/// static void forward(rpyc_call *call, void *self)
/// {
///     rpyc_value *result = NULL;
///     rpyc_error *error = NULL;
///
///     if (rpyc_object_call_method((rpyc_object *)self, "run", NULL, 0, NULL, &result, &error))
///         rpyc_call_raise_error(call, error); // consumes the error
///     else
///         rpyc_call_return(call, result); // consumes the value
/// }
/// ```
///
/// @param call borrowed
/// @param error consumed, also on failure
/// @return as rpyc_call_raise
///
/// Threads: one at a time per handle. Since: 0.1.
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
