//! Python's `bool()`, `==` and `in` on local and remote objects.

use super::operations::{Asker, ask, ask_own_then};
use super::target::is_truthy;
use crate::error::{Error, Exception, Result};
use crate::value::{Ask, CompareOp, Reference, Value};

/// The result of calling a Python method that may not exist.
pub(super) enum Said<T> {
    Yes(Result<T>),
    Missing,
    /// The method does not exist, or it raised AttributeError itself.
    Unsure(Error),
}

impl<T> Said<T> {
    pub(super) fn map<U>(self, f: impl FnOnce(T) -> U) -> Said<U> {
        match self {
            Said::Yes(result) => Said::Yes(result.map(f)),
            Said::Missing => Said::Missing,
            Said::Unsure(error) => Said::Unsure(error),
        }
    }
}

/// Interprets the result of `__bool__` or `__len__` as a truth value.
pub(super) fn verdict(name: &str, answer: Result<Value>) -> Said<bool> {
    Said::Yes(match answer {
        Ok(Value::Bool(truth)) => Ok(truth),
        Ok(Value::Int(length)) if name == "__len__" && length >= 0 => Ok(length != 0),
        Ok(Value::Int(_)) if name == "__len__" => Err(raised("ValueError", "__len__() should return >= 0")),
        Ok(Value::BigInt(_)) if name == "__len__" => {
            Err(raised("OverflowError", "cannot fit 'int' into an index-sized integer"))
        }
        Ok(other) => Err(Error::Type(format!("{name}() of the object returned {}", other.type_name()))),
        Err(error) => return failed(name, error),
    })
}

fn raised(name: &str, text: &str) -> Error {
    Error::Remote(Exception::builtin(name, text))
}

/// Interprets the failure of a call: the method failed, or it does not exist.
pub(super) fn failed<T>(name: &str, error: Error) -> Said<T> {
    let exception = match &error {
        Error::Remote(exception) if exception.is_builtin("AttributeError") => exception,
        _ => return Said::Yes(Err(error)),
    };
    let absent = format!(" has no attribute '{name}'");
    if exception.absence().is_some_and(|text| text.ends_with(&absent)) {
        return Said::Missing;
    }
    match exception.args.first() {
        // Denied by the rules: the method may exist.
        Some(Value::Str(text)) if text.as_str().starts_with("cannot access") => Said::Yes(Err(error)),
        Some(Value::Str(text)) if text.as_str().ends_with(&absent) => Said::Missing,
        _ => Said::Unsure(error),
    }
}

/// Returns whether reading found the attribute, or failed for another reason than that it does not exist.
pub(super) fn is_there(read: &Result<Value>) -> bool {
    !matches!(read, Err(Error::Remote(exception)) if exception.is_builtin("AttributeError"))
}

/// Calls a method. Returns None if the object has no method of this name.
fn call(object: &Reference, name: &str, args: &[Value]) -> Option<Result<Value>> {
    match ask(object, Ask::CallAttr { name, args, keywords: &[] }) {
        Ok(value) => Some(Ok(value)),
        Err(error) => settled(object, name, failed(name, error)),
    }
}

fn settled<T>(object: &Reference, name: &str, said: Said<T>) -> Option<Result<T>> {
    match said {
        Said::Yes(said) => Some(said),
        Said::Missing => None,
        Said::Unsure(error) => is_there(&ask(object, Ask::GetAttr(name))).then_some(Err(error)),
    }
}

fn method(name: &str) -> Ask<'_> {
    Ask::CallAttr { name, args: &[], keywords: &[] }
}

/// `bool(object)`: `__bool__`, otherwise whether `__len__` is not 0, otherwise true.
pub fn truth(object: &Reference) -> Result<bool> {
    let said = |name| settled(object, name, verdict(name, ask(object, method(name))));
    ["__bool__", "__len__"].into_iter().find_map(said).unwrap_or(Ok(true))
}

/// `bool(value)`. Makes requests to objects.
pub fn truth_of(value: &Value) -> Result<bool> {
    match value {
        Value::Ref(object) => truth(object),
        data => Ok(is_truthy(data)),
    }
}

/// The same on behalf of a peer: no thread waits for objects of this process.
pub(super) fn truth_then(asker: Asker, value: Value, then: impl FnOnce(Result<bool>) + Send + 'static) {
    let Value::Ref(object) = value else { return then(Ok(is_truthy(&value))) };
    let (again, same) = (asker.clone(), object.clone());
    said_then(asker, object, "__bool__", move |said| match said {
        Some(truth) => then(truth),
        None => said_then(again, same, "__len__", move |said| then(said.unwrap_or(Ok(true)))),
    });
}

fn said_then(
    asker: Asker,
    object: Reference,
    name: &'static str,
    then: impl FnOnce(Option<Result<bool>>) + Send + 'static,
) {
    let (again, same) = (asker.clone(), object.clone());
    ask_own_then(asker, &object, method(name), move |answer| match verdict(name, answer) {
        Said::Yes(said) => then(Some(said)),
        Said::Missing => then(None),
        Said::Unsure(error) => ask_own_then(again, &same, Ask::GetAttr(name), move |read| {
            then(is_there(&read).then_some(Err(error)));
        }),
    });
}

/// `object == other`: `__eq__` of the object, otherwise that of the other, otherwise identity.
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

/// `item in object`: `__contains__`, otherwise a search by identity and equality. Items are requested one by one, as
/// in Python, because the search must not advance an iterator further than necessary.
pub fn contains(object: &Reference, item: &Value) -> Result<bool> {
    if let Some(answer) = call(object, "__contains__", std::slice::from_ref(item)) {
        return truth_of(&answer?);
    }
    let iterator = match call(object, "__iter__", &[]).transpose()? {
        Some(Value::Ref(iterator)) => Some(iterator),
        Some(Value::Tuple(items) | Value::List(items)) => {
            return items.iter().try_fold(false, |found, known| Ok(found || is_or_equals(known, item)?));
        }
        Some(other) => return Err(Error::Type(format!("__iter__() of the object returned {}", other.type_name()))),
        // Older sequences have only __getitem__.
        None => None,
    };
    for index in 0.. {
        let next = match &iterator {
            Some(iterator) => ask(iterator, method("__next__")),
            None => match call(object, "__getitem__", &[Value::Int(index)]) {
                Some(next) => next,
                None => return Err(not_iterable(object)),
            },
        };
        match next {
            Ok(known) if is_or_equals(&known, item)? => return Ok(true),
            Ok(_) => {}
            Err(Error::Remote(end)) if end.is_builtin("StopIteration") => break,
            Err(Error::Remote(end)) if iterator.is_none() && end.is_builtin("IndexError") => break,
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

fn not_iterable(object: &Reference) -> Error {
    let name = match object {
        Reference::Local(object) => object.shape().class_name(),
        Reference::Remote(proxy) => proxy.type_name.rsplit('.').next().unwrap_or_default(),
    };
    raised("TypeError", &format!("argument of type '{name}' is not iterable"))
}

fn is_or_equals(known: &Value, item: &Value) -> Result<bool> {
    match (known, item) {
        (Value::Ref(a), Value::Ref(b)) if a.same(b) => Ok(true),
        (Value::Ref(object), other) | (other, Value::Ref(object)) => equal(object, other),
        (known, item) => Ok(known.py_eq(item)),
    }
}
