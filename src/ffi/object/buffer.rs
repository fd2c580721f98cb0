//! rpyc_buffer: memory of the application into which long answers are received.

use crate::codec::frame::Destination;
use crate::connection::{ask_into, ask_later_into};
use crate::ffi::border::boundary::{ffi_boundary, ffi_boundary_or};
use crate::ffi::border::handle::{self, Handle};
use crate::ffi::border::pointer::{name, output};
use crate::ffi::border::status::{Failure, RPYC_ERR_ARGUMENT, rpyc_status};
use crate::ffi::border::types::{rpyc_async_result, rpyc_buffer, rpyc_error, rpyc_object, rpyc_value};
use crate::ffi::border::userdata::{Userdata, rpyc_free_fn};
use crate::ffi::object::operation::{Arguments, answer, answer_later};
use crate::value::Blob;
use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

impl Handle for rpyc_buffer {
    type Inner = Arc<Memory>;
    const WORD: [u8; 8] = *b"buffer\0\0";
}

pub(crate) struct Memory {
    bytes: *mut [u8],
    /// There is a `Loan` of it that is not over.
    busy: AtomicBool,
    _userdata: Userdata,
}

// SAFETY: the header tells the application that the memory is written and read on several threads; `Loan` keeps them apart.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// For one answer. None: another one uses it.
    fn lend(self: &Arc<Memory>) -> Option<Box<dyn Destination>> {
        self.busy.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).ok()?;
        Some(Box::new(Loan { memory: self.clone(), over: false, used: 0 }))
    }
}

/// The only use of the memory, until it is over.
struct Loan {
    memory: Arc<Memory>,
    over: bool,
    /// How much is kept.
    used: usize,
}

impl Destination for Loan {
    fn bytes_mut(&mut self) -> &mut [u8] {
        if self.over {
            return &mut [];
        }
        // SAFETY: the application lets the library write there until its destructor runs, which `memory` holds off, and
        // leaves it alone while it is busy; there is one loan at a time, which is borrowed here.
        unsafe { &mut *self.memory.bytes }
    }

    fn keep(mut self: Box<Self>, len: usize) -> Blob {
        self.used = len;
        Blob::foreign(Arc::new(*self)).unwrap_or_default()
    }

    fn give_up(&mut self) {
        if !self.over {
            self.over = true;
            self.memory.busy.store(false, Ordering::Release);
        }
    }
}

impl AsRef<[u8]> for Loan {
    fn as_ref(&self) -> &[u8] {
        if self.over {
            return &[];
        }
        // SAFETY: as in `bytes_mut`; nobody writes while the loan is shared, and the application only reads.
        unsafe { &*self.memory.bytes }.get(..self.used).unwrap_or_default()
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// Memory of yours into which the library may receive the answer to a call: see rpyc_object_call_method_into().
///
/// From here on the library may write there, and reads what it wrote, until the destructor has run: after this handle
/// and its clones are freed, and no call and no value uses the memory any more. While rpyc_buffer_busy() says so, you do
/// not write there, and read only through the value that lies there.
///
/// @param data borrowed until the destructor runs
/// @param capacity bytes
/// @param userdata consumed; given to the destructor
/// @param userdata_free the destructor: runs exactly once, on any thread, also if this function fails; may be NULL
/// @param buffer_out owned, freed with rpyc_buffer_free()
/// @param error_out owned; may be NULL
/// @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_ARGUMENT for an impossible capacity
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_buffer_new(
    data: *mut c_void,
    capacity: usize,
    userdata: *mut c_void,
    userdata_free: rpyc_free_fn,
    buffer_out: *mut *mut rpyc_buffer,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let userdata = Userdata::new(userdata, userdata_free);
            let out = output(buffer_out, "buffer_out")?;
            if data.is_null() {
                return Err(Failure::null("data"));
            }
            if isize::try_from(capacity).is_err() {
                let text = format!("data cannot have room for {capacity} bytes");
                return Err(Failure::new(RPYC_ERR_ARGUMENT, text));
            }
            let bytes = ptr::slice_from_raw_parts_mut(data.cast(), capacity);
            out.put(handle::new(Arc::new(Memory { bytes, busy: AtomicBool::new(false), _userdata: userdata })))
        })
    }
}

/// Another handle of the same buffer.
///
/// @param buffer borrowed
/// @return owned; free it with rpyc_buffer_free; NULL for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_buffer_clone(buffer: *const rpyc_buffer) -> *mut rpyc_buffer {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || {
        unsafe { handle::as_ref(buffer) }.map_or(ptr::null_mut(), |memory| handle::new(memory.clone()))
    })
}

/// Frees a handle. The memory itself is in use until its destructor runs: at once, or when the call or the value that
/// uses it is done with it.
///
/// @param buffer consumed; NULL does nothing
///
/// Threads: any thread; never waits. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_buffer_free(buffer: *mut rpyc_buffer) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(buffer) }));
}

/// Is the memory in use: by a call whose answer may still come into it, or by a value that lies in it?
///
/// A call that timed out uses it as long as its answer is being received: until that is here as a whole or the connection
/// has ended. Nothing is read while no thread waits on the connection.
///
/// @param buffer borrowed
/// @return false also for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_buffer_busy(buffer: *const rpyc_buffer) -> bool {
    // SAFETY: the contract of the border.
    ffi_boundary_or(false, || {
        unsafe { handle::as_ref(buffer) }.is_some_and(|memory| memory.busy.load(Ordering::Acquire))
    })
}

/// As rpyc_object_call_method, with memory for the answer: bytes that fit lie in the buffer, at its beginning, and
/// rpyc_value_get_bytes() gives the address of `data`. Long ones that come uncompressed (from 64 KiB; see the option
/// compress, which is the peer's) are received straight into it, without a copy; all others are copied.
///
/// Every other answer is an ordinary value, and so are bytes that do not fit, and any answer if the buffer was busy at
/// the call. Its memory can be used again when the value, its clones and all that holds it are freed.
///
/// @param object borrowed
/// @param method copied; NUL-terminated
/// @param args consumed, on success and on every failure
/// @param count number of args
/// @param keywords consumed; a dict with text keys, see rpyc_value_new_keywords; NULL for none
/// @param buffer borrowed
/// @param value_out owned; free it with rpyc_value_free
/// @param error_out owned; may be NULL
/// @return as rpyc_object_call_method
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_call_method_into(
    object: *mut rpyc_object,
    method: *const c_char,
    args: *const *mut rpyc_value,
    count: usize,
    keywords: *mut rpyc_value,
    buffer: *mut rpyc_buffer,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            Arguments::take(args, count, keywords, |arguments| {
                answer((object, "object"), (value_out, "value_out"), |this| {
                    let arguments = arguments?;
                    let method = name(method, "method")?;
                    let room = handle::require(buffer, "buffer")?.lend();
                    Ok(handle::value_new(ask_into(this, arguments.call_method(method), room)?))
                })
            })
        })
    }
}

/// As rpyc_object_call_method_into, without waiting for the answer. The buffer is busy until the result and all values
/// that lie in the buffer are freed.
///
/// @param object borrowed
/// @param method copied; NUL-terminated
/// @param args consumed, on success and on every failure
/// @param count number of args
/// @param keywords consumed; a dict with text keys, see rpyc_value_new_keywords; NULL for none
/// @param buffer borrowed
/// @param timeout_ms milliseconds within which the answer must come; -1: no limit
/// @param result_out owned; free it with rpyc_async_result_free
/// @param error_out owned; may be NULL
/// @return as rpyc_object_call_method_async
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_call_method_into_async(
    object: *mut rpyc_object,
    method: *const c_char,
    args: *const *mut rpyc_value,
    count: usize,
    keywords: *mut rpyc_value,
    buffer: *mut rpyc_buffer,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            Arguments::take(args, count, keywords, |arguments| {
                answer_later((object, "object"), timeout_ms, result_out, |later| {
                    let arguments = arguments?;
                    let method = name(method, "method")?;
                    let room = handle::require(buffer, "buffer")?.lend();
                    Ok(ask_later_into(later.object, arguments.call_method(method), later.limit, room)?)
                })
            })
        })
    }
}
