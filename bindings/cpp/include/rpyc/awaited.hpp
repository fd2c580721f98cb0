/** The states behind futures: replies of peers, and results that this program makes of them. */
#ifndef RPYC_AWAITED_HPP
#define RPYC_AWAITED_HPP

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

/** Returns the deadline for a time from now; the last moment of the clock if the time is too long for it. */
template <class Rep, class Period>
Clock::time_point end_of(std::chrono::duration<Rep, Period> time) {
    const auto now = Clock::now();
    if (time <= std::chrono::duration<Rep, Period>::zero())
        return now;
    if (std::chrono::duration<double>(time) >= std::chrono::duration<double>(Clock::time_point::max() - now))
        return Clock::time_point::max();
    return now + std::chrono::duration_cast<Clock::duration>(time);
}

/** A result that is available later. */
class Awaited {
public:
    Awaited() = default;
    virtual ~Awaited() = default;
    Awaited(const Awaited &) = delete;
    Awaited &operator=(const Awaited &) = delete;

    virtual bool ready() = 0;
    /** Waits until `end`, or without a limit for nullptr. Returns whether the result is available. */
    virtual bool wait(const Clock::time_point *end) = 0;
    /** Calls `then` once: when the result is available, or when it is certain that it never will be. */
    virtual void on_done(std::function<void()> then) = 0;
    /** Cancels the request behind it. Returns whether there was one without a reply. */
    virtual bool cancel() = 0;
    /** Limits the time of the request whose reply it is; false if it is not a reply. */
    virtual bool expire_in(std::int64_t ms) = 0;
    /** Returns the state that it waits for; nullptr if none is known. */
    virtual std::shared_ptr<Awaited> before() = 0;
    /** Returns the request of the library that has no reply yet; nullptr if there is none. */
    virtual rpyc_async_result *request() = 0;
};

template <class T>
class State : public Awaited {
public:
    /** Waits for the result and returns it, or throws. */
    virtual T get() = 0;
};

/** The reply of a peer. */
class Answer final : public State<Value> {
public:
    explicit Answer(rpyc_async_result *result) noexcept : result_(result) {}
    ~Answer() override { rpyc_async_result_free(result_); }

    bool ready() override { return rpyc_async_result_ready(result_) || expired(); }

    bool wait(const Clock::time_point *end) override {
        // get() reports the error.
        if (end == nullptr) {
            rpyc_error *error = nullptr;
            const rpyc_status status = rpyc_async_result_wait(result_, &error);
            if (status == RPYC_ERR_WAIT_INTERRUPTED)
                check(status, error);  // the reply has not been received
            rpyc_error_free(error);
        } else {
            std::size_t index = 0;
            const auto left = std::max(*end - Clock::now(), Clock::duration::zero());
            rpyc_error *error = nullptr;
            const rpyc_status status = rpyc_async_result_wait_any(&result_, 1, milliseconds(left), &index, &error);
            if (status == RPYC_ERR_WAIT_INTERRUPTED)
                check(status, error);
            rpyc_error_free(error);
            if (status == RPYC_ERR_TIMEOUT)
                return false;
        }
        settle();
        return true;
    }

    Value get() override {
        return Value::got([&](rpyc_value **out, rpyc_error **error) {
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

    bool cancel() override {
        const bool given_up = rpyc_async_result_cancel(result_);
        if (given_up)
            settle();
        return given_up;
    }

    bool expire_in(std::int64_t ms) override {
        rpyc_error *error = nullptr;
        check(rpyc_async_result_set_expiry(result_, ms, &error), error);
        return true;
    }

    std::shared_ptr<Awaited> before() override { return nullptr; }
    rpyc_async_result *request() override { return ready() ? nullptr : result_; }

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
                // The futures of the continuations keep their exceptions. There is no one else to report them to.
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
     * Runs the continuations that have not begun. The library runs none if the reply is not received in time. Without
     * this, a continuation that waits would wait for those behind it.
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
    std::mutex mutex_{};
    std::vector<std::weak_ptr<Once>> waiting_{};
};

/** A result that this program makes of another one. */
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
        // Handles received messages, which may contain the result or let continuations run.
        const auto now = Clock::now();
        if (awaited != nullptr && awaited->ready())
            awaited->wait(&now);
        const std::lock_guard<std::mutex> lock(mutex_);
        return done_;
    }

    bool wait(const Clock::time_point *end) override {
        const bool there = wait_done(end);
        if (there)
            run_continuations();  // a continuation that waits would wait for those behind it
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

    bool cancel() override {
        const auto awaited = before();
        return awaited != nullptr && awaited->cancel();
    }

    bool expire_in(std::int64_t ms) override {
        const auto awaited = before();
        return converted_ && (awaited == nullptr || awaited->expire_in(ms));
    }

    std::shared_ptr<Awaited> before() override {
        const std::lock_guard<std::mutex> lock(mutex_);
        return awaited_;
    }
    rpyc_async_result *request() override { return nullptr; }

    /** Marks it as the converted result of the state that it awaits. */
    void is_converted() noexcept { converted_ = true; }

    void await(std::shared_ptr<Awaited> awaited) {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            awaited_ = std::move(awaited);
        }
        changed_.notify_all();
    }

    /** Settles it with the result or the exception of `make`, unless it is settled already. */
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
        std::shared_ptr<Awaited> awaited;  // destroyed after unlocking: this may be the last handle of it
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            if (done_)
                return;
            // Moving a T may throw. Mark the result as settled all the same; otherwise waiting threads would never
            // return.
            try {
                if (value)
                    value_.emplace(*std::move(value));
            } catch (...) {
                failed = std::current_exception();
            }
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
            // The continuation is running in another thread, or awaits another state by now.
            const auto changed = [&] { return done_ || awaited_ != awaited; };
            if (end == nullptr)
                changed_.wait(lock, changed);
            else if (!changed_.wait_until(lock, *end, changed))
                return false;
        }
        return true;
    }

    /** Runs the continuations. Each is removed by one thread, which runs it. */
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
                // The futures of the continuations keep their exceptions. There is no one else to report them to.
            }
        }
    }

    std::mutex mutex_{};
    std::condition_variable changed_{};
    bool done_ = false, converted_ = false;
    std::optional<Stored> value_{};
    std::exception_ptr failed_{};
    std::shared_ptr<Awaited> awaited_{};
    std::deque<std::function<void()>> continuations_{};
};

}  // namespace detail

}  // namespace rpyc

#endif
