//! Brine, RPyC's form of plain values: one tag byte, then the content; all numbers big endian.

mod error;
mod flat;
mod reader;
mod scan;
pub mod tag;
#[cfg(test)]
mod tests;
mod writer;

pub use error::{DecodeError, DecodeErrorKind, EncodeError};
pub use reader::{Reader, decode, pay, short_int};
pub use scan::Scan;
pub use writer::{
    Digits, SPLICE, Sink, make_room, put_big_int, put_bool, put_bytes, put_bytes_blob, put_bytes_header, put_float,
    put_int, put_none, put_str, put_text, put_tuple_header, put_value,
};
