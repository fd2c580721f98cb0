//! Keys, values and items of a dict, and their iterators. They show the present state of the dict.

use super::super::call::Call;
use super::super::class::{Class, Member, Object};
use super::dict::{self, Mapping};
use super::mappingproxy::mappingproxy;
use super::members::Members;
use super::set;
use super::{Takes, arg, class, equal, growth, is_wanted, method, object, property, reprs, this};
use crate::error::Exception;
use crate::sync::{Mutex, lock};
use crate::value::Value;
use std::sync::{Arc, LazyLock};

/// The shown part of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Keys,
    Values,
    Items,
}

impl Part {
    fn of(self, (key, value): &(Value, Value)) -> Value {
        match self {
            Part::Keys => key.clone(),
            Part::Values => value.clone(),
            Part::Items => Value::tuple(vec![key.clone(), value.clone()]),
        }
    }

    /// Returns that part of all entries. Fails without memory.
    pub(super) fn all(self, dict: &dyn Mapping) -> Result<Vec<Value>, Exception> {
        growth::collected(dict.entries()?.iter().map(|entry| self.of(entry)))
    }
}

pub(super) struct View {
    dict: Arc<Object>,
    part: Part,
}

impl View {
    /// Values are not a set.
    pub(super) fn is_set(&self) -> bool {
        self.part != Part::Values
    }
}

impl Members for View {
    fn items(&self) -> Result<Vec<Value>, Exception> {
        dict::mapping(&self.dict).map_or(Ok(Vec::new()), |dict| self.part.all(dict))
    }

    fn len(&self) -> usize {
        dict::mapping(&self.dict).map_or(0, |dict| dict.len())
    }

    fn contains(&self, wanted: &Value) -> Result<bool, Exception> {
        let Some(dict) = dict::mapping(&self.dict) else { return Ok(false) };
        match (self.part, wanted) {
            (Part::Keys, key) => Ok(dict::get(dict, key)?.is_some()),
            (Part::Items, Value::Tuple(pair)) => match &pair[..] {
                [key, value] => match dict::get(dict, key)? {
                    Some(own) => equal(&own, value),
                    None => Ok(false),
                },
                _ => Ok(false),
            },
            (Part::Items, _) => Ok(false),
            // Values are not a set; `values_contain` searches them.
            (Part::Values, _) => Ok(false),
        }
    }
}

/// Searches the values. A comparison may modify the dict, which the iterator detects.
fn values_contain(view: &View, call: &Call) -> Result<bool, Exception> {
    let (iterator, wanted) = (Iterator::new(&view.dict, view.part, false, false), arg(call, 0));
    loop {
        match next(&iterator) {
            Ok(item) if is_wanted(call, &item, &wanted)? => return Ok(true),
            Ok(_) => {}
            Err(end) if end.is_builtin("StopIteration") => return Ok(false),
            Err(changed) => return Err(changed),
        }
    }
}

fn members(name: &'static str, part: Part) -> Vec<Member> {
    let mut members = vec![
        method(name, "__len__", Takes::Operator(0), |view: &View, _| Ok(Value::Int(view.len() as i64))),
        method(name, "__iter__", Takes::Operator(0), |view: &View, _| Ok(iterator(&view.dict, view.part))),
        method(name, "__reversed__", Takes::Nothing, |view: &View, _| Ok(reversed(&view.dict, view.part))),
        method(name, "__contains__", Takes::Operator(1), |view: &View, call| {
            Ok(Value::Bool(match view.part {
                Part::Values => values_contain(view, call)?,
                _ => view.contains(&arg(call, 0))?,
            }))
        }),
        method(name, "__repr__", Takes::Operator(0), |view: &View, call| {
            let name = call.object().class().shape().class_name().to_owned();
            super::repr_once(call, "...", || Ok(format!("{name}([{}])", reprs(&view.items()?)?)))
        }),
        property("mapping", |view: &View| Ok(mappingproxy(&view.dict))),
    ];
    // Views of values are equal by identity only.
    if part != Part::Values {
        members.extend(set::comparisons::<View>());
        members.extend(set::operators::<View>(name));
        members.push(method(name, "isdisjoint", Takes::One, set::isdisjoint::<View>));
    }
    members
}

static KEYS: LazyLock<Arc<Class>> =
    LazyLock::new(|| class("builtins", "dict_keys", "", members("dict_keys", Part::Keys)));
static VALUES: LazyLock<Arc<Class>> =
    LazyLock::new(|| class("builtins", "dict_values", "", members("dict_values", Part::Values)));
static ITEMS: LazyLock<Arc<Class>> =
    LazyLock::new(|| class("builtins", "dict_items", "", members("dict_items", Part::Items)));

pub(super) fn view(dict: &Arc<Object>, part: Part) -> Value {
    let class = match part {
        Part::Keys => &KEYS,
        Part::Values => &VALUES,
        Part::Items => &ITEMS,
    };
    object(class.instance(Box::new(View { dict: dict.clone(), part })))
}

/// Returns the dict of a view or iterator.
pub(super) fn held(object: &Object) -> Option<&Arc<Object>> {
    let state = object.state();
    let view = state.downcast_ref::<View>().map(|view| &view.dict);
    view.or_else(|| state.downcast_ref::<Iterator>().map(|iterator| &iterator.dict))
}

struct Iterator {
    dict: Arc<Object>,
    part: Part,
    backwards: bool,
    /// The dict is the table of a set.
    of_set: bool,
    state: Mutex<Option<State>>,
}

/// The state of an iterator that has not ended.
#[derive(Clone, Copy)]
struct State {
    /// The size of the dict at the beginning.
    size: usize,
    /// The next place in its table.
    place: usize,
    /// Number of remaining items.
    left: usize,
}

impl Iterator {
    fn new(dict: &Arc<Object>, part: Part, backwards: bool, of_set: bool) -> Iterator {
        let start = |dict: &dyn Mapping| {
            let place = if backwards { dict.end() } else { 0 };
            State { size: dict.len(), place, left: dict.len() }
        };
        let state = Mutex::new(dict::mapping(dict).map(start));
        Iterator { dict: dict.clone(), part, backwards, of_set, state }
    }
}

fn next(iterator: &Iterator) -> Result<Value, Exception> {
    let Some(dict) = dict::mapping(&iterator.dict) else { return Err(Exception::stop_iteration()) };
    let mut state = lock(&iterator.state);
    let State { size, place, left } = state.ok_or_else(Exception::stop_iteration)?;
    let Some(found) = dict.step(size, place, iterator.backwards) else {
        let what = if iterator.of_set { "Set" } else { "dictionary" };
        return Err(Exception::builtin("RuntimeError", format!("{what} changed size during iteration")));
    };
    let Some((at, entry)) = found else {
        *state = None;
        return Err(Exception::stop_iteration());
    };
    let place = if iterator.backwards { at } else { at + 1 };
    *state = Some(State { size, place, left: left.saturating_sub(1) });
    Ok(iterator.part.of(&entry))
}

/// Returns the number of remaining items; 0 if the dict's size has changed.
fn length_hint(iterator: &Iterator) -> usize {
    let len = dict::mapping(&iterator.dict).map(|dict| dict.len());
    match *lock(&iterator.state) {
        Some(state) if Some(state.size) == len => state.left,
        _ => 0,
    }
}

fn iterator_class(name: &'static str) -> Arc<Class> {
    let members = vec![
        method(name, "__next__", Takes::Operator(0), |iterator: &Iterator, _| next(iterator)),
        method(name, "__iter__", Takes::Operator(0), |_: &Iterator, call| Ok(this(call))),
        method(name, "__length_hint__", Takes::Nothing, |iterator: &Iterator, _| {
            Ok(Value::Int(length_hint(iterator) as i64))
        }),
    ];
    class("builtins", name, "", members)
}

static ITERATORS: LazyLock<[Arc<Class>; 6]> = LazyLock::new(|| {
    [
        "dict_keyiterator",
        "dict_valueiterator",
        "dict_itemiterator",
        "dict_reversekeyiterator",
        "dict_reversevalueiterator",
        "dict_reverseitemiterator",
    ]
    .map(iterator_class)
});

pub(super) fn iterator(dict: &Arc<Object>, part: Part) -> Value {
    iterating(dict, part, false)
}

/// An iterator over the keys of a set's table.
pub(super) fn set_iterator(table: &Arc<Object>) -> Value {
    object(SET_ITERATOR.instance(Box::new(Iterator::new(table, Part::Keys, false, true))))
}

static SET_ITERATOR: LazyLock<Arc<Class>> = LazyLock::new(|| iterator_class("set_iterator"));

pub(super) fn reversed(dict: &Arc<Object>, part: Part) -> Value {
    iterating(dict, part, true)
}

fn iterating(dict: &Arc<Object>, part: Part, backwards: bool) -> Value {
    let [keys, values, items, back_keys, back_values, back_items] = &*ITERATORS;
    let class = match (part, backwards) {
        (Part::Keys, false) => keys,
        (Part::Values, false) => values,
        (Part::Items, false) => items,
        (Part::Keys, true) => back_keys,
        (Part::Values, true) => back_values,
        (Part::Items, true) => back_items,
    };
    object(class.instance(Box::new(Iterator::new(dict, part, backwards, false))))
}
