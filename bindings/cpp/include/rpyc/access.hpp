/** What views do: names, items, and all that is asked of an object. */
#ifndef RPYC_ACCESS_HPP
#define RPYC_ACCESS_HPP

#include "convert.hpp"

namespace rpyc {

inline Object View::object() const {
    rpyc_object *out = nullptr;
    if (rpyc_value_get_object(raw(), &out, nullptr) != RPYC_OK)
        throw ConversionError::wrong_type("object", *this);
    return Object::adopt(out);
}

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
Value View::operator[](const K &key) const {
    return item(Value(key));
}

inline Value View::item(const Value &key) const {
    if (is_object())
        return object().get_item(key);
    if (kind() == Kind::dict) {
        for (std::size_t i = 0; i < size(); i++)
            if (rpyc_value_equal(rpyc_value_key(raw(), i), key.raw()))
                return Value::share(rpyc_value_item(raw(), i));
        throw KeyError(key);
    }
    std::int64_t index = 0;
    if (rpyc_value_get_int(key.raw(), &index, nullptr) != RPYC_OK)
        throw ConversionError::wrong_type("int", key);
    const auto count = static_cast<std::int64_t>(size());
    const rpyc_value *item = rpyc_value_item(raw(), static_cast<std::size_t>(index < 0 ? index + count : index));
    if (item == nullptr)
        throw IndexError("no item " + std::to_string(index) + " in a " + type_name());
    return Value::share(item);
}

template <class... A>
inline Value View::operator()(A &&...args) const {
    return object()(std::forward<A>(args)...);
}
template <class... A>
inline Value View::call(const char *method, A &&...args) const {
    return object().call(method, std::forward<A>(args)...);
}
inline Value View::attr(const char *attribute) const { return object().attr(attribute); }

// ---------------------------------------------------------------- iteration

inline Iterator View::begin() const { return Iterator(*this); }
inline Iterator View::end() const { return Iterator(); }

inline Iterator::Iterator(const Object &container) : remote_(std::make_shared<Remote>()), done_(false) {
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
        local_ = Value::share(container.raw());
        fetch();
        break;
    case Kind::object: *this = Iterator(container.object()); break;
    default: throw ConversionError::wrong_type("iterable", container);
    }
}

inline void Iterator::fetch() {
    rpyc_value *item = nullptr;
    if (remote_ != nullptr) {
        rpyc_error *error = nullptr;
        const rpyc_status status = rpyc_iterator_next(remote_->raw, &item, &error);
        if (status != RPYC_ERR_STOP_ITERATION)
            detail::check(status, error);
    } else {
        const rpyc_value *all = local_.raw();
        const bool keys = local_.kind() == Kind::dict;
        item = rpyc_value_clone(keys ? rpyc_value_key(all, index_) : rpyc_value_item(all, index_));
        index_++;
    }
    done_ = item == nullptr;
    item_ = done_ ? Value() : Value::adopt(item);
}

inline Iterator &Iterator::operator++() {
    fetch();
    return *this;
}

}  // namespace rpyc

#endif
