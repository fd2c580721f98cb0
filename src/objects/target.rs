//! Targets of conversions, and the conversion of data, which makes no requests.

use crate::error::{Error, Result};
use crate::value::{Temporal, Value};

/// The target of a conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Bool,
    Int,
    Float,
    Str,
    Bytes,
    Date,
    Time,
    DateTime,
    Delta,
    /// A float of seconds, or a timedelta.
    Duration,
}

impl Target {
    pub fn name(self) -> &'static str {
        match self {
            Target::Bool => "bool",
            Target::Int => "int",
            Target::Float => "float",
            Target::Str => "str",
            Target::Bytes => "bytes",
            Target::Date => "date",
            Target::Time => "time",
            Target::DateTime => "datetime",
            Target::Delta => "timedelta",
            Target::Duration => "float or timedelta",
        }
    }

    /// Returns whether an object of this type of `datetime` can be converted.
    pub(super) fn takes_time(self, type_name: &str) -> bool {
        match self {
            Target::Date | Target::Time | Target::DateTime | Target::Delta => type_name == self.name(),
            Target::Duration => type_name == Target::Delta.name(),
            _ => false,
        }
    }

    /// The methods that return it, in CPython's order.
    pub(super) fn methods(self) -> &'static [&'static str] {
        match self {
            Target::Bool => &["__bool__", "__len__"],
            Target::Int => &["__index__"],
            Target::Float | Target::Duration => &["__float__", "__index__"],
            _ => &[],
        }
    }

    /// Returns whether the value has the target type already.
    pub fn is(self, value: &Value) -> bool {
        matches!(
            (self, value),
            (Target::Bool, Value::Bool(_))
                | (Target::Int, Value::Int(_) | Value::BigInt(_))
                | (Target::Float, Value::Float(_))
                | (Target::Str, Value::Str(_))
                | (Target::Bytes, Value::Bytes(_))
                | (Target::Date, Value::Temporal(Temporal::Date(_)))
                | (Target::Time, Value::Temporal(Temporal::Time(_)))
                | (Target::DateTime, Value::Temporal(Temporal::DateTime(..)))
                | (Target::Delta, Value::Temporal(Temporal::Delta(_)))
                | (Target::Duration, Value::Float(_) | Value::Temporal(Temporal::Delta(_)))
        )
    }

    /// Converts data, without requests.
    pub(super) fn of_data(self, value: Value) -> Result<Value> {
        match (self, value) {
            (target, value) if target.is(&value) => Ok(value),
            (Target::Bool, value) => Ok(Value::Bool(is_truthy(&value))),
            (Target::Int, Value::Bool(truth)) => Ok(Value::Int(truth.into())),
            (Target::Float | Target::Duration, value @ (Value::Bool(_) | Value::Int(_) | Value::BigInt(_))) => {
                match value.to_f64() {
                    Some(number) if number.is_finite() => Ok(Value::Float(number)),
                    _ => Err(Error::Range("the int is too large for a float".into())),
                }
            }
            (target, value) => Err(target.refusal(value.type_name())),
        }
    }

    pub(super) fn refusal(self, type_name: &str) -> Error {
        let why = match self {
            Target::Bool => "",
            Target::Int => ": it has no __index__",
            Target::Float | Target::Duration => ": it has neither __float__ nor __index__",
            Target::Str => ": it is not a subclass of str, or its slices are not str",
            Target::Bytes => ": it is not a subclass of bytes, or its slices are not bytes",
            Target::Date | Target::Time | Target::DateTime | Target::Delta => {
                ": only that type of datetime's is copied"
            }
        };
        Error::Type(format!("expected {}, got {type_name}{why}", self.name()))
    }
}

/// Python's truth of a plain value; references are true.
pub fn is_truthy(value: &Value) -> bool {
    match value {
        Value::None => false,
        Value::Bool(b) => *b,
        Value::Int(n) => *n != 0,
        Value::Float(x) => *x != 0.0,
        Value::Complex(re, im) => *re != 0.0 || *im != 0.0,
        Value::Str(text) => !text.as_bytes().is_empty(),
        Value::Bytes(bytes) => !bytes.is_empty(),
        Value::Tuple(items) | Value::FrozenSet(items) | Value::List(items) => !items.is_empty(),
        Value::Dict(entries) => !entries.is_empty(),
        Value::Array(array) => !array.is_empty(),
        Value::Temporal(Temporal::Delta(delta)) => delta.total() != 0,
        _ => true,
    }
}
