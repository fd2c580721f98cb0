//! Reads the arguments of each handler, and determines the operation that the request asks for.

use super::super::boxing;
use super::super::request::{AccessKind, Handler, Instance, Op};
use super::args::Args;
use crate::codec::pickle;
use crate::error::{Exception, Result};
use crate::value::{Local, Reference, Value};
use std::borrow::Cow;
use std::sync::Arc;

/// The operation that a request asks for. If a part is None, there is a fault.
pub(super) enum Asked<'d> {
    /// An operation on an object.
    Of(Option<Arc<dyn Local>>, Option<Wanted<'d>>),
    /// A value that is known here.
    Answer(Option<Value>),
    /// The reply is the data of the request.
    Echo(Option<Value>),
    /// Releases references to an object.
    Release(Option<Arc<dyn Local>>, u64),
}

pub(super) enum Wanted<'d> {
    Op(Op),
    Access(Cow<'d, [u8]>, AccessKind),
    Compare(Cow<'d, [u8]>, Value),
    Slicing { attempt: Cow<'d, [u8]>, fallback: Cow<'d, [u8]>, start: Value, stop: Value, args: Vec<Value> },
}

impl<'d> Args<'_, '_, 'd> {
    /// Reads the arguments of this handler.
    pub(super) fn asked(
        &mut self,
        handler: Handler,
        root: Option<&Arc<dyn Local>>,
        allow_pickle: bool,
    ) -> Result<Asked<'d>> {
        match handler {
            Handler::GetAttr => self.access("getattr", AccessKind::Get),
            Handler::DelAttr => self.access("delattr", AccessKind::Del),
            Handler::SetAttr => self.set_attr(),
            Handler::Call => self.call(),
            Handler::CallAttr => self.call_attr(),
            Handler::Repr => self.simple("repr", Op::Repr),
            Handler::Str => self.simple("str", Op::Str),
            Handler::Hash => self.simple("hash", Op::Hash),
            Handler::Dir => self.simple("dir", Op::Dir),
            Handler::Cmp => self.compare(),
            Handler::Pickle => self.pickle(allow_pickle),
            Handler::Del => self.del(),
            Handler::Inspect => self.inspect(allow_pickle),
            Handler::BuffIter => self.buffer(),
            Handler::OldSlicing => self.slicing(),
            Handler::CtxExit => self.exit(),
            Handler::InstanceCheck => self.instance_check(),
            Handler::Ping => {
                self.open("ping", &["data"], 0)?;
                Ok(Asked::Echo(self.value()?))
            }
            Handler::GetRoot => {
                self.open("getroot", &[], 0)?;
                let root = root.map_or(Value::None, |root| Value::Ref(Reference::Local(root.clone())));
                Ok(Asked::Answer(Some(root)))
            }
            // Its arguments are not read.
            Handler::Close => Ok(Asked::Answer(None)),
        }
    }

    fn access(&mut self, handler: &str, kind: AccessKind) -> Result<Asked<'d>> {
        self.open(handler, &["obj", "name"], 0)?;
        let target = self.target()?;
        let name = self.name()?;
        if let AccessKind::Get = kind {
            self.after_callee = Some(self.reader.rest().len());
        }
        Ok(Asked::Of(target, name.map(|name| Wanted::Access(name, kind))))
    }

    fn set_attr(&mut self) -> Result<Asked<'d>> {
        self.open("setattr", &["obj", "name", "value"], 0)?;
        let target = self.target()?;
        let name = self.name()?;
        let value = self.value()?.unwrap_or_default();
        Ok(Asked::Of(target, name.map(|name| Wanted::Access(name, AccessKind::Set(value)))))
    }

    fn call(&mut self) -> Result<Asked<'d>> {
        self.open("call", &["obj", "args", "kwargs"], 1)?;
        let target = self.target()?;
        self.after_callee = Some(self.reader.rest().len());
        let op = Op::Call { args: self.tuple()?, keywords: self.keywords()? };
        Ok(Asked::Of(target, Some(Wanted::Op(op))))
    }

    fn call_attr(&mut self) -> Result<Asked<'d>> {
        self.open("callattr", &["obj", "name", "args", "kwargs"], 1)?;
        let target = self.target()?;
        let name = self.name()?;
        self.after_callee = Some(self.reader.rest().len());
        let kind = AccessKind::Call { args: self.tuple()?, keywords: self.keywords()? };
        Ok(Asked::Of(target, name.map(|name| Wanted::Access(name, kind))))
    }

    /// Reads an operation without arguments.
    fn simple(&mut self, handler: &str, op: Op) -> Result<Asked<'d>> {
        self.open(handler, &["obj"], 0)?;
        Ok(Asked::Of(self.target()?, Some(Wanted::Op(op))))
    }

    fn compare(&mut self) -> Result<Asked<'d>> {
        self.open("cmp", &["obj", "other", "op"], 1)?;
        let target = self.target()?;
        let other = self.value()?.unwrap_or_default();
        let name = if self.has_more() { self.name()? } else { Some(Cow::Borrowed(&b"__cmp__"[..])) };
        Ok(Asked::Of(target, name.map(|name| Wanted::Compare(name, other))))
    }

    fn pickle(&mut self, allowed: bool) -> Result<Asked<'d>> {
        self.open("pickle", &["obj", "proto"], 0)?;
        let target = self.target()?;
        let given = self.value()?.unwrap_or_default();
        if !allowed {
            self.unboxer.fault(Exception::builtin("ValueError", "pickling is disabled"));
        }
        match pickle_protocol(&given) {
            Ok(protocol) => {
                let numpy = protocol_of_numpy(&given);
                Ok(Asked::Of(target, Some(Wanted::Op(Op::Pickle { protocol, numpy }))))
            }
            Err(exception) => {
                self.unboxer.fault(exception);
                Ok(Asked::Answer(None))
            }
        }
    }

    fn del(&mut self) -> Result<Asked<'d>> {
        self.open("del", &["obj", "count"], 1)?;
        let object = self.target()?;
        match self.value()?.unwrap_or(Value::Int(1)) {
            Value::Int(count) => Ok(Asked::Release(object, count.max(0) as u64)),
            _ => {
                self.unboxer.fault(Exception::builtin("TypeError", "a reference count is an int"));
                Ok(Asked::Answer(None))
            }
        }
    }

    fn buffer(&mut self) -> Result<Asked<'d>> {
        self.open("buffiter", &["obj", "count"], 0)?;
        let target = self.target()?;
        let count = match self.value()? {
            Some(Value::Int(count)) if count >= 0 => usize::try_from(count).unwrap_or(0).min(1 << 20),
            // islice(object, None) returns all items.
            Some(Value::None) => usize::MAX,
            Some(Value::Bool(count)) => usize::from(count),
            Some(_) => {
                self.unboxer.fault(Exception::builtin("ValueError", OUTSIDE_ISLICE));
                return Ok(Asked::Answer(None));
            }
            None => return Ok(Asked::Answer(None)),
        };
        Ok(Asked::Of(target, Some(Wanted::Op(Op::BuffIter { count }))))
    }

    fn slicing(&mut self) -> Result<Asked<'d>> {
        self.open("oldslicing", &["obj", "attempt", "fallback", "start", "stop", "args"], 0)?;
        let target = self.target()?;
        let (attempt, fallback) = (self.name()?, self.name()?);
        let (start, stop) = (self.value()?.unwrap_or_default(), self.value()?.unwrap_or_default());
        let args = self.tuple()?;
        let wanted = match (attempt, fallback) {
            (Some(attempt), Some(fallback)) => Some(Wanted::Slicing { attempt, fallback, start, stop, args }),
            _ => None,
        };
        Ok(Asked::Of(target, wanted))
    }

    fn exit(&mut self) -> Result<Asked<'d>> {
        self.open("ctxexit", &["obj", "exc"], 0)?;
        let target = self.target()?;
        let exc = self.value()?.unwrap_or_default();
        // Neither the class nor the traceback can be sent: only "None or not" is known.
        let args = vec![exc.clone(), exc, Value::None];
        let kind = AccessKind::Call { args, keywords: Vec::new() };
        Ok(Asked::Of(target, Some(Wanted::Access(Cow::Borrowed(b"__exit__"), kind))))
    }

    fn inspect(&mut self, pickles: bool) -> Result<Asked<'d>> {
        self.open("inspect", &["id_pack"], 0)?;
        let Some(raw) = self.id_pack()? else { return Ok(Asked::Answer(None)) };
        self.unboxer.check_id_pack(raw.first().copied())?;
        Ok(match self.unboxer.find(raw)? {
            // Only its owner knows the methods of an object of another peer.
            Some(object) if object.stands_for().is_some() => {
                Asked::Of(Some(object.clone()), Some(Wanted::Op(Op::Inspect)))
            }
            object => Asked::Answer(object.map(|object| {
                let shape = object.shape();
                shape.inspect_pickled.as_ref().filter(|_| pickles).unwrap_or(&shape.inspect).clone()
            })),
        })
    }

    /// Replies correctly for every class of this side; Python does so only for those in its cache.
    fn instance_check(&mut self) -> Result<Asked<'d>> {
        self.open("instancecheck", &["obj", "other_id_pack"], 0)?;
        let class = self.target()?;
        let Some(raw) = self.id_pack()? else { return Ok(Asked::Answer(None)) };
        let Some(pack) = boxing::parse_id_pack(raw, self.unboxer.limits) else {
            self.unboxer.fault(Exception::builtin("TypeError", "an id_pack is a str and two ints"));
            return Ok(Asked::Answer(None));
        };
        let Some(class) = class else { return Ok(Asked::Answer(None)) };
        let Some(wanted) = class.instances() else {
            let text = "isinstance() arg 2 must be a type, a tuple of types, or a union";
            self.unboxer.fault(Exception::builtin("TypeError", text));
            return Ok(Asked::Answer(None));
        };
        let other = self.unboxer.exports.find(&pack);
        if class.stands_for().is_some() {
            // The class belongs to another peer, which gets the request.
            let object = other.cloned().map(Reference::given_back);
            let instance: Box<Instance> = Box::new(boxing::instance(object, raw, self.unboxer.limits)?);
            return Ok(Asked::Of(Some(class), Some(Wanted::Op(Op::InstanceCheck(instance)))));
        }
        let other = other.filter(|other| other.instances().is_none() && other.stands_for().is_none());
        Ok(Asked::Answer(Some(Value::Bool(other.is_some_and(|other| other.shape().is_or_derives_from(wanted))))))
    }
}

/// The message of `itertools.islice` for an invalid count.
const OUTSIDE_ISLICE: &str = "Stop argument for islice() must be None or an integer: 0 <= x <= sys.maxsize.";

/// Returns whether the pickle is for numpy. Only `__array__` of a proxy requests protocol -1: Python's pickler replaces
/// it by the highest number before it calls a proxy.
fn protocol_of_numpy(protocol: &Value) -> bool {
    *protocol == Value::Int(-1)
}

/// Converts as Python's `pickle.dumps`: None is the default protocol, a negative number the highest.
fn pickle_protocol(protocol: &Value) -> Result<u8, Exception> {
    match protocol {
        Value::None => Ok(pickle::DEFAULT),
        Value::Int(n) if *n < 0 => Ok(pickle::HIGHEST),
        Value::Int(n) => u8::try_from(*n)
            .ok()
            .filter(|n| *n <= pickle::HIGHEST)
            .ok_or_else(|| Exception::builtin("ValueError", format!("pickle protocol must be <= {}", pickle::HIGHEST))),
        other => {
            let text = format!("'{}' object cannot be interpreted as an integer", other.type_name());
            Err(Exception::builtin("TypeError", text))
        }
    }
}
