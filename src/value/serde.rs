//! Values in serde's formats, as an enum. References are errors there.

use super::{Blob, Text, Value};
use crate::config::Limits;
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, SeqAccess, VariantAccess, Visitor};
use serde::ser::{self, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

const NAME: &str = "Value";
const VARIANTS: &[&str] = &[
    "None",
    "NotImplemented",
    "Ellipsis",
    "Bool",
    "Int",
    "BigInt",
    "Float",
    "Complex",
    "Str",
    "Bytes",
    "Tuple",
    "Slice",
    "FrozenSet",
    "List",
    "Dict",
];

/// Which variant follows, in the order of `VARIANTS`.
#[derive(Clone, Copy, serde::Deserialize)]
#[serde(variant_identifier)]
enum Tag {
    None,
    NotImplemented,
    Ellipsis,
    Bool,
    Int,
    BigInt,
    Float,
    Complex,
    Str,
    Bytes,
    Tuple,
    Slice,
    FrozenSet,
    List,
    Dict,
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        At { value: self, levels: Value::MAX_DEPTH }.serialize(serializer)
    }
}

/// A value with the levels of nesting that are still allowed.
struct At<'v> {
    value: &'v Value,
    levels: usize,
}

impl Serialize for At<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let variant = |index: Tag| (index as u32, VARIANTS.get(index as usize).copied().unwrap_or_default());
        let unit = |s: S, tag| {
            let (index, name) = variant(tag);
            s.serialize_unit_variant(NAME, index, name)
        };
        macro_rules! newtype {
            ($tag:ident, $content:expr) => {{
                let (index, name) = variant(Tag::$tag);
                s.serialize_newtype_variant(NAME, index, name, $content)
            }};
        }
        match self.value {
            Value::None => unit(s, Tag::None),
            Value::NotImplemented => unit(s, Tag::NotImplemented),
            Value::Ellipsis => unit(s, Tag::Ellipsis),
            Value::Bool(b) => newtype!(Bool, b),
            Value::Int(n) => newtype!(Int, n),
            Value::BigInt(n) => newtype!(BigInt, n.text().as_str()),
            Value::Float(x) => newtype!(Float, x),
            Value::Complex(re, im) => newtype!(Complex, &(re, im)),
            Value::Str(text) => newtype!(Str, text.as_str()),
            Value::Bytes(bytes) => newtype!(Bytes, &Raw(bytes)),
            Value::Tuple(items) => newtype!(Tuple, &self.items(items)?),
            Value::Slice(parts) => {
                let [start, stop, step] = &**parts;
                let levels = self.deeper()?;
                let at = |value| At { value, levels };
                newtype!(Slice, &(at(start), at(stop), at(step)))
            }
            Value::FrozenSet(items) => newtype!(FrozenSet, &self.items(items)?),
            Value::List(items) => newtype!(List, &self.items(items)?),
            Value::Dict(pairs) => newtype!(Dict, &Pairs { pairs, levels: self.deeper()? }),
            Value::Ref(_) => Err(ser::Error::custom("a reference cannot leave its session")),
        }
    }
}

impl<'v> At<'v> {
    fn deeper<E: ser::Error>(&self) -> Result<usize, E> {
        self.levels.checked_sub(1).ok_or_else(|| E::custom("values are nested too deeply"))
    }

    fn items<E: ser::Error>(&self, items: &'v [Value]) -> Result<Items<'v>, E> {
        Ok(Items { items, levels: self.deeper()? })
    }
}

struct Items<'v> {
    items: &'v [Value],
    levels: usize,
}

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.items.iter().map(|value| At { value, levels: self.levels }))
    }
}

struct Pairs<'v> {
    pairs: &'v [(Value, Value)],
    levels: usize,
}

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let at = |value| At { value, levels: self.levels };
        s.collect_seq(self.pairs.iter().map(|(key, value)| (at(key), at(value))))
    }
}

struct Raw<'v>(&'v [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_bytes(self.0)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        ValueSeed::new(&Limits::default()).deserialize(deserializer)
    }
}

/// Reads a value under limits: depth, digits, items and bytes.
#[derive(Clone, Copy)]
pub struct ValueSeed<'l> {
    limits: &'l Limits,
    levels: usize,
}

impl<'l> ValueSeed<'l> {
    pub fn new(limits: &'l Limits) -> ValueSeed<'l> {
        ValueSeed { limits, levels: limits.depth.min(Value::MAX_DEPTH) }
    }

    fn deeper<E: de::Error>(self) -> Result<ValueSeed<'l>, E> {
        match self.levels.checked_sub(1) {
            Some(levels) => Ok(ValueSeed { levels, ..self }),
            None => Err(E::custom("values are nested too deeply")),
        }
    }

    fn length<E: de::Error>(&self, what: &str, len: usize, limit: usize) -> Result<(), E> {
        match len <= limit {
            true => Ok(()),
            false => Err(E::custom(format_args!("{what} of {len}, where at most {limit} are allowed"))),
        }
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
                let text: String = content.newtype_variant()?;
                Value::int_from_text(text.as_bytes(), self.limits.digits).map_err(de::Error::custom)?
            }
            Tag::Float => Value::Float(content.newtype_variant()?),
            Tag::Complex => {
                let (re, im) = content.newtype_variant()?;
                Value::Complex(re, im)
            }
            Tag::Str => {
                let text: String = content.newtype_variant()?;
                self.length("bytes of text", text.len(), self.limits.bytes)?;
                Value::Str(Text::from(text))
            }
            Tag::Bytes => {
                let bytes = content.newtype_variant_seed(RawSeed)?;
                self.length("bytes", bytes.len(), self.limits.bytes)?;
                Value::Bytes(Blob::from(bytes))
            }
            Tag::Tuple => Value::Tuple(content.newtype_variant_seed(ItemsSeed(self.deeper()?))?.into()),
            Tag::Slice => Value::Slice(Arc::new(content.newtype_variant_seed(SliceSeed(self.deeper()?))?)),
            Tag::FrozenSet => {
                let items = content.newtype_variant_seed(ItemsSeed(self.deeper()?))?;
                Value::frozenset(items).map_err(de::Error::custom)?
            }
            Tag::List => Value::List(content.newtype_variant_seed(ItemsSeed(self.deeper()?))?.into()),
            Tag::Dict => Value::Dict(content.newtype_variant_seed(PairsSeed(self.deeper()?))?.into()),
        })
    }
}

/// How much room is made for a length that is only announced.
const CAUTIOUS: usize = 1024;

struct RawSeed;

impl<'de> DeserializeSeed<'de> for RawSeed {
    type Value = Vec<u8>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_byte_buf(self)
    }
}

impl<'de> Visitor<'de> for RawSeed {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u8>, A::Error> {
        let mut bytes = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(CAUTIOUS));
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes)
    }
}

struct ItemsSeed<'l>(ValueSeed<'l>);

impl<'de> DeserializeSeed<'de> for ItemsSeed<'_> {
    type Value = Vec<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Value>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ItemsSeed<'_> {
    type Value = Vec<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence of values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<Value>, A::Error> {
        let mut items = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(CAUTIOUS));
        while let Some(item) = seq.next_element_seed(self.0)? {
            self.0.length("items", items.len() + 1, self.0.limits.items)?;
            items.push(item);
        }
        Ok(items)
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
    type Value = Vec<(Value, Value)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<(Value, Value)>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for PairsSeed<'_> {
    type Value = Vec<(Value, Value)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence of keys with values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<(Value, Value)>, A::Error> {
        let mut pairs = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(CAUTIOUS));
        while let Some(pair) = seq.next_element_seed(PairSeed(self.0))? {
            self.0.length("items", pairs.len() + 1, self.0.limits.items)?;
            pairs.push(pair);
        }
        Ok(pairs)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Proxy, Reference, Releases};

    fn every_kind() -> Vec<Value> {
        let items = || vec![Value::Int(1), Value::tuple(vec![Value::str("x")]), Value::None];
        vec![
            Value::None,
            Value::NotImplemented,
            Value::Ellipsis,
            Value::Bool(true),
            Value::Int(i64::MIN),
            Value::from(u64::MAX),
            Value::Float(0.1),
            Value::Complex(-0.0, 2.5),
            Value::str("caf\u{e9}"),
            Value::bytes(&[0, 255, 10]),
            Value::tuple(items()),
            Value::slice(Value::Int(1), Value::None, Value::str("step")),
            Value::frozenset(items()).unwrap(),
            Value::List(items().into()),
            Value::Dict(Arc::new([(Value::str("k"), Value::tuple(items())), (Value::None, Value::None)])),
        ]
    }

    #[test]
    fn every_kind_both_ways() {
        let all = every_kind();
        assert_eq!(all.len(), VARIANTS.len());
        for (value, name) in all.iter().zip(VARIANTS) {
            let json = serde_json::to_string(value).unwrap();
            assert!(json.contains(name), "{json}");
            assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), *value, "{json}");
        }
        let json = serde_json::to_string(&Value::tuple(vec![Value::Int(1), Value::None])).unwrap();
        assert_eq!(json, r#"{"Tuple":[{"Int":1},"None"]}"#);
    }

    #[test]
    fn references_stay() {
        let proxy = Proxy::new([1].into(), "m.C".into(), [1].into(), false, 1, Arc::new(Releases::default()));
        let value = Value::List(Arc::new([Value::Ref(Reference::Remote(Arc::new(proxy)))]));
        let error = serde_json::to_string(&value).unwrap_err();
        assert_eq!(error.to_string(), "a reference cannot leave its session");
    }

    fn refused(json: &str, limits: &Limits) -> String {
        let mut json = serde_json::Deserializer::from_str(json);
        json.disable_recursion_limit();
        ValueSeed::new(limits).deserialize(&mut json).unwrap_err().to_string()
    }

    #[test]
    fn limits_hold() {
        let limits = Limits { depth: 3, digits: 20, items: 2, bytes: 4, ..Limits::default() };
        let deep = |levels| format!(r#"{}"None"{}"#, r#"{"List":["#.repeat(levels), "]}".repeat(levels));
        let fits = deep(3);
        let mut json = serde_json::Deserializer::from_str(&fits);
        assert!(ValueSeed::new(&limits).deserialize(&mut json).is_ok());
        assert!(refused(&deep(4), &limits).contains("nested too deeply"));
        assert!(refused(&deep(100_000), &Limits::default()).contains("nested too deeply"));
        assert!(refused(&deep(100_000), &Limits { depth: usize::MAX, ..limits.clone() }).contains("nested too deeply"));
        let dict = r#"{"Dict":[["#.repeat(100_000);
        assert!(refused(&dict, &limits).contains("nested too deeply"));
        assert!(refused(r#"{"Tuple":["None","None","None"]}"#, &limits).contains("items of 3"));
        assert!(refused(r#"{"Str":"12345"}"#, &limits).contains("bytes of text of 5"));
        assert!(refused(r#"{"Bytes":[1,2,3,4,5]}"#, &limits).contains("bytes of 5"));
        assert!(refused(r#"{"BigInt":"123456789012345678901"}"#, &limits).contains("21 digits"));
        assert!(refused(r#"{"BigInt":"12x"}"#, &limits).contains("not a decimal integer"));
        assert!(refused(r#"{"FrozenSet":[{"List":[]}]}"#, &limits).contains("unhashable type: 'list'"));
        assert!(refused(r#"{"Slice":["None","None"]}"#, &limits).contains("invalid length 2"));
        assert!(refused(r#""Ref""#, &limits).contains("unknown variant"));
    }

    #[test]
    fn what_is_read_is_canonical() {
        let read = |json: &str| serde_json::from_str::<Value>(json).unwrap();
        assert_eq!(read(r#"{"BigInt":"-0012"}"#), Value::Int(-12));
        assert_eq!(read(r#"{"FrozenSet":[{"Int":1},{"Float":1.0}]}"#), Value::frozenset(vec![Value::Int(1)]).unwrap());
    }

    #[test]
    fn what_is_too_deep_is_not_written() {
        let deep = (0..Value::MAX_DEPTH).fold(Value::None, |inner, _| Value::tuple(vec![inner]));
        assert!(serde_json::to_string(&deep).is_ok());
        let error = serde_json::to_string(&Value::tuple(vec![deep])).unwrap_err();
        assert_eq!(error.to_string(), "values are nested too deeply");
    }
}
