//! A peer that keeps to the protocol: it asks what is valid, of objects that it was given, answers what it is asked in any order,
//! and counts what goes to and fro. What it does next, the bytes of the input decide.

use super::super::codecs::limits;
use super::super::sessions::frame;
use super::vocabulary;
use rpyc::codec::brine;
use rpyc::codec::frame::Incoming;
use rpyc::config::Limits;
use rpyc::value::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub const VALUE: i64 = 1;
pub const TUPLE: i64 = 2;
pub const LOCAL_REF: i64 = 3;
pub const REMOTE_REF: i64 = 4;

/// The input, read as choices. After its end all choices are 0.
pub struct Source {
    data: Vec<u8>,
    at: usize,
}

impl Source {
    pub fn new(data: &[u8]) -> Source {
        Source { data: data.to_vec(), at: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.at >= self.data.len()
    }

    pub fn byte(&mut self) -> u8 {
        let byte = self.data.get(self.at).copied().unwrap_or_default();
        self.at += 1;
        byte
    }

    pub fn below(&mut self, n: usize) -> usize {
        usize::from(self.byte()) % n.max(1)
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// An object of the other side that this one holds.
struct Theirs {
    pack: Value,
    key: String,
    type_name: String,
    count: i64,
}

/// A request that this side owes an answer.
struct Asked {
    seq: Value,
    handler: i64,
}

pub struct Peer {
    pub source: Source,
    older: bool,
    incoming: Incoming,
    out: Vec<u8>,
    seq: i64,
    waiting: BTreeSet<i64>,
    asked: VecDeque<Asked>,
    theirs: Vec<Theirs>,
    places: BTreeMap<String, usize>,
    /// The last request for the root, and what the last answer to one was.
    root_seq: Option<i64>,
    root: Value,
    /// How often each object of ours was sent and not released.
    mine: Vec<i64>,
    /// It has sent CLOSE or was told so.
    pub over: bool,
    /// It has had containers, which may hold themselves: what such a one holds is released at the end of the connection.
    pub tangled: bool,
    /// It has sent a message that is too long to be received: what was lent in it is released at the end of the connection.
    pub overlong: bool,
    /// Prints what is said.
    trace: bool,
}

fn pair(a: Value, b: Value) -> Value {
    Value::tuple(vec![a, b])
}

fn boxed(label: i64, value: Value) -> Value {
    pair(Value::Int(label), value)
}

pub fn plain(value: Value) -> Value {
    boxed(VALUE, value)
}

fn items(value: &Value) -> &[Value] {
    match value {
        Value::Tuple(items) => items,
        _ => panic!("{} is no tuple", value.repr()),
    }
}

fn int(value: &Value) -> i64 {
    match value {
        Value::Int(n) => *n,
        _ => panic!("{} is no int", value.repr()),
    }
}

/// The name of nothing.
fn unknown() -> Value {
    Value::tuple(vec![Value::str("no.Thing"), Value::Int(7), Value::Int(8)])
}

/// Ids of this side's objects; their classes have smaller ones.
const FIRST: i64 = 1_000_000;
/// So many objects this side has at most.
const MOST: usize = 60;
const NAMES: [&str; 8] = [
    "builtins.function",
    "builtins.method",
    "peer.Thing",
    "builtins.list",
    "builtins.dict",
    "builtins.generator",
    "peer.Class",
    "builtins.str",
];

/// The kind of an object is told by its number, so that it never changes.
fn my_pack(index: usize) -> Value {
    let kind = index % NAMES.len();
    let is_class = NAMES[kind] == "peer.Class";
    // A class is known by its class id.
    let id = FIRST + index as i64;
    let (class, instance) = if is_class { (id, 0) } else { (1 + kind as i64, id) };
    Value::tuple(vec![Value::str(NAMES[kind]), Value::Int(class), Value::Int(instance)])
}

fn my_index(pack: &Value) -> usize {
    let [_, class, instance] = items(pack) else { panic!("{} is no id_pack", pack.repr()) };
    let id = if int(instance) == 0 { int(class) } else { int(instance) };
    usize::try_from(id - FIRST).unwrap_or_else(|_| panic!("{} was never sent", pack.repr()))
}

impl Peer {
    pub fn new(data: &[u8], older: bool) -> Peer {
        Peer {
            source: Source::new(data),
            older,
            incoming: Incoming::new(&Limits::default()),
            out: Vec::new(),
            seq: 0,
            waiting: BTreeSet::new(),
            asked: VecDeque::new(),
            theirs: Vec::new(),
            places: BTreeMap::new(),
            root_seq: None,
            root: unknown(),
            mine: Vec::new(),
            over: false,
            tangled: false,
            overlong: false,
            trace: std::env::var_os("FUZZ_TRACE").is_some(),
        }
    }

    /// What is to be sent.
    pub fn take_out(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// How many of its requests have no answer.
    pub fn waits_for(&self) -> usize {
        self.waiting.len()
    }

    /// Objects of this side that the other still holds.
    pub fn lent(&self) -> usize {
        self.mine.iter().filter(|count| **count > 0).count()
    }

    fn send(&mut self, kind: i64, seq: Value, body: Value) {
        if self.trace {
            println!("> {kind} {} {}", seq.repr(), body.repr());
        }
        let mut payload = Vec::new();
        let message = match self.older {
            true => Value::tuple(vec![Value::Int(kind), seq, body]),
            false => {
                payload.push(kind as u8);
                pair(seq, body)
            }
        };
        brine::put_value(&mut payload, &message, &Limits::default()).expect("plain data");
        self.overlong |= payload.len() > limits().frame;
        self.out.extend(frame(&payload));
    }

    fn request(&mut self, handler: i64, boxes: Vec<Value>) {
        let body = pair(Value::Int(handler), boxed(TUPLE, Value::tuple(boxes)));
        let seq = self.seq;
        self.seq += 1;
        self.waiting.insert(seq);
        self.send(1, Value::Int(seq), body);
    }

    /// Has the root sent once more.
    pub fn ask_root(&mut self) {
        self.root_seq = Some(self.seq);
        self.request(3, Vec::new());
    }

    /// Takes in what the other side has sent.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.incoming.push(bytes);
        while let Some(payload) = self.incoming.next_frame().expect("frames are well formed") {
            let bytes = self.incoming.bytes(&payload).to_vec();
            if bytes.is_empty() {
                continue;
            }
            let (kind, rest) = if self.older { (0, &bytes[..]) } else { (i64::from(bytes[0]), &bytes[1..]) };
            let message = brine::decode(rest, &Limits::default()).expect("messages are well formed");
            match (kind, items(&message)) {
                (0, [kind, seq, body]) => self.message(int(kind), seq, body),
                (kind, [seq, body]) => self.message(kind, seq, body),
                _ => panic!("{} is no message", message.repr()),
            }
        }
    }

    fn message(&mut self, kind: i64, seq: &Value, body: &Value) {
        if self.trace {
            println!("< {kind} {} {}", seq.repr(), body.repr());
        }
        match (kind, items(&pair(seq.clone(), body.clone()))) {
            (1, _) => {
                let [handler, arguments] = items(body) else { panic!("{} is no request", body.repr()) };
                self.asked_of(int(handler), seq.clone(), arguments);
            }
            (2 | 3, _) => {
                assert!(self.waiting.remove(&int(seq)), "request {} is answered, and was not asked", seq.repr());
                if kind == 2 {
                    self.take(body);
                    if self.root_seq == Some(int(seq)) {
                        self.root = items(body)[1].clone();
                    }
                }
            }
            _ => panic!("{kind} is no kind of message"),
        }
    }

    fn asked_of(&mut self, handler: i64, seq: Value, arguments: &Value) {
        self.take(arguments);
        match handler {
            2 => self.over = true,
            15 => {
                let [object, count] = items(&items(arguments)[1]) else { panic!("{} is no DEL", arguments.repr()) };
                let index = my_index(&items(object)[1]);
                self.mine[index] -= int(&items(count)[1]);
                assert!(self.mine[index] >= 0, "more is released than was lent: {}", arguments.repr());
                self.send(2, seq, plain(Value::None));
            }
            _ => self.asked.push_back(Asked { seq, handler }),
        }
    }

    /// Counts the references of a box.
    fn take(&mut self, boxed: &Value) {
        let [label, value] = items(boxed) else { panic!("{} is no box", boxed.repr()) };
        match int(label) {
            VALUE => {}
            TUPLE => items(value).iter().for_each(|boxed| self.take(boxed)),
            LOCAL_REF => {
                let index = my_index(value);
                assert!(self.mine.get(index).is_some_and(|count| *count > 0), "{} was released", value.repr());
            }
            REMOTE_REF => {
                let key = value.repr();
                if let Some(at) = self.places.get(&key) {
                    self.theirs[*at].count += 1;
                    return;
                }
                let type_name = match &items(value)[0] {
                    Value::Str(name) => name.as_str().to_owned(),
                    other => panic!("{} is no name", other.repr()),
                };
                self.tangled |= matches!(&*type_name, "builtins.list" | "builtins.dict");
                self.places.insert(key.clone(), self.theirs.len());
                self.theirs.push(Theirs { pack: value.clone(), key, type_name, count: 1 });
            }
            label => panic!("{label} is no label"),
        }
    }

    /// Forgets one of their objects, and gives its name and count.
    fn forget(&mut self, at: usize) -> (Value, i64) {
        let gone = self.theirs.swap_remove(at);
        self.places.remove(&gone.key);
        if let Some(moved) = self.theirs.get(at) {
            self.places.insert(moved.key.clone(), at);
        }
        (gone.pack, gone.count)
    }

    /// Says something: true. False: there is nothing left to say.
    pub fn go_on(&mut self) -> bool {
        if self.over {
            return false;
        }
        if self.source.is_empty() {
            return match self.asked.pop_front() {
                Some(asked) => {
                    self.refuse(asked);
                    true
                }
                None => false,
            };
        }
        if self.theirs.is_empty() && !self.root_seq.is_some_and(|seq| self.waiting.contains(&seq)) {
            self.ask_root();
            return true;
        }
        match self.source.below(16) {
            0..=4 if !self.asked.is_empty() => {
                let at = self.source.below(self.asked.len());
                let asked = self.asked.remove(at).expect("it is there");
                self.answer(asked);
            }
            0..=8 => self.call_service(),
            9..=11 => self.call_method(),
            12 | 13 => self.call_object(),
            14 => self.ask_anything(),
            _ => self.ask_rarely(),
        }
        true
    }

    fn some_of_theirs(&mut self) -> usize {
        // The last are the most interesting; what is not there is refused, which is fine too.
        let n = self.theirs.len();
        match self.source.below(4) {
            0 => self.source.below(n),
            1 => 0,
            _ => n.saturating_sub(1 + self.source.below(4)),
        }
    }

    fn their_box(&mut self, at: usize) -> Value {
        match self.theirs.get(at) {
            Some(object) => boxed(LOCAL_REF, object.pack.clone()),
            None => boxed(LOCAL_REF, unknown()),
        }
    }

    fn my_box(&mut self) -> Value {
        let mut at = self.source.below(MOST);
        if at >= self.mine.len() {
            at = self.mine.len();
            self.mine.push(0);
        }
        // One that the other side has given back can be sent again.
        self.mine[at] += 1;
        boxed(REMOTE_REF, my_pack(at))
    }

    fn plain_value(&mut self) -> Value {
        match self.source.below(12) {
            0 => Value::None,
            1 => Value::Bool(true),
            2 | 3 => Value::Int(self.source.below(6) as i64),
            4 => Value::Int(i64::from(self.source.byte() as i8) << 40),
            5 => Value::str(self.source.pick(vocabulary::ANY)),
            6 => Value::bytes(&[b'x'; 5]),
            7 => Value::Float(f64::from(self.source.byte()) / 2.0),
            8 => Value::Float(f64::NAN),
            9 => Value::slice(Value::None, Value::Int(3), Value::None),
            10 => Value::NotImplemented,
            _ => Value::tuple(vec![Value::Int(1), Value::str("two")]),
        }
    }

    /// Any argument or answer.
    fn any_box(&mut self, depth: usize) -> Value {
        match self.source.below(12) {
            0..=3 => plain(self.plain_value()),
            4..=7 => {
                let at = self.some_of_theirs();
                self.their_box(at)
            }
            8..=10 => self.my_box(),
            _ if depth > 3 => plain(Value::None),
            _ => {
                let n = self.source.below(4);
                let boxes = (0..n).map(|_| self.any_box(depth + 1)).collect();
                boxed(TUPLE, Value::tuple(boxes))
            }
        }
    }

    /// Positional arguments; the last may come many times, so that one frame asks for many calls.
    fn arguments(&mut self, n: usize) -> Vec<Value> {
        let mut boxes: Vec<Value> = (0..n).map(|_| self.any_box(0)).collect();
        if self.source.below(12) == 11 {
            let times = usize::from(self.source.byte()) << self.source.below(5);
            let again = match boxes.last() {
                // Each time that it is sent counts.
                Some(last) if int(&items(last)[0]) == LOCAL_REF => vec![last.clone(); times],
                _ => Vec::new(),
            };
            boxes.extend(again);
        }
        boxes
    }

    fn call_attr(&mut self, object: Value, name: &str, arguments: Vec<Value>) {
        let keywords = match self.source.below(10) {
            9 => {
                let value = self.any_box(0);
                boxed(TUPLE, Value::tuple(vec![boxed(TUPLE, pair(plain(Value::str("key")), value))]))
            }
            _ => plain(Value::tuple(vec![])),
        };
        let arguments = boxed(TUPLE, Value::tuple(arguments));
        self.request(8, vec![object, plain(Value::str(name)), arguments, keywords]);
    }

    fn call_service(&mut self) {
        let root = boxed(LOCAL_REF, self.root.clone());
        let (name, n) = self.source.pick(vocabulary::SERVICE);
        let arguments = self.arguments(n);
        self.call_attr(root, name, arguments);
    }

    fn call_method(&mut self) {
        let at = self.some_of_theirs();
        let names = vocabulary::of_type(self.theirs.get(at).map_or("", |object| &object.type_name));
        let (name, n) = self.source.pick(names);
        let arguments = match vocabulary::GROWING.contains(&name) {
            true => vec![boxed(TUPLE, Value::tuple(self.arguments(3)))],
            false => self.arguments(n),
        };
        let object = self.their_box(at);
        self.call_attr(object, name, arguments);
    }

    fn call_object(&mut self) {
        let at = self.some_of_theirs();
        let object = self.their_box(at);
        let n = self.source.below(4);
        let arguments = self.arguments(n);
        let arguments = boxed(TUPLE, Value::tuple(arguments));
        self.request(7, vec![object, arguments, plain(Value::tuple(vec![]))]);
    }

    fn ask_anything(&mut self) {
        let at = self.some_of_theirs();
        let object = self.their_box(at);
        let names = vocabulary::of_type(self.theirs.get(at).map_or("", |object| &object.type_name));
        let pack = self.theirs.get(at).map_or(Value::None, |object| object.pack.clone());
        let name = plain(Value::str(self.source.pick(names).0));
        match self.source.below(14) {
            0..=2 => self.request(4, vec![object, name]),
            3 => self.request(5, vec![object, name]),
            4 => {
                let value = self.any_box(0);
                let name = plain(Value::str(self.source.pick(&["inner", "size", "constant"])));
                self.request(6, vec![object, name, value]);
            }
            5 => self.request(9, vec![object]),
            6 => self.request(10, vec![object]),
            7 => {
                let other = self.any_box(0);
                let op = self.source.pick(&["__eq__", "__ne__", "__lt__", "__gt__", "__le__", "__ge__"]);
                self.request(11, vec![object, other, plain(Value::str(op))]);
            }
            8 => self.request(12, vec![object]),
            9 => self.request(13, vec![object]),
            10 => self.request(14, vec![object, plain(Value::Int(4))]),
            11 => self.request(16, vec![plain(pack)]),
            12 => {
                let count = self.source.byte();
                self.request(17, vec![object, plain(Value::Int(count.into()))]);
            }
            _ => {
                let other = self.some_of_theirs();
                let pack = self.theirs.get(other).map_or(pack, |object| object.pack.clone());
                self.request(20, vec![object, plain(pack)]);
            }
        }
    }

    fn ask_rarely(&mut self) {
        let at = self.some_of_theirs();
        match self.source.below(16) {
            0..=4 if !self.theirs.is_empty() => self.release(at),
            5 | 6 => {
                let object = self.their_box(at);
                let count = i64::from(self.source.byte()) - 2;
                if self.theirs.get(at).is_some_and(|object| count >= object.count) {
                    self.forget(at);
                } else if let Some(object) = self.theirs.get_mut(at) {
                    object.count -= count.max(0);
                }
                self.request(15, vec![object, plain(Value::Int(count))]);
            }
            7 => {
                let data = self.any_box(0);
                self.request(1, vec![data]);
            }
            9 => {
                let (object, exc) = (self.their_box(at), self.any_box(0));
                self.request(19, vec![object, exc]);
            }
            10 => {
                let object = self.their_box(at);
                let names = ["__getitem__", "__getslice__"].map(|name| plain(Value::str(name)));
                let [attempt, fallback] = names;
                let bounds = [plain(Value::Int(0)), plain(Value::None), plain(Value::tuple(vec![]))];
                self.request(18, [vec![object, attempt, fallback], bounds.to_vec()].concat());
            }
            11 if self.source.byte() > 0xf0 => {
                let body = pair(Value::Int(2), plain(Value::tuple(vec![])));
                self.send(1, Value::Int(self.seq), body);
                self.over = true;
            }
            _ => self.ask_root(),
        }
    }

    fn release(&mut self, at: usize) {
        let at = at.min(self.theirs.len() - 1);
        let (pack, count) = self.forget(at);
        self.request(15, vec![boxed(LOCAL_REF, pack), plain(Value::Int(count))]);
    }

    /// An answer of the right kind, or an exception.
    fn answer(&mut self, asked: Asked) {
        if self.source.below(6) == 5 {
            return self.raise(asked);
        }
        let answer = match asked.handler {
            16 => {
                let one = |name: &str| pair(Value::str(name), Value::None);
                plain(Value::tuple(["__call__", "__len__", "__iter__"].map(one).to_vec()))
            }
            9 | 10 => plain(Value::str("one of the peer's")),
            12 => plain(Value::Int(5)),
            13 => plain(Value::tuple(vec![Value::str("name")])),
            14 => plain(Value::bytes(b"\x80\x04N.")),
            17 => {
                let n = self.source.below(3);
                let boxes = (0..n).map(|_| self.any_box(0)).collect();
                boxed(TUPLE, Value::tuple(boxes))
            }
            20 => plain(Value::Bool(true)),
            _ => self.any_box(0),
        };
        self.send(2, asked.seq, answer);
    }

    fn raise(&mut self, asked: Asked) {
        let body = match self.source.below(4) {
            0 => Value::Int(1),
            n => {
                let name = [("builtins", "ValueError"), ("builtins", "AttributeError"), ("peer", "Odd")][n - 1];
                let class = pair(Value::str(name.0), Value::str(name.1));
                Value::tuple(vec![class, Value::tuple(vec![Value::str("no")]), Value::tuple(vec![]), Value::str("tb")])
            }
        };
        self.send(3, asked.seq, body);
    }

    /// The answer that ends whatever asks again and again.
    fn refuse(&mut self, asked: Asked) {
        match asked.handler {
            16 => self.send(2, asked.seq, plain(Value::tuple(vec![]))),
            _ => self.send(3, asked.seq, Value::Int(1)),
        }
    }

    /// How many objects of the other side it holds.
    pub fn holds(&self) -> usize {
        self.theirs.len()
    }

    /// The end: nothing of theirs is held any more.
    pub fn release_all(&mut self) {
        while !self.theirs.is_empty() {
            self.release(self.theirs.len() - 1);
        }
    }
}
