//! Implements a listening socket.

use super::{Address, Transport, shm, socket, sys};
use crate::error::{Error, Result};
use socket2::{Domain, SockAddr, Socket, Type};
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Length of the queue of connections to be accepted; the kernel reduces it to its own limit.
const BACKLOG: i32 = 1024;

/// How long `accept` waits before it returns an error that would occur again at once.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections at a TCP or Unix address, or at one of shared memory.
pub struct Listener {
    socket: Socket,
    address: Address,
    stopped: sys::Event,
    /// Removed with the listener.
    _file: Option<SocketFile>,
}

impl Listener {
    /// Binds and listens. A TCP address without a host means 127.0.0.1, port 0 one that is free. A stale socket file is
    /// replaced; one in use, and any other file, is left unchanged and is an error.
    pub fn bind(address: &Address) -> Result<Listener> {
        let failed = |e| Error::io(format!("cannot listen at {address}"), e);
        let stopped = sys::Event::new().map_err(failed)?;
        let (socket, file) = match address {
            Address::Tcp { host, port } => (bind_tcp(address, host, *port)?, None),
            Address::Unix(path) | Address::Shared(path) => {
                bind_file(path, &socket::unix_address(address)?).map_err(failed)?
            }
            Address::Abstract(_) => (listen_at(Domain::UNIX, &socket::unix_address(address)?).map_err(failed)?, None),
            _ => {
                return Err(Error::Address(format!(
                    "cannot listen at {address}: only at tcp://, unix:// and shm:// addresses"
                )));
            }
        };
        socket.set_nonblocking(true).map_err(failed)?;
        let address = match socket.local_addr().map_err(failed)?.as_socket() {
            Some(bound) => in_notation(bound),
            None => address.clone(),
        };
        Ok(Listener { socket, address, stopped, _file: file })
    }

    /// Returns the address with the real port.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Waits for the next connection; `None` once [`stop`](Listener::stop) was called.
    ///
    /// An error tells why a connection could not be accepted, most likely too few descriptors (EMFILE). `accept` can be
    /// called again, because it has already paused for a moment.
    pub fn accept(&self) -> io::Result<Option<Arc<dyn Transport>>> {
        loop {
            let mut fds = [
                sys::interest(Some(self.socket.as_raw_fd()), sys::READABLE),
                sys::interest(Some(self.stopped.fd()), sys::READABLE),
            ];
            if let Err(e) = sys::poll(&mut fds, None) {
                // For example a limit of descriptors below two, with which no poll is possible.
                std::thread::sleep(PAUSE);
                return Err(e);
            }
            let [_, stopped] = &fds;
            if sys::is_ready(stopped, sys::READABLE) {
                return Ok(None);
            }
            match self.accept_now() {
                Ok(transport) => return Ok(Some(transport)),
                Err(e) if concerns_one_connection(&e) => {}
                Err(e) => {
                    let mut stopped = [sys::interest(Some(self.stopped.fd()), sys::READABLE)];
                    if sys::poll(&mut stopped, Some(PAUSE)).is_err() {
                        std::thread::sleep(PAUSE);
                    }
                    return Err(e);
                }
            }
        }
    }

    fn accept_now(&self) -> io::Result<Arc<dyn Transport>> {
        let (socket, peer) = self.socket.accept()?;
        let unnamed = format!("a client of {}", self.address);
        Ok(match &self.address {
            Address::Shared(_) => Arc::new(shm::accepted(socket, &self.address, unnamed)?),
            _ => Arc::new(socket::named(socket, &peer, &unnamed)?),
        })
    }

    /// Gets a descriptor: writing eight bytes that are not all 0 to it ends `accept`, as `stop` does, and is
    /// async-signal-safe.
    pub fn stop_fd(&self) -> RawFd {
        self.stopped.fd()
    }

    /// Ends `accept` in all threads, now and later, and refuses new connections. Never waits.
    pub fn stop(&self) {
        self.stopped.set();
        // It may have been shut down before.
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
    }
}

/// Returns whether an error concerns only one connection (accept(2) lists these), or is not an error at all.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::EAGAIN
                | libc::EINTR
                | libc::ECONNABORTED
                | libc::EPROTO
                | libc::ENETDOWN
                | libc::ENETUNREACH
                | libc::EHOSTDOWN
                | libc::EHOSTUNREACH
                | libc::ENONET
                | libc::ENOPROTOOPT
                | libc::EOPNOTSUPP
                | libc::ECONNRESET
                | libc::ENOTCONN
        )
    )
}

fn in_notation(bound: SocketAddr) -> Address {
    let host = match bound {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
        other => other.ip().to_string(),
    };
    Address::Tcp { host, port: bound.port() }
}

fn listen_at(domain: Domain, address: &SockAddr) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::STREAM, None)?;
    if domain != Domain::UNIX {
        // So that a restarted server can bind while the kernel still remembers old connections.
        socket.set_reuse_address(true)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)?;
    Ok(Socket::from(sys::above_standard(socket.into())?))
}

/// Listens at the first address of the host that can be bound.
fn bind_tcp(address: &Address, host: &str, port: u16) -> Result<Socket> {
    let mut failures = Vec::new();
    for candidate in socket::resolve(address, host, port)? {
        let target = SockAddr::from(candidate);
        match listen_at(target.domain(), &target) {
            Ok(socket) => return Ok(socket),
            Err(e) => failures.push((candidate, e)),
        }
    }
    let context = format!("cannot listen at {address}");
    let each = failures.iter().map(|(at, e)| format!("{at}: {e}")).collect::<Vec<_>>().join("; ");
    match failures.pop() {
        Some((_, e)) if failures.is_empty() => Err(Error::io(context, e)),
        Some((_, e)) => Err(Error::io(context, io::Error::new(e.kind(), each))),
        None => Err(Error::Address(format!("{context}: the host has no address"))),
    }
}

fn bind_file(path: &Path, address: &SockAddr) -> io::Result<(Socket, Option<SocketFile>)> {
    let socket = match listen_at(Domain::UNIX, address) {
        Err(e) if e.kind() == io::ErrorKind::AddrInUse => {
            remove_stale(path, address)?;
            listen_at(Domain::UNIX, address)?
        }
        other => other?,
    };
    let file = SocketFile { path: path.to_owned(), identity: identity(path)?, process: std::process::id() };
    Ok((socket, Some(file)))
}

/// Removes a socket file if no process listens at it.
fn remove_stale(path: &Path, address: &SockAddr) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    if !found.file_type().is_socket() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "a file that is not a socket is in the way"));
    }
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    probe.set_nonblocking(true)?;
    match probe.connect(address) {
        Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => {}
        // Connected, or its queue is full, or we have no permission to connect.
        _ => return Err(io::Error::new(io::ErrorKind::AddrInUse, "the socket is in use")),
    }
    // Another process may have replaced it in the meantime.
    if identity(path)? == (found.dev(), found.ino()) {
        fs::remove_file(path)?;
    }
    Ok(())
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

/// The file of a Unix socket, removed unless another process has replaced it.
struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
    /// The process that made it. A fork of the server must not remove it.
    process: u32,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.process == std::process::id() && identity(&self.path).is_ok_and(|now| now == self.identity) {
            // An error cannot be reported from here.
            let _ = fs::remove_file(&self.path);
        }
    }
}
