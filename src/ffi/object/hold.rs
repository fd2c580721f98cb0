//! Handles that keep open the connection over which an object came. Bindings give them to the objects that are results.

use crate::connection::{Connection, shared_of};
use crate::ffi::border::boundary::ffi_boundary_or;
use crate::ffi::border::handle;
use crate::ffi::border::types::{rpyc_connection, rpyc_object, rpyc_value};
use crate::value::{Proxy, Reference};
use std::ptr;
use std::sync::Arc;

fn hold(proxy: &Proxy) -> *mut rpyc_connection {
    let held = shared_of(proxy).ok().and_then(Connection::holding);
    held.map_or(ptr::null_mut(), handle::new)
}

/// Gets a handle that keeps the connection of an object open, as a clone of the application's own handle does.
///
/// An object does not keep its connection open. A binding can make the objects that it gets as results do so: it frees
/// this handle together with the object.
///
/// @param object borrowed
/// @return owned, free with rpyc_connection_free(); NULL for NULL, for an object of this process, and if there is no
///         connection to keep open: it belongs to a server, or the application has freed all handles that kept it open
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_hold_connection(object: *const rpyc_object) -> *mut rpyc_connection {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || match unsafe { handle::as_ref(object) }.map(|object| &object.reference) {
        Some(Reference::Remote(proxy)) => hold(proxy),
        _ => ptr::null_mut(),
    })
}

/// Gets a handle that keeps open the connection of the first remote object in a value, at any depth of its containers.
///
/// @param value borrowed
/// @return owned, free with rpyc_connection_free(); NULL where rpyc_object_hold_connection() returns NULL, and if the
///         value has no remote object
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_hold_connection(value: *const rpyc_value) -> *mut rpyc_connection {
    ffi_boundary_or(ptr::null_mut(), || {
        if handle::is_nothing(value) {
            return ptr::null_mut();
        }
        // SAFETY: the contract of the border.
        let value = unsafe { handle::value_get(value) };
        value.as_deref().and_then(|value| value.first_remote()).map_or(ptr::null_mut(), |proxy| hold(proxy))
    })
}

/// Returns whether an object is a remote object of a connection.
///
/// @param object borrowed
/// @param connection borrowed
/// @return whether it is; false for NULL and for an object of this process
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_is_of(object: *const rpyc_object, connection: *const rpyc_connection) -> bool {
    ffi_boundary_or(false, || {
        // SAFETY: the contract of the border.
        let (object, connection) = unsafe { (handle::as_ref(object), handle::as_ref(connection)) };
        match (object.map(|object| &object.reference), connection) {
            (Some(Reference::Remote(proxy)), Some(connection)) => {
                shared_of(proxy).is_ok_and(|shared| Arc::ptr_eq(&shared, connection.shared()))
            }
            _ => false,
        }
    })
}
