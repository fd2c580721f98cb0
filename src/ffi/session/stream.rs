//! rpyc_session: a session that the host drives itself; bytes and events.

use crate::bare::{Asks, Bare, Event};
use crate::config::Dialect;
use crate::error::{Error, Exception};
use crate::ffi::border::guard::{guard, guard_or, guard_status};
use crate::ffi::border::handle::{self, Handle, rpyc_value};
use crate::ffi::border::packed;
use crate::ffi::border::pointer::{bytes, output};
use crate::ffi::border::status::{Failure, RPYC_ERR_ABI, Result, rpyc_status};
use crate::ffi::border::table::{known_flags, optional};
use crate::ffi::config::{config_or_default, rpyc_config};
use crate::ffi::error::rpyc_error;
use crate::ffi::service::call::{own_call, rpyc_call, time_left};
use crate::value::{Text, Value};
use std::ffi::{c_char, c_void};
use std::mem::offset_of;
use std::ptr;
use std::sync::{Arc, Mutex};

/// One connection as a state machine: bytes go in, bytes and events come out. It has no socket, no clock and no thread, and
/// calls nobody. For hosts that own their input and output, and for bindings of other languages.
///
/// Any of its functions may be called from any thread; they take turns. What must keep its order is the host's to order:
/// the bytes that it feeds, and those that it takes to send them.
pub struct rpyc_session {
    _opaque: (),
}

impl Handle for rpyc_session {
    type Inner = SessionHandle;
    const WORD: [u8; 8] = *b"session\0";
}

/// What an rpyc_session stands for.
pub(crate) struct SessionHandle {
    pub bare: Arc<Bare>,
    packs: bool,
    /// What the last event has lent.
    packed: Mutex<Vec<u8>>,
}

/// # Safety
/// The handle is NULL or a live session, as long as is said of the result.
pub(crate) unsafe fn live<'a>(session: *const rpyc_session) -> Result<&'a SessionHandle> {
    // SAFETY: the same is asked of our caller.
    unsafe { handle::get(session, "session") }
}

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
/// - 17: object of the host; its token in 8 bytes; towards the library then its rpyc_class * in 8 bytes, as of
///   rpyc_session_object_new, or 0 if it lives
/// - 18: any other value; an rpyc_value * in 8 bytes, owned or borrowed as with 16
/// - 19: function of the host, only towards the library; its token in 8 bytes, a length in 4 bytes, its name; as of
///   rpyc_session_function_new without a signature
/// - 20: method of an object of the host, which the peer took without calling it, only from the library; the token of
///   the object in 8 bytes, a length in 4 bytes, the literal name of the member; then the method itself, as with 16
pub const RPYC_SESSION_PACKED: u64 = 1;

/// Nothing whole has arrived.
pub const RPYC_EVENT_NONE: i32 = 0;
/// The peer asks something of an object of the host.
pub const RPYC_EVENT_REQUEST: i32 = 1;
/// The answer to a request of the host.
pub const RPYC_EVENT_REPLY: i32 = 2;
/// Nobody holds the object of this token any more, neither the peer nor a handle nor a call.
pub const RPYC_EVENT_RELEASED: i32 = 3;
/// The session has ended. Every request that still waited has had a reply with an error before.
pub const RPYC_EVENT_CLOSED: i32 = 4;
/// Much waits to be sent. It must go before more is read; whole messages lie in the buffer.
pub const RPYC_EVENT_SEND: i32 = 5;

/// A method or function is called.
pub const RPYC_ASK_CALL: i32 = 1;
/// An attribute is read.
pub const RPYC_ASK_GET: i32 = 2;
/// An attribute is set.
pub const RPYC_ASK_SET: i32 = 3;
/// An attribute is deleted.
pub const RPYC_ASK_DEL: i32 = 4;
/// Is there an attribute called argument 0? To be answered with a bool. Only of classes with RPYC_SESSION_CLASS_DYNAMIC.
pub const RPYC_ASK_EXISTS: i32 = 5;
/// A class is called: to be answered with an object.
pub const RPYC_ASK_CONSTRUCT: i32 = 6;

/// In place of the id of a member: the request names none of a table.
pub const RPYC_MEMBER_NONE: u64 = 0xffff_ffff_ffff_ffff;

/// What a session tells. Zero it and set struct_size; each call fills the rest anew.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rpyc_session_event {
    /// sizeof(rpyc_session_event)
    pub struct_size: usize,
    /// RPYC_EVENT_...
    pub kind: i32,
    /// Of a request: RPYC_ASK_...
    pub asks: i32,
    /// Of a reply: that of the request. Of a request: that of the object, function or class. Of a release: that of the
    /// object.
    pub token: u64,
    /// Of a reply: the number that the request was given.
    pub sequence: i64,
    /// Of a request: the id of the member; RPYC_MEMBER_NONE for functions, classes, and attributes that are asked for by name:
    /// argument 0 is the name then, and argument 1 the value to be set.
    pub member: u64,
    /// Of a request: the name of the member, function or attribute. Borrowed as long as the call; not NUL-terminated.
    pub name: *const c_char,
    /// Bytes of name.
    pub name_length: usize,
    /// Of a request: owned; to be answered now or later, on any thread, and then freed with rpyc_call_free.
    pub call: *mut rpyc_call,
    /// Of a reply that went well: owned. NULL in sessions with RPYC_SESSION_PACKED.
    pub value: *mut rpyc_value,
    /// Of a reply that did not go well, and of the end: owned.
    pub error: *mut rpyc_error,
    /// In sessions with RPYC_SESSION_PACKED: of a request a tuple of the arguments (a tuple) and the keywords (a dict), of a
    /// reply the value. Borrowed until the next event. Handles in it are owned.
    pub packed: *const c_void,
    /// Bytes of packed.
    pub packed_length: usize,
    /// Of a request: how many milliseconds its caller still waits, as of rpyc_call_time_left; -1: that is not known.
    pub time_left_ms: i64,
}

impl rpyc_session_event {
    const EMPTY: rpyc_session_event = rpyc_session_event {
        struct_size: size_of::<rpyc_session_event>(),
        kind: RPYC_EVENT_NONE,
        asks: 0,
        token: 0,
        sequence: 0,
        member: RPYC_MEMBER_NONE,
        name: ptr::null(),
        name_length: 0,
        call: ptr::null_mut(),
        value: ptr::null_mut(),
        error: ptr::null_mut(),
        packed: ptr::null(),
        packed_length: 0,
        time_left_ms: -1,
    };
}

/// A place for an event, as long as the host knows events.
struct EventOut {
    place: *mut rpyc_session_event,
    size: usize,
}

impl EventOut {
    /// Empties the place.
    ///
    /// # Safety
    /// The pointer is NULL or leads to as many bytes as it says first, which can be written while the result lives.
    unsafe fn new(place: *mut rpyc_session_event) -> Result<EventOut> {
        if place.is_null() {
            return Err(Failure::null("event"));
        }
        // SAFETY: not NULL, so it begins with its size.
        let size = unsafe { place.cast::<usize>().read() };
        let least = offset_of!(rpyc_session_event, packed_length) + size_of::<usize>();
        if size < least || size > least + 4096 {
            return Err(Failure::new(RPYC_ERR_ABI, format_args!("event.struct_size cannot be {size}")));
        }
        let out = EventOut { place, size: size.min(size_of::<rpyc_session_event>()) };
        out.put(rpyc_session_event::EMPTY);
        Ok(out)
    }

    fn put(&self, event: rpyc_session_event) {
        let known = offset_of!(rpyc_session_event, kind);
        // SAFETY: `new` was promised that so many bytes can be written; the host's own size stays.
        unsafe {
            let from = (&raw const event).cast::<u8>().add(known);
            ptr::copy_nonoverlapping(from, self.place.cast::<u8>().add(known), self.size - known);
        }
    }
}

fn failure_handle(error: Error) -> *mut rpyc_error {
    handle::new(Failure::from(error).into())
}

impl SessionHandle {
    fn lend_packed(&self, write: impl FnOnce(&mut Vec<u8>)) -> (*const c_void, usize) {
        let mut packed = self.packed.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        packed.clear();
        if packed.capacity() > 64 << 10 {
            *packed = Vec::new();
        }
        write(&mut packed);
        (packed.as_ptr().cast(), packed.len())
    }

    /// An event as the host gets it.
    fn event(&self, event: Event) -> rpyc_session_event {
        let mut out = rpyc_session_event::EMPTY;
        match event {
            Event::Request(asked) => {
                out.kind = RPYC_EVENT_REQUEST;
                out.asks = match asked.asks {
                    Asks::Call => RPYC_ASK_CALL,
                    Asks::Get => RPYC_ASK_GET,
                    Asks::Set => RPYC_ASK_SET,
                    Asks::Del => RPYC_ASK_DEL,
                    Asks::Exists => RPYC_ASK_EXISTS,
                    Asks::Construct => RPYC_ASK_CONSTRUCT,
                };
                out.token = asked.token;
                out.time_left_ms = time_left(&asked.call);
                out.member = asked.member.unwrap_or(RPYC_MEMBER_NONE);
                // It lies in the member or among the arguments, neither of which moves with the call.
                let name = asked.name();
                (out.name, out.name_length) = (name.as_ptr().cast(), name.len());
                if self.packs {
                    let call = &asked.call;
                    (out.packed, out.packed_length) =
                        self.lend_packed(|packed| packed::put_call(packed, call.args(), call.keywords()));
                }
                out.call = own_call(asked.call);
            }
            Event::Reply { token, sequence, outcome } => {
                out.kind = RPYC_EVENT_REPLY;
                (out.token, out.sequence) = (token, sequence);
                match outcome {
                    Ok(value) if self.packs => {
                        (out.packed, out.packed_length) = self.lend_packed(|packed| packed::put(packed, &value));
                    }
                    Ok(value) => out.value = handle::value_new(value),
                    Err(error) => out.error = failure_handle(error),
                }
            }
            Event::Released(token) => {
                out.kind = RPYC_EVENT_RELEASED;
                out.token = token;
            }
            Event::Send => out.kind = RPYC_EVENT_SEND,
            Event::Closed(error) => {
                out.kind = RPYC_EVENT_CLOSED;
                out.error = failure_handle(error);
            }
        }
        out
    }
}

/// Makes a session. Nothing has been said on it; both sides may begin.
///
/// Options that wait or send (sync_request_timeout, close_timeout, keepalive) have no meaning here. bind_threads must be off.
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
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(session_out, "session_out")?;
            known_flags(flags, RPYC_SESSION_PACKED, "flags")?;
            let bare = Bare::new(config_or_default(config))?;
            out.put(handle::new(SessionHandle {
                bare,
                packs: flags & RPYC_SESSION_PACKED != 0,
                packed: Mutex::default(),
            }))
        })
    }
}

/// Ends and frees a session. Handles that it gave stay valid; calls of it can be answered, which does nothing.
///
/// @param session consumed; NULL does nothing
///
/// Threads: any thread, while no other function uses the session. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_free(session: *mut rpyc_session) {
    // SAFETY: NULL or owned by the caller, who gives it up.
    guard_or((), || drop(unsafe { handle::take(session) }));
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
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe { guard(error_out, || Ok(live(session)?.bare.feed(bytes(data.cast(), length, "data")?)?)) }
}

/// Says that the peer sends nothing more. What has arrived is still read; then comes RPYC_EVENT_CLOSED.
///
/// @param session borrowed
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_end_of_stream(session: *mut rpyc_session) -> rpyc_status {
    // SAFETY: NULL or a live handle.
    guard_status(|| Ok(unsafe { live(session) }?.bare.end_of_stream()?))
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
    guard_status(|| {
        // SAFETY: pointers are NULL or as the documentation asks.
        let (data, length, session) = unsafe {
            let data = output(data_out, "data_out");
            let length = output(length_out, "length_out");
            (data?, length?, live(session)?)
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
    // SAFETY: NULL or a live handle.
    guard_status(|| Ok(unsafe { live(session) }?.bare.sent(length)?))
}

/// Takes bytes to be sent into memory of the host: rpyc_session_outgoing and rpyc_session_sent in one.
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
    guard_status(|| {
        // SAFETY: pointers are NULL or as the documentation asks.
        unsafe {
            let length = output(length_out, "length_out")?;
            let session = live(session)?;
            length.put(session.bare.take(room(buffer, capacity)?)?)
        }
    })
}

/// # Safety
/// The pointer is NULL or has so many bytes, which can be written to and are used by nobody else meanwhile.
unsafe fn room<'a>(buffer: *mut c_void, capacity: usize) -> Result<&'a mut [u8]> {
    // SAFETY: the same is asked of our caller; a buffer of the host may hold anything before it is filled.
    unsafe {
        bytes(buffer.cast_const().cast(), capacity, "buffer")?;
        Ok(if capacity == 0 { &mut [] } else { std::slice::from_raw_parts_mut(buffer.cast(), capacity) })
    }
}

/// The next event. It never says that there is none while a whole message lies in the buffer.
///
/// @param session borrowed
/// @param event filled; its struct_size must be set. What it owns is the host's
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
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = EventOut::new(event)?;
            let session = live(session)?;
            if let Some(event) = session.bare.next_event()? {
                out.put(session.event(event));
            }
            Ok(())
        })
    }
}

/// Takes in bytes, gives the next event, and takes bytes to be sent: three functions in one, for hosts to which each call is
/// dear. An input that a closed session cannot take is dropped.
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
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let length = crate::ffi::border::pointer::output(output_length_out, "output_length_out");
            let out = EventOut::new(event);
            let (length, out) = (length?, out?);
            let session = live(session)?;
            let room = room(output, output_capacity)?;
            let input = bytes(input.cast(), input_length, "input")?;
            match if input.is_empty() { Ok(()) } else { session.bare.feed(input) } {
                Ok(()) | Err(Error::Closed(_)) => {}
                Err(error) => return Err(error.into()),
            }
            let event = session.bare.next_event();
            length.put(session.bare.take(room)?)?;
            if let Some(event) = event? {
                out.put(session.event(event));
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
    // SAFETY: NULL or a live handle.
    guard_or(false, || unsafe { handle::peek(session) }.is_some_and(|session| session.bare.has_message()))
}

/// How many bytes wait to be sent, without releases that were not looked for.
///
/// @param session borrowed
/// @return 0 also for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_waiting(session: *const rpyc_session) -> usize {
    // SAFETY: NULL or a live handle.
    guard_or(0, || unsafe { handle::peek(session) }.map_or(0, |session| session.bare.waiting()))
}

/// Has the session ended?
///
/// @param session borrowed
/// @return true also for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_closed(session: *const rpyc_session) -> bool {
    // SAFETY: NULL or a live handle.
    guard_or(true, || unsafe { handle::peek(session) }.is_none_or(|session| session.bare.is_closed()))
}

/// The dialect that is spoken.
///
/// @param session borrowed
/// @return 6: that of rpyc 6; 5: that of rpyc 4.1 to 5.3; 0: not known yet, and for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_dialect(session: *const rpyc_session) -> i32 {
    // SAFETY: NULL or a live handle.
    guard_or(0, || dialect_number(unsafe { handle::peek(session) }.map(|session| session.bare.dialect())))
}

fn dialect_number(dialect: Option<Dialect>) -> i32 {
    match dialect {
        Some(Dialect::V6) => 6,
        Some(Dialect::V5) => 5,
        Some(Dialect::Auto) | None => 0,
    }
}

/// The dialect of the last message of the peer, also where it ended the session with RPYC_ERR_DIALECT. A peer that is spoken to first
/// in a dialect that it does not know answers in its own: make a new connection, and a session with the option dialect set to this.
///
/// @param session borrowed
/// @return as rpyc_session_dialect
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_heard(session: *const rpyc_session) -> i32 {
    // SAFETY: NULL or a live handle.
    guard_or(0, || dialect_number(unsafe { handle::peek(session) }.map(|session| session.bare.heard())))
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
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe { guard(error_out, || Ok(live(session)?.bare.close()?)) }
}

/// Answers a call with packed data and frees it: rpyc_call_return and rpyc_call_free in one.
///
/// @param session borrowed; that of the call
/// @param call consumed, on success and on every failure; unanswered, its caller gets a RuntimeError
/// @param packed copied; as RPYC_SESSION_PACKED tells; handles in it are borrowed
/// @param packed_length bytes; 0: None
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (the packed value is malformed), RPYC_ERR_STATE (answered already),
///         RPYC_ERR_CLOSED, RPYC_ERR_TYPE and RPYC_ERR_LIMIT (the value cannot be sent: the caller has been told)
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
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let served = handle::take(call);
            let session = live(session)?;
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
/// @param packed copied; a tuple of the arguments (a tuple) and the attributes (a dict with text keys); see "Packed values"; handles
///        in it are borrowed
/// @param packed_length bytes; 0: neither arguments nor attributes
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (the packed value is malformed), RPYC_ERR_STATE
///         (answered already), RPYC_ERR_CLOSED
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
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let served = handle::take(call);
            let session = live(session)?;
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
