//! Local lists, dicts and sets by value, as a Python peer sees them: snapshots with Python's type names. They have the
//! members of modifiable ones, without those that modify.

use super::super::class::{Class, Definition, Member, MemberKind, Object};
use super::dict::{self, FrozenDict};
use super::list::{self, FrozenList};
use super::members::FrozenSet;
use super::set;
use crate::value::{Items, Pairs, Value};
use std::sync::{Arc, LazyLock};

/// These members make no requests, so they are answered at once.
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
