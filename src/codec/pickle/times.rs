//! Dates and times in pickles: the calls of Python's module `datetime`, with the bytes that its types keep their fields in.

use super::names::Maker;
use super::writer::Writer;
use super::{PickleError, op};
use crate::value::{BadTime, Clock, DAY, Date, Delta, Offset, Temporal, Value};

/// In the hour of a time, or the month of a datetime.
const FOLD: u8 = 0x80;

/// The callable by which a pickle makes one.
pub(super) fn maker(module: &str, name: &str) -> Option<Maker> {
    Some(match (module, name) {
        ("datetime", "date") => Maker::Date,
        ("datetime", "time") => Maker::Time,
        ("datetime", "datetime") => Maker::DateTime,
        ("datetime", "timedelta") => Maker::Delta,
        ("datetime", "timezone") => Maker::Zone,
        _ => return None,
    })
}

/// Calls a maker. None if the arguments do not fit.
pub(super) fn made(maker: Maker, values: &[Value]) -> Option<Temporal> {
    let (first, rest) = match values {
        [Value::Bytes(state)] => (&**state, None),
        [Value::Bytes(state), Value::Temporal(Temporal::Zone(offset))] => (&**state, Some(*offset)),
        _ => (&[][..], None),
    };
    let made = match (maker, first, values) {
        (Maker::Date, [y1, y0, month, day], [_]) => date([*y1, *y0, *month, *day]).map(Temporal::Date),
        (Maker::Time, [hour, clock @ ..], _) => {
            let fold = hour & FOLD != 0;
            clock_of(hour & !FOLD, clock)?.map(|clock| Temporal::Time(clock.with(rest, fold)))
        }
        (Maker::DateTime, [y1, y0, month, day, hour, clock @ ..], _) => {
            let fold = month & FOLD != 0;
            let date = date([*y1, *y0, month & !FOLD, *day]).ok()?;
            clock_of(*hour, clock)?.map(|clock| Temporal::DateTime(date, clock.with(rest, fold)))
        }
        (Maker::Delta, _, values) if values.len() <= 3 => {
            let mut numbers = [0; 3];
            for (number, value) in numbers.iter_mut().zip(values) {
                *number = if let Value::Int(n) = value { *n } else { return None };
            }
            let [days, seconds, microseconds] = numbers;
            Delta::new(days, seconds, microseconds).map(Temporal::Delta)
        }
        (
            Maker::Zone,
            _,
            [Value::Temporal(Temporal::Delta(delta))] | [Value::Temporal(Temporal::Delta(delta)), Value::Str(_)],
        ) => i64::try_from(delta.total()).map_or_else(|_| Offset::new(DAY), Offset::new).map(Temporal::Zone),
        _ => return None,
    };
    made.ok()
}

fn date([y1, y0, month, day]: [u8; 4]) -> Result<Date, BadTime> {
    Date::new(u16::from_be_bytes([y1, y0]).into(), month.into(), day.into())
}

/// Minute, second, and microseconds in three bytes.
fn clock_of(hour: u8, state: &[u8]) -> Option<Result<Clock, BadTime>> {
    let [minute, second, a, b, c] = state else { return None };
    let microsecond = u32::from_be_bytes([0, *a, *b, *c]);
    Some(Clock::new(hour.into(), (*minute).into(), (*second).into(), microsecond.into()))
}

fn put_date(state: &mut Vec<u8>, date: Date) {
    state.extend_from_slice(&(date.year() as u16).to_be_bytes());
    state.extend([date.month() as u8, date.day() as u8]);
}

fn put_clock(state: &mut Vec<u8>, clock: Clock) {
    let [_, microsecond @ ..] = (clock.microsecond() as u32).to_be_bytes();
    state.extend([clock.hour() as u8, clock.minute() as u8, clock.second() as u8]);
    state.extend_from_slice(&microsecond);
}

impl Writer {
    pub(super) fn time(&mut self, time: &Temporal) -> Result<(), PickleError> {
        self.out.extend_from_slice(format!("cdatetime\n{}\n", time.name()).as_bytes());
        self.out.push(op::MARK);
        let mut state = Vec::with_capacity(10);
        match time {
            Temporal::Delta(delta) => {
                for field in [delta.days(), delta.seconds(), delta.microseconds()] {
                    self.int(&Value::Int(field))?;
                }
            }
            Temporal::Zone(offset) => self.time(&Temporal::Delta(offset.delta()))?,
            Temporal::Date(date) => put_date(&mut state, *date),
            Temporal::Time(clock) => {
                put_clock(&mut state, *clock);
                state.first_mut().filter(|_| clock.fold).into_iter().for_each(|hour| *hour |= FOLD);
            }
            Temporal::DateTime(date, clock) => {
                put_date(&mut state, *date);
                put_clock(&mut state, *clock);
                state.get_mut(2).filter(|_| clock.fold).into_iter().for_each(|month| *month |= FOLD);
            }
        }
        if !state.is_empty() {
            self.bytes(&state)?;
        }
        if let Some(offset) = time.clock().and_then(Clock::offset) {
            self.time(&Temporal::Zone(offset))?;
        }
        self.out.extend([op::TUPLE, op::REDUCE]);
        Ok(())
    }
}
