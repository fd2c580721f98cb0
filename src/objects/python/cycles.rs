//! Frees containers that reference one another in a cycle and are not referenced otherwise.
//!
//! Containers that a peer has released, and that are still referenced, are examined at the end of its connection: all
//! containers reachable from them, with the number of references that each has from the others. A container that is
//! also referenced from elsewhere (a handle of the application, a running call, a connection, any other object) is
//! kept, with everything reachable from it.
//!
//! All locks of the containers are held meanwhile, so no other thread can move from one container to the next; a thread
//! that holds a reference is visible in the count. A thread can enter a tuple without a lock, but only inwards:
//! therefore the counts are read once more than tuples are nested.

use super::super::class::{BoundMethod, Object};
use super::super::job::downcast;
use super::super::restricted;
use super::credit::{CREDIT, Credit};
use super::dict::Dict;
use super::entries::Entries;
use super::list::{self, List};
use super::mappingproxy;
use super::release::{Held, let_go};
use super::set::Set;
use super::views;
use crate::sync::{MutexGuard, try_lock};
use crate::value::{Local, Reference, Value};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Number of references between containers that are examined in any case, beyond which only credit from peers counts.
/// Containers of the application can be much larger, and must not be walked at the end of each connection.
const FREE: usize = if cfg!(test) { 1 << 12 } else { 1 << 20 };
/// Maximum number of released containers that are remembered.
const MAX_CANDIDATES: usize = 1 << 24;
/// Maximum nesting of tuples; deeper ones are kept.
const MAX_DEPTH: usize = 32;
/// The number of references that may be examined.
struct Ledger<'a> {
    /// Those beyond the free ones.
    credit: &'a Credit,
    /// Graphs that were too large when they were released, each with the credit that it needs.
    left: Mutex<Vec<(Vec<Weak<Object>>, usize)>>,
}

/// Maximum number of postponed graphs.
const MAX_LEFT: usize = 1 << 10;

static LEDGER: Ledger<'static> = Ledger { credit: &CREDIT, left: Mutex::new(Vec::new()) };

impl Ledger<'_> {
    /// Returns the postponed graphs for which there is now enough credit.
    fn take_left(&self) -> Vec<Weak<Object>> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let credit = self.credit.left();
        let mut due = Vec::new();
        left.retain_mut(|(net, needed)| {
            let is_due = *needed <= credit;
            if is_due {
                due.append(net);
            }
            !is_due && net.iter().any(|object| object.strong_count() > 0)
        });
        due
    }

    /// Postpones a graph to the end of a later connection.
    fn leave(&self, net: Vec<Weak<Object>>, needed: usize) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if left.len() < MAX_LEFT {
            left.push((net, needed));
        }
    }
}

/// Released containers that are still referenced.
#[derive(Default)]
pub struct CycleCandidates {
    objects: Vec<Weak<Object>>,
    /// At this number of entries, those of freed containers are removed.
    crowded: usize,
}

impl CycleCandidates {
    /// Adds an object that a peer has released and the caller still references.
    pub fn add(&mut self, local: &Arc<dyn Local>) {
        let is_container = local.as_any().downcast_ref::<Object>().is_some_and(leads_on);
        if !is_container || Arc::strong_count(local) < 2 || self.objects.len() >= MAX_CANDIDATES {
            return;
        }
        let Some(object) = downcast::<Object>(local) else { return };
        let known = Arc::downgrade(&object);
        if self.objects.iter().rev().take(16).any(|other| other.ptr_eq(&known)) {
            return;
        }
        if self.objects.len() >= self.crowded {
            self.objects.retain(|object| object.strong_count() > 0);
            self.crowded = 2 * self.objects.len().max(32);
        }
        self.objects.push(known);
    }

    /// Frees the containers that are referenced by one another only, and forgets freed ones. Runs destructors of the
    /// application.
    pub fn collect(&mut self) {
        self.collect_with(&LEDGER);
    }

    fn collect_with(&mut self, ledger: &Ledger<'_>) {
        self.objects.append(&mut ledger.take_left());
        let objects: Vec<Arc<Object>> = self.objects.iter().filter_map(Weak::upgrade).collect();
        if !objects.is_empty() {
            match Net::reached_from(objects, ledger) {
                Ok(net) => net.garbage().into_iter().flatten().for_each(let_go),
                Err(TooMuch::References(seen)) => ledger.leave(std::mem::take(&mut self.objects), 2 * seen),
                Err(TooMuch::Busy) => {}
            }
        }
        self.objects.retain(|object| object.strong_count() > 0);
    }

    /// Takes over the candidates of another list.
    pub fn join(&mut self, other: CycleCandidates) {
        self.objects.extend(other.objects);
    }

    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

/// The reason why a graph is not examined.
enum TooMuch {
    /// It has more than this number of references.
    References(usize),
    /// A container is locked by another thread, or tuples are nested too deeply.
    Busy,
}

/// Something that a container references and that references others, kept alive meanwhile.
enum Node {
    Object(Arc<Object>),
    /// A bound method of an object.
    Method(Arc<BoundMethod>),
    Data(Value),
}

impl Node {
    fn of(value: &Value) -> Option<(usize, Node)> {
        match value {
            Value::Ref(Reference::Local(local)) => {
                let address = Arc::as_ptr(local) as *const () as usize;
                if let Some(method) = downcast::<BoundMethod>(local) {
                    return leads_on(&method.object).then_some((address, Node::Method(method)));
                }
                let object = downcast::<Object>(local).filter(|object| leads_on(object))?;
                Some((address, Node::Object(object)))
            }
            data => address(data).map(|address| (address, Node::Data(data.clone()))),
        }
    }

    fn strong(&self) -> usize {
        match self {
            Node::Object(object) => Arc::strong_count(object),
            Node::Method(method) => Arc::strong_count(method),
            Node::Data(Value::Tuple(items) | Value::List(items) | Value::FrozenSet(items)) => {
                Arc::strong_count(items.shared())
            }
            Node::Data(Value::Dict(entries)) => Arc::strong_count(entries.shared()),
            Node::Data(Value::Slice(parts)) => Arc::strong_count(parts.shared()),
            Node::Data(_) => 0,
        }
    }

    /// Visits the references that need no lock.
    fn each_fixed(&self, mut see: impl FnMut(&Value)) {
        match self {
            Node::Method(method) => see(&Value::Ref(Reference::Local(method.object.clone()))),
            Node::Object(object) => {
                fixed(object).into_iter().for_each(|held| see(&Value::Ref(Reference::Local(held))));
                object.data().iter().for_each(see);
            }
            Node::Data(Value::Tuple(items) | Value::List(items) | Value::FrozenSet(items)) => {
                items.iter().for_each(see)
            }
            Node::Data(Value::Dict(entries)) => entries.iter().for_each(|(key, value)| {
                see(key);
                see(value);
            }),
            Node::Data(Value::Slice(parts)) => parts.iter().for_each(see),
            Node::Data(_) => {}
        }
    }
}

/// The address of data that contains objects.
fn address(data: &Value) -> Option<usize> {
    if !data.holds_objects() {
        return None;
    }
    match data {
        Value::Tuple(items) | Value::List(items) | Value::FrozenSet(items) => {
            Some(Arc::as_ptr(items.shared()) as *const () as usize)
        }
        Value::Dict(entries) => Some(Arc::as_ptr(entries.shared()) as *const () as usize),
        Value::Slice(parts) => Some(Arc::as_ptr(parts.shared()) as usize),
        _ => None,
    }
}

/// The address of the node that `Node::of` would return.
fn target(value: &Value) -> Option<usize> {
    match value {
        Value::Ref(Reference::Local(local)) => {
            let any = local.as_any();
            let object = match any.downcast_ref::<BoundMethod>() {
                Some(method) => &*method.object,
                None => any.downcast_ref::<Object>()?,
            };
            leads_on(object).then_some(Arc::as_ptr(local) as *const () as usize)
        }
        data => address(data),
    }
}

/// Returns whether it can reference other containers.
fn leads_on(object: &Object) -> bool {
    let holds = || object.data().is_some_and(|data| data.holds_objects());
    List::of(object).is_some() || Dict::of(object).is_some() || fixed(object).is_some() || holds()
}

/// Returns the container of a set, view, restricted view or iterator.
fn fixed(object: &Object) -> Option<Arc<Object>> {
    let set = || object.state().downcast_ref::<Set>().map(Set::held);
    let own =
        || set().or_else(|| views::held(object)).or_else(|| list::held(object)).or_else(|| mappingproxy::held(object));
    own().cloned().or_else(|| restricted::held(object))
}

enum Locked<'a> {
    Items(MutexGuard<'a, Vec<Value>>),
    Entries(MutexGuard<'a, Entries>),
    Nothing,
}

impl<'a> Locked<'a> {
    /// None: another thread holds the lock.
    fn new(node: &'a Node) -> Option<Locked<'a>> {
        let Node::Object(object) = node else { return Some(Locked::Nothing) };
        if let Some(list) = List::of(object) {
            return try_lock(list.items()).map(Locked::Items);
        }
        match Dict::of(object) {
            Some(dict) => try_lock(dict.entries()).map(Locked::Entries),
            None => Some(Locked::Nothing),
        }
    }

    fn each(&self, see: impl FnMut(&Value)) {
        match self {
            Locked::Items(items) => items.iter().for_each(see),
            Locked::Entries(entries) => entries.held().for_each(see),
            Locked::Nothing => {}
        }
    }

    fn take(&mut self) -> Option<Held> {
        match self {
            Locked::Items(items) => Some(Held::Items { _items: std::mem::take(items) }),
            Locked::Entries(entries) => Some(Held::Entries { _entries: std::mem::take(entries) }),
            Locked::Nothing => None,
        }
    }
}

/// Containers, and the index of each by address.
#[derive(Default)]
struct Net {
    nodes: Vec<Node>,
    places: HashMap<usize, usize>,
}

impl Net {
    fn add(&mut self, address: usize, node: Node) {
        if let std::collections::hash_map::Entry::Vacant(place) = self.places.entry(address) {
            place.insert(self.nodes.len());
            self.nodes.push(node);
        }
    }

    fn reached_from(objects: Vec<Arc<Object>>, ledger: &Ledger<'_>) -> Result<Net, TooMuch> {
        let mut net = Net::default();
        objects.into_iter().for_each(|object| net.add(Arc::as_ptr(&object) as usize, Node::Object(object)));
        let (mut at, mut seen, mut paid) = (0, 0, FREE);
        while let Some(node) = net.nodes.get(at) {
            let mut next = Vec::new();
            let mut see = |value: &Value| {
                seen += 1;
                next.extend(Node::of(value));
            };
            node.each_fixed(&mut see);
            Locked::new(node).ok_or(TooMuch::Busy)?.each(see);
            let shallow = |node: &Node| match node {
                Node::Data(data) => data.depth_at_most(MAX_DEPTH),
                Node::Object(_) | Node::Method(_) => true,
            };
            if seen > paid {
                let more = (seen - paid).max(FREE);
                if !ledger.credit.spend(more) {
                    return Err(TooMuch::References(seen));
                }
                paid += more;
            }
            if !next.iter().all(|(_, node)| shallow(node)) {
                return Err(TooMuch::Busy);
            }
            next.into_iter().for_each(|(address, node)| net.add(address, node));
            at += 1;
        }
        Ok(net)
    }

    /// Returns the contents of the containers that nothing else references.
    fn garbage(self) -> Option<Vec<Held>> {
        let Net { nodes, places } = self;
        let mut locked = nodes.iter().map(Locked::new).collect::<Option<Vec<_>>>()?;
        // This list references each once.
        let mut known = vec![1; nodes.len()];
        let mut next = vec![Vec::new(); nodes.len()];
        for (at, (node, locked)) in nodes.iter().zip(&locked).enumerate() {
            let mut see = |value: &Value| {
                if let Some(to) = target(value).and_then(|address| places.get(&address)) {
                    known[*to] += 1;
                    next[at].push(*to);
                }
            };
            node.each_fixed(&mut see);
            locked.each(see);
        }
        let mut live = vec![false; nodes.len()];
        for _ in 0..=MAX_DEPTH {
            for (at, node) in nodes.iter().enumerate() {
                live[at] |= node.strong() > known[at];
            }
        }
        let mut left: Vec<usize> = (0..nodes.len()).filter(|at| live[*at]).collect();
        while let Some(at) = left.pop() {
            for to in std::mem::take(&mut next[at]) {
                if !std::mem::replace(&mut live[to], true) {
                    left.push(to);
                }
            }
        }
        let dead = locked.iter_mut().zip(&live).filter(|(_, live)| !**live);
        let held = dead.filter_map(|(locked, _)| locked.take()).collect();
        drop(locked);
        Some(held)
    }
}

#[cfg(test)]
mod tests {
    use super::super::object;
    use super::super::views::{Part, iterator, view};
    use super::*;

    /// Releases an object as a peer does, and collects as at the end of its connection.
    fn give_back(object: Arc<Object>) -> Weak<Object> {
        give_back_with(object, &LEDGER)
    }

    fn give_back_with(object: Arc<Object>, ledger: &Ledger<'_>) -> Weak<Object> {
        let known = Arc::downgrade(&object);
        let mut cycle_candidates = CycleCandidates::default();
        let local: Arc<dyn Local> = object;
        cycle_candidates.add(&local);
        drop(local);
        cycle_candidates.collect_with(ledger);
        known
    }

    fn append(list: &Arc<Object>, value: Value) {
        List::of(list).unwrap().append(value);
    }

    fn set(dict: &Arc<Object>, key: Value, value: Value) {
        Dict::of(dict).unwrap().set(key, value).unwrap();
    }

    #[test]
    fn circles_are_freed() {
        let own = List::object(Vec::new());
        append(&own, object(own.clone()));
        append(&own, object(own.clone()));
        assert!(give_back(own).upgrade().is_none());

        let (list, dict) = (List::object(Vec::new()), Dict::empty());
        let pair = Value::tuple(vec![Value::Int(1), Value::tuple(vec![object(dict.clone())])]);
        append(&list, pair.clone());
        append(&list, pair);
        set(&dict, Value::str("list"), object(list.clone()));
        // The table references each key twice.
        set(&dict, Value::tuple(vec![view(&dict, Part::Values)]), iterator(&dict, Part::Keys));
        let other = Arc::downgrade(&dict);
        drop(dict);
        let member = list.class().find("append").cloned().unwrap();
        append(&list, Value::Ref(Reference::Local(Arc::new(BoundMethod::new(list.clone(), member)))));
        let names = std::collections::BTreeSet::new();
        let this = Reference::Local(list.clone());
        let items: Arc<[Value]> = vec![Value::Int(1), object(list.clone())].into();
        append(&list, Value::Ref(Reference::Local(super::super::list(items.into()))));
        append(&list, Value::Ref(restricted::restricted(this, names.clone(), names)));
        assert!(give_back(list).upgrade().is_none() && other.upgrade().is_none());
    }

    /// A ring of lists, as a peer can make one.
    fn ring(length: usize) -> (Arc<Object>, Weak<Object>) {
        let first = List::object(Vec::new());
        let mut last = first.clone();
        for _ in 1..length {
            let next = List::object(Vec::new());
            append(&last, object(next.clone()));
            last = next;
        }
        append(&last, object(first.clone()));
        let known = Arc::downgrade(&last);
        (first, known)
    }

    #[test]
    fn large_nets_are_freed_when_peers_have_made_as_much() {
        let credit = Credit::default();
        let ledger = Ledger { credit: &credit, left: Mutex::default() };
        let give_back = |object| give_back_with(object, &ledger);
        let (small, _) = ring(FREE - 1);
        assert!(give_back(small).upgrade().is_none());
        let (large, inside) = ring(3 * FREE);
        let known = give_back(large);
        assert!(known.upgrade().is_some());
        // A graph that is too large now is examined at the end of a later connection.
        credit.give(4 * FREE);
        let own = List::object(Vec::new());
        append(&own, object(own.clone()));
        assert!(give_back(own).upgrade().is_none());
        assert!(known.upgrade().is_none() && inside.upgrade().is_none());
        credit.give(FREE);
        let (large, _) = ring(4 * FREE);
        assert!(give_back(large).upgrade().is_none());
    }

    #[test]
    fn what_is_held_from_outside_stays_as_it_is() {
        let (a, b) = (List::object(Vec::new()), List::object(Vec::new()));
        append(&a, object(b.clone()));
        append(&b, object(a.clone()));
        let known = give_back(a);
        assert_eq!((List::of(&b).unwrap().count(), known.upgrade().is_some()), (1, true));
        assert!(give_back(b).upgrade().is_none() && known.upgrade().is_none());

        let list = List::object(Vec::new());
        let tuple = Value::tuple(vec![Value::tuple(vec![object(list.clone())])]);
        append(&list, tuple.clone());
        let known = give_back(list);
        assert_eq!(List::of(&known.upgrade().unwrap()).unwrap().count(), 1);
        let list = known.upgrade().unwrap();
        drop(tuple);
        assert!(give_back(list).upgrade().is_none());

        // Another thread holds its lock.
        let list = List::object(Vec::new());
        append(&list, object(list.clone()));
        let (known, own) = (Arc::downgrade(&list), list.clone());
        let busy = List::of(&own).unwrap().items().lock().unwrap();
        assert!(give_back(list).upgrade().is_some());
        drop(busy);
        drop(own);
        assert!(give_back(known.upgrade().unwrap()).upgrade().is_none());
    }

    /// Threads move from container to container meanwhile; none finds one emptied.
    #[test]
    fn nobody_loses_what_he_has() {
        for round in 0..100 {
            let (first, second) = (List::object(Vec::new()), Dict::empty());
            append(&first, Value::tuple(vec![Value::tuple(vec![object(second.clone())])]));
            set(&second, Value::Int(1), object(first.clone()));
            let walking = first.clone();
            drop(second);
            let walker = std::thread::spawn(move || {
                let mut at = walking;
                for _ in 0..100 + round {
                    let next = match List::of(&at) {
                        Some(list) => match list.get(0) {
                            Some(Value::Tuple(outer)) => match &outer[0] {
                                Value::Tuple(inner) => inner[0].clone(),
                                other => panic!("{other:?}"),
                            },
                            other => panic!("emptied: {other:?}"),
                        },
                        None => Dict::of(&at).unwrap().get(&Value::Int(1)).unwrap().expect("emptied"),
                    };
                    let Value::Ref(Reference::Local(local)) = next else { panic!("no object") };
                    at = downcast::<Object>(&local).unwrap();
                }
                at
            });
            let known = give_back(first);
            let last = walker.join().unwrap();
            drop(known);
            assert!(give_back(last).upgrade().is_none());
        }
    }
}
