//! A connection of rustls as a stream that never blocks.

use super::errors;
use crate::transport::steps::{Direction, Step, Stream};
use rustls::{Connection, Side};
use std::io::{self, ErrorKind, IoSlice, Read, Write};

/// Maximum number of bytes that are encrypted before they are sent.
const ENCRYPT: usize = 64 << 10;
/// Number of consecutive records without contents before other work is done.
const ROUNDS: usize = 32;
/// Maximum number of buffers sent in one call.
const PARTS: usize = 64;

/// Carries the records: `recv` and `send` of a transport, without blocking.
pub(super) trait Carrier: Send {
    fn recv(&self, buf: &mut Vec<u8>, max: usize) -> io::Result<usize>;
    fn send(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize>;
}

pub(super) struct TlsStream {
    connection: Connection,
    below: Box<dyn Carrier>,
    side: Side,
    frames: Frames,
    /// Number of bytes of the next write that are already encrypted and not yet sent.
    owed: usize,
    /// The peer's certificate has been verified.
    verified: bool,
    /// Received records on their way to rustls.
    scratch: Vec<u8>,
}

impl TlsStream {
    pub(super) fn new(mut connection: Connection, below: Box<dyn Carrier>, verified: bool) -> TlsStream {
        let side = match &connection {
            Connection::Client(_) => Side::Client,
            Connection::Server(_) => Side::Server,
        };
        // A partial write would cut a frame where `frames` does not expect it; `ENCRYPT` limits the buffer.
        connection.set_buffer_limit(None);
        TlsStream { connection, below, side, frames: Frames::default(), owed: 0, verified, scratch: Vec::new() }
    }

    /// Sends pending records. None when all have been sent.
    fn leave(&mut self) -> Option<Step> {
        while self.connection.wants_write() {
            match self.connection.write_tls(&mut Leaving(&*self.below)) {
                Ok(_) => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Some(Step::Want(Direction::Write)),
                Err(e) => return Some(Step::Failed(e)),
            }
        }
        None
    }

    /// Receives records. None when some were received.
    fn take_in(&mut self) -> Option<Step> {
        match self.connection.read_tls(&mut Arriving(&*self.below, &mut self.scratch)) {
            Ok(0) if self.connection.is_handshaking() => return Some(Step::Failed(self.ended_early())),
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Some(Step::Want(Direction::Read)),
            Err(e) if self.connection.is_handshaking() => return Some(Step::Failed(self.failed_early(&e))),
            // A reset ends the stream.
            Err(_) => return Some(Step::End),
        }
        match self.connection.process_new_packets() {
            Ok(_) => None,
            Err(error) => {
                // Sends the alert that names the reason.
                let _ = self.leave();
                Some(Step::Failed(errors::broken(&error, self.side)))
            }
        }
    }

    fn ended_early(&self) -> io::Error {
        let text = match self.side {
            Side::Client => "the server ended the stream during the TLS handshake; does it speak TLS?",
            Side::Server => "the client ended the stream during the TLS handshake",
        };
        io::Error::new(ErrorKind::UnexpectedEof, text)
    }

    fn failed_early(&self, error: &io::Error) -> io::Error {
        let peer = if self.side == Side::Client { "server; does it speak TLS?" } else { "client" };
        io::Error::new(error.kind(), format!("{error} during the TLS handshake with the {peer}"))
    }

    /// The peer's own certificate, as DER.
    fn peer_certificate(&self) -> Option<Vec<u8>> {
        self.connection.peer_certificates().and_then(|chain| chain.first()).map(|own| own.to_vec())
    }
}

impl Stream for TlsStream {
    fn begin(&mut self) -> Option<Step> {
        for _ in 0..ROUNDS {
            match self.leave() {
                // The peer may have sent an alert that names the reason.
                Some(Step::Failed(_)) | None => {}
                step => return step,
            }
            if !self.connection.is_handshaking() {
                return None;
            }
            if let Some(step) = self.take_in() {
                return Some(step);
            }
        }
        Some(Step::Want(Direction::Read))
    }

    fn read(&mut self, room: &mut [u8]) -> Step {
        for _ in 0..ROUNDS {
            match self.connection.reader().read(room) {
                // With close_notify, or without.
                Ok(0) => return Step::End,
                Err(e) if e.kind() == ErrorKind::UnexpectedEof => return Step::End,
                Ok(n) => return Step::Done(n),
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                Err(e) => return Step::Failed(e),
            }
            let stuck = matches!(self.leave(), Some(Step::Want(_)));
            match self.take_in() {
                None => {}
                Some(Step::Want(_)) if stuck && self.connection.is_handshaking() => {
                    return Step::Want(Direction::Write);
                }
                Some(step) => return step,
            }
        }
        Step::Want(Direction::Read)
    }

    fn holds_data(&mut self) -> bool {
        // After an error `read` returns it.
        let holds = |state: rustls::IoState| state.plaintext_bytes_to_read() > 0 || state.peer_has_closed();
        self.connection.process_new_packets().map_or(true, holds)
    }

    fn write(&mut self, bytes: &[u8]) -> Step {
        if self.connection.is_handshaking() {
            if let Some(step) = self.begin() {
                return step;
            }
        }
        if self.owed == 0 {
            let bytes = bytes.get(..ENCRYPT).unwrap_or(bytes);
            for part in self.frames.split(bytes) {
                match self.connection.writer().write(part) {
                    Ok(n) => self.owed += n,
                    Err(e) => return Step::Failed(e),
                }
            }
        }
        match self.leave() {
            None => {
                let sent = self.owed.min(bytes.len());
                self.owed -= sent;
                Step::Done(sent)
            }
            Some(step) => step,
        }
    }

    fn end(&mut self) {
        self.connection.send_close_notify();
        let _ = self.leave();
    }

    fn certificate(&self) -> Option<Vec<u8>> {
        self.verified.then(|| self.peer_certificate()).flatten()
    }
}

/// Finds the beginnings of frames in the output, so that no two share a record. A stock peer that has decrypted a record
/// polls its socket for the next message, and would not see one that was in the same record.
#[derive(Default)]
struct Frames {
    /// The received part of an incomplete header.
    header: [u8; 4],
    known: usize,
    /// Bytes until the next frame begins, once the header is complete.
    left: usize,
}

impl Frames {
    /// Size of the flag before the body and the newline after it.
    const AROUND: usize = 2;

    fn split<'a>(&mut self, mut bytes: &'a [u8]) -> Vec<&'a [u8]> {
        let mut parts = Vec::new();
        while !bytes.is_empty() {
            let mut end = 0;
            while let (true, Some(byte)) = (self.known < self.header.len(), bytes.get(end)) {
                if let Some(place) = self.header.get_mut(self.known) {
                    *place = *byte;
                }
                self.known += 1;
                end += 1;
                if self.known == self.header.len() {
                    self.left = (u32::from_be_bytes(self.header) as usize).saturating_add(Frames::AROUND);
                }
            }
            if self.known == self.header.len() {
                let more = self.left.min(bytes.len() - end);
                self.left -= more;
                end += more;
                if self.left == 0 {
                    self.known = 0;
                }
            }
            let (part, rest) = bytes.split_at(end);
            parts.push(part);
            bytes = rest;
        }
        parts
    }
}

/// The carrier in the form in which rustls reads and writes.
struct Arriving<'a>(&'a dyn Carrier, &'a mut Vec<u8>);

struct Leaving<'a>(&'a dyn Carrier);

impl Read for Arriving<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let Arriving(below, scratch) = self;
        scratch.clear();
        let n = below.recv(scratch, room.len())?;
        room.iter_mut().zip(scratch.iter()).for_each(|(place, byte)| *place = *byte);
        Ok(n)
    }
}

impl Write for Leaving<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.send(bufs.get(..PARTS).unwrap_or(bufs))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_frame_is_by_itself_however_it_is_cut() {
        let frame = |n: usize| [&(n as u32).to_be_bytes()[..], &vec![7; n + 2]].concat();
        let all = [frame(3), frame(0), frame(300)].concat();
        assert_eq!(Frames::default().split(&all).iter().map(|part| part.len()).collect::<Vec<_>>(), [9, 6, 306]);
        for cut in 0..all.len() {
            let mut frames = Frames::default();
            let (first, second) = all.split_at(cut);
            let mut parts: Vec<usize> = frames.split(first).iter().map(|part| part.len()).collect();
            parts.extend(frames.split(second).iter().map(|part| part.len()));
            let ends: Vec<usize> = parts
                .iter()
                .scan(0, |at, part| {
                    *at += part;
                    Some(*at)
                })
                .collect();
            assert!([9, 15, all.len()].iter().all(|end| ends.contains(end)), "{cut}: {parts:?}");
        }
    }
}
