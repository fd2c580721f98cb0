//! Caches the methods that were called or read last, by the bytes that name them.

use crate::value::Local;
use std::sync::Arc;

/// The member that a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callee {
    /// The object itself is called.
    Object,
    /// A member is called.
    Member(u32),
    /// A member is read.
    Attribute(u32),
}

/// How a request begins, before the cached bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    CallObject,
    CallMember,
    GetAttribute,
}

impl Callee {
    #[inline(always)]
    fn form(self) -> Form {
        match self {
            Callee::Object => Form::CallObject,
            Callee::Member(_) => Form::CallMember,
            Callee::Attribute(_) => Form::GetAttribute,
        }
    }
}

struct Entry {
    /// The id_pack of the target and, for a member, the box of its name, as they were in the message.
    bytes: Box<[u8]>,
    target: Arc<dyn Local>,
    callee: Callee,
}

/// A call of the same method of the same object, or a read of the same attribute, needs no second lookup and no second
/// check of the attribute rules. Everything that can change the result clears the entry: a released object, a changed
/// option.
#[derive(Default)]
pub struct CallCache {
    entries: Vec<Entry>,
    oldest: usize,
}

const ENTRIES: usize = 4;

impl CallCache {
    /// Finds the target and the callee that the next bytes of a message name, and the number of these bytes.
    #[inline]
    pub fn find(&self, bytes: &[u8], form: Form) -> Option<(&Arc<dyn Local>, Callee, usize)> {
        let entry = self.entries.iter().find(|entry| entry.callee.form() == form && bytes.starts_with(&entry.bytes))?;
        Some((&entry.target, entry.callee, entry.bytes.len()))
    }

    pub fn add(&mut self, bytes: &[u8], target: &Arc<dyn Local>, callee: Callee) {
        let entry = Entry { bytes: bytes.into(), target: target.clone(), callee };
        if self.entries.len() < ENTRIES {
            // Most peers call one method.
            self.entries.reserve_exact(1);
            return self.entries.push(entry);
        }
        self.oldest = (self.oldest + 1) % ENTRIES;
        self.entries[self.oldest] = entry;
    }

    /// Removes the entries of a released object. It is still held elsewhere, so no code of the application runs here.
    #[inline]
    pub fn forget(&mut self, object: &Arc<dyn Local>) {
        self.entries.retain(|entry| !std::ptr::addr_eq(Arc::as_ptr(&entry.target), Arc::as_ptr(object)));
    }

    /// Clears the cache. The objects are still held by the export table, so no code of the application runs here.
    #[inline]
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}
