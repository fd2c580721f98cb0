/** Conversions of C++ types to values and back: numbers, strings, bytes, objects, optional, variant. */
#ifndef RPYC_CONVERT_HPP
#define RPYC_CONVERT_HPP

#include "plain.hpp"

#include <cmath>
#include <complex>
#include <limits>
#include <optional>
#include <variant>

namespace rpyc {

// ---------------------------------------------------------------- values and objects themselves

inline Value Convert<View>::to(View value) { return Value::share(value); }
inline View Convert<View>::from(View value) { return value; }
inline Value Convert<Value>::from(View value) { return Value::share(value); }
inline Value Convert<Object>::to(const Object &object) {
    rpyc_value *out = nullptr;
    rpyc_error *error = nullptr;
    detail::check(rpyc_value_new_object(object.raw(), &out, &error), error);
    return Value::held(out, object.hold());
}
inline Object Convert<Object>::from(View value) { return value.object(); }
inline Value Convert<Item>::to(const Item &item) { return item.get(); }
inline Value Convert<Attribute>::to(const Attribute &attribute) { return attribute.get(); }

template <>
struct Convert<std::nullptr_t> {
    static Value to(std::nullptr_t) noexcept { return {}; }
};

template <>
struct Convert<std::monostate> {
    static Value to(std::monostate) noexcept { return {}; }
    static std::monostate from(View value) {
        if (!value.is_none())
            throw ConversionError::wrong_type("None", value);
        return {};
    }
    static std::string name() { return "None"; }
};

// ---------------------------------------------------------------- numbers

template <>
struct Convert<bool> {
    static Value to(bool value) noexcept { return Value::adopt(rpyc_value_new_bool(value)); }
    static bool from(View value) {
        bool out = false;
        if (rpyc_value_get_bool(value.raw(), &out, nullptr) == RPYC_OK)
            return out;
        if (!value.is_object())
            throw ConversionError::wrong_type("bool", value);
        const Value plain = detail::plain(value, RPYC_VALUE_BOOL, name());
        return from(plain);
    }
    static std::string name() { return "bool"; }
};

namespace detail {

template <class T>
std::string integer_name() {
    return (std::is_signed_v<T> ? "int" : "uint") + std::to_string(sizeof(T) * 8) + "_t";
}

}  // namespace detail

/** Converts integers to int and back. Ranges are checked. A bool counts as 0 or 1, as in Python. */
template <class T>
struct Convert<T, std::enable_if_t<detail::is_integer<T>>> {
    static Value to(T value) noexcept {
        if constexpr (std::is_signed_v<T>)
            return Value::adopt(rpyc_value_new_int(value));
        else
            return Value::adopt(rpyc_value_new_uint(value));
    }
    static T from(View value) {
        std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t> out = 0;
        rpyc_status status;
        if constexpr (std::is_signed_v<T>)
            status = rpyc_value_get_int(value.raw(), &out, nullptr);
        else
            status = rpyc_value_get_uint(value.raw(), &out, nullptr);
        if (status == RPYC_ERR_RANGE ||
            (status == RPYC_OK && (out < std::numeric_limits<T>::min() || out > std::numeric_limits<T>::max())))
            throw ConversionError::out_of_range(detail::integer_name<T>());
        if (status == RPYC_OK)
            return static_cast<T>(out);
        if (!value.is_object())
            throw ConversionError::wrong_type("int", value);
        const Value plain = detail::plain(value, RPYC_VALUE_INT, name());
        return from(plain);
    }
    static std::string name() { return "int"; }
};

/**
 * Converts floating-point numbers to float and back. An int is rounded to the nearest double, as by Python's float(). A
 * double is rounded to a C++ float; a long double keeps it.
 */
template <class T>
struct Convert<T, std::enable_if_t<std::is_floating_point_v<T>>> {
    static Value to(T value) noexcept { return Value::adopt(rpyc_value_new_float(static_cast<double>(value))); }
    static T from(View value) {
        double out = 0;
        const rpyc_status status = rpyc_value_get_float(value.raw(), &out, nullptr);
        if (status == RPYC_ERR_RANGE)
            throw ConversionError::out_of_range("double");
        if (status != RPYC_OK && value.is_object()) {
            const Value plain = detail::plain(value, RPYC_VALUE_FLOAT, name());
            return from(plain);
        }
        if (status != RPYC_OK)
            throw ConversionError::wrong_type("float", value);
        if constexpr (sizeof(T) < sizeof(double))
            if (std::isfinite(out) && std::abs(out) > static_cast<double>(std::numeric_limits<T>::max()))
                throw ConversionError::out_of_range("float");
        return static_cast<T>(out);
    }
    static std::string name() { return "float"; }
};

template <class T>
struct Convert<std::complex<T>> {
    static Value to(const std::complex<T> &value) noexcept {
        return Value::adopt(
            rpyc_value_new_complex(static_cast<double>(value.real()), static_cast<double>(value.imag())));
    }
    static std::complex<T> from(View value) {
        double real = 0, imaginary = 0;
        if (rpyc_value_get_complex(value.raw(), &real, &imaginary, nullptr) != RPYC_OK)
            throw ConversionError::wrong_type("complex", value);
        return {static_cast<T>(real), static_cast<T>(imaginary)};
    }
    static std::string name() { return "complex"; }
};

// ---------------------------------------------------------------- strings

template <>
struct Convert<std::string_view> {
    static Value to(std::string_view text) {
        return Value::made([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_value_new_str(text.data() != nullptr ? text.data() : "", text.size(), out, error);
        });
    }
    /** Returns the string, borrowed from the value; for an argument, valid during the call. */
    static std::string_view from(View value) {
        if (value.kind() != Kind::text)
            throw ConversionError::wrong_type("str", value);
        return value.text();
    }
    static std::string name() { return "str"; }
};

inline Value Convert<std::string>::to(const std::string &text) { return Convert<std::string_view>::to(text); }
inline std::string Convert<std::string>::from(View value) {
    if (!value.is_object())
        return std::string(Convert<std::string_view>::from(value));
    return std::string(detail::plain(value, RPYC_VALUE_STR, name()).text());
}

template <>
struct Convert<detail::Text> {
    static Value to(const std::string &text) { return Convert<std::string_view>::to(text); }
};

/** Converts one ASCII character. */
template <>
struct Convert<char> {
    static Value to(char letter) { return Convert<std::string_view>::to({&letter, 1}); }
    static char from(View value) {
        const std::string text = Convert<std::string>::from(value);
        if (text.size() != 1)
            throw ConversionError(RPYC_ERR_TYPE, "", "value", "must be one character of ASCII");
        return text[0];
    }
    static std::string name() { return "str"; }
};

/** Converts a char array up to the first NUL, or all of it. */
template <std::size_t N>
struct Convert<char[N]> {
    static Value to(const char (&text)[N]) {
        const void *zero = std::memchr(text, 0, N);
        return Convert<std::string_view>::to(
            {text, zero != nullptr ? static_cast<std::size_t>(static_cast<const char *>(zero) - text) : N});
    }
};

template <>
struct Convert<char *> {
    static Value to(const char *text) { return Value(text); }
};

template <>
struct Convert<const char *> {
    static Value to(const char *text) { return Value(text); }
};

// ---------------------------------------------------------------- bytes

/** Python's bytes. */
class bytes : public std::vector<std::uint8_t> {
public:
    using std::vector<std::uint8_t>::vector;
    /** Copies bytes from memory. */
    bytes(const void *data, std::size_t size)
        : std::vector<std::uint8_t>(static_cast<const std::uint8_t *>(data),
                                    static_cast<const std::uint8_t *>(data) + size) {}
    /** Copies the bytes of a string. */
    explicit bytes(std::string_view text) : bytes(text.data(), text.size()) {}
    /** Returns the bytes as a string, borrowed. */
    std::string_view view() const noexcept { return {reinterpret_cast<const char *>(data()), size()}; }
};

/** Bytes borrowed from a value; for an argument, valid during the call. */
struct bytes_view {
    /** Pointer to the first byte. */
    const std::uint8_t *data = nullptr;
    /** Number of bytes. */
    std::size_t size = 0;
};

template <>
struct Convert<bytes_view> {
    static Value to(bytes_view bytes) {
        return Value::made([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_value_new_bytes(bytes.data, bytes.size, out, error);
        });
    }
    static bytes_view from(View value) {
        bytes_view out;
        if (rpyc_value_get_bytes(value.raw(), &out.data, &out.size, nullptr) != RPYC_OK)
            throw ConversionError::wrong_type("bytes", value);
        return out;
    }
    static std::string name() { return "bytes"; }
};

namespace detail {

template <class T>
struct is_borrowed<std::optional<T>> : is_borrowed<T> {};
template <class... T>
struct is_borrowed<std::variant<T...>> : std::disjunction<is_borrowed<T>...> {};

/** Rejects types that borrow from a value as items of containers. */
template <class... T>
constexpr void check_items() {
    static_assert(!std::disjunction_v<is_borrowed<T>...>,
                  "items may be fetched one by one and destroyed: take std::string, bytes or Value");
}

/** Returns whether a value is an array of numbers that the peer holds and that is copied as a whole. */
inline bool is_array(View value) {
    if (!value.is_object())
        return false;
    const std::string name = value.type_name();
    return name == "numpy.ndarray" || name == "array.array" || name == "memoryview" || name == "bytearray" ||
           name == "numpy.memmap";
}

/** Returns a copy of such an array, limited only by the largest message. */
inline Value whole_array(View value) {
    constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();
    return value.object().obtain(0, unlimited, unlimited);
}

/** Converts bytes in containers of their own. From 4 KiB on, moved containers are sent without a copy. */
template <class Container>
struct ConvertBytes {
    static Value to(const Container &data) {
        return Convert<bytes_view>::to({reinterpret_cast<const std::uint8_t *>(data.data()), data.size()});
    }
    static Value to(Container &data) { return to(static_cast<const Container &>(data)); }
    static Value to(Container &&data) {
        if (data.size() < 4096)
            return to(static_cast<const Container &>(data));
        auto *kept = new Container(std::move(data));
        return Value::made([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_value_new_bytes_owned(
                kept->data(), kept->size(), kept, [](void *old) { delete static_cast<Container *>(old); }, out, error);
        });
    }
    static Container from(View value) {
        if (is_array(value)) {
            const Value copy = whole_array(value);
            return from(copy);
        }
        if (value.is_object()) {
            const Value plain = detail::plain(value, RPYC_VALUE_BYTES, name());
            return from(plain);
        }
        const bytes_view data = bytes_of(value);
        using Byte = typename Container::value_type;
        const Byte *begin = reinterpret_cast<const Byte *>(data.data);
        return Container(begin, begin + data.size);
    }
    static std::string name() { return "bytes"; }

private:
    /** Returns the bytes of a bytes value or of an array of bytes. */
    static bytes_view bytes_of(View value) {
        rpyc_array_type_id type = 0;
        const void *data = nullptr;
        std::size_t count = 0;
        if (rpyc_value_get_array(value.raw(), &type, &data, &count, nullptr) == RPYC_OK && type == RPYC_ARRAY_UINT8)
            return {static_cast<const std::uint8_t *>(data), count};
        return Convert<bytes_view>::from(value);
    }
};

}  // namespace detail

template <>
struct Convert<bytes> : detail::ConvertBytes<bytes> {};
template <>
struct Convert<std::vector<std::uint8_t>> : detail::ConvertBytes<std::vector<std::uint8_t>> {};
template <>
struct Convert<std::vector<std::byte>> : detail::ConvertBytes<std::vector<std::byte>> {};

// ---------------------------------------------------------------- optional and variant

/** Converts a value or None. */
template <class T>
struct Convert<std::optional<T>> {
    template <class O, detail::all_to<O, T> = 0>
    static Value to(const O &value) {
        return value ? Value(*value) : Value();
    }
    template <class O = T, detail::all_from<O, O> = 0>
    static std::optional<T> from(View value) {
        return value.is_none() ? std::nullopt : std::optional<T>(std::in_place, value.as<T>());
    }
    static std::string name() { return Convert<T>::name() + " or None"; }
};

namespace detail {

/** Whether a type accepts every object without a request. */
template <class T>
constexpr bool takes_objects =
    std::is_same_v<T, Object> || std::is_same_v<T, Value> || std::is_same_v<T, View> || is_std_function<T>::value;

/** Whether an object is asked for a type only after the other types were tried. */
template <class T, bool other_takes_objects>
constexpr bool asks = plain_kind<T>::value == RPYC_VALUE_BOOL ||
                      (other_takes_objects &&
                       (plain_kind<T>::value != RPYC_VALUE_NONE || std::is_base_of_v<ConvertBytes<T>, Convert<T>>));

}  // namespace detail

/** Converts to the first type that fits, in the order of the variant. */
template <class... T>
struct Convert<std::variant<T...>> {
    template <class V, detail::all_to<V, T...> = 0>
    static Value to(const V &value) {
        return std::visit([](const auto &one) { return Value(one); }, value);
    }
    template <class V = std::variant<T...>, detail::all_from<V, T...> = 0>
    static V from(View value) {
        std::optional<std::variant<T...>> out;
        // An object is accepted as it is before it is converted to a number or the like. Every object has a truth
        // value.
        constexpr bool takes_objects = (detail::takes_objects<T> || ...);
        if (!value.is_object())
            (void)(attempt<T>(value, out) || ...);
        else if (!((!detail::asks<T, takes_objects> && attempt<T>(value, out)) || ...))
            (void)((detail::asks<T, takes_objects> && attempt<T>(value, out)) || ...);
        if (!out)
            throw ConversionError::wrong_type(name(), value);
        return *std::move(out);
    }
    static std::string name() {
        std::string all;
        ((all += (all.empty() ? "" : " or ") + Convert<T>::name()), ...);
        return all;
    }

private:
    template <class One>
    static bool attempt(View value, std::optional<std::variant<T...>> &out) {
        try {
            out.emplace(std::in_place_type<One>, value.as<One>());
            return true;
        } catch (const ConversionError &) {
            return false;
        }
    }
};

}  // namespace rpyc

#endif
