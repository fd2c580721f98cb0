/** Times: durations, time points and days of std::chrono, and the fields of dates and times. */
#ifndef RPYC_TIMES_HPP
#define RPYC_TIMES_HPP

#include "convert.hpp"

#include <chrono>

namespace rpyc {

namespace detail {

/** Whole seconds, and the microseconds after them, which are not negative. */
struct Span {
    std::int64_t seconds, microseconds;
};

template <class Rep, class Period>
Span span_of(std::chrono::duration<Rep, Period> time, const char *what) {
    using namespace std::chrono;
    // Below the longest timedelta, and small enough that the seconds and the ticks do not overflow.
    if (!(std::abs(duration<double>(time).count()) < 8.64e13))
        throw ConversionError::out_of_range(what);
    const auto whole = floor<seconds>(time);
    const auto rest = floor<std::chrono::microseconds>(time - whole);
    return {static_cast<std::int64_t>(whole.count()), static_cast<std::int64_t>(rest.count())};
}

/** Returns the nearest number of ticks of a duration; throws if it is out of range. */
template <class Duration>
Duration duration_of(Span span, const char *what) {
    using Rep = typename Duration::rep;
    using Period = typename Duration::period;
    using namespace std::chrono;
    const long double ticks =
        (static_cast<long double>(span.seconds) + static_cast<long double>(span.microseconds) / 1000000) *
        (static_cast<long double>(Period::den) / static_cast<long double>(Period::num));
    if constexpr (std::is_floating_point_v<Rep>) {
        return Duration(static_cast<Rep>(ticks));
    } else {
        if (!(std::abs(ticks) < static_cast<long double>(std::numeric_limits<Rep>::max())))
            throw ConversionError::out_of_range(what);
        if constexpr (std::ratio_less_equal_v<Period, std::micro>)
            return duration_cast<Duration>(seconds(span.seconds)) +
                   duration_cast<Duration>(std::chrono::microseconds(span.microseconds));
        else
            return Duration(static_cast<Rep>(std::llround(ticks)));
    }
}

inline Value timedelta(Span span) {
    rpyc_value *out = nullptr;
    if (rpyc_value_new_timedelta(0, span.seconds, span.microseconds, &out, nullptr) != RPYC_OK)
        throw ConversionError::out_of_range("timedelta");
    return Value::adopt(out);
}

/** Splits a timedelta, or the offset of a timezone, into seconds and microseconds. */
inline bool span_in(View value, Span &span) {
    std::int64_t days = 0;
    if (rpyc_value_get_timedelta(value.raw(), &days, &span.seconds, &span.microseconds, nullptr) != RPYC_OK)
        return false;
    span.seconds += days * 86400;
    return true;
}

}  // namespace detail

template <class Rep, class Period>
Value Value::timedelta(std::chrono::duration<Rep, Period> span) {
    return detail::timedelta(detail::span_of(span, "timedelta"));
}

template <class Rep, class Period>
Value Value::timezone(std::chrono::duration<Rep, Period> utcoffset) {
    const detail::Span span = detail::span_of(utcoffset, "timezone");
    rpyc_value *out = nullptr;
    if (std::abs(span.seconds) > 86400 ||
        rpyc_value_new_timezone(span.seconds * 1000000 + span.microseconds, &out, nullptr) != RPYC_OK)
        throw ConversionError::out_of_range("timezone");
    return adopt(out);
}

/**
 * Converts a duration to Python seconds as a float, which time.sleep() and similar functions take. Value::timedelta()
 * makes a timedelta. Converts back from a number of seconds or a timedelta, rounded to the nearest tick.
 */
template <class Rep, class Period>
struct Convert<std::chrono::duration<Rep, Period>> {
    using Duration = std::chrono::duration<Rep, Period>;
    static Value to(Duration value) { return Value(std::chrono::duration<double>(value).count()); }
    static Duration from(View value) {
        detail::Span span{};
        if (detail::span_in(value, span))
            return detail::duration_of<Duration>(span, "duration");
        if (value.is_object()) {
            const Value plain = detail::plain(value, detail::duration_kind, name());
            return from(plain);
        }
        using Ticks = std::chrono::duration<double, Period>;
        const double ticks = Ticks(std::chrono::duration<double>(value.as<double>())).count();
        if constexpr (std::is_integral_v<Rep>) {
            if (!(std::abs(ticks) < static_cast<double>(std::numeric_limits<Rep>::max())))
                throw ConversionError::out_of_range("duration");
            return Duration(static_cast<Rep>(std::llround(ticks)));
        } else {
            return Duration(static_cast<Rep>(ticks));
        }
    }
    static std::string name() { return "float or timedelta"; }
};

/**
 * Converts a time point to a datetime in UTC with microseconds, and back. A naive datetime is taken to be in UTC. For
 * clocks with longer ticks it is rounded down.
 */
template <class D>
struct Convert<std::chrono::time_point<std::chrono::system_clock, D>> {
    using Point = std::chrono::time_point<std::chrono::system_clock, D>;
    static Value to(Point value) {
        const detail::Span span = detail::span_of(value.time_since_epoch(), "datetime");
        rpyc_value *out = nullptr;
        // The years of Python need far fewer seconds.
        if (std::abs(span.seconds) > 1000000000000 ||
            rpyc_value_new_timestamp(span.seconds * 1000000 + span.microseconds, &out, nullptr) != RPYC_OK)
            throw ConversionError::out_of_range("datetime");
        return Value::adopt(out);
    }
    static Point from(View value) {
        std::int64_t stamp = 0;
        if (rpyc_value_get_timestamp(value.raw(), &stamp, nullptr) == RPYC_OK) {
            using namespace std::chrono;
            if constexpr (std::is_integral_v<typename D::rep> && std::ratio_greater_v<typename D::period, std::micro>)
                return Point(floor<D>(microseconds(stamp)));
            else
                return Point(detail::duration_of<D>(
                    {stamp / 1000000 - (stamp % 1000000 < 0), (stamp % 1000000 + 1000000) % 1000000}, name_of_range));
        }
        if (!value.is_object())
            throw ConversionError::wrong_type(name(), value);
        const Value plain = detail::plain(value, RPYC_VALUE_DATETIME, name());
        return from(plain);
    }
    static std::string name() { return "datetime"; }

private:
    static constexpr const char *name_of_range = "time_point";
};

/** Converts the fields of a datetime, and to them also a date or a time, for which some are 0. */
template <>
struct Convert<rpyc_datetime> {
    static Value to(const rpyc_datetime &value) {
        rpyc_value *out = nullptr;
        if (rpyc_value_new_datetime(&value, &out, nullptr) != RPYC_OK)
            throw ConversionError::out_of_range("datetime");
        return Value::adopt(out);
    }
    static rpyc_datetime from(View value) {
        rpyc_datetime out{};
        if (rpyc_value_get_datetime(value.raw(), &out, nullptr) == RPYC_OK)
            return out;
        if (!value.is_object())
            throw ConversionError::wrong_type(name(), value);
        const Value plain = detail::plain(value, RPYC_VALUE_DATETIME, name());
        return from(plain);
    }
    static std::string name() { return "datetime"; }
};

#ifdef RPYC_DETAIL_CALENDAR
/** Converts a day to a date, and back. */
template <>
struct Convert<std::chrono::year_month_day> {
    static Value to(std::chrono::year_month_day value) {
        rpyc_value *out = nullptr;
        const auto month = static_cast<std::int32_t>(static_cast<unsigned>(value.month()));
        const auto day = static_cast<std::int32_t>(static_cast<unsigned>(value.day()));
        if (rpyc_value_new_date(static_cast<int>(value.year()), month, day, &out, nullptr) != RPYC_OK)
            throw ConversionError::out_of_range("date");
        return Value::adopt(out);
    }
    static std::chrono::year_month_day from(View value) {
        rpyc_datetime out{};
        if (value.kind() == Kind::date && rpyc_value_get_datetime(value.raw(), &out, nullptr) == RPYC_OK)
            return {std::chrono::year(out.year), std::chrono::month(static_cast<unsigned>(out.month)),
                    std::chrono::day(static_cast<unsigned>(out.day))};
        if (!value.is_object())
            throw ConversionError::wrong_type(name(), value);
        const Value plain = detail::plain(value, RPYC_VALUE_DATE, name());
        return from(plain);
    }
    static std::string name() { return "date"; }
};
#endif

}  // namespace rpyc

#endif
