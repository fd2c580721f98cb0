//! RPyC, Python's transparent and symmetric RPC, for programs that are not Python.
//!
//! The layers, each of which names only those below it: `ffi` (the C border), `server`, `connection` (waiting, threads),
//! `objects` (the application's objects and Python's rules for them), `session` (one connection as a pure state machine),
//! `codec` (bytes), `value` (data). `transport` is a leaf used by `connection`.
#![deny(unsafe_code)]

#[cfg(all(feature = "model", not(debug_assertions)))]
compile_error!("the feature `model` is for `cargo test --test model` alone: it takes threads and the C interface away");

#[cfg(not(feature = "model"))]
pub mod bare;
#[cfg(not(feature = "model"))]
pub mod classic;
pub mod codec;
pub mod config;
pub mod connection;
pub mod error;
#[cfg(not(feature = "model"))]
pub mod ffi;
pub mod fork;
pub mod ids;
pub mod log;
pub mod nesting;
pub mod objects;
pub mod panics;
pub mod server;
pub mod session;
pub mod sync;
pub mod transport;
pub mod value;
