//! rpyc_connection: making, closing and driving connections, and plain requests.

use crate::connection::Connection;
use crate::ffi::border::boundary::{ffi_boundary, ffi_boundary_or};
use crate::ffi::border::handle::{self, Handle};
use crate::ffi::border::pointer::{bytes, name, output, present};
use crate::ffi::border::status::{Result, rpyc_status};
use crate::ffi::border::time::timeout;
use crate::ffi::border::types::{rpyc_class, rpyc_config, rpyc_connection, rpyc_error, rpyc_object, rpyc_transport};
use crate::ffi::config::config_or_default;
use crate::transport::Address;
use crate::value::Value;
use std::ffi::{c_char, c_void};

impl Handle for rpyc_connection {
    type Inner = Connection;
    const WORD: [u8; 8] = *b"connecti";
}

/// A connection's handle that may be used in this process.
///
/// # Safety
/// The handle is NULL or a live connection, as long as is said of the result.
pub(crate) unsafe fn checked<'a>(handle: *const rpyc_connection) -> Result<&'a Connection> {
    // SAFETY: the same is asked of our caller.
    let connection = unsafe { handle::require(handle, "connection") }?;
    connection.shared().check_fork()?;
    Ok(connection)
}

/// The same for functions that run code of the application, which may free the very handle: it holds what the handle
/// stands for, and does not keep it open.
///
/// # Safety
/// The handle is NULL or a live connection.
pub(crate) unsafe fn held(handle: *const rpyc_connection) -> Result<Connection> {
    // SAFETY: the same is asked of our caller.
    unsafe { checked(handle) }.map(|connection| Connection::borrowed(connection.shared().clone()))
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
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ADDRESS, RPYC_ERR_TIMEOUT, RPYC_ERR_STATE (create refuses the
///         connection), connection errors
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
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(connection_out, "connection_out")?;
            let address: Address = name(address, "address")?.parse()?;
            let config = config_or_default(config);
            out.put(handle::new(Connection::connect(&address, handle::as_ref(service), config)?))
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
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_STATE (create refuses the connection)
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
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let transport = handle::take(transport);
            let out = output(connection_out, "connection_out")?;
            let transport = present(transport, "transport")?;
            let config = config_or_default(config);
            out.put(handle::new(Connection::new(transport, handle::as_ref(service), config)?))
        })
    }
}

/// Another handle of the same connection. Clones of a handle that was lent to a callback do not keep the connection open.
///
/// @param connection borrowed
/// @return owned; free it with rpyc_connection_free; NULL for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_clone(connection: *const rpyc_connection) -> *mut rpyc_connection {
    // SAFETY: the contract of the border.
    ffi_boundary_or(std::ptr::null_mut(), || {
        unsafe { handle::as_ref(connection) }.map_or(std::ptr::null_mut(), |connection| handle::new(connection.clone()))
    })
}

/// Frees a handle. With the last one the connection ends: the peer is told if that can be done without waiting.
///
/// @param connection consumed; NULL does nothing
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_free(connection: *mut rpyc_connection) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(connection) }));
}

/// Closes a connection: tells the peer and waits, at most close_timeout, for it to end the stream.
///
/// Requests that wait for answers may get them meanwhile, and fail with RPYC_ERR_CLOSED otherwise; objects of the peer are
/// gone. Closing again does nothing.
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
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(held(connection)?.close()?)) }
}

/// Has the connection ended, on either side?
///
/// @param connection borrowed
/// @return true also for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_closed(connection: *const rpyc_connection) -> bool {
    // SAFETY: the contract of the border.
    ffi_boundary_or(true, || unsafe { handle::as_ref(connection) }.is_none_or(Connection::closed))
}

/// The descriptor that becomes readable when the peer has sent something, for poll or epoll.
///
/// Messages that are in the library's buffer already do not show there: see rpyc_connection_has_message.
///
/// @param connection borrowed
/// @return a descriptor, not to be read or closed; -1 for NULL and where there is none
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_fileno(connection: *const rpyc_connection) -> i32 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(-1, || unsafe { handle::as_ref(connection) }.and_then(Connection::fileno).unwrap_or(-1))
}

/// Returns whether a whole message is in the library's own buffer, where no poll of the descriptor can see it.
///
/// @param connection borrowed
/// @return false for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_has_message(connection: *const rpyc_connection) -> bool {
    // SAFETY: the contract of the border.
    ffi_boundary_or(false, || unsafe { handle::as_ref(connection) }.is_some_and(Connection::has_message))
}

/// The peer's root object: what its service offers. It is asked for once per connection.
///
/// @param connection borrowed
/// @param root_out owned; free it with rpyc_object_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (the root is no object)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_root(
    connection: *mut rpyc_connection,
    root_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
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
/// @return RPYC_OK, RPYC_ERR_NULL, request errors; RPYC_ERR_MALFORMED also where something else came back
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
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let connection = held(connection)?;
            let data = match data.is_null() && length == 0 {
                true => Value::str(&"abcdefghijklmnopqrstuvwxyz".repeat(20)),
                false => Value::bytes(bytes(data.cast(), length, "data")?),
            };
            Ok(connection.ping(data, timeout(timeout_ms))?)
        })
    }
}
