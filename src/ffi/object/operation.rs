//! The form of all functions that ask one operation of an object, and what several of them take.

use crate::connection::ask_later;
use crate::ffi::border::boundary::ffi_boundary;
use crate::ffi::border::handle::{self, value_new, value_take};
use crate::ffi::border::pointer::{Empty, Values, output};
use crate::ffi::border::status::{Failure, RPYC_ERR_ARGUMENT, RPYC_ERR_TYPE, Result, rpyc_status};
use crate::ffi::border::time::timeout;
use crate::ffi::border::types::{rpyc_async_result, rpyc_error, rpyc_object, rpyc_value};
use crate::ffi::object::async_result::result_new;
use crate::objects::Promise;
use crate::objects::ask;
use crate::value::Ask;
use crate::value::CompareOp;
use crate::value::{Reference, Text, Value};
use std::time::Duration;

/// A pointer of the caller's with the name that it has in the header.
pub(crate) type Named<'a, T> = (*mut T, &'a str);

/// Asks one operation of an object and waits for the reply. What is consumed is taken before, and moved into `op`.
///
/// # Safety
/// The contract of the border.
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) unsafe fn operation<T: Empty>(
    object: Named<rpyc_object>,
    out: Named<T>,
    error_out: *mut *mut rpyc_error,
    op: impl FnOnce(&Reference) -> Result<T>,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || answer(object, out, op)) }
}

/// The same for an operation without a result.
///
/// # Safety
/// The contract of the border.
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) unsafe fn operation_without_answer(
    (object, argument): Named<rpyc_object>,
    error_out: *mut *mut rpyc_error,
    op: impl FnOnce(&Reference) -> Result<Value>,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || op(reference(object, argument)?).map(drop)) }
}

/// Asks one operation of an object; the reply arrives later.
///
/// # Safety
/// The contract of the border.
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) unsafe fn operation_async(
    object: Named<rpyc_object>,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
    op: impl FnOnce(Later) -> Result<Promise>,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || answer_later(object, timeout_ms, result_out, op)) }
}

/// What `operation` does inside its guard.
///
/// # Safety
/// The contract of the border.
pub(crate) unsafe fn answer<T: Empty>(
    (object, argument): Named<rpyc_object>,
    (out, name): Named<T>,
    op: impl FnOnce(&Reference) -> Result<T>,
) -> Result<()> {
    // SAFETY: the contract of the border.
    unsafe {
        let out = output(out, name)?;
        out.put(op(reference(object, argument)?)?)
    }
}

/// What `operation_async` does inside its guard.
///
/// # Safety
/// The contract of the border.
pub(crate) unsafe fn answer_later(
    (object, argument): Named<rpyc_object>,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    op: impl FnOnce(Later) -> Result<Promise>,
) -> Result<()> {
    // SAFETY: the contract of the border.
    unsafe {
        let out = output(result_out, "result_out")?;
        let object = reference(object, argument)?;
        out.put(result_new(op(Later { object, limit: timeout(timeout_ms) })?))
    }
}

/// A request whose reply arrives later.
pub(crate) struct Later<'a> {
    pub object: &'a Reference,
    pub limit: Option<Duration>,
}

impl Later<'_> {
    pub fn ask(self, operation: Ask) -> Result<Promise> {
        Ok(ask_later(self.object, operation, self.limit)?)
    }
}

/// Asks, and makes a handle of the answer.
pub(crate) fn ask_value(object: &Reference, operation: Ask) -> Result<*mut rpyc_value> {
    Ok(value_new(ask(object, operation)?))
}

/// A method that Python's operators call.
pub(crate) fn special<'a>(name: &'a str, args: &'a [Value]) -> Ask<'a> {
    Ask::CallAttr { name, args, keywords: &[] }
}

/// The reference of a handle, in a process that may use it.
///
/// # Safety
/// The handle is NULL or live, as long as is said of the result.
pub(crate) unsafe fn reference<'a>(object: *const rpyc_object, argument: &str) -> Result<&'a Reference> {
    // SAFETY: the same is asked of our caller.
    Ok(&unsafe { handle::require(object, argument) }?.reference)
}

pub(crate) fn compare_op(op: i32) -> Result<CompareOp> {
    usize::try_from(op)
        .ok()
        .and_then(|op| CompareOp::ALL.get(op).copied())
        .ok_or_else(|| Failure::new(RPYC_ERR_ARGUMENT, format_args!("op: expected RPYC_LT to RPYC_GE, got {op}")))
}

/// Arguments and keywords of a call, as they come from C.
pub(crate) struct Arguments<'a> {
    args: &'a [Value],
    keywords: Option<Vec<(Text, Value)>>,
}

impl<'a> Arguments<'a> {
    /// Takes them, whatever they are, for the time of `f`.
    ///
    /// # Safety
    /// The contract of the border.
    #[inline]
    pub unsafe fn take<R>(
        args: *const *mut rpyc_value,
        count: usize,
        keywords: *mut rpyc_value,
        f: impl FnOnce(Result<Arguments>) -> R,
    ) -> R {
        let mut values = Values::default();
        // SAFETY: the contract of the border.
        let (args, keywords) = unsafe { (values.take(args, count, "args"), value_take(keywords)) };
        f(Arguments::of(args, keywords))
    }

    #[inline]
    pub fn of(args: Result<&'a [Value]>, keywords: Option<Value>) -> Result<Arguments<'a>> {
        let keywords = if keywords.is_none() { None } else { Some(keyword_pairs(keywords)?) };
        Ok(Arguments { args: args?, keywords })
    }

    pub fn args(&self) -> &[Value] {
        self.args
    }

    pub fn keywords(&self) -> &[(Text, Value)] {
        self.keywords.as_deref().unwrap_or_default()
    }

    pub fn call(&self) -> Ask<'_> {
        Ask::Call { args: self.args, keywords: self.keywords.as_deref().unwrap_or_default() }
    }

    #[inline]
    pub fn call_method<'b>(&'b self, name: &'b str) -> Ask<'b> {
        Ask::CallAttr { name, args: self.args, keywords: self.keywords.as_deref().unwrap_or_default() }
    }
}

pub(crate) fn keyword_pairs(keywords: Option<Value>) -> Result<Vec<(Text, Value)>> {
    let wrong =
        |got: &str| Failure::new(RPYC_ERR_TYPE, format_args!("keywords: expected a dict with str keys, got {got}"));
    match &keywords {
        None | Some(Value::None) => Ok(Vec::new()),
        Some(Value::Dict(entries)) => entries
            .iter()
            .map(|(key, value)| match key {
                Value::Str(key) => Ok((key.clone(), value.clone())),
                other => Err(wrong(&format!("one with a key of type {}", other.type_name()))),
            })
            .collect(),
        Some(other) => Err(wrong(&format!("a value of type {}", other.type_name()))),
    }
}
