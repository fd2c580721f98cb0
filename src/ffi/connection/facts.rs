//! What a connection is: its options, its dialect, its ends, whom the application takes the peer for, and its root.

use crate::config::Dialect;
use crate::connection::Connection;
use crate::ffi::border::boundary::{ffi_boundary, ffi_boundary_or};
use crate::ffi::border::handle;
use crate::ffi::border::pointer::{name, output};
use crate::ffi::border::status::{
    Failure, RPYC_ERR_ARGUMENT, RPYC_ERR_CLOSED, RPYC_ERR_STATE, RPYC_ERR_TYPE, rpyc_status,
};
use crate::ffi::border::types::{rpyc_connection, rpyc_error, rpyc_object, rpyc_value};
use crate::ffi::border::userdata::{Userdata, rpyc_free_fn};
use crate::ffi::connection::lifetime::checked;
use crate::value::{Reference, Value};
use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::Arc;

/// Changes an option of an existing connection, from the next message on.
///
/// @param connection borrowed
/// @param option copied; NUL-terminated, as for rpyc_config_set()
/// @param text copied; NUL-terminated; the new value of the option
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT, RPYC_ERR_STATE (this option
///         cannot be changed after the connection has been made)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_set_option(
    connection: *mut rpyc_connection,
    option: *const c_char,
    text: *const c_char,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let connection = checked(connection)?;
            Ok(connection.set_option(name(option, "option")?, name(text, "text")?)?)
        })
    }
}

/// Stores a pointer of the application in the connection and replaces the one stored before.
///
/// The create callback of a service may call this function, so that the other callbacks find the pointer. The data
/// behind userdata must not contain a clone of this connection: each would keep the other alive.
///
/// @param connection borrowed; a callback's argument is allowed
/// @param userdata consumed, also on failure; the result of rpyc_connection_userdata() from now on
/// @param userdata_free destructor of userdata; called when userdata is replaced, or after on_disconnect when the
///         connection is no longer in use; may be NULL
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_set_userdata(
    connection: *mut rpyc_connection,
    userdata: *mut c_void,
    userdata_free: rpyc_free_fn,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let userdata = Userdata::new(userdata, userdata_free);
            checked(connection)?.attach(Arc::new(userdata));
            Ok(())
        })
    }
}

/// Gets the pointer set with rpyc_connection_set_userdata().
///
/// @param connection borrowed; a callback's argument is allowed
/// @return borrowed until another pointer is set or the connection is destroyed; NULL if none is set, and in a forked
///         child
///
/// Threads: any; before replacing the pointer, make sure that no other thread uses it. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_userdata(connection: *const rpyc_connection) -> *mut c_void {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || {
        let attachment = unsafe { checked(connection) }.ok().and_then(Connection::attachment);
        attachment.map_or(ptr::null_mut(), |attachment| attachment.pointer())
    })
}

/// Gets the dialect of the connection.
///
/// @param connection borrowed
/// @return 6 for that of rpyc 6; 5 for that of rpyc 4.1 to 5.3; 0 if it is not known yet
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_dialect(connection: *const rpyc_connection) -> i32 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(0, || match unsafe { checked(connection) }.map(Connection::dialect) {
        Ok(Dialect::V6) => 6,
        Ok(Dialect::V5) => 5,
        _ => 0,
    })
}

/// Returns whether lists, dicts and arrays are passed by value on this connection.
///
/// That requires two librpyc peers, one with the option native at "on" and the other with "on" or "accept". The peers
/// agree before the first request is answered. Otherwise these values are passed as references to objects that the
/// library keeps.
///
/// @param connection borrowed; may be NULL
/// @return whether the peer agreed
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_is_native(connection: *const rpyc_connection) -> bool {
    // SAFETY: the contract of the border.
    ffi_boundary_or(false, || unsafe { checked(connection) }.is_ok_and(Connection::is_native))
}

/// Gets the name of the peer: its address if it has one.
///
/// @param connection borrowed
/// @param text_out owned, free with rpyc_value_free(); a str
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_peer_name(
    connection: *const rpyc_connection,
    text_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(text_out, "text_out")?;
            out.put_value(Value::str(&checked(connection)?.peer_name()))
        })
    }
}

/// Gets the root object that this side offers to the peer.
///
/// @param connection borrowed
/// @param object_out owned, free with rpyc_object_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (the connection is still being made),
///         RPYC_ERR_CLOSED (the connection is closed, and the last handle that kept it open has been freed)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_local_root(
    connection: *const rpyc_connection,
    object_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(object_out, "object_out")?;
            let connection = checked(connection)?;
            let root = connection.service().ok_or_else(|| match connection.closed() {
                true => Failure::new(
                    RPYC_ERR_CLOSED,
                    "the connection is closed, and the instance of its service was released",
                ),
                false => Failure::new(RPYC_ERR_STATE, "there is no service yet"),
            })?;
            out.put(handle::new(Reference::Local(root).into()))
        })
    }
}

/// Gets an option of an existing connection, as a string that rpyc_connection_set_option() takes.
///
/// @param connection borrowed
/// @param option copied; NUL-terminated, as for rpyc_config_set()
/// @param text_out owned, free with rpyc_value_free(); a str
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (unknown option)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_get_option(
    connection: *const rpyc_connection,
    option: *const c_char,
    text_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(text_out, "text_out")?;
            let connection = checked(connection)?;
            let option = name(option, "option")?;
            let unknown = || Failure::new(RPYC_ERR_ARGUMENT, format_args!("unknown option '{option}'"));
            out.put_value(Value::from(connection.config().get(option).ok_or_else(unknown)?))
        })
    }
}

/// Gets the credentials of the peer: those of the authenticator, see rpyc_config_set_authenticator(), otherwise those
/// set with rpyc_config_set_credentials(). If there are neither and the peer has a verified TLS certificate, gets that
/// certificate as bytes (DER).
///
/// @param connection borrowed; a callback's argument is allowed
/// @param credentials_out owned, free with rpyc_value_free(); None if there are none
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_credentials(
    connection: *const rpyc_connection,
    credentials_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(credentials_out, "credentials_out")?;
            out.put_value(checked(connection)?.credentials())
        })
    }
}

/// Gets the addresses of both ends of a connection: for TCP "tcp://HOST:PORT" from getsockname() and getpeername(),
/// unless rpyc_config_set_endpoints() has set others.
///
/// @param connection borrowed; a callback's argument is allowed
/// @param local_out owned, free with rpyc_value_free(); a str
/// @param peer_out owned, free with rpyc_value_free(); a str
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_endpoints(
    connection: *const rpyc_connection,
    local_out: *mut *mut rpyc_value,
    peer_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let local = output(local_out, "local_out");
            let peer = output(peer_out, "peer_out");
            let (local, peer) = (local?, peer?);
            let (here, there) = checked(connection)?.endpoints();
            local.put_value(Value::str(&here))?;
            peer.put_value(Value::str(&there))
        })
    }
}

/// Replaces the root object that the peer of this connection gets, from now on. Peers ask for the root once, so call
/// this function in create or on_connect. The service's hooks still get the instance that was made for the connection.
///
/// @param connection borrowed; a callback's argument is allowed
/// @param root copied (a reference); an object of this process
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_TYPE (an object of a peer; a restricted view of it is
///         allowed)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_set_root(
    connection: *mut rpyc_connection,
    root: *const rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let connection = checked(connection)?;
            match &handle::require(root, "root")?.reference {
                Reference::Local(root) => connection.set_root(root.clone()),
                Reference::Remote(_) => {
                    return Err(Failure::new(
                        RPYC_ERR_TYPE,
                        "root: expected an object of this process, got one of a peer",
                    ));
                }
            }
            Ok(())
        })
    }
}
