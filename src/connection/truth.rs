//! Python's `bool()`, `==` and `in` on objects, wherever they live.

use super::iteration::check_iterator;
use super::remote::{Ask, ask};
use crate::error::{Error, Exception, Result};
use crate::session::CompareOp;
use crate::value::{Reference, Value};

/// `bool(object)`: what `__bool__` says, else whether `__len__` is not 0, else true.
pub fn truth(object: &Reference) -> Result<bool> {
    for name in ["__bool__", "__len__"] {
        match ask(object, Ask::CallAttr { name, args: &[], keywords: &[] }) {
            Ok(Value::Bool(truth)) => return Ok(truth),
            Ok(Value::Int(length)) if name == "__len__" => return Ok(length != 0),
            Ok(Value::BigInt(_)) if name == "__len__" => return Ok(true),
            Ok(other) => {
                return Err(Error::Type(format!("{name} of the object answers with {}", other.type_name())));
            }
            Err(Error::Remote(exception)) if is_missing(&exception) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// There is no such attribute, which is not the same as that it may not be used.
fn is_missing(exception: &Exception) -> bool {
    let refused = |text: &Value| matches!(text, Value::Str(text) if text.as_str().starts_with("cannot access"));
    exception.is_builtin("AttributeError") && !exception.args.first().is_some_and(refused)
}

/// `object == other`: what `__eq__` of the object says, else that of the other, else whether they are the same.
pub fn equal(object: &Reference, other: &Value) -> Result<bool> {
    let this = Value::Ref(object.clone());
    let mut answer = ask(object, Ask::Compare(CompareOp::Eq, other))?;
    if let (Value::NotImplemented, Value::Ref(other)) = (&answer, other) {
        answer = ask(other, Ask::Compare(CompareOp::Eq, &this))?;
    }
    match (&answer, other) {
        (Value::NotImplemented, Value::Ref(other)) => Ok(object.same(other)),
        (Value::NotImplemented, _) => Ok(false),
        (Value::Bool(equal), _) => Ok(*equal),
        (Value::Ref(object), _) => truth(object),
        (other, _) => Err(Error::Type(format!("__eq__ of the object answers with {}", other.type_name()))),
    }
}

/// Python's truth of a plain value; references are true.
pub fn said(value: &Value) -> bool {
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
        _ => true,
    }
}

/// So many items are asked for at once.
const CHUNK: i64 = 200;

/// `item in object`: what `__contains__` says, else whether an item of the iteration is the same or equal.
pub fn contains(object: &Reference, item: &Value) -> Result<bool> {
    let call = |object, name, args: &[Value]| ask(object, Ask::CallAttr { name, args, keywords: &[] });
    match call(object, "__contains__", std::slice::from_ref(item)) {
        Ok(answer) => return Ok(said(&answer)),
        Err(Error::Remote(exception)) if is_missing(&exception) => {}
        Err(error) => return Err(error),
    }
    let iterator = match call(object, "__iter__", &[])? {
        Value::Ref(iterator) => iterator,
        other => return Err(Error::Type(format!("__iter__ of the object answers with {}", other.type_name()))),
    };
    check_iterator(&iterator).map_err(Error::Remote)?;
    loop {
        let items = match ask(&iterator, Ask::BuffIter(CHUNK))? {
            Value::Tuple(items) | Value::List(items) => items,
            other => return Err(Error::Malformed(format!("the answer to BUFFITER is a {}", other.type_name()))),
        };
        if items.is_empty() {
            return Ok(false);
        }
        for known in items.iter() {
            let equal = match (known, item) {
                (Value::Ref(a), Value::Ref(b)) if a.same(b) => true,
                (Value::Ref(object), other) | (other, Value::Ref(object)) => equal(object, other)?,
                (known, item) => known.py_eq(item),
            };
            if equal {
                return Ok(true);
            }
        }
    }
}
