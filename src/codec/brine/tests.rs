use super::*;
use crate::budget::Storage;
use crate::value::Limits;
use crate::value::{Blob, Reference, Text, Value};
use std::sync::Arc;

fn encode(value: &Value, limits: &Limits) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    put_value(&mut out, value, limits).map(|()| out)
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(Value::Int(0), |inner, level| match level % 3 {
        0 => Value::tuple(vec![inner]),
        1 => Value::FrozenSet([inner].into()),
        _ => Value::tuple(vec![Value::None, inner, Value::str("x"), Value::None, Value::None]),
    })
}

#[test]
fn ints_are_their_shortest_forms() {
    let limits = Limits::default();
    for n in (-1000..1000).chain([i64::MIN, i64::MIN + 1, i64::MAX, i64::MAX - 80, i64::MAX - 79, -(1 << 40), 1 << 40])
    {
        let mut out = Vec::new();
        put_int(&mut out, n);
        if (-48..160).contains(&n) {
            assert_eq!(out, [(n + 80) as u8]);
        } else {
            let text = n.to_string();
            assert_eq!(out, [&[0x16, text.len() as u8], text.as_bytes()].concat());
        }
        let mut reader = Reader::new(&out, None, &limits);
        assert_eq!(reader.clone().int().unwrap(), n);
        assert_eq!(reader.clone().value().unwrap(), Value::Int(n));
        reader.skip().unwrap();
        assert!(reader.at_end());
    }
}

#[test]
fn lengths_are_their_shortest_forms() {
    let limits = Limits::default();
    let cases: [(usize, &[u8], &[u8]); 9] = [
        (0, &[0x01], &[0x02]),
        (1, &[0x0a], &[0x10]),
        (2, &[0x0b], &[0x11]),
        (4, &[0x0d], &[0x13]),
        (5, &[0x0e, 5], &[0x14, 5]),
        (255, &[0x0e, 255], &[0x14, 255]),
        (256, &[0x0f, 0, 0, 1, 0], &[0x15, 0, 0, 1, 0]),
        (65_535, &[0x0f, 0, 0, 255, 255], &[0x15, 0, 0, 255, 255]),
        (65_536, &[0x0f, 0, 1, 0, 0], &[0x15, 0, 1, 0, 0]),
    ];
    for (size, bytes_header, tuple_header) in cases {
        let content = vec![b'a'; size];
        let bytes = [bytes_header, &content].concat();
        let text = [&[0x08], &bytes[..]].concat();
        let tuple = [tuple_header, &content.iter().map(|_| 0x50).collect::<Vec<u8>>()].concat();
        let written = |put: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            put(&mut out);
            out
        };
        assert_eq!(written(&|out| put_bytes(out, &content)), bytes);
        assert_eq!(written(&|out| put_bytes_blob(out, &Blob::copy(&content))), bytes);
        assert_eq!(written(&|out| put_str(out, &content)), text);
        assert_eq!(written(&|out| put_text(out, &Text::from("a".repeat(size)))), text);
        assert_eq!(encode(&Value::tuple(vec![Value::Int(0); size]), &limits).unwrap(), tuple);
        assert_eq!(Reader::new(&text, None, &limits).text().unwrap(), content);
        assert_eq!(Reader::new(&tuple, None, &limits).tuple_header().unwrap(), size);
    }
}

#[test]
fn depth_is_limited_alike_on_both_sides() {
    let roomy = Limits { depth: 1000, ..Limits::default() };
    for depth in [0, 1, 2, 3, 100, 128] {
        let limits = Limits { depth, ..Limits::default() };
        let fits = encode(&nested(depth), &limits).unwrap();
        assert_eq!(decode(&fits, &limits).unwrap(), nested(depth));
        assert!(Reader::new(&fits, None, &limits).skip().is_ok());

        assert_eq!(encode(&nested(depth + 1), &limits).unwrap_err(), EncodeError::TooDeep { limit: depth });
        let too_deep = encode(&nested(depth + 1), &roomy).unwrap();
        for error in
            [decode(&too_deep, &limits).unwrap_err(), Reader::new(&too_deep, None, &limits).skip().unwrap_err()]
        {
            assert_eq!(error.kind(), &DecodeErrorKind::TooDeep { limit: depth });
            assert!(error.kind().is_limit());
        }
    }
    let slice = Value::slice(nested(2), Value::None, Value::None);
    let bytes = encode(&slice, &roomy).unwrap();
    assert!(decode(&bytes, &Limits { depth: 3, ..Limits::default() }).is_ok());
    assert!(decode(&bytes, &Limits { depth: 2, ..Limits::default() }).is_err());
    assert!(encode(&slice, &Limits { depth: 2, ..Limits::default() }).is_err());
}

/// Whatever is configured, a small stack is enough for the deepest value there can be.
#[test]
fn the_deepest_values_fit_a_small_stack() {
    let walk = || {
        let limits = Limits { depth: usize::MAX, ..Limits::default() };
        let deepest = nested(Value::MAX_DEPTH);
        let bytes = encode(&deepest, &limits).unwrap();
        let read = decode(&bytes, &limits).unwrap();
        assert!(read == deepest && read.py_eq(&deepest) && read.py_hash() == deepest.py_hash());
        assert!(read.is_plain() && read.hashable() && read.repr().len() > 5000);
        assert!(read.depth_at_most(Value::MAX_DEPTH) && !read.depth_at_most(Value::MAX_DEPTH - 1));
        assert!(encode(&Value::tuple(vec![read]), &limits).is_err());
        for tag in [0x08, 0x10, 0x19, 0x1a] {
            assert!(decode(&vec![tag; 1 << 20], &limits).is_err());
            assert!(Reader::new(&vec![tag; 1 << 20], None, &limits).skip().is_err());
        }
        for tags in [[0x19, 0x12], [0x1a, 0x10], [0x10, 0x10]] {
            let error = decode(&tags.repeat(1 << 20), &limits).unwrap_err();
            assert_eq!(error.kind(), &DecodeErrorKind::TooDeep { limit: Value::MAX_DEPTH });
        }
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(walk).unwrap().join().unwrap();
}

#[test]
fn limits_hold() {
    let limits = Limits { items: 3, bytes: 4, digits: 5, ..Limits::default() };
    let kind = |value: Value| {
        let bytes = encode(&value, &Limits::default()).unwrap();
        let error = decode(&bytes, &limits).unwrap_err();
        assert!(error.kind().is_limit());
        assert_eq!(Reader::new(&bytes, None, &limits).skip().unwrap_err(), error);
        error.kind().clone()
    };
    let zeros = |n| vec![Value::Int(0); n];
    assert_eq!(kind(Value::tuple(zeros(4))), DecodeErrorKind::TooManyItems { count: 4, limit: 3 });
    assert_eq!(kind(Value::tuple(zeros(300))), DecodeErrorKind::TooManyItems { count: 300, limit: 3 });
    assert_eq!(kind(Value::str("abcde")), DecodeErrorKind::TooLong { what: "a str", size: 5, limit: 4 });
    assert_eq!(kind(Value::bytes(b"abcde")), DecodeErrorKind::TooLong { what: "a byte string", size: 5, limit: 4 });
    assert_eq!(kind(Value::Int(-123456)), DecodeErrorKind::TooManyDigits { digits: 6, limit: 5 });
    let mut header = Reader::new(&[0x13, 0x50, 0x50, 0x50, 0x50], None, &limits);
    assert_eq!(header.tuple_header().unwrap_err().kind(), &DecodeErrorKind::TooManyItems { count: 4, limit: 3 });
    for fits in [Value::tuple(zeros(3)), Value::str("abcd"), Value::Int(-12345), Value::Int(12345)] {
        let bytes = encode(&fits, &limits).unwrap();
        assert_eq!(decode(&bytes, &limits).unwrap(), fits);
    }
    let big = Value::int_from_text(b"123456789012345678901", 100).unwrap();
    assert_eq!(encode(&big, &limits).unwrap_err(), EncodeError::TooManyDigits { digits: 21, limit: 5 });
}

/// Items and memory are counted over a whole message.
#[test]
fn what_all_values_of_a_message_take() {
    let pairs = |n| encode(&Value::tuple(vec![Value::tuple(vec![Value::Int(0); 2]); n]), &Limits::default()).unwrap();
    let limits = Limits { items: 12, ..Limits::default() };
    assert!(decode(&pairs(4), &limits).is_ok());
    let error = decode(&pairs(5), &limits).unwrap_err();
    assert_eq!((error.offset(), error.kind()), (11, &DecodeErrorKind::TooManyItems { count: 2, limit: 12 }));

    // Five tuples, with twelve items.
    let memory = 5 * 48 + 12 * size_of::<Value>();
    let limits = Limits { memory, ..Limits::default() };
    assert!(decode(&pairs(4), &limits).is_ok());
    let limits = Limits { memory: memory - 1, ..Limits::default() };
    let error = decode(&pairs(4), &limits).unwrap_err();
    assert_eq!((error.offset(), error.kind()), (10, &DecodeErrorKind::TooMuchMemory { limit: memory - 1 }));
    assert!(error.kind().is_limit() && error.to_string().contains("(max_memory)"));

    // Bytes that share the message take nothing, those that would lie badly are copied, and short ones stand in their item.
    let message = encode(&Value::tuple(vec![Value::bytes(&[1; 2000]), Value::bytes(&[2; 30])]), &limits).unwrap();
    let limits = Limits { memory: 48 + 2 * size_of::<Value>(), ..Limits::default() };
    let head = message.iter().position(|byte| *byte == 1).unwrap();
    for start in 0..16 {
        let owner = Arc::new(Storage::from([vec![0; start], message.clone()].concat()));
        let lies_well = owner.bytes[start + head..].as_ptr().addr() % 8 == 0;
        let read = Reader::new(&owner.bytes[start..], Some((&owner, start)), &limits).value();
        assert_eq!(read.is_ok(), lies_well);
    }
    assert!(Reader::new(&message, None, &limits).value().is_err());
}

#[test]
fn what_is_wanted_and_what_is_there() {
    let limits = Limits::default();
    let reader = |bytes| Reader::new(bytes, None, &limits);
    let wrong = |error: DecodeError, want, found| {
        assert_eq!((error.offset(), error.kind()), (0, &DecodeErrorKind::Wrong { want, found }));
    };
    wrong(reader(&[0x03]).int().unwrap_err(), "an int", "a bool");
    wrong(reader(&[0x08, 0x01]).int().unwrap_err(), "an int", "a str");
    wrong(reader(&[0x0a, b'x']).text().unwrap_err(), "a str", "a byte string");
    wrong(reader(&[0x1a, 0x02]).tuple_header().unwrap_err(), "a tuple", "a frozenset");
    assert_eq!(reader(&[0x09, 0x50]).int().unwrap_err().kind(), &DecodeErrorKind::LongOfPython2);
    assert_eq!(reader(&[]).int().unwrap_err().kind(), &DecodeErrorKind::End);
    assert_eq!(reader(b"\x16\x139223372036854775808").int().unwrap_err().kind(), &DecodeErrorKind::IntRange);
    assert_eq!(reader(b"\x16\x14-9223372036854775808").int().unwrap(), i64::MIN);
    assert_eq!(reader(b"\x16\x02007").int().unwrap_err().kind(), &DecodeErrorKind::IntText);
    assert_eq!(reader(b"\x16\x03-5x").value().unwrap_err().kind(), &DecodeErrorKind::IntText);
}

#[test]
fn a_reader_knows_where_it_is() {
    let limits = Limits::default();
    let bytes = [0xfe, 0x11, 0x51, 0x08, 0x0b, b'h', b'i', 0x00];
    let mut reader = Reader::new(&bytes, None, &limits);
    assert_eq!(reader.raw(1, "the kind").unwrap(), [0xfe]);
    assert_eq!((reader.position(), reader.peek()), (1, Some(0x11)));
    assert_eq!(reader.tuple_header().unwrap(), 2);
    assert_eq!(reader.int().unwrap(), 1);
    let start = reader.position();
    assert_eq!(reader.text().unwrap(), b"hi");
    assert_eq!(reader.raw_from(start), [0x08, 0x0b, b'h', b'i']);
    assert_eq!(reader.end().unwrap_err().to_string(), "brine: 1 bytes follow the value, from offset 7 on");
    reader.skip().unwrap();
    assert!(reader.at_end() && reader.end().is_ok() && reader.peek().is_none());
    let error = reader.raw(16, "the thread ids").unwrap_err();
    assert_eq!(error.to_string(), "brine: the thread ids of 16 bytes at offset 8 is cut after 0");
}

#[test]
fn what_does_not_travel_by_value() {
    struct Object(Arc<crate::value::Shape>);
    impl crate::value::Local for Object {
        fn shape(&self) -> &Arc<crate::value::Shape> {
            &self.0
        }
        fn id(&self) -> u64 {
            1
        }
    }
    let object = Value::Ref(Reference::Local(Arc::new(Object(Arc::default()))));
    for (value, name) in [(object, "object"), (Value::List([].into()), "list"), (Value::Dict([].into()), "dict")] {
        for holder in [value.clone(), Value::tuple(vec![value.clone()]), Value::slice(Value::None, Value::None, value)]
        {
            let error = encode(&holder, &Limits::default()).unwrap_err();
            assert_eq!(error.to_string(), format!("a value of type '{name}' cannot be sent by value"));
            assert!(!holder.is_plain());
        }
    }
}

/// Random changes to good input: never a panic, and what is taken is what is written again.
#[test]
fn damaged_input() {
    let limits = Limits::default();
    let sample = Value::tuple(vec![
        Value::Int(1),
        Value::Int(-1234567),
        Value::int_from_text(b"123456789012345678901234567890", 100).unwrap(),
        Value::str("caf\u{e9} \u{1f600}"),
        Value::bytes(&[7; 40]),
        Value::Float(0.5),
        Value::Complex(1.0, f64::NAN),
        Value::slice(Value::None, Value::Ellipsis, Value::NotImplemented),
        Value::frozenset(vec![Value::Int(5), Value::str("x"), Value::tuple(vec![Value::Bool(true)])]).unwrap(),
        nested(5),
    ]);
    let good = encode(&sample, &limits).unwrap();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % n as u64) as usize
    };
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..100_000 {
        let mut bytes = good.clone();
        for _ in 0..1 + below(3) {
            let at = below(bytes.len());
            match below(4) {
                0 => bytes[at] = below(256) as u8,
                1 => bytes[at] ^= 1 << below(8),
                2 => bytes.insert(at, below(0x20) as u8),
                _ => bytes.truncate(at.max(1)),
            }
        }
        let mut skipper = Reader::new(&bytes, None, &limits);
        let skipped = skipper.skip().and_then(|()| skipper.end());
        match decode(&bytes, &limits) {
            Ok(value) => {
                taken += 1;
                assert_eq!(skipped, Ok(()));
                let again = encode(&value, &limits).unwrap();
                assert!(again.len() <= bytes.len());
                assert_eq!(decode(&again, &limits).unwrap(), value);
                assert!(!value.repr().is_empty());
            }
            Err(error) => {
                refused += 1;
                assert!(error.offset() <= bytes.len() && !error.to_string().is_empty());
                assert!(skipped == Err(error.clone()) || matches!(error.kind(), DecodeErrorKind::Unhashable(_)));
            }
        }
    }
    assert!(taken > 1000 && refused > 1000, "{taken} and {refused}");
}

#[test]
fn digits_of_a_counter() {
    let mut digits = Digits::default();
    let numbers = (-60..1200).chain([5, 6, 98, 99, 100, 101, 9_998, 9_999, 10_000, 10_000, 10_001, -1000, -999, -998]);
    for n in numbers.chain([i64::MAX - 1, i64::MAX, i64::MIN, i64::MIN + 1, 999_999_999, 1_000_000_000]) {
        let mut whole = Vec::new();
        put_int(&mut whole, n);
        assert_eq!(digits.of(n), whole, "{n}");
    }
}
