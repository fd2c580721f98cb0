//! What a session tells the application: events, and the packed data that they lend.

use crate::budget::{self, NoMemory};
use crate::error::{Error, Exception};
use crate::ffi::border::handle::{self, Handle};
use crate::ffi::border::packed;
use crate::ffi::border::report::Report;
use crate::ffi::border::status::{Failure, RPYC_ERR_ABI, Result};
use crate::ffi::border::time::time_left;
use crate::ffi::border::types::{rpyc_call, rpyc_error, rpyc_object, rpyc_session, rpyc_value};
use crate::ffi::service::call::own_call;
use crate::session::{Asks, Event, Session};
use crate::value::Reference;
use std::ffi::{c_char, c_void};
use std::mem::offset_of;
use std::ptr;
use std::sync::{Arc, Mutex};

impl Handle for rpyc_session {
    type Inner = SessionHandle;
    const WORD: [u8; 8] = *b"session\0";
}

/// The data behind an rpyc_session.
pub(crate) struct SessionHandle {
    pub bare: Arc<Session>,
    pub packs: bool,
    /// The packed data that the last event refers to.
    pub packed: Mutex<Vec<u8>>,
}

/// # Safety
/// The handle is NULL or a live session, as long as is said of the result.
pub(crate) unsafe fn checked<'a>(session: *const rpyc_session) -> Result<&'a SessionHandle> {
    // SAFETY: the same is asked of our caller.
    unsafe { handle::require(session, "session") }
}

/// No complete message is available.
pub const RPYC_EVENT_NONE: i32 = 0;
/// The peer made a request to an object of the application.
pub const RPYC_EVENT_REQUEST: i32 = 1;
/// The reply to a request of the application.
pub const RPYC_EVENT_REPLY: i32 = 2;
/// The object with this token is no longer referenced by the peer, a handle or a call.
pub const RPYC_EVENT_RELEASED: i32 = 3;
/// The session has ended. Every pending request has got a reply event with an error before.
pub const RPYC_EVENT_CLOSED: i32 = 4;
/// More than 256 KiB of output is pending. Send it before taking the next event; complete messages are still buffered.
pub const RPYC_EVENT_SEND: i32 = 5;

/// A method or function is called.
pub const RPYC_ASK_CALL: i32 = 1;
/// An attribute is read.
pub const RPYC_ASK_GET: i32 = 2;
/// An attribute is set.
pub const RPYC_ASK_SET: i32 = 3;
/// An attribute is deleted.
pub const RPYC_ASK_DEL: i32 = 4;
/// Asks whether there is an attribute with the name in argument 0. Answer with a bool. Only for classes with
/// RPYC_SESSION_CLASS_DYNAMIC.
pub const RPYC_ASK_EXISTS: i32 = 5;
/// A class is called. Answer with an object.
pub const RPYC_ASK_CONSTRUCT: i32 = 6;

/// A request for an object of another session or connection, which was sent over this one. Send the request to that
/// object and answer with its reply. Only in sessions with RPYC_SESSION_FORWARDS.
pub const RPYC_ASK_FORWARD: i32 = 7;

/// Value of member in rpyc_session_event: the request does not name a member of a table.
pub const RPYC_MEMBER_NONE: u64 = 0xffff_ffff_ffff_ffff;

/// An event of a session. Zero it and set struct_size; each call fills the other members.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rpyc_session_event {
    /// sizeof(rpyc_session_event)
    pub struct_size: usize,
    /// RPYC_EVENT_...
    pub kind: i32,
    /// In a request: RPYC_ASK_...
    pub asks: i32,
    /// In a reply: token of the request. In a request: token of the object, function or class. In a release: token of
    /// the object. In RPYC_ASK_FORWARD: token given to rpyc_session_stand_in(), or 0.
    pub token: u64,
    /// In a reply: number of the request.
    pub sequence: i64,
    /// In a request: id of the member. RPYC_MEMBER_NONE for functions, classes, and attributes that are requested by
    /// name: then argument 0 is the name and argument 1 the value to be set.
    pub member: u64,
    /// In a request: name of the member, function or attribute. Borrowed, as long as the call lives; not
    /// NUL-terminated.
    pub name: *const c_char,
    /// Length of name, in bytes.
    pub name_length: usize,
    /// In a request: owned, free with rpyc_call_free() after answering it, now or later, on any thread.
    pub call: *mut rpyc_call,
    /// In a reply with a value: owned, free with rpyc_value_free(). NULL in sessions with RPYC_SESSION_PACKED.
    pub value: *mut rpyc_value,
    /// In a reply with an error, and at the end of the session: owned, free with rpyc_error_free().
    pub error: *mut rpyc_error,
    /// In sessions with RPYC_SESSION_PACKED. In a request: a tuple of the arguments (a tuple) and the keywords (a
    /// dict). In a reply: the value. Borrowed until the next event. Handles in it are owned.
    pub packed: *const c_void,
    /// Length of packed, in bytes.
    pub packed_length: usize,
    /// In a request: milliseconds that the caller will still wait, as from rpyc_call_time_left(); -1 if unknown.
    pub time_left_ms: i64,
    /// In RPYC_ASK_FORWARD: the requested object. Owned, free with rpyc_object_free().
    pub object: *mut rpyc_object,
    /// In RPYC_ASK_FORWARD: RPYC_HANDLE_..., which uses name, arguments and keywords like rpyc_session_ask().
    /// Otherwise 0.
    pub handler: i32,
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
        object: ptr::null_mut(),
        handler: 0,
    };
}

/// A place for an event, as long as the application knows events.
pub(crate) struct EventOut {
    place: *mut rpyc_session_event,
    size: usize,
}

impl EventOut {
    /// Empties the place.
    ///
    /// # Safety
    /// The pointer is NULL or leads to as many bytes as it says first, which can be written while the result lives.
    pub unsafe fn new(place: *mut rpyc_session_event) -> Result<EventOut> {
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

    pub fn put(&self, event: rpyc_session_event) {
        let known = offset_of!(rpyc_session_event, kind);
        // SAFETY: `new` was promised that so many bytes can be written; the application's own size stays.
        unsafe {
            let from = (&raw const event).cast::<u8>().add(known);
            ptr::copy_nonoverlapping(from, self.place.cast::<u8>().add(known), self.size - known);
        }
    }
}

fn failure_handle(error: Error) -> *mut rpyc_error {
    handle::new(Report::from(Failure::from(error)))
}

impl SessionHandle {
    /// Packed data of about this size.
    fn lend_packed(&self, size: usize, write: impl FnOnce(&mut Vec<u8>)) -> Result<(*const c_void, usize), NoMemory> {
        let mut packed = self.packed.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        packed.clear();
        if packed.capacity() > 64 << 10 {
            *packed = Vec::new();
        }
        if size > budget::SMALL {
            packed.try_reserve_exact(size).map_err(|_| NoMemory { bytes: size })?;
        }
        write(&mut packed);
        Ok((packed.as_ptr().cast(), packed.len()))
    }

    /// The next event as the application gets it. A request for which there is no memory is answered here.
    pub fn next_event(&self) -> Result<Option<rpyc_session_event>> {
        while let Some(event) = self.bare.next_event()? {
            if let Some(event) = self.event(event) {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    fn event(&self, event: Event) -> Option<rpyc_session_event> {
        let mut out = rpyc_session_event::EMPTY;
        match event {
            Event::Request(mut asked) => {
                if self.packs {
                    let call = &asked.call;
                    let (args, keywords) = (call.args(), call.keywords());
                    let size = packed::size_of_call(args, keywords);
                    match self.lend_packed(size, |packed| packed::put_call(packed, args, keywords)) {
                        Ok(lent) => (out.packed, out.packed_length) = lent,
                        Err(error) => {
                            // Where that fails, its connection has ended.
                            let _ = asked.call.raise(Exception::builtin("MemoryError", error.to_string()));
                            return None;
                        }
                    }
                }
                out.kind = RPYC_EVENT_REQUEST;
                out.asks = match asked.asks {
                    Asks::Call => RPYC_ASK_CALL,
                    Asks::Get => RPYC_ASK_GET,
                    Asks::Set => RPYC_ASK_SET,
                    Asks::Del => RPYC_ASK_DEL,
                    Asks::Exists => RPYC_ASK_EXISTS,
                    Asks::Construct => RPYC_ASK_CONSTRUCT,
                    Asks::Forward(handler) => {
                        out.handler = handler as i32;
                        RPYC_ASK_FORWARD
                    }
                };
                if let Some(object) = asked.object.take() {
                    out.object = handle::new(Reference::Remote(object).into());
                }
                out.token = asked.token;
                out.time_left_ms = time_left(&asked.call);
                out.member = asked.member.unwrap_or(RPYC_MEMBER_NONE);
                // It lies in the member or among the arguments, neither of which moves with the call.
                let name = asked.name();
                (out.name, out.name_length) = (name.as_ptr().cast(), name.len());
                out.call = own_call(asked.call);
            }
            Event::Reply { token, sequence, outcome } => {
                out.kind = RPYC_EVENT_REPLY;
                (out.token, out.sequence) = (token, sequence);
                match outcome {
                    Ok(value) if self.packs => {
                        match self.lend_packed(packed::size(&value), |packed| packed::put(packed, &value)) {
                            Ok(lent) => (out.packed, out.packed_length) = lent,
                            Err(error) => out.error = failure_handle(error.into()),
                        }
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
        Some(out)
    }
}
