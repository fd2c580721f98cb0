/** Traits of types: which of them can be converted to values and back. */
#ifndef RPYC_TRAITS_HPP
#define RPYC_TRAITS_HPP

#include <cstddef>
#include <functional>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rpyc {

class Attribute;
class Item;
class Iterator;
class Object;
class Value;
class View;
struct bytes_view;

/**
 * The conversion of a C++ type to values and back. Specialise it for your own types, with
 *
 *     static Value to(const T &);      // or to(T)
 *     static T from(View);             // throws ConversionError
 *     static std::string name();       // the name in a TypeError, such as "point"
 */
template <class T, class Enable = void>
struct Convert;

namespace detail {

template <class T>
using bare = std::remove_cv_t<std::remove_reference_t<T>>;

template <class T, class = void>
struct has_to : std::false_type {};
template <class T>
struct has_to<T, std::void_t<decltype(Convert<T>::to(std::declval<T &>()))>> : std::true_type {};

template <class T, class = void>
struct has_from : std::false_type {};
template <class T>
struct has_from<T, std::void_t<decltype(Convert<T>::from(std::declval<View>()))>> : std::true_type {};

/** Whether a type has its own conversion to Value or to a C string. */
template <class T, class = void>
struct becomes_value : std::is_convertible<T, const char *> {};
template <class T>
struct becomes_value<T, std::void_t<decltype(std::declval<T>().operator Value())>> : std::true_type {};

/** Enabled for types that cannot be converted to a value. */
template <class T, class B = bare<T>>
using unconvertible = std::enable_if_t<std::conjunction_v<std::negation<std::is_base_of<View, B>>,
                                                          std::negation<has_to<B>>, std::negation<becomes_value<T>>>,
                                       int>;

/** Whether a type borrows from the value that it is made from. */
template <class T>
struct is_borrowed : std::bool_constant<std::is_same_v<T, View> || std::is_same_v<T, std::string_view> ||
                                        std::is_same_v<T, bytes_view>> {};

/** A std::function takes a Value as it is, because a Value can be called. */
template <class T>
struct is_std_function : std::false_type {};
template <class S>
struct is_std_function<std::function<S>> : std::true_type {};

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};

/** Types to which Value and View convert implicitly. as<T>() has no such limits. */
template <class T>
constexpr bool implicit_target =
    !is_std_function<T>::value && !is_optional<T>::value && !std::is_same_v<T, View> && !std::is_same_v<T, Value> &&
    !std::is_pointer_v<T> && !std::is_reference_v<T> && !is_borrowed<T>::value && !std::is_same_v<T, char>;

template <class T>
using implicit_from = std::enable_if_t<std::conjunction_v<std::bool_constant<implicit_target<T>>, has_from<T>>, int>;

/** Converts to exactly the types to which a Value converts implicitly. */
struct Becomes {
    template <class T, implicit_from<T> = 0>
    operator T() const;
    operator View() const;
    operator Value() const;
};

/**
 * Whether a class belongs to the standard library or to this one. Functions of these are overloaded for many of their
 * classes.
 */
template <class T>
constexpr bool is_of_a_library() {
    constexpr std::string_view before = "T = ";
    std::string_view name = __PRETTY_FUNCTION__;
    name.remove_prefix(name.find(before) + before.size());
    return name.substr(0, 5) == "std::" || name.substr(0, 2) == "__" || name.substr(0, 6) == "rpyc::";
}

template <class T, class = void>
struct is_complete : std::false_type {};
template <class T>
struct is_complete<T, std::void_t<decltype(sizeof(T))>> : std::true_type {};

/**
 * Whether a class has a constructor that takes a type to which a Value converts. The parentheses of C++20 around
 * members of an aggregate are not a constructor.
 */
template <class T>
struct is_made_of_values : std::conjunction<std::negation<std::is_aggregate<T>>, std::is_constructible<T, Becomes>> {};

template <class T, class = void>
struct has_convert : std::false_type {};
template <class T>
struct has_convert<T, std::void_t<decltype(sizeof(Convert<T>))>> : std::true_type {};

template <class T>
struct holds_unknown;

/** A class without a conversion. A class of a library counts only if it is a container of such classes. */
template <class T>
struct is_unknown : std::conjunction<std::bool_constant<std::is_class_v<T> && implicit_target<T>>,
                                     std::negation<has_from<T>>, is_complete<T>, std::negation<std::is_abstract<T>>,
                                     std::disjunction<std::bool_constant<!is_of_a_library<T>()>, holds_unknown<T>>> {};

template <class T>
struct holds_unknown : std::false_type {};
template <template <class...> class C, class... Items>
struct holds_unknown<C<Items...>>
    : std::conjunction<has_convert<C<Items...>>, std::disjunction<is_unknown<std::remove_cv_t<Items>>...>> {};
template <template <class, std::size_t> class C, class T, std::size_t N>
struct holds_unknown<C<T, N>> : std::conjunction<has_convert<C<T, N>>, is_unknown<T>> {};

/** Types for which the conversion of a Value reports that there is none. */
template <class T>
struct lacks_from : std::conjunction<is_unknown<T>, std::disjunction<std::bool_constant<is_of_a_library<T>()>,
                                                                     std::negation<is_made_of_values<T>>>> {};

template <class T>
using without_from = std::enable_if_t<lacks_from<T>::value, int>;

/** Types that can be compared with a Value: those that convert to it and are not one already. */
template <class T>
using comparable = std::enable_if_t<
    std::conjunction_v<std::negation<std::is_base_of<View, bare<T>>>, std::is_constructible<Value, const T &>>, int>;

}  // namespace detail
}  // namespace rpyc

#endif
