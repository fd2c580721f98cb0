//! The native form of a value, negotiated by two librpyc peers: lists, dicts and arrays by value
//! (docs/reference/native.md).
//!
//! It is a skeleton in one of serde's formats (`format.rs`), and beside it the long strings, bytes and arrays, which
//! are sent and read without a copy. Both are byte strings of brine, so that a native value can replace any brine
//! value, and can be skipped without knowing the form.

mod format;
#[cfg(test)]
mod tests;

use super::brine::{self, DecodeError, Reader, Sink};
use crate::budget::Account;
use crate::value::Limits;
use crate::value::{Blob, Image, Proxy, PutBeside, TakeBeside, Value, ValueSeed};
use std::cell::{Cell, RefCell};

/// Strings, bytes and arrays of at least this length are stored beside the skeleton.
const LONG_BLOB: usize = 1024;
/// Brine's tag and length of a byte string of this length.
const LENGTH: usize = 5;
/// The alignment in the message of the parts beside the skeleton.
const ALIGN: usize = 8;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NativeError {
    #[error("a native value: {0}")]
    Malformed(String),
    #[error("a native value: {0}")]
    Limit(String),
    /// More levels than the stack has room for. All of it has been read away, and every reference in it followed.
    #[error("a native value: {0}")]
    Stack(String),
    #[error("a native value: {0}")]
    Memory(String),
    #[error("a native value: {0}")]
    Unwritable(String),
    #[error(transparent)]
    Brine(#[from] DecodeError),
}

/// Writes a value. `origin`: the offset of the message in `out`. `times`: whether the peer reads dates and times.
/// `refer`: encodes a reference, or returns None to fail.
pub fn put<S: Sink>(
    out: &mut S,
    value: &Value,
    levels: usize,
    origin: usize,
    times: bool,
    refer: &dyn Fn(&Value) -> Option<(u8, Blob)>,
) -> Result<(), NativeError> {
    let writing = Writing { refer, times, long: RefCell::default() };
    let mut skeleton = Vec::with_capacity(64);
    format::write(&mut skeleton, Image::new(value, levels, &writing))?;
    let long = writing.long.into_inner();
    if !long.is_empty() {
        brine::put_tuple_header(out, 1 + long.len());
    }
    match skeleton.len() {
        ..LONG_BLOB => brine::put_bytes(out, &skeleton),
        _ => brine::put_bytes_blob(out, &skeleton.into()),
    }
    for blob in &long {
        let before = out.position().wrapping_sub(origin) + LENGTH + 1;
        let padding = before.wrapping_neg() % ALIGN;
        brine::put_bytes_header(out, 1 + padding + blob.len());
        out.put_byte(padding as u8);
        out.put(&[0; ALIGN][..padding]);
        out.put_blob(blob);
    }
    Ok(())
}

/// Reads a value. `follow`: decodes a reference from a label and an id, or returns None to fail.
pub fn read(
    reader: &mut Reader<'_>,
    limits: &Limits,
    levels: usize,
    follow: &dyn Fn(u8, &[u8]) -> Option<Value>,
) -> Result<Value, NativeError> {
    let parts = match reader.is_bytes() {
        true => 1,
        false => reader.tuple_header()?,
    };
    if parts == 0 {
        return Err(NativeError::Malformed("it has no parts".into()));
    }
    let skeleton = reader.bytes()?;
    let mut long = Vec::new();
    for _ in 1..parts {
        long.try_reserve(1).map_err(|_| NativeError::Memory(format!("no memory for {parts} parts")))?;
        long.push(part(reader)?);
    }
    let (memory, unpaid, account) = reader.memory_left();
    let reading = Reading {
        follow,
        long: RefCell::new(long.into_iter()),
        memory: Cell::new((memory, unpaid)),
        account,
        refused: Cell::new(false),
        over_limit: Cell::new(false),
        short: Cell::new(false),
        followed: Cell::new(0),
    };
    let value = match format::read(skeleton, ValueSeed::new(limits, levels, &reading)) {
        Err(NativeError::Malformed(text)) if reading.short.get() => {
            reading.follow_rest(skeleton)?;
            reading.settle(reader);
            return Err(NativeError::Stack(text));
        }
        Err(NativeError::Malformed(text)) if reading.refused.get() => return Err(NativeError::Memory(text)),
        Err(NativeError::Malformed(text)) if reading.over_limit.get() => return Err(NativeError::Limit(text)),
        value => value?,
    };
    reading.settle(reader);
    match reading.long.into_inner().len() {
        0 => Ok(value),
        left => Err(NativeError::Malformed(format!("{left} parts are unused"))),
    }
}

/// A part beside the skeleton: how many bytes of padding, the padding, and the content.
fn part(reader: &mut Reader<'_>) -> Result<Blob, NativeError> {
    let bytes = reader.bytes()?;
    let content = match bytes {
        [padding, rest @ ..] if usize::from(*padding) < ALIGN => rest.get(usize::from(*padding)..),
        _ => None,
    };
    let content = content.ok_or_else(|| NativeError::Malformed("a part without its padding".into()))?;
    Ok(reader.end_of_last(content)?)
}

struct Writing<'a> {
    refer: &'a dyn Fn(&Value) -> Option<(u8, Blob)>,
    times: bool,
    long: RefCell<Vec<Blob>>,
}

impl PutBeside for Writing<'_> {
    fn reference(&self, reference: &Value) -> Option<(u8, Blob)> {
        (self.refer)(reference)
    }

    fn has_times(&self) -> bool {
        self.times
    }

    fn long(&self, blob: &Blob) -> bool {
        let long = blob.len() >= LONG_BLOB;
        if long {
            self.long.borrow_mut().push(blob.clone());
        }
        long
    }
}

struct Reading<'a> {
    follow: &'a dyn Fn(u8, &[u8]) -> Option<Value>,
    long: RefCell<std::vec::IntoIter<Blob>>,
    /// The memory that the message may still take, at once and from the account.
    memory: Cell<(usize, usize)>,
    account: Option<&'a Account>,
    /// The account had not as much.
    refused: Cell<bool>,
    over_limit: Cell<bool>,
    short: Cell<bool>,
    /// The number of references that were followed.
    followed: Cell<usize>,
}

impl Reading<'_> {
    fn settle(&self, reader: &mut Reader<'_>) {
        let (memory, unpaid) = self.memory.get();
        reader.set_memory_left(memory, unpaid);
    }

    /// Follows the references behind the place where the stack became too short: the peer counts them as received.
    #[cold]
    fn follow_rest(&self, skeleton: &[u8]) -> Result<(), NativeError> {
        let mut known = self.followed.get();
        format::each_reference(skeleton, |label, id| {
            if known > 0 {
                known -= 1;
                return Ok(());
            }
            if !self.charge(Proxy::memory(id.len())) {
                return Err(NativeError::Limit("its references take too much memory (max_memory)".into()));
            }
            let refused = || NativeError::Malformed("a reference that cannot be followed".into());
            (self.follow)(label, id).map(drop).ok_or_else(refused)
        })
    }
}

impl TakeBeside for Reading<'_> {
    fn reference(&self, label: u8, id: &[u8]) -> Option<Value> {
        self.followed.set(self.followed.get() + 1);
        (self.follow)(label, id)
    }

    fn long(&self) -> Option<Blob> {
        self.long.borrow_mut().next()
    }

    fn charge(&self, bytes: usize) -> bool {
        let (mut memory, mut unpaid) = self.memory.get();
        let charged = match memory.checked_sub(bytes) {
            Some(left) => {
                memory = left;
                true
            }
            None => brine::pay(self.account, &mut memory, &mut unpaid, bytes),
        };
        if !charged && bytes - memory <= unpaid {
            self.refused.set(true);
        }
        self.memory.set((if charged { memory } else { 0 }, unpaid));
        charged
    }

    fn limit_exceeded(&self) {
        self.over_limit.set(true);
    }

    fn stack_is_short(&self) {
        self.short.set(true);
    }
}
