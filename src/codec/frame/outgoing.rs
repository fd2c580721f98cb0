//! Bytes that wait to be sent.

use super::deflate::{Compression, Deflater};
use super::{FLUSHER, FrameError, HEADER};
use crate::budget::{Account, Charge, SMALL};
use crate::codec::brine::{SPLICE, Sink};
use crate::value::Blob;
use std::collections::VecDeque;
use std::io::IoSlice;

/// A buffer larger than this is freed when it is empty.
const MAX_KEPT_CAPACITY: usize = 64 * 1024;
/// Destination for a short message.
const SHORT: usize = 128;

/// Bytes to send, with long blobs by reference. Frames are written at its end.
///
/// Between `begin_frame` and `end_frame` nothing may be sent.
#[derive(Default)]
pub struct Outgoing {
    bytes: Vec<u8>,
    /// The number of `bytes` that were sent.
    sent: usize,
    splices: VecDeque<Splice>,
    /// Unsent bytes in `splices`.
    spliced: usize,
    /// Blobs that have been sent. Dropping them may run code of the application.
    spent: Vec<Blob>,
    deflater: Deflater,
    /// For `bytes`, where they are many.
    charge: Charge,
}

struct Splice {
    /// The offset in `bytes` before which it is sent.
    at: usize,
    blob: Blob,
    sent: usize,
}

/// The beginning of a frame.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct FrameMark {
    at: usize,
    splices: usize,
    spliced: usize,
}

impl FrameMark {
    /// The beginning of the payload, as `Sink::position` counts.
    #[inline]
    pub fn payload(&self) -> usize {
        self.at + HEADER + self.spliced
    }
}

impl Outgoing {
    pub fn new() -> Outgoing {
        Outgoing::default()
    }

    /// Takes memory from an account.
    pub fn charged_to(account: &Account) -> Outgoing {
        Outgoing { charge: Charge::new(account), ..Outgoing::default() }
    }

    /// The number of bytes that wait.
    #[inline]
    pub fn len(&self) -> usize {
        self.bytes.len() - self.sent + self.spliced
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether a blob was sent that was not taken with `take_spent`.
    #[inline]
    pub fn has_spent(&self) -> bool {
        !self.spent.is_empty()
    }

    /// Takes the blobs that were sent or discarded. Drop them without holding a lock.
    pub fn take_spent(&mut self) -> Vec<Blob> {
        std::mem::take(&mut self.spent)
    }

    /// Forgets all that waits.
    pub fn discard(&mut self) {
        self.spent.extend(self.splices.drain(..).map(|splice| splice.blob));
        self.spliced = 0;
        self.reset();
    }

    /// Frees the memory, if nothing waits.
    pub fn give_back(&mut self) {
        if self.is_empty() {
            self.bytes = Vec::new();
            self.splices = VecDeque::new();
            self.deflater = Deflater::default();
            self.charge.set(0);
            self.sent = 0;
        }
    }

    /// Opens a frame; its payload is what is put from now on.
    #[inline]
    pub fn begin_frame(&mut self) -> FrameMark {
        let mark = FrameMark { at: self.bytes.len(), splices: self.splices.len(), spliced: self.spliced };
        // Most messages are short: room is made once.
        self.bytes.reserve(SHORT);
        self.bytes.extend_from_slice(&[0; HEADER]);
        mark
    }

    /// Opens a frame for a short message that begins with these bytes.
    #[inline(always)]
    pub fn begin_short(&mut self, [first, second]: [u8; 2]) -> FrameMark {
        let mark = FrameMark { at: self.bytes.len(), splices: self.splices.len(), spliced: self.spliced };
        self.bytes.reserve(SHORT);
        self.bytes.extend_from_slice(&[0, 0, 0, 0, 0, first, second]);
        mark
    }

    /// Puts the first `length` of some bytes.
    #[inline(always)]
    pub fn put_padded<const ROOM: usize>(&mut self, bytes: &[u8; ROOM], length: usize) {
        let end = self.bytes.len() + length.min(ROOM);
        self.bytes.extend_from_slice(bytes);
        self.bytes.truncate(end);
    }

    /// Closes a frame. When it fails, the frame is gone.
    #[inline]
    pub fn end_frame(&mut self, mark: FrameMark, compression: &Compression) -> Result<(), FrameError> {
        let size = self.bytes.len().saturating_sub(mark.at + HEADER) + self.spliced.saturating_sub(mark.spliced);
        let Ok(length) = u32::try_from(size) else { return Err(self.too_long(mark, size)) };
        let long = size > compression.threshold && compression.enabled;
        if !(long && self.compress(mark, size, compression.level)) {
            self.seal(mark, length, 0);
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn too_long(&mut self, mark: FrameMark, size: usize) -> FrameError {
        self.abandon_frame(mark);
        FrameError::PayloadTooLong { size }
    }

    /// Replaces the payload of an open frame by a shorter zlib stream and closes it; false when there is none.
    #[inline(never)]
    fn compress(&mut self, mark: FrameMark, size: usize, level: u32) -> bool {
        let mut start = mark.at + HEADER;
        let mut parts: Vec<&[u8]> = Vec::new();
        for splice in self.splices.iter().skip(mark.splices) {
            parts.push(self.bytes.get(start..splice.at).unwrap_or(&[]));
            parts.push(&splice.blob);
            start = splice.at;
        }
        parts.push(self.bytes.get(start..).unwrap_or(&[]));
        let mut charge = Charge::new(self.charge.account());
        if size > SMALL && !charge.set(size) {
            return false;
        }
        let Some(body) = self.deflater.compress(&parts, size, level) else { return false };
        if !self.has_room(body.len() + 1) {
            return false;
        }
        self.bytes.truncate(mark.at + HEADER);
        self.splices.truncate(mark.splices);
        self.spliced = mark.spliced;
        self.bytes.extend_from_slice(&body);
        // It is shorter than the payload, whose length fits.
        self.seal(mark, body.len() as u32, 1);
        self.deflater.recycle(body);
        true
    }

    #[inline]
    fn seal(&mut self, mark: FrameMark, length: u32, compressed: u8) {
        let [a, b, c, d] = length.to_be_bytes();
        if let Some(header) = self.bytes.get_mut(mark.at..mark.at + HEADER) {
            header.copy_from_slice(&[a, b, c, d, compressed]);
        }
        self.bytes.push(FLUSHER);
    }

    /// Forgets a frame: everything is as it was before `begin_frame`.
    pub fn abandon_frame(&mut self, mark: FrameMark) {
        self.bytes.truncate(mark.at);
        self.splices.truncate(mark.splices);
        self.spliced = mark.spliced;
        if self.is_empty() {
            self.reset();
        }
    }

    /// The waiting bytes, if they are contiguous.
    #[inline]
    pub fn whole(&self) -> Option<&[u8]> {
        self.splices.is_empty().then(|| self.bytes.get(self.sent..).unwrap_or_default())
    }

    /// Fills `out` with the next slices to send, in order. Returns their number.
    pub fn slices<'a>(&'a self, out: &mut [IoSlice<'a>]) -> usize {
        let mut slots = out.iter_mut();
        let mut used = 0;
        let mut start = self.sent;
        let pieces = self.splices.iter().flat_map(|splice| {
            let before = self.bytes.get(start..splice.at).unwrap_or(&[]);
            start = splice.at;
            [before, splice.blob.get(splice.sent..).unwrap_or(&[])]
        });
        for piece in pieces.filter(|piece| !piece.is_empty()) {
            match slots.next() {
                Some(slot) => *slot = IoSlice::new(piece),
                None => return used,
            }
            used += 1;
        }
        let start = self.splices.back().map_or(self.sent, |last| last.at);
        let tail = self.bytes.get(start..).unwrap_or(&[]);
        if let (false, Some(slot)) = (tail.is_empty(), slots.next()) {
            *slot = IoSlice::new(tail);
            used += 1;
        }
        used
    }

    /// Marks the first `n` bytes as sent.
    #[inline]
    pub fn advance(&mut self, n: usize) {
        if self.splices.is_empty() && n == self.bytes.len() - self.sent {
            return self.reset();
        }
        self.advance_some(n);
    }

    fn advance_some(&mut self, mut n: usize) {
        while n > 0 {
            let end = self.splices.front().map_or(self.bytes.len(), |splice| splice.at);
            let step = n.min(end - self.sent);
            self.sent += step;
            n -= step;
            let Some(splice) = self.splices.front_mut() else { break };
            let step = n.min(splice.blob.len().saturating_sub(splice.sent));
            splice.sent += step;
            self.spliced = self.spliced.saturating_sub(step);
            n -= step;
            if self.sent == end && splice.sent >= splice.blob.len() {
                self.spent.extend(self.splices.pop_front().map(|splice| splice.blob));
            }
        }
        if self.is_empty() {
            self.reset();
        } else if self.sent > MAX_KEPT_CAPACITY && self.sent > self.bytes.len() / 2 {
            self.bytes.drain(..self.sent);
            for splice in &mut self.splices {
                splice.at -= self.sent;
            }
            self.sent = 0;
        }
    }

    /// Makes room for `bytes` bytes more, if there is memory for them.
    #[cold]
    fn grow(&mut self, bytes: usize) -> bool {
        let size = (2 * self.bytes.capacity()).max(self.bytes.len() + bytes);
        let paid = size <= MAX_KEPT_CAPACITY || self.charge.set(size);
        paid && self.bytes.try_reserve_exact(size - self.bytes.len()).is_ok()
    }

    #[inline]
    fn reset(&mut self) {
        self.sent = 0;
        self.bytes.clear();
        if self.bytes.capacity() > MAX_KEPT_CAPACITY {
            self.bytes = Vec::new();
            self.charge.set(0);
        }
        if self.splices.capacity() > 64 {
            self.splices = VecDeque::new();
        }
    }
}

impl Sink for Outgoing {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    #[inline]
    fn put_byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    fn position(&self) -> usize {
        self.bytes.len() + self.spliced
    }

    #[inline]
    fn has_room(&mut self, bytes: usize) -> bool {
        self.bytes.capacity() - self.bytes.len() >= bytes || self.grow(bytes)
    }

    #[inline]
    fn put_blob(&mut self, blob: &Blob) {
        if blob.len() < SPLICE {
            return self.bytes.extend_from_slice(blob);
        }
        self.spliced += blob.len();
        self.splices.push_back(Splice { at: self.bytes.len(), blob: blob.clone(), sent: 0 });
    }
}
