//! Walks over values without recursion, for where the stack is short.

use super::equality::{SEED, digest_of_nan, digest_pair};
use super::walk::HEAD;
use super::{Reference, Value};
use std::hash::{BuildHasher, Hasher};
use std::slice::Iter;

/// The items of a container that are left.
pub(super) enum Rest<'v> {
    Items(Iter<'v, Value>),
    Pairs(Iter<'v, (Value, Value)>, Option<&'v Value>),
}

impl<'v> Rest<'v> {
    /// None if the value is not a container.
    #[inline]
    pub(super) fn of(value: &'v Value) -> Option<Rest<'v>> {
        match value {
            Value::Tuple(items) | Value::FrozenSet(items) | Value::List(items) => Some(Rest::Items(items.iter())),
            Value::Slice(parts) => Some(Rest::Items(parts.iter())),
            Value::Dict(pairs) => Some(Rest::Pairs(pairs.iter(), None)),
            _ => None,
        }
    }
}

impl<'v> Iterator for Rest<'v> {
    type Item = &'v Value;

    /// Keys and values take turns.
    fn next(&mut self) -> Option<&'v Value> {
        match self {
            Rest::Items(items) => items.next(),
            Rest::Pairs(pairs, value) => value.take().or_else(|| {
                let (key, next) = pairs.next()?;
                *value = Some(next);
                Some(key)
            }),
        }
    }
}

/// See `Value::weight`.
pub(super) fn weight(container: &Value) -> usize {
    let items = Flat::of(std::slice::from_ref(container)).map(|(_, value)| match Rest::of(value) {
        Some(Rest::Items(items)) => HEAD + size_of_val(items.as_slice()),
        Some(Rest::Pairs(pairs, _)) => HEAD + size_of_val(pairs.as_slice()),
        None => value.weight(),
    });
    items.sum()
}

/// Values and all within them, each container before its items, with the containers that they are in.
pub(crate) struct Flat<'v>(Vec<Rest<'v>>);

impl<'v> Flat<'v> {
    pub(crate) fn of(items: &'v [Value]) -> Flat<'v> {
        Flat(vec![Rest::Items(items.iter())])
    }
}

impl<'v> Iterator for Flat<'v> {
    type Item = (usize, &'v Value);

    fn next(&mut self) -> Option<(usize, &'v Value)> {
        loop {
            let depth = self.0.len().checked_sub(1)?;
            let Some(value) = self.0.last_mut().and_then(Iterator::next) else {
                self.0.pop();
                continue;
            };
            self.0.extend(Rest::of(value));
            return Some((depth, value));
        }
    }
}

impl Value {
    /// This value and all within it.
    #[cold]
    #[inline(never)]
    pub(crate) fn flat(&self) -> Flat<'_> {
        Flat::of(std::slice::from_ref(self))
    }
}

/// Strict equality.
#[cold]
#[inline(never)]
pub(super) fn same(a: &Value, b: &Value) -> bool {
    let head = |value: &Value| match value {
        Value::Tuple(items) | Value::FrozenSet(items) | Value::List(items) => items.len(),
        Value::Dict(pairs) => pairs.len(),
        _ => 0,
    };
    let equal = |(a, b): (&Value, &Value)| match a.is_container() && b.is_container() {
        true => std::mem::discriminant(a) == std::mem::discriminant(b) && head(a) == head(b),
        false => a.is_container() == b.is_container() && a == b,
    };
    // Values that are equal so far have the same number of items, so neither iterator ends before the other.
    a.flat().map(|(_, value)| value).zip(b.flat().map(|(_, value)| value)).all(equal)
}

/// Python's equality of containers. Their digests, with the secret of this process, are as long as no two that differ are
/// ever found to be equal.
#[cold]
#[inline(never)]
pub(super) fn py_eq(a: &Value, b: &Value) -> bool {
    digest(a, true) == digest(b, true)
}

/// A container whose items are being hashed.
struct Open<'v> {
    value: &'v Value,
    rest: Rest<'v>,
    hasher: std::hash::DefaultHasher,
    sum: u64,
    key: Option<u64>,
}

impl<'v> Open<'v> {
    fn of(value: &'v Value) -> Option<Open<'v>> {
        let rest = Rest::of(value)?;
        let mut hasher = SEED.build_hasher();
        let (kind, len) = match value {
            Value::Tuple(items) => (9, Some(items.len())),
            Value::Slice(parts) => (10, Some(parts.len())),
            Value::List(items) => (11, Some(items.len())),
            Value::FrozenSet(_) => (12, None),
            _ => (13, None),
        };
        hasher.write_u8(kind);
        len.into_iter().for_each(|len| hasher.write_usize(len));
        Some(Open { value, rest, hasher, sum: 0, key: None })
    }

    fn add(&mut self, digest: u64) {
        match self.value {
            Value::FrozenSet(_) => self.sum = self.sum.wrapping_add(digest),
            Value::Dict(_) => match self.key.take() {
                Some(key) => self.sum = self.sum.wrapping_add(digest_pair(key, digest)),
                None => self.key = Some(digest),
            },
            _ => self.hasher.write_u64(digest),
        }
    }

    fn finish(mut self) -> u64 {
        if let Value::FrozenSet(_) | Value::Dict(_) = self.value {
            self.hasher.write_u64(self.sum);
        }
        self.hasher.finish()
    }
}

/// See `Value::digest`. With `same`, NaNs are hashed by their bits.
#[cold]
#[inline(never)]
pub(super) fn digest(value: &Value, same: bool) -> Option<u64> {
    let leaf = |value: &Value| match digest_of_nan(value).filter(|_| same) {
        Some(digest) => Some(digest),
        None => value.digest(),
    };
    let Some(first) = Open::of(value) else { return leaf(value) };
    let mut open = vec![first];
    loop {
        let done = match open.last_mut()?.rest.next() {
            None => open.pop()?.finish(),
            Some(value) => match Open::of(value) {
                Some(inner) => {
                    open.push(inner);
                    continue;
                }
                None => leaf(value)?,
            },
        };
        match open.last_mut() {
            Some(outer) => outer.add(done),
            None => return Some(done),
        }
    }
}

/// Returns whether the value contains an object, local or remote.
#[cold]
#[inline(never)]
pub(super) fn holds_objects(value: &Value) -> bool {
    value.flat().any(|(_, value)| matches!(value, Value::Ref(_)))
}

/// Returns whether the value contains a kind that RPyC's encoding lacks.
#[cold]
#[inline(never)]
pub(super) fn is_plain(value: &Value) -> bool {
    !value.flat().any(|(_, value)| is_native(value) || matches!(value, Value::Ref(_)))
}

fn is_native(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Dict(_) | Value::Array(_) | Value::Temporal(_))
}

#[cold]
#[inline(never)]
pub(super) fn wants_native(value: &Value) -> bool {
    value.flat().any(|(_, value)| is_native(value))
}

#[cold]
#[inline(never)]
pub(super) fn depth_at_most(value: &Value, levels: usize) -> bool {
    value.flat().all(|(depth, value)| depth < levels || !value.is_container())
}

/// Whether `test` is true for an object of a peer in it.
pub(super) fn any_remote(value: &Value, test: &dyn Fn(&super::Proxy) -> bool) -> bool {
    value.flat().any(|(_, value)| matches!(value, Value::Ref(Reference::Remote(proxy)) if test(proxy)))
}

/// The first object of a peer in it, by depth.
#[cold]
#[inline(never)]
pub(super) fn first_remote(value: &Value) -> Option<&std::sync::Arc<super::Proxy>> {
    value.flat().find_map(|(_, value)| match value {
        Value::Ref(Reference::Remote(proxy)) => Some(proxy),
        _ => None,
    })
}
