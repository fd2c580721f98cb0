/** Functions of views: names, items, and the requests that a view forwards to an object. */
#ifndef RPYC_ACCESS_HPP
#define RPYC_ACCESS_HPP

#include "times.hpp"

namespace rpyc {

inline Object View::object() const {
    rpyc_object *out = nullptr;
    if (rpyc_value_get_object(raw(), &out, nullptr) != RPYC_OK)
        throw ConversionError::wrong_type("object", *this);
    return is_result() ? Object::result(out) : Object::adopt(out);
}

#define RPYC_DETAIL_ACCESS(T)                                                                                          \
    inline View::operator std::optional<T>() & { return as<std::optional<T>>(); }                                      \
    inline View::operator std::optional<T>() const & { return as<std::optional<T>>(); }                                \
    inline View::operator std::optional<T>() && { return as<std::optional<T>>(); }
RPYC_DETAIL_OPTIONAL_TYPES(RPYC_DETAIL_ACCESS)
#undef RPYC_DETAIL_ACCESS

inline std::string View::type_name() const {
    switch (kind()) {
    case Kind::none: return "None";
    case Kind::not_implemented: return "NotImplemented";
    case Kind::ellipsis: return "ellipsis";
    case Kind::boolean: return "bool";
    case Kind::integer: return "int";
    case Kind::floating: return "float";
    case Kind::complex: return "complex";
    case Kind::text: return "str";
    case Kind::bytes: return "bytes";
    case Kind::tuple: return "tuple";
    case Kind::slice: return "slice";
    case Kind::frozenset: return "frozenset";
    case Kind::list: return "list";
    case Kind::dict: return "dict";
    case Kind::array: return "array";
    case Kind::date: return "date";
    case Kind::time: return "time";
    case Kind::datetime: return "datetime";
    case Kind::timedelta: return "timedelta";
    case Kind::timezone: return "timezone";
    case Kind::object: break;
    }
    const std::string name = object().type_name();
    const std::string builtins = "builtins.";
    return name.compare(0, builtins.size(), builtins) == 0 ? name.substr(builtins.size()) : name;
}

inline std::string View::digits() const {
    return std::string(Value::made([&](rpyc_value **out, rpyc_error **error) {
                           return rpyc_value_get_int_text(raw(), out, error);
                       }).text());
}

inline std::string View::repr() const { return std::string(Value::adopt(rpyc_value_repr(raw())).text()); }

inline std::string View::str() const {
    if (kind() == Kind::text)
        return std::string(text());
    return is_object() ? object().str() : repr();
}

inline std::size_t View::size() const { return is_object() ? object().size() : rpyc_value_count(raw()); }

template <class K>
Item View::operator[](const K &key) const {
    static_assert(std::is_constructible_v<Value, const K &>, "this type of key has no rpyc::Convert");
    if constexpr (std::is_constructible_v<Value, const K &>)
        return {Value::share(*this), Value(key)};
}

inline Value View::item(const Value &key) const {
    if (is_object())
        return object().get_item(key);
    if (kind() == Kind::dict) {
        for (std::size_t i = 0; i < size(); i++)
            if (rpyc_value_equal(rpyc_value_key(raw(), i), key.raw()))
                return Value::share(part(rpyc_value_item(raw(), i)));
        throw KeyError(key);
    }
    std::int64_t index = 0;
    if (rpyc_value_get_int(key.raw(), &index, nullptr) != RPYC_OK)
        throw ConversionError::wrong_type("int", key);
    const auto count = static_cast<std::int64_t>(size());
    const rpyc_value *item = rpyc_value_item(raw(), static_cast<std::size_t>(index < 0 ? index + count : index));
    if (item == nullptr)
        throw IndexError("no item " + std::to_string(index) + " in a " + type_name());
    return Value::share(part(item));
}

template <class... A>
inline Value View::operator()(A &&...args) const {
    return object()(std::forward<A>(args)...);
}
template <class... A>
inline Value View::call(const char *method, A &&...args) const {
    return object().call(method, std::forward<A>(args)...);
}
inline Attribute View::attr(const char *attribute) const { return object().attr(attribute); }
inline Attribute View::attr(const std::string &attribute) const { return object().attr(attribute); }

// ---------------------------------------------------------------- iteration

inline Iterator View::begin() const { return Iterator(*this); }
inline Iterator View::end() const { return Iterator(); }

inline Iterator::Iterator(const Object &container) : remote_(std::make_shared<Remote>()), done_(false) {
    remote_->hold = container.hold();
    rpyc_error *error = nullptr;
    detail::check(rpyc_object_iterate(container.raw(), &remote_->raw, &error), error);
    fetch();
}

inline Iterator::Iterator(const View &container) : done_(false) {
    switch (container.kind()) {
    case Kind::tuple:
    case Kind::list:
    case Kind::frozenset:
    case Kind::dict:
        local_ = Value::share(container);
        fetch();
        break;
    case Kind::object: *this = Iterator(container.object()); break;
    default: throw ConversionError::wrong_type("iterable", container);
    }
}

inline void Iterator::fetch() {
    if (remote_ != nullptr) {
        rpyc_value *item = nullptr;
        rpyc_error *error = nullptr;
        const rpyc_status status = rpyc_iterator_next(remote_->raw, &item, &error);
        if (status != RPYC_ERR_STOP_ITERATION)
            detail::check(status, error);
        done_ = item == nullptr;
        item_ = done_ ? Value() : Value::result(item);
    } else {
        const rpyc_value *all = local_.raw();
        const bool keys = local_.kind() == Kind::dict;
        const rpyc_value *at = keys ? rpyc_value_key(all, index_) : rpyc_value_item(all, index_);
        done_ = at == nullptr;
        item_ = done_ ? Value() : Value::share(local_.part(at));
        index_++;
    }
}

inline Iterator &Iterator::operator++() {
    fetch();
    return *this;
}

}  // namespace rpyc

#endif
