//! A value in serde's formats, one part at a time, for walks without recursion.

use super::{NAME, Tag, VARIANTS};
use serde::de::{Deserialize, Deserializer, EnumAccess, SeqAccess, VariantAccess, Visitor};
use std::fmt;

/// The next part. Only for formats that put nothing between or after the parts of a container.
pub enum Part<'de> {
    Whole,
    /// The number of values that follow and belong to it.
    Container(usize),
    /// A label and the bytes of an id.
    Reference(u8, &'de [u8]),
}

impl<'de> Deserialize<'de> for Part<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Part<'de>, D::Error> {
        deserializer.deserialize_enum(NAME, VARIANTS, PartVisitor)
    }
}

struct PartVisitor;

impl<'de> Visitor<'de> for PartVisitor {
    type Value = Part<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Part<'de>, A::Error> {
        let (tag, content) = data.variant::<Tag>()?;
        match tag {
            Tag::None | Tag::NotImplemented | Tag::Ellipsis | Tag::LongStr | Tag::LongBytes => {
                content.unit_variant()?
            }
            Tag::Bool => drop(content.newtype_variant::<bool>()?),
            Tag::Int => drop(content.newtype_variant::<i64>()?),
            Tag::Float => drop(content.newtype_variant::<f64>()?),
            Tag::Complex => drop(content.newtype_variant::<(f64, f64)>()?),
            Tag::BigInt | Tag::Str => drop(content.newtype_variant::<&str>()?),
            Tag::Bytes => drop(content.newtype_variant::<&[u8]>()?),
            Tag::Array => drop(content.newtype_variant::<(u8, &[u8])>()?),
            Tag::Temporal => drop(content.newtype_variant::<(u8, i64, i64, i64, u8)>()?),
            Tag::LongArray => drop(content.newtype_variant::<u8>()?),
            Tag::Slice => return Ok(Part::Container(3)),
            Tag::Tuple | Tag::FrozenSet | Tag::List => {
                return content.newtype_variant().map(|Count(items)| Part::Container(items));
            }
            Tag::Dict => {
                return content.newtype_variant().map(|Count(pairs)| Part::Container(pairs.saturating_mul(2)));
            }
            Tag::Ref => return content.newtype_variant().map(|(label, id)| Part::Reference(label, id)),
        }
        Ok(Part::Whole)
    }
}

/// The length of a sequence whose items are left where they are.
struct Count(usize);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Count, D::Error> {
        deserializer.deserialize_seq(CountVisitor)
    }
}

struct CountVisitor;

impl<'de> Visitor<'de> for CountVisitor {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Count, A::Error> {
        Ok(Count(seq.size_hint().unwrap_or(0)))
    }
}
