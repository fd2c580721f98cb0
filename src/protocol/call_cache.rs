//! What was called or read last, found again by the bytes that name it.

use crate::value::Local;
use std::sync::Arc;

/// What a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callee {
    /// The object itself, which is called.
    Object,
    /// A member of it, which is called.
    Member(u32),
    /// A member of it, which is read.
    Attribute(u32),
}

/// How a request begins, before the bytes that are kept.
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
    /// The id_pack of the target and, of a member, the box of its name, as they stood in the message.
    bytes: Box<[u8]>,
    target: Arc<dyn Local>,
    callee: Callee,
}

/// A call of the same method of the same object, or reading the same attribute, need not be looked up, nor held against the attribute rules, once
/// more. What could change the outcome ends that: an object that is given back, an option that is changed.
#[derive(Default)]
pub struct CallCache {
    entries: Vec<Entry>,
    oldest: usize,
}

const ENTRIES: usize = 4;

impl CallCache {
    /// The target and the callee that the next bytes of a message name, and how many bytes that are.
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

    /// An object has been given back. It is still held elsewhere, so that nothing of the application runs here.
    #[inline]
    pub fn forget(&mut self, object: &Arc<dyn Local>) {
        self.entries.retain(|entry| !std::ptr::addr_eq(Arc::as_ptr(&entry.target), Arc::as_ptr(object)));
    }

    /// The objects are still held by the export table, so that nothing of the application runs here.
    #[inline]
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}
