//! Plain data that arrives in pieces: containers that may be shared, and refer to each other in any order.

use super::{Unhashable, Value};

/// Limits on the contents of one value, counted as if nothing in it were shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Levels of nesting: a list of numbers is one.
    pub depth: usize,
    /// Items of all containers together; a dict's entry counts as two.
    pub items: usize,
    /// Bytes of all strings, byte strings and long integers together.
    pub bytes: usize,
}

impl Bounds {
    /// The hashing work that is allowed to make a value.
    pub(crate) fn hashed(&self) -> usize {
        self.items.max(HASHED).saturating_add(self.bytes / BYTES_PER_ITEM)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Tuple,
    List,
    /// A mutable set at its origin; its value is a frozenset.
    Set,
    FrozenSet,
    /// Its children are keys and values in turn; of equal keys the last value counts.
    Dict,
}

/// A child: a value, or one of the graph's containers.
#[derive(Clone, Debug)]
pub enum Piece {
    Value(Value),
    Node(usize),
}

/// The reason why a graph cannot become a plain value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    #[error("a container contains itself, which plain data cannot")]
    Cycle,
    #[error("it is nested over {0} levels")]
    TooDeep(usize),
    #[error("it has over {0} items (those of sets and of keys once more for each level around them)")]
    TooManyItems(usize),
    #[error("its strings have over {0} bytes")]
    TooManyBytes(usize),
    #[error(transparent)]
    Unhashable(#[from] Unhashable),
    #[error("a dict has a key without a value")]
    Odd,
}

struct Node {
    kind: Kind,
    children: Vec<Piece>,
}

/// The containers, by the numbers that `add` returned.
#[derive(Default)]
pub struct Graph {
    nodes: Vec<Node>,
}

/// The hashing work that is always allowed, however small the limit on items.
const HASHED: usize = 1 << 20;
/// The number of bytes whose hashing counts as one item.
const BYTES_PER_ITEM: usize = 16;

/// The size of a value's contents.
#[derive(Clone, Copy, Default)]
pub(crate) struct Weight {
    pub(crate) depth: usize,
    pub(crate) items: usize,
    pub(crate) bytes: usize,
}

impl Weight {
    pub(crate) fn add(&mut self, child: Weight) {
        self.depth = self.depth.max(child.depth);
        self.items = self.items.saturating_add(child.items).saturating_add(1);
        self.bytes = self.bytes.saturating_add(child.bytes);
    }

    /// The work of a hash lookup of such a value: at worst all of it is hashed at each of its levels.
    pub(crate) fn work(&self) -> usize {
        (self.items.saturating_add(self.bytes / BYTES_PER_ITEM)).saturating_mul(self.depth.max(1))
    }

    pub(crate) fn check(&self, bounds: &Bounds) -> Result<(), GraphError> {
        match self {
            _ if self.depth > bounds.depth.min(Value::MAX_DEPTH) => {
                Err(GraphError::TooDeep(bounds.depth.min(Value::MAX_DEPTH)))
            }
            _ if self.items > bounds.items => Err(GraphError::TooManyItems(bounds.items)),
            _ if self.bytes > bounds.bytes => Err(GraphError::TooManyBytes(bounds.bytes)),
            _ => Ok(()),
        }
    }

    /// The depth of values was limited when they were made.
    pub(crate) fn of(value: &Value) -> Weight {
        let mut weight = Weight::default();
        let mut inside = |items: &mut dyn Iterator<Item = &Value>| {
            items.for_each(|item| weight.add(item.inside(Weight::of, Weight::of_flat)));
            weight.depth += 1;
        };
        match value {
            Value::Str(text) => weight.bytes = text.as_bytes().len(),
            Value::Bytes(bytes) => weight.bytes = bytes.len(),
            Value::Array(array) => weight.bytes = array.len().saturating_mul(array.element().size()),
            Value::BigInt(n) => weight.bytes = n.digits(),
            Value::Tuple(items) | Value::FrozenSet(items) | Value::List(items) => inside(&mut items.iter()),
            Value::Slice(parts) => inside(&mut parts.iter()),
            Value::Dict(entries) => inside(&mut entries.iter().flat_map(|(key, value)| [key, value])),
            _ => {}
        }
        weight
    }

    /// The same without recursion, for a short stack.
    #[cold]
    #[inline(never)]
    fn of_flat(value: &Value) -> Weight {
        let mut weight = Weight::default();
        for (depth, item) in value.flat() {
            weight.items = weight.items.saturating_add(usize::from(depth > 0));
            match item.is_container() {
                true => weight.depth = weight.depth.max(depth + 1),
                false => weight.bytes = weight.bytes.saturating_add(Weight::of(item).bytes),
            }
        }
        weight
    }
}

impl Graph {
    pub fn add(&mut self, kind: Kind, children: Vec<Piece>) -> usize {
        self.nodes.push(Node { kind, children });
        self.nodes.len() - 1
    }

    pub fn kind(&self, node: usize) -> Option<Kind> {
        self.nodes.get(node).map(|node| node.kind)
    }

    /// The number of containers; their numbers are below it.
    pub fn count(&self) -> usize {
        self.nodes.len()
    }

    /// The pieces of a container, in their order.
    pub fn pieces(&self, node: usize) -> &[Piece] {
        self.nodes.get(node).map_or(&[], |node| &node.children)
    }

    /// The children of a container, to add to them.
    pub fn children(&mut self, node: usize) -> Option<&mut Vec<Piece>> {
        self.nodes.get_mut(node).map(|node| &mut node.children)
    }

    /// Makes the value of `root`. The stack does not grow with its depth.
    pub fn build(mut self, root: Piece, bounds: &Bounds) -> Result<Value, GraphError> {
        let root = match root {
            Piece::Node(node) => node,
            Piece::Value(value) => {
                Weight::of(&value).check(bounds)?;
                return Ok(value);
            }
        };
        let hashed = bounds.hashed();
        let mut work = 0usize;
        let mut built: Vec<Option<(Value, Weight)>> = vec![None; self.nodes.len()];
        let mut open = vec![false; self.nodes.len()];
        // Each container on the way down, with its next child and what was counted so far.
        let mut path = vec![(root, 0usize, Weight::default())];
        if let Some(open) = open.get_mut(root) {
            *open = true;
        }
        while let Some((node, next, weight)) = path.last_mut() {
            let child = self.nodes.get(*node).and_then(|node| node.children.get(*next));
            let down = match child {
                Some(Piece::Value(value)) => {
                    weight.add(Weight::of(value));
                    None
                }
                Some(Piece::Node(child)) => match built.get(*child) {
                    Some(Some((_, inside))) => {
                        weight.add(*inside);
                        None
                    }
                    _ if open.get(*child) != Some(&false) => return Err(GraphError::Cycle),
                    _ => Some(*child),
                },
                None => {
                    let (node, mut weight) = (*node, *weight);
                    path.pop();
                    weight.depth += 1;
                    weight.check(bounds)?;
                    work = work.saturating_add(self.work(node, &built));
                    if work > hashed {
                        return Err(GraphError::TooManyItems(hashed));
                    }
                    let value = self.finish(node, &built)?;
                    if let (Some(place), Some(open)) = (built.get_mut(node), open.get_mut(node)) {
                        *place = Some((value, weight));
                        *open = false;
                    }
                    continue;
                }
            };
            match down {
                None => {
                    weight.check(bounds)?;
                    *next += 1;
                }
                Some(child) => {
                    path.push((child, 0, Weight::default()));
                    if path.len() > bounds.depth.min(Value::MAX_DEPTH) {
                        return Err(GraphError::TooDeep(bounds.depth.min(Value::MAX_DEPTH)));
                    }
                    if let Some(open) = open.get_mut(child) {
                        *open = true;
                    }
                }
            }
        }
        Ok(built.get_mut(root).and_then(Option::take).map(|(value, _)| value).unwrap_or_default())
    }

    /// The hashing work of making the container.
    fn work(&self, node: usize, built: &[Option<(Value, Weight)>]) -> usize {
        let Some(Node { kind, children }) = self.nodes.get(node) else { return 0 };
        let step = match kind {
            Kind::Set | Kind::FrozenSet => 1,
            Kind::Dict => 2,
            Kind::Tuple | Kind::List => return 0,
        };
        let mut keys = Weight::default();
        children.iter().step_by(step).for_each(|key| match key {
            Piece::Value(value) => keys.add(Weight::of(value)),
            Piece::Node(child) => {
                keys.add(built.get(*child).and_then(Option::as_ref).map_or_else(Weight::default, |(_, inside)| *inside))
            }
        });
        keys.work()
    }

    /// The value of a container whose children are there.
    fn finish(&mut self, node: usize, built: &[Option<(Value, Weight)>]) -> Result<Value, GraphError> {
        let Some(Node { kind, children }) = self.nodes.get_mut(node) else { return Ok(Value::None) };
        let mut values = std::mem::take(children).into_iter().map(|child| match child {
            Piece::Value(value) => value,
            Piece::Node(child) => match built.get(child) {
                Some(Some((value, _))) => value.clone(),
                _ => Value::None,
            },
        });
        Ok(match kind {
            Kind::Tuple => Value::Tuple(values.collect()),
            Kind::List => Value::List(values.collect()),
            Kind::Set | Kind::FrozenSet => Value::frozenset(values.collect())?,
            Kind::Dict => {
                let mut entries = Vec::with_capacity(values.len() / 2);
                while let Some(key) = values.next() {
                    entries.push((key, values.next().ok_or(GraphError::Odd)?));
                }
                Value::dict(entries)?
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: Bounds = Bounds { depth: 1000, items: 1000, bytes: 1000 };

    fn int(n: i64) -> Piece {
        Piece::Value(Value::Int(n))
    }

    #[test]
    fn shared_containers_are_counted_as_often_as_they_are_seen() {
        let mut graph = Graph::default();
        let mut last = graph.add(Kind::List, vec![int(1)]);
        for _ in 0..8 {
            last = graph.add(Kind::List, vec![Piece::Node(last), Piece::Node(last)]);
        }
        assert_eq!(graph.build(Piece::Node(last), &WIDE).unwrap().repr().matches('1').count(), 256);
        let mut graph = Graph::default();
        let mut last = graph.add(Kind::List, vec![int(1)]);
        for _ in 0..60 {
            last = graph.add(Kind::List, vec![Piece::Node(last), Piece::Node(last)]);
        }
        assert_eq!(graph.build(Piece::Node(last), &WIDE).unwrap_err(), GraphError::TooManyItems(1000));
    }

    #[test]
    fn cycles_and_depth() {
        let mut graph = Graph::default();
        let list = graph.add(Kind::List, Vec::new());
        let tuple = graph.add(Kind::Tuple, vec![Piece::Node(list)]);
        graph.children(list).unwrap().push(Piece::Node(tuple));
        assert_eq!(graph.build(Piece::Node(tuple), &WIDE).unwrap_err(), GraphError::Cycle);
        let nested = |levels: usize, bounds: &Bounds| {
            let mut graph = Graph::default();
            let mut last = graph.add(Kind::Tuple, Vec::new());
            for _ in 1..levels {
                last = graph.add(Kind::Tuple, vec![Piece::Node(last)]);
            }
            graph.build(Piece::Node(last), bounds).map(|_| ())
        };
        let five = Bounds { depth: 5, ..WIDE };
        assert_eq!(nested(5, &five), Ok(()));
        assert_eq!(nested(6, &five), Err(GraphError::TooDeep(5)));
        assert_eq!(
            nested(1001, &Bounds { depth: usize::MAX, items: 1 << 20, bytes: 0 }),
            Err(GraphError::TooDeep(1000))
        );
        // A long way to something that was built from a short one.
        let mut graph = Graph::default();
        let deep = graph.add(Kind::List, Vec::new());
        let deep = graph.add(Kind::List, vec![Piece::Node(deep)]);
        let deep = graph.add(Kind::List, vec![Piece::Node(deep)]);
        let longer = graph.add(Kind::List, vec![Piece::Node(deep)]);
        let root = graph.add(Kind::List, vec![Piece::Node(deep), Piece::Node(longer)]);
        assert_eq!(graph.build(Piece::Node(root), &Bounds { depth: 4, ..WIDE }).unwrap_err(), GraphError::TooDeep(4));
    }

    #[test]
    fn sets_and_dicts_are_as_python_has_them() {
        let mut graph = Graph::default();
        let set = graph.add(Kind::Set, vec![int(1), Piece::Value(Value::Float(1.0)), int(2)]);
        let dict = graph.add(Kind::Dict, vec![int(1), Piece::Node(set), int(2), int(0), int(1), int(5)]);
        let root = graph.add(Kind::Tuple, vec![Piece::Node(set), Piece::Node(dict)]);
        assert_eq!(graph.build(Piece::Node(root), &WIDE).unwrap().repr(), "(frozenset({1, 2}), {1: 5, 2: 0})");
        let mut graph = Graph::default();
        let list = graph.add(Kind::List, Vec::new());
        let set = graph.add(Kind::Set, vec![Piece::Node(list)]);
        assert!(matches!(graph.build(Piece::Node(set), &WIDE), Err(GraphError::Unhashable(_))));
        let mut graph = Graph::default();
        let odd = graph.add(Kind::Dict, vec![int(1)]);
        assert_eq!(graph.build(Piece::Node(odd), &WIDE).unwrap_err(), GraphError::Odd);
    }

    /// Each set is looked at again by all that are around it. Work is bounded, not counted by a clock.
    #[test]
    fn hashing_is_bounded() {
        let wide = Bounds { depth: 1000, items: 1 << 20, bytes: 1 << 20 };
        for kind in [Kind::Set, Kind::Dict] {
            let keyed = |key: Piece| if kind == Kind::Set { vec![key] } else { vec![key, int(0)] };
            let nested = |width: i64, levels: usize| {
                let mut graph = Graph::default();
                let mut last = graph.add(Kind::Set, (0..width).map(int).collect());
                for _ in 0..levels {
                    last = graph.add(Kind::Set, vec![Piece::Node(last)]);
                }
                let root = graph.add(kind, keyed(Piece::Node(last)));
                graph.build(Piece::Node(root), &wide).map(|_| ())
            };
            assert_eq!(nested(1 << 18, 1), Ok(()), "{kind:?}");
            assert_eq!(nested(10, 100), Ok(()), "{kind:?}");
            assert!(matches!(nested(1 << 18, 20), Err(GraphError::TooManyItems(_))), "{kind:?}");
            assert!(matches!(nested(1000, 500), Err(GraphError::TooManyItems(_))), "{kind:?}");
        }
        // The maximum, on one level.
        for (kind, items) in [(Kind::Set, 1 << 19), (Kind::Dict, 1 << 19)] {
            let mut graph = Graph::default();
            let root = graph.add(kind, (0..items).map(int).collect());
            let exact = Bounds { depth: 1, items: 1 << 19, bytes: 0 };
            assert!(graph.build(Piece::Node(root), &exact).is_ok());
        }
        // Equal sets, deep and many, are compared at each of their levels.
        let mut graph = Graph::default();
        let mut last = graph.add(Kind::Set, vec![int(1)]);
        for _ in 0..90 {
            last = graph.add(Kind::Set, vec![Piece::Node(last)]);
        }
        let root = graph.add(Kind::Set, vec![Piece::Node(last); 2000]);
        assert!(matches!(graph.build(Piece::Node(root), &wide), Err(GraphError::TooManyItems(_))));
        // Small values are never rejected, however small the limit.
        let mut graph = Graph::default();
        let inner = graph.add(Kind::Set, vec![int(1)]);
        let root = graph.add(Kind::Set, vec![Piece::Node(inner)]);
        assert!(graph.build(Piece::Node(root), &Bounds { depth: 2, items: 2, bytes: 0 }).is_ok());
    }

    #[test]
    fn bytes_are_counted() {
        let text = Piece::Value(Value::str("12345678901"));
        let mut graph = Graph::default();
        let list = graph.add(Kind::List, vec![text.clone(), text]);
        let small = Bounds { bytes: 21, ..WIDE };
        assert_eq!(graph.build(Piece::Node(list), &small).unwrap_err(), GraphError::TooManyBytes(21));
    }
}
