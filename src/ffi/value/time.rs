//! Dates and times, to C data and from it.

use crate::ffi::border::boundary::ffi_boundary;
use crate::ffi::border::pointer::{self, Empty, output};
use crate::ffi::border::status::{Failure, RPYC_ERR_RANGE, RPYC_ERR_TYPE, Result, rpyc_status};
use crate::ffi::border::types::{rpyc_error, rpyc_value};
use crate::value::{BadTime, Clock, DAY, Date, Delta, Offset, Temporal, Value};

/// Fields of a date, a time or a datetime, with Python's names. The layout of this struct never changes.
///
/// A member that is not set is 0: {2026, 11, 30} is a day, and as a datetime it is naive and at midnight.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct rpyc_datetime {
    /// 1 to 9999
    pub year: i32,
    /// 1 to 12
    pub month: i32,
    /// 1 to the length of the month
    pub day: i32,
    /// 0 to 23
    pub hour: i32,
    /// 0 to 59
    pub minute: i32,
    /// 0 to 59; Python has no leap seconds
    pub second: i32,
    /// 0 to 999999
    pub microsecond: i32,
    /// 1 for the second occurrence of an ambiguous time, as in the night in which summer time ends; otherwise 0
    pub fold: i32,
    /// Whether the offset from UTC is known ("aware" in Python's terms). Otherwise the time is naive.
    pub aware: bool,
    /// Offset from UTC in microseconds: positive east of Greenwich, less than a day. Ignored if the time is naive.
    pub utcoffset: i64,
}

impl Empty for rpyc_datetime {
    const EMPTY: rpyc_datetime = rpyc_datetime {
        year: 0,
        month: 0,
        day: 0,
        hour: 0,
        minute: 0,
        second: 0,
        microsecond: 0,
        fold: 0,
        aware: false,
        utcoffset: 0,
    };
}

fn out_of_range(what: &str) -> impl FnOnce(BadTime) -> Failure {
    let what = what.to_owned();
    move |error| Failure::new(RPYC_ERR_RANGE, format_args!("{what}: {error}"))
}

fn wrong(value: &Value, wanted: &str) -> Failure {
    let hint = match value {
        Value::Ref(_) => "; rpyc_value_convert() requests the conversion from the object",
        _ => "",
    };
    Failure::new(RPYC_ERR_TYPE, format_args!("value is of type '{}', not {wanted}{hint}", value.type_name()))
}

impl rpyc_datetime {
    /// `what`: what they are fields of.
    fn date(&self, what: &str) -> Result<Date> {
        Date::new(self.year.into(), self.month.into(), self.day.into()).map_err(out_of_range(what))
    }

    fn clock(&self, what: &str) -> Result<Clock> {
        let [hour, minute, second, microsecond] =
            [self.hour, self.minute, self.second, self.microsecond].map(i64::from);
        let clock = Clock::new(hour, minute, second, microsecond).map_err(out_of_range(what))?;
        let fold = match self.fold {
            0 => false,
            1 => true,
            _ => return Err(Failure::new(RPYC_ERR_RANGE, format_args!("{what}: fold must be either 0 or 1"))),
        };
        let offset = match self.aware {
            true => Some(Offset::new(self.utcoffset).map_err(out_of_range("utcoffset"))?),
            false => None,
        };
        Ok(clock.with(offset, fold))
    }

    fn of(date: Option<Date>, clock: Option<Clock>) -> rpyc_datetime {
        let mut fields = rpyc_datetime::EMPTY;
        if let Some(date) = date {
            fields.year = date.year() as i32;
            fields.month = date.month() as i32;
            fields.day = date.day() as i32;
        }
        if let Some(clock) = clock {
            fields.hour = clock.hour() as i32;
            fields.minute = clock.minute() as i32;
            fields.second = clock.second() as i32;
            fields.microsecond = clock.microsecond() as i32;
            fields.fold = clock.fold.into();
            fields.aware = clock.offset().is_some();
            fields.utcoffset = clock.offset().map_or(0, Offset::microseconds);
        }
        fields
    }
}

/// The fields that a caller gives.
///
/// # Safety
/// NULL, or it can be read.
unsafe fn fields(pointer: *const rpyc_datetime, argument: &str) -> Result<rpyc_datetime> {
    // SAFETY: not NULL, so it can be read.
    unsafe { pointer.as_ref() }.copied().ok_or_else(|| Failure::null(argument))
}

/// Makes a date, Python's datetime.date.
///
/// @param year 1 to 9999
/// @param month 1 to 12
/// @param day 1 to the length of the month
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_RANGE (no such day)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_new_date(
    year: i32,
    month: i32,
    day: i32,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let value_out = output(value_out, "value_out")?;
            let date = Date::new(year.into(), month.into(), day.into()).map_err(out_of_range("date"))?;
            value_out.put_value(Value::Temporal(Temporal::Date(date)))
        })
    }
}

/// Makes a time of day, Python's datetime.time.
///
/// @param time copied; year, month and day are ignored
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_RANGE (a field out of range)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_new_time(
    time: *const rpyc_datetime,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let value_out = output(value_out, "value_out")?;
            let clock = fields(time, "time")?.clock("time")?;
            value_out.put_value(Value::Temporal(Temporal::Time(clock)))
        })
    }
}

/// Makes a date with a time of day, Python's datetime.datetime.
///
/// @param datetime copied
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_RANGE (a field out of range)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_new_datetime(
    datetime: *const rpyc_datetime,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let value_out = output(value_out, "value_out")?;
            let fields = fields(datetime, "datetime")?;
            let (date, clock) = (fields.date("datetime")?, fields.clock("datetime")?);
            value_out.put_value(Value::Temporal(Temporal::DateTime(date, clock)))
        })
    }
}

/// Makes a datetime in UTC, Python's datetime.fromtimestamp(microseconds / 1e6, timezone.utc).
///
/// @param microseconds microseconds since the beginning of 1970 in UTC; negative before it
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_RANGE (not in the years 1 to 9999)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_new_timestamp(
    microseconds: i64,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let value_out = output(value_out, "value_out")?;
            let day = microseconds.div_euclid(DAY) + EPOCH;
            let date = Date::from_ordinal(day).map_err(out_of_range("timestamp"))?;
            let clock = Clock::from_microseconds(microseconds.rem_euclid(DAY)).map_err(out_of_range("timestamp"))?;
            value_out.put_value(Value::Temporal(Temporal::DateTime(date, clock.with(Some(Offset::UTC), false))))
        })
    }
}

/// The ordinal of the first day of 1970.
const EPOCH: i64 = 719_163;

/// Makes a duration, Python's datetime.timedelta(days, seconds, microseconds).
///
/// Each argument may have any size and sign. The result is normalized as in Python.
///
/// @param days days
/// @param seconds seconds
/// @param microseconds microseconds
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_RANGE (more than 999999999 days)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_new_timedelta(
    days: i64,
    seconds: i64,
    microseconds: i64,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let value_out = output(value_out, "value_out")?;
            let delta = Delta::new(days, seconds, microseconds).map_err(out_of_range("timedelta"))?;
            value_out.put_value(Value::Temporal(Temporal::Delta(delta)))
        })
    }
}

/// Makes a timezone with a fixed offset, Python's datetime.timezone.
///
/// @param utcoffset offset from UTC in microseconds, less than a day; 0 for timezone.utc
/// @param value_out owned, free with rpyc_value_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_RANGE (a day or more)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_new_timezone(
    utcoffset: i64,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let value_out = output(value_out, "value_out")?;
            let offset = Offset::new(utcoffset).map_err(out_of_range("utcoffset"))?;
            value_out.put_value(Value::Temporal(Temporal::Zone(offset)))
        })
    }
}

/// Gets the fields of a date, time or datetime. Fields that the kind does not have are 0; rpyc_value_kind() returns the
/// kind.
///
/// ```c
/// rpyc_datetime at;
/// if (!rpyc_value_get_datetime(value, &at, &error))
///     printf("%04d-%02d-%02d\n", (int)at.year, (int)at.month, (int)at.day);
/// ```
///
/// @param value borrowed; a date, time or datetime
/// @param datetime_out the fields
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_get_datetime(
    value: *const rpyc_value,
    datetime_out: *mut rpyc_datetime,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(datetime_out, "datetime_out")?;
            match &*pointer::value(value, "value")? {
                Value::Temporal(time @ (Temporal::Date(_) | Temporal::Time(_) | Temporal::DateTime(..))) => {
                    out.put(rpyc_datetime::of(time.date(), time.clock()))
                }
                other => Err(wrong(other, "date, time or datetime")),
            }
        })
    }
}

/// Gets the point in time of a datetime as a number. A naive datetime is taken as UTC.
///
/// @param value borrowed; a datetime
/// @param microseconds_out microseconds since the beginning of 1970 in UTC; negative before it
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_get_timestamp(
    value: *const rpyc_value,
    microseconds_out: *mut i64,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(microseconds_out, "microseconds_out")?;
            match &*pointer::value(value, "value")? {
                Value::Temporal(Temporal::DateTime(date, clock)) => {
                    let offset = clock.offset().map_or(0, Offset::microseconds);
                    out.put((date.ordinal() - EPOCH) * DAY + clock.of_day() - offset)
                }
                other => Err(wrong(other, "datetime")),
            }
        })
    }
}

/// Gets the parts of a timedelta, normalized as in Python, or of the offset of a timezone.
///
/// @param value borrowed; a timedelta or a timezone
/// @param days_out days, -999999999 to 999999999
/// @param seconds_out seconds, 0 to 86399
/// @param microseconds_out microseconds, 0 to 999999
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_get_timedelta(
    value: *const rpyc_value,
    days_out: *mut i64,
    seconds_out: *mut i64,
    microseconds_out: *mut i64,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let days_out = output(days_out, "days_out");
            let seconds_out = output(seconds_out, "seconds_out");
            let microseconds_out = output(microseconds_out, "microseconds_out");
            let (days_out, seconds_out, microseconds_out) = (days_out?, seconds_out?, microseconds_out?);
            let delta = match &*pointer::value(value, "value")? {
                Value::Temporal(Temporal::Delta(delta)) => *delta,
                Value::Temporal(Temporal::Zone(offset)) => offset.delta(),
                other => return Err(wrong(other, "timedelta")),
            };
            days_out.put(delta.days())?;
            seconds_out.put(delta.seconds())?;
            microseconds_out.put(delta.microseconds())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::border::handle;
    use std::ptr;

    fn made(make: impl FnOnce(*mut *mut rpyc_value) -> rpyc_status) -> std::result::Result<Value, rpyc_status> {
        let mut value = ptr::null_mut();
        match make(&raw mut value) {
            // SAFETY: it has been made, and is given up.
            0 => Ok(unsafe { handle::value_take(value) }.unwrap_or_default()),
            status => {
                assert!(value.is_null());
                Err(status)
            }
        }
    }

    #[test]
    fn fields_both_ways() {
        let fields = rpyc_datetime {
            year: 2026,
            month: 10,
            day: 25,
            hour: 2,
            minute: 30,
            second: 1,
            microsecond: 5,
            fold: 1,
            aware: true,
            utcoffset: -5 * 3_600_000_000,
        };
        // SAFETY: the fields and the place are there, and handles live until they are freed.
        unsafe {
            let value = made(|out| rpyc_value_new_datetime(&raw const fields, out, ptr::null_mut())).unwrap();
            let handle = handle::value_new(value);
            let mut again = rpyc_datetime::default();
            assert_eq!(rpyc_value_get_datetime(handle, &raw mut again, ptr::null_mut()), 0);
            assert_eq!(again, fields);
            let mut stamp = 0;
            assert_eq!(rpyc_value_get_timestamp(handle, &raw mut stamp, ptr::null_mut()), 0);
            drop(handle::value_take(handle));
            let utc = made(|out| rpyc_value_new_timestamp(stamp, out, ptr::null_mut())).unwrap();
            assert_eq!(utc.repr(), "datetime.datetime(2026, 10, 25, 7, 30, 1, 5, tzinfo=datetime.timezone.utc)");
        }
    }

    #[test]
    fn what_is_out_of_range() {
        let null = ptr::null_mut();
        // SAFETY: the fields and the place are there.
        unsafe {
            assert_eq!(made(|out| rpyc_value_new_date(2026, 2, 29, out, null)), Err(RPYC_ERR_RANGE));
            assert_eq!(made(|out| rpyc_value_new_timedelta(1_000_000_000, 0, 0, out, null)), Err(RPYC_ERR_RANGE));
            assert_eq!(made(|out| rpyc_value_new_timezone(DAY, out, null)), Err(RPYC_ERR_RANGE));
            for stamp in [i64::MIN, i64::MAX, -62_135_596_800_000_001, 253_402_300_800_000_000] {
                assert_eq!(made(|out| rpyc_value_new_timestamp(stamp, out, null)), Err(RPYC_ERR_RANGE));
            }
            for stamp in [-62_135_596_800_000_000, 253_402_300_799_999_999] {
                assert!(made(|out| rpyc_value_new_timestamp(stamp, out, null)).is_ok());
            }
            let midnight = rpyc_datetime { year: 2026, month: 11, day: 30, ..rpyc_datetime::EMPTY };
            for wrong in [
                rpyc_datetime { hour: 24, ..midnight },
                rpyc_datetime { second: 60, ..midnight },
                rpyc_datetime { fold: 2, ..midnight },
                rpyc_datetime { aware: true, utcoffset: DAY, ..midnight },
            ] {
                assert_eq!(made(|out| rpyc_value_new_datetime(&raw const wrong, out, null)), Err(RPYC_ERR_RANGE));
                assert_eq!(made(|out| rpyc_value_new_time(&raw const wrong, out, null)), Err(RPYC_ERR_RANGE));
            }
            let naive = rpyc_datetime { utcoffset: DAY, ..midnight };
            let value = made(|out| rpyc_value_new_datetime(&raw const naive, out, null)).unwrap();
            assert_eq!(value.repr(), "datetime.datetime(2026, 11, 30, 0, 0)");
        }
    }
}
