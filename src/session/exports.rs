//! What we lent to the peer: objects by their id, counted.

use super::recent::Recent;
use crate::codec::brine;
use crate::error::{Error, Exception, Result};
use crate::value::{Local, Shape, Value};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

struct Export {
    object: Arc<dyn Local>,
    /// How often the peer has received it and not yet released it.
    count: u64,
    class_id: u64,
    is_class: bool,
    id_pack: Box<[u8]>,
}

/// Ids are counted per connection, never an address and never used again. A class is known by its class
/// id (its instance id is 0), which it keeps for the whole life of the connection.
#[derive(Default)]
pub struct Exports {
    by_id: HashMap<u64, Export, RandomState>,
    by_key: HashMap<usize, u64, RandomState>,
    /// A class keeps its id as long as it exists. A place is not used again while it is known here.
    classes: HashMap<usize, (Weak<Shape>, u64), RandomState>,
    /// So many classes are known when it is time to forget those that are gone.
    crowded: usize,
    last_id: u64,
    /// Objects whose last reference went; their destructors must not run under a lock.
    dropped: Vec<Arc<dyn Local>>,
    /// Methods that were called last.
    pub recent: Recent,
    /// Releases that named more than had been lent.
    pub overdrawn: u64,
}

/// What makes an object the same one: where it lives; of a class, where its instances' shape lives.
fn key(object: &Arc<dyn Local>) -> usize {
    match object.instances() {
        None => Arc::as_ptr(object) as *const () as usize,
        Some(shape) => Arc::as_ptr(shape) as usize,
    }
}

/// An id_pack as it stands in a message.
pub struct IdPack<'a> {
    pub name: &'a [u8],
    /// None: an integer that cannot be one of ours.
    pub class_id: Option<u64>,
    pub instance_id: Option<u64>,
}

impl Exports {
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn class_id(&mut self, shape: &Arc<Shape>) -> u64 {
        let key = Arc::as_ptr(shape) as usize;
        if let Some((_, id)) = self.classes.get(&key) {
            return *id;
        }
        if self.classes.len() >= self.crowded {
            self.classes.retain(|_, (shape, _)| shape.strong_count() > 0);
            self.crowded = 2 * self.classes.len().max(32);
        }
        let id = self.new_id();
        self.classes.insert(key, (Arc::downgrade(shape), id));
        id
    }

    /// Lends an object once more; gives the id_pack to send and the key to take it back with `unlend`.
    pub fn lend(&mut self, object: &Arc<dyn Local>, limit: usize) -> Result<(u64, &[u8])> {
        let id = match self.by_key.get(&key(object)) {
            Some(id) => *id,
            None => self.enter(object, limit)?,
        };
        match self.by_id.get_mut(&id) {
            Some(export) => {
                export.count += 1;
                Ok((id, &export.id_pack))
            }
            None => Err(Error::State("the export table lost an object".into())),
        }
    }

    fn enter(&mut self, object: &Arc<dyn Local>, limit: usize) -> Result<u64> {
        if self.by_id.len() >= limit {
            return Err(Error::Limit(format!("the peer holds {limit} of our objects (max_exports)")));
        }
        let is_class = object.instances().is_some();
        let shape = object.instances().unwrap_or(object.shape());
        let class_id = self.class_id(shape);
        let instance_id = if is_class { 0 } else { self.new_id() };
        let mut id_pack = Vec::with_capacity(shape.type_name.as_bytes().len() + 24);
        brine::put_tuple_header(&mut id_pack, 3);
        brine::put_str(&mut id_pack, shape.type_name.as_bytes());
        brine::put_int(&mut id_pack, class_id as i64);
        brine::put_int(&mut id_pack, instance_id as i64);
        let id = if is_class { class_id } else { instance_id };
        self.by_key.insert(key(object), id);
        let object = object.clone();
        self.by_id.insert(id, Export { object, count: 0, class_id, is_class, id_pack: id_pack.into() });
        Ok(id)
    }

    /// Takes back what `lend` counted for a message that was not sent.
    pub fn unlend(&mut self, id: u64) {
        self.release_id(id, 1);
    }

    fn release_id(&mut self, id: u64, count: u64) {
        if let Some(export) = self.by_id.get_mut(&id) {
            if export.count > count {
                export.count -= count;
                return;
            }
            if export.count < count {
                self.overdrawn += 1;
            }
            if let Some(export) = self.by_id.remove(&id) {
                self.recent.forget(&export.object);
                self.by_key.remove(&key(&export.object));
                self.dropped.push(export.object);
            }
        }
    }

    /// The peer gives back `count` of what it received. A count that is too high removes the entry and no more.
    pub fn release_object(&mut self, object: &Arc<dyn Local>, count: u64) {
        if let Some(id) = self.by_key.get(&key(object)).copied() {
            self.release_id(id, count);
        }
    }

    fn find_id(&self, pack: &IdPack<'_>) -> Option<u64> {
        let (class_id, instance_id) = (pack.class_id?, pack.instance_id?);
        let id = if instance_id == 0 { class_id } else { instance_id };
        let export = self.by_id.get(&id)?;
        let shape = if export.is_class { export.object.instances()? } else { export.object.shape() };
        let known = export.class_id == class_id
            && export.is_class == (instance_id == 0)
            && shape.type_name.as_bytes() == pack.name;
        known.then_some(id)
    }

    #[inline]
    pub fn find(&self, pack: &IdPack<'_>) -> Option<&Arc<dyn Local>> {
        self.find_id(pack).and_then(|id| self.by_id.get(&id)).map(|export| &export.object)
    }

    /// Objects to be dropped by whoever holds no lock.
    pub fn take_dropped(&mut self) -> Vec<Arc<dyn Local>> {
        std::mem::take(&mut self.dropped)
    }

    pub fn has_dropped(&self) -> bool {
        !self.dropped.is_empty()
    }

    /// The connection has ended: everything lent comes back.
    pub fn clear(&mut self) {
        self.recent.clear();
        self.by_key.clear();
        self.dropped.extend(self.by_id.drain().map(|(_, export)| export.object));
    }
}

/// KeyError with the id_pack, as Python answers for an object that it does not know.
pub fn unknown_object(pack: Value) -> Exception {
    Exception::with_args("builtins", "KeyError", vec![pack])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Text;
    use std::any::Any;

    struct Thing(Arc<Shape>);

    impl Local for Thing {
        fn as_any(&self) -> &(dyn Any + Send + Sync) {
            self
        }

        fn into_any_arc(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
            self
        }

        fn shape(&self) -> &Arc<Shape> {
            &self.0
        }
    }

    fn thing() -> Arc<dyn Local> {
        Arc::new(Thing(Arc::new(Shape::new(Text::new("test.Thing"), Vec::new(), Vec::new()))))
    }

    #[test]
    fn classes_that_are_gone_are_forgotten_and_the_others_keep_their_ids() {
        let mut exports = Exports::default();
        let kept = thing();
        let (id, pack) = exports.lend(&kept, 10).unwrap();
        let pack = pack.to_vec();
        for _ in 0..1000 {
            let object = thing();
            let (id, _) = exports.lend(&object, 10).unwrap();
            exports.unlend(id);
            drop((object, exports.take_dropped()));
        }
        assert!(exports.classes.len() < 100, "{}", exports.classes.len());
        exports.unlend(id);
        let (again, packed_again) = exports.lend(&kept, 10).unwrap();
        assert!(again > id);
        // The same class: the pack differs in the instance's id alone, which has become longer.
        assert_eq!(packed_again.get(..13), pack.get(..13));
    }
}
