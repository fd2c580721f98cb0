/** Conversions of more C++ types: enums as ints, paths as str. Output of values to streams. */
#ifndef RPYC_TYPES_HPP
#define RPYC_TYPES_HPP

#include "access.hpp"

#include <filesystem>
#include <ostream>

namespace rpyc {

// ---------------------------------------------------------------- enums

/**
 * Converts an enum to the int of its underlying type. The range of that type is checked, but not whether a member has
 * the number.
 */
template <class T>
struct Convert<T, std::enable_if_t<detail::is_number_enum<T>>> {
    static Value to(T value) noexcept { return Convert<Int>::to(static_cast<Int>(value)); }
    /** Available only if every int of the underlying type is a value of the enum. */
    template <class E = T, std::enable_if_t<detail::is_fixed_enum<E>, int> = 0>
    static E from(View value) {
        const Int number = Convert<Int>::from(value);
        if constexpr (std::is_same_v<std::underlying_type_t<T>, bool>)
            if (number > 1)
                throw ConversionError::out_of_range("bool");
        return static_cast<E>(number);
    }
    static std::string name() { return "int"; }

private:
    using Int = detail::enum_int<T>;
};

// ---------------------------------------------------------------- paths

/**
 * Converts a path to a str, and back. A path that is not UTF-8 is rejected, and so is a str that contains NUL, at which
 * the system would end it.
 */
template <>
struct Convert<std::filesystem::path> {
    static Value to(const std::filesystem::path &path) { return Convert<std::string_view>::to(path.native()); }
    static std::filesystem::path from(View value) {
        std::string text = Convert<std::string>::from(value);
        if (text.find('\0') != std::string::npos)
            throw ConversionError(RPYC_ERR_TYPE, "", "value", "must be a path without null characters");
        return std::filesystem::path(std::move(text));
    }
    static std::string name() { return "str"; }
};

// ---------------------------------------------------------------- streams

/**
 * Writes a str as it is, and any other value as repr() prints it. No request is sent: for an object its type is
 * written.
 */
inline std::ostream &operator<<(std::ostream &stream, const View &value) {
    return value.kind() == Kind::text ? stream << value.text() : stream << value.repr();
}
/** Writes the type of an object. */
inline std::ostream &operator<<(std::ostream &stream, const Object &object) {
    return object ? stream << Value(object) : stream << "<no object>";
}
/** Reads an attribute in one request, and writes its value. */
inline std::ostream &operator<<(std::ostream &stream, const Attribute &attribute) { return stream << attribute.get(); }
/** Reads an item in one request, and writes its value. */
inline std::ostream &operator<<(std::ostream &stream, const Item &item) { return stream << item.get(); }

}  // namespace rpyc

#endif
