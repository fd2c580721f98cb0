//! The memory layout of numbers that were copied from elsewhere, and arrays of them.

use super::array::swapped;
use super::{Array, Blob, Element, NoArray, Value};

/// The type of numbers in memory, in the notation of Python's `struct`, `array` and numpy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    number: Number,
    /// Most significant byte first.
    big: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Of(Element),
    /// One byte each, 0 for False.
    Bool,
    /// Floats of 16 bits, which become floats of 32.
    Half,
}

/// Numbers with their shape: the length in each dimension.
pub type Shaped = (Array, Vec<usize>);

impl Layout {
    /// Parses numpy's `dtype.str`, such as `<f8`. None for types that an array cannot have.
    pub fn of_numpy(text: &str) -> Option<Layout> {
        let mut chars = text.chars();
        let (order, kind) = (chars.next()?, chars.next()?);
        let size = chars.as_str().parse().ok()?;
        let number = match (kind, size) {
            ('b', 1) => Number::Bool,
            ('i', _) => Number::Of(Layout::integer(true, size)?),
            ('u', _) => Number::Of(Layout::integer(false, size)?),
            ('f', 2) => Number::Half,
            ('f', 4) => Number::Of(Element::F32),
            ('f', 8) => Number::Of(Element::F64),
            _ => return None,
        };
        Some(Layout { number, big: order == '>' })
    }

    /// Parses `array.typecode` or `memoryview.format`, such as `d` or `<i`, for items of `size` bytes each, if there
    /// are any. Without a byte order, that of this machine applies.
    pub fn of_code(text: &str, size: Option<usize>) -> Option<Layout> {
        let code = text.trim_start_matches(['@', '=', '<', '>', '!']);
        let size = size.unwrap_or(match code {
            "b" | "B" | "?" => 1,
            "h" | "H" | "e" => 2,
            "i" | "I" | "f" => 4,
            _ => 8,
        });
        let number = match (code, size) {
            ("?", 1) => Number::Bool,
            ("b" | "h" | "i" | "l" | "q" | "n", _) => Number::Of(Layout::integer(true, size)?),
            ("B" | "H" | "I" | "L" | "Q" | "N", _) => Number::Of(Layout::integer(false, size)?),
            ("e", 2) => Number::Half,
            ("f", 4) => Number::Of(Element::F32),
            ("d", 8) => Number::Of(Element::F64),
            _ => return None,
        };
        let big = match text.chars().next() {
            Some('<') => false,
            Some('>' | '!') => true,
            _ => cfg!(target_endian = "big"),
        };
        Some(Layout { number, big })
    }

    fn integer(signed: bool, size: usize) -> Option<Element> {
        Some(match (signed, size) {
            (true, 1) => Element::I8,
            (true, 2) => Element::I16,
            (true, 4) => Element::I32,
            (true, 8) => Element::I64,
            (false, 1) => Element::U8,
            (false, 2) => Element::U16,
            (false, 4) => Element::U32,
            (false, 8) => Element::U64,
            _ => return None,
        })
    }

    /// Bytes of one number.
    pub fn size(self) -> usize {
        match self.number {
            Number::Of(element) => element.size(),
            Number::Bool => 1,
            Number::Half => 2,
        }
    }

    /// Returns whether the numbers are bools.
    pub fn is_bool(self) -> bool {
        self.number == Number::Bool
    }

    /// The numbers that lie in `data`; truths as 0 and 1.
    pub fn read(self, data: Blob) -> Result<Array, NoArray> {
        let element = match self.number {
            Number::Of(element) => element,
            Number::Bool => {
                return Array::copy(Element::U8, &data.iter().map(|n| u8::from(*n != 0)).collect::<Vec<_>>());
            }
            Number::Half => {
                let halves = data.chunks_exact(2).filter_map(|bytes| bytes.first_chunk());
                let read =
                    |bytes: &[u8; 2]| if self.big { u16::from_be_bytes(*bytes) } else { u16::from_le_bytes(*bytes) };
                let floats: Vec<u8> = halves.flat_map(|bytes| half(read(bytes)).to_ne_bytes()).collect();
                return Array::copy(Element::F32, &floats);
            }
        };
        match self.big == cfg!(target_endian = "big") {
            true => Array::share(element, data),
            false => Array::copy(element, &swapped(element, &data)),
        }
    }
}

/// A float of 16 bits: a sign, 5 bits of exponent, 10 of fraction.
fn half(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let (exponent, fraction) = (u32::from(bits >> 10 & 0x1f), u32::from(bits & 0x3ff));
    match exponent {
        0 => {
            let small = fraction as f32 / 16_777_216.0;
            if sign == 0 { small } else { -small }
        }
        31 => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | ((exponent + 112) << 23) | (fraction << 13)),
    }
}

impl Element {
    /// Infers the element type of floats, ints or bools. None if they are not all of one kind, or if there are none.
    pub fn of_values(values: &[Value]) -> Option<Element> {
        let all = |is: fn(&Value) -> bool| values.iter().all(is);
        match values.first()? {
            Value::Float(_) if all(|value| matches!(value, Value::Float(_))) => Some(Element::F64),
            Value::Int(_) if all(|value| matches!(value, Value::Int(_))) => Some(Element::I64),
            _ => None,
        }
    }

    /// Appends a number as one of these. None: it does not fit.
    fn push(self, value: &Value, out: &mut Vec<u8>) -> Option<()> {
        match self {
            Element::F32 => out.extend((value.to_f64()? as f32).to_ne_bytes()),
            Element::F64 => out.extend(value.to_f64()?.to_ne_bytes()),
            Element::I8 => out.extend(i8::try_from(value.to_i64()?).ok()?.to_ne_bytes()),
            Element::I16 => out.extend(i16::try_from(value.to_i64()?).ok()?.to_ne_bytes()),
            Element::I32 => out.extend(i32::try_from(value.to_i64()?).ok()?.to_ne_bytes()),
            Element::I64 => out.extend(value.to_i64()?.to_ne_bytes()),
            Element::U8 => out.extend(u8::try_from(value.to_u64()?).ok()?.to_ne_bytes()),
            Element::U16 => out.extend(u16::try_from(value.to_u64()?).ok()?.to_ne_bytes()),
            Element::U32 => out.extend(u32::try_from(value.to_u64()?).ok()?.to_ne_bytes()),
            Element::U64 => out.extend(value.to_u64()?.to_ne_bytes()),
        }
        Some(())
    }
}

impl Array {
    /// Numbers as an array of this type. None: one of them does not fit.
    pub fn of_values(element: Element, values: &[Value]) -> Option<Array> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(values.len().checked_mul(element.size())?).ok()?;
        values.iter().try_for_each(|value| element.push(value, &mut bytes))?;
        Array::copy(element, &bytes).ok()
    }

    /// Arrays of one type, one behind the other.
    pub fn concat(arrays: &[Shaped]) -> Option<Shaped> {
        let (first, shape) = arrays.first()?;
        let alike = |(array, other): &Shaped| array.element() == first.element() && other == shape;
        let size = arrays.len().checked_mul(first.data().len())?;
        let mut bytes = Vec::new();
        if !arrays.iter().all(alike) || bytes.try_reserve_exact(size).is_err() {
            return None;
        }
        arrays.iter().for_each(|(array, _)| bytes.extend_from_slice(array.data()));
        let shape = std::iter::once(arrays.len()).chain(shape.iter().copied()).collect();
        Some((Array::copy(first.element(), &bytes).ok()?, shape))
    }

    /// Makes nested lists of arrays, as `tolist()` returns them; a number for an array without dimensions.
    pub fn nested(&self, shape: &[usize]) -> Value {
        let Some((length, inner)) = shape.split_first() else { return self.get(0).unwrap_or_default() };
        if inner.is_empty() {
            return Value::Array(self.clone());
        }
        let each = inner.iter().product::<usize>();
        Value::List((0..*length).map(|at| self.part(at * each, each).nested(inner)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_by_their_names() {
        let read = |layout: Option<Layout>, bytes: &[u8]| {
            layout.map(|layout| (layout.size(), layout.read(Blob::copy(bytes)).unwrap().iter().collect::<Vec<_>>()))
        };
        let ints = |size, items: &[i64]| Some((size, items.iter().copied().map(Value::Int).collect::<Vec<_>>()));
        assert_eq!(read(Layout::of_numpy("<i2"), &[1, 0, 255, 255]), ints(2, &[1, -1]));
        assert_eq!(read(Layout::of_numpy(">i2"), &[0, 1, 255, 254]), ints(2, &[1, -2]));
        assert_eq!(read(Layout::of_numpy("|u1"), &[200]), ints(1, &[200]));
        assert_eq!(read(Layout::of_numpy("|b1"), &[0, 7]), ints(1, &[0, 1]));
        assert_eq!(read(Layout::of_code("!H", Some(2)), &[1, 2]), ints(2, &[258]));
        assert_eq!(read(Layout::of_code("l", Some(8)), &[5, 0, 0, 0, 0, 0, 0, 0]), ints(8, &[5]));
        assert_eq!(read(Layout::of_code("l", Some(4)), &[5, 0, 0, 0]), ints(4, &[5]));
        for text in ["b", "B", "h", "H", "i", "I", "l", "L", "q", "Q", "f", "d", "e", "?"] {
            assert_eq!(read(Layout::of_code(text, None), &[]).map(|(_, items)| items), Some(vec![]), "{text}");
        }
        assert_eq!(Layout::of_code("u", None), None);
        assert!(Layout::of_numpy("|b1").is_some_and(Layout::is_bool));
        for text in ["<c16", "|O", "<U5", "<f16", "<i3", "", "<", "<f", "<M8[ns]", "é"] {
            assert_eq!(Layout::of_numpy(text), None);
        }
        for (text, size) in [("d", 4), ("u", 4), ("", 0), ("<", 1), ("i", 3), ("ii", 4), ("c", 1), ("d", usize::MAX)] {
            assert_eq!(Layout::of_code(text, Some(size)), None);
        }
    }

    #[test]
    fn floats_of_16_bits() {
        for (bits, float) in [
            (0x0000, 0.0),
            (0x8000, -0.0f32),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x83ff, -6.097_555e-5),
            (0x0400, 6.103_515_6e-5),
            (0x3555, 0.333_251_95),
            (0x7c00, f32::INFINITY),
            (0xfc00, f32::NEG_INFINITY),
        ] {
            assert_eq!(half(bits).to_bits(), float.to_bits(), "{bits:x}");
        }
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn arrays_of_values_and_their_shapes() {
        let ints = [1, 2, 3, 4, 5, 6].map(Value::Int);
        let array = Array::of_values(Element::I16, &ints).unwrap();
        assert_eq!(
            array.nested(&[2, 3]).repr(),
            Value::List([Value::Array(array.part(0, 3)), Value::Array(array.part(3, 3))].into()).repr()
        );
        assert_eq!((array.nested(&[6]), array.part(4, 1).nested(&[])), (Value::Array(array.clone()), Value::Int(5)));
        assert_eq!(array.nested(&[0, 3]), Value::List([].into()));
        let rows = [(array.part(0, 3), vec![3]), (array.part(3, 3), vec![3])];
        assert_eq!(Array::concat(&rows), Some((array.clone(), vec![2, 3])));
        assert_eq!(Array::concat(&[(array.part(0, 3), vec![3]), (array.part(3, 2), vec![2])]), None);
        assert_eq!(Array::of_values(Element::I8, &[Value::Int(200)]), None);
        assert_eq!(Array::of_values(Element::U8, &[Value::str("a")]), None);
        assert_eq!(Element::of_values(&ints), Some(Element::I64));
        assert_eq!(Element::of_values(&[Value::Float(1.0), Value::Int(1)]), None);
        assert_eq!(Element::of_values(&[]), None);
    }
}
