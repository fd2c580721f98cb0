//! Numbers of one type, one behind the other in memory: what C has as an array.

use super::Blob;
use super::blob::Aligned;
use std::sync::Arc;

/// The element type of an array. The numbers are those of the native wire format and of `RPYC_ARRAY_...`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Element {
    /// Integers of 8 bits with a sign.
    I8 = 1,
    /// Integers of 8 bits without a sign.
    U8,
    /// Integers of 16 bits with a sign.
    I16,
    /// Integers of 16 bits without a sign.
    U16,
    /// Integers of 32 bits with a sign.
    I32,
    /// Integers of 32 bits without a sign.
    U32,
    /// Integers of 64 bits with a sign.
    I64,
    /// Integers of 64 bits without a sign.
    U64,
    /// Floats of 32 bits.
    F32,
    /// Floats of 64 bits.
    F64,
}

impl Element {
    /// All of them, in the order of their numbers.
    pub const ALL: [Element; 10] = {
        use Element::*;
        [I8, U8, I16, U16, I32, U32, I64, U64, F32, F64]
    };

    /// The one with this number.
    pub fn from_number(number: i64) -> Option<Element> {
        usize::try_from(number).ok().and_then(|n| n.checked_sub(1)).and_then(|n| Element::ALL.get(n)).copied()
    }

    /// Bytes of one, which is also what its address is a multiple of.
    pub fn size(self) -> usize {
        match self {
            Element::I8 | Element::U8 => 1,
            Element::I16 | Element::U16 => 2,
            Element::I32 | Element::U32 | Element::F32 => 4,
            Element::I64 | Element::U64 | Element::F64 => 8,
        }
    }

    /// The numpy type string, in the byte order of the wire.
    pub fn type_string(self) -> &'static str {
        match self {
            Element::I8 => "|i1",
            Element::U8 => "|u1",
            Element::I16 => "<i2",
            Element::U16 => "<u2",
            Element::I32 => "<i4",
            Element::U32 => "<u4",
            Element::I64 => "<i8",
            Element::U64 => "<u8",
            Element::F32 => "<f4",
            Element::F64 => "<f8",
        }
    }

    /// The letter that Python's module array has for it.
    pub fn code(self) -> char {
        match self {
            Element::I8 => 'b',
            Element::U8 => 'B',
            Element::I16 => 'h',
            Element::U16 => 'H',
            Element::I32 => 'i',
            Element::U32 => 'I',
            Element::I64 => 'q',
            Element::U64 => 'Q',
            Element::F32 => 'f',
            Element::F64 => 'd',
        }
    }
}

/// The reason why bytes cannot form an array.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoArray {
    #[error("{bytes} bytes are not a multiple of the element size, {size} bytes")]
    Uneven { bytes: usize, size: usize },
    #[error("no memory for an array of {bytes} bytes")]
    OutOfMemory { bytes: usize },
}

/// Immutable numbers in the byte order of this machine, where a pointer to their type may lead; cheap to clone.
#[derive(Clone, Debug)]
pub struct Array(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    element: Element,
    /// Never inline: an inline blob moves.
    data: Blob,
}

/// The largest element, and what its address is a multiple of.
const ALIGN: usize = 8;

impl Array {
    /// Copies elements.
    pub fn copy(element: Element, data: &[u8]) -> Result<Array, NoArray> {
        let size = whole(element, data.len())?;
        let failed = NoArray::OutOfMemory { bytes: size };
        let aligned = Aligned::copy(data, ALIGN).map_err(|_| failed.clone())?;
        let data = Blob::foreign(Arc::new(aligned)).ok_or(failed)?;
        Ok(Array(Arc::new(Inner { element, data })))
    }

    /// Makes an array over shared bytes. They are copied only if they are not aligned for their type.
    pub fn share(element: Element, data: Blob) -> Result<Array, NoArray> {
        whole(element, data.len())?;
        if data.is_inline() || data.as_ptr().addr() % element.size() != 0 {
            return Array::copy(element, &data);
        }
        Ok(Array(Arc::new(Inner { element, data })))
    }

    /// Elements as they travel: least significant byte first.
    pub fn from_wire(element: Element, data: Blob) -> Result<Array, NoArray> {
        match cfg!(target_endian = "big") {
            true => Array::copy(element, &swapped(element, &data)),
            false => Array::share(element, data),
        }
    }

    /// The elements as they travel; the array's own memory where that is the same.
    pub fn to_wire(&self) -> Blob {
        match cfg!(target_endian = "big") {
            true => swapped(self.element(), self.data()).into(),
            false => self.0.data.clone(),
        }
    }

    /// A range of elements, cut at the end of the array; it shares the array's memory where that pays.
    pub fn part(&self, start: usize, len: usize) -> Array {
        let size = self.element().size();
        let data = self.0.data.part(start.saturating_mul(size), len.saturating_mul(size));
        Array::share(self.element(), data).unwrap_or_else(|_| self.clone())
    }

    /// Returns the element type.
    pub fn element(&self) -> Element {
        self.0.element
    }

    /// The elements, in the byte order of this machine.
    pub fn data(&self) -> &[u8] {
        &self.0.data
    }

    /// Returns the number of elements.
    pub fn len(&self) -> usize {
        self.data().len() / self.element().size()
    }

    /// Returns whether the array is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements at these indices, as an array of the same type.
    pub fn pick(&self, indices: impl Iterator<Item = usize>) -> Result<Array, NoArray> {
        let size = self.element().size();
        let elements = indices.filter_map(|at| self.data().chunks_exact(size).nth(at));
        let mut picked = Vec::new();
        for element in elements {
            let bytes = picked.len();
            picked.try_reserve(size).map_err(|_| NoArray::OutOfMemory { bytes })?;
            picked.extend_from_slice(element);
        }
        Array::copy(self.element(), &picked)
    }

    /// The elements as bytes, in the byte order of this machine; the array's own memory.
    pub fn to_bytes(&self) -> Blob {
        self.0.data.clone()
    }
}

/// Equality of type and of every bit.
impl PartialEq for Array {
    fn eq(&self, other: &Array) -> bool {
        self.element() == other.element() && self.data() == other.data()
    }
}

fn whole(element: Element, bytes: usize) -> Result<usize, NoArray> {
    match bytes % element.size() {
        0 => Ok(bytes),
        _ => Err(NoArray::Uneven { bytes, size: element.size() }),
    }
}

pub(super) fn swapped(element: Element, data: &[u8]) -> Vec<u8> {
    data.chunks_exact(element.size()).flat_map(|bytes| bytes.iter().rev().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    fn doubles(numbers: &[f64]) -> Vec<u8> {
        numbers.iter().flat_map(|x| x.to_ne_bytes()).collect()
    }

    #[test]
    fn the_numbers_are_read_as_they_were_written() {
        let all = [
            (Element::I8, (-1i8).to_ne_bytes().to_vec(), Value::Int(-1)),
            (Element::U8, vec![255], Value::Int(255)),
            (Element::I16, i16::MIN.to_ne_bytes().to_vec(), Value::Int(i16::MIN.into())),
            (Element::U16, u16::MAX.to_ne_bytes().to_vec(), Value::Int(u16::MAX.into())),
            (Element::I32, i32::MIN.to_ne_bytes().to_vec(), Value::Int(i32::MIN.into())),
            (Element::U32, u32::MAX.to_ne_bytes().to_vec(), Value::Int(u32::MAX.into())),
            (Element::I64, i64::MIN.to_ne_bytes().to_vec(), Value::Int(i64::MIN)),
            (Element::U64, u64::MAX.to_ne_bytes().to_vec(), Value::from(u64::MAX)),
            (Element::F32, 0.5f32.to_ne_bytes().to_vec(), Value::Float(0.5)),
            (Element::F64, 0.1f64.to_ne_bytes().to_vec(), Value::Float(0.1)),
        ];
        for (at, (element, bytes, wanted)) in all.into_iter().enumerate() {
            assert_eq!(Element::from_number(at as i64 + 1), Some(element));
            assert_eq!(element as usize, at + 1);
            let array = Array::copy(element, &bytes).unwrap();
            assert_eq!((array.len(), array.get(0), array.get(1)), (1, Some(wanted.clone()), None));
            assert_eq!(array.iter().collect::<Vec<_>>(), [wanted]);
            assert_eq!(Array::from_wire(element, array.to_wire()).unwrap(), array);
            assert_eq!(Array::copy(element, &[]).unwrap().len(), 0);
            if element.size() > 1 {
                let refused = Array::copy(element, &bytes[1..]).unwrap_err();
                assert!(matches!(refused, NoArray::Uneven { .. }), "{refused}");
            }
        }
        assert_eq!([Element::from_number(0), Element::from_number(11), Element::from_number(-1)], [None; 3]);
    }

    #[test]
    fn the_numbers_lie_where_a_pointer_may_lead() {
        let bytes = doubles(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        for shift in 0..9 {
            let mut shifted = vec![0; shift];
            shifted.extend_from_slice(&bytes);
            let owner = Arc::new(shifted);
            let lies_well = owner[shift..].as_ptr().addr() % 8 == 0;
            let array = Array::share(Element::F64, Blob::slice_of(&owner, shift, bytes.len())).unwrap();
            assert_eq!(array.data().as_ptr().addr() % 8, 0);
            assert_eq!(array.data(), bytes);
            assert_eq!(array.data().as_ptr() == owner[shift..].as_ptr(), lies_well);
        }
        // A short blob is stored inline and would move.
        let array = Array::share(Element::F64, Blob::copy(&bytes[..24])).unwrap();
        assert_eq!(array.data().as_ptr().addr() % 8, 0);
        assert_eq!(Array::copy(Element::F64, &[]).unwrap().data().as_ptr().addr() % 8, 0);
    }

    #[test]
    fn bytes_are_swapped_by_element() {
        assert_eq!(swapped(Element::U16, &[1, 2, 3, 4]), [2, 1, 4, 3]);
        assert_eq!(swapped(Element::I8, &[1, 2]), [1, 2]);
    }
}
