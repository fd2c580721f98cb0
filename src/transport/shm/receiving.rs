//! The direction that is read: from the socket or the ring, by turns.

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

/// The first receive takes no more.
const FIRST: usize = 4096;
/// Bytes that wake, taken out at once.
const WAKES: usize = 64;
/// A peer that sends nothing but what has no meaning does not keep us for ever.
const ROUNDS: usize = 64;

/// Where the next bytes come from.
#[derive(Clone, Copy)]
enum Stage {
    /// The socket, after bytes that only wake, up to a position if that is known.
    Socket {
        skip: u64,
        until: Option<u64>,
    },
    Ring,
}

/// Where to wait for them.
pub(super) enum Input {
    Socket,
    Ring(Place),
}

pub(super) struct Reading {
    stage: Stage,
    /// The next byte of the socket is the first, beside which a descriptor may come.
    first: bool,
    accepts: bool,
    /// The ring that we read; the peer has or will get a descriptor of it.
    own: Option<Arc<Memory>>,
    ring: Reader,
    /// How many bytes of the socket have been used.
    used: u64,
    /// Bytes that were received from the socket before it was known that they come after something in the ring.
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

    /// Whether the peer is to use the ring.
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

    /// The descriptor is to show what comes from now on. What is in the ring already it does not show.
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

    /// The socket has ended: does the stream go on in the ring?
    fn returns(&mut self) -> io::Result<bool> {
        Ok(self.follow()? || matches!(self.stage, Stage::Ring))
    }

    /// What ends the part of the stream that comes over the socket, if it is known by now.
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
            _ => Err(broken("a slot that cannot come here")),
        }
    }

    /// Follows what stands in the ring. True: its next slot has bytes.
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
                        let skip = from.checked_sub(self.used).ok_or_else(|| broken("it was left in the past"))?;
                        self.ring.pass(own);
                        self.ring.tell(own);
                        self.stage = Stage::Socket { skip, until: None };
                    }
                    Found::Return(_) => return Err(broken("a return from nowhere")),
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

    /// Gives what was received from the socket: the first bytes to the caller, what lies behind the end of this part to `ahead`.
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

    /// Receives from the socket what goes.
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
        // A return to the ring shows by now, if these bytes were sent after it.
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

    /// Takes out bytes that only wake.
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

    /// The ring is empty: takes bytes out of the socket that have only woken somebody, and looks for its end.
    fn drain(&mut self, stream: &Stream) -> io::Result<Came> {
        // They came before the last look at the ring, in which nothing leads to them.
        self.used += self.ahead.len() as u64;
        self.ahead = Vec::new();
        let mut room = [MaybeUninit::uninit(); WAKES];
        let looked = came(sys::recv(stream.socket().as_fd(), &mut room, libc::MSG_DONTWAIT | libc::MSG_PEEK))?;
        // What was written before them, or before the end, shows by now.
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

/// What became of an attempt to receive.
enum Came {
    Bytes(usize),
    /// Nothing that is part of the stream, but something has changed.
    Other,
    Nothing,
    End,
}

fn came(received: io::Result<usize>) -> io::Result<Came> {
    match received {
        Ok(0) => Ok(Came::End),
        Ok(n) => Ok(Came::Bytes(n)),
        Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(Came::Nothing),
        // The peer is gone, and has not taken out all bytes that were to wake it.
        Err(e) if e.kind() == io::ErrorKind::ConnectionReset => Ok(Came::End),
        Err(e) => Err(e),
    }
}

/// Fills `room`, and appends what follows.
fn give(bytes: &[u8], room: &mut [u8], buf: &mut Vec<u8>) {
    let (here, later) = bytes.split_at(bytes.len().min(room.len()));
    room.iter_mut().zip(here).for_each(|(place, byte)| *place = *byte);
    buf.extend_from_slice(later);
}

impl Link {
    /// Takes what is here. None: nothing; with `thorough`, that was also asked of the socket.
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

    /// What cannot be is the end of the connection.
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
                // What was written to the ring before it is still to be read.
                Came::End if matches!(reading.stage, Stage::Socket { .. }) && reading.returns()? => thorough = true,
                Came::End => return Ok(Some(0)),
            }
        }
        Ok(None)
    }

    /// Would `take` give something, bytes or the end? If not, the socket shows what comes next.
    pub(super) fn has_input(&self) -> bool {
        let mut reading = lock(&self.reading);
        for _ in 0..ROUNDS {
            if let Some(own) = reading.own.as_ref().filter(|own| own.is_here()) {
                own.gate.0.sleepers.mark_socket();
            }
            // An error shows again.
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

    /// The first bytes, and what the peer hands over beside them.
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
        // A server hands its own over with its first byte, or never.
        let late = reading.accepts && !writing.is_fresh();
        let taken = match &handed.fds[..] {
            _ if late => Ok(None),
            [fd] if !handed.cut => Memory::accept(fd).map(Some),
            [] if !handed.cut => Ok(None),
            fds if fds.len() > 1 => Err(io::Error::other("the peer handed over more than one descriptor")),
            _ => Err(io::Error::other("the descriptor that the peer handed over could not be taken")),
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
                // The server may have taken our ring, and has handed over its own.
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
    // An error shows again.
    stream.poll(true, false, Some(Duration::ZERO)).is_ok_and(|ready| ready.read)
}
