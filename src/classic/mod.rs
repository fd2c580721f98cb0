//! RPyC's classic mode: driving a peer that offers itself whole, and being such a peer.

mod client;
mod deliver;
mod modules;
mod slave;
mod stdio;
mod transfer;

pub use client::Classic;
pub use modules::{module, service_of};
pub use slave::{Slave, SlaveState, namespace_of, slave, state_of};
pub use stdio::{Input, Output, Redirection, Streams};
pub use transfer::{Progress, Transfer};
