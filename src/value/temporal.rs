//! Dates and times, as Python's module `datetime` has them: what they may be, how they compare, and reckoning with them.

mod text;

pub use text::TimeSpec;

use std::cmp::Ordering;

/// The microseconds of a second, and of a day.
pub const SECOND: i64 = 1_000_000;
pub const DAY: i64 = 86_400 * SECOND;
const MAX_YEAR: i64 = 9999;
/// The last day that there is, counted from the first of January of the year 1, which is 1.
const MAX_ORDINAL: i64 = 3_652_059;
const MAX_DELTA_DAYS: i64 = 999_999_999;

/// An invalid field of a date or a time, with Python's message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadTime(pub String);

fn bad<T>(text: impl Into<String>) -> Result<T, BadTime> {
    Err(BadTime(text.into()))
}

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// A time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    microsecond: u32,
    /// None: it is naive.
    offset: Option<Offset>,
    hour: u8,
    minute: u8,
    second: u8,
    /// Whether this is the second of two equal clock times, after the clock was set back.
    pub fold: bool,
}

/// The offset of local time from UTC: less than a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset {
    seconds: i32,
    /// Not negative.
    microseconds: u32,
}

/// A span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    days: i32,
    /// Less than a day.
    seconds: u32,
    /// Less than a second.
    microseconds: u32,
}

/// A value of one of the types of `datetime`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temporal {
    Date(Date),
    Time(Clock),
    DateTime(Date, Clock),
    Delta(Delta),
    /// A `timezone`, whose offset never changes.
    Zone(Offset),
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The days before a year.
fn days_before(year: i64) -> i64 {
    let y = year - 1;
    y * 365 + y / 4 - y / 100 + y / 400
}

impl Date {
    pub fn new(year: i64, month: i64, day: i64) -> Result<Date, BadTime> {
        match (year, month, day) {
            (1..=MAX_YEAR, 1..=12, 1..) if day <= days_in(year, month) => {
                Ok(Date { year: year as u16, month: month as u8, day: day as u8 })
            }
            (1..=MAX_YEAR, 1..=12, _) => bad("day is out of range for month"),
            (1..=MAX_YEAR, ..) => bad("month must be in 1..12"),
            _ => bad(format!("year {year} is out of range")),
        }
    }

    /// Python's `toordinal`.
    pub fn ordinal(self) -> i64 {
        let (year, month) = (i64::from(self.year), i64::from(self.month));
        days_before(year) + (1..month).map(|month| days_in(year, month)).sum::<i64>() + i64::from(self.day)
    }

    pub fn from_ordinal(ordinal: i64) -> Result<Date, BadTime> {
        if !(1..=MAX_ORDINAL).contains(&ordinal) {
            return bad("date value out of range");
        }
        // Never too late, and at most one year too early.
        let mut year = (ordinal - 1) * 400 / 146_097 + 1;
        while days_before(year) >= ordinal {
            year -= 1;
        }
        while days_before(year + 1) < ordinal {
            year += 1;
        }
        let (mut month, mut day) = (1, ordinal - days_before(year));
        while day > days_in(year, month) {
            day -= days_in(year, month);
            month += 1;
        }
        Date::new(year, month, day)
    }

    pub fn year(self) -> i64 {
        self.year.into()
    }

    pub fn month(self) -> i64 {
        self.month.into()
    }

    pub fn day(self) -> i64 {
        self.day.into()
    }
}

impl Clock {
    pub fn new(hour: i64, minute: i64, second: i64, microsecond: i64) -> Result<Clock, BadTime> {
        match (hour, minute, second, microsecond) {
            (0..=23, 0..=59, 0..=59, 0..SECOND) => Ok(Clock {
                microsecond: microsecond as u32,
                offset: None,
                hour: hour as u8,
                minute: minute as u8,
                second: second as u8,
                fold: false,
            }),
            (0..=23, 0..=59, 0..=59, _) => bad("microsecond must be in 0..999999"),
            (0..=23, 0..=59, ..) => bad("second must be in 0..59"),
            (0..=23, ..) => bad("minute must be in 0..59"),
            _ => bad("hour must be in 0..23"),
        }
    }

    /// Makes a clock time from microseconds since midnight.
    pub fn from_microseconds(of_day: i64) -> Result<Clock, BadTime> {
        let seconds = of_day.div_euclid(SECOND);
        Clock::new(seconds.div_euclid(3600), seconds / 60 % 60, seconds % 60, of_day.rem_euclid(SECOND))
    }

    pub fn with(self, offset: Option<Offset>, fold: bool) -> Clock {
        Clock { offset, fold, ..self }
    }

    pub fn hour(self) -> i64 {
        self.hour.into()
    }

    pub fn minute(self) -> i64 {
        self.minute.into()
    }

    pub fn second(self) -> i64 {
        self.second.into()
    }

    pub fn microsecond(self) -> i64 {
        self.microsecond.into()
    }

    pub fn offset(self) -> Option<Offset> {
        self.offset
    }

    pub fn of_day(self) -> i64 {
        ((self.hour() * 60 + self.minute()) * 60 + self.second()) * SECOND + self.microsecond()
    }
}

impl Offset {
    pub const UTC: Offset = Offset { seconds: 0, microseconds: 0 };

    pub fn new(microseconds: i64) -> Result<Offset, BadTime> {
        match microseconds > -DAY && microseconds < DAY {
            true => Ok(Offset {
                seconds: microseconds.div_euclid(SECOND) as i32,
                microseconds: microseconds.rem_euclid(SECOND) as u32,
            }),
            false => bad("an offset of a timezone must be less than 24 hours"),
        }
    }

    pub fn microseconds(self) -> i64 {
        i64::from(self.seconds) * SECOND + i64::from(self.microseconds)
    }

    pub fn delta(self) -> Delta {
        Delta::of(self.microseconds().into()).unwrap_or_default()
    }
}

impl Delta {
    /// Fields of any size and sign.
    pub fn new(days: i64, seconds: i64, microseconds: i64) -> Result<Delta, BadTime> {
        let [days, seconds, microseconds] = [days, seconds, microseconds].map(i128::from);
        Delta::of(days * i128::from(DAY) + seconds * i128::from(SECOND) + microseconds)
    }

    pub fn of(microseconds: i128) -> Result<Delta, BadTime> {
        let day = i128::from(DAY);
        let days = microseconds.div_euclid(day);
        let rest = microseconds.rem_euclid(day) as i64;
        match i32::try_from(days) {
            Ok(days) if i64::from(days).abs() <= MAX_DELTA_DAYS => {
                Ok(Delta { days, seconds: (rest / SECOND) as u32, microseconds: (rest % SECOND) as u32 })
            }
            _ => bad(format!("days={days}; must have magnitude <= {MAX_DELTA_DAYS}")),
        }
    }

    pub fn days(self) -> i64 {
        self.days.into()
    }

    pub fn seconds(self) -> i64 {
        self.seconds.into()
    }

    pub fn microseconds(self) -> i64 {
        self.microseconds.into()
    }

    /// All of it.
    pub fn total(self) -> i128 {
        i128::from(self.days) * i128::from(DAY) + i128::from(self.seconds() * SECOND + self.microseconds())
    }
}

impl Temporal {
    /// The name of its type in Python, within `datetime`.
    pub fn name(&self) -> &'static str {
        match self {
            Temporal::Date(_) => "date",
            Temporal::Time(_) => "time",
            Temporal::DateTime(..) => "datetime",
            Temporal::Delta(_) => "timedelta",
            Temporal::Zone(_) => "timezone",
        }
    }

    /// The name with its module.
    pub fn full_name(&self) -> &'static str {
        match self {
            Temporal::Date(_) => "datetime.date",
            Temporal::Time(_) => "datetime.time",
            Temporal::DateTime(..) => "datetime.datetime",
            Temporal::Delta(_) => "datetime.timedelta",
            Temporal::Zone(_) => "datetime.timezone",
        }
    }

    pub fn date(&self) -> Option<Date> {
        match self {
            Temporal::Date(date) | Temporal::DateTime(date, _) => Some(*date),
            _ => None,
        }
    }

    pub fn clock(&self) -> Option<Clock> {
        match self {
            Temporal::Time(clock) | Temporal::DateTime(_, clock) => Some(*clock),
            _ => None,
        }
    }

    pub fn is_aware(&self) -> bool {
        self.clock().is_some_and(|clock| clock.offset.is_some())
    }

    /// Python's equality compares this: the type, whether it is naive, and the position in time.
    pub fn key(&self) -> (u8, bool, i128) {
        let days = |date: &Date| i128::from(date.ordinal()) * i128::from(DAY);
        let time = |clock: &Clock| i128::from(clock.of_day() - clock.offset.map_or(0, |offset| offset.microseconds()));
        match self {
            Temporal::Date(date) => (0, false, days(date)),
            Temporal::Time(clock) => (1, clock.offset.is_some(), time(clock)),
            Temporal::DateTime(date, clock) => (2, clock.offset.is_some(), days(date) + time(clock)),
            Temporal::Delta(delta) => (3, false, delta.total()),
            Temporal::Zone(offset) => (4, false, offset.microseconds().into()),
        }
    }

    /// None where Python has no order: between types, naive and aware, and of timezones.
    pub fn order(&self, other: &Temporal) -> Option<Ordering> {
        let ((kind, aware, at), (other_kind, other_aware, other_at)) = (self.key(), other.key());
        ((kind, aware) == (other_kind, other_aware) && kind != 4).then(|| at.cmp(&other_at))
    }

    /// `self + span`, or None where Python adds nothing.
    pub fn plus(&self, span: i128) -> Option<Result<Temporal, BadTime>> {
        let day = i128::from(DAY);
        let out = || bad("date value out of range");
        let moved = |microseconds: i128| match i64::try_from(microseconds.div_euclid(day)) {
            Ok(ordinal) => Date::from_ordinal(ordinal).map(|date| (date, microseconds.rem_euclid(day) as i64)),
            Err(_) => out(),
        };
        let start = |date: &Date| i128::from(date.ordinal()) * day;
        Some(match self {
            // Only the days of a span count.
            Temporal::Date(date) => moved(start(date) + span.div_euclid(day) * day).map(|(d, _)| Temporal::Date(d)),
            Temporal::DateTime(date, clock) => {
                moved(start(date) + i128::from(clock.of_day()) + span).and_then(|(date, of_day)| {
                    let moved = Clock::from_microseconds(of_day)?.with(clock.offset, false);
                    Ok(Temporal::DateTime(date, moved))
                })
            }
            Temporal::Delta(delta) => Delta::of(delta.total() + span).map(Temporal::Delta),
            Temporal::Time(_) | Temporal::Zone(_) => return None,
        })
    }

    /// `self - other` of two dates or two datetimes.
    pub fn minus(&self, other: &Temporal) -> Option<Result<Temporal, BadTime>> {
        let ((kind @ (0 | 2), aware, at), (other_kind, other_aware, other_at)) = (self.key(), other.key()) else {
            return None;
        };
        match (kind == other_kind, aware == other_aware) {
            (true, true) => Some(Delta::of(at - other_at).map(Temporal::Delta)),
            (true, false) => Some(bad("can't subtract offset-naive and offset-aware datetimes")),
            _ => None,
        }
    }

    /// Its type as a number, days, microseconds, offset and flags: how it is written between librpyc peers.
    pub fn to_parts(self) -> (u8, i64, i64, i64, u8) {
        let clock = |clock: Clock| {
            let flags = u8::from(clock.offset.is_some()) | u8::from(clock.fold) << 1;
            (clock.of_day(), clock.offset.map_or(0, Offset::microseconds), flags)
        };
        match self {
            Temporal::Date(date) => (1, date.ordinal(), 0, 0, 0),
            Temporal::Time(time) => {
                let (of_day, offset, flags) = clock(time);
                (2, 0, of_day, offset, flags)
            }
            Temporal::DateTime(date, time) => {
                let (of_day, offset, flags) = clock(time);
                (3, date.ordinal(), of_day, offset, flags)
            }
            Temporal::Delta(delta) => (4, delta.days(), delta.seconds() * SECOND + delta.microseconds(), 0, 0),
            Temporal::Zone(offset) => (5, 0, 0, offset.microseconds(), 0),
        }
    }

    pub fn from_parts((kind, days, microseconds, offset, flags): (u8, i64, i64, i64, u8)) -> Result<Temporal, BadTime> {
        let clock = || {
            let offset = if flags & 1 != 0 { Some(Offset::new(offset)?) } else { None };
            Ok::<_, BadTime>(Clock::from_microseconds(microseconds)?.with(offset, flags & 2 != 0))
        };
        Ok(match kind {
            1 => Temporal::Date(Date::from_ordinal(days)?),
            2 => Temporal::Time(clock()?),
            3 => Temporal::DateTime(Date::from_ordinal(days)?, clock()?),
            4 => Temporal::Delta(Delta::new(days, 0, microseconds)?),
            5 => Temporal::Zone(Offset::new(offset)?),
            _ => return bad(format!("a time of the unknown type {kind}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(year: i64, month: i64, day: i64, of_day: i64, offset: Option<i64>) -> Temporal {
        let offset = offset.map(|offset| Offset::new(offset).unwrap());
        Temporal::DateTime(
            Date::new(year, month, day).unwrap(),
            Clock::from_microseconds(of_day).unwrap().with(offset, false),
        )
    }

    #[test]
    fn every_day_has_its_number() {
        for (year, month, day, ordinal) in
            [(1, 1, 1, 1), (1970, 1, 1, 719_163), (2000, 2, 29, 730_179), (9999, 12, 31, MAX_ORDINAL)]
        {
            assert_eq!(Date::new(year, month, day).unwrap().ordinal(), ordinal);
        }
        let mut last = 0;
        for ordinal in 1..=MAX_ORDINAL {
            let date = Date::from_ordinal(ordinal).unwrap();
            assert_eq!(date.ordinal(), ordinal);
            let key = (date.year() * 100 + date.month()) * 100 + date.day();
            assert!(key > last);
            last = key;
        }
        for wrong in [0, -1, MAX_ORDINAL + 1, i64::MIN, i64::MAX] {
            assert!(Date::from_ordinal(wrong).is_err());
        }
    }

    #[test]
    fn fields_that_are_none() {
        for (year, month, day) in
            [(0, 1, 1), (10_000, 1, 1), (1, 0, 1), (1, 13, 1), (1, 1, 0), (1900, 2, 29), (1, 4, 31)]
        {
            assert!(Date::new(year, month, day).is_err());
        }
        for clock in [(24, 0, 0, 0), (-1, 0, 0, 0), (0, 60, 0, 0), (0, 0, 60, 0), (0, 0, 0, SECOND), (0, 0, 0, -1)] {
            assert!(Clock::new(clock.0, clock.1, clock.2, clock.3).is_err());
        }
        for wrong in [DAY, -1, i64::MIN, i64::MAX] {
            assert!(Clock::from_microseconds(wrong).is_err());
        }
        assert!(Offset::new(DAY).is_err() && Offset::new(-DAY).is_err() && Offset::new(DAY - 1).is_ok());
        assert!(Delta::new(MAX_DELTA_DAYS, 0, DAY - 1).is_ok() && Delta::new(MAX_DELTA_DAYS, 0, DAY).is_err());
        assert!(Delta::new(-MAX_DELTA_DAYS, 0, 0).is_ok() && Delta::new(-MAX_DELTA_DAYS, 0, -1).is_err());
        assert!(Delta::new(i64::MAX, i64::MAX, i64::MAX).is_err() && Delta::new(i64::MIN, i64::MIN, i64::MIN).is_err());
    }

    #[test]
    fn aware_times_compare_by_the_moment() {
        let hour = 3600 * SECOND;
        let (noon, same) = (at(2024, 3, 1, 12 * hour, Some(0)), at(2024, 3, 1, 14 * hour, Some(2 * hour)));
        assert_eq!(noon.key(), same.key());
        assert_eq!(noon.order(&same), Some(Ordering::Equal));
        assert_eq!(noon.order(&at(2024, 3, 1, 12 * hour, None)), None);
        assert_eq!(at(2024, 3, 1, 0, None).order(&at(2024, 2, 29, hour, None)), Some(Ordering::Greater));
    }

    #[test]
    fn reckoning_stays_in_the_calendar() {
        let last = at(9999, 12, 31, DAY - 1, None);
        assert!(last.plus(1).unwrap().is_err() && at(1, 1, 1, 0, None).plus(-1).unwrap().is_err());
        for span in [i128::from(i64::MAX), i128::from(i64::MIN)] {
            assert!(last.plus(span).unwrap().is_err());
        }
        assert_eq!(at(2024, 2, 28, 0, None).plus(DAY.into()).unwrap().unwrap(), at(2024, 2, 29, 0, None));
        let day = Temporal::Date(Date::new(2024, 3, 1).unwrap());
        assert_eq!(day.plus(-1).unwrap().unwrap(), Temporal::Date(Date::new(2024, 2, 29).unwrap()));
        assert!(at(2024, 3, 1, 0, None).minus(&at(2024, 3, 1, 0, Some(0))).unwrap().is_err());
        assert!(day.minus(&last).is_none());
    }

    #[test]
    fn parts_both_ways() {
        let offset = Offset::new(-3600 * SECOND + 1).unwrap();
        let clock = Clock::new(23, 59, 58, 999_999).unwrap();
        for value in [
            Temporal::Date(Date::new(9999, 12, 31).unwrap()),
            Temporal::Time(clock.with(None, true)),
            Temporal::DateTime(Date::new(1, 1, 1).unwrap(), clock.with(Some(offset), false)),
            Temporal::Delta(Delta::new(-1, 0, 1).unwrap()),
            Temporal::Zone(offset),
        ] {
            assert_eq!(Temporal::from_parts(value.to_parts()).unwrap(), value);
        }
        for wrong in [(0, 1, 0, 0, 0), (6, 1, 0, 0, 0), (1, 0, 0, 0, 0), (2, 0, DAY, 0, 0), (3, 1, 0, DAY, 1)] {
            assert!(Temporal::from_parts(wrong).is_err());
        }
    }
}
