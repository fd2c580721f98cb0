//! RPyC, Python's transparent and symmetric RPC, for programs that are not Python.
//!
//! A client of any RPyC server, including Python's:
//!
//! ```no_run
//! # fn main() -> rpyc::Result<()> {
//! let conn = rpyc::Connection::connect("tcp://localhost:18861")?;
//! let sum: i64 = conn.root()?.call("add", (40, 2))?.try_into()?;
//! # Ok(())
//! # }
//! ```
//!
//! A server for any RPyC client:
//!
//! ```no_run
//! # fn main() -> rpyc::Result<()> {
//! let service = rpyc::Class::builder("CalculatorService")
//!     .method("add(a, b)", |call| Ok(call.arg::<i64>(0)? + call.arg::<i64>(1)?))
//!     .build()?;
//! rpyc::Server::bind("tcp://localhost:18861", &service)?.serve()
//! # }
//! ```
//!
//! Rust programs can rely on the items that these pages document. Programs in other languages use the C interface of
//! the same library, `include/rpyc.h`.
//!
//! Internally, each layer uses only those below it: `ffi` (the C interface) and `api` (the public Rust interface),
//! `classic`, `client`, `server`, `session` (the protocol for applications that do their own I/O), `connection` (waiting,
//! threads), `objects` (the application's objects and Python's rules for them), `protocol` (one connection as a pure
//! state machine), `codec` (bytes), `value` (data). `transport` is a leaf that `connection` uses. Only the crate's own
//! tests, benches and fuzz targets may use these modules.
#![deny(unsafe_code)]
#![cfg_attr(feature = "model", allow(dead_code, reason = "the model leaves out the layers that use it"))]
#![warn(missing_docs)]

#[cfg(all(feature = "model", not(debug_assertions)))]
compile_error!("the feature `model` is for `cargo test --test model` alone: it takes threads and the C interface away");

#[cfg(not(feature = "model"))]
mod api;
#[doc(hidden)]
pub mod authentication;
#[cfg(not(feature = "model"))]
#[doc(inline)]
pub use api::*;

#[doc(hidden)]
pub mod budget;
#[cfg(not(feature = "model"))]
pub(crate) mod classic;
#[cfg(not(feature = "model"))]
pub(crate) mod client;
#[doc(hidden)]
pub mod codec;
#[doc(hidden)]
pub mod config;
#[doc(hidden)]
pub mod connection;
#[doc(hidden)]
pub mod error;
#[cfg(not(feature = "model"))]
pub(crate) mod ffi;
pub(crate) mod fork;
#[doc(hidden)]
pub mod ids;
pub(crate) mod log;
pub(crate) mod nesting;
#[doc(hidden)]
pub mod objects;
pub(crate) mod panics;
pub(crate) mod printable;
#[doc(hidden)]
pub mod protocol;
#[doc(hidden)]
pub mod server;
#[cfg(not(feature = "model"))]
#[doc(hidden)]
pub mod session;
#[doc(hidden)]
pub mod sync;
#[doc(hidden)]
pub mod transport;
#[doc(hidden)]
pub mod value;
