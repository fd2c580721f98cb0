//! The common parts of sets, views and keys, and sets by value: their items, membership and subsets.

use super::super::operations::ask;
use super::super::peer::outcome;
use super::growth;
use super::method::type_error;
use crate::error::Exception;
use crate::value::{Ask, CompareOp, Items, Reference, Value};
use std::sync::OnceLock;

/// An object with the operators of a set.
pub(super) trait Members: Send + Sync + 'static {
    fn len(&self) -> usize;
    fn contains(&self, wanted: &Value) -> Result<bool, Exception>;
    fn items(&self) -> Result<Vec<Value>, Exception>;
}

/// The places of keys by hash, without values. Made at the first lookup.
#[derive(Default)]
pub(super) struct Index(OnceLock<Vec<(u64, usize)>>);

impl Index {
    /// Returns the place of the key that equals `wanted`.
    pub fn find<'a>(&self, count: usize, key: impl Fn(usize) -> Option<&'a Value>, wanted: &Value) -> Option<usize> {
        let places = self.0.get_or_init(|| {
            let mut places: Vec<(u64, usize)> =
                (0..count).filter_map(|place| Some((key(place)?.digest()?, place))).collect();
            places.sort_unstable();
            places
        });
        // A value that equals nothing, not even itself, is never found.
        let hash = wanted.digest()?;
        let first = places.partition_point(|(other, _)| *other < hash);
        let alike = places.iter().skip(first).take_while(|(other, _)| *other == hash);
        alike.map(|(_, place)| *place).find(|place| key(*place).is_some_and(|key| key.py_eq(wanted)))
    }
}

/// A set by value.
pub(super) struct FrozenSet {
    items: Items,
    index: Index,
}

impl FrozenSet {
    pub fn new(items: Items) -> FrozenSet {
        FrozenSet { items, index: Index::default() }
    }

    pub fn shared(&self) -> &Items {
        &self.items
    }

    pub fn has(&self, wanted: &Value) -> bool {
        self.index.find(self.items.len(), |place| self.items.get(place), wanted).is_some()
    }
}

impl Members for FrozenSet {
    fn len(&self) -> usize {
        self.items.len()
    }

    fn contains(&self, wanted: &Value) -> Result<bool, Exception> {
        check_key(wanted)?;
        Ok(self.has(wanted))
    }

    fn items(&self) -> Result<Vec<Value>, Exception> {
        growth::copied(&self.items)
    }
}

pub(super) fn all_in(some: &dyn Members, all: &dyn Members) -> Result<bool, Exception> {
    let mut odd = None;
    for item in some.items()? {
        let found = match item.digest() {
            Some(_) => all.contains(&item)?,
            // Items that contain a NaN are matched by their order, which copies keep.
            None => {
                let odd = match &mut odd {
                    Some(odd) => odd,
                    none => none.insert(all.items()?.into_iter().filter(|item| item.digest().is_none())),
                };
                odd.any(|other| other.item_eq(&item))
            }
        };
        if !found {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn compare(op: CompareOp, own: &dyn Members, other: &dyn Members) -> Result<bool, Exception> {
    let (ours, theirs) = (own.len(), other.len());
    match op {
        CompareOp::Eq => Ok(ours == theirs && all_in(own, other)?),
        CompareOp::Ne => Ok(ours != theirs || !all_in(own, other)?),
        CompareOp::Lt => Ok(ours < theirs && all_in(own, other)?),
        CompareOp::Le => Ok(ours <= theirs && all_in(own, other)?),
        CompareOp::Gt => Ok(ours > theirs && all_in(other, own)?),
        CompareOp::Ge => Ok(ours >= theirs && all_in(other, own)?),
    }
}

/// `a < b` of frozensets, and the other orders.
pub(super) fn ordered(op: CompareOp, a: &Items, b: &Items) -> Result<bool, Exception> {
    compare(op, &FrozenSet::new(a.clone()), &FrozenSet::new(b.clone()))
}

/// Fails for an unhashable key. Objects are keys by identity, unless Python could not hash them.
pub(super) fn check_key(key: &Value) -> Result<(), Exception> {
    let unhashable = |name: &str| Err(type_error(format!("unhashable type: '{name}'")));
    match key {
        Value::Ref(Reference::Remote(proxy)) => match proxy.type_name.as_ref() {
            "builtins.list"
            | "builtins.dict"
            | "builtins.set"
            | "builtins.bytearray"
            | "builtins.dict_keys"
            | "builtins.dict_items" => unhashable(proxy.type_name.rsplit('.').next().unwrap_or_default()),
            _ => Ok(()),
        },
        Value::Ref(own) => outcome(ask(own, Ask::Hash)).map(|_| ()),
        Value::Tuple(items) if !items.iter().all(Value::is_plain) => items.iter().try_for_each(check_key),
        Value::List(_) | Value::Dict(_) | Value::Array(_) | Value::FrozenSet(_) | Value::Slice(_) | Value::Tuple(_) => {
            match Value::frozenset(vec![key.clone()]) {
                Ok(_) => Ok(()),
                Err(error) => Err(type_error(error.to_string())),
            }
        }
        _ => Ok(()),
    }
}
