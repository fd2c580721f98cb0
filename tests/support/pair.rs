//! A session with a hand-made peer, and two sessions with nothing between them but bytes.

use super::node::{Node, int, text, tuple};
use super::recording::{self, Kind};
use super::thing::Thing;
use rpyc::config::{Config, Dialect};
use rpyc::error::{Error, Result};
use rpyc::protocol::{Body, Event, Protocol, Request, Wrap};
use rpyc::value::{Local, Proxy, Reference, Shape, Value};
use std::io::IoSlice;
use std::sync::Arc;

/// Lists travel as objects; nothing else that has no form does.
pub struct WrapLists(Arc<Shape>);

impl Default for WrapLists {
    fn default() -> WrapLists {
        WrapLists(Arc::new(super::thing::shape("builtins.list", &[])))
    }
}

impl Wrap for WrapLists {
    fn wrap(&self, value: &Value) -> Option<Arc<dyn Local>> {
        match value {
            Value::List(_) => Some(Thing::new("a list", &self.0)),
            _ => None,
        }
    }
}

pub fn session(config: Config, root: Option<Arc<dyn Local>>) -> Protocol<u32> {
    Protocol::new(config, root, Arc::new(WrapLists::default()))
}

/// Everything that waits to be sent.
pub fn sent(session: &mut Protocol<u32>) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !session.outgoing().is_empty() {
        let mut slices = [IoSlice::new(&[]); 3];
        let used = session.outgoing().slices(&mut slices);
        let before = bytes.len();
        slices[..used].iter().for_each(|slice| bytes.extend_from_slice(slice));
        session.outgoing().advance(bytes.len() - before);
    }
    bytes
}

/// The payloads of whole frames.
pub fn payloads(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while let [a, b, c, d, ..] = *bytes {
        let (frame, rest) = bytes.split_at(u32::from_be_bytes([a, b, c, d]) as usize + 6);
        all.push(recording::payload(frame));
        bytes = rest;
    }
    assert!(bytes.is_empty(), "half a frame was sent");
    all
}

pub fn push(session: &mut Protocol<u32>, bytes: &[u8], piece: usize) {
    for piece in bytes.chunks(piece) {
        session.incoming().push(piece);
    }
}

pub fn value_box(node: Node) -> Node {
    tuple([int(1), node])
}

pub fn tuple_box(boxes: impl Into<Vec<Node>>) -> Node {
    tuple([int(2), tuple(boxes)])
}

/// "An object of yours."
pub fn yours(pack: &Node) -> Node {
    tuple([int(3), pack.clone()])
}

/// "An object of mine."
pub fn mine(pack: &Node) -> Node {
    tuple([int(4), pack.clone()])
}

pub fn pack(name: &str, class: i64, instance: i64) -> Node {
    tuple([text(name), int(class), int(instance)])
}

pub const BOTH: [Dialect; 2] = [Dialect::V6, Dialect::V5];

/// What a session said: kind, seq, body.
pub type Message = (Kind, Node, Node);

/// A session of ours, and a peer that says whatever a test wants.
pub struct Wire {
    pub session: Protocol<u32>,
    pub six: bool,
    next: i64,
}

impl Wire {
    pub fn new(dialect: Dialect, config: Config, root: Option<Arc<dyn Local>>) -> Wire {
        Wire { session: session(config, root), six: dialect != Dialect::V5, next: 0 }
    }

    pub fn with_root(dialect: Dialect, config: Config, root: &Arc<Thing>) -> (Wire, Node) {
        let mut wire = Wire::new(dialect, config, Some(root.clone()));
        let reply = wire.ask(3, value_box(tuple([])));
        assert_eq!(reply.items()[0], int(4));
        (wire, reply.items()[1].clone())
    }

    pub fn feed(&mut self, payload: &[u8]) {
        push(&mut self.session, &recording::frame(payload), usize::MAX);
    }

    pub fn feed_message(&mut self, kind: Kind, seq: &Node, body: &Node) {
        self.feed(&recording::close(kind, seq, body, self.six));
    }

    /// Sends a request; gives its number.
    pub fn request(&mut self, handler: i64, args: Node) -> i64 {
        let seq = self.next;
        self.next += 1;
        self.feed_message(Kind::Request, &int(seq), &tuple([int(handler), args]));
        seq
    }

    pub fn event(&mut self) -> Option<Event<u32>> {
        self.session.next_event()
    }

    pub fn said(&mut self) -> Vec<Message> {
        let bytes = sent(&mut self.session);
        payloads(&bytes).iter().map(|payload| recording::open(payload, self.six)).collect()
    }

    pub fn only_said(&mut self) -> Message {
        let mut said = self.said();
        assert_eq!(said.len(), 1, "{said:?}");
        said.remove(0)
    }

    /// A request that the session answers by itself with a reply.
    pub fn ask(&mut self, handler: i64, args: Node) -> Node {
        let seq = self.request(handler, args);
        assert!(self.event().is_none(), "handler {handler} needs the host");
        let (kind, answered, body) = self.only_said();
        assert_eq!((kind, answered), (Kind::Reply, int(seq)), "{body:?}");
        body
    }

    /// A request that the session refuses by itself: the exception's name, and the rest of the body.
    pub fn refused(&mut self, handler: i64, args: Node) -> (String, Node) {
        let seq = self.request(handler, args);
        assert!(self.event().is_none(), "handler {handler} reaches the host");
        self.exception(seq)
    }

    /// What was raised for a request.
    pub fn exception(&mut self, seq: i64) -> (String, Node) {
        let (kind, answered, body) = self.only_said();
        assert_eq!((kind, answered), (Kind::Exception, int(seq)), "{body:?}");
        let class = body.items()[0].items();
        assert_eq!(class[0], text("builtins"));
        (class[1].as_text().to_owned(), body)
    }

    /// A request that the application is to answer.
    pub fn host(&mut self, handler: i64, args: Node) -> Request {
        let seq = self.request(handler, args);
        match self.event() {
            Some(Event::Request(request)) => {
                assert!(matches!(request.id.seq, rpyc::protocol::Seq::Int(n) if n == seq));
                assert!(self.session.outgoing().is_empty());
                request
            }
            _ => panic!("handler {handler} does not reach the host: {:?}", self.said()),
        }
    }

    /// Makes the session lend an object: as the answer to a request of the peer.
    pub fn lend(&mut self, root: &Node, value: &Value) -> Node {
        let request = self.host(7, tuple_box([yours(root), value_box(tuple([])), value_box(tuple([]))]));
        self.session.reply(&request.id, value).expect("a reply");
        self.only_said().2
    }
}

/// "AttributeError: text" of an exception body.
pub fn summary(body: &Node) -> String {
    match body.items()[1].items() {
        [Node::Str(text)] => format!("{}: {text}", body.items()[0].items()[1].as_text()),
        other => format!("{}: {other:?}", body.items()[0].items()[1].as_text()),
    }
}

/// Two sessions; bytes go from one to the other in pieces of a given size.
pub struct Pair {
    pub client: Protocol<u32>,
    pub server: Protocol<u32>,
    pub piece: usize,
}

impl Pair {
    pub fn new(dialect: Dialect, root: &Arc<Thing>) -> Pair {
        Pair::with(dialect, Config::default(), Some(root.clone()))
    }

    pub fn with(dialect: Dialect, config: Config, root: Option<Arc<dyn Local>>) -> Pair {
        let client = session(Config { dialect, ..config.clone() }, None);
        Pair { client, server: session(config, root), piece: usize::MAX }
    }

    #[allow(clippy::wrong_self_convention)]
    pub fn to_server(&mut self) {
        let bytes = sent(&mut self.client);
        push(&mut self.server, &bytes, self.piece);
    }

    #[allow(clippy::wrong_self_convention)]
    pub fn to_client(&mut self) {
        let bytes = sent(&mut self.server);
        push(&mut self.client, &bytes, self.piece);
    }

    /// A request of the client that the server's session answers by itself.
    pub fn ask(&mut self, body: Body<'_>) -> Result<Value> {
        self.client.request(body, 77)?;
        self.to_server();
        nothing(self.server.next_event());
        self.to_client();
        outcome(&mut self.client)
    }

    /// A request of the client that the server's host is to answer.
    pub fn host(&mut self, body: Body<'_>) -> Request {
        self.client.request(body, 77).expect("a request");
        self.to_server();
        match self.server.next_event() {
            Some(Event::Request(request)) => request,
            _ => panic!("no request"),
        }
    }

    /// The application's answer, as it arrives.
    pub fn reply(&mut self, request: &Request, value: &Value) -> Result<Value> {
        self.server.reply(&request.id, value)?;
        self.to_client();
        outcome(&mut self.client)
    }

    pub fn root(&mut self) -> Arc<Proxy> {
        proxy(self.ask(Body::Raw { handler: 3, args: &[] }).expect("a root"))
    }
}

pub fn outcome(session: &mut Protocol<u32>) -> Result<Value> {
    match session.next_event() {
        Some(Event::Reply { token: 77, outcome, .. }) => outcome,
        _ => panic!("no answer"),
    }
}

pub fn proxy(value: Value) -> Arc<Proxy> {
    match value {
        Value::Ref(Reference::Remote(proxy)) => proxy,
        other => panic!("no proxy: {other:?}"),
    }
}

pub fn remote(proxy: &Arc<Proxy>) -> Value {
    Value::Ref(Reference::Remote(proxy.clone()))
}

pub fn nothing(event: Option<Event<u32>>) {
    match event {
        None => {}
        Some(Event::Request(request)) => panic!("a request: {:?}", request.op),
        Some(Event::Reply { outcome, .. }) => panic!("an answer: {outcome:?}"),
        Some(Event::Closed(error)) => panic!("the end: {error:?}"),
    }
}

pub fn closed(event: Option<Event<u32>>) -> Error {
    match event {
        Some(Event::Closed(error)) => error,
        Some(Event::Request(request)) => panic!("a request: {:?}", request.op),
        Some(Event::Reply { outcome, .. }) => panic!("an answer: {outcome:?}"),
        None => panic!("no event"),
    }
}
