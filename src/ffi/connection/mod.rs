//! Connections: how they are made, driven and ended.

pub(crate) mod transport;

// Constants that only the header's readers use.
#[allow(dead_code)]
pub(crate) mod lifetime;

mod facts;

mod event_loop;
mod serving;
