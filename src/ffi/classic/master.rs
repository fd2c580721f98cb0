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
/// Without a service, the server gets nothing of ours to use: RPyC's ClassicClient. With one made by rpyc_slave_new, both drive
/// each other: RPyC's ClassicService.
///
/// What the server does with values of ours is not limited, as with rpyc.classic.connect(): allow_all_attrs, allow_getattr,
/// allow_setattr, allow_delattr, allow_pickle, and the three options that make exceptions of the types they have at the peer, are on
/// where config does not set them. So pandas.DataFrame(a dict of ours) works.
///
/// @param address copied; as for rpyc_transport_connect; without a port, 18812 is meant
/// @param service copied reference; what the server gets as our root; NULL for nothing
/// @param config copied; NULL for defaults; what it sets by name stays, also where that is the default of other connections
/// @param classic_out owned; free it with rpyc_classic_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_ADDRESS, RPYC_ERR_TYPE (the peer has no root)
///
/// Threads: any thread. Since 0.1.
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

/// The classic server at the other end of a connection, whose options stay as they are. Its root is fetched.
///
/// @param connection borrowed; what is made of it keeps it open as a clone would
/// @param classic_out owned; free it with rpyc_classic_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (the peer has no root)
///
/// Threads: any thread. Since 0.1.
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

/// Another handle of the same.
///
/// @param classic borrowed
/// @return owned; free it with rpyc_classic_free; NULL for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_classic_clone(classic: *const rpyc_classic) -> *mut rpyc_classic {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || {
        unsafe { handle::as_ref(classic) }.map_or(ptr::null_mut(), |classic| handle::new(classic.clone()))
    })
}

/// Frees a handle. With the last one, and the last of its connection, the connection ends.
///
/// @param classic consumed; NULL does nothing
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_classic_free(classic: *mut rpyc_classic) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(classic) }));
}

/// The connection to a classic server.
///
/// @param classic borrowed
/// @param connection_out owned; free it with rpyc_connection_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any thread. Since 0.1.
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

/// A module of the peer by its dotted name, imported there: conn.modules[name]. It is asked for once.
///
/// @param classic borrowed
/// @param module copied; such as "xml.dom.minidom"
/// @param object_out owned; free it with rpyc_object_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_TYPE (the peer's answer is no object)
///
/// Threads: any thread. Since 0.1.
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

/// The peer's builtins: conn.builtins.
///
/// @param classic borrowed
/// @param object_out owned; free it with rpyc_object_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE
///
/// Threads: any thread. Since 0.1.
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

/// Calls a function of a module of the peer, in one request once the module is known.
///
/// @param classic borrowed
/// @param module copied; such as "os.path"; NULL for builtins
/// @param function copied
/// @param args consumed, on success and on every failure
/// @param count number of args
/// @param keywords consumed; a dict with text keys, see rpyc_value_new_keywords; NULL for none
/// @param value_out owned; free it with rpyc_value_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_TYPE (keywords are no dict with text keys)
///
/// Threads: any thread. Since 0.1.
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

/// The value of a Python expression in the peer's namespace: conn.eval(text).
///
/// @param classic borrowed
/// @param expression copied; UTF-8
/// @param length bytes, or RPYC_NUL_TERMINATED
/// @param value_out owned; free it with rpyc_value_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8
///
/// Threads: any thread. Since 0.1.
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
/// @param classic borrowed
/// @param statements copied; UTF-8
/// @param length bytes, or RPYC_NUL_TERMINATED
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8
///
/// Threads: any thread. Since 0.1.
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

/// The peer's namespace, a dict: conn.namespace. It is asked for once.
///
/// @param classic borrowed
/// @param object_out owned; free it with rpyc_object_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE
///
/// Threads: any thread. Since 0.1.
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

/// A name of the peer's namespace: conn.namespace[variable].
///
/// @param classic borrowed
/// @param variable copied
/// @param value_out owned; free it with rpyc_value_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_TYPE (the peer's namespace is no object)
///
/// Threads: any thread. Since 0.1.
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

/// Sets a name of the peer's namespace: conn.namespace[variable] = value.
///
/// @param classic borrowed
/// @param variable copied
/// @param value consumed, on success and on every failure; lists and dicts are lent, see rpyc_classic_deliver
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_TYPE (the peer's namespace is no object)
///
/// Threads: any thread. Since 0.1.
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

/// The peer's own end of this connection, as an object of the peer: conn.root.getconn().
///
/// @param classic borrowed
/// @param object_out owned; free it with rpyc_object_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE
///
/// Threads: any thread. Since 0.1.
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

/// Copies an object of the peer into a value by its pickle, in one request: rpyc.classic.obtain().
///
/// The pickle is read as plain data: what would import or call something when Python reads it is refused. rpyc_object_obtain
/// needs no pickle.
///
/// @param classic borrowed
/// @param object borrowed; of this connection
/// @param max_depth as of rpyc_object_obtain
/// @param max_items as of rpyc_object_obtain
/// @param max_bytes as of rpyc_object_obtain
/// @param value_out owned; free it with rpyc_value_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_ARGUMENT (no object of this connection), RPYC_ERR_UNSAFE (its
///         pickle is more than plain data), RPYC_ERR_TYPE (a container in it holds itself)
///
/// Threads: any thread. Since 0.1.
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

/// Makes a copy of plain data at the peer: rpyc.classic.deliver(). Lists and dicts become real ones there, and come back as
/// objects of the peer.
///
/// Objects of the peer in it are put where they stand, with a request for each container around them: a bytearray or a range
/// that rpyc_classic_call() has made, or whatever else has no value of its own.
///
/// @param classic borrowed
/// @param value consumed, on success and on every failure
/// @param value_out owned; free it with rpyc_value_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (it is an object, or holds one that
///         is not the peer's)
///
/// Threads: any thread. Since 0.1.
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
