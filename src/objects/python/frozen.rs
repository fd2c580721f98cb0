//! Lists, dicts, sets and arrays of ours as a Python peer sees them: snapshots under the names of its own types.

use super::super::call::Call;
use super::super::class::{Class, Definition, Member, MemberKind, Method, Object};
use crate::error::Exception;
use crate::value::{Array, Held, Items, Local, Pairs, Reference, Value};
use std::sync::{Arc, LazyLock, Mutex};

fn method(name: &str, run: fn(&mut Call)) -> Member {
    let run: Method = Arc::new(move |mut call| run(&mut call));
    let kind = MemberKind::Method { run, signature: None, quick: true };
    Member { name: name.into(), doc: None, kind }
}

fn property(name: &str, read: fn(&Call) -> Value) -> Member {
    let get: Method = Arc::new(move |mut call: Call| {
        let value = read(&call);
        let _ = call.reply(value);
    });
    let kind = MemberKind::Property { get: Some(get), set: None, del: None };
    Member { name: name.into(), doc: None, kind }
}

/// A class whose instances stand for what `data` makes of their state.
fn class(module: &str, name: &str, members: Vec<Member>, data: fn(&Object) -> Option<Value>) -> Arc<Class> {
    Class::of_data(Definition { module: module.into(), name: name.into(), members, ..Definition::default() }, data)
}

static LIST: LazyLock<Arc<Class>> = LazyLock::new(|| {
    class(
        "builtins",
        "list",
        vec![
            method("__len__", |call| reply_len(call, items(call).len())),
            method("__getitem__", list_getitem),
            method("__iter__", |call| reply_items(call, items(call))),
            method("__contains__", |call| reply_contains(call, items(call))),
            method("__repr__", |call| reply_repr(call, Value::List(items(call)))),
            method("__eq__", |call| reply_equal(call, Value::List(items(call)))),
        ],
        |object| Some(Value::List(state::<Items>(object)?.clone())),
    )
});

static FROZENSET: LazyLock<Arc<Class>> = LazyLock::new(|| {
    class(
        "builtins",
        "frozenset",
        vec![
            method("__len__", |call| reply_len(call, items(call).len())),
            method("__iter__", |call| reply_items(call, items(call))),
            method("__contains__", |call| reply_contains(call, items(call))),
            method("__repr__", |call| reply_repr(call, Value::FrozenSet(items(call)))),
            method("__eq__", |call| reply_equal(call, Value::FrozenSet(items(call)))),
        ],
        |object| Some(Value::FrozenSet(state::<Items>(object)?.clone())),
    )
});

static SLICE: LazyLock<Arc<Class>> = LazyLock::new(|| {
    class(
        "builtins",
        "slice",
        vec![
            property("start", |call| part_of(call, 0)),
            property("stop", |call| part_of(call, 1)),
            property("step", |call| part_of(call, 2)),
        ],
        slice_of,
    )
});

static DICT: LazyLock<Arc<Class>> = LazyLock::new(|| {
    class(
        "builtins",
        "dict",
        vec![
            method("__len__", |call| reply_len(call, entries(call).len())),
            method("__getitem__", dict_getitem),
            method("__iter__", |call| reply_items(call, keys(call))),
            method("__contains__", |call| reply_contains(call, keys(call))),
            method("keys", |call| reply_list(call, keys(call))),
            method("values", |call| {
                let values = entries(call).iter().map(|(_, value)| value.clone()).collect();
                reply_list(call, values)
            }),
            method("items", |call| {
                let pairs = entries(call).iter().map(|(k, v)| Value::tuple(vec![k.clone(), v.clone()])).collect();
                reply_list(call, pairs)
            }),
            method("get", |call| {
                let default = call.args().get(1).cloned().unwrap_or_default();
                let found = call.args().first().and_then(|key| find(&entries(call), key));
                let _ = call.reply(found.unwrap_or(default));
            }),
            method("__repr__", |call| reply_repr(call, Value::Dict(entries(call)))),
            method("__eq__", |call| reply_equal(call, Value::Dict(entries(call)))),
        ],
        |object| Some(Value::Dict(state::<Pairs>(object)?.clone())),
    )
});

static ARRAY: LazyLock<Arc<Class>> = LazyLock::new(|| {
    class(
        "array",
        "array",
        vec![
            method("__len__", |call| reply_len(call, array_of(call).map_or(0, |array| array.len()))),
            method("__getitem__", array_getitem),
            method("__iter__", |call| {
                let array = array_of(call);
                let numbers = (0..).map_while(move |at| array.as_ref()?.get(at));
                reply_iterator(call, Box::new(numbers));
            }),
            method("__contains__", |call| {
                let wanted = call.args().first().cloned().unwrap_or_default();
                let found = array_of(call).is_some_and(|array| array.iter().any(|number| number.py_eq(&wanted)));
                let _ = call.reply(Value::Bool(found));
            }),
            method("__repr__", |call| reply_repr(call, array_value(call))),
            method("__eq__", |call| reply_equal(call, array_value(call))),
            method("tobytes", array_bytes),
            method("tolist", array_list),
            property("typecode", array_typecode),
            property("itemsize", array_itemsize),
            // The same for peers that may not use plain names, which is the default.
            method("exposed_tobytes", array_bytes),
            method("exposed_tolist", array_list),
            property("exposed_typecode", array_typecode),
            property("exposed_itemsize", array_itemsize),
        ],
        |object| Some(Value::Array(state::<Array>(object)?.clone())),
    )
});

type Iter = Box<dyn Iterator<Item = Value> + Send>;

static ITERATOR: LazyLock<Arc<Class>> = LazyLock::new(|| {
    let next = |call: &mut Call| {
        let item = call
            .object()
            .state()
            .downcast_ref::<Mutex<Iter>>()
            .and_then(|items| items.lock().unwrap_or_else(|e| e.into_inner()).next());
        let _ = call.finish(item.ok_or_else(Exception::stop_iteration));
    };
    let iter = |call: &mut Call| {
        let this: Arc<dyn Local> = call.object().clone();
        let _ = call.reply(Value::Ref(Reference::Local(this)));
    };
    let members = vec![method("__next__", next), method("__iter__", iter)];
    class("builtins", "generator", members, |_| None)
});

pub(in crate::objects) fn list(items: Items) -> Arc<Object> {
    LIST.instance(Box::new(items))
}

pub(in crate::objects) fn frozenset(items: Items) -> Arc<Object> {
    FROZENSET.instance(Box::new(items))
}

pub(in crate::objects) fn slice(parts: Held<[Value; 3]>) -> Arc<Object> {
    let items: Items = parts.into();
    SLICE.instance(Box::new(items))
}

pub(in crate::objects) fn dict(entries: Pairs) -> Arc<Object> {
    DICT.instance(Box::new(entries))
}

pub(in crate::objects) fn array(array: Array) -> Arc<Object> {
    ARRAY.instance(Box::new(array))
}

fn part_of(slice: &Call, index: usize) -> Value {
    items(slice).get(index).cloned().unwrap_or_default()
}

fn array_of(call: &Call) -> Option<Array> {
    call.object().state().downcast_ref::<Array>().cloned()
}

fn array_bytes(call: &mut Call) {
    let bytes = array_of(call).map(|array| array.to_bytes()).unwrap_or_default();
    let _ = call.reply(Value::Bytes(bytes));
}

fn array_list(call: &mut Call) {
    let numbers = array_of(call).map(|array| array.iter().collect()).unwrap_or_default();
    reply_list(call, numbers);
}

fn array_typecode(call: &Call) -> Value {
    array_of(call).map_or(Value::None, |array| Value::str(array.element().code().encode_utf8(&mut [0; 4])))
}

fn array_itemsize(call: &Call) -> Value {
    Value::Int(array_of(call).map_or(0, |array| array.element().size() as i64))
}

fn array_value(call: &Call) -> Value {
    array_of(call).map_or(Value::None, Value::Array)
}

fn state<S: 'static>(object: &Object) -> Option<&S> {
    object.state().downcast_ref()
}

fn slice_of(object: &Object) -> Option<Value> {
    match &**state::<Items>(object)? {
        [start, stop, step] => Some(Value::slice(start.clone(), stop.clone(), step.clone())),
        _ => None,
    }
}

fn items(call: &Call) -> Items {
    call.object().state().downcast_ref::<Items>().cloned().unwrap_or_default()
}

fn entries(call: &Call) -> Pairs {
    call.object().state().downcast_ref::<Pairs>().cloned().unwrap_or_default()
}

fn keys(call: &Call) -> Items {
    entries(call).iter().map(|(key, _)| key.clone()).collect()
}

fn find(entries: &Pairs, key: &Value) -> Option<Value> {
    entries.iter().find(|(known, _)| known.py_eq(key)).map(|(_, value)| value.clone())
}

fn reply_len(call: &mut Call, len: usize) {
    let _ = call.reply(Value::Int(len as i64));
}

fn reply_items(call: &mut Call, items: Items) {
    reply_iterator(call, Box::new((0..).map_while(move |at| items.get(at).cloned())));
}

fn reply_iterator(call: &mut Call, items: Iter) {
    let iterator = ITERATOR.instance(Box::new(Mutex::new(items)));
    let _ = call.reply(Value::Ref(Reference::Local(iterator)));
}

fn reply_list(call: &mut Call, items: Items) {
    let _ = call.reply(Value::List(items));
}

fn reply_contains(call: &mut Call, items: Items) {
    // What a peer sends is never the same float as an item; what this process asks for may be.
    let same = if call.peer().is_some() { Value::py_eq } else { Value::item_eq };
    let found = call.args().first().is_some_and(|wanted| items.iter().any(|item| same(item, wanted)));
    let _ = call.reply(Value::Bool(found));
}

fn reply_repr(call: &mut Call, value: Value) {
    let _ = call.reply(Value::str(&value.repr()));
}

fn reply_equal(call: &mut Call, value: Value) {
    let equal = match call.args().first() {
        Some(Value::Ref(Reference::Local(other))) => {
            let own: Arc<dyn Local> = call.object().clone();
            std::ptr::addr_eq(Arc::as_ptr(other), Arc::as_ptr(&own))
        }
        Some(other) => value.py_eq(other),
        None => false,
    };
    let _ = call.reply(if equal { Value::Bool(true) } else { Value::NotImplemented });
}

fn dict_getitem(call: &mut Call) {
    let key = call.args().first().cloned().unwrap_or_default();
    let found = find(&entries(call), &key);
    let _ = call.finish(found.ok_or_else(|| Exception::with_args("builtins", "KeyError", vec![key])));
}

fn list_getitem(call: &mut Call) {
    let items = items(call);
    let item = |at: usize| items.get(at).cloned();
    let list = |picked: Vec<usize>| Ok(Value::List(picked.into_iter().filter_map(item).collect()));
    getitem(call, "list", items.len(), item, list);
}

fn array_getitem(call: &mut Call) {
    let Some(array) = array_of(call) else { return };
    let part = |picked: Vec<usize>| match array.pick(picked.into_iter()) {
        Ok(part) => Ok(Value::Array(part)),
        Err(error) => Err(Exception::builtin("MemoryError", error.to_string())),
    };
    getitem(call, "array", array.len(), |at| array.get(at), part);
}

/// One item by its index, or those of a slice.
fn getitem(
    call: &mut Call,
    what: &str,
    len: usize,
    item: impl Fn(usize) -> Option<Value>,
    items: impl Fn(Vec<usize>) -> Result<Value, Exception>,
) {
    let picked = match call.args().first() {
        Some(Value::Slice(parts)) => pick(len, parts).and_then(items),
        Some(index) => match index.to_i64().map(|i| if i < 0 { i.saturating_add(len as i64) } else { i }) {
            Some(i) => usize::try_from(i)
                .ok()
                .and_then(item)
                .ok_or_else(|| Exception::builtin("IndexError", format!("{what} index out of range"))),
            None => Err(Exception::builtin(
                "TypeError",
                format!("{what} indices must be integers or slices, not {}", index.type_name()),
            )),
        },
        None => Err(Exception::builtin("TypeError", "__getitem__ expected 1 argument, got 0")),
    };
    let _ = call.finish(picked);
}

/// The indices that Python's slice stands for.
pub(in crate::objects) fn pick(len: usize, parts: &[Value; 3]) -> Result<Vec<usize>, Exception> {
    let (start, stop, step) = span(len, parts)?;
    let (distance, stride) = (if step > 0 { stop - start } else { start - stop }, step.unsigned_abs());
    let count = u64::try_from(distance).unwrap_or(0).div_ceil(stride);
    let mut picked = Vec::new();
    if picked.try_reserve(usize::try_from(count).unwrap_or(usize::MAX)).is_err() {
        return Err(Exception::with_args("builtins", "MemoryError", Vec::new()));
    }
    let mut at = start;
    while (step > 0 && at < stop) || (step < 0 && at > stop) {
        picked.extend(usize::try_from(at).ok());
        at = at.saturating_add(step);
    }
    Ok(picked)
}

/// Start, stop and step of Python's slice, on a sequence of this length.
pub(in crate::objects) fn span(len: usize, parts: &[Value; 3]) -> Result<(i64, i64, i64), Exception> {
    let number = |part: &Value| match part {
        Value::None => Ok(None),
        Value::BigInt(n) => Ok(Some(if n.is_negative() { i64::MIN } else { i64::MAX })),
        other => other.to_i64().map(Some).ok_or_else(|| {
            Exception::builtin("TypeError", "slice indices must be integers or None or have an __index__ method")
        }),
    };
    let step = number(&parts[2])?.unwrap_or(1);
    if step == 0 {
        return Err(Exception::builtin("ValueError", "slice step cannot be zero"));
    }
    let len = len as i64;
    let (low, high) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let clamp = |index: Option<i64>, default: i64| match index {
        None => default,
        Some(i) if i < 0 => i.saturating_add(len).clamp(low, high),
        Some(i) => i.clamp(low, high),
    };
    let start = clamp(number(&parts[0])?, if step > 0 { 0 } else { len - 1 });
    let stop = clamp(number(&parts[1])?, if step > 0 { len } else { -1 });
    Ok((start, stop, step))
}
