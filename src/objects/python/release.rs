//! Frees nested containers without recursion, however long the chain is.

use super::entries::Entries;
use crate::nesting;
use crate::value::Value;

/// The contents of a container.
pub(super) enum Held {
    Items { _items: Vec<Value> },
    Entries { _entries: Entries },
}

/// Drops the contents of a container.
pub(super) fn let_go(held: Held) {
    nesting::let_go(held);
}

#[cfg(test)]
mod tests {
    use super::super::{Dict, List, object};
    use super::*;
    use crate::objects::python::views::{Part, iterator, view};

    #[test]
    fn long_chains() {
        // The stack of a test's thread has 2 MiB.
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
    }
}
