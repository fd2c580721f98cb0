//! Runs the requests of a peer to local objects. No lock is held here.

use super::about::About;
use super::attributes::{del_attr, exists, get_attr, missing, must_read, read_member, set_attr};
use super::bridge::Bridge;
use super::buffered;
use super::call::{Answer, Call};
use super::class::{BoundMethod, ClassObject, Function, Member, MemberKind, Method, Object};
use super::defaults::{self, Slot};
use super::job::{Job, ask, downcast, take_turn};
use super::no_wait;
use super::operations::Asker;
use super::operators::truth_then;
use super::peer::{Peer, ask_peer, outcome};
use super::plain;
use super::reflect;
use super::resumed;
use crate::codec::pickle;
use crate::config::Limits;
use crate::error::{Error, Exception};
use crate::nesting::{Level, TooDeep};
use crate::protocol::{Keywords, Name, Op, Request, Slicing};
use crate::value::{Ask, CompareOp, Local, Reference, Text, Value};
use std::sync::Arc;

/// Returns whether this calls a method that is short and never waits.
pub(crate) fn is_quick(request: &Request) -> bool {
    let quick = |member: Option<&Arc<Member>>| {
        member.is_some_and(|member| matches!(member.kind, MemberKind::Method { quick: true, .. }))
    };
    let target = request.target.as_any();
    match &request.op {
        Op::CallAttr { name: Name::Member(index), .. } => {
            quick(target.downcast_ref::<Object>().and_then(|object| object.class.member(*index)))
        }
        Op::Call { .. } => quick(
            target
                .downcast_ref::<BoundMethod>()
                .map(|method| &method.member)
                .or_else(|| target.downcast_ref::<Function>().map(|function| &function.member)),
        ),
        _ => false,
    }
}

/// Serves a request of a peer, for which a level of nesting has been entered.
///
/// Calls nest, so nothing large is on the stack between here and the code of the application: everything but calls is
/// in separate functions.
pub(crate) fn serve(peer: Arc<dyn Peer>, mut request: Request) {
    while let Op::Exists { .. } = request.op {
        match go_on(&peer, request) {
            Some(next) => request = next,
            None => return peer.flush(),
        }
    }
    let Request { id, target, op } = request;
    let job = Job { answer: Answer::Peer { peer, id }, origin: None };
    match target.as_any().is::<Object>() {
        true => perform_on_object(job, target, op),
        false => perform_entered(job, &target, op),
    }
}

/// Asks an object whether it has an attribute, and returns the request that follows.
#[inline(never)]
fn go_on(peer: &Arc<dyn Peer>, request: Request) -> Option<Request> {
    let Request { id, target, op } = request;
    let Op::Exists { question, name, access } = op else { return None };
    if let Some((object, get)) = must_read(&target) {
        let (peer, origin) = (peer.clone(), peer.clone());
        let answer = Answer::then(id.due(), move |outcome| {
            let exists = !matches!(&outcome, Err(error) if error.is_builtin("AttributeError"));
            // Kept until the lock is released, as below.
            let _kept = (target.clone(), access.values());
            match peer.answer_exists(id, target, question, access, exists) {
                Some(next) => serve(peer, next),
                None => peer.flush(),
            }
        });
        ask(Job { answer, origin: Some(origin) }, &object, None, &get, vec![Value::Str(name)]);
        return None;
    }
    let exists = exists(&target, name.as_str());
    // A rejected value may be the last reference to an object, and must not be dropped under the lock.
    let _kept = (target.clone(), access.values());
    peer.answer_exists(id, target, question, access, exists)
}

#[inline(always)]
fn perform_on_object(job: Job, target: Arc<dyn Local>, op: Op) {
    match target.into_any_arc().downcast::<Object>() {
        Ok(object) => on_object(job, object, op),
        Err(_) => job.fail("TypeError", "the object does not support this"),
    }
}

#[inline(never)]
fn perform_on_object_of(job: Job, target: &Arc<dyn Local>, op: Op) {
    perform_on_object(job, target.clone(), op);
}

/// Runs an operation of a peer whose session the application drives.
pub fn perform_apart(target: &Arc<dyn Local>, op: Op, answer: Answer) {
    let _back = no_wait::enter();
    perform(Job { answer, origin: None }, target, op);
}

/// Runs an operation, one level deeper. The names in `op` have passed the rules, or are exempt.
pub(super) fn perform(job: Job, target: &Arc<dyn Local>, op: Op) {
    match Level::enter_within() {
        Ok(_level) => perform_entered(job, target, op),
        Err(too_deep) => refuse(job, too_deep),
    }
}

#[cold]
#[inline(never)]
fn refuse(job: Job, too_deep: TooDeep) {
    job.give(Err(*too_deep.exception()));
}

fn perform_entered(job: Job, target: &Arc<dyn Local>, op: Op) {
    let any = target.as_any();
    if any.is::<Object>() {
        return perform_on_object_of(job, target, op);
    }
    if let Op::Call { args, keywords } = op {
        return call_target(job, target, args, keywords);
    }
    perform_other(job, target, op);
}

fn call_target(job: Job, target: &Arc<dyn Local>, args: Vec<Value>, keywords: Keywords) {
    let any = target.as_any();
    if let Some(method) = any.downcast_ref::<BoundMethod>() {
        return invoke(job, method.object.clone(), method.member.clone(), args, keywords);
    }
    if let Some(function) = any.downcast_ref::<Function>() {
        return invoke(job, function.object.clone(), function.member.clone(), args, keywords);
    }
    perform_other(job, target, Op::Call { args, keywords });
}

/// Runs everything but calls of methods and functions.
#[inline(never)]
fn perform_other(job: Job, target: &Arc<dyn Local>, op: Op) {
    let any = target.as_any();
    if let Some(method) = any.downcast_ref::<BoundMethod>() {
        let (object, member) = (method.object.clone(), method.member.clone());
        let text = || format!("<bound method {}.{}>", method.object.class.shape().class_name(), method.member.name);
        let same = move |other: &dyn Local| {
            other
                .as_any()
                .downcast_ref::<BoundMethod>()
                .is_some_and(|other| Arc::ptr_eq(&other.object, &object) && Arc::ptr_eq(&other.member, &member))
        };
        let about = |about| reflect::of_function(&method.member, Some(&method.object), &method.object, about, unbound);
        return on_callable(job, target, op, text, &method.member, (same, about), |job, args, keywords| {
            invoke(job, method.object.clone(), method.member.clone(), args, keywords)
        });
    }
    if let Some(function) = any.downcast_ref::<Function>() {
        let text = || format!("<function {}>", function.member.name);
        return on_callable(
            job,
            target,
            op,
            text,
            &function.member,
            (
                |_: &dyn Local| false,
                |about| reflect::of_function(&function.member, None, &function.object, about, unbound),
            ),
            |job, args, keywords| invoke(job, function.object.clone(), function.member.clone(), args, keywords),
        );
    }
    if let Some(class) = any.downcast_ref::<ClassObject>() {
        let (job, op) = match of_class(job, class, op) {
            Some(rest) => rest,
            None => return,
        };
        let text = || {
            let name = class.class.shape().type_name.as_str();
            format!("<class '{}'>", name.strip_prefix("builtins.").unwrap_or(name))
        };
        let member = Member {
            name: Text::new(class.class.shape().class_name()),
            doc: class.class.doc.clone(),
            kind: MemberKind::Constant(Value::None),
        };
        return on_callable(
            job,
            target,
            op,
            text,
            &Arc::new(member),
            (|_: &dyn Local| false, |about| reflect::of_class(class, about, unbound)),
            |job, args, keywords| construct(job, class, args, keywords),
        );
    }
    if let Some(bridge) = any.downcast_ref::<Bridge>() {
        return bridge.perform(job, op);
    }
    if resumed::run(&**target) {
        return;
    }
    job.fail("TypeError", "the object does not support this");
}

/// Handles class-level members; returns the operation if it is not one.
fn of_class(job: Job, class: &ClassObject, op: Op) -> Option<(Job, Op)> {
    let member = match &op {
        Op::GetAttr(Name::Member(index)) | Op::CallAttr { name: Name::Member(index), .. } => class.member(*index),
        _ => None,
    };
    let Some(member) = member else { return Some((job, op)) };
    let attribute = match &member.kind {
        MemberKind::Constant(value) => value.clone(),
        _ => unbound(class, member),
    };
    match op {
        Op::CallAttr { args, keywords, .. } => call_value(job, attribute, args, keywords),
        _ => job.give(Ok(attribute)),
    }
    None
}

/// A method without its object, which is the first argument.
fn unbound(class: &ClassObject, member: &Arc<Member>) -> Value {
    let (class, method, shown) = (class.class.clone(), member.clone(), member.clone());
    let run: Method = Arc::new(move |mut call: Call| {
        let object = match call.args().first() {
            Some(Value::Ref(Reference::Local(target))) => downcast::<Object>(target),
            _ => None,
        };
        let Some(object) = object.filter(|object| object.class.is_or_derives_from(&class)) else {
            let name = class.shape().class_name();
            if call.args().is_empty() {
                let name = match &method.kind {
                    MemberKind::Method { signature: Some(signature), .. } => signature.name(),
                    _ => method.name.as_str(),
                };
                let text = format!("{name}() missing 1 required positional argument: 'self'");
                return drop(call.raise(Exception::builtin("TypeError", text)));
            }
            let text = format!("{name}.{}() needs an object of '{name}' as its first argument", method.name);
            return drop(call.raise(Exception::builtin("TypeError", text)));
        };
        let (args, keywords) = (call.args().iter().skip(1).cloned().collect(), call.keywords().to_vec());
        let (origin, due) = (call.peer().cloned(), call.due());
        let answer = Answer::through(due, move |outcome| call.finish(outcome));
        invoke(Job { answer, origin }, object, method.clone(), args, keywords);
    });
    let kind = MemberKind::Method { run, signature: None, quick: false };
    let member = Member { name: member.name.clone(), doc: member.doc.clone(), kind };
    Value::Ref(Reference::Local(Function::new(member, Box::new(reflect::Unbound(shown)))))
}

fn construct(job: Job, class: &ClassObject, args: Vec<Value>, keywords: Keywords) {
    match &class.class.construct {
        Some((construct, member)) => {
            let signature = member.as_ref().and_then(|member| match &member.kind {
                MemberKind::Method { signature, .. } => signature.as_ref(),
                _ => None,
            });
            let (args, keywords) = match signature {
                None => (args, keywords),
                Some(signature) => match signature.bind(args, keywords) {
                    Ok(args) => (args, Vec::new()),
                    Err(exception) => return job.give(Err(exception)),
                },
            };
            let Job { answer, origin } = job;
            let object = class.class.instance(Box::new(()));
            let member = member.clone().or_else(|| class.class.find("__init__").cloned());
            construct(Call::new(answer, origin, object, member, args, keywords));
        }
        None => job.fail("TypeError", format!("cannot create '{}' instances", class.class.shape().type_name)),
    }
}

/// The common operations of functions, methods and classes.
fn on_callable(
    job: Job,
    target: &Arc<dyn Local>,
    op: Op,
    text: impl Fn() -> String,
    member: &Arc<Member>,
    (same, about): (impl Fn(&dyn Local) -> bool, impl Fn(About) -> Value),
    call: impl FnOnce(Job, Vec<Value>, Keywords),
) {
    let slot_of = |name: &Name| match name {
        Name::Member(index) => defaults::callable_slot(target.shape(), *index),
        _ => None,
    };
    match op {
        Op::Call { args, keywords } => call(job, args, keywords),
        Op::Repr | Op::Str => job.give(Ok(Value::from(text()))),
        Op::Hash => job.give(Ok(Value::Int(identity_hash(target)))),
        Op::Dir => job.give(Ok(target.shape().dir.clone())),
        Op::Compare { op, other } => {
            let equal =
                is_same(target, &other) || matches!(&other, Value::Ref(Reference::Local(other)) if same(&**other));
            job.give(Ok(by_identity(op, equal)));
        }
        Op::GetAttr(name) => match slot_of(&name) {
            Some(Slot::Name) => job.give(Ok(Value::Str(member.name.clone()))),
            Some(Slot::Doc) => job.give(Ok(member.doc.clone().map_or(Value::None, Value::Str))),
            Some(Slot::About(what)) => job.give(Ok(about(what))),
            // `f.__call__` is `f`.
            Some(Slot::Call) => job.give(Ok(Value::Ref(Reference::Local(target.clone())))),
            _ => job.fail("AttributeError", "the attribute of this object cannot be taken by itself"),
        },
        Op::CallAttr { name, mut args, keywords } => match slot_of(&name) {
            Some(Slot::Call) => call(job, args, keywords),
            Some(Slot::Repr | Slot::Str) => job.give(Ok(Value::from(text()))),
            Some(Slot::Format) => {
                job.give(check_format(target.shape().class_name(), &args).map(|()| Value::from(text())))
            }
            Some(Slot::Hash) => job.give(Ok(Value::Int(identity_hash(target)))),
            Some(Slot::Dir) => job.give(Ok(target.shape().dir.clone())),
            Some(Slot::Compare(op)) if args.len() == 1 => {
                let equal = args.pop().is_some_and(|other| is_same(target, &other));
                job.give(Ok(by_identity(op, equal)));
            }
            Some(Slot::About(what)) => call_value(job, about(what), args, keywords),
            _ => job.fail("TypeError", "the object does not support this"),
        },
        Op::Pickle { .. } => job.fail("TypeError", format!("cannot pickle '{}' object", target.shape().class_name())),
        Op::BuffIter { .. } => {
            let text = format!("'{}' object is not iterable", target.shape().class_name());
            job.fail("TypeError", text);
        }
        Op::SetAttr(..) | Op::DelAttr(_) => {
            job.fail("AttributeError", format!("'{}' object attributes are read-only", target.shape().class_name()))
        }
        Op::OldSlicing(_) | Op::Inspect | Op::InstanceCheck(_) | Op::Exists { .. } => {
            job.fail("TypeError", "the object does not support this")
        }
    }
}

/// A number that stays with the object and does not reveal its address.
fn identity_hash(target: &Arc<dyn Local>) -> i64 {
    use std::hash::{BuildHasher, RandomState};
    static SEED: std::sync::LazyLock<RandomState> = std::sync::LazyLock::new(RandomState::new);
    (SEED.hash_one(Arc::as_ptr(target) as *const () as usize) >> 3) as i64
}

fn is_same(target: &Arc<dyn Local>, other: &Value) -> bool {
    matches!(other, Value::Ref(other) if other.same(&Reference::Local(target.clone())))
}

fn by_identity(op: CompareOp, same: bool) -> Value {
    match (op, same) {
        (CompareOp::Eq, true) => Value::Bool(true),
        (CompareOp::Ne, true) => Value::Bool(false),
        _ => Value::NotImplemented,
    }
}

/// Calls a member of an object.
#[inline(never)]
pub(super) fn invoke(job: Job, object: Arc<Object>, member: Arc<Member>, args: Vec<Value>, keywords: Keywords) {
    invoke_inline(job, object, member, args, keywords);
}

/// The same, for most calls.
#[inline(always)]
fn invoke_inline(job: Job, object: Arc<Object>, member: Arc<Member>, args: Vec<Value>, keywords: Keywords) {
    let MemberKind::Method { run, signature, .. } = &member.kind else {
        return invoke_other(job, object, member, args, keywords);
    };
    let (args, keywords) = match signature {
        None => (args, keywords),
        Some(signature) => match signature.bind(args, keywords) {
            Ok(args) => (args, Vec::new()),
            Err(exception) => return job.give(Err(exception)),
        },
    };
    let Job { answer, origin } = job;
    let run = run.clone();
    let turn = object.turn.clone();
    take_turn(turn, &run, Call::new(answer, origin, object, Some(member), args, keywords));
}

/// Calls an object that is not a method.
#[inline(never)]
fn invoke_other(job: Job, object: Arc<Object>, member: Arc<Member>, args: Vec<Value>, keywords: Keywords) {
    match &member.kind {
        MemberKind::Method { .. } => {}
        MemberKind::Default(slot) => default_call(job, &object, *slot, args),
        MemberKind::Property { .. } | MemberKind::Constant(_) => {
            let job = job.then(move |job, outcome| match outcome {
                Ok(callee) => call_value(job, callee, args, keywords),
                Err(exception) => job.give(Err(exception)),
            });
            read_member(job, &object, &member);
        }
    }
}

/// Calls any value.
pub(super) fn call_value(job: Job, callee: Value, args: Vec<Value>, keywords: Keywords) {
    match callee {
        Value::Ref(Reference::Local(target)) => perform(job, &target, Op::Call { args, keywords }),
        Value::Ref(Reference::Remote(proxy)) => {
            job.give(outcome(ask_peer(&proxy, Ask::Call { args: &args, keywords: &keywords })))
        }
        other => job.fail("TypeError", format!("'{}' object is not callable", other.type_name())),
    }
}

#[inline(always)]
fn on_object(job: Job, object: Arc<Object>, op: Op) {
    if let Op::CallAttr { name: Name::Member(index), args, keywords } = op {
        return match object.class.member(index).cloned() {
            Some(member) => invoke_inline(job, object, member, args, keywords),
            None => missing(job, &object, ""),
        };
    }
    on_object_otherwise(job, object, op);
}

/// Runs everything but calls of members.
#[inline(never)]
fn on_object_otherwise(job: Job, object: Arc<Object>, op: Op) {
    let class = object.class.clone();
    let special = |name: &str| class.find(name).cloned();
    match op {
        Op::CallAttr { name, args, keywords } => {
            let job = job.then(move |job, outcome| match outcome {
                Ok(callee) => call_value(job, callee, args, keywords),
                Err(exception) => job.give(Err(exception)),
            });
            get_attr(job, &object, name);
        }
        Op::GetAttr(name) => get_attr(job, &object, name),
        Op::SetAttr(name, value) => set_attr(job, &object, name, value),
        Op::DelAttr(name) => del_attr(job, &object, name),
        Op::Call { args, keywords } => match special("__call__") {
            Some(member) => invoke(job, object, member, args, keywords),
            None => job.fail("TypeError", format!("'{}' object is not callable", class.shape().class_name())),
        },
        Op::Repr => text_of(job, &object, "__repr__"),
        Op::Str => text_of(job, &object, "__str__"),
        Op::Hash => {
            let job = job.map(|outcome| match outcome? {
                hash @ (Value::Int(_) | Value::BigInt(_) | Value::Bool(_)) => Ok(hash),
                _ => Err(Exception::builtin("TypeError", "__hash__ method should return an integer")),
            });
            match special("__hash__") {
                Some(member) => invoke(job, object, member, Vec::new(), Vec::new()),
                None => job.fail("TypeError", "unhashable"),
            }
        }
        Op::Dir => match special("__dir__") {
            Some(member) if !matches!(member.kind, MemberKind::Default(_)) => {
                invoke(job, object, member, Vec::new(), Vec::new())
            }
            _ => job.give(Ok(class.shape().dir.clone())),
        },
        Op::Compare { op, other } => compare(job, &object, op, other),
        Op::BuffIter { count } => buffered::buffered(job, object, count),
        Op::Pickle { protocol, numpy } => pickled(job, &object, protocol, numpy),
        Op::OldSlicing(slicing) => {
            let Slicing { attempt, fallback, start, stop, args } = *slicing;
            let stop_number = if let Value::None = stop { Value::Int(i64::MAX) } else { stop.clone() };
            let mut first = vec![Value::slice(start.clone(), stop, Value::None)];
            first.extend(args.iter().cloned());
            let mut second = vec![start, stop_number];
            second.extend(args);
            let again = object.clone();
            let job = job.then(move |job, outcome| match (outcome, fallback) {
                (Ok(value), _) => job.give(Ok(value)),
                (Err(_), Ok(name)) => on_object(job, again, Op::CallAttr { name, args: second, keywords: Vec::new() }),
                (Err(_), Err(refusal)) => job.give(Err(refusal)),
            });
            match attempt {
                Ok(name) => on_object(job, object, Op::CallAttr { name, args: first, keywords: Vec::new() }),
                Err(refusal) => job.give(Err(refusal)),
            }
        }
        Op::Inspect | Op::InstanceCheck(_) | Op::Exists { .. } => {
            job.fail("TypeError", "the object does not support this")
        }
    }
}

/// Pickles an object of plain data.
fn pickled(job: Job, object: &Arc<Object>, protocol: u8, numpy: bool) {
    let value = match object.data() {
        Some(value) => value,
        // An iterable of the application, whose items are requested.
        None if plain::is_container(object.class.shape().type_name.as_str()) => {
            Value::Ref(Reference::Local(object.clone()))
        }
        None => return job.fail("TypeError", format!("cannot pickle '{}' object", object.class.shape().class_name())),
    };
    let pickle = match (&value, job.origin()) {
        (Value::Array(array), peer) if numpy => {
            let limits = peer.map_or_else(Limits::default, |peer| peer.limits());
            pickle::write_numpy(array, limits.bytes).map_err(Error::from)
        }
        (_, Some(peer)) => peer.pickle(value, protocol),
        (_, None) => pickle::write(&value, protocol, Limits::default().bytes).map_err(Error::from),
    };
    job.give(match pickle {
        Ok(bytes) => Ok(Value::Bytes(bytes.into())),
        Err(Error::Remote(exception)) => Err(exception),
        Err(error @ Error::Type(_)) => Err(Exception::builtin("TypeError", error.to_string())),
        Err(error @ Error::Memory(_)) => Err(Exception::builtin("MemoryError", error.to_string())),
        Err(error) => Err(Exception::builtin("ValueError", error.to_string())),
    });
}

fn text_of(job: Job, object: &Arc<Object>, name: &'static str) {
    let job = job.map(move |outcome| match outcome? {
        text @ Value::Str(_) => Ok(text),
        other => {
            let text = format!("{name} returned non-string (type {})", other.type_name());
            Err(Exception::builtin("TypeError", text))
        }
    });
    match object.class.find(name) {
        Some(member) => invoke(job, object.clone(), member.clone(), Vec::new(), Vec::new()),
        None => job.fail("TypeError", "the object has no string form"),
    }
}

fn compare(job: Job, object: &Arc<Object>, op: CompareOp, other: Value) {
    let member = object.class.find(op.name()).cloned();
    match member {
        Some(member) if !matches!(member.kind, MemberKind::Default(_)) => {
            invoke(job, object.clone(), member, vec![other], Vec::new())
        }
        _ => default_compare(job, object, op, other),
    }
}

fn default_compare(job: Job, object: &Arc<Object>, op: CompareOp, other: Value) {
    let equal = object.class.find("__eq__").filter(|member| !matches!(member.kind, MemberKind::Default(_))).cloned();
    match (op, equal) {
        // As in Python, != is the negation of a class's own ==.
        (CompareOp::Ne, Some(member)) => {
            let asker = Asker { origin: job.origin(), due: job.answer.due() };
            let job = job.then(move |job, outcome| match outcome {
                Ok(Value::Bool(equal)) => job.give(Ok(Value::Bool(!equal))),
                Ok(answer) if !matches!(answer, Value::NotImplemented) => truth_then(asker, answer, move |truth| {
                    job.give(truth.map(|truth| Value::Bool(!truth)).map_err(Exception::from));
                }),
                other => job.give(other),
            });
            invoke(job, object.clone(), member, vec![other], Vec::new())
        }
        (op, _) => {
            let local: Arc<dyn Local> = object.clone();
            job.give(Ok(by_identity(op, is_same(&local, &other))))
        }
    }
}

/// `__format__` of Python's `object` supports no format specifications.
fn check_format(class_name: &str, args: &[Value]) -> Result<(), Exception> {
    let text = match args {
        [Value::Str(format)] if format.as_bytes().is_empty() => return Ok(()),
        [Value::Str(_)] => format!("unsupported format string passed to {class_name}.__format__"),
        [other] => format!("__format__() argument must be str, not {}", other.type_name()),
        many => format!("object.__format__() takes exactly one argument ({} given)", many.len()),
    };
    Err(Exception::builtin("TypeError", text))
}

/// The error for a special method that the class does not define.
fn default_call(job: Job, object: &Arc<Object>, slot: Slot, mut args: Vec<Value>) {
    let class = &object.class;
    let wants = matches!(slot, Slot::Compare(_)) as usize;
    if slot == Slot::Format {
        return match check_format(class.shape().class_name(), &args) {
            Ok(()) => text_of(job, object, "__str__"),
            Err(exception) => job.give(Err(exception)),
        };
    }
    if args.len() != wants {
        return job.fail("TypeError", format!("expected {wants} arguments, got {}", args.len()));
    }
    match slot {
        Slot::Repr => job.give(Ok(Value::str(&format!("<{} object>", class.shape().type_name)))),
        Slot::Str => text_of(job, object, "__repr__"),
        Slot::Format => text_of(job, object, "__str__"),
        Slot::Hash => {
            let own_eq = class.find("__eq__").is_some_and(|member| !matches!(member.kind, MemberKind::Default(_)));
            let local: Arc<dyn Local> = object.clone();
            match own_eq {
                true => job.fail("TypeError", format!("unhashable type: '{}'", class.shape().class_name())),
                false => job.give(Ok(Value::Int(identity_hash(&local)))),
            }
        }
        Slot::Dir => job.give(Ok(class.shape().dir.clone())),
        Slot::Compare(op) => default_compare(job, object, op, args.pop().unwrap_or_default()),
        Slot::ServiceName => {
            let name = class.service_aliases().into_iter().next().unwrap_or_default();
            job.give(Ok(Value::Str(name)))
        }
        Slot::ServiceAliases => {
            job.give(Ok(Value::Tuple(class.service_aliases().into_iter().map(Value::Str).collect())))
        }
        Slot::Doc | Slot::Name | Slot::Call | Slot::About(_) => job.fail("TypeError", "'str' object is not callable"),
    }
}
