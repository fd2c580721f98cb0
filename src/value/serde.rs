//! Values in serde's formats, as an enum. Parts that a format cannot hold are stored beside it, if the caller supports
//! that.

mod parts;
mod reading;

pub use parts::Part;
pub use reading::ValueSeed;

use super::{Blob, Temporal, Value};
use crate::nesting;
use crate::value::Limits;
use serde::de::{Deserialize, DeserializeSeed, Deserializer};
use serde::ser::{self, Serialize, Serializer};

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
    "Array",
    "Ref",
    "LongStr",
    "LongBytes",
    "LongArray",
    "Temporal",
];

/// The variant that follows, in the order of `VARIANTS`. Those from `Ref` to `LongArray` have a part beside the
/// format's bytes.
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
    Array,
    Ref,
    LongStr,
    LongBytes,
    LongArray,
    Temporal,
}

/// Receives the parts beside a format's own bytes when a value is written.
pub trait PutBeside {
    /// The encoding of a reference: a label and the bytes of an id. None if it cannot be written.
    fn reference(&self, reference: &Value) -> Option<(u8, Blob)>;

    /// Keeps a string, bytes or an array if it is long enough.
    fn long(&self, blob: &Blob) -> bool;

    /// May there be dates and times? Else they are references.
    fn has_times(&self) -> bool {
        true
    }
}

/// Supplies the parts beside a format's own bytes when a value is read.
pub trait TakeBeside {
    /// The reference of a label and an id. None ends the reading.
    fn reference(&self, label: u8, id: &[u8]) -> Option<Value>;

    /// The next of those that were kept, in the order in which they were. None: there is none.
    fn long(&self) -> Option<Blob>;

    /// Counts memory of the value that is read. False if it exceeds the limit.
    fn charge(&self, _bytes: usize) -> bool {
        true
    }

    /// Reading ends because of a limit, not because something is wrong.
    fn limit_exceeded(&self) {}

    /// It ends because the stack that is left is too short.
    fn stack_is_short(&self) {}
}

pub(super) const NO_STACK: &str = "values are nested too deeply for the stack that is left";

/// No parts beside the format.
struct Nothing;

impl PutBeside for Nothing {
    fn reference(&self, _: &Value) -> Option<(u8, Blob)> {
        None
    }

    fn long(&self, _: &Blob) -> bool {
        false
    }
}

impl TakeBeside for Nothing {
    fn reference(&self, _: u8, _: &[u8]) -> Option<Value> {
        None
    }

    fn long(&self) -> Option<Blob> {
        None
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Image::new(self, Value::MAX_DEPTH, &Nothing).serialize(serializer)
    }
}

/// A value with the levels of nesting that are still allowed, as it is to be written.
#[derive(Clone, Copy)]
pub struct Image<'v> {
    value: &'v Value,
    levels: usize,
    beside: &'v dyn PutBeside,
}

impl Serialize for Image<'_> {
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
            Value::Str(text) if self.beside.long(text.as_blob()) => unit(s, Tag::LongStr),
            Value::Str(text) => newtype!(Str, text.as_str()),
            Value::Bytes(bytes) if self.beside.long(bytes) => unit(s, Tag::LongBytes),
            Value::Bytes(bytes) => newtype!(Bytes, &Raw(bytes)),
            Value::Tuple(items) => newtype!(Tuple, &self.items(items)?),
            Value::Slice(parts) => {
                let [start, stop, step] = &**parts;
                let levels = self.deeper()?;
                let at = |value| Image { value, levels, ..*self };
                newtype!(Slice, &(at(start), at(stop), at(step)))
            }
            Value::FrozenSet(items) => newtype!(FrozenSet, &self.items(items)?),
            Value::List(items) => newtype!(List, &self.items(items)?),
            Value::Dict(pairs) => newtype!(Dict, &Pairs { pairs, within: Image { levels: self.deeper()?, ..*self } }),
            Value::Array(array) => {
                let data = array.to_wire();
                match self.beside.long(&data) {
                    true => newtype!(LongArray, &(array.element() as u8)),
                    false => newtype!(Array, &(array.element() as u8, Raw(&data))),
                }
            }
            Value::Temporal(time) if self.beside.has_times() => newtype!(Temporal, &Parts(*time)),
            Value::Ref(_) | Value::Temporal(_) => match self.beside.reference(self.value) {
                Some((label, id)) => newtype!(Ref, &(label, Raw(&id))),
                None => Err(ser::Error::custom("a reference cannot be used outside of its session")),
            },
        }
    }
}

impl<'v> Image<'v> {
    pub fn new(value: &'v Value, levels: usize, beside: &'v dyn PutBeside) -> Image<'v> {
        Image { value, levels, beside }
    }

    fn deeper<E: ser::Error>(&self) -> Result<usize, E> {
        match self.levels.checked_sub(1) {
            Some(_) if nesting::is_short() => Err(E::custom(NO_STACK)),
            Some(levels) => Ok(levels),
            None => Err(E::custom("values are nested too deeply")),
        }
    }

    fn items<E: ser::Error>(&self, items: &'v [Value]) -> Result<Items<'v>, E> {
        Ok(Items { items, within: Image { levels: self.deeper()?, ..*self } })
    }
}

struct Items<'v> {
    items: &'v [Value],
    within: Image<'v>,
}

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.items.iter().map(|value| Image { value, ..self.within }))
    }
}

struct Pairs<'v> {
    pairs: &'v [(Value, Value)],
    within: Image<'v>,
}

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let at = |value| Image { value, ..self.within };
        s.collect_seq(self.pairs.iter().map(|(key, value)| (at(key), at(value))))
    }
}

/// A date or time. Apart, so that going down into containers takes no more stack.
pub(super) struct Parts(pub Temporal);

impl Serialize for Parts {
    #[inline(never)]
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.0.to_parts().serialize(s)
    }
}

impl<'de> Deserialize<'de> for Parts {
    #[inline(never)]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Parts, D::Error> {
        Temporal::from_parts(Deserialize::deserialize(deserializer)?).map(Parts).map_err(serde::de::Error::custom)
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
        let limits = Limits::default();
        ValueSeed::new(&limits, limits.depth, &Nothing).deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Array, Element, PeerClass, Proxy, Reference};
    use std::sync::Arc;

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
            Value::Dict([(Value::str("k"), Value::tuple(items())), (Value::None, Value::None)].into()),
            Value::Array(Array::copy(Element::I16, &[1, 0, 2, 0]).unwrap()),
            Value::Temporal(Temporal::from_parts((3, 739_000, 5, -1, 1)).unwrap()),
        ]
    }

    #[test]
    fn every_kind_both_ways() {
        let all = every_kind();
        assert_eq!(all.len(), Tag::Ref as usize + 1);
        for (value, name) in all.iter().zip(VARIANTS.iter().take(Tag::Ref as usize).chain([&"Temporal"])) {
            let json = serde_json::to_string(value).unwrap();
            assert!(json.contains(name), "{json}");
            assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), *value, "{json}");
        }
        let json = serde_json::to_string(&Value::tuple(vec![Value::Int(1), Value::None])).unwrap();
        assert_eq!(json, r#"{"Tuple":[{"Int":1},"None"]}"#);
    }

    #[test]
    fn references_stay() {
        let proxy = Proxy::new([1].into(), Arc::new(PeerClass::new("m.C", &[1], false, &Arc::default())), 1);
        let value = Value::List([Value::Ref(Reference::Remote(Arc::new(proxy)))].into());
        let error = serde_json::to_string(&value).unwrap_err();
        assert_eq!(error.to_string(), "a reference cannot be used outside of its session");
    }

    fn refused(json: &str, limits: &Limits) -> String {
        let mut json = serde_json::Deserializer::from_str(json);
        json.disable_recursion_limit();
        ValueSeed::new(limits, limits.depth, &Nothing).deserialize(&mut json).unwrap_err().to_string()
    }

    #[test]
    fn limits_hold() {
        let limits = Limits { depth: 3, digits: 20, items: 2, bytes: 4, ..Limits::default() };
        let deep = |levels| format!(r#"{}"None"{}"#, r#"{"List":["#.repeat(levels), "]}".repeat(levels));
        let fits = deep(3);
        let mut json = serde_json::Deserializer::from_str(&fits);
        assert!(ValueSeed::new(&limits, limits.depth, &Nothing).deserialize(&mut json).is_ok());
        assert!(refused(&deep(4), &limits).contains("nested too deeply"));
        assert!(refused(&deep(100_000), &Limits::default()).contains("nested too deeply"));
        assert!(refused(&deep(100_000), &Limits { depth: usize::MAX, ..limits.clone() }).contains("nested too deeply"));
        let dict = r#"{"Dict":[["#.repeat(100_000);
        assert!(refused(&dict, &limits).contains("nested too deeply"));
        assert!(refused(r#"{"Tuple":["None","None","None"]}"#, &limits).contains("items: 3"));
        assert!(refused(r#"{"Str":"12345"}"#, &limits).contains("bytes of a string: 5"));
        assert!(refused(r#"{"Bytes":[1,2,3,4,5]}"#, &limits).contains("bytes: 5"));
        assert!(refused(r#"{"BigInt":"123456789012345678901"}"#, &limits).contains("21 digits"));
        assert!(refused(r#"{"BigInt":"12x"}"#, &limits).contains("not a decimal integer"));
        assert!(refused(r#"{"FrozenSet":[{"List":[]}]}"#, &limits).contains("unhashable type: 'list'"));
        assert!(refused(r#"{"Slice":["None","None"]}"#, &limits).contains("invalid length 2"));
        assert!(refused(r#"{"Dict":[[{"List":[]},"None"]]}"#, &limits).contains("a key of a dict is a 'list'"));
        assert!(refused(r#"{"Array":[9,[1,2,3]]}"#, &limits).contains("not a multiple of the element size, 4"));
        assert!(refused(r#"{"Array":[11,[]]}"#, &limits).contains("unknown type 11"));
        assert!(refused(r#"{"Array":[2,[1,2,3,4,5]]}"#, &limits).contains("bytes: 5"));
        assert!(refused(r#"{"Temporal":[1,0,0,0,0]}"#, &limits).contains("date value out of range"));
        assert!(refused(r#"{"Ref":[3,[1]]}"#, &limits).contains("a reference that cannot be followed"));
        for long in [r#""LongStr""#, r#""LongBytes""#, r#"{"LongArray":2}"#] {
            assert!(refused(long, &limits).contains("is missing"));
        }
        assert!(refused(r#""Unknown""#, &limits).contains("unknown variant"));
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
