//! The table of a dict: entries in order of insertion, found by key.

use super::growth;
use crate::error::Exception;
use crate::value::Value;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};

/// A key as it is compared: data by Python's `==`, objects by identity.
struct Key(Value);

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.0.py_eq(&other.0)
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.py_hash());
    }
}

/// Memory of a key's place.
const PLACE: usize = 2 * size_of::<Value>();

/// Entries in order of insertion. Places of removed entries stay empty for a while.
#[derive(Default)]
pub(super) struct Entries {
    slots: Vec<Option<(Value, Value)>>,
    places: HashMap<Key, usize>,
    /// Number of entries whose key equals nothing, not even itself (NaN). They have no place: they are never found.
    unequal: usize,
}

impl Entries {
    pub fn len(&self) -> usize {
        self.places.len() + self.unequal
    }

    /// Reserves memory for one more entry. False: there is none.
    pub fn reserve(&mut self) -> bool {
        self.places.try_reserve(1).is_ok() && self.slots.try_reserve(1).is_ok()
    }

    /// Returns the number of bytes that the table takes with room for one more entry.
    pub fn size_with_one(&self) -> usize {
        let places = self.places.capacity();
        let places = if self.places.len() < places { places } else { 2 * places.max(4) };
        growth::size_with(&self.slots, 1) + places * PLACE
    }

    /// Returns the number of bytes that the table takes.
    pub fn size(&self) -> usize {
        growth::size(&self.slots) + self.places.capacity() * PLACE
    }

    pub fn get(&self, key: &Value) -> Option<&Value> {
        let place = *self.places.get(&Key(key.clone()))?;
        self.slots.get(place)?.as_ref().map(|(_, value)| value)
    }

    /// Returns the previous value. An existing key is kept.
    pub fn insert(&mut self, key: Value, value: Value) -> Option<Value> {
        if let Some(place) = self.places.get(&Key(key.clone())) {
            let entry = self.slots.get_mut(*place)?.as_mut()?;
            return Some(std::mem::replace(&mut entry.1, value));
        }
        if self.slots.len() > 2 * self.len() + 8 {
            self.pack();
        }
        match key.digest() {
            Some(_) => drop(self.places.insert(Key(key.clone()), self.slots.len())),
            None => self.unequal += 1,
        }
        self.slots.push(Some((key, value)));
        None
    }

    /// Returns the entry and the table's copy of the key: the caller drops them, outside of its lock.
    pub fn remove(&mut self, key: &Value) -> Option<((Value, Value), Value)> {
        let (known, place) = self.places.remove_entry(&Key(key.clone()))?;
        let (key, value) = self.slots.get_mut(place)?.take()?;
        Some(((key, value), known.0))
    }

    /// Removes and returns the last entry.
    pub fn pop_last(&mut self) -> Option<(Value, Value)> {
        let entry = loop {
            if let Some(entry) = self.slots.pop()? {
                break entry;
            }
        };
        if self.places.remove(&Key(entry.0.clone())).is_none() {
            self.unequal -= 1;
        }
        Some(entry)
    }

    /// Returns the first entry at this place or after it, and its place.
    pub fn at_or_after(&self, place: usize) -> Option<(usize, &(Value, Value))> {
        let mut behind = self.slots.iter().enumerate().skip(place);
        behind.find_map(|(place, slot)| slot.as_ref().map(|entry| (place, entry)))
    }

    /// Returns the last entry before this place, and its place.
    pub fn before(&self, place: usize) -> Option<(usize, &(Value, Value))> {
        let before = self.slots.iter().enumerate().take(place);
        before.rev().find_map(|(place, slot)| slot.as_ref().map(|entry| (place, entry)))
    }

    /// The place after the last entry.
    pub fn end(&self) -> usize {
        self.slots.len()
    }

    /// Returns all references: those of each entry, and each key again.
    pub fn held(&self) -> impl Iterator<Item = &Value> {
        let again = self.places.keys().map(|key| &key.0);
        self.iter().flat_map(|(key, value)| [key, value]).chain(again)
    }

    /// Maps all entries. Fails without memory.
    pub fn collected<T>(&self, of: impl Fn(&(Value, Value)) -> T) -> Result<Vec<T>, Exception> {
        let mut all = Vec::new();
        growth::reserve(&mut all, self.len())?;
        all.extend(self.iter().map(of));
        Ok(all)
    }

    pub fn iter(&self) -> impl Iterator<Item = &(Value, Value)> {
        self.slots.iter().flatten()
    }

    fn pack(&mut self) {
        self.slots.retain(Option::is_some);
        for (place, (key, _)) in self.slots.iter().flatten().enumerate() {
            if let Some(known) = self.places.get_mut(&Key(key.clone())) {
                *known = place;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(entries: &Entries) -> Vec<i64> {
        entries.iter().filter_map(|(key, _)| key.to_i64()).collect()
    }

    #[test]
    fn order_of_insertion_whatever_is_removed() {
        let mut entries = Entries::default();
        for n in 0..100 {
            assert!(entries.insert(Value::Int(n), Value::Int(-n)).is_none());
        }
        for n in 0..97 {
            assert!(entries.remove(&Value::Int(n)).is_some());
            assert!(entries.remove(&Value::Int(n)).is_none());
        }
        // The table is now compacted.
        entries.insert(Value::Int(0), Value::None);
        assert!(entries.slots.len() < 10);
        assert_eq!(keys(&entries), [97, 98, 99, 0]);
        for n in [97, 98, 99] {
            assert_eq!(entries.get(&Value::Int(n)), Some(&Value::Int(-n)));
        }
        assert_eq!(entries.pop_last(), Some((Value::Int(0), Value::None)));
        assert_eq!(entries.insert(Value::Float(98.0), Value::Int(1)), Some(Value::Int(-98)));
        assert_eq!(keys(&entries), [97, 98, 99]);
        assert_eq!(entries.len(), 3);
    }

    #[test]
    fn keys_that_equal_nothing() {
        let nan = || Value::tuple(vec![Value::Float(f64::NAN)]);
        let mut entries = Entries::default();
        // With equal hashes this takes minutes.
        for n in 0..100_000 {
            assert_eq!(entries.insert(nan(), Value::Int(n)), None);
        }
        entries.insert(Value::Int(1), Value::None);
        assert_eq!(entries.len(), 100_001);
        assert!(entries.get(&nan()).is_none() && entries.remove(&nan()).is_none());
        assert_eq!(entries.pop_last(), Some((Value::Int(1), Value::None)));
        for n in (0..100_000).rev() {
            assert_eq!(entries.pop_last().map(|(_, value)| value), Some(Value::Int(n)));
        }
        assert_eq!((entries.len(), entries.pop_last()), (0, None));
        entries.insert(nan(), Value::Int(1));
        for n in 0..100 {
            entries.insert(Value::Int(n), Value::None);
            entries.remove(&Value::Int(n));
        }
        assert!(entries.slots.len() < 12);
        assert_eq!((entries.len(), entries.iter().count()), (1, 1));
    }

    #[test]
    fn places_forwards_and_backwards() {
        let mut entries = Entries::default();
        for n in 0..4 {
            entries.insert(Value::Int(n), Value::None);
        }
        entries.remove(&Value::Int(1));
        assert_eq!(entries.at_or_after(1).map(|(place, _)| place), Some(2));
        assert_eq!(entries.before(2).map(|(place, _)| place), Some(0));
        assert_eq!(entries.before(entries.end()).map(|(place, _)| place), Some(3));
        assert!(entries.before(0).is_none() && entries.at_or_after(4).is_none());
    }
}
