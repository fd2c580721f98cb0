//! Converts objects that represent numbers, strings, bytes and times, such as those of numpy, with the requests that
//! CPython's own functions make.

use super::no_wait;
use super::operations::{ask, ask_here_later};
use super::operators::{Said, failed, is_there, verdict};
use super::peer::{Conversion, home_of};
use super::plain;
use super::target::Target;
use crate::error::{Error, Result};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Mutex, lock};
use crate::value::{Ask, Home, Inquiry, Reference, Temporal, Then, Value};
use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;

/// All converted values, or the index of the first that cannot be converted, and its error.
pub type Converted = Result<Vec<Value>, (usize, Error)>;

type End = Box<dyn FnOnce(Converted) + Send>;

/// The subscript `[:]`.
static EVERYTHING: LazyLock<[Value; 1]> = LazyLock::new(|| [Value::slice(Value::None, Value::None, Value::None)]);
/// Methods of every subclass of str that bytes lacks, and the reverse.
const OF_STR: &[&str] = &["__getitem__", "casefold", "encode", "format_map", "isidentifier", "zfill"];
const OF_BYTES: &[&str] = &["__getitem__", "decode", "fromhex", "hex", "isalnum", "zfill"];

/// The state of a conversion.
enum Step {
    Done(Result<Value>),
    Ask(Asking),
}

/// A conversion that waits for a reply of its object.
struct Asking {
    object: Reference,
    target: Target,
    stage: Stage,
}

enum Stage {
    /// Calling a method, by its place among those of the target.
    Method(usize),
    /// Testing whether the method exists. It, or the test, has failed with this error.
    Exists(usize, Error),
    /// Testing for the methods of str or bytes.
    Inspect,
    /// Copying it.
    Copy,
    /// Requesting str() of a type of `datetime`.
    Text(&'static str),
    /// Testing `fold`.
    Fold(Temporal),
}

impl Step {
    fn first(value: Value, target: Target) -> Step {
        let object = match value {
            Value::Ref(object) => object,
            data => return Step::Done(target.of_data(data)),
        };
        let is_class = match &object {
            Reference::Remote(proxy) => proxy.is_class,
            Reference::Local(local) => local.instances().is_some(),
        };
        let type_name = match &object {
            Reference::Remote(proxy) => &*proxy.type_name,
            Reference::Local(local) => local.shape().type_name.as_str(),
        };
        if let (Some(name), false) = (plain::time_of(type_name).filter(|name| target.takes_time(name)), is_class) {
            return Step::Ask(Asking { object, target, stage: Stage::Text(name) });
        }
        match (target, is_class) {
            (Target::Bool, true) => Step::Done(Ok(Value::Bool(true))),
            (_, true) => Step::Done(Err(target.refusal("type"))),
            (Target::Date | Target::Time | Target::DateTime | Target::Delta, _) => {
                Step::Done(Err(target.refusal(type_name)))
            }
            (Target::Str | Target::Bytes, _) => Step::Ask(Asking { object, target, stage: Stage::Inspect }),
            _ => Step::Ask(Asking { object, target, stage: Stage::Method(0) }),
        }
    }
}

impl Asking {
    fn ask(&self) -> Ask<'static> {
        let method = |place: usize| self.target.methods().get(place).copied().unwrap_or_default();
        match self.stage {
            Stage::Method(place) => Ask::CallAttr { name: method(place), args: &[], keywords: &[] },
            Stage::Exists(place, _) => Ask::GetAttr(method(place)),
            Stage::Inspect => Ask::Inspect,
            Stage::Text(_) => Ask::Str,
            Stage::Fold(_) => Ask::Repr,
            Stage::Copy => Ask::CallAttr { name: "__getitem__", args: &*EVERYTHING, keywords: &[] },
        }
    }

    fn refused(&self) -> Step {
        let type_name = match &self.object {
            Reference::Remote(proxy) => &*proxy.type_name,
            Reference::Local(local) => local.shape().class_name(),
        };
        Step::Done(Err(self.target.refusal(type_name)))
    }

    fn answered(self, answer: Result<Value>) -> Step {
        match &self.stage {
            Stage::Method(place) => {
                let place = *place;
                self.called(place, answer)
            }
            Stage::Exists(place, _) if !is_there(&answer) => {
                let place = *place;
                self.next_method(place)
            }
            Stage::Exists(_, error) => Step::Done(Err(error.clone())),
            Stage::Inspect => match answer {
                Ok(methods) if has_all(&methods, self.target) => Step::Ask(Asking { stage: Stage::Copy, ..self }),
                Ok(_) => self.refused(),
                Err(error) => Step::Done(Err(error)),
            },
            Stage::Text(name) => match answer {
                Ok(Value::Str(text)) => match Temporal::parse(name, text.as_str()) {
                    Some(time) if time.may_be_folded() => Step::Ask(Asking { stage: Stage::Fold(time), ..self }),
                    Some(time) => Step::Done(Ok(Value::Temporal(time))),
                    None => self.refused(),
                },
                Ok(_) => self.refused(),
                Err(error) => Step::Done(Err(error)),
            },
            Stage::Fold(time) => Step::Done(answer.map(|repr| Value::Temporal(time.folded_as(&repr)))),
            Stage::Copy => match answer {
                Ok(copy) if self.target.is(&copy) => Step::Done(Ok(copy)),
                Ok(_) => self.refused(),
                Err(error) => Step::Done(Err(error)),
            },
        }
    }

    fn called(self, place: usize, answer: Result<Value>) -> Step {
        let name = self.target.methods().get(place).copied().unwrap_or_default();
        let said = match (self.target, answer) {
            (Target::Bool, answer) => verdict(name, answer).map(Value::Bool),
            (_, Err(error)) => failed(name, error),
            (Target::Float, Ok(number @ Value::Float(_))) if name == "__float__" => Said::Yes(Ok(number)),
            (_, Ok(number @ (Value::Int(_) | Value::BigInt(_) | Value::Bool(_)))) if name == "__index__" => {
                Said::Yes(self.target.of_data(number))
            }
            (_, Ok(other)) => {
                let wanted = if name == "__float__" { "float" } else { "int" };
                Said::Yes(Err(Error::Type(format!("{name} returned non-{wanted} (type {})", other.type_name()))))
            }
        };
        match said {
            Said::Yes(result) => Step::Done(result),
            Said::Missing => self.next_method(place),
            Said::Unsure(error) => Step::Ask(Asking { stage: Stage::Exists(place, error), ..self }),
        }
    }

    fn next_method(self, place: usize) -> Step {
        match self.target {
            target if place + 1 < target.methods().len() => {
                Step::Ask(Asking { stage: Stage::Method(place + 1), ..self })
            }
            Target::Bool => Step::Done(Ok(Value::Bool(true))),
            _ => self.refused(),
        }
    }
}

/// Returns whether the reply to INSPECT contains all methods by which the type is recognised.
fn has_all(methods: &Value, target: Target) -> bool {
    let (Value::Tuple(methods) | Value::List(methods)) = methods else { return false };
    let has = |wanted: &&str| {
        methods.iter().any(|method| match method {
            Value::Tuple(pair) => {
                matches!(pair.first(), Some(Value::Str(name)) if name.as_bytes() == wanted.as_bytes())
            }
            _ => false,
        })
    };
    match target {
        Target::Str => OF_STR.iter().all(has),
        _ => OF_BYTES.iter().all(has),
    }
}

/// Several conversions in progress.
struct Batch {
    timeout: Option<Duration>,
    /// None: the reply is pending.
    results: Mutex<Vec<Option<Result<Value>>>>,
    /// Number of unfinished conversions, plus one while the first requests are sent.
    left: AtomicUsize,
    then: Mutex<Option<End>>,
}

/// Converts values without waiting. `then` gets them in the thread of the last reply, or at once. The first requests to
/// the objects of one peer are one burst. Replies after `timeout` are dropped.
pub fn convert_then(
    values: Vec<(Value, Target)>,
    timeout: Option<Duration>,
    then: impl FnOnce(Converted) + Send + 'static,
) -> Weak<dyn Conversion> {
    let mut results = Vec::with_capacity(values.len());
    let mut asking = Vec::new();
    for (at, (value, target)) in values.into_iter().enumerate() {
        results.push(match Step::first(value, target) {
            Step::Done(Err(error)) => {
                then(Err((at, error)));
                return Weak::<Batch>::new();
            }
            Step::Done(done) => Some(done),
            Step::Ask(ask) => {
                asking.push((at, ask));
                None
            }
        });
    }
    let batch = Arc::new(Batch {
        timeout,
        results: Mutex::new(results),
        left: AtomicUsize::new(asking.len() + 1),
        then: Mutex::new(Some(Box::new(then))),
    });
    let weak: Weak<Batch> = Arc::downgrade(&batch);
    let conversion: Weak<dyn Conversion> = weak;
    batch.ask(asking);
    batch.done();
    conversion
}

/// The same for a thread that waits for each reply.
pub(super) fn convert_here(values: Vec<(Value, Target)>) -> Converted {
    let convert = |(at, (value, target))| {
        let mut step = Step::first(value, target);
        loop {
            match step {
                Step::Done(result) => return result.map_err(|error| (at, error)),
                Step::Ask(asking) => {
                    let answer = ask(&asking.object, asking.ask());
                    step = asking.answered(answer);
                }
            }
        }
    };
    values.into_iter().enumerate().map(convert).collect()
}

impl Batch {
    fn ask(self: &Arc<Self>, asking: Vec<(usize, Asking)>) {
        let mut bursts: Vec<(Arc<dyn Home>, Vec<Inquiry<'static>>)> = Vec::new();
        let mut last = None;
        for (at, one) in asking {
            let ask = one.ask();
            match one.object.clone() {
                Reference::Local(target) => {
                    let promise = ask_here_later(&target, ask, self.timeout, |answer| answer);
                    let then = self.then(at, one);
                    promise.add_callback(Box::new(move |promise| {
                        let gone = || Err(Error::State("the reply was dropped".into()));
                        then(no_wait::as_status(promise.outcome().unwrap_or_else(gone)));
                    }));
                }
                Reference::Remote(object) => {
                    let home = Arc::as_ptr(object.home());
                    if last != Some(home) {
                        match home_of(&object) {
                            Ok(owner) => bursts.push((owner, Vec::new())),
                            Err(error) => {
                                self.put(at, Step::Done(Err(error)));
                                continue;
                            }
                        }
                        last = Some(home);
                    }
                    if let Some((_, inquiries)) = bursts.last_mut() {
                        inquiries.push(Inquiry { object, ask, then: self.then(at, one) });
                    }
                }
            }
        }
        for (home, inquiries) in bursts {
            home.ask_burst(inquiries, self.timeout);
        }
    }

    fn then(self: &Arc<Self>, at: usize, asking: Asking) -> Then {
        let batch = self.clone();
        Box::new(move |answer| batch.put(at, asking.answered(answer)))
    }

    fn put(self: &Arc<Self>, at: usize, step: Step) {
        match step {
            Step::Ask(next) => self.ask(vec![(at, next)]),
            Step::Done(result) => {
                if let Some(slot) = lock(&self.results).get_mut(at) {
                    *slot = Some(result);
                }
                self.done();
            }
        }
    }

    fn done(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.end(|| Error::State("the reply was dropped".into()));
        }
    }

    fn end(&self, missing: impl Fn() -> Error) {
        let Some(then) = lock(&self.then).take() else { return };
        let results = std::mem::take(&mut *lock(&self.results));
        let results = results.into_iter().map(|result| result.unwrap_or_else(|| Err(missing())));
        then(results.enumerate().map(|(at, result)| result.map_err(|error| (at, error))).collect());
    }
}

impl Conversion for Batch {
    fn expire(&self) {
        self.end(|| Error::Timeout("the object was not converted in time".into()));
    }
}
