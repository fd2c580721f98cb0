//! RPyC's classic mode, as master and as slave.

pub(crate) mod master;
mod streams;

mod slave;
