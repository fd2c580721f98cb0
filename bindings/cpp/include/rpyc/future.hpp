/**
 * Futures: answers that are waited for later, and what is done with them.
 *
 * No thread belongs to them. get() and wait_for() serve the connection in the calling thread. A continuation runs in the
 * thread that reads the answer, whichever that is: one that waits in get(), in a call, or in serve(). If the answer is here
 * already, it runs in then() itself.
 */
#ifndef RPYC_FUTURE_HPP
#define RPYC_FUTURE_HPP

#include "connection.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>

namespace rpyc {

namespace detail {

using Clock = std::chrono::steady_clock;

/** Something that will be there. */
class Awaited {
public:
    Awaited() = default;
    virtual ~Awaited() = default;
    Awaited(const Awaited &) = delete;
    Awaited &operator=(const Awaited &) = delete;

    virtual bool ready() = 0;
    /** Waits until `end`, or without limit; is it there? */
    virtual bool wait(const Clock::time_point *end) = 0;
    /** Runs it once, when the result is there or never will be. */
    virtual void on_done(std::function<void()> then) = 0;
};

template <class T>
class State : public Awaited {
public:
    /** The result, or throws; waits for it. */
    virtual T get() = 0;
};

/** An answer of a peer. */
class Answer final : public State<Value> {
public:
    Answer(rpyc_async_result *result, rpyc_object *object) noexcept : result_(result), object_(object) {}
    ~Answer() override {
        rpyc_async_result_free(result_);
        rpyc_object_free(object_);
    }

    bool ready() override { return rpyc_async_result_ready(result_) || expired(); }

    bool wait(const Clock::time_point *end) override {
        if (end == nullptr) {
            rpyc_async_result_wait(result_, nullptr);       // what went wrong is told by get()
            settle();
            return true;
        }
        Connection connection;
        while (!ready()) {
            const auto left = *end - Clock::now();
            if (left <= Clock::duration::zero())
                return false;
            if (!connection) {
                rpyc_connection *raw = nullptr;
                if (rpyc_object_connection(object_, &raw, nullptr) != RPYC_OK)
                    break;
                connection = Connection::adopt(raw);
            }
            // Another thread may read the answer meanwhile, so this one looks again every few milliseconds.
            const std::int64_t slice = std::min<std::int64_t>(milliseconds(left), 20);
            if (rpyc_connection_serve(connection.raw(), slice, nullptr, nullptr) != RPYC_OK)
                break;
        }
        settle();
        return true;
    }

    Value get() override {
        return Value::made([&](rpyc_value **out, rpyc_error **error) {
            const rpyc_status status = rpyc_async_result_value(result_, out, error);
            if (status == RPYC_ERR_TIMEOUT)
                settle();
            return status;
        });
    }

    void on_done(std::function<void()> then) override {
        auto once = std::make_shared<Once>();
        once->then = std::move(then);
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            waiting_.push_back(once);
        }
        rpyc_error *error = nullptr;
        check(rpyc_async_result_add_callback(result_, called, new std::shared_ptr<Once>(once), dropped, &error), error);
    }

    void expire_in(std::int64_t ms) {
        rpyc_error *error = nullptr;
        check(rpyc_async_result_set_expiry(result_, ms, &error), error);
    }

private:
    /** A continuation, which runs at most once. */
    struct Once {
        std::function<void()> then{};
        std::atomic<bool> ran{false};

        void run() noexcept {
            if (ran.exchange(true))
                return;
            try {
                then();
            } catch (...) {
                // What continuations throw is kept by their futures; there is no one else to tell.
            }
            then = nullptr;
        }
    };

    static void called(rpyc_async_result *, void *userdata) noexcept {
        (*static_cast<std::shared_ptr<Once> *>(userdata))->run();
    }
    static void dropped(void *userdata) noexcept {
        const std::unique_ptr<std::shared_ptr<Once>> once(static_cast<std::shared_ptr<Once> *>(userdata));
        (*once)->run();
    }

    bool expired() {
        const bool is = rpyc_async_result_expired(result_);
        if (is)
            settle();
        return is;
    }

    /**
     * Runs the continuations that have not begun. The library runs none when no answer comes in time, and one that waits
     * would wait for those behind it.
     */
    void settle() {
        std::vector<std::weak_ptr<Once>> waiting;
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            waiting.swap(waiting_);
        }
        for (const auto &one : waiting)
            if (const auto once = one.lock())
                once->run();
    }

    rpyc_async_result *result_;
    rpyc_object *object_;
    std::mutex mutex_{};
    std::vector<std::weak_ptr<Once>> waiting_{};
};

/** Something that this program makes of what it waits for. */
template <class T>
class Result final : public State<T>, public std::enable_shared_from_this<Result<T>> {
public:
    using Stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

    bool ready() override {
        std::shared_ptr<Awaited> awaited;
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            if (done_)
                return true;
            awaited = awaited_;
        }
        // Reads what has arrived, which may be what is missing, and lets continuations go on.
        const auto now = Clock::now();
        if (awaited != nullptr && awaited->ready())
            awaited->wait(&now);
        const std::lock_guard<std::mutex> lock(mutex_);
        return done_;
    }

    bool wait(const Clock::time_point *end) override {
        const bool there = wait_done(end);
        if (there)
            run_continuations();                // one that waits would wait for those behind it
        return there;
    }

    T get() override {
        wait_done(nullptr);
        if (failed_)
            std::rethrow_exception(failed_);
        if constexpr (!std::is_void_v<T>)
            return *value_;
    }

    void on_done(std::function<void()> then) override {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            if (!done_) {
                continuations_.push_back(std::move(then));
                return;
            }
        }
        then();
    }

    void await(std::shared_ptr<Awaited> awaited) {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            awaited_ = std::move(awaited);
        }
        changed_.notify_all();
    }

    /** Settles it with what `make` returns or throws, unless it is settled already. */
    template <class F>
    void settle(F make) {
        std::optional<Stored> value;
        std::exception_ptr failed;
        try {
            if constexpr (std::is_void_v<T>) {
                make();
                value.emplace();
            } else {
                value.emplace(make());
            }
        } catch (...) {
            failed = std::current_exception();
        }
        std::shared_ptr<Awaited> awaited;       // goes when the lock is open: it may be the last of it
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            if (done_)
                return;
            if (value)
                value_.emplace(*std::move(value));
            failed_ = failed;
            done_ = true;
            awaited.swap(awaited_);
        }
        changed_.notify_all();
        run_continuations();
    }

    bool settled() {
        const std::lock_guard<std::mutex> lock(mutex_);
        return done_;
    }

private:
    bool wait_done(const Clock::time_point *end) {
        std::unique_lock<std::mutex> lock(mutex_);
        while (!done_) {
            const std::shared_ptr<Awaited> awaited = awaited_;
            if (awaited != nullptr) {
                lock.unlock();
                const bool there = awaited->wait(end);
                lock.lock();
                if (!there)
                    return done_;
            }
            // The continuation runs in another thread, or awaits something else by now.
            const auto changed = [&] { return done_ || awaited_ != awaited; };
            if (end == nullptr)
                changed_.wait(lock, changed);
            else if (!changed_.wait_until(lock, *end, changed))
                return false;
        }
        return true;
    }

    /** Each is taken out by one thread, which runs it. */
    void run_continuations() {
        const auto alive = this->shared_from_this();
        for (;;) {
            std::function<void()> then;
            {
                const std::lock_guard<std::mutex> lock(mutex_);
                if (continuations_.empty())
                    return;
                then = std::move(continuations_.front());
                continuations_.pop_front();
            }
            try {
                then();
            } catch (...) {
                // What continuations throw is kept by their futures; there is no one else to tell.
            }
        }
    }

    std::mutex mutex_{};
    std::condition_variable changed_{};
    bool done_ = false;
    std::optional<Stored> value_{};
    std::exception_ptr failed_{};
    std::shared_ptr<Awaited> awaited_{};
    std::deque<std::function<void()>> continuations_{};
};

template <class T>
struct is_future : std::false_type {};
template <class T>
struct is_future<Future<T>> : std::true_type {
    using type = T;
};

/** What a continuation gives: with a future it returns, what that will hold. */
template <class R>
struct unwrapped {
    using type = R;
};
template <class R>
struct unwrapped<Future<R>> {
    using type = R;
};

/** What f(value), or f() for void, returns; f(future) where it takes the future itself. */
template <class F, class T, class = void>
struct continued : std::invoke_result<F, T> {};
template <class F>
struct continued<F, void, void> : std::invoke_result<F> {};

template <class F, class T>
constexpr bool takes_value() {
    if constexpr (std::is_void_v<T>)
        return std::is_invocable_v<F>;
    else
        return std::is_invocable_v<F, T> && !std::is_same_v<T, void>;
}

}  // namespace detail

/** A result that will be there. Copies share it, and it can be asked for again. */
template <class T>
class Future {
public:
    explicit Future(std::shared_ptr<detail::State<T>> state) noexcept : state_(std::move(state)) {}

    /** Future<int64_t> sum = root.async_call("add", 40, 2); */
    template <class U, std::enable_if_t<std::is_same_v<U, Value> && !std::is_same_v<T, Value>, int> = 0>
    Future(const Future<U> &other) : Future(other.template as<T>()) {}

    /** Waits and gives the result, or throws what became of it. */
    T get() const { return state_->get(); }
    /** Waits; what went wrong is told by get(). */
    void wait() const { state_->wait(nullptr); }
    /** Waits for a while; is the result there? The request goes on if not. */
    template <class Rep, class Period>
    bool wait_for(std::chrono::duration<Rep, Period> time) const {
        const auto end = detail::Clock::now() + std::chrono::duration_cast<detail::Clock::duration>(time);
        return state_->wait(&end);
    }
    /** Is it there? Messages that have arrived are handled first. */
    bool ready() const { return state_->ready(); }

    /** The answer must come within this time from now, or the future holds Timeout. Only of the call itself, not of then(). */
    template <class Rep, class Period>
    const Future &expire_in(std::chrono::duration<Rep, Period> time) const {
        auto *answer = dynamic_cast<detail::Answer *>(state_.get());
        if (answer == nullptr)
            throw UsageError(RPYC_ERR_STATE, "only an answer of a peer can expire");
        answer->expire_in(detail::milliseconds(time));
        return *this;
    }

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
        } else {
            return go_on<std::invoke_result_t<F &, T>>(
                [f = std::move(f)](const auto &state) mutable { return f(state->get()); });
        }
    }

    /** The same, converted. */
    template <class U>
    Future<U> as() const {
        static_assert(!detail::is_borrowed<U>::value, "the value is gone when this is read: take std::string, bytes or Value");
        return then([](const Value &value) {
            if constexpr (!std::is_void_v<U>)
                return value.template as<U>();
        });
    }

    const std::shared_ptr<detail::State<T>> &state() const noexcept { return state_; }

private:
    template <class R, class F>
    auto go_on(F f) const {
        using U = typename detail::unwrapped<R>::type;
        auto next = std::make_shared<detail::Result<U>>();
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
        return Future<U>(next);
    }

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

template <class F>
Future<Value> asynchronous(rpyc_object *object, F request) {
    rpyc_async_result *out = nullptr;
    rpyc_error *error = nullptr;
    check(request(&out, &error), error);
    return Future<Value>(std::make_shared<Answer>(out, rpyc_object_clone(object)));
}

}  // namespace detail

template <class... A>
Future<Value> Object::async_call(const char *method, A &&...args) const {
    detail::Arguments arguments(std::forward<A>(args)...);
    rpyc_value *keywords = arguments.release_keywords();
    const std::size_t count = arguments.count();
    return detail::asynchronous(raw_, [&](rpyc_async_result **out, rpyc_error **error) {
        return rpyc_object_call_method_async(raw_, method, arguments.release(), count, keywords, -1, out, error);
    });
}
template <class... A>
Future<Value> Object::async_call(const std::string &method, A &&...args) const {
    return async_call(method.c_str(), std::forward<A>(args)...);
}
template <class... A>
Future<Value> Object::async(A &&...args) const {
    detail::Arguments arguments(std::forward<A>(args)...);
    rpyc_value *keywords = arguments.release_keywords();
    const std::size_t count = arguments.count();
    return detail::asynchronous(raw_, [&](rpyc_async_result **out, rpyc_error **error) {
        return rpyc_object_call_async(raw_, arguments.release(), count, keywords, -1, out, error);
    });
}

}  // namespace rpyc

#endif
