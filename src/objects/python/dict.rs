//! Dicts: `builtins.dict`.

use super::super::call::Call;
use super::super::class::{Class, Member, Object};
use super::super::operations::ask;
use super::super::peer::Outcome;
use super::super::peer::outcome;
use super::entries::Entries;
use super::growth::Kept;
use super::members::{FrozenSet, Index, check_key};
use super::release::{Held, let_go};
use super::views::{self, Part};
use super::{
    Takes, arg, as_object, class, counted, data, every, growth, has_attr, items_equal, iterate, method, object, repr,
    repr_once, this, type_error, value_error,
};
use crate::error::Exception;
use crate::sync::{Mutex, lock};
use crate::value::{Ask, Pairs, Value};
use std::sync::{Arc, LazyLock};

/// The entries of a dict that both sides can modify.
#[derive(Default)]
pub struct Dict {
    entries: Mutex<Entries>,
    kept: Kept,
}

impl Drop for Dict {
    fn drop(&mut self) {
        let entries = std::mem::take(&mut *lock(&self.entries));
        if entries.len() > 0 {
            let_go(Held::Entries { _entries: entries });
        }
    }
}

/// A dict as Python reads it: a modifiable one, or one by value.
pub(super) trait Mapping: Send + Sync + 'static {
    fn len(&self) -> usize;

    /// Returns the value of a hashable key.
    fn find(&self, key: &Value) -> Option<Value>;

    /// Returns a copy of the entries. Fails without memory.
    fn entries(&self) -> Result<Vec<(Value, Value)>, Exception>;

    /// Returns the entry at a place or after it, or before it, and its place. None: the dict's size is not `size`.
    fn step(&self, size: usize, place: usize, backwards: bool) -> Option<Option<(usize, (Value, Value))>>;

    /// The place after the last entry.
    fn end(&self) -> usize;

    /// Makes a dict of this kind. No two keys may be equal.
    fn made(entries: Vec<(Value, Value)>) -> Outcome
    where
        Self: Sized;
}

impl Mapping for Dict {
    fn len(&self) -> usize {
        self.count()
    }

    fn find(&self, key: &Value) -> Option<Value> {
        lock(&self.entries).get(key).cloned()
    }

    fn entries(&self) -> Result<Vec<(Value, Value)>, Exception> {
        self.copied()
    }

    fn step(&self, size: usize, place: usize, backwards: bool) -> Option<Option<(usize, (Value, Value))>> {
        let entries = lock(&self.entries);
        if entries.len() != size {
            return None;
        }
        let found = if backwards { entries.before(place) } else { entries.at_or_after(place) };
        Some(found.map(|(place, entry)| (place, entry.clone())))
    }

    fn end(&self) -> usize {
        lock(&self.entries).end()
    }

    fn made(entries: Vec<(Value, Value)>) -> Outcome {
        let dict = Dict::default();
        entries.into_iter().try_for_each(|(key, value)| dict.put(key, value))?;
        Ok(object(CLASS.instance(Box::new(dict))))
    }
}

/// The place of a step, forwards or backwards, in a table without empty places.
fn place(place: usize, backwards: bool) -> Option<usize> {
    if backwards { place.checked_sub(1) } else { Some(place) }
}

/// A dict by value.
pub(super) struct FrozenDict {
    entries: Pairs,
    index: Index,
}

impl FrozenDict {
    pub fn new(entries: Pairs) -> FrozenDict {
        FrozenDict { entries, index: Index::default() }
    }

    pub fn pairs(&self) -> &Pairs {
        &self.entries
    }
}

impl Mapping for FrozenDict {
    fn len(&self) -> usize {
        self.entries.len()
    }

    fn find(&self, key: &Value) -> Option<Value> {
        let place = self.index.find(self.entries.len(), |place| Some(&self.entries.get(place)?.0), key)?;
        self.entries.get(place).map(|(_, value)| value.clone())
    }

    fn entries(&self) -> Result<Vec<(Value, Value)>, Exception> {
        growth::copied(&self.entries)
    }

    fn step(&self, _size: usize, at: usize, backwards: bool) -> Option<Option<(usize, (Value, Value))>> {
        Some(place(at, backwards).and_then(|at| Some((at, self.entries.get(at)?.clone()))))
    }

    fn end(&self) -> usize {
        self.entries.len()
    }

    fn made(entries: Vec<(Value, Value)>) -> Result<Value, Exception> {
        growth::take(size_of_val(&*entries))?;
        Ok(Value::Dict(entries.into()))
    }
}

/// Keys without values, for iterators.
impl Mapping for FrozenSet {
    fn len(&self) -> usize {
        self.shared().len()
    }

    fn find(&self, key: &Value) -> Option<Value> {
        self.has(key).then_some(Value::None)
    }

    fn entries(&self) -> Result<Vec<(Value, Value)>, Exception> {
        growth::collected(self.shared().iter().map(|item| (item.clone(), Value::None)))
    }

    fn step(&self, _size: usize, at: usize, backwards: bool) -> Option<Option<(usize, (Value, Value))>> {
        Some(place(at, backwards).and_then(|at| Some((at, (self.shared().get(at)?.clone(), Value::None)))))
    }

    fn end(&self) -> usize {
        self.shared().len()
    }

    fn made(entries: Vec<(Value, Value)>) -> Result<Value, Exception> {
        growth::take(entries.len() * size_of::<Value>())?;
        Ok(Value::FrozenSet(entries.into_iter().map(|(key, _)| key).collect()))
    }
}

/// Returns the dict of an object of either kind. A set by value counts as its keys.
pub(super) fn mapping(object: &Object) -> Option<&dyn Mapping> {
    let state = object.state();
    if let Some(dict) = state.downcast_ref::<Dict>() {
        return Some(dict);
    }
    if let Some(dict) = state.downcast_ref::<FrozenDict>() {
        return Some(dict);
    }
    state.downcast_ref::<FrozenSet>().map(|set| set as &dyn Mapping)
}

/// Returns the value of a key.
pub(super) fn get(dict: &(impl Mapping + ?Sized), key: &Value) -> Result<Option<Value>, Exception> {
    check_key(key)?;
    Ok(dict.find(key))
}

/// Merges equal keys: the first key, with the last value.
pub(super) fn unique(entries: Vec<(Value, Value)>) -> Result<Vec<(Value, Value)>, Exception> {
    let all = Dict::default();
    entries.into_iter().try_for_each(|(key, value)| all.put(key, value))?;
    all.copied()
}

fn equals(dict: &impl Mapping, other: &[(Value, Value)]) -> Result<bool, Exception> {
    if dict.len() != other.len() {
        return Ok(false);
    }
    // Keys that contain a NaN are matched by their order, which copies keep.
    let mut odd = None;
    for (key, value) in other {
        let own = match key.digest() {
            Some(_) => get(dict, key)?,
            None => {
                let odd = match &mut odd {
                    Some(odd) => odd,
                    none => none.insert(dict.entries()?.into_iter().filter(|(key, _)| key.digest().is_none())),
                };
                odd.next().filter(|(own, _)| own.item_eq(key)).map(|(_, value)| value)
            }
        };
        let Some(own) = own else { return Ok(false) };
        if !items_equal(&own, value)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The members that read a dict.
pub(super) fn reading<D: Mapping>() -> Vec<Member> {
    let method = |name, takes, run: fn(&D, &Call) -> Outcome| method("dict", name, takes, run);
    vec![
        method("__len__", Takes::Operator(0), |dict, _| Ok(Value::Int(dict.len() as i64))),
        method("__getitem__", Takes::One, |dict, call| {
            let key = arg(call, 0);
            get(dict, &key)?.ok_or_else(|| missing(key))
        }),
        method("__contains__", Takes::One, |dict, call| Ok(Value::Bool(get(dict, &arg(call, 0))?.is_some()))),
        method("__iter__", Takes::Operator(0), |_, call| Ok(views::iterator(call.object(), Part::Keys))),
        method("__reversed__", Takes::Nothing, |_, call| Ok(views::reversed(call.object(), Part::Keys))),
        method("__repr__", Takes::Operator(0), |dict, call| {
            repr_once(call, "{...}", || {
                let text = |(k, v): &(Value, Value)| Ok(format!("{}: {}", repr(k)?, repr(v)?));
                Ok(format!("{{{}}}", growth::joined(dict.entries()?.iter().map(text))?))
            })
        }),
        method("__eq__", Takes::Operator(1), |dict, call| {
            let Some(other) = entries_of(&arg(call, 0)) else { return Ok(Value::NotImplemented) };
            counted(|| equals(dict, &other?)).map(Value::Bool)
        }),
        method("__or__", Takes::Operator(1), |dict, call| merged(dict, &arg(call, 0), false)),
        method("__ror__", Takes::Operator(1), |dict, call| merged(dict, &arg(call, 0), true)),
        method("keys", Takes::Nothing, |_, call| Ok(views::view(call.object(), Part::Keys))),
        method("values", Takes::Nothing, |_, call| Ok(views::view(call.object(), Part::Values))),
        method("items", Takes::Nothing, |_, call| Ok(views::view(call.object(), Part::Items))),
        method("get", Takes::Between(1, 2), |dict, call| Ok(get(dict, &arg(call, 0))?.unwrap_or_else(|| arg(call, 1)))),
        method("copy", Takes::Nothing, |dict, _| D::made(dict.entries()?)),
        method("fromkeys", Takes::Anything, |_, call| {
            if !(1..=2).contains(&call.args().len()) {
                let given = call.args().len();
                let bound = if given < 1 { "at least 1 argument" } else { "at most 2 arguments" };
                return Err(type_error(format!("fromkeys expected {bound}, got {given}")));
            }
            let (value, all) = (arg(call, 1), Dict::default());
            every(&arg(call, 0), |key| all.put(key, value.clone()))?;
            D::made(all.copied()?)
        }),
    ]
}

/// The members that modify a dict.
fn changing() -> Vec<Member> {
    let method = |name, takes, run: fn(&Dict, &Call) -> Outcome| method("dict", name, takes, run);
    vec![
        method("__setitem__", Takes::Operator(2), |dict, call| {
            dict.put(arg(call, 0), arg(call, 1))?;
            Ok(Value::None)
        }),
        method("__delitem__", Takes::Operator(1), |dict, call| {
            let key = arg(call, 0);
            dict.remove(&key)?.map(|_| Value::None).ok_or_else(|| missing(key))
        }),
        method("__ior__", Takes::Operator(1), |dict, call| {
            update_with(dict, &arg(call, 0))?;
            Ok(this(call))
        }),
        method("setdefault", Takes::Between(1, 2), |dict, call| {
            let key = arg(call, 0);
            check_key(&key)?;
            let mut entries = lock(&dict.entries);
            if let Some(known) = entries.get(&key) {
                return Ok(known.clone());
            }
            if entries.len() >= growth::MAX_ITEMS {
                return Err(growth::memory_error());
            }
            dict.kept.cover(entries.size(), entries.size_with_one(), key.weight() + arg(call, 1).weight())?;
            if !entries.reserve() {
                return Err(growth::memory_error());
            }
            entries.insert(key, arg(call, 1));
            Ok(arg(call, 1))
        }),
        method("pop", Takes::Between(1, 2), |dict, call| {
            let key = arg(call, 0);
            dict.remove(&key)?.or_else(|| call.args().get(1).cloned()).ok_or_else(|| missing(key))
        }),
        method("popitem", Takes::Nothing, |dict, _| match dict.pop_last() {
            Some((key, value)) => Ok(Value::tuple(vec![key, value])),
            None => Err(Exception::builtin("KeyError", "popitem(): dictionary is empty")),
        }),
        method("clear", Takes::Nothing, |dict, _| {
            dict.clear();
            Ok(Value::None)
        }),
        method("update", Takes::Anything, |dict, call| {
            if call.args().len() > 1 {
                return Err(type_error(format!("update expected at most 1 argument, got {}", call.args().len())));
            }
            if let Some(other) = call.args().first() {
                update_with(dict, other)?;
            }
            for (name, value) in call.keywords() {
                dict.put(Value::Str(name.clone()), value.clone())?;
            }
            Ok(Value::None)
        }),
    ]
}

static CLASS: LazyLock<Arc<Class>> = LazyLock::new(|| {
    let members = reading::<Dict>().into_iter().chain(changing()).collect();
    class("builtins", "dict", "A dict that a native program and its peers share.", members)
});

impl Dict {
    pub fn object(entries: Vec<(Value, Value)>) -> Result<Arc<Object>, Exception> {
        let dict = Dict::default();
        for (key, value) in entries {
            dict.set(key, value)?;
        }
        Ok(CLASS.instance(Box::new(dict)))
    }

    pub fn empty() -> Arc<Object> {
        CLASS.instance(Box::new(Dict::default()))
    }

    pub fn of(object: &Object) -> Option<&Dict> {
        object.state().downcast_ref()
    }

    pub fn count(&self) -> usize {
        lock(&self.entries).len()
    }

    /// Returns all entries in order of insertion.
    pub fn snapshot(&self) -> Vec<(Value, Value)> {
        lock(&self.entries).iter().cloned().collect()
    }

    /// Returns a snapshot. Fails without memory.
    pub(super) fn copied(&self) -> Result<Vec<(Value, Value)>, Exception> {
        lock(&self.entries).collected(Clone::clone)
    }

    pub fn get(&self, key: &Value) -> Result<Option<Value>, Exception> {
        check_key(key)?;
        Ok(lock(&self.entries).get(key).cloned())
    }

    pub fn set(&self, key: Value, value: Value) -> Result<(), Exception> {
        self.insert(key, value, usize::MAX)
    }

    /// The same on behalf of a peer, subject to its limits.
    pub(super) fn put(&self, key: Value, value: Value) -> Result<(), Exception> {
        self.insert(key, value, growth::MAX_ITEMS)
    }

    fn insert(&self, key: Value, value: Value, most: usize) -> Result<(), Exception> {
        check_key(&key)?;
        let mut entries = lock(&self.entries);
        let full = entries.len() >= most && entries.get(&key).is_none();
        if most < usize::MAX && !full {
            let key = if entries.get(&key).is_some() { 0 } else { key.weight() };
            self.kept.cover(entries.size(), entries.size_with_one(), key + value.weight())?;
        }
        if full || !entries.reserve() {
            drop(entries);
            return Err(growth::memory_error());
        }
        let before = entries.insert(key, value);
        drop(entries);
        self.kept.lighter(before.as_ref().map_or(0, Value::weight));
        drop(before);
        Ok(())
    }

    /// Removes a key and returns its value.
    pub fn remove(&self, key: &Value) -> Result<Option<Value>, Exception> {
        check_key(key)?;
        let removed = lock(&self.entries).remove(key);
        if let Some(((key, value), _)) = &removed {
            self.kept.lighter(key.weight() + value.weight());
        }
        Ok(removed.map(|((_, value), _)| value))
    }

    /// Removes and returns the last entry.
    pub(super) fn pop_last(&self) -> Option<(Value, Value)> {
        let last = lock(&self.entries).pop_last();
        if let Some((key, value)) = &last {
            self.kept.lighter(key.weight() + value.weight());
        }
        last
    }

    pub fn clear(&self) {
        let before = std::mem::take(&mut *lock(&self.entries));
        drop(before);
        self.kept.emptied();
    }

    pub(super) fn entries(&self) -> &Mutex<Entries> {
        &self.entries
    }
}

fn missing(key: Value) -> Exception {
    Exception::with_args("builtins", "KeyError", vec![key])
}

/// Returns the entries of a dict of this process.
pub(super) fn entries_of(value: &Value) -> Option<Result<Vec<(Value, Value)>, Exception>> {
    if let Some(dict) = as_object::<Dict>(value) {
        return Dict::of(&dict).map(Dict::copied);
    }
    match data(value)? {
        Value::Dict(entries) => Some(growth::copied(&entries)),
        _ => None,
    }
}

fn merged<D: Mapping>(own: &D, other: &Value, other_first: bool) -> Outcome {
    let Some(other) = entries_of(other) else { return Ok(Value::NotImplemented) };
    let (own, other) = (own.entries()?, other?);
    let (first, second) = if other_first { (other, own) } else { (own, other) };
    D::made(unique(first.into_iter().chain(second).collect())?)
}

/// `dict.update`, with a mapping or with pairs.
fn update_with(dict: &Dict, other: &Value) -> Result<(), Exception> {
    if let Some(entries) = entries_of(other) {
        return entries?.into_iter().try_for_each(|(key, value)| dict.put(key, value));
    }
    if let (Value::Ref(mapping), true) = (other, has_attr(other, "keys")?) {
        let ask = |name, args: &[Value]| outcome(ask(mapping, Ask::CallAttr { name, args, keywords: &[] }));
        for key in iterate(&ask("keys", &[])?)? {
            let value = ask("__getitem__", std::slice::from_ref(&key))?;
            dict.put(key, value)?;
        }
        return Ok(());
    }
    let mut next = 0..;
    every(other, |pair| {
        let at: usize = next.next().unwrap_or_default();
        let pair = iterate(&pair).map_err(|error| match error.is_builtin("TypeError") {
            true => type_error(format!("cannot convert dictionary update sequence element #{at} to a sequence")),
            false => error,
        })?;
        let [key, value] = <[Value; 2]>::try_from(pair).map_err(|pair| {
            let len = pair.len();
            value_error(format!("dictionary update sequence element #{at} has length {len}; 2 is required"))
        })?;
        dict.put(key, value)
    })
}
