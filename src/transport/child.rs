//! Runs a child process as the peer, over its standard input and output.

use super::socket::Stream;
use super::{Ready, Transport, sys};
use crate::error::{Error, Result};
use crate::sync::Started;
use socket2::{Domain, Socket, Type};
use std::io::{self, IoSlice};
use std::os::fd::{OwnedFd, RawFd};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long a child may take to exit after the end of its input, and again after SIGTERM.
const GRACE: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(1)];

pub(super) struct Process {
    stream: Stream,
    /// None if a thread waits for its exit.
    child: Option<Child>,
    /// The process that started it. A fork of that process must not end it.
    parent: u32,
}

/// Runs `command` in `/bin/sh`. Its standard input and output are one socket; its standard error is ours.
pub(super) fn spawn(command: &str) -> Result<Process> {
    let name = format!("exec:{command}");
    start(command, name.clone()).map_err(|e| Error::io(format!("cannot start {name}"), e))
}

fn start(command: &str, name: String) -> io::Result<Process> {
    let (ours, theirs) = Socket::pair(Domain::UNIX, Type::STREAM, None)?;
    let stream = Stream::new(ours, false, "socket pair".to_owned(), name)?;
    let input = OwnedFd::from(theirs.try_clone()?);
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(command).stdin(Stdio::from(input)).stdout(Stdio::from(OwnedFd::from(theirs)));
    sys::inherit_only_stdio(&mut shell);
    // `shell` closes our copies of the child's end; otherwise the end of its output would never be noticed.
    let child = shell.spawn()?;
    Ok(Process { stream, child: Some(child), parent: std::process::id() })
}

impl Transport for Process {
    fn recv(&self, buf: &mut Vec<u8>, max: usize, wait: bool) -> io::Result<usize> {
        self.stream.recv(buf, max, wait)
    }

    fn recv_into(&self, room: &mut [u8], buf: &mut Vec<u8>, max: usize, wait: bool) -> io::Result<usize> {
        self.stream.recv_into(room, buf, max, wait)
    }

    fn available(&self) -> usize {
        self.stream.available()
    }

    fn widen(&self, waiting: usize) -> bool {
        self.stream.widen(waiting)
    }

    fn send(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream.send(bufs)
    }

    fn poll(&self, read: bool, write: bool, timeout: Option<Duration>) -> io::Result<Ready> {
        self.stream.poll(read, write, timeout)
    }

    fn await_input(&self, timeout: Duration) {
        self.stream.await_input(timeout);
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
        self.stream.shutdown();
    }

    fn end_sending(&self) {
        self.stream.end_sending();
    }

    fn unread(&self) -> Option<usize> {
        self.stream.unread()
    }

    fn fileno(&self) -> Option<RawFd> {
        self.stream.fileno()
    }

    fn peer_name(&self) -> String {
        self.stream.peer_name()
    }

    fn local_name(&self) -> String {
        self.stream.local_name()
    }
}

impl Drop for Process {
    /// Does not block: if the child does not exit at once, a thread waits for it.
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        if self.parent != std::process::id() {
            // The child and the stream belong to the parent.
            return;
        }
        self.stream.shutdown();
        if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
            return;
        }
        let child = Arc::new(Mutex::new(Some(child)));
        let theirs = child.clone();
        let spawned = Started::spawn("rpyc-reap", move || {
            if let Some(child) = theirs.lock().unwrap_or_else(|e| e.into_inner()).take() {
                reap(child);
            }
        });
        if spawned.is_err() {
            if let Some(child) = child.lock().unwrap_or_else(|e| e.into_inner()).take() {
                reap(child);
            }
        }
    }
}

/// Waits for the exit of the child, then sends SIGTERM, then SIGKILL.
fn reap(mut child: Child) {
    let [by_itself, after_asking] = GRACE;
    if ended_within(&mut child, by_itself) {
        return;
    }
    sys::terminate(&child);
    if ended_within(&mut child, after_asking) {
        return;
    }
    // Both fail only if other code has waited for the child meanwhile.
    let _ = child.kill();
    let _ = child.wait();
}

/// Waits for the exit of the child and takes its status, so that no zombie remains. It polls with short sleeps, because
/// the handler of SIGCHLD belongs to the application.
fn ended_within(child: &mut Child, time: Duration) -> bool {
    let start = Instant::now();
    let mut nap = Duration::from_millis(1);
    loop {
        match child.try_wait() {
            Ok(None) => {}
            // An error means that other code has waited for it.
            Ok(Some(_)) | Err(_) => return true,
        }
        let Some(left) = time.checked_sub(start.elapsed()) else { return false };
        thread::sleep(nap.min(left));
        nap = (nap * 2).min(Duration::from_millis(50));
    }
}
