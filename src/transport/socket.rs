//! Implements transports over connected stream sockets of this process: TCP, Unix, and the socket pair of a child
//! process.

use super::{Address, Ready, TICK, Transport, sys, uninit};
use crate::authentication::User;
use crate::error::{Error, Result};
use socket2::{Domain, SockAddr, SockRef, Socket, TcpKeepalive, Type};
use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Maximum number of parts of `sendmsg(2)` (IOV_MAX).
const PARTS_MAX: usize = 1024;

/// Number of keepalive probes, each after the time of `tcp_keepalive`, until a silent peer counts as gone; as in RPyC.
const KEEPALIVE_RETRIES: u32 = 5;

/// Send buffer of a Unix socket with much output, if the system allows it (`net.core.wmem_max`, often 208 KiB): for a
/// MiB and the kernel's overhead. The buffer of TCP grows by itself.
const SEND_BUFFER: usize = 1280 << 10;
/// Number of pending bytes from which the send buffer is enlarged.
const MUCH: usize = 64 << 10;

/// Means "no limit": the kernel gives up a connection long before.
const FOR_EVER: Duration = Duration::from_secs(24 * 3600);

pub(super) struct Stream {
    socket: Socket,
    bell: sys::Bell,
    tcp: bool,
    /// The larger send buffer was requested.
    widened: AtomicBool,
    local: String,
    peer: String,
}

impl Stream {
    /// Prepares a connected, blocking socket. A receive timeout of a tick lets `recv` wait without a poll before it.
    pub(super) fn new(socket: Socket, tcp: bool, local: String, peer: String) -> io::Result<Stream> {
        let socket = Socket::from(sys::above_standard(socket.into())?);
        socket.set_read_timeout(Some(TICK))?;
        if tcp {
            socket.set_tcp_nodelay(true)?;
        }
        Ok(Stream { socket, bell: sys::Bell::default(), tcp, widened: AtomicBool::new(false), local, peer })
    }

    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }
}

impl Transport for Stream {
    fn recv(&self, buf: &mut Vec<u8>, max: usize, wait: bool) -> io::Result<usize> {
        uninit::recv(&self.socket, if wait { 0 } else { libc::MSG_DONTWAIT }, buf, max)
    }

    fn recv_into(&self, room: &mut [u8], buf: &mut Vec<u8>, max: usize, wait: bool) -> io::Result<usize> {
        uninit::recv_into(&self.socket, if wait { 0 } else { libc::MSG_DONTWAIT }, room, buf, max)
    }

    fn available(&self) -> usize {
        sys::available(self.socket.as_fd())
    }

    fn send(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        send(&self.socket, bufs)
    }

    fn widen(&self, waiting: usize) -> bool {
        if self.tcp || waiting < MUCH || self.widened.swap(true, Ordering::Relaxed) {
            return false;
        }
        // The kernel reports twice the requested size.
        let before = self.socket.send_buffer_size().unwrap_or(usize::MAX);
        before < SEND_BUFFER
            && self.socket.set_send_buffer_size(SEND_BUFFER).is_ok()
            && self.socket.send_buffer_size().is_ok_and(|after| after > before)
    }

    fn poll(&self, read: bool, write: bool, timeout: Option<Duration>) -> io::Result<Ready> {
        let asked = if read { sys::READABLE } else { 0 } | if write { sys::WRITABLE } else { 0 };
        let mut fds = [sys::interest(Some(self.socket.as_raw_fd()), asked)];
        sys::poll_once(&mut fds, timeout)?;
        let [polled] = &fds;
        Ok(Ready {
            read: read && sys::is_ready(polled, sys::READABLE),
            write: write && sys::is_ready(polled, sys::WRITABLE),
        })
    }

    fn await_input(&self, timeout: Duration) {
        self.bell.wait([Some(self.socket.as_raw_fd()), None], timeout);
    }

    fn interrupt(&self) {
        self.bell.ring();
    }

    fn hang_bell(&self) {
        self.bell.hang();
    }

    fn ring(&self) {
        self.bell.ring_hung();
    }

    fn shutdown(&self) {
        // Fails if the connection has ended already.
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    fn end_sending(&self) {
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    fn unread(&self) -> Option<usize> {
        // For TCP the kernel knows what the peer's kernel has acknowledged, not what the peer has received.
        if self.tcp { None } else { sys::unread(self.socket.as_fd()).ok() }
    }

    fn is_under_way(&self) -> bool {
        // A Unix socket passes bytes to the peer at once.
        self.tcp && sys::unread(self.socket.as_fd()).is_ok_and(|bytes| bytes > 0)
    }

    fn user(&self) -> Option<User> {
        if self.tcp { None } else { sys::peer_of(self.socket.as_fd()) }
    }

    fn fileno(&self) -> Option<RawFd> {
        Some(self.socket.as_raw_fd())
    }

    fn peer_name(&self) -> String {
        self.peer.clone()
    }

    fn local_name(&self) -> String {
        self.local.clone()
    }

    fn quick_ack(&self) {
        if self.tcp {
            // This is an optimization; the next call reports a broken connection.
            let _ = self.socket.set_tcp_quickack(true);
        }
    }

    fn set_keepalive(&self, idle: Option<Duration>) -> io::Result<()> {
        match idle {
            Some(idle) if self.tcp => {
                let asked = TcpKeepalive::new().with_time(idle).with_interval(idle).with_retries(KEEPALIVE_RETRIES);
                self.socket.set_tcp_keepalive(&asked)
            }
            None if self.tcp => self.socket.set_keepalive(false),
            _ => Ok(()),
        }
    }
}

/// Calls `send(2)` or `sendmsg(2)` once, without blocking or raising SIGPIPE.
pub(super) fn send(socket: &Socket, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
    const FLAGS: i32 = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    loop {
        let sent = match bufs {
            [buf] => sys::send(socket.as_fd(), buf, FLAGS),
            _ => socket.send_vectored_with_flags(bufs.get(..PARTS_MAX).unwrap_or(bufs), FLAGS),
        };
        match sent {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            sent => return sent,
        }
    }
}

/// Returns whether a descriptor is a socket. Fails if it is not a stream socket.
pub(super) fn is_socket(socket: &SockRef<'_>) -> io::Result<bool> {
    match socket.r#type() {
        Ok(Type::STREAM) => Ok(true),
        Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "the socket is not a stream socket")),
        Err(e) if e.raw_os_error() == Some(libc::ENOTSOCK) => Ok(false),
        Err(e) => Err(e),
    }
}

/// Returns the notation of a socket's address; `None` for a Unix socket without a name.
pub(super) fn name(address: &SockAddr) -> Option<String> {
    if let Some(address) = address.as_socket() {
        Some(format!("tcp://{address}"))
    } else if let Some(path) = address.as_pathname() {
        Some(format!("unix://{}", path.display()))
    } else {
        address.as_abstract_namespace().map(|name| format!("unix://@{}", String::from_utf8_lossy(name)))
    }
}

/// Makes a stream of a connected socket that other code opened.
pub(super) fn adopt(fd: OwnedFd) -> io::Result<Stream> {
    let socket = Socket::from(fd);
    if !is_socket(&SockRef::from(&socket))? {
        return Err(io::Error::from_raw_os_error(libc::ENOTSOCK));
    }
    let peer = socket.peer_addr()?;
    socket.set_cloexec(true)?;
    socket.set_nonblocking(false)?;
    named(socket, &peer, "socket")
}

/// Makes a stream of a connected socket, with the addresses as names; `unnamed` is used for a side without one.
pub(super) fn named(socket: Socket, peer: &SockAddr, unnamed: &str) -> io::Result<Stream> {
    let local = socket.local_addr()?;
    let tcp = matches!(local.domain(), Domain::IPV4 | Domain::IPV6);
    let or_unnamed = |address| name(address).unwrap_or_else(|| unnamed.to_owned());
    Stream::new(socket, tcp, or_unnamed(&local), or_unnamed(peer))
}

/// Resolves the addresses of a host. The time that it takes is not limited.
pub(super) fn resolve(address: &Address, host: &str, port: u16) -> Result<Vec<SocketAddr>> {
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    let failed = |e| Error::io(format!("cannot look up the host of {address}"), e);
    let found: Vec<SocketAddr> = (host, port).to_socket_addrs().map_err(failed)?.collect();
    if found.is_empty() {
        return Err(failed(io::Error::new(io::ErrorKind::NotFound, "it has no addresses")));
    }
    Ok(found)
}

/// Tries the addresses of the host in turn, each for its share of the remaining time.
pub(super) fn connect_tcp(address: &Address, host: &str, port: u16, timeout: Option<Duration>) -> Result<Stream> {
    let candidates = resolve(address, host, port)?;
    let deadline = timeout.and_then(|t| Instant::now().checked_add(t));
    let mut failures: Vec<(SocketAddr, io::Error)> = Vec::new();
    for (tried, &candidate) in candidates.iter().enumerate() {
        let left = deadline.map_or(FOR_EVER, |d| d.saturating_duration_since(Instant::now()));
        let share = if deadline.is_some() { left.div_f64((candidates.len() - tried) as f64) } else { left };
        match connect_one(candidate, share) {
            Ok(stream) => return Ok(stream),
            Err(e) => failures.push((candidate, e)),
        }
    }
    Err(all_failed(address, failures))
}

fn connect_one(candidate: SocketAddr, timeout: Duration) -> io::Result<Stream> {
    let target = SockAddr::from(candidate);
    let socket = Socket::new(target.domain(), Type::STREAM, None)?;
    socket.connect_timeout(&target, timeout)?;
    // The kernel can choose the target port as the local port, and then the socket is connected to itself.
    if socket.local_addr()?.as_socket() == Some(candidate) {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    named(socket, &target, "")
}

pub(super) fn all_failed(address: &Address, mut failures: Vec<(SocketAddr, io::Error)>) -> Error {
    let context = format!("cannot connect to {address}");
    let timed_out = failures.iter().all(|(_, e)| e.kind() == io::ErrorKind::TimedOut);
    let each = failures.iter().map(|(at, e)| format!("{at}: {e}")).collect::<Vec<_>>().join("; ");
    if timed_out {
        return Error::Timeout(format!("{context}: {each}"));
    }
    match failures.pop() {
        // A single error keeps its number.
        Some((at, e)) if failures.is_empty() => Error::connect(format!("{context} ({at})"), e),
        Some((_, e)) => Error::connect(context, io::Error::new(e.kind(), each)),
        None => Error::Address(format!("{context}: the host has no address")),
    }
}

/// Returns whether a socket can be written to now, or has failed.
pub(super) fn is_writable(socket: &Socket) -> io::Result<bool> {
    let mut fds = [sys::interest(Some(socket.as_raw_fd()), sys::WRITABLE)];
    sys::poll_once(&mut fds, Some(Duration::ZERO))?;
    Ok(fds.iter().any(|polled| sys::is_ready(polled, sys::WRITABLE)))
}

/// Converts a Unix address to the kernel's form.
pub(super) fn unix_address(address: &Address) -> Result<SockAddr> {
    let made = match address {
        Address::Unix(path) | Address::Shared(path) => SockAddr::unix(path),
        Address::Abstract(name) => SockAddr::unix(format!("\0{name}")),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    };
    made.map_err(|e| Error::Address(format!("{address} is not the address of a Unix socket: {e}")))
}

pub(super) fn connect_unix(address: &Address, timeout: Option<Duration>) -> Result<Stream> {
    let target = unix_address(address)?;
    let context = || format!("cannot connect to {address}");
    let adopt = |socket| Stream::new(socket, false, "unix socket".to_owned(), address.to_string());
    match connect_local(&target, timeout).and_then(adopt) {
        Ok(stream) => Ok(stream),
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
            Err(Error::Timeout(format!("{}: its accept queue stayed full", context())))
        }
        Err(e) => Err(Error::connect(context(), e)),
    }
}

/// A Unix socket whose listener has a full queue cannot be polled for room; the send timeout limits the wait instead.
fn connect_local(target: &SockAddr, timeout: Option<Duration>) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    let deadline = timeout.and_then(|t| Instant::now().checked_add(t));
    loop {
        let left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
        // Zero would mean no limit.
        socket.set_write_timeout(left.map(|left| left.max(Duration::from_millis(1))))?;
        match socket.connect(target) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
            Ok(()) => break,
        }
    }
    socket.set_write_timeout(None)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_each_address() {
        let address: Address = "tcp://somewhere:7".parse().unwrap();
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let refused = || io::Error::from_raw_os_error(libc::ECONNREFUSED);
        let timed_out = || io::Error::from(io::ErrorKind::TimedOut);

        let one = all_failed(&address, vec![(at("10.0.0.1:7"), refused())]);
        assert!(one.to_string().starts_with("cannot connect to tcp://somewhere:7 (10.0.0.1:7): "), "{one}");
        let Error::Connect { source, .. } = &one else { panic!("{one:?}") };
        assert_eq!(source.raw_os_error(), Some(libc::ECONNREFUSED));

        let both = all_failed(&address, vec![(at("[::1]:7"), timed_out()), (at("10.0.0.1:7"), refused())]);
        let message = both.to_string();
        assert!(message.contains("[::1]:7: timed out; 10.0.0.1:7: "), "{message}");
        assert!(matches!(both, Error::Connect { .. }));

        let late = all_failed(&address, vec![(at("[::1]:7"), timed_out()), (at("10.0.0.1:7"), timed_out())]);
        assert!(matches!(late, Error::Timeout(_)), "{late:?}");
    }

    #[test]
    fn more_parts_than_one_call_takes_go_in_pieces() {
        let (left, right) = Socket::pair(Domain::UNIX, Type::STREAM, None).unwrap();
        let parts = vec![IoSlice::new(b"x"); PARTS_MAX + 5];
        assert_eq!(send(&left, &parts).unwrap(), PARTS_MAX);
        let mut got = Vec::new();
        assert_eq!(uninit::recv(&right, 0, &mut got, 5000).unwrap(), PARTS_MAX);
    }
}
