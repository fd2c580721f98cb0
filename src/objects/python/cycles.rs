//! Containers that hold one another in a circle are freed when nothing else holds them.
//!
//! What a peer gave back and something still holds is looked at again when its connection has ended: all that can be
//! reached from it by way of containers, with how often each is held by the others. What is held from elsewhere too (by a
//! handle of the application, a call that runs, a connection, an object that we cannot look into) stays, and with it
//! whatever it leads to.
//!
//! Meanwhile no other thread can go from one container to the next, since all their locks are held; a thread that has a
//! reference to one of them is seen in its count. From tuples a thread goes on without a lock, but inwards only: so the
//! counts are read once more than tuples are nested.

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

/// How many references between containers are looked at in any case; more, as far as peers have brought them there. What an
/// application keeps may be much larger, and is not gone through whenever a connection ends.
const FREE: usize = if cfg!(test) { 1 << 12 } else { 1 << 20 };
/// How many containers are known that were released.
const MAX_CANDIDATES: usize = 1 << 24;
/// So deep tuples are nested in one another; deeper ones stay.
const MAX_DEPTH: usize = 32;
/// How many references may be looked at.
struct Ledger<'a> {
    /// How many beyond those that are free.
    credit: &'a Credit,
    /// Nets that were too large when they were given back, and how much credit they need.
    left: Mutex<Vec<(Vec<Weak<Object>>, usize)>>,
}

/// How many nets are kept for later.
const MAX_LEFT: usize = 1 << 10;

static LEDGER: Ledger<'static> = Ledger { credit: &CREDIT, left: Mutex::new(Vec::new()) };

impl Ledger<'_> {
    /// Those nets of before for which there is enough credit by now.
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

    /// Leaves a net to a connection that ends later.
    fn leave(&self, net: Vec<Weak<Object>>, needed: usize) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if left.len() < MAX_LEFT {
            left.push((net, needed));
        }
    }
}

/// Containers that were given back and are held by something still.
#[derive(Default)]
pub struct CycleCandidates {
    objects: Vec<Weak<Object>>,
    /// So many are known when it is time to forget those that are gone.
    crowded: usize,
}

impl CycleCandidates {
    /// An object that a peer has given back. It is still held by the caller.
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

    /// Frees those that nothing holds but they themselves, and forgets those that are gone. It runs destructors of the
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

    /// Takes over those of another one.
    pub fn join(&mut self, other: CycleCandidates) {
        self.objects.extend(other.objects);
    }

    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

/// Why a net is not looked at.
enum TooMuch {
    /// This number of references was seen, and there are more.
    References(usize),
    /// Somebody is busy with it, or it is nested too deep.
    Busy,
}

/// What is held by a container and can hold others, and is kept alive while it is here.
enum Node {
    Object(Arc<Object>),
    /// A method that was taken from one.
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

    /// The references that need no lock.
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

/// Where data lies that holds objects.
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

/// What `Node::of` would find, by its address.
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

/// Can it lead to other containers?
fn leads_on(object: &Object) -> bool {
    let holds = || object.data().is_some_and(|data| data.holds_objects());
    List::of(object).is_some() || Dict::of(object).is_some() || fixed(object).is_some() || holds()
}

/// The container that a set, a view, a restricted view or an iterator stands for.
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
    /// None: somebody is busy with it.
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

/// Containers, and by its address where each is.
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

    /// What those hold that nothing else holds.
    fn garbage(self) -> Option<Vec<Held>> {
        let Net { nodes, places } = self;
        let mut locked = nodes.iter().map(Locked::new).collect::<Option<Vec<_>>>()?;
        // Each is held here once.
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

    /// Gives it back as a peer does, and looks as at the end of its connection.
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
        // Keys are held twice.
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

    /// A ring of lists, as a peer makes one.
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
        // What is too large now is looked at again with a connection that ends later.
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

        // Somebody is just looking at it.
        let list = List::object(Vec::new());
        append(&list, object(list.clone()));
        let (known, own) = (Arc::downgrade(&list), list.clone());
        let busy = List::of(&own).unwrap().items().lock().unwrap();
        assert!(give_back(list).upgrade().is_some());
        drop(busy);
        drop(own);
        assert!(give_back(known.upgrade().unwrap()).upgrade().is_none());
    }

    /// Threads go from one container to the next while these are looked at: nobody finds one that was emptied.
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
