//! Receives: from the socket or the ring, alternately.

use super::super::socket::Stream;
use super::super::{Transport, sys, uninit};
use super::kernel::{self, Handed, Memory};
use super::ring::{Found, Place, Reader, broken};
use super::{Link, fall_back};
use crate::sync::lock;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Maximum size of the first receive.
const FIRST: usize = 4096;
/// Maximum number of wake-up bytes removed at once.
const WAKES: usize = 64;
/// Bounds the work for a peer that sends only bytes without meaning.
const ROUNDS: usize = 64;

/// The source of the next bytes.
#[derive(Clone, Copy)]
enum Stage {
    /// The socket, after wake-up bytes, up to a position if that is known.
    Socket {
        skip: u64,
        until: Option<u64>,
    },
    Ring,
}

/// The place in which to wait for them.
pub(super) enum Input {
    Socket,
    Ring(Place),
}

pub(super) struct Reading {
    stage: Stage,
    /// The next byte of the socket is the first, beside which a descriptor may be received.
    first: bool,
    accepts: bool,
    /// The ring that this side reads; the peer has or will get a descriptor of it.
    own: Option<Arc<Memory>>,
    ring: Reader,
    /// The number of bytes of the socket that were used.
    used: u64,
    /// Bytes received from the socket before it was known that they follow data in the ring.
    ahead: Vec<u8>,
}

impl Reading {
    fn new(own: Option<Memory>, accepts: bool) -> Reading {
        let stage = Stage::Socket { skip: 0, until: None };
        let own = own.map(Arc::new);
        Reading { stage, first: true, accepts, own, ring: Reader::new(), used: 0, ahead: Vec::new() }
    }

    pub(super) fn client(own: Option<Memory>) -> Reading {
        Reading::new(own, false)
    }

    pub(super) fn server() -> Reading {
        Reading::new(None, true)
    }

    pub(super) fn own(&self) -> Option<&Arc<Memory>> {
        self.own.as_ref()
    }

    pub(super) fn input(&self) -> Input {
        match self.stage {
            Stage::Socket { .. } => Input::Socket,
            Stage::Ring => Input::Ring(self.ring.place()),
        }
    }

    /// Sets whether the peer may use the ring.
    pub(super) fn invite(&self, invited: bool) {
        if let Some(own) = &self.own {
            if own.is_invited() != invited {
                own.invite(invited);
            }
        }
    }

    pub(super) fn tell(&mut self) {
        if let Some(own) = &self.own {
            self.ring.tell(own);
        }
    }

    /// Makes the descriptor show input from now on. It does not show what is in the ring already.
    pub(super) fn watch(&self) {
        if let Some(own) = self.own.as_ref().filter(|own| own.is_here()) {
            own.invite(false);
            own.gate.0.sleepers.mark_socket();
        }
    }

    pub(super) fn holds_input(&self) -> bool {
        let in_ring = |own: &Arc<Memory>| own.is_here() && own.is_there(self.ring.place());
        !self.ahead.is_empty() || self.ring.has_rest() || self.own.as_ref().is_some_and(in_ring)
    }

    pub(super) fn available(&self, stream: &Stream) -> usize {
        let in_ring = self.own.as_ref().filter(|own| own.is_here()).map_or(0, |own| self.ring.available(own));
        self.ahead.len() + in_ring + stream.available()
    }

    #[inline]
    fn read(&mut self, room: &mut [u8], buf: &mut Vec<u8>, max: usize) -> io::Result<usize> {
        let Some(own) = self.own.as_deref() else { return Ok(0) };
        if room.is_empty() {
            return self.ring.read(own, buf, max);
        }
        let mut bytes = Vec::new();
        let count = self.ring.read(own, &mut bytes, max)?;
        give(&bytes, room, buf);
        Ok(count)
    }

    /// The socket has ended. Returns whether the stream continues in the ring.
    fn returns(&mut self) -> io::Result<bool> {
        Ok(self.follow()? || matches!(self.stage, Stage::Ring))
    }

    /// Returns the end of the part of the stream that is sent over the socket, if it is known.
    fn find_return(&mut self) -> io::Result<Option<u64>> {
        let Some(own) = self.own.as_deref().filter(|own| own.is_here()) else { return Ok(None) };
        let Stage::Socket { skip, until: None } = self.stage else { return Ok(None) };
        match self.ring.look(own)? {
            Found::Nothing => Ok(None),
            Found::Return(until) if until >= self.used.saturating_add(skip) => {
                self.ring.pass(own);
                self.ring.tell(own);
                self.stage = Stage::Socket { skip, until: Some(until) };
                Ok(Some(until))
            }
            _ => Err(broken("an unexpected slot")),
        }
    }

    /// Follows the switches in the ring. Returns true if its next slot has bytes.
    #[inline]
    fn follow(&mut self) -> io::Result<bool> {
        loop {
            if let Stage::Ring = self.stage {
                let Some(own) = self.own.as_deref().filter(|own| own.is_here()) else { return Ok(false) };
                if self.ring.has_rest() {
                    return Ok(true);
                }
                match self.ring.look(own)? {
                    Found::Nothing => return Ok(false),
                    Found::Bytes(_) => return Ok(true),
                    Found::Leave(from) => {
                        let skip = from
                            .checked_sub(self.used)
                            .ok_or_else(|| broken("a switch to the socket at a position that was already read"))?;
                        self.ring.pass(own);
                        self.ring.tell(own);
                        self.stage = Stage::Socket { skip, until: None };
                    }
                    Found::Return(_) => return Err(broken("a return to the ring without a switch to the socket")),
                }
            } else {
                self.find_return()?;
                match self.stage {
                    Stage::Socket { skip: 0, until: Some(until) } if until == self.used => self.stage = Stage::Ring,
                    _ => return Ok(false),
                }
            }
        }
    }

    /// Divides bytes of the socket: the first ones for the caller, those behind the end of this part to `ahead`.
    fn divide(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = match self.stage {
            Stage::Socket { until: Some(until), .. } => Some(until),
            _ => self.find_return()?,
        };
        let left = end.map_or(u64::MAX, |end| end - self.used);
        let valid = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        self.ahead.extend_from_slice(bytes.get(valid..).unwrap_or(&[]));
        self.used += valid as u64;
        Ok(valid)
    }

    /// Receives from the socket what is available.
    fn receive(&mut self, stream: &Stream, room: &mut [u8], buf: &mut Vec<u8>, max: usize) -> io::Result<Came> {
        let Stage::Socket { skip, until } = self.stage else { return Ok(Came::Nothing) };
        if skip > 0 {
            return self.skip(stream, skip);
        }
        let limit = until.map_or(usize::MAX, |until| usize::try_from(until - self.used).unwrap_or(usize::MAX));
        if !self.ahead.is_empty() {
            let came = std::mem::take(&mut self.ahead);
            let (now, later) = came.split_at(came.len().min(max).min(limit));
            let valid = self.divide(now)?;
            self.ahead.extend_from_slice(later);
            give(now.get(..valid).unwrap_or(now), room, buf);
            return Ok(if valid > 0 { Came::Bytes(valid) } else { Came::Other });
        }
        let before = buf.len();
        let filled = room.len().min(limit);
        let room = room.get_mut(..filled).unwrap_or_default();
        let received = match limit - filled {
            _ if room.is_empty() => uninit::recv(stream.socket(), libc::MSG_DONTWAIT, buf, max.min(limit)),
            more => uninit::recv_into(stream.socket(), libc::MSG_DONTWAIT, room, buf, max.min(more).max(1)),
        };
        let n = match came(received)? {
            Came::Bytes(n) => n,
            other => return Ok(other),
        };
        // A return to the ring is visible by now, if these bytes were sent after it.
        if until.is_none() && self.find_return()?.is_none() {
            self.used += n as u64;
            return Ok(Came::Bytes(n));
        }
        let mut bytes = room.get(..n.min(filled)).unwrap_or_default().to_vec();
        bytes.extend_from_slice(buf.get(before..).unwrap_or_default());
        let valid = self.divide(&bytes)?;
        buf.truncate(before + valid.saturating_sub(filled));
        Ok(if valid > 0 { Came::Bytes(valid) } else { Came::Other })
    }

    /// Removes wake-up bytes.
    fn skip(&mut self, stream: &Stream, skip: u64) -> io::Result<Came> {
        let count = usize::try_from(skip).unwrap_or(usize::MAX);
        let taken = if self.ahead.is_empty() {
            let mut room = [MaybeUninit::uninit(); WAKES];
            let (room, _) = room.split_at_mut(count.min(WAKES));
            match came(sys::recv(stream.socket().as_fd(), room, libc::MSG_DONTWAIT))? {
                Came::Bytes(n) => n,
                other => return Ok(other),
            }
        } else {
            self.ahead.drain(..count.min(self.ahead.len())).len()
        };
        self.used += taken as u64;
        if let Stage::Socket { skip, .. } = &mut self.stage {
            *skip -= taken as u64;
        }
        Ok(Came::Other)
    }

    /// Called when the ring is empty: removes wake-up bytes from the socket, and checks for its end.
    fn drain(&mut self, stream: &Stream) -> io::Result<Came> {
        // They were received before the last check of the ring, which has no switch to them.
        self.used += self.ahead.len() as u64;
        self.ahead = Vec::new();
        let mut room = [MaybeUninit::uninit(); WAKES];
        let looked = came(sys::recv(stream.socket().as_fd(), &mut room, libc::MSG_DONTWAIT | libc::MSG_PEEK))?;
        // Data that was written before them, or before the end, is visible by now.
        match looked {
            Came::Nothing => Ok(Came::Nothing),
            Came::End => Ok(if self.follow()? || !matches!(self.stage, Stage::Ring) { Came::Other } else { Came::End }),
            _ if self.follow()? || !matches!(self.stage, Stage::Ring) => Ok(Came::Other),
            Came::Bytes(n) => {
                let (room, _) = room.split_at_mut(n.min(WAKES));
                if let Came::Bytes(n) = came(sys::recv(stream.socket().as_fd(), room, libc::MSG_DONTWAIT))? {
                    self.used += n as u64;
                }
                Ok(Came::Other)
            }
            Came::Other => Ok(Came::Other),
        }
    }
}

/// The result of an attempt to receive.
enum Came {
    Bytes(usize),
    /// No byte of the stream, but the state has changed.
    Other,
    Nothing,
    End,
}

fn came(received: io::Result<usize>) -> io::Result<Came> {
    match received {
        Ok(0) => Ok(Came::End),
        Ok(n) => Ok(Came::Bytes(n)),
        Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(Came::Nothing),
        // The peer has gone, and has not removed all wake-up bytes.
        Err(e) if e.kind() == io::ErrorKind::ConnectionReset => Ok(Came::End),
        Err(e) => Err(e),
    }
}

/// Fills `room`, and appends the rest to `buf`.
fn give(bytes: &[u8], room: &mut [u8], buf: &mut Vec<u8>) {
    let (here, later) = bytes.split_at(bytes.len().min(room.len()));
    room.iter_mut().zip(here).for_each(|(place, byte)| *place = *byte);
    buf.extend_from_slice(later);
}

impl Link {
    /// Receives what is available. None if nothing is; with `thorough`, the socket was checked too.
    pub(super) fn take(
        &self,
        room: &mut [u8],
        buf: &mut Vec<u8>,
        max: usize,
        thorough: bool,
    ) -> io::Result<Option<usize>> {
        let taken = self.take_now(&mut lock(&self.reading), room, buf, max, thorough);
        if let Err(error) = &taken {
            self.give_up(error);
        }
        taken
    }

    /// Ends the connection after an invalid state of the ring.
    #[cold]
    pub(super) fn give_up(&self, error: &io::Error) {
        if error.kind() == io::ErrorKind::InvalidData {
            let _ = self.failed.set(error.to_string());
            self.shutdown();
        }
    }

    #[inline]
    fn take_now(
        &self,
        reading: &mut Reading,
        room: &mut [u8],
        buf: &mut Vec<u8>,
        max: usize,
        mut thorough: bool,
    ) -> io::Result<Option<usize>> {
        for _ in 0..ROUNDS {
            if reading.follow()? {
                return reading.read(room, buf, max).map(Some);
            }
            let came = match reading.stage {
                Stage::Ring if !thorough => return Ok(None),
                Stage::Ring => {
                    reading.tell();
                    reading.drain(&self.stream)?
                }
                Stage::Socket { .. } if reading.first => self.receive_first(reading, room, buf, max)?,
                Stage::Socket { .. } => reading.receive(&self.stream, room, buf, max)?,
            };
            match came {
                Came::Bytes(n) => return Ok(Some(n)),
                Came::Other => {}
                Came::Nothing => return Ok(None),
                // Data that was written to the ring before it must still be read.
                Came::End if matches!(reading.stage, Stage::Socket { .. }) && reading.returns()? => thorough = true,
                Came::End => return Ok(Some(0)),
            }
        }
        Ok(None)
    }

    /// Returns whether `take` would return bytes or the end. If not, the socket shows the next input.
    pub(super) fn has_input(&self) -> bool {
        let mut reading = lock(&self.reading);
        for _ in 0..ROUNDS {
            if let Some(own) = reading.own.as_ref().filter(|own| own.is_here()) {
                own.gate.0.sleepers.mark_socket();
            }
            // `take` fails with the error again.
            let came = match reading.follow() {
                Ok(true) | Err(_) => return true,
                Ok(false) => match reading.stage {
                    Stage::Socket { skip: 0, .. } => {
                        return !reading.ahead.is_empty() || is_readable(&self.stream);
                    }
                    Stage::Socket { skip, .. } => reading.skip(&self.stream, skip),
                    Stage::Ring => {
                        reading.tell();
                        reading.drain(&self.stream)
                    }
                },
            };
            match came {
                Ok(Came::Other) => {}
                Ok(Came::Nothing) => return false,
                _ => return true,
            }
        }
        true
    }

    /// Receives the first bytes, and the descriptor beside them.
    #[cold]
    fn receive_first(&self, reading: &mut Reading, room: &mut [u8], buf: &mut Vec<u8>, max: usize) -> io::Result<Came> {
        let mut bytes = [0; FIRST];
        let (bytes, _) = bytes.split_at_mut(max.min(FIRST));
        let (n, handed) = match kernel::recv_with(self.stream.socket(), bytes) {
            Ok(received) => received,
            Err(e) => return came(Err(e)),
        };
        if n == 0 {
            return Ok(Came::End);
        }
        reading.first = false;
        self.take_over(reading, handed);
        let bytes = bytes.get(..n).unwrap_or_default();
        let valid = reading.divide(bytes)?;
        give(bytes.get(..valid).unwrap_or_default(), room, buf);
        Ok(if valid > 0 { Came::Bytes(valid) } else { Came::Other })
    }

    fn take_over(&self, reading: &mut Reading, handed: Handed) {
        let mut writing = lock(&self.writing);
        // A server sends its own descriptor with its first byte, or never.
        let late = reading.accepts && !writing.is_fresh();
        let taken = match &handed.fds[..] {
            _ if late => Ok(None),
            [fd] if !handed.cut => Memory::accept(fd).map(Some),
            [] if !handed.cut => Ok(None),
            fds if fds.len() > 1 => Err(io::Error::other("the peer passed more than one descriptor")),
            _ => Err(io::Error::other("cannot receive the descriptor that the peer passed")),
        };
        let taken = match taken {
            Ok(Some(peer)) if reading.accepts => Memory::create().map(|(own, fd)| {
                reading.own = Some(Arc::new(own));
                writing.offer(fd);
                Some(peer)
            }),
            taken => taken,
        };
        match taken {
            Ok(Some(peer)) => return writing.accept(peer),
            Ok(None) => {}
            Err(e) => {
                fall_back(&self.stream, &e.to_string());
                // The server may have accepted our ring, and has sent its own.
                if !reading.accepts {
                    return;
                }
            }
        }
        reading.own = None;
        writing.withdraw();
        self.plain.store(true, Ordering::Release);
    }
}

fn is_readable(stream: &Stream) -> bool {
    // The next receive fails with the error again.
    stream.poll(true, false, Some(Duration::ZERO)).is_ok_and(|ready| ready.read)
}
