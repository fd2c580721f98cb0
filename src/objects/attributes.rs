//! Attributes of local objects: whether they exist, reading, setting and deleting.

use super::bridge::Bridge;
use super::class::{BoundMethod, Class, Member, MemberKind, Method, Object};
use super::defaults::Slot;
use super::job::{Job, ask, downcast};
use super::reflect;
use crate::error::Exception;
use crate::protocol::Name;
use crate::value::{Local, Reference, Text, Value};
use std::sync::Arc;

pub(super) fn exists(target: &Arc<dyn Local>, name: &str) -> bool {
    if let Some(bridge) = target.as_any().downcast_ref::<Bridge>() {
        return bridge.has(name);
    }
    match target.as_any().downcast_ref::<Object>() {
        Some(object) => object.class.dynamic.as_ref().and_then(|dynamic| dynamic.has.as_ref()).is_some_and(|has| {
            match &object.turn {
                None => has(object, name),
                Some(turn) => turn.run(|| has(object, name)),
            }
        }),
        None => false,
    }
}

/// Returns the getter of an object whose attributes can only be tested by reading them.
pub(super) fn must_read(target: &Arc<dyn Local>) -> Option<(Arc<Object>, Method)> {
    let object = target.as_any().downcast_ref::<Object>()?;
    let dynamic = object.class.dynamic.as_ref().filter(|dynamic| dynamic.has.is_none())?;
    let get = dynamic.get.clone()?;
    Some((downcast::<Object>(target)?, get))
}

/// Returns the name of a dynamic attribute for local code, which needs no prefix. None: there is no such attribute.
pub(super) fn dynamic_name(target: &Arc<dyn Local>, name: &str) -> Option<Name> {
    let exposed = || format!("exposed_{name}");
    match target.shape().says_missing || exists(target, name) {
        true => Some(Name::Dynamic(Text::new(name))),
        false => Some(exposed()).filter(|name| exists(target, name)).map(|name| Name::Dynamic(Text::from(name))),
    }
}

pub(super) fn missing(job: Job, object: &Arc<Object>, name: &str) {
    job.fail("AttributeError", object.class.shape().lacks(&format!("'{name}'")));
}

/// Python's message for a property without this function, and for other members.
fn unchangeable(class: &Class, member: &Member, lacks: &str) -> String {
    let (class, name) = (class.shape().class_name(), &member.name);
    match member.kind {
        MemberKind::Property { .. } => format!("property '{name}' of '{class}' object has no {lacks}"),
        _ => format!("'{class}' object attribute '{name}' is read-only"),
    }
}

pub(super) fn read_member(job: Job, object: &Arc<Object>, member: &Arc<Member>) {
    match &member.kind {
        MemberKind::Property { get: Some(get), .. } => ask(job, object, Some(member), get, Vec::new()),
        MemberKind::Property { get: None, .. } => {
            job.fail("AttributeError", unchangeable(&object.class, member, "getter"))
        }
        MemberKind::Constant(value) => job.give(Ok(value.clone())),
        MemberKind::Default(Slot::Doc) => job.give(Ok(object.class.doc.clone().map_or(Value::None, Value::Str))),
        MemberKind::Default(Slot::About(about)) => job.give(Ok(reflect::of_object(object, *about))),
        MemberKind::Method { .. } | MemberKind::Default(_) => {
            let method = BoundMethod::new(object.clone(), member.clone());
            job.give(Ok(Value::Ref(Reference::Local(Arc::new(method)))))
        }
    }
}

/// The exception of a service whose attributes are set, as in rpyc.Service.
fn denied() -> Exception {
    let mut exception = Exception::builtin("AttributeError", "access denied");
    exception.construct();
    exception.attributes.push(("refused_by".into(), Value::str("a service's own rules")));
    exception
}

pub(super) fn get_attr(job: Job, object: &Arc<Object>, name: Name) {
    let class = &object.class;
    match name {
        Name::Member(index) => match class.member(index) {
            Some(member) => read_member(job, object, member),
            None => missing(job, object, ""),
        },
        Name::Own(name) => match &class.get_attr {
            Some(run) => ask(job, object, None, run, vec![Value::Str(name)]),
            None => job.give(Err(denied())),
        },
        Name::Dynamic(name) => match class.dynamic.as_ref().and_then(|dynamic| dynamic.get.as_ref()) {
            Some(run) => ask(job, object, None, run, vec![Value::Str(name)]),
            None => missing(job, object, name.as_str()),
        },
    }
}

pub(super) fn set_attr(job: Job, object: &Arc<Object>, name: Name, value: Value) {
    let job = job.map(|outcome| outcome.map(|_| Value::None));
    let class = &object.class;
    match name {
        Name::Member(index) => match class.member(index).map(|member| (member, &member.kind)) {
            Some((member, MemberKind::Property { set: Some(set), .. })) => {
                ask(job, object, Some(member), set, vec![value])
            }
            Some((member, _)) => job.fail("AttributeError", unchangeable(class, member, "setter")),
            None => missing(job, object, ""),
        },
        Name::Own(name) => match &class.set_attr {
            Some(run) => ask(job, object, None, run, vec![Value::Str(name), value]),
            None => job.give(Err(denied())),
        },
        Name::Dynamic(name) => match class.dynamic.as_ref().and_then(|dynamic| dynamic.set.as_ref()) {
            Some(run) => ask(job, object, None, run, vec![Value::Str(name), value]),
            None => missing(job, object, name.as_str()),
        },
    }
}

pub(super) fn del_attr(job: Job, object: &Arc<Object>, name: Name) {
    let job = job.map(|outcome| outcome.map(|_| Value::None));
    let class = &object.class;
    match name {
        Name::Member(index) => match class.member(index).map(|member| (member, &member.kind)) {
            Some((member, MemberKind::Property { del: Some(del), .. })) => {
                ask(job, object, Some(member), del, Vec::new())
            }
            Some((member, _)) => job.fail("AttributeError", unchangeable(class, member, "deleter")),
            None => missing(job, object, ""),
        },
        Name::Own(name) => match &class.del_attr {
            Some(run) => ask(job, object, None, run, vec![Value::Str(name)]),
            None => job.give(Err(denied())),
        },
        Name::Dynamic(name) => match class.dynamic.as_ref().and_then(|dynamic| dynamic.del.as_ref()) {
            Some(run) => ask(job, object, None, run, vec![Value::Str(name)]),
            None => missing(job, object, name.as_str()),
        },
    }
}
