/** Methods that are encoded once, and batches of calls that are sent together. */
#ifndef RPYC_BATCH_HPP
#define RPYC_BATCH_HPP

#include "async.hpp"

#include <exception>
#include <variant>

namespace rpyc {

namespace detail {

/** Converts an error of the library to an exception. */
inline std::exception_ptr exception_of(rpyc_error *owned) noexcept {
    try {
        throw_error(rpyc_error_status(owned), owned);
    } catch (...) {
        return std::current_exception();
    }
}

}  // namespace detail

/** The outcome of one call: a result or an error. */
template <class T = Value>
class Outcome {
public:
    /** Makes an outcome with a result. */
    explicit Outcome(T value) : held_(std::move(value)) {}
    /** Makes an outcome with an error. */
    explicit Outcome(std::exception_ptr error) noexcept : held_(std::move(error)) {}

    /** Returns whether the call succeeded. */
    bool ok() const noexcept { return held_.index() == 0; }
    /** Returns whether the call succeeded. */
    explicit operator bool() const noexcept { return ok(); }
    /** Returns the result, or throws the error. */
    const T &get() const {
        if (const auto *error = std::get_if<1>(&held_))
            std::rethrow_exception(*error);
        return *std::get_if<0>(&held_);
    }
    /** Returns the error; null if the call succeeded. */
    std::exception_ptr error() const noexcept { return ok() ? nullptr : *std::get_if<1>(&held_); }

private:
    std::variant<T, std::exception_ptr> held_;
};

namespace detail {

/** Makes the outcome of a call from what returns its result. */
template <class T, class F>
Outcome<T> outcome_of(F get) {
    try {
        return Outcome<T>(get());
    } catch (...) {
        return Outcome<T>(std::current_exception());
    }
}

/** The outcomes of several calls of one connection, when all of them are known. */
template <class T>
class Gathered final : public State<std::vector<Outcome<T>>> {
public:
    explicit Gathered(std::vector<std::shared_ptr<State<Value>>> parts) noexcept : parts_(std::move(parts)) {}

    bool ready() override {
        return std::all_of(parts_.begin(), parts_.end(), [](const auto &one) { return one->ready(); });
    }
    bool wait(const Clock::time_point *end) override {
        return await_all(AllAwaited(parts_.begin(), parts_.end()), end);
    }
    std::vector<Outcome<T>> get() override {
        wait(nullptr);
        std::vector<Outcome<T>> outcomes;
        outcomes.reserve(parts_.size());
        for (const auto &one : parts_)
            outcomes.push_back(outcome_of<T>([&]() -> T {
                if constexpr (std::is_same_v<T, Value>)
                    return one->get();
                else
                    return one->get().template as<T>();
            }));
        return outcomes;
    }
    void on_done(std::function<void()> then) override {
        if (parts_.empty()) {
            then();
            return;
        }
        const auto left = std::make_shared<std::atomic<std::size_t>>(parts_.size());
        const auto once = std::make_shared<std::function<void()>>(std::move(then));
        for (const auto &one : parts_)
            one->on_done([left, once] {
                if (--*left == 0)
                    (*once)();
            });
    }
    bool cancel() override {
        bool cancelled = false;
        for (const auto &one : parts_)
            cancelled = one->cancel() || cancelled;
        return cancelled;
    }
    bool expire_in(std::int64_t ms) override {
        for (const auto &one : parts_)
            if (!one->ready())
                one->expire_in(ms);
        return true;
    }
    std::shared_ptr<Awaited> before() override {
        const auto first = std::find_if(parts_.begin(), parts_.end(), [](const auto &one) { return !one->ready(); });
        return first == parts_.end() ? nullptr : *first;
    }
    rpyc_async_result *request() override { return nullptr; }

private:
    std::vector<std::shared_ptr<State<Value>>> parts_;
};

/** Collects the requests of a connection, and sends them when it ends. */
class Burst {
public:
    explicit Burst(const Hold &hold) noexcept : conn_(Hold::copy(hold.raw())) {
        if (conn_ != nullptr)
            rpyc_connection_cork(conn_, nullptr);  // if it fails, so do the requests
    }
    Burst(const Burst &) = delete;
    Burst &operator=(const Burst &) = delete;
    ~Burst() {
        if (conn_ == nullptr)
            return;
        rpyc_connection_flush(conn_, nullptr);
        rpyc_connection_free(conn_);
    }

private:
    rpyc_connection *conn_;
};

}  // namespace detail

/**
 * A method of an object, encoded once for many calls. Copies are the same prepared method.
 *
 *     const rpyc::Prepared add(root, "add");
 *     const std::int64_t sum = add(40, 2);
 */
class Prepared {
public:
    /** Prepares a method of an object. */
    Prepared(const Object &object, const std::string &method) : Prepared(object, detail::name_text(method)) {}
    /** Prepares a method of an object; nullptr for a call of the object itself. */
    Prepared(const Object &object, const char *method) : hold_(object.hold()) {
        rpyc_error *error = nullptr;
        const char *name = detail::is_call(method) ? nullptr : method;
        detail::check(rpyc_prepared_new(object.raw(), name, &raw_, &error), error);
    }
    /** Prepares calls of the object itself. */
    explicit Prepared(const Object &object) : Prepared(object, static_cast<const char *>(nullptr)) {}

    /** Makes another handle of the same prepared method. */
    Prepared(const Prepared &other) noexcept : hold_(other.hold_), raw_(rpyc_prepared_clone(other.raw_)) {}
    Prepared &operator=(const Prepared &other) noexcept {
        hold_ = other.hold_;
        rpyc_prepared_free(std::exchange(raw_, rpyc_prepared_clone(other.raw_)));
        return *this;
    }
    ~Prepared() { rpyc_prepared_free(raw_); }

    /**
     * Calls the method and waits for the reply. Keywords and rpyc::timeout may be among the arguments, as for
     * Object::call().
     */
    template <class... A>
    Value operator()(A &&...args) const {
        detail::Arguments arguments(nullptr, std::forward<A>(args)...);
        rpyc_value *keywords = arguments.release_keywords();
        const std::size_t count = arguments.count();
        return Value::got([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_prepared_call(raw_, arguments.release(), count, keywords, out, error);
        });
    }
    /** Calls the method and does not wait for the reply. */
    template <class... A>
    Future<Value> async(A &&...args) const {
        detail::Arguments arguments(nullptr, std::forward<A>(args)...);
        rpyc_value *keywords = arguments.release_keywords();
        const std::size_t count = arguments.count();
        return detail::asynchronous(hold_, [&](rpyc_async_result **out, rpyc_error **error) {
            return rpyc_prepared_call_async(raw_, arguments.release(), count, keywords, arguments.timeout_ms(), out,
                                            error);
        });
    }

    /**
     * Calls the method once for each item of a range, with the item as the argument, and does not wait. The requests
     * are sent together, in the order of the range. The future holds the outcome of each call, in the same order, when
     * all of them are known. All requests are outstanding at once: for a great number use a Batch, which has a window.
     *
     *     rpyc::Future<std::vector<rpyc::Outcome<int>>> squares = square.async_each<int>(numbers);
     */
    template <class T = Value, class Range>
    Future<std::vector<Outcome<T>>> async_each(const Range &range) const {
        static_assert(!detail::is_borrowed<T>::value,
                      "the value is destroyed before this is read: take std::string, bytes or Value");
        std::vector<std::shared_ptr<detail::State<Value>>> parts;
        {
            const detail::Burst burst(hold_);
            for (const auto &item : range) {
                try {
                    parts.push_back(async(item).state());
                } catch (...) {
                    const auto failed = std::make_shared<detail::Result<Value>>();
                    failed->settle([]() -> Value { throw; });
                    parts.push_back(failed);
                }
            }
        }
        return Future<std::vector<Outcome<T>>>(std::make_shared<detail::Gathered<T>>(std::move(parts)), hold_);
    }

    /** Returns the handle of the C library, borrowed. */
    rpyc_prepared *raw() const noexcept { return raw_; }
    /** For the library: returns the handle that keeps the connection open. */
    const detail::Hold &hold() const noexcept { return hold_; }

private:
    detail::Hold hold_;
    rpyc_prepared *raw_ = nullptr;
};

/**
 * Calls to objects of one connection that are sent together, with at most `window` of them waiting for a reply at any
 * time. Copies are the same batch, so that another thread can have one and cancel it.
 *
 *     rpyc::Batch batch;
 *     for (const int n : numbers)
 *         batch.add(square, n);
 *     for (const auto &outcome : batch.run<std::int64_t>())
 *         sum += outcome.get();
 */
class Batch {
public:
    /** Makes an empty batch; 0 for the default window of the library. */
    explicit Batch(std::size_t window = 0) {
        rpyc_error *error = nullptr;
        detail::check(rpyc_batch_new(window, &raw_, &error), error);
        try {
            count_ = std::make_shared<std::size_t>(0);
        } catch (...) {
            rpyc_batch_free(raw_);
            throw;
        }
    }
    /** Makes another handle of the same batch. */
    Batch(const Batch &other) noexcept : raw_(rpyc_batch_clone(other.raw_)), count_(other.count_) {}
    Batch &operator=(const Batch &other) noexcept {
        rpyc_batch_free(std::exchange(raw_, rpyc_batch_clone(other.raw_)));
        count_ = other.count_;
        return *this;
    }
    ~Batch() { rpyc_batch_free(raw_); }

    /** Adds a call. Nothing is sent before run(). */
    template <class... A>
    void add(const Prepared &method, A &&...args) {
        detail::Arguments arguments(nullptr, std::forward<A>(args)...);
        rpyc_value *keywords = arguments.release_keywords();
        const std::size_t count = arguments.count();
        rpyc_error *error = nullptr;
        detail::check(rpyc_batch_add(raw_, method.raw(), arguments.release(), count, keywords, &error), error);
        ++*count_;
    }
    /** Adds a call with one argument for each item of a range. */
    template <class Range>
    void add_each(const Prepared &method, const Range &range) {
        for (const auto &item : range)
            add(method, item);
    }

    /**
     * Makes the calls and returns the outcome of each, in the order in which they were added. Throws the errors that
     * end the batch itself: Timeout, Cancelled, Interrupted, and the end of the connection.
     */
    template <class T = Value>
    std::vector<Outcome<T>> run(std::int64_t timeout_ms = -1) {
        static_assert(!detail::is_borrowed<T>::value,
                      "the value is destroyed before this is read: take std::string, bytes or Value");
        std::vector<std::unique_ptr<Outcome<T>>> told(*count_);
        run_each(
            [&told](std::size_t index, const Outcome<Value> &outcome) {
                if (index >= told.size())
                    return;
                told[index] = std::make_unique<Outcome<T>>(detail::outcome_of<T>([&]() -> T {
                    if constexpr (std::is_same_v<T, Value>)
                        return outcome.get();
                    else
                        return outcome.get().template as<T>();
                }));
            },
            timeout_ms);
        std::vector<Outcome<T>> outcomes;
        outcomes.reserve(told.size());
        for (auto &one : told)
            if (one)
                outcomes.push_back(std::move(*one));
        return outcomes;
    }
    /** Makes the calls within a time, else throws Timeout. */
    template <class T = Value, class Rep, class Period>
    std::vector<Outcome<T>> run(std::chrono::duration<Rep, Period> time) {
        return run<T>(detail::milliseconds(time));
    }

    /**
     * Makes the calls and reports each outcome when it is known, by f(index, outcome) in this thread. If f throws, the
     * batch is cancelled, and the exception is thrown here at the end.
     */
    template <class F>
    void run_each(F &&f, std::int64_t timeout_ms = -1) {
        const Batch kept(*this);  // f may destroy this handle
        *kept.count_ = 0;
        struct Telling {
            F &f;
            const Batch &batch;
            std::exception_ptr thrown{};
        } telling{f, kept};
        const rpyc_batch_fn tell = [](std::size_t index, const rpyc_value *value, const rpyc_error *error,
                                      void *userdata) noexcept {
            auto &to = *static_cast<Telling *>(userdata);
            if (to.thrown)
                return;
            try {
                if (value != nullptr)
                    to.f(index, Outcome<Value>(Value::result(rpyc_value_clone(value))));
                else
                    to.f(index, Outcome<Value>(detail::exception_of(rpyc_error_clone(error))));
            } catch (...) {
                to.thrown = std::current_exception();
                rpyc_batch_cancel(to.batch.raw_);
            }
        };
        rpyc_error *error = nullptr;
        const rpyc_status status = rpyc_batch_run(kept.raw_, timeout_ms, tell, &telling, &error);
        if (telling.thrown) {
            rpyc_error_free(error);
            std::rethrow_exception(telling.thrown);
        }
        detail::check(status, error);
    }

    /** Cancels the run in progress, from any thread or from a callback. Returns false if none is in progress. */
    bool cancel() const noexcept { return rpyc_batch_cancel(raw_); }

private:
    rpyc_batch *raw_ = nullptr;
    std::shared_ptr<std::size_t> count_{};
};

}  // namespace rpyc

#endif
