//! Implements the native dialect: two librpyc peers detect each other and pass lists, dicts and arrays by value
//! (docs/reference/native.md).
//!
//! The offer is a PING whose data a Python peer returns unchanged. A librpyc peer returns other data. From then on both
//! know that the peer reads boxes with the label `NATIVE`, and requests with the time for which their caller waits.

use super::boxing::{self, Agreed, Boxer, LOCAL_REF, NATIVE, RECURSION, REMOTE_REF, Unboxer};
use super::envelope::Kind;
use super::request::{Due, Handler, Seq};
use super::requests::{Body, put_body};
use super::{Core, Protocol};
use crate::codec::brine::{Reader, Sink};
use crate::codec::native::{self, NativeError};
use crate::config::{Config, Native};
use crate::error::{Error, Exception, Result};
use crate::value::{Blob, Reference, Value};
use std::cell::RefCell;
use std::time::Duration;

/// The first item of an offer and of its reply.
const NAME: &str = "librpyc";
/// An item of a reply that an offer, and so its echo, does not have.
const AGREED: &str = "agreed";
const VERSION: i64 = 1;
/// Native boxes are read. Unknown bits are ignored.
const BOXES: i64 = 1;
/// Requests may carry the time for which their callers wait.
const DEADLINES: i64 = 2;
/// Dates and times are read within native boxes.
const TIMES: i64 = 4;
/// The bits that this side offers.
const OURS: i64 = BOXES | DEADLINES | TIMES;

/// Longest time that is sent, 278 years: so the nanoseconds of every deadline fit into 64 bits.
const LONGEST: i64 = 1 << 43;

fn understood(features: i64) -> Agreed {
    match (features & BOXES != 0, features & TIMES != 0) {
        (false, _) => Agreed::Nothing,
        (true, false) => Agreed::Boxes,
        (true, true) => Agreed::Times,
    }
}

/// The progress of the agreement between two peers.
#[derive(Default)]
pub struct State {
    /// The offer must be put before the first request.
    to_offer: bool,
    /// The PING with our offer, until its reply.
    offer: Option<i64>,
    /// The peer knows that this side reads native boxes, so it may send them.
    pub announced: bool,
    /// The types that the peer has announced to read.
    pub agreed: Agreed,
    /// The peer knows that this side reads deadlines.
    pub reads_deadlines: bool,
    /// The peer has announced to read deadlines.
    pub sends_deadlines: bool,
}

impl State {
    pub fn new(config: &Config) -> State {
        State { to_offer: config.native == Native::On, ..State::default() }
    }

    #[inline]
    pub fn to_offer(&self) -> bool {
        self.to_offer
    }

    #[inline]
    pub fn is_offer(&self, seq: i64) -> bool {
        self.offer == Some(seq)
    }
}

fn offer() -> Value {
    Value::tuple(vec![Value::str(NAME), Value::Int(VERSION), Value::Int(OURS)])
}

impl<T> Protocol<T> {
    /// Returns whether the peer has agreed to get lists, dicts and arrays by value.
    pub fn is_native(&self) -> bool {
        self.core.native.agreed != Agreed::Nothing
    }

    /// Returns whether the peer has agreed to get the time for which callers wait.
    #[inline]
    pub fn sends_deadlines(&self) -> bool {
        self.core.native.sends_deadlines
    }
}

impl<T> Core<T> {
    /// Sends the offer. No caller waits for its reply, which comes before the reply to the request behind it.
    #[cold]
    pub(super) fn put_offer(&mut self) {
        self.native.to_offer = false;
        let seq = self.pending.next_seq();
        let to = self.threads.to;
        let sent = self.send(Kind::Request, &Seq::Int(seq), to, |boxer, out| {
            put_body::<_, false>(boxer, out, &Body::Raw { handler: Handler::Ping as i64, args: &[offer()] }, None)
        });
        if sent.is_ok() {
            self.pending.insert(None);
            self.native.offer = Some(seq);
            self.native.announced = true;
            self.native.reads_deadlines = true;
        }
    }

    /// Returns the reply to a PING of the peer: its data, unless that is an offer that is accepted.
    pub(super) fn answer_ping(&mut self, data: Value) -> Value {
        let Value::Tuple(items) = &data else { return data };
        match &**items {
            [Value::Str(name), Value::Int(1..), Value::Int(features), ..]
                if *name == NAME && features & BOXES != 0 && self.config.native != Native::Off =>
            {
                let deadlines = features & DEADLINES != 0;
                self.native = State {
                    to_offer: false,
                    offer: self.native.offer,
                    announced: true,
                    agreed: understood(*features),
                    reads_deadlines: self.native.reads_deadlines || deadlines,
                    sends_deadlines: deadlines,
                };
                let features = Value::Int(features & OURS);
                Value::tuple(vec![Value::str(NAME), Value::Int(VERSION), features, Value::str(AGREED)])
            }
            _ => data,
        }
    }

    /// Handles the reply to our offer.
    pub(super) fn offer_answered(&mut self, outcome: Result<Value>) -> Result<()> {
        self.native.offer = None;
        // A peer that does not know the offer may reply anything, most likely the same data.
        let Ok(Value::Tuple(items)) = outcome else { return Ok(()) };
        match &*items {
            [Value::Str(name), ..] if *name != NAME => Ok(()),
            [Value::Str(_), Value::Int(VERSION), Value::Int(OURS)] => Ok(()),
            [Value::Str(_), Value::Int(VERSION), Value::Int(features), Value::Str(agreed), ..] if *agreed == AGREED => {
                self.native.agreed = understood(*features);
                self.native.sends_deadlines = features & BOXES != 0 && features & DEADLINES != 0;
                Ok(())
            }
            [Value::Str(_), ..] => {
                let text = Value::Tuple(items).repr();
                Err(Error::Malformed(format!("unexpected reply to the offer of native values: {text:.200}")))
            }
            _ => Ok(()),
        }
    }
}

/// Converts the time for which a caller waits to milliseconds, rounded up. None if it is practically unlimited.
#[cold]
pub(super) fn deadline(left: Duration) -> Option<i64> {
    let milliseconds = left.as_nanos().div_ceil(1_000_000);
    i64::try_from(milliseconds).ok().filter(|milliseconds| *milliseconds <= LONGEST)
}

/// Reads a request with a deadline, which has (handler, milliseconds) in place of the handler's number.
#[inline(never)]
pub(super) fn open_limited(reader: &mut Reader<'_>) -> Result<(i64, Due)> {
    reader.tuple_header()?;
    let handler = reader.int()?;
    let bad = |text: String| Err(Error::Malformed(format!("the deadline of a request {text}")));
    match reader.value()? {
        Value::Int(left @ 0..=LONGEST) => Ok((handler, Due::new(left as u64 * 1000))),
        Value::Int(left) if left < 0 => bad(format!("is negative: {left} ms")),
        left @ (Value::Int(_) | Value::BigInt(_)) => bad(format!("is too far away: {:.50} ms", left.repr())),
        other => bad(format!("is not an int of milliseconds but a {}", other.type_name())),
    }
}

impl Boxer<'_> {
    /// Writes a native box.
    #[inline(never)]
    pub(super) fn put_native<S: Sink>(&mut self, out: &mut S, value: &Value, levels: usize) -> Result<()> {
        boxing::put_label(out, NATIVE);
        let (origin, times) = (self.origin, self.native == Agreed::Times);
        let boxer = RefCell::new(self);
        let failure = RefCell::new(None);
        let refer = |reference: &Value| boxer.borrow_mut().refer(reference).map_err(|e| failure.replace(Some(e))).ok();
        let written = native::put(out, value, levels, origin, times, &refer);
        match failure.into_inner() {
            Some(error) => Err(error),
            None => Ok(written?),
        }
    }

    /// Makes a reference in a native value: label and id_pack. It is counted like any other.
    fn refer(&mut self, value: &Value) -> Result<(u8, Blob)> {
        let object = match value {
            Value::Ref(Reference::Remote(proxy)) if std::sync::Arc::ptr_eq(proxy.home(), self.home) => {
                return Ok((LOCAL_REF as u8, Blob::copy(&proxy.id_pack)));
            }
            Value::Ref(Reference::Local(object)) => object.clone(),
            other => self.wrapped(other)?,
        };
        let (id, id_pack) = self.exports.lend(&object, self.limits.exports)?;
        let id_pack = Blob::copy(id_pack);
        self.lent.push(id);
        Ok((REMOTE_REF as u8, id_pack))
    }
}

impl Unboxer<'_> {
    /// Reads the content of a native box. Malformed content ends the connection, as in brine.
    #[inline(never)]
    pub(super) fn native(&mut self, reader: &mut Reader<'_>, levels: usize) -> Result<Value> {
        let limits = self.limits;
        let unboxer = RefCell::new(self);
        let failure = RefCell::new(None);
        let follow =
            |label: u8, id: &[u8]| unboxer.borrow_mut().follow(label, id).map_err(|e| failure.replace(Some(e))).ok();
        let read = native::read(reader, limits, levels, &follow);
        match (failure.into_inner(), read) {
            (Some(error), _) => Err(error),
            // Only this message fails; the stream continues.
            (None, Err(error @ NativeError::Stack(_))) => {
                unboxer.into_inner().fault(Exception::builtin(RECURSION, error.to_string()));
                Ok(Value::None)
            }
            (None, read) => Ok(read?),
        }
    }

    fn follow(&mut self, label: u8, id_pack: &[u8]) -> Result<Value> {
        match label.into() {
            LOCAL_REF => {
                Ok(self.find(id_pack)?.map_or(Value::None, |object| Value::Ref(Reference::given_back(object.clone()))))
            }
            REMOTE_REF => self.import(id_pack),
            other => {
                self.fault(boxing::bad_label(&Value::Int(other)));
                Ok(Value::None)
            }
        }
    }

    /// Reads a native box that was not agreed on. The request fails with a message that names the reason.
    #[cold]
    pub(super) fn refuse_native(&mut self, reader: &mut Reader<'_>) -> Result<Value> {
        reader.skip()?;
        let text = format!("invalid label {NATIVE}: native values were not negotiated");
        self.fault(Exception::builtin("ValueError", text));
        Ok(Value::None)
    }
}
