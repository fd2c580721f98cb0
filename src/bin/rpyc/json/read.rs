//! Reads JSON arguments (`@json:FILE`): the forms that `--json` writes, and integers of any size.

use super::{DEEPEST, bytes::decoded};
use rpyc::Value;
use rpyc::literal::Reader;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Maximum nesting. A `$dict` takes three levels for one of Python.
const LEVELS: usize = 3 * DEEPEST;

/// Parses a document, or returns why it is not valid.
pub fn value(text: &str) -> Result<Value, String> {
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| format!("invalid JSON: {error}"))?;
    convert(raw.get(), 0)
}

/// Members in the order of the document.
struct Members<'j>(Vec<(String, &'j RawValue)>);

impl<'j> serde::Deserialize<'j> for Members<'j> {
    fn deserialize<D: Deserializer<'j>>(deserializer: D) -> Result<Members<'j>, D::Error> {
        struct Collect;
        impl<'j> Visitor<'j> for Collect {
            type Value = Members<'j>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<Members<'j>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

fn convert(text: &str, depth: usize) -> Result<Value, String> {
    if depth > LEVELS {
        return Err(format!("more than {LEVELS} levels of arrays and objects"));
    }
    let part = |error: serde_json::Error| format!("invalid JSON: {error}");
    Ok(match text.trim_start().as_bytes().first() {
        Some(b'n') => Value::None,
        Some(b't') => Value::Bool(true),
        Some(b'f') => Value::Bool(false),
        Some(b'"') => Value::str(&serde_json::from_str::<String>(text).map_err(part)?),
        Some(b'[') => Value::List(items(text, depth)?.into()),
        Some(b'{') => {
            let Members(members) = serde_json::from_str(text).map_err(part)?;
            match members.as_slice() {
                [(tag, content)] if tag.starts_with('$') => special(tag, content.get(), depth + 1)?,
                _ => {
                    if let Some((name, _)) = members.iter().find(|(name, _)| name.starts_with('$')) {
                        return Err(format!("'{name}' beside other keys: use $dict for keys that begin with $"));
                    }
                    let pairs = members
                        .iter()
                        .map(|(key, value)| Ok::<_, String>((Value::str(key), convert(value.get(), depth + 1)?)));
                    dict(pairs.collect::<Result<_, _>>()?)?
                }
            }
        }
        _ => number(text)?,
    })
}

fn items(text: &str, depth: usize) -> Result<Vec<Value>, String> {
    let raw: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| format!("expected an array: {error}"))?;
    raw.into_iter().map(|item| convert(item.get(), depth + 1)).collect()
}

/// Every JSON number is also a Python number.
fn number(text: &str) -> Result<Value, String> {
    Reader::new(text.trim()).value().map_err(|fault| format!("number '{text}': {}", fault.what))
}

/// Makes a dict in which the last of equal keys counts, as in Python.
fn dict(pairs: Vec<(Value, Value)>) -> Result<Value, String> {
    let mut kept: Vec<(Value, Value)> = Vec::with_capacity(pairs.len());
    let mut places = std::collections::HashMap::new();
    for (key, value) in pairs {
        if !matches!(
            key,
            Value::None
                | Value::Bool(_)
                | Value::Int(_)
                | Value::BigInt(_)
                | Value::Float(_)
                | Value::Str(_)
                | Value::Bytes(_)
        ) {
            return Err("$dict: expected keys that are null, a bool, a number, a string or bytes".into());
        }
        match places.get(&key.repr()) {
            Some(place) => {
                if let Some(pair) = kept.get_mut(*place) {
                    *pair = (key, value);
                }
            }
            None => {
                places.insert(key.repr(), kept.len());
                kept.push((key, value));
            }
        }
    }
    Ok(Value::Dict(kept.into()))
}

fn special(tag: &str, text: &str, depth: usize) -> Result<Value, String> {
    let string = || serde_json::from_str::<String>(text).map_err(|_| format!("{tag}: expected a string"));
    match tag {
        "$int" => {
            let digits = string()?;
            let rest = digits.strip_prefix('-').unwrap_or(&digits);
            if rest.is_empty() || !rest.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(format!("$int: expected digits, got '{digits}'"));
            }
            number(&digits)
        }
        "$float" => match string()?.as_str() {
            "nan" => Ok(Value::Float(f64::NAN)),
            "inf" => Ok(Value::Float(f64::INFINITY)),
            "-inf" => Ok(Value::Float(f64::NEG_INFINITY)),
            other => Err(format!("$float: expected nan, inf or -inf, got '{other}'")),
        },
        "$bytes" => match decoded(&string()?) {
            Some(bytes) => Ok(Value::bytes(&bytes)),
            None => Err("$bytes: expected base64".into()),
        },
        "$tuple" => Ok(Value::tuple(items(text, depth)?)),
        "$frozenset" => Value::frozenset(items(text, depth)?).map_err(|_| "$frozenset: an item is not hashable".into()),
        "$dict" => {
            let raw: Vec<(&RawValue, &RawValue)> =
                serde_json::from_str(text).map_err(|_| "$dict: expected an array of pairs".to_owned())?;
            let pairs = raw.into_iter().map(|(key, value)| {
                Ok::<_, String>((convert(key.get(), depth + 2)?, convert(value.get(), depth + 2)?))
            });
            dict(pairs.collect::<Result<_, _>>()?)
        }
        _ => Err(format!("{tag}: expected $int, $float, $bytes, $tuple, $frozenset or $dict")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_become_values() {
        for (text, want) in [
            ("null", "None"),
            (" [true, false, \"a\\u00e9\\ud83d\\ude00\"] ", "[True, False, 'a\u{e9}\u{1f600}']"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("-0", "0"),
            ("1E2", "100.0"),
            (r#"{"b": 1, "a": {"$tuple": [2]}, "b": 3}"#, "{'b': 3, 'a': (2,)}"),
            (r#"{"$int": "-9007199254740993"}"#, "-9007199254740993"),
            (r#"{"$float": "-inf"}"#, "-inf"),
            (r#"{"$bytes": "AP8="}"#, "b'\\x00\\xff'"),
            (r#"{"$dict": [[1, [2]], ["$x", null]]}"#, "{1: [2], '$x': None}"),
            (r#"{"$frozenset": [1]}"#, "frozenset({1})"),
            ("{}", "{}"),
        ] {
            assert_eq!(value(text).map(|value| value.repr()), Ok(want.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_value_is_an_error() {
        for (text, said) in [
            ("", "invalid JSON"),
            ("[1,]", "invalid JSON"),
            ("01", "invalid JSON"),
            ("NaN", "invalid JSON"),
            ("1 2", "invalid JSON"),
            (r#"{"$int": 1}"#, "expected a string"),
            (r#"{"$int": "1_0"}"#, "expected digits"),
            (r#"{"$bytes": "x"}"#, "base64"),
            (r#"{"$dict": [1]}"#, "pairs"),
            (r#"{"$dict": [[[], 1]]}"#, "keys"),
            (r#"{"$ref": "x", "repr": "y"}"#, "beside other keys"),
            (r#"{"$what": 1}"#, "$what: expected"),
            (&format!("{}{}", "[".repeat(50_000), "]".repeat(50_000)), ""),
        ] {
            let error = value(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
