//! rpyc_connection: making, closing and driving connections, and plain requests.

use crate::config::Dialect;
use crate::connection::Connection;
use crate::ffi::border::guard::{guard, guard_or};
use crate::ffi::border::handle::{self, Handle, rpyc_object, rpyc_value};
use crate::ffi::border::pointer::{bytes, name, output, take_values};
use crate::ffi::border::status::{Failure, Result, rpyc_status};
use crate::ffi::config::{config_or_default, rpyc_config};
use crate::ffi::connection::transport::rpyc_transport;
use crate::ffi::error::rpyc_error;
use crate::ffi::object::async_result::rpyc_async_result;
use crate::ffi::service::class::rpyc_class;
use crate::transport::Address;
use crate::value::{Reference, Value};
use std::ffi::{c_char, c_void};
use std::time::Duration;

/// A connection: one peer, both ways. Shared; the last handle of the user's that is freed closes it.
pub struct rpyc_connection {
    _opaque: (),
}

impl Handle for rpyc_connection {
    type Inner = Connection;
    const WORD: [u8; 8] = *b"connecti";
}

/// Sends its data and gets it back.
pub const RPYC_HANDLE_PING: i32 = 1;
/// Ends the connection.
pub const RPYC_HANDLE_CLOSE: i32 = 2;
/// The root object.
pub const RPYC_HANDLE_GETROOT: i32 = 3;
/// An attribute of an object: object, name.
pub const RPYC_HANDLE_GETATTR: i32 = 4;
/// Deletes an attribute: object, name.
pub const RPYC_HANDLE_DELATTR: i32 = 5;
/// Sets an attribute: object, name, value.
pub const RPYC_HANDLE_SETATTR: i32 = 6;
/// Calls an object: object, arguments, keywords as a tuple of pairs.
pub const RPYC_HANDLE_CALL: i32 = 7;
/// Calls a method: object, name, arguments, keywords as a tuple of pairs.
pub const RPYC_HANDLE_CALLATTR: i32 = 8;
/// The repr of an object.
pub const RPYC_HANDLE_REPR: i32 = 9;
/// The str of an object.
pub const RPYC_HANDLE_STR: i32 = 10;
/// Compares: object, other, name of the operator's method.
pub const RPYC_HANDLE_CMP: i32 = 11;
/// The hash of an object.
pub const RPYC_HANDLE_HASH: i32 = 12;
/// The names of an object's attributes.
pub const RPYC_HANDLE_DIR: i32 = 13;
/// A pickle of an object: object, protocol.
pub const RPYC_HANDLE_PICKLE: i32 = 14;
/// Gives references back: object, count. The library sends it itself.
pub const RPYC_HANDLE_DEL: i32 = 15;
/// The methods of an object, by its id.
pub const RPYC_HANDLE_INSPECT: i32 = 16;
/// The next items of an iterator: object, count.
pub const RPYC_HANDLE_BUFFITER: i32 = 17;
/// Slices of Python 2: object, attempt, fallback, start, stop, arguments.
pub const RPYC_HANDLE_OLDSLICING: i32 = 18;
/// Leaves a context: object, exception or None.
pub const RPYC_HANDLE_CTXEXIT: i32 = 19;
/// Is it an instance: class, id of the other.
pub const RPYC_HANDLE_INSTANCECHECK: i32 = 20;

/// A connection's handle that may be used in this process.
///
/// # Safety
/// The handle is NULL or a live connection, as long as is said of the result.
pub(crate) unsafe fn live<'a>(handle: *const rpyc_connection) -> Result<&'a Connection> {
    // SAFETY: the same is asked of our caller.
    let connection = unsafe { handle::get(handle, "connection") }?;
    connection.shared().check_fork()?;
    Ok(connection)
}

/// The same for functions that run code of the host, which may free the very handle: it holds what the handle stands for,
/// and does not keep it open.
///
/// # Safety
/// The handle is NULL or a live connection.
pub(crate) unsafe fn held(handle: *const rpyc_connection) -> Result<Connection> {
    // SAFETY: the same is asked of our caller.
    unsafe { live(handle) }.map(|connection| Connection::borrowed(connection.shared().clone()))
}

/// A time limit as the header has it: -1, or any negative number, is none.
pub(crate) fn timeout(milliseconds: i64) -> Option<Duration> {
    u64::try_from(milliseconds).ok().map(Duration::from_millis)
}

/// Connects to an address: opens a transport and makes a connection over it.
///
/// With the option dialect at "auto", the peer's root is fetched at once, which finds out what the peer speaks. A server of
/// rpyc 4.1 to 5.3 is connected to once more, and one that says nothing for a moment is asked in the other dialect on a
/// second connection; the one that is answered stays, and the service sees no other. connect_timeout and
/// sync_request_timeout bound both together. What "exec:" runs is run once: if it speaks the dialect of rpyc 4.1 to 5.3 and
/// does not speak first, the result is RPYC_ERR_DIALECT; set the option to "5". So it is with a server that takes one
/// connection. "fd:" and "stdio:" are as rpyc_connection_new.
///
/// @param address copied; as for rpyc_transport_connect
/// @param service copied reference; what the peer gets as our root; NULL for nothing
/// @param config copied; NULL for defaults, which are those of RPyC 6
/// @param connection_out owned; free it with rpyc_connection_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ADDRESS, RPYC_ERR_TIMEOUT, RPYC_ERR_IO, RPYC_ERR_EOF,
///         RPYC_ERR_MALFORMED, RPYC_ERR_DIALECT
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connect(
    address: *const c_char,
    service: *const rpyc_class,
    config: *const rpyc_config,
    connection_out: *mut *mut rpyc_connection,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(connection_out, "connection_out")?;
            let address: Address = name(address, "address")?.parse()?;
            let config = config_or_default(config);
            out.put(handle::new(Connection::connect(&address, handle::peek(service), config)?))
        })
    }
}

/// Makes a connection over a transport.
///
/// Nothing is sent. With the option dialect at "auto", the peer's first message tells what it speaks; if this side speaks
/// first, it speaks as rpyc 6.
///
/// @param transport consumed, on success and on every failure
/// @param service copied reference; what the peer gets as our root; NULL for nothing
/// @param config copied; NULL for defaults
/// @param connection_out owned; free it with rpyc_connection_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_new(
    transport: *mut rpyc_transport,
    service: *const rpyc_class,
    config: *const rpyc_config,
    connection_out: *mut *mut rpyc_connection,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let transport = handle::take(transport);
            let out = output(connection_out, "connection_out")?;
            let transport = transport.ok_or_else(|| Failure::null("transport"))?;
            let config = config_or_default(config);
            out.put(handle::new(Connection::new(transport, handle::peek(service), config)?))
        })
    }
}

/// Another handle of the same connection. Clones of a handle that was lent to a callback do not keep the connection open.
///
/// @param connection borrowed
/// @return owned; NULL for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_clone(connection: *const rpyc_connection) -> *mut rpyc_connection {
    // SAFETY: NULL or a live handle.
    guard_or(std::ptr::null_mut(), || {
        unsafe { handle::peek(connection) }.map_or(std::ptr::null_mut(), |connection| handle::new(connection.clone()))
    })
}

/// Frees a handle. With the last one the connection ends: the peer is told if that can be done without waiting.
///
/// @param connection consumed; NULL does nothing
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_free(connection: *mut rpyc_connection) {
    // SAFETY: NULL or owned by the caller, who gives it up.
    guard_or((), || drop(unsafe { handle::take(connection) }));
}

/// Closes a connection: tells the peer and waits, at most close_timeout, for it to end the stream.
///
/// Requests that wait for answers may get them meanwhile, and fail with RPYC_ERR_CLOSED otherwise; objects of the peer are gone.
/// Closing again does nothing.
/// What rpyc_config_set_before_closed was given runs first.
///
/// @param connection borrowed
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED; what before_closed could not do, unless close_catchall is on: the
///         connection is closed all the same
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_close(
    connection: *mut rpyc_connection,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe { guard(error_out, || Ok(held(connection)?.close()?)) }
}

/// Has the connection ended, on either side?
///
/// @param connection borrowed
/// @return true also for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_closed(connection: *const rpyc_connection) -> bool {
    // SAFETY: NULL or a live handle.
    guard_or(true, || unsafe { handle::peek(connection) }.is_none_or(Connection::closed))
}

/// The descriptor that becomes readable when the peer has sent something, for poll or epoll.
///
/// Messages that are in the library's buffer already do not show there: see rpyc_connection_pending.
///
/// @param connection borrowed
/// @return a descriptor, not to be read or closed; -1 for NULL and where there is none
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_fileno(connection: *const rpyc_connection) -> i32 {
    // SAFETY: NULL or a live handle.
    guard_or(-1, || unsafe { handle::peek(connection) }.and_then(Connection::fileno).unwrap_or(-1))
}

/// Do whole messages wait in the library's own buffer, where no poll of the descriptor can see them?
///
/// @param connection borrowed
/// @return 0: none; otherwise at least so many
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_pending(connection: *const rpyc_connection) -> usize {
    // SAFETY: NULL or a live handle.
    guard_or(0, || unsafe { handle::peek(connection) }.is_some_and(Connection::has_message) as usize)
}

/// The peer's root object: what its service offers. It is asked for once per connection.
///
/// @param connection borrowed
/// @param root_out owned; free it with rpyc_object_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_TYPE (the root is no object), and what
///         rpyc_connection_sync_request gives
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_root(
    connection: *mut rpyc_connection,
    root_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(root_out, "root_out")?;
            out.put(handle::new(held(connection)?.root()?.into()))
        })
    }
}

/// Sends some data to the peer and expects it back.
///
/// @param connection borrowed
/// @param data copied; sent as bytes; NULL: the 520 letters of RPyC's ping, as text
/// @param length bytes of data
/// @param timeout_ms milliseconds; -1: no limit
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_TIMEOUT, RPYC_ERR_MALFORMED (something else came back),
///         RPYC_ERR_EOF, RPYC_ERR_CLOSED
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_ping(
    connection: *mut rpyc_connection,
    data: *const c_void,
    length: usize,
    timeout_ms: i64,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let connection = held(connection)?;
            let data = match data.is_null() && length == 0 {
                true => Value::str(&"abcdefghijklmnopqrstuvwxyz".repeat(20)),
                false => Value::bytes(bytes(data.cast(), length, "data")?),
            };
            Ok(connection.ping(data, timeout(timeout_ms))?)
        })
    }
}

/// Waits for one message of the peer and handles it: a request is run in this thread, nested ones included. The end of the
/// connection is RPYC_ERR_EOF at once.
///
/// @param connection borrowed
/// @param timeout_ms milliseconds to wait for it; -1: no limit; 0: only what is here
/// @param handled_out was there one? May be NULL
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_EOF (the peer ended the connection), RPYC_ERR_CLOSED,
///         RPYC_ERR_MALFORMED, RPYC_ERR_LIMIT, RPYC_ERR_DIALECT, RPYC_ERR_EXIT, RPYC_ERR_INTERRUPTED
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_serve(
    connection: *mut rpyc_connection,
    timeout_ms: i64,
    handled_out: *mut bool,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe { handling(connection, handled_out, error_out, |connection| connection.serve(timeout(timeout_ms))) }
}

/// As rpyc_connection_serve; RPyC has both names.
///
/// @param connection borrowed
/// @param timeout_ms milliseconds to wait for a message; -1: no limit; 0: only what is here
/// @param handled_out was there one? May be NULL
/// @param error_out owned; may be NULL
/// @return as rpyc_connection_serve
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_poll(
    connection: *mut rpyc_connection,
    timeout_ms: i64,
    handled_out: *mut bool,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe { handling(connection, handled_out, error_out, |connection| connection.poll(timeout(timeout_ms))) }
}

/// Handles all messages that come within a time. The whole time passes, unless the connection ends.
///
/// A message that arrived in time is handled also if the time is over by then. With 0, the messages are handled that have
/// arrived when the function is called; a peer that goes on sending does not keep it from returning.
///
/// @param connection borrowed
/// @param timeout_ms milliseconds to serve for; -1: until the connection ends; 0: only what has arrived
/// @param handled_out whether there was any; false at the end of the connection; may be NULL
/// @param error_out owned; may be NULL
/// @return RPYC_OK, also where the connection has ended, as in RPyC: see rpyc_connection_closed(); RPYC_ERR_NULL,
///         RPYC_ERR_FORKED, RPYC_ERR_MALFORMED, RPYC_ERR_LIMIT, RPYC_ERR_DIALECT, RPYC_ERR_EXIT, RPYC_ERR_INTERRUPTED
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_poll_all(
    connection: *mut rpyc_connection,
    timeout_ms: i64,
    handled_out: *mut bool,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe { handling(connection, handled_out, error_out, |connection| connection.poll_all(timeout(timeout_ms))) }
}

/// # Safety
/// Pointers are NULL or as the documentation of the functions asks.
unsafe fn handling(
    connection: *mut rpyc_connection,
    handled_out: *mut bool,
    error_out: *mut *mut rpyc_error,
    work: impl FnOnce(&Connection) -> crate::error::Result<bool>,
) -> rpyc_status {
    // SAFETY: the same is asked of our caller.
    unsafe {
        guard(error_out, || {
            let mut unused = false;
            let out = output(if handled_out.is_null() { &mut unused } else { handled_out }, "handled_out")?;
            out.put(work(&held(connection)?)?)
        })
    }
}

/// Serves the peer in this thread until the connection ends.
///
/// @param connection borrowed
/// @param error_out owned; may be NULL
/// @return RPYC_OK when the peer or this side closed it; RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_MALFORMED,
///         RPYC_ERR_LIMIT, RPYC_ERR_DIALECT; RPYC_ERR_EXIT, RPYC_ERR_INTERRUPTED (a callback raised SystemExit or
///         KeyboardInterrupt, see propagate_SystemExit_locally; rpyc_error_exit_code has the number)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_serve_all(
    connection: *mut rpyc_connection,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe { guard(error_out, || Ok(held(connection)?.serve_all()?)) }
}

/// Sends any request and waits for its answer, at most sync_request_timeout; requests of the peer are served meanwhile.
///
/// The functions of rpyc_object send all that a program needs; this is for what they do not cover (RPyC wire: handlers).
///
/// @param connection borrowed
/// @param handler number of the handler, RPYC_HANDLE_...
/// @param args consumed, on success and on every failure
/// @param count number of args
/// @param value_out owned; the answer
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_REMOTE, RPYC_ERR_REFUSED, RPYC_ERR_STOP_ITERATION, RPYC_ERR_TIMEOUT,
///         RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_MALFORMED; RPYC_ERR_EXIT, RPYC_ERR_INTERRUPTED (a callback
///         that ran meanwhile says so)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_sync_request(
    connection: *mut rpyc_connection,
    handler: i32,
    args: *const *mut rpyc_value,
    count: usize,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let args = take_values(args, count, "args");
            let out = output(value_out, "value_out")?;
            let connection = held(connection)?;
            out.put_value(connection.sync_request(handler.into(), &args?)?)
        })
    }
}

/// Sends any request without waiting for its answer.
///
/// @param connection borrowed
/// @param handler number of the handler, RPYC_HANDLE_...
/// @param args consumed, on success and on every failure
/// @param count number of args
/// @param timeout_ms milliseconds within which the answer must come; -1: no limit
/// @param result_out owned; free it with rpyc_async_result_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_LIMIT, RPYC_ERR_BACKPRESSURE (see
///         rpyc_connection_set_nonblocking)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_async_request(
    connection: *mut rpyc_connection,
    handler: i32,
    args: *const *mut rpyc_value,
    count: usize,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let args = take_values(args, count, "args");
            let out = output(result_out, "result_out")?;
            let connection = held(connection)?;
            out.put(handle::new(connection.async_request(handler.into(), &args?, timeout(timeout_ms))?))
        })
    }
}

/// Begins a burst: asynchronous requests that follow are gathered, and leave in one write with rpyc_connection_flush. They
/// also leave before anything is waited for on this connection, and when there are very many of them.
///
/// @param connection borrowed
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any thread; it holds for the requests of all threads. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_begin(
    connection: *mut rpyc_connection,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe { guard(error_out, || Ok(live(connection)?.begin()?)) }
}

/// Sends everything that is pending: the requests gathered since rpyc_connection_begin, whose burst it ends, and the
/// releases of objects that were freed.
///
/// @param connection borrowed
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_EOF, RPYC_ERR_CLOSED
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_flush(
    connection: *mut rpyc_connection,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe { guard(error_out, || Ok(held(connection)?.flush()?)) }
}

/// Changes an option of a living connection, from the next message on.
///
/// @param connection borrowed
/// @param option copied; NUL-terminated; as for rpyc_config_set
/// @param text copied; NUL-terminated
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT, RPYC_ERR_STATE (this option is
///         settled when a connection starts)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_set(
    connection: *mut rpyc_connection,
    option: *const c_char,
    text: *const c_char,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let connection = live(connection)?;
            Ok(connection.set_option(name(option, "option")?, name(text, "text")?)?)
        })
    }
}

/// The dialect that is spoken.
///
/// @param connection borrowed
/// @return 6: that of rpyc 6; 5: that of rpyc 4.1 to 5.3; 0: not known yet
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_dialect(connection: *const rpyc_connection) -> i32 {
    // SAFETY: NULL or a live handle.
    guard_or(0, || match unsafe { live(connection) }.map(Connection::dialect) {
        Ok(Dialect::V6) => 6,
        Ok(Dialect::V5) => 5,
        _ => 0,
    })
}

/// Do lists, dicts and arrays travel by value? So it is between two librpyc peers of which one has the option native at
/// "on" and the other at least at "accept"; it is settled before the first request is answered. If not, they travel as
/// references to objects that the library keeps.
///
/// @param connection borrowed; may be NULL
/// @return whether the peer agreed
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_is_native(connection: *const rpyc_connection) -> bool {
    // SAFETY: NULL or a live handle.
    guard_or(false, || unsafe { live(connection) }.is_ok_and(Connection::is_native))
}

/// What the other side is called: its address where it has one.
///
/// @param connection borrowed
/// @param text_out owned; a text value
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_peer_name(
    connection: *const rpyc_connection,
    text_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(text_out, "text_out")?;
            out.put_value(Value::str(&live(connection)?.peer_name()))
        })
    }
}

/// Our own root on this connection: what the peer gets.
///
/// @param connection borrowed
/// @param object_out owned
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (the connection is being made)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_service(
    connection: *const rpyc_connection,
    object_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(object_out, "object_out")?;
            let root = live(connection)?.service().cloned();
            let root = root
                .ok_or_else(|| Failure::new(crate::ffi::border::status::RPYC_ERR_STATE, "there is no service yet"))?;
            out.put(handle::new(Reference::Local(root).into()))
        })
    }
}

/// The constants are those of the session.
const _: () = {
    let numbers = [
        RPYC_HANDLE_PING,
        RPYC_HANDLE_CLOSE,
        RPYC_HANDLE_GETROOT,
        RPYC_HANDLE_GETATTR,
        RPYC_HANDLE_DELATTR,
        RPYC_HANDLE_SETATTR,
        RPYC_HANDLE_CALL,
        RPYC_HANDLE_CALLATTR,
        RPYC_HANDLE_REPR,
        RPYC_HANDLE_STR,
        RPYC_HANDLE_CMP,
        RPYC_HANDLE_HASH,
        RPYC_HANDLE_DIR,
        RPYC_HANDLE_PICKLE,
        RPYC_HANDLE_DEL,
        RPYC_HANDLE_INSPECT,
        RPYC_HANDLE_BUFFITER,
        RPYC_HANDLE_OLDSLICING,
        RPYC_HANDLE_CTXEXIT,
        RPYC_HANDLE_INSTANCECHECK,
    ];
    let mut at = 0;
    while at < numbers.len() {
        assert!(numbers[at] == crate::session::Handler::ALL[at] as i32);
        at += 1;
    }
};
