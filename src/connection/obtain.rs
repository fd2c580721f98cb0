//! Copies objects that are plain data: lists, dicts, tuples, sets and times, with their contents.
//!
//! The objects of one level of nesting are requested together, in one burst, then those that they contain. The owner
//! needs to allow only what every RPyC server allows: iteration in chunks, and items by key.

mod arrays;
mod times;

use super::asking::{ask_later_judged, shared_of};
use super::shared::Shared;
use crate::codec::pickle::{self, PickleError};
use crate::config::Limits;
use crate::error::{Error, Result};
use crate::log::{self, Level};
use crate::objects::{Promise, plain, time_limit};
use crate::sync::{Mutex, lock};
use crate::value::{Ask, Bounds, Graph, GraphError, Kind, Piece, Reference, Shaped, Value, Weight};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Maximum number of items of a container in one reply: native peers send no more.
const MOST_ITEMS: usize = 1 << 20;
/// Maximum number of requests in one burst.
const BURST: usize = 1 << 14;

impl From<GraphError> for Error {
    fn from(error: GraphError) -> Error {
        let text = format!("the object cannot be copied: {error}");
        match error {
            GraphError::TooDeep(_) | GraphError::TooManyItems(_) | GraphError::TooManyBytes(_) => Error::Limit(text),
            _ => Error::Type(text),
        }
    }
}

/// Copies an object into a value.
pub fn obtain(object: &Reference, bounds: &Bounds) -> Result<Value> {
    obtain_value(Value::Ref(object.clone()), bounds)
}

/// Copies all objects in a value.
pub fn obtain_value(value: Value, bounds: &Bounds) -> Result<Value> {
    let (graph, root) = gathered(value, bounds)?;
    Ok(graph.build(root, bounds)?)
}

/// Copies the contents of a value; shared objects stay shared.
fn gathered(value: Value, bounds: &Bounds) -> Result<(Graph, Piece)> {
    let mut copy = Obtaining::new(bounds);
    copy.arrays(std::iter::once(&value))?;
    copy.times(std::iter::once(&value))?;
    let root = copy.admit(value)?;
    let mut depth = 0;
    while !copy.waiting.is_empty() {
        depth += 1;
        if depth > bounds.depth {
            return Err(GraphError::TooDeep(bounds.depth).into());
        }
        copy.level()?;
    }
    copy.log(depth);
    Ok((copy.graph, root))
}

/// Pickles a value. Objects in it that are plain data are copied first, shared ones once.
pub fn pickled(value: Value, protocol: u8, limits: &Limits) -> Result<Vec<u8>> {
    match pickle::write(&value, protocol, limits.bytes) {
        Err(PickleError::NotPlain(_)) => {
            let bounds = Bounds { depth: limits.depth, items: limits.items, bytes: limits.bytes };
            let (graph, root) = gathered(value, &bounds)?;
            Ok(pickle::write_graph(&graph, &root, protocol, limits.bytes)?)
        }
        written => Ok(written?),
    }
}

/// Copies an array of numbers, which can have several dimensions.
pub fn obtain_array(object: &Reference, bounds: &Bounds) -> Result<Shaped> {
    let mut copy = Obtaining::new(bounds);
    let array = copy.array(object)?;
    copy.log(1);
    Ok(array)
}

/// A container whose items are still to be requested.
struct Waiting {
    object: Reference,
    node: usize,
    kind: Kind,
}

/// The total of what replies may bring.
struct Budget {
    bounds: Bounds,
    taken: Mutex<Weight>,
}

impl Budget {
    /// The keys of a dict may come twice, and each of its entries as a pair, so twice the bounds always suffices.
    fn take(&self, value: &Value) -> Result<()> {
        let weight = Weight::of(value);
        let mut taken = lock(&self.taken);
        taken.items = taken.items.saturating_add(weight.items);
        taken.bytes = taken.bytes.saturating_add(weight.bytes);
        match self.bounds {
            Bounds { items, .. } if taken.items / 2 > items => Err(GraphError::TooManyItems(items).into()),
            Bounds { bytes, .. } if taken.bytes / 2 > bytes => Err(GraphError::TooManyBytes(bytes).into()),
            _ => Ok(()),
        }
    }
}

struct Obtaining<'a> {
    /// The connection of the first remote object.
    shared: Option<Arc<Shared>>,
    timeout: Option<Duration>,
    bounds: &'a Bounds,
    graph: Graph,
    /// The objects seen so far. Kept, so that no other object gets the address of one of them.
    known: HashMap<usize, (Reference, Piece)>,
    waiting: Vec<Waiting>,
    items: usize,
    budget: Arc<Budget>,
    /// Whether the owner allows `dict.items`. None if it was not requested yet.
    views: Option<bool>,
    /// Whether it allows public names, such as `tobytes`. None if none was requested yet.
    public: Option<bool>,
    requests: usize,
    bursts: usize,
}

fn key(object: &Reference) -> usize {
    match object {
        Reference::Local(object) => Arc::as_ptr(object) as *const () as usize,
        Reference::Remote(proxy) => Arc::as_ptr(proxy) as usize,
    }
}

/// Returns the name of an object's type, and whether it is a class itself.
fn type_of(object: &Reference) -> (&str, bool) {
    match object {
        Reference::Remote(proxy) => (&*proxy.type_name, proxy.is_class),
        Reference::Local(object) => (object.shape().type_name.as_str(), object.instances().is_some()),
    }
}

impl<'a> Obtaining<'a> {
    fn new(bounds: &'a Bounds) -> Obtaining<'a> {
        Obtaining {
            shared: None,
            timeout: None,
            bounds,
            graph: Graph::default(),
            known: HashMap::new(),
            waiting: Vec::new(),
            items: 0,
            budget: Arc::new(Budget { bounds: *bounds, taken: Mutex::default() }),
            views: None,
            public: None,
            requests: 0,
            bursts: 0,
        }
    }

    fn log(&self, depth: usize) {
        log::write(Level::Debug, || {
            let Obtaining { items, requests, bursts, .. } = self;
            format!("obtain: {items} items on {depth} levels, {requests} requests in {bursts} bursts")
        });
    }
}

impl Obtaining<'_> {
    /// Adds a received value to the copy.
    fn admit(&mut self, value: Value) -> Result<Piece> {
        let (kind, items) = match value {
            Value::Ref(object) => return self.admit_object(object),
            value if value.is_plain() || matches!(value, Value::Array(_) | Value::Temporal(_)) => {
                return Ok(Piece::Value(value));
            }
            Value::Tuple(items) => (Kind::Tuple, items.to_vec()),
            Value::List(items) => (Kind::List, items.to_vec()),
            Value::FrozenSet(items) => (Kind::FrozenSet, items.to_vec()),
            Value::Dict(entries) => {
                (Kind::Dict, entries.iter().flat_map(|(key, value)| [key.clone(), value.clone()]).collect())
            }
            other => return Err(self.refusal(other.type_name())),
        };
        // As deep as a received value can be, and no deeper.
        let children = items.into_iter().map(|item| self.admit(item)).collect::<Result<_>>()?;
        Ok(Piece::Node(self.graph.add(kind, children)))
    }

    fn refusal(&self, type_name: &str) -> Error {
        Error::Type(format!("the object cannot be copied: it contains a {type_name}, which is not plain data"))
    }

    fn admit_object(&mut self, object: Reference) -> Result<Piece> {
        if let Some((_, piece)) = self.known.get(&key(&object)) {
            return Ok(piece.clone());
        }
        let (name, is_class) = type_of(&object);
        let kind = match is_class {
            true => return Err(self.refusal("class")),
            false => plain::kind_of(name).ok_or_else(|| self.refusal(name))?,
        };
        self.meet(&object)?;
        let node = self.graph.add(kind, Vec::new());
        self.known.insert(key(&object), (object.clone(), Piece::Node(node)));
        self.waiting.push(Waiting { object, node, kind });
        Ok(Piece::Node(node))
    }

    /// Notes an object. The requests of the first object's connection are gathered into bursts.
    fn meet(&mut self, object: &Reference) -> Result<()> {
        if let (Reference::Remote(proxy), None) = (object, &self.shared) {
            let shared = shared_of(proxy)?;
            self.timeout = shared.with_protocol(|protocol| protocol.config().sync_request_timeout);
            self.shared = Some(shared);
        }
        Ok(())
    }

    /// Returns the number of items to request: one more than the bounds allow.
    fn count(&self) -> i64 {
        (self.bounds.items.saturating_sub(self.items)).saturating_add(1).min(MOST_ITEMS) as i64
    }

    /// Gets the items in a reply to BUFFITER.
    fn items_of(&mut self, answer: Value, asked: i64) -> Result<Vec<Value>> {
        let (Value::Tuple(items) | Value::List(items)) = answer else {
            return Err(Error::Malformed(format!("reply to BUFFITER: expected a tuple, got {}", answer.type_name())));
        };
        self.items = self.items.saturating_add(items.len());
        if self.items > self.bounds.items {
            return Err(GraphError::TooManyItems(self.bounds.items).into());
        }
        if items.len() as i64 >= asked {
            return Err(Error::Limit(format!(
                "the object cannot be copied: a container has {MOST_ITEMS} items or more"
            )));
        }
        Ok(items.to_vec())
    }

    /// Returns the timeout for the replies to a burst.
    fn time_left(&self) -> Result<Option<Duration>> {
        match time_limit::here() {
            None => Ok(self.timeout),
            Some(within) => within.check(|| "the next request of a copy".into()).map(|()| within.left()),
        }
    }

    /// Sends requests in bursts, and waits for all their replies.
    fn burst<'a>(&mut self, asks: impl Iterator<Item = (&'a Reference, Ask<'a>)>) -> Result<Vec<Result<Value>>> {
        let mut asks = asks.peekable();
        let mut answers = Vec::new();
        while asks.peek().is_some() {
            let timeout = self.time_left()?;
            self.bursts += 1;
            if let Some(shared) = &self.shared {
                shared.cork()?;
            }
            // Each reply is charged on arrival, in any order, so an oversized one is not kept until its turn.
            let later = |(object, ask)| {
                let budget = self.budget.clone();
                ask_later_judged(object, ask, timeout, move |value| budget.take(value))
            };
            let sent: Result<Vec<Promise>> = asks.by_ref().take(BURST).map(later).collect();
            if let Some(shared) = &self.shared {
                shared.uncork()?;
            }
            let sent = sent?;
            self.requests += sent.len();
            for result in sent {
                match result.value() {
                    // The caller handles exceptions of the owner; any other error ends the copy.
                    answer @ (Ok(_) | Err(Error::Remote(_))) => answers.push(answer),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(answers)
    }

    /// Requests the items of all containers of a level.
    fn level(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        let count = self.count();
        let (views, iterate) = (self.views != Some(false), self.views != Some(true));
        let mut asks = Vec::with_capacity(waiting.len());
        for one in &waiting {
            if one.kind == Kind::Dict && views {
                asks.push((&one.object, Ask::CallAttr { name: "items", args: &[], keywords: &[] }));
            }
            if one.kind != Kind::Dict || iterate {
                asks.push((&one.object, Ask::BuffIter(count)));
            }
        }
        let mut answers = self.burst(asks.into_iter())?.into_iter();
        let mut answer = || answers.next().unwrap_or_else(|| Err(Error::State("a reply is missing".into())));
        // Dicts with their views or, if those are denied, with their keys.
        let (mut dicts, mut filled) = (Vec::new(), Vec::new());
        for one in &waiting {
            if one.kind != Kind::Dict {
                let items = self.items_of(answer()?, count)?;
                filled.push((one.node, items));
                continue;
            }
            let view = if views { Some(answer()) } else { None };
            let keys = if iterate { Some(answer()) } else { None };
            match (view, keys) {
                (Some(Ok(view)), _) => {
                    self.views = Some(true);
                    dicts.push((one, Ok(view)));
                }
                (_, Some(keys)) => {
                    self.views = Some(false);
                    let keys = keys?;
                    dicts.push((one, Err(self.items_of(keys, count)?)));
                }
                (Some(Err(error)), None) => return Err(error),
                (None, None) => {}
            }
        }
        self.fill(filled)?;
        self.entries(dicts)
    }

    /// Sends the second burst of a level: the entries of its dicts.
    fn entries(&mut self, dicts: Vec<(&Waiting, Result<Value, Vec<Value>>)>) -> Result<()> {
        let count = self.count();
        let mut asks = Vec::new();
        for (one, entries) in &dicts {
            match entries {
                Ok(Value::Ref(view)) => asks.push((view, Ask::BuffIter(count))),
                Ok(_) => {}
                Err(keys) => asks.extend(keys.iter().map(|key| {
                    let args = std::slice::from_ref(key);
                    (&one.object, Ask::CallAttr { name: "__getitem__", args, keywords: &[] })
                })),
            }
        }
        let mut answers = self.burst(asks.into_iter())?.into_iter();
        let mut answer = || answers.next().unwrap_or_else(|| Err(Error::State("a reply is missing".into())));
        let mut filled = Vec::new();
        for (one, entries) in &dicts {
            let mut flat = Vec::new();
            match entries {
                Ok(view) => {
                    let pairs = match view {
                        Value::Ref(_) => answer()?,
                        pairs => pairs.clone(),
                    };
                    for pair in self.items_of(pairs, count)? {
                        match pair {
                            Value::Tuple(pair) if pair.len() == 2 => flat.extend(pair.iter().cloned()),
                            other => {
                                return Err(Error::Type(format!("an item of dict.items() is a {}", other.type_name())));
                            }
                        }
                    }
                }
                Err(keys) => {
                    for key in keys {
                        flat.extend([key.clone(), answer()?]);
                    }
                }
            }
            filled.push((one.node, flat));
        }
        self.fill(filled)
    }

    /// Fills containers with their items. Arrays and numpy numbers among the items are copied together.
    fn fill(&mut self, filled: Vec<(usize, Vec<Value>)>) -> Result<()> {
        self.arrays(filled.iter().flat_map(|(_, items)| items))?;
        self.times(filled.iter().flat_map(|(_, items)| items))?;
        for (node, items) in filled {
            let pieces = items.into_iter().map(|item| self.admit(item)).collect::<Result<Vec<_>>>()?;
            if let Some(children) = self.graph.children(node) {
                *children = pieces;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Array, Element};

    const BOUNDS: Bounds = Bounds { depth: 10, items: 10, bytes: 100 };

    #[test]
    fn arrays_by_value_are_plain_data() {
        let array = Array::copy(Element::I16, &[1, 0, 2, 0]).unwrap();
        let value = Value::tuple(vec![Value::Array(array), Value::Int(1)]);
        assert!(obtain_value(value.clone(), &BOUNDS).unwrap().py_eq(&value));
    }

    #[test]
    fn answers_are_refused_once_they_weigh_twice_the_bounds() {
        let budget = Budget { bounds: BOUNDS, taken: Mutex::default() };
        let bytes = |n: usize| Value::Bytes(vec![0; n].into());
        budget.take(&Value::tuple(vec![bytes(100), Value::tuple(vec![bytes(101)])])).unwrap();
        assert!(matches!(budget.take(&bytes(1)), Err(Error::Limit(_))));
        let budget = Budget { bounds: BOUNDS, taken: Mutex::default() };
        budget.take(&Value::tuple(vec![Value::None; 10])).unwrap();
        let nested = Value::tuple(vec![Value::tuple(vec![Value::None; 11])]);
        assert!(matches!(budget.take(&nested), Err(Error::Limit(_))));
    }

    #[test]
    fn a_refused_answer_is_an_error() {
        let judged = |judge: fn(&Value) -> Result<()>| {
            let result = Promise::local(String::new());
            result.judged_by(Box::new(judge));
            result.keep(Ok(Value::str("much")));
            result.value()
        };
        assert!(judged(|_| Ok(())).is_ok());
        assert!(matches!(judged(|_| Err(GraphError::TooManyBytes(1).into())), Err(Error::Limit(_))));
    }
}
