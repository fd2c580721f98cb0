//! rpyc_session: requests of the application, and their time.

use crate::ffi::border::boundary::{ffi_boundary, ffi_boundary_or, ffi_boundary_status};
use crate::ffi::border::handle;
use crate::ffi::border::packed;
use crate::ffi::border::pointer::{bytes, output, take_values, text};
use crate::ffi::border::status::{Failure, RPYC_ERR_ARGUMENT, RPYC_ERR_TYPE, Result, rpyc_status};
use crate::ffi::border::time::timeout;
use crate::ffi::border::types::{rpyc_error, rpyc_object, rpyc_session, rpyc_value};
use crate::ffi::object::operation::keyword_pairs;
use crate::ffi::session::event::checked;
use crate::objects::Membership;
use crate::objects::membership;
use crate::protocol::{Body, Handler};
use crate::session::Session;
use crate::value::{Proxy, Reference, Text, Value};
use std::ffi::{c_char, c_void};
use std::sync::Arc;
use std::time::Duration;

/// A time on the application's clock; none where it is negative.
fn deadline(milliseconds: i64) -> Option<Duration> {
    timeout(milliseconds)
}

/// One request of the application, taken in.
struct Asking<'a> {
    handler: i32,
    object: Option<&'a Reference>,
    name: &'a str,
    args: Vec<Value>,
    keywords: Vec<(Text, Value)>,
}

impl Asking<'_> {
    fn target(&self, bare: &Session) -> Result<&Arc<Proxy>> {
        match self.object {
            Some(Reference::Remote(proxy)) if bare.owns(proxy) => Ok(proxy),
            Some(Reference::Remote(_)) => {
                Err(Failure::new(RPYC_ERR_ARGUMENT, "the object belongs to another session or connection"))
            }
            Some(Reference::Local(_)) => {
                Err(Failure::new(RPYC_ERR_TYPE, "object: expected one of the peer, got one of this process"))
            }
            None => Err(Failure::null("object")),
        }
    }

    fn send(self, bare: &Session, token: u64, deadline: Option<Duration>) -> Result<i64> {
        use Handler::*;
        let wrong = |text: &str| Failure::new(RPYC_ERR_ARGUMENT, text);
        let handler = Handler::from_number(self.handler.into()).ok_or_else(|| wrong("unknown handler"))?;
        let name = || Value::str(self.name);
        let expected = match handler {
            Call | CallAttr => self.args.len(),
            SetAttr | Cmp | BuffIter | CtxExit | Pickle | Ping | InstanceCheck => 1,
            _ => 0,
        };
        if self.args.len() != expected {
            let text = format!("{}: expected {expected} arguments, got {}", handler.name(), self.args.len());
            return Err(wrong(&text));
        }
        if !self.keywords.is_empty() && !matches!(handler, Call | CallAttr) {
            return Err(wrong("keywords: only accepted by CALL and CALLATTR"));
        }
        let raw = |first: Vec<Value>| {
            let args: Vec<Value> = first.into_iter().chain(self.args.iter().cloned()).collect();
            Ok(bare.request(Body::Raw { handler: self.handler.into(), args: &args }, token, deadline)?)
        };
        let this = || Ok::<_, Failure>(Value::Ref(Reference::Remote(self.target(bare)?.clone())));
        match handler {
            Ping | GetRoot => raw(Vec::new()),
            Call => {
                let body = Body::Call { target: self.target(bare)?, args: &self.args, keywords: &self.keywords };
                Ok(bare.request(body, token, deadline)?)
            }
            CallAttr => {
                let (args, keywords) = (&self.args, &self.keywords);
                let body = Body::CallAttr { target: self.target(bare)?, name: self.name, args, keywords };
                Ok(bare.request(body, token, deadline)?)
            }
            Inspect => Ok(bare.request(Body::Inspect { target: self.target(bare)? }, token, deadline)?),
            InstanceCheck => match self.args.first() {
                Some(Value::Ref(other)) => {
                    let class = Reference::Remote(self.target(bare)?.clone());
                    // The ids of the classes tell more than a Python peer knows.
                    match membership(other, &class)? {
                        Membership::Known(known) => Ok(bare.answer_here(token, Value::Bool(known))?),
                        Membership::Ask(class, other) => {
                            Ok(bare.request(Body::InstanceCheck { class, other: &other }, token, deadline)?)
                        }
                    }
                }
                // The id_pack of an object that only the peer that asks knows.
                Some(Value::Tuple(_)) => raw(vec![this()?]),
                _ => Err(Failure::new(RPYC_ERR_TYPE, "INSTANCECHECK: expected an object")),
            },
            GetAttr | DelAttr | SetAttr => raw(vec![this()?, name()]),
            Cmp => {
                let args = [this()?, self.args.first().cloned().unwrap_or_default(), name()];
                Ok(bare.request(Body::Raw { handler: self.handler.into(), args: &args }, token, deadline)?)
            }
            Repr | Str | Hash | Dir | Pickle | BuffIter | CtxExit => raw(vec![this()?]),
            Close | Del | OldSlicing => {
                Err(wrong("handler: CLOSE, DEL and OLDSLICING cannot be sent with this function"))
            }
        }
    }
}

/// Sends a request to the peer or to one of its objects. The reply is an event.
///
/// Handlers without an object:
///
/// - RPYC_HANDLE_GETROOT
/// - RPYC_HANDLE_PING; argument: the data
///
/// Handlers with an object:
///
/// - RPYC_HANDLE_GETATTR, RPYC_HANDLE_DELATTR, RPYC_HANDLE_CALL, RPYC_HANDLE_CALLATTR, RPYC_HANDLE_REPR,
///   RPYC_HANDLE_STR, RPYC_HANDLE_HASH, RPYC_HANDLE_DIR, RPYC_HANDLE_INSPECT
/// - RPYC_HANDLE_SETATTR; argument: the value
/// - RPYC_HANDLE_CMP; name: that of the operator, such as "__eq__"; argument: the other operand
/// - RPYC_HANDLE_BUFFITER; argument: number of items
/// - RPYC_HANDLE_CTXEXIT; argument: None, or any other value if there was an error
/// - RPYC_HANDLE_PICKLE; argument: the protocol
/// - RPYC_HANDLE_INSTANCECHECK; object: the class; argument: an object of any peer or session, or the argument of an
///   RPYC_ASK_FORWARD event for this handler. If ids or names decide, nothing is sent and the number of the request is
///   -1
///
/// ```c
/// const uint64_t token = 1; // returned in the reply event
/// rpyc_value *args[2];
/// args[0] = rpyc_int(40);
/// args[1] = rpyc_int(2);
/// rpyc_session_ask(session, token, RPYC_HANDLE_CALLATTR, object, "add", RPYC_NUL_TERMINATED,
///                  args, 2, NULL, -1, NULL, &error);
/// ```
///
/// @param session borrowed
/// @param token returned in the reply event
/// @param handler RPYC_HANDLE_...
/// @param object borrowed; one of the peer; NULL for RPYC_HANDLE_GETROOT and RPYC_HANDLE_PING
/// @param name copied; of the attribute, method or operator; NULL for none
/// @param name_length number of bytes, or RPYC_NUL_TERMINATED
/// @param args consumed (each value), also on failure
/// @param arg_count number of args
/// @param keywords consumed, also on failure; for calls, a dict with str keys; NULL for none
/// @param deadline_ms milliseconds on the application's clock, which rpyc_session_expire() and rpyc_session_set_time()
///         are given; -1 for none
/// @param sequence_out number of the request; may be NULL
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (unknown handler, wrong number of
///         arguments, an object of another session), RPYC_ERR_TYPE (an object of this process, keywords that are not a
///         dict with str keys), RPYC_ERR_UNSUPPORTED (a value that cannot be sent), RPYC_ERR_LIMIT, RPYC_ERR_CLOSED,
///         RPYC_ERR_STALE (an object after the end of the session)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_ask(
    session: *mut rpyc_session,
    token: u64,
    handler: i32,
    object: *const rpyc_object,
    name: *const c_char,
    name_length: usize,
    args: *const *mut rpyc_value,
    arg_count: usize,
    keywords: *mut rpyc_value,
    deadline_ms: i64,
    sequence_out: *mut i64,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let args = take_values(args, arg_count, "args");
            let keywords = handle::value_take(keywords);
            let sequence = optional_output(sequence_out)?;
            let bare = &checked(session)?.bare;
            let asking = Asking {
                handler,
                object: handle::as_ref(object).map(|object| &object.reference),
                name: optional_text(name, name_length)?,
                args: args?,
                keywords: keyword_pairs(keywords)?,
            };
            put_sequence(sequence, asking.send(bare, token, deadline(deadline_ms))?)
        })
    }
}

/// Does the same as rpyc_session_ask(), with packed arguments.
///
/// @param session borrowed
/// @param token returned in the reply event
/// @param handler RPYC_HANDLE_...
/// @param object borrowed; one of the peer; NULL for RPYC_HANDLE_GETROOT and RPYC_HANDLE_PING
/// @param name copied; of the attribute, method or operator; NULL for none
/// @param name_length number of bytes, or RPYC_NUL_TERMINATED
/// @param packed copied; a tuple of the arguments (a tuple) and the keywords (a dict), in the format of
///         RPYC_SESSION_PACKED; handles in it are borrowed
/// @param packed_length number of bytes; 0 for no arguments and no keywords
/// @param deadline_ms as for rpyc_session_ask()
/// @param sequence_out number of the request; may be NULL
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return as rpyc_session_ask; RPYC_ERR_ARGUMENT also if packed is malformed; RPYC_ERR_NO_MEMORY
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_ask_packed(
    session: *mut rpyc_session,
    token: u64,
    handler: i32,
    object: *const rpyc_object,
    name: *const c_char,
    name_length: usize,
    packed: *const c_void,
    packed_length: usize,
    deadline_ms: i64,
    sequence_out: *mut i64,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let sequence = optional_output(sequence_out)?;
            let bare = &checked(session)?.bare;
            let (args, keywords) = packed::call(bare, bytes(packed.cast(), packed_length, "packed")?)?;
            let object = handle::as_ref(object).map(|object| &object.reference);
            let asking = Asking { handler, object, name: optional_text(name, name_length)?, args, keywords };
            put_sequence(sequence, asking.send(bare, token, deadline(deadline_ms))?)
        })
    }
}

/// Sends any request, with its arguments unchanged. The reply is an event.
///
/// @param session borrowed
/// @param token returned in the reply event
/// @param handler number of the handler, RPYC_HANDLE_... or any other
/// @param args consumed (each value), also on failure
/// @param arg_count number of args
/// @param deadline_ms as for rpyc_session_ask()
/// @param sequence_out number of the request; may be NULL
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ARGUMENT, RPYC_ERR_UNSUPPORTED, RPYC_ERR_LIMIT,
///         RPYC_ERR_CLOSED, RPYC_ERR_STALE (as rpyc_session_ask)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_request(
    session: *mut rpyc_session,
    token: u64,
    handler: i32,
    args: *const *mut rpyc_value,
    arg_count: usize,
    deadline_ms: i64,
    sequence_out: *mut i64,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let args = take_values(args, arg_count, "args");
            let sequence = optional_output(sequence_out)?;
            let body_args = args?;
            let body = Body::Raw { handler: handler.into(), args: &body_args };
            let sent = checked(session)?.bare.request(body, token, deadline(deadline_ms))?;
            put_sequence(sequence, sent)
        })
    }
}

type Sequence = Option<crate::ffi::border::pointer::Output<i64>>;

/// # Safety
/// The pointer is NULL or can be written to, as long as the result lives.
unsafe fn optional_output(sequence_out: *mut i64) -> Result<Sequence> {
    // SAFETY: the same is asked of our caller.
    (!sequence_out.is_null()).then(|| unsafe { output(sequence_out, "sequence_out") }).transpose()
}

fn put_sequence(out: Sequence, sequence: i64) -> Result<()> {
    out.map_or(Ok(()), |out| out.put(sequence))
}

/// # Safety
/// As for `pointer::text`.
unsafe fn optional_text<'a>(name: *const c_char, length: usize) -> Result<&'a str> {
    // SAFETY: the same is asked of our caller.
    if name.is_null() { Ok("") } else { unsafe { text(name, length, "name") } }
}

/// Abandons a request: there will be no reply event for it.
///
/// @param session borrowed
/// @param sequence number of the request; an unknown one is ignored
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_forget(session: *mut rpyc_session, sequence: i64) -> rpyc_status {
    // SAFETY: the contract of the border.
    ffi_boundary_status(|| Ok(unsafe { checked(session) }?.bare.forget(sequence)?))
}

/// Sets the current time of the application's clock. rpyc_session_expire() sets it too.
///
/// A peer that has agreed on the native dialect is told how long each request is waited for: the time between the
/// current time and the deadline of the request. Until a time is set, the peer is not told.
///
/// @param session borrowed
/// @param now_ms milliseconds on the application's clock; a time earlier than the last one is ignored
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (negative)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_set_time(session: *mut rpyc_session, now_ms: i64) -> rpyc_status {
    ffi_boundary_status(|| {
        // SAFETY: the contract of the border.
        let session = unsafe { checked(session) }?;
        let now = deadline(now_ms).ok_or_else(|| Failure::new(RPYC_ERR_ARGUMENT, "now_ms cannot be negative"))?;
        session.bare.set_time(now);
        Ok(())
    })
}

/// Gets the time at which to call rpyc_session_expire(): for the deadline of a request, or, once a time was set, for a
/// silent peer.
///
/// @param session borrowed
/// @return milliseconds on the application's clock; -1 if nothing has a deadline, and for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_next_deadline(session: *const rpyc_session) -> i64 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(-1, || {
        let next = unsafe { handle::as_ref(session) }.and_then(|session| session.bare.next_deadline());
        next.map_or(-1, |next| i64::try_from(next.as_millis()).unwrap_or(i64::MAX))
    })
}

/// Ends the requests whose deadline has passed: each gets a reply event with RPYC_ERR_TIMEOUT. A late reply is read
/// and dropped.
///
/// The function also ends the session, with RPYC_ERR_LIMIT, if the peer has been silent for longer than the options
/// handshake_timeout, frame_timeout, first_message_timeout and idle_timeout allow. Feed received bytes before calling
/// it.
///
/// ```c
/// static void tick(rpyc_session *session, int64_t now_ms)
/// {
///     const int64_t next = rpyc_session_next_deadline(session);
///     if (next >= 0 && next <= now_ms)
///         rpyc_session_expire(session, now_ms, NULL);
/// }
/// ```
///
/// @param session borrowed
/// @param now_ms milliseconds on the application's clock
/// @param expired_out number of expired requests; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_expire(
    session: *mut rpyc_session,
    now_ms: i64,
    expired_out: *mut usize,
) -> rpyc_status {
    ffi_boundary_status(|| {
        // SAFETY: the contract of the border.
        let (out, session) = unsafe {
            let out = (!expired_out.is_null()).then(|| output(expired_out, "expired_out")).transpose();
            (out?, checked(session)?)
        };
        let expired = session.bare.expire(deadline(now_ms).unwrap_or_default())?;
        out.map_or(Ok(()), |out| out.put(expired))
    })
}

/// Checks how long the peer has been silent, as rpyc_session_expire() does, for applications that do not set deadlines
/// of requests. The clock may be another one.
///
/// @param session borrowed
/// @param now_ms milliseconds on a clock that is the same in each call
/// @param nothing_came nonzero if no received bytes are waiting to be fed; if the peer has been silent for too long,
///         the session then ends, with RPYC_ERR_LIMIT as the next event. 0 only starts the measurement
/// @param next_ms_out time of the next call, with nothing_came; -1 for not before bytes are fed
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ARGUMENT (negative)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_watch_silence(
    session: *mut rpyc_session,
    now_ms: i64,
    nothing_came: i32,
    next_ms_out: *mut i64,
) -> rpyc_status {
    ffi_boundary_status(|| {
        // SAFETY: the contract of the border.
        let (out, session) = unsafe { (output(next_ms_out, "next_ms_out")?, checked(session)?) };
        let now = deadline(now_ms).ok_or_else(|| Failure::new(RPYC_ERR_ARGUMENT, "now_ms cannot be negative"))?;
        let next = session.bare.watch_silence(now, nothing_came != 0)?;
        out.put(next.map_or(-1, |next| i64::try_from(next.as_millis()).unwrap_or(i64::MAX)))
    })
}
