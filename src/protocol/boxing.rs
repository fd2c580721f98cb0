//! Reads and writes boxes: values by value, references by id_pack (wire.md, sections 5 and 7).

use super::exports::{Exports, IdPack, unknown_object};
use super::imports::Imports;
use super::request::{Handler, Instance};
use crate::codec::brine::{self, Reader, Sink, tag};
use crate::config::{Dialect, Limits};
use crate::error::{Error, Exception, Result};
use crate::nesting::step;
use crate::value::{Local, Proxy, Reference, Releases, Value};
use std::sync::Arc;

pub const VALUE: i64 = 1;
pub const TUPLE: i64 = 2;
pub const LOCAL_REF: i64 = 3;
pub const REMOTE_REF: i64 = 4;
/// Label of a value in librpyc's own form, which is used after both sides agreed on it.
pub const NATIVE: i64 = 5;

/// The labels of a box with a value, and of the last kind that stock peers have, as tags.
pub const BOXED_VALUE: u8 = tag::small_int(VALUE);
pub(super) const BOXED_REMOTE_REF: u8 = tag::small_int(REMOTE_REF);

/// The exception for a message that needs more stack than is left.
pub const RECURSION: &str = "RecursionError";

/// Number of arguments above which their memory is checked before it is allocated.
const FEW: usize = 16;

/// The box of an empty tuple.
pub const NO_KEYWORDS: [u8; 3] = [tag::TUPLE_2, BOXED_VALUE, tag::TUPLE_0];
/// The beginning of a CALLATTR with four boxes, the first of which is an object of the receiver. Its id_pack follows.
pub const METHOD_CALL: [u8; 7] = call_of(Handler::CallAttr, tag::TUPLE_4);
/// The same for CALL, with three boxes.
pub const OBJECT_CALL: [u8; 7] = call_of(Handler::Call, tag::TUPLE_3);

/// The same for GETATTR, with two boxes.
pub const ATTRIBUTE_GET: [u8; 7] = call_of(Handler::GetAttr, tag::TUPLE_2);

const fn call_of(handler: Handler, boxes: u8) -> [u8; 7] {
    let [handler, tuple, yours] = [tag::small_int(handler as i64), tag::small_int(TUPLE), tag::small_int(LOCAL_REF)];
    [tag::TUPLE_2, handler, tag::TUPLE_2, tuple, boxes, tag::TUPLE_2, yours]
}

/// Writes the label of a box.
#[inline]
pub fn put_label<S: Sink>(out: &mut S, label: i64) {
    // A pair, and a small integer in one byte.
    out.put(&[tag::TUPLE_2, tag::small_int(label)]);
}

/// The types that a peer is known to read in native boxes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Agreed {
    /// No native boxes.
    #[default]
    Nothing,
    Boxes,
    /// Dates and times too.
    Times,
}

/// Makes objects of values that the wire has no form for: lists, dicts, sets that contain references, and proxies of
/// other connections.
pub trait Wrap: Send + Sync {
    fn wrap(&self, value: &Value) -> Option<Arc<dyn Local>>;
}

/// Writes boxes. Counts the exported objects; `lent` lists them, so that the counts of a failed message can be undone.
pub struct Boxer<'a> {
    pub exports: &'a mut Exports,
    pub home: &'a Arc<Releases>,
    pub limits: &'a Limits,
    pub wrap: &'a dyn Wrap,
    pub lent: &'a mut Vec<u64>,
    /// Whether native boxes are allowed.
    pub native: Agreed,
    /// The position at which the message begins in the output.
    pub origin: usize,
}

impl Boxer<'_> {
    #[inline]
    pub fn put<S: Sink>(&mut self, out: &mut S, value: &Value) -> Result<()> {
        if value.is_plain() {
            put_label(out, VALUE);
            return Ok(brine::put_value(out, value, self.limits)?);
        }
        self.put_at(out, value, self.limits.depth.min(Value::MAX_DEPTH))
    }

    fn put_at<S: Sink>(&mut self, out: &mut S, value: &Value, depth: usize) -> Result<()> {
        if value.is_plain() {
            put_label(out, VALUE);
            return Ok(brine::put_value(out, value, self.limits)?);
        }
        if self.native != Agreed::Nothing && value.wants_native() {
            return self.put_native(out, value, depth);
        }
        match value {
            Value::Tuple(items) => {
                let depth = depth.checked_sub(1).ok_or_else(too_deep)?;
                put_label(out, TUPLE);
                brine::put_tuple_header(out, items.len());
                match step() {
                    Some(_step) => items.iter().try_for_each(|item| {
                        brine::make_room(out, item)?;
                        self.put_at(out, item, depth)
                    }),
                    None => self.put_flat(out, items, depth),
                }
            }
            Value::Ref(Reference::Remote(proxy)) if Arc::ptr_eq(proxy.home(), self.home) => {
                put_label(out, LOCAL_REF);
                out.put(&proxy.id_pack);
                Ok(())
            }
            Value::Ref(Reference::Local(object)) => self.put_export(out, object),
            other => {
                let object = self.wrapped(other)?;
                self.put_export(out, &object)
            }
        }
    }

    /// Writes the items of a tuple without recursion, for use when the stack is short.
    #[cold]
    #[inline(never)]
    fn put_flat<S: Sink>(&mut self, out: &mut S, items: &[Value], depth: usize) -> Result<()> {
        let mut open = vec![items.iter()];
        while let Some(items) = open.last_mut() {
            let Some(item) = items.next() else {
                open.pop();
                continue;
            };
            let left = (depth + 1).checked_sub(open.len()).ok_or_else(too_deep)?;
            match item {
                Value::Tuple(inner) if !(item.is_plain() || self.native != Agreed::Nothing && item.wants_native()) => {
                    left.checked_sub(1).ok_or_else(too_deep)?;
                    put_label(out, TUPLE);
                    brine::put_tuple_header(out, inner.len());
                    open.push(inner.iter());
                }
                other => {
                    brine::make_room(out, other)?;
                    self.put_at(out, other, left)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn wrapped(&self, value: &Value) -> Result<Arc<dyn Local>> {
        let refused = || Error::Unsupported(format!("a {} cannot be sent here", value.type_name()));
        self.wrap.wrap(value).ok_or_else(refused)
    }

    fn put_export<S: Sink>(&mut self, out: &mut S, object: &Arc<dyn Local>) -> Result<()> {
        put_label(out, REMOTE_REF);
        let (id, id_pack) = self.exports.lend(object, self.limits.exports)?;
        out.put(id_pack);
        self.lent.push(id);
        Ok(())
    }

    /// Writes a sequence as the box of a tuple of its items.
    #[inline]
    pub fn put_sequence<S: Sink>(&mut self, out: &mut S, items: &[Value]) -> Result<()> {
        let plain = items.iter().all(Value::is_plain);
        put_label(out, if plain { VALUE } else { TUPLE });
        brine::put_tuple_header(out, items.len());
        let many = items.len() > FEW;
        items.iter().try_for_each(|item| {
            if many {
                brine::make_room(out, item)?;
            }
            if plain { Ok(brine::put_value(out, item, self.limits)?) } else { self.put(out, item) }
        })
    }

    /// Writes keywords as the box of a tuple of pairs.
    #[inline]
    pub fn put_keywords<S: Sink>(&mut self, out: &mut S, keywords: &[(crate::value::Text, Value)]) -> Result<()> {
        if keywords.is_empty() {
            out.put(&NO_KEYWORDS);
            return Ok(());
        }
        self.put_some_keywords(out, keywords)
    }

    fn put_some_keywords<S: Sink>(&mut self, out: &mut S, keywords: &[(crate::value::Text, Value)]) -> Result<()> {
        let plain = keywords.iter().all(|(_, value)| value.is_plain());
        put_label(out, if plain { VALUE } else { TUPLE });
        brine::put_tuple_header(out, keywords.len());
        for (name, value) in keywords {
            if plain {
                brine::put_tuple_header(out, 2);
                brine::put_str(out, name.as_bytes());
                brine::put_value(out, value, self.limits)?;
                continue;
            }
            put_label(out, if value.is_plain() { VALUE } else { TUPLE });
            brine::put_tuple_header(out, 2);
            if value.is_plain() {
                brine::put_str(out, name.as_bytes());
                brine::put_value(out, value, self.limits)?;
            } else {
                put_label(out, VALUE);
                brine::put_str(out, name.as_bytes());
                self.put(out, value)?;
            }
        }
        Ok(())
    }
}

fn too_deep() -> Error {
    Error::Limit("cannot send the value: it is nested too deep (max_depth)".into())
}

/// Reads boxes. A fault makes the request fail but leaves the stream readable: reading continues, so that every
/// reference in the message is counted. An error ends the connection.
pub struct Unboxer<'a> {
    pub exports: &'a Exports,
    pub imports: &'a mut Imports,
    pub limits: &'a Limits,
    /// Whether native boxes are allowed.
    native: bool,
    /// Peers before 4.1 have the envelope of 5.3, but other references.
    old: bool,
    pub fault: Option<Exception>,
    /// The message named an object that was not exported to the peer.
    pub unknown: bool,
}

impl<'a> Unboxer<'a> {
    pub fn new(
        exports: &'a Exports,
        imports: &'a mut Imports,
        limits: &'a Limits,
        dialect: Dialect,
        native: bool,
    ) -> Unboxer<'a> {
        Unboxer { exports, imports, limits, native, old: dialect == Dialect::V5, fault: None, unknown: false }
    }

    /// Notes the exception with which the request is answered. The first one counts.
    pub fn fault(&mut self, exception: Exception) {
        self.fault.get_or_insert(exception);
    }

    /// Reads the header of a pair. Returns false if it was something else, which has been skipped.
    pub fn pair(&mut self, r: &mut Reader<'_>) -> Result<bool> {
        if !is_tuple(r) {
            r.skip()?;
            self.fault(Exception::builtin("TypeError", "cannot unpack non-iterable object"));
            return Ok(false);
        }
        let n = r.tuple_header()?;
        if n != 2 {
            for _ in 0..n {
                r.skip()?;
            }
            let text =
                if n < 2 { "not enough values to unpack (expected 2" } else { "too many values to unpack (expected 2" };
            self.fault(Exception::builtin(
                "ValueError",
                if n < 2 { format!("{text}, got {n})") } else { format!("{text})") },
            ));
            return Ok(false);
        }
        Ok(true)
    }

    /// Reads the header of a pair and an integer. None if it was something else, which has been skipped.
    #[inline]
    pub fn label(&mut self, r: &mut Reader<'_>) -> Result<Option<i64>> {
        // As every writer encodes it: a pair, and a small integer in one byte.
        if let [tag::TUPLE_2, label @ BOXED_VALUE..=BOXED_REMOTE_REF, ..] = r.rest() {
            let label = i64::from(label - tag::INT_0);
            r.advance(2);
            return Ok(Some(label));
        }
        self.any_label(r)
    }

    fn any_label(&mut self, r: &mut Reader<'_>) -> Result<Option<i64>> {
        if !self.pair(r)? {
            return Ok(None);
        }
        match r.value()? {
            Value::Int(label) => Ok(Some(label)),
            label => {
                r.skip()?;
                self.fault(bad_label(&label));
                Ok(None)
            }
        }
    }

    pub fn unbox(&mut self, r: &mut Reader<'_>) -> Result<Value> {
        self.unbox_at(r, self.levels())
    }

    /// Reads a box after its label.
    pub fn unbox_labelled(&mut self, r: &mut Reader<'_>, label: i64) -> Result<Value> {
        self.content(r, label, self.levels())
    }

    fn levels(&self) -> usize {
        self.limits.depth.min(Value::MAX_DEPTH)
    }

    fn unbox_at(&mut self, r: &mut Reader<'_>, depth: usize) -> Result<Value> {
        match self.label(r)? {
            None => Ok(Value::None),
            Some(label) => self.content(r, label, depth),
        }
    }

    fn content(&mut self, r: &mut Reader<'_>, label: i64, depth: usize) -> Result<Value> {
        match label {
            VALUE => Ok(r.value()?),
            TUPLE if !is_tuple(r) => {
                let got = r.value()?;
                let text = format!("'{}' object is not a tuple of boxes", got.type_name());
                self.fault(Exception::builtin("TypeError", text));
                Ok(Value::None)
            }
            TUPLE => {
                let depth = depth.checked_sub(1).ok_or_else(|| self.boxes_too_deep())?;
                let n = r.tuple_header()?;
                let Some(_step) = step() else { return self.tuple_flat(r, n, depth) };
                let mut items = Vec::with_capacity(n.min(64));
                for _ in 0..n {
                    items.push(self.unbox_at(r, depth)?);
                }
                Ok(Value::Tuple(items.into()))
            }
            LOCAL_REF => Ok(self.local_ref(r)?.map_or(Value::None, |object| Value::Ref(Reference::given_back(object)))),
            REMOTE_REF => self.remote_ref(r),
            NATIVE if self.native => self.native(r, depth),
            NATIVE => self.refuse_native(r),
            other => {
                r.skip()?;
                self.fault(bad_label(&Value::Int(other)));
                Ok(Value::None)
            }
        }
    }

    /// Reads a tuple of boxes without recursion, for use when the stack is short.
    #[cold]
    #[inline(never)]
    fn tuple_flat(&mut self, r: &mut Reader<'_>, count: usize, depth: usize) -> Result<Value> {
        let mut open: Vec<(usize, Vec<Value>)> = vec![(count, Vec::new())];
        loop {
            let inside = open.len() - 1;
            let Some((left, items)) = open.last_mut() else { return Ok(Value::None) };
            if let Some(rest) = left.checked_sub(1) {
                *left = rest;
                match self.label(r)? {
                    None => items.push(Value::None),
                    Some(TUPLE) if is_tuple(r) => {
                        depth.checked_sub(inside + 1).ok_or_else(|| self.boxes_too_deep())?;
                        open.push((r.tuple_header()?, Vec::new()));
                    }
                    Some(label) => items.push(self.content(r, label, depth.saturating_sub(inside))?),
                }
                continue;
            }
            let full = open.pop().map_or(Value::None, |(_, items)| Value::tuple(items));
            match open.last_mut() {
                Some((_, items)) => items.push(full),
                None => return Ok(full),
            }
        }
    }

    #[cold]
    fn boxes_too_deep(&self) -> Error {
        Error::Limit(format!("boxes nested over {} levels (max_depth)", self.levels()))
    }

    /// Finds the object of this side that the next id_pack names.
    pub fn local_ref(&mut self, r: &mut Reader<'_>) -> Result<Option<Arc<dyn Local>>> {
        if let Some((object, length)) = self.exports.find_sent(r.rest()) {
            r.advance(length);
            return Ok(Some(object.clone()));
        }
        let raw = self.raw_id_pack(r)?;
        self.find(raw).map(|object| object.cloned())
    }

    /// Finds the object of this side with an id_pack. None for any other value.
    pub fn find(&mut self, raw: &[u8]) -> Result<Option<&'a Arc<dyn Local>>> {
        let object = parse_id_pack(raw, self.limits).and_then(|pack| self.exports.find(&pack));
        if object.is_none() {
            self.unknown = true;
            self.fault(unknown_object(brine::decode(raw, self.limits)?));
        }
        Ok(object)
    }

    fn raw_id_pack<'r>(&self, r: &mut Reader<'r>) -> Result<&'r [u8]> {
        let start = r.position();
        self.check_id_pack(r.peek())?;
        r.skip()?;
        Ok(r.raw_from(start))
    }

    /// Fails with the dialect of a peer whose id_pack is a number, or the first part of ours, which such a peer took
    /// for the number.
    pub fn check_id_pack(&self, tag: Option<u8>) -> Result<()> {
        match tag {
            Some(tag::STR | tag::INT_L1 | tag::INT_L4 | tag::INT_FIRST..=tag::INT_LAST) if self.old => {
                Err(old_dialect())
            }
            _ => Ok(()),
        }
    }

    fn remote_ref(&mut self, r: &mut Reader<'_>) -> Result<Value> {
        let before = self.imports.len();
        let (object, length) = match canonical_id_pack(r.rest(), self.limits) {
            Some(pack) => {
                r.advance(pack.raw.len());
                (self.import_canonical(&pack)?, pack.raw.len())
            }
            None => {
                let raw = self.raw_id_pack(r)?;
                (self.odd_remote_ref(raw)?, raw.len())
            }
        };
        if self.imports.len() > before {
            r.charge(r.position(), Proxy::memory(length))?;
        }
        Ok(object)
    }

    /// Makes a reference to an object of the peer from its id_pack.
    pub(super) fn import(&mut self, raw: &[u8]) -> Result<Value> {
        match canonical_id_pack(raw, self.limits) {
            Some(pack) if pack.raw.len() == raw.len() => self.import_canonical(&pack),
            _ => self.odd_remote_ref(raw),
        }
    }

    fn import_canonical(&mut self, pack: &Canonical<'_>) -> Result<Value> {
        let proxy = match self.imports.receive_known(pack.raw) {
            Some(proxy) => proxy,
            None => {
                let Canonical { raw, name, class_id, is_class } = *pack;
                self.imports.receive_new(raw, name, class_id, is_class, self.limits.imports)?
            }
        };
        Ok(Value::Ref(Reference::Remote(proxy)))
    }

    /// Reads one that is not encoded in the shortest form, or is not an id_pack at all.
    #[cold]
    fn odd_remote_ref(&mut self, raw: &[u8]) -> Result<Value> {
        let parts = match brine::decode(raw, self.limits)? {
            Value::Tuple(parts) => parts,
            _ => Default::default(),
        };
        let (name, class, instance) = match &*parts {
            [Value::Str(name), class, instance] if is_int(class) && is_int(instance) => (name, class, instance),
            [Value::Int(_) | Value::BigInt(_), Value::Str(_), Value::Str(_)] if self.old => return Err(old_dialect()),
            _ => {
                self.fault(Exception::builtin("TypeError", "an id_pack is a str and two ints"));
                return Ok(Value::None);
            }
        };
        let mut canonical = Vec::with_capacity(raw.len());
        brine::put_value(&mut canonical, &Value::Tuple(parts.clone()), self.limits)?;
        if let Some(proxy) = self.imports.receive_known(&canonical) {
            return Ok(Value::Ref(Reference::Remote(proxy)));
        }
        let mut class_id = Vec::new();
        brine::put_value(&mut class_id, class, self.limits)?;
        let is_class = matches!(instance, Value::Int(0));
        let limit = self.limits.imports;
        let proxy = self.imports.receive_new(&canonical, name.as_str(), &class_id, is_class, limit)?;
        Ok(Value::Ref(Reference::Remote(proxy)))
    }
}

/// Returns whether a tuple follows.
pub fn is_tuple(r: &Reader<'_>) -> bool {
    matches!(r.peek(), Some(tag::TUPLE_0 | tag::TUPLE_1..=tag::TUPLE_L4))
}

fn is_int(value: &Value) -> bool {
    matches!(value, Value::Int(_) | Value::BigInt(_))
}

pub(super) fn bad_label(label: &Value) -> Exception {
    Exception::builtin("ValueError", format!("invalid label {}", label.repr()))
}

fn old_dialect() -> Error {
    Error::Dialect(
        "the peer speaks the dialect of rpyc 3.x or 4.0, whose references have another form; rpyc 4.1 or later is needed".into(),
    )
}

/// Parses an id_pack. None if it has another form.
pub fn parse_id_pack<'a>(raw: &'a [u8], limits: &'a Limits) -> Option<IdPack<'a>> {
    let mut r = Reader::new(raw, None, limits);
    if r.tuple_header().ok()? != 3 {
        return None;
    }
    let name = r.text().ok()?;
    let class_id = id(&mut r)?;
    let instance_id = id(&mut r)?;
    r.at_end().then_some(IdPack { name, class_id, instance_id })
}

/// Makes the argument of an instance check: a known object, or the parts of the id_pack of an unknown one.
pub fn instance(object: Option<Reference>, raw: &[u8], limits: &Limits) -> Result<Instance> {
    let value = brine::decode(raw, limits)?;
    let (mut id_pack, mut class_id) = (Vec::with_capacity(raw.len()), Vec::new());
    brine::put_value(&mut id_pack, &value, limits)?;
    let parts = if let Value::Tuple(parts) = &value { &parts[..] } else { &[] };
    let mut is_class = false;
    if let [_, class, instance] = parts {
        brine::put_value(&mut class_id, class, limits)?;
        is_class = matches!(instance, Value::Int(0));
    }
    Ok(Instance { object, id_pack: id_pack.into(), value, class_id: class_id.into(), is_class })
}

/// An id_pack in its shortest form, with ids of up to 18 digits, as nearly all are.
struct Canonical<'a> {
    raw: &'a [u8],
    name: &'a str,
    class_id: &'a [u8],
    is_class: bool,
}

/// Returns whether the bytes are an id_pack in its usual form.
pub fn is_usual_id_pack(bytes: &[u8], limits: &Limits) -> bool {
    canonical_id_pack(bytes, limits).is_some_and(|pack| pack.raw.len() == bytes.len())
}

/// Parses the id_pack at the beginning of the bytes. None if it has another form.
#[inline]
fn canonical_id_pack<'a>(bytes: &'a [u8], limits: &Limits) -> Option<Canonical<'a>> {
    let (name_at, length) = match bytes {
        [tag::TUPLE_3, tag::STR, bytes @ tag::BYTES_1..=tag::BYTES_4, ..] => (3, usize::from(bytes - tag::BYTES_1) + 1),
        [tag::TUPLE_3, tag::STR, tag::BYTES_L1, length @ 5..=255, ..] => (4, usize::from(*length)),
        _ => return None,
    };
    let class_at = name_at + length;
    let name = std::str::from_utf8(bytes.get(name_at..class_at)?).ok()?;
    let instance_at = class_at + canonical_int(bytes.get(class_at..)?, limits)?;
    let end = instance_at + canonical_int(bytes.get(instance_at..)?, limits)?;
    let class_id = bytes.get(class_at..instance_at)?;
    Some(Canonical { raw: bytes.get(..end)?, name, class_id, is_class: bytes.get(instance_at) == Some(&tag::INT_0) })
}

/// Returns the length of an int in its shortest form.
#[inline]
fn canonical_int(bytes: &[u8], limits: &Limits) -> Option<usize> {
    match bytes {
        [tag::INT_FIRST..=tag::INT_LAST, ..] => Some(1),
        [tag::INT_L1, length @ 4..=18, digits @ ..] if usize::from(*length) <= limits.digits => {
            let digits = digits.get(..usize::from(*length))?;
            // Tests all digits, which takes no branches.
            let all = digits.iter().fold(true, |all, digit| all & (digit.wrapping_sub(b'0') < 10));
            (all && digits.first() != Some(&b'0')).then_some(2 + digits.len())
        }
        _ => None,
    }
}

/// Reads an integer that may be an id of this side. Some(None) if it cannot be one.
fn id(r: &mut Reader<'_>) -> Option<Option<u64>> {
    match r.peek() {
        Some(tag::INT_FIRST..=tag::INT_LAST) => Some(u64::try_from(r.int().ok()?).ok()),
        _ => match r.value().ok()? {
            Value::Int(i) => Some(u64::try_from(i).ok()),
            Value::BigInt(_) => Some(None),
            _ => None,
        },
    }
}
