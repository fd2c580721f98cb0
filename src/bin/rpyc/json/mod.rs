//! Output for programs (`--json`): Python values as JSON, and lines with one document each.
//!
//! A value that JSON lacks is an object with one key that begins with `$`; docs/guide/tool.md has the list.

mod bytes;
mod read;

pub use bytes::encoded as base64;
pub use read::value;

use crate::failure::Failure;
use crate::show;
use rpyc::{Object, Value};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

/// The largest integer that every JSON reader keeps exact.
const EXACT: u64 = 1 << 53;
/// Maximum nesting of containers. Each takes three levels of JSON, of which jq reads 256.
const DEEPEST: usize = 64;

/// A value, to be written as JSON.
pub struct Json<'v>(pub &'v Value);

/// The result of a command that prints one value.
#[derive(Serialize)]
pub struct Answer<'v> {
    ok: bool,
    r#type: &'v str,
    value: Json<'v>,
}

impl<'v> Answer<'v> {
    pub fn new(value: &'v Value) -> Answer<'v> {
        Answer { ok: true, r#type: value.type_name(), value: Json(value) }
    }
}

/// A 64-bit number of the protocol, which may be too large for JSON.
pub struct Exact(pub i128);

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match i64::try_from(self.0) {
            Ok(number) => Json(&Value::Int(number)).serialize(serializer),
            Err(_) => tagged(serializer, "$int", &self.0.to_string()),
        }
    }
}

/// Prints a document on one line, and escapes all characters that control a terminal.
pub fn text(document: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string(document)
        .map_err(|error| Failure::new(crate::failure::FILE, format!("cannot write the result as JSON: {error}")))?;
    let obeyed = |c: char| c >= '\u{7f}' && rpyc::escape::one_line(c.encode_utf8(&mut [0; 4])).starts_with('\\');
    if !text.contains(obeyed) {
        return Ok(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        // These characters have at most 16 bits.
        if obeyed(c) { escaped.push_str(&format!("\\u{:04x}", u32::from(c))) } else { escaped.push(c) }
    }
    Ok(escaped)
}

pub fn print(document: &impl Serialize) -> Result<(), Failure> {
    show::line(format_args!("{}", text(document)?))
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Level(self.0, 0).serialize(serializer)
    }
}

/// A value and the number of containers around it.
struct Level<'v>(&'v Value, usize);

struct Pair<'v>(&'v Value, &'v Value, usize);

struct Several<'v>(&'v [Value], usize);

struct Pairs<'v>(&'v [(Value, Value)], usize);

impl Serialize for Pair<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (Level(self.0, self.2), Level(self.1, self.2)).serialize(serializer)
    }
}

impl Serialize for Several<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        self.0.iter().try_for_each(|item| list.serialize_element(&Level(item, self.1)))?;
        list.end()
    }
}

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(key, value)| Pair(key, value, self.1)))
    }
}

fn tagged<S: Serializer>(serializer: S, tag: &str, content: &impl Serialize) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(tag, content)?;
    map.end()
}

impl Serialize for Level<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Level(value, depth) = *self;
        let inner = depth + 1;
        match value {
            Value::None => serializer.serialize_unit(),
            Value::Bool(truth) => serializer.serialize_bool(*truth),
            Value::Int(number) if number.unsigned_abs() <= EXACT => serializer.serialize_i64(*number),
            Value::Int(number) => tagged(serializer, "$int", &number.to_string()),
            Value::BigInt(number) => tagged(serializer, "$int", &number.text().as_str()),
            Value::Float(number) if number.is_finite() => serializer.serialize_f64(*number),
            Value::Float(_) => tagged(serializer, "$float", &value.repr()),
            Value::Str(text) => serializer.serialize_str(text.as_str()),
            Value::Bytes(bytes) => tagged(serializer, "$bytes", &base64(bytes)),
            Value::Array(array) => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("$array", array.element().type_string())?;
                map.serialize_entry("$bytes", &base64(array.data()))?;
                map.end()
            }
            Value::Ref(object) => {
                let object = Object::from(object.clone());
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("$ref", object.type_name())?;
                map.serialize_entry("repr", &object.repr().ok())?;
                map.end()
            }
            _ if depth >= DEEPEST => tagged(serializer, "$repr", &value.repr()),
            Value::Tuple(items) | Value::List(items) => Several(items, inner).serialize(serializer),
            Value::FrozenSet(items) => tagged(serializer, "$frozenset", &Several(items, inner)),
            Value::Dict(pairs) => {
                let plain = |key: &Value| matches!(key, Value::Str(name) if !name.as_str().starts_with('$'));
                if !pairs.iter().all(|(key, _)| plain(key)) {
                    return tagged(serializer, "$dict", &Pairs(pairs, inner));
                }
                let mut map = serializer.serialize_map(Some(pairs.len()))?;
                for (key, value) in pairs.iter() {
                    if let Value::Str(name) = key {
                        map.serialize_entry(name.as_str(), &Level(value, inner))?;
                    }
                }
                map.end()
            }
            _ => tagged(serializer, "$repr", &value.repr()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rpyc::literal::Reader;

    fn json(literal: &str) -> String {
        text(&Json(&Reader::new(literal).value().unwrap())).unwrap()
    }

    #[test]
    fn each_kind_has_its_form() {
        for (literal, want) in [
            ("None", "null"),
            ("True", "true"),
            ("9007199254740992", "9007199254740992"),
            ("-9007199254740993", r#"{"$int":"-9007199254740993"}"#),
            ("123456789012345678901234567890", r#"{"$int":"123456789012345678901234567890"}"#),
            ("1.0", "1.0"),
            ("1e999", r#"{"$float":"inf"}"#),
            ("'a\"\\n\\x9b\\u202e<'", r#""a\"\n\u009b\u202e<""#),
            ("b'\\x00\\xff'", r#"{"$bytes":"AP8="}"#),
            ("(1, [2], {})", "[1,[2],{}]"),
            ("{'b': 1, 'a': 2}", r#"{"b":1,"a":2}"#),
            ("{'$x': 1}", r#"{"$dict":[["$x",1]]}"#),
            ("{1: (2,)}", r#"{"$dict":[[1,[2]]]}"#),
        ] {
            assert_eq!(json(literal), want, "{literal}");
        }
        assert_eq!(text(&Json(&Value::Ellipsis)).unwrap(), r#"{"$repr":"Ellipsis"}"#);
        assert_eq!(text(&Json(&Value::Float(f64::NAN))).unwrap(), r#"{"$float":"nan"}"#);
    }

    #[test]
    fn deep_values_end_as_repr() {
        let mut deep = Value::None;
        for _ in 0..100_000 {
            deep = Value::tuple(vec![deep]);
        }
        let written = text(&Json(&deep)).unwrap();
        assert!(written.starts_with(&"[".repeat(DEEPEST)) && written.contains(r#"{"$repr":"(((("#));
    }
}
