//! A child process as the peer, over its standard input and output.

use super::socket::Stream;
use super::{Ready, Transport, sys};
use crate::error::{Error, Result};
use socket2::{Domain, Socket, Type};
use std::io::{self, IoSlice};
use std::os::fd::{OwnedFd, RawFd};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a child may take to end by itself after the end of its input, and again after SIGTERM.
const GRACE: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(1)];

pub(super) struct Process {
    stream: Stream,
    child: Child,
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
    // Our copies of the child's end close with `shell`; else its end would never be seen.
    let child = shell.spawn()?;
    Ok(Process { stream, child })
}

impl Transport for Process {
    fn recv(&self, buf: &mut Vec<u8>, max: usize, wait: bool) -> io::Result<usize> {
        self.stream.recv(buf, max, wait)
    }

    fn send(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream.send(bufs)
    }

    fn poll(&self, read: bool, write: bool, timeout: Option<Duration>) -> io::Result<Ready> {
        self.stream.poll(read, write, timeout)
    }

    fn shutdown(&self) {
        self.stream.shutdown();
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
    fn drop(&mut self) {
        self.stream.shutdown();
        let [by_itself, after_asking] = GRACE;
        if ended_within(&mut self.child, by_itself) {
            return;
        }
        sys::terminate(&self.child);
        if ended_within(&mut self.child, after_asking) {
            return;
        }
        // Both fail only when somebody else has waited for the child by now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for the end of the child and takes its status, so that no zombie stays. It sleeps in short naps: a handler of
/// SIGCHLD belongs to the host.
fn ended_within(child: &mut Child, time: Duration) -> bool {
    let start = Instant::now();
    let mut nap = Duration::from_millis(1);
    loop {
        match child.try_wait() {
            Ok(None) => {}
            // An error means that it is no longer ours: somebody else waited for it, or we are a fork.
            Ok(Some(_)) | Err(_) => return true,
        }
        let Some(left) = time.checked_sub(start.elapsed()) else { return false };
        thread::sleep(nap.min(left));
        nap = (nap * 2).min(Duration::from_millis(50));
    }
}
