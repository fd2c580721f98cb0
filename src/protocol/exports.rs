//! Implements the export table: the objects exported to the peer, by their id, with counts.

use super::call_cache::CallCache;
use crate::budget::{Account, Steps};
use crate::codec::brine::{self, tag};
use crate::error::{Error, Exception, Result};
use crate::value::{Local, Value};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// There may be a million entries, so nothing is stored that follows from the object.
struct Export {
    object: Arc<dyn Local>,
    /// The number of times that the peer has received it and not yet released it.
    count: u64,
}

/// By the objects' ids, which are unique in the process; for a class it is the class id (its instance id is 0). Only
/// objects that were exported on this connection are found.
#[derive(Default)]
pub struct Exports {
    by_id: HashMap<u64, Export, RandomState>,
    /// The id_pack of the last exported object: a callback is often exported again and again.
    last: (u64, Vec<u8>),
    /// The charge for the entries.
    paid: Steps,
    /// Objects whose last reference was released; their destructors must not run under a lock.
    dropped: Vec<Arc<dyn Local>>,
    /// The methods that were called last.
    pub call_cache: CallCache,
    /// Releases of more references than were exported.
    pub overdrawn: u64,
}

/// An id_pack as encoded in a message.
pub struct IdPack<'a> {
    pub name: &'a [u8],
    /// None for an integer that cannot be an id of this side.
    pub class_id: Option<u64>,
    pub instance_id: Option<u64>,
}

/// Converts digits to their number. The result for anything else has no meaning.
#[inline]
fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |n: u64, digit| n.wrapping_mul(10).wrapping_add(u64::from(digit.wrapping_sub(b'0'))))
}

/// Makes the id_pack of an object of this side. It is the same on every connection.
pub fn id_pack(object: &Arc<dyn Local>) -> Box<[u8]> {
    let mut id_pack = Vec::new();
    put_id_pack(&mut id_pack, &**object);
    id_pack.into()
}

fn put_id_pack(out: &mut Vec<u8>, object: &dyn Local) {
    let is_class = object.instances().is_some();
    let name = object.instances().unwrap_or(object.shape()).type_name.as_bytes();
    // The longest name with a short length, and two ids of 18 digits.
    out.reserve_exact(name.len() + 48);
    brine::put_tuple_header(out, 3);
    brine::put_str(out, name);
    brine::put_int(out, object.class_id() as i64);
    brine::put_int(out, if is_class { 0 } else { object.id() as i64 });
}

/// Returns whether the bytes are an id as encoded in an id_pack: a tag, the number of digits, and the digits.
fn is_id(bytes: &[u8]) -> bool {
    matches!(bytes, [tag::INT_L1, 18, b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit))
}

/// Memory charged for an exported object: its entry, and itself if it is a method.
const EACH: usize = 320;

impl Exports {
    pub fn charged_to(account: &Account) -> Exports {
        Exports { paid: Steps::new(account, EACH), ..Exports::default() }
    }

    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Exports an object once more. Returns the id_pack to send and the key for `unlend`.
    pub fn lend(&mut self, object: &Arc<dyn Local>, limit: usize) -> Result<(u64, &[u8])> {
        let (id, known) = (object.id(), self.by_id.len());
        match self.by_id.entry(id) {
            Entry::Occupied(mut export) => export.get_mut().count += 1,
            Entry::Vacant(_) if known >= limit => {
                return Err(Error::Limit(format!("the peer holds {limit} exported objects (max_exports)")));
            }
            Entry::Vacant(_) if !self.paid.may_add(known) => {
                return Err(Error::Memory(format!("no memory for more than {known} objects that the peer holds")));
            }
            Entry::Vacant(place) => drop(place.insert(Export { object: object.clone(), count: 1 })),
        }
        let (last, id_pack) = &mut self.last;
        if *last != id || id_pack.is_empty() {
            id_pack.clear();
            put_id_pack(id_pack, &**object);
            *last = id;
        }
        Ok((id, id_pack))
    }

    /// Undoes the count of `lend` for a message that was not sent.
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
                // Another peer's object may have a new class id when it is exported again.
                if export.object.stands_for().is_some() {
                    self.last.1.clear();
                }
                self.paid.left(self.by_id.len());
                self.call_cache.forget(&export.object);
                self.dropped.push(export.object);
            }
        }
    }

    /// Releases `count` references of the peer. A count that is too high removes the entry.
    pub fn release_object(&mut self, object: &Arc<dyn Local>, count: u64) {
        self.release_id(object.id(), count);
    }

    /// Finds the object whose id_pack, exactly as it was sent, is at the beginning of the bytes, and its length. None
    /// if it is not exported, or encoded otherwise.
    #[inline]
    pub fn find_sent(&self, bytes: &[u8]) -> Option<(&Arc<dyn Local>, usize)> {
        let [tag::TUPLE_3, tag::STR, tag::BYTES_L1, name, ..] = bytes else { return None };
        // Tags and length of the name; tag, length and digits of the class id.
        let class_at = 4 + usize::from(*name);
        let instance_at = class_at + 20;
        let (digits_at, end) = match *bytes.get(instance_at)? {
            tag::INT_0 => (class_at + 2, instance_at + 1),
            _ => (instance_at + 2, instance_at + 20),
        };
        let id = |at| bytes.get(at..at + 20).filter(|id| is_id(id)).and_then(|id| id.get(2..)).map(number);
        let object = &self.by_id.get(&number(bytes.get(digits_at..digits_at + 18)?))?.object;
        let is_class = end == instance_at + 1;
        let shape = if is_class { object.instances()? } else { object.shape() };
        let known = shape.type_name.as_bytes() == bytes.get(4..class_at)?
            && id(class_at)? == object.class_id()
            && (is_class || object.instances().is_none() && id(instance_at).is_some());
        known.then_some((object, end))
    }

    #[inline]
    pub fn find(&self, pack: &IdPack<'_>) -> Option<&Arc<dyn Local>> {
        let (class_id, instance_id) = (pack.class_id?, pack.instance_id?);
        let export = self.by_id.get(if instance_id == 0 { &class_id } else { &instance_id })?;
        let object = &export.object;
        let instances = object.instances();
        let known = object.class_id() == class_id
            && instances.is_some() == (instance_id == 0)
            && instances.unwrap_or(object.shape()).type_name.as_bytes() == pack.name;
        known.then_some(object)
    }

    /// Frees unused memory.
    pub fn give_back(&mut self) {
        self.by_id.shrink_to(2 * self.by_id.len());
        self.last = Default::default();
    }

    /// Takes the objects to be dropped without a lock.
    pub fn take_dropped(&mut self) -> Vec<Arc<dyn Local>> {
        std::mem::take(&mut self.dropped)
    }

    pub fn has_dropped(&self) -> bool {
        !self.dropped.is_empty()
    }

    /// Releases everything, at the end of the connection.
    pub fn clear(&mut self) {
        self.call_cache.clear();
        self.dropped.extend(self.by_id.drain().map(|(_, export)| export.object));
        self.paid.left(0);
    }
}

/// Makes Python's KeyError with the id_pack, for an object that is not exported.
pub fn unknown_object(pack: Value) -> Exception {
    Exception::with_args("builtins", "KeyError", vec![pack])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Id;
    use crate::value::{Shape, Text};

    struct Thing(Arc<Shape>, Id);

    impl Local for Thing {
        fn shape(&self) -> &Arc<Shape> {
            &self.0
        }

        fn id(&self) -> u64 {
            self.1.get()
        }
    }

    fn shape() -> Arc<Shape> {
        Arc::new(Shape::new(Text::new("test.Thing"), Vec::new(), Vec::new()))
    }

    fn thing(shape: &Arc<Shape>) -> Arc<dyn Local> {
        Arc::new(Thing(shape.clone(), Id::new()))
    }

    fn lend(exports: &mut Exports, object: &Arc<dyn Local>) -> (u64, Vec<u8>) {
        exports.lend(object, 10).map(|(id, pack)| (id, pack.to_vec())).unwrap()
    }

    #[test]
    fn an_object_has_one_id_pack_on_all_connections_and_for_ever() {
        let mut connections = [Exports::default(), Exports::default()];
        let object = thing(&shape());
        let (id, pack) = lend(&mut connections[0], &object);
        assert_eq!(lend(&mut connections[1], &object), (id, pack.clone()));
        connections[0].unlend(id);
        assert_eq!((connections[0].len(), connections[1].len()), (0, 1));
        assert_eq!(lend(&mut connections[0], &object), (id, pack));
    }

    #[test]
    fn objects_of_one_class_share_its_id_on_all_connections_and_no_other() {
        let mut connections = [Exports::default(), Exports::default()];
        let (one, other) = (shape(), shape());
        let packs = [(0, &one), (1, &one), (0, &other)].map(|(at, shape)| lend(&mut connections[at], &thing(shape)).1);
        // A pair of tags, the name and the class id: all except the last 20 bytes, which are those of the instance.
        let classes = packs.each_ref().map(|pack| pack.get(..pack.len() - 20).unwrap());
        assert_eq!(classes[0], classes[1]);
        assert_ne!(classes[0], classes[2]);
        assert_ne!(packs[0], packs[1]);
    }

    #[test]
    fn a_million_take_little_each() {
        assert!(size_of::<(u64, Export)>() <= 32 && size_of::<crate::value::Proxy>() <= 40);
    }

    #[test]
    fn only_what_was_sent_is_found_by_its_bytes() {
        let mut exports = Exports::default();
        let object = thing(&shape());
        let sent = exports.lend(&object, 1).unwrap().1.to_vec();
        assert_eq!(exports.lend(&object, 1).unwrap().1, &*sent);
        assert_eq!(&*id_pack(&object), &*sent);
        let longer = [&sent[..], b"x"].concat();
        assert!(exports.find_sent(&longer).is_some_and(|(_, length)| length == sent.len()));
        for at in 0..sent.len() {
            for byte in [0, b'/', b'0', b'9', b':', b'J', sent[at] ^ 0x40, sent[at].wrapping_add(10)] {
                let mut other = sent.clone();
                other[at] = byte;
                assert_eq!(exports.find_sent(&other).is_some(), other == sent, "{at} {byte}");
            }
            assert!(exports.find_sent(&sent[..at]).is_none());
        }
    }

    #[test]
    fn what_was_lent_on_another_connection_is_not_found() {
        let mut connections = [Exports::default(), Exports::default()];
        let object = thing(&shape());
        let (id, _) = lend(&mut connections[0], &object);
        let class_id = Some(object.class_id());
        let pack = IdPack { name: b"test.Thing", class_id, instance_id: Some(id) };
        assert!(connections[0].find(&pack).is_some());
        assert!(connections[1].find(&pack).is_none());
        let next = IdPack { instance_id: Some(id + 1), ..pack };
        assert!(connections[0].find(&next).is_none());
    }
}
