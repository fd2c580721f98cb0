/**
 * Futures: replies that are waited for later, and continuations for them.
 *
 * Futures have no threads of their own. get() and wait_for() serve the connection in the calling thread. A continuation
 * runs in the thread that reads the reply: one that waits in get(), in a call, or in serve(). If the reply has been
 * received already, it runs in then() itself.
 */
#ifndef RPYC_FUTURE_HPP
#define RPYC_FUTURE_HPP

#include "awaited.hpp"

namespace rpyc {

namespace detail {

template <class T>
struct is_future : std::false_type {};
template <class T>
struct is_future<Future<T>> : std::true_type {
    using type = T;
};

/** Whether a reply can be converted to T. */
template <class T>
struct is_result : std::disjunction<std::is_void<T>, has_from<bare<T>>> {};
/** Whether a T can be sent to a peer. */
template <class T>
struct is_argument : std::is_constructible<Value, T> {};

/** The result type of a continuation; for a continuation that returns a future, the type of its result. */
template <class R>
struct unwrapped {
    using type = R;
};
template <class R>
struct unwrapped<Future<R>> {
    using type = R;
};

template <class F, class T>
constexpr bool takes_value() {
    if constexpr (std::is_void_v<T>)
        return std::is_invocable_v<F>;
    else
        return std::is_invocable_v<F, T> && !std::is_same_v<T, void>;
}

}  // namespace detail

/**
 * A result that is available later. Copies share it, and it can be read several times. The future of a request keeps
 * its connection open.
 */
template <class T>
class Future {
public:
    /** For the library: makes a future for a state. */
    explicit Future(std::shared_ptr<detail::State<T>> state, detail::Hold hold = {}) noexcept
        : hold_(std::move(hold)), state_(std::move(state)) {}
    // Moving copies, so that no future is without a result.
    Future(const Future &) noexcept = default;
    Future &operator=(const Future &) noexcept = default;
    ~Future() = default;

    /** Converts the future of a value: Future<int64_t> sum = root.async_call("add", 40, 2); */
    template <
        class U,
        std::enable_if_t<std::is_same_v<U, Value> && !std::is_same_v<T, Value> && detail::is_result<T>::value, int> = 0>
    Future(const Future<U> &other) : Future(other.template as<T>()) {}
    /** Deleted for other types, for a short message of the compiler. */
    template <class U, std::enable_if_t<
                           std::is_same_v<U, Value> && !std::is_same_v<T, Value> && !detail::is_result<T>::value, int>
                           there_is_no_rpyc_Convert = 0>
    // clang-format off
    // Compilers show this line, with its comment.
    Future(const Future<U> &other) = delete;  // there is no rpyc::Convert<T>::from for this type: specialise rpyc::Convert
    // clang-format on

    /** Waits for the result and returns it, or throws the error. */
    T get() const { return state_->get(); }
    /** Waits for the result. get() reports an error. */
    void wait() const { state_->wait(nullptr); }
    /** Waits for a limited time and returns whether the result is available. If it is not, the request continues. */
    template <class Rep, class Period>
    bool wait_for(std::chrono::duration<Rep, Period> time) const {
        const auto end = detail::end_of(time);
        return state_->wait(&end);
    }
    /** Returns whether the result is available. Messages that have arrived are handled first. */
    bool ready() const { return state_->ready(); }

    /**
     * Sets the time from now within which the reply must be received; after it the future holds Timeout. For futures of
     * calls and of their as(), not for those of then().
     */
    template <class Rep, class Period>
    Future expire_in(std::chrono::duration<Rep, Period> time) const {
        if (!state_->expire_in(detail::milliseconds(time)))
            throw UsageError(RPYC_ERR_STATE, "only the reply of a peer can expire");
        return *this;
    }
    /**
     * Cancels the request behind this future. The future then holds Cancelled, and a late reply is dropped. The peer is
     * not told. Returns false if there is nothing to cancel: the reply has been received, or the future belongs to a
     * promise.
     */
    bool cancel() const { return state_->cancel(); }

    /**
     * Continues with the result: calls f(result), and the new future holds the result of f. It holds an exception of f
     * too, and an earlier error, in which case f is not called. If f takes a Future, it is called in any case. If f
     * returns a future, the new future waits for it.
     */
    template <class F>
    auto then(F f) const {
        if constexpr (!detail::takes_value<F &, T>() && std::is_invocable_v<F &, Future<T>>) {
            return go_on<std::invoke_result_t<F &, Future<T>>>(
                [f = std::move(f)](const std::shared_ptr<detail::State<T>> &state) mutable {
                    return f(Future<T>(state));
                });
        } else if constexpr (std::is_void_v<T>) {
            return go_on<std::invoke_result_t<F &>>([f = std::move(f)](const auto &state) mutable {
                state->get();
                return f();
            });
        } else if constexpr (!detail::takes_value<F &, T>()) {
            static_assert(detail::takes_value<F &, T>(),
                          "it takes neither the result nor what that converts to: a type without rpyc::Convert?");
        } else {
            return go_on<std::invoke_result_t<F &, T>>(
                [f = std::move(f)](const auto &state) mutable { return f(state->get()); });
        }
    }

    /** Returns a future for the result, converted to another type. */
    template <class U>
    Future<U> as() const {
        static_assert(!detail::is_borrowed<U>::value,
                      "the value is destroyed before this is read: take std::string, bytes or Value");
        static_assert(detail::is_result<U>::value,
                      "there is no rpyc::Convert<T>::from for this type: specialise rpyc::Convert");
        return go_on<U>(
            [](const auto &state) -> U {
                if constexpr (std::is_void_v<U>)
                    state->get();
                else if constexpr (detail::is_result<U>::value)
                    return state->get().template as<U>();
            },
            true);
    }

    /** For the library: returns the state. */
    const std::shared_ptr<detail::State<T>> &state() const noexcept { return state_; }

private:
    template <class R, class F>
    auto go_on(F f, bool converted = false) const {
        using U = typename detail::unwrapped<R>::type;
        auto next = std::make_shared<detail::Result<U>>();
        if (converted)
            next->is_converted();
        next->await(state_);
        auto kept = std::make_shared<F>(std::move(f));
        state_->on_done([state = state_, next, kept] {
            if constexpr (detail::is_future<R>::value) {
                try {
                    const auto held = (*kept)(state).state();
                    next->await(held);
                    held->on_done([next, held] { next->settle([&] { return held->get(); }); });
                } catch (...) {
                    next->settle([]() -> U { throw; });
                }
            } else {
                next->settle([&] { return (*kept)(state); });
            }
        });
        return Future<U>(next, hold_);
    }

    // here and not in the state: continuations keep the state, and would keep themselves
    detail::Hold hold_{};
    std::shared_ptr<detail::State<T>> state_;
};

/**
 * Makes a future that this program fulfils, from any thread, for example from a queue of its own.
 *
 * Copies are the same promise. It is fulfilled once; later results are ignored. If the last copy is destroyed before
 * that, the future holds StateError.
 */
template <class T>
class Promise {
public:
    /** Makes a promise. */
    Promise() = default;
    // As for futures, moving copies.
    Promise(const Promise &) noexcept = default;
    Promise &operator=(const Promise &) noexcept = default;
    ~Promise() = default;

    /** Returns the future. */
    Future<T> future() const { return Future<T>(owner_->result); }
    /** Fulfils the promise with a result. */
    template <class... V>
    void set_value(V &&...value) const {
        const auto result = owner_->result;
        result->settle([&]() -> T { return T(std::forward<V>(value)...); });
    }
    /** Fulfils the promise with an exception. */
    void set_exception(std::exception_ptr error) const {
        const auto result = owner_->result;
        result->settle([&]() -> T { std::rethrow_exception(error); });
    }

private:
    struct Owner {
        Owner() = default;
        Owner(const Owner &) = delete;
        Owner &operator=(const Owner &) = delete;
        ~Owner() noexcept {
            try {
                if (!result->settled())
                    result->settle([]() -> T { throw StateError(RPYC_ERR_STATE, "the promise was dropped"); });
            } catch (...) {
                // There is no memory to report it with.
            }
        }

        std::shared_ptr<detail::Result<T>> result = std::make_shared<detail::Result<T>>();
    };

    std::shared_ptr<Owner> owner_ = std::make_shared<Owner>();
};

namespace detail {

struct FreeResult {
    void operator()(rpyc_async_result *result) const noexcept { rpyc_async_result_free(result); }
};

/** Sends a request with a function of the library that makes an rpyc_async_result. */
template <class F>
Future<Value> asynchronous(const Hold &hold, F request) {
    rpyc_async_result *out = nullptr;
    rpyc_error *error = nullptr;
    check(request(&out, &error), error);
    std::unique_ptr<rpyc_async_result, FreeResult> owned(out);
    const auto answer = std::make_shared<Answer>(out);
    owned.release();
    return Future<Value>(answer, hold);
}

}  // namespace detail

template <class... A>
Future<Value> Object::async_call(const char *method, A &&...args) const {
    if (detail::is_call(method))
        return async(std::forward<A>(args)...);
    detail::Arguments arguments(raw_, std::forward<A>(args)...);
    rpyc_value *keywords = arguments.release_keywords();
    const std::size_t count = arguments.count();
    return detail::asynchronous(hold_, [&](rpyc_async_result **out, rpyc_error **error) {
        return rpyc_object_call_method_async(raw_, method, arguments.release(), count, keywords, arguments.timeout_ms(),
                                             out, error);
    });
}
template <class... A>
Future<Value> Object::async_call(const std::string &method, A &&...args) const {
    return async_call(detail::name_text(method), std::forward<A>(args)...);
}
template <class... A>
Future<Value> Object::async(A &&...args) const {
    detail::Arguments arguments(raw_, std::forward<A>(args)...);
    rpyc_value *keywords = arguments.release_keywords();
    const std::size_t count = arguments.count();
    return detail::asynchronous(hold_, [&](rpyc_async_result **out, rpyc_error **error) {
        return rpyc_object_call_async(raw_, arguments.release(), count, keywords, arguments.timeout_ms(), out, error);
    });
}

template <class... A>
Future<Value> Connection::async_request(std::int32_t handler, A &&...args) const {
    detail::Arguments arguments(nullptr, std::forward<A>(args)...);
    arguments.refuse_keywords();
    const std::size_t count = arguments.count();
    return detail::asynchronous(detail::Hold(rpyc_connection_clone(raw_)),
                                [&](rpyc_async_result **out, rpyc_error **error) {
                                    return rpyc_connection_async_request(raw_, handler, arguments.release(), count,
                                                                         arguments.timeout_ms(), out, error);
                                });
}

}  // namespace rpyc

#endif
