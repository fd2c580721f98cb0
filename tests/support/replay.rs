//! Plays one side of a recorded session with ours, against the recorded frames of the other side.
//!
//! What arrived is processed no earlier than the recording needs it for what our side says next, so
//! that everything that our side says stands in the recorded order.

mod asking;
mod checks;

use super::masks::{self, Said};
use super::node::{Node, int};
use super::recording::{self, Kind, Message, Recording, Side};
use super::script::{self, Application, boxed, exception, node_of, object_symbol, references};
use super::thing::thing_of;
use rpyc::config::Config;
use rpyc::error::Error;
use rpyc::protocol::{Event, Name, Op, Protocol, Request, Threads, Wrap};
use rpyc::value::{Local, Proxy, Reference, Value};
use std::collections::{HashMap, HashSet, VecDeque};
use std::io::IoSlice;
use std::sync::Arc;

/// Nothing in the recordings needs to be wrapped.
pub struct NoWrap;

impl Wrap for NoWrap {
    fn wrap(&self, _: &Value) -> Option<Arc<dyn Local>> {
        None
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Requests with their arguments as values, or in the form that their handler has.
    pub raw: bool,
    /// Objects whose attributes only the application knows.
    pub dynamic: bool,
    /// How many bytes arrive at a time.
    pub piece: usize,
    /// With the limits of a server on tcp.
    pub strangers: bool,
}

struct Asked<'r> {
    message: &'r Message,
    /// Somebody waits for the answer.
    awaited: bool,
}

pub struct Replay<'r> {
    recording: &'r Recording,
    us: Side,
    style: Style,
    session: Protocol<i64>,
    host: Application,
    inbox: VecDeque<Option<&'r Message>>,
    outbox: VecDeque<Vec<u8>>,
    open: HashMap<i64, Request>,
    asked_us: HashMap<i64, &'r Message>,
    asked_by_us: HashMap<i64, Asked<'r>>,
    /// How often the peer has each of our objects, by our reckoning.
    lent: HashMap<String, u64>,
    /// The numbers that our session chose, by symbol and back.
    numbers: HashMap<String, String>,
    symbols: HashMap<String, String>,
    /// The peer's objects that we hold, and how often we got them.
    proxies: HashMap<String, Arc<Proxy>>,
    received: HashMap<String, u64>,
    their_numbers: HashMap<String, String>,
    their_symbols: HashMap<String, String>,
    /// Requests that Python sent and we do not.
    unsaid: HashSet<i64>,
    closed: Option<Error>,
    closing: bool,
    compared: usize,
}

/// Plays a whole recording, which `masks::names` has prepared; gives the number of messages that were compared.
pub fn replay(recording: &Recording, us: Side, style: Style) -> usize {
    let mut config = script::config(recording, us);
    if style.strangers {
        config.expect_strangers();
    }
    let mut replay = Replay::new(recording, us, config, style);
    for frame in &recording.frames {
        match &frame.message {
            message if frame.from != us => replay.inbox.push_back(message.as_ref()),
            Some(message) => replay.speak(message),
            None => {}
        }
    }
    replay.finish();
    replay.compared
}

impl<'r> Replay<'r> {
    fn new(recording: &'r Recording, us: Side, config: Config, style: Style) -> Replay<'r> {
        let mut host = Application::new(recording, us, &config, style.dynamic);
        let root = host.root().map(|root| root as Arc<dyn Local>);
        Replay {
            recording,
            us,
            style,
            session: Protocol::new(config, root, Arc::new(NoWrap)),
            host,
            inbox: VecDeque::new(),
            outbox: VecDeque::new(),
            open: HashMap::new(),
            asked_us: HashMap::new(),
            asked_by_us: HashMap::new(),
            lent: HashMap::new(),
            numbers: HashMap::new(),
            symbols: HashMap::new(),
            proxies: HashMap::new(),
            received: HashMap::new(),
            their_numbers: HashMap::new(),
            their_symbols: HashMap::new(),
            unsaid: HashSet::new(),
            closed: None,
            closing: false,
            compared: 0,
        }
    }

    fn at(&self, message: &Message) -> String {
        format!("{} as {:?}, frame {}, {:?}", self.recording.name, self.us, message.n, self.style)
    }

    /// Our side's next message.
    fn speak(&mut self, message: &'r Message) {
        assert!(self.outbox.is_empty(), "{}: something else was said before", self.at(message));
        if let Some((symbols, numbers)) = &message.threads {
            // An answer goes to the thread that asked; what is set here must not matter.
            let to = if message.kind == Kind::Request { numbers[1] } else { 0xdead };
            self.session.set_threads(Threads { from: recording::thread_number(&symbols[0]), to });
        }
        let mut by_session = false;
        match message.kind {
            Kind::Request => {
                if self.expected(message, false).is_none() {
                    self.unsaid.insert(message.seq);
                    return;
                }
                self.request(message);
            }
            Kind::Reply | Kind::Exception => {
                while self.outbox.is_empty() && !self.open.contains_key(&message.seq) {
                    self.process(&self.at(message));
                }
                by_session = !self.outbox.is_empty();
                if let Some(request) = self.open.remove(&message.seq) {
                    assert!(!by_session, "{}: answered by itself, too", self.at(message));
                    self.answer(message, request);
                }
            }
        }
        self.collect();
        let frame = self.outbox.pop_front().unwrap_or_else(|| panic!("{}: nothing was said", self.at(message)));
        self.compare(message, &frame, by_session);
        assert!(self.outbox.is_empty(), "{}: more was said than recorded", self.at(message));
        self.check_counts(message.n);
    }

    fn said<'m>(&'m self, message: &'m Message, by_session: bool) -> Said<'m> {
        let asked = self.asked_us.get(&message.seq).copied().filter(|_| message.kind != Kind::Request);
        Said { recording: self.recording, us: self.us, message, asked, by_session, dynamic: self.style.dynamic }
    }

    fn expected(&self, message: &Message, by_session: bool) -> Option<Node> {
        masks::expected(&self.said(message, by_session))
    }

    /// Is a frame of ours the recorded one, but for ids and what is masked?
    fn compare(&mut self, message: &Message, frame: &[u8], by_session: bool) {
        let at = self.at(message);
        let expected = self.expected(message, by_session).expect("something to say");
        let said = self.said(message, by_session);
        let (kind, compresses) = (masks::expected_kind(&said), masks::compresses(&said));
        let payload = recording::payload(frame);
        assert_eq!(frame[4] != 0, compresses, "{at}: compression");
        let (prefix, rest) = payload.split_at(if self.recording.bind_threads { 16 } else { 0 });
        if let Some((symbols, numbers)) = &message.threads {
            let threads = [recording::thread_number(&symbols[0]), numbers[1]];
            assert_eq!(prefix, threads.map(u64::to_be_bytes).concat(), "{at}: threads");
        }
        let (real_kind, seq, body) = recording::open(rest, self.recording.six);
        assert_eq!((real_kind, seq), (kind, int(message.seq)), "{at}: {body:?}");
        // What the independent codec read, it also writes so: the bytes are those of a Python peer.
        assert_eq!(rest, recording::close(kind, &int(message.seq), &body, self.recording.six), "{at}: bytes");
        self.same(&expected, &body)
            .unwrap_or_else(|why| panic!("{at}: {why}\n  recorded {expected:?}\n  said     {body:?}"));
        if let Some(boxed) = boxed(message).filter(|_| kind == message.kind) {
            references(boxed, &mut |label, pack| {
                if let (4, Some(symbol)) = (label, object_symbol(pack)) {
                    *self.lent.entry(symbol.to_owned()).or_default() += 1;
                }
            });
        }
        self.compared += 1;
    }

    /// Equal, each of our symbols always standing for the same number, and no number for two symbols.
    fn same(&mut self, expected: &Node, actual: &Node) -> Result<(), String> {
        match (expected, actual) {
            (Node::Id(symbol), Node::Int(number)) if !self.us.owns(symbol) => match self.their_numbers.get(symbol) {
                Some(known) if known == number => Ok(()),
                known => Err(format!("{symbol} is {known:?}, not {number}")),
            },
            (Node::Id(symbol), Node::Int(number)) => {
                let known = self.numbers.entry(symbol.clone()).or_insert_with(|| number.clone());
                let owner = self.symbols.entry(number.clone()).or_insert_with(|| symbol.clone());
                match (known == number, owner == symbol, number == "0") {
                    (true, true, false) => Ok(()),
                    _ => Err(format!("{symbol} has the number {known}, and {number} belongs to {owner}")),
                }
            }
            (Node::Tuple(a), Node::Tuple(b)) | (Node::Slice(a), Node::Slice(b)) if a.len() == b.len() => {
                a.iter().zip(b).try_for_each(|(a, b)| self.same(a, b))
            }
            (a, b) if a == b => Ok(()),
            (a, b) => Err(format!("{a:?} was recorded, {b:?} said")),
        }
    }

    /// Looks at what arrived next.
    fn process(&mut self, why: &str) {
        let arrived = self.inbox.pop_front().unwrap_or_else(|| panic!("{why}: nothing arrives any more"));
        assert!(self.closed.is_none(), "{why}: the session is closed");
        let Some(message) = arrived else {
            self.session.end_of_stream();
            match self.session.next_event() {
                Some(Event::Closed(error)) => return self.closed = Some(error),
                _ => panic!("{why}: the stream ended and the session did not"),
            }
        };
        let at = self.at(message);
        self.take_note(message);
        let bytes = self.with_our_ids(message);
        for piece in bytes.chunks(self.style.piece) {
            self.session.incoming().push(piece);
        }
        let before = self.session.outgoing().len();
        let event = self.session.next_event();
        match (message.kind, event) {
            (Kind::Request, Some(Event::Request(request))) => {
                if let Some(request) = self.exists(request) {
                    self.check_request(message, &request);
                    self.open.insert(message.seq, request);
                }
            }
            (Kind::Request, Some(Event::Closed(error))) if message.request().0 == 2 => self.closed = Some(error),
            (Kind::Request, None) => {
                assert!(self.session.outgoing().len() > before, "{at}: a request without any trace")
            }
            (_, Some(Event::Reply { seq, token, outcome })) => {
                let asked = self.asked_by_us.remove(&seq).unwrap_or_else(|| panic!("{at}: a second answer"));
                assert!(asked.awaited && seq == message.seq && token == seq, "{at}");
                self.check_outcome(message, outcome);
            }
            (_, None) if message.kind != Kind::Request && self.unsaid.remove(&message.seq) => {}
            (Kind::Reply, None) => {
                let asked = self.asked_by_us.remove(&message.seq).unwrap_or_else(|| panic!("{at}: nobody asked"));
                assert!(!asked.awaited, "{at}: an answer that did not arrive");
            }
            _ => panic!("{at}: another event than recorded"),
        }
        assert!(self.closed.is_some() || self.session.next_event().is_none(), "{at}: a second event");
        self.drop_returned(message);
        self.collect();
        self.check_counts(message.n);
    }

    /// Ids of the peer, references received, requests to be answered.
    fn take_note(&mut self, message: &'r Message) {
        for (symbol, number) in message.ids.iter().filter(|(symbol, _)| !self.us.owns(symbol)) {
            self.their_numbers.insert(symbol.clone(), number.clone());
            self.their_symbols.insert(number.clone(), symbol.clone());
        }
        if message.kind == Kind::Request {
            self.asked_us.insert(message.seq, message);
        }
        if let Some(boxed) = boxed(message) {
            references(boxed, &mut |label, pack| {
                if let (4, Some(symbol)) = (label, object_symbol(pack)) {
                    *self.received.entry(symbol.to_owned()).or_default() += 1;
                }
            });
        }
    }

    /// The recorded frame; where it names objects of ours, with the numbers that our session gave them.
    fn with_our_ids(&self, message: &Message) -> Vec<u8> {
        if !message.ids.keys().any(|symbol| self.us.owns(symbol)) {
            return message.frame.clone();
        }
        let table = |symbol: &str| if self.us.owns(symbol) { &self.numbers } else { &message.ids };
        let body = message.body.concrete(&mut |symbol| {
            table(symbol).get(symbol).unwrap_or_else(|| panic!("{}: {symbol}", self.at(message))).clone()
        });
        let mut payload = Vec::new();
        if let Some((symbols, numbers)) = &message.threads {
            payload.extend(numbers[0].to_be_bytes());
            payload.extend(recording::thread_number(&symbols[1]).to_be_bytes());
        }
        payload.extend(recording::close(message.kind, &int(message.seq), &body, self.recording.six));
        recording::frame(&payload)
    }

    fn exists(&mut self, mut request: Request) -> Option<Request> {
        while let Op::Exists { question, name, access } = request.op {
            assert!(self.style.dynamic);
            let exists = thing_of(&request.target).has(name.as_str());
            request = self.session.answer_exists(request.id, request.target, question, access, exists)?;
        }
        Some(request)
    }

    fn symbol_of(&self, reference: &Reference) -> String {
        match reference {
            Reference::Local(object) => thing_of(object).label.clone(),
            Reference::Remote(proxy) => {
                let (pack, _) = Node::decode(&proxy.id_pack);
                let part = if proxy.is_class { 1 } else { 2 };
                let Node::Int(number) = &pack.items()[part] else { panic!("id_pack {pack:?}") };
                assert_eq!(pack.items()[0].as_text(), &*proxy.type_name);
                assert_eq!(pack.items()[1].encode(), &*proxy.class_id);
                self.their_symbols[number].clone()
            }
        }
    }

    fn node(&mut self, value: &Value) -> Node {
        let mut found = Vec::new();
        let node = node_of(value, &mut |reference| {
            let symbol = self.symbol_of(reference);
            if let Reference::Remote(proxy) = reference {
                found.push((symbol.clone(), proxy.clone()));
            }
            symbol
        });
        for (symbol, proxy) in found {
            let known = self.proxies.entry(symbol).or_insert_with(|| proxy.clone());
            assert!(Arc::ptr_eq(known, &proxy), "one object, one proxy");
        }
        node
    }

    fn known(&self, symbol: &str) -> String {
        let table = if self.us.owns(symbol) { &self.numbers } else { &self.their_numbers };
        table.get(symbol).unwrap_or_else(|| panic!("{symbol} is not known")).clone()
    }

    /// The recorded answer, given by the application.
    fn answer(&mut self, message: &'r Message, request: Request) {
        if let (true, Op::DelAttr(Name::Dynamic(name))) = (self.style.dynamic, &request.op) {
            assert!(thing_of(&request.target).attributes.lock().unwrap().remove(name.as_str()));
        }
        if message.kind == Kind::Exception {
            let mut raised = exception(&message.body, &|symbol| self.known(symbol));
            raised.attributes.retain(|(name, _)| name != "_remote_version");
            return self.session.raise(&request.id, &raised);
        }
        let value = self.value(&message.body);
        self.session.reply(&request.id, &value).expect("a reply");
    }

    /// Moves whole frames that the session has written into the outbox.
    fn collect(&mut self) {
        let mut bytes = Vec::new();
        while !self.session.outgoing().is_empty() {
            let mut slices = [IoSlice::new(&[]); 4];
            let used = self.session.outgoing().slices(&mut slices);
            let n = slices[..used].iter().map(|slice| slice.len()).sum();
            slices[..used].iter().for_each(|slice| bytes.extend_from_slice(slice));
            self.session.outgoing().advance(n);
        }
        let mut rest = bytes.as_slice();
        while let [a, b, c, d, ..] = *rest {
            let (frame, next) = rest.split_at(u32::from_be_bytes([a, b, c, d]) as usize + 6);
            self.outbox.push_back(frame.to_vec());
            rest = next;
        }
        assert!(rest.is_empty());
    }

    /// After a DEL: what the peer has given back completely dies here and now.
    fn drop_returned(&mut self, message: &Message) {
        if message.kind == Kind::Request && message.request().0 == 15 && self.closed.is_none() {
            let args = message.request().1.items()[1].items();
            let count = args[1].items()[1].as_int() as u64;
            if let Some(symbol) = object_symbol(&args[0].items()[1]).filter(|symbol| self.us.owns(symbol)) {
                let held = self.lent.get_mut(symbol).expect("lent");
                assert!(*held >= count, "{}: more given back than lent", self.at(message));
                *held -= count;
                if *held == 0 {
                    self.lent.remove(symbol);
                    let object = self.host.objects.remove(symbol).expect("an object");
                    assert_eq!(self.session.take_dropped().len(), 1);
                    assert!(self.host.is_root(symbol) || Arc::strong_count(&object) == 1, "{symbol} is held");
                }
            }
        }
        assert!(!self.session.has_dropped() || self.closed.is_some());
    }

    fn check_counts(&self, n: usize) {
        if self.closed.is_some() {
            return;
        }
        let counts = self.session.counts();
        let at = format!("{} as {:?}, after frame {n}", self.recording.name, self.us);
        // What has been said but not compared yet is lent already.
        if self.outbox.is_empty() {
            assert_eq!(counts.exports, self.lent.len(), "{at}: {:?}", self.lent);
        }
        assert_eq!(counts.imports, self.received.len(), "{at}");
        assert_eq!(counts.pending, self.asked_by_us.len(), "{at}");
        assert_eq!(counts.serving, self.open.len(), "{at}");
        assert_eq!(counts.overdrawn, 0, "{at}");
    }

    /// Everything has been said; what is left arrives, and the connection ends as the recorded one did.
    fn finish(&mut self) {
        while self.closed.is_none() {
            self.process(&format!("{} as {:?}, the end", self.recording.name, self.us));
        }
        let last = self
            .recording
            .frames
            .iter()
            .filter_map(|frame| frame.message.as_ref())
            .find(|message| message.kind == Kind::Request && message.request().0 == 2);
        match (self.closed.take(), last, self.closing) {
            (Some(Error::Eof(text)), Some(_), false) => assert_eq!(text, "the peer closed the connection"),
            (Some(Error::Eof(text)), _, _) => assert_eq!(text, "the peer ended the stream"),
            (error, ..) => panic!("{error:?}"),
        }
        self.collect();
        assert!(self.outbox.is_empty(), "CLOSE and the end of the stream are not answered");
        assert!(self.open.is_empty(), "{}: everything was answered", self.recording.name);
        let counts = self.session.counts();
        assert_eq!((counts.exports, counts.imports), (0, 0), "both tables are empty at the end");
        let mut waiting: Vec<i64> = self.asked_by_us.values().filter(|a| a.awaited).map(|a| a.message.seq).collect();
        waiting.sort();
        let left: Vec<i64> = self.session.take_pending().into_iter().map(|(seq, _)| seq).collect();
        assert_eq!(left, waiting);
        assert!(self.session.next_event().is_none() && self.session.is_closed());
        // The objects come back to their owner.
        assert_eq!(self.session.take_dropped().len(), self.lent.len());
    }
}
