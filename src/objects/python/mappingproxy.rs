//! `builtins.mappingproxy`, the `mapping` of a view: its dict without the members that modify.

use super::super::call::Call;
use super::super::class::{Class, Member, MemberKind, Method, Object};
use super::{Takes, class, method, object, repr, type_error};
use crate::value::Value;
use std::sync::{Arc, LazyLock};

struct MappingProxy {
    dict: Arc<Object>,
}

/// The members of the dict that it has.
const PASSED_ON: [&str; 14] = [
    "__len__",
    "__getitem__",
    "__contains__",
    "__iter__",
    "__reversed__",
    "__eq__",
    "__ne__",
    "__or__",
    "__ror__",
    "keys",
    "values",
    "items",
    "get",
    "copy",
];

fn passed_on(name: &'static str) -> Member {
    let run: Method = Arc::new(move |mut call: Call| {
        let dict = held(call.object()).cloned();
        let member = dict.as_ref().and_then(|dict| dict.class().find(name).cloned());
        match (dict, member.as_ref().map(|member| &member.kind)) {
            (Some(dict), Some(MemberKind::Method { run, .. })) => run(call.turned_to(dict, member.clone())),
            _ => drop(call.raise(type_error(format!("'mappingproxy' object has no {name}")))),
        }
    });
    Member { name: name.into(), doc: None, kind: MemberKind::Method { run, signature: None, quick: false } }
}

static CLASS: LazyLock<Arc<Class>> = LazyLock::new(|| {
    let mut members: Vec<Member> = PASSED_ON.map(passed_on).into();
    members.push(method("mappingproxy", "__repr__", Takes::Operator(0), |proxy: &MappingProxy, _| {
        Ok(Value::from(format!("mappingproxy({})", repr(&object(proxy.dict.clone()))?)))
    }));
    class("builtins", "mappingproxy", "", members)
});

pub(super) fn mappingproxy(dict: &Arc<Object>) -> Value {
    object(CLASS.instance(Box::new(MappingProxy { dict: dict.clone() })))
}

/// Returns its dict.
pub(super) fn held(object: &Object) -> Option<&Arc<Object>> {
    object.state().downcast_ref::<MappingProxy>().map(|proxy| &proxy.dict)
}
