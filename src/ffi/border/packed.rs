//! Packed values: a form in which bindings of other languages read and write whole calls without a crossing for each value.
//! The form stands at RPYC_SESSION_PACKED.

use crate::budget::{self, NoMemory};
use crate::ffi::border::handle;
use crate::ffi::border::status::{Failure, RPYC_ERR_ARGUMENT, RPYC_ERR_RANGE, Result};
use crate::ffi::border::types::{rpyc_class, rpyc_object, rpyc_value};
use crate::nesting;
use crate::objects::BoundMethod;
use crate::protocol::Keywords;
use crate::session::{self, Session, token_of};
use crate::value::{Blob, Local, Reference, Text, Value};
use std::ptr;

const NONE: u8 = 0;
const NOT_IMPLEMENTED: u8 = 1;
const ELLIPSIS: u8 = 2;
const FALSE: u8 = 3;
const TRUE: u8 = 4;
const INT: u8 = 5;
const LARGE_INT: u8 = 6;
const FLOAT: u8 = 7;
const COMPLEX: u8 = 8;
const STR: u8 = 9;
const BYTES: u8 = 10;
const TUPLE: u8 = 11;
const LIST: u8 = 12;
const DICT: u8 = 13;
const FROZENSET: u8 = 14;
const SLICE: u8 = 15;
const OBJECT: u8 = 16;
const OWN: u8 = 17;
const HANDLE: u8 = 18;
const FUNCTION: u8 = 19;
const METHOD: u8 = 20;

/// Of a kind and a length.
const LENGTH: usize = 5;
/// At most, of anything that has no length.
const WORDS: usize = 32;

/// As many digits as an int may have in a form that grows with its square.
const DIGITS: usize = 100_000;

/// How many bytes a value takes, or somewhat fewer than are counted.
pub(crate) fn size(value: &Value) -> usize {
    match value {
        Value::Str(text) => LENGTH + text.as_bytes().len(),
        Value::Bytes(bytes) => LENGTH + bytes.len(),
        Value::BigInt(n) => LENGTH + n.text().as_bytes().len(),
        container if container.is_container() => {
            LENGTH + container.flat().map(|(_, item)| head_size(item)).sum::<usize>()
        }
        _ => WORDS,
    }
}

fn head_size(value: &Value) -> usize {
    if value.is_container() { LENGTH } else { size(value) }
}

/// As `put_call`.
pub(crate) fn size_of_call(args: &[Value], keywords: &[(Text, Value)]) -> usize {
    let named = keywords.iter().map(|(name, value)| LENGTH + name.as_bytes().len() + size(value));
    3 * LENGTH + args.iter().map(size).sum::<usize>() + named.sum::<usize>()
}

fn put_length(out: &mut Vec<u8>, kind: u8, length: usize) {
    out.push(kind);
    // Nothing longer can have come in a frame.
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_word(out: &mut Vec<u8>, kind: u8, word: u64) {
    out.push(kind);
    out.extend_from_slice(&word.to_le_bytes());
}

fn put_items(out: &mut Vec<u8>, kind: u8, items: &[Value]) {
    put_length(out, kind, items.len());
    put_each(out, items.iter());
}

fn put_each<'v>(out: &mut Vec<u8>, items: impl Iterator<Item = &'v Value>) {
    match nesting::step() {
        Some(_step) => items.for_each(|item| put(out, item)),
        // The stack is short: the form has no ends, so each is written in its turn.
        None => items.flat_map(Value::flat).for_each(|(_, item)| put_head(out, item)),
    }
}

/// Packs a value without what is in it.
#[cold]
#[inline(never)]
fn put_head(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Tuple(items) => put_length(out, TUPLE, items.len()),
        Value::List(items) => put_length(out, LIST, items.len()),
        Value::FrozenSet(items) => put_length(out, FROZENSET, items.len()),
        Value::Slice(_) => out.push(SLICE),
        Value::Dict(entries) => put_length(out, DICT, entries.len()),
        leaf => put(out, leaf),
    }
}

/// A method that was taken from an object of the application: the number of that, and its name there.
fn method_of(local: &dyn Local) -> Option<(u64, &Text)> {
    let (object, name) = local.as_any().downcast_ref::<BoundMethod>()?.parts();
    Some((token_of(object)?, name))
}

/// Packs a value. Handles in it are for the application to free.
pub(crate) fn put(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::None => out.push(NONE),
        Value::NotImplemented => out.push(NOT_IMPLEMENTED),
        Value::Ellipsis => out.push(ELLIPSIS),
        Value::Bool(false) => out.push(FALSE),
        Value::Bool(true) => out.push(TRUE),
        Value::Int(n) => put_word(out, INT, *n as u64),
        Value::BigInt(n) => {
            put_length(out, LARGE_INT, n.text().as_bytes().len());
            out.extend_from_slice(n.text().as_bytes());
        }
        Value::Float(x) => put_word(out, FLOAT, x.to_bits()),
        Value::Complex(re, im) => {
            put_word(out, COMPLEX, re.to_bits());
            out.extend_from_slice(&im.to_bits().to_le_bytes());
        }
        Value::Str(text) => {
            put_length(out, STR, text.as_bytes().len());
            out.extend_from_slice(text.as_bytes());
        }
        Value::Bytes(bytes) => {
            put_length(out, BYTES, bytes.len());
            out.extend_from_slice(bytes);
        }
        Value::Tuple(items) => put_items(out, TUPLE, items),
        Value::List(items) => put_items(out, LIST, items),
        Value::FrozenSet(items) => put_items(out, FROZENSET, items),
        Value::Slice(parts) => {
            out.push(SLICE);
            put_each(out, parts.iter());
        }
        Value::Dict(entries) => {
            put_length(out, DICT, entries.len());
            put_each(out, entries.iter().flat_map(|(key, value)| [key, value]));
        }
        Value::Ref(reference) => {
            let local = if let Reference::Local(local) = reference { Some(&**local) } else { None };
            if let Some(token) = local.and_then(token_of) {
                return put_word(out, OWN, token);
            }
            if let Some((token, name)) = local.and_then(method_of) {
                put_word(out, METHOD, token);
                out.extend_from_slice(&u32::try_from(name.as_bytes().len()).unwrap_or(u32::MAX).to_le_bytes());
                out.extend_from_slice(name.as_bytes());
            }
            let object: *mut rpyc_object = handle::new(reference.clone().into());
            put_word(out, OBJECT, object.expose_provenance() as u64);
        }
        Value::Array(_) | Value::Temporal(_) => {
            put_word(out, HANDLE, handle::value_new(value.clone()).expose_provenance() as u64)
        }
    }
}

/// Packs arguments and keywords as one tuple of a tuple and a dict.
pub(crate) fn put_call(out: &mut Vec<u8>, args: &[Value], keywords: &[(Text, Value)]) {
    put_length(out, TUPLE, 2);
    put_items(out, TUPLE, args);
    put_length(out, DICT, keywords.len());
    for (name, value) in keywords {
        put_length(out, STR, name.as_bytes().len());
        out.extend_from_slice(name.as_bytes());
        put(out, value);
    }
}

struct Unpacker<'a> {
    bare: &'a Session,
    rest: &'a [u8],
    length: usize,
}

/// Unpacks the one value of some bytes.
///
/// # Safety
/// Handles in it are live.
pub(crate) unsafe fn value(bare: &Session, packed: &[u8]) -> Result<Value> {
    let mut unpacker = Unpacker { bare, rest: packed, length: packed.len() };
    // SAFETY: the same is asked of our caller.
    let value = unsafe { unpacker.value(Value::MAX_DEPTH) }?;
    match unpacker.rest {
        [] => Ok(value),
        _ => Err(unpacker.malformed("trailing bytes after the value")),
    }
}

/// Unpacks arguments and keywords.
///
/// # Safety
/// As for `value`.
pub(crate) unsafe fn call(bare: &Session, packed: &[u8]) -> Result<(Vec<Value>, Keywords)> {
    if packed.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    // SAFETY: the same is asked of our caller.
    let whole = unsafe { value(bare, packed) }?;
    let wrong = || Failure::new(RPYC_ERR_ARGUMENT, "packed: expected a tuple of a tuple and a dict with str keys");
    let Value::Tuple(parts) = &whole else { return Err(wrong()) };
    let [Value::Tuple(args), Value::Dict(keywords)] = &**parts else { return Err(wrong()) };
    let pair = |(name, value): &(Value, Value)| match name {
        Value::Str(name) => Ok((name.clone(), value.clone())),
        _ => Err(wrong()),
    };
    Ok((args.to_vec(), keywords.iter().map(pair).collect::<Result<_>>()?))
}

impl<'a> Unpacker<'a> {
    #[cold]
    fn malformed(&self, what: &str) -> Failure {
        let at = self.length - self.rest.len();
        Failure::new(RPYC_ERR_ARGUMENT, format_args!("packed: {what}, before byte {at}"))
    }

    fn bytes(&mut self, n: usize) -> Result<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(n).ok_or_else(|| self.malformed("it is truncated"))?;
        self.rest = rest;
        Ok(bytes)
    }

    fn word(&mut self) -> Result<u64> {
        let bytes = self.bytes(8)?;
        Ok(u64::from_le_bytes(bytes.try_into().unwrap_or_default()))
    }

    fn length(&mut self) -> Result<usize> {
        let bytes = self.bytes(4)?;
        Ok(u32::from_le_bytes(bytes.try_into().unwrap_or_default()) as usize)
    }

    fn content(&mut self) -> Result<&'a [u8]> {
        let n = self.length()?;
        self.bytes(n)
    }

    fn text(&mut self) -> Result<&'a str> {
        let content = self.content()?;
        std::str::from_utf8(content).map_err(|_| self.malformed("a string is not UTF-8"))
    }

    fn room(&self) -> Result<()> {
        if nesting::is_short() { Err(self.malformed("it is nested too deep for the remaining stack")) } else { Ok(()) }
    }

    /// # Safety
    /// As for `value`.
    unsafe fn items(&mut self, each: usize, depth: usize) -> Result<Vec<Value>> {
        self.room()?;
        let count = self.length()?.checked_mul(each).filter(|count| *count <= self.rest.len());
        let count = count.ok_or_else(|| self.malformed("the item count exceeds the data"))?;
        let mut items = budget::vector(count)?;
        for _ in 0..count {
            // SAFETY: the same is asked of our caller.
            items.push(unsafe { self.value(depth) }?);
        }
        Ok(items)
    }

    /// Items for which there is memory once more, in the container that they are moved to.
    ///
    /// # Safety
    /// As for `value`.
    unsafe fn shared_items(&mut self, each: usize, depth: usize) -> Result<Vec<Value>> {
        // SAFETY: the same is asked of our caller.
        let items = unsafe { self.items(each, depth) }?;
        budget::check(size_of_val(&*items))?;
        Ok(items)
    }

    /// # Safety
    /// As for `value`.
    unsafe fn value(&mut self, depth: usize) -> Result<Value> {
        let depth = depth.checked_sub(1).ok_or_else(|| self.malformed("it is nested too deep"))?;
        let kind = self.bytes(1)?.first().copied().unwrap_or_default();
        // SAFETY: handles are live, as our caller promises.
        Ok(unsafe {
            match kind {
                NONE => Value::None,
                NOT_IMPLEMENTED => Value::NotImplemented,
                ELLIPSIS => Value::Ellipsis,
                FALSE => Value::Bool(false),
                TRUE => Value::Bool(true),
                INT => Value::Int(self.word()? as i64),
                LARGE_INT => {
                    let text = self.content()?;
                    Value::int_from_text(text, DIGITS)
                        .map_err(|_| Failure::new(RPYC_ERR_RANGE, "packed: not an int, or one of too many digits"))?
                }
                FLOAT => Value::Float(f64::from_bits(self.word()?)),
                COMPLEX => Value::Complex(f64::from_bits(self.word()?), f64::from_bits(self.word()?)),
                STR => {
                    let text = self.text()?;
                    Value::Str(Text::try_new(text).map_err(|_| NoMemory { bytes: text.len() })?)
                }
                BYTES => {
                    let bytes = self.content()?;
                    Value::Bytes(Blob::try_copy(bytes).map_err(|_| NoMemory { bytes: bytes.len() })?)
                }
                TUPLE => Value::tuple(self.shared_items(1, depth)?),
                LIST => Value::List(self.shared_items(1, depth)?.into()),
                FROZENSET => {
                    let items = self.shared_items(1, depth)?;
                    Value::frozenset(items).map_err(|_| self.malformed("a frozenset contains an unhashable item"))?
                }
                SLICE => {
                    self.room()?;
                    let (start, stop) = (self.value(depth)?, self.value(depth)?);
                    Value::slice(start, stop, self.value(depth)?)
                }
                DICT => {
                    let mut items = self.shared_items(2, depth)?.into_iter();
                    Value::Dict(std::iter::from_fn(|| Some((items.next()?, items.next()?))).collect())
                }
                OBJECT => {
                    let object: *const rpyc_object = ptr::with_exposed_provenance(self.word()? as usize);
                    Value::Ref(handle::require(object, "packed: an object")?.reference.clone())
                }
                OWN => {
                    let (token, class) = (self.word()?, self.word()?);
                    let class: *const rpyc_class = ptr::with_exposed_provenance(class as usize);
                    let object = match handle::as_ref(class) {
                        Some(class) => Some(session::object(self.bare.queue(), class, token)? as _),
                        None => self.bare.living(token),
                    };
                    let object = object.ok_or_else(|| self.malformed("no live object has this token"))?;
                    Value::Ref(Reference::Local(object))
                }
                HANDLE => {
                    let value: *const rpyc_value = ptr::with_exposed_provenance(self.word()? as usize);
                    crate::ffi::border::pointer::value(value, "packed: a value")?.into_owned()
                }
                FUNCTION => {
                    let token = self.word()?;
                    let member = session::callable(self.text()?, None, None);
                    Value::Ref(Reference::Local(session::function(self.bare.queue(), token, member)?))
                }
                other => return Err(self.malformed(&format!("unknown kind of value: {other}"))),
            }
        })
    }
}
