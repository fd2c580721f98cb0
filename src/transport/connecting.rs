//! Makes transports from addresses, open descriptors and sockets.

use super::{Address, Ownership, Transport, child, descriptors, shm, socket, tls};
use crate::config::tls::Tls;
use crate::error::{Error, Result};
use std::os::fd::{OwnedFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Connects to `address`, starts its command, or takes over its descriptors. `connect_timeout` limits all attempts
/// together, but not the system's resolution of a host name.
pub fn connect(address: &Address, connect_timeout: Option<Duration>) -> Result<Arc<dyn Transport>> {
    connect_with(address, connect_timeout, &Tls::default())
}

/// The same, with the application's settings for TLS.
pub fn connect_with(address: &Address, timeout: Option<Duration>, options: &Tls) -> Result<Arc<dyn Transport>> {
    match address {
        Address::Tls { host, port } => {
            let connector = tls::Connector::new(options, host)?;
            let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
            let below = Arc::new(socket::connect_tcp(address, host, *port, timeout)?);
            connector.connect(below, end.map(|end| end.saturating_duration_since(Instant::now())))
        }
        Address::Tcp { host, port } => Ok(Arc::new(socket::connect_tcp(address, host, *port, timeout)?)),
        Address::Unix(_) | Address::Abstract(_) => Ok(Arc::new(socket::connect_unix(address, timeout)?)),
        Address::Shared(_) => Ok(Arc::new(shm::connect(address, timeout)?)),
        Address::Descriptors { read, write } => from_descriptors(*read, *write, Ownership::Taken),
        Address::Stdio => Ok(Arc::new(descriptors::open_stdio()?)),
        Address::Exec(command) => Ok(Arc::new(child::spawn(command)?)),
    }
}

/// Makes a transport over open descriptors, sockets or pipes, which may be the same. Their flags are not changed.
///
/// With [`Ownership::Taken`] no other code may use or close the two numbers any more.
pub fn from_descriptors(read: RawFd, write: RawFd, ownership: Ownership) -> Result<Arc<dyn Transport>> {
    Ok(Arc::new(descriptors::open(read, write, ownership)?))
}

/// Makes a transport over a connected stream socket that no other process uses.
pub fn from_socket(socket: impl Into<OwnedFd>) -> Result<Arc<dyn Transport>> {
    let stream = socket::adopt(socket.into()).map_err(|e| Error::io("cannot use the socket as a transport", e))?;
    Ok(Arc::new(stream))
}
