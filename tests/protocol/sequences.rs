//! Random conversations: messages that are nearly of the usual form, and what the host does in between. With the option `debug`
//! every message takes the long way; both ways must tell the host and the peer the same, at each step.

use crate::support::node::{Node, int, text, tuple};
use crate::support::pair::{Wire, mine, sent, tuple_box, value_box, yours};
use crate::support::recording::{self, Kind};
use crate::support::thing::{Thing, shape, thing_of};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use rpyc::config::{Config, Dialect, Native};
use rpyc::error::Exception;
use rpyc::protocol::{Access, Body, Event, Handler, Question, Request};
use rpyc::value::{Local, Reference, Value};
use std::io::Write;
use std::sync::Arc;

/// Numbers at random: splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

const NAMES: [&str; 8] = ["add", "name", "exposed_add", "public", "_private", "__len__", "__init__", "gone"];
const INTS: [i64; 13] = [0, -48, -49, 159, 160, 255, 256, -1, 5, i64::MAX, i64::MIN, 1 << 40, 999_999_999_999];

/// The two sides of the comparison: everything is done to both.
struct Twins {
    wires: [Wire; 2],
    /// What the host has not answered yet.
    open: [Vec<Request>; 2],
    asked: Vec<i64>,
    /// Objects of the peer's.
    proxies: [Vec<Value>; 2],
    things: Vec<Arc<Thing>>,
    packs: Vec<Node>,
    history: Vec<String>,
}

fn told(event: &Event<u32>) -> String {
    match event {
        Event::Request(request) => {
            format!("{:?} of {}: {:?}", request.id, thing_of(&request.target).label, request.op)
        }
        Event::Reply { seq, token, outcome } => format!("{seq} {token} {outcome:?}"),
        Event::Closed(error) => format!("closed: {error}"),
    }
}

impl Twins {
    fn new(random: &mut Random) -> Twins {
        let class =
            Arc::new(shape("mylib.Root", &["exposed_add", "exposed_name", "public", "_private", "__len__", "add"]));
        let other = Arc::new(shape("mylib.Other", &["exposed_add", "name"]));
        let mut dynamic = shape("mylib.Dynamic", &["exposed_name"]);
        dynamic.dynamic = true;
        let things = vec![
            Thing::new("root", &class),
            Thing::new("sister", &class),
            Thing::new("other", &other),
            Thing::with_attributes("dynamic", &Arc::new(dynamic), ["add", "public"]),
            Thing::class("class", shape("builtins.type", &["exposed_add", "__init__"]), &other),
        ];
        let native = *random.pick(&[Native::Off, Native::On, Native::Accept]);
        let wires = [false, true].map(|debug| {
            let mut config = Config { debug, native, ..Config::default() };
            config.limits.serving = 6;
            config.limits.pending = 5;
            config.limits.bytes = 300;
            config.limits.digits = 15;
            Wire::with_root(Dialect::V6, config, &things[0]).0
        });
        let (open, proxies) = Default::default();
        let packs =
            things.iter().map(|thing| Node::decode(&rpyc::protocol::id_pack(&(thing.clone() as Arc<dyn Local>))).0);
        let packs = packs.collect();
        Twins { wires, open, asked: Vec::new(), proxies, things, packs, history: Vec::new() }
    }

    /// Does the same to both, and compares what comes of it.
    fn both<R: PartialEq + std::fmt::Debug>(&mut self, what: &str, mut act: impl FnMut(&mut Twins, usize) -> R) -> R {
        self.history.push(what.to_owned());
        let [short, long] = [0, 1].map(|side| act(self, side));
        assert_eq!(short, long, "{:#?}", self.history);
        short
    }

    /// Takes all events, and compares them with what is sent meanwhile. `awaited`: looked for first.
    fn settle(&mut self, awaited: Option<i64>) {
        let first = self.both("look", |twins, side| {
            let found =
                (side == 0).then_some(awaited).flatten().and_then(|seq| twins.wires[side].session.usual_reply(seq));
            let event = match found {
                Some((token, value)) => Some(Event::Reply { seq: awaited.unwrap_or(0), token, outcome: Ok(value) }),
                None => twins.wires[side].event(),
            };
            twins.note(side, event)
        });
        if first.is_some() {
            while self
                .both("next", |twins, side| twins.wires[side].event().and_then(|event| twins.note(side, Some(event))))
                .is_some()
            {}
        }
        self.compare();
    }

    fn note(&mut self, side: usize, event: Option<Event<u32>>) -> Option<String> {
        let event = event?;
        let text = told(&event);
        match event {
            Event::Request(request) => self.open[side].push(request),
            Event::Reply { outcome: Ok(value @ Value::Ref(Reference::Remote(_))), .. } => {
                self.proxies[side].push(value)
            }
            _ => {}
        }
        Some(text)
    }

    fn compare(&mut self) {
        self.both("compare", |twins, side| {
            let session = &mut twins.wires[side].session;
            (
                sent(session),
                session.counts(),
                session.messages(),
                session.is_open(),
                session.is_closed(),
                session.dialect(),
            )
        });
    }

    fn value(&self, random: &mut Random) -> Node {
        match random.below(9) {
            0 => Node::None,
            1 => text(random.pick::<&str>(&["", "a", "words of some length", NAMES[0]])),
            2 => tuple(vec![int(*random.pick(&INTS)); random.below(6)]),
            3 => Node::Bytes(vec![7; *random.pick(&[0, 1, 4, 5, 255, 256, 299, 301])]),
            _ => int(*random.pick(&INTS)),
        }
    }

    /// A box of arguments.
    fn boxed(&self, random: &mut Random) -> Node {
        match random.below(8) {
            0 => tuple_box([yours(random.pick(&self.packs)), value_box(int(1))]),
            1 => tuple_box([mine(&tuple([text("x.Theirs"), int(7), int(random.below(4) as i64)]))]),
            _ => value_box(tuple((0..random.below(6)).map(|_| self.value(random)).collect::<Vec<_>>())),
        }
    }

    fn keywords(&self, random: &mut Random) -> Node {
        match random.one_in(6) {
            true => value_box(tuple([tuple([text("k"), int(1)])])),
            false => value_box(tuple([])),
        }
    }

    fn request(&self, random: &mut Random) -> Node {
        let target = || yours(&self.packs[0]);
        let target = if random.one_in(3) { yours(random.pick(&self.packs)) } else { target() };
        let name = value_box(text(random.pick::<&str>(&NAMES)));
        let (handler, args) = match random.below(16) {
            0..=5 => (8, vec![target, name, self.boxed(random), self.keywords(random)]),
            6 | 7 => (7, vec![target, self.boxed(random), self.keywords(random)]),
            8..=10 => (4, vec![target, name]),
            11 => (6, vec![target, name, value_box(int(3))]),
            12 => (5, vec![target, name]),
            13 => (15, vec![target, value_box(int(*random.pick(&[1, 1, 2, 50, -1])))]),
            14 => (
                1,
                vec![value_box(
                    random
                        .pick(&[
                            tuple([text("librpyc"), int(1), int(7)]),
                            tuple([text("librpyc"), int(1), int(1)]),
                            int(5),
                        ])
                        .clone(),
                )],
            ),
            _ => (*random.pick(&[2, 3, 9, 13, 16, 20, 99]), vec![target, name]),
        };
        let limited = random.one_in(12);
        let handler = if handler == 2 && !random.one_in(20) { int(3) } else { int(handler) };
        let handler = if limited { tuple([handler, int(*random.pick(&[0, 5, 100_000, -1]))]) } else { handler };
        tuple([handler, tuple_box(args)])
    }

    /// Something that the peer says.
    fn payload(&self, random: &mut Random) -> Vec<u8> {
        let seq = int(if random.one_in(3) { *random.pick(&INTS) } else { random.below(300) as i64 });
        let seq = if random.one_in(40) { tuple([seq]) } else { seq };
        let answered = match self.asked.is_empty() || random.one_in(5) {
            true => seq.clone(),
            false => int(*random.pick(&self.asked)),
        };
        let mut payload = match random.below(12) {
            0 | 1 => recording::close(Kind::Reply, &answered, &value_box(self.value(random)), true),
            2 => {
                let pack = tuple([text("x.Theirs"), int(7), int(random.below(4) as i64)]);
                recording::close(Kind::Reply, &answered, &mine(&pack), true)
            }
            3 => recording::close(Kind::Exception, &answered, &self.value(random), true),
            _ => recording::close(Kind::Request, &seq, &self.request(random), true),
        };
        if random.one_in(15) {
            let at = random.below(payload.len());
            payload[at] = *random.pick(&[0, 1, 2, 0x0e, 0x10, 0x11, 0x16, 0x17, 0x50, 0xff]);
        }
        if random.one_in(25) {
            payload.truncate(random.below(payload.len() + 1));
        }
        if random.one_in(25) {
            payload.push(0);
        }
        payload
    }

    fn framed(&self, random: &mut Random) -> Vec<u8> {
        let payload = self.payload(random);
        if !random.one_in(10) {
            return recording::frame(&payload);
        }
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&payload).unwrap();
        let packed = encoder.finish().unwrap();
        [&(packed.len() as u32).to_be_bytes()[..], &[1], &packed, b"\n"].concat()
    }

    fn answer(&mut self, random: &mut Random) {
        if self.open[0].is_empty() {
            return;
        }
        let at = random.below(self.open[0].len());
        let choice = random.below(8);
        let thing = random.pick(&self.things).clone();
        let number = *random.pick(&INTS);
        let exists = random.one_in(2);
        self.both("answer", |twins, side| {
            let Request { id, target, op } = twins.open[side].remove(at);
            let session = &mut twins.wires[side].session;
            if let rpyc::protocol::Op::Exists { question, access, .. } = op {
                let (question, access): (Question, Box<Access>) = (question, access);
                let further = session.answer_exists(id, target, question, access, exists);
                let text = further.as_ref().map(|request| format!("{:?} {:?}", request.id, request.op));
                twins.open[side].extend(further);
                return text;
            }
            match choice {
                0 => session.raise(&id, &Exception::builtin("ValueError", "no")),
                1 | 2 => drop(session.reply(&id, &thing.value())),
                3 => drop(session.reply(&id, &Value::bytes(&[1; 400]))),
                _ => drop(session.reply(&id, &Value::Int(number))),
            }
            None
        });
    }

    fn ask(&mut self, random: &mut Random) {
        let name = *random.pick(&NAMES);
        let number = *random.pick(&INTS);
        let count = random.below(6);
        let thing = random.one_in(4).then(|| random.pick(&self.things).clone());
        let at = if self.proxies[0].is_empty() { None } else { Some(random.below(self.proxies[0].len())) };
        let seq = self.both("ask", |twins, side| {
            let args = vec![thing.as_ref().map_or(Value::Int(number), |thing| thing.value()); count];
            let body = match at.map(|at| &twins.proxies[side][at]) {
                Some(Value::Ref(Reference::Remote(target))) => {
                    Body::CallAttr { target, name, args: &args, keywords: &[] }
                }
                _ => Body::Raw { handler: Handler::Ping as i64, args: &[Value::None] },
            };
            twins.wires[side].session.request(body, 70).map_err(|error| error.to_string())
        });
        self.asked.extend(seq.ok());
    }

    fn change(&mut self, random: &mut Random) {
        let choice = random.below(11);
        let on = random.one_in(2);
        self.both(&format!("change {choice} {on}"), |twins, side| {
            let config = twins.wires[side].session.config_mut();
            match choice {
                0 => config.allow_exposed_attrs = on,
                1 => config.allow_public_attrs = on,
                2 => config.allow_safe_attrs = on,
                3 => config.allow_getattr = on || side > 1,
                4 => config.allow_all_attrs = on,
                5 => config.exposed_prefix = if on { "exposed_" } else { "__" }.into(),
                6 => config.limits.bytes = if on { 300 } else { 3 },
                7 => config.limits.serving = if on { 6 } else { 1 },
                8 => config.limits.digits = if on { 15 } else { 4 },
                9 => config.limits.items = if on { 1000 } else { 2 },
                _ => config.limits.frame = if on { 5000 } else { 60 },
            }
        });
    }

    fn step(&mut self, random: &mut Random) {
        match random.below(20) {
            0..=11 => {
                let count = 1 + random.below(3);
                let bytes = (0..count).flat_map(|_| self.framed(random)).collect::<Vec<u8>>();
                let piece = *random.pick(&[usize::MAX, usize::MAX, 7, 1]);
                let awaited = (!self.asked.is_empty() && random.one_in(2)).then(|| *random.pick(&self.asked));
                self.both(&format!("hear {bytes:02x?}"), |twins, side| {
                    crate::support::pair::push(&mut twins.wires[side].session, &bytes, piece);
                });
                self.settle(awaited);
            }
            12 | 13 => self.answer(random),
            14 | 15 => self.ask(random),
            16 => self.change(random),
            17 if !self.asked.is_empty() => {
                let seq = *random.pick(&self.asked);
                self.both("forget", |twins, side| twins.wires[side].session.forget(seq));
            }
            18 => {
                let at = random.next() as usize;
                self.both("drop a proxy", |twins, side| {
                    let count = twins.proxies[side].len();
                    drop((count > 0).then(|| twins.proxies[side].swap_remove(at % count)));
                    twins.wires[side].session.send_releases();
                    twins.wires[side].session.take_dropped().len()
                });
            }
            19 if random.one_in(10) => self.both("close", |twins, side| twins.wires[side].session.close()),
            _ => {}
        }
        self.compare();
    }
}

#[test]
fn conversations_go_alike_both_ways() {
    let seeds = std::env::var("CONVERSATIONS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(600);
    for seed in 0..seeds {
        let mut random = Random(seed);
        let mut twins = Twins::new(&mut random);
        twins.history.push(format!("seed {seed}"));
        for _ in 0..60 {
            twins.step(&mut random);
        }
    }
}
