//! Implements a listening socket.

use super::{Address, Transport, passed, shm, socket, sys, tls};
use crate::config::tls::Tls;
use crate::error::{Error, Result};
use socket2::{Domain, SockAddr, Socket, Type};
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// Another process may accept from the socket too: it must not be shut down, and its file stays.
    passed: AtomicBool,
    tls: Option<tls::Acceptor>,
    /// Removed with the listener.
    file: Option<SocketFile>,
}

impl Listener {
    /// Binds and listens. A TCP address without a host means 127.0.0.1, port 0 one that is free. A stale socket file is
    /// replaced; one in use, and any other file, is left unchanged and is an error. `fd:N` takes over a socket that
    /// listens already.
    pub fn bind(address: &Address) -> Result<Listener> {
        Listener::bind_with(address, false, &Tls::default())
    }

    /// Does the same. With `reuse_port`, several sockets can listen at a TCP address (SO_REUSEPORT). `options` are for
    /// `tls://` addresses; `Transport::open` does the handshake of their transports.
    pub fn bind_with(address: &Address, reuse_port: bool, options: &Tls) -> Result<Listener> {
        let tls = match address {
            Address::Tls { .. } => Some(tls::Acceptor::new(options)?),
            _ => None,
        };
        let failed = |e| Error::io(format!("cannot listen at {address}"), e);
        let stopped = sys::Event::new().map_err(failed)?;
        let mut passed = None;
        let (socket, file) = match address {
            Address::Tcp { host, port } | Address::Tls { host, port } => {
                (bind_tcp(address, host, *port, reuse_port)?, None)
            }
            Address::Descriptors { read, write } if read == write => {
                let (socket, bound) = passed::take(*read)?;
                passed = Some(bound);
                (socket, None)
            }
            Address::Unix(path) | Address::Shared(path) => {
                bind_file(path, &socket::unix_address(address)?).map_err(failed)?
            }
            Address::Abstract(_) => {
                (listen_at(Domain::UNIX, &socket::unix_address(address)?, false).map_err(failed)?, None)
            }
            _ => {
                return Err(Error::Address(format!(
                    "cannot listen at {address}: only at tcp://, tls://, unix:// and shm:// addresses, and fd:N"
                )));
            }
        };
        let is_passed = AtomicBool::new(passed.is_some());
        let address = match passed {
            // Nothing may fail from here on: the descriptor is ours.
            Some(bound) => bound,
            None => {
                socket.set_nonblocking(true).map_err(failed)?;
                match (socket.local_addr().map_err(failed)?.as_socket().map(passed::in_notation), &tls) {
                    (Some(Address::Tcp { host, port }), Some(_)) => Address::Tls { host, port },
                    (Some(bound), _) => bound,
                    (None, _) => address.clone(),
                }
            }
        };
        Ok(Listener { socket, address, stopped, passed: is_passed, tls, file })
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
        match (&self.address, &self.tls) {
            (Address::Shared(_), _) => Ok(Arc::new(shm::accepted(socket, &self.address, unnamed)?)),
            (_, Some(tls)) => tls.accept(Arc::new(socket::named(socket, &peer, &unnamed)?)),
            (_, None) => Ok(Arc::new(socket::named(socket, &peer, &unnamed)?)),
        }
    }

    /// Gets a descriptor: writing eight bytes that are not all 0 to it ends `accept`, as `stop` does, and is
    /// async-signal-safe.
    pub fn stop_fd(&self) -> RawFd {
        self.stopped.fd()
    }

    /// Ends `accept` in all threads, now and later, and refuses new connections, unless another process may accept them.
    /// Never waits.
    pub fn stop(&self) {
        self.stopped.set();
        if !self.passed.load(Ordering::Acquire) {
            // It may have been shut down before.
            let _ = self.socket.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Duplicates the socket, for another process that accepts from it. From then on `stop` does not shut it down, and
    /// the file of a Unix socket stays.
    pub fn pass(&self) -> Result<OwnedFd> {
        if let Address::Shared(_) | Address::Tls { .. } = self.address {
            return Err(Error::Unsupported(format!("the socket of {} cannot be passed on", self.address)));
        }
        let copy = sys::duplicate(self.socket.as_raw_fd());
        let copy = copy.map_err(|e| Error::io(format!("cannot duplicate the socket of {}", self.address), e))?;
        self.passed.store(true, Ordering::Release);
        if let Some(file) = &self.file {
            file.keep.store(true, Ordering::Release);
        }
        Ok(copy)
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

fn listen_at(domain: Domain, address: &SockAddr, reuse_port: bool) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::STREAM, None)?;
    if domain != Domain::UNIX {
        // So that a restarted server can bind while the kernel still remembers old connections.
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(reuse_port)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)?;
    Ok(Socket::from(sys::above_standard(socket.into())?))
}

/// Listens at the first address of the host that can be bound.
fn bind_tcp(address: &Address, host: &str, port: u16, reuse_port: bool) -> Result<Socket> {
    let mut failures = Vec::new();
    for candidate in socket::resolve(address, host, port)? {
        let target = SockAddr::from(candidate);
        match listen_at(target.domain(), &target, reuse_port) {
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
    let socket = match listen_at(Domain::UNIX, address, false) {
        Err(e) if e.kind() == io::ErrorKind::AddrInUse => {
            remove_stale(path, address)?;
            listen_at(Domain::UNIX, address, false)?
        }
        other => other?,
    };
    let keep = AtomicBool::new(false);
    let file = SocketFile { path: path.to_owned(), identity: identity(path)?, process: std::process::id(), keep };
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
    /// Another process has the socket too.
    keep: AtomicBool,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = !self.keep.load(Ordering::Acquire) && self.process == std::process::id();
        if ours && identity(&self.path).is_ok_and(|now| now == self.identity) {
            // An error cannot be reported from here.
            let _ = fs::remove_file(&self.path);
        }
    }
}
