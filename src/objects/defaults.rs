//! Members that every class has, as from Python's `object`, and the classes of functions and methods.

use super::about::{About, OF_CLASSES, OF_FUNCTIONS, OF_METHODS, about};
use super::class::{Class, Definition, Member, MemberKind};
use crate::value::{CompareOp, Shape, Text, Value};
use std::sync::{Arc, LazyLock};

/// A member that the library answers itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    Doc,
    Repr,
    Str,
    Format,
    Hash,
    Dir,
    Compare(CompareOp),
    /// `__call__` of functions, methods and classes.
    Call,
    Name,
    ServiceName,
    ServiceAliases,
    /// Reflection, for peers that may use all attributes.
    About(About),
}

impl Slot {
    /// Returns whether the member is called, or read.
    pub fn is_method(self) -> bool {
        !matches!(self, Slot::Doc | Slot::Name | Slot::About(_))
    }
}

fn member(name: &str, slot: Slot) -> Arc<Member> {
    Arc::new(Member { name: Text::new(name), doc: None, kind: MemberKind::Default(slot) })
}

static MEMBERS: LazyLock<Vec<Arc<Member>>> = LazyLock::new(|| {
    let mut members = vec![
        member("__doc__", Slot::Doc),
        member("__repr__", Slot::Repr),
        member("__str__", Slot::Str),
        member("__format__", Slot::Format),
        member("__hash__", Slot::Hash),
        member("__dir__", Slot::Dir),
        member("__class__", Slot::About(About::Class)),
        member("__module__", Slot::About(About::Module)),
        member("__dict__", Slot::About(About::Dict)),
    ];
    members.extend(CompareOp::ALL.into_iter().map(|op| member(op.name(), Slot::Compare(op))));
    members
});

static SERVICE_MEMBERS: LazyLock<Vec<Arc<Member>>> = LazyLock::new(|| {
    vec![
        member("exposed_get_service_name", Slot::ServiceName),
        member("exposed_get_service_aliases", Slot::ServiceAliases),
        // For peers to which the rules allow plain names.
        member("get_service_name", Slot::ServiceName),
        member("get_service_aliases", Slot::ServiceAliases),
    ]
});

pub(super) fn members() -> impl Iterator<Item = Arc<Member>> {
    MEMBERS.iter().cloned()
}

pub(super) fn service_members() -> impl Iterator<Item = Arc<Member>> {
    SERVICE_MEMBERS.iter().cloned()
}

/// The shape of a callable: members that the library answers, reflection, and the members of a class.
fn callable(type_name: &str, own: &[&str], more: &[Arc<Member>]) -> Shape {
    let mut names: Vec<Text> = ["__call__", "__name__"].map(Text::new).to_vec();
    names.extend(MEMBERS.iter().map(|member| member.name.clone()));
    names.extend(own.iter().map(|name| Text::new(name)));
    names.extend(more.iter().map(|member| member.name.clone()));
    let mut shape = Shape::new(Text::new(type_name), Vec::new(), names);
    let listed = ["__call__", "__format__"].map(|name| Value::tuple(vec![Value::str(name), Value::None]));
    shape.inspect = Value::Tuple(listed.into());
    shape
}

/// Returns the member of an index in one of the callable shapes.
pub(super) fn callable_slot(shape: &Shape, index: u32) -> Option<Slot> {
    match index {
        0 => Some(Slot::Call),
        1 => Some(Slot::Name),
        _ => match MEMBERS.get(index as usize - 2).map(|member| &member.kind) {
            Some(MemberKind::Default(slot)) => Some(*slot),
            _ => about(shape.member_name(index)?.as_str()).map(Slot::About),
        },
    }
}

static FUNCTION: LazyLock<Arc<Shape>> = LazyLock::new(|| Arc::new(callable("builtins.function", OF_FUNCTIONS, &[])));
static METHOD: LazyLock<Arc<Shape>> = LazyLock::new(|| Arc::new(callable("builtins.method", OF_METHODS, &[])));
static FUNCTION_CLASS: LazyLock<Arc<Class>> = LazyLock::new(|| functions(false));
static SERIAL_FUNCTION_CLASS: LazyLock<Arc<Class>> = LazyLock::new(|| functions(true));

fn functions(serial: bool) -> Arc<Class> {
    Class::plain(Definition { module: "builtins".into(), name: "function".into(), serial, ..Definition::default() })
}

pub(super) fn function_shape() -> &'static Arc<Shape> {
    &FUNCTION
}

pub(super) fn method_shape() -> &'static Arc<Shape> {
    &METHOD
}

/// The shape of a class that is sent, with what can be read from it without an instance.
/// `names` are those of its instances, which `dir()` of a class lists too.
pub(super) fn class_shape<'a>(class: &str, more: &[Arc<Member>], names: impl Iterator<Item = &'a Text>) -> Shape {
    let mut shape = callable("builtins.type", OF_CLASSES, more);
    shape.of_class = Some(Text::new(class));
    let listed =
        ["__call__", "__format__", "__subclasscheck__"].map(|name| Value::tuple(vec![Value::str(name), Value::None]));
    shape.inspect = Value::Tuple(listed.into());
    let unlisted: Vec<Value> =
        names.filter(|name| shape.member(name.as_bytes()).is_none()).cloned().map(Value::Str).collect();
    if let Value::Tuple(listed) = &shape.dir {
        shape.dir = Value::Tuple(listed.iter().cloned().chain(unlisted).collect());
    }
    shape
}

/// Returns the member of an index in such a shape.
pub(super) fn class_member(index: u32) -> Option<usize> {
    (index as usize).checked_sub(2 + MEMBERS.len() + OF_CLASSES.len())
}

/// The class of the objects that hold a function's state.
pub(super) fn function_class(serial: bool) -> &'static Arc<Class> {
    if serial { &SERIAL_FUNCTION_CLASS } else { &FUNCTION_CLASS }
}
