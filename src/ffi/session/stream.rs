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

/// Values of events come packed, not as handles.
///
/// Packed values are values in one piece of bytes, so that a binding reads and writes a whole call without a function for
/// each value. Each begins with a byte that tells its kind; numbers follow in little-endian order, without padding:
///
/// - 0, 1, 2, 3, 4: None, NotImplemented, Ellipsis, False, True; nothing follows
/// - 5: int; 8 bytes, signed
/// - 6: larger int; a length in 4 bytes, decimal text
/// - 7, 8: float in 8 bytes, complex in 16
/// - 9, 10: str in UTF-8, bytes; a length in 4 bytes, the content
/// - 11, 12, 14: tuple, list, frozenset; a count in 4 bytes, the items
/// - 13: dict; a count in 4 bytes, keys and values by turns
/// - 15: slice; start, stop, step
/// - 16: object; an rpyc_object * in 8 bytes, owned by whoever gets it from the library, borrowed towards it
/// - 17: object of the application; its token in 8 bytes; towards the library then its rpyc_class * in 8 bytes, as of
///   rpyc_session_object_new, or 0 if it lives
/// - 18: any other value; an rpyc_value * in 8 bytes, owned or borrowed as with 16
/// - 19: function of the application, only towards the library; its token in 8 bytes, a length in 4 bytes, its name; as of
///   rpyc_session_function_new without a signature
/// - 20: method of an object of the application, which the peer took without calling it, only from the library; the token
///   of the object in 8 bytes, a length in 4 bytes, the literal name of the member; then the method itself, as with 16
pub const RPYC_SESSION_PACKED: u64 = 1;
/// Objects of other sessions and connections may be sent: for the peer they are what they are there, and what it asks of
/// them comes as RPYC_ASK_FORWARD. Without it they cannot be sent.
pub const RPYC_SESSION_FORWARDS: u64 = 2;

/// Makes a session. Nothing has been said on it; both sides may begin.
///
/// Options that wait or send (sync_request_timeout, close_timeout, keepalive) have no meaning here. bind_threads must be
/// off.
///
/// @param config copied; NULL: the defaults
/// @param flags RPYC_SESSION_... or 0
/// @param session_out owned; free it with rpyc_session_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ABI (flags without a meaning), RPYC_ERR_UNSUPPORTED (bind_threads)
///
/// Threads: any thread. Since 0.1.
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
            known_flags(flags, RPYC_SESSION_PACKED | RPYC_SESSION_FORWARDS, "flags")?;
            let bare = Session::new(config_or_default(config), flags & RPYC_SESSION_FORWARDS != 0)?;
            out.put(handle::new(SessionHandle {
                bare,
                packs: flags & RPYC_SESSION_PACKED != 0,
                packed: Mutex::default(),
            }))
        })
    }
}

/// Gives a session a number by which the application knows it, such as the place of its state: rpyc_object_session_id tells
/// it of the objects of the peer.
///
/// @param session borrowed
/// @param id any number but 0
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_set_id(session: *mut rpyc_session, id: u64) -> rpyc_status {
    // SAFETY: the contract of the border.
    ffi_boundary_status(|| {
        unsafe { checked(session) }?.bare.set_id(id);
        Ok(())
    })
}

/// Ends and frees a session. Handles that it gave stay valid; calls of it can be answered, which does nothing.
///
/// @param session consumed; NULL does nothing
///
/// Threads: any thread, while no other function uses the session. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_free(session: *mut rpyc_session) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(session) }));
}

/// Takes in bytes that have been received, in pieces of any size. Then take events until there are none.
///
/// @param session borrowed
/// @param data copied
/// @param length bytes
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_CLOSED
///
/// Threads: any thread. Since 0.1.
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

/// Says that the peer sends nothing more. What has arrived is still read; then comes RPYC_EVENT_CLOSED.
///
/// @param session borrowed
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_end_of_stream(session: *mut rpyc_session) -> rpyc_status {
    // SAFETY: the contract of the border.
    ffi_boundary_status(|| Ok(unsafe { checked(session) }?.bare.end_of_stream()?))
}

/// What is to be sent next, where it lies; there may be more behind it. Releases of objects that were freed are part of it.
///
/// @param session borrowed
/// @param data_out borrowed until the next call for this session; NULL where there is nothing
/// @param length_out bytes; 0: there is nothing to be sent
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any thread, but nothing else may be called for the session while the bytes are used. Since 0.1.
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

/// Tells that bytes of rpyc_session_outgoing have been sent.
///
/// @param session borrowed
/// @param length bytes, no more than there were
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ARGUMENT (so many did not wait)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_sent(session: *mut rpyc_session, length: usize) -> rpyc_status {
    // SAFETY: the contract of the border.
    ffi_boundary_status(|| Ok(unsafe { checked(session) }?.bare.sent(length)?))
}

/// Takes bytes to be sent into memory of the application: rpyc_session_outgoing and rpyc_session_sent in one.
///
/// @param session borrowed
/// @param buffer filled from its beginning
/// @param capacity bytes of the buffer
/// @param length_out bytes taken; fewer than capacity: there are no more
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any thread. Since 0.1.
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
/// The pointer is NULL or has so many bytes, which can be written to and are used by nobody else meanwhile.
unsafe fn room<'a>(buffer: *mut c_void, capacity: usize) -> Result<&'a mut [u8]> {
    // SAFETY: the same is asked of our caller; a buffer of the application may hold anything before it is filled.
    unsafe {
        bytes(buffer.cast_const().cast(), capacity, "buffer")?;
        Ok(if capacity == 0 { &mut [] } else { std::slice::from_raw_parts_mut(buffer.cast(), capacity) })
    }
}

/// The next event. It never says that there is none while a whole message lies in the buffer.
///
/// @param session borrowed
/// @param event filled; its struct_size must be set. What it owns is the application's
/// @param error_out owned; may be NULL
/// @return RPYC_OK, also for RPYC_EVENT_NONE; RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ABI (struct_size), RPYC_ERR_CLOSED
///         (the session has ended, and everything has been told)
///
/// Threads: any thread. Since 0.1.
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

/// Takes in bytes, gives the next event, and takes bytes to be sent: three functions in one, for applications to which
/// each call is dear. An input that a closed session cannot take is dropped.
///
/// @param session borrowed
/// @param input copied; as of rpyc_session_feed
/// @param input_length bytes; 0: nothing is fed
/// @param output filled; as of rpyc_session_take
/// @param output_capacity bytes; 0: nothing is taken
/// @param output_length_out bytes taken
/// @param event filled; as of rpyc_session_next_event
/// @param error_out owned; may be NULL
/// @return as rpyc_session_next_event; bytes are taken also with RPYC_ERR_CLOSED
///
/// Threads: any thread. Since 0.1.
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

/// Does an event wait, or a whole message that may give one?
///
/// @param session borrowed
/// @return false also for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_has_message(session: *const rpyc_session) -> bool {
    // SAFETY: the contract of the border.
    ffi_boundary_or(false, || unsafe { handle::as_ref(session) }.is_some_and(|session| session.bare.has_message()))
}

/// How many bytes wait to be sent, without releases that were not looked for.
///
/// @param session borrowed
/// @return 0 also for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_waiting(session: *const rpyc_session) -> usize {
    // SAFETY: the contract of the border.
    ffi_boundary_or(0, || unsafe { handle::as_ref(session) }.map_or(0, |session| session.bare.waiting()))
}

/// Has the session ended?
///
/// @param session borrowed
/// @return true also for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_closed(session: *const rpyc_session) -> bool {
    // SAFETY: the contract of the border.
    ffi_boundary_or(true, || unsafe { handle::as_ref(session) }.is_none_or(|session| session.bare.is_closed()))
}

/// The dialect that is spoken.
///
/// @param session borrowed
/// @return 6: that of rpyc 6; 5: that of rpyc 4.1 to 5.3; 0: not known yet, and for NULL
///
/// Threads: any thread. Since 0.1.
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

/// The dialect of the last message of the peer, also where it ended the session with RPYC_ERR_DIALECT. A peer that is
/// spoken to first in a dialect that it does not know answers in its own: make a new connection, and a session with the
/// option dialect set to this.
///
/// @param session borrowed
/// @return as rpyc_session_dialect
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_heard(session: *const rpyc_session) -> i32 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(0, || dialect_number(unsafe { handle::as_ref(session) }.map(|session| session.bare.heard())))
}

/// Tells the peer that this side goes. Send what is to be sent, then end the stream. Nothing is served from now on.
/// While rpyc_session_dialect() is 0, there is nothing to send: the peer would perhaps not understand it.
///
/// @param session borrowed
/// @param error_out owned; may be NULL
/// @return RPYC_OK, also where it was closed before; RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_close(
    session: *mut rpyc_session,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(checked(session)?.bare.close()?)) }
}

/// Answers a call with packed data and frees it: rpyc_call_return and rpyc_call_free in one.
///
/// @param session borrowed; that of the call
/// @param call consumed, on success and on every failure; unanswered, its caller gets a RuntimeError
/// @param packed copied; as RPYC_SESSION_PACKED tells; handles in it are borrowed
/// @param packed_length bytes; 0: None
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (the packed value is malformed), RPYC_ERR_STATE (answered already),
///         RPYC_ERR_CLOSED, RPYC_ERR_TYPE and RPYC_ERR_LIMIT (the value cannot be sent: the caller has been told),
///         RPYC_ERR_NO_MEMORY
///
/// Threads: any thread. Since 0.1.
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

/// Answers a call with an exception, whose arguments and attributes are packed, and frees it: rpyc_call_raise_with and
/// rpyc_call_free in one.
///
/// @param session borrowed; that of the call
/// @param call consumed, on success and on every failure; unanswered, its caller gets a RuntimeError
/// @param module copied; NULL: "builtins"
/// @param name copied; the class's name
/// @param traceback copied; where it was raised, as the peer is to see it; NULL: nothing to say
/// @param packed copied; a tuple of the arguments (a tuple) and the attributes (a dict with text keys); see "Packed
///        values"; handles in it are borrowed
/// @param packed_length bytes; 0: neither arguments nor attributes
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (the packed value is malformed), RPYC_ERR_STATE
///         (answered already), RPYC_ERR_CLOSED, RPYC_ERR_NO_MEMORY
///
/// Threads: any thread. Since 0.1.
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
