//! Conversions to values.

use super::{Array, Blob, Element, Reference, Temporal, Text, Value};
use std::collections::{BTreeMap, HashMap};

macro_rules! from {
    ($($type:ty: $name:ident => $value:expr;)+) => {
        $(
            impl From<$type> for Value {
                fn from($name: $type) -> Value {
                    $value
                }
            }
        )+
    };
}

from! {
    (): _nothing => Value::None;
    bool: b => Value::Bool(b);
    f64: x => Value::Float(x);
    f32: x => Value::Float(x.into());
    i32: n => Value::Int(n.into());
    u32: n => Value::Int(n.into());
    i16: n => Value::Int(n.into());
    u16: n => Value::Int(n.into());
    usize: n => Value::from(n as u64);
    &str: text => Value::str(text);
    String: text => Value::Str(text.into());
    &String: text => Value::str(text);
    Text: text => Value::Str(text);
    &[u8]: bytes => Value::bytes(bytes);
    Vec<u8>: bytes => Value::Bytes(bytes.into());
    Blob: bytes => Value::Bytes(bytes);
    Reference: reference => Value::Ref(reference);
    Temporal: time => Value::Temporal(time);
    Vec<Value>: items => Value::List(items.into());
}

/// A list of what becomes a value.
macro_rules! lists {
    ($($type:ty),+) => {
        $(
            impl From<Vec<$type>> for Value {
                fn from(items: Vec<$type>) -> Value {
                    Value::List(items.into_iter().map(Value::from).collect())
                }
            }
        )+
    };
}

lists!(bool, i32, i64, u64, f64, &str, String);

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::None, Into::into)
    }
}

impl<A: Into<Value>, B: Into<Value>> From<(A, B)> for Value {
    fn from((a, b): (A, B)) -> Value {
        Value::tuple(vec![a.into(), b.into()])
    }
}

impl<A: Into<Value>, B: Into<Value>, C: Into<Value>> From<(A, B, C)> for Value {
    fn from((a, b, c): (A, B, C)) -> Value {
        Value::tuple(vec![a.into(), b.into(), c.into()])
    }
}

impl<V: Into<Value>> From<BTreeMap<String, V>> for Value {
    fn from(map: BTreeMap<String, V>) -> Value {
        Value::Dict(map.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

impl<V: Into<Value>, S> From<HashMap<String, V, S>> for Value {
    fn from(map: HashMap<String, V, S>) -> Value {
        Value::Dict(map.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

impl Array {
    /// One element, as an Int or a Float.
    pub fn get(&self, index: usize) -> Option<Value> {
        let size = self.element().size();
        let start = index.checked_mul(size)?;
        self.data().get(start..start.checked_add(size)?).map(|bytes| number(self.element(), bytes))
    }

    /// The numbers as values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Value> {
        self.data().chunks_exact(self.element().size()).map(|bytes| number(self.element(), bytes))
    }
}

fn number(element: Element, bytes: &[u8]) -> Value {
    macro_rules! read {
        ($type:ty) => {
            <$type>::from_ne_bytes(bytes.first_chunk().copied().unwrap_or_default())
        };
    }
    match element {
        Element::I8 => Value::Int(read!(i8).into()),
        Element::U8 => Value::Int(read!(u8).into()),
        Element::I16 => Value::Int(read!(i16).into()),
        Element::U16 => Value::Int(read!(u16).into()),
        Element::I32 => Value::Int(read!(i32).into()),
        Element::U32 => Value::Int(read!(u32).into()),
        Element::I64 => Value::Int(read!(i64)),
        Element::U64 => Value::from(read!(u64)),
        Element::F32 => Value::Float(read!(f32).into()),
        Element::F64 => Value::Float(read!(f64)),
    }
}
