/** Asynchronous forms of the functions of objects, and waiting for several futures at once. */
#ifndef RPYC_ASYNC_HPP
#define RPYC_ASYNC_HPP

#include "future.hpp"

namespace rpyc {

namespace detail {

/** Calls one of the library's functions rpyc_object_..._async. */
template <class F, class... A>
Future<Value> ask_later(F function, const Object &object, A... args) {
    return asynchronous(object.hold(), [&](rpyc_async_result **out, rpyc_error **error) {
        return function(object.raw(), args..., std::int64_t{-1}, out, error);
    });
}

}  // namespace detail

inline Future<Value> Object::async_attr(const std::string &attribute) const {
    return detail::ask_later(rpyc_object_get_attr_async, *this, detail::name_text(attribute));
}
inline Future<Value> Object::async_set_attr(const std::string &attribute, Value value) const {
    const char *name = detail::name_text(attribute);  // checked before the value is released
    return detail::ask_later(rpyc_object_set_attr_async, *this, name, std::move(value).release());
}
inline Future<Value> Object::async_del_attr(const std::string &attribute) const {
    return detail::ask_later(rpyc_object_del_attr_async, *this, detail::name_text(attribute));
}
inline Future<Value> Object::async_get_item(Value key) const {
    return detail::ask_later(rpyc_object_get_item_async, *this, std::move(key).release());
}
inline Future<Value> Object::async_set_item(Value key, Value value) const {
    return detail::ask_later(rpyc_object_set_item_async, *this, std::move(key).release(), std::move(value).release());
}
inline Future<Value> Object::async_del_item(Value key) const {
    return detail::ask_later(rpyc_object_del_item_async, *this, std::move(key).release());
}
inline Future<Value> Object::async_contains(Value item) const {
    return detail::ask_later(rpyc_object_contains_async, *this, std::move(item).release());
}
inline Future<Value> Object::async_size() const { return detail::ask_later(rpyc_object_length_async, *this); }
inline Future<Value> Object::async_iter() const { return detail::ask_later(rpyc_object_iter_async, *this); }
inline Future<Value> Object::async_next() const { return detail::ask_later(rpyc_object_next_async, *this); }
inline Future<Value> Object::async_next_chunk(std::int64_t count) const {
    return detail::ask_later(rpyc_object_next_chunk_async, *this, count);
}
inline Future<Value> Object::async_str() const { return detail::ask_later(rpyc_object_str_async, *this); }
inline Future<Value> Object::async_repr() const { return detail::ask_later(rpyc_object_repr_async, *this); }
inline Future<Value> Object::async_hash() const { return detail::ask_later(rpyc_object_hash_async, *this); }
inline Future<Value> Object::async_dir() const { return detail::ask_later(rpyc_object_dir_async, *this); }
inline Future<Value> Object::async_inspect() const { return detail::ask_later(rpyc_object_inspect_async, *this); }
inline Future<Value> Object::async_compare(std::int32_t op, Value other) const {
    return detail::ask_later(rpyc_object_compare_async, *this, op, std::move(other).release());
}
inline Future<Value> Object::async_is_instance(const Object &klass) const {
    return detail::ask_later(rpyc_object_is_instance_async, *this, klass.raw());
}
inline Future<Value> Object::async_enter() const { return detail::ask_later(rpyc_object_enter_async, *this); }
inline Future<Value> Object::async_exit(const Error *why) const {
    const std::unique_ptr<rpyc_error, detail::FreeError> reason(detail::reason(why));
    return detail::ask_later(rpyc_object_exit_async, *this, static_cast<const rpyc_error *>(reason.get()));
}

// ---------------------------------------------------------------- several futures

namespace detail {

using AllAwaited = std::vector<std::shared_ptr<Awaited>>;

/** Requests without a reply, each with the object that keeps it. */
struct Requests {
    AllAwaited kept{};
    std::vector<rpyc_async_result *> raw{};

    /** Collects the requests behind the futures. A future without a request, such as one of a promise, adds none. */
    explicit Requests(const AllAwaited &all) {
        for (std::shared_ptr<Awaited> at : all) {
            if (at->ready())
                continue;
            while (const auto before = at->before())
                at = before;
            if (rpyc_async_result *request = at->request()) {
                kept.push_back(at);
                raw.push_back(request);
            }
        }
    }
};

inline Clock::duration left_until(const Clock::time_point *end) {
    return end == nullptr ? Clock::duration::max() : std::max(*end - Clock::now(), Clock::duration::zero());
}

/** Returns the index of a future that is ready; nothing if none is ready in time. */
inline std::optional<std::size_t> await_any(const AllAwaited &all, const Clock::time_point *end) {
    if (all.empty())
        throw UsageError(RPYC_ERR_ARGUMENT, "futures: expected at least one");
    for (;;) {
        for (std::size_t i = 0; i < all.size(); i++) {
            const auto now = Clock::now();
            if (all[i]->ready() && all[i]->wait(&now))
                return i;
        }
        const auto left = left_until(end);
        if (left <= Clock::duration::zero())
            return std::nullopt;
        // A future without a request can be settled by any thread, so check them all at intervals.
        const Clock::duration slice = std::min<Clock::duration>(left, std::chrono::milliseconds(20));
        const Requests requests(all);
        if (requests.raw.empty()) {
            const auto until = Clock::now() + slice;
            all[0]->wait(&until);
            continue;
        }
        std::size_t index = 0;
        const bool only = requests.raw.size() == all.size();
        const std::int64_t ms = only ? (end == nullptr ? -1 : milliseconds(left)) : milliseconds(slice);
        const rpyc_status status =
            rpyc_async_result_wait_any(requests.raw.data(), requests.raw.size(), ms, &index, nullptr);
        if (status == RPYC_OK)
            requests.kept[index]->wait(nullptr);  // runs its continuations, which may settle another future
        else if (status != RPYC_ERR_TIMEOUT)
            check(status, nullptr);
    }
}

/** Returns whether all of them are ready in time. */
inline bool await_all(const AllAwaited &all, const Clock::time_point *end) {
    // Wait for the requests together, so that the connections of all of them are served at once. Then wait for the
    // futures derived from them.
    for (;;) {
        const Requests requests(all);
        if (requests.raw.empty())
            break;
        const std::int64_t ms = end == nullptr ? -1 : milliseconds(left_until(end));
        const rpyc_status status = rpyc_async_result_wait_all(requests.raw.data(), requests.raw.size(), ms, nullptr);
        if (status == RPYC_ERR_TIMEOUT)
            break;
        check(status, nullptr);
        for (const auto &one : requests.kept)
            one->wait(nullptr);
    }
    return std::all_of(all.begin(), all.end(), [&](const auto &one) { return one->wait(end); });
}

template <class Futures>
AllAwaited awaited_of(const Futures &futures) {
    AllAwaited all;
    for (const auto &future : futures)
        all.push_back(future.state());
    return all;
}

}  // namespace detail

/**
 * Waits until one of the futures of a container is ready, and returns its index. Meanwhile the connections of the
 * futures are served, also if there are several.
 */
template <class Futures>
std::size_t wait_any(const Futures &futures) {
    return *detail::await_any(detail::awaited_of(futures), nullptr);
}
/** Waits until one of several futures is ready, which may have different types, and returns its index. */
template <class T, class... More>
std::size_t wait_any(const Future<T> &first, const Future<More> &...more) {
    return *detail::await_any({first.state(), more.state()...}, nullptr);
}
/**
 * Waits for a limited time until one of the futures is ready, and returns its index; nothing if none is ready in time.
 */
template <class Futures, class Rep, class Period>
std::optional<std::size_t> wait_any_for(const Futures &futures, std::chrono::duration<Rep, Period> time) {
    const auto end = detail::end_of(time);
    return detail::await_any(detail::awaited_of(futures), &end);
}

/** Waits until all futures of a container are ready. get() of each returns its result or throws. */
template <class Futures>
void wait_all(const Futures &futures) {
    detail::await_all(detail::awaited_of(futures), nullptr);
}
/** Waits until all of several futures are ready, which may have different types. */
template <class T, class... More>
void wait_all(const Future<T> &first, const Future<More> &...more) {
    detail::await_all({first.state(), more.state()...}, nullptr);
}
/** Waits for a limited time and returns whether all futures are ready. */
template <class Futures, class Rep, class Period>
bool wait_all_for(const Futures &futures, std::chrono::duration<Rep, Period> time) {
    const auto end = detail::end_of(time);
    return detail::await_all(detail::awaited_of(futures), &end);
}

}  // namespace rpyc

#endif
