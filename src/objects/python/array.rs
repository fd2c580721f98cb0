//! Arrays of numbers by value: `array.array` and its iterators.

use super::super::class::{Class, Definition, Member, MemberKind, Object};
use super::super::peer::Outcome;
use super::slice::{pick, plain_parts};
use super::{Takes, arg, class, data, indexed, method, object, property, this, type_error, type_name};
use crate::error::Exception;
use crate::value::{Array, Value};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

const OWNER: &str = "array";

/// These members make no requests, so they are answered at once.
fn quick(mut member: Member) -> Member {
    if let MemberKind::Method { quick, .. } = &mut member.kind {
        *quick = true;
    }
    member
}

static CLASS: LazyLock<Arc<Class>> = LazyLock::new(|| {
    let mut members = vec![
        method(OWNER, "__len__", Takes::Operator(0), |array: &Array, _| Ok(Value::Int(array.len() as i64))),
        method(OWNER, "__getitem__", Takes::Operator(1), |array: &Array, call| get_item(array, &arg(call, 0))),
        method(OWNER, "__iter__", Takes::Operator(0), |array: &Array, _| {
            Ok(object(ITERATOR.instance(Box::new(Iterator { array: array.clone(), next: AtomicUsize::new(0) }))))
        }),
        method(OWNER, "__contains__", Takes::Operator(1), |array: &Array, call| {
            let wanted = arg(call, 0);
            Ok(Value::Bool(array.iter().any(|number| number.py_eq(&wanted))))
        }),
        method(OWNER, "__repr__", Takes::Operator(0), |array: &Array, _| {
            Ok(Value::from(Value::Array(array.clone()).repr()))
        }),
        method(OWNER, "__eq__", Takes::Operator(1), |array: &Array, call| {
            Ok(match data(&arg(call, 0)) {
                Some(Value::Array(other)) => Value::Bool(Value::Array(array.clone()).py_eq(&Value::Array(other))),
                _ => Value::NotImplemented,
            })
        }),
    ];
    // With and without prefix: by default peers cannot use plain names.
    for names in [["tobytes", "tolist"], ["exposed_tobytes", "exposed_tolist"]] {
        let [bytes, list] = names;
        members.push(method(OWNER, bytes, Takes::Nothing, |array: &Array, _| Ok(Value::Bytes(array.to_bytes()))));
        members.push(method(OWNER, list, Takes::Nothing, |array: &Array, _| Ok(Value::List(array.iter().collect()))));
    }
    for names in [["typecode", "itemsize"], ["exposed_typecode", "exposed_itemsize"]] {
        let [code, size] = names;
        members.push(property(code, |array: &Array| Ok(Value::str(array.element().code().encode_utf8(&mut [0; 4])))));
        members.push(property(size, |array: &Array| Ok(Value::Int(array.element().size() as i64))));
    }
    let members = members.into_iter().map(quick).collect();
    let definition =
        Definition { module: "array".into(), name: "array".into(), members, numpy: true, ..Definition::default() };
    Class::of_data(definition, |object| object.state().downcast_ref().cloned().map(Value::Array))
});

pub(in crate::objects) fn array(array: Array) -> Arc<Object> {
    CLASS.instance(Box::new(array))
}

/// Returns an item by index, or those of a slice.
fn get_item(array: &Array, key: &Value) -> Outcome {
    if let Value::Slice(parts) = key {
        let part = array.pick(pick(array.len(), &plain_parts(parts)?)?.into_iter());
        return part.map(Value::Array).map_err(|error| Exception::builtin("MemoryError", error.to_string()));
    }
    let Some(index) = indexed(key)?.to_i64() else {
        return Err(type_error(format!("array indices must be integers or slices, not {}", type_name(key))));
    };
    let index = if index < 0 { index.saturating_add(array.len() as i64) } else { index };
    let item = usize::try_from(index).ok().and_then(|at| array.get(at));
    item.ok_or_else(|| Exception::builtin("IndexError", "array index out of range"))
}

struct Iterator {
    array: Array,
    next: AtomicUsize,
}

static ITERATOR: LazyLock<Arc<Class>> = LazyLock::new(|| {
    let members = vec![
        method("arrayiterator", "__next__", Takes::Operator(0), |iterator: &Iterator, _| {
            let at = iterator.next.fetch_add(1, Ordering::Relaxed).min(iterator.array.len());
            iterator.array.get(at).ok_or_else(Exception::stop_iteration)
        }),
        method("arrayiterator", "__iter__", Takes::Operator(0), |_: &Iterator, call| Ok(this(call))),
    ];
    class("array", "arrayiterator", "", members.into_iter().map(quick).collect())
});
