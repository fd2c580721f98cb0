//! The native dialect: two librpyc peers find each other, and then send lists, dicts and arrays by value
//! (docs/reference/native.md).
//!
//! The offer is a PING whose data a Python peer sends back as it is. A librpyc peer answers with something else, and
//! from then on both know that a box with the label `NATIVE` will be understood, and a request that says how long its
//! caller waits.

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

/// What an offer and its answer begin with.
const NAME: &str = "librpyc";
/// What an answer has that an offer, and so its echo, has not.
const AGREED: &str = "agreed";
const VERSION: i64 = 1;
/// Native boxes are read. Bits that are not known mean nothing.
const BOXES: i64 = 1;
/// Requests may say how long their callers wait.
const DEADLINES: i64 = 2;
/// Dates and times are read within native boxes.
const TIMES: i64 = 4;
/// What we offer.
const OURS: i64 = BOXES | DEADLINES | TIMES;

/// No caller says that it waits longer, 278 years: so the nanoseconds of every deadline have 64 bits.
const LONGEST: i64 = 1 << 43;

fn understood(features: i64) -> Agreed {
    match (features & BOXES != 0, features & TIMES != 0) {
        (false, _) => Agreed::Nothing,
        (true, false) => Agreed::Boxes,
        (true, true) => Agreed::Times,
    }
}

/// How far two peers have come with each other.
#[derive(Default)]
pub struct State {
    /// An offer is to stand in front of the first request.
    to_offer: bool,
    /// The PING with our offer, until it is answered.
    offer: Option<i64>,
    /// The peer knows from us that we read native boxes, so some may come.
    pub announced: bool,
    /// What we know from the peer that it reads.
    pub agreed: Agreed,
    /// The peer knows from us that we read deadlines.
    pub reads_deadlines: bool,
    /// We know from the peer that it reads deadlines.
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
    /// Has the peer agreed to get lists, dicts and arrays by value?
    pub fn is_native(&self) -> bool {
        self.core.native.agreed != Agreed::Nothing
    }

    /// Has the peer agreed to hear how long callers wait?
    #[inline]
    pub fn sends_deadlines(&self) -> bool {
        self.core.native.sends_deadlines
    }
}

impl<T> Core<T> {
    /// Asks the peer. Nobody waits for the answer: it comes before that to the request behind it.
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

    /// The answer to a PING of the peer: its data, unless that is an offer that we take.
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

    /// The answer to our offer.
    pub(super) fn offer_answered(&mut self, outcome: Result<Value>) -> Result<()> {
        self.native.offer = None;
        // A peer that knows nothing of this may answer what it likes, most likely what we sent.
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
                Err(Error::Malformed(format!("the peer answered the offer of native values with {text:.200}")))
            }
            _ => Ok(()),
        }
    }
}

/// How long a caller waits, as it is sent: in milliseconds, rather one too many than too few. None: as good as for ever.
#[cold]
pub(super) fn deadline(left: Duration) -> Option<i64> {
    let milliseconds = left.as_nanos().div_ceil(1_000_000);
    i64::try_from(milliseconds).ok().filter(|milliseconds| *milliseconds <= LONGEST)
}

/// A request whose caller does not wait for ever has (handler, milliseconds) in place of the handler's number.
#[inline(never)]
pub(super) fn open_limited(reader: &mut Reader<'_>) -> Result<(i64, Due)> {
    reader.tuple_header()?;
    let handler = reader.int()?;
    let bad = |text: String| Err(Error::Malformed(format!("a request with a deadline that {text}")));
    match reader.value()? {
        Value::Int(left @ 0..=LONGEST) => Ok((handler, Due::new(left as u64 * 1000))),
        Value::Int(left) if left < 0 => bad(format!("is negative: {left} ms")),
        left @ (Value::Int(_) | Value::BigInt(_)) => bad(format!("is too far away: {:.50} ms", left.repr())),
        other => bad(format!("is no int of milliseconds but a {}", other.type_name())),
    }
}

impl Boxer<'_> {
    /// A native box.
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

    /// A reference in a native value: label and id_pack. It is counted as any other.
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
    /// The content of a native box. One that cannot be read ends the connection, as brine does.
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
            // The message alone is refused, and the stream goes on.
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

    /// A native box that was not agreed on: what is asked with it is refused, in words that say why.
    #[cold]
    pub(super) fn refuse_native(&mut self, reader: &mut Reader<'_>) -> Result<Value> {
        reader.skip()?;
        let text = format!("invalid label {NATIVE}: native values were not agreed on");
        self.fault(Exception::builtin("ValueError", text));
        Ok(Value::None)
    }
}
