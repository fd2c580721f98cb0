//! rpyc_call: a call being served; its arguments.

use crate::connection::Connection;
use crate::error::Exception;
use crate::ffi::border::boundary::{self, ffi_boundary_or, ffi_boundary_status};
use crate::ffi::border::callbacks::{rpyc_method_fn, userdata_of};
use crate::ffi::border::handle::{self, Handle};
use crate::ffi::border::pointer::output;
use crate::ffi::border::status::{Failure, RPYC_ERR_RANGE, RPYC_ERR_STATE, RPYC_ERR_TYPE, Result, rpyc_status};
use crate::ffi::border::time::time_left;
use crate::ffi::border::types::{rpyc_call, rpyc_connection, rpyc_object, rpyc_value};
use crate::ffi::value::convert;
use crate::objects::{Call, Method, Object};
use crate::session;
use crate::value::{Local, Reference, Value};
use std::cell::OnceCell;
use std::ffi::{CString, c_char, c_void};
use std::ptr;
use std::sync::Arc;

impl Handle for rpyc_call {
    type Inner = Served;
    const WORD: [u8; 8] = *b"call\0\0\0\0";
}

/// The data behind an rpyc_call, with the handles that C has borrowed from it.
#[derive(Default)]
pub(crate) struct Served {
    /// None: it was deferred to another handle.
    pub call: Option<Call>,
    connection: Lent<rpyc_connection>,
    target: Lent<rpyc_object>,
    name: OnceCell<CString>,
}

/// A borrowed handle, made on first use and freed with the call.
struct Lent<H: Handle>(OnceCell<*mut H>);

impl<H: Handle> Default for Lent<H> {
    fn default() -> Lent<H> {
        Lent(OnceCell::new())
    }
}

impl<H: Handle> Lent<H> {
    fn get(&self, make: impl FnOnce() -> Option<H::Inner>) -> *mut H {
        *self.0.get_or_init(|| make().map_or(ptr::null_mut(), handle::new))
    }
}

impl<H: Handle> Drop for Lent<H> {
    fn drop(&mut self) {
        if let Some(handle) = self.0.take() {
            // SAFETY: it was made by `get` and is NULL or has only been lent.
            drop(unsafe { handle::take(handle) });
        }
    }
}

impl Served {
    fn new(call: Call) -> Served {
        Served { call: Some(call), ..Served::default() }
    }
}

/// Serves a member of a table; `self_of` gets the self of its function from an object.
///
/// # Safety
/// The function is what the application's table says it is.
pub(crate) unsafe fn method_of(
    run: rpyc_method_fn,
    self_of: impl Fn(&Object) -> *mut c_void + Send + Sync + 'static,
) -> Option<Method> {
    let run = run?;
    Some(Arc::new(move |call: Call| {
        let instance = self_of(call.object());
        // SAFETY: the same is asked of our caller.
        lend_call(call, |call| unsafe { run(call, instance) });
    }))
}

/// Passes a borrowed call to code of the application. A call without an answer is answered when this returns.
#[inline]
pub(crate) fn lend_call(call: Call, run: impl FnOnce(*mut rpyc_call)) {
    handle::lend(Served::new(call), |call| boundary::outside(|| run(call)));
}

/// A call that is owned by its holder from the start.
pub(crate) fn own_call(call: Call) -> *mut rpyc_call {
    handle::new(Served::new(call))
}

/// # Safety
/// The handle is NULL or a live call, and used by nobody else meanwhile.
pub(crate) unsafe fn checked<'a>(call: *mut rpyc_call) -> Result<&'a mut Call> {
    // SAFETY: the same is asked of our caller.
    let served = unsafe { handle::require_mut(call, "call") }?;
    served
        .call
        .as_mut()
        .ok_or_else(|| Failure::new(RPYC_ERR_STATE, "the call was deferred; use the handle from rpyc_call_defer()"))
}

/// # Safety
/// The handle is NULL or a live call.
unsafe fn peek<'a>(call: *const rpyc_call) -> Option<&'a Call> {
    // SAFETY: the same is asked of our caller.
    unsafe { handle::as_ref(call) }.and_then(|served| served.call.as_ref())
}

/// Gets the userdata of the called function, or of the called object's class as passed to rpyc_class_new(), even if
/// create made another self.
///
/// @param call borrowed
/// @return borrowed, as long as the class or function lives; NULL for NULL and without userdata
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_userdata(call: *const rpyc_call) -> *mut c_void {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || {
        unsafe { peek(call) }.map_or(ptr::null_mut(), |call| userdata_of(call.object()))
    })
}

/// Gets the number of arguments of a call. With a signature, there is one for each parameter.
///
/// @param call borrowed
/// @return 0 also for NULL
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_arg_count(call: *const rpyc_call) -> usize {
    // SAFETY: the contract of the border.
    ffi_boundary_or(0, || unsafe { peek(call) }.map_or(0, |call| call.args().len()))
}

/// Gets an argument of a call.
///
/// @param call borrowed
/// @param index from 0; with a signature, the position of the parameter
/// @return borrowed, as long as the call lives; NULL past the end
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_arg(call: *const rpyc_call, index: usize) -> *const rpyc_value {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null(), || {
        unsafe { peek(call) }.and_then(|call| call.args().get(index)).map_or(ptr::null(), handle::value_lend)
    })
}

/// Gets the number of keywords of a call to a method without a signature. With a signature, keywords become arguments.
///
/// @param call borrowed
/// @return 0 also for NULL
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_keyword_count(call: *const rpyc_call) -> usize {
    // SAFETY: the contract of the border.
    ffi_boundary_or(0, || unsafe { peek(call) }.map_or(0, |call| call.keywords().len()))
}

/// Gets a keyword of a call, in the order in which the caller passed them.
///
/// ```c
/// static void show_keywords(rpyc_call *call, void *self)
/// {
///     const rpyc_value *value;
///     const char *name;
///     size_t i, length;
///
///     (void)self;
///     for (i = 0; i < rpyc_call_keyword_count(call); i++)
///         if (!rpyc_call_keyword(call, i, &name, &length, &value))
///             printf("%.*s\n", (int)length, name);
///     rpyc_call_return(call, NULL);
/// }
/// ```
///
/// @param call borrowed
/// @param index from 0
/// @param name_out borrowed, as long as the call lives; not NUL-terminated
/// @param length_out length of the name, in bytes
/// @param value_out borrowed, as long as the call lives
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_STATE, RPYC_ERR_RANGE (past the end)
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_keyword(
    call: *const rpyc_call,
    index: usize,
    name_out: *mut *const c_char,
    length_out: *mut usize,
    value_out: *mut *const rpyc_value,
) -> rpyc_status {
    ffi_boundary_status(|| {
        // SAFETY: the contract of the border.
        unsafe {
            let name = output(name_out, "name_out");
            let length = output(length_out, "length_out");
            let value = output(value_out, "value_out");
            let (name, length, value) = (name?, length?, value?);
            let call = checked(call.cast_mut())?;
            let (text, known) = call
                .keywords()
                .get(index)
                .ok_or_else(|| Failure::new(RPYC_ERR_RANGE, format_args!("there is no keyword {index}")))?;
            name.put(text.as_bytes().as_ptr().cast())?;
            length.put(text.as_bytes().len())?;
            value.put(handle::value_lend(known))
        }
    })
}

/// Gives argument `index` to `read`; if it has not the type that is wanted, the caller is sent a TypeError.
///
/// # Safety
/// The handle is NULL or a live call, used by nobody else; `out` is NULL or can be written to.
#[cfg_attr(debug_assertions, track_caller)]
unsafe fn typed<T: crate::ffi::border::pointer::Empty>(
    call: *mut rpyc_call,
    index: usize,
    out: *mut T,
    wanted: &str,
    read: impl FnOnce(&Value) -> Option<T>,
) -> rpyc_status {
    ffi_boundary_status(|| {
        // SAFETY: the same is asked of our caller.
        let (out, call) = unsafe { (output(out, "out")?, checked(call)?) };
        match call.args().get(index) {
            Some(value) => match read(value) {
                Some(value) => out.put(value),
                None => Err(refuse(call, index, wanted)),
            },
            None => Err(refuse(call, index, wanted)),
        }
    })
}

/// Sends the TypeError, or OverflowError, that Python would raise.
#[cold]
fn refuse(call: &mut Call, index: usize, wanted: &str) -> Failure {
    let place = call.argument_name(index);
    let (status, name, text) = match call.args().get(index) {
        None => (RPYC_ERR_TYPE, "TypeError", format!("{place} is missing")),
        Some(Value::Int(_) | Value::BigInt(_)) if wanted.starts_with("int") => {
            (RPYC_ERR_RANGE, "OverflowError", format!("{place} does not fit into {wanted}"))
        }
        Some(other) => {
            let wanted = wanted.split(' ').next().unwrap_or(wanted);
            let hint = convert::hint(other, wanted);
            (RPYC_ERR_TYPE, "TypeError", format!("{place} must be {wanted}, not {}{hint}", other.type_name()))
        }
    };
    let failure = Failure::new(status, &text);
    // An answered call stays answered as it was.
    let _ = call.raise(Exception::builtin(name, text));
    failure
}

/// Reads a bool argument.
///
/// @param call borrowed
/// @param index from 0
/// @param out the argument
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_STATE, RPYC_ERR_TYPE (the caller has been sent a TypeError that names the
///         argument; the callback just returns)
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_get_bool(call: *mut rpyc_call, index: usize, out: *mut bool) -> rpyc_status {
    let read = |value: &Value| if let Value::Bool(b) = value { Some(*b) } else { None };
    // SAFETY: the contract of the border.
    unsafe { typed(call, index, out, "bool", read) }
}

/// Reads an int argument. A bool counts as 0 or 1, as in Python.
///
/// @param call borrowed
/// @param index from 0
/// @param out the argument
/// @return as rpyc_call_get_bool, and RPYC_ERR_RANGE (out of range; the caller has been sent an OverflowError)
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_get_int(call: *mut rpyc_call, index: usize, out: *mut i64) -> rpyc_status {
    let read = |value: &Value| match value {
        Value::Int(n) => Some(*n),
        Value::Bool(b) => Some(i64::from(*b)),
        _ => None,
    };
    // SAFETY: the contract of the border.
    unsafe { typed(call, index, out, "int of 64 bits", read) }
}

/// Reads a non-negative int argument. A bool counts as 0 or 1.
///
/// @param call borrowed
/// @param index from 0
/// @param out the argument
/// @return as rpyc_call_get_int
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_get_uint(call: *mut rpyc_call, index: usize, out: *mut u64) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { typed(call, index, out, "int of 64 bits without sign", Value::to_u64) }
}

/// Reads a float argument. An int or bool is converted.
///
/// @param call borrowed
/// @param index from 0
/// @param out the argument
/// @return as rpyc_call_get_bool
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_get_float(call: *mut rpyc_call, index: usize, out: *mut f64) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { typed(call, index, out, "float", Value::to_f64) }
}

/// Reads a str argument.
///
/// @param call borrowed
/// @param index from 0
/// @param text_out borrowed, as long as the call lives; UTF-8, not NUL-terminated
/// @param length_out number of bytes
/// @return as rpyc_call_get_bool
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_get_str(
    call: *mut rpyc_call,
    index: usize,
    text_out: *mut *const c_char,
    length_out: *mut usize,
) -> rpyc_status {
    let read = |value: &Value| match value {
        Value::Str(text) => Some((text.as_bytes().as_ptr().cast(), text.as_bytes().len())),
        _ => None,
    };
    // SAFETY: the contract of the border.
    unsafe { sized(call, index, text_out, length_out, "str", read) }
}

/// Reads a bytes argument.
///
/// @param call borrowed
/// @param index from 0
/// @param data_out borrowed, as long as the call lives
/// @param length_out number of bytes
/// @return as rpyc_call_get_bool
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_get_bytes(
    call: *mut rpyc_call,
    index: usize,
    data_out: *mut *const u8,
    length_out: *mut usize,
) -> rpyc_status {
    let read = |value: &Value| match value {
        Value::Bytes(bytes) => Some((bytes.as_slice().as_ptr(), bytes.len())),
        _ => None,
    };
    // SAFETY: the contract of the border.
    unsafe { sized(call, index, data_out, length_out, "bytes", read) }
}

/// # Safety
/// As for `typed`.
#[cfg_attr(debug_assertions, track_caller)]
unsafe fn sized<T>(
    call: *mut rpyc_call,
    index: usize,
    data_out: *mut *const T,
    length_out: *mut usize,
    wanted: &str,
    read: impl FnOnce(&Value) -> Option<(*const T, usize)>,
) -> rpyc_status {
    let mut length = 0;
    // SAFETY: the same is asked of our caller; `length` lives here.
    unsafe {
        let status = ffi_boundary_status(|| output(length_out, "length_out").map(drop));
        if status != crate::ffi::border::status::RPYC_OK {
            let _ = ffi_boundary_status(|| output(data_out, "out").map(drop));
            return status;
        }
        let status = typed(call, index, data_out, wanted, |value| {
            let (data, bytes) = read(value)?;
            length = bytes;
            Some(data)
        });
        length_out.write(length);
        status
    }
}

/// Reads an argument that is an object, of a peer or of this process.
///
/// @param call borrowed
/// @param index from 0
/// @param object_out owned, free with rpyc_object_free()
/// @return as rpyc_call_get_bool
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_get_object(
    call: *mut rpyc_call,
    index: usize,
    object_out: *mut *mut rpyc_object,
) -> rpyc_status {
    let read = |value: &Value| match value {
        Value::Ref(reference) => Some(handle::new(reference.clone().into())),
        _ => None,
    };
    // SAFETY: the contract of the border.
    unsafe { typed(call, index, object_out, "object (a reference)", read) }
}

/// Gets the connection over which a call came.
///
/// @param call borrowed
/// @return borrowed, as long as the call lives; clones of it do not keep the connection open; NULL for calls within
///         this process and for NULL
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_connection(call: *const rpyc_call) -> *mut rpyc_connection {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || match unsafe { handle::as_ref(call) } {
        Some(Served { call: Some(call), connection, .. }) => connection.get(|| call.peer().and_then(Connection::of)),
        _ => ptr::null_mut(),
    })
}

/// Gets the called object.
///
/// @param call borrowed
/// @return borrowed, as long as the call lives; NULL for NULL
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_target(call: *const rpyc_call) -> *mut rpyc_object {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || match unsafe { handle::as_ref(call) } {
        Some(Served { call: Some(call), target, .. }) => target.get(|| {
            let object: Arc<dyn Local> = call.object().clone();
            Some(Reference::Local(object).into())
        }),
        _ => ptr::null_mut(),
    })
}

/// Gets the name of the called method, as in its table.
///
/// @param call borrowed
/// @return borrowed, as long as the call lives; NUL-terminated; "" if the call has no method
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_name(call: *const rpyc_call) -> *const c_char {
    // SAFETY: the contract of the border.
    ffi_boundary_or(c"".as_ptr(), || match unsafe { handle::as_ref(call) } {
        Some(Served { call: Some(call), name, .. }) => {
            name.get_or_init(|| CString::new(call.name().replace('\0', "")).unwrap_or_default()).as_ptr()
        }
        _ => c"".as_ptr(),
    })
}

/// Returns whether the caller has gone or its deadline has passed. The function checks, without blocking, for the end
/// of the stream and for the deadline of the call (rpyc_call_time_left()). A long call may check it repeatedly.
///
/// ```c
/// static void count_up(rpyc_call *call, void *self)
/// {
///     int64_t n = 0;
///
///     (void)self;
///     while (n < 1000000 && !rpyc_call_cancelled(call))
///         n++; // a step of the work
///     rpyc_call_return_int(call, n);
/// }
/// ```
///
/// @param call borrowed
/// @return true also for NULL
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_cancelled(call: *const rpyc_call) -> bool {
    // SAFETY: the contract of the border.
    ffi_boundary_or(true, || unsafe { peek(call) }.is_none_or(|call| call.is_cancelled() || session::is_over(call)))
}

/// Gets the time that the caller will still wait for the reply.
///
/// Only a peer that has agreed on the native dialect tells it: in its sync_request_timeout, the timeout of an
/// asynchronous call, or the deadline of a request of a session. The time counts from when the request was read here,
/// for deferred calls too. A call can be answered even after that time.
///
/// @param call borrowed
/// @return milliseconds; 0 if the time has passed; -1 if the caller has not told it, waits without a limit, or has its
///         reply; 0 also for NULL
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_time_left(call: *const rpyc_call) -> i64 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(0, || match unsafe { peek(call) } {
        Some(call) => time_left(call),
        None => 0,
    })
}

/// Keeps a call beyond its callback, to answer it later and from any thread. Data borrowed from the call stays valid
/// as long as the new handle.
///
/// ```c
/// static rpyc_call *pending; // a program protects this with a mutex
///
/// static void wait_for_result(rpyc_call *call, void *self)
/// {
///     (void)self;
///     pending = rpyc_call_defer(call); // the callback returns without an answer
/// }
///
/// static void result_is_ready(double result)
/// {
///     rpyc_call_return_float(pending, result);
///     rpyc_call_free(pending);
/// }
/// ```
///
/// @param call borrowed; functions return RPYC_ERR_STATE for it from now on
/// @return owned, free with rpyc_call_free() after answering; NULL if the call was answered or deferred before
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_defer(call: *mut rpyc_call) -> *mut rpyc_call {
    ffi_boundary_or(ptr::null_mut(), || {
        // SAFETY: the contract of the border.
        let Ok(served) = (unsafe { handle::require_mut(call, "call") }) else { return ptr::null_mut() };
        if served.call.as_ref().is_none_or(Call::is_answered) {
            return ptr::null_mut();
        }
        // With it goes what it has lent.
        handle::new(std::mem::take(served))
    })
}

/// Frees a deferred call. If it was not answered, the caller gets a RuntimeError.
///
/// @param call consumed; NULL does nothing; never a call that a callback borrowed
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_call_free(call: *mut rpyc_call) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(call) }));
}
