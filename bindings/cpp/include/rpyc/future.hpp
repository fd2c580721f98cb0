/**
 * Futures: answers that are waited for later, and what is done with them.
 *
 * No thread belongs to them. get() and wait_for() serve the connection in the calling thread. A continuation runs in the
 * thread that reads the answer, whichever that is: one that waits in get(), in a call, or in serve(). If the answer is here
 * already, it runs in then() itself.
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

/** What a peer's answer is converted to. */
template <class T>
struct is_result : std::disjunction<std::is_void<T>, has_from<bare<T>>> {};
/** What a peer is sent. */
template <class T>
struct is_argument : std::is_constructible<Value, T> {};

/** What a continuation gives: with a future it returns, what that will hold. */
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

/** A result that will be there. Copies share it, and it can be asked for again. One of a peer keeps its connection open. */
template <class T>
class Future {
public:
    explicit Future(std::shared_ptr<detail::State<T>> state, detail::Hold hold = {}) noexcept
        : hold_(std::move(hold)), state_(std::move(state)) {}
    // Moving copies, so that there is no future without a result.
    Future(const Future &) noexcept = default;
    Future &operator=(const Future &) noexcept = default;
    ~Future() = default;

    /** Future<int64_t> sum = root.async_call("add", 40, 2); */
    template <class U, std::enable_if_t<std::is_same_v<U, Value> && !std::is_same_v<T, Value> && detail::is_result<T>::value, int> = 0>
    Future(const Future<U> &other) : Future(other.template as<T>()) {}
    /** Of other types, for a short message of the compiler. */
    template <class U, std::enable_if_t<std::is_same_v<U, Value> && !std::is_same_v<T, Value> && !detail::is_result<T>::value, int> there_is_no_rpyc_Convert = 0>
    Future(const Future<U> &other) = delete;  // there is no rpyc::Convert<T>::from for this type: specialise rpyc::Convert

    /** Waits and gives the result, or throws what became of it. */
    T get() const { return state_->get(); }
    /** Waits; what went wrong is told by get(). */
    void wait() const { state_->wait(nullptr); }
    /** Waits for a while; is the result there? The request goes on if not. */
    template <class Rep, class Period>
    bool wait_for(std::chrono::duration<Rep, Period> time) const {
        const auto end = detail::end_of(time);
        return state_->wait(&end);
    }
    /** Is it there? Messages that have arrived are handled first. */
    bool ready() const { return state_->ready(); }

    /** The answer must come within this time from now, or the future holds Timeout. Of a call and of its as(), not of then(). */
    template <class Rep, class Period>
    Future expire_in(std::chrono::duration<Rep, Period> time) const {
        if (!state_->expire_in(detail::milliseconds(time)))
            throw UsageError(RPYC_ERR_STATE, "only an answer of a peer can expire");
        return *this;
    }
    /**
     * Gives the request up that this waits for: the future holds Cancelled, and an answer that comes later is dropped. The
     * peer is not told. False if there is nothing to give up: the answer is here, or this program is to fulfil a promise.
     */
    bool cancel() const { return state_->cancel(); }

    /**
     * Goes on with the result: f(result), whose own result the new future holds. What f throws it holds too, and what went
     * wrong before, for which f is not called. If f takes a Future, it is called in any case. A future that f returns is
     * waited for.
     */
    template <class F>
    auto then(F f) const {
        if constexpr (!detail::takes_value<F &, T>() && std::is_invocable_v<F &, Future<T>>) {
            return go_on<std::invoke_result_t<F &, Future<T>>>(
                [f = std::move(f)](const std::shared_ptr<detail::State<T>> &state) mutable { return f(Future<T>(state)); });
        } else if constexpr (std::is_void_v<T>) {
            return go_on<std::invoke_result_t<F &>>([f = std::move(f)](const auto &state) mutable {
                state->get();
                return f();
            });
        } else if constexpr (!detail::takes_value<F &, T>()) {
            static_assert(detail::takes_value<F &, T>(), "it takes neither the result nor what that converts to: a type without rpyc::Convert?");
        } else {
            return go_on<std::invoke_result_t<F &, T>>(
                [f = std::move(f)](const auto &state) mutable { return f(state->get()); });
        }
    }

    /** The same, converted. */
    template <class U>
    Future<U> as() const {
        static_assert(!detail::is_borrowed<U>::value, "the value is gone when this is read: take std::string, bytes or Value");
        static_assert(detail::is_result<U>::value, "there is no rpyc::Convert<T>::from for this type: specialise rpyc::Convert");
        return go_on<U>(
            [](const auto &state) -> U {
                if constexpr (std::is_void_v<U>)
                    state->get();
                else if constexpr (detail::is_result<U>::value)
                    return state->get().template as<U>();
            },
            true);
    }

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

    detail::Hold hold_{};                   // here, not in the state: continuations keep that, and would keep themselves
    std::shared_ptr<detail::State<T>> state_;
};

/**
 * Makes a future that this program fulfils, from any thread: of a queue of its own, for instance.
 *
 * Copies are the same promise. It is kept once: what comes later is ignored. If the last copy goes before, the future
 * holds StateError.
 */
template <class T>
class Promise {
public:
    Promise() = default;
    // As with futures: moving copies.
    Promise(const Promise &) noexcept = default;
    Promise &operator=(const Promise &) noexcept = default;
    ~Promise() = default;

    Future<T> future() const { return Future<T>(owner_->result); }
    template <class... V>
    void set_value(V &&...value) const {
        const auto result = owner_->result;
        result->settle([&]() -> T { return T(std::forward<V>(value)...); });
    }
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
                // No memory to tell it with.
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

/** Sends a request of which the library gives an rpyc_async_result. */
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
        return rpyc_object_call_method_async(raw_, method, arguments.release(), count, keywords, arguments.timeout_ms(), out, error);
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
    return detail::asynchronous(detail::Hold(rpyc_connection_clone(raw_)), [&](rpyc_async_result **out, rpyc_error **error) {
        return rpyc_connection_async_request(raw_, handler, arguments.release(), count, arguments.timeout_ms(), out, error);
    });
}

}  // namespace rpyc

#endif
