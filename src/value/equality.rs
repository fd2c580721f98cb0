//! Equality and hashing: Python's, and the strict one.

use super::flat::{self, Flat};
use super::number::int_of_float;
use super::{Reference, Value};
use crate::nesting::step;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, LazyLock};

/// Something that Python cannot hash, named by its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unhashable type: '{0}'")]
pub struct Unhashable(pub &'static str);

/// Peers choose what is hashed, so the seed is this process's secret.
pub(super) static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// Equality in every bit: kind, order of items, sign of zeros, payload of NaNs. References by identity.
impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::None, Value::None)
            | (Value::NotImplemented, Value::NotImplemented)
            | (Value::Ellipsis, Value::Ellipsis) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::BigInt(a), Value::BigInt(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
            (Value::Complex(a, c), Value::Complex(b, d)) => a.to_bits() == b.to_bits() && c.to_bits() == d.to_bits(),
            (Value::Str(a), Value::Str(b)) => a == b,
            (Value::Bytes(a), Value::Bytes(b)) => a == b,
            (Value::Tuple(a), Value::Tuple(b))
            | (Value::FrozenSet(a), Value::FrozenSet(b))
            | (Value::List(a), Value::List(b)) => match step() {
                Some(_step) => a[..] == b[..],
                None => flat::same(self, other),
            },
            (Value::Slice(a), Value::Slice(b)) => match step() {
                Some(_step) => a[..] == b[..],
                None => flat::same(self, other),
            },
            (Value::Dict(a), Value::Dict(b)) => match step() {
                Some(_step) => a[..] == b[..],
                None => flat::same(self, other),
            },
            (Value::Array(a), Value::Array(b)) => a == b,
            (Value::Temporal(a), Value::Temporal(b)) => a == b,
            (Value::Ref(a), Value::Ref(b)) => a.same(b),
            _ => false,
        }
    }
}

impl Value {
    /// Python's `==` on data; references are equal when they are the same object. Items of containers may be the same instead
    /// of equal, see `item_eq`.
    pub fn py_eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::None, Value::None)
            | (Value::NotImplemented, Value::NotImplemented)
            | (Value::Ellipsis, Value::Ellipsis) => true,
            (Value::Str(a), Value::Str(b)) => a == b,
            (Value::Bytes(a), Value::Bytes(b)) => a == b,
            _ if self.is_container() => self.container_eq(other),
            (Value::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.py_eq(&b))
            }
            (Value::Temporal(a), Value::Temporal(b)) => a.key() == b.key(),
            (Value::Ref(a), Value::Ref(b)) => a.same(b),
            _ => number_eq(self, other),
        }
    }

    fn container_eq(&self, other: &Value) -> bool {
        if std::mem::discriminant(self) != std::mem::discriminant(other) {
            return false;
        }
        let Some(_step) = step() else { return flat::py_eq(self, other) };
        match (self, other) {
            (Value::Tuple(a), Value::Tuple(b)) | (Value::List(a), Value::List(b)) => sequence_eq(a, b),
            (Value::Slice(a), Value::Slice(b)) => sequence_eq(&a[..], &b[..]),
            (Value::FrozenSet(a), Value::FrozenSet(b)) => set_eq(a, b),
            (Value::Dict(a), Value::Dict(b)) => dict_eq(a, b),
            _ => false,
        }
    }

    /// Compares as Python's containers compare their items: by identity first, then by `==`. Floats have no identity
    /// here: NaNs are identical if they are equal in every bit, as copies of one are.
    pub fn item_eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Float(a), Value::Float(b)) => a == b || a.to_bits() == b.to_bits(),
            (Value::Complex(..), Value::Complex(..)) => self.py_eq(other) || self == other,
            _ => self.py_eq(other),
        }
    }

    /// Equal for values that are `py_eq`. It differs from process to process.
    pub fn py_hash(&self) -> u64 {
        self.digest().unwrap_or(0)
    }

    /// Returns whether Python's `hash()` accepts the value.
    pub fn hashable(&self) -> bool {
        self.unhashable().is_none()
    }

    pub(super) fn unhashable(&self) -> Option<Unhashable> {
        match self {
            Value::Slice(_) => Some(Unhashable("slice")),
            Value::List(_) => Some(Unhashable("list")),
            Value::Dict(_) => Some(Unhashable("dict")),
            Value::Array(_) => Some(Unhashable("array.array")),
            Value::Tuple(items) | Value::FrozenSet(items) => match step() {
                Some(_step) => items.iter().find_map(Value::unhashable),
                // A container precedes its contents, and one that Python cannot hash is not descended into.
                None => Flat::of(items)
                    .map(|(_, item)| item)
                    .filter(|item| !item.is_hashed_by_items())
                    .find_map(Value::unhashable),
            },
            _ => None,
        }
    }

    fn is_hashed_by_items(&self) -> bool {
        matches!(self, Value::Tuple(_) | Value::FrozenSet(_))
    }

    /// A frozenset; of equal items the first is kept.
    pub fn frozenset(mut items: Vec<Value>) -> Result<Value, Unhashable> {
        if let Some(error) = items.iter().find_map(Value::unhashable) {
            return Err(error);
        }
        if items.len() > 1 {
            let double = duplicates(&items);
            if !double.is_empty() {
                let mut index = 0;
                items.retain(|_| {
                    index += 1;
                    double.binary_search(&(index - 1)).is_err()
                });
            }
        }
        Ok(Value::FrozenSet(items.into()))
    }

    /// A dict; of equal keys the first stays in its place and gets the last value, as in Python.
    pub fn dict(entries: Vec<(Value, Value)>) -> Result<Value, Unhashable> {
        if let Some(error) = entries.iter().find_map(|(key, _)| key.unhashable()) {
            return Err(error);
        }
        let mut kept: Vec<(Value, Value)> = Vec::with_capacity(entries.len());
        let mut places: HashMap<u64, Vec<usize>> = HashMap::with_capacity(entries.len());
        for (key, value) in entries {
            // A key that is not equal to itself equals no other.
            let Some(digest) = key.digest() else {
                kept.push((key, value));
                continue;
            };
            let alike = places.entry(digest).or_default();
            let known = alike.iter().copied().find(|at| kept.get(*at).is_some_and(|(known, _)| known.py_eq(&key)));
            match known.and_then(|at| kept.get_mut(at)) {
                Some(entry) => entry.1 = value,
                None => {
                    alike.push(kept.len());
                    kept.push((key, value));
                }
            }
        }
        Ok(Value::Dict(kept.into()))
    }

    /// A keyed hash that agrees with `py_eq`. None for what is not equal even to itself: NaN, and all that holds one.
    pub fn digest(&self) -> Option<u64> {
        if self.is_container() {
            return match step() {
                Some(_step) => self.digest_container(),
                None => flat::digest(self, false),
            };
        }
        let mut hasher = SEED.build_hasher();
        let h = &mut hasher;
        match self {
            Value::None => h.write_u8(0),
            Value::NotImplemented => h.write_u8(1),
            Value::Ellipsis => h.write_u8(2),
            Value::Bool(b) => write_int(h, i64::from(*b)),
            Value::Int(n) => write_int(h, *n),
            Value::BigInt(n) => {
                h.write_u8(4);
                h.write(n.text().as_bytes());
            }
            Value::Float(x) => match int_of_float(*x) {
                Some(n) => return n.digest(),
                None if x.is_nan() => return None,
                None => {
                    h.write_u8(5);
                    h.write_u64(x.to_bits());
                }
            },
            Value::Complex(re, im) if *im == 0.0 => return Value::Float(*re).digest(),
            Value::Complex(re, im) if re.is_nan() || im.is_nan() => return None,
            Value::Complex(re, im) => {
                h.write_u8(6);
                // Adding 0.0 makes one zero of the two.
                h.write_u64((re + 0.0).to_bits());
                h.write_u64((im + 0.0).to_bits());
            }
            Value::Str(text) => {
                h.write_u8(7);
                h.write(text.as_bytes());
            }
            Value::Bytes(bytes) => {
                h.write_u8(8);
                h.write(bytes);
            }
            Value::Array(array) => {
                h.write_u8(16);
                h.write_usize(array.len());
                for item in array.iter() {
                    h.write_u64(item.digest()?);
                }
            }
            Value::Temporal(time) => {
                let (kind, aware, at) = time.key();
                h.write_u8(19);
                h.write_u8(kind);
                h.write_u8(aware.into());
                h.write_i128(at);
            }
            Value::Ref(Reference::Local(object)) => {
                h.write_u8(14);
                h.write_usize(Arc::as_ptr(object) as *const () as usize);
            }
            Value::Ref(Reference::Remote(proxy)) => {
                h.write_u8(15);
                h.write_usize(Arc::as_ptr(proxy) as usize);
            }
            // Done above.
            Value::Tuple(_) | Value::Slice(_) | Value::List(_) | Value::FrozenSet(_) | Value::Dict(_) => {}
        }
        Some(hasher.finish())
    }

    fn digest_container(&self) -> Option<u64> {
        let mut hasher = SEED.build_hasher();
        let h = &mut hasher;
        match self {
            Value::Tuple(items) => write_sequence(h, 9, items)?,
            Value::Slice(parts) => write_sequence(h, 10, &parts[..])?,
            Value::List(items) => write_sequence(h, 11, items)?,
            Value::FrozenSet(items) => {
                h.write_u8(12);
                h.write_u64(sum_of(items.iter().map(Value::digest))?);
            }
            Value::Dict(pairs) => {
                h.write_u8(13);
                let digest = |(key, value): &(Value, Value)| Some(digest_pair(key.digest()?, value.digest()?));
                h.write_u64(sum_of(pairs.iter().map(digest))?);
            }
            _ => {}
        }
        Some(hasher.finish())
    }
}

/// The digest of a key with its value.
pub(super) fn digest_pair(key: u64, value: u64) -> u64 {
    let mut hasher = SEED.build_hasher();
    hasher.write_u64(key);
    hasher.write_u64(value);
    hasher.finish()
}

/// By its bits, as containers compare it.
pub(super) fn digest_of_nan(value: &Value) -> Option<u64> {
    let (kind, re, im) = match value {
        Value::Float(x) if x.is_nan() => (17, *x, 0.0),
        Value::Complex(re, im) if re.is_nan() || im.is_nan() => (18, *re, *im),
        _ => return None,
    };
    let mut hasher = SEED.build_hasher();
    hasher.write_u8(kind);
    hasher.write_u64(re.to_bits());
    hasher.write_u64(im.to_bits());
    Some(hasher.finish())
}

/// Combines digests independently of their order.
fn sum_of(mut digests: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    digests.try_fold(0u64, |sum, digest| Some(sum.wrapping_add(digest?)))
}

fn write_int(hasher: &mut impl Hasher, n: i64) {
    hasher.write_u8(3);
    hasher.write_i64(n);
}

fn write_sequence(hasher: &mut impl Hasher, kind: u8, items: &[Value]) -> Option<()> {
    hasher.write_u8(kind);
    hasher.write_usize(items.len());
    for item in items {
        hasher.write_u64(item.digest()?);
    }
    Some(())
}

fn number_eq(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Complex(ar, ai), Value::Complex(br, bi)) => ar == br && ai == bi,
        (Value::Complex(re, im), other) | (other, Value::Complex(re, im)) => {
            *im == 0.0 && number_eq(&Value::Float(*re), other)
        }
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Float(x), other) | (other, Value::Float(x)) => int_of_float(*x).is_some_and(|n| int_eq(&n, other)),
        _ => int_eq(a, b),
    }
}

fn int_eq(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::BigInt(a), Value::BigInt(b)) => a == b,
        _ => match (a.to_i64(), b.to_i64()) {
            (Some(a), Some(b)) => a == b,
            _ => false,
        },
    }
}

fn sequence_eq(a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.item_eq(b))
}

/// The items' digests with their places, in order.
fn sorted_digests<'v>(items: impl Iterator<Item = &'v Value>) -> Vec<(u64, usize)> {
    let mut all: Vec<_> = items.enumerate().filter_map(|(at, item)| Some((item.digest()?, at))).collect();
    all.sort_unstable();
    all
}

/// The places of those with this digest.
fn places(sorted: &[(u64, usize)], digest: u64) -> impl Iterator<Item = usize> {
    let first = sorted.partition_point(|(d, _)| *d < digest);
    sorted.iter().skip(first).take_while(move |(d, _)| *d == digest).map(|(_, at)| *at)
}

fn set_eq(a: &[Value], b: &[Value]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let sorted = sorted_digests(b.iter());
    let mut odd = b.iter().filter(|item| item.digest().is_none());
    a.iter().all(|item| match item.digest() {
        Some(d) => places(&sorted, d).any(|at| b.get(at).is_some_and(|other| item.item_eq(other))),
        // Items with a NaN are matched by position among their kind: copies keep the order.
        None => odd.next().is_some_and(|other| item.item_eq(other)),
    })
}

fn dict_eq(a: &[(Value, Value)], b: &[(Value, Value)]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let sorted = sorted_digests(b.iter().map(|(key, _)| key));
    let mut odd = b.iter().filter(|(key, _)| key.digest().is_none());
    let same = |(key, value): &(Value, Value), (k, v): &(Value, Value)| key.item_eq(k) && value.item_eq(v);
    a.iter().all(|entry| match entry.0.digest() {
        Some(d) => places(&sorted, d).any(|at| b.get(at).is_some_and(|other| same(entry, other))),
        None => odd.next().is_some_and(|other| same(entry, other)),
    })
}

/// The places, in order, of items that equal an earlier one.
fn duplicates(items: &[Value]) -> Vec<usize> {
    let sorted = sorted_digests(items.iter());
    let mut double = Vec::new();
    for same in sorted.chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1) {
        let mut distinct: Vec<&Value> = Vec::new();
        for item in same.iter().filter_map(|(_, at)| items.get(*at).map(|item| (*at, item))) {
            if distinct.iter().any(|other| other.py_eq(item.1)) {
                double.push(item.0);
            } else {
                distinct.push(item.1);
            }
        }
    }
    double.sort_unstable();
    double
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{PeerClass, Proxy};

    fn int(text: &str) -> Value {
        Value::int_from_text(text.as_bytes(), 4300).unwrap()
    }

    fn set(items: &[Value]) -> Value {
        Value::frozenset(items.to_vec()).unwrap()
    }

    /// Groups of values that Python finds equal to each other and to nothing in another group.
    fn groups() -> Vec<Vec<Value>> {
        let (one, zero, x) = (Value::Int(1), Value::Int(0), Value::str("x"));
        let float = Value::Float;
        vec![
            vec![Value::None],
            vec![Value::NotImplemented],
            vec![Value::Ellipsis],
            vec![one.clone(), Value::Bool(true), float(1.0), Value::Complex(1.0, 0.0), Value::Complex(1.0, -0.0)],
            vec![zero.clone(), Value::Bool(false), float(0.0), float(-0.0), Value::Complex(-0.0, -0.0)],
            vec![float(1.5), Value::Complex(1.5, 0.0)],
            vec![float(f64::INFINITY), Value::Complex(f64::INFINITY, 0.0)],
            vec![float(f64::NEG_INFINITY)],
            vec![Value::Complex(0.0, 1.0), Value::Complex(-0.0, 1.0)],
            vec![Value::Complex(1.0, 1.0)],
            vec![Value::Int(1 << 53), float(9007199254740992.0)],
            vec![Value::Int((1 << 53) + 1)],
            vec![Value::Int(i64::MAX)],
            vec![int("9223372036854775808"), float(9223372036854775808.0), Value::from(1u64 << 63)],
            vec![Value::Int(i64::MIN), float(-9223372036854775808.0)],
            vec![int("99999999999999991611392"), float(1e23)],
            vec![int("100000000000000000000000")],
            vec![x.clone(), Value::from("x".to_owned())],
            vec![Value::bytes(b"x")],
            vec![Value::str("")],
            vec![Value::bytes(b"")],
            vec![Value::tuple(vec![])],
            vec![Value::List([].into())],
            vec![set(&[])],
            vec![Value::tuple(vec![one.clone(), x.clone()]), Value::tuple(vec![float(1.0), x.clone()])],
            vec![Value::tuple(vec![x.clone(), one.clone()])],
            vec![Value::List([one.clone(), x.clone()].into()), Value::List([Value::Bool(true), x.clone()].into())],
            vec![set(&[one.clone(), x.clone(), zero.clone()]), set(&[Value::Bool(false), float(1.0), x.clone()])],
            vec![set(&[set(&[one.clone(), x.clone()])]), set(&[set(&[x.clone(), float(1.0)])])],
            vec![
                Value::slice(one.clone(), x.clone(), Value::None),
                Value::slice(Value::Bool(true), x.clone(), Value::None),
            ],
            vec![
                Value::Dict([(one.clone(), x.clone()), (x.clone(), zero.clone())].into()),
                Value::Dict([(x.clone(), float(0.0)), (float(1.0), x.clone())].into()),
            ],
            vec![Value::Dict([(one.clone(), x.clone()), (x.clone(), one.clone())].into())],
        ]
    }

    #[test]
    fn equal_and_of_equal_hash_within_a_group_only() {
        let groups = groups();
        for (at, group) in groups.iter().enumerate() {
            for (other_at, other_group) in groups.iter().enumerate() {
                for (a, b) in group.iter().flat_map(|a| other_group.iter().map(move |b| (a, b))) {
                    assert_eq!(a.py_eq(b), at == other_at, "{} and {}", a.repr(), b.repr());
                    assert_eq!(a.py_hash() == b.py_hash(), at == other_at, "{} and {}", a.repr(), b.repr());
                }
            }
        }
    }

    #[test]
    fn nan_is_not_even_equal_to_itself() {
        let nan = Value::Float(f64::NAN);
        for value in [nan.clone(), Value::Complex(0.0, f64::NAN)] {
            assert!(!value.py_eq(&value) && value.item_eq(&value));
            assert!(value == value.clone());
        }
        let many = Value::frozenset(vec![nan; 100_000]).unwrap();
        assert!(matches!(&many, Value::FrozenSet(items) if items.len() == 100_000));
        assert!(many.py_eq(&many.clone()));
    }

    #[test]
    fn containers_with_a_nan_equal_their_copies() {
        let (nan, one) = (Value::Float(f64::NAN), Value::Int(1));
        let pair = |value: &Value| Value::tuple(vec![value.clone(), one.clone()]);
        let dict = |key: &Value, value: &Value| Value::Dict([(key.clone(), value.clone())].into());
        let list = |value: &Value| Value::List([value.clone(), one.clone()].into());
        let of_set = |value: &Value| set(&[one.clone(), value.clone()]);
        for make in [&pair as &dyn Fn(&Value) -> Value, &list, &of_set, &|v| dict(v, &one), &|v| dict(&one, v)] {
            let odd = make(&nan);
            assert!(odd.py_eq(&odd.clone()), "{}", odd.repr());
            for other in [&Value::Float(-f64::NAN), &Value::Complex(f64::NAN, 0.0), &one, &Value::None] {
                assert!(!odd.py_eq(&make(other)) && !make(other).py_eq(&odd), "{} {}", odd.repr(), other.repr());
            }
            assert!(pair(&odd).py_eq(&pair(&odd)));
        }
    }

    #[test]
    fn strict_equality_knows_kinds_and_bits() {
        let all: Vec<Value> = groups().into_iter().flatten().collect();
        let equal = all.iter().enumerate().flat_map(|(at, a)| all.iter().skip(at + 1).filter(move |b| a == *b)).count();
        assert_eq!(equal, 2, "2**63 and 'x' stand there twice");
        assert_ne!(Value::Float(0.0), Value::Float(-0.0));
        assert_eq!(Value::Float(f64::NAN), Value::Float(f64::NAN));
        assert_ne!(Value::Float(f64::NAN), Value::Float(-f64::NAN));
    }

    #[test]
    fn frozensets_keep_the_first_of_equals() {
        let items =
            vec![Value::Int(2), Value::Bool(true), Value::Int(1), Value::Float(2.0), Value::str("a"), Value::str("a")];
        assert_eq!(Value::frozenset(items).unwrap().repr(), "frozenset({2, True, 'a'})");
        let many = (0..20_000).map(|n| Value::Int(n % 5000)).collect();
        assert!(matches!(Value::frozenset(many), Ok(Value::FrozenSet(items)) if items.len() == 5000));
    }

    #[test]
    fn what_cannot_be_hashed() {
        let slice = Value::slice(Value::None, Value::None, Value::None);
        for (value, name) in [(slice, "slice"), (Value::List([].into()), "list"), (Value::Dict([].into()), "dict")] {
            assert!(!value.hashable() && !Value::tuple(vec![Value::None, value.clone()]).hashable());
            let error = Value::frozenset(vec![Value::Int(1), Value::tuple(vec![value])]).unwrap_err();
            assert_eq!(error.to_string(), format!("unhashable type: '{name}'"));
        }
        assert!(set(&[Value::tuple(vec![set(&[Value::None])])]).hashable());
    }

    #[test]
    fn references_are_equal_when_they_are_the_same() {
        let proxy =
            || Arc::new(Proxy::new([1].into(), Arc::new(PeerClass::new("m.C", &[1], false, &Arc::default())), 1));
        let (a, b) = (Value::Ref(Reference::Remote(proxy())), Value::Ref(Reference::Remote(proxy())));
        assert!(a.py_eq(&a.clone()) && !a.py_eq(&b) && a == a.clone() && a != b);
        assert_eq!(a.py_hash(), a.clone().py_hash());
        let both = set(&[a.clone(), b.clone(), a.clone()]);
        assert!(matches!(&both, Value::FrozenSet(items) if items.len() == 2));
        assert!(!both.is_plain() && !a.is_plain() && both.hashable());
        assert_eq!((a.type_name(), a.repr().as_str()), ("m.C", "<remote m.C>"));
    }
}
