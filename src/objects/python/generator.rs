//! Generators: `builtins.generator`, whose items application code produces.

use super::super::call::{Answer, Call};
use super::super::class::{Class, Member, MemberKind, Method, Object};
use super::super::peer::Outcome;
use super::method::check;
use super::{Takes, arg, class, method, property, this, type_error, type_name, value_error};
use crate::error::Exception;
use crate::sync::{Mutex, lock};
use crate::value::Value;
use std::sync::{Arc, LazyLock};

/// Items that are produced on demand.
pub struct Generator {
    state: Mutex<State>,
}

enum State {
    Ready { next: Method, started: bool },
    Running,
    Finished,
}

static CLASS: LazyLock<Arc<Class>> = LazyLock::new(|| {
    let sending = |name: &'static str, takes: Takes| {
        let run: Method = Arc::new(move |call: Call| advance(call, name, takes));
        let kind = MemberKind::Method { run, signature: None, quick: false };
        Member { name: name.into(), doc: None, kind }
    };
    let members = vec![
        sending("__next__", Takes::Operator(0)),
        sending("send", Takes::One),
        method("generator", "__iter__", Takes::Operator(0), |_: &Generator, call| Ok(this(call))),
        method("generator", "close", Takes::Nothing, |generator: &Generator, _| generator.finish()),
        // As in Python, exceptions of a peer are not local exceptions.
        method("generator", "throw", Takes::Between(1, 3), |_: &Generator, call| {
            let thrown = arg(call, 0);
            let what = type_name(&thrown);
            Err(type_error(format!("exceptions must be classes or instances deriving from BaseException, not {what}")))
        }),
        property("gi_running", |generator: &Generator| Ok(Value::Bool(generator.is(|s| matches!(s, State::Running))))),
        property("gi_suspended", |generator: &Generator| {
            Ok(Value::Bool(generator.is(|s| matches!(s, State::Ready { started: true, .. }))))
        }),
        property("gi_yieldfrom", |_: &Generator| Ok(Value::None)),
        property("__name__", |_: &Generator| Ok(Value::str("generator"))),
        property("__qualname__", |_: &Generator| Ok(Value::str("generator"))),
    ];
    class("builtins", "generator", "Items that a native program makes when they are asked for.", members)
});

impl Generator {
    /// `next` returns an item or raises StopIteration. Its calls do not overlap.
    pub fn object(next: Method) -> Arc<Object> {
        let state = Mutex::new(State::Ready { next, started: false });
        CLASS.instance(Box::new(Generator { state }))
    }

    fn is(&self, what: impl FnOnce(&State) -> bool) -> bool {
        what(&lock(&self.state))
    }

    fn of(object: &Object) -> Option<&Generator> {
        object.state().downcast_ref()
    }

    /// Ends the generator and frees the application's function.
    fn finish(&self) -> Outcome {
        let mut state = lock(&self.state);
        if let State::Running = *state {
            return Err(value_error("generator already executing"));
        }
        let before = std::mem::replace(&mut *state, State::Finished);
        drop(state);
        drop(before);
        Ok(Value::None)
    }
}

fn advance(mut call: Call, name: &str, takes: Takes) {
    let object = call.object().clone();
    let Some(generator) = Generator::of(&object) else { return };
    let misused = check("generator", name, takes, &call).err();
    let mut state = lock(&generator.state);
    let sent = call.args().first().cloned().unwrap_or_default();
    let refused = match &*state {
        _ if misused.is_some() => misused,
        State::Ready { started: false, .. } if !matches!(sent, Value::None) => {
            Some(type_error("can't send non-None value to a just-started generator"))
        }
        State::Ready { .. } => None,
        State::Running => Some(value_error("generator already executing")),
        State::Finished => Some(Exception::stop_iteration()),
    };
    if let Some(exception) = refused {
        drop(state);
        let _ = call.raise(exception);
        return;
    }
    let State::Ready { next, .. } = std::mem::replace(&mut *state, State::Running) else { return };
    drop(state);
    let (again, this, origin) = (next.clone(), object.clone(), call.peer().cloned());
    let answer = Answer::then(call.due(), move |outcome: Outcome| {
        // The peer may request the next item as soon as it has this one.
        if let Some(generator) = Generator::of(&this) {
            *lock(&generator.state) = match &outcome {
                Ok(_) => State::Ready { next: again, started: true },
                Err(_) => State::Finished,
            };
        }
        let _ = call.finish(outcome);
    });
    let member = object.class().find("__next__").cloned();
    next(Call::new(answer, origin, object, member, vec![sent], Vec::new()));
}
