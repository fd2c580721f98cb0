//! Values from serde's formats. Nothing that a format announces is trusted.

use super::{NAME, NO_STACK, Parts, Tag, TakeBeside, VARIANTS};
use crate::nesting;
use crate::value::Limits;
use crate::value::{Array, Blob, Element, IntTextError, Items, Pairs, Proxy, Text, Unhashable, Value};
use serde::de::{self, DeserializeSeed, Deserializer, EnumAccess, SeqAccess, VariantAccess, Visitor};
use std::fmt;
use std::sync::Arc;

/// Reads a value under limits: depth, digits, items and bytes.
#[derive(Clone, Copy)]
pub struct ValueSeed<'l> {
    limits: &'l Limits,
    levels: usize,
    beside: &'l dyn TakeBeside,
}

impl<'l> ValueSeed<'l> {
    /// `levels`: how deep it may be nested.
    pub fn new(limits: &'l Limits, levels: usize, beside: &'l dyn TakeBeside) -> ValueSeed<'l> {
        ValueSeed { limits, levels: levels.min(Value::MAX_DEPTH), beside }
    }

    fn deeper<E: de::Error>(self) -> Result<ValueSeed<'l>, E> {
        match self.levels.checked_sub(1) {
            Some(_) if nesting::is_short() => {
                self.beside.stack_is_short();
                Err(E::custom(NO_STACK))
            }
            Some(levels) => Ok(ValueSeed { levels, ..self }),
            None => Err(self.exceeded("values are nested too deeply")),
        }
    }

    fn length<E: de::Error>(&self, what: &str, len: usize, limit: usize) -> Result<(), E> {
        match len <= limit {
            true => Ok(()),
            false => Err(self.exceeded(format_args!("{what}: {len} exceeds the limit of {limit}"))),
        }
    }

    #[cold]
    fn exceeded<E: de::Error>(&self, text: impl fmt::Display) -> E {
        self.beside.limit_exceeded();
        E::custom(text)
    }

    /// Counts the memory of `items` items.
    fn charge<T, E: de::Error>(&self, items: usize) -> Result<(), E> {
        match self.beside.charge(items.saturating_mul(size_of::<T>())) {
            true => Ok(()),
            false => Err(self.exceeded("its values take too much memory (max_memory)")),
        }
    }

    fn long<E: de::Error>(&self) -> Result<Blob, E> {
        let blob = self.beside.long().ok_or_else(|| E::custom("a part of the value is missing"))?;
        self.length("bytes", blob.len(), self.limits.bytes)?;
        Ok(blob)
    }

    fn array<E: de::Error>(&self, element: u8, data: Blob) -> Result<Value, E> {
        let element = Element::from_number(element.into())
            .ok_or_else(|| E::custom(format_args!("an array of elements of the unknown type {element}")))?;
        self.length("bytes", data.len(), self.limits.bytes)?;
        Array::from_wire(element, data).map(Value::Array).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_enum(NAME, VARIANTS, self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Value, A::Error> {
        let (tag, content) = data.variant::<Tag>()?;
        Ok(match tag {
            Tag::None => content.unit_variant().map(|()| Value::None)?,
            Tag::NotImplemented => content.unit_variant().map(|()| Value::NotImplemented)?,
            Tag::Ellipsis => content.unit_variant().map(|()| Value::Ellipsis)?,
            Tag::Bool => Value::Bool(content.newtype_variant()?),
            Tag::Int => Value::Int(content.newtype_variant()?),
            Tag::BigInt => {
                let text = content.newtype_variant_seed(TextSeed)?;
                Value::int_from_text(text.as_bytes(), self.limits.digits).map_err(|error| match error {
                    IntTextError::TooLong { .. } => self.exceeded(error),
                    IntTextError::Malformed => de::Error::custom(error),
                })?
            }
            Tag::Float => Value::Float(content.newtype_variant()?),
            Tag::Complex => {
                let (re, im) = content.newtype_variant()?;
                Value::Complex(re, im)
            }
            Tag::Str => {
                let text = content.newtype_variant_seed(TextSeed)?;
                self.length("bytes of a string", text.as_bytes().len(), self.limits.bytes)?;
                Value::Str(text)
            }
            Tag::Bytes => {
                let bytes = content.newtype_variant_seed(RawSeed)?;
                self.length("bytes", bytes.len(), self.limits.bytes)?;
                Value::Bytes(bytes)
            }
            Tag::Tuple => Value::Tuple(content.newtype_variant_seed(ItemsSeed(self.deeper()?))?),
            Tag::Slice => Value::Slice(content.newtype_variant_seed(SliceSeed(self.deeper()?))?.into()),
            Tag::FrozenSet => {
                let items = content.newtype_variant_seed(ItemsSeed(self.deeper()?))?;
                Value::frozenset(items.to_vec()).map_err(de::Error::custom)?
            }
            Tag::List => Value::List(content.newtype_variant_seed(ItemsSeed(self.deeper()?))?),
            Tag::Dict => Value::Dict(content.newtype_variant_seed(PairsSeed(self.deeper()?))?),
            Tag::Array => {
                let (element, data) = content.newtype_variant_seed(MarkedSeed)?;
                self.array(element, data)?
            }
            Tag::Ref => {
                let (label, id) = content.newtype_variant_seed(MarkedSeed)?;
                self.charge::<u8, _>(Proxy::memory(id.len()))?;
                let refused = || de::Error::custom("a reference that cannot be followed");
                self.beside.reference(label, &id).ok_or_else(refused)?
            }
            Tag::Temporal => Value::Temporal(content.newtype_variant::<Parts>()?.0),
            Tag::LongStr => {
                content.unit_variant()?;
                let text = Text::from_utf8(self.long()?).map_err(|(_, error)| de::Error::custom(error))?;
                Value::Str(text)
            }
            Tag::LongBytes => {
                content.unit_variant()?;
                Value::Bytes(self.long()?)
            }
            Tag::LongArray => {
                let element = content.newtype_variant()?;
                self.array(element, self.long()?)?
            }
        })
    }
}

/// The maximum allocation for an announced length.
const CAUTIOUS: usize = 1024;

/// Makes room for one more announced item; fewer items may follow.
fn reserve_space<T, E: de::Error>(items: &mut Vec<T>, announced: usize) -> Result<(), E> {
    if items.len() < items.capacity() {
        return Ok(());
    }
    let more = announced.saturating_sub(items.len()).clamp(1, items.len().max(CAUTIOUS));
    items.try_reserve(more).map_err(|_| E::custom(format_args!("no memory for more than {} items", items.len())))
}

struct TextSeed;

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = Text;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Text, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for TextSeed {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
        Ok(Text::new(text))
    }
}

struct RawSeed;

impl<'de> DeserializeSeed<'de> for RawSeed {
    type Value = Blob;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Blob, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl<'de> Visitor<'de> for RawSeed {
    type Value = Blob;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Blob, E> {
        Ok(Blob::copy(bytes))
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Blob, E> {
        Ok(Blob::from(bytes))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Blob, A::Error> {
        let announced = seq.size_hint().unwrap_or(0);
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element()? {
            reserve_space(&mut bytes, announced)?;
            bytes.push(byte);
        }
        Ok(Blob::from(bytes))
    }
}

/// A number, and the bytes that it describes.
struct MarkedSeed;

impl<'de> DeserializeSeed<'de> for MarkedSeed {
    type Value = (u8, Blob);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(u8, Blob), D::Error> {
        deserializer.deserialize_tuple(2, self)
    }
}

impl<'de> Visitor<'de> for MarkedSeed {
    type Value = (u8, Blob);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number and bytes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(u8, Blob), A::Error> {
        let missing = |at| de::Error::invalid_length(at, &"2 parts");
        let mark = seq.next_element()?.ok_or_else(|| missing(0))?;
        Ok((mark, seq.next_element_seed(RawSeed)?.ok_or_else(|| missing(1))?))
    }
}

/// Reads the announced number of items, each with `next`. A few are read in place, with one allocation; many, or an
/// unknown number, into storage that grows with them.
fn items<T: Default, E: de::Error>(
    announced: Option<usize>,
    seed: ValueSeed<'_>,
    mut next: impl FnMut() -> Result<Option<T>, E>,
) -> Result<Arc<[T]>, E> {
    let limit = seed.limits.items;
    if let Some(count @ 0..=CAUTIOUS) = announced {
        seed.length("items", count, limit)?;
        seed.charge::<T, E>(count + 1)?;
        let mut items: Arc<[T]> = (0..count).map(|_| T::default()).collect();
        for (at, slot) in Arc::get_mut(&mut items).into_iter().flatten().enumerate() {
            *slot = next()?.ok_or_else(|| E::invalid_length(at, &"as many as announced"))?;
        }
        return Ok(items);
    }
    let mut items = Vec::new();
    while let Some(item) = next()? {
        seed.length("items", items.len() + 1, limit)?;
        seed.charge::<T, E>(1)?;
        reserve_space(&mut items, announced.unwrap_or(0))?;
        items.push(item);
    }
    Ok(items.into())
}

struct ItemsSeed<'l>(ValueSeed<'l>);

impl<'de> DeserializeSeed<'de> for ItemsSeed<'_> {
    type Value = Items;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Items, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ItemsSeed<'_> {
    type Value = Items;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence of values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Items, A::Error> {
        items(seq.size_hint(), self.0, || seq.next_element_seed(self.0)).map(Items::from)
    }
}

struct SliceSeed<'l>(ValueSeed<'l>);

impl<'de> DeserializeSeed<'de> for SliceSeed<'_> {
    type Value = [Value; 3];

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<[Value; 3], D::Error> {
        deserializer.deserialize_tuple(3, self)
    }
}

impl<'de> Visitor<'de> for SliceSeed<'_> {
    type Value = [Value; 3];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("start, stop and step")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<[Value; 3], A::Error> {
        let mut part = |at| seq.next_element_seed(self.0)?.ok_or_else(|| de::Error::invalid_length(at, &"3 values"));
        Ok([part(0)?, part(1)?, part(2)?])
    }
}

struct PairsSeed<'l>(ValueSeed<'l>);

impl<'de> DeserializeSeed<'de> for PairsSeed<'_> {
    type Value = Pairs;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Pairs, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for PairsSeed<'_> {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence of keys with values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Pairs, A::Error> {
        let pairs = items(seq.size_hint(), self.0, || {
            let pair = seq.next_element_seed(PairSeed(self.0))?;
            match pair.as_ref().and_then(|(key, _)| key.unhashable()) {
                None => Ok(pair),
                Some(Unhashable(name)) => {
                    Err(de::Error::custom(format_args!("a key of a dict is a '{name}', which cannot be hashed")))
                }
            }
        })?;
        Ok(pairs.into())
    }
}

struct PairSeed<'l>(ValueSeed<'l>);

impl<'de> DeserializeSeed<'de> for PairSeed<'_> {
    type Value = (Value, Value);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(Value, Value), D::Error> {
        deserializer.deserialize_tuple(2, self)
    }
}

impl<'de> Visitor<'de> for PairSeed<'_> {
    type Value = (Value, Value);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key with its value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(Value, Value), A::Error> {
        let mut part = |at| seq.next_element_seed(self.0)?.ok_or_else(|| de::Error::invalid_length(at, &"2 values"));
        Ok((part(0)?, part(1)?))
    }
}
