//! Brine to values. Strict, but for longer forms than needed; nothing in the input is trusted.

use super::error::{DecodeError, DecodeErrorKind as Kind};
use super::tag;
use crate::budget::{self, Account, Storage};
use crate::nesting::step;
use crate::value::Limits;
use crate::value::{Blob, INLINE, IntTextError, Items, Text, Unhashable, Value, short_canonical};
use std::sync::Arc;

pub(super) type Result<T, E = DecodeError> = std::result::Result<T, E>;

/// Strings and bytes of at least this length may share the input instead of copying it.
const SHARE: usize = 1024;
/// The largest ratio of the memory that a shared part keeps alive to its own size.
const PINNED: usize = 16;
/// From this depth on, entering a container checks the stack.
const SHALLOW: usize = 4;
/// The memory of a tuple without its items, and of bytes without their content.
const HEAD: usize = 48;
/// The memory of a message's values that needs no account.
const FREE: usize = 8 << 10;
/// The amount that is requested from the account at once.
const PIECE: usize = 64 << 10;
/// The memory of an item of a tuple.
const ITEM: usize = size_of::<Value>();
/// The additional memory of an item of a set while the set is made.
pub(super) const SET_ITEM: usize = 2 * ITEM;

/// Takes brine apart, value by value. What the values take is counted over all of them: one reader is one message.
#[derive(Clone)]
pub struct Reader<'a> {
    data: &'a [u8],
    /// The rest of `data`.
    rest: &'a [u8],
    owner: Option<(&'a Arc<Storage>, usize)>,
    limits: &'a Limits,
    /// The number of items that tuples and sets may still have.
    items: usize,
    /// The number of bytes that the values may still take.
    memory: usize,
    /// The items that follow, for which the budget is checked first.
    unpaid: usize,
    account: Option<&'a Account>,
}

/// Takes `bytes` of memory for values, after some of what is unpaid has been taken of the account. False: there is not as much.
#[cold]
pub fn pay(account: Option<&Account>, memory: &mut usize, unpaid: &mut usize, bytes: usize) -> bool {
    let Some(wanted) = bytes.checked_sub(*memory).filter(|wanted| *wanted <= *unpaid) else { return bytes <= *memory };
    let grant = |more: &usize| account.is_some_and(|account| account.grant(*more));
    let Some(more) = [wanted.max(PIECE).min(*unpaid), wanted].into_iter().find(grant) else { return false };
    *unpaid -= more;
    *memory = *memory + more - bytes;
    true
}

/// The one value that the input holds.
pub fn decode(data: &[u8], limits: &Limits) -> Result<Value> {
    let mut reader = Reader::new(data, None, limits);
    let value = reader.value()?;
    reader.end()?;
    Ok(value)
}

/// The int that the bytes begin with, if it is one of up to 18 digits in its usual form, and what follows it.
#[inline(always)]
pub fn short_int(bytes: &[u8], max_digits: usize) -> Option<(i64, &[u8])> {
    match bytes {
        [byte @ tag::INT_FIRST..=tag::INT_LAST, rest @ ..] => Some((i64::from(*byte) - tag::INT_BIAS, rest)),
        [tag::INT_L1, length, rest @ ..] if usize::from(*length) <= max_digits => {
            let (text, rest) = rest.split_at_checked(usize::from(*length))?;
            Some((short_canonical(text)?, rest))
        }
        _ => None,
    }
}

impl<'a> Reader<'a> {
    /// `owner`: the storage that contains `data`, and the offset of `data` in it. Long strings and bytes then share it.
    #[inline]
    pub fn new(data: &'a [u8], owner: Option<(&'a Arc<Storage>, usize)>, limits: &'a Limits) -> Reader<'a> {
        Reader { data, rest: data, owner, limits, items: limits.items, memory: limits.memory, unpaid: 0, account: None }
    }

    /// Takes the memory of values from an account, if they need more than a little.
    #[inline]
    pub fn charged_to(mut self, account: &'a Account) -> Reader<'a> {
        if account.is_limited() {
            self.unpaid = self.memory.saturating_sub(FREE);
            self.memory -= self.unpaid;
            self.account = Some(account);
        }
        self
    }

    #[inline]
    pub fn position(&self) -> usize {
        self.data.len() - self.rest.len()
    }

    #[inline]
    pub fn at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next byte: the tag of the next value.
    #[inline]
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The bytes that were not read yet.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Passes over bytes that `rest` showed.
    #[inline]
    pub fn advance(&mut self, n: usize) {
        self.rest = self.rest.get(n..).unwrap_or_default();
    }

    /// The bytes that were read since a position.
    pub fn raw_from(&self, start: usize) -> &'a [u8] {
        self.data.get(start..self.position()).unwrap_or(&[])
    }

    /// Reads bytes that are not brine, for the fields before it in a message.
    #[inline]
    pub fn raw(&mut self, size: usize, what: &'static str) -> Result<&'a [u8]> {
        self.fixed(self.position(), size, what)
    }

    /// Makes the error for the next value.
    #[inline]
    pub fn end(&self) -> Result<()> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(DecodeError::new(self.position(), Kind::Trailing(left))),
        }
    }

    /// The beginning of a tuple: how many items follow, never more than there are bytes.
    #[inline]
    pub fn tuple_header(&mut self) -> Result<usize> {
        if let [tag @ tag::TUPLE_1..=tag::TUPLE_4, rest @ ..] = self.rest {
            let count = usize::from(tag - tag::TUPLE_1) + 1;
            let memory = HEAD + count * ITEM;
            if count <= rest.len() && count <= self.items && memory <= self.memory {
                self.rest = rest;
                self.items -= count;
                self.memory -= memory;
                return Ok(count);
            }
        }
        self.any_tuple_header()
    }

    fn any_tuple_header(&mut self) -> Result<usize> {
        let at = self.position();
        let tag = self.tag()?;
        self.tuple_count(at, tag)
    }

    /// An int of 64 bits.
    #[inline]
    pub fn int(&mut self) -> Result<i64> {
        if let [byte @ tag::INT_FIRST..=tag::INT_LAST, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(i64::from(*byte) - tag::INT_BIAS);
        }
        self.any_int()
    }

    fn any_int(&mut self) -> Result<i64> {
        let at = self.position();
        match self.tag()? {
            tag @ (tag::INT_L1 | tag::INT_L4) => {
                if let Some(n) = self.short_int(tag) {
                    return Ok(n);
                }
                match self.int_value(at, tag)? {
                    Value::Int(n) => Ok(n),
                    _ => Err(DecodeError::new(at, Kind::IntRange)),
                }
            }
            tag => Err(wrong(at, tag, "an int")),
        }
    }

    /// A str, as its UTF-8.
    #[inline]
    pub fn text(&mut self) -> Result<&'a [u8]> {
        let at = self.position();
        match self.tag()? {
            tag::STR => self.text_content(at),
            tag => Err(wrong(at, tag, "a str")),
        }
    }

    /// Returns whether the next value is a byte string.
    pub fn is_bytes(&self) -> bool {
        matches!(self.peek(), Some(tag::BYTES_0 | tag::BYTES_1..=tag::BYTES_L4))
    }

    /// A byte string.
    pub fn bytes(&mut self) -> Result<&'a [u8]> {
        let at = self.position();
        match self.tag()? {
            tag @ (tag::BYTES_0 | tag::BYTES_1..=tag::BYTES_L4) => self.bytes_content(at, tag, "a byte string"),
            tag => Err(wrong(at, tag, "a byte string")),
        }
    }

    /// Makes a blob from the end of the bytes that were just read; shared if that is cheaper.
    pub fn end_of_last(&self, bytes: &'a [u8]) -> Result<Blob> {
        if Blob::is_aligned(bytes) {
            return self.share(bytes);
        }
        Blob::try_copy_aligned(bytes).map_err(|_| self.no_memory(bytes.len()))
    }

    #[cold]
    fn no_memory(&self, bytes: usize) -> DecodeError {
        DecodeError::new(self.position(), Kind::OutOfMemory { bytes })
    }

    #[inline]
    pub fn value(&mut self) -> Result<Value> {
        if let Some((n, rest)) = short_int(self.rest, self.limits.digits) {
            self.rest = rest;
            return Ok(Value::Int(n));
        }
        self.value_at(self.levels())
    }

    /// Reads a value away; only that frozensets hold nothing unhashable is not checked.
    pub fn skip(&mut self) -> Result<()> {
        self.skip_at(self.levels())
    }

    pub(super) fn value_at(&mut self, levels: usize) -> Result<Value> {
        let at = self.position();
        Ok(match self.tag()? {
            tag @ tag::INT_FIRST..=tag::INT_LAST => Value::Int(i64::from(tag) - tag::INT_BIAS),
            tag::STR => {
                let text = self.text_content(at)?;
                Value::Str(Text::checked(self.blob(at, text)?))
            }
            tag @ (tag::BYTES_0 | tag::BYTES_1..=tag::BYTES_L4) => {
                let bytes = self.bytes_content(at, tag, "a byte string")?;
                Value::Bytes(self.aligned_blob(at, bytes)?)
            }
            tag @ (tag::INT_L1 | tag::INT_L4) => match self.short_int(tag) {
                Some(n) => Value::Int(n),
                None => self.int_value(at, tag)?,
            },
            tag::NONE => Value::None,
            tag::TRUE => Value::Bool(true),
            tag::FALSE => Value::Bool(false),
            tag::FLOAT => Value::Float(self.float(at, "a float")?),
            tag @ (tag::TUPLE_0 | tag::TUPLE_1..=tag::TUPLE_L4) => {
                let levels = self.deeper(at, levels)?;
                let count = self.tuple_count(at, tag)?;
                Value::Tuple(self.items(at, count, levels)?)
            }
            tag::SLICE => {
                let levels = self.deeper(at, levels)?;
                self.slice_header()?;
                let mut parts = Arc::new([const { Value::None }; 3]);
                if let Some(slots) = Arc::get_mut(&mut parts) {
                    self.fill(slots, levels)?;
                }
                Value::Slice(parts.into())
            }
            tag::FROZENSET => {
                let levels = self.deeper(at, levels)?;
                let count = self.tuple_header()?;
                self.charge(at, count.saturating_mul(SET_ITEM))?;
                let items = self.many(at, count, levels)?;
                Value::frozenset(items).map_err(|Unhashable(name)| DecodeError::new(at, Kind::Unhashable(name)))?
            }
            tag::COMPLEX => {
                let re = self.float(at, "a complex")?;
                Value::Complex(re, self.float(at, "a complex")?)
            }
            tag::NOT_IMPLEMENTED => Value::NotImplemented,
            tag::ELLIPSIS => Value::Ellipsis,
            tag => return Err(unknown(at, tag)),
        })
    }

    pub(super) fn skip_at(&mut self, levels: usize) -> Result<()> {
        let at = self.position();
        match self.tag()? {
            tag::INT_FIRST..=tag::INT_LAST
            | tag::NONE
            | tag::TRUE
            | tag::FALSE
            | tag::NOT_IMPLEMENTED
            | tag::ELLIPSIS => {}
            tag::STR => {
                self.text_content(at)?;
            }
            tag @ (tag::BYTES_0 | tag::BYTES_1..=tag::BYTES_L4) => {
                self.bytes_content(at, tag, "a byte string")?;
            }
            tag @ (tag::INT_L1 | tag::INT_L4) => {
                if self.short_int(tag).is_none() {
                    self.int_value(at, tag)?;
                }
            }
            tag::FLOAT => {
                self.float(at, "a float")?;
            }
            tag::COMPLEX => {
                self.float(at, "a complex")?;
                self.float(at, "a complex")?;
            }
            tag @ (tag::TUPLE_0 | tag::TUPLE_1..=tag::TUPLE_L4) => {
                let levels = self.deeper(at, levels)?;
                let count = self.tuple_count(at, tag)?;
                self.skip_items(count, levels)?;
            }
            tag::SLICE => {
                let levels = self.deeper(at, levels)?;
                self.slice_header()?;
                self.skip_items(3, levels)?;
            }
            tag::FROZENSET => {
                let levels = self.deeper(at, levels)?;
                let count = self.tuple_header()?;
                self.skip_items(count, levels)?;
            }
            tag => return Err(unknown(at, tag)),
        }
        Ok(())
    }

    fn skip_items(&mut self, count: usize, levels: usize) -> Result<()> {
        if !self.is_deep(levels) {
            return (0..count).try_for_each(|_| self.skip_at(levels));
        }
        match step() {
            Some(_step) => (0..count).try_for_each(|_| self.skip_at(levels)),
            None => self.skip_flat(count, levels),
        }
    }

    #[inline]
    fn levels(&self) -> usize {
        self.limits.depth.min(Value::MAX_DEPTH)
    }

    #[inline]
    pub(super) fn deeper(&self, at: usize, levels: usize) -> Result<usize> {
        levels.checked_sub(1).ok_or_else(|| DecodeError::new(at, Kind::TooDeep { limit: self.levels() }))
    }

    #[inline]
    fn tag(&mut self) -> Result<u8> {
        let [tag, rest @ ..] = self.rest else { return Err(DecodeError::new(self.position(), Kind::End)) };
        self.rest = rest;
        Ok(*tag)
    }

    /// Reads bytes of the value that begins at `at`.
    #[inline]
    fn fixed(&mut self, at: usize, size: usize, what: &'static str) -> Result<&'a [u8]> {
        let Some((bytes, rest)) = self.rest.split_at_checked(size) else {
            return Err(cut(at, size, what, self.rest.len()));
        };
        self.rest = rest;
        Ok(bytes)
    }

    #[inline]
    fn length_1(&mut self, at: usize) -> Result<usize> {
        match self.fixed(at, 1, "a length")? {
            [n] => Ok(usize::from(*n)),
            _ => Ok(0),
        }
    }

    #[inline]
    fn length_4(&mut self, at: usize) -> Result<usize> {
        let bytes = self.fixed(at, 4, "a length")?;
        Ok(bytes.iter().fold(0, |n, b| n << 8 | usize::from(*b)))
    }

    fn float(&mut self, at: usize, what: &'static str) -> Result<f64> {
        let bytes = self.fixed(at, 8, what)?;
        Ok(f64::from_bits(bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b))))
    }

    /// The content of a byte string whose tag has been read.
    #[inline]
    fn bytes_content(&mut self, at: usize, tag: u8, what: &'static str) -> Result<&'a [u8]> {
        let size = match tag {
            tag::BYTES_1..=tag::BYTES_4 => usize::from(tag - tag::BYTES_1) + 1,
            tag::BYTES_L1 => self.length_1(at)?,
            tag::BYTES_L4 => self.length_4(at)?,
            _ => 0,
        };
        let bytes = self.fixed(at, size, what)?;
        if size > self.limits.bytes {
            return Err(DecodeError::new(at, Kind::TooLong { what, size, limit: self.limits.bytes }));
        }
        Ok(bytes)
    }

    /// The content of a str whose tag has been read.
    #[inline]
    fn text_content(&mut self, at: usize) -> Result<&'a [u8]> {
        let inner = self.position();
        let bytes = match self.tag()? {
            tag @ (tag::BYTES_0 | tag::BYTES_1..=tag::BYTES_L4) => self.bytes_content(at, tag, "a str")?,
            tag => return Err(wrong(inner, tag, "the bytes of a str")),
        };
        // Most are short and ASCII, which is found out faster than that they are UTF-8.
        if !bytes.is_ascii() {
            if let Err(e) = std::str::from_utf8(bytes) {
                let start = self.position() - bytes.len();
                return Err(DecodeError::new(start + e.valid_up_to(), Kind::Utf8));
            }
        }
        Ok(bytes)
    }

    /// The bytes that have just been read.
    #[inline]
    fn blob(&mut self, at: usize, bytes: &[u8]) -> Result<Blob> {
        if bytes.len() > INLINE && !self.shares(bytes) {
            self.charge(at, HEAD + bytes.len())?;
        }
        self.share(bytes)
    }

    /// The same, aligned so that numbers in it can be read in place.
    #[inline]
    fn aligned_blob(&mut self, at: usize, bytes: &[u8]) -> Result<Blob> {
        if self.shares(bytes) && Blob::is_aligned(bytes) {
            return self.share(bytes);
        }
        if bytes.len() > INLINE {
            self.charge(at, HEAD + bytes.len())?;
        }
        Blob::try_copy_aligned(bytes).map_err(|_| self.no_memory(bytes.len()))
    }

    /// Returns whether these bytes keep the message alive instead of being copied.
    #[inline]
    fn shares(&self, bytes: &[u8]) -> bool {
        self.owner.is_some_and(|(owner, _)| bytes.len() >= SHARE.max(owner.bytes.len() / PINNED))
    }

    #[inline]
    fn share(&self, bytes: &[u8]) -> Result<Blob> {
        match self.owner {
            Some((owner, base)) if self.shares(bytes) => {
                Ok(Blob::slice_of(owner, base + self.position() - bytes.len(), bytes.len()))
            }
            _ => Blob::try_copy(bytes).map_err(|_| self.no_memory(bytes.len())),
        }
    }

    /// The memory that the rest of the message may take: at once, and if the account grants it.
    pub fn memory_left(&self) -> (usize, usize, Option<&'a Account>) {
        (self.memory, self.unpaid, self.account)
    }

    /// Sets the rest of the amounts of `memory_left`.
    pub fn set_memory_left(&mut self, memory: usize, unpaid: usize) {
        (self.memory, self.unpaid) = (memory, unpaid);
    }

    /// Counts memory of the value at `at`.
    #[inline]
    pub fn charge(&mut self, at: usize, bytes: usize) -> Result<()> {
        match self.memory.checked_sub(bytes) {
            Some(left) => {
                self.memory = left;
                Ok(())
            }
            None => self.charge_more(at, bytes),
        }
    }

    #[cold]
    fn charge_more(&mut self, at: usize, bytes: usize) -> Result<()> {
        if pay(self.account, &mut self.memory, &mut self.unpaid, bytes) {
            return Ok(());
        }
        let limit = self.limits.memory;
        let over = bytes - self.memory > self.unpaid;
        Err(DecodeError::new(at, if over { Kind::TooMuchMemory { limit } } else { Kind::OutOfMemory { bytes } }))
    }

    /// An int that is well written and not long; None, and nothing is read, for any other.
    #[inline]
    fn short_int(&mut self, tag: u8) -> Option<i64> {
        let [len, rest @ ..] = self.rest else { return None };
        let len = usize::from(*len);
        if tag != tag::INT_L1 || len > self.limits.digits {
            return None;
        }
        let (text, rest) = rest.split_at_checked(len)?;
        let n = short_canonical(text)?;
        self.rest = rest;
        Some(n)
    }

    fn int_value(&mut self, at: usize, tag: u8) -> Result<Value> {
        let size = if tag == tag::INT_L1 { self.length_1(at)? } else { self.length_4(at)? };
        let text = self.fixed(at, size, "an int")?;
        if size > INLINE {
            self.charge(at, HEAD + size)?;
        }
        Value::int_from_canonical(text, self.limits.digits).map_err(|e| {
            let kind = match e {
                IntTextError::Malformed => Kind::IntText,
                IntTextError::TooLong { digits, limit } => Kind::TooManyDigits { digits, limit },
            };
            DecodeError::new(at, kind)
        })
    }

    #[inline]
    pub(super) fn tuple_count(&mut self, at: usize, tag: u8) -> Result<usize> {
        let count = match tag {
            tag::TUPLE_1..=tag::TUPLE_4 => usize::from(tag - tag::TUPLE_1) + 1,
            tag::TUPLE_0 => 0,
            tag::TUPLE_L1 => self.length_1(at)?,
            tag::TUPLE_L4 => self.length_4(at)?,
            _ => return Err(wrong(at, tag, "a tuple")),
        };
        if count > self.rest.len() {
            return Err(DecodeError::new(at, Kind::Count { count, left: self.rest.len() }));
        }
        let Some(items) = self.items.checked_sub(count) else {
            return Err(DecodeError::new(at, Kind::TooManyItems { count, limit: self.limits.items }));
        };
        self.items = items;
        self.charge(at, HEAD.saturating_add(count.saturating_mul(ITEM)))?;
        Ok(count)
    }

    pub(super) fn slice_header(&mut self) -> Result<()> {
        let at = self.position();
        match self.tuple_header()? {
            3 => Ok(()),
            _ => Err(DecodeError::new(at, Kind::Wrong { want: "the three parts of a slice", found: "another tuple" })),
        }
    }

    fn items(&mut self, at: usize, count: usize, levels: usize) -> Result<Items> {
        let bytes = count.saturating_mul(ITEM);
        if !budget::can_have(bytes) {
            return Err(DecodeError::new(at, Kind::OutOfMemory { bytes }));
        }
        // Filled in place: one allocation, which has been counted, and little stack for each level.
        let mut items: Arc<[Value]> = (0..count).map(|_| Value::None).collect();
        if let Some(slots) = Arc::get_mut(&mut items) {
            self.fill(slots, levels)?;
        }
        Ok(items.into())
    }

    #[inline]
    fn fill(&mut self, slots: &mut [Value], levels: usize) -> Result<()> {
        let step = if self.is_deep(levels) { step().map(Some) } else { Some(None) };
        if step.is_none() {
            return self.fill_flat(slots, levels);
        }
        for slot in slots {
            *slot = self.value_at(levels)?;
        }
        Ok(())
    }

    /// Returns whether a container with this number of remaining levels is deep within others.
    #[inline]
    fn is_deep(&self, levels: usize) -> bool {
        levels + SHALLOW < self.levels()
    }

    fn many(&mut self, at: usize, count: usize, levels: usize) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let bytes = count.saturating_mul(ITEM);
        items.try_reserve_exact(count).map_err(|_| DecodeError::new(at, Kind::OutOfMemory { bytes }))?;
        items.resize(count, Value::None);
        self.fill(&mut items, levels)?;
        Ok(items)
    }
}

#[cold]
fn cut(at: usize, size: usize, what: &'static str, have: usize) -> DecodeError {
    DecodeError::new(at, Kind::Cut { what, size, have })
}

#[cold]
fn unknown(at: usize, tag: u8) -> DecodeError {
    DecodeError::new(at, if tag == tag::LONG { Kind::LongOfPython2 } else { Kind::UnknownTag(tag) })
}

#[cold]
fn wrong(at: usize, tag: u8, want: &'static str) -> DecodeError {
    let found = match tag {
        tag::NONE => "None",
        tag::TRUE | tag::FALSE => "a bool",
        tag::NOT_IMPLEMENTED => "NotImplemented",
        tag::ELLIPSIS => "Ellipsis",
        tag::STR => "a str",
        tag::BYTES_0 | tag::BYTES_1..=tag::BYTES_L4 => "a byte string",
        tag::TUPLE_0 | tag::TUPLE_1..=tag::TUPLE_L4 => "a tuple",
        tag::INT_L1 | tag::INT_L4 | tag::INT_FIRST..=tag::INT_LAST => "an int",
        tag::FLOAT => "a float",
        tag::SLICE => "a slice",
        tag::FROZENSET => "a frozenset",
        tag::COMPLEX => "a complex",
        _ => return unknown(at, tag),
    };
    DecodeError::new(at, Kind::Wrong { want, found })
}
