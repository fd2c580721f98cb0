//! rpyc_object: objects of a peer and our own; attributes, calls, texts, comparison.

use crate::connection::{Connection, shared_of};
use crate::ffi::border::guard::{guard, guard_or};
use crate::ffi::border::handle::{self, rpyc_object, rpyc_value};
use crate::ffi::border::pointer::{Values, name, output};
use crate::ffi::border::status::{Failure, RPYC_ERR_ARGUMENT, RPYC_ERR_STATE, RPYC_ERR_TYPE, Result, rpyc_status};
use crate::ffi::border::userdata::{Userdata, rpyc_free_fn};
use crate::ffi::connection::lifetime::rpyc_connection;
use crate::ffi::error::rpyc_error;
use crate::ffi::service::class::{CSelf, rpyc_class};
use crate::objects::{Object, ask};
use crate::value::{Ask, CompareOp, Proxy, Reference, Text, Value};
use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;
use std::sync::Arc;

/// Is it less?
pub const RPYC_LT: i32 = 0;
/// Is it less or equal?
pub const RPYC_LE: i32 = 1;
/// Is it equal?
pub const RPYC_EQ: i32 = 2;
/// Is it unequal?
pub const RPYC_NE: i32 = 3;
/// Is it greater?
pub const RPYC_GT: i32 = 4;
/// Is it greater or equal?
pub const RPYC_GE: i32 = 5;

/// What a handle stands for, in a process that may use it.
///
/// # Safety
/// The handle is NULL or live, as long as is said of the result.
pub(crate) unsafe fn reference<'a>(object: *const rpyc_object, argument: &str) -> Result<&'a Reference> {
    // SAFETY: the same is asked of our caller.
    Ok(&unsafe { handle::get(object, argument) }?.reference)
}

pub(crate) fn compare_op(op: i32) -> Result<CompareOp> {
    usize::try_from(op)
        .ok()
        .and_then(|op| CompareOp::ALL.get(op).copied())
        .ok_or_else(|| Failure::new(RPYC_ERR_ARGUMENT, format_args!("{op} is no comparison")))
}

/// Arguments and keywords of a call, as they come from C.
pub(crate) struct Arguments<'a> {
    args: &'a [Value],
    keywords: Vec<(Text, Value)>,
}

impl<'a> Arguments<'a> {
    #[inline]
    pub fn of(args: Result<&'a [Value]>, keywords: Option<Value>) -> Result<Arguments<'a>> {
        let keywords = if keywords.is_none() { Vec::new() } else { keyword_pairs(keywords)? };
        Ok(Arguments { args: args?, keywords })
    }

    pub fn call(&self) -> Ask<'_> {
        Ask::Call { args: self.args, keywords: &self.keywords }
    }

    #[inline]
    pub fn call_method<'b>(&'b self, name: &'b str) -> Ask<'b> {
        Ask::CallAttr { name, args: self.args, keywords: &self.keywords }
    }
}

pub(crate) fn keyword_pairs(keywords: Option<Value>) -> Result<Vec<(Text, Value)>> {
    let wrong = |got: &str| Failure::new(RPYC_ERR_TYPE, format_args!("keywords are a dict with text keys, not {got}"));
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

/// Another handle of the same object.
///
/// @param object borrowed
/// @return owned; NULL for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_clone(object: *const rpyc_object) -> *mut rpyc_object {
    // SAFETY: NULL or a live handle.
    guard_or(ptr::null_mut(), || {
        unsafe { handle::peek(object) }.map_or(ptr::null_mut(), |object| handle::new(object.reference.clone().into()))
    })
}

/// Frees a handle. With the last use of an object of the peer, the peer is told as the option release says.
///
/// @param object consumed; NULL does nothing
///
/// Threads: any thread; never waits. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_free(object: *mut rpyc_object) {
    guard_or((), || {
        // SAFETY: NULL or owned by the caller, who gives it up.
        let Some(taken) = (unsafe { handle::take(object) }) else { return };
        let shared = match &taken.reference {
            Reference::Remote(proxy) if !proxy.home().is_empty() => shared_of(proxy).ok(),
            _ => None,
        };
        drop(taken);
        if let Some(shared) = shared {
            shared.release_soon();
        }
    });
}

/// Is it an object of a peer?
///
/// @param object borrowed
/// @return false for objects of this process, and for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_is_remote(object: *const rpyc_object) -> bool {
    // SAFETY: NULL or a live handle.
    guard_or(false, || {
        unsafe { handle::peek(object) }.is_some_and(|object| matches!(object.reference, Reference::Remote(_)))
    })
}

/// Is it a class?
///
/// @param object borrowed
/// @return false also for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_is_class(object: *const rpyc_object) -> bool {
    // SAFETY: NULL or a live handle.
    guard_or(false, || {
        unsafe { handle::peek(object) }.is_some_and(|object| match &object.reference {
            Reference::Remote(proxy) => proxy.is_class,
            Reference::Local(local) => local.instances().is_some(),
        })
    })
}

/// Are two handles the same object, as Python's "is"?
///
/// @param left borrowed
/// @param right borrowed
/// @return false where one is NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_same(left: *const rpyc_object, right: *const rpyc_object) -> bool {
    // SAFETY: NULL or live handles.
    guard_or(false, || match unsafe { (handle::peek(left), handle::peek(right)) } {
        (Some(left), Some(right)) => left.reference.same(&right.reference),
        _ => false,
    })
}

/// The name of an object's type with its module, such as "builtins.list"; for a class, its own name.
///
/// @param object borrowed
/// @return borrowed until the handle is freed; NUL-terminated; NULL for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_type_name(object: *const rpyc_object) -> *const c_char {
    // SAFETY: NULL or a live handle.
    guard_or(ptr::null(), || {
        unsafe { handle::peek(object) }
            .map_or(ptr::null(), |object| object.type_name.get_or_init(|| c_name(&object.reference)).as_ptr())
    })
}

fn c_name(reference: &Reference) -> CString {
    let text = match reference {
        Reference::Remote(proxy) => proxy.type_name.to_string(),
        Reference::Local(local) => local.instances().unwrap_or(local.shape()).type_name.to_string(),
    };
    CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_else(|_| <&CStr>::default().to_owned())
}

/// The connection over which an object of a peer was lent.
///
/// @param object borrowed
/// @param connection_out owned; it does not keep the connection open
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_STATE (an object of this process), RPYC_ERR_CLOSED
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_connection(
    object: *const rpyc_object,
    connection_out: *mut *mut rpyc_connection,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(connection_out, "connection_out")?;
            match reference(object, "object")? {
                Reference::Remote(proxy) => out.put(handle::new(Connection::borrowed(connection_of(proxy)?))),
                Reference::Local(_) => Err(Failure::new(RPYC_ERR_STATE, "the object belongs to this process")),
            }
        })
    }
}

fn connection_of(proxy: &Proxy) -> Result<Arc<crate::connection::Shared>> {
    Ok(shared_of(proxy)?)
}

/// Makes an object of this process: an instance of a class around a pointer.
///
/// @param klass copied reference
/// @param self_ given to the class's callbacks
/// @param self_free ends self when neither this process nor a peer uses the object any more; may be NULL
/// @param object_out owned
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_new(
    klass: *const rpyc_class,
    self_: *mut c_void,
    self_free: rpyc_free_fn,
    object_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let state = CSelf(Userdata::new(self_, self_free));
            let out = output(object_out, "object_out")?;
            let klass = handle::get(klass, "klass")?;
            out.put(handle::new(Reference::Local(klass.instance(Box::new(state))).into()))
        })
    }
}

/// The pointer inside an object of this process.
///
/// @param object borrowed
/// @param klass borrowed; the object must be an instance of it, or of a class derived from it
/// @return borrowed, as long as the object lives; NULL for other objects
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_self(object: *const rpyc_object, klass: *const rpyc_class) -> *mut c_void {
    // SAFETY: NULL or live handles.
    guard_or(ptr::null_mut(), || {
        let (Some(object), Some(klass)) = (unsafe { (handle::peek(object), handle::peek(klass)) }) else {
            return ptr::null_mut();
        };
        let Reference::Local(local) = &object.reference else { return ptr::null_mut() };
        match local.as_any().downcast_ref::<Object>() {
            Some(object) if object.class().is_or_derives_from(klass) => {
                object.state().downcast_ref::<CSelf>().map_or(ptr::null_mut(), |state| state.0.pointer())
            }
            _ => ptr::null_mut(),
        }
    })
}

/// An attribute of an object. The peer's rules decide which names it gives.
///
/// @param object borrowed
/// @param attribute copied; NUL-terminated
/// @param value_out owned
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_REMOTE, RPYC_ERR_STOP_ITERATION, RPYC_ERR_TIMEOUT, RPYC_ERR_EOF,
///         RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_MALFORMED,
///         RPYC_ERR_UTF8
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_get_attr(
    object: *mut rpyc_object,
    attribute: *const c_char,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(value_out, "value_out")?;
            let this = reference(object, "object")?;
            let attribute = name(attribute, "attribute")?;
            out.put_value(ask(this, Ask::GetAttr(attribute))?)
        })
    }
}

/// Sets an attribute of an object.
///
/// @param object borrowed
/// @param attribute copied; NUL-terminated
/// @param value consumed, on success and on every failure
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_REMOTE, RPYC_ERR_STOP_ITERATION, RPYC_ERR_TIMEOUT, RPYC_ERR_EOF,
///         RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_MALFORMED,
///         RPYC_ERR_UTF8
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_set_attr(
    object: *mut rpyc_object,
    attribute: *const c_char,
    value: *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let value = handle::value_take(value);
            let this = reference(object, "object")?;
            let attribute = name(attribute, "attribute")?;
            let value = value.ok_or_else(|| Failure::null("value"))?;
            ask(this, Ask::SetAttr(attribute, &value))?;
            Ok(())
        })
    }
}

/// Deletes an attribute of an object.
///
/// @param object borrowed
/// @param attribute copied; NUL-terminated
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_REMOTE, RPYC_ERR_STOP_ITERATION, RPYC_ERR_TIMEOUT, RPYC_ERR_EOF,
///         RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_MALFORMED,
///         RPYC_ERR_UTF8
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_del_attr(
    object: *mut rpyc_object,
    attribute: *const c_char,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let this = reference(object, "object")?;
            let attribute = name(attribute, "attribute")?;
            ask(this, Ask::DelAttr(attribute))?;
            Ok(())
        })
    }
}

/// Calls an object.
///
/// @param object borrowed
/// @param args consumed, on success and on every failure
/// @param count number of args
/// @param keywords consumed; a dict with text keys, see rpyc_value_new_keywords; NULL for none
/// @param value_out owned
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_REMOTE, RPYC_ERR_STOP_ITERATION, RPYC_ERR_TIMEOUT, RPYC_ERR_EOF,
///         RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_MALFORMED,
///         RPYC_ERR_TYPE (keywords are no dict with text keys)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_call(
    object: *mut rpyc_object,
    args: *const *mut rpyc_value,
    count: usize,
    keywords: *mut rpyc_value,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let mut values = Values::default();
            let (args, keywords) = (values.take(args, count, "args"), handle::value_take(keywords));
            let out = output(value_out, "value_out")?;
            let this = reference(object, "object")?;
            let arguments = Arguments::of(args, keywords)?;
            out.put_value(ask(this, arguments.call())?)
        })
    }
}

/// Calls a method of an object, in one request.
///
/// @param object borrowed
/// @param method copied; NUL-terminated
/// @param args consumed, on success and on every failure
/// @param count number of args
/// @param keywords consumed; a dict with text keys, see rpyc_value_new_keywords; NULL for none
/// @param value_out owned
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_REMOTE, RPYC_ERR_STOP_ITERATION, RPYC_ERR_TIMEOUT, RPYC_ERR_EOF,
///         RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_MALFORMED,
///         RPYC_ERR_UTF8, RPYC_ERR_TYPE (keywords are no dict with text keys)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_call_method(
    object: *mut rpyc_object,
    method: *const c_char,
    args: *const *mut rpyc_value,
    count: usize,
    keywords: *mut rpyc_value,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let mut values = Values::default();
            let (args, keywords) = (values.take(args, count, "args"), handle::value_take(keywords));
            let out = output(value_out, "value_out")?;
            let this = reference(object, "object")?;
            let arguments = Arguments::of(args, keywords)?;
            let method = name(method, "method")?;
            out.put_value(ask(this, arguments.call_method(method))?)
        })
    }
}

/// Calls an object, or a method of it, with arguments that are one tuple already, such as those of a call that is passed on.
///
/// @param object borrowed
/// @param method copied; NUL-terminated; NULL: the object itself is called
/// @param args consumed, on success and on every failure; a tuple; NULL for none
/// @param keywords consumed; a dict with text keys, see rpyc_value_new_keywords; NULL for none
/// @param value_out owned
/// @param error_out owned; may be NULL
/// @return as rpyc_object_call_method; RPYC_ERR_TYPE also where args are no tuple
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_call_tuple(
    object: *mut rpyc_object,
    method: *const c_char,
    args: *mut rpyc_value,
    keywords: *mut rpyc_value,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let (args, keywords) = (handle::value_take(args), handle::value_take(keywords));
            let out = output(value_out, "value_out")?;
            let this = reference(object, "object")?;
            let args = match args {
                None => Default::default(),
                Some(Value::Tuple(items)) => items,
                Some(other) => {
                    return Err(Failure::new(
                        RPYC_ERR_TYPE,
                        format_args!("args are a tuple, not {}", other.type_name()),
                    ));
                }
            };
            let arguments = Arguments::of(Ok(&args[..]), keywords)?;
            if method.is_null() {
                return out.put_value(ask(this, arguments.call())?);
            }
            out.put_value(ask(this, arguments.call_method(name(method, "method")?))?)
        })
    }
}

/// The text of an object, as Python's str().
///
/// @param object borrowed
/// @param text_out owned
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_REMOTE, RPYC_ERR_STOP_ITERATION, RPYC_ERR_TIMEOUT, RPYC_ERR_EOF,
///         RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_MALFORMED
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_str(
    object: *mut rpyc_object,
    text_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(text_out, "text_out")?;
            let this = reference(object, "object")?;
            out.put_value(ask(this, Ask::Str)?)
        })
    }
}

/// The representation of an object, as Python's repr().
///
/// @param object borrowed
/// @param text_out owned
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_REMOTE, RPYC_ERR_STOP_ITERATION, RPYC_ERR_TIMEOUT, RPYC_ERR_EOF,
///         RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_MALFORMED
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_repr(
    object: *mut rpyc_object,
    text_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(text_out, "text_out")?;
            let this = reference(object, "object")?;
            out.put_value(ask(this, Ask::Repr)?)
        })
    }
}

/// The hash of an object, an int.
///
/// @param object borrowed
/// @param hash_out owned
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_REMOTE, RPYC_ERR_STOP_ITERATION, RPYC_ERR_TIMEOUT, RPYC_ERR_EOF,
///         RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_MALFORMED
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_hash(
    object: *mut rpyc_object,
    hash_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(hash_out, "hash_out")?;
            let this = reference(object, "object")?;
            out.put_value(ask(this, Ask::Hash)?)
        })
    }
}

/// Compares an object with a value: a bool, NotImplemented where its class does not compare the two, or whatever it answers.
///
/// @param object borrowed
/// @param op RPYC_LT, RPYC_LE, RPYC_EQ, RPYC_NE, RPYC_GT or RPYC_GE
/// @param other consumed, on success and on every failure
/// @param result_out owned
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_REMOTE, RPYC_ERR_STOP_ITERATION, RPYC_ERR_TIMEOUT, RPYC_ERR_EOF,
///         RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_MALFORMED,
///         RPYC_ERR_ARGUMENT
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_compare(
    object: *mut rpyc_object,
    op: i32,
    other: *mut rpyc_value,
    result_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let other = handle::value_take(other);
            let out = output(result_out, "result_out")?;
            let this = reference(object, "object")?;
            let op = compare_op(op)?;
            let other = other.ok_or_else(|| Failure::null("other"))?;
            out.put_value(ask(this, Ask::Compare(op, &other))?)
        })
    }
}

/// The names of an object's attributes, as Python's dir(): a tuple of texts.
///
/// @param object borrowed
/// @param names_out owned
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_REMOTE, RPYC_ERR_STOP_ITERATION, RPYC_ERR_TIMEOUT, RPYC_ERR_EOF,
///         RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_MALFORMED
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_dir(
    object: *mut rpyc_object,
    names_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(names_out, "names_out")?;
            let this = reference(object, "object")?;
            out.put_value(ask(this, Ask::Dir)?)
        })
    }
}

/// The methods of an object: a tuple of pairs (name, doc), doc a text or None.
///
/// @param object borrowed
/// @param methods_out owned
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_REMOTE, RPYC_ERR_STOP_ITERATION, RPYC_ERR_TIMEOUT, RPYC_ERR_EOF,
///         RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_MALFORMED
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_inspect(
    object: *mut rpyc_object,
    methods_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(methods_out, "methods_out")?;
            let this = reference(object, "object")?;
            out.put_value(ask(this, Ask::Inspect)?)
        })
    }
}

/// The constants are those of the session.
const _: () = {
    let numbers = [RPYC_LT, RPYC_LE, RPYC_EQ, RPYC_NE, RPYC_GT, RPYC_GE];
    let mut at = 0;
    while at < numbers.len() {
        assert!(numbers[at] == at as i32 && CompareOp::ALL[at] as i32 == numbers[at]);
        at += 1;
    }
};
