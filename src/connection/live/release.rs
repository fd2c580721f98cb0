//! Containers that hold one another are let go without recursion, however long the chain is.

use super::entries::Entries;
use crate::value::Value;
use std::cell::RefCell;
use std::mem::ManuallyDrop;

/// What a container held.
pub(super) enum Held {
    Items(Vec<Value>),
    Entries(Entries),
}

impl Held {
    fn drop(self) {
        match self {
            Held::Items(items) => drop(items),
            Held::Entries(entries) => drop(entries),
        }
    }
}

thread_local! {
    /// What is still to be dropped, while somebody drops. Without a destructor it is there as long as the thread.
    static LEFT: ManuallyDrop<RefCell<Option<Vec<Held>>>> = const { ManuallyDrop::new(RefCell::new(None)) };
}

/// Ends the work, also if code of the host panics in the middle.
struct Outermost;

impl Drop for Outermost {
    fn drop(&mut self) {
        let left = LEFT.with(|left| left.borrow_mut().take());
        drop(left);
    }
}

/// Drops what a container held: at once, or, inside of such a drop, when the outermost one comes to it.
pub(super) fn let_go(held: Held) {
    let first = LEFT.with(|left| match &mut *left.borrow_mut() {
        Some(left) => {
            left.push(held);
            None
        }
        idle => {
            *idle = Some(Vec::new());
            Some(held)
        }
    });
    let Some(first) = first else { return };
    let _outermost = Outermost;
    first.drop();
    while let Some(next) = LEFT.with(|left| left.borrow_mut().as_mut().and_then(Vec::pop)) {
        next.drop();
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Dict, List, object};
    use super::*;
    use crate::connection::live::views::{Part, iterator, view};

    #[test]
    fn long_chains() {
        // The stack of a thread of a test has 2 MiB.
        let mut chain = Value::None;
        for at in 0..100_000 {
            chain = match at % 3 {
                0 => object(List::object(vec![Value::Int(1), Value::tuple(vec![chain])])),
                1 => object(Dict::object(vec![(Value::Int(1), chain)]).unwrap()),
                _ => {
                    let dict = Dict::object(vec![(Value::None, chain)]).unwrap();
                    object(List::object(vec![view(&dict, Part::Values), iterator(&dict, Part::Keys)]))
                }
            };
        }
        drop(chain);
        assert!(LEFT.with(|left| left.borrow().is_none()));
    }
}
