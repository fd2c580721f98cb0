//! Lists, dicts, generators and files of this process that peers use as Python's own. Unlike the snapshots of
//! `containers.rs` they can be changed, by both sides.
//!
//! No lock of theirs is held while anybody else's code runs: a comparison may ask a peer, and a value that is dropped
//! may be the last of an object of the host.

mod cycles;
mod dict;
mod entries;
mod file;
pub(super) mod frozen;
mod generator;
mod growth;
mod list;
mod release;
mod set;
mod stream;
mod unpickle;
mod views;

pub use cycles::Suspects;
pub use dict::Dict;
pub use file::{File, FileMode};
pub use generator::Generator;
pub use list::List;
pub use unpickle::delivered;

use super::buffered::check_iterator;
use super::call::Call;
use super::class::{Class, Definition, Member, MemberKind, Method, Object};
use super::job::downcast;
use super::no_wait;
use super::operations::ask;
use super::operators;
use super::peer::{Outcome, outcome};
use super::plain;
use crate::error::{Error, Exception};
use crate::value::{Ask, CompareOp, Reference, Text, Value};
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::sync::Arc;

/// How many positional arguments a method takes, and in which of CPython's words it says so.
#[derive(Clone, Copy)]
pub(super) enum Takes {
    /// None: "list.clear() takes no arguments (1 given)".
    Nothing,
    /// One: "list.append() takes exactly one argument (2 given)".
    One,
    /// So many: "expected 1 argument, got 0".
    Operator(usize),
    /// From so many to so many: "pop expected at most 1 argument, got 2".
    Between(usize, usize),
    /// The method itself looks at them, and at keywords.
    Anything,
}

/// A method of a class whose objects have an `S` as their state.
pub(super) fn method<S: 'static>(
    owner: &'static str,
    name: &'static str,
    takes: Takes,
    run: impl Fn(&S, &Call) -> Outcome + Send + Sync + 'static,
) -> Member {
    let run: Method = Arc::new(move |mut call: Call| {
        let outcome = check(owner, name, takes, &call).and_then(|()| run(state(call.object())?, &call));
        let _ = call.finish(outcome);
    });
    let kind = MemberKind::Method { run, signature: None, quick: false };
    Member { name: name.into(), doc: None, kind }
}

pub(super) fn property<S: 'static>(name: &'static str, read: fn(&S) -> Outcome) -> Member {
    let get: Method = Arc::new(move |mut call: Call| {
        let outcome = state(call.object()).and_then(read);
        let _ = call.finish(outcome);
    });
    Member { name: name.into(), doc: None, kind: MemberKind::Property { get: Some(get), set: None, del: None } }
}

/// The six comparisons are answered by one function.
pub(super) fn comparison<S: 'static>(op: CompareOp, run: fn(CompareOp, &S, &Call) -> Outcome) -> Member {
    let run: Method = Arc::new(move |mut call: Call| {
        let outcome = check("", op.name(), Takes::Operator(1), &call)
            .and_then(|()| counted(|| run(op, state(call.object())?, &call)));
        let _ = call.finish(outcome);
    });
    let kind = MemberKind::Method { run, signature: None, quick: false };
    Member { name: op.name().into(), doc: None, kind }
}

fn state<S: 'static>(object: &Object) -> Result<&S, Exception> {
    object.state().downcast_ref().ok_or_else(|| type_error("the object has no such state"))
}

pub(super) fn class(module: &str, name: &str, doc: &str, members: Vec<Member>) -> Arc<Class> {
    let doc = (!doc.is_empty()).then(|| Text::new(doc));
    Class::plain(Definition { module: module.into(), name: name.into(), doc, members, ..Definition::default() })
}

fn check(owner: &str, name: &str, takes: Takes, call: &Call) -> Result<(), Exception> {
    let given = call.args().len();
    let full = || if owner.is_empty() { name.to_owned() } else { format!("{owner}.{name}") };
    if let Takes::Anything = takes {
        return Ok(());
    }
    if !call.keywords().is_empty() {
        return Err(type_error(format!("{}() takes no keyword arguments", full())));
    }
    let arguments = |n: usize| if n == 1 { "argument" } else { "arguments" };
    Err(type_error(match takes {
        Takes::Nothing if given > 0 => format!("{}() takes no arguments ({given} given)", full()),
        Takes::One if given != 1 => format!("{}() takes exactly one argument ({given} given)", full()),
        Takes::Operator(wanted) if given != wanted => {
            format!("expected {wanted} {}, got {given}", arguments(wanted))
        }
        Takes::Between(least, most) if least == most && given != least => {
            format!("{name} expected {least} {}, got {given}", arguments(least))
        }
        Takes::Between(least, _) if given < least => {
            format!("{name} expected at least {least} {}, got {given}", arguments(least))
        }
        Takes::Between(_, most) if given > most => {
            format!("{name} expected at most {most} {}, got {given}", arguments(most))
        }
        _ => return Ok(()),
    }))
}

pub(super) fn type_error(text: impl AsRef<str>) -> Exception {
    Exception::builtin("TypeError", text)
}

pub(super) fn value_error(text: impl AsRef<str>) -> Exception {
    Exception::builtin("ValueError", text)
}

pub(super) fn arg(call: &Call, index: usize) -> Value {
    call.args().get(index).cloned().unwrap_or_default()
}

/// The object that is called, as a value.
pub(super) fn this(call: &Call) -> Value {
    Value::Ref(Reference::Local(call.object().clone()))
}

pub(super) fn object(object: Arc<Object>) -> Value {
    Value::Ref(Reference::Local(object))
}

/// An object of ours with an `S` inside.
pub(super) fn as_object<S: 'static>(value: &Value) -> Option<Arc<Object>> {
    let Value::Ref(Reference::Local(local)) = value else { return None };
    downcast::<Object>(local).filter(|object| object.state().is::<S>())
}

/// A value's type as Python's messages name it.
pub(super) fn type_name(value: &Value) -> &str {
    match value {
        Value::Ref(Reference::Local(object)) => object.shape().class_name(),
        other => other.type_name(),
    }
}

pub(super) fn as_index(value: &Value) -> Result<i64, Exception> {
    match value {
        Value::BigInt(_) => Err(Exception::builtin("IndexError", "cannot fit 'int' into an index-sized integer")),
        other => other
            .to_i64()
            .ok_or_else(|| type_error(format!("'{}' object cannot be interpreted as an integer", type_name(value)))),
    }
}

/// So many nested comparisons are followed.
const DEEPEST: usize = 200;

/// So many containers and objects are looked at for one comparison or one text, however often they are met.
const MOST_NESTED: usize = 1 << 19;

/// How deep a thread is in comparisons, in those and texts that are counted as one, and how many there were in it.
#[derive(Clone, Copy)]
struct Nesting {
    depth: usize,
    wholes: usize,
    count: usize,
}

thread_local!(static NESTING: Cell<Nesting> = const { Cell::new(Nesting { depth: 0, wholes: 0, count: 0 }) });

/// Goes on with another nesting, and comes back to the one before; what was counted stays.
fn nesting<R>(inner: Nesting, run: impl FnOnce() -> R) -> R {
    struct Back(Nesting);
    impl Drop for Back {
        fn drop(&mut self) {
            NESTING.set(Nesting { count: NESTING.get().count, ..self.0 });
        }
    }
    let _back = Back(NESTING.replace(inner));
    run()
}

/// One comparison, or one text, with all that is looked at for it.
fn counted<R>(run: impl FnOnce() -> R) -> R {
    let Nesting { depth, wholes, count } = NESTING.get();
    let count = if depth == 0 && wholes == 0 { 0 } else { count };
    nesting(Nesting { depth, wholes: wholes + 1, count }, run)
}

fn nested<R>(run: impl FnOnce() -> Result<R, Exception>) -> Result<R, Exception> {
    let Nesting { depth, wholes, count } = NESTING.get();
    let count = if depth == 0 && wholes == 0 { 0 } else { count };
    let text = match () {
        () if depth >= DEEPEST => "maximum recursion depth exceeded in comparison",
        () if count >= MOST_NESTED => "too many nested containers are compared or printed",
        () => return nesting(Nesting { depth: depth + 1, wholes, count: count + 1 }, run),
    };
    Err(Exception::builtin("RecursionError", text))
}

/// Is it the same, or equal, as containers of Python compare their items? Both are items, or copies of such.
pub(super) fn items_equal(a: &Value, b: &Value) -> Result<bool, Exception> {
    match (a, b) {
        (Value::Float(_) | Value::Complex(..), _) => Ok(a.item_eq(b)),
        _ => equal(a, b),
    }
}

/// Is it what a call is about? What a peer sends is never the same float as an item, which tells with NaN alone; what this
/// process passes to its own container may be.
pub(super) fn is_wanted(call: &Call, item: &Value, wanted: &Value) -> Result<bool, Exception> {
    match call.peer() {
        Some(_) => equal(item, wanted),
        None => items_equal(item, wanted),
    }
}

/// Is it the same object, or equal?
pub(super) fn equal(a: &Value, b: &Value) -> Result<bool, Exception> {
    match (a, b) {
        (Value::Ref(a), Value::Ref(b)) if a.same(b) => Ok(true),
        (Value::Ref(object), other) | (other, Value::Ref(object)) => nested(|| {
            let equal = operators::equal(object, other).map(Value::Bool);
            outcome(equal).map(|equal| matches!(equal, Value::Bool(true)))
        }),
        (Value::Tuple(a), Value::Tuple(b)) if !a.iter().chain(b.iter()).all(Value::is_plain) => {
            nested(|| sequences_equal(a, b))
        }
        _ => Ok(a.py_eq(b)),
    }
}

pub(super) fn sequences_equal(a: &[Value], b: &[Value]) -> Result<bool, Exception> {
    if a.len() != b.len() {
        return Ok(false);
    }
    for (a, b) in a.iter().zip(b) {
        if !items_equal(a, b)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `a < b`, or another order.
pub(super) fn ordered(op: CompareOp, a: &Value, b: &Value) -> Result<bool, Exception> {
    if let Some(order) = a.py_order(b) {
        return Ok(order.is_some_and(|order| holds(op, order)));
    }
    let swapped = match op {
        CompareOp::Lt => CompareOp::Gt,
        CompareOp::Le => CompareOp::Ge,
        CompareOp::Gt => CompareOp::Lt,
        CompareOp::Ge => CompareOp::Le,
        same => same,
    };
    let answer = match (a, b) {
        (Value::Tuple(a), Value::Tuple(b)) => return nested(|| sequences_ordered(op, a, b)),
        (Value::FrozenSet(_), Value::FrozenSet(_)) => return nested(|| set::ordered(op, a, b)),
        (Value::Ref(object), other) => nested(|| {
            let answer = outcome(ask(object, Ask::Compare(op, other)))?;
            match (answer, other) {
                (Value::NotImplemented, Value::Ref(other)) => outcome(ask(other, Ask::Compare(swapped, a))),
                (answer, _) => Ok(answer),
            }
        })?,
        (other, Value::Ref(object)) => nested(|| outcome(ask(object, Ask::Compare(swapped, other))))?,
        _ => Value::NotImplemented,
    };
    match answer {
        Value::Bool(holds) => Ok(holds),
        Value::NotImplemented => {
            let sign = match op {
                CompareOp::Lt => "<",
                CompareOp::Le => "<=",
                CompareOp::Gt => ">",
                CompareOp::Ge => ">=",
                CompareOp::Eq => "==",
                CompareOp::Ne => "!=",
            };
            let (a, b) = (type_name(a), type_name(b));
            Err(type_error(format!("'{sign}' not supported between instances of '{a}' and '{b}'")))
        }
        other => operators::truth_of(&other).map_err(Exception::from),
    }
}

pub(super) fn sequences_ordered(op: CompareOp, a: &[Value], b: &[Value]) -> Result<bool, Exception> {
    for (a, b) in a.iter().zip(b) {
        if !items_equal(a, b)? {
            return ordered(op, a, b);
        }
    }
    Ok(holds(op, a.len().cmp(&b.len())))
}

fn holds(op: CompareOp, order: Ordering) -> bool {
    match op {
        CompareOp::Lt => order.is_lt(),
        CompareOp::Le => order.is_le(),
        CompareOp::Eq => order.is_eq(),
        CompareOp::Ne => order.is_ne(),
        CompareOp::Gt => order.is_gt(),
        CompareOp::Ge => order.is_ge(),
    }
}

/// `repr()` of an item, for which objects are asked.
pub(super) fn repr(value: &Value) -> Result<String, Exception> {
    match value {
        Value::Ref(object) => nested(|| match ask(object, Ask::Repr) {
            Ok(Value::Str(text)) => Ok(text.to_string()),
            Ok(other) => Ok(other.repr()),
            // The host cannot be asked here.
            Err(Error::State(_)) if no_wait::is_inside() => Ok(default_repr(object)),
            Err(error) => Err(error.into()),
        }),
        Value::Tuple(items) if !items.iter().all(Value::is_plain) => {
            let inner = nested(|| reprs(items))?;
            Ok(if items.len() == 1 { format!("({inner},)") } else { format!("({inner})") })
        }
        plain => Ok(plain.repr()),
    }
}

fn default_repr(object: &Reference) -> String {
    let name = match object {
        Reference::Local(object) => object.shape().type_name.as_str(),
        Reference::Remote(proxy) => &*proxy.type_name,
    };
    format!("<{name} object>")
}

pub(super) fn reprs(items: &[Value]) -> Result<String, Exception> {
    growth::joined(items.iter().map(repr))
}

/// The text of a container, or `inside` where it stands in itself.
pub(super) fn repr_once(
    call: &Call,
    inside: &str,
    make: impl FnOnce() -> Result<String, Exception>,
) -> Result<Value, Exception> {
    thread_local!(static UNDER_WAY: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) });
    struct Back;
    impl Drop for Back {
        fn drop(&mut self) {
            UNDER_WAY.with_borrow_mut(|under_way| under_way.pop());
        }
    }
    let address = Arc::as_ptr(call.object()) as usize;
    if UNDER_WAY.with_borrow(|under_way| under_way.contains(&address)) {
        return Ok(Value::str(inside));
    }
    UNDER_WAY.with_borrow_mut(|under_way| under_way.push(address));
    let _back = Back;
    Ok(Value::from(counted(make)?))
}

/// Items that are fetched from a peer in one request.
const CHUNK: i64 = 200;

/// All items of an iterable, wherever it lives; MemoryError if it has no end, or too many.
pub(super) fn iterate(value: &Value) -> Result<Vec<Value>, Exception> {
    iterate_at_most(value, growth::MOST)
}

fn iterate_at_most(value: &Value, most: usize) -> Result<Vec<Value>, Exception> {
    let not_iterable = || type_error(format!("'{}' object is not iterable", type_name(value)));
    if let Some(list) = as_object::<List>(value) {
        return List::of(&list).map_or(Ok(Vec::new()), List::copied);
    }
    let mut items = Vec::new();
    let source = match value {
        Value::Tuple(all) | Value::List(all) | Value::FrozenSet(all) => return growth::copied(all),
        Value::Dict(entries) => {
            return growth::gather(&mut items, entries.iter().map(|(key, _)| key.clone()), most).map(|()| items);
        }
        Value::Array(array) => return growth::gather(&mut items, array.iter(), most).map(|()| items),
        Value::Str(text) => {
            let chars = text.as_str().chars().map(|c| Value::from(c.to_string()));
            return growth::gather(&mut items, chars, most).map(|()| items);
        }
        Value::Bytes(bytes) => {
            let bytes = bytes.iter().map(|byte| Value::Int(i64::from(*byte)));
            return growth::gather(&mut items, bytes, most).map(|()| items);
        }
        Value::Ref(source) => source,
        _ => return Err(not_iterable()),
    };
    each_chunk(source, CHUNK, not_iterable, |more| growth::gather(&mut items, more.iter().cloned(), most))?;
    Ok(items)
}

/// Gives all items of an iterable on, those too that come before it fails.
pub(super) fn extend_with(
    value: &Value,
    mut take: impl FnMut(Vec<Value>) -> Result<(), Exception>,
) -> Result<(), Exception> {
    match value {
        Value::Ref(source) if as_object::<List>(value).is_none() => {
            // What fails in the midst of a chunk loses all of it. Containers do not fail.
            let fails = match source {
                Reference::Local(local) => {
                    local.as_any().downcast_ref::<Object>().is_none_or(|o| Dict::of(o).is_none())
                }
                Reference::Remote(proxy) => !plain::is_container(&proxy.type_name),
            };
            let not_iterable = || type_error(format!("'{}' object is not iterable", type_name(value)));
            each_chunk(source, if fails { 1 } else { CHUNK }, not_iterable, |more| take(growth::copied(more)?))
        }
        plain => take(iterate(plain)?),
    }
}

fn each_chunk(
    source: &Reference,
    count: i64,
    not_iterable: impl Fn() -> Exception,
    mut take: impl FnMut(&[Value]) -> Result<(), Exception>,
) -> Result<(), Exception> {
    let iter = Ask::CallAttr { name: "__iter__", args: &[], keywords: &[] };
    let iterator = match outcome(ask(source, iter)) {
        Ok(Value::Ref(iterator)) => iterator,
        Ok(Value::Tuple(items) | Value::List(items)) => return take(&items),
        Ok(_) => return Err(not_iterable()),
        Err(exception) if exception.is_builtin("AttributeError") => return Err(not_iterable()),
        Err(exception) => return Err(exception),
    };
    check_iterator(&iterator)?;
    loop {
        match outcome(ask(&iterator, Ask::BuffIter(count)))? {
            Value::Tuple(more) if more.is_empty() => return Ok(()),
            Value::Tuple(more) => take(&more)?,
            _ => return Err(not_iterable()),
        }
    }
}

/// An attribute of an object, or None if there is none that may be used.
pub(super) fn has_attr(value: &Value, name: &str) -> Result<bool, Exception> {
    let Value::Ref(object) = value else { return Ok(false) };
    match outcome(ask(object, Ask::GetAttr(name))) {
        Ok(_) => Ok(true),
        Err(exception) if exception.is_builtin("AttributeError") => Ok(false),
        Err(exception) => Err(exception),
    }
}

/// The items of a list, living or a snapshot.
pub(super) fn list_items(value: &Value) -> Option<Result<Vec<Value>, Exception>> {
    if let Some(list) = as_object::<List>(value) {
        return List::of(&list).map(List::copied);
    }
    match data(value)? {
        Value::List(items) => Some(growth::copied(&items)),
        _ => None,
    }
}

/// The plain data that a value is, or that an object of ours stands for.
pub(super) fn data(value: &Value) -> Option<Value> {
    match value {
        Value::Ref(Reference::Local(local)) => local.as_any().downcast_ref::<Object>()?.data(),
        Value::Ref(Reference::Remote(_)) => None,
        other => Some(other.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iterables_without_an_end() {
        let endless: Method = Arc::new(|mut call: Call| drop(call.reply(Value::Int(1))));
        let is_memory_error = |error: Exception| error.is_builtin("MemoryError");
        assert!(iterate_at_most(&object(Generator::object(endless)), 1000).is_err_and(is_memory_error));
        for value in [Value::str("abc"), Value::Bytes(b"abc".to_vec().into())] {
            assert_eq!(iterate_at_most(&value, 3).unwrap().len(), 3);
            assert!(iterate_at_most(&value, 2).is_err_and(is_memory_error));
        }
    }

    #[test]
    fn peers_meet_a_limit() {
        let numbers = || (0..growth::MOST as i64).map(Value::Int);
        let ask = |object: &Value, name, args: &[Value]| match object {
            Value::Ref(object) => outcome(ask(object, Ask::CallAttr { name, args, keywords: &[] })),
            other => panic!("{other:?}"),
        };
        let is_full = |outcome: Outcome| outcome.is_err_and(|error| error.is_builtin("MemoryError"));
        let list = object(List::object(numbers().collect()));
        assert!(is_full(ask(&list, "append", &[Value::None])));
        assert!(is_full(ask(&list, "insert", &[Value::Int(0), Value::None])));
        assert!(ask(&list, "pop", &[]).is_ok() && ask(&list, "append", &[Value::None]).is_ok());
        let dict = object(Dict::object(numbers().map(|n| (n, Value::None)).collect()).unwrap());
        for name in ["__setitem__", "setdefault"] {
            assert!(is_full(ask(&dict, name, &[Value::str("new"), Value::None])));
            assert!(ask(&dict, name, &[Value::Int(1), Value::None]).is_ok());
        }
        assert!(is_full(ask(
            &dict,
            "update",
            &[Value::tuple(vec![Value::tuple(vec![Value::str("new"), Value::None])])]
        )));
        let keys = ask(&dict, "keys", &[]).unwrap();
        assert!(is_full(ask(&keys, "__or__", &[Value::str("a")])));
        let set = ask(&keys, "__or__", &[Value::str("")]).unwrap();
        assert!(is_full(ask(&set, "add", &[Value::None])) && ask(&set, "add", &[Value::Int(1)]).is_ok());
    }

    #[test]
    fn sorting_keeps_the_order_of_equals() {
        for count in [0, 1, 2, 3, 7, 8, 9, 1000] {
            let items = (0..count).map(|n| Value::tuple(vec![Value::Int(n * 7 % 5), Value::Int(n)]));
            let list = object(List::object(items.clone().collect()));
            let Value::Ref(reference) = &list else { unreachable!() };
            let first: Method = Arc::new(|mut call: Call| {
                let Value::Tuple(pair) = arg(&call, 0) else { panic!("no pair") };
                let _ = call.reply(pair[0].clone());
            });
            let member = Member {
                name: "first".into(),
                doc: None,
                kind: MemberKind::Method { run: first, signature: None, quick: false },
            };
            let key = Value::Ref(Reference::Local(super::super::class::Function::new(member, Box::new(()))));
            for reverse in [false, true] {
                let keywords = [(Text::new("key"), key.clone()), (Text::new("reverse"), Value::Bool(reverse))];
                let sort = Ask::CallAttr { name: "sort", args: &[], keywords: &keywords };
                outcome(ask(reference, sort)).unwrap();
                let mut wanted: Vec<Value> = items.clone().collect();
                let by = |pair: &Value| if let Value::Tuple(pair) = pair { pair[0].to_i64() } else { None };
                wanted.sort_by(|a, b| if reverse { by(b).cmp(&by(a)) } else { by(a).cmp(&by(b)) });
                let sorted = as_object::<List>(&list).unwrap();
                assert_eq!(List::of(&sorted).unwrap().snapshot(), wanted);
                List::of(&sorted).unwrap().clear();
                items.clone().for_each(|item| List::of(&sorted).unwrap().append(item));
            }
        }
    }

    #[test]
    fn texts_that_grow_at_each_level() {
        let mut list = object(List::object(vec![Value::from("x".repeat(1 << 10))]));
        for _ in 0..9 {
            list = object(List::object(vec![list; 10]));
        }
        assert!(repr(&list).is_err_and(|error| error.is_builtin("MemoryError")));
    }
}
