//! Python's computations with times beyond sums: `replace`, `astimezone`, `ctime`, products and quotients of timedelta.

use super::super::call::Call;
use super::super::peer::Outcome;
use super::{arg, as_number_of_c, data, type_error, type_name, value_error};
use crate::error::Exception;
use crate::value::{BadTime, Clock, Date, Delta, Offset, Temporal, Value};

fn overflow(text: impl AsRef<str>) -> Exception {
    Exception::builtin("OverflowError", text)
}

fn bad(error: BadTime) -> Exception {
    value_error(error.0)
}

// ---------------------------------------------------------------- replace

/// Parses arguments by position or name, with errors in CPython's order. `by_place` names can be given by position.
fn parsed<const N: usize>(
    call: &Call,
    function: &str,
    names: [&str; N],
    by_place: usize,
) -> Result<[Option<Value>; N], Exception> {
    let (args, keywords) = (call.args(), call.keywords());
    let given = args.len() + keywords.len();
    let plural = |n: usize| if n == 1 { "" } else { "s" };
    if given > N {
        let kind = if args.is_empty() { "keyword " } else { "" };
        return Err(type_error(format!("{function}() takes at most {N} {kind}argument{} ({given} given)", plural(N))));
    }
    if args.len() > by_place {
        let count = args.len();
        let text =
            format!("{function}() takes at most {by_place} positional argument{} ({count} given)", plural(by_place));
        return Err(type_error(text));
    }
    let named = |name: &str| keywords.iter().find(|(known, _)| known.as_str() == name).map(|(_, value)| value.clone());
    Ok(std::array::from_fn(|index| args.get(index).cloned().or_else(|| names.get(index).and_then(|name| named(name)))))
}

/// CPython makes these checks after it has converted all arguments.
fn check_names(call: &Call, function: &str, names: &[&str]) -> Result<(), Exception> {
    let is_given = |name: &str| call.keywords().iter().any(|(known, _)| known.as_str() == name);
    for (name, place) in names.iter().zip(1..=call.args().len()) {
        if is_given(name) {
            let text = format!("argument for {function}() given by name ('{name}') and position ({place})");
            return Err(type_error(text));
        }
    }
    match call.keywords().iter().find(|(name, _)| !names.contains(&name.as_str())) {
        Some((name, _)) => Err(type_error(format!("'{name}' is an invalid keyword argument for {function}()"))),
        None => Ok(()),
    }
}

/// Converts to an int of C.
fn int(value: Option<Value>, otherwise: i64) -> Result<i64, Exception> {
    let Some(value) = value else { return Ok(otherwise) };
    let number: i64 = as_number_of_c(&value, "long")?;
    if number > i64::from(i32::MAX) {
        return Err(overflow("signed integer is greater than maximum"));
    }
    if number < i64::from(i32::MIN) {
        return Err(overflow("signed integer is less than minimum"));
    }
    Ok(number)
}

/// Returns the type's name as in CPython's messages, with the module unless it is a builtin.
fn full_name(value: &Value) -> &str {
    match value {
        Value::Temporal(time) => time.full_name(),
        other => {
            let name = type_name(other);
            name.strip_prefix("builtins.").unwrap_or(name)
        }
    }
}

fn zone(value: Option<Value>, otherwise: Option<Offset>) -> Result<Option<Offset>, Exception> {
    let Some(value) = value else { return Ok(otherwise) };
    match data(&value) {
        Some(Value::None) => Ok(None),
        Some(Value::Temporal(Temporal::Zone(offset))) => Ok(Some(offset)),
        _ => {
            let name = full_name(&value);
            Err(type_error(format!("tzinfo argument must be None or of a tzinfo subclass, not type '{name}'")))
        }
    }
}

fn fold(number: i64) -> Result<bool, Exception> {
    match number {
        0 | 1 => Ok(number == 1),
        _ => Err(value_error("fold must be either 0 or 1")),
    }
}

const OF_DATE: [&str; 3] = ["year", "month", "day"];
const OF_CLOCK: [&str; 6] = ["hour", "minute", "second", "microsecond", "tzinfo", "fold"];
const OF_BOTH: [&str; 9] = ["year", "month", "day", "hour", "minute", "second", "microsecond", "tzinfo", "fold"];

/// Ints in the order of the parameters. Missing ones keep their value.
struct Fields {
    hour: i64,
    minute: i64,
    second: i64,
    microsecond: i64,
    fold: i64,
    zone: Option<Value>,
}

impl Fields {
    fn new(given: [Option<Value>; 6], clock: Clock) -> Result<Fields, Exception> {
        let [hour, minute, second, microsecond, zone, fold] = given;
        Ok(Fields {
            hour: int(hour, clock.hour())?,
            minute: int(minute, clock.minute())?,
            second: int(second, clock.second())?,
            microsecond: int(microsecond, clock.microsecond())?,
            fold: int(fold, clock.fold.into())?,
            zone,
        })
    }

    fn clock(self, before: Clock, fold: bool) -> Result<Clock, Exception> {
        let clock = Clock::new(self.hour, self.minute, self.second, self.microsecond).map_err(bad)?;
        Ok(clock.with(zone(self.zone, before.offset())?, fold))
    }
}

pub(super) fn replace(time: &Temporal, call: &Call) -> Outcome {
    let replaced = match time {
        Temporal::Date(date) => {
            let [year, month, day] = parsed(call, "replace", OF_DATE, 3)?;
            let (year, month, day) = (int(year, date.year())?, int(month, date.month())?, int(day, date.day())?);
            check_names(call, "replace", &OF_DATE)?;
            Temporal::Date(Date::new(year, month, day).map_err(bad)?)
        }
        Temporal::Time(clock) => {
            let fields = Fields::new(parsed(call, "replace", OF_CLOCK, 5)?, *clock)?;
            check_names(call, "replace", &OF_CLOCK)?;
            let fold = fold(fields.fold)?;
            Temporal::Time(fields.clock(*clock, fold)?)
        }
        Temporal::DateTime(date, clock) => {
            let [year, month, day, hour, minute, second, microsecond, zone, fold_given] =
                parsed(call, "replace", OF_BOTH, 8)?;
            let (year, month, day) = (int(year, date.year())?, int(month, date.month())?, int(day, date.day())?);
            let fields = Fields::new([hour, minute, second, microsecond, zone, fold_given], *clock)?;
            check_names(call, "replace", &OF_BOTH)?;
            let fold = fold(fields.fold)?;
            let date = Date::new(year, month, day).map_err(bad)?;
            Temporal::DateTime(date, fields.clock(*clock, fold)?)
        }
        Temporal::Delta(_) | Temporal::Zone(_) => return Err(type_error("it has no fields to replace")),
    };
    Ok(Value::Temporal(replaced))
}

// ---------------------------------------------------------------- other forms

/// Returns the same moment in another timezone.
pub(super) fn astimezone(time: &Temporal, call: &Call) -> Outcome {
    let [given] = parsed(call, "astimezone", ["tz"], 1)?;
    check_names(call, "astimezone", &["tz"])?;
    let (Some(to), Temporal::DateTime(_, clock)) = (zone(given, None)?, time) else {
        return Err(value_error("librpyc knows no local timezone: name one, or copy the datetime first"));
    };
    let Some(from) = clock.offset() else {
        return Err(value_error("a naive datetime of librpyc's is in no timezone: copy it first"));
    };
    let moved = time.plus(i128::from(to.microseconds() - from.microseconds()));
    match moved {
        Some(Ok(Temporal::DateTime(date, clock))) => {
            Ok(Value::Temporal(Temporal::DateTime(date, clock.with(Some(to), false))))
        }
        Some(Err(error)) => Err(overflow(error.0)),
        _ => Err(overflow("date value out of range")),
    }
}

pub(super) fn ctime(time: &Temporal) -> Outcome {
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let date = time.date().ok_or_else(|| type_error("the time has no date"))?;
    let at = time.clock().map_or([0; 3], |clock| [clock.hour(), clock.minute(), clock.second()]);
    let name = |names: &[&'static str], index: i64| names.get(index as usize).copied().unwrap_or_default();
    let (week_day, month) = (name(&DAYS, date.ordinal() % 7), name(&MONTHS, date.month() - 1));
    let [hour, minute, second] = at;
    let (day, year) = (date.day(), date.year());
    Ok(Value::from(format!("{week_day} {month} {day:2} {hour:02}:{minute:02}:{second:02} {year:04}")))
}

// ---------------------------------------------------------------- timedelta

fn too_large() -> Exception {
    overflow("Python int too large to convert to C int")
}

fn by_zero(text: &str) -> Exception {
    Exception::builtin("ZeroDivisionError", text)
}

const ZERO: &str = "integer division or modulo by zero";

/// Converts an int to 128 bits. Larger ones are clamped, which exceeds every timedelta.
fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Int(_) | Value::Bool(_) => value.to_i64().map(i128::from),
        Value::BigInt(number) => {
            let digits = number.text().as_str();
            let beyond = if digits.starts_with('-') { -i128::MAX } else { i128::MAX };
            Some(digits.parse().unwrap_or(beyond))
        }
        _ => None,
    }
}

fn span(microseconds: i128) -> Outcome {
    // CPython keeps the days in an int of C.
    if (microseconds / i128::from(crate::value::DAY)).abs() > i128::from(i32::MAX) {
        return Err(too_large());
    }
    Delta::of(microseconds).map(|delta| Value::Temporal(Temporal::Delta(delta))).map_err(|error| overflow(error.0))
}

/// Returns the quotient rounded to the nearest int, ties to even.
fn nearest(dividend: i128, divisor: i128) -> Result<i128, Exception> {
    if divisor == 0 {
        return Err(by_zero(ZERO));
    }
    let (quotient, rest) = (dividend.div_euclid(divisor), dividend.rem_euclid(divisor).unsigned_abs());
    let size = divisor.unsigned_abs();
    let step = if divisor > 0 { 1 } else { -1 };
    let more = rest > size - rest || (rest == size - rest && quotient % 2 != 0);
    Ok(if more { quotient + step } else { quotient })
}

/// Splits a float into an int and a power of two.
fn ratio(number: f64) -> Result<(i128, i32), Exception> {
    if number.is_nan() {
        return Err(value_error("cannot convert NaN to integer ratio"));
    }
    if number.is_infinite() {
        return Err(overflow("cannot convert Infinity to integer ratio"));
    }
    let bits = number.to_bits();
    let (exponent, fraction) = ((bits >> 52 & 0x7ff) as i32, i128::from(bits & ((1 << 52) - 1)));
    let (whole, power) = if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) };
    let zeros = if whole == 0 { 0 } else { whole.trailing_zeros() as i32 };
    let whole = whole >> zeros;
    Ok((if number < 0.0 { -whole } else { whole }, if whole == 0 { 0 } else { power + zeros }))
}

/// `number * 2**power`; None beyond 127 bits.
fn shifted(number: i128, power: u32) -> Option<i128> {
    match number {
        0 => Some(0),
        _ if power > 126 => None,
        _ => number.checked_mul(1 << power),
    }
}

pub(super) fn multiply(delta: Delta, call: &Call) -> Outcome {
    let (us, by) = (delta.total(), arg(call, 0));
    if let Value::Float(number) = by {
        let (whole, power) = ratio(number)?;
        let product = us.checked_mul(whole).ok_or_else(too_large)?;
        return span(match u32::try_from(power) {
            Ok(power) => shifted(product, power).ok_or_else(too_large)?,
            Err(_) => match shifted(1, power.unsigned_abs()) {
                Some(divisor) => nearest(product, divisor)?,
                // The product has fewer bits than the divisor, so it rounds to zero.
                None => 0,
            },
        });
    }
    match integer(&by) {
        Some(factor) => span(us.checked_mul(factor).ok_or_else(too_large)?),
        None => Ok(Value::NotImplemented),
    }
}

fn span_in(value: &Value) -> Option<i128> {
    match data(value) {
        Some(Value::Temporal(Temporal::Delta(delta))) => Some(delta.total()),
        _ => None,
    }
}

pub(super) fn divide(delta: Delta, call: &Call) -> Outcome {
    let (us, by) = (delta.total(), arg(call, 0));
    if let Value::Float(number) = by {
        let (whole, power) = ratio(number)?;
        if whole == 0 {
            return Err(by_zero(ZERO));
        }
        return span(match u32::try_from(power) {
            Ok(power) => shifted(whole, power).map_or(Ok(0), |divisor| nearest(us, divisor))?,
            Err(_) => nearest(shifted(us, power.unsigned_abs()).ok_or_else(too_large)?, whole)?,
        });
    }
    match (span_in(&by), integer(&by)) {
        (Some(0), _) => Err(by_zero("division by zero")),
        (Some(other), _) => Ok(Value::Float(quotient(us, other))),
        (None, Some(number)) => span(nearest(us, number)?),
        _ => Ok(Value::NotImplemented),
    }
}

/// Returns the float nearest to the quotient of two timedeltas.
fn quotient(dividend: i128, divisor: i128) -> f64 {
    let negative = (dividend < 0) != (divisor < 0) && dividend != 0;
    let (mut rest, size) = (dividend.unsigned_abs(), divisor.unsigned_abs());
    if rest == 0 {
        return 0.0;
    }
    // Scaled so that the quotient has at least 55 bits, and lost bits are reflected in the last one.
    let mut power = 0i32;
    while rest < size << 55 {
        rest <<= 1;
        power -= 1;
    }
    let (whole, sticky) = (rest / size, u128::from(rest % size != 0));
    let number = (whole | sticky) as f64 * 2f64.powi(power);
    if negative { -number } else { number }
}

/// `//`, `%` and `divmod`: the quotient and the remainder, which has the sign of the divisor.
fn floored(dividend: i128, divisor: i128) -> (i128, i128) {
    let (quotient, rest) = (dividend / divisor, dividend % divisor);
    match rest != 0 && (rest < 0) != (divisor < 0) {
        true => (quotient - 1, rest + divisor),
        false => (quotient, rest),
    }
}

fn whole(number: i128) -> Value {
    Value::int_from_le_bytes(&number.to_le_bytes())
}

pub(super) fn floor_divide(delta: Delta, call: &Call) -> Outcome {
    let by = arg(call, 0);
    match (span_in(&by), integer(&by)) {
        (Some(0), _) | (None, Some(0)) => Err(by_zero(ZERO)),
        (Some(other), _) => Ok(whole(floored(delta.total(), other).0)),
        (None, Some(number)) => span(floored(delta.total(), number).0),
        _ => Ok(Value::NotImplemented),
    }
}

pub(super) fn modulo(delta: Delta, call: &Call) -> Outcome {
    match span_in(&arg(call, 0)) {
        Some(0) => Err(by_zero("integer modulo by zero")),
        Some(other) => span(floored(delta.total(), other).1),
        None => Ok(Value::NotImplemented),
    }
}

pub(super) fn divmod(delta: Delta, call: &Call) -> Outcome {
    match span_in(&arg(call, 0)) {
        Some(0) => Err(by_zero(ZERO)),
        Some(other) => {
            let (quotient, rest) = floored(delta.total(), other);
            Ok(Value::tuple(vec![whole(quotient), span(rest)?]))
        }
        None => Ok(Value::NotImplemented),
    }
}
