//! Implements `shm:///PATH`: a Unix socket, beside which two processes on one machine use shared memory after both have
//! found that they can.
//!
//! **Agreement.** Each side sends the ring that it reads to the other: a descriptor of sealed memory, sent with its
//! first byte. A peer without this feature receives the byte, and the kernel closes the descriptor. The client always
//! offers, the server if the client did. Without a descriptor beside the first byte, everything is sent over the
//! socket.
//!
//! **Each direction** is one stream, which alternates between the socket and the ring. The ring contains the switches:
//! the positions of the socket's bytes at which the writer returned to the ring, or left it. So no byte is lost or
//! overtakes another. The writer leaves the ring for data that does not fit, and the kernel then makes it wait as with
//! any socket; and if the reader has not invited it, because an event loop waits at the descriptor.
//!
//! **The socket stays open**, and its end is the end of the stream. Bytes sent over it between a return to the ring and
//! the next leave have no meaning: they wake threads that sleep at the socket.

#[allow(unsafe_code)]
mod kernel;
mod receiving;
mod ring;
mod sending;
pub mod waiting;

use super::socket::Stream;
use super::{Address, Ready, TICK, Transport, sys, uninit};
use crate::error::{Error, Result};
use crate::log::{self, Level};
use crate::sync::{Mutex, lock};
use kernel::Memory;
use receiving::{Input, Reading};
use sending::Writing;
use socket2::Socket;
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use waiting::Patience;

/// How long a thread sleeps at a ring before it sleeps at the socket, where it notices the end of the peer at once. So
/// that end is noticed within this time.
const SLICE: Duration = Duration::from_millis(50);

pub(super) struct Link {
    stream: Stream,
    /// Only the socket is used, permanently and in both directions.
    plain: AtomicBool,
    reading: Mutex<Reading>,
    writing: Mutex<Writing>,
    /// The descriptor was requested, so it must show input.
    watched: AtomicBool,
    down: AtomicBool,
    patience: Patience,
    /// The error of the peer.
    failed: OnceLock<String>,
    forks: u32,
}

impl Link {
    /// Makes a link over a connected Unix socket on which no memory was offered yet.
    pub(super) fn client(stream: Stream) -> Link {
        let offer = match kernel::is_same_user(stream.socket()) {
            true => Memory::create().map_err(|e| fall_back(&stream, &e.to_string())).ok(),
            false => {
                fall_back(&stream, "the server is of another user");
                None
            }
        };
        let plain = offer.is_none();
        let (own, fd) = offer.unzip();
        Link::new(stream, plain, Reading::client(own), Writing::new(fd))
    }

    /// Makes a link over an accepted socket.
    pub(super) fn server(stream: Stream) -> Link {
        let plain = !kernel::is_same_user(stream.socket());
        Link::new(stream, plain, Reading::server(), Writing::new(None))
    }

    fn new(stream: Stream, plain: bool, reading: Reading, writing: Writing) -> Link {
        Link {
            stream,
            plain: AtomicBool::new(plain),
            reading: Mutex::new(reading),
            writing: Mutex::new(writing),
            watched: AtomicBool::new(false),
            down: AtomicBool::new(false),
            patience: Patience::default(),
            failed: OnceLock::new(),
            forks: crate::fork::generation(),
        }
    }

    /// Returns whether only the socket is used. True in a forked child: it does not have the memory, and a lock may be
    /// held forever.
    #[inline]
    fn is_plain(&self) -> bool {
        self.plain.load(Ordering::Acquire) || !crate::fork::is_ours(self.forks)
    }

    /// Gets the ring that is read.
    fn own(&self) -> Option<Arc<Memory>> {
        if self.is_plain() { None } else { lock(&self.reading).own().cloned() }
    }

    fn receive(&self, room: &mut [u8], buf: &mut Vec<u8>, max: usize, wait: bool) -> io::Result<usize> {
        uninit::reserve(buf, max)?;
        if !wait {
            return self.take(room, buf, max, true)?.ok_or_else(nothing);
        }
        if let Some(n) = self.take(room, buf, max, false)? {
            return Ok(n);
        }
        let start = Instant::now();
        let mut patient = false;
        loop {
            let left = TICK.saturating_sub(start.elapsed());
            let interrupted = self.await_once(left, patient).is_err();
            // After the first sleep, the end of the peer is checked.
            if let Some(n) = self.take(room, buf, max, patient || interrupted || self.down.load(Ordering::Acquire))? {
                return Ok(n);
            }
            if interrupted || left.is_zero() {
                return Err(nothing());
            }
            patient = start.elapsed() >= SLICE;
        }
    }

    /// Waits for input at the ring or the socket; `patient` forces the socket. An error means that a signal handler has
    /// run.
    fn await_once(&self, left: Duration, patient: bool) -> io::Result<()> {
        let (own, input) = {
            let reading = lock(&self.reading);
            reading.invite(!self.watched.load(Ordering::Acquire));
            (reading.own().cloned(), reading.input())
        };
        let (Some(own), Input::Ring(place)) = (own, input) else { return self.sleep_at_socket(left) };
        if patient {
            return self.sleep_at_socket(left);
        }
        if self.patience.let_run(|| own.is_there(place)) {
            return Ok(());
        }
        lock(&self.reading).tell();
        let is_there = || own.is_there(place) || self.down.load(Ordering::SeqCst);
        own.gate.0.sleepers.sleep(is_there, left.min(SLICE))
    }

    fn sleep_at_socket(&self, left: Duration) -> io::Result<()> {
        if self.has_input() {
            return Ok(());
        }
        let mut fds = [sys::interest(Some(self.stream.socket().as_raw_fd()), sys::READABLE)];
        let start = Instant::now();
        sys::poll_once(&mut fds, Some(left))?;
        let woken = sys::is_ready(&fds[0], sys::READABLE) || start.elapsed() >= left;
        if woken { Ok(()) } else { Err(io::ErrorKind::Interrupted.into()) }
    }
}

pub(super) fn connect(address: &Address, timeout: Option<Duration>) -> Result<Link> {
    Ok(Link::client(super::socket::connect_unix(address, timeout)?))
}

/// Makes the server's end of a connection that was accepted at this address.
pub(super) fn accepted(socket: Socket, address: &Address, peer: String) -> io::Result<Link> {
    Ok(Link::server(Stream::new(socket, false, address.to_string(), peer)?))
}

impl Drop for Link {
    fn drop(&mut self) {
        // Makes later sends of the peer fail.
        if let Some(own) = self.own() {
            own.invite(false);
        }
    }
}

fn nothing() -> io::Error {
    io::ErrorKind::WouldBlock.into()
}

fn fall_back(stream: &Stream, why: &str) {
    log::write(Level::Info, || format!("{}: no shared memory, the socket is used: {why}", stream.peer_name()));
}

impl Transport for Link {
    fn recv(&self, buf: &mut Vec<u8>, max: usize, wait: bool) -> io::Result<usize> {
        if self.is_plain() { self.stream.recv(buf, max, wait) } else { self.receive(&mut [], buf, max, wait) }
    }

    fn recv_into(&self, room: &mut [u8], buf: &mut Vec<u8>, max: usize, wait: bool) -> io::Result<usize> {
        if self.is_plain() { self.stream.recv_into(room, buf, max, wait) } else { self.receive(room, buf, max, wait) }
    }

    fn available(&self) -> usize {
        if self.is_plain() { self.stream.available() } else { lock(&self.reading).available(&self.stream) }
    }

    fn send(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.is_plain() {
            return self.stream.send(bufs);
        }
        let sent = lock(&self.writing).send(self.stream.socket(), bufs, |bufs| self.stream.send(bufs));
        if let Err(error) = &sent {
            self.give_up(error);
        }
        sent
    }

    fn poll(&self, read: bool, write: bool, timeout: Option<Duration>) -> io::Result<Ready> {
        if self.is_plain() {
            return self.stream.poll(read, write, timeout);
        }
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let asked = if read { sys::READABLE } else { 0 } | if write { sys::WRITABLE } else { 0 };
        loop {
            let mut here = read && self.has_input();
            let left = match deadline {
                _ if here => Some(Duration::ZERO),
                deadline => deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())),
            };
            let mut fds = [sys::interest(Some(self.stream.socket().as_raw_fd()), asked)];
            sys::poll_once(&mut fds, left)?;
            let [polled] = &fds;
            // The input may be only a byte that woke this thread; the next check removes it.
            let shown = read && !here && sys::is_ready(polled, sys::READABLE);
            here = here || shown && self.has_input();
            let ready = Ready { read: here, write: write && sys::is_ready(polled, sys::WRITABLE) };
            if ready.any() || !shown || left.is_some_and(|left| left.is_zero()) {
                return Ok(ready);
            }
        }
    }

    fn spin(&self, time: Duration) -> Option<bool> {
        if self.is_plain() {
            return None;
        }
        let (own, place) = {
            let reading = lock(&self.reading);
            reading.invite(!self.watched.load(Ordering::Acquire));
            match (reading.own(), reading.input()) {
                (Some(own), Input::Ring(place)) => (own.clone(), place),
                _ => return None,
            }
        };
        Some(self.patience.spin(|| own.is_there(place) || self.down.load(Ordering::Relaxed), time))
    }

    fn await_input(&self, timeout: Duration) {
        if self.is_plain() {
            return self.stream.await_input(timeout);
        }
        if let (Some(own), Input::Ring(place)) = (self.own(), lock(&self.reading).input()) {
            if self.patience.let_run(|| own.is_there(place)) {
                return;
            }
        }
        lock(&self.reading).invite(!self.watched.load(Ordering::Acquire));
        if !self.has_input() {
            self.stream.await_input(timeout);
        }
    }

    fn interrupt(&self) {
        self.stream.interrupt();
    }

    fn hang_bell(&self) {
        self.stream.hang_bell();
    }

    fn ring(&self) {
        self.stream.ring();
    }

    fn shutdown(&self) {
        self.down.store(true, Ordering::SeqCst);
        if !self.is_plain() {
            lock(&self.writing).end();
        }
        self.stream.shutdown();
        if let Some(own) = self.own() {
            own.invite(false);
            own.gate.0.sleepers.ring();
        }
    }

    fn end_sending(&self) {
        if !self.is_plain() {
            lock(&self.writing).end();
        }
        self.stream.end_sending();
    }

    fn failure(&self) -> Option<Error> {
        self.failed.get().cloned().map(Error::Malformed)
    }

    fn unread(&self) -> Option<usize> {
        if self.is_plain() { self.stream.unread() } else { None }
    }

    fn fileno(&self) -> Option<RawFd> {
        if !self.is_plain() && !self.watched.swap(true, Ordering::AcqRel) {
            lock(&self.reading).watch();
            // A byte that woke a thread before must not be shown any more.
            self.has_input();
        }
        self.stream.fileno()
    }

    fn write_fileno(&self) -> Option<RawFd> {
        self.stream.fileno()
    }

    fn can_interrupt(&self) -> bool {
        true
    }

    fn holds_input(&self) -> bool {
        !self.is_plain() && self.watched.load(Ordering::Acquire) && lock(&self.reading).holds_input()
    }

    fn user(&self) -> Option<crate::authentication::User> {
        self.stream.user()
    }

    fn peer_name(&self) -> String {
        self.stream.peer_name()
    }

    fn local_name(&self) -> String {
        self.stream.local_name()
    }
}

#[cfg(test)]
mod tests;
