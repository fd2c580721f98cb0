//! Lists, dicts and sets of ours by value, as a Python peer sees them: snapshots under the names of its own types. What can be
//! asked of them is what can be asked of those that both sides change, without the methods that change something.

use super::super::class::{Class, Definition, Member, MemberKind, Object};
use super::dict::{self, FrozenDict};
use super::list::{self, FrozenList};
use super::members::FrozenSet;
use super::set;
use crate::value::{Items, Pairs, Value};
use std::sync::{Arc, LazyLock};

/// What never asks anybody, and so is answered at once.
const QUICK: [&str; 8] = ["__len__", "__getitem__", "__iter__", "__reversed__", "keys", "values", "items", "copy"];

fn class(name: &str, mut members: Vec<Member>, data: fn(&Object) -> Option<Value>) -> Arc<Class> {
    for member in &mut members {
        if let MemberKind::Method { quick, .. } = &mut member.kind {
            *quick = QUICK.contains(&member.name.as_str());
        }
    }
    Class::of_data(Definition { module: "builtins".into(), name: name.into(), members, ..Definition::default() }, data)
}

static LIST: LazyLock<Arc<Class>> = LazyLock::new(|| {
    class("list", list::reading::<FrozenList>(), |object| {
        object.state().downcast_ref().map(|list: &FrozenList| Value::List(list.items().clone()))
    })
});

static DICT: LazyLock<Arc<Class>> = LazyLock::new(|| {
    class("dict", dict::reading::<FrozenDict>(), |object| {
        object.state().downcast_ref().map(|dict: &FrozenDict| Value::Dict(dict.pairs().clone()))
    })
});

static FROZENSET: LazyLock<Arc<Class>> = LazyLock::new(|| {
    class("frozenset", set::reading::<FrozenSet>("frozenset"), |object| {
        object.state().downcast_ref().map(|set: &FrozenSet| Value::FrozenSet(set.shared().clone()))
    })
});

pub(in crate::objects) fn list(items: Items) -> Arc<Object> {
    LIST.instance(Box::new(FrozenList::new(items)))
}

pub(in crate::objects) fn dict(entries: Pairs) -> Arc<Object> {
    DICT.instance(Box::new(FrozenDict::new(entries)))
}

pub(in crate::objects) fn frozenset(items: Items) -> Arc<Object> {
    FROZENSET.instance(Box::new(FrozenSet::new(items)))
}
