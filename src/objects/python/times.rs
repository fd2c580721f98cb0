//! Dates and times by value, as a Python peer sees them: objects of Python's types that can be read.

use super::super::call::Call;
use super::super::class::{Class, Definition, Member, MemberKind, Object};
use super::super::peer::Outcome;
use super::reckon;
use super::{Takes, arg, comparison, data, method, property, type_error, type_name, value_error};
use crate::error::Exception;
use crate::value::{BadTime, Clock, CompareOp, DAY, Date, Delta, Offset, SECOND, Temporal, TimeSpec, Value};
use std::sync::{Arc, LazyLock};

fn overflow(error: BadTime) -> Exception {
    Exception::builtin("OverflowError", error.0)
}

/// Returns the time of an argument, by value or as a local object.
fn time_of(value: &Value) -> Option<Temporal> {
    match data(value) {
        Some(Value::Temporal(time)) => Some(time),
        _ => None,
    }
}

fn int(n: i64) -> Outcome {
    Ok(Value::Int(n))
}

fn date(time: &Temporal) -> Result<Date, Exception> {
    time.date().ok_or_else(|| type_error("the time has no date"))
}

fn clock(time: &Temporal) -> Result<Clock, Exception> {
    time.clock().ok_or_else(|| type_error("the date has no time"))
}

fn delta(time: &Temporal) -> Result<Delta, Exception> {
    match time {
        Temporal::Delta(delta) => Ok(*delta),
        _ => Err(type_error("expected a timedelta")),
    }
}

fn offset_of(time: &Temporal) -> Option<Offset> {
    match time {
        Temporal::Zone(offset) => Some(*offset),
        other => other.clock().and_then(Clock::offset),
    }
}

fn optional(time: Option<Temporal>) -> Outcome {
    Ok(time.map_or(Value::None, Value::Temporal))
}

/// With and without prefix: by default peers cannot use plain names.
macro_rules! both {
    ($members:ident, $make:ident, $($name:literal => $run:expr),+ $(,)?) => {
        $(
            $members.push($make($name, $run));
            $members.push($make(concat!("exposed_", $name), $run));
        )+
    };
}

fn read(name: &'static str, read: fn(&Temporal) -> Outcome) -> Member {
    property(name, read)
}

/// A method without arguments.
fn plain(name: &'static str, run: fn(&Temporal) -> Outcome) -> Member {
    method("datetime", name, Takes::Nothing, move |time: &Temporal, _| run(time))
}

/// A method that accepts a datetime or None, and ignores it.
fn of_zone(name: &'static str, run: fn(&Temporal) -> Outcome) -> Member {
    method("timezone", name, Takes::Between(1, 1), move |time: &Temporal, _| run(time))
}

fn free(name: &'static str, run: fn(&Temporal, &Call) -> Outcome) -> Member {
    method("datetime", name, Takes::Anything, run)
}

fn operator(name: &'static str, takes: usize, run: fn(&Temporal, &Call) -> Outcome) -> Member {
    method("datetime", name, Takes::Operator(takes), run)
}

fn iso(time: &Temporal, call: &Call) -> Outcome {
    let mut args = call.args().iter().cloned();
    let named =
        |wanted: &str| call.keywords().iter().find(|(name, _)| name.as_str() == wanted).map(|(_, value)| value.clone());
    let names: &[&str] = match time {
        Temporal::DateTime(..) => &["sep", "timespec"],
        Temporal::Time(_) => &["timespec"],
        _ => &[],
    };
    let is_datetime = names.len() == 2;
    if call.args().len() + call.keywords().len() > names.len() {
        let given = call.args().len() + call.keywords().len();
        return Err(type_error(format!("isoformat() takes at most {} arguments ({given} given)", names.len())));
    }
    if let Some((name, _)) = call.keywords().iter().find(|(name, _)| !names.contains(&name.as_str())) {
        return Err(type_error(format!("isoformat() got an unexpected keyword argument '{name}'")));
    }
    let separator = match is_datetime.then(|| args.next().or_else(|| named("sep"))).flatten() {
        None => 'T',
        Some(Value::Str(text)) if text.as_str().chars().count() == 1 => text.as_str().chars().next().unwrap_or('T'),
        Some(other) => {
            return Err(type_error(format!(
                "isoformat() argument 1 must be a unicode character, not {}",
                type_name(&other)
            )));
        }
    };
    let spec = match args.next().or_else(|| named("timespec")) {
        None => TimeSpec::Auto,
        Some(Value::Str(name)) => {
            TimeSpec::named(name.as_str()).ok_or_else(|| value_error("Unknown timespec value"))?
        }
        Some(other) => {
            let text = format!("isoformat() argument 2 must be str, not {}", type_name(&other));
            return Err(type_error(text));
        }
    };
    Ok(Value::from(time.iso(separator, spec)))
}

fn compare(op: CompareOp, time: &Temporal, call: &Call) -> Outcome {
    let Some(other) = time_of(&arg(call, 0)) else { return Ok(Value::NotImplemented) };
    let order = time.order(&other);
    Ok(match (op, order) {
        (CompareOp::Eq, _) => Value::Bool(time.key() == other.key()),
        (CompareOp::Ne, _) => Value::Bool(time.key() != other.key()),
        (CompareOp::Lt, Some(order)) => Value::Bool(order.is_lt()),
        (CompareOp::Le, Some(order)) => Value::Bool(order.is_le()),
        (CompareOp::Gt, Some(order)) => Value::Bool(order.is_gt()),
        (CompareOp::Ge, Some(order)) => Value::Bool(order.is_ge()),
        (_, None) if time.name() == other.name() && time.is_aware() != other.is_aware() => {
            let text = format!("can't compare offset-naive and offset-aware {}s", time.name());
            return Err(type_error(text));
        }
        (_, None) => Value::NotImplemented,
    })
}

fn sum(time: &Temporal, span: i128) -> Outcome {
    match time.plus(span) {
        Some(moved) => moved.map(Value::Temporal).map_err(overflow),
        None => Ok(Value::NotImplemented),
    }
}

fn add(time: &Temporal, call: &Call) -> Outcome {
    match (time, time_of(&arg(call, 0))) {
        (_, Some(Temporal::Delta(span))) => sum(time, span.total()),
        (Temporal::Delta(span), Some(other)) => sum(&other, span.total()),
        _ => Ok(Value::NotImplemented),
    }
}

fn difference(left: &Temporal, right: &Temporal) -> Outcome {
    match (left, right) {
        // The days are those before the negation, as in CPython.
        (Temporal::Date(_), Temporal::Delta(span)) => return sum(left, -i128::from(span.days()) * i128::from(DAY)),
        (_, Temporal::Delta(span)) => return sum(left, -span.total()),
        _ => {}
    }
    match left.minus(right) {
        Some(Ok(span)) => Ok(Value::Temporal(span)),
        Some(Err(error)) => Err(type_error(error.0)),
        None => Ok(Value::NotImplemented),
    }
}

fn scaled(time: &Temporal, sign: i128) -> Outcome {
    let span = delta(time)?.total() * sign;
    Delta::of(span).map(|delta| Value::Temporal(Temporal::Delta(delta))).map_err(overflow)
}

/// Returns the nearest float, as Python's division of ints does.
fn seconds(microseconds: i128) -> f64 {
    let (all, second) = (microseconds.unsigned_abs(), u128::from(SECOND.unsigned_abs()));
    let text = format!("{}.{:06}", all / second, all % second);
    text.parse::<f64>().unwrap_or(f64::NAN).copysign(if microseconds < 0 { -1.0 } else { 1.0 })
}

/// Returns the first or last value of a type.
fn end_of_type(time: &Temporal, last: bool) -> Result<Temporal, BadTime> {
    /// The range of timedelta.
    const DAYS: i64 = 999_999_999;
    /// The offset of `timezone.max`.
    const OFFSET: i64 = (23 * 60 + 59) * 60 * SECOND;
    let clock = if last { DAY - 1 } else { 0 };
    let date = if last { (9999, 12, 31) } else { (1, 1, 1) };
    let date = Date::new(date.0, date.1, date.2);
    Ok(match time {
        Temporal::Date(_) => Temporal::Date(date?),
        Temporal::Time(_) => Temporal::Time(Clock::from_microseconds(clock)?),
        Temporal::DateTime(..) => Temporal::DateTime(date?, Clock::from_microseconds(clock)?),
        Temporal::Delta(_) => Temporal::Delta(Delta::new(if last { DAYS } else { -DAYS }, 0, clock)?),
        Temporal::Zone(_) => Temporal::Zone(Offset::new(if last { OFFSET } else { -OFFSET })?),
    })
}

fn resolution(time: &Temporal) -> Outcome {
    let step = if matches!(time, Temporal::Date(_)) { DAY } else { 1 };
    Delta::of(step.into()).map(|delta| Value::Temporal(Temporal::Delta(delta))).map_err(overflow)
}

/// The members of all types.
fn common(members: &mut Vec<Member>) {
    members.push(operator("__repr__", 0, |time, _| Ok(Value::from(time.repr()))));
    members.push(operator("__str__", 0, |time, _| Ok(Value::from(time.text()))));
    members.push(operator("__hash__", 0, |time, _| {
        // Shifted, so that Python's hash() leaves the number unchanged.
        int((Value::Temporal(*time).py_hash() >> 4) as i64)
    }));
    members.push(comparison(CompareOp::Eq, compare));
    members.push(comparison(CompareOp::Ne, compare));
    both!(members, read,
        "min" => |time| end_of_type(time, false).map(Value::Temporal).map_err(overflow),
        "max" => |time| end_of_type(time, true).map(Value::Temporal).map_err(overflow),
    );
}

fn ordered(members: &mut Vec<Member>) {
    members.extend(
        [CompareOp::Lt, CompareOp::Le, CompareOp::Gt, CompareOp::Ge].map(|op| comparison::<Temporal>(op, compare)),
    );
    both!(members, read, "resolution" => resolution);
}

fn reckoned(members: &mut Vec<Member>) {
    members.push(operator("__add__", 1, add));
    members.push(operator("__radd__", 1, add));
    members.push(operator("__sub__", 1, |time, call| {
        time_of(&arg(call, 0)).map_or(Ok(Value::NotImplemented), |other| difference(time, &other))
    }));
    members.push(operator("__rsub__", 1, |time, call| {
        time_of(&arg(call, 0)).map_or(Ok(Value::NotImplemented), |other| difference(&other, time))
    }));
}

fn of_dates(members: &mut Vec<Member>) {
    both!(members, read,
        "year" => |time| int(date(time)?.year()),
        "month" => |time| int(date(time)?.month()),
        "day" => |time| int(date(time)?.day()),
    );
    both!(members, plain,
        "toordinal" => |time| int(date(time)?.ordinal()),
        "weekday" => |time| int((date(time)?.ordinal() + 6) % 7),
        "isoweekday" => |time| int((date(time)?.ordinal() + 6) % 7 + 1),
        "ctime" => reckon::ctime,
    );
}

fn of_clocks(members: &mut Vec<Member>) {
    both!(members, read,
        "hour" => |time| int(clock(time)?.hour()),
        "minute" => |time| int(clock(time)?.minute()),
        "second" => |time| int(clock(time)?.second()),
        "microsecond" => |time| int(clock(time)?.microsecond()),
        "fold" => |time| int(clock(time)?.fold.into()),
        "tzinfo" => |time| optional(offset_of(time).map(Temporal::Zone)),
    );
    both!(members, plain,
        "utcoffset" => |time| optional(offset_of(time).map(|offset| Temporal::Delta(offset.delta()))),
        "dst" => |_| Ok(Value::None),
        "tzname" => |time| Ok(offset_of(time).map_or(Value::None, |offset| Value::from(offset.name()))),
    );
}

fn of_datetimes(members: &mut Vec<Member>) {
    both!(members, free, "astimezone" => reckon::astimezone);
    both!(members, plain,
        "date" => |time| Ok(Value::Temporal(Temporal::Date(date(time)?))),
        "time" => |time| {
            let clock = clock(time)?;
            Ok(Value::Temporal(Temporal::Time(clock.with(None, clock.fold))))
        },
        "timetz" => |time| Ok(Value::Temporal(Temporal::Time(clock(time)?))),
        "timestamp" => |time| {
            let (_, aware, at) = time.key();
            if !aware {
                return Err(value_error("a naive datetime of librpyc's has no timestamp: copy it first"));
            }
            let epoch = i128::from(Date::new(1970, 1, 1).map_err(overflow)?.ordinal() * 86_400 * SECOND);
            Ok(Value::Float(seconds(at - epoch)))
        },
    );
}

fn of_delta(name: &'static str, run: fn(Delta, &Call) -> Outcome) -> Member {
    method("datetime", name, Takes::Operator(1), move |time: &Temporal, call| run(delta(time)?, call))
}

fn of_deltas(members: &mut Vec<Member>) {
    both!(members, read,
        "days" => |time| int(delta(time)?.days()),
        "seconds" => |time| int(delta(time)?.seconds()),
        "microseconds" => |time| int(delta(time)?.microseconds()),
    );
    both!(members, plain,
        "total_seconds" => |time| Ok(Value::Float(seconds(delta(time)?.total()))),
    );
    members.push(operator("__bool__", 0, |time, _| Ok(Value::Bool(delta(time)?.total() != 0))));
    members.push(operator("__neg__", 0, |time, _| scaled(time, -1)));
    members.push(operator("__pos__", 0, |time, _| scaled(time, 1)));
    members.push(operator("__abs__", 0, |time, _| scaled(time, delta(time)?.total().signum())));
    members.extend([
        of_delta("__mul__", reckon::multiply),
        of_delta("__rmul__", reckon::multiply),
        of_delta("__truediv__", reckon::divide),
        of_delta("__floordiv__", reckon::floor_divide),
        of_delta("__mod__", reckon::modulo),
        of_delta("__divmod__", reckon::divmod),
    ]);
}

fn class(name: &str, parts: &[fn(&mut Vec<Member>)]) -> Arc<Class> {
    let mut members = Vec::new();
    parts.iter().for_each(|part| part(&mut members));
    for member in &mut members {
        if let MemberKind::Method { quick, .. } = &mut member.kind {
            *quick = true;
        }
    }
    let definition = Definition { module: "datetime".into(), name: name.into(), members, ..Definition::default() };
    Class::of_data(definition, |object| object.state().downcast_ref().copied().map(Value::Temporal))
}

fn with_iso(members: &mut Vec<Member>) {
    both!(members, free, "isoformat" => iso, "replace" => reckon::replace);
}

static DATE: LazyLock<Arc<Class>> = LazyLock::new(|| class("date", &[common, ordered, reckoned, of_dates, with_iso]));
static TIME: LazyLock<Arc<Class>> = LazyLock::new(|| class("time", &[common, ordered, of_clocks, with_iso]));
static DATETIME: LazyLock<Arc<Class>> =
    LazyLock::new(|| class("datetime", &[common, ordered, reckoned, of_dates, of_clocks, of_datetimes, with_iso]));
static DELTA: LazyLock<Arc<Class>> = LazyLock::new(|| class("timedelta", &[common, ordered, reckoned, of_deltas]));
static ZONE: LazyLock<Arc<Class>> = LazyLock::new(|| {
    class(
        "timezone",
        &[common, |members| {
            both!(members, of_zone,
                "utcoffset" => |time| optional(offset_of(time).map(|offset| Temporal::Delta(offset.delta()))),
                "dst" => |_| Ok(Value::None),
                "tzname" => |time| Ok(offset_of(time).map_or(Value::None, |offset| Value::from(offset.name()))),
            );
            both!(members, read, "utc" => |_| Ok(Value::Temporal(Temporal::Zone(Offset::UTC))));
        }],
    )
});

pub(in crate::objects) fn time(time: Temporal) -> Arc<Object> {
    let class = match time {
        Temporal::Date(_) => &DATE,
        Temporal::Time(_) => &TIME,
        Temporal::DateTime(..) => &DATETIME,
        Temporal::Delta(_) => &DELTA,
        Temporal::Zone(_) => &ZONE,
    };
    class.instance(Box::new(time))
}
