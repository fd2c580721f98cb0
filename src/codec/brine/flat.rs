//! Reading without going down the stack, for where that is short.

use super::error::{DecodeError, DecodeErrorKind as Kind};
use super::reader::{Reader, Result, SET_ITEM};
use super::tag;
use crate::value::{Unhashable, Value};

/// A container that is being read.
struct Open {
    at: usize,
    kind: u8,
    left: usize,
    items: Vec<Value>,
}

impl Open {
    fn close(self) -> Result<Value> {
        match self.kind {
            tag::FROZENSET => Value::frozenset(self.items)
                .map_err(|Unhashable(name)| DecodeError::new(self.at, Kind::Unhashable(name))),
            tag::SLICE => {
                let mut parts = self.items.into_iter();
                let mut part = || parts.next().unwrap_or_default();
                let (start, stop) = (part(), part());
                Ok(Value::slice(start, stop, part()))
            }
            _ => Ok(Value::tuple(self.items)),
        }
    }
}

impl Reader<'_> {
    #[cold]
    #[inline(never)]
    pub(super) fn fill_flat(&mut self, slots: &mut [Value], levels: usize) -> Result<()> {
        slots.iter_mut().try_for_each(|slot| {
            *slot = self.value_flat(levels)?;
            Ok(())
        })
    }

    fn value_flat(&mut self, levels: usize) -> Result<Value> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            let at = self.position();
            let mut done = match self.container(levels.checked_sub(open.len()))? {
                Some((kind, count)) => {
                    let mut items = Vec::new();
                    let bytes = count.saturating_mul(size_of::<Value>());
                    items.try_reserve_exact(count).map_err(|_| DecodeError::new(at, Kind::OutOfMemory { bytes }))?;
                    open.push(Open { at, kind, left: count, items });
                    None
                }
                None => Some(self.value_at(0)?),
            };
            loop {
                match (done.take(), open.last_mut()) {
                    (Some(value), None) => return Ok(value),
                    (Some(value), Some(outer)) => {
                        outer.items.push(value);
                        outer.left -= 1;
                    }
                    (None, _) => {}
                }
                if open.last().is_some_and(|outer| outer.left > 0) {
                    break;
                }
                if let Some(full) = open.pop() {
                    done = Some(full.close()?);
                }
            }
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn skip_flat(&mut self, count: usize, levels: usize) -> Result<()> {
        let mut left = vec![count];
        while let Some(items) = left.last_mut() {
            let Some(rest) = items.checked_sub(1) else {
                left.pop();
                continue;
            };
            *items = rest;
            match self.container(levels.checked_sub(left.len() - 1))? {
                Some((_, count)) => left.push(count),
                None => self.skip_at(0)?,
            }
        }
        Ok(())
    }

    /// The beginning of a container, if one follows: its tag, and how many items it has.
    fn container(&mut self, levels: Option<usize>) -> Result<Option<(u8, usize)>> {
        let at = self.position();
        let Some(kind @ (tag::TUPLE_0 | tag::TUPLE_1..=tag::TUPLE_L4 | tag::SLICE | tag::FROZENSET)) = self.peek()
        else {
            return Ok(None);
        };
        self.deeper(at, levels.unwrap_or(0))?;
        self.advance(1);
        let count = match kind {
            tag::SLICE => {
                self.slice_header()?;
                3
            }
            tag::FROZENSET => {
                let count = self.tuple_header()?;
                self.charge(at, count.saturating_mul(SET_ITEM))?;
                count
            }
            kind => self.tuple_count(at, kind)?,
        };
        Ok(Some((kind, count)))
    }
}
