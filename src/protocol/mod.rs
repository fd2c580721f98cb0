//! One connection as a pure state machine: no sockets, no clock, no threads, no code of the application.
//!
//! In go bytes (`incoming`), the end of the stream, and commands; out come bytes (`outgoing`) and events.
//! Call in this order: put what arrived into `incoming()`, take events until there are none, send what is
//! in `outgoing()`. Objects that nobody holds any more are handed out by `take_dropped`, because dropping
//! them may run code of the application.

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

/// What a protocol tells its host. `T` is what the application attached to its request.
pub enum Event<T> {
    /// To be answered with `reply` or `raise`, or followed with `answer_exists`.
    Request(Request),
    Reply {
        seq: i64,
        token: T,
        outcome: Result<Value, Error>,
    },
    /// The connection is over; nothing follows.
    Closed(Error),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// CLOSE has been sent; the application is not asked any more.
    Closing,
    Closed,
}

/// So many bytes may wait to be sent before no further message is taken.
pub const OUTPUT_HIGH_WATER: usize = 256 << 10;

/// Numbers about a protocol, for logs and tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Objects lent to the peer.
    pub exports: usize,
    /// Objects lent by the peer.
    pub imports: usize,
    /// Requests of ours without an answer yet.
    pub pending: usize,
    /// Requests of the peer that are being served.
    pub serving: usize,
    /// Releases that named more than was lent.
    pub overdrawn: u64,
}

pub struct Protocol<T> {
    /// None: a thread is receiving into it.
    incoming: Option<Box<Incoming>>,
    end_of_stream: bool,
    /// Those of the configuration, which may have `changed` since.
    limits: Limits,
    changed: bool,
    messages: u64,
    /// `next_event` comes back after each message, also after those that give no event.
    single: bool,
    destinations: Destinations,
    /// Until when a message beyond a limit that is passed over must go on, and what had been received before.
    skipping: Option<(Duration, u64)>,
    /// How much had been received when the bytes were taken for long.
    taken_at: u64,
    /// Made when there is something to note.
    silence: Option<Box<Silence>>,
    core: Core<T>,
}

/// Everything but the bytes that are being read.
struct Core<T> {
    /// Shared by all connections that were made with it, until it is changed.
    config: Arc<Config>,
    /// What the peer takes of the memory of all.
    account: Account,
    outgoing: Outgoing,
    dialect: Dialect,
    heard: Dialect,
    /// A message has left in `dialect`, so the peer must understand it.
    spoken: bool,
    state: State,
    exports: Exports,
    imports: Imports,
    /// None: an answer that nobody waits for.
    pending: Pending<Option<T>>,
    root: Option<Arc<dyn Local>>,
    wrap: Arc<dyn Wrap>,
    serving: usize,
    lent: Vec<u64>,
    deadlines: BinaryHeap<Reverse<(Duration, i64)>>,
    threads: Threads,
    native: native::State,
    failure: Option<Box<Error>>,
    /// For the log, which is written where no lock is held.
    notes: Notes,
    /// The numbers of our requests, and of the peer's.
    digits: [Digits; 2],
}

impl<T> Protocol<T> {
    /// A protocol whose root is what the peer gets from GETROOT.
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

    /// What the peer takes of the memory of all.
    pub fn account(&self) -> &Account {
        &self.core.account
    }

    /// Where received bytes go.
    pub fn incoming(&mut self) -> &mut Incoming {
        self.incoming.get_or_insert_default()
    }

    /// Takes it out, to receive into it elsewhere; until it is put back, there are no events.
    pub fn take_incoming(&mut self) -> Box<Incoming> {
        self.incoming.take().unwrap_or_default()
    }

    /// The same for a long wait, during which `watch_silence` may be asked all the same. Memory is given back.
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

    /// The peer will send nothing more.
    pub fn end_of_stream(&mut self) {
        self.end_of_stream = true;
    }

    /// Will the peer send nothing more? Messages that came before may still be here.
    pub fn is_at_end_of_stream(&self) -> bool {
        self.end_of_stream
    }

    /// Gives the memory back that nothing lies in, until it is needed again.
    #[cold]
    pub fn give_back(&mut self) {
        let core = &mut self.core;
        core.exports.give_back();
        core.imports.give_back();
        core.outgoing.give_back();
        core.lent = Vec::new();
        self.incoming.iter_mut().for_each(|incoming| incoming.give_back());
    }

    /// What is to be sent.
    pub fn outgoing(&mut self) -> &mut Outgoing {
        &mut self.core.outgoing
    }

    pub fn config(&self) -> &Arc<Config> {
        &self.core.config
    }

    /// Options may change while the protocol lives; they hold from the next message on.
    pub fn config_mut(&mut self) -> &mut Config {
        self.core.exports.call_cache.clear();
        self.changed = true;
        Arc::make_mut(&mut self.core.config)
    }

    /// Gives back the one before.
    pub fn set_root(&mut self, root: Arc<dyn Local>) -> Option<Arc<dyn Local>> {
        self.core.root.replace(root)
    }

    /// For the end: our root as it was.
    pub fn take_root(&mut self) -> Option<Arc<dyn Local>> {
        self.core.root.take()
    }

    /// What messages of the log call the connection.
    pub fn set_name(&mut self, name: String) {
        self.core.notes.name = name;
    }

    /// What is to be logged, by dropping it.
    pub fn take_notes(&mut self) -> Notes {
        self.core.notes.take()
    }

    pub fn root(&self) -> Option<&Arc<dyn Local>> {
        self.core.root.as_ref()
    }

    /// `Dialect::Auto` until the first message in either direction.
    pub fn dialect(&self) -> Dialect {
        self.core.dialect
    }

    /// The dialect of the message that ended the protocol because it was not ours.
    pub fn heard(&self) -> Dialect {
        self.core.heard
    }

    /// How many messages have been taken, whoever answered them.
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

    /// How many objects of the peer are held, those included whose release was not sent yet.
    #[inline]
    pub fn imports(&self) -> usize {
        self.core.imports.len()
    }

    /// How many answers of the peer are still to come.
    #[inline]
    pub fn pending(&self) -> usize {
        self.core.pending.len()
    }

    /// The tokens of requests that wait for an answer.
    pub fn waiting(&self) -> impl Iterator<Item = &T> {
        self.core.pending.iter().flatten()
    }

    /// Where this protocol's proxies tell that they died.
    pub fn releases(&self) -> &Arc<Releases> {
        self.core.imports.releases()
    }

    /// The threads that the following messages are from and for (with bind_threads).
    pub fn set_threads(&mut self, threads: Threads) {
        self.core.threads = threads;
    }

    #[inline]
    pub fn has_dropped(&self) -> bool {
        self.core.exports.has_dropped() | self.destinations.has_spent() | !self.core.notes.is_empty()
    }

    /// Objects that the peer has given back; `take_destinations` gives the rest. Dropping them may run code of the
    /// application.
    pub fn take_dropped(&mut self) -> Vec<Arc<dyn Local>> {
        self.core.exports.take_dropped()
    }

    /// A whole message has been received and not been looked at.
    pub fn has_message(&self) -> bool {
        self.core.state != State::Closed && self.incoming.as_ref().is_some_and(|incoming| incoming.has_whole_frame())
    }

    /// Has `next_event` come back after each message, also after those that give no event.
    pub fn take_messages_singly(&mut self) {
        self.single = true;
    }

    /// How many bytes have been received in all; None while they are taken in elsewhere.
    pub fn received(&self) -> Option<u64> {
        self.incoming.as_ref().map(|incoming| incoming.total())
    }

    fn heard_so_far(&self) -> Heard {
        let incoming = self.incoming.as_deref();
        Heard {
            bytes: incoming.map_or(self.taken_at, Incoming::total),
            messages: self.messages,
            mid_message: incoming.is_some_and(|incoming| incoming.is_mid_frame() && !incoming.is_skipping()),
            busy: self.core.serving > 0 || self.core.pending.len() > 0,
        }
    }

    /// May the peer be silent for longer than the options allow?
    #[inline]
    pub fn may_fall_silent(&self) -> bool {
        self.core.state != State::Closed && self.heard_so_far().matters(&self.core.config)
    }

    /// Has the message that is under way had its time, if nothing more of it is here?
    #[cold]
    pub fn is_overdue(&mut self, now: Duration) -> bool {
        self.noted_silence(now).is_overdue(now, self.heard_so_far(), &self.core.config)
    }

    /// Begins to count how long the peer is silent, on a clock that shows `now`.
    pub fn note_silence(&mut self, now: Duration) {
        self.noted_silence(now);
    }

    fn noted_silence(&mut self, now: Duration) -> Silence {
        let heard = self.heard_so_far();
        let silence = self.silence.get_or_insert_default();
        silence.note(now, heard);
        **silence
    }

    /// Nothing of what the peer sent waits to be received. True: that has lasted too long, and the next event is the end.
    #[cold]
    pub fn watch_silence(&mut self, now: Duration) -> bool {
        if self.core.state == State::Closed || self.core.failure.is_some() || self.has_message() {
            return false;
        }
        let verdict = self.noted_silence(now).verdict(now, self.heard_so_far(), &self.core.config);
        self.core.failure = verdict.map(Box::new);
        self.core.failure.is_some()
    }

    /// When `watch_silence` is to be called at the latest, as far as has been noted.
    pub fn silence_deadline(&self) -> Option<Duration> {
        let heard = self.heard_so_far();
        let deadline = self.silence.as_ref()?.deadline(heard, &self.core.config);
        deadline.filter(|_| self.core.state != State::Closed)
    }

    /// Whether a whole message is here that ends within the first `mark` bytes received, or such a one may still be
    /// received.
    pub fn may_have_message_before(&self, mark: u64) -> bool {
        let Some(incoming) = &self.incoming else { return false };
        self.core.state != State::Closed && incoming.next_end().map_or(incoming.total() < mark, |end| end <= mark)
    }

    /// The next event that the received bytes give. None with `has_message`: much waits to be sent, and must go first.
    ///
    /// What it needs on the stack is given back before the event is handled, which may nest.
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
                // A peer that sends requests and receives no answers must not fill the memory.
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

    /// An answer that was received into its destination, or a message that was skipped.
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

    /// Nobody waits any more: the answer will be read and dropped.
    pub fn forget(&mut self, seq: i64) -> Option<T> {
        self.forget_destination(seq);
        self.core.pending.remove(seq).flatten()
    }

    /// Everything that still waits for an answer, when none can come.
    pub fn take_pending(&mut self) -> Vec<(i64, T)> {
        self.core.pending.drain().into_iter().filter_map(|(seq, token)| Some((seq, token?))).collect()
    }

    /// Answers a request. What cannot be sent becomes an exception for the peer, and is the error here.
    pub fn reply(&mut self, id: &RequestId, value: &Value) -> Result<()> {
        self.core.serving = self.core.serving.saturating_sub(1);
        match self.core.state {
            State::Closed => Err(Error::Closed("the connection ended before the answer".into())),
            _ => self.core.reply(id, value),
        }
    }

    /// Answers a request with an exception, if anybody can still hear it.
    pub fn raise(&mut self, id: &RequestId, exception: &Exception) {
        self.core.serving = self.core.serving.saturating_sub(1);
        if self.core.state != State::Closed {
            self.core.raise_at_once(id, exception);
        }
    }

    /// Answers `Op::Exists`. None: the rules refused it, and the peer has been told.
    // Boxed as `Op::Exists` has it.
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

    /// Puts the releases of dead proxies behind what is waiting to be sent.
    pub fn send_releases(&mut self) {
        self.core.put_releases();
    }

    /// Tells the peer that we are going. Nothing is served from now on; wait for the end of the stream. While the peer's
    /// dialect is not known, nothing can be said that it would understand: end the stream.
    pub fn close(&mut self) {
        if self.core.state == State::Open {
            if self.core.dialect != Dialect::Auto {
                self.core.put_close();
            }
            self.core.state = State::Closing;
        }
    }

    /// The connection is gone, whatever the peer knows of it.
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

    /// A request has what its values have taken until it is answered. All else gives it back at once: there may never be
    /// another message.
    #[cold]
    fn charge(&self, read: &mut Result<Option<Event<T>>>) {
        let charge = self.account.take_granted();
        if let (Ok(Some(Event::Request(request))), Some(charge)) = (read, charge) {
            request.id.set_charge(charge);
        }
    }

    /// An answer. One that nobody waits for is read all the same, so that its references are released.
    #[inline]
    fn outcome(&mut self, reader: &mut Reader<'_>, seq: &Seq, raised: bool) -> Result<Option<Event<T>>> {
        // A plain value, in which there can be no references.
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
                None => Err(Error::Malformed("the peer sent an exception whose form is not known".into())),
            }
        } else {
            let Core { exports, imports, config, dialect, native, .. } = self;
            let mut unboxer = Unboxer::new(exports, imports, &config.limits, *dialect, native.announced);
            let value = unboxer.unbox(reader)?;
            match unboxer.fault {
                None => Ok(value),
                Some(fault) if fault.is_builtin(boxing::RECURSION) => Err(Error::Limit(fault.summary())),
                Some(fault) if unboxer.unknown => Err(Error::UnknownObject(format!(
                    "the answer names an object that was not lent: {}",
                    fault.summary()
                ))),
                Some(fault) => Err(Error::Malformed(format!("the answer cannot be understood: {}", fault.summary()))),
            }
        };
        let Seq::Int(seq) = *seq else { return Ok(None) };
        match self.pending.remove(seq) {
            Some(Some(token)) => Ok(Some(Event::Reply { seq, token, outcome })),
            _ => self.unawaited(seq, outcome),
        }
    }

    /// An answer that the application does not wait for: to a release, to our offer, or too late.
    fn unawaited(&mut self, seq: i64, outcome: Result<Value>) -> Result<Option<Event<T>>> {
        if self.native.is_offer(seq) {
            self.offer_answered(outcome)?;
        } else {
            self.notes.add(Level::Debug, || format!("nobody waits any more for the answer to request {seq}"));
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

    /// The stream cannot be understood any further. The peer is told, as far as it can be.
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
        // Whoever answers now, answers nobody.
        self.serving = 0;
    }
}
