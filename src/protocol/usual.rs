//! Reads and writes messages of the most common form on a short path: complete, uncompressed, in the current dialect,
//! with plain values.
//!
//! A message of another form is left unchanged for the rest of the protocol, which also makes the errors.

use super::boxing::{self, NO_KEYWORDS};
use super::call_cache::{Callee, Form};
use super::envelope::Kind;
use super::policy::Name;
use super::request::{Op, Request, RequestId, Seq, Threads};
use super::requests::Body;
use super::{Core, Event, Protocol, State};
use crate::codec::brine::{self, Reader, Sink, tag};
use crate::codec::frame::{FrameMark, Outgoing};
use crate::config::Dialect;
use crate::value::{Limits, Value};
use std::sync::Arc;

const REQUEST: u8 = Kind::Request as u8;
const REPLY: u8 = Kind::Reply as u8;

/// Tuples up to this length have a tag of their own.
const FEW_ARGS: usize = (tag::TUPLE_4 - tag::TUPLE_1) as usize + 1;

/// Writes the box of a name; the length of most takes one byte.
#[inline(always)]
fn put_name(out: &mut Outgoing, name: &[u8]) {
    match u8::try_from(name.len()) {
        Ok(length @ 5..) => {
            out.put(&[tag::TUPLE_2, boxing::BOXED_VALUE, tag::STR, tag::BYTES_L1, length]);
            out.put(name);
        }
        _ => {
            boxing::put_label(out, boxing::VALUE);
            brine::put_str(out, name);
        }
    }
}

/// Reads the sequence number of a message, and returns the rest.
#[inline(always)]
fn number<'a>(bytes: &'a [u8], limits: &Limits) -> Option<(i64, &'a [u8])> {
    brine::short_int(bytes, limits.digits)
}

impl<T> Core<T> {
    /// Returns whether no option requires another way to read or log messages.
    #[inline(always)]
    fn is_usual(&self) -> bool {
        let config = &self.config;
        !((self.dialect != Dialect::V6)
            | config.bind_threads
            | config.debug
            | (self.state == State::Closed)
            | self.failure.is_some())
    }

    /// Decodes a call of a method in the call cache. None if it has another form, or must be rejected.
    #[inline(always)]
    fn usual_call(&self, body: &[u8], limits: &Limits) -> Option<Request> {
        let (seq, rest) = number(body, limits)?;
        let begin = rest.first_chunk()?;
        let form = match *begin {
            boxing::METHOD_CALL => Form::CallMember,
            boxing::OBJECT_CALL => Form::CallObject,
            boxing::ATTRIBUTE_GET => Form::GetAttribute,
            _ => return None,
        };
        if (self.state != State::Open) | (self.serving >= self.config.limits.serving) {
            return None;
        }
        let rest = rest.get(begin.len()..)?;
        let (target, callee, length) = self.exports.call_cache.find(rest, form)?;
        let rest = rest.get(length..)?;
        let op = match callee {
            Callee::Attribute(member) => Op::GetAttr(Name::Member(member)),
            Callee::Member(member) => {
                Op::CallAttr { name: Name::Member(member), args: usual_args(rest, limits)?, keywords: Vec::new() }
            }
            Callee::Object => Op::Call { args: usual_args(rest, limits)?, keywords: Vec::new() },
        };
        Some(Request { id: RequestId::new(Seq::Int(seq), Threads::default()), target: target.clone(), op })
    }
}

/// Reads a few plain values in one box, without keywords.
#[inline(always)]
fn usual_args(bytes: &[u8], limits: &Limits) -> Option<Vec<Value>> {
    let [tag::TUPLE_2, boxing::BOXED_VALUE, bytes @ ..] = bytes else { return None };
    if let [tag::TUPLE_0, rest @ ..] = bytes {
        return rest.starts_with(&NO_KEYWORDS).then(Vec::new);
    }
    let mut reader = Reader::new(bytes, None, limits);
    let [tag::TUPLE_1..=tag::TUPLE_4, ..] = bytes else { return None };
    let count = reader.tuple_header().ok()?;
    let mut args = Vec::with_capacity(count);
    for _ in 0..count {
        args.push(reader.value().ok()?);
    }
    reader.rest().starts_with(&NO_KEYWORDS).then_some(args)
}

/// Reads a reply that is a plain value.
#[inline(always)]
fn usual_answer(bytes: &[u8], limits: &Limits) -> Option<Value> {
    let [tag::TUPLE_2, boxing::BOXED_VALUE, bytes @ ..] = bytes else { return None };
    match brine::short_int(bytes, limits.digits) {
        Some((number, _)) => Some(Value::Int(number)),
        None => Reader::new(bytes, None, limits).value().ok(),
    }
}

/// Messages of this side.
impl<T> Core<T> {
    #[inline(always)]
    fn begin_usual(&mut self, kind: Kind, seq: i64) -> FrameMark {
        let mark = self.outgoing.begin_short([kind as u8, tag::TUPLE_2]);
        let [ours, theirs] = &mut self.digits;
        let digits = if kind == Kind::Request { ours } else { theirs };
        let (bytes, length) = digits.padded(seq);
        self.outgoing.put_padded(bytes, length);
        mark
    }

    /// Ends the message if it was `written`, or removes it.
    #[inline(always)]
    fn end_usual(&mut self, mark: FrameMark, written: bool) -> bool {
        if written && self.finish(mark).is_ok() {
            self.spoken = true;
            return true;
        }
        self.outgoing.abandon_frame(mark);
        false
    }

    /// Sends a call with plain arguments. None if nothing was sent.
    #[inline(always)]
    pub(super) fn usual_request(&mut self, body: &Body<'_>) -> Option<i64> {
        let Body::CallAttr { target, name, args, keywords } = *body else { return self.usual_prepared(body) };
        let releases = self.imports.releases();
        let usual = self.is_usual()
            & (self.state == State::Open)
            & !self.native.to_offer()
            & keywords.is_empty()
            & (args.len() <= FEW_ARGS)
            & (self.pending.len() < self.config.limits.pending)
            & Arc::ptr_eq(target.home(), releases);
        if !usual || !releases.is_empty() || !args.iter().all(Value::is_plain) {
            return None;
        }
        let seq = self.pending.next_seq();
        let mark = self.begin_usual(Kind::Request, seq);
        let out = &mut self.outgoing;
        out.put(&boxing::METHOD_CALL);
        out.put(&target.id_pack);
        put_name(out, name.as_bytes());
        let tuple = if args.is_empty() { tag::TUPLE_0 } else { tag::TUPLE_1 - 1 + args.len() as u8 };
        out.put(&[tag::TUPLE_2, boxing::BOXED_VALUE, tuple]);
        let limits = &self.config.limits;
        let written = args.iter().all(|arg| brine::put_value(out, arg, limits).is_ok());
        out.put(&NO_KEYWORDS);
        self.end_usual(mark, written).then_some(seq)
    }

    /// Does the same for an encoded beginning. It shares no code with the function above, which is inlined.
    #[inline(never)]
    fn usual_prepared(&mut self, body: &Body<'_>) -> Option<i64> {
        let Body::Prepared { call, args, keywords: [] } = *body else { return None };
        let releases = self.imports.releases();
        let usual = self.is_usual()
            & (self.state == State::Open)
            & !self.native.to_offer()
            & (args.len() <= FEW_ARGS)
            & (self.pending.len() < self.config.limits.pending)
            & Arc::ptr_eq(call.target().home(), releases);
        if !usual || !releases.is_empty() || !args.iter().all(Value::is_plain) {
            return None;
        }
        let seq = self.pending.next_seq();
        let mark = self.begin_usual(Kind::Request, seq);
        let out = &mut self.outgoing;
        out.put(call.head());
        let tuple = if args.is_empty() { tag::TUPLE_0 } else { tag::TUPLE_1 - 1 + args.len() as u8 };
        out.put(&[tag::TUPLE_2, boxing::BOXED_VALUE, tuple]);
        let limits = &self.config.limits;
        let written = args.iter().all(|arg| brine::put_value(out, arg, limits).is_ok());
        out.put(&NO_KEYWORDS);
        self.end_usual(mark, written).then_some(seq)
    }

    /// Replies with a plain value. Returns false if nothing was sent.
    #[inline(always)]
    pub(super) fn usual_answer(&mut self, id: &RequestId, value: &Value) -> bool {
        let Seq::Int(seq) = id.seq else { return false };
        if !self.is_usual() || !value.is_plain() {
            return false;
        }
        let mark = self.begin_usual(Kind::Reply, seq);
        boxing::put_label(&mut self.outgoing, boxing::VALUE);
        let written = brine::put_value(&mut self.outgoing, value, &self.config.limits).is_ok();
        self.end_usual(mark, written)
    }
}

/// Messages of the peer.
impl<T> Protocol<T> {
    /// Returns whether there is no input for `next_event`.
    #[inline(always)]
    pub fn is_vacant(&self) -> bool {
        let received = self.incoming.as_ref().is_none_or(|incoming| incoming.is_vacant());
        received && !self.end_of_stream && self.core.failure.is_none()
    }

    /// Returns the next message as an event, if it has the usual form.
    #[inline(always)]
    pub(super) fn usual_event(&mut self) -> Option<Event<T>> {
        if self.changed | !self.core.is_usual() {
            return None;
        }
        let incoming = self.incoming.as_mut()?;
        let body = incoming.short_frame()?;
        let length = body.len();
        let event = match body {
            [REQUEST, tag::TUPLE_2, rest @ ..] => {
                let request = self.core.usual_call(rest, &self.limits)?;
                self.core.serving += 1;
                Event::Request(request)
            }
            [REPLY, tag::TUPLE_2, rest @ ..] if !incoming.expects() => {
                let (seq, rest) = number(rest, &self.limits)?;
                let value = usual_answer(rest, &self.limits)?;
                Event::Reply { seq, token: self.core.pending.remove_awaited(seq)?, outcome: Ok(value) }
            }
            _ => return None,
        };
        incoming.pass_short(length);
        self.core.heard = Dialect::V6;
        self.messages += 1;
        Some(event)
    }

    /// Takes the next message if it is a reply of the usual form and `wanted` returns true for its token.
    #[inline]
    pub fn next_answer(&mut self, wanted: impl FnOnce(&T) -> bool) -> Option<(T, Value)> {
        if self.changed | !self.core.is_usual() {
            return None;
        }
        let incoming = self.incoming.as_mut()?;
        let body = incoming.short_frame()?;
        let length = body.len();
        let [REPLY, tag::TUPLE_2, rest @ ..] = body else { return None };
        let (seq, rest) = number(rest, &self.limits)?;
        if incoming.expects() || !self.core.pending.get(seq).is_some_and(wanted) {
            return None;
        }
        let value = usual_answer(rest, &self.limits)?;
        let token = self.core.pending.remove_awaited(seq)?;
        incoming.pass_short(length);
        self.core.heard = Dialect::V6;
        self.messages += 1;
        Some((token, value))
    }

    /// Takes the next message if it is the reply to this request, in the usual form.
    #[inline(always)]
    pub fn usual_reply(&mut self, awaited: i64) -> Option<(T, Value)> {
        if self.changed | !self.core.is_usual() {
            return None;
        }
        let incoming = self.incoming.as_mut()?;
        let body = incoming.short_frame()?;
        let length = body.len();
        let [REPLY, tag::TUPLE_2, rest @ ..] = body else { return None };
        let (seq, rest) = number(rest, &self.limits)?;
        if seq != awaited || incoming.expects() {
            return None;
        }
        let value = usual_answer(rest, &self.limits)?;
        let token = self.core.pending.remove_awaited(seq)?;
        incoming.pass_short(length);
        self.core.heard = Dialect::V6;
        self.messages += 1;
        Some((token, value))
    }
}
