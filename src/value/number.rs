//! Integers of any size as values.

use super::{BigInt, Blob, IntTextError, Text, Value};
use num_bigint::BigInt as Number;
use num_bigint::Sign;

impl Value {
    /// Parses a decimal integer: an optional sign, then digits.
    pub fn int_from_text(text: &[u8], max_digits: usize) -> Result<Value, IntTextError> {
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(IntTextError::Malformed);
        }
        let zeros = digits.iter().take_while(|d| **d == b'0').count();
        int_from_digits(negative, digits.get(zeros..).unwrap_or(&[]), max_digits)
    }

    /// Parses an integer in its canonical form; the sign may only be a minus.
    pub(crate) fn int_from_canonical(text: &[u8], max_digits: usize) -> Result<Value, IntTextError> {
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, text),
        };
        match digits {
            [b'0'] if !negative => Ok(Value::Int(0)),
            [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => {
                int_from_digits(negative, digits, max_digits)
            }
            _ => Err(IntTextError::Malformed),
        }
    }

    /// An integer from two's complement, little endian, of any length; no bytes are 0.
    pub fn int_from_le_bytes(bytes: &[u8]) -> Value {
        if bytes.len() <= 8 {
            let fill = if bytes.last().is_some_and(|b| b & 0x80 != 0) { 0xff } else { 0 };
            let mut all = [fill; 8];
            for (to, from) in all.iter_mut().zip(bytes) {
                *to = *from;
            }
            return Value::Int(i64::from_le_bytes(all));
        }
        from_number(&Number::from_signed_bytes_le(bytes))
    }

    /// The shortest two's complement, little endian, of an integer or bool; 0 is one byte.
    pub fn int_to_le_bytes(&self) -> Option<Vec<u8>> {
        match self {
            Value::Bool(b) => Some(vec![u8::from(*b)]),
            Value::Int(n) => Some(Number::from(*n).to_signed_bytes_le()),
            Value::BigInt(n) => Some(n.to_le_bytes()),
            _ => None,
        }
    }

    /// Formats an integer or bool in decimal.
    pub fn int_to_text(&self) -> Option<Text> {
        match self {
            Value::Bool(b) => Some(Text::new(if *b { "1" } else { "0" })),
            Value::Int(n) => Some(Text::new(itoa::Buffer::new().format(*n))),
            Value::BigInt(n) => Some(n.text().clone()),
            _ => None,
        }
    }

    /// The number, if it is an integer or bool that fits.
    pub fn to_i64(&self) -> Option<i64> {
        match self {
            Value::Bool(b) => Some(i64::from(*b)),
            Value::Int(n) => Some(*n),
            _ => None,
        }
    }

    /// The number, if it is an integer or bool that fits.
    pub fn to_u64(&self) -> Option<u64> {
        match self {
            Value::Bool(b) => Some(u64::from(*b)),
            Value::Int(n) => u64::try_from(*n).ok(),
            Value::BigInt(n) => n.to_u64(),
            _ => None,
        }
    }

    /// The number, if it is a float, or an integer or bool (rounded).
    pub fn to_f64(&self) -> Option<f64> {
        match self {
            Value::Bool(b) => Some(f64::from(u8::from(*b))),
            Value::Int(n) => Some(*n as f64),
            Value::BigInt(n) => Some(n.to_f64()),
            Value::Float(x) => Some(*x),
            _ => None,
        }
    }
}

impl From<i64> for Value {
    #[inline]
    fn from(n: i64) -> Value {
        Value::Int(n)
    }
}

impl From<u64> for Value {
    fn from(n: u64) -> Value {
        match i64::try_from(n) {
            Ok(n) => Value::Int(n),
            Err(_) => Value::BigInt(BigInt(Text::new(itoa::Buffer::new().format(n)))),
        }
    }
}

/// Fast path for canonical integers of up to 18 digits; None for any other string.
#[inline]
pub(crate) fn short_canonical(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if digits.len() > 18 || !matches!(digits, [b'1'..=b'9', ..]) {
        return None;
    }
    let n = match digits.len() {
        4..=8 => eight_digits(digits)?,
        _ => {
            let mut n = 0;
            for byte in digits {
                let digit = byte.wrapping_sub(b'0');
                if digit > 9 {
                    return None;
                }
                n = n * 10 + i64::from(digit);
            }
            n
        }
    };
    Some(if negative { -n } else { n })
}

/// The number that 4 to 8 digits are, all at once.
#[inline(always)]
fn eight_digits(digits: &[u8]) -> Option<i64> {
    let (first, last) = (u32::from_le_bytes(*digits.first_chunk()?), u32::from_le_bytes(*digits.last_chunk()?));
    // The last digit in the highest byte; both parts are alike where they lie on one another.
    let missing = 8 * (8 - digits.len() as u32);
    let text = u64::from(last) << 32 | u64::from(first) << missing;
    let each = text ^ 0x3030_3030_3030_3030 << missing;
    if (each | each.wrapping_add(0x7676_7676_7676_7676)) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    // Pairs of digits, pairs of those, and both halves.
    let pairs = each.wrapping_mul(1 + (10 << 8)) >> 8 & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(1 + (100 << 16)) >> 16 & 0x0000_ffff_0000_ffff;
    Some((fours.wrapping_mul(1 + (10_000 << 32)) >> 32) as i64)
}

/// `digits` has no leading zeros; none at all is 0.
fn int_from_digits(negative: bool, digits: &[u8], limit: usize) -> Result<Value, IntTextError> {
    if digits.len() > limit {
        return Err(IntTextError::TooLong { digits: digits.len(), limit });
    }
    // Downwards, since there is one more negative number than there are positive ones.
    let small = (digits.len() <= 19)
        .then(|| digits.iter().try_fold(0i64, |n, d| n.checked_mul(10)?.checked_sub(i64::from(d - b'0'))));
    if let Some(n) = small.flatten().and_then(|n| if negative { Some(n) } else { n.checked_neg() }) {
        return Ok(Value::Int(n));
    }
    let mut text = Vec::with_capacity(digits.len() + 1);
    if negative {
        text.push(b'-');
    }
    text.extend_from_slice(digits);
    Ok(Value::BigInt(BigInt(Text::checked(Blob::from(text)))))
}

fn from_number(n: &Number) -> Value {
    match i64::try_from(n) {
        Ok(n) => Value::Int(n),
        Err(_) => Value::BigInt(BigInt(Text::from(n.to_string()))),
    }
}

/// The integer that a float is, exactly; None if it has a fraction or is not finite.
pub(super) fn int_of_float(x: f64) -> Option<Value> {
    if !x.is_finite() || x.trunc() != x {
        return None;
    }
    // -2^63 is a float, 2^63 - 1 is not.
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&x) {
        return Some(Value::Int(x as i64));
    }
    let bits = x.abs().to_bits();
    let shift = (bits >> 52) as usize - 1075;
    let mantissa = (bits & ((1 << 52) - 1)) | (1 << 52);
    let size = Number::from(mantissa) << shift;
    let sign = if x < 0.0 { Sign::Minus } else { Sign::Plus };
    Some(from_number(&Number::from_biguint(sign, size.into_parts().1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn big(text: &str) -> BigInt {
        match Value::int_from_text(text.as_bytes(), 4300) {
            Ok(Value::BigInt(n)) => n,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn text_at_the_edges_of_64_bits() {
        for n in [0, 1, -1, 9, 10, i64::MAX, i64::MIN, i64::MAX - 1, i64::MIN + 1] {
            let value = Value::int_from_text(n.to_string().as_bytes(), 4300).unwrap();
            assert!(matches!(value, Value::Int(m) if m == n), "{n}: {value:?}");
            assert_eq!(value.int_to_text().unwrap().as_str(), n.to_string());
        }
        assert_eq!(big("9223372036854775808").text().as_str(), "9223372036854775808");
        assert_eq!(big("-9223372036854775809").text().as_str(), "-9223372036854775809");
        assert_eq!(big("+0009223372036854775808").text().as_str(), "9223372036854775808");
        assert!(matches!(Value::int_from_text(b"-000", 4300), Ok(Value::Int(0))));
    }

    #[test]
    fn only_decimal_text() {
        for bad in ["", "-", "+", "--1", "+-1", " 1", "1 ", "1_0", "0x1", "1.0", "\u{661}", "1\0"] {
            assert_eq!(Value::int_from_text(bad.as_bytes(), 4300).unwrap_err(), IntTextError::Malformed, "{bad:?}");
        }
        for bad in ["", "-", "-0", "00", "01", "-01", "+1", " 1", "1_0"] {
            assert_eq!(
                Value::int_from_canonical(bad.as_bytes(), 4300).unwrap_err(),
                IntTextError::Malformed,
                "{bad:?}"
            );
        }
        assert!(matches!(Value::int_from_canonical(b"0", 4300), Ok(Value::Int(0))));
        for text in ["1", "-1", "42", "999999999999999999", "-999999999999999999"] {
            assert_eq!(short_canonical(text.as_bytes()), text.parse().ok());
        }
        for text in ["", "-", "0", "-0", "01", "+1", "1_0", "1x", "1000000000000000000", "-1000000000000000000"] {
            assert_eq!(short_canonical(text.as_bytes()), None);
        }
        for length in 1..=10 {
            let text = "1234567890".get(..length).unwrap();
            let (least, most) = (10i64.pow(length as u32 - 1), 10i64.pow(length as u32) - 1);
            for number in [text.parse().unwrap(), least, most, -least, -most] {
                assert_eq!(short_canonical(number.to_string().as_bytes()), Some(number));
            }
            // A character that is not a digit, at each place.
            for at in 1..length {
                for wrong in [b'/', b':', b'-', b' ', 0, 9, 0x7f, 0x80, 0xb0, 0xb9, 0xff] {
                    let mut text = text.as_bytes().to_vec();
                    *text.get_mut(at).unwrap() = wrong;
                    assert_eq!(short_canonical(&text), None, "{text:?}");
                }
            }
        }
    }

    #[test]
    fn digits_are_counted_without_sign_and_zeros() {
        assert!(Value::int_from_text(b"-00123", 3).is_ok());
        let error = Value::int_from_text(b"1234", 3).unwrap_err();
        assert_eq!(error, IntTextError::TooLong { digits: 4, limit: 3 });
        assert_eq!(big("-99999999999999999999").digits(), 20);
    }

    #[test]
    fn unsigned() {
        assert!(matches!(Value::from(5u64), Value::Int(5)));
        let max = Value::from(u64::MAX);
        assert_eq!(max.to_u64(), Some(u64::MAX));
        assert_eq!(max.to_i64(), None);
        assert_eq!(Value::Int(-1).to_u64(), None);
        assert_eq!(big("18446744073709551616").to_u64(), None);
        assert_eq!(big("-18446744073709551616").to_u64(), None);
    }

    #[test]
    fn bytes_both_ways() {
        let cases: [(&str, &[u8]); 9] = [
            ("0", &[0]),
            ("1", &[1]),
            ("-1", &[0xff]),
            ("127", &[0x7f]),
            ("128", &[0x80, 0]),
            ("-128", &[0x80]),
            ("9223372036854775807", &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
            ("9223372036854775808", &[0, 0, 0, 0, 0, 0, 0, 0x80, 0]),
            ("-9223372036854775809", &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff]),
        ];
        for (text, bytes) in cases {
            let value = Value::int_from_text(text.as_bytes(), 4300).unwrap();
            assert_eq!(value.int_to_le_bytes().unwrap(), bytes, "{text}");
            let back = Value::int_from_le_bytes(bytes);
            assert_eq!(back.int_to_text().unwrap().as_str(), text);
        }
        assert!(matches!(Value::int_from_le_bytes(&[]), Value::Int(0)));
        assert!(matches!(Value::int_from_le_bytes(&[0xff; 20]), Value::Int(-1)));
        assert!(matches!(Value::int_from_le_bytes(&[0; 20]), Value::Int(0)));
    }

    #[test]
    fn floats_that_are_integers() {
        let text = |x: f64| int_of_float(x).and_then(|v| v.int_to_text()).map(|t| t.to_string());
        assert_eq!(text(-0.0).as_deref(), Some("0"));
        assert_eq!(text(1e15).as_deref(), Some("1000000000000000"));
        assert_eq!(text(-9223372036854775808.0).as_deref(), Some("-9223372036854775808"));
        assert!(matches!(int_of_float(-9223372036854775808.0), Some(Value::Int(i64::MIN))));
        assert_eq!(text(9223372036854775808.0).as_deref(), Some("9223372036854775808"));
        assert_eq!(text(-1e23).as_deref(), Some("-99999999999999991611392"));
        assert_eq!(text(f64::MAX).map(|t| t.len()), Some(309));
        for x in [0.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 5e-324, -1.25] {
            assert_eq!(text(x), None);
        }
    }
}
