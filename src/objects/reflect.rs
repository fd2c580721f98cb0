//! Reflection: `__class__`, `__mro__`, `__code__` and others, for Python's `help()` and `inspect.signature()`.
//! The rules allow them only to peers that may use all attributes.

use super::about::About;
use super::class::{Class, ClassObject, Definition, Function, Member, MemberKind, Method, Object};
use super::defaults;
use super::signature::Signature;
use crate::error::Exception;
use crate::value::{Local, Reference, Text, Value};
use std::sync::{Arc, LazyLock};

fn reference(object: Arc<dyn Local>) -> Value {
    Value::Ref(Reference::Local(object))
}

fn class_value(class: &Arc<Class>) -> Value {
    reference(class.as_object())
}

fn empty_dict() -> Value {
    Value::Dict([].into())
}

/// A class that peers know as one of Python's.
fn builtin(name: &str, members: Vec<Member>) -> Arc<Class> {
    Class::plain(Definition { module: "builtins".into(), name: name.into(), members, ..Definition::default() })
}

static OBJECT: LazyLock<Arc<Class>> = LazyLock::new(|| builtin("object", Vec::new()));
static TYPE: LazyLock<Arc<Class>> = LazyLock::new(|| builtin("type", Vec::new()));
static METHOD: LazyLock<Arc<Class>> = LazyLock::new(|| builtin("method", Vec::new()));
static PROPERTY: LazyLock<Arc<Class>> = LazyLock::new(|| {
    builtin(
        "property",
        vec![described("__doc__", |object| {
            object
                .state()
                .downcast_ref::<Described>()
                .and_then(|property| property.0.clone())
                .map_or(Value::None, Value::Str)
        })],
    )
});

/// A property object, as in its class.
struct Described(Option<Text>);

/// The property object that a class has in place of the value.
pub(super) fn property_of(member: &Member) -> Member {
    let value = reference(PROPERTY.instance(Box::new(Described(member.doc.clone()))));
    Member { name: member.name.clone(), doc: member.doc.clone(), kind: MemberKind::Constant(value) }
}

fn described(name: &str, read: fn(&Object) -> Value) -> Member {
    let get: Method = Arc::new(move |mut call| {
        let value = read(call.object());
        drop(call.reply(value));
    });
    let kind = MemberKind::Property { get: Some(get), set: None, del: None };
    Member { name: Text::new(name), doc: None, kind }
}

// ---------------------------------------------------------------- objects

/// The reflection of an object.
pub(super) fn of_object(object: &Object, about: About) -> Value {
    let class = object.class().described();
    match about {
        About::Class => class_value(class),
        About::Module => module_of(class),
        _ => empty_dict(),
    }
}

fn module_of(class: &Class) -> Value {
    let name = class.shape().type_name.as_str();
    Value::str(name.rsplit_once('.').map_or("", |(module, _)| module))
}

// ---------------------------------------------------------------- classes

/// Makes an attribute of a class from one of its methods.
pub(super) type Take = fn(&ClassObject, &Arc<Member>) -> Value;

/// The reflection of a class.
pub(super) fn of_class(class: &ClassObject, about: About, unbound: Take) -> Value {
    let of = class.class();
    match about {
        About::Class => class_value(&TYPE),
        About::Module => module_of(of),
        About::QualName => Value::str(of.shape().class_name()),
        // So that a walk over bases of bases ends.
        About::Bases if Arc::ptr_eq(of, &OBJECT) => Value::tuple(Vec::new()),
        About::Bases => Value::tuple(vec![class_value(of.base().unwrap_or(&OBJECT))]),
        About::Mro => {
            let mut classes = vec![of];
            while let Some(base) = classes.last().and_then(|class| class.base()) {
                classes.push(base);
            }
            let last = (!Arc::ptr_eq(of, &OBJECT)).then_some(&*OBJECT);
            Value::tuple(classes.into_iter().chain(last).map(class_value).collect())
        }
        About::Dict => {
            let entry = |member: &Arc<Member>| {
                let value = match &member.kind {
                    MemberKind::Method { .. } => unbound(class, member),
                    MemberKind::Constant(value) => value.clone(),
                    MemberKind::Property { .. } => class.property(member.name.as_str()).unwrap_or_default(),
                    MemberKind::Default(_) => return None,
                };
                Some((Value::Str(member.name.clone()), value))
            };
            let inherited = |member: &&Arc<Member>| {
                of.base()
                    .and_then(|base| base.find(member.name.as_str()))
                    .is_some_and(|known| Arc::ptr_eq(known, member))
            };
            let own = of.members().filter(|member| !inherited(member)).filter_map(entry);
            let about = [("__module__", module_of(of)), ("__doc__", of.doc().cloned().map_or(Value::None, Value::Str))];
            Value::Dict(own.chain(about.map(|(name, value)| (Value::str(name), value))).collect())
        }
        About::SubclassCheck => subclass_check(of.clone()),
        _ => empty_dict(),
    }
}

/// A function that returns whether its argument is the class or a derived one, for `issubclass`.
fn subclass_check(of: Arc<Class>) -> Value {
    let run: Method = Arc::new(move |mut call| {
        let derives = match call.args() {
            [Value::Ref(Reference::Local(class))] => {
                class.instances().map(|instances| instances.is_or_derives_from(of.shape()))
            }
            [Value::Ref(Reference::Remote(class))] => class.is_class.then_some(false),
            _ => None,
        };
        drop(match derives {
            Some(derives) => call.reply(Value::Bool(derives)),
            None => call.raise(Exception::builtin("TypeError", "issubclass() arg 1 must be a class")),
        });
    });
    let kind = MemberKind::Method { run, signature: Signature::parse("(class)").ok(), quick: false };
    let member = Member { name: Text::new("__subclasscheck__"), doc: None, kind };
    reference(Function::new(member, Box::new(())))
}

// ---------------------------------------------------------------- functions

/// For a method read from its class: the member, whose signature lacks the object.
pub(super) struct Unbound(pub Arc<Member>);

/// The reflection of a function or bound method.
pub(super) fn of_function(
    member: &Arc<Member>,
    bound: Option<&Arc<Object>>,
    state: &Object,
    about: About,
    unbound: Take,
) -> Value {
    let taken = state.state().downcast_ref::<Unbound>();
    let member = taken.map_or(member, |taken| &taken.0);
    let takes = Takes::of(member, taken.is_some());
    match about {
        About::Class => class_value(if bound.is_some() { &METHOD } else { defaults::function_class(false) }),
        About::Module => bound.map_or(Value::str("librpyc"), |object| module_of(object.class().described())),
        About::QualName => match bound {
            Some(object) => Value::from(format!("{}.{}", object.class().shape().class_name(), member.name)),
            None => Value::Str(member.name.clone()),
        },
        About::Defaults => takes.defaults,
        About::KeywordDefaults => takes.keyword_defaults,
        About::Code => reference(CODE.instance(Box::new(takes.code))),
        About::Function => bound.map_or(Value::None, |object| unbound(&object.class().as_object(), member)),
        About::Itself => bound.map_or(Value::None, |object| reference(object.clone())),
        _ => empty_dict(),
    }
}

/// Formats a signature as Python does.
struct Takes {
    code: Code,
    defaults: Value,
    keyword_defaults: Value,
}

struct Code {
    name: Text,
    names: Vec<Value>,
    positional: usize,
    positional_only: usize,
    keyword_only: usize,
    flags: i64,
}

/// `co_flags`: optimized, new locals, and the flags for `*args` and `**kwargs`.
const PLAIN: i64 = 0x3;
const HAS_REST: i64 = 0x4;
const HAS_NAMED: i64 = 0x8;

impl Takes {
    /// A function without a signature accepts any arguments.
    fn of(member: &Member, with_self: bool) -> Takes {
        let anything = || Signature::parse("(*args, **kwargs)").ok();
        let signature = match &member.kind {
            MemberKind::Method { signature: Some(signature), .. } => Some(signature.clone()),
            _ => anything(),
        };
        let parts = signature.as_ref().map(Signature::parts).unwrap_or_default();
        let first = with_self.then(|| Value::str("self"));
        let own = usize::from(with_self);
        let name = |name: &str| Value::str(name);
        let (keyword_only, rest, named) = (&parts.keyword_only, parts.rest, parts.named);
        let names = first
            .into_iter()
            .chain(parts.positional.iter().map(|(parameter, _)| name(parameter)))
            .chain(keyword_only.iter().map(|(parameter, _)| name(parameter)))
            .chain(rest.map(name))
            .chain(named.map(name))
            .collect();
        let flags = [(rest.is_some(), HAS_REST), (named.is_some(), HAS_NAMED)];
        let defaults: Vec<Value> = parts.positional.iter().filter_map(|(_, default)| (*default).cloned()).collect();
        let of_keywords: Vec<(Value, Value)> = keyword_only
            .iter()
            .filter_map(|(parameter, default)| Some((name(parameter), (*default)?.clone())))
            .collect();
        Takes {
            code: Code {
                name: member.name.clone(),
                names,
                positional: own + parts.positional.len(),
                positional_only: if parts.positional_only > 0 { own + parts.positional_only } else { 0 },
                keyword_only: keyword_only.len(),
                flags: flags.iter().filter(|(has, _)| *has).fold(PLAIN, |flags, (_, flag)| flags | flag),
            },
            defaults: if defaults.is_empty() { Value::None } else { Value::tuple(defaults) },
            keyword_defaults: if of_keywords.is_empty() { Value::None } else { Value::Dict(of_keywords.into()) },
        }
    }
}

/// The attributes of a function's code that `inspect` reads.
static CODE: LazyLock<Arc<Class>> = LazyLock::new(|| {
    fn code(object: &Object, read: impl Fn(&Code) -> Value) -> Value {
        object.state().downcast_ref().map_or(Value::None, read)
    }
    builtin(
        "code",
        vec![
            described("co_name", |object| code(object, |code| Value::Str(code.name.clone()))),
            described("co_qualname", |object| code(object, |code| Value::Str(code.name.clone()))),
            described("co_filename", |_| Value::str("<librpyc>")),
            described("co_firstlineno", |_| Value::Int(1)),
            described("co_varnames", |object| code(object, |code| Value::tuple(code.names.clone()))),
            described("co_nlocals", |object| code(object, |code| Value::Int(code.names.len() as i64))),
            described("co_argcount", |object| code(object, |code| Value::Int(code.positional as i64))),
            described("co_posonlyargcount", |object| code(object, |code| Value::Int(code.positional_only as i64))),
            described("co_kwonlyargcount", |object| code(object, |code| Value::Int(code.keyword_only as i64))),
            described("co_flags", |object| code(object, |code| Value::Int(code.flags))),
        ],
    )
});
