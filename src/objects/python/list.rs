//! Lists: `builtins.list`.

use super::super::call::Call;
use super::super::class::{Class, Member, Object};
use super::super::operations::ask;
use super::super::peer::Outcome;
use super::super::peer::outcome;
use super::growth::Kept;
use super::release::{Held, let_go};
use super::slice::{pick, plain_parts, span};
use super::{
    Takes, arg, as_index, as_number_of_c, class, comparison, every, growth, indexed, is_wanted, iterate_or, list_items,
    method, object, ordered, repr_once, reprs, sequences_equal, sequences_ordered, this, type_error, type_name,
    value_error,
};
use crate::error::Exception;
use crate::sync::{Mutex, lock};
use crate::value::{Ask, CompareOp, Items, Value};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

/// The items of a list that both sides can modify.
#[derive(Default)]
pub struct List {
    items: Mutex<Vec<Value>>,
    kept: Kept,
}

impl Drop for List {
    fn drop(&mut self) {
        let items = std::mem::take(&mut *lock(&self.items));
        if !items.is_empty() {
            let_go(Held::Items { _items: items });
        }
    }
}

/// A list as Python reads it: a modifiable one, or one by value.
pub(super) trait Sequence: Send + Sync + 'static {
    /// Passes the items, possibly under a lock: `look` must not run foreign code.
    fn look<R>(&self, look: impl FnOnce(&[Value]) -> R) -> R;

    /// Makes a list of this kind.
    fn made(items: Vec<Value>) -> Outcome;

    fn count(&self) -> usize {
        self.look(<[Value]>::len)
    }

    fn item(&self, at: usize) -> Option<Value> {
        self.look(|items| items.get(at).cloned())
    }

    /// Returns a copy of the items. Fails without memory.
    fn copied(&self) -> Result<Vec<Value>, Exception> {
        self.look(growth::copied)
    }
}

impl Sequence for List {
    fn look<R>(&self, look: impl FnOnce(&[Value]) -> R) -> R {
        look(&lock(&self.items))
    }

    fn made(items: Vec<Value>) -> Outcome {
        let kept = Kept::of_operation(growth::size(&items), weight(&items))?;
        Ok(object(CLASS.instance(Box::new(List { items: Mutex::new(items), kept }))))
    }
}

/// A list by value.
pub(super) struct FrozenList(Items);

impl FrozenList {
    pub fn new(items: Items) -> FrozenList {
        FrozenList(items)
    }

    pub fn items(&self) -> &Items {
        &self.0
    }
}

impl Sequence for FrozenList {
    fn look<R>(&self, look: impl FnOnce(&[Value]) -> R) -> R {
        look(&self.0)
    }

    fn made(items: Vec<Value>) -> Outcome {
        growth::take(size_of_val(&*items))?;
        Ok(Value::List(items.into()))
    }
}

/// The members that read a list.
pub(super) fn reading<S: Sequence>() -> Vec<Member> {
    let method = |name, takes, run: fn(&S, &Call) -> Outcome| method("list", name, takes, run);
    let mut members = vec![
        method("__len__", Takes::Operator(0), |list, _| Ok(Value::Int(list.count() as i64))),
        method("__getitem__", Takes::One, |list, call| get_item(list, &arg(call, 0))),
        method("__contains__", Takes::Operator(1), |list, call| {
            Ok(Value::Bool(find(list, call, 0, usize::MAX)?.is_some()))
        }),
        method("__iter__", Takes::Operator(0), |_, call| Ok(iterator(call.object()))),
        method("__reversed__", Takes::Nothing, |list, call| {
            let state = Reversed { list: call.object().clone(), left: Mutex::new(list.count()) };
            Ok(object(REVERSED.instance(Box::new(state))))
        }),
        method("__repr__", Takes::Operator(0), |list, call| {
            repr_once(call, "[...]", || Ok(format!("[{}]", reprs(&list.copied()?)?)))
        }),
        method("__add__", Takes::Operator(1), |list, call| {
            let Some(more) = list_items(&arg(call, 0)) else {
                let text = format!("can only concatenate list (not \"{}\") to list", type_name(&arg(call, 0)));
                return Err(type_error(text));
            };
            let (mut items, more) = (list.copied()?, more?);
            growth::grow(&mut items, more.len())?;
            items.extend(more);
            S::made(items)
        }),
        method("__mul__", Takes::Operator(1), |list, call| S::made(repeated(&list.copied()?, &arg(call, 0))?)),
        method("__rmul__", Takes::Operator(1), |list, call| S::made(repeated(&list.copied()?, &arg(call, 0))?)),
        method("copy", Takes::Nothing, |list, _| S::made(list.copied()?)),
        method("count", Takes::One, |list, call| {
            let (mut at, mut count) = (0, 0);
            while let Some(found) = find(list, call, at, usize::MAX)? {
                (at, count) = (found + 1, count + 1);
            }
            Ok(Value::Int(count))
        }),
        method("index", Takes::Between(1, 3), index::<S>),
    ];
    members.extend(CompareOp::ALL.map(|op| comparison(op, compare::<S>)));
    members
}

/// The members that modify a list.
fn changing() -> Vec<Member> {
    let method = |name, takes, run: fn(&List, &Call) -> Outcome| method("list", name, takes, run);
    vec![
        method("__setitem__", Takes::Operator(2), |list, call| set_item(list, &arg(call, 0), arg(call, 1))),
        method("__delitem__", Takes::Operator(1), |list, call| del_item(list, &arg(call, 0))),
        method("__iadd__", Takes::Operator(1), |list, call| {
            extend(list, &arg(call, 0))?;
            Ok(this(call))
        }),
        method("__imul__", Takes::Operator(1), |list, call| {
            let items = repeated(&list.copied()?, &arg(call, 0))?;
            let (now, before) = list.look(|items| (size_of_val(items), weight(items)));
            list.kept.cover(now, growth::size(&items), weight(&items).saturating_sub(before))?;
            list.replace(items);
            Ok(this(call))
        }),
        method("append", Takes::One, |list, call| {
            list.push(arg(call, 0))?;
            Ok(Value::None)
        }),
        method("extend", Takes::One, |list, call| extend(list, &arg(call, 0))),
        method("insert", Takes::Between(2, 2), |list, call| {
            let at = as_size(&arg(call, 0))?;
            list.make_room(&mut lock(&list.items), std::slice::from_ref(&arg(call, 1)))?;
            list.insert(at, arg(call, 1));
            Ok(Value::None)
        }),
        method("pop", Takes::Between(0, 1), |list, call| {
            let index = call.args().first().map_or(Ok(-1), as_size)?;
            let text = if list.count() == 0 { "pop from empty list" } else { "pop index out of range" };
            list.pop(index).ok_or_else(|| Exception::builtin("IndexError", text))
        }),
        method("remove", Takes::One, |list, call| match find(list, call, 0, usize::MAX)? {
            Some(at) => {
                drop(list.pop(at as i64));
                Ok(Value::None)
            }
            None => Err(value_error("list.remove(x): x not in list")),
        }),
        method("clear", Takes::Nothing, |list, _| {
            list.clear();
            Ok(Value::None)
        }),
        method("reverse", Takes::Nothing, |list, _| {
            lock(&list.items).reverse();
            Ok(Value::None)
        }),
        method("sort", Takes::Anything, sort),
    ]
}

static CLASS: LazyLock<Arc<Class>> = LazyLock::new(|| {
    let members = reading::<List>().into_iter().chain(changing()).collect();
    class("builtins", "list", "A list that a native program and its peers share.", members)
});

impl List {
    pub fn object(items: Vec<Value>) -> Arc<Object> {
        CLASS.instance(Box::new(List { items: Mutex::new(items), kept: Kept::default() }))
    }

    pub fn of(object: &Object) -> Option<&List> {
        object.state().downcast_ref()
    }

    pub fn count(&self) -> usize {
        Sequence::count(self)
    }

    pub fn snapshot(&self) -> Vec<Value> {
        lock(&self.items).clone()
    }

    pub(super) fn items(&self) -> &Mutex<Vec<Value>> {
        &self.items
    }

    /// Returns an item. A negative index counts from the end.
    pub fn get(&self, index: i64) -> Option<Value> {
        let items = lock(&self.items);
        items.get(place(index, items.len())?).cloned()
    }

    /// Replaces an item. Returns false if there is none.
    pub fn set(&self, index: i64, value: Value) -> bool {
        let mut items = lock(&self.items);
        let len = items.len();
        let Some(slot) = place(index, len).and_then(|at| items.get_mut(at)) else {
            drop(items);
            return false;
        };
        let before = std::mem::replace(slot, value);
        drop(items);
        self.kept.lighter(before.weight());
        drop(before);
        true
    }

    pub fn append(&self, value: Value) {
        lock(&self.items).push(value);
    }

    /// Inserts an item, as Python's insert.
    pub fn insert(&self, index: i64, value: Value) {
        let mut items = lock(&self.items);
        let len = items.len() as i64;
        let at = if index < 0 { index.saturating_add(len).max(0) } else { index.min(len) };
        items.insert(at as usize, value);
    }

    /// Removes and returns an item.
    pub fn pop(&self, index: i64) -> Option<Value> {
        let mut items = lock(&self.items);
        let at = place(index, items.len())?;
        let item = items.remove(at);
        drop(items);
        self.kept.lighter(item.weight());
        Some(item)
    }

    pub fn clear(&self) {
        self.replace(Vec::new());
        self.kept.emptied();
    }

    /// Reserves memory for more items of a peer. Fails without memory or beyond the limit.
    fn make_room(&self, items: &mut Vec<Value>, more: &[Value]) -> Result<(), Exception> {
        growth::check_count(items.len(), more.len())?;
        self.kept.cover(growth::size(items), growth::size_with(items, more.len()), weight(more))?;
        items.try_reserve(more.len()).map_err(|_| growth::memory_error())
    }

    /// Charges the weight of items of a peer that replace others.
    fn heavier(&self, items: &Vec<Value>, more: usize) -> Result<(), Exception> {
        let size = growth::size(items);
        self.kept.cover(size, size, more)
    }

    /// Appends an item of a peer.
    fn push(&self, item: Value) -> Result<(), Exception> {
        let mut items = lock(&self.items);
        self.make_room(&mut items, std::slice::from_ref(&item))?;
        items.push(item);
        Ok(())
    }

    fn replace(&self, items: Vec<Value>) {
        let before = std::mem::replace(&mut *lock(&self.items), items);
        drop(before);
    }
}

/// Memory of values beyond their places.
fn weight(items: &[Value]) -> usize {
    items.iter().map(Value::weight).sum()
}

/// Converts a Python index to a place in a list of this length.
fn place(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add(len as i64)? } else { index };
    usize::try_from(index).ok().filter(|at| *at < len)
}

/// Finds the first item from `at` to `end` that equals the call's first argument.
fn find<S: Sequence>(list: &S, call: &Call, mut at: usize, end: usize) -> Result<Option<usize>, Exception> {
    let wanted = arg(call, 0);
    while at < end {
        // Another thread may modify the list between two comparisons, as in Python.
        let Some(item) = list.item(at) else { break };
        if is_wanted(call, &item, &wanted)? {
            return Ok(Some(at));
        }
        at += 1;
    }
    Ok(None)
}

fn no_index(value: &Value) -> Exception {
    type_error(format!("list indices must be integers or slices, not {}", type_name(value)))
}

fn number(value: &Value) -> Result<i64, Exception> {
    match indexed(value)? {
        Value::BigInt(_) => as_index(value),
        other => other.to_i64().ok_or_else(|| no_index(value)),
    }
}

fn get_item<S: Sequence>(list: &S, key: &Value) -> Outcome {
    if let Value::Slice(parts) = key {
        let parts = &plain_parts(parts)?;
        let part = list.look(|items| {
            let picked = pick(items.len(), parts)?;
            let mut part = Vec::new();
            growth::reserve(&mut part, picked.len())?;
            part.extend(picked.into_iter().filter_map(|at| items.get(at).cloned()));
            Ok(part)
        });
        return part.and_then(S::made);
    }
    let index = number(key)?;
    let item = list.look(|items| items.get(place(index, items.len())?).cloned());
    item.ok_or_else(|| Exception::builtin("IndexError", "list index out of range"))
}

fn set_item(list: &List, key: &Value, value: Value) -> Outcome {
    let Value::Slice(parts) = key else {
        let (at, more) = (number(key)?, value.weight());
        list.heavier(&lock(&list.items), more)?;
        if list.set(at, value) {
            return Ok(Value::None);
        }
        list.kept.lighter(more);
        return Err(Exception::builtin("IndexError", "list assignment index out of range"));
    };
    let parts = &plain_parts(parts)?;
    // Without the lock, because it may make a request to a peer.
    let step = span(0, parts)?.2;
    let words = if step == 1 { "can only assign an iterable" } else { "must assign iterable to extended slice" };
    let new = iterate_or(&value, words)?;
    let mut items = lock(&list.items);
    let mut before = Vec::new();
    if step == 1 {
        let (start, stop, _) = span(items.len(), parts)?;
        list.make_room(&mut items, &new)?;
        growth::reserve(&mut before, usize::try_from(stop - start).unwrap_or(0))?;
        before.extend(items.splice(start as usize..stop.max(start) as usize, new));
    } else {
        let picked = pick(items.len(), parts)?;
        if picked.len() != new.len() {
            let text =
                format!("attempt to assign sequence of size {} to extended slice of size {}", new.len(), picked.len());
            drop(items);
            return Err(value_error(text));
        }
        list.heavier(&items, weight(&new))?;
        growth::reserve(&mut before, picked.len())?;
        for (at, value) in picked.into_iter().zip(new) {
            before.extend(items.get_mut(at).map(|slot| std::mem::replace(slot, value)));
        }
    }
    drop(items);
    list.kept.lighter(weight(&before));
    Ok(Value::None)
}

fn del_item(list: &List, key: &Value) -> Outcome {
    let Value::Slice(parts) = key else {
        let before = list.pop(number(key)?);
        return match before {
            Some(_) => Ok(Value::None),
            None => Err(Exception::builtin("IndexError", "list assignment index out of range")),
        };
    };
    let parts = &plain_parts(parts)?;
    let mut items = lock(&list.items);
    let mut picked = pick(items.len(), parts)?;
    picked.sort_unstable();
    let (mut at, mut index, mut before) = (0, 0, Vec::new());
    growth::reserve(&mut before, picked.len())?;
    items.retain_mut(|item| {
        let goes = picked.get(at) == Some(&index);
        index += 1;
        if goes {
            at += 1;
            before.push(std::mem::take(item));
        }
        !goes
    });
    drop(items);
    list.kept.lighter(weight(&before));
    Ok(Value::None)
}

fn extend(list: &List, more: &Value) -> Outcome {
    every(more, |item| list.push(item))?;
    Ok(Value::None)
}

/// An index that is an argument, not a subscript.
fn as_size(value: &Value) -> Result<i64, Exception> {
    match indexed(value)? {
        Value::BigInt(_) => Err(Exception::builtin("OverflowError", "Python int too large to convert to C ssize_t")),
        Value::Int(index) => Ok(index),
        _ => as_index(value),
    }
}

fn repeated(items: &[Value], count: &Value) -> Result<Vec<Value>, Exception> {
    let count = match indexed(count)? {
        Value::BigInt(_) => {
            let text = format!("cannot fit '{}' into an index-sized integer", type_name(count));
            return Err(Exception::builtin("OverflowError", text));
        }
        other => other
            .to_i64()
            .ok_or_else(|| type_error(format!("'{}' object cannot be interpreted as an integer", type_name(count))))?,
    };
    growth::repeated(items, usize::try_from(count).unwrap_or(0))
}

fn index<S: Sequence>(list: &S, call: &Call) -> Outcome {
    let len = list.count() as i64;
    let bound = |index: usize, default: i64| match call.args().get(index).map(indexed).transpose()? {
        None => Ok(default),
        Some(Value::BigInt(n)) => Ok(if n.is_negative() { 0 } else { i64::MAX }),
        Some(value) => match value.to_i64() {
            Some(n) if n < 0 => Ok(n.saturating_add(len).max(0)),
            Some(n) => Ok(n),
            None => Err(type_error("slice indices must be integers or have an __index__ method")),
        },
    };
    let (start, stop) = (bound(1, 0)?, bound(2, i64::MAX)?);
    match find(list, call, start as usize, stop as usize)? {
        Some(at) => Ok(Value::Int(at as i64)),
        None => Err(value_error(format!("{} is not in list", super::repr(&arg(call, 0))?))),
    }
}

fn compare<S: Sequence>(op: CompareOp, list: &S, call: &Call) -> Outcome {
    let Some(other) = list_items(&arg(call, 0)) else { return Ok(Value::NotImplemented) };
    let (items, other) = (list.copied()?, other?);
    let holds = match op {
        CompareOp::Eq => sequences_equal(&items, &other)?,
        CompareOp::Ne => !sequences_equal(&items, &other)?,
        op => sequences_ordered(op, &items, &other)?,
    };
    Ok(Value::Bool(holds))
}

fn sort(list: &List, call: &Call) -> Outcome {
    if !call.args().is_empty() {
        return Err(type_error("sort() takes no positional arguments"));
    }
    let (mut key, mut reverse) = (Value::None, false);
    for (name, value) in call.keywords() {
        match name.as_str() {
            "key" => key = value.clone(),
            "reverse" => reverse = as_number_of_c::<i32>(value, "int")? != 0,
            other => return Err(type_error(format!("'{other}' is an invalid keyword argument for sort()"))),
        }
    }
    // As in CPython, the list is empty meanwhile.
    let items = std::mem::take(&mut *lock(&list.items));
    let in_order =
        |order: Vec<usize>| growth::collected(order.iter().map(|at| items.get(*at).cloned().unwrap_or_default()));
    let (result, failed) = match sorted(&items, &key, reverse).and_then(in_order) {
        Ok(result) => (result, None),
        Err(error) => (items, Some(error)),
    };
    let between = std::mem::replace(&mut *lock(&list.items), result);
    match failed {
        Some(error) => Err(error),
        None if !between.is_empty() => Err(value_error("list modified during sort")),
        None => Ok(Value::None),
    }
}

/// Returns the sorted order of the items, as indices.
fn sorted(items: &[Value], key: &Value, reverse: bool) -> Result<Vec<usize>, Exception> {
    let keys = match key {
        Value::None => growth::copied(items)?,
        Value::Ref(function) => {
            let of =
                |item: &Value| outcome(ask(function, Ask::Call { args: std::slice::from_ref(item), keywords: &[] }));
            let mut keys = Vec::new();
            growth::reserve(&mut keys, items.len())?;
            for item in items {
                keys.push(of(item)?);
            }
            keys
        }
        _ if items.is_empty() => return Ok(Vec::new()),
        other => return Err(type_error(format!("'{}' object is not callable", type_name(other)))),
    };
    let before = |a: usize, b: usize| match (keys.get(a), keys.get(b)) {
        (Some(a), Some(b)) => ordered(CompareOp::Lt, a, b),
        _ => Ok(false),
    };
    if !reverse {
        return merge_sort(growth::collected(0..items.len())?, &before);
    }
    // Reversed before and after, so that equal items keep their order.
    let mut order = merge_sort(growth::collected((0..items.len()).rev())?, &before)?;
    order.reverse();
    Ok(order)
}

/// A stable sort that can fail, and ends with any inconsistent order of a peer's objects.
fn merge_sort(
    mut items: Vec<usize>,
    before: &impl Fn(usize, usize) -> Result<bool, Exception>,
) -> Result<Vec<usize>, Exception> {
    let (mut merged, mut width) = (Vec::new(), 1);
    growth::reserve(&mut merged, items.len())?;
    while width < items.len() {
        for both in items.chunks(2 * width) {
            let (mut left, mut right) = both.split_at(width.min(both.len()));
            while let ([a, others @ ..], [b, rest @ ..]) = (left, right) {
                let right_first = before(*b, *a)?;
                merged.push(if right_first { *b } else { *a });
                if right_first { right = rest } else { left = others }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        std::mem::swap(&mut items, &mut merged);
        merged.clear();
        width *= 2;
    }
    Ok(items)
}

struct Iterator {
    list: Arc<Object>,
    next: AtomicUsize,
}

struct Reversed {
    list: Arc<Object>,
    left: Mutex<usize>,
}

/// Passes the items of a list of either kind.
fn look<R>(list: &Object, look: impl FnOnce(&[Value]) -> R) -> Option<R> {
    match (List::of(list), list.state().downcast_ref::<FrozenList>()) {
        (Some(list), _) => Some(list.look(look)),
        (None, Some(list)) => Some(list.look(look)),
        (None, None) => None,
    }
}

fn iterator(list: &Arc<Object>) -> Value {
    object(ITERATOR.instance(Box::new(Iterator { list: list.clone(), next: AtomicUsize::new(0) })))
}

/// Returns the list of an iterator.
pub(super) fn held(object: &Object) -> Option<&Arc<Object>> {
    let state = object.state();
    let forwards = state.downcast_ref::<Iterator>().map(|iterator| &iterator.list);
    forwards.or_else(|| state.downcast_ref::<Reversed>().map(|iterator| &iterator.list))
}

/// Past the end of every list: an exhausted iterator stays exhausted.
const ENDED: usize = usize::MAX / 2;

static ITERATOR: LazyLock<Arc<Class>> = LazyLock::new(|| {
    let members = vec![
        method("list_iterator", "__next__", Takes::Operator(0), |iterator: &Iterator, _| {
            let at = iterator.next.fetch_add(1, Ordering::Relaxed);
            look(&iterator.list, |items| items.get(at).cloned()).flatten().ok_or_else(|| {
                iterator.next.store(ENDED, Ordering::Relaxed);
                Exception::stop_iteration()
            })
        }),
        method("list_iterator", "__iter__", Takes::Operator(0), |_: &Iterator, call| Ok(this(call))),
        method("list_iterator", "__length_hint__", Takes::Nothing, |iterator: &Iterator, _| {
            let len = look(&iterator.list, <[Value]>::len).unwrap_or(0);
            Ok(Value::Int(len.saturating_sub(iterator.next.load(Ordering::Relaxed)) as i64))
        }),
    ];
    class("builtins", "list_iterator", "", members)
});

static REVERSED: LazyLock<Arc<Class>> = LazyLock::new(|| {
    let members = vec![
        method("list_reverseiterator", "__next__", Takes::Operator(0), |iterator: &Reversed, _| {
            let mut left = lock(&iterator.left);
            *left = left.checked_sub(1).ok_or_else(Exception::stop_iteration)?;
            look(&iterator.list, |items| items.get(*left).cloned()).flatten().ok_or_else(|| {
                *left = 0;
                Exception::stop_iteration()
            })
        }),
        method("list_reverseiterator", "__iter__", Takes::Operator(0), |_: &Reversed, call| Ok(this(call))),
        method("list_reverseiterator", "__length_hint__", Takes::Nothing, |iterator: &Reversed, _| {
            let (left, len) = (*lock(&iterator.left), look(&iterator.list, <[Value]>::len).unwrap_or(0));
            Ok(Value::Int(if left > len { 0 } else { left } as i64))
        }),
    ];
    class("builtins", "list_reverseiterator", "", members)
});
