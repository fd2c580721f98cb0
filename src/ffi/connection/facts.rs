//! What a connection is: its options, its ends, whom the host takes the peer for, and its root.

use crate::ffi::border::guard::guard;
use crate::ffi::border::handle::{self, rpyc_object, rpyc_value};
use crate::ffi::border::pointer::{name, output};
use crate::ffi::border::status::{Failure, RPYC_ERR_ARGUMENT, RPYC_ERR_TYPE, rpyc_status};
use crate::ffi::connection::lifetime::{live, rpyc_connection};
use crate::ffi::error::rpyc_error;
use crate::value::{Reference, Value};
use std::ffi::c_char;

/// The text of an option of a living connection: what rpyc_connection_set would take for its present value.
///
/// @param connection borrowed
/// @param option copied; NUL-terminated; as for rpyc_config_set
/// @param text_out an owned str, freed with rpyc_value_free()
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (an unknown name)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_get(
    connection: *const rpyc_connection,
    option: *const c_char,
    text_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(text_out, "text_out")?;
            let connection = live(connection)?;
            let option = name(option, "option")?;
            let unknown = || Failure::new(RPYC_ERR_ARGUMENT, format_args!("there is no option named '{option}'"));
            out.put_value(Value::from(connection.config().get(option).ok_or_else(unknown)?))
        })
    }
}

/// Whom the host takes the peer for: what rpyc_config_set_credentials was given.
///
/// @param connection borrowed; also one that was lent to a service's callback
/// @param credentials_out owned; None if nothing was set
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_credentials(
    connection: *const rpyc_connection,
    credentials_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let out = output(credentials_out, "credentials_out")?;
            out.put_value(live(connection)?.credentials().clone())
        })
    }
}

/// Both ends of a connection: for TCP "tcp://HOST:PORT" with what getsockname() and getpeername() say, unless
/// rpyc_config_set_endpoints says otherwise.
///
/// @param connection borrowed; also one that was lent to a service's callback
/// @param local_out owned; a text value
/// @param peer_out owned; a text value
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_endpoints(
    connection: *const rpyc_connection,
    local_out: *mut *mut rpyc_value,
    peer_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let local = output(local_out, "local_out");
            let peer = output(peer_out, "peer_out");
            let (local, peer) = (local?, peer?);
            let (here, there) = live(connection)?.endpoints();
            local.put_value(Value::str(&here))?;
            peer.put_value(Value::str(&there))
        })
    }
}

/// Gives this one connection another root: what the peer gets from now on when it asks for our root. Peers ask once, so
/// the place for it is on_connect. The service's hooks still get the instance that was made for the connection.
///
/// @param connection borrowed; also one that was lent to a service's callback
/// @param root copied reference; an object of this process
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_TYPE (a peer's object; a restricted view of it can be a root)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_set_root(
    connection: *mut rpyc_connection,
    root: *const rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: pointers are NULL or as the documentation asks.
    unsafe {
        guard(error_out, || {
            let connection = live(connection)?;
            match &handle::get(root, "root")?.reference {
                Reference::Local(root) => connection.set_root(root.clone()),
                Reference::Remote(_) => {
                    return Err(Failure::new(RPYC_ERR_TYPE, "a peer's object cannot be our root"));
                }
            }
            Ok(())
        })
    }
}
