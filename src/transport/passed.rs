//! Takes over a listening socket that another process or the application has opened: `fd:N` as the address of a server.

use super::{Address, sys};
use crate::error::{Error, Result};
use socket2::{Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;

/// Takes over the descriptor, and returns the socket, which never blocks, with its address. After an error the
/// descriptor is unchanged.
pub(super) fn take(fd: RawFd) -> Result<(Socket, Address)> {
    let failed = |e: io::Error| match e.raw_os_error() {
        Some(libc::EBADF) => Error::Address(format!("descriptor {fd} is not open")),
        Some(libc::ENOTSOCK) => Error::Address(format!("descriptor {fd} is not a socket")),
        _ => Error::io(format!("cannot listen with descriptor {fd}"), e),
    };
    let socket = Socket::from(sys::duplicate(fd).map_err(failed)?);
    if socket.r#type().map_err(failed)? != Type::STREAM || !socket.is_listener().map_err(failed)? {
        return Err(Error::Address(format!("descriptor {fd}: expected a listening stream socket")));
    }
    let local = socket.local_addr().map_err(failed)?;
    let address = match (local.as_socket(), local.as_pathname(), local.as_abstract_namespace()) {
        (Some(bound), _, _) => in_notation(bound),
        (_, Some(path), _) => Address::Unix(path.to_owned()),
        (_, _, Some(name)) => Address::Abstract(String::from_utf8_lossy(name).into_owned()),
        _ => Address::Descriptors { read: fd, write: fd },
    };
    socket.set_nonblocking(true).map_err(failed)?;
    if fd > libc::STDERR_FILENO {
        sys::close(fd);
    }
    Ok((socket, address))
}

/// Returns a bound address in the notation of addresses.
pub(super) fn in_notation(bound: SocketAddr) -> Address {
    let host = match bound {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
        other => other.ip().to_string(),
    };
    Address::Tcp { host, port: bound.port() }
}
