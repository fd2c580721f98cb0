//! A session whose peer says anything. The host answers some requests, refuses some, and keeps some.

use super::codecs::limits;
use rpyc::config::{Config, Dialect, Native};
use rpyc::error::Exception;
use rpyc::protocol::{Body, Event, Op, Protocol, Request, Wrap};
use rpyc::value::{Local, Reference, Shape, Text, Value};
use std::cell::Cell;
use std::io::IoSlice;
use std::sync::Arc;

/// With its class id, which its own follows: small numbers, the same in every run, that mutants may meet.
struct Thing(Arc<Shape>, u64);

thread_local!(static NEXT: Cell<u64> = const { Cell::new(1) });

impl Local for Thing {
    fn shape(&self) -> &Arc<Shape> {
        &self.0
    }

    fn id(&self) -> u64 {
        self.1 + 1
    }

    fn class_id(&self) -> u64 {
        self.1
    }
}

fn thing(name: &str) -> Arc<dyn Local> {
    let members = ["exposed_add", "exposed_label", "__call__", "__iter__"].map(Text::new);
    let shape = Arc::new(Shape::new(Text::new(name), Vec::new(), members.to_vec()));
    Arc::new(Thing(shape, NEXT.replace(NEXT.get() + 2)))
}

/// Lists go as objects.
struct Lists;

impl Wrap for Lists {
    fn wrap(&self, value: &Value) -> Option<Arc<dyn Local>> {
        matches!(value, Value::List(_) | Value::Dict(_)).then(|| thing("builtins.list"))
    }
}

pub fn config(flags: u8) -> Config {
    Config {
        dialect: [Dialect::Auto, Dialect::V6, Dialect::V5, Dialect::Auto][usize::from(flags & 3)],
        native: match (flags & 128, flags & 4) {
            (0, 0) => Native::Accept,
            (0, _) => Native::Off,
            _ => Native::On,
        },
        allow_public_attrs: flags & 8 != 0,
        allow_setattr: flags & 8 != 0,
        allow_delattr: flags & 8 != 0,
        allow_pickle: flags & 16 != 0,
        bind_threads: flags & 32 != 0,
        compress: flags & 64 == 0,
        compression_threshold: 100,
        limits: limits(),
        ..Config::default()
    }
}

/// The first byte has settings, the second the size of the pieces in which the rest arrives.
pub fn stream(data: &[u8]) {
    let [flags, size, data @ ..] = data else { return };
    let mut host = Application::new(*flags);
    for piece in data.chunks(usize::from(*size).max(1)) {
        host.session.incoming().push(piece);
        if !host.turn() {
            return;
        }
    }
    host.end();
}

/// The first byte has settings; then come the payloads of messages, each after two bytes with its length.
pub fn messages(data: &[u8]) {
    let Some((&flags, mut data)) = data.split_first() else { return };
    let mut host = Application::new(flags);
    while let [high, low, rest @ ..] = data {
        let (payload, rest) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])).min(rest.len()));
        data = rest;
        host.session.incoming().push(&frame(payload));
        if !host.turn() {
            return;
        }
    }
    host.end();
}

pub fn frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes().to_vec();
    frame.push(0);
    frame.extend_from_slice(payload);
    frame.push(b'\n');
    frame
}

/// So many requests of ours wait for an answer when the peer begins.
const REQUESTS: usize = 10;

struct Application {
    session: Protocol<u32>,
    kept: Vec<Request>,
    turns: usize,
    replies: usize,
    limit: usize,
}

impl Application {
    fn new(flags: u8) -> Application {
        NEXT.set(1);
        let mut session = Protocol::new(config(flags), Some(thing("fuzz.Service")), Arc::new(Lists));
        for token in 0..REQUESTS {
            session.request(Body::Raw { handler: 1, args: &[] }, token as u32).expect("a request can be sent");
        }
        Application { session, kept: Vec::new(), turns: 0, replies: 0, limit: limits().serving }
    }

    /// Takes all events; false: the session is over.
    fn turn(&mut self) -> bool {
        loop {
            let Some(event) = self.session.next_event() else { break };
            self.turns += 1;
            match event {
                Event::Closed(_) => {
                    assert!(self.session.is_closed());
                    assert!(self.session.next_event().is_none(), "nothing follows the end");
                    self.drain();
                    return false;
                }
                Event::Reply { .. } => self.replies += 1,
                Event::Request(request) => self.answer(request),
            }
            self.drain();
        }
        self.drain();
        true
    }

    fn answer(&mut self, request: Request) {
        assert!(self.session.counts().serving <= self.limit, "more requests at once than may be");
        let mut next = Some(request);
        while let Some(request) = next.take() {
            let object = Value::Ref(Reference::Local(thing("fuzz.Thing")));
            let answer = match request.op {
                Op::Exists { question, access, .. } => {
                    let exists = self.turns % 2 == 0;
                    next = self.session.answer_exists(request.id, request.target, question, access, exists);
                    continue;
                }
                _ if self.turns % 7 == 6 => {
                    self.kept.push(request);
                    continue;
                }
                Op::Call { args, .. } | Op::CallAttr { args, .. } => Value::tuple(args),
                Op::GetAttr(_) => object,
                Op::Dir => Value::List([Value::str("a")].into()),
                Op::Hash => Value::Int(1),
                Op::Repr | Op::Str => Value::str("a thing"),
                Op::Compare { other, .. } => other,
                _ => {
                    self.session.raise(&request.id, &Exception::stop_iteration());
                    continue;
                }
            };
            if self.session.reply(&request.id, &answer).is_err() {
                self.session.raise(&request.id, &Exception::stop_iteration());
            }
        }
    }

    /// All that is said is well formed, and is taken away.
    fn drain(&mut self) {
        self.session.send_releases();
        let mut said = Vec::new();
        while !self.session.outgoing().is_empty() {
            let mut slices = [IoSlice::new(&[]); 4];
            let used = self.session.outgoing().slices(&mut slices);
            let before = said.len();
            slices[..used].iter().for_each(|slice| said.extend_from_slice(slice));
            self.session.outgoing().advance(said.len() - before);
        }
        let mut rest = said.as_slice();
        while let [a, b, c, d, _compressed, body @ ..] = rest {
            let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
            assert_eq!(body.get(length), Some(&b'\n'), "a frame has its end");
            rest = &body[length + 1..];
        }
        assert!(rest.is_empty(), "half a frame was said");
        let counts = self.session.counts();
        let limits = limits();
        assert!(counts.exports <= limits.exports && counts.imports <= limits.imports, "{counts:?}");
        drop(self.session.take_dropped());
    }

    /// The peer ends the stream, and what was kept is answered too late.
    fn end(&mut self) {
        for request in std::mem::take(&mut self.kept).into_iter().rev() {
            let _ = self.session.reply(&request.id, &Value::None);
        }
        self.drain();
        self.session.end_of_stream();
        assert!(!self.turn(), "the end of the stream is the end");
        assert_eq!(self.replies + self.session.take_pending().len(), REQUESTS, "each request of ours has one end");
    }
}
