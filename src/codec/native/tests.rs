use super::*;
use crate::budget::Storage;
use crate::codec::frame::{Compression, Incoming, Outgoing};
use crate::ids::Id;
use crate::value::{Array, Blob, Element, Local, Reference, Shape, Temporal, Text};
use proptest::prelude::*;
use std::sync::Arc;

struct Thing(Arc<Shape>, Id);

impl Local for Thing {
    fn shape(&self) -> &Arc<Shape> {
        &self.0
    }

    fn id(&self) -> u64 {
        self.1.get()
    }
}

fn array() -> impl Strategy<Value = Value> {
    (0..Element::ALL.len(), prop_oneof![0..300usize, 0..20_000usize], any::<u64>()).prop_map(
        |(element, count, seed)| {
            let element = Element::ALL[element];
            let bytes: Vec<u8> = (0..count * element.size()).map(|at| (seed >> (at % 57)) as u8 ^ at as u8).collect();
            Value::Array(Array::copy(element, &bytes).unwrap())
        },
    )
}

/// Dates and times of every type.
fn time() -> impl Strategy<Value = Temporal> {
    let micro = 86_400_000_000i64;
    (1..=5u8, 1..=3_652_059i64, 0..micro, 1 - micro..micro, 0..4u8)
        .prop_map(|parts| Temporal::from_parts(parts).unwrap())
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::None),
        Just(Value::NotImplemented),
        Just(Value::Ellipsis),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-300..300i64).prop_map(Value::Int),
        "-?[1-9][0-9]{19,60}".prop_map(|text| Value::int_from_text(text.as_bytes(), 100).unwrap()),
        any::<u64>().prop_map(|bits| Value::Float(f64::from_bits(bits))),
        (any::<f64>(), any::<f64>()).prop_map(|(re, im)| Value::Complex(re, im)),
        "\\PC{0,40}".prop_map(|text| Value::str(&text)),
        (1000..2100usize).prop_map(|len| Value::Str(Text::from("\u{e9}".repeat(len)))),
        proptest::collection::vec(any::<u8>(), 0..60).prop_map(|bytes| Value::bytes(&bytes)),
        (1000..40_000usize).prop_map(|len| Value::Bytes(vec![7; len].into())),
        array(),
        time().prop_map(Value::Temporal),
    ]
}

pub fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(5, 60, 8, |inner| {
        let items = || proptest::collection::vec(inner.clone(), 0..8);
        prop_oneof![
            items().prop_map(Value::tuple),
            items().prop_map(|items| Value::List(items.into())),
            items()
                .prop_map(|items| { Value::frozenset(items.into_iter().filter(Value::hashable).collect()).unwrap() }),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| Value::slice(a, b, c)),
            (items(), items()).prop_map(|(keys, values)| {
                Value::Dict(keys.into_iter().filter(Value::hashable).zip(values).collect())
            }),
        ]
    })
}

fn written(value: &Value) -> Vec<u8> {
    let mut out = vec![1, 2, 3];
    put(&mut out, value, Value::MAX_DEPTH, 3, true, &|_| None).unwrap();
    out.split_off(3)
}

fn no_reference(_: u8, _: &[u8]) -> Option<Value> {
    None
}

fn read_all(bytes: &[u8], limits: &Limits) -> Result<Value, NativeError> {
    let mut reader = Reader::new(bytes, None, limits);
    let value = read(&mut reader, limits, limits.depth, &no_reference)?;
    reader.end()?;
    Ok(value)
}

fn refused(bytes: &[u8], limits: &Limits) -> String {
    read_all(bytes, limits).unwrap_err().to_string()
}

/// A native value of a skeleton and nothing beside it.
fn skeleton(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    brine::put_bytes(&mut out, bytes);
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_value_both_ways(value in value()) {
        prop_assert_eq!(read_all(&written(&value), &Limits::default()).unwrap(), value);
    }

    #[test]
    fn the_same_through_a_frame(value in value(), compress in any::<bool>(), before in 0..9usize) {
        let mut out = Outgoing::new();
        let mark = out.begin_frame();
        out.put(&vec![9; before]);
        put(&mut out, &value, Value::MAX_DEPTH, mark.payload(), true, &|_| None).unwrap();
        out.end_frame(mark, &Compression { enabled: compress, threshold: 3000, level: 1 }).unwrap();
        let mut incoming = Incoming::default();
        while !out.is_empty() {
            let mut slices = [std::io::IoSlice::new(&[]); 8];
            let used = out.slices(&mut slices);
            let bytes: Vec<u8> = slices[..used].iter().flat_map(|slice| slice.to_vec()).collect();
            incoming.push(&bytes);
            out.advance(bytes.len());
        }
        let payload = incoming.next_frame().unwrap().unwrap();
        let limits = Limits::default();
        let mut reader = incoming.reader(&payload, &limits);
        reader.raw(before, "what is before it").unwrap();
        let whole = incoming.bytes(&payload).as_ptr_range();
        if let (Ok(Value::Array(array)), Value::Array(_)) =
            (read(&mut reader.clone(), &limits, limits.depth, &no_reference), &value)
        {
            // Only a message with storage of its own shares the array; it stands where a pointer to doubles may lead in any case.
            let shared = whole.contains(&array.data().as_ptr());
            prop_assert!(!shared || incoming.bytes(&payload).len() >= 64 * 1024);
            prop_assert!(Blob::is_aligned(array.data()));
        }
        prop_assert_eq!(read(&mut reader, &limits, limits.depth, &no_reference).unwrap(), value);
        prop_assert!(reader.at_end());
    }

    #[test]
    fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read_all(&bytes, &Limits::default());
        let _ = read_all(&skeleton(&bytes), &Limits::default());
    }

    /// What is nearly right goes deeper than noise; what is read all the same can be written.
    #[test]
    fn no_change_does_harm(value in value(), changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..8)) {
        let mut bytes = written(&value);
        let len = bytes.len();
        for (at, byte) in &changes {
            bytes[usize::from(*at) % len] = *byte;
        }
        if let Ok(value) = read_all(&bytes, &Limits::default()) {
            prop_assert_eq!(read_all(&written(&value), &Limits::default()).unwrap(), value);
        }
        let cut = usize::from(changes[0].0) % len;
        prop_assert!(read_all(&written(&value)[..cut], &Limits::default()).is_err());
    }
}

#[test]
fn the_form_is_the_documented_one() {
    let list = Value::List([Value::Int(1), Value::Int(-1), Value::None, Value::Bool(true)].into());
    assert_eq!(written(&list), skeleton(&[13, 4, 4, 2, 4, 1, 0, 3, 1]));
    let dict = Value::Dict([(Value::str("k"), Value::Float(0.5))].into());
    assert_eq!(written(&dict), skeleton(&[14, 1, 8, 1, b'k', 6, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f]));
    let big = Value::Int(1000);
    assert_eq!(written(&big), skeleton(&[4, 251, 0xd0, 0x07]));
    let short = Value::Array(Array::from_wire(Element::I16, Blob::copy(&[1, 0, 0xff, 0xff])).unwrap());
    assert_eq!(written(&short), skeleton(&[15, 3, 4, 1, 0, 0xff, 0xff]));
    // Tuple of 2: skeleton of 2 bytes; 1024 bytes of content after 7 of padding, at byte 16 of the message.
    let long = Value::Array(Array::copy(Element::U8, &[9; 1024]).unwrap());
    let bytes = written(&long);
    assert_eq!(&bytes[..16], [0x11, 0x0b, 19, 2, 0x0f, 0, 0, 4, 7, 6, 0, 0, 0, 0, 0, 0]);
    assert_eq!((bytes.len(), &bytes[16..18]), (1040, &[9, 9][..]));
}

#[test]
fn references_are_given_to_others() {
    let thing = Value::Ref(Reference::Local(Arc::new(Thing(Arc::default(), Id::new()))));
    let list = Value::List([Value::Int(1), thing.clone(), thing.clone()].into());
    let mut out = Vec::new();
    put(&mut out, &list, 10, 0, true, &|reference| (*reference == thing).then(|| (4, Blob::copy(b"id")))).unwrap();
    let limits = Limits::default();
    let count = std::cell::Cell::new(0);
    let follow = |label: u8, id: &[u8]| {
        count.set(count.get() + 1);
        (label == 4 && id == b"id").then(|| thing.clone())
    };
    let got = read(&mut Reader::new(&out, None, &limits), &limits, limits.depth, &follow).unwrap();
    assert_eq!((got, count.get()), (list.clone(), 2));
    assert!(read_all(&out, &limits).unwrap_err().to_string().contains("cannot be followed"));
    assert!(put(&mut Vec::new(), &list, 10, 0, true, &|_| None).is_err());
}

#[test]
fn long_arrays_are_read_where_they_arrived() {
    let numbers: Vec<u8> = (0..100_000u32).flat_map(|n| f64::from(n).to_ne_bytes()).collect();
    let array = Array::copy(Element::F64, &numbers).unwrap();
    let message = written(&Value::Array(array.clone()));
    let limits = Limits::default();
    for well in [true, false] {
        // The numbers end the message: at a multiple of 64, or beside one.
        let mut bytes: Vec<u8> = Vec::with_capacity(message.len() + 128);
        let numbers_at = bytes.as_ptr().addr() + message.len() - numbers.len();
        let shift = numbers_at.next_multiple_of(64) - numbers_at + usize::from(!well);
        bytes.resize(shift, 0);
        bytes.extend_from_slice(&message);
        let owner = Arc::new(Storage::from(bytes));
        let bytes = &owner.bytes;
        let mut reader = Reader::new(&bytes[shift..], Some((&owner, shift)), &limits);
        let Value::Array(got) = read(&mut reader, &limits, 9, &no_reference).unwrap() else { panic!("no array") };
        assert_eq!(got, array);
        assert_eq!(bytes.as_ptr_range().contains(&got.data().as_ptr()), well);
        assert!(Blob::is_aligned(got.data()));
    }
    // And they leave from where they are.
    let mut out = Outgoing::new();
    let mark = out.begin_frame();
    put(&mut out, &Value::Array(array.clone()), 9, mark.payload(), true, &|_| None).unwrap();
    out.end_frame(mark, &Compression { enabled: false, threshold: 0, level: 0 }).unwrap();
    let mut slices = [std::io::IoSlice::new(&[]); 8];
    let used = out.slices(&mut slices);
    assert!(slices[..used].iter().any(|slice| slice.as_ptr() == array.data().as_ptr()));
}

#[test]
fn lengths_and_levels_are_not_trusted() {
    let limits = Limits { depth: 3, items: 100, bytes: 2000, ..Limits::default() };
    let huge = [253, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
    for tag in [5, 8, 9, 10, 12, 13, 14] {
        let bytes = skeleton(&[&[tag][..], &huge].concat());
        assert!(refused(&bytes, &limits).starts_with("a native value: "), "tag {tag}");
    }
    assert!(refused(&skeleton(&[&[13][..], &[251, 0xe8, 0x03], &[0; 1000]].concat()), &limits).contains("items: 1000"));
    let many = [&[13][..], &[251, 0xd0, 0x07], &[0; 2000]].concat();
    assert!(refused(&skeleton(&many), &Limits { bytes: 5000, ..limits.clone() }).contains("items: 101"));
    assert!(refused(&skeleton(&[13, 1, 13, 1, 13, 1, 13, 0]), &limits).contains("nested too deeply"));
    assert!(read_all(&skeleton(&[13, 1, 13, 1, 13, 0]), &limits).is_ok());
    let deep: Vec<u8> = [13, 1].repeat(500_000);
    let deepest = Limits { depth: usize::MAX, ..Limits::default() };
    assert!(refused(&skeleton(&deep), &deepest).contains("nested too deeply"));
    assert!(refused(&skeleton(&[14, 1, 13, 0, 0]), &deepest).contains("cannot be hashed"));
    assert!(refused(&skeleton(&[0, 0]), &limits).contains("remain"));
    assert!(refused(&skeleton(&[]), &limits).contains("truncated inside"));
    assert!(refused(&skeleton(&[21]), &limits).contains("variant"));
    assert!(refused(&skeleton(&[20, 1, 0, 0, 0]), &limits).contains("truncated inside"));
    assert!(refused(&skeleton(&[20, 1, 0, 0, 0, 0]), &limits).contains("out of range"));
    assert!(refused(&skeleton(&[3, 2]), &limits).contains("native value"));
    assert!(refused(&skeleton(&[8, 1, 0xff]), &limits).contains("native value"));
    assert!(refused(&skeleton(&[17]), &limits).contains("is missing"));
    assert!(refused(&[0x02], &limits).contains("no parts"));
    assert!(refused(&[0x11, 0x0a, 0, 0x0b, 0, 0], &limits).contains("1 parts are unused"));
    assert!(refused(&[0x11, 0x0a, 18, 0x01], &limits).contains("without its padding"));
    assert!(refused(&[0x11, 0x0a, 18, 0x0b, 8, 0], &limits).contains("without its padding"));
    assert!(refused(&[0x11, 0x0a, 18, 0x0b, 2, 0], &limits).contains("without its padding"));
    assert!(refused(&[0x11, 0x0b, 19, 10, 0x0b, 0, 0], &limits).contains("not a multiple"));
}

#[test]
fn limits_are_told_from_mistakes() {
    let limits = Limits { depth: 1, items: 2, bytes: 100, digits: 3, ..Limits::default() };
    for over in [&[13, 1, 13, 0][..], &[13, 3, 0, 0, 0], &[5, 4, b'1', b'2', b'3', b'4']] {
        assert!(matches!(read_all(&skeleton(over), &limits), Err(NativeError::Limit(_))), "{over:?}");
    }
    for wrong in [&[13, 1][..], &[5, 1, b'x'], &[99]] {
        assert!(matches!(read_all(&skeleton(wrong), &limits), Err(NativeError::Malformed(_))), "{wrong:?}");
    }
}

#[test]
fn what_is_too_deep_is_not_written() {
    let deep = (0..10).fold(Value::None, |inner, _| Value::List([inner].into()));
    assert!(put(&mut Vec::new(), &deep, 10, 0, true, &|_| None).is_ok());
    let error = put(&mut Vec::new(), &deep, 9, 0, true, &|_| None).unwrap_err();
    assert!(matches!(error, NativeError::Unwritable(_)), "{error}");
}

/// As deep as any setting allows, on the stack that threads of std have.
#[test]
fn the_deepest_value_fits_the_stack() {
    let work = || {
        let deep = (0..Value::MAX_DEPTH).fold(Value::None, |inner, _| Value::List([inner].into()));
        let limits = Limits { depth: usize::MAX, ..Limits::default() };
        let mut out = Vec::new();
        put(&mut out, &deep, Value::MAX_DEPTH, 0, true, &|_| None).unwrap();
        let got = read(&mut Reader::new(&out, None, &limits), &limits, limits.depth, &no_reference).unwrap();
        assert!(got == deep);
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap().join().unwrap();
}
