//! Brine that passes by in pieces and is not kept: only how its values begin is seen.

use super::tag;

/// Counts the places where values begin with certain tags, one after the other.
pub struct Scan {
    /// Its first byte does not occur again in it.
    sought: &'static [u8],
    matched: usize,
    found: usize,
    next: Next,
}

/// The role of the next byte.
#[derive(Clone, Copy)]
enum Next {
    Tag,
    /// Part of a length, with the number of missing bytes. `content`: the length of the bytes that follow, otherwise a
    /// count of values.
    Length {
        left: u8,
        length: usize,
        content: bool,
    },
    /// Part of the contents of a value, which contain no tags.
    Content(usize),
    /// It is not brine, or some of it was left out.
    Unknown,
}

impl Scan {
    pub fn new(sought: &'static [u8]) -> Scan {
        Scan { sought, matched: 0, found: 0, next: Next::Tag }
    }

    /// The number of places found so far.
    pub fn found(&self) -> usize {
        self.found
    }

    /// Returns whether everything was understood.
    pub fn is_sure(&self) -> bool {
        !matches!(self.next, Next::Unknown)
    }

    /// Ignores all further bytes.
    pub fn stop(&mut self) {
        self.next = Next::Unknown;
    }

    /// Processes the next bytes.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            match self.next {
                Next::Tag => {
                    self.begin(*first);
                    bytes = rest;
                }
                Next::Length { left, length, content } => {
                    let length = length << 8 | usize::from(*first);
                    self.next = match (left, content) {
                        (2.., _) => Next::Length { left: left - 1, length, content },
                        (_, true) => content_of(length),
                        (_, false) => Next::Tag,
                    };
                    bytes = rest;
                }
                Next::Content(left) => {
                    let passed = left.min(bytes.len());
                    self.next = content_of(left - passed);
                    bytes = bytes.get(passed..).unwrap_or(&[]);
                }
                Next::Unknown => return,
            }
        }
    }

    fn begin(&mut self, first: u8) {
        let goes_on = self.sought.get(self.matched) == Some(&first);
        self.matched = if goes_on { self.matched + 1 } else { usize::from(self.sought.first() == Some(&first)) };
        if self.matched == self.sought.len() && self.matched > 0 {
            self.found += 1;
            self.matched = 0;
        }
        let length = |left, content| Next::Length { left, length: 0, content };
        self.next = match first {
            tag::BYTES_1..=tag::BYTES_4 => Next::Content(usize::from(first - tag::BYTES_1) + 1),
            tag::BYTES_L1 | tag::INT_L1 => length(1, true),
            tag::BYTES_L4 | tag::INT_L4 => length(4, true),
            tag::TUPLE_L1 => length(1, false),
            tag::TUPLE_L4 => length(4, false),
            tag::FLOAT => Next::Content(8),
            tag::COMPLEX => Next::Content(16),
            tag::INT_FIRST..=tag::INT_LAST
            | tag::NONE
            | tag::BYTES_0
            | tag::TUPLE_0
            | tag::TRUE
            | tag::FALSE
            | tag::NOT_IMPLEMENTED
            | tag::ELLIPSIS
            | tag::STR
            | tag::TUPLE_1..=tag::TUPLE_4
            | tag::SLICE
            | tag::FROZENSET => Next::Tag,
            _ => Next::Unknown,
        };
    }
}

fn content_of(length: usize) -> Next {
    if length == 0 { Next::Tag } else { Next::Content(length) }
}

#[cfg(test)]
mod tests {
    use super::super::put_value;
    use super::*;
    use crate::value::{Limits, Value};

    const SOUGHT: [u8; 3] = [tag::TUPLE_2, tag::small_int(4), tag::TUPLE_3];

    fn found(bytes: &[u8], piece: usize) -> (usize, bool) {
        let mut scan = Scan::new(&SOUGHT);
        bytes.chunks(piece).for_each(|piece| scan.push(piece));
        (scan.found(), scan.is_sure())
    }

    #[test]
    fn tags_one_after_the_other() {
        let mine =
            || Value::tuple(vec![Value::Int(4), Value::tuple(vec![Value::str("a.B"), Value::Int(1), Value::Int(2)])]);
        let misleading = Value::bytes(&SOUGHT.repeat(200));
        let number = Value::int_from_canonical(b"1234567890123456789012345678901234567890", 4300).unwrap();
        let others = vec![
            misleading,
            Value::bytes(&SOUGHT),
            Value::Float(f64::from_be_bytes([0x11; 8])),
            Value::Complex(1.5, -0.0),
            number,
            Value::Slice(std::sync::Arc::new([Value::None, Value::Int(4), Value::str("é")]).into()),
            Value::tuple(vec![Value::Int(4); 300]),
        ];
        let all = others.into_iter().chain([mine(), Value::tuple(vec![mine(), mine()])]);
        let mut bytes = Vec::new();
        put_value(&mut bytes, &Value::tuple(all.collect()), &Limits::default()).unwrap();
        for piece in [1, 2, 3, 7, bytes.len()] {
            assert_eq!(found(&bytes, piece), (3, true));
        }
        for cut in 0..bytes.len() {
            assert!(found(&bytes[..cut], 5).0 <= 3);
        }
    }

    #[test]
    fn what_is_no_brine() {
        assert_eq!(found(&[&SOUGHT[..], &[0x07], &SOUGHT].concat(), 1), (1, false));
        let mut scan = Scan::new(&SOUGHT);
        scan.stop();
        scan.push(&SOUGHT);
        assert!(scan.found() == 0 && !scan.is_sure());
    }
}
