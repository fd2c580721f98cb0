//! Every vector of tests/data/brine.json, made by the rpyc of Python, both ways.

use rpyc::budget::Storage;
use rpyc::codec::brine::{DecodeErrorKind, EncodeError, Reader, decode, put_value};
use rpyc::config::Limits;
use rpyc::value::{Blob, Text, Value};
use serde::Deserialize;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use std::sync::Arc;

fn vectors(section: &str) -> Vec<Json> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/brine.json");
    let file = std::fs::read(path).unwrap();
    let mut json = serde_json::Deserializer::from_slice(&file);
    json.disable_recursion_limit();
    let all = Json::deserialize(&mut json).unwrap();
    let vectors = all[section].as_array().unwrap().clone();
    assert_eq!(vectors.len() as u64, all["counts"][section].as_u64().unwrap());
    vectors
}

fn text<'j>(json: &'j Json, field: &str) -> &'j str {
    json[field].as_str().unwrap_or_else(|| panic!("{json} has no text '{field}'"))
}

fn unhex(hex: &str) -> Vec<u8> {
    assert!(hex.len() % 2 == 0);
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn float(bits: &str) -> f64 {
    f64::from_bits(u64::from_str_radix(bits, 16).unwrap())
}

/// The value that a typed node of the vectors describes.
fn value(node: &Json) -> Value {
    let items = || node["v"].as_array().unwrap().iter().map(value).collect::<Vec<_>>();
    match text(node, "t") {
        "none" => Value::None,
        "notimplemented" => Value::NotImplemented,
        "ellipsis" => Value::Ellipsis,
        "bool" => Value::Bool(node["v"].as_bool().unwrap()),
        "int" => Value::int_from_text(text(node, "v").as_bytes(), 4300).unwrap(),
        "float" => Value::Float(float(text(node, "bits"))),
        "complex" => Value::Complex(float(text(node, "re")), float(text(node, "im"))),
        "bytes" => Value::Bytes(unhex(text(node, "hex")).into()),
        "str" => Value::str(text(node, "v")),
        "tuple" => Value::tuple(items()),
        "slice" => match <[Value; 3]>::try_from(items()) {
            Ok([start, stop, step]) => Value::slice(start, stop, step),
            Err(items) => panic!("a slice of {}", items.len()),
        },
        "fset" => Value::frozenset(items()).unwrap(),
        other => panic!("a node of type {other}"),
    }
}

/// The defaults, but for the depth that CPython itself can take.
fn limits() -> Limits {
    Limits { depth: 400, ..Limits::default() }
}

fn encode(value: &Value) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    put_value(&mut out, value, &limits()).map(|()| out)
}

/// Reading, skipping and sharing readers agree on good input.
fn read_every_way(name: &str, bytes: &[u8]) -> Value {
    let limits = limits();
    let read = decode(bytes, &limits).unwrap_or_else(|e| panic!("{name}: {e}"));

    let mut reader = Reader::new(bytes, None, &limits);
    reader.skip().unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(reader.at_end(), "{name}");
    assert_eq!(reader.raw_from(0), bytes, "{name}");

    let frame = Arc::new(Storage::from([b"before", bytes, b"after"].concat()));
    let mut reader = Reader::new(&frame.bytes[6..6 + bytes.len()], Some((&frame, 6)), &limits);
    assert_eq!(reader.value().unwrap(), read, "{name}");
    assert!(reader.at_end(), "{name}");
    read
}

#[test]
fn valid() {
    for vector in vectors("valid") {
        let name = text(&vector, "name");
        let bytes = unhex(text(&vector, "hex"));
        let value = value(&vector["value"]);
        assert_eq!(hex(&encode(&value).unwrap()), text(&vector, "hex"), "{name}");
        let read = read_every_way(name, &bytes);
        assert_eq!(read, value, "{name}");
        assert!(read.is_plain() && read.depth_at_most(400), "{name}");
    }
}

#[test]
fn every_proper_beginning_of_a_valid_one_is_refused() {
    for vector in vectors("valid") {
        let bytes = unhex(text(&vector, "hex"));
        for end in 0..bytes.len() {
            let error = decode(&bytes[..end], &limits()).unwrap_err();
            assert!(error.offset() <= end, "{}: {error}", text(&vector, "name"));
            assert!(Reader::new(&bytes[..end], None, &limits()).skip().is_err(), "{}", text(&vector, "name"));
        }
    }
}

#[test]
fn reprs_are_those_of_python() {
    // Where the vector's text is an expression instead.
    let expression = |text: &str| {
        text.contains(" * ")
            || text.contains("**")
            || ["bytes(i", "() wrapped", "nan,", "-nan"].iter().any(|t| text.starts_with(t))
    };
    let mut compared = 0;
    for vector in vectors("valid") {
        let (name, python) = (text(&vector, "name"), text(&vector, "python_repr"));
        let hash_order = ["frozenset of frozensets", "frozenset mixed", "frozenset of 300 ints"].contains(&name);
        if expression(python) || hash_order {
            continue;
        }
        assert_eq!(value(&vector["value"]).repr(), python, "{name}");
        compared += 1;
    }
    assert!(compared > 150, "only {compared}");
}

fn noise(seed: &str, size: usize) -> Vec<u8> {
    let block = |n: u64| Sha256::new().chain_update(seed).chain_update(n.to_be_bytes()).finalize();
    (0..).flat_map(block).take(size).collect()
}

fn from_recipe(recipe: &Json) -> Value {
    let times = || recipe["times"].as_u64().unwrap() as usize;
    match text(recipe, "kind") {
        "bytes" if recipe.get("seed").is_some() => {
            Value::Bytes(noise(text(recipe, "seed"), recipe["size"].as_u64().unwrap() as usize).into())
        }
        "bytes" => Value::Bytes(unhex(text(recipe, "unit_hex")).repeat(times()).into()),
        "str" => Value::from(text(recipe, "unit").repeat(times())),
        "tuple" => Value::tuple(vec![value(&recipe["item"]); times()]),
        "tuple of range" => Value::tuple((0..recipe["stop"].as_i64().unwrap()).map(Value::Int).collect()),
        "int" => {
            assert_eq!(text(recipe, "text"), "1 followed by 4299 zeros");
            Value::int_from_text(format!("1{}", "0".repeat(4299)).as_bytes(), 4300).unwrap()
        }
        other => panic!("a recipe for {other}"),
    }
}

#[test]
fn large() {
    for vector in vectors("large") {
        let name = text(&vector, "name");
        let value = from_recipe(&vector["recipe"]);
        let bytes = encode(&value).unwrap();
        assert_eq!(bytes.len() as u64, vector["size"].as_u64().unwrap(), "{name}");
        assert_eq!(hex(&bytes[..16]), text(&vector, "head_hex"), "{name}");
        assert_eq!(hex(&bytes[bytes.len() - 16..]), text(&vector, "tail_hex"), "{name}");
        assert_eq!(hex(&Sha256::digest(&bytes)), text(&vector, "sha256"), "{name}");
        assert_eq!(read_every_way(name, &bytes), value, "{name}");
    }
}

#[test]
fn accepted() {
    for vector in vectors("accepted") {
        let (name, advice) = (text(&vector, "name"), text(&vector, "advice"));
        let bytes = unhex(text(&vector, "hex"));
        if advice.starts_with("accept:") {
            let read = read_every_way(name, &bytes);
            assert_eq!(read, value(&vector["value"]), "{name}");
            assert_eq!(hex(&encode(&read).unwrap()), text(&vector, "canonical_hex"), "{name}");
        } else {
            assert!(advice.starts_with("reject:") || advice.starts_with("accept or reject:"), "{name}");
            let error = decode(&bytes, &limits()).expect_err(name);
            assert!(error.offset() <= bytes.len(), "{name}: {error}");
        }
    }
}

#[test]
fn malformed() {
    for vector in vectors("malformed") {
        let name = text(&vector, "name");
        let bytes = unhex(text(&vector, "hex"));
        let error = decode(&bytes, &limits()).expect_err(name);
        assert!(error.offset() <= bytes.len(), "{name}: {error}");
        assert!(error.to_string().contains(&format!("offset {}", error.offset())), "{name}: {error}");
        // What is skipped is not looked into so far that unhashable items are seen.
        let skipped = Reader::new(&bytes, None, &limits()).skip();
        assert_eq!(skipped.is_ok(), matches!(error.kind(), DecodeErrorKind::Unhashable(_)), "{name}");
    }
}

#[test]
fn malformed_says_what_and_where() {
    let message = |name: &str| {
        let all = vectors("malformed").into_iter().chain(vectors("accepted"));
        let vector = all.into_iter().find(|v| text(v, "name") == name).unwrap();
        decode(&unhex(text(&vector, "hex")), &limits()).unwrap_err().to_string()
    };
    let cases = [
        ("empty input", "brine: the input ends at offset 0, where a value was expected"),
        ("unknown tag 1c", "brine: unknown tag 0x1c at offset 0"),
        (
            "long of python 2 peers (tag 09)",
            "brine: a long of Python 2 (tag 0x09) at offset 0; rpyc 4.1 or later is needed",
        ),
        ("bytes L1 with too little data", "brine: a byte string of 5 bytes at offset 0 is cut after 3"),
        ("bytes L4 with 3 length bytes", "brine: a length of 4 bytes at offset 0 is cut after 3"),
        ("unicode around a cut string", "brine: a str of 2 bytes at offset 0 is cut after 1"),
        ("tuple L4 count 4 Gi - 1, no items", "brine: a tuple of 4294967295 items at offset 0 with 0 bytes left"),
        ("tuple item unknown", "brine: unknown tag 0x1f at offset 1"),
        ("nested tuple cut", "brine: a tuple of 1 items at offset 2 with 0 bytes left"),
        ("int L1 plus sign", "brine: the int at offset 0 is not written in canonical decimal"),
        ("int L4 4301 digits", "brine: an int of 4301 digits at offset 0 exceeds the limit of 4300 (max_digits)"),
        ("float with 7 bytes", "brine: a float of 8 bytes at offset 0 is cut after 7"),
        ("unicode around an int", "brine: expected the bytes of a str at offset 1, got an int"),
        ("unicode truncated sequence", "brine: the byte at offset 2 is not UTF-8"),
        ("slice around 2-tuple", "brine: expected the three parts of a slice at offset 1, got another tuple"),
        ("slice around a frozenset of 3", "brine: expected a tuple at offset 1, got a frozenset"),
        ("frozenset holding a slice", "brine: the frozenset at offset 0 holds a slice, which is unhashable"),
        ("trailing second value", "brine: 1 bytes follow the value, from offset 1 on"),
        ("tuple 2000 levels deep", "brine: over 400 levels of nesting at offset 400 (max_depth)"),
        ("unicode 2000 levels deep", "brine: expected the bytes of a str at offset 1, got a str"),
    ];
    for (name, text) in cases {
        assert_eq!(message(name), text, "{name}");
    }
}

#[test]
fn undumpable() {
    let list = Value::List([Value::Int(1)].into());
    let int = |digits: usize| {
        let text = format!("1{}", "0".repeat(digits - 1));
        Value::int_from_text(text.as_bytes(), digits).unwrap()
    };
    for vector in vectors("undumpable") {
        let name = text(&vector, "name");
        let value = match name {
            "list" => list.clone(),
            "dict" => Value::Dict([(Value::Int(1), Value::Int(2))].into()),
            "tuple with a list" => Value::tuple(vec![Value::Int(1), list.clone()]),
            "slice with a list" => Value::slice(list.clone(), Value::None, Value::None),
            "int of 4300 digits" => int(4300),
            "int of 4301 digits" => int(4301),
            _ if name.starts_with("str ") => {
                // The only way to a text leads through a check.
                let surrogate =
                    [b"\xed\xa0\x80".as_slice(), b"x\xed\xb0\x80", b"\xed\xa0\xbd\xed\xb8\x80", b"\xed\xb3\xbf"];
                assert!(surrogate.iter().all(|bytes| Text::from_utf8(Blob::copy(bytes)).is_err()));
                continue;
            }
            // There is no such value here: these are objects, which travel by reference.
            "set" | "bytearray" | "object" | "int subclass" | "IntEnum member" | "range" | "type" => continue,
            _ => panic!("{name} is not tried"),
        };
        let dumpable = vector["dumpable"].as_bool().unwrap();
        assert_eq!(value.is_plain(), dumpable, "{name}");
        match (encode(&value), text(&vector, "dump")) {
            (Ok(bytes), "works") => assert_eq!(read_every_way(name, &bytes), value),
            (Err(EncodeError::NotPlain(what)), _) => assert!(!dumpable && what == text_of_type(name), "{name}"),
            (Err(EncodeError::TooManyDigits { digits: 4301, limit: 4300 }), _) => assert!(dumpable),
            (result, python) => panic!("{name}: {result:?}, in Python {python}"),
        }
    }
}

fn text_of_type(name: &str) -> &str {
    if name == "dict" { "dict" } else { "list" }
}

/// Hash order differs from run to run, so sets are equal in any order, and so is what holds them.
#[test]
fn frozensets_are_compared_as_sets() {
    let mut seen = 0;
    for vector in vectors("valid") {
        let Value::FrozenSet(items) = value(&vector["value"]) else { continue };
        let mut backwards = items.to_vec();
        backwards.reverse();
        let other = Value::frozenset(backwards).unwrap();
        let read = decode(&encode(&other).unwrap(), &limits()).unwrap();
        let original = Value::FrozenSet(items.clone());
        assert!(read.py_eq(&original) && original.py_eq(&read), "{}", text(&vector, "name"));
        assert_eq!(read.py_hash(), original.py_hash());
        seen += usize::from(items.len() > 1);
    }
    assert!(seen >= 6);
}
