//! Methods of Python's own types: their parameters, and CPython's messages for wrong arguments.

use super::super::call::Call;
use super::super::class::{Class, Definition, Member, MemberKind, Method, Object};
use super::super::convert::convert_here;
use super::super::job::downcast;
use super::super::peer::Outcome;
use super::super::target::Target;
use super::compare::counted;
use super::growth;
use crate::error::{Error, Exception};
use crate::value::{CompareOp, Reference, Text, Value};
use std::sync::Arc;

/// The number of positional arguments of a method, and which message of CPython is used for a wrong number.
#[derive(Clone, Copy)]
pub(super) enum Takes {
    /// None: "list.clear() takes no arguments (1 given)".
    Nothing,
    /// One: "list.append() takes exactly one argument (2 given)".
    One,
    /// A fixed number: "expected 1 argument, got 0".
    Operator(usize),
    /// A range: "pop expected at most 1 argument, got 2".
    Between(usize, usize),
    /// The method itself checks arguments and keywords.
    Anything,
}

/// A method of a class whose objects have a state of type `S`.
pub(super) fn method<S: 'static>(
    owner: &'static str,
    name: &'static str,
    takes: Takes,
    run: impl Fn(&S, &Call) -> Outcome + Send + Sync + 'static,
) -> Member {
    let run: Method = Arc::new(move |mut call: Call| {
        growth::operation(|| {
            let outcome = check(owner, name, takes, &call).and_then(|()| run(state(call.object())?, &call));
            let _ = call.finish(outcome);
        });
    });
    let kind = MemberKind::Method { run, signature: None, quick: false };
    Member { name: name.into(), doc: None, kind }
}

pub(super) fn property<S: 'static>(name: &'static str, read: fn(&S) -> Outcome) -> Member {
    let get: Method = Arc::new(move |mut call: Call| {
        let outcome = state(call.object()).and_then(read);
        let _ = call.finish(outcome);
    });
    Member { name: name.into(), doc: None, kind: MemberKind::Property { get: Some(get), set: None, del: None } }
}

/// One function implements the six comparisons.
pub(super) fn comparison<S: 'static>(op: CompareOp, run: fn(CompareOp, &S, &Call) -> Outcome) -> Member {
    let run: Method = Arc::new(move |mut call: Call| {
        growth::operation(|| {
            let outcome = check("", op.name(), Takes::Operator(1), &call)
                .and_then(|()| counted(|| run(op, state(call.object())?, &call)));
            let _ = call.finish(outcome);
        });
    });
    let kind = MemberKind::Method { run, signature: None, quick: false };
    Member { name: op.name().into(), doc: None, kind }
}

fn state<S: 'static>(object: &Object) -> Result<&S, Exception> {
    object.state().downcast_ref().ok_or_else(|| type_error("the object has no such state"))
}

pub(super) fn class(module: &str, name: &str, doc: &str, members: Vec<Member>) -> Arc<Class> {
    let doc = (!doc.is_empty()).then(|| Text::new(doc));
    Class::plain(Definition { module: module.into(), name: name.into(), doc, members, ..Definition::default() })
}

pub(super) fn check(owner: &str, name: &str, takes: Takes, call: &Call) -> Result<(), Exception> {
    let given = call.args().len();
    let full = || match takes {
        Takes::Operator(_) => format!("wrapper {name}"),
        // CPython's older argument parser names no class.
        Takes::Between(_, usize::MAX) => name.to_owned(),
        _ if owner.is_empty() => name.to_owned(),
        _ => format!("{owner}.{name}"),
    };
    if let Takes::Anything = takes {
        return Ok(());
    }
    if !call.keywords().is_empty() {
        return Err(type_error(format!("{}() takes no keyword arguments", full())));
    }
    let arguments = |n: usize| if n == 1 { "argument" } else { "arguments" };
    Err(type_error(match takes {
        Takes::Nothing if given > 0 => format!("{}() takes no arguments ({given} given)", full()),
        Takes::One if given != 1 => format!("{}() takes exactly one argument ({given} given)", full()),
        Takes::Operator(wanted) if given != wanted => {
            format!("expected {wanted} {}, got {given}", arguments(wanted))
        }
        Takes::Between(least, most) if least == most && given != least => {
            format!("{name} expected {least} {}, got {given}", arguments(least))
        }
        Takes::Between(least, _) if given < least => {
            format!("{name} expected at least {least} {}, got {given}", arguments(least))
        }
        Takes::Between(_, most) if given > most => {
            format!("{name} expected at most {most} {}, got {given}", arguments(most))
        }
        _ => return Ok(()),
    }))
}

pub(super) fn type_error(text: impl AsRef<str>) -> Exception {
    Exception::builtin("TypeError", text)
}

pub(super) fn value_error(text: impl AsRef<str>) -> Exception {
    Exception::builtin("ValueError", text)
}

pub(super) fn arg(call: &Call, index: usize) -> Value {
    call.args().get(index).cloned().unwrap_or_default()
}

/// Returns the called object as a value.
pub(super) fn this(call: &Call) -> Value {
    Value::Ref(Reference::Local(call.object().clone()))
}

pub(super) fn object(object: Arc<Object>) -> Value {
    Value::Ref(Reference::Local(object))
}

/// Returns a local object whose state is an `S`.
pub(super) fn as_object<S: 'static>(value: &Value) -> Option<Arc<Object>> {
    let Value::Ref(Reference::Local(local)) = value else { return None };
    downcast::<Object>(local).filter(|object| object.state().is::<S>())
}

/// Returns the type's name as in Python's messages.
pub(super) fn type_name(value: &Value) -> &str {
    match value {
        Value::Ref(Reference::Local(object)) => object.shape().class_name(),
        other => other.type_name(),
    }
}

/// Returns the result of an object's `__index__`, otherwise the value itself. No lock is held: it may be a request.
pub(super) fn indexed(value: &Value) -> Result<Value, Exception> {
    if !matches!(value, Value::Ref(_)) {
        return Ok(value.clone());
    }
    match convert_here(vec![(value.clone(), Target::Int)]) {
        Ok(mut number) => Ok(number.pop().unwrap_or_default()),
        Err((_, Error::Type(text))) if text.starts_with("__index__ ") => Err(type_error(text)),
        Err((_, Error::Type(_))) => Ok(value.clone()),
        Err((_, error)) => Err(error.into()),
    }
}

/// Converts an argument for which CPython has an int of C. `kind` is the type's name there.
pub(super) fn as_number_of_c<T: TryFrom<i64>>(value: &Value, kind: &str) -> Result<T, Exception> {
    let too_large = || Exception::builtin("OverflowError", format!("Python int too large to convert to C {kind}"));
    match indexed(value)? {
        Value::BigInt(_) => Err(too_large()),
        other => match other.to_i64() {
            Some(number) => T::try_from(number).map_err(|_| too_large()),
            None => Err(type_error(format!("'{}' object cannot be interpreted as an integer", type_name(value)))),
        },
    }
}

pub(super) fn as_index(value: &Value) -> Result<i64, Exception> {
    match indexed(value)? {
        Value::BigInt(_) => {
            let text = format!("cannot fit '{}' into an index-sized integer", type_name(value));
            Err(Exception::builtin("IndexError", text))
        }
        other => other
            .to_i64()
            .ok_or_else(|| type_error(format!("'{}' object cannot be interpreted as an integer", type_name(value)))),
    }
}

/// Returns the plain data of a value or of a local object.
pub(super) fn data(value: &Value) -> Option<Value> {
    match value {
        Value::Ref(Reference::Local(local)) => local.as_any().downcast_ref::<Object>()?.data(),
        Value::Ref(Reference::Remote(_)) => None,
        other => Some(other.clone()),
    }
}
