//! The recorded sessions of real Python peers.

use super::node::{Node, int, tuple, unhex};
use flate2::read::ZlibDecoder;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io::Read;
use std::path::PathBuf;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

impl Side {
    pub fn letter(self) -> char {
        match self {
            Side::Client => 'C',
            Side::Server => 'S',
        }
    }

    /// Does it own what the symbol stands for?
    pub fn owns(self, symbol: &str) -> bool {
        symbol.starts_with(self.letter())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Request = 1,
    Reply = 2,
    Exception = 3,
}

pub struct Message {
    pub n: usize,
    pub kind: Kind,
    pub seq: i64,
    pub body: Node,
    /// The frame, byte for byte.
    pub frame: Vec<u8>,
    pub compressed: bool,
    /// Thread ids as symbols ("0": none) and as they were.
    pub threads: Option<([String; 2], [u64; 2])>,
    /// The numbers behind the symbols in the body.
    pub ids: HashMap<String, String>,
}

impl Message {
    /// Handler number and boxed arguments of a request.
    pub fn request(&self) -> (i64, &Node) {
        assert_eq!(self.kind, Kind::Request);
        (self.body.items()[0].as_int(), &self.body.items()[1])
    }
}

pub struct Frame {
    pub from: Side,
    /// None: the end of the stream.
    pub message: Option<Message>,
}

pub struct Recording {
    pub name: String,
    /// The envelope of rpyc 6.
    pub six: bool,
    pub bind_threads: bool,
    /// demo, slave or classic, and its settings.
    pub server: String,
    pub server_config: Json,
    pub frames: Vec<Frame>,
}

pub fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/sessions")
}

/// Reproducible incompressible bytes, as the recorder made them.
pub fn noise(seed: &str, size: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(size + 32);
    for counter in 0u64.. {
        if out.len() >= size {
            break;
        }
        out.extend(Sha256::new().chain_update(seed).chain_update(counter.to_be_bytes()).finalize());
    }
    out.truncate(size);
    out
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A frame around a payload, not compressed.
pub fn frame(payload: &[u8]) -> Vec<u8> {
    let mut out = (payload.len() as u32).to_be_bytes().to_vec();
    out.push(0);
    out.extend(payload);
    out.push(b'\n');
    out
}

/// The payload of a whole frame.
pub fn payload(frame: &[u8]) -> Vec<u8> {
    let size = u32::from_be_bytes(frame[..4].try_into().unwrap()) as usize;
    assert_eq!(frame.len(), size + 6, "one whole frame");
    match frame[4] {
        0 => frame[5..5 + size].to_vec(),
        _ => {
            let mut out = Vec::new();
            ZlibDecoder::new(&frame[5..5 + size]).read_to_end(&mut out).expect("zlib");
            out
        }
    }
}

/// A message without its thread ids: kind, seq and body.
pub fn open(payload: &[u8], six: bool) -> (Kind, Node, Node) {
    let (kind, rest) = if six { (i64::from(payload[0]), &payload[1..]) } else { (0, payload) };
    let (node, end) = Node::decode(rest);
    assert_eq!(end, rest.len(), "nothing follows the value");
    let (kind, seq, body) = match node.items() {
        [seq, body] if six => (kind, seq, body),
        [kind, seq, body] if !six => (kind.as_int(), seq, body),
        other => panic!("not a message: {other:?}"),
    };
    let kind = match kind {
        1 => Kind::Request,
        2 => Kind::Reply,
        3 => Kind::Exception,
        other => panic!("kind {other}"),
    };
    (kind, seq.clone(), body.clone())
}

/// The payload of a message, without thread ids.
pub fn close(kind: Kind, seq: &Node, body: &Node, six: bool) -> Vec<u8> {
    if six {
        let mut out = vec![kind as u8];
        out.extend(tuple([seq.clone(), body.clone()]).encode());
        out
    } else {
        tuple([int(kind as i64), seq.clone(), body.clone()]).encode()
    }
}

/// The number that stands for a symbol in the normalised payloads.
fn stand_in(symbol: &str) -> String {
    let digits = symbol.trim_start_matches(|c: char| !c.is_ascii_digit());
    let base: u64 = match symbol.strip_suffix(digits) {
        Some("S") => 140_000_000_000_000,
        Some("C") => 150_000_000_000_000,
        Some("St") => 160_000_000_000_000,
        Some("Ct") => 170_000_000_000_000,
        _ => panic!("symbol {symbol}"),
    };
    (base + 16 * digits.parse::<u64>().expect("symbol")).to_string()
}

pub fn thread_number(symbol: &str) -> u64 {
    if symbol == "0" { 0 } else { stand_in(symbol).parse().unwrap() }
}

pub fn load(name: &str) -> Recording {
    let path = directory().join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let json: Json = serde_json::from_str(&text).expect("json");
    let six = json["envelope"].as_str().expect("envelope").starts_with("msg byte");
    let bind_threads = json["bind_threads"].as_bool().expect("bind_threads");
    let mut known = HashMap::new();
    let frames = json["frames"].as_array().expect("frames").iter();
    let frames = frames
        .map(|entry| {
            let from = if entry["dir"] == "c>s" { Side::Client } else { Side::Server };
            if entry.get("event").is_some() {
                assert_eq!(entry["event"], "end of stream");
                return Frame { from, message: None };
            }
            let message = message(entry, six, bind_threads, &known);
            known.extend(message.ids.clone());
            Frame { from, message: Some(message) }
        })
        .collect();
    Recording {
        name: name.to_owned(),
        six,
        bind_threads,
        server: json["server"][0].as_str().expect("server").to_owned(),
        server_config: json["server"][1].clone(),
        frames,
    }
}

fn message(entry: &Json, six: bool, bind_threads: bool, known: &HashMap<String, String>) -> Message {
    let n = entry["n"].as_u64().expect("n") as usize;
    let seq = entry["seq"].as_i64().expect("seq");
    let kind = match entry["msg"].as_str().expect("msg") {
        "REQUEST" => Kind::Request,
        "REPLY" => Kind::Reply,
        _ => Kind::Exception,
    };
    let compressed = entry["compressed"] != 0;
    let Some(hex) = entry["hex"].as_str() else { return large(entry, n, kind, seq, compressed, six, known) };
    let frame = unhex(hex);
    let whole = payload(&frame);
    let (prefix, rest) = whole.split_at(if bind_threads { 16 } else { 0 });
    let (real_kind, real_seq, real_body) = open(rest, six);
    assert_eq!((real_kind, &real_seq), (kind, &int(seq)));
    let symbolic = Node::from_json(&entry["body"]);
    let mut ids = HashMap::new();
    let body = symbolic.merge(&real_body, &mut ids);
    let threads = bind_threads.then(|| {
        let symbol = |i: usize| entry["threads"][i].as_str().expect("thread").to_owned();
        let number = |i: usize| u64::from_be_bytes(prefix[8 * i..8 * i + 8].try_into().unwrap());
        ([symbol(0), symbol(1)], [number(0), number(1)])
    });
    // The reading of the file proves itself: the body gives the recorded payload.
    if let Some(normal) = entry["norm_hex"].as_str() {
        let mut again = Vec::new();
        if let Some((symbols, _)) = &threads {
            again.extend(symbols.iter().flat_map(|symbol| thread_number(symbol).to_be_bytes()));
        }
        again.extend(close(kind, &int(seq), &symbolic.concrete(&mut |symbol| stand_in(symbol)), six));
        assert_eq!(again, unhex(normal), "frame {n}");
    }
    Message { n, kind, seq, body, frame, compressed, threads, ids }
}

/// A frame that is too long for its file, from the recipe.
fn large(
    entry: &Json,
    n: usize,
    kind: Kind,
    seq: i64,
    compressed: bool,
    six: bool,
    known: &HashMap<String, String>,
) -> Message {
    let boxed = |label: i64, value: Node| tuple([int(label), value]);
    let data = Node::Bytes(noise("rpyc-large", 1 << 20));
    let (body, ids) = match kind {
        Kind::Request => {
            let method = tuple([Node::Str("builtins.method".into()), Node::Id("S3".into()), Node::Id("S4".into())]);
            let args = [boxed(3, method), boxed(1, tuple([data])), boxed(1, tuple([]))];
            let ids = ["S3", "S4"].map(|symbol| (symbol.to_owned(), known[symbol].clone()));
            (tuple([int(7), boxed(2, tuple(args))]), HashMap::from(ids))
        }
        _ => (boxed(1, data), HashMap::new()),
    };
    let bytes = |number: &mut dyn FnMut(&str) -> String| close(kind, &int(seq), &body.concrete(number), six);
    assert_eq!(sha256(&bytes(&mut |symbol| stand_in(symbol))), entry["norm_sha256"], "frame {n}");
    let whole = bytes(&mut |symbol| ids[symbol].clone());
    assert_eq!(sha256(&whole), entry["payload_sha256"], "frame {n}");
    Message { n, kind, seq, body, frame: frame(&whole), compressed, threads: None, ids }
}
