//! Opens a stream to an address without waiting, step by step, for event loops.

use super::{Address, Ready, Transport, socket, tls};
use crate::config::tls::Tls;
use crate::error::{Error, Result};
use socket2::{SockAddr, Socket, Type};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The pause before a Unix socket whose listener has a full queue is tried again: it cannot be polled for room.
const BUSY: Duration = Duration::from_millis(20);

/// A stream that is being opened.
pub struct Opening {
    address: Address,
    tls: Option<tls::Connector>,
    timeout: Option<Duration>,
    /// From the first attempt on. None also if it is not representable.
    deadline: Option<Instant>,
    /// The addresses that were not tried yet; None until the host is resolved.
    targets: Option<VecDeque<SockAddr>>,
    failures: Vec<(SocketAddr, io::Error)>,
    state: State,
}

enum State {
    /// The next address is to be tried, not before a time.
    Next(Option<Instant>),
    /// The kernel connects, with a time limit for this address.
    Connecting(Socket, SockAddr, Option<Instant>),
    /// The stream has a handshake, which waits for a direction.
    Handshake(Arc<dyn Transport>, Ready),
    /// It was opened, or it has failed.
    Over,
}

impl Opening {
    /// Prepares it. A name is not resolved.
    pub fn new(address: &Address, timeout: Option<Duration>, options: &Tls) -> Result<Opening> {
        let tls = match address {
            Address::Tls { host, .. } => Some(tls::Connector::new(options, host)?),
            _ => None,
        };
        let targets = match address {
            Address::Tcp { host, port } | Address::Tls { host, port } => {
                let host = if host.is_empty() { "127.0.0.1" } else { host };
                host.parse::<IpAddr>().ok().map(|ip| VecDeque::from([SockAddr::from(SocketAddr::new(ip, *port))]))
            }
            Address::Unix(_) | Address::Abstract(_) => Some(VecDeque::from([socket::unix_address(address)?])),
            _ => {
                return Err(Error::Unsupported(format!(
                    "address '{address}': only tcp://, tls:// and unix:// are opened without waiting"
                )));
            }
        };
        let state = State::Next(None);
        Ok(Opening { address: address.clone(), tls, timeout, deadline: None, targets, failures: Vec::new(), state })
    }

    /// Returns whether the host is a name whose addresses are not known yet.
    pub fn is_unresolved(&self) -> bool {
        self.targets.is_none()
    }

    /// Sets the addresses of the host.
    pub fn set_targets(&mut self, targets: Vec<SocketAddr>) {
        self.targets.get_or_insert_with(|| targets.into_iter().map(SockAddr::from).collect());
    }

    /// Ends the attempt.
    pub fn end(&mut self) {
        self.state = State::Over;
    }

    /// Gets the descriptor and the directions to wait for.
    pub fn interest(&self) -> (Option<RawFd>, Ready) {
        match &self.state {
            State::Connecting(socket, ..) => (Some(socket.as_raw_fd()), Ready { read: false, write: true }),
            State::Handshake(stream, needs) => (stream.fileno(), *needs),
            State::Next(_) | State::Over => (None, Ready::default()),
        }
    }

    /// Returns the longest time until the next `step`. None for no limit, as while the host is not resolved.
    pub fn next_deadline(&self) -> Option<Duration> {
        let until = match &self.state {
            State::Next(_) if self.is_unresolved() => return None,
            State::Next(None) => return Some(Duration::ZERO),
            State::Next(until) => until.iter().chain(&self.deadline).min().copied(),
            State::Connecting(_, _, until) => *until,
            State::Handshake(..) => self.deadline,
            State::Over => None,
        };
        until.map(|until| until.saturating_duration_since(Instant::now()))
    }

    /// Does what can be done without waiting. Returns the stream when it is open.
    pub fn step(&mut self) -> Result<Option<Arc<dyn Transport>>> {
        loop {
            match std::mem::replace(&mut self.state, State::Over) {
                State::Over => return Err(Error::State("the attempt to connect has ended".into())),
                State::Next(time) => {
                    if self.is_unresolved() || time.is_some_and(|time| Instant::now() < time && !self.is_late()) {
                        self.state = State::Next(time);
                        return Ok(None);
                    }
                    self.begin()?;
                    if matches!(self.state, State::Next(_)) {
                        return Ok(None);
                    }
                }
                State::Connecting(socket, target, until) => match finished(&socket) {
                    Ok(false) if until.is_none_or(|until| Instant::now() < until) => {
                        self.state = State::Connecting(socket, target, until);
                        return Ok(None);
                    }
                    Ok(false) => self.failed(&target, ErrorKind::TimedOut.into())?,
                    Ok(true) => match self.connected(socket, &target) {
                        Ok(Some(stream)) => return Ok(Some(stream)),
                        Ok(None) => {}
                        Err(error) => self.failed(&target, error)?,
                    },
                    Err(error) => self.failed(&target, error)?,
                },
                State::Handshake(stream, _) => {
                    let cannot = || format!("cannot connect to {}", self.address);
                    match stream.open_now() {
                        Ok(None) => return Ok(Some(stream)),
                        Ok(Some(_)) if self.is_late() => {
                            return Err(Error::Timeout(format!("{}: the TLS handshake timed out", cannot())));
                        }
                        Ok(Some(needs)) => {
                            self.state = State::Handshake(stream, needs);
                            return Ok(None);
                        }
                        Err(error) => return Err(Error::connect(cannot(), error)),
                    }
                }
            }
        }
    }

    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Begins to connect to the next address.
    fn begin(&mut self) -> Result<()> {
        if self.deadline.is_none() {
            self.deadline = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        }
        let late = self.is_late();
        let targets = self.targets.get_or_insert_default();
        let Some(target) = targets.pop_front() else {
            return Err(socket::all_failed(&self.address, std::mem::take(&mut self.failures)));
        };
        // Each address has its share of the remaining time.
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let share = left.map(|left| left.div_f64((targets.len() + 1) as f64));
        let until = share.and_then(|share| Instant::now().checked_add(share));
        match start(&target) {
            Ok(socket) => self.state = State::Connecting(socket, target, until),
            Err(error) if error.kind() == ErrorKind::WouldBlock && target.is_unix() && !late => {
                targets.push_front(target);
                self.state = State::Next(Instant::now().checked_add(BUSY));
            }
            Err(error) => self.failed(&target, error)?,
        }
        Ok(())
    }

    /// Continues with the next address after a failure.
    fn failed(&mut self, target: &SockAddr, error: io::Error) -> Result<()> {
        let Some(at) = target.as_socket() else {
            let cannot = format!("cannot connect to {}", self.address);
            return Err(match error.kind() {
                ErrorKind::WouldBlock => Error::Timeout(format!("{cannot}: its accept queue stayed full")),
                _ => Error::connect(cannot, error),
            });
        };
        self.failures.push((at, error));
        self.state = State::Next(None);
        self.begin()
    }

    /// Makes a stream of a connected socket. None: it has a handshake first.
    fn connected(&mut self, socket: Socket, target: &SockAddr) -> io::Result<Option<Arc<dyn Transport>>> {
        if target.as_socket().is_some() && socket.local_addr()?.as_socket() == target.as_socket() {
            return Err(ErrorKind::ConnectionRefused.into());
        }
        socket.set_nonblocking(false)?;
        let stream: Arc<dyn Transport> = match target.as_socket() {
            Some(_) => Arc::new(socket::named(socket, target, "")?),
            None => Arc::new(socket::Stream::new(socket, false, "unix socket".into(), self.address.to_string())?),
        };
        match &self.tls {
            None => Ok(Some(stream)),
            Some(connector) => {
                let stream = connector.begin(stream).map_err(io::Error::other)?;
                self.state = State::Handshake(stream, Ready { read: false, write: true });
                Ok(None)
            }
        }
    }
}

/// Begins to connect.
fn start(target: &SockAddr) -> io::Result<Socket> {
    let socket = Socket::new(target.domain(), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    match socket.connect(target) {
        Err(e) if e.raw_os_error() != Some(libc::EINPROGRESS) && e.kind() != ErrorKind::Interrupted => Err(e),
        _ => Ok(socket),
    }
}

/// Returns whether the kernel has connected a socket.
fn finished(socket: &Socket) -> io::Result<bool> {
    if !socket::is_writable(socket)? {
        return Ok(false);
    }
    socket.take_error()?.map_or(Ok(true), Err)
}

/// Resolves the host of an address, which can take long.
pub fn resolve(address: &Address) -> Result<Vec<SocketAddr>> {
    match address {
        Address::Tcp { host, port } | Address::Tls { host, port } => socket::resolve(address, host, *port),
        _ => Ok(Vec::new()),
    }
}
