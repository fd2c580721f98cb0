//! Implements one direction of shared memory: slots of one cache line each, written by one side and read by the other.
//!
//! A slot begins with its tag, so that one line moves between two CPUs for a short message. A tag has the lap in which
//! the slot was written, and its number of bytes. The reader checks the next slot, never a position of the writer. The
//! reader rarely publishes its position, and the writer reads it only when it has no room left.
//!
//! The other side may write anything at any time. Therefore positions are kept in private memory, a tag is loaded once
//! and checked, and bytes are copied before they are used.

use super::waiting::Sleepers;
use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Number of slots of a ring; with the lines before them, four pages.
pub(crate) const SLOTS: usize = 252;
/// Number of bytes in a slot.
pub(crate) const ROOM: usize = 60;
/// The reader publishes its position after this number of slots.
const TELL: u64 = SLOTS as u64 / 4;

/// The first word of the memory; another layout has another number.
pub(crate) const FORM: u64 = u64::from_le_bytes(*b"rpycshm\x01");

/// In place of a number of bytes: the stream continues on the socket, from the position in the slot.
const LEAVE: u16 = 0xff01;
/// Likewise: the stream on the socket ends at the position in the slot, and continues in the next one.
const RETURN: u16 = 0xff02;

#[repr(C, align(64))]
struct Slot {
    tag: AtomicU32,
    first: AtomicU32,
    rest: [AtomicU64; 7],
}

/// A value on a cache line of its own.
#[repr(C, align(64))]
pub(crate) struct Line<T>(pub(crate) T);

/// The shared part. All of it is atomic: every bit pattern is valid, and may change at any time.
#[repr(C)]
pub(crate) struct Shared {
    form: Line<AtomicU64>,
    /// The number of slots that the reader has taken, as last published.
    taken: Line<AtomicU64>,
    pub(crate) gate: Line<Gate>,
    _spare: Line<[AtomicU64; 8]>,
    slots: [Slot; SLOTS],
}

/// The reader's way of waiting, and its requests.
#[repr(C)]
pub(crate) struct Gate {
    pub(crate) sleepers: Sleepers,
    /// 1 if the reader requests the use of the ring.
    invited: AtomicU32,
}

impl Shared {
    /// Initialises new memory, which is all zeros.
    pub(super) fn begin(&self) {
        self.form.0.store(FORM, Ordering::Release);
    }

    pub(super) fn is_known(&self) -> bool {
        self.form.0.load(Ordering::Acquire) == FORM
    }

    pub(super) fn invite(&self, invited: bool) {
        self.gate.0.invited.store(invited.into(), Ordering::SeqCst);
    }

    #[inline]
    pub(super) fn is_invited(&self) -> bool {
        self.gate.0.invited.load(Ordering::Acquire) == 1
    }

    /// Returns whether the slot at a reader's place was written.
    #[inline]
    pub(super) fn is_there(&self, place: Place) -> bool {
        let tag = self.slots.get(place.at).map_or(0, |slot| slot.tag.load(Ordering::Acquire));
        (tag >> 16) as u16 != place.lap.wrapping_sub(1)
    }
}

impl Slot {
    fn fill(&self, bytes: &[u8; ROOM]) {
        let (first, rest) = bytes.split_at(4);
        self.first.store(word32(first), Ordering::Relaxed);
        for (word, bytes) in self.rest.iter().zip(rest.chunks_exact(8)) {
            word.store(word64(bytes), Ordering::Relaxed);
        }
    }

    fn copy(&self, bytes: &mut [u8; ROOM]) {
        let (first, rest) = bytes.split_at_mut(4);
        first.copy_from_slice(&self.first.load(Ordering::Relaxed).to_ne_bytes());
        for (word, bytes) in self.rest.iter().zip(rest.chunks_exact_mut(8)) {
            bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
    }
}

#[inline]
fn word32(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes))
}

#[inline]
fn word64(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes))
}

#[cold]
pub(super) fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the shared memory is broken: {what}"))
}

/// The next slot of a side: its index, and the lap in which it is or will be written. Slots of the lap before are free
/// or not yet written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    at: usize,
    lap: u16,
}

impl Place {
    const START: Place = Place { at: 0, lap: 1 };

    #[inline]
    fn step(&mut self) {
        self.at += 1;
        if self.at == SLOTS {
            *self = Place { at: 0, lap: self.lap.wrapping_add(1) };
        }
    }
}

/// The writing side.
pub(crate) struct Writer {
    place: Place,
    written: u64,
    /// The number of slots that the reader has taken, as last read.
    taken: u64,
}

impl Writer {
    pub(crate) fn new() -> Writer {
        Writer { place: Place::START, written: 0, taken: 0 }
    }

    /// Returns whether there is room for `bytes`, and for one slot more.
    #[inline]
    pub(crate) fn has_room(&mut self, shared: &Shared, bytes: usize) -> io::Result<bool> {
        let needed = bytes.div_ceil(ROOM) as u64 + 1;
        if needed > SLOTS as u64 {
            return Ok(false);
        }
        let fits = |writer: &Writer| writer.written - writer.taken + needed <= SLOTS as u64;
        if !fits(self) {
            self.hear(shared)?;
        }
        Ok(fits(self))
    }

    /// Returns whether the reader has taken everything.
    pub(crate) fn is_drained(&mut self, shared: &Shared) -> io::Result<bool> {
        self.hear(shared)?;
        Ok(self.taken == self.written)
    }

    fn hear(&mut self, shared: &Shared) -> io::Result<()> {
        let taken = shared.taken.0.load(Ordering::Acquire);
        if taken < self.taken || taken > self.written {
            return Err(broken("the reader's position is invalid"));
        }
        self.taken = taken;
        Ok(())
    }

    /// Writes all bytes, for which there must be room (`has_room`). They become visible together.
    pub(crate) fn write(&mut self, shared: &Shared, bufs: &[IoSlice<'_>]) {
        let mut bytes = [0; ROOM];
        let mut filled = 0;
        let mut held = None;
        for mut buf in bufs.iter().map(|buf| &**buf) {
            while !buf.is_empty() {
                let (now, later) = buf.split_at(buf.len().min(ROOM - filled));
                if let Some(place) = bytes.get_mut(filled..filled + now.len()) {
                    place.copy_from_slice(now);
                }
                filled += now.len();
                buf = later;
                if filled == ROOM {
                    self.put(shared, &bytes, filled as u16, &mut held);
                    filled = 0;
                }
            }
        }
        if filled > 0 {
            self.put(shared, &bytes, filled as u16, &mut held);
        }
        if let Some((slot, tag)) = held {
            show(slot, tag);
        }
    }

    /// Writes that the stream continues on the socket from this position.
    pub(crate) fn leave(&mut self, shared: &Shared, position: u64) {
        self.control(shared, LEAVE, position);
    }

    /// Writes that the stream on the socket ends at this position, and continues here.
    pub(crate) fn come_back(&mut self, shared: &Shared, position: u64) {
        self.control(shared, RETURN, position);
    }

    fn control(&mut self, shared: &Shared, kind: u16, position: u64) {
        let mut bytes = [0; ROOM];
        bytes[..8].copy_from_slice(&position.to_ne_bytes());
        let mut held = None;
        self.put(shared, &bytes, kind, &mut held);
        if let Some((slot, tag)) = held {
            show(slot, tag);
        }
    }

    /// Fills the next slot. The tag of the first of several is held back; the others are visible at once, because the
    /// reader does not check them yet.
    #[inline]
    fn put<'a>(&mut self, shared: &'a Shared, bytes: &[u8; ROOM], kind: u16, held: &mut Option<(&'a Slot, u32)>) {
        let Some(slot) = shared.slots.get(self.place.at) else { return };
        let tag = u32::from(self.place.lap) << 16 | u32::from(kind);
        slot.fill(bytes);
        if held.is_none() {
            *held = Some((slot, tag));
        } else {
            show(slot, tag);
        }
        self.place.step();
        self.written += 1;
    }
}

#[inline]
fn show(slot: &Slot, tag: u32) {
    slot.tag.store(tag, Ordering::Release);
}

/// The content of the next slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    Bytes(usize),
    /// The stream continues on the socket from this position.
    Leave(u64),
    /// The stream on the socket ends at this position.
    Return(u64),
}

/// The reading side.
pub(crate) struct Reader {
    place: Place,
    taken: u64,
    told: u64,
    /// The bytes of a slot that was taken in parts.
    rest: [u8; ROOM],
    /// The range of these bytes that is left.
    left: std::ops::Range<usize>,
}

impl Reader {
    pub(crate) fn new() -> Reader {
        Reader { place: Place::START, taken: 0, told: 0, rest: [0; ROOM], left: 0..0 }
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Returns whether a part of a slot is left.
    pub(super) fn has_rest(&self) -> bool {
        !self.left.is_empty()
    }

    pub(crate) fn look(&self, shared: &Shared) -> io::Result<Found> {
        let Some(slot) = shared.slots.get(self.place.at) else { return Ok(Found::Nothing) };
        let tag = slot.tag.load(Ordering::Acquire);
        let (lap, kind) = ((tag >> 16) as u16, tag as u16);
        if lap != self.place.lap {
            let before = self.place.lap.wrapping_sub(1);
            return if lap == before { Ok(Found::Nothing) } else { Err(broken("a slot of another lap")) };
        }
        let position = || {
            let mut bytes = [0; ROOM];
            slot.copy(&mut bytes);
            word64(&bytes)
        };
        match kind {
            LEAVE => Ok(Found::Leave(position())),
            RETURN => Ok(Found::Return(position())),
            1.. if usize::from(kind) <= ROOM => Ok(Found::Bytes(kind.into())),
            _ => Err(broken("a slot of invalid length")),
        }
    }

    /// Moves past the slot that was checked.
    pub(crate) fn pass(&mut self, shared: &Shared) {
        self.place.step();
        self.taken += 1;
        if self.taken - self.told >= TELL {
            self.tell(shared);
        }
    }

    /// Publishes the reader's position.
    pub(crate) fn tell(&mut self, shared: &Shared) {
        if self.told != self.taken {
            self.told = self.taken;
            shared.taken.0.store(self.taken, Ordering::Release);
        }
    }

    /// Appends at most `max` bytes to `buf`. Returns 0 if the next slot has none.
    pub(crate) fn read(&mut self, shared: &Shared, buf: &mut Vec<u8>, max: usize) -> io::Result<usize> {
        let mut left = max;
        if !self.left.is_empty() {
            left -= self.take_rest(buf, left);
        }
        while left > 0 {
            let Found::Bytes(count) = (match self.look(shared) {
                // The bytes before it are valid.
                Err(_) if left < max => break,
                found => found?,
            }) else {
                break;
            };
            if let Some(slot) = shared.slots.get(self.place.at) {
                slot.copy(&mut self.rest);
            }
            self.pass(shared);
            self.left = 0..count;
            left -= self.take_rest(buf, left);
        }
        Ok(max - left)
    }

    #[inline]
    fn take_rest(&mut self, buf: &mut Vec<u8>, max: usize) -> usize {
        let count = self.left.len().min(max);
        let end = self.left.start + count;
        buf.extend_from_slice(self.rest.get(self.left.start..end).unwrap_or(&[]));
        self.left.start = end;
        count
    }

    /// Returns the maximum number of bytes that `read` would return.
    pub(crate) fn available(&self, shared: &Shared) -> usize {
        let mut ahead = Reader { place: self.place, taken: 0, told: 0, rest: self.rest, left: 0..0 };
        let mut count = self.left.len();
        for _ in 0..SLOTS {
            let Ok(Found::Bytes(bytes)) = ahead.look(shared) else { break };
            count += bytes;
            ahead.place.step();
        }
        count
    }
}

#[cfg(test)]
pub(super) mod tests;
