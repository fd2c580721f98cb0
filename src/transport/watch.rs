//! Waits for a descriptor of the application, for a stream that is not read and written through it.

use super::{Ready, sys};
use crate::error::{Error, Result};
use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

/// A wait that `end` ends from any thread.
pub(crate) struct Watch {
    fd: RawFd,
    ended: sys::Event,
    bell: sys::Bell,
}

impl Watch {
    /// Watches a descriptor. The caller keeps owning it, and keeps it open while this exists.
    pub(crate) fn new(fd: RawFd) -> Result<Watch> {
        if !sys::is_open(fd) {
            return Err(Error::Address(format!("descriptor {fd} is not open")));
        }
        let ended = sys::Event::new().map_err(|e| Error::io("cannot make an eventfd", e))?;
        Ok(Watch { fd, ended, bell: sys::Bell::default() })
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.fd
    }

    /// Waits at most `timeout`. After `end`, the requested directions are ready at once.
    pub(crate) fn wait(&self, read: bool, write: bool, timeout: Duration) -> io::Result<Ready> {
        let asked = if read { sys::READABLE } else { 0 } | if write { sys::WRITABLE } else { 0 };
        let mut fds = [sys::interest(Some(self.fd), asked), sys::interest(Some(self.ended.fd()), sys::READABLE)];
        sys::poll_once(&mut fds, Some(timeout))?;
        let [polled, ended] = &fds;
        let ended = sys::is_ready(ended, sys::READABLE);
        Ok(Ready {
            read: read && (ended || sys::is_ready(polled, sys::READABLE)),
            write: write && (ended || sys::is_ready(polled, sys::WRITABLE)),
        })
    }

    pub(crate) fn await_input(&self, timeout: Duration) {
        self.bell.wait([Some(self.fd), Some(self.ended.fd())], timeout);
    }

    pub(crate) fn interrupt(&self) {
        self.bell.ring();
    }

    pub(crate) fn hang_bell(&self) {
        self.bell.hang();
    }

    pub(crate) fn ring(&self) {
        self.bell.ring_hung();
    }

    pub(crate) fn end(&self) {
        self.ended.set();
    }
}
