//! A slave's own namespace: a dict from names to values, for one connection.

use super::slave::answer;
use crate::connection::{Call, Class, Definition, Member, Object};
use crate::error::Exception;
use crate::sync::{Mutex, lock};
use crate::value::{Text, Value};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

type Names = Mutex<BTreeMap<Text, Value>>;
type Outcome = Result<Value, Exception>;

static CLASS: LazyLock<Option<Arc<Class>>> = LazyLock::new(|| {
    let method = |name: &str, run: fn(&Names, &[Value]) -> Outcome| {
        let run = Arc::new(move |call: Call| {
            let outcome = match call.object().state().downcast_ref::<Names>() {
                Some(names) => run(names, call.args()),
                None => Ok(Value::None),
            };
            answer(call, outcome);
        });
        Member::method(name, None, None, run).ok()
    };
    let members = [
        method("__getitem__", |names, args| {
            let key = key(args)?;
            lock(names).get(&key).cloned().ok_or_else(|| missing(key))
        }),
        method("__setitem__", |names, args| {
            let before = lock(names).insert(key(args)?, args.get(1).cloned().unwrap_or_default());
            // What is dropped may be the last of an object of the host, whose destructor runs without the lock.
            drop(before);
            Ok(Value::None)
        }),
        method("__delitem__", |names, args| {
            let key = key(args)?;
            let before = lock(names).remove(&key);
            before.map(|_| Value::None).ok_or_else(|| missing(key))
        }),
        method("__contains__", |names, args| {
            let known = args.first().is_some_and(|key| matches!(key, Value::Str(key) if lock(names).contains_key(key)));
            Ok(Value::Bool(known))
        }),
        method("__len__", |names, _| Ok(Value::Int(lock(names).len() as i64))),
        method("__iter__", |names, _| ask_iter(keys(names)?)),
        method("keys", |names, _| keys(names)),
        method("values", |names, _| Ok(Value::List(lock(names).values().cloned().collect()))),
        method("items", |names, _| {
            let pair = |(key, value): (&Text, &Value)| Value::tuple(vec![Value::Str(key.clone()), value.clone()]);
            Ok(Value::List(lock(names).iter().map(pair).collect()))
        }),
        method("get", |names, args| {
            let default = args.get(1).cloned().unwrap_or_default();
            Ok(lock(names).get(&key(args)?).cloned().unwrap_or(default))
        }),
        method("pop", |names, args| {
            let key = key(args)?;
            let before = lock(names).remove(&key);
            before.or_else(|| args.get(1).cloned()).ok_or_else(|| missing(key))
        }),
        method("setdefault", |names, args| {
            let key = key(args)?;
            let known = lock(names).get(&key).cloned();
            Ok(known.unwrap_or_else(|| {
                let default = args.get(1).cloned().unwrap_or_default();
                lock(names).entry(key).or_insert(default).clone()
            }))
        }),
        method("clear", |names, _| {
            let before = std::mem::take(&mut *lock(names));
            drop(before);
            Ok(Value::None)
        }),
        method("__repr__", |names, _| {
            let entries = lock(names).iter().map(|(key, value)| (Value::Str(key.clone()), value.clone())).collect();
            Ok(Value::from(Value::Dict(entries).repr()))
        }),
    ];
    let definition = Definition {
        module: "builtins".into(),
        name: "dict".into(),
        members: members.into_iter().flatten().collect(),
        ..Definition::default()
    };
    Class::new(definition).ok()
});

/// An empty namespace.
pub(super) fn new() -> Arc<Object> {
    let class = CLASS.clone().unwrap_or_else(Class::empty);
    class.instance(Box::new(Names::default()))
}

fn key(args: &[Value]) -> Result<Text, Exception> {
    match args.first() {
        Some(Value::Str(key)) => Ok(key.clone()),
        Some(other) => {
            Err(Exception::builtin("TypeError", format!("the names of a namespace are str, not {}", other.type_name())))
        }
        None => Err(Exception::builtin("TypeError", "a name is missing")),
    }
}

fn missing(key: Text) -> Exception {
    Exception::with_args("builtins", "KeyError", vec![Value::Str(key)])
}

/// An iterator over a list of ours.
fn ask_iter(list: Value) -> Outcome {
    crate::connection::iterator_over(list).ok_or_else(|| Exception::builtin("TypeError", "not iterable"))
}

fn keys(names: &Names) -> Outcome {
    Ok(Value::List(lock(names).keys().cloned().map(Value::Str).collect()))
}
