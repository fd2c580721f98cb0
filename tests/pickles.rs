//! Pickles of any value and of any bytes. What stock Python makes of ours, and we of Python's, in every protocol, is looked
//! at by tests/run/classic.py.

use proptest::prelude::*;
use rpyc::codec::pickle::{self, HIGHEST};
use rpyc::config::Limits;
use rpyc::value::{Temporal, Text, Value};

/// Dates and times of every type.
fn time() -> impl Strategy<Value = Temporal> {
    let micro = 86_400_000_000i64;
    (1..=5u8, 1..=3_652_059i64, 0..micro, 1 - micro..micro, 0..4u8)
        .prop_map(|parts| Temporal::from_parts(parts).unwrap())
}

/// Plain data as a pickle of `protocol` gives it back.
fn value(protocol: u8) -> impl Strategy<Value = Value> {
    let text =
        prop_oneof![".{0,40}", "[\\\\\\n\\r\\x00\\x1auU0-9a-f]{0,12}"].prop_map(|text| Value::Str(Text::from(text)));
    let scalar = prop_oneof![
        Just(Value::None),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<i32>().prop_map(|n| Value::Int(n.into())),
        any::<i16>().prop_map(|n| Value::Int(n.into())),
        proptest::collection::vec(any::<u8>(), 0..60).prop_map(|bytes| Value::int_from_le_bytes(&bytes)),
        any::<f64>().prop_filter("NaNs have payloads that text does not keep", |x| !x.is_nan()).prop_map(Value::Float),
        text,
        time().prop_map(Value::Temporal),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(move |bytes| match protocol {
            0..=2 => Value::None,
            _ => Value::bytes(&bytes),
        }),
    ];
    scalar.prop_recursive(5, 60, 8, move |inner| {
        let items = proptest::collection::vec(inner.clone(), 0..8);
        prop_oneof![
            items.clone().prop_map(Value::tuple),
            items.clone().prop_map(|items| Value::List(items.into())),
            items.prop_map(move |items| match protocol {
                0..=3 => Value::None,
                _ => Value::frozenset(items.into_iter().filter(Value::hashable).collect()).unwrap(),
            }),
            proptest::collection::vec((any::<i16>(), inner), 0..6).prop_map(|entries| {
                Value::dict(entries.into_iter().map(|(key, value)| (Value::Int(key.into()), value)).collect()).unwrap()
            }),
        ]
    })
}

fn protocol_and_value() -> impl Strategy<Value = (u8, Value)> {
    (0..=HIGHEST).prop_flat_map(|protocol| (Just(protocol), value(protocol)))
}

proptest! {
    #[test]
    fn what_is_written_is_read_again((protocol, value) in protocol_and_value()) {
        let bytes = pickle::write(&value, protocol, 1 << 20).unwrap();
        prop_assert_eq!(pickle::read(&bytes, &Limits::default()).unwrap(), value);
    }

    /// One byte of a good pickle is another: an error, or a value that can be written.
    #[test]
    fn damaged_pickles_do_no_harm((protocol, value) in protocol_and_value(), at in any::<usize>(), byte in any::<u8>()) {
        let mut bytes = pickle::write(&value, protocol, 1 << 20).unwrap();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(value) = pickle::read(&bytes, &Limits::default()) {
            prop_assert!(pickle::write(&value, protocol, 1 << 24).is_ok());
        }
    }

    #[test]
    fn any_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = pickle::read(&bytes, &Limits::default());
    }

    /// Opcodes alone, so that most of them find something on the stack.
    #[test]
    fn any_opcodes_do_no_harm(codes in proptest::collection::vec(
        proptest::sample::select(&b"(.012JKMNGBCXVILFade}]lt)uspqrghj\x80\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8f\x90\x91\x94\x95"[..]), 0..100))
    {
        let small = Limits { depth: 20, items: 1000, bytes: 1000, ..Limits::default() };
        if let Ok(value) = pickle::read(&codes, &small) {
            prop_assert!(value.depth_at_most(20));
        }
    }
}
