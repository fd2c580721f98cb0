//! Implements one connection as a pure state machine, without sockets, clock, threads or code of the application.
//!
//! Its inputs are bytes (`incoming`), the end of the stream, and commands. Its outputs are bytes (`outgoing`) and
//! events. Call in this order: put received bytes into `incoming()`, take events until there are none, send the bytes
//! in `outgoing()`. Get released objects from `take_dropped`: dropping them may run code of the application.

mod boxing;
mod call_cache;
mod decode;
mod destinations;
mod envelope;
mod exports;
mod handlers;
mod imports;
mod native;
mod pending;
mod policy;
mod refusal;
mod request;
mod requests;
mod silence;
mod usual;
mod vinegar;

pub use boxing::Wrap;
pub use decode::{DecodeFault, Decoded, DecodedKind, Decoder};
pub use envelope::wrong_dialect;
pub use exports::id_pack;
pub use policy::{Name, Question};
pub use request::{Access, Due, Handler, Instance, Keywords, Op, Request, RequestId, Seq, Slicing, Threads};
pub use requests::{Body, Prepared};

use crate::budget::Account;
use crate::codec::brine::{Digits, Reader, tag};
use crate::codec::frame::{Incoming, Outgoing, Payload};
use crate::config::{Config, Dialect, Limits};
use crate::error::{Error, Exception, Meaning, Result};
use crate::log::{Level, Notes};
use crate::value::{Local, Releases, Value};
use boxing::Unboxer;
use destinations::Destinations;
use envelope::{Kind, Message};
use exports::Exports;
use imports::Imports;
use pending::Pending;
use silence::{Heard, Silence};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

/// An event of a protocol. `T` is the token that the application attached to its request.
pub enum Event<T> {
    /// The caller must answer it with `reply` or `raise`, or continue it with `answer_exists`.
    Request(Request),
    Reply {
        seq: i64,
        token: T,
        outcome: Result<Value, Error>,
    },
    /// The connection has ended. This is the last event.
    Closed(Error),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// CLOSE has been sent. No further requests are served.
    Closing,
    Closed,
}

/// Number of bytes pending in `outgoing` above which no further message is taken.
pub const OUTPUT_HIGH_WATER: usize = 256 << 10;

/// Counters of a protocol, for logs and tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Objects exported to the peer.
    pub exports: usize,
    /// Objects imported from the peer.
    pub imports: usize,
    /// Requests of this side without a reply.
    pub pending: usize,
    /// Requests of the peer that are being served.
    pub serving: usize,
    /// Releases of more references than were exported.
    pub overdrawn: u64,
}

pub struct Protocol<T> {
    /// None while a thread receives into it.
    incoming: Option<Box<Incoming>>,
    end_of_stream: bool,
    /// The limits of the configuration. They may differ from it if `changed` is set.
    limits: Limits,
    changed: bool,
    messages: u64,
    /// `next_event` returns after each message, also after those without an event.
    single: bool,
    destinations: Destinations,
    /// Set while a message beyond a limit is skipped: the deadline of its next bytes, and the number of bytes received
    /// before.
    skipping: Option<(Duration, u64)>,
    /// The number of bytes received when `take_for_long` was called.
    taken_at: u64,
    /// Allocated when there is something to note.
    silence: Option<Box<Silence>>,
    core: Core<T>,
}

/// Everything except the bytes that are being read.
struct Core<T> {
    /// Shared by all connections that were made with it, until it is changed.
    config: Arc<Config>,
    /// The peer's share of the memory budget.
    account: Account,
    outgoing: Outgoing,
    dialect: Dialect,
    heard: Dialect,
    /// A message has been sent in `dialect`, so the peer must understand it.
    spoken: bool,
    state: State,
    exports: Exports,
    imports: Imports,
    /// None for a reply that is to be dropped.
    pending: Pending<Option<T>>,
    root: Option<Arc<dyn Local>>,
    wrap: Arc<dyn Wrap>,
    serving: usize,
    /// The number of the PING of a heartbeat that is not answered yet.
    heartbeat: Option<i64>,
    lent: Vec<u64>,
    deadlines: BinaryHeap<Reverse<(Duration, i64)>>,
    threads: Threads,
    native: native::State,
    failure: Option<Box<Error>>,
    /// Log messages. They are written after the lock is released.
    notes: Notes,
    /// The sequence numbers of our requests, and of the peer's.
    digits: [Digits; 2],
}

impl<T> Protocol<T> {
    /// Makes a protocol whose GETROOT reply is `root`.
    pub fn new(config: impl Into<Arc<Config>>, root: Option<Arc<dyn Local>>, wrap: Arc<dyn Wrap>) -> Protocol<T> {
        let config = config.into();
        let dialect = config.dialect;
        let native = native::State::new(&config);
        let notes = Notes::new(config.application.logger.clone());
        let account = Account::new(config.budget.as_ref());
        let incoming = Incoming::new(&config.limits).charged_to(&account);
        Protocol {
            incoming: Some(Box::new(incoming.skipping(refusal::skipping(config.bind_threads)))),
            end_of_stream: false,
            limits: config.limits.clone(),
            changed: false,
            messages: 0,
            single: false,
            destinations: Destinations::default(),
            skipping: None,
            taken_at: 0,
            silence: None,
            core: Core {
                config,
                outgoing: Outgoing::charged_to(&account),
                dialect,
                heard: Dialect::Auto,
                spoken: false,
                state: State::Open,
                exports: Exports::charged_to(&account),
                imports: Imports::charged_to(&account),
                pending: Pending::default(),
                root,
                wrap,
                serving: 0,
                heartbeat: None,
                lent: Vec::new(),
                deadlines: BinaryHeap::new(),
                threads: Threads::default(),
                native,
                failure: None,
                notes,
                digits: Default::default(),
                account,
            },
        }
    }

    /// Gets the peer's share of the memory budget.
    pub fn account(&self) -> &Account {
        &self.core.account
    }

    /// Gets the buffer for received bytes.
    pub fn incoming(&mut self) -> &mut Incoming {
        self.incoming.get_or_insert_default()
    }

    /// Takes the buffer, to receive into it without the lock. There are no events until it is put back.
    pub fn take_incoming(&mut self) -> Box<Incoming> {
        self.incoming.take().unwrap_or_default()
    }

    /// Takes the buffer for a long wait, and frees its unused memory. `watch_silence` still works meanwhile.
    pub fn take_for_long(&mut self) -> Box<Incoming> {
        self.give_back();
        let incoming = self.take_incoming();
        self.taken_at = incoming.total();
        incoming
    }

    #[inline]
    pub fn put_incoming(&mut self, incoming: Box<Incoming>) {
        self.incoming = Some(incoming);
        if self.destinations.is_waiting() {
            self.catch_up();
        }
    }

    /// Notes that the peer has ended the stream.
    pub fn end_of_stream(&mut self) {
        self.end_of_stream = true;
    }

    /// Returns whether the peer has ended the stream. Messages received before may still be buffered.
    pub fn is_at_end_of_stream(&self) -> bool {
        self.end_of_stream
    }

    /// Frees the unused memory of the buffers.
    #[cold]
    pub fn give_back(&mut self) {
        let core = &mut self.core;
        core.exports.give_back();
        core.imports.give_back();
        core.outgoing.give_back();
        core.lent = Vec::new();
        self.incoming.iter_mut().for_each(|incoming| incoming.give_back());
    }

    /// Gets the buffer of bytes to be sent.
    pub fn outgoing(&mut self) -> &mut Outgoing {
        &mut self.core.outgoing
    }

    pub fn config(&self) -> &Arc<Config> {
        &self.core.config
    }

    /// Gets the options, to be changed. Changes are effective from the next message.
    pub fn config_mut(&mut self) -> &mut Config {
        self.core.exports.call_cache.clear();
        self.changed = true;
        Arc::make_mut(&mut self.core.config)
    }

    /// Sets the root and returns the previous one.
    pub fn set_root(&mut self, root: Arc<dyn Local>) -> Option<Arc<dyn Local>> {
        self.core.root.replace(root)
    }

    /// Takes the root, at the end of the connection.
    pub fn take_root(&mut self) -> Option<Arc<dyn Local>> {
        self.core.root.take()
    }

    /// Sets the name of the connection in log messages.
    pub fn set_name(&mut self, name: String) {
        self.core.notes.name = name;
    }

    /// Takes the pending log messages. Dropping them writes them.
    pub fn take_notes(&mut self) -> Notes {
        self.core.notes.take()
    }

    pub fn root(&self) -> Option<&Arc<dyn Local>> {
        self.core.root.as_ref()
    }

    /// Returns the dialect. It is `Dialect::Auto` until the first message in either direction.
    pub fn dialect(&self) -> Dialect {
        self.core.dialect
    }

    /// Returns the dialect of the message that ended the protocol because it was not in ours.
    pub fn heard(&self) -> Dialect {
        self.core.heard
    }

    /// Returns the number of messages taken, including those that the protocol answered itself.
    #[inline]
    pub fn messages(&self) -> u64 {
        self.messages
    }

    pub fn is_open(&self) -> bool {
        self.core.state == State::Open
    }

    pub fn is_closed(&self) -> bool {
        self.core.state == State::Closed
    }

    pub fn counts(&self) -> Counts {
        let core = &self.core;
        Counts {
            exports: core.exports.len(),
            imports: core.imports.len(),
            pending: core.pending.len(),
            serving: core.serving,
            overdrawn: core.exports.overdrawn,
        }
    }

    /// Returns the number of imported objects, including those whose release is not sent yet.
    #[inline]
    pub fn imports(&self) -> usize {
        self.core.imports.len()
    }

    /// Returns the number of requests without a reply.
    #[inline]
    pub fn pending(&self) -> usize {
        self.core.pending.len()
    }

    /// Iterates over the tokens of requests without a reply.
    pub fn waiting(&self) -> impl Iterator<Item = &T> {
        self.core.pending.iter().flatten()
    }

    /// Gets the list in which this protocol's proxies report that they were dropped.
    pub fn releases(&self) -> &Arc<Releases> {
        self.core.imports.releases()
    }

    /// Sets the sending and receiving thread of the following messages (with bind_threads).
    pub fn set_threads(&mut self, threads: Threads) {
        self.core.threads = threads;
    }

    #[inline]
    pub fn has_dropped(&self) -> bool {
        self.core.exports.has_dropped() | self.destinations.has_spent() | !self.core.notes.is_empty()
    }

    /// Takes the objects that the peer has released; `take_destinations` takes the buffers. Dropping them may run code
    /// of the application.
    pub fn take_dropped(&mut self) -> Vec<Arc<dyn Local>> {
        self.core.exports.take_dropped()
    }

    /// Returns whether a complete message is buffered that was not looked at.
    pub fn has_message(&self) -> bool {
        self.core.state != State::Closed && self.incoming.as_ref().is_some_and(|incoming| incoming.has_whole_frame())
    }

    /// Makes `next_event` return after each message, also after those without an event.
    pub fn take_messages_singly(&mut self) {
        self.single = true;
    }

    /// Returns the total number of bytes received. None while the buffer is taken.
    pub fn received(&self) -> Option<u64> {
        self.incoming.as_ref().map(|incoming| incoming.total())
    }

    fn heard_so_far(&self) -> Heard {
        let incoming = self.incoming.as_deref();
        Heard {
            bytes: incoming.map_or(self.taken_at, Incoming::total),
            messages: self.messages,
            mid_message: incoming.is_some_and(|incoming| incoming.is_mid_frame() && !incoming.is_skipping()),
            busy: self.core.serving > 0 || self.core.pending.len() > self.core.heartbeat.is_some() as usize,
        }
    }

    /// Returns whether the silence of the peer is to be measured now, because the options limit it.
    #[inline]
    pub fn may_fall_silent(&self) -> bool {
        self.core.state != State::Closed && self.heard_so_far().matters(&self.core.config)
    }

    /// Returns whether the partial message has had its time and no more of it is buffered.
    #[cold]
    pub fn is_overdue(&mut self, now: Duration) -> bool {
        self.noted_silence(now).is_overdue(now, self.heard_so_far(), &self.core.config)
    }

    /// Begins to measure the silence of the peer, on a clock that shows `now`.
    pub fn note_silence(&mut self, now: Duration) {
        self.noted_silence(now);
    }

    fn noted_silence(&mut self, now: Duration) -> Silence {
        let heard = self.heard_so_far();
        let silence = self.silence.get_or_insert_default();
        silence.note(now, heard);
        **silence
    }

    /// Checks the silence; the caller has nothing to receive. Returns true if it has lasted too long: then the next
    /// event is the end.
    #[cold]
    pub fn watch_silence(&mut self, now: Duration) -> bool {
        if self.core.state == State::Closed || self.core.failure.is_some() || self.has_message() {
            return false;
        }
        let verdict = self.noted_silence(now).verdict(now, self.heard_so_far(), &self.core.config);
        self.core.failure = verdict.map(Box::new);
        if self.core.failure.is_none() {
            self.beat(now);
        }
        self.core.failure.is_some()
    }

    /// Sends a PING to a silent peer, if it is time. One that is not answered yet is not repeated.
    fn beat(&mut self, now: Duration) {
        let heard = self.heard_so_far();
        let Some(silence) = &mut self.silence else { return };
        if silence.wants_ping(now, heard, &self.core.config) {
            silence.pinged(now, heard);
            self.core.put_heartbeat();
        }
    }

    /// Returns the time at which `watch_silence` must be called at the latest, as far as it is known.
    pub fn silence_deadline(&self) -> Option<Duration> {
        let heard = self.heard_so_far();
        let deadline = self.silence.as_ref()?.deadline(heard, &self.core.config);
        deadline.filter(|_| self.core.state != State::Closed)
    }

    /// Returns whether a complete message ends within the first `mark` bytes received, or may still be received into
    /// them.
    pub fn may_have_message_before(&self, mark: u64) -> bool {
        let Some(incoming) = &self.incoming else { return false };
        self.core.state != State::Closed && incoming.next_end().map_or(incoming.total() < mark, |end| end <= mark)
    }

    /// Returns the next event of the received bytes. None while `has_message` is true means that too many bytes are
    /// pending: send them first.
    ///
    /// Handling an event may nest, so the stack that this function uses must be free again by then.
    #[inline(never)]
    pub fn next_event(&mut self) -> Option<Event<T>> {
        match self.usual_event() {
            Some(event) => Some(event),
            None => self.any_event(),
        }
    }

    #[inline(never)]
    fn any_event(&mut self) -> Option<Event<T>> {
        while self.core.state != State::Closed {
            if let Some(error) = self.core.failure.take() {
                return Some(self.core.fail(*error));
            }
            let incoming = self.incoming.as_mut()?;
            let payload = match incoming.next_frame() {
                Ok(Some(payload)) => payload,
                Ok(None) if self.end_of_stream => {
                    let cut = if incoming.is_mid_frame() { " inside a message" } else { "" };
                    return Some(self.core.end(Error::Eof(format!("the peer ended the stream{cut}"))));
                }
                Ok(None) => return None,
                Err(error) => return Some(self.core.fail(error.into())),
            };
            self.messages += 1;
            if std::mem::take(&mut self.changed) {
                self.limits.clone_from(&self.core.config.limits);
            }
            if payload.is_elsewhere() {
                match self.taken_elsewhere(payload) {
                    Some(event) => return Some(event),
                    None if self.single || self.core.outgoing.len() > OUTPUT_HIGH_WATER => return None,
                    None => continue,
                }
            }
            let mut reader = incoming.reader(&payload, &self.limits);
            let mut read = self.core.message(&mut reader);
            if self.core.account.has_granted() {
                self.core.charge(&mut read);
            }
            match read {
                Ok(Some(event)) if incoming.expects() => return Some(self.settle_destination(event)),
                Ok(Some(event)) => return Some(event),
                // A peer that sends requests without receiving the replies must not fill the memory.
                Ok(None) if self.single || self.core.outgoing.len() > OUTPUT_HIGH_WATER => return None,
                Ok(None) => {}
                Err(error) => {
                    let at = reader.position();
                    return match self.undecodable(&payload, at, error) {
                        Some(event) if self.incoming().expects() => Some(self.settle_destination(event)),
                        event => event,
                    };
                }
            }
        }
        None
    }

    /// Handles a reply that was received into its destination, or a message that was skipped.
    #[inline(never)]
    fn taken_elsewhere(&mut self, payload: Payload) -> Option<Event<T>> {
        match payload.elsewhere()? {
            Ok(direct) => {
                self.core.note_traffic("received", Kind::Reply, None);
                self.direct_reply(direct)
            }
            Err(skipped) => {
                let event = self.skipped(skipped)?;
                Some(self.settle_destination(event))
            }
        }
    }

    /// Gives up a request. Its reply will be read and dropped.
    pub fn forget(&mut self, seq: i64) -> Option<T> {
        self.forget_destination(seq);
        self.core.pending.remove(seq).flatten()
    }

    /// Takes every request without a reply, after the connection ended.
    pub fn take_pending(&mut self) -> Vec<(i64, T)> {
        self.core.pending.drain().into_iter().filter_map(|(seq, token)| Some((seq, token?))).collect()
    }

    /// Replies to a request. A value that cannot be sent is an exception for the peer and an error here.
    pub fn reply(&mut self, id: &RequestId, value: &Value) -> Result<()> {
        self.core.serving = self.core.serving.saturating_sub(1);
        match self.core.state {
            State::Closed => Err(Error::Closed("the connection ended before the reply".into())),
            _ => self.core.reply(id, value),
        }
    }

    /// Replies to a request with an exception, unless the connection has ended.
    pub fn raise(&mut self, id: &RequestId, exception: &Exception) {
        self.core.serving = self.core.serving.saturating_sub(1);
        if self.core.state != State::Closed {
            self.core.raise_at_once(id, exception);
        }
    }

    /// Answers `Op::Exists`. None if the rules deny it; the peer has got the exception then.
    // Boxed because `Op::Exists` has it boxed.
    #[allow(clippy::boxed_local)]
    pub fn answer_exists(
        &mut self,
        id: RequestId,
        target: Arc<dyn Local>,
        question: Question,
        access: Box<Access>,
        exists: bool,
    ) -> Option<Request> {
        self.core.continue_access(id, target, question, *access, exists)
    }

    /// Puts the releases of dropped proxies behind the pending output.
    pub fn send_releases(&mut self) {
        self.core.put_releases();
    }

    /// Sends CLOSE. No request is served from now on; wait for the end of the stream. While the peer's dialect is
    /// unknown, no message would be understood: end the stream instead.
    pub fn close(&mut self) {
        if self.core.state == State::Open {
            if self.core.dialect != Dialect::Auto {
                self.core.put_close();
            }
            self.core.state = State::Closing;
        }
    }

    /// Ends the protocol without a CLOSE.
    pub fn abandon(&mut self) {
        self.core.state = State::Closed;
        self.core.outgoing.discard();
        self.core.clear();
        self.give_up_destinations();
    }
}

impl<T> Core<T> {
    fn message(&mut self, reader: &mut Reader<'_>) -> Result<Option<Event<T>>> {
        let Message { kind, seq, threads } = self.open_message(reader)?;
        self.note_traffic("received", kind, Some(&seq));
        match kind {
            Kind::Request => self.serve(reader, RequestId::new(seq, threads)),
            Kind::Reply => self.outcome(reader, &seq, false),
            Kind::Exception => self.outcome(reader, &seq, true),
        }
    }

    /// A request holds the memory of its values until it is replied to. Everything else is released from the account at
    /// once, because there may be no further message.
    #[cold]
    fn charge(&self, read: &mut Result<Option<Event<T>>>) {
        let charge = self.account.take_granted();
        if let (Ok(Some(Event::Request(request))), Some(charge)) = (read, charge) {
            request.id.set_charge(charge);
        }
    }

    /// Handles a reply. A reply that was given up is read too, so that its references are released.
    #[inline]
    fn outcome(&mut self, reader: &mut Reader<'_>, seq: &Seq, raised: bool) -> Result<Option<Event<T>>> {
        // A plain value cannot contain references.
        if let ([tag::TUPLE_2, boxing::BOXED_VALUE, ..], false, Seq::Int(seq)) = (reader.rest(), raised, seq) {
            reader.advance(2);
            let outcome = Ok(reader.value()?);
            return match self.pending.remove(*seq) {
                Some(Some(token)) => Ok(Some(Event::Reply { seq: *seq, token, outcome })),
                _ => self.unawaited(*seq, outcome),
            };
        }
        self.any_outcome(reader, seq, raised)
    }

    fn any_outcome(&mut self, reader: &mut Reader<'_>, seq: &Seq, raised: bool) -> Result<Option<Event<T>>> {
        let outcome = if raised {
            match vinegar::read_exception(reader)? {
                Some(mut exception) => {
                    let Config { instantiate_custom_exceptions, import_custom_exceptions, application, .. } =
                        &*self.config;
                    exception.meaning =
                        Meaning::of(&application.exceptions, *instantiate_custom_exceptions, *import_custom_exceptions);
                    Err(Error::Remote(exception))
                }
                None => Err(Error::Malformed("the peer sent an exception of unknown form".into())),
            }
        } else {
            let Core { exports, imports, config, dialect, native, .. } = self;
            let mut unboxer = Unboxer::new(exports, imports, &config.limits, *dialect, native.announced);
            let value = unboxer.unbox(reader)?;
            match unboxer.fault {
                None => Ok(value),
                Some(fault) if fault.is_builtin(boxing::RECURSION) => Err(Error::Limit(fault.summary())),
                Some(fault) if unboxer.unknown => Err(Error::UnknownObject(format!(
                    "the reply refers to an object that was not exported: {}",
                    fault.summary()
                ))),
                Some(fault) => Err(Error::Malformed(format!("the reply cannot be decoded: {}", fault.summary()))),
            }
        };
        let Seq::Int(seq) = *seq else { return Ok(None) };
        match self.pending.remove(seq) {
            Some(Some(token)) => Ok(Some(Event::Reply { seq, token, outcome })),
            _ => self.unawaited(seq, outcome),
        }
    }

    /// Handles a reply that the application does not wait for: to a release, to our offer, or too late.
    fn unawaited(&mut self, seq: i64, outcome: Result<Value>) -> Result<Option<Event<T>>> {
        if self.native.is_offer(seq) {
            self.offer_answered(outcome)?;
        } else if self.heartbeat == Some(seq) {
            self.heartbeat = None;
        } else {
            self.notes
                .add(Level::Debug, || format!("the reply to request {seq} was dropped: its caller stopped waiting"));
        }
        Ok(None)
    }

    fn release(&mut self, object: &Arc<dyn Local>, count: u64) {
        self.exports.release_object(object, count);
    }

    fn closed_by_peer(&mut self) -> Event<T> {
        self.end(Error::Eof("the peer closed the connection".into()))
    }

    fn end(&mut self, error: Error) -> Event<T> {
        self.state = State::Closed;
        self.clear();
        Event::Closed(error)
    }

    /// Ends the protocol after malformed data. The peer is told, if possible.
    fn fail(&mut self, error: Error) -> Event<T> {
        let understood = self.dialect != Dialect::Auto && !matches!(error, Error::Dialect(_));
        if self.state == State::Open && understood {
            self.put_close();
        }
        self.end(error)
    }

    fn clear(&mut self) {
        self.exports.clear();
        self.imports.clear();
        self.deadlines.clear();
        // Replies to requests that are still being served are dropped from now on.
        self.serving = 0;
    }
}
