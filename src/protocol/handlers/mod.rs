//! Handles requests of the peer: decodes them, checks them, and answers those that need no code of the application.

mod args;
mod asked;

use super::boxing::{self, Unboxer};
use super::call_cache::{Callee, Form};
use super::native::open_limited;
use super::policy::{self, Decision, Known, Name, Permission, Question};
use super::request::{Access, AccessKind, Handler, Op, Request, RequestId, Slicing};
use super::{Core, Event, State};
use crate::codec::brine::{Reader, tag};
use crate::error::{Exception, Result};
use crate::value::{CompareOp, Local, Text, Value};
use args::Args;
use asked::{Asked, Wanted};
use std::sync::Arc;

/// A request that begins like a call.
#[derive(Clone, Copy)]
struct Calling<'d> {
    /// The number of bytes before those that name the callee.
    start: usize,
    /// The rest, which begins with those that name the callee.
    bytes: &'d [u8],
    form: Form,
}

impl<'d> Calling<'d> {
    /// `limited` is the handler that was read already, with a deadline.
    #[inline(always)]
    fn find(reader: &Reader<'d>, limited: Option<i64>) -> Option<Calling<'d>> {
        let rest = reader.rest();
        const FORMS: [(Form, Handler, &[u8; 7]); 3] = [
            (Form::CallMember, Handler::CallAttr, &boxing::METHOD_CALL),
            (Form::CallObject, Handler::Call, &boxing::OBJECT_CALL),
            (Form::GetAttribute, Handler::GetAttr, &boxing::ATTRIBUTE_GET),
        ];
        let (start, found) = match limited {
            None => (boxing::METHOD_CALL.len(), FORMS.iter().find(|(_, _, begin)| rest.starts_with(*begin))),
            // The rest after that.
            Some(number) => {
                let is = |(_, handler, begin): &&(Form, Handler, &[u8; 7])| {
                    number == *handler as i64 && rest.starts_with(&begin[2..])
                };
                (boxing::METHOD_CALL.len() - 2, FORMS.iter().find(is))
            }
        };
        let (form, ..) = *found?;
        Some(Calling { start, bytes: rest.get(start..)?, form })
    }

    /// Returns the bytes that name the callee, given the number of bytes after them.
    fn callee(&self, left: usize) -> &'d [u8] {
        &self.bytes[..self.bytes.len().saturating_sub(left)]
    }
}

/// Reads the number of the handler. None if there is a fault.
fn read_handler(unboxer: &mut Unboxer<'_>, reader: &mut Reader<'_>, limited: Option<i64>) -> Result<Option<Handler>> {
    let number = match limited {
        Some(number) => Value::Int(number),
        None if unboxer.pair(reader)? => reader.value()?,
        None => return Ok(None),
    };
    let handler = if let Value::Int(number) = number { Handler::from_number(number) } else { None };
    if handler.is_none() {
        unboxer.unbox(reader)?;
        unboxer.fault(Exception::with_args("builtins", "KeyError", vec![number]));
    }
    Ok(handler)
}

impl<T> Core<T> {
    /// Handles one request. It becomes an event only if it needs the application.
    pub(super) fn serve(&mut self, reader: &mut Reader<'_>, mut id: RequestId) -> Result<Option<Event<T>>> {
        let Core { exports, imports, config, dialect, native, .. } = self;
        let mut unboxer = Unboxer::new(exports, imports, &config.limits, *dialect, native.announced);
        let mut limited = None;
        if native.reads_deadlines && reader.rest().starts_with(&[tag::TUPLE_2, tag::TUPLE_2]) {
            reader.advance(1);
            let (handler, due) = open_limited(reader)?;
            id.set_due(due);
            limited = Some(handler);
        }
        let calling = Calling::find(reader, limited).filter(|_| self.state == State::Open);
        if let Some(calling) = calling {
            if let Some((target, callee, length)) = exports.call_cache.find(calling.bytes, calling.form) {
                let target = target.clone();
                reader.advance(calling.start + length);
                if let Callee::Attribute(member) = callee {
                    return Ok(self.event(id, target, Op::GetAttr(Name::Member(member))));
                }
                let mut args = Args::of_call(unboxer, reader);
                let (args_of_call, keywords) = (args.tuple()?, args.keywords()?);
                let op = match callee {
                    Callee::Member(member) => Op::CallAttr { name: Name::Member(member), args: args_of_call, keywords },
                    Callee::Object | Callee::Attribute(_) => Op::Call { args: args_of_call, keywords },
                };
                return match args.close()? {
                    None => Ok(self.event(id, target, op)),
                    fault => Ok(self.answer(&id, fault, None)),
                };
            }
        }
        let handler = match read_handler(&mut unboxer, reader, limited)? {
            Some(Handler::Close) => return Ok(Some(self.closed_by_peer())),
            Some(handler) => handler,
            None => {
                let fault = unboxer.fault.take();
                return Ok(self.answer(&id, fault, None));
            }
        };
        let mut args = Args::new(unboxer, reader);
        let asked = args.asked(handler, self.root.as_ref(), config.allow_pickle)?;
        let callee = calling.zip(args.after_callee).map(|(calling, left)| calling.callee(left));
        match (args.close()?, asked) {
            (None, Asked::Of(Some(target), Some(wanted))) => self.resolve(id, target, wanted, callee),
            (None, Asked::Release(Some(object), count)) => {
                self.release(&object, count);
                Ok(self.answer(&id, None, Some(Value::None)))
            }
            (None, Asked::Echo(Some(data))) => {
                let answer = self.answer_ping(data);
                Ok(self.answer(&id, None, Some(answer)))
            }
            (None, Asked::Answer(answer)) => Ok(self.answer(&id, None, answer)),
            (fault, _) => Ok(self.answer(&id, fault, None)),
        }
    }

    fn answer(&mut self, id: &RequestId, fault: Option<Exception>, answer: Option<Value>) -> Option<Event<T>> {
        match (fault, answer) {
            (None, Some(value)) => self.reply_at_once(id, &value),
            (Some(fault), _) => self.raise_at_once(id, &fault),
            (None, None) => self.raise_at_once(id, &Exception::builtin("TypeError", "malformed request")),
        }
        None
    }

    /// Applies the attribute rules and makes the request for the application.
    fn resolve(
        &mut self,
        id: RequestId,
        target: Arc<dyn Local>,
        wanted: Wanted<'_>,
        callee: Option<&[u8]>,
    ) -> Result<Option<Event<T>>> {
        if self.state != State::Open {
            self.raise_at_once(&id, &Exception::builtin("EOFError", "connection closed"));
            return Ok(None);
        }
        let op = match wanted {
            Wanted::Op(op) => op,
            Wanted::Access(name, kind) => {
                let access = Access { name: name.into_owned(), kind, known: Default::default() };
                match self.access(&target, access) {
                    Ok(op) => op,
                    Err(refusal) => {
                        self.raise_at_once(&id, &refusal);
                        return Ok(None);
                    }
                }
            }
            Wanted::Compare(name, other) => match self.comparison(&target, &name, other) {
                Ok(op) => op,
                Err(refusal) => {
                    self.raise_at_once(&id, &refusal);
                    return Ok(None);
                }
            },
            Wanted::Slicing { attempt, fallback, start, stop, args } => {
                let attempt = self.method_name(&target, &attempt);
                let fallback = self.method_name(&target, &fallback);
                Op::OldSlicing(Box::new(Slicing { attempt, fallback, start, stop, args }))
            }
        };
        match (callee, &op) {
            (Some(bytes), Op::CallAttr { name: Name::Member(member), .. }) => {
                self.exports.call_cache.add(bytes, &target, Callee::Member(*member));
            }
            (Some(bytes), Op::GetAttr(Name::Member(member))) => {
                self.exports.call_cache.add(bytes, &target, Callee::Attribute(*member));
            }
            (Some(bytes), Op::Call { .. }) => self.exports.call_cache.add(bytes, &target, Callee::Object),
            _ => {}
        }
        Ok(self.event(id, target, op))
    }

    /// Makes the event, unless too many requests are being served.
    #[inline]
    fn event(&mut self, id: RequestId, target: Arc<dyn Local>, op: Op) -> Option<Event<T>> {
        if self.serving >= self.config.limits.serving {
            let text = format!(
                "maximum recursion depth exceeded: {} requests are being served (option max_serving)",
                self.serving
            );
            self.raise_at_once(&id, &Exception::builtin("RecursionError", text));
            return None;
        }
        self.serving += 1;
        Some(Event::Request(Request { id, target, op }))
    }

    fn access(&self, target: &Arc<dyn Local>, access: Access) -> Result<Op, Exception> {
        let permission = match &access.kind {
            AccessKind::Get | AccessKind::Call { .. } => Permission::Get,
            AccessKind::Set(_) => Permission::Set,
            AccessKind::Del => Permission::Del,
        };
        match policy::resolve(target.shape(), &self.config, &access.name, permission, access.known) {
            Decision::Refuse(exception) | Decision::Missing(exception) => Err(exception),
            Decision::Ask(question, name) => Ok(Op::Exists { question, name, access: Box::new(access) }),
            Decision::Use(name) => Ok(match access.kind {
                AccessKind::Get => Op::GetAttr(name),
                AccessKind::Set(value) => Op::SetAttr(name, value),
                AccessKind::Del => Op::DelAttr(name),
                AccessKind::Call { args, keywords } => Op::CallAttr { name, args, keywords },
            }),
        }
    }

    /// Operators are a closed set that every type has. The rules for reading attributes apply to them.
    fn comparison(&self, target: &Arc<dyn Local>, name: &[u8], other: Value) -> Result<Op, Exception> {
        let op = CompareOp::ALL.into_iter().find(|op| op.name().as_bytes() == name);
        let allowed = policy::resolve_by_rules(target.shape(), &self.config, name);
        match (op, allowed) {
            (_, Decision::Refuse(exception)) => Err(exception),
            (Some(op), _) => Ok(Op::Compare { op, other }),
            (None, _) => {
                let name = Value::Str(Text::new(&String::from_utf8_lossy(name)));
                let text = format!("type object '{}' has no attribute {}", target.shape().class_name(), name.repr());
                Err(policy::no_attribute(text, name))
            }
        }
    }

    /// Resolves a method without looking it up: the plain name if the rules allow it, otherwise the exposed one.
    fn method_name(&self, target: &Arc<dyn Local>, name: &[u8]) -> Result<Name, Exception> {
        let mut known = Known::default();
        let mut exposed = None;
        loop {
            match policy::resolve(target.shape(), &self.config, name, Permission::Get, known) {
                Decision::Use(name) => return Ok(name),
                Decision::Ask(question, name) => {
                    known.learn(question, false);
                    if question == Question::Plain {
                        return Ok(Name::Dynamic(name));
                    }
                    exposed = exposed.or(Some(Name::Dynamic(name)));
                }
                Decision::Refuse(exception) | Decision::Missing(exception) => return exposed.ok_or(exception),
            }
        }
    }

    /// Handles the application's answer to `Op::Exists`: returns the request to continue with, or denies it.
    pub(super) fn continue_access(
        &mut self,
        id: RequestId,
        target: Arc<dyn Local>,
        question: policy::Question,
        mut access: Access,
        exists: bool,
    ) -> Option<Request> {
        access.known.learn(question, exists);
        match self.access(&target, access) {
            Ok(op) => Some(Request { id, target, op }),
            Err(refusal) => {
                self.serving = self.serving.saturating_sub(1);
                self.raise_at_once(&id, &refusal);
                None
            }
        }
    }
}
