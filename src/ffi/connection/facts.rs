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

/// Keeps a pointer of the application's at the connection, in the place of one that was kept.
///
/// create of a service may do it, so that its other callbacks find the pointer. What userdata stands for must not hold a
/// clone of this connection: the two would keep each other.
///
/// @param connection borrowed; also one that was lent to a callback
/// @param userdata consumed, also if the function fails; what rpyc_connection_userdata gives from now on
/// @param userdata_free ends userdata when it is replaced, or after on_disconnect when nobody uses the connection any more;
///        may be NULL
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any thread. Since 0.1.
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

/// The pointer that rpyc_connection_set_userdata was given.
///
/// @param connection borrowed; also one that was lent to a callback
/// @return borrowed until another one takes its place or the connection is gone; NULL where there is none, and in a forked
///         child
///
/// Threads: any thread; whoever replaces the pointer sees to it that no other thread uses it. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_userdata(connection: *const rpyc_connection) -> *mut c_void {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || {
        let attachment = unsafe { checked(connection) }.ok().and_then(Connection::attachment);
        attachment.map_or(ptr::null_mut(), |attachment| attachment.pointer())
    })
}

/// The dialect that is spoken.
///
/// @param connection borrowed
/// @return 6: that of rpyc 6; 5: that of rpyc 4.1 to 5.3; 0: not known yet
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_connection_dialect(connection: *const rpyc_connection) -> i32 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(0, || match unsafe { checked(connection) }.map(Connection::dialect) {
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
    // SAFETY: the contract of the border.
    ffi_boundary_or(false, || unsafe { checked(connection) }.is_ok_and(Connection::is_native))
}

/// What the other side is called: its address where it has one.
///
/// @param connection borrowed
/// @param text_out owned; free it with rpyc_value_free; a text value
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
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(text_out, "text_out")?;
            out.put_value(Value::str(&checked(connection)?.peer_name()))
        })
    }
}

/// Our own root on this connection: what the peer gets.
///
/// @param connection borrowed
/// @param object_out owned; free it with rpyc_object_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (the connection is being made),
///         RPYC_ERR_CLOSED (it is closed, and its last handle that kept it open has been freed)
///
/// Threads: any thread. Since 0.1.
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
                true => Failure::new(RPYC_ERR_CLOSED, "the connection is closed, and its service's instance is gone"),
                false => Failure::new(RPYC_ERR_STATE, "there is no service yet"),
            })?;
            out.put(handle::new(Reference::Local(root).into()))
        })
    }
}

/// The text of an option of a living connection: what rpyc_connection_set_option would take for its present value.
///
/// @param connection borrowed
/// @param option copied; NUL-terminated; as for rpyc_config_set
/// @param text_out an owned str, freed with rpyc_value_free()
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (an unknown name)
///
/// Threads: any thread. Since 0.1.
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
            let unknown = || Failure::new(RPYC_ERR_ARGUMENT, format_args!("there is no option named '{option}'"));
            out.put_value(Value::from(connection.config().get(option).ok_or_else(unknown)?))
        })
    }
}

/// Whom the application takes the peer for: what rpyc_config_set_credentials was given.
///
/// @param connection borrowed; also one that was lent to a service's callback
/// @param credentials_out owned; free it with rpyc_value_free; None if nothing was set
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
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(credentials_out, "credentials_out")?;
            out.put_value(checked(connection)?.credentials().clone())
        })
    }
}

/// Both ends of a connection: for TCP "tcp://HOST:PORT" with what getsockname() and getpeername() say, unless
/// rpyc_config_set_endpoints says otherwise.
///
/// @param connection borrowed; also one that was lent to a service's callback
/// @param local_out owned; free it with rpyc_value_free; a text value
/// @param peer_out owned; free it with rpyc_value_free; a text value
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

/// Gives this one connection another root: what the peer gets from now on when it asks for our root. Peers ask once, so
/// the place for it is create or on_connect. The service's hooks still get the instance that was made for the connection.
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
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let connection = checked(connection)?;
            match &handle::require(root, "root")?.reference {
                Reference::Local(root) => connection.set_root(root.clone()),
                Reference::Remote(_) => {
                    return Err(Failure::new(RPYC_ERR_TYPE, "a peer's object cannot be our root"));
                }
            }
            Ok(())
        })
    }
}
