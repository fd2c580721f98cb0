//! What settings hold beside texts and numbers: callbacks, values, and the types of exceptions that the application knows.

use crate::config::BeforeClosed;
use crate::connection::Connection;
use crate::error::{Error, Resolver};
use crate::ffi::border::boundary::{self, ffi_boundary};
use crate::ffi::border::handle;
use crate::ffi::border::pointer::name;
use crate::ffi::border::status::{self, Failure, RPYC_ERR_ARGUMENT, RPYC_OK, rpyc_status};
use crate::ffi::border::types::{rpyc_config, rpyc_connection, rpyc_error, rpyc_object, rpyc_value};
use crate::ffi::border::userdata::{Userdata, rpyc_free_fn};
use crate::ffi::log::{level_of, receiver, rpyc_log_fn};
use crate::log::Logger;
use crate::value::{Home, Reference};
use std::ffi::{CString, c_char, c_void};
use std::sync::Arc;

/// Gives connections a log callback of their own, RPyC's option logger: messages about them go there and not to the
/// callback of the process.
///
/// With log_exceptions, each exception that a peer gets is a message at RPYC_LOG_DEBUG, and with debug each message on
/// the wire is one.
///
/// @param config borrowed
/// @param max_level RPYC_LOG_ERROR to RPYC_LOG_DEBUG: messages up to this level; 0 for none
/// @param callback NULL: messages go to the callback of the process again
/// @param userdata consumed; given to the callback and the destructor
/// @param userdata_free the destructor: runs exactly once, when the config, its copies and the connections are gone, also
///        if this function fails; may be NULL
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL; RPYC_ERR_ARGUMENT for another level, which changes nothing
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_config_set_logger(
    config: *mut rpyc_config,
    max_level: i32,
    callback: rpyc_log_fn,
    userdata: *mut c_void,
    userdata_free: rpyc_free_fn,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let userdata = Userdata::new(userdata, userdata_free);
            let config = handle::require_mut(config, "config")?;
            let level = level_of(max_level)?;
            config.application.logger =
                receiver(callback, userdata).map_or_else(Logger::default, |r| Logger::own(level, r));
            Ok(())
        })
    }
}

/// What the application does before it closes a connection: connection and the peer's root are lent, and may still be used.
///
/// It returns RPYC_OK or the status of what it could not do. That the peer is gone or does not answer (RPYC_ERR_EOF,
/// RPYC_ERR_CLOSED, RPYC_ERR_TIMEOUT) does not matter; any other status is what rpyc_connection_close gives, unless
/// close_catchall is on. The connection is closed in any case.
pub type rpyc_before_closed_fn = Option<
    unsafe extern "C" fn(
        connection: *mut rpyc_connection,
        root: *mut rpyc_object,
        userdata: *mut c_void,
    ) -> rpyc_status,
>;

/// Sets what runs when this side closes a connection with rpyc_connection_close, before the peer is told; RPyC's option
/// before_closed. It does not run where the peer ended the connection, nor for rpyc_connection_free, which waits for
/// nothing. Closing the connection from within does nothing.
///
/// @param config borrowed
/// @param callback NULL: nothing
/// @param userdata consumed; given to the callback and the destructor
/// @param userdata_free the destructor: runs exactly once, when the config, its copies and the connections are gone, also
///        if this function fails; may be NULL
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_config_set_before_closed(
    config: *mut rpyc_config,
    callback: rpyc_before_closed_fn,
    userdata: *mut c_void,
    userdata_free: rpyc_free_fn,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let userdata = Userdata::new(userdata, userdata_free);
            let config = handle::require_mut(config, "config")?;
            config.application.before_closed = callback.map(|callback| {
                let hook: BeforeClosed = Arc::new(move |home: &Arc<dyn Home>, root: &Reference| {
                    let Some(connection) = Connection::of_home(home) else { return Ok(()) };
                    let status = handle::lend(connection, |connection| {
                        handle::lend(root.clone().into(), |root| {
                            // The application's function, called as its type says.
                            boundary::outside(|| callback(connection, root, userdata.pointer()))
                        })
                    });
                    failed(status)
                });
                hook
            });
            Ok(())
        })
    }
}

/// What a status of the application says of the connection.
fn failed(status: rpyc_status) -> crate::error::Result<()> {
    let name = status::name(status).unwrap_or(c"a status without a name").to_string_lossy();
    let text = format!("before_closed could not do its work: {name}");
    match status {
        RPYC_OK => Ok(()),
        status::RPYC_ERR_EOF => Err(Error::Eof(text)),
        status::RPYC_ERR_CLOSED => Err(Error::Closed(text)),
        status::RPYC_ERR_TIMEOUT => Err(Error::Timeout(text)),
        _ => Err(Error::Application(status, text)),
    }
}

/// Sets what rpyc_connection_credentials gives on connections: whom the application takes the peer for; RPyC's option
/// credentials. The library does not look at it.
///
/// @param config borrowed
/// @param credentials consumed, on success and on every failure; NULL: None
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_config_set_credentials(
    config: *mut rpyc_config,
    credentials: *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let credentials = handle::value_take(credentials).unwrap_or_default();
            handle::require_mut(config, "config")?.application.credentials = credentials;
            Ok(())
        })
    }
}

/// Sets what rpyc_connection_endpoints gives on connections, where the transport does not know it: behind a proxy, for
/// instance; RPyC's option endpoints.
///
/// @param config borrowed
/// @param local copied; NUL-terminated; NULL, and peer too: what the transport says
/// @param peer copied; NUL-terminated; NULL, and local too: what the transport says
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL (one of the two alone is NULL), RPYC_ERR_UTF8
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_config_set_endpoints(
    config: *mut rpyc_config,
    local: *const c_char,
    peer: *const c_char,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let config = handle::require_mut(config, "config")?;
            config.application.endpoints = match local.is_null() && peer.is_null() {
                true => None,
                false => Some((name(local, "local")?.into(), name(peer, "peer")?.into())),
            };
            Ok(())
        })
    }
}

/// Registers a type of exceptions under a code of the application's own.
///
/// An exception of that type that a peer raises has this rpyc_error_code, if instantiate_custom_exceptions is on; types of
/// Python's builtins need no leave. Without it, it is told by its names alone.
///
/// @param config borrowed
/// @param module copied; such as "bank", or "builtins"
/// @param name copied; such as "InsufficientFunds"
/// @param code not 0; the last one that is registered for a type counts
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (code is 0)
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_config_register_exception(
    config: *mut rpyc_config,
    module: *const c_char,
    name: *const c_char,
    code: i32,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let config = handle::require_mut(config, "config")?;
            let (module, name) = (self::name(module, "module")?, self::name(name, "name")?);
            if code == 0 {
                return Err(Failure::new(RPYC_ERR_ARGUMENT, "code is 0, which means that there is none"));
            }
            Arc::make_mut(&mut config.application.exceptions).register(module, name, code);
            Ok(())
        })
    }
}

/// Tells the code of a type of exceptions that was not registered; 0: it is not known. The names are lent.
pub type rpyc_exception_resolver_fn =
    Option<unsafe extern "C" fn(module: *const c_char, name: *const c_char, userdata: *mut c_void) -> i32>;

/// Sets who is asked about types of exceptions that are not registered, if import_custom_exceptions is on: what importing
/// a module is to Python. It is asked once for each type, when an error of that type is asked for its code; beyond 4096
/// types each time anew, and never about names longer than 1 KiB. As in Python, what it knows is of use only with
/// instantiate_custom_exceptions.
///
/// @param config borrowed
/// @param callback NULL: nobody
/// @param userdata consumed; given to the callback and the destructor
/// @param userdata_free the destructor: runs exactly once, when the config, its copies, the connections and their errors
///        are gone, also if this function fails; may be NULL
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: one thread at a time per handle; the callback runs in the thread that asks for a code. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_config_set_exception_resolver(
    config: *mut rpyc_config,
    callback: rpyc_exception_resolver_fn,
    userdata: *mut c_void,
    userdata_free: rpyc_free_fn,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let userdata = Userdata::new(userdata, userdata_free);
            let config = handle::require_mut(config, "config")?;
            let resolver = callback.map(|callback| {
                let resolver: Resolver = Arc::new(move |module, name| {
                    // A name with NUL in it is none that the application could know.
                    let (module, name) = (CString::new(module).ok()?, CString::new(name).ok()?);
                    let code = boundary::outside(|| callback(module.as_ptr(), name.as_ptr(), userdata.pointer()));
                    (code != 0).then_some(code)
                });
                resolver
            });
            Arc::make_mut(&mut config.application.exceptions).set_resolver(resolver);
            Ok(())
        })
    }
}
