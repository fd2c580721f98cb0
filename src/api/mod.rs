//! What Rust programs use: connections, objects, calls, classes and servers, as handles that can be cloned and sent to other
//! threads. All else of the crate is the inside, which may change at any time.

mod call;
mod class;
mod classic;
mod config;
mod connection;
mod convert;
mod object;
mod pending;
mod server;

pub use call::{Answer, Args, Call};
pub use class::{Class, ClassBuilder};
pub use classic::Classic;
pub use config::Config;
pub use connection::{Background, Connection, timeout};
pub use convert::Convertible;
pub use object::{Iter, Object};
pub use pending::Pending;
pub use server::Server;

pub use crate::config::Dialect;
pub use crate::error::{Error, Exception, Raised, Result};
pub use crate::value::{Array, BigInt, Blob, Element, Items, Pairs, Text, Value};

/// Texts of peers as logs and terminals can take them.
pub mod escape {
    pub use crate::printable::{lines, one_line};
}

/// Literals of Python, as they stand in signatures and on command lines.
pub mod literal {
    pub use crate::objects::{LiteralFault as Fault, LiteralReader as Reader};
}

/// What lies below connections: byte streams, and what is said on them. For tools that look at RPyC or carry it elsewhere.
pub mod wire {
    pub use crate::protocol::{DecodeFault, Decoded, DecodedKind, Decoder};
    pub use crate::transport::{Address, Listener, Ownership, Ready, Transport, connect};
}
