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

/// Makes a buffer from memory of the application, into which the library can receive the reply to a call. See
/// rpyc_object_call_method_into().
///
/// The library may write to the memory, and reads it again, until the destructor has run. The destructor runs when this
/// handle and its clones have been freed, and no call and no value uses the memory. While rpyc_buffer_busy() returns
/// true, do not write to the memory, and read it only through the value that is stored there.
///
/// @param data borrowed until the destructor runs
/// @param capacity size of the memory in bytes
/// @param userdata consumed, also on failure; passed to the destructor
/// @param userdata_free destructor of userdata: runs exactly once, on any thread, also on failure; may be NULL
/// @param buffer_out owned, free with rpyc_buffer_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (impossible capacity)
///
/// Threads: any. Since: 0.1.
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

/// Makes another handle for a buffer.
///
/// @param buffer borrowed
/// @return owned, free with rpyc_buffer_free(); NULL for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_buffer_clone(buffer: *const rpyc_buffer) -> *mut rpyc_buffer {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || {
        unsafe { handle::as_ref(buffer) }.map_or(ptr::null_mut(), |memory| handle::new(memory.clone()))
    })
}

/// Frees a handle of a buffer. The memory is in use until its destructor runs. It runs at once, or when the call or the
/// value that uses the memory has ended.
///
/// @param buffer consumed; NULL does nothing
///
/// Threads: any; never waits. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_buffer_free(buffer: *mut rpyc_buffer) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(buffer) }));
}

/// Returns whether the memory of a buffer is in use: by a call whose reply may still be received, or by a value stored
/// in it.
///
/// A call that timed out uses the memory while its reply is being received, until the whole reply has been received or
/// the connection has ended. Nothing is received while no thread waits on the connection.
///
/// @param buffer borrowed
/// @return whether it is in use; false for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_buffer_busy(buffer: *const rpyc_buffer) -> bool {
    // SAFETY: the contract of the border.
    ffi_boundary_or(false, || {
        unsafe { handle::as_ref(buffer) }.is_some_and(|memory| memory.busy.load(Ordering::Acquire))
    })
}

/// Calls a method as rpyc_object_call_method() does, with a buffer for the reply.
///
/// Bytes that fit are stored at the beginning of the buffer, and rpyc_value_get_bytes() returns the address of its
/// `data`. Bytes of 64 KiB or more that are sent uncompressed are received directly into it, without a copy; see the
/// option compress, which is the peer's. Others are copied.
///
/// Every other reply is an ordinary value. So are bytes that do not fit, and any reply if the buffer was busy at the
/// call. The memory can be used again when the value, its clones and all values that contain it have been freed.
///
/// ```c
/// static void read_block(rpyc_object *file, void *memory, size_t size, rpyc_error **error)
/// {
///     rpyc_buffer *buffer = NULL;
///     rpyc_value *block = NULL;
///
///     if (!rpyc_buffer_new(memory, size, NULL, NULL, &buffer, error)) {
///         rpyc_value *args[1] = {rpyc_int((int64_t)size)};
///         rpyc_object_call_method_into(file, "read", args, 1, NULL, buffer, &block, error);
///     }
///     rpyc_value_free(block); // its bytes stay in memory
///     rpyc_buffer_free(buffer);
/// }
/// ```
///
/// @param object borrowed
/// @param method copied, NUL-terminated
/// @param args each value consumed, also on failure
/// @param count number of arguments
/// @param keywords consumed, also on failure: a dict with str keys, see rpyc_value_new_keywords(); NULL for none
/// @param buffer borrowed
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return as rpyc_object_call_method
///
/// Threads: any. Since: 0.1.
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

/// Sends the request of rpyc_object_call_method_into() without waiting for the reply. The buffer is busy until the
/// result and all values that are stored in it have been freed.
///
/// @param object borrowed
/// @param method copied, NUL-terminated
/// @param args each value consumed, also on failure
/// @param count number of arguments
/// @param keywords consumed, also on failure: a dict with str keys, see rpyc_value_new_keywords(); NULL for none
/// @param buffer borrowed
/// @param timeout_ms time limit for the reply in milliseconds; -1 for no limit
/// @param result_out owned, free with rpyc_async_result_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return as rpyc_object_call_method_async
///
/// Threads: any. Since: 0.1.
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
