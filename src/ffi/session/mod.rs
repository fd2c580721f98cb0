//! Bare sessions: the protocol for programs that do their own input and output.

pub(crate) mod stream;

mod objects;
mod requests;

mod decoder;
