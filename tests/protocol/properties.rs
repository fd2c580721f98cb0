//! Whatever two sessions do, in whatever order and pieces it arrives: the books balance.

use crate::support::node::{Node, int, text, tuple};
use crate::support::pair::{push, sent, session, value_box};
use crate::support::recording::{self, Kind};
use crate::support::survivor::{busy, survive};
use crate::support::thing::{Thing, shape, thing_of};
use proptest::prelude::*;
use rpyc::config::{Config, Dialect};
use rpyc::error::{Error, Exception};
use rpyc::protocol::{Body, Event, Op, Protocol, Request};
use rpyc::value::{Proxy, Reference, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// What one of two sides does next. Indexes mean "one of those that there are".
#[derive(Clone, Debug)]
enum Step {
    /// Asks the session of the other side.
    Ping(bool, Vec<Item>),
    /// Asks the host of the other side.
    Call(bool, usize, Vec<Item>),
    Answer(bool, usize, Vec<Item>),
    Raise(bool, usize),
    /// So many bytes arrive at this side.
    Arrive(bool, usize),
    /// Takes the next event.
    Look(bool),
    LetGo(bool, usize),
    Release(bool),
    Forget(bool, usize),
}

#[derive(Clone, Debug)]
enum Item {
    Number(i64),
    /// One of the side's own objects.
    Mine(usize),
    /// One of the other side's that it holds.
    Theirs(usize),
    Inside(Vec<Item>),
    /// It cannot be sent.
    Bad,
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    let leaf = prop_oneof![
        3 => any::<i64>().prop_map(Item::Number),
        6 => (0..6usize).prop_map(Item::Mine),
        6 => any::<usize>().prop_map(Item::Theirs),
        1 => Just(Item::Bad),
    ];
    let item = leaf.prop_recursive(2, 8, 3, |inner| prop::collection::vec(inner, 0..3).prop_map(Item::Inside));
    prop::collection::vec(item, 0..4)
}

fn step() -> impl Strategy<Value = Step> {
    let side = any::<bool>;
    let index = any::<usize>;
    prop_oneof![
        2 => (side(), items()).prop_map(|(side, items)| Step::Ping(side, items)),
        4 => (side(), index(), items()).prop_map(|(side, which, items)| Step::Call(side, which, items)),
        4 => (side(), index(), items()).prop_map(|(side, which, items)| Step::Answer(side, which, items)),
        1 => (side(), index()).prop_map(|(side, which)| Step::Raise(side, which)),
        6 => (side(), 1..400usize).prop_map(|(side, size)| Step::Arrive(side, size)),
        8 => side().prop_map(Step::Look),
        3 => (side(), index()).prop_map(|(side, which)| Step::LetGo(side, which)),
        2 => side().prop_map(Step::Release),
        1 => (side(), index()).prop_map(|(side, which)| Step::Forget(side, which)),
    ]
}

/// What must arrive of a value: numbers, and objects by their name, as the receiver sees them.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Number(i64),
    /// An object of the receiver.
    Own(String),
    /// An object of the sender.
    Foreign(String),
    Tuple(Vec<Seen>),
}

struct Side {
    session: Protocol<u32>,
    objects: Vec<Arc<Thing>>,
    held: Vec<Arc<Proxy>>,
    open: Vec<Request>,
    /// Requests that wait for an answer, by number: what it must be, once that is known.
    waiting: HashMap<i64, Option<Result<Seen, ()>>>,
    /// Sent by the other side, not arrived.
    travelling: Vec<u8>,
}

struct World {
    sides: [Side; 2],
    /// What a call was made with, by its first argument.
    calls: HashMap<i64, Seen>,
    next: i64,
}

impl World {
    fn new(dialect: Dialect) -> World {
        let side = |name: char| {
            let object = |i: usize| {
                let label = format!("{name}.Object{i}");
                Thing::new(&label, &Arc::new(shape(&label, &[])))
            };
            let objects: Vec<Arc<Thing>> = (0..6).map(object).collect();
            let session = session(Config { dialect, ..Config::default() }, Some(objects[0].clone()));
            let held = Vec::new();
            Side { session, objects, held, open: Vec::new(), waiting: HashMap::new(), travelling: Vec::new() }
        };
        World { sides: [side('a'), side('b')], calls: HashMap::new(), next: 0 }
    }

    /// A value to send, and what must arrive of it. None: it cannot be sent.
    fn value(&self, side: usize, items: &[Item]) -> (Value, Option<Seen>) {
        let one = |item: &Item| match item {
            Item::Number(n) => (Value::Int(*n), Some(Seen::Number(*n))),
            Item::Mine(i) => {
                let object = &self.sides[side].objects[*i];
                (object.value(), Some(Seen::Foreign(object.label.clone())))
            }
            Item::Theirs(i) => match self.sides[side].held.as_slice() {
                [] => (Value::Int(0), Some(Seen::Number(0))),
                held => {
                    let proxy = &held[i % held.len()];
                    (Value::Ref(Reference::Remote(proxy.clone())), Some(Seen::Own(proxy.type_name.to_string())))
                }
            },
            Item::Inside(items) => self.value(side, items),
            Item::Bad => (Value::Dict([].into()), None),
        };
        let (values, seen): (Vec<Value>, Vec<Option<Seen>>) = items.iter().map(one).unzip();
        (Value::tuple(values), seen.into_iter().collect::<Option<Vec<Seen>>>().map(Seen::Tuple))
    }

    /// What has arrived; the receiver keeps every proxy in it.
    fn seen(&mut self, side: usize, value: &Value) -> Seen {
        match value {
            Value::Int(n) => Seen::Number(*n),
            Value::Tuple(items) => Seen::Tuple(items.iter().map(|item| self.seen(side, item)).collect()),
            Value::Ref(Reference::Local(object)) => {
                let thing = thing_of(object);
                assert!(
                    self.sides[side].objects.iter().any(|own| std::ptr::eq(&**own, thing)),
                    "not an object of this side"
                );
                Seen::Own(thing.label.clone())
            }
            Value::Ref(Reference::Remote(proxy)) => {
                let held = &mut self.sides[side].held;
                match held.iter().find(|known| known.id_pack == proxy.id_pack) {
                    Some(known) => assert!(Arc::ptr_eq(known, proxy), "two proxies of one object"),
                    None => held.push(proxy.clone()),
                }
                Seen::Foreign(proxy.type_name.to_string())
            }
            other => panic!("{other:?} arrived"),
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Ping(side, items) => {
                let side = usize::from(*side);
                let (value, seen) = self.value(side, items);
                // It comes back: what is mine is mine again.
                let seen = seen.map(|seen| mirrored(&seen));
                let sent = self.sides[side].session.request(Body::Raw { handler: 1, args: &[value] }, 0);
                assert_eq!(sent.is_ok(), seen.is_some());
                if let (Ok(seq), Some(seen)) = (sent, seen) {
                    self.sides[side].waiting.insert(seq, Some(Ok(seen)));
                }
            }
            Step::Call(side, which, items) => {
                let side = usize::from(*side);
                let held = &self.sides[side].held;
                if held.is_empty() {
                    let seq =
                        self.sides[side].session.request(Body::Raw { handler: 3, args: &[] }, 0).expect("GETROOT");
                    let root = self.sides[1 - side].objects[0].label.clone();
                    self.sides[side].waiting.insert(seq, Some(Ok(Seen::Foreign(root))));
                    return;
                }
                let target = held[which % held.len()].clone();
                let (value, seen) = self.value(side, items);
                let number = Value::Int(self.next);
                let body = Body::Call { target: &target, args: &[number, value], keywords: &[] };
                let sent = self.sides[side].session.request(body, 0);
                assert_eq!(sent.is_ok(), seen.is_some());
                if let (Ok(seq), Some(seen)) = (sent, seen) {
                    self.sides[side].waiting.insert(seq, None);
                    self.calls.insert(self.next, Seen::Tuple(vec![Seen::Own(target.type_name.to_string()), seen]));
                    self.next += 1;
                }
            }
            Step::Answer(side, which, items) => {
                let side = usize::from(*side);
                let (value, seen) = self.value(side, items);
                let Some(request) = self.pick_open(side, *which) else { return };
                let sent = self.sides[side].session.reply(&request.id, &value);
                assert_eq!(sent.is_ok(), seen.is_some());
                self.expect_answer(side, &request, seen.ok_or(()));
            }
            Step::Raise(side, which) => {
                let side = usize::from(*side);
                let Some(request) = self.pick_open(side, *which) else { return };
                self.sides[side].session.raise(&request.id, &Exception::builtin("ValueError", "no"));
                self.expect_answer(side, &request, Err(()));
            }
            Step::Arrive(side, size) => self.arrive(usize::from(*side), *size),
            Step::Look(side) => {
                self.look(usize::from(*side));
            }
            Step::LetGo(side, which) => {
                let held = &mut self.sides[usize::from(*side)].held;
                if !held.is_empty() {
                    held.swap_remove(which % held.len());
                }
            }
            Step::Release(side) => self.sides[usize::from(*side)].session.send_releases(),
            Step::Forget(side, which) => {
                let side = &mut self.sides[usize::from(*side)];
                let mut seqs: Vec<i64> = side.waiting.keys().copied().collect();
                seqs.sort();
                if let Some(seq) = seqs.get(which % seqs.len().max(1)) {
                    assert_eq!(side.session.forget(*seq), Some(0));
                    side.waiting.remove(seq);
                }
            }
        }
        self.check();
    }

    fn pick_open(&mut self, side: usize, which: usize) -> Option<Request> {
        let open = &mut self.sides[side].open;
        (!open.is_empty()).then(|| open.swap_remove(which % open.len()))
    }

    fn expect_answer(&mut self, side: usize, request: &Request, answer: Result<Seen, ()>) {
        let rpyc::protocol::Seq::Int(seq) = request.id.seq else { panic!("another seq") };
        if let Some(waiting) = self.sides[1 - side].waiting.get_mut(&seq) {
            *waiting = Some(answer);
        }
    }

    fn arrive(&mut self, side: usize, size: usize) {
        let bytes = sent(&mut self.sides[1 - side].session);
        let side = &mut self.sides[side];
        side.travelling.extend(bytes);
        let size = size.min(side.travelling.len());
        let now: Vec<u8> = side.travelling.drain(..size).collect();
        push(&mut side.session, &now, usize::MAX);
    }

    fn look(&mut self, side: usize) -> bool {
        match self.sides[side].session.next_event() {
            None => return false,
            Some(Event::Request(request)) => {
                let Op::Call { args, keywords } = &request.op else { panic!("{:?}", request.op) };
                assert!(keywords.is_empty());
                let [Value::Int(number), value] = args.as_slice() else { panic!("{args:?}") };
                let value = self.seen(side, value);
                let target = Seen::Own(thing_of(&request.target).label.clone());
                assert_eq!(self.calls.remove(number), Some(Seen::Tuple(vec![target, value])));
                self.sides[side].open.push(request);
            }
            Some(Event::Reply { seq, token, outcome }) => {
                assert_eq!(token, 0);
                let expected = self.sides[side].waiting.remove(&seq).expect("somebody waits").expect("it was answered");
                let outcome = match outcome {
                    Ok(value) => Ok(self.seen(side, &value)),
                    Err(Error::Remote(_)) => Err(()),
                    Err(error) => panic!("{error:?}"),
                };
                assert_eq!(outcome, expected);
            }
            Some(Event::Closed(error)) => panic!("{error:?}"),
        }
        drop(self.sides[side].session.take_dropped());
        true
    }

    fn check(&self) {
        for side in &self.sides {
            let counts = side.session.counts();
            assert_eq!(counts.overdrawn, 0);
            assert_eq!(counts.serving, side.open.len());
            assert!(counts.exports <= side.objects.len());
            assert!(counts.pending >= side.waiting.len());
        }
    }

    /// Everything is answered, arrives, and is let go of: nothing is left on either side.
    fn settle(mut self) {
        for _ in 0..100_000 {
            let mut quiet = true;
            for side in 0..2 {
                self.arrive(side, usize::MAX);
                quiet &= !self.look(side);
                while let Some(request) = self.pick_open(side, 0) {
                    self.sides[side].session.reply(&request.id, &Value::tuple(vec![])).expect("a reply");
                    self.expect_answer(side, &request, Ok(Seen::Tuple(vec![])));
                }
                self.sides[side].held.clear();
                self.sides[side].session.send_releases();
                quiet &= self.sides[side].session.outgoing().is_empty();
            }
            if quiet {
                break;
            }
        }
        for side in &mut self.sides {
            assert!(side.waiting.is_empty() && side.travelling.is_empty());
            drop(side.session.take_dropped());
            assert_eq!(side.session.counts(), Default::default());
            let others = side.objects[1..].iter();
            assert!(others.into_iter().all(|object| Arc::strong_count(object) == 1), "somebody holds an object");
        }
        assert!(self.calls.is_empty());
    }
}

fn mirrored(seen: &Seen) -> Seen {
    match seen {
        Seen::Own(name) => Seen::Foreign(name.clone()),
        Seen::Foreign(name) => Seen::Own(name.clone()),
        Seen::Tuple(items) => Seen::Tuple(items.iter().map(mirrored).collect()),
        Seen::Number(n) => Seen::Number(*n),
    }
}

/// Values that look like parts of messages.
fn node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        8 => (-2..25i64).prop_map(int),
        1 => any::<i64>().prop_map(int),
        1 => Just(Node::Int("9".repeat(30))),
        1 => Just(Node::None),
        1 => Just(Node::Bool(true)),
        1 => Just(Node::NotImplemented),
        1 => any::<u64>().prop_map(Node::Float),
        2 => prop_oneof![Just("add"), Just("exposed_label"), Just("__eq__"), Just("__len__"), Just("hidden"), Just("")].prop_map(text),
        2 => Just(text("demo_peer.DemoService")),
        1 => Just(Node::Bytes(b"label".to_vec())),
        4 => Just(tuple([text("demo_peer.DemoService"), int(1), int(2)])),
        2 => (0..4i64, 0..4i64).prop_map(|(class, instance)| tuple([text("x.Y"), int(class), int(instance)])),
        1 => Just(tuple([int(7), text("Thing"), text("demo")])),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 0..7).prop_map(Node::Tuple),
            6 => (1..5i64, inner.clone()).prop_map(|(label, content)| tuple([int(label), content])),
            4 => prop::collection::vec(inner.clone(), 0..7).prop_map(|boxes| tuple([int(2), Node::Tuple(boxes)])),
            1 => prop::collection::vec(inner.clone(), 3).prop_map(Node::Slice),
            1 => prop::collection::vec(inner, 0..3).prop_map(Node::FrozenSet),
        ]
    })
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn the_books_balance(six in any::<bool>(), steps in prop::collection::vec(step(), 0..400)) {
        let mut world = World::new(if six { Dialect::V6 } else { Dialect::V5 });
        for step in &steps {
            world.take(step);
        }
        world.settle();
    }
}

proptest! {
    #![proptest_config(config(1500))]

    #[test]
    fn anything_that_looks_like_a_message_is_survived(
        six in any::<bool>(),
        messages in prop::collection::vec((1..4u8, -1..45i64, -1..23i64, node()), 1..8),
    ) {
        let mut session = busy(six);
        for (kind, seq, handler, body) in messages {
            let kind = [Kind::Request, Kind::Reply, Kind::Exception][usize::from(kind) - 1];
            let body = if kind == Kind::Request { tuple([int(handler), body]) } else { body };
            if !survive(&mut session, six, &recording::close(kind, &int(seq), &body, six)) {
                break;
            }
        }
    }

    #[test]
    fn any_bytes_are_survived(six in any::<bool>(), bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0..12usize) {
        // Behind as much of a good message as is left of it.
        let good = recording::close(Kind::Request, &int(0), &tuple([int(7), value_box(tuple([]))]), six);
        survive(&mut busy(six), six, &[&good[..at.min(good.len())], &bytes].concat());
    }
}
