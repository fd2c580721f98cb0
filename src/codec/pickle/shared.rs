//! Graphs to pickles: containers that are shared, or hold themselves, are read as such.

use super::writer::Writer;
use super::{PickleError, op};
use crate::value::{Graph, GraphError, Kind, Piece};

type Result<T> = std::result::Result<T, PickleError>;

/// The pickle of plain data, in `protocol` (at most 5), of at most about `limit` bytes.
pub fn write_graph(graph: &Graph, root: &Piece, protocol: u8, limit: usize) -> Result<Vec<u8>> {
    let mut seen = vec![0u8; graph.count()];
    let pieces = (0..graph.count()).flat_map(|node| graph.pieces(node));
    for piece in pieces.chain([root]) {
        if let Piece::Node(node) = piece {
            if let Some(seen) = seen.get_mut(*node) {
                *seen = seen.saturating_add(1);
            }
        }
    }
    let is_fixed = |node: usize| matches!(graph.kind(node), Some(Kind::Tuple | Kind::FrozenSet));
    // Those may be written inside of themselves, and what is in them then is met again.
    let all = seen.iter().enumerate().any(|(node, count)| *count > 1 && is_fixed(node));
    let mut pickler = Pickler {
        w: Writer::new(protocol, limit),
        graph,
        shared: seen.iter().enumerate().map(|(node, count)| *count > 1 || (all && !is_fixed(node))).collect(),
        memo: vec![None; graph.count()],
        remembered: 0,
        open: vec![0; graph.count()],
        path: Vec::new(),
    };
    pickler.put(root)?;
    while let Some((node, next)) = pickler.path.last_mut() {
        let (node, piece) = (*node, graph.pieces(*node).get(*next));
        *next += 1;
        match piece {
            Some(piece) => pickler.put(piece)?,
            None => pickler.close(node),
        }
        pickler.w.check(0)?;
    }
    Ok(pickler.w.end())
}

struct Pickler<'a> {
    w: Writer,
    graph: &'a Graph,
    /// Nodes that occur more than once are memoized.
    shared: Vec<bool>,
    /// The number under which the reader remembers a container.
    memo: Vec<Option<u32>>,
    remembered: u32,
    /// The number of times a container is currently being written.
    open: Vec<u8>,
    /// The containers on the way down, each with its next piece.
    path: Vec<(usize, usize)>,
}

impl Pickler<'_> {
    fn put(&mut self, piece: &Piece) -> Result<()> {
        let node = match piece {
            Piece::Value(value) => return self.w.whole(value),
            Piece::Node(node) => *node,
        };
        if let Some(Some(index)) = self.memo.get(node) {
            let index = *index;
            self.recall(index);
            return Ok(());
        }
        // Mutable containers are memoized before their items. Others occur again at most once while they are written,
        // inside of one.
        if let Some(open) = self.open.get_mut(node) {
            *open += 1;
            if *open > 2 {
                return Err(GraphError::Cycle.into());
            }
        }
        let old = self.w.protocol < 4;
        match self.graph.kind(node) {
            Some(Kind::List) => self.begin(node, &[op::EMPTY_LIST], b"(l"),
            Some(Kind::Dict) => self.begin(node, &[op::EMPTY_DICT], b"(d"),
            Some(Kind::Set) if !old => self.begin(node, &[op::EMPTY_SET], b""),
            Some(Kind::Set) => self.name("set"),
            Some(Kind::FrozenSet) if old => self.name("frozenset"),
            Some(Kind::Tuple | Kind::FrozenSet) | None => {}
        }
        self.w.out.push(op::MARK);
        self.path.push((node, 0));
        Ok(())
    }

    /// An empty container, to be filled.
    fn begin(&mut self, node: usize, code: &[u8], in_text: &[u8]) {
        self.w.out.extend_from_slice(if self.w.protocol == 0 { in_text } else { code });
        self.remember(node);
    }

    /// A builtin that is called with a list of the items.
    fn name(&mut self, name: &str) {
        self.w.global(name);
        self.w.out.push(op::MARK);
    }

    fn close(&mut self, node: usize) {
        self.path.pop();
        if let Some(open) = self.open.get_mut(node) {
            *open -= 1;
        }
        let old = self.w.protocol < 4;
        let filled = match self.graph.kind(node) {
            Some(Kind::List) => Some(op::APPENDS),
            Some(Kind::Dict) => Some(op::SETITEMS),
            Some(Kind::Set) if !old => Some(op::ADDITEMS),
            _ => None,
        };
        if let Some(code) = filled {
            self.w.out.push(code);
            return;
        }
        let end: &[u8] = match self.graph.kind(node) {
            Some(Kind::Set | Kind::FrozenSet) if old => &[op::LIST, op::TUPLE, op::REDUCE],
            Some(Kind::FrozenSet) => &[op::FROZENSET],
            _ => &[op::TUPLE],
        };
        match self.memo.get(node) {
            // It was made inside of itself: the inner one is used, and this one is dropped.
            Some(Some(index)) => {
                let index = *index;
                let away: &[u8] = if end.len() > 1 { &[op::POP_MARK, op::POP_MARK, op::POP] } else { &[op::POP_MARK] };
                self.w.out.extend_from_slice(away);
                self.recall(index);
            }
            _ => {
                self.w.out.extend_from_slice(end);
                self.remember(node);
            }
        }
    }

    fn remember(&mut self, node: usize) {
        if !self.shared.get(node).is_some_and(|shared| *shared) {
            return;
        }
        let index = self.remembered;
        self.remembered += 1;
        match u8::try_from(index) {
            _ if self.w.protocol == 0 => self.line(op::PUT, index),
            Ok(index) => self.w.out.extend([op::BINPUT, index]),
            Err(_) => self.w.prefixed(op::LONG_BINPUT, &index.to_le_bytes()),
        }
        if let Some(place) = self.memo.get_mut(node) {
            *place = Some(index);
        }
    }

    fn recall(&mut self, index: u32) {
        match u8::try_from(index) {
            _ if self.w.protocol == 0 => self.line(op::GET, index),
            Ok(index) => self.w.out.extend([op::BINGET, index]),
            Err(_) => self.w.prefixed(op::LONG_BINGET, &index.to_le_bytes()),
        }
    }

    fn line(&mut self, code: u8, index: u32) {
        self.w.prefixed(code, format!("{index}\n").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::super::{HIGHEST, read_graph};
    use super::*;
    use crate::value::Limits;
    use crate::value::{Bounds, Value};

    const BOUNDS: Bounds = Bounds { depth: 100, items: 1 << 10, bytes: 1 << 10 };

    #[test]
    fn what_is_shared_is_written_once() {
        let mut graph = Graph::default();
        let mut last = graph.add(Kind::List, vec![Piece::Value(Value::Int(1))]);
        for level in 0..600 {
            let kind = [Kind::List, Kind::Tuple, Kind::Dict][level % 3];
            last = graph.add(
                kind,
                vec![Piece::Value(Value::Int(0)), Piece::Node(last), Piece::Value(Value::Int(1)), Piece::Node(last)],
            );
        }
        for protocol in 0..=HIGHEST {
            let bytes = write_graph(&graph, &Piece::Node(last), protocol, 1 << 20).unwrap();
            assert!(bytes.len() < 20_000, "protocol {protocol}: {}", bytes.len());
            assert_eq!(read_graph(&bytes, &Limits::default()).unwrap().0.count(), 601);
        }
        assert!(write_graph(&graph, &Piece::Node(last), 4, 100).unwrap_err().is_limit());
    }

    /// A tuple of a list that holds the tuple: Python makes it inside of itself.
    #[test]
    fn cycles() {
        let mut graph = Graph::default();
        let list = graph.add(Kind::List, Vec::new());
        let tuple = graph.add(Kind::Tuple, vec![Piece::Node(list)]);
        graph.children(list).unwrap().push(Piece::Node(tuple));
        for protocol in 0..=HIGHEST {
            let bytes = write_graph(&graph, &Piece::Node(tuple), protocol, 1 << 20).unwrap();
            let (read, root) = read_graph(&bytes, &Limits::default()).unwrap();
            let Piece::Node(root) = root else { panic!("{root:?}") };
            let [Piece::Node(list)] = read.pieces(root) else { panic!() };
            assert!(matches!(read.pieces(*list), [Piece::Node(inner)] if *inner == root));
            assert_eq!(read.build(Piece::Node(root), &BOUNDS).unwrap_err(), GraphError::Cycle);
        }
        // Not to be had from Python.
        let mut graph = Graph::default();
        let tuple = graph.add(Kind::Tuple, Vec::new());
        graph.children(tuple).unwrap().push(Piece::Node(tuple));
        assert!(matches!(
            write_graph(&graph, &Piece::Node(tuple), 4, 1 << 20),
            Err(PickleError::Graph(GraphError::Cycle))
        ));
    }
}
