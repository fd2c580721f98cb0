//! The typed values of the recordings, with a brine codec that shares nothing with the library's.

use serde_json::Value as Json;
use std::collections::HashMap;

#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    None,
    NotImplemented,
    Ellipsis,
    Bool(bool),
    /// Decimal text.
    Int(String),
    /// The bits.
    Float(u64),
    Complex(u64, u64),
    Bytes(Vec<u8>),
    Str(String),
    Tuple(Vec<Node>),
    Slice(Vec<Node>),
    FrozenSet(Vec<Node>),
    /// An id that differs from run to run, by its symbol: S1, S2 ... of the server, C1, C2 ... of the client.
    Id(String),
}

use Node::*;

pub fn int(n: i64) -> Node {
    Int(n.to_string())
}

pub fn text(s: &str) -> Node {
    Str(s.to_owned())
}

pub fn tuple(items: impl Into<Vec<Node>>) -> Node {
    Tuple(items.into())
}

pub fn unhex(hex: &str) -> Vec<u8> {
    assert!(hex.len() % 2 == 0, "odd hex");
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).expect("hex")).collect()
}

impl Node {
    pub fn from_json(json: &Json) -> Node {
        let text = |key: &str| json[key].as_str().unwrap_or_else(|| panic!("no {key} in {json}")).to_owned();
        let bits = |key: &str| u64::from_str_radix(&text(key), 16).expect("bits");
        let items = || json["v"].as_array().expect("items").iter().map(Node::from_json).collect();
        match json["t"].as_str().expect("a typed value") {
            "none" => None,
            "notimplemented" => NotImplemented,
            "ellipsis" => Ellipsis,
            "bool" => Bool(json["v"].as_bool().expect("bool")),
            "int" => Int(text("v")),
            "float" => Float(bits("bits")),
            "complex" => Complex(bits("re"), bits("im")),
            "bytes" => Bytes(unhex(&text("hex"))),
            "str" => Str(text("v")),
            "tuple" => Tuple(items()),
            "slice" => Slice(items()),
            "fset" => FrozenSet(items()),
            "id" => Id(text("v")),
            other => panic!("a value of type {other}"),
        }
    }

    pub fn items(&self) -> &[Node] {
        match self {
            Tuple(items) | Slice(items) | FrozenSet(items) => items,
            other => panic!("no tuple: {other:?}"),
        }
    }

    pub fn as_int(&self) -> i64 {
        match self {
            Int(text) => text.parse().expect("64 bits"),
            other => panic!("no int: {other:?}"),
        }
    }

    pub fn as_text(&self) -> &str {
        match self {
            Str(text) => text,
            other => panic!("no str: {other:?}"),
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.put(&mut out);
        out
    }

    fn put(&self, out: &mut Vec<u8>) {
        match self {
            None => out.push(0x00),
            NotImplemented => out.push(0x05),
            Ellipsis => out.push(0x06),
            Bool(b) => out.push(if *b { 0x03 } else { 0x04 }),
            Int(text) => match text.parse::<i64>() {
                Ok(n @ -48..=159) => out.push((n + 80) as u8),
                _ if text.len() < 256 => {
                    out.extend([0x16, text.len() as u8]);
                    out.extend(text.bytes());
                }
                _ => {
                    out.push(0x17);
                    out.extend((text.len() as u32).to_be_bytes());
                    out.extend(text.bytes());
                }
            },
            Float(bits) => {
                out.push(0x18);
                out.extend(bits.to_be_bytes());
            }
            Complex(re, im) => {
                out.push(0x1b);
                out.extend(re.to_be_bytes());
                out.extend(im.to_be_bytes());
            }
            Bytes(bytes) => put_bytes(out, bytes),
            Str(text) => {
                out.push(0x08);
                put_bytes(out, text.as_bytes());
            }
            Tuple(items) => put_items(out, items),
            Slice(items) => {
                out.push(0x19);
                put_items(out, items);
            }
            FrozenSet(items) => {
                out.push(0x1a);
                put_items(out, items);
            }
            Id(symbol) => panic!("{symbol} has no bytes"),
        }
    }

    /// The value at the beginning, and how long it is.
    pub fn decode(bytes: &[u8]) -> (Node, usize) {
        let mut at = 0;
        let node = take(bytes, &mut at);
        (node, at)
    }

    /// With every symbol replaced by a number.
    pub fn concrete(&self, number: &mut dyn FnMut(&str) -> String) -> Node {
        let mut all = |items: &[Node]| items.iter().map(|item| item.concrete(number)).collect();
        match self {
            Id(symbol) => Int(number(symbol)),
            Tuple(items) => Tuple(all(items)),
            Slice(items) => Slice(all(items)),
            FrozenSet(items) => FrozenSet(all(items)),
            other => other.clone(),
        }
    }

    /// This value as it really was, with symbols where `self` has them; their numbers go into `ids`.
    pub fn merge(&self, real: &Node, ids: &mut HashMap<String, String>) -> Node {
        let mut all = |a: &[Node], b: &[Node]| {
            assert_eq!(a.len(), b.len(), "a recorded body and its bytes differ");
            a.iter().zip(b).map(|(a, b)| a.merge(b, ids)).collect()
        };
        match (self, real) {
            (Id(symbol), Int(number)) => {
                ids.insert(symbol.clone(), number.clone());
                Id(symbol.clone())
            }
            (Tuple(a), Tuple(b)) => Tuple(all(a, b)),
            (Slice(a), Slice(b)) => Slice(all(a, b)),
            (FrozenSet(a), FrozenSet(b)) => FrozenSet(all(a, b)),
            // Texts with addresses are normalised in the recorded body.
            (Str(_), Str(_)) => real.clone(),
            (a, b) => {
                assert_eq!(a, b, "a recorded body and its bytes differ");
                real.clone()
            }
        }
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_length(out, bytes.len(), 0x01, 0x0a);
    out.extend(bytes);
}

fn put_items(out: &mut Vec<u8>, items: &[Node]) {
    put_length(out, items.len(), 0x02, 0x10);
    for item in items {
        item.put(out);
    }
}

fn put_length(out: &mut Vec<u8>, len: usize, empty: u8, one: u8) {
    match len {
        0 => out.push(empty),
        1..=4 => out.push(one + len as u8 - 1),
        5..=255 => out.extend([one + 4, len as u8]),
        _ => {
            out.push(one + 5);
            out.extend((len as u32).to_be_bytes());
        }
    }
}

fn cut<'a>(bytes: &'a [u8], at: &mut usize, size: usize) -> &'a [u8] {
    *at += size;
    &bytes[*at - size..*at]
}

fn length(bytes: &[u8], at: &mut usize, long: bool) -> usize {
    cut(bytes, at, if long { 4 } else { 1 }).iter().fold(0, |n, b| n << 8 | usize::from(*b))
}

fn number(bytes: &[u8], at: &mut usize) -> u64 {
    u64::from_be_bytes(cut(bytes, at, 8).try_into().expect("8 bytes"))
}

fn take(bytes: &[u8], at: &mut usize) -> Node {
    let tag = cut(bytes, at, 1)[0];
    match tag {
        0x00 => None,
        0x01 => Bytes(Vec::new()),
        0x02 => Tuple(Vec::new()),
        0x03 => Bool(true),
        0x04 => Bool(false),
        0x05 => NotImplemented,
        0x06 => Ellipsis,
        0x08 => match take(bytes, at) {
            Bytes(utf8) => Str(String::from_utf8(utf8).expect("UTF-8")),
            other => panic!("a str holds {other:?}"),
        },
        0x0a..=0x0d => Bytes(cut(bytes, at, usize::from(tag - 0x09)).to_vec()),
        0x0e | 0x0f => {
            let size = length(bytes, at, tag == 0x0f);
            Bytes(cut(bytes, at, size).to_vec())
        }
        0x10..=0x13 => Tuple((0x0f..tag).map(|_| take(bytes, at)).collect()),
        0x14 | 0x15 => {
            let count = length(bytes, at, tag == 0x15);
            Tuple((0..count).map(|_| take(bytes, at)).collect())
        }
        0x16 | 0x17 => {
            let size = length(bytes, at, tag == 0x17);
            Int(String::from_utf8(cut(bytes, at, size).to_vec()).expect("digits"))
        }
        0x18 => Float(number(bytes, at)),
        0x19 => Slice(take(bytes, at).items().to_vec()),
        0x1a => FrozenSet(take(bytes, at).items().to_vec()),
        0x1b => Complex(number(bytes, at), number(bytes, at)),
        0x20..=0xef => int(i64::from(tag) - 80),
        other => panic!("tag {other:#04x} at {at}"),
    }
}
