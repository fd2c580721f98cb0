//! Brine, RPyC's form of plain values: one tag byte, then the content; all numbers big endian.

mod error;
mod flat;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use error::{DecodeError, DecodeErrorKind, EncodeError};
pub use reader::{Reader, decode};
pub use writer::{
    Digits, Sink, put_big_int, put_bool, put_bytes, put_bytes_blob, put_bytes_header, put_float, put_int, put_none,
    put_str, put_text, put_tuple_header, put_value,
};

/// Stands before a length in 4 bytes and so many bytes.
pub const LONG_BYTES: u8 = tag::BYTES_L4;

mod tag {
    pub const NONE: u8 = 0x00;
    pub const BYTES_0: u8 = 0x01;
    pub const TUPLE_0: u8 = 0x02;
    pub const TRUE: u8 = 0x03;
    pub const FALSE: u8 = 0x04;
    pub const NOT_IMPLEMENTED: u8 = 0x05;
    pub const ELLIPSIS: u8 = 0x06;
    pub const STR: u8 = 0x08;
    pub const LONG: u8 = 0x09;
    pub const BYTES_1: u8 = 0x0a;
    pub const BYTES_4: u8 = 0x0d;
    pub const BYTES_L1: u8 = 0x0e;
    pub const BYTES_L4: u8 = 0x0f;
    pub const TUPLE_1: u8 = 0x10;
    pub const TUPLE_4: u8 = 0x13;
    pub const TUPLE_L1: u8 = 0x14;
    pub const TUPLE_L4: u8 = 0x15;
    pub const INT_L1: u8 = 0x16;
    pub const INT_L4: u8 = 0x17;
    pub const FLOAT: u8 = 0x18;
    pub const SLICE: u8 = 0x19;
    pub const FROZENSET: u8 = 0x1a;
    pub const COMPLEX: u8 = 0x1b;
    /// The ints from -48 to 159 are their own tags.
    pub const INT_FIRST: u8 = 0x20;
    pub const INT_LAST: u8 = 0xef;
    pub const INT_BIAS: i64 = 80;
}
