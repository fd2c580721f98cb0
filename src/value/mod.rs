//! The data that both sides can copy, and opaque tokens for what they cannot.

mod array;
mod blob;
mod equality;
mod flat;
mod graph;
mod held;
mod int;
mod order;
mod reference;
mod repr;
mod serde;
mod shape;

pub use self::serde::{Image, PutBeside, TakeBeside, ValueSeed};
pub use array::{Array, Element, NoArray};
pub use blob::{Blob, INLINE, Text};
pub use equality::Unhashable;
pub(crate) use flat::Flat;
pub(crate) use graph::Weight;
pub use graph::{Bounds, Graph, GraphError, Kind, Piece};
pub use held::{Held, Items, Pairs};
pub(crate) use int::short_canonical;
pub use int::{BigInt, IntTextError};
pub use reference::{Local, Proxy, Reference, Releases};
pub use shape::Shape;

use crate::nesting;
use std::sync::Arc;

/// Immutable plain data, cheap to clone. A reference may stand anywhere in it.
#[derive(Clone, Debug, Default)]
pub enum Value {
    #[default]
    None,
    NotImplemented,
    Ellipsis,
    Bool(bool),
    /// Every integer that fits is here and never a `BigInt`.
    Int(i64),
    BigInt(BigInt),
    Float(f64),
    Complex(f64, f64),
    Str(Text),
    Bytes(Blob),
    Tuple(Items),
    /// start, stop, step
    Slice(Held<[Value; 3]>),
    /// No two items are equal in Python's sense.
    FrozenSet(Items),
    List(Items),
    Dict(Pairs),
    Array(Array),
    Ref(Reference),
}

impl Value {
    /// The levels of nesting that no setting exceeds.
    pub const MAX_DEPTH: usize = 1000;

    pub fn str(text: &str) -> Value {
        Value::Str(Text::new(text))
    }

    pub fn bytes(bytes: &[u8]) -> Value {
        Value::Bytes(Blob::copy(bytes))
    }

    pub fn tuple(items: Vec<Value>) -> Value {
        Value::Tuple(items.into())
    }

    pub fn slice(start: Value, stop: Value, step: Value) -> Value {
        Value::Slice([start, stop, step].into())
    }

    /// Can it travel by value, in RPyC's sense ("dumpable")? Not with a reference, list, dict or array anywhere in it.
    #[inline]
    pub fn is_plain(&self) -> bool {
        match self {
            Value::Tuple(items) | Value::FrozenSet(items) => Value::are_plain(items),
            Value::Slice(parts) => Value::are_plain(&parts[..]),
            Value::List(_) | Value::Dict(_) | Value::Array(_) | Value::Ref(_) => false,
            _ => true,
        }
    }

    /// Has it values inside?
    #[inline]
    pub fn is_container(&self) -> bool {
        matches!(self, Value::Tuple(_) | Value::FrozenSet(_) | Value::List(_) | Value::Dict(_) | Value::Slice(_))
    }

    /// Looks at a value within another; where the stack is short, `flat` does so without going deeper.
    #[inline]
    pub(super) fn inside<R>(&self, look: impl FnOnce(&Value) -> R, flat: impl FnOnce(&Value) -> R) -> R {
        if !self.is_container() {
            return look(self);
        }
        match nesting::step() {
            Some(_step) => look(self),
            None => flat(self),
        }
    }

    /// Is there an object in it, of ours or of a peer?
    pub fn holds_objects(&self) -> bool {
        let holds = |item: &Value| item.inside(Value::holds_objects, flat::holds_objects);
        match self {
            Value::Ref(_) => true,
            Value::Tuple(items) | Value::List(items) | Value::FrozenSet(items) => items.iter().any(holds),
            Value::Slice(parts) => parts.iter().any(holds),
            Value::Dict(entries) => entries.iter().any(|(key, value)| holds(key) || holds(value)),
            _ => false,
        }
    }

    /// The first object of a peer in it, by depth.
    pub fn first_remote(&self) -> Option<&Arc<Proxy>> {
        match self {
            Value::Ref(Reference::Remote(proxy)) => Some(proxy),
            _ if self.is_container() => flat::first_remote(self),
            _ => None,
        }
    }

    fn are_plain(items: &[Value]) -> bool {
        items.iter().all(|item| item.inside(Value::is_plain, flat::is_plain))
    }

    /// Is there a list, dict or array in it, for which RPyC has no form?
    pub fn wants_native(&self) -> bool {
        match self {
            Value::List(_) | Value::Dict(_) | Value::Array(_) => true,
            Value::Tuple(items) | Value::FrozenSet(items) => {
                items.iter().any(|item| item.inside(Value::wants_native, flat::wants_native))
            }
            Value::Slice(parts) => parts.iter().any(|item| item.inside(Value::wants_native, flat::wants_native)),
            _ => false,
        }
    }

    /// Is it nested at most this deep? A tuple of numbers is one level, a number none.
    pub fn depth_at_most(&self, levels: usize) -> bool {
        let fits = |item: &Value| {
            item.inside(|item| item.depth_at_most(levels - 1), |item| flat::depth_at_most(item, levels - 1))
        };
        let inside = |items: &[Value]| levels > 0 && items.iter().all(fits);
        match self {
            Value::Tuple(items) | Value::FrozenSet(items) | Value::List(items) => inside(items),
            Value::Slice(parts) => inside(&parts[..]),
            Value::Dict(pairs) => levels > 0 && pairs.iter().all(|(key, value)| fits(key) && fits(value)),
            _ => true,
        }
    }

    /// The name of its type in Python.
    pub fn type_name(&self) -> &str {
        match self {
            Value::None => "NoneType",
            Value::NotImplemented => "NotImplementedType",
            Value::Ellipsis => "ellipsis",
            Value::Bool(_) => "bool",
            Value::Int(_) | Value::BigInt(_) => "int",
            Value::Float(_) => "float",
            Value::Complex(..) => "complex",
            Value::Str(_) => "str",
            Value::Bytes(_) => "bytes",
            Value::Tuple(_) => "tuple",
            Value::Slice(_) => "slice",
            Value::FrozenSet(_) => "frozenset",
            Value::List(_) => "list",
            Value::Dict(_) => "dict",
            Value::Array(_) => "array.array",
            Value::Ref(Reference::Local(_)) => "object",
            Value::Ref(Reference::Remote(proxy)) => &proxy.type_name,
        }
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Value {
        Value::Bool(b)
    }
}

impl From<f64> for Value {
    fn from(x: f64) -> Value {
        Value::Float(x)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::str(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Str(text.into())
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Value {
        Value::Str(text)
    }
}

impl From<Reference> for Value {
    fn from(reference: Reference) -> Value {
        Value::Ref(reference)
    }
}
