//! What values become: numbers, texts, bytes, vectors, pairs.

use crate::error::{Error, Result};
use crate::value::{Blob, Reference, Text, Value};
use std::convert::Infallible;

impl Value {
    /// The error of a value that is not what it has to be.
    pub(super) fn is_no(&self, wanted: &str) -> Error {
        Error::Type(format!("expected {wanted}, not a value of type {}", self.type_name()))
    }

    fn items(&self, wanted: &str) -> Result<&[Value]> {
        match self {
            Value::Tuple(items) | Value::List(items) | Value::FrozenSet(items) => Ok(items),
            other => Err(other.is_no(wanted)),
        }
    }
}

impl From<Infallible> for Error {
    fn from(never: Infallible) -> Error {
        match never {}
    }
}

macro_rules! ints {
    ($($type:ty),+) => {
        $(
            impl TryFrom<Value> for $type {
                type Error = Error;

                fn try_from(value: Value) -> Result<$type> {
                    let fits = match &value {
                        Value::Int(n) => <$type>::try_from(*n).ok(),
                        Value::BigInt(n) => n.to_u64().and_then(|n| <$type>::try_from(n).ok()),
                        Value::Bool(b) => Some((*b).into()),
                        other => return Err(other.is_no("an int")),
                    };
                    fits.ok_or_else(|| Error::Range(format!("the int does not fit into {}", stringify!($type))))
                }
            }
        )+
    };
}

ints!(i8, u8, i16, u16, i32, u32, i64, u64, isize, usize);

macro_rules! try_from {
    ($($type:ty, $wanted:literal: $($pattern:pat => $value:expr),+;)+) => {
        $(
            impl TryFrom<Value> for $type {
                type Error = Error;

                fn try_from(value: Value) -> Result<$type> {
                    match value {
                        $($pattern => Ok($value),)+
                        other => Err(other.is_no($wanted)),
                    }
                }
            }
        )+
    };
}

try_from! {
    (), "None": Value::None => ();
    bool, "a bool": Value::Bool(b) => b;
    f64, "a number": Value::Float(x) => x, Value::Int(n) => n as f64, Value::BigInt(n) => n.to_f64();
    String, "a text": Value::Str(text) => text.to_string();
    Text, "a text": Value::Str(text) => text;
    Blob, "bytes": Value::Bytes(bytes) => bytes;
    Vec<u8>, "bytes": Value::Bytes(bytes) => bytes.to_vec();
    Reference, "an object": Value::Ref(reference) => reference;
}

/// The items of a tuple, list or frozenset.
macro_rules! vectors {
    ($($type:ty),+) => {
        $(
            impl TryFrom<Value> for Vec<$type> {
                type Error = Error;

                fn try_from(value: Value) -> Result<Vec<$type>> {
                    value.items("a list or tuple")?.iter().map(|item| <$type>::try_from(item.clone()).map_err(Error::from)).collect()
                }
            }
        )+
    };
}

vectors!(Value, bool, i32, i64, u64, f64, String);

impl<A, B> TryFrom<Value> for (A, B)
where
    A: TryFrom<Value>,
    B: TryFrom<Value>,
    Error: From<A::Error> + From<B::Error>,
{
    type Error = Error;

    fn try_from(value: Value) -> Result<(A, B)> {
        match value.items("a pair")? {
            [a, b] => Ok((a.clone().try_into()?, b.clone().try_into()?)),
            items => Err(Error::Type(format!("expected a pair, not {} items", items.len()))),
        }
    }
}
