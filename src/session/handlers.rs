//! Requests of the peer: taken apart, checked, answered here where no code of the host is needed.

use super::boxing::{self, Unboxer};
use super::native::open_limited;
use super::policy::{self, Decision, Known, Name, Permission, Question};
use super::recent::Callee;
use super::request::{Access, AccessKind, Handler, Instance, Keywords, Op, Request, RequestId, Slicing};
use super::vinegar::wrong_arguments;
use super::{Core, Event, State};
use crate::codec::brine::{Reader, tag};
use crate::codec::pickle;
use crate::error::{Exception, Result};
use crate::value::{CompareOp, Local, Reference, Text, Value};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// The argument tuple of a request, read one by one, whether it came as a value or as boxes.
struct Args<'u, 'r, 'd> {
    unboxer: Unboxer<'u>,
    reader: &'r mut Reader<'d>,
    boxed: bool,
    left: usize,
}

impl<'d> Args<'_, '_, 'd> {
    /// Starts to read; checks the number of arguments.
    fn open(&mut self, handler: &str, names: &[&str], optional: usize) -> Result<()> {
        match self.unboxer.label(self.reader)? {
            Some(label @ (boxing::VALUE | boxing::TUPLE)) if boxing::is_tuple(self.reader) => {
                self.boxed = label == boxing::TUPLE;
                self.left = self.reader.tuple_header()?;
                if self.left > names.len() || self.left < names.len() - optional {
                    self.unboxer.fault(wrong_arguments(handler, names, optional, self.left));
                }
            }
            Some(label @ (boxing::VALUE | boxing::TUPLE | boxing::LOCAL_REF | boxing::REMOTE_REF)) => {
                self.reader.skip()?;
                self.unboxer.fault(Exception::builtin(
                    "TypeError",
                    format!("the arguments of a request are a tuple (label {label} holds something else)"),
                ));
            }
            Some(label) => {
                self.reader.skip()?;
                self.unboxer.fault(Exception::builtin("ValueError", format!("invalid label {label}")));
            }
            None => {}
        }
        Ok(())
    }

    fn next(&mut self) -> bool {
        let some = self.left > 0;
        self.left -= some as usize;
        some
    }

    /// Label of the next argument, VALUE in a plain tuple.
    fn label(&mut self) -> Result<Option<i64>> {
        if self.boxed { self.unboxer.label(self.reader) } else { Ok(Some(boxing::VALUE)) }
    }

    fn labelled(&mut self, label: Option<i64>) -> Result<Value> {
        match label {
            None => Ok(Value::None),
            Some(label) => self.unboxer.unbox_labelled(self.reader, label),
        }
    }

    fn value(&mut self) -> Result<Option<Value>> {
        if !self.next() {
            return Ok(None);
        }
        let label = self.label()?;
        self.labelled(label).map(Some)
    }

    /// An object of ours that was lent on this connection.
    fn target(&mut self) -> Result<Option<Arc<dyn Local>>> {
        if !self.next() {
            return Ok(None);
        }
        match self.label()? {
            Some(boxing::LOCAL_REF) => self.unboxer.local_ref(self.reader),
            label => {
                self.labelled(label)?;
                self.unboxer.fault(no_target());
                Ok(None)
            }
        }
    }

    fn name(&mut self) -> Result<Option<Cow<'d, [u8]>>> {
        if !self.next() {
            return Ok(None);
        }
        let label = self.label()?;
        if label == Some(boxing::VALUE) && self.reader.peek() == Some(tag::STR) {
            return Ok(Some(Cow::Borrowed(self.reader.text()?)));
        }
        match self.labelled(label)? {
            Value::Bytes(bytes) if std::str::from_utf8(&bytes).is_ok() => Ok(Some(Cow::Owned(bytes.to_vec()))),
            Value::Bytes(bytes) => {
                self.unboxer.fault(Exception::not_utf8(&bytes));
                Ok(None)
            }
            _ => {
                self.unboxer.fault(Exception::builtin("TypeError", "name must be a string"));
                Ok(None)
            }
        }
    }

    /// A tuple of values, whatever way it is boxed.
    #[inline]
    fn tuple(&mut self) -> Result<Vec<Value>> {
        // As most are: a few values in one box.
        if let (true, true, [tag::TUPLE_2, boxing::BOXED_VALUE, tag::TUPLE_1..=tag::TUPLE_4, ..]) =
            (self.left > 0, self.boxed, self.reader.rest())
        {
            self.left -= 1;
            self.reader.advance(2);
            let n = self.reader.tuple_header()?;
            let mut items = Vec::with_capacity(n);
            for _ in 0..n {
                items.push(self.reader.value()?);
            }
            return Ok(items);
        }
        self.any_tuple()
    }

    fn any_tuple(&mut self) -> Result<Vec<Value>> {
        let label = if self.next() { self.label()? } else { return Ok(Vec::new()) };
        let mut items = Vec::new();
        match label {
            Some(label @ (boxing::VALUE | boxing::TUPLE)) if boxing::is_tuple(self.reader) => {
                let n = self.reader.tuple_header()?;
                items = Vec::with_capacity(n.min(1024));
                for _ in 0..n {
                    items.push(if label == boxing::TUPLE {
                        self.unboxer.unbox(self.reader)?
                    } else {
                        self.reader.value()?
                    });
                }
            }
            label => {
                let got = self.labelled(label)?;
                let text = format!("argument after * must be a tuple, not {}", got.type_name());
                self.unboxer.fault(Exception::builtin("TypeError", text));
            }
        }
        Ok(items)
    }

    #[inline]
    fn keywords(&mut self) -> Result<Keywords> {
        if self.left == 1 && self.boxed && self.reader.rest().starts_with(&boxing::NO_KEYWORDS) {
            self.left = 0;
            self.reader.advance(boxing::NO_KEYWORDS.len());
            return Ok(Keywords::new());
        }
        self.some_keywords()
    }

    fn some_keywords(&mut self) -> Result<Keywords> {
        let pairs = self.tuple()?;
        let mut keywords: Keywords = Vec::with_capacity(pairs.len());
        let mut many: HashMap<Text, usize> = HashMap::new();
        for pair in pairs {
            let name_and_value = match &pair {
                Value::Tuple(pair) => match &**pair {
                    [Value::Str(name), value] => Some((name.clone(), value.clone())),
                    _ => None,
                },
                _ => None,
            };
            match name_and_value {
                None => self.unboxer.fault(Exception::builtin("TypeError", "keywords are pairs of a str and a value")),
                Some((name, value)) => {
                    // The last one counts. Comparing each with all is fast only for a few.
                    let place = match keywords.len() {
                        0..FEW => keywords.iter().position(|(known, _)| *known == name),
                        n => {
                            for (index, (known, _)) in keywords.iter().enumerate().skip(many.len()) {
                                many.insert(known.clone(), index);
                            }
                            debug_assert_eq!(many.len(), n);
                            many.get(&name).copied()
                        }
                    };
                    match place.and_then(|place| keywords.get_mut(place)) {
                        Some(known) => known.1 = value,
                        None => keywords.push((name, value)),
                    }
                }
            }
        }
        Ok(keywords)
    }

    /// What was not asked for still counts its references.
    #[inline]
    fn close(mut self) -> Result<Option<Exception>> {
        while self.left > 0 {
            self.value()?;
        }
        Ok(self.unboxer.fault)
    }
}

/// So many keywords are found faster one by one.
const FEW: usize = 16;

fn no_target() -> Exception {
    Exception::builtin("TypeError", "the target of a request must be an object that was lent over this connection")
}

impl<T> Core<T> {
    /// Handles one request. Only what needs the host becomes an event.
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
        let (start, of_object, called) = match limited {
            None => {
                let of_object = reader.rest().starts_with(&boxing::OBJECT_CALL);
                (boxing::METHOD_CALL.len(), of_object, of_object || reader.rest().starts_with(&boxing::METHOD_CALL))
            }
            // What is left of it.
            Some(number) => {
                let is = |handler: Handler, call: &[u8]| number == handler as i64 && reader.rest().starts_with(call);
                let of_object = is(Handler::Call, &boxing::OBJECT_CALL[2..]);
                (
                    boxing::METHOD_CALL.len() - 2,
                    of_object,
                    of_object || is(Handler::CallAttr, &boxing::METHOD_CALL[2..]),
                )
            }
        };
        let named = reader.rest().get(start..).filter(|_| called && self.state == State::Open);
        if let Some((target, callee, length)) = named.and_then(|named| exports.recent.find(named, of_object)) {
            let target = target.clone();
            reader.advance(start + length);
            let mut args = Args { unboxer, reader, boxed: true, left: 2 };
            let (args_of_call, keywords) = (args.tuple()?, args.keywords()?);
            let op = match callee {
                Callee::Member(member) => Op::CallAttr { name: Name::Member(member), args: args_of_call, keywords },
                Callee::Object => Op::Call { args: args_of_call, keywords },
            };
            return match args.close()? {
                None => Ok(self.event(id, target, op)),
                fault => Ok(self.answer(&id, fault, None)),
            };
        }
        let mut last_named = None;
        let number = match limited {
            Some(number) => Value::Int(number),
            None if unboxer.pair(reader)? => reader.value()?,
            None => {
                let fault = unboxer.fault.take();
                return Ok(self.answer(&id, fault, None));
            }
        };
        let known = if let Value::Int(number) = number { Handler::from_number(number) } else { None };
        let Some(handler) = known else {
            unboxer.unbox(reader)?;
            unboxer.fault(Exception::with_args("builtins", "KeyError", vec![number]));
            let fault = unboxer.fault.take();
            return Ok(self.answer(&id, fault, None));
        };
        let mut args = Args { unboxer, reader, boxed: false, left: 0 };
        let mut target = None;
        let mut op = None;
        let mut answer = None;
        match handler {
            Handler::Ping => {
                args.open("ping", &["data"], 0)?;
                answer = args.value()?;
            }
            Handler::Close => return Ok(Some(self.closed_by_peer())),
            Handler::GetRoot => {
                args.open("getroot", &[], 0)?;
                answer = Some(self.root.clone().map_or(Value::None, |root| Value::Ref(Reference::Local(root))));
            }
            Handler::GetAttr | Handler::DelAttr => {
                let (text, kind) = match handler {
                    Handler::GetAttr => ("getattr", AccessKind::Get),
                    _ => ("delattr", AccessKind::Del),
                };
                args.open(text, &["obj", "name"], 0)?;
                target = args.target()?;
                op = args.name()?.map(|name| Wanted::Access(name, kind));
            }
            Handler::SetAttr => {
                args.open("setattr", &["obj", "name", "value"], 0)?;
                target = args.target()?;
                let name = args.name()?;
                let value = args.value()?.unwrap_or_default();
                op = name.map(|name| Wanted::Access(name, AccessKind::Set(value)));
            }
            Handler::Call => {
                args.open("call", &["obj", "args", "kwargs"], 1)?;
                target = args.target()?;
                last_named = named.map(|named| &named[..named.len().saturating_sub(args.reader.rest().len())]);
                op = Some(Wanted::Op(Op::Call { args: args.tuple()?, keywords: args.keywords()? }));
            }
            Handler::CallAttr => {
                args.open("callattr", &["obj", "name", "args", "kwargs"], 1)?;
                target = args.target()?;
                let name = args.name()?;
                last_named = named.map(|named| &named[..named.len().saturating_sub(args.reader.rest().len())]);
                let kind = AccessKind::Call { args: args.tuple()?, keywords: args.keywords()? };
                op = name.map(|name| Wanted::Access(name, kind));
            }
            Handler::Repr | Handler::Str | Handler::Hash | Handler::Dir => {
                let (text, simple) = match handler {
                    Handler::Repr => ("repr", Op::Repr),
                    Handler::Str => ("str", Op::Str),
                    Handler::Hash => ("hash", Op::Hash),
                    _ => ("dir", Op::Dir),
                };
                args.open(text, &["obj"], 0)?;
                target = args.target()?;
                op = Some(Wanted::Op(simple));
            }
            Handler::Cmp => {
                args.open("cmp", &["obj", "other", "op"], 1)?;
                target = args.target()?;
                let other = args.value()?.unwrap_or_default();
                let name = if args.left > 0 { args.name()? } else { Some(Cow::Borrowed(&b"__cmp__"[..])) };
                op = name.map(|name| Wanted::Compare(name, other));
            }
            Handler::Pickle => {
                args.open("pickle", &["obj", "proto"], 0)?;
                target = args.target()?;
                let protocol = args.value()?.unwrap_or_default();
                if !config.allow_pickle {
                    args.unboxer.fault(Exception::builtin("ValueError", "pickling is disabled"));
                }
                match pickle_protocol(&protocol) {
                    Ok(protocol) => op = Some(Wanted::Op(Op::Pickle { protocol })),
                    Err(exception) => args.unboxer.fault(exception),
                }
            }
            Handler::Del => {
                args.open("del", &["obj", "count"], 1)?;
                let object = args.target()?;
                let count = args.value()?.unwrap_or(Value::Int(1));
                match (object, &count) {
                    (Some(object), Value::Int(count)) => {
                        let fault = args.close()?;
                        if fault.is_none() {
                            self.release(&object, (*count).max(0) as u64);
                        }
                        return Ok(self.answer(&id, fault, Some(Value::None)));
                    }
                    (_, Value::Int(_)) => {}
                    _ => args.unboxer.fault(Exception::builtin("TypeError", "a reference count is an int")),
                }
            }
            Handler::Inspect => {
                args.open("inspect", &["id_pack"], 0)?;
                match args.inspect()? {
                    // Only its owner knows what an object of another peer can do.
                    Some(object) if object.stands_for().is_some() => {
                        (target, op) = (Some(object.clone()), Some(Wanted::Op(Op::Inspect)));
                    }
                    object => answer = object.map(|object| object.shape().inspect.clone()),
                }
            }
            Handler::BuffIter => {
                args.open("buffiter", &["obj", "count"], 0)?;
                target = args.target()?;
                match args.value()? {
                    Some(Value::Int(count)) if count < 0 => {
                        args.unboxer.fault(Exception::builtin("ValueError", OUTSIDE_ISLICE));
                    }
                    Some(Value::Int(count)) => {
                        let count = usize::try_from(count).unwrap_or(0).min(1 << 20);
                        op = Some(Wanted::Op(Op::BuffIter { count }));
                    }
                    // islice(object, None) gives all.
                    Some(Value::None) => op = Some(Wanted::Op(Op::BuffIter { count: usize::MAX })),
                    Some(Value::BigInt(_)) => args.unboxer.fault(Exception::builtin("ValueError", OUTSIDE_ISLICE)),
                    Some(Value::Bool(count)) => op = Some(Wanted::Op(Op::BuffIter { count: usize::from(count) })),
                    Some(_) => args.unboxer.fault(Exception::builtin("ValueError", OUTSIDE_ISLICE)),
                    None => {}
                }
            }
            Handler::OldSlicing => {
                args.open("oldslicing", &["obj", "attempt", "fallback", "start", "stop", "args"], 0)?;
                target = args.target()?;
                let (attempt, fallback) = (args.name()?, args.name()?);
                let (start, stop) = (args.value()?.unwrap_or_default(), args.value()?.unwrap_or_default());
                let rest = args.tuple()?;
                if let (Some(attempt), Some(fallback)) = (attempt, fallback) {
                    op = Some(Wanted::Slicing { attempt, fallback, start, stop, args: rest });
                }
            }
            Handler::CtxExit => {
                args.open("ctxexit", &["obj", "exc"], 0)?;
                target = args.target()?;
                let exc = args.value()?.unwrap_or_default();
                // Neither the class nor the traceback can travel: "None or not" is all that is known.
                let args = vec![exc.clone(), exc, Value::None];
                let kind = AccessKind::Call { args, keywords: Vec::new() };
                op = Some(Wanted::Access(Cow::Borrowed(b"__exit__"), kind));
            }
            Handler::InstanceCheck => {
                args.open("instancecheck", &["obj", "other_id_pack"], 0)?;
                match args.instance_check()? {
                    Some(Checked::Known(known)) => answer = Some(Value::Bool(known)),
                    Some(Checked::Ask(class, instance)) => {
                        (target, op) = (Some(class), Some(Wanted::Op(Op::InstanceCheck(instance))));
                    }
                    None => {}
                }
            }
        }
        let fault = args.close()?;
        if handler == Handler::Ping && fault.is_none() {
            answer = answer.map(|data| self.answer_ping(data));
        }
        match (fault, target, op) {
            (None, Some(target), Some(wanted)) => self.resolve(id, target, wanted, last_named),
            (fault, ..) => Ok(self.answer(&id, fault, answer)),
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

    /// Applies the attribute rules and makes the request ready for the host.
    fn resolve(
        &mut self,
        id: RequestId,
        target: Arc<dyn Local>,
        wanted: Wanted<'_>,
        named: Option<&[u8]>,
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
        match (named, &op) {
            (Some(named), Op::CallAttr { name: Name::Member(member), .. }) => {
                self.exports.recent.add(named, &target, Callee::Member(*member));
            }
            (Some(named), Op::Call { .. }) => self.exports.recent.add(named, &target, Callee::Object),
            _ => {}
        }
        Ok(self.event(id, target, op))
    }

    /// Gives a request to the host, unless too many are with it already.
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

    /// The operators are a closed set, which every type has, and subject to the rules for reading attributes.
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

    /// The session does not ask what the target has: the plain name is taken where the rules allow it, else the exposed one.
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

    /// The host's answer to `Op::Exists`: gives the request as it goes on, or refuses it.
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

/// What `itertools.islice` says of a count that is none.
const OUTSIDE_ISLICE: &str = "Stop argument for islice() must be None or an integer: 0 <= x <= sys.maxsize.";

/// As Python's `pickle.dumps` takes it: None is its own choice, negative the highest.
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

/// What is known of an instance check.
enum Checked {
    Known(bool),
    /// The class is another peer's.
    Ask(Arc<dyn Local>, Box<Instance>),
}

enum Wanted<'a> {
    Op(Op),
    Access(Cow<'a, [u8]>, AccessKind),
    Compare(Cow<'a, [u8]>, Value),
    Slicing { attempt: Cow<'a, [u8]>, fallback: Cow<'a, [u8]>, start: Value, stop: Value, args: Vec<Value> },
}

impl<'d> Args<'_, '_, 'd> {
    /// The next argument must be an id_pack by value; gives its bytes.
    fn id_pack(&mut self) -> Result<Option<&'d [u8]>> {
        if !self.next() {
            return Ok(None);
        }
        let label = self.label()?;
        if label != Some(boxing::VALUE) {
            self.labelled(label)?;
            self.unboxer.fault(Exception::builtin("TypeError", "an id_pack travels by value"));
            return Ok(None);
        }
        let start = self.reader.position();
        self.reader.skip()?;
        Ok(Some(self.reader.raw_from(start)))
    }

    fn inspect(&mut self) -> Result<Option<&Arc<dyn Local>>> {
        let Some(raw) = self.id_pack()? else { return Ok(None) };
        self.unboxer.check_id_pack(raw.first().copied())?;
        self.unboxer.find(raw)
    }

    /// Answers truthfully for our own classes, where Python knows only those that it has cached.
    fn instance_check(&mut self) -> Result<Option<Checked>> {
        let class = self.target()?;
        let Some(raw) = self.id_pack()? else { return Ok(None) };
        let Some(pack) = boxing::parse_id_pack(raw, self.unboxer.limits) else {
            self.unboxer.fault(Exception::builtin("TypeError", "an id_pack is a str and two ints"));
            return Ok(None);
        };
        let Some(class) = class else { return Ok(None) };
        let Some(wanted) = class.instances() else {
            let text = "isinstance() arg 2 must be a type, a tuple of types, or a union";
            self.unboxer.fault(Exception::builtin("TypeError", text));
            return Ok(None);
        };
        let other = self.unboxer.exports.find(&pack);
        if class.stands_for().is_some() {
            let object = other.cloned().map(Reference::given_back);
            let instance = boxing::instance(object, raw, self.unboxer.limits)?;
            return Ok(Some(Checked::Ask(class, Box::new(instance))));
        }
        let other = other.filter(|other| other.instances().is_none() && other.stands_for().is_none());
        Ok(Some(Checked::Known(other.is_some_and(|other| other.shape().is_or_derives_from(wanted)))))
    }
}
