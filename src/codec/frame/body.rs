//! Storage of a large body, in which its long bytes begin at a multiple of 64: numbers in them can be read in place.

use crate::budget::{Charge, Storage};
use crate::codec::brine::tag;
use crate::value::{ALIGNED, ALIGNMENT};
use std::collections::TryReserveError;
use std::sync::Arc;

/// The number of bytes of a body that are needed to find its long bytes. If they are not found, they are copied when
/// read.
pub(super) const ENOUGH: usize = 64;
/// No more of it is looked at.
const LOOK: usize = 1024;
/// The parts that the native dialect sends beside a skeleton begin at a multiple of this in the body, after a byte with
/// the number of padding bytes that follow it.
const PART: usize = 8;
const NATIVE_BOX: [u8; 2] = [tag::TUPLE_2, tag::small_int(5)];
const LENGTH: usize = 4;

/// The body and what follows it, as far as they are here.
#[derive(Default)]
pub(super) struct Body {
    /// Preceded by `pad` bytes.
    bytes: Vec<u8>,
    pad: usize,
    /// The offset of the long bytes in it.
    long: usize,
}

/// Finds the offset of the first long bytes from the beginning of a body. This is a guess: a wrong one costs a copy.
pub(super) fn find_long(begun: &[u8], size: usize) -> Option<usize> {
    let begun = begun.get(..LOOK).unwrap_or(begun);
    let length_at = |at: usize| begun.get(at..)?.first_chunk::<LENGTH>().map(|n| u32::from_be_bytes(*n) as usize);
    for (at, byte) in begun.iter().enumerate() {
        let is_text = at.checked_sub(1).and_then(|before| begun.get(before)) == Some(&tag::STR);
        if *byte != tag::BYTES_L4 || is_text {
            continue;
        }
        let start = at + 1 + LENGTH;
        match length_at(at + 1) {
            Some(length) if length >= ALIGNED && length <= size.saturating_sub(start) => {
                return Some(start + padding(begun, start));
            }
            Some(_) => {}
            None => return None,
        }
    }
    None
}

/// The number of bytes before the elements in a part beside a native skeleton; 0 for anything else.
fn padding(begun: &[u8], start: usize) -> usize {
    let (head, part) = begun.split_at(start.min(begun.len()));
    match part.first().map(|n| usize::from(*n)) {
        Some(n)
            if n < PART
                && (start + 1 + n) % PART == 0
                && head.windows(NATIVE_BOX.len()).any(|two| two == NATIVE_BOX) =>
        {
            1 + n
        }
        _ => 0,
    }
}

impl Body {
    /// Begins a body of `size` bytes, of which `begun` have arrived, with storage for `capacity`.
    pub fn begin(begun: &[u8], size: usize, capacity: usize) -> Result<Body, TryReserveError> {
        let mut body = Body { bytes: Vec::new(), pad: 0, long: find_long(begun, size).unwrap_or(0) };
        body.reserve(capacity.max(begun.len()))?;
        body.bytes.extend_from_slice(begun);
        Ok(body)
    }

    /// One that is whole.
    pub fn whole(bytes: Vec<u8>) -> Body {
        let long = find_long(&bytes, bytes.len());
        let mut body = Body { bytes, pad: 0, long: long.unwrap_or(0) };
        if long.is_some() && body.reserve(0).is_err() {
            // Its long bytes are copied when they are read, if there is memory then.
            body.long = 0;
        }
        body
    }

    pub fn data(&self) -> &[u8] {
        self.bytes.get(self.pad..).unwrap_or(&[])
    }

    pub fn len(&self) -> usize {
        self.bytes.len() - self.pad
    }

    pub fn spare(&self) -> usize {
        self.bytes.capacity() - self.bytes.len()
    }

    /// The buffer to which more of it is appended.
    pub fn end(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    pub fn truncate(&mut self, len: usize) {
        self.bytes.truncate(self.pad + len);
    }

    /// Makes storage for `more` bytes; the body may move.
    pub fn reserve(&mut self, more: usize) -> Result<(), TryReserveError> {
        self.bytes.try_reserve_exact(more + ALIGNMENT - self.pad)?;
        let (pad, len) = (self.bytes.as_ptr().addr().wrapping_add(self.long).wrapping_neg() % ALIGNMENT, self.len());
        if pad != self.pad {
            self.bytes.resize(len + pad.max(self.pad), 0);
            self.bytes.copy_within(self.pad..self.pad + len, pad);
            self.bytes.truncate(pad + len);
            self.pad = pad;
        }
        Ok(())
    }

    /// The storage with the charge for it, and where in it the body begins.
    pub fn into_owner(self, charge: Charge) -> (Arc<Storage>, usize) {
        (Arc::new(Storage { bytes: self.bytes, charge }), self.pad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{brine, native};
    use crate::value::{Array, Element, Limits, Value};

    /// A reply with this value in a box.
    fn reply(native: bool, value: &Value) -> Vec<u8> {
        let mut body = vec![2];
        brine::put_tuple_header(&mut body, 2);
        brine::put_int(&mut body, 70_000);
        body.extend([tag::TUPLE_2, tag::small_int(if native { 5 } else { 1 })]);
        match native {
            true => native::put(&mut body, value, 10, 0, true, &|_| None).unwrap(),
            false => brine::put_value(&mut body, value, &Limits::default()).unwrap(),
        }
        body
    }

    fn doubles(n: usize) -> Vec<u8> {
        vec![0; 8 * n]
    }

    #[test]
    fn long_bytes_begin_at_a_multiple_of_64_however_they_arrive() {
        let long = Value::bytes(&doubles(10_000));
        let array = Value::Array(Array::copy(Element::F64, &doubles(10_000)).unwrap());
        let values = [
            (false, long.clone()),
            (false, Value::tuple(vec![Value::str("<f8"), long.clone(), Value::Int(1)])),
            (false, Value::tuple(vec![Value::str(&"t".repeat(100_000)), long])),
            (true, array),
        ];
        for (at, (native, value)) in values.iter().enumerate() {
            let bytes = reply(*native, value);
            let found = find_long(&bytes, bytes.len());
            assert_eq!(found.is_some(), at != 2);
            let begun = &bytes[..ENOUGH.min(bytes.len())];
            let mut body = Body::begin(begun, bytes.len(), begun.len()).unwrap();
            for piece in bytes[begun.len()..].chunks(30_000) {
                body.reserve(piece.len()).unwrap();
                assert!(body.spare() >= piece.len());
                body.end().extend_from_slice(piece);
            }
            assert_eq!((body.data(), body.len()), (&bytes[..], bytes.len()));
            for body in [body, Body::whole(bytes.clone())] {
                let (owner, start) = body.into_owner(Charge::default());
                let owner = &owner.bytes;
                assert_eq!(&owner[start..start + bytes.len()], bytes);
                if let Some(long) = found {
                    assert_eq!(owner[start + long..].as_ptr().addr() % ALIGNMENT, 0);
                }
            }
        }
    }

    #[test]
    fn hostile_beginnings_are_no_long_bytes() {
        for bytes in [&[][..], &[tag::BYTES_L4], &[tag::BYTES_L4, 0, 1], &[tag::BYTES_L4; 2000], &[0xff; 2000]] {
            for size in [0, 1, 100_000, usize::MAX] {
                if let Some(long) = find_long(bytes, size) {
                    assert!(long < size);
                }
                assert_eq!(Body::begin(bytes, size, bytes.len()).unwrap().data(), bytes);
            }
        }
    }
}
