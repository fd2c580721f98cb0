//! What values become: numbers, texts, bytes, vectors, pairs.

use crate::connection::{self, Patience};
use crate::error::{Error, Result};
use crate::objects::Target;
use crate::value::{Blob, Reference, Text, Value};
use std::convert::Infallible;

impl Value {
    /// The error of a value that is not what it has to be.
    pub(super) fn is_no(&self, wanted: &str) -> Error {
        Error::Type(format!("expected {wanted}, got a value of type {}", self.type_name()))
    }

    fn items(&self, wanted: &str) -> Result<&[Value]> {
        match self {
            Value::Tuple(items) | Value::List(items) | Value::FrozenSet(items) => Ok(items),
            other => Err(other.is_no(wanted)),
        }
    }
}

impl Value {
    /// The number, text or bytes that the value is, or that a peer's object stands for: `numpy.float64`, an `IntEnum`, a subclass of
    /// `str`. The object is asked as CPython's own functions ask, all items of a list or tuple in one burst, and never gives a float
    /// for an int; for a bool, it says what Python's `bool()` says. The answers are waited for as long as those of calls are.
    ///
    /// ```
    /// # fn main() -> rpyc::Result<()> {
    /// assert_eq!(rpyc::Value::from(3).convert::<f64>()?, 3.0);
    /// assert!(rpyc::Value::from(3.0).convert::<i64>().is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn convert<T: Convertible>(&self) -> Result<T> {
        T::convert(self.clone())
    }
}

/// What [`Value::convert`] makes of values: numbers, text, bytes, and vectors of them.
pub trait Convertible: Sized {
    /// Asks the peer where the value is one of its objects.
    fn convert(value: Value) -> Result<Self>;
}

fn convert(values: Vec<Value>, target: Target) -> Result<Vec<Value>> {
    let values = values.into_iter().map(|value| (value, target)).collect();
    connection::convert(values, Patience::Connection).map_err(|(_, error)| error)
}

macro_rules! convertible {
    ($($target:ident: $($type:ty),+;)+) => {
        $($(
            impl Convertible for $type {
                fn convert(value: Value) -> Result<$type> {
                    let mut converted = convert(vec![value], Target::$target)?;
                    converted.pop().unwrap_or_default().try_into()
                }
            }
        )+)+
    };
}

convertible! {
    Bool: bool;
    Int: i8, u8, i16, u16, i32, u32, i64, u64, isize, usize;
    Float: f64;
    Str: String, Text;
    Bytes: Blob, Vec<u8>;
}

macro_rules! convertible_items {
    ($($target:ident: $($type:ty),+;)+) => {
        $($(
            impl Convertible for Vec<$type> {
                fn convert(value: Value) -> Result<Vec<$type>> {
                    let items = convert(value.items("a list or tuple")?.to_vec(), Target::$target)?;
                    items.into_iter().map(TryInto::try_into).collect()
                }
            }
        )+)+
    };
}

convertible_items! {
    Bool: bool;
    Int: i32, i64, u64;
    Float: f64;
    Str: String;
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
            items => Err(Error::Type(format!("expected a pair, got {} items", items.len()))),
        }
    }
}
