//! rpyc_transport: byte streams to make connections of.

use crate::ffi::border::boundary::{ffi_boundary, ffi_boundary_or};
use crate::ffi::border::handle::{self, Handle};
use crate::ffi::border::pointer::{name, output};
use crate::ffi::border::status::{Failure, RPYC_ERR_ARGUMENT, rpyc_status};
use crate::ffi::border::types::{rpyc_config, rpyc_error, rpyc_transport};
use crate::ffi::config::config_or_default;
use crate::transport::{self, Address, Ownership, Transport};
use std::ffi::c_char;
use std::sync::Arc;

impl Handle for rpyc_transport {
    type Inner = Arc<dyn Transport>;
    const WORD: [u8; 8] = *b"transpor";
}

/// Opens a transport to an address.
///
/// Forms of an address:
///
/// - "tcp://HOST:PORT", or "tcp://[::1]:PORT" for IPv6; without a host, loopback
/// - "tls://HOST:PORT": TLS over TCP; the server is verified as the options tls_... of rpyc_config_set() say
/// - "unix:///PATH"
/// - "shm:///PATH": shared memory between two processes of one user, over a Unix socket at that path
/// - "fd:R,W": open descriptors, which are consumed
/// - "stdio:": the descriptors 0 and 1, which are consumed
/// - "exec:COMMAND": a child process, run by the shell; its standard input and output are the stream
///
/// With "shm:", two processes that both use this library hand each other 16 KiB of memory each over the socket. Small
/// messages then pass through the memory; large ones, and all of an event loop, through the socket. Any other peer
/// gets a Unix socket, and so does every peer if the system denies the memory, which is logged (RPYC_LOG_INFO). Either
/// side may use "unix:///PATH" instead.
///
/// With "stdio:" the transport uses private copies of the descriptors 0 and 1. From then on 0 is /dev/null and 1 is
/// standard error, for the application and its children. That remains so after the connection, and a second "stdio:"
/// fails with RPYC_ERR_ADDRESS. If standard error is closed or is the same stream, 1 (and then 2) is /dev/null. Call
/// fflush(stdout) before: bytes still buffered by stdio are written to standard error later. "fd:" does the same for
/// 0, 1 and 2.
///
/// @param address copied; NUL-terminated
/// @param config copied; its connect_timeout applies; NULL for the defaults
/// @param transport_out owned, free with rpyc_transport_free() or pass to rpyc_connection_new()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ADDRESS, RPYC_ERR_TIMEOUT, RPYC_ERR_IO,
///         RPYC_ERR_ARGUMENT (an option of TLS), RPYC_ERR_UNSUPPORTED (built without TLS)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_transport_connect(
    address: *const c_char,
    config: *const rpyc_config,
    transport_out: *mut *mut rpyc_transport,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(transport_out, "transport_out")?;
            let address: Address = name(address, "address")?.parse()?;
            let config = config_or_default(config);
            out.put(handle::new(transport::connect_with(&address, config.connect_timeout, &config.tls)?))
        })
    }
}

/// Makes a transport of open descriptors: sockets or pipes. Both may be the same. Their flags are not changed.
///
/// @param read_fd descriptor to receive from
/// @param write_fd descriptor to send to
/// @param close_fds 1 if the descriptors are consumed on success; of 0, 1 and 2 the transport makes copies, and then 0
///         and 2 are /dev/null and 1 is standard error. 0 if they remain the caller's
/// @param transport_out owned, free with rpyc_transport_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT, RPYC_ERR_ADDRESS (not open, or not a stream), RPYC_ERR_IO
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_transport_new_fd(
    read_fd: i32,
    write_fd: i32,
    close_fds: i32,
    transport_out: *mut *mut rpyc_transport,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(transport_out, "transport_out")?;
            if read_fd < 0 || write_fd < 0 {
                let text = format!("expected two descriptors, got {read_fd} and {write_fd}");
                return Err(Failure::new(RPYC_ERR_ARGUMENT, text));
            }
            let ownership = if close_fds != 0 { Ownership::Taken } else { Ownership::Borrowed };
            out.put(handle::new(transport::from_descriptors(read_fd, write_fd, ownership)?))
        })
    }
}

/// Makes two transports that are connected to each other in memory.
///
/// @param left_out owned, free with rpyc_transport_free()
/// @param right_out owned, free with rpyc_transport_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_transport_new_pair(
    left_out: *mut *mut rpyc_transport,
    right_out: *mut *mut rpyc_transport,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let left = output(left_out, "left_out");
            let right = output(right_out, "right_out");
            let (left, right) = (left?, right?);
            let (one, other) = transport::pair();
            left.put(handle::new(one))?;
            right.put(handle::new(other))
        })
    }
}

/// Closes and frees a transport that was not passed to a connection.
///
/// @param transport consumed; NULL does nothing
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_transport_free(transport: *mut rpyc_transport) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(transport) }));
}
