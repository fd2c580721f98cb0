//! Attributes of our objects, as a peer reads, sets and deletes them.

use super::class::{MemberKind, Object};
use super::dispatch::{Job, ask, read_member};
use crate::error::Exception;
use crate::session::Name;
use crate::value::Value;
use std::sync::Arc;

pub(super) fn missing(job: Job, object: &Arc<Object>, name: &str) {
    let text = format!("'{}' object has no attribute '{name}'", object.class.shape().class_name());
    job.fail("AttributeError", text);
}

/// What a service says to those who would change it, as rpyc.Service does.
fn denied() -> Exception {
    let mut exception = Exception::builtin("AttributeError", "access denied");
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
            Some((member, _)) => {
                let text = format!("'{}' object attribute '{}' is read-only", class.shape().class_name(), member.name);
                job.fail("AttributeError", text)
            }
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
            Some((member, _)) => {
                let text = format!("'{}' object attribute '{}' is read-only", class.shape().class_name(), member.name);
                job.fail("AttributeError", text)
            }
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
