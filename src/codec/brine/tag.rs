//! The first byte of each kind of value.

pub const NONE: u8 = 0x00;
pub const BYTES_0: u8 = 0x01;
pub const TUPLE_0: u8 = 0x02;
pub const TRUE: u8 = 0x03;
pub const FALSE: u8 = 0x04;
pub const NOT_IMPLEMENTED: u8 = 0x05;
pub const ELLIPSIS: u8 = 0x06;
/// The UTF-8 follows as bytes.
pub const STR: u8 = 0x08;
pub const LONG: u8 = 0x09;
pub const BYTES_1: u8 = 0x0a;
pub const BYTES_4: u8 = 0x0d;
/// A length in one byte, and the bytes; then the same with a length in four bytes.
pub const BYTES_L1: u8 = 0x0e;
pub const BYTES_L4: u8 = 0x0f;
pub const TUPLE_1: u8 = 0x10;
pub const TUPLE_2: u8 = 0x11;
pub const TUPLE_3: u8 = 0x12;
pub const TUPLE_4: u8 = 0x13;
pub const TUPLE_L1: u8 = 0x14;
pub const TUPLE_L4: u8 = 0x15;
/// The decimal digits follow, with their length in one byte or four.
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
pub const INT_0: u8 = small_int(0);

/// The tag that is such an int, of which there are few.
pub const fn small_int(n: i64) -> u8 {
    assert!(n >= INT_FIRST as i64 - INT_BIAS && n <= INT_LAST as i64 - INT_BIAS);
    (n + INT_BIAS) as u8
}
