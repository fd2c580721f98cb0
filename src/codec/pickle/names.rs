//! The few names that pickles of data have: of types and functions of Python that make data out of data. All are known
//! here by what they make, and none is looked up.

use super::reader::{Machine, PIECE, Result};
use super::{PickleError, times};
use crate::value::{Blob, Kind, Piece, Value};

/// The types that a pickle may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Maker {
    Complex,
    Slice,
    Range,
    /// `bytes` and `bytearray`.
    Bytes,
    /// `_codecs.encode`, by which bytes travelled before protocol 3.
    Encode,
    Set,
    FrozenSet,
    Date,
    Time,
    DateTime,
    Delta,
    Zone,
}

/// A name of a value, or of a callable.
pub(super) enum Named {
    Value(Value),
    Maker(Maker),
}

/// None if it is rejected.
pub(super) fn named(module: &str, name: &str) -> Option<Named> {
    Some(match (module, name) {
        ("builtins" | "__builtin__", name) => match name {
            "Ellipsis" => Named::Value(Value::Ellipsis),
            "NotImplemented" => Named::Value(Value::NotImplemented),
            "complex" => Named::Maker(Maker::Complex),
            "slice" => Named::Maker(Maker::Slice),
            "range" | "xrange" => Named::Maker(Maker::Range),
            "bytes" | "bytearray" => Named::Maker(Maker::Bytes),
            "set" => Named::Maker(Maker::Set),
            "frozenset" => Named::Maker(Maker::FrozenSet),
            _ => return None,
        },
        ("_codecs", "encode") => Named::Maker(Maker::Encode),
        (module, name) => Named::Maker(times::maker(module, name)?),
    })
}

impl Machine<'_> {
    /// Calls the maker below its arguments on the stack.
    pub(super) fn reduce(&mut self, start: usize) -> Result<()> {
        let refused = PickleError::Refused { name: "REDUCE", offset: start };
        let args = self.pop()?;
        let maker = match self.pop()? {
            Piece::Node(node) => self.makers.get(&node).copied(),
            Piece::Value(_) => None,
        };
        let (Some(maker), Some(args)) = (maker, self.items_of(&args, Kind::Tuple)) else { return Err(refused) };
        if let ([Piece::Node(_)] | [], Maker::Set | Maker::FrozenSet) = (args.as_slice(), maker) {
            let kind = if maker == Maker::Set { Kind::Set } else { Kind::FrozenSet };
            let items = args.first().map_or(Some(Vec::new()), |list| self.items_of(list, Kind::List));
            return self.container(kind, items.ok_or(refused)?);
        }
        let values = args.into_iter().map(|piece| match piece {
            Piece::Value(value) => Some(value),
            Piece::Node(_) => None,
        });
        let values = values.collect::<Option<Vec<Value>>>().ok_or(refused)?;
        match (maker, values.as_slice()) {
            (Maker::Range, _) => self.range(&values),
            _ => {
                let made = made(maker, &values).ok_or_else(|| self.wrong("arguments that the type does not accept"))?;
                self.value(made)
            }
        }
    }

    fn items_of(&self, piece: &Piece, kind: Kind) -> Option<Vec<Piece>> {
        match piece {
            Piece::Node(node) if self.graph.kind(*node) == Some(kind) && !self.makers.contains_key(node) => {
                Some(self.graph.pieces(*node).to_vec())
            }
            _ => None,
        }
    }

    /// The ints of a range, as a list.
    fn range(&mut self, values: &[Value]) -> Result<()> {
        let numbers: Option<Vec<i64>> = values.iter().map(Value::to_i64).collect();
        let (start, stop, step) = match numbers.as_deref() {
            Some([stop]) => (0, *stop, 1),
            Some([start, stop]) => (*start, *stop, 1),
            Some([start, stop, step]) if *step != 0 => (*start, *stop, *step),
            _ => return Err(self.wrong("a range whose bounds are not ints of 64 bits")),
        };
        let distance =
            if step > 0 { i128::from(stop) - i128::from(start) } else { i128::from(start) - i128::from(stop) };
        let step_size = i128::from(step).abs();
        let count = usize::try_from((distance.max(0) + step_size - 1) / step_size).unwrap_or(usize::MAX);
        if count > self.limits.items {
            return Err(self.too_many("items", self.limits.items));
        }
        self.charge(count.saturating_mul(PIECE))?;
        let at = |index: usize| i128::from(start) + i128::from(step) * index as i128;
        let items = (0..count).map(|index| Piece::Value(Value::Int(at(index) as i64))).collect();
        self.container(Kind::List, items)
    }
}

fn made(maker: Maker, values: &[Value]) -> Option<Value> {
    let latin1 = |text: &str| text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<Vec<u8>>>();
    let is_latin1 = |name: &str| matches!(name, "latin1" | "latin-1");
    Some(match (maker, values) {
        (Maker::Complex, [Value::Float(re), Value::Float(im)]) => Value::Complex(*re, *im),
        (Maker::Slice, [start, stop, step]) => Value::Slice([start.clone(), stop.clone(), step.clone()].into()),
        (Maker::Bytes, []) => Value::Bytes(Blob::default()),
        (Maker::Bytes, [Value::Bytes(bytes)]) => Value::Bytes(bytes.clone()),
        (Maker::Bytes | Maker::Encode, [Value::Str(text), Value::Str(encoding)]) if is_latin1(encoding.as_str()) => {
            Value::Bytes(Blob::try_copy_aligned(&latin1(text.as_str())?).ok()?)
        }
        _ => Value::Temporal(times::made(maker, values)?),
    })
}
