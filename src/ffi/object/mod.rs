//! Objects of a peer and our own, and what is done with them.

pub(crate) mod async_result;

pub(crate) mod identity;

pub(crate) mod operation;

// Constants that only the header's readers use.
#[allow(dead_code)]
mod operations;

mod hold;
mod items;

mod async_operations;

mod batch;

pub(crate) mod views;

mod buffer;
