/** Shared pointers as results and parameters: objects of the class that was made for their type. */
#ifndef RPYC_SHARED_HPP
#define RPYC_SHARED_HPP

#include "class.hpp"

namespace rpyc {

namespace detail {

/** Returns the name of a type as the compiler writes it; "T" if the compiler is not known. */
template <class T>
std::string written_type() {
    const std::string_view text = __PRETTY_FUNCTION__;
    const std::size_t begin = text.find("T = ");
    const std::size_t end = begin != std::string_view::npos ? text.find_first_of(";]", begin) : begin;
    return end != std::string_view::npos ? std::string(text.substr(begin + 4, end - begin - 4)) : "T";
}

/** Returns the one class of a type. */
template <class T>
std::shared_ptr<ClassHandle> class_of_type() {
    auto living = ClassesOf<T>::living();
    const std::string type = written_type<T>();
    if (living.empty())
        throw UsageError(RPYC_ERR_STATE, "there is no rpyc::Class<" + type +
                                             ">: make one, and keep it as long as a std::shared_ptr<" + type +
                                             "> or std::unique_ptr is passed");
    if (living.size() > 1)
        throw UsageError(RPYC_ERR_STATE, "there are " + std::to_string(living.size()) + " of rpyc::Class<" + type +
                                             ">: select one with its wrap() and self()");
    return living[0];
}

}  // namespace detail

/**
 * Converts a shared pointer to None or to an object of the class that was made for its type. The same pointer is the
 * same object while a peer or the program uses it. An object of that class or of a derived one is converted back.
 */
template <class T>
struct Convert<std::shared_ptr<T>, std::enable_if_t<!std::is_const_v<T> && !std::is_array_v<T> && !std::is_void_v<T>>> {
    static Value to(const std::shared_ptr<T> &pointer) {
        if (pointer == nullptr)
            return {};
        const auto klass = detail::class_of_type<T>();
        rpyc_class *raw = klass->raw(false);
        auto *instance = new detail::Instance{pointer, klass->members().get()};
        rpyc_object *out = nullptr;
        rpyc_error *error = nullptr;
        const rpyc_free_fn drop = [](void *self) noexcept { delete static_cast<detail::Instance *>(self); };
        detail::check(rpyc_object_get_or_new(raw, pointer.get(), instance, drop, &out, &error), error);
        return Value(Object::adopt(out));
    }
    static std::shared_ptr<T> from(View value) {
        if (value.is_none())
            return nullptr;
        const auto klass = detail::class_of_type<T>();
        std::shared_ptr<T> out = value.is_object() ? detail::self_of<T>(*klass, value.object()) : nullptr;
        if (out == nullptr)
            throw ConversionError::wrong_type(klass->members()->name, value);
        return out;
    }
    static std::string name() { return detail::written_type<T>(); }
};

/** Converts a pointer whose ownership is passed on. It is converted back only as std::shared_ptr. */
template <class T, class D>
struct Convert<std::unique_ptr<T, D>, std::enable_if_t<!std::is_const_v<T> && !std::is_array_v<T>>> {
    template <class P>
    static Value to(P &&pointer) {
        static_assert(!std::is_lvalue_reference_v<P>,
                      "the object would have two owners: pass the pointer with std::move");
        return Value(std::shared_ptr<T>(std::forward<P>(pointer)));
    }
};

}  // namespace rpyc

#endif
