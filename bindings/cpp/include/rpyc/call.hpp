/** Calls of peers: their arguments, and the C++ functions that take and answer them. */
#ifndef RPYC_CALL_HPP
#define RPYC_CALL_HPP

#include "containers.hpp"
#include "future.hpp"
#include "raise.hpp"

namespace rpyc {

namespace detail {

inline std::optional<std::chrono::milliseconds> time_left(const rpyc_call *call) noexcept {
    const std::int64_t left = rpyc_call_time_left(call);
    return left < 0 ? std::nullopt : std::optional(std::chrono::milliseconds(left));
}

}  // namespace detail

/**
 * A call that is answered later, from any thread. If it is destroyed without an answer, the caller gets a RuntimeError.
 */
class [[nodiscard]] Deferred {
public:
    /** For the library: takes ownership of a deferred call. */
    explicit Deferred(rpyc_call *raw) noexcept : raw_(raw) {}
    Deferred(Deferred &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
    Deferred &operator=(Deferred &&other) noexcept {
        std::swap(raw_, other.raw_);
        return *this;
    }
    Deferred(const Deferred &) = delete;
    Deferred &operator=(const Deferred &) = delete;
    ~Deferred() { rpyc_call_free(raw_); }

    /** Answers the call with a value. Does nothing if the caller has gone. */
    void returns(Value value) noexcept { rpyc_call_return(raw_, std::move(value).release()); }
    /** Answers the call with the Python exception for a C++ exception. */
    void raises(const std::exception_ptr &error) noexcept {
        try {
            std::rethrow_exception(error);
        } catch (...) {
            detail::raise_current(raw_);
        }
    }
    /** Answers the call with the Python exception for a C++ exception. */
    template <class E, std::enable_if_t<std::is_base_of_v<std::exception, E>, int> = 0>
    void raises(const E &error) noexcept {
        raises(std::make_exception_ptr(error));
    }
    /** Returns whether the caller no longer waits for the reply. */
    bool cancelled() const noexcept { return rpyc_call_cancelled(raw_); }
    /**
     * Returns the time that the caller will still wait, 0 if it has passed; nothing if it is not known. See
     * rpyc_call_time_left.
     */
    std::optional<std::chrono::milliseconds> time_left() const noexcept { return detail::time_left(raw_); }

private:
    rpyc_call *raw_;
};

/** The call that is being served. A function gets it if one of its parameters is a Call &. */
class Call {
public:
    /** For the library: refers to a call, which it borrows. */
    explicit Call(rpyc_call *raw) noexcept : raw_(raw) {}
    Call(const Call &) = delete;
    Call &operator=(const Call &) = delete;

    /** Returns the connection of the caller. The handle does not keep it open. */
    Connection connection() const noexcept { return Connection::share(rpyc_call_connection(raw_)); }
    /** Returns the object that is called. */
    Object target() const noexcept { return Object::share(rpyc_call_target(raw_)); }
    /** Returns the name as it is looked up: "exposed_add". */
    std::string name() const { return rpyc_call_name(raw_); }
    /** Returns whether the caller no longer waits for the reply. */
    bool cancelled() const noexcept { return rpyc_call_cancelled(raw_); }
    /**
     * Returns the time that the caller will still wait, 0 if it has passed; nothing if it is not known. See
     * rpyc_call_time_left.
     */
    std::optional<std::chrono::milliseconds> time_left() const noexcept { return detail::time_left(raw_); }
    /** Keeps the call to answer it later. The result of the function is then ignored. */
    Deferred defer() { return Deferred(rpyc_call_defer(raw_)); }
    /** Returns the handle of the C library, borrowed. */
    rpyc_call *raw() const noexcept { return raw_; }

private:
    rpyc_call *raw_;
};

namespace detail {

// ---------------------------------------------------------------- parameters of callables

template <class... T>
struct types {
    static constexpr std::size_t size = sizeof...(T);
};

template <class F>
struct callable_traits;
template <class R, class... A>
struct callable_traits<R (*)(A...)> {
    using result = R;
    using parameters = types<A...>;
    using instance = void;
};
template <class R, class... A>
struct callable_traits<R (*)(A...) noexcept> : callable_traits<R (*)(A...)> {};
template <class R, class C>
struct member_traits;
#define RPYC_DETAIL_MEMBER(QUALIFIERS)                                                                                 \
    template <class R, class C, class... A>                                                                            \
    struct callable_traits<R (C::*)(A...) QUALIFIERS> {                                                                \
        using result = R;                                                                                              \
        using parameters = types<A...>;                                                                                \
        using instance = C;                                                                                            \
    };
RPYC_DETAIL_MEMBER()
RPYC_DETAIL_MEMBER(const)
RPYC_DETAIL_MEMBER(noexcept)
RPYC_DETAIL_MEMBER(const noexcept)
RPYC_DETAIL_MEMBER(&)
RPYC_DETAIL_MEMBER(const &)
RPYC_DETAIL_MEMBER(&noexcept)
RPYC_DETAIL_MEMBER(const &noexcept)
#undef RPYC_DETAIL_MEMBER

template <class F, class = void>
struct has_one_call_operator : std::false_type {};
template <class F>
struct has_one_call_operator<F, std::void_t<decltype(&F::operator())>> : std::true_type {};

/** A function, or an object with exactly one operator(). */
template <class F>
constexpr bool is_callable =
    (std::is_pointer_v<F> && std::is_function_v<std::remove_pointer_t<F>>) || has_one_call_operator<F>::value;

template <class F, class = void>
struct traits_of : callable_traits<F> {};
template <class M, class C>
struct traits_of<M C::*, std::enable_if_t<!std::is_function_v<M>>> {  // a data member of an object
    using result = M;
    using parameters = types<>;
    using instance = C;
};
template <class F>
struct traits_of<F, std::enable_if_t<has_one_call_operator<F>::value>> : callable_traits<decltype(&F::operator())> {
    using instance = void;
};

/** Removes the first type, if it is the instance that a lambda gets. */
template <class T, class List>
struct split_instance {
    static constexpr bool first = false;
    using rest = List;
};
template <class T, class First, class... Rest>
struct split_instance<T, types<First, Rest...>> {
    static constexpr bool first = !std::is_void_v<T> && std::is_same_v<bare<First>, T>;
    using rest = std::conditional_t<first, types<Rest...>, types<First, Rest...>>;
};

// ---------------------------------------------------------------- signatures

/** A signature in the form that the library reads, with the names of its parameters. */
struct Signature {
    std::string name, text;
    std::vector<std::string> parameters{};
    std::vector<std::size_t> ends{};  // end of each name in the string; npos: a type follows it
    bool numbered = false;            // the parameters have no names

    /** Parses a signature such as "add(a, b=2, *rest)"; empty for none. */
    static Signature parse(std::string_view given) {
        Signature signature;
        const std::size_t open = given.find('(');
        signature.name = std::string(given.substr(0, open));
        if (open == std::string_view::npos)
            return signature;
        signature.text = std::string(given);
        std::size_t close = given.rfind(')'), begin = open + 1;
        if (close == std::string_view::npos)
            close = given.size();
        int depth = 0;
        char quote = 0;
        for (std::size_t i = begin; i <= close; i++) {
            const char c = i < close ? given[i] : ',';
            if (quote != 0 && c == '\\')
                i++;
            else if (quote != 0)
                quote = c == quote ? '\0' : quote;
            else if (c == '\'' || c == '"')
                quote = c;
            else if (c == '(' || c == '[' || c == '{')
                depth++;
            else if (c == ')' || c == ']' || c == '}')
                depth--;
            else if (c == ',' && (depth == 0 || i == close)) {
                signature.add(given.substr(begin, i - begin), begin);
                begin = i + 1;
            }
        }
        return signature;
    }

    /** Returns the name of the parameter at an index, for error messages. */
    std::string place(std::size_t index) const {
        return name + "() argument " +
               (numbered || index >= parameters.size() ? std::to_string(index + 1) : "'" + parameters[index] + "'");
    }

private:
    void add(std::string_view parameter, std::size_t begin) {
        const auto blank = [](char c) { return c == ' ' || c == '*'; };
        while (!parameter.empty() && blank(parameter.front())) {
            parameter.remove_prefix(1);
            begin++;
        }
        const std::size_t end = std::min(parameter.find_first_of(" =:"), parameter.size());
        if (parameter.empty() || parameter.front() == '/')
            return;
        parameters.emplace_back(parameter.substr(0, end));
        const std::size_t next = parameter.find_first_not_of(' ', end);
        const bool has_type = next != std::string_view::npos && parameter[next] == ':';
        ends.push_back(has_type ? std::string::npos : begin + end);
    }
};

/** Whether the result continues to run after the call has returned, as a generator does. */
template <class R>
struct outlives_call : std::false_type {};

template <class P>
constexpr bool is_context = std::is_same_v<bare<P>, Call>;

template <class... P>
constexpr std::size_t slots(types<P...>) {
    return (std::size_t{0} + ... + (is_context<P> ? 0 : 1));
}

/** Makes the signature of a function whose parameters have no names: they are passed by position. */
template <class... P>
void write_signature(Signature &signature, types<P...>) {
    // A parameter that can be None is optional if all after it are optional.
    std::size_t required = 0, index = 0, star = slots(types<P...>());
    [[maybe_unused]] const auto look = [&](bool context, bool optional, bool star_here) {
        if (context)
            return;
        if (star_here)
            star = std::min(star, index);
        else if (!optional)
            required = index + 1;
        index++;
    };
    (look(is_context<P>, is_optional<bare<P>>::value, std::is_same_v<bare<P>, Args> || std::is_same_v<bare<P>, Kwargs>),
     ...);
    std::string text;
    index = 0;
    [[maybe_unused]] const auto write = [&](bool context, bool args, bool kwargs) {
        if (context)
            return;
        std::string one = args ? "*args" : kwargs ? "**kwargs" : "a" + std::to_string(index + 1);
        signature.parameters.push_back(one);
        text += (text.empty() ? "" : ", ") + one;
        if (!args && !kwargs) {
            text += index >= required ? "=None" : "";
            text += index + 1 == star ? ", /" : "";
        }
        index++;
    };
    (write(is_context<P>, std::is_same_v<bare<P>, Args>, std::is_same_v<bare<P>, Kwargs>), ...);
    signature.numbered = true;
    signature.text = signature.name + "(" + text + ")";
}

/**
 * Returns the type of a parameter for the signature. A bool has none, since every object has a truth value, and int is
 * not accepted for it.
 */
template <class T>
std::string annotation() {
    const std::string none = is_optional<T>::value ? " | None" : "";
    if constexpr (std::is_same_v<T, std::string_view>)
        return ": str";
    else if constexpr (plain_kind<T>::value == RPYC_VALUE_INT)
        return ": int" + none;
    else if constexpr (plain_kind<T>::value == RPYC_VALUE_FLOAT)
        return ": float" + none;
    else if constexpr (plain_kind<T>::value == duration_kind)
        return ": float | timedelta" + none;
    else if constexpr (plain_kind<T>::value == RPYC_VALUE_DATETIME)
        return ": datetime" + none;
    else if constexpr (plain_kind<T>::value == RPYC_VALUE_DATE)
        return ": date" + none;
    else if constexpr (plain_kind<T>::value == RPYC_VALUE_STR)
        return ": str" + none;
    else
        return "";
}

/**
 * Adds the types of the parameters to a signature, so that objects are converted to plain values before the call runs.
 */
template <class... P>
void write_types(Signature &signature, types<P...>) {
    std::vector<std::string> all;
    ((is_context<P> ? void() : all.push_back(annotation<bare<P>>())), ...);
    for (std::size_t i = all.size(); i-- > 0;)
        if (signature.ends[i] != std::string::npos)
            signature.text.insert(signature.ends[i], all[i]);
}

// ---------------------------------------------------------------- calling

/** Code that serves calls. */
class Method {
public:
    Method() = default;
    virtual ~Method() = default;
    Method(const Method &) = delete;
    Method &operator=(const Method &) = delete;
    /** Answers the call, or throws the exception to be raised. */
    virtual void invoke(rpyc_call *call, void *instance) = 0;
};

/** Runs a method in a callback of the library. No exception may leave the callback. */
inline void serve(Method *method, rpyc_call *call, void *instance) noexcept {
    try {
        method->invoke(call, instance);
    } catch (...) {
        raise_current(call);
    }
}

/** Returns a name as it is written in Python code. */
inline std::string_view unprefixed(std::string_view name) {
    return name.substr(0, 8) == "exposed_" ? name.substr(8) : name;
}

/** Answers the call when the future is ready. `kept` lives until then. */
template <class R, class Kept>
void answer_with_future(rpyc_call *call, const Future<R> &future, Kept kept) {
    auto deferred = std::make_shared<Deferred>(rpyc_call_defer(call));
    auto state = future.state();
    state->on_done([deferred, state, kept = std::move(kept)] {
        try {
            if constexpr (std::is_void_v<R>) {
                state->get();
                deferred->returns(Value());
            } else {
                deferred->returns(Value(state->get()));
            }
        } catch (...) {
            deferred->raises(std::current_exception());
        }
    });
}

template <class R>
struct is_answer : std::disjunction<std::is_void<R>, std::is_constructible<Value, R>> {};
template <class R>
struct is_answer<Future<R>> : std::disjunction<std::is_void<R>, std::is_constructible<Value, const R &>> {};

template <class... P>
constexpr bool takes_all(types<P...>) {
    return std::conjunction_v<std::disjunction<std::bool_constant<is_context<P>>, has_from<bare<P>>>...>;
}

template <class T, class F>
class MethodOf final : public Method {
    using Traits = traits_of<F>;
    using Split = split_instance<T, typename Traits::parameters>;
    using Parameters = typename Split::rest;
    static constexpr bool is_member = std::is_member_pointer_v<F>;
    static constexpr bool wants_instance = is_member || Split::first;
    using R = bare<typename Traits::result>;

public:
    /** Completes the signature. Throws std::invalid_argument if it does not match the function. */
    MethodOf(F function, Signature signature) : function_(std::move(function)), signature_(std::move(signature)) {
        if (signature_.text.empty())
            write_signature(signature_, Parameters());
        else if (signature_.parameters.size() != slots(Parameters()))
            throw std::invalid_argument("signature " + signature_.text + " has " +
                                        std::to_string(signature_.parameters.size()) + " parameters, its function " +
                                        std::to_string(slots(Parameters())));
        else
            write_types(signature_, Parameters());
    }

    const Signature &signature() const noexcept { return signature_; }
    static constexpr std::size_t most = slots(Parameters());
    /**
     * Whether all types of the function have conversions. The caller asserts this, so that the compiler's message names
     * a place in the application.
     */
    static constexpr bool answerable = is_answer<R>::value, takeable = takes_all(Parameters());

    void invoke(rpyc_call *call, void *instance) override { with(call, instance, Parameters()); }

    /** Makes the function get its first argument, which is a name, without "exposed_". */
    void takes_short_name() noexcept { short_name_ = true; }

private:
    template <class... P>
    void with([[maybe_unused]] rpyc_call *call, void *instance, types<P...>) {
        [[maybe_unused]] std::size_t slot = 0;
        [[maybe_unused]] Call context(call);
        std::optional<Value> name;
        if (short_name_)
            name = Value(unprefixed(View(rpyc_call_arg(call, 0)).text()));
        [[maybe_unused]] const View first = name ? View(*name) : View(rpyc_call_arg(call, 0));
        // Braces, so that the arguments are converted from left to right.
        using Taken = std::tuple<std::conditional_t<is_context<P>, Call *, bare<P>>...>;
        [[maybe_unused]] const auto function = [&](auto &...each) -> decltype(auto) {
            if constexpr (wants_instance)
                return std::invoke(function_, *static_cast<T *>(instance), pass<P>(each)...);
            else
                return std::invoke(function_, pass<P>(each)...);
        };
        if constexpr (!answerable || !takeable) {
            // Rejected at compile time where the method is made.
        } else if constexpr (is_future<R>::value) {
            static_assert(
                !(is_context<P> || ...),
                "a Call ends when the function returns, before its future: use Call::defer(), or do not take a Call");
            // Code that continues after the future is settled may have taken the arguments by reference.
            const std::shared_ptr<Taken> arguments(new Taken{argument<P>(call, first, context, slot)...});
            answer_with_future(call, std::apply(function, *arguments), std::make_pair(arguments, name));
        } else if constexpr (std::is_void_v<R>) {
            Taken arguments{argument<P>(call, first, context, slot)...};
            std::apply(function, arguments);
            rpyc_call_return(call, nullptr);
        } else {
            static_assert(!outlives_call<R>::value || !((std::is_reference_v<P> || is_borrowed<bare<P>>::value) || ...),
                          "the arguments are destroyed before the next item is requested: take copies of them");
            Taken arguments{argument<P>(call, first, context, slot)...};
            if constexpr (outlives_call<R>::value) {
                // The result runs code of this function, which the called object keeps.
                const Object target = Object::share(rpyc_call_target(call));
                rpyc_call_return(call,
                                 std::move(Convert<R>::to_with(target, std::apply(function, arguments))).release());
            } else {
                rpyc_call_return(call, std::move(Value(std::apply(function, arguments))).release());
            }
        }
    }

    template <class P>
    auto argument(rpyc_call *call, View first, Call &context, std::size_t &slot) const {
        if constexpr (is_context<P>) {
            return &context;
        } else {
            static_assert(!std::is_lvalue_reference_v<P> || std::is_const_v<std::remove_reference_t<P>>,
                          "arguments are copies: take them by value or by const reference");
            const std::size_t index = slot++;
            try {
                return (index == 0 ? first : View(rpyc_call_arg(call, index))).template as<bare<P>>();
            } catch (const ConversionError &error) {
                throw ConversionError(error.status(), error.text_for(signature_.place(index)));
            }
        }
    }
    template <class P, class A>
    static decltype(auto) pass(A &value) {
        if constexpr (is_context<P>)
            return *value;
        else
            return static_cast<std::conditional_t<std::is_lvalue_reference_v<P>, P, bare<P> &&>>(value);
    }

    F function_;
    Signature signature_;
    bool short_name_ = false;
};

}  // namespace detail

}  // namespace rpyc

#endif
