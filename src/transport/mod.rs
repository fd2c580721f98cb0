//! Implements the byte streams that a connection can run over: TCP, Unix sockets, inherited descriptors, a child
//! process, shared memory, and a pair in memory.
//!
//! Receiving and sending are the hot path: on our own sockets each is one system call. `unsafe` occurs in three files
//! of this folder: `uninit` (receiving into uninitialised room), `sys` (system calls that std and socket2 do not offer)
//! and `shm/kernel` (shared memory).

#[cfg(not(feature = "model"))]
mod adapter;
mod address;
mod child;
mod connecting;
mod descriptors;
mod listener;
mod memory;
#[cfg(not(feature = "model"))]
mod opening;
mod passed;
mod shm;
mod socket;
#[cfg(not(feature = "model"))]
mod steps;
#[allow(unsafe_code)]
pub(crate) mod sys;
#[cfg(all(feature = "tls", not(feature = "model")))]
mod tls;
#[cfg(not(all(feature = "tls", not(feature = "model"))))]
#[path = "without_tls.rs"]
mod tls;
#[allow(unsafe_code)]
mod uninit;
#[cfg(not(feature = "model"))]
mod watch;

#[cfg(not(feature = "model"))]
pub(crate) use adapter::{Adapter, Base};
pub use address::Address;
pub use connecting::{connect, connect_with, from_descriptors, from_socket};
pub use descriptors::Ownership;
pub use listener::Listener;
pub use memory::{pair, pair_with_capacity};
#[cfg(not(feature = "model"))]
pub use opening::{Opening, resolve};
#[cfg(feature = "model")]
pub use shm::waiting::Sleepers;
#[cfg(not(feature = "model"))]
pub(crate) use steps::{Direction, Step, Stream};
pub use sys::{Event, Poller, thread_number, write_quietly};
#[cfg(not(feature = "model"))]
pub(crate) use watch::Watch;

use crate::authentication::User;
use crate::error::Error;
use std::io::{self, IoSlice};
use std::os::fd::RawFd;
use std::time::Duration;

/// The maximum time that a `recv` with `wait` waits.
pub const TICK: Duration = Duration::from_secs(1);

/// A stream of bytes in both directions. Every function may be called from any thread at any time.
pub trait Transport: Send + Sync {
    /// Prepares an accepted stream for data, within the timeout: a handshake, if the transport has one.
    fn open(&self, _timeout: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    /// Continues `open` without waiting. Returns the directions of the descriptor to wait for, or None when it is done.
    fn open_now(&self) -> io::Result<Option<Ready>> {
        Ok(None)
    }

    /// Returns the certificate with which the peer authenticated itself, as DER.
    fn certificate(&self) -> Option<Vec<u8>> {
        None
    }

    /// Returns the process at the other end of a Unix socket.
    fn user(&self) -> Option<User> {
        None
    }

    /// Appends at most `max` (not 0) bytes to `buf`; `Ok(0)` is the end of the stream. `WouldBlock` means that nothing
    /// came: with `wait` within about [`TICK`], otherwise at once.
    fn recv(&self, buf: &mut Vec<u8>, max: usize, wait: bool) -> io::Result<usize>;

    /// Fills `room` (not empty), and may append at most `max` following bytes of the same call to `buf`. The result
    /// counts both. Otherwise as `recv`.
    fn recv_into(&self, room: &mut [u8], buf: &mut Vec<u8>, max: usize, wait: bool) -> io::Result<usize> {
        let before = buf.len();
        let n = self.recv(buf, max, wait)?;
        let mut came = buf.drain(before..before + n.min(room.len()));
        room.iter_mut().zip(&mut came).for_each(|(place, byte)| *place = byte);
        drop(came);
        Ok(n)
    }

    /// Returns the number of bytes that have arrived and were not received yet.
    fn available(&self) -> usize {
        0
    }

    /// Returns whether `recv` would return data that the descriptor of `fileno` does not show.
    fn holds_input(&self) -> bool {
        false
    }

    /// Returns whether input has arrived, and leaves it where a thread that waits in `poll` or `await_input` notices it:
    /// for looks from other threads. May return true for input that contains no data.
    fn shows_input(&self) -> bool {
        self.poll(true, false, Some(Duration::ZERO)).is_ok_and(|ready| ready.read)
    }

    /// Sends what the stream accepts without blocking. `WouldBlock` means nothing; `BrokenPipe` (never SIGPIPE) means
    /// that nobody will receive it.
    fn send(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Called when `send` accepts nothing and `waiting` bytes are pending. Returns true if the system has given the
    /// stream more room, so that `send` accepts more now.
    fn widen(&self, _waiting: usize) -> bool {
        false
    }

    /// Waits at most `timeout` (`None` is no limit) until a requested direction is ready: a call would not return
    /// `WouldBlock`, so an ended or broken stream is ready too. At least one direction should be requested. A signal
    /// handler that runs in this thread ends the wait early.
    fn poll(&self, read: bool, write: bool, timeout: Option<Duration>) -> io::Result<Ready>;

    /// Waits at most `timeout` until `recv` would return something, or until `interrupt` is called. An `interrupt`
    /// outside of a wait ends the next one. The reason of the return is not reported.
    fn await_input(&self, timeout: Duration) {
        let _ = self.poll(true, false, Some(timeout));
    }

    /// Ends `await_input`, from any thread. If the transport does not implement it, `await_input` returns later.
    fn interrupt(&self) {}

    /// Returns whether `interrupt` ends `await_input` at once.
    fn can_interrupt(&self) -> bool {
        self.fileno().is_some() && self.fileno() == self.write_fileno()
    }

    /// Allocates the resources of `ring`, if it needs any.
    fn hang_bell(&self) {}

    /// Ends `await_input` from a signal handler: takes no lock and allocates nothing. May have no effect before the
    /// first call of `hang_bell` or `await_input`.
    fn ring(&self) {}

    /// Ends both directions and wakes threads that wait in `recv` or `poll`. Data that had arrived before may be lost
    /// or may still be received, followed by the end of the stream. May be called again; never waits.
    fn shutdown(&self);

    /// Ends the sending direction only, if the transport can do that; otherwise as `shutdown`.
    fn end_sending(&self) {
        self.shutdown();
    }

    /// Returns the number of sent bytes that the peer has not received yet. None if it is unknown.
    fn unread(&self) -> Option<usize> {
        None
    }

    /// Returns whether bytes that were sent would be lost if the stream were closed now and the peer sent more: its
    /// system has not received them.
    fn is_under_way(&self) -> bool {
        false
    }

    /// Returns the reason for the end of the stream, if the peer did not end it: `Malformed` if the peer violated the
    /// rules of the transport, otherwise `Eof`.
    fn failure(&self) -> Option<Error> {
        None
    }

    /// Polls without sleeping, for at most `time`, and returns whether `recv` would return something. None if only
    /// `recv` can tell.
    fn spin(&self, _time: Duration) -> Option<bool> {
        None
    }

    /// Gets a descriptor for `poll` or `epoll` that is readable when `recv` would return something, except data for
    /// which `holds_input` is true.
    fn fileno(&self) -> Option<RawFd>;

    /// Gets a descriptor that is writable when `send` would accept something.
    fn write_fileno(&self) -> Option<RawFd> {
        self.fileno()
    }

    /// Returns the name of the other side for messages, in the notation of [`Address`] if it has an address.
    fn peer_name(&self) -> String;

    /// Returns the name of this side, likewise.
    fn local_name(&self) -> String;

    /// Makes the kernel acknowledge the next received data at once (TCP).
    fn quick_ack(&self) {}

    /// Makes the kernel probe a silent peer after `idle`. None is no probes, the default (TCP).
    fn set_keepalive(&self, _idle: Option<Duration>) -> io::Result<()> {
        Ok(())
    }
}

/// The result of [`Transport::poll`]. Both are false after a timeout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// Something can be read, or reading fails at once.
    pub read: bool,
    /// Something can be written, or writing fails at once.
    pub write: bool,
}

impl Ready {
    /// Returns whether either is true.
    pub fn any(self) -> bool {
        self.read || self.write
    }
}

/// Waits at most `timeout` until one of several descriptors of transports is readable.
pub fn await_input(fds: impl Iterator<Item = RawFd>, timeout: Duration) {
    let mut fds: Vec<_> = fds.map(|fd| sys::interest(Some(fd), libc::POLLIN)).collect();
    if sys::poll_once(&mut fds, Some(timeout)).is_err() {
        std::thread::sleep(timeout);
    }
}

/// Waits at most `timeout` until a descriptor is readable, or a signal handler runs in this thread.
pub fn is_readable(fd: RawFd, timeout: Duration) -> bool {
    let mut fds = [sys::interest(Some(fd), sys::READABLE)];
    match sys::poll_once(&mut fds, Some(timeout)) {
        Ok(()) => fds.iter().any(|polled| sys::is_ready(polled, sys::READABLE)),
        Err(_) => {
            std::thread::sleep(Duration::from_millis(100));
            false
        }
    }
}
