//! Equality, order and repr of items of containers, as in Python. Objects are asked.

use super::super::call::Call;
use super::super::no_wait;
use super::super::operations::ask;
use super::super::operators;
use super::super::peer::outcome;
use super::growth;
use super::members;
use super::method::{type_error, type_name};
use crate::error::Exception;
use crate::value::{Ask, CompareOp, Reference, Value};
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::mem::ManuallyDrop;
use std::sync::Arc;

/// Maximum nesting of comparisons.
const MAX_DEPTH: usize = 200;

/// Maximum number of containers and objects visited for one comparison or repr, counting repetitions.
const MOST_NESTED: usize = 1 << 19;

/// The nesting of a thread's comparisons, the nesting of counted operations, and the number of visited objects.
#[derive(Clone, Copy)]
struct Nesting {
    depth: usize,
    wholes: usize,
    count: usize,
}

thread_local!(static NESTING: Cell<Nesting> = const { Cell::new(Nesting { depth: 0, wholes: 0, count: 0 }) });

/// Runs with another nesting and restores the previous one. The count is kept.
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

/// Runs one comparison or repr with its own count.
pub(super) fn counted<R>(run: impl FnOnce() -> R) -> R {
    let Nesting { depth, wholes, count } = NESTING.get();
    let count = if depth == 0 && wholes == 0 { 0 } else { count };
    nesting(Nesting { depth, wholes: wholes + 1, count }, run)
}

fn nested<R>(run: impl FnOnce() -> Result<R, Exception>) -> Result<R, Exception> {
    let Nesting { depth, wholes, count } = NESTING.get();
    let count = if depth == 0 && wholes == 0 { 0 } else { count };
    let text = match () {
        () if depth >= MAX_DEPTH => "maximum recursion depth exceeded in comparison",
        () if count >= MOST_NESTED => "too many nested containers are compared or printed",
        () => return nesting(Nesting { depth: depth + 1, wholes, count: count + 1 }, run),
    };
    Err(Exception::builtin("RecursionError", text))
}

/// Returns whether two items are identical or equal, as containers of Python compare them.
pub(super) fn items_equal(a: &Value, b: &Value) -> Result<bool, Exception> {
    match (a, b) {
        (Value::Float(_) | Value::Complex(..), _) => Ok(a.item_eq(b)),
        _ => equal(a, b),
    }
}

/// Returns whether an item matches an argument. A float sent by a peer is never identical to an item, which matters for
/// NaN only; one that this process passes to its own container may be.
pub(super) fn is_wanted(call: &Call, item: &Value, wanted: &Value) -> Result<bool, Exception> {
    match call.peer() {
        Some(_) => equal(item, wanted),
        None => items_equal(item, wanted),
    }
}

/// Returns whether two values are the same object or equal.
pub(super) fn equal(a: &Value, b: &Value) -> Result<bool, Exception> {
    match (a, b) {
        (Value::Ref(a), Value::Ref(b)) if a.same(b) => Ok(true),
        (Value::Ref(object), other) | (other, Value::Ref(object)) => nested(|| {
            let equal = operators::equal(object, other).map(Value::Bool);
            outcome(equal).map(|equal| matches!(equal, Value::Bool(true)))
        }),
        (Value::Tuple(a), Value::Tuple(b)) | (Value::List(a), Value::List(b))
            if !a.iter().chain(b.iter()).all(Value::is_plain) =>
        {
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

/// `a < b`, and the other orders.
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
        (Value::Tuple(a), Value::Tuple(b)) | (Value::List(a), Value::List(b)) => {
            return nested(|| sequences_ordered(op, a, b));
        }
        (Value::FrozenSet(a), Value::FrozenSet(b)) => return nested(|| members::ordered(op, a, b)),
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

/// `repr()` of an item. Makes requests to objects.
pub(super) fn repr(value: &Value) -> Result<String, Exception> {
    match value {
        Value::Ref(object) => nested(|| match ask(object, Ask::Repr) {
            Ok(Value::Str(text)) => Ok(text.to_string()),
            Ok(other) => Ok(other.repr()),
            // The application cannot be asked in this thread.
            Err(error) if no_wait::is_refusal(&error) => Ok(default_repr(object)),
            Err(error) => Err(error.into()),
        }),
        Value::Tuple(items) if !items.iter().all(Value::is_plain) => {
            let inner = nested(|| reprs(items))?;
            Ok(if items.len() == 1 { format!("({inner},)") } else { format!("({inner})") })
        }
        Value::List(items) if !items.iter().all(Value::is_plain) => Ok(format!("[{}]", nested(|| reprs(items))?)),
        plain => plain.repr_with(&mut |bytes| growth::take(bytes).is_ok()).ok_or_else(growth::memory_error),
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

/// Returns the repr of a container; `inside` where it occurs within itself.
pub(super) fn repr_once(
    call: &Call,
    inside: &str,
    make: impl FnOnce() -> Result<String, Exception>,
) -> Result<Value, Exception> {
    // Without a destructor, it exists as long as the thread.
    thread_local!(static UNDER_WAY: ManuallyDrop<RefCell<Vec<usize>>> = const { ManuallyDrop::new(RefCell::new(Vec::new())) });
    struct Back;
    impl Drop for Back {
        fn drop(&mut self) {
            UNDER_WAY.with(|under_way| {
                let mut under_way = under_way.borrow_mut();
                under_way.pop();
                if under_way.is_empty() {
                    // The vector would leak when the thread ends.
                    *under_way = Vec::new();
                }
            });
        }
    }
    let address = Arc::as_ptr(call.object()) as usize;
    if UNDER_WAY.with(|under_way| under_way.borrow().contains(&address)) {
        return Ok(Value::str(inside));
    }
    UNDER_WAY.with(|under_way| under_way.borrow_mut().push(address));
    let _back = Back;
    Ok(Value::from(counted(make)?))
}
