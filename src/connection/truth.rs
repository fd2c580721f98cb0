//! Python's `bool()`, `==` and `in` on objects, wherever they live.

use super::remote::{Ask, Asker, ask, ask_own_then};
use crate::error::{Error, Exception, Result};
use crate::session::CompareOp;
use crate::value::{Reference, Value};

/// What a call of `__bool__` or `__len__` says of the truth; None: there is no such method.
fn verdict(name: &str, answer: Result<Value>) -> Option<Result<bool>> {
    Some(match answer {
        Ok(Value::Bool(truth)) => Ok(truth),
        Ok(Value::Int(length)) if name == "__len__" => Ok(length != 0),
        Ok(Value::BigInt(_)) if name == "__len__" => Ok(true),
        Ok(other) => Err(Error::Type(format!("{name} of the object answers with {}", other.type_name()))),
        Err(Error::Remote(exception)) if is_missing(&exception) => return None,
        Err(error) => Err(error),
    })
}

fn method(name: &str) -> Ask<'_> {
    Ask::CallAttr { name, args: &[], keywords: &[] }
}

/// `bool(object)`: what `__bool__` says, else whether `__len__` is not 0, else true.
pub fn truth(object: &Reference) -> Result<bool> {
    let said = ["__bool__", "__len__"].into_iter().find_map(|name| verdict(name, ask(object, method(name))));
    said.unwrap_or(Ok(true))
}

/// `bool(value)`, for which objects are asked.
pub fn truth_of(value: &Value) -> Result<bool> {
    match value {
        Value::Ref(object) => truth(object),
        data => Ok(said(data)),
    }
}

/// The same on behalf of a peer: no thread waits for objects of this process.
pub(super) fn truth_then(asker: Asker, value: Value, then: impl FnOnce(Result<bool>) + Send + 'static) {
    let Value::Ref(object) = value else { return then(Ok(said(&value))) };
    let (again, same) = (asker.clone(), object.clone());
    ask_own_then(asker, &object, method("__bool__"), move |answer| match verdict("__bool__", answer) {
        Some(truth) => then(truth),
        None => ask_own_then(again, &same, method("__len__"), move |answer| {
            then(verdict("__len__", answer).unwrap_or(Ok(true)));
        }),
    });
}

/// There is no such attribute, which is not the same as that it may not be used.
fn is_missing(exception: &Exception) -> bool {
    let refused = |text: &Value| matches!(text, Value::Str(text) if text.as_str().starts_with("cannot access"));
    let is_absent = || exception.absence().is_some() || !exception.args.first().is_some_and(refused);
    exception.is_builtin("AttributeError") && is_absent()
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
        (answer, _) => truth_of(answer),
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
        Value::Array(array) => !array.is_empty(),
        _ => true,
    }
}

/// `item in object`: what `__contains__` says, else whether an item of the iteration is the same or equal. Items are asked
/// for one by one, as Python does: an iterator goes no further than it must.
pub fn contains(object: &Reference, item: &Value) -> Result<bool> {
    let call = |object, name, args: &[Value]| ask(object, Ask::CallAttr { name, args, keywords: &[] });
    match call(object, "__contains__", std::slice::from_ref(item)) {
        Ok(answer) => return truth_of(&answer),
        Err(Error::Remote(exception)) if is_missing(&exception) => {}
        Err(error) => return Err(error),
    }
    let iterator = match call(object, "__iter__", &[]) {
        Ok(Value::Ref(iterator)) => Some(iterator),
        Ok(Value::Tuple(items) | Value::List(items)) => {
            return items.iter().try_fold(false, |found, known| Ok(found || is_or_equals(known, item)?));
        }
        Ok(other) => return Err(Error::Type(format!("__iter__ of the object answers with {}", other.type_name()))),
        // A sequence of the old kind has but __getitem__.
        Err(Error::Remote(exception)) if is_missing(&exception) => None,
        Err(error) => return Err(error),
    };
    for index in 0.. {
        let next = match &iterator {
            Some(iterator) => call(iterator, "__next__", &[]),
            None => call(object, "__getitem__", &[Value::Int(index)]),
        };
        match next {
            Ok(known) if is_or_equals(&known, item)? => return Ok(true),
            Ok(_) => {}
            Err(Error::Remote(end)) if end.is_builtin("StopIteration") => break,
            Err(Error::Remote(end)) if iterator.is_none() && end.is_builtin("IndexError") => break,
            Err(Error::Remote(exception)) if iterator.is_none() && index == 0 && is_missing(&exception) => {
                let name = match object {
                    Reference::Local(object) => object.shape().class_name(),
                    Reference::Remote(proxy) => proxy.type_name.rsplit('.').next().unwrap_or_default(),
                };
                let text = format!("argument of type '{name}' is not iterable");
                return Err(Error::Remote(Exception::builtin("TypeError", text)));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

fn is_or_equals(known: &Value, item: &Value) -> Result<bool> {
    match (known, item) {
        (Value::Ref(a), Value::Ref(b)) if a.same(b) => Ok(true),
        (Value::Ref(object), other) | (other, Value::Ref(object)) => equal(object, other),
        (known, item) => Ok(known.py_eq(item)),
    }
}
