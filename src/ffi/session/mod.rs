//! Session sessions: the protocol for programs that do their own input and output.

// The constants stand in this order in the header.
mod stream;

// Constants that only the header's readers use.
#[allow(dead_code)]
mod event;

mod objects;
mod requests;

mod convert;

mod decoder;
