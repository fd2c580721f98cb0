//! What every function of the border is made of.
//!
//! A function of the border is one call of `boundary::ffi_boundary` with one `unsafe` block around it. Inside, in this order:
//! take what is consumed, then `pointer::output` each output (which empties it), then look at the other inputs, then
//! work. An early `?` thereby leaves every output empty and everything consumed is dropped.
//!
//! # The contract of the border
//!
//! What C promises, by calling a function of the header: each pointer is NULL, or what its parameter's text says.
//!
//! * A handle is live: from this library, of its type, and not freed before the function returns, nor before what was
//!   borrowed from it is used for the last time. A unique one is used by no other thread meanwhile.
//! * What is consumed is the caller's own and is given up.
//! * A text that ends with NUL does so; data and arrays have as many bytes or items as is said; a table has the size that
//!   it says. All of it stays as it is until the function returns, or for as long as its text says.
//! * An output can be written to.
//! * A callback can be called as its type says, with its userdata, until the destructor has run; that can be called once,
//!   on any thread.
//!
//! `SAFETY: the contract of the border` refers to this.

pub(crate) mod status;

pub(crate) mod boundary;
pub(crate) mod callbacks;
pub(crate) mod handle;
pub(crate) mod packed;
pub(crate) mod pointer;
#[cfg(debug_assertions)]
mod record;
pub(crate) mod report;
pub(crate) mod table;
pub(crate) mod time;
pub(crate) mod types;
pub(crate) mod userdata;
