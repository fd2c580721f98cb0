//! Values to brine, always in the shortest form.
//!
//! The functions for strings, bytes and tuples do not fail: values beyond brine's 32-bit lengths also make the frame
//! too long, and are rejected there.

use super::error::EncodeError;
use super::tag;
use crate::nesting::step;
use crate::value::Limits;
use crate::value::{BigInt, Blob, Flat, Text, Value};

/// The maximum size of a value's encoding without its content.
const HEAD: usize = 64;
/// Longer strings and bytes are sent without a copy.
pub const SPLICE: usize = 16 * 1024;

/// The target of encoded bytes.
pub trait Sink {
    fn put(&mut self, bytes: &[u8]);

    fn put_byte(&mut self, byte: u8) {
        self.put(&[byte]);
    }

    /// The number of bytes written since some beginning.
    fn position(&self) -> usize;

    /// Returns whether there is or can be made room for this number of bytes.
    fn has_room(&mut self, bytes: usize) -> bool;

    /// May keep the blob instead of copying it.
    fn put_blob(&mut self, blob: &Blob) {
        self.put(blob);
    }
}

impl Sink for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    #[inline]
    fn put_byte(&mut self, byte: u8) {
        self.push(byte);
    }

    fn position(&self) -> usize {
        self.len()
    }

    #[inline]
    fn has_room(&mut self, bytes: usize) -> bool {
        self.capacity() - self.len() >= bytes || self.try_reserve(bytes).is_ok()
    }
}

#[inline]
pub fn put_none<S: Sink>(out: &mut S) {
    out.put_byte(tag::NONE);
}

#[inline]
pub fn put_bool<S: Sink>(out: &mut S, b: bool) {
    out.put_byte(if b { tag::TRUE } else { tag::FALSE });
}

#[inline]
pub fn put_int<S: Sink>(out: &mut S, n: i64) {
    match u8::try_from(n.wrapping_add(tag::INT_BIAS)) {
        Ok(byte @ tag::INT_FIRST..=tag::INT_LAST) => out.put_byte(byte),
        _ => put_int_text(out, itoa::Buffer::new().format(n).as_bytes()),
    }
}

/// The brine of a number that is mostly one more than the previous one: only its last digits are rewritten.
pub struct Digits {
    number: i64,
    bytes: [u8; Digits::ROOM],
    len: usize,
}

impl Default for Digits {
    fn default() -> Digits {
        Digits { number: 0, bytes: [tag::INT_BIAS as u8; Digits::ROOM], len: 1 }
    }
}

impl Digits {
    /// More than any number takes, in whole words.
    pub const ROOM: usize = 24;

    /// The brine of `n`.
    #[inline]
    pub fn of(&mut self, n: i64) -> &[u8] {
        let (bytes, len) = self.padded(n);
        bytes.get(..len).unwrap_or_default()
    }

    /// The same with the bytes behind it, and its length, so that a copy has a constant size.
    #[inline(always)]
    pub fn padded(&mut self, n: i64) -> (&[u8; Digits::ROOM], usize) {
        if n != self.number && !(self.number.checked_add(1) == Some(n) && self.increase()) {
            self.write(n);
        }
        self.number = n;
        (&self.bytes, self.len)
    }

    /// False if it must be rewritten.
    #[inline]
    fn increase(&mut self) -> bool {
        let Some([tag::INT_L1, _, digits @ ..]) = self.bytes.get_mut(..self.len) else { return false };
        if let [b'-', ..] = digits {
            return false;
        }
        for digit in digits.iter_mut().rev() {
            match *digit {
                b'0'..=b'8' => {
                    *digit += 1;
                    return true;
                }
                _ => *digit = b'0',
            }
        }
        false
    }

    #[cold]
    fn write(&mut self, n: i64) {
        let mut written = Vec::with_capacity(self.bytes.len());
        put_int(&mut written, n);
        if let Some(bytes) = self.bytes.get_mut(..written.len()) {
            bytes.copy_from_slice(&written);
            self.len = written.len();
        }
    }
}

pub fn put_big_int<S: Sink>(out: &mut S, n: &BigInt) {
    put_int_text(out, n.text().as_bytes());
}

fn put_int_text<S: Sink>(out: &mut S, text: &[u8]) {
    put_length(out, text.len(), tag::INT_L1, tag::INT_L4);
    out.put(text);
}

#[inline]
pub fn put_float<S: Sink>(out: &mut S, x: f64) {
    out.put_byte(tag::FLOAT);
    out.put(&x.to_bits().to_be_bytes());
}

/// A str, from its UTF-8.
#[inline]
pub fn put_str<S: Sink>(out: &mut S, utf8: &[u8]) {
    out.put_byte(tag::STR);
    put_bytes(out, utf8);
}

#[inline]
pub fn put_text<S: Sink>(out: &mut S, text: &Text) {
    out.put_byte(tag::STR);
    put_bytes_blob(out, text.as_blob());
}

#[inline]
pub fn put_bytes<S: Sink>(out: &mut S, bytes: &[u8]) {
    put_bytes_header(out, bytes.len());
    out.put(bytes);
}

#[inline]
pub fn put_bytes_blob<S: Sink>(out: &mut S, blob: &Blob) {
    put_bytes_header(out, blob.len());
    out.put_blob(blob);
}

/// Writes the beginning of a byte string of this length.
#[inline]
pub fn put_bytes_header<S: Sink>(out: &mut S, len: usize) {
    match len {
        0 => out.put_byte(tag::BYTES_0),
        1..=4 => out.put_byte(tag::BYTES_1 - 1 + len as u8),
        _ => put_length(out, len, tag::BYTES_L1, tag::BYTES_L4),
    }
}

/// The beginning of a tuple; its items follow.
#[inline]
pub fn put_tuple_header<S: Sink>(out: &mut S, items: usize) {
    match items {
        0 => out.put_byte(tag::TUPLE_0),
        1..=4 => out.put_byte(tag::TUPLE_1 - 1 + items as u8),
        _ => put_length(out, items, tag::TUPLE_L1, tag::TUPLE_L4),
    }
}

#[inline]
fn put_length<S: Sink>(out: &mut S, len: usize, short: u8, long: u8) {
    match u8::try_from(len) {
        Ok(len) => out.put(&[short, len]),
        Err(_) => {
            let [a, b, c, d] = u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
            out.put(&[long, a, b, c, d]);
        }
    }
}

/// Any value that can travel by value. After an error a part of it may have been written.
#[inline]
pub fn put_value<S: Sink>(out: &mut S, value: &Value, limits: &Limits) -> Result<(), EncodeError> {
    if let Value::Int(n) = value {
        put_int(out, *n);
        return Ok(());
    }
    put_at(out, value, limits, limits.depth.min(Value::MAX_DEPTH))
}

fn put_at<S: Sink>(out: &mut S, value: &Value, limits: &Limits, levels: usize) -> Result<(), EncodeError> {
    match value {
        Value::None => put_none(out),
        Value::NotImplemented => out.put_byte(tag::NOT_IMPLEMENTED),
        Value::Ellipsis => out.put_byte(tag::ELLIPSIS),
        Value::Bool(b) => put_bool(out, *b),
        Value::Int(n) => put_int(out, *n),
        Value::BigInt(n) => {
            if n.digits() > limits.digits {
                return Err(EncodeError::TooManyDigits { digits: n.digits(), limit: limits.digits });
            }
            check_length("an int", n.digits())?;
            put_big_int(out, n);
        }
        Value::Float(x) => put_float(out, *x),
        Value::Complex(re, im) => {
            out.put_byte(tag::COMPLEX);
            out.put(&re.to_bits().to_be_bytes());
            out.put(&im.to_bits().to_be_bytes());
        }
        Value::Str(text) => {
            check_length("a str", text.as_bytes().len())?;
            put_text(out, text);
        }
        Value::Bytes(bytes) => {
            check_length("bytes", bytes.len())?;
            put_bytes_blob(out, bytes);
        }
        Value::Tuple(items) => return put_items(out, items, limits, levels),
        Value::Slice(parts) => {
            out.put_byte(tag::SLICE);
            return put_items(out, &parts[..], limits, levels);
        }
        Value::FrozenSet(items) => {
            out.put_byte(tag::FROZENSET);
            return put_items(out, items, limits, levels);
        }
        Value::List(_) | Value::Dict(_) | Value::Array(_) | Value::Temporal(_) | Value::Ref(_) => {
            return Err(EncodeError::NotPlain(value.type_name().to_owned()));
        }
    }
    Ok(())
}

fn put_items<S: Sink>(out: &mut S, items: &[Value], limits: &Limits, levels: usize) -> Result<(), EncodeError> {
    let Some(levels) = levels.checked_sub(1) else {
        return Err(EncodeError::TooDeep { limit: limits.depth.min(Value::MAX_DEPTH) });
    };
    check_length("a tuple", items.len())?;
    put_tuple_header(out, items.len());
    match step() {
        Some(_step) => items.iter().try_for_each(|item| {
            make_room(out, item)?;
            put_at(out, item, limits, levels)
        }),
        None => put_flat(out, items, limits, levels),
    }
}

/// The same without recursion, for a short stack.
#[cold]
#[inline(never)]
fn put_flat<S: Sink>(out: &mut S, items: &[Value], limits: &Limits, levels: usize) -> Result<(), EncodeError> {
    for (depth, value) in Flat::of(items) {
        let (kind, count) = match value {
            Value::Tuple(items) => (None, items.len()),
            Value::FrozenSet(items) => (Some(tag::FROZENSET), items.len()),
            Value::Slice(parts) => (Some(tag::SLICE), parts.len()),
            leaf => {
                make_room(out, leaf)?;
                put_at(out, leaf, limits, 0)?;
                continue;
            }
        };
        if depth >= levels {
            return Err(EncodeError::TooDeep { limit: limits.depth.min(Value::MAX_DEPTH) });
        }
        check_length("a tuple", count)?;
        kind.into_iter().for_each(|kind| out.put_byte(kind));
        put_tuple_header(out, count);
    }
    Ok(())
}

/// Makes room for an item without what is in it, as tuples of a peer's choice may have millions.
#[inline]
pub fn make_room<S: Sink>(out: &mut S, item: &Value) -> Result<(), EncodeError> {
    let content = match item {
        Value::Str(text) => text.as_bytes().len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::BigInt(n) => n.digits(),
        _ => 0,
    };
    match out.has_room(HEAD + content.min(SPLICE)) {
        true => Ok(()),
        false => Err(EncodeError::OutOfMemory { size: out.position() }),
    }
}

fn check_length(what: &'static str, size: usize) -> Result<(), EncodeError> {
    if u32::try_from(size).is_err() {
        return Err(EncodeError::TooLong { what, size });
    }
    Ok(())
}
