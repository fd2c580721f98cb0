//! Makes modifiable lists, dicts and sets of pickled data. References that are shared or cyclic at the sender are so
//! here too.

use super::dict::Dict;
use super::list::List;
use super::object;
use super::set::Set;
use crate::error::Exception;
use crate::value::{Bounds, Graph, GraphError, Kind, Piece, Value, Weight};
use std::collections::HashMap;

/// Returns the value of `root`. Its lists, dicts and sets are objects that both sides can modify.
pub fn unpickle(graph: &Graph, root: &Piece, bounds: &Bounds) -> Result<Value, Exception> {
    let mut delivery =
        Delivery { graph, bounds, made: HashMap::new(), open: Vec::new(), empty: Vec::new(), work: 0, items: 0 };
    let (value, weight) = delivery.value(root)?;
    weight.check(bounds).map_err(refusal)?;
    while let Some((node, container)) = delivery.empty.pop() {
        delivery.fill(node, &container)?;
    }
    Ok(value)
}

fn refusal(error: GraphError) -> Exception {
    let name = if matches!(error, GraphError::Unhashable(_)) { "TypeError" } else { "ValueError" };
    Exception::builtin(name, format!("the pickle cannot be read: {error}"))
}

struct Delivery<'a> {
    graph: &'a Graph,
    bounds: &'a Bounds,
    made: HashMap<usize, (Value, Weight)>,
    /// Tuples and frozensets that are being made.
    open: Vec<usize>,
    /// Containers that are still to be filled.
    empty: Vec<(usize, Value)>,
    /// The work of hashing so far.
    work: usize,
    items: usize,
}

impl Delivery<'_> {
    fn value(&mut self, piece: &Piece) -> Result<(Value, Weight), Exception> {
        let node = match piece {
            Piece::Value(value) => return Ok((value.clone(), Weight::of(value))),
            Piece::Node(node) => *node,
        };
        if let Some(made) = self.made.get(&node) {
            return Ok(made.clone());
        }
        let kind = self.graph.kind(node).unwrap_or(Kind::Tuple);
        let made = match kind {
            Kind::List => (object(List::object(Vec::new())), Weight::default()),
            Kind::Dict => (object(Dict::empty()), Weight::default()),
            Kind::Set => (Set::default().object(), Weight::default()),
            Kind::Tuple | Kind::FrozenSet => {
                if self.open.contains(&node) {
                    return Err(refusal(GraphError::Cycle));
                }
                if self.open.len() >= self.bounds.depth.min(Value::MAX_DEPTH) {
                    return Err(refusal(GraphError::TooDeep(self.bounds.depth)));
                }
                self.open.push(node);
                let (values, mut weight) = self.values(node, 1)?;
                self.open.pop();
                weight.depth += 1;
                weight.check(self.bounds).map_err(refusal)?;
                match kind {
                    Kind::FrozenSet => {
                        self.charge(&weight)?;
                        (Value::frozenset(values).map_err(|error| refusal(error.into()))?, weight)
                    }
                    _ => (Value::Tuple(values.into()), weight),
                }
            }
        };
        if !matches!(kind, Kind::Tuple | Kind::FrozenSet) {
            self.empty.push((node, made.0.clone()));
        }
        self.made.insert(node, made.clone());
        Ok(made)
    }

    /// Returns the children of a container, and the weight of every `step`th of them.
    fn values(&mut self, node: usize, step: usize) -> Result<(Vec<Value>, Weight), Exception> {
        let graph = self.graph;
        let pieces = graph.pieces(node);
        self.items = self.items.saturating_add(pieces.len());
        if self.items > self.bounds.items {
            return Err(refusal(GraphError::TooManyItems(self.bounds.items)));
        }
        let (mut values, mut weight) = (Vec::with_capacity(pieces.len()), Weight::default());
        for (at, piece) in pieces.iter().enumerate() {
            let (value, inside) = self.value(piece)?;
            if at % step == 0 {
                weight.add(inside);
            }
            values.push(value);
        }
        Ok((values, weight))
    }

    /// Counts the work of hashing these keys.
    fn charge(&mut self, keys: &Weight) -> Result<(), Exception> {
        self.work = self.work.saturating_add(keys.work());
        match self.work > self.bounds.hashed() {
            true => Err(refusal(GraphError::TooManyItems(self.bounds.hashed()))),
            false => Ok(()),
        }
    }

    fn fill(&mut self, node: usize, container: &Value) -> Result<(), Exception> {
        let is_dict = self.graph.kind(node) == Some(Kind::Dict);
        let (values, keys) = self.values(node, if is_dict { 2 } else { 1 })?;
        if let Some(list) = super::as_object::<List>(container) {
            if let Some(list) = List::of(&list) {
                values.into_iter().for_each(|value| list.append(value));
            }
            return Ok(());
        }
        self.charge(&keys)?;
        if let Some(set) = super::as_object::<Set>(container) {
            return Set::of_object(&set).map_or(Ok(()), |set| set.add_all(values));
        }
        let dict = super::as_object::<Dict>(container);
        let mut values = values.into_iter();
        while let (Some(dict), Some(key), Some(value)) =
            (dict.as_ref().and_then(|dict| Dict::of(dict)), values.next(), values.next())
        {
            dict.set(key, value)?;
        }
        Ok(())
    }
}
