/**
 * co_await of futures, and coroutines that return them, if the compiler supports the coroutines of C++20.
 *
 * A coroutine starts at once. It is resumed in the thread that reads the reply that it awaits, like a continuation.
 */
#ifndef RPYC_COROUTINE_HPP
#define RPYC_COROUTINE_HPP

#include "future.hpp"

#if defined(__cpp_impl_coroutine) && defined(__has_include)
#if __has_include(<coroutine>)
#include <coroutine>
#if defined(__cpp_lib_coroutine)

/** Defined if rpyc::Future can be awaited. */
#define RPYC_COROUTINES 1

namespace rpyc {

namespace detail {

template <class T>
class Awaiter {
public:
    explicit Awaiter(std::shared_ptr<State<T>> state) noexcept : state_(std::move(state)) {}
    bool await_ready() const { return state_->ready(); }
    void await_suspend(std::coroutine_handle<> waiting) const {
        // The coroutine, and with it this object, may have been destroyed when on_done returns.
        const std::shared_ptr<State<T>> state = state_;
        state->on_done([waiting] { waiting.resume(); });
    }
    T await_resume() const { return state_->get(); }

private:
    std::shared_ptr<State<T>> state_;
};

template <class T>
class CoroutineBase {
public:
    Future<T> get_return_object() const { return Future<T>(result_); }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void unhandled_exception() const {
        result_->settle([]() -> T { throw; });
    }

    /** Sets the state that get() of the coroutine's own future waits for meanwhile. */
    template <class U>
    Awaiter<U> await_transform(const Future<U> &future) const {
        result_->await(future.state());
        return Awaiter<U>(future.state());
    }
    template <class Other, std::enable_if_t<!is_future<bare<Other>>::value, int> = 0>
    Other &&await_transform(Other &&other) const noexcept {
        return std::forward<Other>(other);
    }

protected:
    std::shared_ptr<Result<T>> result_ = std::make_shared<Result<T>>();
};

template <class T>
class Coroutine : public CoroutineBase<T> {
public:
    template <class V>
    void return_value(V &&value) const {
        this->result_->settle([&]() -> T { return T(std::forward<V>(value)); });
    }
};

template <>
class Coroutine<void> : public CoroutineBase<void> {
public:
    void return_void() const {
        result_->settle([] {});
    }
};

}  // namespace detail

/** Lets coroutines of other types await a future. */
template <class T>
detail::Awaiter<T> operator co_await(const Future<T> &future) {
    return detail::Awaiter<T>(future.state());
}

}  // namespace rpyc

template <class T, class... A>
struct std::coroutine_traits<rpyc::Future<T>, A...> {
    using promise_type = rpyc::detail::Coroutine<T>;
};

#endif
#endif
#endif

#endif
