/** Literal lists and dicts: rpyc::list{1, "x"} and rpyc::dict{{"a", 1}}. */
#ifndef RPYC_LITERAL_HPP
#define RPYC_LITERAL_HPP

#include "async.hpp"

namespace rpyc {

/**
 * A list of items of any type that has a conversion: rpyc::list{1, 2.5, "x", rpyc::list{3}}.
 *
 * The parameter Depth, which programs do not write, distinguishes a list in a list from a copy of it: compilers
 * disagree on the meaning of braces around one list if both have the same type.
 */
template <std::size_t Depth = 0>
class list {
public:
    /** Makes a list of the items. */
    template <class... T,
              std::enable_if_t<!(sizeof...(T) == 1 && (std::is_same_v<detail::bare<T>, list> && ...)), int> = 0>
    explicit list(T &&...items) {
        items_.reserve(sizeof...(T));
        (items_.push_back(item(std::forward<T>(items))), ...);
    }
    /** Returns the items. */
    const std::vector<Value> &items() const &noexcept { return items_; }

private:
    template <class T>
    static Value item(T &&one) {
        static_assert(std::is_constructible_v<Value, T>, "this type of item has no rpyc::Convert");
        if constexpr (std::is_constructible_v<Value, T>)
            return Value(std::forward<T>(one));
        else
            return {};
    }

    std::vector<Value> items_{};
};

template <class... T>
list(T &&...) -> list<0>;
template <std::size_t Depth>
list(list<Depth>) -> list<Depth + 1>;

template <std::size_t Depth>
struct Convert<list<Depth>> {
    static Value to(const list<Depth> &items) { return Value::list(items.items()); }
};

/** A dict of keys and values of any type that has a conversion: rpyc::dict{{"a", 1}, {"b", rpyc::list{2}}}. */
class dict {
public:
    /** Makes a dict of the pairs. */
    dict(std::initializer_list<std::pair<Value, Value>> items) : items_(items) {}
    /** Returns the pairs. */
    const std::vector<std::pair<Value, Value>> &items() const &noexcept { return items_; }

private:
    std::vector<std::pair<Value, Value>> items_;
};

template <>
struct Convert<dict> {
    static Value to(const dict &items) { return Value::dict(items.items()); }
};

// ---------------------------------------------------------------- a list in braces as the first argument of a call

template <class... A>
inline Value View::operator()(std::initializer_list<Value> first, A &&...args) const {
    return (*this)(Value::list(first), std::forward<A>(args)...);
}
template <class... A>
inline Value View::call(const char *method, std::initializer_list<Value> first, A &&...args) const {
    return call(method, Value::list(first), std::forward<A>(args)...);
}
template <class... A>
Value Object::operator()(std::initializer_list<Value> first, A &&...args) const {
    return (*this)(Value::list(first), std::forward<A>(args)...);
}
template <class... A>
Value Object::call(const char *method, std::initializer_list<Value> first, A &&...args) const {
    return call(method, Value::list(first), std::forward<A>(args)...);
}
template <class... A>
Value Object::call(const std::string &method, std::initializer_list<Value> first, A &&...args) const {
    return call(method, Value::list(first), std::forward<A>(args)...);
}
template <class... A>
Future<Value> Object::async_call(const char *method, std::initializer_list<Value> first, A &&...args) const {
    return async_call(method, Value::list(first), std::forward<A>(args)...);
}
template <class... A>
Future<Value> Object::async_call(const std::string &method, std::initializer_list<Value> first, A &&...args) const {
    return async_call(method, Value::list(first), std::forward<A>(args)...);
}
template <class... A>
Future<Value> Object::async(std::initializer_list<Value> first, A &&...args) const {
    return async(Value::list(first), std::forward<A>(args)...);
}
template <class... A>
Value Item::operator()(std::initializer_list<Value> first, A &&...args) const {
    return (*this)(Value::list(first), std::forward<A>(args)...);
}
template <class... A>
Value Attribute::operator()(std::initializer_list<Value> first, A &&...args) const {
    return (*this)(Value::list(first), std::forward<A>(args)...);
}

}  // namespace rpyc

#endif
