//! The data that both sides can copy, and opaque tokens for what they cannot.

mod array;
mod blob;
mod compare;
mod contents;
mod convert;
mod equality;
mod flat;
mod graph;
mod held;
mod home;
mod int;
mod layout;
mod limits;
mod number;
mod order;
mod reference;
mod repr;
mod serde;
mod shape;
mod temporal;
mod walk;

pub use self::serde::{Image, Part, PutBeside, TakeBeside, ValueSeed};
pub use array::{Array, Element, NoArray};
pub use blob::{ALIGNED, ALIGNMENT, Blob, INLINE, Text};
pub use compare::CompareOp;
pub use equality::Unhashable;
pub(crate) use flat::Flat;
pub(crate) use graph::Weight;
pub use graph::{Bounds, Graph, GraphError, Kind, Piece};
pub use held::Held;
pub use home::{Ask, Home, Inquiry, Then};
pub use int::{BigInt, IntTextError};
pub use layout::{Layout, Shaped};
pub use limits::Limits;
pub(crate) use number::short_canonical;
pub use reference::{Local, PeerClass, Proxy, Reference, Released, Releases};
pub use shape::Shape;
pub use temporal::{BadTime, Clock, DAY, Date, Delta, Offset, SECOND, Temporal, TimeSpec};

/// The values in a tuple, list or set, shared.
pub type Items = Held<[Value]>;
/// The keys and values of a dict, shared.
pub type Pairs = Held<[(Value, Value)]>;

/// Immutable plain data, cheap to clone. It may contain references at any place.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// `None`
    #[default]
    None,
    /// `NotImplemented`
    NotImplemented,
    /// `...`
    Ellipsis,
    /// A bool.
    Bool(bool),
    /// Every integer that fits is here and never a `BigInt`.
    Int(i64),
    /// An int of more than 64 bits.
    BigInt(BigInt),
    /// A float.
    Float(f64),
    /// Real and imaginary part.
    Complex(f64, f64),
    /// A str.
    Str(Text),
    /// Bytes.
    Bytes(Blob),
    /// A tuple.
    Tuple(Items),
    /// start, stop, step
    Slice(Held<[Value; 3]>),
    /// No two items are equal in Python's sense.
    FrozenSet(Items),
    /// A list: a copy. Between stock peers lists are objects.
    List(Items),
    /// A dict: a copy.
    Dict(Pairs),
    /// Numbers of one type.
    Array(Array),
    /// A date, time, datetime, timedelta or timezone: a copy. Between stock peers they are objects.
    Temporal(Temporal),
    /// An object, remote or local.
    Ref(Reference),
}

const _: () = assert!(size_of::<Value>() == 40);

impl Value {
    /// The levels of nesting that no setting exceeds.
    pub const MAX_DEPTH: usize = 1000;

    /// A str.
    pub fn str(text: &str) -> Value {
        Value::Str(Text::new(text))
    }

    /// Bytes.
    pub fn bytes(bytes: &[u8]) -> Value {
        Value::Bytes(Blob::copy(bytes))
    }

    /// A tuple.
    pub fn tuple(items: Vec<Value>) -> Value {
        Value::Tuple(items.into())
    }

    /// A slice.
    pub fn slice(start: Value, stop: Value, step: Value) -> Value {
        Value::Slice([start, stop, step].into())
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
            Value::Temporal(time) => time.full_name(),
            Value::Ref(Reference::Local(_)) => "object",
            Value::Ref(Reference::Remote(proxy)) => &proxy.type_name,
        }
    }
}
