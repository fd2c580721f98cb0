//! Inputs to begin with, from the recorded sessions and golden values of tests/data, and mutations of them.

use super::connections;
use super::sessions::frame;
use rpyc::codec::{brine, native, pickle};
use rpyc::config::Limits;
use rpyc::value::Value;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

fn data() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    [root.join("tests/data"), root.join("../tests/data")].into_iter().find(|path| path.exists()).expect("tests/data")
}

fn json(path: &Path) -> Json {
    let text = std::fs::read_to_string(path).expect("a file of tests/data");
    let mut reader = serde_json::Deserializer::from_str(&text);
    // Some golden values are deep.
    reader.disable_recursion_limit();
    serde::Deserialize::deserialize(&mut reader).expect("JSON")
}

fn unhex(hex: &Json) -> Vec<u8> {
    let hex = hex.as_str().expect("hex");
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).expect("hex")).collect()
}

/// Golden values and what is nearly one, none of them long.
pub fn brine() -> Vec<Vec<u8>> {
    let all = json(&data().join("brine.json"));
    let parts = ["valid", "accepted", "malformed"].into_iter().filter_map(|part| all[part].as_array());
    let inputs: Vec<_> = parts.flatten().map(|one| unhex(&one["hex"])).filter(|bytes| bytes.len() < 2000).collect();
    assert!(inputs.len() > 100, "the golden values are missing");
    inputs
}

/// The frames of each recording, from one side.
fn recordings() -> Vec<Vec<Vec<u8>>> {
    let folder = std::fs::read_dir(data().join("sessions")).expect("tests/data/sessions");
    let mut paths: Vec<_> = folder.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let mut all = Vec::new();
    for recording in paths.iter().map(|path| json(path)) {
        let frames = recording["frames"].as_array().expect("frames");
        for direction in ["c>s", "s>c"] {
            let side = frames.iter().filter(|frame| frame["dir"] == direction && frame["hex"].is_string());
            let side: Vec<_> = side.map(|frame| unhex(&frame["hex"])).filter(|bytes| bytes.len() < 2000).collect();
            all.extend((!side.is_empty()).then_some(side));
        }
    }
    assert!(all.len() > 20, "the recordings are missing");
    all
}

fn with_head(head: &[u8], bytes: impl AsRef<[u8]>) -> Vec<u8> {
    [head, bytes.as_ref()].concat()
}

pub fn frames() -> Vec<Vec<u8>> {
    recordings().into_iter().map(|side| with_head(&[7], side.concat())).collect()
}

pub fn stream() -> Vec<Vec<u8>> {
    recordings().into_iter().enumerate().map(|(i, side)| with_head(&[i as u8, 50], side.concat())).collect()
}

/// The payloads of frames that are not compressed.
pub fn messages() -> Vec<Vec<u8>> {
    let one = |(i, side): (usize, Vec<Vec<u8>>)| {
        let payloads = side.iter().filter(|frame| frame.get(4) == Some(&0)).map(|frame| &frame[5..frame.len() - 1]);
        let messages = payloads.flat_map(|payload| [&(payload.len() as u16).to_be_bytes()[..], payload].concat());
        with_head(&[i as u8], messages.collect::<Vec<u8>>())
    };
    recordings().into_iter().enumerate().map(one).chain(limited()).collect()
}

/// Requests with deadlines, good and bad ones, for a session that has offered to read them.
fn limited() -> Vec<Vec<u8>> {
    let deadlines = [0, 1, 30_000, 1 << 43, (1 << 43) + 1, -1, i64::MIN].map(Value::Int);
    let others = [Value::from(u64::MAX), Value::Bool(true), Value::Float(1.5), Value::None, Value::str("soon")];
    let args = Value::tuple(vec![Value::Int(1), Value::tuple(vec![])]);
    let one = |deadline: Value| {
        let handlers = [3, 7, 8, 99].map(|handler| {
            let limited = Value::tuple(vec![Value::Int(handler), deadline.clone()]);
            let body = Value::tuple(vec![Value::Int(handler), Value::tuple(vec![limited, args.clone()])]);
            let mut payload = vec![1];
            brine::put_value(&mut payload, &body, &Limits::default()).expect("plain data");
            [&(payload.len() as u16).to_be_bytes()[..], &payload].concat()
        });
        with_head(&[128], handlers.concat())
    };
    deadlines.into_iter().chain(others).map(one).collect()
}

/// Values of all kinds, nested.
fn values() -> Vec<Value> {
    let limits = Limits::default();
    let mut values: Vec<Value> = brine().iter().filter_map(|bytes| brine::decode(bytes, &limits).ok()).collect();
    let some = |from: usize| values.iter().skip(from).take(6).cloned().collect::<Vec<_>>();
    let list = Value::List(some(3).into());
    let dict = Value::dict(vec![(Value::str("a"), list.clone()), (Value::Int(5), Value::tuple(some(30)))]);
    let dict = dict.expect("keys that can be hashed");
    let nested = Value::List(vec![list.clone(), dict.clone(), list.clone()].into());
    values.extend([list, dict, nested]);
    values
}

pub fn pickle() -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    for (i, value) in values().iter().enumerate() {
        inputs.extend(pickle::write(value, (i % 6) as u8, 1 << 16).map(|bytes| with_head(&[i as u8], bytes)));
    }
    inputs
}

pub fn native() -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    for value in values() {
        let mut bytes = Vec::new();
        inputs.extend(native::put(&mut bytes, &value, 64, 0, true, &|_| None).map(|()| bytes));
    }
    inputs
}

fn boxed(value: Value) -> Value {
    Value::tuple(vec![Value::Int(1), value])
}

/// A message of rpyc 6 in its frame.
fn message(kind: u8, seq: i64, body: Value) -> Vec<u8> {
    let mut payload = vec![kind];
    let both = Value::tuple(vec![Value::Int(seq), body]);
    brine::put_value(&mut payload, &both, &Limits::default()).expect("plain data");
    frame(&payload)
}

fn request(seq: i64, handler: i64, boxes: Vec<Value>) -> Vec<u8> {
    message(1, seq, Value::tuple(vec![Value::Int(handler), Value::tuple(vec![Value::Int(2), Value::tuple(boxes)])]))
}

/// A peer's name for our object: what a reply with label 4 holds.
fn lent(reply: &[u8]) -> Value {
    let payload = &reply[6..reply.len() - 1];
    match brine::decode(payload, &Limits::default()).expect("a reply") {
        Value::Tuple(parts) => match &parts[1] {
            Value::Tuple(boxed) => boxed[1].clone(),
            other => panic!("no box: {other:?}"),
        },
        other => panic!("no reply: {other:?}"),
    }
}

/// Calls of the service of `connections`, with the ids that it really has.
pub fn connection() -> Vec<Vec<u8>> {
    let get_root = request(0, 3, vec![]);
    let root = Value::tuple(vec![Value::Int(3), lent(&connections::answer_to(&get_root))]);
    let pack = |n: i64| Value::tuple(vec![Value::str("some.Thing"), Value::Int(n), Value::Int(n + 1)]);
    let mine = |n: i64| Value::tuple(vec![Value::Int(4), pack(n)]);
    let none = || boxed(Value::tuple(vec![]));
    let tuple = |boxes: Vec<Value>| Value::tuple(vec![Value::Int(2), Value::tuple(boxes)]);
    let method =
        |seq: i64, name: &str, args: Value| request(seq, 8, vec![root.clone(), boxed(Value::str(name)), args, none()]);
    let on = |seq: i64, handler: i64, more: Vec<Value>| request(seq, handler, [vec![root.clone()], more].concat());
    let plain = |items: &[i64]| boxed(Value::tuple(items.iter().map(|n| Value::Int(*n)).collect()));
    let reply = |seq: i64, value: Value| message(2, seq, value);
    let mut inputs = vec![
        vec![get_root.clone(), method(1, "add", plain(&[1, 2, 3]))],
        vec![get_root.clone(), method(1, "list", none()), method(2, "dict", none()), method(3, "iterate", none())],
        vec![get_root.clone(), method(1, "keep", plain(&[1]))],
        // Its questions are answered: INSPECT, bool, ==, repr, call, items.
        vec![
            get_root.clone(),
            method(1, "use", tuple(vec![mine(7)])),
            reply(0, boxed(Value::tuple(vec![Value::tuple(vec![Value::str("__bool__"), Value::str("doc")])]))),
            reply(1, boxed(Value::Bool(true))),
            reply(2, boxed(Value::Int(1))),
            reply(3, mine(9)),
            reply(4, boxed(Value::str("text"))),
            reply(5, boxed(Value::tuple(vec![Value::Int(1), Value::Int(2)]))),
            reply(6, boxed(Value::tuple(vec![]))),
        ],
        vec![get_root.clone(), method(1, "use", tuple(vec![root.clone()]))],
        vec![
            get_root.clone(),
            on(1, 9, vec![]),
            on(2, 10, vec![]),
            on(3, 12, vec![]),
            on(4, 13, vec![]),
            on(5, 16, vec![]),
            on(6, 11, vec![boxed(Value::Int(1)), boxed(Value::str("__eq__"))]),
        ],
        vec![
            get_root.clone(),
            on(1, 4, vec![boxed(Value::str("add"))]),
            on(2, 5, vec![boxed(Value::str("add"))]),
            on(3, 6, vec![boxed(Value::str("x")), boxed(Value::Int(1))]),
            on(4, 14, vec![boxed(Value::Int(2))]),
            on(5, 17, vec![boxed(Value::Int(3))]),
            on(6, 15, vec![boxed(Value::Int(1))]),
        ],
    ];
    // Items, slices and methods of the containers that the service lends.
    for (name, method_name, args) in [
        ("list", "__getitem__", plain(&[1])),
        ("list", "__getitem__", tuple(vec![boxed(Value::slice(Value::Int(1), Value::Int(9), Value::Int(-2)))])),
        ("list", "index", plain(&[3, 1, 9])),
        ("list", "__eq__", tuple(vec![mine(7)])),
        ("dict", "get", plain(&[1, 2])),
        ("dict", "items", none()),
        ("iterate", "__next__", none()),
    ] {
        let first = [get_root.clone(), method(1, name, none())].concat();
        let answers = connections::answer_to(&first);
        let second = 6 + u32::from_be_bytes([answers[0], answers[1], answers[2], answers[3]]) as usize;
        let Some(answer) = answers.get(second..).filter(|answer| answer.len() > 7) else { continue };
        let object = Value::tuple(vec![Value::Int(3), lent(answer)]);
        let asked = request(2, 8, vec![object.clone(), boxed(Value::str(method_name)), args, none()]);
        inputs.push(vec![first, asked, request(3, 17, vec![object, boxed(Value::Int(5))])]);
    }
    inputs.into_iter().enumerate().map(|(i, parts)| with_head(&[1 | (i as u8) << 2], parts.concat())).collect()
}

/// An object that passes on calls, and is told to pass them on to itself, is called: endless calls within this process.
const HEX: [&str; 1] = [
    "217c5646021c5022f425c922ca6dc5b2e5ba191d9b2ea0bf9271d1aedde0a79c777da900580e7448f63da7d811bdf2086064e4b92a4e1436e0b964d439a37666dea3a4c13c4e3ebc9fd6e94012f8fb76967ff54624aa0b91b2b99429412b23e368fcc9cc37db983751f91a2a962d5f0b370901df18bab33c740038eab776d4472bafb861af8a3f2b3d6d813e9c930a0004b425afd61f3907857a22fa71238710f0694f792bc1fe6d8116ea9944a22931a9a47ddbee0f55990e5a28e4ed503458fe694d39b3342852865313b1",
];

/// Choices of a peer: any bytes are some, so these are.
pub fn requests() -> Vec<Vec<u8>> {
    let mut random = Random(0x1234_5678_9abc_def1);
    let one = |flags: u8| {
        let choices = (0..20 + random.below(400)).map(|_| random.next() as u8);
        with_head(&[flags], choices.collect::<Vec<u8>>())
    };
    let too_deep = HEX.map(|hex| unhex(&Json::from(hex)));
    too_deep.into_iter().chain((0..128).map(one)).collect()
}

fn texts(all: &[&str]) -> Vec<Vec<u8>> {
    all.iter().map(|text| text.as_bytes().to_vec()).collect()
}

pub fn addresses() -> Vec<Vec<u8>> {
    texts(&[
        "tcp://127.0.0.1:18861",
        "tcp://[::1]:18861",
        "tcp://host.name:1",
        "tcp://:0",
        "unix:///tmp/a socket",
        "unix:relative",
        "fd:3",
        "fd:3,4",
        "stdio:",
        "exec:program 'an argument' \"another\\\"\" third",
    ])
}

/// Openings of both sides: the hello of the peer, and a proof.
pub fn openings() -> Vec<Vec<u8>> {
    let mut opening = b"\0\0\0\x28\0RPYCSEC1".to_vec();
    opening.extend([7; 32]);
    opening.push(b'\n');
    opening.extend([9; 32]);
    [0, 1].into_iter().map(|side| [&[side], &opening[..]].concat()).collect()
}

pub fn signatures() -> Vec<Vec<u8>> {
    texts(&[
        "add(a, b=2, *rest, c=3, **named)\0abC",
        "(a, /, b, *, c)\0abC",
        "f()",
        "f(a='text\\n', b=b\"bytes\\x00\", c=-1.5e10, d=(1, None), e=..., f=True)\0a",
        "f(a=[], b={}, c=1_000, d=0x1f, e=1j)\0AB",
        "name(*, key)\0K",
    ])
}

pub fn options() -> Vec<Vec<u8>> {
    texts(&[
        "allow_all_attrs=true\nmax_depth=5\nprotocol=auto",
        "sync_request_timeout=1.5\ncompression_level=9\nexposed_prefix=x_",
        "safe_attrs=__a__,__b__\nnative=off\nspin_us=10\nconnid=name",
        "sync_request_timeout=none\nmax_frame=10\nclose_timeout=0",
    ])
}

/// Numbers that are the same on every machine in every run.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// One of the seeds, changed in some places.
    pub fn mutant(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let end = (at + 1 + self.below(8)).min(bytes.len());
            match self.below(7) {
                0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                1 if at < bytes.len() => bytes[at] = self.next() as u8,
                // Bytes that begin something: tags, lengths, signs.
                2 => bytes.insert(at, [0x00, 0x01, 0x02, 0x0f, 0x15, 0x17, 0x19, 0x7f, 0x80, 0xff][self.below(10)]),
                3 => drop(bytes.drain(at..end)),
                4 => {
                    let piece = bytes[at..end].to_vec();
                    (0..1 + self.below(40)).for_each(|_| drop(bytes.splice(at..at, piece.iter().copied())));
                }
                5 => {
                    let other = &seeds[self.below(seeds.len())];
                    let from = self.below(other.len() + 1);
                    bytes.truncate(at);
                    bytes.extend_from_slice(&other[from..]);
                }
                _ => bytes.truncate(at),
            }
        }
        bytes
    }
}
