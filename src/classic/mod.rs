//! RPyC's classic mode: driving a peer that offers itself whole, and being such a peer.

mod client;
mod stdio;
mod transfer;

pub use client::Classic;
pub use stdio::{Input, Output, Redirection, Streams};
pub use transfer::{Progress, Transfer};
