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

/// The same for functions that run code of the application, which may free the handle itself: the result holds the
/// connection without keeping it open.
///
/// # Safety
/// The handle is NULL or a live connection.
pub(crate) unsafe fn held(handle: *const rpyc_connection) -> Result<Connection> {
    // SAFETY: the same is asked of our caller.
    unsafe { checked(handle) }.map(|connection| Connection::borrowed(connection.shared().clone()))
}

/// Connects to an address: opens a transport and makes a connection over it.
///
/// With the option dialect at "auto", the function fetches the peer's root to detect the peer's dialect. If the server
/// speaks the dialect of rpyc 4.1 to 5.3, the function connects a second time. If the server sends nothing for a
/// moment, the function asks in the other dialect on a second connection. It keeps the connection that gets a reply,
/// and the service sees only that one. connect_timeout and sync_request_timeout limit both attempts together.
///
/// The command of "exec:" is run only once. If it speaks the dialect of rpyc 4.1 to 5.3 and does not send first, the
/// result is RPYC_ERR_DIALECT: set the option to "5". The same holds for a server that accepts only one connection.
/// For "fd:" and "stdio:" the dialect is detected as in rpyc_connection_new().
///
/// @param address copied; NUL-terminated, as for rpyc_transport_connect()
/// @param service copied (a reference); the class of the root that the peer gets; NULL for none
/// @param config copied; NULL for the defaults, which are those of RPyC 6
/// @param connection_out owned, free with rpyc_connection_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ADDRESS, RPYC_ERR_TIMEOUT, RPYC_ERR_AUTHENTICATION,
///         RPYC_ERR_STATE (the create callback refused the connection), RPYC_ERR_ARGUMENT (an option of TLS),
///         RPYC_ERR_UNSUPPORTED (built without TLS), connection errors
///
/// Threads: any. Since: 0.1.
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
/// The function sends nothing, unless the configuration has an authenticator: then it authenticates the peer, as the
/// connecting side, within connect_timeout. With the option dialect at "auto", the peer's first message selects the
/// dialect. If this side sends first, it uses the dialect of rpyc 6.
///
/// ```c
/// rpyc_transport *transport = NULL;
/// if (!rpyc_transport_connect("exec:./worker", NULL, &transport, &error))
///     rpyc_connection_new(transport, service, NULL, &connection, &error); // consumes transport
/// ```
///
/// @param transport consumed, also on failure
/// @param service copied (a reference); the class of the root that the peer gets; NULL for none
/// @param config copied; NULL for the defaults
/// @param connection_out owned, free with rpyc_connection_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TIMEOUT, RPYC_ERR_AUTHENTICATION, RPYC_ERR_STATE (the create callback
///         refused the connection)
///
/// Threads: any. Since: 0.1.
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

/// Gets another handle of the same connection. A clone of a handle that a callback borrowed does not keep the
/// connection open.
///
/// @param connection borrowed
/// @return owned, free with rpyc_connection_free(); NULL for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_clone(connection: *const rpyc_connection) -> *mut rpyc_connection {
    // SAFETY: the contract of the border.
    ffi_boundary_or(std::ptr::null_mut(), || {
        unsafe { handle::as_ref(connection) }.map_or(std::ptr::null_mut(), |connection| handle::new(connection.clone()))
    })
}

/// Frees a handle. Freeing the last handle ends the connection; the peer is told if that is possible without blocking.
///
/// @param connection consumed; NULL does nothing
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_free(connection: *mut rpyc_connection) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(connection) }));
}

/// Closes a connection: tells the peer and waits, at most close_timeout, until the peer ends the stream.
///
/// Pending requests can get their reply meanwhile; otherwise they fail with RPYC_ERR_CLOSED. Objects of the peer can
/// no longer be used. Closing a closed connection does nothing. The callback set with rpyc_config_set_before_closed()
/// runs first.
///
/// @param connection borrowed
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED; the failure of the before_closed callback, unless close_catchall
///         is on (the connection is closed in any case)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_close(
    connection: *mut rpyc_connection,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(held(connection)?.close()?)) }
}

/// Returns whether the connection has ended, on either side.
///
/// @param connection borrowed
/// @return true also for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_closed(connection: *const rpyc_connection) -> bool {
    // SAFETY: the contract of the border.
    ffi_boundary_or(true, || unsafe { handle::as_ref(connection) }.is_none_or(Connection::closed))
}

/// Gets the descriptor that becomes readable when the peer has sent something, for poll or epoll.
///
/// Messages that the library has already buffered do not make it readable: see rpyc_connection_has_message().
///
/// @param connection borrowed
/// @return a descriptor, not to be read or closed; -1 for NULL and for a transport without a descriptor
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_fileno(connection: *const rpyc_connection) -> i32 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(-1, || unsafe { handle::as_ref(connection) }.and_then(Connection::fileno).unwrap_or(-1))
}

/// Returns whether a complete message is in the library's own buffer. Polling the descriptor does not show it.
///
/// @param connection borrowed
/// @return false also for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_has_message(connection: *const rpyc_connection) -> bool {
    // SAFETY: the contract of the border.
    ffi_boundary_or(false, || unsafe { handle::as_ref(connection) }.is_some_and(Connection::has_message))
}

/// Gets the peer's root object. It is requested once per connection.
///
/// @param connection borrowed
/// @param root_out owned, free with rpyc_object_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (the root is not an object)
///
/// Threads: any. Since: 0.1.
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

/// Sends data to the peer and waits until the peer has returned it.
///
/// @param connection borrowed
/// @param data copied; sent as bytes; NULL for a str of 520 letters, as RPyC's ping sends it
/// @param length number of bytes in data
/// @param timeout_ms milliseconds; -1 for no limit
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors; RPYC_ERR_MALFORMED also if other data came back
///
/// Threads: any. Since: 0.1.
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
