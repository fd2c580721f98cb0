//! Sets: `builtins.set`, which operators of views return; and the common parts of sets and views.

use super::super::call::Call;
use super::super::class::{Class, Member, Object};
use super::super::peer::Outcome;
use super::dict::Dict;
use super::members::{FrozenSet, Members, all_in, compare};
use super::views::{self, Part, View};
use super::{
    Continue, Enough, Takes, arg, as_object, class, comparison, data, each, every, iterate, method, object, repr_once,
    reprs, this,
};
use crate::error::Exception;
use crate::value::{CompareOp, Value};
use std::sync::{Arc, LazyLock};

/// The items are the keys of a dict.
pub(super) struct Set {
    table: Arc<Object>,
}

impl Members for Set {
    fn len(&self) -> usize {
        self.table().count()
    }

    fn contains(&self, wanted: &Value) -> Result<bool, Exception> {
        Ok(self.table().get(wanted)?.is_some())
    }

    fn items(&self) -> Result<Vec<Value>, Exception> {
        Part::Keys.all(self.table())
    }
}

impl Default for Set {
    fn default() -> Set {
        Set { table: Dict::empty() }
    }
}

impl Set {
    fn of(items: Vec<Value>) -> Result<Set, Exception> {
        Set::from(&Other::All(items))
    }

    fn from(other: &Other<'_>) -> Result<Set, Exception> {
        let set = Set::default();
        other.every(|item| set.add(item))?;
        Ok(set)
    }

    pub(super) fn of_object(object: &Object) -> Option<&Set> {
        object.state().downcast_ref()
    }

    pub(super) fn held(&self) -> &Arc<Object> {
        &self.table
    }

    pub(super) fn table(&self) -> &Dict {
        // The table is always made as a dict.
        Dict::of(&self.table).unwrap_or(&NOTHING)
    }

    fn add(&self, item: Value) -> Result<(), Exception> {
        self.table().put(item, Value::None)
    }

    pub(super) fn add_all(&self, items: Vec<Value>) -> Result<(), Exception> {
        items.into_iter().try_for_each(|item| self.add(item))
    }

    fn remove(&self, item: &Value) -> Result<bool, Exception> {
        Ok(self.table().remove(item)?.is_some())
    }

    fn replace(&self, items: Vec<Value>) -> Result<(), Exception> {
        self.table().clear();
        self.add_all(items)
    }

    pub(super) fn object(self) -> Value {
        object(CLASS.instance(Box::new(self)))
    }
}

/// The other operand: the items of a set, or an iterable of which only the necessary part is fetched.
enum Other<'a> {
    All(Vec<Value>),
    Each(&'a Value),
}

impl Other<'_> {
    fn every(&self, mut take: impl FnMut(Value) -> Result<(), Exception>) -> Result<(), Exception> {
        match self {
            Other::All(items) => items.iter().try_for_each(|item| take(item.clone())),
            Other::Each(iterable) => every(iterable, take),
        }
    }
}

static NOTHING: LazyLock<Dict> = LazyLock::new(Dict::default);

/// Passes the other operand of a comparison, if it is a set or view of this process or a frozenset. Sets of a peer are
/// objects like others, as in RPyC.
fn with_members<R>(
    value: &Value,
    run: impl FnOnce(&dyn Members) -> Result<R, Exception>,
) -> Option<Result<R, Exception>> {
    if let Some(set) = as_object::<Set>(value) {
        return set.state().downcast_ref::<Set>().map(|set| run(set));
    }
    if let Some(view) = as_object::<View>(value) {
        return view.state().downcast_ref::<View>().filter(|view| view.is_set()).map(|view| run(view));
    }
    match data(value)? {
        Value::FrozenSet(items) => Some(run(&FrozenSet::new(items))),
        _ => None,
    }
}

/// `<` and the other comparisons.
pub(super) fn comparisons<S: Members>() -> Vec<Member> {
    let run = |op, own: &S, call: &Call| {
        let holds = with_members(&arg(call, 0), |other| compare(op, own, other));
        holds.map_or(Ok(Value::NotImplemented), |holds| holds.map(Value::Bool))
    };
    CompareOp::ALL.map(|op| comparison(op, run)).into()
}

fn both(own: &dyn Members, other: &Other<'_>) -> Result<Set, Exception> {
    let kept = Set::default();
    other.every(|item| if own.contains(&item)? { kept.add(item) } else { Ok(()) })?;
    Ok(kept)
}

fn without(own: &dyn Members, other: &Other<'_>) -> Result<Set, Exception> {
    let set = Set::of(own.items()?)?;
    other.every(|item| set.remove(&item).map(|_| ()))?;
    Ok(set)
}

fn either(own: &dyn Members, other: &Other<'_>) -> Result<Set, Exception> {
    let set = Set::of(own.items()?)?;
    other.every(|item| set.add(item))?;
    Ok(set)
}

fn one_of(own: &dyn Members, other: &Other<'_>) -> Result<Set, Exception> {
    let set = Set::of(own.items()?)?;
    toggle(&set, other)?;
    Ok(set)
}

/// Adds the items of the other operand, and removes those that were present.
fn toggle(set: &Set, other: &Other<'_>) -> Result<(), Exception> {
    for item in Set::from(other)?.items()? {
        if !set.remove(&item)? {
            set.add(item)?;
        }
    }
    Ok(())
}

type Combine = fn(&dyn Members, &Other<'_>) -> Result<Set, Exception>;

/// The operators by name and reflected name. Only `-` depends on the order of its operands.
const OPERATORS: [(&str, &str, Combine); 4] = [
    ("__and__", "__rand__", both),
    ("__or__", "__ror__", either),
    ("__sub__", "__rsub__", without),
    ("__xor__", "__rxor__", one_of),
];

fn reflected(name: &str, combine: Combine, own: &dyn Members, other: &Other<'_>) -> Result<Set, Exception> {
    match name {
        "__rsub__" => combine(&Set::from(other)?, &Other::All(own.items()?)),
        _ => combine(own, other),
    }
}

/// The operators of views, whose other operand can be any iterable.
pub(super) fn operators<S: Members>(owner: &'static str) -> impl Iterator<Item = Member> {
    OPERATORS.into_iter().flat_map(move |(name, back, combine)| {
        let run = move |own: &S, call: &Call| Ok(combine(own, &Other::Each(&arg(call, 0)))?.object());
        let turned =
            move |own: &S, call: &Call| Ok(reflected(back, combine, own, &Other::Each(&arg(call, 0)))?.object());
        [method(owner, name, Takes::Operator(1), run), method(owner, back, Takes::Operator(1), turned)]
    })
}

pub(super) fn isdisjoint<S: Members>(own: &S, call: &Call) -> Outcome {
    let mut disjoint = true;
    each(&arg(call, 0), |item| {
        disjoint = !own.contains(&item)?;
        Ok(if disjoint { Continue(()) } else { Enough(()) })
    })?;
    Ok(Value::Bool(disjoint))
}

/// Returns the items of a set of this process.
fn set_items(value: &Value) -> Option<Result<Vec<Value>, Exception>> {
    match as_object::<Set>(value) {
        Some(set) => set.state().downcast_ref::<Set>().map(Set::items),
        None => match data(value)? {
            frozen @ Value::FrozenSet(_) => Some(iterate(&frozen)),
            _ => None,
        },
    }
}

/// A class of sets: modifiable, or by value.
pub(super) trait Kind: Members {
    /// Makes a set of this class.
    fn made(set: Set) -> Outcome;
}

impl Kind for Set {
    fn made(set: Set) -> Outcome {
        Ok(set.object())
    }
}

/// Passes the other operand of an operator, which must be a set.
fn with_set(call: &Call, run: impl FnOnce(&Other<'_>) -> Outcome) -> Outcome {
    match set_items(&arg(call, 0)) {
        Some(other) => run(&Other::All(other?)),
        None => Ok(Value::NotImplemented),
    }
}

fn set_operators<S: Kind>(owner: &'static str) -> impl Iterator<Item = Member> {
    OPERATORS.into_iter().flat_map(move |(name, back, combine)| {
        let run = move |own: &S, call: &Call| with_set(call, |other| S::made(combine(own, other)?));
        let turned = move |own: &S, call: &Call| with_set(call, |other| S::made(reflected(back, combine, own, other)?));
        [method(owner, name, Takes::Operator(1), run), method(owner, back, Takes::Operator(1), turned)]
    })
}

fn operators_in_place() -> impl Iterator<Item = Member> {
    OPERATORS.into_iter().zip(["__iand__", "__ior__", "__isub__", "__ixor__"]).map(|((_, _, combine), name)| {
        let here = move |own: &Set, call: &Call| {
            with_set(call, |other| {
                own.replace(combine(own, other)?.items()?)?;
                Ok(this(call))
            })
        };
        method("set", name, Takes::Operator(1), here)
    })
}

/// Combines a set with each argument in turn.
fn combined(own: &dyn Members, call: &Call, combine: Combine) -> Result<Set, Exception> {
    call.args().iter().try_fold(Set::of(own.items()?)?, |all, other| combine(&all, &Other::Each(other)))
}

fn missing(item: Value) -> Exception {
    Exception::with_args("builtins", "KeyError", vec![item])
}

impl Kind for FrozenSet {
    fn made(set: Set) -> Outcome {
        Ok(Value::FrozenSet(Part::Keys.all(set.table())?.into()))
    }
}

/// The members that read a set. `owner` is the name of its class.
pub(super) fn reading<S: Kind>(owner: &'static str) -> Vec<Member> {
    let method = |name, takes, run: fn(&S, &Call) -> Outcome| method(owner, name, takes, run);
    let mut members = vec![
        method("__len__", Takes::Operator(0), |set, _| Ok(Value::Int(set.len() as i64))),
        method("__contains__", Takes::One, |set, call| set.contains(&arg(call, 0)).map(Value::Bool)),
        method("__iter__", Takes::Operator(0), |_, call| Ok(views::set_iterator(table_of(call.object())))),
        method("__repr__", Takes::Operator(0), repr::<S>),
        method("copy", Takes::Nothing, |set, _| S::made(Set::of(set.items()?)?)),
        method("isdisjoint", Takes::One, isdisjoint),
        method("issubset", Takes::One, |set, call| {
            all_in(set, &Set::from(&Other::Each(&arg(call, 0)))?).map(Value::Bool)
        }),
        method("issuperset", Takes::One, issuperset::<S>),
        method("union", Takes::Between(0, usize::MAX), |set, call| S::made(combined(set, call, either)?)),
        method("intersection", Takes::Between(0, usize::MAX), |set, call| S::made(combined(set, call, both)?)),
        method("difference", Takes::Between(0, usize::MAX), |set, call| S::made(combined(set, call, without)?)),
        method("symmetric_difference", Takes::One, |set, call| S::made(combined(set, call, one_of)?)),
    ];
    members.extend(comparisons::<S>());
    members.extend(set_operators::<S>(owner));
    members
}

/// Another set is compared at once; the items of other iterables one by one, up to the first that is missing.
fn issuperset<S: Members>(set: &S, call: &Call) -> Outcome {
    let other = arg(call, 0);
    if let Some(found) = with_members(&other, |other| all_in(other, set)) {
        return found.map(Value::Bool);
    }
    let mut all = true;
    each(&other, |item| {
        all = set.contains(&item)?;
        Ok(if all { Continue(()) } else { Enough(()) })
    })?;
    Ok(Value::Bool(all))
}

/// Returns the object that iterators use: the table of a modifiable set, or the set itself.
fn table_of(object: &Arc<Object>) -> &Arc<Object> {
    Set::of_object(object).map_or(object, Set::held)
}

fn repr<S: Kind>(set: &S, call: &Call) -> Outcome {
    let name = call.object().class().shape().class_name();
    repr_once(call, &format!("{name}(...)"), || {
        let items = format!("{{{}}}", reprs(&set.items()?)?);
        Ok(match (set.len(), name) {
            (0, _) => format!("{name}()"),
            (_, "set") => items,
            (_, _) => format!("{name}({items})"),
        })
    })
}

/// The members that modify a set.
fn changing() -> Vec<Member> {
    let method = |name, takes, run: fn(&Set, &Call) -> Outcome| method("set", name, takes, run);
    let mut members = vec![
        method("update", Takes::Between(0, usize::MAX), |set, call| {
            call.args().iter().try_for_each(|other| Other::Each(other).every(|item| set.add(item)))?;
            Ok(Value::None)
        }),
        method("intersection_update", Takes::Between(0, usize::MAX), |set, call| {
            set.replace(combined(set, call, both)?.items()?)?;
            Ok(Value::None)
        }),
        method("difference_update", Takes::Between(0, usize::MAX), |set, call| {
            let remove = |item: Value| set.remove(&item).map(|_| ());
            for other in call.args() {
                match set_items(other) {
                    Some(items) => Other::All(items?).every(remove)?,
                    None => Other::Each(other).every(remove)?,
                }
            }
            Ok(Value::None)
        }),
        method("symmetric_difference_update", Takes::One, |set, call| {
            toggle(set, &Other::Each(&arg(call, 0)))?;
            Ok(Value::None)
        }),
        method("add", Takes::One, |set, call| {
            set.add(arg(call, 0))?;
            Ok(Value::None)
        }),
        method("discard", Takes::One, |set, call| set.remove(&arg(call, 0)).map(|_| Value::None)),
        method("remove", Takes::One, |set, call| match set.remove(&arg(call, 0))? {
            true => Ok(Value::None),
            false => Err(missing(arg(call, 0))),
        }),
        method("pop", Takes::Nothing, |set, _| {
            let last = set.table().pop_last();
            last.map(|(item, _)| item).ok_or_else(|| Exception::builtin("KeyError", "pop from an empty set"))
        }),
        method("clear", Takes::Nothing, |set, _| {
            set.table().clear();
            Ok(Value::None)
        }),
    ];
    members.extend(operators_in_place());
    members
}

static CLASS: LazyLock<Arc<Class>> = LazyLock::new(|| {
    let members = reading::<Set>("set").into_iter().chain(changing()).collect();
    class("builtins", "set", "A set of a native program.", members)
});
