//! rpyc_server: stopping without losing a request, and handing the socket over.

use super::server::checked;
use crate::ffi::border::boundary::ffi_boundary;
use crate::ffi::border::pointer::output;
use crate::ffi::border::status::rpyc_status;
use crate::ffi::border::time;
use crate::ffi::border::types::{rpyc_error, rpyc_server};
use std::os::fd::IntoRawFd;
use std::time::Duration;

/// Stops a server gracefully: it accepts no more connections, answers every request that has been received, and ends
/// each connection once it is idle. Returns when all connections have ended, or at the time limit.
///
/// A connection is idle when all of its requests are answered, the system of the peer has received the replies, and
/// nothing has arrived for `idle_ms`. Requests that arrive before that are served. A connection is not idle while a message is arriving, nor
/// during a TLS handshake or an authentication. Connections that are not idle at the limit are ended as
/// rpyc_server_stop() does; a call that still runs then finds its connection closed (rpyc_call_cancelled()), and its
/// caller gets the end of the stream.
///
/// ```c
/// size_t cut = 0;
/// if (!rpyc_server_drain(server, 1000, 30000, &cut, &error)) // not in a callback
///     printf("%zu connections were cut off\n", cut);
/// ```
///
/// @param server borrowed
/// @param idle_ms time without input, in milliseconds, after which a connection is idle; 0 for the shortest, about 20
///        ms. Clients that are between two calls need more, for example 1000
/// @param limit_ms time limit in milliseconds; -1 for no limit
/// @param cut_out number of connections that were ended although a request had no reply, a message had begun to arrive,
///        or their authentication had not ended; may be NULL
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, also if connections were cut off, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_DEADLOCK (called from one
///         of the server's own callbacks)
///
/// Threads: not from a callback. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_drain(
    server: *mut rpyc_server,
    idle_ms: i64,
    limit_ms: i64,
    cut_out: *mut usize,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let cut_out = if cut_out.is_null() { None } else { Some(output(cut_out, "cut_out")?) };
            let idle = Duration::from_millis(u64::try_from(idle_ms).unwrap_or(0));
            let cut = checked(server)?.drain(idle, time::timeout(limit_ms))?;
            match cut_out {
                Some(out) => out.put(cut),
                None => Ok(()),
            }
        })
    }
}

/// Duplicates the listening socket of a server, to hand it over to another process: its successor in a restart, or one
/// that shares the load.
///
/// The successor makes its server with the address "fd:N". Both processes accept from one queue, so no client is
/// refused at any time. From this call on, stopping the server does not shut the socket down, and the file of a Unix
/// socket is not removed: connections that nobody accepts wait in the queue.
///
/// ```c
/// int32_t fd = -1;
/// if (!rpyc_server_pass_socket(server, &fd, &error)) {
///     char address[32];
///     snprintf(address, sizeof address, "fd:%d", (int)fd);
///     // in a child: fcntl(fd, F_SETFD, 0), then exec the successor with this address
/// }
/// ```
///
/// @param server borrowed
/// @param fd_out owned, close with close(); close-on-exec. -1 on failure
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (it does not listen),
///         RPYC_ERR_UNSUPPORTED (shm://, tls://), RPYC_ERR_IO
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_server_pass_socket(
    server: *mut rpyc_server,
    fd_out: *mut i32,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(fd_out, "fd_out")?;
            *fd_out = -1;
            out.put(checked(server)?.pass_socket()?.into_raw_fd())
        })
    }
}
