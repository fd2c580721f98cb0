//! Received bytes, frame by frame.

use super::body::{Body, ENOUGH, find_long};
use super::deflate::{begin_inflating, inflate_into};
use super::destination::{Destination, Direct, Expected, Match};
use super::skip::{Skip, Skipped, Skipping, inflated_too_far};
use super::{FrameError, HEADER};
use crate::budget::{Account, Charge, Storage};
use crate::codec::brine::Reader;
use crate::value::{ALIGNED, Limits};
use std::collections::VecDeque;
use std::sync::Arc;

/// The least room for one read, unless only short messages arrive.
const READ: usize = 16 * 1024;
/// Room for the first read, and for as long as none fills it; what it takes is kept for the thread by malloc.
const SHORT: usize = 512;
/// More room, where that was filled: together 4 KiB.
const MEDIUM: usize = 4096 - SHORT;
/// Bodies from here on get storage of their own, which long values can then share.
const LARGE: usize = ALIGNED;
/// The storage that is allocated for an announced large body, unless more has arrived, or a body as large arrived
/// before.
const MAX_TRUSTED_LENGTH: usize = 256 * 1024;
/// The limit on that storage, whatever has arrived before.
const BELIEVED_MAX: usize = 16 << 20;
/// A buffer larger than this is freed when it is empty.
const MAX_KEPT_CAPACITY: usize = 256 * 1024;
/// A buffer up to this is not charged to the account.
const FREE: usize = 128 * 1024;

/// Receives bytes in pieces of any size and returns frames.
pub struct Incoming {
    buffer: Vec<u8>,
    /// The length of the part of `buffer` that was returned as frames.
    taken: usize,
    /// The number of bytes received in all.
    total: u64,
    /// The frame that is being received into its own storage; `buffer` is used up then.
    large: Option<Large>,
    /// Replies with a destination, in the order of their requests.
    expected: VecDeque<Expected>,
    /// Messages beyond a limit are passed over; None: they are the end.
    skipping: Option<Skipping>,
    /// The initial allocation for a large body.
    believed: usize,
    limit: usize,
    inflated_limit: usize,
    /// There was no memory to receive this into.
    starved: Option<usize>,
    account: Account,
    /// For the buffer, where it is large.
    charge: Charge,
}

/// The target of the next read.
pub struct Target<'a> {
    /// To be filled first; mostly there is nothing to be filled.
    pub room: &'a mut [u8],
    /// To be appended to, once `room` is full.
    pub buffer: &'a mut Vec<u8>,
    /// The number of bytes that may be appended.
    pub max: usize,
}

struct Large {
    /// The body and the byte after it, as far as they are here.
    data: Body,
    /// For the storage of `data`.
    charge: Charge,
    body: usize,
    compressed: bool,
    /// The destination, if the body is received there instead of in `data`. The byte after it is received into `buffer`
    /// first.
    direct: Option<Direct>,
    /// It is passed over; `data` stays empty.
    skip: Option<Box<Skip>>,
}

/// The payload of a frame, decompressed. It is read through its `Incoming`, before that takes in more.
#[derive(Debug)]
pub struct Payload(Source);

#[derive(Debug)]
enum Source {
    Buffered {
        start: usize,
        len: usize,
    },
    /// From a place of the storage on to its end.
    Owned(Arc<Storage>, usize),
    Direct(Box<Direct>),
    Skipped(Box<Skipped>),
}

impl Payload {
    /// Returns whether the payload is outside of the buffer: received into its destination, or skipped.
    #[inline]
    pub fn is_elsewhere(&self) -> bool {
        matches!(self.0, Source::Direct(_) | Source::Skipped(_))
    }

    /// The bytes received into a destination, or the description of a skipped message.
    pub fn elsewhere(self) -> Option<Result<Direct, Skipped>> {
        match self.0 {
            Source::Direct(direct) => Some(Ok(*direct)),
            Source::Skipped(skipped) => Some(Err(*skipped)),
            Source::Buffered { .. } | Source::Owned(..) => None,
        }
    }
}

/// A frame's header, with the body's length as announced.
struct Header {
    body: usize,
    compressed: bool,
}

impl Header {
    #[inline]
    fn read(bytes: &[u8]) -> Option<Header> {
        let &[a, b, c, d, compressed] = bytes.first_chunk()?;
        Some(Header { body: u32::from_be_bytes([a, b, c, d]) as usize, compressed: compressed != 0 })
    }

    /// The whole frame's length.
    #[inline]
    fn frame(&self) -> usize {
        HEADER + self.body + 1
    }
}

impl Large {
    fn new(body: usize, compressed: bool) -> Large {
        Large { data: Body::default(), charge: Charge::default(), body, compressed, direct: None, skip: None }
    }

    /// Makes storage for `more` bytes, if there is memory for them.
    fn reserve(&mut self, more: usize) -> bool {
        self.charge.set(self.data.len() + more + ALIGNED) && self.data.reserve(more).is_ok()
    }

    /// The body and the byte after it.
    fn size(&self) -> usize {
        self.body + 1
    }

    /// Returns whether the frame is complete with the byte after it, or none of it is awaited. `follows`: bytes have
    /// arrived after those in a destination.
    fn is_whole(&self, follows: bool) -> bool {
        match (&self.direct, &self.skip) {
            (Some(direct), _) => direct.is_full() && follows,
            (None, Some(skip)) => skip.is_over(),
            (None, None) => self.missing() == 0,
        }
    }

    /// The number of bytes still to be stored.
    fn missing(&self) -> usize {
        if self.skip.is_some() { 0 } else { self.size().saturating_sub(self.data.len()) }
    }

    /// The number of bytes of the frame that left the buffer.
    fn here(&self) -> usize {
        HEADER
            + match (&self.direct, &self.skip) {
                (Some(direct), _) => direct.len(),
                (None, Some(skip)) => skip.passed(),
                (None, None) => self.data.len(),
            }
    }
}

impl Default for Incoming {
    fn default() -> Incoming {
        Incoming::new(&Limits::default())
    }
}

impl Incoming {
    pub fn new(limits: &Limits) -> Incoming {
        Incoming {
            buffer: Vec::new(),
            taken: 0,
            total: 0,
            large: None,
            expected: VecDeque::new(),
            skipping: None,
            believed: MAX_TRUSTED_LENGTH,
            limit: limits.frame,
            inflated_limit: limits.inflated,
            starved: None,
            account: Account::default(),
            charge: Charge::default(),
        }
    }

    /// Takes memory from an account.
    pub fn charged_to(mut self, account: &Account) -> Incoming {
        self.account = account.clone();
        self.charge = Charge::new(account);
        self
    }

    /// Passes over messages beyond a limit from which can be read whose they are.
    pub fn skipping(mut self, skipping: Skipping) -> Incoming {
        self.skipping = Some(skipping);
        self
    }

    /// Returns whether a message that is not complete yet is being skipped.
    #[inline]
    pub fn is_skipping(&self) -> bool {
        self.large.as_ref().is_some_and(|large| large.skip.is_some())
    }

    /// Waits no longer for the rest of a message that is passed over.
    pub fn give_up_skipping(&mut self) {
        self.large.iter_mut().filter_map(|large| large.skip.as_mut()).for_each(|skip| skip.give_up());
    }

    /// Arranges that the body of a reply under `expected.key` is received into its destination, if it is long and
    /// begins as expected.
    pub fn expect(&mut self, expected: Expected) {
        self.expected.push_back(expected);
    }

    #[inline]
    pub fn expects(&self) -> bool {
        !self.expected.is_empty()
    }

    /// Takes back a room into which nothing has been received.
    pub fn take_destination(&mut self, key: i64) -> Option<Box<dyn Destination>> {
        let at = self.expected.iter().position(|expected| expected.key == key)?;
        self.expected.remove(at).map(Expected::into_destination)
    }

    /// Takes all destinations back, including the one in use; no frame can be received after this.
    pub fn take_destinations(&mut self) -> Vec<Box<dyn Destination>> {
        let direct = self.large.take_if(|large| large.direct.is_some()).and_then(|large| large.direct);
        direct
            .map(Direct::into_destination)
            .into_iter()
            .chain(self.expected.drain(..).map(Expected::into_destination))
            .collect()
    }

    /// Returns the target of the next read. It has spare capacity for `max`: for a short message, for 16 KiB after
    /// longer ones, or for the rest of a large frame. Without memory it is 0, which is the next frame's error. Call
    /// `received` afterwards.
    #[inline]
    pub fn target(&mut self) -> Target<'_> {
        let mut wanted = if self.buffer.capacity() < MEDIUM { MEDIUM } else { READ };
        if self.taken == self.buffer.len() {
            if self.taken < self.buffer.capacity() || self.taken == 0 {
                wanted = SHORT;
            }
            self.buffer.clear();
            self.taken = 0;
            if self.buffer.capacity() > MAX_KEPT_CAPACITY {
                self.give_back();
            }
        } else if self.large.is_none() {
            self.begin_large();
        }
        if self.large.as_ref().is_some_and(|large| large.data.spare() < large.missing().min(READ)) {
            self.grow_large();
        }
        let whole = self.large.as_ref().is_none_or(|large| large.direct.is_some() || large.missing() == 0);
        if whole && self.buffer.capacity() - self.buffer.len() < wanted {
            self.reserve_space(wanted);
        }
        let room: &mut [u8] = match &mut self.large {
            Some(Large { direct: Some(direct), .. }) => direct.rest(),
            Some(large) if large.missing() > 0 => {
                let max = large.missing().min(large.data.spare());
                return Target { room: &mut [], buffer: large.data.end(), max };
            }
            _ => &mut [],
        };
        let max = self.buffer.capacity() - self.buffer.len();
        Target { room, buffer: &mut self.buffer, max }
    }

    /// Makes storage for more of a large frame. Without memory it is passed over.
    #[cold]
    fn grow_large(&mut self) {
        let Some(large) = &mut self.large else { return };
        // At most doubled: the announced bytes may never arrive.
        let more = large.missing().min(large.data.len().max(self.believed));
        if !large.reserve(more) && !large.reserve(large.missing().min(READ)) {
            let body = std::mem::take(&mut large.data);
            match self.skipping {
                Some(skipping) => {
                    let (size, compressed) = (large.body, large.compressed);
                    let skip = Skip::rest(skipping, size, compressed, body.data(), self.inflated_limit);
                    large.skip = Some(Box::new(skip));
                }
                None => self.starved = Some(large.body),
            }
        }
    }

    /// Counts `n` bytes received into the target.
    #[inline]
    pub fn received(&mut self, n: usize) {
        self.total += n as u64;
        if let Some(large) = &mut self.large {
            if let Some(direct) = &mut large.direct {
                direct.received(n);
            }
            // Only after more was appended than `target` allowed.
            if let Some(next) = large.data.data().get(large.size()..) {
                self.buffer.extend_from_slice(next);
                large.data.truncate(large.size());
            }
            if let Some(skip) = &mut large.skip {
                self.taken += skip.push(self.buffer.get(self.taken..).unwrap_or(&[]));
            }
        }
        debug_assert!(n <= self.buffered());
    }

    /// Takes in bytes from elsewhere.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let Target { room, buffer, max } = self.target();
            if room.is_empty() && max == 0 {
                // It is the next frame's error.
                return;
            }
            let (first, rest) = bytes.split_at(bytes.len().min(room.len()));
            room.iter_mut().zip(first).for_each(|(place, byte)| *place = *byte);
            let (next, later) = rest.split_at(rest.len().min(max));
            buffer.extend_from_slice(next);
            self.received(first.len() + next.len());
            bytes = later;
        }
    }

    /// The next frame that is here as a whole. Frames without a payload are passed over.
    #[inline]
    pub fn next_frame(&mut self) -> Result<Option<Payload>, FrameError> {
        if self.large.is_some() {
            return self.next_large();
        }
        loop {
            let rest = self.buffer.get(self.taken..).unwrap_or(&[]);
            let Some(header) = Header::read(rest) else { return self.nothing() };
            if header.body > self.limit {
                return self.begin_skip(header);
            }
            let Some(body) = rest.get(HEADER..header.frame()).and_then(|rest| rest.get(..header.body)) else {
                return self.nothing();
            };
            let start = self.taken + HEADER;
            self.taken += header.frame();
            if body.is_empty() {
                continue;
            }
            if !header.compressed {
                return Ok(Some(Payload(Source::Buffered { start, len: body.len() })));
            }
            let charge = Charge::new(&self.account);
            let source = inflate(body, charge, self.inflated_limit, self.skipping)?;
            if let Some(source) = source {
                return Ok(Some(Payload(source)));
            }
        }
    }

    /// No whole frame is here, and none will be if there was no memory for it.
    #[inline]
    fn nothing(&self) -> Result<Option<Payload>, FrameError> {
        match self.starved {
            None => Ok(None),
            Some(size) => Err(FrameError::OutOfMemory { size }),
        }
    }

    /// Returns the body of the next frame without consuming it, if it is complete, not compressed, and below the
    /// limits.
    #[inline(always)]
    pub fn short_frame(&self) -> Option<&[u8]> {
        if self.large.is_some() {
            return None;
        }
        let rest = self.buffer.get(self.taken..)?;
        let header = Header::read(rest)?;
        if header.compressed | (header.body > self.limit) {
            return None;
        }
        rest.get(HEADER..header.frame())?.split_last().map(|(_, body)| body)
    }

    /// Consumes the frame that `short_frame` returned, of this length.
    #[inline(always)]
    pub fn pass_short(&mut self, length: usize) {
        self.taken += HEADER + length + 1;
    }

    /// Returns whether everything received was returned as frames.
    #[inline(always)]
    pub fn is_vacant(&self) -> bool {
        self.large.is_none() & self.starved.is_none() & (self.taken == self.buffer.len())
    }

    /// Frees the memory of empty buffers.
    #[cold]
    #[inline(never)]
    pub fn give_back(&mut self) {
        if self.is_vacant() {
            self.buffer = Vec::new();
            self.taken = 0;
            self.charge.set(0);
        }
    }

    /// The buffer, if all of it has been given out and it has room for a receive, and how much that may bring. Call `received`
    /// afterwards.
    #[inline(always)]
    pub fn short_target(&mut self) -> Option<(&mut Vec<u8>, usize)> {
        let capacity = self.buffer.capacity();
        // The traffic that filled it may continue.
        if !self.is_vacant() | (self.buffer.len() == capacity) | (capacity > MAX_KEPT_CAPACITY) {
            return None;
        }
        self.buffer.clear();
        self.taken = 0;
        Some((&mut self.buffer, capacity))
    }

    /// Begins to skip the next frame.
    #[cold]
    fn begin_skip(&mut self, header: Header) -> Result<Option<Payload>, FrameError> {
        let Header { body, compressed } = header;
        // A record of a handshake, of any version, taken for the length of a frame.
        if let [0, 0, 0, 0, 0x16, 0x03, 0x00..=0x04, _] = (body as u64).to_be_bytes() {
            return Err(FrameError::Tls);
        }
        let Some(skipping) = self.skipping else {
            return Err(FrameError::TooLong { size: body, limit: self.limit });
        };
        let mut skip = Skip::new(skipping, body, compressed, self.limit, self.inflated_limit);
        self.taken += HEADER;
        self.taken += skip.push(self.buffer.get(self.taken..).unwrap_or(&[]));
        self.large = Some(Large { skip: Some(Box::new(skip)), ..Large::new(body, compressed) });
        self.next_large()
    }

    fn next_large(&mut self) -> Result<Option<Payload>, FrameError> {
        let follows = !self.buffer.is_empty();
        let Some(mut large) = self.large.take_if(|large| large.is_whole(follows)) else { return self.nothing() };
        if let Some(direct) = large.direct {
            self.taken += 1;
            return Ok(Some(Payload(Source::Direct(Box::new(direct)))));
        }
        if let Some(skip) = large.skip {
            return skip.into_skipped().map(|skipped| Some(Payload(Source::Skipped(Box::new(skipped)))));
        }
        self.believed = self.believed.max(large.size().min(BELIEVED_MAX));
        large.data.truncate(large.body);
        if !large.compressed {
            return Ok(Some(Payload(owned_source(large.data, large.charge))));
        }
        let charge = Charge::new(&self.account);
        let source = inflate(large.data.data(), charge, self.inflated_limit, self.skipping)?;
        drop(large);
        match source {
            Some(source) => Ok(Some(Payload(source))),
            None => self.next_frame(),
        }
    }

    /// The bytes of a payload; none of one that is elsewhere.
    #[inline]
    pub fn bytes<'a>(&'a self, payload: &'a Payload) -> &'a [u8] {
        match &payload.0 {
            Source::Buffered { start, len } => self.buffer.get(*start..*start + *len).unwrap_or(&[]),
            Source::Owned(owner, start) => owner.bytes.get(*start..).unwrap_or(&[]),
            Source::Direct(_) | Source::Skipped(_) => &[],
        }
    }

    /// Reads a payload; long values share a payload that has storage of its own.
    #[inline]
    pub fn reader<'a>(&'a self, payload: &'a Payload, limits: &'a Limits) -> Reader<'a> {
        let owner = match &payload.0 {
            Source::Buffered { .. } | Source::Direct(_) | Source::Skipped(_) => None,
            Source::Owned(bytes, start) => Some((bytes, *start)),
        };
        Reader::new(self.bytes(payload), owner, limits).charged_to(&self.account)
    }

    /// The first `n` bytes of the next payload, or all of a shorter one, as soon as they are here. Takes nothing.
    pub fn peek(&mut self, n: usize) -> Result<Option<Vec<u8>>, FrameError> {
        if let Some(Large { data, body, compressed, direct: None, skip: None, .. }) = &self.large {
            let data = data.data();
            return begin_payload(data.get(..*body).unwrap_or(data), *body, *compressed, n);
        }
        let mut rest = self.buffer.get(self.taken..).unwrap_or(&[]);
        while let Some(header) = Header::read(rest) {
            if header.body > self.limit {
                return Err(FrameError::TooLong { size: header.body, limit: self.limit });
            }
            if header.body > 0 {
                let body = rest.get(HEADER..).unwrap_or(&[]);
                let begun = begin_payload(body.get(..header.body).unwrap_or(body), header.body, header.compressed, n)?;
                if begun.as_ref().is_none_or(|begun| !begun.is_empty()) {
                    return Ok(begun);
                }
            }
            rest = rest.get(header.frame()..).unwrap_or(&[]);
        }
        Ok(None)
    }

    /// The number of bytes that were not returned as frames yet.
    #[inline]
    pub fn buffered(&self) -> usize {
        self.buffer.len() - self.taken + self.large.as_ref().map_or(0, Large::here)
    }

    /// Returns whether `next_frame` would return a frame or fail.
    pub fn has_whole_frame(&self) -> bool {
        if let Some(large) = &self.large {
            return large.is_whole(!self.buffer.is_empty());
        }
        let mut rest = self.buffer.get(self.taken..).unwrap_or(&[]);
        while let Some(header) = Header::read(rest) {
            if header.body > 0 {
                return header.body > self.limit || rest.len() >= header.frame();
            }
            rest = rest.get(header.frame()..).unwrap_or(&[]);
        }
        false
    }

    /// The number of bytes received in all.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The end of the next complete frame, counted as in `total`. None if there is no complete one.
    pub fn next_end(&self) -> Option<u64> {
        let given_out = self.total - self.buffered() as u64;
        if let Some(large) = &self.large {
            let length = HEADER + large.size();
            let end = (given_out + length as u64).min(self.total);
            return large.is_whole(!self.buffer.is_empty()).then_some(end);
        }
        let rest = self.buffer.get(self.taken..).unwrap_or(&[]);
        let mut at = 0;
        while let Some(header) = rest.get(at..).and_then(Header::read) {
            at += header.frame();
            if header.body > 0 {
                let fits = header.body <= self.limit && at <= rest.len();
                // One that is too long is passed over as soon as it is looked at.
                return (fits || header.body > self.limit).then_some(given_out + at.min(rest.len()) as u64);
            }
        }
        None
    }

    /// Returns whether more may be received, with a limit on the waiting bytes. A frame that is awaited is received to
    /// its end.
    #[inline]
    pub fn has_room(&self, limit: usize) -> bool {
        self.buffered() < limit || !self.has_whole_frame()
    }

    /// Returns whether the next frame has begun, but is not complete.
    pub fn is_mid_frame(&self) -> bool {
        self.buffered() > 0 && !self.has_whole_frame()
    }

    /// Moves a large frame that has begun into storage of its own.
    fn begin_large(&mut self) {
        let rest = self.buffer.get(self.taken..).unwrap_or(&[]);
        let Some(Header { body, compressed }) = Header::read(rest) else { return };
        if body < LARGE || body > self.limit || rest.len() > HEADER + body {
            return;
        }
        let begun = rest.get(HEADER..).unwrap_or(&[]);
        let mut large = Large::new(body, compressed);
        if !compressed {
            let matches = |expected: &Expected| expected.matches(begun, body) != Match::No;
            if let Some(at) = self.expected.iter().position(matches) {
                if self.expected.get(at).is_some_and(|expected| expected.matches(begun, body) == Match::Perhaps) {
                    // Reported with the next bytes.
                    return;
                }
                large.direct = self.expected.remove(at).map(|expected| expected.begin(begun, body));
            }
        }
        if large.direct.is_none() {
            if !compressed && begun.len() < ENOUGH && find_long(begun, body).is_none() {
                // The offset of its long bytes is found with the next bytes.
                return;
            }
            let capacity = (body + 1).min(begun.len().max(self.believed));
            large.charge = Charge::new(&self.account);
            let paid = large.charge.set(capacity + ALIGNED);
            let begin = || Body::begin(begun, if compressed { 0 } else { body }, capacity).ok();
            match (paid.then(begin).flatten(), self.skipping) {
                (Some(begun), _) => large.data = begun,
                (None, Some(skipping)) => {
                    let skip = Skip::rest(skipping, body, compressed, begun, self.inflated_limit);
                    large.skip = Some(Box::new(skip));
                }
                (None, None) => return self.starved = Some(body),
            }
        }
        self.large = Some(large);
        self.buffer.clear();
        self.taken = 0;
    }

    /// Makes room for a read in the buffer, by moving what is left in it or by growing it.
    #[cold]
    fn reserve_space(&mut self, wanted: usize) {
        let left = self.buffer.len() - self.taken;
        if self.taken >= left {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        if self.buffer.capacity() - self.buffer.len() >= wanted {
            return;
        }
        let size = match wanted {
            READ => (2 * self.buffer.capacity()).max(self.buffer.len() + 2 * READ),
            less => self.buffer.len() + less,
        };
        let paid = size <= FREE || self.charge.set(size);
        if !paid || self.buffer.try_reserve_exact(size - self.buffer.len()).is_err() {
            self.starved = Some(size);
        }
    }
}

/// A payload in storage of its own.
fn owned_source(body: Body, charge: Charge) -> Source {
    let (bytes, start) = body.into_owner(charge);
    Source::Owned(bytes, start)
}

/// Decompresses the body of a complete frame; None if it is empty.
fn inflate(
    body: &[u8],
    mut charge: Charge,
    limit: usize,
    skipping: Option<Skipping>,
) -> Result<Option<Source>, FrameError> {
    let mut out = Vec::new();
    match (inflate_into(&mut out, &mut charge, body, limit), skipping) {
        (Ok(()), _) => {}
        (Err(error @ (FrameError::InflatesTooFar { .. } | FrameError::OutOfMemory { .. })), Some(skipping)) => {
            return inflated_too_far(skipping, &out, error).map(|skipped| Some(Source::Skipped(Box::new(skipped))));
        }
        (Err(error), _) => return Err(error),
    }
    Ok((!out.is_empty()).then(|| owned_source(Body::whole(out), charge)))
}

/// The first `n` bytes of the payload of a frame of which `here` has arrived, or all of a shorter one.
fn begin_payload(here: &[u8], body: usize, compressed: bool, n: usize) -> Result<Option<Vec<u8>>, FrameError> {
    if compressed {
        return begin_inflating(here, n);
    }
    Ok(here.get(..n.min(body)).map(<[u8]>::to_vec))
}
