//! Objects of a peer and our own, and what is done with them.

pub(crate) mod async_result;

// Constants that only the header's readers use.
#[allow(dead_code)]
pub(crate) mod operations;

mod compare;
mod hold;
mod items;

mod async_operations;
pub(crate) mod obtain;
mod restricted;

mod buffer;
