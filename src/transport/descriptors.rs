//! Implements transports over descriptors that other code opened: standard input and output, inherited pipes and
//! sockets.
//!
//! Their file descriptions may be shared with other processes, so they are not changed: no O_NONBLOCK, no timeouts.
//! Every call polls first instead. The transport uses private copies, so it never uses a number that its owner has
//! closed and that refers to another file by now.

use super::socket::{is_socket, send};
use super::{Ready, TICK, Transport, sys, uninit};
use crate::authentication::User;
use crate::error::{Error, Result};
use crate::sync::{Mutex, lock, try_lock};
use socket2::SockRef;
use std::fs::File;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Who owns the descriptors of a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// The transport, which closes them. Output of the application and its children must not get into the stream, so
    /// the numbers 0 to 2 are redirected: standard output to standard error, the other two to /dev/null.
    Taken,
    /// The caller, who closes them; the transport uses copies. Sockets are shut down all the same.
    Borrowed,
}

/// Number of bytes that a writable pipe accepts at once (PIPE_BUF).
const PIPE_ROOM: usize = 4096;

/// Maximum number of parts written to a pipe in one call.
const PARTS: usize = 16;

/// A thread is about to replace descriptors 0 and 1.
static TAKING: AtomicBool = AtomicBool::new(false);

pub(super) struct Descriptors {
    reading: Direction,
    writing: Direction,
    /// Both directions have one descriptor.
    same: bool,
    /// Set by `shutdown`, and polled too, because nothing else wakes a thread that waits for a pipe.
    down: sys::Event,
    bell: sys::Bell,
    peer: String,
    /// The process that made it. A fork must not shut down a stream that it shares.
    process: u32,
}

struct Direction {
    /// `None` after `shutdown`.
    file: Mutex<Option<Arc<File>>>,
    socket: bool,
    /// Held between poll and read or write of a pipe, so that no other thread takes what poll found.
    turn: Mutex<()>,
}

pub(super) fn open(read: RawFd, write: RawFd, ownership: Ownership) -> Result<Descriptors> {
    open_as(format!("fd:{read},{write}"), read, write, ownership)
}

pub(super) fn open_stdio() -> Result<Descriptors> {
    let taking = TAKING.swap(true, Ordering::AcqRel);
    let opened = match taking || sys::is_null(libc::STDIN_FILENO) {
        true => Err(Error::Address(
            "stdio: expected the peer's stream as descriptor 0, got /dev/null; use 'stdio:' once in a process".into(),
        )),
        false => open_as("stdio:".to_owned(), libc::STDIN_FILENO, libc::STDOUT_FILENO, Ownership::Taken),
    };
    if !taking {
        TAKING.store(false, Ordering::Release);
    }
    opened
}

/// Redirects the standard descriptors that the transport took over. `reading` and `writing` are the transport's copies.
fn isolate(taken: &[RawFd], reading: RawFd, writing: RawFd) -> io::Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    let is_stream = |fd| sys::is_same_stream(fd, reading) || sys::is_same_stream(fd, writing);
    // As with inetd, or after 2>&1.
    let error_is_stream = is_stream(libc::STDERR_FILENO);
    let error_is_open = sys::is_open(libc::STDERR_FILENO) && !taken.contains(&libc::STDERR_FILENO);
    for &fd in taken {
        let printed = fd == libc::STDOUT_FILENO && error_is_open && !error_is_stream;
        sys::replace(fd, if printed { libc::STDERR_FILENO } else { null.as_raw_fd() })?;
    }
    if error_is_stream {
        sys::replace(libc::STDERR_FILENO, null.as_raw_fd())?;
    }
    Ok(())
}

fn open_as(peer: String, read: RawFd, write: RawFd, ownership: Ownership) -> Result<Descriptors> {
    let reading = Direction::new(read, true)?;
    let writing = Direction::new(write, false)?;
    let down = sys::Event::new().map_err(|e| Error::io(format!("cannot use {peer}"), e))?;
    if ownership == Ownership::Taken {
        let numbers = if read == write { vec![read] } else { vec![read, write] };
        let (standard, others): (Vec<_>, Vec<_>) = numbers.into_iter().partition(|&fd| fd <= libc::STDERR_FILENO);
        if let (false, Some(from), Some(to)) = (standard.is_empty(), reading.file(), writing.file()) {
            isolate(&standard, from.as_raw_fd(), to.as_raw_fd())
                .map_err(|e| Error::io(format!("cannot isolate {peer} from standard input and output"), e))?;
        }
        others.into_iter().for_each(sys::close);
    }
    Ok(Descriptors {
        reading,
        writing,
        same: read == write,
        down,
        bell: sys::Bell::default(),
        peer,
        process: std::process::id(),
    })
}

impl Direction {
    fn new(fd: RawFd, read: bool) -> Result<Direction> {
        let failed = |e: io::Error| match e.raw_os_error() {
            Some(libc::EBADF) => Error::Address(format!("descriptor {fd} is not open")),
            _ => Error::io(format!("cannot use descriptor {fd}"), e),
        };
        let copy = sys::duplicate(fd).map_err(failed)?;
        let socket = is_socket(&SockRef::from(&copy)).map_err(failed)?;
        let (readable, writable) = sys::access(copy.as_fd()).map_err(failed)?;
        match read {
            true if !readable => Err(Error::Address(format!("descriptor {fd} is not open for reading"))),
            false if !writable => Err(Error::Address(format!("descriptor {fd} is not open for writing"))),
            _ => Ok(Direction { file: Mutex::new(Some(Arc::new(File::from(copy)))), socket, turn: Mutex::new(()) }),
        }
    }

    fn file(&self) -> Option<Arc<File>> {
        lock(&self.file).clone()
    }

    fn shutdown(&self) {
        let file = lock(&self.file).take();
        if let (Some(file), true) = (file, self.socket) {
            // Fails if the connection has ended already.
            let _ = SockRef::from(&*file).shutdown(Shutdown::Both);
        }
    }
}

impl Descriptors {
    /// Polls the given files and the shutdown event. `None` after the shutdown.
    fn wait(&self, read: Option<&File>, write: Option<&File>, timeout: Option<Duration>) -> io::Result<Option<Ready>> {
        let mut fds = [
            sys::interest(read.map(|f| f.as_raw_fd()), sys::READABLE),
            sys::interest(write.map(|f| f.as_raw_fd()), sys::WRITABLE),
            sys::interest(Some(self.down.fd()), sys::READABLE),
        ];
        sys::poll_once(&mut fds, timeout)?;
        let [reading, writing, down] = &fds;
        if sys::is_ready(down, sys::READABLE) {
            return Ok(None);
        }
        Ok(Some(Ready { read: sys::is_ready(reading, sys::READABLE), write: sys::is_ready(writing, sys::WRITABLE) }))
    }

    fn write_pipe(&self, file: &File, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let _turn = lock(&self.writing.turn);
        let total = bufs.iter().map(|buf| buf.len()).sum();
        let mut pipe = sys::QuietPipe::new();
        let mut sent = 0;
        while sent < total {
            let result = match self.wait(None, Some(file), Some(Duration::ZERO)) {
                Ok(None) => Err(io::ErrorKind::BrokenPipe.into()),
                Ok(Some(ready)) if !ready.write => Err(io::ErrorKind::WouldBlock.into()),
                Ok(Some(_)) => {
                    let mut parts = [IoSlice::new(&[]); PARTS];
                    pipe.write(file, pipe_full(bufs, sent, &mut parts))
                }
                Err(e) => Err(e),
            };
            match result {
                Ok(n) => sent += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if sent == 0 => return Err(e),
                // The next call fails with it again.
                Err(_) => break,
            }
        }
        Ok(sent)
    }
}

impl Descriptors {
    /// Receives once with `receive`, if input is available or, with `wait`, arrives within a tick.
    fn receive(&self, wait: bool, receive: impl FnOnce(&File) -> io::Result<usize>) -> io::Result<usize> {
        // A thread that does not wait must not queue behind one that does.
        let _turn = match wait {
            true => lock(&self.reading.turn),
            false => try_lock(&self.reading.turn).ok_or(io::ErrorKind::WouldBlock)?,
        };
        let Some(file) = self.reading.file() else { return Ok(0) };
        match self.wait(Some(&file), None, Some(if wait { TICK } else { Duration::ZERO }))? {
            None => Ok(0),
            Some(ready) if !ready.read => Err(io::ErrorKind::WouldBlock.into()),
            Some(_) => receive(&file),
        }
    }
}

impl Transport for Descriptors {
    fn recv(&self, buf: &mut Vec<u8>, max: usize, wait: bool) -> io::Result<usize> {
        uninit::reserve(buf, max)?;
        self.receive(wait, |file| match self.reading.socket {
            true => uninit::recv(&SockRef::from(file), libc::MSG_DONTWAIT, buf, max),
            false => uninit::read(file.as_fd(), buf, max),
        })
    }

    fn recv_into(&self, room: &mut [u8], buf: &mut Vec<u8>, max: usize, wait: bool) -> io::Result<usize> {
        uninit::reserve(buf, max)?;
        self.receive(wait, |file| match self.reading.socket {
            true => uninit::recv_into(&SockRef::from(file), libc::MSG_DONTWAIT, room, buf, max),
            false => uninit::read_into(file.as_fd(), room, buf, max),
        })
    }

    fn available(&self) -> usize {
        self.reading.file().map_or(0, |file| sys::available(file.as_fd()))
    }

    fn send(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let Some(file) = self.writing.file() else { return Err(io::ErrorKind::BrokenPipe.into()) };
        if self.writing.socket { send(&SockRef::from(&*file), bufs) } else { self.write_pipe(&file, bufs) }
    }

    fn poll(&self, read: bool, write: bool, timeout: Option<Duration>) -> io::Result<Ready> {
        let reading = if read { self.reading.file() } else { None };
        let writing = if write { self.writing.file() } else { None };
        let found = self.wait(reading.as_deref(), writing.as_deref(), timeout)?;
        Ok(found.unwrap_or(Ready { read, write }))
    }

    fn await_input(&self, timeout: Duration) {
        let file = self.reading.file();
        self.bell.wait([file.as_deref().map(|file| file.as_raw_fd()), Some(self.down.fd())], timeout);
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
        self.down.set();
        self.reading.shutdown();
        self.writing.shutdown();
    }

    fn fileno(&self) -> Option<RawFd> {
        self.reading.file().map(|file| file.as_raw_fd())
    }

    fn write_fileno(&self) -> Option<RawFd> {
        // Most event loops register each file once.
        let direction = if self.same { &self.reading } else { &self.writing };
        direction.file().map(|file| file.as_raw_fd())
    }

    fn user(&self) -> Option<User> {
        let file = self.reading.file().filter(|_| self.same && self.reading.socket)?;
        sys::peer_of(file.as_fd())
    }

    fn peer_name(&self) -> String {
        self.peer.clone()
    }

    fn local_name(&self) -> String {
        self.peer.clone()
    }
}

impl Drop for Descriptors {
    fn drop(&mut self) {
        if self.process == std::process::id() {
            self.shutdown();
        }
    }
}

/// Returns the bytes from `start` on that a writable pipe accepts at once.
fn pipe_full<'p, 'b>(bufs: &'b [IoSlice<'_>], start: usize, parts: &'p mut [IoSlice<'b>; PARTS]) -> &'p [IoSlice<'b>] {
    let mut skip = start;
    let mut room = PIPE_ROOM;
    let mut used = 0;
    for buf in bufs {
        let from = skip.min(buf.len());
        skip -= from;
        let rest = buf.get(from..).unwrap_or(&[]);
        let rest = rest.get(..room).unwrap_or(rest);
        if rest.is_empty() {
            continue;
        }
        let Some(part) = parts.get_mut(used) else { break };
        *part = IoSlice::new(rest);
        used += 1;
        room -= rest.len();
    }
    parts.get(..used).unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_gets_as_much_as_it_surely_takes() {
        let long = vec![7; PIPE_ROOM];
        let bufs = [IoSlice::new(b""), IoSlice::new(b"abc"), IoSlice::new(&long), IoSlice::new(b"z")];
        let taken = |start| {
            let mut parts = [IoSlice::new(&[]); PARTS];
            pipe_full(&bufs, start, &mut parts).iter().flat_map(|part| part.to_vec()).collect::<Vec<u8>>()
        };
        assert_eq!(taken(0), [&b"abc"[..], &long[3..]].concat());
        assert_eq!(taken(2), [&b"c"[..], &long[1..]].concat());
        assert_eq!(taken(PIPE_ROOM), [&long[..3], b"z"].concat());
        assert_eq!(taken(PIPE_ROOM + 4), b"");

        let many = vec![IoSlice::new(b"x"); PARTS + 3];
        let mut parts = [IoSlice::new(&[]); PARTS];
        assert_eq!(pipe_full(&many, 1, &mut parts).len(), PARTS);
        assert_eq!(pipe_full(&many, PARTS, &mut parts).len(), 3);
    }
}
