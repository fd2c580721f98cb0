//! rpyc_server: accepting connections.

use crate::error::Error;
use crate::ffi::border::boundary::{ffi_boundary, ffi_boundary_or};
use crate::ffi::border::handle::{self, Handle};
use crate::ffi::border::pointer::{name, output, present};
use crate::ffi::border::status::{Result, rpyc_status};
use crate::ffi::border::types::{rpyc_class, rpyc_config, rpyc_error, rpyc_server, rpyc_transport};
use crate::ffi::config::config_or_default;
use crate::fork;
use crate::server::Server;
use crate::transport::Address;
use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

impl Handle for rpyc_server {
    type Inner = Arc<Listening>;
    const WORD: [u8; 8] = *b"server\0\0";
}

/// The data behind an rpyc_server.
pub(crate) struct Listening {
    server: Option<Server>,
    address: CString,
    forks: u32,
}

impl Drop for Listening {
    fn drop(&mut self) {
        // The threads and locks of a parent are not here: its server is left to it.
        if !fork::is_ours(self.forks) {
            std::mem::forget(self.server.take());
        }
    }
}

/// # Safety
/// The handle is NULL or a live server, as long as is said of the result.
pub(crate) unsafe fn checked<'a>(server: *const rpyc_server) -> Result<&'a Server> {
    // SAFETY: the same is asked of our caller.
    let listening = unsafe { handle::require(server, "server") }?;
    Error::unless_forked(listening.forks, "server")?;
    match &listening.server {
        Some(server) => Ok(server),
        None => Err(crate::ffi::border::status::Failure::null("server")),
    }
}

/// Makes a server. When the function returns, the address is bound and clients can connect. They are served once
/// rpyc_server_serve(), rpyc_server_start() or rpyc_server_serve_one() is called.
///
/// Each connection has a thread of its own, or, with the option pool_threads, a few threads serve all connections:
///
/// ```c
/// rpyc_config *config = rpyc_config_new();
/// if (!rpyc_config_set(config, "pool_threads", "auto", &error)
///     && !rpyc_server_new("tcp://:18861", service, config, &server, &error))
///     rpyc_server_serve(server, &error);
/// rpyc_config_free(config);
/// ```
///
/// @param address copied; "tcp://HOST:PORT" (without a host, loopback; port 0 for any free port), "tls://HOST:PORT"
///        (with the options tls_cert and tls_key), "unix:///PATH" or "shm:///PATH" (see rpyc_transport_connect());
///        "fd:N" to take over descriptor N, a TCP or Unix socket that listens already (see rpyc_server_pass_socket());
///        "" to not listen, for a server that only gets connections by rpyc_server_add_transport()
/// @param service copied (a reference); the class of the root; each connection gets an instance
/// @param config copied; the options of the connections; NULL for the defaults
/// @param server_out owned, free with rpyc_server_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ADDRESS, RPYC_ERR_IO, RPYC_ERR_ARGUMENT (an option of TLS,
///         pool_threads with bind_threads), RPYC_ERR_UNSUPPORTED (built without TLS)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_new(
    address: *const c_char,
    service: *const rpyc_class,
    config: *const rpyc_config,
    server_out: *mut *mut rpyc_server,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(server_out, "server_out")?;
            // A wrong address is said first, whatever else is wrong.
            let address = match name(address, "address")? {
                "" => None,
                text => Some(text.parse::<Address>()?),
            };
            let service = handle::require(service, "service")?;
            let config = config_or_default(config);
            let server = match address {
                None => Server::unbound(service, config)?,
                Some(address) => Server::new(&address, service, config)?,
            };
            let address = CString::new(server.address()).unwrap_or_default();
            out.put(handle::new(Arc::new(Listening { server: Some(server), address, forks: fork::generation() })))
        })
    }
}

/// Gets another handle of the same server.
///
/// @param server borrowed
/// @return owned, free with rpyc_server_free(); NULL for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_clone(server: *const rpyc_server) -> *mut rpyc_server {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || {
        unsafe { handle::as_ref(server) }.map_or(ptr::null_mut(), |server| handle::new(server.clone()))
    })
}

/// Frees a handle. Freeing the last handle stops the server, without waiting for running calls.
///
/// @param server consumed; NULL does nothing
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_free(server: *mut rpyc_server) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(server) }));
}

/// Gets the address at which a server listens, with its actual port; "" for a server that does not listen.
///
/// @param server borrowed
/// @return borrowed, as long as the handle lives; NUL-terminated; NULL for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_address(server: *const rpyc_server) -> *const c_char {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null(), || {
        unsafe { handle::as_ref(server) }.map_or(ptr::null(), |server| server.address.as_ptr())
    })
}

/// Gets the number of connections of a server.
///
/// @param server borrowed
/// @return 0 also for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_connection_count(server: *const rpyc_server) -> usize {
    // SAFETY: the contract of the border.
    ffi_boundary_or(0, || unsafe { checked(server) }.map_or(0, Server::connection_count))
}

/// Gets the number of connections that a server has closed because the authentication of the peer failed or took too
/// long, see rpyc_config_set_authenticator().
///
/// @param server borrowed
/// @return 0 also for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_authentication_failures(server: *const rpyc_server) -> u64 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(0, || unsafe { checked(server) }.map_or(0, Server::authentication_failures))
}

/// Limits the number of connections of a server.
///
/// When a connection exceeds the limit, the server closes the oldest connection that has not sent a complete message.
/// If there is none, or the option make_room is "false", it closes the new connection at once. A connection that has
/// sent a message is never closed for another one, even if it is silent for a long time afterwards.
///
/// @param server borrowed
/// @param count largest number of connections; 0 for no limit
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_set_max_connections(
    server: *mut rpyc_server,
    count: usize,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            checked(server)?.set_max_connections(count);
            Ok(())
        })
    }
}

/// Accepts connections in this thread until the server is stopped. Each connection is served in a thread of its own,
/// or all in the threads of the pool.
///
/// @param server borrowed
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK when the server was stopped, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (stopped, or accepting
///         already), RPYC_ERR_IO
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_serve(server: *mut rpyc_server, error_out: *mut *mut rpyc_error) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(checked(server)?.serve()?)) }
}

/// Accepts one connection and serves it in this thread until it ends.
///
/// @param server borrowed
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (stopped, or accepting already), RPYC_ERR_IO; if
///         the connection failed, RPYC_ERR_AUTHENTICATION, RPYC_ERR_TIMEOUT (of the authentication),
///         RPYC_ERR_MALFORMED, RPYC_ERR_LIMIT, RPYC_ERR_DIALECT, RPYC_ERR_EXIT, RPYC_ERR_INTERRUPTED
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_serve_one(
    server: *mut rpyc_server,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(checked(server)?.serve_one()?)) }
}

/// Accepts connections in a thread of the server's own, until the server is stopped.
///
/// ```c
/// if (!rpyc_server_start(server, &error)) {
///     printf("listening at %s\n", rpyc_server_address(server));
///     getchar(); // until a line is typed
///     rpyc_server_stop(server, 1000, &error);
///     rpyc_server_join(server, &error);
/// }
/// ```
///
/// @param server borrowed
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (stopped, or accepting already), RPYC_ERR_IO (no
///         thread could be started)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_start(server: *mut rpyc_server, error_out: *mut *mut rpyc_error) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(checked(server)?.start()?)) }
}

/// Serves a stream that the application has accepted or opened itself, in a thread of the server's own. It counts like
/// the connections that the server accepts: in max_connections, rpyc_server_stop() and rpyc_server_join(). The server
/// does not need to be serving or started.
///
/// @param server borrowed
/// @param transport consumed, also on failure
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (stopped), RPYC_ERR_LIMIT (max_connections,
///         max_connections_per_address), RPYC_ERR_IO (no thread could be started)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_add_transport(
    server: *mut rpyc_server,
    transport: *mut rpyc_transport,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let transport = handle::take(transport);
            let server = checked(server)?;
            Ok(server.add_transport(present(transport, "transport")?)?)
        })
    }
}

/// Stops a server: it accepts no more connections, waits for running calls, and ends its connections. Requests that
/// were received but have not begun are lost; rpyc_server_drain() answers them.
///
/// As with RPyC's own servers, peers see the end of the stream without a CLOSE request.
///
/// @param server borrowed
/// @param grace_ms longest wait, in milliseconds, for calls that run, wait in a queue or were deferred, until their
///         replies have been sent. In a callback of the server itself, the function does not wait
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_stop(
    server: *mut rpyc_server,
    grace_ms: i64,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            checked(server)?.stop(Duration::from_millis(u64::try_from(grace_ms).unwrap_or(0)));
            Ok(())
        })
    }
}

/// Gets a descriptor through which a signal handler can end rpyc_server_serve(): it writes to it with `uint64_t one =
/// 1; write(fd, &one, sizeof one);`. No function of a server may be called in a signal handler. After the write, the
/// server accepts no more connections and rpyc_server_serve() returns. Open connections continue until
/// rpyc_server_stop() is called. Only the server closes the descriptor.
///
/// @param server borrowed
/// @return borrowed, as long as the server lives; -1 for NULL and in a forked child
///
/// Threads: any; call it before the handler is installed. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_stop_fd(server: *const rpyc_server) -> i32 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(-1, || unsafe { checked(server) }.map_or(-1, Server::stop_fd))
}

/// Waits until a server has been stopped and all its threads have ended.
///
/// @param server borrowed
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_DEADLOCK (called from one of the server's own callbacks)
///
/// Threads: not from a callback. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_join(server: *mut rpyc_server, error_out: *mut *mut rpyc_error) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(checked(server)?.join()?)) }
}
