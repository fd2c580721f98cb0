//! Dates and times as Python prints them, and read back from that.

use super::super::Value;
use super::{Clock, Date, Delta, Offset, SECOND, Temporal};
use std::fmt::Write;

/// Neither String nor what it is formatted into fails.
macro_rules! push {
    ($out:expr, $($args:tt)*) => {
        write!($out, $($args)*).unwrap_or(())
    };
}

/// The last field of `isoformat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeSpec {
    Auto,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
    Microseconds,
}

impl TimeSpec {
    pub fn named(name: &str) -> Option<TimeSpec> {
        Some(match name {
            "auto" => TimeSpec::Auto,
            "hours" => TimeSpec::Hours,
            "minutes" => TimeSpec::Minutes,
            "seconds" => TimeSpec::Seconds,
            "milliseconds" => TimeSpec::Milliseconds,
            "microseconds" => TimeSpec::Microseconds,
            _ => return None,
        })
    }
}

impl Date {
    fn iso(self, out: &mut String) {
        push!(out, "{:04}-{:02}-{:02}", self.year, self.month, self.day);
    }
}

impl Clock {
    fn iso(self, out: &mut String, spec: TimeSpec) {
        let Clock { hour, minute, second, microsecond, .. } = self;
        match spec {
            TimeSpec::Hours => push!(out, "{hour:02}"),
            TimeSpec::Minutes => push!(out, "{hour:02}:{minute:02}"),
            _ => push!(out, "{hour:02}:{minute:02}:{second:02}"),
        }
        match spec {
            TimeSpec::Auto if microsecond > 0 => push!(out, ".{microsecond:06}"),
            TimeSpec::Milliseconds => push!(out, ".{:03}", microsecond / 1000),
            TimeSpec::Microseconds => push!(out, ".{microsecond:06}"),
            _ => {}
        }
        if let Some(offset) = self.offset {
            offset.iso(out);
        }
    }
}

impl Offset {
    fn iso(self, out: &mut String) {
        let all = self.microseconds();
        let (sign, rest) = (if all < 0 { '-' } else { '+' }, all.abs());
        let (seconds, microseconds) = (rest / SECOND, rest % SECOND);
        push!(out, "{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
        if seconds % 60 > 0 || microseconds > 0 {
            push!(out, ":{:02}", seconds % 60);
        }
        if microseconds > 0 {
            push!(out, ".{microseconds:06}");
        }
    }

    /// Python's `timezone.tzname`.
    pub fn name(self) -> String {
        let mut out = String::from("UTC");
        if self != Offset::UTC {
            self.iso(&mut out);
        }
        out
    }

    fn repr(self) -> String {
        match self {
            Offset::UTC => "datetime.timezone.utc".into(),
            offset => format!("datetime.timezone({})", offset.delta().repr()),
        }
    }
}

impl Delta {
    fn text(self) -> String {
        let mut out = String::new();
        if self.days != 0 {
            push!(out, "{} day{}, ", self.days, if self.days.abs() == 1 { "" } else { "s" });
        }
        push!(out, "{}:{:02}:{:02}", self.seconds / 3600, self.seconds / 60 % 60, self.seconds % 60);
        if self.microseconds > 0 {
            push!(out, ".{:06}", self.microseconds);
        }
        out
    }

    fn repr(self) -> String {
        let fields = [
            ("days", i64::from(self.days)),
            ("seconds", i64::from(self.seconds)),
            ("microseconds", i64::from(self.microseconds)),
        ];
        let named: Vec<String> =
            fields.iter().filter(|(_, n)| *n != 0).map(|(name, n)| format!("{name}={n}")).collect();
        format!("datetime.timedelta({})", if named.is_empty() { "0".into() } else { named.join(", ") })
    }
}

impl Temporal {
    /// Python's `isoformat`, or `str()` for types without it.
    pub fn iso(&self, separator: char, spec: TimeSpec) -> String {
        let mut out = String::new();
        match self {
            Temporal::Date(date) => date.iso(&mut out),
            Temporal::Time(clock) => clock.iso(&mut out, spec),
            Temporal::DateTime(date, clock) => {
                date.iso(&mut out);
                out.push(separator);
                clock.iso(&mut out, spec);
            }
            Temporal::Delta(delta) => out = delta.text(),
            Temporal::Zone(offset) => out = offset.name(),
        }
        out
    }

    /// Python's `str()`.
    pub fn text(&self) -> String {
        self.iso(' ', TimeSpec::Auto)
    }

    /// Python's `repr()`.
    pub fn repr(&self) -> String {
        let name = self.full_name();
        let mut out = format!("{name}(");
        match self {
            Temporal::Date(Date { year, month, day }) => push!(out, "{year}, {month}, {day}"),
            Temporal::Time(_) => {}
            Temporal::DateTime(Date { year, month, day }, _) => push!(out, "{year}, {month}, {day}, "),
            Temporal::Delta(delta) => return delta.repr(),
            Temporal::Zone(offset) => return offset.repr(),
        }
        if let Some(clock) = self.clock() {
            push!(out, "{}, {}", clock.hour, clock.minute);
            if clock.second > 0 || clock.microsecond > 0 {
                push!(out, ", {}", clock.second);
            }
            if clock.microsecond > 0 {
                push!(out, ", {}", clock.microsecond);
            }
            let fold = if clock.fold { ", fold=1" } else { "" };
            match (self, clock.offset) {
                (_, None) => out.push_str(fold),
                // CPython has the two in another order in a time than in a datetime.
                (Temporal::Time(_), Some(offset)) => push!(out, ", tzinfo={}{fold}", offset.repr()),
                (_, Some(offset)) => push!(out, "{fold}, tzinfo={}", offset.repr()),
            }
        }
        out.push(')');
        out
    }

    /// Returns whether the string may leave `fold` open. With a known offset, the moment is known.
    pub fn may_be_folded(&self) -> bool {
        self.clock().is_some_and(|clock| clock.offset.is_none())
    }

    /// The same time, folded if its `repr()` shows that.
    pub fn folded_as(self, repr: &Value) -> Temporal {
        let fold = matches!(repr, Value::Str(text) if text.as_str().contains("fold=1"));
        match self {
            Temporal::Time(clock) => Temporal::Time(clock.with(clock.offset, fold)),
            Temporal::DateTime(date, clock) => Temporal::DateTime(date, clock.with(clock.offset, fold)),
            other => other,
        }
    }

    /// Parses a string of `iso` for the type of this name; digits after the microseconds are cut off. Naive times are
    /// not folded.
    pub fn parse(name: &str, text: &str) -> Option<Temporal> {
        let mut rest = Rest(text.as_bytes());
        let value = match name {
            "date" => Temporal::Date(rest.date()?),
            "time" => Temporal::Time(rest.clock()?),
            "datetime" => {
                let date = rest.date()?;
                rest.eat(b' ')?;
                Temporal::DateTime(date, rest.clock()?)
            }
            "timedelta" => Temporal::Delta(rest.delta()?),
            "timezone" => {
                "UTC".bytes().try_for_each(|byte| rest.eat(byte))?;
                Temporal::Zone(rest.offset()?.unwrap_or(Offset::UTC))
            }
            _ => return None,
        };
        rest.0.is_empty().then_some(value)
    }
}

/// The rest of the input.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn eat(&mut self, wanted: u8) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        (*first == wanted).then(|| self.0 = rest)
    }

    /// Reads from `least` to `most` digits. Returns the number and the count of digits.
    fn digits(&mut self, least: usize, most: usize) -> Option<(i64, usize)> {
        let count = self.0.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at_checked(count).filter(|_| count >= least)?;
        self.0 = rest;
        Some((digits.iter().fold(0, |n, digit| n * 10 + i64::from(digit - b'0')), count))
    }

    fn two(&mut self) -> Option<i64> {
        self.digits(2, 2).map(|(n, _)| n)
    }

    fn date(&mut self) -> Option<Date> {
        let (year, _) = self.digits(4, 4)?;
        self.eat(b'-')?;
        let month = self.two()?;
        self.eat(b'-')?;
        Date::new(year, month, self.two()?).ok()
    }

    /// The microseconds behind a point, if there is one.
    fn fraction(&mut self) -> Option<i64> {
        if self.eat(b'.').is_none() {
            return Some(0);
        }
        let (fraction, _) = self.digits(6, 6)?;
        self.digits(0, 3)?;
        Some(fraction)
    }

    fn clock(&mut self) -> Option<Clock> {
        let hour = self.two()?;
        self.eat(b':')?;
        let minute = self.two()?;
        self.eat(b':')?;
        let second = self.two()?;
        let clock = Clock::new(hour, minute, second, self.fraction()?).ok()?;
        Some(clock.with(self.offset()?, false))
    }

    /// Some(None): there is none.
    fn offset(&mut self) -> Option<Option<Offset>> {
        let sign = match self.0.first() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Some(None),
        };
        self.0 = self.0.get(1..)?;
        let hour = self.two()?;
        self.eat(b':')?;
        let minute = self.two()?;
        let second = if self.eat(b':').is_some() { self.two()? } else { 0 };
        let all = ((hour * 60 + minute) * 60 + second) * SECOND + self.fraction()?;
        Offset::new(sign * all).ok().map(Some)
    }

    fn delta(&mut self) -> Option<Delta> {
        let sign = if self.eat(b'-').is_some() { -1 } else { 1 };
        let (mut hours, _) = self.digits(1, 9)?;
        let mut days = 0;
        if self.eat(b' ').is_some() {
            days = sign * hours;
            "day".bytes().try_for_each(|byte| self.eat(byte))?;
            let _ = self.eat(b's');
            self.eat(b',')?;
            self.eat(b' ')?;
            hours = self.digits(1, 2)?.0;
        } else if sign < 0 {
            return None;
        }
        self.eat(b':')?;
        let minutes = self.two()?;
        self.eat(b':')?;
        let seconds = self.two()?;
        Delta::new(days, (hours * 60 + minutes) * 60 + seconds, self.fraction()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset(microseconds: i64) -> Option<Offset> {
        Some(Offset::new(microseconds).unwrap())
    }

    /// Each as CPython 3.11 prints it.
    #[test]
    fn texts_of_cpython() {
        let date = Date::new(2026, 1, 9).unwrap();
        let clock = |hour, minute, second, microsecond| Clock::new(hour, minute, second, microsecond).unwrap();
        let delta = |days, seconds, microseconds| Temporal::Delta(Delta::new(days, seconds, microseconds).unwrap());
        let hour = 3600 * SECOND;
        let cases = [
            (Temporal::Date(date), "2026-01-09", "datetime.date(2026, 1, 9)"),
            (Temporal::Time(clock(0, 0, 0, 0)), "00:00:00", "datetime.time(0, 0)"),
            (Temporal::Time(clock(1, 2, 0, 5)), "01:02:00.000005", "datetime.time(1, 2, 0, 5)"),
            (
                Temporal::DateTime(date, clock(1, 2, 3, 0).with(offset(0), false)),
                "2026-01-09 01:02:03+00:00",
                "datetime.datetime(2026, 1, 9, 1, 2, 3, tzinfo=datetime.timezone.utc)",
            ),
            (
                Temporal::DateTime(date, clock(1, 2, 0, 0).with(offset(-hour - 1), true)),
                "2026-01-09 01:02:00-01:00:00.000001",
                "datetime.datetime(2026, 1, 9, 1, 2, fold=1, tzinfo=datetime.timezone(\
                 datetime.timedelta(days=-1, seconds=82799, microseconds=999999)))",
            ),
            (delta(0, 0, 0), "0:00:00", "datetime.timedelta(0)"),
            (delta(-1, 5, 0), "-1 day, 0:00:05", "datetime.timedelta(days=-1, seconds=5)"),
            (delta(2, 3661, 7), "2 days, 1:01:01.000007", "datetime.timedelta(days=2, seconds=3661, microseconds=7)"),
            (Temporal::Zone(Offset::UTC), "UTC", "datetime.timezone.utc"),
            (
                Temporal::Zone(Offset::new(5 * hour + hour / 2).unwrap()),
                "UTC+05:30",
                "datetime.timezone(datetime.timedelta(seconds=19800))",
            ),
        ];
        for (value, text, repr) in cases {
            assert_eq!(value.text(), text);
            assert_eq!(value.repr(), repr);
            let unfolded = match value {
                Temporal::DateTime(date, clock) => Temporal::DateTime(date, clock.with(clock.offset(), false)),
                other => other,
            };
            assert_eq!(Temporal::parse(value.name(), text), Some(unfolded), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_not_read() {
        for (name, text) in [
            ("date", "2026-1-9"),
            ("date", "2026-02-30"),
            ("date", "2026-01-09 "),
            ("datetime", "2026-01-09T00:00:00"),
            ("datetime", "NaT"),
            ("time", "24:00:00"),
            ("time", "00:00:00.5"),
            ("time", "00:00:00+24:00"),
            ("time", "00:00:00+1:00"),
            ("timedelta", "-1:00:00"),
            ("timedelta", "1000000000 days, 0:00:00"),
            ("timedelta", "9999999999 days, 0:00:00"),
            ("timezone", "CET"),
            ("list", "[]"),
        ] {
            assert_eq!(Temporal::parse(name, text), None, "{name} {text}");
        }
        let nanoseconds = Temporal::parse("datetime", "2026-01-09 00:00:00.123456789").unwrap();
        assert_eq!(nanoseconds.text(), "2026-01-09 00:00:00.123456");
        let long = Temporal::parse("timedelta", "1 day, 99:59:59").unwrap();
        assert_eq!(long.text(), "5 days, 3:59:59");
    }

    #[test]
    fn isoformat_goes_as_far_as_it_is_told() {
        let date = Date::new(1, 2, 3).unwrap();
        let value = Temporal::DateTime(date, Clock::new(4, 5, 6, 7_890).unwrap().with(offset(60 * SECOND), false));
        for (name, text) in [
            ("auto", "0001-02-03T04:05:06.007890+00:01"),
            ("hours", "0001-02-03T04+00:01"),
            ("minutes", "0001-02-03T04:05+00:01"),
            ("seconds", "0001-02-03T04:05:06+00:01"),
            ("milliseconds", "0001-02-03T04:05:06.007+00:01"),
            ("microseconds", "0001-02-03T04:05:06.007890+00:01"),
        ] {
            assert_eq!(value.iso('T', TimeSpec::named(name).unwrap()), text);
        }
        assert_eq!(TimeSpec::named("years"), None);
    }
}
