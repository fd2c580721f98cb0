/** C++ functions as objects that peers call, and objects of peers as C++ functions. */
#ifndef RPYC_FUNCTION_HPP
#define RPYC_FUNCTION_HPP

#include "call.hpp"

namespace rpyc {

/** Flag for a function that is short and never waits; see RPYC_FUNCTION_QUICK. */
inline constexpr std::uint64_t quick = RPYC_METHOD_QUICK;

/**
 * Makes an object from a function, pointer or lambda. Python sees it as a function.
 *
 * `signature` is its name, or a string such as "scale(value, factor=2)", whose parameters are those of the function.
 */
template <class F>
Object function(std::string_view signature, F callable, const std::string &doc = "", std::uint64_t flags = 0) {
    static_assert(detail::is_callable<F>, "a function, or an object with exactly one operator()");
    static_assert(detail::MethodOf<void, F>::answerable, "this type of result has no rpyc::Convert");
    static_assert(detail::MethodOf<void, F>::takeable, "a type among the parameters has no rpyc::Convert");
    auto method = std::make_unique<detail::MethodOf<void, F>>(std::move(callable), detail::Signature::parse(signature));
    const detail::Signature text = method->signature();
    rpyc_object *out = nullptr;
    rpyc_error *error = nullptr;
    const rpyc_method_fn call = [](rpyc_call *one, void *self) noexcept {
        detail::serve(static_cast<detail::Method *>(self), one, nullptr);
    };
    const rpyc_free_fn drop = [](void *self) noexcept { delete static_cast<detail::Method *>(self); };
    detail::Method *kept = method.release();
    detail::check(rpyc_function_new(text.name.c_str(), call, text.text.c_str(), doc.empty() ? nullptr : doc.c_str(),
                                    flags, kept, drop, &out, &error),
                  error);
    return Object::adopt(out);
}

/** Converts a callable to an object that the peer can call. */
template <class F>
struct Convert<F, std::enable_if_t<detail::is_callable<F> && !detail::is_std_function<F>::value>> {
    template <class G,
              std::enable_if_t<detail::MethodOf<void, G>::answerable && detail::MethodOf<void, G>::takeable, int> = 0>
    static Value to(G callable) {
        return Value(function("function", std::move(callable)));
    }
};

/** Converts an object of a peer to a function: its arguments are sent, its result is converted. */
template <class R, class... A>
struct Convert<std::function<R(A...)>> {
    template <class F,
              std::enable_if_t<detail::MethodOf<void, F>::answerable && detail::MethodOf<void, F>::takeable, int> = 0>
    static Value to(F callable) {
        // Copied, so that captured objects stop keeping the connection open: see Sending.
        return callable ? Value(function("function",
                                         [kept = callable](A... args) -> R { return kept(std::forward<A>(args)...); }))
                        : Value();
    }
    template <class F = std::function<R(A...)>,
              std::enable_if_t<std::conjunction_v<std::is_class<F>, detail::is_result<R>, detail::is_argument<A>...>,
                               int> = 0>
    static F from(View value) {
        if (!value.is_object())
            throw ConversionError::wrong_type(name(), value);
        static_assert(!detail::is_borrowed<R>::value,
                      "the value is destroyed before this is read: take std::string, bytes or Value");
        return [object = value.object()](A... args) -> R {
            if constexpr (std::is_void_v<R>)
                object(std::forward<A>(args)...);
            else
                return object(std::forward<A>(args)...).template as<R>();
        };
    }
    static std::string name() { return "callable"; }
};

}  // namespace rpyc

#endif
