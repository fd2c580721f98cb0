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

/// Sets a log callback for the connections of a configuration, RPyC's option logger. It gets the messages about them
/// instead of the callback of the process.
///
/// If log_exceptions is on, each exception that is sent to a peer is logged at RPYC_LOG_DEBUG. If debug is on, each
/// message on the wire is.
///
/// @param config borrowed
/// @param max_level RPYC_LOG_ERROR to RPYC_LOG_DEBUG: messages up to this level are passed; 0 for none
/// @param callback NULL to use the callback of the process again
/// @param userdata consumed, also on failure; passed to the callback and the destructor
/// @param userdata_free destructor of userdata: runs exactly once, when the config, its copies and the connections are
///        gone, also on failure; may be NULL
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (unknown level; nothing is changed)
///
/// Threads: one at a time per handle. Since: 0.1.
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

/// Runs before the application closes a connection. The connection and the peer's root are borrowed for the call, and
/// can still be used.
///
/// It returns RPYC_OK or the status of what failed. RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_STALE and RPYC_ERR_TIMEOUT
/// are ignored: the peer has gone or does not reply. rpyc_connection_close() returns any other status, unless
/// close_catchall is on. The connection is closed in any case.
pub type rpyc_before_closed_fn = Option<
    unsafe extern "C" fn(
        connection: *mut rpyc_connection,
        root: *mut rpyc_object,
        userdata: *mut c_void,
    ) -> rpyc_status,
>;

/// Sets a callback that runs when this side closes a connection with rpyc_connection_close(), before the peer is told.
/// It is RPyC's option before_closed.
///
/// The callback does not run if the peer ended the connection. It does not run for rpyc_connection_free(), which never
/// waits. Closing the connection in the callback does nothing.
///
/// ```c
/// static rpyc_status log_out(rpyc_connection *connection, rpyc_object *root, void *userdata)
/// {
///     rpyc_value *result = NULL;
///     rpyc_status status = rpyc_object_call_method(root, "log_out", NULL, 0, NULL, &result, NULL);
///
///     (void)connection, (void)userdata;
///     rpyc_value_free(result);
///     return status;
/// }
///
/// static rpyc_status log_out_at_the_end(rpyc_config *config, rpyc_error **error_out)
/// {
///     return rpyc_config_set_before_closed(config, log_out, NULL, NULL, error_out);
/// }
/// ```
///
/// @param config borrowed
/// @param callback NULL for none
/// @param userdata consumed, also on failure; passed to the callback and the destructor
/// @param userdata_free destructor of userdata: runs exactly once, when the config, its copies and the connections are
///        gone, also on failure; may be NULL
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: one at a time per handle. Since: 0.1.
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
    let name = status::name(status).unwrap_or(c"an unknown status").to_string_lossy();
    let text = format!("before_closed failed: {name}");
    match status {
        RPYC_OK => Ok(()),
        status::RPYC_ERR_EOF => Err(Error::Eof(text)),
        status::RPYC_ERR_CLOSED => Err(Error::Closed(text)),
        status::RPYC_ERR_STALE => Err(Error::Stale(text)),
        status::RPYC_ERR_TIMEOUT => Err(Error::Timeout(text)),
        _ => Err(Error::Application(status, text)),
    }
}

/// Sets the credentials that rpyc_connection_credentials() returns: the identity that the application assigns to the
/// peer. It is RPyC's option credentials. The library does not interpret them. Those of an
/// authenticator replace them.
///
/// @param config borrowed
/// @param credentials consumed, also on failure; NULL for None
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: one at a time per handle. Since: 0.1.
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

/// Sets the addresses that rpyc_connection_endpoints() returns. It is RPyC's option endpoints.
///
/// They replace those of the transport, which may not know them, for example behind a proxy.
///
/// @param config borrowed
/// @param local copied, NUL-terminated; NULL, together with peer, for the address that the transport has
/// @param peer copied, NUL-terminated; NULL, together with local, for the address that the transport has
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL (only one of the two is NULL), RPYC_ERR_UTF8
///
/// Threads: one at a time per handle. Since: 0.1.
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

/// Registers a code of the application for a type of exception.
///
/// If instantiate_custom_exceptions is on, rpyc_error_code() returns the code for an exception of this type that a peer
/// raises. Types of Python's builtins do not need the option. If it is off, other types are identified by their names
/// alone.
///
/// ```c
/// rpyc_config *config = rpyc_config_new();
/// rpyc_config_set_bool(config, "instantiate_custom_exceptions", 1, &error);
/// rpyc_config_register_exception(config, "bank", "InsufficientFunds", 1001, &error);
/// // with a connection of this configuration: rpyc_error_code(error) == 1001
/// rpyc_config_free(config);
/// ```
///
/// @param config borrowed
/// @param module copied, NUL-terminated; such as "bank" or "builtins"
/// @param name copied, NUL-terminated; such as "InsufficientFunds"
/// @param code not 0; the last registration of a type takes effect
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (code is 0)
///
/// Threads: one at a time per handle. Since: 0.1.
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
                return Err(Failure::new(RPYC_ERR_ARGUMENT, "code: must not be 0, which means that there is none"));
            }
            Arc::make_mut(&mut config.application.exceptions).register(module, name, code);
            Ok(())
        })
    }
}

/// Returns the application's code for a type of exception that is not registered, or 0 for an unknown type. The names
/// are borrowed for the call.
pub type rpyc_exception_resolver_fn =
    Option<unsafe extern "C" fn(module: *const c_char, name: *const c_char, userdata: *mut c_void) -> i32>;

/// Sets a callback that resolves types of exceptions that are not registered. It corresponds to Python's import of a
/// module.
///
/// It runs if import_custom_exceptions is on, once for each type, when rpyc_error_code() is called for an error of that
/// type. After 4096 types it runs each time. It never runs for a name longer than 1 KiB. As in Python, its result takes
/// effect only if instantiate_custom_exceptions is on.
///
/// @param config borrowed
/// @param callback NULL for none
/// @param userdata consumed, also on failure; passed to the callback and the destructor
/// @param userdata_free destructor of userdata: runs exactly once, when the config, its copies, the connections and
///        their errors are gone, also on failure; may be NULL
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: one at a time per handle; the callback runs in the thread that calls rpyc_error_code(). Since: 0.1.
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
