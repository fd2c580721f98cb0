//! rpyc_session: a session that the application drives itself; bytes and events.

use crate::config::Dialect;
use crate::error::{Error, Exception};
use crate::ffi::border::boundary::{ffi_boundary, ffi_boundary_or, ffi_boundary_status};
use crate::ffi::border::handle::{self};
use crate::ffi::border::packed;
use crate::ffi::border::pointer::{bytes, output};
use crate::ffi::border::status::{Failure, Result, rpyc_status};
use crate::ffi::border::table::{known_flags, optional};
use crate::ffi::border::types::{rpyc_call, rpyc_config, rpyc_error, rpyc_session};
use crate::ffi::config::config_or_default;
use crate::ffi::session::event::{EventOut, SessionHandle, checked, rpyc_session_event};
use crate::session::Session;
use crate::value::{Text, Value};
use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::Mutex;

/// Flag of rpyc_session_new(): values of events are packed, instead of handles.
///
/// Packed values are values in one block of bytes, so that a binding reads and writes a whole call without a function
/// call for each value. Each begins with a byte for its kind. Numbers follow in little-endian order, without padding:
///
/// - 0, 1, 2, 3, 4: None, NotImplemented, Ellipsis, False, True; no content
/// - 5: int; 8 bytes, signed
/// - 6: larger int; a length in 4 bytes, decimal digits
/// - 7, 8: float in 8 bytes, complex in 16
/// - 9, 10: str in UTF-8, bytes; a length in 4 bytes, the content
/// - 11, 12, 14: tuple, list, frozenset; a count in 4 bytes, the items
/// - 13: dict; a count in 4 bytes, keys and values in turn
/// - 15: slice; start, stop, step
/// - 16: object; an rpyc_object * in 8 bytes; owned if the library passes it, borrowed if the application does
/// - 17: object of the application; its token in 8 bytes; if the application passes it, then also its rpyc_class * in
///   8 bytes, as for rpyc_session_object_new(), or 0 if the object exists
/// - 18: any other value; an rpyc_value * in 8 bytes, owned or borrowed as with 16
/// - 19: function of the application, only passed to the library; its token in 8 bytes, a length in 4 bytes, its name;
///   as for rpyc_session_function_new() without a signature
/// - 20: method of an object of the application, which the peer read without calling it, only passed by the library;
///   the token of the object in 8 bytes, a length in 4 bytes, the literal name of the member; then the method itself,
///   as with 16
pub const RPYC_SESSION_PACKED: u64 = 1;
/// Flag of rpyc_session_new(): objects of other sessions and connections may be sent. The peer sees them with their
/// own type, and its requests for them are RPYC_ASK_FORWARD events. Without this flag they cannot be sent.
pub const RPYC_SESSION_FORWARDS: u64 = 2;
/// Flag of rpyc_session_new(): changing threads take the events, as with a scheduler that moves tasks between threads.
/// A function that waits for an object of the session then always waits until an event has been taken and answered.
/// Without this flag it fails with RPYC_ERR_STATE in a thread that has taken all events so far.
pub const RPYC_SESSION_ANY_THREAD: u64 = 4;

/// Makes a session. Nothing has been sent on it; either side may begin.
///
/// The options sync_request_timeout, close_timeout and keepalive have no effect on a session. bind_threads must be
/// off.
///
/// @param config copied; NULL for the defaults
/// @param flags RPYC_SESSION_... or 0
/// @param session_out owned, free with rpyc_session_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ABI (unknown flags), RPYC_ERR_UNSUPPORTED (bind_threads, an authenticator)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_new(
    config: *const rpyc_config,
    flags: u64,
    session_out: *mut *mut rpyc_session,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(session_out, "session_out")?;
            let known = RPYC_SESSION_PACKED | RPYC_SESSION_FORWARDS | RPYC_SESSION_ANY_THREAD;
            known_flags(flags, known, "flags")?;
            let bare = Session::new(config_or_default(config), flags & RPYC_SESSION_FORWARDS != 0)?;
            if flags & RPYC_SESSION_ANY_THREAD != 0 {
                bare.queue().taken_anywhere();
            }
            out.put(handle::new(SessionHandle {
                bare,
                packs: flags & RPYC_SESSION_PACKED != 0,
                packed: Mutex::default(),
            }))
        })
    }
}

/// Sets a number by which the application identifies the session, such as an index of its state.
/// rpyc_object_session_id() returns it for objects of the peer.
///
/// @param session borrowed
/// @param id any number but 0
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_set_id(session: *mut rpyc_session, id: u64) -> rpyc_status {
    // SAFETY: the contract of the border.
    ffi_boundary_status(|| {
        unsafe { checked(session) }?.bare.set_id(id);
        Ok(())
    })
}

/// Ends and frees a session. Handles from it stay valid. Its calls can still be answered, without effect.
///
/// @param session consumed; NULL does nothing
///
/// Threads: any, while no other function uses the session. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_free(session: *mut rpyc_session) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(session) }));
}

/// Adds received bytes, in pieces of any size. Then take events until there are none.
///
/// @param session borrowed
/// @param data copied
/// @param length number of bytes
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_CLOSED
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_feed(
    session: *mut rpyc_session,
    data: *const c_void,
    length: usize,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(checked(session)?.bare.feed(bytes(data.cast(), length, "data")?)?)) }
}

/// Marks the end of the peer's stream. Received messages are still read; then RPYC_EVENT_CLOSED follows.
///
/// @param session borrowed
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_end_of_stream(session: *mut rpyc_session) -> rpyc_status {
    // SAFETY: the contract of the border.
    ffi_boundary_status(|| Ok(unsafe { checked(session) }?.bare.end_of_stream()?))
}

/// Gets the bytes to send next, without copying them. There may be more after them. The output includes releases of
/// objects that were freed.
///
/// ```c
/// const void *output = NULL;
/// size_t count = 0;
/// while (!rpyc_session_outgoing(session, &output, &count) && count > 0) {
///     const size_t written = write_to_peer(output, count);
///     rpyc_session_sent(session, written);
///     if (written < count)
///         break; // wait until the transport accepts more
/// }
/// ```
///
/// @param session borrowed
/// @param data_out borrowed until the next call for this session; NULL if there is no output
/// @param length_out number of bytes; 0 if there is no output
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any, but no other function may use the session while the bytes are used. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_outgoing(
    session: *mut rpyc_session,
    data_out: *mut *const c_void,
    length_out: *mut usize,
) -> rpyc_status {
    ffi_boundary_status(|| {
        // SAFETY: the contract of the border.
        let (data, length, session) = unsafe {
            let data = output(data_out, "data_out");
            let length = output(length_out, "length_out");
            (data?, length?, checked(session)?)
        };
        let (first, size) = session.bare.outgoing(|bytes| (0, (bytes.as_ptr(), bytes.len())))?;
        data.put(if size == 0 { ptr::null() } else { first.cast() })?;
        length.put(size)
    })
}

/// Marks the first `length` bytes of rpyc_session_outgoing() as sent.
///
/// @param session borrowed
/// @param length number of bytes, at most the pending output
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ARGUMENT (more than the pending output)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_sent(session: *mut rpyc_session, length: usize) -> rpyc_status {
    // SAFETY: the contract of the border.
    ffi_boundary_status(|| Ok(unsafe { checked(session) }?.bare.sent(length)?))
}

/// Copies output into a buffer of the application and marks it as sent: rpyc_session_outgoing() and
/// rpyc_session_sent() in one call.
///
/// @param session borrowed
/// @param buffer filled from its beginning
/// @param capacity size of the buffer, in bytes
/// @param length_out number of bytes copied; fewer than capacity if there is no more output
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_take(
    session: *mut rpyc_session,
    buffer: *mut c_void,
    capacity: usize,
    length_out: *mut usize,
) -> rpyc_status {
    ffi_boundary_status(|| {
        // SAFETY: the contract of the border.
        unsafe {
            let length = output(length_out, "length_out")?;
            let session = checked(session)?;
            length.put(session.bare.take(room(buffer, capacity)?)?)
        }
    })
}

/// # Safety
/// The pointer is NULL or valid for writes of `capacity` bytes, which are not used elsewhere meanwhile.
unsafe fn room<'a>(buffer: *mut c_void, capacity: usize) -> Result<&'a mut [u8]> {
    // SAFETY: the same is asked of our caller; a buffer of the application may hold anything before it is filled.
    unsafe {
        bytes(buffer.cast_const().cast(), capacity, "buffer")?;
        Ok(if capacity == 0 { &mut [] } else { std::slice::from_raw_parts_mut(buffer.cast(), capacity) })
    }
}

/// Takes the next event. RPYC_EVENT_NONE means that no complete message is buffered.
///
/// ```c
/// rpyc_session_event event;
/// memset(&event, 0, sizeof event);
/// event.struct_size = sizeof event;
/// while (!rpyc_session_next_event(session, &event, &error) && event.kind != RPYC_EVENT_NONE) {
///     if (event.kind == RPYC_EVENT_SEND)
///         break; // send the output first
///     if (event.kind == RPYC_EVENT_REQUEST)
///         rpyc_call_return_int(event.call, 42);
///     rpyc_call_free(event.call);
///     rpyc_value_free(event.value);
///     rpyc_error_free(event.error);
///     rpyc_object_free(event.object);
/// }
/// ```
///
/// @param session borrowed
/// @param event filled; its struct_size must be set; its owned members are the application's to free
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, also with RPYC_EVENT_NONE; RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ABI (struct_size),
///         RPYC_ERR_CLOSED (the session has ended, and all events were taken)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_next_event(
    session: *mut rpyc_session,
    event: *mut rpyc_session_event,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = EventOut::new(event)?;
            let session = checked(session)?;
            if let Some(event) = session.next_event()? {
                out.put(event);
            }
            Ok(())
        })
    }
}

/// Feeds bytes, takes the next event, and takes output: rpyc_session_feed(), rpyc_session_next_event() and
/// rpyc_session_take() in one call, for bindings with expensive calls into C. Input for a closed session is dropped.
///
/// @param session borrowed
/// @param input copied; as for rpyc_session_feed()
/// @param input_length number of bytes; 0 to feed nothing
/// @param output filled; as for rpyc_session_take()
/// @param output_capacity number of bytes; 0 to take nothing
/// @param output_length_out number of bytes taken
/// @param event filled; as for rpyc_session_next_event()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return as rpyc_session_next_event; output is taken also with RPYC_ERR_CLOSED
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_step(
    session: *mut rpyc_session,
    input: *const c_void,
    input_length: usize,
    output: *mut c_void,
    output_capacity: usize,
    output_length_out: *mut usize,
    event: *mut rpyc_session_event,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let length = crate::ffi::border::pointer::output(output_length_out, "output_length_out");
            let out = EventOut::new(event);
            let (length, out) = (length?, out?);
            let session = checked(session)?;
            let room = room(output, output_capacity)?;
            let input = bytes(input.cast(), input_length, "input")?;
            match if input.is_empty() { Ok(()) } else { session.bare.feed(input) } {
                Ok(()) | Err(Error::Closed(_)) => {}
                Err(error) => return Err(error.into()),
            }
            let event = session.next_event();
            length.put(session.bare.take(room)?)?;
            if let Some(event) = event? {
                out.put(event);
            }
            Ok(())
        })
    }
}

/// Returns whether an event is waiting, or a complete message that may cause one.
///
/// @param session borrowed
/// @return false also for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_has_message(session: *const rpyc_session) -> bool {
    // SAFETY: the contract of the border.
    ffi_boundary_or(false, || unsafe { handle::as_ref(session) }.is_some_and(|session| session.bare.has_message()))
}

/// Gets the number of output bytes, not including releases that have not been collected yet.
///
/// @param session borrowed
/// @return 0 also for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_waiting(session: *const rpyc_session) -> usize {
    // SAFETY: the contract of the border.
    ffi_boundary_or(0, || unsafe { handle::as_ref(session) }.map_or(0, |session| session.bare.waiting()))
}

/// Returns whether the session has ended.
///
/// @param session borrowed
/// @return true also for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_closed(session: *const rpyc_session) -> bool {
    // SAFETY: the contract of the border.
    ffi_boundary_or(true, || unsafe { handle::as_ref(session) }.is_none_or(|session| session.bare.is_closed()))
}

/// Gets the dialect of the session.
///
/// @param session borrowed
/// @return 6 for that of rpyc 6; 5 for that of rpyc 4.1 to 5.3; 0 if it is not known yet, and for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_dialect(session: *const rpyc_session) -> i32 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(0, || dialect_number(unsafe { handle::as_ref(session) }.map(|session| session.bare.dialect())))
}

fn dialect_number(dialect: Option<Dialect>) -> i32 {
    match dialect {
        Some(Dialect::V6) => 6,
        Some(Dialect::V5) => 5,
        Some(Dialect::Auto) | None => 0,
    }
}

/// Gets the dialect of the peer's last message, also if that message ended the session with RPYC_ERR_DIALECT.
///
/// A peer that receives its first message in an unknown dialect replies in its own. Then make a new connection, and a
/// session with the option dialect set to this result.
///
/// @param session borrowed
/// @return as rpyc_session_dialect
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_heard(session: *const rpyc_session) -> i32 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(0, || dialect_number(unsafe { handle::as_ref(session) }.map(|session| session.bare.heard())))
}

/// Ends the session and tells the peer. Send the remaining output, then end the stream. Nothing is served from now on.
/// While rpyc_session_dialect() is 0, there is no output for this, because the peer might not understand it.
///
/// @param session borrowed
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, also if it was closed before; RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_close(
    session: *mut rpyc_session,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(checked(session)?.bare.close()?)) }
}

/// Answers a call with a packed value and frees the call: rpyc_call_return() and rpyc_call_free() in one call.
///
/// @param session borrowed; that of the call
/// @param call consumed, also on failure; if it was not answered, the caller gets a RuntimeError
/// @param packed copied; in the format of RPYC_SESSION_PACKED; handles in it are borrowed
/// @param packed_length number of bytes; 0 for None
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (the packed value is malformed), RPYC_ERR_STATE (answered
///         already), RPYC_ERR_CLOSED, RPYC_ERR_TYPE and RPYC_ERR_LIMIT (the value cannot be sent; the caller has been
///         told), RPYC_ERR_NO_MEMORY
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_return_packed(
    session: *mut rpyc_session,
    call: *mut rpyc_call,
    packed: *const c_void,
    packed_length: usize,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let served = handle::take(call);
            let session = checked(session)?;
            let mut call = served.and_then(|served| served.call).ok_or_else(|| Failure::null("call"))?;
            let value = match packed_length {
                0 => Value::None,
                _ => packed::value(&session.bare, bytes(packed.cast(), packed_length, "packed")?)?,
            };
            Ok(call.reply(value)?)
        })
    }
}

/// Answers a call with an exception whose arguments and attributes are packed, and frees the call:
/// rpyc_call_raise_with() and rpyc_call_free() in one call.
///
/// @param session borrowed; that of the call
/// @param call consumed, also on failure; if it was not answered, the caller gets a RuntimeError
/// @param module copied; NULL for "builtins"
/// @param name copied; name of the class
/// @param traceback copied; the traceback that the peer gets; NULL for none
/// @param packed copied; a tuple of the arguments (a tuple) and the attributes (a dict with str keys), in the format
///         of RPYC_SESSION_PACKED; handles in it are borrowed
/// @param packed_length number of bytes; 0 for neither arguments nor attributes
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (the packed value is malformed), RPYC_ERR_STATE
///         (answered already), RPYC_ERR_CLOSED, RPYC_ERR_NO_MEMORY
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_raise_packed(
    session: *mut rpyc_session,
    call: *mut rpyc_call,
    module: *const c_char,
    name: *const c_char,
    traceback: *const c_char,
    packed: *const c_void,
    packed_length: usize,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let served = handle::take(call);
            let session = checked(session)?;
            let mut call = served.and_then(|served| served.call).ok_or_else(|| Failure::null("call"))?;
            let (args, attributes) = packed::call(&session.bare, bytes(packed.cast(), packed_length, "packed")?)?;
            let module = optional(module, "module")?.unwrap_or("builtins");
            let mut exception = Exception::with_args(module, crate::ffi::border::pointer::name(name, "name")?, args);
            exception.attributes = attributes;
            exception.traceback = Text::new(optional(traceback, "traceback")?.unwrap_or_default());
            Ok(call.raise(exception)?)
        })
    }
}
