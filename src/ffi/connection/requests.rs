//! Driving a connection: serving the peer, and plain requests.

use crate::connection::Connection;
use crate::ffi::border::boundary::ffi_boundary;
use crate::ffi::border::pointer::{output, take_values};
use crate::ffi::border::status::rpyc_status;
use crate::ffi::border::time::timeout;
use crate::ffi::border::types::{rpyc_async_result, rpyc_connection, rpyc_error, rpyc_value};
use crate::ffi::connection::lifetime::{checked, held};
use crate::ffi::object::async_result::result_new;

/// Returns its argument. Arguments: data.
pub const RPYC_HANDLE_PING: i32 = 1;
/// Ends the connection.
pub const RPYC_HANDLE_CLOSE: i32 = 2;
/// Gets the root object.
pub const RPYC_HANDLE_GETROOT: i32 = 3;
/// Gets an attribute. Arguments: object, name.
pub const RPYC_HANDLE_GETATTR: i32 = 4;
/// Deletes an attribute. Arguments: object, name.
pub const RPYC_HANDLE_DELATTR: i32 = 5;
/// Sets an attribute. Arguments: object, name, value.
pub const RPYC_HANDLE_SETATTR: i32 = 6;
/// Calls an object. Arguments: object, arguments, keywords as a tuple of pairs.
pub const RPYC_HANDLE_CALL: i32 = 7;
/// Calls a method. Arguments: object, name, arguments, keywords as a tuple of pairs.
pub const RPYC_HANDLE_CALLATTR: i32 = 8;
/// Gets the repr of an object.
pub const RPYC_HANDLE_REPR: i32 = 9;
/// Gets the str of an object.
pub const RPYC_HANDLE_STR: i32 = 10;
/// Compares two objects. Arguments: object, other, name of the operator's method.
pub const RPYC_HANDLE_CMP: i32 = 11;
/// Gets the hash of an object.
pub const RPYC_HANDLE_HASH: i32 = 12;
/// Gets the names of an object's attributes.
pub const RPYC_HANDLE_DIR: i32 = 13;
/// Gets a pickle of an object. Arguments: object, protocol.
pub const RPYC_HANDLE_PICKLE: i32 = 14;
/// Releases references to an object. Arguments: object, count. The library sends this request itself.
pub const RPYC_HANDLE_DEL: i32 = 15;
/// Gets the methods of an object. Argument: the object's id.
pub const RPYC_HANDLE_INSPECT: i32 = 16;
/// Gets the next items of an iterator. Arguments: object, count.
pub const RPYC_HANDLE_BUFFITER: i32 = 17;
/// Slices in the manner of Python 2. Arguments: object, attempt, fallback, start, stop, arguments.
pub const RPYC_HANDLE_OLDSLICING: i32 = 18;
/// Leaves a context. Arguments: object, exception or None.
pub const RPYC_HANDLE_CTXEXIT: i32 = 19;
/// Tests whether an object is an instance of a class. Arguments: class, id of the object.
pub const RPYC_HANDLE_INSTANCECHECK: i32 = 20;

/// Waits for one message of the peer and handles it. A request runs in this thread, and so do requests nested in it.
/// The end of the connection is reported at once, as RPYC_ERR_EOF.
///
/// @param connection borrowed
/// @param timeout_ms milliseconds to wait for the message; -1 for no limit; 0 to handle only a message that has
///         arrived
/// @param handled_out whether a message was handled; may be NULL
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_WAIT_INTERRUPTED, connection errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_serve(
    connection: *mut rpyc_connection,
    timeout_ms: i64,
    handled_out: *mut bool,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { handling(connection, handled_out, error_out, |connection| connection.serve(timeout(timeout_ms))) }
}

/// Does the same as rpyc_connection_serve(). RPyC has both names.
///
/// @param connection borrowed
/// @param timeout_ms milliseconds to wait for the message; -1 for no limit; 0 to handle only a message that has
///         arrived
/// @param handled_out whether a message was handled; may be NULL
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return as rpyc_connection_serve
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_poll(
    connection: *mut rpyc_connection,
    timeout_ms: i64,
    handled_out: *mut bool,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { handling(connection, handled_out, error_out, |connection| connection.poll(timeout(timeout_ms))) }
}

/// Handles all messages that arrive within a time. The function always uses the whole time, unless the connection
/// ends.
///
/// A message that arrived in time is handled even if the time has passed by then. With 0, the function handles the
/// messages that have arrived when it is called; a peer that keeps sending does not prevent it from returning.
///
/// @param connection borrowed
/// @param timeout_ms milliseconds to serve; -1 until the connection ends; 0 for the messages that have arrived
/// @param handled_out whether any message was handled; false at the end of the connection; may be NULL
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, also if the connection has ended, as in RPyC (see rpyc_connection_closed()); RPYC_ERR_NULL,
///         RPYC_ERR_FORKED, RPYC_ERR_MALFORMED, RPYC_ERR_LIMIT, RPYC_ERR_DIALECT, RPYC_ERR_EXIT, RPYC_ERR_INTERRUPTED,
///         RPYC_ERR_WAIT_INTERRUPTED
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_poll_all(
    connection: *mut rpyc_connection,
    timeout_ms: i64,
    handled_out: *mut bool,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { handling(connection, handled_out, error_out, |connection| connection.poll_all(timeout(timeout_ms))) }
}

/// # Safety
/// Pointers are NULL or as the documentation of the functions asks.
#[cfg_attr(debug_assertions, track_caller)]
unsafe fn handling(
    connection: *mut rpyc_connection,
    handled_out: *mut bool,
    error_out: *mut *mut rpyc_error,
    work: impl FnOnce(&Connection) -> crate::error::Result<bool>,
) -> rpyc_status {
    // SAFETY: the same is asked of our caller.
    unsafe {
        ffi_boundary(error_out, || {
            let mut unused = false;
            let out = output(if handled_out.is_null() { &mut unused } else { handled_out }, "handled_out")?;
            out.put(work(&held(connection)?)?)
        })
    }
}

/// Serves the peer in this thread until the connection ends.
///
/// ```c
/// if (!rpyc_connect("exec:./worker", service, NULL, &connection, &error))
///     rpyc_connection_serve_all(connection, &error); // returns when the worker has exited
/// rpyc_connection_free(connection);
/// ```
///
/// @param connection borrowed
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK if the peer or this side closed the connection; RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_MALFORMED,
///         RPYC_ERR_LIMIT, RPYC_ERR_DIALECT, RPYC_ERR_STATE (in create of a service), RPYC_ERR_WAIT_INTERRUPTED (by
///         rpyc_connection_interrupt()); RPYC_ERR_EXIT, RPYC_ERR_INTERRUPTED (a callback raised SystemExit or
///         KeyboardInterrupt, see propagate_SystemExit_locally; rpyc_error_exit_code() gets the exit code)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_serve_all(
    connection: *mut rpyc_connection,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(held(connection)?.serve_all()?)) }
}

/// Sends any request and waits for its reply, at most sync_request_timeout. Requests of the peer are served meanwhile.
///
/// The functions for objects send all requests that a program needs. This function is for requests that they do not
/// cover (see RPyC's protocol for the handlers).
///
/// @param connection borrowed
/// @param handler number of the handler, RPYC_HANDLE_...
/// @param args consumed (each value), also on failure
/// @param count number of args
/// @param value_out owned, free with rpyc_value_free(); the reply
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_sync_request(
    connection: *mut rpyc_connection,
    handler: i32,
    args: *const *mut rpyc_value,
    count: usize,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let args = take_values(args, count, "args");
            let out = output(value_out, "value_out")?;
            let connection = held(connection)?;
            out.put_value(connection.sync_request(handler.into(), &args?)?)
        })
    }
}

/// Sends any request without waiting for its reply.
///
/// ```c
/// rpyc_async_result *result = NULL;
/// rpyc_value *args[1] = {NULL};
/// if (!rpyc_value_new_object(object, &args[0], &error) &&
///     !rpyc_connection_async_request(connection, RPYC_HANDLE_STR, args, 1, 1000, &result, &error))
///     rpyc_async_result_value(result, &value, &error); // waits for the reply
/// rpyc_async_result_free(result);
/// ```
///
/// @param connection borrowed
/// @param handler number of the handler, RPYC_HANDLE_...
/// @param args consumed (each value), also on failure
/// @param count number of args
/// @param timeout_ms deadline of the reply, in milliseconds from now; -1 for none
/// @param result_out owned, free with rpyc_async_result_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, sending errors
///
/// Threads: any. Since: 0.1.
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
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let args = take_values(args, count, "args");
            let out = output(result_out, "result_out")?;
            let connection = held(connection)?;
            out.put(result_new(connection.async_request(handler.into(), &args?, timeout(timeout_ms))?))
        })
    }
}

/// Begins a burst: the asynchronous requests that follow are collected and sent in one write by
/// rpyc_connection_flush(). They are also sent before a function waits on this connection, and when a great number has
/// been collected.
///
/// @param connection borrowed
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any; the burst covers the requests of all threads. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_cork(
    connection: *mut rpyc_connection,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(checked(connection)?.cork()?)) }
}

/// Sends everything that is pending: the requests collected since rpyc_connection_cork(), whose burst ends, and the
/// releases of objects that were freed.
///
/// @param connection borrowed
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, connection errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_flush(
    connection: *mut rpyc_connection,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(held(connection)?.flush()?)) }
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
        assert!(numbers[at] == crate::protocol::Handler::ALL[at] as i32);
        at += 1;
    }
};
