//! A service that keeps, passes on and calls what it is given, and that lends objects of all kinds.

use rpyc::connection::{ask_later, obtain};
use rpyc::error::{Error, Exception};
use rpyc::objects::{
    Call, Class, Definition, Dict, File, FileMode, Function, Generator, List, Member, MemberKind, Method, Promise,
    Service, ask, contains, equal, restricted, truth,
};
use rpyc::value::{Ask, Bounds, CompareOp, Local, Reference, Value};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

/// So often the service's methods run at all, so that no input takes for ever.
const FUEL: usize = 3000;

type Outcome = Result<Value, Exception>;
/// Where something of the application is kept.
type Slot = Mutex<Vec<Value>>;

/// The application. What it keeps is known here, so that it can let go of everything; all that it made holds it.
#[derive(Default)]
pub struct World {
    kept: Slot,
    slots: Mutex<Vec<Weak<Slot>>>,
    deferred: Mutex<Vec<Call>>,
    results: Mutex<Vec<Promise>>,
    used: AtomicUsize,
    thing: Mutex<Weak<Class>>,
}

fn error(name: &str, text: &str) -> Exception {
    Exception::builtin(name, text)
}

fn outcome(result: Result<Value, Error>) -> Outcome {
    result.map_err(|error| match error {
        Error::Remote(exception) => exception,
        other => Exception::builtin("RuntimeError", other.to_string()),
    })
}

fn reference(value: Option<&Value>) -> Result<&Reference, Exception> {
    match value {
        Some(Value::Ref(object)) => Ok(object),
        _ => Err(error("TypeError", "an object is wanted")),
    }
}

fn arg(call: &Call, at: usize) -> Value {
    call.args().get(at).cloned().unwrap_or_default()
}

fn object(local: Arc<impl Local>) -> Value {
    Value::Ref(Reference::Local(local))
}

impl World {
    /// Counts a call of the application. How deep calls are nested is the library's to limit.
    fn enter(&self) -> Result<(), Exception> {
        match self.used.fetch_add(1, Ordering::Relaxed) {
            ..FUEL => Ok(()),
            _ => Err(error("RuntimeError", "the service is tired")),
        }
    }

    fn slot(&self, values: Vec<Value>) -> Arc<Slot> {
        let slot = Arc::new(Mutex::new(values));
        self.slots.lock().unwrap().push(Arc::downgrade(&slot));
        slot
    }

    /// Lets go of all that the application keeps, and answers the calls that it owes an answer.
    pub fn forget(&self) {
        let mut all = std::mem::take(&mut *self.kept.lock().unwrap());
        self.slots.lock().unwrap().retain(|slot| {
            let slot = slot.upgrade();
            all.extend(slot.iter().flat_map(|slot| std::mem::take(&mut *slot.lock().unwrap())));
            slot.is_some()
        });
        // What goes may call, and keep.
        drop(all);
        self.settle(Value::None);
        drop(std::mem::take(&mut *self.results.lock().unwrap()));
    }

    /// Answers what was deferred, the last first.
    fn settle(&self, value: Value) {
        let deferred = std::mem::take(&mut *self.deferred.lock().unwrap());
        for mut call in deferred.into_iter().rev() {
            let _ = call.reply(value.clone());
        }
    }

    fn call_each(&self, args: &[Value]) -> Outcome {
        let kept = self.kept.lock().unwrap().clone();
        let answers = kept.iter().map(|value| match value {
            Value::Ref(object) => outcome(ask(object, Ask::Call { args, keywords: &[] })).unwrap_or_default(),
            _ => Value::None,
        });
        Ok(Value::tuple(answers.collect()))
    }
}

/// What the application does, counted.
fn method(world: &Arc<World>, run: impl Fn(&Arc<World>, &Call) -> Outcome + Send + Sync + 'static) -> Method {
    let world = world.clone();
    Arc::new(move |mut call: Call| {
        let outcome = world.enter().and_then(|()| run(&world, &call));
        let _ = match outcome {
            Ok(value) => call.reply(value),
            Err(exception) => call.raise(exception),
        };
    })
}

fn named(name: &str, run: Method) -> Member {
    Member::method(name, None, None, run).expect("a method without a signature")
}

/// What librpyc's functions do with an object.
fn use_it(target: &Reference) -> Value {
    let outcomes = [
        truth(target).is_ok(),
        equal(target, &Value::Int(1)).is_ok(),
        ask(target, Ask::Repr).is_ok(),
        ask(target, Ask::Hash).is_ok(),
        ask(target, Ask::Dir).is_ok(),
        ask(target, Ask::BuffIter(3)).is_ok(),
        ask(target, Ask::Inspect).is_ok(),
        ask(target, Ask::Exit(true)).is_ok(),
        ask(target, Ask::GetAttr("inner")).is_ok(),
        contains(target, &Value::Int(2)).is_ok(),
        obtain(target, &Bounds { depth: 6, items: 60, bytes: 1 << 14 }).is_ok(),
    ];
    Value::tuple(outcomes.map(Value::Bool).to_vec())
}

/// A class whose special methods pass on what they are asked to what its object keeps.
fn thing_class(world: &Arc<World>) -> Arc<Class> {
    let mut known = world.thing.lock().unwrap();
    if let Some(class) = known.upgrade() {
        return class;
    }
    let inner = |call: &Call| {
        let slot = call.object().state().downcast_ref::<Arc<Slot>>().cloned();
        slot.and_then(|slot| slot.lock().unwrap().first().cloned()).unwrap_or_default()
    };
    let pass_on = |name: &'static str| {
        let run = method(world, move |_, call| {
            let inner = inner(call);
            let target = reference(Some(&inner))?;
            outcome(ask(target, Ask::CallAttr { name, args: call.args(), keywords: call.keywords() }))
        });
        named(name, run)
    };
    let compare = |op: CompareOp| {
        let run = method(world, move |_, call| match inner(call) {
            Value::Ref(target) => outcome(ask(&target, Ask::Compare(op, &arg(call, 0)))),
            _ => Ok(Value::NotImplemented),
        });
        named(op.name(), run)
    };
    let text = |name: &'static str| {
        named(
            name,
            method(world, move |_, call| match inner(call) {
                Value::Ref(target) => outcome(ask(&target, Ask::Repr)),
                other => Ok(Value::str(&other.repr())),
            }),
        )
    };
    let set = method(world, |_, call| {
        let slot = call.object().state().downcast_ref::<Arc<Slot>>().cloned();
        let before = slot.map(|slot| std::mem::replace(&mut *slot.lock().unwrap(), vec![arg(call, 0)]));
        drop(before);
        Ok(Value::None)
    });
    let property =
        MemberKind::Property { get: Some(method(world, move |_, call| Ok(inner(call)))), set: Some(set), del: None };
    let mut members: Vec<Member> =
        ["__call__", "__iter__", "__next__", "__len__", "__contains__", "__getitem__", "__enter__"]
            .map(pass_on)
            .into_iter()
            .chain([CompareOp::Eq, CompareOp::Lt].map(compare))
            .chain([text("__repr__")])
            .chain([named(
                "__hash__",
                method(world, move |_, call| match inner(call) {
                    Value::Ref(target) => outcome(ask(&target, Ask::Hash)),
                    _ => Ok(Value::Int(1)),
                }),
            )])
            .collect();
    members.push(Member { name: "exposed_inner".into(), doc: None, kind: property });
    members.push(Member { name: "exposed_constant".into(), doc: None, kind: MemberKind::Constant(Value::Int(3)) });
    members.push(named("__exit__", method(world, |_, _| Ok(Value::Bool(false)))));
    let made = world.clone();
    let construct: Method = Arc::new(move |mut call: Call| {
        let outcome = made.enter().map(|()| thing(&made, arg(&call, 0)));
        let _ = match outcome {
            Ok(value) => call.reply(value),
            Err(exception) => call.raise(exception),
        };
    });
    let definition = Definition { name: "Thing".into(), members, construct: Some(construct), ..Definition::default() };
    let class = Class::new(definition).expect("a class that is right");
    *known = Arc::downgrade(&class);
    class
}

fn thing(world: &Arc<World>, inner: Value) -> Value {
    let class = thing_class(world);
    object(class.instance(Box::new(world.slot(vec![inner]))))
}

/// Calls what it keeps when nobody holds it any more.
struct Guard {
    world: Arc<World>,
    slot: Arc<Slot>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let values = std::mem::take(&mut *self.slot.lock().unwrap());
        if self.world.enter().is_err() {
            return;
        }
        for value in &values {
            if let Value::Ref(target) = value {
                let _ = ask(target, Ask::Call { args: &[], keywords: &[] });
            }
        }
    }
}

fn nested(value: Value, levels: usize) -> Value {
    (0..levels).fold(value, |value, level| match level % 3 {
        0 => object(List::object(vec![value])),
        1 => Dict::object(vec![(Value::str("x"), value)]).map_or(Value::None, object),
        _ => Value::tuple(vec![value]),
    })
}

fn file() -> Outcome {
    let failed = |_| error("OSError", "no file");
    let (reader, mut writer) = std::os::unix::net::UnixStream::pair().map_err(failed)?;
    std::io::Write::write_all(&mut writer, b"some\nlines of text\n").map_err(failed)?;
    drop(writer);
    Ok(object(File::object(reader.into(), FileMode::parse("r").expect("a mode"), 9)))
}

fn containers(world: &Arc<World>) -> Vec<Member> {
    let own = |name: &str, run: fn(&Arc<World>, &Call) -> Outcome| named(name, method(world, run));
    vec![
        own("exposed_list", |_, call| Ok(object(List::object(call.args().to_vec())))),
        own("exposed_data", |_, call| Ok(Value::List(call.args().into()))),
        own("exposed_dict", |_, call| {
            let entries = call.args().iter().enumerate().map(|(at, value)| (Value::Int(at as i64), value.clone()));
            Dict::object(entries.collect()).map(object)
        }),
        own("exposed_generator", |world, call| {
            let slot = world.slot(vec![arg(call, 0)]);
            let left = AtomicUsize::new(5);
            let next = method(world, move |_, _| {
                let value = slot.lock().unwrap().first().cloned().unwrap_or_default();
                match (left.fetch_sub(1, Ordering::Relaxed), value) {
                    (0, _) => {
                        left.store(0, Ordering::Relaxed);
                        Err(Exception::stop_iteration())
                    }
                    (_, Value::Ref(target)) => outcome(ask(&target, Ask::Call { args: &[], keywords: &[] })),
                    (_, value) => Ok(value),
                }
            });
            Ok(object(Generator::object(next)))
        }),
        own("exposed_iterate", |_, call| {
            let iterable = arg(call, 0);
            let target = reference(Some(&iterable))?;
            let iterator = outcome(ask(target, Ask::CallAttr { name: "__iter__", args: &[], keywords: &[] }))?;
            let iterator = reference(Some(&iterator))?;
            for _ in 0..5 {
                outcome(ask(iterator, Ask::BuffIter(7)))?;
            }
            outcome(ask(iterator, Ask::CallAttr { name: "__next__", args: &[], keywords: &[] }))
        }),
        own("exposed_nest", |_, call| Ok(nested(arg(call, 0), 40))),
        own("exposed_file", |_, _| file()),
    ]
}

fn objects(world: &Arc<World>) -> Vec<Member> {
    let own = |name: &str, run: fn(&Arc<World>, &Call) -> Outcome| named(name, method(world, run));
    vec![
        own("exposed_thing", |world, call| Ok(thing(world, arg(call, 0)))),
        own("exposed_thing_class", |world, _| Ok(object(thing_class(world).as_object()))),
        own("exposed_restricted", |_, call| {
            let names: BTreeSet<String> = ["inner", "append", "call"].map(String::from).into();
            let value = arg(call, 0);
            Ok(Value::Ref(restricted(reference(Some(&value))?.clone(), names.clone(), names)))
        }),
        own("exposed_function", |world, call| {
            let slot = world.slot(vec![arg(call, 0)]);
            let run = method(world, move |_, call| {
                let value = slot.lock().unwrap().first().cloned().unwrap_or_default();
                let target = reference(Some(&value))?;
                outcome(ask(target, Ask::Call { args: call.args(), keywords: call.keywords() }))
            });
            Ok(object(Function::new(named("again", run), Box::new(()))))
        }),
        own("exposed_guard", |world, call| {
            let guard = Guard { world: world.clone(), slot: world.slot(vec![arg(call, 0)]) };
            Ok(object(Class::empty().instance(Box::new(guard))))
        }),
    ]
}

/// Calls that are answered later.
fn later(world: &Arc<World>) -> Vec<Member> {
    let (defer, call_later) = (world.clone(), world.clone());
    vec![
        named("exposed_defer", Arc::new(move |call: Call| defer.deferred.lock().unwrap().push(call))),
        named(
            "exposed_settle",
            method(world, |world, call| {
                world.settle(arg(call, 0));
                Ok(Value::None)
            }),
        ),
        named(
            "exposed_later",
            Arc::new(move |mut call: Call| {
                let world = &call_later;
                let target = arg(&call, 0);
                let result = world.enter().and_then(|()| {
                    let args = call.args().get(1..).unwrap_or_default();
                    let ask = Ask::Call { args, keywords: &[] };
                    ask_later(reference(Some(&target))?, ask, None)
                        .map_err(|error| Exception::builtin("RuntimeError", error.to_string()))
                });
                match result {
                    Err(exception) => drop(call.raise(exception)),
                    Ok(result) => {
                        let owed = Mutex::new(Some(call));
                        result.add_callback(Box::new(move |result| {
                            let Some(mut call) = owed.lock().unwrap().take() else { return };
                            let _ = match outcome(result.value()) {
                                Ok(value) => call.reply(value),
                                Err(exception) => call.raise(exception),
                            };
                        }));
                        let mut results = world.results.lock().unwrap();
                        results.retain(|result| !result.ready());
                        results.push(result);
                    }
                }
            }),
        ),
    ]
}

pub fn service(world: &Arc<World>) -> Arc<Class> {
    let own = |name: &str, run: fn(&Arc<World>, &Call) -> Outcome| named(name, method(world, run));
    let mut members = vec![
        own("exposed_keep", |world, call| {
            let mut kept = world.kept.lock().unwrap();
            let room = 8usize.saturating_sub(kept.len());
            kept.extend(call.args().iter().take(room).cloned());
            Ok(Value::Int(kept.len() as i64))
        }),
        own("exposed_forget", |world, _| {
            world.forget();
            Ok(Value::None)
        }),
        own("exposed_kept", |world, _| Ok(Value::tuple(world.kept.lock().unwrap().clone()))),
        own("exposed_call", |_, call| {
            let args = call.args().get(1..).unwrap_or_default();
            outcome(ask(reference(call.args().first())?, Ask::Call { args, keywords: call.keywords() }))
        }),
        own("exposed_poke", |world, call| world.call_each(call.args())),
        own("exposed_use", |_, call| Ok(use_it(reference(call.args().first())?))),
        own("exposed_compare", |_, call| {
            let (a, b) = (arg(call, 0), arg(call, 1));
            let target = reference(Some(&a))?;
            let found = contains(target, &b).is_ok_and(|found| found);
            Ok(Value::Bool(equal(target, &b).is_ok_and(|equal| equal) && found))
        }),
        own("exposed_refuse", |_, call| {
            let mut exception = Exception::with_args("builtins", "KeyError", call.args().to_vec());
            exception.attributes.push(("what".into(), arg(call, 0)));
            Err(exception)
        }),
    ];
    members.extend(containers(world));
    members.extend(objects(world));
    members.extend(later(world));
    let leaving = world.clone();
    let service = Service {
        aliases: Vec::new(),
        create: Box::new(|_| Box::new(())),
        on_connect: None,
        // Whom it calls now is gone.
        on_disconnect: Some(Box::new(move |_, _| drop(leaving.call_each(&[])))),
        shared: false,
    };
    let definition =
        Definition { name: "EverythingService".into(), members, service: Some(service), ..Definition::default() };
    Class::new(definition).expect("a class that is right")
}
