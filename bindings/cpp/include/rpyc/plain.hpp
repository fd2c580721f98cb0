/**
 * Conversion of objects to the plain values that they represent: numpy.float64, members of an IntEnum, Decimal,
 * subclasses of str.
 */
#ifndef RPYC_PLAIN_HPP
#define RPYC_PLAIN_HPP

#include "object.hpp"

#include <chrono>
#include <filesystem>
#include <optional>

// The calendar of C++20. libstdc++ and libc++ had it before they defined the macro.
#if __cplusplus >= 202002L &&                                                                                          \
    ((defined(__cpp_lib_chrono) && __cpp_lib_chrono >= 201907L) ||                                                     \
     (defined(_GLIBCXX_RELEASE) && _GLIBCXX_RELEASE >= 11) || (defined(_LIBCPP_VERSION) && _LIBCPP_VERSION >= 11000))
#define RPYC_DETAIL_CALENDAR
#endif

namespace rpyc {

namespace detail {

/** Enabled if a T, which contains items of these types, can be converted to a value or from one. */
template <class T, class... Items>
using all_to =
    std::enable_if_t<(sizeof(T) > 0) && std::conjunction_v<std::is_constructible<Value, const Items &>...>, int>;
template <class T, class... Items>
using all_from = std::enable_if_t<(sizeof(T) > 0) && std::conjunction_v<has_from<Items>...>, int>;

template <class T>
constexpr bool is_character = std::is_same_v<T, char> || std::is_same_v<T, wchar_t> || std::is_same_v<T, char16_t> ||
#ifdef __cpp_char8_t
                              std::is_same_v<T, char8_t> ||
#endif
                              std::is_same_v<T, char32_t>;

template <class T>
constexpr bool is_integer = std::is_integral_v<T> && !std::is_same_v<T, bool> && !is_character<T>;

/** An enum that is converted as a number. std::byte is data. */
template <class T>
constexpr bool is_number_enum = std::is_enum_v<T> && !std::is_same_v<T, std::byte>;

template <class T>
struct identity {
    using type = T;
};

/** The integer type as which an enum is sent, also if the underlying type is bool or a character. */
template <class T, class U = std::underlying_type_t<T>>
using enum_int =
    std::conditional_t<std::is_same_v<U, bool>, unsigned char,
                       typename std::conditional_t<is_character<U>, std::make_signed<U>, identity<U>>::type>;

/** An enum class, or an enum with a stated underlying type: every number of that type is valid for it. */
template <class T, class = void>
struct has_fixed_type : std::false_type {};
template <class T>
struct has_fixed_type<T, std::void_t<decltype(T{0})>> : std::true_type {};
template <class T>
constexpr bool is_fixed_enum = std::conjunction_v<std::is_enum<T>, has_fixed_type<T>>;

/** The kind of value to which an object is converted for a T; RPYC_VALUE_NONE if T is made from the object itself. */
template <class T, class = void>
struct plain_kind : std::integral_constant<rpyc_value_kind_id, RPYC_VALUE_NONE> {};
template <>
struct plain_kind<bool> : std::integral_constant<rpyc_value_kind_id, RPYC_VALUE_BOOL> {};
template <>
struct plain_kind<char> : std::integral_constant<rpyc_value_kind_id, RPYC_VALUE_STR> {};
template <>
struct plain_kind<std::string> : std::integral_constant<rpyc_value_kind_id, RPYC_VALUE_STR> {};
template <class T>
struct plain_kind<T, std::enable_if_t<is_integer<T>>> : std::integral_constant<rpyc_value_kind_id, RPYC_VALUE_INT> {};
template <class T>
struct plain_kind<T, std::enable_if_t<std::is_floating_point_v<T>>>
    : std::integral_constant<rpyc_value_kind_id, RPYC_VALUE_FLOAT> {};
/** A number of seconds or a timedelta. The type of the object determines which one is requested. */
constexpr rpyc_value_kind_id duration_kind = -2;
template <class Rep, class Period>
struct plain_kind<std::chrono::duration<Rep, Period>> : std::integral_constant<rpyc_value_kind_id, duration_kind> {};
template <class D>
struct plain_kind<std::chrono::time_point<std::chrono::system_clock, D>>
    : std::integral_constant<rpyc_value_kind_id, RPYC_VALUE_DATETIME> {};
template <>
struct plain_kind<rpyc_datetime> : std::integral_constant<rpyc_value_kind_id, RPYC_VALUE_DATETIME> {};
#ifdef RPYC_DETAIL_CALENDAR
template <>
struct plain_kind<std::chrono::year_month_day> : std::integral_constant<rpyc_value_kind_id, RPYC_VALUE_DATE> {};
#endif
template <class T>
struct plain_kind<T, std::enable_if_t<is_number_enum<T>>> : std::integral_constant<rpyc_value_kind_id, RPYC_VALUE_INT> {
};
template <>
struct plain_kind<std::filesystem::path> : std::integral_constant<rpyc_value_kind_id, RPYC_VALUE_STR> {};
template <class T>
struct plain_kind<std::optional<T>> : plain_kind<T> {};

[[noreturn]] inline void not_plain(rpyc_status status, rpyc_error *error, const std::string &wanted, View value) {
    if (status != RPYC_ERR_TYPE && status != RPYC_ERR_RANGE)
        throw_error(status, error);
    rpyc_error_free(error);
    if (status == RPYC_ERR_RANGE)
        throw ConversionError::out_of_range("double");
    throw ConversionError::wrong_type(wanted, value);
}

inline rpyc_value_kind_id asked_kind(View value, rpyc_value_kind_id kind) {
    if (kind != duration_kind)
        return kind;
    return value.is_object() && value.object().type_name() == std::string("datetime.timedelta") ? RPYC_VALUE_TIMEDELTA
                                                                                                : RPYC_VALUE_FLOAT;
}

/** Requests the plain value of an object. */
inline Value plain(View value, rpyc_value_kind_id kind, const std::string &wanted) {
    rpyc_value *out = nullptr;
    rpyc_error *error = nullptr;
    const rpyc_status status =
        rpyc_value_convert(value.raw(), asked_kind(value, kind), RPYC_TIMEOUT_DEFAULT, &out, &error);
    if (status != RPYC_OK)
        not_plain(status, error, wanted, value);
    return Value::adopt(out);
}

/**
 * Requests the plain values of all objects among some values in one burst, and replaces the objects by them. kinds[i *
 * step] is the kind for values[i]. wanted(i) and place(i) name the type and the place of an object that has no such
 * value.
 */
template <class Wanted, class Place>
void plain_all(std::vector<Value> &values, const rpyc_value_kind_id *kinds, std::size_t step, Wanted wanted,
               Place place) {
    std::vector<const rpyc_value *> objects;
    std::vector<rpyc_value_kind_id> asked;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < values.size(); i++) {
        if (kinds[i * step] == RPYC_VALUE_NONE || !values[i].is_object())
            continue;
        objects.push_back(values[i].raw());
        asked.push_back(asked_kind(values[i], kinds[i * step]));
        places.push_back(i);
    }
    if (objects.empty())
        return;
    std::vector<rpyc_value *> out(objects.size());
    std::size_t failed = 0;
    rpyc_error *error = nullptr;
    const rpyc_status status = rpyc_value_convert_all(objects.data(), asked.data(), objects.size(),
                                                      RPYC_TIMEOUT_DEFAULT, out.data(), &failed, &error);
    if (status != RPYC_OK) {
        if (failed == objects.size())
            throw_error(status, error);
        const std::size_t at = places[failed];
        try {
            not_plain(status, error, wanted(at), values[at]);
        } catch (const ConversionError &problem) {
            throw problem.within(place(at));
        }
    }
    for (std::size_t i = 0; i < out.size(); i++)
        values[places[i]] = Value::adopt(out[i]);
}

/**
 * Passes items to `take`, in order. Objects that are to become numbers, strings or bytes are kept until their plain
 * values are requested together; the items behind them are kept as well.
 */
template <class T, class Take>
class InBursts {
public:
    explicit InBursts(Take &take) : take_(take) {}

    void add(View item) {
        if constexpr (plain_kind<T>::value == RPYC_VALUE_NONE) {
            take_(item);
        } else {
            if (waiting_.empty() && !item.is_object()) {
                take_(item);
                done_++;
                return;
            }
            waiting_.push_back(Value::share(item));
            if (waiting_.size() == most)
                finish();
        }
    }

    /** Passes the items that were kept. */
    void finish() {
        if (waiting_.empty())
            return;
        const rpyc_value_kind_id kind = plain_kind<T>::value;
        plain_all(
            waiting_, &kind, 0, [](std::size_t) { return Convert<T>::name(); },
            [this](std::size_t at) { return "item " + std::to_string(done_ + at) + " of "; });
        for (const Value &item : waiting_)
            take_(item);
        done_ += waiting_.size();
        waiting_.clear();
    }

private:
    static constexpr std::size_t most = 4096;
    Take &take_;
    std::vector<Value> waiting_{};
    std::size_t done_ = 0;
};

}  // namespace detail

}  // namespace rpyc

#endif
