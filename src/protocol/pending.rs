//! Stores the requests of this side that have no reply yet, by sequence number, without hashing.

use foldhash::fast::RandomState;
use std::collections::HashMap;

/// A ring of slots, indexed by the low bits of the number. It grows while it is small; a request without a reply for
/// very long moves to `late`, so that the ring does not grow without bound.
pub struct Pending<T> {
    ring: Vec<Option<(i64, T)>>,
    late: HashMap<i64, T, RandomState>,
    len: usize,
    next: i64,
}

const RING_MIN: usize = 16;
const RING_MAX: usize = 1 << 20;

impl<T> Default for Pending<T> {
    fn default() -> Pending<T> {
        Pending { ring: Vec::new(), late: HashMap::default(), len: 0, next: 0 }
    }
}

impl<T> Pending<T> {
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns the number of the next request.
    pub fn next_seq(&self) -> i64 {
        self.next
    }

    /// Takes the next number for `token`.
    #[inline]
    pub fn insert(&mut self, token: T) -> i64 {
        let seq = self.next;
        self.next += 1;
        self.len += 1;
        let slot = seq as usize & self.ring.len().wrapping_sub(1);
        match self.ring.get_mut(slot) {
            Some(free @ None) => *free = Some((seq, token)),
            _ => self.insert_otherwise(seq, token),
        }
        seq
    }

    /// Does the same if the slot is taken, or if there is none yet.
    #[cold]
    #[inline(never)]
    fn insert_otherwise(&mut self, seq: i64, token: T) {
        if self.ring.is_empty() {
            self.ring.resize_with(RING_MIN, || None);
        }
        let mut slot = seq as usize & (self.ring.len() - 1);
        if self.ring[slot].is_some() && self.len * 2 > self.ring.len() && self.ring.len() < RING_MAX {
            self.grow();
            slot = seq as usize & (self.ring.len() - 1);
        }
        if let Some((old, token)) = self.ring[slot].replace((seq, token)) {
            self.late.insert(old, token);
        }
    }

    fn grow(&mut self) {
        let size = self.ring.len() * 2;
        let mut ring: Vec<Option<(i64, T)>> = Vec::new();
        ring.resize_with(size, || None);
        for entry in std::mem::take(&mut self.ring).into_iter().flatten() {
            let slot = entry.0 as usize & (size - 1);
            if let Some((old, token)) = ring[slot].replace(entry) {
                self.late.insert(old, token);
            }
        }
        self.ring = ring;
    }

    pub fn contains(&self, seq: i64) -> bool {
        let slot = seq as usize & self.ring.len().wrapping_sub(1);
        matches!(self.ring.get(slot), Some(Some((held, _))) if *held == seq) || self.late.contains_key(&seq)
    }

    pub fn remove(&mut self, seq: i64) -> Option<T> {
        if self.ring.is_empty() {
            return None;
        }
        let slot = seq as usize & (self.ring.len() - 1);
        if matches!(&self.ring[slot], Some((held, _)) if *held == seq) {
            self.len -= 1;
            return self.ring[slot].take().map(|(_, token)| token);
        }
        let late = self.late.remove(&seq)?;
        self.len -= 1;
        Some(late)
    }

    /// Iterates over all entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.ring.iter().flatten().map(|(_, token)| token).chain(self.late.values())
    }

    /// Takes all entries, in order of sending.
    pub fn drain(&mut self) -> Vec<(i64, T)> {
        let mut all: Vec<(i64, T)> = self.ring.iter_mut().filter_map(Option::take).collect();
        all.extend(self.late.drain());
        all.sort_by_key(|(seq, _)| *seq);
        self.len = 0;
        all
    }
}

impl<T> Pending<Option<T>> {
    /// Gets the token of a recent request whose reply is awaited.
    #[inline]
    pub fn get(&self, seq: i64) -> Option<&T> {
        match self.ring.get(seq as usize & self.ring.len().wrapping_sub(1))? {
            Some((held, Some(token))) if *held == seq => Some(token),
            _ => None,
        }
    }

    /// Takes the token of a recent request whose reply is awaited. If it returns None, nothing has been removed.
    #[inline(always)]
    pub fn remove_awaited(&mut self, seq: i64) -> Option<T> {
        let slot = seq as usize & self.ring.len().wrapping_sub(1);
        match self.ring.get_mut(slot)? {
            Some((held, Some(_))) if *held == seq => {}
            _ => return None,
        }
        self.len -= 1;
        self.ring.get_mut(slot)?.take()?.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_in_any_order_find_their_request() {
        let mut pending = Pending::default();
        let seqs: Vec<i64> = (0..1000).map(|i| pending.insert(i * 7)).collect();
        assert_eq!(seqs, (0..1000).collect::<Vec<_>>());
        for seq in (0..1000).rev() {
            assert_eq!(pending.remove(seq), Some(seq * 7));
            assert_eq!(pending.remove(seq), None);
        }
        assert_eq!(pending.len(), 0);
        assert_eq!(pending.remove(-5), None);
    }

    #[test]
    fn one_request_that_stays_open_does_not_make_the_ring_grow() {
        let mut pending = Pending::default();
        let old = pending.insert(-1);
        for i in 0..10_000 {
            let seq = pending.insert(i);
            assert_eq!(pending.remove(seq), Some(i));
        }
        assert!(pending.ring.len() <= RING_MIN * 2);
        assert_eq!(pending.drain(), vec![(old, -1)]);
    }
}
