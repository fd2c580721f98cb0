//! rpyc_config: the settings of connections.

use crate::config::Config;
use crate::ffi::border::boundary::{ffi_boundary, ffi_boundary_or};
use crate::ffi::border::handle::{self, Handle};
use crate::ffi::border::pointer::{self, output};
use crate::ffi::border::status::{Failure, RPYC_ERR_ARGUMENT, Result, rpyc_status};
use crate::ffi::border::types::{rpyc_config, rpyc_error, rpyc_value};
use crate::value::Value;
use std::ffi::c_char;
use std::ptr;

impl Handle for rpyc_config {
    type Inner = Config;
    const WORD: [u8; 8] = *b"config\0\0";
}

/// The settings of a handle; the defaults for NULL.
///
/// # Safety
/// The handle is NULL or a live config.
pub(crate) unsafe fn config_or_default(config: *const rpyc_config) -> Config {
    // SAFETY: the same is asked of our caller.
    unsafe { handle::as_ref(config) }.cloned().unwrap_or_default()
}

/// Makes a configuration with the defaults of rpyc 6.0.2.
///
/// A function that takes a configuration uses the same defaults if it gets NULL.
///
/// @return owned, free with rpyc_config_free(); never NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rpyc_config_new() -> *mut rpyc_config {
    ffi_boundary_or(ptr::null_mut(), || handle::new(Config::default()))
}

/// Copies a configuration. The copy can be changed independently.
///
/// @param config borrowed; may be NULL
/// @return owned, free with rpyc_config_free(); NULL for NULL
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_config_clone(config: *const rpyc_config) -> *mut rpyc_config {
    ffi_boundary_or(ptr::null_mut(), || {
        // SAFETY: NULL or a live config.
        unsafe { handle::as_ref(config) }.map_or(ptr::null_mut(), |config| handle::new(config.clone()))
    })
}

/// Frees a configuration. Connections and servers that were made with it keep their copy.
///
/// @param config consumed; NULL does nothing
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_config_free(config: *mut rpyc_config) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(config) }));
}

/// Sets an option from a string, as a settings file or a binding has it.
///
/// Flags are "true" or "false". Times are in seconds, such as "0.5", or "none" for no limit. Names in a list are
/// separated by spaces or commas. RPyC's options logger, credentials, endpoints and before_closed are not strings and
/// have functions of their own.
///
/// ```c
/// rpyc_config *config = rpyc_config_new();
/// if (rpyc_config_set(config, "sync_request_timeout", "2.5", &error) ||
///     rpyc_config_set(config, "exposed_prefix", "public_", &error))
///     fprintf(stderr, "%s\n", rpyc_error_describe(error));
/// rpyc_config_free(config);
/// ```
///
/// The options and their defaults follow. Those of the first group are RPyC's own:
///
/// - allow_safe_attrs=true: peers may access the names in safe_attrs
/// - allow_exposed_attrs=true: peers may access names that begin with exposed_prefix
/// - allow_public_attrs=false: peers may access names that do not begin with "_"
/// - allow_all_attrs=false: peers may access every name
/// - safe_attrs: names of special methods, 80 by default
/// - exposed_prefix=exposed_: prefix that is put before a name that a peer requests
/// - allow_getattr=true: peers may read attributes
/// - allow_setattr=false: peers may set attributes
/// - allow_delattr=false: peers may delete attributes
/// - allow_pickle=false: objects that are plain data (lists, dicts) reply to a peer's obtain() with a pickle. No pickle
///   is ever run
/// - include_local_traceback=true: exceptions are sent with a traceback
/// - include_local_version=true: exceptions are sent with the version
/// - sync_request_timeout=30: time limit for the reply to a request
/// - instantiate_custom_exceptions=false: exceptions of registered types have their code, see
///   rpyc_config_register_exception
/// - import_custom_exceptions=false: the resolver is called for other types, see rpyc_config_set_exception_resolver
/// - instantiate_oldstyle_exceptions=false: accepted and ignored, as with Python 3
/// - propagate_SystemExit_locally=false: a callback's SystemExit ends the connection with RPYC_ERR_EXIT and is not sent
/// - propagate_SystemExit=true: the older name, with the opposite meaning
/// - propagate_KeyboardInterrupt_locally=true: a callback's KeyboardInterrupt ends the connection with
///   RPYC_ERR_INTERRUPTED and is not sent
/// - log_exceptions=true: exceptions that are sent to a peer are logged at RPYC_LOG_DEBUG
/// - debug=false: each message is logged at RPYC_LOG_DEBUG
/// - close_catchall=false: closing a connection does not report a failure of before_closed
/// - bind_threads=false: requests of a peer's thread are served by the thread that waits for that thread
/// - compress=true: frames above compression_threshold are compressed
/// - remote_version: version that is sent with exceptions, as _remote_version. Empty: that of the dialect and of
///   librpyc. Stock RPyC compares the part before the first dot with its own version, and warns
/// - connid: name of the connection
///
/// - close_timeout=5: time limit for the peer when a connection is closed; not "none"
/// - connect_timeout=10: time limit for connecting
/// - connect_retry=none: total time for which rpyc_connect repeats an attempt that failed because the server is not
///   there or does not reply, with pauses from 0.05 to 5 seconds. connect_timeout limits each attempt
/// - tls_ca: a PEM file of certificate authorities for tls://. Clients verify servers with it, servers verify
///   clients
/// - tls_ca_pem: the same as a string
/// - tls_system_roots=false: the authorities of the system are trusted too, from /etc/ssl/certs/ca-certificates.crt
///   and the places of other systems
/// - tls_pin: the SHA-256 of the server's certificate in hexadecimal, or several. Such a certificate is trusted
///   whatever its names, times and signer are, and no other is. For self-signed certificates
/// - tls_server_name: the name that the server's certificate must have; empty for the host of the address
/// - tls_cert: a PEM file with this side's certificate, followed by those between it and the authority; required
///   for servers
/// - tls_key: a PEM file with its private key: PKCS#8, PKCS#1 or SEC1, not encrypted
/// - tls_client_certs=none: for servers. optional: a certificate that a client sends is verified; required: clients
///   that send none are rejected
/// - tls_min_version=1.2: 1.2 or 1.3
/// - tls_insecure_no_verification=false: every server is accepted: whoever is between the peers can read and change
///   everything
/// - tcp_keepalive=none: after this time without input, in whole seconds, the kernel probes the peer. The connection
///   ends after five such times without a reply
/// - frame_timeout=30: time limit for progress of a message that has begun, to its end or by 16384 bytes, after which
///   the connection ends. It includes a message larger than max_frame, which is discarded
/// - handshake_timeout=10: the same until the first message of the peer has arrived
/// - first_message_timeout=none: time limit for the first complete message of the peer, after which the connection
///   ends. Stock clients send nothing until they are used
/// - idle_timeout=none: time without input from the peer after which the connection ends, while no request waits for
///   its reply in either direction, or while the peer does not accept output
/// - heartbeat=none: time without input from the peer after which a PING is sent, while no request waits for its reply
///   in either direction, by the thread that serves the connection or by its event loop. Only for peers that serve:
///   others do not reply
/// - heartbeat_timeout=10: time without input after the PING of heartbeat, after which the connection ends; not "none"
/// - max_connections=0: of a server: as rpyc_server_set_max_connections
/// - max_connections_per_address=0: of a server: limit of connections from one IPv4 address or one /64 of IPv6; more
///   are closed at once. 0: no limit. Unix sockets have no addresses
/// - make_room=true: of a server: at the limit of rpyc_server_set_max_connections the oldest connection that has sent
///   no message is closed for a new one. If there is none, or with "false", the new one is closed
/// - reuse_port=false: of a server on tcp: other sockets of the same user can listen at the address too, and the kernel
///   divides new connections among them (SO_REUSEPORT). When one of them is closed, connections that it has not
///   accepted are reset; pass on a socket to restart without that
/// - pool_threads=0: of a server: threads that serve all connections together; "auto" is one for each processor, at
///   least 4. 0: each connection has a thread of its own. Not with bind_threads
/// - release=lazy: the peer is told of freed objects after the next message, within 100 ms if a thread serves or an
///   event loop runs, or by rpyc_connection_flush. now: at once, as far as the transport accepts it without blocking
/// - dialect=auto: "5": rpyc 4.1 to 5.3. "6": rpyc 6. auto: that of the peer (see rpyc_connect)
/// - native=accept: lists, dicts and arrays are passed by value between two librpyc peers. "on": the peer is asked
///   before the first request. accept: if the peer asks. "off": never. A Python peer notices nothing
/// - compression_threshold=3000: size of a frame in bytes
/// - compression_level=1: 0 to 9
/// - spin_us=0: time in microseconds for which a thread polls for input before it sleeps
/// - interruptible=false: rpyc_connection_interrupt ends waits at once, whichever thread calls it. This costs a system
///   call for each receive
/// - max_depth=128: levels of nesting in a value
/// - max_digits=4300: digits of an int
/// - max_items=16777216: items of all tuples and sets in one message
/// - max_memory=536870912: bytes of memory for the values of one message
/// - max_bytes=268435456: bytes of one str or bytes value
/// - max_frame=268435456: bytes of one message as it is received
/// - max_inflated=268435456: bytes of one message after decompression
/// - max_exports=16777216: objects of this process that the peer references
/// - max_imports=16777216: objects of the peer that this process references
/// - max_pending=1048576: requests of this side that wait for a reply
/// - max_serving=256: requests of the peer that are being served
/// - max_buffered=67108864: bytes that wait to be decoded or sent
/// - max_queued=1048576: bytes that wait to be sent on a connection of an event loop before it accepts no more
/// - max_total_memory=0: bytes of memory for all connections of a server, or for all connections that are made with one
///   configuration: what is received, decompressed, waiting to be sent, and held for peers. A single connection uses at
///   most half of it. 0: no limit
/// - profile=auto: limits that are not set individually. trusted: as above. untrusted: max_frame and max_inflated
///   67108864, max_memory 268435456, max_exports 65536, max_total_memory 1073741824. auto: untrusted for servers on
///   tcp, otherwise trusted
///
/// @param config borrowed
/// @param name copied, NUL-terminated: the name of the option
/// @param text copied, NUL-terminated UTF-8: the new value
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (unknown name, or invalid value)
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_config_set(
    config: *mut rpyc_config,
    name: *const c_char,
    text: *const c_char,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let config = handle::require_mut(config, "config")?;
            Ok(config.set(pointer::name(name, "name")?, pointer::name(text, "text")?)?)
        })
    }
}

/// Gets an option as a string that rpyc_config_set() accepts for its current value.
///
/// @param config borrowed
/// @param name copied, NUL-terminated: the name of the option
/// @param text_out owned, free with rpyc_value_free(): a str
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (unknown name)
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_config_get(
    config: *const rpyc_config,
    name: *const c_char,
    text_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let text_out = output(text_out, "text_out")?;
            let config = handle::require(config, "config")?;
            let name = pointer::name(name, "name")?;
            let unknown = || Failure::new(RPYC_ERR_ARGUMENT, format_args!("unknown option '{name}'"));
            text_out.put_value(Value::from(config.get(name).ok_or_else(unknown)?))
        })
    }
}

/// The name of an option that is not a text.
///
/// # Safety
/// The pointer is NULL or leads to a NUL-terminated text.
unsafe fn no_text<'a>(option: *const c_char, wanted: &str) -> Result<&'a str> {
    // SAFETY: the same is asked of our caller.
    let name = unsafe { pointer::name(option, "name") }?;
    match Config::is_text(name) {
        true => Err(Failure::new(RPYC_ERR_ARGUMENT, format_args!("option '{name}' is a string, not {wanted}"))),
        false => Ok(name),
    }
}

/// Sets an option that is a flag. rpyc_config_set() lists the options.
///
/// @param config borrowed
/// @param name copied, NUL-terminated: the name of the option
/// @param value 0 for false, anything else for true
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (unknown name, or not a flag)
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_config_set_bool(
    config: *mut rpyc_config,
    name: *const c_char,
    value: i32,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let config = handle::require_mut(config, "config")?;
            Ok(config.set(no_text(name, "a flag")?, if value != 0 { "true" } else { "false" })?)
        })
    }
}

/// Sets an option that is a number, or a time in whole seconds. rpyc_config_set() lists the options.
///
/// @param config borrowed
/// @param name copied, NUL-terminated: the name of the option
/// @param value the new value
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (unknown name, or invalid value)
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_config_set_int(
    config: *mut rpyc_config,
    name: *const c_char,
    value: i64,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let config = handle::require_mut(config, "config")?;
            Ok(config.set(no_text(name, "a number")?, &value.to_string())?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SETTINGS;
    use crate::ffi::border::status::{RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_OK};
    use crate::ffi::error::{rpyc_error_free, rpyc_error_status};
    use crate::ffi::value::kind::{rpyc_value_free, rpyc_value_str_equal};
    use std::ffi::CStr;

    /// Does an option have this text?
    fn has(config: *const rpyc_config, name: &CStr, text: &CStr) -> bool {
        let mut value = ptr::null_mut();
        // SAFETY: the config is live, and the value is freed.
        unsafe {
            assert_eq!(rpyc_config_get(config, name.as_ptr(), &mut value, ptr::null_mut()), RPYC_OK, "{name:?}");
            let equal = rpyc_value_str_equal(value, text.as_ptr());
            rpyc_value_free(value);
            equal
        }
    }

    #[test]
    fn the_list_of_options_is_that_of_the_table() {
        let mut documented: Vec<String> = Vec::new();
        for line in include_str!("config.rs").lines() {
            match (line.strip_prefix("/// - "), line.strip_prefix("///   "), documented.last_mut()) {
                (Some(item), ..) => documented.push(item.to_owned()),
                (None, Some(rest), Some(item)) => *item += &format!(" {rest}"),
                _ => {}
            }
        }
        let table = SETTINGS.iter().map(|setting| match setting.default {
            "" => format!("{}: {}", setting.name, setting.doc),
            default => format!("{}={default}: {}", setting.name, setting.doc),
        });
        assert_eq!(documented, table.collect::<Vec<_>>());
    }

    #[test]
    fn options_are_set_and_refused() {
        let config = rpyc_config_new();
        let mut error = ptr::null_mut();
        // SAFETY: the config is live until it is freed, and so are the errors.
        unsafe {
            let set = rpyc_config_set;
            assert_eq!(set(config, c"exposed_prefix".as_ptr(), c"x_".as_ptr(), &mut error), RPYC_OK);
            assert!(has(config, c"exposed_prefix", c"x_"));
            assert_eq!(rpyc_config_set_bool(config, c"allow_setattr".as_ptr(), 2, &mut error), RPYC_OK);
            assert!(has(config, c"allow_setattr", c"true"));
            let copy = rpyc_config_clone(config);
            assert_eq!(rpyc_config_set_bool(config, c"allow_setattr".as_ptr(), 0, &mut error), RPYC_OK);
            assert!(has(config, c"allow_setattr", c"false"));
            assert_eq!(rpyc_config_set_int(config, c"sync_request_timeout".as_ptr(), 7, &mut error), RPYC_OK);
            assert!(has(config, c"sync_request_timeout", c"7"));
            assert!(has(copy, c"allow_setattr", c"true") && has(copy, c"sync_request_timeout", c"30"));
            rpyc_config_free(copy);

            for (name, text, wanted) in [
                (c"no_such_option", c"1", RPYC_ERR_ARGUMENT),
                (c"max_depth", c"deep", RPYC_ERR_ARGUMENT),
                (c"dialect", c"7", RPYC_ERR_ARGUMENT),
                (c"logger", c"4", RPYC_ERR_ARGUMENT),
                (c"propagate_SystemExit", c"perhaps", RPYC_ERR_ARGUMENT),
                (c"\xff", c"1", RPYC_ERR_UTF8),
                (c"connid", c"\xff", RPYC_ERR_UTF8),
            ] {
                assert_eq!(set(config, name.as_ptr(), text.as_ptr(), &mut error), wanted, "{name:?}");
                assert_eq!(rpyc_error_status(error), wanted);
                rpyc_error_free(error);
            }
            let name = c"allow_setattr".as_ptr();
            assert_eq!(rpyc_config_set_int(config, name, 2, ptr::null_mut()), RPYC_ERR_ARGUMENT);
            assert_eq!(rpyc_config_set_int(config, c"max_depth".as_ptr(), -1, ptr::null_mut()), RPYC_ERR_ARGUMENT);
            assert_eq!(rpyc_config_set_bool(config, c"max_depth".as_ptr(), 1, ptr::null_mut()), RPYC_ERR_ARGUMENT);
            for name in [c"connid", c"safe_attrs", c"exposed_prefix"] {
                assert_eq!(
                    rpyc_config_set_bool(config, name.as_ptr(), 1, ptr::null_mut()),
                    RPYC_ERR_ARGUMENT,
                    "{name:?}"
                );
                assert_eq!(
                    rpyc_config_set_int(config, name.as_ptr(), 5, ptr::null_mut()),
                    RPYC_ERR_ARGUMENT,
                    "{name:?}"
                );
            }
            assert!(has(config, c"connid", c""));
            let keepalive = c"tcp_keepalive".as_ptr();
            assert_eq!(rpyc_config_set_int(config, keepalive, 60, ptr::null_mut()), RPYC_OK);
            assert!(has(config, c"tcp_keepalive", c"60"));
            assert_eq!(rpyc_config_set_int(config, keepalive, 0, ptr::null_mut()), RPYC_ERR_ARGUMENT);
            assert_eq!(rpyc_config_set_int(config, keepalive, 40_000, ptr::null_mut()), RPYC_ERR_ARGUMENT);
            let mut text = ptr::dangling_mut();
            assert_eq!(rpyc_config_get(config, c"x".as_ptr(), &mut text, ptr::null_mut()), RPYC_ERR_ARGUMENT);
            assert!(text.is_null());
            rpyc_config_free(config);
        }
    }

    #[test]
    fn null_is_refused() {
        let config = rpyc_config_new();
        let (null, name) = (ptr::null(), c"max_depth".as_ptr());
        let no_error = ptr::null_mut();
        // SAFETY: NULL is allowed; the config is live until it is freed.
        unsafe {
            assert!(rpyc_config_clone(ptr::null()).is_null());
            rpyc_config_free(ptr::null_mut());
            assert_eq!(rpyc_config_set(ptr::null_mut(), name, name, no_error), RPYC_ERR_NULL);
            assert_eq!(rpyc_config_set(config, null, name, no_error), RPYC_ERR_NULL);
            assert_eq!(rpyc_config_set(config, name, null, no_error), RPYC_ERR_NULL);
            assert_eq!(rpyc_config_set_int(ptr::null_mut(), name, 1, no_error), RPYC_ERR_NULL);
            assert_eq!(rpyc_config_set_int(config, null, 1, no_error), RPYC_ERR_NULL);
            assert_eq!(rpyc_config_set_bool(ptr::null_mut(), name, 1, no_error), RPYC_ERR_NULL);
            assert_eq!(rpyc_config_set_bool(config, null, 1, no_error), RPYC_ERR_NULL);
            let mut text = ptr::dangling_mut();
            assert_eq!(rpyc_config_get(ptr::null(), name, &mut text, no_error), RPYC_ERR_NULL);
            assert!(text.is_null());
            assert_eq!(rpyc_config_get(config, null, &mut text, no_error), RPYC_ERR_NULL);
            assert_eq!(rpyc_config_get(config, name, ptr::null_mut(), no_error), RPYC_ERR_NULL);
            rpyc_config_free(config);
        }
    }
}
