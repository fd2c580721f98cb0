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

/// Makes a server. When it returns, the address is taken and clients can connect; they are served from rpyc_server_serve,
/// rpyc_server_start or rpyc_server_serve_one on.
///
/// @param address copied; "tcp://HOST:PORT" (without a host, loopback; port 0: any free one), "unix:///PATH" or
///        "shm:///PATH" (a Unix socket, and shared memory with clients that use it, see rpyc_transport_connect); "": nowhere, for a
///        server whose connections all come by rpyc_server_add_transport
/// @param service copied reference; what clients get as root, an instance for each connection
/// @param config copied; the options of its connections; NULL for defaults
/// @param server_out owned; free it with rpyc_server_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ADDRESS, RPYC_ERR_IO
///
/// Threads: any thread. Since 0.1.
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

/// Another handle of the same server.
///
/// @param server borrowed
/// @return owned; free it with rpyc_server_free; NULL for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_clone(server: *const rpyc_server) -> *mut rpyc_server {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || {
        unsafe { handle::as_ref(server) }.map_or(ptr::null_mut(), |server| handle::new(server.clone()))
    })
}

/// Frees a handle. With the last one the server is stopped, without waiting for calls that run.
///
/// @param server consumed; NULL does nothing
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_free(server: *mut rpyc_server) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(server) }));
}

/// The address at which a server listens, with its real port; "" for one that listens nowhere.
///
/// @param server borrowed
/// @return borrowed, as long as the handle lives; NUL-terminated; NULL for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_address(server: *const rpyc_server) -> *const c_char {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null(), || {
        unsafe { handle::as_ref(server) }.map_or(ptr::null(), |server| server.address.as_ptr())
    })
}

/// How many connections a server has.
///
/// @param server borrowed
/// @return 0 also for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_connection_count(server: *const rpyc_server) -> usize {
    // SAFETY: the contract of the border.
    ffi_boundary_or(0, || unsafe { checked(server) }.map_or(0, Server::connection_count))
}

/// Limits the connections of a server. For one that comes beyond it, the oldest is closed of which no whole message has come; if
/// there is none, or the option make_room is "false", the new one is closed at once. A connection that has sent a message is never
/// closed for another, however long it is silent then.
///
/// @param server borrowed
/// @param count 0: no limit
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any thread. Since 0.1.
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

/// Accepts connections in this thread until the server is stopped; each is served in a thread of its own.
///
/// @param server borrowed
/// @param error_out owned; may be NULL
/// @return RPYC_OK when it was stopped, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (stopped, or accepting already), RPYC_ERR_IO
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_serve(server: *mut rpyc_server, error_out: *mut *mut rpyc_error) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(checked(server)?.serve()?)) }
}

/// Accepts one connection and serves it in this thread until it ends.
///
/// @param server borrowed
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (stopped, or accepting already), RPYC_ERR_IO, and how the connection
///         ended: RPYC_ERR_MALFORMED, RPYC_ERR_LIMIT, RPYC_ERR_DIALECT, RPYC_ERR_EXIT, RPYC_ERR_INTERRUPTED
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_serve_one(
    server: *mut rpyc_server,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(checked(server)?.serve_one()?)) }
}

/// Accepts connections in a thread of the server's own, until it is stopped.
///
/// @param server borrowed
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (stopped, or accepting already), RPYC_ERR_IO (no thread can be had)
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_start(server: *mut rpyc_server, error_out: *mut *mut rpyc_error) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(checked(server)?.start()?)) }
}

/// Has a server serve a stream that the application has accepted or opened itself, in a thread of the server's own. It counts
/// like the connections that the server accepts: in max_connections, rpyc_server_stop and rpyc_server_join. The server need not be
/// serving or started.
///
/// @param server borrowed
/// @param transport consumed, on success and on every failure
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (stopped), RPYC_ERR_LIMIT (max_connections,
///         max_connections_per_address), RPYC_ERR_IO (no thread can be had)
///
/// Threads: any thread. Since 0.1.
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

/// Stops a server: it accepts no more, waits for calls that are running, and ends its connections.
///
/// As with RPyC's own servers, peers see the end of the stream, and no CLOSE.
///
/// @param server borrowed
/// @param grace_ms milliseconds that calls have at most which run, wait in a queue or were deferred, until their answers have
///        left; called from one of the server's own callbacks, it does not wait
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
///
/// Threads: any thread. Since 0.1.
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

/// A descriptor through which a signal handler can end rpyc_server_serve, which no other function here can do: with
/// `uint64_t one = 1; write(fd, &one, sizeof one);`. The server then accepts no more, and rpyc_server_serve returns; open
/// connections go on until rpyc_server_stop is called. Nobody closes the descriptor but the server.
///
/// @param server borrowed
/// @return borrowed, as long as the server lives; -1 for NULL and in a forked child
///
/// Threads: any thread; get it before the handler is installed. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_stop_fd(server: *const rpyc_server) -> i32 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(-1, || unsafe { checked(server) }.map_or(-1, Server::stop_fd))
}

/// Waits until a server has been stopped and its threads have ended, and nothing of them is left.
///
/// @param server borrowed
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_DEADLOCK (called from one of the server's own callbacks)
///
/// Threads: not from a callback. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_join(server: *mut rpyc_server, error_out: *mut *mut rpyc_error) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe { ffi_boundary(error_out, || Ok(checked(server)?.join()?)) }
}
