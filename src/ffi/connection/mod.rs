//! Connections: how they are made, driven and ended.

pub(crate) mod transport;

mod stream;

mod authentication;

pub(crate) mod lifetime;

// Constants that only the header's readers use.
#[allow(dead_code)]
mod requests;

mod waiting;

mod facts;

mod connecting;
mod event_loop;
mod serving;

mod client;
