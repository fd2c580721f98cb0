//! Going through iterables, wherever they live.

use super::super::buffered::check_iterator;
use super::super::class::Object;
use super::super::operations::ask;
use super::super::peer::outcome;
use super::super::plain;
use super::dict::Dict;
use super::growth;
use super::list::{List, Sequence};
use super::method::{as_object, data, type_error, type_name};
use crate::error::Exception;
use crate::value::{Ask, Reference, Value};

/// Items that are fetched from a peer in one request.
const CHUNK: i64 = 200;

/// All items of an iterable, wherever it lives; MemoryError if it has no end, or too many.
pub(super) fn iterate(value: &Value) -> Result<Vec<Value>, Exception> {
    iterate_at_most(value, growth::MAX_ITEMS)
}

pub(super) fn iterate_at_most(value: &Value, most: usize) -> Result<Vec<Value>, Exception> {
    let not_iterable = || type_error(format!("'{}' object is not iterable", type_name(value)));
    if let Some(list) = as_object::<List>(value) {
        return List::of(&list).map_or(Ok(Vec::new()), Sequence::copied);
    }
    let mut items = Vec::new();
    let source = match value {
        Value::Tuple(all) | Value::List(all) | Value::FrozenSet(all) => return growth::copied(all),
        Value::Dict(entries) => {
            return growth::gather(&mut items, entries.iter().map(|(key, _)| key.clone()), most).map(|()| items);
        }
        Value::Array(array) => return growth::gather(&mut items, array.iter(), most).map(|()| items),
        Value::Str(text) => {
            let chars = text.as_str().chars().map(|c| Value::from(c.to_string()));
            return growth::gather(&mut items, chars, most).map(|()| items);
        }
        Value::Bytes(bytes) => {
            let bytes = bytes.iter().map(|byte| Value::Int(i64::from(*byte)));
            return growth::gather(&mut items, bytes, most).map(|()| items);
        }
        Value::Ref(source) => match data(value) {
            // One that stands for data is no object to ask.
            Some(data @ (Value::List(_) | Value::Dict(_) | Value::FrozenSet(_))) => {
                return iterate_at_most(&data, most);
            }
            _ => source,
        },
        _ => return Err(not_iterable()),
    };
    each_chunk(source, CHUNK, not_iterable, |more| growth::gather(&mut items, more.iter().cloned(), most))?;
    Ok(items)
}

/// Gives all items of an iterable on, those too that come before it fails.
pub(super) fn extend_with(
    value: &Value,
    mut take: impl FnMut(Vec<Value>) -> Result<(), Exception>,
) -> Result<(), Exception> {
    match value {
        Value::Ref(source) if as_object::<List>(value).is_none() => {
            // What fails in the midst of a chunk loses all of it. Containers do not fail.
            let fails = match source {
                Reference::Local(local) => {
                    local.as_any().downcast_ref::<Object>().is_none_or(|o| Dict::of(o).is_none())
                }
                Reference::Remote(proxy) => !plain::is_container(&proxy.type_name),
            };
            let not_iterable = || type_error(format!("'{}' object is not iterable", type_name(value)));
            each_chunk(source, if fails { 1 } else { CHUNK }, not_iterable, |more| take(growth::copied(more)?))
        }
        plain => take(iterate(plain)?),
    }
}

fn each_chunk(
    source: &Reference,
    count: i64,
    not_iterable: impl Fn() -> Exception,
    mut take: impl FnMut(&[Value]) -> Result<(), Exception>,
) -> Result<(), Exception> {
    let iter = Ask::CallAttr { name: "__iter__", args: &[], keywords: &[] };
    let iterator = match outcome(ask(source, iter)) {
        Ok(Value::Ref(iterator)) => iterator,
        Ok(Value::Tuple(items) | Value::List(items)) => return take(&items),
        Ok(_) => return Err(not_iterable()),
        Err(exception) if exception.is_builtin("AttributeError") => return Err(not_iterable()),
        Err(exception) => return Err(exception),
    };
    check_iterator(&iterator)?;
    loop {
        match outcome(ask(&iterator, Ask::BuffIter(count)))? {
            Value::Tuple(more) if more.is_empty() => return Ok(()),
            Value::Tuple(more) => take(&more)?,
            _ => return Err(not_iterable()),
        }
    }
}

/// An attribute of an object, or None if there is none that may be used.
pub(super) fn has_attr(value: &Value, name: &str) -> Result<bool, Exception> {
    let Value::Ref(object) = value else { return Ok(false) };
    match outcome(ask(object, Ask::GetAttr(name))) {
        Ok(_) => Ok(true),
        Err(exception) if exception.is_builtin("AttributeError") => Ok(false),
        Err(exception) => Err(exception),
    }
}

/// The items of a list, living or a snapshot.
pub(super) fn list_items(value: &Value) -> Option<Result<Vec<Value>, Exception>> {
    if let Some(list) = as_object::<List>(value) {
        return List::of(&list).map(Sequence::copied);
    }
    match data(value)? {
        Value::List(items) => Some(growth::copied(&items)),
        _ => None,
    }
}
