//! rpyc_classic: driving a classic server (RPyC's classic mode).

use crate::classic::Classic;
use crate::ffi::border::boundary::{ffi_boundary, ffi_boundary_or};
use crate::ffi::border::handle::{self, Handle};
use crate::ffi::border::pointer::{name, output, present, text};
use crate::ffi::border::status::{Result, rpyc_status};
use crate::ffi::border::types::{
    rpyc_class, rpyc_classic, rpyc_config, rpyc_connection, rpyc_error, rpyc_object, rpyc_value,
};
use crate::ffi::config::config_or_default;
use crate::ffi::connection::lifetime::checked as checked_connection;
use crate::ffi::object::operation::{Arguments, reference};
use crate::ffi::object::views::bounds;
use crate::objects::ask;
use std::ffi::c_char;
use std::ptr;

impl Handle for rpyc_classic {
    type Inner = Classic;
    const WORD: [u8; 8] = *b"classic\0";
}

/// A handle that may be used in this process.
///
/// # Safety
/// The handle is NULL or live, as long as is said of the result.
pub(crate) unsafe fn checked<'a>(classic: *const rpyc_classic) -> Result<&'a Classic> {
    // SAFETY: the same is asked of our caller.
    let classic = unsafe { handle::require(classic, "classic") }?;
    classic.connection().shared().check_fork()?;
    Ok(classic)
}

/// Connects to a classic server (rpyc_classic.py).
///
/// Without a service, the server gets no objects to use: that is RPyC's ClassicClient. With a service from
/// rpyc_slave_new(), each side drives the other: that is RPyC's ClassicService.
///
/// The server's access to this side's values is not restricted, as with rpyc.classic.connect(). allow_all_attrs,
/// allow_getattr, allow_setattr, allow_delattr, allow_pickle, and the three options that make exceptions of their
/// types at the peer are on, unless config sets them. So pandas.DataFrame(a dict of this side) works.
///
/// ```c
/// rpyc_classic *classic = NULL;
/// if (!rpyc_classic_connect("tcp://127.0.0.1:18812", NULL, NULL, &classic, &error))
///     rpyc_classic_call(classic, "os", "getcwd", NULL, 0, NULL, &value, &error);
/// rpyc_classic_free(classic);
/// ```
///
/// @param address copied; as for rpyc_transport_connect(); the default port is 18812
/// @param service copied (a reference); the class of the root that the server gets; NULL for none
/// @param config copied; NULL for the defaults; options set in it by name are kept, even if the value is the default
///         of other connections
/// @param classic_out owned, free with rpyc_classic_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_ADDRESS, RPYC_ERR_AUTHENTICATION,
///         RPYC_ERR_TYPE (the peer has no root)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_classic_connect(
    address: *const c_char,
    service: *const rpyc_class,
    config: *const rpyc_config,
    classic_out: *mut *mut rpyc_classic,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(classic_out, "classic_out")?;
            let address = name(address, "address")?;
            let config = config_or_default(config);
            out.put(handle::new(Classic::connect(address, handle::as_ref(service), config)?))
        })
    }
}

/// Makes a handle for the classic server at the other end of a connection, and fetches its root. The options of the
/// connection are not changed.
///
/// @param connection borrowed; the new handle keeps it open, as a clone does
/// @param classic_out owned, free with rpyc_classic_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (the peer has no root)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_classic_new(
    connection: *mut rpyc_connection,
    classic_out: *mut *mut rpyc_classic,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(classic_out, "classic_out")?;
            let connection = checked_connection(connection)?;
            out.put(handle::new(Classic::new(connection.clone())?))
        })
    }
}

/// Gets another handle of the same classic server.
///
/// @param classic borrowed
/// @return owned, free with rpyc_classic_free(); NULL for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_classic_clone(classic: *const rpyc_classic) -> *mut rpyc_classic {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || {
        unsafe { handle::as_ref(classic) }.map_or(ptr::null_mut(), |classic| handle::new(classic.clone()))
    })
}

/// Frees a handle. Freeing the last handle of the classic server and of its connection ends the connection.
///
/// @param classic consumed; NULL does nothing
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_classic_free(classic: *mut rpyc_classic) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(classic) }));
}

/// Gets the connection to a classic server.
///
/// @param classic borrowed
/// @param connection_out owned, free with rpyc_connection_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_classic_connection(
    classic: *const rpyc_classic,
    connection_out: *mut *mut rpyc_connection,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(connection_out, "connection_out")?;
            out.put(handle::new(checked(classic)?.connection().clone()))
        })
    }
}

/// Imports a module at the peer by its dotted name: conn.modules[name]. It is requested once.
///
/// ```c
/// rpyc_object *sys = NULL;
/// rpyc_classic *classic = NULL;
/// if (!rpyc_classic_new(connection, &classic, &error) &&
///     !rpyc_classic_module(classic, "sys", &sys, &error))
///     rpyc_object_get_attr(sys, "version", &value, &error);
/// rpyc_object_free(sys);
/// rpyc_classic_free(classic);
/// ```
///
/// @param classic borrowed
/// @param module copied; such as "xml.dom.minidom"
/// @param object_out owned, free with rpyc_object_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_TYPE (the peer's reply is not an object)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_classic_module(
    classic: *mut rpyc_classic,
    module: *const c_char,
    object_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(object_out, "object_out")?;
            out.put(handle::new(checked(classic)?.module(name(module, "module")?)?.into()))
        })
    }
}

/// Gets the peer's builtins: conn.builtins.
///
/// @param classic borrowed
/// @param object_out owned, free with rpyc_object_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_classic_builtins(
    classic: *mut rpyc_classic,
    object_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(object_out, "object_out")?;
            out.put(handle::new(checked(classic)?.builtins()?.into()))
        })
    }
}

/// Calls a function of a module of the peer, in one request once the module has been imported.
///
/// @param classic borrowed
/// @param module copied; such as "os.path"; NULL for builtins
/// @param function copied
/// @param args consumed (each value), also on failure
/// @param count number of args
/// @param keywords consumed, also on failure; a dict with str keys, see rpyc_value_new_keywords(); NULL for none
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_TYPE (keywords are not a dict with str
///         keys)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_classic_call(
    classic: *mut rpyc_classic,
    module: *const c_char,
    function: *const c_char,
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
                let classic = checked(classic)?;
                let arguments = arguments?;
                let module = if module.is_null() { "builtins" } else { name(module, "module")? };
                let function = name(function, "function")?;
                out.put_value(ask(&classic.module(module)?, arguments.call_method(function))?)
            })
        })
    }
}

/// Evaluates a Python expression in the peer's namespace: conn.eval(text).
///
/// @param classic borrowed
/// @param expression copied; UTF-8
/// @param length number of bytes, or RPYC_NUL_TERMINATED
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_classic_eval(
    classic: *mut rpyc_classic,
    expression: *const c_char,
    length: usize,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(value_out, "value_out")?;
            out.put_value(checked(classic)?.eval(text(expression, length, "expression")?)?)
        })
    }
}

/// Runs Python statements in the peer's namespace: conn.execute(text).
///
/// ```c
/// static rpyc_status twice(rpyc_classic *classic, rpyc_value **value_out, rpyc_error **error_out)
/// {
///     rpyc_status status = rpyc_classic_set(classic, "x", rpyc_float(1.5), error_out);
///     if (!status)
///         status = rpyc_classic_execute(classic, "y = 2 * x", RPYC_NUL_TERMINATED, error_out);
///     return status ? status : rpyc_classic_get(classic, "y", value_out, error_out);
/// }
/// ```
///
/// @param classic borrowed
/// @param statements copied; UTF-8
/// @param length number of bytes, or RPYC_NUL_TERMINATED
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_classic_execute(
    classic: *mut rpyc_classic,
    statements: *const c_char,
    length: usize,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(checked(classic)?.execute(text(statements, length, "statements")?)?)) }
}

/// Gets the peer's namespace, a dict: conn.namespace. It is requested once.
///
/// @param classic borrowed
/// @param object_out owned, free with rpyc_object_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_classic_namespace(
    classic: *mut rpyc_classic,
    object_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(object_out, "object_out")?;
            out.put(handle::new(checked(classic)?.namespace()?.into()))
        })
    }
}

/// Gets a variable of the peer's namespace: conn.namespace[variable].
///
/// @param classic borrowed
/// @param variable copied
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_TYPE (the peer's namespace is not an
///         object)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_classic_get(
    classic: *mut rpyc_classic,
    variable: *const c_char,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(value_out, "value_out")?;
            out.put_value(checked(classic)?.get(name(variable, "variable")?)?)
        })
    }
}

/// Sets a variable of the peer's namespace: conn.namespace[variable] = value.
///
/// @param classic borrowed
/// @param variable copied
/// @param value consumed, also on failure; lists and dicts are passed by reference, see rpyc_classic_deliver()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_TYPE (the peer's namespace is not an
///         object)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_classic_set(
    classic: *mut rpyc_classic,
    variable: *const c_char,
    value: *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let value = handle::value_take(value);
            let classic = checked(classic)?;
            let variable = name(variable, "variable")?;
            Ok(classic.set(variable, present(value, "value")?)?)
        })
    }
}

/// Gets the peer's own end of this connection, as an object of the peer: conn.root.getconn().
///
/// @param classic borrowed
/// @param object_out owned, free with rpyc_object_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_classic_getconn(
    classic: *mut rpyc_classic,
    object_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(object_out, "object_out")?;
            out.put(handle::new(checked(classic)?.getconn()?.into()))
        })
    }
}

/// Copies an object of the peer into a value by pickling it, in one request: rpyc.classic.obtain().
///
/// Only plain data is accepted: a pickle that would import or call anything when Python loads it fails with
/// RPYC_ERR_UNSAFE. rpyc_object_obtain() does not need a pickle.
///
/// @param classic borrowed
/// @param object borrowed; of this connection
/// @param max_depth as for rpyc_object_obtain()
/// @param max_items as for rpyc_object_obtain()
/// @param max_bytes as for rpyc_object_obtain()
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_ARGUMENT (not an object of this connection),
///         RPYC_ERR_UNSAFE (the pickle is more than plain data), RPYC_ERR_TYPE (a container in it contains itself)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_classic_obtain(
    classic: *mut rpyc_classic,
    object: *mut rpyc_object,
    max_depth: usize,
    max_items: usize,
    max_bytes: usize,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(value_out, "value_out")?;
            let classic = checked(classic)?;
            let object = reference(object, "object")?;
            out.put_value(classic.obtain(object, &bounds(max_depth, max_items, max_bytes))?)
        })
    }
}

/// Copies plain data to the peer: rpyc.classic.deliver(). Lists and dicts become Python's own there, and the result is
/// an object of the peer.
///
/// The data may contain objects of the peer, for example a bytearray or a range made with rpyc_classic_call(), or
/// anything else that has no value of its own. They are inserted in their place, with one request for each container
/// around them.
///
/// ```c
/// static rpyc_status set_list(rpyc_classic *classic, rpyc_value *list, rpyc_error **error)
/// {
///     rpyc_value *delivered = NULL;
///     rpyc_status status = rpyc_classic_deliver(classic, list, &delivered, error);
///     return status ? status : rpyc_classic_set(classic, "items", delivered, error);
/// }
/// ```
///
/// @param classic borrowed
/// @param value consumed, also on failure
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (an object of this side, alone or within the value)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_classic_deliver(
    classic: *mut rpyc_classic,
    value: *mut rpyc_value,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let value = handle::value_take(value);
            let out = output(value_out, "value_out")?;
            let classic = checked(classic)?;
            let value = present(value, "value")?;
            out.put_value(classic.deliver(&value)?)
        })
    }
}
