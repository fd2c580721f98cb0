//! Any value and any bytes: `tests/pickles.rs`. What Python makes of ours, and we of Python's: `tests/run/classic.py`.

use super::*;
use crate::value::Limits;
use crate::value::Value;

fn sample() -> Value {
    let numbers =
        [0, 1, -1, 255, 256, 65535, 65536, -70000, i64::from(i32::MAX), i64::from(i32::MIN), i64::MAX, i64::MIN];
    Value::List(
        [
            Value::None,
            Value::Bool(true),
            Value::Bool(false),
            Value::Float(-1.5e300),
            Value::str("line\nback\\slash \\u0041 \u{e9}\u{20ac}\u{1f600}"),
            Value::tuple(vec![]),
            Value::tuple(vec![Value::Int(1)]),
            Value::tuple(numbers.map(Value::Int).to_vec()),
            Value::int_from_text(b"-123456789012345678901234567890", 4300).unwrap(),
            Value::Dict([(Value::str("k"), Value::List([Value::Dict([].into())].into()))].into()),
        ]
        .into(),
    )
}

#[test]
fn what_is_written_is_read() {
    for protocol in 0..=HIGHEST {
        let bytes = write(&sample(), protocol, 1 << 20).unwrap();
        assert_eq!(read(&bytes, &Limits::default()).unwrap(), sample(), "protocol {protocol}");
    }
    let sets =
        Value::tuple(vec![Value::frozenset(vec![Value::Int(1), Value::str("x")]).unwrap(), Value::bytes(b"\0\xff")]);
    for protocol in 4..=HIGHEST {
        assert_eq!(read(&write(&sets, protocol, 1 << 20).unwrap(), &Limits::default()).unwrap(), sets);
    }
}

#[test]
fn what_is_no_data_is_refused_by_name_and_place() {
    let refused = |bytes: &[u8]| read(bytes, &Limits::default()).unwrap_err().to_string();
    assert_eq!(refused(b"\x80\x02cos\nsystem\n"), "the pickle was rejected: GLOBAL at byte 2 is not plain data");
    assert_eq!(
        refused(b"\x80\x04\x8c\x02os\x8c\x06system\x93."),
        "the pickle was rejected: STACK_GLOBAL at byte 14 is not plain data"
    );
    for (code, name) in [
        (b'R', "REDUCE"),
        (b'b', "BUILD"),
        (b'i', "INST"),
        (b'o', "OBJ"),
        (0x81, "NEWOBJ"),
        (0x92, "NEWOBJ_EX"),
        (b'P', "PERSID"),
        (b'Q', "BINPERSID"),
        (0x82, "EXT1"),
        (0x83, "EXT2"),
        (0x84, "EXT4"),
        (0x97, "NEXT_BUFFER"),
    ] {
        assert!(refused(&[b'N', b'N', code, b'\n', b'.']).contains(&format!("rejected: {name} at byte 2")), "{name}");
    }
    for bad in [
        &b""[..],
        b"N",
        b".",
        b"NN\xff.",
        b"t.",
        b"(.",
        b"N0.",
        b"(N1.",
        b"\x80\x06N.",
        b"\x8c\x05abc",
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x8c\x01\xff.",
        b"NNa.",
        b"(Nd.",
        b"}(Nu.",
        b"h\x07.",
        b"g7\n.",
        b"gx\n.",
        b"I1_0\n.",
        b"F1,5\n.",
        b"V\\u12\n.",
        b"V\\ud800\n.",
        b"N.N",
        b"]K\x01s.",
        b"\x8b\xff\xff\xff\xff.",
        b"\x95\0\0",
    ] {
        assert!(!refused(bad).is_empty(), "{bad:?}");
    }
}

#[test]
fn the_names_of_data_make_data_and_nothing_else() {
    let value = |bytes: &[u8]| read(bytes, &Limits::default());
    for (bytes, want) in [
        (&b"cbuiltins\nEllipsis\n."[..], Value::Ellipsis),
        (b"c__builtin__\ncomplex\n(F1.5\nF-2\ntR.", Value::Complex(1.5, -2.0)),
        (
            b"\x8c\x08builtins\x8c\x05slice\x93K\x01NN\x87R.",
            Value::Slice([Value::Int(1), Value::None, Value::None].into()),
        ),
        (b"cbuiltins\nbytearray\nC\x01x\x85R.", Value::bytes(b"x")),
        (b"c_codecs\nencode\n(V\xff\nVlatin1\ntR.", Value::bytes(b"\xff")),
        (b"cbuiltins\nbytes\n)R.", Value::bytes(b"")),
        (
            b"cbuiltins\nrange\nK\x05J\xff\xff\xff\xffJ\xfd\xff\xff\xff\x87R.",
            Value::List(vec![Value::Int(5), Value::Int(2)].into()),
        ),
        (b"cbuiltins\nset\n((K\x01ltR.", Value::FrozenSet(vec![Value::Int(1)].into())),
    ] {
        assert_eq!(value(bytes).unwrap(), want, "{bytes:?}");
    }
    // Called with other arguments, not called, or kept.
    for bad in [
        &b"cbuiltins\ncomplex\n."[..],
        b"cbuiltins\ncomplex\n\x85.",
        b"]cbuiltins\ncomplex\na.",
        b"](cbuiltins\ncomplex\ne.",
        b"}Ncbuiltins\nset\ns.",
        b"cbuiltins\ncomplex\n)R.",
        b"cbuiltins\nset\nN\x85R.",
        b"cbuiltins\nset\ncbuiltins\nset\nR.",
        b"cbuiltins\nset\ncbuiltins\nset\n\x85R.",
        b"cbuiltins\nslice\n]NN\x87R.",
        b"cbuiltins\nrange\nK\x01K\x02K\x00\x87R.",
        b"c_codecs\nencode\n(V\\u0100\nVlatin1\ntR.",
        b"cbuiltins\ngetattr\n.",
        b"cbuiltins.x\ncomplex\n.",
        b")N\x85R.",
        b"\x93.",
        b"N\x93.",
        b"R.",
        b"cbuiltins\nEllipsis\n)R.",
        b"c\xff\xfe\nx\n.",
    ] {
        assert!(value(bad).is_err(), "{bad:?}");
    }
    let most = i64::MAX.to_le_bytes();
    let long = [&b"cbuiltins\nrange\n\x8a\x08"[..], &most, b"\x85R."].concat();
    assert!(value(&long).unwrap_err().is_limit());
    let least = i64::MIN.to_le_bytes();
    let wide = [&b"cbuiltins\nrange\n\x8a\x08"[..], &least, b"\x8a\x08", &most, b"\x8a\x08", &most, b"\x87R."].concat();
    let want = [i64::MIN, -1, i64::MAX - 1].map(Value::Int);
    assert_eq!(value(&wide).unwrap(), Value::List(want.to_vec().into()));
}

#[test]
fn cycles_depth_and_growth_are_bounded() {
    let limits = Limits::default();
    let refused = |bytes: &[u8]| read(bytes, &limits).unwrap_err();
    assert!(refused(b"]q\0h\0a.").to_string().contains("contains itself"));
    let mut deep = vec![b']'; 1_000_000];
    deep.extend(vec![b'a'; 999_999]);
    deep.push(b'.');
    assert!(refused(&deep).is_limit());
    // Each list holds the one before it twice.
    let mut laughs = b"]K\x01a".to_vec();
    for _ in 0..60 {
        laughs.extend_from_slice(b"q\0]h\0ah\0aq\x01");
        laughs.extend_from_slice(b"q\0");
    }
    laughs.push(b'.');
    assert!(read(&laughs, &limits).is_err());
    let small = Limits { digits: 20, bytes: 10, items: 3, ..Limits::default() };
    let limited = |bytes: &[u8]| read(bytes, &small).unwrap_err().is_limit();
    assert!(limited(b"L123456789012345678901L\n."));
    assert!(limited(&[&b"\x8a\x0a"[..], &[0x7f; 10], b"."].concat()));
    assert!(limited(b"\x8c\x0b12345678901."));
    assert!(limited(b"(NNNNt."));
    let mut nested = Value::None;
    for _ in 0..100_000 {
        nested = Value::tuple(vec![nested]);
        if !nested.depth_at_most(500) {
            break;
        }
    }
    assert!(write(&nested, 4, 1 << 20).is_ok());
    assert!(write(&Value::bytes(&[0; 100]), 4, 99).unwrap_err().is_limit());
    // Escapes are longer than the text, and end where they pass the limit.
    for text in ["\n".repeat(1000), "\u{20ac}".repeat(400)] {
        match write(&Value::str(&text), 0, 1500).unwrap_err() {
            PickleError::Limit { limit: 1500, offset, .. } => assert!((1501..1512).contains(&offset), "{offset}"),
            other => panic!("{other:?}"),
        }
    }
}
