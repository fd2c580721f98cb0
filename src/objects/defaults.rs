//! What every class has without saying so, as from Python's `object`, and the classes of functions and methods.

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
}

impl Slot {
    /// Is it called, or read?
    pub fn is_method(self) -> bool {
        !matches!(self, Slot::Doc | Slot::Name)
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
    ];
    members.extend(CompareOp::ALL.into_iter().map(|op| member(op.name(), Slot::Compare(op))));
    members
});

static SERVICE_MEMBERS: LazyLock<Vec<Arc<Member>>> = LazyLock::new(|| {
    vec![
        member("exposed_get_service_name", Slot::ServiceName),
        member("exposed_get_service_aliases", Slot::ServiceAliases),
        // For those to whom the rules give plain names.
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

/// The shape of something that is called: members that the library answers, and those of a class.
fn callable(type_name: &str, more: &[Arc<Member>]) -> Arc<Shape> {
    let mut names: Vec<Text> = ["__call__", "__name__"].map(Text::new).to_vec();
    names.extend(MEMBERS.iter().chain(more).map(|member| member.name.clone()));
    let mut shape = Shape::new(Text::new(type_name), Vec::new(), names);
    let listed = ["__call__", "__format__"].map(|name| Value::tuple(vec![Value::str(name), Value::None]));
    shape.inspect = Value::Tuple(listed.into());
    Arc::new(shape)
}

/// The member that an index of one of the callable shapes stands for.
pub(super) fn callable_slot(index: u32) -> Option<Slot> {
    match index {
        0 => Some(Slot::Call),
        1 => Some(Slot::Name),
        _ => match MEMBERS.get(index as usize - 2).map(|member| &member.kind) {
            Some(MemberKind::Default(slot)) => Some(*slot),
            _ => None,
        },
    }
}

static FUNCTION: LazyLock<Arc<Shape>> = LazyLock::new(|| callable("builtins.function", &[]));
static METHOD: LazyLock<Arc<Shape>> = LazyLock::new(|| callable("builtins.method", &[]));
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

/// Of a class that is sent, with what can be had of it without an instance.
pub(super) fn class_shape(more: &[Arc<Member>]) -> Arc<Shape> {
    callable("builtins.type", more)
}

/// Which of those an index of such a shape stands for.
pub(super) fn class_member(index: u32) -> Option<usize> {
    (index as usize).checked_sub(2 + MEMBERS.len())
}

/// The class of the objects that hold a function's state.
pub(super) fn function_class(serial: bool) -> &'static Arc<Class> {
    if serial { &SERIAL_FUNCTION_CLASS } else { &FUNCTION_CLASS }
}
