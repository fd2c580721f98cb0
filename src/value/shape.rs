//! What a peer may know of one of our objects: its type's name, its members, its ways of access.

use super::{Text, Value};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;

/// The outward description of a class. Pure data, so that a session can apply the attribute rules and
/// answer INSPECT, DIR and INSTANCECHECK without running anybody's code.
#[derive(Debug, Default)]
pub struct Shape {
    /// `module.Class`, the name_pack of its instances.
    pub type_name: Text,
    pub bases: Vec<Arc<Shape>>,
    members: HashMap<Box<[u8]>, u32, RandomState>,
    names: Vec<Text>,
    /// The answer to INSPECT: a tuple of (name, doc).
    pub inspect: Value,
    /// The answer to DIR: a tuple of names.
    pub dir: Value,
    /// The object has its own rules, RPyC's `_rpyc_getattr` and siblings.
    pub own_get: bool,
    pub own_set: bool,
    pub own_del: bool,
    /// Attributes may exist that are not in `members`.
    pub dynamic: bool,
    /// An access to a dynamic attribute says by itself that there is none, and needs no question before.
    pub says_missing: bool,
}

impl Shape {
    /// Members in the order of their indexes. Of two with one name the first counts.
    pub fn new(type_name: Text, bases: Vec<Arc<Shape>>, names: Vec<Text>) -> Shape {
        let mut members = HashMap::with_capacity_and_hasher(names.len(), RandomState::default());
        for (index, name) in names.iter().enumerate() {
            members.entry(name.as_bytes().into()).or_insert(index as u32);
        }
        let dir = Value::Tuple(names.iter().cloned().map(Value::Str).collect());
        Shape { type_name, bases, members, names, dir, ..Shape::default() }
    }

    #[inline]
    pub fn member(&self, name: &[u8]) -> Option<u32> {
        self.members.get(name).copied()
    }

    pub fn member_name(&self, index: u32) -> Option<&Text> {
        self.names.get(index as usize)
    }

    /// Is it this class, or derived from it?
    pub fn is_or_derives_from(self: &Arc<Shape>, ancestor: &Arc<Shape>) -> bool {
        Arc::ptr_eq(self, ancestor) || self.bases.iter().any(|base| base.is_or_derives_from(ancestor))
    }

    /// The class's own name, without the module.
    pub fn class_name(&self) -> &str {
        let name = self.type_name.as_str();
        name.rsplit_once('.').map_or(name, |(_, last)| last)
    }
}
