//! Modules of a slave: objects whose attributes are a table, and the few that every slave has.

use super::slave::{answer, state_of};
use crate::codec::pickle;
use crate::connection::{Connection, pickled};
use crate::error::{Error, Exception};
use crate::objects::{
    Asker, Call, Class, Definition, Dynamic, Function, Member, MemberKind, Method, Object, ask_then, unpickle,
};
use crate::sync::{Mutex, lock};
use crate::value::{Ask, Bounds, Local, Reference, Text, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, OnceLock};

type Outcome = Result<Value, Exception>;

/// A module's attributes.
struct Attributes {
    name: Text,
    table: Mutex<BTreeMap<Text, Value>>,
    /// Modules that have what is not in the table, the first that has it.
    below: Vec<Arc<Object>>,
}

impl Attributes {
    fn get(&self, name: &Text) -> Option<Value> {
        let own = lock(&self.table).get(name).cloned();
        own.or_else(|| self.below().find_map(|module| module.get(name)))
    }

    fn remove(&self, name: &Text) -> Option<Value> {
        let own = lock(&self.table).remove(name);
        own.or_else(|| self.below().find_map(|module| module.remove(name)))
    }

    fn names(&self) -> BTreeSet<Text> {
        let own: Vec<Text> = lock(&self.table).keys().cloned().collect();
        self.below().flat_map(Attributes::names).chain(own).collect()
    }

    fn below(&self) -> impl Iterator<Item = &Attributes> {
        self.below.iter().filter_map(|module| attributes(module))
    }
}

fn attributes(object: &Object) -> Option<&Attributes> {
    object.state().downcast_ref::<Attributes>()
}

fn on_attributes(run: fn(&Attributes, &[Value]) -> Outcome) -> Method {
    Arc::new(move |call: Call| {
        let outcome = match attributes(call.object()) {
            Some(attributes) => run(attributes, call.args()),
            None => Ok(Value::None),
        };
        answer(call, outcome);
    })
}

fn attribute(args: &[Value]) -> Text {
    match args.first() {
        Some(Value::Str(name)) => name.clone(),
        _ => Text::default(),
    }
}

fn no_attribute(module: &Attributes, name: &Text) -> Exception {
    Exception::builtin("AttributeError", format!("module '{}' has no attribute '{name}'", module.name))
}

/// The class of a module for masters. The type of the modules themselves does not exist in Python, as with modules of
/// Python slaves whose names a master does not know.
static MODULE_TYPE: LazyLock<Arc<Class>> = LazyLock::new(|| {
    Class::new(Definition { module: "builtins".into(), name: "module".into(), ..Definition::default() })
        .unwrap_or_else(|_| Class::empty())
});

static MODULE: LazyLock<Arc<Class>> = LazyLock::new(|| {
    let dynamic = Dynamic {
        // The error of a read names the module.
        has: None,
        get: Some(on_attributes(|module, args| {
            let name = attribute(args);
            module.get(&name).ok_or_else(|| no_attribute(module, &name))
        })),
        set: Some(on_attributes(|module, args| {
            let before = lock(&module.table).insert(attribute(args), args.get(1).cloned().unwrap_or_default());
            drop(before);
            Ok(Value::None)
        })),
        del: Some(on_attributes(|module, args| {
            let name = attribute(args);
            let before = module.remove(&name);
            let missing = || Exception::builtin("AttributeError", format!("'module' object has no attribute '{name}'"));
            before.map(|_| Value::None).ok_or_else(missing)
        })),
    };
    let member = |name: &str, run: Method| Member::method(name, None, None, run).ok();
    // The names that every class already has.
    let about = |name: &str, read: fn(&Attributes, &[Value]) -> Outcome| {
        let kind = MemberKind::Property { get: Some(on_attributes(read)), set: None, del: None };
        Some(Member { name: Text::new(name), doc: None, kind })
    };
    let members = [
        about("__doc__", |module, _| Ok(module.get(&Text::new("__doc__")).unwrap_or_default())),
        // A copy: what is set is set as an attribute.
        about("__dict__", |module, _| {
            let pair = |name: Text| module.get(&name).map(|value| (Value::Str(name), value));
            Ok(Value::Dict(module.names().into_iter().filter_map(pair).collect()))
        }),
        member("__repr__", on_attributes(|module, _| Ok(Value::from(format!("<module '{}' (librpyc)>", module.name))))),
        member(
            "__dir__",
            on_attributes(|module, _| Ok(Value::Tuple(module.names().into_iter().map(Value::Str).collect()))),
        ),
    ];
    Class::new(Definition {
        name: "module".into(),
        base: Some(MODULE_TYPE.clone()),
        members: members.into_iter().flatten().collect(),
        dynamic: Some(dynamic),
        ..Definition::default()
    })
    .unwrap_or_else(|_| Class::empty())
});

/// A module with no attributes but its name and doc.
pub fn module(name: &str, doc: Option<&str>) -> Reference {
    let doc = doc.map_or(Value::None, Value::str);
    with_attributes(name, vec![("__doc__", doc)])
}

fn with_attributes(name: &str, given: Vec<(&str, Value)>) -> Reference {
    let mut table: BTreeMap<Text, Value> = given.into_iter().map(|(name, value)| (Text::new(name), value)).collect();
    table.insert("__name__".into(), Value::str(name));
    let attributes = Attributes { name: Text::new(name), table: Mutex::new(table), below: Vec::new() };
    Reference::Local(MODULE.instance(Box::new(attributes)))
}

fn as_module(reference: &Reference) -> Option<Arc<Object>> {
    match reference {
        Reference::Local(local) => {
            local.clone().into_any_arc().downcast().ok().filter(|object| attributes(object).is_some())
        }
        Reference::Remote(_) => None,
    }
}

/// A module of the application over one of the library with the same name. Attributes that masters set are stored
/// beside both, for one connection. Modules of another kind are returned unchanged.
fn extended(name: &str, given: &Reference, own: Reference) -> Reference {
    let (Some(first), Some(second)) = (as_module(given), as_module(&own)) else { return given.clone() };
    let attributes = Attributes { name: Text::new(name), table: Mutex::default(), below: vec![first, second] };
    Reference::Local(MODULE.instance(Box::new(attributes)))
}

pub(super) fn not_found(name: &str) -> Exception {
    Exception::builtin("ModuleNotFoundError", format!("No module named '{name}'"))
}

/// The exception of `pickle.loads`.
fn unpickling_error(error: Error) -> Exception {
    match error {
        Error::Unsafe(text) | Error::Malformed(text) => {
            Exception::with_args("_pickle", "UnpicklingError", vec![Value::from(text)])
        }
        other => other.into(),
    }
}

fn function(name: &str, signature: &str, run: impl Fn(&Call, &[Value]) -> Outcome + Send + Sync + 'static) -> Value {
    passing(name, signature, move |call: Call| {
        let outcome = run(&call, call.args());
        answer(call, outcome);
    })
}

/// A function that may forward its call to an object, and return the result later.
fn passing(name: &str, signature: &str, run: impl Fn(Call) + Send + Sync + 'static) -> Value {
    let run: Method = Arc::new(run);
    match Member::method(name, Some(signature), None, run) {
        Ok(member) => Value::Ref(Reference::Local(Function::new(member, Box::new(())))),
        Err(_) => Value::None,
    }
}

/// The modules that every slave has, made for one connection at their first use.
#[derive(Default)]
pub(super) struct Native {
    builtins: OnceLock<Reference>,
    sys: OnceLock<Reference>,
    util: OnceLock<Reference>,
    compat: OnceLock<Reference>,
}

impl Native {
    /// Returns the library's module of this name, extended by that of the application.
    pub(super) fn get(&self, name: &str, given: Option<&Reference>) -> Option<Reference> {
        let (place, make): (&OnceLock<Reference>, fn() -> Reference) = match name {
            "builtins" => (&self.builtins, builtins),
            "sys" => (&self.sys, sys),
            "importlib.util" => (&self.util, util),
            "rpyc.lib.compat" => (&self.compat, compat),
            _ => return None,
        };
        let module = place.get_or_init(|| match given {
            Some(given) => extended(name, given, make()),
            None => make(),
        });
        Some(module.clone())
    }
}

fn sys() -> Reference {
    let version = Value::from(format!("librpyc {}", env!("CARGO_PKG_VERSION")));
    with_attributes(
        "sys",
        vec![
            ("platform", Value::str("native")),
            ("version", version),
            ("maxsize", Value::Int(i64::MAX)),
            ("stdin", Value::None),
            ("stdout", Value::None),
            ("stderr", Value::None),
        ],
    )
}

/// The service of the connection over which a call was received.
pub fn service_of(call: &Call) -> Option<Arc<Object>> {
    Connection::of(call.peer()?)?.service()
}

/// The module that `name in conn.modules` of rpyc 6 requests.
fn util() -> Reference {
    let find = passing("_find_spec_from_path", "_find_spec_from_path(name, path=None)", |call| {
        let (Some(Value::Str(name)), Some(root)) = (call.args().first().cloned(), service_of(&call)) else {
            return answer(call, Ok(Value::None));
        };
        if state_of(&root).is_some_and(|state| state.module(name.as_str()).is_some()) {
            return answer(call, Ok(Value::Str(name)));
        }
        let asker = Asker::of(&call);
        let args = [Value::Str(name.clone())];
        let ask = Ask::CallAttr { name: "getmodule", args: &args, keywords: &[] };
        ask_then(asker, &Reference::Local(root), ask, move |module| {
            let missing =
                |exception: &Exception| matches!(exception.name.as_str(), "ImportError" | "ModuleNotFoundError");
            let found = match module {
                Ok(_) => Ok(Value::Str(name)),
                Err(Error::Remote(exception)) if missing(&exception) => Ok(Value::None),
                Err(error) => Err(error.into()),
            };
            answer(call, found);
        });
    });
    with_attributes("importlib.util", vec![("_find_spec_from_path", find)])
}

/// The module in which `rpyc.classic.deliver` looks up pickle.
fn compat() -> Reference {
    let loads = function("loads", "loads(data)", |call, args| match args.first() {
        Some(Value::Bytes(bytes)) => {
            let limits = call.peer().map(|peer| peer.limits()).unwrap_or_default();
            let bounds = Bounds { depth: limits.depth, items: limits.items, bytes: limits.bytes };
            let (graph, root) = pickle::read_graph(bytes, &limits).map_err(|error| unpickling_error(error.into()))?;
            unpickle(&graph, &root, &bounds)
        }
        _ => Err(Exception::builtin("TypeError", "a bytes-like object is required")),
    });
    let dumps = function("dumps", "dumps(obj, protocol=None)", |call, args| {
        let protocol = match args.get(1) {
            Some(Value::Int(n)) => u8::try_from(*n).unwrap_or(pickle::HIGHEST),
            _ => pickle::DEFAULT,
        };
        let limits = call.peer().map(|peer| peer.limits()).unwrap_or_default();
        let bytes = pickled(args.first().cloned().unwrap_or_default(), protocol, &limits);
        bytes.map(|bytes| Value::Bytes(bytes.into())).map_err(Exception::from)
    });
    let pickle = with_attributes("pickle", vec![("loads", loads), ("dumps", dumps)]);
    with_attributes("rpyc.lib.compat", vec![("pickle", Value::Ref(pickle))])
}

/// Sends a request to the object in the first argument, or handles plain data as Python does; `then` makes the result.
fn of_object(
    call: Call,
    what: Ask<'_>,
    plain: impl Fn(&Value) -> Option<Value>,
    then: impl FnOnce(Outcome) -> Outcome + Send + 'static,
) {
    let outcome = match call.args().first().cloned() {
        Some(Value::Ref(object)) => {
            let asker = Asker::of(&call);
            return ask_then(asker, &object, what, move |outcome| {
                answer(call, then(outcome.map_err(Exception::from)));
            });
        }
        Some(value) => plain(&value)
            .ok_or_else(|| Exception::builtin("TypeError", format!("a {} cannot do this", value.type_name()))),
        None => Err(Exception::builtin("TypeError", "an argument is missing")),
    };
    answer(call, then(outcome));
}

fn as_it_is(outcome: Outcome) -> Outcome {
    outcome
}

fn text_of(args: &[Value], index: usize) -> Result<Text, Exception> {
    match args.get(index) {
        Some(Value::Str(text)) => Ok(text.clone()),
        _ => Err(Exception::builtin("TypeError", "attribute name must be string")),
    }
}

fn class_name(value: &Value) -> String {
    match value {
        Value::Ref(Reference::Local(object)) => object.shape().class_name().to_owned(),
        Value::Ref(Reference::Remote(proxy)) => {
            proxy.type_name.rsplit_once('.').map_or(&*proxy.type_name, |(_, name)| name).to_owned()
        }
        plain => plain.type_name().to_owned(),
    }
}

fn length(value: &Value) -> Option<Value> {
    let length = match value {
        Value::Str(text) => text.as_str().chars().count(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Tuple(items) | Value::FrozenSet(items) | Value::List(items) => items.len(),
        Value::Dict(entries) => entries.len(),
        _ => return None,
    };
    Some(Value::Int(length as i64))
}

/// The few builtins that need no interpreter.
fn builtins() -> Reference {
    const LEN: Ask<'_> = Ask::CallAttr { name: "__len__", args: &[], keywords: &[] };
    let plain = |value: &Value| Some(Value::from(value.repr()));
    let text = move |value: &Value| match value {
        Value::Str(_) => Some(value.clone()),
        other => plain(other),
    };
    let len = |call: Call| {
        let type_name = call.args().first().map_or_else(String::new, class_name);
        let no_length = move || Exception::builtin("TypeError", format!("object of type '{type_name}' has no len()"));
        match call.args().first() {
            Some(Value::Ref(_)) => of_object(call, LEN, length, move |outcome| match outcome {
                Err(exception) if exception.is_builtin("AttributeError") => Err(no_length()),
                outcome => outcome,
            }),
            other => {
                let outcome = other.and_then(length).ok_or_else(no_length);
                answer(call, outcome);
            }
        }
    };
    let getattr = |call: Call| match text_of(call.args(), 1) {
        Ok(name) => {
            let default = match call.args().get(2) {
                Some(Value::Tuple(rest)) if rest.len() <= 1 => rest.first().cloned(),
                _ => return answer(call, Err(Exception::builtin("TypeError", "getattr expected at most 3 arguments"))),
            };
            let class = call.args().first().map_or_else(String::new, class_name);
            let missing = format!("'{class}' object has no attribute '{name}'");
            if !matches!(call.args().first(), Some(Value::Ref(_))) {
                return answer(call, default.ok_or_else(|| Exception::builtin("AttributeError", missing)));
            }
            of_object(
                call,
                Ask::GetAttr(name.as_str()),
                |_| None,
                |outcome| match (outcome, default) {
                    (Err(exception), Some(default)) if exception.is_builtin("AttributeError") => Ok(default),
                    (outcome, _) => outcome,
                },
            );
        }
        Err(exception) => answer(call, Err(exception)),
    };
    with_attributes(
        "builtins",
        vec![
            ("len", passing("len", "len(obj)", len)),
            ("repr", passing("repr", "repr(obj)", move |call| of_object(call, Ask::Repr, plain, as_it_is))),
            ("str", passing("str", "str(obj='')", move |call| of_object(call, Ask::Str, text, as_it_is))),
            ("dir", passing("dir", "dir(obj)", |call| of_object(call, Ask::Dir, |_| None, as_it_is))),
            ("getattr", passing("getattr", "getattr(obj, name, *default)", getattr)),
            (
                "setattr",
                passing("setattr", "setattr(obj, name, value)", |call| match text_of(call.args(), 1) {
                    Ok(name) => {
                        let value = call.args().get(2).cloned().unwrap_or_default();
                        let none = |outcome: Outcome| outcome.map(|_| Value::None);
                        of_object(call, Ask::SetAttr(name.as_str(), &value), |_| None, none);
                    }
                    Err(exception) => answer(call, Err(exception)),
                }),
            ),
            (
                "hasattr",
                passing("hasattr", "hasattr(obj, name)", |call| match text_of(call.args(), 1) {
                    Ok(name) => of_object(
                        call,
                        Ask::GetAttr(name.as_str()),
                        |_| None,
                        |outcome| match outcome {
                            Ok(_) => Ok(Value::Bool(true)),
                            Err(exception) if exception.is_builtin("AttributeError") => Ok(Value::Bool(false)),
                            Err(exception) => Err(exception),
                        },
                    ),
                    Err(exception) => answer(call, Err(exception)),
                }),
            ),
        ],
    )
}

/// The local end of a connection, for `getconn`.
pub(super) fn connection(connection: Connection) -> Result<Arc<dyn Local>, Exception> {
    let of = |run: fn(&Connection) -> Outcome| -> Method {
        Arc::new(move |call: Call| {
            let outcome = match call.object().state().downcast_ref::<Connection>() {
                Some(connection) => run(connection),
                None => Ok(Value::None),
            };
            answer(call, outcome);
        })
    };
    let property = |name: &str, get: Method| Member {
        name: Text::new(name),
        doc: None,
        kind: MemberKind::Property { get: Some(get), set: None, del: None },
    };
    let members = vec![
        property("root", of(|connection| connection.root().map(Value::Ref).map_err(Exception::from))),
        property("closed", of(|connection| Ok(Value::Bool(connection.closed())))),
        property("_last_traceback", of(|_| Ok(Value::None))),
        Member::method(
            "close",
            None,
            None,
            of(|connection| connection.close().map(|()| Value::None).map_err(Exception::from)),
        )
        .map_err(Exception::from)?,
        Member::method(
            "fileno",
            None,
            None,
            of(|connection| Ok(connection.fileno().map_or(Value::None, |fd| Value::Int(fd.into())))),
        )
        .map_err(Exception::from)?,
    ];
    let class = Class::new(Definition { name: "Connection".into(), members, ..Definition::default() })
        .map_err(Exception::from)?;
    Ok(class.instance(Box::new(connection)))
}
