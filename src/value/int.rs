//! Integers beyond 64 bits, as the decimal digits of the wire.

use super::Text;
use num_bigint::BigInt as Number;

/// An integer outside of 64 bits, stored as canonical decimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BigInt(pub(super) Text);

/// The reason why a string is not an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntTextError {
    #[error("not a decimal integer")]
    Malformed,
    #[error("an integer of {digits} digits exceeds the limit of {limit}")]
    TooLong { digits: usize, limit: usize },
}

impl BigInt {
    /// Its decimal digits, with a sign where it is negative.
    pub fn text(&self) -> &Text {
        &self.0
    }

    /// Returns whether the integer is below 0.
    pub fn is_negative(&self) -> bool {
        self.0.as_bytes().first() == Some(&b'-')
    }

    /// Returns the number of digits, without the sign.
    pub fn digits(&self) -> usize {
        self.0.as_bytes().len() - usize::from(self.is_negative())
    }

    /// Converts to 64 bits, if it fits.
    pub fn to_u64(&self) -> Option<u64> {
        self.0.as_str().parse().ok()
    }

    /// The nearest float; infinite beyond the range of floats.
    pub fn to_f64(&self) -> f64 {
        self.0.as_str().parse().unwrap_or(f64::NAN)
    }

    /// The shortest two's complement, little endian.
    pub fn to_le_bytes(&self) -> Vec<u8> {
        self.number().to_signed_bytes_le()
    }

    pub(super) fn number(&self) -> Number {
        Number::parse_bytes(self.0.as_bytes(), 10).unwrap_or_default()
    }
}
