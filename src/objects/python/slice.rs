//! Slices: `builtins.slice`, and the selection of items.

use super::super::call::Call;
use super::super::class::{Class, Definition, Member, MemberKind, Method, Object};
use super::method::indexed;
use crate::error::Exception;
use crate::value::{Held, Value};
use std::sync::{Arc, LazyLock};

/// start, stop, step
struct Slice(Held<[Value; 3]>);

static CLASS: LazyLock<Arc<Class>> = LazyLock::new(|| {
    let members = vec![
        part("start", |[start, _, _]| start),
        part("stop", |[_, stop, _]| stop),
        part("step", |[_, _, step]| step),
    ];
    let definition = Definition { module: "builtins".into(), name: "slice".into(), members, ..Definition::default() };
    Class::of_data(definition, |object| of(object).map(|parts| Value::Slice(parts.clone())))
});

fn of(object: &Object) -> Option<&Held<[Value; 3]>> {
    object.state().downcast_ref().map(|slice: &Slice| &slice.0)
}

fn part(name: &str, of_parts: fn(&[Value; 3]) -> &Value) -> Member {
    let get: Method = Arc::new(move |mut call: Call| {
        let value = of(call.object()).map(|parts| of_parts(parts).clone());
        let _ = call.reply(value.unwrap_or_default());
    });
    Member { name: name.into(), doc: None, kind: MemberKind::Property { get: Some(get), set: None, del: None } }
}

pub(in crate::objects) fn slice(parts: Held<[Value; 3]>) -> Arc<Object> {
    CLASS.instance(Box::new(Slice(parts)))
}

/// Returns the parts of a slice. Makes requests to objects in it.
pub(super) fn plain_parts(parts: &[Value; 3]) -> Result<[Value; 3], Exception> {
    let [start, stop, step] = parts;
    Ok([indexed(start)?, indexed(stop)?, indexed(step)?])
}

/// Returns the indices that a slice selects.
pub(in crate::objects) fn pick(len: usize, parts: &[Value; 3]) -> Result<Vec<usize>, Exception> {
    let (start, stop, step) = span(len, parts)?;
    let (distance, stride) = (if step > 0 { stop - start } else { start - stop }, step.unsigned_abs());
    let count = u64::try_from(distance).unwrap_or(0).div_ceil(stride);
    let mut picked = Vec::new();
    if picked.try_reserve(usize::try_from(count).unwrap_or(usize::MAX)).is_err() {
        return Err(Exception::with_args("builtins", "MemoryError", Vec::new()));
    }
    let mut at = start;
    while (step > 0 && at < stop) || (step < 0 && at > stop) {
        picked.extend(usize::try_from(at).ok());
        at = at.saturating_add(step);
    }
    Ok(picked)
}

/// Returns start, stop and step of a slice for a sequence of this length.
pub(in crate::objects) fn span(len: usize, parts: &[Value; 3]) -> Result<(i64, i64, i64), Exception> {
    let number = |part: &Value| match part {
        Value::None => Ok(None),
        Value::BigInt(n) => Ok(Some(if n.is_negative() { i64::MIN } else { i64::MAX })),
        other => other.to_i64().map(Some).ok_or_else(|| {
            Exception::builtin("TypeError", "slice indices must be integers or None or have an __index__ method")
        }),
    };
    let step = number(&parts[2])?.unwrap_or(1);
    if step == 0 {
        return Err(Exception::builtin("ValueError", "slice step cannot be zero"));
    }
    let len = len as i64;
    let (low, high) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let clamp = |index: Option<i64>, default: i64| match index {
        None => default,
        Some(i) if i < 0 => i.saturating_add(len).clamp(low, high),
        Some(i) => i.clamp(low, high),
    };
    let start = clamp(number(&parts[0])?, if step > 0 { 0 } else { len - 1 });
    let stop = clamp(number(&parts[1])?, if step > 0 { len } else { -1 });
    Ok((start, stop, step))
}
