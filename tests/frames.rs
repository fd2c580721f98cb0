//! Frames: every recorded one in every fragmentation, and compression both ways.

use rpyc::codec::brine::{Sink, decode, put_bytes_blob};
use rpyc::codec::frame::{Compression, FrameError, Incoming, Outgoing};
use rpyc::config::Limits;
use rpyc::value::{Blob, Value};
use serde::Deserialize;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use std::io::{IoSlice, Read, Write};

/// A recorded frame and its payload.
struct Recorded {
    name: String,
    frame: Vec<u8>,
    payload: Vec<u8>,
}

fn unhex(hex: &str) -> Vec<u8> {
    assert!(hex.len() % 2 == 0);
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn noise(seed: &str, size: usize) -> Vec<u8> {
    let block = |n: u64| Sha256::new().chain_update(seed).chain_update(n.to_be_bytes()).finalize();
    (0..).flat_map(block).take(size).collect()
}

/// Random numbers, the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

fn zlib(payload: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(level));
    encoder.write_all(payload).unwrap();
    encoder.finish().unwrap()
}

fn unzlib(body: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    flate2::read::ZlibDecoder::new(body).read_to_end(&mut payload).unwrap();
    payload
}

fn frame(body: &[u8], compressed: u8) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    [&length, &[compressed][..], body, b"\n"].concat()
}

/// All recorded frames, those that are too long to be in the files made again from their recipe.
fn recorded() -> Vec<Recorded> {
    let mut all = Vec::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/sessions");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let session = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let file = std::fs::read(&path).unwrap();
        let mut json = serde_json::Deserializer::from_slice(&file);
        json.disable_recursion_limit();
        let recording = Json::deserialize(&mut json).unwrap();
        for entry in recording["frames"].as_array().unwrap() {
            let name = format!("{session} {}", entry["n"]);
            if entry.get("event").is_some() {
                continue;
            }
            let Some(hex) = entry["hex"].as_str() else {
                all.push(from_recipe(name, entry));
                continue;
            };
            let frame = unhex(hex);
            let payload = match entry["payload_hex"].as_str() {
                Some(payload) => unhex(payload),
                None => frame[5..frame.len() - 1].to_vec(),
            };
            all.push(Recorded { name, frame, payload });
        }
    }
    assert!(all.len() > 1300, "only {}", all.len());
    all
}

/// A long frame holds 1 MiB of noise; its payload is known by head, size and digest, its zlib stream is our own.
fn from_recipe(name: String, entry: &Json) -> Recorded {
    let field = |field: &str| entry[field].as_str().unwrap().to_owned();
    assert!(field("note").contains("noise('rpyc-large', 1048576)"), "{name}");
    let noise = noise("rpyc-large", 1 << 20);
    let size = entry["payload_size"].as_u64().unwrap() as usize;
    let candidates = match field("msg").as_str() {
        "REPLY" => vec![[unhex("02115611510f00100000"), noise].concat()],
        // Its ids are known only from its compressed head.
        _ => call_of_noise(&unhex(&field("hex_head"))[5..], size, &noise),
    };
    let known = |payload: &&Vec<u8>| hex(&Sha256::digest(payload)) == field("payload_sha256");
    let payload = candidates.iter().find(known).unwrap_or_else(|| panic!("{name}: the recipe fails")).clone();
    assert_eq!(payload.len(), size, "{name}");
    Recorded { name, frame: frame(&zlib(&payload, 1), 1), payload }
}
