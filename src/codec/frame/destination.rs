//! Memory of the application into which a long reply is received without a copy.

use crate::value::{Blob, Value};
use std::fmt;

/// Memory that is borrowed for one reply.
pub trait Destination: Send + Sync {
    /// All of it; always of the same length until it is given up.
    fn bytes_mut(&mut self) -> &mut [u8];

    /// Its first bytes, where they are. Nothing is written any more.
    fn keep(self: Box<Self>, len: usize) -> Blob;

    /// Nothing is written any more, so others may have the memory. Dropping the rest may run code of the application.
    fn give_up(&mut self);
}

/// Moves bytes that fit into the destination, which then is the value. Other values are returned unchanged, with the
/// destination.
pub fn fill(mut destination: Box<dyn Destination>, value: Value) -> (Value, Option<Box<dyn Destination>>) {
    let Value::Bytes(bytes) = &value else { return (value, Some(destination)) };
    let len = bytes.len();
    let Some(place) = destination.bytes_mut().get_mut(..len) else { return (value, Some(destination)) };
    place.copy_from_slice(bytes);
    (Value::Bytes(destination.keep(len)), None)
}

/// A reply that is received into a destination if it begins as expected: `prefix`, a length in four bytes, and that
/// number of bytes up to the end of the body.
pub struct Expected {
    pub key: i64,
    /// Empty if the beginning of the reply is not known.
    prefix: Vec<u8>,
    most: usize,
    destination: Box<dyn Destination>,
}

/// The result of comparing a body with the expected one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Yes,
    No,
    /// Too little of it is here.
    Perhaps,
}

const LENGTH: usize = 4;

impl Expected {
    /// At most `most` bytes of a reply are received into the destination.
    pub fn new(key: i64, prefix: Vec<u8>, most: usize, mut destination: Box<dyn Destination>) -> Expected {
        let most = most.min(destination.bytes_mut().len());
        Expected { key, prefix, most, destination }
    }

    pub fn into_destination(self) -> Box<dyn Destination> {
        self.destination
    }

    /// Compares the beginning of an uncompressed body, of `size` bytes in all.
    pub(super) fn matches(&self, begun: &[u8], size: usize) -> Match {
        let (start, rest) = begun.split_at(begun.len().min(self.prefix.len()));
        if self.prefix.is_empty() || !self.prefix.starts_with(start) {
            return Match::No;
        }
        let Some(length) = rest.first_chunk::<LENGTH>() else { return Match::Perhaps };
        let length = u32::from_be_bytes(*length) as usize;
        if length <= self.most && size.checked_sub(length) == Some(self.head()) { Match::Yes } else { Match::No }
    }

    fn head(&self) -> usize {
        self.prefix.len() + LENGTH
    }

    /// Begins to receive a body that matches; what is here of it is copied.
    pub(super) fn begin(mut self, begun: &[u8], size: usize) -> Direct {
        let head = self.head();
        let data = begun.get(head..).unwrap_or(&[]);
        let filled = match self.destination.bytes_mut().get_mut(..data.len()) {
            Some(place) => {
                place.copy_from_slice(data);
                data.len()
            }
            None => 0,
        };
        Direct { key: self.key, destination: self.destination, head, size: size - head, filled }
    }
}

/// The bytes of a reply, in a destination, completely or in part.
pub struct Direct {
    pub key: i64,
    destination: Box<dyn Destination>,
    /// The length of the body before them.
    head: usize,
    size: usize,
    filled: usize,
}

impl Direct {
    /// The place of the next bytes.
    pub(super) fn rest(&mut self) -> &mut [u8] {
        self.destination.bytes_mut().get_mut(self.filled..self.size).unwrap_or_default()
    }

    /// Counts `n` received bytes, the first of which are in `rest`.
    pub(super) fn received(&mut self, n: usize) {
        self.filled += n.min(self.size - self.filled);
    }

    pub(super) fn is_full(&self) -> bool {
        self.filled == self.size
    }

    /// The number of bytes of the body that were received.
    pub(super) fn len(&self) -> usize {
        self.head + self.filled
    }

    /// The value that was received.
    pub fn into_value(self) -> Value {
        Value::Bytes(self.destination.keep(self.size))
    }

    pub fn into_destination(self) -> Box<dyn Destination> {
        self.destination
    }
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Direct({}: {} of {} bytes)", self.key, self.filled, self.size)
    }
}
