//! rpyc_client: one address, and the connection to it that is open.

use crate::client::{Client, Event, Listener};
use crate::ffi::border::boundary::{ffi_boundary, ffi_boundary_or, outside};
use crate::ffi::border::handle::{self, Handle};
use crate::ffi::border::pointer::{name, output};
use crate::ffi::border::report::Report;
use crate::ffi::border::status::{Failure, Result, rpyc_status};
use crate::ffi::border::types::{
    rpyc_class, rpyc_client, rpyc_config, rpyc_connection, rpyc_error, rpyc_object, rpyc_value,
};
use crate::ffi::border::userdata::{Userdata, rpyc_free_fn};
use crate::ffi::config::config_or_default;
use crate::ffi::object::operation::Arguments;
use crate::transport::Address;
use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::Arc;

impl Handle for rpyc_client {
    type Inner = Arc<Client>;
    const WORD: [u8; 8] = *b"client\0\0";
}

/// A connection was made, and the peer's root has arrived.
pub const RPYC_CLIENT_CONNECTED: i32 = 1;
/// The connection has ended. It is noticed when the client is used next, or by rpyc_client_serve_all().
pub const RPYC_CLIENT_LOST: i32 = 2;
/// No connection could be made within the limits. The next use of the client tries again.
pub const RPYC_CLIENT_FAILED: i32 = 3;

/// Receives the events of a client, RPYC_CLIENT_...
///
/// generation is the number of the connection, counted from 1; for RPYC_CLIENT_FAILED that of the last one, or 0.
/// connection is borrowed for the call, and NULL unless the event is RPYC_CLIENT_CONNECTED. error is borrowed for the
/// call, and NULL for RPYC_CLIENT_CONNECTED.
///
/// The callback runs in the thread that uses the client, without a lock. Other threads wait meanwhile: so a callback
/// for RPYC_CLIENT_CONNECTED can log in or subscribe, with connection or with the client, before any other request is
/// sent on the new connection. For the other events, functions of the client fail with RPYC_ERR_STATE in the callback.
pub type rpyc_client_event_fn = Option<
    unsafe extern "C" fn(
        event: i32,
        generation: u64,
        connection: *mut rpyc_connection,
        error: *const rpyc_error,
        userdata: *mut c_void,
    ),
>;

/// Makes a client of an address. It does not connect yet: the functions that use it do, in the thread that calls them.
/// While one thread connects, the others wait for it.
///
/// The client connects again when its connection has ended. Each attempt resolves the host name anew. The options of
/// the configuration hold for each connection: connect_timeout, connect_retry (the total time of the attempts; the
/// default is one attempt), heartbeat and others. rpyc_timeout_begin() limits the time of a thread, too: what is left
/// of it limits the wait for another thread, the pauses, and the time to open a stream.
///
/// @param address copied; NUL-terminated, as for rpyc_transport_connect(), except "fd:" and "stdio:"; the command of
///         "exec:" is run again for each connection
/// @param service copied (a reference); the class of the root that the peer gets, with a new instance for each
///         connection; NULL for none
/// @param config copied; NULL for the defaults
/// @param callback receives events; may be NULL
/// @param userdata consumed, also on failure; passed to the callback and the destructor
/// @param userdata_free destructor of userdata: runs exactly once, also on failure; may be NULL
/// @param client_out owned, free with rpyc_client_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ADDRESS (malformed), RPYC_ERR_ARGUMENT ("fd:" or "stdio:")
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_client_new(
    address: *const c_char,
    service: *const rpyc_class,
    config: *const rpyc_config,
    callback: rpyc_client_event_fn,
    userdata: *mut c_void,
    userdata_free: rpyc_free_fn,
    client_out: *mut *mut rpyc_client,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let userdata = Userdata::new(userdata, userdata_free);
            let out = output(client_out, "client_out")?;
            let address: Address = name(address, "address")?.parse()?;
            let service = handle::as_ref(service);
            let client = Client::new(address, service, config_or_default(config), listener(callback, userdata))?;
            out.put(handle::new(Arc::new(client)))
        })
    }
}

/// # Safety
/// The callback is what the application says it is.
unsafe fn listener(callback: rpyc_client_event_fn, userdata: Userdata) -> Option<Listener> {
    let callback = callback?;
    Some(Box::new(move |event, generation| {
        let tell = |event: i32, connection: *mut rpyc_connection, error: *const rpyc_error| {
            // SAFETY: the same is asked of our caller.
            outside(|| unsafe { callback(event, generation, connection, error, userdata.pointer()) });
        };
        let tell_error = |event: i32, error: &crate::error::Error| {
            let report = Report::from(Failure::from(error.clone()));
            handle::lend::<rpyc_error, ()>(report, |error| tell(event, ptr::null_mut(), error));
        };
        match event {
            Event::Connected(connection) => {
                let borrowed = crate::connection::Connection::borrowed(connection.shared().clone());
                handle::lend::<rpyc_connection, ()>(borrowed, |connection| {
                    tell(RPYC_CLIENT_CONNECTED, connection, ptr::null());
                });
            }
            Event::Lost(error) => tell_error(RPYC_CLIENT_LOST, error),
            Event::Failed(error) => tell_error(RPYC_CLIENT_FAILED, error),
        }
    }))
}

/// Gets another handle of the same client.
///
/// @param client borrowed
/// @return owned, free with rpyc_client_free(); NULL for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_client_clone(client: *const rpyc_client) -> *mut rpyc_client {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || {
        unsafe { handle::as_ref(client) }.map_or(ptr::null_mut(), |client| handle::new(client.clone()))
    })
}

/// Frees a handle. Freeing the last one frees the client's handle of its connection.
///
/// @param client consumed; NULL does nothing
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_client_free(client: *mut rpyc_client) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(client) }));
}

/// The client of a handle, for functions that run code of the application, which may free the handle.
///
/// # Safety
/// The handle is NULL or a live client.
unsafe fn held(client: *const rpyc_client) -> Result<Arc<Client>> {
    // SAFETY: the same is asked of our caller.
    unsafe { handle::require(client, "client") }.cloned()
}

/// Gets the open connection of a client. Connects if there is none, or if what has arrived shows that it has ended.
///
/// @param client borrowed
/// @param connection_out owned, free with rpyc_connection_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_CLOSED (also: the client is closed), RPYC_ERR_TIMEOUT,
///         RPYC_ERR_STATE (in a callback of the client), or as rpyc_connect; request errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_client_connection(
    client: *mut rpyc_client,
    connection_out: *mut *mut rpyc_connection,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(connection_out, "connection_out")?;
            out.put(handle::new(held(client)?.connection()?))
        })
    }
}

/// Gets the root object of the open connection; connects as rpyc_client_connection().
///
/// An object belongs to its connection. After the end of that its requests fail with RPYC_ERR_STALE: get it again.
///
/// @param client borrowed
/// @param root_out owned, free with rpyc_object_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return as rpyc_client_connection; RPYC_ERR_TYPE (the root is not an object)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_client_root(
    client: *mut rpyc_client,
    root_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(root_out, "root_out")?;
            out.put(handle::new(held(client)?.root()?.into()))
        })
    }
}

/// Gets an attribute by its path from the root, such as "accounts.first"; connects as rpyc_client_connection(). Every
/// name of the path is one request.
///
/// @param client borrowed
/// @param path copied; NUL-terminated; names separated by dots
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return as rpyc_client_connection; RPYC_ERR_UTF8, RPYC_ERR_TYPE (an attribute on the path is not an object)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_client_get_attr(
    client: *mut rpyc_client,
    path: *const c_char,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(value_out, "value_out")?;
            let client = held(client)?;
            out.put_value(client.get_attr(name(path, "path")?)?)
        })
    }
}

/// Calls a method by its path from the root, such as "accounts.add"; connects as rpyc_client_connection(). The path is
/// resolved for each call, on the connection that is open; a name alone is one request.
///
/// A call is sent at most once. If the connection ends before the call is written to it, the call is made on the next
/// connection. If the connection ends later, the call may have been executed: the result is RPYC_ERR_EOF or the reason
/// for the end, and the call is not repeated. The same holds for each request that resolves the path.
///
/// ```c
/// rpyc_client *client = NULL;
/// if (!rpyc_client_new("tcp://127.0.0.1:18861", NULL, NULL, NULL, NULL, NULL, &client, &error))
///     rpyc_client_call(client, "get_answer", NULL, 0, NULL, &value, &error);
/// rpyc_client_free(client);
/// ```
///
/// @param client borrowed
/// @param path copied; NUL-terminated; names separated by dots, the last one of the method
/// @param args consumed (each value), also on failure
/// @param count number of args
/// @param keywords consumed, also on failure; a dict with str keys; NULL for none
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return as rpyc_client_get_attr; RPYC_ERR_STALE also for an argument of a connection that has ended; RPYC_ERR_TYPE
///         also for keywords that are not a dict with str keys
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_client_call(
    client: *mut rpyc_client,
    path: *const c_char,
    args: *const *mut rpyc_value,
    count: usize,
    keywords: *mut rpyc_value,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            Arguments::take(args, count, keywords, |arguments| {
                let out = output(value_out, "value_out")?;
                let client = held(client)?;
                let (path, arguments) = (name(path, "path")?, arguments?);
                out.put_value(client.call(path, arguments.args(), arguments.keywords())?)
            })
        })
    }
}

/// Keeps a client connected, and serves its connection in this thread, until rpyc_client_close(): the peer's calls and
/// the heartbeat. It connects again when the connection has ended, after a pause if it lasted less than 5 seconds.
///
/// @param client borrowed
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK after rpyc_client_close(); why no connection could be made, as rpyc_client_connection;
///         RPYC_ERR_WAIT_INTERRUPTED, RPYC_ERR_EXIT, RPYC_ERR_INTERRUPTED as rpyc_connection_serve_all
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_client_serve_all(
    client: *mut rpyc_client,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(held(client)?.serve_all()?)) }
}

/// Gets the number of connections that a client has made. Objects of one number are stale with the next.
///
/// @param client borrowed
/// @return 0 before the first connection, and for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_client_generation(client: *const rpyc_client) -> u64 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(0, || unsafe { handle::as_ref(client) }.map_or(0, |client| client.generation()))
}

/// Closes a client and its connection, as rpyc_connection_close(). Pauses, and waits for a thread that connects, end at
/// once, an attempt to connect within its time limits. From then on, functions of the client fail with
/// RPYC_ERR_CLOSED. No event is sent for it.
///
/// @param client borrowed
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return as rpyc_connection_close
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_client_close(client: *mut rpyc_client, error_out: *mut *mut rpyc_error) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(held(client)?.close()?)) }
}
