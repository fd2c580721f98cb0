//! Sends: the offer of our own ring with the first byte, then to the peer's ring or the socket.

use super::super::sys;
use super::kernel::{self, Memory};
use super::ring::Writer;
use socket2::Socket;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};

/// Wakes threads that sleep at the socket. The peer accepts any byte for that.
const WAKE: [u8; 1] = [0];

pub(super) struct Writing {
    /// The number of bytes sent over the socket, including wake-up bytes.
    sent: u64,
    /// Sent with the first byte.
    offer: Option<OwnedFd>,
    /// The ring that the peer reads.
    peer: Option<Memory>,
    ring: Writer,
    /// Whether it is in use now; otherwise the socket is.
    in_ring: bool,
    ended: bool,
}

impl Writing {
    pub(super) fn new(offer: Option<OwnedFd>) -> Writing {
        Writing { sent: 0, offer, peer: None, ring: Writer::new(), in_ring: false, ended: false }
    }

    /// Returns whether nothing was sent yet, so that memory can be offered.
    pub(super) fn is_fresh(&self) -> bool {
        self.sent == 0 && !self.ended
    }

    #[cfg(test)]
    pub(super) fn is_in_ring(&self) -> bool {
        self.in_ring
    }

    pub(super) fn offer(&mut self, fd: OwnedFd) {
        self.offer = Some(fd);
    }

    pub(super) fn withdraw(&mut self) {
        self.offer = None;
    }

    /// Sets the ring that the peer has sent.
    pub(super) fn accept(&mut self, memory: Memory) {
        self.peer = Some(memory);
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// Sends what is accepted without blocking, over the socket by `plainly`.
    #[inline]
    pub(super) fn send(
        &mut self,
        socket: &Socket,
        bufs: &[IoSlice<'_>],
        plainly: impl FnOnce(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        if self.ended {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let total: usize = bufs.iter().map(|buf| buf.len()).sum();
        if total == 0 {
            return Ok(0);
        }
        if self.peer.is_some() && self.offer.is_none() && self.goes_by_ring(total)? {
            self.write(socket, bufs);
            return Ok(total);
        }
        let sent = match &self.offer {
            Some(offer) => kernel::send_with(socket, bufs, offer)?,
            None => plainly(bufs)?,
        };
        if sent > 0 {
            self.offer = None;
        }
        self.sent += sent as u64;
        Ok(sent)
    }

    /// Returns whether `total` bytes are sent over the ring. Switches between the ring and the socket if necessary.
    #[inline]
    fn goes_by_ring(&mut self, total: usize) -> io::Result<bool> {
        let Some(peer) = self.peer.as_ref().filter(|peer| peer.is_here()) else { return Ok(false) };
        let fits = peer.is_invited() && self.ring.has_room(peer, total)?;
        if self.in_ring {
            if !fits {
                // Bytes for the socket follow, which wake a thread that sleeps there.
                self.ring.leave(peer, self.sent);
                peer.gate.0.sleepers.wake(|| ());
                self.in_ring = false;
            }
        } else if fits && self.ring.is_drained(peer)? && self.ring.has_room(peer, total.saturating_add(1))? {
            self.ring.come_back(peer, self.sent);
            self.in_ring = true;
        }
        Ok(self.in_ring)
    }

    #[inline]
    fn write(&mut self, socket: &Socket, bufs: &[IoSlice<'_>]) {
        let Some(peer) = &self.peer else { return };
        self.ring.write(peer, bufs);
        let sent = &mut self.sent;
        peer.gate.0.sleepers.wake(|| {
            // If the socket accepts nothing, it is readable at its other end.
            if sys::send(socket.as_fd(), &WAKE, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL).is_ok() {
                *sent += 1;
            }
        });
    }
}
