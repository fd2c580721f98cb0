//! The methods that were called last, found again by the bytes that name them.

use crate::value::Local;
use std::sync::Arc;

struct Entry {
    /// The id_pack of the target and the box of the name, as they stood in the message.
    bytes: Box<[u8]>,
    target: Arc<dyn Local>,
    member: u32,
}

/// A call of the same method of the same object need not be looked up, nor held against the attribute rules, once
/// more. Whatever could change the outcome clears it: an object that is given back, an option that is changed.
#[derive(Default)]
pub struct Recent {
    entries: Vec<Entry>,
    oldest: usize,
}

const ENTRIES: usize = 4;

impl Recent {
    /// The target and the member that the next bytes of a message name, and how many bytes that are.
    #[inline]
    pub fn find(&self, bytes: &[u8]) -> Option<(&Arc<dyn Local>, u32, usize)> {
        let entry = self.entries.iter().find(|entry| bytes.starts_with(&entry.bytes))?;
        Some((&entry.target, entry.member, entry.bytes.len()))
    }

    pub fn add(&mut self, bytes: &[u8], target: &Arc<dyn Local>, member: u32) {
        let entry = Entry { bytes: bytes.into(), target: target.clone(), member };
        if self.entries.len() < ENTRIES {
            return self.entries.push(entry);
        }
        self.entries[self.oldest] = entry;
        self.oldest = (self.oldest + 1) % ENTRIES;
    }

    /// The objects are still held by the export table, so that nothing of the host runs here.
    #[inline]
    pub fn clear(&mut self) {
        self.entries.clear();
        self.oldest = 0;
    }
}
