//! `shm:///PATH`: a Unix socket, beside which two processes of one host use shared memory once both have found that they can.
//!
//! **Finding each other.** Each side hands the ring that it reads to the other: a descriptor of sealed memory that goes with the
//! first byte that it sends. A peer that does not know of it receives the byte, and the kernel closes the descriptor. The client
//! offers always, the server if the client did; without a descriptor beside the first byte, all goes on over the socket.
//!
//! **Each direction by itself** is one stream, and goes over the socket or the ring by turns. In the ring stands where it goes on: the
//! positions of the socket's bytes at which the writer returned to the ring, or left it. So no byte is lost or overtakes another.
//! The writer leaves the ring for what does not fit, and the kernel then makes it wait as with any socket; and where the reader
//! has not invited it, because an event loop waits at the descriptor.
//!
//! **The socket stays open**, and its end is the end of the stream. What is sent over it between a return to the ring and the
//! next leave has no meaning: such bytes wake those who sleep at the socket.

#[allow(unsafe_code)]
mod kernel;
mod receiving;
mod ring;
mod sending;
pub mod waiting;

use super::socket::Stream;
use super::{Address, Ready, TICK, Transport, sys, uninit};
use crate::error::Result;
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

/// How long a thread sleeps at a ring before it does so at the socket, where it sees the end of the peer at once. The peer's end
/// is seen within this time.
const SLICE: Duration = Duration::from_millis(50);

pub(super) struct Link {
    stream: Stream,
    /// For good, both ways: there is nothing but the socket.
    plain: AtomicBool,
    reading: Mutex<Reading>,
    writing: Mutex<Writing>,
    /// The descriptor was asked for: it must show what comes.
    watched: AtomicBool,
    down: AtomicBool,
    patience: Patience,
    /// What the peer has done wrong.
    failed: OnceLock<String>,
    forks: u32,
}

impl Link {
    /// Over a connected Unix socket whose other end may have been offered memory by nobody yet.
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

    /// Over a socket that was accepted.
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

    /// Is there nothing but the socket? In a forked child that is so: it has no part in the memory, and a lock may be held for ever.
    #[inline]
    fn is_plain(&self) -> bool {
        self.plain.load(Ordering::Acquire) || !crate::fork::is_ours(self.forks)
    }

    /// The ring that is read.
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
            // After the first sleep, the end of the peer is looked for.
            if let Some(n) = self.take(room, buf, max, patient || interrupted || self.down.load(Ordering::Acquire))? {
                return Ok(n);
            }
            if interrupted || left.is_zero() {
                return Err(nothing());
            }
            patient = start.elapsed() >= SLICE;
        }
    }

    /// Waits for input in the way that fits; `patient` has it do so at the socket. An error tells that a signal handler has run.
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

/// The server's end of a connection that was accepted at this address.
pub(super) fn accepted(socket: Socket, address: &Address, peer: String) -> io::Result<Link> {
    Ok(Link::server(Stream::new(socket, false, address.to_string(), peer)?))
}

impl Drop for Link {
    fn drop(&mut self) {
        // What the peer sends from now on is to fail.
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
            // What is readable may be no more than a byte that has woken us, which the next look takes out.
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

    fn failure(&self) -> Option<String> {
        self.failed.get().cloned()
    }

    fn unread(&self) -> Option<usize> {
        if self.is_plain() { self.stream.unread() } else { None }
    }

    fn fileno(&self) -> Option<RawFd> {
        if !self.is_plain() && !self.watched.swap(true, Ordering::AcqRel) {
            lock(&self.reading).watch();
            // What has woken somebody before is not to be shown any more.
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

    fn peer_name(&self) -> String {
        self.stream.peer_name()
    }

    fn local_name(&self) -> String {
        self.stream.local_name()
    }
}

#[cfg(test)]
mod tests;
