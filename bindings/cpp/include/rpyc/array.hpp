/** Arrays of numbers, of numpy and of Python, and their conversion to vectors and spans. */
#ifndef RPYC_ARRAY_HPP
#define RPYC_ARRAY_HPP

#include "access.hpp"

#include <limits>
#if __cplusplus >= 202002L
#include <span>
#endif

namespace rpyc {

namespace detail {

template <class T>
struct is_array_number
    : std::bool_constant<(is_integer<T> || std::is_same_v<T, float> || std::is_same_v<T, double>)&&sizeof(T) <= 8> {};

template <class T>
constexpr rpyc_array_type_id array_type() {
    if constexpr (std::is_floating_point_v<T>)
        return sizeof(T) == 4 ? RPYC_ARRAY_FLOAT : RPYC_ARRAY_DOUBLE;
    else
        return (sizeof(T) == 1   ? RPYC_ARRAY_INT8
                : sizeof(T) == 2 ? RPYC_ARRAY_INT16
                : sizeof(T) == 4 ? RPYC_ARRAY_INT32
                                 : RPYC_ARRAY_INT64) +
               (std::is_signed_v<T> ? 0 : 1);
}

/** The numbers of a value of kind array, in the memory of the value. */
struct Numbers {
    rpyc_array_type_id type = 0;
    const void *data = nullptr;
    std::size_t count = 0;

    explicit Numbers(View array) {
        rpyc_error *error = nullptr;
        check(rpyc_value_get_array(array.raw(), &type, &data, &count, &error), error);
    }

    /** Calls `take` with a typed pointer to the first number. */
    template <class Take>
    auto with(Take take) const {
        switch (type) {
        case RPYC_ARRAY_INT8: return take(static_cast<const std::int8_t *>(data));
        case RPYC_ARRAY_UINT8: return take(static_cast<const std::uint8_t *>(data));
        case RPYC_ARRAY_INT16: return take(static_cast<const std::int16_t *>(data));
        case RPYC_ARRAY_UINT16: return take(static_cast<const std::uint16_t *>(data));
        case RPYC_ARRAY_INT32: return take(static_cast<const std::int32_t *>(data));
        case RPYC_ARRAY_UINT32: return take(static_cast<const std::uint32_t *>(data));
        case RPYC_ARRAY_INT64: return take(static_cast<const std::int64_t *>(data));
        case RPYC_ARRAY_UINT64: return take(static_cast<const std::uint64_t *>(data));
        case RPYC_ARRAY_FLOAT: return take(static_cast<const float *>(data));
        case RPYC_ARRAY_DOUBLE: return take(static_cast<const double *>(data));
        default: throw ConversionError(RPYC_ERR_TYPE, "", "value", "must be an array of known numbers");
        }
    }
};

/** Passes each number of an array to `take`. */
template <class Take>
void each_number(View array, Take take) {
    const Numbers numbers(array);
    numbers.with([&](const auto *all) {
        for (std::size_t i = 0; i < numbers.count; i++) {
            const Value one(all[i]);
            take(one);
        }
    });
}

/** Converts one number to another type, by the rules for converting a value to a T. */
template <class T, class Number>
T number_as(Number number) {
    if constexpr (std::is_same_v<T, Number>) {
        return number;
    } else if constexpr (std::is_integral_v<T> && std::is_floating_point_v<Number>) {
        return Value(number).template as<T>();
    } else if constexpr (std::is_integral_v<T>) {
        using Limits = std::numeric_limits<T>;
        const bool fits = std::is_signed_v<Number>
                              ? (static_cast<std::int64_t>(number) >= 0
                                     ? static_cast<std::uint64_t>(number) <= static_cast<std::uint64_t>(Limits::max())
                                     : std::is_signed_v<T> && static_cast<std::int64_t>(number) >=
                                                                  static_cast<std::int64_t>(Limits::min()))
                              : static_cast<std::uint64_t>(number) <= static_cast<std::uint64_t>(Limits::max());
        if (!fits)
            throw ConversionError::out_of_range(integer_name<T>());
        return static_cast<T>(number);
    } else {
        if constexpr (sizeof(T) < sizeof(Number) && std::is_floating_point_v<Number>)
            if (std::isfinite(number) && std::abs(number) > static_cast<Number>(std::numeric_limits<T>::max()))
                throw ConversionError::out_of_range("float");
        return static_cast<T>(number);
    }
}

/** Appends all numbers of an array to a container. */
template <class Container>
Container numbers_from(View array) {
    using T = typename Container::value_type;
    const Numbers numbers(array);
    return numbers.with([&](const auto *all) {
        using Number = std::remove_const_t<std::remove_pointer_t<decltype(all)>>;
        if constexpr (std::is_same_v<T, Number>) {
            return Container(all, all + numbers.count);
        } else {
            Container items;
            for (std::size_t i = 0; i < numbers.count; i++) {
                try {
                    items.push_back(number_as<T>(all[i]));
                } catch (const ConversionError &error) {
                    throw error.within("item " + std::to_string(i) + " of ");
                }
            }
            return items;
        }
    });
}

}  // namespace detail

/**
 * Makes an array of numbers of one type. It is passed by value between two librpyc peers that agreed on native values.
 */
template <class T>
Value numbers(const T *data, std::size_t count) {
    static_assert(detail::is_array_number<T>::value, "an array holds integers, float or double");
    return Value::made([&](rpyc_value **out, rpyc_error **error) {
        return rpyc_value_new_array(detail::array_type<T>(), data, count, out, error);
    });
}
/** Makes an array of numbers from a vector, whose numbers are copied. */
template <class T>
Value numbers(const std::vector<T> &all) {
    return numbers(all.data(), all.size());
}
/** Makes an array of numbers from a vector that is moved. From 4 KiB on, the numbers are sent without a copy. */
template <class T, std::enable_if_t<!std::is_lvalue_reference_v<T> && detail::is_array_number<T>::value, int> = 0>
Value numbers(std::vector<T> &&all) {
    if (all.size() * sizeof(T) < 4096)
        return numbers(all.data(), all.size());
    auto *kept = new std::vector<T>(std::move(all));
    return Value::made([&](rpyc_value **out, rpyc_error **error) {
        return rpyc_value_new_array_owned(
            detail::array_type<T>(), kept->data(), kept->size(), kept,
            [](void *old) { delete static_cast<std::vector<T> *>(old); }, out, error);
    });
}

/**
 * A received array of numbers with its shape: a numpy.ndarray, array.array, memoryview or bytearray of the peer, or an
 * array that is passed by value.
 *
 *     const auto image = root.call("image").as<rpyc::Array<float>>();
 *     image.shape();                          // {480, 640}
 *     std::span<const float> all(image);      // in C++20; the last index varies fastest
 *
 * The numbers remain in the memory into which they were received, unless those of the peer have another type. Copies
 * share the numbers.
 */
template <class T>
class Array {
    static_assert(detail::is_array_number<T>::value, "an array holds integers, float or double");

public:
    /** Type of the numbers. */
    using value_type = T;

    /** Makes an empty array. */
    Array() = default;
    /** Converts a value; throws ConversionError. */
    explicit Array(View value) {
        if (value.is_object()) {
            rpyc_value *array = nullptr, *lengths = nullptr;
            rpyc_error *error = nullptr;
            const Object object = value.object();
            detail::check(rpyc_object_obtain_array(object.raw(), std::numeric_limits<std::size_t>::max(), &array,
                                                   &lengths, &error),
                          error);
            kept_ = Value::adopt(array);
            const Value shape = Value::adopt(lengths);
            for (std::size_t i = 0; i < shape.size(); i++)
                shape_.push_back(shape.part(rpyc_value_item(shape.raw(), i)).template as<std::size_t>());
        } else {
            kept_ = Value(value);
        }
        const detail::Numbers given(kept_);
        if (given.type != detail::array_type<T>())
            kept_ = numbers(detail::numbers_from<std::vector<T>>(kept_));
        const detail::Numbers all(kept_);
        data_ = static_cast<const T *>(all.data);
        size_ = all.count;
        if (!value.is_object())
            shape_ = {size_};
    }

    /** Returns the length of each dimension; empty for a single number. */
    const std::vector<std::size_t> &shape() const noexcept { return shape_; }
    /** Returns a pointer to the first number. */
    const T *data() const noexcept { return data_; }
    /** Returns the number of elements in all dimensions together. */
    std::size_t size() const noexcept { return size_; }
    /** Returns whether there are no numbers. */
    bool empty() const noexcept { return size_ == 0; }
    /** Returns an iterator to the first number. */
    const T *begin() const noexcept { return data_; }
    /** Returns an iterator past the last number. */
    const T *end() const noexcept { return data_ + size_; }
    /** Returns a number by its index, which is not checked. */
    const T &operator[](std::size_t i) const { return data_[i]; }

private:
    Value kept_;
    const T *data_ = nullptr;
    std::size_t size_ = 0;
    std::vector<std::size_t> shape_;
};

template <class T>
struct Convert<Array<T>> {
    static Array<T> from(View value) {
        if (!value.is_object() && value.kind() != Kind::array)
            throw ConversionError::wrong_type(name(), value);
        return Array<T>(value);
    }
    static std::string name() { return "array of numbers"; }
};

#if __cplusplus >= 202002L
namespace detail {
template <class T>
struct is_borrowed<std::span<const T>> : std::true_type {};
}  // namespace detail

/**
 * Converts an array that is passed by value to a span of its numbers, in the memory of the value. For an array that a
 * peer holds, use rpyc::Array<T>.
 */
template <class T>
struct Convert<std::span<const T>, std::enable_if_t<detail::is_array_number<T>::value>> {
    static Value to(std::span<const T> all) { return numbers(all.data(), all.size()); }
    static std::span<const T> from(View value) {
        if (value.is_object())
            throw ConversionError(RPYC_ERR_TYPE, "", "value",
                                  "must be an array by value; take a " + value.type_name() + " as rpyc::Array");
        if (value.kind() != Kind::array)
            throw ConversionError::wrong_type(name(), value);
        const detail::Numbers numbers(value);
        if (numbers.type != detail::array_type<T>())
            throw ConversionError(RPYC_ERR_TYPE, "", "value",
                                  "must be an array of numbers of this type; others can be taken as rpyc::Array");
        return {static_cast<const T *>(numbers.data), numbers.count};
    }
    static std::string name() { return "array of numbers"; }
};
#endif

}  // namespace rpyc

#endif
