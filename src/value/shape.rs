//! The part of a local object that a peer may know: its type's name, its members, its kinds of access.

use super::{Text, Value};
use crate::ids::Id;
use foldhash::fast::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;

/// The outward description of a class. Pure data, so that a session can apply the attribute rules and reply to INSPECT,
/// DIR and INSTANCECHECK without running application code.
#[derive(Debug, Default)]
pub struct Shape {
    /// `module.Class`, the name_pack of its instances.
    pub type_name: Text,
    /// The class's id, the same on all connections. Shapes that share it describe one class, each for a session.
    pub id: Arc<Id>,
    pub bases: Vec<Arc<Shape>>,
    names: Vec<Text>,
    /// The indexes of the names, by their hash; `EMPTY` for at least half of the table. The library's own classes are
    /// statics: their contents are referenced at the beginning, otherwise leak checkers report them.
    places: Box<[u32]>,
    hasher: RandomState,
    /// The reply to INSPECT: a tuple of (name, doc).
    pub inspect: Value,
    /// The same with pickles allowed, if it differs.
    pub inspect_pickled: Option<Value>,
    /// The reply to DIR: a tuple of names.
    pub dir: Value,
    /// The object has its own rules, RPyC's `_rpyc_getattr` and siblings.
    pub own_get: bool,
    pub own_set: bool,
    pub own_del: bool,
    /// Attributes may exist that are not in `members`.
    pub dynamic: bool,
    /// An access to a dynamic attribute reports by itself that it is missing; no check is needed before.
    pub says_missing: bool,
    /// The name of a class that is an object itself.
    pub of_class: Option<Text>,
}

const EMPTY: u32 = u32::MAX;

impl Shape {
    /// Members in the order of their indexes. Of two with one name the first counts.
    pub fn new(type_name: Text, bases: Vec<Arc<Shape>>, names: Vec<Text>) -> Shape {
        let places = vec![EMPTY; (2 * names.len()).next_power_of_two()].into();
        let dir = Value::Tuple(names.iter().cloned().map(Value::Str).collect());
        let mut shape = Shape { type_name, bases, names, places, dir, ..Shape::default() };
        for index in 0..shape.names.len() {
            let Some(name) = shape.names.get(index) else { break };
            let (at, known) = shape.find(name.as_bytes());
            if let (None, Some(place)) = (known, shape.places.get_mut(at)) {
                *place = index as u32;
            }
        }
        shape
    }

    #[inline]
    pub fn member(&self, name: &[u8]) -> Option<u32> {
        self.find(name).1
    }

    /// The place of a name in the table, used or free, and its index.
    #[inline]
    fn find(&self, name: &[u8]) -> (usize, Option<u32>) {
        let last = self.places.len().wrapping_sub(1);
        let mut at = self.hasher.hash_one(name) as usize & last;
        while let Some(index) = self.places.get(at).copied().filter(|index| *index != EMPTY) {
            if self.names.get(index as usize).is_some_and(|known| known.as_bytes() == name) {
                return (at, Some(index));
            }
            at = (at + 1) & last;
        }
        (at, None)
    }

    pub fn member_name(&self, index: u32) -> Option<&Text> {
        self.names.get(index as usize)
    }

    /// Returns whether the class is `ancestor` or derived from it.
    pub fn is_or_derives_from(self: &Arc<Shape>, ancestor: &Arc<Shape>) -> bool {
        Arc::ptr_eq(&self.id, &ancestor.id) || self.bases.iter().any(|base| base.is_or_derives_from(ancestor))
    }

    /// Returns whether the class or one of its bases has this full name.
    pub fn is_named(&self, type_name: &str) -> bool {
        self.type_name.as_str() == type_name || self.bases.iter().any(|base| base.is_named(type_name))
    }

    /// The class's own name, without the module.
    pub fn class_name(&self) -> &str {
        let name = self.type_name.as_str();
        name.rsplit_once('.').map_or(name, |(_, last)| last)
    }

    /// Python's message for a missing attribute; for a bound method it names the function.
    pub fn lacks(&self, name: &str) -> String {
        match &self.of_class {
            Some(class) => format!("type object '{class}' has no attribute {name}"),
            None if self.type_name.as_str() == "builtins.method" => {
                format!("'function' object has no attribute {name}")
            }
            None => format!("'{}' object has no attribute {name}", self.class_name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_whatever_their_number() {
        assert_eq!(Shape::default().member(b"name"), None);
        for count in [0, 1, 2, 3, 100, 1000] {
            let names: Vec<Text> = (0..count).map(|n| Text::from(format!("name{n}"))).collect();
            let twice = names.iter().chain(&names).cloned().collect();
            let shape = Shape::new("module.Class".into(), Vec::new(), twice);
            for (index, name) in names.iter().enumerate() {
                assert_eq!(shape.member(name.as_bytes()), Some(index as u32));
                assert_eq!(shape.member_name(index as u32), Some(name));
            }
            assert_eq!((shape.member(b"name"), shape.member(b"")), (None, None));
        }
    }
}
