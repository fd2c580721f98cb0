//! Numbers, strings and bytes of values that are objects: their peers are asked.

use crate::connection::{self, Patience};
use crate::error::Error;
use crate::ffi::border::boundary::ffi_boundary;
use crate::ffi::border::handle;
use crate::ffi::border::pointer::{self, array, output};
use crate::ffi::border::status::{Failure, RPYC_ERR_ARGUMENT, Result, rpyc_status};
use crate::ffi::border::time::timeout;
use crate::ffi::border::types::{rpyc_async_result, rpyc_error, rpyc_value};
use crate::ffi::object::async_result::result_new;
use crate::ffi::value::kind::{
    RPYC_VALUE_BOOL, RPYC_VALUE_BYTES, RPYC_VALUE_DATE, RPYC_VALUE_DATETIME, RPYC_VALUE_FLOAT, RPYC_VALUE_INT,
    RPYC_VALUE_STR, RPYC_VALUE_TIME, RPYC_VALUE_TIMEDELTA, rpyc_value_kind_id,
};
use crate::objects::Target;
use crate::value::Value;
use std::mem::MaybeUninit;
use std::ptr;

/// What an accessor adds where it does not ask, and somebody else would.
pub(crate) fn hint(value: &Value, wanted: &str) -> &'static str {
    match (value, wanted) {
        (Value::Ref(_), "bool" | "int" | "float" | "str" | "bytes") => {
            "; rpyc_value_convert() requests the conversion from the object"
        }
        _ => "",
    }
}

fn target(kind: rpyc_value_kind_id) -> Result<Target> {
    Ok(match kind {
        RPYC_VALUE_BOOL => Target::Bool,
        RPYC_VALUE_INT => Target::Int,
        RPYC_VALUE_FLOAT => Target::Float,
        RPYC_VALUE_STR => Target::Str,
        RPYC_VALUE_BYTES => Target::Bytes,
        RPYC_VALUE_DATE => Target::Date,
        RPYC_VALUE_TIME => Target::Time,
        RPYC_VALUE_DATETIME => Target::DateTime,
        RPYC_VALUE_TIMEDELTA => Target::Delta,
        _ => {
            return Err(Failure::new(
                RPYC_ERR_ARGUMENT,
                format_args!("kind: unknown target {kind}; see rpyc_value_convert()"),
            ));
        }
    })
}

/// Values and what they become, as they come from C.
///
/// # Safety
/// Each pointer is NULL or has that many items; each value is NULL or live.
pub(crate) unsafe fn wanted(
    values: *const *const rpyc_value,
    kinds: *const rpyc_value_kind_id,
    count: usize,
) -> Result<Vec<(Value, Target)>> {
    // SAFETY: the same is asked of our caller.
    let (values, kinds) = unsafe { (array(values, count, "values")?, array(kinds, count, "kinds")?) };
    let pairs = values.iter().zip(kinds).enumerate();
    pairs
        .map(|(at, (value, kind))| {
            // SAFETY: the same is asked of our caller.
            let value = unsafe { pointer::value(*value, format_args!("values[{at}]")) }?;
            Ok((value.into_owned(), target(*kind)?))
        })
        .collect()
}

/// Time limit of a conversion: that of a synchronous request. It is the option sync_request_timeout, or a limit set
/// with rpyc_timeout_begin(), which may be shorter or longer.
pub const RPYC_TIMEOUT_DEFAULT: i64 = -2;

fn patience(timeout_ms: i64) -> Patience {
    match timeout_ms {
        RPYC_TIMEOUT_DEFAULT => Patience::Connection,
        _ => Patience::Limit(timeout(timeout_ms)),
    }
}

/// Converts a value to a bool, int, float, str, bytes, date or time, as CPython's own functions do.
///
/// Plain data is converted in this process. An object is asked. For a peer's object, RPyC's default rules are
/// sufficient.
///
/// - RPYC_VALUE_INT: an int is unchanged. A bool becomes 0 or 1. An object gives the result of its `__index__`
///   (numpy.int64, IntEnum). A float is never converted to an int.
/// - RPYC_VALUE_FLOAT: a float is unchanged. An int is rounded. An object gives the result of its `__float__`,
///   otherwise of its `__index__` (numpy.float32, Decimal, Fraction).
/// - RPYC_VALUE_BOOL: the result of Python's bool() for any value. An object gives the result of its `__bool__`,
///   otherwise of its `__len__`.
/// - RPYC_VALUE_STR and RPYC_VALUE_BYTES: an instance of a subclass (class Color(str, Enum)), which is recognized by
///   its methods, is copied as by [:], never by str().
/// - RPYC_VALUE_DATE, RPYC_VALUE_TIME, RPYC_VALUE_DATETIME, RPYC_VALUE_TIMEDELTA: an object of exactly that type of
///   Python's module datetime is copied, by its str(). DATETIME also accepts a Timestamp of pandas, without its
///   nanoseconds. The offset from UTC is kept, the name of a timezone is not. fold is kept if the time is naive. A
///   naive time costs two requests.
///
/// Anything else is RPYC_ERR_TYPE. A number costs one request, a str two.
///
/// ```c
/// static rpyc_status get_price(rpyc_object *order, double *out, rpyc_error **error_out)
/// {
///     rpyc_value *price = NULL, *number = NULL;
///     rpyc_status status = rpyc_object_get_attr(order, "price", &price, error_out); // a Decimal
///
///     if (!status)
///         status = rpyc_value_convert(price, RPYC_VALUE_FLOAT, 1000, &number, error_out);
///     if (!status)
///         status = rpyc_value_get_float(number, out, error_out);
///     rpyc_value_free(number);
///     rpyc_value_free(price);
///     return status;
/// }
/// ```
///
/// @param value borrowed
/// @param kind RPYC_VALUE_BOOL, RPYC_VALUE_INT, RPYC_VALUE_FLOAT, RPYC_VALUE_STR, RPYC_VALUE_BYTES, RPYC_VALUE_DATE,
///        RPYC_VALUE_TIME, RPYC_VALUE_DATETIME or RPYC_VALUE_TIMEDELTA
/// @param timeout_ms time limit for the peer in milliseconds; -1 for no limit; or RPYC_TIMEOUT_DEFAULT
/// @param value_out owned, free with rpyc_value_free(): a value of that kind
/// @param error_out owned, free with rpyc_error_free(); may be NULL; receives an exception that the object raises
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (another kind), RPYC_ERR_TYPE (cannot be converted to that kind),
///         RPYC_ERR_RANGE (an int beyond the range of double), RPYC_ERR_STATE (an object of a session), request errors
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_convert(
    value: *const rpyc_value,
    kind: rpyc_value_kind_id,
    timeout_ms: i64,
    value_out: *mut *mut rpyc_value,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(value_out, "value_out")?;
            let value = pointer::value(value, "value")?.into_owned();
            let one = vec![(value, target(kind)?)];
            let mut converted = connection::convert(one, patience(timeout_ms)).map_err(|(_, error)| error)?;
            out.put_value(converted.pop().unwrap_or_default())
        })
    }
}

/// Converts several values as rpyc_value_convert() does, with one burst of requests for all of them. It takes about as
/// long as the conversion of one.
///
/// ```c
/// const rpyc_value *values[2] = {rpyc_value_item(value, 0), rpyc_value_item(value, 1)};
/// const rpyc_value_kind_id kinds[2] = {RPYC_VALUE_FLOAT, RPYC_VALUE_STR};
/// rpyc_value *converted[2];
/// size_t failed = 0;
/// if (rpyc_value_convert_all(values, kinds, 2, 1000, converted, &failed, &error))
///     fprintf(stderr, "item %zu: %s\n", failed, rpyc_error_describe(error));
/// rpyc_value_free(converted[0]); // NULL on failure
/// rpyc_value_free(converted[1]);
/// ```
///
/// @param values borrowed; count values, none NULL; may be NULL if count is 0
/// @param kinds copied: the kind to convert each value to; may be NULL if count is 0
/// @param count number of values
/// @param timeout_ms time limit for the peer in milliseconds; -1 for no limit; or RPYC_TIMEOUT_DEFAULT
/// @param values_out owned, free each with rpyc_value_free(): count values; all NULL on failure
/// @param failed_out index of the value that cannot be converted, if the status is about one value; otherwise count;
///        may be NULL
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return as rpyc_value_convert
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_convert_all(
    values: *const *const rpyc_value,
    kinds: *const rpyc_value_kind_id,
    count: usize,
    timeout_ms: i64,
    values_out: *mut *mut rpyc_value,
    failed_out: *mut usize,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border; `values_out` is NULL or has `count` places.
    unsafe {
        ffi_boundary(error_out, || {
            if !failed_out.is_null() {
                failed_out.write(count);
            }
            array(values_out.cast::<MaybeUninit<*mut rpyc_value>>().cast_const(), count, "values_out")?;
            for place in 0..count {
                values_out.add(place).write(ptr::null_mut());
            }
            let values = wanted(values, kinds, count)?;
            let failed = |(at, error): (usize, Error)| {
                if !failed_out.is_null() {
                    failed_out.write(at);
                }
                error
            };
            let converted = connection::convert(values, patience(timeout_ms)).map_err(failed)?;
            for (place, value) in converted.into_iter().enumerate() {
                values_out.add(place).write(handle::value_new(value));
            }
            Ok(())
        })
    }
}

/// Converts several values as rpyc_value_convert_all() does, without waiting. All remote objects among them must belong
/// to one connection.
///
/// @param values borrowed; count values, none NULL; may be NULL if count is 0
/// @param kinds copied: the kind to convert each value to; may be NULL if count is 0
/// @param count number of values
/// @param timeout_ms time in milliseconds after which the result expires; -1 for no limit
/// @param result_out owned, free with rpyc_async_result_free(); its value is a tuple of the converted values
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (another kind, or objects of several connections), RPYC_ERR_STATE
///         (an object of a session), connection errors
///
/// Threads: any; never waits for the peer. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_value_convert_async(
    values: *const *const rpyc_value,
    kinds: *const rpyc_value_kind_id,
    count: usize,
    timeout_ms: i64,
    result_out: *mut *mut rpyc_async_result,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(result_out, "result_out")?;
            let promise = connection::convert_later(wanted(values, kinds, count)?, timeout(timeout_ms))?;
            out.put(result_new(promise))
        })
    }
}
