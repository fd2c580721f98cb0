//! Iteration over local and remote iterables.

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

/// Number of items that are fetched from a peer's container in the first request; few, because they may be large.
const FIRST_CHUNK: i64 = 16;
const LARGEST_CHUNK: i64 = 200;
/// Maximum size in bytes of one request's items, estimated from earlier ones.
const CHUNK_BYTES: usize = 256 << 10;

/// Returns all items of an iterable. MemoryError if they have no end or are too many.
pub(super) fn iterate(value: &Value) -> Result<Vec<Value>, Exception> {
    iterate_at_most(value, growth::MAX_ITEMS)
}

/// The same, with a given message for objects that cannot be iterated.
pub(super) fn iterate_or(value: &Value, not_iterable: &str) -> Result<Vec<Value>, Exception> {
    gathered(value, growth::MAX_ITEMS, &|| type_error(not_iterable))
}

pub(super) fn iterate_at_most(value: &Value, most: usize) -> Result<Vec<Value>, Exception> {
    gathered(value, most, &|| type_error(format!("'{}' object is not iterable", type_name(value))))
}

fn gathered(value: &Value, most: usize, not_iterable: &dyn Fn() -> Exception) -> Result<Vec<Value>, Exception> {
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
            // An object that represents data needs no request.
            Some(data @ (Value::List(_) | Value::Dict(_) | Value::FrozenSet(_))) => {
                return gathered(&data, most, not_iterable);
            }
            _ => source,
        },
        _ => return Err(not_iterable()),
    };
    each_chunk(source, not_iterable, |more| growth::gather(&mut items, more.iter().cloned(), most).map(|()| More))?;
    Ok(items)
}

/// Whether the caller takes more items.
pub(super) use std::ops::ControlFlow::{Break as Enough, Continue};
#[allow(non_upper_case_globals)]
const More: std::ops::ControlFlow<()> = Continue(());

/// Passes items one by one as they arrive, including those before a failure, until the caller has enough.
pub(super) fn each(
    value: &Value,
    mut take: impl FnMut(Value) -> Result<std::ops::ControlFlow<()>, Exception>,
) -> Result<(), Exception> {
    let mut all = |items: &[Value]| {
        for item in items {
            if let Enough(()) = take(item.clone())? {
                return Ok(Enough(()));
            }
        }
        Ok(More)
    };
    match value {
        Value::Ref(source) if as_object::<List>(value).is_none() && !is_data(value) => {
            let not_iterable = || type_error(format!("'{}' object is not iterable", type_name(value)));
            each_chunk(source, &not_iterable, all)
        }
        plain => all(&iterate(plain)?).map(|_| ()),
    }
}

/// The same for callers that take all items.
pub(super) fn every(value: &Value, mut take: impl FnMut(Value) -> Result<(), Exception>) -> Result<(), Exception> {
    each(value, |item| take(item).map(|()| More))
}

fn is_data(value: &Value) -> bool {
    matches!(data(value), Some(Value::List(_) | Value::Dict(_) | Value::FrozenSet(_)))
}

/// Returns whether the object is a container: iterating it cannot fail in the middle and has no effects.
fn is_container(source: &Reference) -> bool {
    match source {
        Reference::Local(local) => local.as_any().downcast_ref::<Object>().is_some_and(|o| Dict::of(o).is_some()),
        Reference::Remote(proxy) => plain::is_container(&proxy.type_name),
    }
}

fn each_chunk(
    source: &Reference,
    not_iterable: &dyn Fn() -> Exception,
    mut take: impl FnMut(&[Value]) -> Result<std::ops::ControlFlow<()>, Exception>,
) -> Result<(), Exception> {
    let iter = Ask::CallAttr { name: "__iter__", args: &[], keywords: &[] };
    let iterator = match outcome(ask(source, iter)) {
        Ok(Value::Ref(iterator)) => iterator,
        Ok(Value::Tuple(items) | Value::List(items)) => return take(&items).map(|_| ()),
        Ok(_) => return Err(not_iterable()),
        Err(exception) if exception.is_builtin("AttributeError") => return Err(not_iterable()),
        Err(exception) => return Err(exception),
    };
    check_iterator(&iterator)?;
    // A failure would lose a whole chunk, and items that are produced on demand must not be produced in advance.
    let most = if is_container(source) { LARGEST_CHUNK } else { 1 };
    let mut count = most.min(FIRST_CHUNK);
    loop {
        match outcome(ask(&iterator, Ask::BuffIter(count)))? {
            Value::Tuple(more) if more.is_empty() => return Ok(()),
            Value::Tuple(more) => {
                if let Enough(()) = take(&more)? {
                    return Ok(());
                }
                let item = more.iter().map(weight).sum::<usize>() / more.len();
                count = i64::try_from(CHUNK_BYTES / item.max(1)).unwrap_or(most).clamp(1, most);
            }
            _ => return Err(not_iterable()),
        }
    }
}

/// Estimates the size of an item in a message.
fn weight(item: &Value) -> usize {
    match item {
        Value::Bytes(bytes) => bytes.len(),
        Value::Str(text) => text.as_bytes().len(),
        Value::Tuple(items) | Value::FrozenSet(items) => 8 * items.len(),
        _ => 8,
    }
}

/// Returns whether an object has an accessible attribute.
pub(super) fn has_attr(value: &Value, name: &str) -> Result<bool, Exception> {
    let Value::Ref(object) = value else { return Ok(false) };
    match outcome(ask(object, Ask::GetAttr(name))) {
        Ok(_) => Ok(true),
        Err(exception) if exception.is_builtin("AttributeError") => Ok(false),
        Err(exception) => Err(exception),
    }
}

/// Returns the items of a modifiable list or a snapshot.
pub(super) fn list_items(value: &Value) -> Option<Result<Vec<Value>, Exception>> {
    if let Some(list) = as_object::<List>(value) {
        return List::of(&list).map(Sequence::copied);
    }
    match data(value)? {
        Value::List(items) => Some(growth::copied(&items)),
        _ => None,
    }
}
